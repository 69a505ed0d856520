"""Runs the blocks of pages: each session in a process of its own, equal runs only once.

The two languages of a page share a session as long as the code that they show is the same; their
hidden blocks (figures, sentences with numbers) look at it without changing it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import multiprocessing
import multiprocessing.forkserver
import os
import queue
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import cache as store
from session import main as session_main
from session import readable
from sources import ROOT, Block, in_language, origins, relative, survey

TIMEOUT = float(os.environ.get("BLOCK_TIMEOUT", 60))  # seconds; a block can ask for another
MEMORY = int(float(os.environ.get("BLOCK_MEMORY_GIB", 16)) * 2**30)  # address space of a session
WORKERS = int(os.environ.get("BLOCK_WORKERS", 0)) or os.cpu_count() or 1
OUTPUT = 4 * 2**20  # bytes that a block may print
FRESH = "BLOCK_FRESH" in os.environ  # neither read nor write stored results
CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()
# One compute thread and one hash seed, so that results do not depend on the machine.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "COLUMNS": "80",
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONPATH": str(Path(__file__).parent),
}
log = logging.getLogger("mkdocs.blocks")
_starting = threading.Lock()


@dataclass
class Cell:
    """A block of one or both languages, as a session runs it."""

    code: str
    view: bool
    blocks: list[Block]
    key: str = ""
    positions: str = ""

    @property
    def timeout(self) -> float:
        return max(float(block.options.get("timeout", TIMEOUT)) for block in self.blocks)


@dataclass
class Session:
    """The cells of one session, in the order in which they run."""

    name: str
    cells: list[Cell] = field(default_factory=list)

    @property
    def is_fresh(self) -> bool:
        """Whether it must not share a process with torch, which the fork server has imported."""
        return any(
            block.options.get("process") == "fresh" for cell in self.cells for block in cell.blocks
        )

    @property
    def urgency(self) -> tuple[bool, float, bool]:
        page = self.cells[0].blocks[0].page
        is_first = page.parent.parent == ROOT / "docs"  # MkDocs takes files before folders
        return self.is_fresh, max(cell.timeout for cell in self.cells), is_first


def sessions(found: dict[str, list[Block]]) -> list[Session]:
    """Arrange the blocks of a page, by language, into sessions; equal code is shared.

    Args:
        found: for each language, the blocks of its page in order.
    """
    arranged: dict[str, dict[str, list[Cell]]] = {}
    for language, of_page in found.items():
        for block in of_page:
            cell = Cell(in_language(block.code, "en"), block.is_view, [block])
            arranged.setdefault(block.session, {}).setdefault(language, []).append(cell)
    result = []
    for name, by_language in arranged.items():
        variants = list(by_language.values())
        if len(variants) == 2 and _steps(variants[0]) == _steps(variants[1]):
            variants = [_merged(*variants)]
        for cells in variants:
            _key(cells)
            result.append(Session(name, cells))
    return result


def _steps(cells: list[Cell]) -> list[tuple]:
    return [
        (store.tree(cell.code), cell.blocks[0].options.get("raises"))
        for cell in cells
        if not cell.view
    ]


def _merged(first: list[Cell], second: list[Cell]) -> list[Cell]:
    """One list of cells for both languages: shared steps, each followed by everybody's views."""
    merged, rest = [], list(second)
    for cell in first:
        if not cell.view:
            merged += _views(rest)
            cell.blocks.append(rest.pop(0).blocks[0])
        merged.append(cell)
    return merged + rest


def _views(cells: list[Cell]) -> list[Cell]:
    taken = []
    while cells and cells[0].view:
        taken.append(cells.pop(0))
    return taken


def _key(cells: list[Cell]) -> None:
    """Give each cell the key of the session's code so far; views do not count for later cells."""
    chain, lines = store.SEED, ""
    for cell in cells:
        cell.key = store.digest(chain, "view" if cell.view else "step", store.tree(cell.code))
        cell.positions = store.digest(lines, store.tree(cell.code, True))
        if not cell.view:
            chain, lines = cell.key, cell.positions


class Awaited(Future):
    """A result that the process from which this one was copied stores."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell, self.leader = cell, os.getppid()

    def result(self, timeout: float | None = None) -> dict:
        while not self.done():
            if result := store.load(self.cell.key, self.cell.positions):
                self.set_result(result)
            elif os.getppid() != self.leader:  # it has ended, and nobody waits for this process
                os._exit(0)
            else:
                time.sleep(0.1)
        return super().result()


class Runner:
    """Finds or makes the result of every block; one for the life of a build or a server."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._of_block: dict[str, tuple[Block, Future]] = {}
        self._of_page: dict[Path, list[Block]] = {}
        self._cells: list[tuple[list[Block], Future]] = []
        self._digests: dict[Future, str] = {}

    def plan(
        self,
        found: dict[str, dict[str, list[Block]]] | None = None,
        begin: Callable[[], object] | None = None,
    ) -> None:
        """Take all pages, and start every session that lacks a result, side by side.

        Args:
            found: the blocks of each page by language (`sources.survey`).
            begin: called before the first of them starts, if one must; true in a copy of this
                process that takes their results as the other one stores them.
        """
        self._of_block, self._of_page, self._digests = {}, {}, {}
        self._cells, missing = [], []
        with contextlib.suppress(queue.Empty):  # what an older plan no longer needs
            while True:
                self._waiting.get_nowait()
        for name, of_page in (found or survey()[0]).items():
            self._of_page |= {of[0].page: of for of in of_page.values() if of}
            for session in sessions(of_page):
                futures = [Future() for _ in session.cells]
                for cell, future in zip(session.cells, futures, strict=True):
                    self._of_block.update({block.at: (block, future) for block in cell.blocks})
                    self._cells.append((cell.blocks, future))
                # A session's results come from one run, or its numbers might contradict each other.
                stored = [] if FRESH else [store.load(c.key, c.positions) for c in session.cells]
                if stored and all(stored):
                    for future, result in zip(futures, stored, strict=True):
                        future.set_result(result)
                else:
                    missing.append((f"{name}: {session.name}", session, futures))
        if missing and begin and begin():
            for _, session, _ in missing:
                for cell in session.cells:
                    awaited = Awaited(cell)
                    self._of_block.update({b.at: (b, awaited) for b in cell.blocks})
            return
        if missing:
            log.info("Running %d session(s), %d at a time", len(missing), WORKERS)
            left = iter(range(len(missing) - 1, -1, -1))
            # While the fork server imports torch, a core is free for who does not wait for it;
            # then those that ask for time come, then pages in the order in which they are rendered,
            # so that MkDocs can render the first ones meanwhile.
            missing.sort(key=lambda each: each[1].urgency, reverse=True)
            for title, session, futures in missing:
                self._waiting.put((title, session, futures, left))
        # Threads that die with the program: an interrupted build must not go on computing.
        while missing and len(self._workers) < WORKERS:
            self._workers.append(threading.Thread(target=self._work, daemon=True))
            self._workers[-1].start()

    def _work(self) -> None:
        while True:
            _complete(*self._waiting.get())

    def result(self, at: str) -> tuple[Block, dict]:
        """The block that stands at ``page:line``, and its result; waits for it."""
        block, future = self._of_block[at]
        return block, future.result()

    def digest(self, at: str) -> str:
        """What the result of a block says, when it ran apart, as a digest; waits for it."""
        future = self._of_block[at][1]
        if future not in self._digests:
            said = {name: value for name, value in future.result().items() if name != "ran"}
            self._digests[future] = store.digest(json.dumps(said, sort_keys=True))
        return self._digests[future]

    def blocks(self) -> list[Block]:
        """All blocks of all pages, each page's in order."""
        return [block for of_page in self._of_page.values() for block in of_page]

    def of(self, page: Path) -> list[Block]:
        """The blocks of a page, in order."""
        return self._of_page.get(page, [])

    def fails(self, page: Path) -> bool:
        """Whether a block of a page failed; waits for them."""
        return any("failure" in self.result(block.at)[1] for block in self.of(page))

    def failed(self) -> list[tuple[list[Block], dict]]:
        """The blocks that failed, each once for both languages, with their results."""
        results = [(blocks, future.result()) for blocks, future in self._cells]
        return [each for each in results if each[1].get("failure", "skipped") != "skipped"]


def _complete(title: str, session: Session, futures: list[Future], left) -> None:
    """Run a session and hand out its results as they come."""
    begun = before = time.perf_counter()
    try:
        for cell, future, (result, answer) in zip(
            session.cells, futures, run(session), strict=True
        ):
            now = time.perf_counter()
            at = datetime.now(UTC).isoformat(timespec="seconds")
            result["ran"] = {"at": at, "seconds": round(now - before, 3)}
            before = now
            if "failure" not in result and not FRESH:
                store.save(cell.key, cell.positions, answer, result)
            future.set_result(result)
        log.info(
            "%s: ran in %.1f s, %d to go",
            title,
            time.perf_counter() - begun,
            next(left),
        )
    except BaseException as error:  # whoever waits must learn of it
        for future in futures:
            if not future.done():
                future.set_exception(error)


def run(session: Session):
    """Run the cells of a session in a new process; yield each one's result and raw answer.

    A result is ``{"output", "error"}``, and ``"failure"`` (its kind) where the build must fail:
    ``source`` (nothing to run), ``raised``, ``lacking`` (a package that is not installed),
    ``missed`` (an expected exception), ``hung``, ``died``, ``flooded`` or ``skipped``.
    """
    scratch = Path(tempfile.mkdtemp(prefix="session-", dir=_scratch()))
    work = scratch / "work"
    work.mkdir()
    connection, process = _start(session, work)
    ended, lacks = False, None
    try:
        for number, cell in enumerate(session.cells, 1):
            if ended:
                yield {"output": "", "error": None, "failure": "skipped", "lacks": lacks}, {}
                continue
            if problems := [block.problem for block in cell.blocks if block.problem]:
                ended = not cell.view
                yield {"output": problems[0], "error": None, "failure": "source"}, {}
                continue
            output, hang = scratch / f"{number}.out", scratch / f"{number}.hang"
            request = {
                "code": cell.code,
                "name": f"<block {number}>",
                "view": cell.view,
                "timeout": cell.timeout,
                "output": str(output),
                "hang": str(hang),
            }
            answer = _ask(connection, request)
            result = _result(session, cell, answer, output, hang, str(work))
            if answer is None:
                process.join(5)
                result["exit"] = process.exitcode
            ended = "failure" in result and (answer is None or not cell.view)
            lacks = result.get("lacks")
            yield result, answer or {}
    finally:
        connection.close()
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
        shutil.rmtree(scratch, ignore_errors=True)


@cache
def _scratch() -> str:
    """A folder for all sessions of this program, gone when it ends."""
    folder = tempfile.mkdtemp(prefix="sessions-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _surroundings():
    """An environment for sessions that is the same on every machine; nobody else starts meanwhile."""
    with _starting:
        main, before = sys.modules["__main__"], dict(os.environ)
        # a session must not import the program that builds the site, whatever it is
        sys.modules["__main__"] = types.ModuleType("__main__")
        os.environ.update(ENVIRONMENT)
        try:
            if CAN_FORK:
                multiprocessing.set_forkserver_preload(["preload"])
            yield
        finally:
            sys.modules["__main__"] = main
            os.environ.clear()
            os.environ.update(before)


def prepare() -> None:
    """Have the fork server import torch while MkDocs starts, where all sessions must run."""
    if CAN_FORK and (FRESH or not store.FOLDER.exists()):
        with _surroundings():
            multiprocessing.forkserver.ensure_running()


def _start(session: Session, work: Path):
    """Start a process for a session."""
    fork = CAN_FORK and not session.is_fresh
    context = multiprocessing.get_context("forkserver" if fork else "spawn")
    ours, theirs = context.Pipe()
    with _surroundings():
        process = context.Process(
            target=session_main, args=(theirs, str(work), MEMORY), daemon=True
        )
        process.start()
    theirs.close()
    return ours, process


def _ask(connection, request: dict) -> dict | None:
    """Have one block run; None when the session died of it or did not answer."""
    try:
        connection.send_bytes(json.dumps(request).encode())
        # The session ends itself when the time is up; this waits a little longer for it.
        if connection.poll(request["timeout"] + 10):
            return json.loads(connection.recv_bytes())
    except (EOFError, OSError):
        pass
    return None


def _result(
    session: Session,
    cell: Cell,
    answer: dict | None,
    output: Path,
    hang: Path,
    work: str,
) -> dict:
    """Judge what came of a block."""
    raw = output.read_bytes() if output.exists() else b""
    printed = readable(raw[:OUTPUT].decode("utf-8", "replace"), work)
    expected = cell.blocks[0].options.get("raises")
    error = (answer or {}).get("error")
    result = {"output": printed, "error": error}
    where, lacks = (error.pop("where"), error.pop("lacks")) if error else (None, None)
    if answer is None or "died" in answer:
        trace = hang.read_text() if hang.exists() else ""
        result["failure"] = "hung" if trace else "died"
        result["exit"] = (answer or {}).get("died")
        if frame := re.search(r'"(<block \d+>)", line (\d+)', trace):
            where = frame[1], int(frame[2])
    elif len(raw) > OUTPUT:
        result["failure"] = "flooded"
    elif error and error["type"] != expected:
        result["failure"] = "lacking" if lacks else "raised"
        result["lacks"] = lacks
    elif expected and not error:
        result["failure"] = "missed"
    if error:
        error["traceback"] = readable(error["traceback"], work)
    if where and "failure" in result:
        lines = origins(session.cells[int(where[0][7:-1]) - 1].blocks[0].lines)
        if 0 < where[1] <= len(lines):
            line = lines[where[1] - 1]
            result["where"] = f"{relative(line.path)}:{line.number}"
    return result
