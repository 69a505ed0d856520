"""The exercises on linear regression: what the checkers say of right and wrong answers."""

import math

import pytest
import torch


@pytest.fixture(scope="module")
def run(snippet):
    return snippet("practice/linear_regression_exercises.py")


def right_gradient(w, b, x, y):
    residual = w * x + b - y
    return 2 * (residual * x).mean(), 2 * residual.mean()


def scaled(factor):
    return lambda *a: tuple(factor * part for part in right_gradient(*a))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (scaled(-1), "sign is wrong"),
        (scaled(0.5), "factor 2 is missing"),
        (scaled(4), "n times too large"),
        (lambda w, b, x, y: (right_gradient(w, b, x, y)[1],) * 2, "dw is wrong"),
        (lambda w, b, x, y: (right_gradient(w, b, x, y)[0],) * 2, "db is wrong"),
        (scaled(1.01), "dw is wrong"),
        (lambda *a: (right_gradient(*a)[0], 2 * right_gradient(*a)[1]), "db is wrong"),
    ],
)
def test_gradient_checker_says_what_is_wrong(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_gradient"](wrong)


def test_gradient_checker_passes_right_answers(run):
    run["check_gradient"](run["gradient"])
    run["check_gradient"](right_gradient)


def test_gradient_checker_asks_at_a_point_where_all_faults_differ(run):
    seen = []

    def spy(w, b, x, y):
        seen.extend([w.tolist(), b.tolist(), x.tolist(), y.tolist()])
        return right_gradient(w, b, x, y)

    run["check_gradient"](spy)
    assert seen == [0.5, -1.0, [-1.0, 0.0, 2.0, 3.0], [1.0, -2.0, 0.0, 4.0]]


def fit_with(lr=0.1, steps=200, clear=True, column=False):
    def fit(x, y):
        w = torch.zeros(1, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        x = x.unsqueeze(1) if column else x
        for _ in range(steps):
            if clear:
                w.grad = b.grad = None
            (w * x + b - y).square().mean().backward()
            with torch.no_grad():
                w -= lr * w.grad
                b -= lr * b.grad
        return w.item(), b.item()

    return fit


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (fit_with(lr=1.5), "diverged"),
        (lambda x, y: (-150.0, 0.0), "diverged"),
        (lambda x, y: (0.0, 150.0), "diverged"),
        (fit_with(column=True), "broadcast"),
        (fit_with(steps=20), "too few steps"),
        (fit_with(clear=False), "not cleared"),
        (lambda x, y: (-1.5, 0.0), "too few steps"),
        (lambda x, y: (0.0, 3.0), "too few steps"),
        (lambda x, y: (99.0, 0.5), "too few steps"),
    ],
)
def test_fit_checker_says_what_is_wrong(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_fit"](wrong)


@pytest.mark.parametrize("off", [(0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)])
def test_fit_checker_wants_two_decimals(run, off):
    w, b = fit_with()(*exercise_data())
    run["check_fit"](lambda x, y: (w + off[0] / 4, b + off[1] / 4))
    with pytest.raises(AssertionError, match="far from the closed form"):
        run["check_fit"](lambda x, y: (w + off[0], b + off[1]))


def test_fit_checker_tells_a_broadcast_from_other_misses(run):
    mean = exercise_data()[1].mean().item()
    for w, b in ((0.04, mean), (-0.04, mean), (0.0, mean + 0.04)):
        with pytest.raises(AssertionError, match="broadcast"):
            run["check_fit"](lambda x, y, w=w, b=b: (w, b))
    for w, b in ((0.06, mean), (0.0, mean + 0.06), (99.5, mean), (0.0, -99.5)):
        with pytest.raises(AssertionError, match="far from the closed form"):
            run["check_fit"](lambda x, y, w=w, b=b: (w, b))
    for w, b in ((100.5, mean), (0.0, -100.5)):
        with pytest.raises(AssertionError, match="diverged"):
            run["check_fit"](lambda x, y, w=w, b=b: (w, b))


def test_fit_checker_hands_over_flat_tensors(run):
    seen = []

    def spy(x, y):
        seen.extend([x, y])
        return fit_with()(x, y)

    run["check_fit"](spy)
    for got, expected in zip(seen, exercise_data(), strict=True):
        assert torch.equal(got, expected)


def exercise_data():
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(-1, 1, 60)
    return x, 0.5 - 1.5 * x + 0.2 * torch.randn(60, generator=generator)


def test_fit_checker_passes_right_answers(run):
    run["check_fit"](run["fit"])
    run["check_fit"](fit_with())
    w, b = run["fit"](*exercise_data())
    assert (w, b) == pytest.approx((-1.5, 0.5), abs=3 * 0.2 / math.sqrt(20))


def lstsq(x, y):
    return torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1)], 1), y).solution


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, y: torch.linalg.lstsq(x, y).solution, "got 2: add a column"),
        (lambda x, y: lstsq(x, y).roll(1, 0), "intercept comes last"),
        (lambda x, y: lstsq(x, y) * 1.001, "gradient is not zero"),
        (lambda x, y: torch.tensor([1.0, -2.0, 4.0]), "gradient is not zero"),
    ],
)
def test_least_squares_checker_says_what_is_wrong(run, wrong, message):
    with pytest.raises(AssertionError, match=message):
        run["check_least_squares"](wrong)


def test_least_squares_checker_allows_rounding_and_no_more(run):
    seen = []

    def off(amount):
        def solve(x, y):
            seen.extend([x, y])
            return lstsq(x, y) + torch.tensor([[0.0], [0.0], [amount]])

        return solve

    run["check_least_squares"](off(5e-5))
    with pytest.raises(AssertionError, match="gradient is not zero"):
        run["check_least_squares"](off(1.5e-4))
    x, y = seen[:2]
    assert x.shape == (50, 2)
    noise = y - (x @ torch.tensor([[1.0], [-2.0]]) + 4)
    assert noise.mean().item() == pytest.approx(0, abs=3 * 0.1 / math.sqrt(50))
    assert noise.std().item() == pytest.approx(0.1, abs=3 * 0.1 / math.sqrt(100))


def test_least_squares_checker_passes_right_answers(run):
    run["check_least_squares"](run["least_squares"])
    assert run["least_squares"](torch.randn(9, 4), torch.randn(9, 1)).shape == (5, 1)
    run["check_least_squares"](lstsq)
