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

keras_model = keras.Sequential(
    [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
)
print(keras.backend.backend(), isinstance(keras_model, torch.nn.Module))

keras_optimizer = torch.optim.SGD(keras_model.parameters(), lr=0.1)
keras_losses = []
for _ in range(200):
    keras_optimizer.zero_grad()
    loss = ((keras_model(inputs) - targets) ** 2).mean()
    loss.backward()
    keras_optimizer.step()
    keras_losses.append(loss.item())
keras_w, keras_b = (float(each.value.detach()) for each in keras_model.weights)
print(f"w = {keras_w:.4f}   b = {keras_b:.4f}   loss = {keras_losses[-1]:.6f}")
# --8<-- [end:keras-in-torch]
