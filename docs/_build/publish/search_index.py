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
from mkdocs.plugins import event_priority
from mkdocs.utils import write_file

WORDS = Path(__file__).with_name("words.txt")  # the glossary's terms stay whole
# Numbers at axes, the TeX behind formulas, and the colours of code.
UNSEARCHED = re.compile(r"<(svg|annotation)\b.*?</\1>|</?span\b[^>]*>", re.DOTALL)
TERM = re.compile(
    r"^(.+?) · <a [^>]*>(.+?)</a> \{ #[\w-]+ \}\n:   .*\]\(([\w/-]+)\.md", re.MULTILINE
)
FRAMES = re.compile(r"Traceback \(most recent call last\):\n(?: .*\n)*")  # all but the message


@event_priority(100)
def before(context, *, page, config, nav) -> None:
    """Before Material's plugin reads a page: leave it what is searched, or nothing if that is known."""
    page.whole, page.content = page.content, UNSEARCHED.sub("", page.content)
    if page.kept:
        page.content = ""
    else:
        dictionary()


@event_priority(-100)
def after(context, *, page, config, nav) -> None:
    """Behind it: give the page its content back, and keep it with what was found."""
    page.content = page.whole
    entries = config.plugins["material/search"].search_index.entries
    if page.kept:
        entries += page.kept["found"]
    elif page.rendered:
        own = [each for each in entries if each["location"].partition("#")[0] == page.url]
        page.keep(page.rendered | {"found": own})


@cache
def dictionary() -> None:
    """Load jieba's words, which takes a second."""
    jieba.setLogLevel(logging.WARNING)  # not a word about how long it took
    jieba.load_userdict(str(WORDS))


def taught(glossary: str) -> dict[str, list[str]]:
    """The terms that each page teaches, as a glossary names them, and the page's own short name."""
    entries = TERM.findall(glossary)
    terms = {name.lower().replace("-", " ") for names in entries for name in names[:2]}
    pages: dict[str, list[str]] = {}
    for own, other, page in entries:
        stem = page.rpartition("/")[2]
        found = pages.setdefault(page, [] if "-" in stem else [stem])
        for name in sorted({own, other}):
            # What is a term counts more than the same words inside a longer term.
            inside = any(name.lower() in term and len(name) < len(term) for term in terms)
            found += [name] * (3 if " " not in name else 2 if inside else 1)
    return pages


def divide(config: Any) -> None:
    """Divide the index by language."""
    languages = config.plugins["i18n"]
    joined = Path(config.site_dir) / "search" / "search_index.json"
    if not joined.exists():
        return
    index = json.loads(joined.read_text("utf-8"))
    found: dict[str, list[dict]] = {language: [] for language in languages.build_languages}
    for entry in index["docs"]:
        language, _, location = entry["location"].partition("/")
        if language not in found:
            language, location = languages.default_language, entry["location"]
        text = FRAMES.sub("", entry["text"])
        found[language].append(entry | {"location": location, "text": text})
    for language, docs in found.items():
        glossary = Path(config.docs_dir, language, "glossary.md")
        pages = taught(glossary.read_text("utf-8")) if glossary.exists() else {}
        for entry in docs:
            if terms := pages.get(re.sub(r"(/|\.html)$", "", entry["location"])):
                entry["tags"] = terms
        # Chinese pages hold English words, too, but not the other way round.
        settings = index["config"] | {"lang": ["zh", "en"] if language == "zh" else [language]}
        own = {"config": settings, "docs": docs}
        text = json.dumps(own, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        folder = "" if language == languages.default_language else language
        write_file(text.encode(), f"{config.site_dir}/{folder}/search/{joined.name}")
