"""The built site in a real browser, as a reader meets it."""

import re

import pytest
from publish.search_index import TERM
from sample import LESSONS, SAMPLE
from sources import LANGUAGES, ROOT
from test_site import built

# The pages of the reference are all made alike: its index, a common one and the longest.
NAMES = LESSONS + [
    f"reference/{name}.md" for name in ("index", "basics/autograd", "faq")
]


def watched(page, address: str) -> tuple[list[str], list[str]]:
    """Lists that fill with the page's errors and with its requests to other hosts."""
    errors, foreign = [], []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    return errors, foreign


def url(address: str, language: str, name: str) -> str:
    return f"{address}/{built(language, name).removesuffix('index.html')}"


def visit(page, where: str) -> None:
    """Go there and wait for all of the page, then for half a second without requests.

    Such a half second may come earlier, too, while a busy machine still parses the page.
    """
    page.goto(where, wait_until="load")
    page.wait_for_load_state("networkidle")


# Opens all that readers may open, and lays it out, whether it is in sight or not.
LAID_OUT = """async () => {
  document.querySelectorAll("details").forEach((each) => (each.open = true));
  const boxes = document.querySelectorAll(".md-content__inner > *");
  boxes.forEach((box) => (box.style.contentVisibility = "visible"));
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""
# The first lines of code that reach below the copy buttons, which come when a block is in sight.
COVERED = """async () => {
  document.querySelectorAll(".tabbed-block").forEach((each) => (each.style.display = "block"));
  const blocks = [...document.querySelectorAll("div.highlight[data-session]")];
  if (!blocks.length) return [];
  const buttons = () => blocks[0].querySelectorAll(".md-code__nav button");
  blocks[0].scrollIntoView({ behavior: "instant", block: "center" });
  while (buttons().length < 2) await new Promise(requestAnimationFrame);
  const { right, top } = blocks[0].getBoundingClientRect();
  const nav = buttons()[0].parentElement.getBoundingClientRect();
  return blocks.filter((block) => {
    const [box, text] = [block.getBoundingClientRect(), document.createRange()];
    text.selectNodeContents(block.querySelector("pre > code"));
    const parts = [...text.getClientRects()];
    const first = parts.filter((part) => part.top < parts[0].top + 5);
    return first[0].top - box.top < nav.bottom - top - 4
      && Math.max(...first.map((part) => part.right)) - box.right > nav.left - right;
  }).map((block) => block.querySelector("pre > code").textContent.split("\\n")[0]);
}"""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_whole(browser, address, language, name):
    """No error, no request to others, nothing too wide, no code below its buttons.

    Sizes are the same in both themes: the Chinese pages are light here, the English ones dark. What
    is too wide anywhere is so on a phone; other widths have rules of their own, seen in the sample.
    """
    scheme = {"zh": "light", "en": "dark"}[language]
    # Nothing is on its way from place to place while it is measured.
    context = browser.new_context(
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": 360, "height": 900},
    )
    page = context.new_page()
    errors, foreign = watched(page, address)
    visit(page, url(address, language, name))
    for width in (360, 390, 800, 1280) if name in SAMPLE else (360,):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(LAID_OUT)  # formulas that are too wide begin to scroll
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{width} px: {wide} px too wide"
        if name in LESSONS:
            assert page.evaluate(COVERED) == [], width
    assert (errors, foreign) == ([], [])
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = background[background.index("(") + 1 : -1].split(",")[:3]
    assert (sum(map(int, parts)) > 384) == (scheme == "light")
    context.close()


SCROLLS = """() => [...document.querySelectorAll('.md-content__inner *')]
    .filter(box => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1
        && ['auto', 'scroll'].includes(getComputedStyle(box).overflowX))
    .filter(box => !box.reached || box.tabIndex < 0)
    .map(box => `${box.localName}.${box.className}: ${box.textContent.slice(0, 60)}`)"""


@pytest.mark.parametrize("name", ["basics/autograd.md", "basics/losses.md"])
def test_the_keyboard_reaches_all_that_scrolls_far_down_too(browser, address, name):
    page = browser.new_page(viewport={"width": 360, "height": 700})
    visit(page, url(address, "en", name))
    page.evaluate("addEventListener('focusin', ({ target }) => target.reached = true)")
    page.locator(".md-content__inner h1").click()
    while page.evaluate("document.activeElement.closest('footer') === null"):
        page.keyboard.press("Tab")
    reached = page.evaluate(
        "[...document.querySelectorAll('.md-content__inner *')].filter(e => e.reached).length"
    )
    assert reached > 100 and page.evaluate(SCROLLS) == []
    # A formula that is wider than its line scrolls, too.
    wide = page.evaluate(
        "[...document.querySelectorAll(':is(p, li, dd, td) > math')].filter(each => each.checkVisibility()"
        " && each.getBoundingClientRect().width > each.parentElement.clientWidth).length"
    )
    assert wide == 0
    page.close()


IN_SIGHT = """id => {
  const top = document.getElementById(id)?.getBoundingClientRect().top;
  return top > 0 && top < 100;
}"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_with_a_heading_opens_there(browser, address, language):
    home = url(address, language, "basics/optimizers.md")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    visit(page, home)
    ids = page.evaluate(
        "[...document.querySelectorAll('.md-content__inner > h2')].map(each => each.id)"
    )
    page.close()
    for name in ids[1:-1:3]:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(f"{home}#{name}", wait_until="load")
        page.wait_for_function(IN_SIGHT, arg=name)  # a busy machine takes its time
        page.wait_for_timeout(300)  # and there it stays
        assert page.evaluate(IN_SIGHT, name), f"#{name} has moved away"
        page.close()


def test_the_language_switch_stays_on_the_page(browser, address):
    """That every page's switch leads to its twin stands in test_site.py."""
    name = "basics/losses.md"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url(address, "zh", name))
    for language in ("en", "zh"):
        link = page.locator(f'a[hreflang="{language}"]').first
        link.click()
        page.wait_for_url(url(address, language, name))
        assert page.url == url(address, language, name)
        assert page.locator("html").get_attribute("lang").startswith(language)
    page.close()


SEARCHES = {
    "zh": {
        "自动求导": "/basics/autograd/",
        "损失函数": "/basics/losses/",
        "交叉熵": "/basics/losses/",
        "梯度": "/basics/optimizers/",  # which defines it and descends along it
        "梯度下降": "/basics/optimizers/",
        "过拟合": "/practice/beyond-a-line/",
        "过拟": "/practice/beyond-a-line/",  # not yet typed to the end
        "gradient descent": "/basics/optimizers/",
        "overfitting": "/practice/beyond-a-line/",
        "autograd": "/basics/autograd/",
        "torch.no_grad": "/basics/autograd/#modes",
        "DataLoader": "/practice/beyond-a-line/#loader",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied": "/faq/#mat1-and-mat2-shapes",
    },
    "en": {
        "automatic differentiation": "/en/basics/autograd/",
        "autograd": "/en/basics/autograd/",
        "loss function": "/en/basics/losses/",
        "cross-entropy": "/en/basics/losses/",
        "gradient": "/en/basics/optimizers/",
        "overfitting": "/en/practice/beyond-a-line/",
        "backprop": "/en/basics/autograd/",
        "learning rate": "/en/basics/optimizers/",
        "torch.no_grad": "/en/basics/autograd/#modes",
        "DataLoader": "/en/practice/beyond-a-line/#loader",
        "mat1 and mat2 shapes cannot be multiplied": "/en/faq/#mat1-and-mat2-shapes",
        "element 0 of tensors does not require grad": "/en/faq/#element-0-does-not-require-grad",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_typed_into_the_search_finds_the_right_place_first(
    browser, address, language
):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors, _ = watched(page, address)
    page.goto(url(address, language, "index.md"))
    field = page.locator("input.md-search__input")
    field.click()
    found = page.locator(".md-search-result__link")
    for query, expected in SEARCHES[language].items():
        field.fill(query)
        field.press("End")  # an input method for Chinese ends with a key, too
        page.wait_for_function(
            """expected => {
              const best = [...document.querySelectorAll(".md-search-result__link")].slice(0, 2);
              return best.some(({ pathname, hash }) => (pathname + hash).startsWith(expected));
            }""",
            arg=expected,
            timeout=60_000,  # the first one waits for the index
        )
        best = found.first.evaluate("link => link.pathname + link.hash")
        page_of_best = expected.partition("#")[0]
        assert best.startswith(page_of_best), f"{query}: {best}"
        links = found.evaluate_all("all => all.map(({ pathname }) => pathname)")
        assert {link.startswith("/en/") for link in links} == {language == "en"}
        field.fill("")
        field.press("End")
        found.first.wait_for(state="detached")
    assert errors == []
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_finds_the_page_that_teaches_a_term_and_the_entry_for_an_error(
    browser, address, language
):
    """All terms of the glossary (on Chinese pages the English ones, too), all messages in the FAQ."""
    here = ROOT / "docs" / language
    expected = {}
    for own, other, taught in TERM.findall(here.joinpath("glossary.md").read_text()):
        for term in (own, other) if language == "zh" else (own,):
            expected[re.sub(r"[（(].*?[）)]", "", term).strip()] = taught
    messages = r"^### `([^`]{12,})` \{ #([\w-]+)(?: lang=en)? \}$"
    for message, name in re.findall(
        messages, here.joinpath("faq.md").read_text(), re.MULTILINE
    ):
        expected[message] = f"faq/#{name}"
    page = browser.new_page()
    page.goto(url(address, language, "index.md"))
    found = page.evaluate(
        """async ([folder, queries]) => {
          const config = JSON.parse(document.getElementById("__config").textContent);
          const worker = new Worker(config.search);
          const ask = (type, data) => new Promise((resolve) => {
            worker.onmessage = ({ data }) => resolve(data.data);
            worker.postMessage({ type, data });
          });
          const index = await (await fetch(folder + "search/search_index.json")).json();
          await ask(0, { ...index, options: {} });
          const best = [];
          for (const query of queries) {
            const items = (await ask(2, query)).items[0] ?? [];
            best.push(items.sort((a, b) => b.score - a.score).map(({ location }) => location)[0] ?? "");
          }
          return best;
        }""",
        ["/" if language == "zh" else "/en/", list(expected)],
    )
    wrong = [
        f"{query}: {best} instead of {place}"
        for (query, place), best in zip(expected.items(), found, strict=True)
        if not best.startswith(place)
    ]
    # Two messages share their words with others, and with a term.
    assert len(expected) > 100 and len(wrong) <= 2, wrong
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_colours_copying_and_tabs_work_under_the_policy(
    browser, address, language
):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    errors, foreign = watched(page, address)
    page.goto(url(address, language, "basics/autograd.md"))
    page.locator("input.md-search__input").click()
    page.locator("input.md-search__input").press_sequentially("autograd")
    page.locator(".md-search-result__link").first.wait_for(timeout=15_000)
    page.keyboard.press("Escape")
    page.locator(".md-header__option > button:visible").click()
    code = page.locator("div.highlight[data-session]").first
    code.scroll_into_view_if_needed()  # its button comes when it is seen
    code.locator("button").first.click()
    assert page.evaluate("navigator.clipboard.readText()")
    assert (errors, foreign) == ([], [])
    # And it is in force: a script in the page does not run.
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "globalThis.ran = true";
          document.body.append(script);
        }"""
    )
    assert page.evaluate("globalThis.ran") is None
    assert "Content Security Policy" in errors[0]
    context.close()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_colours_follow_the_system_until_chosen_and_then_stay(
    browser, address, system
):
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    button = page.locator(".md-header__option > button:visible")
    own = {"light": "default", "dark": "slate"}

    def scheme() -> str:
        return page.locator("body").get_attribute("data-md-color-scheme")

    page.goto(url(address, "zh", "index.md"))
    names = [button.get_attribute("aria-label")]
    assert scheme() == own[system]
    for chosen in ("default", "slate"):  # by keyboard, which stays on the button
        button.focus() if len(names) == 1 else None
        page.keyboard.press("Enter")
        assert scheme() == chosen
        names.append(button.get_attribute("aria-label"))
        assert page.evaluate("document.activeElement.ariaLabel") == names[-1]
        page.goto(url(address, "en", "index.md"), wait_until="commit")
        assert scheme() == chosen
        page.goto(url(address, "zh", "index.md"))
        button.focus()
    assert len(set(names)) == 3
    page.goto(f"{address}/404.html")
    assert scheme() == "slate"
    page.goto(url(address, "zh", "index.md"))
    button.click()
    other = {"light": "dark", "dark": "light"}[system]
    page.emulate_media(color_scheme=other)
    page.wait_for_function(
        "scheme => document.body.dataset.mdColorScheme === scheme", arg=own[other]
    )
    context.close()


def test_the_missing_page_speaks_both_languages(browser, address):
    page = browser.new_page()
    errors, foreign = watched(page, address)
    visit(page, f"{address}/404.html")
    assert (errors, foreign) == ([], [])
    assert page.locator("[lang^=zh]").count() and page.locator("[lang^=en]").count()
    page.close()


def test_the_offline_copy_works_from_disk_search_included(browser, project):
    text = "# {} {{ #a }}\n\n[{}](folder/page.md#b)\n"
    project.page(
        "index.md", text.format("首页", "过拟合"), en=text.format("Home", "it")
    )
    text = "# {} {{ #b }}\n\n{}\n"
    project.page(
        "folder/page.md",
        text.format("过拟合", "验证集上的损失回升。"),
        en=text.format("Over-fitting", "The validation loss rises."),
    )
    project.write(
        "mkdocs.offline.yml", (ROOT / "mkdocs.offline.yml").read_text("utf-8")
    )
    done = project.build("-f", "mkdocs.offline.yml")
    assert done.returncode == 0, done.stderr
    root = (project.root / "site-offline").as_uri()
    for language in LANGUAGES:
        home = f"{root}/index.html" if language == "zh" else f"{root}/en/index.html"
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        errors, foreign = watched(page, root)
        page.goto(home)
        page.locator("article a[href*=folder]").click()
        assert page.url == home.replace("index.html", "folder/page/index.html#b")
        page.locator("a.twin").click()
        other = "en/folder" if language == "zh" else "site-offline/folder"
        assert f"{other}/page/index.html" in page.url
        page.locator("a.md-logo").first.click()
        page.locator("a.twin").click()
        assert page.url.partition("#")[0] == home
        page.locator("input.md-search__input").click()
        query = "过拟合" if language == "zh" else "over-fitting"
        page.locator("input.md-search__input").press_sequentially(query)
        page.keyboard.press("End")  # an input method for Chinese ends with a key, too
        first = page.locator(".md-search-result__link").first
        first.click(timeout=15_000)
        assert "folder/page/index.html" in page.url
        assert (errors, foreign) == ([], [])
        page.close()
