"""The figures of basics/autograd."""

import math

import torch
from draw import MUTED, PAPER, Drawing


def three_ways(draw: Drawing, difference_errors, f, grad, widths):
    third = abs(grad(grad(grad(f)))(torch.tensor(1.0, dtype=torch.float64)).item())
    value = math.exp(math.sin(1.0))
    with draw.axes(x=draw.word("步长 h", "step h"), y=draw.word("误差", "error")) as ax:
        for name, dtype, _, mark in (
            (draw.word("单精度", "single precision"), torch.float32, 2**-24, "o"),
            (draw.word("双精度", "double precision"), torch.float64, 2**-53, "s"),
        ):
            ax.plot(widths, difference_errors[dtype], mark, markersize=3, label=name)
        for name, unit, style in (
            (draw.word("单精度的预言", "predicted, single"), 2**-24, "-"),
            (draw.word("双精度的预言", "predicted, double"), 2**-53, "--"),
        ):
            ax.plot(
                widths,
                [h * h * third / 6 + unit * value / h for h in widths],
                style,
                color=MUTED,
                linewidth=1,
                label=name,
            )
        ax.set(xscale="log", yscale="log", ylim=(1e-13, 1e2))
    return {"dtype": dtype, "name": name}


def turn_the_step(draw: Drawing, STEPS, best, exact, f, run, table):
    def short(value):
        mantissa, exponent = f"{value:.1e}".split("e")
        digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa} × 10{digits}" if value else "0"

    def say(h, dtype, form, out):
        return draw.word(
            f"h = {short(h)}，{'前向' if form == 'forward' else '中心'}：差分给出 {out['slope']:.4f}，f′(1) 是 {exact:.4f}。差分的误差是 {short(out['error'])}，{dtype} 下自动求导的误差是 {short(out['autograd'])}。",
            f"h = {short(h)}, {form}: the difference gives {out['slope']:.4f}; f′(1) is {exact:.4f}. It is off by {short(out['error'])}, autograd in {dtype} by {short(out['autograd'])}.",
        )

    start = (0.3, "float32", "forward")
    out = table[start]
    with draw.explorable(
        "difference-step",
        run,
        table,
        start=start,
        knobs={
            "h": draw.word("步长 h", "Step h"),
            "dtype": draw.word("精度", "Precision"),
            "form": draw.word("形式", "Form"),
        },
        panels=[
            dict(
                x="x",
                y="y",
                alt=draw.word(
                    "函数 f 的曲线、它在 x = 1 处的切线，以及过曲线上两点的割线。",
                    "The curve of f, its tangent at x = 1 and the secant through two of its points.",
                ),
            ),
            dict(
                x=draw.word("步长 h", "step h"),
                y=draw.word("误差", "error"),
                alt=draw.word(
                    "差分的误差随步长变化的四条曲线，两轴都是对数，标出当前的步长。",
                    "The error of the difference against the step in four curves, both axes logarithmic, with the present step marked.",
                ),
            ),
        ],
        say=say,
        columns={
            "slope": draw.word("差分", "difference"),
            "error": draw.word("差分的误差", "its error"),
            "autograd": draw.word("自动求导的误差", "error of autograd"),
        },
        names={"forward": draw.word("前向", "forward"), "central": draw.word("中心", "central")},
    ) as (left, right):
        across = torch.linspace(-0.5, 2.5, 61)
        left.plot(across, f(across), color=MUTED, label="f")
        left.plot(
            [-0.5, 2.5],
            [f(torch.tensor(1.0)).item() + exact * (end - 1) for end in (-0.5, 2.5)],
            "--",
            color="C1",
            label=draw.word("切线", "tangent"),
        )
        left.plot([-0.5, 2.5], out["secant"], color="C0", gid="secant", label=draw.word("割线", "secant"))
        left.plot(
            out["x"],
            out["y"],
            "o",
            color="C0",
            markersize=5,
            gid="x,y",
            label=draw.word("割线上的两点", "its two points"),
        )
        left.set(xlim=(-0.5, 2.5), ylim=(-1, 5))
        for (dtype, form), name, colour, style in zip(
            best,
            (
                draw.word("单精度，前向", "single, forward"),
                draw.word("单精度，中心", "single, central"),
                draw.word("双精度，前向", "double, forward"),
                draw.word("双精度，中心", "double, central"),
            ),
            ("C2", "C2", "C3", "C3"),
            ("-", "--", "-.", ":"),
            strict=False,
        ):
            right.plot(
                STEPS, [table[h, dtype, form]["error"] for h in STEPS], style, color=colour, linewidth=1.2, label=name
            )
        right.plot(
            [start[0]],
            [out["error"]],
            "o",
            color="C0",
            markersize=8,
            gid="h,error",
            label=draw.word("当前位置", "this position"),
        )
        right.set(xscale="log", yscale="log", xlim=(3e-17, 3), ylim=(1e-12, 10))


def engine(draw: Drawing, our_losses, their_losses):
    with draw.axes(x=draw.word("步数", "step"), y=draw.word("损失", "loss")) as ax:
        ax.plot(our_losses, label=draw.word("自己的引擎", "our engine"))
        ax.plot(range(0, 150, 6), their_losses[::6], "o", color="C1", markersize=4, label="PyTorch")
        ax.set_yscale("log")


def graph(draw: Drawing, a, b, out):
    level, edges, queue = {out.grad_fn: 0}, [], [out.grad_fn]
    while queue:
        node = queue.pop(0)
        for parent, _ in node.next_functions:
            if parent is not None:
                edges.append((node, parent))
                level[parent] = max(level.get(parent, 0), level[node] + 1)
                queue.append(parent)
    names = {n: type(n).__name__ + {id(a): " a", id(b): " b"}.get(id(getattr(n, "variable", None)), "") for n in level}
    rows = {depth: [n for n in level if level[n] == depth] for depth in set(level.values())}
    place = {
        n: (2 * (k - (len(row) - 1) / 2) * (1.8 if "Accumulate" in names[n] else 1), -depth)
        for depth, row in rows.items()
        for k, n in enumerate(row)
    }
    shown = dict.fromkeys(
        draw.word(f"{names[u]} 指向 {names[v]}", f"{names[u]} points to {names[v]}") for u, v in edges
    )
    with draw.axes(width=5.2, height=3.4) as ax:
        for u, v in dict.fromkeys(edges):
            ax.annotate(
                "", place[v], place[u], arrowprops={"arrowstyle": "->", "color": MUTED, "shrinkA": 12, "shrinkB": 12}
            )
        for n, (h, v) in place.items():
            leaf = "Accumulate" in names[n]
            box = {"boxstyle": "round,pad=0.4", "facecolor": PAPER, "edgecolor": "C1" if leaf else "C0"}
            ax.text(h, v, names[n], ha="center", va="center", bbox=box)
        ax.set(xlim=(-3, 3), ylim=(-max(rows) - 0.5, 0.5))
        ax.axis("off")
    return {"level": level, "shown": shown}
