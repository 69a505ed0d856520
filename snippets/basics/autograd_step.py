"""
zh: 差分的步长、精度和形式：割线离切线有多远，误差有多大。
en: Step, precision and form of a difference: the secant, the tangent, the error.
"""

# --8<-- [start:imports]
import itertools
import math

import torch
from torch import Tensor


def f(x: Tensor) -> Tensor:
    """
    zh: exp(sin x)，逐元素；x 形状任意。
    en: exp(sin x) element by element; x of any shape.
    """
    return torch.exp(torch.sin(x))


# zh: f'(1)，手算
# en: f'(1), by hand
exact = math.cos(1) * math.exp(math.sin(1))
# --8<-- [end:imports]


# --8<-- [start:run]
def run(h: float, dtype: str, form: str) -> dict[str, list[float] | float]:
    """
    zh: 在 x = 1 处求 f 的导数：以步长 h 作差分，同一精度再用自动求导。
    zh: 返回差分的两点 x、y，割线在 x = -0.5 与 x = 2.5 处的高度，
    zh: 割线的斜率，以及两种办法的误差。
    en: The derivative of f at x = 1, by a difference of step h and by autograd in the
    en: same precision. Returns the two points x and y, the heights of the secant at
    en: x = -0.5 and x = 2.5, its slope, and the errors of both ways.
    """
    at = torch.tensor(1.0, dtype=getattr(torch, dtype), requires_grad=True)
    f(at).backward()
    with torch.no_grad():
        left = at - h if form == "central" else at
        right = at + h
        width = 2 * h if form == "central" else h
        slope = ((f(right) - f(left)) / width).item()
        x, y = [left.item(), right.item()], [f(left).item(), f(right).item()]
    secant = [y[0] + slope * (end - x[0]) for end in (-0.5, 2.5)]
    return {
        "x": [round(v, 3) for v in x],
        "y": [round(v, 3) for v in y],
        "secant": [round(v, 3) for v in secant],
        "slope": round(slope, 4),
        "error": float(f"{abs(slope - exact):.2g}"),
        "autograd": float(f"{abs(at.grad.item() - exact):.2g}"),
    }


# --8<-- [end:run]

# --8<-- [start:sweep]
STEPS = [1.0] + [float(f"{d}e-{k}") for k in range(1, 17) for d in (3, 1)]
DTYPES = ["float32", "float64"]
FORMS = ["forward", "central"]


def sweep() -> dict[tuple[float, str, str], dict]:
    """
    zh: 每个步长、精度和差商各跑一次 run，按三者收在一起。
    en: One run for each step, precision and difference quotient, keyed by all three.
    """
    positions = itertools.product(STEPS, DTYPES, FORMS)
    return {position: run(*position) for position in positions}


table = sweep()
best = {}
for dtype, form in itertools.product(DTYPES, FORMS):
    errors = {h: table[h, dtype, form]["error"] for h in STEPS}
    best[dtype, form] = h = min(errors, key=errors.get)
    print(f"{dtype}  {form:7}  best h = {h:.0e}  error = {errors[h]:.0e}")
# --8<-- [end:sweep]
