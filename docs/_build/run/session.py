"""The inside of a session: a process that runs the blocks of one page, one after the other.

It is forked from a server that has imported torch already. Requests and answers are JSON over a
pipe; what a block prints goes to a file, so that output survives whatever the block does.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import linecache
import os
import sys
import tempfile
import traceback
import types
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from inspect import signature
from pathlib import Path

from run.readable import OWN
from sources import ROOT, parsed


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

    with contextlib.suppress(EOFError):
        while True:
            request = json.loads(connection.recv_bytes())
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
def preloaded() -> tuple[frozenset[str], dict[str, set[str]]]:
    """The modules imported when this is first called, before a session begins, and their origins."""
    names = frozenset(sys.modules)
    return names, _of_modules(names)


def _of_modules(names: Iterable[str]) -> dict[str, set[str]]:
    """The files of this repository and the distributions that modules come from."""
    files: set[str] = set()
    for name in names:
        _note(files, getattr(sys.modules.get(name), "__file__", None), "r")
    tops = {name.partition(".")[0] for name in names}
    return {"files": files, "distributions": {of for top in tops for of in owners().get(top, ())}}


def _rests_on(files: set[str]) -> dict[str, list[str]]:
    """What a session has used so far: ``files`` that it read, and what its modules come from."""
    names, before = preloaded()
    since = _of_modules(sys.modules.keys() - names)
    since["files"] |= files
    return {kind: sorted(before[kind] | since[kind]) for kind in since}


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
                exec(compile(request["code"], name, "exec", dont_inherit=True), namespace)
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
            code = compile(parsed(source), "<value>", "eval", dont_inherit=True)
            found[source] = [eval(code, namespace)]
        except Exception as error:
            found[source] = ["", "".join(traceback.format_exception_only(error)).strip()]
    return found


def _draw(request: dict, namespace: dict) -> dict:
    """Have a function draw a figure from names of the session; what it returns are more values."""
    from draw import Drawing

    module = {"__name__": "figures"}
    exec(compile(request["code"], request["name"], "exec", dont_inherit=True), module)
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
    said = Path(request["output"]).with_suffix(".json")
    child = os.fork()
    if child == 0:
        said.write_text(json.dumps(_run(request, namespace, scratch, files)))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if said.exists():
        return json.loads(said.read_text())
    return {"died": os.waitstatus_to_exitcode(status)}


def _capture(path: str) -> None:
    """Point the process's output and errors, in order, at a file, whatever was done to them."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(target, descriptor)
        by_line = os.fdopen(descriptor, "w", 1, "utf-8", "backslashreplace", closefd=False)
        setattr(sys, name, by_line)
    os.close(target)


def _described(error: BaseException) -> dict:
    """What a reader's terminal would show of an exception, and the line that raised it."""
    described = each = traceback.TracebackException.from_exception(error)
    while each:  # a reader's first frame is of a block; what is above it is ours
        own = [number for number, frame in enumerate(each.stack) if OWN.fullmatch(frame.filename)]
        del each.stack[: own[0] if own else 0]
        each = each.__cause__ or each.__context__
    places = [(frame.filename, frame.lineno) for frame in described.stack]
    if isinstance(error, SyntaxError):  # it never ran, so no frame is there
        places.append((error.filename or "", error.lineno))
    where = [place for place in places if OWN.fullmatch(place[0])]
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(described.format()),
        "where": where[-1] if where else None,
        "lacks": error.name if isinstance(error, ModuleNotFoundError) else None,
    }
