"""A page as a list of cells: prose, code with what it gave, figures.

One reading of a page serves all that leaves the site as a file (`downloads`): the notebook, the
script and the Markdown version. Boxes, tabs and attributes become plain Markdown on the way.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urljoin

from sources import BETWEEN_HAN, OTHER_FENCE, Figure, Page, Prose, address, in_language
from write import figure
from write import page as written

BOX = re.compile(r'(?:!!!|\?\?\?\+?|===\+?!?) *[\w -]*? *(?:"(?P<title>.*)")? *')
ATTRIBUTES = re.compile(r" *\{:? ?[#.][A-Za-z][^{}]*\}")
WRAPPER = re.compile(r"</?div\b[^>]*>")
MARKS = re.compile(r"\{ \.(\w+)[^}]*\}$")  # of a fence, which begin with its language
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
    """A page's cells in order, for what leaves the site as a file. A heading begins a new one.

    Args:
        results: has the results of its blocks; `canonical`: where it is published, or empty.
        expand: puts in what the page's Markdown asks mkdocstrings for.
    """
    found = _Cells(PurePosixPath(page.name), canonical)
    for cell in page.cells:
        if isinstance(cell, Prose):
            found.markdown(expand(BETWEEN_HAN.sub("", written.text(cell, results))))
        elif isinstance(cell, Figure):
            for made in results.result(cell)["made"]:
                drawn = figure.alone(made, written.text(cell.alt, results))
                found.cells += [Cell("figure", shown, svg=svg) for shown, svg in drawn]
        elif not cell.is_view:
            ran, fresh = results.result(cell), cell.options.get("process") == "fresh"
            code, measured = in_language(cell.code, cell.language), "measured" in cell.options
            found.cells.append(
                Cell("code", code, cell.session, fresh, ran["output"], ran["error"], measured)
            )
        elif not cell.options.get("html"):
            found.markdown(textwrap.indent(results.result(cell)["output"], cell.indent))
    for cell in found.cells:
        cell.text = cell.text.strip("\n")
    return found.cells


class _Cells:
    """Cells so far, and what is open where the next line of Markdown comes."""

    def __init__(self, page: PurePosixPath, canonical: str) -> None:
        self.page, self.canonical = page, canonical
        self.cells: list[Cell] = []
        self.boxes = 0
        self.fence = ""  # of code that is quoted, not run

    def markdown(self, text: str) -> None:
        for indented in text.split("\n"):
            while indented.strip() and not indented.startswith("    " * self.boxes):
                self.boxes -= 1
            line = indented[4 * self.boxes :]
            if self.fence:
                self.fence = "" if line.strip(" >") == self.fence else self.fence
                self.add(line)
            elif fence := OTHER_FENCE.match(line):
                self.fence = fence["fence"]
                self.add(MARKS.sub(r"\1", line))
            elif box := BOX.fullmatch(line):
                self.boxes += 1
                for each in ("", f"**{box['title']}**", "") if box["title"] else ("",):
                    self.add(each)
            else:
                # Without what only this site's Markdown knows; what was nothing else is no line.
                plain = LINK.sub(self.link, ATTRIBUTES.sub("", WRAPPER.sub("", line)))
                if plain.strip() or not line.strip():
                    self.add(plain, begins=bool(re.match(r"#{1,6} ", line)))

    def add(self, line: str, begins: bool = False) -> None:
        """Go on with the prose, but for a second blank line, or begin a cell."""
        if begins or not self.cells or self.cells[-1].kind != "prose":
            if line.strip():
                self.cells.append(Cell("prose", line))
        elif line.strip() or self.fence or not self.cells[-1].text.endswith("\n"):
            self.cells[-1].text += f"\n{line}"

    def link(self, match: re.Match) -> str:
        """A link as an address: whole where the site has one, else relative to the page's."""
        there = address(self.page, match["page"] or self.page.name)
        return f"]({urljoin(self.canonical, there)}{match['fragment'] or ''})"
