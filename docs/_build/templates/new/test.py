"""What the chapter @en@ claims."""

import pytest
import torch


@pytest.fixture(scope="module")
def run(snippet):
    return snippet("@path@.py")


def test_prints_what_it_computed(run):
    assert run.printed == "mean 3.00   error 4.67\n"
    assert run["mean"].item() == 3 == sum(run["values"].tolist()) / 3


def test_the_error_is_the_mean_of_squares(run):
    numbers, error = run["values"].tolist(), run["error"]
    for c in (-1.0, 0.5, 3.0, 8.0):
        by_hand = sum((number - c) ** 2 for number in numbers) / len(numbers)
        assert error(run["values"], torch.tensor(c)).item() == pytest.approx(by_hand)


def test_the_mean_has_the_least_error(run):
    least = run["error"](run["values"], run["mean"])
    for other in (-1.0, 2.9, 3.1, 8.0):
        assert run["error"](run["values"], torch.tensor(other)) > least


def test_integers_have_no_mean(run):
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        run["fails_integers"]()
    assert torch.tensor([1, 2, 6]).float().mean() == 3  # as the page mends it
