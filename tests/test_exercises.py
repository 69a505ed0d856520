"""What all checkers of the exercises have in common."""

import ast

import pytest
from sources import ROOT

# Each checker that takes a function, and how many.
CHECKERS = [
    (path.relative_to(ROOT / "snippets").as_posix(), node.name)
    for path in sorted((ROOT / "snippets").rglob("*.py"))
    for node in ast.parse(path.read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]
# Their answers return nothing (the gradients are what counts), or are no functions.
OTHER = {"check_accumulate", "check_maximum", "check_zigzag"}
# TensorFlow and torch do not start in one process here: that one is asked in its module's test.
ASKED = [each for each in CHECKERS if each[1] not in OTHER | {"check_traces"}]


@pytest.mark.parametrize(("path", "name"), ASKED)
def test_a_forgotten_return_is_called_by_its_name(snippet, path, name):
    check = snippet(path)[name]
    with pytest.raises(AssertionError, match=r"return|got None|got NoneType"):
        check(lambda *_, **__: None)
