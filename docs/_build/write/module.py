"""A snippet module as it stands in its file: its public functions and classes, their docstrings."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import griffe

from sources import BETWEEN_HAN, MARKER, SourceError, in_language, relative

DEFINITION = (ast.FunctionDef, ast.ClassDef)
# A line of a docstring for one language or for both: those are empty, or the heading of a section.
DOCUMENTS = re.compile(r"\s*(?:(?:zh|en): ?.*|[\w*, ]+:)?")
SECTIONS = {  # of a docstring, as mkdocstrings calls them
    "zh": {"parameters": "参数：", "returns": "返回：", "raises": "引发："},
    "en": {"parameters": "Parameters:", "returns": "Returns:", "raises": "Raises:"},
}


_tree = cache(ast.parse)


class Module:
    """A snippet module.

    Args:
        path: the file; `lines`: what is in it.

    Attributes:
        public: its public functions and classes; where a name is defined again, what it stands for.

    Raises:
        SyntaxError: It is no Python.
    """

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path, self.lines, self.tree = path, lines, _tree("\n".join(lines), relative(path))
        named = {node.name: node for node in self.tree.body if isinstance(node, DEFINITION)}
        public = [node for name, node in named.items() if not name.startswith("_")]
        self.public = sorted(public, key=lambda node: node.lineno)

    def source(self, node: ast.stmt) -> list[str]:
        lines = self.lines[span(node)[0] - 1 : node.end_lineno]
        return [line for line in lines if not MARKER.fullmatch(line)]

    def signature(self, node: ast.stmt) -> list[str]:
        """The head of a function as it is written; of a class, with those of its public methods."""
        shown = []
        methods = [each for each in _methods(node) if re.match(r"__init__$|[^_]", each.name)]
        for each in [node, *methods]:
            end = max(span(each.body[0])[0] - 1, each.lineno)
            head = self.lines[span(each)[0] - 1 : end]
            while not head[-1].strip() or head[-1].lstrip().startswith("#"):
                head.pop()
            shown += head
        return shown

    def check(self, node: ast.stmt) -> None:
        """Require a docstring whose lines are all for one language.

        Raises:
            SourceError: There is none, or it has another line.
        """
        if not ast.get_docstring(node):
            problem = f"'{node.name}' has no docstring; write its zh and en lines"
            raise SourceError(self.path, span(node)[0], problem)
        for each in [node, *_methods(node)]:
            lines = (ast.get_docstring(each, clean=False) or "").split("\n")
            for number, line in enumerate(lines, each.body[0].lineno):
                if not DOCUMENTS.fullmatch(line):
                    problem = f"the docstring of '{each.name}' has a line without language"
                    raise SourceError(self.path, number, f"{problem}; write 'zh: …' and 'en: …'")


def _methods(node: ast.stmt) -> list[ast.FunctionDef]:
    body = node.body if isinstance(node, ast.ClassDef) else []
    return [each for each in body if isinstance(each, ast.FunctionDef)]


def span(node: ast.stmt) -> range:
    """The lines of a statement, decorators included."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    return range(first, (node.end_lineno or first) + 1)


def half(text: str, language: str) -> str:
    """The half of a docstring that is in a language."""
    return BETWEEN_HAN.sub("", in_language(text, language))


def docstring(node: ast.AST, language: str) -> str:
    """An object's docstring as Markdown for machines, or an empty string."""
    whole = griffe.Docstring(half(ast.get_docstring(node) or "", language))
    parts = []
    for section in whole.parse("google", warnings=False):
        if section.kind is griffe.DocstringSectionKind.text:
            parts.append(section.value)
            continue
        items = []
        for each in section.value:
            name, text = getattr(each, "name", "") or each.annotation, each.description.strip()
            items.append(f"- `{name}`: {text}" if name else f"- {text}")
        parts += [f"**{SECTIONS[language][section.kind.value]}**", "\n".join(items)]
    return "\n\n".join(parts)
