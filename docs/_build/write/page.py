"""A page with its results as Markdown, for MkDocs: all that it shows is in this text.

Code that ran stays in its fence, with what stands below it behind a mark; markdown-exec renders the
fence and asks `format_block` for it. So the text alone tells what the page looks like.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, NamedTuple

from markdown_exec import base_format

from sources import BETWEEN_HAN, Block, Figure, Page, Prose, in_language
from write import failures, figure
from write.provenance import Origins

HEADING = re.compile(r"(?m)^#+ (?P<title>.*?)(?: *\{ *#(?P<id>[\w-]+)[^}]*\})?$")
BETWEEN = "␞"  # the line between a block's code and what stands below it
FREE = 72  # letters of a first line beside the copy buttons
NUMBER = re.compile(r"([-+]?)(\d[\d,]*(?:\.\d+)?|inf)(?:e([-+]\d+))?(%?)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Around(NamedTuple):
    """What a page shows below its title and at its end, and its way home, such as ``../../``."""

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


def text(prose: Prose, results: Any) -> str:
    """Prose with its values in their places."""
    parts, position = [], 0
    for value in prose.values:
        said, *wrong = results.said(prose.page, value)
        said = f"**⚠ {value.source}: {wrong[0]}**" if wrong else set_number(said, value.is_tex)
        parts += [prose.text[position : value.start], said]
        position = value.end
    return "".join([*parts, prose.text[position:]])


def markdown(page: Page, results: Any, origins: Origins, around: Around, write=None) -> str:
    """The text of a page, complete; `write` writes blocks as `_block` does, in another way."""
    told = origins.of_page(page, results, around.root)
    parts = []
    for cell in page.cells:
        if isinstance(cell, Prose):
            parts.append(BETWEEN_HAN.sub("", text(cell, results)))
        else:
            lines = (write or _block)(cell, results, told[cell.at], around)
            parts += [cell.indent + line if line else "" for line in lines]
    written = "\n".join([*parts, *(["", around.end, ""] if around.end else [])])
    if not around.below_title:
        return written
    return re.sub(r"(?m)^# .*$", lambda m: f"{m[0]}\n\n{around.below_title}", written, count=1)


def _block(block: Block, results: Any, origin: str, around: Around) -> list[str]:
    """The lines of a block or figure, with its result."""
    result, words = results.result(block), failures.WORDS[block.language]
    if (lacks := result.get("lacks")) and not block.is_view:
        title, how = (words[each].format(lacks=lacks) for each in ("not run", "lacking"))
        return [*_box("note", title, how), *_shown(block, result, origin)]
    if result.get("failure") == "skipped":
        return []
    if "failure" in result:
        what, _, details = failures.described(block, result, block.language).partition("\n")
        return _box("failure", words["failed"], f"{block.at}: {what}", details)
    if isinstance(block, Figure):
        alt = text(block.alt, results)
        drawn = (figure.html(m, alt, block.language, around.root, origin) for m in result["made"])
        return fence('python exec="on" html="on"', "\n".join([BETWEEN, *drawn]))
    if not block.is_view:
        return _shown(block, result, origin)
    printed = result["output"].rstrip("\n")  # a hidden block prints Markdown, or HTML
    if block.options.get("html"):
        return fence('python exec="on" html="on"', f"{BETWEEN}\n{printed}")
    return printed.split("\n")


def _shown(block: Block, result: dict, origin: str) -> list[str]:
    """A block's fence: its code, and below it where its output comes from, and the output."""
    code = in_language(block.code, block.language)
    marks = {"source": block.options["source"], "session": block.session}
    if block.snippets:
        marks["snippet"] = " ".join(block.snippets)
    if len(code.strip("\n").partition("\n")[0]) > FREE:
        marks["long"] = ""
    below = output(block, result, origin)
    body = "\n".join([code, BETWEEN, *below] if below else [code])
    return fence(f'python exec="on" {attributes(marks)}', body)


def output(block: Block, result: dict, origin: str = "") -> list[str]:
    """What a block printed and raised, as a fence with marks; nothing where it failed the build."""
    printed, lexer, marks = result["output"], "text", {"data-output": ""}
    if error := result["error"]:
        printed += error["traceback"]
        marks["data-raises"] = error["type"]
        lexer = "pytb"
    if "measured" in block.options:
        marks["data-measured"] = ""
    if "failure" in result or not printed.strip():
        return []
    return [origin, "", *fence(f"{{ .{lexer} {attributes(marks)} }}", printed.rstrip("\n"))]


def attributes(marks: dict[str, str]) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in marks.items())


def fence(info: str, body: str) -> list[str]:
    """A fence that is longer than those in it."""
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", body))])
    return [f"{ticks}{info}", *body.split("\n"), ticks]


def _box(kind: str, title: str, words: str, details: str = "") -> list[str]:
    """A box of plain words, with details as they are."""
    plain = words.replace("<", "&lt;").replace("*", r"\*").replace("_", r"\_")
    lines = [plain, *(["", *fence("text", details)] if details else [])]
    return [f'!!! {kind} "{title}"', *(f"    {line}" for line in lines), ""]


def files(page: Page, results: Any) -> dict[str, str]:
    """What a page's figures load, by path in the site."""
    made = [each for _, each in _made(page, results)]
    return {path: content for each in made for path, content in figure.assets(each).items()}


def problems(page: Page, results: Any) -> list[str]:
    """What is wrong with a page that only its results tell."""
    shown = {b.session for b in page.blocks if any(s.endswith(":run") for s in b.snippets)}
    return [
        f"{block.at}: explorable '{made['name']}': the page does not show its code; show the region"
        f" 'run' of its snippet in a block with session=\"{made['name']}\""
        for block, made in _made(page, results)
        if made["kind"] == "explorable" and made["name"] not in shown
    ]


def _made(page: Page, results: Any) -> list[tuple[Block, dict]]:
    return [
        (block, made) for block in page.blocks for made in results.result(block).get("made", ())
    ]


def ran(page: Page, results: Any) -> str:
    """When the latest of a page's blocks ran, empty where none has."""
    each = (results.result(block).get("ran", {}) for block in page.blocks)
    return max((run.get("at", "") for run in each), default="")


def fails(page: Page, results: Any) -> bool:
    """Whether a block of a page failed, or a value in its prose."""
    values = [(c.page, v) for c in page.cells if isinstance(c, Prose) for v in c.values]
    if any("failure" in results.result(block) for block in page.blocks):
        return True
    return any(len(results.said(*each)) > 1 for each in values)


def format_block(
    *, code: str, md: Any, html: bool = False, source: str = "", **options: Any
) -> str:
    """Render a fence that `markdown` wrote, as markdown-exec's formatters do."""
    shown, _, below = f"\n{code}".partition(f"\n{BETWEEN}\n")
    marks = {"session": options["session"], **options["extra"]}
    data = attributes({f"data-{name}": value for name, value in marks.items()})
    return base_format(
        language=f"{{ .python {data} }}",
        run=lambda *_, **__: below,
        code=shown[1:],
        md=md,
        html=html,
        source=source,
        id_prefix="",
    )
