"""Break the taught code on purpose, and see whether a test notices.

    python tests/mutation.py [--sample 20 | --total 30] [--seed 0] [--jobs 1] [basics/autograd.py …]

Each mutant changes one thing in one region of a snippet: an operator, a comparison, a number, a
truth value, or it drops a call. A mutant that the module's own tests don't notice is printed, and
the exit code says whether more than one in ten lived. It works on copies; the repository stays as
it is. ``ALIVE`` lists what may live, with the reason; a sample may hold two standard deviations more.

Why not a library: mutmut changes function bodies only, and our modules teach in straight lines;
cosmic-ray starts a new Python, which imports torch, for every mutant (6 s instead of 1).
"""

import argparse
import ast
import inspect
import math
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 900  # seconds; a mutant that never ends counts as noticed

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
# Not changed: which seed, since the pages read the numbers from the run; how many digits are printed,
# since they show whatever is printed; the Chinese half of a pair of statements, since the English one
# runs last here, and `test_pages.py` wants the two to differ in words alone.
NOT_TAUGHT = re.compile(
    r"manual_seed|\bseed=\d|(print|round)\(.*  # -?[\d.e-]+ -> |  # zh  # "
)
# What may live: the region's beginning, a part of «line  # change» (patterns), and why no test
# could or should notice.
ALIVE: list[tuple[str, str, str]] = [
    (
        "fails",
        "",
        "it still fails with the type and the last line that the tests assert",
    ),
    (
        "solve|solution",
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
    ("setup", r"set_num_threads.* -> pass", "the tests have one thread anyway"),
    ("", r"fused=True.*  # True -> ", "the same update in one kernel: it saves time"),
    (
        "check-",
        r"1e-\d|0\.5001|[<>] 0\.\d+, |atol=",
        "how wide a checker's tolerance is, far between rounding and the wrong answers",
    ),
    (
        "check-",
        r"torch\.(tensor|randn?|randint|linspace)\(|nn\.Linear\(|^ +for .* in \(",
        "a checker's own cases: any that tell the wrong answers apart that the tests give it",
    ),
    # basics/losses.py
    ("broadcast", r"\(perfect - y\)\.shape", "only the shape is shown"),
    (
        "best-constant",
        r"0\.01 -> ",
        "how fine the grid is, as long as both answers lie on it",
    ),
    ("stable-bce", r"^[zy] = ", "any numbers: both ways of computing agree on them"),
    # The explorables
    (
        "sweep",
        r"^[A-Z]+ \+?= |^for \w+(, \w+)? in \(",
        "which positions a knob has, or a printed row: the claims are asserted for all",
    ),
    ("run", r"lr=0\.3\)", "the rate falls to zero, so the end does not depend on it"),
    ("sweep", r"^centred = ", "x is centred as it is"),
    ("imports", r"^logits = ", "any five scores in falling order show the same"),
    (
        "imports",
        r"\+ torch\.normal\(0\.0, .* -> .* - torch\.normal\(",
        "noise is as likely to lie below as above",
    ),
    # basics/autograd.py
    ("gradcheck", r"^probe = ", "any points at which the slope is smooth"),
    ("silent-data", r"a \* 1\.0", "times one is over one"),
    (
        "naive-softplus",
        r"100\.0 -> ",
        "any number whose exponential float32 cannot hold",
    ),
    # basics/neural_networks.py
    ("symmetric-init", r"constant_network\(0\.5\)", "any value that all of them share"),
    # basics/optimizers.py
    ("replaced$", r"^model = .*Linear\(1, 1\).* -> ", "its weight is replaced at once"),
    ("condition", r"1200 -> ", "any number of steps that is enough"),
    ("directions", r"angles\.sin", "which way around the circle is walked"),
    ("replaced-mended", r"range\(200", "any number of steps that reach the end"),
    ("clipped", r"max_norm=1", "any bound keeps the run from blowing up"),
    ("module-list", r"lr=0\.1", "nothing is trained; the parameters are counted"),
    # basics/sgd_to_adamw_batch.py
    ("run", r"range\(1000\)", "how many batches the noise is averaged over"),
    # concepts/frameworks.py
    ("tracing", r"^for size, k in ", "any other sizes; the graphs are counted"),
    ("branch-graph", r"TensorSpec\(\[2\]\)", "any length: the operations are shown"),
    ("costs", r"text=True", "float reads bytes as well"),
    ("cond|branch", r"sign \* (torch|tf)\.ones", "times one is over one"),
    # practice/linear_regression_exercises.py
    ("solve-fit", r"lr=0\.1", "any rate that reaches the closed form"),
    # trends/scale.py
    (
        "optimizer-state",
        r"momentum=0\.9",
        "any momentum: the bytes of its state are counted",
    ),
    ("sweep", r"rand\(1, 2000", "how many points the loss is measured at"),
    # trends/scale_compile.py
    ("recompile", r"^for rows in ", "any other numbers of rows; captures are counted"),
    ("recompile", r"guarded\(torch\.randn\(8", "only the type of the numbers is new"),
    ("capture", r"^points = ", "how many points, and how wide, the function is given"),
    # trends/scale_inductor.py
    (
        "inductor",
        r"seconds\(|4_000_000",
        "how much is timed, and how often: a measurement, of which nothing is claimed",
    ),
    # trends/interpretability.py
    ("baseline", r"keepdim=True", "one image is spread over all of them either way"),
    ("accumulates", r"3 -> ", "any class; that the gradient doubles is shown"),
    # trends/interpretability_exercises.py
    ("check-integrated", r"1000 -> ", "any number of steps with a small error"),
    # practice/beyond_a_line.py
    ("shift", r"F\.pad\(.* -> \(2\)", "more zeros below or on the right are cut off"),
    (
        "first-fit|modes|alias",
        r"lr=5e-3",
        "any rate that learns shows the same; which one is compared is asserted elsewhere",
    ),
    ("over-fit", r"epochs=40", "the wrong labels are learned by heart, and stay so"),
    ("final-fit", r"lr=0\.01", "the schedule sets the rate before the first step"),
    # faq.py
    (
        "also",
        r"^ +lambda: |^CUBE",
        "it still fails with the whole message that the tests assert and the page quotes",
    ),
    (
        "mended-(stack|batch-norm)",
        r"DataLoader",
        "one or two samples more, where what is shown is the shape of the whole batches",
    ),
    ("mended-non-leaf", r"0\.1 \* torch\.ones", "times one is over one"),
    (
        "symptom-other-numbers",
        r"nn\.Linear",
        "layers of any size start with other weights",
    ),
    ("symptom-other-numbers", r"  # b \+ c ->", "minus one drowns as one does"),
    (
        "symptom-nan",
        r"y = 2 \* x \+ 3|zero_grad",
        "x reaches 100: neither shows in two digits of losses that grow by 400000 a step",
    ),
    (
        "mended-(nan|broadcast)",
        r"x = torch\.linspace",
        "the same line, seen at other points",
    ),
    (
        "(mended|symptom)-broadcast|symptom-flat-loss|mended-empty-parameters",
        r"lr=0\.1|range\(300\)",
        "any rate and number of steps that reach the end, or that reach no parameter",
    ),
    (
        "symptom-flat-loss",
        r"optimizer\.(zero_grad|step)\(\)",
        "the symptom itself: what the optimizer does reaches no parameter of the model",
    ),
    ("mended-zero-grad", r"optimizer\.step\(\)", "with lr=0 a step changes nothing"),
    (
        "mended-nan-backward",
        r"torch\.where\(w > 0",
        "any threshold between the two values, any stand-in that sqrt likes",
    ),
    (
        "(mended|symptom)-eval",
        r"x = torch\.ones|nn\.Dropout",
        "what goes in, and how much is dropped, is the same in both passes",
    ),
    (
        "mended-(cuda|same-device)",
        r"check_available=True",
        "the build for the CPU has no accelerator to check",
    ),
    (
        "mended-same-device",
        r"x = torch\.ones|nn\.Linear|x \+ noise",
        "only the devices are shown",
    ),
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


def reason(region: str, line: str, change: str) -> str:
    """Why this mutant may live, or nothing."""
    return next(
        (
            why
            for start, part, why in ALIVE
            if re.match(start, region) and re.search(part, f"{line}  # {change}")
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
        change = f"{old} -> {new}"
        line = lines[node.lineno - 1].decode()
        if not NOT_TAUGHT.search(f"{line}  # {change}"):
            found.append((node.lineno, change, text.decode()))
    return found


def names(source: str, line: int) -> set[str]:
    """The names that the statement of the module on this line binds, within it too."""
    return {
        name
        for statement in ast.parse(source).body
        if statement.lineno <= line <= statement.end_lineno
        for node in ast.walk(statement)
        for name in (getattr(node, "name", None), getattr(node, "id", None))
        if name and not isinstance(getattr(node, "ctx", None), ast.Load)
    }


class First:
    """For pytest: the tests that speak of these names run first."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted

    def pytest_collection_modifyitems(self, items: list) -> None:
        def found(item) -> int:
            text = item.name + inspect.getsource(item.function)
            return len(self.wanted & set(re.findall(r"\w+", text)))

        items.sort(key=found, reverse=True)


def prepare(parent: str) -> None:
    """Make this worker's copy of the project, and import what every test needs."""
    folder = tempfile.mkdtemp(dir=parent)
    for name in ("snippets", "tests", "docs", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, Path(folder, name))
    os.chdir(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    import pytest  # noqa: F401
    import torch

    torch.set_num_threads(1)


def lives(module: str, source: str, line: int = 0, limit: int = 0) -> tuple[bool, int]:
    """Whether the module's own tests pass although it was changed, and their CPU seconds."""
    path = Path("snippets", module)
    before = path.read_text("utf-8")
    path.write_text(source, "utf-8")
    child = os.fork()
    if child == 0:
        import pytest

        signal.alarm(LIMIT)
        if limit:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        test = Path("tests/snippets", module).with_name(f"test_{Path(module).name}")
        arguments = ["-x", "--tb=line", "--assert=plain", "-p", "no:cacheprovider"]
        os._exit(
            pytest.main(
                [*arguments, "--basetemp=scratch", str(test)],
                plugins=[First(names(before, line))],
            )
        )
    _, status, used = os.wait4(child, 0)
    path.write_text(before, "utf-8")
    if status and not line:
        print(Path("said.txt").read_text("utf-8", "replace"), file=sys.stderr)
    return status == 0, math.ceil(used.ru_utime + used.ru_stime)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="of snippets/; all unless named")
    parser.add_argument("--sample", type=int, help="mutants of each module; else all")
    parser.add_argument("--total", type=int, help="mutants of all modules together")
    parser.add_argument("--seed", default="0", help="any word")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    every = sorted((ROOT / "snippets").rglob("[a-z]*.py"))
    modules = options.modules or [str(p.relative_to(ROOT / "snippets")) for p in every]
    sources = {m: (ROOT / "snippets" / m).read_text("utf-8") for m in modules}
    found = {module: mutants(source) for module, source in sources.items()}
    if options.sample:
        for m, f in found.items():
            chance = random.Random(f"{options.seed} {m}")
            found[m] = chance.sample(f, min(options.sample, len(f)))
    if options.total:
        everything = [(m, f) for m in found for f in found[m]]
        drawn = random.Random(options.seed).sample(everything, options.total)
        found = {module: [f for m, f in drawn if m == module] for module in found}

    total = alive = explained = 0
    with (
        tempfile.TemporaryDirectory(prefix="mutation-") as folder,
        ProcessPoolExecutor(
            options.jobs, initializer=prepare, initargs=[folder]
        ) as pool,
    ):
        found = {module: changed for module, changed in found.items() if changed}
        # A module's own tests must pass as it is, or every count below would be worth nothing.
        sound = {m: pool.submit(lives, m, sources[m]) for m in found}
        for module, changed in found.items():
            passed, seconds = sound[module].result()
            assert passed, f"{module}: its tests fail as it is"
            waiting = [
                pool.submit(lives, module, text, line, 10 + 4 * seconds)
                for line, _, text in changed
            ]
            lines, shown = sources[module].splitlines(), regions(sources[module])
            count = {True: 0, False: 0}
            for (line, change, _), result in zip(changed, waiting, strict=True):
                if result.result()[0]:
                    why = reason(shown[line], lines[line - 1], change)
                    count[bool(why)] += 1
                    print(
                        f"alive: snippets/{module}:{line}: {change}  {why and f'({why})'}",
                        flush=True,
                    )
            print(
                f"{module}: {len(changed)} mutants, {sum(count.values())} alive, "
                f"{count[False]} unexplained",
                flush=True,
            )
            total += len(changed)
            alive, explained = alive + count[False], explained + count[True]
    print(
        f"{total} mutants, {alive} alive without a reason ({alive / max(total, 1):.1%}), "
        f"{explained} with one"
    )
    # A sample may hold more than its share: two standard deviations are its due.
    slack = 2 * math.sqrt(0.09 * total) if options.sample or options.total else 0
    return alive > total / 10 + slack


if __name__ == "__main__":
    sys.exit(main())
