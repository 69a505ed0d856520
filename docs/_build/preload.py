"""What the fork server imports once, so that every session starts with it in milliseconds."""

import gc
import importlib
import logging
import os

import session

# torch._dynamo: optimizers import it on first use, which takes seconds in a fresh process.
MODULES = "torch torch._dynamo torch.utils.data matplotlib.figure matplotlib.backends.backend_svg"

for name in os.environ.get("BLOCK_PRELOAD", MODULES).split():
    try:
        importlib.import_module(name)
    except ImportError as error:  # the block that needs it will say so, with its line
        logging.getLogger(__name__).debug("not preloaded: %s", error)

session.preloaded()
# What is here now stays; looking through it again in every session would cost more than the rest.
gc.collect()
gc.freeze()
