"""
zh: 原文勘误的练习：不许广播的损失、信得过的数据。
en: Exercises on the repairs: a loss that refuses to broadcast, data to be trusted.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch

# --8<-- [end:imports]


# --8<-- [start:check-safe-mse]
def check_safe_mse(mse: Callable[..., torch.Tensor]) -> None:
    """
    zh: mse(prediction, target) 应返回均方误差；形状不同时抛出 ValueError。
    en: mse(prediction, target) must return the MSE, ValueError if the shapes differ.

    Raises:
        zh: AssertionError: 数值不对，或者没有拒绝该拒绝的形状。
        en: AssertionError: wrong value, or shapes accepted that must not be.
    """
    column = torch.tensor([[1.0], [2.0], [6.0]])
    other = torch.tensor([[0.0], [2.0], [3.0]])
    value = mse(column, other)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert value is not None, problem
    value = torch.as_tensor(value).float()
    problem = "数值不对：是差的平方的平均值"  # zh
    problem = "wrong value: it is the mean of the squared differences"  # en
    assert torch.allclose(value, torch.tensor(10 / 3)), problem
    problem = f"结果应是标量，形状却是 {tuple(value.shape)}"  # zh
    problem = f"the result must be a scalar, not of shape {tuple(value.shape)}"  # en
    assert value.shape == (), problem

    for target in (other.flatten(), other.T, other[:1], other.expand(3, 2)):
        refused = None
        try:
            mse(column, target)
        except Exception as error:
            refused = error
        pair = f"{tuple(column.shape)}, {tuple(target.shape)}"
        problem = f"形状 {pair} 没有被拒绝：它们会悄悄广播"  # zh
        problem = f"shapes {pair} were accepted: they broadcast silently"  # en
        assert refused, problem
        kind = type(refused).__name__
        problem = f"形状 {pair} 应抛出 ValueError，而不是 {kind}"  # zh
        problem = f"shapes {pair} must raise ValueError, not {kind}"  # en
        assert isinstance(refused, ValueError), problem


# --8<-- [end:check-safe-mse]


# --8<-- [start:solve-safe-mse]
def safe_mse(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """
    zh: 均方误差，不许广播；两者同形，结果是标量。
    en: Mean squared error without broadcasting; both of one shape, a scalar out.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"{tuple(prediction.shape)} != {tuple(target.shape)}")
    return (prediction - target).square().mean()


check_safe_mse(safe_mse)
# --8<-- [end:solve-safe-mse]


# --8<-- [start:check-noisy-line]
def check_noisy_line(make: Callable[..., tuple[torch.Tensor, torch.Tensor]]) -> None:
    """
    zh: make(w, b, sigma, n) 应返回 x、y，形状 (n, 1)，噪声标准差 sigma。
    en: make(w, b, sigma, n) must return x, y: (n, 1), the noise's deviation sigma.

    Raises:
        zh: AssertionError: 形状不对，或者噪声不对。
        en: AssertionError: wrong shapes, or wrong noise.
    """
    torch.manual_seed(3)
    n, sigma = 2000, 0.5
    pair = make(-3.0, 1.0, sigma, n)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert pair is not None, problem
    x, y = pair
    problem = f"形状应为 {(n, 1)}，得到 {tuple(x.shape)} 和 {tuple(y.shape)}"  # zh
    problem = f"shapes must be {(n, 1)}, got {tuple(x.shape)}, {tuple(y.shape)}"  # en
    assert x.shape == y.shape == (n, 1), problem

    noise = y - (-3.0 * x + 1.0)
    problem = "所有点的噪声是同一个数：噪声的形状要跟 x 一样"  # zh
    problem = "every point has the same noise: give the noise the shape of x"  # en
    assert noise.std() > 1e-3, problem
    problem = f"噪声的平均值是 {noise.mean():.2f}，应在零附近"  # zh
    problem = f"the mean of the noise is {noise.mean():.2f}, it must be near zero"  # en
    assert abs(noise.mean()) < 0.1 * sigma, problem
    problem = f"噪声的标准差是 {noise.std():.2f}，应为 {sigma}"  # zh
    problem = f"the noise deviates by {noise.std():.2f}, it must be {sigma}"  # en
    assert abs(noise.std() - sigma) < 0.1 * sigma, problem


# --8<-- [end:check-noisy-line]


# --8<-- [start:solve-noisy-line]
def noisy_line(
    w: float, b: float, sigma: float, n: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    zh: 直线上加噪声的 n 个样本：x 和 y 都是 (n, 1)，
    zh: 噪声的标准差为 sigma。
    en: n samples of a line with noise: x and y are (n, 1), sigma is the noise's
    en: standard deviation.
    """
    x = torch.linspace(-1, 1, n).unsqueeze(1)
    return x, w * x + b + sigma * torch.randn_like(x)


check_noisy_line(noisy_line)
# --8<-- [end:solve-noisy-line]
