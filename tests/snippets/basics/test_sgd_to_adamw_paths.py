"""What the explorable of the five optimizers claims: who arrives, and who leaves the valley."""

import random
from functools import partial

import pytest
import torch


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/sgd_to_adamw_paths.py")


def test_the_five_are_those_of_torch_optim_with_the_settings_that_the_page_names(g):
    optim = torch.optim
    found = {
        name: (rule.func, rule.keywords) if isinstance(rule, partial) else (rule, {})
        for name, rule in g["OPTIMIZERS"].items()
    }
    assert found == {
        "SGD": (optim.SGD, {}),
        "momentum": (optim.SGD, {"momentum": 0.9}),
        "RMSprop": (optim.RMSprop, {}),
        "Adam": (optim.Adam, {}),
        "AdamW": (optim.AdamW, {"weight_decay": 0.1}),
    }


def test_steps_losses_and_positions_belong_together(g):
    for at, out in g["table"].items():
        assert out["step"][0] == 0 and (out["x"][0], out["y"][0]) == (-1.2, 1.0)
        assert out["step"][:-1] == list(range(0, len(out["step"]) * 4 - 4, 4)), at
        x, y = torch.tensor([out["x"], out["y"]], dtype=torch.float64)
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        stored = torch.tensor(out["loss"], dtype=torch.float64)
        # Positions are rounded to 0.001, which the steep sides of the valley magnify.
        slope = 1 + 400 * x.abs() * (y - x**2).abs() + 200 * (y - x**2).abs()
        assert ((loss - stored).abs() < 1e-3 * slope + 0.01 * stored + 1e-3).all(), at
        away = torch.tensor([out["x"][-1] - 1, out["y"][-1] - 1]).norm().item()
        assert out["away"] == pytest.approx(away, abs=2e-3)


def test_plain_sgd_is_two_lines_of_arithmetic(g):
    x, y = -1.2, 1.0
    for _ in range(400):
        slope = -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)
        x, y = x - 0.003 * slope[0], y - 0.003 * slope[1]
    out = g["table"]["SGD", 0.003]
    assert (out["x"][-1], out["y"][-1]) == pytest.approx((x, y), abs=6e-4)


def test_who_leaves_the_valley_and_who_arrives(g):
    left = {at for at, out in g["table"].items() if out["step"][-1] < 400}
    assert all(name in ("SGD", "momentum", "RMSprop") for name, _ in left)
    assert {rate for name, rate in left if name == "SGD"} == {0.01, 0.03, 0.1, 0.3, 1.0}
    away = {at: out["away"] for at, out in g["table"].items()}
    assert away["momentum", 0.003] < 0.01 < away["Adam", 1.0] < 0.03
    assert min(away["SGD", rate] for rate in g["RATES"]) > 0.5
    # Decay keeps AdamW from the minimum that Adam, the same rule without it, reaches.
    assert min(away["AdamW", rate] for rate in g["RATES"]) > 0.8


def test_a_stored_run_equals_a_fresh_one(g):
    for at in random.Random(0).sample(list(g["table"]), 3):
        assert g["run"](*at) == g["table"][at]
