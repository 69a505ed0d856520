"""Reading the site without a mouse, without colours, by ear, on a phone and on paper."""

import functools
import re
from html.parser import HTMLParser

import pytest
from axe_playwright_python.sync_playwright import Axe
from sample import SAMPLE, sampled
from sources import LANGUAGES, pages
from test_browser import LAID_OUT, NAMES, url, visit
from test_site import Unclosed, built

# What the rules are run on: everything that a reader may open is open, and what repeats
# (tokens of code of one colour, letters of formulas) is there once for each place it stands in.
THIN = """async () => {
  document.querySelectorAll("details").forEach((each) => (each.open = true));
  const seen = new Set();
  const isNew = (what) => seen.size < seen.add(what).size;
  const place = (node) =>
    [".highlight", ".admonition, details", "td, th, h2, h3, p, summary"]
      .map((box) => node.closest(box))
      .map((box) => box && box.tagName + box.className + JSON.stringify(box.dataset.raises))
      .join();
  document.querySelectorAll("pre code span").forEach((each) =>
    isNew(each.className + place(each)) || each.replaceWith(...each.childNodes));
  document.querySelectorAll("pre code").forEach((each) => each.normalize());
  document.querySelectorAll("math").forEach((each) =>
    isNew("math" + place(each)) || (each.innerHTML = "<mi>x</mi>"));
  document.querySelectorAll("svg[role=img]").forEach((each) => each.replaceChildren());
  // By the second frame, site.js has seen which of the opened boxes scroll.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
# All that the keyboard must reach: one radio button of a group stands for the group.
CONTROLS = """() => {
  const wanted = "a[href], button, input, summary, [role=button], [tabindex='0']";
  const all = [...document.querySelectorAll(wanted)].filter((each) =>
    each.tabIndex >= 0 && !each.hidden && each.checkVisibility({ visibilityProperty: true })
    && (each.type !== "radio" || each.checked));
  all.forEach((each, number) => (each.dataset.stop = number));
  return all.map((each) => each.outerHTML.slice(0, 120));
}"""


def broken(page, only: dict) -> list[str]:
    options = {"runOnly": only, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


# The sample in one language each, and what else brings kinds of elements (see below).
JUDGED = {
    (LANGUAGES[number % 2], name)
    for number, name in enumerate(
        [
            *SAMPLE,
            *("concepts/background.md", "concepts/deep-learning.md"),
            *("reference/index.md", "reference/basics/autograd.md"),
        ]
    )
}


@pytest.mark.parametrize(
    ("language", "name"),
    sampled([(language, name) for language in LANGUAGES for name in NAMES], JUDGED),
)
def test_axe_finds_nothing_in_either_theme(tab, address, language, name):
    tab.emulate_media(color_scheme="light")
    tab.goto(url(address, language, name), wait_until="load")
    # What is far off is only laid out for readers who come near: until then it has no place.
    tab.evaluate(LAID_OUT)
    tab.evaluate(THIN)
    assert broken(tab, {"type": "tag", "values": RULES}) == []
    tab.emulate_media(color_scheme="dark")
    tab.locator("body[data-md-color-scheme=slate]").wait_for(state="attached")
    assert broken(tab, {"type": "rule", "values": COLOURS}) == []


class Elements(HTMLParser):
    """The elements of a page's article, but for formulas and drawings: tag, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found, self._open, self._skipped = [], [], 0
        self.feed(re.search(r"<article.*</article>", html, re.DOTALL)[0])

    def handle_starttag(self, tag, attrs):
        self._skipped += tag in ("math", "svg")
        each = (tag, dict(attrs), [])
        if not self._skipped:
            self.found.append(each)
        if tag not in Unclosed.VOID:
            self._open.append(each)

    def handle_endtag(self, tag):
        if tag not in Unclosed.VOID:
            self._skipped -= tag in ("math", "svg")
            self._open.pop()

    def handle_data(self, data):
        for _, _, text in self._open:
            text.append(data)


@functools.cache
def elements(site, language: str, name: str) -> list:
    return Elements((site / built(language, name)).read_text("utf-8")).found


def kinds(found) -> set[tuple[str, str]]:
    return {
        (tag, each)
        for tag, attributes, _ in found
        for each in (attributes.get("class") or "").split()
    }


def test_the_rules_are_run_on_every_kind_of_element(site):
    judged = set().union(*(kinds(elements(site, *each)) for each in JUDGED))
    other = {
        (language, name): kinds(elements(site, language, name)) - judged
        for language in LANGUAGES
        for name in pages(language)
    }
    assert {page: found for page, found in other.items() if found} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_can_be_followed_by_ear(site, language):
    """What a page can get wrong by itself, of what the rules ask for: this holds for all pages."""
    wrong = []
    for name in pages(language):
        found = elements(site, language, name)
        ids = [given["id"] for _, given, _ in found if "id" in given]
        wrong += [
            (name, f"id {each} twice") for each in set(ids) if ids.count(each) > 1
        ]
        levels = [int(tag[1]) for tag, _, _ in found if re.fullmatch("h[1-6]", tag)]
        steps = zip([0, *levels], levels, strict=False)
        wrong += [(name, f"h{low} after h{up}") for up, low in steps if low > up + 1]
        for tag, given, text in found:
            named = (
                "".join(text).strip() or given.get("aria-label") or given.get("title")
            )
            if tag in ("a", "button", "summary") and not named:
                wrong.append((name, f"{tag} without a name: {given}"))
            if tag == "img" and "alt" not in given:
                wrong.append((name, f"img without alt: {given}"))
    assert wrong == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("language", "name"), [("zh", "index.md"), ("en", "concepts/frameworks.md")]
)
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    tab,
    address,
    language,
    name,
    width,
):
    tab.set_viewport_size({"width": width, "height": 900})
    visit(tab, url(address, language, name))
    # Everything is laid out, so that it is known what scrolls: what is far may be a stop until then.
    tab.evaluate(LAID_OUT)
    wanted = tab.evaluate(CONTROLS)
    reached, unseen = set(), []
    for _ in range(3 * len(wanted)):  # buttons that come into view are stops, too
        if len(reached) == len(wanted):
            break
        tab.keyboard.press("Tab")
        stop, outline, shown = tab.evaluate(
            """() => {
              const at = document.activeElement;
              const ring = at.type === "radio" ? at.labels[0] ?? at : at;
              return [at.dataset.stop, getComputedStyle(ring).outlineStyle, at.outerHTML.slice(0, 120)];
            }"""
        )
        if stop is None:
            continue
        reached.add(int(stop))
        if outline == "none" and "md-search__input" not in shown:
            unseen.append(shown)
    tab.set_viewport_size({"width": 1280, "height": 900})
    assert [wanted[stop] for stop in sorted(set(range(len(wanted))) - reached)] == []
    assert unseen == []


def test_nothing_moves_for_readers_who_ask_for_it(tab, address):
    tab.goto(url(address, "en", "basics/optimizers.md"), wait_until="load")
    moving = """() => [...document.querySelectorAll("*")].filter((each) => {
      const { transitionDuration, animationDuration, scrollBehavior } = getComputedStyle(each);
      const longest = Math.max(...`${transitionDuration}, ${animationDuration}`.split(", ").map(parseFloat));
      return longest > 0.001 || scrollBehavior === "smooth";
    }).map((each) => each.className)"""
    assert tab.evaluate(moving) == []
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate(moving) != []  # so the list above can fill
    tab.emulate_media(reduced_motion="reduce")


# An explorable holds several figures and one table of all their positions.
FIGURE = re.compile(
    r'<figure class="explorable.*?</details></figure>|<figure class="fig.*?</figure>',
    re.DOTALL,
)
DATA = re.compile(
    r'<details class="fig-data"[^>]*><summary>(.*?)</summary>(.*?)</details>', re.DOTALL
)


@functools.cache
def figures(site, language: str, name: str) -> list[str]:
    return FIGURE.findall((site / built(language, name)).read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_name_and_its_numbers_in_the_pages_language(site, name):
    for language, word in (("zh", "数据表"), ("en", "table")):
        for figure in figures(site, language, name):
            drawings = re.findall(r"<svg [^>]*role=\"img\"[^>]*>", figure)
            alts = re.findall(r'role="img" aria-label="([^"]{10,})"', figure)
            assert len(set(alts)) == len(alts) == len(drawings) > 0
            ((summary, data),) = DATA.findall(figure)
            assert word in summary.lower() and 'lang="' not in figure
            assert re.search(r"<td>[^<]|<th scope=\"row\">[^<]", data), data
            if language == "en":
                assert not re.search("[一-鿿]", figure), alts


@pytest.mark.parametrize("name", NAMES)
def test_curves_of_a_figure_differ_without_their_colours(site, name):
    for figure in figures(site, "en", name):
        for legend in re.findall(r'<ul class="fig-legend">.*?</ul>', figure):
            samples = re.findall(r'<li>(<svg class="fig-key".*?</svg>)', legend)
            grey = [re.sub(r"var\(--fig-\w+\)", "", each) for each in samples]
            assert len(set(grey)) == len(grey), legend


@pytest.mark.parametrize("language", LANGUAGES)
def test_formulas_are_copied_as_tex(browser, address, language):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    visit(page, url(address, language, "basics/optimizers.md"))
    pasted = functools.partial(page.evaluate, "navigator.clipboard.readText()")
    box = page.locator(".formula-box").nth(2)
    tex = box.locator("annotation").text_content()
    assert "\\" in tex
    button = box.locator("button")
    button.focus()
    page.keyboard.press("Enter")
    copied = {"zh": "已复制", "en": "Copied"}[language]
    box.locator("button", has_text=re.compile(f"^{copied}$")).wait_for()
    assert pasted() == tex
    # A selection that begins inside one formula and ends inside another takes both whole.
    first, last = page.locator("p math").nth(0), page.locator(".formula math").nth(1)
    page.evaluate(
        """([first, last]) => {
          document.activeElement.blur();
          const [from, to] = [first, last].map((math) => math.querySelector("mi, mn"));
          getSelection().setBaseAndExtent(from.firstChild, 0, to.firstChild, 1);
        }""",
        [first.element_handle(), last.element_handle()],
    )
    page.keyboard.press("Control+c")
    copied = pasted()
    assert f"${first.locator('annotation').text_content()}$" in copied
    assert f"$${last.locator('annotation').text_content()}$$" in copied
    assert len(copied.splitlines()) > 4  # paragraphs stay apart
    assert page.locator(".copied").count() == 0
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_screen_shows_code_and_what_it_gave(tab, address, language):
    tab.set_viewport_size({"width": 1280, "height": 720})
    visit(tab, url(address, language, "index.md"))
    code, output, drawing, mark = (
        tab.locator(f".at-work {part}").bounding_box()
        for part in ("> [data-session]", "> [data-output]", "figure svg", "> p")
    )
    tab.set_viewport_size({"width": 1280, "height": 900})
    assert code["x"] + code["width"] <= output["x"] and code["y"] == output["y"]
    assert output["y"] + output["height"] <= drawing["y"]
    assert drawing["y"] + drawing["height"] <= code["y"] + code["height"]
    assert mark["y"] + mark["height"] <= 720


@pytest.mark.parametrize("width", [390, 1280])
def test_halves_of_a_drawing_stand_below_each_other_on_a_phone(tab, address, width):
    tab.set_viewport_size({"width": width, "height": 900})
    visit(tab, url(address, "en", "basics/losses.md"))
    figure = tab.locator("figure:has(.fig-half)").first
    box = figure.locator(".fig-drawing").bounding_box()
    if width == 390:
        above, below = (
            half.bounding_box() for half in figure.locator(".fig-half").all()
        )
        assert above["y"] + above["height"] <= below["y"] + 1
        assert above["width"] == below["width"] == box["width"]
        assert figure.locator("svg[role=img]").bounding_box()["width"] <= 1
        wide = "box => box.scrollWidth > box.clientWidth"
        assert not figure.locator(".fig-drawing").evaluate(wide)
    else:
        assert not figure.locator(".fig-half").first.is_visible()
        assert figure.locator("svg[role=img]").bounding_box()["width"] == box["width"]


def test_88_letters_of_code_fit_beside_both_side_columns(tab, address):
    visit(tab, url(address, "en", "basics/optimizers.md"))
    letters = tab.evaluate(
        """() => {
          const code = document.querySelector("article > [data-session] pre > code");
          const { paddingLeft, paddingRight } = getComputedStyle(code);
          const probe = code.appendChild(document.createElement("span"));
          probe.textContent = "x".repeat(100);
          const letter = probe.getBoundingClientRect().width / 100;
          probe.remove();
          return (code.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)) / letter;
        }"""
    )
    assert letters >= 88
    assert tab.locator(".md-sidebar--primary").is_visible()
    assert tab.locator(".md-sidebar--secondary").is_visible()


def test_paper_gets_the_chapter_alone_and_whole(tab, address):
    visit(tab, url(address, "zh", "concepts/frameworks.md"))
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    for part in (
        "header",
        ".md-sidebar",
        ".md-footer",
        "article button",
        ".headerlink",
    ):
        assert not any(each.is_visible() for each in tab.locator(part).all()), part
    assert all(each.is_visible() for each in tab.locator("article .highlight").all())
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgba(0, 0, 0, 0)",
        "rgb(255, 255, 255)",
    )
    cut = """() => [...document.querySelectorAll("pre > code")]
      .filter((each) => each.scrollWidth > each.clientWidth + 1).length"""
    assert tab.evaluate(cut) == 0
    tab.emulate_media(media="screen")
    tab.set_viewport_size({"width": 500, "height": 900})
    assert tab.evaluate(cut) > 0  # so the list above can fill
    tab.set_viewport_size({"width": 1280, "height": 900})
