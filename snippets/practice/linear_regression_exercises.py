"""
zh: 线性回归的练习：手写梯度、不用 nn.Module、多个特征。
en: Exercises on linear regression: a gradient by hand, no nn.Module, more features.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch

# --8<-- [end:imports]


# --8<-- [start:check-gradient]
Gradient = Callable[..., tuple[torch.Tensor, torch.Tensor]]


def check_gradient(gradient: Gradient) -> None:
    """
    zh: gradient(w, b, x, y) 应返回 MSE 对 w、b 的导数；x、y 形状 (n,)。
    en: gradient(w, b, x, y) must return the derivatives of MSE; x, y: (n,).

    Raises:
        zh: AssertionError: 与自动求导不符。
        en: AssertionError: it differs from autograd.
    """
    w = torch.tensor(0.5, requires_grad=True)
    b = torch.tensor(-1.0, requires_grad=True)
    x = torch.tensor([-1.0, 0.0, 2.0, 3.0])
    y = torch.tensor([1.0, -2.0, 0.0, 4.0])
    (w * x + b - y).square().mean().backward()
    with torch.no_grad():
        pair = gradient(w, b, x, y)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert pair is not None, problem
    dw, db = (torch.as_tensor(d).float() for d in pair)
    ratios = torch.stack([dw / w.grad, db / b.grad])

    problem = "符号反了：残差是预测减目标"  # zh
    problem = "the sign is wrong: the residual is prediction minus target"  # en
    assert not (ratios < 0).all(), problem
    problem = "少了因子 2：平方求导会留下它"  # zh
    problem = "the factor 2 is missing: the square leaves it behind"  # en
    assert not torch.allclose(ratios, torch.tensor(0.5)), problem
    problem = "是应有的 n 倍：该取平均，不是求和"  # zh
    problem = "n times too large: take the mean, not the sum"  # en
    assert not torch.allclose(ratios, torch.tensor(4.0)), problem
    problem = "用了总和而不是平均值，又少了因子 2"  # zh
    problem = "a sum in place of the mean, and the factor 2 is missing"  # en
    assert not torch.allclose(ratios, torch.tensor(2.0)), problem
    problem = "dw 不对：每个残差要先乘上自己的 x"  # zh
    problem = "dw is wrong: multiply each residual by its own x first"  # en
    assert torch.allclose(dw, w.grad), problem
    problem = "db 不对：b 的导数是残差平均的两倍"  # zh
    problem = "db is wrong: it is twice the mean residual"  # en
    assert torch.allclose(db, b.grad), problem


# --8<-- [end:check-gradient]


# --8<-- [start:solve-gradient]
def gradient(
    w: torch.Tensor, b: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    zh: 均方误差对 w 和 b 的导数，照公式算；
    zh: x 和 y 是 (n,)，两个结果是标量。
    en: The derivatives of the mean squared error with respect to w and b, by the
    en: formula; x and y are (n,), both results scalars.
    """
    residual = w * x + b - y
    return 2 * (residual * x).mean(), 2 * residual.mean()


check_gradient(gradient)
# --8<-- [end:solve-gradient]


# --8<-- [start:check-fit]
def check_fit(fit: Callable[..., tuple[float, float]]) -> None:
    """
    zh: fit(x, y) 收到形状 (n,) 的两个张量，应训练并返回 (w, b)。
    en: fit(x, y) gets two tensors of shape (n,), must train and return (w, b).

    Raises:
        zh: AssertionError: 离闭式解太远；信息里写着可能的原因。
        en: AssertionError: far from the closed form; the message names a likely cause.
    """
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(-1, 1, 60)
    y = 0.5 - 1.5 * x + 0.2 * torch.randn(60, generator=generator)
    X = torch.stack([x, torch.ones_like(x)], dim=1)
    best_w, best_b = torch.linalg.lstsq(X, y).solution.tolist()
    pair = fit(x, y)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert pair is not None, problem
    w, b = pair

    problem = "发散了：学习率太大"  # zh
    problem = "it diverged: the learning rate is too large"  # en
    assert abs(w) < 100 and abs(b) < 100, problem
    problem = "w 约为零、b 约为平均值：形状在损失里悄悄广播了"  # zh
    problem = "w is about zero, b about the mean: shapes broadcast in the loss"  # en
    assert not (abs(w) < 0.05 and abs(b - y.mean().item()) < 0.05), problem
    problem = "次序反了：先 w，后 b"  # zh
    problem = "the wrong order: first w, then b"  # en
    assert abs(w - best_b) > 0.05 or abs(b - best_w) > 0.05, problem
    problem = "离闭式解还远：步数不够，或者梯度没有清零"  # zh
    problem = "far from the closed form: too few steps, or gradients not cleared"  # en
    assert abs(w - best_w) < 0.01 and abs(b - best_b) < 0.01, problem


# --8<-- [end:check-fit]


# --8<-- [start:solve-fit]
def fit(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """
    zh: 用 SGD 拟合 200 步，返回 w 和 b；x 和 y 是 (n,)。
    en: Fit by 200 steps of SGD; returns w and b. x and y are (n,).
    """
    w = torch.zeros(1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = (w * x + b - y).square().mean()
        loss.backward()
        optimizer.step()
    return w.item(), b.item()


check_fit(fit)
# --8<-- [end:solve-fit]


# --8<-- [start:check-least-squares]
def check_least_squares(solve: Callable[..., torch.Tensor]) -> None:
    """
    zh: solve(x, y)：x 形状 (n, d)，y 形状 (n, 1)；应返回 d 个权重，末尾是截距。
    en: solve(x, y): x (n, d), y (n, 1); must return d weights, then the intercept.

    Raises:
        zh: AssertionError: 不是 d + 1 个数、截距不在末尾，或不是最小二乘解。
        en: AssertionError: not d + 1 numbers, intercept not last, or not least squares.
    """
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(50, 2, generator=generator)
    noise = 0.1 * torch.randn(50, 1, generator=generator)
    y = x @ torch.tensor([[1.0], [-2.0]]) + 4 + noise
    theta = solve(x, y)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert theta is not None, problem
    theta = torch.as_tensor(theta).float().flatten()

    problem = f"要三个数，得到 {theta.numel()} 个：截距需要一列 1"  # zh
    problem = f"three numbers wanted, got {theta.numel()}: add a column of ones"  # en
    assert theta.numel() == 3, problem
    problem = "截距应排在最后：一列 1 放在右边"  # zh
    problem = "the intercept comes last: put the column of ones on the right"  # en
    assert abs(theta[0] - 4) > 0.5, problem
    # zh: 最小值处，残差与每一列都正交
    # en: at the minimum the residual is orthogonal to every column
    X = torch.cat([x, torch.ones(50, 1)], dim=1)
    slope = X.T @ (X @ theta.unsqueeze(1) - y) / 50
    problem = "梯度不为零：这不是最小二乘解"  # zh
    problem = "the gradient is not zero: this is not the least-squares solution"  # en
    assert slope.abs().max() < 1e-4, problem


# --8<-- [end:check-least-squares]


# --8<-- [start:solve-least-squares]
def least_squares(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 正规方程的解：x 是 (n, d)，y 是 (n, 1)；
    zh: 返回 (d + 1, 1)，前 d 个是权重，末尾是截距。
    en: The normal equations' solution for x of (n, d) and y of (n, 1):
    en: shape (d + 1, 1), d weights and, last, the intercept.
    """
    X = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    return torch.linalg.solve(X.T @ X, X.T @ y)


check_least_squares(least_squares)
# --8<-- [end:solve-least-squares]
