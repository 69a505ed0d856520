"""What the tests share."""

import contextlib
import functools
import http.server
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

# One thread, as on the site: results don't depend on the machine, and short work doesn't wait.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption(
        "--whole", action="store_true", help="run what is marked whole, too"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "whole: costs much and rarely tells more")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--whole"):
        left = [item for item in items if item.get_closest_marker("whole")]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With -n 2: all tests of a snippet run in one process, so that the snippet runs once."""
    from xdist.scheduler import LoadScopeScheduling

    class BySnippet(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            found = re.match(r"tests/snippets/(.*/)?test_(\w+\.py)", nodeid)
            if not found:
                found = re.search(r"\[(?:.*-)?([\w/]+/)?(\w+\.py)\b", nodeid)
            return f"{found[1] or ''}{found[2]}" if found else nodeid

    return BySnippet(config, log)


class Output(io.StringIO):
    """Standard output that notes which region of a snippet printed what."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.by_region = str(path), {}
        lines = enumerate(path.read_text("utf-8").splitlines(), 1)
        start = re.compile(r"# --8<-- \[start:(.*)\]")
        self.starts = {
            n: found[1] for n, line in lines if (found := start.search(line))
        }

    def write(self, text: str) -> int:
        frame, line = sys._getframe(1), 0
        while (
            frame
        ):  # the outermost line of the file: the statement that called all the rest
            if frame.f_code.co_filename == self.path:
                line = frame.f_lineno
            frame = frame.f_back
        region = self.starts[max(start for start in self.starts if start <= line)]
        self.by_region[region] = self.by_region.get(region, "") + text
        return super().write(text)


class Ran(dict):
    """The globals that a snippet leaves; ``printed`` in all and ``by_region``; its ``folder``."""

    def __init__(self, path: Path, folder: Path) -> None:
        output = Output(path)
        with contextlib.chdir(folder), contextlib.redirect_stdout(output):
            super().__init__(runpy.run_path(str(path)))
        self.printed, self.by_region, self.folder = (
            output.getvalue(),
            output.by_region,
            folder,
        )


@pytest.fixture(scope="session")
def snippet(tmp_path_factory):
    """Run a snippet file once, in a scratch folder; give what came of it, for all to read."""

    @functools.cache
    def run(path: str) -> Ran:
        return Ran(ROOT / "snippets" / path, tmp_path_factory.mktemp("scratch"))

    return run


@pytest.fixture(scope="session")
def asked():
    """What a checker asks of an answer: the arguments of each call, tensors as lists."""

    def plain(value):
        return value.tolist() if hasattr(value, "tolist") else value

    def run(check, answer) -> list[tuple]:
        calls = []

        def watched(*args):
            args = [list(a) if isinstance(a, Iterator) else a for a in args]
            calls.append(tuple(map(plain, args)))
            return answer(*args)

        check(watched)
        return calls

    return run


# Runs a snippet file, then the given code in its globals, and prints what that left in `found`.
ALONE = """
import contextlib, io, json, runpy, sys
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    g = runpy.run_path(sys.argv[1])
found = {}
exec(sys.stdin.read(), {"g": g, "found": found, "json": json})
found["modules"] = [m for m in ("torch", "tensorflow") if m in sys.modules]
print(json.dumps(found | {"printed": printed.getvalue().splitlines()}))
"""


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """Run a snippet file in a process of its own, and give what some code finds in it."""

    def run(path: str, code: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(ROOT / "snippets" / path)],
            input=code,
            cwd=tmp_path_factory.mktemp("scratch"),
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


class Project:
    """A small site of its own: the real glue and settings, its own pages and snippets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("docs/_build", "docs/assets"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        shutil.copy(ROOT / "LICENSE", root)
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
    """The real site, built once for all processes of a run; stored results serve."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / "site"
    with FileLock(base / "site.lock"):
        if not folder.exists():
            done = subprocess.run(
                [sys.executable, "-m", "mkdocs", "build", "-d", str(base / "part")],
                cwd=ROOT,
                env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
                capture_output=True,
                text=True,
                timeout=1200,
            )
            assert done.returncode == 0, done.stderr
            (base / "part").rename(folder)
    return folder


@pytest.fixture(scope="session")
def address(site) -> Iterator[str]:
    """Where the built site is served, under the policy that its pages carry."""
    home = (site / "index.html").read_text("utf-8")
    policy = re.search(r'"Content-Security-Policy" content="([^"]+)"', home)[1]

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def end_headers(self):
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

    handler = functools.partial(Silent, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser():
    """Chromium. Without one the tests that need it are skipped, but never in CI."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(
            "no browser: install Chromium (Debian: apt install chromium fonts-noto-cjk)"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=QUIET)


@pytest.fixture(scope="session")
def tab(browser):
    """A page of the browser that tests go elsewhere with, at 1280 by 900."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()
