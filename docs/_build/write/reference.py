"""The API reference (being rewritten)."""

from __future__ import annotations

import posixpath

from sources import ROOT, Page

WORDS = {
    "zh": '本章的函数和类，连同形状、报错和源码：<a href="{}">API 参考</a>。',
    "en": 'This chapter’s functions and classes, with shapes, errors and source: <a href="{}">API reference</a>.',
}


class Reference:
    def __init__(self, found, results, origins, language: str) -> None:
        self.problems: list[str] = []

    def link(self, page: Page) -> str:
        there = ROOT / "docs" / page.language / "reference" / page.name
        if not there.exists() or page.name == "index.md":
            return ""
        here = page.name.removesuffix(".md")
        href = posixpath.relpath(f"reference/{here}", here) + "/"
        return f'<p class="look-up">{WORDS[page.language].format(href)}</p>'

    def directives(self, text: str, page: Page, root: str) -> str:
        return text

    def expanded(self, text: str) -> str:
        return text
