"""A MkDocs hook for a copy of the site that opens from disk: see ``mkdocs.offline.yml``.

A server shows a folder's ``index.html``; on disk, links must name it. A page on disk may not read
other files, so the search index comes as a script, which Material's script then asks for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mkdocs.plugins import event_priority

FOLDER = re.compile(r'(<a\b[^>]*\bhref=")(?![a-z]+:|[#/"])((?:[^"#]*/)?\.{0,2})(?=[#"])')


def on_post_page(html: str, page, config) -> str:
    return FOLDER.sub(lambda link: f"{link[1]}{link[2].rstrip('/')}/index.html", html)


@event_priority(-300)  # after the index has been divided by language
def on_post_build(config) -> None:
    for path in Path(config.site_dir).rglob("search_index.json"):
        index = json.loads(path.read_text("utf-8"))
        for entry in index["docs"]:
            folder, mark, place = entry["location"].partition("#")
            entry["location"] = f"{folder}index.html{mark}{place}"
        script = f"var __index = {json.dumps(index, ensure_ascii=False)}"
        path.with_suffix(".js").write_text(script, "utf-8")
        path.unlink()
