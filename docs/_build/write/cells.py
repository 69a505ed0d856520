"""A page as a list of cells: prose, code with what it gave, figures.

One reading of a page serves all that leaves the site as a file (`downloads`): the notebook, the
script and the Markdown version. Boxes, tabs and attributes become plain Markdown on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urljoin

from sources import (
    BETWEEN_HAN,
    OTHER_FENCE,
    Block,
    Figure,
    Page,
    Prose,
    address,
    in_language,
)
from write import figure
from write import page as written

BOX = re.compile(r'(?:!!!|\?\?\?\+?|===\+?!?) *(?P<kind>[\w -]*?) *(?:"(?P<title>.*)")? *')
ATTRIBUTES = re.compile(r" *\{:? ?[#.][A-Za-z][^{}]*\}")
WRAPPER = re.compile(r"</?div\b[^>]*>")
LINK = re.compile(r"\]\((?P<page>[^():\s#]+\.md)?(?P<fragment>#[\w-]+)?\)")


@dataclass
class Cell:
    """A piece of a page.

    Attributes:
        kind: ``prose``, ``code`` or ``figure``.
        text: Markdown, code in the page's language, or what the figure shows, in words.
        session: the session of a code cell; `fresh`: whether it wants a process of its own.
        output: what the code printed; `error`: type, message and traceback of what it raised.
        measured: whether the output is a measurement, which need not repeat.
        svg: the drawing of a figure, as a file of its own in the light theme's colours.
    """

    kind: str
    text: str
    session: str = ""
    fresh: bool = False
    output: str = ""
    error: dict | None = None
    measured: bool = False
    svg: str = ""


def cells(page: Page, results: Any, canonical: str, expand: Callable[[str], str]) -> list[Cell]:
    """A page's cells in order, for what leaves the site as a file.

    Args:
        results: has the results of its blocks; `canonical`: where it is published, or empty.
        expand: puts in what the page's Markdown asks mkdocstrings for.
    """
    lines: list[str | Block] = []
    for cell in page.cells:
        if isinstance(cell, Prose):
            lines += expand(BETWEEN_HAN.sub("", written.text(cell, results))).split("\n")
        else:
            lines.append(cell)
    return joined(_Walk(page, results, canonical).cells(lines))


class _Walk:
    """Goes through a page's lines, among which its blocks stand."""

    def __init__(self, page: Page, results: Any, canonical: str) -> None:
        self.name = PurePosixPath(page.name)
        self.page, self.results, self.canonical = page, results, canonical

    def cells(self, lines: list[str | Block]) -> Iterator[Cell]:
        prose: list[str] = []
        position = 0
        while position < len(lines):
            line = lines[position]
            position += 1
            if isinstance(line, Block):
                yield from _prose(prose)
                yield from self._block(line)
            elif fence := OTHER_FENCE.match(line):  # code that is quoted, not run
                end = position
                while end < len(lines) and str(lines[end]).strip() != fence["fence"]:
                    end += 1
                yield from _prose(prose)
                yield Cell("prose", "\n".join(map(str, lines[position - 1 : end + 1])))
                position = end + 1
            elif box := BOX.fullmatch(line):
                end = position
                while end < len(lines) and _is_inside(lines[end]):
                    end += 1
                yield from _prose(prose)
                if box["title"]:
                    yield Cell("prose", f"**{box['title']}**")
                yield from self.cells([_dedented(each) for each in lines[position:end]])
                position = end
            else:
                if re.match(r"#{1,6} ", line):
                    yield from _prose(prose)
                plain = self._plain(line)
                if plain or not line.strip():
                    prose.append(plain)
        yield from _prose(prose)

    def _plain(self, line: str) -> str:
        """A line of Markdown without what only this site's Markdown knows."""
        return LINK.sub(self._link, ATTRIBUTES.sub("", WRAPPER.sub("", line)))

    def _link(self, match: re.Match) -> str:
        """A link as an address: whole where the site has one, else relative to the page's."""
        there = address(self.name, match["page"] or self.name.name)
        return f"]({urljoin(self.canonical, there)}{match['fragment'] or ''})"

    def _block(self, block: Block) -> Iterator[Cell]:
        """What a block gives."""
        result = self.results.result(block)
        if isinstance(block, Figure):
            for made in result["made"]:
                for shown, svg in figure.alone(made, written.text(block.alt, self.results)):
                    yield Cell("figure", shown, svg=svg)
        elif block.is_view:
            if not block.options.get("html"):
                yield from _prose([self._plain(line) for line in result["output"].split("\n")])
        else:
            if result.get("lacks"):
                result = {"output": "", "error": None}
            yield Cell(
                "code",
                in_language(block.code, self.page.language),
                session=block.session,
                fresh=block.options.get("process") == "fresh",
                output=result["output"],
                error=result["error"],
                measured="measured" in block.options,
            )


def _prose(lines: list[str]) -> Iterator[Cell]:
    text = "\n".join(lines).strip("\n")
    lines.clear()
    if text.strip():
        yield Cell("prose", re.sub(r"\n{3,}", "\n\n", text))


def _is_inside(line: str | Block) -> bool:
    """Whether a line belongs to the box above it."""
    text = line.indent if isinstance(line, Block) else line
    return text.startswith("    ") or (not isinstance(line, Block) and not text.strip())


def _dedented(line: str | Block) -> str | Block:
    return replace(line, indent=line.indent[4:]) if isinstance(line, Block) else line[4:]


def joined(cells: Iterable[Cell]) -> list[Cell]:
    """The same cells with prose that follows prose in one; a heading begins a new one."""
    result: list[Cell] = []
    for cell in cells:
        before = result[-1] if result else None
        heading = re.match(r"#{1,6} ", cell.text)
        if before and cell.kind == before.kind == "prose" and not heading:
            result[-1] = Cell("prose", f"{before.text}\n\n{cell.text}")
        else:
            result.append(cell)
    return result
