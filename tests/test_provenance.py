"""Each output tells where it comes from, truly, and pages do not change from build to build."""

import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from sources import LANGUAGES, ROOT, Figure, blocks, pages
from test_site import Marked, built

NAMES = [name for name in sorted(pages("zh")) if not name.startswith("reference/")]


@pytest.fixture(scope="module")
def origins(site) -> dict[tuple[str, int], dict]:
    told = json.loads((site / "provenance.json").read_text("utf-8"))
    return {(each["page"], each["line"]): each for each in told["results"]}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_origins_name_the_lines_the_tests_and_the_seeds(site, origins, language, name):
    html = (site / built(language, name)).read_text("utf-8")
    outputs = [m for m in Marked(html).found if "data-output" in m]
    told = re.findall(r'<details class="_ origin".*?</details>', html, re.DOTALL)
    assert len(told) == len(outputs)
    for data in re.findall(r'(?s)<details class="fig-data".*?</details>', html):
        assert '<p class="origin">' in data
    of_page = blocks(pages(language)[name])
    for block in of_page:
        origin = origins[f"docs/{language}/{name}", block.line]
        quoted = []
        for place in origin["source"]:
            lines = (ROOT / place["file"]).read_text("utf-8").splitlines()
            quoted += lines[place["first"] - 1 : place["last"]]
        quoted = [line.strip() for line in quoted if "# --8<--" not in line]
        code = [line.text.strip() for line in block.lines]
        if isinstance(
            block, Figure
        ):  # its function alone, of all that its module shares
            assert re.match(rf"def {block.name}\(", quoted[0]) and set(quoted) <= set(
                code
            )
        else:
            assert list(filter(None, quoted)) == list(filter(None, code)), block.at
        modules = dict.fromkeys(name.partition(":")[0] for name in block.snippets)
        files = [
            Path("tests/snippets", m).with_name(f"test_{Path(m).name}") for m in modules
        ]
        assert origin["tests"] == [path.as_posix() for path in files], block.at
        assert all((ROOT / path).is_file() for path in files)
        so_far = "\n".join(
            b.code
            for b in of_page
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
