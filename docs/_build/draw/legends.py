"""What tells one curve from another: dashes that differ, and a legend's samples."""

from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba_array
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from draw.svg import themed

DASHES = ["-", "--", "-.", ":", (0, (8, 2, 1.5, 2, 1.5, 2)), (0, (10, 3)), (0, (1.5, 4))]


def _labelled(each) -> zip:
    """The artists of an axes that have a label, each with it."""
    return zip(*each.get_legend_handles_labels(), strict=True)


def _dashes(line: Line2D) -> tuple[float, ...] | None:
    """The lengths of a line's dashes and gaps for a width of 1; none of a line without a stroke."""
    # Private: in public, Matplotlib calls all dashes that are given as lengths "--".
    return tuple(line._unscaled_dash_pattern[1] or ()) if line.get_linestyle() != "None" else None


def tell_apart(grid) -> None:
    """Give curves that share axes and would differ in colour alone dashes of their own."""
    chosen: dict[str, str | tuple] = {}  # a curve looks the same in every axes of the figure
    for each in grid:
        looks = set()
        for line, name in _labelled(each):
            if not isinstance(line, Line2D) or _dashes(line) is None:
                continue
            for style in [chosen[name]] if name in chosen else ["", *DASHES]:
                if style:
                    line.set_linestyle(style)
                    chosen[name] = style
                if (look := (_dashes(line), str(line.get_marker()))) not in looks:
                    break
            looks.add(look)


def legend(grid) -> list[list[str]]:
    """The labelled artists: of each a sample, 32 units wide and 10 high, and its label."""
    samples: dict[str, str] = {}
    for each in grid:
        for artist, label in _labelled(each):
            samples.setdefault(label, _sample(artist))
    return [[sample, label] for label, sample in samples.items()]


def _sample(artist) -> str:
    """A line with its dashes, a mark in its shape, or a patch of an area's colour."""
    if isinstance(artist, PathCollection):
        faces = artist.get_facecolor()
        colour = themed((faces if len(faces) else artist.get_edgecolor())[0])
        return _mark(artist.get_paths()[0], colour, len(faces) > 0)
    if not isinstance(artist, Line2D):
        colour = themed(to_rgba_array(artist.get_facecolor())[0])
        return (
            f'<path d="M7 0h18v10H7z" fill="{colour}" fill-opacity="{artist.get_alpha() or 1:g}"/>'
        )
    colour, marker, drawn = themed(artist.get_color()), MarkerStyle(artist.get_marker()), ""
    if (lengths := _dashes(artist)) is not None:
        pattern = " ".join(f"{length * artist.get_linewidth():g}" for length in lengths)
        pattern = pattern and f' stroke-dasharray="{pattern}"'
        drawn = f'<path d="M0 5H32" stroke="{colour}" stroke-width="2"{pattern}/>'
    if marker:
        filled = marker.is_filled() and artist.get_markerfacecolor() != "none"
        drawn += _mark(marker.get_path().transformed(marker.get_transform()), colour, filled)
    return drawn


def _mark(path: Path, colour: str, filled: bool) -> str:
    """A mark as the figure draws it, eight units high, in the middle of a sample."""
    box = path.get_extents()
    middle = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2)
    scale = 8 / max(box.width, box.height)
    steps = ""
    for points, code in path.transformed(
        middle.scale(scale, -scale).translate(16, 5)
    ).iter_segments():
        pairs = " ".join(f"{x:.1f} {y:.1f}" for x, y in points.reshape(-1, 2))
        steps += "z" if code == Path.CLOSEPOLY else "MLQC"[code - 1] + pairs
    look = f'fill="{colour}"' if filled else f'stroke="{colour}" stroke-width="1.6"'
    return f'<path d="{steps}" {look}/>'
