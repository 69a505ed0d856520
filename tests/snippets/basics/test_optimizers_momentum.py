"""What the explorable of rate and momentum claims: the limit, and where each rule is at its best."""

import random

import pytest
import torch


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/optimizers_momentum.py")


def test_each_run_is_the_linear_recursion_of_heavy_ball_momentum(g):
    curvature = torch.tensor([1.0, 25.0], dtype=torch.float64)
    for (rate, beta), out in g["table"].items():
        p = torch.tensor([-4.0, 1.5], dtype=torch.float64)
        v = torch.zeros(2, dtype=torch.float64)
        path = [p]
        for _ in range(out["steps"]):
            v = beta * v + curvature * p
            p = p - rate * v
            path.append(p)
        found = torch.tensor([out["x"], out["y"]], dtype=torch.float64).T
        assert torch.allclose(found, torch.stack(path), atol=6e-4, rtol=0)
        distances = torch.stack(path).norm(dim=1)
        stored = torch.tensor(out["distance"], dtype=torch.float64)
        assert torch.allclose(stored, distances, rtol=6e-3, atol=0)
        assert out["last"] == out["distance"][-1]


def test_only_runs_beyond_the_limit_leave_the_bowl(g):
    left = {at for at, out in g["table"].items() if out["steps"] < 60}
    assert left
    for rate, beta in left:
        assert rate > 2 * (1 + beta) / 25
        *before, last = g["table"][rate, beta]["distance"]
        assert max(before) <= 20 < last
    for (rate, beta), out in g["table"].items():
        if rate > 2 * (1 + beta) / 25 * 1.05:
            assert (rate, beta) in left
        if rate < 2 * (1 + beta) / 25:
            assert out["last"] < 20


def test_the_best_settings_are_where_the_formulas_say(g):
    last = {at: out["last"] for at, out in g["table"].items()}
    plain = {rate: last[rate, 0.0] for rate in g["RATES"]}
    assert min(plain, key=plain.get) == 0.077 == round(2 / 26, 3)
    assert min(last, key=last.get) == (0.111, 0.44)
    assert (round(4 / 36, 3), round((4 / 6) ** 2, 2)) == (0.111, 0.44)


def test_a_stored_run_equals_a_fresh_one(g):
    for at in random.Random(0).sample(list(g["table"]), 5):
        assert g["run"](*at) == g["table"][at]
