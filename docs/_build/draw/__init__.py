"""Figures as plain data: SVG in the page's colours and font, and its numbers. Imports nothing of ours.

Here live drawings and what reads them back; it imports Matplotlib, NumPy and the standard library.

Matplotlib draws: it has every kind of plot that the chapters need (contours, images, log axes), is
what readers know, and can leave text as text, so that no font is needed while building and 汉字
appear in the page's own font. Altair and lets-plot were looked at: their SVG needs a renderer of
20 MB or more, and neither takes its colours from the page.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation

from draw.explorables import explorable, field
from draw.legends import legend, tell_apart
from draw.svg import CYCLE, GRID, INK, MUTED, PAPER, RAISED, STYLE, shrunk
from draw.tables import tables_of

__all__ = ["CYCLE", "GRID", "INK", "MUTED", "PAPER", "Drawing"]
WIDE = 450  # units of a drawing that would be too small to read on a phone
HAN = re.compile("[\u3400-\u9fff]")
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

    def word(self, text: str) -> str:
        """The half of ``汉字 | English`` in the drawing's language; text without a bar is for both.

        Raises:
            ValueError: a half is lacking.
        """
        halves = text.split(" | ")
        half = halves[0 if self.language == "zh" else -1]
        foreign = self.language == "en" and HAN.search(half)
        if foreign or len(halves) > 2 or (text and not all(map(str.strip, halves))):
            raise ValueError(f"'{text}' has no twin, or too many: write '汉字 | English'")
        return half

    @contextmanager
    def axes(
        self, titles=(), columns=1, rows=1, width=4.6, height=2.9, share=False, x="", y="", **every
    ) -> Iterator:
        """Draw on plain Matplotlib axes; at the end, ``made`` has one figure more.

        Labelled artists appear in a legend beside the drawing. All words are pairs: see `word`.

        Args:
            titles: one for each of several axes; x: the horizontal label; y: the vertical one.
            columns: axes side by side (two wide ones below each other on a phone); rows: of axes.
            width: of the drawing in inches at 96 units each; height: likewise.
            share: whether several axes share their scales.
            every: what else `Axes.set` takes, for all axes, such as ``yscale="log"``.

        Yields:
            One Axes, or an array of them where there are several.
        """
        with matplotlib.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure = Figure(figsize=(width, height), layout="constrained")
            grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
            for each, title in zip(grid.flat, chain(titles, repeat("")), strict=False):
                each.set(title=title, xlabel=x, ylabel=y, **every)
            yield grid[0, 0] if grid.size == 1 else grid.squeeze()
            wide = width * 72 > WIDE
            halves = wide and (rows, columns) == (1, 2)
            _cut(figure, self.word)
            above = {each: _finish(each, halves) for each in grid.flat}
            tell_apart(grid.flat)
            found = {"legend": legend(grid.flat), "tables": tables_of(above, self.word)}
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            found |= {"halves": _between(*grid.flat) if halves else None, "wide": wide}
            self.made.append({"kind": "figure", **shrunk(buffer.getvalue()), **found})


def _cut(figure: Figure, word: Callable[[str], str]) -> None:
    """Leave of all words in a figure those of one language."""
    for text in figure.findobj(Text):
        text.set_text(word(text.get_text()))
    for each in figure.axes:
        for artist in (*each.lines, *each.collections, *each.patches, *each.containers):
            artist.set_label(word(str(artist.get_label())))
        for names in (axis.get_major_formatter() for axis in (each.xaxis, each.yaxis)):
            if isinstance(names, FuncFormatter):
                names.func = lambda value, at, of=names.func: word(of(value, at))


def _finish(each: Axes, halves: bool) -> str:
    """Give what stands above an axes, its title and its vertical label, and set its ticks' labels."""
    above = " · ".join(filter(None, [each.get_title(), each.get_ylabel()]))
    each.set(title="", ylabel="")
    each.set_title(above, loc="left")
    if halves and each.axison:  # each will stand alone, even where they share a scale
        each.tick_params(labelleft=True)
    for axis in (each.xaxis, each.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
            base = axis.get_transform().base
            axis.set_major_formatter(Powers(base))
            axis.set_minor_formatter(Powers(base, labelOnlyBase=False))
    return above


class Powers(LogFormatterSciNotation):
    """The labels of a logarithmic axis as plain text: 10⁻³, 2×10⁴, 2⁵.

    Matplotlib's own are formulas, whose layout takes longer than all else in a figure.
    """

    def __call__(self, x, pos=None) -> str:
        label = super().__call__(x, pos).replace(r"\times", "×").replace("-", "−")
        label = label.replace(r"$\mathdefault{", "").removesuffix("}$")
        return re.sub(r"\^\{(−?\d+)\}", lambda power: power[1].translate(RAISED), label)


def _between(left: Axes, right: Axes) -> float:
    """Where the left one of two axes ends and the right one begins, in units of the drawing."""
    ends, begins = left.get_tightbbox().x1, right.get_tightbbox().x0
    return float(ends + begins) / 2 * 72 / left.figure.dpi  # 72 units are an inch
