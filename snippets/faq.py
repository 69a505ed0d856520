"""
zh: 常见问题：每个错误的最小复现，以及改好的写法。
zh: `fails_…` 会抛出异常，`symptom_…` 不报错却算错，`mended_…` 是改法。
en: The FAQ: the smallest code for each error, and the mended code.
en: `fails_…` raises, `symptom_…` is wrong without an error, `mended_…` is the mend.
"""

# --8<-- [start:imports-also]
from collections.abc import Callable

# --8<-- [end:imports-also]
# --8<-- [start:imports]
import torch

# --8<-- [end:imports]
# --8<-- [start:nn]
from torch import nn

# --8<-- [end:nn]


# A traceback, read from the bottom.


def fails_traceback() -> None:
    """
    zh: 第二层的输入个数与第一层的输出个数不符。抛出 RuntimeError。
    en: The second layer does not fit the first one's outputs. Raises RuntimeError.
    """

    # --8<-- [start:fails-traceback]
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(4, 8)
            self.output = nn.Linear(4, 1)

        def forward(self, x):
            features = torch.relu(self.hidden(x))
            return self.output(features)

    model = Net()
    batch = torch.ones(2, 4)
    model(batch)
    # --8<-- [end:fails-traceback]


def mended_traceback() -> None:
    """
    zh: 两层对上：(2, 4) 变成 (2, 1)。
    en: Layers that fit: (2, 4) becomes (2, 1).
    """

    # --8<-- [start:mended-traceback]
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(4, 8)
            # zh: 输入个数要等于上一层的输出个数
            # en: as many inputs as the layer before has outputs
            self.output = nn.Linear(8, 1)

        def forward(self, x):
            features = torch.relu(self.hidden(x))
            return self.output(features)

    model = Net()
    batch = torch.ones(2, 4)
    prediction = model(batch)
    print(tuple(prediction.shape))
    # --8<-- [end:mended-traceback]


# --8<-- [start:also]
CUBE = torch.ones(1, 1, 1)
ALSO: dict[str, list[Callable[[], object]]] = {
    "leaf": [
        lambda: torch.ones(2, requires_grad=True)[0].fill_(0),
    ],
    "none-zero": [
        lambda: 0.1 * torch.ones(1, requires_grad=True).grad,
    ],
    "mat1-mat2": [
        lambda: torch.ones(2, 3) @ torch.ones(2),
        lambda: nn.LSTM(3, 4)(torch.ones(5, 2, 2)),
    ],
    "size-of-tensor": [
        lambda: torch.cat([torch.ones(2, 3), torch.ones(3, 2)]),
    ],
    "view": [
        lambda: torch.arange(6).view(4, 2),
    ],
    "stack": [
        lambda: torch.utils.data.default_collate([[1], [1, 2]]),
    ],
    "channels": [
        lambda: nn.Conv2d(3, 8, 3)(torch.zeros(16, 28, 28, 3)),
        lambda: nn.Conv2d(3, 8, 3)(torch.zeros(28, 28)),
    ],
    "double-float": [
        lambda: nn.Linear(1, 1)(torch.tensor([[1]])),
        lambda: torch.bmm(CUBE, CUBE.double()),
        lambda: nn.Conv1d(1, 1, 1)(CUBE.double()),
        lambda: nn.LSTM(1, 1)(CUBE.double()),
    ],
    "one-element": [
        lambda: torch.tensor([1.0, 2.0]).item(),
    ],
    "target-long": [
        lambda: nn.CrossEntropyLoss()(torch.zeros(2, 3), torch.eye(2, 3).long()),
        lambda: nn.BCEWithLogitsLoss()(torch.zeros(2), torch.tensor([0, 1])),
        lambda: nn.BCELoss()(torch.zeros(2), torch.tensor([0, 1])),
    ],
    "multi-target": [
        lambda: nn.CrossEntropyLoss()(torch.zeros(4, 3), torch.tensor([0, 1, 2])),
    ],
    "empty-parameters": [
        lambda: torch.optim.SGD(nn.Linear(1, 1).parameters, lr=0.1),
    ],
    "before-init": [
        lambda: setattr(nn.Module.__new__(nn.Module), "w", nn.Parameter(torch.ones(1))),
    ],
    "forward": [
        lambda: nn.ModuleList([nn.ReLU()])(torch.ones(1)),
    ],
    "same-device": [
        lambda: nn.Linear(1, 1)(torch.ones(1, 1, device="meta")),
    ],
    "missing-keys": [
        lambda: nn.Linear(2, 1).load_state_dict(nn.Linear(3, 1).state_dict()),
    ],
    "non-leaf": [
        lambda: torch.optim.SGD([0.1 * torch.ones(2, requires_grad=True)], lr=0.1),
    ],
}


def also(name: str) -> list[str]:
    """
    zh: 同一类错误的其他报错原话，逐个真实运行得到。
    en: What related mistakes say, each of them really run.

    Args:
        name:
            zh: 问题的名字，ALSO 的键。
            en: the question, a key of ALSO.

    Returns:
        zh: 每个错误一行，不含换行和异常类型。
        en: one line for each mistake, without line breaks or the exception's type.

    Raises:
        zh: AssertionError: 有一段代码没有出错。
        en: AssertionError: one of them did not fail.
    """
    messages = []
    for run in ALSO[name]:
        try:
            run()
        except Exception as error:
            messages.append(" ".join(str(error).split()))
    assert len(messages) == len(ALSO[name])
    return messages


# --8<-- [end:also]


# Autograd.


def fails_no_grad_fn() -> None:
    """
    zh: 没有要求 w 的梯度就反向传播。抛出 RuntimeError。
    en: Goes backward without having asked for w's gradient. Raises RuntimeError.
    """
    # --8<-- [start:fails-no-grad-fn]
    w = torch.tensor(2.0)
    loss = (3 * w - 1) ** 2
    loss.backward()
    # --8<-- [end:fails-no-grad-fn]


def mended_no_grad_fn() -> None:
    """
    zh: 造 w 时就要求梯度。
    en: Asks for the gradient where w is made.
    """
    # --8<-- [start:mended-no-grad-fn]
    w = torch.tensor(2.0, requires_grad=True)
    loss = (3 * w - 1) ** 2
    loss.backward()
    print(loss.requires_grad, w.grad.item())
    # --8<-- [end:mended-no-grad-fn]


def fails_backward_twice() -> None:
    """
    zh: 循环外算的一步，被反向传播两次。抛出 RuntimeError。
    en: Goes backward twice through a step made outside the loop. Raises RuntimeError.
    """
    # --8<-- [start:fails-backward-twice]
    w = torch.tensor(3.0, requires_grad=True)
    # zh: 只算了一次，却要用在两步里
    # en: computed once, but used by both steps
    square = w**2
    for target in (1.0, 2.0):
        loss = (square - target) ** 2
        loss.backward()
    # --8<-- [end:fails-backward-twice]


def mended_backward_twice() -> None:
    """
    zh: 放进循环，每一步建一张图。
    en: Inside the loop, each step builds its graph.
    """
    # --8<-- [start:mended-backward-twice]
    w = torch.tensor(3.0, requires_grad=True)
    for target in (1.0, 2.0):
        w.grad = None
        # zh: 放进循环，每一步都建新的计算图
        # en: inside the loop, so that every step builds a graph of its own
        square = w**2
        loss = (square - target) ** 2
        loss.backward()
        print(target, w.grad.item())
    # --8<-- [end:mended-backward-twice]


def fails_scalar() -> None:
    """
    zh: 对形状为 (2,) 的损失反向传播。抛出 RuntimeError。
    en: Goes backward from losses of shape (2,). Raises RuntimeError.
    """
    # --8<-- [start:fails-scalar]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = w**2
    losses.backward()
    # --8<-- [end:fails-scalar]


def mended_scalar() -> None:
    """
    zh: 先求和或求平均，变成标量。
    en: Sums or averages to a scalar first.
    """
    # --8<-- [start:mended-scalar]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = w**2
    losses.sum().backward()
    print("sum ", w.grad.tolist())

    w.grad = None
    losses = w**2
    losses.mean().backward()
    print("mean", w.grad.tolist())
    # --8<-- [end:mended-scalar]


def fails_inplace() -> None:
    """
    zh: 就地改掉 exp 的结果，而反向传播要用它。抛出 RuntimeError。
    en: Changes in place what the backward pass of exp needs. Raises RuntimeError.
    """
    # --8<-- [start:fails-inplace]
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    growth = w.exp()
    growth += 1
    growth.sum().backward()
    # --8<-- [end:fails-inplace]


def mended_inplace() -> None:
    """
    zh: 不就地改，造新张量。
    en: A new tensor in place of the change.
    """
    # --8<-- [start:mended-inplace]
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    growth = w.exp()
    # zh: 新张量；反向传播要用的旧值还在
    # en: a new tensor; the old values stay for the backward pass
    growth = growth + 1
    growth.sum().backward()
    print(w.grad)
    # --8<-- [end:mended-inplace]


def fails_leaf() -> None:
    """
    zh: 在记录梯度时就地更新叶子。抛出 RuntimeError。
    en: Updates a leaf in place while gradients are recorded. Raises RuntimeError.
    """
    # --8<-- [start:fails-leaf]
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward()
    w -= 0.1 * w.grad
    # --8<-- [end:fails-leaf]


def mended_leaf() -> None:
    """
    zh: 在 no_grad 里更新。
    en: Updates under no_grad.
    """
    # --8<-- [start:mended-leaf]
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    print(w)
    # --8<-- [end:mended-leaf]


def fails_numpy() -> None:
    """
    zh: 要梯度的张量直接变成 NumPy 数组。抛出 RuntimeError。
    en: Turns a tensor that requires gradients into an array. Raises RuntimeError.
    """
    # --8<-- [start:fails-numpy]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    prediction = 3 * w
    prediction.numpy()
    # --8<-- [end:fails-numpy]


def mended_numpy() -> None:
    """
    zh: 先 detach，再变成数组。
    en: Detaches first.
    """
    # --8<-- [start:mended-numpy]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    prediction = 3 * w
    # zh: cpu() 在 CPU 上什么都不做，在 GPU 上不可少
    # en: cpu() does nothing on a CPU and is needed on a GPU
    print(prediction.requires_grad, prediction.detach().cpu().numpy())
    # --8<-- [end:mended-numpy]


def fails_none_zero() -> None:
    """
    zh: 还没有梯度就清零。抛出 AttributeError。
    en: Clears a gradient that does not exist yet. Raises AttributeError.
    """
    # --8<-- [start:fails-none-zero]
    w = torch.tensor(2.0, requires_grad=True)
    w.grad.zero_()
    # --8<-- [end:fails-none-zero]


def mended_none_zero() -> None:
    """
    zh: 把 .grad 设为 None，有没有梯度都行。
    en: Sets .grad to None, which always works.
    """
    # --8<-- [start:mended-none-zero]
    w = torch.tensor(2.0, requires_grad=True)
    for step in range(2):
        w.grad = None
        loss = w**2
        loss.backward()
        print(step, w.grad.item())
    # --8<-- [end:mended-none-zero]


def fails_item_backward() -> None:
    """
    zh: 对 Python 的数反向传播。抛出 AttributeError。
    en: Goes backward from a Python number. Raises AttributeError.
    """
    # --8<-- [start:fails-item-backward]
    w = torch.tensor(2.0, requires_grad=True)
    loss = (w**2).item()
    loss.backward()
    # --8<-- [end:fails-item-backward]


def mended_item_backward() -> None:
    """
    zh: 对张量反向传播，item() 只用来打印。
    en: Goes backward from the tensor; item() is for printing.
    """
    # --8<-- [start:mended-item-backward]
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward()
    # zh: item() 只用来记录和打印
    # en: item() is for logging only
    print(loss.item(), w.grad.item())
    # --8<-- [end:mended-item-backward]


# Shapes and dtypes.


def fails_mat1_mat2() -> None:
    """
    zh: (100,) 送进要 (n, 1) 的层。抛出 RuntimeError。
    en: (100,) for a layer that takes (n, 1). Raises RuntimeError.
    """
    # --8<-- [start:fails-mat1-mat2]
    x = torch.linspace(-1, 1, 100)
    nn.Linear(1, 1)(x)
    # --8<-- [end:fails-mat1-mat2]


def mended_mat1_mat2() -> None:
    """
    zh: 先变成 (100, 1)。
    en: Becomes (100, 1) first.
    """
    # --8<-- [start:mended-mat1-mat2]
    # zh: (100,) 变成 (100, 1)：100 个样本，每个 1 个特征
    # en: (100,) becomes (100, 1): 100 samples of 1 feature each
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    prediction = nn.Linear(1, 1)(x)
    print(tuple(x.shape), tuple(prediction.shape))
    # --8<-- [end:mended-mat1-mat2]


def fails_size_of_tensor() -> None:
    """
    zh: (4, 3) 乘 (4,)：末尾的维对不上。抛出 RuntimeError。
    en: (4, 3) times (4,): the last sizes differ. Raises RuntimeError.
    """
    # --8<-- [start:fails-size-of-tensor]
    samples = torch.ones(4, 3)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    print(samples * weights)
    # --8<-- [end:fails-size-of-tensor]


def mended_size_of_tensor() -> None:
    """
    zh: 先变成 (4, 1)，再广播。
    en: Becomes (4, 1), which broadcasts.
    """
    # --8<-- [start:mended-size-of-tensor]
    samples = torch.ones(4, 3)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    # zh: (4, 1) 沿第二维扩展成 (4, 3)
    # en: (4, 1) stretches along the second dimension to (4, 3)
    print(samples * weights.unsqueeze(1))
    # --8<-- [end:mended-size-of-tensor]


def fails_view() -> None:
    """
    zh: 转置之后内存不连续，view 不行。抛出 RuntimeError。
    en: view after a transpose, which is not contiguous. Raises RuntimeError.
    """
    # --8<-- [start:fails-view]
    table = torch.arange(6).reshape(2, 3)
    table.T.view(6)
    # --8<-- [end:fails-view]


def mended_view() -> None:
    """
    zh: 用 reshape，必要时它会复制。
    en: reshape, which copies where it must.
    """
    # --8<-- [start:mended-view]
    table = torch.arange(6).reshape(2, 3)
    print(table.stride(), table.T.stride(), table.T.is_contiguous())
    print(table.T.reshape(6))
    # --8<-- [end:mended-view]


def fails_stack() -> None:
    """
    zh: 长短不一的样本凑不成一批。抛出 RuntimeError。
    en: Samples of different lengths do not stack into a batch. Raises RuntimeError.
    """
    # --8<-- [start:fails-stack]
    import torch
    from torch.utils.data import DataLoader

    sequences = [torch.ones(3), torch.ones(4)]
    for batch in DataLoader(sequences, batch_size=2):
        print(batch)
    # --8<-- [end:fails-stack]


def mended_stack() -> None:
    """
    zh: 填充到一样长，并返回各自的长度。
    en: Pads them to one length, and returns their lengths.
    """
    # --8<-- [start:mended-stack]
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from torch.utils.data import DataLoader

    def pad(samples):
        # zh: 同时返回长度，好让模型略过填充的部分
        # en: return the lengths as well, so that the model can skip the padding
        lengths = torch.tensor([len(sample) for sample in samples])
        return pad_sequence(samples, batch_first=True), lengths

    sequences = [torch.ones(3), torch.ones(4)]
    for batch, lengths in DataLoader(sequences, batch_size=2, collate_fn=pad):
        print(batch)
        print(lengths)
    # --8<-- [end:mended-stack]


def fails_channels() -> None:
    """
    zh: 单通道图像送进要三通道的卷积。抛出 RuntimeError。
    en: Images of one channel for a convolution that takes three. Raises RuntimeError.
    """
    # --8<-- [start:fails-channels]
    images = torch.zeros(16, 1, 28, 28)
    nn.Conv2d(3, 8, kernel_size=3)(images)
    # --8<-- [end:fails-channels]


def mended_channels() -> None:
    """
    zh: 通道数对上；通道在最后的先换到第二维。
    en: The channels agree; channels that come last are moved to second.
    """
    # --8<-- [start:mended-channels]
    # zh: 灰度图只有 1 个通道
    # en: greyscale images have 1 channel
    images = torch.zeros(16, 1, 28, 28)
    print(tuple(nn.Conv2d(1, 8, kernel_size=3)(images).shape))

    # zh: 别的库读的图常把通道放在最后：换到第二维
    # en: images read by other libraries often have channels last: move them to dim 1
    images = torch.zeros(16, 28, 28, 3).permute(0, 3, 1, 2)
    print(tuple(nn.Conv2d(3, 8, kernel_size=3)(images).shape))
    # --8<-- [end:mended-channels]


def fails_double_float() -> None:
    """
    zh: NumPy 的双精度送进单精度的层。抛出 RuntimeError。
    en: NumPy's double precision for a layer in single precision. Raises RuntimeError.
    """
    # --8<-- [start:fails-double-float]
    import numpy as np
    import torch
    from torch import nn

    x = torch.from_numpy(np.linspace(0, 1, 4)).unsqueeze(1)
    nn.Linear(1, 1)(x)
    # --8<-- [end:fails-double-float]


def mended_double_float() -> None:
    """
    zh: 先转成 float32。
    en: Converts to float32 first.
    """
    # --8<-- [start:mended-double-float]
    import numpy as np
    import torch
    from torch import nn

    x = torch.from_numpy(np.linspace(0, 1, 4)).unsqueeze(1)
    print(x.dtype, x.float().dtype)
    print(tuple(nn.Linear(1, 1)(x.float()).shape))
    # --8<-- [end:mended-double-float]


def fails_one_element() -> None:
    """
    zh: 用张量的列表造张量。抛出 ValueError。
    en: Makes a tensor from a list of tensors. Raises ValueError.
    """
    # --8<-- [start:fails-one-element]
    rows = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]
    torch.tensor(rows)
    # --8<-- [end:fails-one-element]


def mended_one_element() -> None:
    """
    zh: 用 stack 叠起来，或用 cat 接起来。
    en: stack puts them on top of each other, cat end to end.
    """
    # --8<-- [start:mended-one-element]
    rows = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]
    print(torch.stack(rows))
    print(torch.cat(rows))
    # --8<-- [end:mended-one-element]


# Losses.


def fails_target_long() -> None:
    """
    zh: 类别编号用了浮点数。抛出 RuntimeError。
    en: Class numbers given as floats. Raises RuntimeError.
    """
    # --8<-- [start:fails-target-long]
    logits = torch.zeros(2, 3)
    labels = torch.tensor([0.0, 2.0])
    nn.CrossEntropyLoss()(logits, labels)
    # --8<-- [end:fails-target-long]


def mended_target_long() -> None:
    """
    zh: 类别编号转成整数。
    en: Class numbers as integers.
    """
    # --8<-- [start:mended-target-long]
    logits = torch.zeros(2, 3)
    labels = torch.tensor([0.0, 2.0])
    loss = nn.CrossEntropyLoss()(logits, labels.long())
    print(f"{loss:.4f}")
    # --8<-- [end:mended-target-long]


def fails_multi_target() -> None:
    """
    zh: 类别编号是 (2, 1)，应为 (2,)。抛出 RuntimeError。
    en: Class numbers of (2, 1) in place of (2,). Raises RuntimeError.
    """
    # --8<-- [start:fails-multi-target]
    logits = torch.zeros(2, 3)
    labels = torch.tensor([[0], [2]])
    nn.CrossEntropyLoss()(logits, labels)
    # --8<-- [end:fails-multi-target]


def mended_multi_target() -> None:
    """
    zh: 去掉多余的一维。
    en: Without the extra dimension.
    """
    # --8<-- [start:mended-multi-target]
    logits = torch.zeros(2, 3)
    labels = torch.tensor([[0], [2]])
    loss = nn.CrossEntropyLoss()(logits, labels.squeeze(1))
    print(tuple(labels.squeeze(1).shape), f"{loss:.4f}")
    # --8<-- [end:mended-multi-target]


def fails_target_bounds() -> None:
    """
    zh: 类别从 1 数起，超出范围。抛出 IndexError。
    en: Classes that count from 1 go out of range. Raises IndexError.
    """
    # --8<-- [start:fails-target-bounds]
    logits = torch.zeros(3, 3)
    labels = torch.tensor([1, 2, 3])
    nn.CrossEntropyLoss()(logits, labels)
    # --8<-- [end:fails-target-bounds]


def mended_target_bounds() -> None:
    """
    zh: 类别从 0 数起。
    en: Classes that count from 0.
    """
    # --8<-- [start:mended-target-bounds]
    logits = torch.zeros(3, 3)
    # zh: 类别从 0 数起
    # en: classes count from 0
    labels = torch.tensor([1, 2, 3]) - 1
    print(labels.min().item(), labels.max().item(), logits.shape[1])
    print(f"{nn.CrossEntropyLoss()(logits, labels):.4f}")
    # --8<-- [end:mended-target-bounds]


def fails_bce() -> None:
    """
    zh: 把 logits 当作概率。抛出 RuntimeError。
    en: Logits where probabilities belong. Raises RuntimeError.
    """
    # --8<-- [start:fails-bce]
    logits = torch.tensor([2.0, -1.0])
    labels = torch.tensor([1.0, 0.0])
    nn.BCELoss()(logits, labels)
    # --8<-- [end:fails-bce]


def mended_bce() -> None:
    """
    zh: 用带 sigmoid 的损失，或先做 sigmoid。
    en: A loss with the sigmoid in it, or the sigmoid first.
    """
    # --8<-- [start:mended-bce]
    logits = torch.tensor([2.0, -1.0])
    labels = torch.tensor([1.0, 0.0])
    # zh: sigmoid 已在损失里，模型里就不要再加
    # en: the sigmoid is in the loss, so the model must not have one
    print(f"{nn.BCEWithLogitsLoss()(logits, labels):.4f}")
    print(f"{nn.BCELoss()(torch.sigmoid(logits), labels):.4f}")
    # --8<-- [end:mended-bce]


def fails_boolean_value() -> None:
    """
    zh: 把张量传给损失的构造函数。抛出 RuntimeError。
    en: Passes tensors to the constructor of a loss. Raises RuntimeError.
    """
    # --8<-- [start:fails-boolean-value]
    prediction = torch.tensor([1.0, 2.0])
    target = torch.tensor([1.0, 4.0])
    nn.MSELoss(prediction, target)
    # --8<-- [end:fails-boolean-value]


def mended_boolean_value() -> None:
    """
    zh: 先造损失，再调用；条件里用 any 或 all。
    en: Makes the loss, then calls it; any or all in conditions.
    """
    # --8<-- [start:mended-boolean-value]
    prediction = torch.tensor([1.0, 2.0])
    target = torch.tensor([1.0, 4.0])
    # zh: 先建损失对象，再调用它
    # en: make the loss object first, then call it
    criterion = nn.MSELoss()
    print(criterion(prediction, target).item())
    # zh: 条件里说清是“有一个”还是“全部”
    # en: in a condition, say whether any or all is meant
    equal = prediction == target
    print(equal.tolist(), equal.any().item(), equal.all().item())
    # --8<-- [end:mended-boolean-value]


def fails_target_size() -> None:
    """
    zh: logits 是 (4, 1)，标签是 (4,)。抛出 ValueError。
    en: Logits of (4, 1) against labels of (4,). Raises ValueError.
    """
    # --8<-- [start:fails-target-size]
    logits = nn.Linear(2, 1)(torch.zeros(4, 2))
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0])
    nn.BCEWithLogitsLoss()(logits, labels)
    # --8<-- [end:fails-target-size]


def mended_target_size() -> None:
    """
    zh: 标签变成 (4, 1)。
    en: Labels become (4, 1).
    """
    # --8<-- [start:mended-target-size]
    logits = nn.Linear(2, 1)(torch.zeros(4, 2))
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0])
    labels = labels.unsqueeze(1)
    loss = nn.BCEWithLogitsLoss()(logits, labels)
    print(tuple(logits.shape), tuple(labels.shape), tuple(loss.shape))
    # --8<-- [end:mended-target-size]


# Modules and parameters.


def fails_empty_parameters() -> None:
    """
    zh: 层放在普通列表里，参数没有注册。抛出 ValueError。
    en: Layers in a plain list, whose parameters are not registered. Raises ValueError.
    """

    # --8<-- [start:fails-empty-parameters]
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 4), nn.Linear(4, 1)]

    torch.optim.SGD(Net().parameters(), lr=0.1)
    # --8<-- [end:fails-empty-parameters]


def mended_empty_parameters() -> None:
    """
    zh: 层放在 ModuleList 里。
    en: Layers in a ModuleList.
    """

    # --8<-- [start:mended-empty-parameters]
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 4), nn.Linear(4, 1)])

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    print(len(optimizer.param_groups[0]["params"]))
    for name, parameter in model.named_parameters():
        print(name, tuple(parameter.shape))
    # --8<-- [end:mended-empty-parameters]


def fails_before_init() -> None:
    """
    zh: 还没有调用 `super().__init__()` 就放进一层。抛出 AttributeError。
    en: Assigns a layer before `super().__init__()`. Raises AttributeError.
    """

    # --8<-- [start:fails-before-init]
    class Net(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(1, 1)

    Net()
    # --8<-- [end:fails-before-init]


def mended_before_init() -> None:
    """
    zh: 先调用 `super().__init__()`。
    en: Calls `super().__init__()` first.
    """

    # --8<-- [start:mended-before-init]
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 1)

    print(Net())
    # --8<-- [end:mended-before-init]


def fails_forward() -> None:
    """
    zh: 把 forward 拼错了。抛出 NotImplementedError。
    en: forward, misspelt. Raises NotImplementedError.
    """

    # --8<-- [start:fails-forward]
    class Twice(nn.Module):
        def foward(self, x):
            return 2 * x

    Twice()(torch.tensor(3.0))
    # --8<-- [end:fails-forward]


def mended_forward() -> None:
    """
    zh: 拼对的 forward。
    en: forward, spelt right.
    """

    # --8<-- [start:mended-forward]
    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    print(Twice()(torch.tensor(3.0)).item())
    # --8<-- [end:mended-forward]


def fails_assign_parameter() -> None:
    """
    zh: 用普通张量替换参数。抛出 TypeError。
    en: Replaces a parameter by a plain tensor. Raises TypeError.
    """
    # --8<-- [start:fails-assign-parameter]
    layer = nn.Linear(2, 1)
    layer.weight = torch.tensor([[2.0, 3.0]])
    # --8<-- [end:fails-assign-parameter]


def mended_assign_parameter() -> None:
    """
    zh: 在 no_grad 里把数值抄进去。
    en: Copies the values in under no_grad.
    """
    # --8<-- [start:mended-assign-parameter]
    layer = nn.Linear(2, 1)
    before = layer.weight
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 3.0]]))
    print(layer.weight.tolist(), layer.weight is before)
    # --8<-- [end:mended-assign-parameter]


def fails_batch_norm() -> None:
    """
    zh: 训练时最后一批只有一个样本。抛出 ValueError。
    en: A last batch of one sample while training. Raises ValueError.
    """
    # --8<-- [start:fails-batch-norm]
    import torch
    from torch import nn
    from torch.utils.data import DataLoader

    model = nn.BatchNorm1d(3)
    for batch in DataLoader(torch.ones(9, 3), batch_size=4):
        print(tuple(batch.shape))
        model(batch)
    # --8<-- [end:fails-batch-norm]


def mended_batch_norm() -> None:
    """
    zh: 丢掉不满的一批；预测时用 eval()。
    en: Drops the incomplete batch; eval() for prediction.
    """
    # --8<-- [start:mended-batch-norm]
    import torch
    from torch import nn
    from torch.utils.data import DataLoader

    model = nn.BatchNorm1d(3)
    # zh: 训练：丢掉最后不满的一批
    # en: training: drop the last, incomplete batch
    for batch in DataLoader(torch.ones(9, 3), batch_size=4, drop_last=True):
        print(tuple(batch.shape), tuple(model(batch).shape))

    # zh: 预测：eval() 用训练时记下的均值和方差，一个样本也行
    # en: prediction: eval() uses the statistics of training, so one sample will do
    model.eval()
    print(tuple(model(torch.ones(1, 3)).shape))
    # --8<-- [end:mended-batch-norm]


def fails_embedding() -> None:
    """
    zh: 编号超出嵌入表的大小。抛出 IndexError。
    en: A number beyond the size of the table. Raises IndexError.
    """
    # --8<-- [start:fails-embedding]
    vocabulary = {"<unk>": 0, "red": 1, "green": 2, "blue": 3}
    embed = nn.Embedding(3, 2)
    embed(torch.tensor([vocabulary["red"], vocabulary["blue"]]))
    # --8<-- [end:fails-embedding]


def mended_embedding() -> None:
    """
    zh: 嵌入表与词表一样大，词表以外的词用 `<unk>`。
    en: A table as large as the vocabulary; other words use `<unk>`.
    """
    # --8<-- [start:mended-embedding]
    vocabulary = {"<unk>": 0, "red": 1, "green": 2, "blue": 3}
    embed = nn.Embedding(len(vocabulary), 2)
    # zh: 词表以外的词都用 <unk>
    # en: words outside of the vocabulary all use <unk>
    tokens = torch.tensor([vocabulary.get(word, 0) for word in ("blue", "pink")])
    print(tokens.tolist(), tuple(embed(tokens).shape))
    # --8<-- [end:mended-embedding]


# Saving and devices.


def fails_cuda() -> None:
    """
    zh: 没有 CUDA 却搬到 CUDA。抛出 AssertionError。
    en: Moves a tensor to CUDA where there is none. Raises AssertionError.
    """
    # --8<-- [start:fails-cuda]
    torch.ones(2).to("cuda")
    # --8<-- [end:fails-cuda]


def mended_cuda() -> None:
    """
    zh: 有加速器就用，没有就用 CPU。
    en: The accelerator if there is one, else the CPU.
    """
    # --8<-- [start:mended-cuda]
    # zh: 有加速器就用，没有就用 CPU
    # en: the accelerator if there is one, else the CPU
    device = torch.accelerator.current_accelerator(check_available=True)
    device = device or torch.device("cpu")
    print(device, torch.ones(2).to(device).sum().item())
    # --8<-- [end:mended-cuda]


def mended_same_device() -> None:
    """
    zh: 模型、输入和临时张量都放在一个设备上。
    en: Model, input and temporary tensors on one device.
    """
    # --8<-- [start:mended-same-device]
    device = torch.accelerator.current_accelerator(check_available=True)
    device = device or torch.device("cpu")

    # zh: 模块原地搬；张量返回新的，要接住
    # en: a module moves in place; a tensor returns a new one, so keep it
    model = nn.Linear(3, 1).to(device)
    x = torch.ones(2, 3)
    x = x.to(device)

    # zh: 临时造的张量跟着输入走
    # en: tensors made on the way follow the input
    noise = torch.zeros(x.shape, device=x.device)
    prediction = model(x + noise)
    devices = {t.device.type for t in (model.weight, x, noise, prediction)}
    print(devices == {device.type})
    # --8<-- [end:mended-same-device]


def fails_weights_only() -> None:
    """
    zh: torch.load 默认不读整个模块。抛出 UnpicklingError。
    en: torch.load does not read whole modules by default. Raises UnpicklingError.
    """
    # --8<-- [start:fails-weights-only]
    torch.save(nn.Linear(2, 1), "model.pt")
    torch.load("model.pt")
    # --8<-- [end:fails-weights-only]


def mended_weights_only() -> None:
    """
    zh: 只存取 state_dict。
    en: Saves and loads the state_dict only.
    """
    # --8<-- [start:mended-weights-only]
    model = nn.Linear(2, 1)
    torch.save(model.state_dict(), "weights.pt")

    # zh: 结构来自代码，数值来自文件
    # en: the structure comes from the code, the values from the file
    restored = nn.Linear(2, 1)
    restored.load_state_dict(torch.load("weights.pt"))
    print(torch.equal(restored.weight, model.weight))
    # --8<-- [end:mended-weights-only]


def fails_missing_keys() -> None:
    """
    zh: 名字带着 DataParallel 的前缀 module.。抛出 RuntimeError。
    en: Names with the prefix module. of DataParallel. Raises RuntimeError.
    """
    # --8<-- [start:fails-missing-keys]
    trained = nn.DataParallel(nn.Linear(2, 1))
    torch.save(trained.state_dict(), "weights.pt")

    model = nn.Linear(2, 1)
    model.load_state_dict(torch.load("weights.pt"))
    # --8<-- [end:fails-missing-keys]


def mended_missing_keys() -> None:
    """
    zh: 去掉前缀再加载。
    en: Removes the prefix before loading.
    """
    # --8<-- [start:mended-missing-keys]
    trained = nn.DataParallel(nn.Linear(2, 1))
    torch.save(trained.state_dict(), "weights.pt")

    state = torch.load("weights.pt")
    print(list(state))
    state = {name.removeprefix("module."): value for name, value in state.items()}
    model = nn.Linear(2, 1)
    print(list(state), model.load_state_dict(state))
    # --8<-- [end:mended-missing-keys]


def fails_from_gpu() -> None:
    """
    zh: 在没有 GPU 的机器上加载 GPU 上存的文件。抛出 RuntimeError。
    en: Loads a file saved on a GPU where there is none. Raises RuntimeError.
    """
    # --8<-- [start:fails-from-gpu]
    # zh: 本机没有 GPU：让 torch.save 把存储位置记成 cuda:0
    # en: no GPU here: have torch.save note cuda:0 as the place of the values
    torch.serialization.register_package(0, lambda _: "cuda:0", lambda *_: None)
    torch.save({"weight": torch.ones(2)}, "from-gpu.pt")

    torch.load("from-gpu.pt")
    # --8<-- [end:fails-from-gpu]


def mended_from_gpu() -> None:
    """
    zh: 用 map_location 说明放到哪里。
    en: map_location says where to.
    """
    # --8<-- [start:mended-from-gpu]
    torch.save({"weight": torch.ones(2)}, "from-gpu.pt")

    state = torch.load("from-gpu.pt", map_location="cpu")
    print(state["weight"], state["weight"].device)
    # --8<-- [end:mended-from-gpu]


# No error, but wrong.


def symptom_zero_grad() -> None:
    """
    zh: 不报错却算错：梯度一步步累加。
    en: Wrong without an error: gradients add up from step to step.
    """
    # --8<-- [start:symptom-zero-grad]
    w = torch.tensor(3.0, requires_grad=True)
    for step in range(3):
        loss = w**2
        loss.backward()
        print(step, w.grad.item())
    # --8<-- [end:symptom-zero-grad]


def mended_zero_grad() -> None:
    """
    zh: 每一步先清零。
    en: Clears the gradients at each step.
    """
    # --8<-- [start:mended-zero-grad]
    w = torch.tensor(3.0, requires_grad=True)
    # zh: lr=0：w 不动，每一步的梯度应当相同
    # en: lr=0: w stays, so every step must have the same gradient
    optimizer = torch.optim.SGD([w], lr=0.0)
    for step in range(3):
        optimizer.zero_grad()
        loss = w**2
        loss.backward()
        optimizer.step()
        print(step, w.grad.item())
    # --8<-- [end:mended-zero-grad]


def symptom_eval() -> None:
    """
    zh: 不报错却算错：no_grad 和 eval() 混为一谈。
    en: Wrong without an error: no_grad taken for eval(), or the other way.
    """
    # --8<-- [start:symptom-eval]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 1))
    x = torch.ones(1, 4)

    # zh: no_grad 不关 Dropout：同一个输入，两次结果不同
    # en: no_grad leaves dropout on: the same input gives two results
    with torch.no_grad():
        first, second = model(x), model(x)
    print("no_grad", torch.equal(first, second), first.requires_grad)

    # zh: eval() 不关梯度：照样记录计算图
    # en: eval() leaves gradients on: the graph is still recorded
    model.eval()
    first, second = model(x), model(x)
    print("eval   ", torch.equal(first, second), first.requires_grad)
    # --8<-- [end:symptom-eval]


def mended_eval() -> None:
    """
    zh: 预测时两样都要。
    en: Both, for prediction.
    """
    # --8<-- [start:mended-eval]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 1))
    x = torch.ones(1, 4)

    model.eval()
    with torch.inference_mode():
        first, second = model(x), model(x)
    print("both   ", torch.equal(first, second), first.requires_grad)
    model.train()
    # --8<-- [end:mended-eval]


def symptom_non_leaf() -> None:
    """
    zh: 不报错却算错：w 不是叶子，没有梯度。
    en: Wrong without an error: w is not a leaf and gets no gradient.
    """
    # --8<-- [start:symptom-non-leaf]
    ones = torch.ones(2, requires_grad=True)
    w = 0.1 * ones
    loss = (w**2).sum()
    loss.backward()
    print(ones.is_leaf, ones.grad)
    print(w.is_leaf, w.grad)
    # --8<-- [end:symptom-non-leaf]


def mended_non_leaf() -> None:
    """
    zh: 先算数值再要求梯度；中间结果用 retain_grad。
    en: Values first, then the gradient; retain_grad for results on the way.
    """
    # --8<-- [start:mended-non-leaf]
    # zh: 先算好数值，最后再声明要梯度
    # en: compute the values first, ask for gradients last
    w = (0.1 * torch.ones(2)).requires_grad_()
    # zh: 中间结果的梯度默认不留，要留得说一声
    # en: the gradient of a result on the way is kept only when asked for
    squares = w**2
    squares.retain_grad()
    squares.sum().backward()
    print(w.is_leaf, w.grad)
    print(squares.is_leaf, squares.grad)
    # --8<-- [end:mended-non-leaf]


def symptom_flat_loss() -> None:
    """
    zh: 不报错却学不动：优化器拿着旧模型的参数。
    en: Learns nothing: the optimizer holds an old model's parameters.
    """
    # --8<-- [start:symptom-flat-loss]
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 2 * x + 3

    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    # zh: 重新建了模型（例如重跑了一个单元格），优化器手里还是旧的
    # en: a new model (a cell run again, say); the optimizer still holds the old one
    model = nn.Linear(1, 1)
    for step in range(101):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(step, f"{loss:.4f}")

    held = optimizer.param_groups[0]["params"]
    for name, parameter in model.named_parameters():
        print(name, parameter.grad is not None, any(parameter is p for p in held))
    # --8<-- [end:symptom-flat-loss]


def mended_flat_loss() -> None:
    """
    zh: 模型只建一次，优化器拿着它的参数。
    en: One model, whose parameters the optimizer holds.
    """
    # --8<-- [start:mended-flat-loss]
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 2 * x + 3

    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(101):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(step, f"{loss:.4f}")

    held = optimizer.param_groups[0]["params"]
    for name, parameter in model.named_parameters():
        print(name, parameter.grad is not None, any(parameter is p for p in held))
    # --8<-- [end:mended-flat-loss]


# --8<-- [start:largest-rate]
def largest_rate(x: torch.Tensor) -> float:
    """
    zh: 用均方误差拟合 y = wx + b 时，梯度下降还能收敛的最大学习率 2 / λ。
    zh: λ 是损失的 Hessian 矩阵最大的特征值；x 的形状为 (n, 1)。
    en: The largest learning rate with which gradient descent on the mean squared
    en: error of y = wx + b converges: 2 / λ, λ the Hessian's top eigenvalue; x is (n, 1).
    """
    inputs = torch.cat([x, torch.ones_like(x)], dim=1).double()
    hessian = 2 * inputs.T @ inputs / len(x)
    return 2 / torch.linalg.eigvalsh(hessian).max().item()


# --8<-- [end:largest-rate]


def symptom_nan() -> None:
    """
    zh: 不报错却发散：输入太大，损失变成 nan。
    en: Diverges without an error: with large inputs the loss becomes nan.
    """
    # --8<-- [start:symptom-nan]
    torch.manual_seed(0)
    x = torch.linspace(0, 100, 50).unsqueeze(1)
    y = 2 * x + 3
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(16):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 5 == 0:
            print(step, f"{loss:.1e}")
    # --8<-- [end:symptom-nan]


def mended_nan() -> None:
    """
    zh: 输入标准化，均值 0，标准差 1。
    en: Standardizes the inputs to mean 0 and standard deviation 1.
    """
    # --8<-- [start:mended-nan]
    torch.manual_seed(0)
    x = torch.linspace(0, 100, 50).unsqueeze(1)
    y = 2 * x + 3
    # zh: 输入标准化后，同样的学习率就收敛
    # en: with standardized inputs the same learning rate converges
    x = (x - x.mean()) / x.std()
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(51):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            print(step, f"{loss:.1e}")
    # --8<-- [end:mended-nan]


def fails_nan_backward() -> None:
    """
    zh: 值没有 nan，梯度有：sqrt 在 0 处的导数是 inf。抛出 RuntimeError。
    en: A nan in the gradient only: sqrt has slope inf at 0. Raises RuntimeError.
    """
    # --8<-- [start:fails-nan-backward]
    w = torch.tensor([0.0, 4.0], requires_grad=True)
    loss = torch.where(w > 0, w.sqrt(), 0.0).sum()
    loss.backward()
    print(loss.item(), w.grad)

    with torch.autograd.detect_anomaly():
        loss = torch.where(w > 0, w.sqrt(), 0.0).sum()
        loss.backward()
    # --8<-- [end:fails-nan-backward]


def mended_nan_backward() -> None:
    """
    zh: 在 sqrt 之前换掉 0。
    en: Replaces 0 before sqrt sees it.
    """
    # --8<-- [start:mended-nan-backward]
    w = torch.tensor([0.0, 4.0], requires_grad=True)
    # zh: 在 sqrt 之前就换掉 0，它的导数无穷大
    # en: replace 0 before sqrt sees it: its derivative is infinite there
    safe = torch.where(w > 0, w, 1.0)
    loss = torch.where(w > 0, safe.sqrt(), 0.0).sum()
    loss.backward()
    print(loss.item(), w.grad)
    # --8<-- [end:mended-nan-backward]


def symptom_other_numbers() -> None:
    """
    zh: 不报错却每次不同：没有种子，加法次序不同。
    en: Differs from run to run: no seed, another order of additions.
    """
    # --8<-- [start:symptom-other-numbers]
    # zh: 不重设种子，随机数就接着往下取：两层的初始权重不同
    # en: unless reseeded, the generator moves on: two layers start differently
    first, second = nn.Linear(2, 1), nn.Linear(2, 1)
    print(torch.equal(first.weight, second.weight))

    # zh: 浮点加法不满足结合律，换个次序就换个结果
    # en: floating-point addition is not associative: another order, another sum
    a, b, c = torch.tensor([1e8, -1e8, 1.0])
    print(((a + b) + c).item(), (a + (b + c)).item())
    # --8<-- [end:symptom-other-numbers]


def mended_other_numbers() -> None:
    """
    zh: 设种子，用确定性算法，带容差比较。
    en: A seed, deterministic algorithms, and comparison with a tolerance.
    """
    # --8<-- [start:mended-other-numbers]
    torch.manual_seed(0)
    first = nn.Linear(2, 1)
    torch.manual_seed(0)
    second = nn.Linear(2, 1)
    print(torch.equal(first.weight, second.weight))

    # zh: 没有确定性实现的运算会报错，而不是悄悄变
    # en: what has no deterministic form now raises instead of varying
    torch.use_deterministic_algorithms(True)

    # zh: 跨机器比较用容差，不用 ==
    # en: compare across machines with a tolerance, not with ==
    a, b = torch.tensor(0.1) + torch.tensor(0.6), torch.tensor(0.7)
    print((a == b).item(), torch.allclose(a, b))
    # --8<-- [end:mended-other-numbers]


def symptom_broadcast() -> None:
    """
    zh: 不报错却学错：(100, 1) 与 (100,) 广播成 (100, 100)。
    en: Learns wrongly: (100, 1) and (100,) broadcast to (100, 100).
    """
    # --8<-- [start:symptom-broadcast]
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 2 * x.squeeze(1) + 3
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    w, b = model.weight.item(), model.bias.item()
    print(f"w = {w:.4f}, b = {b:.4f}, loss = {loss:.4f}")
    # --8<-- [end:symptom-broadcast]


def fails_broadcast() -> None:
    """
    zh: 把广播的警告升级成错误。抛出 UserWarning。
    en: Turns the warning about broadcasting into an error. Raises UserWarning.
    """
    # --8<-- [start:fails-broadcast]
    import warnings

    import torch
    from torch import nn

    # zh: 把这条警告升级成错误
    # en: turn this warning into an error
    warnings.filterwarnings("error", message="Using a target size")
    prediction = torch.zeros(100, 1)
    y = torch.zeros(100)
    nn.functional.mse_loss(prediction, y)
    # --8<-- [end:fails-broadcast]


def mended_broadcast() -> None:
    """
    zh: 目标与预测同为 (100, 1)。
    en: Target and prediction are both (100, 1).
    """
    # --8<-- [start:mended-broadcast]
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 2 * x + 3
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    w, b = model.weight.item(), model.bias.item()
    print(f"w = {w:.4f}, b = {b:.4f}, loss = {loss:.4f}")
    # --8<-- [end:mended-broadcast]
