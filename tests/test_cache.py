"""Stored results: used whenever nothing changed, never when anything did, whatever happens to them."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time

import pytest
from run import store
from run.store import Store

PAGE = """
# Page {{ #page }}

```python exec="on" source="above" result="text" session="page"
# {comment}
first = {first}
```

```python exec="on" source="above" result="text" session="page"
open("count", "a").write("x")
print(first + 1)
```

{prose}

```python exec="on" session="page"
from helper import double
print("**", double(first), "**", open("{data}").read())
```
"""
COUNTER = "import os\nos.write(os.open('{log}', os.O_APPEND | os.O_CREAT | os.O_WRONLY), b'x')\n"


@pytest.fixture
def counted(project):
    """A site whose session writes a mark, outside the repository, each time that it runs."""
    log = project.root.parent / "runs"

    def write(first="1", comment="why", prose="Prose.", helper="2", data="data"):
        project.write(
            "docs/_build/helper.py", f"def double(n):\n    return {helper} * n\n"
        )
        data_file = project.write("docs/data.txt", data)
        body = PAGE.format(first=first, comment=comment, prose=prose, data=data_file)
        mark = COUNTER.format(log=log)
        project.page("page.md", body.replace("first = ", mark + "first = "))

    def runs() -> int:
        """How many sessions have run since the last call."""
        plan(project).communicate()
        count = log.stat().st_size if log.exists() else 0
        log.unlink(missing_ok=True)
        return count

    write()
    project.runs, project.rewrite = runs, write
    return project


def entries(project) -> list:
    return sorted((project.root / ".cache").rglob("*.json"))


def test_both_languages_and_every_later_build_share_one_run(counted):
    assert counted.runs() == 1
    assert counted.build().returncode == 0
    before = counted.html("page/index.html"), counted.html("en/page/index.html")
    assert counted.build().returncode == 0
    assert counted.runs() == 0
    assert (
        counted.html("page/index.html"),
        counted.html("en/page/index.html"),
    ) == before
    assert "2\n" in before[0]


def test_the_program_that_builds_imports_nothing_that_its_sessions_need(project):
    code = "import matplotlib.figure\nimport sklearn\nimport torch\nprint(6 * 7)"
    project.page("page.md", f'```python exec="on" session="page"\n{code}\n```\n')
    done = project.build(PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr
    imported = set(re.findall(r"(?m)^import time: .*\| +(\w+)$", done.stderr))
    assert "pygments" in imported, sorted(imported)
    assert not imported & {"matplotlib", "sklearn", "tensorflow", "torch"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"comment": "why not"}, 0),
        ({"prose": "Other prose."}, 0),
        ({"first": "3"}, 1),
        ({"helper": "4"}, 1),
        ({"data": "other"}, 1),
    ],
)
def test_only_what_a_result_rests_on_counts(counted, change, expected):
    counted.runs()
    counted.rewrite(**change)
    assert counted.runs() == expected


def test_an_edited_helper_is_seen_at_once_and_a_traceback_follows_its_lines(counted):
    failing = '```python exec="on" source="above" result="text" session="p" raises="ZeroDivisionError"\n{}1 / 0\n```\n'
    for helper, above, said, line in (("2", "", 42, 1), ("3", "# more\n", 63, 2)):
        counted.rewrite(first="21", helper=helper)
        counted.page("failing.md", failing.format(above))
        assert counted.build().returncode == 0
        assert f"** {said} ** data" in counted.html("page/index.html")
        shown = f'line <span class="m">{line}</span>, in'
        assert shown in counted.html("failing/index.html")


@pytest.mark.parametrize(
    "damage", ["flip", "cut", "empty", "foreign", "other-key", "not-json"]
)
def test_a_damaged_entry_is_a_miss_with_one_warning(counted, damage):
    whole, _ = plan(counted).communicate()
    first, second = entries(counted)[:2]
    raw = first.read_bytes()
    broken = {
        "flip": raw[:90] + bytes([raw[90] ^ 1]) + raw[91:],
        "cut": raw[: len(raw) // 2],
        "empty": b"",
        "foreign": b"\x89PNG\r\n\x1a\n",
        "other-key": second.read_bytes(),
        "not-json": b"0" * 64 + b"\nnot json",
    }[damage]
    first.write_bytes(broken)
    again, said = plan(counted).communicate()
    assert again == whole
    assert said.count("damaged or foreign cache entry") == 1
    assert plan(counted).communicate() == (whole, "")


def test_every_flipped_byte_of_an_entry_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    key = store.digest("key")
    result = {"output": "42\n", "error": None}
    Store().save(key, "p", {"files": [], "distributions": []}, result)
    (path,) = tmp_path.rglob("*.json")
    raw = path.read_bytes()
    assert Store().load(key, "p") == result
    for position in range(len(raw)):
        path.write_bytes(
            raw[:position] + bytes([raw[position] ^ 0x20]) + raw[position + 1 :]
        )
        assert Store().load(key, "p") is None, f"byte {position}"


def test_an_entry_of_other_versions_is_a_miss(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    result = {"output": "", "error": None}
    Store().save("k" * 64, "p", {"files": [], "distributions": ["torch"]}, result)
    assert Store().load("k" * 64, "p") == result
    monkeypatch.setattr(store, "distribution", lambda name: "0.4.1")
    assert Store().load("k" * 64, "p") is None


def test_keys_belong_to_one_python():
    import platform

    assert platform.python_version() in store.SEED


def test_a_read_only_or_full_cache_warns_once_and_builds_on(counted):
    done = counted.build(BLOCK_CACHE="/proc/nowhere")
    assert done.returncode == 0
    assert done.stderr.count("cannot be written") == 1
    assert "2\n" in counted.html("page/index.html")
    out, said = plan(counted, BLOCK_CACHE="/dev/full/blocks").communicate()
    assert said.count("cannot be written") == 1 and '"2\\n"' in out


@pytest.mark.parametrize("at", ["write_text", "replace"])
def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path, monkeypatch, at):
    """Whatever is kept is written by `Store`: before it is whole, and before it has its name."""

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "FOLDER", tmp_path)
    Store().keep("k" * 64, {"result": 1})
    monkeypatch.setattr(type(tmp_path), at, killed)
    with pytest.raises(KeyboardInterrupt):
        Store().keep("k" * 64, {"result": 2})
    assert Store().fetch("k" * 64)["result"] == 1
    assert [path.suffix for path in tmp_path.rglob("*.*")] == [".json"]


def test_only_the_store_writes_into_the_cache(counted):
    """So the test above speaks for pages and search entries, too: all have a checksum.

    Compiled templates lie beside them; Jinja checks them by itself.
    """
    assert counted.build().returncode == 0
    for path in (counted.root / ".cache" / "blocks").rglob("*"):
        if path.is_file():
            checksum, _, body = path.read_bytes().partition(b"\n")
            assert hashlib.sha256(body).hexdigest() == checksum.decode(), path


def test_old_entries_are_pruned_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    monkeypatch.setattr(store, "LIMIT", 3000)
    for number in range(4):
        key = store.digest(str(number))
        Store().save(
            key,
            "",
            {"files": [], "distributions": []},
            {"output": "x" * 700, "error": None},
        )
        (path,) = tmp_path.rglob(f"{key}.json")
        os.utime(path, (number, number))
    Store().finish()
    left = {path.stat().st_mtime for path in tmp_path.rglob("*.json")}
    assert left == {1, 2, 3}


def test_entries_are_data():
    import ast
    import inspect

    names = {
        node.id
        for node in ast.walk(ast.parse(inspect.getsource(store)))
        if isinstance(node, ast.Name)
    }
    assert not names & {"pickle", "marshal", "eval", "exec", "shelve"}


# Builds, and says how many pages were rendered and how many were read for the search.
COUNTED = """
import markdown
from material.plugins.search import plugin
from mkdocs.__main__ import cli

done = {"rendered": 0, "read": 0}

def counted(name, of, method):
    original = getattr(of, method)
    def call(self, text):
        done[name] += bool(text.strip())
        return original(self, text)
    setattr(of, method, call)

counted("rendered", markdown.Markdown, "convert")
counted("read", plugin.Parser, "feed")
try:
    cli(["build", "-q"])
finally:
    print(done["rendered"], done["read"])
"""


def rendered(project) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def written(project) -> dict[str, bytes]:
    """The files of the site, but for when and for how long its blocks ran."""
    site = project.root / "site"
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file() and path.name != "provenance.json"
    }


def test_pages_that_nothing_changed_are_neither_rendered_nor_read_again(counted):
    assert counted.build().returncode == 0
    clean = written(counted)
    for path in entries(counted):  # results stay, so that one process renders all pages
        if b'"result"' not in path.read_bytes():
            path.unlink()
    first, read = rendered(counted)
    assert first >= 4 and read == 4  # two pages in two languages; blocks render, too
    assert rendered(counted) == (0, 0)
    assert written(counted) == clean
    counted.rewrite(prose="Other prose.")
    again, read = rendered(counted)
    assert 0 < again < first and read == 2
    assert "Other prose." in counted.html("page/index.html")
    assert "Other prose." in counted.html("en/page/index.html")
    assert (
        "Other prose." in (counted.root / "site/search/search_index.json").read_text()
    )
    counted.rewrite()
    assert rendered(counted) == (0, 0)
    assert written(counted) == clean


STEP = """# Page {{ #page }}

```python exec="on" source="above" result="text" session="{session}"
# {comment}
print({number} + 1, open("{data}").read())
```

{prose}
"""
# What changes on one page each, and what the page shows then.
CHANGES = {
    "comment": (
        {"comment": "because"},
        "# because",
    ),  # the run is the same, the page is not
    "result": ({}, "other data"),
    "prose": ({"prose": "[other](other.md)"}, 'href="../other/"'),
    "fresh": ({"number": 20}, "21"),
}


def is_as_if_built_anew(project) -> bool:
    kept = written(project)
    assert project.build(BLOCK_CACHE=str(project.root / "empty")).returncode == 0
    shutil.rmtree(project.root / "empty")
    return written(project) == kept


def test_a_kept_page_is_never_older_than_what_it_shows(project):
    def write(changed: bool) -> None:
        for name, (change, _) in CHANGES.items():
            data = project.write(f"docs/{name}.txt", "data")
            own = {"comment": "why", "number": 1, "prose": "Prose."}
            own |= change if changed else {}
            project.page(f"{name}.md", STEP.format(session=name, data=data, **own))

    write(changed=False)
    assert project.build().returncode == 0
    write(changed=True)
    project.write("docs/result.txt", "other data")
    for _ in range(2):  # there is no such page, and each build says so
        assert "other.md" in project.build().stderr
    project.page("other.md", "# Other { #other }\n")
    assert project.build().returncode == 0
    for name, (_, shows) in CHANGES.items():
        for folder in ("", "en/"):
            assert shows in project.html(f"{folder}{name}/index.html"), name
    assert is_as_if_built_anew(project)


def test_kept_pages_follow_the_settings_and_the_glue(counted):
    assert counted.build().returncode == 0
    for name, old, new in (
        ("mkdocs.yml", "permalink: true", "permalink: §"),
        ("docs/_build/write/page.py", 'f"data-{name}"', 'f"data-x-{name}"'),
    ):
        text = (counted.root / name).read_text("utf-8")
        counted.write(name, text.replace(old, new))
        assert counted.build().returncode == 0
        for page in ("page/index.html", "en/page/index.html"):
            assert (
                "§" if name == "mkdocs.yml" else 'data-x-session="page"'
            ) in counted.html(page)
    assert is_as_if_built_anew(counted)


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.whole)])
def test_a_killed_build_leaves_the_next_one_right(counted, kills):
    """As below, with the whole program: pages and search entries are kept, too."""
    begun = time.perf_counter()
    assert counted.build().returncode == 0
    length, clean = time.perf_counter() - begun, written(counted)
    rng = random.Random(1)
    for _ in range(kills):
        for path in entries(counted):
            if rng.random() < 0.5:
                path.unlink()
        process = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "build", "-q"],
            cwd=counted.root,
            env=counted.environment,
        )
        time.sleep(rng.uniform(0.3, 1) * length)
        process.kill()
        process.wait()
        done = counted.build("-q")
        assert (done.returncode, done.stderr) == (0, "")
        assert written(counted) == clean


# Looks at the sources and waits for every result, as a build does, without writing a site.
PLAN = """
import json, sys
sys.path.insert(0, "docs/_build")
from run.runner import Runner
from run.store import Store
from sources import survey
runner = Runner(Store())
pages, _ = survey()
runner.plan(pages)
blocks = [block for twins in pages.values() for page in twins.values() for block in page.blocks]
results = [{**runner.result(block), "ran": 0} for block in blocks]  # but for when
json.dump(results, sys.stdout, sort_keys=True)
"""


def plan(project, **environment) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PLAN],
        cwd=project.root,
        env=project.environment | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_builds_at_once_do_not_harm_each_other(counted):
    clean, errors = plan(counted, BLOCK_FRESH="1").communicate()
    both = [plan(counted) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [clean, clean], errors
    assert plan(counted).communicate() == (clean, "")


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.whole)])
def test_kills_leave_every_next_build_right(counted, kills):
    clean, _ = plan(counted, BLOCK_FRESH="1").communicate()
    begun = time.perf_counter()
    assert plan(counted).communicate()[0] == clean
    length = time.perf_counter() - begun
    rng = random.Random(0)
    for _ in range(kills):
        for path in entries(counted):
            if rng.random() < 0.5:
                path.unlink()
        process = plan(counted)
        time.sleep(rng.uniform(0.1, 1.1) * length)
        process.kill()
        process.communicate()
        # What is left must be whole: every entry says of itself that it is.
        for path in entries(counted):
            checksum, _, body = path.read_bytes().partition(b"\n")
            assert hashlib.sha256(body).hexdigest() == checksum.decode()
        assert plan(counted).communicate() == (clean, "")
