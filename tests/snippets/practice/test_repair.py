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
