"""What the explorable of weight decay and data claims about overfitting."""

import random

import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def g(snippet):
    return snippet("practice/beyond_a_line_decay.py")


def test_the_data(g):
    pool, val, unused = g["pool"], g["val"], g["unused"]
    assert sorted(torch.cat([pool, val, unused]).tolist()) == list(range(1797))
    assert len(pool) == max(g["SIZES"])
    assert g["flat"].min() == 0 and g["flat"].max() == 1
    wrong = g["noisy_labels"] != g["labels"][pool]
    assert wrong[::5].all() and wrong.sum() == len(pool) / 5
    assert g["noisy_labels"].min() == 0 and g["noisy_labels"].max() == 9
    assert sorted(g["SIZES"]) == g["SIZES"] and sorted(g["DECAYS"]) == g["DECAYS"]


def test_without_weight_decay_the_validation_loss_rises_again(g):
    for size in g["SIZES"]:
        out = g["table"][size, 0.0]
        assert out["last"] > 1.5 * out["best"]
        assert out["train"][-1] < 0.5 * out["best"]
        assert out["stopped"] > out["final"] + 0.1


def test_weight_decay_lowers_the_end_and_not_the_lowest_point(g):
    for size in g["SIZES"]:
        runs = [g["table"][size, decay] for decay in g["DECAYS"]]
        best = [out["best"] for out in runs]
        assert best == sorted(best)
        last = [out["last"] for out in runs[:4]]
        assert last == sorted(last, reverse=True)
        assert last[3] < 0.7 * last[0]
        stop = [out["stop"] for out in runs[:3]]
        assert max(stop) - min(stop) <= 6


def test_the_same_from_other_starts(g, monkeypatch):
    seed = torch.manual_seed
    for other in (1, 2):
        monkeypatch.setattr(torch, "manual_seed", lambda _, n=other: seed(n))
        none, some, strong = (g["run"](100, decay) for decay in (0.0, 3.0, 10.0))
        assert none["best"] < some["best"] < some["last"] < 0.7 * none["last"]
        assert strong["best"] > 1.2 and strong["train"][-1] > 1


def test_more_data_lowers_the_lowest_point(g):
    for decay in g["DECAYS"]:
        best = [g["table"][size, decay]["best"] for size in g["SIZES"]]
        assert best == sorted(best, reverse=True)
    assert (
        min(out["best"] for out in g["table"].values())
        == (g["table"][400, 0.0]["best"])
    )


def test_too_much_decay_makes_for_timid_probabilities(g):
    for size in g["SIZES"]:
        out = g["table"][size, 10.0]
        assert out["train"][-1] > 1 and out["best"] > 1.2
        assert out["last"] < 1.01 * out["best"]
        assert out["final"] > g["table"][size, 0.0]["final"] + 0.1
    assert g["table"][200, 10.0]["last"] > g["table"][200, 0.0]["last"]


def test_curves_and_numbers_are_those_of_the_model(g, monkeypatch):
    built, steps = [], []

    class Kept(nn.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            built.append(self)

    class Watched(torch.optim.AdamW):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            steps.append(0)
            assert self.param_groups[0]["weight_decay"] == 1.0

        def step(self):
            # What is stored at step 3 n was measured before this update.
            if steps[0] in (0, 120):
                with torch.no_grad():
                    loss = nn.functional.cross_entropy
                    model, val, unused = built[0], g["val"], g["unused"]
                    seen = g["pool"][:100]
                    hits = model(g["flat"][unused]).argmax(1) == g["labels"][unused]
                    steps.append(
                        (
                            loss(
                                model(g["flat"][seen]), g["noisy_labels"][:100]
                            ).item(),
                            loss(model(g["flat"][val]), g["labels"][val]).item(),
                            hits.double().mean().item(),
                        )
                    )
            steps[0] += 1
            super().step()

    monkeypatch.setattr(nn, "Sequential", Kept)
    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    out = g["run"](100, 1.0)
    assert len(out["train"]) == len(out["val"]) == 41
    first, last = steps[1:]
    assert (out["train"][0], out["val"][0]) == pytest.approx(first[:2], abs=1e-3)
    assert (out["train"][-1], out["val"][-1], out["final"]) == pytest.approx(
        last, abs=1e-3
    )
    assert out["val"][-1] == out["last"]
    assert out["val"][out["stop"] // 3] == out["best"] == min(out["val"])
    assert [m.out_features for m in built[0] if isinstance(m, nn.Linear)] == [64, 10]


def test_a_stored_run_equals_a_fresh_one(g):
    for position in random.Random(0).sample(list(g["table"]), 4):
        assert g["run"](*position) == g["table"][position]
