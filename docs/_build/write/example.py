"""Which block of its chapter shows a function or class at work."""

from __future__ import annotations

import ast
import re
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from sources import Block, Figure, Page, Prose, SourceError, in_language
from write import page as written
from write.module import DEFINITION, first_line

HEADING = re.compile(r"^#+ (?P<title>.*?) *\{ *#(?P<id>[\w-]+) *\}$", re.MULTILINE)


class Statement(NamedTuple):
    """A top-level statement of code: which names it sets, and which it uses."""

    node: ast.stmt
    sets: frozenset[str]
    uses: frozenset[str]

    @property
    def defines(self) -> bool:
        return isinstance(self.node, DEFINITION)


class Chapter:
    """A page that teaches a module.

    Args:
        page: in one language; `module`: the file; `results`: has the results of the page's blocks.
    """

    def __init__(self, page: Page, module: Path, results: written.Results) -> None:
        self.page, self.results = page, results
        shown = [each for each in page.blocks if not each.is_view and not each.problem]
        self.lines = {b.at: [ln.number for ln in b.lines if ln.path == module] for b in shown}
        self.sessions = {block.session for block in shown if self.lines[block.at]}
        self.uses = [
            (block, statement)
            for block in shown
            if block.session in self.sessions
            for statement in statements(block.code)
        ]

    def shows(self, name: str, lines: range) -> Block | None:
        """The first block with an output that uses an object, at some removes where it must be.

        Next come blocks without an output, since a check that passes says nothing, and the block
        that defines what only values in prose, figures or hidden blocks use.

        Args:
            lines: those of the object in its module.
        """
        for block, _ in self.uses:
            own = self.lines[block.at]  # code that fails is the body of a function
            if own and own[-1] in lines and lines[0] not in own and self._prints(block):
                return block
        silent = None
        names, before = {name}, set()
        while names != before:
            using = [(block, each) for block, each in self.uses if names & each.uses]
            for block, each in using:
                if not each.defines and self._prints(block):
                    return block
                if not each.defines:
                    silent = silent or block
            before, names = names, names.union(*(each.sets for _, each in using))
        if silent is None and name in self._elsewhere:
            defining = (block for block, each in self.uses if each.defines and name in each.sets)
            return next(defining, None)
        return silent

    def result(self, block: Block) -> dict:
        """What the page shows of a block's result."""
        result = self.results.result(block)
        return {"output": "", "error": None} if "failure" in result else result

    def section(self, block: Block) -> tuple[str, str]:
        """The title and the id of the heading that a block stands under.

        Raises:
            SourceError: There is none with an id.
        """
        cells = self.page.cells[: self.page.cells.index(block)]
        prose = (written.text(c, self.results) for c in reversed(cells) if isinstance(c, Prose))
        for headings in map(HEADING.findall, prose):
            if headings:
                return headings[-1]
        raise SourceError(block.page, block.line, "no heading with an id above this block")

    def _prints(self, block: Block) -> bool:
        result = self.result(block)
        return bool(result["output"].strip() or result["error"])

    @cached_property
    def _elsewhere(self) -> set[str]:
        """The words in the code of values in prose, of figures and of hidden blocks."""
        cells = [cell for cell in self.page.cells if cell.session in self.sessions]
        prose = [cell.alt if isinstance(cell, Figure) else cell for cell in cells]
        code = [value.source for cell in prose if isinstance(cell, Prose) for value in cell.values]
        code += [cell.code for cell in cells if isinstance(cell, Block) and cell.is_view]
        return set(re.findall(r"\w+", "\n".join(code)))


@cache
def statements(code: str) -> list[Statement]:
    """The statements of a block's code; only comments and docstrings have languages, so any does."""
    try:
        body = ast.parse(in_language(code, "en")).body
    except SyntaxError:  # running it says so
        return []
    found = []
    for node in body:
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        sets = {each.id for each in names if isinstance(each.ctx, ast.Store)}
        uses = {each.id for each in names if isinstance(each.ctx, ast.Load)}
        if isinstance(node, DEFINITION):
            sets = {node.name}
        found.append(Statement(node, frozenset(sets), frozenset(uses)))
    return found


def without(block: Block, names: set[str]) -> str:
    """A block's code without some functions and classes, unless nothing else is in it."""
    code = in_language(block.code, block.language)
    body = [statement.node for statement in statements(block.code)]
    dropped = [each for each in body if isinstance(each, DEFINITION) and each.name in names]
    if not dropped or len(dropped) == len(body):
        return code
    lines = code.split("\n")
    for node in reversed(dropped):
        first = first_line(node) - 1
        while first and lines[first - 1].startswith("#"):
            first -= 1
        del lines[first : node.end_lineno]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
