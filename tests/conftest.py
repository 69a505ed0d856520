"""What the tests share."""

import contextlib
import functools
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def snippet(tmp_path_factory):
    """Run a snippet file once, in a scratch folder; give its globals, which nobody may change."""

    @functools.cache
    def run(path: str) -> dict:
        with contextlib.chdir(tmp_path_factory.mktemp("scratch")):
            return runpy.run_path(str(ROOT / "snippets" / path))

    return run
