"""A page as a list of cells: prose, code with what it gave, figures.

One reading of a page serves all that leaves the site as a file (`downloads`): the notebook, the
script and the Markdown version. Boxes, tabs and attributes become plain Markdown on the way.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

import sources
from sources import FENCE, OPTION, ROOT, in_language

BOX = re.compile(r'(?:!!!|\?\?\?\+?|===\+?!?) *(?P<kind>[\w -]*?) *(?:"(?P<title>.*)")? *')
ATTRIBUTES = re.compile(r" *\{:? ?[#.][A-Za-z][^{}]*\}")
WRAPPER = re.compile(r"</?div\b[^>]*>")
LINK = re.compile(r"\]\((?P<page>[^():\s#]+\.md)?(?P<fragment>#[\w-]+)?\)")
OTHER_FENCE = re.compile(r" *(`{3,}|~{3,})")
FIGURE = re.compile(r"(<figure\b.*?</figure>)", re.DOTALL)
SVG = re.compile(r'<svg\b(?P<head>[^>]*\brole="img"[^>]*)>(?P<body>.*?)</svg>', re.DOTALL)
KEY = re.compile(r"<li><svg\b[^>]*>(?P<shape>.*?)</svg>(?P<label>.*?)</li>", re.DOTALL)
COLOUR = re.compile(r"var\((--[\w-]+)\)")
LINE = 18  # the height of a line of a figure's legend, in units of the drawing
MARGIN = 6  # around a drawing that is a file of its own, likewise


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


class Reader:
    """Reads one page, as `sources.stamp` left it, with the results of its blocks.

    Args:
        page: the file of the page.
        language: its language.
        canonical: the address where the page is published, or an empty string.
        result: gives a block and its result for where the block stands (`runner.Runner.result`).
    """

    def __init__(self, page: Path, language: str, canonical: str, result) -> None:
        self.page = PurePosixPath(page.relative_to(ROOT / "docs" / language).as_posix())
        self.language, self.canonical, self.result = language, canonical, result

    def cells(self, markdown: str) -> list[Cell]:
        """The page's cells in order."""
        return joined(self._walk(markdown.split("\n")))

    def _walk(self, lines: list[str]) -> Iterator[Cell]:
        prose: list[str] = []
        position = 0
        while position < len(lines):
            line = lines[position]
            position += 1
            if fence := FENCE.fullmatch(line):
                yield from self._prose(prose)
                while lines[position].strip() != fence["fence"]:
                    position += 1
                position += 1
                yield from self._block(dict(OPTION.findall(fence["options"]))["at"])
            elif fence := OTHER_FENCE.match(line):  # code that is quoted, not run
                end = position
                while end < len(lines) and lines[end].strip() != fence[1]:
                    end += 1
                yield from self._prose(prose)
                yield Cell("prose", "\n".join(lines[position - 1 : end + 1]))
                position = end + 1
            elif box := BOX.fullmatch(line):
                end = position
                while end < len(lines) and re.match(r" {4}|\s*$", lines[end]):
                    end += 1
                yield from self._prose(prose)
                if box["title"]:
                    yield Cell("prose", f"**{box['title']}**")
                yield from self._walk(textwrap.dedent("\n".join(lines[position:end])).split("\n"))
                position = end
            else:
                if re.match(r"#{1,6} ", line):
                    yield from self._prose(prose)
                plain = self._plain(line)
                if plain or not line.strip():
                    prose.append(plain)
        yield from self._prose(prose)

    def _prose(self, lines: list[str]) -> Iterator[Cell]:
        text = "\n".join(lines).strip("\n")
        lines.clear()
        if text.strip():
            yield Cell("prose", re.sub(r"\n{3,}", "\n\n", text))

    def _plain(self, line: str) -> str:
        """A line of Markdown without what only this site's Markdown knows."""
        return LINK.sub(self._link, ATTRIBUTES.sub("", WRAPPER.sub("", line)))

    def _link(self, match: re.Match) -> str:
        """A link as an address: whole where the site has one, else relative to the page's."""
        address = sources.address(self.page, match["page"] or self.page.name)
        return f"]({urljoin(self.canonical, address)}{match['fragment'] or ''})"

    def _block(self, at: str) -> Iterator[Cell]:
        block, result = self.result(at)
        if result.get("lacks") and block.is_view:  # a package is missing: nothing to see
            return
        if not block.is_view:
            yield Cell(
                "code",
                in_language(block.code, self.language),
                session=block.session,
                fresh=block.options.get("process") == "fresh",
                output=result["output"],
                error=result["error"],
                measured="measured" in block.options,
            )
        else:
            for part in FIGURE.split(result["output"]):
                if part.startswith("<figure"):
                    yield from drawings(part)
                elif not block.options.get("html"):
                    yield from self._prose([self._plain(line) for line in part.split("\n")])


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


def drawings(html: str) -> Iterator[Cell]:
    """The drawings of a figure, each with what it shows, in words."""
    for match in SVG.finditer(html):
        attributes = dict(re.findall(r'([\w:-]+)="([^"]*)"', match["head"]))
        keys = [key.groups() for key in KEY.finditer(html)]
        yield Cell(
            "figure", unescape(attributes["aria-label"]), svg=_alone(attributes, match, keys)
        )


def _alone(attributes: dict[str, str], match: re.Match, keys: list[tuple[str, str]]) -> str:
    """A drawing as a file of its own: its legend in it, and the light theme's colours."""
    left, top, width, height = map(float, attributes["viewBox"].split())
    above = LINE * len(keys)
    left, top = left - MARGIN, top - above - MARGIN
    width, height = width + 2 * MARGIN, height + above + 2 * MARGIN
    legend = "".join(
        f'<g transform="translate({left + MARGIN:g} {top + MARGIN + LINE * number:g})">'
        f'<g transform="translate(0 3)">{shape}</g>'
        f'<text x="40" y="12" font-size="10" fill="var(--fig-ink)">{label}</text></g>'
        for number, (shape, label) in enumerate(keys)
    )
    # The drawing counts 72 units an inch, a screen 96.
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{left:g} {top:g} {width:g} {height:g}" '
        f'width="{width * 4 / 3:.0f}" height="{height * 4 / 3:.0f}" '
        f'font-family="sans-serif" color="var(--fig-ink)">'
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
        f'fill="var(--fig-paper)"/>{legend}{match["body"]}</svg>'
    )
    return COLOUR.sub(lambda colour: _colours()[colour[1]], svg)


@cache
def _colours() -> dict[str, str]:
    """The colours of the light theme, which the stylesheet names first."""
    style = (ROOT / "docs/assets/site.css").read_text("utf-8")
    root = style[style.index(":root {") :].partition("}")[0]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]+);", root))
