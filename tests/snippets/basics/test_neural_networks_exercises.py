"""The exercises on neural networks: right answers pass, wrong ones hear what is wrong."""

import pytest
import torch


@pytest.fixture(scope="module")
def chapter(snippet):
    return snippet("basics/neural_networks_exercises.py")


@pytest.fixture(scope="module")
def printed(chapter):
    return chapter.printed.splitlines()


def test_check_maximum(chapter):
    check = chapter["check_maximum"]
    right = {"W1": [[-1, 1], [1, 0], [-1, 0]], "b1": [0] * 3, "W2": [[1, 1, -1]]}
    check(**right, b2=[0])
    with pytest.raises(AssertionError, match=r"shapes must be \(h, 2\)"):
        check(**right | {"b1": [[0]] * 3}, b2=[0])
    with pytest.raises(AssertionError, match=r"\[1.0, 2.0\] should give 2.0, got 2.50"):
        check(**right, b2=[0.5])
    # a read as relu(a): right unless the first number is negative
    with pytest.raises(AssertionError, match=r"\[-1.0, -2.0\] should give -1.0"):
        check([[-1, 1], [1, 0]], [0, 0], [[1, 1]], [0])
    # the larger of |a| and b is not the larger of a and b
    with pytest.raises(AssertionError, match="should give"):
        check([[-1, 1], [1, 0], [-1, 0]], [0] * 3, [[1, 1, 1]], [0])
    # right for positive numbers only where the second is larger
    with pytest.raises(AssertionError, match=r"\[2.0, 1.0\] should give 2.0, got 1.00"):
        check([[0, 1], [0, -1]], [0, 0], [[1, -1]], [0])
    with pytest.raises(AssertionError, match=r"\[1.0, 2.0\] should give 2.0, got 1.00"):
        check([[1, 0], [-1, 0]], [0, 0], [[1, -1]], [0])
    # a shifted so that it is positive, for all but very negative numbers
    with pytest.raises(AssertionError, match=r"\[-1000.0, -2000.0\] should give"):
        check([[-1, 1], [1, 0]], [0, 10], [[1, 1]], [-10])


def test_check_count(chapter, printed):
    check = chapter["check_count"]
    check(chapter["count"])
    with pytest.raises(AssertionError, match=r"\[3, 1\]: 3 leaves out the biases"):
        check(lambda s: sum(m * n for m, n in zip(s, s[1:], strict=False)))
    with pytest.raises(AssertionError, match=r"\[3, 1\]: should be 4, got 6"):
        check(lambda s: sum(m * (n + 1) for m, n in zip(s, s[1:], strict=False)))
    with pytest.raises(AssertionError, match=r"\[2, 8, 1\]: should be 33, got 32"):
        check(lambda s: chapter["count"](s) - (len(s) > 2))
    assert chapter["count"]([784, 256, 128, 10]) == 235146
    assert printed[-1] == "235146"


def test_check_leaky(chapter):
    check = chapter["check_leaky"]
    check(chapter["leaky_variance"])
    assert chapter["leaky_variance"](100) == pytest.approx(2 / 125)
    with pytest.raises(AssertionError, match=r"grows: times 1\.2"):
        check(lambda n: 2 / n)  # He's, for slope 0
    with pytest.raises(AssertionError, match=r"shrinks: times 0\.6"):
        check(lambda n: 1 / n)  # Xavier's
    with pytest.raises(AssertionError, match=r"grows: times 1\.1"):
        check(lambda n: 1.8 / n)
    with pytest.raises(AssertionError, match=r"shrinks: times 0\.8"):
        check(lambda n: 1.4 / n)
    with pytest.raises(AssertionError, match=r"shrinks: times 0\.9"):
        check(lambda n: 1.5 / n)  # halfway between one and two over n


def test_what_the_checkers_ask(chapter, asked, monkeypatch):
    assert asked(chapter["check_count"], chapter["count"]) == [
        ([3, 1],),
        ([2, 8, 1],),
        ([64, 32, 10],),
        ([784, 256, 128, 10],),
    ]
    # The same width in each of eight layers.
    assert asked(chapter["check_leaky"], chapter["leaky_variance"]) == [(512,)] * 8
    pairs = []

    def largest_first(z):
        pairs.append(z.tolist())
        return torch.tensor([z.max(), 0.0])

    monkeypatch.setattr(torch, "relu", largest_first)
    chapter["check_maximum"]([[1, 0], [0, 1]], [0, 0], [[1, 0]], [0])
    # Either one the larger, equal ones, and negative ones.
    small = [[1, 2], [2, 1], [3, 3], [-1, -2], [-2, 1]]
    assert pairs == [*small, [-1000, -2000]]
