"""Break the taught code on purpose, and see whether a test notices.

    python tests/mutation.py [--sample 20 | --total 30] [--seed 0] [basics/autograd.py …]

Each mutant changes one thing in one region of a snippet: an operator, a comparison, a number, a
truth value, or it drops a call. A mutant that the module's own tests don't notice is printed, and
the exit code says whether more than one in ten lived. It works on copies; the repository stays as
it is. ``ALIVE`` lists what may live, with the reason; a sample may hold two standard deviations more.

Why not a library: mutmut changes function bodies only, and our modules teach in straight lines;
cosmic-ray starts a new Python, which imports torch, for every mutant (6 s instead of 1).
"""

import argparse
import ast
import math
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 180  # seconds; a mutant that never ends counts as noticed

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
# What may live: a region, a part of the line, and why no test could or should notice.
ALIVE: list[tuple[str, str, str]] = [
    (
        "",
        r"manual_seed",
        "another seed gives other numbers, which the pages read from the run",
    ),
    (
        "",
        r"print\(|round\(",
        "how many digits are printed; the pages show whatever is printed",
    ),
    (
        "fails",
        "",
        "it still fails with the type and the last line that the tests assert",
    ),
    (
        "solve",
        r"^ *check_\w+\(",
        "the checker has tests of its own; here it only speaks",
    ),
    ("", r"strict=True", "the lengths are equal; it guards the reader against a slip"),
    (
        "",
        r"^ *\w+\.(train|eval)\(\)",
        "the model is in that mode already; the habit is taught",
    ),
    ("", r"weights_only", "the default; written out because it matters"),
]


def regions(source: str) -> dict[int, str]:
    """For each line that pages show, the innermost region that it is in."""
    shown, inside = {}, []
    for number, line in enumerate(source.splitlines(), 1):
        if "[start:" in line:
            inside.append(line.split("[start:")[1].rstrip("]"))
        elif "[end:" in line:
            inside.remove(line.split("[end:")[1].rstrip("]"))
        elif inside:
            shown[number] = inside[-1]
    return shown


def reason(region: str, line: str) -> str:
    """Why a mutant of this line may live, or nothing."""
    return next(
        (
            why
            for start, part, why in ALIVE
            if region.startswith(start) and re.search(part, line)
        ),
        "",
    )


def mutants(source: str) -> list[tuple[int, str, str]]:
    """Every (line, description, mutated source) of a module, shown lines only."""
    tree, shown, found = ast.parse(source), regions(source), []
    skipped = (
        set()
    )  # annotations and formatted strings say nothing that a test should check
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            skipped |= {id(child) for child in ast.walk(part)} if part else set()
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(child) for child in ast.walk(node)}
    lines = source.encode().split(b"\n")
    for node in ast.walk(tree):
        if id(node) in skipped or getattr(node, "lineno", None) not in shown:
            continue
        old = ast.unparse(node)
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in SWAPS:
            if isinstance(getattr(node, "left", None), ast.Constant) and "'" in old[:1]:
                continue  # formatting with %
            was, node.op = node.op, SWAPS[type(node.op)]()
            new, node.op = ast.unparse(node), was
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            was, node.ops[0] = node.ops[0], SWAPS[type(node.ops[0])]()
            new, node.ops[0] = ast.unparse(node), was
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            new = str(not node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            # Twice the number, where that is another one: one more in a thousand tells nothing.
            number = node.value
            few = isinstance(number, int) and abs(number) < 10
            new = repr(number + 1 if few or number == 0 else number * 2)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if old.startswith("print("):
                continue
            new = "pass"
        else:
            continue
        if not isinstance(node, ast.stmt):
            new = f"({new})"
        head = lines[: node.lineno - 1] + [lines[node.lineno - 1][: node.col_offset]]
        tail = [lines[node.end_lineno - 1][node.end_col_offset :]] + lines[
            node.end_lineno :
        ]
        text = b"\n".join(head) + new.encode() + b"\n".join(tail)
        found.append((node.lineno, f"{old} -> {new}", text.decode()))
    return found


def prepare() -> None:
    """Make this worker's copy of the project, and import what every test needs."""
    folder = tempfile.mkdtemp(prefix="mutation-")
    for name in ("snippets", "tests", "docs/_build", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        target = Path(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, target)
    os.chdir(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    import pytest  # noqa: F401
    import torch

    torch.set_num_threads(1)


def lives(module: str, source: str) -> bool:
    """Whether the module's own tests pass although it was changed."""
    path = Path("snippets", module)
    before = path.read_text("utf-8")
    path.write_text(source, "utf-8")
    child = os.fork()
    if child == 0:
        import pytest

        signal.alarm(LIMIT)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        test = Path("tests/snippets", module).with_name(f"test_{Path(module).name}")
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", str(test)]))
    _, status = os.waitpid(child, 0)
    path.write_text(before, "utf-8")
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="of snippets/; all unless named")
    parser.add_argument("--sample", type=int, help="mutants of each module; else all")
    parser.add_argument("--total", type=int, help="mutants of all modules together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    every = sorted((ROOT / "snippets").rglob("[a-z]*.py"))
    modules = options.modules or [str(p.relative_to(ROOT / "snippets")) for p in every]
    sources = {m: (ROOT / "snippets" / m).read_text("utf-8") for m in modules}
    found = {module: mutants(source) for module, source in sources.items()}
    if options.sample:
        found = {
            m: chance.sample(f, min(options.sample, len(f))) for m, f in found.items()
        }
    if options.total:
        drawn = chance.sample([(m, f) for m in found for f in found[m]], options.total)
        found = {module: [f for m, f in drawn if m == module] for module in found}

    total = alive = 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=prepare) as pool:
        for module, changed in found.items():
            if not changed:
                continue
            # Or every count below would be worth nothing.
            sound = pool.submit(lives, module, sources[module]).result()
            assert sound, f"{module}: its tests fail as it is"
            texts = [text for *_, text in changed]
            results = list(pool.map(lives, [module] * len(texts), texts))
            lines, shown = sources[module].splitlines(), regions(sources[module])
            survivors = 0
            for (line, change, _), survived in zip(changed, results, strict=True):
                if survived:
                    why = reason(shown[line], lines[line - 1])
                    survivors += not why
                    print(
                        f"alive: snippets/{module}:{line}: {change}  {why and f'({why})'}"
                    )
            print(
                f"{module}: {len(texts)} mutants, {sum(results)} alive, {survivors} unexplained"
            )
            sys.stdout.flush()
            total, alive = total + len(texts), alive + survivors
    print(
        f"{total} mutants, {alive} alive without a reason ({alive / max(total, 1):.1%})"
    )
    # A sample may hold more than its share: two standard deviations are its due.
    slack = 2 * math.sqrt(0.09 * total) if options.sample or options.total else 0
    return alive > total / 10 + slack


if __name__ == "__main__":
    sys.exit(main())
