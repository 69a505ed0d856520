"""The API reference as Markdown, written once, for readers and for machines.

For each public function and class of a snippet module: its signature as it is written, the block of
the chapter that shows it at work, with its output, where its source and its tests are, its source.
mkdocstrings finds the objects and renders their docstrings; its templates add this Markdown.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from pathlib import Path
from typing import NamedTuple

from sources import SNIPPETS, Page, SourceError, in_language, read, relative
from write import page as written
from write.example import Chapter, without
from write.module import Module, docstring, first_line
from write.provenance import Origins

DIRECTIVE = re.compile(r"^::: snippets\.([\w.]+)$", re.MULTILINE)
PLACES = re.compile(r"^(.*)\n\{: \.doc-where \}$", re.MULTILINE)
FENCE = re.compile(r"^( *`{3,})\{ \.(\w+)[^}\n]*\}$", re.MULTILINE)
WORDS = {
    "zh": {
        "example": "示例",
        "taught": "讲解",
        "source": "源码",
        "test": "测试",
        "look up": "本章的函数和类，连同形状、报错和源码：[API 参考]({})。",
    },
    "en": {
        "example": "Example",
        "taught": "Taught in",
        "source": "Source",
        "test": "Test",
        "look up": "This chapter’s functions and classes, with shapes, errors and source: [API reference]({}).",
    },
}


class Entry(NamedTuple):
    """An object as Markdown: its signature, its docstring, and what stands below that."""

    name: str
    signature: str
    docstring: str
    markdown: str


class Reference:
    """The reference in one language.

    Args:
        found: each page by name and language (`sources.survey`).
        results: has the results of their blocks; `origins`: links to the repository's files.

    Attributes:
        problems: what authors must mend, each as ``file:line: what to do``.
    """

    def __init__(
        self,
        found: dict[str, dict[str, Page]],
        results: written.Results,
        origins: Origins,
        language: str,
    ) -> None:
        self.results, self.origins, self.language = results, origins, language
        self.pages = {name: twins[language] for name, twins in found.items() if language in twins}
        self.problems: list[str] = []

    def link(self, page: Page) -> str:
        """The line at the end of a chapter that leads to its page of the reference."""
        if _learned(page) not in self.pages or page.name == "index.md":  # which is no chapter
            return ""
        href = _relative(_learned(page), page.name)
        return f"{WORDS[self.language]['look up'].format(href)}\n{{: .look-up }}"

    def directives(self, text: str, root: str) -> str:
        """A page's text, where each line that calls mkdocstrings has what its templates add.

        Args:
            root: the way to the site's home, such as ``../../``.
        """

        def handed(match: re.Match) -> str:
            told, entries = self._module(match[1], root)
            shown = {
                each.name: {"signature": each.signature, "markdown": each.markdown}
                for each in entries
            }
            # The templates need no docstring, but a page's text must say all that the page shows.
            # Those of the entries are in their source.
            extra = {"language": self.language, "docstring": told, "entries": shown}
            return f"{match[0]}\n    options:\n      extra: {_json(extra)}"

        return DIRECTIVE.sub(handed, text)

    def expanded(self, text: str) -> str:
        """A page's text for machines: the entries in place of the lines that call mkdocstrings."""

        def plain(match: re.Match) -> str:
            told, entries = self._module(match[1], "")
            parts = [f"## {match[1]}", told]
            for each in entries:
                parts += [f"### {each.name}", each.signature, each.docstring]
                parts.append(_plain(each.markdown))
            return "\n\n".join(filter(None, parts))

        return DIRECTIVE.sub(plain, text)

    def _module(self, name: str, root: str) -> tuple[str, list[Entry]]:
        """The docstring of a module, and the entries of what is public in it."""
        path = SNIPPETS / (name.replace(".", "/") + ".py")
        entries: list[Entry] = []
        try:
            module = Module(path, read(path))
            chapter = self._chapter(path)
        except SourceError as error:
            self.problems.append(str(error))
            return "", entries
        for node in sorted(module.public.values(), key=first_line):
            try:
                module.check(node)
                entries += self._entry(module, node, chapter, root)
            except SourceError as error:
                self.problems.append(str(error))
        return docstring(module.tree, self.language), entries

    def _chapter(self, module: Path) -> Chapter:
        """The page that teaches a module."""
        name = module.relative_to(SNIPPETS).as_posix()
        for page in self.pages.values():
            if any(each.startswith(f"{name}:") for block in page.blocks for each in block.snippets):
                return Chapter(page, module, self.results)
        raise SourceError(module, 1, "no page shows this module; include its regions")

    def _entry(self, module: Module, node: ast.stmt, chapter: Chapter, root: str) -> list[Entry]:
        """The entry of an object; none where what should show it failed, which the author learns.

        Raises:
            SourceError: No block shows it.
        """
        words, (first, last) = WORDS[self.language], (first_line(node), node.end_lineno)
        block = chapter.shows(node.name, range(first, last + 1))
        if block is None and written.fails(chapter.page, self.results):
            return []
        if block is None:
            unused = f"no block of {chapter.page.name} uses '{node.name}'"
            raise SourceError(
                module.path, first, f"{unused}; use it there, or begin its name with _"
            )
        title, anchor = chapter.section(block)
        there = _relative(chapter.page.name, _learned(chapter.page))
        file = relative(module.path)
        places = self._place(words["source"], root, f"{file}:{first}–{last}", file, first, last)
        tests = Path("tests", file).with_name(f"test_{module.path.name}").as_posix()
        if tests in self.origins.shipped:
            places += f" · {self._place(words['test'], root, tests, tests)}"
        folded = self._python(module.source(node)).split("\n")
        parts = [
            f"{words['example']} · {words['taught']} [{title}]({there}#{anchor})",
            f'``````{{ .python data-example="" }}\n{without(block, {*module.public})}\n``````',
            "\n".join(written.output(block, chapter.result(block))).strip("\n"),
            f"{places}\n{{: .doc-where }}",
            "\n    ".join([f'??? doc-source "{words["source"]}"', *folded]),
        ]
        signature, told = self._python(module.signature(node)), docstring(node, self.language)
        return [Entry(node.name, signature, told, "\n\n".join(filter(None, parts)))]

    def _place(self, word: str, root: str, text: str, file: str, *lines: int) -> str:
        return f"{word} <code>{self.origins.link(root, text, file, *lines)}</code>"

    def _python(self, lines: list[str]) -> str:
        code = in_language("\n".join(lines), self.language)
        return f"``````python\n{code}\n``````"


def _plain(markdown: str) -> str:
    """An entry's Markdown without what only this site's pages know."""

    def places(match: re.Match) -> str:
        return re.sub(r"</?code>", "`", re.sub(r"</?(?:a|wbr)\b[^>]*>", "", match[1]))

    def fence(match: re.Match) -> str:
        return f"{match[1]}{match[2].replace('pytb', 'text')}"

    return FENCE.sub(fence, PLACES.sub(places, markdown))


def _json(data: dict) -> str:
    """JSON as YAML takes it, without what Markdown would take for HTML and cut out of its line."""
    text = json.dumps(data, ensure_ascii=False)
    return re.sub("[<>&]", lambda letter: f"\\u{ord(letter[0]):04x}", text)


def _learned(page: Page) -> str:
    """The page of the reference for what a page teaches, whether it is there or not."""
    return f"reference/{page.name}"


def _relative(page: str, start: str) -> str:
    return posixpath.relpath(page, posixpath.dirname(start))
