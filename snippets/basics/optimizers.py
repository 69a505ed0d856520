# --8<-- [start:imports]
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

torch.manual_seed(0)
# --8<-- [end:imports]


# --8<-- [start:gradient]
def gradient(f: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """
    zh: f 在 theta 处的梯度，形状与 theta 相同；f 可以对一批点各返回一个值。
    en: The gradient of f at theta, shaped like theta; f may return a value per row.
    """
    theta = theta.detach().requires_grad_()
    # zh: 各行互不影响，所以求和之后，每一行仍得到自己的梯度
    # en: rows do not affect each other, so after the sum each still gets its own
    return torch.autograd.grad(f(theta).sum(), theta)[0]


def rosenbrock(p: Tensor) -> Tensor:
    """
    zh: 弯曲的窄谷 (1 − x)² + 100 (y − x²)²，最小值 0 在 (1, 1)；p 的形状为 (..., 2)。
    zh: 来源：Rosenbrock 1960。
    en: A bent, narrow valley, (1 − x)² + 100 (y − x²)², with its minimum 0 at (1, 1);
    en: p has shape (..., 2). Source: Rosenbrock 1960.
    """
    x, y = p.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


# --8<-- [end:gradient]

# --8<-- [start:first-order]
theta = torch.tensor([-1.2, 1.0], dtype=torch.float64)
g = gradient(rosenbrock, theta)
print(f"loss = {rosenbrock(theta):.4f}   g = ({g[0]:.4f}, {g[1]:.4f})")

first_order = []
for lr in (1e-3, 1e-4, 1e-5, 1e-6):
    predicted = lr * g.dot(g)
    actual = rosenbrock(theta) - rosenbrock(theta - lr * g)
    first_order.append((lr, (actual / predicted).item()))
    print(f"lr = {lr:.0e}   predicted = {predicted:.6f}   actual = {actual:.6f}")
# --8<-- [end:first-order]

# --8<-- [start:directions]
length = 1e-4
angles = torch.linspace(-math.pi, math.pi, 73, dtype=torch.float64)
# zh: downhill 是单位长度的 −g，across 与它垂直：两者的组合给出所有方向
# en: downhill is −g at unit length, across is perpendicular: together every direction
downhill = -g / g.norm()
across = torch.stack([-downhill[1], downhill[0]])
directions = angles.cos()[:, None] * downhill + angles.sin()[:, None] * across
change = rosenbrock(theta + length * directions) - rosenbrock(theta)
best_angle = angles[change.argmin()].item()
print(f"change.min() = {change.min():.6f}   best_angle = {best_angle:.2f}")
print(f"-length * |g| = {-length * g.norm():.6f}")
# --8<-- [end:directions]


# --8<-- [start:gradient-descent]
def gradient_descent(theta: Tensor, g: Tensor, state: dict, lr: float) -> Tensor:
    """
    zh: 一步梯度下降；theta、g 和结果同形，state 是规则的记忆，这里用不着。
    en: One step of gradient descent; theta, g, result of one shape; state is unused.
    """
    return theta - lr * g


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


# --8<-- [end:gradient-descent]

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
by_hand = descend(gradient_descent, line_loss, origin, 100, lr=0.1)

theta = origin.clone().requires_grad_()
optimizer = torch.optim.SGD([theta], lr=0.1)
for _ in range(100):
    optimizer.zero_grad()
    loss = line_loss(theta)
    loss.backward()
    optimizer.step()
print(f"descend     w = {by_hand[-1][0]:.6f}   b = {by_hand[-1][1]:.6f}")
print(f"optim.SGD   w = {theta[0]:.6f}   b = {theta[1]:.6f}")
# --8<-- [end:line]

# --8<-- [start:curvature]
hessian = 2 * X.T @ X / n
eigenvalues, eigenvectors = torch.linalg.eigh(hessian)
lr_limit = (2 / eigenvalues.max()).item()
print(f"eigenvalues = {[round(v, 4) for v in eigenvalues.tolist()]}")
print(f"lr_limit    = {lr_limit:.4f}")
# --8<-- [end:curvature]

# --8<-- [start:divergence]
optimum = torch.linalg.lstsq(X, y[:, None]).solution[:, 0]
steps = torch.arange(201)[:, None]
distances, errors = {}, {}
for factor in (0.95, 0.99, 1.01):
    lr = factor * lr_limit
    path = descend(gradient_descent, line_loss, origin, 200, lr=lr)
    # zh: 在特征向量的坐标里，每个方向各乘各的因子
    # en: in the coordinates of the eigenvectors each direction has its own factor
    observed = (path - optimum) @ eigenvectors
    predicted = observed[0] * (1 - lr * eigenvalues) ** steps
    distances[factor] = observed.norm(dim=1)
    errors[factor] = ((observed - predicted).norm() / predicted.norm()).item()
    start, end = distances[factor][0], distances[factor][-1]
    print(f"{factor:.2f} * lr_limit   {start:.3f} -> {end:.3e}")
# --8<-- [end:divergence]


# --8<-- [start:momentum]
def momentum(
    theta: Tensor, g: Tensor, state: dict, lr: float, beta: float = 0.9
) -> Tensor:
    """
    zh: 重球动量（Polyak 1964），写法与 torch.optim.SGD(momentum=beta) 相同。
    en: Heavy-ball momentum (Polyak 1964), as torch.optim.SGD(momentum=beta) has it.
    """
    state["v"] = beta * state.get("v", 0.0) + g
    return theta - lr * state["v"]


# --8<-- [end:momentum]


# --8<-- [start:condition]
def steps_needed(A: Tensor, rule: Callable[..., Tensor], **settings) -> int:
    """
    zh: 从原点出发，走到离解 (1, 1) 不足 1e-6 处所需的步数；A 的形状为 (n, 2)。
    en: Steps from the origin until the solution (1, 1) is within 1e-6; A is (n, 2).
    """
    target = A.sum(dim=1)
    path = descend(
        rule, lambda p: (A @ p - target).square().mean(), origin, 1200, **settings
    )
    return int(((path - 1).norm(dim=1) < 1e-6).nonzero()[0])


raw = torch.linspace(0, 10, n, dtype=torch.float64)
scaled = (raw - raw.mean()) / raw.std(correction=0)
condition, needed = {}, {}
for name, feature in (("raw", raw), ("scaled", scaled)):
    A = torch.stack([feature, torch.ones_like(feature)], dim=1)
    low, high = torch.linalg.eigvalsh(2 * A.T @ A / n).tolist()
    kappa = high / low
    beta = ((math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)) ** 2
    lr = 4 / (math.sqrt(high) + math.sqrt(low)) ** 2
    condition[name] = kappa
    needed[name, "gd"] = steps_needed(A, gradient_descent, lr=2 / (high + low))
    needed[name, "momentum"] = steps_needed(A, momentum, lr=lr, beta=beta)
    print(f"{name:6}  kappa = {kappa:7.3f}  beta = {beta:.3f}")
    print(f"        gd: {needed[name, 'gd']}  momentum: {needed[name, 'momentum']}")
# --8<-- [end:condition]

# --8<-- [start:momentum-limit]
beta = 0.9
momentum_limit = 2 * (1 + beta) / eigenvalues.max().item()
momentum_ends = {}
for factor in (0.99, 1.01):
    lr = factor * momentum_limit
    path = descend(momentum, line_loss, origin, 200, lr=lr, beta=beta)
    momentum_ends[factor] = (path[-1] - optimum).norm().item()
    print(f"lr = {lr:.3f}   distance = {momentum_ends[factor]:.3e}")
# --8<-- [end:momentum-limit]


# --8<-- [start:nesterov]
def nesterov(
    theta: Tensor, g: Tensor, state: dict, lr: float, beta: float = 0.9
) -> Tensor:
    """
    zh: Nesterov 动量（Sutskever 等 2013），theta 是“向前看”的那一点。
    en: Nesterov momentum (Sutskever et al. 2013); theta is the look-ahead point.
    """
    state["v"] = beta * state.get("v", 0.0) + g
    return theta - lr * (g + beta * state["v"])


# --8<-- [end:nesterov]

# --8<-- [start:look-ahead]
lr, beta = 0.1, 0.9
p, v = origin, torch.zeros_like(origin)
ahead = [p]
for _ in range(100):
    v = beta * v + gradient(line_loss, p - lr * beta * v)
    p = p - lr * v
    ahead.append(p - lr * beta * v)
path_ahead = descend(nesterov, line_loss, origin, 100, lr=lr, beta=beta)
look_ahead_gap = (torch.stack(ahead) - path_ahead).abs().max().item()
print(f"look_ahead_gap = {look_ahead_gap:.1e}")
# --8<-- [end:look-ahead]

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
    (nesterov, {}, optim.SGD, {"momentum": 0.9, "nesterov": True}),
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

# --8<-- [start:paths]
paths = {}
for rule, lr in ((gradient_descent, 1e-3), (momentum, 1e-3), (adam, 0.1)):
    paths[rule.__name__] = path = descend(rule, rosenbrock, start, 500, lr=lr)
    print(f"{rule.__name__:16}  lr = {lr:<5}  loss = {rosenbrock(path[-1]):.1e}")
# --8<-- [end:paths]

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

# --8<-- [start:forgotten-zero-grad]
histories = {}
for clear in (True, False):
    theta = origin.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.1)
    losses = []
    for _ in range(200):
        if clear:
            optimizer.zero_grad()
        loss = line_loss(theta)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    histories[clear] = losses
    print(f"zero_grad = {clear!s:5}", "  ".join(f"{v:7.4f}" for v in losses[-5:]))
# --8<-- [end:forgotten-zero-grad]


def fails_empty_list() -> None:
    """
    zh: 层放在普通列表里，优化器拿不到参数。抛出 ValueError。
    en: Layers in a plain list, so the optimizer gets no parameters. Raises ValueError.
    """

    # --8<-- [start:fails-empty-list]
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(1, 8), nn.Linear(8, 1)]

    torch.optim.SGD(Network().parameters(), lr=0.1)
    # --8<-- [end:fails-empty-list]


# --8<-- [start:module-list]
class Network(nn.Module):
    """
    zh: 两层网络，隐藏层 8 个 tanh 单元：(n, 1) 变成 (n, 1)。
    en: Two layers with 8 tanh units between: (n, 1) becomes (n, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(1, 8), nn.Linear(8, 1)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).tanh()
        return self.layers[-1](x)


network = Network()
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
print(len(optimizer.param_groups[0]["params"]))
# --8<-- [end:module-list]

# --8<-- [start:replaced]
inputs = x.float()[:, None]
targets = y.float()[:, None]
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
# zh: 优化器手里仍是旧的权重
# en: the optimizer still holds the old weight
model.weight = nn.Parameter(torch.zeros(1, 1))
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs), targets).backward()
    optimizer.step()
stuck = model.weight.item(), model.bias.item()
print(f"w = {stuck[0]:.4f}   b = {stuck[1]:.4f}")

held = {id(p) for group in optimizer.param_groups for p in group["params"]}
orphans = [name for name, p in model.named_parameters() if id(p) not in held]
print(orphans)
# --8<-- [end:replaced]

# --8<-- [start:replaced-mended]
model = nn.Linear(1, 1)
with torch.no_grad():
    # zh: 改值，不换对象；或者先换，再建优化器
    # en: change the values, keep the object; or replace first, then build
    model.weight.zero_()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs), targets).backward()
    optimizer.step()
mended = model.weight.item(), model.bias.item()
print(f"w = {mended[0]:.4f}   b = {mended[1]:.4f}")
# --8<-- [end:replaced-mended]

# --8<-- [start:too-high]
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
blown_up = []
for step in range(80):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    blown_up.append(loss.item())
    if step % 10 == 9:
        print(f"step {step + 1:2}   loss = {loss.item():.3e}")
# --8<-- [end:too-high]

# --8<-- [start:clipped]
clipped = {}
for lr in (3.0, 0.3):
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(80):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        # zh: 梯度的总长度超过 1 时，按比例缩到 1
        # en: a gradient longer than 1 in total is scaled down to length 1
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
    clipped[lr] = loss.item()
    print(f"lr = {lr}   loss = {clipped[lr]:.4f}")
# --8<-- [end:clipped]


# --8<-- [start:check-lr-limit]
def check_lr_limit(limit: Callable[[Tensor], float]) -> None:
    """
    zh: limit 由 (k, k) 的 Hessian 给出梯度下降的最大学习率。
    en: limit gives gradient descent's largest learning rate from a (k, k) Hessian.

    Raises:
        zh: AssertionError: 给出的值偏大或偏小。
        en: AssertionError: the value is too large or too small.
    """
    for rows in ([[1.0, 0.0], [0.0, 10.0]], [[2.0, 1.0], [1.0, 5.0]], [[4.0]]):
        H = torch.tensor(rows, dtype=torch.float64)
        lr = limit(H)
        nothing = "没有返回值：是不是漏了 return？"  # zh
        nothing = "nothing came back: is a return missing?"  # en
        assert lr is not None, nothing
        lr = float(lr)
        start = torch.linalg.eigh(H).eigenvectors.sum(dim=1)
        below, above = (
            descend(
                gradient_descent, lambda p, H=H: p @ H @ p / 2, start, 400, lr=f * lr
            )
            for f in (0.99, 1.01)
        )
        too_large = f"{rows}：学习率只取 {lr:.4f} 的 0.99 倍，距离仍在增大"  # zh
        too_large = f"{rows}: even 0.99 of {lr:.4f} makes the distance grow"  # en
        too_small = f"{rows}：学习率取 {lr:.4f} 的 1.01 倍，距离仍在减小"  # zh
        too_small = f"{rows}: 1.01 of {lr:.4f} still makes the distance shrink"  # en
        assert below[-1].norm() < start.norm(), too_large
        assert above[-1].norm() > start.norm(), too_small


# --8<-- [end:check-lr-limit]


# --8<-- [start:solution-lr-limit]
def largest_lr(hessian: Tensor) -> float:
    """
    zh: 梯度下降学习率的上限 2/λ，λ 是最大的特征值；
    zh: hessian 的形状为 (k, k)，对称正定。
    en: The upper limit 2/λ of the learning rate, λ being the largest eigenvalue;
    en: hessian is (k, k), symmetric positive definite.
    """
    return 2 / torch.linalg.eigvalsh(hessian).max().item()


check_lr_limit(largest_lr)
# --8<-- [end:solution-lr-limit]


# --8<-- [start:check-adamax]
def check_adamax(rule: Callable[..., Tensor]) -> None:
    """
    zh: 拿 rule(theta, g, state, lr) 与 torch.optim.Adamax 逐步比较。
    en: Compare rule(theta, g, state, lr) with torch.optim.Adamax step by step.

    Raises:
        zh: AssertionError: 两条路径不同；信息指出从哪一步起不同。
        en: AssertionError: the paths differ; the message names the first step.
    """
    kept = start.clone()
    message = "没有返回值：是不是漏了 return？"  # zh
    message = "nothing came back: is a return missing?"  # en
    assert rule(start.clone(), start, {}, 1e-2) is not None, message
    message = "改动了传进来的 theta：应返回新的张量"  # zh
    message = "the theta passed in was changed: return a new tensor"  # en
    mine = descend(rule, rosenbrock, kept, 50, lr=1e-2)
    assert torch.equal(kept, start), message
    theirs = torch_path(torch.optim.Adamax, rosenbrock, start, 50, lr=1e-2)
    wrong = ~torch.isclose(mine, theirs, rtol=1e-9, atol=1e-12).all(dim=1)
    first = int(wrong.int().argmax())
    message = f"第 {first} 步起就不同：检查 m 的偏差修正和 u 里的 |g|"  # zh
    message = f"differs from step {first} on: check m's bias correction, |g|"  # en
    assert not wrong[1], message
    message = f"第 {first} 步起不同：检查 m 和 u 的衰减，以及 u 的最大值"  # zh
    message = f"differs from step {first} on: check m, and decay and max of u"  # en
    assert not wrong.any(), message


# --8<-- [end:check-adamax]


# --8<-- [start:solution-adamax]
def adamax(
    theta: Tensor,
    g: Tensor,
    state: dict,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Tensor:
    """
    zh: Adam 的无穷范数版本，走一步（Kingma & Ba 2014，第 7.1 节）；
    zh: theta、g 和结果同形，state 从一步留到下一步。
    en: One step of Adam in the infinity norm (Kingma & Ba 2014, section 7.1);
    en: theta, g and the result have one shape, state lives on between steps.
    """
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    u = beta2 * state.get("u", torch.zeros_like(g))
    state["u"] = torch.maximum(u, g.abs() + eps)
    return theta - lr / (1 - beta1**t) * state["m"] / state["u"]


check_adamax(adamax)
# --8<-- [end:solution-adamax]


# --8<-- [start:check-groups]
def check_groups(build: Callable[[nn.Module], torch.optim.Optimizer]) -> None:
    """
    zh: 权重矩阵须衰减，偏置和归一化层的参数不得衰减，且一个也不能漏。
    en: Weight matrices must decay, biases and norm parameters must not, none missing.

    Raises:
        zh: AssertionError: 不是 AdamW；或指出放错、漏掉的参数。
        en: AssertionError: not an AdamW, or a parameter (named) misplaced or missing.
    """
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.LayerNorm(8),
        nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)),
        nn.Linear(8, 1),
    )
    optimizer = build(model)
    other = f"得到的是 {type(optimizer).__name__}，不是 AdamW：那样的衰减是 L2"  # zh
    other = f"got {type(optimizer).__name__}, not AdamW: its decay would be L2"  # en
    assert isinstance(optimizer, torch.optim.AdamW), other
    groups = optimizer.param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    for name, p in model.named_parameters():
        missing = f"{name} 不在优化器里：它永远不会更新"  # zh
        missing = f"{name} is not in the optimizer: it will never be updated"  # en
        assert id(p) in decay, missing
        idle = f"{name} 是权重矩阵，却没有衰减"  # zh
        idle = f"{name} is a weight matrix, yet it does not decay"  # en
        assert p.ndim < 2 or decay[id(p)] > 0, idle
        shrunk = f"{name} 是偏置或归一化参数，不该衰减"  # zh
        shrunk = f"{name} is a bias or norm parameter and must not decay"  # en
        assert p.ndim >= 2 or decay[id(p)] == 0, shrunk


# --8<-- [end:check-groups]


# --8<-- [start:solution-groups]
def build_adamw(model: nn.Module) -> torch.optim.AdamW:
    """
    zh: AdamW，只让矩阵衰减，偏置和其他一维参数不衰减。
    en: AdamW that decays matrices only, not biases and other vectors.
    """
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": 0.01},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=1e-3,
    )


check_groups(build_adamw)
# --8<-- [end:solution-groups]
