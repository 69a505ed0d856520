"""What is run: the blocks, figures and values of a page, arranged into sessions.

The two languages of a page share a session as long as the code that they show is the same; their
figures, the values of their prose and their hidden blocks look at it without changing it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from run.store import SEED, Store, digest
from sources import Block, Figure, Page, Prose, Value, in_language, relative

TIMEOUT = float(os.environ.get("BLOCK_TIMEOUT", 60))  # seconds; a block can ask for another
Values = dict[str, list[tuple[Path, Value]]]  # for each value's source, the pages that say it


@dataclass
class Task:
    """What a session does at a time: run a block, draw a figure, or say the values of prose.

    Attributes:
        blocks: the block or figure, of one or both languages; none for values.
        code: what is run, None for values; `view`: whether it only looks at the session.
        key: what its result follows from; `positions`: also where in the code each piece stands.
    """

    blocks: list[Block]
    code: str | None
    view: bool
    values: Values = field(default_factory=dict)
    key: str = ""
    positions: str = ""

    @property
    def figure(self) -> Figure | None:
        (first,) = self.blocks[:1] or [None]
        return first if isinstance(first, Figure) else None

    @property
    def timeout(self) -> float:
        return max([float(b.options.get("timeout", TIMEOUT)) for b in self.blocks] or [TIMEOUT])

    @property
    def at(self) -> str:
        places = [block.at for block in self.blocks]
        places += [f"{relative(p)}:{v.line}" for of in self.values.values() for p, v in of]
        return ", ".join(dict.fromkeys(places))


@dataclass
class Session:
    """The tasks of one session, in the order in which they run."""

    name: str
    tasks: list[Task] = field(default_factory=list)

    @property
    def is_fresh(self) -> bool:
        """Whether it must not share a process with torch, which the fork server has imported."""
        blocks = (block for task in self.tasks for block in task.blocks)
        return any(block.options.get("process") == "fresh" for block in blocks)

    @property
    def urgency(self) -> tuple[bool, float]:
        return self.is_fresh, max(task.timeout for task in self.tasks)


@dataclass
class Stage:
    """A block that goes on with a session, and all that looks at the session behind it."""

    step: Block | None = None
    views: list[Block] = field(default_factory=list)
    values: Values = field(default_factory=dict)


def sessions(twins: dict[str, Page], kept: Store) -> list[Session]:
    """Arrange what a page runs into sessions; equal code is shared.

    Args:
        twins: for each language, its page; `kept`: knows the syntax trees of all code.
    """
    arranged: dict[str, dict[str, list[Stage]]] = {}
    for language, page in twins.items():
        for cell in page.cells:
            if cell.session is None:
                continue
            stages = arranged.setdefault(cell.session, {}).setdefault(language, [Stage()])
            if isinstance(cell, Prose):
                for value in cell.values:
                    stages[-1].values.setdefault(value.source, []).append((page.path, value))
            elif cell.is_view:
                stages[-1].views.append(cell)
            else:
                stages.append(Stage(cell))
    result = []
    for name, by_language in arranged.items():
        variants = list(by_language.values())
        first, *others = [_steps(stages, kept) for stages in variants]
        shared = all(other == first for other in others)
        together = [variants] if shared else [[stages] for stages in variants]
        for stages in together:
            if tasks := [task for each in zip(*stages, strict=True) for task in _tasks(each)]:
                _key(tasks, kept)
                result.append(Session(name, tasks))
    return result


def _steps(stages: list[Stage], kept: Store) -> list[tuple]:
    steps = [stage.step for stage in stages if stage.step]
    return [(kept.tree(in_language(s.code, "en")), _settings(s)) for s in steps]


def _settings(block: Block) -> str:
    """The options that a result depends on."""
    named = {name: block.options.get(name) for name in ("raises", "process")}
    return " ".join(f"{name}={value}" for name, value in named.items() if value)


def _tasks(stages: tuple[Stage, ...]) -> Iterator[Task]:
    """The tasks of a stage of one language, or of both: one step, then everybody's views."""
    if steps := [stage.step for stage in stages if stage.step]:
        yield Task(steps, in_language(steps[0].code, "en"), False)
    said: Values = {}
    for source, places in (each for stage in stages for each in stage.values.items()):
        said.setdefault(source, []).extend(places)
    if said:
        yield Task([], None, True, said)
    for view in (view for stage in stages for view in stage.views):
        values = view.alt.values if isinstance(view, Figure) else []
        of_alt = {value.source: [(view.page, value)] for value in values}
        yield Task([view], in_language(view.code, "en"), True, of_alt)


def _key(tasks: list[Task], kept: Store) -> None:
    """Give each task the key of the session's code so far; views do not count for later tasks."""
    chain, lines = SEED, ""
    for task in tasks:
        settings = _settings(task.blocks[0]) if task.blocks else ""
        kind = f"{'view' if task.view else 'step'} {settings}".rstrip()
        if figure := task.figure:
            kind = f"figure {figure.name} {figure.language}"
        task.key = digest(chain, kind, kept.tree(task.code or ""), *sorted(task.values))
        task.positions = digest(lines, kept.tree(task.code or "", True))
        if not task.view:
            chain, lines = task.key, task.positions
