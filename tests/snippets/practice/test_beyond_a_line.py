"""What the digits chapter claims, against torch, scikit-learn and plain counting."""

import copy
import inspect
import math
import re
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.nn import functional as F

FILE = Path(__file__).parents[3] / "snippets/practice/beyond_a_line.py"


@pytest.fixture(scope="module")
def page(snippet):
    """What the file defines, once it has run from top to bottom."""
    return snippet("practice/beyond_a_line.py")


# --- data, split, loaders ---------------------------------------------------------


def test_one_thread_fixes_the_order_of_every_sum(page):
    assert torch.get_num_threads() == 1


def test_images_are_scaled_and_have_a_channel(page):
    raw = load_digits()
    assert page["images"].shape == (1797, 1, 8, 8)
    assert page["images"].dtype == torch.float32
    assert page["labels"].dtype == torch.int64
    assert torch.equal(page["labels"], torch.tensor(raw.target))
    assert torch.equal(page["images"][:, 0] * 16, torch.tensor(raw.images).float())


def test_splits_share_no_image_and_lose_none(page):
    parts = [page[f"{name}_rows"] for name in ("train", "val", "test")]
    assert [len(part) for part in parts] == [1000, 397, 400]
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(1797))
    # Seeded: the same on every run, whatever was drawn before.
    expected = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat(parts), expected)


def test_the_best_of_many_guessers_only_looks_better_where_it_was_chosen(page):
    best = page["val_scores"].max().item()
    assert page["guesses"].shape == (200, 1797)
    assert (page["guesses"].min(), page["guesses"].max()) == (0, 9)
    spread = math.sqrt(0.1 * 0.9 / 397)
    # The largest of 200 draws lies two to four standard deviations above the mean.
    assert 0.1 + 2 * spread < best < 0.1 + 4.5 * spread
    own = (page["guesses"] == page["labels"]).float()
    chosen = own[:, page["val_rows"]].mean(dim=1).argmax()
    assert page["chosen"] == chosen
    on_test = own[chosen, page["test_rows"]].mean().item()
    assert page["test_score"].item() == pytest.approx(on_test)
    # Off the validation set, what is left is about one standard deviation.
    assert abs(on_test - 0.1) < 1.5 * math.sqrt(0.1 * 0.9 / 400)
    assert abs(on_test - 0.1) < 3 * math.sqrt(0.1 * 0.9 / 400) < best - 0.1 + 0.01
    # Averaged over all of them, a guess is right one time in ten.
    assert own.mean().item() == pytest.approx(0.1, abs=0.005)


def test_dataset_gives_pairs_and_augments_on_fetch(page):
    calls = []

    def double(image):
        calls.append(1)
        return image * 2

    plain = page["Digits"](page["images"][:3], page["labels"][:3])
    doubled = page["Digits"](page["images"][:3], page["labels"][:3], double)
    assert len(plain) == len(doubled) == 3
    assert torch.equal(plain[1][0], page["images"][1])
    assert plain[2][1] == page["labels"][2]
    assert not calls
    assert torch.equal(doubled[1][0], page["images"][1] * 2)
    assert len(calls) == 1
    train = page["train_set"]
    rows = page["train_rows"]
    assert torch.equal(torch.stack(train.images), page["images"][rows])
    assert train.labels == page["labels"][rows].tolist()


def test_loader_reshuffles_and_repeats_with_its_seed(page):
    def epochs(seed):
        loader = page["shuffled"](page["train_set"], seed)
        return [torch.cat([y for _, y in loader]) for _ in range(2)]

    (first, second), again, other = epochs(0), epochs(0), epochs(1)
    assert torch.equal(first, again[0]) and torch.equal(second, again[1])
    assert not torch.equal(first, second)
    assert not torch.equal(first, other[0])
    wanted = torch.tensor(page["train_set"].labels)
    assert torch.equal(first.sort().values, wanted.sort().values)
    assert not torch.equal(first, wanted)
    assert page["sizes"] == [64] * 15 + [40]


def test_cross_entropy_by_hand(page):
    probabilities = page["probabilities"]
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(5))
    expected = F.nll_loss(probabilities.log(), page["labels"][page["train_rows"][:5]])
    assert page["by_hand"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert page["by_hand"].item() == pytest.approx(math.log(10), abs=0.3)


# --- the loop ---------------------------------------------------------------------


def batches_of(x, y, size):
    return list(zip(x.split(size), y.split(size), strict=True))


def test_evaluate_averages_over_examples_not_batches(page):
    model = page["softmax_regression"]()
    x, y = page["images"][:10], page["labels"][:10]
    loss, accuracy = page["evaluate"](model, batches_of(x, y, 7))
    with torch.no_grad():
        logits = model(x)
    assert loss == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(dim=1) == y).float().mean().item())


def test_evaluate_changes_nothing(page):
    model = page["CNN"]()
    before = copy.deepcopy(model.state_dict())
    model.train()
    first = page["evaluate"](model, [(page["images"][:9], page["labels"][:9])])
    assert not model.training
    assert first == page["evaluate"](model, [(page["images"][:9], page["labels"][:9])])
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in model.parameters())


def test_train_epoch_is_sgd_on_every_batch(page):
    """Against the plain rule, written out: w - lr * gradient, batch by batch."""
    torch.manual_seed(0)
    model = page["softmax_regression"]()
    twin = copy.deepcopy(model)
    batches = batches_of(page["images"][:10], page["labels"][:10], 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model.eval()
    loss = page["train_epoch"](model, batches, optimizer)
    assert model.training
    losses = []
    for x, y in batches:
        batch_loss = F.cross_entropy(twin(x), y)
        losses.append(batch_loss.item() * len(y))
        slopes = torch.autograd.grad(batch_loss, list(twin.parameters()))
        with torch.no_grad():
            for parameter, slope in zip(twin.parameters(), slopes, strict=True):
                parameter -= 0.5 * slope
    assert loss == pytest.approx(sum(losses) / 10, rel=1e-5)
    for one, two in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def test_scheduler_steps_once_per_batch(page):
    model = page["softmax_regression"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halve = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    batches = batches_of(page["images"][:9], page["labels"][:9], 3)
    page["train_epoch"](model, batches, optimizer, halve)
    assert optimizer.param_groups[0]["lr"] == 0.125


class Scripted(nn.Module):
    """Its validation loss follows a script, whatever the optimizer does."""

    def __init__(self, losses):
        super().__init__()
        self.epoch = nn.Parameter(torch.tensor(-1.0))
        self.losses = losses

    def forward(self, x):
        if self.training:
            return self.epoch * torch.ones(len(x), 2)
        # cross-entropy of (0, z) for class 0 is ln(1 + e^z)
        wanted = self.losses[round(self.epoch.item())]
        z = math.log(math.exp(wanted) - 1)
        return torch.tensor([[0.0, z]]).repeat(len(x), 1)


class Counter(torch.optim.Optimizer):
    """Adds one to the parameter at every step."""

    def __init__(self, parameters):
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self):
        self.param_groups[0]["params"][0] += 1


def scripted_fit(page, losses, epochs=None, **options):
    model = Scripted(losses)
    one = [(torch.zeros(1, 1), torch.zeros(1, dtype=torch.long))]
    optimizer = Counter(model.parameters())
    return page["fit"](model, one, one, optimizer, epochs or len(losses), **options)


def test_fit_keeps_the_weights_of_the_best_epoch(page):
    history = scripted_fit(page, [0.9, 0.5, 0.7, 0.3, 0.8])
    assert history.val_loss == pytest.approx([0.9, 0.5, 0.7, 0.3, 0.8], abs=1e-5)
    assert history.best_epoch == 3
    assert history.best_state["epoch"].item() == 3
    assert history.train_loss == pytest.approx([math.log(2)] * 5)
    assert history.val_accuracy == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_fit_keeps_the_first_of_equals(page):
    assert scripted_fit(page, [0.5, 0.5, 0.5]).best_epoch == 0


def test_patience_counts_epochs_without_a_new_best(page):
    script = [0.9, 0.5, 0.6, 0.4, 0.6, 0.6, 0.6, 0.1]
    assert len(scripted_fit(page, script, patience=2).val_loss) == 6
    assert len(scripted_fit(page, script, patience=1).val_loss) == 3
    assert len(scripted_fit(page, script, patience=4).val_loss) == 8
    assert len(scripted_fit(page, script).val_loss) == 8
    assert scripted_fit(page, script, patience=2).best_epoch == 3


def test_fit_passes_the_scheduler_on(page):
    model = page["softmax_regression"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halve = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    data = [(page["images"][:2], page["labels"][:2])]
    page["fit"](model, data, data, optimizer, 3, halve)
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_first_fit_learns(page):
    output = page.by_region["first-fit"]
    assert len(re.findall("^epoch", output, re.M)) == 4
    numbers = [float(n) for n in re.findall(r"(?:train|val|acc) ([\d.]+)", output)]
    train, val, accuracy = numbers[0::3], numbers[1::3], numbers[2::3]
    assert sorted(train, reverse=True) == train
    assert sorted(val, reverse=True) == val
    assert accuracy[-1] > 0.91 and val[-1] < 0.42 and train[-1] < 0.37
    assert re.findall(r"epoch +(\d+)", output) == ["1", "2", "5", "20"]


# --- convolution and models -------------------------------------------------------


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_convolution_by_hand(page, kernel, padding):
    generator = torch.Generator().manual_seed(kernel)
    x = torch.randn(2, 3, 5, 7, generator=generator)
    weight = torch.randn(4, 3, kernel, kernel, generator=generator)
    bias = torch.randn(4, generator=generator)
    got = page["conv2d_by_hand"](x, weight, bias, padding)
    assert torch.allclose(got, F.conv2d(x, weight, bias, padding=padding), atol=1e-5)


def test_convolution_block(page):
    assert page["layer"].weight.shape == (5, 3, 3, 3)
    assert "shape (2, 5, 8, 8) same True" in page.by_region["convolution"]
    assert "parameters 140 = 140" in page.by_region["convolution"]


def test_edge_kernels(page):
    image = page["images"][0, 0]
    padded = F.pad(image, [1, 1, 1, 1])
    right, left = padded[:, 2:], padded[:, :-2]
    expected = (right - left)[:-2] + (right - left)[1:-1] + (right - left)[2:]
    assert torch.allclose(page["edges"][0], expected, atol=1e-6)
    below, above = padded[2:], padded[:-2]
    expected = sum((below - above)[:, k : k + 8] for k in range(3))
    assert torch.allclose(page["edges"][1], expected, atol=1e-6)


def test_models_have_the_stated_sizes(page):
    def size(model):
        return sum(p.numel() for p in model.parameters())

    assert size(page["softmax_regression"]()) == 64 * 10 + 10
    assert size(page["mlp"]()) == (64 * 128 + 128) + (128 * 10 + 10)
    convolutions = 16 * (9 + 1) + 32 * (16 * 9 + 1)
    norms, head = 2 * 16 + 2 * 32, 128 * 10 + 10
    assert size(page["CNN"]()) == convolutions + norms + head
    x = page["images"][:3]
    for make in (page["softmax_regression"], page["mlp"], page["CNN"]):
        assert make()(x).shape == (3, 10)
    sizes = {name: size for name, (size, _) in page["comparison"].items()}
    assert sizes == {"softmax_regression": 650, "mlp": 9610, "CNN": 6186}


def test_models_have_the_stated_layers(page):
    assert page["mlp"](0.5)[3].p == 0.5
    assert page["mlp"]()[3].p == 0.0
    assert isinstance(page["mlp"]()[2], nn.ReLU)
    model = page["CNN"]()
    assert model.dropout.p == 0.2
    kinds = [type(layer).__name__ for layer in model.features]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2
    model.eval()
    x = page["images"][:3]
    with torch.no_grad():
        features = model.features(x).flatten(1)
        assert torch.equal(model(x), model.head(features))


def test_convolutions_keep_the_size_and_pooling_halves_it(page):
    x, sizes = page["images"][:2], []
    for layer in page["CNN"]().features:
        x = layer(x)
        sizes.append(x.shape[-1])
    assert sizes == [8, 8, 8, 4, 4, 4, 4, 2] and x.shape == (2, 32, 2, 2)


def test_shift_moves_by_one_pixel(page):
    image = torch.arange(64.0).view(1, 8, 8) + 1
    down = page["shift"](image, 1, 0)
    assert torch.equal(down[0, 1:], image[0, :-1]) and not down[0, 0].any()
    left = page["shift"](image, 0, -1)
    assert torch.equal(left[0, :, :-1], image[0, :, 1:]) and not left[0, :, -1].any()
    assert torch.equal(page["shift"](image, 0, 0), image)
    assert down.shape == left.shape == image.shape


def test_random_shift_takes_all_nine_moves(page):
    image = torch.zeros(1, 8, 8)
    image[0, 4, 4] = 1
    torch.manual_seed(0)
    seen = set()
    for _ in range(200):
        _, row, column = page["random_shift"](image).nonzero()[0].tolist()
        seen.add((row - 4, column - 4))
    assert seen == {(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)}


def test_shifted_batches_move_up_down_left_right(page):
    moves = []
    for x, y in page["shifted_batches"]:
        assert torch.equal(y, page["labels"][page["val_rows"]])
        original = page["images"][page["val_rows"]]
        moves += [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if torch.equal(page["shift"](original, down, right), x)
        ]
    assert sorted(moves) == [(-1, 0), (0, -1), (0, 1), (1, 0)]


def test_the_cnn_beats_the_larger_mlp_above_all_on_shifted_images(page):
    scores = {name: values for name, (_, values) in page["comparison"].items()}
    assert all(values.shape == (3, 2) for values in scores.values())
    plain = {name: values[:, 0].mean().item() for name, values in scores.items()}
    moved = {name: values[:, 1].mean().item() for name, values in scores.items()}
    assert plain["softmax_regression"] == pytest.approx(0.925, abs=0.012)
    assert plain["mlp"] == pytest.approx(0.969, abs=0.012)
    assert plain["CNN"] == pytest.approx(0.985, abs=0.01)
    assert moved["softmax_regression"] < 0.5 and moved["mlp"] < 0.5
    assert moved["CNN"] > 0.65
    assert scores["CNN"].std(dim=0).max() > 0, "three different seeds"
    assert scores["CNN"][:, 0].min() > scores["mlp"][:, 0].max()


def trained(page, make, seed, rows, epochs):
    """Plain AdamW at the rate that the chapter uses for its comparisons."""
    torch.manual_seed(seed)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    data = page["Digits"](page["images"][rows], page["labels"][rows])
    batches = page["shuffled"](data, seed)
    for _ in range(epochs):
        page["train_epoch"](model, batches, optimizer)
    return model


def test_the_compared_models_are_trained_as_shown(page):
    """All three go through one loop; the smallest tells whether it is this one."""
    _, scores = page["comparison"]["softmax_regression"]
    for seed in range(3):
        model = trained(
            page, page["softmax_regression"], seed, page["train_rows"], epochs=10
        )
        own = [
            page["evaluate"](model, page[name])[1]
            for name in ("val_batches", "shifted_batches")
        ]
        assert scores[seed].tolist() == pytest.approx(own)


# --- train and eval mode ----------------------------------------------------------


def test_modes(page):
    lines = page.by_region["modes"].splitlines()
    train, evaluation = (
        [float(n) for n in re.findall(r"[\d.]+$|(?<=again )[\d.]+", line)]
        for line in lines
    )
    assert "True" in lines[0] and "False" in lines[1]
    assert min(train) > 0.1
    assert all(each < 1e-4 for each in evaluation)


def test_batch_norm(page):
    x = page["images"][page["train_rows"][:64]]
    assert page["norm"].running_mean.item() == pytest.approx(0.1 * x.mean().item())
    assert page["before"].item() == 0
    output = page.by_region["batch-norm"]
    assert "out mean 0.0000" in output.replace("-0.0000", "0.0000")
    assert float(output.split("out std ")[1].split()[0]) == pytest.approx(1, abs=1e-3)


def test_dropout_keeps_the_mean(page):
    drop = page["drop"]
    assert drop.p == 0.5 and not drop.training
    train, evaluation = page.by_region["dropout"].splitlines()
    values = [float(v) for v in re.findall(r"\d\.\d", train)]
    assert set(values) == {0.0, 2.0} and len(values) == 8
    assert evaluation.count("1.0") == 8


# --- over-fitting -----------------------------------------------------------------


def test_wrong_labels_are_wrong_and_the_rest_right(page):
    rows, given = page["few_examples"](seed=3, size=50, wrong=9)
    true = page["labels"][rows]
    assert len(rows) == len(rows.unique()) == 50
    assert (given[:9] != true[:9]).all() and torch.equal(given[9:], true[9:])
    assert given.min() >= 0 and given.max() <= 9
    assert torch.isin(rows, page["train_rows"]).all()
    assert torch.equal(rows, page["few_examples"](3, 50, 9)[0])
    assert not torch.equal(rows, page["few_examples"](4, 50, 9)[0])
    lies = page["few_examples"](0, 900, 900)
    gaps = (lies[1] - page["labels"][lies[0]]) % 10
    assert set(gaps.tolist()) == set(range(1, 10))
    assert page.by_region["few"].strip() == "20 of 100"


def test_over_fitting_memorises_and_then_gets_worse(page):
    lines = page.by_region["over-fit"].splitlines()
    first, best, last = (
        [float(n) for n in re.findall(r"(?:train|val|acc) ([\d.]+)", line)]
        for line in lines[:3]
    )
    assert lines[0].startswith("epoch  1 ") and lines[2].startswith("epoch 40 ")
    assert first[0] > best[0] > last[0]
    assert first[1] > best[1] and last[1] > best[1] + 0.15
    assert best[2] - last[2] > 0.04
    assert page["memorised"] > 0.96
    assert last[0] < 0.15


def test_over_fitting_is_trained_as_shown(page):
    rows, given = page["few_examples"](0, 100, 20)
    torch.manual_seed(0)
    model = page["mlp"]()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    data = page["shuffled"](page["Digits"](page["images"][rows], given), 0, 50)
    history = page["fit"](model, data, page["val_batches"], optimizer, 40)
    lines = page.by_region["over-fit"].splitlines()
    for line, epoch in zip(lines, (0, history.best_epoch, 39), strict=False):
        losses = history.train_loss[epoch], history.val_loss[epoch]
        shown = *losses, history.val_accuracy[epoch]
        found = [float(n) for n in re.findall(r"(?:train|val|acc) ([\d.]+)", line)]
        assert found == pytest.approx(shown, abs=6e-4)
    own = page["evaluate"](model, [(page["images"][rows], given)])[1]
    assert page["memorised"] == pytest.approx(own)


@pytest.mark.parametrize(
    ("row", "options"),
    [
        (0, {}),
        (1, {"weight_decay": 1.0}),
        (2, {"dropout": 0.5}),
        (4, {"size": 300}),
    ],
)
def test_the_treatments_are_those_of_the_table(page, row, options):
    for column, share in enumerate((0.0, 0.2)):
        own = page["trial"](3, share, **options)
        assert page["results"][row, column, 3].tolist() == pytest.approx(own)


def test_treatments(page):
    results = page["results"]
    assert list(page["treatments"]) == [
        "none",
        "weight decay",
        "dropout",
        "shifts",
        "more data",
    ]
    assert results.shape == (5, 2, 5, 3)
    clean, noisy = results[:, 0], results[:, 1]
    mean = results.mean(dim=2)
    # Wrong labels cost much; with true ones hardly anything is left to treat.
    assert mean[0, 0, 0] - mean[0, 1, 0] > 0.1
    assert (mean[1:3, 0, 0] - mean[0, 0, 0]).abs().max() < 0.02
    # Weight decay, dropout and early stopping each help against them, on average.
    assert mean[1, 1, 0] > mean[0, 1, 0] + 0.01
    assert mean[2, 1, 0] > mean[0, 1, 0] + 0.02
    assert mean[0, 1, 1] > mean[0, 1, 0] + 0.04
    # More examples help most, with true labels and with wrong ones.
    assert (clean[4, :, 0] > clean[0, :, 0]).all()
    assert (noisy[4, :, 1] > noisy[0, :, 1]).all()
    # Shifts cost accuracy on centred digits and win it on shifted ones.
    assert mean[3, 0, 0] < mean[0, 0, 0] - 0.03
    assert mean[3, 0, 2] > mean[0, 0, 2] + 0.3
    assert results.std(dim=2).min() > 0, "five different seeds"


def test_trial_is_what_it_says(page):
    """The same by hand, for one seed: what it trains on, and what it is judged on."""
    assert page["trial"](1, 0.2) == page["trial"](1, 0.2)
    rows, given = page["few_examples"](1, 100, 20)
    torch.manual_seed(1)
    model = page["mlp"](0.0)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.01, weight_decay=0.0, fused=True
    )
    data = page["shuffled"](page["Digits"](page["images"][rows], given), 1, 50)
    history = page["fit"](model, data, page["val_batches"], optimizer, 30)
    unused = [r for r in page["train_rows"].tolist() if r not in set(rows.tolist())]
    assert len(unused) == 900
    x, y = page["images"][unused], page["labels"][unused]

    def judge(x):
        with torch.no_grad():
            return (model(x).argmax(dim=1) == y).float().mean().item()

    model.eval()
    last, shifted = judge(x), judge(page["shift"](x, 0, 1))
    model.load_state_dict(history.best_state)
    expected = last, judge(x), shifted
    assert page["trial"](1, 0.2) == pytest.approx(expected, abs=1e-3)
    defaults = inspect.signature(page["trial"]).parameters
    assert defaults["size"].default == 100
    assert defaults["dropout"].default == defaults["weight_decay"].default == 0.0
    assert defaults["augment"].default is None


def test_trial_passes_every_option_on(page, monkeypatch):
    seen = {}
    space = page["trial"].__globals__
    real_mlp, real_adam, real_data = space["mlp"], torch.optim.AdamW, space["Digits"]

    def spy(name, real):
        def call(*args, **options):
            seen.setdefault(name, (args, options))
            return real(*args, **options)

        return call

    monkeypatch.setitem(space, "mlp", spy("mlp", real_mlp))
    monkeypatch.setitem(space, "Digits", spy("data", real_data))
    monkeypatch.setattr(torch.optim, "AdamW", spy("adam", real_adam))
    move = page["random_shift"]
    page["trial"](0, 0.5, size=60, dropout=0.3, weight_decay=0.7, augment=move)
    assert seen["mlp"][0] == (0.3,)
    assert seen["adam"][1] == {"lr": 1e-2, "weight_decay": 0.7, "fused": True}
    images, given, augment = seen["data"][0]
    assert len(images) == 60 and augment is move
    rows = page["few_examples"](0, 60, 30)[0]
    assert (given != page["labels"][rows]).sum() == 30


# --- schedules --------------------------------------------------------------------


def rates(make, total, peak):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    scheduler = make(optimizer)
    found = []
    for _ in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_schedules_match_torch(page):
    total, peak = 160, 0.03
    wanted = rates(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, total), total, peak
    )
    got = [page["cosine"](step, total, peak) for step in range(total)]
    assert got == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    for total in (160, 50):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=peak, total_steps=total
        )
        for step in range(total):
            wanted = optimizer.param_groups[0]["lr"]
            assert page["one_cycle"](step, total, peak) == pytest.approx(wanted)
            if step < total - 1:
                optimizer.step()
                scheduler.step()


def test_rows_of_the_schedules_are_of_the_steps_they_name(page):
    rows = [row.split() for row in page.by_region["schedules"].splitlines()]
    assert [int(step) for step, *_ in rows] == [0, 47, 80, 159]
    # steps with a name: the start, the top of the cycle, halfway through the cosine, the end
    low, top, half, end = [[float(rate) for rate in row[1:]] for row in rows]
    assert low == [0.03, 0.0012] and top[1] == 0.03 and half[0] == 0.015
    assert end == pytest.approx([0, 0], abs=1e-5)


def test_schedules_pay_at_the_high_rate_only(page):
    curves = page["curves"]
    assert set(curves) == {
        (peak, name)
        for peak in (0.01, 0.03)
        for name in ("constant", "cosine", "one cycle")
    }
    assert all(values.shape == (5, 10) for values in curves.values())
    last = {key: values[:, -1] for key, values in curves.items()}
    for name in ("cosine", "one cycle"):
        # At the low rate, annealing only shortens the way; at the high one it calms.
        assert last[0.01, name].mean() > last[0.01, "constant"].mean()
        assert last[0.03, name].mean() < last[0.03, "constant"].mean()
        assert last[0.03, name].std() < last[0.03, "constant"].std() / 2
        assert (
            last[0.03, "constant"].mean() - last[0.03, name].mean()
            < last[0.03, "constant"].std()
        )
        # What raises the constant rate's mean is its worst seed.
        others = last[0.03, "constant"].sort().values[:-1]
        assert others.mean() < last[0.03, name].mean() + others.std()
    low = last[0.01, "constant"]
    assert last[0.01, "one cycle"].mean() - low.mean() < 1.3 * low.std()
    assert last[0.03, "one cycle"].mean() < low.mean()
    # One cycle starts slowly.
    assert (
        curves[0.03, "one cycle"][:, 0].mean() > 2 * curves[0.03, "cosine"][:, 0].mean()
    )


@pytest.mark.parametrize("peak", [0.01, 0.03])
def test_the_schedules_are_compared_as_shown(page, peak):
    torch.manual_seed(2)
    model = page["mlp"]()
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, fused=True)
    train = page["shuffled"](page["train_set"], 2)
    own = page["fit"](model, train, page["val_batches"], optimizer, 10).val_loss
    assert page["curves"][peak, "constant"][2].tolist() == pytest.approx(own, rel=1e-4)


def test_schedulers_end_near_zero(page):
    for name in ("cosine", "one cycle"):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.03)
        scheduler = page["schedules"][name](optimizer, 0.03)
        top = 0.0
        for _ in range(159):
            optimizer.step()
            scheduler.step()
            top = max(top, optimizer.param_groups[0]["lr"])
        assert top == pytest.approx(0.03, rel=1e-3)
        assert optimizer.param_groups[0]["lr"] < 1e-5
    assert page["schedules"]["constant"](None, 0.03) is None


# --- the final model --------------------------------------------------------------


def test_saved_weights_come_back_exactly(page):
    best = page["history"].best_state
    restored = page["restored"].state_dict()
    assert all(torch.equal(best[name], restored[name]) for name in best)
    assert page.by_region["load"].splitlines() == [
        "<All keys matched successfully>",
        "True",
    ]
    assert len(page["history"].val_loss) == page["epochs"] == 20
    assert (
        min(page["history"].val_loss)
        == page["history"].val_loss[page["history"].best_epoch]
    )
    assert min(page["history"].val_loss) < 0.08


def test_the_final_rate_went_up_and_down(page):
    scheduler = page["scheduler"]
    assert scheduler.total_steps == 20 * 16 == scheduler.last_epoch
    assert max(scheduler.base_lrs) == pytest.approx(0.03 / 25)
    assert scheduler.optimizer.param_groups[0]["max_lr"] == 0.03


def test_test_accuracy_and_its_error(page):
    model = page["restored"]
    model.eval()
    with torch.no_grad():
        guess = model(page["images"][page["test_rows"]]).argmax(dim=1)
    truth = page["labels"][page["test_rows"]]
    share = (guess == truth).float().mean().item()
    assert page["accuracy"] == pytest.approx(share)
    assert share > 0.975
    assert page["error"] == pytest.approx(math.sqrt(share * (1 - share) / 400))
    assert torch.equal(page["matrix"], torch.tensor(confusion_matrix(truth, guess)))


def test_confusion_matrix(page):
    truth, guess = torch.tensor([0, 0, 2, 1]), torch.tensor([0, 1, 2, 0])
    got = page["confusion_matrix"](truth, guess, 4)
    assert torch.equal(
        got, torch.tensor(confusion_matrix(truth, guess, labels=range(4)))
    )
    assert page["confusion_matrix"](truth, guess).shape == (10, 10)


def test_mistakes_are_listed(page):
    lines = page.by_region["mistakes"].splitlines()
    wrong = page["matrix"].sum() - page["matrix"].diag().sum()
    assert len(lines) == wrong > 0
    for line in lines:
        row, true, guess = (int(n) for n in re.findall(r"\d+", line))
        assert page["labels"][row] == true != guess
        assert row in page["test_rows"]
        assert page["matrix"][true, guess] > 0


def test_rows_in_order_are_harder_than_rows_at_random(page):
    random, in_order = page["writers"]["random"], page["writers"]["in order"]
    assert len(random) == len(in_order) == 3
    assert random.mean() == pytest.approx(0.961, abs=0.015)
    assert in_order.mean() == pytest.approx(0.900, abs=0.02)
    assert random.std() > 0
    seen, unseen = page["splits"]["in order"]
    assert seen.tolist() == list(range(1000))
    assert unseen.tolist() == list(range(1397, 1797))
    assert page["splits"]["random"][1] is page["test_rows"]


def test_the_writers_are_compared_as_shown(page):
    for name, (seen, unseen) in page["splits"].items():
        model = trained(page, page["mlp"], 1, seen, epochs=10)
        judge = [(page["images"][unseen], page["labels"][unseen])]
        own = page["evaluate"](model, judge)[1]
        assert page["writers"][name][1].item() == pytest.approx(own)


def test_repeatable(page):
    first = page["weights_after"](0, 0)
    assert torch.equal(first, page["first"])
    assert len(first) == 6186
    own = trained(page, page["CNN"], 0, page["train_rows"], epochs=2)
    assert torch.equal(first, nn.utils.parameters_to_vector(own.parameters()))
    verdicts = [line.split()[-1] for line in page.by_region["repeat"].splitlines()]
    assert verdicts == ["True", "False", "False"]
    # It has moved away from its start.
    torch.manual_seed(0)
    start = nn.utils.parameters_to_vector(page["CNN"]().parameters())
    assert not torch.equal(first, start)


# --- what goes wrong --------------------------------------------------------------


def test_double_input(page):
    message = "mat1 and mat2 must have the same dtype, but got Double and Float"
    with pytest.raises(RuntimeError, match=message):
        page["fails_dtype"]()


def test_missing_channel(page):
    message = (
        r"expected input\[1, 64, 8, 8\] to have 1 channels, but got 64 channels instead"
    )
    with pytest.raises(RuntimeError, match=message):
        page["fails_channels"]()


def test_too_many_scheduler_steps(page):
    message = "Tried to step 17 times. The specified number of total steps is 16"
    with pytest.raises(ValueError, match=message):
        page["fails_scheduler"]()


def test_state_dict_is_an_alias(page):
    model = page["model"]
    assert torch.equal(page["alias"]["1.weight"], model.state_dict()["1.weight"])
    lines = dict(line.split() for line in page.by_region["alias"].splitlines())
    assert lines["start"] == lines["kept"] != lines["alias"]


def test_a_new_loader_starts_over(page):
    assert page["again"][0] == page["again"][1] == page["fresh"][0] != page["fresh"][1]
    assert len(page["again"][0]) == 8


# --- what the exercises ask, asked of the chapter's own ----------------------------


@pytest.fixture(scope="module")
def exercises(snippet):
    return snippet("practice/beyond_a_line_exercises.py")


def test_the_chapters_evaluate_is_as_accurate_as_the_exercise_wants(page, exercises):
    def with_what_is_there(model, batches):
        was = model.training
        share = page["evaluate"](model, batches)[1]
        model.train(was)
        return share

    exercises["check_accuracy"](with_what_is_there)
    model = page["restored"]
    data = [(page["images"][page["test_rows"]], page["labels"][page["test_rows"]])]
    assert exercises["accuracy_of"](model, data) == page["accuracy"]


def test_the_recall_of_the_exercise_reads_the_chapters_matrix(page, exercises):
    got = exercises["recall"](page["matrix"])
    assert got[0] == page["matrix"][0, 0] / page["matrix"][0].sum()
