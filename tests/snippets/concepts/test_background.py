"""What the background chapter claims."""

import datetime
import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def bg(snippet):
    return snippet("concepts/background.py")


@pytest.fixture(scope="module")
def lines(bg):
    return bg.printed.splitlines()


def test_device_is_usable(bg):
    assert isinstance(bg["device"], torch.device)
    accelerated = torch.accelerator.is_available()
    assert (bg["device"].type != "cpu") == accelerated
    assert bg["moved"].device.type == bg["device"].type
    assert bg["moved"].tolist() == [1, 1, 1]


def test_a_cpu_build_depends_on_nothing_of_nvidia(bg, lines):
    needed, from_nvidia = bg["needed"], bg["from_nvidia"]
    assert {re.split(r"\W", line)[0] for line in needed} >= {
        "filelock",
        "sympy",
        "jinja2",
    }
    assert not any("extra" in line for line in needed)
    if "+cpu" in torch.__version__:
        assert from_nvidia == []
    row = f"dependencies = {len(needed)}   from NVIDIA = {len(from_nvidia)}"
    assert row in lines


def test_tensor_example(bg):
    assert bg["a"].tolist() == [[1, 2], [3, 4]]
    assert bg["a"].dtype == torch.float32


def test_gradient_is_the_formula(bg):
    x, y = bg["x"], bg["y"]
    assert (x, y) == (3, 12)
    assert bg["w"].grad.item() == pytest.approx(2 * x * (2.0 * x - y)) == -36


def test_one_step_goes_from_two_to_three_point_eight(bg):
    assert bg["w"].item() == pytest.approx(3.8)
    assert bg["w"].requires_grad
    assert bg["new_loss"].item() == pytest.approx(0.36, rel=1e-4)


def test_modules_take_the_same_steps(bg):
    # error shrinks by 1 - 2·0.05·9 = 0.1 at every step; float32 near 4 resolves 2e-7
    wanted = [4 - 2 * 0.1**k for k in range(6)]
    assert bg["path"] == pytest.approx(wanted, abs=2e-6)
    assert bg["path"][1] == pytest.approx(bg["w"].item(), abs=1e-6)
    assert bg["loss"].item() == pytest.approx(3.6e-7, rel=0.1)
    assert bg["model"].bias is None
    # the last dimension holds the features, however many stand before it
    assert bg["model"](torch.ones(1)).shape == (1,)
    assert bg["model"](torch.ones(2, 5, 1)).shape == (2, 5, 1)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        bg["model"](torch.ones(1, 2))


def test_backward_adds_to_the_gradient(bg):
    x, y = bg["x"], bg["y"]
    w = torch.tensor(2.0, requires_grad=True)
    assert w.grad is None
    ((w * x - y) ** 2).backward()
    assert w.grad.item() == -36
    ((w * x - y) ** 2).backward()
    assert w.grad.item() == 2 * -36


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.12, 0.2])
def test_error_shrinks_or_grows_by_the_predicted_factor(bg, lr):
    weights = bg["descend"](lr, 7)
    assert len(weights) == 8
    for k, w in enumerate(weights):
        assert w - 4 == pytest.approx(-2 * (1 - 18 * lr) ** k, rel=1e-6, abs=1e-12)


def test_border_of_divergence(bg):
    assert bg["descend"](1 / 9, 1)[1] == pytest.approx(6)
    assert abs(bg["descend"](0.99 / 9, 50)[-1] - 4) < 2
    assert abs(bg["descend"](1.01 / 9, 50)[-1] - 4) > 2
    assert (bg["factor"], len(bg["errors"])) == (pytest.approx(-1.16), 3 + 8)
    assert bg["errors"][-1] == pytest.approx(2 * 1.16**10)


def test_network_is_a_composition(bg):
    assert bg["by_hand"].item() == pytest.approx(bg["output"].item(), abs=1e-6)
    assert bg["slope"].shape == bg["slope_by_hand"].shape
    assert torch.allclose(bg["slope"], bg["slope_by_hand"], atol=1e-6)
    # finite differences know nothing of either
    net, point, h = bg["net"], bg["point"].detach(), 1e-2
    for i in range(2):
        shift = h * torch.eye(2)[i]
        central = (net(point + shift) - net(point - shift)) / (2 * h)
        assert bg["slope"][i].item() == pytest.approx(central.item(), abs=1e-4)
    assert bg["slope"].abs().min() > 1e-3
    assert bg["output"].item() == pytest.approx(-0.682, abs=1e-3)


def test_milestones_are_dated_in_order_and_have_sources(bg):
    milestones = bg["milestones"]
    dates = {name: date for name, (date, _, _) in milestones.items()}
    assert list(dates.values()) == sorted(dates.values()) and len(dates) == 16
    assert {kind for _, kind, _ in milestones.values()} == {"idea", "model", "tool"}
    for language in ("zh", "en"):
        page = (ROOT / "docs" / language / "concepts/background.md").read_text("utf-8")
        table = re.findall(
            r'(?m)^\| \{\{ milestones\["(.*?)"\].*/sources\.md#([\w-]+)\) \|$', page
        )
        assert table == [(name, source) for name, (*_, source) in milestones.items()]
    assert dates["TensorFlow 2.0"] == "2019-09-30"
    assert dates["PyTorch 2.0"] == "2023-03-15"
    assert dates["PyTorch"] < dates["Transformer"] < dates["PyTorch 1.0"]


def test_each_reading_of_a_date_has_its_place(bg):
    place = bg["_decimal_year"]
    assert place("1976") == 1976
    assert place("1958-11") == pytest.approx(1958 + 10 / 12)
    for date in ("2017-01-19", "2023-03-15", "1986-10-09"):
        day = datetime.date.fromisoformat(date)
        exact = day.year + (day.timetuple().tm_yday - 1) / 365
        assert place(date) == pytest.approx(exact, abs=3 / 365)
        assert place(date) - place(date[:7]) == pytest.approx((day.day - 1) / 365)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("dtype", RuntimeError, "to have the same dtype, but got: long int != float"),
        ("integer_gradient", RuntimeError, "Only Tensors of floating point"),
        ("shape", RuntimeError, r"cannot be multiplied \(2x3 and 2x3\)"),
    ],
)
def test_failures(bg, name, error, message):
    with pytest.raises(error, match=message):
        bg[f"fails_{name}"]()


def test_cpu_build_knows_no_cuda(bg, monkeypatch):
    # on a build with CUDA the call may work, so the claim is about builds without it
    if torch.backends.cuda.is_built():
        assert torch.version.cuda
    else:
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA"):
            bg["fails_device"]()


def test_mends(bg):
    assert bg["product"].tolist() == [[383]]
    assert bg["product"].dtype == torch.float32
    assert bg["first"].shape == bg["second"].shape == (2, 3)


@pytest.mark.parametrize(
    "line",
    [
        f"torch {torch.__version__}",
        f"accelerator available = {torch.accelerator.is_available()}",
        "shape = (2, 2)   dtype = torch.float32   device = cpu",
        "a * a = [[1.0, 4.0], [9.0, 16.0]]",
        "a @ a = [[7.0, 10.0], [15.0, 22.0]]",
        "a.mean(dim=0) = [2.0, 3.0]",
        "loss = 36.0000   w.grad = -36.0000",
        "2 * x * (w * x - y) = -36.0000",
        "w = 3.8000   loss = 0.3600",
        "step 1   loss = 3.60e+01   w = 3.80000",
        "lr = 0.05   factor = +0.10   |w - 4| = 2.00e-10",
        "lr = 0.10   factor = -0.80   |w - 4| = 2.15e-01",
        "lr = 0.12   factor = -1.16   |w - 4| = 8.82e+00",
        "equal: True",
        "product = [[383.0]]   dtype = torch.float32",
        "first @ second.T: (2, 2)",
        "first.T @ second: (3, 3)",
        "(3, 1) - (3,) = (3, 3)",
        "wrong = 1.3333",
        "right = 0.0000",
        "[2.0, 2.0, 2.0]",
    ],
)
def test_prints(lines, line):
    assert line in lines


def test_prints_the_network_and_its_slope(lines, bg):
    assert f"device = {bg['device']}" in lines
    (output,) = (line for line in lines if line.startswith("net(point) = "))
    assert [float(n) for n in re.findall(r"-\d+\.\d+", output)] == pytest.approx(
        [bg["output"].item()] * 2, abs=2e-6
    )
    (slope,) = (line for line in lines if line.startswith("slope = "))
    assert [float(n) for n in re.findall(r"\d+\.\d+", slope)] == pytest.approx(
        bg["slope"].tolist(), abs=2e-6
    )


def test_silent_broadcast(bg):
    assert bg["difference"].shape == (3, 3)
    # all pairs of 1, 2, 3: differences 0 (three), ±1 (four), ±2 (two)
    assert bg["difference"].square().mean().item() == pytest.approx((4 + 8) / 9)
    assert bg["right"].shape == (3, 1)
    assert bg["right"].abs().max() == 0
