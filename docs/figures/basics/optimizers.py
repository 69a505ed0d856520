"""The figures of basics/optimizers."""

import torch
from draw import MUTED, Drawing


def gradient_descent(draw: Drawing, angles, change, g, length):
    angle = "与负梯度的夹角（弧度） | angle to the negative gradient (radians)"
    with draw.axes(x=angle, y="损失的变化 | change of the loss") as ax:
        ax.plot(angles, -length * g.norm() * angles.cos(), label="−r |g| cos φ")
        ax.plot(angles[::3], change[::3], "o", color="C1", markersize=4, label="实测 | measured")
    return {"low": change.min().item()}


def curvature(draw: Drawing, distances):
    with draw.axes(x="步数 | step", y="到最低点的距离 | distance to the minimum", yscale="log") as ax:
        for factor, distance in distances.items():
            ax.plot(range(0, 201, 4), distance[::4], label=f"上限的 {factor} 倍 | {factor} of the limit")
    return {"ends": {factor: distance[-1].item() for factor, distance in distances.items()}}


def turn_momentum(draw: Drawing, run, table):
    def say(rate, beta, out):
        steps, limit = out["steps"], f"{2 * (1 + beta) / 25:.3f}"
        return (
            f"学习率 {rate:g}，动量 {beta:g}；这个动量下的上限是 {limit}。"
            f" | Learning rate {rate:g} and momentum {beta:g}; the limit for this momentum is {limit}.",
            f"走了 {steps} 步，离最小值点已有 {out['last']:.3g}：发散。"
            f" | After {steps} steps the point has gone {out['last']:.3g} away: it diverges."
            if steps < 60
            else f"走了 {steps} 步，离最小值点 {out['last']:.2g}；出发时是 {out['distance'][0]:.2f}。 | After {steps} steps"
            f" the minimum is {out['last']:.2g} away; at the start it was {out['distance'][0]:.2f}.",
        )

    out = table[0.06, 0.0]
    x, y = torch.meshgrid(torch.linspace(-5, 5, 80), torch.linspace(-2, 2, 80), indexing="xy")
    bowl = ((x**2 + 25 * y**2) / 2).sqrt()
    with draw.explorable(
        "momentum",
        run,
        table,
        start=(0.06, 0.0),
        knobs={"rate": "学习率 η | Learning rate η", "beta": "动量 β | Momentum β"},
        panels=[
            "狭长的碗的等高线与走过的路径。 | The path over the contours of a narrow bowl.",
            "每一步到最小值点的距离（对数纵轴）。 | The distance to the minimum at each step, on a log axis.",
        ],
        say=say,
        columns={"steps": "步数 | steps", "last": "最后的距离 | last distance"},
    ) as (left, right):
        left.contour(x, y, bowl, levels=[0.7, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5], colors=[MUTED], linewidths=0.7, alpha=0.7)
        left.plot(out["x"], out["y"], "-o", markersize=3, linewidth=1, gid="x,y", label="路径 | path")
        left.plot([0], [0], "x", color="C1", markersize=8, markeredgewidth=2, label="最小值点 | minimum")
        left.set(xlabel="x", ylabel="y", xlim=(-5, 5), ylim=(-2, 2))
        right.plot(out["distance"], gid="distance")
        right.set(xlabel="步数 | step", ylabel="到最小值点的距离 | distance to the minimum")
        right.set(yscale="log", xlim=(0, 60), ylim=(1e-4, 20))


def forgotten_zero_grad(draw: Drawing, histories):
    with draw.axes(x="步数 | step", y="损失 | loss") as ax:
        ax.plot(histories[True], label="有 zero_grad | with zero_grad")
        ax.plot(histories[False], label="忘了 zero_grad | zero_grad forgotten")
