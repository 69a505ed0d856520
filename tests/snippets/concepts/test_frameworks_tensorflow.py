"""What the frameworks chapter claims of TensorFlow and Keras, each run without torch beside it."""

import ast
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).resolve().parents[3] / "snippets/concepts"

LOOK = """
tf = g["tf"]
for name in ("points", "values", "losses", "graph_losses", "eager_line", "graph_line",
             "keras_w", "keras_b", "branch_ops", "branch_traces", "counts", "runs", "silent",
             "calls", "mended", "sizes", "seconds", "step_times"):
    found[name] = g[name]
found["slope"] = float(g["slope"])
found["lost"] = g["lost"] is None
found["number"], found["x"] = float(g["number"]), float(g["x"])
found["keras_loss"] = g["history"].history["loss"]
found["variable"] = g["v"].numpy().tolist()
found["constant"] = g["a"].numpy().tolist()
found["flexible"] = g["flexible"].experimental_get_tracing_count()
found["line_ops"] = [op.type for op in g["line"].get_concrete_function().graph.get_operations()]
found["line_shape"] = g["line"].get_concrete_function().outputs[0].shape.as_list()
found["loaded"] = g["loaded"].line(tf.constant([[0.0], [1.0]])).numpy().ravel().tolist()
found["branches"] = [g["in_graph"](tf.constant(x)).numpy().tolist() for x in ([1.0, 2.0], [1.0, -2.0], [0.5, 0.25], [0.25, -0.5])]
try:
    g["fails_placeholder"]()
except AttributeError as error:
    found["placeholder"] = str(error)

found["bytes"] = [g["installed_bytes"]("no-such-thing", set()), g["installed_bytes"]("keras", {"keras"}),
                  g["installed_bytes"]("Markdown", set()), g["installed_bytes"]("packaging", set())]
found["told"] = g["in_new_python"]("import sys; print('no'); print([3, int('tensorflow' in sys.modules)])")
try:
    g["in_new_python"]("print([1]); 1 / 0")
except g["subprocess"].CalledProcessError as error:
    found["broken"] = error.stderr.splitlines()[-1]
clock = iter([0, 5, 5, 8, 8, 12, 12, 18, 18, 25])  # the fastest of five rounds takes 3 seconds
g["time"].perf_counter = lambda: next(clock)
found["microseconds"] = g["microseconds"](lambda: None, 2)
effects = []
seen = tf.function(lambda x, k: effects.append(k) or x * k)
found["effects"] = []
for size, k in ((2, 2), (2, 2), (3, 2), (4, 2), (4, 3), (4, 4), (2, 2)):
    seen(tf.ones(size), k)
    found["effects"].append(len(effects))
captures = g["line"].get_concrete_function().graph.captures
found["entrances"] = [found["line_ops"].count("Placeholder"), len(captures)]
"""


@pytest.fixture(scope="module")
def tf(alone) -> dict:
    return alone("concepts/frameworks_tensorflow.py", LOOK)


def test_tensorflow_runs_without_torch(tf):
    assert tf["modules"] == ["tensorflow"]


def test_constants_stay_and_variables_change(tf):
    assert tf["constant"] == [[1.0, 2.0], [3.0, 4.0]]
    assert tf["variable"] == [[9.0, 2.0], [3.0, 4.0]]
    assert tf["printed"][:2] == ["[[7.0, 10.0], [15.0, 22.0]]", "(2, 2) float32"]


def test_gradients(tf):
    assert tf["slope"] == 6.0 and tf["lost"]
    assert tf["number"] == tf["x"] ** 2  # right, though the way back is lost


def test_all_ways_end_where_pytorch_does(tf, snippet):
    ours = snippet("concepts/frameworks.py")
    assert (tf["points"], tf["values"]) == (ours["points"], ours["values"])
    # a few units of float32 rounding for numbers of this size
    assert tf["losses"] == pytest.approx(ours["losses"], abs=1e-6)
    assert tf["graph_losses"] == pytest.approx(ours["losses"], abs=1e-6)
    assert len(tf["losses"]) == len(tf["graph_losses"]) == 200
    line = pytest.approx([ours["w"], ours["b"]], abs=1e-6)
    assert tf["eager_line"] == line and tf["graph_line"] == line
    assert [tf["keras_w"], tf["keras_b"]] == line
    mean = sum(tf["losses"]) / 200
    assert tf["keras_loss"] == [pytest.approx(mean, rel=1e-5)]


def test_a_new_python_tells_its_last_line_and_no_failure_passes(tf):
    assert tf["told"] == [3, False]
    assert tf["broken"] == "ZeroDivisionError: division by zero"


def test_autograph_puts_the_branch_into_one_graph(tf):
    assert [op for op in tf["branch_ops"] if "If" in op] == ["StatelessIf"]
    assert tf["branch_traces"] == 1
    assert tf["branches"] == [[1.0, 2.0], [-1.0, 2.0], [0.5, 0.25], [-0.25, 0.5]]
    assert tf["printed"].count("[1. 1.]") == 4  # eager and as a graph, both signs


def test_the_captured_line_is_saved_with_its_numbers(tf):
    assert [op for op in tf["line_ops"] if op in ("Mul", "AddV2")] == ["Mul", "AddV2"]
    assert tf["line_shape"] == [None, 1]
    w, b = tf["graph_line"]
    assert tf["loaded"] == pytest.approx([b, w + b], abs=1e-6)
    files = [line for line in tf["printed"] if "saved_model.pb" in line]
    assert "variables" in ast.literal_eval(files[0])
    assert tf["printed"][tf["printed"].index(files[0]) + 1] == "True"


def test_python_runs_only_while_tracing(tf):
    assert tf["counts"] == [1, 1, 2, 3]
    # the fourth run is the trace of the function with a signature, the only one
    assert tf["runs"][:3] == ["x (2,), k 2", "x (3,), k 2", "x (3,), k 3"]
    assert len(tf["runs"]) == 4 and tf["runs"][3].startswith("x (None,), k Tensor(")
    assert tf["flexible"] == 1


def test_every_new_shape_and_number_is_traced_and_side_effects_come_with_it(tf):
    assert tf["effects"] == [1, 1, 2, 3, 4, 5, 5]


def test_placeholders_are_the_input_and_the_two_variables(tf):
    assert tf["entrances"] == [3, 2] and tf["line_ops"][0] == "Placeholder"


def test_python_state_is_frozen_and_a_variable_is_not(tf):
    assert tf["silent"] == [1.0, 1.0, 1.0] and tf["calls"] == 1
    assert tf["mended"] == [1.0, 2.0, 3.0]


def test_placeholder_is_gone(tf):
    assert tf["placeholder"] == "module 'tensorflow' has no attribute 'placeholder'"


def test_costs_are_of_the_right_kind(tf):
    assert tf["sizes"].keys() == tf["seconds"].keys() == {"tensorflow", "torch"}
    assert tf["sizes"]["tensorflow"] > 2**28 and tf["sizes"]["torch"] > 2**27
    assert all(each > 0.1 for each in tf["seconds"].values())
    printed = {line.split()[0]: line.split()[1:] for line in tf["printed"] if line}
    for module, size in tf["sizes"].items():
        seconds = f"{tf['seconds'][module]:.1f}"
        assert printed[module] == [f"{size / 2**20:.0f}", "MiB", "import", seconds, "s"]
    assert all(5 < each < 1e6 for each in tf["step_times"])
    assert tf["microseconds"] == pytest.approx(3e6 / 2)
    unknown, counted, one, other = tf["bytes"]
    assert (unknown, counted) == (0, 0) and 1e5 < one < 1e7 and 1e5 < other < 1e7
