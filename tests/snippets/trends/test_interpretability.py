"""What the interpretability chapter claims, against closed forms, scipy and counting."""

import copy
import inspect
import re
from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

FILE = Path(__file__).parents[3] / "snippets/trends/interpretability.py"


@pytest.fixture(scope="module")
def page(snippet):
    """What the file defines, once it has run from top to bottom."""
    return snippet("trends/interpretability.py")


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]


# --- data and models --------------------------------------------------------------


def test_one_thread_fixes_the_order_of_every_sum(page):
    assert torch.get_num_threads() == 1


def test_data(page):
    raw = load_digits()
    assert page["images"].shape == (1797, 1, 8, 8)
    assert torch.equal(page["images"][:, 0] * 16, torch.tensor(raw.images).float())
    assert torch.equal(page["labels"], torch.tensor(raw.target))
    rows = torch.cat([page["train_rows"], page["test_rows"]])
    assert torch.equal(rows.sort().values, torch.arange(1797))
    expected = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rows, expected)
    assert len(page["test_rows"]) == 500


def test_models_learn_and_have_the_stated_layers(page):
    test = page["images"][page["test_rows"]], page["labels"][page["test_rows"]]
    sizes = {"linear": 650, "cnn": 6090, "smooth": 6090}
    floors = {"linear": 0.93, "cnn": 0.975, "smooth": 0.95}
    for name, model in page["models"].items():
        assert sum(p.numel() for p in model.parameters()) == sizes[name]
        assert not model.training
        with torch.no_grad():
            share = (model(test[0]).argmax(dim=1) == test[1]).float().mean().item()
        assert page["accuracy"](model, *test) == pytest.approx(share)
        assert share > floors[name]
        assert f"test {share:.3f}" in page.by_region["models"]
    kinds = {
        name: [type(layer).__name__ for layer in model]
        for name, model in page["models"].items()
    }
    assert kinds["linear"] == ["Flatten", "Linear"]
    block = ["Conv2d", "ReLU", "MaxPool2d"] * 2 + ["Flatten", "Linear"]
    assert kinds["cnn"] == block
    assert kinds["smooth"] == ["Conv2d", "GELU", "AvgPool2d"] * 2 + [
        "Flatten",
        "Linear",
    ]
    assert page["linear"](3)(test[0]).shape == page["cnn"](3)(test[0]).shape == (500, 3)


def test_train_is_adamw_on_shuffled_batches(page):
    """Written out for one epoch of two batches."""
    x, y = page["images"][:100], page["labels"][:100]
    torch.manual_seed(0)
    model = page["linear"]()
    twin = copy.deepcopy(model)
    model.train()
    page["train"](model, x, y, epochs=2)
    assert not model.training
    optimizer = torch.optim.AdamW(twin.parameters(), lr=0.005)
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        order = torch.randperm(100, generator=generator)
        for batch in (order[:64], order[64:]):
            twin.zero_grad()
            F.cross_entropy(twin(x[batch]), y[batch]).backward()
            optimizer.step()
    for one, two in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6)
    assert inspect.signature(page["train"]).parameters["epochs"].default == 30


# --- attributions -----------------------------------------------------------------


def bumpy(x):
    """Interacting inputs with known derivatives: a² b + c³ for rows of three."""
    a, b, c = x.flatten(1).unbind(dim=1)
    return a**2 * b + c**3


def row(*values):
    return torch.tensor([values]).view(1, 1, 1, len(values))


def test_logit_takes_each_image_s_own_class(page):
    model, x = page["models"]["cnn"], page["x"]
    picked = torch.stack([model(x)[k, c] for k, c in enumerate(page["target"][:5])])
    assert torch.allclose(page["logit"](model, page["target"])(x)[:5], picked)
    assert torch.equal(page["target"], model(x).argmax(dim=1))
    assert torch.equal(x, page["images"][page["test_rows"]][:100])


def test_gradient(page):
    x = row(2.0, 3.0, -1.0)
    got = page["gradient"](bumpy, x)
    assert torch.allclose(got, row(12.0, 4.0, 3.0))
    assert not got.requires_grad and not x.requires_grad
    # Of many images at once, each keeps its own.
    pair = torch.cat([x, row(1.0, 1.0, 1.0)])
    assert torch.allclose(page["gradient"](bumpy, pair)[:1], got)


def test_saliency_is_the_absolute_gradient(page):
    model, x = page["models"]["cnn"], page["x"][:2].clone().requires_grad_()
    model(x)[1, page["target"][1]].backward()
    assert torch.allclose(page["saliency"][1], x.grad[1].abs(), atol=1e-6)
    assert not x.grad[0].any()


def test_gradient_against_finite_differences(page):
    model = copy.deepcopy(page["models"]["smooth"]).double()
    x = page["x"][:1].double()
    f = page["logit"](model, page["target"][:1])
    exact = page["gradient"](f, x)
    for r, c in ((2, 3), (5, 4)):
        step = torch.zeros_like(x)
        step[0, 0, r, c] = 1e-5
        with torch.no_grad():
            slope = (f(x + step) - f(x - step)) / 2e-5
        assert slope.item() == pytest.approx(
            exact[0, 0, r, c].item(), rel=1e-4, abs=1e-6
        )


def test_gradient_times_input(page):
    got = page["gradient_times_input"](bumpy, row(2.0, 3.0, -1.0))
    assert torch.allclose(got, row(24.0, 12.0, -3.0))


def test_occlusion(page):
    x, baseline = row(2.0, 3.0, -1.0), row(1.0, 0.0, 2.0)
    # f = 11; without a: 2, without b: -1, without c: 20
    got = page["occlusion"](bumpy, x, baseline)
    assert torch.allclose(got, row(9.0, 12.0, -9.0))
    # A patch of three reaches one pixel to each side.
    got = page["occlusion"](bumpy, x, baseline, size=3)
    all_gone, left_gone, right_gone = 11 - 8.0, 11 - (0 - 1), 11 - (0 + 8.0)
    assert torch.allclose(got, row(left_gone, all_gone, right_gone))


def test_occlusion_covers_a_square(page):
    total = page["occlusion"](
        lambda x: x.flatten(1).sum(dim=1),
        torch.ones(1, 1, 5, 4),
        torch.zeros(1, 1, 5, 4),
        3,
    )[0, 0]
    assert total[0, 0] == 4 and total[0, 1] == total[2, 0] == 6
    assert total[2, 2] == 9 and total[4, 3] == 4 and total[4, 1] == 6
    x = torch.ones(1, 1, 7, 7)
    wide = page["occlusion"](lambda x: x.flatten(1).sum(dim=1), x, 0 * x, 5)[0, 0]
    assert wide[3, 3] == 25 and wide[0, 0] == 9 and wide[0, 3] == 15


def test_integrated_gradients_are_exact_for_a_square(page):
    """The midpoint rule is exact where the gradient is linear along the path."""
    x, baseline = row(3.0, -1.0), row(1.0, 2.0)
    for steps in (1, 2, 5):
        got = page["integrated_gradients"](
            lambda x: (x**2).flatten(1).sum(dim=1), x, baseline, steps
        )
        assert torch.allclose(got, x**2 - baseline**2)


def test_integrated_gradients_of_a_product(page):
    # a² b from zero: the shares are 2/3 and 1/3 of the whole.
    x = row(2.0, 3.0, -1.0)
    got = page["integrated_gradients"](bumpy, x, torch.zeros_like(x), 500)
    assert torch.allclose(got, row(8.0, 4.0, -1.0), atol=1e-4)
    defaults = inspect.signature(page["integrated_gradients"]).parameters
    assert defaults["steps"].default == 64


def test_midpoints(page):
    seen = []

    def watched(x):
        seen.append(x.flatten()[0].item())
        return x.flatten(1).sum(dim=1)

    page["integrated_gradients"](watched, row(1.0), row(0.0), 4)
    assert seen == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_all_but_the_gradient_are_exact_for_a_linear_model(page):
    weight = page["models"]["linear"][1].weight.detach()
    exact = weight[page["target"]].view(100, 1, 8, 8) * page["x"]
    assert torch.equal(page["exact"], exact)
    errors = {
        name: (answer - exact).abs().max().item()
        for name, answer in page["answers"].items()
    }
    assert errors.pop("gradient") > 0.5
    assert len(errors) == 3
    assert all(error < 1e-5 for error in errors.values())
    # They add up to the logit less the bias.
    bias = page["models"]["linear"][1].bias.detach()[page["target"]]
    f = page["of_linear"](page["x"]).detach()
    assert torch.allclose(exact.flatten(1).sum(dim=1) + bias, f, atol=1e-5)


def test_saturation(page):
    lines = page.by_region["saturation"].splitlines()
    assert [float(line.split()[-1]) for line in lines] == [1.0, 0.0, 0.0, 1.0, 1.0]
    assert page["two"].item() == 2.0  # as the rows say
    x = torch.tensor([[[[0.5, 3.0]]]])
    assert page["saturating"](x).item() == 1.5
    assert torch.equal(page["saturating"](x), (1 - F.relu(1 - x)).flatten(1).sum(dim=1))


def test_completeness_gap_falls_at_the_predicted_rate(page):
    gaps = page["gaps"]
    assert set(gaps) == {(n, m) for n in ("cnn", "smooth") for m in (1, 4, 16, 64, 256)}
    # Smooth: the midpoint rule errs by 1/m², a factor 16 for every 4 times the steps.
    for m in (4, 16):
        assert gaps["smooth", m] / gaps["smooth", 4 * m] == pytest.approx(16, rel=0.2)
    assert gaps["smooth", 256] < 1e-4
    # One step is too coarse to follow the rule.
    assert gaps["smooth", 1] / gaps["smooth", 4] > 25
    # With kinks it is 1/m, a factor 4.
    overall = (gaps["cnn", 4] / gaps["cnn", 256]) ** (1 / 3)
    assert 3 < overall < 6
    # Independently for one image: the sum of the parts is f(x) - f(x').
    f = page["f_few"]
    difference = (f(page["few"]) - f(page["few_black"])).detach()
    for name, target in (("few", page["x"][:20]), ("few_black", page["black"][:20])):
        assert torch.equal(page[name], target)
    assert torch.allclose(page["difference"], difference)
    total, stated = numbers(page.by_region["completeness"].splitlines()[-1])
    assert total == pytest.approx(stated, abs=2e-4)
    assert stated == pytest.approx(difference[0].item(), abs=1e-4)
    assert not page["black"].any()


def test_the_gap_is_the_mean_distance_from_completeness(page):
    f = page["logit"](page["models"]["cnn"], page["target"][:20])
    parts = page["integrated_gradients"](f, page["few"], page["few_black"], 4)
    missing = parts.sum(dim=(1, 2, 3)) - (f(page["few"]) - f(page["few_black"]))
    assert page["gaps"]["cnn", 4] == pytest.approx(
        missing.abs().mean().item(), rel=1e-4
    )


def test_the_baseline_decides_what_may_count(page):
    shares = numbers(page.by_region["baseline"])
    assert shares[0] == 0
    assert 0.2 < shares[1] < shares[2] < 0.9
    assert list(page["on_empty"]) == ["black", "mean", "white"]
    assert list(page["on_empty"].values()) == pytest.approx(shares, abs=6e-4)
    assert torch.equal(page["empty"], page["x"] == 0)
    mean = page["images"][page["train_rows"]].mean(dim=0)
    assert torch.allclose(page["mean"][7], mean)
    assert (page["baseline"] == 1).all()
    parts = page["integrated_gradients"](page["f"], page["x"], page["baseline"]).abs()
    share = [
        part[hole].sum() / part.sum()
        for part, hole in zip(parts, page["empty"], strict=True)
    ]
    assert shares[2] == pytest.approx(torch.stack(share).mean().item(), abs=1e-3)


# --- comparing maps ---------------------------------------------------------------


def test_ranks_share_ties(page):
    got = page["ranks"](torch.tensor([[3.0, 1.0, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    assert got.tolist() == [[3.5, 2.0, 3.5, 1.0], [2.5] * 4]


def test_spearman_against_scipy(page):
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(0, 9, (5, 1, 8, 8), generator=generator).float()
    b = a + 4 * torch.randn(a.shape, generator=generator).round()
    got = page["spearman"](a, b)
    for k in range(5):
        expected = spearmanr(a[k].flatten(), b[k].flatten()).statistic
        assert got[k].item() == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(page["spearman"](a, -a), torch.full((5,), -1.0), atol=1e-5)


def test_agreement_of_the_methods(page):
    table = page["agreement"]
    names = list(page["maps"])
    assert names == ["gradient", "gradient*input", "integrated", "occlusion"]
    assert torch.allclose(table.diag(), torch.ones(4), atol=1e-5)
    assert torch.allclose(table, table.T, atol=1e-6)
    for i, one in enumerate(page["maps"].values()):
        for j, two in enumerate(page["maps"].values()):
            expected = page["spearman"](one, two).mean().item()
            assert table[i, j].item() == pytest.approx(expected, abs=1e-6)
    assert table[1, 2] > 0.85, "gradient*input and integrated gradients nearly agree"
    assert table[3, :3].max() < 0.65, "occlusion of patches tells something else"
    patches = page["occlusion"](page["f"], page["x"], page["black"], size=3)
    assert torch.equal(page["maps"]["occlusion"], patches)


def test_deletion(page):
    deletion = page["deletion"]
    assert page["counts"] == (0, 2, 4, 8, 16)
    start = page["f"](page["x"]).mean().item()
    for values in deletion.values():
        assert values[0] == pytest.approx(start, rel=1e-5)
        assert sorted(values, reverse=True) == values
    for name in page["maps"]:
        assert deletion[name][2] < deletion["random"][2] - 3
    assert (
        deletion["integrated"][2] < deletion["gradient"][2] < deletion["occlusion"][2]
    )


def test_deletion_blackens_the_largest(page):
    x = row(1.0, 2.0, 3.0, 4.0)
    attribution = row(0.5, -9.0, 2.0, 1.0)
    total = lambda x: x.flatten(1).sum(dim=1)  # noqa: E731
    after = [page["after_deletion"](total, x, attribution, n) for n in range(5)]
    assert after == [10, 7, 3, 2, 0]
    assert x.flatten().tolist() == [1, 2, 3, 4]


# --- the sanity check -------------------------------------------------------------


def test_random_weights_destroy_the_signed_maps_only(page):
    similar = page["similar"]
    assert list(similar) == [*page["maps"], "input"]
    assert all(len(values) == 4 for values in similar.values())
    for name in page["maps"]:
        assert similar[name][0] == [1.0, 1.0]
        assert abs(similar[name][3][0]) < 0.2, name
    # In absolute value, everything that is multiplied by the input hardly changes.
    assert similar["gradient"][3][1] < 0.3
    for name in ("gradient*input", "integrated"):
        assert similar[name][3][1] > 0.85
    # The page says one number for both.
    both = [similar[name][3][1] for name in ("gradient*input", "integrated")]
    assert both[0] == pytest.approx(both[1], abs=0.01)
    # Bright pixels tend to be large, not always.
    for name in ("gradient*input", "integrated"):
        size = page["trained"][name].abs()
        bright = page["spearman"](size, page["x"])
        assert 0.7 < bright.mean() < 0.99
        assert size[page["x"] == 1].min() < 0.1 * size.max()
    assert 0.4 < similar["occlusion"][3][1] < 0.8
    # The control ignores the model altogether.
    assert similar["input"][3] == pytest.approx([1.0, 1.0], abs=1e-5)


def test_layers_become_random_from_the_top(page):
    shuffled, model = page["shuffled"], page["models"]["cnn"]
    for one, two in zip(shuffled.parameters(), model.parameters(), strict=True):
        assert not torch.equal(one, two)
    titles = re.findall(r"layer (\d)", page.by_region["randomise"])
    assert titles == ["7", "3", "0"]
    assert (
        max(numbers("\n".join(re.findall(r"test .*", page.by_region["randomise"]))))
        < 0.35
    )
    # The last state again, independently.
    new = page["gradient"](page["logit"](shuffled, page["target"]), page["x"])
    expected = page["spearman"](new, page["trained"]["gradient"]).mean().item()
    assert page["similar"]["gradient"][3][0] == pytest.approx(expected, abs=1e-5)
    signless = page["spearman"](new.abs(), page["saliency"]).mean().item()
    assert page["similar"]["gradient"][3][1] == pytest.approx(signless, abs=1e-5)
    head = copy.deepcopy(model)
    torch.manual_seed(1)
    head[7].reset_parameters()
    new = page["gradient"](page["logit"](head, page["target"]), page["x"])
    expected = page["spearman"](new, page["trained"]["gradient"]).mean().item()
    assert page["similar"]["gradient"][1][0] == pytest.approx(expected, abs=1e-5)


def test_the_methods_of_the_check_are_those_of_the_page(page):
    for name, answer in page["maps"].items():
        assert torch.allclose(page["trained"][name], answer, atol=1e-6)
    assert torch.equal(page["trained"]["input"], page["x"])


# --- limits -----------------------------------------------------------------------


def test_correlated_inputs_share_the_weight_at_random(page):
    weights = torch.tensor(page["weights"])
    assert weights.shape == (4, 2)
    assert torch.allclose(weights.sum(dim=1), torch.full((4,), 2.0), atol=0.01)
    assert weights[:, 0].max() - weights[:, 0].min() > 0.3
    assert torch.equal(page["y"], 2 * page["cause"])
    # The second input is the first with noise of 0.01 (200 draws: within 15 %).
    noise = (page["copied"] - page["cause"]).std().item()
    assert noise == pytest.approx(0.01, rel=0.15)
    assert page["both"].shape == (200, 2)
    losses = [
        float(v) for v in re.findall(r"loss ([\d.]+)", page.by_region["correlated"])
    ]
    # The second weight would be zero, for a loss of zero, given far more steps.
    least = 1e-4 * weights[:, 1].square()
    assert torch.allclose(torch.tensor(losses), least, atol=2e-5)


def test_correlated_weights_are_those_of_gradient_descent(page):
    both, y = page["both"], page["y"]
    torch.manual_seed(2)
    w, b = (p.detach().clone() for p in nn.Linear(2, 1).parameters())
    for _ in range(100):
        residual = both @ w.T + b - y
        w -= 0.1 * 2 * (residual * both).mean(dim=0)
        b -= 0.1 * 2 * residual.mean()
    assert page["weights"][2] == pytest.approx(w[0].tolist(), abs=1e-4)


def test_fgsm_follows_the_sign_of_the_loss_gradient(page):
    model = page["models"]["cnn"]
    x, y = page["test_x"][:3].clone().requires_grad_(), page["test_y"][:3]
    F.cross_entropy(model(x), y).backward()
    expected = (x.detach() + 0.07 * x.grad.sign()).clamp(0, 1)
    got = page["fgsm"](model, x.detach(), y, 0.07)
    assert torch.allclose(got, expected)
    assert (got - x.detach()).abs().max() <= 0.07 + 1e-6


def test_fgsm_leaves_a_pixel_alone_that_does_not_matter(page):
    model = page["linear"](2)
    with torch.no_grad():
        model[1].weight[:, 5] = 0
    x = torch.full((1, 1, 8, 8), 0.5)
    got = page["fgsm"](model, x, torch.tensor([1]), 0.1).flatten()
    assert got[5] == 0.5
    others = torch.cat([got[:5], got[6:]])
    assert torch.allclose((others - 0.5).abs(), torch.full((63,), 0.1))


def test_attack_beats_noise_of_the_same_size(page):
    robust = page["robust"]
    assert list(robust) == [0.0, 0.05, 0.1, 0.15, 0.2]
    assert robust[0.0][0] == robust[0.0][1] > 0.97
    attacked = [scores[0] for scores in robust.values()]
    assert sorted(attacked, reverse=True) == attacked
    assert attacked[-1] < 0.2
    assert min(scores[1] for scores in robust.values()) > 0.85
    assert set(page["signs"].unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(page["test_y"], page["labels"][page["test_rows"]])
    noisy = (page["test_x"] + 0.2 * page["signs"]).clamp(0, 1)
    score = page["accuracy"](page["models"]["cnn"], noisy, page["test_y"])
    assert robust[0.2][1] == pytest.approx(score)


def test_an_aimed_change_moves_the_map_and_keeps_the_answer(page):
    x, moved, noise = page["x"], page["moved"], page["noise"]
    for near in (moved, noise):
        assert (near - x).abs().max() <= 0.1 + 1e-6
        assert near.min() >= 0 and near.max() <= 1
        assert (near - x).abs().mean() > 0.02
    (noise_same, noise_alike), (same, alike) = page["fragile"].values()
    assert same > 0.85 and noise_same > 0.95
    assert noise_alike > 0.9
    assert 0.6 < alike < noise_alike - 0.1  # changed, yet no other map
    kept = page["smooth"](moved).argmax(dim=1) == page["target_smooth"]
    assert same == pytest.approx(kept.float().mean().item())
    now = page["gradient"](page["f_smooth"], moved).abs()
    expected = page["spearman"](now, page["before"].abs())[kept].mean().item()
    assert alike == pytest.approx(expected, abs=1e-5)


def test_the_attack_lowers_its_own_objective(page):
    def alike(near):
        now = page["gradient"](page["f_smooth"], near).flatten(1)
        return F.cosine_similarity(now, page["before"].flatten(1)).mean().item()

    assert alike(page["moved"]) < alike(page["noise"]) - 0.05
    assert alike(page["x"]) == pytest.approx(1, abs=1e-5)


def test_only_the_smooth_model_has_nonzero_second_derivatives(page):
    largest = {}
    for name in ("cnn", "smooth"):
        x = page["x"][:5].clone().requires_grad_()
        f = page["logit"](page["models"][name], page["target"][:5])
        (slope,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        total = slope.square().sum()
        (second,) = torch.autograd.grad(total, x, allow_unused=True)
        largest[name] = 0.0 if second is None else second.abs().max().item()
    assert largest["cnn"] == 0 and largest["smooth"] > 0.1


def test_the_aimed_change_again_by_hand(page):
    """Twenty signed steps of a fifth of epsilon, each put back into the allowed box."""
    x, f, before = page["x"], page["f_smooth"], page["before"].flatten(1)
    low, high = (x - 0.1).clamp(min=0), (x + 0.1).clamp(max=1)
    near = (x + 0.01 * page["signs"][:100]).clamp(0, 1)
    for _ in range(20):
        near = near.clone().requires_grad_()
        slope = torch.autograd.grad(f(near).sum(), near, create_graph=True)[0].flatten(
            1
        )
        lengths = slope.norm(dim=1) * before.norm(dim=1)
        alike = ((slope * before).sum(dim=1) / lengths).sum()
        step = 0.02 * torch.autograd.grad(alike, near)[0].sign()
        near = torch.minimum(torch.maximum(near.detach() - step, low), high)
    # A pixel where the slope is zero up to rounding may take the other sign.
    assert ((near - page["moved"]).abs() < 1e-4).float().mean() > 0.97


def test_the_mark(page):
    x = torch.full((3, 1, 8, 8), 0.25)
    got = page["marked"](x, torch.tensor([True, False, True]))
    assert (x == 0.25).all()
    assert got[0, 0, 0, 0] == got[2, 0, 0, 0] == 1
    got[[0, 2], 0, 0, 0] = 0.25
    assert torch.equal(got, x)
    assert torch.equal(page["odd"], page["labels"] % 2)
    # No digit ever reaches that corner: it holds nothing but the mark.
    assert not page["images"][:, 0, 0, 0].any()


def test_the_shortcut_is_found_and_confirmed(page):
    assert numbers(page.by_region["shortcut"])[0] > 0.98
    assert page["top"] == (0, 0)
    share = page["where"][0, 0] / page["where"].sum()
    assert share > 0.25
    assert numbers(page.by_region["found"])[0] == pytest.approx(share.item(), abs=1e-3)
    without, wrongly, mended = numbers(page.by_region["intervene"])
    assert without < 0.7 and wrongly < 0.2
    assert mended > 0.93
    evens = page["evens"]
    assert (page["test_y"][evens] % 2 == 0).all()
    assert (page["test_y"][~evens] % 2 == 1).all()
    assert torch.equal(page["wrongly"][~evens], page["test_x"][~evens])
    assert (page["wrongly"][evens, 0, 0, 0] == 1).all()
    assert (page["ones"][:, 0, 0, 0] == 1).all()
    assert len(page["ones"]) == (~evens).sum()
    # The mark's attribution is for the answer "odd".
    says_odd = page["says_odd"](page["ones"])
    assert torch.allclose(says_odd, page["suspect"](page["ones"])[:, 1])
    ones = page["ones"]
    parts = page["integrated_gradients"](page["says_odd"], ones, torch.zeros_like(ones))
    assert parts[:, 0, 0, 0].mean() > 0
    assert torch.allclose(page["where"], parts.abs().mean(dim=0)[0], atol=1e-5)


# --- what goes wrong --------------------------------------------------------------


def test_forgotten_requires_grad(page):
    with pytest.raises(
        AttributeError, match="'NoneType' object has no attribute 'abs'"
    ):
        page["fails_forgotten"]()


def test_gradient_of_a_non_leaf(page):
    with (
        pytest.warns(
            UserWarning, match=r"\.grad attribute of a Tensor that is not a leaf"
        ),
        pytest.raises(AttributeError, match="'NoneType' object has no attribute 'abs'"),
    ):
        page["fails_non_leaf"]()


def test_gradient_of_many_outputs(page):
    message = "grad can be implicitly created only for scalar outputs"
    with pytest.raises(RuntimeError, match=message):
        page["fails_not_scalar"]()


def test_gradient_without_grad_mode(page):
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    with pytest.raises(RuntimeError, match=message):
        page["fails_no_grad"]()
    f, x = page["f"], page["x"]
    with torch.no_grad(), torch.enable_grad():
        page["gradient"](f, x)
    with (
        torch.inference_mode(),
        torch.enable_grad(),
        pytest.raises(RuntimeError, match="does not require grad"),
    ):
        page["gradient"](f, x)


def test_dropout_makes_the_map_a_matter_of_luck(page):
    train, evaluation = page.by_region["train-mode"].splitlines()
    assert "True" in train and "False" in evaluation
    assert numbers(train)[0] < 0.9
    assert numbers(evaluation)[0] == 1
    assert page["with_dropout"][-2].p == 0.5
    assert page["with_dropout"][-1] is page["models"]["cnn"][-1]


def test_a_sure_softmax_has_no_slope(page):
    vanished = page["vanished"]
    assert list(vanished) == [1, 10, 100]
    assert vanished[1] == 0 and 0.2 < vanished[10] < 0.7 and vanished[100] > 0.9
    model, x, target = page["models"]["cnn"], page["x"], page["target"]
    got = page["probability"](model, target, 3)(x)
    expected = F.softmax(3 * model(x), dim=1)[torch.arange(100), target]
    assert torch.allclose(got, expected)
    assert got.shape == (100,)


def test_gradients_accumulate(page):
    first, second = numbers(page.by_region["accumulates"])
    assert second == pytest.approx(2 * first, abs=2e-4)
    assert first > 0
