"""What the explorable of the temperature claims, against the definitions in NumPy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/losses_temperature.py")


def test_every_position_follows_the_definitions(g):
    z = g["logits"].numpy()
    for (temperature, right), out in g["table"].items():
        p = np.exp(z / temperature) / np.exp(z / temperature).sum()
        assert out["p"] == pytest.approx(p.tolist(), abs=1e-4)
        assert out["entropy"] == pytest.approx(-(p * np.log(p)).sum(), abs=1e-4)
        assert out["loss"] == pytest.approx(-np.log(p["ABCDE".index(right)]), abs=1e-4)
        # No temperature changes the order of the classes.
        assert out["p"] == sorted(out["p"], reverse=True)


def test_temperature_one_is_softmax(g):
    plain = F.softmax(g["logits"], dim=0).tolist()
    assert g["table"][1.0, "A"]["p"] == pytest.approx(plain, abs=1e-4)


def test_the_entropy_rises_from_zero_to_ln_5(g):
    assert sorted(g["TEMPERATURES"]) == g["TEMPERATURES"]
    entropy = [g["table"][t, "A"]["entropy"] for t in g["TEMPERATURES"]]
    assert all(a < b for a, b in zip(entropy, entropy[1:], strict=False))
    assert entropy[0] < 0.01 and entropy[-1] > math.log(5) - 0.001
    assert entropy == [g["table"][t, "E"]["entropy"] for t in g["TEMPERATURES"]]


def test_which_temperature_costs_least(g):
    losses = {
        right: [g["table"][t, right]["loss"] for t in g["TEMPERATURES"]]
        for right in "ABE"
    }
    assert losses["A"] == sorted(losses["A"])
    assert losses["E"] == sorted(losses["E"], reverse=True)
    assert losses["E"][-1] > math.log(5)
    assert min(losses["B"]) < min(losses["B"][0], losses["B"][-1]) - 0.1
    assert losses["B"][0] > 5
    for right in "ABE":
        assert losses[right][-1] == pytest.approx(math.log(5), abs=0.02)


def test_the_derivative_is_the_mean_logit_minus_the_right_one(g):
    for temperature in (0.5, 2.0):
        cold = torch.tensor(1 / temperature, dtype=torch.float64, requires_grad=True)
        F.cross_entropy(g["logits"] * cold, torch.tensor(1)).backward()
        p = F.softmax(g["logits"] / temperature, dim=0)
        mean = (p * g["logits"]).sum()
        assert torch.allclose(cold.grad, mean - g["logits"][1])
    # The sign changes where B's loss is least: on either side of the best on the slider.
    best = min(g["TEMPERATURES"], key=lambda t: g["table"][t, "B"]["loss"])
    at = g["TEMPERATURES"].index(best)
    below, above = g["TEMPERATURES"][at - 1], g["TEMPERATURES"][at + 1]
    mean = [(F.softmax(g["logits"] / t, 0) * g["logits"]).sum() for t in (below, above)]
    assert mean[0] > g["logits"][1] > mean[1]


def test_a_stored_run_equals_a_fresh_one(g):
    for position, out in g["table"].items():
        assert g["run"](*position) == out
