"""The page in a real browser, by keyboard alone: nothing on it needs a mouse."""

import os
import shutil

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


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark")])
def test_nothing_is_wider_than_the_window(file, chromium, width, scheme):
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(file)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    page.close()
