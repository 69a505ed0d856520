"""What the explorable of the learning rate claims: the limit, what lies below and above it."""

import math
import random

import pytest
import torch


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("practice/linear_regression_rate.py")


def test_the_data_are_a_line_with_noise(g):
    x, y = g["x"].flatten(), g["y"].flatten()
    assert torch.allclose(x, torch.linspace(-1, 1, 100))
    noise = y - 2 * x - 3
    # a deviation has a relative standard error of sqrt(1 / 200), a mean one of 0.1 / sqrt(100)
    assert noise.std().item() == pytest.approx(0.1, rel=3 / math.sqrt(200))
    assert abs(noise.mean().item()) < 3 * 0.1 / math.sqrt(100)


def test_the_limit_is_two_over_the_largest_eigenvalue_of_the_hessian(g):
    x, y = g["x"], g["y"]

    def loss(theta):
        return (theta[0] * x + theta[1] - y).square().mean()

    hessian = torch.func.hessian(loss)(torch.zeros(2))
    assert torch.allclose(hessian, g["hessian"], atol=1e-5)
    assert g["limit"] == pytest.approx(2 / torch.linalg.eigvalsh(hessian).max().item())
    assert min(g["RATES"]) < 0.01 * g["limit"] and max(g["RATES"]) > 1.1 * g["limit"]
    assert sorted(g["RATES"]) == g["RATES"]


def test_the_loss_shrinks_below_the_limit_and_grows_above_it(g):
    for rate, out in g["table"].items():
        assert len(out["loss"]) == 41 and out["last"] == out["loss"][40]
        early, late = out["loss"][0], out["last"]
        if rate < 0.99 * g["limit"]:
            assert late < early / 1.1, rate
            assert all(
                a >= b for a, b in zip(out["loss"], out["loss"][1:], strict=False)
            )
        elif rate > 1.01 * g["limit"]:
            assert late > 10 * early, rate
            assert out["loss"][40] > out["loss"][39] > out["loss"][38]


def test_every_run_follows_the_factor_of_each_direction(g):
    x, y = g["x"].double(), g["y"].double()
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    best = torch.linalg.lstsq(X, y).solution.flatten()
    values, vectors = torch.linalg.eigh(2 / len(x) * X.T @ X)
    steps = torch.arange(41)[:, None]
    for rate, out in g["table"].items():
        errors = (1 - rate * values) ** steps * (-best @ vectors)
        expected = best + errors @ vectors.T
        found = torch.tensor([out["w"], out["b"]], dtype=torch.float64).T
        if rate > 1.1:  # rounding in float32 grows with the error
            expected, found = expected[:20], found[:20]
        assert torch.allclose(found, expected, rtol=1e-3, atol=2e-3), rate


def test_a_stored_run_equals_a_fresh_one(g):
    for rate in random.Random(0).sample(g["RATES"], 5):
        assert g["run"](rate) == g["table"][rate]
