"""What the checkers of the optimizer chapter let pass, and what they say of the rest."""

import ast
from pathlib import Path

import pytest
import torch

SNIPPET = (
    Path(__file__).resolve().parents[3] / "snippets/basics/optimizers_exercises.py"
)


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/optimizers_exercises.py")


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (
            lambda H: 1 / torch.linalg.eigvalsh(H).max(),
            "still makes the distance shrink",
        ),
        (lambda H: 2 / torch.trace(H), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.det(H), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.norm(H), "still makes the distance shrink"),
        (lambda H: 2 / H.abs().sum(1).max(), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.eigvalsh(H).min(), "makes the distance grow"),
        (lambda H: 2 / H.diagonal().max(), "makes the distance grow"),
        (lambda H: 2 / H.diagonal().mean(), "makes the distance grow"),
        (lambda H: 0.5, "makes the distance grow"),
        (lambda H: 1.99 / torch.linalg.eigvalsh(H).max() * 1.02, "grow"),
        (lambda H: 1.97 / torch.linalg.eigvalsh(H).max(), "shrink"),
        # right for the first two, wrong for a single parameter
        (
            lambda H: (2 if len(H) > 1 else 1) / torch.linalg.eigvalsh(H).max(),
            "shrink",
        ),
        (
            lambda H: (2 if len(H) > 1 else 3) / torch.linalg.eigvalsh(H).max(),
            "grow",
        ),
    ],
)
def test_wrong_limits_are_told_apart(g, limit, says):
    with pytest.raises(AssertionError, match=says):
        g["check_lr_limit"](limit)


def test_right_limit_passes(g):
    g["check_lr_limit"](lambda H: 2 / torch.linalg.matrix_norm(H, 2))
    H = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    assert g["largest_lr"](H) == pytest.approx(2 / 3)


ROWS = [
    ([[1.0, 0.0], [0.0, 10.0]],),
    ([[2.0, 1.0], [1.0, 5.0]],),
    ([[4.0]],),
]


def test_what_the_checkers_ask(g, asked):
    # Along the axes, across them, and in one dimension.
    assert asked(g["check_lr_limit"], g["largest_lr"]) == ROWS
    assert asked(g["check_momentum"], g["best_momentum"]) == ROWS


def ends(H):
    values = torch.linalg.eigvalsh(H)
    return values.min().item(), values.max().item()


def plain(H):
    """Gradient descent at its best."""
    low, high = ends(H)
    return 2 / (low + high), 0.0


def settings(H, power=0.5, square=2, factor=1.0):
    low, high = (value**power for value in ends(H))
    return factor * 4 / (low + high) ** 2, ((high - low) / (high + low)) ** square


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (plain, "is possible"),
        (lambda H: (plain(H)[0], settings(H)[1]), "is possible"),
        (lambda H: settings(H, square=1), "is possible"),  # β without its square
        (lambda H: settings(H, factor=0.97), "is possible"),
        (lambda H: settings(H, factor=1.03), "is possible"),
        (lambda H: (settings(H)[0], 0.9), "is possible"),
        (lambda H: settings(H, power=1), "is possible"),  # κ in place of its root
        (lambda H: settings(H, factor=4), "diverges"),
        (lambda H: (settings(H)[0], 1.0), "diverges"),
        (lambda H: settings(H)[::-1], "diverges|is possible"),
    ],
)
def test_wrong_settings_of_momentum_are_told_apart(g, wrong, says):
    with pytest.raises(AssertionError, match=says):
        g["check_momentum"](wrong)


def test_right_settings_pass_and_are_the_fastest(g):
    g["check_momentum"](settings)
    low, high = 1.0, 25.0
    H = torch.diag(torch.tensor([low, high], dtype=torch.float64))
    lr, beta = g["best_momentum"](H)
    assert (lr, beta) == (pytest.approx(4 / 36), pytest.approx((4 / 6) ** 2))

    def left(lr, beta, steps=400):
        p = torch.ones(2, dtype=torch.float64)
        v = torch.zeros_like(p)
        for _ in range(steps):
            v = beta * v + H @ p
            p = p - lr * v
        return p.norm().item()

    others = [(lr * a, beta * b) for a in (0.9, 1, 1.1) for b in (0.9, 1, 1.1)]
    assert min(others, key=lambda both: left(*both)) == (lr, beta)


@pytest.mark.parametrize("exercise", ["lr-limit", "momentum"])
def test_shown_solution_is_checked(exercise):
    # from the syntax tree: a page shows the call, and a reader runs it
    checker = "check_" + exercise.replace("-", "_")
    calls = [
        node.value
        for node in ast.parse(SNIPPET.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert names.count(checker) == 1
