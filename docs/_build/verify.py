"""Run every session of the site twice, without stored results, and name the blocks that differ.

    python docs/_build/verify.py

Measurements of the machine (``measured="on"``) may differ; everything else must repeat.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from runner import WORKERS, run, sessions
from sources import survey


def differing(session) -> list[str]:
    """Where a session's second run says something else than its first."""
    runs = [[result for result, _ in run(session)] for _ in range(2)]
    return [
        f"{cell.blocks[0].at}: session '{session.name}', block {cell.blocks[0].number}"
        for cell, first, second in zip(session.cells, *runs, strict=True)
        if first != second and "measured" not in cell.blocks[0].options
    ]


def main() -> int:
    todo = [session for found in survey()[0].values() for session in sessions(found)]
    with ThreadPoolExecutor(WORKERS) as pool:
        found = [place for places in pool.map(differing, todo) for place in places]
    print("\n".join([*found, f"{len(todo)} sessions run twice, {len(found)} block(s) differ"]))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
