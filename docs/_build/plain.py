"""The site as plain Markdown with its results, which any generator builds: the way out of this one.

    python docs/_build/plain.py FOLDER

Each language gets a folder, with figures, notebooks, scripts and code, and a configuration without
any code of ours. Stored results serve; only what lacks one is run. Imports `run`, `sources` and `write`.
"""

import re
import sys
import textwrap
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlparse

import yaml
from mkdocs.utils import write_file, yaml_load

sys.path.insert(0, str(Path(__file__).parent))

from run.runner import Runner, prepare
from run.store import Store
from sources import ROOT, Block, Figure, Page, address, in_language, survey
from write import cells, downloads, failures, figure, provenance
from write import page as written
from write.reference import Reference
from write.shelf import Shelf

HOMES = {"zh": "", "en": "en/"}  # where each language is on the site
MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-mml-chtml.js"  # formulas stay TeX
MEASURED = {"zh": "本机测得", "en": "Measured here"}
# Of the reference's entries, what only this site's Markdown knows: a line of places, a fence's marks.
PLACES = re.compile(r"^(.*)\n\{: \.doc-where \}$", re.MULTILINE)
FENCE = re.compile(r"^( *`{3,})\{ \.(\w+)[^}\n]*\}$", re.MULTILINE)


class Writer:
    """Writes a page: its text and its drawings, as `files` by name.

    Args:
        line: the links to its downloads, as HTML; `home`: where the site is on its host.
    """

    def __init__(self, page: Page, reference: Reference, line: str, home: str) -> None:
        self.reference, self.results, self.language = reference, reference.results, page.language
        self.files: dict[str, str] = {}
        root = "../" * page.name.count("/")
        around = written.Around(linked(line), reference.link(page), root)
        text = written.markdown(page, self.results, reference.origins, around, self.block)
        # Generators differ in what they do to an address relative to a page of the other language.
        text = re.sub(r'href="(?:\.\./)+([^"]*)" hreflang', rf'href="{home}\1" hreflang', text)
        front = page.path.read_text("utf-8").split("---\n", 2)[1]
        text = PLACES.sub(lambda line: linked(line[1]), reference.expanded(text, root))
        text = FENCE.sub(r"\1\2", re.sub(r"runs\.html\?[^)\s]*", "provenance.json", text))
        self.files[page.path.name] = f"---\n{front}---\n{text}"

    def block(self, block: Block, results: Any, told: str, _around) -> list[str]:
        """The lines of a block or figure, with its result."""
        result = results.result(block)
        if isinstance(block, Figure):
            return [line for made in result["made"] for line in self.drawing(block, made)]
        if block.is_view:
            return result["output"].rstrip("\n").split("\n")
        code = in_language(block.code, self.language)
        parts = [_fence("python", code, block.options.get("title"))]
        printed = result["output"] + (result["error"] or {}).get("traceback", "")
        if printed.strip():
            title = MEASURED[self.language] if "measured" in block.options else None
            parts.append(_fence("pytb" if result["error"] else "text", printed.rstrip("\n"), title))
            origin = linked(re.sub(r".*<p>|</p>.*", "", told))
            parts.append(_quoted(provenance.WORDS[self.language]["origin"], origin))
        return "\n\n".join(parts).split("\n")

    def drawing(self, block: Figure, made: dict) -> list[str]:
        """The lines of a figure or explorable: its drawings, what it says, the tables of its data."""
        alt, explorable = written.text(block.alt, self.results), made["kind"] == "explorable"
        parts = [f"**{alt}**"] if explorable else []
        for shown, svg in figure.alone(made, alt):
            name = f"{block.page.stem}-{block.name.replace('_', '-')}-{len(parts)}.svg"
            self.files[name] = svg
            parts.append("![" + re.sub(r"([\\\[\]*_`$<])", r"\\\1", shown) + f"]({name})")
        parts += [made["said"]] if explorable else []
        for table in made["tables"]:
            rows = [table["heads"], ["---"] * len(table["heads"]), *table["rows"]]
            bars = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
            text = "\n".join([table["caption"], "", *(f"| {bar} |" for bar in bars)]).strip()
            parts.append(_quoted(figure.WORDS[self.language][explorable], text))
        return "\n\n".join(parts).split("\n")


def linked(html: str) -> str:
    """A line of HTML as Markdown, its links as links."""
    text = re.sub(r'<a href="([^"]*)"[^>]*>(.*?)</a>', r"[\2](\1)", html)
    return re.sub(r"</?(?:p|span|wbr|code)\b[^>]*>", "", re.sub("</?b>", "**", text))


def _fence(lexer: str, body: str, title: str | None) -> str:
    info = f'{lexer} title="{title}"' if title else lexer
    return "\n".join(written.fence(info, body))


def _quoted(title: str, text: str) -> str:
    return f'??? quote "{title}"\n\n{textwrap.indent(text, "    ")}'


def settings(site: dict, language: str, home: str) -> dict:
    """What another generator must know: the site's settings without what only ours knows."""
    (known,) = (each["i18n"]["languages"] for each in site["plugins"] if "i18n" in each)
    (own,) = (site | each for each in known if each["locale"] == language)
    words = own.get("nav_translations", {})

    def titled(items: list) -> list:
        pairs = [(words.get(title, title), to) for item in items for title, to in item.items()]
        return [{title: titled(to) if isinstance(to, list) else to} for title, to in pairs]

    at = [(each["name"], each["locale"], home + HOMES[each["locale"]]) for each in known]
    extensions = [e for e in site["markdown_extensions"] if "pymdownx.snippets" not in e]
    return {name: own[name] for name in ("site_name", "site_description", "copyright")} | {
        "site_url": site["site_url"] and site["site_url"] + HOMES[language],
        "docs_dir": language,
        "site_dir": f"site/{HOMES[language]}",
        "theme": {"name": "material", "language": language, "features": site["theme"]["features"]},
        "extra": {"alternate": [{"name": name, "lang": lang, "link": to} for name, lang, to in at]},
        "extra_javascript": [MATHJAX],
        "nav": titled(site["nav"]),
        "plugins": ["search"],
        "markdown_extensions": extensions,
        "validation": {"links": {"anchors": "warn"}},
    }


def main(folder: Path) -> None:
    site = yaml_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    found, problems = survey()
    if any(folder.glob("*")) or problems:
        sys.exit("\n".join(problems) or f"{folder} is not empty: name a new folder")
    prepare()
    results, origins = Runner(Store()), provenance.Origins(site.get("repo_url", ""))
    results.plan(found)
    if problems := [failures.message(*each) for each in results.failed()]:
        sys.exit("\n\n".join(problems))
    home = urlparse(site["site_url"]).path or "/"
    for language, below in HOMES.items():
        at = site["site_url"] and site["site_url"] + below
        shelf = Shelf(language, at, origins.repository)
        reference = Reference(found, results, origins, language)
        for name, page in reference.pages.items():
            files = Writer(page, reference, shelf.line(page), home).files
            title = yaml.safe_load(files[page.path.name].split("---\n")[1])["title"]
            url = at and urljoin(at, address(PurePosixPath("index.md"), name))
            leaving = cells.cells(page, results, url, reference.expanded)
            made = downloads.files(leaving, page.path.stem, title, language, url)
            shelf.put(name, None, made)
            del made["index.md"]  # this page, for machines
            for each, text in (made | files).items():
                write_file(text.encode(), str((folder / language / name).with_name(each)))
        if reference.problems:
            sys.exit("\n".join(reference.problems))
        (folder / language / f"{shelf.name}.zip").write_bytes(shelf.zip())
        name = f"mkdocs.{below.replace('/', '.')}yml"
        text = yaml.safe_dump(settings(site, language, home), allow_unicode=True, sort_keys=False)
        (folder / name).write_text(text, "utf-8")
    for language in HOMES:
        origins.write(folder / language)


if __name__ == "__main__":
    main(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit(__doc__)
