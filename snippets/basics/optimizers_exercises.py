"""
zh: 优化算法的练习：学习率的上限、动量最好的设置。
en: Exercises on optimizers: the largest learning rate, momentum's best settings.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch
from torch import Tensor

# --8<-- [end:imports]


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
        below, above = start, start
        for _ in range(400):
            # zh: H p 是 pᵀ H p / 2 的梯度
            # en: H p is the gradient of pᵀ H p / 2
            below = below - 0.99 * lr * H @ below
            above = above - 1.01 * lr * H @ above
        too_large = f"{rows}：学习率只取 {lr:.4f} 的 0.99 倍，距离仍在增大"  # zh
        too_large = f"{rows}: even 0.99 of {lr:.4f} makes the distance grow"  # en
        too_small = f"{rows}：学习率取 {lr:.4f} 的 1.01 倍，距离仍在减小"  # zh
        too_small = f"{rows}: 1.01 of {lr:.4f} still makes the distance shrink"  # en
        assert below.norm() < start.norm(), too_large
        assert above.norm() > start.norm(), too_small


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


# --8<-- [start:check-momentum]
def check_momentum(settings: Callable[[Tensor], tuple[float, float]]) -> None:
    """
    zh: settings 由 (k, k) 的 Hessian 给出收敛最快的（学习率，动量系数 β）。
    en: settings gives the fastest (learning rate, momentum β) for a (k, k) Hessian.

    Raises:
        zh: AssertionError: 用给出的设置会发散，或者不是最快的。
        en: AssertionError: with these settings it diverges, or is not at its fastest.
    """
    for rows in ([[1.0, 0.0], [0.0, 10.0]], [[2.0, 1.0], [1.0, 5.0]], [[4.0]]):
        H = torch.tensor(rows, dtype=torch.float64)
        answer = settings(H)
        nothing = "没有返回值：是不是漏了 return？"  # zh
        nothing = "nothing came back: is a return missing?"  # en
        assert answer is not None, nothing
        lr, beta = map(float, answer)
        values = torch.linalg.eigvalsh(H).tolist()
        # zh: 一步把 (c, 上一个 c) 变成 (下一个 c, c)；特征值就是特征方程的根
        # en: a step takes (c, c before) to (c next, c); its eigenvalues are the roots
        step = [[[1 + beta - lr * v, -beta], [1.0, 0.0]] for v in values]
        roots = torch.linalg.eigvals(torch.tensor(step, dtype=torch.float64))
        rho = roots.abs().max().item()
        root = (values[-1] / values[0]) ** 0.5
        best = (root - 1) / (root + 1)
        given = f"{rows}：学习率 {lr:.4f}、动量 {beta:.4f}"  # zh
        given = f"{rows}: lr = {lr:.4f}, beta = {beta:.4f}"  # en
        diverges = f"{given} 会发散：误差每一步乘以 {rho:.4f}"  # zh
        diverges = f"{given} diverges: each step leaves {rho:.4f} of the error"  # en
        slow = f"{given}：误差每一步乘以 {rho:.4f}，最快可以是 {best:.4f}"  # zh
        slow = f"{given}: each step leaves {rho:.4f}, and {best:.4f} is possible"  # en
        assert rho < 1, diverges
        assert rho < best + 1e-4, slow


# --8<-- [end:check-momentum]


# --8<-- [start:solution-momentum]
def best_momentum(hessian: Tensor) -> tuple[float, float]:
    """
    zh: 动量收敛最快的（学习率，β）；hessian 的形状为 (k, k)，对称正定。
    en: Momentum's fastest (learning rate, β); hessian is (k, k), positive definite.
    """
    values = torch.linalg.eigvalsh(hessian)
    low, high = values.min().item() ** 0.5, values.max().item() ** 0.5
    return 4 / (high + low) ** 2, ((high - low) / (high + low)) ** 2


check_momentum(best_momentum)
# --8<-- [end:solution-momentum]
