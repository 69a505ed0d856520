"""The built site in a real browser, as a reader meets it."""

import functools
import http.server
import os
import re
import shutil
import threading

import pytest
from publish.search_index import TERM
from sources import LANGUAGES, ROOT, pages
from test_site import built

LESSONS = [name for name in sorted(pages("zh")) if not name.startswith("reference/")]
# The pages of the reference are all made alike: its index, a common one and the longest.
NAMES = LESSONS + [
    f"reference/{name}.md" for name in ("index", "basics/autograd", "faq")
]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
if not BROWSER and not os.environ.get("CI"):
    pytest.skip(
        "no browser: install Chromium (Debian: apt install chromium fonts-noto-cjk)",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def address(site):
    """Where the built site is served, under the policy that its pages carry."""
    home = (site / "index.html").read_text("utf-8")
    policy = re.search(r'"Content-Security-Policy" content="([^"]+)"', home)[1]

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def end_headers(self):
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

    handler = functools.partial(Silent, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    assert BROWSER, (
        "no browser: install Chromium (Debian: apt install chromium fonts-noto-cjk)"
    )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=BROWSER, args=QUIET)


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


LAID_OUT = """async () => {
  const boxes = document.querySelectorAll(".md-content__inner > *");
  boxes.forEach((box) => (box.style.contentVisibility = "visible"));
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_error_no_foreign_request_and_nothing_overflows(
    browser, address, language, name
):
    for scheme in ("light", "dark"):
        # Nothing is on its way from place to place while it is measured.
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        errors, foreign = watched(page, address)
        visit(page, url(address, language, name))
        page.evaluate(
            "document.querySelectorAll('details').forEach(each => each.open = true)"
        )
        # All is laid out, whether it is in sight or not, and clips nothing.
        page.evaluate(LAID_OUT)
        for width in (360, 390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)  # formulas that are too wide begin to scroll
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{width} px: {wide} px too wide"
        assert (errors, foreign) == ([], [])
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = (
            sum(map(int, background[background.index("(") + 1 : -1].split(",")[:3]))
            > 384
        )
        assert light == (scheme == "light")
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


@pytest.mark.parametrize("name", NAMES)
def test_the_language_switch_stays_on_the_page(browser, address, name):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url(address, "zh", name))
    for language in ("en", "zh"):
        link = page.locator(f'a[hreflang="{language}"]').first
        page.goto(link.evaluate("link => link.href"))
        assert page.url == url(address, language, name)
        assert page.locator("html").get_attribute("lang").startswith(language)
    page.close()


@pytest.mark.parametrize(
    ("language", "query", "expected"),
    [
        ("zh", "自动求导", "/basics/autograd/"),
        ("zh", "损失函数", "/basics/losses/"),
        ("zh", "交叉熵", "/basics/losses/"),
        ("zh", "梯度", "/basics/optimizers/"),  # which defines it and descends along it
        ("zh", "梯度下降", "/basics/optimizers/"),
        ("zh", "过拟合", "/practice/beyond-a-line/"),
        ("zh", "过拟", "/practice/beyond-a-line/"),  # not yet typed to the end
        ("zh", "gradient descent", "/basics/optimizers/"),
        ("zh", "overfitting", "/practice/beyond-a-line/"),
        ("zh", "autograd", "/basics/autograd/"),
        ("zh", "torch.no_grad", "/basics/autograd/#modes"),
        ("zh", "DataLoader", "/practice/beyond-a-line/#loader"),
        (
            "zh",
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
            "/faq/#mat1-and-mat2-shapes",
        ),
        ("en", "automatic differentiation", "/en/basics/autograd/"),
        ("en", "autograd", "/en/basics/autograd/"),
        ("en", "loss function", "/en/basics/losses/"),
        ("en", "cross-entropy", "/en/basics/losses/"),
        ("en", "gradient", "/en/basics/optimizers/"),
        ("en", "overfitting", "/en/practice/beyond-a-line/"),
        ("en", "backprop", "/en/basics/autograd/"),
        ("en", "learning rate", "/en/basics/optimizers/"),
        ("en", "torch.no_grad", "/en/basics/autograd/#modes"),
        ("en", "DataLoader", "/en/practice/beyond-a-line/#loader"),
        (
            "en",
            "mat1 and mat2 shapes cannot be multiplied",
            "/en/faq/#mat1-and-mat2-shapes",
        ),
        (
            "en",
            "element 0 of tensors does not require grad",
            "/en/faq/#element-0-does-not-require-grad",
        ),
    ],
)
def test_what_is_typed_into_the_search_finds_the_right_place_first(
    browser, address, language, query, expected
):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors, _ = watched(page, address)
    page.goto(url(address, language, "index.md"))
    page.locator("input.md-search__input").click()
    page.locator("input.md-search__input").press_sequentially(query)
    found = page.locator(".md-search-result__link")
    found.first.wait_for(timeout=15_000)
    page.wait_for_function(  # results come letter by letter
        """expected => {
          const best = [...document.querySelectorAll(".md-search-result__link")].slice(0, 2);
          return best.some(({ pathname, hash }) => (pathname + hash).startsWith(expected));
        }""",
        arg=expected,
        timeout=15_000,
    )
    best = found.first.evaluate("link => link.pathname + link.hash")
    page_of_best = expected.partition("#")[0]
    assert best.startswith(page_of_best), best
    links = found.evaluate_all("all => all.map(({ pathname }) => pathname)")
    assert {link.startswith("/en/") for link in links} == {language == "en"}
    assert errors == []
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_finds_the_page_that_teaches_a_term_and_the_entry_for_an_error(
    browser, address, language
):
    """All terms of the glossary (on Chinese pages the English ones, too), all messages in the FAQ."""
    here = ROOT / "docs" / language
    expected = {}
    for own, other, _, taught in TERM.findall(here.joinpath("glossary.md").read_text()):
        for term in (own, other) if language == "zh" else (own,):
            expected[re.sub(r"[（(].*?[）)]", "", term).strip()] = taught
    messages = r"^### `([^`]{12,})` \{ #([\w-]+) \}$"
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_offline_copy_works_from_disk_search_included(browser, project, language):
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
