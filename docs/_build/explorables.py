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
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from inspect import signature

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

import figure_data
import figures

LIMIT = 60 * 1024  # bytes of one explorable's data, compressed


@contextmanager
def axes(
    name: str,
    run: Callable[..., dict],
    table: dict,
    *,
    start,
    title: str,
    knobs: dict[str, str],
    panels: list[dict],
    say: Callable[..., str],
    columns: dict[str, str],
    names: dict | None = None,
    marks: dict[str, dict] | None = None,
) -> Iterator:
    """Draw one position on plain Matplotlib axes; at the end, print the explorable as HTML.

    What changes carries a gid: ``"loss"`` on a line shows the run's ``loss`` against the line's own
    x, ``"w,b"`` shows ``b`` against ``w``, and ``"p"`` on bars their heights. A single number moves
    a single point; a knob's own value has the knob's name. See also `field`.

    Args:
        name: in lower case; the session of the shown code has the same name.
        run: the function that made the table's entries; its arguments are the knobs.
        table: from each position (a tuple of the knobs' values, or the only knob's value) to its run.
        start: the position that is drawn.
        title: what the reader can try, in the page's language, as all texts below.
        knobs: from each argument of ``run``, in order, to its label.
        panels: for each drawing what `figures.axes` takes (``x``, ``y``, ``alt``, …); ``alt`` says
            what is drawn, and ``say`` adds the numbers.
        say: from the knobs' values and the run's dict to the sentence that says what it shows.
        columns: from names of single numbers in the run to the headings of the table's columns.
        names: what a value of a knob or of the run is called, where it is not its own name.
        marks: from a slider's knob to values that are special and what they are, shown below it.

    Yields:
        One Axes, or a list of them where there are several panels. Their limits must be set.

    Raises:
        ValueError: the use is wrong; the message says what to do.
    """
    show = sys._getframe(2).f_globals.get("print", print)
    runs = {key if isinstance(key, tuple) else (key,): out for key, out in table.items()}
    start = start if isinstance(start, tuple) else (start,)
    values = _checked(name, run, runs, start, knobs, columns)
    said = [str(say(*position, out)) for position, out in runs.items()]
    first = list(runs).index(start)
    drawings: list[str] = []
    with ExitStack() as stack:
        grid = [
            stack.enter_context(
                figures.axes(
                    **panel | {"alt": f"{_before(panel['alt'])}{said[first]}"},
                    tables=False,
                    show=drawings.append,
                )
            )
            for panel in panels
        ]
        yield grid[0] if len(grid) == 1 else grid
    drawings.reverse()
    shown = dict(zip(knobs, start, strict=True)) | runs[start]
    parts = [part for n, ax in enumerate(grid) for part in _parts(name, n, ax, shown, runs)]
    names, marks = names or {}, marks or {}
    text = {
        knob: {value: names.get(value, _text(value)) for value in of_knob}
        for knob, of_knob in zip(knobs, values, strict=True)
    }
    for knob, of_knob in marks.items():
        for value, mark in of_knob.items():
            if value not in text.get(knob, {}):
                _wrong(name, f"mark '{mark}': knob '{knob}' has no value {value}")
            text[knob][value] += f" ({mark})"
    data = {
        "call": run.__name__,
        "knobs": {
            knob: {
                "values": of_knob,
                "code": [repr(value) for value in of_knob],
                "text": list(text[knob].values()),
            }
            for knob, of_knob in zip(knobs, values, strict=True)
        },
        "parts": parts,
        "runs": list(runs.values()),
        "said": said,
        "alts": [_before(panel["alt"]) for panel in panels],
    }
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    size = len(zlib.compress(packed.encode(), 9))
    if size > LIMIT:
        _wrong(
            name,
            f"its data come to {size / 1024:.0f} KiB compressed, more than {LIMIT // 1024}: "
            "round to fewer digits, or store fewer positions or steps",
        )
    controls = [
        _control(f"{name}.{knob}", label, text[knob], value, marks.get(knob, {}))
        for (knob, label), value in zip(knobs.items(), start, strict=True)
    ]
    follows = re.compile(
        rf'\bid="f[0-9a-f]{{8}}({"|".join(re.escape(part["id"]) for part in parts)})"'
    )
    drawn = "".join(follows.sub(r'data-follows="\1"', drawing) for drawing in drawings)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(text[k][v])}</td>" for k, v in zip(knobs, position, strict=True))
        + "".join(f"<td>{escape(names.get(v) or _text(v))}</td>" for v in map(out.get, columns))
        + "</tr>"
        for position, out in runs.items()
    )
    head = "".join(
        f'<th scope="col">{escape(label)}</th>' for label in [*knobs.values(), *columns.values()]
    )
    summary = figure_data.word("所有位置的数据表", "Table of all positions")
    words = (
        figure_data.word("复制这次运行", "Copy this run"),
        figure_data.word("复制链接", "Copy link"),
    )
    buttons = "".join(f'<button type="button">{word}</button>' for word in words)
    show(
        f'<figure class="explorable" id="explore-{name}" aria-labelledby="explore-{name}-title">'
        f'<script type="application/json">{packed.replace("<", chr(92) + "u003c")}</script>'
        f'<p class="explorable-title" id="explore-{name}-title">{escape(title)}</p>'
        f'<fieldset class="explorable-knobs" disabled>{"".join(controls)}</fieldset>'
        f'<div class="explorable-panels">{drawn}</div>'
        f'<p class="explorable-said" aria-live="polite" aria-atomic="true">{escape(said[first])}</p>'
        f'<fieldset class="explorable-actions" disabled>{buttons}</fieldset>'
        f'<details class="fig-data" data-search-exclude><summary>{summary}</summary><div class="fig-values">'
        f'<table class="values"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</details></figure>"
    )


def _before(sentence: str) -> str:
    """A sentence that another one follows: Chinese ones have no blank between them."""
    return sentence if sentence.endswith("。") else f"{sentence} "


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


def _wrong(name: str, problem: str) -> None:
    raise ValueError(f"explorable '{name}': {problem}")


def _checked(name, run, runs, start, knobs, columns) -> list[list]:
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
    return values


def _parts(name: str, panel: int, ax, shown: dict, runs: dict) -> Iterator[dict]:
    """What changes in a drawing: which values it follows, and how they become places."""
    of: dict[str, list] = {}
    for artist in ax.findobj(lambda each: each.get_gid()):
        of.setdefault(artist.get_gid(), []).append(artist)
    if not of:
        _wrong(name, f"nothing in panel {panel + 1} has a gid, so nothing would change")
    box, (width, height) = ax.get_position(), ax.figure.get_size_inches() * 72
    ends = {
        "x": (box.x0 * width, box.x1 * width),
        "y": ((1 - box.y0) * height, (1 - box.y1) * height),
    }
    for gid, artists in of.items():
        across, _, up = [gid, "", ""] if "," not in gid else gid.partition(",")
        across, up = (across, up) if up else ("", across)
        for key in filter(None, (across, up)):
            if key not in shown:
                _wrong(name, f"gid '{gid}': the run has no '{key}' (it has: {', '.join(shown)})")
        part = {"id": gid, "panel": panel}
        first = artists[0]
        if isinstance(first, Line2D):
            marks = first.get_marker() not in ("None", "", " ", None)
            part |= {
                "kind": "line",
                "x": across or np.asarray(first.get_xdata(orig=False), float).tolist(),
                "y": up,
                "marks": 0 if not marks else -1 if first.get_markevery() == [-1] else 1,
            }
            _same(name, gid, first.get_ydata(orig=False), shown[up])
            if across:
                _same(name, gid, first.get_xdata(orig=False), shown[across])
        elif hasattr(first, "grid"):
            part |= {"kind": "field", "y": up, "grid": first.grid}
        elif isinstance(first, Rectangle):
            part |= {
                "kind": "bars",
                "x": [[float(e) for e in (b.get_x(), b.get_x() + b.get_width())] for b in artists],
                "y": up,
                "base": float(first.get_y()),
            }
            _same(name, gid, [bar.get_y() + bar.get_height() for bar in artists], shown[up])
        else:
            _wrong(name, f"gid '{gid}': change lines (ax.plot), ax.bar or explorables.field only")
        for axis, key in (("x", across), ("y", up)):
            scale, limits = getattr(ax, f"get_{axis}scale")(), getattr(ax, f"get_{axis}lim")()
            fixed = not getattr(ax, f"get_autoscale{axis}_on")()
            if not fixed and (key or part["kind"] != "bars"):
                _wrong(
                    name, f"panel {panel + 1}: set {axis}lim, so that it holds for all positions"
                )
            if scale not in ("linear", "log"):
                _wrong(name, f"panel {panel + 1}: the {axis} axis is neither linear nor log")
            if scale == "log" and key and key in runs[next(iter(runs))]:
                for position, out in runs.items():
                    if np.min(out[key]) <= 0:
                        _wrong(name, f"'{key}' at {position} is not above 0, and its axis is log")
            part[f"{axis}s"] = [*map(float, limits), *(round(float(e), 3) for e in ends[axis])]
            part[f"{axis}s"] += [1] if scale == "log" else []
        yield part


def _same(name: str, gid: str, drawn, stored) -> None:
    """Require that what is drawn is what the run has."""
    drawn = np.asarray(drawn, float)
    stored = np.asarray(stored, float)
    if stored.ndim == 0:
        stored = np.full(drawn.shape, stored)
    if drawn.shape != stored.shape or not np.allclose(drawn, stored):
        _wrong(name, f"gid '{gid}': what is drawn is not the run at the start position")


def _text(value) -> str:
    """A value as readers see it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.4g}".replace("-", "−") if "e" not in f"{value:.4g}" else _power(value)


def _power(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{digits}"


def _control(name: str, label: str, text: dict, value, marks: dict) -> str:
    """Numbers get a slider, everything else a choice; `text` has the words for each value."""
    place = list(text).index(value)
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in text):
        most = len(text) - 1
        below = "".join(
            f'<svg x="{100 * list(text).index(each) / most:.2f}%"><path d="M0 0V5"/>'
            f'<text y="1.5em">{escape(mark)}</text></svg>'
            for each, mark in marks.items()
        )
        return (
            f'<label class="explorable-knob"><span>{escape(label)} '
            f"<output>{escape(text[value])}</output></span>"
            f'<input type="range" name="{name}" min="0" max="{most}" value="{place}" '
            f'aria-label="{escape(label)}" aria-valuetext="{escape(text[value])}" autocomplete="off">'
            + (f'<svg class="explorable-marks" aria-hidden="true">{below}</svg>' if below else "")
            + "</label>"
        )
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{n}" autocomplete="off"'
        f"{' checked' if n == place else ''}><span>{escape(said)}</span></label>"
        for n, said in enumerate(text.values())
    )
    return (
        f'<fieldset class="explorable-choice"><legend>{escape(label)}</legend>{choices}</fieldset>'
    )
