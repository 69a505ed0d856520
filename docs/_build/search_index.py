"""A MkDocs hook: each language gets a search index of its own, with what readers search for.

Material writes one index for the whole site, and the results of one language would drown those of
the other. The theme (``main.html``) tells Material's script to look in its language's folder.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mkdocs.plugins import CombinedEvent, event_priority

# Numbers at axes, the TeX behind formulas, and the colours of code.
UNSEARCHED = re.compile(r"<(svg|annotation)\b.*?</\1>|</?span\b[^>]*>", re.DOTALL)
FRAMES = re.compile(r"Traceback \(most recent call last\):\n(?: .*\n)*")  # all but the message


@event_priority(100)
def _slim(context, *, page, config, nav) -> None:
    """Before Material's plugin reads a page: parsing its drawings and colours costs more than its text."""
    page.whole_content = page.content
    page.content = UNSEARCHED.sub("", page.content)


@event_priority(-100)
def _whole(context, *, page, config, nav) -> None:
    page.content = page.whole_content


on_page_context = CombinedEvent(_slim, _whole)


@event_priority(-200)  # after the i18n plugin, which joins the languages' indexes at the very end
def on_post_build(config) -> None:
    """Divide the index by language."""
    languages = config.plugins["i18n"]
    joined = Path(config.site_dir) / "search" / "search_index.json"
    if languages.building or not joined.exists():  # one language is built inside the other's build
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
        own = {"config": settings, "docs": docs}
        path.write_text(json.dumps(own, ensure_ascii=False, separators=(",", ":")), "utf-8")
