"""
zh: 学习率与动量：在一个狭长的碗里，每一组设置各走一次。
en: Learning rate and momentum: one run in a narrow bowl for every pair of settings.
"""

# --8<-- [start:imports]
import torch

# --8<-- [end:imports]


# --8<-- [start:run]
def run(rate: float, beta: float) -> dict[str, list[float] | float]:
    """
    zh: 在 (x² + 25 y²) / 2 上从 (−4, 1.5) 起最多走 60 步，离原点超过 20 就停；
    zh: 返回路径、每一步到最小值点的距离、步数和最后的距离。
    en: At most 60 steps on (x² + 25 y²) / 2 from (−4, 1.5), fewer where they lead
    en: beyond 20 from the origin; returns path, distances, steps, last distance.
    """
    curvature = torch.tensor([1.0, 25.0], dtype=torch.float64)
    theta = torch.tensor([-4.0, 1.5], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=rate, momentum=beta)
    x, y, distance = [], [], []
    for step in range(61):
        x.append(round(theta[0].item(), 3))
        y.append(round(theta[1].item(), 3))
        distance.append(float(f"{theta.norm().item():.3g}"))
        if step == 60 or distance[-1] > 20:
            break
        optimizer.zero_grad()
        (curvature @ theta.square() / 2).backward()
        optimizer.step()
    last = distance[-1]
    return {"x": x, "y": y, "distance": distance, "steps": step, "last": last}


# --8<-- [end:run]

# --8<-- [start:sweep]
RATES = [0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.077, 0.09, 0.111, 0.13, 0.15]
BETAS = [0.0, 0.2, 0.44, 0.6, 0.8, 0.9, 0.95, 0.99]


def sweep() -> dict[tuple[float, float], dict]:
    """
    zh: 每个学习率和动量系数跑一次 run，按 (学习率, 动量系数) 收在一起。
    en: One run for each learning rate and momentum, keyed by (rate, beta).
    """
    return {(rate, beta): run(rate, beta) for rate in RATES for beta in BETAS}


table = sweep()
for rate, beta in ((0.077, 0.0), (0.111, 0.44), (0.09, 0.0), (0.09, 0.9)):
    out = table[rate, beta]
    print(f"rate = {rate:<5}  beta = {beta:<4}", end="  ")
    print(f"steps = {out['steps']}  last = {out['last']}")
# --8<-- [end:sweep]
