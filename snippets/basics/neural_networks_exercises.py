"""
zh: 神经网络的练习：用 ReLU 求较大的数、数参数、leaky ReLU 的初始化。
en: Exercises on networks: a maximum from ReLUs, parameters counted, leaky ReLU.
"""

# --8<-- [start:imports]
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:check-maximum]
def check_maximum(W1, b1, W2, b2) -> None:
    """
    zh: 检查 W2 · relu(W1 x + b1) + b2 是否对任何两个数给出较大的那个。
    en: Check that W2 · relu(W1 x + b1) + b2 is the larger of any two numbers.

    Raises:
        zh: AssertionError: 某个输入的结果不对。
        en: AssertionError: the result is wrong for some input.
    """
    W1, b1, W2, b2 = (torch.as_tensor(v).float() for v in (W1, b1, W2, b2))
    shapes = tuple(tuple(v.shape) for v in (W1, b1, W2, b2))
    h = len(W1)
    problem = f"形状应为 (h, 2)、(h,)、(1, h)、(1,)，得到 {shapes}"  # zh
    problem = f"shapes must be (h, 2), (h,), (1, h), (1,), got {shapes}"  # en
    assert shapes == ((h, 2), (h,), (1, h), (1,)), problem
    pairs = [[1.0, 2.0], [2.0, 1.0], [3.0, 3.0], [-1.0, -2.0], [-2.0, 1.0]]
    for pair in (*pairs, [-1000.0, -2000.0]):
        answer = (W2 @ torch.relu(W1 @ torch.tensor(pair) + b1) + b2).item()
        problem = f"输入 {pair} 应得 {max(pair)}，网络给出 {answer:.2f}"  # zh
        problem = f"{pair} should give {max(pair)}, got {answer:.2f}"  # en
        assert abs(answer - max(pair)) < 1e-5, problem


# --8<-- [end:check-maximum]

# --8<-- [start:solve-maximum]
# zh: max(a, b) = relu(b − a) + a，而 a = relu(a) − relu(−a)
# en: max(a, b) = relu(b − a) + a, and a = relu(a) − relu(−a)
check_maximum(
    W1=[[-1, 1], [1, 0], [-1, 0]],
    b1=[0, 0, 0],
    W2=[[1, 1, -1]],
    b2=[0],
)
# --8<-- [end:solve-maximum]


# --8<-- [start:check-count]
def check_count(count) -> None:
    """
    zh: 检查 count(sizes) 是否等于全连接网络的参数个数；sizes 是各层的宽度。
    en: Check that count(sizes) is the number of parameters of a fully connected net.

    Raises:
        zh: AssertionError: 个数不对。
        en: AssertionError: the number is wrong.
    """
    for sizes in ([3, 1], [2, 8, 1], [64, 32, 10], [784, 256, 128, 10]):
        layers = nn.Sequential(*(nn.Linear(n, m) for n, m in pairwise(sizes)))
        right = sum(p.numel() for p in layers.parameters())
        answer = count(list(sizes))
        no_bias = sum(n * m for n, m in pairwise(sizes))
        problem = f"{sizes}：应为 {right}，得到 {answer}"  # zh
        problem = f"{sizes}: should be {right}, got {answer}"  # en
        if answer == no_bias:
            problem = f"{sizes}：{answer} 没有算上偏置"  # zh
            problem = f"{sizes}: {answer} leaves out the biases"  # en
        assert answer == right, problem


# --8<-- [end:check-count]


# --8<-- [start:solve-count]
def count(sizes: list[int]) -> int:
    """
    zh: 全连接网络的参数个数；sizes 是各层宽度，含输入和输出。
    en: The parameters of a dense network; sizes are the widths, input and output too.
    """
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


check_count(count)
print(count([784, 256, 128, 10]))
# --8<-- [end:solve-count]


# --8<-- [start:check-leaky]
def check_leaky(weight_variance) -> None:
    """
    zh: 检查 weight_variance(n) 能否让斜率 0.5 的 leaky ReLU 网络逐层保持 Var(z)。
    en: Check that weight_variance(n) keeps Var(z) steady; leaky ReLUs, slope 0.5.

    Raises:
        zh: AssertionError: 方差逐层增大或减小。
        en: AssertionError: the variance grows or shrinks from layer to layer.
    """
    n, depth = 512, 8
    torch.manual_seed(0)
    a = torch.randn(256, n)
    history = []
    for _ in range(depth):
        variance = weight_variance(n)
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert variance is not None, problem
        z = a @ (torch.randn(n, n) * math.sqrt(variance)).T
        a = F.leaky_relu(z, 0.5)
        history.append(z.var().item())
    factor = (history[-1] / history[0]) ** (1 / (depth - 1))
    direction = "增大" if factor > 1 else "减小"  # zh
    direction = "grows" if factor > 1 else "shrinks"  # en
    problem = f"方差逐层{direction}，每层乘以 {factor:.2f}"  # zh
    problem = f"the variance {direction}: times {factor:.2f} in every layer"  # en
    assert abs(factor - 1) < 0.05, problem


# --8<-- [end:check-leaky]


# --8<-- [start:solve-leaky]
# zh: z 关于 0 对称，所以 E[a²] = ½(1 + 0.5²) Var(z)
# en: z is symmetric about 0, so E[a²] = ½(1 + 0.5²) Var(z)
def leaky_variance(n: int) -> float:
    """
    zh: 权重的初始方差，使负半轴斜率为 0.5 的 Leaky ReLU 层保持方差；
    zh: n 是输入个数（He 等 2015）。
    en: The weights' variance that keeps variance through leaky ReLU of slope 0.5,
    en: with n inputs (He et al. 2015).
    """
    return 2 / ((1 + 0.5**2) * n)


check_leaky(leaky_variance)
# --8<-- [end:solve-leaky]
