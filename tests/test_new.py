"""A new page passes all tests at once, and what can be none is refused."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import new
import pytest
from sources import ROOT

SKIP = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "site", "site-offline", "__pycache__"
)


def test_a_new_page_passes_the_tests_at_once(site, tmp_path):
    """In a copy of the project, whose stored results serve; nothing but the page runs."""
    root = tmp_path / "project"
    shutil.copytree(ROOT, root, ignore=SKIP)

    def run(*command: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        environment.pop("BLOCK_CACHE", None)
        done = subprocess.run(
            [sys.executable, *command],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    done = run("docs/_build/new.py", "basics/fresh-page", "新页：龘", "Fresh: a page")
    assert re.search("lack .*龘.*Cut them anew:", done.stdout)
    assert "pyftsubset" in done.stdout
    done = run("-m", "mkdocs", "build", "--strict")
    assert "Running 2 session(s)" in done.stderr  # the page's, and its exercises'
    for home, title in (root / "site", "新页：龘"), (root / "site/en", "Fresh: a page"):
        html = (home / "basics/fresh-page/index.html").read_text("utf-8")
        assert f"<title>{title} · " in html
        assert "mean 3.00   error 4.67" in html and 'data-raises="RuntimeError"' in html
        assert " 4.67" in html.split('role="img" aria-label="')[1].split('"')[0]
        html = (home / "reference/basics/fresh-page/index.html").read_text("utf-8")
        assert 'id="snippets.basics.fresh_page.error"' in html
    tests = "test_pages.py", "test_exercises.py", "snippets/basics"
    about = "fresh or navigation or every_source or every_region"
    run("-m", "pytest", *(f"tests/{name}" for name in tests), "-k", about)
    run("-m", "ruff", "check", ".")
    run("-m", "ruff", "format", "--check", ".")


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["basics/autograd", "新页", "New"], "docs/zh/basics/autograd.md exists"),
        (
            ["basics/autograd-step", "新页", "New"],
            "snippets/basics/autograd_step.py exists",
        ),
        (["basics/New", "新页", "New"], "is no part/name"),
        (["basics/new_page", "新页", "New"], "is no part/name"),
        (["../new", "新页", "New"], "is no part/name"),
        (["new", "新页", "New"], "is no part/name"),
        ([], "is no part/name"),
        (
            ["other/new", "新页", "New"],
            "no part 'other' in mkdocs.yml; there are concepts",
        ),
        (["basics/new", "新页"], "a title is missing"),
        (["basics/new", " ", "New"], "a title is missing"),
        (["basics/new", "新页", "新页"], "is in English"),
        (["basics/new", "损失函数", "New"], "another page has the title '损失函数'"),
    ],
)
def test_what_can_be_no_page_is_refused_in_one_line(monkeypatch, asked, problem):
    written = []
    monkeypatch.setattr(Path, "write_text", lambda self, *_: written.append(self))
    monkeypatch.setattr(Path, "mkdir", lambda self, **_: written.append(self))
    with pytest.raises(SystemExit, match=problem) as refused:
        new.main(*asked)
    assert "\n" not in str(refused.value) and written == []
