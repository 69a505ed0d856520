"""
zh: 深度学习一章的练习：检查函数与参考答案。
en: The exercises of the deep-learning chapter: checkers and solutions.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch
from torch import Tensor, nn

# --8<-- [end:imports]


# --8<-- [start:check-risk]
def check_risk(empirical_risk) -> None:
    """
    zh: 检查 empirical_risk(predict, x, y)：0–1 损失下的经验风险。
    en: Check empirical_risk(predict, x, y), the empirical risk under 0–1 loss.

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    x, y = torch.tensor([0.1, 0.4, 0.6, 0.9, 0.3]), torch.tensor([0, 3, 1, 1, 0])
    answer = empirical_risk(lambda x: (x > 0.5).long(), x, y)

    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert answer is not None, problem
    answer = float(answer)
    problem = "这是答对的比例；风险要数的是错误"  # zh
    problem = "that is the share of right answers; risk counts the errors"  # en
    assert abs(answer - 0.8) > 1e-6, problem
    problem = "这是错误的个数；还要除以样本数"  # zh
    problem = "that is the number of errors; divide it by the number of examples"  # en
    assert abs(answer - 1) > 1e-6, problem
    problem = "风险不对"  # zh
    problem = "the risk is wrong"  # en
    assert abs(answer - 0.2) < 1e-6, f"{problem}: {answer:.4f} != 0.2000"


# --8<-- [end:check-risk]


# --8<-- [start:solution-risk]
def empirical_risk(predict: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """
    zh: 预测错误的比例；x 的第一维与 y 的长度相同。
    en: The share of wrong predictions; x has as many rows as y.
    """
    return (predict(x) != y).float().mean().item()


check_risk(empirical_risk)
# --8<-- [end:solution-risk]


# --8<-- [start:check-scaling]
def check_scaling(scale) -> None:
    """
    zh: 检查 scale(train, test)：两者都按 train 各列的最小值与最大值缩放，
    zh: 不得偷看测试集。
    en: Check scale(train, test): both scaled by minimum and maximum of each column
    en: of train, without a look at the test set.

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    train = torch.tensor([[0.0, 10.0, 5.0], [0.4, 20.0, 5.0], [0.2, 15.0, 5.0]])
    test = torch.tensor([[0.8, 10.0, 6.0], [0.2, 30.0, 5.0]])
    scaled = scale(train.clone(), test.clone())
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert scaled is not None, problem
    new_train, new_test = (torch.as_tensor(t).float() for t in scaled)

    problem = "常数特征除以了零，得到 NaN 或无穷"  # zh
    problem = "a constant feature was divided by zero: NaN or infinity"  # en
    assert new_train.isfinite().all() and new_test.isfinite().all(), problem
    wanted = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    problem = "训练集没有落在 0 到 1：偷看了测试集，或者把所有特征混在了一起"  # zh
    problem = "training data is not 0…1: test data or other features were used"  # en
    assert torch.allclose(new_train, wanted), problem
    problem = "常数特征只减去最小值，不再缩放：等于除以 1"  # zh
    problem = "a constant feature is only shifted by its minimum: divide it by 1"  # en
    assert torch.allclose(new_test[:, 2], torch.tensor([1.0, 0.0])), problem
    problem = "测试集要用训练集的最小值和范围来缩放，而不是它自己的"  # zh
    problem = "test data must be scaled by the training minimum and range"  # en
    wanted = torch.tensor([[2.0, 0.0, 1.0], [0.5, 2.0, 0.0]])
    assert torch.allclose(new_test, wanted), problem


# --8<-- [end:check-scaling]


# --8<-- [start:solution-scaling]
def scale(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """
    zh: 按训练集的最小值和范围逐列缩放；形状 (n, d) 与 (m, d)。
    en: Scale each column by the training minimum and range; (n, d) and (m, d).
    """
    low, high = train.amin(0), train.amax(0)
    span = torch.where(high > low, high - low, 1.0)
    return (train - low) / span, (test - low) / span


check_scaling(scale)
# --8<-- [end:solution-scaling]


# --8<-- [start:check-zigzag]
def check_zigzag(net: nn.Sequential) -> None:
    """
    zh: 检查 net：从 (n, 1) 到 (n, 1)，隐藏单元至多 12 个，在 [0, 1] 上有 64 段直线。
    en: Check net, (n, 1) to (n, 1): at most 12 hidden units, 64 pieces on [0, 1].

    Raises:
        zh: AssertionError: 答案不对，信息说明错在哪里。
        en: AssertionError: the answer is wrong; the message says how.
    """
    pairs = list(zip(net, net[1:], strict=False))
    before = [layer for layer, then in pairs if isinstance(then, nn.ReLU)]
    problem = "每个 ReLU 都要紧跟在 nn.Linear 后面"  # zh
    problem = "each ReLU must come right after an nn.Linear"  # en
    assert all(isinstance(layer, nn.Linear) for layer in before), problem
    units = sum(
        layer.out_features for layer, then in pairs if isinstance(then, nn.ReLU)
    )
    x = torch.linspace(0, 1, 4097)
    with torch.no_grad():
        slopes = net(x.unsqueeze(1)).squeeze(1).diff() / x.diff()
    found = 1 + int((slopes.diff().abs() > 0.1).sum())

    problem = "没有非线性：线性层叠在一起仍是一条直线"  # zh
    problem = "no nonlinearity: stacked linear layers are still one line"  # en
    assert units, problem
    problem = "隐藏单元太多"  # zh
    problem = "too many hidden units"  # en
    assert units <= 12, f"{problem}: {units} > 12"
    problem = "直线的段数不对"  # zh
    problem = "wrong number of straight pieces"  # en
    assert found == 64, f"{problem}: {found} != 64"


# --8<-- [end:check-zigzag]


# --8<-- [start:solution-zigzag]
def zigzag_network(depth: int) -> nn.Sequential:
    """
    zh: 把 tent 写成层：每次折叠用 Linear(1, 2)、ReLU、Linear(2, 1)。
    en: tent as layers: each fold is Linear(1, 2), ReLU and Linear(2, 1).
    """
    layers = []
    for _ in range(depth):
        enter, leave = nn.Linear(1, 2), nn.Linear(2, 1)
        with torch.no_grad():
            enter.weight.copy_(torch.tensor([[1.0], [1.0]]))
            enter.bias.copy_(torch.tensor([0.0, -0.5]))
            leave.weight.copy_(torch.tensor([[2.0, -4.0]]))
            leave.bias.zero_()
        layers += [enter, nn.ReLU(), leave]
    return nn.Sequential(*layers)


check_zigzag(zigzag_network(6))
# --8<-- [end:solution-zigzag]
