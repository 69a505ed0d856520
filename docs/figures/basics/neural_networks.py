"""The figures of basics/neural-networks."""

import torch
from draw import INK, MUTED, PAPER, Drawing


def layer(draw: Drawing):
    columns = [[(0, 3 - 1.5 * i) for i in range(3)], [(1.6, 3.75 - 1.5 * i) for i in range(4)], [(3.2, 1.5)]]
    bold = columns[1][1]
    with draw.axes(height=2.4, xlim=(-0.5, 3.7), ylim=(-1.3, 4.3)) as ax:
        for left, right in zip(columns, columns[1:], strict=False):
            for x0, y0 in left:
                for x1, y1 in right:
                    look = dict(color="C1", linewidth=2) if (x1, y1) == bold else dict(color=MUTED, linewidth=0.7)
                    ax.plot([x0, x1], [y0, y1], zorder=1, **look)
        for letter, column in zip("xay", columns, strict=True):
            for i, (x, y) in enumerate(column):
                ax.scatter([x], [y], s=330, facecolor=PAPER, edgecolor="C1" if (x, y) == bold else INK, zorder=2)
                name = letter + ("₁₂₃₄"[i] if len(column) > 1 else "")
                ax.text(x, y, name, ha="center", va="center", zorder=3)
        ax.set_axis_off()


def xor_losses(draw: Drawing, linear_losses, mlp_losses):
    with draw.axes(x="步数 | step", y="损失 | loss", yscale="log") as ax:
        for depth, style, name in (
            (1, "-", "一层线性 | one linear layer"),
            (2, "--", "两层线性 | two linear layers"),
            (4, ":", "四层线性 | four linear layers"),
        ):
            ax.plot(range(0, 1000, 8), linear_losses[depth][::8], style, label=name)
        name = "线性 + tanh + 线性 | linear + tanh + linear"
        ax.plot(range(0, 1000, 8), mlp_losses[::8], "-.", label=name)


def _classes(ax, points, targets):
    """The points of both classes, in colours and marks of their own."""
    for target, mark, name in (
        (0, "o", "目标 0（圆点） | target 0 (dots)"),
        (1, "s", "目标 1（方块） | target 1 (squares)"),
    ):
        of = points[targets.squeeze(1) == target]
        ax.scatter(*of.T, s=70, color=f"C{target}", marker=mark, label=name, zorder=3)


def xor_boundary(draw: Drawing, inputs, mlp, targets):
    side = torch.linspace(-0.5, 1.5, 61)
    yy, xx = torch.meshgrid(side, side, indexing="ij")
    with torch.inference_mode():
        p = torch.sigmoid(mlp(torch.stack([xx.flatten(), yy.flatten()], 1))).reshape(61, 61)
    with draw.axes(x="x₁", y="x₂", height=3.6, aspect="equal") as ax:
        ax.contourf(xx, yy, p, levels=[-0.01, 0.1, 0.5, 0.9, 1.01], colors=["C0", "C0", "C1", "C1"], alpha=0.22)
        ax.contour(xx, yy, p, levels=[0.5], colors=[INK], linewidths=1.4).set_label("_p")
        _classes(ax, inputs, targets)
        ax.grid(False)


def hidden_units(draw: Drawing, hidden, inputs, targets):
    titles = ["输入 | input", "隐藏层 | hidden layer"]
    with draw.axes(columns=2, width=6.4, height=2.6, titles=titles, ylim=(-0.3, 1.3)) as (left, right):
        _classes(left, inputs, targets)
        left.set(xlabel="x₁", ylabel="x₂", xlim=(-0.3, 1.3))
        _classes(right, hidden, targets)
        right.plot([-0.1, 2.5], [-0.3, 1.0], "--", color=INK, label="h₁ − 2h₂ = 1/2")
        right.set(xlabel="h₁", ylabel="h₂", xlim=(-0.3, 2.5))


def activations(draw: Drawing, activations, grid, slopes):
    part = slice(20, 221, 2)
    with draw.axes(x="z", columns=2, width=6.4, height=2.7, titles=["φ(z)", "φ′(z)"]) as (left, right):
        for key, phi in activations.items():
            name = {"relu": "ReLU", "gelu": "GELU"}.get(key, key)
            left.plot(grid[part], phi(grid[part]), label=name)
            right.plot(grid[part], slopes[key][part], label=name)
        left.set_ylim(-1.2, 3)


def two_moons(draw: Drawing, run, table, x, y):
    names = {"identity": "恒等 | identity", "relu": "ReLU", "tanh": "tanh"}

    def say(depth, width, activation, out):
        name, s = draw.word(names[activation]), "s" if depth > 1 else ""
        net = (
            f"{depth} 个隐藏层，每层 {width} 个单元，激活函数 {name}： | {depth} hidden layer{s} of {width} units, {name}:"
            if depth
            else "没有隐藏层，宽度和激活函数都不起作用： | No hidden layer, so width and activation change nothing:"
        )
        last, right = f"{out['last']:.3f}", f"{100 * out['accuracy']:.1f}%"
        return (
            net,
            f"损失最后是 {last}，答对 {right} 的点。 | the loss ends at {last}, and {right} of the points are right.",
        )

    out = table[1, 8, "tanh"]
    with draw.explorable(
        "moons",
        run,
        table,
        start=(1, 8, "tanh"),
        knobs={
            "depth": "深度（隐藏层数） | Depth (hidden layers)",
            "width": "宽度（每层单元数） | Width (units in each)",
            "activation": "激活函数 | Activation",
        },
        names=names,
        panels=[
            "两百个点排成两个互相交错的半圆，底色是网络在各处给出的概率。 | Two hundred points in two interlocking"
            " half circles, over the probability that the network gives to every place.",
            "200 步里的损失，以及直线所能达到的最小损失。"
            " | The loss over 200 steps, and the least loss that a straight line can have.",
        ],
        say=say,
        columns={"last": "最后的损失 | last loss", "accuracy": "准确率 | accuracy"},
        height=3.3,
    ) as (left, right):
        shades = [("C0", a / 10) for a in (5, 4, 3, 2, 1)] + [("C1", a / 10) for a in (1, 2, 3, 4, 5)]
        draw.field(left, out["p"], gid="p", x=(-1.5, 2.5), y=(-1.25, 1.75), colours=shades)
        left.scatter(*x[y == 0].T, s=9, color="C0", marker="o", label="类别 0（圆点） | class 0 (dots)")
        left.scatter(*x[y == 1].T, s=9, color="C1", marker="s", label="类别 1（方块） | class 1 (squares)")
        left.set(xlabel="x₁", ylabel="x₂", xlim=(-1.5, 2.5), ylim=(-1.25, 1.75))
        left.grid(False)
        right.plot(range(0, 201, 5), out["loss"], gid="loss", label="损失 | loss")
        line = table[3, 16, "identity"]["last"]
        right.axhline(line, linestyle="--", color="C1", label="直线的最小损失 | least loss of a straight line")
        right.set(xlabel="步数 | step", ylabel="损失 | loss", xlim=(0, 200), ylim=(0, 0.85))


def variance(draw: Drawing, through_depth):
    names = {"std 0.01": "标准差 0.01 | std 0.01", "nn.Linear": "nn.Linear 默认 | nn.Linear’s default"}
    names |= {"Xavier": "Xavier", "He": "He", "std 1": "标准差 1 | std 1"}
    with draw.axes(x="层 | layer", y="Var(z)", yscale="log") as ax:
        for (name, v), style in zip(through_depth.items(), ("o-", "s--", "D-.", "^-", "v:"), strict=True):
            ax.plot(range(1, 11), v, style, markersize=4, label=names[name])
        ax.set_yticks([1e-20, 1e-10, 1, 1e10, 1e20])
    return {"names": {name: draw.word(pair) for name, pair in names.items()}}


def vanishing(draw: Drawing, norms):
    layer = "层（梯度从右向左传） | layer (the gradient travels right to left)"
    with draw.axes(x=layer, y="∂L/∂z 的范数 | norm of ∂L/∂z", yscale="log", xticks=[1, 5, 10, 15, 20]) as ax:
        for name, g in norms.items():
            ax.plot(range(1, 21), g, label=name)
