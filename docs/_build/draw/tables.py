"""The numbers behind a figure as tables, read back from what Matplotlib was asked to draw.

A table has a caption, heads and rows, all plain text. Tables stay light: a dozen evenly picked
points, four significant digits.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter

ROWS, MOST = 12, 20  # rows shown of long curves; all are shown where there are at most so many
MATRIX = 12  # the largest image shown cell by cell
EMPTY = "–"


class Series(NamedTuple):
    """Points with a name."""

    name: str
    x: np.ndarray
    y: np.ndarray
    is_list: bool  # their order matters, as in an optimizer's path, or one x has several y


def tables_of(above: dict[Axes, str], word: Callable[[str], str]) -> list[dict]:
    """All tables of a figure.

    Args:
        above: the figure's axes, and what stands above each (its title and vertical axis).
        word: gives that half of a pair of words which is in the drawing's language.
    """
    images = {each: _pixels(each) for each in above if each.images}
    if len(images) > 2 or any(max(pixels.shape) > MATRIX for pixels in images.values()):
        found = [_summary(images, above)]
    else:
        found = [_matrix(each, pixels, above[each]) for each, pixels in images.items()]
    for each, title in above.items():
        found += [_diagram(each)] if not each.axison and not each.images else _curves(each, title)
    made = []
    for heads, rows, title, of in found:
        some = (
            f"{of} 个点中的 {len(rows)} 个 | {len(rows)} of {of} points" if len(rows) < of else ""
        )
        caption = " · ".join(filter(None, [title if title not in heads else "", word(some)]))
        made.append({"caption": caption, "heads": list(map(word, heads)), "rows": rows})
    return made


def _series(each: Axes, otherwise: str) -> tuple[list[Series], dict[str, str]]:
    """What an axes draws, by label or else by the axis's name, and its level lines.

    A label that begins with `_` stays out of the legend, and names its series here. Where some
    artists have a label, those without one are decoration.
    """
    found, levels = [], {}
    for artist in (*each.lines, *each.collections):
        label = str(artist.get_label())
        label = "" if label.startswith(("_child", "_nolegend")) else label.removeprefix("_")
        name, where = label or otherwise, artist.get_transform()
        if isinstance(artist, ContourSet) and not artist.filled:
            for level, path in zip(artist.levels, artist.get_paths(), strict=True):
                found.append(
                    (label, _ordered(f"{name} = {_number(level)}", *path.vertices.T, True))
                )
        elif isinstance(artist, PathCollection):
            found.append((label, _ordered(name, *np.asarray(artist.get_offsets(), float).T, False)))
        elif isinstance(artist, Line2D) and where == each.transData:
            x, y = artist.get_data(orig=False)
            found.append((label, _ordered(name, x, y, artist.get_linestyle() != "None")))
        elif label and where == each.get_yaxis_transform(which="grid"):
            levels[label] = _number(artist.get_ydata()[0])
    named = [series for label, series in found if label]
    return [each for each in named or [series for _, series in found] if len(each.x)], levels


def _ordered(name: str, x, y, is_line: bool) -> Series:
    """Points from left to right, but not those of a line that turns back."""
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    steps = np.diff(x)
    turns = is_line and not ((steps > 0).all() or (steps < 0).all())
    order = np.arange(len(x)) if turns else np.argsort(x, kind="stable")
    return Series(name, x[order], y[order], turns or len(np.unique(x)) < len(x))


def _curves(each: Axes, title: str) -> Iterator[tuple]:
    """Curves over the same points in one table, side by side; all else as a list of points."""
    found, levels = _series(each, title or "y")
    across, names = each.get_xlabel() or "x", [series.name for series in found]
    if found and names == [_tick(each.xaxis, series.x.mean()) for series in found]:
        tries = zip_longest(*(series.y for series in found), fillvalue=np.nan)
        rows = [[str(n), *map(_number, values)] for n, values in enumerate(tries, 1)]
        yield ["序号 | no.", *names], rows, title, 0  # across only keeps points apart
        return
    groups, single = [], [series for series in found if series.is_list]
    for series in (series for series in found if not series.is_list):
        fitting = [group for group in groups if len(_shared([*group, series])[0])]
        fitting[0].append(series) if fitting else groups.append([series])
    has_names = isinstance(each.yaxis.get_major_formatter(), FuncFormatter)
    if len(groups) > 2 or has_names:  # nothing in common: better one list than many tables
        groups, single = [], [series for group in groups for series in group] + single
    for group in groups:
        places, of = _shared(group)
        rows = [[_tick(each.xaxis, x)] for x in places]
        for row, x in zip(rows, places, strict=True):
            row += [next(map(_number, y[at == x]), EMPTY) for _, at, y, _ in group]
            row += levels.values()
        yield [across, *(series.name for series in group), *levels], rows, title, of
    if single:
        every = sum(len(series.x) for series in single)
        kept = every if every <= MOST else max(3, 2 * ROWS // len(single))
        rows = [
            [name, _tick(each.xaxis, x[n]), _tick(each.yaxis, y[n])]
            for name, x, y, _ in single
            for n in _evenly(len(x), kept)
        ]
        value = title.split(" · ")[-1] or ("名称 | name" if has_names else "y")
        yield ["系列 | series", across, value], rows, title, every


def _shared(group: list[Series]) -> tuple[np.ndarray, int]:
    """The points at which a table shows these curves, and of how many; none where too few coincide."""
    every = np.unique(np.concatenate([series.x for series in group]))
    if len(every) <= MOST:
        return every, len(every)
    long = [series.x for series in group if len(series.x) > 3]
    common = reduce(np.intersect1d, long) if long else every[:0]
    if len(common) < min([6, *map(len, long)]):
        return common[:0], len(every)
    # Single points, such as a minimum, always have their row.
    single = [series.x for series in group if len(series.x) <= 3]
    return np.unique(np.concatenate([common[_evenly(len(common), ROWS)], *single])), len(every)


def _evenly(count: int, most: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _pixels(each: Axes) -> np.ndarray:
    """What an axes shows as an image; where several lie on each other, the uppermost."""
    layers = [
        np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan) for image in each.images
    ]
    return reduce(lambda lower, upper: np.where(np.isnan(upper), lower, upper), layers)


def _matrix(each: Axes, pixels: np.ndarray, title: str) -> tuple:
    heads = ["", *(_tick(each.xaxis, n) for n in range(pixels.shape[1]))]
    rows = [[_tick(each.yaxis, n), *map(_number, row)] for n, row in enumerate(pixels)]
    return heads, rows, " / ".join(filter(None, [title, each.get_xlabel()])), 0


def _summary(images: dict[Axes, np.ndarray], above: dict[Axes, str]) -> tuple:
    heads = [
        "图 | image",
        "行 × 列 | rows × columns",
        "最小 | smallest",
        "最大 | largest",
        "平均 | mean",
    ]
    rows = []
    tops: dict[int, str] = {}  # where only the first row has titles, they are its columns'
    for number, (each, pixels) in enumerate(images.items(), 1):
        place = each.get_subplotspec()
        top = tops.setdefault(place.colspan.start, above[each])
        name = above[each] or (f"{top} {place.rowspan.start + 1}" if top else str(number))
        values = (np.nanmin(pixels), np.nanmax(pixels), np.nanmean(pixels))
        rows.append([name, " × ".join(map(str, pixels.shape)), *map(_number, values)])
    return heads, rows, "", 0


def _diagram(each: Axes) -> tuple:
    """A drawing without axes: which of its words lead to which, or the words alone."""
    written = {text.get_position(): text.get_text() for text in each.texts if text.get_text()}
    arrows = [text for text in each.texts if isinstance(text, Annotation) and text.arrowprops]
    ends = [(arrow.xyann, arrow.xy) for arrow in arrows]
    ends += [tuple(map(tuple, line.get_xydata().tolist())) for line in each.lines]
    if links := [[written[a], written[b]] for a, b in ends if a in written and b in written]:
        return ["从 | from", "到 | to"], links, "", 0
    return ["文字 | words"], [[text] for text in written.values()], "", 0


def _tick(axis, value: float) -> str:
    """A position as its axis names it, where the author gave names."""
    places, names = axis.get_majorticklocs(), axis.get_major_formatter()
    if isinstance(names, FuncFormatter) and len(places):
        nearest = int(np.argmin(np.abs(places - value)))
        label = names(places[nearest], nearest)
        if label and abs(places[nearest] - value) < 0.35:
            return label
    return _number(value)


def _number(value: float) -> str:
    if not np.isfinite(value):
        return EMPTY if np.isnan(value) else f"{value:+}".replace("+inf", "∞").replace("-inf", "−∞")
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")
