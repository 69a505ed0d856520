"""The reader's way about the site: where one is, how one gets back, what is read, what it looks like."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from sample import LESSONS
from sources import LANGUAGES, ROOT, pages
from test_browser import LAID_OUT, url
from test_site import built

CHAPTER = "basics/optimizers.md"
# Nothing has moved for three frames, and the page's script has looked.
STILL = """
const frame = () => new Promise(requestAnimationFrame);
const still = async () => {
  for (let same = 0, last = -1; same < 3; last = scrollY) {
    same = scrollY === last ? same + 1 : 0;
    await frame();
  }
  await frame();
};
"""


@pytest.fixture
def tab(browser):
    """A page of a reader who has never been here, and whose pages do not glide."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def opened(tab, where: str, width: int = 1280):
    tab.set_viewport_size({"width": width, "height": 900 if width > 400 else 800})
    tab.goto(where, wait_until="load")
    return tab


FOLLOWED = f"""async () => {{
  {STILL}
  const links = [...document.querySelectorAll(".md-sidebar--secondary .md-nav a")];
  const header = document.querySelector(".md-header").getBoundingClientRect().bottom;
  const wrong = [];
  for (const link of links) {{
    link.click();
    await still();
    const section = document.getElementById(link.hash.slice(1));
    const {{ top, bottom }} = section.getBoundingClientRect();
    const marked = links.filter((each) => each.matches(".md-nav__link--active"));
    if (marked.length !== 1 || marked[0] !== link) wrong.push(`${{link.hash}} marks ${{marked[0]?.hash}}`);
    if (top < header || bottom > innerHeight) wrong.push(`${{link.hash}} lands at ${{top}}`);
    const named = [...document.querySelectorAll(".here-section")].map((each) => each.textContent);
    if (named.some((each) => each !== link.textContent.trim())) wrong.push(`${{link.hash}} is called ${{named}}`);
  }}
  return [links.length, wrong];
}}"""


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("zh", CHAPTER),
        ("en", "basics/losses.md"),
        ("zh", "practice/repair.md"),
        ("en", "faq.md"),
        ("en", "reference/basics/autograd.md"),
    ],
)
def test_the_contents_mark_the_section_that_is_read(tab, address, language, name):
    opened(tab, url(address, language, name))
    count, wrong = tab.evaluate(FOLLOWED)
    assert count > 4 and wrong == []
    assert tab.locator(".md-top").count() == 0  # nothing floats over the text


@pytest.mark.parametrize("width", [390, 1280])
def test_a_link_to_an_explorable_lands_below_the_header(tab, address, width):
    place = "#explore-momentum?rate=0.04&beta=0.8"
    opened(tab, url(address, "en", CHAPTER) + place, width)
    tab.evaluate(f"async () => {{ {STILL} await still(); }}")
    assert tab.evaluate(
        """() => {
          const title = document.getElementById("explore-momentum-title");
          const { left, top, bottom } = title.getBoundingClientRect();
          return document.elementFromPoint(left + 5, (top + bottom) / 2) === title && top < 200;
        }"""
    )


def test_the_other_language_opens_at_the_same_place(tab, address):
    opened(tab, url(address, "zh", CHAPTER), 390)
    tab.evaluate(
        f"""async () => {{
          {STILL}
          for (let n = 0; n < 3; n++) {{
            document.getElementById("common-mistakes")?.scrollIntoView();
            document.querySelectorAll(".md-content__inner h2")[3].scrollIntoView();
            await still();
          }}
          scrollBy(0, 300);
          await still();
        }}"""
    )
    wanted = tab.evaluate(
        """() => [...document.querySelectorAll(".md-content__inner :is(h2, h3)[id]")]
          .findLast((each) => each.getBoundingClientRect().top < 64).id"""
    )
    tab.locator("a.twin").click()
    tab.wait_for_url(url(address, "en", CHAPTER) + f"#{wanted}")
    tab.wait_for_function(
        """id => { const { top } = document.getElementById(id).getBoundingClientRect();
          return top > 40 && top < 100; }""",
        arg=wanted,
    )
    place = "#explore-momentum?rate=0.04&beta=0.8"
    opened(tab, url(address, "en", CHAPTER) + place)
    tab.locator("#explore-momentum .explorable-knobs:enabled").wait_for()
    tab.locator("a.twin").click()
    tab.wait_for_url(url(address, "zh", CHAPTER) + place)


@pytest.mark.parametrize("width", [390, 768])
def test_the_contents_are_at_hand_where_they_are_not_beside_the_text(
    tab, address, width
):
    opened(tab, url(address, "zh", CHAPTER), width)
    button, contents = tab.locator("button.here"), tab.locator("#contents")
    title = tab.locator("h1").inner_text().rstrip("¶").strip()
    assert button.inner_text().strip() == title and not contents.is_visible()
    assert tab.evaluate("document.querySelector('.far').value") == 0
    button.click()
    link = contents.locator("a").nth(4)
    words = link.inner_text().strip()
    link.click()
    contents.wait_for(state="hidden")
    tab.wait_for_function(
        "words => document.querySelector('button.here').innerText.trim() === words",
        arg=words,
    )
    assert 0 < tab.evaluate("document.querySelector('.far').value") < 1
    button.focus()
    tab.keyboard.press("Enter")
    contents.wait_for(state="visible")
    marked = contents.locator("[aria-current]")
    assert marked.inner_text().strip() == words
    tab.keyboard.press("Escape")
    contents.wait_for(state="hidden")
    # On a phone the search is no stop for the keyboard before it is opened, and then it is.
    search = tab.locator("input.md-search__input")
    assert not search.is_visible()
    tab.locator("label[for=__search] > [role=button]").click()
    search.wait_for(state="visible")


READ = f"""async () => {{
  {STILL}
  for (const heading of document.querySelectorAll(".md-content__inner h2")) {{
    heading.scrollIntoView();
    await still();
  }}
  scrollTo(0, document.documentElement.scrollHeight);
  await still();
}}"""


def test_one_goes_on_where_one_left_off_and_sees_what_is_read(tab, address, site):
    # The button shows once anything is known of the reader.
    assert 'class="forget" hidden' in (site / built("en", CHAPTER)).read_text("utf-8")
    opened(tab, url(address, "en", CHAPTER))
    tab.evaluate(READ)
    last = opened(tab, url(address, "en", "basics/losses.md"))
    last.evaluate(
        f"async () => {{ {STILL} document.querySelectorAll('.md-content__inner h2')[2].scrollIntoView(); await still(); }}"
    )
    place = tab.evaluate("document.querySelectorAll('.md-content__inner h2')[2].id")
    ticked = ".md-nav--primary a.read"
    assert tab.locator(ticked).evaluate_all(
        "all => all.map(link => link.pathname)"
    ) == ["/en/basics/optimizers/"]
    for language in LANGUAGES:
        home = opened(tab, url(address, language, "index.md"))
        again = home.locator("a.resume")
        target = again.evaluate("link => link.href")
        assert target == f"{url(address, language, 'basics/losses.md')}#{place}"
        assert home.locator(".chapters a.read").evaluate_all(
            "all => all.map(link => link.pathname)"
        ) == [urlparse(url(address, language, CHAPTER)).path]
    opened(tab, url(address, "zh", "basics/losses.md"))
    assert tab.locator("a.resume").get_attribute("href") == f"#{place}"
    assert tab.context.cookies() == []
    tab.locator(".forget").click()
    assert tab.locator("a.resume, a.read").count() == 0
    assert (
        tab.evaluate("Object.keys(localStorage).filter(key => /way/.test(key))") == []
    )
    opened(tab, url(address, "zh", "index.md"))
    assert tab.locator("a.resume, a.read").count() == 0


EDGES = """async () => {
  const { left } = document.querySelector(".md-content__inner > p").getBoundingClientRect();
  const of = {};
  for (const kind of ["p", ".highlight", "figure.fig", "figure.explorable", ".formula-box", ".admonition", ".md-typeset__scrollwrap table"]) {
    const boxes = [...document.querySelectorAll(`.md-content__inner > ${kind}`)].map((each) => each.getBoundingClientRect());
    of[kind] = [...new Set(boxes.map(({ right }) => Math.round(right)))];
  }
  return of;
}"""


@pytest.mark.parametrize("width", [768, 1000, 1280, 1600])
def test_prose_code_figures_and_formulas_have_one_right_edge(tab, address, width):
    opened(tab, url(address, "en", "practice/linear-regression.md"), width)
    tab.evaluate(LAID_OUT)
    edges = tab.evaluate(EDGES)
    found = {edge for of_kind in edges.values() for edge in of_kind}
    assert sum(map(bool, edges.values())) >= 5 and max(found) - min(found) <= 1, edges


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wider_than_the_smallest_window(tab, address, language):
    for name in ("index.md", "basics/losses.md", "faq.md"):
        opened(tab, url(address, language, name), 320)
        tab.evaluate(LAID_OUT)
        wide = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name


@pytest.mark.parametrize("name", LESSONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_in_prose_have_the_fonts_of_prose(site, language, name):
    html = (site / built(language, name)).read_text("utf-8")
    alone = r'<math(?! display="block")[^>]*>(?:<semantics>)?(?:<m?row>)?(?:<mo[^>]*>−</mo>)?<mn>[^<]*</mn>(?:<mi[^>]*>%</mi>)?(?:</mrow>)?<annotation'
    assert re.findall(alone, html) == []


def test_english_on_chinese_pages_says_so(site):
    for name in ("sources.md", "faq.md"):
        html = (site / built("zh", name)).read_text("utf-8")
        found = re.findall(r"(?s)<(h[23]|dt)\b([^>]*)>(.*?)</\1>", html)
        words = {more: re.sub(r"<[^>]+>|¶|&\w+;", "", text) for _, more, text in found}
        english = [m for m, text in words.items() if not re.search("[一-鿿]", text)]
        assert len(english) > 30
        assert [more for more in english if 'lang="en"' not in more] == []


def test_paper_has_what_is_folded(tab, address):
    opened(tab, url(address, "en", "practice/linear-regression.md"))
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    folded = tab.evaluate(
        """() => [...document.querySelectorAll(".md-content__inner details:not(.origin, .downloads *) > summary + *")]
          .filter((each) => !each.matches(".origin"))
          .map((each) => [each.parentElement.className, each.checkVisibility({ contentVisibilityAuto: true })
            && each.getBoundingClientRect().height > 5])"""
    )
    kinds = {kind for kind, _ in folded}
    assert {"question", "success", "fig-data"} <= kinds
    assert [kind for kind, seen in folded if not seen] == []
    values = "box => [getComputedStyle(box).maxHeight, getComputedStyle(box).overflowX]"
    assert tab.locator(".fig-values").first.evaluate(values) == ["none", "visible"]


def test_colours_of_the_system_keep_the_choice_and_the_chevrons(browser, address):
    context = browser.new_context(forced_colors="active", reduced_motion="reduce")
    tab = opened(context.new_page(), url(address, "en", "basics/losses.md"))
    tab.evaluate(LAID_OUT)
    ground = "each => getComputedStyle(each).backgroundColor"
    choice = tab.locator("#explore-temperature .explorable-choice")
    chosen = choice.locator(":checked + span").evaluate(ground)
    other = choice.locator("input:not(:checked) + span").first.evaluate(ground)
    assert chosen != other
    chevron = """each => [getComputedStyle(each, '::after').backgroundColor,
      getComputedStyle(document.body).backgroundColor]"""
    mark, paper = tab.locator("details.question > summary").first.evaluate(chevron)
    assert mark != paper
    context.close()


SIZES = """figure => [...figure.querySelectorAll("svg[role=img]")].flatMap((drawing) => {
  const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
  return [...drawing.querySelectorAll("text:not(:has(tspan)), text > tspan")]
    .filter((each) => !each.closest("text").getAttribute("font-size").startsWith("7"))
    .map((each) => scale * parseFloat(getComputedStyle(each.closest("text")).fontSize));
})"""


@pytest.mark.parametrize("width", [390, 1280])
def test_an_explorable_plays_resets_compares_and_lets_points_be_dragged(
    tab, address, width
):
    opened(tab, url(address, "en", "basics/losses.md") + "#explore-outlier", width)
    figure = tab.locator("#explore-outlier")
    figure.locator(".explorable-knobs:enabled").wait_for()
    assert min(figure.evaluate(SIZES)) > 11
    slider, said = figure.locator("input"), figure.locator(".explorable-said")
    start, words = slider.input_value(), said.inner_text()
    play, reset, keep = figure.locator(".explorable-actions button").all()[:3]
    keep.click()
    assert figure.locator(".kept").count() > 0
    paths = "all => all.map(each => each.querySelector('path')?.getAttribute('d'))"
    kept = figure.locator(".kept").evaluate_all(paths)
    grip = figure.locator(".grip-y")
    box = grip.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40, steps=3)
    tab.mouse.up()
    assert int(slider.input_value()) < int(start) and said.inner_text() != words
    assert grip.bounding_box()["y"] > box["y"] + 10
    assert figure.locator(".kept").evaluate_all(paths) == kept
    keep.click()
    assert figure.locator(".kept").count() == 0
    last = slider.get_attribute("max")
    play.click()
    tab.wait_for_function(
        "input => input.value === input.max", arg=slider.element_handle()
    )
    assert slider.input_value() == last
    reset.click()
    assert (slider.input_value(), said.inner_text()) == (start, words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_whose_it_is_which_version_and_when_it_ran(site, language):
    for name in sorted(pages("zh")):
        html = (site / built(language, name)).read_text("utf-8")
        footer = html[html.index("<footer") :]
        assert footer.count('rel="license"') == 2 and "/issues/new" not in footer
        assert (
            re.search(r"<code>[0-9a-f]{7}</code>", footer)
            or not (ROOT / ".git").exists()
        )
        if name == CHAPTER:
            assert re.search(r'<time datetime="20\d\d-', footer)


def test_a_report_names_the_page_and_the_block(project, browser):
    code = '```python exec="on" source="above" result="text" session="s"\nprint(1 + 1)\n```\n'
    project.page("a.md", f"# A {{ #a }}\n\n## B {{ #b }}\n\n{code}")
    settings = (ROOT / "mkdocs.offline.yml").read_text("utf-8")
    project.write(
        "mkdocs.offline.yml", f"{settings}\nrepo_url: https://github.com/some/where\n"
    )
    done = project.build("-f", "mkdocs.offline.yml")
    assert done.returncode == 0, done.stderr
    page = browser.new_page()
    page.goto((project.root / "site-offline/en/a/index.html").as_uri())

    def body(link) -> str:
        address = urlparse(link.get_attribute("href"))
        assert (address.netloc, address.path) == (
            "github.com",
            "/some/where/issues/new",
        )
        return parse_qs(address.query)["body"][0]

    assert "en/a.md" in body(page.locator("footer a.report"))
    page.locator(".origin > summary").click()
    assert "docs/en/a.md" in body(page.locator(".origin a.report"))
    page.close()


@pytest.mark.parametrize("name", [n for n in LESSONS if "/" in n])
def test_downloads_take_one_quiet_line(tab, address, name):
    opened(tab, url(address, "en", name))
    assert tab.locator(".md-content__inner > .downloads").bounding_box()["height"] < 40
