"""How much the build costs, as ratios measured side by side in one run, on the real site.

    python tests/benchmarks/build.py [rounds]

Every figure is the median of the rounds (3 unless told). It takes a while: each round builds the
site cold twice, once with ours and once with stock markdown-exec. Nothing here is a test: machines
differ and are busy, and only ratios within one run mean anything.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
ENVIRONMENT = os.environ | {"NO_MKDOCS_2_WARNING": "1"}

# The same site with no block executed, looked up or checked: results come from a table.
STATIC = """
import json, pathlib, sys
sys.path.insert(0, "docs/_build")
from run import runner

class Table(runner.Runner):
    def plan(self, found):
        self._table = json.loads(pathlib.Path("table.json").read_text())
    def result(self, block):
        return self._table["blocks"][block.at]
    def said(self, page, value):
        return self._table["values"][f"{page}:{value.line}:{value.start}"]
    def failed(self):
        return []

runner.Runner = Table
import hooks
from hooks import *
hooks.sources.survey = lambda: (found(), [])

def found():
    from sources import LANGUAGES, pages, read_page
    twins = {language: pages(language) for language in LANGUAGES}
    return {n: {l: read_page(twins[l][n]) for l in twins} for n in twins["zh"]}
"""
# Writes that table from the stored results.
FILL = """
import json, sys
sys.path.insert(0, "docs/_build")
from run.runner import Runner
from run.store import Store
from sources import Figure, Prose, survey
found, _ = survey()
runner = Runner(Store())
runner.plan(found)
table = {"blocks": {}, "values": {}}
for page in (page for twins in found.values() for page in twins.values()):
    table["blocks"] |= {block.at: runner.result(block) for block in page.blocks}
    for cell in page.cells:
        prose = cell.alt if isinstance(cell, Figure) else cell
        for value in prose.values if isinstance(prose, Prose) else ():
            place = f"{page.path}:{value.line}:{value.start}"
            table["values"][place] = runner.said(page.path, value)
json.dump(table, open("table.json", "w"))
"""
# The same pages with no block executed, and nothing where results would be.
BARREN = """
import markdown_exec

def on_startup(command, dirty):
    markdown_exec.formatters["python"] = lambda **o: markdown_exec.base_format(
        language="python", run=lambda *_, **__: "", **o)
"""
# The bare work: import torch once, then run every session once, on the same cores.
BARE = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, "docs/_build")
from run.runner import WORKERS, run, sessions
from run.store import Store
from sources import survey
kept = Store()
todo = [session for twins in survey()[0].values() for session in sessions(twins, kept)]
with ThreadPoolExecutor(WORKERS) as pool:
    list(pool.map(lambda session: list(run(session)), todo))
"""


def timed(*command: str, cwd: Path, **environment: str) -> tuple[float, int]:
    """Wall seconds of a command, and the peak memory of its largest process in bytes."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=ENVIRONMENT | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}\n{errors}")
    return time.perf_counter() - begun, usage.ru_maxrss * 1024


def build(project: Path, *options: str, **environment: str) -> tuple[float, int]:
    target = str(project / "site")
    command = (sys.executable, "-m", "mkdocs", "build", "-q", "-d", target, *options)
    return timed(*command, cwd=project, **environment)


def copy(folder: Path) -> Path:
    """A copy of the project, so that nothing here touches the stored results of the real one."""
    project = folder / "project"
    for name in ("docs", "snippets"):
        shutil.copytree(
            ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    (project / "mkdocs.yml").write_text(settings, "utf-8")
    (project / "static.py").write_text(STATIC, "utf-8")
    ours = re.compile(r"(?m)^  - docs/_build/hooks.py\n")
    (project / "static.yml").write_text(ours.sub("  - static.py\n", settings), "utf-8")
    (project / "barren.py").write_text(BARREN, "utf-8")
    (project / "barren.yml").write_text(ours.sub("  - barren.py\n", settings), "utf-8")
    stock = settings.replace("hooks:\n  - docs/_build/hooks.py\n", "")
    (project / "stock.yml").write_text(stock, "utf-8")
    return project


def reload_after_edit(project: Path) -> float:
    """Seconds from saving an edit of prose until a browser's open page shows it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "-q", "-a", f"127.0.0.1:{port}"],
        cwd=project,
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    edited = project / "docs" / "zh" / "practice" / "linear-regression.md"
    before = edited.read_text("utf-8")
    try:
        while True:
            try:
                urllib.request.urlopen(address).read()
                break
            except OSError:
                time.sleep(0.05)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-background-networking"],
            )
            page = browser.new_page()
            page.goto(f"{address}practice/linear-regression/")
            time.sleep(2)  # until it listens for changes
            mark = f"edit-{time.time_ns()}"
            begun = time.perf_counter()
            edited.write_text(f"{before}\n\n{mark}\n", "utf-8")
            page.get_by_text(mark).wait_for(timeout=120_000)
            seconds = time.perf_counter() - begun
            browser.close()
        return seconds
    finally:
        server.terminate()
        server.wait()
        edited.write_text(before, "utf-8")


def main() -> None:
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as folder:
        project = copy(Path(folder))
        stores = project / ".cache"
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
            # Nothing is left of earlier builds: torch.compile keeps its work in the folder for
            # temporary files, too.
            shutil.rmtree(stores, ignore_errors=True)
            empty = [tempfile.mkdtemp(dir=folder) for _ in range(3)]
            cold, _ = build(project, TMPDIR=empty[0])
            timed(sys.executable, "-c", FILL, cwd=project)
            static_cold, _ = build(
                project, "-f", "static.yml"
            )  # keeps its pages, as ours does
            static, static_memory = build(project, "-f", "static.yml")
            warm, warm_memory = build(project)
            barren, _ = build(project, "-f", "barren.yml", PYTHONPATH="docs/_build")
            stock, _ = build(
                project, "-f", "stock.yml", PYTHONPATH="docs/_build", TMPDIR=empty[1]
            )
            bare, _ = timed(sys.executable, "-c", BARE, cwd=project, TMPDIR=empty[2])
            edit = reload_after_edit(project)
            note("static build, seconds", static)
            note("warm build, seconds", warm)
            note("cold build, seconds", cold)
            note("(a) warm build / nothing executed", warm / static)
            note(
                "warm build / the same pages without results, by MkDocs alone",
                warm / barren,
            )
            note("(b) cold build / stock markdown-exec", cold / stock)
            note(
                "(c) cold build / bare work + nothing executed, no page kept",
                cold / (bare + static_cold),
            )
            note("edit to reloaded page in a browser, seconds", edit)
            note("(d) edit to reloaded page / nothing executed", edit / static)
            note(
                "(e) peak memory, warm / nothing executed", warm_memory / static_memory
            )
            last = ", ".join(
                f"{name}: {values[-1]:.2f}" for name, values in figures.items()
            )
            print(last, file=sys.stderr, flush=True)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print("| what | median | range |\n| --- | --- | --- |")
    for name, values in figures.items():
        low, high = min(values), max(values)
        print(f"| {name} | {statistics.median(values):.2f} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
