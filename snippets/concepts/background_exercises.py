"""
zh: 背景一章的练习：检查函数与参考答案。
en: The exercises of the background chapter: checkers and solutions.
"""

# --8<-- [start:imports]
import torch

# --8<-- [end:imports]


# --8<-- [start:check-step]
def check_step(step) -> None:
    """
    zh: 检查 step(w, x, y, lr)：返回在 mean((w·x − y)²) 上做一步梯度下降之后的 w。
    en: Check step(w, x, y, lr): w after one step of descent on mean((w·x − y)²).

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    w = torch.tensor(0.5)
    x, y = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3.0, 6.0, 12.0])
    answer = step(w, x, y, 0.01)

    problem = "step 改动了传进来的 w；应当返回一个新的张量"  # zh
    problem = "step changed the w it was given; return a new tensor"  # en
    assert w.item() == 0.5 and not w.requires_grad and w.grad is None, problem
    problem = "step 应当返回张量：是不是漏了 return？"  # zh
    problem = "step must return a tensor: is a return missing?"  # en
    assert isinstance(answer, torch.Tensor), problem
    problem = "结果应是标量，形状为 ()，却是"  # zh
    problem = "the result must be a scalar, of shape (), not"  # en
    assert answer.shape == (), f"{problem} {tuple(answer.shape)}"
    answer = answer.to(w.dtype)
    gradient = (2 * x * (w * x - y)).mean()
    problem = "方向反了：梯度指向损失上升的一边，要减去它"  # zh
    problem = "wrong direction: the gradient points uphill, so subtract it"  # en
    assert not torch.isclose(answer, w + 0.01 * gradient), problem
    problem = "步子是应有的三倍：损失是平均值，不是总和"  # zh
    problem = "three times too far: the loss is the mean, not the sum"  # en
    assert not torch.isclose(answer, w - 0.03 * gradient), problem
    problem = "w 的新值不对"  # zh
    problem = "the new w is wrong"  # en
    problem += f": {answer.item():.4f} != {(w - 0.01 * gradient).item():.4f}"
    assert torch.isclose(answer, w - 0.01 * gradient), problem


# --8<-- [end:check-step]


# --8<-- [start:solution-step]
def step(w: torch.Tensor, x: torch.Tensor, y: torch.Tensor, lr: float) -> torch.Tensor:
    """
    zh: 一步梯度下降；w 是标量，x 与 y 的形状是 (n,)；返回新的标量。
    en: One step of gradient descent; w is a scalar, x and y are (n,); a new scalar.
    """
    w = w.clone().requires_grad_()
    loss = ((w * x - y) ** 2).mean()
    (gradient,) = torch.autograd.grad(loss, w)
    return w.detach() - lr * gradient


check_step(step)
# --8<-- [end:solution-step]


# --8<-- [start:check-score]
def check_score(score) -> None:
    """
    zh: 检查 score(pixels, weights)：像素先缩放到 0 到 1，再与权重作内积。
    en: Check score(pixels, weights): pixels scaled to 0…1, times the weights.

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    pixels = torch.tensor([[0, 51, 204], [204, 102, 0]], dtype=torch.uint8)
    weights = torch.tensor([1.0, 2.0, -1.0])
    answer = score(pixels, weights)

    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert answer is not None, problem
    problem = "每张图应得一个分数：形状应为 (2,)，却是"  # zh
    problem = "one score per image is wanted: shape (2,), not"  # en
    assert answer.shape == (2,), f"{problem} {tuple(answer.shape)}"
    problem = "结果应是浮点数，却是"  # zh
    problem = "the result must be floating point, not"  # en
    assert answer.is_floating_point(), f"{problem} {answer.dtype}"
    problem = "像素没有缩放：先除以 255"  # zh
    problem = "the pixels are not scaled: divide them by 255 first"  # en
    assert answer.abs().max() < 10, problem
    problem = "缩放时丢了小数：整数除法把 51 / 255 变成了 0"  # zh
    problem = "integer division lost the fractions: 51 / 255 became zero"  # en
    assert answer.any(), problem
    problem = "分数不对"  # zh
    problem = "the scores are wrong"  # en
    wanted = torch.tensor([-0.4, 1.6])
    answer = answer.to(wanted.dtype)
    assert torch.allclose(answer, wanted), f"{problem}: {answer.tolist()}"


# --8<-- [end:check-score]


# --8<-- [start:solution-score]
def score(pixels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """
    zh: pixels 为 (n, k) 的 uint8，weights 为 (k,) 的浮点数；返回 (n,) 的浮点数。
    en: pixels (n, k) of uint8 and weights (k,) of floats; returns (n,) of floats.
    """
    return pixels.to(weights.dtype) / 255 @ weights


check_score(score)
# --8<-- [end:solution-score]
