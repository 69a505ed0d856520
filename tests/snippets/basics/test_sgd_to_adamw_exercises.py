"""What the checkers of the chapter on AdamW let pass, and what they say of the rest."""

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

SNIPPET = (
    Path(__file__).resolve().parents[3] / "snippets/basics/sgd_to_adamw_exercises.py"
)
A = torch.tensor([[3.0, 1.0], [1.0, 0.5]], dtype=torch.float64)
FAR = torch.tensor([4.0, -7.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/sgd_to_adamw_exercises.py")


def bowl(p):
    """A smooth function that is not a quadratic."""
    return (p @ A * p).sum(-1).sqrt().mul(3).exp().log1p() + p.square().sum(-1) / 9


@pytest.mark.parametrize("defaults", [False, True])
def test_adamax_is_torchs(g, snippet, defaults):
    descend = snippet("basics/sgd_to_adamw.py")["descend"]
    ours = {} if defaults else {"beta1": 0.6, "beta2": 0.8, "eps": 0.1}
    theirs = {} if defaults else {"betas": (0.6, 0.8), "eps": 0.1}
    mine = descend(g["adamax"], bowl, FAR, 60, lr=0.05, **ours)
    theta = FAR.clone().requires_grad_()
    optimizer = torch.optim.Adamax([theta], lr=0.05, **theirs)
    for position in mine:
        assert torch.allclose(position, theta, rtol=1e-11, atol=1e-13)
        optimizer.zero_grad()
        bowl(theta).backward()
        optimizer.step()


def test_default_eps_is_torchs(g):
    # a gradient as small as eps makes eps half of the divisor
    tiny = torch.tensor([1e-10, 1e-8], dtype=torch.float64)
    theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    theta.grad = tiny.clone()
    torch.optim.Adamax([theta], lr=0.05).step()
    step = g["adamax"](torch.zeros(2).double(), tiny, {}, lr=0.05)
    assert torch.allclose(step, theta, rtol=1e-9)


def test_valley_and_start_are_those_of_the_chapter(g, snippet):
    chapter = snippet("basics/sgd_to_adamw.py")
    assert torch.equal(g["start"], chapter["start"])
    assert torch.equal(g["rosenbrock"](FAR), chapter["rosenbrock"](FAR))


def test_what_the_checkers_ask(g, asked):
    steps = []

    def watched(theta, grad, state, lr):
        steps.append(lr)
        return g["adamax"](theta, grad, state, lr)

    g["check_adamax"](watched)
    assert steps == [0.01] * 51  # one to see that something comes back
    ((model,),) = asked(g["check_groups"], g["build_adamw"])
    shapes = [(8, 4), *[(8,)] * 3, (8, 8), *[(8,)] * 3, (1, 8), (1,)]
    assert [tuple(p.shape) for p in model.parameters()] == shapes


def wrong_adamax(correct=True, absolute=True, decay=0.999, largest=True):
    def rule(theta, grad, state, lr):
        state["t"] = t = state.get("t", 0) + 1
        state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * grad
        size = grad.abs() if absolute else grad
        old = decay * state.get("u", torch.zeros_like(grad))
        state["u"] = torch.maximum(old, size) if largest else size
        rate = lr / (1 - 0.9**t) if correct else lr
        return theta - rate * state["m"] / (state["u"] + (0 if absolute else 1e-8))

    return rule


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"correct": False}, "differs from step 1 on: check m's bias correction"),
        ({"absolute": False}, "differs from step 1 on: .*g"),
        ({"decay": 0.9}, "check m, and decay"),
        ({"largest": False}, "check m, and decay"),
    ],
)
def test_wrong_adamax_is_told_apart(g, wrong, says):
    with pytest.raises(AssertionError, match=says):
        g["check_adamax"](wrong_adamax(**wrong))


def test_adamax_in_place_is_told(g):
    def in_place(theta, grad, state, lr):
        theta -= lr * grad
        return theta

    kept = g["start"].clone()
    with pytest.raises(AssertionError, match="theta passed in was changed"):
        g["check_adamax"](in_place)
    assert torch.equal(g["start"], kept)


def test_right_adamax_passes(g):
    g["check_adamax"](g["adamax"])
    g["check_adamax"](wrong_adamax())  # eps matters only for a gradient of zero


def groups(model, matrices, others, keep=lambda name: True, make=torch.optim.AdamW):
    named = [(n, p) for n, p in model.named_parameters() if keep(n)]
    return make(
        [
            {"params": [p for _, p in named if p.ndim > 1], "weight_decay": matrices},
            {"params": [p for _, p in named if p.ndim < 2], "weight_decay": others},
        ]
    )


def spares_layer_norm_only(model):
    rows = []
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            spared = name == "bias" or isinstance(module, nn.LayerNorm)
            rows.append({"params": [p], "weight_decay": 0.0 if spared else 0.1})
    return torch.optim.AdamW(rows)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda m: torch.optim.AdamW(m.parameters()), "0.bias is a bias or norm"),
        (lambda m: groups(m, 0.0, 0.0), "0.weight is a weight matrix"),
        (lambda m: groups(m, 0.1, 0.0, make=torch.optim.Adam), "got Adam, not AdamW"),
        (spares_layer_norm_only, "2.1.weight is a bias or norm"),
        (lambda m: groups(m, 0.1, 0.1), "0.bias is a bias or norm"),
        (
            lambda m: groups(m, 0.1, 0.0, lambda name: name != "1.weight"),
            "1.weight is not in the optimizer",
        ),
        (
            lambda m: torch.optim.AdamW([p for p in m.parameters() if p.ndim > 1]),
            "0.bias is not in the optimizer",
        ),
        (
            # only names that say "bias" are spared: the norm's weight is forgotten
            lambda m: torch.optim.AdamW(
                [
                    {"params": [p], "weight_decay": 0.0 if "bias" in n else 0.1}
                    for n, p in m.named_parameters()
                ]
            ),
            "1.weight is a bias or norm",
        ),
    ],
)
def test_wrong_groups_are_told_apart(g, build, says):
    with pytest.raises(AssertionError, match=says):
        g["check_groups"](build)


def test_right_groups_pass(g):
    g["check_groups"](lambda m: groups(m, 0.1, 0.0))
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = g["build_adamw"](model)
    decayed, spared = optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert len(spared["params"]) == 3
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    assert decayed["lr"] == 1e-3


@pytest.mark.parametrize("exercise", ["adamax", "groups"])
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
