"""
zh: 过拟合：训练集大小与权重衰减的每种组合各训练一次，标出该提前停止的一步。
en: Overfitting: one run for each size and weight decay, and when to stop early.
"""

# --8<-- [start:imports]
import itertools

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

digits = load_digits()
flat = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)

torch.manual_seed(0)
pool, val, unused = torch.randperm(len(flat)).split([400, 400, 997])
# zh: 训练集里每五个标签有一个是错的
# en: every fifth label of the training set is wrong
noisy_labels = labels[pool]
noisy_labels[::5] = (noisy_labels[::5] + torch.randint(1, 10, (80,))) % 10
# --8<-- [end:imports]


# --8<-- [start:run]
def run(size: int, decay: float) -> dict:
    """
    zh: 用前 size 张图和权重衰减 decay，整批 AdamW 走 120 步；
    zh: 返回每 3 步的训练损失与验证损失、验证损失在哪一步最低（提前停止）、
    zh: 最低多少，以及那时和最后在没用过的图上的准确率。
    en: 120 full-batch steps of AdamW on the first `size` images. Returns training and
    en: validation loss every 3 steps, where the latter is lowest (early stopping),
    en: how low, and the accuracy on unused images then and at the end.
    """
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.01, weight_decay=decay, fused=True
    )
    train_losses, val_losses, accuracies = [], [], []
    for step in range(121):
        loss = F.cross_entropy(model(flat[pool[:size]]), noisy_labels[:size])
        if step % 3 == 0:
            with torch.no_grad():
                val_loss = F.cross_entropy(model(flat[val]), labels[val])
                hits = model(flat[unused]).argmax(1) == labels[unused]
            train_losses.append(round(loss.item(), 3))
            val_losses.append(round(val_loss.item(), 3))
            accuracies.append(round(hits.float().mean().item(), 3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best = val_losses.index(min(val_losses))
    return {
        "train": train_losses,
        "val": val_losses,
        "stop": 3 * best,
        "best": val_losses[best],
        "stopped": accuracies[best],
        "last": val_losses[-1],
        "final": accuracies[-1],
    }


# --8<-- [end:run]

# --8<-- [start:sweep]
SIZES = [50, 100, 200, 400]
DECAYS = [0.0, 0.3, 1.0, 3.0, 10.0]


def sweep() -> dict[tuple[int, float], dict]:
    """
    zh: 每个样本量和权重衰减各跑一次 run，按 (样本量, 衰减) 收在一起。
    en: One run for each number of examples and weight decay, keyed by both.
    """
    positions = itertools.product(SIZES, DECAYS)
    return {position: run(*position) for position in positions}


table = sweep()
for size in SIZES:
    for decay in DECAYS:
        out = table[size, decay]
        print(
            f"{size} images, decay {decay:<4g}  best {out['best']:.3f}"
            f" at step {out['stop']:<3d}  last {out['last']:.3f}"
        )
# --8<-- [end:sweep]
