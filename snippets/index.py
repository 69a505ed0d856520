"""
zh: 首页的第一段代码：拟合一条直线。
en: The home page's first code: fit a straight line.
"""

# --8<-- [start:quickstart]
import torch

torch.manual_seed(0)
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 2 * x + 3 + 0.1 * torch.randn_like(x)

model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for _ in range(100):
    loss = torch.nn.functional.mse_loss(model(x), y)
    losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"w = {model.weight.item():.3f}, b = {model.bias.item():.3f}")
# --8<-- [end:quickstart]
