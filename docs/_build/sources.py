"""What authors type: pages of prose with values, blocks, figures; snippets. Imports nothing of ours.

A page is read once, into cells (`Page`). Everything is plain Markdown, markdown-exec's fences and
pymdownx.snippets' includes, but for two forms of ours: `{{ expression:format }}` in prose and
`![what it shows](figure:name)`. All that is found wrong names its file and line.
"""

from __future__ import annotations

import ast
import posixpath
import re
import textwrap
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import groupby, pairwise, zip_longest
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = ROOT / "snippets"
FIGURES = ROOT / "docs" / "figures"
LANGUAGES = ("zh", "en")

MARKER = re.compile(r"\s*# --8<-- \[(?P<kind>start|end):(?P<name>[a-z][a-z0-9_-]*)\]\s*")
INCLUDE = re.compile(r"\s*--8<-- [\"'](?P<path>[^:\"']+)(?::(?P<region>[^\"']+))?[\"']\s*")
FENCE = re.compile(r"(?P<indent>[ ]*)(?P<fence>`{3,})python (?P<options>.*\bexec=\"on\".*)")
OTHER_FENCE = re.compile(r"[ >]*(?P<fence>`{3,}|~{3,})")
OPTION = re.compile(r'(\w+)="([^"]*)"')
FIGURE = re.compile(r"(?P<indent> *)!\[(?P<alt>.*)\]\(figure:(?P<name>\w+)\) *")
NAMED = re.compile(r" *<!-- session: (?P<session>[\w-]+) -->")  # whose values follow
# A whole-line comment or docstring line of one language, or a statement of one language.
TAGGED = re.compile(r"(?P<indent>\s*)(?P<hash># )?(?P<lang>zh|en): ?(?P<text>.*)")
VARIANT = re.compile(r"(?P<code>.*\S)  # (?P<lang>zh|en)")
# A line break inside a Chinese sentence would show as a space.
HAN = r"[\u3001-\u9fff\uff01-\uff5e]"
BETWEEN_HAN = re.compile(rf"\n(?<={HAN}\n) *(?={HAN})")
# What may stand in prose around a value: where it is code, it is no value; in a formula, TeX.
TOKEN = re.compile(
    r"(?P<skip>(?m:^)[ >]*(?P<fence>`{3,}|~{3,})[^`\n]*\n(?:.*\n)*?[ >]*(?P=fence)[`~]* *(?m:$)"
    r"|<!--(?s:.)*?-->|(?<![`\\])(?P<ticks>`+)(?!`)(?:(?!\n\n)(?s:.))+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<blank>\n\s*\n)|(?P<formula>(?<!\\)\${1,2})|(?P<value>\{\{(?!\{))"
)
CONVERSION = re.compile(r"(?P<expression>.*\S)\s*!(?P<conversion>[rsa])\s*", re.DOTALL)


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


@dataclass(frozen=True)
class Value:
    """An expression in prose, as an f-string's braces would hold it.

    Attributes:
        source: expression, conversion and format; `line`: where it stands.
        start: of the braces, in the text of its cell; `end`: behind them.
        is_tex: whether it stands in a formula.
    """

    source: str
    line: int
    start: int
    end: int
    is_tex: bool


@dataclass
class Prose:
    """Markdown between blocks and figures; its values belong to a session."""

    page: Path
    line: int
    text: str
    session: str | None = None
    values: list[Value] = field(default_factory=list)


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
    indent: str = ""

    @cached_property
    def at(self) -> str:
        return f"{relative(self.page)}:{self.line}"

    @cached_property
    def language(self) -> str:
        return language_of(self.page)

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


@dataclass
class Figure(Block):
    """A figure in a page: the function that draws it, and what it shows, in words."""

    name: str = ""
    alt: Prose | None = None


@dataclass
class Page:
    """A page in one language, as cells in order."""

    path: Path
    cells: list[Prose | Block] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        return [cell for cell in self.cells if isinstance(cell, Block)]

    @property
    def name(self) -> str:
        """The path that it shares with its twin, such as ``basics/losses.md``."""
        return self.path.relative_to(ROOT / "docs" / self.language).as_posix()

    @cached_property
    def language(self) -> str:
        return language_of(self.path)


def language_of(page: Path) -> str:
    return "en" if page.is_relative_to(ROOT / "docs" / "en") else "zh"


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
        byte = f"byte 0x{error.object[error.start]:02x}"
        raise SourceError(path, line, f"not UTF-8 ({byte}); save the file as UTF-8") from None
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
    def wrong(number: int, problem: str) -> SourceError:
        return SourceError(path, number, problem)

    found: dict[str, list[Line]] = {}
    opened: dict[str, int] = {}
    lines = [Line(text, path, number) for number, text in enumerate(read(path), 1)]
    check_pairs(lines)
    for line in lines:
        marker = MARKER.fullmatch(line.text)
        if not marker:
            if "--8<--" in line.text and line.text.lstrip().startswith("#"):
                how = "write '# --8<-- [start:name]', name in lower case"
                raise wrong(line.number, f"not a region marker; {how}")
            for name in opened:
                found[name].append(line)
            continue
        name = marker["name"]
        if marker["kind"] == "start":
            if name in found:
                raise wrong(line.number, f"region '{name}' is opened twice; rename one of them")
            found[name], opened[name] = [], line.number
        elif opened.pop(name, None) is None:
            how = f"add its [start:{name}]"
            raise wrong(line.number, f"region '{name}' is closed but not open; {how}")
        elif not any(inside.text.strip() for inside in found[name]):
            raise wrong(line.number, f"region '{name}' is empty; give it code or remove it")
    for name, number in opened.items():
        raise wrong(number, f"region '{name}' is never closed; add '# --8<-- [end:{name}]'")
    return {name: _dedented(inside) for name, inside in found.items()}


def _dedented(lines: list[Line]) -> list[Line]:
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    lines = lines[filled[0] : filled[-1] + 1]
    texts = textwrap.dedent("\n".join(line.text for line in lines)).split("\n")
    return [Line(text, line.path, line.number) for text, line in zip(texts, lines, strict=True)]


def _tag(text: str) -> tuple[str, tuple]:
    """The language of a line that is for one language only, and what its twin must share."""
    if tagged := TAGGED.fullmatch(text):
        return tagged["lang"], (tagged["indent"], tagged["hash"])
    if variant := VARIANT.fullmatch(text):
        return variant["lang"], (len(text) - len(text.lstrip()), "statement")
    return "", ()


def check_pairs(lines: list[Line]) -> None:
    """Require every run of n ``zh`` lines to be followed by n ``en`` lines of the same kind.

    Raises:
        SourceError: One half is missing.
    """
    runs = [(of, list(run)) for of, run in groupby(lines, lambda line: _tag(line.text)[0])]
    for (first, above), (second, below) in pairwise([("", []), *runs, ("", [])]):
        if first != "zh" and second != "en":
            continue
        pairs = zip_longest(above if first == "zh" else [], below if second == "en" else [])
        for zh, en in pairs:
            if en and not (zh and _tag(zh.text)[1] == _tag(en.text)[1]):
                problem = "an 'en' line without its 'zh' line directly above; write both"
                raise SourceError(en.path, en.number, problem)
            if not en:
                problem = "a 'zh' line without its 'en' line directly below; write both"
                raise SourceError(zh.path, zh.number, problem)


@cache
def in_language(code: str, language: str) -> str:
    """Keep the lines of one language, without their tags. Every language has as many lines."""
    kept = []
    for text in code.split("\n"):
        if tagged := TAGGED.fullmatch(text):
            text = f"{tagged['indent']}{tagged['hash'] or ''}{tagged['text']}"
        elif variant := VARIANT.fullmatch(text):
            text = variant["code"]
        tag = tagged or variant
        if not tag or tag["lang"] == language:
            kept.append(text)
    return "\n".join(kept)


def origins(lines: list[Line]) -> list[Line]:
    """The lines that remain in one language, in order, with where they came from."""
    return [line for line in lines if _tag(line.text)[0] != "zh"]


def read_page(path: Path) -> Page:
    """Read a page into its cells, with their code.

    What is wrong with it stands in ``problems``, and in the block that it concerns, so that a page
    can show it in the block's place.

    Raises:
        SourceError: The file is missing or not UTF-8.
    """
    return _Reader(path).page


class _Reader:
    """Cuts a page into cells, line by line."""

    def __init__(self, path: Path) -> None:
        self.page = Page(path)
        self.prose: list[str] = []
        self.session: str | None = None  # whose values stand in the prose
        self.numbers: dict[str, int] = {}
        texts = read(path)
        front = texts.index("---", 1) + 1 if texts[:1] == ["---"] and "---" in texts[1:] else 0
        lines = enumerate(texts[front:], front + 1)
        quoted, number = "", front  # the fence of code that is only shown
        for number, line in lines:
            if quoted:
                quoted = "" if line.strip(" >").startswith(quoted) else quoted
            elif fence := FENCE.fullmatch(line):
                self.end(number)
                self.block(number, fence, lines)
                continue
            elif figure := FIGURE.fullmatch(line):
                self.end(number)
                self.figure(number, figure)
                continue
            elif named := NAMED.fullmatch(line):
                self.end(number)
                self.session = named["session"]
                continue
            elif other := OTHER_FENCE.match(line):
                quoted = other["fence"]
            self.prose.append(line)
        self.end(number + 1)

    def end(self, number: int) -> None:
        """Close the prose that ends before a line."""
        if self.prose:
            text = "\n".join(self.prose)
            self.page.cells.append(self.valued(number - len(self.prose), text))
            self.prose = []

    def valued(self, line: int, text: str) -> Prose:
        """Prose with its values."""
        cell = Prose(self.page.path, line, text, self.session)
        try:
            cell.values = values(cell)
            if cell.values and not self.session:
                how = "write it below the block that it needs, or name a session above it"
                how = f"a value before any block: {how}: <!-- session: name -->"
                raise SourceError(cell.page, cell.values[0].line, how)
        except SourceError as error:
            self.page.problems.append(str(error))
            cell.values = []
        return cell

    def block(self, number: int, fence: re.Match, lines) -> None:
        block = Block(self.page.path, number, 0, dict(OPTION.findall(fence["options"])))
        block.indent = fence["indent"]
        self.session = block.session
        block.number = self.numbers[block.session] = self.numbers.get(block.session, 0) + 1
        self.page.cells.append(block)
        for at, line in lines:
            if line.strip() == fence["fence"]:
                break
            if include := INCLUDE.fullmatch(line):
                block.snippets.append(f"{include['path']}:{include['region']}")
                try:
                    block.lines += _included(block.page, at, include["path"], include["region"])
                except SourceError as error:
                    block.problem = block.problem or str(error)
            else:
                block.lines.append(Line(line.removeprefix(fence["indent"]), block.page, at))
        else:
            closing = f"the fence is never closed; end it with {fence['fence']}"
            block.problem = f"{block.at}: {closing}"
        if block.problem:
            self.page.problems.append(block.problem)

    def figure(self, number: int, match: re.Match) -> None:
        path, name = self.page.path, match["name"]
        figure = Figure(path, number, 0, {"html": "on", "session": self.session or ""})
        figure.indent, figure.name = match["indent"], name
        figure.alt = self.valued(number, match["alt"])
        module = FIGURES / Path(self.page.name.replace("-", "_")).with_suffix(".py")
        try:
            known = drawings(module) if module.is_file() else {}
            where, has = relative(module), ", ".join(known) or "none"
            lacks = (
                f"{where} has no function '{name}' (it has: {has}); write it, or correct the name"
            )
            wordless = (
                f"figure '{name}' needs words that say what it shows: write ![words](figure:{name})"
            )
            for is_wrong, problem in (
                (not self.session, "a figure before any block has nothing to draw"),
                (not match["alt"].strip(), wordless),
                (name not in known, lacks),
            ):
                if is_wrong:
                    raise SourceError(path, number, problem)
            figure.lines = known[name]
        except SourceError as error:
            figure.problem = str(error)
            self.page.problems.append(figure.problem)
        self.page.cells.append(figure)


def _included(page: Path, number: int, name: str, region: str | None) -> list[Line]:
    path = SNIPPETS / name
    if not path.is_file():
        raise SourceError(page, number, f"no file snippets/{name}; check the name")
    named = regions(path)
    if region not in named:
        has = f"(it has: {', '.join(named) or 'none'})"
        raise SourceError(page, number, f"snippets/{name} has no region '{region}' {has}")
    return named[region]


def values(cell: Prose) -> list[Value]:
    """Find the values in prose: `{{ … }}`, but not in code.

    Raises:
        SourceError: One is never closed, or is no expression.
    """
    found, position, formula = [], 0, ""
    while match := TOKEN.search(cell.text, position):
        position = match.end()
        if match["blank"]:
            formula = formula if formula == "$$" else ""
        elif mark := match["formula"]:
            formula = "" if formula and mark.startswith(formula) else formula or mark
        elif match["value"]:
            line = cell.line + cell.text.count("\n", 0, match.start())
            parts = cell.text[position:].partition("\n\n")[0].split("}}")
            # An expression may hold such braces itself, in a dict: the first that closes one counts.
            tries = ("}}".join(parts[:count]) for count in range(1, len(parts)))
            inner = next((text for text in tries if parsed(" ".join(text.split()))), None)
            if inner is None:
                problem = "an unclosed '{{', or no expression in it; end it with '}}'"
                raise SourceError(cell.page, line, problem)
            position += len(inner) + 2
            source = " ".join(inner.split())
            found.append(Value(source, line, match.start(), position, bool(formula)))
    return found


@cache
def parsed(source: str) -> ast.Expression | None:
    """A value's source as the expression of an f-string, None where it is none."""
    # A colon may also belong to the expression: the longest part that is one counts.
    for end in [len(source), *(n for n, letter in enumerate(source) if letter == ":")]:
        expression, spec, conversion = source[:end].strip(), source[end + 1 :], -1
        if match := CONVERSION.fullmatch(expression):
            expression, conversion = match["expression"], ord(match["conversion"])
        try:
            body = ast.parse(f"(\n{expression}\n)", mode="eval").body if expression else None
            form = ast.parse(f"f{spec!r}", mode="eval").body
        except (SyntaxError, ValueError):
            continue
        if body and not isinstance(body, ast.NamedExpr):  # to an f-string, `x:=5` is a format
            value = ast.FormattedValue(body, conversion, form)
            return ast.fix_missing_locations(ast.Expression(ast.JoinedStr([value])))
    return None


def drawings(path: Path) -> dict[str, list[Line]]:
    """The functions of a module of figures, by name, each with the rest of the module that it uses.

    Raises:
        SourceError: It is no Python.
    """
    return _drawings(path, path.stat().st_mtime_ns)


@cache
def _drawings(path: Path, _mtime: int) -> dict[str, list[Line]]:
    lines = [Line(text, path, number) for number, text in enumerate(read(path), 1)]
    try:
        tree = ast.parse("\n".join(line.text for line in lines))
    except SyntaxError as error:
        raise SourceError(path, error.lineno or 1, f"no Python: {error.msg}") from None
    public = {
        node.name: set(range(node.lineno, (node.end_lineno or 0) + 1))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    every = set().union(*public.values())
    return {
        name: [line for line in lines if line.number not in every - own]
        for name, own in public.items()
    }


def blocks(path: Path) -> list[Block]:
    """The executable blocks of a page, in order; figures are among them."""
    return read_page(path).blocks


def pages(language: str) -> dict[str, Path]:
    """The pages of a language by the path that they share with their twin."""
    folder = ROOT / "docs" / language
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.md"))}


def address(page: PurePath, target: str) -> str:
    """A link from one page to another, both ``.md`` files, as the address that it has on the site.

    Args:
        page: where the link stands, from the language's folder; `target`: as the link has it.
    """
    there, here = (
        re.sub(r"(?:^|/)index$", "", posixpath.normpath(path.as_posix()).removesuffix(".md"))
        for path in (page.parent / target, page)
    )
    return posixpath.relpath(there or ".", here or ".") + "/"


def survey() -> tuple[dict[str, dict[str, Page]], list[str]]:
    """All pages, by name and language, and all that can be seen wrong without running."""
    found: dict[str, dict[str, Page]] = {}
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
                page = found[name][language] = read_page(of_language[name])
                problems += page.problems
            except SourceError as error:
                problems.append(str(error))
        problems += _unused(found[name])
    for path in sorted(SNIPPETS.rglob("*.py")):
        try:
            if not read(path) and path.name != "__init__.py":
                raise SourceError(path, 1, "the snippet is empty; write it or remove it")
            regions(path)
        except SourceError as error:
            problems.append(str(error))
    return found, list(dict.fromkeys(problems))


def _unused(twins: dict[str, Page]) -> list[str]:
    """What is wrong with the figures of a page that not all its languages use."""
    used = {
        relative(page.path): {
            block.name: block for block in page.blocks if isinstance(block, Figure)
        }
        for page in twins.values()
    }
    return [
        f"{block.at}: figure '{name}' is not used by {other}; show it in both"
        for of_page in used.values()
        for name, block in of_page.items()
        for other, of_other in used.items()
        if name not in of_other
    ]
