"""
zh: 两个月牙：深度、宽度和激活函数的每种组合各训练一次。
en: Two moons: one training run for each depth, width and activation.
"""

# --8<-- [start:imports]
import itertools

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.nn import functional as F

points, classes = make_moons(200, noise=0.15, random_state=0)
x = torch.tensor(points, dtype=torch.float32)
y = torch.tensor(classes, dtype=torch.float32)
activations = {"identity": nn.Identity(), "relu": nn.ReLU(), "tanh": nn.Tanh()}
# --8<-- [end:imports]


# --8<-- [start:run]
def run(depth: int, width: int, activation: str) -> dict:
    """
    zh: depth 个隐藏层，每层 width 个单元，整批 Adam 走 200 步；
    zh: 返回每 5 步的损失、训练点上的准确率，以及平面上 24 × 32 格的概率：
    zh: 每格一位数字，0 是小于 0.1，9 是不小于 0.9，最上面一行在前。
    en: `depth` hidden layers of `width` units, 200 full-batch Adam steps. Returns the
    en: loss every 5 steps, the accuracy on the training points, and the probability
    en: in 24 × 32 cells of the plane: a digit each, 0 below 0.1 to 9 from 0.9 on.
    """
    torch.manual_seed(0)
    layers, inputs = [], 2
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), activations[activation]]
        inputs = width
    model = nn.Sequential(*layers, nn.Linear(inputs, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, fused=True)
    losses = []
    for step in range(201):
        logits = model(x)
        loss = F.binary_cross_entropy_with_logits(logits, y)
        if step % 5 == 0:
            losses.append(round(loss.item(), 4))
        if step < 200:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # zh: 格子的中心，边长 0.125：横向从 -1.5 到 2.5，纵向从 1.75 到 -1.25
    # en: centres of cells of side 0.125: -1.5 to 2.5 across, 1.75 to -1.25 down
    across = torch.arange(-1.5, 2.5, 0.125) + 0.0625
    down = torch.arange(1.75, -1.25, -0.125) - 0.0625
    cells = torch.cartesian_prod(down, across).flip(1)
    with torch.inference_mode():
        p = torch.sigmoid(model(cells)).reshape(24, 32)
    digits = (10 * p).long().clamp(max=9).tolist()
    return {
        "loss": losses,
        "last": losses[-1],
        "accuracy": round(((logits > 0) == (y > 0.5)).float().mean().item(), 3),
        "p": ["".join(map(str, row)) for row in digits],
    }


# --8<-- [end:run]

# --8<-- [start:sweep]
DEPTHS = [0, 1, 2, 3]
WIDTHS = [2, 4, 8, 16]


def sweep() -> dict[tuple[int, int, str], dict]:
    """
    zh: 每个深度、宽度和激活函数各跑一次 run，按三者收在一起。
    en: One run for each depth, width and activation, keyed by all three.
    """
    positions = itertools.product(DEPTHS, WIDTHS, activations)
    return {position: run(*position) for position in positions}


table = sweep()
for depth in DEPTHS:
    for name in activations:
        row = [table[depth, width, name]["accuracy"] for width in WIDTHS]
        print(f"depth {depth}  {name:8s} ", *(f"{share:.3f}" for share in row))
# --8<-- [end:sweep]
