"""Each output tells where it comes from, truly, and pages do not change from build to build."""

import ast
import functools
import json
import re
import subprocess
from importlib.metadata import version

import pytest
from sources import LANGUAGES, ROOT, SNIPPETS, blocks, pages, regions
from test_site import Marked, built

NAMES = [name for name in sorted(pages("zh")) if not name.startswith("reference/")]


@pytest.fixture(scope="module")
def origins(site) -> dict[tuple[str, int], dict]:
    told = json.loads((site / "provenance.json").read_text("utf-8"))
    return {(each["page"], each["line"]): each for each in told["results"]}


def strings(node: ast.AST) -> set[str]:
    return {str(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant)}


@functools.cache
def only_here(module: str, snippets: tuple[str, ...]) -> set[str]:
    """What these regions of a module set and no other does."""
    here, elsewhere = set(), set()
    for name, lines in regions(SNIPPETS / module).items():
        code = "\n".join(line.text for line in lines)
        names = re.findall(r"(?m)^ *(?:def |class )?(\w+)\s*[:=(,]", code)
        (here if f"{module}:{name}" in snippets else elsewhere).update(names)
    return here - elsewhere


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_origins_name_the_lines_the_tests_and_the_seeds(site, origins, language, name):
    html = (site / built(language, name)).read_text("utf-8")
    outputs = [m for m in Marked(html).found if "data-output" in m]
    told = re.findall(r'<details class="_ origin".*?</details>', html, re.DOTALL)
    assert len(told) == len(outputs)
    for data in re.findall(r'(?s)<details class="fig-data".*?</details>', html):
        assert '<p class="origin">' in data
    for block in blocks(pages(language)[name]):
        origin = origins[f"docs/{language}/{name}", block.line]
        quoted = []
        for place in origin["source"]:
            lines = (ROOT / place["file"]).read_text("utf-8").splitlines()
            quoted += lines[place["first"] - 1 : place["last"]]
        quoted = [line.strip() for line in quoted if "# --8<--" not in line]
        code = [line.text.strip() for line in block.lines]
        assert list(filter(None, quoted)) == list(filter(None, code)), block.at
        for test in origin["tests"]:
            top = ast.parse((ROOT / test["file"]).read_text("utf-8")).body
            bodies = {each.name: each for each in top if hasattr(each, "name")}
            module = re.sub(r"tests/snippets/(.*)test_", r"\1", test["file"])
            assert test["functions"] == [
                function
                for function in test["functions"]
                if strings(bodies[function]) & only_here(module, tuple(block.snippets))
            ]
        if block.snippets:
            assert origin["tests"], block.at
        so_far = "\n".join(
            b.code
            for b in blocks(pages(language)[name])
            if b.session == block.session
            and (b.line == block.line or b.line < block.line and not b.is_view)
        )
        seeded = re.findall(r"(?:seed|random_state|Random|rng)[=(](\d+)", so_far)
        assert origin["seeds"] == sorted({int(seed) for seed in seeded})
        if re.search(r"(?m)^import torch$", so_far):
            assert origin["versions"]["torch"] == version("torch").partition("+")[0]
        assert origin["seconds"] >= 0 and origin["at"][:4] not in ("", "1970")
        assert origin["at"] not in html


def test_lines_are_linked_at_the_commit_and_pages_repeat(project):
    project.write(
        "snippets/a.py", "# --8<-- [start:one]\nprint(1)\n# --8<-- [end:one]\n"
    )
    project.write(
        "tests/snippets/test_a.py", "def test_one(snippet):\n    assert True\n"
    )
    page = '# A {{ #a }}\n\n```python exec="on" source="above" result="text" session="s"\n--8<-- "a.py:one"\n```\n'
    project.page("a.md", page.replace("{{", "{").replace("}}", "}"))
    settings = (project.root / "mkdocs.yml").read_text("utf-8")
    project.write(
        "mkdocs.yml", settings + "\nrepo_url: https://github.com/some/where\n"
    )
    done = project.build()
    assert done.returncode == 0, done.stderr
    assert "snippets/a.py" in project.html("a/index.html")
    # outside git there is no commit
    assert "/snippets/a.py#" not in project.html("a/index.html")
    git = ["git", "-C", str(project.root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    project.write(".gitignore", "site\n.cache\n__pycache__\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    name = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    assert project.build().returncode == 0
    first = project.html("a/index.html")
    link = f"https://github.com/some/where/blob/{name}/snippets/a.py#L2-L2"
    assert f'href="{link}"' in first
    assert project.build(BLOCK_FRESH="1").returncode == 0
    assert project.html("a/index.html") == first
