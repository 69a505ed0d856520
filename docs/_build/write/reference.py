"""The API reference: mkdocstrings renders, this module adds what only this site knows.

For each public function and class of a snippet module: its docstring in the page's language, its
signature as it is written, and the block of the chapter that shows it at work, with its output.
"""

from __future__ import annotations

import ast
import posixpath
import re
import textwrap
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cache as store
import griffe
from blocks import runner

from sources import (
    BETWEEN_HAN,
    MARKER,
    ROOT,
    SNIPPETS,
    Block,
    SourceError,
    in_language,
    pages,
    read,
)

DIRECTIVE = re.compile(r"^::: snippets\.([\w.]+)", re.MULTILINE)
HEADING = re.compile(r"#+ (?P<title>.*?) *\{ *#(?P<id>[\w-]+) *\}")
DEFINITION = (ast.FunctionDef, ast.ClassDef)
WORDS = {
    "zh": {
        "example": "示例",
        "taught": "讲解",
        "source": "源码",
        "test": "测试",
        "Args": "参数",
        "Returns": "返回",
        "Raises": "抛出",
        "look up": '本章的函数和类，连同形状、报错和源码：<a href="{}">API 参考</a>。',
    },
    "en": {
        "example": "Example",
        "taught": "Taught in",
        "source": "Source",
        "test": "Test",
        "look up": 'This chapter’s functions and classes, with shapes, errors and source: <a href="{}">API reference</a>.',
    },
}
language = "zh"  # of the pages that are being built, see `begin`
listed: set[str] = set()  # the modules that a page of the reference names
problems: list[str] = []
entries: dict[str, list[griffe.Object]] = {}  # of each module that was read for these pages


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a block: which names it sets, and which it uses."""

    block: Block
    written: tuple[int, ...]  # the lines of the module that the block shows
    sets: frozenset[str]
    uses: frozenset[str]
    defines: bool


def begin(of_pages: str, handlers: Any) -> None:
    """Build in a language: mkdocstrings would go on with the words and docstrings of the last."""
    global language, listed
    texts = (path.read_text("utf-8") for path in pages(of_pages).values())
    listed = {name for text in texts for name in DIRECTIVE.findall(text)}
    language = handlers._locale = of_pages
    handlers._handlers.clear()
    entries.clear()


def teacher(module: str) -> str | None:
    """The page that shows a module, "basics/autograd.md" for "basics.autograd"."""
    name = module.replace(".", "/") + ".py"
    for block in runner.blocks():
        if any(included.startswith(f"{name}:") for included in block.snippets):
            return block.page.relative_to(ROOT / "docs" / block.language).as_posix()
    return None


def link(path: Path) -> str:
    """The line at the end of a chapter that leads to its page of the reference."""
    page = path.relative_to(ROOT / "docs" / language)
    there = (ROOT / "docs" / language / learned(page.as_posix())).exists()
    if not there or page.name == "index.md":  # the home page is no chapter
        return ""
    href = posixpath.relpath(_folder(learned(page.as_posix())), _folder(page.as_posix()))
    return f'<p class="look-up">{WORDS[language]["look up"].format(href + "/")}</p>'


def learned(page: str) -> str:
    """The page of the reference for what a page teaches, whether it is there or not."""
    return f"reference/{page}"


def key(markdown: str) -> str:
    """What a page of the reference shows: the modules, their chapters with results, their tests."""
    parts = []
    for module in DIRECTIVE.findall(markdown):
        name = module.replace(".", "/")
        parts += [str(store.content(f"snippets/{name}.py")), str(_tests(module))]
        page = teacher(module)
        for block in runner.of(ROOT / "docs" / language / page) if page else ():
            parts += [block.code, *sorted(block.options.values()), *_section(block)]
            parts.append(runner.digest(block.at))
    return store.digest(*parts)


class Bilingual(griffe.Extension):
    """Gives every documented object its docstring in the page's language, and its ``entry``."""

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        self._read(pkg)

    def _read(self, module: griffe.Module) -> None:
        if module.docstring:
            module.docstring.value = _docstring(module)
        if module.is_init_module:
            for inner in module.modules.values():
                self._read(inner)
            return
        name = module.path.removeprefix("snippets.")
        if name not in listed:
            return
        page = teacher(name)
        statements = cache(lambda: _statements(name, page) if page else [])
        entries[name] = []
        objects = [*module.functions.values(), *module.classes.values()]
        for obj in sorted(objects, key=lambda each: each.lineno):
            if obj.name.startswith("_"):
                continue
            with _reporting(page):
                if not obj.docstring:
                    raise SourceError(
                        Path(obj.filepath),
                        obj.lineno,
                        f"'{obj.name}' has no docstring; write its zh and en lines",
                    )
                obj.docstring.value = _docstring(obj)
                for method in obj.functions.values() if obj.is_class else ():
                    if method.docstring:
                        method.docstring.value = _docstring(method)
            # Made when a template asks: most builds render few of these pages.
            obj.extra["entry"] = cache(partial(entry, name, obj, page, statements))
            entries[name].append(obj)


@contextmanager
def _reporting(page: str | None):
    """Take down what is wrong with an object; where blocks failed, examples lack for that alone."""
    try:
        yield
    except SourceError as error:
        if not page or not runner.fails(ROOT / "docs" / language / page):
            problems.append(str(error))


def _docstring(obj: griffe.Object) -> str:
    """The half of a docstring that is in the page's language.

    Raises:
        SourceError: It has a line that is not for one language, headings of sections apart.
    """
    lines = obj.docstring.value.split("\n")
    for line in lines:
        if line.strip() and not re.fullmatch(r"\s*(?:(?:zh|en): ?.*|[\w*, ]+:)", line):
            path, first = Path(obj.filepath), obj.docstring.lineno or obj.lineno
            written = [text.strip().strip('"') for text in read(path)[first - 1 :]]
            raise SourceError(
                path,
                first + written.index(line.strip()),
                f"the docstring of '{obj.name}' has a line without language; "
                "write it as 'zh: …' and 'en: …'",
            )
    text = textwrap.dedent(in_language(obj.docstring.value, language)).strip()
    return BETWEEN_HAN.sub("", text)


def entry(
    module: str, obj: griffe.Object, page: str | None, statements: Callable[[], list[Statement]]
) -> dict[str, Any] | None:
    """What the templates show of an object besides its docstring; None where something is wrong."""
    with _reporting(page):
        if page is None:
            path = Path(obj.filepath)
            raise SourceError(path, 1, "no page shows this module; include its regions")
        block = _example(obj, statements())
        if block is None:
            raise SourceError(
                Path(obj.filepath),
                obj.lineno,
                f"no block of {page} uses '{obj.name}'; use it there, or begin its name with _",
            )
        code = in_language(block.code, language)
        lines = in_language(obj.source, language).split("\n")
        title, anchor = _section(block)
        if not anchor:
            raise SourceError(block.page, block.line, "no heading with an id above this block")
        href = posixpath.relpath(page, posixpath.dirname(learned(page)))
        path = obj.filepath.relative_to(ROOT).as_posix()
        return {
            "words": WORDS[language],
            "signature": _signature(obj),
            "code": "\n".join(line for line in lines if not MARKER.fullmatch(line)),
            "example": _fences(block, _without(code, {each.name for each in entries[module]})),
            "taught": f"[{title}]({href}#{anchor})",
            "source": (path, obj.lineno, obj.endlineno, f"{path}:{obj.lineno}–{obj.endlineno}"),
            "test": _test(module, obj.name),
        }
    return None


def expanded(markdown: str) -> str:
    """A page's text, with the entries where mkdocstrings is told to put them."""

    def module(directive: re.Match) -> str:
        parts = [part for obj in entries.get(directive[1], ()) for part in _plainly(obj)]
        return "\n\n".join([f"## {directive[1]}", *parts])

    return DIRECTIVE.sub(module, markdown)


def _plainly(obj: griffe.Object) -> list[str]:
    """An entry as Markdown for machines."""
    shown, words = obj.extra["entry"](), WORDS[language]
    if shown is None or not obj.docstring:
        return []
    told = re.sub(r"(?m)^(\w+):$", lambda m: f"**{words.get(m[1], m[1])}**\n", obj.docstring.value)
    return [
        f"### {obj.name}",
        f"```python\n{shown['signature']}\n```",
        textwrap.dedent(told),
        f"**{words['example']}** · {words['taught']} {shown['taught']}",
        re.sub(r"``````\{ \.(\w+)[^\n]*\}", r"``````\1", shown["example"]).replace(
            "`pytb\n", "`text\n"
        ),
        f"{words['source']} `{shown['source'][-1]}` · {words['test']} `{shown['test'][-1]}`",
    ]


def _statements(module: str, page: str) -> list[Statement]:
    """The statements of all sessions that show code of a module: shown blocks, then hidden ones."""
    found = []
    path = SNIPPETS / (module.replace(".", "/") + ".py")
    of_page = runner.of(ROOT / "docs" / language / page)
    blocks = [b for b in of_page if not b.problem and not b.options.get("html")]
    shows = {b.at: tuple(ln.number for ln in b.lines if ln.path == path) for b in blocks}
    sessions = {block.session for block in blocks if shows[block.at]}
    for block in sorted(blocks, key=lambda block: block.is_view):
        if block.session not in sessions:
            continue
        for node in ast.parse(in_language(block.code, language)).body:
            names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
            defines = isinstance(node, DEFINITION)
            sets = {node.name} if defines else {n.id for n in names if isinstance(n.ctx, ast.Store)}
            uses = frozenset(n.id for n in names if isinstance(n.ctx, ast.Load))
            found.append(Statement(block, shows[block.at], frozenset(sets), uses, defines))
    return found


def _prints(block: Block) -> bool:
    result = runner.result(block.at)[1]
    return bool(result["output"].strip() or result["error"])


def _example(obj: griffe.Object, statements: list[Statement]) -> Block | None:
    """The first block with an output that uses an object; else what uses it at one or more removes.

    A block without an output serves last: a check that passes says nothing.
    """
    inside = range(obj.lineno + 1, obj.endlineno + 1)
    for statement in statements:  # code that fails is the body of a function
        own = statement.written
        if own and own[-1] in inside and obj.lineno not in own and _prints(statement.block):
            return statement.block
    silent = None
    names, before = {obj.name}, set()
    while names != before:
        using = [each for each in statements if names & each.uses]
        for each in using:
            if not each.defines and _prints(each.block):
                return each.block
            if not each.defines:
                silent = silent or each.block
        before, names = names, names | {name for each in using for name in each.sets}
    return silent


def _section(block: Block) -> tuple[str, str]:
    """The heading that a block stands under: its title and its id, both empty where there is none."""
    above = ("", "")
    for line, title, anchor in _headings(block.page, block.page.stat().st_mtime_ns):
        if line > block.line:
            break
        above = title, anchor
    return above


@cache
def _headings(page: Path, _mtime: int) -> list[tuple[int, str, str]]:
    """The headings of a page that have an id: line, title and id."""
    lines = enumerate(read(page), 1)
    found = ((number, HEADING.fullmatch(line)) for number, line in lines)
    return [(number, match["title"], match["id"]) for number, match in found if match]


def _signature(obj: griffe.Object) -> str:
    """The head of a function as it is written; of a class, with those of its public methods."""
    node = ast.parse(textwrap.dedent(obj.source)).body[0]
    lines = textwrap.dedent(obj.source).split("\n")

    def head(node) -> list[str]:
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        below = node.body[0]
        decorators = getattr(below, "decorator_list", [])
        end = min([below.lineno, *(each.lineno for each in decorators)]) - 1
        taken = lines[first - 1 : max(end, node.lineno)]
        while taken and (not taken[-1].strip() or taken[-1].lstrip().startswith("#")):
            taken.pop()
        return taken

    shown = head(node)
    for method in node.body if isinstance(node, ast.ClassDef) else ():
        public = (
            method.name == "__init__" or not method.name.startswith("_")
            if isinstance(method, ast.FunctionDef)
            else False
        )
        if public:
            shown += head(method)
    return in_language("\n".join(shown), language)


def _without(code: str, names: set[str]) -> str:
    """A block's code without the functions and classes that have entries of their own."""
    lines = code.split("\n")
    body = ast.parse(code).body
    kept = [node for node in body if not isinstance(node, DEFINITION) or node.name not in names]
    if not kept or len(kept) == len(body):
        return code
    for node in reversed(body):
        if node not in kept:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
            while first and lines[first - 1].startswith("#"):
                first -= 1
            del lines[first : node.end_lineno]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _fences(block: Block, code: str) -> str:
    """Code and output as Markdown, with the marks that the pages' own blocks have."""
    result = runner.result(block.at)[1]
    text, lexer, marks = result["output"], "text", 'data-output=""'
    if error := result["error"]:
        text, lexer = text + error["traceback"], "pytb"
        marks += f' data-raises="{error["type"]}"'
    if "measured" in block.options:
        marks += ' data-measured=""'
    if block.is_view and "result" not in block.options:  # it wrote a part of its page, in Markdown
        page = block.page.relative_to(ROOT / "docs" / language).as_posix()
        here, there = map(posixpath.dirname, (page, learned(page)))

        def moved(found: re.Match) -> str:
            return f"]({posixpath.relpath(posixpath.join(here, found[1]), there)}"

        text = re.sub(r"\]\((?!\w+:)([^)#]+)", moved, text)
        return f'``````{{ .python data-example="" }}\n{code}\n``````\n\n{text}'
    if block.is_view:  # words in the page's language
        marks += ' data-view=""'
    fences = [('.python data-example=""', code), (f".{lexer} {marks}", text.rstrip())]
    return "\n\n".join(f"``````{{ {head} }}\n{body}\n``````" for head, body in fences if body)


def _tests(module: str) -> str | None:
    return store.content(_test_file(module))


def _test_file(module: str) -> str:
    folder, _, name = module.rpartition(".")
    return posixpath.join("tests/snippets", folder, f"test_{name}.py")


def _test(module: str, name: str) -> tuple[str, int, int, str]:
    """The first test that names an object, or the first line of its file: where, and in words."""
    file = _test_file(module)
    tests = _named(ROOT / file) if (ROOT / file).exists() else {}
    for directly in (True, False):  # else by what it uses: a table, a helper
        for test, (line, own, used) in tests.items():
            if name in (own if directly else used):
                return file, line, line, f"{file}::{test}"
    return file, 1, 1, file


@cache
def _named(path: Path) -> dict[str, tuple[int, set[str], set[str]]]:
    """For each test of a file: its line, the strings in it, and those in what it uses of the file."""

    def strings(node: ast.AST) -> set[str]:
        found = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
        texts = {each for each in found if isinstance(each, str)}
        return texts | {name for text in texts for name in re.findall(r"\[\"(\w+)\"\]", text)}

    def names(node: ast.AST) -> set[str]:  # not of fixtures, which serve all tests alike
        return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}

    top = ast.parse("\n".join(read(path))).body
    tests = [each for each in top if getattr(each, "name", "").startswith("test_")]
    held: dict[str, set[str]] = {}
    for each in top:
        if each in tests:
            continue
        if isinstance(each, DEFINITION):
            held[each.name] = strings(each)
        elif isinstance(each, ast.Assign):
            held |= dict.fromkeys(set().union(*map(names, each.targets)), strings(each))
    return {
        test.name: (
            test.lineno,
            strings(test),
            set().union(*(held.get(name, set()) for name in names(test))),
        )
        for test in tests
    }


def _folder(page: str) -> str:
    return re.sub(r"(?:^|/)index$", "", page.removesuffix(".md")) or "."
