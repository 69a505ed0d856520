"""What the fork server imports once, so that every session starts with it in milliseconds."""

import gc
import importlib
import io
import logging
import os
import sys

from run import session

# torch._dynamo: optimizers import it on first use, which takes seconds in a fresh process.
MODULES = (
    "torch torch._dynamo torch.utils.data matplotlib.figure matplotlib.backends.backend_svg"
    " sklearn.datasets"
)
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
