"""The site as plain Markdown: all of it, with its results, and stock MkDocs builds it."""

import functools
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from filelock import FileLock
from run.runner import Runner
from run.store import Store
from sources import LANGUAGES, ROOT, Figure, Prose, pages, survey
from test_pages import FENCED

NAMES = sorted(pages("zh"))
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


def export(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "docs/_build/plain.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=1200,
    )


class Content(HTMLParser):
    """What a reader gets of a page, in order.

    Attributes:
        headings: level and identifier; `code`: blocks of code and outputs, without blanks.
        figures: what each shows, in words; `formulas`: TeX, without blanks.
        links: where they lead.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings, self.code, self.figures, self.formulas = [], [], [], []
        self.links, self._into = [], None
        self.feed(html[html.index("<article") : html.index("</article>")])

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((tag, at.get("id")))
        if (tag, at.get("role")) == ("svg", "img"):
            self.figures.append(at["aria-label"])
        if tag == "img":
            self.figures.append(at["alt"])
        is_tex = tag == "annotation" or at.get("class") == "arithmatex"
        if tag == "pre" or is_tex:
            self._into = self.formulas if is_tex else self.code
            self._into.append("")
        href = at.get("href", at.get("src") if tag == "img" else None)
        if href and not re.match(r"\w+:|//", href):
            self.links.append(unquote(href))

    def handle_endtag(self, tag):
        if tag in ("pre", "annotation", "div") or (
            tag == "span" and self._into is self.formulas
        ):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += "".join(data.split())

    def same(self) -> dict[str, list]:
        """What no other generator may lose or change."""
        formulas = [re.sub(r"^\\[(\[]|\\[)\]]$", "", tex) for tex in self.formulas]
        # 1,000: our site sets the comma closer.
        formulas = [tex.replace("{,}", ",") for tex in formulas]
        # A number alone is text on the site; elsewhere it may stay a formula.
        alone = re.compile(r"[-+]?[\d,.]*(?:\\times)?(?:10\^\{?-?\d+\}?)?(?:\\?%)?")
        formulas = [tex for tex in formulas if not alone.fullmatch(tex)]
        shown = {"code": self.code, "figures": self.figures, "formulas": formulas}
        return {"headings": self.headings} | shown


@functools.cache
def ids(path: Path) -> set[str]:
    return set(re.findall(r"\bid=[\"']?([^\"' >]+)", path.read_text("utf-8")))


def compared(ours: Path, theirs: Path, below: str) -> dict[str, list[str]]:
    """The pages of a language of which something is missing or different, by what that is.

    Args:
        ours: the site; `theirs`: what another generator makes of the plain Markdown.
        below: where the language is on both.
    """
    wrong: dict[str, list[str]] = {}
    for path in sorted((ours / below).rglob("index.html")):
        if not below and path.is_relative_to(ours / "en"):
            continue
        name = path.relative_to(ours)
        if not (theirs / name).exists():
            wrong.setdefault("pages", []).append(name.as_posix())
            continue
        mine, other = (
            Content(each.read_text("utf-8")) for each in (path, theirs / name)
        )
        for what, found in mine.same().items():
            if found != other.same()[what]:
                wrong.setdefault(what, []).append(name.as_posix())
        for link in other.links:
            to, _, fragment = link.partition("#")
            # What leads to the other language has the address that it has on ours.
            base = ours if to.startswith("/") else (theirs / name).parent
            target = base / to.lstrip("/") if to else theirs / name
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (fragment and fragment not in ids(target)):
                wrong.setdefault("links", []).append(f"{name.as_posix()}: {link}")
    return wrong


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """The site as plain Markdown, written once for all processes of a run."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(base / "plain.lock"):
        if not (base / "plain").exists():
            done = export(base / "plain-part")
            assert done.returncode == 0, done.stderr
            (base / "plain-part").rename(base / "plain")
    return base / "plain"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_result_is_in_the_text_and_nothing_is_left_to_run(plain, language):
    names = {
        path.relative_to(plain / language) for path in plain.glob(f"{language}/**/*.md")
    }
    assert {name.as_posix() for name in names} == set(pages(language))
    found, runner = survey()[0], Runner(Store())
    runner.plan(found)
    for name, twins in found.items():
        page, text = twins[language], (plain / language / name).read_text("utf-8")
        position = 0
        for block in page.blocks:
            result = runner.result(block)
            if isinstance(block, Figure):
                image = f"]({page.path.stem}-{block.name}-".replace("_", "-")
                assert text.count(image) >= len(result["made"]) > 0, block.at
            elif not block.is_view:
                error = result["error"] or {"traceback": ""}
                for line in filter(
                    str.strip, (result["output"] + error["traceback"]).split("\n")
                ):
                    position = text.find(f"{block.indent}{line}".rstrip(), position)
                    assert position >= 0, f"{block.at}: {line}"
        assert 'exec="on"' not in text and "](figure:" not in text, name
        prose = FENCED.sub("", text)
        assert not re.search(r"<!-- session:|^:::|--8<--", prose, re.MULTILINE), name
        for cell in page.cells:
            for value in cell.values if isinstance(cell, Prose) else ():
                assert cell.text[value.start : value.end] not in text, name


def test_every_relative_link_resolves(plain):
    @functools.cache
    def named(path: Path) -> set[str]:
        return set(re.findall(r"\{[^}\n]*#([\w.-]+)[^}\n]*\}", path.read_text("utf-8")))

    for path in plain.rglob("*.md"):
        for link in LINK.findall(FENCED.sub("", path.read_text("utf-8"))):
            to, _, fragment = link.partition("#")
            if re.match(r"\w+:", link) or link.startswith("//"):
                continue
            target = path.parent / to if to else path
            assert target.is_file(), f"{path}: {link}"
            if fragment:
                assert fragment in named(target), f"{path}: {link}"


@pytest.mark.parametrize(
    ("name", "below"),
    [("mkdocs.en.yml", "en"), pytest.param("mkdocs.yml", "", marks=pytest.mark.whole)],
)
def test_stock_mkdocs_builds_the_same_pages(plain, site, tmp_path, name, below):
    """Without a hook, and without a plugin but search."""
    settings = yaml.safe_load((plain / name).read_text("utf-8"))
    assert settings["plugins"] == ["search"] and "hooks" not in settings
    to = tmp_path / "site" / below
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", plain / name]
    done = subprocess.run(
        [*build, "-d", to],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert compared(site, tmp_path / "site", below) == {}


def test_a_folder_that_exists_is_left_alone(tmp_path):
    shutil.copy(ROOT / "LICENSE", tmp_path)
    done = export(tmp_path)
    assert done.returncode != 0 and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["LICENSE"]
