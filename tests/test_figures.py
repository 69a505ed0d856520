"""Figures: their tables hold what was drawn, and curves differ in more than colour."""

import json
import re
import subprocess
import sys
from html import unescape
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from draw import CYCLE, MUTED, Drawing
from run.runner import sessions
from run.store import Store
from sources import FIGURES, LANGUAGES, ROOT, Figure, drawings, survey
from write import figure


def made(fill, language: str = "en", **options) -> dict:
    """A figure whose one axes (or array of them) `fill` fills, as it comes to the build."""
    drawing = Drawing(language)
    with drawing.axes(**{"x": "step", "y": "loss"} | options) as ax:
        fill(ax)
    (found,) = json.loads(json.dumps(drawing.made))
    return found


def drawn(fill, **options) -> str:
    """The same as HTML."""
    return figure.html(made(fill, **options), "alt", "en", "../")


def tables(html: str) -> list[tuple[str, list[list[str]]]]:
    """Captions and rows of a figure's tables."""
    found = []
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        caption = re.search(r"<caption>(.*?)</caption>", table)
        rows = [
            [
                unescape(re.sub("<[^>]+>", "", cell))
                for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
            ]
            for row in re.findall(r"<tr>(.*?)</tr>", table)
        ]
        found.append((re.sub("<[^>]+>", "", caption[1]) if caption else "", rows))
    return found


def test_a_long_curve_shows_a_dozen_evenly_picked_points_and_says_of_how_many():
    steps = np.arange(100)
    html = drawn(lambda ax: ax.plot(steps, 1 / (steps + 7), label="SGD <1>"))
    ((caption, rows),) = tables(html)
    assert caption == "loss · 12 of 100 points"
    assert rows[0] == ["step", "SGD <1>"]
    assert rows[1] == ["0", "0.1429"] and rows[-1] == ["99", "0.009434"]
    assert [int(row[0]) for row in rows[1:]] == [9 * k for k in range(12)]


def test_curves_share_a_table_only_where_their_points_coincide():
    def fill(ax):
        ax.plot(range(60), range(60), label="every step")
        ax.plot(range(0, 60, 5), range(0, 60, 5), "o", label="every fifth")
        ax.scatter([0.5 + k for k in range(30)], range(30), label="elsewhere")
        ax.plot([31], [7.0], "*", label="lowest")
        ax.axhline(3.0, label="floor")

    together, apart = tables(drawn(fill))
    assert together[1][0] == ["step", "every step", "every fifth", "lowest", "floor"]
    assert together[1][2] == ["5", "5", "5", "–", "3"]
    assert ["31", "31", "–", "7", "3"] in together[1]
    assert apart[1][0] == ["step", "elsewhere", "floor"]


def test_a_path_keeps_its_order_and_unnamed_lines_beside_named_ones_are_decoration():
    def fill(ax):
        ax.plot([0, 2, 1], [5, 6, 7], label="path")
        ax.plot([0, 1], [0, 0], color=MUTED)
        ax.axhline(0, color=MUTED)

    ((_, rows),) = tables(drawn(fill))
    assert rows == [
        ["series", "step", "loss"],
        ["path", "0", "5"],
        ["path", "2", "6"],
        ["path", "1", "7"],
    ]


def test_a_label_with_an_underscore_names_its_column_and_stays_out_of_the_legend():
    html = drawn(lambda ax: ax.plot([1, 2], [3, 4], label="_quiet"))
    assert tables(html)[0][1][0] == ["step", "quiet"] and "fig-legend" not in html
    html = drawn(lambda ax: ax.plot([1, 2], [3, 4]))
    assert tables(html) == [("", [["step", "loss"], ["1", "3"], ["2", "4"]])]


def test_points_kept_apart_across_stand_in_one_column_for_each_group():
    def fill(ax):
        ax.plot([-0.1, 0.0, 0.1], [1, 2, 3], "o", label="_SGD")
        ax.plot([0.9, 1.1], [4, 5], "s", label="_Adam")
        ax.set_xticks([0, 1], ["SGD", "Adam"])

    ((_, rows),) = tables(drawn(fill))
    assert rows == [
        ["no.", "SGD", "Adam"],
        ["1", "1", "4"],
        ["2", "2", "5"],
        ["3", "3", "–"],
    ]


def test_small_images_show_every_cell_large_ones_a_summary():
    upper = np.array([[np.nan, 9.0], [np.nan, np.nan]])

    def fill(ax):
        ax.imshow([[1.0, 2.0], [3.0, np.nan]])
        ax.imshow(upper)

    ((_, rows),) = tables(drawn(fill))
    assert rows == [["", "0", "1"], ["0", "1", "9"], ["1", "3", "–"]]
    ((_, rows),) = tables(drawn(lambda ax: ax.imshow(np.eye(50))))
    assert rows[1][1:] == ["50 × 50", "0", "1", "0.02"]


def test_a_diagram_lists_what_leads_where():
    def fill(ax):
        ax.text(0, 0, "loss")
        ax.text(1, 1, "weight")
        ax.annotate("", (1, 1), (0, 0), arrowprops={"arrowstyle": "->"})
        ax.axis("off")

    assert tables(drawn(fill))[0][1] == [["from", "to"], ["loss", "weight"]]


def test_curves_that_share_axes_differ_in_dashes_or_marks():
    def fill(axs):
        for ax in axs:
            for k in range(7):
                ax.plot([0, 1], [k, k + 1], label=f"curve {k}")

    html = drawn(fill, columns=2)
    samples = re.findall(r'<li><svg class="fig-key".*?</svg>', html)
    dashes = [re.findall(r"stroke-dasharray=\"([^\"]+)\"", each) for each in samples]
    assert len({tuple(each) for each in dashes}) == 7
    drawing = html[html.index("fig-drawing") : html.index("<details")]
    curves = re.findall(r'clip-path[^>]*stroke="var\(--fig-\d\)"[^>]*>', drawing)
    patterns = [re.findall(r"stroke-dasharray=\"([^\"]+)\"", each) for each in curves]
    assert len(curves) == 14 and patterns[:7] == patterns[7:]
    assert len({tuple(each) for each in patterns}) == 7


@pytest.mark.parametrize("face", ["none", "C0"])
def test_the_legend_shows_whether_a_mark_is_hollow(face):
    def fill(ax):
        ax.plot([0, 1], [0, 1], "s", markerfacecolor=face, label="marks")

    (key,) = re.findall(r'<li>(<svg class="fig-key".*?</svg>)', drawn(fill))
    assert ('fill="none"' in key or "stroke=" in key) == (face == "none")


@pytest.mark.parametrize(("marker", "corners"), [("s", 4), ("^", 3), ("D", 4)])
def test_the_legend_shows_a_marks_own_shape(marker, corners):
    for fill in (
        lambda ax: ax.plot([0, 1], [0, 1], marker, label="marks"),
        lambda ax: ax.scatter([0, 1], [0, 1], marker=marker, label="marks"),
    ):
        html = drawn(fill)
        (shape,) = re.findall(r'<li><svg[^>]*><path d="([^"]+)"', html)
        assert (
            "C" not in shape
            and len(set(re.findall(r"[\d.]+ [\d.]+", shape))) == corners
        )


CSS = (ROOT / "docs/assets/site.css").read_text("utf-8")


def palette(theme: str) -> dict[str, list[float]]:
    """The page's colours for figures, as sRGB from 0 to 1."""
    light, dark = re.findall(r"--paper: #.*?(?=\n  ?\}|\n\})", CSS, re.DOTALL)[:2]
    found = re.findall(r"--fig-(\w+): #(\w{6})", light if theme == "light" else dark)
    return {
        name: [int(hex[n : n + 2], 16) / 255 for n in (0, 2, 4)] for name, hex in found
    }


@pytest.mark.parametrize("sight", [None, "protanomaly", "deuteranomaly", "tritanomaly"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colour_blind_readers_tell_curves_apart(theme, sight):
    """Distances in CAM02-UCS, where about 1 is just noticeable side by side."""
    space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    seen = {
        name: np.clip(cspace_convert(rgb, space, "sRGB1"), 0, 1) if sight else rgb
        for name, rgb in palette(theme).items()
        if name.isdigit()
    }
    assert len(seen) == len(CYCLE)
    apart = {
        pair: deltaE(seen[pair[0]], seen[pair[1]], input_space="sRGB1")
        for pair in combinations(seen, 2)
    }
    assert min(apart.values()) > 8, min(apart, key=apart.get)
    # Few figures have more than four curves.
    assert min(apart[pair] for pair in combinations("0123", 2)) > 13


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curves_stand_out_from_the_page(theme):
    """WCAG 1.4.11 asks 3:1 of graphics, 1.4.3 asks 4.5:1 of text."""

    def luminance(rgb):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb
        ]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    colours = palette(theme)
    paper = luminance(colours.pop("paper"))
    for name, rgb in colours.items():
        low, high = sorted([luminance(rgb), paper])
        needed = {"ink": 4.5, "grid": 1}.get(name, 3)
        assert (high + 0.05) / (low + 0.05) >= needed, name


def test_a_drawing_is_whole_and_has_no_groups_and_decimals_that_say_nothing():
    def fill(axs):
        axs[0].imshow(np.eye(3))
        axs[0].set(xticks=[], yticks=[])  # axes without ticks are empty groups
        axs[1].plot([1 / 3, 2 / 3], [0, 1], gid="ours", label="a")
        axs[1].plot([1, 2], [0, 1], "o", label="b")

    html = drawn(fill, columns=2)
    (svg,) = re.findall(r'<svg viewBox="[^"]*" role="img".*?</svg>', html, re.DOTALL)
    tree = ElementTree.fromstring(svg.replace("xlink:href", "href"))
    groups = [dict(group.attrib) for group in tree.iter("g")]
    assert {} not in groups
    assert [g["id"][9:] for g in groups if "id" in g] == ["ours"]
    (line,) = next(g for g in tree.iter("g") if g.get("id", "")[9:] == "ours")
    assert re.fullmatch(r"M[\d.]+ [\d.]+L[\d.]+ [\d.]+", line.get("d"))
    assert not re.search(r' (?:d|x|y)="[^"]*\d\.\d{3}', svg)
    assert len(list(tree.iter("use"))) > 2 and list(tree.iter("image"))


def test_the_halves_of_a_wide_figure_are_two_windows_that_part_between_its_axes():
    kept = []

    def fill(axs):
        axs[0].plot([0, 1], [0, 1])
        axs[1].plot([0, 1], [10_000, 20_000])
        kept[:] = axs

    html = drawn(fill, columns=2, width=7)
    views = re.findall(r'<svg (?:class="fig-half" )?viewBox="([^"]*)"', html)
    whole, left, right = [[float(number) for number in view.split()] for view in views]
    assert left[:2] == whole[:2] and left[3] == right[3] == whole[3]
    assert right[:2] == [left[2], whole[1]]
    assert left[2] + right[2] == pytest.approx(whole[2], abs=0.1)
    first, second = (each.get_position() for each in kept)
    digits = 5 * 5  # the labels of the right one belong to its window
    assert first.x1 * whole[2] < right[0] < second.x0 * whole[2] - digits
    # They show one drawing, and nobody hears it three times.
    (name,) = set(re.findall(r'<use href="#(\w+)"/></svg>', html))
    assert html.count(f'<g id="{name}">') == 1
    assert html.count('aria-hidden="true"><use') == len(views) - 1
    assert "fig-half" not in drawn(fill, columns=2, width=6)
    assert "fig-half" not in drawn(lambda ax: ax.plot([0, 1]), width=7)


@pytest.mark.parametrize(("width", "labelled"), [(6, 1), (7, 2)])
def test_halves_that_share_a_scale_have_its_labels_each(width, labelled):
    def fill(axs):
        for each in axs:
            each.plot([0, 1], [111, 111.5])

    html = drawn(fill, columns=2, width=width, share=True)
    drawing = html[html.index("fig-drawing") : html.index("<details")]
    assert len(re.findall(r">111\.2<", drawing)) == labelled


def test_powers_on_logarithmic_axes_are_raised_text():
    def curve(ax):
        ax.plot([1, 8, 64], [0.01, 1, 100])
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")

    html = drawn(curve)
    raised = re.findall(r">(\d+)<tspan dy=\"-4\"[^>]*>(−?\d+)</tspan></text>", html)
    assert {("10", "−2"), ("10", "0"), ("10", "2"), ("2", "3")} <= set(raised)
    assert "mathdefault" not in html and "^{" not in html

    def short(ax):  # less than a decade: ticks between the powers have labels, too
        ax.plot([0.2, 0.5])
        ax.set_yscale("log")

    html = drawn(short)
    assert re.search(r">3×10<tspan dy=\"-4\"[^>]*>−1</tspan></text>", html)


def test_images_below_the_first_row_are_named_after_their_column():
    def fill(axs):
        for row in axs:
            for each in row:
                each.imshow(np.eye(2))

    html = drawn(fill, x="", y="", columns=2, rows=3, titles=["in", "out"] + [""] * 4)
    ((_, rows),) = tables(html)
    assert [row[0] for row in rows[1:]] == [
        "in",
        "out",
        "in 2",
        "out 2",
        "in 3",
        "out 3",
    ]
    ((_, rows),) = tables(drawn(fill, x="", y="", columns=2, rows=2))
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]


def test_words_are_the_drawings_own_in_all_that_is_made():
    def fill(axs):
        axs[0].plot(range(100), label="甲 | a")
        axs[0].set_xlabel("步 | step")
        axs[0].text(0, 0, "起点 | start")
        axs[0].set_yticks([0, 50], ["低 | low", "high"])
        axs[1].plot(range(100), label="_乙 | _b")
        axs[1].set(ylabel="高 | height")

    options = {"columns": 2, "x": "", "titles": ["左 | left", "right"]}
    chinese, english = (made(fill, language, **options) for language in LANGUAGES)
    assert chinese["tables"][0]["caption"] == "左 · loss · 100 个点中的 24 个"
    assert english["tables"][0]["caption"] == "left · loss · 24 of 100 points"
    assert chinese["tables"][1]["heads"] == ["x", "乙"]
    assert english["tables"][1]["heads"] == ["x", "b"]
    for one, words in (
        (chinese, {"步", "起点", "低", "high", "左 · loss", "right · 高"}),
        (english, {"step", "start", "low", "high", "left · loss", "right · height"}),
    ):
        assert words < set(re.findall(r">([^<>]+)</text>", one["svg"]))
        assert " | " not in json.dumps(one)
    assert [label for _, label in chinese["legend"]] == ["甲"]
    assert [label for _, label in english["legend"]] == ["a"]
    assert "<summary>数据表</summary>" in figure.html(chinese, "alt", "zh", "../")


@pytest.mark.parametrize("text", ["步", " | step", "步 | ", "步 | step | pas"])
def test_a_word_without_its_twin_is_said(text):
    with pytest.raises(ValueError, match=f"'{re.escape(text)}' has no twin.*: write"):
        made(lambda ax: ax.plot([1, 2], label=text))
    assert Drawing("zh").word("Adam") == Drawing("en").word("Adam") == "Adam"


PAGE = """# Page {{ #page }}

```python exec="on" session="page"
print(1)
```

![{words}](figure:{name})
"""
DRAW = """from draw import Drawing


def line(draw: Drawing):
    with draw.axes(x="{x}") as ax:
        ax.plot([0, 1, 2])
"""


def test_what_is_wrong_with_a_figure_is_one_line_with_its_place_and_what_to_do(project):
    def said(en: str | None = None, x="步 | step", **changes) -> list[str]:
        page = PAGE.format(**{"name": "line", "words": "A line"} | changes)
        project.page("page.md", page, en)
        project.write("docs/figures/page.py", DRAW.format(x=x))
        done = project.build()
        assert done.returncode != 0
        return done.stderr.splitlines()

    has = "docs/figures/page.py has no function 'lime' (it has: line)"
    assert f"docs/zh/page.md:11: {has}; write it, or correct the name" in said(
        name="lime"
    )
    lines = said(en=PAGE.format(name="x", words="").partition("![")[0])
    use = "figure 'line' is not used by docs/en/page.md; show it in both"
    assert f"docs/zh/page.md:11: {use}" in lines
    words = (
        "figure 'line' needs words that say what it shows: write ![words](figure:line)"
    )
    assert f"docs/zh/page.md:11: {words}" in said(words=" ")
    assert (
        "docs/en/page.md:11: session 'page', docs/figures/page.py:5: the code raised an"
        " exception: '步' has no twin, or too many: write '汉字 | English'"
    ) in said(x="步")


def test_a_figure_takes_colours_and_font_from_the_page_and_needs_alt_text():
    def fill(ax):
        ax.plot([0, 1, 2], label="line")
        ax.scatter([0, 1], [1, 0], label='<points> & "more"')
        ax.set_title("汉字 & <title> | words & <title>")
        ax.text(0, 0, "black in both themes", color="#111111")

    html = drawn(fill)
    assert 'role="img" aria-label="alt"' in html
    assert "var(--fig-0)" in html and "var(--fig-ink)" in html
    assert not re.search("#0000|font-family|style=|metadata", html)
    assert 'fill="#111111"' in html
    assert "&amp; &lt;title&gt;" in html and "&lt;points&gt; &amp; " in html
    assert html.endswith("</table></div></details></figure>")
    with pytest.raises(ValueError, match="a figure needs alt text"):
        figure.html(made(fill), " ", "en", "../")
    told = figure.html(made(fill), "alt", "en", "../", origin="<p>from</p>")
    assert told.endswith("</table></div><p>from</p></details></figure>")


def test_what_fails_leaves_nothing_and_equal_drawings_are_equal():
    drawing = Drawing("en")
    for _ in range(2):
        with drawing.axes() as ax:
            ax.plot([1, 2], "o--")
            ax.imshow(np.eye(3))
    with pytest.raises(ZeroDivisionError), drawing.axes() as ax:
        ax.plot([1 / 0])
    first, second = drawing.made
    assert first == second
    with drawing.axes() as ax:
        ax.plot([1, 3], "o--")
    assert drawing.made[2]["id"] != first["id"]


def test_a_file_of_its_own_has_the_legend_and_the_light_themes_colours():
    def fill(axs):
        axs[0].plot([0, 1], [0, 1], label="a < b")
        axs[1].imshow(np.eye(2))

    ((said, svg),) = figure.alone(made(fill, columns=2, width=7), "what it shows")
    tree = ElementTree.fromstring(svg)
    assert said == "what it shows" and "var(" not in svg and "xlink" not in svg
    texts = [each.text for each in tree.iter() if each.tag.endswith("}text")]
    assert texts[0] == "a < b" and "step" in texts
    light = re.search(r"--fig-0: (#\w{6})", CSS)[1]
    assert svg.count(light) == 2  # the curve and its sample
    width, height = (float(tree.get(side)) for side in ("width", "height"))
    (_, _, across, down) = map(float, tree.get("viewBox").split())
    assert width / height == pytest.approx(across / down, rel=0.01)


def test_taught_codes_process_and_the_builds_have_only_what_they_need():
    def modules(code: str) -> str:
        code = f"import sys; sys.path.insert(0, 'docs/_build'); {code}; print(*sys.modules)"
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert not re.search(r"\b(?:sources|write|hooks)\b", modules("import draw"))
    assert not re.search(r"\b(?:numpy|matplotlib)\b", modules("import write.figure"))


NUMBER = re.compile(r"[−∞\d.e]+|–")


def numbers(one: dict) -> list:
    """All of a drawing that does not depend on its language."""
    tables = [
        [[cell for cell in row if NUMBER.fullmatch(cell)] for row in table["rows"]]
        for table in one["tables"]
    ]
    if one["kind"] == "figure":
        return [one["kind"], tables, [sample for sample, _ in one["legend"]]]
    data = json.loads(one["data"])
    knobs = {
        name: (each["values"], each["code"]) for name, each in data["knobs"].items()
    }
    # The ends of an axis lie where its labels leave room.
    parts = [
        part | {axis: part[axis][:2] + part[axis][4:] for axis in ("xs", "ys")}
        for part in data["parts"]
    ]
    at = [
        (each["at"], [place for place, _ in each["marks"]])
        for each in one["knobs"].values()
    ]
    return [
        one["name"],
        tables,
        knobs,
        at,
        parts,
        data["runs"],
        list(map(numbers, one["panels"])),
    ]


def test_every_function_draws_the_same_data_in_both_languages(site):
    drawn: dict[tuple[str, str], list] = {}
    kept = Store()  # the build has stored what it drew
    for page, twins in survey()[0].items():
        for session in sessions(twins, kept):
            for task in session.tasks:
                of = task.blocks[0] if task.blocks else None
                if isinstance(of, Figure) and (
                    result := kept.load(task.key, task.positions)
                ):
                    drawn.setdefault((page, of.name), []).append(result["made"])
    functions = {
        (path.relative_to(FIGURES).as_posix(), name)
        for path in FIGURES.rglob("*.py")
        for name in drawings(path)
    }
    assert functions == {
        (page.replace("-", "_").replace(".md", ".py"), name) for page, name in drawn
    }
    for function, (one, other) in drawn.items():
        assert list(map(numbers, one)) == list(map(numbers, other)), function


def test_data_that_differ_between_languages_are_found():
    def twins(plot) -> list:
        chinese = made(lambda ax: plot(ax, True), "zh")
        english = made(lambda ax: plot(ax, False), "en")
        return list(map(numbers, (chinese, english)))

    well, same = twins(lambda ax, _: ax.plot([1, 2, 4], "--", label="三点 | 3 points"))
    assert well == same
    for plot in (
        lambda ax, zh: ax.plot([1 + zh, 2, 4]),
        lambda ax, zh: ax.plot([1, 2], "-" if zh else "--", label="a"),
    ):
        one, other = twins(plot)
        assert one != other
