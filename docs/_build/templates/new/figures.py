"""The figures of @part@/@name@."""

import torch
from draw import Drawing


def parabola(draw: Drawing, error, mean, values):
    grid = torch.linspace(0, 6, 61)
    errors = [error(values, c) for c in grid]
    with draw.axes(x="c", y="均方误差 | mean squared error") as ax:
        ax.plot(grid, errors, label="E(c)")
        ax.plot([mean], [error(values, mean)], "o", label="平均值 | mean")
