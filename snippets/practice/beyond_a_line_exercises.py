"""
zh: 超越直线的练习：卷积的算术、不留痕迹的准确率、每一类的召回率。
en: Exercises beyond a line: a convolution's arithmetic, accuracy, recall.
"""

# --8<-- [start:imports]
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# --8<-- [end:imports]


# --8<-- [start:check-conv]
def check_conv(
    answer: Callable[[int, int, int, int, int, int], tuple[int, int]],
) -> None:
    """
    zh: answer(边长, 进, 出, 核, 步幅, 补零) 应返回 (输出边长, 参数个数)。
    en: answer(side, inputs, outputs, kernel, stride, padding) -> (side, parameters).

    Raises:
        zh: AssertionError: 边长或参数个数不对；信息说出是哪一种设置。
        en: AssertionError: wrong side or parameters; the message names the setting.
    """
    cases = ((8, 1, 16, 3, 1, 1), (8, 1, 8, 5, 2, 2), (9, 3, 4, 2, 2, 0))
    for case in (*cases, (11, 3, 4, 3, 4, 1)):
        side, inputs, outputs, kernel, stride, padding = case
        layer = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        true_side = layer(torch.zeros(1, inputs, side, side)).shape[-1]
        true_size = sum(p.numel() for p in layer.parameters())
        got = answer(*case)
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert got is not None, problem
        got_side, got_size = got
        problem = f"{case}：输出边长应为 {true_side}，得到 {got_side}"  # zh
        problem = f"{case}: the side should be {true_side}, got {got_side}"  # en
        assert got_side == true_side, problem
        problem = f"{case}：忘了每个输出通道的偏置"  # zh
        problem = f"{case}: the bias of each output channel is missing"  # en
        assert got_size != true_size - outputs, problem
        problem = f"{case}：参数应有 {true_size} 个，得到 {got_size}"  # zh
        problem = f"{case}: there are {true_size} parameters, got {got_size}"  # en
        assert got_size == true_size, problem


# --8<-- [end:check-conv]


# --8<-- [start:solve-conv]
def conv_size(
    side: int, inputs: int, outputs: int, kernel: int, stride: int, padding: int
) -> tuple[int, int]:
    """
    zh: 方形卷积的输出边长和参数个数；
    zh: side、kernel、stride、padding 以像素计，inputs 和 outputs 是通道数。
    en: The side of a square convolution's output and its parameters; side, kernel,
    en: stride and padding in pixels, inputs and outputs in channels.
    """
    after = (side + 2 * padding - kernel) // stride + 1
    return after, outputs * (inputs * kernel**2 + 1)


check_conv(conv_size)
# --8<-- [end:solve-conv]


# --8<-- [start:check-accuracy]
Batches = Iterable[tuple[Tensor, Tensor]]


def check_accuracy(answer: Callable[[nn.Module, Batches], float]) -> None:
    """
    zh: answer(模型, 批) 应返回准确率，并让模型留在原来的模式。
    en: answer(model, batches) returns the accuracy and leaves the model in its mode.

    Raises:
        zh: AssertionError: 准确率不对，或者模型的模式被改了。
        en: AssertionError: wrong accuracy, or the model's mode was changed.
    """

    # zh: 评估模式下它答出 x，训练模式下必答别的；第二批的标签故意给反
    # en: in eval mode it answers x, in train mode never; the second batch is mislabelled
    class Probe(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            target = F.one_hot(x.long().flatten(), 10).float()
            return self.scale * (-target if self.training else target)

    right, wrong = torch.arange(6), torch.arange(2)
    batches = [
        (right.float().view(-1, 1), right),
        (wrong.float().view(-1, 1), 1 - wrong),
    ]
    probe = Probe()
    probe.train()
    got = answer(probe, batches)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert got is not None, problem
    problem = "求值时模型还在训练模式"  # zh
    problem = "the model was in train mode while you measured it"  # en
    assert got > 0.25, problem
    problem = "各批大小不同：应按样本数平均，而不是按批数"  # zh
    problem = "the batches differ in size: average over examples, not batches"  # en
    assert abs(got - 0.5) > 1e-6, problem
    problem = f"准确率应为 0.75，得到 {got}"  # zh
    problem = f"the accuracy should be 0.75, got {got}"  # en
    assert abs(got - 0.75) < 1e-6, problem
    problem = "求值之后模型应回到训练模式"  # zh
    problem = "afterwards the model should be back in train mode"  # en
    assert probe.training, problem
    probe.eval()
    answer(probe, batches)
    problem = "原来在评估模式的模型被改成了训练模式"  # zh
    problem = "a model found in eval mode was left in train mode"  # en
    assert not probe.training, problem


# --8<-- [end:check-accuracy]


# --8<-- [start:solve-accuracy]
@torch.inference_mode()
def accuracy_of(model: nn.Module, batches: Batches) -> float:
    """
    zh: 判对的比例，0 到 1；批次是 (x, y)，y 是类别编号。
    zh: 模型原来的模式会还原。
    en: The share that is right, 0 to 1; batches of x and class numbers y.
    en: The model's mode is put back.
    """
    was_training = model.training
    model.eval()
    correct = count = 0
    for x, y in batches:
        correct += (model(x).argmax(dim=1) == y).sum().item()
        count += len(y)
    model.train(was_training)
    return correct / count


check_accuracy(accuracy_of)
# --8<-- [end:solve-accuracy]


# --8<-- [start:check-recall]
def check_recall(answer: Callable[[Tensor], Tensor]) -> None:
    """
    zh: answer(混淆矩阵) 应返回每一类的召回率；一张也没有的类为 nan。
    en: answer(confusion matrix) returns the recall of each class; nan if it is empty.

    Raises:
        zh: AssertionError: 形状或某一类的召回率不对。
        en: AssertionError: wrong shape, or the recall of a class is wrong.
    """
    matrix = torch.tensor([[6, 2, 0, 0], [1, 4, 0, 0], [0, 0, 0, 3], [0, 0, 0, 0]])
    got = answer(matrix)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert got is not None, problem
    got = torch.as_tensor(got).float()
    problem = f"每类一个数，形状应为 (4,)，得到 {tuple(got.shape)}"  # zh
    problem = f"one number per class: shape (4,), got {tuple(got.shape)}"  # en
    assert got.shape == (4,), problem
    problem = "这是精确率（按列除）；召回率按行除"  # zh
    problem = "that is precision (columns); recall divides by the row sums"  # en
    assert not torch.allclose(got[:2], torch.tensor([6 / 7, 4 / 6])), problem
    problem = f"应为 [0.75, 0.8, 0.0]，得到 {got[:3].tolist()}"  # zh
    problem = f"should be [0.75, 0.8, 0.0], got {got[:3].tolist()}"  # en
    assert torch.allclose(got[:3], torch.tensor([0.75, 0.8, 0.0])), problem
    problem = "没有样本的类谈不上召回率，应为 nan"  # zh
    problem = "a class without examples has no recall: nan"  # en
    assert got[3].isnan(), problem


# --8<-- [end:check-recall]


# --8<-- [start:solve-recall]
def recall(matrix: Tensor) -> Tensor:
    """
    zh: 每一类的召回率 (k,)；matrix 是混淆矩阵 (k, k)，
    zh: 行是真实类别，空行得 nan。
    en: Each class's recall, (k,); matrix is the confusion matrix (k, k), true classes
    en: in rows. An empty row gives nan.
    """
    # zh: 0 / 0 得 nan，正是这里想要的
    # en: 0 / 0 gives nan, which is just what is wanted here
    return matrix.diag() / matrix.sum(dim=1)


check_recall(recall)
three_classes = torch.tensor([[9, 1, 0], [2, 6, 0], [0, 0, 0]])
print([f"{share:.2f}" for share in recall(three_classes).tolist()])
# --8<-- [end:solve-recall]
