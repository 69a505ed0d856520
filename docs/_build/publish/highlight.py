"""Colours of code: no element around what looks like other code, and a chapter has thousands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pygments.filter import Filter
from pygments.token import Name, Operator, Punctuation, Text, Whitespace

PLAIN = {Name, Operator, Punctuation, Whitespace}


class Plain(Filter):
    """Takes the kind from names, operators and marks, which the style sheet leaves as they are."""

    def filter(self, lexer: Any, stream: Iterable) -> Iterator:
        for kind, text in stream:
            yield (Text if kind in PLAIN else kind), text


def lighten(settings: dict[str, dict]) -> None:
    """Have pymdownx's highlighter use it; `settings`: of Markdown's extensions."""
    light = {"name": "python", "lang": "python", "options": {"filters": [Plain()]}}
    settings.setdefault("pymdownx.highlight", {})["extend_pygments_lang"] = [light]
