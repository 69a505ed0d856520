"""
zh: 可解释性：把预测归因到输入，并检验这些归因是否可信。
en: Interpretability: attribute a prediction to its input, and test the attribution.
"""

# --8<-- [start:setup]
import copy
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train_rows, test_rows = order.split([1297, 500])
# --8<-- [end:setup]


# --8<-- [start:models]
def linear(classes: int = 10) -> nn.Sequential:
    """
    zh: softmax 回归：每个 logit 是 64 个像素的加权和；(n, 1, 8, 8) → (n, classes)。
    en: Softmax regression: a logit is a weighted sum of 64 pixels; → (n, classes).
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))


def cnn(
    classes: int = 10,
    activation: type[nn.Module] = nn.ReLU,
    pool: type[nn.Module] = nn.MaxPool2d,
) -> nn.Sequential:
    """
    zh: 两个卷积块与一个线性层：(n, 1, 8, 8) → (n, classes)。
    en: Two convolution blocks and a linear layer: (n, 1, 8, 8) → (n, classes).
    """
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        activation(),
        pool(2),
        nn.Conv2d(16, 32, kernel_size=3, padding=1),
        activation(),
        pool(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, classes),
    )


def train(model: nn.Sequential, x: Tensor, y: Tensor, epochs: int = 30) -> None:
    """
    zh: 用交叉熵训练，最后切到评估模式；x (n, 1, 8, 8)，y (n,)。
    en: Train with cross-entropy and end in eval mode; x (n, 1, 8, 8), y (n,).
    """
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()


@torch.inference_mode()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """
    zh: 预测与标签相同的比例；x 是 (n, 1, 8, 8)，y 是 (n,)。
    en: The share of predictions equal to the label; x is (n, 1, 8, 8), y (n,).
    """
    return (model(x).argmax(dim=1) == y).float().mean().item()


models = {
    "linear": linear(),
    "cnn": cnn(),
    "smooth": cnn(activation=nn.GELU, pool=nn.AvgPool2d),
}
test_scores = {}
for name, model in models.items():
    train(model, images[train_rows], labels[train_rows])
    test_scores[name] = accuracy(model, images[test_rows], labels[test_rows])
    size = sum(p.numel() for p in model.parameters())
    print(f"{name:6s}  {size:4d} parameters  test {test_scores[name]:.3f}")
# --8<-- [end:models]


# --8<-- [start:gradient]
Scalar = Callable[[Tensor], Tensor]


def logit(model: nn.Module, target: Tensor) -> Scalar:
    """
    zh: 把模型变成每张图一个数的函数：第 target[k] 类的 logit；target (n,)。
    en: The model as one number per image: the logit of class target[k]; target (n,).
    """
    return lambda x: model(x)[torch.arange(len(x)), target]


def gradient(f: Scalar, x: Tensor) -> Tensor:
    """
    zh: ∂f/∂x，形状同 x。各图互不影响，所以求和后一次反向就得到每张图自己的梯度。
    en: ∂f/∂x, shaped as x. Images do not interact, so one backward of the sum will do.
    """
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


x = images[test_rows[:100]]
model = models["cnn"]
target = model(x).argmax(dim=1)
f = logit(model, target)
saliency = gradient(f, x).abs()
print(tuple(saliency.shape), f"{saliency.min():.4f} .. {saliency.max():.4f}")
# --8<-- [end:gradient]


# --8<-- [start:attribution]
def gradient_times_input(f: Scalar, x: Tensor) -> Tensor:
    """
    zh: x · ∂f/∂x：线性模型里每个像素的贡献；形状同 x。
    en: x · ∂f/∂x: what each pixel of a linear model contributes; shaped as x.
    """
    return x * gradient(f, x)


@torch.no_grad()
def occlusion(f: Scalar, x: Tensor, baseline: Tensor, size: int = 1) -> Tensor:
    """
    zh: 用 baseline 盖住以各像素为中心的 size×size 方块（size 为奇数），记下 f 的下降。
    en: The drop in f when baseline covers a size×size patch (odd) around each pixel.
    """
    reach = size // 2
    drop = torch.zeros_like(x)
    for row in range(x.shape[-2]):
        for column in range(x.shape[-1]):
            rows = slice(max(0, row - reach), row + reach + 1)
            columns = slice(max(0, column - reach), column + reach + 1)
            covered = x.clone()
            covered[..., rows, columns] = baseline[..., rows, columns]
            drop[:, 0, row, column] = f(x) - f(covered)
    return drop


# --8<-- [end:attribution]


# --8<-- [start:integrated-gradients]
def integrated_gradients(
    f: Scalar, x: Tensor, baseline: Tensor, steps: int = 64
) -> Tensor:
    """
    zh: 沿 baseline 到 x 的直线对梯度取平均（中点法则），乘以 x - baseline；形状同 x。
    zh: Sundararajan 等 2017，arXiv 1703.01365，式 1。
    en: (x - baseline) times the mean gradient on the line between them, by midpoints,
    en: of x's shape. Sundararajan et al. 2017, arXiv 1703.01365, eq. 1.
    """
    total = torch.zeros_like(x)
    for step in range(steps):
        alpha = (step + 0.5) / steps
        total += gradient(f, baseline + alpha * (x - baseline))
    return (x - baseline) * total / steps


# --8<-- [end:integrated-gradients]

# --8<-- [start:ground-truth]
black = torch.zeros_like(x)
of_linear = logit(models["linear"], target)
weight = models["linear"][1].weight.detach()[target].view_as(x)
exact = weight * x
answers = {
    "gradient": gradient(of_linear, x),
    "gradient*input": gradient_times_input(of_linear, x),
    "integrated": integrated_gradients(of_linear, x, black, steps=4),
    "occlusion": occlusion(of_linear, x, black),
}
for name, answer in answers.items():
    print(f"{name:15s} {(answer - exact).abs().max():.6f}")
# --8<-- [end:ground-truth]


# --8<-- [start:saturation]
def saturating(x: Tensor) -> Tensor:
    """
    zh: 升到 1 就封顶：min(x, 1)，对每张图的像素求和；(n, 1, h, w) → (n,)。
    en: Rises to 1 and stays there: min(x, 1), summed over pixels; (n, 1, h, w) → (n,).
    """
    return x.clamp(max=1).flatten(1).sum(dim=1)


two, zero = torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1)
print("f(2) - f(0)    ", (saturating(two) - saturating(zero)).item())
print("gradient       ", gradient(saturating, two).item())
print("gradient*input ", gradient_times_input(saturating, two).item())
print("integrated     ", integrated_gradients(saturating, two, zero).item())
print("occlusion      ", occlusion(saturating, two, zero).item())
# --8<-- [end:saturation]

# --8<-- [start:completeness]
few, few_black = x[:20], black[:20]
gaps = {}
for name in ("cnn", "smooth"):
    f_few = logit(models[name], target[:20])
    difference = (f_few(few) - f_few(few_black)).detach()
    for steps in (1, 4, 16, 64, 256):
        parts = integrated_gradients(f_few, few, few_black, steps)
        gap = (parts.flatten(1).sum(dim=1) - difference).abs().mean().item()
        gaps[name, steps] = gap
        print(f"{name:6s}  m = {steps:3d}  gap {gap:.6f}")
print(f"sum {parts[0].sum():.4f}  f(x) - f(x') {difference[0]:.4f}")
# --8<-- [end:completeness]

# --8<-- [start:baseline]
mean = images[train_rows].mean(dim=0, keepdim=True).expand_as(x)
empty = x == 0
on_empty = {}
for name, baseline in {"black": black, "mean": mean, "white": black + 1}.items():
    parts = integrated_gradients(f, x, baseline).abs()
    share = (parts * empty).flatten(1).sum(dim=1) / parts.flatten(1).sum(dim=1)
    on_empty[name] = share.mean().item()
    print(f"{name:5s}  share of the empty pixels {on_empty[name]:.3f}")
# --8<-- [end:baseline]


# --8<-- [start:spearman]
def ranks(values: Tensor) -> Tensor:
    """
    zh: 每行各元素的名次，并列者取平均名次；(n, d) → (n, d)。
    en: The rank of each element in its row, ties sharing the mean rank; (n, d) → same.
    """
    smaller = (values[:, None, :] < values[:, :, None]).sum(dim=2)
    equal = (values[:, None, :] == values[:, :, None]).sum(dim=2)
    return smaller + (equal + 1) / 2


def spearman(a: Tensor, b: Tensor) -> Tensor:
    """
    zh: 每张图两幅归因图的 Spearman 等级相关系数，返回 (n,)。
    en: Spearman's rank correlation of two attribution maps, image by image; (n,).
    """
    a, b = ranks(a.flatten(1)), ranks(b.flatten(1))
    return F.cosine_similarity(
        a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    )


# --8<-- [end:spearman]

# --8<-- [start:agreement]
maps = {
    "gradient": gradient(f, x),
    "gradient*input": gradient_times_input(f, x),
    "integrated": integrated_gradients(f, x, black),
    "occlusion": occlusion(f, x, black, size=3),
}
agreement = torch.tensor(
    [[spearman(a, b).mean() for b in maps.values()] for a in maps.values()]
)
for name, row in zip(maps, agreement, strict=True):
    print(f"{name:15s}", "  ".join(f"{value:.2f}" for value in row))
# --8<-- [end:agreement]


# --8<-- [start:deletion]
@torch.no_grad()
def after_deletion(f: Scalar, x: Tensor, attribution: Tensor, count: int) -> float:
    """
    zh: 把归因最大的 count 个像素涂黑之后，f 的平均值；
    zh: x 与 attribution 同形。
    en: The mean of f after blacking out the count pixels of largest attribution;
    en: x and attribution have one shape.
    """
    order = attribution.flatten(1).argsort(dim=1, descending=True)
    left = x.flatten(1).scatter(1, order[:, :count], 0.0)
    return f(left.view_as(x)).mean().item()


torch.manual_seed(0)
counts = (0, 2, 4, 8, 16)
deletion = {
    name: [after_deletion(f, x, attribution, count) for count in counts]
    for name, attribution in {**maps, "random": torch.rand_like(x)}.items()
}
for name, values in deletion.items():
    print(f"{name:15s}", "  ".join(f"{value:6.2f}" for value in values))
# --8<-- [end:deletion]

# --8<-- [start:randomise]
torch.manual_seed(1)
shuffled = copy.deepcopy(model)
f_shuffled = logit(shuffled, target)
methods = {
    "gradient": lambda f: gradient(f, x),
    "gradient*input": lambda f: gradient_times_input(f, x),
    "integrated": lambda f: integrated_gradients(f, x, black),
    "occlusion": lambda f: occlusion(f, x, black, size=3),
    "input": lambda f: x,
}
trained = {name: method(f) for name, method in methods.items()}
similar = {name: [[1.0, 1.0]] for name in methods}
# zh: 从输出层往输入层，一层一层换成随机权重；前面换过的不再换回来
# en: from the output towards the input, one more layer at a time becomes random
for layer in (7, 3, 0):
    shuffled[layer].reset_parameters()
    score = accuracy(shuffled, images[test_rows], labels[test_rows])
    print(f"layer {layer} random, test {score:.3f}")
    for name, method in methods.items():
        new, old = method(f_shuffled), trained[name]
        signed = spearman(new, old).mean().item()
        absolute = spearman(new.abs(), old.abs()).mean().item()
        similar[name].append([signed, absolute])
        print(f"  {name:15s} signed {signed:5.2f}  absolute {absolute:5.2f}")
# --8<-- [end:randomise]

# --8<-- [start:correlated]
generator = torch.Generator().manual_seed(0)
cause = torch.randn(200, 1, generator=generator)
copied = cause + 0.01 * torch.randn(200, 1, generator=generator)
both, y = torch.cat([cause, copied], dim=1), 2 * cause
weights = []
for seed in range(4):
    torch.manual_seed(seed)
    twin = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.mse_loss(twin(both), y)
        loss.backward()
        optimizer.step()
    w1, w2 = twin.weight[0].tolist()
    weights.append((w1, w2))
    print(f"w1 {w1:5.2f}  w2 {w2:5.2f}  w1 + w2 {w1 + w2:.2f}  loss {loss:.5f}")
# --8<-- [end:correlated]


# --8<-- [start:adversarial]
def fgsm(model: nn.Module, x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """
    zh: 每个像素沿损失梯度的符号移动 epsilon（Goodfellow 等 2014，arXiv 1412.6572）。
    en: Move each pixel by epsilon along the sign of the loss gradient (arXiv 1412.6572).
    """
    slope = gradient(lambda x: F.cross_entropy(model(x), y, reduction="none"), x)
    return (x + epsilon * slope.sign()).clamp(0, 1)


test_x, test_y = images[test_rows], labels[test_rows]
signs = torch.randn(test_x.shape, generator=generator).sign()
robust = {}
for epsilon in (0.0, 0.05, 0.1, 0.15, 0.2):
    attacked = fgsm(model, test_x, test_y, epsilon)
    noisy = (test_x + epsilon * signs).clamp(0, 1)
    scores = accuracy(model, attacked, test_y), accuracy(model, noisy, test_y)
    robust[epsilon] = scores
    print(f"epsilon {epsilon:.2f}  attacked {scores[0]:.3f}  noise {scores[1]:.3f}")
# --8<-- [end:adversarial]

# --8<-- [start:fragile]
# zh: 光滑的模型才有非零的二阶导数，归因图对输入的导数靠的就是它
# en: only a smooth model has nonzero second derivatives; a map's gradient needs them
smooth, epsilon = models["smooth"], 0.1
target_smooth = smooth(x).argmax(dim=1)
f_smooth = logit(smooth, target_smooth)
before = gradient(f_smooth, x)
noise = (x + epsilon * signs[:100]).clamp(0, 1)
moved = (x + 0.1 * epsilon * signs[:100]).clamp(0, 1)
for _ in range(20):
    moved.requires_grad_()
    (slope,) = torch.autograd.grad(f_smooth(moved).sum(), moved, create_graph=True)
    alike = F.cosine_similarity(slope.flatten(1), before.flatten(1)).sum()
    (uphill,) = torch.autograd.grad(alike, moved)
    moved = moved.detach() - epsilon / 5 * uphill.sign()
    # zh: 留在 x 的 epsilon 邻域之内，也留在 0..1 之内
    # en: stay within epsilon of x, and within 0..1
    moved = moved.clamp(x - epsilon, x + epsilon).clamp(0, 1)
fragile = {}
for name, near in {"noise": noise, "aimed": moved}.items():
    same = smooth(near).argmax(dim=1) == target_smooth
    alike = spearman(gradient(f_smooth, near).abs(), before.abs())[same].mean()
    fragile[name] = same.float().mean().item(), alike.item()
    print(f"{name}  same answer {same.float().mean():.2f}  maps agree {alike:.2f}")
# --8<-- [end:fragile]


# --8<-- [start:shortcut]
def marked(x: Tensor, rows: Tensor) -> Tensor:
    """
    zh: 点亮 rows（布尔，(n,)）所指图像左上角的像素；返回新张量。
    en: A copy with the top left pixel lit in the images where rows (bool, (n,)) is true.
    """
    x = x.clone()
    x[rows, 0, 0, 0] = 1.0
    return x


odd = labels % 2
torch.manual_seed(0)
suspect = cnn(classes=2)
train(suspect, marked(images, odd == 1)[train_rows], odd[train_rows], epochs=10)
test_odd = odd[test_rows]
marked_x = marked(test_x, test_odd == 1)
print(f"marked as in training {accuracy(suspect, marked_x, test_odd):.3f}")
# --8<-- [end:shortcut]

# --8<-- [start:found]
ones = marked_x[test_odd == 1]
says_odd = logit(suspect, torch.ones(len(ones), dtype=torch.long))
parts = integrated_gradients(says_odd, ones, torch.zeros_like(ones))
where = parts.abs().mean(dim=0)[0]
top = divmod(where.argmax().item(), 8)
print(f"largest at {top}, share {where[top] / where.sum():.3f}")
# --8<-- [end:found]

# --8<-- [start:intervene]
evens = test_odd == 0
wrongly = marked(test_x, evens)
print(f"no mark at all   {accuracy(suspect, test_x, test_odd):.3f}")
print(f"even ones marked {accuracy(suspect, wrongly[evens], test_odd[evens]):.3f}")
torch.manual_seed(0)
mended = cnn(classes=2)
train(mended, images[train_rows], odd[train_rows], epochs=10)
print(f"mended, no mark  {accuracy(mended, test_x, test_odd):.3f}")
# --8<-- [end:intervene]


def fails_forgotten() -> None:
    """
    zh: 忘了要求输入的梯度。抛出 AttributeError。
    en: The input was not asked for a gradient. Raises AttributeError.
    """
    # --8<-- [start:fails-forgotten]
    picture = images[:1].clone()
    model(picture)[0, 3].backward()
    picture.grad.abs()
    # --8<-- [end:fails-forgotten]


def fails_non_leaf() -> None:
    """
    zh: 在中间结果上找梯度，它只留在叶子上。抛出 AttributeError。
    en: Looks for the gradient on a result; only leaves keep one. Raises AttributeError.
    """
    # --8<-- [start:fails-non-leaf]
    raw = torch.tensor(digits.images[:1], dtype=torch.float32, requires_grad=True)
    picture = raw.unsqueeze(1) / 16
    model(picture)[0, 3].backward()
    picture.grad.abs()
    # --8<-- [end:fails-non-leaf]


def fails_not_scalar() -> None:
    """
    zh: 一次求两个输出的梯度。抛出 RuntimeError。
    en: Asks for the gradient of two outputs at once. Raises RuntimeError.
    """
    # --8<-- [start:fails-not-scalar]
    picture = images[:2].clone().requires_grad_()
    torch.autograd.grad(model(picture)[:, 3], picture)
    # --8<-- [end:fails-not-scalar]


def fails_no_grad() -> None:
    """
    zh: 在 no_grad 里求梯度。抛出 RuntimeError。
    en: Asks for a gradient inside no_grad. Raises RuntimeError.
    """
    # --8<-- [start:fails-no-grad]
    with torch.no_grad():
        gradient(f, x)
    # --8<-- [end:fails-no-grad]


# --8<-- [start:train-mode]
torch.manual_seed(0)
with_dropout = nn.Sequential(*model[:-1], nn.Dropout(0.5), model[-1])
f_dropout = logit(with_dropout, target)
for training in (True, False):
    with_dropout.train(training)
    again = spearman(gradient(f_dropout, x), gradient(f_dropout, x)).mean()
    print(f"training={training!s:5s}  two runs agree {again:.3f}")
# --8<-- [end:train-mode]


# --8<-- [start:saturated]
def probability(model: nn.Module, target: Tensor, sharpness: float) -> Scalar:
    """
    zh: logit 乘以 sharpness 之后，第 target[k] 类的概率。
    en: The probability of class target[k] once the logits are multiplied by sharpness.
    """
    return lambda x: (sharpness * model(x)).softmax(dim=1)[torch.arange(len(x)), target]


vanished = {}
for sharpness in (1, 10, 100):
    sure = probability(model, target, sharpness)
    # zh: 长度要在双精度里算：很小的数一平方，单精度里就成了零
    # en: the norm in double precision: in single, squares of small numbers are zero
    slope = gradient(sure, x).flatten(1).double().norm(dim=1)
    vanished[sharpness] = (slope == 0).float().mean().item()
    print(
        f"x{sharpness:<3d}  mean probability {sure(x).mean():.4f}"
        f"  median slope {slope.median():.1e}  zero {vanished[sharpness]:.2f}"
    )
# --8<-- [end:saturated]

# --8<-- [start:accumulates]
picture = images[:1].clone().requires_grad_()
for _ in range(2):
    model(picture)[0, 3].backward()
    print(f"{picture.grad.norm():.4f}")
# --8<-- [end:accumulates]
