"""Which pages stand for all of them, in tests that cost much: one for each shape of page.

`pytest --whole` takes every page, as CI does each night. A shape that none of these has fails
`test_sample.py`: then the page that brought it comes in.
"""

import re

import pytest
from sources import Figure, blocks, pages

LESSONS = [name for name in sorted(pages("zh")) if not name.startswith("reference/")]

SAMPLE = {
    "index.md": "no notebook, and blocks in a grid",
    "faq.md": "nothing but failures and what mends them; quotations",
    "basics/losses.md": "sessions that interrupt each other, scikit-learn, formulas of all kinds",
    "concepts/frameworks.md": "fresh processes, measurements, tabs, two more frameworks",
    "practice/linear-regression.md": "an explorable with marks, numbered lists",
    "glossary.md": "no code: terms",
    "sources.md": "no code: links",
}


def shapes(name: str) -> set[str]:
    """What sets a page apart from others: its options, boxes, packages, order of sessions."""
    path = pages("zh")[name]
    of_page, text = blocks(path), path.read_text("utf-8")
    found = {box for box in re.findall(r'(?m)^ *(?:!!!|\?\?\?\+?|===) *"?(\w*)', text)}
    found |= {"table"} if "\n|" in text else set()
    sessions: list[str] = []
    for block in of_page:
        if isinstance(block, Figure):
            found.add("explorable" if "draw.explorable" in block.code else "figure")
            continue
        found |= block.options.keys() - {"exec", "session", "title", "timeout"}
        found |= set(re.findall(r"(?m)^(?:import|from) (\w+)", block.code)) & {
            *("torch", "sklearn", "numpy", "tensorflow", "keras")
        }
        if block.options.get("raises"):
            found.add("fails first" if block.number == 1 else "fails later")
        if sessions[-1:] != [block.session]:
            sessions.append(block.session)
    if len(sessions) > len(set(sessions)):
        found.add("interrupted")
    return found


def sampled(names, of=SAMPLE) -> list:
    """The names as parameters of a test; those that are not of the sample need --whole."""
    whole = pytest.mark.whole
    return [
        pytest.param(
            *((name,) if isinstance(name, str) else name),
            marks=[whole] * (name not in of),
        )
        for name in names
    ]
