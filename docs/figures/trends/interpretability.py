"""The figures of trends/interpretability."""

from draw import MUTED, Drawing

BARE = dict(xticks=[], yticks=[])


def transparent(draw: Drawing, models):
    weight_maps = models["linear"][1].weight.detach().view(10, 8, 8)
    limit = weight_maps.abs().max().item()
    with draw.axes(columns=5, rows=2, width=6.0, height=2.9, titles="0123456789", **BARE) as axs:
        for ax, weights in zip(axs.flat, weight_maps, strict=True):
            ax.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)


def integrated_gradients(draw: Drawing, gaps):
    steps = [1, 4, 16, 64, 256]
    relu, smooth = ([gaps[net, m] for m in steps] for net in ("cnn", "smooth"))
    gap = "|归因之和 − (f(x) − f(x′))| 的平均 | mean of |sum of attributions − (f(x) − f(x′))|"
    with draw.axes(x="步数 m | steps m", y=gap, xscale="log", yscale="log") as ax:
        ax.plot(steps, relu, "o-", label="ReLU 与最大池化 | ReLU and max pooling")
        ax.plot(steps, smooth, "s--", label="GELU 与平均池化 | GELU and average pooling")
        ax.plot(steps[1:], [relu[1] * 4 / m for m in steps[1:]], ":", color=MUTED, label="∝ 1/m")
        ax.plot(steps[1:], [smooth[1] * 8 / m**2 for m in steps[1:]], "-.", color=MUTED, label="∝ 1/m²")
    return {"relu": relu, "smooth_gaps": smooth}


def agreement(draw: Drawing, maps, saliency, x):
    titles = ["输入 | input", "显著图 | saliency", "梯度×输入 | grad × input", "积分梯度 | integrated"]
    titles += ["遮挡 | occlusion"]
    signed = [maps["gradient*input"], maps["integrated"], maps["occlusion"]]
    with draw.axes(columns=5, rows=3, width=6.4, height=4.0, titles=titles, **BARE) as axs:
        for k, line in enumerate(axs):
            line[0].imshow(x[k, 0], cmap="gray", vmin=0, vmax=x[k].max())
            line[1].imshow(saliency[k, 0], cmap="viridis", vmin=0, vmax=saliency[k].max())
            for ax, column in zip(line[2:], signed, strict=True):
                limit = column[k].abs().max()
                ax.imshow(column[k, 0], cmap="RdBu_r", vmin=-limit, vmax=limit)
    return {"chosen_rows": [0, 1, 2]}


def sanity_check(draw: Drawing, similar):
    shown = {
        "gradient": ("o-", "梯度 | gradient"),
        "gradient*input": ("s--", "梯度×输入 | gradient × input"),
        "integrated": ("^-.", "积分梯度 | integrated gradients"),
        "occlusion": ("v:", "遮挡 | occlusion"),
        "input": ("D-", "输入（对照） | input (control)"),
    }
    titles = ["带符号 | with sign", "取绝对值 | absolute"]
    made_random = "换掉的层数 | layers made random"
    with draw.axes(x=made_random, columns=2, width=6.6, height=2.8, titles=titles, share=True) as axs:
        for key, (style, name) in shown.items():
            for ax, curve in zip(axs, zip(*similar[key], strict=True), strict=True):
                ax.plot(range(4), curve, style, markersize=4, label=name)
        axs[0].set_xticks(range(4))


def adversarial(draw: Drawing, robust):
    change = "每个像素的改动 ε | change of each pixel ε"
    with draw.axes(x=change, y="测试准确率 | test accuracy", height=2.5, xticks=list(robust)) as ax:
        attacked, noisy = zip(*robust.values(), strict=True)
        ax.plot(list(robust), noisy, "s--", label="随机的符号 | random signs")
        ax.plot(list(robust), attacked, "o-", label="梯度的符号 | signs of the gradient")


def shortcut(draw: Drawing, ones, where):
    titles = ["带记号的图 | a marked image", "归因 | attribution"]
    with draw.axes(columns=2, width=4.4, height=2.4, titles=titles, **BARE) as (left, right):
        left.imshow(ones[0, 0], cmap="gray", vmin=0, vmax=1)
        right.imshow(where, cmap="viridis", vmin=0)
