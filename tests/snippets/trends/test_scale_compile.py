"""What is captured, broken off and captured again by torch.compile."""

import re

import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("trends/scale_compile.py")


PRINTED = {
    "capture": [
        r"def forward\(self, L_x_ : torch\.Tensor\):",
        *[r"    \w+ = .*"] * 9,
        r"    return \(\w+,\)",
        "equal: True",
    ],
    "traffic": [
        "eager   kernels 8   reads 10   writes 8",
        "fused   kernels 1   reads  1   writes 1   ratio 9.0",
    ],
    "break": ["graphs 2   breaks 1", r"reason: generic_jump TensorVariable\(\)"],
    "no-break": ["graphs 1   breaks 0", r"\[True, True\]"],
    "recompile": [r"\[1, 1, 2, 2, 2, 3\]"],
}


@pytest.mark.parametrize("region", PRINTED)
def test_what_the_page_prints(page, region):
    lines = page.by_region[region].splitlines()
    assert len(lines) == len(PRINTED[region])
    for line, expected in zip(lines, PRINTED[region], strict=True):
        if "\\" in expected:
            assert re.fullmatch(expected, line)
        else:
            assert line == expected


def test_what_is_captured(page):
    assert torch.equal(page["compiled"](page["points"]), page["gelu"](page["points"]))
    targets = [
        str(n.target) for n in page["graphs"][0].graph.nodes if n.op == "call_function"
    ]
    assert len(targets) == 8
    assert sum("tanh" in t for t in targets) == 1
    assert (page["reads"], page["writes"]) == (10, 8)


def test_gelu_is_the_tanh_approximation(page):
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)
    torch.testing.assert_close(
        page["gelu"](x), F.gelu(x, approximate="tanh"), atol=1e-7, rtol=0
    )


def test_a_data_dependent_branch_breaks_the_graph_and_where_does_not(page):
    assert (page["report"].graph_count, page["report"].graph_break_count) == (2, 1)
    assert "generic_jump" in page["report"].break_reasons[0].reason
    assert (page["mended"].graph_count, page["mended"].graph_break_count) == (1, 0)
    for sign in (1, -1):
        x = sign * torch.tensor([1.0, 2.0, 0.5])
        expected = torch.tanh(x) * (2 if sign > 0 else -1)
        assert torch.equal(page["gate"](x), expected)
        assert torch.equal(page["gate_by_where"](x), expected)


def test_guards_capture_again_for_new_shapes_once_and_for_a_new_dtype(page):
    assert page["capture_counts"] == [1, 1, 2, 2, 2, 3]


def test_with_the_rows_a_symbol_only_none_and_one_are_captured_apart(page):
    torch._dynamo.reset()
    found = []

    def record(graph, example_inputs):
        found.append(graph)
        return graph.forward

    function = torch.compile(page["gelu"], backend=record)
    counts = []
    for rows in (8, 16, 64, 1, 1, 0, 7):
        function(torch.randn(rows, 4))
        counts.append(len(found))
    assert counts == [1, 2, 2, 3, 3, 4, 4]


def test_fullgraph_names_the_branch(page):
    with pytest.raises(torch._dynamo.exc.Unsupported) as caught:
        page["fails_fullgraph"]()
    assert str(caught.value).startswith("Data-dependent branching")
    assert "if y.sum() > 0" in str(caught.value)
