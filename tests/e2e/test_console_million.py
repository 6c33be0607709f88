"""The operations map of a city that no page can hold: circles from afar, cases from near, the most urgent in the list.

The city has some thousand cases; what is asked of the service for it is what would be asked among a million.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from console_browser import PHONE, Visitor, has_no_sideways_scroll, until
from console_city import City, a_city
from console_large_city import CLOSED, FAR_LONLAT, FAR_SEQ, FIRST_SEQ, settle
from PIL import Image
from playwright.sync_api import Page, Response, expect
from sqlalchemy import func, select

from dispatch_api.store import schema

RED, GREEN = (201, 37, 45), (43, 138, 75)
MOST_DRAWN, LIST_PAGE = 300, 100
COUNTED = re.compile(r"图上 (\d+) 件")


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        settle(built)
        yield built


def still_open(city: City, **where: str) -> int:
    """How many cases have not ended."""
    query = select(func.count()).where(schema.case.c.state.not_in(["closed", "rejected", "merged", "recurred"]))
    for name, value in where.items():
        query = query.where(schema.case.c[name] == value)
    with city.store.read() as connection:
        return int(connection.execute(query).scalar_one())


def answers_of(visitor: Visitor) -> list[Response]:
    """All answers of the service that hold cases, from now on."""
    kept: list[Response] = []
    places = ("/api/v1/cases", "/api/v1/cases.geojson", "/api/v1/case-clusters.geojson")
    visitor.page.on("response", lambda one: kept.append(one) if urlsplit(one.url).path in places else None)
    return kept


def at_the_map(visitor: Visitor) -> Page:
    page = visitor.log_in("centre")
    expect(page.locator("[data-view-note]")).to_be_visible()
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    return page


def in_view(page: Page) -> int:
    found = COUNTED.search(page.locator("[data-view-note]").inner_text())
    assert found
    return int(found[1])


def drawn(page: Page) -> np.ndarray:
    """The map as it looks, (h, w, 3) RGB."""
    return np.asarray(Image.open(BytesIO(page.locator(".map-target").screenshot())).convert("RGB"))


def like(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture.astype(int) - colour).max(axis=2) < 16


def heart_of(marks: np.ndarray, side_px: int = 23) -> tuple[float, float]:
    """The middle (x, y) of the square that holds the most marked pixels: the largest circle of a colour."""
    sums = np.pad(marks.astype(int).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    n = side_px
    held = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
    assert held.max() > 40, "nothing of that colour is drawn"
    y, x = np.unravel_index(held.argmax(), held.shape)
    return float(x + n / 2), float(y + n / 2)


def click_largest_red(page: Page) -> None:
    page.wait_for_timeout(800)  # the map draws when it has time to
    picture = drawn(page)
    # What lies under the cards over the map is out of reach.
    reachable = like(picture, RED)
    reachable[:90], reachable[-60:], reachable[:, -80:] = False, False, False
    x, y = heart_of(reachable)
    page.locator(".map-target").click(position={"x": x, "y": y})


def test_from_afar_a_large_city_is_circles_and_no_answer_holds_more_than_a_page(visitor, city):
    one = visitor()
    answers = answers_of(one)
    page = at_the_map(one)
    there = still_open(city)

    expect(page.locator("[data-count]")).to_have_text(f"最紧急的 {LIST_PAGE} 件 / 共 {there} 件")
    expect(page.locator('[data-kpi="total"] b')).to_have_text(str(there))
    expect(page.locator('[data-kpi="red"] b')).to_have_text(str(still_open(city, colour="red")))
    expect(page.locator("[data-view-note]")).to_have_attribute("data-circles", "true")
    # The one at the end of the earth is out of view; nearly all others are in it.
    assert 0.95 * there < in_view(page) < there
    page.wait_for_timeout(800)
    assert like(drawn(page), RED).sum() > 500

    assert answers
    for answer in answers:
        told = answer.json()
        limit = int(parse_qs(urlsplit(answer.url).query).get("limit", ["0"])[0])
        assert limit <= MOST_DRAWN
        assert len(told.get("features", told.get("items"))) <= MOST_DRAWN


def test_clicking_circles_leads_to_single_cases_and_to_their_drawer(visitor, city):
    one = visitor()
    answers = answers_of(one)
    page = at_the_map(one)
    note = page.locator("[data-view-note]")
    before = in_view(page)
    for _ in range(6):
        if note.get_attribute("data-circles") != "true":
            break
        with page.expect_response(lambda answer: "geojson?bbox" in answer.url):
            click_largest_red(page)
        expect(note).to_have_attribute("data-busy", "false")
        assert in_view(page) < before
        before = in_view(page)
    expect(note).to_have_attribute("data-circles", "false")
    assert 0 < in_view(page) <= MOST_DRAWN
    drawn_last = [one for one in answers if urlsplit(one.url).path.endswith("/cases.geojson")][-1].json()
    assert not drawn_last["truncated"]
    assert len(drawn_last["features"]) >= in_view(page)

    asked = len(answers)
    click_largest_red(page)
    expect(page.locator("[data-drawer]")).to_be_visible()
    assert re.search(r"case=many-\d+", page.url)
    # What is here already is not asked for again: nearer lies nothing new.
    page.click(".map-tools button:first-child")
    page.wait_for_timeout(1000)
    assert [answer.url for answer in answers[asked:] if "bbox" in answer.url] == []


def test_the_filter_acts_on_map_and_list_alike(visitor, city):
    page = at_the_map(visitor())
    reds = still_open(city, colour="red")
    assert reds > LIST_PAGE
    page.click('[data-kpi="red"]')
    expect(page.locator("[data-count]")).to_have_text(f"最紧急的 {LIST_PAGE} 件 / 共 {reds} 件")
    until(page, lambda: in_view(page) <= reds, what="the map still shows more than the filter lets through")
    page.wait_for_timeout(800)
    assert like(drawn(page), GREEN).sum() == 0
    page.click("[data-more]")
    expect(page.locator("[data-count]")).to_have_text(f"显示 {reds} / 共 {reds} 件")
    expect(page.locator("[data-more]")).to_have_count(0)

    page.click('[data-kpi="total"]')
    page.select_option('[data-filter="matter"]', "river.rubbish")
    expect(page.locator("[data-count]")).to_contain_text(f"共 {still_open(city, matter='river.rubbish')} 件")
    page.select_option('[data-filter="matter"]', "")
    page.select_option('[data-filter="state"]', "closed")
    expect(page.locator("[data-count]")).to_contain_text(f"共 {CLOSED} 件")
    page.wait_for_timeout(800)
    assert like(drawn(page), RED).sum() == 0, "what has ended is grey, whatever colour it had"
    page.select_option('[data-filter="state"]', "")
    page.fill("[type=search]", f"20250101-{FIRST_SEQ + 7}")
    expect(page.locator("[data-count]")).to_have_text("显示 1 / 共 1 件")
    expect(page.locator("[data-view-note]")).to_contain_text("图上 1 件")
    page.fill("[type=search]", "no such number")
    expect(page.locator(".case-panel")).to_contain_text("没有符合筛选条件的案件")
    expect(page.locator("[data-view-note]")).to_contain_text("图上 0 件")


def test_the_list_goes_on_from_red_to_yellow_and_names_nothing_twice(visitor, city):
    page = at_the_map(visitor())
    rows = page.locator("[data-case]")
    expect(rows).to_have_count(LIST_PAGE)
    page.click("[data-more]")
    expect(rows).to_have_count(2 * LIST_PAGE)
    expect(page.locator("[data-count]")).to_have_text(f"最紧急的 {2 * LIST_PAGE} 件 / 共 {still_open(city)} 件")
    listed = rows.evaluate_all("all => all.map(one => one.dataset.case)")
    assert len(set(listed)) == len(listed)
    with city.store.read() as connection:
        query = select(schema.case.c.case_id, schema.case.c.colour, schema.case.c.seq)
        known = {row.case_id: row for row in connection.execute(query)}
    rank = {"red": 0, "yellow": 1, "green": 2}
    keys = [(rank[known[one].colour], -known[one].seq) for one in listed]
    assert keys == sorted(keys)


def test_a_case_that_is_not_loaded_opens_by_its_address(visitor, city):
    page = at_the_map(visitor())
    wanted = f"many-{FIRST_SEQ + 1}"  # green, so that it is on none of the first pages
    expect(page.locator(f'[data-case="{wanted}"]')).to_have_count(0)
    page.goto(f"{city.url}/map?case={wanted}")
    expect(page.locator("[data-drawer]")).to_contain_text(f"20250101-{FIRST_SEQ + 1}")
    expect(page.locator("[data-view-note]")).to_be_visible()
    assert 0 < in_view(page) < still_open(city) / 2, "the map stands at the case"


def test_a_case_that_there_is_not_is_said_in_words(visitor, city):
    page = at_the_map(visitor(refusals={(404, "/api/v1/cases/none")}))
    page.goto(f"{city.url}/map?case=none")
    expect(page.locator(".toasts")).to_contain_text("没有找到")
    expect(page.locator("[data-view-note]")).to_have_attribute("data-circles", "true")


def test_what_happens_comes_in_by_itself_from_afar_and_from_near(visitor, city):
    afar = at_the_map(visitor())
    near = at_the_map(visitor())
    before = in_view(afar)
    near.goto(f"{city.url}/map?case=many-{FIRST_SEQ + 1}")
    expect(near.locator("[data-view-note]")).to_be_visible()
    expect(near.locator(".live")).to_have_attribute("data-state", "live")
    for _ in range(2):
        near.click(".map-tools button:first-child")
    expect(near.locator("[data-view-note]")).to_have_attribute("data-circles", "false")
    near.wait_for_timeout(1500)
    one_by_one = in_view(near)
    with city.store.read() as connection:
        spot = connection.execute(
            select(schema.case.c.lon, schema.case.c.lat).where(schema.case.c.seq == FIRST_SEQ + 1)
        ).one()

    recorded = city.puddle(60, 0, 0, lon=spot.lon + 3e-4, lat=spot.lat, footprint_lonlat=None)

    for page in (afar, near):
        expect(page.locator(".toasts")).to_contain_text(f"新案件 {recorded.case_number}")
    for page in (afar, near):
        expect(page.locator("[data-count]")).to_contain_text(f"共 {still_open(city)} 件")
    expect(near.locator("[data-view-note]")).to_contain_text(f"图上 {one_by_one + 1} 件")
    expect(afar.locator("[data-view-note]")).to_contain_text(f"图上 {before + 1} 件")


def test_the_meridian_of_180_degrees_and_the_whole_earth_are_places_like_others(visitor, city):
    one = visitor()
    answers = answers_of(one)
    page = at_the_map(one)
    page.goto(f"{city.url}/map?case=many-{FAR_SEQ}")
    expect(page.locator("[data-view-note]")).to_contain_text("图上 1 件")
    boxes = [parse_qs(urlsplit(answer.url).query).get("bbox", ["0,0,0,0"])[0].split(",") for answer in answers]
    over = [box for box in boxes if float(box[0]) > float(box[2])]
    assert over, "the view runs over the meridian"
    assert all(float(box[0]) < FAR_LONLAT[0] for box in over)

    for _ in range(16):
        page.click(".map-tools button:nth-child(2)")
        page.wait_for_timeout(250)
    expect(page.locator("[data-view-note]")).to_contain_text(f"图上 {still_open(city)} 件")
    assert {answer.status for answer in answers} == {200}


def test_on_a_phone_nothing_scrolls_sideways_and_the_map_says_what_it_shows(visitor, city):
    page = at_the_map(visitor(PHONE))
    assert has_no_sideways_scroll(page)
    expect(page.locator("[data-count]")).to_contain_text(f"共 {still_open(city)} 件")
    page.click(".list-toggle")
    expect(page.locator("[data-view-note]")).to_be_visible()
    assert has_no_sideways_scroll(page)
    page.click("[data-language]")
    expect(page.locator("[data-view-note]")).to_contain_text("cases in view")
    assert has_no_sideways_scroll(page)
    page.click(".list-toggle")
    expect(page.locator("[data-count]")).to_have_text(f"The {LIST_PAGE} most urgent of {still_open(city)}")
    assert has_no_sideways_scroll(page)
