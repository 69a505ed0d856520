"""``mkdocs serve``: what an author sees while writing."""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

PAGE = """# Page {{ #page }}

```python exec="on" source="above" result="text" session="page"
--8<-- "page.py:{region}"
```
"""
SNIPPET = """\
# --8<-- [start:good]
answer = {answer}
print(answer)
# --8<-- [end:good]
"""


@pytest.fixture
def served(project):
    project.write("snippets/page.py", SNIPPET.format(answer="40 + 2"))
    project.page("page.md", PAGE.format(region="good"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = project.root.parent / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "serve", "-a", f"127.0.0.1:{port}"],
            cwd=project.root,
            env=project.environment,
            stdout=file,
            stderr=file,
        )

    def until(text: str, address: str = "page/", seconds: float = 60) -> str:
        """Wait for the page to show a text."""
        html, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                whole = f"http://127.0.0.1:{port}/{address}"
                html = urllib.request.urlopen(whole, timeout=5).read().decode()
            except OSError:
                pass
            if text in html:
                return html
            time.sleep(0.1)
        raise AssertionError(
            f"no {text!r} in the page; the server said:\n{log.read_text()}"
        )

    project.until = until
    project.runs = lambda: re.findall(r"(\S+): ran in", log.read_text())
    yield project
    process.terminate()
    process.wait(20)


def test_edits_appear_faults_are_shown_in_place_and_the_next_good_edit_mends_them(
    served,
):
    served.until(">42\n")
    served.write("snippets/page.py", SNIPPET.format(answer="1 / 0"))
    zh = served.until("ZeroDivisionError")
    assert "构建时失败" in zh and "代码抛出了异常" in zh and "snippets/page.py:2" in zh
    en = served.until("ZeroDivisionError", "en/page/")
    assert "Failed while building" in en and "构建时失败" not in en
    served.write("snippets/page.py", SNIPPET.format(answer="6 * 9"))
    assert "ZeroDivisionError" not in served.until(">54\n")
    served.page("page.md", PAGE.format(region="none"))
    assert "has no region" in served.until("源文件有误")
    served.page("page.md", "Other prose.\n\n" + PAGE.format(region="good"))
    assert ">54\n" in served.until("Other prose.")


def test_an_edit_runs_the_sessions_that_rest_on_it_and_no_others(served):
    other = "# --8<-- [start:good]\nfrom helper import double\n{}\nprint(double(30))\n# --8<-- [end:good]\n"
    served.write("docs/_build/helper.py", "def double(n):\n    return 2 * n\n")
    served.write("snippets/other.py", other.format("# old"))
    body = PAGE.format(region="good").replace("page.py", "other.py")
    body = body.replace('session="page"', 'session="other"')
    served.page("other.md", body)
    served.until(">60\n", "other/")
    served.until(">42\n")
    done = served.runs()
    assert sorted(done) == ["other", "page"]

    def edit(expected: list[str], text: str, address: str) -> None:
        """What ran after an edit that shows as a text at an address."""
        nonlocal done
        served.until(text, address)
        served.until(text, f"en/{address}")
        assert served.runs()[len(done) :] == expected
        done += expected

    served.page("other.md", f"Other prose.\n\n{body}")
    edit([], "Other prose.", "other/")
    served.write("snippets/other.py", other.format("# new"))
    edit([], "# new", "other/")
    served.write("snippets/page.py", SNIPPET.format(answer="6 * 9"))
    edit(["page"], ">54\n", "page/")
    served.write("docs/_build/helper.py", "def double(n):\n    return n + n + 1\n")
    edit(["other"], ">61\n", "other/")
    sheet = (served.root / "docs/assets/site.css").read_text("utf-8")
    served.write("docs/assets/site.css", f"{sheet}/* another look */\n")
    served.until("another look", "assets/site.css")
    assert served.runs() == done


def test_what_needs_a_package_that_is_not_there_says_so_and_the_rest_works(served):
    served.until(">42\n")
    needs = "import no_such_framework\nprint('never')"
    served.write("snippets/page.py", SNIPPET.format(answer="6 * 9"))
    lacking = (
        PAGE.format(region="good")
        + f"""
```python exec="on" source="above" result="text" session="other"
{needs}
```
"""
    )
    served.page("page.md", lacking)
    html = served.until("未运行：缺少 no_such_framework")
    assert "requirements.txt" in html and "54\n" in html
    assert '<div class="admonition note">' in html
    assert "构建时失败" not in html and ">never" not in html
    html = served.until("Not run: no_such_framework is missing", "en/page/")
    assert (
        re.search(
            "[\u4e00-\u9fff]", html.partition("<article")[2].partition("</article")[0]
        )
        is None
    )
