"""The exercises on the digits: what the checkers say of right and wrong answers."""

import math
import re

import pytest
import torch


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("practice/beyond_a_line_exercises.py")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda n, i, o, k, s, p: (n, o * (i * k * k + 1)), "the side should be"),
        (
            lambda n, i, o, k, s, p: (n // s, o * (i * k * k + 1)),
            "the side should be 3, got 2",
        ),
        (
            lambda n, i, o, k, s, p: ((n + 2 * p - k + 1) // s, o * (i * k * k + 1)),
            "the side should be 3, got 2",
        ),
        (
            lambda n, i, o, k, s, p: (
                -(-(n + 2 * p - k) // s) + 1,
                o * (i * k * k + 1),
            ),
            "side should be 4, got 5",
        ),
        (
            lambda n, i, o, k, s, p: ((n + 2 * p - k) // s + 1, o * i * k * k),
            "bias of each output channel is missing",
        ),
        (
            lambda n, i, o, k, s, p: ((n + 2 * p - k) // s + 1, o * (i * k + 1)),
            "there are 160 parameters, got 64",
        ),
        (
            lambda n, i, o, k, s, p: ((n + 2 * p - k) // s + 1, o * (k * k + 1)),
            "there are 52 parameters, got 20",
        ),
    ],
)
def test_wrong_sizes_are_told(page, answer, problem):
    with pytest.raises(AssertionError, match=re.escape(problem)):
        page["check_conv"](answer)


def test_right_sizes_pass(page):
    asked = []

    def watched(*case):
        asked.append(case)
        return page["conv_size"](*case)

    page["check_conv"](watched)
    # Stride with a remainder, with padding and without, tells floor from ceiling.
    assert asked[:2] == [(8, 1, 16, 3, 1, 1), (8, 1, 8, 5, 2, 2)]
    # and a stride that does not divide the side
    assert asked[2:] == [(9, 3, 4, 2, 2, 0), (11, 3, 4, 3, 4, 1)]
    assert page["conv_size"](8, 1, 8, 5, 2, 2) == (4, 208)


def counted(model, batches):
    correct = count = 0
    for x, y in batches:
        correct += (model(x).argmax(dim=1) == y).sum().item()
        count += len(y)
    return correct / count


def no_eval(model, batches):
    return counted(model, batches)


def stays_in_eval(model, batches):
    model.eval()
    return counted(model, batches)


def always_trains_after(model, batches):
    model.eval()
    share = counted(model, batches)
    model.train()
    return share


def mean_of_means(model, batches):
    model.eval()
    return sum(counted(model, [batch]) for batch in batches) / len(batches)


def count_only(model, batches):
    model.eval()
    return counted(model, batches) * 8


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (no_eval, "the model was in train mode while you measured it"),
        (stays_in_eval, "back in train mode"),
        (always_trains_after, "found in eval mode was left in train mode"),
        (mean_of_means, "average over examples, not batches"),
        (count_only, "the accuracy should be 0.75, got 6"),
    ],
)
def test_wrong_accuracies_are_told(page, answer, problem):
    with pytest.raises(AssertionError, match=problem):
        page["check_accuracy"](answer)


def test_right_accuracy_passes(page):
    page["check_accuracy"](page["accuracy_of"])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda m: m.diag() / m.sum(dim=0), "that is precision"),
        (lambda m: m.diag().sum() / m.sum(), "one number per class"),
        (lambda m: m.diag() / m.sum(), "should be"),
        (lambda m: (m.diag() / m.sum(dim=1))[[1, 0, 2, 3]], "should be"),
        (lambda m: (m.diag().sum() / m.sum()).expand(4), "should be"),
        (lambda m: m.amax(1) / m.sum(dim=1), "should be"),
        (
            lambda m: torch.where(m.diag() == 0, math.nan, m.diag() / m.sum(dim=1)),
            "should be",
        ),
        (lambda m: (m.diag() / m.sum(dim=1)).nan_to_num(0), "no recall: nan"),
    ],
)
def test_wrong_recalls_are_told(page, answer, problem):
    with pytest.raises(AssertionError, match=problem):
        page["check_recall"](answer)


def test_right_recall_passes(page):
    page["check_recall"](page["recall"])
    page["check_recall"](lambda m: m.diag().double() / m.sum(dim=1))
    got = page["recall"](page["three_classes"])
    assert got[:2].tolist() == pytest.approx([9 / 10, 6 / 8]) and got[2].isnan()
    assert page.printed == "['0.90', '0.75', 'nan']\n"
