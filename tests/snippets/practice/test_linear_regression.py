"""Linear regression: formulas, fit, checks, batches, saving, faults and exercises."""

import contextlib
import inspect
import io
import math
import runpy
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[3]
PATH = "practice/linear_regression.py"


@pytest.fixture(scope="module")
def run(snippet):
    return snippet(PATH)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    output = io.StringIO()
    folder = tmp_path_factory.mktemp("scratch")
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        mock.patch("torch.load", wraps=torch.load) as load,
    ):
        runpy.run_path(str(ROOT / "snippets" / PATH))
    load.assert_called_once_with("line.pt", weights_only=True)
    assert [file.name for file in folder.iterdir()] == ["line.pt"]
    return output.getvalue()


@pytest.fixture(scope="module")
def oracle(run):
    """Slope, intercept, residual variance and standard errors by the textbook's sums."""
    x, y = run["x"].double().flatten(), run["y"].double().flatten()
    dx, dy = x - x.mean(), y - y.mean()
    w = ((dx * dy).sum() / dx.square().sum()).item()
    b = (y.mean() - w * x.mean()).item()
    rss = (y - w * x - b).square().sum().item()
    s2 = rss / 98
    se_w = math.sqrt(s2 / dx.square().sum().item())
    se_b = math.sqrt(s2 * (1 / 100 + (x.mean() ** 2 / dx.square().sum()).item()))
    return {"w": w, "b": b, "floor": rss / 100, "se": (se_w, se_b)}


def weights(model):
    return model.linear.weight.item(), model.linear.bias.item()


# The formulas


def test_gradient_on_three_points_is_what_the_hand_computes(run):
    assert run["residual"].tolist() == [-1, -3, -5]
    assert run["loss_before"].item() == pytest.approx(35 / 3)
    assert run["dw"].item() == pytest.approx(-8 / 3)
    assert run["db"].item() == pytest.approx(-6)
    assert run["w"].grad.item() == pytest.approx(-8 / 3)
    assert run["b"].grad.item() == pytest.approx(-6)


def test_one_step_moves_against_the_gradient(run):
    assert run["w"].item() == pytest.approx(0.1 * 8 / 3)
    assert run["b"].item() == pytest.approx(0.6)
    expected = sum((0.8 / 3 * x + 0.6 - y) ** 2 for x, y in ((-1, 1), (0, 3), (1, 5)))
    assert run["loss_after"].item() == pytest.approx(expected / 3)


def test_closed_form_is_the_least_squares_solution(run, oracle):
    assert (run["w3"].item(), run["b3"].item()) == pytest.approx((2, 3))
    assert run["best"].shape == (2,)
    assert run["best"].tolist() == pytest.approx([oracle["w"], oracle["b"]], abs=1e-5)
    x = torch.tensor([[0.0], [1.0], [5.0], [7.0]])
    y = torch.tensor([[1.0], [-1.0], [4.0], [0.0]])
    expected = torch.linalg.lstsq(torch.cat([x, torch.ones(4, 1)], 1), y).solution
    assert torch.allclose(run["closed_form"](x, y), expected.flatten(), atol=1e-5)


# Data, model, loss


def test_data_are_a_line_with_independent_noise(run):
    x, y = run["x"], run["y"]
    assert x.shape == y.shape == (100, 1)
    assert (x.min(), x.max()) == (-1, 1)
    noise = (y - 2 * x - 3).flatten()
    assert noise.mean().item() == pytest.approx(0, abs=3 * 0.1 / 10)
    assert noise.std().item() == pytest.approx(0.1, abs=3 * 0.1 / math.sqrt(200))
    lagged = (noise[1:] * noise[:-1]).mean() / noise.var()
    assert abs(lagged.item()) < 3 / math.sqrt(99)


def test_model_is_one_weight_and_one_bias(run):
    fresh = run["LinearRegression"]()
    shapes = {name: tuple(p.shape) for name, p in fresh.named_parameters()}
    assert shapes == {"linear.weight": (1, 1), "linear.bias": (1,)}
    w, b = weights(fresh)
    assert max(abs(w), abs(b)) <= 1
    assert fresh(torch.tensor([[4.0]])).item() == pytest.approx(4 * w + b)


def test_loss_before_training_equals_the_formula(run):
    expected = (run["untrained"] - run["y"]).square().mean().item()
    assert run["criterion"](run["untrained"], run["y"]).item() == pytest.approx(
        expected
    )
    assert expected > 5
    assert not run["untrained"].requires_grad


# Training


def test_training_ends_on_the_closed_form(run, oracle):
    assert weights(run["model"]) == pytest.approx((oracle["w"], oracle["b"]), abs=1e-5)
    assert run["learned"].tolist() == pytest.approx(weights(run["model"]))
    assert run["learned"].tolist() == pytest.approx([1.9999, 3.0037], abs=6e-5)
    assert (run["learned"] - run["best"].flatten()).abs().max() < 5e-5


def test_learned_parameters_are_within_three_standard_errors_of_the_truth(run, oracle):
    assert run["standard_error"].tolist() == pytest.approx(oracle["se"], rel=1e-4)
    for learned, true, se in zip(
        run["learned"].tolist(), (2, 3), oracle["se"], strict=True
    ):
        assert abs(learned - true) < 3 * se


def test_loss_falls_to_the_floor(run, oracle):
    losses = run["losses"]
    assert len(losses) == 200
    assert losses[0] == pytest.approx(
        run["criterion"](run["untrained"], run["y"]).item()
    )
    assert run["floor"] == pytest.approx(oracle["floor"], rel=1e-5)
    assert losses[-1] == pytest.approx(oracle["floor"], rel=1e-4)
    # sigma^2 (n - 2) / n, with the spread of a chi-square with 98 degrees of freedom
    assert run["floor"] == pytest.approx(0.0098, abs=3 * 0.01 * math.sqrt(2 * 98) / 100)


def test_losses_follow_the_predicted_contraction(run, oracle):
    x = run["x"].double()
    X = torch.cat([x, torch.ones_like(x)], dim=1)
    H = 2 / 100 * X.T @ X
    best = torch.tensor([oracle["w"], oracle["b"]], dtype=torch.double)
    # The start follows from the first prediction, which is a line.
    first, last = run["untrained"].double().flatten()[[0, -1]]
    error = torch.stack([(last - first) / 2, (last + first) / 2]) - best
    for loss in run["losses"][:60]:
        expected = oracle["floor"] + 0.5 * (error @ H @ error).item()
        assert loss == pytest.approx(expected, rel=1e-3)
        error = error - 0.1 * H @ error
    slow, fast = torch.linalg.eigvalsh(H).tolist()
    assert (run["slow"], run["fast"]) == pytest.approx((slow, fast))
    assert run["per_step"] == pytest.approx(1 - 0.1 * slow, abs=2e-3)


def test_train_is_the_loop(run):
    parameters = inspect.signature(run["train"]).parameters
    assert (parameters["lr"].default, parameters["steps"].default) == (0.1, 200)
    ours, theirs = run["LinearRegression"](), run["LinearRegression"]()
    theirs.load_state_dict(ours.state_dict())
    losses = run["train"](ours, run["x"], run["y"], lr=0.05, steps=3)
    for expected in losses:
        loss = (theirs(run["x"]) - run["y"]).square().mean()
        assert loss.item() == pytest.approx(expected)
        gradients = torch.autograd.grad(loss, list(theirs.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
                parameter -= 0.05 * gradient
    assert len(losses) == 3
    assert weights(ours) == pytest.approx(weights(theirs), rel=1e-5)


def test_step_before_backward_updates_nothing(run):
    model = run["LinearRegression"]()
    start = weights(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = run["criterion"](model(run["x"]), run["y"])
        assert all(parameter.grad is None for parameter in model.parameters())
        optimizer.step()
        loss.backward()
    assert weights(model) == start
    optimizer.step()
    assert weights(model) != start


# Held-out data


def test_split_is_a_random_partition(run):
    train, test = run["x_train"].flatten(), run["x_test"].flatten()
    assert (len(train), len(test)) == (80, 20)
    together = torch.cat([train, test]).sort().values
    assert torch.equal(together, run["x"].flatten())
    # Shuffled: the test points lie on both sides, not at one end.
    assert test.min() < -0.5 and test.max() > 0.5
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        assert (run[y] - 2 * run[x] - 3).abs().max() < 0.5


def test_held_out_error_is_the_noise(run):
    design = torch.cat([run["x_train"], torch.ones(80, 1)], dim=1)
    best = torch.linalg.lstsq(design, run["y_train"]).solution.flatten().tolist()
    assert weights(run["honest"]) == pytest.approx(best, abs=1e-4)
    w, b = best
    for part in ("train", "test"):
        residual = w * run[f"x_{part}"] + b - run[f"y_{part}"]
        assert torch.allclose(run[f"{part}_residual"], residual, atol=1e-4)
        mse = residual.square().mean().item()
        assert mse == pytest.approx(0.01, abs=3 * 0.01 * math.sqrt(2 / len(residual)))


def test_residuals_of_the_fit_add_up_to_zero(run):
    assert abs(run["train_residual"].mean().item()) < 1e-5
    assert abs((run["train_residual"] * run["x_train"]).mean().item()) < 1e-5
    # On new points they only scatter around it.
    assert 1e-4 < abs(run["test_residual"].mean().item()) < 3 * 0.1 / math.sqrt(20)


def test_r_squared(run):
    y, mean = run["y_test"], run["y_train"].mean()
    residual = run["test_residual"].square().sum()
    expected = 1 - residual / (y - mean).square().sum()
    assert run["r2"].item() == pytest.approx(expected.item(), abs=1e-6)
    assert 0.98 < run["r2"].item() < 1


# Mini-batches


def test_mini_batches_reach_the_neighbourhood_of_the_closed_form(run, oracle):
    assert len(run["loader"]) == 10
    assert run["loader"].batch_size == 10
    assert len(run["batch_losses"]) == 200
    assert len(run["epoch_losses"]) == 20
    w, b = weights(run["batched"])
    # Gradient noise leaves a spread of eta / (1 - (1 - eta lambda)^2)^.5 * its size.
    assert abs(w - oracle["w"]) < 0.03 and abs(b - oracle["b"]) < 0.03
    assert oracle["floor"] < run["epoch_losses"][-1] < oracle["floor"] + 1e-3
    assert (w, b) != pytest.approx((oracle["w"], oracle["b"]), abs=1e-6)


def test_mini_batch_losses_jitter_where_the_full_batch_is_smooth(run):
    batch, full = (torch.tensor(run[k][100:]) for k in ("batch_losses", "losses"))
    assert batch.std() > 1e-3
    assert full.std() < 1e-4
    assert batch.mean() == pytest.approx(run["floor"], abs=2e-3)


def test_loader_pairs_each_x_with_its_y_and_shuffles(run):
    first, second = (torch.cat([x for x, _ in run["loader"]]) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort(0).values, run["x"])
    for x, y in run["loader"]:
        assert (y - 2 * x - 3).abs().max() < 0.5


# Saving


def test_restored_model_is_the_saved_one(run):
    assert list(run["state"]) == ["linear.weight", "linear.bias"]
    assert weights(run["restored"]) == weights(run["model"])
    assert not run["restored"].training
    assert run["half"].tolist() == [[0.5]]
    with torch.no_grad():
        assert torch.equal(run["restored"](run["half"]), run["model"](run["half"]))


def test_loading_refuses_anything_but_weights(tmp_path):
    with pytest.raises(Exception, match="Weights only load failed"):
        torch.save(nn.Linear(1, 1), tmp_path / "whole.pt")
        torch.load(tmp_path / "whole.pt", weights_only=True)


# What goes wrong


def test_without_zero_grad_the_loss_swings_for_ever(run):
    swinging = run["swinging"]
    assert len(swinging) == 200
    early, late = swinging[:100], swinging[100:]
    assert min(late) < 0.1 and max(late) > 5
    assert max(late) > 0.5 * max(early)
    # The sum of all gradients is momentum with coefficient one.
    torch.manual_seed(5)
    model = run["LinearRegression"]()
    twin = run["LinearRegression"]()
    twin.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    momentum = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=1.0)
    for _ in range(50):
        run["criterion"](model(run["x"]), run["y"]).backward()
        optimizer.step()
        momentum.zero_grad()
        run["criterion"](twin(run["x"]), run["y"]).backward()
        momentum.step()
    assert weights(model) == pytest.approx(weights(twin), rel=1e-3)


def test_the_jitter_of_mini_batches_is_their_noise(run):
    """What a batch of ten has at the closed form, where no learning rate moves it."""
    best, x, y = run["best"], run["x"].flatten(), run["y"].flatten()
    squares = (best[0] * x + best[1] - y).square()
    # ten of a hundred, drawn without putting back
    expected = squares.std() / 10**0.5 * 0.9**0.5
    found = torch.tensor(run["batch_losses"][100:]).std()
    # the standard error of a standard deviation of a hundred, and their kurtosis
    assert found == pytest.approx(expected.item(), rel=0.3)


def test_only_x_made_a_column_warns_and_only_y_still_raises(run):
    flat_x, flat_y = run["x"].flatten(), run["y"].flatten()
    model, mse = run["LinearRegression"](), run["criterion"]
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        mse(model(flat_x), run["y"])
    with pytest.warns(UserWarning, match="different to the input size"):
        mse(model(run["x"]), flat_y)


def test_a_flat_input_raises(run):
    with pytest.raises(RuntimeError) as caught:
        run["fails_shape"]()
    message = "mat1 and mat2 shapes cannot be multiplied (1x100 and 1x1)"
    assert str(caught.value).splitlines()[-1] == message


def test_learning_rates_below_the_limit_converge_and_above_it_explode(run, oracle):
    x = run["x"]
    assert run["limit"] == pytest.approx(1.0, rel=1e-3)
    assert run["H"].flatten().tolist() == pytest.approx(
        [2 * x.square().mean().item(), 0, 0, 2], abs=1e-5
    )
    # H is diagonal: the slow direction is w, the fast one b.
    assert torch.allclose(
        torch.linalg.eigh(run["H"]).eigenvectors.abs(), torch.eye(2), atol=1e-5
    )
    assert list(run["rates"]) == [0.1, 0.9, 1.1]
    slow, fast, wild = run["rates"].values()
    assert len(slow) == len(fast) == len(wild) == 30
    assert slow[0] == fast[0] == wild[0]
    assert oracle["floor"] < fast[-1] < slow[-1] < 0.2
    # The error in b grows by 1 - 1.1 * 2 = -1.2 a step, the loss by its square.
    assert wild[-1] / wild[-2] == pytest.approx(1.44, rel=1e-3)


# What the page prints

PRINTED = """\
formula   dw = -2.6667  db = -6.0000
autograd  dw = -2.6667  db = -6.0000
w = 0.2667  b = 0.6000
loss 11.6667 -> 7.7630
w = 2.0000  b = 3.0000
(100, 1) (100, 1) torch.float32
linear.weight (1, 1) -0.2489
linear.bias (1,) 0.0451
MSELoss 10.4834
formula 10.4834
step   0  loss 10.4834
step  40  loss 0.0166
step  80  loss 0.0105
step 120  loss 0.0105
step 160  loss 0.0105
step 199  loss 0.0105
last  0.010495
floor 0.010495
eigenvalues 0.680  2.000
predicted 0.9320  measured 0.9320
w       b
true      2.0000  3.0000
closed    1.9999  3.0037
learned   1.9999  3.0037
s.e.      0.0177  0.0103
train MSE 0.0109
test  MSE 0.0092
R2 0.9939
train |mean residual| 0.0000
test  |mean residual| 0.0138
10 steps per epoch, 200 steps
w = 1.9992  b = 3.0053
linear.weight 1.9999
linear.bias 3.0037
<All keys matched successfully>
4.0036 4.0036
min 0.018  max 9.338
limit 1.0000
"""


def test_what_the_blocks_print(printed):
    """Word for word, and number for number up to the rounding of another machine."""
    words, expected = printed.split(), PRINTED.split()
    assert len(words) == len(expected) + 3 * 6
    for word, wanted in zip(words, expected, strict=False):
        try:
            number = float(wanted)
        except ValueError:
            assert word == wanted
        else:
            assert float(word) == pytest.approx(number, rel=1e-3, abs=2e-4)
    for rate, line in zip((0.1, 0.9, 1.1), printed.splitlines()[-3:], strict=True):
        assert line.startswith(f"lr {rate}  first ")
