"""The exercises on losses: right answers pass, wrong ones are told what is wrong."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(scope="module")
def chapter(snippet):
    return snippet("basics/losses_exercises.py")


@pytest.fixture(scope="module")
def printed(chapter):
    return chapter.printed.splitlines()


def test_check_cross_entropy(chapter):
    check = chapter["check_cross_entropy"]
    check(chapter["my_cross_entropy"])
    check(lambda z, t: chapter["my_cross_entropy"](z.double(), t))

    def in_place(z, t):
        z -= z.amax(dim=1, keepdim=True)
        picked = z[torch.arange(len(t)), t].clone()
        return (z.exp_().sum(dim=1).log() - picked).mean()

    check(in_place)
    with pytest.raises(AssertionError, match="should be a scalar"):
        check(lambda z, t: F.cross_entropy(z, t, reduction="none"))
    with pytest.raises(AssertionError, match="instead of averaging"):
        check(lambda z, t: F.cross_entropy(z, t, reduction="sum"))
    with pytest.raises(AssertionError, match=r"large logits give \w+: subtract"):
        check(lambda z, t: -z.softmax(1)[range(len(t)), t].log().mean())
    with pytest.raises(AssertionError, match="large logits give"):
        check(lambda z, t: (z.exp().sum(1).log() - z[range(len(t)), t]).mean())
    with pytest.raises(AssertionError, match=r"should be \d\.\d{4}, got"):
        check(lambda z, t: F.cross_entropy(z.softmax(1), t))
    with pytest.raises(AssertionError, match=r"should be \d\.\d{4}, got"):
        check(lambda z, t: 1.01 * F.cross_entropy(z, t))


def test_my_cross_entropy_is_torchs(chapter):
    for scale in (1, 1000):
        logits, target = scale * torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
        ours = chapter["my_cross_entropy"](logits, target)
        assert torch.isclose(ours, F.cross_entropy(logits, target))


def test_check_floor(chapter, printed):
    check = chapter["check_floor"]
    check(chapter["twice_floor"])
    with pytest.raises(AssertionError, match=r"k = 2: should be 0\.3133, got 0\.5514"):
        check(lambda k: math.log(1 + k / math.e))
    with pytest.raises(AssertionError, match=r"k = 2: should be 0\.3133, got 0\.0000"):
        check(lambda k: 0.0)
    with pytest.raises(AssertionError, match=r"k = 10: should be 1\.4612, got 0\.6931"):
        check(lambda k: chapter["twice_floor"](k) if k < 4 else math.log(2))
    with pytest.raises(AssertionError, match=r"k = 3: "):
        check(lambda k: math.log(1 + 1 / math.e))
    expected = [round(math.log(1 + (k - 1) / math.e), 4) for k in (2, 10, 1000)]
    assert str(expected) in printed


def test_check_poisson(chapter, printed):
    check = chapter["check_poisson"]
    check(chapter["poisson_loss"])
    check(lambda z, y: F.poisson_nll_loss(z, y, full=True))
    with pytest.raises(AssertionError, match="should be a scalar"):
        check(lambda z, y: z.exp() - y * z)
    with pytest.raises(AssertionError, match="sign is wrong"):
        check(lambda z, y: (y * z - z.exp()).mean())
    with pytest.raises(AssertionError, match="off by a factor"):
        check(lambda z, y: (z.exp() - y * z).sum())
    with pytest.raises(AssertionError, match="the gradient should be"):
        check(lambda z, y: ((z.exp() - y) ** 2).mean())
    with pytest.raises(AssertionError, match="the gradient should be"):
        check(lambda z, y: (z - y * z.clamp(min=1e-3).log()).mean())  # z taken as λ
    loss = (1 + math.e - 4) / 2
    assert printed[-1] == f"{loss:.6f} {loss:.6f}"


def test_what_the_checkers_ask(chapter, asked):
    (usual, target), (large, same) = asked(
        chapter["check_cross_entropy"], chapter["my_cross_entropy"]
    )
    assert np.shape(usual) == (8, 5) and np.shape(target) == (8,)
    np.testing.assert_allclose(large, 1000 * np.array(usual), rtol=1e-6)
    assert same == target and set(target) <= set(range(5)) and max(target) == 4
    found = asked(chapter["check_floor"], chapter["twice_floor"])
    assert found == [(2,), (3,), (10,), (1000,)]
    ((z, y),) = asked(chapter["check_poisson"], chapter["poisson_loss"])
    assert (z, y) == ([0.5, -1.0, 2.0, 1.0], [0.0, 3.0, 1.0, 8.0])
