"""Where every result comes from: told under each output, folded, and in ``provenance.json``.

Pages carry only what follows from the sources at a commit; when each block ran, and for how long,
stands in ``provenance.json`` alone, so that pages stay the same from build to build.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlparse

from downloads import PACKAGES, version
from sources import ROOT, SNIPPETS, Block, in_language, regions, relative

IMPORT = re.compile(r"(?m)^\s*(?:import|from)\s+(\w+)")
SEED = re.compile(
    r"\b(?:manual_seed|set_seed|seed|Random|default_rng)\((\d+)\)|(?:random_state|seed)=(\d+)"
)
BOUND = re.compile(r"(?m)^(?:def\s+|class\s+)?(\w+)(?=\s*(?:[:=(,]))")
SET = re.compile(r"(?m)^\s*(?:def |class )?(\w+)(?=(?:, \w+)*\s*[:=(,])")  # inside others, too
TEST = re.compile(r"(?ms)^def (test_\w+)\(.*?(?=^\S)")
ORIGIN = re.compile("<!--origin (.+?)-->")
PLACE = re.compile(r"<!--place (\S+) (\d+) (\d+)-->(.*?)<!--/place-->")
OUTPUT = re.compile(r"<div[^>]*\bdata-output\b[^>]*>")
WORDS = {
    "zh": (
        "出处",
        "第 {} 行",
        "、",
        "提交",
        "（有未提交的改动）",
        "测试",
        "随机种子",
        "没有设",
        "运行记录",
        "：",
    ),
    "en": (
        "Origin",
        "line {}",
        ", ",
        "commit",
        " (with changes not committed)",
        "tests",
        "seed",
        "none set",
        "when it ran",
        ": ",
    ),
}
_records: dict[str, dict] = {}
repository = ""  # its address, where the site has one


def mark(html: str, block: Block) -> str:
    """Mark in a block's HTML where its origin is told, below its output or in its figure's table."""
    origin = f"<!--origin {block.at}-->"
    if 'class="fig-data"' in html:
        inside, folded, after = html.rpartition("</details>")
        return f'{inside}<p class="origin">{origin}</p>{folded}{after}'
    summary = f"<summary>{WORDS[block.language][0]}</summary>"
    told = f'<details class="_ origin" data-search-exclude>{summary}<p>{origin}</p></details>'
    return OUTPUT.sub(lambda opening: opening[0] + told, html, count=1)


def tell(html: str, found: list[tuple[Block, dict]], language: str, root: str) -> str:
    """Note where a page's results come from, and tell it at its marks; link places to their files.

    Args:
        html: the page.
        found: its blocks in order, with their results.
        language: the page's.
        root: the way from the page to the site's home, such as ``../../``.
    """
    so_far: dict[str, tuple[set[int], set[str]]] = {}  # of each session, the seeds and the imports
    for block, result in found:
        code = in_language(block.code, block.language)
        seeds, used = so_far.get(block.session, (set(), set()))
        new_seeds, new_imports = _said(code)
        seeds, used = seeds | new_seeds, used | new_imports
        if not block.is_view:
            so_far[block.session] = seeds, used
        _records[block.at] = {
            "page": relative(block.page),
            "line": block.line,
            "session": block.session,
            "kind": ("figure" if block.options.get("html") else "text")
            if block.is_view
            else "output",
            "source": _places(block),
            "tests": _tests(tuple(block.snippets), code),
            "seeds": sorted(seeds),
            "versions": _versions(frozenset(used)),
            **result.get("ran", {}),
        }
    html = ORIGIN.sub(lambda mark: _told(_records[mark[1]], language, root), html)
    return PLACE.sub(lambda place: _link(root, place[4], *place.groups()[:3]), html)


def write(folder: Path) -> None:
    """Write ``provenance.json`` and the files that origins name into the site."""
    name, changed = commit()
    what = json.dumps({"commit": name, "uncommitted_changes": changed, "results": []})
    results = [json.dumps(_records[at], ensure_ascii=False) for at in sorted(_records)]
    text = f"{what.removesuffix(']}')}\n" + ",\n".join(results) + "\n]}\n"  # a line for each
    (folder / "provenance.json").write_text(text, "utf-8")
    _records.clear()
    for name in shipped():
        (folder / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "code" / name)
    for cached in (shipped, _tests, _asked, _common):
        cached.cache_clear()


def _told(record: dict, language: str, root: str) -> str:
    """One line: the places in the sources, the tests, the seeds, the versions."""
    _, lines, comma, commit_, changed, tests, seed, none, ran, colon = WORDS[language]
    name, dirty = commit()
    places = comma.join(
        _link(root, f"{escape(at['file'])} {lines.format(_range(at))}", **at)
        for at in record["source"]
    )
    at = f"{commit_} {name[:10]}{changed if dirty else ''}" if name else ""
    guarded = comma.join(
        f"{_link(root, escape(test['file']), test['file'])} {functions}".rstrip()
        for test in record["tests"]
        for functions in [_breaking(comma.join(test["functions"]))]
    )
    seeds = comma.join(map(str, record["seeds"])) or none
    versions = comma.join(f"{name} {number}" for name, number in record["versions"].items())
    link = f'<a href="{root}provenance.json">{ran}</a>'
    parts = [places, at, guarded and f"{tests}{colon}{guarded}", f"{seed}{colon}{seeds}", versions]
    return "\N{NO-BREAK SPACE}· ".join([*filter(None, parts), link])


def _breaking(names: str) -> str:
    """Names of files and tests, which are long on a phone, so that they break between words."""
    return names.replace("_", "_<wbr>")


def _range(at: dict) -> str:
    return f"{at['first']}–{at['last']}" if at["last"] > at["first"] else str(at["first"])


def _link(root: str, text: str, file: str, first: int | str = "", last: int | str = "") -> str:
    """Text that names a file of the repository, as a link to its lines at the commit where the
    repository's address is known, else to the copy in the site."""
    name, dirty = commit()
    text = _breaking(text)
    if urlparse(repository).netloc == "github.com" and name and not dirty:
        lines = f"#L{first}-L{last}" if first else ""
        return f'<a href="{repository.rstrip("/")}/blob/{name}/{file}{lines}">{text}</a>'
    return f'<a href="{root}code/{file}">{text}</a>' if file in shipped() else text


@cache
def shipped() -> frozenset[str]:
    """The taught code and its tests, which lie in the site's folder ``code`` as they are."""
    folders = (ROOT / "snippets", ROOT / "tests" / "snippets")
    return frozenset(relative(path) for folder in folders for path in folder.rglob("*.py"))


def _places(block: Block) -> list[dict]:
    """The files that a block's code stands in, with the lines from first to last of each piece."""
    found: list[dict] = []
    for line in block.lines:
        file = relative(line.path)
        here = found[-1] if found else {"file": ""}
        if here["file"] == file and 0 < line.number - here["last"] <= 2:  # over a marker, too
            here["last"] = line.number
        elif line.text.strip():  # not what parts two pieces
            found.append({"file": file, "first": line.number, "last": line.number})
    return found


@cache
def _said(code: str) -> tuple[set[int], set[str]]:
    """The seeds that code sets, and what it imports."""
    return {int(a or b) for a, b in SEED.findall(code)}, set(IMPORT.findall(code))


@cache
def _tests(snippets: tuple[str, ...], code: str) -> list[dict]:
    """The file that tests a block's module, with the three tests that are most about the block."""
    found = []
    for name in dict.fromkeys(snippet.partition(":")[0] for snippet in snippets):
        path = Path("tests/snippets") / name
        path = path.with_name(f"test_{path.name}")
        if (ROOT / path).is_file():
            bound = set(BOUND.findall(code)) - _common(name)
            share = {
                test: len(asked & bound) / len(asked)
                for test, asked in _asked(ROOT / path).items()
                if asked & bound
            }
            nearest = sorted(share, key=share.get, reverse=True)[:3]
            found.append({"file": path.as_posix(), "functions": nearest})
    return found


@cache
def _common(name: str) -> frozenset[str]:
    """The names that more than one region of a snippet file binds: they tell no region from others."""
    pieces = regions(SNIPPETS / name).values()
    counts = Counter(
        name
        for lines in pieces
        for name in set(SET.findall("\n".join(line.text for line in lines)))
    )
    return frozenset(name for name, count in counts.items() if count > 1)


@cache
def _asked(path: Path) -> dict[str, set[str]]:
    """For each test of a file, the names that it looks up in the module's run."""
    text = path.read_text("utf-8") + "\nend"
    return {
        test[1]: set(re.findall(r"\[[\"'](\w+)[\"']\]", test[0])) for test in TEST.finditer(text)
    }


@cache
def _versions(imported: frozenset[str]) -> dict[str, str]:
    """Python and the packages behind the modules that code imports, with their versions."""
    used = [PACKAGES[name][0] for name in PACKAGES if name in imported]
    return {"Python": platform.python_version()} | {name: version(name) for name in used}


@cache
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
