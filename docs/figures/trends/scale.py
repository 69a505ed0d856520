"""The figures of trends/scale."""

import torch
from draw import MUTED, Drawing
from torch.nn import functional as F


def activations(draw: Drawing, P, T, classes, depth, model, saved_bytes, width):
    MiB = 2**20
    fixed = (16 * P + 4 * T) / MiB
    sizes = [1, 4, 16, 64, 256, 1024, 4096]

    def formula(b):
        return (4 * b * (depth * (6 * width + 2) + width + classes) + 8 * b + 4) / MiB

    def kept(b):
        return (4 * b * (depth * width + width + classes) + 8 * b + 4) / MiB

    def counted(b):
        part, truth = torch.randn(b, width), torch.zeros(b, dtype=torch.long)
        return saved_bytes(lambda: F.cross_entropy(model(part), truth), model)[1] / MiB

    dots = [counted(b) for b in sizes[:5]]
    cross = (16 * P + 4 * T - 4) / ((formula(2) - formula(1)) * MiB)
    with draw.axes(x=draw.word("批量 B", "batch size B"), y="MiB") as ax:
        ax.plot(
            sizes,
            [fixed] * len(sizes),
            "--",
            label=draw.word("权重 + 梯度 + AdamW 状态", "weights + gradients + AdamW state"),
        )
        ax.plot(sizes, [formula(b) for b in sizes], label=draw.word("激活（公式）", "activations (formula)"))
        ax.plot(sizes[:5], dots, "o", color="C1", label=draw.word("激活（数出来的）", "activations (counted)"))
        ax.plot(
            sizes,
            [kept(b) for b in sizes],
            ":",
            color="C2",
            label=draw.word("激活，每块设检查点（公式）", "activations, every block checkpointed (formula)"),
        )
        ax.set_xscale("log")
        ax.set_yscale("log")
    return {"cross": cross, "fixed": fixed, "formula": formula, "kept": kept}


def ring(draw: Drawing, ring_sent):
    many = list(range(2, 33))
    n = 4 * 1600
    ring = [2 * (N - 1) / N for N in many]
    naive = [N - 1 for N in many]
    with draw.axes(x=draw.word("进程数 N", "processes N"), y=draw.word("发出的字节 ÷ n", "bytes sent ÷ n")) as ax:
        ax.plot(many, naive, "--", label=draw.word("两两互发", "everybody to everybody"))
        ax.plot(many, ring, label=draw.word("环形（公式）", "ring (formula)"))
        ax.plot(
            list(ring_sent),
            [sent / n for sent in ring_sent.values()],
            "o",
            color="C2",
            label=draw.word("环形（数出来的）", "ring (counted)"),
        )
    return {"n": n, "naive": naive, "ring": ring}


def scaling_laws(draw: Drawing, fits, larger, sweep):
    line = [round(5 * 10 ** (k / 8)) for k in range(27)]
    pure_end = fits[0.0][0] * line[-1] ** -fits[0.0][1]
    with draw.axes(x=draw.word("参数个数 N", "parameters N"), y=draw.word("测试损失", "test loss")) as ax:
        for floor, style in ((0.0, "-"), (0.02, "--"), (0.04, "-.")):
            a0, alpha0, _ = fits[floor]
            ax.plot(
                line,
                [floor + a0 * k**-alpha0 for k in line],
                style,
                label=draw.word(f"拟合，E = {floor:g}", f"fit, E = {floor:g}"),
            )
        ax.plot(*zip(*sweep, strict=False), "o", color="C3", label=draw.word("拟合用的网络", "networks of the fit"))
        ax.plot(*zip(*larger, strict=False), "s", color="C4", label=draw.word("更大的网络", "larger networks"))
        ax.axhline(0.04, linestyle=":", color=MUTED, label=draw.word("噪声的方差", "variance of the noise"))
        ax.set_xscale("log")
        ax.set_yscale("log")
    return {"line": line, "pure_end": pure_end}
