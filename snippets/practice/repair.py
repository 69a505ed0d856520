"""
zh: 原文代码的每一处错误：照原样运行，看清原因，再改好。
en: Every fault of the article's code: run as printed, understood, then mended.
"""

# zh: 原文的写法照录，检查工具的意见正是本页要讲的
# en: the article's lines stay as printed; what a linter says of them is this page's topic
# ruff: noqa: B007, UP008

# --8<-- [start:imports-tools]
import textwrap
import warnings

# --8<-- [end:imports-tools]
# --8<-- [start:imports]
import torch
import torch.nn as nn
import torch.optim as optim

# --8<-- [end:imports]
# --8<-- [start:imports-data]
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports-data]


def fails_normal() -> torch.Tensor:
    """
    zh: 原文的写法：torch.normal 没有 mean。抛出 TypeError。
    en: The article's way: torch.normal without a mean. Raises TypeError.
    """
    # --8<-- [start:fails-normal]
    # zh: 生成随机数据
    # en: make random data
    x = torch.linspace(-1, 1, 100)
    y = 2 * x + 3 + torch.normal(std=0.1)
    # --8<-- [end:fails-normal]
    return y


def fails_normal_mean() -> torch.Tensor:
    """
    zh: 补上 mean 也不行：数字参数还要 size。抛出 TypeError。
    en: With a mean it still fails: numbers need a size as well. Raises TypeError.
    """
    # --8<-- [start:fails-normal-mean]
    x = torch.linspace(-1, 1, 100)
    y = 2 * x + 3 + torch.normal(mean=0.0, std=0.1)
    # --8<-- [end:fails-normal-mean]
    return y


# --8<-- [start:noise-mended]
torch.manual_seed(0)
x = torch.linspace(-1, 1, 100)
noise = torch.normal(0.0, 0.1, size=x.shape)
y = 2 * x + 3 + noise
print(tuple(noise.shape), f"std {noise.std():.4f}")
# --8<-- [end:noise-mended]


# --8<-- [start:as-printed]
class LinearRegression(nn.Module):
    """
    zh: 直线 w·x + b：(n, 1) 变成 (n, 1)。
    en: The line w·x + b: (n, 1) becomes (n, 1).
    """

    def __init__(self):
        super(LinearRegression, self).__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


# zh: 训练的各行一字未改，只是收进函数，好用不同形状的数据反复运行
# en: the training lines are unchanged; a function runs them on several shapes
def fit_as_printed(x, y):
    """
    zh: 照原文训练 1000 步，返回 w、b 和最后的损失；
    zh: x 是 (n, 1)，y 是 (n,) 或 (n, 1)。
    en: Train as printed, 1000 steps; w, b and the last loss.
    en: x is (n, 1), y is (n,) or (n, 1).
    """
    model = LinearRegression()
    criterion = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(1000):
        # zh: 前向传播
        # en: forward pass
        y_pred = model(x)
        # zh: 计算损失
        # en: compute the loss
        loss = criterion(y_pred, y)
        # zh: 后向传播
        # en: backward pass
        loss.backward()
        # zh: 参数更新
        # en: update the parameters
        optimizer.step()
        # zh: 参数梯度清零
        # en: clear the gradients
        optimizer.zero_grad()
    return model.linear.weight.item(), model.linear.bias.item(), loss.item()


# --8<-- [end:as-printed]

# --8<-- [start:one-constant]
torch.manual_seed(0)
y_lie = 2 * x + 3 + torch.normal(0.0, 0.1, size=(1,))
w_lie, b_lie, loss_lie = fit_as_printed(x.unsqueeze(1), y_lie.unsqueeze(1))
print(f"w = {w_lie:.3f}  b = {b_lie:.3f}  loss = {loss_lie:.1e}")
# --8<-- [end:one-constant]

# --8<-- [start:one-constant-mended]
w_fit, b_fit, loss_fit = fit_as_printed(x.unsqueeze(1), y.unsqueeze(1))
print(f"w = {w_fit:.3f}  b = {b_fit:.3f}  loss = {loss_fit:.1e}")
# --8<-- [end:one-constant-mended]


def fails_flat() -> torch.Tensor:
    """
    zh: x 是 (100,)，层要 (n, 1)。抛出 RuntimeError。
    en: x of (100,) for a layer that takes (n, 1). Raises RuntimeError.
    """
    # --8<-- [start:fails-flat]
    x = torch.linspace(-1, 1, 100)
    model = LinearRegression()
    y_pred = model(x)
    # --8<-- [end:fails-flat]
    return y_pred


# --8<-- [start:column]
print(tuple(x.shape), "->", tuple(x.unsqueeze(1).shape))
print(tuple(LinearRegression()(x.unsqueeze(1)).shape))
# --8<-- [end:column]

# --8<-- [start:broadcast]
torch.manual_seed(0)
with warnings.catch_warnings(record=True) as caught:
    # zh: 同一处警告只记一次，Python 平时也是这样
    # en: each place warns once, as Python does by default
    warnings.simplefilter("default")
    w_flat, b_flat, loss_flat = fit_as_printed(x.unsqueeze(1), y)

for warning in caught:
    message = f"{warning.category.__name__}: {warning.message}"
    print(textwrap.fill(message, 72))
print(f"|w| = {abs(w_flat):.4f}  b = {b_flat:.4f}  loss = {loss_flat:.4f}")
# --8<-- [end:broadcast]

# --8<-- [start:grid]
prediction = w_flat * x.unsqueeze(1) + b_flat
grid = (prediction - y).square()
print(f"shape  {tuple(grid.shape)}")
print(f"mean   {grid.mean():.4f}")
print(f"Var(y) {y.var(correction=0):.4f}")
# --8<-- [end:grid]

# --8<-- [start:split]
# zh: 换一条随便的直线，恒等式仍然成立
# en: the identity holds for any other line as well
line = 5 * x.unsqueeze(1) - 1
left = (line - y).square().mean()
right = (line - y.mean()).square().mean() + y.var(correction=0)
print(f"{left:.4f} = {right:.4f}")
# --8<-- [end:split]

# --8<-- [start:unused]
w = torch.randn(1, requires_grad=True)
b = torch.randn(1, requires_grad=True)
before = w.item(), b.item()

fit_as_printed(x.unsqueeze(1), y.unsqueeze(1))

print("unchanged", (w.item(), b.item()) == before)
print("w.grad", w.grad, " b.grad", b.grad)
# --8<-- [end:unused]

# --8<-- [start:unused-mended]
model = LinearRegression()
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), "requires_grad", parameter.requires_grad)
# --8<-- [end:unused-mended]


# --8<-- [start:full-batch]
def slope_at(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """
    zh: 损失对偏置 b 的导数；x、y 形状 (n, 1)。
    en: The derivative of the loss with respect to the bias b; x, y: (n, 1).
    """
    model.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    return model.linear.bias.grad.item()


data = TensorDataset(x.unsqueeze(1), y.unsqueeze(1))
full = [slope_at(model, *data[:]) for _ in range(5)]
print("full ", " ".join(f"{slope:.3f}" for slope in full))
# --8<-- [end:full-batch]

# --8<-- [start:mini-batch]
loader = DataLoader(data, batch_size=20, shuffle=True)
batches = [slope_at(model, x_batch, y_batch) for x_batch, y_batch in loader]
print("batch", " ".join(f"{slope:.3f}" for slope in batches))
print(f"mean  {sum(batches) / len(batches):.3f}")
# --8<-- [end:mini-batch]


# --8<-- [start:no-seed]
def whole_run() -> tuple[float, float, float]:
    """
    zh: 造数据、训练，返回 (w, b, 损失)。
    en: Make data, train, return (w, b, loss).
    """
    y = 2 * x + 3 + torch.normal(0.0, 0.1, size=x.shape)
    return fit_as_printed(x.unsqueeze(1), y.unsqueeze(1))


unseeded = [whole_run() for _ in range(3)]
for w_run, b_run, loss_run in unseeded:
    print(f"w = {w_run:.4f}  b = {b_run:.4f}  loss = {loss_run:.4f}")
# --8<-- [end:no-seed]

# --8<-- [start:seeded]
seeded = []
for _ in range(2):
    torch.manual_seed(0)
    seeded.append(whole_run())
print("same", seeded[0] == seeded[1])
# --8<-- [end:seeded]


def fails_super() -> None:
    """
    zh: super() 里写了别的类。抛出 TypeError。
    en: Another class's name in super(). Raises TypeError.
    """

    # --8<-- [start:fails-super]
    class Line(nn.Module):
        def __init__(self):
            super(LinearRegression, self).__init__()
            self.linear = nn.Linear(1, 1)

    Line()
    # --8<-- [end:fails-super]


# --8<-- [start:super-mended]
class Line(nn.Module):
    """
    zh: 一个 nn.Linear(1, 1)，用不带参数的 super()；没有 forward。
    en: An nn.Linear(1, 1) with a bare super(); it has no forward.
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)


print(sum(parameter.numel() for parameter in Line().parameters()))
# --8<-- [end:super-mended]

# --8<-- [start:stale]
criterion = nn.MSELoss()
inputs, targets = data[:]

model = LinearRegression()

# zh: 训练之前，先看一眼梯度
# en: a look at the gradient before training
criterion(model(inputs), targets).backward()
clean = model.linear.bias.grad.item()

# zh: 然后照原文进入循环：第一步没有人清零
# en: then into the loop as printed: nothing clears the first step's gradient
y_pred = model(inputs)
loss = criterion(y_pred, targets)
loss.backward()
stale = model.linear.bias.grad.item()
print(f"clean {clean:.4f}  stale {stale:.4f}")
# --8<-- [end:stale]

# --8<-- [start:stale-mended]
model.zero_grad()
loss = criterion(model(inputs), targets)
loss.backward()
print(f"cleared first {model.linear.bias.grad.item():.4f}")
# --8<-- [end:stale-mended]
