# --8<-- [start:imports]
import importlib.metadata
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable

# zh: 不用按处理器挑选的 oneDNN 内核，舍入才处处相同
# en: without oneDNN's kernels, which depend on the processor, rounding is the same
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import tensorflow as tf

# zh: 在笔记本里，TensorFlow 默认还会报告进度
# en: in a notebook, TensorFlow would also report its progress
tf.get_logger().setLevel("WARNING")
# --8<-- [end:imports]

# --8<-- [start:tensors]
a = tf.constant([[1.0, 2.0], [3.0, 4.0]])
print((a @ a).numpy().tolist())
print(a.shape, a.dtype.name)
# zh: 张量不可改；能改的是 tf.Variable
# en: tensors never change; what can change is a tf.Variable
v = tf.Variable(a)
v[0, 0].assign(9.0)
print(v.numpy().tolist())
# --8<-- [end:tensors]

# --8<-- [start:gradient]
x = tf.Variable(3.0)
# zh: 只有 with 里面的运算会记在磁带上
# en: only what runs inside the with is recorded on the tape
with tf.GradientTape() as tape:
    y = x**2
slope = tape.gradient(y, x).numpy()
print(slope)
# --8<-- [end:gradient]

# --8<-- [start:data]
rng = random.Random(0)
n = 100
points = [-1 + 2 * i / (n - 1) for i in range(n)]
values = [2 * point + 3 + rng.gauss(0, 0.1) for point in points]
# --8<-- [end:data]

# --8<-- [start:fit]
inputs = tf.constant([[point] for point in points])
targets = tf.constant([[value] for value in values])
w, b = tf.Variable(0.0), tf.Variable(0.0)


def step() -> tf.Tensor:
    """
    zh: 梯度下降一步，改变 w 和 b；返回更新之前的损失，标量。
    en: One step of gradient descent on w and b; returns the loss before, a scalar.
    """
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * inputs + b - targets) ** 2)
    dw, db = tape.gradient(loss, [w, b])
    w.assign_sub(0.1 * dw)
    b.assign_sub(0.1 * db)
    return loss


losses = [float(step()) for _ in range(200)]
print(f"w = {float(w):.4f}   b = {float(b):.4f}   loss = {losses[-1]:.6f}")
# --8<-- [end:fit]

# --8<-- [start:fit-graph]
eager_line = (float(w), float(b))
w.assign(0.0)
b.assign(0.0)
graph_step = tf.function(step)
graph_losses = [float(graph_step()) for _ in range(200)]
graph_line = (float(w), float(b))
print(f"w = {float(w):.4f}   b = {float(b):.4f}   loss = {graph_losses[-1]:.6f}")
# --8<-- [end:fit-graph]

# --8<-- [start:fit-keras]
keras = tf.keras
model = keras.Sequential(
    [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
)
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse")
# zh: 每个“小批量”都是全部数据，重复 200 次，就是 200 步
# en: every "mini-batch" is all of the data; repeated 200 times, it makes 200 steps
batches = tf.data.Dataset.from_tensors((inputs, targets)).repeat(200)
history = model.fit(batches, shuffle=False, verbose=0)
keras_w, keras_b = (float(p.numpy().squeeze()) for p in model.weights)
print(f"w = {keras_w:.4f}   b = {keras_b:.4f}")
# --8<-- [end:fit-keras]


# --8<-- [start:new-python]
def in_new_python(code: str) -> list:
    """
    zh: 在一个新的 Python 里运行代码，返回它最后一行打印的 JSON。
    zh: 代码失败时抛出 CalledProcessError。
    en: Run code in a new Python; return the JSON that its last line prints.
    en: Raises CalledProcessError where the code fails.
    """
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


# --8<-- [end:new-python]


# --8<-- [start:branch]
def absolute(x: tf.Tensor) -> tf.Tensor:
    """
    zh: x 的元素之和为正时原样返回，否则返回 −x，形状不变；
    zh: AutoGraph 把 if 变成图里的分支。
    en: x if its sum is positive, else −x, of x's shape;
    en: AutoGraph turns the if into a branch of the graph.
    """
    if tf.reduce_sum(x) > 0:
        return x
    return -x


for sign in (1.0, -1.0):
    print(absolute(sign * tf.ones(2)).numpy())
# --8<-- [end:branch]

# --8<-- [start:branch-graph]
in_graph = tf.function(absolute)
for sign in (1.0, -1.0):
    print(in_graph(sign * tf.ones(2)).numpy())
branch_traces = in_graph.experimental_get_tracing_count()
branch_graph = in_graph.get_concrete_function(tf.TensorSpec([2])).graph
branch_ops = [op.type for op in branch_graph.get_operations()]
print(branch_ops)
print("traces:", branch_traces)
# --8<-- [end:branch-graph]


# --8<-- [start:capture]
@tf.function(input_signature=[tf.TensorSpec([None, 1])])
def line(x: tf.Tensor) -> tf.Tensor:
    """
    zh: 直线 w·x + b；形状与 x 相同。
    en: The line w·x + b, of x's shape.
    """
    return w * x + b


for op in line.get_concrete_function().graph.get_operations():
    print(op.type, [tuple(out.shape) for out in op.outputs if out.shape.rank])
# --8<-- [end:capture]

# --8<-- [start:save]
holder = tf.Module()
holder.line, holder.w, holder.b = line, w, b
tf.saved_model.save(holder, "line")
loaded = tf.saved_model.load("line")
print(sorted(os.listdir("line")))
print(bool(tf.reduce_all(loaded.line(inputs) == line(inputs))))
# --8<-- [end:save]

# --8<-- [start:tracing]
runs = []


@tf.function
def scale(x: tf.Tensor, k: float) -> tf.Tensor:
    """
    zh: x 乘 k；只在追踪时打印，形状不变。
    en: x times k; prints only while it is traced. The shape stays.
    """
    runs.append(f"x {tuple(x.shape)}, k {k}")
    print("Python runs:", runs[-1])
    return x * k


counts = []
for size, k in ((2, 2), (2, 2), (3, 2), (3, 3)):
    scale(tf.ones(size), k)
    counts.append(scale.experimental_get_tracing_count())
    print("traces so far:", counts[-1])
# --8<-- [end:tracing]

# --8<-- [start:tracing-mended]
flexible = tf.function(
    scale.python_function,
    input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])],
)
for size, k in ((2, 2.0), (2, 2.0), (3, 2.0), (3, 3.0)):
    flexible(tf.ones(size), tf.constant(k))
print("traces:", flexible.experimental_get_tracing_count())
# --8<-- [end:tracing-mended]


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


owners = importlib.metadata.packages_distributions()
sizes, seconds = {}, {}
for module in ("tensorflow", "torch"):
    sizes[module] = installed_bytes(owners[module][0], set())
    seconds[module] = import_seconds(module)
    print(
        f"{module:<11}{sizes[module] / 2**20:.0f} MiB   import {seconds[module]:.1f} s"
    )
step_times = [microseconds(each) for each in (step, graph_step)]
print(f"eager {step_times[0]:.0f} us   tf.function {step_times[1]:.0f} us")
# --8<-- [end:costs]


def fails_placeholder() -> None:
    """
    zh: TensorFlow 1 的占位符，TensorFlow 2 已没有。抛出 AttributeError。
    en: A placeholder of TensorFlow 1, gone in TensorFlow 2. Raises AttributeError.
    """
    # --8<-- [start:fails-placeholder]
    x = tf.placeholder(tf.float32, shape=[None, 1])
    # --8<-- [end:fails-placeholder]
    print(x)


# --8<-- [start:silent-counter]
calls = 0


@tf.function
def counted(x: tf.Tensor) -> tf.Tensor:
    """
    zh: 本想返回 x 乘调用次数；但 calls 是 Python 的数，
    zh: 图里只留下它在追踪时的值。
    en: Meant to be x times the calls so far; but calls is a Python number, and the
    en: graph keeps the value that it had while tracing.
    """
    global calls
    calls += 1
    return x * calls


silent = [float(counted(tf.constant(1.0))) for _ in range(3)]
print(silent, "calls =", calls)
# --8<-- [end:silent-counter]

# --8<-- [start:counter-mended]
calls_made = tf.Variable(0.0)


@tf.function
def counted_in_graph(x: tf.Tensor) -> tf.Tensor:
    """
    zh: x 乘调用次数；次数存在 tf.Variable 里，每次调用都加。
    en: x times the calls so far, kept in a tf.Variable that each call adds to.
    """
    calls_made.assign_add(1.0)
    return x * calls_made


mended = [float(counted_in_graph(tf.constant(1.0))) for _ in range(3)]
print(mended, "calls =", float(calls_made))
# --8<-- [end:counter-mended]

# --8<-- [start:silent-tape]
with tf.GradientTape() as tape:
    number = x.numpy() ** 2
    y = tf.constant(number)
lost = tape.gradient(y, x)
print(lost)
# --8<-- [end:silent-tape]
