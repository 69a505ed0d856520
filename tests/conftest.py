"""What the tests share."""

import contextlib
import functools
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# One thread, as on the site: results don't depend on the machine, and short work doesn't wait.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def snippet(tmp_path_factory):
    """Run a snippet file once, in a scratch folder; give its globals, which nobody may change."""

    @functools.cache
    def run(path: str) -> dict:
        with contextlib.chdir(tmp_path_factory.mktemp("scratch")):
            return runpy.run_path(str(ROOT / "snippets" / path))

    return run


class Project:
    """A small site of its own: the real glue and settings, its own pages and snippets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("docs/_build", "docs/assets"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        settings = (ROOT / "mkdocs.yml").read_text("utf-8")
        # The real navigation names pages that this site does not have.
        settings = re.sub(r"(?m)^nav:\n(?:[ -].*\n)+", "", settings)
        self.write("mkdocs.yml", settings)
        self.page("index.md", "# Home { #home }\n")
        (root / "snippets").mkdir()
        # Torch takes seconds to import, and most of these sites don't use it.
        self.environment = os.environ | {
            "NO_MKDOCS_2_WARNING": "1",
            "BLOCK_PRELOAD": "",
        }
        self.environment.pop("BLOCK_CACHE", None)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def page(self, name: str, text: str, en: str | None = None) -> None:
        front = "---\ntitle: T\ndescription: d\n---\n"
        self.write(f"docs/zh/{name}", front + text)
        self.write(f"docs/en/{name}", front + (text if en is None else en))

    def build(self, *options: str, **environment: str) -> subprocess.CompletedProcess:
        """Run ``mkdocs build``; the site is in ``site``, what it said in ``stderr``."""
        return subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", *options],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def html(self, name: str) -> str:
        return (self.root / "site" / name).read_text("utf-8")


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The real site, built once; stored results serve."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    return folder
