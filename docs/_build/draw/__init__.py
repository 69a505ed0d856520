"""Figures as plain data: SVG that takes its colours and its font from the page, and its numbers.

Matplotlib draws: it has every kind of plot that the chapters need (contours, images, log axes), is
what readers know, and can leave text as text, so that no font is needed while building and 汉字
appear in the page's own font. Altair and lets-plot were looked at: their SVG needs a renderer of
20 MB or more, and neither takes its colours from the page.
"""

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation

from draw.explorables import explorable, field
from draw.legends import legend, tell_apart
from draw.svg import CYCLE, GRID, INK, MUTED, PAPER, RAISED, STYLE, shrunk
from draw.tables import tables_of

__all__ = ["CYCLE", "GRID", "INK", "MUTED", "PAPER", "Drawing"]
WIDE = 450  # units of a drawing that would be too small to read on a phone
# Text that only the browser will draw has no glyphs here, and needs none; see also `Drawing.axes`.
logging.getLogger("matplotlib").setLevel(logging.ERROR)


class Drawing:
    """What a page's figures are drawn with; ``made`` has each of them as plain data.

    Args:
        language: ``zh`` or ``en``, of all its words.
    """

    explorable, field = explorable, staticmethod(field)

    def __init__(self, language: str) -> None:
        self.language = language
        self.made: list[dict] = []

    def word(self, zh: str, en: str) -> str:
        """That of two words which is in the drawing's language."""
        return zh if self.language == "zh" else en

    @contextmanager
    def axes(
        self, *, x="", y="", titles=None, columns=1, rows=1, width=4.6, height=2.9, share=False
    ) -> Iterator:
        """Draw on plain Matplotlib axes; at the end, ``made`` has one figure more.

        Artists with a label appear in a legend beside the drawing, in the page's own text.

        Args:
            x: the label of the horizontal axis; y: of the vertical one, set above it.
            titles: one title for each of several axes.
            columns: axes side by side (below each other on a phone, where two are wide); rows:
                below each other.
            width: of the drawing in inches at 96 units each; height: likewise.
            share: whether several axes share their scales.

        Yields:
            One Axes, or an array of them where there are several.
        """
        with matplotlib.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure = Figure(figsize=(width, height), layout="constrained")
            grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
            yield grid[0, 0] if grid.size == 1 else grid.squeeze()
            halves = (rows, columns) == (1, 2) and width * 72 > WIDE
            above = dict(_set_texts(grid.flat, x, y, titles, halves))
            tell_apart(grid.flat)
            found = {"legend": legend(grid.flat), "tables": tables_of(grid.flat, above, self.word)}
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            found["halves"] = _between(figure, *grid.flat) if halves else None
            found["wide"] = width * 72 > WIDE
            self.made.append({"kind": "figure", **shrunk(buffer.getvalue()), **found})


def _set_texts(grid, x: str, y: str, titles: list[str] | None, halves: bool) -> Iterator[tuple]:
    """Label all axes; give what stands above each: its title and what it shows upwards."""
    for number, each in enumerate(grid):
        each.set_xlabel(each.get_xlabel() or x)
        title = each.get_title() or (titles[number] if titles else "")
        above = " · ".join(filter(None, [title, each.get_ylabel() or y]))
        each.set(title="", ylabel="")
        each.set_title(above, loc="left")
        if halves and each.axison:  # each will stand alone, even where they share a scale
            each.tick_params(labelleft=True)
        for axis in (each.xaxis, each.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
                base = axis.get_transform().base
                axis.set_major_formatter(Powers(base))
                axis.set_minor_formatter(Powers(base, labelOnlyBase=False))
        yield each, above


class Powers(LogFormatterSciNotation):
    """The labels of a logarithmic axis as plain text: 10⁻³, 2×10⁴, 2⁵.

    Matplotlib's own are formulas, whose layout takes longer than all else in a figure.
    """

    def __call__(self, x, pos=None) -> str:
        label = super().__call__(x, pos).replace(r"\times", "×").replace("-", "−")
        label = label.replace(r"$\mathdefault{", "").removesuffix("}$")
        return re.sub(r"\^\{(−?\d+)\}", lambda power: power[1].translate(RAISED), label)


def _between(figure: Figure, left, right) -> float:
    """Where the left one of two axes ends and the right one begins, in units of the drawing."""
    boxes = [each.get_tightbbox() for each in (left, right)]
    return float(boxes[0].x1 + boxes[1].x0) / 2 * 72 / figure.dpi  # 72 units are an inch
