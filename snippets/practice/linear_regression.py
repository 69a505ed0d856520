"""
zh: 线性回归，从公式到训练、检验、小批量与保存。
en: Linear regression, from the formulas to training, checking, batches and saving.
"""

# --8<-- [start:imports]
import torch
from torch import nn

# --8<-- [end:imports]
# --8<-- [start:imports-batches]
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports-batches]

# --8<-- [start:gradient]
x3 = torch.tensor([-1.0, 0.0, 1.0])
y3 = torch.tensor([1.0, 3.0, 5.0])
w = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)

residual = w * x3 + b - y3
loss_before = residual.square().mean()
loss_before.backward()

dw = 2 * (residual * x3).mean()
db = 2 * residual.mean()
print(f"formula   dw = {dw:.4f}  db = {db:.4f}")
print(f"autograd  dw = {w.grad:.4f}  db = {b.grad:.4f}")
# --8<-- [end:gradient]

# --8<-- [start:one-step]
eta = 0.1
with torch.no_grad():
    w -= eta * w.grad
    b -= eta * b.grad
    loss_after = (w * x3 + b - y3).square().mean()
print(f"w = {w:.4f}  b = {b:.4f}")
print(f"loss {loss_before:.4f} -> {loss_after:.4f}")
# --8<-- [end:one-step]


# --8<-- [start:closed-form]
def closed_form(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """
    zh: 用正规方程求最小二乘的 (w, b)。x、y 形状 (n, 1)；返回形状 (2,)。
    en: The least-squares (w, b) by the normal equations; x, y: (n, 1), returns (2,).
    """
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    return torch.linalg.solve(X.T @ X, X.T @ y).squeeze(1)


w3, b3 = closed_form(x3.unsqueeze(1), y3.unsqueeze(1))
print(f"w = {w3:.4f}  b = {b3:.4f}")
# --8<-- [end:closed-form]

# --8<-- [start:data]
torch.manual_seed(0)
n = 100
sigma = 0.1
# zh: 一行一个样本、一列一个特征：形状是 (n, 1)，不是 (n,)
# en: one sample per row, one feature per column: the shape is (n, 1), not (n,)
x = torch.linspace(-1, 1, n).unsqueeze(1)
# zh: 每个点有自己的噪声，所以噪声的形状跟 x 一样
# en: every point has noise of its own, so the noise has the shape of x
y = 2 * x + 3 + torch.normal(0.0, sigma, size=x.shape)
print(tuple(x.shape), tuple(y.shape), x.dtype)
# --8<-- [end:data]


# --8<-- [start:model]
class LinearRegression(nn.Module):
    """
    zh: 一条直线：输入 (n, 1)，输出 (n, 1)。
    en: A straight line: input (n, 1), output (n, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


model = LinearRegression()
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), f"{parameter.item():.4f}")
# --8<-- [end:model]

# --8<-- [start:loss-and-optimizer]
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

with torch.no_grad():
    untrained = model(x)
print(f"MSELoss {criterion(untrained, y):.4f}")
print(f"formula {(untrained - y).square().mean():.4f}")
# --8<-- [end:loss-and-optimizer]

# --8<-- [start:training]
losses = []
for step in range(200):
    # zh: 上一步留下的梯度先清掉，否则会累加
    # en: clear what the last step left behind, or gradients add up
    optimizer.zero_grad()
    prediction = model(x)
    loss = criterion(prediction, y)
    # zh: 只算梯度，不动参数
    # en: computes gradients and leaves the parameters alone
    loss.backward()
    # zh: 只动参数，不算梯度
    # en: moves the parameters and computes no gradient
    optimizer.step()
    losses.append(loss.item())
    if step % 40 == 0:
        print(f"step {step:3d}  loss {loss.item():.4f}")
print(f"step {step:3d}  loss {loss.item():.4f}")
# --8<-- [end:training]

# --8<-- [start:floor]
best = closed_form(x, y)
floor = (best[0] * x + best[1] - y).square().mean().item()
print(f"last  {losses[-1]:.6f}")
print(f"floor {floor:.6f}")
# --8<-- [end:floor]

# --8<-- [start:contraction]
X = torch.cat([x, torch.ones_like(x)], dim=1)
H = 2 / n * X.T @ X
slow, fast = torch.linalg.eigvalsh(H).tolist()
print(f"eigenvalues {slow:.3f}  {fast:.3f}")

# zh: 损失高出下限的部分随误差的平方缩小，所以每步的倍数要开方
# en: the excess over the floor goes with the square of the error, hence the root
per_step = ((losses[80] - floor) / (losses[40] - floor)) ** (1 / (2 * 40))
print(f"predicted {1 - eta * slow:.4f}  measured {per_step:.4f}")
# --8<-- [end:contraction]

# --8<-- [start:standard-errors]
# zh: 除以 n - 2：两个参数已经从数据里拟合出来
# en: divided by n - 2: two parameters were fitted to the same data
s2 = n * floor / (n - 2)
standard_error = (s2 * torch.linalg.inv(X.T @ X)).diagonal().sqrt()
learned = torch.tensor([model.linear.weight.item(), model.linear.bias.item()])

print(f"{'':8} {'w':>7} {'b':>7}")
print(f"{'true':8} {2:7.4f} {3:7.4f}")
print(f"{'closed':8} {best[0]:7.4f} {best[1]:7.4f}")
print(f"{'learned':8} {learned[0]:7.4f} {learned[1]:7.4f}")
print(f"{'s.e.':8} {standard_error[0]:7.4f} {standard_error[1]:7.4f}")
# --8<-- [end:standard-errors]


# --8<-- [start:train]
def train(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    lr: float = 0.1,
    steps: int = 200,
) -> list[float]:
    """
    zh: 上面的循环，收进一个函数。x、y 形状 (n, 1)；就地训练，返回每步的损失。
    en: The loop above as a function; x, y: (n, 1). Trains in place, returns the losses.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# --8<-- [end:train]

# --8<-- [start:held-out]
# zh: 先打乱再切，否则测试集只有最右边的一段
# en: shuffle before cutting, or the test set is the right-hand end only
order = torch.randperm(n)
x_train, y_train = x[order[:80]], y[order[:80]]
x_test, y_test = x[order[80:]], y[order[80:]]

honest = LinearRegression()
train(honest, x_train, y_train)
with torch.inference_mode():
    train_residual = honest(x_train) - y_train
    test_residual = honest(x_test) - y_test
print(f"train MSE {train_residual.square().mean():.4f}")
print(f"test  MSE {test_residual.square().mean():.4f}")
# --8<-- [end:held-out]

# --8<-- [start:r-squared]
around_mean = y_test - y_train.mean()
r2 = 1 - test_residual.square().sum() / around_mean.square().sum()
print(f"R2 {r2:.4f}")
print(f"train |mean residual| {train_residual.mean().abs():.4f}")
print(f"test  |mean residual| {test_residual.mean().abs():.4f}")
# --8<-- [end:r-squared]

# --8<-- [start:mini-batches]
loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True)
batched = LinearRegression()
optimizer = torch.optim.SGD(batched.parameters(), lr=0.1)
batch_losses, epoch_losses = [], []
for _ in range(20):
    for x_batch, y_batch in loader:
        optimizer.zero_grad()
        loss = criterion(batched(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    # zh: 每一轮之后，在全部数据上量一次
    # en: after each epoch, measure on all of the data
    with torch.no_grad():
        epoch_losses.append(criterion(batched(x), y).item())
print(f"{len(loader)} steps per epoch, {len(batch_losses)} steps")
w_batch, b_batch = batched.linear.weight.item(), batched.linear.bias.item()
print(f"w = {w_batch:.4f}  b = {b_batch:.4f}")
# --8<-- [end:mini-batches]

# --8<-- [start:save]
torch.save(model.state_dict(), "line.pt")

state = torch.load("line.pt", weights_only=True)
for name, value in state.items():
    print(name, f"{value.item():.4f}")
# --8<-- [end:save]

# --8<-- [start:load]
restored = LinearRegression()
print(restored.load_state_dict(state))
restored.eval()
with torch.inference_mode():
    half = torch.tensor([[0.5]])
    before, after = model(half), restored(half)
print(f"{before.item():.4f} {after.item():.4f}")
# --8<-- [end:load]

# --8<-- [start:without-zero-grad]
careless = LinearRegression()
optimizer = torch.optim.SGD(careless.parameters(), lr=0.1)
swinging = []
for _ in range(200):
    loss = criterion(careless(x), y)
    loss.backward()
    optimizer.step()
    swinging.append(loss.item())
print(f"min {min(swinging[100:]):.3f}  max {max(swinging[100:]):.3f}")
# --8<-- [end:without-zero-grad]


def fails_shape() -> None:
    """
    zh: 输入是 (100,)，层要 (n, 1)。抛出 RuntimeError。
    en: An input of (100,) for a layer that takes (n, 1). Raises RuntimeError.
    """
    # --8<-- [start:fails-shape]
    flat = torch.linspace(-1, 1, 100)
    LinearRegression()(flat)
    # --8<-- [end:fails-shape]


# --8<-- [start:large-rate]
limit = 2 / fast
print(f"limit {limit:.4f}")
rates = {}
for lr in (0.1, 0.9, 1.1):
    # zh: 同一个种子，三次从同一条直线出发
    # en: one seed, so all three start from the same line
    torch.manual_seed(0)
    rates[lr] = train(LinearRegression(), x, y, lr=lr, steps=30)
    print(f"lr {lr}  first {rates[lr][0]:.2f}  last {rates[lr][-1]:.4f}")
# --8<-- [end:large-rate]
