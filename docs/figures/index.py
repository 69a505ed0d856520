"""The figures of index."""

from draw import Drawing


def home(draw: Drawing, losses):
    with draw.axes(x="步数 | step", y="损失 | loss", height=2.1, yscale="log") as ax:
        ax.plot(losses)
