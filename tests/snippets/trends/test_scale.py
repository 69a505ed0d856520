"""The scale chapter: what is counted equals what the formulas say, on real models and runs."""

import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.fixture(scope="module")
def page(snippet):
    return snippet("trends/scale.py")


@pytest.fixture
def printed(capsys):
    """Run a function in between, and give the lines that it printed."""

    def run(function, *args):
        capsys.readouterr()
        function(*args)
        return capsys.readouterr().out.splitlines()

    return run


# Memory


def test_the_block_is_the_one_of_the_formula(page):
    torch.manual_seed(0)
    block = page["Block"](6)
    x = torch.randn(3, 6)
    by_hand = F.layer_norm(x, (6,), block.norm.weight, block.norm.bias)
    by_hand = (by_hand @ block.up.weight.T + block.up.bias).clamp(min=0)
    by_hand = x + by_hand @ block.down.weight.T + block.down.bias
    torch.testing.assert_close(block(x), by_hand)
    assert block.up.out_features == 24


def test_the_data_are_the_digits_shuffled_and_scaled(page):
    assert page["images"].shape == (1797, 64)
    assert page["images"].max() == 1
    assert page["images"].dtype == torch.float32
    assert len(page["labels"].unique()) == 10
    assert page["labels"][:100].tolist() != sorted(page["labels"][:100].tolist())
    assert len(page["x"]) == len(page["y"]) == page["batch"] == 256
    # labels belong to images: a nearest neighbour of the same set finds them nearly always
    distance = torch.cdist(page["images"], page["images"]).fill_diagonal_(9e9)
    near = page["labels"][distance.argmin(1)]
    assert (near == page["labels"]).float().mean() > 0.98


def test_parameters_weights_and_gradients_agree_with_the_formula(page):
    assert page["P"] == page["counted"] == 133514
    assert page["weight_bytes"] == page["gradient_bytes"] == 4 * 133514


def test_optimizer_state_in_bytes(page):
    table, P = page["state_table"], page["P"]
    assert page["T"] == 26
    assert table["SGD"] == 0
    assert table["momentum"] == 4 * P
    assert table["AdamW"] == 8 * P + 4 * 26
    # Adafactor: a row and a column of means for a matrix, everything for a vector, a step.
    expected = sum(
        4 * (sum(p.shape) if p.ndim == 2 else p.numel()) + 4
        for p in page["model"].parameters()
    )
    assert table["Adafactor"] == expected


def test_measuring_the_state_left_the_weights_alone(page):
    torch.manual_seed(0)
    torch.randperm(1797)
    fresh = page["tower"](64, 4, 10)
    loss = F.cross_entropy(fresh(page["x"]), page["y"])
    whole = torch.cat(
        [g.flatten() for g in torch.autograd.grad(loss, fresh.parameters())]
    )
    torch.testing.assert_close(page["whole_gradient"], whole)


def test_large_models_have_the_published_sizes(page):
    assert page["large"] == {"GPT-2": 1557611200, "GPT-3": 174604259328}
    shape = page["language_model"](16, 2, 4, 50, 8)
    assert all(p.is_meta for p in shape.parameters())


@pytest.mark.parametrize(
    ("batch", "width", "depth", "classes"), [(1, 4, 1, 2), (7, 12, 3, 5)]
)
def test_activations_agree_with_the_formula_at_other_sizes(
    page, batch, width, depth, classes
):
    model = page["tower"](width, depth, classes)
    x, y = torch.randn(batch, width), torch.zeros(batch, dtype=torch.long)
    loss, counted = page["saved_bytes"](lambda: F.cross_entropy(model(x), y), model)
    expected = 4 * batch * (depth * (6 * width + 2) + width + classes) + 8 * batch + 4
    assert counted == expected
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_activations_of_the_page(page):
    assert page["activation_count"] == page["activation_formula"] == 1658884
    assert page["inference_count"] == 0


def test_a_shared_storage_counts_once_and_whole(page):
    x = torch.randn(10, 3, requires_grad=True)
    base = torch.randn(10, 3)
    _, counted = page["saved_bytes"](
        lambda: (x * base).sum() + (x * base[:5].repeat(2, 1)).sum(), nn.Identity()
    )
    assert counted == 240
    _, counted = page["saved_bytes"](
        lambda: (x[:2] * base[:2]).sum() + (x * base).sum(), nn.Identity()
    )
    assert counted == 120


# Accumulation and checkpointing


def test_accumulation_equals_the_whole_batch_with_a_quarter_of_the_activations(page):
    assert page["accumulated_error"] < 1e-6  # float32: some roundings of 6e-8
    assert page["steps"] == 4
    quarter = (page["activation_formula"] - 4) / 4 + 4
    assert page["accumulated_bytes"] == quarter


def test_relative_error_and_flat_gradient(page):
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0])
    assert page["relative_error"](a, b) == pytest.approx(math.sqrt(13) / 2)
    model = nn.Linear(2, 1)
    model(torch.tensor([[5.0, 7.0]])).sum().backward()
    assert page["flat_gradient"](model).tolist() == [5, 7, 1]


def test_checkpointing_keeps_the_gradient_and_only_the_inputs(page):
    assert page["same_gradient"] is True
    assert page["checkpoint_count"] == page["checkpoint_formula"] == 339972
    assert page["checkpoint_count"] < page["activation_count"] / 4


def test_checkpointing_gives_the_same_value(page):
    torch.manual_seed(0)
    model, x = page["tower"](8, 3, 2), torch.randn(4, 8)
    torch.testing.assert_close(page["run_checkpointed"](model, x), model(x))


def test_recomputing_costs_a_forward_pass_without_its_last_layer(page):
    assert page["block_calls"] == {"plain": 4, "checkpointed": 8}
    WB = page["W"] * page["batch"]
    assert page["W"] == 4 * 8 * 64**2 + 640
    assert page["flops"]["plain"] == 6 * WB
    up_again = 2 * page["batch"] * 4 * 4 * 64**2  # down is not run again
    assert page["flops"]["checkpointed"] == 6 * WB + up_again
    assert not any(block._forward_pre_hooks for block in page["model"])


# Precision


def test_small_numbers_in_half_precision(page):
    assert page["restored"].item() == pytest.approx(1e-8, rel=1e-3)
    assert page["small"].half().item() == 0
    assert page["small"].bfloat16().item() == pytest.approx(1e-8, rel=2**-8)
    assert page["lost_half"] > 0
    assert page["lost_bfloat"] == 0
    exact = page["whole_gradient"]
    assert page["lost_half"] == ((exact != 0) & (exact.abs() <= 2**-25)).sum()


def test_what_autocast_runs_in_which_dtype(page):
    assert page["autocast_dtypes"] == {
        "LayerNorm": torch.float32,
        "Linear": torch.bfloat16,
        "ReLU": torch.bfloat16,
        "x + Linear": torch.float32,
        "cross_entropy": torch.float32,
    }


def test_autocast_is_shown_on_the_first_block(page):
    assert page["block"] is page["model"][0]


def test_autocast_keeps_fewer_bytes_and_a_close_gradient(page):
    assert page["autocast_count"] == page["autocast_formula"] == 1234180
    assert 2**-10 < page["autocast_error"] < 2**-5
    with torch.no_grad():
        exact = F.cross_entropy(page["model"](page["x"]), page["y"])
        narrow = page["autocast_loss"]()
    assert narrow.item() == pytest.approx(exact.item(), abs=0.02)
    assert narrow.item() != exact.item()


def test_bfloat16_weights_stand_still(page):
    # The loop ends with float32, which is left in the variable.
    assert page["pure_weight"].dtype == torch.float32
    assert page["pure_weight"].item() == pytest.approx(2, abs=1e-3)
    one = torch.ones((), dtype=torch.bfloat16)
    assert one + 0.001 == 1
    assert one + 2**-7 > 1


ACTIVATIONS = "activations    formula {0}   counted {0}   bytes"
PRINTED = {
    "parameters": [
        "parameters     formula 133514   counted 133514",
        "weights        formula 534056   counted 534056   bytes",
        "gradients      formula 534056   counted 534056   bytes",
    ],
    "optimizer-state": [
        "SGD               0 bytes = 0.000 P",
        "momentum     534056 bytes = 4.000 P",
        "AdamW       1068216 bytes = 8.001 P",
        "Adafactor     17848 bytes = 0.134 P",
        "AdamW       1068216 bytes = 8 P + 4 T   (T = 26)",
    ],
    "meta": [
        "GPT-2   P =   1557611200   16 P =    24.9 GB",
        "GPT-3   P = 174604259328   16 P =  2793.7 GB",
    ],
    "activations": [
        ACTIVATIONS.format(1658884),
        "no_grad        counted 0   bytes",
    ],
    "accumulate": [
        r"gradient       relative error \d\.\de-0[78]",
        "activations    1658884 -> 414724 bytes",
    ],
    "recompute": [
        "plain         calls 4   FLOPs 6.000 W B",
        "checkpointed  calls 8   FLOPs 6.995 W B",
    ],
    "formats": [
        r"float32   32 bits   eps 1.2e-07   smallest normal 1.2e-38   max 3.4e\+38",
        r"bfloat16  16 bits   eps 7.8e-03   smallest normal 1.2e-38   max 3.4e\+38",
        r"float16   16 bits   eps 9.8e-04   smallest normal 6.1e-05   max 6.6e\+04",
    ],
    "underflow": [
        r"bfloat16 1.001e-08   float16 0.000e\+00",
        "float16, scaled 9.997e-09",
        r"gradient -> 0: float16 \d+   bfloat16 0   of 133514",
    ],
    "autocast": [
        "LayerNorm     float32",
        "Linear        bfloat16",
        "ReLU          bfloat16",
        r"x \+ Linear    float32",
        "cross_entropy float32",
    ],
    "autocast-step": [
        "saved   formula 1234180   counted 1234180   bytes",
        r"gradient torch.float32   relative error \d\.\d{4}",
    ],
    "quantize": [
        r"s = 0\.00\d+   z = -?\d+   65536 -> 16384 bytes",
        r"largest error 0\.500 s   mean square error [01]\.\d{3} x s\^2/12",
    ],
    "int8-linear": [r"int8 x int8   relative error 0\.00\d\d"],
    "bits": [
        rf"{bits} bits   size {size}   weight error 0\.\d{{4}}   accuracy 0\.9\d+"
        for bits, size in zip(
            range(8, 1, -1),
            ("0.260", "0.229", "0.198", "0.168", "0.137", "0.106", "0.075"),
            strict=True,
        )
    ],
    "outlier": [r"other rows   error 0\.00\d\d -> 0\.[6-9]\d+"],
    "fit": [
        rf"E = 0\.0{e}  alpha = \d\.\d\d  residual 0\.\d\d"
        rf"  L\(513\) = {at_513}\d\d  L\(10\^6\) = {at_million}\d\d"
        for e, (at_513, at_million) in enumerate(
            (
                (r"0\.01", r"0\.00"),
                (r"0\.01", r"0\.01"),
                (r"0\.02", r"0\.02"),
                (r"0\.03", r"0\.03"),
                (r"0\.04", r"0\.04"),
            )
        )
    ],
    "larger": [
        r"N = 129   loss 0\.04\d\d   E = 0 predicts 0\.02\d\d",
        r"N = 257   loss 0\.04\d\d   E = 0 predicts 0\.0[12]\d\d",
        r"N = 513   loss 0\.04\d\d   E = 0 predicts 0\.01\d\d",
    ],
    "stuck": ["bfloat16  1.0000", "float32   2.0000"],
    "wrap": ["int8 32   int32 20000"],
}


@pytest.mark.parametrize("region", PRINTED)
def test_what_the_page_prints(page, printed, region):
    text = Path(page["__file__"]).read_text(encoding="utf-8")
    code = text.split(f"[start:{region}]\n")[1].split(f"# --8<-- [end:{region}]")[0]
    lines = printed(exec, code, dict(page))
    assert len(lines) == len(PRINTED[region])
    for line, expected in zip(lines, PRINTED[region], strict=True):
        if "\\" in expected:
            assert re.fullmatch(expected, line)
        else:
            assert line == expected


# Quantization


def test_the_digits_are_learned_and_tested_on_others(page):
    assert len(page["train_x"]) == len(page["train_y"]) == 1437
    assert len(page["test_x"]) == len(page["test_y"]) == 360
    assert 0.95 < page["full_accuracy"] < 1
    assert page["accuracy"](page["model"]) == page["full_accuracy"]


def test_the_training_is_the_one_that_is_shown(page):
    torch.manual_seed(0)
    torch.randperm(1797)
    model = page["tower"](64, 4, 10)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for _ in range(60):
        chosen = torch.randint(1437, (128,))
        optimizer.zero_grad()
        scores = model(page["images"][chosen])
        F.cross_entropy(scores, page["labels"][chosen]).backward()
        optimizer.step()
    torch.testing.assert_close(model[0].up.weight.detach(), page["weight"])


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("low", [-3.0, 0.5, -3.0, -9.0])
def test_quantization_stays_within_half_a_step(page, bits, low):
    x = torch.linspace(low, low + 5, 1001)
    q, s, z = page["quantize"](x, bits)
    assert q.dtype == torch.int8
    assert -(2 ** (bits - 1)) <= q.min() <= q.max() <= 2 ** (bits - 1) - 1
    span = max(low + 5, 0) - min(low, 0)
    assert s == pytest.approx(span / (2**bits - 1))
    error = page["dequantize"](q, s, z) - x
    assert error.abs().max() <= s * 0.5001
    assert page["dequantize"](torch.tensor([z]), s, z) == 0


def test_the_rounding_error_is_that_of_a_uniform_variable(page):
    s, rounding = page["s"], page["rounding"]
    assert page["q"].nbytes * 4 == page["weight"].nbytes
    assert 0.49 < rounding.abs().max() / s <= 0.5001
    assert rounding.square().mean().item() == pytest.approx(s**2 / 12, rel=0.02)


def test_the_integer_layer_equals_the_restored_numbers(page):
    torch.manual_seed(0)
    layer, x = nn.Linear(16, 5), torch.randn(9, 16) + 1
    with torch.no_grad():
        restored_x = page["dequantize"](*page["quantize"](x))
        restored_w = page["dequantize"](*page["quantize"](layer.weight))
        expected = restored_x @ restored_w.T + layer.bias
        torch.testing.assert_close(page["int8_linear"](x, layer), expected)
    assert page["int8_error"] < 0.01


def test_each_bit_doubles_the_error(page):
    table = page["bit_table"]
    assert list(table) == [8, 7, 6, 5, 4, 3, 2]
    for bits in range(7, 2, -1):
        steps = (2 ** (bits + 1) - 1) / (2**bits - 1)
        assert table[bits][0] / table[bits + 1][0] == pytest.approx(steps, rel=0.1)
    assert all(row[1] > 0.9 for row in table.values())
    assert table[8][1] == pytest.approx(page["full_accuracy"], abs=0.01)
    matrices = page["W"]
    for bits, row in table.items():
        size = matrices * bits / 8 + 4 * (page["P"] - matrices)
        assert row[2] == pytest.approx(size / (4 * page["P"]))


def test_an_outlier_spoils_the_other_rows(page):
    before, after = page["outlier_errors"]
    assert before < 0.01
    assert after > 0.5
    spoiled, exact = page["spoiled"], page["weight"][1:]
    restored = page["dequantize"](*page["quantize"](spoiled))
    expected = (restored[1:] - exact).norm() / exact.norm()
    assert after == pytest.approx(expected.item(), rel=1e-5)
    assert page["spoiled"][0, 0] == 50
    assert (page["spoiled"] != page["weight"]).sum() == 1


def test_int8_products_wrap_around(page):
    assert page["widened"] == 20000
    assert page["wrapped"] == 20000 % 256 == 32


# The sweep


def test_the_sweep_falls_towards_the_noise(page):
    sizes, losses = zip(*page["sweep"], *page["larger"], strict=True)
    assert sizes == (5, 9, 17, 33, 65, 129, 257, 513)
    assert list(losses) == sorted(losses, reverse=True)
    assert all(loss > 0.2**2 for loss in losses)
    assert losses[0] > 0.15
    assert losses[-1] < 0.2**2 + 0.003


def test_the_loss_counts_the_noise_and_repeats(page):
    assert page["held_out_loss"](2) == page["sweep"][1]
    parameters, loss = page["held_out_loss"](16, noise=0.0)
    assert parameters == 65
    assert 0 < loss < 0.01


def test_the_fit_recovers_a_power_law(page):
    points = [(n, 0.3 + 2 * n**-0.7) for n in (2, 5, 11, 40)]
    a, alpha, residual = page["power_law"](points, 0.3)
    assert (a, alpha) == pytest.approx((2, 0.7))
    assert residual == pytest.approx(0, abs=1e-12)
    assert page["power_law"](points)[2] > 0.01
    points = [(1, math.e), (math.e, 1.0), (math.e**2, math.e)]
    assert page["power_law"](points) == pytest.approx(
        (math.exp(2 / 3), 0, math.sqrt(2) / 3), abs=1e-9
    )


def test_the_best_fit_extrapolates_below_what_is_possible(page):
    fits, sizes = page["fits"], dict(page["larger"])
    residuals = [fit[2] for fit in fits.values()]
    assert list(fits) == [0.0, 0.01, 0.02, 0.03, 0.04]
    assert residuals == sorted(residuals)
    a, alpha, _ = fits[0.0]
    assert a * 513**-alpha < 0.02 < 0.04 < sizes[513]
    a, alpha, _ = fits[0.04]
    assert 0.04 + a * 513**-alpha == pytest.approx(sizes[513], rel=0.05)
    assert page["pure"] == pytest.approx(fits[0.0][0] * 513 ** -fits[0.0][1])


# What goes wrong


def test_reentrant_checkpointing_loses_the_first_gradients(page):
    with pytest.warns(UserWarning, match="Gradients will be None"):
        lost = page["loses_gradient"]()
    assert lost == [
        name for name, _ in page["model"].named_parameters() if name[:2] == "0."
    ]
