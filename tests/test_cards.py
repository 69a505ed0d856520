"""Social cards: each page has its own, and its font can write it."""

import html
import io
import json
import re
from types import SimpleNamespace

import hooks
import pytest
from mkdocs.utils.yaml import yaml_load
from PIL import Image
from publish import cards
from sources import LANGUAGES, ROOT, pages

AT = "https://example.org/primer/"


def og(text: str, name: str) -> str:
    (found,) = re.findall(rf'<meta property="og:{name}" content="([^"]*)">', text)
    return html.unescape(found)


def test_each_page_has_a_card_of_its_own_in_its_language(project):
    project.page("basics/page.md", "# 损失 <函数> & 规模 { #a }\n", "# Loss & scale\n")
    project.page("basics/other.md", "## No title { #b }\n")
    pages = "Home: index.md", "基础: [basics/page.md, basics/other.md]"
    with (project.root / "mkdocs.yml").open("a", encoding="utf-8") as settings:
        settings.write("".join(["nav:\n", *(f"  - {page}\n" for page in pages)]))
    seen = {}
    for folder in "site", "again":
        done = project.build("-d", str(project.root / folder), SITE_URL=AT)
        assert done.returncode == 0, done.stderr
        seen[folder] = {}
        for path in sorted((project.root / folder).rglob("index.html")):
            text = path.read_text("utf-8")
            address, at = og(text, "image"), og(text, "url")
            # Beside its page, so that no two pages can share one.
            assert address == f"{at}index.png" and address.startswith(AT)
            png = (project.root / folder / address.removeprefix(AT)).read_bytes()
            image = Image.open(io.BytesIO(png))
            size = og(text, "image:width"), og(text, "image:height")
            assert image.size == (1200, 630) == tuple(map(int, size))
            assert len(image.convert("RGB").getcolors()) > 30
            assert not image.info, "no date, no software"
            seen[folder][address.removeprefix(AT)] = png, og(text, "image:alt")
    assert seen["site"] == seen["again"], "drawn again, the same bytes"
    drawn = seen["site"]
    assert len(drawn) == 6 == len({png for png, _ in drawn.values()})
    alt = drawn["basics/page/index.png"][1]
    assert alt.startswith("损失 <函数> & 规模 · 基础 · PyTorch 实证 · ")
    assert "都由旁边的代码在构建时跑出来" in alt
    alt = drawn["en/basics/page/index.png"][1]
    assert alt.startswith("Loss & scale · Basics · PyTorch, Shown · Every result")
    assert drawn["basics/other/index.png"][1].startswith("T · 基础 · ")
    assert drawn["index.png"][1].startswith("Home · PyTorch 实证 · ")


def test_a_letter_that_the_fonts_lack_stops_a_build_with_cards_and_no_other(project):
    project.page("page.md", "# 龘靐 { #a }\n", en="# One { #a }\n")
    project.page("other.md", "# 龘 { #b }\n")
    done = project.build(SITE_URL=AT)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stderr.count("fonts of the social cards lack") == 1
    assert "靐 (zh/page.md)" in done.stderr and done.stderr.count("龘") == 1
    assert "    for weight in" in done.stderr and "pyftsubset" in done.stderr
    done = project.build()
    assert done.returncode == 0, done.stderr
    assert not list((project.root / "site").rglob("index.png"))
    for path in (project.root / "site").rglob("*.html"):
        text = path.read_text("utf-8")
        assert "og:image" not in text and "twitter:card" not in text


@pytest.mark.parametrize("serving", [True, False])
def test_serving_draws_no_cards(monkeypatch, serving):
    drawn, nothing = [], SimpleNamespace(problems=[], write=lambda *_: None)
    state = hooks.State(serving)
    state.shelf = state.reference = nothing
    state.nav = None
    monkeypatch.setattr(hooks, "state", state, raising=False)
    monkeypatch.setattr(cards, "draw_all", lambda *_: drawn.append(1))
    i18n = SimpleNamespace(is_default_language_build=False)
    config = SimpleNamespace(site_url=AT, plugins={"i18n": i18n})
    hooks.on_env(SimpleNamespace(), config, None)
    assert bool(drawn) is not serving


def test_the_fonts_can_write_every_card_of_the_site():
    with (ROOT / "mkdocs.yml").open(encoding="utf-8") as file:
        settings = yaml_load(file)
    (languages,) = (p["i18n"] for p in settings["plugins"] if "i18n" in p)
    parts = [settings[name] for name in ("site_name", "copyright", "nav")]
    text = json.dumps([*parts, languages], ensure_ascii=False)
    for language in LANGUAGES:
        for name, path in pages(language).items():
            title = re.search(r"(?m)^# (.+)", path.read_text("utf-8"))
            assert title, name
            text += title[1]
    assert cards.unwritable(text) == "", (
        "how to add them: docs/_build/publish/fonts/README.txt"
    )
    for weight in "Bold", "Regular":
        font = cards.font_of(weight)
        assert all(font.get_char_index(ord(letter)) for letter in text)
    assert cards.unwritable("龘a靐") == "龘靐"


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("损失函数", ["损失函数"]),
        ("FAQ", ["FAQ"]),
        ("这里的每个结果，都是跑出来的", ["这里的每个结果，", "都是跑出来的"]),
        ("API：深度学习与人工智能", ["API：", "深度学习与人工智能"]),
        ("Automatic differentiation", ["Automatic", "differentiation"]),
        ("API: Deep learning and AI", ["API:", "Deep learning and AI"]),
        ("a" * 60, ["a" * 60]),
    ],
)
def test_titles_are_large_and_break_where_readers_pause(title, lines):
    size, found = cards.fit(title, 932, 270)
    assert found == lines
    assert 20 < size <= 100 and (len(title) > 30 or size > 80)


@pytest.mark.parametrize(
    "title",
    [
        "深度学习与人工智能的规模、可解释性（神经网络的基础）：优化算法与自动求导",
        "A very long title, which goes on about networks, and about losses (and scale)",
    ],
)
def test_long_titles_stay_whole_and_within_the_card(title):
    size, lines = cards.fit(title, 932, 270)
    assert 2 <= len(lines) <= 3 and size > 40
    joint = " " if " " in title else ""
    assert joint.join(lines) == title
    assert not any(re.match(r"[，。：；、）」》,.)]", line) for line in lines)
    assert not any(re.search(r"[（「《(]$", line) for line in lines)
    assert size * len(lines) * cards.LEADING <= 270.1
