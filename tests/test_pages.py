"""The pages: each has its twin, which says the same in the same order, and types no result."""

import ast
import copy
import math
import re

import pytest
import yaml
from sources import (
    LANGUAGES,
    ROOT,
    SNIPPETS,
    VARIANT,
    Figure,
    Prose,
    blocks,
    pages,
    parsed,
    read_page,
    regions,
    relative,
    survey,
)

ZH, EN = (pages(language) for language in LANGUAGES)
NAMES = sorted(ZH.keys() & EN.keys())

FENCED = re.compile(r"^( *)(`{3,})[^\n]*\n(.*?)^\1\2\s*$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) .*?(?:\{ *#([\w-]+)[^}]*\})?\s*$", re.MULTILINE)
ADMONITION = re.compile(r"^ *(?:!!!|\?\?\?\+?|===) *\"?(\w*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$\n]+?)\$", re.DOTALL)


VALUE = re.compile(r"\{\{(?!\{)(?:(?!\n\n).)*? \}\}", re.DOTALL)
FIGURES = re.compile(r"(?m)^ *!\[.*\]\(figure:\w+\) *$")


def prose(path) -> str:
    """A page without its front matter and without any fenced block."""
    text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text("utf-8"), flags=re.DOTALL)
    return FENCED.sub("", text)


class Wordless(ast.NodeTransformer):
    """Takes the words from code, not what stands between them."""

    def visit_Constant(self, node):
        if node.value in (1e8, 1e9):  # 亿 and billion are words, too
            return ast.Constant(1e9)
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        self.generic_visit(node)
        kept = [each for each in node.values if isinstance(each, ast.FormattedValue)]
        node.values = sorted(kept, key=ast.dump)
        return node if kept else ast.Constant("")


def told(path) -> set[str]:
    """The values that a page's prose says, but for the words in them."""
    found = set()
    for cell in read_page(path).cells:
        of = cell.alt if isinstance(cell, Figure) else cell
        for value in of.values if isinstance(of, Prose) else ():
            found.add(ast.dump(Wordless().visit(copy.deepcopy(parsed(value.source)))))
    return found


def shape(path) -> dict[str, list]:
    """What must be the same in both languages, in the order in which it stands."""
    text = prose(path)
    formulas = [
        (one, re.sub(r"\\text\{[^}]*\}|\s|\\,", "", one or two))
        for one, two in FORMULA.findall(VALUE.sub("{{ }}", FIGURES.sub("", text)))
    ]
    return {
        "headings": [(len(marks), name) for marks, name in HEADING.findall(text)],
        "blocks": [
            (
                block.session,
                tuple(block.snippets),
                {k: v for k, v in block.options.items() if k not in ("title", "tabs")},
            )
            for block in blocks(path)
        ],
        "figures": [b.name for b in blocks(path) if isinstance(b, Figure)],
        "values": told(path),
        "admonitions": [kind for kind in ADMONITION.findall(text) if kind],
        "links": sorted(LINK.findall(text)),
        # Text inside a formula is in the page's language; a sentence may name a symbol twice.
        "formulas": [tex for is_block, tex in formulas if is_block],
        "symbols": sorted({tex for is_block, tex in formulas if not is_block}),
        "tables": [
            line.count("|") for line in text.splitlines() if line.startswith("|")
        ],
    }


def test_every_page_has_its_twin_and_every_source_is_sound():
    assert ZH.keys() == EN.keys()
    assert survey()[1] == []


@pytest.mark.parametrize("path", sorted(SNIPPETS.rglob("*.py")), ids=relative)
def test_twin_statements_differ_in_their_words_alone(path):
    halves = {language: [] for language in LANGUAGES}
    for line in filter(
        None, map(VARIANT.fullmatch, path.read_text("utf-8").split("\n"))
    ):
        statement = Wordless().visit(ast.parse(line["code"].strip()))
        halves[line["lang"]].append(ast.dump(statement))
    assert halves["zh"] == halves["en"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", shape(ZH["index.md"]))
def test_twins_have_the_same_structure(name, part):
    assert shape(ZH[name])[part] == shape(EN[name])[part]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_a_title_a_description_and_named_headings(name, language):
    path = pages(language)[name]
    front = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])
    limits = (20, 120) if language == "zh" else (60, 200)
    assert front["title"]
    assert limits[0] <= len(front["description"]) <= limits[1], front["description"]
    headings = HEADING.findall(prose(path))
    assert [marks for marks, _ in headings].count("#") == 1
    assert [m for m, identifier in headings if m != "#" and not identifier] == []


def test_the_navigation_lists_every_page_once_with_an_english_title():
    class Loader(yaml.SafeLoader):
        pass

    def plain(loader, _suffix, node):
        return None if node.tag.startswith("!!") else getattr(node, "value", None)

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", plain)
    Loader.add_multi_constructor("!", plain)
    settings = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)
    listed, titles = [], []

    def walk(items):
        for item in items:
            if isinstance(item, str):
                listed.append(item)
                continue
            ((title, value),) = item.items()
            titles.append(title)
            walk(value) if isinstance(value, list) else listed.append(value)

    walk(settings["nav"])
    assert sorted(listed) == sorted(ZH)
    (i18n,) = [
        p["i18n"] for p in settings["plugins"] if isinstance(p, dict) and "i18n" in p
    ]
    (english,) = [each for each in i18n["languages"] if each["locale"] == "en"]
    untranslated = [
        title for title in titles if title not in english["nav_translations"]
    ]
    chinese = re.compile(r"[一-鿿]")
    assert [title for title in untranslated if chinese.search(title)] == []
    assert not any(
        chinese.search(title) for title in english["nav_translations"].values()
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_prose_is_written_as_prose(language):
    """Blocks that print Markdown are for what needs statements; lines of fences count."""
    hidden = [
        (len(block.lines) + 2, block.at)
        for path in pages(language).values()
        for block in blocks(path)
        if not isinstance(block, Figure) and block.is_view
    ]
    assert sum(lines for lines, _ in hidden) <= 100, (
        f"{hidden}: write sentences and tables as Markdown with values, {{{{ expression:format }}}};"
        " what an expression would not say plainly, let the snippet compute and name"
    )


def test_every_region_is_used_by_a_page():
    used = {
        name
        for path in ZH.values()
        for block in blocks(path)
        for name in block.snippets
    }
    known = {
        f"{path.relative_to(SNIPPETS).as_posix()}:{region}"
        for path in SNIPPETS.rglob("*.py")
        for region in regions(path)
    }
    assert known - used == set()


# What may carry digits in prose: dates, versions, names, sources, numbers of sections. Whatever
# else is a number is given (then it is written as code or as a formula) or comes from a run.
NAMED = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"|\d{4}(?: 年(?: ?\d+ 月)?(?: ?\d+ 日)?)?(?=\D|$)"
    r"|(?:arXiv|RFC|ISBN|doi|CVE)[-: ]*[\w./-]+"
    r"|(?:PyTorch|Python|TensorFlow|Keras|CUDA|torch|scikit-learn|NumPy|JAX|TF|Debian|Lua)"
    r"[ =]*v?\d[\w.+]*"
    r"|\w*[A-Za-z_]+\d[\w-]*"  # float32, bf16, L2, conv1
    r"|[A-Z][A-Za-z]+-\d+"  # GPT-2
    r"|0–1 (?:loss|损失)"
    r"|\d+-?[dD]\b"
    r"|\d+(?:\.\d+)+"
    r"|[（(]?[A-Z][\w&]* (?:et al\.?,? )?\d{4}[)）]?"
)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n not in ("sources.md", "glossary.md")]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_of_a_run_is_typed(name, language):
    path = pages(language)[name]
    text = re.sub(
        r"(?s)^## [^\n]*\{ #read-on \}.*", "", prose(path), flags=re.MULTILINE
    )
    text = FORMULA.sub("", VALUE.sub("v", FIGURES.sub("", text)))
    for pattern in (
        r"`[^`]+`",
        r"\]\([^)]*\)",
        r"\{[^}]*\}",
        r"<[^>]+>",
        r"https?://\S+",
    ):
        text = re.sub(pattern, " ", text)
    text = re.sub(r"^ *\d+\. ", "", text, flags=re.MULTILINE)  # numbered lists
    text = re.sub(r"(?:练习|Exercise|解答|Solution|第|图|Figure) ?\d+", "", text)
    found = [
        f"{relative(path)}: {line.strip()}"
        for line in text.splitlines()
        if re.search(r"\d", NAMED.sub("", line))
    ]
    assert found == [], (
        "write given numbers as `code` or $formula$; print the others from the run"
    )


@pytest.mark.parametrize("name", NAMES)
def test_chinese_is_set_with_full_width_marks_and_spaces(name):
    # a value that says words is set as they are
    text = VALUE.sub(
        lambda v: "字" if re.search("[一-鿿]", v[0]) else "x", prose(ZH[name])
    )
    text = FORMULA.sub("$x$", text)
    text = re.sub(r"`[^`]+`", "`x`", text)
    text = re.sub(r"\]\([^)]*\)|\{[^}]*\}|https?://\S+", "", text)
    faults = {
        "a half-width mark after 汉字": r"[一-鿿][,;:?!](?!\w*=)",
        "no space between 汉字 and Latin letters or digits": r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]",
    }
    found = [
        f"{fault}: {line.strip()}"
        for fault, pattern in faults.items()
        for line in text.splitlines()
        if re.search(pattern, line)
    ]
    assert found == []


def glossary_entries(language: str) -> list[tuple[str, str, str]]:
    """Of each entry its title, what stands beside it, and its identifier."""
    text = pages(language)["glossary.md"].read_text("utf-8")
    return re.findall(r"(?m)^([^\n:#]+?) · (.*)\{ #([\w-]+) \}$", text)


def glossary(language: str) -> dict[str, str]:
    """Each entry's title by its identifier."""
    return {identifier: title for title, _, identifier in glossary_entries(language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_term_has_one_name_and_the_glossary_has_it(language):
    entries = glossary(language)
    names: dict[str, set[str]] = {}
    for name, path in pages(language).items():
        for text, slug in re.findall(
            r"\[([^\]]+)\]\([./]*glossary\.md#([\w-]+)\)", path.read_text("utf-8")
        ):
            assert slug in entries or slug.startswith("letter-"), f"{name}: {slug}"
            plain = re.sub(r"（.*?）| \(.*?\)|[`-]", "", text).lower()
            if language == "en":
                plain = plain.rstrip("s").replace(" ", "")
            elif not re.search(r"[一-鿿]", plain):
                continue
            if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w*", text):
                continue  # the name of a class
            names.setdefault(slug, set()).add(plain)
    assert {slug: found for slug, found in names.items() if len(found) > 1} == {}


def test_both_glossaries_pair_the_same_terms():
    pairs = {
        language: {
            identifier: {title, re.sub("<[^>]+>", "", other).strip()}
            for title, other, identifier in glossary_entries(language)
        }
        for language in LANGUAGES
    }
    assert pairs["zh"] == pairs["en"] and len(pairs["zh"]) > 100


# Words that are also ordinary ones or parts of other terms (residual connection, 表示, 轮到).
ORDINARY = re.compile(
    r"activation|bias|buffer|epoch|feature|guard|prediction|recall|representation"
    r"|residual|tracing|unit|variance|weight"
)


def first_uses(name: str, language: str) -> tuple[dict[str, int], dict[str, int]]:
    """Where a page's prose first uses each term of the glossary, and where it first links it."""
    terms = {
        identifier: re.sub(r" *[（(].*", "", title)
        for identifier, title in glossary(language).items()
    }

    def blank(match) -> str:
        return " " * len(match[0])

    text = prose(pages(language)[name]).partition("{ #read-on }")[0]
    for pattern in (
        r"^!!! abstract.*\n(?:(?: {4}.*)?\n)*",
        r"^ *(?:#|!!!|\?\?\?|===|>).*$",  # headings, titles, quotations
        r"`[^`\n]+`|<[^>\n]+>|“[^”\n]*”",
        FIGURES.pattern,
        VALUE.pattern,
    ):
        text = re.sub(pattern, blank, text, flags=re.MULTILINE)
    text = FORMULA.sub(blank, text)
    link = re.compile(r"\[[^\]\n]*\]\((?:[./]*glossary\.md#([\w-]+)|[^)\n]*)\)")
    linked, used = {}, {}
    for match in link.finditer(text):
        linked.setdefault(match[1], match.start())
    text = link.sub(blank, text)
    for identifier, term in sorted(terms.items(), key=lambda item: -len(item[1])):
        form = rf"(?<![\w-]){re.escape(term)}(?:e?s)?(?![\w-])"
        term = re.compile(form if language == "en" else re.escape(term), re.IGNORECASE)
        if match := term.search(text):
            used[identifier] = match.start()
        text = term.sub(blank, text)
    return used, linked


@pytest.mark.parametrize(
    "name", sorted({*NAMES} - {"glossary.md", "index.md", "sources.md"})
)
def test_the_first_use_of_a_term_links_to_the_glossary(name):
    """Of terms that both languages use there; one may say it in other words."""
    found = {language: first_uses(name, language) for language in LANGUAGES}
    both = set.intersection(*({*used, *linked} for used, linked in found.values()))
    for language, (used, linked) in found.items():
        late = {
            term
            for term in both & used.keys()
            if used[term] < linked.get(term, math.inf) and not ORDINARY.fullmatch(term)
        }
        path = relative(pages(language)[name])
        assert late == set(), f"{path}: link each where it is first used"
