"""Where every result comes from: told above each output, folded, and in ``provenance.json``.

Pages carry only what follows from the sources; when each block ran, and for how long, stands in
``provenance.json``, which ``runs.html`` shows, so that pages stay the same from build to build; their
footer names the day.
"""

from __future__ import annotations

import ast
import json
import platform
import re
import shutil
import subprocess
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from sources import ROOT, Block, Figure, Page, in_language, relative
from write.packages import imports, versions

SEED = re.compile(
    r"\b(?:manual_seed|set_seed|seed|Random|default_rng)\((\d+)\)|(?:random_state|seed)=(\d+)"
)
WORDS = {
    "zh": {
        "origin": "出处",
        "line": "第 {} 行",
        "and": "、",
        "tests": "测试：{}",
        "seed": "随机种子：{}",
        "none": "没有设",
        "ran": "运行记录",
    },
    "en": {
        "origin": "Origin",
        "line": "line {}",
        "and": ", ",
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
        # The taught code, its figures and tests lie in the site's folder ``code`` as they are.
        taught = [ROOT / "snippets", ROOT / "docs/figures", ROOT / "tests/snippets"]
        self.shipped = {relative(path) for folder in taught for path in folder.rglob("*.py")}
        self._records: dict[str, dict] = {}

    def __str__(self) -> str:
        """What links to the repository's files follow from."""
        return repr(
            (
                self.repository,
                self.repository and (self.commit, self.is_changed),
                sorted(self.shipped),
            )
        )

    def of_page(self, page: Page, results: Any, root: str) -> dict[str, str]:
        """Note where a page's results come from; give what is told of each block, as HTML.

        Args:
            results: has the results of its blocks; `root`: the way to the site's home.
        """
        told = {}
        so_far: dict[str, list[str]] = {}  # of a session its code
        for block in page.blocks:
            code = [*so_far.get(block.session, ()), in_language(block.code, "en")]
            if not block.is_view:
                so_far[block.session] = code
            imported = frozenset().union(*map(imports, code))
            record = {
                "page": relative(page.path),
                "line": block.line,
                "session": block.session,
                "source": _places(block),
                "tests": _tests(block),
                "seeds": sorted(frozenset().union(*map(_seeds, code))),
                "versions": {"Python": platform.python_version()} | versions(imported),
            }
            told[block.at] = self._told(record, page.language, root, isinstance(block, Figure))
            self._records[block.at] = record | results.result(block).get("ran", {})
        return told

    def _told(self, record: dict, language: str, root: str, is_figure: bool) -> str:
        """One line: the places in the sources, the tests, the seeds, the versions."""
        words = WORDS[language]
        places = []
        for at in record["source"]:
            lines = "–".join(map(str, sorted({at["first"], at["last"]})))
            text = f"{escape(at['file'])} {words['line'].format(lines)}"
            places.append(self.link(root, text, **at))
        tests = words["and"].join(self.link(root, escape(t), t) for t in record["tests"])
        seeds = words["and"].join(map(str, record["seeds"])) or words["none"]
        parts = [
            words["and"].join(places),
            tests and words["tests"].format(tests),
            words["seed"].format(seeds),
            words["and"].join(f"{name} {of}" for name, of in record["versions"].items()),
            f'<a href="{root}runs.html?{record["page"]}:{record["line"]}">{words["ran"]}</a>',
        ]
        line = "\N{NO-BREAK SPACE}· ".join(filter(None, parts))
        if is_figure:  # it stands below the figure's table, which is folded already
            return f'<p class="origin">{line}</p>'
        summary = f"<summary>{words['origin']}</summary>"
        return f'<details class="_ origin" data-search-exclude>{summary}<p>{line}</p></details>'

    def link(self, root: str, text: str, file: str, first: int = 0, last: int = 0) -> str:
        """Text that names a file of the repository, as a link to its lines at the commit where the
        repository's address is known, else to the copy in the site."""
        text = text.replace("_", "_<wbr>")  # long on a phone: it breaks between words
        if urlparse(self.repository).netloc == "github.com" and self.commit and not self.is_changed:
            lines = f"#L{first}-L{last}" if first else ""
            return f'<a href="{self.repository.rstrip("/")}/blob/{self.commit}/{file}{lines}">{text}</a>'
        return f'<a href="{root}code/{file}">{text}</a>' if file in self.shipped else text

    def write(self, folder: Path) -> None:
        """Write ``provenance.json`` and the files that origins name into the site."""
        results = [self._records[at] for at in sorted(self._records)]
        what = {"commit": self.commit, "uncommitted_changes": self.is_changed, "results": results}
        (folder / "provenance.json").write_text(json.dumps(what, ensure_ascii=False), "utf-8")
        for name in self.shipped:
            (folder / "code" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "code" / name)


def _places(block: Block) -> list[dict]:
    """The files that a block's code stands in, with the lines from first to last of each piece."""
    lines = block.lines
    if isinstance(block, Figure):  # without what its module shares with other figures
        begin, end = _span(block.code, block.name)
        lines = lines[begin:end]
    found: list[dict] = []
    for line in lines:
        file = relative(line.path)
        here = found[-1] if found else {"file": ""}
        if here["file"] == file and 0 < line.number - here["last"] <= 2:  # over a marker, too
            here["last"] = line.number
        elif line.text.strip():  # not what parts two pieces
            found.append({"file": file, "first": line.number, "last": line.number})
    return found


@cache
def _span(code: str, name: str) -> tuple[int, int]:
    """Where a function's lines begin and end in code."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.lineno - 1, node.end_lineno or 0
    return 0, 0


@cache
def _seeds(code: str) -> frozenset[int]:
    return frozenset(int(a or b) for a, b in SEED.findall(code))


def _tests(block: Block) -> list[str]:
    """The files that test the modules of a block."""
    modules = [Path("tests/snippets", name.partition(":")[0]) for name in block.snippets]
    tests = dict.fromkeys(path.with_name(f"test_{path.name}").as_posix() for path in modules)
    return [path for path in tests if (ROOT / path).is_file()]


def commit() -> tuple[str, bool]:
    """The commit that the sources are at, empty outside git, and whether they differ from it."""
    if not (ROOT / ".git").exists():  # it may lie in a folder of something else
        return "", False
    git = partial(subprocess.check_output, cwd=ROOT, text=True, timeout=20)
    try:
        name = git(["git", "rev-parse", "HEAD"], stderr=subprocess.DEVNULL).strip()
        return name, bool(git(["git", "status", "--porcelain", "docs", "snippets", "tests"]))
    except (OSError, subprocess.SubprocessError):
        return "", False
