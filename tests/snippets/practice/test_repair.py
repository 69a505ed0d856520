"""The article's faults: do they fail as the page says, and are the mends right?"""

import math
import re
import textwrap
import warnings
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]
PATH = "practice/repair.py"
VARIANCE = 0.01


@pytest.fixture(scope="module")
def run(snippet):
    return snippet(PATH)


@pytest.fixture(scope="module")
def printed(run):
    assert not list(run.folder.iterdir())
    return run.printed


def line(x, y):
    """Slope and intercept of least squares by the textbook's sums."""
    x, y = x.double().flatten(), y.double().flatten()
    dx = x - x.mean()
    w = ((dx * y).sum() / dx.square().sum()).item()
    return w, (y.mean() - w * x.mean()).item()


def last_line(error):
    return str(error.value).strip().splitlines()[-1].strip()


# As printed: the very lines of the article


@pytest.mark.parametrize(
    "lines",
    [
        "import torch\nimport torch.nn as nn\nimport torch.optim as optim",
        "x = torch.linspace(-1, 1, 100)\ny = 2 * x + 3 + torch.normal(std=0.1)",
        "w = torch.randn(1, requires_grad=True)\nb = torch.randn(1, requires_grad=True)",
        """
        class LinearRegression(nn.Module):
            def __init__(self):
                super(LinearRegression, self).__init__()
                self.linear = nn.Linear(1, 1)

            def forward(self, x):
                return self.linear(x)
        """,
        "criterion = nn.MSELoss()\n"
        "optimizer = optim.SGD(model.parameters(), lr=0.01)\n"
        "for epoch in range(1000):\n"
        "    # 前向传播\n"
        "    y_pred = model(x)\n"
        "    # 计算损失\n"
        "    loss = criterion(y_pred, y)\n"
        "    # 后向传播\n"
        "    loss.backward()\n"
        "    # 参数更新\n"
        "    optimizer.step()\n"
        "    # 参数梯度清零\n"
        "    optimizer.zero_grad()",
    ],
)
def test_faulty_code_is_the_articles(lines):
    source = (ROOT / "snippets" / PATH).read_text()
    source = re.sub(r'(?s) *""".*?"""\n', "", source)  # what we say of it
    kept = [
        text.strip().replace("# zh: ", "# ")
        for text in source.splitlines()
        if text.strip() and not text.strip().startswith("# en: ")
    ]
    wanted = [t.strip() for t in textwrap.dedent(lines).splitlines() if t.strip()]
    places = range(len(kept) - len(wanted) + 1)
    assert any(kept[n : n + len(wanted)] == wanted for n in places)


# One and two: the noise


def test_normal_wants_a_mean(run):
    with pytest.raises(TypeError) as error:
        run["fails_normal"]()
    wanted = 'normal() missing 1 required positional arguments: "mean"'
    assert last_line(error) == wanted


def test_normal_wants_a_size_as_well(run):
    with pytest.raises(TypeError) as error:
        run["fails_normal_mean"]()
    first = str(error.value).splitlines()[0]
    assert first.startswith("normal() received an invalid combination of arguments")
    assert "tuple of ints size" in last_line(error)


def test_mended_noise_is_independent_for_every_point(run):
    noise = run["noise"]
    assert noise.shape == (100,)
    assert len(noise.unique()) == 100
    assert noise.std().item() == pytest.approx(0.1, abs=3 * 0.1 / math.sqrt(200))
    assert noise.mean().item() == pytest.approx(0, abs=3 * 0.1 / 10)


def test_one_constant_is_a_perfect_fit_to_the_wrong_line(run):
    shift = run["y_lie"] - (2 * torch.linspace(-1, 1, 100) + 3)
    assert (shift.max() - shift.min()).item() < 1e-5
    assert run["b_lie"] == pytest.approx(3 + shift.mean().item(), abs=1e-4)
    assert run["b_lie"] == pytest.approx(3.154, abs=1e-3)
    assert run["w_lie"] == pytest.approx(2, abs=5e-3)
    assert 0 < run["loss_lie"] < VARIANCE / 1000


def test_real_noise_gives_the_honest_fit(run):
    x = torch.linspace(-1, 1, 100)
    torch.manual_seed(0)
    y = 2 * x + 3 + torch.normal(0.0, 0.1, size=x.shape)
    w, b = line(x, y)
    assert run["w_fit"] == pytest.approx(w, abs=5e-3)
    assert run["b_fit"] == pytest.approx(b, abs=1e-4)
    assert run["w_fit"] == pytest.approx(2, abs=3 * 0.1 / math.sqrt(34))
    assert run["b_fit"] == pytest.approx(3, abs=3 * 0.1 / 10)
    floor = (w * x + b - y).square().mean().item()
    assert run["loss_fit"] == pytest.approx(floor, abs=1e-5)
    assert floor == pytest.approx(VARIANCE, abs=3 * VARIANCE * math.sqrt(2 / 100))


# Three and four: the shapes


def test_a_flat_input_raises(run):
    with pytest.raises(RuntimeError) as error:
        run["fails_flat"]()
    wanted = "mat1 and mat2 shapes cannot be multiplied (1x100 and 1x1)"
    assert last_line(error) == wanted


def test_the_broadcast_warns_once(run):
    (warning,) = run["caught"]
    assert warning.category is UserWarning
    assert str(warning.message).startswith(
        "Using a target size (torch.Size([100])) that is different to the input size "
        "(torch.Size([100, 1]))"
    )


@pytest.mark.parametrize("before", ["ignore", "always"])
def test_the_broadcast_warns_once_whatever_was_asked_before(run, before):
    source = (ROOT / "snippets" / PATH).read_text("utf-8")
    code = source.split("[start:broadcast]")[1].split("\nfor warning")[0]
    again = dict(run) | {"x": run["x"][:9], "y": run["y"][:9]}
    with warnings.catch_warnings():
        warnings.simplefilter(before)
        exec(code, again)
    assert len(again["caught"]) == 1


def test_the_broadcast_learns_the_mean_and_its_loss_is_the_variance(run):
    torch.manual_seed(0)
    y = 2 * torch.linspace(-1, 1, 100) + 3 + torch.normal(0.0, 0.1, size=(100,))
    assert run["w_flat"] == pytest.approx(0, abs=1e-5)
    assert run["b_flat"] == pytest.approx(y.mean().item(), abs=1e-4)
    assert run["loss_flat"] == pytest.approx(y.var(correction=0).item(), abs=1e-4)
    assert run["loss_flat"] > 100 * run["loss_fit"]


def test_the_grid_holds_every_prediction_against_every_target(run):
    assert run["grid"].shape == (100, 100)
    assert run["grid"].mean().item() == pytest.approx(run["loss_flat"], abs=1e-5)


def test_the_grid_is_made_from_the_learned_line(run):
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    expected = run["w_flat"] * x + run["b_flat"]
    assert torch.allclose(run["prediction"], expected, atol=1e-6)


def test_the_identity_holds_for_another_line(run):
    assert run["line"].flatten()[[0, -1]].tolist() == [-6, 4]
    assert run["left"].item() == pytest.approx(run["right"].item(), rel=1e-5)
    y = 2 * torch.linspace(-1, 1, 100).double() + 3
    other = 5 * torch.linspace(-1, 1, 100).double() - 1
    mean = sum((p - t) ** 2 for p in other for t in y) / 100**2
    assert run["left"].item() == pytest.approx(mean.item(), rel=0.02)


# Five to eight


def test_w_and_b_take_no_part(run):
    assert (run["w"].item(), run["b"].item()) == run["before"]
    for name in ("w", "b"):
        assert run[name].requires_grad and run[name].grad is None


def test_full_batch_repeats_and_mini_batches_scatter_around_it(run):
    full, batches = run["full"], run["batches"]
    assert len(full) == len(batches) == 5
    assert len(set(full)) == 1
    assert len(set(batches)) == 5
    assert sum(batches) / 5 == pytest.approx(full[0], rel=1e-5)
    assert max(batches) - min(batches) > 0.1
    assert len(run["data"]) == 100


def test_slope_is_the_derivative_by_the_bias(run):
    model = run["Line"]()
    model.forward = lambda x: model.linear(x)
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [7.0]])
    expected = 2 * (model(x) - y).mean().item()
    # Twice: it must not accumulate.
    assert run["slope_at"](model, x, y) == pytest.approx(expected)
    assert run["slope_at"](model, x, y) == pytest.approx(expected)


def test_runs_without_a_seed_differ_and_with_one_repeat(run):
    assert len({w for w, _, _ in run["unseeded"]}) == 3
    assert len(run["seeded"]) == 2
    assert run["seeded"][0] == run["seeded"][1]
    assert run["seeded"][0] not in run["unseeded"]
    for w, b, loss in run["unseeded"] + run["seeded"]:
        assert w == pytest.approx(2, abs=4 * 0.1 / math.sqrt(34))
        assert b == pytest.approx(3, abs=4 * 0.1 / 10)
        assert loss == pytest.approx(VARIANCE, abs=4 * VARIANCE * math.sqrt(2 / 100))


def test_super_with_another_class_raises(run):
    with pytest.raises(TypeError) as error:
        run["fails_super"]()
    # Python 3.13 words it differently.
    assert re.match(r"super\(type, obj\): obj .*of type", last_line(error))
    assert sum(p.numel() for p in run["Line"]().parameters()) == 2


def test_the_stale_gradient_is_twice_the_clean_one(run):
    assert run["stale"] == pytest.approx(2 * run["clean"])
    assert abs(run["clean"]) > 1


# The repaired listing


def test_repaired_listing_fits_the_line(run):
    x, y = run["train_set"].tensors
    assert x.shape == y.shape == (80, 1)
    assert run["x_test"].shape == run["y_test"].shape == (20, 1)
    w, b = line(x, y)
    assert run["w_final"] == pytest.approx(w, abs=0.03)
    assert run["b_final"] == pytest.approx(b, abs=0.03)
    assert run["w_final"] == pytest.approx(2, abs=3 * 0.1 / math.sqrt(0.34 * 80))
    assert run["b_final"] == pytest.approx(3, abs=3 * 0.1 / math.sqrt(80))
    assert run["LinearRegression"]()(x).shape == (80, 1)


def test_repaired_listing_holds_data_back(run):
    x_train, _ = run["train_set"].tensors
    both = torch.cat([x_train, run["x_test"]]).flatten().sort().values
    assert torch.equal(both, torch.linspace(-1, 1, 100))
    assert run["x_test"].min() < -0.5 and run["x_test"].max() > 0.5
    for x, y in (run["train_set"].tensors, (run["x_test"], run["y_test"])):
        noise = y - 2 * x - 3
        assert noise.std().item() == pytest.approx(0.1, abs=0.05)
    assert [len(x) for x, _ in run["loader"]] == [16] * 5
    first, second = (torch.cat([x for x, _ in run["loader"]]) for _ in range(2))
    assert not torch.equal(first, second)


def test_repaired_listing_ends_at_the_noise(run):
    history = run["history"]
    assert len(history) == 40
    assert history[0] > 3
    x, y = run["train_set"].tensors
    w, b = line(x, y)
    floor = (w * x + b - y).square().mean().item()
    assert history[-1] == pytest.approx(floor, rel=0.15)
    error = run["w_final"] * run["x_test"] + run["b_final"] - run["y_test"]
    assert run["test_loss"] == pytest.approx(error.square().mean().item(), rel=1e-4)
    assert run["test_loss"] == pytest.approx(VARIANCE, abs=3 * VARIANCE * 0.1**0.5)
    assert not run["model"].training


# Exercises


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


# What the page prints

PRINTED = """\
(100,) std 0.1030
w = 1.997 b = 3.154 loss = 2.3e-06
w = 1.998 b = 3.004 loss = 1.0e-02
(100,) -> (100, 1)
(100, 1)
UserWarning: Using a target size (torch.Size([100])) that is different to the input \
size (torch.Size([100, 1])). This will likely lead to incorrect results due to \
broadcasting. Please ensure they have the same size.
|w| = 0.0000 b = 3.0037 loss = 1.3706
shape (100, 100)
mean 1.3706
Var(y) 1.3706
25.9020 = 25.9020
unchanged True
w.grad None b.grad None
linear.weight (1, 1) requires_grad True
linear.bias (1,) requires_grad True
full -5.478 -5.478 -5.478 -5.478 -5.478
batch -5.118 -5.488 -5.712 -5.340 -5.734
mean -5.478
w = 2.0156 b = 3.0131 loss = 0.0109
w = 1.9785 b = 3.0028 loss = 0.0081
w = 1.9789 b = 3.0000 loss = 0.0090
same True
2
clean -5.8876 stale -11.7753
cleared first -5.8876
epoch 0 train loss 8.2715
epoch 10 train loss 0.0120
epoch 20 train loss 0.0111
epoch 30 train loss 0.0110
w = 2.011 b = 2.996 test loss 0.0094
"""


def test_what_the_blocks_print(printed):
    """Word for word, and number for number up to the rounding of another machine."""
    words, expected = printed.split(), PRINTED.split()
    assert len(words) == len(expected)
    for word, wanted in zip(words, expected, strict=True):
        try:
            number = float(wanted)
        except ValueError:
            assert word == wanted
        else:
            assert float(word) == pytest.approx(number, rel=1e-3, abs=1.1e-3)
