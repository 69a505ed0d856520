"""The figures of index."""

from draw import Drawing


def home(draw: Drawing, losses):
    with draw.axes(x=draw.word("步数", "step"), y=draw.word("损失", "loss"), height=2.1) as ax:
        ax.plot(losses)
        ax.set_yscale("log")
