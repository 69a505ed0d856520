"""What the optimizer chapter claims: each update rule, each predicted rate, each fault."""

import math

import numpy as np
import pytest
import torch
from torch import nn

SGD = torch.optim.SGD
A = torch.tensor([[3.0, 1.0], [1.0, 0.5]], dtype=torch.float64)
FAR = torch.tensor([4.0, -7.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/optimizers.py")


@pytest.fixture(scope="module")
def printed(g):
    return g.printed.splitlines()


def bowl(p):
    """A smooth function that is not a quadratic."""
    return (p @ A * p).sum(-1).sqrt().mul(3).exp().log1p() + p.square().sum(-1) / 9


# The first-order expansion


def test_rosenbrock_and_its_gradient_by_hand(g):
    p = torch.tensor([[-1.2, 1.0], [1.0, 1.0], [0.5, -2.0]], dtype=torch.float64)
    x, y = p.T
    slopes = torch.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], dim=1)
    expected = torch.tensor([24.2, 0.0, 0.25 + 100 * 2.25**2]).double()
    assert torch.allclose(g["rosenbrock"](p), expected, atol=1e-6)
    assert torch.allclose(g["gradient"](g["rosenbrock"], p), slopes)
    assert g["g"].tolist() == pytest.approx([-215.6, -88.0])


def test_gradient_leaves_its_argument_alone(g):
    p = torch.ones(2, dtype=torch.float64, requires_grad=True)
    out = g["gradient"](g["rosenbrock"], p * 2)
    assert p.grad is None and not out.requires_grad


def test_predicted_decrease_is_exact_to_first_order(g):
    curvature = torch.func.hessian(g["rosenbrock"])(g["start"])
    slope = g["g"]
    bend = (slope @ curvature @ slope / slope.dot(slope) / 2).item()
    assert [lr for lr, _ in g["first_order"]] == [1e-3, 1e-4, 1e-5, 1e-6]
    for lr, ratio in g["first_order"][1:]:
        # what is left is the second-order term lr * bend, and the third order after it
        assert 1 - ratio == pytest.approx(lr * bend, rel=2000 * lr)
    assert g["first_order"][0][1] < 0.5


def test_the_negative_gradient_is_the_steepest_direction(g, printed):
    assert abs(g["best_angle"]) < 1e-9
    assert len(g["angles"]) == 73
    assert torch.allclose(g["directions"].norm(dim=1), torch.ones(73).double())
    cosine = -g["length"] * g["g"].norm() * g["angles"].cos()
    assert g["length"] == 1e-4
    assert torch.allclose(g["change"], cosine, atol=2e-5)
    assert g["change"].max() == pytest.approx(-g["change"].min().item(), rel=2e-3)
    assert f"-length * |g| = {-1e-4 * math.hypot(215.6, 88):.6f}" in printed


# The line


def test_line_data_is_the_articles_line(g):
    assert g["X"].shape == (100, 2)
    assert g["X"][0].tolist() == [-1.0, 1.0] and g["X"][-1].tolist() == [1.0, 1.0]
    noise = (g["y"] - 2 * g["x"] - 3).numpy()
    assert noise.std() == pytest.approx(0.1, rel=0.25)
    assert abs(noise.mean()) < 0.04
    solution = np.polyfit(g["x"].numpy(), g["y"].numpy(), 1)
    assert g["optimum"].tolist() == pytest.approx(solution.tolist())
    residual = g["y"].numpy() - np.polyval(solution, g["x"].numpy())
    assert g["line_loss"](g["optimum"]).item() == pytest.approx((residual**2).mean())


def test_descend_records_every_position(g):
    assert g["by_hand"].shape == (101, 2)
    assert g["by_hand"][0].tolist() == [0.0, 0.0]
    slope = g["gradient"](g["line_loss"], g["origin"])
    assert torch.allclose(g["by_hand"][1], -0.1 * slope)


def test_loop_with_torch_ends_where_the_hand_written_one_does(printed):
    mine, theirs = (
        next(line.split("w =")[1] for line in printed if line.startswith(name))
        for name in ("descend", "optim.SGD")
    )
    assert mine == theirs
    w, b = (float(v) for v in mine.split("b ="))
    assert (w, b) == (pytest.approx(2.0, abs=0.1), pytest.approx(3.0, abs=0.05))


# Divergence


def test_eigenvalues_and_the_limit_in_closed_form(g):
    # x is centred, so the Hessian is diagonal: twice the mean of x², and 2
    n = 100
    assert g["eigenvalues"].tolist() == pytest.approx([2 * (n + 1) / 3 / (n - 1), 2.0])
    assert g["lr_limit"] == pytest.approx(1.0)
    numeric = torch.func.hessian(g["line_loss"])(g["origin"])
    assert torch.allclose(g["hessian"], numeric)


def test_divergence_is_where_it_is_predicted(g):
    assert list(g["distances"]) == [0.95, 0.99, 1.01]
    for factor, distance in g["distances"].items():
        assert len(distance) == 201
        assert g["errors"][factor] < 1e-10
        share = abs(1 - 2 * factor) ** 200
        # after 200 steps only the direction of the largest eigenvalue is left
        expected = abs(g["optimum"][1].item()) * share
        assert distance[-1].item() == pytest.approx(expected, rel=1e-5)
    assert g["distances"][0.99][-1] < 0.02 * g["distances"][0.99][0]
    assert g["distances"][1.01][-1] > 40 * g["distances"][1.01][0]


def test_only_an_asymmetric_valley_makes_the_loss_zigzag():
    def run(slope, loss, rate, x=0.3, steps=60):
        path = [x]
        for _ in range(steps):
            path.append(path[-1] - rate * slope(path[-1]))
        path = np.array(path)
        return path, np.diff(loss(path))

    path, change = run(lambda x: x, lambda x: x**2 / 2, 1.98)
    assert (path[1:] * path[:-1] < 0).all() and (change < 0).all()
    path, change = run(np.expm1, lambda x: np.expm1(x) - x, 2.1)
    assert (path[1:] * path[:-1] < 0).all() and (change[1:] * change[:-1] < 0).all()


def test_errors_are_relative(g):
    assert all(0 < error < 1e-10 for error in g["errors"].values())


# Condition number and momentum


def feature(name):
    raw = np.linspace(0, 10, 100)
    return raw if name == "raw" else (raw - raw.mean()) / raw.std()


def heavy_ball(error, values, lr, beta, steps):
    """Each direction on its own: e[t+1] = (1 + beta - lr λ) e[t] - beta e[t-1]."""
    path = [error, error]
    for _ in range(steps):
        path.append((1 + beta - lr * values) * path[-1] - beta * path[-2])
    return np.array(path[1:])


@pytest.mark.parametrize("name", ["raw", "scaled"])
def test_steps_needed_follow_from_the_eigenvalues(g, name):
    columns = np.stack([feature(name), np.ones(100)], axis=1)
    values, vectors = np.linalg.eigh(2 * columns.T @ columns / 100)
    low, high = values
    assert g["condition"][name] == pytest.approx(high / low)
    error = vectors.T @ -np.ones(2)

    def steps(lr, beta):
        path = heavy_ball(error, values, lr, beta, 2000)
        return int(np.argmax(np.linalg.norm(path, axis=1) < 1e-6))

    root = math.sqrt(high / low)
    beta = ((root - 1) / (root + 1)) ** 2
    lr = 4 / (math.sqrt(high) + math.sqrt(low)) ** 2
    assert g["needed"][name, "gd"] == steps(2 / (low + high), 0.0)
    assert g["needed"][name, "momentum"] == steps(lr, beta)


def test_momentum_saves_steps_and_scaling_saves_more(g, printed):
    needed = g["needed"]
    assert needed["raw", "gd"] > 8 * needed["raw", "momentum"]
    assert needed["scaled", "gd"] == needed["scaled", "momentum"] == 1
    assert "raw     kappa = 138.008  beta = 0.711" in printed
    assert "        gd: 978  momentum: 114" in printed


def test_momentum_raises_the_limit(g):
    assert g["momentum_limit"] == pytest.approx(2 * 1.9 / 2)
    assert list(g["momentum_ends"]) == [0.99, 1.01]
    assert g["momentum_ends"][0.99] < 1e-2
    assert g["momentum_ends"][1.01] > 1e10
    values, vectors = np.linalg.eigh(g["hessian"].numpy())
    error = vectors.T @ -g["optimum"].numpy()
    for factor, found in g["momentum_ends"].items():
        path = heavy_ball(error, values, factor * 1.9, 0.9, 200)
        assert found == pytest.approx(np.linalg.norm(path[-1]), rel=1e-3)


def test_nesterov_is_the_gradient_ahead(g):
    assert g["look_ahead_gap"] < 1e-12
    assert len(g["ahead"]) == 101
    slope = g["gradient"](g["line_loss"], g["origin"])
    # v = g, and both the step and the look ahead are taken
    assert torch.allclose(g["path_ahead"][1], -0.1 * 1.9 * slope)
    assert torch.allclose(g["ahead"][1], -0.1 * 1.9 * slope)


# Update rules against torch.optim, on another function and with other settings


SETTINGS = {
    "gradient_descent": ({}, SGD, {}),
    "momentum": ({"beta": 0.7}, SGD, {"momentum": 0.7}),
    "nesterov": ({"beta": 0.7}, SGD, {"momentum": 0.7, "nesterov": True}),
}


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_rule_is_torchs(g, name, defaults):
    ours, make, theirs = SETTINGS[name]
    if defaults:
        ours = {}
        if name != "gradient_descent":
            theirs = {"momentum": 0.9, "nesterov": name == "nesterov"}
    mine = g["descend"](g[name], bowl, FAR, 60, lr=0.05, **ours)

    theta = FAR.clone().requires_grad_()
    optimizer = make([theta], lr=0.05, **theirs)
    for position in mine:
        assert torch.allclose(position, theta, rtol=1e-11, atol=1e-13)
        optimizer.zero_grad()
        bowl(theta).backward()
        optimizer.step()


def test_page_compares_every_rule_with_its_class(g):
    names = [rule.__name__ for rule, *_ in g["pairs"]]
    assert names == list(SETTINGS)
    assert len(g["gaps"]) == 3
    assert all(gap < 1e-12 for gap in g["gaps"])  # max() overlooks what is not a number
    assert g["mine"].shape == g["reference"].shape == (101, 2)
    # all of them moved
    assert (g["mine"][-1] - g["mine"][0]).norm() > 0.01
    assert (g["reference"][-1] - g["reference"][0]).norm() > 0.01


def test_torch_path_clears_and_keeps_positions(g):
    path = g["torch_path"](SGD, bowl, FAR, 3, lr=0.05)
    assert path.shape == (4, 2) and torch.equal(path[0], FAR)
    assert torch.allclose(path[1], FAR - 0.05 * g["gradient"](bowl, FAR))
    second = path[1] - 0.05 * g["gradient"](bowl, path[1])
    assert torch.allclose(path[2], second)


# What goes wrong


def test_forgotten_zero_grad_is_momentum_without_friction(g, printed):
    losses = g["histories"]
    floor = g["line_loss"](g["optimum"]).item()
    assert [len(values) for values in losses.values()] == [200, 200]
    assert losses[True][-1] == pytest.approx(floor, rel=1e-3)
    assert max(losses[False][-50:]) > 5
    path = g["descend"](g["momentum"], g["line_loss"], g["origin"], 199, lr=0.1, beta=1)
    same = [g["line_loss"](p).item() for p in path]
    assert losses[False] == pytest.approx(same, rel=1e-6)
    last = "  ".join(f"{value:7.4f}" for value in losses[False][-5:])
    assert f"zero_grad = False {last}" in printed


def test_layers_in_a_list_are_no_parameters(g):
    with pytest.raises(ValueError) as caught:
        g["fails_empty_list"]()
    assert str(caught.value) == "optimizer got an empty parameter list"


def test_used_up_generator_gives_the_same_error():
    parameters = nn.Linear(1, 1).parameters()
    list(parameters)
    with pytest.raises(ValueError, match="empty parameter list"):
        SGD(parameters, lr=0.1)


def test_module_list_registers_its_layers(g):
    network = g["network"]
    shapes = [tuple(p.shape) for p in network.parameters()]
    assert shapes == [(8, 1), (8,), (1, 8), (1,)]
    first, second = network.layers
    inputs = torch.randn(5, 1)
    by_hand = torch.tanh(inputs @ first.weight.T + first.bias)
    by_hand = by_hand @ second.weight.T + second.bias
    assert torch.allclose(network(inputs), by_hand, atol=1e-6)


def test_replaced_weight_is_never_updated(g, printed):
    assert g["stuck"][0] == 0.0
    assert g["stuck"][1] == pytest.approx(3.0, abs=0.05)
    assert g["orphans"] == ["weight"]
    assert g["mended"] == (
        pytest.approx(g["optimum"][0].item(), abs=1e-4),
        pytest.approx(g["optimum"][1].item(), abs=1e-4),
    )


def test_too_high_a_rate_ends_in_nan(g, printed):
    losses = g["blown_up"]
    assert len(losses) == 80
    # the direction of the largest eigenvalue grows by |1 - 3 * 2| = 5 in each step
    assert losses[11] / losses[10] == pytest.approx(25, rel=1e-3)
    assert math.isinf(losses[30]) and math.isnan(losses[-1])
    reports = [line for line in printed if line.startswith("step ")]
    assert [line.split()[1] for line in reports] == [str(k) for k in range(10, 90, 10)]
    assert reports[0].endswith(f"{losses[9]:.3e}")


def test_clipping_stops_the_explosion_not_the_wrong_rate(g):
    floor = g["line_loss"](g["optimum"]).item()
    assert list(g["clipped"]) == [3.0, 0.3]
    assert g["clipped"][0.3] == pytest.approx(floor, rel=1e-3)
    assert 10 * floor < g["clipped"][3.0] < 1000
