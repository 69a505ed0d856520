"""The built site: what it shows runs as shown, and its parts say what they are."""

import json
import re
from html.parser import HTMLParser

import pytest
from sources import LANGUAGES, pages

NAMES = sorted(pages("zh"))


def built(language: str, name: str) -> str:
    """Where a page lies in the built site."""
    stem = name.removesuffix(".md").removesuffix("index").rstrip("/")
    return "/".join(
        filter(None, ["" if language == "zh" else language, stem, "index.html"])
    )


class Marked(HTMLParser):
    """Collects the marked code and output blocks of a page, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict] = []
        self._depth = self._code = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "div" and (
            "data-session" in attributes or "data-output" in attributes
        ):
            self.found.append(attributes | {"text": ""})
            self._depth = 1
        elif self._depth and tag == "div":
            self._depth += 1
        elif self._depth and tag == "code":
            self._code += 1

    def handle_endtag(self, tag):
        if self._depth and tag == "div":
            self._depth -= 1
        elif self._depth and tag == "code":
            self._code -= 1

    def handle_data(self, data):
        if self._depth and self._code:
            self.found[-1]["text"] += data


# A reader's own, but one thread, so that rounding is the site's.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "COLUMNS": "80",
}


def comparable(text: str, measured: bool) -> str:
    """Output without what depends on where it was pasted: names of files in warnings."""
    lines = [
        line
        for line in text.strip().splitlines()
        if not re.match(r"\S*:\d+: \w*Warning", line)
    ]
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).expandtabs(4) for line in lines]
    # Where a library prints the whole stack, its first frame is this file's.
    lines = [line for line in lines if 'File "<string>", line' not in line]
    lines = [re.sub(r'^ *(?=File ")', "", line) for line in lines]
    text = re.sub(r"<stdin-\d+>", "<stdin>", "\n".join(line.rstrip() for line in lines))
    return re.sub(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", "0", text) if measured else text


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same_results(site, name):
    found = [
        Marked((site / built(lang, name)).read_text("utf-8")).found
        for lang in LANGUAGES
    ]
    for zh, en in zip(*found, strict=True):
        words = {"text", "data-long"}  # a comment may be longer in one language
        assert {k: v for k, v in zh.items() if k not in words} == {
            k: v for k, v in en.items() if k not in words
        }
        if "data-output" in zh:
            own = {"data-measured", "data-view"} & zh.keys()
            assert zh["text"] == en["text"] or own


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_wholly_in_its_language(site, language, name):
    html = (site / built(language, name)).read_text("utf-8")
    assert f'<html lang="{language}' in html
    shown = "".join(mark["text"] for mark in Marked(html).found)
    assert not re.search(r"# (zh|en): |^\s*(zh|en): |  # (zh|en)$", shown, re.MULTILINE)
    if language == "en":
        page = re.sub(r"(?s)<(script|style|svg)\b.*?</\1>", "", html)
        page = re.sub(r"(?s)<[^>]*\blang=\"zh[^>]*>.*?</\w+>", "", page)
        allowed = (
            "glossary",
            "sources",
            "repair",
        )  # terms and quoted lines are Chinese there
        if not any(part in name for part in allowed):
            article = page.split("<article", 1)[1].split("</article>")[0]
            text = re.sub(r"<[^>]+>", "", article)
            assert re.findall(r"[一-鿿]+", text) == []


class Unclosed(HTMLParser):
    """The tags of a page that are never closed, or closed in another order."""

    VOID = ("br", "col", "hr", "img", "input", "path", "wbr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.wrong = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append((tag, self.getpos()))

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if self.open and self.open[-1][0] == tag:
            self.open.pop()
        else:
            self.wrong.append((tag, self.getpos(), self.open[-1:]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tag_is_closed(site, language, name):
    """Where one is not, the search loses the rest of the page."""
    html = (site / built(language, name)).read_text("utf-8")
    article = re.search(r"<article.*</article>", html, re.DOTALL)[0]
    page = Unclosed(article)
    assert not page.wrong and not page.open


def test_no_page_carries_a_path_of_this_machine_or_a_foreign_request(site):
    for path in site.rglob("*.html"):
        html = path.read_text("utf-8")
        assert "site-packages" not in html
        assert not re.search(r"/tmp/|/root/|/home/", html), path
        assert not re.search(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?:https?:)?//(?!localhost)",
            re.sub(r"<link[^>]+rel=\"(?:canonical|alternate ?)\"[^>]*>", "", html),
        ), path


def test_no_page_has_scripts_or_styles_of_its_own(site):
    """So a Content-Security-Policy without exceptions holds; each page carries it."""
    for path in site.rglob("*.html"):
        html = re.sub(r"(?s)<(pre|annotation)\b.*?</\1>", "", path.read_text("utf-8"))
        tags = re.findall(r"<[a-zA-Z][^>]*>", html)
        policies = [tag for tag in tags if "Content-Security-Policy" in tag]
        assert len(policies) == 1 and "default-src 'none'" in policies[0], path
        assert "unsafe" not in policies[0]
        for tag in tags:
            assert not re.match(r"<style\b", tag), path
            assert not re.search(
                r"\s(style|on\w+)\s*=", re.sub(r'"[^"]*"', '""', tag)
            ), tag
            if re.match(r"<script\b", tag):
                assert " src=" in tag or 'type="application/json"' in tag, (
                    f"{path}: {tag}"
                )


def test_each_page_has_a_description_of_its_own_in_its_language(site):
    seen = set()
    for language in LANGUAGES:
        for name in NAMES:
            html = (site / built(language, name)).read_text("utf-8")
            (found,) = re.findall(r'<meta name="description" content="([^"]+)">', html)
            assert bool(re.search(r"[一-鿿]", found)) == (language == "zh"), name
            assert found not in seen
            seen.add(found)


def test_links_inside_the_site_lead_somewhere(site):
    identifiers = {}
    for path in site.rglob("*.html"):
        html = path.read_text("utf-8")
        identifiers[path.resolve()] = set(re.findall(r'\bid="([^"]+)"', html))
    broken = []
    for path in site.rglob("*.html"):
        if path.name == "404.html":
            continue
        for href in re.findall(r'<a [^>]*href="([^"]+)"', path.read_text("utf-8")):
            if re.match(r"[a-z]+:|//|/", href):
                continue
            target, _, fragment = href.partition("#")
            target = target.partition("?")[0]
            other = (path.parent / target).resolve() if target else path.resolve()
            other = other / "index.html" if other.is_dir() else other
            if not other.exists() or (
                fragment and other in identifiers and fragment not in identifiers[other]
            ):
                broken.append(f"{path.relative_to(site)}: {href}")
    assert broken == []


def test_every_page_leads_to_its_twin(site):
    for name in NAMES:
        for language, other in (LANGUAGES, LANGUAGES[::-1]):
            path = site / built(language, name)
            html = path.read_text("utf-8")
            links = re.findall(
                rf'<a class="twin" href="([^"]+)" hreflang="{other}"', html
            )
            targets = {(path.parent / link / "index.html").resolve() for link in links}
            assert targets == {(site / built(other, name)).resolve()}, path


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_a_search_index_of_its_own(site, language):
    folder = site / ("" if language == "zh" else language)
    index = json.loads((folder / "search" / "search_index.json").read_text("utf-8"))
    pages_in_it = {entry["location"].partition("#")[0] for entry in index["docs"]}
    own = {built(language, name).removeprefix("en/") for name in NAMES}
    assert pages_in_it == {path.removesuffix("index.html") for path in own}
    assert not any("Traceback (most" in entry["text"] for entry in index["docs"])
