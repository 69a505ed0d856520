"""Run every session of the site twice, without stored results, and name the blocks that differ.

Measurements of the machine (``measured="on"``) may differ; all else must repeat. Run it as a script.
"""

import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from run.runner import WORKERS, Session, run, sessions
from run.store import Store
from sources import survey


def said(session: Session) -> list[tuple[str, dict]]:
    """What each block of a session said, with where it stands; measurements left out."""
    return [
        (f"{task.at}: session '{session.name}'", result)
        for task, (result, _) in zip(session.tasks, run(session), strict=True)
        if not any("measured" in block.options for block in task.blocks)
    ]


def everything(_: int) -> list[list[tuple[str, dict]]]:
    """What all blocks said, session by session."""
    kept = Store()
    todo = [session for twins in survey()[0].values() for session in sessions(twins, kept)]
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(said, todo))


if __name__ == "__main__":
    # Two programs, so that not even the addresses that the sessions inherit are the same.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as programs:
        first, second = programs.map(everything, range(2))
    both = [pair for twice in zip(first, second, strict=True) for pair in zip(*twice, strict=True)]
    found = [once[0] for once, again in both if once != again]
    print("\n".join([*found, f"{len(first)} sessions run twice, {len(found)} block(s) differ"]))
    sys.exit(bool(found))
