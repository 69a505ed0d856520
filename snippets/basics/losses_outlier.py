"""
zh: 一个离群点，三种损失：点移到哪里，三条拟合直线就跟到哪里，或者不跟。
en: One outlier, three losses: which fitted line follows it, and how far.
"""

# --8<-- [start:imports]
import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-1, 1, 11).unsqueeze(1)
clean = 2 * x + 1 + torch.normal(0.0, 0.3, size=x.shape)
# --8<-- [end:imports]


# --8<-- [start:run]
def run(outlier: float) -> dict[str, list[float] | float]:
    """
    zh: 把最右边那个点的 y 换成 outlier，用三种损失各拟合一条直线；
    zh: 返回每条直线在 x = -1 与 x = 1 处的高度，以及它的斜率。
    en: Set the rightmost point's y to outlier, and fit a line under each of three
    en: losses; returns each line's heights at x = -1 and x = 1, and its slope.
    """
    y = clean.clone()
    y[-1] = outlier
    found: dict[str, list[float] | float] = {}
    losses = {"mse": nn.MSELoss(), "huber": nn.HuberLoss(delta=1.0), "l1": nn.L1Loss()}
    for name, criterion in losses.items():
        model = nn.Linear(1, 1)
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
        # zh: 学习率线性降到零：L1 的梯度不会变小，只好让步子变小
        # en: the rate falls to zero: L1's gradient does not shrink, so the steps must
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 250)
        for _ in range(250):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            scheduler.step()
        w, b = model.weight.item(), model.bias.item()
        found[name] = [round(b - w, 3), round(b + w, 3)]
        found[f"{name}_slope"] = round(w, 3)
    return found


# --8<-- [end:run]

# --8<-- [start:sweep]
OUTLIERS = [-8, -6, -4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14]


def sweep() -> dict[int, dict]:
    """
    zh: 离群点的每个位置跑一次 run，按位置收在一起。
    en: One run for each place of the outlier, keyed by place.
    """
    return {outlier: run(outlier) for outlier in OUTLIERS}


table = sweep()
# zh: 离群点的 y 每高出 1，MSE 的斜率变化多少（正规方程）
# en: by how much MSE's slope changes per unit of the outlier's y (normal equations)
centred = x - x.mean()
lever = (centred[-1] / centred.square().sum()).item()
print(f"lever = {lever:.4f}")
print("outlier    MSE  Huber     L1")
for outlier in (-8, -2, 3, 6, 14):
    slopes = [table[outlier][f"{name}_slope"] for name in ("mse", "huber", "l1")]
    print(f"{outlier:7}", *(f"{slope:6.2f}" for slope in slopes))
# --8<-- [end:sweep]
