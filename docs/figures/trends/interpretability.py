"""The figures of trends/interpretability."""

from draw import MUTED, Drawing


def transparent(draw: Drawing, models):
    weight_maps = models["linear"][1].weight.detach().view(10, 8, 8)
    limit = weight_maps.abs().max().item()
    with draw.axes(columns=5, rows=2, width=6.0, height=2.9, titles=[str(k) for k in range(10)]) as axs:
        for ax, weights_of in zip(axs.flat, weight_maps, strict=False):
            ax.imshow(weights_of, cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.grid(False)
            ax.set(xticks=[], yticks=[])


def integrated_gradients(draw: Drawing, gaps):
    counts_of = [1, 4, 16, 64, 256]
    relu = [gaps["cnn", m] for m in counts_of]
    smooth_gaps = [gaps["smooth", m] for m in counts_of]
    with draw.axes(
        x=draw.word("步数 m", "steps m"),
        y=draw.word("|归因之和 − (f(x) − f(x′))| 的平均", "mean of |sum of attributions − (f(x) − f(x′))|"),
    ) as ax:
        ax.loglog(counts_of, relu, "o-", label=draw.word("ReLU 与最大池化", "ReLU and max pooling"))
        ax.loglog(counts_of, smooth_gaps, "s--", label=draw.word("GELU 与平均池化", "GELU and average pooling"))
        ax.loglog(counts_of[1:], [relu[1] * 4 / m for m in counts_of[1:]], ":", color=MUTED, label="∝ 1/m")
        ax.loglog(counts_of[1:], [smooth_gaps[1] * 8 / m**2 for m in counts_of[1:]], "-.", color=MUTED, label="∝ 1/m²")
    return {"relu": relu, "smooth_gaps": smooth_gaps}


def agreement(draw: Drawing, maps, saliency, x):
    names = [
        draw.word("输入", "input"),
        draw.word("显著图", "saliency"),
        draw.word("梯度×输入", "grad × input"),
        draw.word("积分梯度", "integrated"),
        draw.word("遮挡", "occlusion"),
    ]
    columns = [x, saliency, maps["gradient*input"], maps["integrated"], maps["occlusion"]]
    chosen_rows = [0, 1, 2]
    with draw.axes(columns=5, rows=3, width=6.4, height=4.0, titles=names + [""] * 10) as axs:
        for line, k in zip(axs, chosen_rows, strict=False):
            for j, (ax, column) in enumerate(zip(line, columns, strict=False)):
                limit = column[k].abs().max().item()
                style = (
                    dict(cmap="gray" if j == 0 else "viridis", vmin=0, vmax=limit)
                    if j < 2
                    else dict(cmap="RdBu_r", vmin=-limit, vmax=limit)
                )
                ax.imshow(column[k, 0], **style)
                ax.grid(False)
                ax.set(xticks=[], yticks=[])
    return {"chosen_rows": chosen_rows, "k": k}


def sanity_check(draw: Drawing, similar):
    shown = {
        draw.word("梯度", "gradient"): "gradient",
        draw.word("梯度×输入", "gradient × input"): "gradient*input",
        draw.word("积分梯度", "integrated gradients"): "integrated",
        draw.word("遮挡", "occlusion"): "occlusion",
        draw.word("输入（对照）", "input (control)"): "input",
    }
    with draw.axes(
        columns=2,
        width=6.6,
        height=2.8,
        titles=[draw.word("带符号", "with sign"), draw.word("取绝对值", "absolute")],
        share=True,
    ) as axs:
        for (label, name), style, mark in zip(shown.items(), ("-", "--", "-.", ":", "-"), "os^vD", strict=False):
            for side in (0, 1):
                axs[side].plot(
                    range(4), [pair[side] for pair in similar[name]], style, marker=mark, markersize=4, label=label
                )
        for ax in axs:
            ax.set_xticks(range(4), ["0", "1", "2", "3"])
            ax.set_xlabel(draw.word("换掉的层数", "layers made random"))


def adversarial(draw: Drawing, robust):
    epsilons = list(robust)
    with draw.axes(
        x=draw.word("每个像素的改动 ε", "change of each pixel ε"),
        y=draw.word("测试准确率", "test accuracy"),
        height=2.5,
    ) as ax:
        ax.plot(
            epsilons,
            [noise_score for _, noise_score in robust.values()],
            "s--",
            label=draw.word("随机的符号", "random signs"),
        )
        ax.plot(
            epsilons,
            [attacked_score for attacked_score, _ in robust.values()],
            "o-",
            label=draw.word("梯度的符号", "signs of the gradient"),
        )
        ax.set_xticks(epsilons)


def shortcut(draw: Drawing, ones, where):
    with draw.axes(
        columns=2,
        width=4.4,
        height=2.4,
        titles=[draw.word("带记号的图", "a marked image"), draw.word("归因", "attribution")],
    ) as axs:
        axs[0].imshow(ones[0, 0], cmap="gray", vmin=0, vmax=1)
        axs[1].imshow(where, cmap="viridis", vmin=0)
        for ax in axs:
            ax.grid(False)
            ax.set(xticks=[], yticks=[])
