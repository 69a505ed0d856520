# --8<-- [start:imports]
from collections.abc import Callable

import torch

# --8<-- [end:imports]


# --8<-- [start:capture]
torch.manual_seed(0)


def gelu(x: torch.Tensor) -> torch.Tensor:
    """
    zh: GELU 的 tanh 近似，逐元素，形状不变。来源：Hendrycks & Gimpel 2016。
    en: The tanh approximation of GELU, elementwise. Source: Hendrycks & Gimpel 2016.
    """
    return 0.5 * x * (1 + torch.tanh(0.79788456 * (x + 0.044715 * x**3)))


graphs = []


def show(graph: torch.fx.GraphModule, example_inputs: list) -> Callable:
    """
    zh: 最小的后端：打印捕获的图，再原样执行它。
    en: The smallest backend: print the captured graph, then run it as it is.
    """
    graphs.append(graph)
    print(graph.code.strip())
    return graph.forward


points = torch.randn(1000, 4)
compiled = torch.compile(gelu, backend=show)
print(f"equal: {torch.equal(compiled(points), gelu(points))}")
# --8<-- [end:capture]


# --8<-- [start:traffic]
reads = writes = 0
for node in graphs[0].graph.nodes:
    if node.op == "call_function":
        reads += len(node.all_input_nodes)
        writes += 1
print(f"eager   kernels {writes}   reads {reads}   writes {writes}")
print(f"fused   kernels 1   reads  1   writes 1   ratio {(reads + writes) / 2:.1f}")
# --8<-- [end:traffic]


# --8<-- [start:break]
def gate(x: torch.Tensor) -> torch.Tensor:
    """
    zh: y = tanh(x)；和为正得 2y，否则得 −y；由 Python 分支，形状不变。
    en: y = tanh(x): 2y if its sum is positive, else −y. Python branches; of x's shape.
    """
    y = torch.tanh(x)
    if y.sum() > 0:
        return 2 * y
    return -y


report = torch._dynamo.explain(gate)(points)
print(f"graphs {report.graph_count}   breaks {report.graph_break_count}")
print(f"reason: {report.break_reasons[0].reason}")
# --8<-- [end:break]


# --8<-- [start:no-break]
def gate_by_where(x: torch.Tensor) -> torch.Tensor:
    """
    zh: 与 gate 相同，分支用 torch.where 写。
    en: The same as gate, with torch.where for the branch.
    """
    y = torch.tanh(x)
    return torch.where(y.sum() > 0, 2 * y, -y)


mended = torch._dynamo.explain(gate_by_where)(points)
print(f"graphs {mended.graph_count}   breaks {mended.graph_break_count}")
print([torch.equal(gate(s * points), gate_by_where(s * points)) for s in (1, -1)])
# --8<-- [end:no-break]


# --8<-- [start:recompile]
captures = []


def record(graph: torch.fx.GraphModule, example_inputs: list) -> Callable:
    """
    zh: torch.compile 的后端：记下捕获的图，照常执行。
    en: A backend for torch.compile: keeps the captured graph and runs it as it is.
    """
    captures.append(graph)
    return graph.forward


guarded = torch.compile(gelu, backend=record)
capture_counts = []
for rows in (8, 8, 16, 32, 64):
    guarded(torch.randn(rows, 4))
    capture_counts.append(len(captures))
guarded(torch.randn(8, 4, dtype=torch.float64))
capture_counts.append(len(captures))
print(capture_counts)
# --8<-- [end:recompile]


def fails_fullgraph() -> None:
    """
    zh: 分支取决于数据，编译不成一张图。抛出 Unsupported。
    en: A branch on data, which does not compile into one graph. Raises Unsupported.
    """
    # --8<-- [start:fails-fullgraph]
    torch.compile(gate, backend="eager", fullgraph=True)(points)
    # --8<-- [end:fails-fullgraph]
