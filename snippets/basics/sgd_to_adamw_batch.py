"""
zh: 批量大小决定梯度的噪声：小批量梯度散得多开，SGD 最后停在多高。
en: The batch size sets the gradient noise: how far it scatters, where SGD ends.
"""

# --8<-- [start:imports]
import math

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.linspace(-1, 1, 1000).unsqueeze(1)
targets = 2 * inputs + 3 + torch.normal(0.0, 0.5, size=inputs.shape)

# zh: 任何直线都达不到更低的损失；用双精度，因为之后要看的差比单精度的舍入还小
# en: no line has a lower loss; in double precision: what exceeds it will be tiny
columns = torch.cat([inputs, torch.ones_like(inputs)], dim=1).double()
line = torch.linalg.lstsq(columns, targets.double()).solution
lowest = (columns @ line - targets).square().mean().item()
# --8<-- [end:imports]


# --8<-- [start:run]
def run(size: int) -> dict[str, list[float] | float]:
    """
    zh: 在 w = b = 0 处抽 1000 个大小为 size 的小批量，各求一次梯度：噪声用全部，
    zh: 画出前 150 个的两个分量；再从同一点用 SGD 走 150 步，记下起点和每一步之后，
    zh: 全部数据上的损失比最低值高多少（151 个数）。
    en: Gradients of 1000 mini-batches of this size at w = b = 0: all give the noise,
    en: both components of the first 150 are drawn. Then 150 steps of SGD from there:
    en: by how much the loss over all data exceeds the lowest, 151 numbers.
    """
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def backward(batch: torch.Tensor | slice) -> torch.Tensor:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs[batch]), targets[batch]).backward()
        return torch.stack([model.weight.grad.squeeze(), model.bias.grad.squeeze()])

    full = backward(slice(None))
    g = torch.stack([backward(torch.randint(1000, (size,))) for _ in range(1000)])
    noise = (g - full).square().sum(dim=1).mean().sqrt().item()

    excess = []
    for _ in range(151):
        with torch.no_grad():
            loss = nn.functional.mse_loss(model(inputs), targets).item()
        excess.append(float(f"{loss - lowest:.3g}"))
        backward(torch.randint(1000, (size,)))
        optimizer.step()
    w, b = ([round(v, 2) for v in part] for part in g[:150].T.tolist())
    noise, tail = round(noise, 4), float(f"{sum(excess[-50:]) / 50:.3g}")
    return {"w": w, "b": b, "excess": excess, "noise": noise, "tail": tail}


# --8<-- [end:run]

# --8<-- [start:sweep]
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def sweep() -> dict[int, dict]:
    """
    zh: 每个批量大小跑一次 run，按批量大小收在一起。
    en: One run for each batch size, keyed by size.
    """
    return {size: run(size) for size in SIZES}


table = sweep()
# zh: 第 i 行是第 i 个样本单独的梯度，同样取 w = b = 0
# en: row i is the gradient from sample i alone, at w = b = 0 as well
per_sample = -2 * targets * columns
full = per_sample.mean(dim=0)
sigma = (per_sample - full).square().sum(dim=1).mean().sqrt().item()
for size, out in table.items():
    predicted = sigma / math.sqrt(size)
    print(f"B = {size:3}  noise = {out['noise']:.3f}", end="  ")
    print(f"predicted = {predicted:.3f}  excess = {out['tail']:.5f}")
# --8<-- [end:sweep]

# --8<-- [start:slopes]
# zh: 对数坐标里的拟合直线，斜率是协方差除以批量大小的方差
# en: a line fitted in logarithmic coordinates: covariance over the sizes' variance
slopes = {}
for name in ("noise", "tail"):
    logs = torch.tensor([SIZES, [out[name] for out in table.values()]]).log()
    slopes[name] = (torch.cov(logs)[0, 1] / logs[0].var()).item()
    print(f"{name:5}  slope = {slopes[name]:.3f}")
# --8<-- [end:slopes]
