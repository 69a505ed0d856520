"""What the checkers of the background chapter accept, and what they say of wrong answers."""

from pathlib import Path

import pytest
import torch

FILE = Path(__file__).parents[3] / "snippets/concepts/background_exercises.py"


@pytest.fixture(scope="module")
def bg(snippet):
    return snippet("concepts/background_exercises.py")


def ascend(w, x, y, lr):
    return w + lr * (2 * x * (w * x - y)).mean()


def sums(w, x, y, lr):
    return w - lr * (2 * x * (w * x - y)).sum()


def changes_w(w, x, y, lr):
    w -= lr * (2 * x * (w * x - y)).mean()
    return w


def forgets_lr(w, x, y, lr):
    return w - (2 * x * (w * x - y)).mean()


def marks_w(w, x, y, lr):
    loss = ((w.requires_grad_() * x - y) ** 2).mean()
    loss.backward()
    return w.detach() - lr * w.grad


def gives_a_number(w, x, y, lr):
    return (w - lr * (2 * x * (w * x - y)).mean()).item()


def test_solutions_are_checked_where_they_stand():
    taught = FILE.read_text("utf-8").splitlines()
    assert {"check_step(step)", "check_score(score)"} <= set(taught)


def test_what_the_checkers_ask(bg, asked):
    ((w, x, y, lr),) = asked(bg["check_step"], bg["step"])
    assert (w, x, y, lr) == (0.5, [1.0, 2.0, 4.0], [3.0, 6.0, 12.0], 0.01)
    ((pixels, weights),) = asked(bg["check_score"], bg["score"])
    assert pixels == [[0, 51, 204], [204, 102, 0]]  # none is 255
    assert weights == [1.0, 2.0, -1.0]


def test_check_step_passes_solutions(bg):
    bg["check_step"](bg["step"])
    bg["check_step"](lambda w, x, y, lr: w - lr * (2 * x * (w * x - y)).mean())
    bg["check_step"](lambda w, *rest: bg["step"](w.double(), *rest))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ascend, "points uphill"),
        (sums, "the mean, not the sum"),
        (changes_w, "changed the w"),
        (gives_a_number, "return a tensor"),
        (forgets_lr, r"the new w is wrong: 35\.5000 != 0\.8500"),
        (marks_w, "changed the w"),
        (lambda w, x, y, lr: w - lr * 2 * x * (w * x - y), r"a scalar, .* not \(3,\)"),
    ],
)
def test_check_step_names_the_fault(bg, wrong, message):
    with pytest.raises(AssertionError, match=message):
        bg["check_step"](wrong)


def test_solution_step(bg):
    w = torch.tensor(1.0)
    new = bg["step"](w, torch.tensor([2.0]), torch.tensor([0.0]), 0.1)
    assert new.item() == pytest.approx(1 - 0.1 * 2 * 2 * 2)
    assert not new.requires_grad
    assert w.item() == 1


def test_check_score_passes_solutions(bg):
    bg["check_score"](bg["score"])
    bg["check_score"](lambda p, w: (p.float() / 255 * w).sum(1))
    bg["check_score"](lambda p, w: p / 255 @ w)  # true division, also of integers
    bg["check_score"](lambda p, w: p.double() / 255 @ w.double())
    with pytest.raises(RuntimeError, match="same dtype"):
        torch.ones(1, dtype=torch.uint8) / 255 @ torch.ones(1).double()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p, w: p.float() @ w, "not scaled"),
        (lambda p, w: (p // 255).float() @ w, "integer division"),
        (
            lambda p, w: (p.float() / 255) @ w.unsqueeze(1),
            r"shape \(2,\), not \(2, 1\)",
        ),
        (lambda p, w: p.long() @ w.long() // 255, r"floating point, not torch\.int64"),
        (lambda p, w: (p.float() / 256) @ w, "scores are wrong"),
        (lambda p, w: (p.float() / 51) @ w, "scores are wrong"),
        (lambda p, w: (p.float() / p.max()) @ w, "scores are wrong"),
        (lambda p, w: (p / p.amax(1, keepdim=True)) @ w, "scores are wrong"),
    ],
)
def test_check_score_names_the_fault(bg, wrong, message):
    with pytest.raises(AssertionError, match=message):
        bg["check_score"](wrong)
