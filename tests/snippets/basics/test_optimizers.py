"""What the optimizer chapter claims: each update rule, each predicted rate, each fault."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

SNIPPET = Path(__file__).resolve().parents[3] / "snippets/basics/optimizers.py"
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
    assert g["floor"] == pytest.approx((residual**2).mean())


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


# Noise


def test_noise_falls_as_one_over_the_root_of_the_batch(g):
    assert g["sizes"] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    residual = 2 * (g["X"] @ g["origin"] - g["y"])
    rows = (residual[:, None] * g["X"]).numpy()
    sigma = math.sqrt(rows.var(axis=0).sum())
    assert g["sigma"] == pytest.approx(sigma)
    assert torch.allclose(g["full"], g["gradient"](g["line_loss"], g["origin"]))
    for size, measured in zip(g["sizes"], g["noise"], strict=True):
        # the root of a mean of 2000 squares is good to some 2 %
        assert measured == pytest.approx(sigma / math.sqrt(size), rel=0.06)
    assert g["slope"] == pytest.approx(-0.5, abs=0.02)
    fitted = np.polyfit(np.log(g["sizes"]), np.log(g["noise"]), 1)[0]
    assert g["slope"] == pytest.approx(fitted)


def test_noise_is_measured_over_many_draws(g, printed):
    assert g["batches"].shape == (2000, 256)
    assert g["batches"].min() == 0 and g["batches"].max() == 99
    row = next(line for line in printed if line.startswith("B =  16"))
    measured, predicted = (float(v.split()[0]) for v in row.split("=")[2:])
    assert predicted == pytest.approx(g["sigma"] / 4, abs=1e-4)
    assert measured == pytest.approx(g["noise"][4], abs=1e-4)


# Update rules against torch.optim, on another function and with other settings

SGD, Adam = torch.optim.SGD, torch.optim.Adam
SETTINGS = {
    "gradient_descent": ({}, SGD, {}),
    "momentum": ({"beta": 0.7}, SGD, {"momentum": 0.7}),
    "nesterov": ({"beta": 0.7}, SGD, {"momentum": 0.7, "nesterov": True}),
    "adagrad": ({"eps": 0.1}, torch.optim.Adagrad, {"eps": 0.1}),
    "rmsprop": (
        {"alpha": 0.8, "eps": 0.1},
        torch.optim.RMSprop,
        {"alpha": 0.8, "eps": 0.1},
    ),
    "adam": (
        {"beta1": 0.6, "beta2": 0.8, "eps": 0.1},
        Adam,
        {"betas": (0.6, 0.8), "eps": 0.1},
    ),
    "adam_l2": (
        {"decay": 0.3, "eps": 0.1},
        Adam,
        {"weight_decay": 0.3, "eps": 0.1},
    ),
    "adamw": (
        {"decay": 0.3, "beta1": 0.5},
        torch.optim.AdamW,
        {"weight_decay": 0.3, "betas": (0.5, 0.999)},
    ),
    "adamax": (
        {"beta1": 0.6, "beta2": 0.8, "eps": 0.1},
        torch.optim.Adamax,
        {"betas": (0.6, 0.8), "eps": 0.1},
    ),
}


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_rule_is_torchs(g, name, defaults):
    ours, make, theirs = SETTINGS[name]
    if defaults:
        keep = ("decay", "weight_decay")
        ours = {k: v for k, v in ours.items() if k in keep}
        theirs = {k: v for k, v in theirs.items() if k in keep}
        if make is SGD and name != "gradient_descent":
            theirs = {"momentum": 0.9, "nesterov": name == "nesterov"}
    mine = g["descend"](g[name], bowl, FAR, 60, lr=0.05, **ours)

    theta = FAR.clone().requires_grad_()
    optimizer = make([theta], lr=0.05, **theirs)
    for position in mine:
        assert torch.allclose(position, theta, rtol=1e-11, atol=1e-13)
        optimizer.zero_grad()
        bowl(theta).backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamax"])
def test_default_eps_is_torchs(g, name):
    make = {
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": Adam,
        "adamax": torch.optim.Adamax,
    }[name]
    # a gradient as small as eps makes eps half of the divisor
    tiny = torch.tensor([1e-10, 1e-8], dtype=torch.float64)
    theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    theta.grad = tiny.clone()
    make([theta], lr=0.05).step()
    step = g[name](torch.zeros(2).double(), tiny, {}, lr=0.05)
    assert torch.allclose(step, theta, rtol=1e-9)


def test_page_compares_every_rule_with_its_class(g):
    names = [rule.__name__ for rule, *_ in g["pairs"]]
    assert names == [name for name in SETTINGS if name != "adamax"]
    assert len(g["gaps"]) == 8
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


def test_settings_that_the_page_names(g):
    pairs = {rule.__name__: (make, theirs) for rule, _, make, theirs in g["pairs"]}
    assert pairs["adam"] == (Adam, {})
    assert pairs["adam_l2"] == (Adam, {"weight_decay": 0.1})
    assert pairs["adamw"] == (torch.optim.AdamW, {"weight_decay": 0.1})


def test_first_steps_forget_the_size_of_the_gradient(g):
    steps = g["first_steps"]
    assert steps["gradient_descent"] == pytest.approx([-1e-5, -10.0])
    assert steps["adagrad"] == pytest.approx([-0.01, -0.01])
    # RMSProp divides by the root of 1 - 0.99: ten times as far
    assert steps["rmsprop"] == pytest.approx([-0.1, -0.1], rel=1e-3)
    assert steps["adam"] == pytest.approx([-0.01, -0.01], rel=1e-4)


def test_adam_without_its_correction_would_start_too_far(g):
    state = {}
    g["adam"](torch.zeros(1).double(), torch.ones(1).double(), state, lr=1.0)
    assert state["m"].item() == pytest.approx(0.1)
    assert state["s"].item() == pytest.approx(0.001)


# L2 and weight decay


def test_decay_is_the_same_for_all_only_in_adamw(g):
    adamw, l2 = g["decayed"]["adamw"], g["decayed"]["adam_l2"]
    assert adamw.shape == l2.shape == (2001, 3)
    assert g["scale"].tolist() == [0.1, 1.0, 10.0]
    shared = (1 - 1e-4) ** 2000
    assert adamw[-1].tolist() == pytest.approx([shared] * 3, abs=2e-3)
    assert torch.allclose(adamw[:, 0], adamw[:, 2], atol=1e-4)
    # where the gradient is large, exp(-lr * decay * steps / scale)
    assert l2[-1, 1].item() == pytest.approx(math.exp(-0.2), abs=2e-3)
    assert l2[-1, 2].item() == pytest.approx(math.exp(-0.02), abs=3e-3)
    assert l2[-1, 0].item() < 0.25
    assert abs(adamw[1] - 0.9989).max() < 2e-6  # decay, then a step of lr


def test_l2_is_weight_decay_in_sgd():
    p = torch.tensor([2.0, -3.0], dtype=torch.float64, requires_grad=True)
    p.grad = torch.tensor([0.5, 0.25], dtype=torch.float64)
    expected = (1 - 0.1 * 0.3) * p.detach() - 0.1 * p.grad
    SGD([p], lr=0.1, weight_decay=0.3).step()
    assert torch.allclose(p, expected)


# Rosenbrock


def test_with_momentum_l2_is_not_decoupled_decay():
    theta, decoupled, v, w = 1.0, 1.0, 0.0, 0.0
    for t in range(20):
        slope = (-1.0) ** t
        v = 0.9 * v + slope + 0.1 * theta
        theta -= 0.1 * v
        w = 0.9 * w + slope
        decoupled = (1 - 0.1 * 0.1) * decoupled - 0.1 * w
    assert abs(theta - decoupled) > 0.3


def test_momentum_beats_adam_at_their_best_but_adam_is_less_choosy(g):
    ends = g["ends"]
    assert all(len(final) == 19 for final in ends.values())
    assert g["lrs"].shape == (19, 1)
    assert g["lrs"][0].item() == pytest.approx(1e-4)
    assert g["lrs"][-1].item() == pytest.approx(10**0.5)
    best = {name: final.min().item() for name, final in ends.items()}
    assert best["momentum"] < best["adam"] / 50
    assert best["adam"] < best["gradient_descent"] / 1000
    assert g["usable"] == {"gradient_descent": 1, "momentum": 4, "adam": 6}
    assert not ends["momentum"][-1].isfinite()
    assert ends["adam"].isfinite().all()


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_sweep_agrees_with_a_single_run(g, name):
    make, settings = {"momentum": (SGD, {"momentum": 0.9}), "adam": (Adam, {})}[name]
    for row in (4, 6):
        path = g["torch_path"](
            make,
            g["rosenbrock"],
            torch.tensor([-1.2, 1.0], dtype=torch.float64),
            500,
            lr=g["lrs"][row].item(),
            **settings,
        )
        expected = g["rosenbrock"](path[-1]).item()
        assert g["ends"][name][row].item() == pytest.approx(expected, rel=1e-6)


def test_best_learning_rates(g):
    for name, final in g["ends"].items():
        at = g["lrs"][final.argmin()].item()
        assert g["best_lr"][name] == at
    assert g["best_lr"]["adam"] == pytest.approx(1.0)
    assert g["best_lr"]["momentum"] == pytest.approx(10**-2.5)


def test_drawn_paths(g):
    losses = {name: g["rosenbrock"](path[-1]) for name, path in g["paths"].items()}
    assert [path.shape for path in g["paths"].values()] == [(501, 2)] * 3
    assert losses["momentum"] < losses["adam"] < losses["gradient_descent"]
    for name, lr in (("gradient_descent", 1e-3), ("momentum", 1e-3), ("adam", 0.1)):
        first = g["paths"][name][1] - g["paths"][name][0]
        expected = lr if name == "adam" else lr * 215.6
        assert first[0].item() == pytest.approx(expected, rel=1e-6)


# Schedules


def test_rates_follow_their_formulas(g):
    rates = g["rates"]
    assert rates["constant"] == [0.4] * 400
    stairs = [0.4 * 0.3 ** (t // 100) for t in range(400)]
    assert rates["staircase"] == pytest.approx(stairs)
    warm = [0.4 * (0.05 + 0.95 * t / 40) for t in range(40)]
    cosine = [0.2 * (1 + math.cos(math.pi * t / 360)) for t in range(360)]
    assert rates["warmup_cosine"] == pytest.approx(warm + cosine, abs=1e-9)


def test_falling_rates_lower_the_floor(g, printed):
    assert all(len(values) == 400 for values in g["excess"].values())
    tail = {name: np.mean(values[-50:]) for name, values in g["excess"].items()}
    assert tail["constant"] > 10 * tail["staircase"]
    assert tail["constant"] > 10 * tail["warmup_cosine"]
    assert tail["constant"] > 2e-4
    assert min(map(min, g["excess"].values())) >= 0
    for name, value in tail.items():
        assert f"{name:14}  excess = {value:.1e}" in printed
    # theory: a constant rate keeps lr / B times the noise; both terms of order 1e-3
    assert tail["constant"] < 5e-3


def test_one_run_of_a_falling_rate_says_little_about_which_is_lower(g):
    X, y, hessian = g["X"], g["y"], g["hessian"]
    seeds, floors = 100, {}
    generator = torch.Generator().manual_seed(0)
    for name, rates in g["rates"].items():
        theta = torch.zeros(seeds, 2, dtype=X.dtype)
        tail = torch.zeros(seeds)
        for t, rate in enumerate(rates):
            rows = torch.randint(len(X), (seeds, 10), generator=generator)
            error = torch.einsum("sbk,sk->sb", X[rows], theta) - y[rows]
            theta -= rate * 2 * torch.einsum("sb,sbk->sk", error, X[rows]) / 10
            away = theta - g["optimum"]
            if t >= 350:
                tail += torch.einsum("sk,kl,sl->s", away, hessian, away) / 2 / 50
        floors[name] = tail
    gain = {name: floors["constant"] / tail for name, tail in floors.items()}
    for name in ("staircase", "warmup_cosine"):
        low, middle, high = gain[name].quantile(torch.tensor([0.05, 0.5, 0.95]))
        assert high > 5 * low and middle > 20 and (gain[name] > 10).float().mean() > 0.8
    wins = (floors["staircase"] < floors["warmup_cosine"]).float().mean()
    assert 0.3 < wins < 0.8


# What goes wrong


def test_forgotten_zero_grad_is_momentum_without_friction(g, printed):
    losses = g["histories"]
    assert [len(values) for values in losses.values()] == [200, 200]
    assert losses[True][-1] == pytest.approx(g["floor"], rel=1e-3)
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
    assert list(g["clipped"]) == [3.0, 0.3]
    assert g["clipped"][0.3] == pytest.approx(g["floor"], rel=1e-3)
    assert 10 * g["floor"] < g["clipped"][3.0] < 1000


# Exercises


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (
            lambda H: 1 / torch.linalg.eigvalsh(H).max(),
            "still makes the distance shrink",
        ),
        (lambda H: 2 / torch.trace(H), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.det(H), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.norm(H), "still makes the distance shrink"),
        (lambda H: 2 / H.abs().sum(1).max(), "still makes the distance shrink"),
        (lambda H: 2 / torch.linalg.eigvalsh(H).min(), "makes the distance grow"),
        (lambda H: 2 / H.diagonal().max(), "makes the distance grow"),
        (lambda H: 2 / H.diagonal().mean(), "makes the distance grow"),
        (lambda H: 0.5, "makes the distance grow"),
        (lambda H: 1.99 / torch.linalg.eigvalsh(H).max() * 1.02, "grow"),
        (lambda H: 1.97 / torch.linalg.eigvalsh(H).max(), "shrink"),
        # right for the first two, wrong for a single parameter
        (
            lambda H: (2 if len(H) > 1 else 1) / torch.linalg.eigvalsh(H).max(),
            "shrink",
        ),
        (
            lambda H: (2 if len(H) > 1 else 3) / torch.linalg.eigvalsh(H).max(),
            "grow",
        ),
    ],
)
def test_wrong_limits_are_told_apart(g, limit, says):
    with pytest.raises(AssertionError, match=says):
        g["check_lr_limit"](limit)


def test_right_limit_passes(g):
    g["check_lr_limit"](lambda H: 2 / torch.linalg.matrix_norm(H, 2))
    H = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    assert g["largest_lr"](H) == pytest.approx(2 / 3)


def test_what_the_checkers_ask(g, asked):
    # Along the axes, across them, and in one dimension.
    assert asked(g["check_lr_limit"], g["largest_lr"]) == [
        ([[1.0, 0.0], [0.0, 10.0]],),
        ([[2.0, 1.0], [1.0, 5.0]],),
        ([[4.0]],),
    ]
    steps = []

    def watched(theta, grad, state, lr):
        steps.append(lr)
        return g["adamax"](theta, grad, state, lr)

    g["check_adamax"](watched)
    assert steps == [0.01] * 51  # one to see that something comes back
    ((model,),) = asked(g["check_groups"], g["build_adamw"])
    shapes = [(8, 4), *[(8,)] * 3, (8, 8), *[(8,)] * 3, (1, 8), (1,)]
    assert [tuple(p.shape) for p in model.parameters()] == shapes


def wrong_adamax(correct=True, absolute=True, decay=0.999, largest=True):
    def rule(theta, grad, state, lr):
        state["t"] = t = state.get("t", 0) + 1
        state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * grad
        size = grad.abs() if absolute else grad
        old = decay * state.get("u", torch.zeros_like(grad))
        state["u"] = torch.maximum(old, size) if largest else size
        rate = lr / (1 - 0.9**t) if correct else lr
        return theta - rate * state["m"] / (state["u"] + (0 if absolute else 1e-8))

    return rule


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"correct": False}, "differs from step 1 on: check m's bias correction"),
        ({"absolute": False}, "differs from step 1 on: .*g"),
        ({"decay": 0.9}, "check m, and decay"),
        ({"largest": False}, "check m, and decay"),
    ],
)
def test_wrong_adamax_is_told_apart(g, wrong, says):
    with pytest.raises(AssertionError, match=says):
        g["check_adamax"](wrong_adamax(**wrong))


def test_adamax_in_place_is_told(g):
    def in_place(theta, grad, state, lr):
        theta -= lr * grad
        return theta

    kept = g["start"].clone()
    with pytest.raises(AssertionError, match="theta passed in was changed"):
        g["check_adamax"](in_place)
    assert torch.equal(g["start"], kept)


def test_right_adamax_passes(g):
    g["check_adamax"](g["adamax"])
    g["check_adamax"](wrong_adamax())  # eps matters only for a gradient of zero


def groups(model, matrices, others, keep=lambda name: True, make=torch.optim.AdamW):
    named = [(n, p) for n, p in model.named_parameters() if keep(n)]
    return make(
        [
            {"params": [p for _, p in named if p.ndim > 1], "weight_decay": matrices},
            {"params": [p for _, p in named if p.ndim < 2], "weight_decay": others},
        ]
    )


def spares_layer_norm_only(model):
    rows = []
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            spared = name == "bias" or isinstance(module, nn.LayerNorm)
            rows.append({"params": [p], "weight_decay": 0.0 if spared else 0.1})
    return torch.optim.AdamW(rows)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda m: torch.optim.AdamW(m.parameters()), "0.bias is a bias or norm"),
        (lambda m: groups(m, 0.0, 0.0), "0.weight is a weight matrix"),
        (lambda m: groups(m, 0.1, 0.0, make=torch.optim.Adam), "got Adam, not AdamW"),
        (spares_layer_norm_only, "2.1.weight is a bias or norm"),
        (lambda m: groups(m, 0.1, 0.1), "0.bias is a bias or norm"),
        (
            lambda m: groups(m, 0.1, 0.0, lambda name: name != "1.weight"),
            "1.weight is not in the optimizer",
        ),
        (
            lambda m: torch.optim.AdamW([p for p in m.parameters() if p.ndim > 1]),
            "0.bias is not in the optimizer",
        ),
        (
            # only names that say "bias" are spared: the norm's weight is forgotten
            lambda m: torch.optim.AdamW(
                [
                    {"params": [p], "weight_decay": 0.0 if "bias" in n else 0.1}
                    for n, p in m.named_parameters()
                ]
            ),
            "1.weight is a bias or norm",
        ),
    ],
)
def test_wrong_groups_are_told_apart(g, build, says):
    with pytest.raises(AssertionError, match=says):
        g["check_groups"](build)


def test_right_groups_pass(g):
    g["check_groups"](lambda m: groups(m, 0.1, 0.0))
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = g["build_adamw"](model)
    decayed, spared = optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert len(spared["params"]) == 3
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    assert decayed["lr"] == 1e-3


@pytest.mark.parametrize("exercise", ["lr-limit", "adamax", "groups"])
def test_shown_solution_is_checked(exercise):
    # from the syntax tree: a page shows the call, and a reader runs it
    checker = "check_" + exercise.replace("-", "_")
    calls = [
        node.value
        for node in ast.parse(SNIPPET.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert names.count(checker) == 1
