# --8<-- [start:imports]
import itertools
import math
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

torch.manual_seed(0)
# --8<-- [end:imports]

# --8<-- [start:computes]
w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
loss = (w * 2.0 - 6.0) ** 2

loss.backward()
after_backward = w.item()
print(f"backward   w = {after_backward}   w.grad = {w.grad.item()}")
optimizer.step()
after_step = w.item()
print(f"step       w = {after_step:.1f}   w.grad = {w.grad.item()}")
# --8<-- [end:computes]


# --8<-- [start:three-ways]
def f(x: Tensor) -> Tensor:
    """
    zh: exp(sin x)，逐元素；x 形状任意。
    en: exp(sin x) element by element; x of any shape.
    """
    return torch.exp(torch.sin(x))


def by_hand(x: Tensor) -> Tensor:
    """
    zh: f 的导数，由链式法则推出；形状与 x 相同。
    en: The derivative of f by the chain rule, of x's shape.
    """
    return torch.cos(x) * torch.exp(torch.sin(x))


def by_difference(x: Tensor, h: float) -> Tensor:
    """
    zh: f 的中心差分，步长 h > 0；形状与 x 相同，截断误差为 O(h²)。
    en: The central difference of f with step h > 0, of x's shape; it truncates O(h²).
    """
    return (f(x + h) - f(x - h)) / (2 * h)


x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
f(x).backward()
with torch.no_grad():
    exact = by_hand(x).item()
    difference = by_difference(x, 1e-5).item()
print(f"by_hand         {exact:.16f}")
print(f"by_difference   {difference:.16f}")
print(f"autograd        {x.grad.item():.16f}")
# --8<-- [end:three-ways]

# --8<-- [start:step-size]
widths = [10 ** (-k / 4) for k in range(2, 57)]
difference_errors, best = {}, {}
for dtype in (torch.float32, torch.float64):
    point = torch.tensor(1.0, dtype=dtype)
    errors = [abs(by_difference(point, h).item() - exact) for h in widths]
    difference_errors[dtype] = errors
    best[dtype] = min(zip(errors, widths, strict=True))
    print(f"{dtype}   h = {best[dtype][1]:.0e}   error = {best[dtype][0]:.1e}")
# --8<-- [end:step-size]

# --8<-- [start:two-orders]
width, depth = 100, 4
layers = [torch.randn(width, width).double() / 10 for _ in range(depth - 1)]
layers.append(torch.randn(1, width).double() / 10)


def chain(a: Tensor) -> Tensor:
    """
    zh: 四层 tanh 网络：(100,) 变成 (1,)。
    en: Four layers of tanh: (100,) becomes (1,).
    """
    for W in layers:
        a = torch.tanh(W @ a)
    return a


# zh: 每层的雅可比矩阵，在前向计算经过的那一点上取值
# en: the Jacobian of each layer, at the point that the forward pass went through
start = torch.randn(width).double()
a, jacobians = start, []
for W in layers:
    a = torch.tanh(W @ a)
    jacobians.append((1 - a**2)[:, None] * W)


def multiply(matrices: list[Tensor]) -> tuple[Tensor, int]:
    """
    zh: 把形状相接的矩阵从左到右依次相乘；返回乘积和标量乘法的次数。
    en: Multiply matrices that fit, left to right; returns product and multiplications.
    """
    product, count = matrices[0], 0
    for matrix in matrices[1:]:
        count += product.shape[0] * product.shape[1] * matrix.shape[1]
        product = product @ matrix
    return product, count


reverse, reverse_count = multiply(jacobians[::-1])
# zh: 转置后反向相乘：等于从输入端开始乘，即前向模式
# en: transposed, in the other order: multiplying from the input's end, forward mode
forward, forward_count = multiply([J.T for J in jacobians])
leaf = start.clone().requires_grad_()
chain(leaf).sum().backward()
order_gap = (reverse[0] - forward[:, 0]).abs().max().item()
autograd_gap = (reverse[0] - leaf.grad).abs().max().item()
print(f"reverse   {reverse_count:>8}")
print(f"forward   {forward_count:>8}")
print(f"order_gap = {order_gap:.0e}   autograd_gap = {autograd_gap:.0e}")
# --8<-- [end:two-orders]

# --8<-- [start:vjp-jvp]
one_direction = torch.zeros(width).double()
one_direction[0] = 1.0
value, slope = jvp(chain, (start,), (one_direction,))
print(f"jvp        {slope.item():.10f}")
print(f"backward   {leaf.grad[0].item():.10f}")
# --8<-- [end:vjp-jvp]

# --8<-- [start:hand-backward]
u = torch.randn(3)
t = torch.randn(2)
W1 = torch.randn(4, 3, requires_grad=True)
W2 = torch.randn(2, 4, requires_grad=True)

z = W1 @ u
h = torch.tanh(z)
r = W2 @ h - t
loss = r.square().sum() / 2
loss.backward()

with torch.no_grad():
    # zh: 名字后的 _bar：损失对该量的梯度，形状与该量相同
    # en: a name with _bar: the loss's gradient with respect to it, of its shape
    r_bar = r
    W2_bar = r_bar[:, None] * h
    h_bar = W2.T @ r_bar
    z_bar = h_bar * (1 - h**2)
    W1_bar = z_bar[:, None] * u
print("W1", torch.allclose(W1_bar, W1.grad))
print("W2", torch.allclose(W2_bar, W2.grad))
# --8<-- [end:hand-backward]

# --8<-- [start:used-twice]
a = torch.tensor(3.0, requires_grad=True)
left, right = a * 2.0, a**2
(left * right).backward()
through_left = 2.0 * right.item()
through_right = 2.0 * a.item() * left.item()
print(f"{through_left} + {through_right} = {a.grad.item()}")
# --8<-- [end:used-twice]

# --8<-- [start:accumulate]
a = torch.tensor(3.0, requires_grad=True)
accumulated = []
for _ in range(3):
    (2 * a**2).backward()
    accumulated.append(a.grad.item())
print(accumulated)
a.grad = None
(2 * a**2).backward()
print(a.grad.item())
# --8<-- [end:accumulate]

# --8<-- [start:micro-batches]
model = nn.Linear(3, 1)
inputs, targets = torch.randn(12, 3), torch.randn(12, 1)

nn.functional.mse_loss(model(inputs), targets).backward()
whole = model.weight.grad.clone()

model.zero_grad()
for part_x, part_y in zip(inputs.split(4), targets.split(4), strict=True):
    # zh: 三份等大的平均值，各占三分之一
    # en: three means over equal parts, each with a third of the weight
    (nn.functional.mse_loss(model(part_x), part_y) / 3).backward()
micro = model.weight.grad
print(torch.allclose(micro, whole))
# --8<-- [end:micro-batches]


# --8<-- [start:engine]
class Value:
    """
    zh: 记得自己来历的一个数：parents 是若干个（来源，局部导数）对。
    en: A number that knows how it was made: parents holds (source, local derivative).
    """

    created = itertools.count()

    def __init__(self, data: float, parents: tuple = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.number = next(Value.created)

    def __add__(self, other: "Value | float") -> "Value":
        other = lift(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: "Value | float") -> "Value":
        other = lift(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, k: float) -> "Value":
        return Value(self.data**k, ((self, k * self.data ** (k - 1)),))

    def exp(self) -> "Value":
        result = math.exp(self.data)
        return Value(result, ((self, result),))

    def log(self) -> "Value":
        return Value(math.log(self.data), ((self, 1 / self.data),))

    def tanh(self) -> "Value":
        result = math.tanh(self.data)
        return Value(result, ((self, 1 - result**2),))

    def __neg__(self) -> "Value":
        return self * -1.0

    def __sub__(self, other: "Value | float") -> "Value":
        return self + lift(other) * -1.0

    def __truediv__(self, other: "Value | float") -> "Value":
        return self * lift(other) ** -1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> None:
        flowing = {self: 1.0}
        for node in history(self):
            arrived = flowing[node]
            if not node.parents:
                # zh: 只有叶子留下梯度；途中的量用过就忘
                # en: only leaves keep a gradient; what is on the way is forgotten
                node.grad += arrived
            for parent, local in node.parents:
                flowing[parent] = flowing.get(parent, 0.0) + arrived * local


def lift(number: "Value | float") -> Value:
    """
    zh: 普通的数变成没有来历的 Value；Value 原样返回。
    en: A plain number becomes a Value without parents; a Value stays as it is.
    """
    return number if isinstance(number, Value) else Value(float(number))


def history(root: Value) -> list[Value]:
    """
    zh: root 由哪些节点算出（含它自己），晚造的在前：先轮到使用者，再轮到被用者。
    en: All that root was made from, latest first: users come before what they use.
    """
    found, waiting = {root}, [root]
    while waiting:
        new = {parent for parent, _ in waiting.pop().parents} - found
        found |= new
        waiting += new
    return sorted(found, key=lambda node: node.number, reverse=True)


# --8<-- [end:engine]

# --8<-- [start:engine-checked]
numbers = (0.7, -1.3, 2.1)


def formula(a, b, c):
    """
    zh: 用到引擎全部九种运算的一个公式；
    zh: 参数全是 Value 或全是标量张量，c > 0。
    en: A formula with all nine operations of the engine;
    en: all Values or all scalar tensors, c > 0.
    """
    return ((a * b + c) ** 2 / (1 + a.exp()) - (c * a).tanh()) * c.log() + 2 * -b


ours = [Value(number) for number in numbers]
result = formula(*ours)
result.backward()

theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in numbers]
reference = formula(*theirs)
reference.backward()

print(f"{result.data:.12f}   {reference.item():.12f}")
for mine, its in zip(ours, theirs, strict=True):
    print(f"{mine.grad:.12f}   {its.grad.item():.12f}")
# --8<-- [end:engine-checked]

# --8<-- [start:engine-twice]
a = Value(3.0)
doubled = 2 * a**2
seen = []
for _ in range(2):
    doubled.backward()
    seen.append(a.grad)

a_t = torch.tensor(3.0, requires_grad=True)
doubled_t = 2 * a_t**2
seen_t = []
for _ in range(2):
    doubled_t.backward(retain_graph=True)
    seen_t.append(a_t.grad.item())
print(seen, seen_t)
# --8<-- [end:engine-twice]


# --8<-- [start:engine-careless]
def careless_backward(root: Value) -> None:
    """
    zh: 反面例子：不区分叶子，途中的量也累积；第二次调用算错。
    en: A bad example: what is on the way accumulates too; a second call goes wrong.
    """
    root.grad = 1.0
    for node in history(root):
        for parent, local in node.parents:
            parent.grad += node.grad * local


a = Value(3.0)
doubled = 2 * a**2
careless = []
for _ in range(2):
    careless_backward(doubled)
    careless.append(a.grad)
print(careless)
# --8<-- [end:engine-careless]


# --8<-- [start:engine-trains]
def network(x, p):
    """
    zh: 1-4-1 的 tanh 网络在数 x 处的值；p 是 13 个 Value 或标量张量。
    en: A 1-4-1 tanh network at a number x; p holds 13 Values or scalar tensors.
    """
    hidden = [(p[3 * i] * x + p[3 * i + 1]).tanh() * p[3 * i + 2] for i in range(4)]
    return sum(hidden, start=p[12])


def total_loss(p):
    """
    zh: network 对 sin 的均方误差，在 9 个点上；p 同 network。
    en: The mean squared error of network to sin at 9 points; p as for network.
    """
    return sum((network(x, p) - math.sin(x)) ** 2 for x in points) / len(points)


points = [k * 0.75 - 3 for k in range(9)]
initial = torch.randn(13).double().tolist()
ours = [Value(v) for v in initial]
theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in initial]
our_losses, their_losses = [], []
for _ in range(150):
    loss = total_loss(ours)
    loss.backward()
    for p in ours:
        p.data -= 0.1 * p.grad
        p.grad = 0.0
    our_losses.append(loss.data)

    loss = total_loss(theirs)
    loss.backward()
    with torch.no_grad():
        for p in theirs:
            p -= 0.1 * p.grad
            p.grad = None
    their_losses.append(loss.item())
print(f"Value   {our_losses[0]:.10f} -> {our_losses[-1]:.10f}")
print(f"torch   {their_losses[0]:.10f} -> {their_losses[-1]:.10f}")
# --8<-- [end:engine-trains]


# --8<-- [start:graph]
def print_graph(node: torch.autograd.graph.Node, names: dict, depth: int = 0) -> None:
    """
    zh: 打印 node 及其下方的计算图，叶子用 names 里的名字。
    en: Print the graph from node on down; names gives the leaves their names.
    """
    name = names.get(getattr(node, "variable", None), "")
    print(f"{'  ' * depth}{type(node).__name__} {name}".rstrip())
    for parent, _ in node.next_functions:
        if parent is not None:
            print_graph(parent, names, depth + 1)


a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(5.0, requires_grad=True)
c = torch.tensor(7.0)
out = a * b + torch.sin(a) * c
print_graph(out.grad_fn, {a: "a", b: "b"})
# --8<-- [end:graph]


# --8<-- [start:naive-softplus]
def naive_softplus(x: Tensor) -> Tensor:
    """
    zh: log(1 + eˣ) 照公式写，逐元素；x 约大于 88 时在 float32 里溢出成 inf。
    en: log(1 + eˣ) as written, element by element; above x ≈ 88 float32 overflows.
    """
    return torch.log(1 + torch.exp(x))


x = torch.tensor([-2.0, 0.0, 100.0], requires_grad=True)
out = naive_softplus(x)
out.sum().backward()
naive_slope = x.grad.clone()
print(out.detach())
print(naive_slope)
# --8<-- [end:naive-softplus]


# --8<-- [start:softplus]
class Softplus(Function):
    """
    zh: log(1 + eˣ)，逐元素，大的 x 也不溢出；导数是 sigmoid(x)。
    en: log(1 + eˣ), elementwise, safe for large x; its derivative is sigmoid(x).
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return upstream * torch.sigmoid(x)


x.grad = None
out = Softplus.apply(x)
out.sum().backward()
print(out.detach())
print(x.grad)
# --8<-- [end:softplus]

# --8<-- [start:gradcheck]
probe = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
checked = gradcheck(Softplus.apply, probe), gradgradcheck(Softplus.apply, probe)
print(checked)
# --8<-- [end:gradcheck]


def fails_gradcheck() -> None:
    """
    zh: 导数少乘了上游梯度，gradcheck 查得出。抛出 GradcheckError。
    en: Leaves out the upstream gradient, which gradcheck finds. Raises GradcheckError.
    """

    # --8<-- [start:fails-gradcheck]
    class Forgetful(Softplus):
        @staticmethod
        def backward(ctx, upstream: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            # zh: 忘了乘上游的梯度
            # en: the upstream gradient is forgotten
            return torch.sigmoid(x)

    gradcheck(Forgetful.apply, probe)
    # --8<-- [end:fails-gradcheck]


# --8<-- [start:modes]
net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
batch = torch.randn(16, 4)
observed = {}


def observe(name: str, run: Callable[[], Tensor]) -> None:
    """
    zh: 运行 run，打印输出有没有图、是不是推理张量、有没有元素被 Dropout 置零，
    zh: 以及 BatchNorm 的滑动平均变了没有；都记入 observed。
    en: Call run; print whether its output has a graph, is an inference tensor and has
    en: zeros from dropout, and whether batch norm's mean changed; kept in observed.
    """
    before = net[1].running_mean.clone()
    out = run()
    observed[name] = {
        "graph": out.grad_fn is not None,
        "inference": out.is_inference(),
        "dropout": bool((out == 0).any()),
        "batchnorm": not torch.equal(before, net[1].running_mean),
    }
    found = "  ".join(f"{k}={v!s:5}" for k, v in observed[name].items())
    print(f"{name:15} {found.rstrip()}")


observe("train", lambda: net(batch))
observe("detach", lambda: net(batch).detach())
with torch.no_grad():
    observe("no_grad", lambda: net(batch))
with torch.inference_mode():
    observe("inference_mode", lambda: net(batch))
net.eval()
observe("eval", lambda: net(batch))
with torch.no_grad():
    observe("eval, no_grad", lambda: net(batch))
# --8<-- [end:modes]

# --8<-- [start:no-grad-later]
head = nn.Linear(8, 1)
with torch.no_grad():
    features = net(batch)
head(features).sum().backward()
print(head.weight.grad.shape, net[0].weight.grad)
# --8<-- [end:no-grad-later]


def fails_inference() -> None:
    """
    zh: inference_mode 里算出的张量不能再用于反向传播。抛出 RuntimeError。
    en: Uses a tensor of inference_mode in a backward pass. Raises RuntimeError.
    """
    # --8<-- [start:fails-inference]
    with torch.inference_mode():
        features = net(batch)
    head(features).sum().backward()
    # --8<-- [end:fails-inference]


# --8<-- [start:detach-shares]
a = torch.ones(2, requires_grad=True)
b = a * 1.0
cut = b.detach()
cut[0] = 7.0
print(b.tolist(), cut.tolist(), cut.data_ptr() == b.data_ptr())
print(b.requires_grad, cut.requires_grad)
# --8<-- [end:detach-shares]

# --8<-- [start:double-backward]
x = torch.tensor(3.0, requires_grad=True)
y = x**3
(first,) = torch.autograd.grad(y, x, create_graph=True)
(second,) = torch.autograd.grad(first, x)
print(first.item(), second.item())
# --8<-- [end:double-backward]


# --8<-- [start:func]
def cube(x: Tensor) -> Tensor:
    """
    zh: x³，逐元素。
    en: x³, element by element.
    """
    return x**3


def rosenbrock(p: Tensor) -> Tensor:
    """
    zh: Rosenbrock 函数；p 形状为 (2,)，结果是标量，最小值在 (1, 1)。
    en: The Rosenbrock function of p, (2,): a scalar, least at (1, 1).
    """
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def polar(p: Tensor) -> Tensor:
    """
    zh: 极坐标 (r, 弧度) 变成直角坐标，都是 (2,)。
    en: Polar (r, radians) to Cartesian coordinates, both (2,).
    """
    r, angle = p
    return torch.stack([r * torch.cos(angle), r * torch.sin(angle)])


three = torch.tensor(3.0)
derivatives = [grad(cube)(three).item(), grad(grad(cube))(three).item()]
print(derivatives)

at = torch.tensor([2.0, math.pi / 3], dtype=torch.float64)
J = jacrev(polar)(at)
print(J)
print(torch.allclose(J, jacfwd(polar)(at)))

minimum = torch.ones(2, dtype=torch.float64)
H = hessian(rosenbrock)(minimum)
curvatures = torch.linalg.eigvalsh(H)
print(H)
print(f"2 / max(eigenvalue) = {2 / curvatures.max():.6f}")
# --8<-- [end:func]

# --8<-- [start:hvp]
v = torch.tensor([1.0, -1.0], dtype=torch.float64)
# zh: 梯度沿方向 v 的导数就是 H v：不必建出 H
# en: the gradient's derivative along v is H v: H itself is never built
_, product = jvp(grad(rosenbrock), (minimum,), (v,))
print(product, torch.allclose(product, H @ v))
# --8<-- [end:hvp]


# --8<-- [start:per-sample]
def sample_loss(weight: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """
    zh: 一个样本的平方误差：weight 和 x 是 (d,)，y 和结果是标量。
    en: One sample's squared error: weight and x are (d,), y and the result scalars.
    """
    return (weight @ x - y).square()


weight = torch.zeros(3)
rows = vmap(grad(sample_loss), in_dims=(None, 0, 0))(weight, inputs, targets[:, 0])


def mean_loss(weight: Tensor) -> Tensor:
    """
    zh: 全部 12 个样本的均方误差；weight 是 (3,)，结果是标量。
    en: The mean squared error of all 12 samples; weight is (3,), the result a scalar.
    """
    return (inputs @ weight - targets[:, 0]).square().mean()


print(rows.shape, torch.allclose(rows.mean(dim=0), grad(mean_loss)(weight)))
# --8<-- [end:per-sample]


def fails_twice() -> None:
    """
    zh: 同一张图反向传播两次。抛出 RuntimeError。
    en: Goes backward through one graph twice. Raises RuntimeError.
    """
    # --8<-- [start:fails-twice]
    a = torch.tensor(3.0, requires_grad=True)
    loss = 2 * a**2
    loss.backward()
    loss.backward()
    # --8<-- [end:fails-twice]


def fails_non_scalar() -> None:
    """
    zh: 对形状为 (3,) 的输出直接调用 backward。抛出 RuntimeError。
    en: Calls backward on an output of shape (3,). Raises RuntimeError.
    """
    # --8<-- [start:fails-non-scalar]
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    errors = a**2
    errors.backward()
    # --8<-- [end:fails-non-scalar]


# --8<-- [start:non-scalar-mended]
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
errors = a**2
errors.mean().backward()
print(a.grad)

a.grad = None
errors = a**2
v = torch.tensor([1.0, 0.0, 10.0])
# zh: 不归约也行，但须给出左乘雅可比矩阵的向量 v
# en: without a reduction, give the vector v, by which the Jacobian is multiplied
errors.backward(v)
print(a.grad)
# --8<-- [end:non-scalar-mended]


def fails_in_place() -> None:
    """
    zh: 就地改掉反向传播还要用的值。抛出 RuntimeError。
    en: Changes in place what the backward pass still needs. Raises RuntimeError.
    """
    # --8<-- [start:fails-in-place]
    a = torch.tensor([0.0, 1.0], requires_grad=True)
    b = torch.exp(a)
    b += 1
    b.sum().backward()
    # --8<-- [end:fails-in-place]


# --8<-- [start:in-place-mended]
a = torch.tensor([0.0, 1.0], requires_grad=True)
b = torch.exp(a)
b = b + 1
b.sum().backward()
print(a.grad)
# --8<-- [end:in-place-mended]


def fails_leaf() -> None:
    """
    zh: 在记录梯度时就地更新叶子。抛出 RuntimeError。
    en: Updates a leaf in place while gradients are recorded. Raises RuntimeError.
    """
    # --8<-- [start:fails-leaf]
    w = torch.tensor(1.0, requires_grad=True)
    (w**2).backward()
    w -= 0.1 * w.grad
    # --8<-- [end:fails-leaf]


# --8<-- [start:leaf-mended]
w = torch.tensor(1.0, requires_grad=True)
(w**2).backward()
with torch.no_grad():
    w -= 0.1 * w.grad
print(w)
# --8<-- [end:leaf-mended]


def fails_no_graph() -> None:
    """
    zh: 取出数值再造张量，图就断了。抛出 RuntimeError。
    en: Makes a tensor from a number, which cuts the graph. Raises RuntimeError.
    """
    # --8<-- [start:fails-no-graph]
    w = torch.tensor(1.0, requires_grad=True)
    loss = (w - 2) ** 2
    total = torch.tensor(loss.item())
    total.backward()
    # --8<-- [end:fails-no-graph]


# --8<-- [start:silent-data]
a = torch.tensor(3.0, requires_grad=True)
b = a * 1.0
loss = b**2
b.data.zero_()
loss.backward()
silent = a.grad.item()
print(silent)
# --8<-- [end:silent-data]


def fails_detach_in_place() -> None:
    """
    zh: 就地改 detach 的结果，原张量随之改变。抛出 RuntimeError。
    en: Changes the original through a detached tensor. Raises RuntimeError.
    """
    # --8<-- [start:fails-detach-in-place]
    a = torch.tensor(3.0, requires_grad=True)
    b = a * 1.0
    loss = b**2
    b.detach().zero_()
    loss.backward()
    # --8<-- [end:fails-detach-in-place]


# --8<-- [start:non-leaf]
a = torch.tensor(3.0, requires_grad=True)
b = a**2
b.retain_grad()
c = a**2
(b + c).backward()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(a.grad, b.grad, c.grad)
print(caught[0].category.__name__)
# --8<-- [end:non-leaf]
