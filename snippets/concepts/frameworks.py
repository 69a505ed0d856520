# --8<-- [start:imports]
import contextlib
import importlib.metadata
import io
import random
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

torch.manual_seed(0)
# --8<-- [end:imports]

# --8<-- [start:tensors]
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
print((a @ a).tolist())
print(a.shape, a.dtype)
# zh: 张量可以就地修改
# en: a tensor can be changed in place
v = a.clone()
v[0, 0] = 9.0
print(v.tolist())
# --8<-- [end:tensors]

# --8<-- [start:gradient]
x = torch.tensor(3.0, requires_grad=True)
# zh: x 参与的运算都会记下来
# en: every operation that x takes part in is recorded
y = x**2
y.backward()
slope = x.grad.item()
print(slope)
# --8<-- [end:gradient]

# --8<-- [start:data]
rng = random.Random(0)
n = 100
points = [-1 + 2 * i / (n - 1) for i in range(n)]
values = [2 * point + 3 + rng.gauss(0, 0.1) for point in points]
# --8<-- [end:data]

# --8<-- [start:fit]
inputs = torch.tensor([[point] for point in points])
targets = torch.tensor([[value] for value in values])


class Line(nn.Module):
    """
    zh: 直线 w·x + b，从 0 开始：(n, 1) 变成 (n, 1)。
    en: The line w·x + b, starting at 0: (n, 1) becomes (n, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


def train(model: nn.Module, forward: Callable) -> list[float]:
    """
    zh: 用 SGD 训练 model 200 步，返回每步更新之前的均方误差；
    zh: 预测由 forward 来算：model 自己，或它编译成图之后的版本。
    en: Train model by 200 steps of SGD; the mean squared error before each update.
    en: forward computes the predictions: model itself, or model as a graph.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = ((forward(inputs) - targets) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


model = Line()
losses = train(model, model)
w, b = model.linear.weight.item(), model.linear.bias.item()
print(f"w = {w:.4f}   b = {b:.4f}   loss = {losses[-1]:.6f}")
# --8<-- [end:fit]

# --8<-- [start:fit-graph]
compiled_model = Line()
graph_losses = train(compiled_model, torch.compile(compiled_model, backend="eager"))
compiled_w = compiled_model.linear.weight.item()
compiled_b = compiled_model.linear.bias.item()
print(f"w = {compiled_w:.4f}   b = {compiled_b:.4f}   loss = {graph_losses[-1]:.6f}")
# --8<-- [end:fit-graph]


# --8<-- [start:branch]
def absolute(x: Tensor) -> Tensor:
    """
    zh: x 的元素之和为正时原样返回，否则返回 −x；形状不变，由 Python 分支。
    en: x if its sum is positive, else −x, of x's shape; Python branches.
    """
    if x.sum() > 0:
        return x
    return -x


for sign in (1.0, -1.0):
    print(absolute(sign * torch.ones(2)).tolist())
# --8<-- [end:branch]

# --8<-- [start:branch-graph]
graphs = []


def keep(graph: torch.fx.GraphModule, example_inputs: list) -> Callable:
    """
    zh: torch.compile 的后端就是一个函数；这一个只把图留下。
    en: A backend of torch.compile is a function; this one just keeps the graph.
    """
    graphs.append(graph)
    return graph.forward


in_graph = torch.compile(absolute, backend=keep)
for sign in (1.0, -1.0):
    print(in_graph(sign * torch.ones(2)).tolist())
branch_ops = [
    [node.name for node in graph.graph.nodes if node.op.startswith("call")]
    for graph in graphs
]
print(branch_ops)
# --8<-- [end:branch-graph]


# --8<-- [start:export-branch]
class Absolute(nn.Module):
    """
    zh: absolute 做成模块；形状不变。
    en: absolute as a module; the shape stays.
    """

    def forward(self, x: Tensor) -> Tensor:
        return absolute(x)


# zh: 导出器还会把追踪到一半的图写到标准错误；这里只看错误本身
# en: the exporter also writes its half-traced graph to stderr; keep to the error
with contextlib.redirect_stderr(io.StringIO()):
    try:
        torch.export.export(Absolute(), (torch.ones(2),), strict=True)
        export_error = ""
    except RuntimeError as error:
        export_error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        hint = [each for each in str(error).splitlines() if "torch.cond" in each]
print(export_error)
print(*hint)
# --8<-- [end:export-branch]


# --8<-- [start:cond]
class Branches(nn.Module):
    """
    zh: 同样的分支用 torch.cond 写，两支都进计算图；形状不变。
    en: The same branches with torch.cond, both of them in the graph; the shape stays.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x.clone(), lambda x: -x, (x,))


exported = torch.export.export(Branches(), (torch.ones(2),))
for sign in (1.0, -1.0):
    print(exported.module()(sign * torch.ones(2)).tolist())
calls = [node.name for node in exported.graph.nodes if node.op == "call_function"]
print(calls)
# --8<-- [end:cond]

# --8<-- [start:capture]
any_size = ({0: torch.export.Dim.DYNAMIC},)
program = torch.export.export(model, (inputs,), dynamic_shapes=any_size)
print(program.graph_module.code.strip())
# --8<-- [end:capture]

# --8<-- [start:save]
torch.save(model.state_dict(), "weights.pt")
restored = Line()
restored.load_state_dict(torch.load("weights.pt", weights_only=True))
torch.export.save(program, "line.pt2")
loaded = torch.export.load("line.pt2").module()
print(torch.equal(restored(inputs), model(inputs)))
print(torch.equal(loaded(inputs), model(inputs)))
# --8<-- [end:save]

# --8<-- [start:tracing]
graphs.clear()


def scale(x: Tensor, k: int) -> Tensor:
    """
    zh: x 乘整数 k；形状不变。
    en: x times the integer k; the shape stays.
    """
    return x * k


watched = torch.compile(scale, backend=keep)
counts = []
for size, k in ((2, 2), (2, 2), (3, 2), (4, 2), (4, 3), (4, 4)):
    watched(torch.ones(size), k)
    counts.append(len(graphs))
    print(f"x ({size},), k {k}   graphs so far: {counts[-1]}")
# --8<-- [end:tracing]


# --8<-- [start:printing]
def noisy(x: Tensor) -> Tensor:
    """
    zh: 2x + 1，中间打印一行；形状不变。
    en: 2x + 1, with a line printed on the way; the shape stays.
    """
    y = x * 2
    print("Python runs")
    return y + 1


graphs.clear()
talking = torch.compile(noisy, backend=keep)
for _ in range(3):
    talking(torch.ones(2))
print("graphs:", len(graphs))
# --8<-- [end:printing]


def fails_fullgraph() -> None:
    """
    zh: 分支取决于数据，编译不成一张图。抛出 Unsupported。
    en: A branch on data, which does not compile into one graph. Raises Unsupported.
    """
    # --8<-- [start:fails-fullgraph]
    torch.compile(absolute, backend="eager", fullgraph=True)(torch.ones(2))
    # --8<-- [end:fails-fullgraph]


# --8<-- [start:torchscript]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    torch.jit.script(nn.Linear(1, 1))
print(caught[-1].category.__name__)
print(caught[-1].message)
# --8<-- [end:torchscript]


# --8<-- [start:costs]
def installed_bytes(name: str, seen: set[str]) -> int:
    """
    zh: 一个发行包和它必需的依赖占多少字节；各只算一次。
    en: Bytes of a distribution and of all that it requires, each counted once.
    """
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return 0
    seen.add(name)
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return 0
    paths = [file.locate() for file in found.files or []]
    total = sum(path.stat().st_size for path in paths if path.is_file())
    for line in found.requires or []:
        if "extra ==" not in line:
            total += installed_bytes(re.match(r"[\w.-]+", line)[0], seen)
    return total


def import_seconds(module: str) -> float:
    """
    zh: 在新进程里导入一个模块所用的秒数；刚导入过，文件都在内存里。
    en: Seconds to import a module in a new process; its files are in memory by now.
    """
    code = f"import time; t = time.time(); import {module}; print(time.time() - t)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return float(run.stdout.splitlines()[-1])


def microseconds(step: Callable, repeats: int = 200) -> float:
    """
    zh: 一步所用的微秒数：五轮中最快一轮的平均。
    en: Microseconds of one step: the mean of the fastest of five rounds.
    """
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(repeats):
            step()
        rounds.append(time.perf_counter() - start)
    return min(rounds) / repeats * 1e6


optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def step(forward: Callable = model) -> None:
    """
    zh: 训练一步，改变 model 的参数。
    en: One step of training, which changes the parameters of model.
    """
    optimizer.zero_grad()
    ((forward(inputs) - targets) ** 2).mean().backward()
    optimizer.step()


captured = torch.compile(model, backend="eager")
step(captured)
size = installed_bytes("torch", set())
seconds = import_seconds("torch")
step_times = [microseconds(step), microseconds(lambda: step(captured))]
print(f"installed {size / 2**20:.0f} MiB   import {seconds:.1f} s")
print(f"eager {step_times[0]:.0f} us   torch.compile(eager) {step_times[1]:.0f} us")
# --8<-- [end:costs]


def fails_numpy() -> None:
    """
    zh: 要梯度的张量不能直接变成 NumPy 数组。抛出 RuntimeError。
    en: Turns a tensor that requires gradients into an array. Raises RuntimeError.
    """
    # --8<-- [start:fails-numpy]
    torch.tensor([1.0], requires_grad=True).numpy()
    # --8<-- [end:fails-numpy]


# --8<-- [start:numpy-mended]
print(torch.tensor([1.0], requires_grad=True).detach().numpy())
# --8<-- [end:numpy-mended]
