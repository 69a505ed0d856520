# --8<-- [start:imports]
import os
import random

# zh: 必须在导入 keras 之前
# en: must come before keras is imported
os.environ["KERAS_BACKEND"] = "torch"
import keras
import torch

# --8<-- [end:imports]

# --8<-- [start:keras-in-torch]
rng = random.Random(0)
n = 100
points = [-1 + 2 * i / (n - 1) for i in range(n)]
values = [2 * point + 3 + rng.gauss(0, 0.1) for point in points]
inputs = torch.tensor([[point] for point in points])
targets = torch.tensor([[value] for value in values])

model = keras.Sequential(
    [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
)
print(keras.backend.backend(), isinstance(model, torch.nn.Module))

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for _ in range(200):
    optimizer.zero_grad()
    loss = ((model(inputs) - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
w, b = (float(p.detach()) for p in (model.weights[0].value, model.weights[1].value))
print(f"w = {w:.4f}   b = {b:.4f}   loss = {losses[-1]:.6f}")
# --8<-- [end:keras-in-torch]
