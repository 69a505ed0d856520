# --8<-- [start:imports]
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
# --8<-- [end:imports]


# --8<-- [start:check-gelu]
class GELUBlock(nn.Module):
    """
    zh: 本章的残差块，ReLU 换成 GELU；输入与输出同为 (批量, 宽度)。
    en: The chapter's residual block, with GELU for ReLU; (batch, width) in and out.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(F.gelu(self.up(self.norm(x))))


def count_gelu_bytes(batch: int, width: int, depth: int, classes: int) -> int:
    """
    zh: 真跑一次 GELU 网络的前向，数计算图保存的字节数，参数不计。
    en: Run a GELU network forward for real; the bytes its graph keeps, parameters aside.
    """
    blocks = [GELUBlock(width) for _ in range(depth)]
    model = nn.Sequential(*blocks, nn.Linear(width, classes))
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        # zh: 视图与它的来源共用一块存储：每块只计一次
        # en: views share the storage of their source: count each storage once
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x, y = torch.randn(batch, width), torch.zeros(batch, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        F.cross_entropy(model(x), y)
    return sum(kept.values())


def check_gelu_bytes(answer: Callable[[int, int, int, int], int]) -> None:
    """
    zh: 检查 answer(批量, 宽度, 深度, 类别数)：GELU 网络为反向传播保存的字节数。
    en: Check answer(batch, width, depth, classes): the bytes that a GELU network keeps.

    Raises:
        zh: AssertionError: 答案与实际数出来的不符；信息说明差在哪里。
        en: AssertionError: the answer is not what is counted; the message says how it is off.
    """
    for batch, width, depth, classes in ((3, 8, 2, 4), (5, 16, 3, 10)):
        counted = count_gelu_bytes(batch, width, depth, classes)
        given = answer(batch, width, depth, classes)
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert given is not None, problem
        missing = counted - given
        problem = f"差 {missing} 字节"  # zh
        problem = f"off by {missing} bytes"  # en
        if missing == 4 * batch * depth * 4 * width:
            problem = "这是 ReLU 的答案：GELU 的导数要用它的输入"  # zh
            problem = "this is ReLU's answer: GELU's derivative needs its input"  # en
        if given * 4 in range(counted - 8 * batch, counted + 8 * batch):
            problem = "这是元素个数，不是字节数"  # zh
            problem = "these are elements, not bytes"  # en
        assert missing == 0, problem


# --8<-- [end:check-gelu]


# --8<-- [start:solution-gelu]
def gelu_bytes(batch: int, width: int, depth: int, classes: int) -> int:
    """
    zh: GELU 网络为反向传播留下的字节数，float32；
    zh: batch 个样本，depth 个 width 宽的块。
    en: The bytes kept for the backward pass of a GELU network in float32;
    en: batch samples, depth blocks of the given width.
    """
    per_block = 2 * width + 2 + 4 * width + 4 * width
    return 4 * batch * (depth * per_block + width + classes) + 8 * batch + 4


check_gelu_bytes(gelu_bytes)
# --8<-- [end:solution-gelu]


# --8<-- [start:check-accumulate]
def check_accumulate(answer: Callable[[nn.Module, list], None]) -> None:
    """
    zh: 检查 answer(model, parts)：parts 是若干份 (x, y)，大小不一；
    zh: 之后各 p.grad 应是整批平均损失的梯度。
    en: Check answer(model, parts): parts are pairs (x, y) of unequal sizes; afterwards
    en: each p.grad must be the gradient of the mean loss of the whole batch.

    Raises:
        zh: AssertionError: 梯度不对；信息说明原因。
        en: AssertionError: the gradient is wrong; the message says why.
    """
    model = nn.Linear(4, 3).double()
    x, y = torch.randn(12, 4, dtype=torch.float64), torch.randint(3, (12,))
    parts = list(zip(x.split((7, 4, 1)), y.split((7, 4, 1)), strict=True))

    def gradient(loss: torch.Tensor) -> torch.Tensor:
        wanted = torch.autograd.grad(loss, list(model.parameters()))
        return torch.cat([g.flatten() for g in wanted])

    whole = gradient(F.cross_entropy(model(x), y))
    total = gradient(sum(F.cross_entropy(model(a), b) for a, b in parts))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    answer(model, parts)
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    problem = "梯度与整批的不同"  # zh
    problem = "the gradient is not that of the whole batch"  # en
    if torch.allclose(found - 1, whole):
        problem = "旧的梯度没有清零"  # zh
        problem = "the old gradients were not cleared"  # en
    if torch.allclose(found, total):
        problem = "把各份的平均值直接相加，没有再平均"  # zh
        problem = "the means of the parts were added up, not averaged"  # en
    if torch.allclose(found, total / len(parts)):
        problem = "每份同权，但各份大小不同：按样本数加权"  # zh
        problem = "all parts weigh the same, but differ in size: weigh by samples"  # en
    assert torch.allclose(found, whole), problem


# --8<-- [end:check-accumulate]


# --8<-- [start:solution-accumulate]
def accumulate(model: nn.Module, parts: list) -> None:
    """
    zh: 逐份累积梯度，等于整批平均损失的梯度；parts 是 (x, y) 的列表。
    en: Adds up the gradient of the whole batch's mean loss; parts is a list of (x, y).
    """
    samples = sum(len(x) for x, _ in parts)
    model.zero_grad()
    for x, y in parts:
        (F.cross_entropy(model(x), y, reduction="sum") / samples).backward()


check_accumulate(accumulate)
# --8<-- [end:solution-accumulate]


# --8<-- [start:check-rows]
def check_quantize_rows(answer: Callable) -> None:
    """
    zh: 检查 answer(weight) → (q, s)：q 为 int8，形状同 weight；s 的形状为 (行数, 1)；
    zh: 还原为 s · q，每行的误差不超过该行的 s / 2。
    en: Check answer(weight) → (q, s): q is int8, shaped like weight; s has shape
    en: (rows, 1); s · q restores the weight, each row within s / 2 of that row.

    Raises:
        zh: AssertionError: 不满足其中一条；信息说明是哪一条。
        en: AssertionError: one of these does not hold; the message says which.
    """
    weight = torch.randn(6, 32)
    weight[0, 0] = 50.0
    pair = answer(weight.clone())
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert pair is not None, problem
    q, s = (torch.as_tensor(t) for t in pair)
    s = s.to(weight.dtype)
    problem = f"q 应为 int8，而不是 {q.dtype}"  # zh
    problem = f"q must be int8, not {q.dtype}"  # en
    assert q.dtype == torch.int8, problem
    problem = f"s 的形状应为 (6, 1)，而不是 {tuple(s.shape)}：每行一个步长"  # zh
    problem = f"s must have shape (6, 1), not {tuple(s.shape)}: one step per row"  # en
    assert s.shape == (6, 1), problem
    problem = "步长不对：每行最大的绝对值应落在 127 上"  # zh
    problem = "wrong step: the largest magnitude of each row must land on 127"  # en
    assert torch.allclose(127 * s, weight.abs().amax(1, keepdim=True)), problem
    problem = "误差超过 s / 2：应四舍五入，而不是截断"  # zh
    problem = "errors above s / 2: round to the nearest, do not truncate"  # en
    assert ((s * q - weight).abs() <= 0.5001 * s).all(), problem


# --8<-- [end:check-rows]


# --8<-- [start:solution-rows]
def quantize_rows(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """
    zh: 每行一个步长的 int8 量化：
    zh: weight (m, n) 变成 int8 (m, n) 和步长 (m, 1)。
    en: int8 with a step for each row: weight (m, n) becomes int8 (m, n) and steps
    en: (m, 1).
    """
    s = weight.abs().amax(1, keepdim=True) / 127
    return torch.round(weight / s).to(torch.int8), s


check_quantize_rows(quantize_rows)
# zh: 一个带离群值的矩阵：先全体共用一个步长，再每行一个步长
# en: a matrix with an outlier: one step for all of it, then a step for each row
matrix = 0.1 * torch.randn(64, 64)
matrix[0, 0] = 50.0
row_q, row_s = quantize_rows(matrix)
one_s = matrix.abs().max() / 127
rest_errors = []
for approximation in (one_s * torch.round(matrix / one_s), row_s * row_q):
    off = (approximation - matrix)[1:].norm() / matrix[1:].norm()
    rest_errors.append(off.item())
print(f"other rows   error {rest_errors[0]:.4f} -> {rest_errors[1]:.4f}")
# --8<-- [end:solution-rows]
