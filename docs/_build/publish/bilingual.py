"""Docstrings in both languages, for the templates of mkdocstrings."""

from __future__ import annotations

from typing import Any

import griffe

from sources import LANGUAGES
from write.module import half


class Bilingual(griffe.Extension):
    """Gives every object with a docstring both its halves; a template takes its page's."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if whole := obj.docstring:
            obj.extra["docstrings"] = {
                language: griffe.Docstring(
                    half(whole.value, language),
                    lineno=whole.lineno,
                    parent=obj,
                    parser=whole.parser,
                    parser_options=whole.parser_options,
                )
                for language in LANGUAGES
            }
