"""The figures of concepts/deep-learning."""

import torch
from draw import INK, MUTED, Drawing
from matplotlib.patches import FancyBboxPatch


def three_circles(draw: Drawing):
    rings = [
        ("人工智能：任何能完成任务的程序 | AI: any program that does the task", "规则、搜索 | rules, search"),
        ("机器学习：参数由数据定 | ML: learns the parameters", "逻辑回归、随机森林 | logistic regression, forests"),
        ("深度学习：特征也由数据定 | DL: learns the features, too", "多层网络 | networks of several layers"),
    ]
    with draw.axes(height=2.6, xlim=(-0.1, 10.1), ylim=(-0.1, 6.1)) as ax:
        for depth, (name, example) in enumerate(rings):
            left, bottom, top = 0.4 * depth, 0.2 * depth, 6 - 1.85 * depth
            look = dict(boxstyle="round,pad=0,rounding_size=0.3", fill=False, edgecolor=f"C{depth}", linewidth=2)
            ax.add_patch(FancyBboxPatch((left, bottom), 10 - 2 * left, top - bottom, **look))
            ax.text(left + 0.4, top - 0.65, name, va="center")
            ax.text(left + 0.4, top - 1.35, example, va="center", color=MUTED)
        ax.set_axis_off()


def rules(draw: Drawing, digit, drawn, pixels, read_digit):
    answers = read_digit(pixels)
    shown = [next(i for i in range(len(digit)) if digit[i] == d) for d in range(10)]
    mosaic = torch.full((17, 89), torch.nan)
    for d in range(10):
        mosaic[:8, 9 * d : 9 * d + 8] = 0
        mosaic[:8, 9 * d + 1 : 9 * d + 6] = drawn[d]
        mosaic[9:, 9 * d : 9 * d + 8] = pixels[shown[d]].reshape(8, 8)
    with draw.axes(width=5.6, height=1.3) as ax:
        big = mosaic.repeat_interleave(8, 0).repeat_interleave(8, 1)
        ax.imshow(big, cmap="gray", interpolation="none", extent=(0, 89, 17, 0))
        ax.set_yticks([4, 13], ["人画的 | drawn", "数据里的 | data"])
        ax.set_xticks([])
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    return {"right": sum(bool(answers[i] == digit[i]) for i in shown)}


def one_parameter(draw: Drawing, candidates, learned, radius_accuracy, risks):
    with draw.axes(x="界线 θ | limit θ", y="经验风险 | empirical risk") as ax:
        ax.plot(candidates, risks, label="经验风险 | empirical risk")
        square = dict(color="C1", markersize=11, markerfacecolor="none", markeredgewidth=2)
        ax.plot([15], [1 - radius_accuracy], "s", label="人定的界线（方块） | limit set by a person (square)", **square)
        ax.plot([learned], [risks.min()], "o", color="C2", label="学到的界线（圆） | limit learned (circle)")


def three_learners(draw: Drawing, on_cells, on_digits):
    words = {"logistic": "逻辑回归 | logistic", "forest": "随机森林 | forest", "network": "网络 | network"}
    words = {key: draw.word(pair) for key, pair in words.items()}
    titles = ["手写数字 | digits", "细胞 | cells"]
    with draw.axes(y="准确率 | accuracy", columns=2, width=5.6, share=True, titles=titles) as panels:
        for ax, scores in zip(panels, (on_digits, on_cells), strict=True):
            for place, (key, values) in enumerate(scores.items()):
                spread = [place + 0.03 * (k - 4.5) for k in range(10)]
                ax.plot(spread, values, "o", color=f"C{place}", markersize=4, label=f"_{words[key]}")
                ax.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color=INK)
            ax.set_xticks(range(3), words.values())
            ax.set_xlim(-0.6, 2.6)
    return {"words": words}


def data_size(draw: Drawing, by_size, rule_accuracy, sizes):
    words = {"logistic": "逻辑回归 | logistic regression", "forest": "随机森林 | random forest"}
    words |= {"network": "网络 | network"}
    with draw.axes(x="训练样本数 | training examples", y="准确率 | accuracy", xscale="log") as ax:
        for (key, values), style in zip(by_size.items(), ("o-", "s--", "^-."), strict=True):
            ax.plot(sizes, values.mean(1), style, label=words[key])
        ax.axhline(rule_accuracy, linestyle=":", color=MUTED, label="手写规则 | hand-written rule")
    return {"words": {key: draw.word(pair) for key, pair in words.items()}}


def learned_features(draw: Drawing, given, trained, widths):
    with draw.axes(x="隐藏单元数 | hidden units", y="测试准确率 | test accuracy") as ax:
        ax.plot(widths, trained, "o-", label="学到的特征 | learned features")
        ax.plot(widths, given, "s--", label="随机的特征 | random features")
        ax.set_xscale("log", base=2)
        ax.set_xticks(widths, [str(w) for w in widths])


def two_planes(draw: Drawing, digit, planes, test):
    titles = ["训练前 | before training", "训练后 | after training"]
    components = dict(x="第一主成分 | first component", y="第二主成分 | second component")
    with draw.axes(columns=2, width=6.6, height=3.4, titles=titles, **components) as panels:
        for ax, plane in zip(panels, planes.values(), strict=True):
            for d in range(10):
                mark = dict(marker=f"${d}$", color=f"C{d % 8}", markeredgewidth=0.3, label=f"_{d}")
                ax.plot(*plane[digit[test] == d][:7].T, linestyle="none", **mark)
            ax.set(xticks=[], yticks=[])


def depth(draw: Drawing, zigzag):
    with draw.axes(x="x", y="输出 | output") as ax:
        for depth, style in ((1, "-"), (2, "--"), (4, ":")):
            grid = torch.linspace(0, 1, 2**depth + 1)
            ax.plot(grid, zigzag(grid, depth), style, label=f"{depth} 层 | depth {depth}")
