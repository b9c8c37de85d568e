"""The page in a real browser, by keyboard alone: nothing on it needs a mouse."""

import contextlib
import functools
import http.server
import os
import pathlib
import re
import shutil
import threading

import pytest
from test_page import run as run  # the fixture

from parity import report

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="pip install playwright; `make browser-test` does"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if CHROMIUM is None and not os.path.exists(own):
            pytest.skip("no Chromium is installed: `make browser-test` does it")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report.write(run, folder)
    return (folder / "report.html").as_uri()


@pytest.fixture
def page(file, chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    wrong = []
    page.on("console", lambda said: wrong.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file)
    yield page
    page.close()
    assert wrong == []


def focused(page):
    return page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def tab_to(page, wanted, most=60):
    """Presses the key until what is wanted has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"no Tab reaches {wanted}; the last is {focused(page)}")


def test_the_first_failure_and_its_picture_are_seen_without_scrolling(page):
    first = page.locator("#list > li").first
    assert first.locator("details").get_attribute("open") is not None
    top = first.locator("svg").bounding_box()["y"]
    assert 0 < top < 700
    assert first.locator(".problem").bounding_box()["y"] < 600


def test_every_case_opens_and_every_picture_is_read_by_keyboard(page):
    closed = "#list li:has(figure) details:not([open])"
    tab_to(page, f"{closed} summary")
    name = page.evaluate("document.activeElement.querySelector('h3').textContent")
    page.keyboard.press("Enter")
    item = page.locator("#list > li").filter(has=page.locator("h3").get_by_text(name, exact=True))
    assert item.locator("details").get_attribute("open") is not None
    tab_to(page, "#list svg")
    before = item.locator("output").inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    after = item.locator("output").inner_text()
    assert after.startswith("count 1: ours ")
    assert after != before


def test_search_and_filter_by_keyboard(page):
    tab_to(page, "input[type=search]")
    page.keyboard.type("nothing")
    shown = page.locator("#list > li:not([hidden]) h3").all_inner_texts()
    assert shown == ["late: nothing"]
    assert "q=nothing" in page.url
    tab_to(page, "select[name=verdict]")
    page.keyboard.type("failed")
    left = page.locator("#list > li:not([hidden])").count()
    assert 0 < left <= len(shown)


def test_what_has_the_focus_is_seen(page):
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # once round
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", focused(page)
        seen.add(focused(page))
    assert len(seen) > 10


@contextlib.contextmanager
def opened(chromium, address, width, scheme):
    """A page of its own; what its console said must be nothing."""
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    wrong = []
    page.on("console", lambda said: wrong.append(said) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    assert [str(each) for each in wrong] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_a_whole_visit(file, chromium, width, scheme):
    """Searches, filters, opens a case and reads its picture: on a phone, at a desk, by day and by night."""
    with opened(chromium, file, width, scheme) as page:
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") == (scheme == "light")
        tab_to(page, "input[type=search]")
        page.keyboard.type("MultiStep")
        tab_to(page, "select[name=scheduler]")
        page.keyboard.type("CosineA")
        assert page.locator("#list > li:not([hidden])").count() == 0
        page.keyboard.press("Home")  # all
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Control+A")
        page.keyboard.type("CosineAnnealingLR")
        shown = page.locator("#list > li:not([hidden])")
        assert shown.count() == 1
        tab_to(page, "#list li:not([hidden]) summary")
        page.keyboard.press("Enter")
        picture = shown.locator("svg")
        assert picture.bounding_box()["width"] <= width
        assert shown.locator("svg path.torch").get_attribute("d").startswith("M")
        tab_to(page, "#list li:not([hidden]) svg")
        page.keyboard.press("End")
        assert shown.locator("output").inner_text().startswith("count 100009: ours ")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(file, chromium, scheme):
    """Each kind of text on the page, against what is behind it: 4.5 to 1, as WCAG asks."""
    with opened(chromium, file, 1280, scheme) as page:
        for kind in ("body", "h3", "header dt", "nav a", ".problem", ".failed", ".passed", "th", "output"):
            color = page.evaluate("(kind) => getComputedStyle(document.querySelector(kind)).color", kind)
            back = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert contrast(color, back) >= 4.5, (kind, color, back)


def contrast(one, other):
    """How far the luminances of two colours are apart, by WCAG's formula."""

    def luminance(color):
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") < 4.5


def test_what_is_not_a_number_is_said_whole(page):
    figure = page.locator("header dl div").filter(has_text="greatest distance")
    assert figure.locator("b").inner_text() == "not a number"


SITE = pathlib.Path(__file__).parents[2] / "site"
built = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="no site has been built: `make site` does it"
)


@built
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_gallery_of_the_site(chromium, width, scheme):
    with opened(chromium, (SITE / "generated" / "gallery.html").as_uri(), width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        pictures = page.locator("article img")
        shown = [each.get_attribute("src") for each in pictures.all() if each.is_visible()]
        assert len(shown) >= 30
        assert all(name.endswith(f"-{scheme}.svg") for name in shown), shown
        broken = page.evaluate(
            "[...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src)"
        )
        assert broken == []
        tab_to(page, "a[href]")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served():
    """The site by HTTP, as it is published: from a disk, a browser lets no search look into its pages."""
    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@built
def test_the_site_is_searched_by_keyboard(chromium, served):
    with opened(chromium, f"{served}/index.html", 1280, "light") as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("OneCycleLR")
        page.keyboard.press("Enter")
        found = page.locator("#search-results li a")
        found.first.wait_for()
        assert any("OneCycleLR" in each for each in found.all_inner_texts())
        tab_to(page, "#search-results li a", most=200)
        page.keyboard.press("Enter")
        page.wait_for_url("**/*.html*")
        assert "OneCycleLR" in page.locator("article").inner_text()
