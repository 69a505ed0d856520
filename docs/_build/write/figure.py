"""Drawings as HTML for the page, and as files of their own.

What is drawn comes as plain data from taught code's process (`draw`); nothing is drawn here.
"""

import hashlib
import re
from html import escape

from sources import ROOT

LINE = 18  # the height of a line of a legend in a drawing that is a file of its own, in its units
MARGIN = 6  # around such a drawing, likewise
WORDS = {  # below a figure, below an explorable, on its buttons
    "zh": ("数据表", "所有位置的数据表", "播放", "复位", "留下对照", "复制这次运行", "复制链接"),
    "en": (
        "Data table",
        "Table of all positions",
        "Play",
        "Reset",
        "Keep to compare",
        "Copy this run",
        "Copy link",
    ),
}


def html(made: dict, alt: str, language: str, root: str, origin: str = "") -> str:
    """A figure or an explorable as it stands in a page.

    Args:
        made: what was drawn, one of `Drawing.made`.
        alt: what the figure shows, with its numbers; an explorable's title.
        language: the page's.
        root: the way from the page to the site's home, such as ``../../``.
        origin: HTML for the end of what is folded under the drawing.

    Raises:
        ValueError: there is no ``alt``.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text that says what it shows, with its numbers")
    below_figure, below_explorable, *buttons = WORDS[language]
    if made["kind"] == "figure":
        return _figure(made, alt, _folded(below_figure, made["tables"], origin))
    folded = _folded(below_explorable, made["tables"], origin)
    name, (path,) = made["name"], assets(made)
    knobs = "".join(_control(f"{name}.{knob}", how) for knob, how in made["knobs"].items())
    panels = "".join(_figure(panel, panel["alt"]) for panel in made["panels"])
    buttons = "".join(f'<button type="button">{each}</button>' for each in buttons)
    return (
        f'<figure class="explorable" id="explore-{name}" aria-labelledby="explore-{name}-title"'
        f' data-source="{root}{path}">'
        f'<p class="explorable-title" id="explore-{name}-title">{escape(alt)}</p>'
        f'<fieldset class="explorable-knobs" disabled>{knobs}</fieldset>'
        f'<div class="explorable-panels">{panels}</div>'
        f'<p class="explorable-said" aria-live="polite" aria-atomic="true">{escape(made["said"])}</p>'
        f'<fieldset class="explorable-actions" disabled>{buttons}</fieldset>{folded}</figure>'
    )


def assets(made: dict) -> dict[str, str]:
    """The files that the page's script asks for, by their place in the site: an explorable's runs."""
    if made["kind"] != "explorable":
        return {}
    unique = hashlib.sha256(made["data"].encode()).hexdigest()[:8]
    path = f"assets/explorables/{made['name']}-{unique}.js"
    return {path: f"document.currentScript.data={made['data']}\n"}


def alone(made: dict, alt: str) -> list[tuple[str, str]]:
    """What each drawing shows, in words, and the drawing as a file of its own.

    Its legend is in it, and the light theme's colours, which the style sheet names first.
    """
    if made["kind"] == "explorable":
        return [pair for panel in made["panels"] for pair in alone(panel, panel["alt"])]
    left, top, width, height = made["view"]
    above = LINE * len(made["legend"])
    left, top = left - MARGIN, top - above - MARGIN
    width, height = width + 2 * MARGIN, height + above + 2 * MARGIN
    legend = "".join(
        f'<g transform="translate({left + MARGIN:g} {top + MARGIN + LINE * number:g})">'
        f'<g transform="translate(0 3)">{sample}</g>'
        f'<text x="40" y="12" font-size="10" fill="var(--fig-ink)">{escape(label)}</text></g>'
        for number, (sample, label) in enumerate(made["legend"])
    )
    # The drawing counts 72 units an inch, a screen 96.
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width:g} {height:g}"'
        f' width="{width * 4 / 3:.0f}" height="{height * 4 / 3:.0f}" font-family="sans-serif"'
        f' color="var(--fig-ink)"><rect x="{left:g}" y="{top:g}" width="{width:g}"'
        f' height="{height:g}" fill="var(--fig-paper)"/>{legend}{made["svg"]}</svg>'
    )
    style = (ROOT / "docs/assets/site.css").read_text("utf-8")
    light = style[style.index(":root {") :].partition("}")[0]
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]+);", light))
    return [(alt, re.sub(r"var\((--[\w-]+)\)", lambda colour: colours[colour[1]], svg))]


def _figure(made: dict, alt: str, below: str = "") -> str:
    """A drawing with its legend, and what stands below it."""
    keys = "".join(
        f'<li><svg class="fig-key" viewBox="0 0 32 10" aria-hidden="true">{sample}</svg>'
        f"{escape(label)}</li>"
        for sample, label in made["legend"]
    )
    keys = keys and f'<ul class="fig-legend">{keys}</ul>'
    left, top, width, height = made["view"]
    inside, halves = made["svg"], ""
    if middle := made["halves"]:  # on a phone, below each other: two windows on one drawing
        inside = f'<g id="{made["id"]}">{inside}</g>'
        halves = "".join(
            f'<svg class="fig-half" viewBox="{begin:g} {top:g} {end - begin:g} {height:g}"'
            f' aria-hidden="true"><use href="#{made["id"]}"/></svg>'
            for begin, end in ((left, middle), (middle, left + width))
        )
    return (
        f'<figure class="fig{" fig-wide" * made["wide"]}">{keys}<div class="fig-drawing">'
        f'<svg viewBox="{left:g} {top:g} {width:g} {height:g}" role="img"'
        f' aria-label="{escape(alt)}">{inside}</svg>{halves}</div>{below}</figure>'
    )


def _folded(summary: str, tables: list[dict], origin: str) -> str:
    """Tables and their origin, which open on request."""
    opening = f'<details class="fig-data" data-search-exclude><summary>{summary}</summary>'
    return f"{opening}{''.join(map(_table, tables))}{origin}</details>" if tables else ""


def _table(table: dict) -> str:
    """A table in a box that scrolls."""
    caption = escape(table["caption"], quote=False)
    caption = caption and f"<caption>{caption}</caption>"
    heads = [escape(head, quote=False) for head in table["heads"]]
    head = "".join(f'<th scope="col">{head}</th>' if head else "<td></td>" for head in heads)
    body = ""
    for row in table["rows"]:
        first, *cells = (escape(cell, quote=False) for cell in row)
        cells = "".join(f"<td>{cell}</td>" for cell in cells)
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
    return (
        f'<div class="fig-values" tabindex="0"><table class="values">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _control(name: str, knob: dict) -> str:
    """Numbers get a slider, everything else a choice."""
    label, text, at = escape(knob["label"]), list(map(escape, knob["text"])), knob["at"]
    if not all(type(value) in (int, float) for value in knob["values"]):
        choices = "".join(
            f'<label><input type="radio" name="{name}" value="{n}" autocomplete="off"'
            f"{' checked' * (n == at)}><span>{each}</span></label>"
            for n, each in enumerate(text)
        )
        return f'<fieldset class="explorable-choice"><legend>{label}</legend>{choices}</fieldset>'
    most = len(text) - 1
    special = "".join(
        f'<svg x="{100 * place / most:.2f}%"><path d="M0 0V5"/>'
        f'<text y="1.5em">{escape(mark)}</text></svg>'
        for place, mark in knob["marks"]
    )
    special = special and f'<svg class="explorable-marks" aria-hidden="true">{special}</svg>'
    return (
        f'<label class="explorable-knob"><span>{label} <output>{text[at]}</output></span>'
        f'<input type="range" name="{name}" min="0" max="{most}" value="{at}" aria-label="{label}"'
        f' aria-valuetext="{text[at]}" autocomplete="off">{special}</label>'
    )
