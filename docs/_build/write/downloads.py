"""What leaves the site as a file: notebooks, scripts, one zip of them, Markdown for machines.

All are made from the cells of a page (see `cells`), by nbformat and jupytext, with the results of
the build. The same page gives the same bytes.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import re
import sys
import textwrap
import zipfile
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlparse

from run import store
from sources import LANGUAGES, ROOT, Block, Page, Prose, in_language
from write.cells import Cell, joined
from write.packages import PACKAGES, version

PROGRAM = re.compile(r"(?m)^(import|from) \w")
BRANCH = "notebooks"  # where the published site's notebooks are, for Colab: see `site.yml`
HEADING = re.compile(r"(?m)^#+ (.+?)(?: *\{ *#[^}]*\})?$")
NAME = "pytorch-shown"  # of the zip, with the language
WORDS = {
    "zh": {
        "made": "由网页《{title}》导出",
        "needs": "运行本文件需要 Python 3.11 以上，以及：",
        "fails": "有些代码故意出错，好让你看到报错；它们带有标签 `raises-exception`，“全部运行”不会停在那里。",
        "caught": "有些代码故意出错，好让你看到报错；这里把异常接住，脚本才能继续。",
        "another": "下面这段属于另一个进程，这里只列出，不运行：",
        "figure": "图",
        "download": "下载本章",
        "notebook": "笔记本",
        "script": "脚本",
        "colab": "在 Colab 中打开",
        "more": "其他",
    },
    "en": {
        "made": "Exported from the page “{title}”",
        "needs": "To run this file you need Python 3.11 or newer, and:",
        "fails": "Some cells fail on purpose, to show the error; they are tagged `raises-exception`, "
        "and “Run All” goes on after them.",
        "caught": "Some code fails on purpose, to show the error; here the exception is caught, so "
        "that the script goes on.",
        "another": "What follows belongs to another process; it is listed here, not run:",
        "figure": "Figure",
        "download": "Download this chapter",
        "notebook": "notebook",
        "script": "script",
        "colab": "Open in Colab",
        "more": "More",
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
    runs = [(cell.session, cell.fresh) for cell in cells if cell.kind == "code"]
    for process, sessions in processes(runs).items():
        name = process or stem
        own = joined(_quoted(cell, sessions, language) for cell in cells)
        needed = requirements(own)
        book = _notebook(own, needed, title, language, address)
        nbformat.validate(book)
        result[f"{name}.ipynb"] = nbformat.writes(book) + "\n"
        result[f"{name}.py"] = jupytext.writes(
            _script(own, needed, title, language, address), "py:percent"
        )
    return result


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
    found: dict[str, str] = {}
    for cell in cells:
        for name in sorted(imports(cell.text)) if cell.kind == "code" else ():
            if name in sys.stdlib_module_names:
                continue
            if name == "torch":  # warns where there is no numpy
                found |= {"torch": "", "numpy": version("numpy")}
            if name not in PACKAGES:
                raise ValueError(
                    f"shown code imports {name!r}: name its package in docs/_build/write/packages.py"
                )
            package = PACKAGES[name][0]
            found[package] = version(package)
    return found


@cache
def imports(code: str) -> set[str]:
    """The top-level modules that code imports, or that programs do which it has as text."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Constant) and PROGRAM.search(str(node.value)):
            with contextlib.suppress(SyntaxError):  # it was prose
                found |= imports(node.value)
    return found


def _quoted(cell: Cell, sessions: set[str], language: str) -> Cell:
    """Code of another process becomes prose: its session cannot be where this one is."""
    if cell.kind != "code" or cell.session in sessions:
        return cell
    return Cell("prose", f"*{WORDS[language]['another']}*\n\n{_fenced(cell)}")


def _fenced(cell: Cell) -> str:
    """A code cell as Markdown."""
    printed = cell.output + (cell.error["traceback"] if cell.error else "")
    parts = [("python", cell.text), *([("text", printed.rstrip("\n"))] if printed.strip() else [])]
    fence = "`" * max([3, *(len(run) + 1 for _, text in parts for run in re.findall("`+", text))])
    return "\n\n".join(f"{fence}{name}\n{text}\n{fence}" for name, text in parts)


def _head(needed: dict[str, str], title: str, language: str, address: str, note: str) -> str:
    """What a file says of itself."""
    words = WORDS[language]
    made = words["made"].format(title=title)
    stop = {"zh": "。", "en": "."}[language]
    what = " ".join(f"{name}=={version}" for name, version in needed.items())
    source = f"[{made}]({address}){stop}" if address else f"{made}{stop}"
    asked = f"{words['needs']}\n\n```sh\npip install {what}\n```"
    return "\n\n".join(filter(None, [source, asked, words[note] if note else ""]))


def _notebook(cells, needed, title, language, address):
    """The cells as a notebook, with what the build printed."""
    from nbformat import v4

    fails = any(cell.error for cell in cells if cell.kind == "code")
    head = Cell("prose", _head(needed, title, language, address, "fails" if fails else ""))
    book = v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "file_extension": ".py"},
            "requirements": [f"{name}=={version}" for name, version in needed.items()],
        }
    )
    count = 0
    for cell in [head, *cells]:
        if cell.kind == "code":
            count += 1
            made = _cell("code", _silent(cell.text), execution_count=count, outputs=_outputs(cell))
            tags = ["raises-exception"] * bool(cell.error) + ["measured"] * cell.measured
            if tags:
                made.metadata["tags"] = tags
        elif cell.kind == "figure":
            # Not an attachment: JupyterLab takes no drawings there, only pixels.
            data = base64.b64encode(cell.svg.encode()).decode()
            image = f'<img alt="{escape(cell.text)}" src="data:image/svg+xml;base64,{data}">'
            made = _cell("markdown", image)
        else:
            made = _cell("markdown", cell.text)
        made["id"] = store.digest(str(len(book.cells)), cell.kind, cell.text)[:8]
        book.cells.append(made)
    return book


def _cell(kind: str, source: str, **more):
    """A cell as nbformat's own functions make it, but for checking each one: a book is checked whole."""
    from nbformat import NotebookNode

    return NotebookNode(cell_type=kind, metadata=NotebookNode(), source=source, **more)


def _outputs(cell: Cell) -> list:
    from nbformat import NotebookNode

    outputs = []
    if cell.output:
        outputs.append(NotebookNode(output_type="stream", name="stdout", text=cell.output))
    if cell.error:
        trace = cell.error["traceback"].rstrip("\n").split("\n")
        name = cell.error["type"]
        *_, last = re.finditer(rf"(?m)^(?:[\w.]+\.)?{name}(?::\s|$)", cell.error["traceback"])
        value = cell.error["traceback"][last.end() :].rstrip("\n")
        raised = {"ename": name, "evalue": value, "traceback": trace}
        outputs.append(NotebookNode(output_type="error", **raised))
    return outputs


def _silent(code: str) -> str:
    """Code whose last value a notebook does not echo, since a script does not, either."""
    last = ast.parse(code).body[-1]
    echoes = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)
    if not echoes or not isinstance(last.value.func, ast.Attribute):  # functions here give None
        return code
    lines = code.split("\n")
    end = len(lines[last.end_lineno - 1].encode()[: last.end_col_offset].decode())
    line = lines[last.end_lineno - 1]
    lines[last.end_lineno - 1] = f"{line[:end]};{line[end:]}"
    return "\n".join(lines)


def _script(cells, needed, title, language, address):
    """The cells as jupytext takes them for a script: code runs through, figures are words."""
    from nbformat import v4

    fails = any(cell.error for cell in cells if cell.kind == "code")
    book = v4.new_notebook(
        metadata={"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}}
    )
    note = "caught" if fails else ""
    book.cells.append(_cell("markdown", _head(needed, title, language, address, note)))
    if fails:
        book.cells.append(_cell("code", "import traceback", execution_count=None, outputs=[]))
    for cell in cells:
        if cell.kind == "code":
            code = caught(cell, "traceback.print_exc()") if cell.error else cell.text
            book.cells.append(_cell("code", code, execution_count=None, outputs=[]))
        else:
            book.cells.append(_cell("markdown", _words(cell, language)))
    return book


def caught(cell: Cell, then: str) -> str:
    """Code that fails on purpose, made to go on; `copy.js` does the same with ``pass``."""
    kind = cell.error["type"]
    qualified = re.search(rf"(?m)^([\w.]+)\.{kind}(?=:|$)", cell.error["traceback"])
    imported = f"from {qualified[1]} import {kind}\n\n" if qualified else ""
    body = textwrap.indent(cell.text, "    ")
    return f"{imported}try:\n{body}\nexcept {kind}:\n    {then}"


def _words(cell: Cell, language: str) -> str:
    if cell.kind == "figure":
        return f"[{WORDS[language]['figure']}{': ' if language == 'en' else '：'}{cell.text}]"
    return cell.text


def markdown(cells: list[Cell], language: str) -> str:
    """The page for machines: its text, its code, its real outputs, its figures in words."""
    parts = [_fenced(cell) if cell.kind == "code" else _words(cell, language) for cell in cells]
    return "\n\n".join(parts) + "\n"


@dataclass
class Shelf:
    """The files that one language offers, kept until the whole language is known to be well.

    Args:
        language: of the pages; `site_url`: where the site is published, or an empty string.
        repository: the address of its repository, or an empty string.
    """

    language: str
    site_url: str
    repository: str
    files: dict[PurePosixPath, dict[str, str]] = field(default_factory=dict)
    pages: dict[PurePosixPath, Any] = field(default_factory=dict)  # MkDocs's

    def put(self, name: str, page: Any, found: dict[str, str]) -> None:
        self.files[PurePosixPath(name)], self.pages[PurePosixPath(name)] = found, page

    def line(self, page: Page) -> str:
        """The line of links to a page's files, empty where it has none."""
        name = PurePosixPath(page.name)
        shown = [block for block in page.blocks if not block.is_view]
        found = processes([(b.session, b.options.get("process") == "fresh") for b in shown])
        if not found or name.stem == "index":
            return ""
        links = [self._links(name.parent, f"{process or name.stem}.ipynb") for process in found]
        if len(links) > 1:
            labels = [f"<b>{escape(label, quote=False)}</b>" for label in _labels(page, found)]
            links = [f"{label} {link}" for label, link in zip(labels, links, strict=True)]
        else:
            links = [f"<b>{WORDS[self.language]['download']}</b> {links[0]}"]
        spans = " ".join(f"<span>{link}</span>" for link in links)
        return f'<p class="downloads" data-search-exclude>{spans}</p>'

    def _links(self, folder: PurePosixPath, book: str) -> str:
        """The links to a notebook and its script, and to Colab where that can find it."""
        words = WORDS[self.language]
        script = book.replace(".ipynb", ".py")
        links = [
            f'<a href="{book}" download>{words["notebook"]}</a>',
            f'<a href="{script}" download>{words["script"]}</a>',
        ]
        address = urlparse(self.repository)
        if address.netloc == "github.com":
            path = f"{address.path.strip('/').removesuffix('.git')}/blob/{BRANCH}"
            inside = (PurePosixPath(_folder(self.language)) / folder / book).as_posix()
            link = f"https://colab.research.google.com/github/{path}/{inside}"
            links.append(f'<a href="{link}">{words["colab"]}</a>')
        return " · ".join(links)

    def write(self, nav: Any, config: Any) -> None:
        """Write all files of the language into the site."""
        for name, of_page in self.files.items():
            folder = Path(self.pages[name].file.abs_dest_path).parent
            folder.mkdir(parents=True, exist_ok=True)
            for each, text in of_page.items():
                (folder / each).write_text(text, "utf-8")
        home = Path(config.site_dir) / ("" if self.language == LANGUAGES[0] else self.language)
        (home / f"{_folder(self.language)}.zip").write_bytes(self._zip())
        (home / "llms.txt").write_text(self._llms(nav, config), "utf-8")

    def _zip(self) -> bytes:
        """All notebooks and scripts, with what they need and their licence."""
        inside = {path.name: path.read_text("utf-8") for path in ROOT.glob("LICENSE")}
        needed: set[str] = set()
        for name, of_page in self.files.items():
            for each, text in of_page.items():
                if each != "index.md":
                    inside[(name.parent / each).as_posix()] = text
                if each.endswith(".ipynb"):
                    needed |= set(json.loads(text)["metadata"]["requirements"])
        inside["requirements.txt"] = "".join(f"{each}\n" for each in sorted(needed))
        return _zipped(_folder(self.language), tuple(sorted(inside.items())))

    def _llms(self, nav: Any, config: Any) -> str:
        """The index for machines, as https://llmstxt.org has it."""
        ours = list(self.pages.values())
        sections: dict[str, list[str]] = {}
        for page in sorted((p for p in nav.pages if p in ours), key=lambda p: p.parent is None):
            section = page.ancestors[-1].title if page.parent else WORDS[self.language]["more"]
            address = urljoin(self.site_url, f"{'' if page.url == './' else page.url}index.md")
            if not self.site_url and self.language != LANGUAGES[0]:
                address = address.removeprefix(f"{self.language}/")
            item = f"- [{page.title}]({address})"
            description = page.meta.get("description")
            sections.setdefault(section, []).append(
                f"{item}: {description}" if description else item
            )
        parts = [f"# {config.site_name}", f"> {config.site_description}"]
        for title, items in sections.items():
            parts += [f"## {title}", "\n".join(items)]
        return "\n\n".join(parts) + "\n"


@lru_cache(len(LANGUAGES))
def _zipped(folder: str, inside: tuple[tuple[str, str], ...]) -> bytes:
    """An archive of these files (name, text), the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in inside:
            entry = zipfile.ZipInfo(f"{folder}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def _folder(language: str) -> str:
    return f"{NAME}-{language}"


def _labels(page: Page, found: dict[str, set[str]]) -> list[str]:
    """What each process of a page is about: its framework, or else the section that begins it."""
    headings = [""]  # above each cell
    for cell in page.cells:
        titles = HEADING.findall(cell.text) if isinstance(cell, Prose) else []
        headings.append(titles[-1].replace("`", "") if titles else headings[-1])
    latest, sections = [], []
    for sessions in found.values():
        own = [
            (number, cell)
            for number, cell in enumerate(page.cells)
            if isinstance(cell, Block) and not cell.is_view and cell.session in sessions
        ]
        used = set().union(*(imports(in_language(cell.code, page.language)) for _, cell in own))
        labels = [label for name, (_, label) in PACKAGES.items() if label and name in used]
        latest.append(labels[-1] if labels else "")
        sections.append(headings[own[0][0]])
    if len(set(latest)) == len(latest):
        return latest
    title = next(t for c in page.cells if isinstance(c, Prose) for t in HEADING.findall(c.text))
    return [title, *sections[1:]]
