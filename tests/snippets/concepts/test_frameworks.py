"""What the frameworks chapter claims of PyTorch: the fit, the graphs, the errors, the costs."""

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

SNIPPET = Path(__file__).resolve().parents[3] / "snippets/concepts/frameworks.py"


@pytest.fixture(scope="module")
def g(snippet):
    torch._dynamo.reset()
    return snippet("concepts/frameworks.py")


@pytest.fixture(scope="module")
def printed(g):
    return g.printed.splitlines()


def test_tensors_change_in_place_but_the_original_stays(g):
    assert g["a"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert g["v"].tolist() == [[9.0, 2.0], [3.0, 4.0]]
    assert g.by_region["tensors"].startswith("[[7.0, 10.0], [15.0, 22.0]]\n")


def test_gradient(g):
    assert g["slope"] == 6.0


def test_data_lie_around_the_line(g):
    x, y = np.array(g["points"]), np.array(g["values"])
    assert len(x) == 100 and (x[0], x[-1]) == (-1.0, 1.0)
    assert np.allclose(np.diff(x), 2 / 99)
    # noise of 0.1: the mean of 100 lies within 5 standard errors of zero
    assert abs((y - 2 * x - 3).mean()) < 0.05
    assert 0.07 < (y - 2 * x - 3).std() < 0.13


def test_fit_is_gradient_descent_and_ends_at_least_squares(g):
    x, y = np.array(g["points"]), np.array(g["values"])
    w = b = 0.0
    losses = []
    for _ in range(200):
        residual = w * x + b - y
        losses.append((residual**2).mean())
        w, b = w - 0.2 * (residual * x).mean(), b - 0.2 * residual.mean()
    assert g["losses"] == pytest.approx(losses, rel=1e-5, abs=1e-6)
    assert (g["w"], g["b"]) == pytest.approx(tuple(np.polyfit(x, y, 1)), abs=1e-5)


def test_captured_training_gives_the_same_numbers(g):
    assert g["graph_losses"] == pytest.approx(g["losses"], abs=1e-6)
    assert g["compiled_w"] == pytest.approx(g["w"], abs=1e-6)
    assert g["compiled_b"] == pytest.approx(g["b"], abs=1e-6)


def test_a_branch_on_data_breaks_the_graph(g, printed):
    assert g["branch_ops"] == [["sum_1", "gt"], ["neg"]]
    for f in (g["absolute"], g["in_graph"], g["exported"].module()):
        assert f(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
        assert f(torch.tensor([1.0, -2.0])).tolist() == [-1.0, 2.0]
        assert f(torch.tensor([0.5, 0.25])).tolist() == [0.5, 0.25]
        assert f(torch.tensor([0.25, -0.5])).tolist() == [-0.25, 0.5]
    assert str(g["branch_ops"]) in printed
    assert g.by_region["cond"].startswith("[1.0, 1.0]\n[1.0, 1.0]\n")


def test_a_whole_graph_is_refused(g):
    with pytest.raises(
        torch._dynamo.exc.Unsupported, match="^Data-dependent branching"
    ):
        g["fails_fullgraph"]()
    assert g["export_error"] == "Unsupported: Data-dependent branching"
    assert len(g["hint"]) == 1 and "torch.cond" in g["hint"][0]
    assert g["calls"] == ["sum_1", "gt", "cond", "getitem"]


def test_the_default_export_refuses_as_well(g):
    with pytest.raises(RuntimeError, match="^Could not guard on data-dependent"):
        torch.export.export(g["Absolute"](), (torch.ones(2),))


def test_the_exported_line_takes_any_batch(g):
    expected = torch.tensor([[g["b"]], [g["w"] + g["b"]]])
    x = torch.tensor([[0.0], [1.0]])
    for f in (g["program"].module(), g["loaded"], g["restored"]):
        assert torch.allclose(f(x), expected)
    assert "torch.ops.aten.linear.default" in g["program"].graph_module.code


def test_new_shapes_and_numbers_are_captured_once_more_only(g, printed):
    assert g["counts"] == [1, 1, 2, 2, 3, 3]
    assert "x (4,), k 4   graphs so far: 3" in printed


def test_lengths_zero_and_one_are_captured_on_their_own(g):
    torch._dynamo.reset()
    seen = []
    watched = torch.compile(
        g["scale"], backend=lambda graph, _: seen.append(graph) or graph.forward
    )
    counts = []
    for size in (2, 3, 9, 1, 0, 7, 1, 0):
        watched(torch.ones(size), 2)
        counts.append(len(seen))
    assert counts == [1, 2, 2, 3, 4, 4, 4, 4]
    # the multiplier has no such exception, once it may vary
    torch._dynamo.reset()
    seen.clear()
    for k, expected in ((2, 1), (3, 2), (1, 2), (0, 2), (7, 2)):
        watched(torch.ones(4), k)
        assert len(seen) == expected


def test_print_runs_every_time_and_breaks_the_graph(g, printed):
    assert printed.count("Python runs") == 3
    assert g["noisy"](torch.tensor([1.0, -4.0])).tolist() == [3.0, -7.0]
    assert printed[printed.index("Python runs") + 3] == "graphs: 2"
    assert [len(each.graph.nodes) for each in g["graphs"][:2]] == [3, 3]


@pytest.mark.parametrize("before", ["ignore", "error"])
def test_the_warning_is_caught_whatever_was_asked_before(g, before):
    code = SNIPPET.read_text("utf-8").split("[start:torchscript]")[1]
    again = dict(g)
    with warnings.catch_warnings():
        warnings.simplefilter(before)
        exec(code.split("# --8<--")[0], again)
    assert again["caught"][-1].category is DeprecationWarning


def test_torchscript_is_deprecated(g, printed):
    assert g["caught"][-1].category is DeprecationWarning
    assert "`torch.jit.script` is deprecated" in str(g["caught"][-1].message)
    assert "DeprecationWarning" in printed


def test_costs_are_of_the_right_kind(g):
    assert g["size"] > 2**27 and g["seconds"] > 0.1
    assert all(5 < each < 1e6 for each in g["step_times"])
    assert g["installed_bytes"]("no-such-thing", set()) == 0
    seen = set()
    alone = g["installed_bytes"]("typing_extensions", seen)
    assert 5e4 < alone < 5e6 and seen == {"typing-extensions"}
    assert g["installed_bytes"]("typing-extensions", seen) == 0
    # jinja2 needs markupsafe, and both are counted
    both = g["installed_bytes"]("jinja2", set())
    assert both == g["installed_bytes"]("jinja2", {"markupsafe"}) + g[
        "installed_bytes"
    ]("markupsafe", set())
    assert both > g["installed_bytes"]("markupsafe", set()) > 0


def test_microseconds_is_the_mean_of_the_fastest_round(g):
    calls = []
    assert 0 < g["microseconds"](lambda: calls.append(1), repeats=7) < 1e4
    assert len(calls) == 35


def test_microseconds_are_millionths(g, monkeypatch):
    clock = iter([0, 5, 5, 8, 8, 12, 12, 18, 18, 25])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert g["microseconds"](lambda: None, 2) == pytest.approx(3e6 / 2)


def test_a_step_is_one_step(g):
    twin = g["Line"]()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    twin.load_state_dict(g["model"].state_dict())
    before = [p.detach().clone() for p in g["model"].parameters()]
    optimizer.zero_grad()
    ((twin(g["inputs"]) - g["targets"]) ** 2).mean().backward()
    g["step"]()
    for mine, theirs in zip(g["model"].parameters(), twin.parameters(), strict=True):
        assert torch.allclose(mine.grad, theirs.grad)
    assert len(before) == 2


def test_numpy_is_refused(g, printed):
    with pytest.raises(
        RuntimeError, match=r"^Can't call numpy\(\) on Tensor that requires grad"
    ):
        g["fails_numpy"]()
    assert "[1.]" in printed
