"""The numbers behind a figure as tables, read back from what Matplotlib was asked to draw.

A table has a caption, heads and rows, all plain text. Tables stay light: a dozen evenly picked
points, four significant digits.
"""

from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FuncFormatter

from draw.legends import labelled, look

ROWS, MOST = 12, 20  # rows shown of long curves; all are shown where there are at most so many
MATRIX = 12  # the largest image shown cell by cell
EMPTY = "–"
NAMES = FixedFormatter | FuncFormatter  # what writes the ticks of an axis that the author named


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


def tables_of(grid, title_of: dict[Axes, str], word) -> list[dict]:
    """All tables of a figure.

    Args:
        grid: the figure's axes; title_of: what stands above each (its title and vertical axis).
        word: gives that of two words, Chinese and English, which is in the drawing's language.
    """
    grid = list(grid)
    names = {look(artist): label for each in grid for artist, label in labelled(each)}
    images = [each for each in grid if each.images]
    if len(images) > 2 or any(max(_pixels(each).shape) > MATRIX for each in images):
        found = [_summary(images, title_of, word)]
    else:
        found = [_matrix(each, title_of[each]) for each in images]
    for each in grid:
        if not each.axison and not each.images:
            found.append(_diagram(each, word))
        else:
            series = _series(each, names, title_of[each] or "y")
            found += _curves(each, series, title_of[each], word)
    return found


def _series(each: Axes, names: dict, otherwise: str) -> list[Series]:
    """What an axes draws, with names: its label, that of the same look elsewhere, or the axis's.

    A label that begins with `_` stays out of the legend, and names its series here. Where some
    artists have a name, those without one are decoration.
    """
    found: list[tuple[str, Series]] = []

    def add(name: str, x, y, is_path: bool = False) -> None:
        found.append((name, Series(name or otherwise, x, y, is_path)))

    for artist in [*each.lines, *each.collections, *each.patches]:
        label = str(artist.get_label())
        label = "" if label.startswith(("_child", "_nolegend")) else label.removeprefix("_")
        name = label or names.get(look(artist), "")
        is_level = artist.get_transform() == each.get_yaxis_transform(which="grid")
        if isinstance(artist, Line2D):
            x, y = (np.asarray(part, float) for part in artist.get_data(orig=False))
            if is_level and label:
                add(name, None, y[:1])
            elif artist.get_transform() == each.transData:
                add(name, x, y, artist.get_linestyle() != "None")
        elif isinstance(artist, PathCollection):
            add(name, *np.asarray(artist.get_offsets(), float).T)
        elif isinstance(artist, ContourSet) and not artist.filled:
            for level, path in zip(artist.levels, artist.get_paths(), strict=True):
                add(f"{name or otherwise} = {_number(level)}", *path.vertices.T, True)
        elif is_level and label:
            add(name, None, artist.get_y() + np.array([0, artist.get_height()]))
    for bars in (held for held in each.containers if isinstance(held, BarContainer)):
        label = str(bars.get_label()).removeprefix("_")
        pair = (bars.position_centers, bars.datavalues)
        pair = pair if bars.orientation == "vertical" else pair[::-1]
        add(label if not label.startswith("container") else "", *pair)
    named = [series for name, series in found if name]
    return named or [series for _, series in found]


def _curves(each: Axes, found: list[Series], title: str, word) -> list[dict]:
    """Curves over the same points in one table, side by side; all else as a list of points."""

    def picked(heads: list[str], rows: list[list[str]], of: int) -> dict:
        count = len(rows)
        some = word(f"{of} 个点中的 {count} 个", f"{count} of {of} points") if count < of else ""
        return _table(heads, rows, title if title not in heads else "", some)

    places = [_tick(each.xaxis, s.x.mean()) for s in found if s.x is not None and len(s.x)]
    if found and places == [series.name for series in found]:  # across only keeps points apart
        tries = zip_longest(*(series.y for series in found), fillvalue=np.nan)
        rows = [[str(n), *map(_number, values)] for n, values in enumerate(tries, 1)]
        return [_table([word("序号", "no."), *places], rows, title)]
    across = each.get_xlabel() or "x"
    levels = [series for series in found if series.x is None]
    paths = [series for series in found if series.is_path]
    groups = _grouped([s for s in found if s.x is not None and not s.is_path and len(s.x)])
    has_names = isinstance(each.yaxis.get_major_formatter(), NAMES)
    if len(groups) > 2 or has_names:  # nothing in common: better one list than many tables
        paths, groups = [series for group in groups for series in group] + paths, []
    same = [f" {word('到', 'to')} ".join(map(_number, level.y)) for level in levels]
    result = []
    for group in groups:
        values = ((at, [series.at(at) for series in group]) for at in _rows(group))
        rows = [[_tick(each.xaxis, at), *of_all, *same] for at, of_all in values]
        heads = [across, *(series.name for series in [*group, *levels])]
        result.append(picked(heads, rows, len(_places(group))))
    if paths:
        every = sum(len(series.x) for series in paths)
        kept = every if every <= MOST else max(3, 2 * ROWS // len(paths))
        rows = [
            [series.name, _tick(each.xaxis, series.x[n]), _tick(each.yaxis, series.y[n])]
            for series in paths
            for n in _evenly(len(series.x), kept)
        ]
        value = title.split(" · ")[-1] or (word("名称", "name") if has_names else "y")
        result.append(picked([word("系列", "series"), across, value], rows, every))
    return result


def _grouped(found: list[Series]) -> list[list[Series]]:
    """Series that can share a table."""
    groups: list[list[Series]] = []
    for series in found:
        for group in groups:
            if len(_rows([*group, series])):
                group.append(series)
                break
        else:
            groups.append([series])
    return groups


def _places(group: list[Series]) -> np.ndarray:
    return np.unique(np.concatenate([series.x for series in group]))


def _rows(group: list[Series]) -> np.ndarray:
    """The points at which a table shows these curves; none if they have too few in common."""
    every = _places(group)
    if len(every) <= MOST:
        return every
    long = [series.x for series in group if len(series.x) > 3]
    common = reduce(np.intersect1d, long) if long else every[:0]
    if len(common) < min([6, *map(len, long)]):
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


def _matrix(each: Axes, title: str) -> dict:
    pixels = _pixels(each)
    heads = ["", *(_tick(each.xaxis, n) for n in range(pixels.shape[1]))]
    rows = [[_tick(each.yaxis, n), *map(_number, row)] for n, row in enumerate(pixels)]
    return _table(heads, rows, " / ".join(filter(None, [title, each.get_xlabel()])))


def _summary(images: list[Axes], title_of: dict[Axes, str], word) -> dict:
    heads = [word("图", "image"), word("行 × 列", "rows × columns"), word("最小", "smallest")]
    heads += [word("最大", "largest"), word("平均", "mean")]
    rows = []
    tops: dict[int, str] = {}  # where only the first row has titles, they are its columns'
    for number, each in enumerate(images, 1):
        place, pixels = each.get_subplotspec(), _pixels(each)
        row, top = place.rowspan.start + 1, tops.setdefault(place.colspan.start, title_of[each])
        name = title_of[each] or (f"{top} {row}" if top else str(number))
        values = (np.nanmin(pixels), np.nanmax(pixels), np.nanmean(pixels))
        rows.append([name, " × ".join(map(str, pixels.shape)), *map(_number, values)])
    return _table(heads, rows)


def _diagram(each: Axes, word) -> dict:
    """A drawing without axes: which of its words lead to which, or the words alone."""
    written = {text.get_position(): text.get_text() for text in each.texts if text.get_text()}
    arrows = [text for text in each.texts if isinstance(text, Annotation) and text.arrowprops]
    ends = [(arrow.xyann, arrow.xy) for arrow in arrows]
    ends += [tuple(map(tuple, line.get_xydata().tolist())) for line in each.lines]
    links = [[written[a], written[b]] for a, b in ends if a in written and b in written]
    if links:
        return _table([word("从", "from"), word("到", "to")], links)
    return _table([word("文字", "words")], [[text] for text in written.values()])


def _table(heads: list[str], rows: list[list[str]], *captions: str) -> dict:
    return {"caption": " · ".join(filter(None, captions)), "heads": heads, "rows": rows}


def _tick(axis, value: float) -> str:
    """A position as its axis names it, where the author gave names."""
    places = axis.get_majorticklocs()
    if isinstance(names := axis.get_major_formatter(), NAMES) and len(places):
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
