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
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from run import store
from sources import SNIPPETS, Block, Page, Prose, SourceError, in_language, read, relative
from write import page as written
from write.module import DEFINITION, Module, docstring, span
from write.page import HEADING
from write.provenance import Origins

DIRECTIVE = re.compile(r"^::: snippets\.([\w.]+)$", re.MULTILINE)
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
        results: Any,
        origins: Origins,
        language: str,
    ) -> None:
        self.results, self.origins, self.language = results, origins, language
        self.pages = {name: twins[language] for name, twins in found.items() if language in twins}
        self.problems: list[str] = []

    def link(self, page: Page) -> str:
        """The line at the end of a chapter that leads to its page of the reference."""
        if f"reference/{page.name}" not in self.pages or page.name == "index.md":  # no chapter
            return ""
        href = _relative(f"reference/{page.name}", page.name)
        return f"{WORDS[self.language]['look up'].format(href)}\n{{: .look-up }}"

    def follows(self, text: str) -> str:
        """What the entries on a page follow from: writing them takes longer than comparing this."""
        parts = [str(self.origins)] if DIRECTIVE.search(text) else []
        for name in DIRECTIVE.findall(text):
            path = SNIPPETS / (name.replace(".", "/") + ".py")
            parts.append(str(store.content(str(path))))
            with suppress(SourceError):  # writing them says so
                page = self._taught_in(path)
                shown = [self.results.result(block) for block in page.blocks if not block.is_view]
                parts += [str(store.content(str(page.path))), repr(shown)]
        return store.digest(*parts)

    def directives(self, text: str, root: str) -> str:
        """A page's text, where each line that calls mkdocstrings has what its templates add.

        Args:
            root: the way to the site's home, such as ``../../``.
        """

        def handed(match: re.Match) -> str:
            # The templates need no docstrings, but a page's text must say all that the page shows.
            told, entries = self._module(match[1], root)
            extra = {"language": self.language, "docstring": told, "entries": entries}
            return f"{match[0]}\n    options:\n      extra: {_json(extra)}"

        return DIRECTIVE.sub(handed, text)

    def expanded(self, text: str, root: str | None = None) -> str:
        """A page's text for machines: the entries in place of the lines that call mkdocstrings.

        Args:
            root: the way to the site's home, where links to the repository's files are to stay.
        """

        def plain(match: re.Match) -> str:
            told, entries = self._module(match[1], root)
            parts = [f"## {match[1]} {{ #snippets.{match[1]} }}", told]
            for name, entry in entries.items():
                parts.append(f"### {name} {{ #snippets.{match[1]}.{name} }}")
                parts += [entry[each] for each in ("signature", "docstring", "markdown")]
            return "\n\n".join(filter(None, parts))

        return DIRECTIVE.sub(plain, text)

    def _module(self, name: str, root: str | None) -> tuple[str, dict[str, dict]]:
        """The docstring of a module, and the entries of what is public in it, by name.

        Args:
            root: the way to the site's home; None for machines, who follow no links.
        """
        path = SNIPPETS / (name.replace(".", "/") + ".py")
        entries: dict[str, dict] = {}
        try:
            module = Module(path, read(path))
            chapter = Chapter(self._taught_in(path), path, self.results)
        except (SourceError, SyntaxError) as error:
            self.problems.append(str(error))
            return "", entries
        for node in module.public:
            try:
                module.check(node)
                entries[node.name] = self._entry(module, node, chapter, root)
            except SourceError as error:
                self.problems.append(str(error))
        return docstring(module.tree, self.language), entries

    def _taught_in(self, module: Path) -> Page:
        """The page that teaches a module."""
        name = module.relative_to(SNIPPETS).as_posix()
        for page in self.pages.values():
            if any(each.startswith(f"{name}:") for block in page.blocks for each in block.snippets):
                return page
        raise SourceError(module, 1, "no page shows this module; include its regions")

    def _entry(self, module: Module, node: ast.stmt, chapter: Chapter, root: str | None) -> dict:
        """An object as Markdown: its signature, its docstring, and what stands below that."""
        words, lines = WORDS[self.language], span(node)
        block = chapter.example(node)
        title, anchor = chapter.heading(block)
        there = _relative(chapter.page.name, f"reference/{chapter.page.name}")
        file = relative(module.path)
        test = Path("tests", file).with_name(f"test_{module.path.name}").as_posix()
        where = [(words["source"], f"{file}:{lines[0]}–{lines[-1]}", file, lines[0], lines[-1])]
        if test in self.origins.shipped:
            where.append((words["test"], test, test))
        folded = self._python(module.source(node)).split("\n")
        parts = [
            f"{words['example']} · {words['taught']} [{title}]({there}#{anchor})",
            f'``````{{ .python data-example="" }}\n{_without(block, module)}\n``````',
            "\n".join(written.output(block, self.results.result(block))).strip("\n"),
            " · ".join(self._place(root, *each) for each in where) + "\n{: .doc-where }",
            "\n    ".join([f'??? doc-source "{words["source"]}"', *folded]),
        ]
        return {
            "signature": self._python(module.signature(node)),
            "docstring": docstring(node, self.language),
            "markdown": "\n\n".join(filter(None, parts)),
        }

    def _place(self, root: str | None, word: str, text: str, file: str, *lines: int) -> str:
        if root is None:
            return f"{word} `{text}`"
        return f"{word} <code>{self.origins.link(root, text, file, *lines)}</code>"

    def _python(self, lines: list[str]) -> str:
        code = in_language("\n".join(lines), self.language)
        return f"``````python\n{code}\n``````"


class Chapter:
    """The page that teaches a module: which of its blocks shows what at work.

    Args:
        page: in one language; `module`: the file; `results`: has the results of the page's blocks.
    """

    def __init__(self, page: Page, module: Path, results: Any) -> None:
        self.page, self.module, self.results = page, module, results
        shown = [block for block in page.blocks if not block.is_view and not block.problem]
        self.own = {b.at: {ln.number for ln in b.lines if ln.path == module} for b in shown}
        sessions = {b.session for b in shown if self.own[b.at]}  # others have other names
        self.blocks = [(b, _uses(b.code)) for b in shown if b.session in sessions]
        views = [cell for cell in page.cells if isinstance(cell, Prose) or cell.is_view]
        code = (view.text if isinstance(view, Prose) else view.code for view in views)
        self.viewed = set(re.findall(r"\w+", "\n".join(code)))

    def example(self, node: ast.stmt) -> Block:
        """The block that shows an object at work: of those that use it the first with an output.

        Next comes one without an output, since a check that passes says nothing; what shows the
        functions and classes that use it; and, where prose, figures or hidden blocks use it, the
        block that defines it.

        Raises:
            SourceError: Nothing in the chapter uses it.
        """
        head, *body = span(node)  # code that fails is the body of a function
        own = self.own
        using = [
            b for b, _ in self.blocks if own[b.at].intersection(body) and head not in own[b.at]
        ]
        names, before = {node.name}, set()
        while not using and names != before:
            using = [block for block, uses in self.blocks if names & uses[""]]
            defined = {of: used for _, uses in self.blocks for of, used in uses.items() if of}
            before, names = names, names | {of for of, used in defined.items() if names & used}
        if node.name in self.viewed:
            using += [block for block, uses in self.blocks if node.name in uses]
        printing = (b for b in using if written.output(b, self.results.result(b)))
        for block in chain(printing, using):
            return block
        unused = f"no block of {self.page.name} uses '{node.name}'; use it there"
        raise SourceError(self.module, head, f"{unused}, or begin its name with _")

    def heading(self, block: Block) -> tuple[str, str]:
        """The title and the id of the heading that a block stands under.

        Raises:
            SourceError: There is none with an id.
        """
        for cell in reversed(self.page.cells[: self.page.cells.index(block)]):
            if isinstance(cell, Prose) and "#" in cell.text:
                told = HEADING.findall(written.text(cell, self.results))
                if headings := [each for each in told if each[1]]:
                    return headings[-1]
        raise SourceError(block.page, block.line, "no heading with an id above this block")


@cache
def _uses(code: str) -> dict[str, set[str]]:
    """The names that each function and class in code uses, by its name; under "" all other code."""
    found: dict[str, set[str]] = {"": set()}
    try:  # only comments and docstrings have languages, so any does
        body = ast.parse(in_language(code, "en")).body
    except SyntaxError:  # running it says so
        return found
    for node in body:
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        found.setdefault(node.name if isinstance(node, DEFINITION) else "", set()).update(names)
    return found


def _without(block: Block, module: Module) -> str:
    """A block's code without what has an entry of its own, unless nothing else is in it."""
    numbers = {line.number for line in block.lines if line.path == module.path}
    defined = [n for node in module.public if span(node)[0] in numbers for n in span(node)]
    rest = [ln.text for ln in block.lines if ln.path != module.path or ln.number not in defined]
    if not any(rest) or not defined:
        return in_language(block.code, block.language)
    return re.sub(r"\n{3,}", "\n\n", in_language("\n".join(rest), block.language)).strip("\n")


def _json(data: dict) -> str:
    """JSON as YAML takes it, without what Markdown would take for HTML and cut out of its line."""
    text = json.dumps(data, ensure_ascii=False)
    return re.sub("[<>&]", lambda letter: f"\\u{ord(letter[0]):04x}", text)


def _relative(page: str, start: str) -> str:
    return posixpath.relpath(page, posixpath.dirname(start))
