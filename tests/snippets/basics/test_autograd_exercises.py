"""The exercises on autograd: right answers pass, wrong ones are told apart."""

import ast
import math
from pathlib import Path

import pytest
import torch
from torch import nn

SNIPPET = Path(__file__).resolve().parents[3] / "snippets/basics/autograd_exercises.py"


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/autograd_exercises.py")


def test_the_engine_is_the_chapters(g):
    here, there = (
        path.read_text("utf-8").split("[start:engine]\n")[1].split("# --8<--")[0]
        for path in (SNIPPET, SNIPPET.with_name("autograd.py"))
    )
    assert here == there
    assert {"Value", "lift", "history"} <= g.keys()
    total = g["lift"](2.0) * g["Value"](3.0)
    assert [node.data for node in g["history"](total)] == [6.0, 3.0, 2.0]


def test_right_softmax_passes(g):
    g["check_softmax"](lambda p, v: torch.diag(p) @ v - p * (p @ v))
    p, v = torch.softmax(torch.randn(5), 0), torch.randn(5)
    J = torch.diag(p) - p[:, None] * p
    assert torch.allclose(g["softmax_vjp"](p, v), J @ v, atol=1e-6)


@pytest.mark.parametrize(
    ("vjp", "says"),
    [
        (lambda p, v: p * (1 - p) * v, "only the diagonal"),
        (lambda p, v: p * v, "shifting x"),
        (lambda p, v: p * (v - 1), "shifting x"),
        (lambda p, v: -p * (v - p.dot(v)), "differs from torch"),
        (lambda p, v: 2 * p * (v - p.dot(v)), "differs from torch"),
    ],
)
def test_wrong_softmax_is_told_apart(g, vjp, says):
    with pytest.raises(AssertionError, match=says):
        g["check_softmax"](vjp)


def test_right_sigmoid_passes(g):
    g["check_sigmoid"](lambda a: (1 + (-a).exp()) ** -1.0)
    with pytest.raises(TypeError):
        1 / g["Value"](2.0)
    mine = g["Value"](0.4)
    its = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    ours, reference = g["sigmoid"](mine), torch.sigmoid(its)
    ours.backward()
    reference.backward()
    assert ours.data == pytest.approx(reference.item(), rel=1e-13)
    assert mine.grad == pytest.approx(its.grad.item(), rel=1e-12)


def test_wrong_sigmoid_is_told_apart(g):
    Value = g["Value"]

    def s(a):
        return 1 / (1 + math.exp(-a.data))

    wrong = [
        (lambda a: Value(s(a)), "the graph is cut"),
        (lambda a: s(a), "return a Value, not float"),
        (lambda a: Value(s(a), (a, s(a) * (1 - s(a)))), "a single one is written"),
        (lambda a: Value(s(a), ((a, s(a)),)), "has slope"),
        (lambda a: Value(s(a), ((a, 1.0),)), "has slope"),
        (lambda a: a.exp(), "wrong value"),
        (lambda a: a.tanh(), "wrong value"),
        (lambda a: Value(0.5, ((a, 0.25),)), "sigmoid.-1.5. = 0.5 is the wrong value"),
        # right on the left, wrong on the right
        (lambda a: Value(s(a), ((a, s(a) - s(a) ** 2 + (a.data > 1)),)), "a = 2.0: "),
        (
            lambda a: Value(s(a), ((a, s(a) * (1 - s(a)) if a.data else 0.0),)),
            "a = 0.0: ",
        ),
    ]
    for sigmoid, says in wrong:
        with pytest.raises(AssertionError, match=says):
            g["check_sigmoid"](sigmoid)


def accumulate(scale, clear=False):
    def run(model, batches):
        batches = list(batches)
        total = sum(len(x) for x, _ in batches)
        for x, y in batches:
            if clear:
                model.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            (loss * scale(len(x), total, len(batches))).backward()

    return run


def all_in_one(model, batches):
    x, y = map(torch.cat, zip(*batches, strict=True))
    nn.functional.mse_loss(model(x), y).backward()


def only_the_weight(model, batches):
    total = 0
    for x, y in batches:
        (nn.functional.mse_loss(model(x), y) * len(x)).backward()
        total += len(x)
    model.weight.grad /= total


def reads_twice(model, batches):
    total = sum(len(x) for x, _ in batches)
    for x, y in batches:
        (nn.functional.mse_loss(model(x), y) * len(x) / total).backward()


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (accumulate(lambda n, total, k: 1), "the means are simply added"),
        (accumulate(lambda n, total, k: 1 / k), "weight by samples"),
        (accumulate(lambda n, total, k: 1, clear=True), "only the last part is left"),
        (accumulate(lambda n, total, k: n / k), "differs from the gradient"),
        (accumulate(lambda n, total, k: 1 / n), "differs from the gradient"),
        (all_in_one, "once for each part: 3 times, not 1"),
        (only_the_weight, "that of the bias is not"),
        (reads_twice, "no gradient: was backward called"),
    ],
)
def test_wrong_accumulation_is_told_apart(g, run, says):
    with pytest.raises(AssertionError, match=says):
        g["check_accumulate"](run)


def test_right_accumulation_passes(g):
    g["check_accumulate"](accumulate(lambda n, total, k: n / total))
    model = nn.Linear(3, 1)
    x, y = torch.randn(7, 3), torch.randn(7, 1)
    g["accumulate"](model, zip(x.split(5), y.split(5), strict=True))
    expected = torch.autograd.grad(nn.functional.mse_loss(model(x), y), model.weight)[0]
    assert torch.allclose(model.weight.grad, expected, atol=1e-6)


def test_what_the_checkers_ask(g, asked):
    ((p, v),) = asked(g["check_softmax"], g["softmax_vjp"])
    powers = [math.exp(x) for x in (0.5, -1.0, 2.0, 0.0)]
    assert p == pytest.approx([power / sum(powers) for power in powers])
    assert v == [1.0, 2.0, -1.0, 0.5]
    numbers = []
    g["check_sigmoid"](lambda a: numbers.append(a.data) or (1 + (-a).exp()) ** -1.0)
    assert numbers == [-1.5, 0.0, 2.0]  # on both sides of zero, and at it
    ((model, batches),) = asked(g["check_accumulate"], g["accumulate"])
    assert [(len(x), len(y)) for x, y in batches] == [(6, 6), (3, 3), (1, 1)]
    assert {x.shape[1:] for x, _ in batches} == {(3,)} == {model.weight[0].shape}
    assert {y.shape[1:] for _, y in batches} == {(1,)}


@pytest.mark.parametrize("exercise", ["softmax", "sigmoid", "accumulate"])
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


def test_both_ways_to_a_sigmoid_overflow_where_the_library_does_not(g):
    for sigmoid in (g["sigmoid"], lambda a: (1 + (-a).exp()) ** -1.0):
        with pytest.raises(OverflowError):
            sigmoid(g["Value"](-800.0))
    assert torch.sigmoid(torch.tensor(-800.0)).item() == 0.0
