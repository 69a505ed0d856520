"""What the checker of the graphs accepts, and what it says of wrong answers."""

import contextlib

import pytest
import torch


@pytest.fixture(scope="module")
def g(snippet):
    torch._dynamo.reset()
    return snippet("concepts/frameworks_exercises.py")


def branching(x):
    if x.sum() < 0:
        return -x
    return 2 * x


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (branching, "no single graph: Data-dependent branching"),
        (lambda x: 2 * x, "not"),
        (lambda x: torch.where(x < 0, -x, 2 * x), r"f\(\[3.0, -1.0\]\) is"),
        (lambda x: torch.where(x.sum() > 0, 2 * x, x), r"f\(\[1.0, -3.0\]\) is"),
        (lambda x: torch.where(x.sum() > 0, 2 * x, -x), r"f\(\[1.0, -1.0\]\) is"),
        (lambda x: -x if x.sum().item() < 0 else 2 * x, "no single graph"),
        (
            lambda x: 2 * x if torch.compiler.is_compiling() else branching(x),
            "the graph has one branch only",
        ),
        (
            lambda x: -x if torch.compiler.is_compiling() else branching(x),
            "the graph has one branch only",
        ),
        (
            lambda x: torch.where(x[0] + x[1] < 0, -x, 2 * x),
            r"f\(\[1.0, -0.75, -0.75\]\)",
        ),
        (lambda x: branching(x).tolist(), "return a tensor, not list"),
    ],
)
def test_wrong_answers_are_told_apart(g, f, says):
    torch._dynamo.reset()
    with pytest.raises(AssertionError, match=says):
        g["check_one_graph"](f)


def test_right_answers_pass(g, asked):
    torch._dynamo.reset()
    told = []
    with contextlib.suppress(AssertionError):
        g["check_one_graph"](lambda x: told.append(x.tolist()) or branching(x))
    # Each sign of the sum, a sum of zero, and another length; then the export sees ones.
    cases = [[3.0, -1.0], [1.0, -3.0], [1.0, -1.0], [1.0, -0.75, -0.75]]
    assert told[:4] == cases
    torch._dynamo.reset()
    g["check_one_graph"](g["flip_or_double"])

    def in_place(x):
        x *= torch.where(x.sum() < 0, -1.0, 2.0)
        return x

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.two = torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return torch.where(x.sum() < 0, -x, self.two * x)

    g["check_one_graph"](in_place)
    g["check_one_graph"](Scaled())
    g["check_one_graph"](
        lambda x: torch.cond(x.sum() < 0, lambda x: -x, lambda x: 2 * x, (x,))
    )
