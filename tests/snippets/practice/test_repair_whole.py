"""The repaired listing: it fits the line, holds data back and ends at the noise."""

import pytest
import torch

VARIANCE = 0.01


@pytest.fixture(scope="module")
def run(snippet):
    return snippet("practice/repair_whole.py")


@pytest.fixture(scope="module")
def printed(run):
    assert not list(run.folder.iterdir())
    return run.printed


def line(x, y):
    """Slope and intercept of least squares by the textbook's sums."""
    x, y = x.double().flatten(), y.double().flatten()
    dx = x - x.mean()
    w = ((dx * y).sum() / dx.square().sum()).item()
    return w, (y.mean() - w * x.mean()).item()


def test_repaired_listing_fits_the_line(run):
    x, y = run["train_set"].tensors
    assert x.shape == y.shape == (80, 1)
    assert run["x_test"].shape == run["y_test"].shape == (20, 1)
    w, b = line(x, y)
    assert run["w_final"] == pytest.approx(w, abs=0.03)
    assert run["b_final"] == pytest.approx(b, abs=0.03)
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    errors = 0.1 * torch.linalg.inv(X.T @ X).diagonal().sqrt()
    assert abs(run["w_final"] - 2) < 2 * errors[0]
    assert abs(run["b_final"] - 3) < 2 * errors[1]
    assert run["LinearRegression"]()(x).shape == (80, 1)


def test_repaired_listing_holds_data_back(run):
    x_train, _ = run["train_set"].tensors
    both = torch.cat([x_train, run["x_test"]]).flatten().sort().values
    assert torch.equal(both, torch.linspace(-1, 1, 100))
    assert run["x_test"].min() < -0.5 and run["x_test"].max() > 0.5
    for x, y in (run["train_set"].tensors, (run["x_test"], run["y_test"])):
        noise = y - 2 * x - 3
        assert noise.std().item() == pytest.approx(0.1, abs=0.05)
    assert [len(x) for x, _ in run["loader"]] == [16] * 5
    first, second = (torch.cat([x for x, _ in run["loader"]]) for _ in range(2))
    assert not torch.equal(first, second)


def test_repaired_listing_ends_at_the_noise(run):
    history = run["history"]
    assert len(history) == 40
    assert history[0] > 3
    x, y = run["train_set"].tensors
    w, b = line(x, y)
    floor = (w * x + b - y).square().mean().item()
    assert history[-1] == pytest.approx(floor, rel=0.15)
    error = run["w_final"] * run["x_test"] + run["b_final"] - run["y_test"]
    assert run["test_loss"] == pytest.approx(error.square().mean().item(), rel=1e-4)
    assert run["test_loss"] == pytest.approx(VARIANCE, abs=3 * VARIANCE * 0.1**0.5)
    assert not run["model"].training


# What the page prints

PRINTED = """\
epoch 0 train loss 8.2715
epoch 10 train loss 0.0120
epoch 20 train loss 0.0111
epoch 30 train loss 0.0110
w = 2.011 b = 2.996 test loss 0.0094
"""


def test_what_the_blocks_print(printed):
    """Word for word, and number for number up to the rounding of another machine."""
    words, expected = printed.split(), PRINTED.split()
    assert len(words) == len(expected)
    for word, wanted in zip(words, expected, strict=True):
        try:
            number = float(wanted)
        except ValueError:
            assert word == wanted
        else:
            assert float(word) == pytest.approx(number, rel=1e-3, abs=1.1e-3)
