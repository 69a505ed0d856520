"""
zh: 《@zh@》一章的代码：均方误差与平均值。
en: The code of the chapter @en@: the mean squared error and the mean.
"""

# --8<-- [start:imports]
import torch
from torch import Tensor

# --8<-- [end:imports]


# --8<-- [start:mean]
def error(values: Tensor, c: Tensor) -> Tensor:
    """
    zh: 都用 c 代替时的均方误差；形状 (n,) 与 ()，返回标量。
    en: The mean squared error with c in place of all; (n,) and (), gives a scalar.
    """
    return ((values - c) ** 2).mean()


values = torch.tensor([1.0, 2.0, 6.0])
mean = values.mean()
print(f"mean {mean:.2f}   error {error(values, mean):.2f}")
# --8<-- [end:mean]


def fails_integers() -> None:
    """
    zh: 整数张量的平均值。抛出 RuntimeError。
    en: The mean of a tensor of integers. Raises RuntimeError.
    """
    # --8<-- [start:fails-integers]
    torch.tensor([1, 2, 6]).mean()
    # --8<-- [end:fails-integers]
