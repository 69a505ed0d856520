"""Pages as HTML, kept from build to build: rendering them costs more than all else in a warm build.

What a page shows follows from its text, its blocks' results, the settings and the code that
renders. All of these are in the key; origins, which change with each commit, are told afterwards.
A page about which anything was logged is rendered anew.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.toc import get_toc
from mkdocs.utils import CountHandler

import cache as store
from blocks import runner
from downloads import PACKAGES as TAUGHT
from sources import ROOT

GLUE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "docs" / "_build").rglob("*")
    if path.suffix in {".py", ".jinja", ".txt"}
)
SETTINGS = ROOT / "mkdocs.yml"
PACKAGES = ("mkdocs", "Markdown", "pymdown-extensions", "Pygments", "markdown-exec", "math-core")
PACKAGES += ("mkdocstrings", "mkdocstrings-python", "griffelib", "mkdocs-autorefs")
PACKAGES += ("jupytext", "nbformat", "tensorflow-cpu", *(name for name, _ in TAUGHT.values()))
log = logging.getLogger("mkdocs.blocks")
_warnings = CountHandler(level=logging.WARNING)
logging.getLogger("mkdocs").addHandler(_warnings)
logging.getLogger("griffe").addHandler(_warnings)


@cache
def _code() -> str:
    """The code that renders: read when the program starts, so it stays the same while it serves."""
    return store.digest(
        *(str(store.content(n)) for n in GLUE), *map(str, map(store.distribution, PACKAGES))
    )


def key(page: Any, stamped: str, config: Any, files: Any, also: str) -> str:
    """What a page's HTML follows from.

    Args:
        page: MkDocs's; `stamped`: its text, as `sources.stamp` left it.
        files: MkDocs's: links are checked against them; `also`: whatever else the page shows.
    """
    settings = [Path(name).read_text("utf-8") for name in (config.config_file_path, SETTINGS)]
    published = [page.canonical_url or "", config.repo_url or ""]
    known = sorted(file.src_uri for file in files)
    results = [runner.digest(block.at) for block in runner.of(Path(page.file.abs_src_path))]
    text = page.file.content_string
    shown = [page.file.src_uri, text, stamped, also, *results]
    return store.digest(_code(), *settings, *published, *known, *shown)


def restore(page: Any, key: str) -> None:
    """Have a page take its HTML from an earlier build, if there is one; ``page.kept`` tells."""
    page.kept, page.key, page.before = store.fetch(key), key, _warnings.counts.copy()
    if page.kept:
        log.debug("%s: rendered before", page.file.src_uri)

        def render(*_) -> None:
            page.content, page.toc = page.kept["html"], get_toc(page.kept["toc"])
            page._title_from_render = page.kept["title"]

        page.render = render


def keep(page: Any, html: str, made: dict) -> None:
    """Keep a page that was rendered without a complaint, with what was made of it."""
    if _warnings.counts == page.before:
        title, toc = page._title_from_render, _tokens(page.toc)
        store.keep(page.key, {"html": html, "toc": toc, "title": title, "made": made})


def _tokens(links) -> list[dict]:
    return [
        {"name": link.title, "id": link.id, "level": link.level, "children": _tokens(link.children)}
        for link in links
    ]
