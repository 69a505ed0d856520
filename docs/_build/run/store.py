"""Results of blocks on disk, by content. An entry is data, and is checked whenever it is read.

A block's key is made from the code of its session so far, as syntax trees: neither comments nor
prose nor the page's language count. What the run imported and read is only known afterwards, so
an entry lists those files and versions, and holds only as long as all of them are unchanged.

Looked at before writing this: markdown-exec (no cache), jupyter-cache (whole notebooks, by code
alone), sphinx-gallery (by file), joblib.Memory and diskcache (pickles, which may lie). None keys by
what a run imported. One database for all would want the same checksums, and lose more to a bad byte.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import platform
import sys
from collections.abc import Iterable
from contextlib import suppress
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
    """A name for data that the same parts alone have."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def distribution(name: str) -> str | None:
    """The version of what is installed under a name, None where nothing is."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def content(name: str) -> str | None:
    """The digest of a file of this repository, None where there is none."""
    with suppress(OSError):
        seen = (ROOT / name).stat()
        return _content(ROOT / name, seen.st_mtime_ns, seen.st_size)
    return None


@cache
def _content(path: Path, _mtime: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _now(files: Iterable[str], distributions: Iterable[str]) -> dict:
    """What a run rests on, as it is now."""
    versions = {name: distribution(name) for name in distributions}
    return {"files": {name: content(name) for name in files}, "distributions": versions}


class Store:
    """Entries on disk, and from then on in memory: each edit that a server sees wants the same ones."""

    def __init__(self) -> None:
        self._at_hand: dict[str, dict] = {}
        self._warn = cache(log.warning)  # each once: what befalls one entry befalls others
        self._trees: dict[str, str] = {}  # of all code of this build, and of the last one
        self._known = (self.fetch(digest(SEED)) or {}).get("trees", {})

    def tree(self, code: str, positions: bool = False) -> str:
        """The digest of code as a syntax tree; docstrings count, comments and layout do not.

        With ``positions``, line and column numbers count too: a traceback shows them. It follows
        from the code alone, so it is kept from build to build, in one entry for all code.
        """
        key = digest(code, str(positions))
        if key not in self._trees:
            self._trees[key] = self._known.get(key) or _syntax(code, positions)
        return self._trees[key]

    def fetch(self, key: str) -> dict | None:
        """What was kept under a key, or None unless it is whole."""
        path = FOLDER / f"{key}.json"
        if key not in self._at_hand:
            with suppress(OSError):  # not there, or not to be read: it is made anew
                checksum, _, text = path.read_text("ascii", "replace").partition("\n")
                entry = json.loads(text) if checksum == digest(text) else {}
                if entry.get("key") != key:
                    self._warn("%s: a damaged or foreign cache entry; doing its work again", FOLDER)
                    return None
                self._at_hand[key] = entry
                os.utime(path)  # what is used stays young
        return self._at_hand.get(key)

    def keep(self, key: str, entry: dict) -> None:
        """Keep data under a key that says all that it follows from: on disk whole or not at all."""
        self._at_hand[key] = entry | {"key": key}
        text = json.dumps(self._at_hand[key])
        new = FOLDER / f"{key}.{os.getpid()}"  # where no other build writes
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            new.write_text(f"{digest(text)}\n{text}", "ascii")
            new.replace(FOLDER / f"{key}.json")
        except OSError as error:
            self._warn("%s cannot be written (%s); building on without it", FOLDER, error.strerror)
        finally:
            with suppress(OSError):  # it has its name, or is cut off
                new.unlink()

    def load(self, key: str, positions: str) -> dict | None:
        """A stored result, or None unless the entry is whole and all that it rests on unchanged."""
        entry = self.fetch(key)
        if entry is None or entry["positions"] not in (None, positions):
            return None
        now = _now(entry["files"], entry["distributions"])
        return entry["result"] if entry == entry | now else None

    def save(self, key: str, positions: str, answer: dict, result: dict) -> None:
        """Store a result, with the files and versions that it rests on."""
        shows = positions if "<stdin>" in json.dumps(result) else None
        now = _now(answer["files"], answer["distributions"])
        self.keep(key, {"positions": shows, "result": result} | now)

    def finish(self) -> None:
        """At the end of a build: keep the trees, remove the entries longest unused past the limit."""
        if self._trees.keys() - self._known.keys():
            self._known = dict(self._trees)
            self.keep(digest(SEED), {"trees": self._known})
        entries, total = [], 0
        with suppress(OSError):  # another build may be removing them, too
            for path in FOLDER.rglob("*.*"):
                entries.append((path.stat().st_mtime_ns, path.stat().st_size, path))
            for _, size, path in sorted(entries, reverse=True):
                total += size
                if total > LIMIT:
                    path.unlink()


def _syntax(code: str, positions: bool) -> str:
    try:
        return digest(ast.dump(ast.parse(code), include_attributes=positions))
    except (SyntaxError, ValueError):
        return digest("no tree", code)
