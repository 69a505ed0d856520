"""
zh: 原文的四段代码合成一份，八处错误都已改好。
en: The article's four listings in one, with all eight faults mended.
"""

# --8<-- [start:imports]
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]

# --8<-- [start:repaired]
torch.manual_seed(0)

# zh: 数据：x、y 都是 (100, 1)，每个点有自己的噪声
# en: data: x and y are both (100, 1), every point has noise of its own
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 2 * x + 3 + torch.normal(0.0, 0.1, size=x.shape)

# zh: 留出二十个点，只用来检验
# en: twenty points are kept back and used for the check only
order = torch.randperm(len(x))
x_test, y_test = x[order[:20]], y[order[:20]]
train_set = TensorDataset(x[order[20:]], y[order[20:]])
loader = DataLoader(train_set, batch_size=16, shuffle=True)


class LinearRegression(nn.Module):
    """
    zh: 直线 w·x + b：(n, 1) 变成 (n, 1)。
    en: The line w·x + b: (n, 1) becomes (n, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        # zh: 参数 w 和 b 就在这一层里
        # en: the parameters w and b live in this layer
        self.linear = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


model = LinearRegression()
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)

history = []
for epoch in range(40):
    model.train()
    total = 0.0
    for x_batch, y_batch in loader:
        optimizer.zero_grad()
        loss = criterion(model(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x_batch)
    history.append(total / len(train_set))
    if epoch % 10 == 0:
        print(f"epoch {epoch:2d}  train loss {history[-1]:.4f}")

model.eval()
with torch.inference_mode():
    test_loss = criterion(model(x_test), y_test).item()
w_final, b_final = model.linear.weight.item(), model.linear.bias.item()
print(f"w = {w_final:.3f}  b = {b_final:.3f}  test loss {test_loss:.4f}")
# --8<-- [end:repaired]
