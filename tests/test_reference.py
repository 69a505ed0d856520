"""The reference: every public function and class, in both languages, as the chapters show it."""

import ast
import functools
import json
import re
import shutil
import subprocess
import sys
from html import unescape

import pytest
from sources import LANGUAGES, ROOT, SNIPPETS, blocks, pages
from test_downloads import squeezed
from test_site import built

HAN = re.compile(r"[一-鿿]")


def public(path) -> list[str]:
    """The public functions and classes of a module, each once, in order of its last definition."""
    found = [
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]
    names = [name for name in found if not name.startswith("_")]
    return list(dict.fromkeys(reversed(names)))[
        ::-1
    ]  # what is defined again counts where it is


MODULES = {
    ".".join(path.relative_to(SNIPPETS).with_suffix("").parts): names
    for path in sorted(SNIPPETS.rglob("*.py"))
    if (names := public(path))
}


# The page that shows each module.
TAUGHT: dict[str, set[str]] = {}
for page, path in pages("zh").items():
    for block in blocks(path):
        for included in block.snippets:
            name = included.partition(".py:")[0].replace("/", ".")
            TAUGHT.setdefault(name, set()).add(page)


def teaches(module: str) -> str:
    (page,) = TAUGHT[module]
    return page


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


@functools.cache
def entries(site, language: str, module: str) -> dict[str, str]:
    """The HTML of a module's entries, by name."""
    page = f"reference/{teaches(module)}"
    html = (site / built(language, page)).read_text("utf-8").split("<article", 1)[1]
    html = html.split("</article>")[0].replace("<wbr>", "")
    parts = re.split(r'<h[23] id="snippets\.([\w.]+)"', html)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {
        name.removeprefix(f"{module}."): text
        for name, text in found.items()
        if name.startswith(f"{module}.") and name not in MODULES
    }


@functools.cache
def code_of(html: str, mark: str) -> list[str]:
    """The text of the marked code blocks, in order."""
    pattern = rf"(?s)<div[^>]*\bdata-{mark}\b[^>]*>.*?<code[^>]*>(.*?)</code>"
    return [plain(text).rstrip() for text in re.findall(pattern, html)]


def source_of(html: str) -> str:
    (found,) = re.findall(
        r'(?s)<details class="doc-source">.*?<code>(.*?)</code>', html
    )
    return plain(found)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_page_which_names_it(module):
    for language in LANGUAGES:
        text = pages(language)[f"reference/{teaches(module)}"].read_text("utf-8")
        assert text.count(f"::: snippets.{module}\n") == 1
        assert module in pages(language)["reference/index.md"].read_text("utf-8")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_object_has_an_entry_in_its_language(site, language, module):
    found = entries(site, language, module)
    assert list(found) == MODULES[module]
    for name, html in found.items():
        # The signature is the first code of an entry; what is told comes before the example.
        signature = plain(re.search(r"(?s)<code>(.*?)</code>", html)[1])
        assert re.match(rf"(?:@.*\n)*(?:def|class) {name}\b", signature), name
        told = plain(html.split('class="doc-example"')[0].split("</pre>", 1)[1])
        assert len(told.split()) >= (1 if language == "zh" else 2), name
        assert bool(HAN.search(told)) == (language == "zh"), f"{name}: {told}"
        source = source_of(html)
        assert source.startswith(signature.splitlines()[0]) and '"""' in source, name
        assert "zh:" not in source and "--8<--" not in source, name
        file = f"{module.replace('.', '/')}.py"
        (first, last) = re.search(rf">snippets/{file}:(\d+)–(\d+)<", html).groups()
        there = (
            (SNIPPETS / file)
            .read_text("utf-8")
            .splitlines()[int(first) - 1 : int(last)]
        )
        assert there[0] == source.splitlines()[0] and there[-1].endswith(
            source.splitlines()[-1]
        )
        (test,) = re.findall(r">(tests/snippets/[\w/]+\.py)<", html)
        folder, _, stem = file.rpartition("/")
        assert test == "/".join(
            filter(None, ["tests/snippets", folder, f"test_{stem}"])
        )
        assert (ROOT / test).exists()


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_is_a_block_of_the_chapter_with_its_output(site, language, module):
    page = teaches(module)
    chapter = (site / built(language, page)).read_text("utf-8")
    shown = [
        (code_of(part, "session")[0], (code_of(part, "output") or [""])[0])
        for part in re.split(r"(?=<div[^>]*\bdata-session=)", chapter)[1:]
    ]
    for name, html in entries(site, language, module).items():
        (code,) = code_of(html, "example")
        output = (code_of(html, "output") or [""])[0]
        assert "--8<--" not in html
        if (module, name) == ("faq", "fails_traceback"):
            assert "class Net" in code  # which has no entry of its own
        lines = [line for line in code.split("\n") if line.strip()]
        same = [
            whole
            for whole, printed in shown
            if printed == output and _in_order(lines, whole.split("\n"))
        ]
        assert same, f"{name}: no block of {page} shows\n{code}\n{output}"
        # The link leads to the section that the block stands in.
        anchor = re.search(r'class="doc-example".*?href="[^"#]*#([\w-]+)"', html, re.S)
        section = re.split(
            rf'<h[2-4] id="{anchor[1]}"|<h1 id="{anchor[1]}"', chapter, maxsplit=1
        )[1]
        inside = code_of(re.split(r"<h[1-4] id=", section)[0], "session")
        assert any(whole in inside for whole in same), name


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_markdown_version_says_what_the_page_says(site, language, module):
    page = site / built(language, f"reference/{teaches(module)}")
    text = page.with_name("index.md").read_text("utf-8")
    own = text.split(f"\n## {module}\n", 1)[1].partition("\n## ")[0]
    parts = re.split(r"(?m)^### (\w+)$", own)
    assert parts[1::2] == MODULES[module]
    found = entries(site, language, module)
    for name, told in zip(parts[1::2], parts[2::2], strict=True):
        html = found[name]
        shown = [code for mark in ("example", "output") for code in code_of(html, mark)]
        for code in [
            plain(re.search(r"(?s)<code>(.*?)</code>", html)[1]),
            *shown,
            source_of(html),
        ]:
            assert squeezed(code) in squeezed(told), name
        # The docstring, which mkdocstrings parsed, with the titles of its sections.
        docstring = plain(
            html.split("</pre>", 1)[1].split('<div class="doc-example"')[0]
        )
        said = re.split(r"\n\n(?:示例|Example) · ", told)[0].split("\n``````\n", 1)[1]
        words = re.findall(r"\w+", said)
        assert words and _in_order(words, re.findall(r"\w+", docstring)), name
        titles = re.findall(r'class="doc-section-title">(.*?)</span>', html)
        assert [f"**{title}**" for title in titles] == re.findall(
            r"(?m)^\*\*\w+[:：]\*\*$", told
        )
        assert bool(HAN.search(told)) == (language == "zh"), name
        assert ":::" not in told and "data-output=" not in told
        assert "<code>" not in told and "<wbr>" not in told


@pytest.mark.parametrize("module", MODULES)
def test_source_and_test_are_linked_to_files_of_the_site(site, module):
    page = site / built("en", f"reference/{teaches(module)}")
    for name, html in entries(site, "en", module).items():
        where = re.search(r'(?s)<p class="doc-where".*?</p>', html)[0]
        links = re.findall(r'href="([^"]+)">([^<]+)<', where)
        files = [(page.parent / link).resolve() for link, _ in links]
        code = site / "code"
        source, test = (path.relative_to(code.resolve()) for path in files)
        assert str(source) == f"snippets/{module.replace('.', '/')}.py"
        assert str(test).startswith("tests/snippets/"), name
        for path in (source, test):
            assert (code / path).read_bytes() == (ROOT / path).read_bytes()


def _in_order(lines: list[str], whole: list[str]) -> bool:
    left = iter(whole)
    return all(line in left for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chapter_links_to_its_reference(site, language):
    for page in {teaches(module) for module in MODULES}:
        path = site / built(language, page)
        link = re.search(
            r'<p class="look-up">.*?href="([^"]+)"', path.read_text("utf-8")
        )
        target = (path.parent / link[1]).resolve() / "index.html"
        assert target == (site / built(language, f"reference/{page}")).resolve()


@pytest.mark.parametrize(
    "problems",
    [
        {
            "zh: 两倍。": ":5: a 'zh' line without its 'en' line directly below",
            "en: Twice.": ":5: an 'en' line without its 'zh' line directly above",
        },
        {
            "": ":3: 'twice' has no docstring; write its zh and en lines",
            "Twice.": ":5: the docstring of 'twice' has a line without language",
        },
    ],
    ids=["paired", "there"],
)
def test_half_a_docstring_is_an_error_with_its_line(project, problems):
    project.write("snippets/__init__.py", "")
    for module, docstring in zip("ab", problems, strict=True):
        text = f'    """\n    {docstring}\n    """\n' if docstring else ""
        code = (
            "# --8<-- [start:twice]\n\ndef twice(x: int) -> int:\n"
            f"{text}    return 2 * x\n\n\nprint(twice(2))\n# --8<-- [end:twice]\n"
        )
        project.write(f"snippets/{module}.py", code)
        fence = f'```python exec="on" source="above" result="text" session="{module}"\n'
        shown = f'# A {{ #a }}\n\n{fence}--8<-- "{module}.py:twice"\n```\n'
        project.page(f"{module}.md", shown)
        project.page(
            f"reference/{module}.md", f"# A {{ #a }}\n\n::: snippets.{module}\n"
        )
    done = project.build()
    assert done.returncode != 0
    for module, problem in zip("ab", problems.values(), strict=True):
        assert done.stderr.count(f"snippets/{module}.py{problem}") == 1


TWICE = 'def twice(x):\n    """\n    zh: 两倍。\n    en: Twice.\n    """\n    return 2 * x\n'
FENCE = '```python exec="on" source="above" session="a"\n--8<-- "a.py:twice"\n```\n'


def write_twice(project, page: str, module: str = "a") -> None:
    project.write("snippets/__init__.py", "")
    project.write(
        f"snippets/{module}.py",
        f"# --8<-- [start:twice]\n{TWICE}# --8<-- [end:twice]\n",
    )
    project.page(f"{module}.md", page.replace('"a', f'"{module}'))
    project.page(f"reference/{module}.md", f"# A {{ #a }}\n\n::: snippets.{module}\n")


def test_an_object_that_no_chapter_shows_is_an_error(project):
    pages = {
        "# A { #a }\n": "snippets/a.py:1: no page shows this module; include its regions",
        f"# B {{ #b }}\n\n{FENCE}": "snippets/b.py:2: no block of b.md uses 'twice'",
        f"{FENCE}\n{{{{ twice(2) }}}}\n": "c.md:5: no heading with an id above this block",
    }
    for module, page in zip("abc", pages, strict=True):
        write_twice(project, page, module)
    done = project.build()
    assert done.returncode != 0
    for problem in pages.values():
        assert problem in done.stderr


def test_what_only_prose_uses_is_shown_by_the_block_that_defines_it(project):
    write_twice(project, f"# A {{ #a }}\n\n{FENCE}\nTwice two is {{{{ twice(2) }}}}.\n")
    built = project.build()
    assert built.returncode == 0, built.stderr
    for folder in ("", "en/"):
        html = project.html(f"{folder}reference/a/index.html")
        (code,) = code_of(html, "example")
        assert "return 2 * x" in code and not code_of(html, "output")


IMPORT = """
import importlib, inspect, json, sys
module = importlib.import_module("snippets.practice.linear_regression")
names = [
    name for name, value in vars(module).items()
    if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    and (inspect.isfunction(value) or inspect.isclass(value))
]
print(json.dumps([module.__file__, names]))
"""


def test_the_installed_package_is_what_the_reference_shows(tmp_path):
    target, source = tmp_path / "installed", tmp_path / "source"  # a build leaves files
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SNIPPETS, source / "snippets", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
        + ["--no-build-isolation", "--no-index", "--target", str(target), str(source)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (target / "snippets" / "py.typed").exists()
    there = {path.relative_to(target) for path in target.rglob("snippets/**/*.py")}
    assert there == {path.relative_to(ROOT) for path in SNIPPETS.rglob("*.py")}
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(target)!r})\n{IMPORT}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    file, names = json.loads(said.stdout.splitlines()[-1])
    assert file.startswith(str(target))
    assert sorted(names) == sorted(MODULES["practice.linear_regression"])
