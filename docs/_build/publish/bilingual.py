"""Docstrings in both languages, for the templates of mkdocstrings."""

from __future__ import annotations

from copy import copy
from typing import Any

import griffe

from sources import LANGUAGES
from write.module import half


class Bilingual(griffe.Extension):
    """Gives every object with a docstring both its halves; a template takes its page's."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        obj.extra["docstrings"] = {}
        for language in LANGUAGES if obj.docstring else ():
            own = obj.extra["docstrings"][language] = copy(obj.docstring)
            own.value = half(own.value, language)
