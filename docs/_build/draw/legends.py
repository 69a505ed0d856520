"""What tells one curve from another: dashes that differ, and a legend's samples."""

from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from draw.svg import themed

DASHES = ["-", "--", "-.", ":", (0, (8, 2, 1.5, 2, 1.5, 2)), (0, (10, 3)), (0, (1.5, 4))]


def labelled(each) -> list[tuple[object, str]]:
    """The artists of an axes that have a label, each with it."""
    return list(zip(*each.get_legend_handles_labels(), strict=True))


def look(artist) -> tuple:
    """What tells a curve from others: colour, dashes, marker."""
    if isinstance(artist, Line2D):
        return to_hex(artist.get_color()), _dashes(artist), str(artist.get_marker())
    return (id(artist),)


def _dashes(line: Line2D) -> tuple[float, ...] | None:
    """The lengths of a line's dashes and gaps for a width of 1; none of a line without a stroke."""
    # Private: in public, Matplotlib calls all dashes that are given as lengths "--".
    return tuple(line._unscaled_dash_pattern[1] or ()) if line.get_linestyle() != "None" else None


def tell_apart(grid) -> None:
    """Give curves that share axes and would differ in colour alone dashes of their own."""
    chosen: dict[str, str | tuple] = {}  # a curve looks the same in every axes of the figure
    for each in grid:
        looks = set()
        for line, name in labelled(each):
            if not isinstance(line, Line2D) or line.get_linestyle() == "None":
                continue
            for style in [chosen[name]] if name in chosen else ["", *DASHES]:
                if style:
                    line.set_linestyle(style)
                    chosen[name] = style
                if look(line)[1:] not in looks:
                    break
            looks.add(look(line)[1:])


def legend(grid) -> list[list[str]]:
    """The labelled artists: of each a sample, 32 units wide and 10 high, and its label."""
    items: dict[str, str] = {}
    for each in grid:
        for artist, label in labelled(each):
            items.setdefault(label, _sample(artist))
    return [[sample, label] for label, sample in items.items()]


def _sample(artist) -> str:
    """A line with its dashes, a mark in its shape, or a patch of an area's colour."""
    if isinstance(artist, Line2D):
        colour, marker = themed(artist.get_color()), MarkerStyle(artist.get_marker())
        drawn = ""
        if (lengths := _dashes(artist)) is not None:
            pattern = " ".join(f"{length * artist.get_linewidth():g}" for length in lengths)
            pattern = f' stroke-dasharray="{pattern}"' if pattern else ""
            drawn = f'<path d="M0 5H32" stroke="{colour}" stroke-width="2"{pattern}/>'
        if marker:
            filled = marker.is_filled() and artist.get_markerfacecolor() != "none"
            shape = marker.get_path().transformed(marker.get_transform())
            drawn += _mark(shape, colour, filled)
        return drawn
    if isinstance(artist, PathCollection):
        faces = artist.get_facecolor()
        colour = themed((faces if len(faces) else artist.get_edgecolor())[0])
        return _mark(artist.get_paths()[0], colour, len(faces) > 0)
    patch = artist.patches[0] if hasattr(artist, "patches") else artist  # bars, or an area
    colour, alpha = themed(to_rgba_array(patch.get_facecolor())[0]), patch.get_alpha()
    opacity = f' fill-opacity="{alpha:g}"' if alpha is not None else ""
    return f'<path d="M7 0h18v10H7z" fill="{colour}"{opacity}/>'


def _mark(path: Path, colour: str, filled: bool) -> str:
    """A mark as the figure draws it, eight units high, in the middle of a sample."""
    (left, low), (right, high) = path.get_extents().get_points()
    scale = 8 / max(right - left, high - low)
    steps = []
    for points, code in path.iter_segments():
        if code == Path.CLOSEPOLY:
            steps.append("z")
            continue
        pairs = points.reshape(-1, 2) - ((left + right) / 2, (low + high) / 2)
        places = (f"{16 + scale * a:.1f} {5 - scale * b:.1f}" for a, b in pairs)
        steps.append("MLQC"[code - 1] + " ".join(places))
    look = f'fill="{colour}"' if filled else f'stroke="{colour}" stroke-width="1.6"'
    return f'<path d="{"".join(steps)}" {look}/>'
