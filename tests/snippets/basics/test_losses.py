"""What the loss chapter claims, against closed forms, numpy, scikit-learn and torch."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

FILE = Path(__file__).parents[3] / "snippets/basics/losses.py"


@pytest.fixture(scope="module")
def chapter(snippet):
    return snippet("basics/losses.py")


@pytest.fixture(scope="module")
def printed(chapter):
    """What a reader sees when the whole chapter runs, line by line."""
    return [line.rstrip() for line in chapter.printed.splitlines()]


@pytest.fixture(scope="module")
def line():
    """The outlier data of the page, made again: float64 x and y."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100)
    y = 2 * x + 3 + 0.1 * torch.randn(100)
    y[-10:] += 10
    return x.double().numpy(), y.double().numpy()


def test_squared_error_is_the_gaussian_likelihood(chapter, printed):
    torch.manual_seed(0)
    y = (3 + 0.5 * torch.randn(200)).double().numpy()
    found = chapter["negative_log_likelihoods"]
    assert list(found) == [2.0, 3.0, 4.0]
    for mu, (nll, from_mse) in found.items():
        density = np.exp(-((y - mu) ** 2) / (2 * 0.25)) / np.sqrt(2 * np.pi * 0.25)
        assert nll == pytest.approx(-np.log(density).mean(), rel=1e-5)
        assert from_mse == pytest.approx(nll, rel=1e-5)
        mse = ((y - mu) ** 2).mean()
        assert f"mu = {mu}: nll {nll:.4f}, mse {mse:.4f}, from mse {nll:.4f}" in printed
    assert min(found, key=found.get) == 3.0


def test_mse_picks_the_mean_and_l1_the_median(chapter, printed):
    c = chapter["c"]
    y = chapter["skewed"].numpy()
    assert y.tolist() == [1, 2, 3, 4, 15]
    assert c[chapter["squared"].argmin()].item() == pytest.approx(y.mean(), abs=0.005)
    assert c[chapter["absolute"].argmin()].item() == pytest.approx(np.median(y))
    assert chapter["squared"][0].item() == pytest.approx((y**2).mean())
    assert chapter["absolute"][0].item() == pytest.approx(y.mean())
    assert c[0] == 0 and c[-1] > 15.5
    assert "MSE: c = 5.00, mean 5.00" in printed
    assert "L1 : c = 3.00, median 3.00" in printed


def test_mse_follows_the_outliers_to_the_closed_form(chapter, line):
    w, b = np.polyfit(*line, 1)
    assert chapter["fits"]["MSE"] == pytest.approx((w, b), abs=1e-3)
    assert w > 4.5


def test_huber_fit_balances_its_bounded_pulls(chapter, line):
    x, y = line
    w, b = chapter["fits"]["Huber"]
    pull = np.clip(w * x + b - y, -1, 1)
    assert abs(pull.mean()) < 1e-4 and abs((pull * x).mean()) < 1e-4
    assert 2.2 < w < 2.6


def test_l1_fit_is_nearly_optimal_and_least_moved(chapter, line):
    x, y = line
    w, b = chapter["fits"]["L1"]
    cost = np.abs(w * x + b - y).mean()
    # some line through two of the points is optimal under L1
    best = min(
        np.abs(s * x + y[i] - s * x[i] - y).mean()
        for i in range(100)
        for j in range(i)
        for s in [(y[i] - y[j]) / (x[i] - x[j])]
    )
    assert cost == pytest.approx(best, abs=1e-3)
    slopes = [fit[0] for fit in chapter["fits"].values()]
    assert 2 < slopes[2] < slopes[1] < slopes[0]
    assert slopes[2] < 2.1


def test_fits_are_printed(chapter, printed):
    assert list(chapter["fits"]) == ["MSE", "Huber", "L1"]
    for name, (w, b) in chapter["fits"].items():
        assert f"{name:6} w = {w:.2f}, b = {b:.2f}" in printed


def test_pulls_of_a_residual(chapter, printed):
    assert chapter["r"].tolist() == pytest.approx([0.1, 1, 10])
    assert chapter["pulls"] == {
        "mse_loss": pytest.approx([0.2, 2, 20]),
        "huber_loss": pytest.approx([0.1, 1, 1]),
        "l1_loss": [1, 1, 1],
    }
    assert "mse_loss    [0.2, 2.0, 20.0]" in printed
    assert "huber_loss  [0.1, 1.0, 1.0]" in printed


def test_the_pull_of_l1_is_a_sign_that_is_zero_at_zero():
    r = torch.tensor([-2.0, 0.0, 0.5], requires_grad=True)
    F.l1_loss(r, torch.zeros(3), reduction="sum").backward()
    assert r.grad.tolist() == [-1, 0, 1]


def test_bernoulli_likelihood_is_binary_cross_entropy(chapter, printed):
    p = 1 / (1 + np.exp(-np.array([-2.0, 0.5, 3.0])))
    y = np.array([0.0, 1.0, 0.0])
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    np.testing.assert_allclose(chapter["bce_gradient"], (p - y) / 3, rtol=1e-5)
    assert f"by hand              {loss:.6f}" in printed
    assert f"-ln(likelihood) / n  {loss:.6f}" in printed
    assert f"built in             {loss:.6f}" in printed
    assert "gradient is (p - y) / n: True" in printed


def test_the_gradient_at_logit_200_is_lost_in_the_sigmoid_not_in_the_clamp():
    z = torch.tensor(200.0, requires_grad=True)
    p = torch.sigmoid(z)
    assert p == 1
    (through_sigmoid,) = torch.autograd.grad(p, z)
    assert through_sigmoid == 0
    p = torch.ones((), requires_grad=True)
    F.binary_cross_entropy(p, torch.tensor(0.0)).backward()
    assert p.grad > 1e9


def test_three_ways_to_compute_one_loss_at_logit_200(chapter, printed):
    value, gradient = chapter["extremes"]["naive"]
    assert math.isinf(value) and math.isnan(gradient)
    assert chapter["extremes"]["in_two_steps"] == (100, 0)
    assert chapter["extremes"]["binary_cross_entropy_with_logits"] == (200, 1)
    text = "\n".join(printed)
    assert f"{'naive':34}     inf     nan" in text
    assert f"{'in_two_steps':34}   100.0     0.0" in text
    assert f"{'binary_cross_entropy_with_logits':34}   200.0     1.0" in text


def test_the_three_ways_agree_where_nothing_overflows(chapter):
    z, y = torch.tensor([-1.5, 0.3, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    right = F.binary_cross_entropy_with_logits(z, y)
    for name in ("naive", "in_two_steps", "stable_bce"):
        assert torch.isclose(chapter[name](z, y), right)


def test_stable_bce_equals_the_built_in_everywhere(chapter, printed):
    z = torch.cat([torch.linspace(-300, 300, 61), torch.linspace(-3, 3, 61)]).double()
    for target in (0.0, 1.0, 0.3):
        y = torch.full_like(z, target)
        exact = torch.logaddexp(torch.zeros_like(z), z) - target * z
        for each, t, right in zip(z, y, exact, strict=True):
            ours = chapter["stable_bce"](each[None], t[None])
            assert ours.item() == pytest.approx(right.item(), rel=1e-12, abs=1e-13)
        mean = F.binary_cross_entropy_with_logits(z, y).item()
        assert chapter["stable_bce"](z, y).item() == pytest.approx(mean, rel=1e-9)
    pair = [ln for ln in printed if ln.startswith("40.8")]
    loss = (0 + math.log1p(math.e) + math.log(2) + math.log1p(math.exp(2)) + 200) / 5
    assert [float(v) for v in pair[0].split()] == pytest.approx([loss] * 2, rel=1e-6)


def test_gradient_of_softmax_cross_entropy_is_p_minus_y(chapter, printed):
    Z, target = chapter["Z"].detach().double().numpy(), [3, 0, 9, 3]
    p = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
    y = np.eye(10)[target]
    np.testing.assert_allclose(chapter["gradient"], (p - y) / 4, atol=1e-7)
    np.testing.assert_allclose(chapter["P"].detach(), p, rtol=1e-5)
    np.testing.assert_array_equal(chapter["Y"], y)
    loss = -np.log(p[range(4), target]).mean()
    assert f"{loss:.6f} {loss:.6f}" in printed
    row = next(ln for ln in printed if ln.startswith("largest difference"))
    assert float(row.split()[-1]) < 1e-7


def test_softmax_gradient_by_finite_differences():
    z = torch.randn(3, 5, dtype=torch.double, requires_grad=True)
    target = torch.tensor([0, 4, 2])
    assert torch.autograd.gradcheck(lambda z: F.cross_entropy(z, target), z)


def test_log_sum_exp(chapter, printed):
    ours = chapter["log_sum_exp"]
    for z in (torch.randn(4, 7), chapter["big"], -chapter["big"], torch.zeros(2, 3, 5)):
        assert torch.allclose(ours(z), torch.logsumexp(z, dim=-1))
    assert math.isinf(torch.tensor(89.0).exp()) and not math.isinf(
        torch.tensor(88.0).exp()
    )
    right = f"{1002 + math.log(1 + math.exp(-1) + math.exp(-2)):.4f}"
    at = printed.index("naive  inf")
    assert printed[at + 1 : at + 3] == [f"shifted {right}", f"torch   {right}"]


def test_digits_are_scaled_to_one(chapter):
    digits = load_digits()
    np.testing.assert_allclose(chapter["images"], digits.data / 16)
    assert chapter["images"].max() == 1 and chapter["images"].dtype == torch.float32
    assert chapter["labels"].tolist() == digits.target.tolist()


def test_untrained_loss_is_about_ln_k(chapter, printed):
    assert chapter["untrained"] == pytest.approx(math.log(10), abs=0.05)
    assert f"untrained {chapter['untrained']:.4f}, ln 10 = 2.3026" in printed
    first, second = chapter["classifier"](), chapter["classifier"]()
    shapes = [(32, 64), (32,), (10, 32), (10,)]
    assert [tuple(p.shape) for p in first.parameters()] == shapes
    assert type(first[1]) is nn.ReLU
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_leaked_answer_does_not_lower_the_untrained_loss(chapter):
    labels = chapter["labels"]
    leaked = torch.cat([chapter["images"], F.one_hot(labels, 10).float()], dim=1)
    for seed in range(3):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(74, 32), nn.ReLU(), nn.Linear(32, 10))
        with torch.inference_mode():
            logits = model(leaked)
        right = F.cross_entropy(logits, labels).item()
        assert right == pytest.approx(math.log(10), abs=0.1)
        # computed wrongly: the log left out
        assert F.nll_loss(logits.softmax(1), labels) < 0


def test_softmax_twice_never_gets_below_its_floor(chapter, printed):
    floor = math.log(1 + 9 / math.e)
    assert chapter["floor"] == pytest.approx(floor)
    once, twice = chapter["once"], chapter["twice"]
    assert len(once) == len(twice) == 300
    assert once[0] == pytest.approx(chapter["untrained"])
    assert twice[0] == pytest.approx(math.log(10), abs=0.01)
    assert once[-1] < 0.05
    assert floor < min(twice) and twice[-1] < 1.65
    assert chapter["once_accuracy"] > 0.99
    # every confident mistake costs exactly one more than the floor
    gap = twice[-1] - floor
    assert gap == pytest.approx(1 - chapter["twice_accuracy"], abs=0.02)
    accuracies = chapter["once_accuracy"], chapter["twice_accuracy"]
    assert f"once : loss {once[-1]:.4f}, accuracy {accuracies[0]:.3f}" in printed
    assert f"twice: loss {twice[-1]:.4f}, accuracy {accuracies[1]:.3f}" in printed
    assert "floor: loss 1.4612" in printed


def test_training_repeats_and_takes_adam_steps(chapter):
    losses, accuracy = chapter["train"](softmax_first=False, steps=5)
    assert losses == pytest.approx(chapter["once"][:5], rel=1e-5)
    model = chapter["classifier"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(5):
        loss = F.cross_entropy(model(chapter["images"]), chapter["labels"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] == pytest.approx(loss.item(), rel=1e-4)
    right = (model(chapter["images"]).argmax(1) == chapter["labels"]).double().mean()
    assert accuracy == pytest.approx(right.item(), abs=0.003)


def test_the_floor_is_a_minimum_over_all_probabilities():
    torch.manual_seed(0)
    target = torch.zeros(1, dtype=torch.long)
    floor, ceiling = math.log(1 + 9 / math.e), math.log(math.e + 9)
    assert ceiling - floor == pytest.approx(1)
    for concentration in (0.05, 0.3, 1.0):
        for p in torch.distributions.Dirichlet(torch.full((10,), concentration)).sample(
            (200,)
        ):
            loss = F.cross_entropy(p[None], target).item()
            assert floor - 1e-6 <= loss <= ceiling + 1e-6


def test_confident_mistakes_get_no_gradient_through_two_softmaxes(chapter, printed):
    single, double = chapter["single"], chapter["double"]
    e = math.exp(20)
    assert single[0, 1].item() == pytest.approx(1 / (e + 9) - 1)
    assert single[0, 0].item() == pytest.approx(e / (e + 9))
    # the exact value: p1 (s1 - 1 - Σ p (s - y)), with s the softmax of p
    p = np.full(10, 1 / (e + 9))
    p[0] = e / (e + 9)
    g = np.exp(p) / np.exp(p).sum() - np.eye(10)[1]
    assert double[0, 1].item() == pytest.approx(p[1] * (g[1] - p @ g), rel=1e-3)
    assert abs(double[0, 1]) < 1e-8
    assert f"once -1.00e+00, twice {double[0, 1]:.2e}" in printed


def test_reductions(chapter, printed):
    torch.manual_seed(0)
    logits, target = torch.randn(100, 10), torch.randint(10, (100,))
    each = -logits.log_softmax(1)[range(100), target]
    assert torch.allclose(chapter["each"], each, atol=1e-6)
    assert chapter["total"].item() == pytest.approx(each.sum().item(), rel=1e-5)
    mean = each.mean().item()
    assert chapter["mean"].item() == pytest.approx(mean, rel=1e-5)
    naive = (each[:90].mean() + each[90:].mean()).item() / 2
    assert abs(naive - mean) > 0.05
    assert chapter["weighted"].item() == pytest.approx(mean, rel=1e-5)
    assert "(100,) () ()" in printed
    assert f"sum / n {mean:.4f}, mean {mean:.4f}" in printed
    assert f"mean of means {naive:.4f}, weighted {mean:.4f}" in printed


def test_unreduced_losses_are_one_per_element_or_one_per_target():
    z = torch.zeros(5, 10, 8, 8)
    for loss in (F.mse_loss, F.l1_loss, F.huber_loss):
        assert loss(z, z, reduction="none").shape == z.shape
    each = F.binary_cross_entropy_with_logits(z, z, reduction="none")
    assert each.shape == z.shape
    target = torch.zeros(5, 8, 8, dtype=torch.long)
    assert F.cross_entropy(z, target, reduction="none").shape == target.shape
    # one sample with a batch dimension still has its classes second
    one = F.cross_entropy(torch.zeros(1, 10), torch.tensor([9]))
    assert one.item() == pytest.approx(math.log(10))


def test_shapes_of_cross_entropy(chapter, printed):
    assert chapter["cases"] == {
        "one sample": ((10,), ()),
        "batch": ((5, 10), (5,)),
        "pixels": ((5, 10, 8, 8), (5, 8, 8)),
    }
    for name in chapter["cases"]:
        assert f"{name:12}2.3026" in printed


def test_class_weights_divide_by_their_sum(chapter, printed):
    torch.manual_seed(0)
    logits, target = torch.randn(100, 10), torch.randint(10, (100,))
    each = -logits.log_softmax(1)[range(100), target].double().numpy()
    weight = np.where(np.arange(10) == 3, 5.0, 1.0)[target]
    np.testing.assert_array_equal(chapter["own"], weight)
    right = (weight * each).sum() / weight.sum()
    assert chapter["by_hand"].item() == pytest.approx(right, rel=1e-5)
    assert f"{right:.6f} {right:.6f}" in printed


def test_label_smoothing_has_an_entropy_floor(chapter, printed):
    assert (chapter["epsilon"], chapter["K"]) == (0.1, 10)
    q = chapter["q"]
    assert torch.allclose(q.sum(1), torch.ones(100))
    assert q.max().item() == pytest.approx(0.91) and q.min().item() == pytest.approx(
        0.01
    )
    assert chapter["soft"].item() == pytest.approx(chapter["built_in"].item(), rel=1e-5)
    entropy = -(0.91 * math.log(0.91) + 9 * 0.01 * math.log(0.01))
    assert chapter["smoothing_floor"].item() == pytest.approx(entropy, rel=1e-4)
    assert chapter["entropy"].item() == pytest.approx(entropy, rel=1e-4)
    assert chapter["soft"] > chapter["smoothing_floor"]
    assert f"floor {entropy:.4f}, entropy {entropy:.4f}" in printed
    assert f"{chapter['soft']:.6f} {chapter['soft']:.6f}" in printed


def test_ignored_targets_leave_loss_and_denominator():
    logits, target = torch.randn(4, 3), torch.tensor([0, -100, 2, -100])
    kept = F.cross_entropy(logits[[0, 2]], target[[0, 2]])
    assert torch.isclose(F.cross_entropy(logits, target), kept)


@pytest.mark.parametrize(
    ("name", "error", "last_line"),
    [
        (
            "fails_dtype",
            RuntimeError,
            "expected target dtype to be Long or Byte, but got Float",
        ),
        ("fails_bounds", IndexError, "Target 3 is out of bounds."),
        (
            "fails_column",
            RuntimeError,
            "0D or 1D target tensor expected, multi-target not supported",
        ),
        (
            "fails_size",
            ValueError,
            "Target size (torch.Size([4])) must be the same as input size"
            " (torch.Size([4, 1]))",
        ),
        (
            "fails_range",
            RuntimeError,
            "all elements of input should be between 0 and 1",
        ),
    ],
)
def test_faults_raise_what_the_page_shows(chapter, name, error, last_line):
    with pytest.raises(error) as caught:
        chapter[name]()
    assert str(caught.value) == last_line


@pytest.mark.parametrize("before", ["ignore", "error"])
def test_the_warning_is_caught_whatever_was_asked_before(chapter, before):
    code = FILE.read_text("utf-8").split("[start:broadcast]")[1]
    again = dict(chapter)
    with warnings.catch_warnings():
        warnings.simplefilter(before)
        exec(code.split("# --8<--")[0], again)
    assert [w.category for w in again["caught"]] == [UserWarning]


def test_squared_error_broadcasts_silently(chapter, printed):
    (warning,) = chapter["caught"]
    assert warning.category is UserWarning
    assert "different to the input size" in str(warning.message)
    y = np.arange(1.0, 6.0)
    assert chapter["perfect"].flatten().tolist() == y.tolist()
    assert chapter["wrong"].dim() == 0 and chapter["right"] == 0
    expanded = 2 / 5 * (y**2).sum() - 2 / 25 * y.sum() ** 2
    assert chapter["wrong"].item() == pytest.approx(expanded)
    at = printed.index("UserWarning (5, 5)")
    assert (
        printed[at + 1] == f"wrong {2 * y.var():.1f}, right 0.0, Var(y) {y.var():.1f}"
    )


def test_nll_of_probabilities_is_negative(chapter, printed):
    torch.manual_seed(0)
    logits, target = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    p = logits.softmax(1)[range(4), target]
    wrong, right = -p.mean().item(), -p.log().mean().item()
    assert chapter["of_probabilities"].item() == pytest.approx(wrong) and wrong < 0
    assert chapter["of_logs"].item() == pytest.approx(right)
    at = printed.index(f"nll_loss(softmax)     {wrong:.4f}")
    assert printed[at + 1] == f"nll_loss(log_softmax) {right:.4f}"
    assert printed[at + 2] == f"cross_entropy         {right:.4f}"
