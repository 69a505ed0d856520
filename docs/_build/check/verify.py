"""Run every session of the site twice, without stored results, and name the blocks that differ.

    python docs/_build/check/verify.py

Measurements of the machine (``measured="on"``) may differ; everything else must repeat.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from run.runner import WORKERS, run, sessions
from run.store import Store
from sources import survey


def results() -> dict[str, list[str]]:
    """What every block said, by session; measurements left out."""
    kept = Store()
    todo = [session for twins in survey()[0].values() for session in sessions(twins, kept)]

    def once(session) -> list[str]:
        said = [
            (f"{task.at}: session '{session.name}'", result)
            for task, (result, _) in zip(session.tasks, run(session), strict=True)
            if not any("measured" in block.options for block in task.blocks)
        ]
        return [json.dumps(each, sort_keys=True) for each in said]

    with ThreadPoolExecutor(WORKERS) as pool:
        said = pool.map(once, todo)
        return {s.tasks[0].at: each for s, each in zip(todo, said, strict=True)}


def main() -> int:
    if sys.argv[1:] == ["--once"]:
        print(json.dumps(results()))
        return 0
    # Two programs, so that not even the addresses that the sessions inherit are the same.
    command = [sys.executable, __file__, "--once"]
    runs = [
        json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        for _ in range(2)
    ]
    found = [
        json.loads(first)[0]
        for name in runs[0]
        for first, second in zip(runs[0][name], runs[1][name], strict=True)
        if first != second
    ]
    print("\n".join([*found, f"{len(runs[0])} sessions run twice, {len(found)} block(s) differ"]))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
