"""A case from a drone's sighting to its end, in real browsers: each of those who work on it does their part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_town import Town, a_town, log_in
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        yield built


def move(page: Page, to: str, *, reason: str = "", **answers: str) -> None:
    page.click(f'[data-move="{to}"]')
    for field, value in answers.items():
        answer = page.locator(f'[data-answer="{field}"]')
        if answer.evaluate("one => one.tagName") == "SELECT":
            answer.select_option(value)
        else:
            answer.fill(value)
    if reason:
        page.fill('[data-answer="reason"]', reason)
    page.click("[data-confirm]")
    expect(page.locator(".dialog[open]")).to_have_count(0)


def open_task(page: Page, case_number: str) -> None:
    """Find the leading department's task by the number of its case and open it, as somebody who was called does."""
    page.click('[data-tab="all"]')
    page.fill(".inbox-search input", case_number)
    leading = page.locator("[data-task]", has=page.locator('[data-part="lead"]'))
    expect(leading).to_have_count(1)
    leading.click()
    expect(page.locator("[data-task-view] .facts")).to_contain_text(case_number)


def number_of(page: Page, city: Town, case_id: str) -> str:
    page.goto(f"{city.url}/cases/{case_id}")
    return page.locator(".case-head-title .mono").inner_text()


def state(page: Page):
    return page.locator(".case-head .state-tag")


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_handler_signs_works_and_reports_done_and_the_centre_sends_back_once_and_then_closes(visitor, city, window):
    case_id = city.case(f"work-{window['width']}", -250 + window["width"] / 10, 100)
    centre = log_in(visitor(window), "centre")
    number = number_of(centre, city, case_id)
    expect(state(centre)).to_have_text("任务派遣")

    handler = log_in(visitor(window), "wang")
    open_task(handler, number)
    expect(handler.locator('[data-move="refused"]')).to_have_count(0)
    for step, told in (("signed", "已签收"), ("working", "处置中"), ("done", "已反馈")):
        move(handler, step, reason="抽水完毕" if step == "done" else "")
        expect(handler.locator("[data-task-view] .state-tag")).to_have_text(told)
        assert has_no_sideways_scroll(handler)

    # The page follows by itself: nobody reloads it.
    expect(state(centre)).to_have_text("待核查")
    move(centre, "reworked", reason="仍有积水")
    expect(state(centre)).to_have_text("返工")
    expect(handler.locator("[data-task-view] .state-tag")).to_have_text("返工")
    move(handler, "working")
    move(handler, "done", reason="已疏通雨水口")
    expect(state(centre)).to_have_text("待核查")
    move(centre, "closed", reason="现场照片核实")
    expect(state(centre)).to_have_text("核查结案")
    for words in ("抽水完毕", "仍有积水", "已疏通雨水口", "现场照片核实"):
        expect(centre.locator(".history")).to_contain_text(words)
    expect(handler.locator("[data-task-view] .state-tag")).to_have_text("核查通过")
    assert has_no_sideways_scroll(centre)


def test_a_lead_that_is_refused_twice_is_decided_by_the_centre(visitor, city):
    case_id = city.case("refused", 200, 150)
    centre, drainage, town = (log_in(visitor(), name) for name in ("centre", "zhao", "li"))
    number = number_of(centre, city, case_id)
    open_task(drainage, number)
    move(drainage, "refused", reason="不在管网范围")
    expect(state(centre)).to_have_text("退回")
    move(centre, "dispatched", reason="属地处置", lead="town")
    expect(state(centre)).to_have_text("任务派遣")
    town.reload()
    open_task(town, number)
    move(town, "refused", reason="非本镇道路")
    expect(state(centre)).to_have_text("裁定")
    expect(centre.locator(".history")).to_contain_text("已被退回 2 次")
    move(centre, "dispatched", reason="裁定由市政排水牵头", lead="drainage")
    expect(state(centre)).to_have_text("任务派遣")
    expect(centre.locator(".task-lines")).to_contain_text("市政排水")


def test_the_centre_suspends_a_case_to_a_date_and_resumes_it(visitor, city):
    case_id = city.case("suspended", 120, 150)
    centre, drainage = log_in(visitor(), "centre"), log_in(visitor(), "zhao")
    number = number_of(centre, city, case_id)
    open_task(drainage, number)
    move(drainage, "signed")
    expect(state(centre)).to_have_text("任务处理")
    centre.click('[data-move="suspended"]')
    centre.fill('[data-answer="reason"]', "等待道路封闭许可")
    centre.click("[data-confirm]")
    expect(centre.locator(".dialog .form-error")).to_have_text("请选择日期和时间。")
    later = datetime.now() + timedelta(days=3)
    centre.fill('[data-answer="until"]', later.strftime("%Y-%m-%dT09:00"))
    centre.click("[data-confirm]")
    expect(state(centre)).to_have_text("缓办")
    expect(centre.locator(".history")).to_contain_text("等待道路封闭许可")
    move(centre, "in_progress", reason="许可已下达")
    expect(state(centre)).to_have_text("任务处理")


def test_two_cases_of_one_thing_are_made_one_from_the_case_page(visitor, city):
    sure = city.case("one-thing", -200, -150)
    doubtful = city.case("the-same-thing", -150, -150, confidence=0.3)
    centre = log_in(visitor(), "centre")
    number = number_of(centre, city, sure)
    number_of(centre, city, doubtful)
    expect(state(centre)).to_have_text("待核实")
    move(centre, "merged", reason="同一处积水", duplicateOf=sure)
    expect(state(centre)).to_have_text("合并")
    expect(centre.locator("[data-facts]")).to_contain_text(number)


def test_an_auditor_reads_all_of_it_and_can_move_nothing(visitor, city):
    case_id = city.case("audited", 30, -160)
    page = log_in(visitor(), "auditor")
    page.goto(f"{city.url}/cases/{case_id}")
    expect(state(page)).to_have_text("任务派遣")
    expect(page.locator("[data-move], [data-split]")).to_have_count(0)
    expect(page.locator(".case-head")).to_contain_text("没有可办理的操作")
    page.goto(f"{city.url}/history")
    expect(page.locator("[data-event]").first).to_be_visible()
    page.select_option('[data-filter="group"]', "people")
    expect(page.locator('[data-event="account.created"]').first).to_be_visible()
    expect(page.locator("[data-kind]:not([data-kind=account]):not([data-kind=key])")).to_have_count(0)
