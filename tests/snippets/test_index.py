"""The home page's code: does it fit the line, and is it short enough to come first?"""

import re
from pathlib import Path

import pytest
import torch

SOURCE = Path(__file__).resolve().parents[2] / "snippets" / "index.py"


@pytest.fixture(scope="module")
def code():
    region = re.search(r"start:quickstart\]\n(.*?)# --8<--", SOURCE.read_text(), re.S)
    return region.group(1)


@pytest.fixture(scope="module")
def printed(snippet):
    run = snippet("index.py")
    assert not list(run.folder.iterdir())
    return run.printed


def test_it_fits_the_line_within_three_standard_errors(snippet):
    run = snippet("index.py")
    x, y, model = run["x"], run["y"], run["model"]
    assert x.shape == y.shape == (100, 1)
    design = torch.cat([x, torch.ones_like(x)], dim=1)
    assert x.min() == -1 and x.max() == 1
    se_w, se_b = 0.1 * torch.linalg.inv(design.T @ design).diagonal().sqrt()
    assert abs(model.weight.item() - 2) < 3 * se_w
    assert abs(model.bias.item() - 3) < 3 * se_b


def test_the_losses_are_kept_from_the_start_and_fall_to_their_floor(snippet):
    run = snippet("index.py")
    losses = torch.tensor(run["losses"])
    design = torch.cat([run["x"], torch.ones_like(run["x"])], dim=1)
    best = torch.linalg.lstsq(design, run["y"]).solution
    floor = (design @ best - run["y"]).square().mean().item()
    assert len(losses) == 100
    assert losses[0] == pytest.approx(12.3, abs=3)
    assert floor <= losses[-1] < floor + 1e-4
    assert (losses.diff() < 1e-6).all()


def test_noise_is_drawn_for_every_point(snippet):
    run = snippet("index.py")
    noise = run["y"] - (2 * run["x"] + 3)
    # A deviation estimated from n draws is itself off by sigma / sqrt(2 n).
    assert noise.std() == pytest.approx(0.1, abs=3 * 0.1 / 200**0.5)
    assert noise.mean() == pytest.approx(0, abs=3 * 0.1 / 100**0.5)


def test_what_it_prints(printed, snippet):
    model = snippet("index.py")["model"]
    line = re.fullmatch(r"w = (\d\.\d{3}), b = (\d\.\d{3})\n", printed)
    assert float(line[1]) == pytest.approx(model.weight.item(), abs=6e-4)
    assert float(line[2]) == pytest.approx(model.bias.item(), abs=6e-4)
    assert (line[1], line[2]) == ("1.998", "3.004")


def test_it_is_short_and_stands_alone(code):
    lines = [line for line in code.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 14
    assert [line for line in lines if "import" in line] == ["import torch"]
