"""What the deep-learning chapter claims."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

IMAGE = 1 / 360  # one image of a fold of the digits: other roundings may tip a few


@pytest.fixture(scope="module")
def dl(snippet):
    return snippet("concepts/deep_learning.py")


def numbers(text, start):
    """The numbers on each of the lines that begin with the words given."""
    found = re.findall(rf"^ *{start}(.*)", text, flags=re.MULTILINE)
    assert found
    return [[float(n) for n in re.findall(r"[-+]?\d+\.?\d*", line)] for line in found]


def test_prints_what_it_computed(dl):
    text = dl.printed
    close = {"abs": 6e-4}
    assert numbers(text, "digits  \\(") == [[1797, 64, 10]]
    assert numbers(text, "cells   \\(") == [[569, 30, 2]]
    assert numbers(text, "share of the larger class =")[0] == [0.627]
    assert numbers(text, "rule for digits:")[0] == [
        pytest.approx(dl["rule_accuracy"], **close)
    ]
    assert numbers(text, "rule for cells:")[0] == [
        pytest.approx(dl["radius_accuracy"], **close)
    ]
    assert numbers(text, "threshold =")[0] == pytest.approx([15.05, 0.891], **close)
    for data, scores in (("digits", dl["on_digits"]), ("cells", dl["on_cells"])):
        for name, values in scores.items():
            wanted = [values.mean().item(), values.std().item()]
            assert numbers(text, f"{data}  {name}")[0] == pytest.approx(wanted, **close)
        for rival in ("logistic", "forest"):
            gap = scores["network"] - scores[rival]
            wins = (gap > 0).sum().item()
            found = numbers(text, f"{data}  network - {rival}")[0]
            wanted = [gap.mean().item(), gap.std().item(), wins, 10]
            assert found == pytest.approx(wanted, **close)
    assert re.search(r"size +logistic +forest +network", text)
    for i, size in enumerate(dl["sizes"]):
        wanted = [scores[i].mean().item() for scores in dl["by_size"].values()]
        assert numbers(text, f"{size} ")[0] == pytest.approx(wanted, **close)
    for i, width in enumerate(dl["widths"]):
        wanted = [dl["given"][i], dl["trained"][i]]
        assert numbers(text, f"width +{width} ")[0] == pytest.approx(wanted, **close)
    apart = numbers(text, "(?:un)?trained +nearest mean in 16-D:")
    assert [row[::2] for row in apart] == [
        pytest.approx([0.645, 0.340], abs=0.01),
        pytest.approx([0.927, 0.616], abs=0.015),
    ]
    assert numbers(text, "depth") == [[k, 2 * k, 2**k, 2**k - 1] for k in range(1, 9)]
    assert numbers(text, "raw ")[0] == pytest.approx([0.627, 1, 0.935], abs=0.013)
    scaled = numbers(text, "scaled ")[0]
    assert scaled == pytest.approx([0.953, 0.627, 0.935], abs=0.013)
    assert numbers(text, "features chosen before the split:")[0] == [
        pytest.approx(dl["leaky"].mean().item(), **close)
    ]
    assert numbers(text, "features chosen inside each fold:")[0] == [
        pytest.approx(dl["honest"].mean().item(), **close)
    ]
    assert numbers(text, "forest on its own training data:")[0] == [1]
    seeds = dl["by_seed"]
    wanted = [seeds.min().item(), seeds.max().item()]
    assert numbers(text, "worst")[0] == pytest.approx(wanted, abs=6e-5)
    wanted = [seeds.mean().item(), seeds.std().item()]
    assert numbers(text, "mean")[0] == pytest.approx(wanted, abs=6e-5)


def test_data(dl):
    assert dl["pixels"].shape == (1797, 64)
    assert (dl["pixels"].min(), dl["pixels"].max()) == (0, 1)
    assert dl["cells"].shape == (569, 30)
    assert dl["pixels"].dtype == dl["cells"].dtype == torch.float32
    assert dl["benign"].sum() == 357


# Rules


def test_drawings_are_told_apart_wherever_they_stand(dl):
    drawn = dl["drawn"]
    assert drawn.shape == (10, 8, 5)
    for left in range(4):
        images = torch.zeros(10, 8, 8)
        images[:, :, left : left + 5] = drawn.float()
        assert dl["read_digit"](images.flatten(1)).tolist() == list(range(10))


def test_rule_is_the_best_correlation(dl):
    some = dl["pixels"][::60]
    wanted = []
    for image in some.numpy():
        best = {}
        for d in range(10):
            for left in range(4):
                canvas = np.zeros((8, 8))
                canvas[:, left : left + 5] = dl["drawn"][d].numpy()
                r = np.corrcoef(canvas.ravel(), image)[0, 1]
                best[d] = max(best.get(d, -1), r)
        wanted.append(max(best, key=best.get))
    assert dl["read_digit"](some).tolist() == wanted


def test_rules_are_far_from_chance_and_from_perfect(dl):
    assert dl["rule_accuracy"] == pytest.approx(0.741, abs=0.001)
    assert dl["radius_accuracy"] == pytest.approx(0.888, abs=0.001)
    by_hand = (dl["cells"][:, 0].numpy() < 15) == dl["benign"].numpy()
    assert dl["radius_accuracy"] == pytest.approx(by_hand.mean())


def test_accuracy(dl):
    answer = torch.tensor([1, 0, 1, 1])
    assert dl["accuracy"](answer, torch.tensor([1, 1, 1, 1])) == 0.75
    assert dl["accuracy"](answer.numpy(), answer) == 1


def test_threshold_is_as_good_as_a_decision_stump(dl):
    stump = DecisionTreeClassifier(max_depth=1)
    radius = dl["cells"][:, :1].numpy()
    score = stump.fit(radius, dl["benign"]).score(radius, dl["benign"])
    best = 1 - dl["risks"].min().item()
    assert (
        best >= score - 1e-6
    )  # a tree minimises impurity, the threshold the error itself
    assert best == pytest.approx(0.891, abs=0.001)
    assert best >= dl["radius_accuracy"]
    assert dl["learned"].item() == pytest.approx(15.05, abs=1e-3)
    assert len(dl["candidates"]) == len(dl["risks"]) == 201
    assert dl["candidates"].diff().mean().item() == pytest.approx(0.05)
    at_15 = dl["risk_of_threshold"](torch.tensor(15.0), dl["radius"], dl["benign"])
    assert at_15.item() == pytest.approx(1 - dl["radius_accuracy"])
    assert 15 in dl["candidates"].tolist()  # so the learned limit cannot do worse


# Learners, cross-validated


def test_standardise_is_sklearns_scaler(dl):
    train, test = dl["pixels"][:900], dl["pixels"][900:]
    scaler = StandardScaler().fit(train)
    ours = dl["standardise"](train, test)
    for mine, theirs in zip(ours, (train, test), strict=True):
        # columns that are almost constant magnify the rounding of float32
        assert np.allclose(mine, scaler.transform(theirs), atol=1e-3)
    assert ours[0].isfinite().all()
    constant = torch.full((3, 1), 5.0)
    assert dl["standardise"](constant, constant + 2)[1].tolist() == [[2]] * 3


@pytest.mark.parametrize(("data", "x", "y"), [("on_digits", "pixels", "digit")])
def test_logistic_scores_are_sklearns_own(dl, data, x, y):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    scores = cross_val_score(model, dl[x].numpy(), dl[y].numpy(), cv=folds)
    assert np.allclose(dl[data]["logistic"], scores, atol=1.5 * IMAGE)


@pytest.mark.parametrize(
    ("data", "name", "mean", "spread"),
    [
        ("on_digits", "logistic", 0.969, 0.008),
        ("on_digits", "forest", 0.973, 0.008),
        ("on_digits", "network", 0.971, 0.012),
        ("on_cells", "logistic", 0.975, 0.019),
        ("on_cells", "forest", 0.962, 0.015),
        ("on_cells", "network", 0.967, 0.021),
    ],
)
def test_scores(dl, data, name, mean, spread):
    values = dl[data][name]
    assert len(values) == 10
    assert values.mean().item() == pytest.approx(mean, abs=0.001)
    assert values.std().item() == pytest.approx(spread, abs=0.0015)


def test_deep_learning_does_not_win_by_itself(dl):
    signs, ratios = set(), []
    for data in ("on_digits", "on_cells"):
        for rival in ("logistic", "forest"):
            gap = dl[data]["network"] - dl[data][rival]
            assert gap.mean().abs() < gap.std()
            signs.add(gap.mean().sign().item())
            ratios.append((gap.mean() / gap.std()).item())
        rule = dl["rule_accuracy" if data == "on_digits" else "radius_accuracy"]
        assert min(s.mean() for s in dl[data].values()) > rule + 0.05
    assert signs == {-1, 1}
    assert dl["in_deviations"] == pytest.approx(ratios)
    # what the last turn of the shown loop leaves behind
    assert torch.equal(dl["gap"], dl["on_cells"]["network"] - dl["on_cells"]["forest"])
    assert dl["wins"] == (dl["gap"] > 0).sum()


def test_spread_is_about_what_the_binomial_gives(dl):
    for data, size in (("on_digits", 1797 / 5), ("on_cells", 569 / 5)):
        for values in dl[data].values():
            p = values.mean().item()
            predicted = math.sqrt(p * (1 - p) / size)
            assert 0.5 * predicted < values.std().item() < 2 * predicted
    p = dl["on_digits"]["network"].mean().item()
    assert dl["expected"] == pytest.approx(math.sqrt(p * (1 - p) * 5 / 1797))
    found = numbers(dl.printed, "p =")[0]
    assert found[::2] == pytest.approx([p, dl["expected"]], abs=6e-4)
    assert found[1] == 359 == round(1797 / 5)


def test_forest_and_network_are_what_they_are_said_to_be(dl):
    x, y = dl["pixels"][:300], dl["digit"][:300]
    net = dl["train_network"](x, y)
    shapes = [tuple(p.shape) for p in net.parameters()]
    assert shapes == [(64, 64), (64,), (10, 64), (10,)]
    assert not any(p.requires_grad for p in net.parameters())
    assert torch.equal(net(x).argmax(1), dl["neural_network"](x, y)(x))
    assert torch.equal(net(x), dl["train_network"](x, y)(x))
    assert not torch.equal(net(x), dl["train_network"](x, y, seed=1)(x))
    predict = dl["random_forest"](x, y)
    forest = inspect.getclosurevars(predict).nonlocals["fitted"]
    assert len(forest.estimators_) == 50
    votes = np.stack([tree.predict_proba(x.numpy()) for tree in forest.estimators_])
    assert set(np.unique(votes)) == {0, 1}
    assert np.allclose(forest.predict_proba(x), votes.mean(0))
    mixed = dl["random_forest"](torch.zeros(5, 1), torch.tensor([0, 0, 0, 1, 1]))
    forest = inspect.getclosurevars(mixed).nonlocals["fitted"]
    one = np.zeros((1, 1), np.float32)
    votes = np.stack([tree.predict_proba(one) for tree in forest.estimators_])
    assert len(np.unique(votes)) > 2
    assert np.allclose(forest.predict_proba(one), votes.mean(0))


def test_logistic_regression_has_one_set_of_weights_for_two_classes(dl):
    x, y = dl["pixels"][:300], dl["digit"][:300]
    for labels, sets in ((y, 10), (y % 2, 1)):
        predict = dl["logistic_regression"](x, labels)
        fitted = inspect.getclosurevars(predict).nonlocals["fitted"]
        assert fitted.coef_.shape == (sets, 64)


def test_network_training_is_a_hundred_steps_of_adam(dl):
    x, y = dl["pixels"][:100], dl["digit"][:100]
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(100):
        net.zero_grad()
        (-net(x).log_softmax(1)[range(100), y]).mean().backward()
        optimizer.step()
    ours = dl["train_network"](x, y, hidden=8, seed=3)
    assert torch.allclose(ours(x), net(x), atol=1e-2)


def test_freeze_keeps_the_random_features(dl):
    x, y = dl["pixels"][:100], dl["digit"][:100]
    net = dl["train_network"](x, y, hidden=8, freeze=True)
    torch.manual_seed(0)
    assert torch.equal(net[0].weight, nn.Linear(64, 8).weight)
    moved = dl["train_network"](x, y, hidden=8)
    assert not torch.equal(moved[0].weight, net[0].weight)


# Data


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("logistic", [0.657, 0.739, 0.836, 0.892, 0.947, 0.953]),
        ("forest", [0.455, 0.609, 0.774, 0.863, 0.934, 0.964]),
        ("network", [0.649, 0.742, 0.826, 0.884, 0.941, 0.960]),
    ],
)
def test_accuracy_grows_with_data(dl, name, curve):
    assert dl["sizes"] == (10, 20, 50, 100, 300, 1000)
    assert dl["by_size"][name].shape == (6, 3)
    assert dl["by_size"][name].mean(1).tolist() == pytest.approx(curve, abs=0.003)
    assert (dl["by_size"][name].mean(1).diff() > 0).all()


def test_with_ten_examples_the_rule_beats_every_learner(dl):
    first = {name: scores[0] for name, scores in dl["by_size"].items()}
    assert max(s.max() for s in first.values()) < dl["rule_accuracy"]
    assert all(s[2].mean() > dl["rule_accuracy"] for s in dl["by_size"].values())


# Features and depth


def test_learned_features_beat_random_ones(dl):
    given, trained = np.array(dl["given"]), np.array(dl["trained"])
    assert dl["widths"] == (2, 4, 8, 16, 32, 64)
    assert given == pytest.approx([0.242, 0.385, 0.572, 0.7, 0.881, 0.93], abs=0.005)
    assert trained == pytest.approx([0.463, 0.863, 0.932, 0.962, 0.96, 0.961], abs=0.01)
    assert (trained - given > 0.02).all()
    # eight learned features do what 64 random ones do
    assert trained[2] > given[5] - 0.01


def test_random_features_fall_short_even_with_the_best_readout(dl):
    torch.manual_seed(0)
    layer = nn.Linear(64, 8).requires_grad_(False)
    train, test = dl["x_train"], dl["x_test"]
    y_train, y_test = dl["digit"][dl["train"]], dl["digit"][dl["test"]]
    readout = LogisticRegression(C=1e3, max_iter=5000)
    readout.fit(layer(train).relu(), y_train)
    score = readout.score(layer(test).relu(), y_test)
    assert score < dl["trained"][2] - 0.2


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
def test_nearest_mean_and_directions_are_sklearns(dl):
    x, y = dl["pixels"][:500], dl["digit"][:500]
    new = dl["pixels"][500:]
    centroid = NearestCentroid().fit(x, y)
    assert (dl["nearest_mean"](x, y, new).numpy() == centroid.predict(new)).all()
    theirs = PCA(2, svd_solver="full").fit(x).components_.T
    ours = dl["principal_directions"](x).numpy()
    assert ours.shape == (64, 2)
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-3)


def test_training_pulls_the_classes_apart(dl):
    y = dl["digit"][dl["test"]]
    assert {name: p.shape for name, p in dl["planes"].items()} == {
        "untrained": (797, 2),
        "trained": (797, 2),
    }
    share = {}
    for name, plane in dl["planes"].items():
        means = torch.stack([plane[y == d].mean(0) for d in range(10)])
        share[name] = means[y].var(0).sum() / plane.var(0).sum()
    assert share["trained"] > 1.5 * share["untrained"]
    assert dl["accuracy"](dl["whole"], y) == pytest.approx(0.927, abs=0.01)
    assert dl["accuracy"](dl["flat"], y) == pytest.approx(0.616, abs=0.015)
    torch.manual_seed(0)
    assert not any(plane.requires_grad for plane in dl["planes"].values())
    first = nn.Linear(64, 16)
    assert torch.equal(dl["untrained"].weight, first.weight)
    assert not torch.equal(dl["net"][0].weight, first.weight)


def test_tent_rises_and_falls(dl):
    x = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    assert dl["tent"](x).tolist() == [0, 0.5, 1, 0.5, 0]
    assert dl["zigzag"](x, 0).tolist() == x.tolist()
    assert dl["zigzag"](x, 2).tolist() == [0, 1, 0, 1, 0]


def test_each_fold_doubles_the_pieces(dl):
    assert dl["pieces"] == [2**k for k in range(1, 9)]
    assert dl["count_pieces"](lambda x: 3 * x) == 1
    assert dl["count_pieces"](lambda x: (x - 0.25).relu()) == 2
    assert dl["count_pieces"](lambda x: x + 0.15 * (x - 1 / 4096).relu()) == 2


@pytest.mark.parametrize("seed", range(5))
def test_one_layer_makes_at_most_one_kink_per_unit(dl, seed):
    torch.manual_seed(seed)
    kinks = torch.randint(1, 4096, (12,)) / 4096
    slopes = torch.randint(-8, 9, (12,)).float()
    shallow = dl["count_pieces"](lambda x: (x[:, None] - kinks).relu() @ slopes)
    assert shallow <= 13


# What goes wrong


def test_float64_does_not_fit_a_layer(dl):
    with pytest.raises(RuntimeError, match="same dtype, but got Double and Float"):
        dl["fails_dtype"]()


def test_unscaled_features_stop_the_network_but_not_the_forest(dl):
    train, test = dl["raw"]
    assert (len(train), len(test)) == (400, 169)
    labels = dl["train_test_split"](
        dl["benign"], train_size=400, stratify=dl["benign"], random_state=0
    )
    settings = {"rule": torch.optim.SGD, "lr": 0.1}
    stuck = dl["neural_network"](train, labels[0], **settings)(test)
    assert stuck.unique().tolist() == [1]
    assert dl["settings"] == settings
    # what the last turn of the loop, the scaled one, leaves behind
    assert dl["accuracy"](dl["answer"], labels[1]) > 0.94
    raw_forest = dl["random_forest"](train, labels[0])(test)
    assert (raw_forest == dl["forest"]).float().mean() > 0.99
    assert dl["accuracy"](dl["forest"], labels[1]) == pytest.approx(0.935, abs=0.013)


def test_choosing_features_before_the_split_invents_skill(dl):
    assert dl["noise"].shape == (100, 2000)
    assert dl["labels"].tolist() == [0, 1] * 50
    # a half, give or take two standard errors of 100 answers
    assert abs(dl["honest"].mean().item() - 0.5) < 2 * 0.05
    assert dl["honest"].mean().item() == pytest.approx(0.55, abs=0.02)
    assert dl["leaky"].mean().item() == pytest.approx(0.845, abs=0.02)
    assert dl["seen"] == 1


def test_best_features(dl):
    x = torch.zeros(40, 30)
    y = torch.arange(40) % 2
    x[:, 5:25] = torch.where(y == 1, 1.0, -1.0)[:, None]
    x[:, 10] *= -1
    x[:, 0] = 7
    assert sorted(dl["best_features"](x, y).tolist()) == list(range(5, 25))
    assert dl["peeked"].shape == (100, 20)
    assert (dl["select_then_fit"](x, y)(x) == y.numpy()).all()


def test_seed_alone_moves_the_score(dl):
    scores = dl["by_seed"]
    assert len(scores) == 8
    assert scores.mean().item() == pytest.approx(0.965, abs=0.002)
    assert 0.002 < (scores.max() - scores.min()).item() < 0.02
