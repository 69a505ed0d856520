"""The figures of practice/beyond-a-line."""

import torch
from draw import MUTED, Drawing


def data(draw: Drawing, images, labels):
    with draw.axes(columns=10, rows=2, width=6.4, height=1.6) as axs:
        for k in range(10):
            for row, index in enumerate((labels == k).nonzero().flatten()[:2].tolist()):
                axs[row, k].imshow(images[index, 0], cmap="gray", vmin=0, vmax=1)
                axs[row, k].set_axis_off()


def convolution(draw: Drawing, edges, images):
    with draw.axes(
        columns=3,
        width=5.2,
        height=2.0,
        titles=[draw.word("输入", "input"), draw.word("竖边", "vertical edges"), draw.word("横边", "horizontal edges")],
    ) as axs:
        axs[0].imshow(images[0, 0], cmap="gray", vmin=0, vmax=1)
        for ax, edge in zip(axs[1:], edges, strict=False):
            ax.imshow(edge, cmap="RdBu_r", vmin=-3, vmax=3)
        for ax in axs:
            ax.grid(False)
            ax.set(xticks=[], yticks=[])


def over_fitting(draw: Drawing, history):
    best = history.best_epoch
    epochs = range(1, len(history.val_loss) + 1)
    with draw.axes(
        x=draw.word("轮", "epoch"),
        columns=2,
        width=6.4,
        height=2.6,
        titles=[draw.word("损失", "loss"), draw.word("验证准确率", "validation accuracy")],
    ) as axs:
        axs[0].plot(epochs, history.train_loss, label=draw.word("训练", "training"))
        axs[0].plot(epochs, history.val_loss, "--", label=draw.word("验证", "validation"))
        axs[1].plot(epochs, history.val_accuracy, "--", color="C1")
        for ax in axs:
            ax.axvline(best + 1, color=MUTED, linestyle=":", linewidth=1)
    return {"best": best}


def turn_weight_decay(draw: Drawing, run, table):
    def say(size, decay, out):
        end = (
            draw.word(f"，最后是 {out['last']:.2f}", f"and ends at {out['last']:.2f}")
            if out["stop"] < 120
            else draw.word("，正是最后一步", "at the very end")
        )
        return draw.word(
            f"{size} 张图，λ = {decay:g}：验证损失在第 {out['stop']} 步最低，为 {out['best']:.2f}{end}；训练损失最后是 {out['train'][-1]:.2f}。"
            f"在没用过的图上，那一步的权重答对 {100 * out['stopped']:.0f}%，最后的权重答对 {100 * out['final']:.0f}%。",
            f"{size} images, λ = {decay:g}: the validation loss is lowest at step {out['stop']}, {out['best']:.2f}, {end}; the training loss ends at {out['train'][-1]:.2f}. "
            f"Accuracy on unused images: {100 * out['stopped']:.0f}% with the weights of that step, {100 * out['final']:.0f}% with the last.",
        )

    out = table[100, 0.0]
    with draw.explorable(
        "weight-decay",
        run,
        table,
        start=(100, 0.0),
        knobs={
            "size": draw.word("训练图的张数", "Training images"),
            "decay": draw.word("权重衰减 λ", "Weight decay λ"),
        },
        panels=[
            dict(
                x=draw.word("步数", "step"),
                y=draw.word("损失", "loss"),
                alt=draw.word(
                    "120 步里的训练损失与验证损失，圆点标出验证损失最低处。",
                    "Training and validation loss over 120 steps, with a mark where the validation loss is lowest.",
                ),
            )
        ],
        say=say,
        columns={
            "stop": draw.word("验证损失最低的一步", "step of lowest validation loss"),
            "best": draw.word("最低的验证损失", "lowest validation loss"),
            "last": draw.word("最后的验证损失", "last validation loss"),
            "stopped": draw.word("那一步的准确率", "accuracy at that step"),
            "final": draw.word("最后的准确率", "accuracy at the end"),
        },
    ) as ax:
        ax.plot(range(0, 121, 3), out["train"], gid="train", label=draw.word("训练", "training"))
        ax.plot(range(0, 121, 3), out["val"], "--", gid="val", label=draw.word("验证", "validation"))
        ax.plot(
            [out["stop"]],
            [out["best"]],
            "o",
            markersize=9,
            color="C2",
            gid="stop,best",
            label=draw.word("提前停止", "early stopping"),
        )
        ax.set(xlim=(0, 122), ylim=(0, 2.4))


def schedules(draw: Drawing, cosine, curves, one_cycle, schedules):
    with draw.axes(
        columns=2,
        width=6.4,
        height=2.7,
        titles=[draw.word("学习率", "learning rate"), draw.word("验证损失", "validation loss")],
    ) as axs:
        steps = range(0, 160, 2)
        rates = {
            draw.word("固定", "constant"): [0.03 for _ in steps],
            draw.word("余弦", "cosine"): [cosine(s, 160, 0.03) for s in steps],
            draw.word("单周期", "one cycle"): [one_cycle(s, 160, 0.03) for s in steps],
        }
        for (label, rate), name, style in zip(rates.items(), schedules, ("-", "--", "-."), strict=False):
            axs[0].plot(steps, rate, style, label=label)
            axs[1].plot(range(1, 11), curves[0.03, name].mean(dim=0), style)
        axs[0].set_xlabel(draw.word("步", "step"))
        axs[1].set_xlabel(draw.word("轮", "epoch"))
        axs[1].set_yscale("log")


def test(draw: Drawing, matrix):
    off = matrix.clone().fill_diagonal_(0)
    with draw.axes(x=draw.word("认作", "taken for"), y=draw.word("真实", "true"), width=3.6, height=3.4) as ax:
        hits = torch.where(matrix.diag().diag() > 0, matrix.float(), torch.nan)
        misses = torch.where(off > 0, off.float(), torch.nan)
        ax.imshow(hits, cmap="Blues", vmin=0, vmax=2 * matrix.max())
        ax.imshow(misses, cmap="Reds", vmin=0, vmax=2.5 * off.max())
        ax.grid(False)
        ax.set(xticks=range(10), yticks=range(10))
        for t in range(10):
            for g in range(10):
                if matrix[t, g]:
                    ax.text(g, t, str(matrix[t, g].item()), ha="center", va="center", color="#111111")
    return {"off": off}


def test_2(draw: Drawing, guess, images, labels, test_rows, wrong):
    rows = test_rows[wrong].tolist()[:6]
    said = guess[wrong].tolist()[:6]
    titles = [f"{labels[row]} → {g}" for row, g in zip(rows, said, strict=False)]
    with draw.axes(columns=len(rows), width=1.5 * len(rows) + 0.2, height=1.9, titles=titles) as axs:
        for ax, row in zip([axs] if len(rows) == 1 else axs, rows, strict=False):
            ax.imshow(images[row, 0], cmap="gray", vmin=0, vmax=1)
            ax.grid(False)
            ax.set(xticks=[], yticks=[])
    return {"row": row, "rows": rows, "said": said}
