"""Every explorable of the site in a real browser: each position draws and says its stored run."""

# ruff: noqa: F401 - two fixtures of test_browser serve here, too
import ast
import gzip
import json
import math
import random
import re
import subprocess
import sys
from html import escape
from xml.etree import ElementTree

import pytest
from sources import LANGUAGES, ROOT, Figure, blocks, pages
from test_browser import url, visit, watched
from test_site import built

USE = re.compile(r'draw\.explorable\(\s*"([\w-]+)"')
FOUND = [
    (name, use)
    for name, path in sorted(pages("zh").items())
    for block in blocks(path)
    if isinstance(block, Figure)
    for use in USE.findall(block.code)
]
EACH = pytest.mark.parametrize(
    ("page", "name"), FOUND, ids=[f"{page}-{name}" for page, name in FOUND]
)
IN_BOTH = pytest.mark.parametrize("language", LANGUAGES)
LIMITS = {"data": 60 * 1024, "script": 12 * 1024}  # bytes, compressed

# Puts every control at every position in turn and reads back what the page draws and says.
MOVE = """(figure) => {
  const groups = [...figure.querySelectorAll(".explorable-knobs > *")].map((knob) => [...knob.querySelectorAll("input")]);
  const read = () => ({
    drawn: [...figure.querySelectorAll("svg[role=img]")].map((drawing) =>
      [...drawing.querySelectorAll("[data-follows]")].map((group) => ({
        id: group.dataset.follows,
        d: group.querySelector(":scope > path")?.getAttribute("d"),
        marks: [...group.querySelectorAll("use")].map((mark) => [+mark.getAttribute("x"), +mark.getAttribute("y")]),
      })),
    ),
    named: [...figure.querySelectorAll("svg[role=img]")].map((drawing) => drawing.getAttribute("aria-label")),
    said: figure.querySelector("[aria-live]").textContent,
    values: groups.map(([first, second]) => (second
      ? figure.querySelector(`[name="${first.name}"]:checked`).parentElement.textContent
      : first.getAttribute("aria-valuetext"))),
    shown: groups.map(([first, second]) => (second ? null : first.parentElement.querySelector("output").textContent)),
  });
  const all = [];
  const go = (knob) => {
    if (knob === groups.length) return void all.push(read());
    const [first, second] = groups[knob];
    const count = second ? groups[knob].length : +first.max + 1;
    for (let at = 0; at < count; at++) {
      if (second) groups[knob][at].checked = true;
      else first.value = at;
      first.dispatchEvent(new Event("input", { bubbles: true }));
      go(knob + 1);
    }
  };
  go(0);
  return all;
}"""


def markup(site, language: str, page: str, name: str) -> str:
    """The explorable as it stands in the page, before any script."""
    html = (site / built(language, page)).read_text("utf-8")
    (found,) = re.findall(
        rf'<figure class="explorable" id="explore-{name}".*?</details></figure>',
        html,
        re.DOTALL,
    )
    return found


def data_file(site, language: str, page: str, name: str):
    (source,) = re.findall(r'data-source="([^"]+)"', markup(site, language, page, name))
    return (site / built(language, page)).parent.joinpath(source).resolve()


def data(site, language: str, page: str, name: str) -> dict:
    text = data_file(site, language, page, name).read_text("utf-8")
    return json.loads(text.removeprefix("document.currentScript.data="))


def positions(stored: dict) -> list[dict]:
    """The knobs' values at each position, in the order of the runs."""
    found = [{}]
    for knob, of_knob in stored["knobs"].items():
        found = [
            at | {knob: (value, code, text)}
            for at in found
            for value, code, text in zip(
                of_knob["values"], of_knob["code"], of_knob["text"], strict=True
            )
        ]
    return found


def place(scale: list, value: float) -> float:
    """Where a value lies in a drawing: an axis from low to high covers start to end."""
    low, high, start, end, *log = scale
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    where = start + (value - low) / (high - low) * (end - start)
    return max(-9999.0, min(9999.0, where))


def numbers(path: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", path)]


def expected(part: dict, values: dict) -> list[list[float]]:
    """The numbers of the path, or paths, that must be drawn of a part at a position."""
    of = values[part["y"]]
    if part["kind"] == "bars":
        foot = place(part["ys"], part["base"])
        return [
            [place(part["xs"], left), foot, place(part["xs"], right)]
            + [place(part["ys"], height), place(part["xs"], left)]
            for (left, right), height in zip(part["x"], of, strict=True)
        ]
    if part["kind"] == "field":
        rows, columns, left, right, low, high = part["grid"]
        xs = [
            place(part["xs"], left + n / columns * (right - left))
            for n in range(columns + 1)
        ]
        ys = [
            place(part["ys"], high + n / rows * (low - high)) for n in range(rows + 1)
        ]
        cells = [
            (row, found.start(), found.end(), int(found[0][0]))
            for row, text in enumerate(of)
            for found in re.finditer(r"(\d)\1*", text)
        ]
        levels = int(max("".join(of))) + 1
        return [
            [
                number
                for row, start, end, of_level in cells
                if of_level == level
                for number in (xs[start], ys[row], xs[end], ys[row + 1], xs[start])
            ]
            for level in range(levels)
        ]
    across = values[part["x"]] if isinstance(part["x"], str) else part["x"]
    lists = [each for each in (across, of) if isinstance(each, list)]
    count = min(map(len, lists), default=1)
    points = []
    for n in range(count):
        x, y = (each[n] if isinstance(each, list) else each for each in (across, of))
        points += [place(part["xs"], x), place(part["ys"], y)]
    return [points]


def opened(context, address, language, page, name, hash=""):
    """A page of the browser with an explorable that has its data."""
    tab = context.new_page()
    errors, foreign = watched(tab, address)
    tab.goto(url(address, language, page) + hash, wait_until="load")
    figure = tab.locator(f"#explore-{name}")
    figure.scroll_into_view_if_needed()
    figure.locator(".explorable-knobs:enabled").wait_for(timeout=10_000)
    assert (errors, foreign) == ([], [])
    return tab, figure


@EACH
@IN_BOTH
def test_every_position_draws_and_says_its_stored_run(
    browser,
    address,
    site,
    language,
    page,
    name,
):
    stored = data(site, language, page, name)
    before = markup(site, language, page, name)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    _, figure = opened(context, address, language, page, name)
    seen = figure.evaluate(MOVE)
    context.close()
    at = positions(stored)
    assert len(seen) == len(stored["runs"]) == len(at)
    by_sentence = {}
    for said, run in zip(stored["said"], stored["runs"], strict=True):
        assert by_sentence.setdefault(said, run) == run, "two pictures, one sentence"
    for where, run, said, found in zip(
        at, stored["runs"], stored["said"], seen, strict=True
    ):
        values = {knob: value for knob, (value, _, _) in where.items()} | run
        assert found["said"] == said
        assert found["values"] == [text for _, _, text in where.values()]
        assert set(found["shown"]) <= {*found["values"], None}
        assert found["named"] == [f"{alt}{said}" for alt in stored["alts"]]
        assert bool(re.search(r"[一-鿿]", said)) == (language == "zh"), said
        for part in stored["parts"]:
            groups = [g for g in found["drawn"][part["panel"]] if g["id"] == part["id"]]
            must = expected(part, values)
            for group, wanted in zip(groups, must, strict=part["kind"] != "field"):
                if part["kind"] != "line":
                    path = "" if group["d"] == "M0 0" else group["d"]  # an absent class
                    assert numbers(path) == pytest.approx(wanted, abs=0.02)
                    continue
                if group["d"] is not None:
                    assert numbers(group["d"]) == pytest.approx(wanted, abs=0.02)
                if part["marks"]:
                    marks = [n for mark in group["marks"] for n in mark]
                    wanted = wanted[-2:] if part["marks"] < 0 else wanted
                    assert marks == pytest.approx(wanted, abs=0.02)
                assert group["d"] or group["marks"]
            for group in groups[len(must) :]:  # classes that do not occur
                assert group["d"] == "M0 0"
    agrees_with_the_still_picture(before, stored, at, seen)


def agrees_with_the_still_picture(before: str, stored: dict, at, seen) -> None:
    """What the script draws at the first position lies where Matplotlib drew the same run."""
    said = re.search(r'aria-atomic="true">(.*?)</p>', before)[1]
    drawn = seen[[escape(each) for each in stored["said"]].index(said)]["drawn"]
    drawings = [
        ElementTree.fromstring(drawing)
        for drawing in re.findall(
            r"<svg viewBox[^>]*role=\"img\".*?</svg>", before, re.DOTALL
        )
    ]
    for part in stored["parts"]:
        still = drawings[part["panel"]].findall(f".//g[@data-follows='{part['id']}']")
        (left, right), (low, high) = part["xs"][2:4], part["ys"][2:4]
        edge = 0.01  # a line may go from edge to edge, and coordinates are rounded
        groups = [g for g in drawn[part["panel"]] if g["id"] == part["id"]]
        compared = 0
        for theirs, ours in zip(still, groups, strict=True):
            uses, line = theirs.iter("use"), theirs.find("path")
            points = numbers(line.get("d")) if line is not None else []
            theirs = [(float(use.get("x")), float(use.get("y"))) for use in uses]
            theirs += zip(points[::2], points[1::2], strict=True)
            if part["kind"] == "field":  # its first corner has no area
                theirs = theirs[1:]
            path = numbers(ours["d"] or "")
            if part["kind"] == "line":
                mine = [
                    *map(tuple, ours["marks"]),
                    *zip(path[::2], path[1::2], strict=True),
                ]
            else:  # MxyHxVyHx: the corners of each rectangle
                mine = [
                    corner
                    for n in range(0, len(path) - 4, 5)
                    for corner in (
                        (path[n], path[n + 1]),
                        (path[n + 2], path[n + 1]),
                        (path[n + 2], path[n + 3]),
                        (path[n], path[n + 3]),
                    )
                ]
            for x, y in theirs:
                inside = left - edge < x < right + edge and high < y < low
                if not inside or not mine:
                    continue
                assert min(math.dist((x, y), each) for each in mine) < 0.1, part["id"]
                compared += 1
        assert compared, part["id"]


@EACH
def test_nothing_is_loaded_before_it_is_in_view(browser, address, page, name):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    visit(tab, url(address, "en", page))
    figure = tab.locator(f"#explore-{name}")
    assert figure.bounding_box()["y"] > 900, "it is in view from the start"
    assert [each for each in asked if f"/explorables/{name}-" in each] == []
    assert figure.locator("input").first.is_disabled()
    figure.scroll_into_view_if_needed()
    figure.locator(".explorable-knobs:enabled").wait_for(timeout=10_000)
    assert len([each for each in asked if f"/explorables/{name}-" in each]) == 1
    assert figure.locator("input").first.is_enabled()
    context.close()


@EACH
@IN_BOTH
def test_the_keyboard_moves_it_and_the_address_keeps_the_position(
    browser,
    address,
    site,
    language,
    page,
    name,
):
    stored = data(site, language, page, name)
    context = browser.new_context(viewport={"width": 390, "height": 800})
    tab, figure = opened(context, address, language, page, name)
    live = figure.locator("[aria-live=polite]")
    for knob in stored["knobs"]:
        before = live.inner_text()
        inputs = figure.locator(f'[name="{name}.{knob}"]')
        control = inputs.first
        if inputs.count() > 1:
            control = figure.locator(f'[name="{name}.{knob}"]:checked')
        labels = control.evaluate(
            "input => input.ariaLabel ?? input.closest('fieldset').querySelector('legend').textContent"
        )
        assert bool(re.search(r"[一-鿿]", labels)) == (language == "zh"), labels
        control.focus()
        at_end = inputs.count() == 1 and control.input_value() == control.get_attribute(
            "max"
        )
        tab.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        assert live.inner_text() != before
    tab.wait_for_timeout(400)  # the address follows when the reader pauses
    address_of_it, said = tab.url, live.inner_text()
    assert f"#explore-{name}?" in address_of_it
    other = context.new_page()
    other.goto(address_of_it)
    again = other.locator(f"#explore-{name}")
    again.locator(".explorable-knobs:enabled").wait_for(timeout=10_000)
    assert again.locator("[aria-live]").inner_text() == said
    assert other.evaluate("scrollY") > 0
    context.close()


@EACH
@IN_BOTH
def test_without_scripts_the_picture_and_the_table_of_all_positions_stay(
    browser,
    address,
    site,
    language,
    page,
    name,
):
    stored = data(site, language, page, name)
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(url(address, language, page))
    figure = tab.locator(f"#explore-{name}")
    assert figure.locator("svg[role=img]").first.is_visible()
    assert figure.locator("[aria-live]").inner_text() in stored["said"]
    assert not figure.locator("input").first.is_visible()
    figure.locator("summary").click()
    assert figure.locator("tbody tr").first.is_visible()
    cells = [
        row.split("\t")[: len(stored["knobs"])]
        for row in figure.locator("tbody tr").all_inner_texts()
    ]
    assert cells == [[text for _, _, text in at.values()] for at in positions(stored)]
    context.close()


RUN = """
import contextlib, io, json, sys
said = []
for code in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, "<stdin>", "exec"), {"__name__": "__main__"})
    said.append(out.getvalue())
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def copied(browser, address, site, tmp_path_factory):
    """What "copy this run" gives at random positions, and what it prints in a fresh Python."""
    draw = random.Random(0)
    texts = {}
    for number, (page, name) in enumerate(FOUND):
        language = LANGUAGES[number % 2]
        stored = data(site, language, page, name)
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        for index in draw.sample(range(len(stored["runs"])), 2):
            at = positions(stored)[index]
            query = "&".join(
                f"{knob}={code.strip(chr(39))}" for knob, (_, code, _) in at.items()
            )
            tab, figure = opened(
                context, address, language, page, name, f"#explore-{name}?{query}"
            )
            figure.locator(".explorable-actions button").nth(3).click()
            texts[page, name, language, index] = tab.evaluate(
                "navigator.clipboard.readText()"
            )
            tab.close()
        context.close()
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(list(texts.values())),
        cwd=tmp_path_factory.mktemp("copied"),
        env={
            "PATH": "/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "CUDA_VISIBLE_DEVICES": "",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(texts, zip(texts.values(), said, strict=True), strict=True))


@EACH
def test_a_copied_run_prints_in_a_fresh_python_what_the_picture_shows(
    copied, site, page, name
):
    for (of_page, of_name, language, index), (code, said) in copied.items():
        if (of_page, of_name) != (page, name):
            continue
        assert not re.search(r"# (?:zh|en): |(?m:^\s*(?:zh|en): )", code)
        assert bool(re.search(r"[一-鿿]", code)) <= (language == "zh")
        printed = {
            key: value
            for line in said.splitlines()
            for key, _, value in [line.partition(" ")]
        }
        run = data(site, language, page, name)["runs"][index]
        assert printed.keys() == run.keys()
        for key, value in run.items():
            of_key = printed[key]
            assert (
                of_key if isinstance(value, str) else ast.literal_eval(of_key)
            ) == value


def test_data_and_script_are_light_and_only_where_they_are_needed(site):
    script = (site / "assets/explorables.js").read_bytes()
    assert len(gzip.compress(script)) <= LIMITS["script"]
    used = set()
    for language in LANGUAGES:
        for page, name in FOUND:
            path = data_file(site, language, page, name)
            assert len(gzip.compress(path.read_bytes())) <= LIMITS["data"], name
            used.add(path.name)
    assert used == {path.name for path in (site / "assets/explorables").iterdir()}
    for path in site.rglob("*.html"):
        html = path.read_text("utf-8")
        assert ("explorables.js" in html) == ('class="explorable"' in html), path


def test_there_are_explorables_and_their_pages_show_them_in_both_languages():
    assert len(FOUND) >= 3
    for page, name in FOUND:
        english = "\n".join(block.code for block in blocks(pages("en")[page]))
        assert name in USE.findall(english)
