"""What a build knows. Imports what `hooks` does, which alone changes it."""

from __future__ import annotations

import logging
import os
from contextlib import suppress

from jinja2 import FileSystemBytecodeCache
from mkdocs.exceptions import PluginError
from mkdocs.utils import CountHandler

from publish.formulas import Formulas
from run.runner import Runner
from run.store import FOLDER, Store
from sources import Page, relative

log = logging.getLogger("mkdocs.blocks")


class State:
    """What this build knows; a server's builds go on with its results.

    Attributes:
        found: all pages, by name and language; `page`: the one at hand; `problems`: with them.
        files: of the site, by path: what explorables load.
    """

    found: dict[str, dict[str, Page]]
    page: Page

    def __init__(self, serving: bool) -> None:
        self.serving, self.store = serving, Store()
        self.runner, self.formulas = Runner(self.store), Formulas(self.wrong)
        compiled = FOLDER.with_name("templates")  # both languages and the next build have the same
        with suppress(OSError):  # a folder that is only read does without
            compiled.mkdir(parents=True, exist_ok=True)
        writable = os.access(compiled, os.W_OK)
        self.templates = FileSystemBytecodeCache(str(compiled)) if writable else None
        self.problems: list[str] = []
        self.files: dict[str, str] = {}
        self.warnings = CountHandler(level=logging.WARNING)
        for name in "mkdocs", "griffe":
            logging.getLogger(name).addHandler(self.warnings)

    def wrong(self, problem: str) -> None:
        """Note what is wrong with the page at hand."""
        self.problems.append(f"{relative(self.page.path)}: {problem}")

    def heard(self) -> tuple[int, int]:
        """How much was said to be wrong so far."""
        return len(self.problems), sum(self.warnings.counts.values())

    def report(self) -> None:
        """Fail a build with all that is wrong; on a server, say it: the pages show their own."""
        problems, self.problems = list(dict.fromkeys(self.problems)), []
        if problems and self.serving:
            log.error("\n\n".join(problems))
        elif problems:
            raise PluginError("\n\n".join([f"{len(problems)} problem(s)", *problems]))
