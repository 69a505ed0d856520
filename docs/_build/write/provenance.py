"""Where every result comes from: told above each output, folded, and in ``provenance.json``.

Pages carry only what follows from the sources; when each block ran, and for how long, stands in
``provenance.json`` alone, so that pages stay the same from build to build.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from sources import ROOT, Block, Figure, Page, in_language, relative
from write.packages import PACKAGES, version

IMPORT = re.compile(r"(?m)^\s*(?:import|from)\s+(\w+)")
SEED = re.compile(
    r"\b(?:manual_seed|set_seed|seed|Random|default_rng)\((\d+)\)|(?:random_state|seed)=(\d+)"
)
WORDS = {
    "zh": {
        "origin": "出处",
        "line": "第 {} 行",
        "and": "、",
        "commit": "提交 {}",
        "tests": "测试：{}",
        "seed": "随机种子：{}",
        "none": "没有设",
        "ran": "运行记录",
    },
    "en": {
        "origin": "Origin",
        "line": "line {}",
        "and": ", ",
        "commit": "commit {}",
        "tests": "tests: {}",
        "seed": "seed: {}",
        "none": "none set",
        "ran": "when it ran",
    },
}


class Origins:
    """The origins of all results of a build.

    Args:
        repository: its address, or an empty string.
    """

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.commit, self.is_changed = commit()
        self.shipped = shipped()
        self._records: dict[str, dict] = {}

    def of_page(self, page: Page, results: Any, root: str) -> dict[str, str]:
        """Note where a page's results come from; give what is told of each block, as HTML.

        Args:
            results: has the results of its blocks; `root`: the way to the site's home.
        """
        so_far: dict[str, tuple[set[int], set[str]]] = {}  # of a session its seeds and imports
        told = {}
        for block in page.blocks:
            code = in_language(block.code, page.language)
            seeds, used = so_far.get(block.session, (set(), set()))
            new_seeds, new_imports = _said(code)
            seeds, used = seeds | new_seeds, used | new_imports
            if not block.is_view:
                so_far[block.session] = seeds, used
            kind = "figure" if block.options.get("html") else "text" if block.is_view else "output"
            record = {
                "page": relative(page.path),
                "line": block.line,
                "session": block.session,
                "kind": kind,
                "source": _places(block),
                "tests": list(_tests(block)),
                "seeds": sorted(seeds),
                "versions": _versions(frozenset(used)),
            }
            told[block.at] = self._told(record, page.language, root, isinstance(block, Figure))
            self._records[block.at] = record | results.result(block).get("ran", {})
        return told

    def _told(self, record: dict, language: str, root: str, is_figure: bool) -> str:
        """One line: the places in the sources, the tests, the seeds, the versions."""
        words = WORDS[language]
        places = words["and"].join(
            self.link(root, f"{escape(at['file'])} {words['line'].format(_range(at))}", **at)
            for at in record["source"]
        )
        tests = words["and"].join(self.link(root, escape(t), t) for t in record["tests"])
        seeds = words["and"].join(map(str, record["seeds"])) or words["none"]
        versions = words["and"].join(f"{name} {of}" for name, of in record["versions"].items())
        parts = [
            places,
            tests and words["tests"].format(tests),
            words["seed"].format(seeds),
            versions,
        ]
        parts.append(f'<a href="{root}provenance.json">{words["ran"]}</a>')
        line = "\N{NO-BREAK SPACE}· ".join(filter(None, parts))
        if is_figure:  # it stands below the figure's table, which is folded already
            return f'<p class="origin">{line}</p>'
        summary = f"<summary>{words['origin']}</summary>"
        return f'<details class="_ origin" data-search-exclude>{summary}<p>{line}</p></details>'

    def link(
        self, root: str, text: str, file: str, first: int | str = "", last: int | str = ""
    ) -> str:
        """Text that names a file of the repository, as a link to its lines at the commit where the
        repository's address is known, else to the copy in the site."""
        text = text.replace("_", "_<wbr>")  # long on a phone: it breaks between words
        if urlparse(self.repository).netloc == "github.com" and self.commit and not self.is_changed:
            lines = f"#L{first}-L{last}" if first else ""
            return f'<a href="{self.repository.rstrip("/")}/blob/{self.commit}/{file}{lines}">{text}</a>'
        return f'<a href="{root}code/{file}">{text}</a>' if file in self.shipped else text

    def write(self, folder: Path) -> None:
        """Write ``provenance.json`` and the files that origins name into the site."""
        what = {"commit": self.commit, "uncommitted_changes": self.is_changed, "results": []}
        results = [
            json.dumps(self._records[at], ensure_ascii=False) for at in sorted(self._records)
        ]
        text = f"{json.dumps(what).removesuffix(']}')}\n" + ",\n".join(results) + "\n]}\n"
        (folder / "provenance.json").write_text(text, "utf-8")
        for name in self.shipped:
            (folder / "code" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "code" / name)


def _range(at: dict) -> str:
    return f"{at['first']}–{at['last']}" if at["last"] > at["first"] else str(at["first"])


def shipped() -> frozenset[str]:
    """The taught code, its figures and tests, which lie in the site's folder ``code`` as they are."""
    folders = ("snippets", "docs/figures", "tests/snippets")
    return frozenset(relative(path) for each in folders for path in (ROOT / each).rglob("*.py"))


def _places(block: Block) -> list[dict]:
    """The files that a block's code stands in, with the lines from first to last of each piece."""
    if isinstance(block, Figure):  # without what its module shares with other figures
        name = re.compile(rf"def {block.name}\b")
        begin = next((n for n, line in enumerate(block.lines) if name.match(line.text)), 0)
        inside = [*block.lines[begin : begin + 1], *_indented(block.lines[begin + 1 :])]
    else:
        inside = block.lines
    found: list[dict] = []
    for line in inside:
        file = relative(line.path)
        here = found[-1] if found else {"file": ""}
        if here["file"] == file and 0 < line.number - here["last"] <= 2:  # over a marker, too
            here["last"] = line.number
        elif line.text.strip():  # not what parts two pieces
            found.append({"file": file, "first": line.number, "last": line.number})
    return found


def _indented(lines: list) -> Iterator:
    """The lines of a function's body."""
    for line in lines:
        if line.text.strip() and not line.text.startswith((" ", ")")):
            return
        if line.text.strip():
            yield line


@cache
def _said(code: str) -> tuple[set[int], set[str]]:
    """The seeds that code sets, and what it imports."""
    return {int(a or b) for a, b in SEED.findall(code)}, set(IMPORT.findall(code))


def _tests(block: Block) -> Iterator[str]:
    """The files that test the modules of a block."""
    for name in dict.fromkeys(snippet.partition(":")[0] for snippet in block.snippets):
        path = Path("tests/snippets") / name
        path = path.with_name(f"test_{path.name}")
        if (ROOT / path).is_file():
            yield path.as_posix()


@cache
def _versions(imported: frozenset[str]) -> dict[str, str]:
    """Python and the packages behind the modules that code imports, with their versions."""
    used = [PACKAGES[name][0] for name in PACKAGES if name in imported]
    return {"Python": platform.python_version()} | {name: version(name) for name in used}


def commit() -> tuple[str, bool]:
    """The commit that the sources are at, empty outside git, and whether they differ from it."""
    try:
        top, name = _git("rev-parse", "--show-toplevel", "HEAD").split()
        if Path(top).resolve() != ROOT:
            return "", False
        return name, bool(_git("status", "--porcelain", "--", "docs", "snippets", "tests").strip())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "", False


def _git(*command: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=True, timeout=20
    ).stdout
