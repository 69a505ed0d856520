"""What the autograd chapter claims: derivatives, the engine, the modes, the errors."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.gradcheck import GradcheckError

SNIPPET = Path(__file__).resolve().parents[3] / "snippets/basics/autograd.py"


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/autograd.py")


@pytest.fixture(scope="module")
def printed(g):
    return g.printed.splitlines()


# Computing and updating


def test_backward_computes_and_step_updates(g, printed):
    assert g["after_backward"] == 1.0
    assert g["after_step"] == pytest.approx(1 - 0.1 * 4 * (2 - 6))
    assert "backward   w = 1.0   w.grad = -16.0" in printed
    assert "step       w = 2.6   w.grad = -16.0" in printed


# Three ways


def test_three_ways_agree(g, printed):
    exact = math.cos(1) * math.exp(math.sin(1))
    assert g["exact"] == pytest.approx(exact, rel=1e-15)
    assert abs(g["difference"] - exact) < 1e-9
    assert g["difference"] != exact
    digits = next(line for line in printed if line.startswith("autograd"))
    assert float(digits.split()[1]) == pytest.approx(exact, rel=1e-15)


def test_difference_errors_have_a_valley(g):
    third = torch.func.grad(torch.func.grad(torch.func.grad(g["f"])))
    bend = abs(third(torch.tensor(1.0, dtype=torch.float64)).item())
    widths = np.array(g["widths"])
    assert len(widths) == 55
    assert (widths[0], widths[-1]) == (pytest.approx(10**-0.5), pytest.approx(1e-14))
    for dtype, unit in ((torch.float32, 2.0**-24), (torch.float64, 2.0**-53)):
        errors = np.array(g["difference_errors"][dtype])
        best, at = g["best"][dtype]
        assert best == errors.min() and at == widths[errors.argmin()]
        predicted = (3 * unit * math.exp(math.sin(1)) / bend) ** (1 / 3)
        assert abs(math.log10(at / predicted)) < 1
        # truncation rules on the right: h² |f'''| / 6
        assert errors[1] == pytest.approx(widths[1] ** 2 * bend / 6, rel=0.3)
        # rounding rules on the left, so the error grows as h falls
        left = (widths < at / 10) & (widths > 100 * unit)
        assert errors[left].mean() > 20 * best
        assert (errors[left] < 10 * unit * 2.3 / widths[left]).all()
    assert g["best"][torch.float32][0] > 1e3 * g["best"][torch.float64][0]


# The chain rule in two orders


def test_both_orders_give_the_gradient_at_very_different_cost(g, printed):
    width, depth = 100, 4
    assert [tuple(W.shape) for W in g["layers"]] == [(100, 100)] * 3 + [(1, 100)]
    for W in g["layers"][:-1]:
        # ten thousand numbers: their deviation is good to 1 %
        assert W.std().item() == pytest.approx(0.1, rel=0.04)
    assert g["reverse_count"] == (depth - 1) * width**2
    assert g["forward_count"] == (depth - 2) * width**3 + width**2
    assert g["order_gap"] < 1e-14 and g["autograd_gap"] < 1e-14
    assert g["leaf"].grad.norm() > 1e-4
    assert f"reverse   {30000:>8}" in printed and f"forward   {2010000:>8}" in printed


def test_multiply_counts_scalar_multiplications(g):
    a, b, c = torch.randn(2, 3), torch.randn(3, 5), torch.randn(5, 7)
    product, count = g["multiply"]([a, b, c])
    assert torch.allclose(product, a @ b @ c, atol=1e-5)
    assert count == 2 * 3 * 5 + 2 * 5 * 7


def test_a_jvp_is_one_entry_of_the_gradient(g):
    assert g["one_direction"].sum() == 1 and g["one_direction"][0] == 1
    assert g["slope"].item() == pytest.approx(g["leaf"].grad[0].item(), rel=1e-12)
    assert g["value"].item() == pytest.approx(g["chain"](g["start"]).item())


def test_backward_by_hand(g, printed):
    for name in ("W1", "W2"):
        assert torch.allclose(g[f"{name}_bar"], g[name].grad)
        assert g[name].grad.norm() > 0.1
        assert f"{name} True" in printed
    u, t, W2 = g["u"], g["t"], g["W2"].detach()

    def loss(W1):
        return (W2 @ torch.tanh(W1 @ u) - t).square().sum() / 2

    W1 = g["W1"].detach()
    numeric = torch.zeros_like(W1)
    for i in range(4):
        for j in range(3):
            bump = torch.zeros_like(W1)
            bump[i, j] = 1e-2
            numeric[i, j] = (loss(W1 + bump) - loss(W1 - bump)) / 2e-2
    assert torch.allclose(g["W1_bar"], numeric, rtol=1e-2, atol=5e-3)


# Accumulation


def test_uses_of_a_variable_add_up(g, printed):
    # 2a * a² = 2a³, whose derivative is 6a²
    assert (g["through_left"], g["through_right"]) == (18.0, 36.0)
    assert "18.0 + 36.0 = 54.0" in printed


def test_backward_accumulates(g, printed):
    assert g["accumulated"] == [12.0, 24.0, 36.0]
    assert printed[printed.index("[12.0, 24.0, 36.0]") + 1] == "12.0"


def test_micro_batches_add_up_to_the_batch(g):
    assert torch.allclose(g["micro"], g["whole"], atol=1e-6)
    assert g["whole"].norm() > 0.01
    assert [len(part) for part in g["inputs"].split(4)] == [4, 4, 4]


def test_micro_batches_with_batch_norm_do_not():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    mse = nn.functional.mse_loss
    whole = torch.autograd.grad(mse(model(x), y), model[0].weight)[0]
    parts = zip(x.split(4), y.split(4), strict=True)
    micro = sum(
        torch.autograd.grad(mse(model(a), b) / 3, model[0].weight)[0] for a, b in parts
    )
    assert not torch.allclose(micro, whole, rtol=0.01)


# The engine


def engine_pair(g, f, numbers):
    ours = [g["Value"](number) for number in numbers]
    result = f(*ours)
    result.backward()
    theirs = [
        torch.tensor(number, dtype=torch.float64, requires_grad=True)
        for number in numbers
    ]
    reference = f(*theirs)
    reference.backward()
    assert result.data == pytest.approx(reference.item(), rel=1e-13)
    for mine, its in zip(ours, theirs, strict=True):
        expected = 0.0 if its.grad is None else its.grad.item()
        assert mine.grad == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: a + b,
        lambda a, b: a + 2.0,
        lambda a, b: 2.0 + a,
        lambda a, b: a * b,
        lambda a, b: a * 3.0,
        lambda a, b: 3.0 * a,
        lambda a, b: a - b,
        lambda a, b: a - 1.5,
        lambda a, b: -a,
        lambda a, b: a / b,
        lambda a, b: a / 4.0,
        lambda a, b: a**3,
        lambda a, b: a**-0.5,
        lambda a, b: a.exp(),
        lambda a, b: a.log(),
        lambda a, b: b.tanh(),
        lambda a, b: a * a * a,
        lambda a, b: (a + a) * (a - b) * a,
        lambda a, b: ((a * b).exp() + (a * b).tanh()) / ((a * b) ** 2 + a),
    ],
)
def test_engine_agrees_with_torch(g, f):
    engine_pair(g, f, (1.7, -0.6))


def test_engine_on_a_wide_and_shared_graph(g):
    def f(a, b):
        layers = [a, b]
        for k in range(12):
            layers = [(layers[0] * layers[1]).tanh() + 0.1 * k, layers[0] - layers[1]]
        return layers[0] * layers[1]

    engine_pair(g, f, (0.3, -0.8))


def test_engine_survives_a_long_chain(g):
    a = g["Value"](1.0)
    total = a
    for _ in range(5000):
        total = total + a
    total.backward()
    assert a.grad == 5001.0


def test_engines_history_puts_users_first(g):
    Value = g["Value"]
    a, unused = Value(2.0), Value(5.0)
    b = a * a
    c = b + a
    found = g["history"](c)
    assert found == [c, b, a]
    assert unused not in found


def test_engine_checked_on_the_page(g, printed):
    a, b, c = g["numbers"]
    bent = (a * b + c) ** 2 / (1 + math.exp(a)) - math.tanh(c * a)
    value = bent * math.log(c) - 2 * b
    assert value == pytest.approx(2.281190889777)
    assert g["result"].data == pytest.approx(value)
    assert g["reference"].item() == pytest.approx(value)
    shown = [line.split() for line in printed]
    rows = [
        row for row in shown if len(row) == 2 and "." in row[0] and len(row[0]) > 13
    ]
    values = [row for row in rows if row[0].count(".") == 1 and row[0][-12:].isdigit()]
    assert len(values) >= 4 and all(mine == its for mine, its in values)


def test_second_backward_is_torchs(g):
    assert g["seen"] == g["seen_t"] == [12.0, 24.0]
    assert g["careless"] == [12.0, 36.0]
    # a chain of odd length shows the sign of what is added
    a = g["Value"](3.0)
    g["careless_backward"](2 * a)
    assert a.grad == 2.0


def test_intermediate_values_keep_no_gradient(g):
    a = g["Value"](3.0)
    b = a**2
    (b * 2).backward()
    assert (a.grad, b.grad) == (12.0, 0.0)
    leaf = g["Value"](1.0)
    leaf.backward()
    assert leaf.grad == 1.0


def test_lift(g):
    a = g["Value"](1.0)
    assert g["lift"](a) is a
    assert g["lift"](2).data == 2.0 and g["lift"](2).parents == ()


def test_engine_trains_like_torch(g):
    ours, theirs = g["our_losses"], g["their_losses"]
    assert len(ours) == len(theirs) == 150
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert ours[-1] < 0.1 < 1 < ours[0]
    assert g["points"][0] == -3.0 and g["points"][-1] == 3.0 and len(g["points"]) == 9
    # the first loss, computed without the page's own network()
    p = np.array(g["initial"])
    x = np.linspace(-3, 3, 9)
    hidden = np.tanh(np.outer(x, p[0:12:3]) + p[1:12:3])
    predicted = hidden @ p[2:12:3] + p[12]
    assert ours[0] == pytest.approx(((predicted - np.sin(x)) ** 2).mean())


def test_engine_training_is_gradient_descent(g):
    # two steps with another's gradients
    p = torch.tensor(g["initial"], dtype=torch.float64)
    x = torch.linspace(-3, 3, 9, dtype=torch.float64)

    def loss(p):
        hidden = torch.tanh(x[:, None] * p[0:12:3] + p[1:12:3]) @ p[2:12:3]
        return (hidden + p[12] - torch.sin(x)).square().mean()

    for expected in g["our_losses"][:5]:
        assert loss(p).item() == pytest.approx(expected)
        p = p - 0.1 * torch.func.grad(loss)(p)


# The graph


def test_graph_is_walked_from_the_output_to_the_leaves(g, printed):
    at = printed.index("AddBackward0")
    assert printed[at : at + 7] == [
        "AddBackward0",
        "  MulBackward0",
        "    AccumulateGrad a",
        "    AccumulateGrad b",
        "  MulBackward0",
        "    SinBackward0",
        "      AccumulateGrad a",
    ]


def test_what_is_computed_without_gradients_is_a_leaf_without_a_node():
    product = torch.ones(2) * 3
    assert product.is_leaf and product.grad_fn is None


def test_only_saved_values_are_released():
    a = torch.tensor(1.0, requires_grad=True)
    total = a + 2  # saves nothing
    total.backward()
    total.backward()
    assert a.grad == 2


def test_a_node_waits_for_its_users_whatever_its_number():
    a = torch.tensor(1.0, requires_grad=True)
    out = a.sin() * a.cos()
    leaf = out.grad_fn.next_functions[0][0].next_functions[0][0]
    users = [node for node, _ in out.grad_fn.next_functions]
    assert leaf._sequence_nr() > max(node._sequence_nr() for node in users)
    order = []
    for node in (*users, leaf):
        node.register_hook(lambda *_, node=node: order.append(node.name()))
    out.backward()
    assert order == ["CosBackward0", "SinBackward0", "torch::autograd::AccumulateGrad"]


# A function of one's own


def test_naive_softplus_overflows(g, printed):
    assert g["naive_slope"][2].isnan()
    assert "tensor([0.1269, 0.6931,    inf])" in printed
    assert "tensor([0.1192, 0.5000,    nan])" in printed


def test_stable_softplus_has_the_wrong_slope_at_its_kink_without_a_rule(g):
    x = torch.tensor([-2.0, 0.0, 100.0], requires_grad=True)
    g["Softplus"].forward(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([0.1192, 1.0, 1.0], abs=1e-4)


def test_softplus_is_torchs_everywhere(g):
    x = torch.tensor([-200.0, -3.0, 0.0, 4.0, 100.0, 500.0], dtype=torch.float64)
    x.requires_grad_()
    y = g["Softplus"].apply(x)
    expected = torch.nn.functional.softplus(x, threshold=1000.0)
    naive = torch.logaddexp(x, torch.zeros_like(x))
    assert torch.allclose(y, naive) and torch.allclose(y[:5], expected[:5])
    (y * torch.arange(6)).sum().backward()
    assert torch.allclose(x.grad, torch.sigmoid(x.detach()) * torch.arange(6))
    assert g["checked"] == (True, True)


def test_softplus_works_with_torch_func(g):
    slope = torch.func.grad(g["Softplus"].apply)(torch.tensor(0.0))
    assert slope.item() == 0.5


def test_gradcheck_finds_a_forgotten_upstream(g):
    with pytest.raises(GradcheckError) as caught:
        g["fails_gradcheck"]()
    assert str(caught.value).startswith("Jacobian mismatch for output 0")


def test_probe_is_fit_for_gradcheck(g):
    assert g["probe"].dtype == torch.float64 and g["probe"].requires_grad


# Modes

MODES = {
    # name: graph, inference, dropout, batchnorm
    "train": (True, False, True, True),
    "detach": (False, False, True, True),
    "no_grad": (False, False, True, True),
    "inference_mode": (False, True, True, True),
    "eval": (True, False, False, False),
    "eval, no_grad": (False, False, False, False),
}


def test_modes_are_told_apart(g, printed):
    names = ("graph", "inference", "dropout", "batchnorm")
    expected = {
        name: dict(zip(names, seen, strict=True)) for name, seen in MODES.items()
    }
    assert g["observed"] == expected
    for name, seen in expected.items():
        row = "  ".join(f"{k}={v!s:5}" for k, v in seen.items()).rstrip()
        assert f"{name:15} {row}" in printed


def test_detach_lets_the_forward_pass_be_recorded(g):
    def saved(run):
        count = []
        with torch.autograd.graph.saved_tensors_hooks(count.append, lambda x: x):
            run()
        return len(count)

    net, batch = g["net"], g["batch"]
    recorded = saved(lambda: net(batch))
    assert recorded == saved(lambda: net(batch).detach()) > 0
    with torch.no_grad():
        assert saved(lambda: net(batch)) == 0


def test_no_grad_features_can_be_trained_on(g):
    assert g["head"].weight.grad.shape == (1, 8)
    assert g["net"][0].weight.grad is None
    expected = g["net"](g["batch"]).sum(dim=0)
    assert torch.allclose(g["head"].weight.grad[0], expected, atol=1e-5)


def test_inference_tensors_cannot(g):
    with pytest.raises(
        RuntimeError, match="^Inference tensors cannot be saved for back"
    ):
        g["fails_inference"]()
    with torch.inference_mode():
        features = torch.ones(1)
    w = torch.ones(1, requires_grad=True)
    (w + features).backward()
    assert w.grad == 1
    (w * features.clone()).backward()


def test_detach_shares_memory(g, printed):
    at = printed.index("[7.0, 1.0] [7.0, 1.0] True")
    assert printed[at + 1] == "True False"
    assert g["cut"].tolist() == [7.0, 1.0]


# Higher order


def test_second_derivatives(g, printed):
    assert (g["first"].item(), g["second"].item()) == (27.0, 18.0)
    assert g["derivatives"] == [27.0, 18.0]
    assert "27.0 18.0" in printed


def test_jacobian_and_hessian_in_closed_form(g):
    r, angle = 2.0, math.pi / 3
    J = [
        [math.cos(angle), -r * math.sin(angle)],
        [math.sin(angle), r * math.cos(angle)],
    ]
    assert g["J"].tolist() == [pytest.approx(row) for row in J]
    assert g["H"].tolist() == [[802.0, -400.0], [-400.0, 200.0]]
    assert g["curvatures"].prod().item() == pytest.approx(802 * 200 - 400**2, rel=1e-6)
    assert g["curvatures"].sum().item() == pytest.approx(1002)


def test_rosenbrock_is_least_at_one_one(g):
    for x, y in ((1.0, 1.0), (-1.0, 1.0), (0.5, 2.0)):
        expected = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        assert g["rosenbrock"](torch.tensor([x, y])).item() == pytest.approx(expected)


def test_learning_rate_limit_of_the_valley(printed):
    limit = 2 / np.linalg.eigvalsh([[802, -400], [-400, 200]]).max()
    assert f"2 / max(eigenvalue) = {limit:.6f}" in printed


def test_learning_rate_limit_holds_close_to_the_minimum_only(g):
    at = torch.tensor([1.0, 1.0], dtype=torch.float64)
    there = torch.func.hessian(g["rosenbrock"])
    limit = 2 / torch.linalg.eigvalsh(there(at)).max()
    x = at + torch.tensor([1e-6, 0.0])
    for rate, settles in ((0.9 * limit, True), (1.1 * limit, False)):
        y = x
        for _ in range(50):
            y = y - rate * torch.func.grad(g["rosenbrock"])(y)
        # only the steep direction counts: along the other nothing moves in 50 steps
        steep = torch.linalg.eigh(there(at))[1][:, -1]
        moved = abs((y - at) @ steep) < abs((x - at) @ steep)
        assert moved == settles
    start = torch.tensor([-0.5, 0.25], dtype=torch.float64)
    assert 2 / torch.linalg.eigvalsh(there(start)).max() > 2 * limit


def test_hessian_vector_product(g, printed):
    assert g["product"].tolist() == [1202.0, -600.0]
    assert "tensor([1202., -600.], dtype=torch.float64) True" in printed


def test_per_sample_gradients(g, printed):
    rows = -2 * g["targets"] * g["inputs"]  # at weight zero
    assert torch.allclose(g["rows"], rows, atol=1e-6)
    w = torch.tensor([1.0, -2.0, 0.5])
    x, y = g["inputs"][0], g["targets"][0, 0]
    assert torch.allclose(g["sample_loss"](w, x, y), (w @ x - y) ** 2)
    assert torch.allclose(
        g["mean_loss"](w), (g["inputs"] @ w - g["targets"][:, 0]).pow(2).mean()
    )
    assert "torch.Size([12, 3]) True" in printed


# What goes wrong

ERRORS = {
    "fails_twice": "Trying to backward through the graph a second time",
    "fails_non_scalar": "grad can be implicitly created only for scalar outputs",
    "fails_in_place": "one of the variables needed for gradient computation has been "
    "modified by an inplace operation: [torch.FloatTensor [2]], which is output 0 of Exp",
    "fails_leaf": "a leaf Variable that requires grad is being used in an in-place "
    "operation.",
    "fails_no_graph": "element 0 of tensors does not require grad and does not have a "
    "grad_fn",
    "fails_detach_in_place": "one of the variables needed for gradient computation has "
    "been modified by an inplace operation",
}


@pytest.mark.parametrize("name", ERRORS)
def test_failures_fail_as_shown(g, name):
    with pytest.raises(RuntimeError) as caught:
        g[name]()
    assert str(caught.value).startswith(ERRORS[name])


def test_only_the_failing_line_is_wrong(g):
    """What the failing code had computed before it failed is as the page says."""

    def left_by(name):
        with pytest.raises(RuntimeError) as caught:
            g[name]()
        frames = [entry.frame for entry in caught.traceback]
        return next(f.f_locals for f in frames if f.code.name == name)

    assert left_by("fails_twice")["a"].grad.item() == 12.0
    assert left_by("fails_leaf")["w"].grad.item() == 2.0
    assert left_by("fails_no_graph")["total"].item() == 1.0
    assert left_by("fails_non_scalar")["errors"].tolist() == [1.0, 4.0, 9.0]
    assert left_by("fails_in_place")["b"].tolist() == pytest.approx([2.0, 1 + math.e])
    assert left_by("fails_detach_in_place")["loss"].item() == 9.0


def test_anomaly_mode_names_the_operation_whose_value_was_changed(g):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError):
            g["fails_in_place"]()
    trace = str(caught[-1].message)
    assert "b = torch.exp(a)" in trace and "b += 1" not in trace


def test_mended_versions_give_the_right_gradients(printed):
    assert "tensor([0.6667, 1.3333, 2.0000])" in printed  # 2a / 3
    assert "tensor([ 2.,  0., 60.])" in printed  # 2a * v
    assert "tensor([1.0000, 2.7183])" in printed  # exp(a)
    assert "tensor(0.8000, requires_grad=True)" in printed  # 1 - 0.1 * 2


def test_data_is_silently_wrong(g):
    assert g["silent"] == 0.0  # the derivative of a² at 3 is 6
    b = torch.tensor(3.0, requires_grad=True) * 2
    versions = []
    for view in (b.detach(), b.data):  # one shares the number, the other has its own
        view.zero_()
        versions.append((b._version, view._version))
    assert versions == [(1, 1), (1, 1)]


def test_a_write_into_the_numpy_array_goes_unnoticed():
    a = torch.tensor([3.0], requires_grad=True)
    b = a * 1
    loss = (b**2).sum()
    b.detach().numpy().fill(0)
    loss.backward()
    assert a.grad.item() == 0.0


def test_an_update_outside_no_grad_makes_no_leaf():
    w = torch.tensor(1.0, requires_grad=True)
    (w**2).backward()
    w = w - 0.1 * w.grad
    assert not w.is_leaf
    (w**2).backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert w.grad is None


@pytest.mark.parametrize(
    "cut",
    [lambda w: w > 0, torch.argmax, lambda w: w.data, lambda w: w.detach()],
)
def test_what_cuts_the_graph_raises_the_same_error_where_it_is_the_only_path(cut):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require"):
        cut(w).float().sum().backward()


def test_one_path_that_is_cut_loses_its_part_without_an_error():
    w = torch.tensor(1.0, requires_grad=True)
    ((w - 2) ** 2 + 3 * w).backward()
    whole, w.grad = w.grad, None
    ((w - 2) ** 2 + (3 * w).detach()).backward()
    assert (whole.item(), w.grad.item()) == (1.0, -2.0)


def test_gradients_of_what_is_no_leaf(g, printed):
    assert "tensor(12.) tensor(1.) None" in printed
    assert [w.category for w in g["caught"]] == [UserWarning]
    assert "The .grad attribute of a Tensor that is not a leaf" in str(
        g["caught"][0].message
    )
    assert "UserWarning" in printed


@pytest.mark.parametrize("before", ["ignore", "error"])
def test_the_warning_is_caught_whatever_was_asked_before(g, before):
    code = SNIPPET.read_text("utf-8").split("[start:non-leaf]")[1]
    with warnings.catch_warnings():
        warnings.simplefilter(before)
        again = dict(g)
        exec(code.split("# --8<--")[0], again)
    assert [w.category for w in again["caught"]] == [UserWarning]
