"""What the checkers of the deep-learning chapter accept, and what they say of wrong answers."""

from pathlib import Path

import pytest
import torch
from torch import nn

FILE = Path(__file__).parents[3] / "snippets/concepts/deep_learning_exercises.py"


@pytest.fixture(scope="module")
def dl(snippet):
    return snippet("concepts/deep_learning_exercises.py")


TRAIN = [0, 10, 5], [0.4, 20, 5], [0.2, 15, 5]


def test_what_the_checkers_ask(dl, asked):
    ((predict, x, y),) = asked(dl["check_risk"], dl["empirical_risk"])
    assert x == pytest.approx([0.1, 0.4, 0.6, 0.9, 0.3]) and y == [0, 3, 1, 1, 0]
    # At one half, and nowhere else, the rule says 1 for more.
    assert predict(torch.tensor([0.49, 0.5, 0.51])).tolist() == [0, 0, 1]
    ((train, test),) = asked(dl["check_scaling"], dl["scale"])
    # a range below one, one above, and none
    assert train == [pytest.approx(row) for row in TRAIN]
    # smaller and larger than in training, and another constant
    assert test == [pytest.approx(row) for row in ([0.8, 10, 6], [0.2, 30, 5])]


def test_solutions_pass(dl):
    taught = set(FILE.read_text("utf-8").splitlines())
    assert {"check_risk(empirical_risk)", "check_scaling(scale)"} <= taught
    assert "check_zigzag(zigzag_network(6))" in taught
    dl["check_risk"](dl["empirical_risk"])
    dl["check_scaling"](dl["scale"])
    dl["check_scaling"](lambda *both: dl["scale"](*(t.double() for t in both)))
    dl["check_zigzag"](dl["zigzag_network"](6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda f, x, y: (f(x) == y).float().mean(), "share of right answers"),
        (lambda f, x, y: (f(x) != y).sum(), "number of errors"),
        (lambda f, x, y: 0.5, r"risk is wrong: 0\.5000"),
        (lambda f, x, y: (f(x) - y).float().mean(), r"risk is wrong: -0\.6000"),
        (lambda f, x, y: (f(x) - y).abs().float().mean(), r"risk is wrong: 0\.6000"),
        (lambda f, x, y: (f(x) - y).square().float().mean(), r"wrong: 1\.8000"),
    ],
)
def test_check_risk_names_the_fault(dl, wrong, message):
    with pytest.raises(AssertionError, match=message):
        dl["check_risk"](wrong)


def span_of(*tensors):
    both = torch.cat(tensors)
    low, high = both.amin(0), both.amax(0)
    return low, torch.where(high > low, high - low, 1.0)


def each_by_itself(train, test):
    return tuple((t - span_of(t)[0]) / span_of(t)[1] for t in (train, test))


def by_all(train, test):
    low, span = span_of(train, test)
    return (train - low) / span, (test - low) / span


def by_zero(train, test):
    low, high = train.amin(0), train.amax(0)
    return (train - low) / (high - low), (test - low) / (high - low)


def nearly_by_zero(train, test):
    low, span = train.amin(0), (train.amax(0) - train.amin(0)).clamp(min=1e-8)
    return (train - low) / span, (test - low) / span


def by_one_at_least(train, test):
    low, span = train.amin(0), (train.amax(0) - train.amin(0)).clamp(min=1)
    return (train - low) / span, (test - low) / span


def all_columns_together(train, test):
    low, high = train.min(), train.max()
    return (train - low) / (high - low), (test - low) / (high - low)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (each_by_itself, "by the training minimum and range"),
        (by_all, "training data is not 0…1"),
        (all_columns_together, "training data is not 0…1"),
        (by_zero, "divided by zero"),
        (lambda train, test: (train, test), "training data is not"),
        (nearly_by_zero, "a constant feature is only shifted"),
        (by_one_at_least, "training data is not"),
    ],
)
def test_check_scaling_names_the_fault(dl, wrong, message):
    with pytest.raises(AssertionError, match=message):
        dl["check_scaling"](wrong)


def shallow(units):
    return nn.Sequential(nn.Linear(1, units), nn.ReLU(), nn.Linear(units, 1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda dl: shallow(63), "too many hidden units: 63 > 12"),
        (lambda dl: shallow(13), "too many hidden units: 13 > 12"),
        (lambda dl: dl["zigzag_network"](5), "pieces: 32 != 64"),
        (lambda dl: dl["zigzag_network"](7), "units: 14 > 12"),
        (lambda dl: nn.Sequential(nn.Linear(1, 12), nn.Linear(12, 1)), "no nonlin"),
        (
            lambda dl: nn.Sequential(
                nn.Linear(1, 99), nn.Identity(), nn.ReLU(), nn.Linear(99, 1)
            ),
            "each ReLU must come right after an nn.Linear",
        ),
    ],
)
def test_check_zigzag_names_the_fault(dl, wrong, message):
    with pytest.raises(AssertionError, match=message):
        dl["check_zigzag"](wrong(dl))


def test_zigzag_network_is_the_zigzag(dl):
    x = torch.linspace(0, 1, 257)
    net, waves = dl["zigzag_network"](3), 1 - (8 * x % 2 - 1).abs()
    assert torch.allclose(net(x[:, None])[:, 0], waves, atol=1e-6)


def test_scale_leaves_constants_finite(dl):
    train, test = torch.tensor([[1.0, 2.0], [1.0, 4.0]]), torch.tensor([[3.0, 8.0]])
    new_train, new_test = dl["scale"](train, test)
    assert new_train.tolist() == [[0, 0], [0, 1]]
    assert new_test.tolist() == [[2, 3]]
