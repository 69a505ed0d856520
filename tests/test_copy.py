"""What the two copy buttons give runs in a fresh Python as shown."""

import ast
import functools
import json
import re
import subprocess
import sys
import textwrap

import pytest
from sample import LESSONS, sampled
from sources import LANGUAGES
from test_browser import url, visit
from test_site import ENVIRONMENT, Marked, built, comparable

LABEL = {"zh": "连同它需要的前文一起复制", "en": "Copy with all it needs"}
PURPOSE = {"zh": "故意出错，页上有报错", "en": "fails on purpose, as the page shows"}

# Runs blocks as pasting them into a prompt does: one after the other, in one namespace. Each
# session has a Python of its own, which has run nothing; but torch is imported once for all.
PASTE = """
import json, linecache, os, sys, tempfile, traceback, types
needed, sessions = json.load(sys.stdin)
for name in needed:
    __import__(name)
sys.stdout.reconfigure(line_buffering=True)
for folder, blocks in sessions:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"a paste died in {folder}")
        continue
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": folder}
    tempfile.tempdir = None
    shown = sys.modules["__main__"] = types.ModuleType("__main__")
    for number, block in enumerate(blocks):
        name = f"<stdin-{number}>"
        linecache.cache[name] = (0, None, [x + "\\n" for x in block.split("\\n")], name)
        printed = open(f"{number}.out", "w+")
        keep = os.dup(1), os.dup(2)
        os.dup2(printed.fileno(), 1); os.dup2(printed.fileno(), 2)
        try:
            exec(compile(block, name, "exec"), shown.__dict__)
        except Exception as error:
            print(*traceback.format_exception_only(error), sep="", end="", file=sys.stderr)
        sys.stdout.flush(); sys.stderr.flush()
        os.dup2(keep[0], 1); os.dup2(keep[1], 2)
    break
"""


def pasted(sessions: list[list[str]], folder) -> list[list[str]]:
    """What the blocks of each session print, or fail with, in a Python of its own."""
    folders = [folder / str(number) for number in range(len(sessions))]
    for each in folders:
        each.mkdir(parents=True)
    # Those with TensorFlow start without torch, as a reader's.
    with_torch, others = [], []
    for each in zip(map(str, folders), sessions, strict=True):
        alone = re.search(r"\bimport (?:tensorflow|keras)\b", each[1][0])
        (others if alone else with_torch).append(each)
    runs = [
        (["torch", "torch._dynamo"], with_torch),
        *(([], [each]) for each in others),
    ]
    for run in runs:
        done = subprocess.run(
            [sys.executable, "-c", PASTE],
            input=json.dumps(run),
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
    return [
        [
            (each / f"{number}.out").read_text(errors="replace")
            for number in range(len(blocks))
        ]
        for each, blocks in zip(folders, sessions, strict=True)
    ]


def blocks(site, language: str, name: str) -> list[dict]:
    """The code blocks of a page: session, code, output and what it raises."""
    found = []
    for mark in Marked((site / built(language, name)).read_text("utf-8")).found:
        if "data-session" in mark:
            found.append(mark | {"output": None})
        else:
            found[-1]["output"] = mark
    return found


def caught(block: dict, language: str) -> str:
    """A block that fails on purpose, as it stands in the paste of a later one."""
    kind = block["output"]["data-raises"]
    qualified = re.search(rf"(?m)^([\w.]+)\.{kind}(?=:|$)", block["output"]["text"])
    before = f"from {qualified[1]} import {kind}\n\n" if qualified else ""
    body = textwrap.indent(block["text"].rstrip(), "    ")
    return f"{before}try:  # {PURPOSE[language]}\n{body}\nexcept {kind}:\n    pass"


def raises(block: dict) -> str | None:
    return block["output"] and block["output"].get("data-raises")


# Shows all blocks, and only what must be laid out for them; returns how many there are.
SHOW = """() => {
  addEventListener("copy", () => (window.copied = document.activeElement.value));
  document.querySelectorAll("article :is(figure, math)").forEach((each) => each.remove());
  document.querySelectorAll("details").forEach((each) => (each.open = true));
  document.querySelectorAll(".tabbed-block").forEach((each) => (each.style.display = "block"));
  return document.querySelectorAll("div.highlight[data-session]").length;
}"""
# Clicks the two buttons of a block, which come when it is in sight; returns what the browser copies.
CLICK = """async ([number, label]) => {
  const block = document.querySelectorAll("div.highlight[data-session]")[number];
  const buttons = ["[data-md-type=copy]", `[aria-label="${label}"]`];
  const found = () => buttons.map((each) => block.querySelector(`button${each}`));
  block.scrollIntoView({ behavior: "instant", block: "center" });
  while (found().includes(null)) await new Promise(requestAnimationFrame);
  return found().map((button) => {
    button.focus();
    if (document.activeElement !== button) return "out of the keyboard's reach";
    window.copied = "nothing";
    button.click();
    return window.copied;
  });
}"""


@pytest.fixture(scope="module")
def copied(browser, address):
    """What every button of a page copies; each call counts as a reader's click, for some seconds."""

    @functools.cache
    def of_page(language: str, name: str) -> list[list[str]]:
        page = browser.new_page()
        visit(page, url(address, language, name))
        texts = [
            page.evaluate(CLICK, [number, LABEL[language]])
            for number in range(page.evaluate(SHOW))
        ]
        page.close()
        return texts

    return of_page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keyboard_copies_to_the_clipboard(site, browser, address, language):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(url(address, language, "basics/optimizers.md"), wait_until="load")
    box = page.locator("div.highlight[data-session]").nth(1)
    box.scroll_into_view_if_needed()
    first, second = (
        block["text"].rstrip()
        for block in blocks(site, language, "basics/optimizers.md")[:2]
    )
    for button, expected in (
        (box.locator("button[data-md-type=copy]"), second),
        (
            box.get_by_role("button", name=LABEL[language], exact=True),
            f"{first}\n\n{second}",
        ),
    ):
        button.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("navigator.clipboard.readText()").rstrip("\n") == expected
    context.close()


# Pages with grids, tabs and sessions that interrupt each other; errors with names of modules.
CLICKED = {
    ("zh", "concepts/frameworks.md"),
    ("zh", "practice/linear-regression.md"),
    ("en", "index.md"),
    ("en", "practice/repair.md"),
}


@pytest.mark.parametrize(
    ("language", "name"),
    sampled([(language, name) for language in LANGUAGES for name in LESSONS], CLICKED),
)
def test_each_button_copies_exactly_its_code(site, copied, language, name):
    found = blocks(site, language, name)
    texts = copied(language, name)
    assert len(texts) == len(found)
    before: dict[str, list[str]] = {}
    for block, (plain, whole) in zip(found, texts, strict=True):
        code = block["text"].rstrip()
        assert plain.rstrip("\n") == code
        session = before.setdefault(block["data-session"], [])
        assert whole == "\n\n".join([*session, code])
        compile(whole, "<paste>", "exec")
        session.append(caught(block, language) if raises(block) else code)


def program(texts: list[str]) -> list[str]:
    """Code without its comments and docstrings: what of it runs."""
    trees = [ast.parse(text) for text in texts]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[0].value.value = ""
    return [ast.dump(tree) for tree in trees]


# Notebooks run the same code in a fresh kernel: see test_downloads.py. The home page has none.
PASTED = {"index.md", "practice/linear-regression.md"}


@pytest.mark.parametrize("name", sampled(LESSONS, PASTED))
def test_what_is_copied_runs_in_a_fresh_python_and_prints_what_the_page_shows(
    site, name, tmp_path
):
    """The buttons copy what the page holds, and a longer paste of a session begins with the
    shorter ones, letter by letter (tested above).

    So one run per session checks them all. It is cut where a paste ends, and what fails on purpose
    runs bare, as it does at the end of its own paste. Languages whose code is the same run once.
    """
    ran: list[list[str]] = []
    all_steps: list[list[dict]] = []
    for language in LANGUAGES:
        sessions: dict[str, list[dict]] = {}
        for block in blocks(site, language, name):
            sessions.setdefault(block["data-session"], []).append(block)
        for steps in sessions.values():
            codes = program([block["text"] for block in steps])
            if codes not in ran:
                ran.append(codes)
                all_steps.append(steps)
    codes = [[block["text"].rstrip() for block in steps] for steps in all_steps]
    for steps, said in zip(all_steps, pasted(codes, tmp_path), strict=True):
        for block, now in zip(steps, said, strict=True):
            output = block["output"] or {"text": ""}
            shown = output["text"]
            if "data-raises" in output:
                before, _, trace = shown.partition("Traceback (most recent call last):")
                kind = rf"^(?:[\w.]+\.)?{output['data-raises']}(?=:|$)"
                *_, last = re.finditer(kind, trace, re.MULTILINE)
                shown = before + trace[last.start() :]
            measured = "data-measured" in output
            assert comparable(now, measured) == comparable(shown, measured), block[
                "text"
            ]


def test_a_whole_paste_with_a_failure_in_it_runs_to_its_end(site, copied, tmp_path):
    """One paste as it is, all at once, past what fails on purpose."""
    steps = blocks(site, "en", "practice/repair.md")
    mended = next(
        n
        for n, b in enumerate(steps)
        if n
        and raises(steps[n - 1])
        and not raises(b)
        and b["data-session"] == steps[n - 1]["data-session"]
    )
    whole = copied("en", "practice/repair.md")[mended][1]
    assert "\nexcept " in whole
    ((said,),) = pasted([[whole]], tmp_path)
    assert "Error" not in said
    assert comparable(said, False).endswith(
        comparable(steps[mended]["output"]["text"], False)
    )
