"""What an author reads where a result should be: in the terminal in English, on a page in its language."""

from __future__ import annotations

from sources import Block, Figure, relative

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


def message(task, result: dict) -> str:
    """One message for the terminal; `task`: what failed (`run.runner.Task`)."""
    if task.blocks:
        return f"{task.at}: {described(task.blocks[0], result)}"
    if result["failure"] != "value":
        return f"{task.at}: {_said(result, 'en')}"
    return "\n".join(
        f"{', '.join(f'{relative(page)}:{value.line}' for page, value in task.values[source])}: "
        f"{{{{ {source} }}}}: {wrong}"
        for source, wrong in _wrong(result).items()
    )


def described(block: Block, result: dict, language: str = "en") -> str:
    """Where in its session a block failed, what went wrong, and the details."""
    session = f"session '{block.session}'"
    number = f"block {block.number}" if block.number else ""  # a figure has none
    where = result.get("where") or " ".join(f"snippets/{name}" for name in block.snippets)
    said = _said(result | {"raises": block.options.get("raises")}, language)
    if isinstance(block, Figure) and result["error"]:  # what to do, on the line that says where
        said = said.replace("\n", f": {result['error']['message']}\n", 1)
    return f"{', '.join(filter(None, [session, number, where]))}: {said}"


def _said(result: dict, language: str) -> str:
    """What went wrong, and on the next lines the details."""
    wrong = "; ".join(f"{{{{ {source} }}}}: {what}" for source, what in _wrong(result).items())
    what = WORDS[language][result["failure"]].format(wrong=wrong, **result)
    # What was printed may say more than the exception: a program that the block started, for one.
    details = result["output"][-2000:] + (result["error"] or {}).get("traceback", "")
    return f"{what}\n{details}".rstrip()


def _wrong(result: dict) -> dict[str, str]:
    """What is wrong with each value that cannot be said, by its source."""
    said = result.get("values", {}).items()
    return {source: told[1] for source, told in said if len(told) > 1}
