"""
zh: 损失函数：由似然推出，算它的梯度，看数值上和用法上会错在哪里。
en: Loss functions: derived from likelihood, differentiated, and where they go wrong.
"""

# --8<-- [start:setup]
import math
import warnings

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

# --8<-- [end:setup]

# --8<-- [start:gaussian]
torch.manual_seed(0)
sigma = 0.5
y = 3 + sigma * torch.randn(200)

negative_log_likelihoods = {}
for mu in (2.0, 3.0, 4.0):
    nll = -torch.distributions.Normal(mu, sigma).log_prob(y).mean()
    mse = F.mse_loss(torch.full_like(y, mu), y)
    from_mse = mse / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
    negative_log_likelihoods[mu] = (nll.item(), from_mse.item())
    print(f"mu = {mu}: nll {nll:.4f}, mse {mse:.4f}, from mse {from_mse:.4f}")
# --8<-- [end:gaussian]

# --8<-- [start:best-constant]
skewed = torch.tensor([1.0, 2.0, 3.0, 4.0, 15.0])
c = torch.arange(0, 16, 0.01)

# zh: 每一列是一个候选常数，每一行是一个样本
# en: one column per candidate constant, one row per sample
residuals = c - skewed[:, None]
squared = residuals.square().mean(0)
absolute = residuals.abs().mean(0)
print(f"MSE: c = {c[squared.argmin()]:.2f}, mean {skewed.mean():.2f}")
print(f"L1 : c = {c[absolute.argmin()]:.2f}, median {skewed.median():.2f}")
# --8<-- [end:best-constant]

# --8<-- [start:outlier-data]
torch.manual_seed(0)
x = torch.linspace(-1, 1, 100)
y = 2 * x + 3 + 0.1 * torch.randn(100)
# zh: 最右边十个点的读数出了错
# en: the ten readings on the far right are wrong
y[-10:] += 10


def fit_line(criterion: nn.Module, steps: int = 1000) -> tuple[float, float]:
    """
    zh: 用给定的损失拟合 wx + b，返回 (w, b)。
    en: Fit wx + b under the given loss; returns (w, b).
    """
    w = torch.zeros((), requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.1)
    for _ in range(steps):
        loss = criterion(w * x + b, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w.item(), b.item()


# --8<-- [end:outlier-data]

# --8<-- [start:outlier-fit]
fits = {
    "MSE": fit_line(nn.MSELoss()),
    "Huber": fit_line(nn.HuberLoss(delta=1.0)),
    "L1": fit_line(nn.L1Loss()),
}
for name, (w, b) in fits.items():
    print(f"{name:6} w = {w:.2f}, b = {b:.2f}")
# --8<-- [end:outlier-fit]

# --8<-- [start:outlier-pull]
# zh: 一个样本的残差怎样变成对预测的拉力
# en: how one sample's residual becomes a pull on the prediction
r = torch.tensor([0.1, 1.0, 10.0])
pulls = {}
for loss in (F.mse_loss, F.huber_loss, F.l1_loss):
    prediction = r.clone().requires_grad_()
    loss(prediction, torch.zeros(3), reduction="sum").backward()
    pulls[loss.__name__] = [round(g, 4) for g in prediction.grad.tolist()]
    print(f"{loss.__name__:11}", pulls[loss.__name__])
# --8<-- [end:outlier-pull]

# --8<-- [start:bernoulli]
z = torch.tensor([-2.0, 0.5, 3.0], requires_grad=True)
y = torch.tensor([0.0, 1.0, 0.0])
p = torch.sigmoid(z)

by_hand = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
likelihood = torch.distributions.Bernoulli(p).log_prob(y).exp().prod()
print(f"by hand              {by_hand:.6f}")
print(f"-ln(likelihood) / n  {-likelihood.log() / 3:.6f}")
print(f"built in             {F.binary_cross_entropy_with_logits(z, y):.6f}")

(bce_gradient,) = torch.autograd.grad(by_hand, z)
print("gradient is (p - y) / n:", torch.allclose(bce_gradient, (p - y) / 3))
# --8<-- [end:bernoulli]


# --8<-- [start:logit-200]
def naive(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 照公式写的二元交叉熵：z 和 y 同形，结果是标量；
    zh: |z| 大时得 inf 或 nan。
    en: Binary cross-entropy as written: z and y of one shape, a scalar out;
    en: inf or nan when |z| is large.
    """
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


def in_two_steps(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 先 sigmoid 再二元交叉熵；z 和 y 同形，结果是标量。
    en: The sigmoid, then binary cross-entropy; z and y of one shape, a scalar out.
    """
    return F.binary_cross_entropy(torch.sigmoid(z), y)


extremes = {}
for loss in (naive, in_two_steps, F.binary_cross_entropy_with_logits):
    z = torch.tensor([200.0], requires_grad=True)
    value = loss(z, torch.zeros(1))
    value.backward()
    extremes[loss.__name__] = (value.item(), z.grad.item())
    print(f"{loss.__name__:34}{value.item():8.1f}{z.grad.item():8.1f}")
# --8<-- [end:logit-200]


# --8<-- [start:stable-bce]
def stable_bce(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 由对数几率 z 直接算二元交叉熵的均值；z、y 形状相同。
    en: Mean binary cross-entropy straight from the logits z; z and y of one shape.
    """
    # zh: exp 的参数从不为正，所以不会溢出
    # en: the argument of exp is never positive, so it cannot overflow
    softplus = z.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))
    return (softplus - y * z).mean()


z = torch.tensor([-200.0, -1.0, 0.0, 2.0, 200.0])
y = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0])
print(f"{stable_bce(z, y):.6f} {F.binary_cross_entropy_with_logits(z, y):.6f}")
# --8<-- [end:stable-bce]

# --8<-- [start:softmax-gradient]
torch.manual_seed(0)
Z = torch.randn(4, 10, requires_grad=True)
target = torch.tensor([3, 0, 9, 3])

P = torch.softmax(Z, dim=1)
Y = F.one_hot(target, num_classes=10)
by_hand = -P[range(4), target].log().mean()
print(f"{by_hand:.6f} {F.cross_entropy(Z, target):.6f}")

(gradient,) = torch.autograd.grad(F.cross_entropy(Z, target), Z)
# zh: cross_entropy 对四个样本取了平均，所以梯度也要除以 4
# en: cross_entropy averages over the four samples, hence the division by 4
print(f"largest difference {(gradient - (P - Y) / 4).abs().max():.0e}")
# --8<-- [end:softmax-gradient]


# --8<-- [start:log-sum-exp]
def log_sum_exp(z: torch.Tensor) -> torch.Tensor:
    """
    zh: log Σ exp(z)，沿最后一维；先减去最大值，exp 不会溢出。
    en: log Σ exp(z) over the last dimension, the maximum taken out before exp.
    """
    m = z.max(dim=-1, keepdim=True).values
    return m.squeeze(-1) + (z - m).exp().sum(-1).log()


big = torch.tensor([1000.0, 1001.0, 1002.0])
print("naive ", big.exp().sum().log().item())
print("shifted", round(log_sum_exp(big).item(), 4))
print("torch  ", round(torch.logsumexp(big, dim=-1).item(), 4))
# --8<-- [end:log-sum-exp]

# --8<-- [start:untrained]
digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)


def classifier() -> nn.Sequential:
    """
    zh: 64-32-10 的分类器，输出 logit，每次起点相同。
    en: A 64-32-10 classifier that returns logits, with the same start every time.
    """
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


with torch.inference_mode():
    untrained = F.cross_entropy(classifier()(images), labels).item()
print(f"untrained {untrained:.4f}, ln 10 = {math.log(10):.4f}")
# --8<-- [end:untrained]


# --8<-- [start:softmax-twice]
def train(softmax_first: bool, steps: int = 300) -> tuple[list[float], float]:
    """
    zh: 训练分类器，返回每步的损失和最后的训练准确率。
    en: Train the classifier; returns each step's loss and the final training accuracy.
    """
    model = classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        scores = model(images)
        if softmax_first:
            # zh: 错误就在这里：cross_entropy 自己还会再做一次 softmax
            # en: the mistake: cross_entropy applies softmax once more
            scores = scores.softmax(dim=1)
        loss = F.cross_entropy(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.inference_mode():
        accuracy = (model(images).argmax(dim=1) == labels).float().mean().item()
    return losses, accuracy


once, once_accuracy = train(softmax_first=False)
twice, twice_accuracy = train(softmax_first=True)
floor = math.log(1 + 9 / math.e)
print(f"once : loss {once[-1]:.4f}, accuracy {once_accuracy:.3f}")
print(f"twice: loss {twice[-1]:.4f}, accuracy {twice_accuracy:.3f}")
print(f"floor: loss {floor:.4f}")
# --8<-- [end:softmax-twice]

# --8<-- [start:stuck]
# zh: 十分肯定，却错了：第 0 类的 logit 是 20，而正确答案是第 1 类
# en: sure and wrong: class 0 has logit 20, the right answer is class 1
z = torch.zeros(1, 10)
z[0, 0] = 20.0
z.requires_grad_()
wrong = torch.tensor([1])

(single,) = torch.autograd.grad(F.cross_entropy(z, wrong), z)
(double,) = torch.autograd.grad(F.cross_entropy(z.softmax(dim=1), wrong), z)
print(f"once {single[0, 1]:.2e}, twice {double[0, 1]:.2e}")
# --8<-- [end:stuck]

# --8<-- [start:reductions]
torch.manual_seed(0)
logits = torch.randn(100, 10)
target = torch.randint(10, (100,))

each = F.cross_entropy(logits, target, reduction="none")
total = F.cross_entropy(logits, target, reduction="sum")
mean = F.cross_entropy(logits, target)
print(tuple(each.shape), tuple(total.shape), tuple(mean.shape))
print(f"sum / n {total / 100:.4f}, mean {mean:.4f}")

# zh: 两个小批量大小不同：均值的均值不是总的均值
# en: two batches of different size: the mean of means is not the overall mean
batches = (slice(90), slice(90, 100))
parts = [F.cross_entropy(logits[s], target[s]) for s in batches]
weighted = 0.9 * parts[0] + 0.1 * parts[1]
print(f"mean of means {sum(parts) / 2:.4f}, weighted {weighted:.4f}")
# --8<-- [end:reductions]

# --8<-- [start:shapes]
cases = {
    "one sample": ((10,), ()),
    "batch": ((5, 10), (5,)),
    "pixels": ((5, 10, 8, 8), (5, 8, 8)),
}
for name, (input_shape, target_shape) in cases.items():
    scores = torch.zeros(input_shape)
    classes = torch.zeros(target_shape, dtype=torch.long)
    print(f"{name:12}{F.cross_entropy(scores, classes):.4f}")
# --8<-- [end:shapes]

# --8<-- [start:class-weights]
weight = torch.ones(10)
weight[3] = 5.0

own = weight[target]
by_hand = (own * each).sum() / own.sum()
print(f"{by_hand:.6f} {F.cross_entropy(logits, target, weight=weight):.6f}")
# --8<-- [end:class-weights]

# --8<-- [start:label-smoothing]
epsilon, K = 0.1, 10
q = (1 - epsilon) * F.one_hot(target, K) + epsilon / K
soft = F.cross_entropy(logits, q)
built_in = F.cross_entropy(logits, target, label_smoothing=epsilon)
print(f"{soft:.6f} {built_in:.6f}")

# zh: 最好的 logit 正是 log q，此时的损失是 q 的熵
# en: the best logits are log q, and there the loss is the entropy of q
smoothing_floor = F.cross_entropy(q.log(), q)
entropy = -(q[0] * q[0].log()).sum()
print(f"floor {smoothing_floor:.4f}, entropy {entropy:.4f}")
# --8<-- [end:label-smoothing]


def fails_dtype() -> None:
    """
    zh: 类别编号用了浮点数。抛出 RuntimeError。
    en: Class numbers given as floats. Raises RuntimeError.
    """
    # --8<-- [start:fails-dtype]
    logits = torch.randn(4, 3)
    F.cross_entropy(logits, torch.tensor([0.0, 2.0, 1.0, 1.0]))
    # --8<-- [end:fails-dtype]


def fails_bounds() -> None:
    """
    zh: 类别编号 3 超出三类的范围。抛出 IndexError。
    en: Class number 3 where there are three classes. Raises IndexError.
    """
    # --8<-- [start:fails-bounds]
    logits = torch.randn(4, 3)
    F.cross_entropy(logits, torch.tensor([1, 2, 3, 1]))
    # --8<-- [end:fails-bounds]


def fails_column() -> None:
    """
    zh: 类别编号排成一列 (4, 1)，应为 (4,)。抛出 RuntimeError。
    en: Class numbers in a column, (4, 1) in place of (4,). Raises RuntimeError.
    """
    # --8<-- [start:fails-column]
    logits = torch.randn(4, 3)
    F.cross_entropy(logits, torch.tensor([[0], [2], [1], [1]]))
    # --8<-- [end:fails-column]


def fails_size() -> None:
    """
    zh: logits 是 (4, 1)，标签是 (4,)。抛出 ValueError。
    en: Logits of (4, 1) against labels of (4,). Raises ValueError.
    """
    # --8<-- [start:fails-size]
    logits = torch.randn(4, 1)
    F.binary_cross_entropy_with_logits(logits, torch.ones(4))
    # --8<-- [end:fails-size]


def fails_range() -> None:
    """
    zh: 把大于 1 的数当作概率。抛出 RuntimeError。
    en: A number above 1 given as a probability. Raises RuntimeError.
    """
    # --8<-- [start:fails-range]
    F.binary_cross_entropy(torch.tensor([0.3, 1.7]), torch.ones(2))
    # --8<-- [end:fails-range]


# --8<-- [start:broadcast]
y = torch.arange(1.0, 6.0)
perfect = y[:, None]

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    wrong = F.mse_loss(perfect, y)
right = F.mse_loss(perfect, y[:, None])
print(caught[0].category.__name__, tuple((perfect - y).shape))
print(f"wrong {wrong:.1f}, right {right:.1f}, Var(y) {y.var(correction=0):.1f}")
# --8<-- [end:broadcast]

# --8<-- [start:nll-probabilities]
torch.manual_seed(0)
logits, target = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])

of_probabilities = F.nll_loss(logits.softmax(dim=1), target)
of_logs = F.nll_loss(logits.log_softmax(dim=1), target)
print(f"nll_loss(softmax)     {of_probabilities:.4f}")
print(f"nll_loss(log_softmax) {of_logs:.4f}")
print(f"cross_entropy         {F.cross_entropy(logits, target):.4f}")
# --8<-- [end:nll-probabilities]
