# --8<-- [start:imports]
import math
from collections.abc import Callable

import torch
from torch import Tensor

torch.manual_seed(0)
# --8<-- [end:imports]


# --8<-- [start:rules]
def gradient(f: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """
    zh: f 在 theta 处的梯度，形状与 theta 相同；f 可以对一批点各返回一个值。
    en: The gradient of f at theta, shaped like theta; f may return a value per row.
    """
    theta = theta.detach().requires_grad_()
    # zh: 各行互不影响，所以求和之后，每一行仍得到自己的梯度
    # en: rows do not affect each other, so after the sum each still gets its own
    return torch.autograd.grad(f(theta).sum(), theta)[0]


def gradient_descent(theta: Tensor, g: Tensor, state: dict, lr: float) -> Tensor:
    """
    zh: 一步梯度下降；theta、g 和结果同形，state 是规则的记忆，这里用不着。
    en: One step of gradient descent; theta, g, result of one shape; state is unused.
    """
    return theta - lr * g


def momentum(
    theta: Tensor, g: Tensor, state: dict, lr: float, beta: float = 0.9
) -> Tensor:
    """
    zh: 重球动量（Polyak 1964），写法与 torch.optim.SGD(momentum=beta) 相同。
    en: Heavy-ball momentum (Polyak 1964), as torch.optim.SGD(momentum=beta) has it.
    """
    state["v"] = beta * state.get("v", 0.0) + g
    return theta - lr * state["v"]


def descend(
    rule: Callable[..., Tensor],
    f: Callable[[Tensor], Tensor],
    start: Tensor,
    steps: int,
    **settings,
) -> Tensor:
    """
    zh: 从 start 起走 steps 步，返回全部位置，形状为 (steps + 1, *start.shape)。
    en: Take steps from start; returns all positions, shape (steps + 1, *start.shape).
    """
    theta, state, path = start, {}, [start]
    for _ in range(steps):
        theta = rule(theta, gradient(f, theta), state, **settings)
        path.append(theta)
    return torch.stack(path)


# --8<-- [end:rules]


# --8<-- [start:line]
n = 100
x = torch.linspace(-1, 1, n, dtype=torch.float64)
y = 2 * x + 3 + 0.1 * torch.randn(n, dtype=torch.float64)
X = torch.stack([x, torch.ones_like(x)], dim=1)


def line_loss(theta: Tensor) -> Tensor:
    """
    zh: 直线 w x + b 的均方误差；theta = (w, b)。
    en: Mean squared error of the line w x + b; theta = (w, b).
    """
    return (X @ theta - y).square().mean()


origin = torch.zeros(2, dtype=torch.float64)
optimum = torch.linalg.lstsq(X, y[:, None]).solution[:, 0]
hessian = 2 * X.T @ X / n
eigenvalues, eigenvectors = torch.linalg.eigh(hessian)
# --8<-- [end:line]


# --8<-- [start:noise]
# zh: 第 i 行是只用第 i 个样本算出的梯度
# en: row i is the gradient from sample i alone
per_sample = 2 * (X @ origin - y)[:, None] * X
full = per_sample.mean(dim=0)
sigma = (per_sample - full).square().sum(dim=1).mean().sqrt().item()

sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
draws = 2000
noise = []
for size in sizes:
    batches = torch.randint(n, (draws, size))
    error = per_sample[batches].mean(dim=1) - full
    noise.append(error.square().sum(dim=1).mean().sqrt().item())
    predicted = sigma / math.sqrt(size)
    print(f"B = {size:3}   measured = {noise[-1]:.4f}   predicted = {predicted:.4f}")

logs = torch.tensor([sizes, noise], dtype=torch.float64).log()
slope = (torch.cov(logs)[0, 1] / logs[0].var()).item()
print(f"slope = {slope:.3f}")
# --8<-- [end:noise]


# --8<-- [start:adagrad]
def adagrad(
    theta: Tensor, g: Tensor, state: dict, lr: float, eps: float = 1e-10
) -> Tensor:
    """
    zh: AdaGrad（Duchi 等 2011）：除以全部历史梯度平方和的平方根。
    en: AdaGrad (Duchi et al. 2011): divide by the root of all squares so far.
    """
    state["s"] = state.get("s", 0.0) + g**2
    return theta - lr * g / (state["s"].sqrt() + eps)


# --8<-- [end:adagrad]


# --8<-- [start:rmsprop]
def rmsprop(
    theta: Tensor,
    g: Tensor,
    state: dict,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
) -> Tensor:
    """
    zh: RMSProp（Tieleman 与 Hinton 2012）：平方的滑动平均，旧的会被忘掉。
    en: RMSProp (Tieleman & Hinton 2012): a moving average that forgets old squares.
    """
    state["s"] = alpha * state.get("s", 0.0) + (1 - alpha) * g**2
    return theta - lr * g / (state["s"].sqrt() + eps)


# --8<-- [end:rmsprop]


# --8<-- [start:adam]
def adam(
    theta: Tensor,
    g: Tensor,
    state: dict,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Tensor:
    """
    zh: Adam（Kingma 与 Ba 2014，算法 1）。
    en: Adam (Kingma & Ba 2014, algorithm 1).
    """
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["s"] = beta2 * state.get("s", 0.0) + (1 - beta2) * g**2
    m_hat = state["m"] / (1 - beta1**t)
    s_hat = state["s"] / (1 - beta2**t)
    return theta - lr * m_hat / (s_hat.sqrt() + eps)


# --8<-- [end:adam]


# --8<-- [start:first-step]
rules = (gradient_descent, adagrad, rmsprop, adam)
zero = torch.zeros(2, dtype=torch.float64)
slopes = torch.tensor([1e-3, 1e3], dtype=torch.float64)
first_steps = {}
for rule in rules:
    step = rule(zero, slopes, {}, lr=0.01)
    first_steps[rule.__name__] = step.tolist()
    print(f"{rule.__name__:16}  {step[0]:10.6f}  {step[1]:12.6f}")
# --8<-- [end:first-step]


# --8<-- [start:adamw]
def adam_l2(
    theta: Tensor, g: Tensor, state: dict, lr: float, decay: float, **settings
) -> Tensor:
    """
    zh: 把 L2 惩罚的梯度 decay · theta 加进 g：torch.optim.Adam(weight_decay=decay)。
    en: The L2 gradient decay · theta joins g: torch.optim.Adam(weight_decay=decay).
    """
    return adam(theta, g + decay * theta, state, lr, **settings)


def adamw(
    theta: Tensor, g: Tensor, state: dict, lr: float, decay: float, **settings
) -> Tensor:
    """
    zh: AdamW（Loshchilov 与 Hutter 2019），照 PyTorch：衰减不经过自适应的除法。
    en: AdamW (Loshchilov & Hutter 2019) as in PyTorch: decay skips the division.
    """
    return adam((1 - lr * decay) * theta, g, state, lr, **settings)


# --8<-- [end:adamw]


# --8<-- [start:decay]
scale = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
decayed = {}
for rule in (adam_l2, adamw):
    p, state = torch.ones(3, dtype=torch.float64), {}
    path = [p]
    for t in range(2000):
        # zh: 正负交替、平均为零的梯度：留下的只有衰减
        # en: gradients of alternating sign, zero on average: only the decay is left
        p = rule(p, scale * (-1) ** t, state, lr=1e-3, decay=0.1)
        path.append(p)
    decayed[rule.__name__] = torch.stack(path)
    print(f"{rule.__name__:8}", "  ".join(f"{v:.4f}" for v in p.tolist()))
print(f"(1 - lr * decay) ** 2000 = {(1 - 1e-3 * 0.1) ** 2000:.4f}")
# --8<-- [end:decay]


# --8<-- [start:against-torch]
def rosenbrock(p: Tensor) -> Tensor:
    """
    zh: 弯曲的窄谷 (1 − x)² + 100 (y − x²)²，最小值 0 在 (1, 1)；p 的形状为 (..., 2)。
    zh: 来源：Rosenbrock 1960。
    en: A bent, narrow valley, (1 − x)² + 100 (y − x²)², with its minimum 0 at (1, 1);
    en: p has shape (..., 2). Source: Rosenbrock 1960.
    """
    x, y = p.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def torch_path(
    make: Callable[..., torch.optim.Optimizer],
    f: Callable[[Tensor], Tensor],
    start: Tensor,
    steps: int,
    **settings,
) -> Tensor:
    """
    zh: 与 descend 相同，但由 torch.optim 的优化器走步。
    en: Like descend, but an optimizer of torch.optim takes the steps.
    """
    theta = start.clone().requires_grad_()
    optimizer = make([theta], **settings)
    path = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        f(theta).backward()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


optim = torch.optim
pairs = [
    (gradient_descent, {}, optim.SGD, {}),
    (momentum, {}, optim.SGD, {"momentum": 0.9}),
    (adagrad, {}, optim.Adagrad, {}),
    (rmsprop, {}, optim.RMSprop, {}),
    (adam, {}, optim.Adam, {}),
    (adam_l2, {"decay": 0.1}, optim.Adam, {"weight_decay": 0.1}),
    (adamw, {"decay": 0.1}, optim.AdamW, {"weight_decay": 0.1}),
]
start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
gaps = []
for rule, ours, make, theirs in pairs:
    mine = descend(rule, rosenbrock, start, 100, lr=1e-3, **ours)
    reference = torch_path(make, rosenbrock, start, 100, lr=1e-3, **theirs)
    gaps.append((mine - reference).abs().max().item())
    print(f"{rule.__name__:16}  {make.__name__:8}  {gaps[-1]:.1e}")
# --8<-- [end:against-torch]


# --8<-- [start:paths]
paths = {}
for rule, lr in ((gradient_descent, 1e-3), (momentum, 1e-3), (adam, 0.1)):
    paths[rule.__name__] = path = descend(rule, rosenbrock, start, 500, lr=lr)
    print(f"{rule.__name__:16}  lr = {lr:<5}  loss = {rosenbrock(path[-1]):.1e}")
# --8<-- [end:paths]


# --8<-- [start:sweep]
lrs = torch.logspace(-4, 0.5, 19, dtype=torch.float64)[:, None]
starts = start.repeat(len(lrs), 1)
ends, best_lr, usable = {}, {}, {}
for rule in (gradient_descent, momentum, adam):
    # zh: 一行一个学习率，十九次优化同时进行
    # en: one learning rate per row, nineteen runs at once
    final = rosenbrock(descend(rule, rosenbrock, starts, 500, lr=lrs)[-1])
    ends[rule.__name__] = final = final.nan_to_num(math.inf)
    best_lr[rule.__name__] = lrs[final.argmin()].item()
    usable[rule.__name__] = int((final < 0.1).sum())
    print(f"{rule.__name__:16}  best_lr = {best_lr[rule.__name__]:.4f}", end="  ")
    print(f"loss = {final.min():.1e}  usable = {usable[rule.__name__]}")
# --8<-- [end:sweep]


# --8<-- [start:schedules]
schedulers = torch.optim.lr_scheduler
total = 400


def constant(optimizer: torch.optim.Optimizer) -> schedulers.LRScheduler:
    """
    zh: 学习率一直不变。
    en: A learning rate that never changes.
    """
    return schedulers.LambdaLR(optimizer, lambda step: 1.0)


def staircase(optimizer: torch.optim.Optimizer) -> schedulers.LRScheduler:
    """
    zh: 每 100 步把学习率乘以 0.3。
    en: The learning rate times 0.3 every 100 steps.
    """
    return schedulers.StepLR(optimizer, step_size=100, gamma=0.3)


def warmup_cosine(optimizer: torch.optim.Optimizer) -> schedulers.LRScheduler:
    """
    zh: 40 步线性预热，然后按余弦（Loshchilov & Hutter 2017）降到 0。
    en: 40 steps of linear warm-up, then a cosine (Loshchilov & Hutter 2017) to 0.
    """
    warmup = schedulers.LinearLR(optimizer, start_factor=0.05, total_iters=40)
    cosine = schedulers.CosineAnnealingLR(optimizer, T_max=total - 40)
    return schedulers.SequentialLR(optimizer, [warmup, cosine], milestones=[40])


torch.manual_seed(0)
floor = line_loss(optimum).item()
rates, excess = {}, {}
for make in (constant, staircase, warmup_cosine):
    theta = origin.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.4)
    scheduler = make(optimizer)
    rates[make.__name__], excess[make.__name__] = [], []
    for _ in range(total):
        batch = torch.randint(n, (10,))
        optimizer.zero_grad()
        (X[batch] @ theta - y[batch]).square().mean().backward()
        rates[make.__name__].append(scheduler.get_last_lr()[0])
        optimizer.step()
        # zh: 先 optimizer.step()，后 scheduler.step()
        # en: first optimizer.step(), then scheduler.step()
        scheduler.step()
        excess[make.__name__].append(line_loss(theta).item() - floor)
    tail = sum(excess[make.__name__][-50:]) / 50
    print(f"{make.__name__:14}  excess = {tail:.1e}")
# --8<-- [end:schedules]

# --8<-- [start:level]
# zh: 最小值处每个样本的梯度，在两个特征方向上的分量
# en: each sample's gradient at the minimum, along both eigen-directions
at_optimum = 2 * (X @ optimum - y)[:, None] * X @ eigenvectors
s2 = at_optimum.var(dim=0, correction=0)
predicted = (0.4 * s2 / (2 * 10 * (2 - 0.4 * eigenvalues))).sum().item()
measured = sum(excess["constant"][100:]) / (total - 100)
print(f"predicted = {predicted:.2e}   measured = {measured:.2e}")

tails = {name: sum(values[-50:]) / 50 for name, values in excess.items()}
for name in ("staircase", "warmup_cosine"):
    print(f"constant / {name:13} = {tails['constant'] / tails[name]:.0f}")
# --8<-- [end:level]
