"""The rooms of the glue: who may import whom, how large they are, and what they take of others."""

import ast
import inspect
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from sources import ROOT

BUILD = ROOT / "docs" / "_build"
# Lines of Python in all rooms; a hard bound for the events alone.
MOST_LINES = 4750
MOST_LINES_OF_HOOKS = 130
MOST_LINES_OF_A_FUNCTION = 60

# What each room, or module, may import of ours. A module's own line counts before its room's.
MAY_IMPORT = {
    "sources": [],
    "run": ["run", "sources"],
    "run.session": ["draw", "run.readable", "sources"],
    "draw": ["draw", "sources"],
    "write": ["write", "run.store", "sources"],
    "plain": ["run", "sources", "write"],  # a program, which runs what it writes
    "publish": ["publish", "run", "sources", "write"],
    "state": ["publish", "run", "sources", "write"],
    "new": ["publish.cards", "sources"],
    "hooks": ["publish", "run", "sources", "state", "write"],
    "check": ["check", "publish", "run", "sources", "state", "write"],
}
# All of ours that the process of taught code may see.
SEEN_BY_TAUGHT_CODE = {"run", "run.preload", "run.readable", "run.session", "sources"}
# Names with an underscore of what is not ours: where, and why nothing public serves.
PRIVATE = {
    "_unscaled_dash_pattern": "draw: how a line is dashed; Matplotlib tells only the style's name",
}
# Words that mean the same in several rooms, or will be parted there.
SHARED = {
    "_box",
    "_table",
    "files",
    "main",  # of each program
    "markdown",
    "on_post_build",  # MkDocs's event, of two hooks
}


@cache
def sources() -> list[Path]:
    """The files of the glue; templates are no part of it."""
    return [p for p in sorted(BUILD.rglob("*.py")) if "templates" not in p.parts]


@cache
def trees() -> dict[str, ast.Module]:
    """The modules of the glue by name, as syntax trees."""
    named = {}
    for path in sources():
        parts = path.relative_to(BUILD).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        named[name] = ast.parse(path.read_text("utf-8"))
    return named


def imports(name: str) -> set[str]:
    """The modules of ours that one imports, also inside functions."""
    found = set()
    for node in ast.walk(trees()[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & trees().keys() or {node.module}
    return {each for each in found if each in trees() and each != name}


def within(name: str, rooms) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("name", trees())
def test_each_room_imports_only_what_it_may(name):
    room = name if name in MAY_IMPORT else name.partition(".")[0]
    allowed = MAY_IMPORT[room]
    assert {each for each in imports(name) if not within(each, allowed)} == set()


def test_taught_code_sees_drawing_and_next_to_nothing_else():
    seen, left = set(), ["run.preload", "run.session", "draw"]
    while left:
        if (name := left.pop()) not in seen:
            seen.add(name)
            left += imports(name)
    seen |= {name.partition(".")[0] for name in seen}
    assert {name for name in seen if not within(name, ["draw"])} == SEEN_BY_TAUGHT_CODE


def test_each_room_says_what_lives_there_and_what_it_imports():
    for name in {name.partition(".")[0] for name in trees()}:
        text = ast.get_docstring(trees()[name])
        assert text and re.search(r"\b[Ii]mports? [^.\n]+", text), name


def test_rooms_and_functions_stay_small():
    lines = {
        path.relative_to(BUILD).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in sources()
    }
    assert sum(lines.values()) <= MOST_LINES
    assert lines["hooks.py"] <= MOST_LINES_OF_HOOKS
    long = [
        f"{name}: {node.name}"
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_one_name_means_one_thing():
    where = defaultdict(list)
    for name, tree in trees().items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                where[node.name].append(name)
    twice = {name: of for name, of in where.items() if len(of) > 1}
    assert {name: of for name, of in twice.items() if name not in SHARED} == {}


MUTATORS = {
    name
    for kind in (dict, list, set)
    for name in dir(kind)
    if not name.startswith("_") and name not in dir(frozenset) + dir(tuple)
} - {"fromkeys", "get", "items", "keys", "values"}


def base(node: ast.AST) -> str | None:
    """The name that a chain of attributes and subscripts begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def bound(nodes) -> set[str]:
    """The names that nodes bind."""
    return {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def changes(tree: ast.Module) -> set[str]:
    """The module-level names that functions of a module bind anew or change."""
    settings = [n for n in tree.body if isinstance(n, (ast.Assign, ast.AnnAssign))]
    names = bound(each for node in settings for each in ast.walk(node))
    changed = set()
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Lambda)):
            continue
        inside = list(ast.walk(function))
        anew = {
            n for node in inside if isinstance(node, ast.Global) for n in node.names
        }
        own = {node.arg for node in inside if isinstance(node, ast.arg)}
        own |= bound(inside) - anew
        changed |= anew
        for node in inside:
            is_set = not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_set = node.func.attr in MUTATORS
                node = node.func
            if is_set and isinstance(node, (ast.Attribute, ast.Subscript)):
                changed |= {base(node)} & names - own
    return changed


@pytest.mark.parametrize("name", trees())
def test_no_state_of_a_module_changes_outside_the_hooks(name):
    assert changes(trees()[name]) == ({"state"} if name == "hooks" else set())


def test_changes_are_seen():
    text = """
a, b, c, d, e = [], {}, 0, [], []

def f(d):
    a.append(1)
    b["x"] = 2
    d.append(3)
    e = []
    e.append(4)
    global c
    c = 1
"""
    assert changes(ast.parse(text)) == {"a", "b", "c"}


def private() -> dict[str, set[str]]:
    """The names with an underscore that the glue reads of what is not ours, and where."""
    ours, found = set(), defaultdict(set)
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                ours.add(node.name)
            elif isinstance(node, ast.Attribute) and base(node) in ("self", "cls"):
                ours.add(node.attr)
    for name, tree in trees().items():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Attribute) and base(node.value) not in (
                "self",
                "cls",
            ):
                names = [node.attr]
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                inside = [
                    part for alias in node.names for part in alias.name.split(".")
                ]
                names = [*inside, *(getattr(node, "module", "") or "").split(".")]
            for each in names:
                if re.match(r"_[^_]", each) and each not in ours:
                    found[each].add(name)
    found.pop("_exit", None)  # documented, of os
    return dict(found)


def test_few_private_names_of_others_are_used_and_each_has_its_reason():
    assert private().keys() == PRIVATE.keys()
    assert len(PRIVATE) <= 6


def test_a_private_name_is_commented_where_it_is_used():
    for each, names in private().items():
        for name in names:
            path = BUILD / f"{name.replace('.', '/')}.py"
            path = path if path.exists() else path.with_suffix("") / "__init__.py"
            lines = path.read_text("utf-8").splitlines()
            for number, line in enumerate(lines):
                if f".{each}" in line:
                    near = lines[max(0, number - 2) : number + 1]
                    assert any("#" in one for one in near), f"{path.name}:{number + 1}"


def test_a_line_still_tells_how_it_is_dashed():
    from matplotlib.lines import Line2D

    offset, dashes = Line2D([0], [0], linestyle=(1, (4, 2)))._unscaled_dash_pattern
    assert (offset, list(dashes)) == (1, [4, 2])
    assert Line2D([0], [0])._unscaled_dash_pattern == (0, None)


def test_a_server_still_takes_how_often_it_looks_for_edits():
    """Not private, but not announced either: `hooks` gives MkDocs a server that looks more often."""
    from mkdocs.commands import serve
    from mkdocs.livereload import LiveReloadServer

    assert serve.LiveReloadServer is LiveReloadServer
    interval = inspect.signature(LiveReloadServer).parameters["polling_interval"]
    assert isinstance(interval.default, float)
    assert "LiveReloadServer(" in inspect.getsource(serve.serve)
