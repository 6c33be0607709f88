"""Citizens' reports in a real browser: sent by Open311, looked at by the centre, and followed by who reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_city import place
from console_town import Town, a_town, log_in
from playwright.sync_api import Page, expect

WINDOWS = pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        yield built


def pinned(east_m: float, north_m: float, **more: str) -> dict[str, str]:
    lon, lat = place(east_m, north_m)
    return {"lat": f"{lat:.7f}", "long": f"{lon:.7f}", "description": "路口积水很深，电动车过不去"} | more


def open_report(page: Page, city: Town, request_id: str) -> None:
    page.goto(f"{city.url}/reports/{request_id}")
    page.wait_for_selector("[data-report-state]")


@WINDOWS
def test_a_report_of_a_known_case_is_seen_beside_it_and_waits_for_nobody(visitor, city, window):
    east, north = (-180, -150) if window is WIDE else (60, -60)
    known = city.case(f"known-{window['width']}", east, north)
    request_id = city.report(**pinned(east + 8, north + 10))
    page = log_in(visitor(window), "centre")
    page.goto(f"{city.url}/reports")
    page.wait_for_selector('[data-tab="waiting"][aria-selected="true"]')
    expect(page.locator(f'[data-report="{request_id}"]')).to_have_count(0)
    page.click('[data-tab="all"]')
    page.locator(f'[data-report="{request_id}"]').click()
    expect(page.locator("[data-met]")).to_contain_text("与已有案件为同一处")
    assert page.locator("[data-met] a").get_attribute("href") == f"/cases/{known}"
    expect(page.locator("[data-report-view]")).to_contain_text("±49 m")
    assert has_no_sideways_scroll(page)
    page.locator("[data-met] a").click()
    expect(page.locator(".history")).to_contain_text("市民反映")


@WINDOWS
def test_a_report_beside_a_case_is_linked_to_it_and_the_citizen_follows_that_one(visitor, city, window):
    north = 20 + window["width"] / 12
    known = city.case(f"beside-{window['width']}", -220, north)
    request_id = city.report(**pinned(-150, north))
    page = log_in(visitor(window), "centre")
    open_report(page, city, request_id)
    expect(page.locator("[data-report-state]")).to_have_text("待核实")
    suggested = page.locator("[data-suggested]", has=page.locator(f'a[href="/cases/{known}"]'))
    expect(suggested).to_contain_text("相距 70 米")
    suggested.locator("[data-link]").click()
    expect(page.locator(".dialog[open]")).to_contain_text("将并入该案件")
    assert has_no_sideways_scroll(page)
    page.locator(".dialog[open] textarea").fill("同一个路口")
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-met] a")).to_have_attribute("href", f"/cases/{known}")
    expect(page.locator("[data-report-state]")).to_have_text("任务派遣")
    assert city.request(request_id)["status"] == "open"
    assert city.request(request_id)["agency_responsible"] == "市政排水"


def test_what_nobody_saw_is_opened_or_dismissed_where_it_is_read(visitor, city):
    true, false = city.report(**pinned(230, -160)), city.report(**pinned(-50, 170))
    page = log_in(visitor(), "centre")
    page.goto(f"{city.url}/reports")
    page.locator(f'[data-report="{true}"]').click()
    page.click('[data-move="opened"]')
    page.click("[data-confirm]")
    expect(page.locator("[data-report-state]")).to_have_text("任务派遣")
    expect(page.locator(f'[data-report="{true}"]')).to_have_count(0)
    page.locator(f'[data-report="{false}"]').click()
    page.click('[data-move="rejected"]')
    page.select_option('[data-answer="reasonCode"]', "already_gone")
    page.click("[data-confirm]")
    expect(page.locator("[data-report-state]")).to_have_text("不予立案")
    assert (city.request(true)["status"], city.request(false)["status"]) == ("open", "closed")


def test_an_address_is_put_on_the_map_by_hand_and_then_has_a_case(visitor, city):
    request_id = city.report(address_string="石室水库旁的小路", description="路面有水")
    page = log_in(visitor(), "centre")
    open_report(page, city, request_id)
    expect(page.locator("[data-report-state]")).to_have_text("待定位")
    page.click("[data-place]")
    drawn = page.locator("[data-place-map] canvas").first
    drawn.wait_for()
    page.wait_for_timeout(800)  # the map moves to the city first
    box = page.locator("[data-place-map]").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    expect(page.locator("[data-lon]")).not_to_have_value("")
    assert abs(float(page.locator("[data-lon]").input_value()) - place(0, 0)[0]) < 0.003
    assert abs(float(page.locator("[data-lat]").input_value()) - place(0, 0)[1]) < 0.003
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-met]")).to_contain_text("由市民反映生成")
    expect(page.locator("[data-report-state]")).to_have_text("待核实")


@WINDOWS
def test_what_names_no_place_is_dismissed_and_can_be_taken_up_again(visitor, city, window):
    request_id = city.report(address_string="城里某处", description="到处都是水")
    page = log_in(visitor(window), "centre")
    watching = log_in(visitor(), "operator")
    watching.goto(f"{city.url}/reports")
    expect(watching.locator(f'[data-report="{request_id}"]')).to_be_visible()
    open_report(page, city, request_id)
    page.click("[data-dismiss]")
    expect(page.locator(".dialog[open]")).to_contain_text("反映人和公众将看到该理由")
    page.locator(".dialog[open] [data-why]").fill("没有说明地点，电话 13912345678 无人接听")
    assert has_no_sideways_scroll(page)
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-report-state]")).to_have_text("不予受理")
    expect(page.locator("[data-dismissed]")).to_contain_text("没有说明地点，电话 13912345678 无人接听")
    expect(page.locator("[data-dismiss]")).to_have_count(0)
    expect(watching.locator(f'[data-report="{request_id}"]')).to_have_count(0)  # it hears of it by itself
    told = city.request(request_id)
    assert told["status"] == "closed"
    assert told["status_notes"] == "不予受理 Dismissed: 没有说明地点，电话 *** 无人接听"
    page.goto(f"{city.url}/reports")
    page.click('[data-tab="dismissed"]')
    page.locator(f'[data-report="{request_id}"]').click()
    expect(page.locator("[data-place]")).to_be_visible()
    assert has_no_sideways_scroll(page)
    page.goto(f"{city.url}/history")
    page.select_option('[data-filter="group"]', "reports")
    expect(page.locator('[data-event="report.dismissed"]').first).to_contain_text("市民反映不予受理")


def test_whom_to_ask_is_shown_to_the_centre_with_a_reason_that_the_history_keeps(visitor, city):
    request_id = city.report(**pinned(150, -150, phone="13912345678", description="请打 13912345678"))
    page = log_in(visitor(), "centre")
    open_report(page, city, request_id)
    expect(page.locator("[data-report-view]")).not_to_contain_text("电话 13912345678")
    page.click("[data-contact]")
    page.fill("[data-why]", "核实积水位置")
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-contact-shown]")).to_have_text("电话 13912345678")
    page.goto(f"{city.url}/history")
    page.select_option('[data-filter="group"]', "reports")
    opened = page.locator('[data-event="report.contact_opened"]').first
    expect(opened).to_contain_text("查看反映人联系方式")
    expect(opened).to_contain_text("核实积水位置")

    operator = log_in(visitor(), "operator")
    open_report(operator, city, request_id)
    expect(operator.locator(".report-quote")).to_have_text("请打 ***")
    expect(operator.locator("[data-report-view]")).to_contain_text("由指挥中心查看")
    changes = "[data-contact], [data-link], [data-link-other], [data-move]"
    expect(operator.locator(changes)).to_have_count(0)


def test_a_department_is_not_offered_the_page(visitor, city):
    page = log_in(visitor(), "wang")
    page.goto(f"{city.url}/reports")
    page.wait_for_url("**/inbox")
    expect(page.locator("nav a[href='/reports']")).to_have_count(0)
