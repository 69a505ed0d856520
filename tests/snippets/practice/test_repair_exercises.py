"""The exercises on the repairs: what the checkers say of right and wrong answers."""

import re

import pytest
import torch


@pytest.fixture(scope="module")
def run(snippet):
    return snippet("practice/repair_exercises.py")


def line(x, y):
    """Slope and intercept of least squares by the textbook's sums."""
    x, y = x.double().flatten(), y.double().flatten()
    dx = x - x.mean()
    w = ((dx * y).sum() / dx.square().sum()).item()
    return w, (y.mean() - w * x.mean()).item()


def same_shape(p, t):
    if p.shape != t.shape:
        raise ValueError
    return (p - t).square()


def only_counts(p, t):
    if p.numel() != t.numel():
        raise ValueError
    return (p.flatten() - t.flatten()).square().mean()


def only_dimensions(p, t):
    if p.dim() != t.dim():
        raise ValueError
    return (p - t).square().mean()


def transposed_only(p, t):
    if p.dim() != t.dim() or p.numel() != t.numel():
        raise ValueError
    return (p - t).square().mean()


def only_lengths_and_dimensions(p, t):
    if p.dim() != t.dim() or len(p) != len(t):
        raise ValueError
    return (p - t).square().mean()


def stops_by_an_assertion(p, t):
    assert p.shape == t.shape
    return (p - t).square().mean()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p, t: same_shape(p, t).sum(), "wrong value"),
        (lambda p, t: same_shape(p, t).mean().sqrt(), "wrong value"),
        (lambda p, t: (p - t).square().mean(), r"\(3, 1\), \(3,\) were accepted"),
        (only_counts, r"\(3, 1\), \(3,\) were accepted"),
        (transposed_only, r"\(3, 1\), \(1, 3\) were accepted"),
        (only_dimensions, r"\(3, 1\), \(1, 3\) were accepted"),
        (
            lambda p, t: same_shape(p, p if t.numel() == 1 else t).mean(),
            r"\(3, 1\), \(1, 1\) were accepted",
        ),
        (only_lengths_and_dimensions, r"\(3, 1\), \(3, 2\) were accepted"),
        (lambda p, t: same_shape(p, t).mean(0), r"a scalar, not of shape \(1,\)"),
        (stops_by_an_assertion, "must raise ValueError, not AssertionError"),
    ],
)
def test_mse_checker_says_what_is_wrong(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_safe_mse"](wrong)


def test_mse_checker_passes_right_answers(run):
    run["check_safe_mse"](run["safe_mse"])
    run["check_safe_mse"](lambda p, t: same_shape(p, t).mean())
    with pytest.raises(ValueError, match=re.escape("(2, 1) != (2,)")):
        run["safe_mse"](torch.zeros(2, 1), torch.zeros(2))


def made(noise, column=True):
    def make(w, b, sigma, n):
        x = torch.linspace(-1, 1, n)
        x = x.unsqueeze(1) if column else x
        return x, w * x + b + noise(sigma, x)

    return make


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (made(lambda s, x: s * torch.randn_like(x), column=False), "shapes must be"),
        (made(lambda s, x: s * torch.randn(len(x))), r"got \(2000, 1\), \(2000, 2000"),
        (lambda w, b, s, n: (torch.zeros(n, 1), torch.randn(n)), "shapes must be"),
        (made(lambda s, x: s * torch.randn(1)), "every point has the same noise"),
        (made(lambda s, x: 0), "every point has the same noise"),
        (made(lambda s, x: s * torch.rand_like(x)), r"mean of the noise is 0\.2"),
        (made(lambda s, x: s * (torch.randn_like(x) - 0.2)), r"noise is -0\.1"),
        (made(lambda s, x: s**2 * torch.randn_like(x)), r"deviates by 0\.2"),
        (made(lambda s, x: s**0.5 * torch.randn_like(x)), r"deviates by 0\.7"),
        (made(lambda s, x: s * (torch.rand_like(x) - 0.5)), r"deviates by 0\.1"),
        (made(lambda s, x: 0.8 * s * torch.randn_like(x)), r"deviates by 0\.4"),
        (lambda w, b, s, n: (torch.zeros(n, 2),) * 2, "shapes must be"),
    ],
)
def test_data_checker_says_what_is_wrong(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_noisy_line"](wrong)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (lambda z: 0.5 * z + 0.045, None),
        (lambda z: 0.5 * z + 0.055, "mean of the noise"),
        (lambda z: 0.5 * z - 0.055, "mean of the noise"),
        (lambda z: 0.545 * z, None),
        (lambda z: 0.555 * z, "deviates"),
        (lambda z: 0.445 * z, "deviates"),
        (lambda z: 2e-3 * z, "deviates"),
        (lambda z: 5e-4 * z, "same noise"),
    ],
)
def test_data_checker_draws_its_lines_at_a_tenth(run, noise, message):
    asked = []

    def make(w, b, sigma, n):
        asked.append((w, b, sigma, n))
        x = torch.linspace(-1, 1, n).unsqueeze(1).double()
        z = torch.randn_like(x)
        z = (z - z.mean()) / z.std()
        return x, w * x + b + noise(z)

    if message is None:
        run["check_noisy_line"](make)
    else:
        with pytest.raises(AssertionError, match=message):
            run["check_noisy_line"](make)
    assert asked == [(-3.0, 1.0, 0.5, 2000)]


def test_data_checker_leaves_the_first_fault_to_pytorch(run):
    with pytest.raises(TypeError, match="mean"):
        run["check_noisy_line"](made(lambda s, x: torch.normal(std=s)))


def test_mse_checker_asks_about_a_value_and_four_shapes(run):
    asked = []

    def spy(p, t):
        asked.append((p.tolist(), t.tolist()))
        return run["safe_mse"](p, t)

    run["check_safe_mse"](spy)
    column, row = [[1.0], [2.0], [6.0]], [0.0, 2.0, 3.0]
    wanted = [[[t] for t in row], row, [row], [[0.0]], [[t, t] for t in row]]
    assert asked == [(column, target) for target in wanted]


def test_data_checker_passes_right_answers(run):
    run["check_noisy_line"](run["noisy_line"])
    run["check_noisy_line"](made(lambda s, x: torch.normal(0.0, s, size=x.shape)))
    x, y = run["noisy_line"](-3.0, 1.0, 1e-3, 50)
    assert x.shape == y.shape == (50, 1)
    assert line(x, y) == pytest.approx((-3, 1), abs=2e-3)
