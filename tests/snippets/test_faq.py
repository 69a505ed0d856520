"""The FAQ: each failing function fails as printed, each mended one gives what the page says."""

import math
import mmap
import pickle
import re
import sys
import traceback
from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(torch.__file__).parent

MAT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
BROADCAST = (
    "UserWarning: Using a target size (torch.Size([100])) that is different to the input size "
    "(torch.Size([100, 1])). This will likely lead to incorrect results due to broadcasting. "
    "Please ensure they have the same size."
)

# name: the last line of the traceback, the line of the function that raises, and what its
# variables hold at that moment.
FAILS = {
    "traceback": (
        f"{MAT} (2x8 and 4x1)",
        "model(batch)",
        {
            "batch": [[1.0] * 4] * 2,
            "model": [(8, 4), (8,), (1, 4), (1,)],
        },
    ),
    "no_grad_fn": (
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        "loss.backward()",
        {"w": 2.0, "loss": 25.0},
    ),
    "backward_twice": (
        "RuntimeError: Trying to backward through the graph a second time (or directly access "
        "saved tensors after they have already been freed). Saved intermediate values of the "
        "graph are freed when you call .backward() or autograd.grad(). Specify "
        "retain_graph=True if you need to backward through the graph a second time or if you "
        "need to access saved tensors after calling backward.",
        "loss.backward()",
        {"square": 9.0, "target": 2.0, "loss": 49.0},
    ),
    "scalar": (
        "RuntimeError: grad can be implicitly created only for scalar outputs",
        "losses.backward()",
        {"w": [1.0, 2.0], "losses": [1.0, 4.0]},
    ),
    "inplace": (
        "RuntimeError: one of the variables needed for gradient computation has been modified by "
        "an inplace operation: [torch.FloatTensor [2]], which is output 0 of Exp, is at version "
        "1; expected version 0 instead. Hint: enable anomaly detection to find the operation "
        "that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False).",
        "growth.sum().backward()",
        {"w": [0.0, 1.0], "growth": pytest.approx([2.0, 1.0 + math.e])},
    ),
    "leaf": (
        "RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.",
        "w -= 0.1 * w.grad",
        {"w": 2.0, "loss": 4.0},
    ),
    "numpy": (
        "RuntimeError: Can't call numpy() on Tensor that requires grad. Use "
        "tensor.detach().numpy() instead.",
        "prediction.numpy()",
        {"w": [1.0, 2.0], "prediction": [3.0, 6.0]},
    ),
    "none_zero": (
        "AttributeError: 'NoneType' object has no attribute 'zero_'",
        "w.grad.zero_()",
        {"w": 2.0},
    ),
    "item_backward": (
        "AttributeError: 'float' object has no attribute 'backward'",
        "loss.backward()",
        {"w": 2.0, "loss": 4.0},
    ),
    "mat1_mat2": (
        f"{MAT} (1x100 and 1x1)",
        "nn.Linear(1, 1)(x)",
        {"x": pytest.approx([-1 + 2 * i / 99 for i in range(100)], abs=1e-6)},
    ),
    "size_of_tensor": (
        "RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at "
        "non-singleton dimension 1",
        "print(samples * weights)",
        {"samples": [[1.0] * 3] * 4, "weights": [1.0, 2.0, 3.0, 4.0]},
    ),
    "view": (
        "RuntimeError: view size is not compatible with input tensor's size and stride (at least "
        "one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
        "table.T.view(6)",
        {"table": [[0, 1, 2], [3, 4, 5]]},
    ),
    "stack": (
        "RuntimeError: stack expects each tensor to be equal size, but got [3] at entry 0 and "
        "[4] at entry 1",
        "for batch in DataLoader(sequences, batch_size=2):",
        {"sequences": [[1.0] * 3, [1.0] * 4]},
    ),
    "channels": (
        "RuntimeError: Given groups=1, weight of size [8, 3, 3, 3], expected input[16, 1, 28, 28] "
        "to have 3 channels, but got 1 channels instead",
        "nn.Conv2d(3, 8, kernel_size=3)(images)",
        {"images": torch.zeros(16, 1, 28, 28).tolist()},
    ),
    "double_float": (
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Double and Float",
        "nn.Linear(1, 1)(x)",
        {"x": [[0.0], [1 / 3], [2 / 3], [1.0]]},
    ),
    "one_element": (
        "ValueError: only one element tensors can be converted to Python scalars",
        "torch.tensor(rows)",
        {"rows": [[1.0, 2.0], [3.0, 4.0]]},
    ),
    "target_long": (
        "RuntimeError: expected target dtype to be Long or Byte, but got Float",
        "nn.CrossEntropyLoss()(logits, labels)",
        {"logits": [[0.0] * 3] * 2, "labels": [0.0, 2.0]},
    ),
    "multi_target": (
        "RuntimeError: 0D or 1D target tensor expected, multi-target not supported",
        "nn.CrossEntropyLoss()(logits, labels)",
        {"logits": [[0.0] * 3] * 2, "labels": [[0], [2]]},
    ),
    "target_bounds": (
        "IndexError: Target 3 is out of bounds.",
        "nn.CrossEntropyLoss()(logits, labels)",
        {"logits": [[0.0] * 3] * 3, "labels": [1, 2, 3]},
    ),
    "bce": (
        "RuntimeError: all elements of input should be between 0 and 1",
        "nn.BCELoss()(logits, labels)",
        {"logits": [2.0, -1.0], "labels": [1.0, 0.0]},
    ),
    "boolean_value": (
        "RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
        "nn.MSELoss(prediction, target)",
        {"prediction": [1.0, 2.0], "target": [1.0, 4.0]},
    ),
    "target_size": (
        "ValueError: Target size (torch.Size([4])) must be the same as input size "
        "(torch.Size([4, 1]))",
        "nn.BCEWithLogitsLoss()(logits, labels)",
        {"labels": [0.0, 1.0, 1.0, 0.0]},
    ),
    "empty_parameters": (
        "ValueError: optimizer got an empty parameter list",
        "torch.optim.SGD(Net().parameters(), lr=0.1)",
        {},
    ),
    "before_init": (
        "AttributeError: cannot assign module before Module.__init__() call",
        "Net()",
        {},
    ),
    "forward": (
        'NotImplementedError: Module [Twice] is missing the required "forward" function',
        "Twice()(torch.tensor(3.0))",
        {},
    ),
    "assign_parameter": (
        "TypeError: cannot assign 'torch.FloatTensor' as parameter 'weight' "
        "(torch.nn.Parameter or None expected)",
        "layer.weight = torch.tensor([[2.0, 3.0]])",
        {"layer": [(1, 2), (1,)]},
    ),
    "batch_norm": (
        "ValueError: Expected more than 1 value per channel when training, got input size "
        "torch.Size([1, 3])",
        "model(batch)",
        {"batch": [[1.0] * 3], "model": [(3,), (3,)]},
    ),
    "embedding": (
        "IndexError: index out of range in self",
        'embed(torch.tensor([vocabulary["red"], vocabulary["blue"]]))',
        {
            "vocabulary": {"<unk>": 0, "red": 1, "green": 2, "blue": 3},
            "embed": [(3, 2)],
        },
    ),
    "cuda": (
        "AssertionError: Torch not compiled with CUDA enabled",
        'torch.ones(2).to("cuda")',
        {},
    ),
    "weights_only": (
        "Check the documentation of torch.load to learn more about types accepted by default "
        "with weights_only https://pytorch.org/docs/stable/generated/torch.load.html.",
        'torch.load("model.pt")',
        {},
    ),
    "missing_keys": (
        'Unexpected key(s) in state_dict: "module.weight", "module.bias".',
        'model.load_state_dict(torch.load("weights.pt"))',
        {"trained": [(1, 2), (1,)], "model": [(1, 2), (1,)]},
    ),
    "from_gpu": (
        "RuntimeError: Attempting to deserialize object on a CUDA device but "
        "torch.cuda.is_available() is False. If you are running on a CPU-only machine, please "
        "use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.",
        'torch.load("from-gpu.pt")',
        {},
    ),
    "nan_backward": (
        "RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.",
        "loss.backward()",
        {"w": [0.0, 4.0], "loss": 2.0},
    ),
    "broadcast": (
        BROADCAST,
        "nn.functional.mse_loss(prediction, y)",
        {"prediction": [[0.0]] * 100, "y": [0.0] * 100},
    ),
}

# What a failing function prints before it fails.
PRINTED = {
    "batch_norm": "(4, 3)\n(4, 3)\n(1, 3)\n",
    "nan_backward": "2.0 tensor([   nan, 0.2500])\n",
}

# Where the failing code has a tensor `w` to be learned.
LEARNED = {
    "backward_twice",
    "scalar",
    "inplace",
    "leaf",
    "numpy",
    "none_zero",
    "item_backward",
    "nan_backward",
}

LN3 = f"{math.log(3):.4f}"
BCE = f"{(math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2:.4f}"
GIVES = {
    "mended_traceback": "(2, 1)\n",
    "mended_no_grad_fn": f"True {2.0 * (3 * 2 - 1) * 3}\n",
    "mended_backward_twice": f"1.0 {2.0 * (9 - 1) * 6}\n2.0 {2.0 * (9 - 2) * 6}\n",
    "mended_scalar": "sum  [2.0, 4.0]\nmean [1.0, 2.0]\n",
    "mended_inplace": f"tensor([1.0000, {math.e:.4f}])\n",
    "mended_leaf": f"tensor({2 - 0.1 * 4:.4f}, requires_grad=True)\n",
    "mended_numpy": "True [3. 6.]\n",
    "mended_none_zero": "0 4.0\n1 4.0\n",
    "mended_item_backward": "4.0 4.0\n",
    "mended_mat1_mat2": "(100, 1) (100, 1)\n",
    "mended_size_of_tensor": "tensor([[1., 1., 1.],\n        [2., 2., 2.],\n"
    "        [3., 3., 3.],\n        [4., 4., 4.]])\n",
    "mended_view": "(3, 1) (1, 3) False\ntensor([0, 3, 1, 4, 2, 5])\n",
    "mended_stack": "tensor([[1., 1., 1., 0.],\n        [1., 1., 1., 1.]])\n"
    "tensor([3, 4])\n",
    "mended_channels": "(16, 8, 26, 26)\n(16, 8, 26, 26)\n",
    "mended_double_float": "torch.float64 torch.float32\n(4, 1)\n",
    "mended_one_element": "tensor([[1., 2.],\n        [3., 4.]])\ntensor([1., 2., 3., 4.])\n",
    "mended_target_long": f"{LN3}\n",
    "mended_multi_target": f"(2,) {LN3}\n",
    "mended_target_bounds": f"0 2 3\n{LN3}\n",
    "mended_bce": f"{BCE}\n{BCE}\n",
    "mended_boolean_value": f"{((1 - 1) ** 2 + (2 - 4) ** 2) / 2}\n[True, False] True False\n",
    "mended_target_size": "(4, 1) (4, 1) ()\n",
    "mended_empty_parameters": "4\nlayers.0.weight (4, 2)\nlayers.0.bias (4,)\n"
    "layers.1.weight (1, 4)\nlayers.1.bias (1,)\n",
    "mended_before_init": "Net(\n"
    "  (linear): Linear(in_features=1, out_features=1, bias=True)\n)\n",
    "mended_forward": "6.0\n",
    "mended_assign_parameter": "[[2.0, 3.0]] True\n",
    "mended_batch_norm": "(4, 3) (4, 3)\n(4, 3) (4, 3)\n(1, 3)\n",
    "mended_embedding": "[3, 0] (2, 2)\n",
    "mended_cuda": "cpu 2.0\n",
    "mended_same_device": "True\n",
    "mended_weights_only": "True\n",
    "mended_missing_keys": "['module.weight', 'module.bias']\n"
    "['weight', 'bias'] <All keys matched successfully>\n",
    "symptom_zero_grad": "0 6.0\n1 12.0\n2 18.0\n",
    "mended_zero_grad": "0 6.0\n1 6.0\n2 6.0\n",
    "symptom_eval": "no_grad False False\neval    True True\n",
    "mended_eval": "both    True False\n",
    "mended_non_leaf": "True tensor([0.2000, 0.2000])\nFalse tensor([1., 1.])\n",
    "mended_nan_backward": "2.0 tensor([0.0000, 0.2500])\n",
    "symptom_other_numbers": "False\n1.0 0.0\n",
    "mended_other_numbers": "True\nFalse True\n",
}

ALSO = {
    "leaf": [
        "a view of a leaf Variable that requires grad is being used in an in-place operation."
    ],
    "none-zero": ["unsupported operand type(s) for *: 'float' and 'NoneType'"],
    "mat1-mat2": [
        "size mismatch, got input (2), mat (2x3), vec (2)",
        "input.size(-1) must be equal to input_size. Expected 3, got 2",
    ],
    "size-of-tensor": [
        "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for "
        "tensor number 1 in the list."
    ],
    "view": ["shape '[4, 2]' is invalid for input of size 6"],
    "stack": ["each element in list of batch should be of equal size"],
    "channels": [
        "Given groups=1, weight of size [8, 3, 3, 3], expected input[16, 28, 28, 3] to have 3 "
        "channels, but got 28 channels instead",
        "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [28, 28]",
    ],
    "double-float": [
        "mat1 and mat2 must have the same dtype, but got Long and Float",
        "expected scalar type Float but found Double",
        "Input type (double) and bias type (float) should be the same",
        "RNN input dtype (torch.float64) does not match weight dtype (torch.float32). Convert "
        "input: input.to(torch.float32), or convert model: model.to(torch.float64)",
    ],
    "one-element": ["a Tensor with 2 elements cannot be converted to Scalar"],
    "target-long": [
        "Expected floating point type for target with class probabilities, got Long",
        "result type Float can't be cast to the desired output type Long",
        "Found dtype Long but expected Float",
    ],
    "multi-target": ["Expected input batch_size (4) to match target batch_size (3)."],
    "empty-parameters": ["'method' object is not iterable"],
    "before-init": ["cannot assign parameters before Module.__init__() call"],
    "forward": ['Module [ModuleList] is missing the required "forward" function'],
    "same-device": ["Tensor on device cpu is not on the expected device meta!"],
    "missing-keys": [
        "Error(s) in loading state_dict for Linear: size mismatch for weight: copying a param "
        "with shape torch.Size([1, 3]) from checkpoint, the shape in current model is "
        "torch.Size([1, 2])."
    ],
    "non-leaf": ["can't optimize a non-leaf Tensor"],
}


@pytest.fixture(scope="module")
def faq(snippet):
    return snippet("faq.py")


@pytest.fixture(autouse=True)
def undone(tmp_path, monkeypatch):
    """What these functions switch on for their whole process is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        torch.serialization,
        "_package_registry",
        [*torch.serialization._package_registry],
    )
    before = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(before)


def failure(function) -> BaseException:
    """Call a function that must fail, and give the exception."""
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError(f"{function.__name__} did not fail")


def values(thing: object) -> object:
    """The numbers of a tensor, the shapes of a module's parameters."""
    if isinstance(thing, torch.Tensor):
        return thing.tolist()
    if isinstance(thing, nn.Module):
        return [tuple(parameter.shape) for parameter in thing.parameters()]
    return [values(part) for part in thing] if isinstance(thing, list) else thing


@pytest.mark.filterwarnings(
    "ignore:Anomaly Detection", "ignore:Error detected in SqrtBackward0"
)
@pytest.mark.parametrize("name", FAILS)
def test_fails_with_the_last_line_at_the_line_with_the_values(faq, capsys, name):
    last, line, state = FAILS[name]
    error = failure(faq[f"fails_{name}"])
    shown = traceback.format_exception_only(error)[-1].rstrip().splitlines()[-1]
    assert shown.strip().removeprefix("torch.") == last
    frame = error.__traceback__.tb_next
    assert traceback.extract_tb(frame)[0].line == line
    held = frame.tb_frame.f_locals
    assert {key: values(held[key]) for key in state} == state
    assert getattr(held.get("w"), "requires_grad", False) == (name in LEARNED)
    assert capsys.readouterr().out == PRINTED.get(name, "")


def test_every_function_is_tested(faq):
    named = {name for name in faq if name.startswith(("fails_", "mended_", "symptom_"))}
    elsewhere = {
        "mended_from_gpu",
        "symptom_non_leaf",
        "symptom_broadcast",
        "mended_broadcast",
        "symptom_flat_loss",
        "mended_flat_loss",
        "symptom_nan",
        "mended_nan",
    }
    assert named == {f"fails_{name}" for name in FAILS} | GIVES.keys() | elsewhere


@pytest.mark.parametrize("name", GIVES)
def test_gives_what_it_should(faq, capsys, name):
    faq[name]()
    assert capsys.readouterr().out == GIVES[name]


def left_by(function) -> dict[str, list]:
    """Call a function, and give the values of the variables that it leaves, failed or not."""
    found = {}

    def watch(frame, event, _):
        if event == "return" and frame.f_code is function.__code__:
            found.update(frame.f_locals)

    torch.manual_seed(0)
    sys.setprofile(watch)
    try:
        function()
    except Exception:
        assert function.__name__.startswith("fails_")
    finally:
        sys.setprofile(None)
    plain = (torch.Tensor, float, list, dict)
    return {
        name: thing.flatten().tolist()
        if isinstance(thing, torch.Tensor)
        else values(thing)
        for name, thing in found.items()
        if isinstance(thing, plain)
    }


# The variables that the mend gives other values.
MENDED = {
    "leaf": {"w"},
    "item_backward": {"loss"},
    "channels": {"images"},
    "target_bounds": {"labels"},
    "batch_norm": {"batch"},
}


@pytest.mark.filterwarnings(
    "ignore:Anomaly Detection", "ignore:Error detected in SqrtBackward0"
)
@pytest.mark.parametrize(
    "name", [n for n in FAILS if n not in ("from_gpu", "broadcast")]
)
def test_the_mended_code_works_on_the_data_of_the_failing_one(faq, name):
    """The same values, in whatever shape and type: the mend is the only difference."""
    fails, mended = (left_by(faq[f"{kind}_{name}"]) for kind in ("fails", "mended"))
    common = fails.keys() & mended.keys() - MENDED.get(name, set())
    assert {key: fails[key] for key in common} == {key: mended[key] for key in common}


def test_the_mended_classes_count_from_zero(faq):
    fails, mended = (
        left_by(faq[f"{kind}_target_bounds"]) for kind in ("fails", "mended")
    )
    assert mended["labels"] == [label - 1 for label in fails["labels"]]


@pytest.mark.parametrize("name", ALSO)
def test_related_mistakes_say_what_the_page_says(faq, name):
    assert faq["also"](name) == ALSO[name]


def test_every_related_mistake_is_tested(faq):
    assert faq["ALSO"].keys() == ALSO.keys()


def test_a_related_mistake_that_does_not_fail_is_noticed(faq, monkeypatch):
    monkeypatch.setitem(faq["ALSO"], "leaf", [lambda: None])
    with pytest.raises(AssertionError):
        faq["also"]("leaf")


# The traceback that is read aloud at the top.


def test_the_traceback_goes_through_the_library_and_back(faq):
    frames = traceback.extract_tb(failure(faq["fails_traceback"]).__traceback__)[1:]
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    assert [frame.line for frame in own] == [
        "model(batch)",
        "return self.output(features)",
    ]
    assert [frame.name for frame in own] == ["fails_traceback", "forward"]
    assert frames[-1] not in own  # it is in the library that it breaks


# Autograd.


@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
@pytest.mark.parametrize(
    "cut",
    [
        lambda w: (3 * w).detach().sum(),
        lambda w: (3 * w).data.sum(),
        lambda w: torch.tensor((3 * w).sum()),
        lambda w: torch.no_grad()(lambda: (3 * w).sum())(),
        lambda w: (3 * w.requires_grad_(False)).sum(),
    ],
)
def test_what_cuts_the_graph_gives_the_message_about_grad_fn(cut):
    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad"
    ):
        cut(torch.ones(2, requires_grad=True)).backward()


def test_after_the_cut_no_result_requires_grad_and_before_it_all_do():
    results = [3 * torch.ones(2, requires_grad=True)]
    results += [results[-1] + 1]
    results += [results[-1].detach()]
    results += [results[-1] * 2]
    results += [results[-1].sum()]
    asked = [result.requires_grad for result in results]
    assert asked == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("optimizer", "same"), [(torch.optim.SGD, False), (torch.optim.Adam, True)]
)
def test_sum_for_mean_is_another_rate_for_sgd_and_nothing_for_adam(optimizer, same):
    def walk(reduce, rate):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        descent = optimizer([w], lr=rate)
        for _ in range(5):
            descent.zero_grad()
            reduce(w**2).backward()
            descent.step()
        return w.detach()

    by_sum, by_mean = walk(torch.sum, 0.1), walk(torch.mean, 0.1)
    assert torch.allclose(by_sum, by_mean, atol=1e-5) == same
    assert torch.allclose(by_sum, walk(torch.mean, 0.2)) == (not same)


def test_keeping_the_graph_only_moves_the_failure_to_the_next_step():
    w = torch.tensor(3.0, requires_grad=True)
    square = w**2
    (square - 1.0).backward(retain_graph=True)
    with torch.no_grad():
        w -= 0.1 * w.grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (square - 2.0).backward()


def test_the_inplace_change_would_have_given_a_wrong_gradient():
    w = torch.tensor([0.0, 1.0])
    right = torch.func.grad(lambda v: (v.exp() + 1).sum())(w)
    assert torch.allclose(right, w.exp())
    assert not torch.allclose(
        w.exp() + 1, right
    )  # what the changed buffer would have said


def test_an_update_outside_of_no_grad_gives_a_non_leaf():
    w = torch.tensor(2.0, requires_grad=True)
    (w**2).backward()
    w = w - 0.1 * w.grad
    assert not w.is_leaf


def test_zero_grad_of_an_optimizer_sets_none():
    w = torch.tensor(2.0, requires_grad=True)
    (w**2).backward()
    torch.optim.SGD([w], lr=0.1).zero_grad()
    assert w.grad is None


# Shapes, losses, modules.


def test_reshape_fails_too_if_the_number_of_elements_is_wrong():
    with pytest.raises(RuntimeError, match=r"shape '\[4, 2\]' is invalid for input of"):
        torch.arange(6).reshape(4, 2)


def test_class_labels_are_long_or_byte():
    logits, labels = torch.zeros(2, 3), torch.tensor([0, 2])
    for dtype in (torch.int64, torch.uint8):
        loss = nn.functional.cross_entropy(logits, labels.to(dtype))
        assert loss.item() == pytest.approx(math.log(3))
    for dtype in (torch.int32, torch.int16, torch.int8):
        with pytest.raises(RuntimeError, match="target dtype to be Long or Byte"):
            nn.functional.cross_entropy(logits, labels.to(dtype))


def test_the_parentheses_make_the_optimizer_work():
    torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)


def test_a_square_table_broadcasts_the_wrong_way_without_an_error():
    weights = torch.arange(1.0, 5.0)
    assert (torch.ones(4, 4) * weights)[0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert (torch.ones(4, 4) * weights.unsqueeze(1))[0].tolist() == [1.0] * 4


def test_squeeze_without_a_dimension_eats_a_batch_of_one():
    assert torch.tensor([[2]]).squeeze().shape == ()
    assert torch.tensor([[2]]).squeeze(1).shape == (1,)


def test_bce_of_a_far_logit_has_no_gradient_and_with_logits_has():
    slopes = []
    for loss in (
        lambda z: nn.functional.binary_cross_entropy(torch.sigmoid(z), torch.zeros(1)),
        lambda z: nn.functional.binary_cross_entropy_with_logits(z, torch.zeros(1)),
    ):
        z = torch.tensor([200.0], requires_grad=True)
        loss(z).backward()
        slopes.append(z.grad.item())
    assert slopes == [0.0, 1.0]


def test_a_list_beside_a_registered_layer_is_left_out_without_an_error():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 4)]
            self.output = nn.Linear(4, 1)

    assert list(Net().state_dict()) == ["output.weight", "output.bias"]


# Saving and devices.


def test_weights_only_names_the_class_that_it_refuses(faq):
    error = failure(faq["fails_weights_only"])
    assert isinstance(error, pickle.UnpicklingError)
    assert str(error).startswith("Weights only load failed.")
    assert "In PyTorch 2.6, we changed the default value of the `weights_only`" in str(
        error
    )
    assert "Unsupported global: GLOBAL torch.nn.modules.linear.Linear" in str(error)


def test_missing_keys_names_both_sides(faq):
    lines = [
        line.strip() for line in str(failure(faq["fails_missing_keys"])).splitlines()
    ]
    assert lines == [
        "Error(s) in loading state_dict for Linear:",
        'Missing key(s) in state_dict: "weight", "bias".',
        'Unexpected key(s) in state_dict: "module.weight", "module.bias".',
    ]


def test_compile_prefixes_the_keys():
    compiled = torch.compile(nn.Linear(1, 1))
    assert list(compiled.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]


def test_map_location_brings_the_values_to_the_cpu(faq, capsys):
    assert "CUDA device" in str(failure(faq["fails_from_gpu"]))
    faq["mended_from_gpu"]()
    assert capsys.readouterr().out == "tensor([1., 1.]) cpu\n"
    with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
        torch.load("from-gpu.pt")  # the mended file is of the same kind
    monkey = torch.serialization._package_registry[0]
    assert (
        monkey[0] == 0 and monkey[1](None) == "cuda:0" and monkey[2](None, "") is None
    )


def test_the_build_is_for_the_cpu():
    assert torch.version.cuda is None and not torch.cuda.is_available()


@pytest.mark.parametrize(
    "quoted",
    [
        "Expected all tensors to be on the same device, but found at least two devices, ",
        "Expected all tensors to be on the same device, but got ",
        ", different from other tensors on ",
    ],
)
def test_what_is_quoted_is_in_the_installed_library(quoted):
    """A CPU cannot raise it; the words of the message lie in the library all the same."""
    library = INSTALLED / "lib" / "libtorch_cpu.so"
    with (
        library.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content,
    ):
        assert content.find(quoted.encode()) >= 0


# No error, but wrong.


def test_the_grad_of_a_non_leaf_is_none_with_a_warning(faq, capsys):
    with pytest.warns(
        UserWarning, match="The .grad attribute of a Tensor that is not a leaf"
    ):
        faq["symptom_non_leaf"]()
    out = capsys.readouterr().out
    assert (
        out == f"True tensor([{0.1 * 2 * 0.1:.4f}, {0.1 * 2 * 0.1:.4f}])\nFalse None\n"
    )


def table(text: str) -> dict[int, float]:
    """The rows «step value» of a printed run."""
    rows = (line.split() for line in text.splitlines() if line[0].isdigit())
    return {int(step): float(value) for step, value in rows}


def test_a_model_that_the_optimizer_does_not_hold_keeps_its_loss(faq, capsys):
    faq["symptom_flat_loss"]()
    out = capsys.readouterr().out
    # Independently: the second layer drawn from this seed, on the same line.
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    errors = [
        (layer(x) - (2 * x + 3)).square().mean().item() for layer in (first, second)
    ]
    assert table(out) == {
        step: pytest.approx(errors[1], abs=1e-4) for step in (0, 50, 100)
    }
    assert out.splitlines()[3:] == ["weight True False", "bias True False"]

    faq["mended_flat_loss"]()
    out = capsys.readouterr().out
    losses = table(out)
    assert list(losses) == [0, 50, 100]
    assert losses[0] == pytest.approx(errors[0], abs=1e-4)
    # The slower direction has curvature E[x²]·2 and shrinks by (1 - lr·2·E[x²])² a step.
    shrink = (1 - 0.1 * 2 * x.square().mean().item()) ** 2
    slope_part = (first.weight.item() - 2) ** 2 * x.square().mean().item()
    assert losses[50] == pytest.approx(slope_part * shrink**50, abs=1e-4)
    assert losses[100] == 0.0
    assert out.splitlines()[3:] == ["weight True True", "bias True True"]


def descend(x: torch.Tensor, rate: float, steps: int) -> float:
    """Gradient descent in float64 on y = 2x + 3; the error left, relative to the start."""
    inputs = torch.cat([x, torch.ones_like(x)], dim=1).double()
    error = torch.tensor([[1.0], [1.0]], dtype=torch.float64)
    start = (inputs @ error).square().mean().item()
    for _ in range(steps):
        error = error - rate * 2 * inputs.T @ (inputs @ error) / len(x)
    return (inputs @ error).square().mean().item() / start


@pytest.mark.parametrize("x", [torch.linspace(0, 100, 50), torch.linspace(-1, 3, 20)])
def test_the_largest_rate_divides_falling_from_growing(faq, x):
    limit = faq["largest_rate"](x.unsqueeze(1))
    assert descend(x.unsqueeze(1), 0.99 * limit, 300) < 1
    assert descend(x.unsqueeze(1), 1.01 * limit, 300) > 10


def test_nan_comes_from_a_rate_over_the_limit(faq, capsys):
    x = torch.linspace(0, 100, 50).unsqueeze(1)
    assert faq["largest_rate"](x) < 0.1 / 100
    # Independently: the layer drawn from this seed, on the same line.
    torch.manual_seed(0)
    layer, y = nn.Linear(1, 1), 2 * x + 3
    faq["symptom_nan"]()
    losses = table(capsys.readouterr().out)
    assert list(losses) == [0, 5, 10, 15]
    start = (layer(x) - y).square().mean().item()
    assert losses[0] == pytest.approx(start, rel=0.05)  # two digits are printed
    # In float64, where nothing overflows, each step multiplies the error by a constant.
    growth = (0.1 * 2 / faq["largest_rate"](x) - 1) ** 2
    assert losses[5] / losses[0] == pytest.approx(growth**5, rel=0.05)
    assert losses[10] == math.inf and math.isnan(losses[15])

    x = (x - x.mean()) / x.std()
    assert faq["largest_rate"](x) == pytest.approx(1.0, abs=0.05)
    faq["mended_nan"]()
    out = table(capsys.readouterr().out)
    assert list(out) == [0, 25, 50]
    start = (layer(x) - y).square().mean().item()
    assert out[0] == pytest.approx(start, rel=0.05)
    assert out[25] / out[0] == pytest.approx((1 - 0.2) ** 50, rel=0.1)
    assert out[50] / out[25] == pytest.approx((1 - 0.2) ** 50, rel=0.2)


def test_a_nan_in_the_gradient_goes_into_that_parameter_only():
    w = torch.tensor([0.0, 4.0], requires_grad=True)
    loss = torch.where(w > 0, w.sqrt(), 0.0).sum()
    loss.backward()
    torch.optim.SGD([w], lr=0.1).step()
    assert math.isfinite(loss.item())
    assert w.isnan().tolist() == [True, False]


LINE = re.compile(r"w = (-?[\d.]+), b = ([\d.]+), loss = ([\d.]+)\n")


def test_broadcasting_fits_the_mean(faq, capsys):
    with pytest.warns(
        UserWarning, match=re.escape(BROADCAST.removeprefix("UserWarning: "))
    ):
        faq["symptom_broadcast"]()
    w, b, loss = map(float, LINE.fullmatch(capsys.readouterr().out).groups())
    y = 2 * torch.linspace(-1, 1, 100) + 3
    assert (w, b) == (0.0, pytest.approx(y.mean().item(), abs=1e-4))
    assert loss == pytest.approx(y.var(correction=0).item(), abs=1e-4)

    faq["mended_broadcast"]()
    w, b, loss = map(float, LINE.fullmatch(capsys.readouterr().out).groups())
    assert (w, b, loss) == (2.0, 3.0, 0.0)


def test_deterministic_algorithms_are_asked_for(faq):
    torch.use_deterministic_algorithms(False)
    faq["mended_other_numbers"]()
    assert torch.are_deterministic_algorithms_enabled()


# The pages.


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_title_has_the_words_of_its_error(faq, language):
    """A reader who searches for the message finds the question."""
    page = (ROOT / "docs" / language / "faq.md").read_text(encoding="utf-8")
    questions = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert len(questions) >= 28
    found = []
    for question in questions:
        title = question.splitlines()[0]
        for name in re.findall(r"faq\.py:fails-([a-z0-9-]+)", question):
            last, _, _ = FAILS[name.replace("-", "_")]
            messages = [last, str(failure(faq[f"fails_{name.replace('-', '_')}"]))]
            words = re.search(r"`(.+)`", title)[1].split("…")
            assert any(all(w.strip() in m for w in words) for m in messages), title
            found.append(name.replace("-", "_"))
    assert sorted(found) == sorted(FAILS.keys() - {"traceback"})
