"""MkDocs's events, in the order in which they come; what is done at each is in the rooms."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import markdown_exec
from mkdocs.exceptions import PluginError
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.utils import get_relative_url, write_file
from watchdog.observers.polling import PollingObserver

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)

import sources  # noqa: E402
from publish import cards, formulas, highlight, kept, search_index, theme  # noqa: E402
from run.runner import Runner, prepare  # noqa: E402
from run.store import Store  # noqa: E402
from write import cells, downloads, failures  # noqa: E402
from write import page as written  # noqa: E402
from write.provenance import Origins  # noqa: E402
from write.reference import Reference  # noqa: E402

log = logging.getLogger("mkdocs.blocks")


class State:
    """What this build knows; a server's builds go on with its results."""

    def __init__(self, serving: bool) -> None:
        self.serving, self.store = serving, Store(stay=serving)
        self.runner, self.theme = Runner(self.store), theme.Theme()
        self.found: dict[str, dict[str, sources.Page]] = {}
        self.problems: list[str] = []
        self.files: dict[str, str] = {}  # of the site, by path: what explorables load

    def report(self) -> None:
        """Fail a build with all that is wrong; on a server, say it: the pages show their own."""
        problems, self.problems = list(dict.fromkeys(self.problems)), []
        if problems and self.serving:
            log.error("\n\n".join(problems))
        elif problems:
            raise PluginError("\n\n".join([f"{len(problems)} problem(s)", *problems]))


def on_startup(command: str, dirty: bool) -> None:
    global state
    state = State(command == "serve")
    if HERE not in sys.path:  # MkDocs has taken it away again; sessions need it, too
        sys.path.insert(0, HERE)
    prepare()
    markdown_exec.formatters["python"] = written.format_block
    if state.serving:  # or the first edit would wait for it
        search_index.dictionary()


def on_serve(server, config, builder):
    """Look for edits ten times a second: MkDocs does it twice, and makes authors wait."""
    watched = list(server._watched_paths)
    for path in watched:
        server.unwatch(path)
    server.observer = PollingObserver(timeout=0.1)
    for path in watched:
        server.watch(path)
    return server


def on_config(config):
    if not any(isinstance(known, formulas.Formulas) for known in config.markdown_extensions):
        config.markdown_extensions.append(formulas.Formulas(lambda text: wrong_here(text)))
    highlight.lighten(config.mdx_configs)
    config.extra_css = [path for path in config.extra_css if "mkdocstrings" not in str(path)]
    if state.serving:
        config.extra.pop("policy", None)
    state.theme.quicken(config.theme)
    return config


def wrong_here(problem: str) -> None:
    """Note what is wrong with the page that is being rendered."""
    state.problems.append(f"{sources.relative(state.page.path)}: {problem}")


def on_files(files, config):
    """Before the pages of a language; before the first, see what authors wrote, start what must run."""
    if config.plugins["i18n"].is_default_language_build:
        state.found, state.problems = sources.survey()
        state.report()
        state.runner.plan(state.found)
        state.origins = Origins(config.repo_url or "")
    language = config.plugins["i18n"].current_language
    state.shelf = downloads.Shelf(language, config.site_url or "", config.repo_url or "")
    state.reference = Reference(state.found, state.runner, state.origins, language)
    return files


def on_nav(nav, config, files) -> None:
    state.nav = nav


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Write the page; unless it was rendered before, Markdown comes next."""
    language = config.plugins["i18n"].current_language
    name = Path(page.file.abs_src_path).relative_to(Path(config.docs_dir, language)).as_posix()
    state.page = state.found[name][language]
    root = get_relative_url(".", page.url) + "/"
    end = state.reference.link(state.page)
    around = written.Around(state.shelf.line(state.page), end, root)
    text = written.markdown(state.page, state.runner, state.origins, around)
    text = state.reference.directives(text, root)
    state.problems += written.problems(state.page, state.runner)
    state.files |= written.files(state.page, state.runner)
    kept.restore(page, kept.key(page, text, config, files), state.store, len(state.problems))
    return text


def on_page_content(html: str, page, config, files) -> None:
    """Keep what was rendered, with the files that leave the site with it."""
    if page.kept:
        state.shelf.put(state.page.name, page, page.kept["files"])
        return
    made: dict[str, str] = {}
    well = not written.fails(state.page, state.runner)
    try:
        if well:
            made = leaving(page)
            kept.keep(page, html, made, state.store, len(state.problems))
    except ValueError as error:
        wrong_here(str(error))
    state.shelf.put(state.page.name, page, made)


def leaving(page) -> dict[str, str]:
    """The notebooks, scripts and Markdown of a page."""
    address, title = page.canonical_url or "", page.meta.get("title", page.title)
    found = cells.cells(state.page, state.runner, address, state.reference.expanded)
    return downloads.files(found, Path(state.page.name).stem, title, state.page.language, address)


def on_env(env, config, files) -> None:
    """All pages of a language are rendered: fail before any is written."""
    if config.plugins["i18n"].is_default_language_build:
        state.problems += [failures.message(*each) for each in state.runner.failed()]
    state.problems += state.reference.problems
    state.report()
    state.theme.serve(env)
    state.shelf.write(state.nav, config)
    if config.site_url and not state.serving:
        cards.draw_all(config, files)


@event_priority(100)
def before_search(context, *, page, config, nav) -> None:
    search_index.before(page, state.store)


@event_priority(-100)
def after_search(context, *, page, config, nav) -> None:
    search_index.after(page, config, state.store)


on_page_context = CombinedEvent(before_search, after_search)


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
