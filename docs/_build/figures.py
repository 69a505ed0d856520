"""Figures as inline SVG that takes its colours and its font from the page.

Matplotlib draws: it has every kind of plot that the chapters need (contours, images, log axes), is
what readers know, and can leave text as text (``svg.fonttype: none``), so that no font is needed
while building and 汉字 appear in the page's own font. Altair and lets-plot were looked at: their
SVG needs a renderer of 20 MB or more, and neither takes its colours from the page.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
import numpy as np

matplotlib.use("svg")
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.ticker import LogFormatterSciNotation

import figure_data

# Stand-ins that the page replaces by its own colours, in light and in dark: see `site.css`.
CYCLE = [f"#0000c{n}" for n in range(8)]
INK, MUTED, GRID, PAPER = "#0000a0", "#0000a1", "#0000a2", "#0000a3"
COLOURS = {colour: f"var(--fig-{n})" for n, colour in enumerate(CYCLE)} | {
    INK: "var(--fig-ink)",
    MUTED: "var(--fig-muted)",
    GRID: "var(--fig-grid)",
    PAPER: "var(--fig-paper)",
}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "figures",  # the same bytes on every run
    "font.size": 10,
    "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "patch.edgecolor": INK,
    "image.cmap": "viridis",
}
# Matplotlib takes powers of ten for formulas, whose layout takes longer than all else in a figure.
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = {raised: plain for plain, raised in RAISED.items()}
POWER = re.compile(r"\^\{(−?\d+)\}")
DRAWN_POWER = re.compile(r"(?<=\d)([⁻⁰¹²³⁴-⁹]+)(?=</text>)")
WIDE = 450  # units of a drawing that would be too small to read on a phone
DECIMALS = re.compile(r"-?\d+\.\d{2,}")
DASHES = ["-", "--", "-.", ":", (0, (8, 2, 1.5, 2, 1.5, 2)), (0, (10, 3)), (0, (1.5, 4))]
# Text that only the browser will draw has no glyphs here, and needs none.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="Glyph .* missing from", module="figures")


class Powers(LogFormatterSciNotation):
    """The labels of a logarithmic axis as plain text: 10⁻³, 2×10⁴, 2⁵."""

    def __call__(self, x, pos=None) -> str:
        label = super().__call__(x, pos).replace(r"\times", "×").replace("-", "−")
        label = label.replace(r"$\mathdefault{", "").removesuffix("}$")
        return POWER.sub(lambda power: power[1].translate(RAISED), label)


@contextmanager
def axes(
    *,
    alt: str,
    x: str = "",
    y: str = "",
    titles: list[str] | None = None,
    columns: int = 1,
    rows: int = 1,
    width: float = 4.6,
    height: float = 2.9,
    share: bool = False,
    tables: bool = True,
    show: Callable[[str], None] | None = None,
) -> Iterator:
    """Draw on plain Matplotlib axes; at the end, print the figure as HTML.

    Artists with a label appear in a legend beside the drawing, in the page's own text.

    Args:
        alt: what the figure shows, with its numbers, in the page's language.
        x: the label of the horizontal axis; y: of the vertical one, set above it.
        titles: one title for each of several axes.
        columns: axes side by side (below each other on a phone, where two are wide); rows: below
            each other.
        width: of the drawing in inches at 96 units each; height: likewise.
        share: whether several axes share their scales.
        tables: whether the numbers are folded under the figure.
        show: what takes the HTML in place of the page.

    Yields:
        One Axes, or an array of them where there are several.

    Raises:
        ValueError: ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text that says what it shows, with its numbers")
    # Stock markdown-exec sees only what the block's own print is given.
    show = show or sys._getframe(2).f_globals.get("print", print)
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
        yield grid[0, 0] if grid.size == 1 else grid.squeeze()
        halves = (rows, columns) == (1, 2) and width * 72 > WIDE
        above = {}
        for number, each in enumerate(grid.flat):
            each.set_xlabel(each.get_xlabel() or x)
            title = titles[number] if titles else ""
            parts = [each.get_title() or title, each.get_ylabel() or y]
            above[each] = " · ".join(filter(None, parts))
            each.set(title="", ylabel="")
            each.set_title(above[each], loc="left")
            if halves and each.axison:  # each will stand alone, even where they share a scale
                each.tick_params(labelleft=True)
            for axis in (each.xaxis, each.yaxis):
                if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
                    base = axis.get_transform().base
                    axis.set_major_formatter(Powers(base))
                    axis.set_minor_formatter(Powers(base, labelOnlyBase=False))
        _tell_apart(grid.flat)
        values = figure_data.tables(grid.flat, above) if tables else ""
        buffer = io.StringIO()
        # 72 units an inch in the file; the page scales the drawing to its column.
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        between = _between(figure, *grid.flat) if halves else None
        show(_html(buffer.getvalue(), alt, _legend(grid.flat), values, between))


def _between(figure: Figure, left, right) -> float:
    """Where the left one of two axes ends and the right one begins, in units of the drawing."""
    boxes = [each.get_tightbbox() for each in (left, right)]
    return (boxes[0].x1 + boxes[1].x0) / 2 * 72 / figure.dpi


def _tell_apart(grid) -> None:
    """Give curves that share axes and would differ in colour alone dashes of their own."""
    chosen: dict[str, str | tuple] = {}  # a curve looks the same in every axes of the figure
    for each in grid:
        lines, names = each.get_legend_handles_labels()
        looks = set()
        for line, name in zip(lines, names, strict=True):
            if not isinstance(line, Line2D) or line.get_linestyle() == "None":
                continue
            for style in [chosen[name]] if name in chosen else ["", *DASHES]:
                if style:
                    line.set_linestyle(style)
                    chosen[name] = style
                if figure_data.look(line)[1:] not in looks:
                    break
            looks.add(figure_data.look(line)[1:])


def _legend(grid) -> str:
    """The labelled artists as a list, each with a sample of its line or mark."""
    items: dict[str, str] = {}
    for each in grid:
        for artist, label in zip(*each.get_legend_handles_labels(), strict=True):
            items.setdefault(label, _sample(artist))
    return "".join(f"<li>{sample}{escape(label)}</li>" for label, sample in items.items())


def _sample(artist) -> str:
    """A line with its dashes, a mark in its shape, or a patch of an area's colour."""
    drawn = []
    if isinstance(artist, Line2D):
        colour = _themed(artist.get_color())
        marker = MarkerStyle(artist.get_marker())
        if artist.get_linestyle() != "None":
            pattern = " ".join(f"{length:g}" for length in artist._dash_pattern[1] or [])
            dashes = f' stroke-dasharray="{pattern}"' if pattern else ""
            drawn.append(f'<path d="M0 5H32" stroke="{colour}" stroke-width="2"{dashes}/>')
        if artist.get_marker() not in ("None", "none", None, "", " "):
            filled = marker.is_filled() and artist.get_markerfacecolor() != "none"
            drawn.append(_mark(marker.get_path(), marker.get_transform(), colour, filled))
    elif isinstance(artist, PathCollection):
        faces = artist.get_facecolor()
        colour = _themed(
            matplotlib.colors.to_hex((faces if len(faces) else artist.get_edgecolor())[0])
        )
        drawn.append(_mark(artist.get_paths()[0], None, colour, len(faces) > 0))
    else:  # bars and areas
        patch = artist.patches[0] if hasattr(artist, "patches") else artist
        face = patch.get_facecolor() if hasattr(patch, "get_facecolor") else "none"
        face = face if np.ndim(face) < 2 else face[0]
        colour = _themed(matplotlib.colors.to_hex(face))
        alpha = patch.get_alpha()
        alpha = f' fill-opacity="{alpha:g}"' if alpha is not None else ""
        drawn.append(f'<path d="M7 0h18v10H7z" fill="{colour}"{alpha}/>')
    return f'<svg class="fig-key" viewBox="0 0 32 10" aria-hidden="true">{"".join(drawn)}</svg>'


def _mark(path: Path, transform, colour: str, filled: bool) -> str:
    """A mark as the figure draws it, eight units high, in the middle of a sample."""
    path = path.transformed(transform) if transform is not None else path
    (left, low), (right, high) = path.get_extents().get_points()
    scale = 8 / max(right - left, high - low)
    steps = []
    for points, code in path.iter_segments():
        if code == Path.CLOSEPOLY:
            steps.append("z")
            continue
        pairs = points.reshape(-1, 2) - ((left + right) / 2, (low + high) / 2)
        steps.append(
            "MLQC"[code - 1]
            + " ".join(f"{16 + scale * a:.1f} {5 - scale * b:.1f}" for a, b in pairs)
        )
    look = f'fill="{colour}"' if filled else f'stroke="{colour}" stroke-width="1.6"'
    return f'<path d="{"".join(steps)}" {look}/>'


def _themed(colour: str) -> str:
    colour = matplotlib.colors.to_hex(colour) if colour != "currentColor" else colour
    return COLOURS.get(colour, colour)


def _html(svg: str, alt: str, legend: str, values: str, between: float | None) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = _slim(re.sub(r'style="([^"]*)"', _attributes, svg))
    svg = re.sub(r"#0000[ac][0-9a-f]\b", lambda match: COLOURS.get(match[0], match[0]), svg)
    svg = DRAWN_POWER.sub(
        lambda power: f'<tspan dy="-4" font-size="7px">{power[1].translate(LOWERED)}</tspan>', svg
    )
    unique = hashlib.sha256(svg.encode()).hexdigest()[
        :8
    ]  # ids must differ between figures of a page
    svg = re.sub(r'\bid="([^"]+)"', rf'id="f{unique}\1"', svg)
    svg = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'href="#f{unique}\2"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#f{unique}\1)", svg)
    view = re.search(r'viewBox="([^"]+)"', svg)[1]
    body = re.sub(r">\s+<", "><", svg[svg.index(">") + 1 :]).strip()
    left, top, width, height = map(float, view.split())
    kind = "fig fig-wide" if width > WIDE else "fig"
    key = f'<ul class="fig-legend">{legend}</ul>' if legend else ""
    if values:
        values = (
            f'<details class="fig-data" data-search-exclude><summary>{figure_data.word("数据表", "Data table")}'
            f"</summary>{values}</details>"
        )
    below = ""
    if between:  # on a phone the halves stand below each other: two windows on the same drawing
        body = f'<g id="f{unique}">{body.removesuffix("</svg>")}</g></svg>'
        for begin, end in ((left, between), (between, left + width)):
            below += (
                f'<svg class="fig-half" viewBox="{begin:g} {top:g} {end - begin:g} {height:g}"'
                f' aria-hidden="true"><use href="#f{unique}"/></svg>'
            )
    return (
        f'<figure class="{kind}">{key}<div class="fig-drawing"><svg viewBox="{view}" role="img"'
        f' aria-label="{escape(alt)}">{body}{below}</div>{values}</figure>'
    )


def _slim(svg: str) -> str:
    """Leave out what nobody sees: decimals below a hundredth of a pixel, groups that say nothing."""

    def rounded(attribute: re.Match) -> str:
        short = DECIMALS.sub(
            lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), attribute[0]
        )
        return re.sub(r"\s*([A-Za-z]|(?=\"$))\s*", r"\1", short) if attribute[1] == "d" else short

    kept: list[bool] = []

    def group(tag: re.Match) -> str:
        if tag[0] != "</g>":
            kept.append(tag[0] != "<g>")
        return tag[0] if (kept.pop() if tag[0] == "</g>" else kept[-1]) else ""

    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r'\b(d|x|y|transform)="[^"]*"', rounded, svg)
    svg = re.sub(r'<path d="[^"]*" fill="none"/>|<defs\s*/>|<defs>\s*</defs>', "", svg)
    svg = re.sub(r'<g id="[\w.]+_\d+"', "<g", svg)  # Matplotlib's own; a gid of ours stays
    svg = re.sub(r"<g\s*/>", "", svg)
    return re.sub(r"</?g\b(?:[^>]*[^/>])?>", group, svg)


def _attributes(match: re.Match) -> str:
    """Inline style as presentation attributes: a strict content policy forbids inline style."""
    found = {}
    for declaration in match[1].split(";"):
        name, _, value = declaration.strip().partition(":")
        value = value.strip()
        if name == "font":  # "10px 'DejaVu Sans', …": the page has its own font
            size = re.search(r"([\d.]+)px", value)
            found |= {"font-size": size[1]} if size else {}
        elif name and name != "font-family":
            found[name] = value
    return " ".join(f'{name}="{value}"' for name, value in found.items())
