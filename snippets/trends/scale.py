# --8<-- [start:imports]
from collections.abc import Callable

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

# --8<-- [end:imports]


# --8<-- [start:model]
class Block(nn.Module):
    """
    zh: 残差块：LayerNorm → d×4d 线性层 → ReLU → 4d×d 线性层；输入与输出同为 (批量, d)。
    en: Residual block: LayerNorm, d×4d linear, ReLU, 4d×d linear; (batch, d) in and out.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(F.relu(self.up(self.norm(x))))


def tower(width: int, depth: int, classes: int) -> nn.Sequential:
    """
    zh: depth 个残差块，再加一个输出 classes 个分数的线性层。
    en: A stack of depth residual blocks and a linear layer with one score per class.
    """
    blocks = [Block(width) for _ in range(depth)]
    return nn.Sequential(*blocks, nn.Linear(width, classes))


torch.manual_seed(0)
digits = load_digits()
order = torch.randperm(len(digits.target))
images = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
labels = torch.tensor(digits.target)[order]

width, depth, classes, batch = 64, 4, 10, 256
model = tower(width, depth, classes)
# zh: 切片是视图，会让整个数据集的存储留在内存里；clone() 只留这一批
# en: a slice is a view and keeps the whole data set's storage; clone() keeps this batch
x, y = images[:batch].clone(), labels[:batch].clone()
# --8<-- [end:model]

# --8<-- [start:parameters]
P = depth * (8 * width**2 + 7 * width) + (width * classes + classes)
counted = sum(p.numel() for p in model.parameters())
print(f"parameters     formula {P}   counted {counted}")

F.cross_entropy(model(x), y).backward()
weight_bytes = sum(p.nbytes for p in model.parameters())
gradient_bytes = sum(p.grad.nbytes for p in model.parameters())
print(f"weights        formula {4 * P}   counted {weight_bytes}   bytes")
print(f"gradients      formula {4 * P}   counted {gradient_bytes}   bytes")
# --8<-- [end:parameters]


# --8<-- [start:optimizer-state]
def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """
    zh: 优化器状态占的字节数；状态在第一次 step() 时才分配。
    en: Bytes of an optimizer's state, which the first step() allocates.
    """
    return sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )


state_table = {}
for name, make in {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.0),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.0, momentum=0.9),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.0, weight_decay=0.0),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=0.0, weight_decay=0.0),
}.items():
    optimizer = make(model.parameters())
    optimizer.step()
    state_table[name] = state_bytes(optimizer)
    print(f"{name:<10} {state_table[name]:>8} bytes = {state_table[name] / P:.3f} P")

T = len(list(model.parameters()))
print(f"AdamW      {8 * P + 4 * T:>8} bytes = 8 P + 4 T   (T = {T})")
# --8<-- [end:optimizer-state]


# --8<-- [start:meta]
def language_model(width: int, depth: int, heads: int, words: int, context: int):
    """
    zh: GPT 形状的模型，放在 meta 设备上：有形状，没有数据，不占内存。
    en: A model shaped like GPT on the meta device: shapes, no data, no memory.
    """
    with torch.device("meta"):
        return nn.ModuleDict(
            {
                "word": nn.Embedding(words, width),
                "place": nn.Embedding(context, width),
                "layers": nn.ModuleList(
                    nn.TransformerEncoderLayer(width, heads, 4 * width)
                    for _ in range(depth)
                ),
                "norm": nn.LayerNorm(width),
            }
        )


large = {}
for name, d, L, heads, context in (
    ("GPT-2", 1600, 48, 25, 1024),
    ("GPT-3", 12288, 96, 96, 2048),
):
    shape = language_model(d, L, heads, 50257, context)
    large[name] = sum(p.numel() for p in shape.parameters())
    assert large[name] == L * (12 * d**2 + 13 * d) + (50257 + context) * d + 2 * d
    print(f"{name}   P = {large[name]:>12}   16 P = {16 * large[name] / 1e9:7.1f} GB")
# --8<-- [end:meta]


# --8<-- [start:saved-bytes]
def saved_bytes(forward: Callable, model: nn.Module) -> tuple[torch.Tensor, int]:
    """
    zh: 运行 forward()；返回它的结果，
    zh: 以及计算图为反向传播保存的字节数，参数不计。
    en: Run forward(); return its result and the bytes that the graph keeps for backward,
    en: parameters not counted.

    Args:
        zh: forward: 不带参数的函数，返回一个张量。
        zh: model: 它的参数已另外计过，这里排除。
        en: forward: a function without arguments that returns a tensor.
        en: model: its parameters are counted elsewhere, and left out here.
    """
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        # zh: 视图与它的来源共用一块存储，所以按存储的地址计，每块只计一次
        # en: views share the storage of their source, so count each storage once
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
    return result, sum(kept.values())


# --8<-- [end:saved-bytes]

# --8<-- [start:activations]
per_block = 6 * width + 2
activation_formula = 4 * batch * (depth * per_block + width + classes) + 8 * batch + 4
_, activation_count = saved_bytes(lambda: F.cross_entropy(model(x), y), model)
print(
    f"activations    formula {activation_formula}   counted {activation_count}   bytes"
)

with torch.no_grad():
    _, inference_count = saved_bytes(lambda: F.cross_entropy(model(x), y), model)
print(f"no_grad        counted {inference_count}   bytes")
# --8<-- [end:activations]


# --8<-- [start:accumulate]
def flat_gradient(model: nn.Module) -> torch.Tensor:
    """
    zh: 所有参数的梯度接成一个向量，形状 (P,)。
    en: The gradients of all parameters as one vector of shape (P,).
    """
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def relative_error(value: torch.Tensor, reference: torch.Tensor) -> float:
    """
    zh: 两个形状 (P,) 的向量之差的长度，除以参考向量的长度。
    en: The length of the difference of two (P,), over the length of the reference.
    """
    return ((value - reference).norm() / reference.norm()).item()


model.zero_grad()
F.cross_entropy(model(x), y).backward()
whole_gradient = flat_gradient(model)

steps = 4
accumulated_bytes = 0
model.zero_grad()
for micro_x, micro_y in zip(x.chunk(steps), y.chunk(steps), strict=True):
    part = micro_x.clone(), micro_y.clone()
    loss, kept_bytes = saved_bytes(
        lambda part=part: F.cross_entropy(model(part[0]), part[1]), model
    )
    accumulated_bytes = max(accumulated_bytes, kept_bytes)
    # zh: 每份的损失已是平均值；四份的平均才是整批的平均
    # en: each loss is a mean already; the mean of the whole batch is their average
    (loss / steps).backward()
accumulated_error = relative_error(flat_gradient(model), whole_gradient)
print(f"gradient       relative error {accumulated_error:.1e}")
print(f"activations    {activation_count} -> {accumulated_bytes} bytes")
# --8<-- [end:accumulate]


# --8<-- [start:checkpoint]
def run_checkpointed(model: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """
    zh: 与 model(x) 同值；每个残差块只保存输入，反向传播时重算其余。
    zh: 来源：Chen 等 2016。
    en: The value of model(x), where each block keeps its input only and computes the rest
    en: again during backward. Source: Chen et al. 2016.
    """
    for block in model[:-1]:
        x = checkpoint(block, x, use_reentrant=False)
    return model[-1](x)


checkpoint_formula = 4 * batch * (depth * width + width + classes) + 8 * batch + 4
model.zero_grad()
loss, checkpoint_count = saved_bytes(
    lambda: F.cross_entropy(run_checkpointed(model, x), y), model
)
loss.backward()
same_gradient = torch.equal(flat_gradient(model), whole_gradient)
print(
    f"activations    formula {checkpoint_formula}   counted {checkpoint_count}   bytes"
)
print(f"gradient       equal {same_gradient}")
# --8<-- [end:checkpoint]

# --8<-- [start:recompute]
W = sum(p.numel() for p in model.parameters() if p.ndim == 2)
calls = []
counters = [
    block.register_forward_pre_hook(lambda block, _: calls.append(block))
    for block in model[:-1]
]

flops, block_calls = {}, {}
for name, run in {
    "plain": model,
    "checkpointed": lambda x: run_checkpointed(model, x),
}.items():
    calls.clear()
    with FlopCounterMode(display=False) as forward_and_backward:
        F.cross_entropy(run(x), y).backward()
    flops[name] = forward_and_backward.get_total_flops()
    block_calls[name] = len(calls)
    print(f"{name:<13} calls {len(calls)}   FLOPs {flops[name] / (W * batch):.3f} W B")
for counter in counters:
    counter.remove()
# --8<-- [end:recompute]

# --8<-- [start:formats]
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    info = torch.finfo(dtype)
    print(
        f"{str(dtype)[6:]:<9} {info.bits} bits   eps {info.eps:.1e}"
        f"   smallest normal {info.smallest_normal:.1e}   max {info.max:.1e}"
    )
# --8<-- [end:formats]

# --8<-- [start:underflow]
small = torch.tensor(1e-8)
print(f"bfloat16 {small.bfloat16().item():.3e}   float16 {small.half().item():.3e}")

# zh: 损失缩放：先乘 2¹⁶ 再存成 float16，用之前在 float32 里除回来
# en: loss scaling: multiply by 2¹⁶ before storing, divide in float32 before using
restored = (small * 2**16).half().float() / 2**16
print(f"float16, scaled {restored.item():.3e}")

nonzero = whole_gradient != 0
lost_half = (nonzero & (whole_gradient.half() == 0)).sum().item()
lost_bfloat = (nonzero & (whole_gradient.bfloat16() == 0)).sum().item()
print(f"gradient -> 0: float16 {lost_half}   bfloat16 {lost_bfloat}   of {P}")
# --8<-- [end:underflow]

# --8<-- [start:autocast]
block = model[0]
with torch.autocast("cpu", dtype=torch.bfloat16):
    normed = block.norm(x)
    hidden = F.relu(block.up(normed))
    change = block.down(hidden)
    autocast_dtypes = {
        "LayerNorm": normed.dtype,
        "Linear": block.up(normed).dtype,
        "ReLU": hidden.dtype,
        "x + Linear": (x + change).dtype,
        "cross_entropy": F.cross_entropy(model(x), y).dtype,
    }
for name, dtype in autocast_dtypes.items():
    print(f"{name:<13} {str(dtype)[6:]}")
# --8<-- [end:autocast]


# --8<-- [start:autocast-step]
def autocast_loss() -> torch.Tensor:
    """
    zh: 在 bfloat16 自动混合精度下的损失，标量。
    en: The loss under autocast to bfloat16, a scalar.
    """
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return F.cross_entropy(model(x), y)


model.zero_grad()
loss, autocast_count = saved_bytes(autocast_loss, model)
# zh: backward() 在 autocast 之外调用：每个算子沿用前向时的 dtype
# en: backward() is called outside of autocast: each op keeps its forward dtype
loss.backward()

# zh: 每个样本：x 为 float32；LayerNorm 输出的副本与 ReLU 的输出为 bfloat16；两个统计量
# en: per sample: x in float32; bfloat16 copy of LayerNorm's output, ReLU's; statistics
per_block_narrow = (4 + 2 + 2 * 4) * width + 8
per_sample = depth * per_block_narrow + 2 * width + 4 * classes + 8
autocast_formula = batch * per_sample + 4 + 2 * W
autocast_error = relative_error(flat_gradient(model), whole_gradient)
print(f"saved   formula {autocast_formula}   counted {autocast_count}   bytes")
print(f"gradient {flat_gradient(model).dtype}   relative error {autocast_error:.4f}")
# --8<-- [end:autocast-step]


# --8<-- [start:train]
torch.manual_seed(0)
train_x, train_y, test_x, test_y = (
    images[:1437],
    labels[:1437],
    images[1437:],
    labels[1437:],
)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for _ in range(60):
    chosen = torch.randint(len(train_x), (128,))
    optimizer.zero_grad()
    F.cross_entropy(model(train_x[chosen]), train_y[chosen]).backward()
    optimizer.step()


def accuracy(model: nn.Module) -> float:
    """
    zh: 测试集上答对的比例。
    en: The share of right answers on the test set.
    """
    with torch.inference_mode():
        return (model(test_x).argmax(1) == test_y).float().mean().item()


full_accuracy = accuracy(model)
print(f"float32   accuracy {full_accuracy:.4f}")
# --8<-- [end:train]


# --8<-- [start:quantize]
def quantize(x: torch.Tensor, bits: int = 8) -> tuple[torch.Tensor, float, int]:
    """
    zh: 仿射量化 q = clamp(round(x / s) + z)；返回 int8 张量、步长 s、零点 z。
    zh: bits 最多为 8。来源：Jacob 等 2018。
    en: Affine quantization, q = clamp(round(x / s) + z); returns an int8 tensor, the
    en: step s and the zero point z. At most 8 bits. Source: Jacob et al. 2018.
    """
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    # zh: 范围包含 0，于是 0 恰好能表示
    # en: the range includes 0, so that 0 is represented exactly
    low, high = min(x.min().item(), 0.0), max(x.max().item(), 0.0)
    s = (high - low) / (highest - lowest)
    z = round(lowest - low / s)
    q = torch.clamp(torch.round(x / s) + z, lowest, highest)
    return q.to(torch.int8), s, z


def dequantize(q: torch.Tensor, s: float, z: int) -> torch.Tensor:
    """
    zh: 由整数还原近似值 s (q − z)。
    en: The approximate value, s (q − z).
    """
    return s * (q.float() - z)


weight = model[0].up.weight.detach()
q, s, z = quantize(weight)
rounding = dequantize(q, s, z) - weight
print(f"s = {s:.5f}   z = {z}   {weight.nbytes} -> {q.nbytes} bytes")
print(f"largest error {rounding.abs().max() / s:.3f} s", end="   ")
print(f"mean square error {rounding.square().mean() / (s**2 / 12):.3f} x s^2/12")
# --8<-- [end:quantize]


# --8<-- [start:int8-linear]
def int8_linear(x: torch.Tensor, layer: nn.Linear) -> torch.Tensor:
    """
    zh: 动态量化的线性层：权重与这一批输入都变成 int8，
    zh: 乘积在 int32 里累加，最后乘回两个步长。
    en: A dynamically quantized linear layer: the weight and this batch of inputs become
    en: int8, products add up in int32, and the two steps scale the result.
    """
    q_x, s_x, z_x = quantize(x)
    q_w, s_w, z_w = quantize(layer.weight.detach())
    whole = (q_x.int() - z_x) @ (q_w.int() - z_w).T
    return s_x * s_w * whole + layer.bias


with torch.inference_mode():
    normed = model[0].norm(test_x)
    exact = model[0].up(normed)
    int8_error = relative_error(int8_linear(normed, model[0].up), exact)
print(f"int8 x int8   relative error {int8_error:.4f}")
# --8<-- [end:int8-linear]


# --8<-- [start:bits]
def with_bits(model: nn.Sequential, bits: int) -> nn.Sequential:
    """
    zh: 一个副本，权重矩阵先量化再还原；偏置与 LayerNorm 不动。
    en: A copy whose weight matrices are quantized and restored; biases and norms stay.
    """
    copy = tower(width, depth, classes)
    copy.load_state_dict(
        {
            name: dequantize(*quantize(value, bits)) if value.ndim == 2 else value
            for name, value in model.state_dict().items()
        }
    )
    return copy


bit_table = {}
for bits in range(8, 1, -1):
    copy = with_bits(model, bits)
    error = relative_error(copy[0].up.weight.detach(), weight)
    size = sum(
        p.numel() * (bits if p.ndim == 2 else 32) / 8 for p in model.parameters()
    )
    bit_table[bits] = (error, accuracy(copy), size / (4 * P))
    print(
        f"{bits} bits   size {size / (4 * P):.3f}"
        f"   weight error {error:.4f}   accuracy {bit_table[bits][1]:.4f}"
    )
# --8<-- [end:bits]

# --8<-- [start:outlier]
spoiled = weight.clone()
spoiled[0, 0] = 50.0
outlier_errors = []
for matrix in (weight, spoiled):
    rest = (dequantize(*quantize(matrix)) - matrix)[1:]
    outlier_errors.append((rest.norm() / weight[1:].norm()).item())
print(f"other rows   error {outlier_errors[0]:.4f} -> {outlier_errors[1]:.4f}")
# --8<-- [end:outlier]


# --8<-- [start:sweep]
def truth(x: torch.Tensor) -> torch.Tensor:
    """
    zh: sin(3x₁) cos(2x₂)；x 是 (…, 2)，结果是 (…)。
    en: sin(3x₁) cos(2x₂); x is (…, 2), the result (…).
    """
    return torch.sin(3 * x[..., 0]) * torch.cos(2 * x[..., 1])


def held_out_loss(width: int, noise: float = 0.2, seeds: int = 5) -> tuple[int, float]:
    """
    zh: 训练 seeds 个两层网络（用批量矩阵乘法同时训练），
    zh: 每步都用新数据；
    zh: 返回单个网络的参数量和平均测试损失：与真值的均方差，加上噪声方差。
    en: Train several two-layer networks (side by side, by batched matrix products) on
    en: fresh data at every step; returns the parameters of one network and the mean test
    en: loss: the squared distance to the truth plus the variance of the noise.
    """
    random = torch.Generator().manual_seed(1)
    parameters = [
        torch.randn(seeds, 2, width, generator=random),
        torch.randn(seeds, 1, width, generator=random),
        torch.randn(seeds, width, 1, generator=random) / width**0.5,
        torch.zeros(seeds, 1, 1),
    ]
    w1, b1, w2, b2 = (p.requires_grad_() for p in parameters)
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)

    def network(x: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(b2, torch.tanh(torch.baddbmm(b1, x, w1)), w2)[..., 0]

    for _ in range(500):
        x = 2 * torch.rand(seeds, 64, 2, generator=random) - 1
        y = truth(x) + noise * torch.randn(seeds, 64, generator=random)
        optimizer.zero_grad()
        (network(x) - y).square().mean(1).sum().backward()
        optimizer.step()
        slower.step()

    x = 2 * torch.rand(1, 2000, 2, generator=random).expand(seeds, -1, -1) - 1
    with torch.inference_mode():
        error = (network(x) - truth(x)).square().mean().item()
    return 4 * width + 1, error + noise**2


sweep = [held_out_loss(w) for w in (1, 2, 4, 8, 16)]
for parameters, loss in sweep:
    print(f"N = {parameters:>3}   loss {loss:.4f}")
# --8<-- [end:sweep]


# --8<-- [start:fit]
def power_law(points: list[tuple[int, float]], floor: float = 0.0) -> tuple:
    """
    zh: 用最小二乘拟合 log(L − E) = log a − α log N；
    zh: 返回 a、α 与对数残差的均方根。
    en: Fit log(L − E) = log a − α log N by least squares; returns a, α and the root mean
    en: square of the residuals of the logarithm.
    """
    N, L = torch.tensor(points, dtype=torch.float64).T
    design = torch.stack([torch.ones_like(N), -N.log()], 1)
    wanted = (L - floor).log()[:, None]
    solution = torch.linalg.lstsq(design, wanted).solution
    residual = (design @ solution - wanted).square().mean().sqrt().item()
    return solution[0].exp().item(), solution[1].item(), residual


fits = {}
for floor in (0.0, 0.01, 0.02, 0.03, 0.04):
    a, alpha, residual = power_law(sweep, floor)
    fits[floor] = (a, alpha, residual)
    print(
        f"E = {floor:.2f}  alpha = {alpha:.2f}  residual {residual:.2f}"
        f"  L(513) = {floor + a * 513**-alpha:.4f}"
        f"  L(10^6) = {floor + a * 1e6**-alpha:.4f}"
    )
# --8<-- [end:fit]

# --8<-- [start:larger]
larger = [held_out_loss(w) for w in (32, 64, 128)]
for parameters, loss in larger:
    pure = fits[0.0][0] * parameters ** -fits[0.0][1]
    print(f"N = {parameters:>3}   loss {loss:.4f}   E = 0 predicts {pure:.4f}")
# --8<-- [end:larger]

# --8<-- [start:stuck]
for dtype in (torch.bfloat16, torch.float32):
    pure_weight = torch.ones((), dtype=dtype)
    for _ in range(1000):
        pure_weight += 0.001
    print(f"{str(dtype)[6:]:<9} {pure_weight.item():.4f}")
# --8<-- [end:stuck]


def loses_gradient() -> list[str]:
    """
    zh: 旧式（reentrant）检查点下没有梯度的参数：
    zh: 返回并打印它们的名字。
    en: The names, also printed, of parameters left without a gradient by
    en: the reentrant checkpoint.
    """
    # --8<-- [start:reentrant]
    model.zero_grad()
    h = x
    for layer in model:
        h = checkpoint(layer, h, use_reentrant=layer is model[0])
    F.cross_entropy(h, y).backward()
    print([name for name, p in model.named_parameters() if p.grad is None])
    # --8<-- [end:reentrant]
    return [name for name, p in model.named_parameters() if p.grad is None]


# --8<-- [start:wrap]
hundreds = torch.full((2,), 100, dtype=torch.int8)
wrapped = (hundreds @ hundreds).item()
widened = (hundreds.int() @ hundreds.int()).item()
print(f"int8 {wrapped}   int32 {widened}")
# --8<-- [end:wrap]
