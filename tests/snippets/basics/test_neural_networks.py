"""What the neural network chapter claims, against closed forms, torch and numpy."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

FILE = Path(__file__).parents[3] / "snippets/basics/neural_networks.py"


@pytest.fixture(scope="module")
def chapter(snippet):
    return snippet("basics/neural_networks.py")


@pytest.fixture(scope="module")
def printed(chapter):
    """What a reader sees when the whole chapter runs, line by line."""
    return [line.rstrip() for line in chapter.printed.splitlines()]


def test_a_unit_is_a_weighted_sum_a_bias_and_an_activation(printed):
    z = 1.0 * 0.5 + 2.0 * -0.25 + -1.0 * 1.0 + 0.75
    assert printed[0] == f"z = {z:.4f}, a = {math.tanh(z):.4f}"


def test_a_layer_is_all_units_at_once(chapter, printed):
    W, b, x = (chapter[name].numpy() for name in ("W", "b", "x"))
    assert W.shape == (4, 3) and b.shape == (4,)
    by_hand = [sum(W[i, j] * x[j] for j in range(3)) + b[i] for i in range(4)]
    np.testing.assert_allclose(chapter["z"], by_hand, rtol=1e-5)
    np.testing.assert_allclose(chapter["unit_by_unit"], by_hand, rtol=1e-5)
    np.testing.assert_allclose(chapter["a"], np.tanh(by_hand), rtol=1e-5)
    assert "W (4, 3) x (3,) a (4,)" in printed and "same: True" in printed


def test_a_batch_is_one_sample_per_row_and_linear_agrees(chapter, printed):
    X, W, b = (chapter[name].numpy() for name in ("X", "W", "b"))
    assert X.shape == (5, 3)
    np.testing.assert_allclose(
        chapter["Z"], np.einsum("sj,ij->si", X, W) + b, rtol=1e-4, atol=1e-6
    )
    assert "X (5, 3) Z (5, 4)" in printed and "nn.Linear: True" in printed


def test_three_linear_layers_are_one(chapter, printed):
    stack, X = chapter["stack"], chapter["X"]
    assert [tuple(layer.weight.shape) for layer in stack] == [(8, 3), (8, 8), (2, 8)]
    folded = X @ chapter["collapsed_W"].T + chapter["collapsed_b"]
    assert torch.allclose(stack(X), folded, atol=1e-6)
    assert chapter["difference"].abs().max() < 1e-6
    assert "W (2, 3) b (2,)" in printed
    assert any(line.startswith("difference ") for line in printed)


def test_linear_layers_stall_at_ln_2_on_xor_however_many(chapter, printed):
    assert set(chapter["linear_losses"]) == {1, 2, 4}
    for depth, losses in chapter["linear_losses"].items():
        assert len(losses) == 1000
        # Jensen: never below ln 2; float32 may round by some 1e-7
        assert min(losses) > math.log(2) - 2e-7
        assert losses[-1] == pytest.approx(math.log(2), abs=1e-5)
        assert f"depth {depth}: 0.6931" in printed
    assert "ln 2   : 0.6931" in printed


def test_the_linear_stacks_are_as_deep_and_wide_as_they_say(chapter):
    for depth in (1, 2, 4):
        stack = chapter["linear_stack"](depth)
        assert len(stack) == depth
        assert all(type(layer) is nn.Linear for layer in stack)
        assert stack[0].in_features == 2 and stack[-1].out_features == 1
        assert all(layer.out_features == 8 for layer in stack[:-1])


def test_one_tanh_solves_xor(chapter, printed):
    assert chapter["inputs"].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert chapter["targets"].squeeze(1).tolist() == [0, 1, 1, 0]
    assert [type(layer) for layer in chapter["mlp"]] == [nn.Linear, nn.Tanh, nn.Linear]
    assert chapter["mlp"][0].out_features == 8
    losses = chapter["mlp_losses"]
    assert losses[0] == pytest.approx(math.log(2), abs=0.2) and losses[-1] < 0.002
    # the mean of -ln p over the four points, recomputed from the probabilities
    p = chapter["probabilities"].double()
    right = torch.where(chapter["targets"].squeeze(1) == 1, p, 1 - p)
    assert -right.log().mean().item() == pytest.approx(losses[-1], rel=0.02)
    start = printed.index("[0.0, 0.0] 0.001")
    assert printed[start + 1 : start + 4] == [
        "[0.0, 1.0] 0.999",
        "[1.0, 0.0] 0.999",
        "[1.0, 1.0] 0.001",
    ]
    assert f"loss {losses[-1]:.4f}" in printed


def test_training_is_gradient_descent_with_gradients_cleared(chapter):
    model = nn.Linear(2, 1)
    nn.init.zeros_(model.weight)
    nn.init.constant_(model.bias, 1.0)
    losses = chapter["train"](model, steps=3, lr=0.5)
    w, b = np.zeros(2), 1.0
    X, y = chapter["inputs"].double().numpy(), chapter["targets"][:, 0].double().numpy()
    for loss in losses:
        p = 1 / (1 + np.exp(-(X @ w + b)))
        expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
        assert loss == pytest.approx(expected, rel=1e-5)
        w, b = w - 0.5 * X.T @ (p - y) / 4, b - 0.5 * (p - y).mean()
    assert model.bias.item() == pytest.approx(b, rel=1e-5)
    np.testing.assert_allclose(model.weight.detach()[0], w, rtol=1e-4, atol=1e-7)


def test_two_relu_units_set_by_hand_solve_xor(chapter, printed):
    assert chapter["hidden"].tolist() == [[0, 0], [1, 0], [1, 0], [2, 1]]
    assert chapter["output"].squeeze(1).tolist() == [0, 1, 1, 0]
    assert "[[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [2.0, 1.0]]" in printed
    assert "[0.0, 1.0, 1.0, 0.0]" in printed


def test_derivatives_agree_with_finite_differences(chapter):
    z = torch.tensor([-2.3, -0.4, 0.7, 3.1], dtype=torch.double)
    for phi in chapter["activations"].values():
        numeric = (phi(z + 1e-6) - phi(z - 1e-6)) / 2e-6
        assert torch.allclose(chapter["derivative"](phi, z), numeric, atol=1e-8)


def test_derivative_leaves_its_argument_alone(chapter):
    z = torch.ones(2)
    chapter["derivative"](torch.tanh, z)
    assert not z.requires_grad


def test_derivatives_are_bounded_as_derived(chapter, printed):
    slopes, grid = chapter["slopes"], chapter["grid"]
    assert grid[0] == -6 and grid[120] == 0 and grid[-1] == 6
    assert slopes["sigmoid"].max().item() == 0.25 == slopes["sigmoid"][120].item()
    assert slopes["tanh"].max().item() == 1.0 == slopes["tanh"][120].item()
    assert max(slopes["tanh"][0], slopes["tanh"][-1]) < 1e-4
    assert slopes["relu"].unique().tolist() == [0.0, 1.0] and slopes["relu"][120] == 0
    assert slopes["gelu"].max().item() == pytest.approx(1.1289, abs=1e-4)
    for name, formula in chapter["formulas"].items():
        assert torch.allclose(slopes[name], formula, atol=1e-6)
    assert "sigmoid   0.0025  0.2500  0.0025  0.2500" in printed
    assert "relu      0.0000  0.0000  1.0000  1.0000" in printed
    assert any(line.startswith("tanh    ") and "e-0" in line for line in printed)


def test_zero_start_has_exactly_zero_gradients_and_never_moves(chapter, printed):
    assert set(chapter["zero_gradients"]) == {
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    }
    assert set(chapter["zero_gradients"].values()) == {0.0}
    assert all((p == 0).all() for p in chapter["zero"].parameters())
    assert str(chapter["zero_gradients"]) in printed
    assert printed[printed.index(str(chapter["zero_gradients"])) + 1] == "loss 0.6931"


def test_first_layer_gradient_is_zero_for_any_zero_second_layer(chapter):
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    nn.init.zeros_(model[2].weight)
    loss = F.binary_cross_entropy_with_logits(
        model(chapter["inputs"]), chapter["targets"]
    )
    loss.backward()
    assert (model[0].weight.grad == 0).all() and (model[2].weight.grad != 0).any()


def test_equal_units_stay_equal_and_stall_above_the_floor(chapter, printed):
    symmetric, losses = chapter["symmetric"], chapter["symmetric_losses"]
    first = symmetric[0].weight.detach()
    assert first.shape == (8, 2) and (first - first[0]).abs().max() < 1e-6
    # pool-adjacent-violators on targets 0, 1, 1, 0 ordered by x1 + x2
    probabilities = np.array([1.0, 2 / 3, 2 / 3, 1 / 3])
    floor = -np.log(probabilities).mean()
    assert chapter["floor"] == pytest.approx(floor)
    assert len(losses) == 3000
    assert floor < losses[-1] < floor + 0.005
    line = printed.index("largest difference between units 0.0")
    assert printed[line - 1].startswith("first unit [3.6")
    assert printed[line + 1] == f"loss {losses[-1]:.4f}, floor {floor:.4f}"


def test_unequal_outgoing_weights_or_biases_break_the_symmetry(chapter):
    for spread in ("2.weight", "0.bias"):
        model = chapter["constant_network"](0.5)
        parameter = dict(model.named_parameters())[spread]
        nn.init.constant_(parameter, 0.0)
        with torch.no_grad():
            parameter.add_(torch.linspace(-1, 1, 8))
        chapter["train"](model, steps=10)
        first = model[0].weight.detach()
        assert (first - first[0]).abs().max() > 0.01, spread


def test_constant_network_is_constant(chapter):
    model = chapter["constant_network"](0.5)
    assert [type(layer) for layer in model] == [nn.Linear, nn.Tanh, nn.Linear]
    assert all((p == 0.5).all() for p in model.parameters())
    assert sum(p.numel() for p in model.parameters()) == 8 * 3 + 9


def test_each_layer_multiplies_the_variance_as_predicted(chapter, printed):
    assert chapter["schemes"] == {
        "std 0.01": pytest.approx(1e-4),
        "nn.Linear": pytest.approx(1 / 1536),
        "Xavier": pytest.approx(1 / 512),
        "He": pytest.approx(2 / 512),
        "std 1": 1.0,
    }
    for name, variance in chapter["schemes"].items():
        v = chapter["through_depth"][name]
        assert len(v) == 10
        # the first layer's input has E[a²] = 1, without the factor of the ReLU
        assert v[0] == pytest.approx(512 * variance, rel=0.05)
        # log v[9] - log v[0] has a standard deviation of about sqrt(5 · 9 / 512) = 0.3
        factor = (v[-1] / v[0]) ** (1 / 9)
        assert factor == pytest.approx(512 * variance / 2, rel=0.1)
        assert chapter["deviations"][name] == pytest.approx(
            factor / (256 * variance) - 1
        )
        row = next(line for line in printed if line.startswith(f"{name:12}"))
        assert row.split()[-2:] == [f"{256 * variance:.4f}", f"{factor:.4f}"]
    assert "predicted  measured" in "\n".join(printed)


def test_variances_follow_width_and_depth(chapter):
    assert len(chapter["variances"](0.01, n=200, depth=3)) == 3
    assert chapter["variances"](0.01, n=200, depth=1)[0] == pytest.approx(2, rel=0.1)


def test_the_default_start_of_linear(chapter, printed):
    assert f"Var(w) = {1 / 1536:.6f}, 1/(3n) = {1 / 1536:.6f}" in printed
    # 262144 weights: a relative standard error of sqrt(2 / 262144) = 0.003
    he = chapter["default"].weight.var().item()
    assert he == pytest.approx(2 / 512, rel=0.012)
    assert (chapter["default"].bias == 0).all()
    assert f"Var(w) = {he:.6f},    2/n = {2 / 512:.6f}" in printed


def test_gradients_vanish_at_the_predicted_rate(chapter, printed):
    norms, factors = chapter["norms"], chapter["factors"]
    assert all(len(g) == 20 for g in norms.values())
    # width 64: the product over 19 layers scatters by about sqrt(5 · 19 / 64) = 1.2
    assert 0.2 < factors["sigmoid, Xavier"] <= 0.25
    assert factors["ReLU, Xavier"] == pytest.approx(math.sqrt(0.5), rel=0.05)
    assert factors["ReLU, He"] == pytest.approx(1, abs=0.05)
    assert 0.85 < factors["tanh, Xavier"] < 1
    assert norms["sigmoid, Xavier"][0] < 1e-10
    for name, g in norms.items():
        assert factors[name] == pytest.approx((g[0] / g[-1]) ** (1 / 19))
        assert f"{name:16}{g[-1]:10.1e}{g[0]:10.1e}{factors[name]:8.3f}" in printed


def test_gradient_norms_are_those_of_a_chain_rule_by_hand(chapter):
    depth, variance = 3, 1 / 64
    torch.manual_seed(0)
    a = torch.randn(256, 64)
    weights, zs = [], []
    for _ in range(depth):
        weights.append(torch.randn(64, 64) * math.sqrt(variance))
        zs.append(a @ weights[-1].T)
        a = torch.tanh(zs[-1])
    delta = torch.randn(256, 64) * (1 - torch.tanh(zs[-1]) ** 2)
    expected = [delta.norm().item()]
    for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
        delta = (delta @ W) * (1 - torch.tanh(z) ** 2)
        expected.insert(0, delta.norm().item())
    found = chapter["gradient_norms"](torch.tanh, variance, depth)
    assert found == pytest.approx(expected, rel=1e-4)


def test_parameters_are_counted(chapter, printed):
    frozen = nn.Linear(3, 2)
    assert chapter["count_parameters"](frozen) == 8
    frozen.bias.requires_grad_(False)
    assert chapter["count_parameters"](frozen) == 6
    assert [tuple(p.shape) for p in chapter["digits_net"].parameters()] == [
        (32, 64),
        (32,),
        (10, 32),
        (10,),
    ]
    assert type(chapter["digits_net"][1]) is nn.ReLU
    assert "0.weight  (32, 64)    2048" in printed and "2410 = 2410" in printed


def test_affine_starts_and_computes_as_linear_does(chapter, printed):
    for n_in in (1, 3, 7):
        torch.manual_seed(5)
        ours = chapter["Affine"](n_in, 4)
        torch.manual_seed(5)
        theirs = nn.Linear(n_in, 4)
        assert torch.equal(ours.W, theirs.weight) and torch.equal(ours.b, theirs.bias)
        x = torch.randn(2, 6, n_in)
        assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    assert [name for name, _ in ours.named_parameters()] == ["W", "b"]
    ours, theirs = chapter["ours"], chapter["theirs"]
    assert torch.allclose(ours.W.grad, theirs.weight.grad)
    assert torch.allclose(ours.b.grad, theirs.bias.grad)
    expected = 2 * theirs(chapter["X"]).sum(0)
    assert torch.allclose(ours.b.grad, expected, atol=1e-5)
    start = printed.index("weight:   True")
    assert printed[start + 1 : start + 4] == [
        "bias:     True",
        "output:   True",
        "gradient: True",
    ]


def test_mlp_registers_layers_and_buffer(chapter, printed):
    net = chapter["net"]
    names = ["layers.0.W", "layers.0.b", "layers.1.W", "layers.1.b"]
    assert [name for name, _ in net.named_parameters()] == names
    assert [tuple(p.shape) for p in net.parameters()] == [
        (32, 64),
        (32,),
        (10, 32),
        (10,),
    ]
    assert dict(net.named_buffers())["scale"] == 16
    assert not net.scale.requires_grad
    a = torch.tanh(chapter["pixels"] / 16 @ net.layers[0].W.T + net.layers[0].b)
    expected = a @ net.layers[1].W.T + net.layers[1].b
    assert torch.allclose(net(chapter["pixels"]), expected, atol=1e-6)
    assert chapter["MLP"]([2, 2]).scale == 1
    start = printed.index("layers.0.W (32, 64)")
    assert printed[start + 3 : start + 6] == [
        "layers.1.b (10,)",
        "buffers: ['scale']",
        "parameters: 2410",
    ]


def test_state_makes_twins(chapter, printed):
    net, twin = chapter["net"], chapter["twin"]
    pixels = chapter["pixels"]
    assert pixels.shape == (5, 64)
    assert 15 < pixels.max() <= 16 and 0 <= pixels.min() < 1
    assert chapter["before"] is False and chapter["after"] is True
    assert torch.equal(net(pixels), twin(pixels))
    assert twin.scale == 16
    assert str(["scale", *(name for name, _ in net.named_parameters())]) in printed
    assert "False True 16.0" in printed


def test_modules_parameters_and_buffers_are_registered_on_assignment():
    model = nn.Module()
    model.a, model.b = nn.Linear(1, 1), nn.Parameter(torch.ones(1))
    model.c, model.d = nn.Buffer(torch.ones(1)), [nn.Linear(1, 1)]
    assert set(model.state_dict()) == {"a.weight", "a.bias", "b", "c"}


@pytest.mark.parametrize(
    ("name", "error", "last_line"),
    [
        (
            "fails_shape",
            RuntimeError,
            "mat1 and mat2 shapes cannot be multiplied (3x5 and 3x4)",
        ),
        (
            "fails_dtype",
            RuntimeError,
            "mat1 and mat2 must have the same dtype, but got Long and Float",
        ),
        ("fails_list", ValueError, "optimizer got an empty parameter list"),
        (
            "fails_init",
            AttributeError,
            "cannot assign module before Module.__init__() call",
        ),
    ],
)
def test_faults_raise_what_the_page_shows(chapter, name, error, last_line):
    with pytest.raises(error) as caught:
        chapter[name]()
    assert str(caught.value) == last_line


def test_a_plain_tensor_is_lost(chapter, printed):
    lost = chapter["lost"]
    assert [name for name, _ in lost.named_parameters()] == [
        "linear.weight",
        "linear.bias",
    ]
    assert "gain" not in lost.state_dict()
    assert lost.gain.item() == 1.0 and lost.gain.grad.item() != 0
    torch.manual_seed(0)
    start = nn.Linear(2, 1)
    assert not torch.equal(start.weight, lost.linear.weight)
    x = chapter["inputs"]
    doubled = chapter["Lost"]()
    doubled.gain = doubled.gain * 2
    assert torch.allclose(doubled(x), 2 * doubled.linear(x))
    assert str(["linear.weight", "linear.bias"]) + " " in "\n".join(printed)
    assert f"gain 1.0, gradient {lost.gain.grad.item():.2f}" in printed


def test_the_lost_gain_adds_up_over_a_hundred_steps(chapter):
    torch.manual_seed(0)
    again = chapter["Lost"]()
    chapter["train"](again, steps=100)
    assert again.gain.grad.item() == pytest.approx(chapter["lost"].gain.grad.item())


def test_dead_relus_have_no_gradient(chapter, printed):
    dead = chapter["dead"]
    assert (dead[0].bias == -10).all() and dead[0].weight.shape == (8, 2)
    assert type(dead[1]) is nn.ReLU
    assert chapter["silent"] == 1.0
    assert (dead[0].weight.grad == 0).all()
    assert chapter["dead_losses"][-1] == pytest.approx(math.log(2), abs=1e-6)
    assert printed[printed.index("zeros 100%, gradient 0.0") + 1] == "loss 0.6931"


def test_leaky_relu_does_not_revive_the_dead_network(chapter, printed):
    leaky, inputs = chapter["leaky"], chapter["inputs"]
    assert type(leaky[1]) is nn.LeakyReLU and leaky[0].weight.shape == (8, 2)
    # all units on the negative side at every point: affine, though not without gradient
    assert (leaky[0](inputs) < 0).all()
    z = leaky(inputs)[:, 0]
    assert (z[0] + z[3]).item() == pytest.approx((z[1] + z[2]).item(), abs=1e-5)
    torch.manual_seed(0)
    start = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    nn.init.constant_(start[0].bias, -10.0)
    losses = chapter["leaky_losses"]
    assert chapter["train"](start, steps=3) == pytest.approx(losses[:3], rel=1e-5)
    assert (start[0].weight.grad != 0).any()
    assert losses[-1] == pytest.approx(math.log(2), abs=1e-4)
    assert min(losses) > math.log(2) - 2e-7
    start = "leaky loss 0.6931, He loss "
    assert start + f"{chapter['alive_losses'][-1]:.4f}" in printed


def test_zero_biases_and_he_weights_keep_relus_alive(chapter):
    assert len(chapter["alive_losses"]) == len(chapter["leaky_losses"]) == 1000
    for seed in range(4):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        nn.init.kaiming_normal_(model[0].weight, nonlinearity="relu")
        nn.init.zeros_(model[0].bias)
        losses = chapter["train"](model)
        assert losses[-1] < 0.01
        if seed == 0:
            assert losses == pytest.approx(chapter["alive_losses"], rel=1e-4)


def test_every_random_start_is_seeded_with_zero(chapter):
    """A reader who pastes one section gets the page's numbers."""
    torch.manual_seed(0)
    W = torch.randn(4, 3)
    assert torch.equal(chapter["W"], W) and torch.equal(chapter["b"], torch.randn(4))
    assert torch.equal(chapter["X"], torch.randn(5, 3))
    torch.manual_seed(0)
    assert torch.equal(chapter["stack"][0].weight, nn.Linear(3, 8).weight)
    for depth, losses in chapter["linear_losses"].items():
        torch.manual_seed(0)
        start = chapter["linear_stack"](depth)
        assert chapter["train"](start, steps=2) == pytest.approx(losses[:2])
    torch.manual_seed(0)
    start = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    expected = chapter["train"](start, steps=2)
    assert chapter["mlp_losses"][:2] == pytest.approx(expected)
    torch.manual_seed(0)
    expected = nn.Linear(512, 512)
    nn.init.kaiming_normal_(expected.weight, nonlinearity="relu")
    assert torch.equal(chapter["default"].weight, expected.weight)
    torch.manual_seed(0)
    expected = chapter["MLP"]([64, 32, 10]).layers[1].b
    assert torch.equal(chapter["net"].layers[1].b, expected)


def test_measurements_repeat(chapter):
    phis = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}
    for name, norms in chapter["norms"].items():
        phi, scheme = name.split(", ")
        variance = (2 if scheme == "He" else 1) / 64
        found = chapter["gradient_norms"](phis[phi], variance)
        assert found == pytest.approx(norms, rel=1e-4)
    for name, variance in chapter["schemes"].items():
        found = chapter["variances"](variance)
        assert found == pytest.approx(chapter["through_depth"][name], rel=1e-4)
