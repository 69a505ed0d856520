"""Social cards: the picture of a page that chats show, drawn while the site is built.

Cards need absolute addresses, so without ``site_url`` there are none. Their colours
are the style sheet's and their letters come from ``fonts/``: no network, no font of the system.
Material's ``social`` plugin was looked at: it downloads its fonts, and needs Cairo in the system.
"""

from __future__ import annotations

import io
import re
from itertools import combinations, pairwise
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from markupsafe import Markup
from mkdocs.exceptions import PluginError
from mkdocs.utils import write_file

from publish.search_index import dictionary

FONTS = Path(__file__).parent / "fonts"
ASSETS = Path(__file__).parents[2] / "assets"
WIDTH, HEIGHT, MARGIN, LEADING, MOST_LINES = 1200, 630, 84, 1.22, 3
# Where words may not part: before a mark or a blank, after a bracket, and in a name such as `a.b`.
OPEN = r"（《「“‘(\["
BOUND = re.compile(rf"(?<=[{OPEN}])\0|\0(?=[^\w{OPEN}])|(?<=[!-~])\0(?=[!-~])")


class Card(NamedTuple):
    path: str  # in the site
    title: str
    section: str
    name: str  # of the site
    promise: str

    @property
    def alt(self) -> str:
        return " · ".join(filter(None, self[1:]))


def draw_all(config: Any, files: Any) -> None:
    """All pages of a language are rendered, none is written: give each its card."""
    missing: dict[str, str] = {}
    for file in files.documentation_pages():
        page = file.page
        heads = [item.title for item in page.toc if item.level == 1] or [page.title]
        sections = " · ".join(section.title for section in reversed(page.ancestors))
        texts = [heads[0], sections, config.site_name, config.copyright or ""]
        path = str(PurePosixPath(file.dest_uri).with_suffix(".png"))
        page.card = Card(path, *(Markup(text).striptags() for text in texts))
        missing = dict.fromkeys(unwritable(page.card.alt), file.src_uri) | missing
    if missing:
        named = ", ".join(f"{letter} ({page})" for letter, page in missing.items())
        how = re.search(r"(?m)^    for[\s\S]*", (FONTS / "README.txt").read_text("utf-8"))[0]
        raise PluginError(f"The fonts of the social cards lack {named}. Cut them anew:\n\n{how}")
    for file in files.documentation_pages():
        write_file(draw(file.page.card), f"{config.site_dir}/{file.page.card.path}")


def font_of(weight: str):
    from matplotlib.font_manager import get_font

    return get_font(FONTS / f"cards-{weight}.otf")


def unwritable(text: str) -> str:
    """The characters of a text that the cards' fonts lack."""
    return "".join(letter for letter in text if not font_of("Bold").get_char_index(ord(letter)))


def fit(title: str, width: float, height: float) -> tuple[float, list[str]]:
    """The size and the lines that suit a title: large, on few lines, broken where readers pause."""
    import jieba

    dictionary()
    pieces = BOUND.sub("", "\0".join(jieba.cut(title))).split("\0")
    font = font_of("Bold")
    font.set_size(1000, 72)
    widths = [sum(font.load_char(ord(c)).linearHoriAdvance for c in p) / 65_536_000 for p in pieces]

    def choices():
        for count in range(1, min(MOST_LINES, len(pieces)) + 1):
            for inner in combinations(range(1, len(pieces)), count - 1):
                parts = list(pairwise([0, *inner, len(pieces)]))
                widest = max(sum(widths[a:b]) for a, b in parts)
                size = worth = min(100, width / widest, height / (LEADING * count))
                for end in inner:  # best after a mark, then a blank
                    line = pieces[end - 1].rstrip()
                    worth *= (
                        0.99 if not line[-1].isalnum() else 0.88 if line < pieces[end - 1] else 0.8
                    )
                yield worth, -widest, size, ["".join(pieces[a:b]).strip() for a, b in parts]

    return max(choices())[2:]


def draw(card: Card) -> bytes:
    """Draw a card, as the bytes of a PNG file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Curve
    from matplotlib.transforms import Affine2D
    from PIL import Image

    css = (ASSETS / "site.css").read_text("utf-8")
    # The light theme's stand first, and of two with one name the last stays.
    colour = dict(reversed(re.findall(r"--([a-z]+): (#\w{6});", css)))
    # A point is a pixel, and y goes down, as in SVG.
    figure = Figure((WIDTH / 72, HEIGHT / 72), dpi=72, facecolor=colour["paper"])
    canvas = FigureCanvasAgg(figure)
    down = Affine2D().scale(1, -1).translate(0, HEIGHT)

    def mark(x, y, side, curve, thick, dot):  # as in `favicon.svg`, a drawing of 24 by 24
        place = Affine2D().scale(side / 24).translate(x, y) + down
        path = Curve([(5, 5.2), (5.9, 13.2), (8.4, 16.8), (14.6, 17.5)], [1, 4, 4, 4])
        line = {"fc": "none", "ec": curve, "lw": thick * side / 24, "capstyle": "round"}
        figure.add_artist(PathPatch(path, **line, transform=place))
        figure.add_artist(Circle((18.1, 17.8), dot, color=colour["spark"], lw=0, transform=place))

    def write(x, baseline, text, size, ink, weight="Regular"):
        font = {"font": FONTS / f"cards-{weight}.otf", "size": size, "color": colour[ink]}
        figure.text(x, baseline, text, **font, transform=down, parse_math=False)

    mark(575, -180, 720, (colour["accent"], 0.1), 0.9, 0.75)
    box = {"boxstyle": "round,pad=0,rounding_size=14.7", "color": colour["accent"], "lw": 0}
    figure.add_artist(FancyBboxPatch((MARGIN, 72), 64, 64, **box, transform=down))
    mark(MARGIN, 72, 64, "white", 2.3, 1.9)
    write(MARGIN + 84, 117, card.name, 36, "accent", "Bold")
    size, lines = fit(card.title, WIDTH - 2 * MARGIN - 100, 270)
    top = 345 - len(lines) * LEADING * size / 2 + (24 if card.section else 0)
    write(MARGIN, top - 14, card.section, 32, "muted")
    for number, line in enumerate(lines):
        baseline = top + (LEADING * number + 0.98) * size
        write(MARGIN - 0.04 * size, baseline, line, size, "ink", "Bold")
    write(MARGIN, HEIGHT - 66, card.promise, 29, "muted")
    with matplotlib.rc_context({"text.hinting": "no_hinting"}):
        canvas.draw()
    png = io.BytesIO()
    image = Image.frombuffer("RGBA", (WIDTH, HEIGHT), canvas.buffer_rgba()).convert("RGB")
    image.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(png, "PNG")
    return png.getvalue()
