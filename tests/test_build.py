"""``mkdocs build`` from the outside: what fails, how it says so, and what it leaves alone."""

import re
import subprocess
import sys
from html import unescape

BLOCK = '```python exec="on" source="above" result="text" session="{session}"{options}\n{code}\n```\n'


def block(code: str, session: str = "page", options: str = "") -> str:
    return BLOCK.format(code=code, session=session, options=options and f" {options}")


def include(region: str, session: str = "page", options: str = "") -> str:
    return block(f'--8<-- "page.py:{region}"', session, options)


SNIPPET = """\
# --8<-- [start:good]
# zh: 两倍
# en: twice
print(2 * 21)
# --8<-- [end:good]


def fails() -> None:
    # --8<-- [start:fails]
    number = 0
    1 / number
    # --8<-- [end:fails]
"""


def test_code_output_and_failure_are_marked_and_each_language_has_its_words(project):
    project.write("snippets/page.py", SNIPPET)
    body = include("good") + include("fails", options='raises="ZeroDivisionError"')
    timed = block("print('1 s')", options='measured="on"')
    project.page("page.md", f"# Page {{ #page }}\n\n{body}\n{timed}")
    done = project.build()
    assert done.returncode == 0, done.stderr
    zh, en = project.html("page/index.html"), project.html("en/page/index.html")
    for html, comment, other in ((zh, "# 两倍", "# twice"), (en, "# twice", "# 两倍")):
        assert 'data-session="page" data-snippet="page.py:good"' in html
        assert comment in html and other not in html
        assert "42" in html
        assert 'data-raises="ZeroDivisionError"' in html
        assert html.count("data-output") == 3
        assert html.count("data-measured") == 1
    assert '<html lang="zh"' in zh and '<html lang="en"' in en


def test_every_failing_block_is_named_with_its_page_line_block_and_snippet_line(
    project,
):
    project.write("snippets/page.py", SNIPPET)
    project.page(
        "page.md",
        "\n\n".join(
            [
                "# Page { #page }",
                include("fails", "raises"),
                block("import time\ntime.sleep(99)", "hangs", 'timeout="1"'),
                block("import os\nos._exit(7)", "exits"),
                include("good", "missed", 'raises="ValueError"'),
                block("print(", "syntax"),
            ]
        ),
    )
    done = project.build()
    assert done.returncode != 0
    said = done.stderr
    assert "5 problem(s)" in said
    for expected in (
        "docs/zh/page.md:7, docs/en/page.md:7: session 'raises', block 1, "
        "snippets/page.py:11: the code raised an exception\nTraceback (most recent call last):",
        "ZeroDivisionError: division by zero",
        "docs/zh/page.md:12, docs/en/page.md:12: session 'hangs', block 1, "
        "docs/zh/page.md:14: the code did not finish within its limit of 1 s",
        "docs/zh/page.md:18, docs/en/page.md:18: session 'exits', block 1: the process died (exit code 7",
        "session 'missed', block 1, snippets/page.py:good: the code was expected to raise ValueError",
        "session 'syntax', block 1, docs/zh/page.md:30: the code raised an exception",
    ):
        assert expected in said
    assert not (project.root / "site" / "page").exists()


# What an author may get wrong: the snippet, the page that includes it, and what the build says of
# that; a page or snippet is called as its case is.
BAD_SOURCES = {
    "no-file": (
        None,
        block('--8<-- "none.py:good"'),
        "PAGE:7: no file snippets/none.py",
    ),
    "no-region": (
        SNIPPET,
        block('--8<-- "no-region.py:bad"'),
        "PAGE:7: snippets/no-region.py has no region 'bad' (it has: good, fails)",
    ),
    "page-encoding": (None, "# 梯度".encode("gbk"), "PAGE:1: not UTF-8"),
    "snippet-encoding": (b"a = 1\n# \xcc\xdd", "", "SNIPPET:2: not UTF-8"),
    "empty-snippet": ("", "", "SNIPPET:1: the snippet is empty"),
    "no-twin": (None, None, "PAGE:1: has no twin; write docs/en/no-twin.md"),
    "duplicate": (SNIPPET + SNIPPET, "", "SNIPPET:13: region 'good' is opened twice"),
    "unclosed": (
        "a = 1\n# --8<-- [start:open]\nb = 1\n",
        "",
        "SNIPPET:2: region 'open' is never closed",
    ),
    "unopened": (
        "# --8<-- [end:a]\n",
        "",
        "SNIPPET:1: region 'a' is closed but not open",
    ),
    "empty-region": (
        "# --8<-- [start:a]\n\n# --8<-- [end:a]\n",
        "",
        "SNIPPET:3: region 'a' is empty",
    ),
    "misspelt": ("# --8<-- [begin:a]\n", "", "SNIPPET:1: not a region marker"),
    "no-english": (
        "# zh: 一\na = 1\n",
        "",
        "SNIPPET:1: a 'zh' line without its 'en' line",
    ),
    "no-chinese": (
        "a = 1\n# en: one\n",
        "",
        "SNIPPET:2: an 'en' line without its 'zh' line",
    ),
    "unclosed-fence": (
        None,
        '```python exec="on" session="page"\nprint(1)\n',
        "PAGE:6: the fence is never closed",
    ),
}


def test_bad_sources_get_one_clear_line_each(project):
    expected = []
    for case, (snippet, page, says) in BAD_SOURCES.items():
        if snippet is not None:
            project.write(f"snippets/{case}.py", snippet)
        if isinstance(page, bytes):
            project.page(f"{case}.md", "# P\n")
            project.write(f"docs/zh/{case}.md", page)
        elif page:
            project.page(f"{case}.md", f"# P\n{page}")
        elif page is None:
            project.write(f"docs/zh/{case}.md", "# M")
        says = says.replace("PAGE", f"docs/zh/{case}.md")
        expected.append(says.replace("SNIPPET", f"snippets/{case}.py"))
    done = project.build()
    assert done.returncode != 0 and "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    for says in expected:
        (line,) = [line for line in lines if says in line]
        assert line.startswith(says)
    # None of them is a mere warning; what is wrong in both languages is said of both.
    problems = [line for line in lines if re.match(r"(docs|snippets)/\S+:\d+: ", line)]
    assert f"{len(problems)} problem(s)" in done.stderr


def test_a_formula_that_is_wrong_or_wants_a_style_names_its_page(project):
    project.page("wrong.md", "# P\n\n$\\frac{1}{$\n")
    project.page("style.md", "$\\begin{array}{l|r} a & b \\end{array}$\n")
    done = project.build()
    assert done.returncode == 1
    assert "docs/zh/wrong.md: the formula '\\\\frac{1}{' is wrong" in done.stderr
    assert "docs/zh/style.md: the formula '\\\\begin{array}" in done.stderr
    assert "border-right" in done.stderr and "docs/assets/site.css" in done.stderr


def test_formulas_are_mathml_with_their_tex_and_set_as_finely(project):
    project.page(
        "tex.md",
        "# P\n\n$\\eta = 0.1$, $n = 1,234$, $(1, 234)$ and\n\n$$\n\\arg\\min_w L(w)\n$$\n",
    )
    project.page(
        "fine.md", "# P\n\n$\\sqrt{n}$, $f'$, $f''$, $\\ell_1'$, $T^k$, $T$ and $T_1$\n"
    )
    # Many letters of TeX and of MathML, few of formula.
    short = r"\operatorname{Var}(\hat y) = \operatorname{Var}(y)"
    long = "a + b + c + d + e + f + g + h + i + j + k + l + m + n + o"
    project.page("marks.md", f"# P\n\n一（${short}$），二（${long}$）。\n")
    project.page(
        "alone.md", "$-1,234.5$ of $10^{-6}$, $2 \\times 10^{7}$, $95\\%$; $-1/2$\n"
    )
    assert project.build().returncode == 0

    html = project.html("tex/index.html")
    assert html.count("<math") == 4
    assert html.count('<mo rspace="0">,</mo>') == 1  # within a number
    assert '<annotation encoding="application/x-tex">\\eta = 0.1</annotation>' in html

    html = project.html("alone/index.html")  # a number alone is no formula
    assert "<p>−1,234.5 of 10⁻⁶, 2\xa0×\xa010⁷, 95%; <math" in html

    html = project.html("fine/index.html")
    assert '<msqrt><mspace height="0.69em"/><mi>n</mi></msqrt>' in html
    for prime in "′″":
        assert f'<mrow><mi>f</mi><mo lspace="0" rspace="0">{prime}</mo></mrow>' in html
    assert '<mn>1</mn><mo class="prime">′</mo></msubsup>' in html
    assert html.count('<mi class="leaning">T</mi>') == 2
    assert "<msub><mi>T</mi>" in html

    # A mark stays with a formula that fits on a phone.
    html = project.html("marks/index.html")
    assert re.search(r'<span class="nobr">（<math.*?</math>），</span>', html)
    assert re.search(r"（\u2060<math.*?</math>\u2060）。", html)


DRAWING = """# Page { #page }

```python exec="on" source="above" result="text" session="page"
names = {"a", "b", "c"}
print(sorted(names), hash("x") % 1000)
```

![A line from 0 to {{ len(names) - 1 }}](figure:line)
"""
LINE = """from draw import Drawing


def line(draw: Drawing):
    with draw.axes(x="x", y="y") as ax:
        ax.plot([0, 1, 2], label="线 | line")
        ax.scatter([0, 1], [1, 0], label="点 | points")
"""


def contents(folder) -> dict:
    return {
        p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_two_cold_builds_give_the_same_bytes_and_figures_are_the_pages(project):
    project.page("page.md", DRAWING)
    project.page("more/page.md", DRAWING.replace('"page"', '"more"'))
    project.write("docs/figures/page.py", LINE)
    project.write("docs/figures/more/page.py", LINE)
    sites = []
    for seed, workers in (("1", "1"), ("2", "4")):
        done = project.build(
            BLOCK_FRESH="1",
            BLOCK_WORKERS=workers,
            PYTHONHASHSEED=seed,
            SOURCE_DATE_EPOCH="1700000000",
        )
        assert done.returncode == 0, done.stderr
        sites.append(contents(project.root / "site"))
    assert sites[0].keys() == sites[1].keys()
    differ = [str(name) for name in sites[0] if sites[0][name] != sites[1][name]]
    assert set(differ) <= {"provenance.json"}  # it says when each block ran
    html = project.html("page/index.html")
    drawing = html[html.index('<figure class="fig') : html.index("</figure>")]
    assert 'role="img" aria-label="A line from 0 to 2"' in drawing
    assert "var(--fig-0)" in drawing and "var(--fig-ink)" in drawing
    assert not re.search("#0000|font-family|style=", drawing)
    assert drawing.count("<li>") == 2


def test_pages_build_with_stock_markdown_exec_too(project):
    project.page("page.md", DRAWING.partition("![")[0])
    project.write("snippets/page.py", SNIPPET)
    project.page("snippet.md", "# S { #s }\n\n" + include("good", "snippet"))
    settings = project.root / "mkdocs.yml"
    ours = "hooks:\n  - docs/_build/hooks.py\n"
    settings.write_text(settings.read_text("utf-8").replace(ours, ""), "utf-8")
    done = project.build(PYTHONPATH="docs/_build")
    assert done.returncode == 0, done.stderr
    assert "['a', 'b', 'c']" in unescape(project.html("page/index.html"))
    assert ">42\n" in project.html("snippet/index.html")


def test_verify_names_the_blocks_that_do_not_repeat(project):
    project.page(
        "page.md",
        "# P { #p }\n\n"
        + block("import time\nprint(time.perf_counter_ns())", "clock")
        + block("import time\nprint(time.perf_counter_ns())", "timed", 'measured="on"')
        + block("print(1)", "same"),
    )
    done = subprocess.run(
        [sys.executable, "docs/_build/check/verify.py"],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "docs/zh/page.md:7, docs/en/page.md:7: session 'clock'",
        "3 sessions run twice, 1 block(s) differ",
    ]


def test_a_package_that_is_not_installed_is_named_with_how_to_get_it(project):
    steps = [
        block("import no_such_framework", "other"),
        block("print(no_such_framework.ones(2))", "other"),
    ]
    project.page("page.md", "# Page { #page }\n\n" + "\n".join(steps))
    done = project.build()
    assert done.returncode != 0
    assert "1 problem(s)" in done.stderr  # what rests on it is not a problem of its own
    assert (
        "docs/zh/page.md:7, docs/en/page.md:7: session 'other', block 1" in done.stderr
    )
    assert "no_such_framework is not installed here" in done.stderr
    assert "pip install -r requirements.txt" in done.stderr
    # A failed build leaves nothing that would harm the next one.
    project.page("page.md", block("print(6 * 7)", "other"))
    assert project.build().returncode == 0
    assert ">42\n" in project.html("page/index.html")


def test_a_build_prints_no_warning(project):
    project.page("page.md", "# A page { #a }\n\n过拟合 and $a^2$, [home](index.md).\n")
    done = project.build()
    assert done.returncode == 0 and done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines and [line for line in lines if not line.startswith("INFO ")] == []


def test_pages_can_be_found_and_shared(project):
    project.page("page.md", "# 规模 { #a }\n", en="# One { #a }\n")
    at = "https://example.org/primer/"
    assert project.build(SITE_URL=at).returncode == 0
    pairs = {
        "index.html": ("", "en/"),
        "en/index.html": ("", "en/"),
        "page/index.html": ("page/", "en/page/"),
        "en/page/index.html": ("page/", "en/page/"),
    }
    sitemap = project.html("sitemap.xml")
    assert sitemap.count("<loc>") == len(pairs)
    for name, (zh, en) in pairs.items():
        html = project.html(name)
        own = en if name.startswith("en/") else zh
        assert f'<link rel="canonical" href="{at}{own}">' in html
        assert f'<meta property="og:url" content="{at}{own}">' in html
        assert f"<loc>{at}{own}</loc>" in sitemap
        for language, other in (("zh", zh), ("en", en), ("x-default", en)):
            link = f'hreflang="{language}" href="{at}{other}"'
            assert f'<link rel="alternate " {link}>' in html
            assert f'<xhtml:link rel="alternate" {link}/>' in sitemap
        assert re.search(r'<meta name="description" content="d">', html)
