"""What leaves the site as a file: notebooks, scripts, Markdown for machines.

All are made from the cells of a page (see `cells`), by nbformat and jupytext, with the results of
the build. The same page gives the same bytes. What a language offers in all is on its `shelf`.
"""

from __future__ import annotations

import ast
import base64
import itertools
import re
import sys
import textwrap
from dataclasses import replace
from html import escape

from run import store
from write.cells import Cell
from write.packages import PACKAGES, imports, versions
from write.page import fence

WORDS = {
    "zh": {
        "made": "{}由网页《{}》导出{}。",
        "needs": "运行本文件需要 Python 3.11 以上，以及：",
        "fails": "有些代码故意出错，好让你看到报错；",
        "tagged": "它们带有标签 `raises-exception`，“全部运行”不会停在那里。",
        "caught": "这里把异常接住，脚本才能继续。",
        "another": "下面这段属于另一个进程，这里只列出，不运行：",
        "figure": "[图：{}]",
    },
    "en": {
        "made": "{}Exported from the page “{}”{}.",
        "needs": "To run this file you need Python 3.11 or newer, and:",
        "fails": "Some code fails on purpose, to show the error; ",
        "tagged": "its cells are tagged `raises-exception`, and “Run All” goes on after them.",
        "caught": "here the exception is caught, so that the script goes on.",
        "another": "What follows belongs to another process; it is listed here, not run:",
        "figure": "[Figure: {}]",
    },
}


def files(cells: list[Cell], stem: str, title: str, language: str, address: str) -> dict[str, str]:
    """The files of a page by name: a notebook and a script for each process, and ``index.md``.

    Args:
        cells: the page; `stem`: its name; `title`: its title.
        language: its language; `address`: where it is published, or an empty string.
    """
    import jupytext
    import nbformat

    result = {"index.md": markdown(cells, language)}
    if stem == "index":  # the home page shows what the site is, and offers all chapters together
        return result
    words = WORDS[language]
    runs = [(cell.session, cell.fresh) for cell in cells if cell.kind == "code"]
    for process, sessions in processes(runs).items():
        own = [_here(cell, sessions, language) for cell in cells]
        needed = [f"{name}=={version}" for name, version in requirements(own).items()]
        link = ("[", f"]({address})") if address else ("", "")
        made = words["made"].format(link[0], title, link[1])
        head = f"{made}\n\n{words['needs']}\n\n```sh\npip install {' '.join(needed)}\n```"
        fails = any(cell.error for cell in own)
        note, how = (f"\n\n{words['fails']}{words[each]}" * fails for each in ("tagged", "caught"))
        book = _notebook([Cell("prose", head + note), *map(_silent, own)], needed)
        nbformat.validate(book)
        catches = [Cell("code", "import traceback")] if fails else []
        scripted = [_scripted(cell, language) for cell in own]
        script = _notebook([Cell("prose", head + how), *catches, *scripted], needed)
        plain = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}
        script.metadata = {"jupytext": plain}
        result[f"{process or stem}.ipynb"] = nbformat.writes(book) + "\n"
        result[f"{process or stem}.py"] = jupytext.writes(script, "py:percent")
    return result


def markdown(cells: list[Cell], language: str) -> str:
    """The page for machines: its text, its code, its real outputs, its figures in words."""
    return "\n\n".join(_words(cell, language) for cell in cells) + "\n"


def processes(runs: list[tuple[str, bool]]) -> dict[str, set[str]]:
    """The sessions of a page by the process that a reader can run them in; the first has no name.

    Sessions that follow each other share one process. A session that another one interrupts would
    come back to changed variables, so the interrupting one gets a process, and files, of its own;
    so does one that must not meet torch, unless an earlier one like it has ended.

    Args:
        runs: of each piece of code its session, and whether it must not meet torch.
    """
    sessions = [session for session, _ in runs]
    found: dict[str, set[str]] = {}
    without_torch: list[str] = []
    for position, (session, fresh) in enumerate(runs):
        started, left = set(sessions[:position]), set(sessions[position:])
        if session in started:
            continue
        name = session if started & left else ""
        if fresh:
            ended = [each for each in without_torch if not found[each] & left]
            name = ended[0] if ended else session
            without_torch.append(name)
        found.setdefault(name, set()).add(session)
    return found


def requirements(cells: list[Cell]) -> dict[str, str]:
    """What the code needs beyond the standard library: its packages, with their versions.

    Raises:
        ValueError: The code imports a package that `PACKAGES` does not know.
    """
    used = {name for cell in cells if cell.kind == "code" for name in imports(cell.text)}
    if unknown := sorted(used - sys.stdlib_module_names - PACKAGES.keys()):
        where = "name its package in docs/_build/write/packages.py"
        raise ValueError(f"shown code imports {unknown[0]!r}: {where}")
    return versions(used | {"numpy"} if "torch" in used else used)  # torch warns where it is not


def caught(cell: Cell, then: str) -> str:
    """Code that fails on purpose, made to go on; `copy.js` does the same with ``pass``."""
    kind = cell.error["type"]
    qualified = re.search(rf"(?m)^([\w.]+)\.{kind}(?=:|$)", cell.error["traceback"])
    imported = f"from {qualified[1]} import {kind}\n\n" if qualified else ""
    body = textwrap.indent(cell.text, "    ")
    return f"{imported}try:\n{body}\nexcept {kind}:\n    {then}"


def _here(cell: Cell, sessions: set[str], language: str) -> Cell:
    """A cell in a process: code of another one becomes prose, since its session is elsewhere."""
    if cell.kind != "code" or cell.session in sessions:
        return cell
    return Cell("prose", f"*{WORDS[language]['another']}*\n\n{_words(cell, language)}")


def _words(cell: Cell, language: str) -> str:
    """A cell as Markdown."""
    if cell.kind == "figure":
        return WORDS[language]["figure"].format(cell.text)
    if cell.kind == "prose":
        return cell.text
    printed = cell.output + (cell.error["traceback"] if cell.error else "")
    parts = [fence("python", cell.text)]
    if printed.strip():
        parts.append(fence("text", printed.rstrip("\n")))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _scripted(cell: Cell, language: str) -> Cell:
    """A cell of a script: its code runs through, figures are words."""
    if cell.kind != "code":
        return Cell("prose", _words(cell, language))
    return Cell("code", caught(cell, "traceback.print_exc()") if cell.error else cell.text)


def _silent(cell: Cell) -> Cell:
    """A cell whose last value a notebook does not echo, since a script does not, either."""
    last = ast.parse(cell.text).body[-1] if cell.kind == "code" else None
    value = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return cell  # functions here give None
    before, call, after = cell.text.rpartition(ast.get_source_segment(cell.text, last) or "")
    return replace(cell, text=f"{before}{call};{after}")


def _notebook(cells: list[Cell], needed: list[str]):
    """The cells as a notebook, with what the build printed."""
    import nbformat

    made, count = [], itertools.count(1)
    for cell in cells:
        node = {"cell_type": "markdown", "metadata": {}, "source": cell.text}
        if cell.kind == "code":
            node |= {"cell_type": "code", "execution_count": next(count), "outputs": []}
            if tags := ["raises-exception"] * bool(cell.error) + ["measured"] * cell.measured:
                node["metadata"] = {"tags": tags}
            if printed := cell.output:
                node["outputs"] += [{"output_type": "stream", "name": "stdout", "text": printed}]
            if error := cell.error:
                trace = error["traceback"].rstrip("\n")  # which has nothing of this machine
                *_, value = re.split(rf"(?m)^(?:[\w.]+\.)?{error['type']}(?::\s|$)", trace)
                raised = {"ename": error["type"], "evalue": value, "traceback": trace.split("\n")}
                node["outputs"] += [{"output_type": "error", **raised}]
        elif cell.kind == "figure":
            # Not an attachment: JupyterLab takes no drawings there, only pixels.
            data = base64.b64encode(cell.svg.encode()).decode()
            image = f'<img alt="{escape(cell.text)}" src="data:image/svg+xml;base64,{data}">'
            node["source"] = image
        made.append(node | {"id": store.digest(str(len(made)), cell.kind, cell.text)[:8]})
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python", "file_extension": ".py"},
        "requirements": needed,
    }
    book = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(book)
