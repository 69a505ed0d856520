"""What the fork server imports once, so that every session starts with it in milliseconds."""

import ctypes
import gc
import importlib
import io
import logging
import os
import re
import sys
from pathlib import Path

import session

# torch._dynamo: optimizers import it on first use, which takes seconds in a fresh process.
MODULES = (
    "torch torch._dynamo torch.utils.data matplotlib.figure matplotlib.backends.backend_svg"
    " sklearn.datasets"
)
HUGE, COLLAPSE = 2**21, 25  # bytes of a large page; MADV_COLLAPSE, since Linux 6.1
OWN_MEMORY = re.compile(r"(?m)^(\w+)-(\w+) rw.p 0+ 00:00 0 +(?:\[heap\])?$")


def collapse() -> None:
    """Put what this process holds in memory on large pages, where the system has them.

    Each session is a copy of this process and each hidden block one of its session. A copy costs a
    step for every page, as its end does: with 60 000 small pages 20 ms, with large ones 8 ms.
    """
    try:
        madvise = ctypes.CDLL(None).madvise
        maps = Path("/proc/self/maps").read_text()
    except (OSError, AttributeError):
        return
    for found in OWN_MEMORY.finditer(maps):
        begin, end = (int(address, 16) for address in found.groups())
        for page in range(-(-begin // HUGE) * HUGE, end - HUGE + 1, HUGE):
            madvise(ctypes.c_void_p(page), ctypes.c_size_t(HUGE), COLLAPSE)


for name in os.environ.get("BLOCK_PRELOAD", MODULES).split():
    try:
        importlib.import_module(name)
    except ImportError as error:  # the block that needs it will say so, with its line
        logging.getLogger(__name__).debug("not preloaded: %s", error)

# The first drawing of a process finds fonts and learns to read mathematical text.
if "matplotlib.backends.backend_svg" in sys.modules:
    drawing = sys.modules["matplotlib.figure"].Figure(layout="constrained")
    drawing.subplots().set(yscale="log")
    drawing.savefig(io.BytesIO(), format="svg")

session.preloaded()
# What is here now stays; looking through it again in every session would cost more than the rest.
gc.collect()
gc.freeze()
collapse()
