"""All that depends on MkDocs: when to run, where a page stands, and how a build fails."""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import logging
import os
import re
import signal
import sys
from pathlib import Path

import markdown_exec
from jinja2 import BytecodeCache
from mkdocs.exceptions import PluginError
from mkdocs.utils import get_relative_url, write_file
from pymdownx import highlight
from watchdog.observers.polling import PollingObserver

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)

import blocks  # noqa: E402
import cache  # noqa: E402
import cells  # noqa: E402
import downloads  # noqa: E402
import formulas  # noqa: E402
import provenance  # noqa: E402
import reference  # noqa: E402
import rendered  # noqa: E402
import runner  # noqa: E402
import sources  # noqa: E402

log = logging.getLogger("mkdocs.blocks")
# The runs of an explorable, as `explorables.axes` prints them: a file of their own in the site.
EXPLORABLE = re.compile(
    r'(<figure class="explorable" id="explore-([\w-]+)"[^>]*)>'
    r'<script type="application/json">(.*?)</script>'
)
# Nothing in the style sheet tells these from other code, and a chapter has thousands. What follows
# the name of an exception is its message, which the style sheet knows by its element.
PLAIN = re.compile(r'(?<!</span>: )<span class="[nopw]">([^<]*)</span>')


class Compiled(BytecodeCache):
    """The theme's templates, compiled once for both languages and for all builds of a server."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


compiled = Compiled()
listed: dict[tuple, list[str]] = {}
coloured: dict[tuple, str] = {}
colour = highlight.Highlight.highlight
serving = False
helper: int | None = None  # the process that renders ahead; 0 in that process
wrong: list[str] = []
explored: dict[str, str] = {}
shelf = downloads.Shelf("", "", "")  # of the language that is being built
navigation = None  # likewise


def on_startup(command: str, dirty: bool) -> None:
    global serving
    serving = command == "serve"
    if serving:
        cache.stay()
    if HERE not in sys.path:  # MkDocs has taken it away again; sessions need it, too
        sys.path.insert(0, HERE)
    runner.prepare()
    markdown_exec.formatters["python"] = blocks.format_python
    highlight.Highlight.highlight = _colour_once
    highlight.get_lexer_by_name = functools.cache(highlight.get_lexer_by_name)


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
        config.markdown_extensions.append(formulas.Formulas())
    config.extra_css = [path for path in config.extra_css if "mkdocstrings" not in str(path)]
    if serving:
        config.extra.pop("policy", None)
    _list_once(config.theme)
    return config


def _colour_once(self, src: str, language: str, *args, code_block_count: int = 0, **options):
    """Have Pygments colour equal code once: much stands in both languages, or in the reference, too.
    How many blocks came before matters to numbers of lines only, and there are none."""
    settings = {name: value for name, value in vars(self).items() if name != "md"}
    key = str(src), language, repr((args, options, settings))
    if key not in coloured:
        coloured[key] = colour(self, src, language, *args, **options)
    return copy.copy(coloured[key])


def _list_once(theme) -> None:
    """Have the theme's files, 14 000 icons among them, listed once for both languages and for all
    builds of a server, as long as those of our own are the same."""
    own = tuple(sorted(Path(theme.custom_dir).rglob("*")))
    get_env = theme.get_env

    def listing():
        env = get_env()
        list_all = env.list_templates

        def names(filter_func) -> list[str]:
            if own not in listed:
                listed.clear()
                listed[own] = list_all(filter_func=filter_func)
            return listed[own]

        env.list_templates = names
        return env

    theme.get_env = listing


def on_files(files, config):
    """Before the pages of the first language: check what authors wrote, start what must run."""
    if config.plugins["i18n"].is_default_language_build:
        found, problems = sources.survey()
        _report(problems)
        blocks.runner.plan(found, None if serving else _copy)
        if helper == 0:
            _render_ahead(config)
    global shelf
    language = config.plugins["i18n"].current_language
    reference.begin(language, config.plugins["mkdocstrings"].handlers)
    provenance.repository = config.repo_url or ""
    shelf = downloads.Shelf(language, config.site_url or "", provenance.repository)
    return files


def _copy() -> bool:
    """Become two processes, where sessions must run: one builds, the other only renders ahead."""
    global helper
    if runner.CAN_FORK and not runner.FRESH:
        helper = os.fork()
    return helper == 0


def _render_ahead(config) -> None:
    """Render the second language's pages as results come, and keep them for the other process.

    It would begin with them only when all sessions are through, on one core of all.
    """
    try:
        for name in ("mkdocs", "griffe"):  # the other process will say whatever there is to say
            for handler in logging.getLogger(name).handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.setStream(io.StringIO())
        config.plugins["i18n"].on_post_build(config=config)
    finally:
        os._exit(0)


def on_nav(nav, config, files) -> None:
    global navigation
    navigation = nav


def on_page_markdown(markdown: str, page, config, files) -> str:
    path = Path(page.file.abs_src_path)
    stamped = sources.BETWEEN_HAN.sub("", sources.stamp(markdown, blocks.runner.of(path)))
    shown = reference.key(markdown)
    rendered.restore(page, rendered.key(page, stamped, config, files, shown))
    return stamped


def on_page_content(html: str, page, config, files) -> str:
    path = Path(page.file.abs_src_path)
    where = sources.relative(path)
    found = [f"{where}: {problem}" for problem in formulas.failures] + reference.problems
    wrong.extend(found)
    formulas.failures.clear()
    reference.problems.clear()
    reader = cells.Reader(path, shelf.language, page.canonical_url or "", blocks.runner.result)
    made = {"files": {}, "line": ""}
    if page.kept:
        made = page.kept["made"]
    else:
        html = PLAIN.sub(r"\1", html)
        well = not found and not blocks.runner.fails(path)
        try:
            if well:
                text = reference.expanded(page.markdown)
                made = shelf.made(reader.cells(text), reader.page, page)
                rendered.keep(page, html, made)
        except ValueError as error:
            wrong.append(f"{where}: {error}")
    shelf.put(reader.page, page, made["files"])
    results = [blocks.runner.result(block.at) for block in blocks.runner.of(path)]
    html = provenance.tell(html, results, shelf.language, get_relative_url(".", page.url) + "/")
    html = html.replace("</h1>", f"</h1>{made['line']}", 1) + reference.link(path)

    def divide(found: re.Match) -> str:
        name, data = found[2], found[3]
        if not re.search(rf'data-session="{name}" data-snippet="[^"]*:run"', html):
            wrong.append(
                f"{where}: explorable '{name}': the page does not show its code; show the region "
                f"'run' of its snippet in a block with session=\"{name}\""
            )
        path = f"assets/explorables/{name}-{hashlib.sha256(data.encode()).hexdigest()[:8]}.js"
        explored[path] = f"document.currentScript.data={data}\n"
        return f'{found[1]} data-source="{get_relative_url(path, page.url)}">'

    return EXPLORABLE.sub(divide, html)


def on_env(env, config, files) -> None:
    """All pages of a language are rendered: fail before any is written."""
    global helper
    if helper == 0:
        os._exit(0)
    first = config.plugins["i18n"].is_default_language_build
    _report([*wrong, *(blocks.failures() if first else [])])
    env.bytecode_cache = compiled
    shelf.write(navigation, config)
    if shelf.language == sources.LANGUAGES[-1]:
        provenance.write(Path(config.site_dir))
        coloured.clear()
        if helper:
            os.kill(helper, signal.SIGKILL)
            os.waitpid(helper, 0)
            helper = None


def on_post_build(config) -> None:
    for path, content in explored.items():
        write_file(content.encode(), f"{config.site_dir}/{path}")
    explored.clear()
    # No page asks for this one, and it is empty where no page was rendered anew.
    Path(config.site_dir, "assets", "_mkdocstrings.css").unlink(missing_ok=True)
    if config.plugins["i18n"].is_default_language_build:
        cache.trees.keep()
        cache.finish()


def _report(problems: list[str]) -> None:
    wrong.clear()
    if problems and serving:  # the pages show their own
        log.error("\n\n".join(problems))
    elif problems:
        raise PluginError("\n\n".join([f"{len(problems)} problem(s)", *problems]))
