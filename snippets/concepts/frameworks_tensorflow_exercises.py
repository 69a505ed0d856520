# --8<-- [start:imports]
from collections.abc import Callable

import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:check-traces]
def check_traces(power: Callable) -> None:
    """
    zh: power(x, k) 求 x 的 k 次方；三种长度、三个指数，只许追踪一次。
    en: power(x, k) raises x to k; three lengths, three exponents, one trace only.

    Raises:
        zh: AssertionError: 数值不对、没有图，或者追踪了不止一次。
        en: AssertionError: wrong value, no graph, or more than one trace.
    """
    cases = (([3.0], 2.0), ([4.0, 0.25, 9.0], 0.5), ([-2.0, 1.5, 1.0, 2.0], 3.0))
    for numbers, k in cases:
        got = power(tf.constant(numbers), k)
        problem = "没有返回值：是不是漏了 return？"  # zh
        problem = "nothing came back: is a return missing?"  # en
        assert got is not None, problem
        found = tf.convert_to_tensor(got).numpy()
        wanted = [number**k for number in numbers]
        problem = f"{numbers} 的 {k} 次方应是 {wanted}，得到 {found.tolist()}"  # zh
        problem = f"{numbers} to the {k} is {wanted}, not {found.tolist()}"  # en
        assert found.shape == (len(numbers),), problem
        assert abs(found - wanted).max() < 1e-4, problem
    problem = "power 本身不是 tf.function，数不出追踪次数"  # zh
    problem = "power itself is no tf.function, so its traces cannot be counted"  # en
    assert hasattr(power, "experimental_get_tracing_count"), problem
    count = power.experimental_get_tracing_count()
    problem = f"追踪了 {count} 次，应为 1 次：形状或 Python 数触发了重新追踪？"  # zh
    problem = f"traced {count} times, not once: do shapes or numbers retrace?"  # en
    assert count == 1, problem


# --8<-- [end:check-traces]


# --8<-- [start:solution-traces]
@tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])
def power(x: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """
    zh: x 的 k 次方，逐元素，形状不变；x 和 k 同类型。
    en: x to the power k, element by element, of x's shape; x and k of one dtype.
    """
    return x**k


check_traces(power)
# --8<-- [end:solution-traces]
