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
    before, after = distances[factor][0], distances[factor][-1]
    print(f"{factor:.2f} * lr_limit   {before:.3f} -> {after:.3e}")
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
]
start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
gaps = []
for rule, ours, make, theirs in pairs:
    mine = descend(rule, rosenbrock, start, 100, lr=1e-3, **ours)
    reference = torch_path(make, rosenbrock, start, 100, lr=1e-3, **theirs)
    gaps.append((mine - reference).abs().max().item())
    print(f"{rule.__name__:16}  {make.__name__:8}  {gaps[-1]:.1e}")
# --8<-- [end:against-torch]


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
