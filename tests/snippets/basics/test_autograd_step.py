"""What the explorable of the step claims: two kinds of error, the best step, autograd's error."""

import math
import random

import pytest
import torch

UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("basics/autograd_step.py")


@pytest.fixture(scope="module")
def derivatives():
    """f and its first three derivatives at 1, in closed form."""
    s, c = math.sin(1), math.cos(1)
    e = math.exp(s)
    return e, c * e, (c * c - s) * e, (c**3 - 3 * s * c - c) * e


def test_exact_is_the_derivative(g, derivatives):
    assert g["exact"] == pytest.approx(derivatives[1], rel=1e-15)
    at = torch.tensor(1.0, dtype=torch.float64)
    third = torch.func.grad(torch.func.grad(torch.func.grad(g["f"])))
    assert third(at).item() == pytest.approx(derivatives[3], rel=1e-12)


def test_on_the_right_truncation_rules(g, derivatives):
    _, _, second, third = derivatives
    for dtype, steps in {
        "float32": (0.1, 0.03, 0.01),
        "float64": (1e-2, 1e-3, 1e-4),
    }.items():
        for h in steps:
            forward, central = (
                g["table"][h, dtype, form]["error"] for form in g["FORMS"]
            )
            assert forward == pytest.approx(h / 2 * abs(second), rel=0.2), (h, dtype)
            if dtype == "float64" or h > 0.02:
                assert central == pytest.approx(h * h / 6 * abs(third), rel=0.2), (
                    h,
                    dtype,
                )


def test_no_error_exceeds_truncation_plus_rounding(g, derivatives):
    value, _, second, third = derivatives
    for (h, dtype, form), out in g["table"].items():
        # A few units for each value of f, and for the place x ± h
        rounding = 4 * UNIT[dtype] * (value + 1) / h
        truncation = (
            h / 2 * abs(second) if form == "forward" else h * h / 6 * abs(third)
        )
        assert out["error"] <= 2 * truncation + rounding + UNIT[dtype], (h, dtype, form)
        assert out["slope"] == pytest.approx(g["exact"], abs=out["error"] * 1.1 + 1e-4)


def test_the_best_step_is_near_the_predicted_one(g, derivatives):
    value, _, second, third = derivatives
    for dtype, unit in UNIT.items():
        forward = 2 * math.sqrt(unit * value / abs(second))
        central = (3 * unit * value / abs(third)) ** (1 / 3)
        for form, predicted in zip(g["FORMS"], (forward, central), strict=True):
            best = g["best"][dtype, form]
            assert 1 / 10 < best / predicted < 10, (dtype, form, best, predicted)
            errors = {h: g["table"][h, dtype, form]["error"] for h in g["STEPS"]}
            assert errors[best] == min(errors.values())
        least = [
            g["table"][g["best"][dtype, form], dtype, form]["error"]
            for form in g["FORMS"]
        ]
        assert least[1] < least[0] / 5


def test_autograd_is_at_the_level_of_rounding(g):
    for (_, dtype, _), out in g["table"].items():
        assert out["autograd"] <= 2 * UNIT[dtype] * g["exact"]
        assert out["autograd"] < out["error"]


def test_a_step_below_half_a_unit_leaves_no_difference(g):
    for (h, dtype, _), out in g["table"].items():
        # Numbers below 1 lie twice as close as those above, so 1 - h sets the limit
        if h < UNIT[dtype] / 2:
            assert out["slope"] == 0 and out["x"] == [1, 1]
            assert out["secant"][0] == out["secant"][1]
    assert g["table"][1e-8, "float32", "central"]["slope"] == 0
    assert g["table"][1e-8, "float64", "central"]["slope"] != 0


def test_the_secant_passes_through_its_two_points(g):
    for (h, _, form), out in g["table"].items():
        if h < 0.1:
            continue
        left, right = ((1 - h) if form == "central" else 1, 1 + h)
        assert out["x"] == pytest.approx([left, right], abs=1e-3)
        value = [math.exp(math.sin(x)) for x in (left, right)]
        assert out["y"] == pytest.approx(value, abs=1e-3)
        rise = (value[1] - value[0]) / (right - left)
        ends = [value[0] + rise * (x - left) for x in (-0.5, 2.5)]
        assert out["secant"] == pytest.approx(ends, abs=2e-3)


def test_a_stored_run_equals_a_fresh_one(g):
    for position in random.Random(0).sample(list(g["table"]), 10):
        assert g["run"](*position) == g["table"][position]
