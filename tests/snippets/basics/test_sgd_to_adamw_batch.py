"""What the explorable of the batch size claims: noise as 1/√B, SGD's excess loss as 1/B."""

import math
import random
import re

import numpy as np
import pytest
import torch

RATE = 0.1


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/sgd_to_adamw_batch.py")


@pytest.fixture(scope="module")
def single(g):
    """Gradient of each sample at w = b = 0, by autograd in float64: shape (1000, 2)."""
    rows = []
    for x, y in zip(g["inputs"].double(), g["targets"].double(), strict=True):
        theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        (theta[0] * x + theta[1] - y).square().sum().backward()
        rows.append(theta.grad)
    return torch.stack(rows).numpy()


def test_the_data_are_a_line_with_noise(g):
    x, y = g["inputs"].flatten(), g["targets"].flatten()
    assert torch.allclose(x, torch.linspace(-1, 1, 1000))
    noise = y - 2 * x - 3
    # a deviation has a relative standard error of sqrt(1 / 2000), a mean one of 0.5 / sqrt(1000)
    assert noise.std().item() == pytest.approx(0.5, rel=3 / math.sqrt(2000))
    assert abs(noise.mean().item()) < 3 * 0.5 / math.sqrt(1000)


def test_sigma_is_the_spread_of_single_gradients(g, single):
    spread = ((single - single.mean(0)) ** 2).sum(1).mean()
    assert g["sigma"] == pytest.approx(math.sqrt(spread), rel=1e-5)
    assert g["SIZES"] == [2**k for k in range(10)] == list(g["table"])


def test_the_noise_falls_as_one_over_the_root_of_the_batch(g, single):
    error = single - single.mean(0)
    square = (error**2).sum(1)
    covariance = np.cov(error.T, bias=True)
    for size, out in g["table"].items():
        # The variance of |mean error|², from the fourth moments of a mean of independent draws
        second = square.mean() / size
        fourth = (square**2).mean() / size**3
        pairs = square.mean() ** 2 + 2 * (covariance**2).sum()
        fourth += (size - 1) / size**3 * pairs
        relative = math.sqrt((fourth - second**2) / second**2)
        # 4 standard deviations of a root of a mean of 1000 (drawn: 150) squares
        expected = math.sqrt(second)
        assert out["noise"] == pytest.approx(expected, rel=2 * relative / 1000**0.5)
        drawn = np.array([out["w"], out["b"]]).T
        assert drawn.shape == (150, 2)
        scatter = math.sqrt(((drawn - single.mean(0)) ** 2).sum(1).mean())
        assert scatter == pytest.approx(expected, rel=2 * relative / 150**0.5)


def test_the_rows_print_what_was_found_beside_what_was_predicted(g):
    rows = [
        re.findall(r"= +([\d.]+)", row) for row in g.by_region["sweep"].splitlines()
    ]
    for (size, *row), (batch, out) in zip(rows, g["table"].items(), strict=True):
        assert int(size) == batch
        noise, predicted, excess = map(float, row)
        assert noise == pytest.approx(out["noise"], abs=6e-4)
        assert predicted == pytest.approx(g["sigma"] / batch**0.5, abs=6e-4)
        assert excess == pytest.approx(out["tail"], abs=6e-6)


def test_the_excess_loss_of_sgd_follows_the_moments_of_its_error(g):
    X, y = g["columns"].numpy(), g["targets"].double().numpy()[:, 0]
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    residual = X @ best - y
    assert g["lowest"] == pytest.approx((residual**2).mean(), rel=1e-5)
    hessian = 2 / len(X) * X.T @ X
    ratios = []
    for size, out in g["table"].items():
        # Mean and second moment of SGD's error, exact, step by step
        mean, second = -best, np.outer(best, best)
        expected = []
        for _ in range(151):
            expected.append(np.trace(hessian @ second) / 2)
            squares = np.einsum("ni,ij,nj->n", X, second, X)
            squares += 2 * residual * (X @ mean) + residual**2
            one = 4 / len(X) * np.einsum("n,ni,nj->ij", squares, X, X)
            many = hessian @ second @ hessian
            change = RATE**2 * (one / size + (1 - 1 / size) * many)
            change -= RATE * (hessian @ second + second @ hessian)
            mean, second = mean - RATE * hessian @ mean, second + change
        assert len(out["excess"]) == 151
        assert out["excess"][0] == pytest.approx(expected[0], rel=5e-3)
        assert out["tail"] == pytest.approx(np.mean(out["excess"][-50:]), rel=6e-3)
        ratios.append(out["tail"] / np.mean(expected[-50:]))
    # 50 steps hold about 50 · 2 · RATE · 2/3 ≈ 7 independent looks in one direction and more in the
    # other, so a single run may be off by half, up or down; ten of them by a sixth
    assert all(1 / 2.5 < ratio < 2.5 for ratio in ratios), ratios
    assert abs(np.mean(np.log(ratios))) < 0.45, ratios


def test_the_slopes_are_those_of_fitted_lines(g):
    for name, expected, about in (("noise", -0.5, 0.02), ("tail", -1, 0.2)):
        found = [out[name] for out in g["table"].values()]
        fitted, _ = np.polyfit(np.log(g["SIZES"]), np.log(found), 1)
        assert g["slopes"][name] == pytest.approx(fitted, abs=1e-4)
        assert fitted == pytest.approx(expected, abs=about)
        assert f"{name:5}  slope = {fitted:.3f}" in g.by_region["slopes"]


def test_a_stored_run_equals_a_fresh_one(g):
    for size in random.Random(0).sample(g["SIZES"], 3):
        assert g["run"](size) == g["table"][size]


def test_of_single_samples_half_disagree_about_w_and_none_about_b(g, single):
    full = single.mean(0)
    drawn = np.array([g["table"][1]["w"], g["table"][1]["b"]]).T
    assert full[0] < 0 and full[1] < 0
    share = (drawn > 0).mean(0)
    assert share[0] == pytest.approx(0.5, abs=3 * 0.5 / 150**0.5) and share[1] == 0
