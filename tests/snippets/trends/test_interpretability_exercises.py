"""What the checkers of the interpretability chapter accept, and what they say of wrong answers."""

import math
import re

import pytest
import torch
from sklearn.datasets import load_digits
from sources import SNIPPETS, regions
from torch.nn import functional as F


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("trends/interpretability_exercises.py")


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.\d+", text)]


def test_the_network_has_learned_the_digits(page):
    raw = load_digits()
    assert torch.equal(page["pictures"] * 16, torch.tensor(raw.data).float())
    assert torch.equal(page["digit"], torch.tensor(raw.target))
    sizes = [tuple(p.shape) for p in page["net"].parameters()]
    assert sizes == [(32, 64), (32,), (10, 32), (10,)]
    with torch.no_grad():
        right = page["net"](page["pictures"]).argmax(dim=1) == page["digit"]
    assert right.float().mean() > 0.97
    assert numbers(page.by_region["network"]) == [round(right.float().mean().item(), 3)]


def test_the_network_is_trained_by_adam_on_all_images(page):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(net(page["pictures"]), page["digit"]).backward()
        optimizer.step()
    x = page["pictures"][:50]
    torch.testing.assert_close(net(x), page["net"](x))


def test_logit_and_gradient_are_those_of_the_chapter():
    def code(module):
        lines = regions(SNIPPETS / f"trends/{module}.py")["gradient"]
        return "\n".join(line.text for line in lines)

    assert code("interpretability").startswith(code("interpretability_exercises"))


def path_mean(f, x, baseline, steps, points=None):
    total = torch.zeros_like(x)
    for k in range(steps):
        at = baseline + (k + 0.5) / steps * (x - baseline)
        at = at.requires_grad_()
        total += torch.autograd.grad(f(at).sum(), at)[0]
    return total / steps


def midpoints(f, x, baseline, steps=64):
    return (x - baseline) * path_mean(f, x, baseline, steps)


def at_the_end(f, x, baseline, steps):
    at = x.clone().requires_grad_()
    return (x - baseline) * torch.autograd.grad(f(at).sum(), at)[0]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (path_mean, "the factor x - baseline is missing"),
        (lambda f, x, b, m: x * path_mean(f, x, b, m), "multiplied by x instead"),
        (at_the_end, "uses the gradient at x only"),
        (
            lambda f, x, b, m: (x - b) * path_mean(f, x, b, m) * m,
            "the sum misses f",
        ),
        (
            lambda f, x, b, m: ((x - b) * path_mean(f, x, b, m)).flip(1),
            "the sum is right, the shares of the inputs are not",
        ),
        (
            lambda f, x, b, m: ((x - b) * path_mean(f, x, b, m)).sum(dim=1),
            "the shape should be (2, 2), got (2,)",
        ),
    ],
)
def test_wrong_integrals_are_told(page, answer, problem):
    with pytest.raises(AssertionError, match=re.escape(problem)):
        page["check_integrated"](answer)


def test_right_integrals_pass(page):
    page["check_integrated"](page["all_at_once"])
    # right, but with a backward pass for each point
    for loop in (midpoints, left_ends):
        with pytest.raises(AssertionError, match="call f once, .* called 1000 times"):
            page["check_integrated"](loop)
    with pytest.raises(AssertionError, match="1000 points for each row of x"):
        page["check_integrated"](lambda f, x, b, m: page["all_at_once"](f, x, b, 50))
    few, black = page["pictures"][:5], torch.zeros(5, 64)
    target = page["net"](few).argmax(dim=1)
    f = page["logit"](page["net"], target)
    repeated = page["logit"](page["net"], target.repeat(64))
    got = page["all_at_once"](repeated, few, black, 64)
    assert torch.allclose(got, midpoints(f, few, black), atol=1e-4)
    total, difference = numbers(page.by_region["solve-integrated"])
    assert total == pytest.approx(difference, abs=0.05)
    assert difference == pytest.approx((f(few)[0] - f(black)[0]).item(), abs=1e-4)
    with pytest.raises(IndexError, match="shape mismatch"):
        f(page["pictures"][:6])


def left_ends(f, x, baseline, steps):
    total = torch.zeros_like(x)
    for k in range(steps):
        at = (baseline + k / steps * (x - baseline)).requires_grad_()
        total += torch.autograd.grad(f(at).sum(), at)[0]
    return (x - baseline) * total / steps


def test_a_small_gap_is_a_gap(page):
    """The sum of a row may miss by 0.05 and no more: here it misses by 0.08."""
    with pytest.raises(AssertionError, match=r"misses f\(x\) - f\(x'\) by 0.08"):
        page["check_integrated"](
            lambda f, x, b, m: (x - b) * path_mean(f, x, b, m) + 0.04
        )


def test_small_errors_of_the_shares_are_errors(page):
    tilt = torch.tensor([[0.07, -0.07]])
    with pytest.raises(AssertionError, match="shares of the inputs are not"):
        page["check_integrated"](
            lambda f, x, b, m: (x - b) * path_mean(f, x, b, m) + tilt
        )


def test_the_checkers_ask_at_points_that_tell_mistakes_apart(page):
    asked = []

    def watched(f, x, baseline, steps):
        asked.append((x.tolist(), baseline.tolist()))
        return midpoints(f, x, baseline, steps)

    with pytest.raises(AssertionError, match="call f once"):
        page["check_integrated"](watched)
    assert asked == [([[1.0, 2.0], [3.0, -1.0]], [[0.5, 0.0], [0.0, 1.0]])]

    def watched_too(f, x, sigma, count):
        asked.append((x.tolist(), sigma, count))
        return noisy_mean(f, x, sigma, count)

    page["check_smooth"](watched_too)
    assert asked[1] == ([[1.0, -2.0]], 0.5, 4000)


def grad(f, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


def noisy_mean(f, x, scale, count):
    return sum(grad(f, x + scale * torch.randn_like(x)) for _ in range(count)) / count


def one_noise_for_all(f, x, sigma, count):
    return sum(grad(f, x + sigma * torch.randn(())) for _ in range(count)) / count


def in_place(f, x, sigma, count):
    result = noisy_mean(f, x, sigma, count)
    x += 1
    return result


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (in_place, "the x passed in was changed"),
        (lambda f, x, sigma, count: grad(f, x), "no noise"),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, math.sqrt(sigma), count),
            "the standard deviation, not the variance",
        ),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, sigma, count) * count,
            "take the mean, not the sum",
        ),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, 3 * sigma, count),
            "should be about",
        ),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, sigma, count).abs(),
            "should be about",
        ),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, sigma, 3900),
            "at 4000 points, not at 3900",
        ),
        (one_noise_for_all, "all inputs share one noise"),
        (
            lambda f, x, sigma, count: noisy_mean(f, x, sigma, count).flatten(),
            r"the shape should be \(1, 2\), got \(2,\)",
        ),
    ],
)
def test_wrong_smoothing_is_told(page, answer, problem):
    with pytest.raises(AssertionError, match=problem):
        page["check_smooth"](answer)


def test_right_smoothing_passes(page):
    page["check_smooth"](page["smooth_grad"])
    page["check_smooth"](noisy_mean)
    torch.manual_seed(3)
    x = torch.tensor([[0.0, 2.0]])
    got = page["smooth_grad"](lambda x: (x**3).sum(dim=1), x, 1.0, 4000)
    # The mean of 3 (x + z)² is 3 (x² + 1); its error over 4000 draws is below 0.5.
    assert torch.allclose(got, torch.tensor([[3.0, 15.0]]), atol=0.8)
    many = page["pictures"][:100]
    f = page["logit"](page["net"], page["net"](many).argmax(dim=1))
    torch.manual_seed(0)
    alike = F.cosine_similarity(noisy_mean(f, many, 0.3, 20), grad(f, many)).mean()
    assert 0.8 < alike < 1
    (said,) = numbers(page.by_region["solve-smooth"])
    assert said == pytest.approx(alike.item(), abs=1e-3)
