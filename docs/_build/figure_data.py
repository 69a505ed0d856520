"""The numbers behind a figure as tables, read back from what Matplotlib was asked to draw.

A figure knows no language, so the few words here come in both; `blocks` keeps the page's.
Tables stay light: a dozen evenly picked points, four significant digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import zip_longest

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FuncFormatter

ROWS, MOST = 12, 20  # rows shown of long curves; all are shown where there are at most so many
MATRIX = 12  # the largest image shown cell by cell
EMPTY = "–"


@dataclass
class Series:
    """Points with a name; ``x`` is None for what is the same everywhere (a level line)."""

    name: str
    x: np.ndarray | None
    y: np.ndarray
    is_path: bool = False  # the points' order matters, as in an optimizer's path

    def __post_init__(self) -> None:
        if self.x is None:
            return
        self.x, self.y = np.asarray(self.x, float).ravel(), np.asarray(self.y, float).ravel()
        steps = np.diff(self.x)
        self.is_path = self.is_path and not ((steps > 0).all() or (steps < 0).all())
        if not self.is_path:
            order = np.argsort(self.x, kind="stable")
            self.x, self.y = self.x[order], self.y[order]
            self.is_path = len(np.unique(self.x)) < len(self.x)

    def at(self, x: float) -> str:
        return next(map(_number, self.y[self.x == x]), EMPTY)


def word(zh: str, en: str) -> str:
    """A word of ours in both languages, of which `blocks` keeps one."""
    return f'<span class="word" lang="zh">{zh}</span><span class="word" lang="en">{en}</span>'


def tables(grid, title_of: dict[Axes, str]) -> str:
    """All tables of a figure as HTML, each in a box that scrolls.

    Args:
        grid: the figure's axes; title_of: what stands above each (its title and vertical axis).
    """
    grid = list(grid)
    names = {
        look(artist): label
        for each in grid
        for artist, label in zip(*each.get_legend_handles_labels(), strict=True)
    }
    images = [each for each in grid if each.images]
    found = []
    if len(images) > 2 or any(max(_pixels(each).shape) > MATRIX for each in images):
        found.append(_summary(images, title_of))
    else:
        found += [_matrix(each, title_of[each]) for each in images]
    for each in grid:
        across = each.get_xlabel() or "x"
        if not each.axison and not each.images:
            found.append(_diagram(each))
            continue
        found += _curves(each, _series(each, names, title_of[each] or "y"), across, title_of[each])
    return "".join(found)


def look(artist) -> tuple:
    """What tells a curve from others: colour, dashes (Matplotlib has no public name), marker."""
    if isinstance(artist, Line2D):
        colour = matplotlib.colors.to_hex(artist.get_color())
        has_line = artist.get_linestyle() != "None"
        dashes = tuple(artist._unscaled_dash_pattern[1] or ()) if has_line else None
        return colour, dashes, str(artist.get_marker())
    return (id(artist),)


def _series(each: Axes, names: dict, otherwise: str) -> list[Series]:
    """What an axes draws, with names: its label, that of the same look elsewhere, or the axis's.

    A label that begins with `_` stays out of the legend, and names its series here. Where some
    artists have a name, those without one are decoration.
    """
    found: list[tuple[str, Series]] = []
    for artist in [*each.lines, *each.collections, *each.patches]:
        label = str(artist.get_label())
        label = "" if label.startswith(("_child", "_nolegend")) else label.removeprefix("_")
        name = label or names.get(look(artist), "")
        if isinstance(artist, Line2D):
            x, y = (np.asarray(part, float) for part in artist.get_data(orig=False))
            if artist.get_transform() == each.get_yaxis_transform(which="grid"):
                if label:
                    found.append((name, Series(name, None, y[:1])))
            elif artist.get_transform() == each.transData:
                lined = artist.get_linestyle() != "None"
                found.append((name, Series(name or otherwise, x, y, is_path=lined)))
        elif isinstance(artist, PathCollection):
            x, y = np.asarray(artist.get_offsets(), float).T
            found.append((name, Series(name or otherwise, x, y)))
        elif isinstance(artist, ContourSet) and not artist.filled:
            for level, path in zip(artist.levels, artist.get_paths(), strict=True):
                line = f"{name or otherwise} = {_number(level)}"
                found.append((line, Series(line, *path.vertices.T, is_path=True)))
        elif label and artist.get_transform() == each.get_yaxis_transform(which="grid"):
            low, high = artist.get_y(), artist.get_y() + artist.get_height()
            found.append((name, Series(name, None, np.array([low, high]))))
    for bars in (held for held in each.containers if isinstance(held, BarContainer)):
        label = str(bars.get_label()).removeprefix("_")
        name = label if not label.startswith("container") else ""
        upright = bars.orientation == "vertical"
        middles = [
            bar.get_x() + bar.get_width() / 2 if upright else bar.get_y() + bar.get_height() / 2
            for bar in bars
        ]
        ends = [bar.get_height() if upright else bar.get_width() for bar in bars]
        pair = (middles, ends) if upright else (ends, middles)
        found.append((name, Series(name or otherwise, *map(np.array, pair))))
    named = [series for name, series in found if name]
    return named or [series for _, series in found]


def _curves(each: Axes, found: list[Series], across: str, title: str) -> list[str]:
    """Curves over the same points in one table, side by side; all else as a list of points."""
    places = [_tick(each.xaxis, s.x.mean()) for s in found if s.x is not None and len(s.x)]
    if found and places == [series.name for series in found]:  # across only keeps points apart
        tries = zip_longest(*(series.y for series in found), fillvalue=np.nan)
        body = [[str(n), *map(_number, values)] for n, values in enumerate(tries, 1)]
        return [_table([word("序号", "no."), *places], body, title, 0, 0)]
    levels = [series for series in found if series.x is None]
    paths = [series for series in found if series.is_path]
    groups: list[list[Series]] = []
    for series in found:
        if series.x is None or series.is_path or not len(series.x):
            continue
        for group in groups:
            if len(_rows([*group, series])):
                group.append(series)
                break
        else:
            groups.append([series])
    has_names = isinstance(each.yaxis.get_major_formatter(), FixedFormatter | FuncFormatter)
    if len(groups) > 2 or has_names:  # nothing in common: better one list than many tables
        paths, groups = [s for group in groups for s in group] + paths, []
    html = []
    for group in groups:
        rows, every = _rows(group), len(np.unique(np.concatenate([s.x for s in group])))
        same = [f" {word('到', 'to')} ".join(map(_number, level.y)) for level in levels]
        body = [[_tick(each.xaxis, at), *(series.at(at) for series in group), *same] for at in rows]
        heads = [across, *(series.name for series in [*group, *levels])]
        html.append(_table(heads, body, title if title not in heads else "", len(rows), every))
    if paths:
        every = sum(len(series.x) for series in paths)
        kept = every if every <= MOST else max(3, 2 * ROWS // len(paths))
        body = [
            [series.name, _tick(each.xaxis, series.x[n]), _tick(each.yaxis, series.y[n])]
            for series in paths
            for n in _evenly(len(series.x), kept)
        ]
        value = title.split(" · ")[-1] or (word("名称", "name") if has_names else "y")
        heads = [word("系列", "series"), across, value]
        html.append(_table(heads, body, title if title not in heads else "", len(body), every))
    return html


def _rows(group: list[Series]) -> np.ndarray:
    """The points at which a table shows these curves; none if they have too few in common."""
    every = np.unique(np.concatenate([series.x for series in group]))
    if len(every) <= MOST:
        return every
    long = [series.x for series in group if len(series.x) > 3]
    if not long:
        return every[:0]
    common = long[0]
    for x in long[1:]:
        common = np.intersect1d(common, x)
    if len(common) < min(6, *map(len, long)):
        return common[:0]
    # Single points, such as a minimum, always have their row.
    single = [series.x for series in group if len(series.x) <= 3]
    return np.unique(np.concatenate([common[_evenly(len(common), ROWS)], *single]))


def _evenly(count: int, most: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _pixels(each: Axes) -> np.ndarray:
    """What an axes shows as an image; where several lie on each other, the uppermost."""
    whole = np.full(np.shape(each.images[0].get_array())[:2], np.nan)
    for image in each.images:
        values = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
        values = values if values.ndim == 2 else values.mean(-1)
        whole = np.where(np.isnan(values), whole, values)
    return whole


def _matrix(each: Axes, title: str) -> str:
    pixels = _pixels(each)
    heads = ["", *(_tick(each.xaxis, n) for n in range(pixels.shape[1]))]
    body = [[_tick(each.yaxis, n), *map(_number, row)] for n, row in enumerate(pixels)]
    return _table(heads, body, " / ".join(filter(None, [title, each.get_xlabel()])), 0, 0)


def _summary(images: list[Axes], title_of: dict[Axes, str]) -> str:
    heads = [
        word("图", "image"),
        word("行 × 列", "rows × columns"),
        word("最小", "smallest"),
        word("最大", "largest"),
        word("平均", "mean"),
    ]
    body = []
    tops: dict[int, str] = {}  # where only the first row has titles, they are its columns'
    for number, each in enumerate(images, 1):
        place = each.get_subplotspec()
        row, top = place.rowspan.start + 1, tops.setdefault(place.colspan.start, title_of[each])
        pixels = _pixels(each)
        size = " × ".join(map(str, pixels.shape))
        least, most, mean = np.nanmin(pixels), np.nanmax(pixels), np.nanmean(pixels)
        name = title_of[each] or (f"{top} {row}" if top else str(number))
        body.append([name, size, _number(least), _number(most), _number(mean)])
    return _table(heads, body, "", 0, 0)


def _diagram(each: Axes) -> str:
    """A drawing without axes: which of its words lead to which, or the words alone."""
    written = {text.get_position(): text.get_text() for text in each.texts if text.get_text()}
    ends = [
        (text.xyann, text.xy)
        for text in each.texts
        if isinstance(text, Annotation) and text.arrowprops
    ] + [tuple(map(tuple, line.get_xydata().tolist())) for line in each.lines]
    links = [[written[a], written[b]] for a, b in ends if a in written and b in written]
    if links:
        return _table([word("从", "from"), word("到", "to")], links, "", 0, 0)
    return _table([word("文字", "words")], [[text] for text in written.values()], "", 0, 0)


def _table(heads: list[str], body: list[list[str]], title: str, shown: int, of: int) -> str:
    picked = word(f"{of} 个点中的 {shown} 个", f"{shown} of {of} points") if shown < of else ""
    caption = " · ".join(filter(None, [escape(title, quote=False), picked]))
    caption = f"<caption>{caption}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{_text(cell)}</th>' if cell else "<td></td>" for cell in heads)
    rows = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>'
        + "".join(f"<td>{_text(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in body
    )
    return (
        f'<div class="fig-values" tabindex="0"><table class="values">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _text(cell: str) -> str:
    return cell if '<span class="word"' in cell else escape(cell, quote=False)


def _tick(axis, value: float) -> str:
    """A position as its axis names it, where the author gave names."""
    formatter = axis.get_major_formatter()
    if isinstance(formatter, FixedFormatter | FuncFormatter):
        places = axis.get_majorticklocs()
        nearest = int(np.argmin(np.abs(places - value))) if len(places) else 0
        label = formatter(places[nearest], nearest) if len(places) else ""
        if label and abs(places[nearest] - value) < 0.35:
            return label
    return _number(value)


def _number(value: float) -> str:
    if not np.isfinite(value):
        return EMPTY if np.isnan(value) else f"{value:+}".replace("+inf", "∞").replace("-inf", "−∞")
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")
