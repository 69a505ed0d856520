"""
zh: 自动求导的练习：softmax 的 VJP、给引擎添一种运算、大小不等的几批。
en: Exercises on autograd: softmax's VJP, a new operation, batches of unequal size.
"""

# --8<-- [start:imports]
import itertools
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

# --8<-- [end:imports]


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


# --8<-- [start:check-softmax]
def check_softmax(vjp: Callable[[Tensor, Tensor], Tensor]) -> None:
    """
    zh: vjp(p, v) 由 p = softmax(x) 和上游的 v 给出 x 的梯度，三者的形状都是 (k,)。
    en: vjp(p, v) gives x's gradient from p = softmax(x) and the upstream v, all (k,).

    Raises:
        zh: AssertionError: 结果与 torch 不同；信息说出错在哪里。
        en: AssertionError: the result differs from torch; the message says how.
    """
    x = torch.tensor([0.5, -1.0, 2.0, 0.0], dtype=torch.float64, requires_grad=True)
    p = torch.softmax(x, dim=0)
    v = torch.tensor([1.0, 2.0, -1.0, 0.5], dtype=torch.float64)
    p.backward(v)
    answer = vjp(p.detach(), v)
    message = "没有返回值：是不是漏了 return？"  # zh
    message = "nothing came back: is a return missing?"  # en
    assert answer is not None, message
    answer = torch.as_tensor(answer).double()
    message = f"形状应为 (4,)，得到 {tuple(answer.shape)}"  # zh
    message = f"the shape should be (4,), got {tuple(answer.shape)}"  # en
    assert answer.shape == (4,), message
    message = "只有对角线：还缺 p[i] 对其他 x[j] 的导数"  # zh
    message = "only the diagonal: p[i] depends on the other x[j] too"  # en
    assert not torch.allclose(answer, p * (1 - p) * v), message
    message = f"各分量之和是 {answer.sum():.3f}，应为 0：x 整体平移不改变 p"  # zh
    message = f"the sum is {answer.sum():.3f}, not 0: shifting x leaves p alone"  # en
    assert abs(answer.sum()) < 1e-6, message
    message = f"与 torch 不同：{answer.tolist()}"  # zh
    message = f"differs from torch: {answer.tolist()}"  # en
    assert torch.allclose(answer, x.grad), message


# --8<-- [end:check-softmax]


# --8<-- [start:solution-softmax]
def softmax_vjp(p: Tensor, v: Tensor) -> Tensor:
    """
    zh: softmax 的 VJP：p、上游的 v 和结果都是 (k,)。
    en: The VJP of softmax: p, the upstream v and the result are all (k,).
    """
    return p * (v - p.dot(v))


check_softmax(softmax_vjp)
# --8<-- [end:solution-softmax]


# --8<-- [start:check-sigmoid]
def check_sigmoid(sigmoid: Callable[[Value], Value]) -> None:
    """
    zh: sigmoid 给引擎添一种运算：1 / (1 + e⁻ᵃ)。
    en: sigmoid adds an operation to the engine: 1 / (1 + e⁻ᵃ).

    Raises:
        zh: AssertionError: 值不对、图断了，或局部导数不对。
        en: AssertionError: wrong value, cut graph, or wrong local derivative.
    """
    for number in (-1.5, 0.0, 2.0):
        a = Value(number)
        result = sigmoid(a)
        message = f"应返回 Value，而不是 {type(result).__name__}"  # zh
        message = f"return a Value, not {type(result).__name__}"  # en
        assert isinstance(result, Value), message
        message = "parents 应是若干对：只有一对时，也写成 ((a, d),)"  # zh
        message = "parents holds pairs: a single one is written ((a, d),)"  # en
        assert all(isinstance(pair, tuple) for pair in result.parents), message
        t = torch.tensor(number, dtype=torch.float64, requires_grad=True)
        reference = torch.sigmoid(t)
        message = f"sigmoid({number}) = {result.data}，值不对"  # zh
        message = f"sigmoid({number}) = {result.data} is the wrong value"  # en
        assert math.isclose(result.data, reference.item()), message
        (result * (a + 1)).backward()
        (reference * (t + 1)).backward()
        message = "图断了：结果里没有记下它来自 a"  # zh
        message = "the graph is cut: the result does not remember a"  # en
        assert a in history(result), message
        message = f"a = {number}：sigmoid(a) * (a + 1) 的导数是 {a.grad:.4f}，应为 {t.grad:.4f}"  # zh
        message = f"a = {number}: sigmoid(a) * (a + 1) has slope {a.grad:.4f}, not {t.grad:.4f}"  # en
        assert math.isclose(a.grad, t.grad.item()), message


# --8<-- [end:check-sigmoid]


# --8<-- [start:solution-sigmoid]
def sigmoid(a: Value) -> Value:
    """
    zh: 1 / (1 + e⁻ᵃ)，给引擎添的一种运算。
    en: 1 / (1 + e⁻ᵃ), an operation added to the engine.
    """
    s = 1 / (1 + math.exp(-a.data))
    return Value(s, ((a, s * (1 - s)),))


check_sigmoid(sigmoid)
# --8<-- [end:solution-sigmoid]


# --8<-- [start:check-accumulate]
def check_accumulate(accumulate: Callable[[nn.Module, Iterable], None]) -> None:
    """
    zh: accumulate(model, batches) 应在 .grad 里留下全部样本平均损失的梯度。
    en: accumulate(model, batches) leaves the gradient of the mean loss in .grad.

    Raises:
        zh: AssertionError: 各份的权重不对；信息说出是哪一种错。
        en: AssertionError: the parts are weighted wrongly; the message says how.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(10, 3, generator=generator)
    y = torch.randn(10, 1, generator=generator)
    model = nn.Linear(3, 1)
    mse = nn.functional.mse_loss
    right, bias = torch.autograd.grad(mse(model(x), y), list(model.parameters()))
    batches = list(zip(x.split([6, 3, 1]), y.split([6, 3, 1]), strict=True))
    parts = [torch.autograd.grad(mse(model(a), b), model.weight)[0] for a, b in batches]
    passes = []
    model.weight.register_post_accumulate_grad_hook(passes.append)
    accumulate(model, iter(batches))
    answer = model.weight.grad
    message = "没有梯度：调用 backward 了吗？batches 只能走一遍"  # zh
    message = "no gradient: was backward called? batches can be read only once"  # en
    assert answer is not None, message
    message = "只剩最后一份：中途把梯度清零了"  # zh
    message = "only the last part is left: the gradients were cleared on the way"  # en
    assert not torch.allclose(answer, parts[-1], atol=1e-6), message
    message = "几个平均值直接相加：没有按所占比例缩小"  # zh
    message = "the means are simply added: nothing is scaled down"  # en
    assert not torch.allclose(answer, sum(parts), atol=1e-6), message
    message = "各份权重相同，但大小不同：按样本数加权"  # zh
    message = "the parts have equal weight but not equal size: weight by samples"  # en
    assert not torch.allclose(answer, sum(parts) / 3, atol=1e-6), message
    message = "与整批的梯度不同"  # zh
    message = "differs from the gradient of the whole batch"  # en
    assert torch.allclose(answer, right, atol=1e-6), message
    message = "权重的梯度对，偏置的不对"  # zh
    message = "the gradient of the weight is right, that of the bias is not"  # en
    assert torch.allclose(model.bias.grad, bias, atol=1e-6), message
    message = f"每一批各调用一次 backward，共 3 次，不是 {len(passes)} 次"  # zh
    message = f"call backward once for each part: 3 times, not {len(passes)}"  # en
    assert len(passes) == 3, message


# --8<-- [end:check-accumulate]


# --8<-- [start:solution-accumulate]
def accumulate(model: nn.Module, batches: Iterable) -> None:
    """
    zh: 逐批累积 .grad，等于全部样本平均损失的梯度；batches 给出 (x, y)。
    en: Adds up in .grad the gradient of the mean loss; batches gives pairs (x, y).
    """
    batches = list(batches)
    total = sum(len(x) for x, _ in batches)
    for x, y in batches:
        loss = nn.functional.mse_loss(model(x), y)
        (loss * len(x) / total).backward()


check_accumulate(accumulate)
# --8<-- [end:solution-accumulate]
