"""What the checker of the chapter @en@ accepts, and what it says of wrong answers."""

from pathlib import Path

import pytest
import torch

FILE = Path(__file__).parents[3] / "snippets" / "@path@_exercises.py"


@pytest.fixture(scope="module")
def run(snippet):
    return snippet("@path@_exercises.py")


def test_what_the_checker_asks(run, asked):
    assert asked(run["check_centred"], run["centred"]) == [
        ([[1, 10], [2, 30], [6, 50]],)
    ]


def test_the_solution_passes(run):
    assert "check_centred(centred)" in FILE.read_text("utf-8").splitlines()
    run["check_centred"](run["centred"])
    x = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert run["centred"](x).tolist() == [[-1, -2], [1, 2]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x - x.mean(), "that is the mean of all numbers"),
        (
            lambda x: x - x.mean(1, keepdim=True),
            "the means of the columns must be zero",
        ),
        (lambda x: x, r"must be zero, not \[3\.0, 30\.0\]"),
        (lambda x: x.mean(0), r"the shape must be \(3, 2\), not \(2,\)"),
        (lambda x: 2 * (x - x.mean(0)), "not x minus a mean"),
        (lambda x: x - x.mean(0) + 1e-3, "must be zero"),
    ],
)
def test_the_checker_names_the_fault(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_centred"](wrong)
