"""The figures of basics/losses."""

import math

import torch
from draw import MUTED, Drawing


def mse(draw: Drawing, absolute, c, skewed, squared):
    with draw.axes(
        x="候选常数 c | candidate constant c", y="损失 ÷ 最小值 | loss ÷ its minimum", ylim=(0.7, 3.5)
    ) as ax:
        part = slice(0, 1200, 8)
        for curve, style, name, mark in (
            (squared, "-", "均方误差 | mean squared error", "o"),
            (absolute, "--", "平均绝对误差 | mean absolute error", "s"),
        ):
            (line,) = ax.plot(c[part], curve[part] / curve.min(), style, label=name)
            ax.plot(c[curve.argmin()], 1.0, mark, color=line.get_color())
        name = "样本（第五个在右边图外） | samples (the fifth is off to the right)"
        ax.plot(skewed[:-1], [0.8] * 4, "|", color=MUTED, markersize=9, label=name)


def loss_and_slope(draw: Drawing):
    r = torch.linspace(-3, 3, 121)
    curves = {
        "MSE": (r**2, 2 * r),
        "Huber": (torch.where(r.abs() <= 1, r**2 / 2, r.abs() - 0.5), r.clamp(-1, 1)),
        "L1": (r.abs(), r.sign()),
    }
    titles = ["损失 | loss", "导数 | derivative"]
    with draw.axes(x="残差 r | residual r", columns=2, width=6.4, height=2.6, titles=titles) as (left, right):
        for name, (value, slope) in curves.items():
            left.plot(r, value, label=name)
            right.plot(r, slope, label=name)
        left.set_ylim(-0.2, 4)
        right.set_ylim(-3, 3)


def outliers(draw: Drawing, fits, x, y):
    with draw.axes(x="x", y="y", height=3.2) as ax:
        ax.scatter(x, y, s=8, color=MUTED, label="数据 | data")
        for name, (w, b) in fits.items():
            ax.plot([-1, 1], [b - w, b + w], label=name)


def move_the_outlier(draw: Drawing, OUTLIERS, clean, run, table, x):
    def say(outlier, out):
        mse, huber, l1 = (f"{out[f'{name}_slope']:.2f}".replace("-", "−") for name in ("mse", "huber", "l1"))
        outlier = f"{outlier:g}".replace("-", "−")
        return (
            f"离群点在 y = {outlier}。斜率：MSE {mse}，Huber {huber}，L1 {l1}。"
            f" | The outlier is at y = {outlier}. Slopes: MSE {mse}, Huber {huber}, L1 {l1}."
        )

    out = table[8]
    with draw.explorable(
        "outlier",
        run,
        table,
        start=8,
        knobs={"outlier": "离群点的 y | The outlier’s y"},
        panels=[
            "十一个点，最右边的一个是离群点，以及用三种损失拟合的直线。 | "
            "Eleven points, the rightmost of them an outlier, and the lines fitted under three losses.",
            "三个斜率随离群点的 y 的变化：MSE 的是一条直线，Huber 和 L1 的在两侧都变平。 | The three slopes against"
            " the outlier’s y: MSE’s is a straight line, Huber’s and L1’s level off on both sides.",
        ],
        say=say,
        columns={f"{name.lower()}_slope": f"{name} 的斜率 | slope, {name}" for name in ("MSE", "Huber", "L1")},
    ) as (left, right):
        left.plot(x[:-1], clean[:-1], "o", color=MUTED, markersize=3, label="数据 | data")
        left.plot([1], [8], "D", color="C3", markersize=7, gid="outlier", label="离群点 | outlier")
        for name, colour in (("MSE", "C0"), ("Huber", "C1"), ("L1", "C2")):
            key = name.lower()
            slope = f"{key}_slope"
            left.plot([-1, 1], out[key], color=colour, gid=key, label=name)
            right.plot(OUTLIERS, [each[slope] for each in table.values()], color=colour, label=name)
            mark = dict(color=colour, markersize=6, label=f"_{name}，当前位置 | _{name}, this position")
            right.plot([8], [out[slope]], "o", gid=f"outlier,{slope}", **mark)
        left.set(xlabel="x", ylabel="y", xlim=(-1.1, 1.1), ylim=(-9, 15))
        right.set(xlabel="离群点的 y | the outlier’s y", ylabel="斜率 | slope", xlim=(-9, 15), ylim=(-1, 6))


def temperature(draw: Drawing, TEMPERATURES, run, table):
    def say(temperature, right, out):
        p = out["p"]["ABCDE".index(right)]
        return (
            f"T = {temperature:g}：熵是 {out['entropy']:.3f}，最大可达 ln 5 = {math.log(5):.3f}。"
            f"{right} 类的概率是 {p:.4f}；如果正确的是它，交叉熵就是 {out['loss']:.3f}。"
            f" | T = {temperature:g}: the entropy is {out['entropy']:.3f} of at most ln 5 = {math.log(5):.3f}. "
            f"Class {right} has the probability {p:.4f}; if it is the right one, the cross-entropy is {out['loss']:.3f}."
        )

    out = table[1.0, "B"]
    with draw.explorable(
        "temperature",
        run,
        table,
        start=(1.0, "B"),
        knobs={"temperature": "温度 T | Temperature T", "right": "正确的类 | Right class"},
        panels=[
            "柱形：A 到 E 五类的概率。 | Bars: the probabilities of the five classes A to E.",
            "随温度变化的曲线：熵从零升到 ln 5，虚线是正确的类为 A、B、E 时的交叉熵；两个点标出当前位置。"
            " | Against the temperature: the entropy, a curve from zero up to ln 5, and, dashed, "
            "the cross-entropies if A, B or E is right; points mark this position.",
        ],
        say=say,
        columns={"entropy": "熵 | entropy", "loss": "交叉熵 | cross-entropy"},
    ) as (left, right):
        left.bar(range(5), out["p"], gid="p")
        left.set(
            xlabel="类别 | class",
            ylabel="概率 | probability",
            xlim=(-0.6, 4.6),
            ylim=(0, 1),
            xticks=range(5),
            xticklabels="ABCDE",
        )
        right.axhline(math.log(5), linestyle=":", color=MUTED, label="ln 5")
        right.plot(TEMPERATURES, [table[t, "A"]["entropy"] for t in TEMPERATURES], color="C0", linewidth=1)
        for each in "ABE":
            losses = [table[t, each]["loss"] for t in TEMPERATURES]
            right.plot(TEMPERATURES, losses, "--", color="C1", linewidth=1)
            t, loss = next((t, loss) for t, loss in zip(TEMPERATURES, losses, strict=True) if loss < 9)
            right.text(1.15 * t, loss, each, va="bottom")
        for key, mark, colour, name in (
            ("entropy", "o", "C0", "熵 | entropy"),
            ("loss", "s", "C1", "交叉熵 | cross-entropy"),
        ):
            right.plot([1.0], [out[key]], mark, markersize=8, color=colour, gid=f"temperature,{key}", label=name)
        right.set(
            xlabel="温度 | temperature", ylabel="奈特（nat） | nats", xscale="log", xlim=(0.08, 125), ylim=(0, 10.5)
        )


def softmax_twice(draw: Drawing, floor, once, twice):
    with draw.axes(x="步数 | step", y="损失 | loss", ylim=(0, 2.5)) as ax:
        ax.plot(range(0, 300, 2), once[::2], label="softmax 一次 | softmax once")
        ax.plot(range(0, 300, 2), twice[::2], "-.", label="softmax 两次 | softmax twice")
        ax.axhline(floor, linestyle=":", color=MUTED, label="下界 ln(1 + 9/e) | floor ln(1 + 9/e)")
