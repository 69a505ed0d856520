"""What the frameworks chapter claims of Keras on PyTorch, run without TensorFlow beside it."""

import pytest

LOOK = """
for name in ("keras_losses", "keras_w", "keras_b"):
    found[name] = g[name]
found["backend"] = g["keras"].backend.backend()
"""


@pytest.fixture(scope="module")
def keras(alone) -> dict:
    return alone("concepts/frameworks_keras.py", LOOK)


def test_keras_runs_on_torch_without_tensorflow(keras):
    assert keras["modules"] == ["torch"] and keras["backend"] == "torch"
    assert "torch True" in keras["printed"]


def test_keras_on_torch_ends_where_pytorch_does(keras, snippet):
    ours = snippet("concepts/frameworks.py")
    assert keras["keras_losses"] == pytest.approx(ours["losses"], abs=1e-6)
    assert [keras["keras_w"], keras["keras_b"]] == pytest.approx(
        [ours["w"], ours["b"]], abs=1e-6
    )
