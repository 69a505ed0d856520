"""The figures of concepts/background."""

import torch
from draw import Drawing


def modules(draw: Drawing, path):
    grid = torch.linspace(1.6, 6.4, 61)
    with draw.axes(x="w", y=draw.word("损失", "loss")) as ax:
        ax.plot(grid, (3 * grid - 12) ** 2, label=draw.word("损失 (3w − 12)²", "loss (3w − 12)²"))
        ax.plot(
            path[:3],
            [(3 * v - 12) ** 2 for v in path[:3]],
            "o--",
            label=draw.word("梯度下降的头两步", "the first two steps of gradient descent"),
        )


def timeline(draw: Drawing, _decimal_year, milestones):
    names = {
        "neuron": draw.word("阈值神经元", "threshold neuron"),
        "perceptron": draw.word("感知机", "perceptron"),
        "reverse-mode": draw.word("反向模式求导", "reverse mode"),
        "backpropagation": draw.word("反向传播", "backpropagation"),
        "PyTorch": draw.word("PyTorch 公开发布", "PyTorch released"),
        "PyTorch Foundation": draw.word("PyTorch 基金会", "PyTorch Foundation"),
    }
    kinds = {
        "idea": (draw.word("思想（圆）", "idea (circle)"), "o"),
        "model": (draw.word("模型（方块）", "model (square)"), "s"),
        "tool": (draw.word("工具（三角）", "tool (triangle)"), "^"),
    }
    years = [_decimal_year(date) for date, *_ in milestones]
    with draw.axes(x=draw.word("年份", "year"), height=4.4) as ax:
        for kind, (label, marker) in kinds.items():
            at = [i for i, row in enumerate(milestones) if row[1] == kind]
            ax.plot([int(years[i]) for i in at], at, marker, markersize=7, label=label)
        ax.set_yticks(range(len(milestones)), [names.get(row[2], row[2]) for row in milestones])
        ax.set_xticks(range(1940, 2021, 20))
        ax.invert_yaxis()
    return {"years": years}
