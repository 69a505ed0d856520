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

    with draw.axes(x="批量 B | batch size B", y="MiB", xscale="log", yscale="log") as ax:
        weights = "权重 + 梯度 + AdamW 状态 | weights + gradients + AdamW state"
        ax.plot(sizes, [fixed] * len(sizes), "--", label=weights)
        ax.plot(sizes, list(map(formula, sizes)), label="激活（公式） | activations (formula)")
        dots = list(map(counted, sizes[:5]))
        ax.plot(sizes[:5], dots, "o", color="C1", label="激活（数出来的） | activations (counted)")
        name = "激活，每块设检查点（公式） | activations, every block checkpointed (formula)"
        ax.plot(sizes, list(map(kept, sizes)), ":", color="C2", label=name)
    cross = (16 * P + 4 * T - 4) / ((formula(2) - formula(1)) * MiB)
    return {"cross": cross, "fixed": fixed, "formula": formula, "kept": kept}


def ring(draw: Drawing, ring_sent):
    n, many = 4 * 1600, range(2, 33)
    naive, ring = [N - 1 for N in many], [2 * (N - 1) / N for N in many]
    with draw.axes(x="进程数 N | processes N", y="发出的字节 ÷ n | bytes sent ÷ n") as ax:
        ax.plot(many, naive, "--", label="两两互发 | everybody to everybody")
        ax.plot(many, ring, label="环形（公式） | ring (formula)")
        sent = [sent / n for sent in ring_sent.values()]
        ax.plot(list(ring_sent), sent, "o", color="C2", label="环形（数出来的） | ring (counted)")
    return {"n": n, "naive": naive, "ring": ring}


def scaling_laws(draw: Drawing, fits, larger, sweep):
    line = [round(5 * 10 ** (k / 8)) for k in range(27)]
    with draw.axes(x="参数个数 N | parameters N", y="测试损失 | test loss", xscale="log", yscale="log") as ax:
        for floor in (0.0, 0.02, 0.04):
            a, alpha, _ = fits[floor]
            name = f"拟合，E = {floor:g} | fit, E = {floor:g}"
            ax.plot(line, [floor + a * k**-alpha for k in line], label=name)
        ax.plot(*zip(*sweep, strict=True), "o", color="C3", label="拟合用的网络 | networks of the fit")
        ax.plot(*zip(*larger, strict=True), "s", color="C4", label="更大的网络 | larger networks")
        ax.axhline(0.04, linestyle=":", color=MUTED, label="噪声的方差 | variance of the noise")
    return {"line": line, "pure_end": fits[0.0][0] * line[-1] ** -fits[0.0][1]}
