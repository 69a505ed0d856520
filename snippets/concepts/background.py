"""
zh: 背景：PyTorch 的三层，第一次尝试，历史，以及初学者最先遇到的错误。
en: Background: PyTorch's three layers, a first taste, history, and first errors.
"""

# --8<-- [start:imports]
from importlib.metadata import requires

import torch
from torch import nn, optim

# --8<-- [end:imports]

# --8<-- [start:install]
print(f"torch {torch.__version__}")
print(f"accelerator available = {torch.accelerator.is_available()}")

# zh: 有加速器就用它，没有就用 CPU：这样写，同一份代码到处能跑
# en: use the accelerator if there is one, else the CPU: the same code runs anywhere
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")
print(f"device = {device}")
# --8<-- [end:install]

# --8<-- [start:dependencies]
needed = [line for line in requires("torch") if "extra" not in line]
from_nvidia = [line for line in needed if line.startswith(("nvidia", "cuda"))]
print(f"dependencies = {len(needed)}   from NVIDIA = {len(from_nvidia)}")
# --8<-- [end:dependencies]

# --8<-- [start:tensor]
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
print(f"shape = {tuple(a.shape)}   dtype = {a.dtype}   device = {a.device}")

# zh: * 逐个元素相乘，@ 才是矩阵乘法
# en: * multiplies element by element, @ is the matrix product
print(f"a * a = {(a * a).tolist()}")
print(f"a @ a = {(a @ a).tolist()}")
# zh: dim=0：各行相加再平均，每列得一个数
# en: dim=0: the mean over the rows, one number for each column
print(f"a.mean(dim=0) = {a.mean(dim=0).tolist()}")
# --8<-- [end:tensor]

# --8<-- [start:gradient]
x, y = 3.0, 12.0
w = torch.tensor(2.0, requires_grad=True)

loss = (w * x - y) ** 2
loss.backward()
print(f"loss = {loss:.4f}   w.grad = {w.grad:.4f}")
print(f"2 * x * (w * x - y) = {2 * x * (w * x - y):.4f}")
# --8<-- [end:gradient]

# --8<-- [start:step]
lr = 0.05

# zh: 更新这一步本身不该被自动求导记录
# en: the update itself must not be recorded for differentiation
with torch.no_grad():
    w -= lr * w.grad
new_loss = (w * x - y) ** 2
print(f"w = {w:.4f}   loss = {new_loss:.4f}")
# --8<-- [end:step]

# --8<-- [start:modules]
model = nn.Linear(1, 1, bias=False)
with torch.no_grad():
    model.weight.fill_(2.0)
optimizer = optim.SGD(model.parameters(), lr=0.05)
criterion = nn.MSELoss()
# zh: nn.Linear 把最后一维当作特征；一个样本、一个特征，写成 1×1
# en: nn.Linear takes the last dimension for features; one of each is 1×1
inputs, targets = torch.tensor([[3.0]]), torch.tensor([[12.0]])

path = [model.weight.item()]
for step in range(1, 6):
    loss = criterion(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    path.append(model.weight.item())
    print(f"step {step}   loss = {loss:.2e}   w = {path[-1]:.5f}")
# --8<-- [end:modules]


# --8<-- [start:too-far]
def descend(lr: float, steps: int, w: float = 2.0) -> list[float]:
    """
    zh: 从 w 出发，在 (3w − 12)² 上做 steps 步梯度下降；
    zh: 返回途经的各个 w，连起点共 steps + 1 个。
    en: Gradient descent on (3w − 12)² for a number of steps, from w;
    en: returns the steps + 1 values of w, the first included.
    """
    weights = [w]
    for _ in range(steps):
        weights.append(weights[-1] - lr * 2 * 3.0 * (3.0 * weights[-1] - 12.0))
    return weights


for lr in (0.05, 0.10, 0.12):
    factor = 1 - 2 * lr * 3.0**2
    errors = [abs(w - 4.0) for w in descend(lr, 10)]
    print(f"lr = {lr:.2f}   factor = {factor:+.2f}   |w - 4| = {errors[-1]:.2e}")
# --8<-- [end:too-far]

# --8<-- [start:composed]
# zh: 固定种子：每次运行的初始权重都相同
# en: fix the seed: every run starts from the same random weights
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
point = torch.tensor([0.5, -1.0], requires_grad=True)
output = net(point)
# zh: 直接返回梯度（每个输入一个，装在元组里），不写进 .grad
# en: returns the gradients, a tuple with one for each input, and leaves .grad alone
(slope,) = torch.autograd.grad(output, point)

# zh: 同一个网络，写成三个函数的复合；它的导数是三个导数的乘积
# en: the same network as three functions in a row; its derivative is three multiplied
W1, b1, W2, b2 = (p.detach() for p in net.parameters())
hidden = torch.tanh(W1 @ point.detach() + b1)
by_hand = W2 @ hidden + b2
slope_by_hand = (W2 @ torch.diag(1 - hidden**2) @ W1).squeeze(0)

print(f"net(point) = {output.item():.6f}   by hand = {by_hand.item():.6f}")
print(f"slope = ({slope[0]:.6f}, {slope[1]:.6f})")
print(f"equal: {torch.allclose(slope, slope_by_hand)}")
# --8<-- [end:composed]

# --8<-- [start:milestones]
# zh: 名称：（日期，类别，来源页上的条目）；只写到来源能确认的精度
# en: name: (date, kind, entry on the sources page), as exact as the source allows
milestones = {
    "neuron": ("1943", "idea", "mcculloch-1943"),
    "perceptron": ("1958-11", "idea", "rosenblatt-1958"),
    "reverse-mode": ("1976", "idea", "linnainmaa-1976"),
    "backpropagation": ("1986-10-09", "idea", "rumelhart-1986"),
    "LeNet-5": ("1998-11", "model", "lecun-1998"),
    "Torch": ("2002", "tool", "collobert-2002"),
    "Theano": ("2010", "tool", "bergstra-2010"),
    "AlexNet": ("2012", "model", "krizhevsky-2012"),
    "Chainer": ("2015", "tool", "tokui-2015"),
    "TensorFlow": ("2015-11-09", "tool", "abadi-2015"),
    "PyTorch": ("2017-01-19", "tool", "pytorch-a-year-in"),
    "Transformer": ("2017-06-12", "model", "vaswani-2017"),
    "PyTorch 1.0": ("2018-12-07", "tool", "pytorch-1-0"),
    "TensorFlow 2.0": ("2019-09-30", "tool", "tensorflow-2-0"),
    "PyTorch Foundation": ("2022-09-12", "tool", "pytorch-foundation-2022"),
    "PyTorch 2.0": ("2023-03-15", "tool", "pytorch-2-0"),
}


def _decimal_year(date: str) -> float:
    """
    zh: 把 1998、1998-11 或 1998-11-05 换成横轴上的位置；缺的月、日按 1 算。
    en: The place on an axis of 1998, 1998-11 or 1998-11-05; what is missing counts as 1.
    """
    year, month, day, *_ = [int(part) for part in date.split("-")] + [1, 1]
    return year + (month - 1) / 12 + (day - 1) / 365


# --8<-- [end:milestones]


def fails_dtype() -> None:
    """
    zh: 整数矩阵乘浮点矩阵。抛出 RuntimeError。
    en: A matrix of integers times one of floats. Raises RuntimeError.
    """
    # --8<-- [start:fails-dtype]
    pixels = torch.tensor([[0, 128, 255]])
    weights = torch.ones(3, 1)
    pixels @ weights
    # --8<-- [end:fails-dtype]


# --8<-- [start:mend-dtype]
pixels = torch.tensor([[0, 128, 255]])
weights = torch.ones(3, 1)
product = pixels.to(weights.dtype) @ weights
print(f"product = {product.tolist()}   dtype = {product.dtype}")
# --8<-- [end:mend-dtype]


def fails_integer_gradient() -> None:
    """
    zh: 要求整数张量的梯度。抛出 RuntimeError。
    en: Asks for the gradient of an integer. Raises RuntimeError.
    """
    # --8<-- [start:fails-integer-gradient]
    torch.tensor(2, requires_grad=True)
    # --8<-- [end:fails-integer-gradient]


def fails_shape() -> None:
    """
    zh: (2, 3) 乘 (2, 3)：里面的两维不等。抛出 RuntimeError。
    en: (2, 3) times (2, 3): the inner sizes differ. Raises RuntimeError.
    """
    # --8<-- [start:fails-shape]
    torch.ones(2, 3) @ torch.ones(2, 3)
    # --8<-- [end:fails-shape]


# --8<-- [start:mend-shape]
first, second = torch.ones(2, 3), torch.ones(2, 3)
print(f"first @ second.T: {tuple((first @ second.T).shape)}")
print(f"first.T @ second: {tuple((first.T @ second).shape)}")
# --8<-- [end:mend-shape]

# --8<-- [start:silent-broadcast]
prediction = torch.tensor([[1.0], [2.0], [3.0]])
target = torch.tensor([1.0, 2.0, 3.0])

# zh: 预测完全正确，误差本该是零
# en: the prediction is perfect, so the error ought to be zero
difference = prediction - target
print(f"{tuple(prediction.shape)} - {tuple(target.shape)} = {tuple(difference.shape)}")
print(f"wrong = {difference.square().mean():.4f}")
right = prediction - target.unsqueeze(1)
print(f"right = {right.square().mean():.4f}")
# --8<-- [end:silent-broadcast]


def fails_device() -> None:
    """
    zh: 没有 CUDA 却搬到 CUDA。抛出 AssertionError。
    en: Moves a tensor to CUDA where there is none. Raises AssertionError.
    """
    # --8<-- [start:fails-device]
    torch.ones(3).to("cuda")
    # --8<-- [end:fails-device]


# --8<-- [start:mend-device]
moved = torch.ones(3, device=device)
print((moved + torch.ones(3, device=moved.device)).tolist())
# --8<-- [end:mend-device]
