"""Runs the blocks of pages: each session in a process of its own, equal runs only once.

The two languages of a page share a session as long as the code that they show is the same; their
figures, the values of their prose and their hidden blocks look at it without changing it.
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
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from run import store
from run.session import main as session_main
from run.session import readable
from sources import Block, Figure, Page, Prose, Value, in_language, origins, relative

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
    "PYTHONPATH": str(Path(__file__).parents[1]),
}
log = logging.getLogger("mkdocs.blocks")
_starting = threading.Lock()


@dataclass
class Task:
    """What a session does at a time: run a block, draw a figure, or say the values of prose.

    Attributes:
        blocks: the block or figure, of one or both languages; none for values.
        code: what is run, None for values; `view`: whether it only looks at the session.
        values: for each value's source, the pages and values that say it.
    """

    blocks: list[Block]
    code: str | None
    view: bool
    values: dict[str, list[tuple[Path, Value]]] = field(default_factory=dict)
    key: str = ""
    positions: str = ""

    @property
    def timeout(self) -> float:
        return max([float(b.options.get("timeout", TIMEOUT)) for b in self.blocks] or [TIMEOUT])

    @property
    def at(self) -> str:
        places = [block.at for block in self.blocks]
        places += [f"{relative(p)}:{v.line}" for of in self.values.values() for p, v in of]
        return ", ".join(dict.fromkeys(places))


@dataclass
class Session:
    """The tasks of one session, in the order in which they run."""

    name: str
    tasks: list[Task] = field(default_factory=list)

    @property
    def is_fresh(self) -> bool:
        """Whether it must not share a process with torch, which the fork server has imported."""
        return any(
            block.options.get("process") == "fresh" for task in self.tasks for block in task.blocks
        )

    @property
    def urgency(self) -> tuple[bool, float]:
        return self.is_fresh, max(task.timeout for task in self.tasks)


@dataclass
class Stage:
    """A block that goes on with a session, and all that looks at the session behind it."""

    step: Block | None
    views: list[Block] = field(default_factory=list)
    values: dict[str, list[tuple[Path, Value]]] = field(default_factory=dict)


def sessions(twins: dict[str, Page], kept: store.Store) -> list[Session]:
    """Arrange what a page runs, by language, into sessions; equal code is shared.

    Args:
        twins: for each language, its page.
        kept: knows the syntax trees of all code.
    """
    arranged: dict[str, dict[str, list[Stage]]] = {}
    for language, page in twins.items():
        for cell in page.cells:
            if cell.session is None:
                continue
            stages = arranged.setdefault(cell.session, {}).setdefault(language, [Stage(None)])
            if isinstance(cell, Prose):
                for value in cell.values:
                    stages[-1].values.setdefault(value.source, []).append((page.path, value))
            elif cell.is_view:
                stages[-1].views.append(cell)
            else:
                stages.append(Stage(cell))
    result = []
    for name, by_language in arranged.items():
        variants = list(by_language.values())
        if len(variants) == 2 and _steps(variants[0], kept) == _steps(variants[1], kept):
            together = [list(zip(*variants, strict=True))]
        else:
            together = [[(stage,) for stage in stages] for stages in variants]
        for stages in together:
            if tasks := [task for stage in stages for task in _tasks(stage)]:
                _key(tasks, kept)
                result.append(Session(name, tasks))
    return result


def _steps(stages: list[Stage], kept: store.Store) -> list[tuple]:
    return [
        (kept.tree(in_language(step.code, "en")), step.options.get("raises"))
        for step in (stage.step for stage in stages)
        if step
    ]


def _tasks(stages: tuple[Stage, ...]) -> Iterator[Task]:
    """The tasks of a stage of one language, or of both: one step, then everybody's views."""
    if steps := [stage.step for stage in stages if stage.step]:
        yield Task(steps, in_language(steps[0].code, "en"), False)
    said: dict[str, list[tuple[Path, Value]]] = {}
    for stage in stages:
        for source, places in stage.values.items():
            said.setdefault(source, []).extend(places)
    if said:
        yield Task([], None, True, said)
    for view in (view for stage in stages for view in stage.views):
        values = view.alt.values if isinstance(view, Figure) else []
        of_alt = {value.source: [(view.page, value)] for value in values}
        yield Task([view], in_language(view.code, "en"), True, of_alt)


def _key(tasks: list[Task], kept: store.Store) -> None:
    """Give each task the key of the session's code so far; views do not count for later tasks."""
    chain, lines = store.SEED, ""
    for task in tasks:
        kind = "view" if task.view else "step"
        if figure := _figure(task):
            kind = f"figure {figure.name} {figure.language}"
        code = kept.tree(task.code or "")
        task.key = store.digest(chain, kind, code, *sorted(task.values))
        task.positions = store.digest(lines, kept.tree(task.code or "", True))
        if not task.view:
            chain, lines = task.key, task.positions


def _figure(task: Task) -> Figure | None:
    (first,) = task.blocks[:1] or [None]
    return first if isinstance(first, Figure) else None


class Runner:
    """Finds or makes the result of every block; one for the life of a build or a server."""

    def __init__(self, kept: store.Store) -> None:
        self._kept = kept
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._planned: list[tuple[Session, list[Future]]] = []
        self._of_block: dict[str, Future] = {}
        self._of_value: dict[tuple[Path, Value], Future] = {}

    def plan(self, found: dict[str, dict[str, Page]]) -> None:
        """Take all pages, and start every session that lacks a result, side by side.

        Args:
            found: each page by name and language (`sources.survey`).
        """
        self._planned, self._of_block, self._of_value = [], {}, {}
        missing = []
        with contextlib.suppress(queue.Empty):  # what an older plan no longer needs
            while True:
                self._waiting.get_nowait()
        for name, twins in found.items():
            for session in sessions(twins, self._kept):
                futures = [Future() for _ in session.tasks]
                self._planned.append((session, futures))
                for task, future in zip(session.tasks, futures, strict=True):
                    self._of_block |= {block.at: future for block in task.blocks}
                    places = (place for of in task.values.values() for place in of)
                    self._of_value |= dict.fromkeys(places, future)
                # A session's results come from one run, or its numbers might contradict each other.
                stored = (
                    [] if FRESH else [self._kept.load(c.key, c.positions) for c in session.tasks]
                )
                if stored and all(stored):
                    for future, result in zip(futures, stored, strict=True):
                        future.set_result(result)
                else:
                    missing.append((f"{name}: {session.name}", session, futures))
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
            _complete(*self._waiting.get(), self._kept)

    def result(self, block: Block) -> dict:
        """The result of a block or figure; waits for it."""
        return self._of_block[block.at].result()

    def said(self, page: Path, value: Value) -> list[str]:
        """What a value in prose says, and, in second place, what is wrong with it."""
        result = self._of_value[page, value].result()
        unknown = ["", "the block above failed"]
        return result.get("values", {}).get(value.source, unknown)

    def failed(self) -> list[tuple[Task, dict]]:
        """What failed, each once for both languages, with its result; waits for all that runs."""
        results = [
            (task, future.result())
            for session, futures in self._planned
            for task, future in zip(session.tasks, futures, strict=True)
        ]
        return [each for each in results if each[1].get("failure", "skipped") != "skipped"]


def _complete(title: str, session: Session, futures: list[Future], left, kept: store.Store):
    """Run a session and hand out its results as they come."""
    begun = before = time.perf_counter()
    try:
        for task, future, (result, answer) in zip(
            session.tasks, futures, run(session), strict=True
        ):
            now = time.perf_counter()
            at = datetime.now(UTC).isoformat(timespec="seconds")
            result["ran"] = {"at": at, "seconds": round(now - before, 3)}
            before = now
            if "failure" not in result and not FRESH:
                kept.save(task.key, task.positions, answer, result)
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
    """Run the tasks of a session in a new process; yield each one's result and raw answer.

    A result is ``{"output", "error"}``, and ``"failure"`` (its kind) where the build must fail:
    ``source`` (nothing to run), ``raised``, ``lacking`` (a package that is not installed),
    ``missed`` (an expected exception), ``value`` (one in prose cannot be said), ``hung``, ``died``,
    ``flooded`` or ``skipped``. A figure has ``"made"`` (`draw.Drawing`), prose has ``"values"``.
    """
    scratch = Path(tempfile.mkdtemp(prefix="session-", dir=_scratch()))
    work = scratch / "work"
    work.mkdir()
    connection, process = _start(session, work)
    ended, lacks = False, None
    try:
        for number, task in enumerate(session.tasks, 1):
            if ended:
                yield {"output": "", "error": None, "failure": "skipped", "lacks": lacks}, {}
                continue
            if problems := [block.problem for block in task.blocks if block.problem]:
                ended = not task.view
                yield {"output": problems[0], "error": None, "failure": "source"}, {}
                continue
            output, hang = scratch / f"{number}.out", scratch / f"{number}.hang"
            request = {
                "code": task.code or "",
                "name": f"<block {number}>",
                "view": task.view,
                "timeout": task.timeout,
                "output": str(output),
                "hang": str(hang),
            }
            if figure := _figure(task):
                request |= {"draw": figure.name, "language": figure.language}
            if task.values or figure:
                request["values"] = list(task.values)
            answer = _ask(connection, request)
            result = _result(session, task, answer, output, hang, str(work))
            if answer is None:
                process.join(5)
                result["exit"] = process.exitcode
            ended = "failure" in result and (answer is None or not task.view)
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
                multiprocessing.set_forkserver_preload(["run.preload"])
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
    task: Task,
    answer: dict | None,
    output: Path,
    hang: Path,
    work: str,
) -> dict:
    """Judge what came of a block."""
    raw = output.read_bytes() if output.exists() else b""
    printed = readable(raw[:OUTPUT].decode("utf-8", "replace"), work)
    expected = task.blocks[0].options.get("raises") if task.blocks else None
    error = (answer or {}).get("error")
    result = {"output": printed, "error": error}
    result |= {name: answer[name] for name in ("values", "made") if name in (answer or {})}
    where, lacks = (error.pop("where"), error.pop("lacks")) if error else (None, None)
    if answer is None or "died" in answer:
        trace = hang.read_text() if hang.exists() else ""
        result["failure"], result["timeout"] = "hung" if trace else "died", f"{task.timeout:g}"
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
    elif any(len(said) > 1 for said in result.get("values", {}).values()):
        result["failure"] = "value"
    if error:
        error["traceback"] = readable(error["traceback"], work)
    if where and "failure" in result:
        blocks = session.tasks[int(where[0][7:-1]) - 1].blocks
        lines = origins(blocks[0].lines) if blocks else []
        if 0 < where[1] <= len(lines):
            line = lines[where[1] - 1]
            result["where"] = f"{relative(line.path)}:{line.number}"
    return result
