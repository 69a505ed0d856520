"""The inside of a session: a process that runs the blocks of one page, one after the other.

It is forked from a server that has imported torch already. Requests and answers are JSON over a
pipe; what a block prints goes to a file, so that output survives whatever the block does.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import linecache
import os
import re
import sys
import sysconfig
import tempfile
import traceback
import types
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from inspect import signature

from sources import ROOT, parsed

# Where packages and the standard library lie on this machine, which is nobody else's business.
INSTALLED = sorted({sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}, key=len)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Frames below a reader's first line, where a library prints the whole stack by itself.
OURS = re.compile(
    r'(?m)^ *File "(?:<string>|[^"]*/multiprocessing/[^"]*|[^"]*/docs/_build/[^"]*)", line \d+.*\n'
    r'(?: {4,}(?!File ").*\n)*'
)
OWN = re.compile(r"<block \d+>")


def main(connection, scratch: str, memory: int) -> None:
    """Run blocks until the other end of the pipe closes.

    Args:
        connection: a duplex pipe; receives for each block ``{"code", "name", "view", "timeout"}``,
            for values ``"values"`` in place of code, for a figure ``"draw"`` and ``"language"``, too.
        scratch: an empty folder, this session's working and temporary directory.
        memory: how many bytes of address space the session may use; 0 for no limit.
    """
    with contextlib.suppress(OSError):
        os.setsid()  # so that the session and all that it starts can be ended together
    if memory:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
    os.chdir(scratch)
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), scratch))
    tempfile.tempdir = None  # the fork server has looked already, before there was this folder
    os.environ.pop("PYTHONPATH", None)  # programs that a block starts see what a reader's would
    files: set[str] = set()
    sys.addaudithook(lambda event, args: event == "open" and _note(files, args[0], args[1]))
    shown = types.ModuleType("__main__")
    shown.__builtins__ = __builtins__
    sys.modules["__main__"] = shown
    sys.argv[:] = [""]

    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        answer = (_fork if request["view"] else _run)(request, shown.__dict__, scratch, files)
        connection.send_bytes(json.dumps(answer).encode())


def _note(files: set[str], path: object, mode: object) -> None:
    """Remember a file of this repository that the session reads."""
    if isinstance(path, (str, os.PathLike)) and "w" not in str(mode or "r"):
        full = os.path.abspath(path)
        inside = full.startswith(f"{ROOT}{os.sep}") and not full.endswith(".pyc")
        if inside and os.path.isfile(full) and f"{os.sep}." not in full[len(str(ROOT)) :]:
            files.add(os.path.relpath(full, ROOT))


# Reading the metadata of all that is installed takes long; the fork server does it for everybody.
owners = cache(packages_distributions)


@cache
def preloaded() -> tuple[frozenset[str], set[str], set[str]]:
    """The names, files and distributions of the modules imported when this is first called."""
    names, files = frozenset(sys.modules), set()
    return names, files, _look_at(names, files)


def _look_at(names: Iterable[str], files: set[str]) -> set[str]:
    """The distributions of modules by name; what belongs to this repository goes to ``files``."""
    for name in names:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str) and path.startswith(str(ROOT)):
            _note(files, path, "r")
    tops = {name.partition(".")[0] for name in names}
    return {owner for top in tops for owner in owners().get(top, ())}


def _rests_on(files: set[str]) -> dict:
    """The files of this repository and the distributions that a session has used so far."""
    names, of_server, used = preloaded()
    files |= of_server
    used = used | _look_at(sys.modules.keys() - names, files)
    return {"files": sorted(files), "distributions": sorted(used)}


def _run(request: dict, namespace: dict, scratch: str, files: set[str]) -> dict:
    """Run one block in the session's namespace; everything that it prints goes to the file."""
    me = os.getpid()
    _capture(request["output"])
    name = request["name"]
    lines = [f"{line}\n" for line in request["code"].split("\n")]
    # No modification time: checkcache() leaves the entry alone.
    linecache.cache[name] = (len(request["code"]), None, lines, name)
    error, given = None, {}
    with open(request["hang"], "w") as hang:
        faulthandler.dump_traceback_later(request["timeout"], exit=True, file=hang)
        try:
            if "draw" in request:
                given = _draw(request, namespace)
            elif request["code"]:
                exec(compile(request["code"], name, "exec"), namespace)
            if "values" in request:
                given["values"] = _values(request["values"], {**namespace, **given.pop("also", {})})
        except BaseException as exception:
            error = _described(exception)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        if os.getpid() != me:  # the block forked, and this is the child: its work ends here
            os._exit(0)
        faulthandler.cancel_dump_traceback_later()
    os.chdir(scratch)
    return {"error": error, **given, **_rests_on(files)}


def _values(sources: list[str], namespace: dict) -> dict[str, list[str]]:
    """Of each value in prose what it says, or, in second place, what is wrong with it."""
    found = {}
    for source in sources:
        try:
            found[source] = [eval(compile(parsed(source), "<value>", "eval"), namespace)]
        except Exception as error:
            found[source] = ["", "".join(traceback.format_exception_only(error)).strip()]
    return found


def _draw(request: dict, namespace: dict) -> dict:
    """Have a function draw a figure from names of the session; what it returns are more values."""
    from draw import Drawing

    module = {"__name__": "figures"}
    exec(compile(request["code"], request["name"], "exec"), module)
    function, drawing = module[request["draw"]], Drawing(request["language"])
    names = list(signature(function).parameters)[1:]
    if lacking := [name for name in names if name not in namespace]:
        raise NameError(
            f"figure '{request['draw']}' asks for {', '.join(lacking)}, which the session has not"
        )
    also = function(drawing, **{name: namespace[name] for name in names})
    return {"made": drawing.made, "also": also or {}}


def _fork(request: dict, namespace: dict, scratch: str, files: set[str]) -> dict:
    """Run a view in a copy of the session, so that it cannot change what later blocks see."""
    if not hasattr(os, "fork"):
        return _run(request, dict(namespace), scratch, files)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        answer = _run(request, namespace, scratch, files)
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"died": os.waitstatus_to_exitcode(status)}


def _capture(path: str) -> None:
    """Point the process's output and errors, in order, at a file, whatever was done to them."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.close(target)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(descriptor, "w", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw),
            "utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, stream)


def _described(error: BaseException) -> dict:
    """What a reader's terminal would show of an exception, and the line that raised it."""
    chain, seen = [error], {id(error)}
    while following := (chain[-1].__cause__ or chain[-1].__context__):
        if id(following) in seen:
            break
        seen.add(id(following))
        chain.append(following)
    for exception in chain:
        frame = exception.__traceback__
        while frame and not OWN.fullmatch(frame.tb_frame.f_code.co_filename):
            frame = frame.tb_next
        exception.__traceback__ = frame or exception.__traceback__
    described = traceback.TracebackException.from_exception(error)
    here = [frame for frame in described.stack if OWN.fullmatch(frame.filename)]
    where = (here[-1].filename, here[-1].lineno) if here else None
    if isinstance(error, SyntaxError) and OWN.fullmatch(error.filename or ""):
        where, described.stack = (
            (error.filename, error.lineno),
            traceback.StackSummary(),
        )
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(described.format()),
        "where": where,
        "lacks": error.name if isinstance(error, ModuleNotFoundError) else None,
    }


def readable(output: str, scratch: str) -> str:
    """Output as a reader's own terminal would show it: nothing of the machine that built it."""
    output = OURS.sub("", output)
    output = OWN.sub("<stdin>", COLOURS.sub("", output)).replace(scratch, "...")
    for folder in reversed(INSTALLED):
        output = output.replace(folder, "...")
    return output.replace(f"{ROOT}{os.sep}", "")
