"""The figures of basics/autograd."""

import torch
from draw import MUTED, PAPER, Drawing


def three_ways(draw: Drawing, difference_errors, f, grad, widths):
    third = abs(grad(grad(grad(f)))(torch.tensor(1.0, dtype=torch.float64)).item())
    value = f(torch.tensor(1.0, dtype=torch.float64)).item()
    with draw.axes(x="步长 h | step h", y="误差 | error", xscale="log", yscale="log", ylim=(1e-13, 1e2)) as ax:
        for dtype, mark, name in (
            (torch.float32, "o", "单精度 | single precision"),
            (torch.float64, "s", "双精度 | double precision"),
        ):
            ax.plot(widths, difference_errors[dtype], mark, markersize=3, label=name)
        for unit, name in ((2**-24, "单精度的预言 | predicted, single"), (2**-53, "双精度的预言 | predicted, double")):
            predicted = [h * h * third / 6 + unit * value / h for h in widths]
            ax.plot(widths, predicted, color=MUTED, linewidth=1, label=name)


def turn_the_step(draw: Drawing, STEPS, best, exact, f, run, table):
    def short(value):
        mantissa, exponent = f"{value:.1e}".split("e")
        digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa} × 10{digits}" if value else "0"

    def say(h, dtype, form, out):
        error, autograd = short(out["error"]), short(out["autograd"])
        return (
            f"h = {short(h)}，{'前向' if form == 'forward' else '中心'}：差分给出 {out['slope']:.4f}，"
            f"f′(1) 是 {exact:.4f}。差分的误差是 {error}，{dtype} 下自动求导的误差是 {autograd}。"
            f" | h = {short(h)}, {form}: the difference gives {out['slope']:.4f}; "
            f"f′(1) is {exact:.4f}. It is off by {error}, autograd in {dtype} by {autograd}."
        )

    out = table[0.3, "float32", "forward"]
    with draw.explorable(
        "difference-step",
        run,
        table,
        start=(0.3, "float32", "forward"),
        knobs={"h": "步长 h | Step h", "dtype": "精度 | Precision", "form": "形式 | Form"},
        names={"forward": "前向 | forward", "central": "中心 | central"},
        panels=[
            "函数 f 的曲线、它在 x = 1 处的切线，以及过曲线上两点的割线。"
            " | The curve of f, its tangent at x = 1 and the secant through two of its points.",
            "差分的误差随步长变化的四条曲线，两轴都是对数，标出当前的步长。 | The error of the difference"
            " against the step in four curves, both axes logarithmic, with the present step marked.",
        ],
        say=say,
        columns={
            "slope": "差分 | difference",
            "error": "差分的误差 | its error",
            "autograd": "自动求导的误差 | error of autograd",
        },
    ) as (left, right):
        across = torch.linspace(-0.5, 2.5, 61)
        left.plot(across, f(across), color=MUTED, label="f")
        tangent = [f(torch.tensor(1.0)).item() + exact * (end - 1) for end in (-0.5, 2.5)]
        left.plot([-0.5, 2.5], tangent, "--", color="C1", label="切线 | tangent")
        left.plot([-0.5, 2.5], out["secant"], color="C0", gid="secant", label="割线 | secant")
        left.plot(out["x"], out["y"], "o", color="C0", markersize=5, gid="x,y", label="割线上的两点 | its two points")
        left.set(xlabel="x", ylabel="y", xlim=(-0.5, 2.5), ylim=(-1, 5))
        names = ["单精度，前向 | single, forward", "单精度，中心 | single, central"]
        names += ["双精度，前向 | double, forward", "双精度，中心 | double, central"]
        for (dtype, form), name, colour in zip(best, names, ("C2", "C2", "C3", "C3"), strict=True):
            errors = [table[h, dtype, form]["error"] for h in STEPS]
            right.plot(STEPS, errors, color=colour, linewidth=1.2, label=name)
        right.plot(
            [0.3], [out["error"]], "o", color="C0", markersize=8, gid="h,error", label="当前位置 | this position"
        )
        right.set(
            xlabel="步长 h | step h",
            ylabel="误差 | error",
            xscale="log",
            yscale="log",
            xlim=(3e-17, 3),
            ylim=(1e-12, 10),
        )


def engine(draw: Drawing, our_losses, their_losses):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        ax.plot(our_losses, label="自己的引擎 | our engine")
        ax.plot(range(0, 150, 6), their_losses[::6], "o", color="C1", markersize=4, label="PyTorch")


def graph(draw: Drawing, a, b, out):
    level, edges, queue = {out.grad_fn: 0}, {}, [out.grad_fn]
    while queue:
        node = queue.pop(0)
        for parent in filter(None, (parent for parent, _ in node.next_functions)):
            edges[node, parent] = None
            level[parent] = max(level.get(parent, 0), level[node] + 1)
            queue.append(parent)
    names = {n: type(n).__name__ + {id(a): " a", id(b): " b"}.get(id(getattr(n, "variable", None)), "") for n in level}
    place = {}
    for depth in set(level.values()):
        row = [n for n in level if level[n] == depth]
        for k, n in enumerate(row):
            place[n] = (2 * (k - (len(row) - 1) / 2) * (1.8 if "Accumulate" in names[n] else 1), -depth)
    shown = dict.fromkeys(draw.word(f"{names[u]} 指向 {names[v]} | {names[u]} points to {names[v]}") for u, v in edges)
    with draw.axes(width=5.2, height=3.4, xlim=(-3, 3), ylim=(-max(level.values()) - 0.5, 0.5)) as ax:
        arrow = {"arrowstyle": "->", "color": MUTED, "shrinkA": 12, "shrinkB": 12}
        for u, v in edges:
            ax.annotate("", place[v], place[u], arrowprops=arrow)
        for n, at in place.items():
            colour = "C1" if "Accumulate" in names[n] else "C0"
            box = {"boxstyle": "round,pad=0.4", "facecolor": PAPER, "edgecolor": colour}
            ax.text(*at, names[n], ha="center", va="center", bbox=box)
        ax.set_axis_off()
    return {"level": level, "shown": shown}
