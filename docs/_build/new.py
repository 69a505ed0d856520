"""Make a page that passes all tests at once, with its code, tests, figure and reference:

    python docs/_build/new.py <part>/<name> "中文标题" "English title"

What it teaches is an example, to be written over. The templates are in ``templates/new``.
Imports `publish.cards`, `sources`.
"""

import re
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from publish import cards
from sources import ROOT

TEMPLATES = Path(__file__).parent / "templates" / "new"
PAGE = re.compile(r"(?P<part>[a-z][a-z0-9-]*)/(?P<name>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
TARGETS = {  # by template
    "zh.md": "docs/zh/@page@",
    "en.md": "docs/en/@page@",
    "figures.py": "docs/figures/@path@.py",
    "snippet.py": "snippets/@path@.py",
    "exercises.py": "snippets/@path@_exercises.py",
    "test.py": "tests/snippets/@part@/test_@module@.py",
    "test_exercises.py": "tests/snippets/@part@/test_@module@_exercises.py",
    "reference.zh.md": "docs/zh/reference/@page@",
    "reference.en.md": "docs/en/reference/@page@",
}
LISTED = {  # by file: below the last line of which kind another one is written
    "mkdocs.yml": [
        (r"      - .*: @part@/.*\.md", "      - @zh-yaml@: @page@"),
        (r"          - .*: reference/@part@/.*\.md", "          - @dotted@: reference/@page@"),
        (
            r"            @before@: .*|          nav_translations:",
            "            @zh-yaml@: @en-yaml@",
        ),
    ],
    "docs/zh/reference/index.md": [
        (
            r"\| \[`@part@\..*",
            "| [`@dotted@`](@page@)、[`@dotted@_exercises`](@page@) | [@zh@](../@page@) |",
        )
    ],
    "docs/en/reference/index.md": [
        (
            r"\| \[`@part@\..*",
            "| [`@dotted@`](@page@), [`@dotted@_exercises`](@page@) | [@en@](../@page@) |",
        )
    ],
}


def filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@([a-z-]+)@", lambda name: words[name[1]], text)


def quoted(title: str) -> str:
    """A title as YAML has it."""
    return yaml.safe_dump(title, allow_unicode=True, width=1000).split("\n")[0]


def made(page: str, zh: str, en: str) -> dict[Path, str]:
    """All files that the page needs, new or changed, with their text.

    Raises:
        ValueError: There can be no such page.
    """
    named = PAGE.fullmatch(page)
    if not named:
        raise ValueError(f"{page!r} is no part/name in lower case, its words joined by hyphens")
    if not zh.strip() or not en.strip():
        raise ValueError("a title is missing: a Chinese one and an English one are needed")
    if re.search(r"[一-鿿]", en):
        raise ValueError(f"the second title is in English, which {en!r} is not")
    part, name = named["part"], named["name"]
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    in_part = re.findall(rf"(?m)^      - (.*): {part}/", settings)
    if not in_part:
        parts = ", ".join(dict.fromkeys(re.findall(r"(?m)^      - .*: ([a-z-]+)/", settings)))
        raise ValueError(f"no part {part!r} in mkdocs.yml; there are {parts}")
    if re.search(rf"(?m)^ +(?:- )?{re.escape(quoted(zh))}:", settings):
        raise ValueError(f"another page has the title {zh!r}")
    module = name.replace("-", "_")
    words = {"page": f"{page}.md", "part": part, "name": name, "module": module, "zh": zh, "en": en}
    words |= {"path": f"{part}/{module}", "dotted": f"{part}.{module}", "before": in_part[-1]}
    words |= {"zh-yaml": quoted(zh), "en-yaml": quoted(en)}
    files = {}
    for template, target in TARGETS.items():
        path = ROOT / filled(target, words)
        if path.exists():
            raise ValueError(f"{path.relative_to(ROOT)} exists")
        files[path] = filled((TEMPLATES / template).read_text("utf-8"), words)
    literal = {key: re.escape(word) for key, word in words.items()}
    for file, lines in LISTED.items():
        text = (ROOT / file).read_text("utf-8")
        for pattern, line in lines:
            *_, last = re.finditer(f"(?m)^(?:{filled(pattern, literal)})$", text)
            text = f"{text[: last.end()]}\n{filled(line, words)}{text[last.end() :]}"
        files[ROOT / file] = text
    return files


def main(page: str = "", zh: str = "", en: str = "") -> None:
    try:
        files = made(page, zh, en)
    except ValueError as error:
        sys.exit(str(error))
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(ROOT))
    print("Write over the example; name the chapter on the home pages, docs/*/index.md.")
    if letters := cards.unwritable(zh + en):
        how = (cards.FONTS / "README.txt").read_text("utf-8").partition("    for ")
        print(f"The cards' fonts lack {letters}. Cut them anew:\n\n{''.join(how[1:])}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
