"""Pages as HTML, kept from build to build: rendering them costs more than all else in a warm build.

What a page shows follows from its text as it was written, the settings and the code that renders.
All of these are in the key. A page about which anything was logged is rendered anew.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.toc import get_toc
from mkdocs.utils import CountHandler

from run import store
from sources import ROOT
from write.packages import PACKAGES as TAUGHT

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


def key(page: Any, text: str, config: Any, files: Any) -> str:
    """What a page's HTML follows from.

    Args:
        page: MkDocs's; `text`: the page as it was written (`write.page`).
        files: MkDocs's: links are checked against them.
    """
    settings = [Path(name).read_text("utf-8") for name in (config.config_file_path, SETTINGS)]
    published = [page.canonical_url or "", config.repo_url or ""]
    known = sorted(file.src_uri for file in files)
    shown = [page.file.src_uri, repr(page.meta), text]
    return store.digest(_code(), *settings, *published, *known, *shown)


def restore(page: Any, key: str, kept: store.Store, problems: int) -> None:
    """Have a page take its HTML from an earlier build, if there is one; ``page.kept`` tells.

    Args:
        problems: how many there were before it was rendered.
    """
    page.kept, page.key = kept.fetch(key), key
    page.before = problems, _warnings.counts.copy()
    if page.kept:
        log.debug("%s: rendered before", page.file.src_uri)

        def render(*_) -> None:
            page.content, page.toc = page.kept["html"], get_toc(page.kept["toc"])
            page._title_from_render = page.kept["title"]

        page.render = render


def keep(page: Any, html: str, files: dict, kept: store.Store, problems: int) -> None:
    """Keep a page that was rendered without a complaint, with the files made of it."""
    if page.before == (problems, _warnings.counts):
        title, toc = page._title_from_render, _tokens(page.toc)
        kept.keep(page.key, {"html": html, "toc": toc, "title": title, "files": files})


def _tokens(links) -> list[dict]:
    return [
        {"name": link.title, "id": link.id, "level": link.level, "children": _tokens(link.children)}
        for link in links
    ]
