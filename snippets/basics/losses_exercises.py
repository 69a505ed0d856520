"""
zh: 损失函数的练习：自己写交叉熵、softmax 用了两次时的下界、计数的损失。
en: Exercises on losses: your own cross-entropy, a floor, a loss for counts.
"""

# --8<-- [start:imports]
import math

import torch
import torch.nn.functional as F

# --8<-- [end:imports]


# --8<-- [start:check-cross-entropy]
def check_cross_entropy(loss) -> None:
    """
    zh: 检查 loss(logits, target)：(n, k) 与 (n,) → 标量，须与 PyTorch 的交叉熵一致。
    en: Check loss(logits, target): (n, k) and (n,) → a scalar, equal to PyTorch's.

    Raises:
        zh: AssertionError: 数值、归约方式或大 logit 下的结果不对。
        en: AssertionError: wrong value, wrong reduction, or wrong for large logits.
    """
    torch.manual_seed(0)
    logits, target = torch.randn(8, 5), torch.randint(5, (8,))
    answer = loss(logits.clone(), target)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert answer is not None, problem
    answer = torch.as_tensor(answer).float()
    right = F.cross_entropy(logits, target)
    problem = "结果应是标量：对样本取均值"  # zh
    problem = "the result should be a scalar: average over the samples"  # en
    assert answer.dim() == 0, problem
    problem = "你把样本的损失加了起来，没有取均值"  # zh
    problem = "you added up the samples' losses instead of averaging"  # en
    assert not torch.isclose(answer, 8 * right), problem
    problem = f"应为 {right:.4f}，得到 {answer:.4f}"  # zh
    problem = f"should be {right:.4f}, got {answer:.4f}"  # en
    assert torch.isclose(answer, right), problem
    answer = torch.as_tensor(loss(1000 * logits, target)).float()
    problem = f"logit 很大时结果是 {answer}：每行先减去自己的最大值"  # zh
    problem = f"large logits give {answer}: subtract each row's maximum first"  # en
    assert torch.isclose(answer, F.cross_entropy(1000 * logits, target)), problem


# --8<-- [end:check-cross-entropy]


# --8<-- [start:solve-cross-entropy]
def my_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """
    zh: 平均交叉熵：logits (n, k)，类别编号 target (n,)，结果是标量，单位奈特；
    zh: 先减去每行最大值，不会溢出。
    en: Mean cross-entropy in nats: logits (n, k), class numbers target (n,), a scalar
    en: out; each row's maximum is taken off first, so nothing overflows.
    """
    m = logits.max(dim=1, keepdim=True).values
    log_sum = m.squeeze(1) + (logits - m).exp().sum(dim=1).log()
    return (log_sum - logits[range(len(target)), target]).mean()


check_cross_entropy(my_cross_entropy)
# --8<-- [end:solve-cross-entropy]


# --8<-- [start:check-floor]
def check_floor(floor) -> None:
    """
    zh: 检查 floor(k)：k 类、softmax 做了两次时，交叉熵最低能到多少。
    en: Check floor(k): the least cross-entropy for k classes when softmax runs twice.

    Raises:
        zh: AssertionError: 与数值结果不符。
        en: AssertionError: differs from the numerical result.
    """
    for k in (2, 3, 10, 1000):
        best = F.one_hot(torch.tensor([0]), k).double()
        right = F.cross_entropy(best, torch.tensor([0])).item()
        answer = floor(k)
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert answer is not None, problem
        problem = f"k = {k}：应为 {right:.4f}，得到 {answer:.4f}"  # zh
        problem = f"k = {k}: should be {right:.4f}, got {answer:.4f}"  # en
        assert abs(answer - right) < 1e-6, problem


# --8<-- [end:check-floor]


# --8<-- [start:solve-floor]
def twice_floor(k: int) -> float:
    """
    zh: softmax 用了两次时，k 类交叉熵的下界，单位奈特。
    en: The least cross-entropy of k classes, in nats, when softmax is used twice.
    """
    # zh: 最好的概率是独热向量：正确类的分数为 1，其余 k − 1 类为 0
    # en: the best probabilities are one-hot: score 1 for the right class, 0 for k − 1
    return math.log(1 + (k - 1) / math.e)


check_floor(twice_floor)
print([round(twice_floor(k), 4) for k in (2, 10, 1000)])
# --8<-- [end:solve-floor]


# --8<-- [start:check-poisson]
def check_poisson(loss) -> None:
    """
    zh: 检查 loss(z, y)：期望次数为 exp(z) 的泊松负对数似然的均值；ln y! 可以省去。
    en: Check loss(z, y): mean Poisson negative log-likelihood, expected count exp(z);
    zh: z、y 形状相同，返回标量。
    en: z and y of one shape, scalar result; ln y! may be left out.

    Raises:
        zh: AssertionError: 对 z 的梯度不对。
        en: AssertionError: the gradient with respect to z is wrong.
    """
    y = torch.tensor([0.0, 3.0, 1.0, 8.0])
    z = torch.tensor([0.5, -1.0, 2.0, 1.0], requires_grad=True)
    value = loss(z, y)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert value is not None, problem
    problem = "结果应是标量：对样本取均值"  # zh
    problem = "the result should be a scalar: average over the samples"  # en
    assert value.numel() == 1, problem
    (answer,) = torch.autograd.grad(value, z)
    right = (z.exp() - y).detach() / 4
    problem = "符号反了：要最小化的是负的对数似然"  # zh
    problem = "the sign is wrong: minimize the negative log-likelihood"  # en
    assert not torch.allclose(answer, -right), problem
    problem = "差一个倍数：对样本取均值"  # zh
    problem = "off by a factor: average over the samples"  # en
    assert not torch.allclose(answer, 4 * right), problem
    problem = f"梯度应为 {right.tolist()}，得到 {answer.tolist()}"  # zh
    problem = f"the gradient should be {right.tolist()}, got {answer.tolist()}"  # en
    assert torch.allclose(answer, right), problem


# --8<-- [end:check-poisson]


# --8<-- [start:solve-poisson]
def poisson_loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 泊松负对数似然，略去常数 ln y!；z 是对数率，
    zh: 与计数 y 同形，结果是标量。
    en: Poisson negative log-likelihood without ln y!; z, the log rate, and
    en: the counts y have one shape, the result is a scalar.
    """
    # zh: −ln p = λ − y ln λ + ln y!，其中 λ = exp(z)
    # en: −ln p = λ − y ln λ + ln y!, with λ = exp(z)
    return (z.exp() - y * z).mean()


check_poisson(poisson_loss)
z, y = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 4.0])
print(f"{poisson_loss(z, y):.6f} {F.poisson_nll_loss(z, y):.6f}")
# --8<-- [end:solve-poisson]
