"""The formatter of executable Python blocks: markdown-exec renders, `runner` runs.

Registered as markdown-exec's own formatter for Python (see `hooks`), so that pages are written,
parsed and rendered as markdown-exec documents, and build with stock markdown-exec too.
"""

from __future__ import annotations

from html import escape
from typing import Any

from markdown_exec._internal.formatters.base import base_format
from runner import Runner
from sources import Block, in_language

runner = Runner()
failures: list[str] = []  # of the build that is under way

# What a page says, while it is being written, where a result should be.
WORDS = {
    "raised": ("代码抛出了异常", "the code raised an exception"),
    "missed": ("代码应当抛出 {raises}，却没有", "the code was expected to raise {raises} and did not"),
    "hung": ("代码超过时限（{timeout} 秒）仍未结束", "the code did not finish within its limit of {timeout} s"),
    "died": ("进程中途退出（退出码 {exit}；负数为信号，-9 多为内存不足）", "the process died (exit code {exit}; negative: a signal, -9 is often lack of memory)"),
    "flooded": ("代码打印的内容太多", "the code printed too much"),
    "source": ("源文件有误", "a source file is wrong"),
}


def format_python(*, code: str, md: Any, html: bool = False, source: str = "", **options: Any) -> str:
    """Render one block with its result, as markdown-exec's formatters do."""
    at = options["extra"].get("at", "")
    block, result = runner.result(at)
    if block.problem or result.get("failure"):
        return _failed(block, result)
    shown = in_language(block.code, block.language)
    marks = {"data-session": block.session, "data-snippet": " ".join(block.snippets)}
    output_marks = {"data-output": ""}
    text, lexer = result["output"], "text"
    if result["error"]:
        text += result["error"]["traceback"]
        output_marks["data-raises"] = result["error"]["type"]
        lexer = "pytb"
    if "measured" in block.options:
        output_marks["data-measured"] = ""
    return base_format(
        language=_fence("python", marks),
        run=lambda *_, **__: text.rstrip("\n") if source else text,
        transform_source=lambda _: (shown, shown),
        code=shown,
        md=md,
        html=html,
        source=source,
        result=_fence(lexer, output_marks) if source and text.strip() and not html else "",
        id=block.at,
        id_prefix="",
    )


def _fence(lexer: str, marks: dict[str, str]) -> str:
    """The opening of a fence that puts marks on the element around the code."""
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in marks.items() if value or "out" in name or "meas" in name)
    return f"{{ .{lexer} {attributes} }}"


def _failed(block: Block, result: dict) -> str:
    """Note a failure for the build, and show it in the block's place."""
    kind = "source" if block.problem else result["failure"]
    if kind == "skipped":
        return ""
    facts = {"timeout": block.options.get("timeout", ""), "raises": block.options.get("raises")}
    zh, en = (words.format(**facts | {"exit": result.get("exit")}) for words in WORDS[kind])
    details = block.problem or (result.get("error") or {}).get("traceback") or result["output"]
    place = result.get("where") or (f"snippets/{block.snippets[0]}" if block.snippets else "")
    head = f"{block.at}: session '{block.session}', block {block.number}"
    failures.append("\n".join(filter(None, [f"{head}: {en}" + (f" at {place}" if place else ""), details.rstrip()])))
    words = zh if block.language == "zh" else en
    return (
        f'<div class="admonition failure block-failure"><p class="admonition-title">{escape(words)}</p>'
        f"<p><code>{escape(head)}</code> <code>{escape(place)}</code></p>"
        f"<pre>{escape(details)}</pre></div>"
    )
