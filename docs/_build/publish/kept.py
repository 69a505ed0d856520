"""Pages as HTML, kept from build to build: rendering them costs more than all else in a warm build.

What a page shows follows from its text as it was written, the settings and the code that renders.
All of these are in the key. A page about which anything was logged is rendered anew.
"""

from __future__ import annotations

import logging
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

from mkdocs.structure.toc import get_toc

from run import store
from sources import ROOT

log = logging.getLogger("mkdocs.blocks")


@cache
def _code() -> list[str]:
    """The code that renders: read when the program starts, so it stays the same while it serves."""
    glue = sorted(path for path in (ROOT / "docs" / "_build").rglob("*.*") if path.suffix != ".pyc")
    # Each package leaves a folder that is named by its version.
    packages = {info.name for folder in sys.path for info in Path(folder).glob("*-info")}
    return [store.SEED, *(str(store.content(str(path))) for path in glue), *sorted(packages)]


def key(page: Any, text: str, config: Any, files: Any) -> str:
    """What a page's HTML follows from.

    Args:
        page: MkDocs's; `text`: the page as it was written (`write.page`).
        files: MkDocs's: links are checked against them.
    """
    settings = [str(store.content(name)) for name in (config.config_file_path, "mkdocs.yml")]
    published = [page.canonical_url or "", config.repo_url or ""]
    known = sorted(file.src_uri for file in files)
    shown = [page.file.src_uri, repr(page.meta), text]
    return store.digest(*_code(), *settings, *published, *known, *shown)


def restore(page: Any, key: str, kept: store.Store) -> None:
    """Have a page take its HTML from an earlier build, if there is one; ``page.kept`` tells."""
    page.kept, page.keep = kept.fetch(key), partial(kept.keep, key)
    if page.kept:
        log.debug("%s: rendered before", page.file.src_uri)

        def render(*_) -> None:
            page.content, page.toc = page.kept["html"], get_toc(page.kept["toc"])
            page.title = page.kept["title"]

        page.render = render


def rendered(page: Any, html: str, files: dict[str, str]) -> dict:
    """A page to be kept, with the files made of it; what the search found in it is still to come."""
    return {"html": html, "toc": _tokens(page.toc), "title": page.title, "files": files}


def _tokens(links) -> list[dict]:
    return [
        {"name": link.title, "id": link.id, "level": link.level, "children": _tokens(link.children)}
        for link in links
    ]
