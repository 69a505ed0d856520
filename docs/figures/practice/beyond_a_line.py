"""The figures of practice/beyond-a-line."""

import torch
from draw import MUTED, Drawing

GREY = dict(cmap="gray", vmin=0, vmax=1)
BARE = dict(xticks=[], yticks=[])


def data(draw: Drawing, images, labels):
    with draw.axes(columns=10, rows=2, width=6.4, height=1.6) as axs:
        for k in range(10):
            for ax, index in zip(axs[:, k], (labels == k).nonzero().flatten().tolist(), strict=False):
                ax.imshow(images[index, 0], **GREY)
                ax.set_axis_off()


def convolution(draw: Drawing, edges, images):
    titles = ["输入 | input", "竖边 | vertical edges", "横边 | horizontal edges"]
    with draw.axes(columns=3, width=5.2, height=2.0, titles=titles, **BARE) as (first, *others):
        first.imshow(images[0, 0], **GREY)
        for ax, edge in zip(others, edges, strict=True):
            ax.imshow(edge, cmap="RdBu_r", vmin=-3, vmax=3)


def over_fitting(draw: Drawing, history):
    best, epochs = history.best_epoch, range(1, len(history.val_loss) + 1)
    titles = ["损失 | loss", "验证准确率 | validation accuracy"]
    with draw.axes(x="轮 | epoch", columns=2, width=6.4, height=2.6, titles=titles) as (left, right):
        left.plot(epochs, history.train_loss, label="训练 | training")
        left.plot(epochs, history.val_loss, "--", label="验证 | validation")
        right.plot(epochs, history.val_accuracy, "--", color="C1", label="验证 | validation")
        for ax in (left, right):
            ax.axvline(best + 1, color=MUTED, linestyle=":", linewidth=1)
    return {"best": best}


def turn_weight_decay(draw: Drawing, run, table):
    def say(size, decay, out):
        stop, best, last = out["stop"], f"{out['best']:.2f}", f"{out['last']:.2f}"
        stopped, final = f"{100 * out['stopped']:.0f}%", f"{100 * out['final']:.0f}%"
        return (
            f"{size} 张图，λ = {decay:g}：验证损失在第 {stop} 步最低，为 {best}"
            f" | {size} images, λ = {decay:g}: the validation loss is lowest at step {stop}, {best},",
            f"，最后是 {last}； | and ends at {last};" if stop < 120 else "，正是最后一步； | at the very end;",
            f"训练损失最后是 {out['train'][-1]:.2f}。 | the training loss ends at {out['train'][-1]:.2f}.",
            f"在没用过的图上，那一步的权重答对 {stopped}，最后的权重答对 {final}。"
            f" | Accuracy on unused images: {stopped} with the weights of that step, {final} with the last.",
        )

    out = table[100, 0.0]
    with draw.explorable(
        "weight-decay",
        run,
        table,
        start=(100, 0.0),
        knobs={"size": "训练图的张数 | Training images", "decay": "权重衰减 λ | Weight decay λ"},
        panels=[
            "120 步里的训练损失与验证损失，圆点标出验证损失最低处。"
            " | Training and validation loss over 120 steps, with a mark where the validation loss is lowest."
        ],
        say=say,
        columns={
            "stop": "验证损失最低的一步 | step of lowest validation loss",
            "best": "最低的验证损失 | lowest validation loss",
            "last": "最后的验证损失 | last validation loss",
            "stopped": "那一步的准确率 | accuracy at that step",
            "final": "最后的准确率 | accuracy at the end",
        },
        x="步数 | step",
        y="损失 | loss",
    ) as ax:
        ax.plot(range(0, 121, 3), out["train"], gid="train", label="训练 | training")
        ax.plot(range(0, 121, 3), out["val"], "--", gid="val", label="验证 | validation")
        mark = dict(markersize=9, color="C2", label="提前停止 | early stopping")
        ax.plot([out["stop"]], [out["best"]], "o", gid="stop,best", **mark)
        ax.set(xlim=(0, 122), ylim=(0, 2.4))


def schedules(draw: Drawing, cosine, curves, one_cycle, schedules):
    steps = range(0, 160, 2)
    rates = {
        "固定 | constant": [0.03 for _ in steps],
        "余弦 | cosine": [cosine(s, 160, 0.03) for s in steps],
        "单周期 | one cycle": [one_cycle(s, 160, 0.03) for s in steps],
    }
    titles = ["学习率 | learning rate", "验证损失 | validation loss"]
    with draw.axes(columns=2, width=6.4, height=2.7, titles=titles) as (left, right):
        for (name, rate), key in zip(rates.items(), schedules, strict=True):
            left.plot(steps, rate, label=name)
            right.plot(range(1, 11), curves[0.03, key].mean(dim=0), label=name)
        left.set_xlabel("步 | step")
        right.set(xlabel="轮 | epoch", yscale="log")


def confusion(draw: Drawing, matrix):
    off = matrix.clone().fill_diagonal_(0)
    hits = torch.where(matrix.diag().diag() > 0, matrix.float(), torch.nan)
    misses = torch.where(off > 0, off.float(), torch.nan)
    with draw.axes(x="认作 | taken for", y="真实 | true", width=3.6, height=3.4) as ax:
        ax.imshow(hits, cmap="Blues", vmin=0, vmax=2 * matrix.max())
        ax.imshow(misses, cmap="Reds", vmin=0, vmax=2.5 * off.max())
        ax.grid(False)
        ax.set(xticks=range(10), yticks=range(10))
        for t, g in matrix.nonzero().tolist():
            ax.text(g, t, str(matrix[t, g].item()), ha="center", va="center", color="#111111")
    return {"off": off}


def mistakes(draw: Drawing, guess, images, labels, test_rows, wrong):
    rows, said = test_rows[wrong].tolist()[:6], guess[wrong].tolist()[:6]
    titles = [f"{labels[row]} → {g}" for row, g in zip(rows, said, strict=True)]
    with draw.axes(columns=len(rows), width=1.5 * len(rows) + 0.2, height=1.9, titles=titles, **BARE) as axs:
        for ax, row in zip([axs] if len(rows) == 1 else axs, rows, strict=True):
            ax.imshow(images[row, 0], **GREY)
    return {"rows": rows, "said": said}
