"""
zh: 温度：同一组 logit 除以不同的温度，softmax 给出的概率、熵和交叉熵。
en: Temperature: the same logits divided by it; probabilities, entropy, cross-entropy.
"""

# --8<-- [start:imports]
import itertools

import torch
from torch.nn import functional as F

logits = torch.tensor([2.0, 1.0, 0.5, -0.5, -1.0], dtype=torch.float64)
# --8<-- [end:imports]


# --8<-- [start:run]
def run(temperature: float, right: str) -> dict[str, list[float] | float]:
    """
    zh: 以 temperature 为温度的 softmax：五类的概率、它们的熵，
    zh: 以及正确的类是 right（"A" 到 "E"）时的交叉熵。
    en: Softmax at that temperature: the probabilities of the five classes, their
    en: entropy, and the cross-entropy if class right ("A" to "E") is the right one.
    """
    z = logits / temperature
    p = F.softmax(z, dim=0)
    target = torch.tensor("ABCDE".index(right))
    return {
        "p": [round(share, 4) for share in p.tolist()],
        "entropy": round(torch.special.entr(p).sum().item(), 4),
        "loss": round(F.cross_entropy(z, target).item(), 4),
    }


# --8<-- [end:run]

# --8<-- [start:sweep]
TEMPERATURES = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0]


def sweep() -> dict[tuple[float, str], dict]:
    """
    zh: 每个温度、每个正确类各跑一次 run，按 (温度, 正确类) 收在一起。
    en: One run for each temperature and right class, keyed by both.
    """
    positions = itertools.product(TEMPERATURES, "ABE")
    return {position: run(*position) for position in positions}


table = sweep()
for temperature in (0.1, 1.0, 100.0):
    a, b = table[temperature, "A"], table[temperature, "B"]
    print(
        f"T = {temperature:<5}  entropy {a['entropy']:.4f}"
        f"  loss if A {a['loss']:.4f}  if B {b['loss']:.4f}"
    )
# --8<-- [end:sweep]
