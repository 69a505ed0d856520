"""What the checker of the traces accepts, and what it says of wrong answers, without torch beside it."""

import pytest

LOOK = """
tf = g["tf"]

def says(power):
    try:
        g["check_traces"](power)
    except AssertionError as error:
        return str(error)

found["answers"] = [
    says(tf.function(lambda x, k: x**k, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])),
    says(tf.function(lambda x, k: x**k)),
    says(tf.function(lambda x, k: x**k, input_signature=None, reduce_retracing=True)),
    says(lambda x, k: x**k),
    says(tf.function(lambda x, k: x * k, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])),
    says(tf.function(lambda x, k: tf.reduce_sum(x**k), input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])),
    says(tf.function(lambda x, k: tf.reverse(x, [0])**k, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])),
    says(lambda x, k: None),
]
cases = []
try:
    g["check_traces"](lambda x, k: cases.append((x.numpy().tolist(), k)) or x**k)
except AssertionError:  # this one has no graph
    found["cases"] = cases
found["power"] = g["power"](tf.constant([2.0, 3.0]), 2.0).numpy().tolist()
"""


@pytest.fixture(scope="module")
def tf(alone) -> dict:
    return alone("concepts/frameworks_tensorflow_exercises.py", LOOK)


def test_tensorflow_runs_without_torch(tf):
    assert tf["modules"] == ["tensorflow"]


def test_answers_to_the_tracing_exercise(tf):
    # No two elements alike, one negative, lengths that are no exponents, one exponent not whole.
    assert tf["cases"] == [
        [[3.0], 2.0],
        [[4.0, 0.25, 9.0], 0.5],
        [[-2.0, 1.5, 1.0, 2.0], 3.0],
    ]
    right, retraced, reduced, plain, product, total, turned, nothing = tf["answers"]
    assert right is None and tf["power"] == [4.0, 9.0]
    assert retraced.startswith("traced 3 times, not once")
    assert reduced.startswith("traced ") and "traced 1 times" not in reduced
    assert plain.startswith("power itself is no tf.function")
    assert product == "[3.0] to the 2.0 is [9.0], not [6.0]"
    assert total == "[3.0] to the 2.0 is [9.0], not 9.0"
    assert turned.startswith("[4.0, 0.25, 9.0] to the 0.5 is [2.0, 0.5, 3.0]")
    assert nothing == "nothing came back: is a return missing?"
