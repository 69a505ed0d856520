"""The figures of practice/linear-regression."""

import torch
from draw import MUTED, Drawing


def data(draw: Drawing, x, y):
    with draw.axes(x="x", y="y") as ax:
        ax.scatter(x.flatten(), y.flatten(), s=10, label="数据 | data")
        ax.plot(x.flatten(), (2 * x + 3).flatten(), "--", color="C1", label="真实的直线 | true line")


def loss_curve(draw: Drawing, floor, losses):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        ax.plot(losses, label="训练损失 | training loss")
        ax.axhline(floor, linestyle="--", color="C1", label="闭式解的损失（下限） | closed form’s loss (floor)")


def excess_loss(draw: Drawing, floor, losses, n, x):
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    factor = 1 - 0.1 * torch.linalg.eigvalsh(2 / n * X.T @ X)[0].item()
    excess = [loss - floor for loss in losses[:100]]
    slope = [excess[40] * factor ** (2 * (step - 40)) for step in range(100)]
    with draw.axes(x="步数 | step", y="损失减去下限 | loss minus floor", yscale="log") as ax:
        ax.plot(excess, label="测得 | measured")
        ax.plot(slope, label="慢方向的预言 | predicted, slow direction")
    return {"excess": excess, "factor": factor}


def turn_the_rate(draw: Drawing, X, hessian, limit, run, table, y):
    def say(rate, out):
        first, last, times = out["loss"][0], out["last"], f"{rate / limit:.3g}"
        if last > 1.01 * first:
            end = (
                f"截距的误差每一步都在变大：40 步之后，损失从 {first:.2f} 涨到 {last:.3g}。 | The error of the"
                f" intercept grows at every step: after 40 steps the loss has gone from {first:.2f} to {last:.3g}."
            )
        elif last > 0.99 * first:
            end = (
                f"训练毫无进展：40 步之后损失为 {last:.2f}，起点是 {first:.2f}。"
                f" | The run gets nowhere: after 40 steps the loss is {last:.2f}, and it began at {first:.2f}."
            )
        else:
            end = (
                f"40 步之后损失为 {last:.4f}，下限是 {floor:.4f}。"
                f" | After 40 steps the loss is {last:.4f}; the floor is {floor:.4f}."
            )
        share = f"学习率 {rate:g} 是 2/λmax = {limit:.3f} 的 {times} 倍。"
        return share + f" | The learning rate {rate:g} is {times} times 2/λmax = {limit:.3f}.", end

    out = table[0.1]
    best = torch.linalg.lstsq(X.double(), y.double()).solution.flatten()
    floor = (X.double() @ best - y.flatten()).square().mean().item()
    w, b = torch.meshgrid(torch.linspace(-0.5, 3.5, 60), torch.linspace(-2, 8, 60), indexing="xy")
    off = torch.stack([w, b], -1) - best
    bowl = floor + torch.einsum("...i,ij,...j", off, hessian.double() / 2, off)
    with draw.explorable(
        "learning-rate",
        run,
        table,
        start=0.1,
        knobs={"rate": "学习率 η | Learning rate η"},
        marks={"rate": {1.0: "2/λmax"}},
        panels=[
            "每一步的损失（对数纵轴）。 | The loss at each step, on a log axis.",
            "斜率 w 与截距 b 在损失等高线上走过的路径。"
            " | The path of slope w and intercept b over the contours of the loss.",
        ],
        say=say,
        columns={"last": "40 步之后的损失 | loss after 40 steps"},
    ) as (left, right):
        left.plot(out["loss"], gid="loss", label="损失 | loss")
        left.axhline(floor, linestyle="--", color="C1", label="下限 | floor")
        left.set(xlabel="步数 | step", ylabel="损失 | loss", yscale="log", xlim=(0, 40), ylim=(0.005, 2000))
        right.contour(w, b, bowl.sqrt(), levels=[0.5, 1, 1.5, 2, 3, 4, 5, 6], colors=[MUTED], linewidths=0.7, alpha=0.7)
        path = "参数的路径 | path of the parameters"
        right.plot(out["w"], out["b"], "-o", markersize=3, linewidth=1, gid="w,b", label=path)
        right.plot(*best, "x", color="C1", markersize=8, markeredgewidth=2, label="闭式解 | closed form")
        right.set(xlabel="w", ylabel="b", xlim=(-0.5, 3.5), ylim=(-2, 8))


def fit(draw: Drawing, learned, x, y):
    with draw.axes(x="x", y="y") as ax:
        ax.scatter(x.flatten(), y.flatten(), s=10, color=MUTED, label="数据 | data")
        ax.plot(x.flatten(), (learned[0] * x + learned[1]).flatten(), color="C0", label="学到的直线 | learned line")
        ax.plot(x.flatten(), (2 * x + 3).flatten(), "--", color="C1", label="真实的直线 | true line")


def held_out(draw: Drawing, sigma, test_residual, train_residual, x_test, x_train):
    with draw.axes(x="x", y="残差 | residual") as ax:
        ax.scatter(x_train.flatten(), train_residual.flatten(), s=10, label="训练点 | training points")
        ax.scatter(x_test.flatten(), test_residual.flatten(), s=22, marker="^", label="测试点 | test points")
        ax.axhline(0, color=MUTED, linewidth=1)
        ax.axhspan(-2 * sigma, 2 * sigma, color=MUTED, alpha=0.15, label="正负两个 σ | plus or minus two σ")
    return {"inside": (test_residual.abs() < 2 * sigma).float().mean().item()}


def mini_batches(draw: Drawing, batch_losses, floor, losses):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        ax.plot(batch_losses, color="C1", linewidth=1, label="小批量（每步十个点） | mini-batch (ten points a step)")
        ax.plot(losses, color="C0", label="全批量（每步一百个点） | full batch (a hundred points a step)")
        ax.axhline(floor, linestyle="--", color=MUTED, label="下限 | floor")


def without_zero_grad(draw: Drawing, losses, swinging):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        ax.plot(swinging, color="C1", label="不清零 | never cleared")
        ax.plot(losses, color="C0", label="每步清零 | cleared at every step")


def large_rate(draw: Drawing, rates):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        for (rate, losses), style in zip(rates.items(), ("-", "--", ":"), strict=True):
            ax.plot(losses, style, label=f"η = {rate}")
