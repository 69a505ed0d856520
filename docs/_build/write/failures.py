"""What an author reads where a result should be: in the terminal in English, on a page in its language."""

from __future__ import annotations

from sources import Block, relative

WORDS = {
    "zh": {
        "raised": "代码抛出了异常",
        "lacking": "本机没有安装 {lacks}。安装：pip install -r requirements.txt；若它没有适合本机的安装包，"
        "请换用 Linux、macOS 或 Windows 上的 Python 3.11 至 3.13",
        "missed": "代码应当抛出 {raises}，却没有",
        "value": "正文里有算不出的值：{wrong}",
        "hung": "代码超过时限（{timeout} 秒）仍未结束",
        "died": "进程中途退出（退出码 {exit}；负数为信号，-9 多为内存不足）",
        "flooded": "代码打印的内容太多",
        "source": "源文件有误",
        "not run": "未运行：缺少 {lacks}",
        "failed": "构建时失败",
    },
    "en": {
        "raised": "the code raised an exception",
        "lacking": "{lacks} is not installed here. To get it: pip install -r requirements.txt; where it "
        "has no wheel, use Python 3.11 to 3.13 on Linux, macOS or Windows",
        "missed": "the code was expected to raise {raises} and did not",
        "value": "a value in the prose cannot be said: {wrong}",
        "hung": "the code did not finish within its limit of {timeout} s",
        "died": "the process died (exit code {exit}; negative: a signal, -9 is often lack of memory)",
        "flooded": "the code printed too much",
        "source": "something in the sources is wrong",
        "not run": "Not run: {lacks} is missing",
        "failed": "Failed while building",
    },
}


def described(block: Block, result: dict, language: str = "en") -> str:
    """What went wrong with a block, where, and the details."""
    where = result.get("where") or " ".join(f"snippets/{name}" for name in block.snippets)
    what = WORDS[language][result["failure"]].format(
        raises=block.options.get("raises"),
        timeout=result.get("timeout"),
        exit=result.get("exit"),
        lacks=result.get("lacks"),
        wrong="; ".join(wrong_values(result)),
    )
    # What was printed may say more than the exception: a program that the block started, for one.
    details = result["output"][-2000:] + (result["error"] or {}).get("traceback", "")
    place = f"session '{block.session}', block {block.number}" if block.number else ""
    head = ", ".join(filter(None, [place or f"session '{block.session}'", where]))
    return f"{head}: {what}\n{details}".rstrip()


def wrong_values(result: dict) -> list[str]:
    """Of each value that cannot be said its source and what is wrong with it."""
    said = result.get("values", {}).items()
    return [f"{{{{ {source} }}}}: {told[1]}" for source, told in said if len(told) > 1]


def message(cell, result: dict) -> str:
    """One message for the terminal; `cell`: what failed (`run.runner.Cell`)."""
    if cell.blocks:
        return f"{cell.at}: {described(cell.blocks[0], result)}"
    if result["failure"] != "value":
        details = (result["error"] or {}).get("traceback", "")
        return f"{cell.at}: the values of the prose: {result['failure']}\n{details}".rstrip()
    return "\n".join(
        f"{', '.join(f'{relative(page)}:{value.line}' for page, value in cell.values[source])}: "
        f"{{{{ {source} }}}}: {told[1]}"
        for source, told in result["values"].items()
        if len(told) > 1
    )


def lacking(block: Block, lacks: str) -> list[str]:
    """Say above the code of a block that it cannot run here."""
    words = WORDS[block.language]
    return _box("note", words["not run"].format(lacks=lacks), words["lacking"].format(lacks=lacks))


def note(block: Block, result: dict) -> list[str]:
    """Show a failure in the block's place."""
    head, _, details = described(block, result, block.language).partition("\n")
    return _box("failure", WORDS[block.language]["failed"], f"{block.at}: {head}", details)


def _box(kind: str, title: str, words: str, details: str = "") -> list[str]:
    text = ["", "````text", *details.split("\n"), "````"] if details else []
    plain = words.replace("<", "&lt;").replace("*", r"\*").replace("_", r"\_")
    return [f'!!! {kind} "{title}"', *(f"    {line}" for line in [plain, *text]), ""]
