"""Explorables: figures with knobs, where every position of every knob is a run of the page's code.

The table of all runs comes from a snippet's ``sweep()``. Matplotlib draws one position; what must
change with the position carries, as its ``gid``, the names of the run's values that it shows. The
page's script (``assets/explorables.js``) puts another run's values in their place.

Looked at before writing this: Plotly, Bokeh and Altair (sliders over stored data, too, but 1 to
4 MB of script and colours of their own), mpld3 (unmaintained), ipywidgets and marimo (compute in
a server or in the browser). None shows a stored run in a drawing that is already in the page.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import signature
from typing import NoReturn

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from draw.style import RAISED

LIMIT = 60 * 1024  # bytes of one explorable's data, compressed


@contextmanager
def explorable(
    draw,
    name: str,
    run: Callable[..., dict],
    table: dict,
    *,
    start,
    knobs: dict[str, str],
    panels: list[dict],
    say: Callable[..., str],
    columns: dict[str, str],
    names: dict | None = None,
    marks: dict[str, dict] | None = None,
) -> Iterator:
    """Draw one position on plain Matplotlib axes; at the end, `draw.made` has one explorable more.

    What changes carries a gid: ``"loss"`` on a line shows the run's ``loss`` against the line's own
    x, ``"w,b"`` shows ``b`` against ``w``, and ``"p"`` on bars their heights. A single number moves
    a single point; a knob's own value has the knob's name. See also `field`.

    Args:
        name: in lower case; the session of the shown code has the same name.
        run: the function that made the table's entries; its arguments are the knobs.
        table: from each position (a tuple of the knobs' values, or the only knob's value) to its run.
        start: the position that is drawn.
        knobs: from each argument of ``run``, in order, to its label.
        panels: for each drawing what `Drawing.axes` takes (``x``, ``y``, …), and ``alt``, which
            says what is drawn; ``say`` adds the numbers.
        say: from the knobs' values and the run's dict to the sentence that says what it shows.
        columns: from names of single numbers in the run to the headings of the table's columns.
        names: what a value of a knob or of the run is called, where it is not its own name.
        marks: from a slider's knob to values that are special and what they are, shown below it.

    Yields:
        One Axes, or a list of them where there are several panels. Their limits must be set.

    Raises:
        ValueError: the use is wrong; the message says what to do.
    """
    runs = {key if isinstance(key, tuple) else (key,): out for key, out in table.items()}
    start = start if isinstance(start, tuple) else (start,)
    values = _checked(name, run, runs, start, knobs, columns)
    said = [str(say(*position, out)) for position, out in runs.items()]
    panels = [dict(panel) for panel in panels]
    alts = [_before(panel.pop("alt")) for panel in panels]
    drawn = type(draw)(draw.language)
    with ExitStack() as stack:
        grid = [stack.enter_context(drawn.axes(**panel, tables=False)) for panel in panels]
        yield grid[0] if len(grid) == 1 else grid
    shown = dict(zip(knobs, start, strict=True)) | runs[start]
    parts = [part for n, ax in enumerate(grid) for part in _parts(name, n, ax, shown, runs)]
    names = names or {}
    text = _texts(name, values, names, marks or {})
    rows = [
        [of_knob[value] for of_knob, value in zip(text.values(), position, strict=True)]
        + [names.get(value) or _text(value) for value in map(out.get, columns)]
        for position, out in runs.items()
    ]
    first = said[list(runs).index(start)]
    alone = zip(drawn.made[::-1], alts, strict=True)  # the last one that began ended first
    draw.made.append(
        {
            "kind": "explorable",
            "name": name,
            "panels": [
                _following(figure, parts) | {"alt": f"{alt}{first}"} for figure, alt in alone
            ],
            "knobs": [
                _knob(knob, knobs[knob], text[knob], value, (marks or {}).get(knob, {}))
                for knob, value in zip(knobs, start, strict=True)
            ],
            "said": first,
            "data": _packed(name, run, text, parts, runs, said, alts),
            "tables": [
                {"caption": "", "heads": [*knobs.values(), *columns.values()], "rows": rows}
            ],
        }
    )


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
        vertices, codes = [(x[0], y[0])] * 2, [Path.MOVETO, Path.CLOSEPOLY]
        for row, cells in enumerate(rows):
            for found in re.finditer(f"{level}+", cells):
                left, right = across[found.start()], across[found.end()]
                upper, lower = down[row], down[row + 1]
                vertices += [(left, upper), (right, upper), (right, lower), (left, lower)]
                vertices.append((left, upper))
                codes += [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY]
        patch = PathPatch(
            Path(vertices, codes), facecolor=colour, alpha=opacity, linewidth=0, gid=gid
        )
        patch.grid = (len(rows), len(rows[0]), *x, *y)
        ax.add_patch(patch)


def _wrong(name: str, problem: str) -> NoReturn:
    raise ValueError(f"explorable '{name}': {problem}")


def _before(sentence: str) -> str:
    """A sentence that another one follows: Chinese ones have no blank between them."""
    return sentence if sentence.endswith("。") else f"{sentence} "


def _checked(name, run, runs, start, knobs, columns) -> dict[str, list]:
    """The values of each knob in order, after a look at all that an author may get wrong."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        _wrong(name, "a name is in lower case, with digits and hyphens")
    takes = list(signature(run).parameters)
    if list(knobs) != takes:
        _wrong(name, f"its knobs are {list(knobs)}, but {run.__name__}() takes {takes}")
    if wrong := [key for key in runs if len(key) != len(knobs)]:
        _wrong(name, f"position {wrong[0]} does not have one value for each of {takes}")
    values = [list(dict.fromkeys(of_knob)) for of_knob in zip(*runs, strict=True)]
    for position, expected in itertools.zip_longest(runs, itertools.product(*values)):
        if position != expected:
            _wrong(name, f"the table lacks position {expected}, or has it in another place")
    if start not in runs:
        _wrong(name, f"the table has no position {start}; its first is {next(iter(runs))}")
    for position, out in runs.items():
        if out.keys() != runs[start].keys():
            _wrong(name, f"the run at {position} has other names than the one at {start}")
        for key, found in out.items():
            flat = found if isinstance(found, list) else [found]
            if any(isinstance(v, float) and not math.isfinite(v) for v in flat):
                _wrong(
                    name, f"'{key}' at {position} is not finite: end the run before it overflows"
                )
    for column in columns:
        if isinstance(runs[start].get(column, []), list):
            _wrong(name, f"column '{column}' is not a single value of the run")
    return dict(zip(knobs, values, strict=True))


def _parts(name: str, panel: int, ax, shown: dict, runs: dict) -> Iterator[dict]:
    """What changes in a drawing: which values it follows, and how they become places."""
    of: dict[str, list] = {}
    for artist in ax.findobj(lambda each: each.get_gid()):
        of.setdefault(artist.get_gid(), []).append(artist)
    if not of:
        _wrong(name, f"nothing in panel {panel + 1} has a gid, so nothing would change")
    for gid, artists in of.items():
        across, _, up = gid.rpartition(",")
        for key in filter(None, (across, up)):
            if key not in shown:
                _wrong(name, f"gid '{gid}': the run has no '{key}' (it has: {', '.join(shown)})")
        part = {"id": gid, "panel": panel, **_shape(name, gid, artists, shown)}
        for axis, key in (("x", across), ("y", up)):
            matters = key or part["kind"] != "bars"
            part[f"{axis}s"] = _scale(f"explorable '{name}': panel {panel + 1}", ax, axis, matters)
            if len(part[f"{axis}s"]) > 4 and key in next(iter(runs.values())):
                for position, out in runs.items():
                    if np.min(out[key]) <= 0:
                        _wrong(name, f"'{key}' at {position} is not above 0, and its axis is log")
        yield part


def _shape(name: str, gid: str, artists: list, shown: dict) -> dict:
    """How the script draws what has a gid; Matplotlib must have drawn the run at the start."""
    across, _, up = gid.rpartition(",")
    first = artists[0]
    if hasattr(first, "grid"):
        return {"kind": "field", "y": up, "grid": first.grid}
    if isinstance(first, Line2D):
        x, y = first.get_data(orig=False)
        _same(name, gid, y, shown[up])
        if across:
            _same(name, gid, x, shown[across])
        marks = -1 if first.get_markevery() == [-1] else 1
        return {
            "kind": "line",
            "x": across or np.asarray(x, float).tolist(),
            "y": up,
            "marks": marks if MarkerStyle(first.get_marker()) else 0,
        }
    if isinstance(first, Rectangle):
        _same(name, gid, [bar.get_y() + bar.get_height() for bar in artists], shown[up])
        edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in artists]
        return {
            "kind": "bars",
            "x": [[float(left), float(right)] for left, right in edges],
            "y": up,
            "base": float(first.get_y()),
        }
    _wrong(name, f"gid '{gid}': change lines (ax.plot), ax.bar or draw.field only")


def _same(name: str, gid: str, drawn, stored) -> None:
    """Require that what is drawn is what the run has."""
    drawn = np.asarray(drawn, float)
    stored = np.asarray(stored, float)
    if stored.ndim == 0:
        stored = np.full(drawn.shape, stored)
    if drawn.shape != stored.shape or not np.allclose(drawn, stored):
        _wrong(name, f"gid '{gid}': what is drawn is not the run at the start position")


def _scale(where: str, ax, axis: str, must_stay: bool) -> list[float]:
    """How values become places: the limits of an axis, where they lie, and a 1 if it is log."""
    scale, limits = getattr(ax, f"get_{axis}scale")(), getattr(ax, f"get_{axis}lim")()
    if must_stay and getattr(ax, f"get_autoscale{axis}_on")():
        raise ValueError(f"{where}: set {axis}lim, so that it holds for all positions")
    if scale not in ("linear", "log"):
        raise ValueError(f"{where}: the {axis} axis is neither linear nor log")
    box, (width, height) = ax.get_position(), ax.figure.get_size_inches() * 72
    ends = (box.x0 * width, box.x1 * width)
    if axis == "y":
        ends = ((1 - box.y0) * height, (1 - box.y1) * height)
    log = [1] if scale == "log" else []
    return [*map(float, limits), *(round(float(end), 3) for end in ends), *log]


def _texts(name: str, values: dict[str, list], names: dict, marks: dict) -> dict[str, dict]:
    """The words for each value of each knob."""
    text = {
        knob: {value: names.get(value, _text(value)) for value in of_knob}
        for knob, of_knob in values.items()
    }
    for knob, of_knob in marks.items():
        for value, mark in of_knob.items():
            if value not in text.get(knob, {}):
                _wrong(name, f"mark '{mark}': knob '{knob}' has no value {value}")
            text[knob][value] += f" ({mark})"
    return text


def _text(value) -> str:
    """A value as readers see it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if "e" not in f"{value:.4g}":
        return f"{value:.4g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).replace('-', '−').translate(RAISED)}"


def _knob(knob: str, label: str, text: dict, value, marks: dict) -> dict:
    """A control: numbers get a slider, everything else a choice."""
    places = list(text)
    return {
        "name": knob,
        "label": label,
        "is_slider": all(type(each) in (int, float) for each in places),
        "text": list(text.values()),
        "at": places.index(value),
        "marks": [[places.index(each), mark] for each, mark in marks.items()],
    }


def _following(figure: dict, parts: list[dict]) -> dict:
    """A figure in which what changes says what it follows, in place of its id."""
    ids = "|".join(re.escape(part["id"]) for part in parts)
    follows = re.sub(rf'\bid="{figure["id"]}({ids})"', r'data-follows="\1"', figure["svg"])
    return figure | {"svg": follows}


def _packed(name, run, text, parts, runs, said, alts) -> str:
    """What the page's script needs, as JSON."""
    knobs = {
        knob: {
            "values": list(of_knob),
            "code": [repr(value) for value in of_knob],
            "text": list(of_knob.values()),
        }
        for knob, of_knob in text.items()
    }
    data = {
        "call": run.__name__,
        "knobs": knobs,
        "parts": parts,
        "runs": list(runs.values()),
        "said": said,
        "alts": alts,
    }
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    size = len(zlib.compress(packed.encode(), 9))
    if size > LIMIT:
        _wrong(
            name,
            f"its data come to {size / 1024:.0f} KiB compressed, more than {LIMIT // 1024}: "
            "round to fewer digits, or store fewer positions or steps",
        )
    return packed
