"""
zh: “从 SGD 到 AdamW”的练习：从论文写出 AdaMax、谁该衰减。
en: Exercises on "From SGD to AdamW": AdaMax from its paper, and who decays.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch
from torch import Tensor, nn

# --8<-- [end:imports]


# --8<-- [start:valley]
def rosenbrock(p: Tensor) -> Tensor:
    """
    zh: 弯曲的窄谷 (1 − x)² + 100 (y − x²)²，最小值 0 在 (1, 1)；p 的形状为 (..., 2)。
    zh: 来源：Rosenbrock 1960。
    en: A bent, narrow valley, (1 − x)² + 100 (y − x²)², with its minimum 0 at (1, 1);
    en: p has shape (..., 2). Source: Rosenbrock 1960.
    """
    x, y = p.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
# --8<-- [end:valley]


# --8<-- [start:check-adamax]
def check_adamax(rule: Callable[..., Tensor]) -> None:
    """
    zh: 拿 rule(theta, g, state, lr) 与 torch.optim.Adamax 逐步比较。
    en: Compare rule(theta, g, state, lr) with torch.optim.Adamax step by step.

    Raises:
        zh: AssertionError: 两条路径不同；信息指出从哪一步起不同。
        en: AssertionError: the paths differ; the message names the first step.
    """
    kept = start.clone()
    message = "没有返回值：是不是漏了 return？"  # zh
    message = "nothing came back: is a return missing?"  # en
    assert rule(start.clone(), start, {}, 1e-2) is not None, message
    message = "改动了传进来的 theta：应返回新的张量"  # zh
    message = "the theta passed in was changed: return a new tensor"  # en
    mine, state = kept, {}
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.Adamax([theirs], lr=1e-2)
    for step in range(1, 51):
        point = mine.detach().requires_grad_()
        (g,) = torch.autograd.grad(rosenbrock(point), point)
        mine = rule(point.detach(), g, state, lr=1e-2)
        assert torch.equal(kept, start), message
        optimizer.zero_grad()
        rosenbrock(theirs).backward()
        optimizer.step()
        same = torch.isclose(mine, theirs.detach(), rtol=1e-9, atol=1e-12).all()
        wrong = f"第 {step} 步起就不同：检查 m 的偏差修正和 u 里的 |g|"  # zh
        wrong = f"differs from step {step} on: check m's bias correction, |g|"  # en
        assert same or step > 1, wrong
        wrong = f"第 {step} 步起不同：检查 m 和 u 的衰减，以及 u 的最大值"  # zh
        wrong = f"differs from step {step} on: check m, and decay and max of u"  # en
        assert same, wrong


# --8<-- [end:check-adamax]


# --8<-- [start:solution-adamax]
def adamax(
    theta: Tensor,
    g: Tensor,
    state: dict,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Tensor:
    """
    zh: Adam 的无穷范数版本，走一步（Kingma & Ba 2014，第 7.1 节）；
    zh: theta、g 和结果同形，state 从一步留到下一步。
    en: One step of Adam in the infinity norm (Kingma & Ba 2014, section 7.1);
    en: theta, g and the result have one shape, state lives on between steps.
    """
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    u = beta2 * state.get("u", torch.zeros_like(g))
    state["u"] = torch.maximum(u, g.abs() + eps)
    return theta - lr / (1 - beta1**t) * state["m"] / state["u"]


check_adamax(adamax)
# --8<-- [end:solution-adamax]


# --8<-- [start:check-groups]
def check_groups(build: Callable[[nn.Module], torch.optim.Optimizer]) -> None:
    """
    zh: 权重矩阵须衰减，偏置和归一化层的参数不得衰减，且一个也不能漏。
    en: Weight matrices must decay, biases and norm parameters must not, none missing.

    Raises:
        zh: AssertionError: 不是 AdamW；或指出放错、漏掉的参数。
        en: AssertionError: not an AdamW, or a parameter (named) misplaced or missing.
    """
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.LayerNorm(8),
        nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)),
        nn.Linear(8, 1),
    )
    optimizer = build(model)
    other = f"得到的是 {type(optimizer).__name__}，不是 AdamW：那样的衰减是 L2"  # zh
    other = f"got {type(optimizer).__name__}, not AdamW: its decay would be L2"  # en
    assert isinstance(optimizer, torch.optim.AdamW), other
    groups = optimizer.param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    for name, p in model.named_parameters():
        missing = f"{name} 不在优化器里：它永远不会更新"  # zh
        missing = f"{name} is not in the optimizer: it will never be updated"  # en
        assert id(p) in decay, missing
        idle = f"{name} 是权重矩阵，却没有衰减"  # zh
        idle = f"{name} is a weight matrix, yet it does not decay"  # en
        assert p.ndim < 2 or decay[id(p)] > 0, idle
        shrunk = f"{name} 是偏置或归一化参数，不该衰减"  # zh
        shrunk = f"{name} is a bias or norm parameter and must not decay"  # en
        assert p.ndim >= 2 or decay[id(p)] == 0, shrunk


# --8<-- [end:check-groups]


# --8<-- [start:solution-groups]
def build_adamw(model: nn.Module) -> torch.optim.AdamW:
    """
    zh: AdamW，只让矩阵衰减，偏置和其他一维参数不衰减。
    en: AdamW that decays matrices only, not biases and other vectors.
    """
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": 0.01},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=1e-3,
    )


check_groups(build_adamw)
# --8<-- [end:solution-groups]
