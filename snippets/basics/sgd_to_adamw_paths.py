"""
zh: 五种优化器、九个学习率，在弯曲的窄谷里各走一次。
en: Five optimizers at nine learning rates: one run each in a bent, narrow valley.
"""

# --8<-- [start:imports]
from functools import partial

import torch
from torch import optim

# --8<-- [end:imports]


# --8<-- [start:run]
OPTIMIZERS = {
    "SGD": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9),
    "RMSprop": optim.RMSprop,
    "Adam": optim.Adam,
    "AdamW": partial(optim.AdamW, weight_decay=0.1),
}


def run(optimizer: str, rate: float) -> dict[str, list[float] | float]:
    """
    zh: 在 (1 − x)² + 100 (y − x²)² 上从 (−1.2, 1) 起最多走 400 步，离原点超过 5 就停；
    zh: 返回每 4 步一次（以及冲出去那一步）的位置与损失，
    zh: 还有最后到 (1, 1) 的距离。
    en: At most 400 steps on (1 − x)² + 100 (y − x²)² from (−1.2, 1), fewer where they
    en: lead beyond 5 from the origin; returns the position and the loss at every
    en: fourth step and where it leaves, and how far from (1, 1) the last one ends.
    """
    theta = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    rule = OPTIMIZERS[optimizer]([theta], lr=rate)
    step, x, y, losses = [], [], [], []
    for t in range(401):
        loss = (1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2
        has_left = theta.norm().item() > 5
        if t % 4 == 0 or has_left:
            step.append(t)
            x.append(round(theta[0].item(), 3))
            y.append(round(theta[1].item(), 3))
            losses.append(float(f"{loss.item():.3g}"))
        if t == 400 or has_left:
            break
        rule.zero_grad()
        loss.backward()
        rule.step()
    away = (theta - 1).norm().item()
    return {"step": step, "x": x, "y": y, "loss": losses, "away": round(away, 3)}


# --8<-- [end:run]

# --8<-- [start:sweep]
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0]


def sweep() -> dict[tuple[str, float], dict]:
    """
    zh: 每个优化器和学习率跑一次 run，按 (名字, 学习率) 收在一起。
    en: One run for each optimizer and learning rate, keyed by (name, rate).
    """
    return {(name, rate): run(name, rate) for name in OPTIMIZERS for rate in RATES}


table = sweep()
for name in OPTIMIZERS:
    best = min(RATES, key=lambda rate: table[name, rate]["away"])
    print(f"{name:9}  best rate = {best:<6}  away = {table[name, best]['away']}")
# --8<-- [end:sweep]
