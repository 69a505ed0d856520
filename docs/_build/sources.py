"""What authors write: fenced blocks in pages, named regions and paired lines in snippets.

Everything is plain markdown-exec and pymdownx.snippets. This module only reads it, keeps where
each line came from, and names the file and line of whatever is wrong.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = ROOT / "snippets"
LANGUAGES = ("zh", "en")

MARKER = re.compile(r"\s*# --8<-- \[(?P<kind>start|end):(?P<name>[a-z][a-z0-9_-]*)\]\s*")
INCLUDE = re.compile(r"\s*--8<-- [\"'](?P<path>[^:\"']+)(?::(?P<region>[^\"']+))?[\"']\s*")
FENCE = re.compile(r"(?P<indent>[ ]*)(?P<fence>`{3,})python (?P<options>.*\bexec=\"on\".*)")
OPTION = re.compile(r'(\w+)="([^"]*)"')
# A whole-line comment or docstring line of one language, or a statement of one language.
TAGGED = re.compile(r"(?P<indent>\s*)(?P<hash># )?(?P<lang>zh|en): ?(?P<text>.*)")
VARIANT = re.compile(r"(?P<code>.*\S)  # (?P<lang>zh|en)")
# A line break inside a Chinese sentence would show as a space.
HAN = r"[\u3001-\u9fff\uff01-\uff5e]"
BETWEEN_HAN = re.compile(rf"\n(?<={HAN}\n) *(?={HAN})")


class SourceError(Exception):
    """Something an author wrote is wrong; the message starts with ``file:line:``."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{relative(path)}:{line}: {problem}")


@dataclass(frozen=True)
class Line:
    """A line of code and the file and line number that it was written on."""

    text: str
    path: Path
    number: int


@dataclass
class Block:
    """An executable fence of a page, with its includes resolved."""

    page: Path
    line: int
    number: int  # within its session, from 1
    options: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    snippets: list[str] = field(default_factory=list)  # "basics/autograd.py:chain-rule"
    problem: str = ""

    @cached_property
    def at(self) -> str:
        return f"{relative(self.page)}:{self.line}"

    @cached_property
    def language(self) -> str:
        return "en" if "en" in self.page.relative_to(ROOT).parts else "zh"

    @property
    def session(self) -> str:
        return self.options.get("session") or f"line-{self.line}"

    @property
    def is_view(self) -> bool:
        """A hidden block looks at its session and never changes it."""
        return not self.options.get("source")

    @property
    def code(self) -> str:
        return "\n".join(line.text for line in self.lines)


@cache
def relative(path: Path) -> str:
    """Name a file as the author knows it, from the root of the repository."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def read(path: Path) -> list[str]:
    """Read a text file as lines.

    Raises:
        SourceError: The file is missing or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SourceError(
            path,
            line,
            f"not UTF-8 (byte 0x{error.object[error.start]:02x}); save the file as UTF-8",
        ) from None
    except OSError as error:
        raise SourceError(path, 1, f"cannot be read ({error.strerror}); check the name") from None


def regions(path: Path) -> dict[str, list[Line]]:
    """Cut a snippet file into its named regions, dedented, without markers.

    Raises:
        SourceError: A region is opened twice, never closed, never opened or empty, or a
            translated line has no twin.
    """
    return _regions(path, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _regions(path: Path, _mtime: int) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    opened: dict[str, int] = {}
    lines = [Line(text, path, number) for number, text in enumerate(read(path), 1)]
    check_pairs(lines)
    for line in lines:
        if marker := MARKER.fullmatch(line.text):
            name = marker["name"]
            if marker["kind"] == "start":
                if name in found:
                    raise SourceError(
                        path,
                        line.number,
                        f"region '{name}' is opened twice; give each its own name",
                    )
                found[name], opened[name] = [], line.number
            elif opened.pop(name, None) is None:
                raise SourceError(
                    path,
                    line.number,
                    f"region '{name}' is closed but not open; add its [start:{name}]",
                )
            elif not any(inside.text.strip() for inside in found[name]):
                raise SourceError(
                    path,
                    line.number,
                    f"region '{name}' is empty; give it code or remove it",
                )
        else:
            if "--8<--" in line.text and line.text.lstrip().startswith("#"):
                raise SourceError(
                    path,
                    line.number,
                    "not a region marker; write '# --8<-- [start:name]', name in lower case",
                )
            for name in opened:
                found[name].append(line)
    for name, number in opened.items():
        raise SourceError(
            path,
            number,
            f"region '{name}' is never closed; add '# --8<-- [end:{name}]'",
        )
    return {name: _dedent(inside) for name, inside in found.items()}


def _dedent(lines: list[Line]) -> list[Line]:
    while lines and not lines[-1].text.strip():
        lines = lines[:-1]
    while lines and not lines[0].text.strip():
        lines = lines[1:]
    texts = textwrap.dedent("\n".join(line.text for line in lines)).split("\n")
    return [Line(text, line.path, line.number) for text, line in zip(texts, lines, strict=True)]


def _tag(text: str) -> tuple[str, tuple] | None:
    """The language of a line that is for one language only, and what its twin must share."""
    if tagged := TAGGED.fullmatch(text):
        return tagged["lang"], (tagged["indent"], tagged["hash"])
    if variant := VARIANT.fullmatch(text):
        return variant["lang"], (len(text) - len(text.lstrip()), "statement")
    return None


def check_pairs(lines: list[Line]) -> None:
    """Require every run of n ``zh`` lines to be followed by n ``en`` lines of the same kind.

    Raises:
        SourceError: One half is missing.
    """
    waiting: list[tuple[Line, tuple]] = []  # zh lines whose en line has not come yet
    answering = False
    for line in [
        *lines,
        Line("", lines[-1].path, lines[-1].number) if lines else Line("", ROOT, 0),
    ]:
        tag = _tag(line.text)
        if tag and tag[0] == "zh" and not (answering and waiting):
            waiting.append((line, tag[1]))
            answering = False
        elif tag and tag[0] == "en":
            if not waiting or waiting[0][1] != tag[1]:
                raise SourceError(
                    line.path,
                    line.number,
                    "an 'en' line without its 'zh' line directly above; write both",
                )
            waiting.pop(0)
            answering = True
        elif waiting:
            first = waiting[0][0]
            raise SourceError(
                first.path,
                first.number,
                "a 'zh' line without its 'en' line directly below; write both",
            )


@cache
def in_language(code: str, language: str) -> str:
    """Keep the lines of one language, without their tags. Every language has as many lines."""
    kept = []
    for text in code.split("\n"):
        if tagged := TAGGED.fullmatch(text):
            if tagged["lang"] == language:
                kept.append(f"{tagged['indent']}{tagged['hash'] or ''}{tagged['text']}")
        elif variant := VARIANT.fullmatch(text):
            if variant["lang"] == language:
                kept.append(variant["code"])
        else:
            kept.append(text)
    return "\n".join(kept)


def origins(lines: list[Line]) -> list[Line]:
    """The lines that remain in one language, in order, with where they came from."""
    return [line for line in lines if (_tag(line.text) or ("en",))[0] == "en"]


def blocks(page: Path) -> list[Block]:
    """Find the executable fences of a page, in order, with their code.

    A block whose include is wrong carries the problem instead of raising, so that a page
    can show it in the block's place.
    """
    found: list[Block] = []
    numbers: dict[str, int] = {}
    current, fence = None, None
    for number, line in enumerate(read(page), 1):
        if current is None:
            if fence := FENCE.fullmatch(line):
                current = Block(page, number, 0, dict(OPTION.findall(fence["options"])))
                numbers[current.session] = current.number = numbers.get(current.session, 0) + 1
        elif line.strip() == fence["fence"]:
            found.append(current)
            current = None
        elif include := INCLUDE.fullmatch(line):
            try:
                current.lines += _included(current, number, include["path"], include["region"])
            except SourceError as error:
                current.problem = current.problem or str(error)
            current.snippets.append(f"{include['path']}:{include['region']}")
        else:
            current.lines.append(Line(line.removeprefix(fence["indent"]), page, number))
    if current is not None:
        current.problem = f"{current.at}: the fence is never closed; end it with {fence['fence']}"
        found.append(current)
    return found


def _included(block: Block, number: int, name: str, region: str | None) -> list[Line]:
    path = SNIPPETS / name
    if not path.is_file():
        raise SourceError(block.page, number, f"no file snippets/{name}; check the name")
    named = regions(path)
    if region not in named:
        known = ", ".join(named) or "none"
        raise SourceError(
            block.page,
            number,
            f"snippets/{name} has no region '{region}' (it has: {known})",
        )
    return named[region]


def stamp(markdown: str, blocks: list[Block]) -> str:
    """Write into each executable fence where it stands, and put its included code in its body.

    Args:
        markdown: the text of a page; `blocks`: its blocks in order.
    """
    found = iter(blocks)
    stamped, fence, body = [], None, False
    for line in markdown.split("\n"):
        if fence is None:
            if fence := FENCE.fullmatch(line):
                block = next(found)
                line = f'{line} at="{block.at}"'
                body = True
            stamped.append(line)
        elif line.strip() == fence["fence"]:
            fence = None
            stamped.append(line)
        elif body:
            code = block.code if not block.problem else "pass"
            stamped += [fence["indent"] + text for text in code.split("\n")]
            body = False
    return "\n".join(stamped)


def pages(language: str) -> dict[str, Path]:
    """The pages of a language by the path that they share with their twin."""
    folder = ROOT / "docs" / language
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.md"))}


def address(page: PurePath, target: str) -> str:
    """A link from one page to another, both ``.md`` files, as the address that it has on the site.

    Args:
        page: where the link stands, from the language's folder; `target`: as the link has it.
    """
    folders = [
        re.sub(r"(?:^|/)index$", "", path.removesuffix(".md"))
        for path in (posixpath.normpath((page.parent / target).as_posix()), page.as_posix())
    ]
    return posixpath.relpath(folders[0] or ".", folders[1] or ".") + "/"


def survey() -> tuple[dict[str, dict[str, list[Block]]], list[str]]:
    """The blocks of all pages, by name and language, and all that can be seen wrong without running."""
    found: dict[str, dict[str, list[Block]]] = {}
    problems: list[str] = []
    twins = {language: pages(language) for language in LANGUAGES}
    for name in sorted({name for of_language in twins.values() for name in of_language}):
        found[name] = {}
        for language, of_language in twins.items():
            if name not in of_language:
                (have,) = (other for other in LANGUAGES if other != language)
                problems.append(f"docs/{have}/{name}:1: has no twin; write docs/{language}/{name}")
                continue
            try:
                found[name][language] = blocks(of_language[name])
            except SourceError as error:
                problems.append(str(error))
                continue
            problems += [block.problem for block in found[name][language] if block.problem]
    for path in sorted(SNIPPETS.rglob("*.py")):
        try:
            if not read(path) and path.name != "__init__.py":
                raise SourceError(path, 1, "the snippet is empty; write it or remove it")
            regions(path)
        except SourceError as error:
            problems.append(str(error))
    return found, list(dict.fromkeys(problems))
