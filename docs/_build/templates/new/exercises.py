"""
zh: 《@zh@》一章的练习：检查函数与参考答案。
en: The exercises of the chapter @en@: checkers and solutions.
"""

# --8<-- [start:imports]
import torch
from torch import Tensor

# --8<-- [end:imports]


# --8<-- [start:check-centred]
def check_centred(centred) -> None:
    """
    zh: 检查 centred(x)：每一列减去这一列的平均值。
    en: Check centred(x): from each column its mean is subtracted.

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    x = torch.tensor([[1.0, 10.0], [2.0, 30.0], [6.0, 50.0]])
    answer = centred(x.clone())
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert answer is not None, problem
    problem = "形状应是 (3, 2)，却是"  # zh
    problem = "the shape must be (3, 2), not"  # en
    assert answer.shape == x.shape, f"{problem} {tuple(answer.shape)}"
    problem = "减去的是全部数的平均值；每一列要用自己的"  # zh
    problem = "that is the mean of all numbers; each column has its own"  # en
    assert not torch.allclose(answer, x - x.mean()), problem
    problem = "各列的平均值应是零，却是"  # zh
    problem = "the means of the columns must be zero, not"  # en
    problem += f" {answer.mean(0).tolist()}"
    assert torch.allclose(answer.mean(0), torch.zeros(2), atol=1e-5), problem
    problem = "平均值对了，数却不是减去平均值得到的"  # zh
    problem = "the means are right, but the numbers are not x minus a mean"  # en
    assert torch.allclose(answer, x - x.mean(0)), problem


# --8<-- [end:check-centred]


# --8<-- [start:solution-centred]
def centred(x: Tensor) -> Tensor:
    """
    zh: 各列减去自己的平均值；形状 (n, d)。
    en: Each column less its own mean; (n, d).
    """
    return x - x.mean(0)


check_centred(centred)
# --8<-- [end:solution-centred]
