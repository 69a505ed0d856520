"""What the explorable of the two moons claims, against scikit-learn's logistic regression."""

import math
import random
from itertools import product

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/neural_networks_moons.py")


@pytest.fixture(scope="module")
def line(g):
    """The least loss of any straight line, and its accuracy."""
    x, y = g["points"], g["classes"]
    model = LogisticRegression(C=1e9, max_iter=1000).fit(x, y)
    return log_loss(y, model.predict_proba(x)), model.score(x, y)


def models(g, monkeypatch):
    """Keep the models that ``run`` builds from now on."""
    built = []

    class Kept(nn.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            built.append(self)

    monkeypatch.setattr(nn, "Sequential", Kept)
    return built


def test_the_knobs(g):
    assert list(g["table"]) == list(
        product([0, 1, 2, 3], [2, 4, 8, 16], ["identity", "relu", "tanh"])
    )
    assert len(g["points"]) == 200 and g["classes"].mean() == 0.5


def test_a_network_has_the_depth_width_and_activation_of_its_knobs(g, monkeypatch):
    built = models(g, monkeypatch)
    for depth, width, activation in [(0, 16, "relu"), (1, 4, "tanh"), (3, 8, "relu")]:
        g["run"](depth, width, activation)
        linear = [m for m in built[-1] if isinstance(m, nn.Linear)]
        bends = [m for m in built[-1] if isinstance(m, (nn.ReLU, nn.Tanh))]
        assert [m.out_features for m in linear] == [width] * depth + [1]
        kind = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
        assert [type(m) for m in bends] == [kind] * depth


def test_without_a_hidden_layer_width_and_activation_do_nothing(g):
    found = [out for (depth, *_), out in g["table"].items() if depth == 0]
    assert len(found) == 12 and all(out == found[0] for out in found)
    assert found[0]["accuracy"] < 0.9


def test_identity_ends_at_the_least_loss_of_a_straight_line(g, line):
    for (depth, _, activation), out in g["table"].items():
        if activation == "identity" and depth > 0:
            assert out["last"] == pytest.approx(line[0], abs=2e-4)
            assert out["accuracy"] == pytest.approx(line[1]) and line[1] < 0.9
        elif depth == 0:
            assert line[0] < out["last"] < 1.05 * line[0]


def test_sixteen_units_that_bend_separate_the_moons_at_every_seed(g, line, monkeypatch):
    for depth, activation in product([1, 2, 3], ["relu", "tanh"]):
        out = g["table"][depth, 16, activation]
        assert out["accuracy"] >= 0.985 and out["last"] < 0.1 * line[0]
    seed = torch.manual_seed
    for other in (1, 2):
        monkeypatch.setattr(torch, "manual_seed", lambda _, n=other: seed(n))
        for activation in ("relu", "tanh"):
            assert g["run"](1, 16, activation)["accuracy"] >= 0.98


def test_more_tanh_units_bend_further(g):
    two, four, eight = (g["table"][1, width, "tanh"] for width in (2, 4, 8))
    assert two["accuracy"] < 0.9 < 0.95 < four["accuracy"] < eight["accuracy"]
    assert two["last"] > 2 * four["last"] > 4 * eight["last"]


def test_eight_relu_units_stall_though_weights_for_them_exist(g, line, monkeypatch):
    stalled = g["table"][1, 8, "relu"]
    assert stalled["accuracy"] <= line[1] + 0.005
    assert stalled["loss"][30] - stalled["last"] < 0.01  # no longer on its way
    seed = torch.manual_seed
    best = 0
    for other in range(1, 12):
        monkeypatch.setattr(torch, "manual_seed", lambda _, n=other: seed(n))
        best = max(best, g["run"](1, 8, "relu")["accuracy"])
        if best > 0.97:
            break
    assert best > 0.97  # another start finds them


def test_three_narrow_relu_layers_die(g, monkeypatch):
    out = g["table"][3, 2, "relu"]
    assert out["last"] == pytest.approx(math.log(2), abs=1e-3)
    assert out["accuracy"] == 0.5
    assert len({cell for row in out["p"] for cell in row}) == 1
    built = models(g, monkeypatch)
    g["run"](3, 2, "relu")
    hidden, silent = g["x"], False
    for layer in built[-1]:
        hidden = layer(hidden)
        silent |= isinstance(layer, nn.ReLU) and not hidden.any()
    assert silent
    assert not built[-1][0].weight.grad.any()


def test_the_cells_show_the_probability_at_their_centres(g, monkeypatch):
    built = models(g, monkeypatch)
    p = g["run"](2, 4, "tanh")["p"]
    assert [len(row) for row in p] == [32] * 24
    with torch.no_grad():
        for row, column in product(range(24), range(32)):
            centre = torch.tensor([[-1.5 + (column + 0.5) / 8, 1.75 - (row + 0.5) / 8]])
            share = torch.sigmoid(built[-1](centre)).item()
            assert int(p[row][column]) == pytest.approx(10 * share - 0.5, abs=0.51)
    # Most points lie in a cell of their class.
    hits = 0
    for (left, up), label in zip(g["points"], g["classes"], strict=True):
        cell = p[int((1.75 - up) * 8)][int((left + 1.5) * 8)]
        hits += (int(cell) >= 5) == bool(label)
    assert hits >= 190


def test_the_loss_and_the_accuracy_are_those_of_the_model(g, monkeypatch):
    built = models(g, monkeypatch)
    out = g["run"](1, 4, "tanh")
    with torch.no_grad():
        p = torch.sigmoid(built[-1](g["x"])).double().numpy()
    assert len(out["loss"]) == 41 and out["loss"][-1] == out["last"]
    assert out["last"] == pytest.approx(log_loss(g["classes"], p), abs=1e-4)
    assert out["accuracy"] == ((p > 0.5) == g["classes"]).mean()
    assert out["loss"][0] == pytest.approx(math.log(2), abs=0.15)


def test_a_stored_run_equals_a_fresh_one(g):
    for position in random.Random(0).sample(list(g["table"]), 5):
        assert g["run"](*position) == g["table"][position]


def test_two_tanh_units_could_do_better_than_this_run_makes_them(g, line):
    left, up = g["x"][:, 0] - 0.5, g["x"][:, 1]
    z = torch.tanh(0.72 * (up - 1.2 * left - 0.25)) + 0.7 * torch.tanh(3 * left)
    could = ((z < 0) == (g["y"] > 0.5)).double().mean().item()
    assert could > 0.98 > g["table"][1, 2, "tanh"]["accuracy"] + 0.1
    # eight ReLU units: no more points than a line gets, but a lower loss
    assert g["table"][1, 8, "relu"]["last"] < line[0] - 0.02
