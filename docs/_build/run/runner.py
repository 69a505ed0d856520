"""Runs the sessions of pages: each in a process of its own, equal runs only once."""

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
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from run import store
from run.readable import readable
from run.session import main as session_main
from run.tasks import Session, Task, sessions
from sources import Block, Page, Value, origins, relative

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


class Runner:
    """Finds or makes the result of every block; one for the life of a build or a server."""

    def __init__(self, kept: store.Store) -> None:
        self._kept = kept
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._planned: list[tuple[Task, Future]] = []
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
                futures = [self._promise(task) for task in session.tasks]
                # A session's results come from one run, or its numbers might contradict each other.
                stored = [self._kept.load(task.key, task.positions) for task in session.tasks]
                if FRESH or not all(stored):
                    missing.append((f"{name}: {session.name}", session, futures))
                    continue
                for future, result in zip(futures, stored, strict=True):
                    future.set_result(result)
        if missing:
            log.info("Running %d session(s), %d at a time", len(missing), WORKERS)
        # While the fork server imports torch, a core is free for who does not wait for it; then
        # those that ask for time come, then pages in the order in which they are rendered.
        missing.sort(key=lambda each: each[1].urgency, reverse=True)
        left = iter(range(len(missing) - 1, -1, -1))
        for title, session, futures in missing:
            self._waiting.put((title, session, futures, left))
        # Threads that die with the program: an interrupted build must not go on computing.
        while missing and len(self._workers) < WORKERS:
            self._workers.append(threading.Thread(target=self._work, daemon=True))
            self._workers[-1].start()

    def _promise(self, task: Task) -> Future:
        future: Future = Future()
        self._planned.append((task, future))
        self._of_block |= {block.at: future for block in task.blocks}
        self._of_value |= {place: future for of in task.values.values() for place in of}
        return future

    def _work(self) -> None:
        while True:
            _complete(*self._waiting.get(), self._kept)

    def result(self, block: Block) -> dict:
        """The result of a block or figure; waits for it."""
        return self._of_block[block.at].result()

    def said(self, page: Path, value: Value) -> list[str]:
        """What a value in prose says, and, in second place, what is wrong with it."""
        result = self._of_value[page, value].result()
        return result.get("values", {}).get(value.source, ["", "the block above failed"])

    def failed(self) -> list[tuple[Task, dict]]:
        """What failed, each once for both languages, with its result; waits for all that runs."""
        results = [(task, future.result()) for task, future in self._planned]
        return [each for each in results if each[1].get("failure", "skipped") != "skipped"]


def _complete(title: str, session: Session, futures: list[Future], left, kept: store.Store):
    """Run a session and hand out its results as they come."""
    begun = before = time.perf_counter()
    try:
        made = zip(session.tasks, futures, run(session), strict=True)
        for task, future, (result, answer) in made:
            at, now = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
            result["ran"] = {"at": at, "seconds": round(now - before, 3)}
            before = now
            if "failure" not in result and not FRESH:
                kept.save(task.key, task.positions, answer, result)
            future.set_result(result)
        log.info("%s: ran in %.1f s, %d to go", title, before - begun, next(left))
    except BaseException as error:  # whoever waits must learn of it
        for future in futures:
            if not future.done():
                future.set_exception(error)


def run(session: Session) -> Iterator[tuple[dict, dict]]:
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
            request = _request(task, number, scratch)
            answer = _ask(connection, request)
            result = _result(session, task, answer, request, str(work))
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
    arguments = theirs, str(work), MEMORY
    with _surroundings():
        process = context.Process(target=session_main, args=arguments, daemon=True)
        process.start()
    theirs.close()
    return ours, process


def _request(task: Task, number: int, scratch: Path) -> dict:
    """What a session is asked (see `session.main`)."""
    request = {
        "code": task.code or "",
        "name": f"<block {number}>",
        "view": task.view,
        "timeout": task.timeout,
        "output": str(scratch / f"{number}.out"),
        "hang": str(scratch / f"{number}.hang"),
    }
    if figure := task.figure:
        request |= {"draw": figure.name, "language": figure.language}
    if task.values or figure:
        request["values"] = list(task.values)
    return request


def _ask(connection, request: dict) -> dict | None:
    """Have one block run; None when the session died of it or did not answer."""
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(json.dumps(request).encode())
        # The session ends itself when the time is up; this waits a little longer for it.
        if connection.poll(request["timeout"] + 10):
            return json.loads(connection.recv_bytes())
    return None


def _result(session: Session, task: Task, answer: dict | None, request: dict, work: str) -> dict:
    """Judge what came of a block."""
    output, hang = Path(request["output"]), Path(request["hang"])
    raw = output.read_bytes() if output.exists() else b""
    expected = task.blocks[0].options.get("raises") if task.blocks else None
    told = answer or {"died": None}
    error = told.get("error")
    result = {"output": readable(raw[:OUTPUT].decode("utf-8", "replace"), work), "error": error}
    result |= {name: told[name] for name in ("values", "made") if name in told}
    where, lacks = (error.pop("where"), error.pop("lacks")) if error else (None, None)
    if "died" in told:
        trace = hang.read_text() if hang.exists() else ""
        result["failure"], result["timeout"] = "hung" if trace else "died", f"{task.timeout:g}"
        result["exit"] = told["died"]
        if frame := re.search(r'"(<block \d+>)", line (\d+)', trace):
            where = frame[1], int(frame[2])
    elif len(raw) > OUTPUT:
        result["failure"] = "flooded"
    elif error and error["type"] != expected:
        result["failure"], result["lacks"] = "lacking" if lacks else "raised", lacks
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
