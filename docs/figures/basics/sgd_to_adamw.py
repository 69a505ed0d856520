"""The figures of basics/sgd-to-adamw."""

import math

import torch
from draw import INK, MUTED, Drawing


def gradient_noise(draw: Drawing, noise, sigma, sizes):
    with draw.axes(
        x=draw.word("批量大小 B", "batch size B"), y=draw.word("噪声的均方根", "root mean square of the noise")
    ) as ax:
        ax.plot(sizes, [sigma / math.sqrt(size) for size in sizes], label=draw.word("理论", "theory"))
        ax.plot(sizes, noise, "o", color="C1", label=draw.word("实测", "measured"))
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)


def turn_the_batch(draw: Drawing, full, run, sigma, table):
    def say(size, out):
        return draw.word(
            f"B = {size} 时，小批量梯度与完整的梯度相差 {out['noise']:.3f}（均方根），理论值是 {sigma / math.sqrt(size):.3f}。"
            f"SGD 最后 50 步平均比最低的损失高 {out['tail']:.5f}。",
            f"At B = {size} the gradients scatter by {out['noise']:.3f} around the full one; theory predicts {sigma / math.sqrt(size):.3f}. "
            f"Over its last 50 steps SGD stays {out['tail']:.5f} above the lowest loss on average.",
        )

    out = table[8]
    with draw.explorable(
        "batch-size",
        run,
        table,
        start=8,
        knobs={"size": draw.word("批量大小 B", "Batch size B")},
        panels=[
            dict(
                x=draw.word("w 方向的分量", "component along w"),
                y=draw.word("b 方向的分量", "component along b"),
                alt=draw.word(
                    "一百五十个小批量的梯度，散成完整的梯度周围的一片点云。",
                    "The gradients of 150 mini-batches as a cloud of points around the full gradient.",
                ),
            ),
            dict(
                x=draw.word("步数", "step"),
                y=draw.word("超出最低损失的部分", "excess over the lowest loss"),
                alt=draw.word(
                    "SGD 每一步的损失超出最低损失的部分（对数纵轴）。",
                    "The excess loss of SGD at each step, on a log axis.",
                ),
            ),
        ],
        say=say,
        columns={
            "noise": draw.word("实测的噪声", "noise, measured"),
            "tail": draw.word("最后 50 步平均超出的损失", "mean excess loss of the last 50 steps"),
        },
    ) as (left, right):
        left.plot(out["w"], out["b"], "o", markersize=3, alpha=0.6, gid="w,b", label=draw.word("小批量", "mini-batch"))
        left.plot(
            *full.tolist(),
            "x",
            color="C1",
            markersize=9,
            markeredgewidth=2,
            label=draw.word("完整的梯度", "full gradient"),
        )
        left.set(xlim=(-11, 6), ylim=(-12, 0))
        right.plot(out["excess"], gid="excess", label="SGD")
        right.set(yscale="log", xlim=(0, 150), ylim=(1e-6, 20))


def weight_decay(draw: Drawing, decayed, scale):
    l2, w = decayed["adam_l2"][-1], decayed["adamw"][-1]
    with draw.axes(
        x=draw.word("步数", "step"),
        y=draw.word("参数", "parameter"),
        columns=2,
        width=7.2,
        titles=["Adam + L2", "AdamW"],
        share=True,
    ) as axes:
        for ax, path in zip(axes, decayed.values(), strict=True):
            for column, (size, style) in enumerate(zip(scale.tolist(), ("-", "--", ":"), strict=True)):
                ax.plot(
                    range(0, 2001, 40),
                    path[::40, column],
                    style,
                    label=draw.word(f"梯度大小 {size:g}", f"gradients of size {size:g}"),
                )
    return {"l2": l2, "w": w}


def paths(draw: Drawing, paths, rosenbrock):
    import numpy

    names = {
        "gradient_descent": draw.word("梯度下降", "gradient descent"),
        "momentum": draw.word("动量", "momentum"),
        "adam": "Adam",
    }
    loss = {name: rosenbrock(path[-1]).item() for name, path in paths.items()}
    keep = [*range(30), *range(30, 500, 16), 500]
    with draw.axes(x="x", y="y", width=5.2, height=3.8) as ax:
        for level in (0.3, 1, 4, 16, 64, 256):
            a = numpy.linspace(max(-1.6, 1 - level**0.5), min(1.6, 1 + level**0.5), 50)
            half = numpy.sqrt(numpy.clip(level - (1 - a) ** 2, 0, None)) / 10
            for side in (-1, 1):
                ax.plot(a, a**2 + side * half, color=MUTED, linewidth=0.7)
        for (name, path), style in zip(paths.items(), ("o-", "s--", "^-."), strict=True):
            ax.plot(path[keep, 0], path[keep, 1], style, markevery=[-1], markersize=7, label=names[name])
        ax.plot([1], [1], "*", color=INK, markersize=9)
        ax.set(xlim=(-1.6, 1.6), ylim=(-0.6, 1.7))
    return {"loss": loss, "name": name, "names": names, "path": path}


def paths_2(draw: Drawing, ends, lrs):
    names = {
        "gradient_descent": draw.word("梯度下降", "gradient descent"),
        "momentum": draw.word("动量", "momentum"),
        "adam": "Adam",
    }
    with draw.axes(
        x=draw.word("学习率", "learning rate"), y=draw.word("五百步之后的损失", "loss after five hundred steps")
    ) as ax:
        marks = zip(ends.items(), ("o-", "s--", "^-."), strict=True)
        for (name, final), mark in marks:
            finite = final.isfinite() & (final < 1e3)
            ax.plot(lrs[finite, 0], final[finite], mark, markersize=4, label=names[name])
        ax.set_xscale("log")
        ax.set_yscale("log")
    return {"final": final, "name": name, "names": names}


def turn_optimizer(draw: Drawing, run, table):
    names = {"momentum": draw.word("SGD，动量 0.9", "SGD, momentum 0.9")}

    def say(optimizer, rate, out):
        start = draw.word(
            f"{names.get(optimizer, optimizer)}，学习率 {rate:g}：",
            f"{names.get(optimizer, optimizer)}, learning rate {rate:g}: ",
        )
        if out["step"][-1] < 400:
            return start + draw.word(
                f"第 {out['step'][-1]} 步离最小值点已有 {out['away']:.3g}，到此为止。",
                f"at step {out['step'][-1]} the point is {out['away']:.3g} away from the minimum; the run ends here.",
            )
        return start + draw.word(
            f"走了 {out['step'][-1]} 步，损失为 {out['loss'][-1]:.2g}，离最小值点 {out['away']:.2g}。",
            f"after {out['step'][-1]} steps the loss is {out['loss'][-1]:.2g} and the minimum {out['away']:.2g} away.",
        )

    optimizer, rate = "Adam", 0.1
    out = table[optimizer, rate]
    x, y = torch.meshgrid(torch.linspace(-2, 2, 120), torch.linspace(-1, 2, 120), indexing="xy")
    valley = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    with draw.explorable(
        "paths",
        run,
        table,
        start=(optimizer, rate),
        knobs={"optimizer": draw.word("优化器", "Optimizer"), "rate": draw.word("学习率", "Learning rate")},
        names=names,
        panels=[
            dict(
                x="x",
                y="y",
                alt=draw.word(
                    "Rosenbrock 弯谷的等高线与走过的路径。", "The path over the contours of Rosenbrock’s valley."
                ),
            ),
            dict(
                x=draw.word("步数", "step"),
                y=draw.word("损失", "loss"),
                alt=draw.word("沿路径的损失（对数纵轴）。", "The loss along the path, on a log axis."),
            ),
        ],
        say=say,
        columns={"away": draw.word("最后到最小值点的距离", "last distance to the minimum")},
    ) as (left, right):
        left.contour(x, y, valley, levels=[0.3, 1, 4, 16, 64, 256], colors=[MUTED], linewidths=0.7, alpha=0.7)
        left.plot(
            out["x"],
            out["y"],
            "-o",
            markersize=6,
            markevery=[-1],
            linewidth=1.2,
            gid="x,y",
            label=draw.word("路径", "path"),
        )
        left.plot(
            [1],
            [1],
            "x",
            color="C1",
            markersize=8,
            markeredgewidth=2,
            label=draw.word("最小值点 (1, 1)", "minimum (1, 1)"),
        )
        left.set(xlim=(-2, 2), ylim=(-1, 2))
        right.plot(out["step"], out["loss"], gid="step,loss")
        right.set(yscale="log", xlim=(0, 400), ylim=(1e-5, 1000))


def schedules(draw: Drawing, excess, rates, total):
    names = {
        "constant": draw.word("不变", "constant"),
        "staircase": draw.word("阶梯", "staircase"),
        "warmup_cosine": draw.word("预热加余弦", "warm-up and cosine"),
    }
    tails = {name: sum(values[-50:]) / 50 for name, values in excess.items()}
    with draw.axes(
        x=draw.word("步数", "step"),
        columns=2,
        width=7.2,
        titles=[draw.word("学习率", "learning rate"), draw.word("超出最低损失的部分", "loss above the minimum")],
    ) as axes:
        for name, style in zip(names, ("-", "--", "-."), strict=True):
            smooth = [sum(excess[name][k : k + 10]) / 10 for k in range(0, total, 10)]
            axes[0].plot(
                range(0, total, 10),
                rates[name][::10],
                style,
                label=names[name],
                drawstyle="steps-post" if name == "staircase" else "default",
            )
            axes[1].plot(range(0, total, 10), smooth, style, label=names[name])
        axes[1].set_yscale("log", subs=[])
    return {"name": name, "names": names, "tails": tails}
