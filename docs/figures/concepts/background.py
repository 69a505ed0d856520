"""The figures of concepts/background."""

import torch
from draw import Drawing


def modules(draw: Drawing, path):
    grid = torch.linspace(1.6, 6.4, 61)
    with draw.axes(x="w", y="损失 | loss") as ax:
        ax.plot(grid, (3 * grid - 12) ** 2, label="损失 (3w − 12)² | loss (3w − 12)²")
        steps = "梯度下降的头两步 | the first two steps of gradient descent"
        ax.plot(path[:3], [(3 * w - 12) ** 2 for w in path[:3]], "o--", label=steps)


def timeline(draw: Drawing, _decimal_year, milestones):
    names = {
        "neuron": "阈值神经元 | threshold neuron",
        "perceptron": "感知机 | perceptron",
        "reverse-mode": "反向模式求导 | reverse mode",
        "backpropagation": "反向传播 | backpropagation",
        "PyTorch": "PyTorch 公开发布 | PyTorch released",
        "PyTorch Foundation": "PyTorch 基金会 | PyTorch Foundation",
    }
    years = [_decimal_year(date) for date, *_ in milestones.values()]
    with draw.axes(x="年份 | year", height=4.4) as ax:
        for kind, mark, label in (
            ("idea", "o", "思想（圆） | idea (circle)"),
            ("model", "s", "模型（方块） | model (square)"),
            ("tool", "^", "工具（三角） | tool (triangle)"),
        ):
            at = [i for i, (_, of, _) in enumerate(milestones.values()) if of == kind]
            ax.plot([int(years[i]) for i in at], at, mark, markersize=7, label=label)
        ax.set_yticks(range(len(milestones)), [names.get(name, name) for name in milestones])
        ax.set_xticks(range(1940, 2021, 20))
        ax.invert_yaxis()
    return {"years": years}
