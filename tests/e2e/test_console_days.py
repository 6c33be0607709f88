"""Days in the field, in real browsers: a joint visit, a storm, and the figures of a month."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_town import Town, a_town, log_in
from playwright.sync_api import Page, expect

OTHERS = (("chen", "emergency"), ("li", "town"), ("sun", "traffic_police"))


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        yield built


def report_line(page: Page, case_id: str, department: str, words: str, *, result: str = "done") -> None:
    """Answer every point of a line's checklist and hand it in."""
    stop = page.locator("[data-stop]", has=page.locator(f'a[href="/cases/{case_id}"]'))
    line = stop.locator(f'[data-line="{department}"]')
    if result == "done":
        for point in line.locator(".line-form fieldset").all()[:-1]:
            point.locator("input[value=ok]").check()
    line.locator(f".line-form input[value={result}]").check()
    line.locator("textarea").fill(words)
    line.locator("[data-report]").click()
    expect(line.locator(".line-note")).to_have_text(words)


def draw(page: Page) -> None:
    field = page.locator("[data-signature]")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + 20 + 20 * step, box["y"] + 30 + (step % 2) * 40)
    page.mouse.up()


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_joint_visit_is_planned_done_by_its_departments_signed_and_sealed(visitor, city, window):
    north = -150 if window is WIDE else 150
    one, other = (city.case(f"stop-{north}-{east}", east, north) for east in (-240, -190))
    centre = log_in(visitor(window), "centre")
    centre.goto(f"{city.url}/visits")
    suggestion = centre.locator("[data-suggestion]", has=centre.locator(f'a[href="/cases/{one}"]'))
    expect(suggestion).to_contain_text("市政排水")
    assert suggestion.locator(f'a[href="/cases/{other}"]').count() == 1
    assert has_no_sideways_scroll(centre)
    suggestion.locator("[data-plan]").click()
    centre.wait_for_url("**/visits/*")
    centre.click('[data-to="under_way"]')
    expect(centre.locator("[data-visit-state]")).to_have_text("检查中")
    expect(centre.locator("[data-lacking]")).to_contain_text("还有 8 项待反馈")
    expect(centre.locator('[data-to="done"]')).to_be_disabled()

    path = centre.url.removeprefix(city.url)
    drainage = log_in(visitor(window), "wang")
    drainage.click("nav a[href='/visits']")
    drainage.click(f'a[href="{path}"]')
    expect(drainage.locator(".line-form textarea").first).to_be_visible()
    assert drainage.locator('[data-line="town"] .line-form').count() == 0
    report_line(drainage, one, "drainage", "已抽排")
    report_line(drainage, other, "drainage", "泵车未到", result="not_done")
    draw(drainage)
    drainage.click("[data-sign]")
    expect(drainage.locator(".signatures svg polyline")).to_have_count(1)
    assert has_no_sideways_scroll(drainage)

    expect(centre.locator("[data-lacking]")).to_contain_text("还有 6 项待反馈")
    for name, department in OTHERS:
        page = log_in(visitor(window), name)
        page.goto(city.url + path)
        for case_id in (one, other):
            report_line(page, case_id, department, "已到场", result="nothing_found")
    expect(centre.locator("[data-lacking]")).to_have_count(0)
    report_line(drainage, other, "drainage", "泵车已到，已抽排")
    expect(centre.locator("[data-lacking]")).to_contain_text("签名后内容有改动")
    centre.fill("[data-signer]", "指挥中心 值班员")
    centre.click("[data-sign]")
    expect(centre.locator("[data-lacking]")).to_have_count(0)
    centre.click('[data-to="done"]')
    expect(centre.locator("[data-visit-state]")).to_have_text("已完成")
    expect(centre.locator(".seal")).to_be_visible()
    expect(centre.locator(".field-columns")).to_contain_text("封存后未改动")
    centre.goto(f"{city.url}/cases/{one}")
    expect(centre.locator(".task-lines")).to_contain_text("已反馈")
    expect(centre.locator(".history")).to_contain_text("联合检查完成")


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_storm_is_suggested_begun_told_to_each_unit_once_and_ended(visitor, city, window):
    centre = log_in(visitor(window), "centre")
    for number in range(20):
        city.case(f"storm-{window['width']}-{number}", -280 + 27 * number, -40 if window is WIDE else 40)
    suggestion = centre.locator("[data-storm-suggestion]")
    expect(suggestion).to_contain_text("建议启动汛情模式")
    suggestion.locator("button").click()
    suggestion.locator("input").fill("七月强降雨")
    suggestion.locator("form button").click()
    centre.wait_for_url("**/storms/*")
    expect(centre.locator("[data-row]").nth(19)).to_be_visible()
    scores = [int(float(text)) for text in centre.locator("[data-row] td:nth-child(3) b").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert has_no_sideways_scroll(centre)
    expect(centre.locator(".units li", has_text="已告知")).to_have_count(4)
    rows = centre.locator("[data-row]").count()
    city.case(f"storm-{window['width']}-late", 290, -100 if window is WIDE else 100)
    expect(centre.locator("[data-row]")).to_have_count(rows + 1)
    centre.click("[data-tell]")
    expect(centre.locator(".toasts")).to_contain_text("已向 4 个单位发送清单")

    leader = log_in(visitor(window), "zhao")
    leader.locator("[data-storm] a").click()
    expect(leader.locator("[data-row]").first).to_be_visible()
    expect(leader.locator("[data-end-storm]")).to_have_count(0)
    assert has_no_sideways_scroll(leader)

    centre.click("[data-end-storm]")
    expect(centre.locator(".dialog[open]")).to_contain_text("七月强降雨")
    centre.fill("[data-why]", "雨停水退")
    centre.click("[data-ask-confirm]")
    expect(centre.locator(".field-head .tag")).to_have_text("已结束")
    expect(leader.locator(".field-head .tag")).to_have_text("已结束")


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_figures_of_a_month_are_those_of_its_table_and_an_empty_month_says_so(visitor, city, window):
    city.case(f"counted-{window['width']}", 250, -180 if window is WIDE else 180)
    page = log_in(visitor(window), "auditor")
    page.goto(f"{city.url}/figures")
    month = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
    expect(page.locator("input[type=month]")).to_have_value(month)
    expect(page.locator('[data-rate="closing_rate"]')).to_contain_text("%")
    shown = page.locator(".field-table tbody tr").first.locator("td").all_inner_texts()
    assert shown[0] == "道路积水"
    with page.expect_download() as coming:
        page.click("a[download]")
    rows = list(csv.DictReader(StringIO(coming.value.path().read_text("utf-8-sig"))))
    assert any(shown[1] in row.values() for row in rows)
    assert has_no_sideways_scroll(page)
    page.fill("input[type=month]", "2026-01")
    expect(page.locator(".field-page")).to_contain_text("这个月没有派遣案件")

    leader = log_in(visitor(window), "zhao")
    leader.goto(f"{city.url}/figures")
    expect(leader.locator(".field-table").first).to_contain_text("市政排水")
    expect(leader.locator(".field-table").last).not_to_contain_text("属地镇街")
