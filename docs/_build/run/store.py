"""Results of blocks on disk, by content. An entry is data, and is checked whenever it is read.

A block's key is made from the code of its session so far, as syntax trees: neither comments nor
prose nor the page's language count. What the run imported and read is only known afterwards, so
an entry lists those files and versions, and holds only as long as all of them are unchanged.

Looked at before writing this: markdown-exec (no cache; asked for since 2022), mkdocs-jupyter and
jupyter-cache (whole notebooks, keyed by code alone), mkdocs-gallery and sphinx-gallery (by file
hash), joblib.Memory and diskcache (pickle). None keys by what a run imported, and pickles may lie.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import platform
import sys
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sources import ROOT

FOLDER = Path(os.environ.get("BLOCK_CACHE", ROOT / ".cache" / "blocks"))
LIMIT = 256 * 2**20  # bytes kept on disk; the entries longest unused go first
# Part of every key: entries of another layout, Python or machine are never found.
SEED = f"2 {sys.implementation.cache_tag} {platform.python_version()} {platform.machine()}"
log = logging.getLogger("mkdocs.blocks")


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _tree(code: str, positions: bool) -> str:
    try:
        return digest(ast.dump(ast.parse(code), include_attributes=positions))
    except (SyntaxError, ValueError):
        return digest("no tree", code)


@cache
def distribution(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def content(name: str) -> str | None:
    """The digest of a file of this repository, None where there is none."""
    path = ROOT / name
    try:
        return _content(path, path.stat().st_mtime_ns, path.stat().st_size)
    except OSError:
        return None


@cache
def _content(path: Path, _mtime: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Store:
    """Entries on disk; whoever serves holds them in memory, too, since each edit wants the same ones.

    Args:
        stay: whether to hold them.
    """

    def __init__(self, stay: bool = False) -> None:
        self._warned: set[str] = set()
        self._at_hand: dict[str, dict] | None = {} if stay else None
        self._trees = FOLDER / "trees" / f"{digest(SEED)}.json"
        self._known: dict[str, str] | None = None  # the trees of the last build
        self._used: dict[str, str] = {}

    def tree(self, code: str, positions: bool = False) -> str:
        """The digest of code as a syntax tree; docstrings count, comments and layout do not.

        With ``positions``, line and column numbers count too: a traceback shows them. It follows
        from the code alone, so it is kept from build to build, in one file for all code.
        """
        if self._known is None:
            self._known = self._read(self._trees) or {}
        key = digest(code, str(positions))
        if key not in self._used:
            self._used[key] = self._known.get(key) or _tree(code, positions)
        return self._used[key]

    def fetch(self, key: str) -> dict | None:
        """What was kept under a key, or None unless it is whole."""
        if self._at_hand and key in self._at_hand:
            return self._at_hand[key]
        path = _path(key)
        entry = self._read(path)
        if entry is None:
            return None
        if entry.get("key") != key:
            self._damaged(path)
            return None
        if self._at_hand is not None:
            self._at_hand[key] = entry
        return entry

    def keep(self, key: str, entry: dict) -> None:
        """Keep data under a key that says all that it follows from."""
        entry = entry | {"key": key}
        if self._at_hand is not None:
            self._at_hand[key] = entry
        self._write(_path(key), entry)

    def load(self, key: str, positions: str) -> dict | None:
        """A stored result, or None unless the entry is whole and all that it rests on unchanged."""
        entry = self.fetch(key)
        unchanged = (
            entry is not None
            and entry["positions"] in (None, positions)
            and all(content(name) == was for name, was in entry["files"].items())
            and all(distribution(name) == was for name, was in entry["distributions"].items())
        )
        return entry["result"] if unchanged else None

    def save(self, key: str, positions: str, answer: dict, result: dict) -> None:
        """Store a result, with the files and versions that it rests on."""
        entry = {
            "positions": positions if "<stdin>" in json.dumps(result) else None,
            "files": {name: content(name) for name in answer["files"]},
            "distributions": {name: distribution(name) for name in answer["distributions"]},
            "result": result,
        }
        self.keep(key, entry)

    def finish(self) -> None:
        """At the end of a build: keep the trees, remove the entries longest unused past the limit."""
        if self._used.keys() - (self._known or {}).keys():
            self._known = dict(self._used)
            self._write(self._trees, self._known)
        entries = []
        for path in FOLDER.glob("*/*"):
            try:
                entries.append((path.stat().st_mtime_ns, path.stat().st_size, path))
            except OSError:
                continue
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= LIMIT:
                return
            _quietly(os.unlink, path)
            total -= size

    def _read(self, path: Path) -> dict | None:
        """Read a file that `_write` wrote, or None where it is not there or not whole."""
        try:
            checksum, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() == checksum:
                _quietly(os.utime, path)  # what is used stays young
                return json.loads(body)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.debug("%s: %s", path, error)
        self._damaged(path)
        return None

    def _write(self, path: Path, data: dict) -> None:
        """Write a file whole or not at all; a disk that refuses is warned about once."""
        body = json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                os.replace(name, path)
            except BaseException:
                _quietly(os.unlink, name)
                raise
        except OSError as error:
            problem = f"cannot be written ({error.strerror}); building on without it"
            self._warn("write", f"{FOLDER}: {problem}")

    def _damaged(self, path: Path) -> None:
        self._warn("read", f"{path}: damaged or foreign cache entry; doing its work again")

    def _warn(self, about: str, message: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            log.warning(message)


def _path(key: str) -> Path:
    return FOLDER / key[:2] / f"{key}.json"


def _quietly(function, *arguments) -> None:
    try:
        function(*arguments)
    except OSError as error:
        log.debug("%s: %s", arguments, error)
