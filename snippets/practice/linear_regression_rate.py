"""
zh: 同一次线性回归，换着学习率各训练一遍：哪些收敛，从哪里起发散。
en: The same linear regression at one learning rate after another: where it diverges.
"""

# --8<-- [start:imports]
import torch
from torch import nn

# zh: 有自己的随机数发生器，全局的那一个就不受影响
# en: a generator of its own leaves the global one alone
generator = torch.Generator().manual_seed(0)
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 2 * x + 3 + torch.normal(0.0, 0.1, size=x.shape, generator=generator)
# --8<-- [end:imports]


# --8<-- [start:run]
def run(rate: float) -> dict[str, list[float] | float]:
    """
    zh: 从 w = b = 0 起，以学习率 rate 走 40 步；
    zh: 返回起点和每一步之后的损失与参数，各 41 个数。
    en: 40 steps at learning rate `rate` from w = b = 0; returns the loss and the
    en: parameters at the start and after every step, 41 numbers each.
    """
    # zh: 跳过随机的初始值：马上要置零
    # en: without random initial values, since zeros come at once
    model = nn.utils.skip_init(nn.Linear, 1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loss, w, b = [], [], []
    for _ in range(41):
        error = nn.functional.mse_loss(model(x), y)
        loss.append(float(f"{error.item():.4g}"))
        w.append(round(model.weight.item(), 3))
        b.append(round(model.bias.item(), 3))
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    return {"loss": loss, "w": w, "b": b, "last": loss[-1]}


# --8<-- [end:run]

# --8<-- [start:sweep]
X = torch.cat([x, torch.ones_like(x)], dim=1)
hessian = 2 / len(x) * X.T @ X
limit = 2 / torch.linalg.eigvalsh(hessian).max().item()
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
RATES += [0.95, 0.98, 1.0, 1.02, 1.05, 1.1, 1.2]


def sweep() -> dict[float, dict]:
    """
    zh: 每个学习率跑一次 run，按学习率收在一起。
    en: One run for each learning rate, keyed by learning rate.
    """
    return {rate: run(rate) for rate in RATES}


table = sweep()
print(f"limit = {limit:.4f}")
for rate in (0.01, 0.1, 0.5, 0.98, 1.02):
    print(f"rate = {rate:<5}  last = {table[rate]['last']:.4g}")
# --8<-- [end:sweep]
