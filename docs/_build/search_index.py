"""A MkDocs hook: each language gets a search index of its own.

Material writes one index for the whole site, and the results of one language would drown those of
the other. The theme (``main.html``) tells Material's script to look in its language's folder.
"""

from __future__ import annotations

import json
from pathlib import Path

from mkdocs.plugins import event_priority


@event_priority(-200)  # after the i18n plugin, which joins the languages' indexes at the very end
def on_post_build(config) -> None:
    languages = config.plugins["i18n"]
    if languages.building:  # one language is built inside the other's build
        return
    site = Path(config.site_dir)
    joined = site / "search" / "search_index.json"
    if not joined.exists():
        return
    index = json.loads(joined.read_text("utf-8"))
    entries: dict[str, list[dict]] = {language: [] for language in languages.build_languages}
    for entry in index["docs"]:
        language, _, rest = entry["location"].partition("/")
        if language in entries:
            entries[language].append(entry | {"location": rest})
        else:
            entries[languages.default_language].append(entry)
    for language, docs in entries.items():
        is_default = language == languages.default_language
        path = joined if is_default else site / language / "search" / joined.name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Chinese pages hold English words, too, but not the other way round.
        settings = index["config"] | {"lang": ["zh", "en"] if language == "zh" else [language]}
        own = {"config": settings, "docs": docs}
        path.write_text(json.dumps(own, ensure_ascii=False, separators=(",", ":")), "utf-8")
