"""A page with its results as Markdown, for MkDocs: all that it shows is in this text.

Code that ran stays in its fence, with what stands below it behind a mark; markdown-exec renders the
fence and asks `format_block` for it. So the text alone tells what the page looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple, Protocol

from markdown_exec import base_format

from sources import BETWEEN_HAN, Block, Figure, Page, Prose, Value, in_language
from write import failures, figure
from write.provenance import Origins

BETWEEN = "␞"  # the line between a block's code and what stands below it
FREE = 72  # letters of a first line beside the copy buttons
NUMBER = re.compile(r"([-+]?)(\d[\d,]*(?:\.\d+)?|inf)(?:e([-+]\d+))?(%?)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Results(Protocol):
    """What has the results of a page (`run.runner.Runner`)."""

    def result(self, block: Block) -> dict: ...
    def said(self, page: Any, value: Value) -> list[str]: ...


class Around(NamedTuple):
    """What a page shows beside its text.

    Attributes:
        below_title: the line below its title; `end`: below all.
        root: the way to the site's home, such as ``../../``.
    """

    below_title: str
    end: str
    root: str


def set_number(text: str, is_tex: bool) -> str:
    """A value as prose or a formula writes it: powers of ten, a minus, signs that TeX would read."""
    match = NUMBER.fullmatch(text)
    if not match:
        return text
    sign, digits, exponent, percent = match.groups()
    if is_tex:
        digits = digits.replace("inf", r"\infty")
        power = f"10^{{{int(exponent)}}}" if exponent else ""
        times, percent = r" \times ", percent and r"\%"
    else:
        sign, digits = sign.replace("-", "−"), digits.replace("inf", "∞")
        power = f"10{str(int(exponent)).translate(RAISED)}" if exponent else ""
        times = " × "
    parts = [digits] if not power else [power] if digits == "1" else [digits, power]
    return f"{sign}{times.join(parts)}{percent}"


def text(prose: Prose, results: Results) -> str:
    """Prose with its values in their places."""
    parts, position = [], 0
    for value in prose.values:
        parts.append(prose.text[position : value.start])
        said, *wrong = results.said(prose.page, value)
        parts.append(
            f"**⚠ {value.source}: {wrong[0]}**" if wrong else set_number(said, value.is_tex)
        )
        position = value.end
    return "".join([*parts, prose.text[position:]])


def markdown(page: Page, results: Results, origins: Origins, around: Around) -> str:
    """The text of a page, complete."""
    told = origins.of_page(page, results, around.root)
    parts = []
    for cell in page.cells:
        if isinstance(cell, Prose):
            parts.append(BETWEEN_HAN.sub("", text(cell, results)))
        else:
            parts += _block(cell, results, told[cell.at], around)
    written = "\n".join(parts)
    if around.below_title:
        written = re.sub(
            r"(?m)^# .*$", lambda m: f"{m[0]}\n\n{around.below_title}", written, count=1
        )
    return f"{written}\n\n{around.end}\n" if around.end else written


def _block(block: Block, results: Results, origin: str, around: Around) -> list[str]:
    """The lines of a block or figure, with its result."""
    result = results.result(block)
    lacks = result.get("lacks")
    if "failure" in result and not (lacks and not block.is_view):
        lines = failures.note(block, result) if result["failure"] != "skipped" else []
    elif isinstance(block, Figure):
        alt = text(block.alt, results)
        drawn = [
            figure.html(made, alt, block.language, around.root, origin) for made in result["made"]
        ]
        lines = _fence('python exec="on" html="on"', "\n".join([BETWEEN, *drawn]))
    elif block.is_view:
        lines = _hidden(block, result["output"].rstrip("\n"))
    else:
        lines = failures.lacking(block, lacks) if lacks else []
        lines += _shown(block, {"output": "", "error": None} if lacks else result, origin)
    return [block.indent + line if line else "" for line in lines]


def _hidden(block: Block, printed: str) -> list[str]:
    """What a block printed that has no source: Markdown, or HTML."""
    if block.options.get("html"):
        return _fence('python exec="on" html="on"', f"{BETWEEN}\n{printed}")
    return printed.split("\n")


def _shown(block: Block, result: dict, origin: str) -> list[str]:
    """A block's fence: its code, and below it where its output comes from, and the output."""
    code = in_language(block.code, block.language)
    marks = {
        name: block.options[name]
        for name in ("source", "session", "title")
        if name in block.options
    }
    marks["session"] = block.session
    if block.snippets:
        marks["snippet"] = " ".join(block.snippets)
    if len(code.strip("\n").partition("\n")[0]) > FREE:
        marks["long"] = "on"
    said = " ".join(f'{name}="{escape(value)}"' for name, value in marks.items())
    below = output(block, result, origin)
    return _fence(
        f'python exec="on" {said}', "\n".join([code, *([BETWEEN] if below else []), *below])
    )


def output(block: Block, result: dict, origin: str = "") -> list[str]:
    """What a block printed and raised, as a fence with marks."""
    printed, lexer, marks = result["output"], "text", {"data-output": ""}
    if error := result["error"]:
        printed += error["traceback"]
        marks["data-raises"] = error["type"]
        lexer = "pytb"
    if "measured" in block.options:
        marks["data-measured"] = ""
    if not printed.strip():
        return []
    return [origin, "", *_fence(f"{{ .{lexer} {attributes(marks)} }}", printed.rstrip("\n"))]


def attributes(marks: dict[str, str]) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in marks.items())


def _figures(page: Page, results: Results) -> Iterator[tuple[Figure, dict]]:
    for block in page.blocks:
        if isinstance(block, Figure):
            for made in results.result(block).get("made", ()):
                yield block, made


def files(page: Page, results: Results) -> dict[str, str]:
    """What a page's figures load, by path in the site."""
    found: dict[str, str] = {}
    for _, made in _figures(page, results):
        found |= figure.assets(made)
    return found


def fails(page: Page, results: Results) -> bool:
    """Whether a block of a page failed, or a value in its prose."""
    said = (
        results.said(page.path, v) for c in page.cells if isinstance(c, Prose) for v in c.values
    )
    blocks = any("failure" in results.result(block) for block in page.blocks)
    return blocks or any(len(each) > 1 for each in said)


def problems(page: Page, results: Results) -> list[str]:
    """What is wrong with a page that only its results tell."""
    shown = {b.session for b in page.blocks if any(s.endswith(":run") for s in b.snippets)}
    return [
        f"{block.at}: explorable '{made['name']}': the page does not show its code; show the region"
        f" 'run' of its snippet in a block with session=\"{made['name']}\""
        for block, made in _figures(page, results)
        if made["kind"] == "explorable" and made["name"] not in shown
    ]


def _fence(info: str, body: str) -> list[str]:
    """A fence that is longer than those in it."""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", body))])
    return [f"{ticks}{info}", *body.split("\n"), ticks]


def format_block(
    *, code: str, md: Any, html: bool = False, source: str = "", **options: Any
) -> str:
    """Render a fence that `markdown` wrote, as markdown-exec's formatters do."""
    shown, _, below = f"\n{code}".partition(f"\n{BETWEEN}\n")
    marks = {"data-session": options["session"]}
    if snippet := options["extra"].get("snippet"):
        marks["data-snippet"] = snippet
    if "long" in options["extra"]:
        marks["data-long"] = ""
    return base_format(
        language=f"{{ .python {attributes(marks)} }}",
        run=lambda *_, **__: below,
        code=shown[1:],
        md=md,
        html=html,
        source=source,
        id_prefix="",
    )
