"""The formatter of executable Python blocks: markdown-exec renders, `runner` runs.

Registered as markdown-exec's own formatter for Python (see `hooks`), so that pages are written,
parsed and rendered as markdown-exec documents, and build with stock markdown-exec too.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from markdown_exec._internal.formatters.base import base_format

import provenance
from runner import TIMEOUT, Runner
from sources import LANGUAGES, ROOT, Block, address, in_language

PAGE_LINK = re.compile(r"\]\(([^():\s]+\.md)(#[\w-]+)?\)")
WORD = re.compile(r'<span class="word" lang="(\w+)">(.*?)</span>')  # see `figure_data.word`
FREE = 72  # letters of a first line beside the copy buttons
runner = Runner()

# What an author reads where a result should be.
WORDS = {
    "raised": ("代码抛出了异常", "the code raised an exception"),
    "lacking": (
        "本机没有安装 {lacks}。安装：pip install -r requirements.txt；若它没有适合本机的安装包，"
        "请换用 Linux、macOS 或 Windows 上的 Python 3.11 至 3.13",
        "{lacks} is not installed here. To get it: pip install -r requirements.txt; where it has no "
        "wheel, use Python 3.11 to 3.13 on Linux, macOS or Windows",
    ),
    "missed": (
        "代码应当抛出 {raises}，却没有",
        "the code was expected to raise {raises} and did not",
    ),
    "hung": (
        "代码超过时限（{timeout} 秒）仍未结束",
        "the code did not finish within its limit of {timeout} s",
    ),
    "died": (
        "进程中途退出（退出码 {exit}；负数为信号，-9 多为内存不足）",
        "the process died (exit code {exit}; negative: a signal, -9 is often lack of memory)",
    ),
    "flooded": ("代码打印的内容太多", "the code printed too much"),
    "source": ("源文件有误", "something in the sources is wrong"),
}


def format_python(
    *, code: str, md: Any, html: bool = False, source: str = "", **options: Any
) -> str:
    """Render one block with its result, as markdown-exec's formatters do."""
    at = options["extra"].get("at", "")
    block, result = runner.result(at)
    shown = in_language(block.code, block.language)
    notice = _lacking(block, result["lacks"]) if result.get("lacks") else ""
    if "failure" in result and not (notice and source):
        return "" if notice else _failed(block, result)
    if notice:
        result = {"output": "", "error": None}
    marks = {"data-session": block.session}
    if block.snippets:
        marks["data-snippet"] = " ".join(block.snippets)
    if len(shown.strip("\n").partition("\n")[0]) > FREE:
        marks["data-long"] = ""
    output_marks = {"data-output": ""}
    text, lexer = result["output"], "text"
    if result["error"]:
        text += result["error"]["traceback"]
        output_marks["data-raises"] = result["error"]["type"]
        lexer = "pytb"
    if "measured" in block.options:
        output_marks["data-measured"] = ""
    page = block.page.relative_to(ROOT / "docs" / block.language)
    if not source and not html:  # MkDocs does not see what a hidden block writes
        text = PAGE_LINK.sub(lambda m: f"]({address(page, m[1])}{m[2] or ''})", text)
    if not source:
        text = WORD.sub(lambda match: match[2] if match[1] == block.language else "", text)
    fences = _fence("python", marks), _fence(lexer, output_marks)
    if html and not source:
        return provenance.mark(text, block)
    made = base_format(
        language=fences[0],
        run=lambda *_, **__: text.rstrip("\n") if source else text,
        transform_source=lambda _: (shown, shown),
        code=shown,
        md=md,
        html=html,
        source=source,
        result=fences[1] if source and text.strip() and not html else "",
        id_prefix="",
    )
    return notice + provenance.mark(made, block)


def _fence(lexer: str, marks: dict[str, str]) -> str:
    """The opening of a fence that puts marks on the element around the code."""
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in marks.items())
    return f"{{ .{lexer} {attributes} }}"


def failures() -> list[str]:
    """One message for each block that failed, in page order; waits for all that still runs."""
    return [
        f"{', '.join(block.at for block in of_block)}: {_described(of_block[0], result, 1)}"
        for of_block, result in runner.failed()
    ]


def _described(block: Block, result: dict, language: int) -> str:
    """What went wrong, where, and the details: `language` is the index into `WORDS`."""
    where = result.get("where") or " ".join(f"snippets/{name}" for name in block.snippets)
    what = WORDS[result["failure"]][language].format(
        raises=block.options.get("raises"),
        timeout=f"{float(block.options.get('timeout', TIMEOUT)):g}",
        exit=result.get("exit"),
        lacks=result.get("lacks"),
    )
    # What was printed may say more than the exception: a program that the block started, for one.
    details = result["output"][-2000:] + (result["error"] or {}).get("traceback", "")
    place = f"session '{block.session}', block {block.number}{where and ', '}{where}"
    return f"{place}: {what}\n{details}".rstrip()


def _lacking(block: Block, lacks: str) -> str:
    """Say above the code of a block that it cannot run here."""
    number = LANGUAGES.index(block.language)
    title = ("未运行：缺少 {}", "Not run: {} is missing")[number].format(lacks)
    words = WORDS["lacking"][number].format(lacks=lacks)
    return (
        f'<div class="admonition note"><p class="admonition-title">{escape(title)}</p>'
        f"<p>{escape(words)}</p></div>"
    )


def _failed(block: Block, result: dict) -> str:
    """Show a failure in the block's place."""
    if result["failure"] == "skipped":
        return ""
    number = LANGUAGES.index(block.language)
    head, _, details = _described(block, result, number).partition("\n")
    title = ("构建时失败", "Failed while building")[number]
    return (
        f'<div class="admonition failure"><p class="admonition-title">{title}</p>'
        f"<p>{escape(block.at)}: {escape(head)}</p><pre>{escape(details)}</pre></div>"
    )
