"""
zh: 神经网络基础：一层如何计算、为什么要有激活函数、权重从哪里起步。
en: Neural networks: how a layer computes, why it needs an activation, where to start.
"""

# --8<-- [start:setup]
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

# --8<-- [end:setup]

# --8<-- [start:unit]
x = torch.tensor([1.0, 2.0, -1.0])
w = torch.tensor([0.5, -0.25, 1.0])
b = torch.tensor(0.75)

z = w @ x + b
a = torch.tanh(z)
print(f"z = {z:.4f}, a = {a:.4f}")
# --8<-- [end:unit]

# --8<-- [start:layer]
torch.manual_seed(0)
W = torch.randn(4, 3)
b = torch.randn(4)

# zh: 一行权重就是一个单元；四个单元看的是同一个 x
# en: one row of weights is one unit; all four units look at the same x
unit_by_unit = torch.stack([W[i] @ x + b[i] for i in range(4)])
z = W @ x + b
a = torch.tanh(z)
print("W", tuple(W.shape), "x", tuple(x.shape), "a", tuple(a.shape))
print("same:", torch.allclose(z, unit_by_unit))
# --8<-- [end:layer]

# --8<-- [start:batch]
X = torch.randn(5, 3)
# zh: b 的形状是 (4,)，会广播到五行的每一行
# en: b has shape (4,) and is broadcast to each of the five rows
Z = X @ W.T + b

layer = nn.Linear(3, 4)
# zh: 换参数的值不是要求导的计算，所以关掉记录
# en: replacing the values is not a computation to differentiate, so do not record it
with torch.no_grad():
    layer.weight.copy_(W)
    layer.bias.copy_(b)
print("X", tuple(X.shape), "Z", tuple(Z.shape))
print("nn.Linear:", torch.allclose(layer(X), Z))
# --8<-- [end:batch]

# --8<-- [start:collapse]
torch.manual_seed(0)
stack = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(8, 2))

collapsed_W, collapsed_b = torch.eye(3), torch.zeros(3)
with torch.no_grad():
    for layer in stack:
        # zh: 新的一层作用在已有的仿射映射上：W₂(W₁x + b₁) + b₂
        # en: the next layer acts on the affine map so far: W₂(W₁x + b₁) + b₂
        collapsed_W = layer.weight @ collapsed_W
        collapsed_b = layer.weight @ collapsed_b + layer.bias
    difference = stack(X) - (X @ collapsed_W.T + collapsed_b)
print("W", tuple(collapsed_W.shape), "b", tuple(collapsed_b.shape))
print(f"difference {difference.abs().max():.0e}")
# --8<-- [end:collapse]

# --8<-- [start:xor-train]
inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])


def train(model: nn.Module, steps: int = 1000, lr: float = 1.0) -> list[float]:
    """
    zh: 在四个 XOR 样本上做梯度下降，返回每一步的损失。
    en: Gradient descent on the four XOR samples; returns each step's loss.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# --8<-- [end:xor-train]


# --8<-- [start:xor-linear]
def linear_stack(depth: int, width: int = 8) -> nn.Sequential:
    """
    zh: 由 depth 个线性层组成、中间没有激活函数的网络：(n, 2) → (n, 1)。
    en: A network of `depth` linear layers, no activation between: (n, 2) → (n, 1).
    """
    sizes = [2] + [width] * (depth - 1) + [1]
    return nn.Sequential(*(nn.Linear(n, m) for n, m in pairwise(sizes)))


linear_losses = {}
for depth in (1, 2, 4):
    torch.manual_seed(0)
    linear_losses[depth] = train(linear_stack(depth))
    print(f"depth {depth}: {linear_losses[depth][-1]:.4f}")
print(f"ln 2   : {math.log(2):.4f}")
# --8<-- [end:xor-linear]

# --8<-- [start:xor-tanh]
torch.manual_seed(0)
mlp = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
mlp_losses = train(mlp)

# zh: 只要数值、不求导：同 no_grad 一样不记录
# en: only values are wanted: record nothing, as under no_grad
with torch.inference_mode():
    probabilities = torch.sigmoid(mlp(inputs)).squeeze(1)
for point, p in zip(inputs.tolist(), probabilities.tolist(), strict=True):
    print(point, f"{p:.3f}")
print(f"loss {mlp_losses[-1]:.4f}")
# --8<-- [end:xor-tanh]

# --8<-- [start:xor-by-hand]
# zh: 第一个单元数有几个 1，第二个只在两个都是 1 时才响应
# en: the first unit counts the ones, the second responds only when both are 1
W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
b1 = torch.tensor([0.0, -1.0])
W2 = torch.tensor([[1.0, -2.0]])

hidden = torch.relu(inputs @ W1.T + b1)
output = hidden @ W2.T
print(hidden.tolist())
print(output.squeeze(1).tolist())
# --8<-- [end:xor-by-hand]


# --8<-- [start:activations]
def derivative(function, z: torch.Tensor) -> torch.Tensor:
    """
    zh: 逐元素函数在 z 的每一点的导数，由自动求导算出；形状与 z 相同。
    en: Derivative of an elementwise function at every point of z, same shape as z.
    """
    z = z.clone().requires_grad_()
    # zh: 每个输出只依赖自己的输入，求和之后的梯度正好是逐点的导数
    # en: each output depends on its own input only, so the sum's gradient is pointwise
    return torch.autograd.grad(function(z).sum(), z)[0]


grid = torch.arange(-120, 121) / 20
activations = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": F.gelu,
}
slopes = {name: derivative(phi, grid) for name, phi in activations.items()}
for name, slope in slopes.items():
    shown = (slope[0], slope[120], slope[-1], slope.max())
    print(f"{name:8}" + "".join(f"{value:8.4f}" for value in shown))
# --8<-- [end:activations]

# --8<-- [start:derivative-formulas]
s, t = torch.sigmoid(grid), torch.tanh(grid)
formulas = {"sigmoid": s * (1 - s), "tanh": 1 - t**2, "relu": (grid > 0).float()}
for name, formula in formulas.items():
    print(f"{name:8}{(slopes[name] - formula).abs().max():.0e}")
# --8<-- [end:derivative-formulas]


# --8<-- [start:zero-init]
def constant_network(value: float) -> nn.Sequential:
    """
    zh: 2-8-1 的 tanh 网络，所有参数都等于同一个值。
    en: A 2-8-1 tanh network with every parameter set to the same value.
    """
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    for parameter in model.parameters():
        nn.init.constant_(parameter, value)
    return model


zero = constant_network(0.0)
F.binary_cross_entropy_with_logits(zero(inputs), targets).backward()
zero_gradients = {
    name: parameter.grad.abs().max().item()
    for name, parameter in zero.named_parameters()
}
print(zero_gradients)
print(f"loss {train(zero)[-1]:.4f}")
# --8<-- [end:zero-init]

# --8<-- [start:symmetric-init]
symmetric = constant_network(0.5)
symmetric_losses = train(symmetric, steps=3000)

first = symmetric[0].weight.detach()
print("first unit", [round(v, 3) for v in first[0].tolist()])
print("largest difference between units", (first - first[0]).abs().max().item())
# zh: 一个单元能做到的最好成绩：三个样本共用概率 2/3，第四个完全答对
# en: the best one unit can do: three samples share p = 2/3, the fourth is right
floor = (2 * math.log(3 / 2) + math.log(3)) / 4
print(f"loss {symmetric_losses[-1]:.4f}, floor {floor:.4f}")
# --8<-- [end:symmetric-init]


# --8<-- [start:variance]
def variances(weight_variance: float, n: int = 512, depth: int = 10) -> list:
    """
    zh: 深 ReLU 网络每一层的 Var(z)；每层 n 个单元，正态权重，没有偏置。
    en: Var(z) in each layer of a deep ReLU net: n units each, normal weights, no bias.
    """
    torch.manual_seed(0)
    a = torch.randn(256, n)
    result = []
    for _ in range(depth):
        W = torch.randn(n, n) * math.sqrt(weight_variance)
        z = a @ W.T
        a = torch.relu(z)
        result.append(z.var().item())
    return result


n = 512
schemes = {
    "std 0.01": 0.01**2,
    "nn.Linear": 1 / (3 * n),
    "Xavier": 1 / n,
    "He": 2 / n,
    "std 1": 1.0,
}
through_depth, deviations = {}, {}
print(f"{'':12}{'predicted':>10}{'measured':>10}")
for name, weight_variance in schemes.items():
    v = through_depth[name] = variances(weight_variance)
    predicted = n * weight_variance / 2
    # zh: 第 2 到第 10 层平均每层放大多少倍（几何平均）
    # en: the mean factor from one layer to the next (geometric), layers 2 to 10
    measured = (v[-1] / v[0]) ** (1 / (len(v) - 1))
    deviations[name] = measured / predicted - 1
    print(f"{name:12}{predicted:10.4f}{measured:10.4f}")
# --8<-- [end:variance]

# --8<-- [start:default-init]
torch.manual_seed(0)
default = nn.Linear(512, 512)
print(f"Var(w) = {default.weight.var():.6f}, 1/(3n) = {1 / (3 * 512):.6f}")

nn.init.kaiming_normal_(default.weight, nonlinearity="relu")
nn.init.zeros_(default.bias)
print(f"Var(w) = {default.weight.var():.6f},    2/n = {2 / 512:.6f}")
# --8<-- [end:default-init]


# --8<-- [start:vanishing]
def gradient_norms(phi, weight_variance: float, depth: int = 20) -> list:
    """
    zh: 梯度 ∂L/∂z 在每一层的范数，从第一层到最后一层；每层 64 个单元，没有偏置。
    en: Norm of ∂L/∂z in each layer, first to last; 64 units a layer, no bias.
    """
    torch.manual_seed(0)
    a = torch.randn(256, 64)
    layers = []
    for _ in range(depth):
        W = torch.randn(64, 64) * math.sqrt(weight_variance)
        # zh: 需要梯度的是 z，第一层的 z 也不例外
        # en: what we want is the gradient at z, in the first layer too
        z = (a @ W.T).requires_grad_()
        z.retain_grad()
        layers.append(z)
        a = phi(z)
    # zh: 一个随机方向上的损失，使最后一层的 ∂L/∂a 尺度固定
    # en: a loss along a random direction gives the last ∂L/∂a a fixed scale
    (a * torch.randn(256, 64)).sum().backward()
    return [z.grad.norm().item() for z in layers]


norms = {
    "sigmoid, Xavier": gradient_norms(torch.sigmoid, 1 / 64),
    "tanh, Xavier": gradient_norms(torch.tanh, 1 / 64),
    "ReLU, Xavier": gradient_norms(torch.relu, 1 / 64),
    "ReLU, He": gradient_norms(torch.relu, 2 / 64),
}
factors = {}
for name, g in norms.items():
    factors[name] = (g[0] / g[-1]) ** (1 / (len(g) - 1))
    print(f"{name:16}{g[-1]:10.1e}{g[0]:10.1e}{factors[name]:8.3f}")
# --8<-- [end:vanishing]


# --8<-- [start:count]
def count_parameters(model: nn.Module) -> int:
    """
    zh: 模型里可训练的数有多少个。
    en: How many trainable numbers the model holds.
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


digits_net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
for name, parameter in digits_net.named_parameters():
    print(f"{name:10}{tuple(parameter.shape)!s:10}{parameter.numel():6}")
print(count_parameters(digits_net), "=", (64 + 1) * 32 + (32 + 1) * 10)
# --8<-- [end:count]


# --8<-- [start:affine-class]
class Affine(nn.Module):
    """
    zh: z = xWᵀ + b：形状 (…, n_in) → (…, n_out)；与 `nn.Linear` 起点相同。
    en: z = xWᵀ + b: shape (…, n_in) → (…, n_out); starts where `nn.Linear` does.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        # zh: 包成 nn.Parameter 再赋给属性，模块才会注册它
        # en: wrapped in nn.Parameter and assigned, so that the module registers it
        self.W = nn.Parameter(torch.empty(n_out, n_in).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.empty(n_out).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.W.T + self.b


# --8<-- [end:affine-class]

# --8<-- [start:affine-check]
torch.manual_seed(1)
ours = Affine(3, 4)
torch.manual_seed(1)
theirs = nn.Linear(3, 4)

for model in (ours, theirs):
    model(X).square().sum().backward()
print("weight:  ", torch.equal(ours.W, theirs.weight))
print("bias:    ", torch.equal(ours.b, theirs.bias))
print("output:  ", torch.allclose(ours(X), theirs(X)))
print("gradient:", torch.allclose(ours.W.grad, theirs.weight.grad))
# --8<-- [end:affine-check]


# --8<-- [start:mlp-class]
class MLP(nn.Module):
    """
    zh: 线性层与 tanh 交替的网络：(n, sizes[0]) → (n, sizes[-1])，最后一层不加激活。
    en: Linear layers and tanh in turn: (n, sizes[0]) → (n, sizes[-1]), last one bare.
    """

    def __init__(self, sizes: list[int], scale: float = 1.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Affine(n, m) for n, m in pairwise(sizes))
        # zh: 缓冲区属于状态，随模型一起保存、一起移到别的设备，但优化器不更新它
        # en: a buffer is state: saved and moved with the model, not trained
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = x / self.scale
        for layer in self.layers[:-1]:
            a = torch.tanh(layer(a))
        return self.layers[-1](a)


torch.manual_seed(0)
net = MLP([64, 32, 10], scale=16.0)
for name, parameter in net.named_parameters():
    print(name, tuple(parameter.shape))
print("buffers:", [name for name, _ in net.named_buffers()])
print("parameters:", count_parameters(net))
# --8<-- [end:mlp-class]

# --8<-- [start:state]
twin = MLP([64, 32, 10])
pixels = torch.rand(5, 64) * 16
before = torch.equal(net(pixels), twin(pixels))
twin.load_state_dict(net.state_dict())
after = torch.equal(net(pixels), twin(pixels))
print(list(net.state_dict()))
print(before, after, twin.scale.item())
# --8<-- [end:state]


def fails_shape() -> None:
    """
    zh: 输入有 5 个特征，层要 3 个。抛出 RuntimeError。
    en: An input of 5 features for a layer that takes 3. Raises RuntimeError.
    """
    # --8<-- [start:fails-shape]
    layer = nn.Linear(3, 4)
    layer(torch.randn(3, 5))
    # --8<-- [end:fails-shape]


def fails_dtype() -> None:
    """
    zh: 输入是整数，权重是浮点数。抛出 RuntimeError。
    en: An integer input for weights of floats. Raises RuntimeError.
    """
    # --8<-- [start:fails-dtype]
    layer = nn.Linear(3, 4)
    layer(torch.tensor([[1, 2, 3]]))
    # --8<-- [end:fails-dtype]


def fails_list() -> None:
    """
    zh: 层放在普通列表里，参数没有注册。抛出 ValueError。
    en: Layers in a plain list, whose parameters are not registered. Raises ValueError.
    """

    # --8<-- [start:fails-list]
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(2, 8), nn.Linear(8, 1)]

    torch.optim.SGD(Listed().parameters(), lr=0.1)
    # --8<-- [end:fails-list]


def fails_init() -> None:
    """
    zh: 还没有调用 `super().__init__()` 就放进一层。抛出 AttributeError。
    en: Assigns a layer before `super().__init__()`. Raises AttributeError.
    """

    # --8<-- [start:fails-init]
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(2, 1)

    Hasty()
    # --8<-- [end:fails-init]


# --8<-- [start:lost-parameter]
class Lost(nn.Module):
    """
    zh: 线性层之后有一个可学的增益，但它只是普通张量。
    en: A learnable gain after a linear layer, but kept as a plain tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.gain = torch.ones(1, requires_grad=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gain * self.linear(x)


torch.manual_seed(0)
lost = Lost()
train(lost, steps=100)
print([name for name, _ in lost.named_parameters()], list(lost.state_dict()))
print(f"gain {lost.gain.item()}, gradient {lost.gain.grad.item():.2f}")
# --8<-- [end:lost-parameter]

# --8<-- [start:dead-relu]
torch.manual_seed(0)
dead = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
nn.init.constant_(dead[0].bias, -10.0)

dead_losses = train(dead)
with torch.inference_mode():
    silent = (dead[:2](inputs) == 0).float().mean().item()
print(f"zeros {silent:.0%}, gradient {dead[0].weight.grad.abs().max().item()}")
print(f"loss {dead_losses[-1]:.4f}")

# zh: 同样的起点换成 leaky ReLU；ReLU 换成零偏置和 He 权重的起点
# en: leaky ReLU from the same start; ReLU from zero biases and He weights
torch.manual_seed(0)
leaky = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
nn.init.constant_(leaky[0].bias, -10.0)
leaky_losses = train(leaky)

torch.manual_seed(0)
alive = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
nn.init.kaiming_normal_(alive[0].weight, nonlinearity="relu")
nn.init.zeros_(alive[0].bias)
alive_losses = train(alive)
print(f"leaky loss {leaky_losses[-1]:.4f}, He loss {alive_losses[-1]:.4f}")
# --8<-- [end:dead-relu]
