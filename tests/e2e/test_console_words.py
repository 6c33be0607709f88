"""Every page of every role, wide and on a phone, in both languages: it fits, and speaks the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_city import place
from console_town import Town, a_town, log_in
from playwright.sync_api import Page, expect

ALL = ("/inbox", "/visits", "/figures", "/history")
PAGES = {
    "centre": ("/map", *ALL, "/reports", "/deliveries"),
    "operator": ("/map", *ALL, "/reports"),
    "auditor": ("/map", *ALL, "/reports", "/deliveries", "/people"),
    "admin": ("/people", "/deliveries"),
    "wang": ALL,
    "zhao": ALL,
}
# What people wrote or what has no other name is the same in both languages.
_NO_WORDS = """() => {
  const skipped = 'script, style, .mono, [data-language], .who, option, canvas, .report-words, .visit-card strong, svg';
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (one.closest(skipped) || !one.checkVisibility()) continue;
    found.push(walk.currentNode.textContent.trim());
  }
  return found.filter(Boolean);
}"""
# Names of the made-up town and of its people, units, and words that Chinese writes so, too.
_NAMES = re.compile(
    "docs/figures.md|SHA-256|CSV|centre|operator|auditor|admin|wang|zhao|chen|sun|li|pipeline|English|Webhook|OGC|km²|m²|m\\b|h\\b"
)
_HAN, _LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]{2,}")
_TOWN = re.compile("同志|系统管理员|衢江路|石室水库|柯城演示区|第一网格|第二网格|中文|桥下|积水很深")


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        built.case("one", -200, -100)
        built.case("two", -150, -100)
        lon, lat = place(100, -150)
        built.report(lat=str(lat), long=str(lon), description="积水很深")
        built.report(address_string="桥下", description="积水很深")
        yield built


def foreign(page: Page, language: str) -> list[str]:
    """Texts of a page that are not in its language."""
    texts = page.evaluate(_NO_WORDS)
    assert texts
    if language == "zh":
        return [text for text in texts if _LATIN.search(_NAMES.sub("", text))]
    return [text for text in texts if _HAN.search(_TOWN.sub("", text))]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_a_role_fits_and_is_in_the_readers_language(visitor, city, name, language):
    for window in (WIDE, PHONE):
        one = visitor(window)
        one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
        page = log_in(one, name)
        for path in PAGES[name]:
            page.goto(city.url + path)
            expect(page.locator("main .spinner")).to_have_count(0)
            expect(page.locator("main h1, main .case-panel").first).to_be_visible()
            assert has_no_sideways_scroll(page), (path, window)
            assert foreign(page, language) == [], (path, window)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["centre", "auditor"])
def test_all_pages_are_reached_on_a_phone_by_thumb_and_by_keyboard(visitor, city, name, language):
    one = visitor(PHONE)
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = log_in(one, name)
    page.click("[data-nav-more]")
    page.click(".nav-menu a[href='/history']")
    page.wait_for_url("**/history")
    expect(page.locator(".nav-menu")).to_have_count(0)
    page.locator("[data-nav-more]").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.nav-menu') !== null")
    page.keyboard.press("Escape")
    expect(page.locator(".nav-menu")).to_have_count(0)
    expect(page.locator("[data-nav-more]")).to_be_focused()
