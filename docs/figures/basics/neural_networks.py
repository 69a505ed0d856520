"""The figures of basics/neural-networks."""

import torch
from draw import INK, MUTED, PAPER, Drawing


def layer(draw: Drawing):
    with draw.axes(height=2.4) as ax:
        columns = [[(0, 3 - 1.5 * i) for i in range(3)], [(1.6, 3.75 - 1.5 * i) for i in range(4)], [(3.2, 1.5)]]
        for left, right in zip(columns, columns[1:], strict=False):
            for x0, y0 in left:
                for x1, y1 in right:
                    bold = (x1, y1) == columns[1][1]
                    ax.plot([x0, x1], [y0, y1], color="C1" if bold else MUTED, linewidth=2 if bold else 0.7, zorder=1)
        for number, column in enumerate(columns):
            for i, (cx, cy) in enumerate(column):
                bold = (cx, cy) == columns[1][1]
                ax.scatter([cx], [cy], s=330, facecolor=PAPER, edgecolor="C1" if bold else INK, zorder=2)
                name = ["x", "a", "y"][number] + ("₁₂₃₄"[i] if len(column) > 1 else "")
                ax.text(cx, cy, name, ha="center", va="center", zorder=3)
        ax.set_xlim(-0.5, 3.7)
        ax.set_ylim(-1.3, 4.3)
        ax.axis("off")


def xor(draw: Drawing, linear_losses, mlp_losses):
    steps = range(0, 1000, 8)
    with draw.axes(x=draw.word("步数", "step"), y=draw.word("损失", "loss")) as ax:
        for (depth, losses), style in zip(linear_losses.items(), ("-", "--", ":"), strict=False):
            name = {
                1: draw.word("一层线性", "one linear layer"),
                2: draw.word("两层线性", "two linear layers"),
                4: draw.word("四层线性", "four linear layers"),
            }[depth]
            ax.plot(steps, losses[::8], style, label=name)
        ax.plot(steps, mlp_losses[::8], "-.", label=draw.word("线性 + tanh + 线性", "linear + tanh + linear"))
        ax.set_yscale("log")


def xor_2(draw: Drawing, inputs, mlp, targets):
    side = torch.linspace(-0.5, 1.5, 61)
    yy, xx = torch.meshgrid(side, side, indexing="ij")
    with torch.inference_mode():
        p = torch.sigmoid(mlp(torch.stack([xx.flatten(), yy.flatten()], 1))).reshape(61, 61)
    with draw.axes(x="x₁", y="x₂", height=3.6) as ax:
        ax.contourf(xx, yy, p, levels=[-0.01, 0.1, 0.5, 0.9, 1.01], colors=["C0", "C0", "C1", "C1"], alpha=0.22)
        ax.contour(xx, yy, p, levels=[0.5], colors=[INK], linewidths=1.4).set_label("_p")
        is_one = targets.squeeze(1) == 1
        ax.scatter(
            *inputs[~is_one].T,
            s=70,
            color="C0",
            marker="o",
            label=draw.word("目标 0（圆点）", "target 0 (dots)"),
            zorder=3,
        )
        ax.scatter(
            *inputs[is_one].T,
            s=70,
            color="C1",
            marker="s",
            label=draw.word("目标 1（方块）", "target 1 (squares)"),
            zorder=3,
        )
        ax.set_aspect("equal")
        ax.grid(False)


def hidden_units(draw: Drawing, hidden, inputs, targets):
    is_one = targets.squeeze(1) == 1
    with draw.axes(
        columns=2, width=6.4, height=2.6, titles=[draw.word("输入", "input"), draw.word("隐藏层", "hidden layer")]
    ) as axs:
        for ax, points, names in zip(axs, (inputs, hidden), (("x₁", "x₂"), ("h₁", "h₂")), strict=False):
            ax.scatter(
                *points[~is_one].T,
                s=70,
                color="C0",
                marker="o",
                label=draw.word("目标 0（圆点）", "target 0 (dots)"),
                zorder=3,
            )
            ax.scatter(
                *points[is_one].T,
                s=70,
                color="C1",
                marker="s",
                label=draw.word("目标 1（方块）", "target 1 (squares)"),
                zorder=3,
            )
            ax.set_xlabel(names[0])
            ax.set_ylabel(names[1])
        axs[0].set(xlim=(-0.3, 1.3), ylim=(-0.3, 1.3))
        axs[1].plot([-0.1, 2.5], [-0.3, 1.0], "--", color=INK, label="h₁ − 2h₂ = 1/2")
        axs[1].set(xlim=(-0.3, 2.5), ylim=(-0.3, 1.3))


def activations(draw: Drawing, activations, grid, slopes):
    with draw.axes(x="z", columns=2, width=6.4, height=2.7, titles=["φ(z)", "φ′(z)"]) as axs:
        part = slice(20, 221, 2)
        for (name, phi), style in zip(activations.items(), ("-", "--", "-.", ":"), strict=False):
            axs[0].plot(grid[part], phi(grid[part]), style, label={"relu": "ReLU", "gelu": "GELU"}.get(name, name))
            axs[1].plot(grid[part], slopes[name][part], style)
        axs[0].set_ylim(-1.2, 3)
    return {"name": name}


def two_moons(draw: Drawing, run, table, x, y):
    names = {"identity": draw.word("恒等", "identity"), "relu": "ReLU", "tanh": "tanh"}
    line = table[3, 16, "identity"]["last"]

    def say(depth, width, activation, out):
        if depth == 0:
            net = draw.word(
                "没有隐藏层，宽度和激活函数都不起作用", "No hidden layer, so width and activation change nothing"
            )
        else:
            net = draw.word(
                f"{depth} 个隐藏层，每层 {width} 个单元，激活函数 {names[activation]}",
                f"{depth} hidden layer{'s' if depth > 1 else ''} of {width} units, {names[activation]}",
            )
        return draw.word(
            f"{net}：损失最后是 {out['last']:.3f}，答对 {100 * out['accuracy']:.1f}% 的点。",
            f"{net}: the loss ends at {out['last']:.3f}, and {100 * out['accuracy']:.1f}% of the points are right.",
        )

    out = table[1, 8, "tanh"]
    with draw.explorable(
        "moons",
        run,
        table,
        start=(1, 8, "tanh"),
        knobs={
            "depth": draw.word("深度（隐藏层数）", "Depth (hidden layers)"),
            "width": draw.word("宽度（每层单元数）", "Width (units in each)"),
            "activation": draw.word("激活函数", "Activation"),
        },
        names=names,
        panels=[
            dict(
                x="x₁",
                y="x₂",
                height=3.3,
                alt=draw.word(
                    "两百个点排成两个互相交错的半圆，底色是网络在各处给出的概率。",
                    "Two hundred points in two interlocking half circles, over the probability that the network gives to every place.",
                ),
            ),
            dict(
                x=draw.word("步数", "step"),
                y=draw.word("损失", "loss"),
                height=3.3,
                alt=draw.word(
                    "200 步里的损失，以及直线所能达到的最小损失。",
                    "The loss over 200 steps, and the least loss that a straight line can have.",
                ),
            ),
        ],
        say=say,
        columns={"last": draw.word("最后的损失", "last loss"), "accuracy": draw.word("准确率", "accuracy")},
    ) as (left, right):
        shades = [("C0", a / 10) for a in (5, 4, 3, 2, 1)] + [("C1", a / 10) for a in (1, 2, 3, 4, 5)]
        draw.field(left, out["p"], gid="p", x=(-1.5, 2.5), y=(-1.25, 1.75), colours=shades)
        left.scatter(*x[y == 0].T, s=9, color="C0", marker="o", label=draw.word("类别 0（圆点）", "class 0 (dots)"))
        left.scatter(*x[y == 1].T, s=9, color="C1", marker="s", label=draw.word("类别 1（方块）", "class 1 (squares)"))
        left.set(xlim=(-1.5, 2.5), ylim=(-1.25, 1.75))
        left.grid(False)
        right.plot(range(0, 201, 5), out["loss"], gid="loss", label=draw.word("损失", "loss"))
        right.axhline(
            line, linestyle="--", color="C1", label=draw.word("直线的最小损失", "least loss of a straight line")
        )
        right.set(xlim=(0, 200), ylim=(0, 0.85))


def variance(draw: Drawing, through_depth):
    names = {
        "std 0.01": draw.word("标准差 0.01", "std 0.01"),
        "nn.Linear": draw.word("nn.Linear 默认", "nn.Linear’s default"),
        "Xavier": "Xavier",
        "He": "He",
        "std 1": draw.word("标准差 1", "std 1"),
    }
    with draw.axes(x=draw.word("层", "layer"), y="Var(z)") as ax:
        for (name, v), style in zip(through_depth.items(), ("-", "--", "-.", "-", ":"), strict=False):
            ax.plot(range(1, 11), v, style, marker="osD^v"[list(names).index(name)], markersize=4, label=names[name])
        ax.set_yscale("log")
        ax.set_yticks([1e-20, 1e-10, 1, 1e10, 1e20])
    return {"name": name, "names": names, "v": v}


def vanishing(draw: Drawing, norms):
    with draw.axes(
        x=draw.word("层（梯度从右向左传）", "layer (the gradient travels right to left)"),
        y=draw.word("∂L/∂z 的范数", "norm of ∂L/∂z"),
    ) as ax:
        for (name, g), style in zip(norms.items(), ("-", "--", "-.", ":"), strict=False):
            ax.plot(range(1, 21), g, style, label=name)
        ax.set_xticks([1, 5, 10, 15, 20])
        ax.set_yscale("log")
    return {"g": g, "name": name}
