"""Search: each language gets a search index of its own, with what readers search for.

Material writes one index for the whole site, and the results of one language would drown those of
the other. The theme (``main.html``) tells Material's script to look in its language's folder.

A term finds the page that teaches it: the glossary says which, and that page's entry carries the
term as a tag. On Chinese pages the English term does, too.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

import jieba

from run import store

WORDS = Path(__file__).with_name("words.txt")  # the glossary's terms stay whole
# What else an entry follows from.
SEED = store.digest(
    *map(
        str,
        map(
            store.content,
            (f"docs/_build/publish/{name}" for name in ("search_index.py", "words.txt")),
        ),
    ),
    *map(str, map(store.distribution, ("mkdocs-material", "jieba"))),
)
jieba.setLogLevel(logging.WARNING)  # not a word about how long its dictionary took
# Numbers at axes, the TeX behind formulas, and the colours of code.
UNSEARCHED = re.compile(r"<(svg|annotation)\b.*?</\1>|</?span\b[^>]*>", re.DOTALL)
TERM = re.compile(
    r"^(.+?) · <a [^>]*>(.+?)</a> \{ #([\w-]+) \}\n:   .*\]\(([\w/-]+)\.md", re.MULTILINE
)
TAGGED = 1500.0  # a title counts 1000, a word of the text 1
FRAMES = re.compile(r"Traceback \(most recent call last\):\n(?: .*\n)*")  # all but the message


def before(page: Any, kept: store.Store) -> None:
    """Before Material's plugin reads a page: leave it what is searched, or nothing if that is known."""
    page.whole_content = page.content
    page.content = UNSEARCHED.sub("", page.content)
    page.search_key = store.digest(SEED, page.url, str(page.title), repr(page.meta), page.content)
    page.found = kept.fetch(page.search_key)
    if page.found:
        page.content = ""
    else:
        dictionary()


def after(page: Any, config: Any, kept: store.Store) -> None:
    """Behind it: give the page its content back, and keep what was found."""
    page.content = page.whole_content
    entries = config.plugins["material/search"].search_index.entries
    if page.found:
        entries += page.found["entries"]
    else:
        own = [each for each in entries if each["location"].partition("#")[0] == page.url]
        kept.keep(page.search_key, {"entries": own})


@cache
def dictionary() -> None:
    """Loading jieba's words takes a second."""
    jieba.load_userdict(str(WORDS))


def taught(glossary: str) -> dict[str, list[str]]:
    """The terms that each page teaches, as a glossary names them, and the page's own short name."""
    entries = TERM.findall(glossary)
    terms = {_words(name) for own, other, *_ in entries for name in (own, other)}
    pages: dict[str, list[str]] = {}
    for own, other, identifier, page in entries:
        stem = page.rpartition("/")[2]
        names = pages.setdefault(page, [] if "-" in stem else [stem])
        plain = identifier.replace("-", " ")
        spellings = [own, other, *([] if plain in own + other else [plain])]
        for words, name in {_words(name): name for name in spellings}.items():
            # What is a term counts more than the same words inside a longer term.
            inside = any(words in term and words != term for term in terms)
            names += [name] * (3 if " " not in name else 2 if inside else 1)
    return pages


def _words(name: str) -> str:
    """A name as the search takes it apart, with a space on each side."""
    return f" {name.lower().replace('-', ' ')} "


def divide(config: Any) -> None:
    """Divide the index by language."""
    languages = config.plugins["i18n"]
    joined = Path(config.site_dir) / "search" / "search_index.json"
    if not joined.exists():
        return
    index = json.loads(joined.read_text("utf-8"))
    entries: dict[str, list[dict]] = {language: [] for language in languages.build_languages}
    for entry in index["docs"]:
        language, _, location = entry["location"].partition("/")
        if language not in entries:
            language, location = languages.default_language, entry["location"]
        text = FRAMES.sub("", entry["text"])
        entries[language].append(entry | {"location": location, "text": text})
    for language, docs in entries.items():
        folder = joined.parents[1] / ("" if language == languages.default_language else language)
        path = folder / "search" / joined.name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Chinese pages hold English words, too, but not the other way round.
        settings = index["config"] | {"lang": ["zh", "en"] if language == "zh" else [language]}
        settings["fields"]["tags"]["boost"] = TAGGED
        glossary = Path(config.docs_dir, language, "glossary.md")
        pages = taught(glossary.read_text("utf-8")) if glossary.exists() else {}
        for entry in docs:
            if terms := pages.get(re.sub(r"(/|\.html)$", "", entry["location"])):
                entry["tags"] = terms
        own = {"config": settings, "docs": docs}
        text = json.dumps(own, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        path.write_text(text, "utf-8")
