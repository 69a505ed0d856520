"""MkDocs's events, in order; what is done at each is in the rooms. Imports all but `check`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import markdown_exec
from mkdocs.commands import serve
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.utils import get_relative_url, write_file

import sources
from publish import cards, highlight, kept, search_index
from run import runner
from state import State
from write import cells, downloads, failures
from write import page as written
from write.provenance import Origins
from write.reference import Reference
from write.shelf import Shelf


def on_startup(command: str, dirty: bool) -> None:
    global state
    sys.path.insert(0, str(Path(__file__).parent))  # for sessions; MkDocs took it away again
    state = State(command == "serve")
    runner.prepare()
    markdown_exec.formatters["python"] = written.format_block
    if state.serving:
        search_index.dictionary()  # or the first edit would wait for it
        # MkDocs looks for edits twice a second, and makes authors wait.
        serve.LiveReloadServer = partial(serve.LiveReloadServer, polling_interval=0.1)


def on_config(config):
    if state.formulas not in config.markdown_extensions:
        config.markdown_extensions.append(state.formulas)
    highlight.lighten(config.mdx_configs)
    config.extra_css = [path for path in config.extra_css if "mkdocstrings" not in str(path)]
    if state.serving:
        config.extra.pop("policy", None)
    return config


def on_files(files, config) -> None:
    """Before the pages of a language; before the first, see what authors wrote, start what must run."""
    if config.plugins["i18n"].is_default_language_build:
        state.found, state.problems = sources.survey()
        state.report()
        state.runner.plan(state.found)
        state.origins = Origins(config.repo_url or "")
    config.extra["commit"] = state.origins.commit
    language = config.plugins["i18n"].current_language
    state.shelf = Shelf(language, config.site_url or "", config.repo_url or "")
    state.reference = Reference(state.found, state.runner, state.origins, language)


def on_nav(nav, config, files) -> None:
    state.nav = nav


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Write the page; unless it was rendered before, Markdown comes next."""
    language = config.plugins["i18n"].current_language
    name = Path(page.file.abs_src_path).relative_to(Path(config.docs_dir, language)).as_posix()
    state.page = state.found[name][language]
    root = get_relative_url(".", page.url) + "/"
    links, end = state.shelf.line(state.page), state.reference.link(state.page)
    around = written.Around(links, end, root)
    text = written.markdown(state.page, state.runner, state.origins, around)
    page.ran = written.ran(state.page, state.runner)  # for the footer
    state.problems += written.problems(state.page, state.runner)
    state.files |= written.files(state.page, state.runner)
    key = kept.key(page, text + state.reference.follows(text), config, files)
    kept.restore(page, key, state.store)
    page.heard = state.heard()
    return text if page.kept else state.reference.directives(text, root)


def on_page_content(html: str, page, config, files) -> None:
    """Put aside the files that leave the site with a page; it may be kept if nothing was said."""
    made = page.kept["files"] if page.kept else leaving(page)
    is_well = made and state.heard() == page.heard
    page.rendered = kept.rendered(page, html, made) if is_well else None
    state.shelf.put(state.page.name, page, made)


def leaving(page) -> dict[str, str]:
    """The notebooks, scripts and Markdown of a page, none of one with a block that failed."""
    if written.fails(state.page, state.runner):
        return {}
    address, title = page.canonical_url or "", page.meta.get("title", page.title)
    stem, language = Path(state.page.name).stem, state.page.language
    try:
        found = cells.cells(state.page, state.runner, address, state.reference.expanded)
        return downloads.files(found, stem, title, language, address)
    except ValueError as error:
        state.wrong(str(error))
        return {}


def on_env(env, config, files) -> None:
    """All pages of a language are rendered: fail before any is written."""
    if config.plugins["i18n"].is_default_language_build:
        state.problems += [failures.message(*each) for each in state.runner.failed()]
    state.problems += state.reference.problems
    state.report()
    env.bytecode_cache = state.templates
    state.shelf.write(state.nav, config)
    if config.site_url and not state.serving:
        cards.draw_all(config, files)


on_page_context = CombinedEvent(search_index.before, search_index.after)


@event_priority(-200)  # after the i18n plugin, which joins the languages' indexes at the very end
def on_post_build(config) -> None:
    for path, content in state.files.items():
        write_file(content.encode(), f"{config.site_dir}/{path}")
    # No page asks for this one, and it is empty where no page was rendered anew.
    Path(config.site_dir, "assets", "_mkdocstrings.css").unlink(missing_ok=True)
    if not config.plugins["i18n"].building:  # one language is built inside the other's build
        state.origins.write(Path(config.site_dir))
        search_index.divide(config)
        state.store.finish()
