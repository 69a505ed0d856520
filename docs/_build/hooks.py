"""All that depends on MkDocs: when to run, where a page stands, and how a build fails."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

import markdown_exec
from mkdocs.exceptions import PluginError

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)

import blocks  # noqa: E402
import cache  # noqa: E402
import formulas  # noqa: E402
import sources  # noqa: E402

log = logging.getLogger("mkdocs.blocks")
# A line break inside a Chinese paragraph would show as a space.
BETWEEN_HAN = re.compile(r"(?<=[\u3001-\u9fff\uff01-\uff5e])\n *(?=[\u3001-\u9fff\uff01-\uff5e])")
serving = False
wrong_formulas: list[str] = []


def on_startup(command: str, dirty: bool) -> None:
    global serving
    serving = command == "serve"
    if HERE not in sys.path:  # MkDocs has taken it away again; sessions need it, too
        sys.path.insert(0, HERE)
    markdown_exec.formatters["python"] = blocks.format_python


def on_config(config):
    if not any(isinstance(known, formulas.Formulas) for known in config.markdown_extensions):
        config.markdown_extensions.append(formulas.Formulas())
    return config


def on_files(files, config):
    """Before the pages of the first language: check what authors wrote, start what must run."""
    if config.plugins["i18n"].is_default_language_build:
        _report(sources.problems())
        blocks.runner.plan()
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    stamped = sources.stamp(Path(page.file.abs_src_path), markdown)
    return BETWEEN_HAN.sub("", stamped)


def on_page_content(html: str, page, config, files) -> None:
    where = sources.relative(Path(page.file.abs_src_path))
    wrong_formulas.extend(f"{where}: {problem}" for problem in formulas.failures)
    formulas.failures.clear()


def on_env(env, config, files) -> None:
    """All pages of a language are rendered: fail before any is written."""
    first = config.plugins["i18n"].is_default_language_build
    _report([*wrong_formulas, *(blocks.failures() if first else [])])


def on_post_build(config) -> None:
    if config.plugins["i18n"].is_default_language_build:
        cache.trees.keep()
        blocks.rendered.keep()
        cache.finish()


def _report(problems: list[str]) -> None:
    wrong_formulas.clear()
    if problems and serving:  # the pages show their own
        log.error("\n\n".join(problems))
    elif problems:
        raise PluginError("\n\n".join([f"{len(problems)} problem(s)", *problems]))
