"""Explorables: figures with knobs, where every position of every knob is a run of the page's code.

The table of all runs comes from a snippet's ``sweep()``. Matplotlib draws one position; what must
change with the position carries, as its ``gid``, the names of the run's values that it shows. The
page's script (``assets/explorables.js``) puts another run's values in their place.

Looked at before writing this: Plotly, Bokeh and Altair (sliders over stored data, too, but 1 to
4 MB of script and colours of their own), mpld3 (unmaintained), ipywidgets and marimo (compute in
a server or in the browser). None shows a stored run in a drawing that is already in the page.
"""

import itertools
import json
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from inspect import signature

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from draw.svg import RAISED

LIMIT = 60 * 1024  # bytes of one explorable's data, compressed


class Wrong(ValueError):
    """What an author must change; `explorable` adds which one it is about."""


@contextmanager
def explorable(
    draw, name, run, table, *, start, knobs, panels, say, columns, names=None, marks=None, **how
) -> Iterator:
    """Draw one position on plain Matplotlib axes; at the end, ``draw.made`` has one explorable more.

    What changes carries as its gid the names of the run's values that it shows: `_shape`, `field`.
    All words are pairs: `Drawing.word`.

    Args:
        name: in lower case; the session of the shown code has the same name.
        run: the function that made the table's entries; its arguments are the knobs.
        table: from each position (a tuple of the knobs' values, or the only knob's value) to its run.
        start: the position that is drawn.
        knobs: from each argument of ``run``, in order, to its label.
        panels: for each drawing what it shows, in words.
        say: from the knobs' values and the run's dict to what it shows: a sentence, or a tuple.
        columns: from names of single numbers in the run to the headings of the table's columns.
        names: what a value of a knob or of the run is called, where it is not its own name.
        marks: from a slider's knob to values that are special and what they are, shown below it.
        how: what else `Drawing.axes` takes, for all panels.

    Yields:
        One Axes, or a list of them where there are several panels. Their limits must be set.

    Raises:
        ValueError: the use is wrong; the message says what to do.
    """
    try:
        knobs, columns, names, *texts = (
            {key: draw.word(text) for key, text in words.items()}
            for words in (knobs, columns, names or {}, *(marks or {}).values())
        )
        marks = dict(zip(marks or {}, texts, strict=True))
        runs, start = {_tuple(key): out for key, out in table.items()}, _tuple(start)
        values = _checked(name, run, runs, start, knobs, columns, marks)
        blank = " " * (draw.language == "en")  # Chinese sentences follow each other without one
        said = [blank.join(map(draw.word, _tuple(say(*at, out)))) for at, out in runs.items()]
        alts = [draw.word(alt) + blank for alt in panels]
        drawn = type(draw)(draw.language)
        with ExitStack() as stack:
            grid = [stack.enter_context(drawn.axes(**how)) for _ in panels]
            yield grid[0] if len(grid) == 1 else grid
        parts = _parts(grid, dict(zip(knobs, start, strict=True)) | runs[start], runs)
        controls = _controls(values, start, knobs, names, marks)
        now = said[list(runs).index(start)]
        ids = "|".join(re.escape(part["id"]) for part in parts)
        for figure, alt in zip(drawn.made[::-1], alts, strict=True):  # what began last ended first
            changing = re.compile(rf'\bid="{figure["id"]}({ids})"')
            figure["svg"] = changing.sub(r'data-follows="\1"', figure["svg"])
            figure["alt"] = alt + now
        made = {"kind": "explorable", "name": name, "panels": drawn.made[::-1], "knobs": controls}
        made |= {"said": now, "tables": [_table(runs, controls, columns, names)]}
        data = {"parts": parts, "runs": list(runs.values()), "said": said, "alts": alts}
        draw.made.append(made | {"data": _packed(run.__name__, controls, **data)})
    except Wrong as problem:
        raise ValueError(f"explorable '{name}': {problem}") from None


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def field(ax, rows: list[str], *, gid: str, x: tuple, y: tuple, colours: list[tuple]) -> None:
    """Fill the cells of a grid by class, say the regions of a classifier.

    Args:
        ax: where to draw; rows: strings of one character (0 to 9) per cell, the topmost row first.
        gid: the name of the rows in the run.
        x: the left and the right edge of the grid; y: the lower and the upper.
        colours: for each class a colour and its opacity.
    """
    across = np.linspace(*x, len(rows[0]) + 1)
    down = np.linspace(*y[::-1], len(rows) + 1)
    for level, (colour, opacity) in enumerate(colours):
        # An area of no size, so that there is a path to change even where the class is absent.
        areas = [[(x[0], y[0])] * 2]
        for row, cells in enumerate(rows):
            upper, lower = down[row : row + 2]
            for found in re.finditer(f"{level}+", cells):
                left, right = across[list(found.span())]
                corners = [(left, upper), (right, upper), (right, lower), (left, lower)]
                areas.append([*corners, corners[0]])
        path = Path.make_compound_path(*(Path(area, closed=True) for area in areas))
        patch = PathPatch(path, facecolor=colour, alpha=opacity, linewidth=0, gid=gid)
        patch.grid = (len(rows), len(rows[0]), *x, *y)
        ax.add_patch(patch)


def _checked(name, run, runs, start, knobs, columns, marks) -> list[list]:
    """The values of each knob in order, after a look at all that an author may get wrong."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise Wrong("a name is in lower case, with digits and hyphens")
    if list(knobs) != (takes := list(signature(run).parameters)):
        raise Wrong(f"its knobs are {list(knobs)}, but {run.__name__}() takes {takes}")
    if wrong := [key for key in runs if len(key) != len(knobs)]:
        raise Wrong(f"position {wrong[0]} does not have one value for each of {takes}")
    values = [list(dict.fromkeys(of_knob)) for of_knob in zip(*runs, strict=True)]
    for position, expected in itertools.zip_longest(runs, itertools.product(*values)):
        if position != expected:
            raise Wrong(f"the table lacks position {expected}, or has it in another place")
    if start not in runs:
        raise Wrong(f"the table has no position {start}; its first is {next(iter(runs))}")
    for position, out in runs.items():
        if out.keys() != runs[start].keys():
            raise Wrong(f"the run at {position} has other names than the one at {start}")
        for key, found in out.items():
            if not all(
                math.isfinite(v) for v in np.ravel(found).tolist() if not isinstance(v, str)
            ):
                raise Wrong(f"'{key}' at {position} is not finite: end the run before it overflows")
    if wrong := [key for key in columns if isinstance(runs[start].get(key, []), list)]:
        raise Wrong(f"column '{wrong[0]}' is not a single value of the run")
    of = dict(zip(knobs, values, strict=True))
    for knob, mark, value in ((k, mark, v) for k in marks for v, mark in marks[k].items()):
        if value not in of.get(knob, []):
            raise Wrong(f"mark '{mark}': knob '{knob}' has no value {value}")
    return values


def _parts(grid: list, shown: dict, runs: dict) -> list[dict]:
    """What changes in the drawings: which values it follows, and how they become places."""
    parts = []
    for panel, ax in enumerate(grid):
        of: dict[str, list] = {}
        for artist in ax.findobj(lambda each: each.get_gid()):
            of.setdefault(artist.get_gid(), []).append(artist)
        if not of:
            raise Wrong(f"nothing in panel {panel + 1} has a gid, so nothing would change")
        for gid, artists in of.items():
            across, _, up = gid.rpartition(",")
            if lacking := {across, up} - {"", *shown}:
                has = ", ".join(shown)
                raise Wrong(f"gid '{gid}': the run has no '{lacking.pop()}' (it has: {has})")
            part = {"id": gid, "panel": panel, **_shape(gid, artists, across, up, shown)}
            for axis, key in (("x", across), ("y", up)):
                part[f"{axis}s"] = scale = _scale(f"panel {panel + 1}", ax, axis)
                for position, out in runs.items() if len(scale) > 4 else ():
                    if np.min(out.get(key, 1)) <= 0:
                        raise Wrong(f"'{key}' at {position} is not above 0, and its axis is log")
            parts.append(part)
    return parts


def _shape(gid: str, artists: list, across: str, up: str, shown: dict) -> dict:
    """How the script draws what has a gid; Matplotlib must have drawn the run at the start."""

    def must_show(key: str, drawn) -> None:
        drawn, stored = np.asarray(drawn, float), np.asarray(shown[key], float)
        stored = stored if stored.ndim else np.full(drawn.shape, stored)
        if drawn.shape != stored.shape or not np.allclose(drawn, stored):
            raise Wrong(f"gid '{gid}': what is drawn is not the run at the start position")

    first = artists[0]
    if hasattr(first, "grid"):
        return {"kind": "field", "y": up, "grid": first.grid}
    if isinstance(first, Line2D):
        x, y = first.get_data(orig=False)
        must_show(up, y)
        if across:
            must_show(across, x)
        marks = (-1 if first.get_markevery() == [-1] else 1) if first.get_marker() != "None" else 0
        x = across or np.asarray(x, float).tolist()
        return {"kind": "line", "x": x, "y": up, "marks": marks}
    if isinstance(first, Rectangle):
        must_show(up, [bar.get_y() + bar.get_height() for bar in artists])
        x = [[float(bar.get_x()), float(bar.get_x() + bar.get_width())] for bar in artists]
        return {"kind": "bars", "x": x, "y": up, "base": float(first.get_y())}
    raise Wrong(f"gid '{gid}': change lines (ax.plot), ax.bar or draw.field only")


def _scale(where: str, ax, axis: str) -> list[float]:
    """How values become places: the limits of an axis, where they lie, and a 1 if it is log."""
    scale, limits = getattr(ax, f"get_{axis}scale")(), getattr(ax, f"get_{axis}lim")()
    if getattr(ax, f"get_autoscale{axis}_on")():
        raise Wrong(f"{where}: set {axis}lim, so that it holds for all positions")
    if scale not in ("linear", "log"):
        raise Wrong(f"{where}: the {axis} axis is neither linear nor log")
    box, (width, height) = ax.get_position(), ax.figure.get_size_inches() * 72
    ends = [box.x0 * width, box.x1 * width]
    if axis == "y":
        ends = [(1 - box.y0) * height, (1 - box.y1) * height]
    return [*map(float, limits), *(round(float(end), 3) for end in ends), *[1] * (scale == "log")]


def _controls(values: list, start: tuple, knobs: dict, names: dict, marks: dict) -> dict[str, dict]:
    """What each control is called, the words for its values, where it stands, and its marks."""
    found = {}
    for (knob, label), of_knob, value in zip(knobs.items(), values, start, strict=True):
        text = [names.get(each, _text(each)) for each in of_knob]
        special = [[of_knob.index(each), mark] for each, mark in marks.get(knob, {}).items()]
        for place, mark in special:
            text[place] += f" ({mark})"
        found[knob] = {"values": of_knob, "code": list(map(repr, of_knob)), "text": text}
        found[knob] |= {"label": label, "at": of_knob.index(value), "marks": special}
    return found


def _text(value) -> str:
    """A value as readers see it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if "e" not in f"{value:.4g}":
        return f"{value:.4g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).replace('-', '−').translate(RAISED)}"


def _table(runs: dict, controls: dict, columns: dict, names: dict) -> dict:
    """All positions with the single numbers that the author chose."""
    heads = [*(control["label"] for control in controls.values()), *columns.values()]
    positions = itertools.product(*(control["text"] for control in controls.values()))
    rows = [
        [*position, *(names.get(out[key]) or _text(out[key]) for key in columns)]
        for position, out in zip(positions, runs.values(), strict=True)
    ]
    return {"caption": "", "heads": heads, "rows": rows}


def _packed(call: str, controls: dict, **data) -> str:
    """What the page's script needs, as JSON."""
    needed = ("values", "code", "text")
    knobs = {knob: {key: control[key] for key in needed} for knob, control in controls.items()}
    packed = json.dumps(
        {"call": call, "knobs": knobs, **data}, ensure_ascii=False, separators=(",", ":")
    )
    if (size := len(zlib.compress(packed.encode(), 9))) > LIMIT:
        raise Wrong(
            f"its data come to {size / 1024:.0f} KiB compressed, more than {LIMIT // 1024}: "
            "round to fewer digits, or store fewer positions or steps"
        )
    return packed
