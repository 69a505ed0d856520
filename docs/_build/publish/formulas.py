"""Formulas become MathML while the page is built: no script, and the TeX stays as annotation.

`pymdownx.arithmatex` finds the formulas (generic mode); this turns what it marks into MathML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from markdown import Extension, Markdown
from math_core import LatexError, LatexToMathML

from write.page import RAISED

MARKED = re.compile(
    r'(?P<open>[（《「“‘(\[]*)<(?P<tag>span|div) class="arithmatex">\\[(\[]\s*(?P<tex>.*?)\s*\\[)\]]</(?P=tag)>'
    r"(?P<mark>[，。；：、！？）,.;:!?)]*)",
    re.DOTALL,
)
# Styles stand in the style sheet (site.css, "formulas"), because a strict Content-Security-Policy
# forbids them in the page: what the converter writes, and the class that says the same.
CLASSES = {
    "text-align: left;justify-items: start;padding-left: 0;": "right-side",
    "text-align: left;justify-items: start;padding-right: 0;": "case",
    "text-align: left;justify-items: start;padding-right: 0;padding-left:1em;": "condition",
    "text-align: right;justify-items: end;padding-right: 0;": "left-side",
    "margin-left:-0.16666667em;": "closer",
    "padding-right:0.1667em;": "farther",
}
# What TeX sets with care and browsers don't: the height of a root's bar, a prime's place, and room
# after letters that lean over it (where no subscript fills it).
FINER = {
    "<msqrt>": '<msqrt><mspace height="0.69em"/>',
    r"<msup>((?:(?!<msup>).)*?)<mo>([′″‴])</mo></msup>": r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>',
    "<mo>(?=[′″‴]</mo>)": '<mo class="prime">',  # those above a subscript
    "(?<!<msub>)(?<!<msubsup>)<mi>(?=[FHJKMNPTUVWYZ]</mi>)": '<mi class="leaning">',
}
# A number that stands alone is no formula: it has the font of the text around it.
ALONE = re.compile(
    r"(?=.*\d)([-+]?)((?:\d[\d,]*(?:\.\d+)?(?: \\times )?)?)(?:10\^\{?(-?\d+)\}?)?(\\?%)?"
)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # a comma in a number, which takes no space
UNSEEN = re.compile(r"<annotation.*?</annotation>|<[^>]+>", re.DOTALL)
STYLE = re.compile(r' style="([^"]*)"')
converter = LatexToMathML(annotation=True, fancy_error=False)


class Formulas(Extension):
    """The Markdown extension, which is its own postprocessor; `report` is told what is wrong."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self.report = report

    def extendMarkdown(self, md: Markdown) -> None:
        md.postprocessors.register(self, "formulas", 0)

    def run(self, text: str) -> str:
        return MARKED.sub(self._placed, text)

    def _placed(self, match: re.Match) -> str:
        """A formula with what stands around it: no line ends before it, or begins behind it."""
        before, after, is_block = match["open"], match["mark"], match["tag"] == "div"
        tex = html.unescape(match["tex"])
        if not is_block and (number := ALONE.fullmatch(tex)):
            return f"{before}{_alone(*number.groups(''))}{after}"
        mathml = self._converted(tex, is_block)
        # A block may be wider than a phone: it scrolls in its box, and the keyboard reaches it.
        if is_block:
            box = f'<div class="formula" tabindex="0">{mathml}</div>'
            return f'{before}<div class="formula-box">{box}</div>{after}'  # site.js adds a button
        if not (before or after):
            return mathml
        if len(html.unescape(UNSEEN.sub("", mathml))) < 28:
            return f'<span class="nobr">{before}{mathml}{after}</span>'
        joiner = "\u2060"  # a long formula may have to break itself on a phone
        return f"{before}{joiner if before else ''}{mathml}{joiner if after else ''}{after}"

    def _converted(self, tex: str, is_block: bool) -> str:
        """TeX as MathML, with classes in place of styles."""
        tex = THOUSANDS.sub("{,}", tex)
        try:
            mathml = converter.convert_with_local_state(tex, displaystyle=is_block)
        except LatexError as error:
            self.report(f"the formula {tex!r} is wrong: {error}")
            return f'<code class="formula-failure">{html.escape(tex)}</code>'
        for plain, finer in FINER.items():
            mathml = re.sub(plain, finer, mathml)
        for style in sorted(set(STYLE.findall(mathml)) - set(CLASSES)):
            self.report(
                f"the formula {tex!r} needs the style {style!r}: give it a class, in CLASSES of"
                " docs/_build/publish/formulas.py and in docs/assets/site.css"
            )
        return STYLE.sub(lambda style: f' class="{CLASSES.get(style[1])}"', mathml)


def _alone(sign: str, digits: str, power: str, percent: str) -> str:
    """A number as text writes it."""
    power = power and f"10{power.translate(RAISED)}"
    digits = digits.replace(r" \times ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}")
    return f"{sign.replace('-', '−')}{digits}{power}{percent[-1:]}"
