"""Formulas become MathML while the page is built: no script, and the TeX stays as annotation.

`pymdownx.arithmatex` finds the formulas (generic mode); this turns what it marks into MathML.
"""

from __future__ import annotations

import html
import re

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from math_core import LatexError, LatexToMathML

MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[]\s*(?P<tex>.*?)\s*\\[)\]]</(?P=tag)>'
    r"(?P<mark>[，。；：、！？）,.;:!?)]*)",
    re.DOTALL,
)
converter = LatexToMathML(annotation=True, fancy_error=False)
failures: list[str] = []  # of the page that is being rendered


class Formulas(Extension):
    """The Markdown extension."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.postprocessors.register(_MathML(md), "formulas", 0)


class _MathML(Postprocessor):
    def run(self, text: str) -> str:
        return MARKED.sub(self._converted, text)

    def _converted(self, match: re.Match) -> str:
        tex, is_block = html.unescape(match["tex"]), match["tag"] == "div"
        try:
            mathml = converter.convert_with_local_state(tex, displaystyle=is_block)
        except LatexError as error:
            failures.append(f"the formula {tex!r} is wrong: {error}")
            return f'<code class="formula-failure">{html.escape(tex)}</code>'
        # A block may be wider than a phone: it scrolls in its box, and the keyboard reaches it.
        if is_block:
            return f'<div class="formula" tabindex="0">{mathml}</div>{match["mark"]}'
        # No line begins with the mark that follows a formula, unless the two might not fit a phone.
        short = match["mark"] and len(tex) < 30
        return (
            f'<span class="nobr">{mathml}{match["mark"]}</span>'
            if short
            else mathml + match["mark"]
        )
