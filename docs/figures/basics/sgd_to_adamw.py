"""The figures of basics/sgd-to-adamw."""

import math

import torch
from draw import INK, MUTED, Drawing

OPTIMIZERS = {"gradient_descent": "梯度下降 | gradient descent", "momentum": "动量 | momentum", "adam": "Adam"}


def gradient_noise(draw: Drawing, noise, sigma, sizes):
    with draw.axes(x="批量大小 B | batch size B", y="噪声的均方根 | root mean square of the noise") as ax:
        ax.plot(sizes, [sigma / math.sqrt(size) for size in sizes], label="理论 | theory")
        ax.plot(sizes, noise, "o", color="C1", label="实测 | measured")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)


def turn_the_batch(draw: Drawing, full, run, sigma, table):
    def say(size, out):
        noise, theory, tail = f"{out['noise']:.3f}", f"{sigma / math.sqrt(size):.3f}", f"{out['tail']:.5f}"
        return (
            f"B = {size} 时，小批量梯度与完整的梯度相差 {noise}（均方根），理论值是 {theory}。"
            f" | At B = {size} the gradients scatter by {noise} around the full one; theory predicts {theory}.",
            f"SGD 最后 50 步平均比最低的损失高 {tail}。"
            f" | Over its last 50 steps SGD stays {tail} above the lowest loss on average.",
        )

    out = table[8]
    with draw.explorable(
        "batch-size",
        run,
        table,
        start=8,
        knobs={"size": "批量大小 B | Batch size B"},
        panels=[
            "一百五十个小批量的梯度，散成完整的梯度周围的一片点云。"
            " | The gradients of 150 mini-batches as a cloud of points around the full gradient.",
            "SGD 每一步的损失超出最低损失的部分（对数纵轴）。 | The excess loss of SGD at each step, on a log axis.",
        ],
        say=say,
        columns={
            "noise": "实测的噪声 | noise, measured",
            "tail": "最后 50 步平均超出的损失 | mean excess loss of the last 50 steps",
        },
    ) as (left, right):
        left.plot(out["w"], out["b"], "o", markersize=3, alpha=0.6, gid="w,b", label="小批量 | mini-batch")
        left.plot(*full.tolist(), "x", color="C1", markersize=9, markeredgewidth=2, label="完整的梯度 | full gradient")
        left.set(xlabel="w 方向的分量 | component along w", ylabel="b 方向的分量 | component along b")
        left.set(xlim=(-11, 6), ylim=(-12, 0))
        right.plot(out["excess"], gid="excess", label="SGD")
        right.set(xlabel="步数 | step", ylabel="超出最低损失的部分 | excess over the lowest loss")
        right.set(yscale="log", xlim=(0, 150), ylim=(1e-6, 20))


def weight_decay(draw: Drawing, decayed, scale):
    titles = ["Adam + L2", "AdamW"]
    with draw.axes(x="步数 | step", y="参数 | parameter", columns=2, width=7.2, titles=titles, share=True) as axes:
        for ax, path in zip(axes, decayed.values(), strict=True):
            for size, column, style in zip(scale.tolist(), path.T, ("-", "--", ":"), strict=True):
                name = f"梯度大小 {size:g} | gradients of size {size:g}"
                ax.plot(range(0, 2001, 40), column[::40], style, label=name)
    return {"l2": decayed["adam_l2"][-1], "w": decayed["adamw"][-1]}


def paths(draw: Drawing, paths, rosenbrock):
    keep = [*range(30), *range(30, 500, 16), 500]
    with draw.axes(x="x", y="y", width=5.2, height=3.8, xlim=(-1.6, 1.6), ylim=(-0.6, 1.7)) as ax:
        for level in (0.3, 1, 4, 16, 64, 256):
            a = torch.linspace(max(-1.6, 1 - level**0.5), min(1.6, 1 + level**0.5), 50, dtype=torch.float64)
            half = (level - (1 - a) ** 2).clamp(0).sqrt() / 10
            for side in (-1, 1):
                ax.plot(a, a**2 + side * half, color=MUTED, linewidth=0.7)
        for (name, path), style in zip(paths.items(), ("o-", "s--", "^-."), strict=True):
            ax.plot(*path[keep].T, style, markevery=[-1], markersize=7, label=OPTIMIZERS[name])
        ax.plot([1], [1], "*", color=INK, markersize=9)
    loss = {name: rosenbrock(path[-1]).item() for name, path in paths.items()}
    return {"loss": loss, "names": {name: draw.word(pair) for name, pair in OPTIMIZERS.items()}}


def rate_and_loss(draw: Drawing, ends, lrs):
    after = "五百步之后的损失 | loss after five hundred steps"
    with draw.axes(x="学习率 | learning rate", y=after, xscale="log", yscale="log") as ax:
        for (name, final), style in zip(ends.items(), ("o-", "s--", "^-."), strict=True):
            finite = final.isfinite() & (final < 1e3)
            ax.plot(lrs[finite, 0], final[finite], style, markersize=4, label=OPTIMIZERS[name])
    return {"names": {name: draw.word(pair) for name, pair in OPTIMIZERS.items()}}


def turn_optimizer(draw: Drawing, run, table):
    names = {"momentum": "SGD，动量 0.9 | SGD, momentum 0.9"}

    def say(optimizer, rate, out):
        name, step, away = draw.word(names.get(optimizer, optimizer)), out["step"][-1], out["away"]
        return (
            f"{name}，学习率 {rate:g}： | {name}, learning rate {rate:g}:",
            f"第 {step} 步离最小值点已有 {away:.3g}，到此为止。"
            f" | at step {step} the point is {away:.3g} away from the minimum; the run ends here."
            if step < 400
            else f"走了 {step} 步，损失为 {out['loss'][-1]:.2g}，离最小值点 {away:.2g}。"
            f" | after {step} steps the loss is {out['loss'][-1]:.2g} and the minimum {away:.2g} away.",
        )

    out = table["Adam", 0.1]
    x, y = torch.meshgrid(torch.linspace(-2, 2, 120), torch.linspace(-1, 2, 120), indexing="xy")
    valley = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    with draw.explorable(
        "paths",
        run,
        table,
        start=("Adam", 0.1),
        knobs={"optimizer": "优化器 | Optimizer", "rate": "学习率 | Learning rate"},
        names=names,
        panels=[
            "Rosenbrock 弯谷的等高线与走过的路径。 | The path over the contours of Rosenbrock’s valley.",
            "沿路径的损失（对数纵轴）。 | The loss along the path, on a log axis.",
        ],
        say=say,
        columns={"away": "最后到最小值点的距离 | last distance to the minimum"},
    ) as (left, right):
        left.contour(x, y, valley, levels=[0.3, 1, 4, 16, 64, 256], colors=[MUTED], linewidths=0.7, alpha=0.7)
        left.plot(out["x"], out["y"], "-o", markersize=6, markevery=[-1], linewidth=1.2, gid="x,y", label="路径 | path")
        left.plot([1], [1], "x", color="C1", markersize=8, markeredgewidth=2, label="最小值点 (1, 1) | minimum (1, 1)")
        left.set(xlabel="x", ylabel="y", xlim=(-2, 2), ylim=(-1, 2))
        right.plot(out["step"], out["loss"], gid="step,loss")
        right.set(xlabel="步数 | step", ylabel="损失 | loss", yscale="log", xlim=(0, 400), ylim=(1e-5, 1000))


def schedules(draw: Drawing, excess, rates, total):
    names = {"constant": "不变 | constant", "staircase": "阶梯 | staircase"}
    names |= {"warmup_cosine": "预热加余弦 | warm-up and cosine"}
    titles = ["学习率 | learning rate", "超出最低损失的部分 | loss above the minimum"]
    with draw.axes(x="步数 | step", columns=2, width=7.2, titles=titles) as (left, right):
        for key, name in names.items():
            smooth = [sum(excess[key][k : k + 10]) / 10 for k in range(0, total, 10)]
            steps = "steps-post" if key == "staircase" else "default"
            left.plot(range(0, total, 10), rates[key][::10], label=name, drawstyle=steps)
            right.plot(range(0, total, 10), smooth, label=name)
        right.set_yscale("log", subs=[])
    tails = {key: sum(values[-50:]) / 50 for key, values in excess.items()}
    return {"names": {key: draw.word(pair) for key, pair in names.items()}, "tails": tails}
