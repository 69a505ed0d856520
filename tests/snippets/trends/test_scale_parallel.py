"""Two processes that train together, and what travels between N of them."""

import math
import re

import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("trends/scale_parallel.py")


PRINTED = {
    "compare-ranks": [
        r"alone        \d\.\d\d   \d\.\d\d",
        r"all-reduce   \de[+-]0\d   \de[+-]0\d",
    ],
    "compare-training": ["replicas     equal True", r"one process  \de[+-]\d\d"],
    "ring": [
        "N =  2   equal True   sent 6400   formula 6400 bytes",
        "N =  4   equal True   sent 9600   formula 9600 bytes",
        "N =  8   equal True   sent 11200   formula 11200 bytes",
        "N = 16   equal True   sent 12000   formula 12000 bytes",
        "payload 1284 = 4 x 321 bytes",
    ],
    "zero": [
        "stage 0: 120.0 GB   stage 1: 31.4 GB   stage 2: 16.6 GB   stage 3: 1.9 GB"
    ],
    "sampler": [
        r"N = 2 \[\[0, 2, 4, 6, 8\], \[1, 3, 5, 7, 9\]\]",
        r"N = 4 \[\[0, 4, 8\], \[1, 5, 9\], \[2, 6, 0\], \[3, 7, 1\]\]",
    ],
}


@pytest.mark.parametrize("region", PRINTED)
def test_what_the_page_prints(page, region):
    lines = page.by_region[region].splitlines()
    assert len(lines) == len(PRINTED[region])
    for line, expected in zip(lines, PRINTED[region], strict=True):
        if "\\" in expected:
            assert re.fullmatch(expected, line)
        else:
            assert line == expected


def test_apart_is_a_relative_distance(page):
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0])
    assert page["apart"](a, b) == pytest.approx(math.sqrt(13) / 2)


def test_two_processes_give_the_gradient_of_the_whole_batch(page):
    assert len(page["ranks"]) == 2
    assert all(0.1 < d < 1 for d in page["alone_apart"])
    assert all(d < 1e-6 for d in page["together_apart"])
    first, second = page["ranks"]
    mean = (first["alone"] + second["alone"]) / 2
    torch.testing.assert_close(first["together"], mean)
    assert torch.equal(first["together"], second["together"])
    torch.testing.assert_close(page["whole"], mean)


def test_replicas_stay_equal_and_train_like_one_process(page):
    assert page["alike"] is True
    assert page["weights_apart"] < 1e-6
    torch.manual_seed(0)
    torch.randn(64, 8), torch.randn(64, 1)
    begun = nn.Linear(8, 32).weight
    assert (page["ranks"][0]["weights"]["0.weight"] - begun).abs().max() > 0.01


def test_the_data_of_both_processes_are_those_of_the_page(page):
    torch.manual_seed(0)
    assert torch.equal(page["inputs"], torch.randn(64, 8))
    assert torch.equal(page["targets"], torch.randn(64, 1))


def test_a_step_sends_the_gradient_once(page):
    assert page["payload"] == 4 * (8 * 32 + 32 + 32 + 1) == 4 * page["whole"].numel()


@pytest.mark.parametrize("N", [2, 3, 5])
def test_ring_all_reduce(page, N):
    vectors = list(torch.randn(N, 6 * N, dtype=torch.float64))
    before = [v.clone() for v in vectors]
    sums, sent = page["ring_all_reduce"](vectors)
    assert len(sums) == N
    for total in sums:
        torch.testing.assert_close(total, torch.stack(before).sum(0))
    assert all(map(torch.equal, vectors, before))
    assert sent == 2 * (N - 1) / N * (8 * 6 * N)


def test_ring_bytes_of_the_page(page):
    assert page["ring_sent"] == {2: 6400, 4: 9600, 8: 11200, 16: 12000}
    assert page["right"] is True
    assert page["formula"] == 12000


def test_zero_agrees_with_figure_1_of_the_paper(page):
    assert page["zero_table"] == pytest.approx([120, 31.4, 16.6, 1.9], abs=0.05)
    assert page["zero_bytes"](10, 1, 3) == 160


def test_shares_of_the_sampler(page):
    assert page["shares"][:2] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert page["shares"][2:] == [[0, 4, 8], [1, 5, 9], [2, 6, 0], [3, 7, 1]]


def test_without_torchrun_there_is_no_rank(page, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        ValueError, match="environment variable RANK expected, but not set$"
    ):
        page["fails_rank"]()
