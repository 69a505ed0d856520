"""The figures of practice/repair."""

from draw import MUTED, Drawing


def one_constant(draw: Drawing, x, y, y_lie):
    off = 2 * x + 3
    with draw.axes(x="x", y="y − (2x + 3)") as ax:
        ax.scatter(x, y_lie - off, s=10, color="C1", marker="s", label="一个常数 | one constant")
        ax.scatter(x, y - off, s=10, color="C0", label="每点各有噪声 | noise for every point")
        ax.axhline(0, color=MUTED, linewidth=1)
    return {"spread": (y - off).abs().max()}


def broadcast(draw: Drawing, b_fit, b_flat, w_fit, w_flat, x, y):
    with draw.axes(x="x", y="y") as ax:
        ax.scatter(x[::2], y[::2], s=10, color=MUTED, label="数据 | data")
        name = "只改 x：(100, 1) 对 (100,) | only x fixed: (100, 1) against (100,)"
        ax.plot(x, w_flat * x + b_flat, "--", color="C1", label=name)
        name = "都改：(100, 1) 对 (100, 1) | both fixed: (100, 1) against (100, 1)"
        ax.plot(x, w_fit * x + b_fit, color="C0", label=name)


def training(draw: Drawing, history):
    with draw.axes(x="轮数 | epoch", y="损失 | loss", yscale="log") as ax:
        ax.plot(history, label="训练损失 | training loss")
        ax.axhline(0.01, color="C1", linestyle="--", label="噪声的方差 | variance of the noise")


def learned_line(draw: Drawing, b_final, w_final, x, x_test, y_test):
    with draw.axes(x="x", y="y") as ax:
        ax.scatter(x_test.flatten(), y_test.flatten(), s=20, color="C1", marker="^", label="测试点 | test points")
        ax.plot(x.flatten(), (w_final * x + b_final).flatten(), color="C0", label="学到的直线 | learned line")
