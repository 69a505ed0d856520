"""The figures of basics/losses."""

import torch
from draw import MUTED, Drawing


def mse(draw: Drawing, absolute, c, skewed, squared):
    with draw.axes(
        x=draw.word("候选常数 c", "candidate constant c"), y=draw.word("损失 ÷ 最小值", "loss ÷ its minimum")
    ) as ax:
        part = slice(0, 1200, 8)
        for curve, style, name, mark in (
            (squared, "-", draw.word("均方误差", "mean squared error"), "o"),
            (absolute, "--", draw.word("平均绝对误差", "mean absolute error"), "s"),
        ):
            (line,) = ax.plot(c[part], curve[part] / curve.min(), style, label=name)
            ax.plot(c[curve.argmin()], 1.0, mark, color=line.get_color())
        ax.plot(
            skewed[:-1],
            [0.8] * 4,
            "|",
            color=MUTED,
            markersize=9,
            label=draw.word("样本（第五个在右边图外）", "samples (the fifth is off to the right)"),
        )
        ax.set_ylim(0.7, 3.5)


def outliers(draw: Drawing):
    r = torch.linspace(-3, 3, 121)
    curves = {
        "MSE": (r**2, 2 * r),
        "Huber": (torch.where(r.abs() <= 1, r**2 / 2, r.abs() - 0.5), r.clamp(-1, 1)),
        "L1": (r.abs(), r.sign()),
    }
    with draw.axes(
        x=draw.word("残差 r", "residual r"),
        columns=2,
        width=6.4,
        height=2.6,
        titles=[draw.word("损失", "loss"), draw.word("导数", "derivative")],
    ) as axs:
        for (name, (value, slope)), style in zip(curves.items(), ("-", "--", "-."), strict=False):
            axs[0].plot(r, value, style, label=name)
            axs[1].plot(r, slope, style)
        axs[0].set_ylim(-0.2, 4)
        axs[1].set_ylim(-3, 3)


def outliers_2(draw: Drawing, fits, x, y):
    with draw.axes(x="x", y="y", height=3.2) as ax:
        ax.scatter(x, y, s=8, color=MUTED, label=draw.word("数据", "data"))
        for (name, (w, b)), style in zip(fits.items(), ("-", "--", "-."), strict=False):
            ax.plot([-1, 1], [b - w, b + w], style, label=name)
    return {"b": b, "name": name, "w": w}


def move_the_outlier(draw: Drawing, OUTLIERS, clean, run, table, x):
    def say(outlier, out):
        text = draw.word(
            f"离群点在 y = {outlier:g}。斜率：MSE {out['mse_slope']:.2f}，Huber {out['huber_slope']:.2f}，L1 {out['l1_slope']:.2f}。",
            f"The outlier is at y = {outlier:g}. Slopes: MSE {out['mse_slope']:.2f}, Huber {out['huber_slope']:.2f}, L1 {out['l1_slope']:.2f}.",
        )
        return text.replace("-", "−")

    out = table[8]
    with draw.explorable(
        "outlier",
        run,
        table,
        start=8,
        knobs={"outlier": draw.word("离群点的 y", "The outlier’s y")},
        panels=[
            dict(
                x="x",
                y="y",
                alt=draw.word(
                    "十一个点，最右边的一个是离群点，以及用三种损失拟合的直线。",
                    "Eleven points, the rightmost of them an outlier, and the lines fitted under three losses.",
                ),
            ),
            dict(
                x=draw.word("离群点的 y", "the outlier’s y"),
                y=draw.word("斜率", "slope"),
                alt=draw.word(
                    "三个斜率随离群点的 y 的变化：MSE 的是一条直线，Huber 和 L1 的在两侧都变平。",
                    "The three slopes against the outlier’s y: MSE’s is a straight line, Huber’s and L1’s level off on both sides.",
                ),
            ),
        ],
        say=say,
        columns={
            "mse_slope": draw.word("MSE 的斜率", "slope, MSE"),
            "huber_slope": draw.word("Huber 的斜率", "slope, Huber"),
            "l1_slope": draw.word("L1 的斜率", "slope, L1"),
        },
    ) as (left, right):
        left.plot(x[:-1], clean[:-1], "o", color=MUTED, markersize=3, label=draw.word("数据", "data"))
        left.plot([1], [8], "D", color="C3", markersize=7, gid="outlier", label=draw.word("离群点", "outlier"))
        for key, name, style, colour in (
            ("mse", "MSE", "-", "C0"),
            ("huber", "Huber", "--", "C1"),
            ("l1", "L1", "-.", "C2"),
        ):
            left.plot([-1, 1], out[key], style, color=colour, gid=key, label=name)
            slopes = [each[f"{key}_slope"] for each in table.values()]
            right.plot(OUTLIERS, slopes, style, color=colour, label=name)
            right.plot(
                [8],
                [out[f"{key}_slope"]],
                "o",
                color=colour,
                markersize=6,
                gid=f"outlier,{key}_slope",
                label=draw.word(f"_{name}，当前位置", f"_{name}, this position"),
            )
        left.set(xlim=(-1.1, 1.1), ylim=(-9, 15))
        right.set(xlim=(-9, 15), ylim=(-1, 6))


def temperature(draw: Drawing, TEMPERATURES, run, table):
    import math

    def say(temperature, right, out):
        return draw.word(
            f"T = {temperature:g}：熵是 {out['entropy']:.3f}，最大可达 ln 5 = {math.log(5):.3f}。{right} 类的概率是 {out['p']['ABCDE'.index(right)]:.4f}；如果正确的是它，交叉熵就是 {out['loss']:.3f}。",
            f"T = {temperature:g}: the entropy is {out['entropy']:.3f} of at most ln 5 = {math.log(5):.3f}. Class {right} has the probability {out['p']['ABCDE'.index(right)]:.4f}; if it is the right one, the cross-entropy is {out['loss']:.3f}.",
        )

    out = table[1.0, "B"]
    with draw.explorable(
        "temperature",
        run,
        table,
        start=(1.0, "B"),
        knobs={"temperature": draw.word("温度 T", "Temperature T"), "right": draw.word("正确的类", "Right class")},
        panels=[
            dict(
                x=draw.word("类别", "class"),
                y=draw.word("概率", "probability"),
                alt=draw.word("柱形：A 到 E 五类的概率。", "Bars: the probabilities of the five classes A to E."),
            ),
            dict(
                x=draw.word("温度", "temperature"),
                y=draw.word("奈特（nat）", "nats"),
                alt=draw.word(
                    "随温度变化的曲线：熵从零升到 ln 5，虚线是正确的类为 A、B、E 时的交叉熵；两个点标出当前位置。",
                    "Against the temperature: the entropy, a curve from zero up to ln 5, and, dashed, the cross-entropies if A, B or E is right; points mark this position.",
                ),
            ),
        ],
        say=say,
        columns={"entropy": draw.word("熵", "entropy"), "loss": draw.word("交叉熵", "cross-entropy")},
    ) as (left, right):
        left.bar(range(5), out["p"], gid="p")
        left.set(xlim=(-0.6, 4.6), ylim=(0, 1), xticks=range(5), xticklabels="ABCDE")
        right.axhline(math.log(5), linestyle=":", color=MUTED, label="ln 5")
        right.plot(TEMPERATURES, [table[t, "A"]["entropy"] for t in TEMPERATURES], color="C0", linewidth=1)
        for each in "ABE":
            right.plot(TEMPERATURES, [table[t, each]["loss"] for t in TEMPERATURES], "--", color="C1", linewidth=1)
            t = next(t for t in TEMPERATURES if table[t, each]["loss"] < 9)
            right.text(1.15 * t, table[t, each]["loss"], each, va="bottom")
        right.plot(
            [1.0],
            [out["entropy"]],
            "o",
            markersize=8,
            color="C0",
            gid="temperature,entropy",
            label=draw.word("熵", "entropy"),
        )
        right.plot(
            [1.0],
            [out["loss"]],
            "s",
            markersize=8,
            color="C1",
            gid="temperature,loss",
            label=draw.word("交叉熵", "cross-entropy"),
        )
        right.set(xscale="log", xlim=(0.08, 125), ylim=(0, 10.5))


def softmax_twice(draw: Drawing, floor, once, twice):
    with draw.axes(x=draw.word("步数", "step"), y=draw.word("损失", "loss")) as ax:
        ax.plot(range(0, 300, 2), once[::2], label=draw.word("softmax 一次", "softmax once"))
        ax.plot(range(0, 300, 2), twice[::2], "-.", label=draw.word("softmax 两次", "softmax twice"))
        ax.axhline(floor, linestyle=":", color=MUTED, label=draw.word("下界 ln(1 + 9/e)", "floor ln(1 + 9/e)"))
        ax.set_ylim(0, 2.5)
