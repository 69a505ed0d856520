# --8<-- [start:inductor]
import shutil
import time
from collections.abc import Callable

import torch


def gelu(x: torch.Tensor) -> torch.Tensor:
    """
    zh: GELU 的 tanh 近似，逐元素，形状不变。来源：Hendrycks & Gimpel 2016。
    en: The tanh approximation of GELU, elementwise. Source: Hendrycks & Gimpel 2016.
    """
    return 0.5 * x * (1 + torch.tanh(0.79788456 * (x + 0.044715 * x**3)))


def seconds(function: Callable, x: torch.Tensor, repeats: int = 1) -> float:
    """
    zh: function(x) 用的秒数，取 repeats 次中最快的一次。
    en: The seconds that function(x) takes, the fastest of a number of repeats.
    """
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(x)
        times.append(time.perf_counter() - start)
    return min(times)


torch.manual_seed(0)
numbers = torch.randn(4_000_000)
timing = {"eager": seconds(gelu, numbers, 5)}
# zh: 默认后端 inductor 在 CPU 上生成 C++，所以要有编译器
# en: the default backend, inductor, generates C++ on a CPU and needs a compiler
if shutil.which("g++") or shutil.which("clang++"):
    fused = torch.compile(gelu)
    timing["first call"] = seconds(fused, numbers)
    timing["compiled"] = seconds(fused, numbers, 5)
    error = (fused(numbers) - gelu(numbers)).abs().max().item()
    print(f"difference  {error:.1e}")
for name, value in timing.items():
    print(f"{name:<11} {value:.4f} s")
# --8<-- [end:inductor]
