"""What the checkers of the scale chapter accept, and what they say of wrong answers."""

import re

import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("trends/scale_exercises.py")


PRINTED = {
    "solution-rows": [r"other rows   error 0\.[6-9]\d+ -> 0\.00\d\d"],
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


def test_check_gelu_bytes(page):
    check = page["check_gelu_bytes"]
    asked = []
    check(lambda *sizes: asked.append(sizes) or page["gelu_bytes"](*sizes))
    assert asked == [(3, 8, 2, 4), (5, 16, 3, 10)]

    def relu(b, d, L, c):
        return 4 * b * (L * (6 * d + 2) + d + c) + 8 * b + 4

    with pytest.raises(AssertionError, match="ReLU's answer"):
        check(relu)
    with pytest.raises(AssertionError, match="elements"):
        check(lambda *sizes: page["gelu_bytes"](*sizes) // 4)
    with pytest.raises(AssertionError, match="off by 4 bytes"):
        check(lambda *sizes: page["gelu_bytes"](*sizes) - 4)


def test_check_accumulate(page, asked):
    check = page["check_accumulate"]
    ((model, parts),) = asked(check, page["accumulate"])
    assert [tuple(x.shape) for x, _ in parts] == [(7, 4), (4, 4), (1, 4)]
    assert [len(y) for _, y in parts] == [7, 4, 1]
    assert set(torch.cat([y for _, y in parts]).tolist()) == {0, 1, 2}
    assert (model.in_features, model.out_features) == (4, 3)

    def wrong(divide, clear=True, weigh=False):
        def answer(model, parts):
            if clear:
                model.zero_grad()
            for x, y in parts:
                share = len(x) / 12 if weigh else 1 / divide
                (F.cross_entropy(model(x), y) * share).backward()

        return answer

    with pytest.raises(AssertionError, match="differ in size"):
        check(wrong(3))
    with pytest.raises(AssertionError, match="added up"):
        check(wrong(1))
    with pytest.raises(AssertionError, match="not cleared"):
        check(wrong(1, clear=False, weigh=True))
    with pytest.raises(AssertionError, match="not that of the whole"):
        check(wrong(7))


def test_check_quantize_rows(page, asked):
    check = page["check_quantize_rows"]
    ((weight,),) = asked(check, page["quantize_rows"])
    assert len(weight) == 6 and {len(row) for row in weight} == {32}
    assert weight[0][0] == 50 and max(map(abs, sum(weight[1:], []))) < 5

    def answer(rounding=torch.round, dtype=torch.int8, largest=127, whole=False):
        def quantize(weight):
            s = weight.abs().amax(1, keepdim=True) / largest
            s = s.amax().expand_as(s) if whole else s
            return rounding(weight / s).to(dtype), s

        return quantize

    for wrong, message in (
        (answer(dtype=torch.int32), "not torch.int32"),
        (
            lambda w: (torch.zeros(6, 32, dtype=torch.int8), w.abs().max() / 127),
            "one step per row",
        ),
        (answer(whole=True), "land on 127"),
        (answer(largest=63), "land on 127"),
        (answer(torch.trunc), "round to the nearest"),
    ):
        with pytest.raises(AssertionError, match=message):
            check(wrong)


def test_row_steps_mend_what_an_outlier_spoils(page):
    before, after = page["rest_errors"]
    assert before > 0.5
    assert after < 0.01
    matrix, exact = page["matrix"], page["matrix"][1:]
    q, step = page["quantize_rows"](matrix)
    s = matrix.abs().max() / 127
    for error, restored in (
        (before, s * torch.round(matrix / s)),
        (after, q * step),
    ):
        expected = (restored[1:] - exact).norm() / exact.norm()
        assert error == pytest.approx(expected.item(), rel=1e-5)
    assert matrix[0, 0] == 50 and matrix.shape == (64, 64)
    assert exact.abs().max() < 1


def test_the_block_is_the_chapter_s_with_gelu(page):
    torch.manual_seed(0)
    block = page["GELUBlock"](6)
    x = torch.randn(3, 6)
    by_hand = F.layer_norm(x, (6,), block.norm.weight, block.norm.bias)
    by_hand = F.gelu(by_hand @ block.up.weight.T + block.up.bias)
    by_hand = x + by_hand @ block.down.weight.T + block.down.bias
    torch.testing.assert_close(block(x), by_hand)
    assert block.up.out_features == 24


@pytest.mark.parametrize("sizes", [(1, 4, 1, 2), (7, 12, 3, 5)])
def test_bytes_are_counted_at_other_sizes_too(page, sizes):
    assert page["count_gelu_bytes"](*sizes) == page["gelu_bytes"](*sizes)
