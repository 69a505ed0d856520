"""What the chapter after that on optimizers claims: noise, adaptive rules, decay, schedules."""

import math

import numpy as np
import pytest
import torch

A = torch.tensor([[3.0, 1.0], [1.0, 0.5]], dtype=torch.float64)
FAR = torch.tensor([4.0, -7.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/sgd_to_adamw.py")


@pytest.fixture(scope="module")
def printed(g):
    return g.printed.splitlines()


def bowl(p):
    """A smooth function that is not a quadratic."""
    return (p @ A * p).sum(-1).sqrt().mul(3).exp().log1p() + p.square().sum(-1) / 9


# What the chapter before it has, too


def test_data_and_rules_are_those_of_the_chapter_before(g, snippet):
    before = snippet("basics/optimizers.py")
    for name in ("X", "y", "origin"):
        assert torch.equal(g[name], before[name]), name
    for name in ("optimum", "hessian", "eigenvalues"):
        assert torch.allclose(g[name], before[name], rtol=1e-12), name
    for name in ("gradient_descent", "momentum"):
        paths = [
            chapter["descend"](chapter[name], bowl, FAR, 20, lr=0.05)
            for chapter in (g, before)
        ]
        assert torch.equal(*paths), name
    assert torch.equal(
        g["gradient"](g["rosenbrock"], FAR),
        before["gradient"](before["rosenbrock"], FAR),
    )
    away = g["eigenvectors"] @ g["eigenvalues"].diag() @ g["eigenvectors"].T
    assert torch.allclose(away, g["hessian"])


def test_no_line_lies_below_the_floor(g):
    solution = np.polyfit(g["x"].numpy(), g["y"].numpy(), 1)
    assert g["optimum"].tolist() == pytest.approx(solution.tolist())
    residual = g["y"].numpy() - np.polyval(solution, g["x"].numpy())
    assert g["line_loss"](g["optimum"]).item() == pytest.approx((residual**2).mean())
    assert g["floor"] == pytest.approx((residual**2).mean())


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
            theirs = {"momentum": 0.9}
    mine = g["descend"](g[name], bowl, FAR, 60, lr=0.05, **ours)

    theta = FAR.clone().requires_grad_()
    optimizer = make([theta], lr=0.05, **theirs)
    for position in mine:
        assert torch.allclose(position, theta, rtol=1e-11, atol=1e-13)
        optimizer.zero_grad()
        bowl(theta).backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam"])
def test_default_eps_is_torchs(g, name):
    make = {
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": Adam,
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
    assert names == list(SETTINGS)
    assert len(g["gaps"]) == 7
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


def test_a_constant_rate_settles_where_the_formula_says(g, printed):
    X, y, lr, batch = g["X"].numpy(), g["y"].numpy(), 0.4, 10
    gradients = 2 * (X @ g["optimum"].numpy() - y)[:, None] * X
    curvatures, directions = np.linalg.eigh(2 * X.T @ X / len(X))
    noise = (gradients @ directions).var(axis=0)  # the mean gradient is zero there
    level = (lr * noise / (2 * batch * (2 - lr * curvatures))).sum()
    assert g["predicted"] == pytest.approx(level)
    assert g["measured"] == pytest.approx(np.mean(g["excess"]["constant"][100:]))
    # 300 steps hold about 300 · 0.4 · 2/3 = 80 independent looks, each as wide as its mean
    assert g["measured"] == pytest.approx(level, rel=4 / math.sqrt(80))
    assert f"predicted = {level:.2e}   measured = {g['measured']:.2e}" in printed
    for name, values in g["excess"].items():
        assert g["tails"][name] == pytest.approx(np.mean(values[-50:]))


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
