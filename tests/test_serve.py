"""``mkdocs serve``: what an author sees while writing."""

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

    def until(text: str, language: str = "", seconds: float = 60) -> str:
        """Wait for the page to show a text."""
        html, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                address = f"http://127.0.0.1:{port}/{language}page/"
                html = urllib.request.urlopen(address, timeout=5).read().decode()
            except OSError:
                pass
            if text in html:
                return html
            time.sleep(0.1)
        raise AssertionError(
            f"no {text!r} in the page; the server said:\n{log.read_text()}"
        )

    project.until = until
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
    en = served.until("ZeroDivisionError", "en/")
    assert "Failed while building" in en and "构建时失败" not in en
    served.write("snippets/page.py", SNIPPET.format(answer="6 * 9"))
    assert "ZeroDivisionError" not in served.until(">54\n")
    served.page("page.md", PAGE.format(region="none"))
    assert "has no region" in served.until("源文件有误")
    served.page("page.md", "Other prose.\n\n" + PAGE.format(region="good"))
    assert ">54\n" in served.until("Other prose.")
