"""
zh: 超越直线：在真实的手写数字上做分类，从 softmax 回归到小型卷积网络。
en: Beyond a line: classify real handwritten digits, from softmax regression to a CNN.
"""

# --8<-- [start:setup]
import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

# zh: 图很小，一个线程反而更快；求和的次序也因此固定，结果可以逐位重复
# en: for such small images one thread is faster, and it fixes the order of every sum
torch.set_num_threads(1)
torch.manual_seed(0)
# --8<-- [end:setup]

# --8<-- [start:data]
digits = load_digits()
# zh: 像素从 0..16 缩放到 0..1；卷积层要求形状 (张数, 通道, 高, 宽)
# en: pixels from 0..16 to 0..1; convolutions want (number, channels, height, width)
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
print("images", tuple(images.shape), images.dtype)
print("labels", tuple(labels.shape), labels.dtype)
print("per class", labels.bincount().tolist())
# --8<-- [end:data]

# --8<-- [start:split]
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train_rows, val_rows, test_rows = order.split([1000, 397, 400])
print([len(rows) for rows in (train_rows, val_rows, test_rows)])
# --8<-- [end:split]

# --8<-- [start:blind-guesses]
guesses = torch.randint(10, (200, len(images)))
right = guesses == labels
val_scores = right[:, val_rows].float().mean(dim=1)
chosen = val_scores.argmax()
test_score = right[chosen][test_rows].float().mean()
print(f"best of 200 on val {val_scores[chosen]:.3f}  the same on test {test_score:.3f}")
# --8<-- [end:blind-guesses]


# --8<-- [start:dataset]
class Digits(Dataset[tuple[Tensor, int]]):
    """
    zh: 图像 (n, 1, 8, 8) 与标签 (n,)；每次取图时才做增强。
    en: Images (n, 1, 8, 8) with labels (n,); augments an image each time it is fetched.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        # zh: 存成列表：逐张取时，查列表比切张量快
        # en: as lists: one at a time, a list gives them faster than slicing a tensor
        self.images, self.labels = list(images), labels.tolist()
        self.augment = augment

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        if self.augment is not None:
            image = self.augment(image)
        return image, self.labels[index]


train_set = Digits(images[train_rows], labels[train_rows])
# --8<-- [end:dataset]


# --8<-- [start:loader]
def shuffled(data: Digits, seed: int, batch_size: int = 64) -> DataLoader:
    """
    zh: 每轮重新打乱的小批量；次序只取决于 seed，与别处用掉多少随机数无关。
    en: Mini-batches, reshuffled every epoch; the order depends on `seed` alone.
    """
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(data, batch_size, shuffle=True, generator=generator)


sizes = [len(y) for x, y in shuffled(train_set, seed=0)]
print(len(sizes), "batches:", sizes[0], "...", sizes[-1])
# --8<-- [end:loader]

# --8<-- [start:device]
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")
print(device)
# --8<-- [end:device]


# --8<-- [start:softmax-regression]
def softmax_regression() -> nn.Module:
    """
    zh: 线性层给出十个 logit：(n, 1, 8, 8) → (n, 10)。softmax 由损失函数代劳。
    en: One linear layer, ten logits: (n, 1, 8, 8) → (n, 10); the loss adds the softmax.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


model = softmax_regression()
x, y = images[train_rows[:5]], labels[train_rows[:5]]
logits = model(x)
probabilities = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
print("p.sum", [f"{total:.4f}" for total in probabilities.sum(dim=1).tolist()])
by_hand = -probabilities[torch.arange(5), y].log().mean()
print(f"by hand {by_hand:.4f}  torch {F.cross_entropy(logits, y):.4f}")
print(f"ln 10 = {math.log(10):.4f}")
# --8<-- [end:softmax-regression]


# --8<-- [start:loop]
Batches = Iterable[tuple[Tensor, Tensor]]


def train_epoch(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> float:
    """
    zh: 训练一轮，返回各样本损失的平均（边训练边记，各批所用的权重不同）。
    en: One epoch; returns the mean loss, each batch taken before its own update.
    """
    device = next(model.parameters()).device
    model.train()
    total, count = 0.0, 0
    for x, y in batches:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        # zh: 最后一批可能较小，按样本数加权才是真正的平均
        # en: the last batch may be smaller, so weight by its size
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@torch.inference_mode()
def evaluate(model: nn.Module, batches: Batches) -> tuple[float, float]:
    """
    zh: 返回平均损失与准确率；不改动权重，也不改动批归一化的统计量。
    en: Returns mean loss and accuracy; changes neither weights nor running statistics.
    """
    device = next(model.parameters()).device
    model.eval()
    total, correct, count = 0.0, 0, 0
    for x, y in batches:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        total += F.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(dim=1) == y).sum().item()
        count += len(y)
    return total / count, correct / count


# --8<-- [end:loop]


# --8<-- [start:fit]
@dataclass
class History:
    """
    zh: 每轮一个数，外加验证损失最低那一轮的权重。
    en: One number per epoch, and the weights of the epoch with the lowest val loss.
    """

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)


def fit(
    model: nn.Module,
    train: Batches,
    val: Batches,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    patience: int | None = None,
) -> History:
    """
    zh: 训练并记录；连续 patience 轮没有更低的验证损失就提前停止。
    en: Train and record; stop after `patience` epochs without a lower val loss.
    """
    history = History()
    for epoch in range(epochs):
        history.train_loss.append(train_epoch(model, train, optimizer, scheduler))
        loss, accuracy = evaluate(model, val)
        if loss < min(history.val_loss, default=math.inf):
            history.best_epoch = epoch
            # zh: state_dict() 只给引用，不复制的话“最佳”会跟着训练走
            # en: state_dict() holds references: without a copy "best" trains on
            history.best_state = copy.deepcopy(model.state_dict())
        history.val_loss.append(loss)
        history.val_accuracy.append(accuracy)
        if patience is not None and epoch - history.best_epoch >= patience:
            break
    return history


# --8<-- [end:fit]

# --8<-- [start:first-fit]
val_batches = [(images[val_rows], labels[val_rows])]
model = softmax_regression().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
history = fit(model, shuffled(train_set, seed=0), val_batches, optimizer, epochs=20)
for epoch in (0, 1, 4, 19):
    print(
        f"epoch {epoch + 1:2d}  train {history.train_loss[epoch]:.3f}"
        f"  val {history.val_loss[epoch]:.3f}  acc {history.val_accuracy[epoch]:.3f}"
    )
# --8<-- [end:first-fit]


# --8<-- [start:convolution]
def conv2d_by_hand(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """
    zh: 步幅为 1 的二维卷积：x (n, i, h, w)，weight (o, i, k, k)，bias (o,)。
    en: 2-D convolution of stride 1: x (n, i, h, w), weight (o, i, k, k), bias (o,).
    """
    k = weight.shape[-1]
    # zh: 左、右、上、下各补零
    # en: zeros on the left, the right, the top and the bottom
    x = F.pad(x, [padding] * 4)
    height, width = x.shape[-2] - k + 1, x.shape[-1] - k + 1
    output = bias.view(1, -1, 1, 1)
    for u in range(k):
        for v in range(k):
            window = x[:, :, u : u + height, v : v + width]
            # zh: 对 i（输入通道）求和，每张图的每个位置乘同一个矩阵
            # en: sums over i, the input channels: one matrix for every image and place
            mixed = torch.einsum("oi,nihw->nohw", weight[:, :, u, v], window)
            output = output + mixed
    return output


layer = nn.Conv2d(3, 5, kernel_size=3, padding=1)
x = torch.randn(2, 3, 8, 8)
difference = layer(x) - conv2d_by_hand(x, layer.weight, layer.bias, padding=1)
print("shape", tuple(layer(x).shape), "same", difference.abs().max().item() < 1e-5)
print("parameters", sum(p.numel() for p in layer.parameters()), "=", 5 * (3 * 9 + 1))
# --8<-- [end:convolution]

# --8<-- [start:edges]
vertical = torch.tensor([[-1.0, 0.0, 1.0]] * 3)
kernels = torch.stack([vertical, vertical.T]).unsqueeze(1)
edges = conv2d_by_hand(images[:1], kernels, torch.zeros(2), padding=1)[0]
print(tuple(kernels.shape), "->", tuple(edges.shape))
# --8<-- [end:edges]


# --8<-- [start:models]
def mlp(dropout: float = 0.0) -> nn.Module:
    """
    zh: 一个隐藏层的多层感知机：(n, 1, 8, 8) → (n, 10)。
    en: Multilayer perceptron with one hidden layer: (n, 1, 8, 8) → (n, 10).
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


class CNN(nn.Module):
    """
    zh: 两个卷积块与一个线性层：(n, 1, 8, 8) → (n, 10)。
    en: Two convolution blocks and a linear layer: (n, 1, 8, 8) → (n, 10).
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(x).flatten(1)))


for name, tensor in CNN().named_parameters():
    print(f"{name:18s} {tuple(tensor.shape)!s:16s} {tensor.numel():5d}")
# --8<-- [end:models]


# --8<-- [start:shift]
def shift(x: Tensor, down: int, right: int) -> Tensor:
    """
    zh: 平移至多一个像素，移出的像素丢掉，空出的位置补零；形状不变。
    en: Move by at most one pixel, dropping what leaves and filling zeros; same shape.
    """
    rows, columns = slice(1 - down, 9 - down), slice(1 - right, 9 - right)
    return F.pad(x, [1, 1, 1, 1])[..., rows, columns]


# --8<-- [end:shift]

# --8<-- [start:compare]
shifted_batches = [
    (shift(images[val_rows], down, right), labels[val_rows])
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0))
]
comparison = {}
for make in (softmax_regression, mlp, CNN):
    scores = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = make().to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        batches = shuffled(train_set, seed)
        for _ in range(10):
            train_epoch(model, batches, optimizer)
        scores.append([evaluate(model, b)[1] for b in (val_batches, shifted_batches)])
    size = sum(p.numel() for p in model.parameters())
    comparison[make.__name__] = size, torch.tensor(scores)
    plain, moved = comparison[make.__name__][1].mean(dim=0).tolist()
    print(f"{make.__name__:18s} {size:5d}  val {plain:.3f}  shifted {moved:.3f}")
# --8<-- [end:compare]

# --8<-- [start:modes]
torch.manual_seed(0)
model = CNN().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
train_epoch(model, shuffled(train_set, seed=0), optimizer)
image = images[val_rows[:1]].to(device)
company = images[val_rows[:32]].to(device)
with torch.no_grad():
    for mode in (True, False):
        model.train(mode)
        first, second = model(image)[0], model(image)[0]
        together = model(company)[0]
        print(
            f"training={mode!s:5s}"
            f"  again {(first - second).abs().max():.4f}"
            f"  in company {(first - together).abs().max():.4f}"
        )
# --8<-- [end:modes]

# --8<-- [start:batch-norm]
norm = nn.BatchNorm2d(1)
x = images[train_rows[:64]]
before = norm.running_mean.clone()
y = norm(x)
print(f"batch mean {x.mean():.4f}  out mean {y.mean():.4f}  out std {y.std():.4f}")
print(f"running mean {before.item():.4f} -> {norm.running_mean.item():.4f}")
# --8<-- [end:batch-norm]

# --8<-- [start:dropout]
torch.manual_seed(0)
drop = nn.Dropout(0.5)
ones = torch.ones(8)
print("train", drop(ones).tolist())
print("eval ", drop.eval()(ones).tolist())
# --8<-- [end:dropout]


# --8<-- [start:few]
def few_examples(seed: int, size: int, wrong: int) -> tuple[Tensor, Tensor]:
    """
    zh: 从训练集抽 size 个行号，把前 wrong 个标签改错；返回行号与（部分错误的）标签。
    en: Draw `size` training rows and falsify the first `wrong` labels; rows and labels.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = train_rows[torch.randperm(len(train_rows), generator=generator)[:size]]
    given = labels[rows].clone()
    # zh: 加 1..9 再对 10 取余，标签必定改变
    # en: adding 1..9 modulo 10 always changes the label
    lies = torch.randint(1, 10, (wrong,), generator=generator)
    given[:wrong] = (given[:wrong] + lies) % 10
    return rows, given


rows, given = few_examples(seed=0, size=100, wrong=20)
few_set = Digits(images[rows], given)
print((given != labels[rows]).sum().item(), "of", len(few_set))
# --8<-- [end:few]

# --8<-- [start:over-fit]
torch.manual_seed(0)
model = mlp().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
few_batches = shuffled(few_set, seed=0, batch_size=50)
history = fit(model, few_batches, val_batches, optimizer, epochs=40)
for epoch in (0, history.best_epoch, 39):
    print(
        f"epoch {epoch + 1:2d}  train {history.train_loss[epoch]:.3f}"
        f"  val {history.val_loss[epoch]:.3f}  acc {history.val_accuracy[epoch]:.3f}"
    )
memorised = evaluate(model, [(images[rows], given)])[1]
print(f"agrees with the given labels: {memorised:.2f}")
# --8<-- [end:over-fit]


# --8<-- [start:trial]
def random_shift(x: Tensor) -> Tensor:
    """
    zh: 上下、左右各随机移动 -1、0 或 1 个像素；x 最后两维是高和宽。
    en: Move by -1, 0 or 1 pixel each way, at random; x ends in height and width.
    """
    down, right = torch.randint(-1, 2, (2,)).tolist()
    return shift(x, down, right)


def trial(
    seed: int,
    wrong_share: float,
    size: int = 100,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> tuple[float, float, float]:
    """
    zh: 训练一次，在训练时没见过的图上评判：最后的权重、最佳权重，以及平移过的图。
    en: Train once; accuracy on unused images: last weights, best weights, and shifted.
    """
    rows, given = few_examples(seed, size, wrong=round(wrong_share * size))
    unused = train_rows[~torch.isin(train_rows, rows)]
    judge = [(images[unused], labels[unused])]
    moved = [(shift(images[unused], down=0, right=1), labels[unused])]
    torch.manual_seed(seed)
    model = mlp(dropout).to(device)
    # zh: fused：一步更新只调一个内核；网络小、训练次数多时省下不少时间
    # en: fused: one kernel for the whole update, which pays with many small trainings
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-2, weight_decay=weight_decay, fused=True
    )
    batches = shuffled(Digits(images[rows], given, augment), seed, batch_size=50)
    history = fit(model, batches, val_batches, optimizer, epochs=30)
    last, shifted = evaluate(model, judge)[1], evaluate(model, moved)[1]
    model.load_state_dict(history.best_state)
    return last, evaluate(model, judge)[1], shifted


# --8<-- [end:trial]

# --8<-- [start:treatments]
treatments = {
    "none": {},
    "weight decay": {"weight_decay": 1.0},
    "dropout": {"dropout": 0.5},
    "shifts": {"augment": random_shift},
    "more data": {"size": 300},
}
# zh: 形状 (处理, 标签正确或有错, 种子, 三种评判)
# en: shape (treatment, labels right or partly wrong, seed, three judgements)
results = torch.tensor(
    [
        [[trial(seed, share, **options) for seed in range(5)] for share in (0.0, 0.2)]
        for options in treatments.values()
    ]
)
print(" " * 12, "  clean  noisy  best   moved")
for name, (clean, noisy) in zip(treatments, results.mean(dim=2), strict=True):
    print(
        f"{name:12s}   {clean[0]:.3f}  {noisy[0]:.3f}  {noisy[1]:.3f}  {clean[2]:.3f}"
    )
# --8<-- [end:treatments]

# --8<-- [start:treatments-summary]
# zh: 百分数；先舍入到一位小数，文字里的差值才与表一致
# en: in percent, rounded first, so that differences in the text agree with the table
mean = (100 * results.mean(dim=2)).round(decimals=1)
spread = 100 * results.std(dim=2)
wins = (results[:, 1, :, 0] > results[0, 1, :, 0]).sum(dim=1)
print(dict(zip(treatments, wins.tolist(), strict=True)))
# --8<-- [end:treatments-summary]


# --8<-- [start:schedules]
def cosine(step: int, total: int, peak: float) -> float:
    """
    zh: 余弦退火：从 peak 沿半个余弦降到零（Loshchilov & Hutter 2017，式 5）。
    en: Cosine annealing from `peak` to zero (Loshchilov & Hutter 2017, eq. 5).
    """
    return peak / 2 * (1 + math.cos(math.pi * step / total))


def one_cycle(step: int, total: int, peak: float) -> float:
    """
    zh: 单周期：三成步数升到 peak，其余降到近零（PyTorch 的 OneCycleLR 默认值）。
    en: One cycle: 30 % of the steps up, the rest down; the defaults of OneCycleLR.
    """
    top = 0.3 * total - 1
    low, final = peak / 25, peak / 25 / 1e4
    if step <= top:
        return low + (peak - low) * (1 - cosine(step, top, peak=1.0))
    return final + (peak - final) * cosine(step - top, total - 1 - top, peak=1.0)


for step in (0, 47, 80, 159):
    print(f"{step:3d}  {cosine(step, 160, 0.03):.5f}  {one_cycle(step, 160, 0.03):.5f}")
# --8<-- [end:schedules]

# --8<-- [start:compare-schedules]
schedules = {
    "constant": lambda optimizer, peak: None,
    "cosine": lambda optimizer, peak: torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=160
    ),
    "one cycle": lambda optimizer, peak: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=peak, total_steps=160
    ),
}
curves = {}
for peak in (0.01, 0.03):
    for name, make_scheduler in schedules.items():
        runs = []
        for seed in range(5):
            torch.manual_seed(seed)
            model = mlp().to(device)
            optimizer = torch.optim.AdamW(model.parameters(), lr=peak, fused=True)
            scheduler = make_scheduler(optimizer, peak)
            train = shuffled(train_set, seed)
            runs.append(fit(model, train, val_batches, optimizer, 10, scheduler))
        curves[peak, name] = torch.tensor([run.val_loss for run in runs])
        last = curves[peak, name][:, -1]
        print(f"lr {peak}  {name:9s}  val {last.mean():.4f} ± {last.std():.4f}")
# --8<-- [end:compare-schedules]

# --8<-- [start:final-fit]
torch.manual_seed(0)
model = CNN().to(device)
# zh: lr 由下面的 OneCycleLR 改写
# en: OneCycleLR, below, overrides this lr
optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
train = shuffled(Digits(images[train_rows], labels[train_rows], random_shift), seed=0)
epochs = 20
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.03, total_steps=epochs * len(train)
)
history = fit(model, train, val_batches, optimizer, epochs, scheduler)
print(f"best epoch {history.best_epoch + 1}, val {min(history.val_loss):.4f}")
# --8<-- [end:final-fit]

# --8<-- [start:save]
torch.save(history.best_state, "digits.pt")
# --8<-- [end:save]

# --8<-- [start:load]
restored = CNN().to(device)
state = torch.load("digits.pt", map_location=device, weights_only=True)
print(restored.load_state_dict(state))
model.load_state_dict(history.best_state)
print(evaluate(restored, val_batches) == evaluate(model, val_batches))
# --8<-- [end:load]

# --8<-- [start:test]
test_batches = [(images[test_rows], labels[test_rows])]
test_loss, accuracy = evaluate(restored, test_batches)
error = math.sqrt(accuracy * (1 - accuracy) / len(test_rows))
print(f"test accuracy {accuracy:.4f} ± {error:.4f}, {len(test_rows)} images")
# --8<-- [end:test]


# --8<-- [start:confusion]
def confusion_matrix(truth: Tensor, guess: Tensor, classes: int = 10) -> Tensor:
    """
    zh: 第 t 行第 g 列：真实类别为 t、预测为 g 的张数；形状 (classes, classes)。
    en: Row t, column g: how many of class t were taken for g; (classes, classes).
    """
    return torch.bincount(truth * classes + guess, minlength=classes**2).view(
        classes, classes
    )


restored.eval()
with torch.inference_mode():
    guess = restored(images[test_rows].to(device)).argmax(dim=1).cpu()
matrix = confusion_matrix(labels[test_rows], guess)
print(matrix)
# --8<-- [end:confusion]

# --8<-- [start:mistakes]
wrong = guess != labels[test_rows]
for row, taken_for in zip(test_rows[wrong], guess[wrong], strict=True):
    print(f"image {row}: {labels[row]} -> {taken_for}")
# --8<-- [end:mistakes]

# --8<-- [start:writers]
in_order = torch.arange(len(images))
splits = {
    "random": (train_rows, test_rows),
    "in order": (in_order[:1000], in_order[1397:]),
}
writers = {}
for name, (seen, unseen) in splits.items():
    scores = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = mlp().to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        batches = shuffled(Digits(images[seen], labels[seen]), seed)
        for _ in range(10):
            train_epoch(model, batches, optimizer)
        scores.append(evaluate(model, [(images[unseen], labels[unseen])])[1])
    writers[name] = torch.tensor(scores)
    print(f"{name:8s}  {writers[name].mean():.3f} ± {writers[name].std():.3f}")
# --8<-- [end:writers]


# --8<-- [start:repeat]
def weights_after(seed: int, order_seed: int) -> Tensor:
    """
    zh: 训练两轮后，全部参数拼成的一个向量；两个种子分管初始权重与样本次序。
    en: All parameters after two epochs as one vector; one seed for start, one for order.
    """
    torch.manual_seed(seed)
    model = CNN().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    batches = shuffled(train_set, order_seed)
    for _ in range(2):
        train_epoch(model, batches, optimizer)
    return nn.utils.parameters_to_vector(model.parameters()).detach()


first = weights_after(seed=0, order_seed=0)
print("same seeds ", torch.equal(first, weights_after(seed=0, order_seed=0)))
print("other order", torch.equal(first, weights_after(seed=0, order_seed=1)))
print("other start", torch.equal(first, weights_after(seed=1, order_seed=0)))
# --8<-- [end:repeat]


def fails_dtype() -> None:
    """
    zh: 双精度的数据送进单精度的层。抛出 RuntimeError。
    en: Data in double precision for a layer in single precision. Raises RuntimeError.
    """
    # --8<-- [start:fails-dtype]
    nn.Linear(64, 10)(torch.tensor(digits.data))
    # --8<-- [end:fails-dtype]


def fails_channels() -> None:
    """
    zh: 图像少了通道这一维。抛出 RuntimeError。
    en: Images without their dimension of channels. Raises RuntimeError.
    """
    # --8<-- [start:fails-channels]
    CNN()(images[:64].squeeze(1))
    # --8<-- [end:fails-channels]


def fails_scheduler() -> None:
    """
    zh: 调度器的总步数太少，用完了还继续。抛出 ValueError。
    en: A schedule of too few steps, continued beyond its end. Raises ValueError.
    """
    # --8<-- [start:fails-scheduler]
    optimizer = torch.optim.SGD(nn.Linear(64, 10).parameters(), lr=0.1)
    # zh: 把一轮的步数当成了总步数：16 步之后就没有下一步了
    # en: one epoch's steps where the total belongs: after these 16 there is no next
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=16
    )
    for _ in range(17):
        optimizer.step()
        scheduler.step()
    # --8<-- [end:fails-scheduler]


# --8<-- [start:alias]
model = softmax_regression()
alias, kept = model.state_dict(), copy.deepcopy(model.state_dict())
start = kept["1.weight"].norm().item()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
train_epoch(model, shuffled(train_set, seed=0), optimizer)
print(f"start {start:.4f}")
print(f"alias {alias['1.weight'].norm():.4f}")
print(f"kept  {kept['1.weight'].norm():.4f}")
# --8<-- [end:alias]

# --8<-- [start:same-order]
again = [next(iter(shuffled(train_set, seed=0)))[1][:8].tolist() for _ in range(2)]
loader = shuffled(train_set, seed=0)
fresh = [next(iter(loader))[1][:8].tolist() for _ in range(2)]
print("made anew:", again[0], again[1])
print("kept:     ", fresh[0], fresh[1])
# --8<-- [end:same-order]
