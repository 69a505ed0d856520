"""
zh: 可解释性一章的练习：检查函数、参考答案，以及用来试它们的小网络。
en: The exercises of the interpretability chapter, and a small network to try them on.
"""

# --8<-- [start:imports]
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

# --8<-- [end:imports]

# --8<-- [start:gradient]
Scalar = Callable[[Tensor], Tensor]


def logit(model: nn.Module, target: Tensor) -> Scalar:
    """
    zh: 把模型变成每张图一个数的函数：第 target[k] 类的 logit；target (n,)。
    en: The model as one number per image: the logit of class target[k]; target (n,).
    """
    return lambda x: model(x)[torch.arange(len(x)), target]


def gradient(f: Scalar, x: Tensor) -> Tensor:
    """
    zh: ∂f/∂x，形状同 x。各图互不影响，所以求和后一次反向就得到每张图自己的梯度。
    en: ∂f/∂x, shaped as x. Images do not interact, so one backward of the sum will do.
    """
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


# --8<-- [end:gradient]

# --8<-- [start:network]
torch.manual_seed(0)
pictures, digit = map(torch.tensor, load_digits(return_X_y=True))
pictures = pictures.float() / 16
net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
adam = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(100):
    adam.zero_grad()
    F.cross_entropy(net(pictures), digit).backward()
    adam.step()
print(f"right {(net(pictures).argmax(dim=1) == digit).float().mean():.3f}")
# --8<-- [end:network]


# --8<-- [start:check-integrated]
def check_integrated(answer: Callable[[Scalar, Tensor, Tensor, int], Tensor]) -> None:
    """
    zh: answer(f, x, baseline, steps) 应返回形状同 x 的积分梯度。
    en: answer(f, x, baseline, steps) returns integrated gradients, shaped as x.

    Raises:
        zh: AssertionError: 归因不对，或者 f 调用得不对；信息说明原因。
        en: AssertionError: wrong attributions, or f called wrongly; the message says why.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    baseline = torch.tensor([[0.5, 0.0], [0.0, 1.0]])

    calls = []

    def cubic(x: Tensor) -> Tensor:
        calls.append(len(x))
        return (x**3).sum(dim=1)

    exact = x**3 - baseline**3
    got = answer(cubic, x, baseline, 1000)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert got is not None, problem
    got = got.detach().to(x.dtype)
    problem = f"形状应为 (2, 2)，得到 {tuple(got.shape)}"  # zh
    problem = f"the shape should be (2, 2), got {tuple(got.shape)}"  # en
    assert got.shape == x.shape, problem
    problem = "少乘了 x - baseline"  # zh
    problem = "the factor x - baseline is missing"  # en
    assert not torch.allclose((x - baseline) * got, exact, atol=0.05), problem
    problem = "乘的是 x，应乘 x - baseline"  # zh
    problem = "multiplied by x instead of x - baseline"  # en
    assert not torch.allclose((x - baseline) * got, x * exact, atol=0.05), problem
    problem = "只用了 x 处的梯度，没有沿路径取平均"  # zh
    problem = "this uses the gradient at x only, not the mean along the path"  # en
    assert not torch.allclose(got, (x - baseline) * 3 * x**2, atol=0.05), problem
    gap = (got.sum(dim=1) - exact.sum(dim=1)).abs().max().item()
    problem = f"不完备：归因之和与 f(x) - f(x') 差 {gap:.3f}"  # zh
    problem = f"not complete: the sum misses f(x) - f(x') by {gap:.3f}"  # en
    assert gap < 0.05, problem
    problem = "总和对，分给各输入的份额不对"  # zh
    problem = "the sum is right, the shares of the inputs are not"  # en
    assert torch.allclose(got, exact, atol=0.05), problem
    problem = f"f 应只调用一次，所有的点一起算；实际调用了 {len(calls)} 次"  # zh
    problem = f"call f once, for all points; it was called {len(calls)} times"  # en
    assert len(calls) == 1, problem
    problem = f"路径上至少要 1000 个点，每行各一；f 只收到 {calls[0]} 行"  # zh
    problem = f"1000 points for each row of x; f was given {calls[0]} rows"  # en
    assert calls[0] >= 1000 * len(x), problem


# --8<-- [end:check-integrated]


# --8<-- [start:solve-integrated]
def all_at_once(f: Scalar, x: Tensor, baseline: Tensor, steps: int) -> Tensor:
    """
    zh: 积分梯度，所有步放进一个批次；
    zh: x、baseline 和结果同形。
    en: Integrated gradients with all steps in one batch; x, baseline and the result
    en: have one shape.
    """
    # zh: 把路径上的所有点排成一个大批次，只反向一次
    # en: put every point of every path into one large batch, one backward for all
    alpha = (torch.arange(steps) + 0.5) / steps
    alpha = alpha.view(-1, *[1] * x.dim())
    path = baseline + alpha * (x - baseline)
    slopes = gradient(f, path.flatten(0, 1)).view_as(path)
    return (x - baseline) * slopes.mean(dim=0)


check_integrated(all_at_once)
one, one_black = pictures[:1], torch.zeros(1, 64)
f_one = logit(net, net(one).argmax(dim=1))
parts = all_at_once(f_one, one, one_black, 256)
print(
    f"sum {parts.sum():.4f}  f(x) - f(x') {(f_one(one) - f_one(one_black)).item():.4f}"
)
# --8<-- [end:solve-integrated]


# --8<-- [start:check-smooth]
def check_smooth(answer: Callable[[Scalar, Tensor, float, int], Tensor]) -> None:
    """
    zh: answer(f, x, sigma, count)：x 加高斯噪声后梯度的平均（Smilkov 等 2017）。
    en: answer(f, x, sigma, count): the mean gradient at noisy x (Smilkov et al. 2017).

    Raises:
        zh: AssertionError: 平均不对，或者噪声不对；信息说明原因。
        en: AssertionError: wrong mean, or wrong noise; the message says why.
    """
    x, sign = torch.tensor([[1.0, -2.0]]), torch.tensor([1.0, -1.0])

    seen = []

    def cubic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return (sign * x**3).sum(dim=1)

    kept = x.clone()
    torch.manual_seed(0)
    got = answer(cubic, x, 0.5, 4000)
    problem = "没有返回值：是不是漏了 return？"  # zh
    problem = "nothing came back: is a return missing?"  # en
    assert got is not None, problem
    problem = f"形状应为 (1, 2)，得到 {tuple(got.shape)}"  # zh
    problem = f"the shape should be (1, 2), got {tuple(got.shape)}"  # en
    assert got.shape == x.shape, problem
    got = got.to(x.dtype)
    problem = "改动了传进来的 x"  # zh
    problem = "the x passed in was changed"  # en
    assert torch.equal(x, kept), problem
    problem = "没有加噪声，或对所有样本加的是同一个噪声"  # zh
    problem = "no noise, or the same noise in every sample"  # en
    assert (got - sign * 3 * x**2).abs().min() > 0.3, problem
    problem = "sigma 是标准差，不是方差"  # zh
    problem = "sigma is the standard deviation, not the variance"  # en
    assert (got - sign * 3 * (x**2 + 0.5)).abs().max() > 0.3, problem
    noise = torch.cat(seen) - x
    problem = f"应在 4000 个点上求梯度，实际 {len(noise)} 个"  # zh
    problem = f"take the gradient at 4000 points, not at {len(noise)}"  # en
    assert len(noise) == 4000, problem
    problem = "各输入的噪声是同一个数：噪声的形状要同 x"  # zh
    problem = "all inputs share one noise: give it the shape of x"  # en
    assert not torch.allclose(noise[:, 0], noise[:, 1], atol=1e-4), problem
    problem = "应取平均，而不是求和"  # zh
    problem = "take the mean, not the sum"  # en
    assert got.abs().max() < 100, problem
    # zh: 对 ±x³：平均梯度 = ±3 E[(x + sigma·z)²] = ±3 (x² + sigma²)
    # en: for ±x³ the mean gradient is ±3 E[(x + sigma·z)²] = ±3 (x² + sigma²)
    exact = sign * 3 * (x**2 + 0.5**2)
    problem = f"应约为 {exact.tolist()}，得到 {got.tolist()}"  # zh
    problem = f"should be about {exact.tolist()}, got {got.tolist()}"  # en
    assert torch.allclose(got, exact, atol=0.3), problem


# --8<-- [end:check-smooth]


# --8<-- [start:solve-smooth]
def smooth_grad(f: Scalar, x: Tensor, sigma: float, count: int) -> Tensor:
    """
    zh: SmoothGrad：加噪声 count 次的梯度平均
    zh: （Smilkov 等 2017）；形状与 x 相同。
    en: SmoothGrad: the mean gradient of count noisy copies (Smilkov et al. 2017),
    en: of x's shape.
    """
    total = torch.zeros_like(x)
    for _ in range(count):
        total += gradient(f, x + sigma * torch.randn_like(x))
    return total / count


check_smooth(smooth_grad)
torch.manual_seed(0)
many = pictures[:100]
f_many = logit(net, net(many).argmax(dim=1))
smoothed, plain = smooth_grad(f_many, many, 0.3, 20), gradient(f_many, many)
print(f"cosine {F.cosine_similarity(smoothed, plain).mean():.3f}")
# --8<-- [end:solve-smooth]
