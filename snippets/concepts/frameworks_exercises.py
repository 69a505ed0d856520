# --8<-- [start:imports]
import contextlib
import io
from collections.abc import Callable

import torch
from torch import Tensor, nn

# --8<-- [end:imports]


# --8<-- [start:check-one-graph]
def check_one_graph(f: Callable[[Tensor], Tensor]) -> None:
    """
    zh: f(x) 把和为负的 x 变号，否则加倍；整个函数须是一张图，也能导出。
    en: f(x) negates x if its sum is negative, else doubles it; in one graph, exportable.

    Raises:
        zh: AssertionError: 数值不对，或者导不出一张完整的图。
        en: AssertionError: wrong value, or no single graph that holds both branches.
    """
    for numbers in ([3.0, -1.0], [1.0, -3.0], [1.0, -1.0], [1.0, -0.75, -0.75]):
        x = torch.tensor(numbers)
        expected = -x if x.sum() < 0 else 2 * x
        answer = f(x.clone())
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert answer is not None, problem
        problem = f"应返回张量，得到 {type(answer).__name__}"  # zh
        problem = f"return a tensor, not {type(answer).__name__}"  # en
        assert isinstance(answer, Tensor), problem
        got, wanted = answer.tolist(), expected.tolist()
        problem = f"f({numbers}) 应是 {wanted}，得到 {got}"  # zh
        problem = f"f({numbers}) is {got}, not {wanted}"  # en
        assert torch.equal(answer, expected), problem

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = f

        def forward(self, x: Tensor) -> Tensor:
            return self.f(x)

    with contextlib.redirect_stderr(io.StringIO()):
        try:
            whole = torch.export.export(Whole(), (torch.ones(2),), strict=True).module()
        except Exception as error:
            whole, reason = None, (str(error) or type(error).__name__).splitlines()[0]
    problem = "" if whole else f"导不出一张图：{reason}"  # zh
    problem = "" if whole else f"no single graph: {reason}"  # en
    assert whole, problem
    problem = "图里只有一个分支：if 在追踪时就决定了"  # zh
    problem = "the graph has one branch only: the if was decided while tracing"  # en
    for sign, factor in ((-1.0, -1.0), (1.0, 2.0)):
        x = sign * torch.ones(2)
        assert torch.equal(whole(x.clone()), factor * x), problem


# --8<-- [end:check-one-graph]


# --8<-- [start:solution-one-graph]
def flip_or_double(x: Tensor) -> Tensor:
    """
    zh: 元素之和为负时返回 −x，否则返回 2x；不用 if 分支，形状不变。
    en: −x if the sum is negative, else 2x, without branching; the shape stays.
    """
    return torch.where(x.sum() < 0, -x, 2 * x)


check_one_graph(flip_or_double)
# --8<-- [end:solution-one-graph]
