"""What the explorable of the outlier claims: MSE follows without end, Huber and L1 stop."""

import itertools
import math
import random

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/losses_outlier.py")


@pytest.fixture(scope="module")
def fits(g):
    """Outlier, the data with it in float64, the run."""
    x = g["x"].double().numpy()[:, 0]
    found = []
    for outlier, out in g["table"].items():
        y = g["clean"].double().numpy()[:, 0].copy()
        y[-1] = outlier
        found.append((outlier, x, y, out))
    return found


def test_the_data_are_a_line_with_noise(g):
    x, noise = g["x"], g["clean"] - 2 * g["x"] - 1
    assert torch.allclose(x[:, 0], torch.linspace(-1, 1, 11))
    # a deviation has a relative standard error of sqrt(1 / 20), a mean one of 0.3 / sqrt(11)
    assert noise.std().item() == pytest.approx(0.3, rel=3 / math.sqrt(20))
    assert abs(noise.mean().item()) < 3 * 0.3 / math.sqrt(11)


def line(out, name):
    """Slope and intercept of the stored line, which is kept by its heights at -1 and 1."""
    left, right = out[name]
    assert out[f"{name}_slope"] == pytest.approx((right - left) / 2, abs=1.1e-3)
    return out[f"{name}_slope"], (left + right) / 2


def test_mse_solves_the_normal_equations_and_is_linear_in_the_outlier(g, fits):
    for _, x, y, out in fits:
        assert line(out, "mse") == pytest.approx(tuple(np.polyfit(x, y, 1)), abs=2e-3)
    x = fits[0][1]
    lever = (x[-1] - x.mean()) / ((x - x.mean()) ** 2).sum()
    first, start = fits[0][0], fits[0][3]["mse_slope"]
    for outlier, _, _, out in fits:
        expected = start + lever * (outlier - first)
        assert out["mse_slope"] == pytest.approx(expected, abs=2e-3)
    assert g["lever"] == pytest.approx(lever, rel=1e-5)


def test_huber_balances_its_pulls_and_stops_where_the_pull_is_capped(fits):
    capped = {-1: set(), 1: set()}
    for outlier, x, y, out in fits:
        w, b = line(out, "huber")
        pull = np.clip(w * x + b - y, -1, 1)
        assert abs(pull.mean()) < 1e-3 and abs((pull * x).mean()) < 1e-3
        if abs(residual := outlier - w - b) > 1:
            capped[int(np.sign(residual))].add(w)
    assert all(np.ptp(list(slopes)) < 2e-3 for slopes in capped.values()), capped
    assert max(capped[1]) - min(capped[-1]) < 0.8


def test_from_2_to_4_the_residuals_of_hubers_line_but_not_l1s_are_within_delta(fits):
    worst = {
        name: {
            outlier: np.abs(np.polyval(line(out, name), x) - y).max()
            for outlier, x, y, out in fits
        }
        for name in ("huber", "l1")
    }
    assert {k for k, most in worst["huber"].items() if most <= 1} == {2, 3, 4}
    assert worst["l1"][4] > 1


def test_within_delta_huber_and_mse_choose_the_same_line(g):
    for outlier in (2, 3, 4):
        out = g["table"][outlier]
        assert out["huber"] == pytest.approx(out["mse"], abs=2e-3)
    for outlier in (1, 5):
        out = g["table"][outlier]
        assert abs(out["huber_slope"] - out["mse_slope"]) > 0.05


def test_l1_is_optimal_and_changes_only_with_the_side(fits):
    sides = {-1: set(), 1: set()}
    for outlier, x, y, out in fits:
        w, b = line(out, "l1")
        # Some optimal line passes through two of the points
        least = min(
            np.abs(y[i] + (y[j] - y[i]) / (x[j] - x[i]) * (x - x[i]) - y).mean()
            for i, j in itertools.combinations(range(len(x)), 2)
        )
        assert least - 1e-9 <= np.abs(w * x + b - y).mean() < least + 1e-3
        sides[int(np.sign(outlier - w - b))].add(w)
    assert all(sides.values())
    assert all(np.ptp(list(slopes)) < 2e-3 for slopes in sides.values()), sides
    assert abs(max(sides[1]) - max(sides[-1])) < 0.3


def test_far_out_only_mse_is_moved(g):
    near, far = g["table"][6], g["table"][12]
    assert far["mse_slope"] - near["mse_slope"] > 1
    assert far["huber_slope"] == pytest.approx(near["huber_slope"], abs=2e-3)
    assert far["l1_slope"] == pytest.approx(near["l1_slope"], abs=2e-3)


def test_a_stored_run_equals_a_fresh_one(g):
    for outlier in random.Random(0).sample(g["OUTLIERS"], 2):
        assert g["run"](outlier) == g["table"][outlier]
