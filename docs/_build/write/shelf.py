"""The files that one language offers: links on its pages, one zip, the index for machines."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlparse

from sources import LANGUAGES, ROOT, Page, Prose, in_language
from write.downloads import processes
from write.packages import PACKAGES, imports
from write.page import HEADING

BRANCH = "notebooks"  # where the published site's notebooks are, for Colab: see `site.yml`
NAME = "pytorch-shown"  # of the zip, with the language
WORDS = {
    "zh": {
        "download": "下载本章",
        "notebook": "笔记本",
        "script": "脚本",
        "colab": "在 Colab 中打开",
        "more": "其他",
    },
    "en": {
        "download": "Download this chapter",
        "notebook": "notebook",
        "script": "script",
        "colab": "Open in Colab",
        "more": "More",
    },
}


@dataclass
class Shelf:
    """The files that one language offers, kept until the whole language is known to be well.

    Args:
        language: of the pages; `site_url`: where the site is published, or an empty string.
        repository: the address of its repository, or an empty string.
    """

    language: str
    site_url: str
    repository: str
    pages: dict[str, tuple[Any, dict[str, str]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{NAME}-{self.language}"

    def put(self, name: str, page: Any, found: dict[str, str]) -> None:
        """Take the files of a page, and the page as MkDocs has it."""
        self.pages[name] = page, found

    def line(self, page: Page) -> str:
        """The line of links to a page's files, empty where it has none."""
        path = PurePosixPath(page.name)
        shown = [block for block in page.blocks if not block.is_view]
        found = processes([(b.session, b.options.get("process") == "fresh") for b in shown])
        if not found or path.stem == "index":
            return ""
        links = [self._links(path.with_name(process or path.stem)) for process in found]
        title = WORDS[self.language]["download"]
        inside = f"<b>{title}</b> {links[0]}"
        if len(links) > 1:  # one line all the same: it opens
            labels = (escape(label, quote=False) for label in _labels(page, found))
            pairs = zip(labels, links, strict=True)
            rows = "".join(f"<li><b>{label}</b> {link}</li>" for label, link in pairs)
            inside = f'<details class="_"><summary>{title}</summary><ul>{rows}</ul></details>'
        return f'<div class="downloads" data-search-exclude>{inside}</div>'

    def _links(self, path: PurePosixPath) -> str:
        """The links to a notebook and its script, and to Colab where that can find it."""
        words = WORDS[self.language]
        links = [
            f'<a href="{path.name}.ipynb" download>{words["notebook"]}</a>',
            f'<a href="{path.name}.py" download>{words["script"]}</a>',
        ]
        address = urlparse(self.repository)
        if address.netloc == "github.com":
            there = f"{address.path.strip('/').removesuffix('.git')}/blob/{BRANCH}"
            link = f"https://colab.research.google.com/github/{there}/{self.name}/{path}.ipynb"
            links.append(f'<a href="{link}">{words["colab"]}</a>')
        return " · ".join(links)

    def write(self, nav: Any, config: Any) -> None:
        """Write all files of the language into the site."""
        for page, of_page in self.pages.values():
            folder = Path(page.file.abs_dest_path).parent
            folder.mkdir(parents=True, exist_ok=True)
            for each, text in of_page.items():
                (folder / each).write_text(text, "utf-8")
        home = Path(config.site_dir) / ("" if self.language == LANGUAGES[0] else self.language)
        (home / f"{self.name}.zip").write_bytes(self.zip())
        (home / "llms.txt").write_text(self._llms(nav, config), "utf-8")

    def zip(self) -> bytes:
        """All notebooks and scripts, with what they need and their licence."""
        inside = {"LICENSE": (ROOT / "LICENSE").read_text("utf-8")}
        needed: set[str] = set()
        for name, (_, of_page) in self.pages.items():
            for each, text in of_page.items():
                if each != "index.md":
                    inside[str(PurePosixPath(name).with_name(each))] = text
                if each.endswith(".ipynb"):
                    needed |= set(json.loads(text)["metadata"]["requirements"])
        inside["requirements.txt"] = "".join(f"{each}\n" for each in sorted(needed))
        return _zipped(self.name, tuple(sorted(inside.items())))

    def _llms(self, nav: Any, config: Any) -> str:
        """The index for machines, as https://llmstxt.org has it."""
        ours = [page for page, _ in self.pages.values()]
        sections: dict[str, list[str]] = {}
        for page in sorted((p for p in nav.pages if p in ours), key=lambda p: p.parent is None):
            section = page.ancestors[-1].title if page.parent else WORDS[self.language]["more"]
            address = urljoin(self.site_url, f"{'' if page.url == './' else page.url}index.md")
            if not self.site_url and self.language != LANGUAGES[0]:
                address = address.removeprefix(f"{self.language}/")
            item = f"- [{page.title}]({address})"
            if description := page.meta.get("description"):
                item += f": {description}"
            sections.setdefault(section, []).append(item)
        parts = [f"# {config.site_name}", f"> {config.site_description}"]
        for title, items in sections.items():
            parts += [f"## {title}", "\n".join(items)]
        return "\n\n".join(parts) + "\n"


@lru_cache(len(LANGUAGES))
def _zipped(folder: str, inside: tuple[tuple[str, str], ...]) -> bytes:
    """An archive of these files (name, text), the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in inside:
            entry = zipfile.ZipInfo(f"{folder}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def _labels(page: Page, found: dict[str, set[str]]) -> list[str]:
    """What each process of a page is about: its framework, or else the section that begins it."""
    frameworks, sections = [], []
    for sessions in found.values():
        own = [block for block in page.blocks if block.session in sessions and not block.is_view]
        used = frozenset().union(*(imports(in_language(b.code, page.language)) for b in own))
        labels = [label for module, (_, label) in PACKAGES.items() if label and module in used]
        frameworks.append(labels[-1] if labels else "")
        above = [c.text for c in page.cells[: page.cells.index(own[0])] if isinstance(c, Prose)]
        titles = [title for title, _ in HEADING.findall("\n".join(above))] or [page.name]
        sections.append(titles[-1 if sections else 0].replace("`", ""))  # the first is the page's
    return frameworks if len(set(frameworks)) == len(found) else sections
