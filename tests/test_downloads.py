"""What leaves the site as a file: notebooks and scripts that run, Markdown, the index for machines."""

import ast
import base64
import copy
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from importlib.metadata import requires
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement
from sample import LESSONS, sampled
from sources import LANGUAGES, ROOT, pages
from test_copy import program
from test_site import ENVIRONMENT, Marked, built, comparable

# A fresh Python that has only what a notebook asks for, whatever else is installed here.
ONLY = """
import importlib.machinery, importlib.metadata, sys
allowed = set({allowed!r})
owners = importlib.metadata.packages_distributions()
plain = lambda name: name.lower().replace("_", "-")
class Only(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        of = {{plain(owner) for owner in owners.get(name.partition(".")[0], ())}}
        return super().find_spec(name, path, target) if of & allowed or not of else None
    @classmethod
    def find_distributions(cls, *context):
        return [d for d in super().find_distributions(*context) if plain(d.name) in allowed]
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Only
"""


def books(site, language: str, name: str, stem: str = "*") -> list:
    folder = (site / built(language, name)).parent
    return sorted(folder.glob(f"{stem}.ipynb")) if name != "index.md" else []


def closure(names) -> set[str]:
    """Packages with all that they need themselves."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            needed = map(Requirement, requires(name) or [])
        except ModuleNotFoundError:  # the same package under a platform's own name
            needed = (
                map(Requirement, requires(f"{name}-cpu") or [])
                if name == "tensorflow"
                else []
            )
            found |= {f"{name}-cpu"}
        waiting += [
            r.name for r in needed if not r.marker or r.marker.evaluate({"extra": ""})
        ]
    return found


def executed(book, folder, allowed):
    """Run a notebook from top to bottom in a fresh kernel that finds only what is allowed."""
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(ONLY.format(allowed=allowed))
    (folder / "work").mkdir()
    client = NotebookClient(
        copy.deepcopy(book),
        timeout=400,
        resources={"metadata": {"path": str(folder / "work")}},
    )
    environment = ENVIRONMENT | {"HOME": str(folder), "TMPDIR": str(folder)}
    return client.execute(env=environment | {"PYTHONPATH": str(folder)})


def said(cell) -> tuple[str, tuple | None]:
    """What a code cell printed, and the name and message of what it raised."""
    assert {out.output_type for out in cell.outputs} <= {"stream", "error"}, cell.source
    printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    raised = [
        (o.ename, plain(o.evalue)) for o in cell.outputs if o.output_type == "error"
    ]
    return plain(printed), raised[0] if raised else None


def plain(text: str) -> str:
    """Output without what is the kernel's: the names of cells, its frames around ours."""
    text = re.sub(
        r"\x1b\[[0-9;]*m|(?m:;$)", "", text
    )  # colours, and what hides a value
    text = re.sub(r'"[^"]*/ipykernel_\d+/\d+\.py"', '"<stdin>"', text).rstrip()
    return re.sub(
        r' *File "(?!<stdin>)[^"]+", line \d+, in .*\n(?: {4}.*\n)*', "", text
    )


def agrees(was, cell) -> bool:
    """Whether a cell gives what the same cell carried.

    A kernel has two streams, a terminal one: what was printed in one must keep its order.
    """
    measured = "measured" in was.metadata.get("tags", [])
    (printed, raised), (prints, raises) = said(was), said(cell)
    before, now = (comparable(x, measured).split("\n") for x in (printed, prints))
    errors = "".join(o.text for o in cell.outputs if o.get("name") == "stderr")
    rest = iter(before)
    in_order = all(
        line in rest for line in now if line not in comparable(errors, measured)
    )
    return (
        sorted(filter(None, before)) == sorted(filter(None, now))
        and in_order
        and raises == raised
    )


# A chapter's own and the ones of its explorable and of its fresh process; what fails on purpose.
RUN = {
    ("basics/losses.md", "losses"),
    ("basics/losses.md", "temperature"),
    ("concepts/frameworks.md", "frameworks-keras"),
    ("faq.md", "faq"),
}


@pytest.mark.parametrize(
    ("name", "stem"), sampled([*sorted(RUN), *((name, "*") for name in LESSONS)], RUN)
)
def test_notebooks_run_from_top_to_bottom_and_give_the_outputs_they_carry(
    site, name, stem, tmp_path
):
    """Where the languages' notebooks differ in comments and docstrings only, one stands for both."""
    todo = {}
    for path in (p for of in LANGUAGES for p in books(site, of, name, stem)):
        book = nbformat.read(path, as_version=4)
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        carried = [(cell.metadata.get("tags"), said(cell)) for cell in cells]
        code = program([cell.source for cell in cells])
        todo.setdefault(repr((path.name, code, carried)), book)
    has_code = 'data-session="' in (site / built("zh", name)).read_text("utf-8")
    assert bool(todo) == (has_code and name != "index.md")
    folders = [tmp_path / str(number) for number in range(len(todo))]
    # What reads Python runs here: in Python 3.11, two threads must not parse at once.
    allowed = [
        sorted(closure([*(r.partition("==")[0] for r in of), "ipykernel"]))
        for of in (book.metadata.requirements for book in todo.values())
    ]
    with ThreadPoolExecutor(2) as two:
        ran = two.map(executed, todo.values(), folders, allowed)
        for before, now in zip(todo.values(), ran, strict=True):
            for was, cell in zip(before.cells, now.cells, strict=True):
                if was.cell_type == "code":
                    assert agrees(was, cell), f"{was.source}\n{cell.outputs}"


def squeezed(text: str) -> str:
    """Text without its spacing: a lexer expands tabs and cuts blanks off."""
    return re.sub(r"\s+", " ", text).strip()


def marked(site, language: str, name: str) -> list[tuple[str, str, dict]]:
    """The code blocks of a page as it is built: session, code, and its output's marks."""
    found: list[tuple] = []
    for mark in Marked((site / built(language, name)).read_text("utf-8")).found:
        if "data-session" in mark:
            found.append((mark["data-session"], mark["text"].rstrip("\n"), {}))
        else:
            found[-1][2].update(mark)
    return found


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "index.md"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_notebook_script_and_markdown_hold_the_whole_page(site, language, name):
    folder = (site / built(language, name)).parent
    blocks = marked(site, language, name)
    page = (folder / "index.md").read_text("utf-8")
    figures = re.findall(
        r'<svg viewBox[^>]* role="img"[^>]*aria-label="([^"]*)"',
        (folder / "index.html").read_text("utf-8"),
    )
    for _, code, output in blocks:
        assert code in page
        assert squeezed(output.get("text", "")) in squeezed(page)
    for alt in figures:
        assert unescape(alt) in page
    assert not re.search(
        r"(?m)^ *(?:!!!|\?\?\?|===) |\{ ?[#.]\w|exec=\"on\"|\.md[)#]", page
    )
    ran = []
    for path in books(site, language, name):
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        prose = "\n".join(c.source for c in book.cells if c.cell_type == "markdown")
        for _, code, _ in blocks:  # run here, or told to belong to another process
            sources = [cell.source.replace(";", "") for cell in cells]
            assert code.replace(";", "") in sources or code in prose
        drawn = re.findall(
            r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]+)">', prose
        )
        assert [unescape(alt) for alt, _ in drawn] == [unescape(alt) for alt in figures]
        for _, data in drawn:
            svg = base64.b64decode(data).decode()
            ElementTree.fromstring(svg)
            assert "var(" not in svg
        ran += [cell.source for cell in cells]
        # the script is the notebook's code, with what fails on purpose caught
        script = ast.parse(path.with_suffix(".py").read_text("utf-8"))
        statements = [ast.dump(s) for s in script.body]
        for cell in cells:
            for statement in ast.parse(cell.source).body:
                assert any(ast.dump(statement) in s for s in statements)
        fails = [
            o.ename for cell in cells for o in cell.outputs if o.output_type == "error"
        ]
        tries = [
            s.handlers[0].type.id
            for s in script.body
            if isinstance(s, ast.Try) and s.handlers
        ]
        assert [kind for kind in tries if kind in fails][: len(fails)] == fails
        assert all(
            "raises-exception" in c.metadata.tags
            for c in cells
            if any(o.output_type == "error" for o in c.outputs)
        )
    assert len(ran) == len(blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_zip_holds_all_chapters_with_what_they_need(site, language):
    home = (site / built(language, "index.md")).parent
    name = f"pytorch-shown-{language}"
    with zipfile.ZipFile(home / f"{name}.zip") as archive:
        inside = {n: archive.read(n).decode() for n in archive.namelist()}
    offered = {}
    for page in LESSONS:
        for path in books(site, language, page):
            for each in (path, path.with_suffix(".py")):
                place = f"{name}/{page.rpartition('/')[0]}/{each.name}".replace(
                    "//", "/"
                )
                offered[place] = each.read_text("utf-8")
    needed = {
        r
        for n in offered
        if n.endswith("ipynb")
        for r in json.loads(offered[n])["metadata"]["requirements"]
    }
    offered[f"{name}/LICENSE"] = (ROOT / "LICENSE").read_text("utf-8")
    offered[f"{name}/requirements.txt"] = "".join(
        f"{each}\n" for each in sorted(needed)
    )
    assert inside == offered
    assert f'href="{name}.zip"' in (home / "index.html").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_index_for_machines_lists_every_page_once(site, language):
    home = (site / built(language, "index.md")).parent
    text = (home / "llms.txt").read_text("utf-8")
    assert re.match(r"# .+\n\n> .+\n\n## ", text)
    links = re.findall(r"(?m)^- \[.+\]\((.+?)\): .+$", text)
    assert sorted((home / link).resolve() for link in links) == sorted(
        (site / built(language, name)).with_name("index.md").resolve()
        for name in pages("zh")
    )
    for name in pages("zh"):
        html = (site / built(language, name)).read_text("utf-8")
        assert 'type="text/markdown" href="index.md"' in html


def test_links_are_whole_and_colab_is_offered_where_the_addresses_are_known(project):
    code = '```python exec="on" source="above" session="s"\n1 + 1\n```\n'
    project.page("part/a.md", f"# A {{ #a }}\n\n[b](b.md#x), [here](#a)\n\n{code}")
    project.page("part/b.md", "# B { #x }\n")
    settings = (project.root / "mkdocs.yml").read_text("utf-8")
    assert project.build().returncode == 0
    assert "colab" not in project.html("part/a/index.html")
    assert "[b](../b/#x), [here](./#a)" in project.html("part/a/index.md")
    book = (project.root / "site/part/a/a.ipynb").read_bytes()
    assert project.build().returncode == 0
    assert (project.root / "site/part/a/a.ipynb").read_bytes() == book
    project.write(
        "mkdocs.yml", settings + "\nrepo_url: https://github.com/some/where\n"
    )
    assert project.build(SITE_URL="https://example.org/docs/").returncode == 0
    link = "https://colab.research.google.com/github/some/where/blob/notebooks/pytorch-shown-en/part/a.ipynb"
    assert f'href="{link}"' in project.html("en/part/a/index.html")
    page = project.html("en/part/a/index.md")
    assert "[b](https://example.org/docs/en/part/b/#x)" in page
    assert "[here](https://example.org/docs/en/part/a/#a)" in page
    assert "(https://example.org/docs/en/part/a/index.md)" in project.html(
        "en/llms.txt"
    )
