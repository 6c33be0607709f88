"""Two cases become one and are taken apart again in a real browser; an area is shown with its error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_city import City, a_city
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        yield built


def facts(page: Page):
    return page.locator("[data-facts]")


def open_page(page: Page, city: City, case_id: str) -> None:
    page.goto(f"{city.url}/cases/{case_id}")
    page.wait_for_selector("[data-facts]")


@pytest.mark.parametrize(
    ("number", "window", "language", "words"),
    [
        (
            80,
            WIDE,
            "zh",
            {"undo": "撤销合并", "merged": "合并", "waits": "待核实", "took": "并入案件", "out": "已分出"},
        ),
        (
            90,
            PHONE,
            "en",
            {
                "undo": "Undo the merge",
                "merged": "Merged",
                "waits": "To be reviewed",
                "took": "merged into this one",
                "out": "taken out of this one",
            },
        ),
    ],
)
def test_a_merge_is_undone_where_it_was_made(visitor, city, number, window, language, words):
    sure = city.puddle(number, 100, number)
    doubtful = city.puddle(number + 1, 140, number, review_required=True, extent_m2=12.3, extent_sigma_m2=1.53)
    one = visitor(window)
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = one.log_in("centre")
    open_page(page, city, doubtful.case_id)
    page.click('[data-move="merged"]')
    page.select_option('[data-answer="duplicateOf"]', sure.case_id)
    page.click("[data-confirm]")
    state = page.locator(".case-head .state-tag")
    expect(state).to_have_text(words["merged"])
    undo = page.locator(".action-bar button")
    expect(undo).to_have_text(words["undo"])

    facts(page).get_by_role("link", name=sure.case_number).click()
    expect(page.locator("[data-merged-cases]")).to_have_text(doubtful.case_number)
    expect(page.locator(".history")).to_contain_text(words["took"])
    page.locator("[data-merged-cases] a").click()

    undo.click()
    expect(page.locator(".dialog[open]")).to_contain_text(doubtful.case_number)
    page.click("[data-confirm]")
    expect(page.locator('[data-answer="reason"]')).to_be_focused()
    page.fill('[data-answer="reason"]', "中间隔着路缘石")
    page.click("[data-confirm]")
    expect(state).to_have_text(words["waits"])
    expect(page.locator("[data-not-same]")).to_have_text(sure.case_number)
    expect(page.locator(".history")).to_contain_text("中间隔着路缘石")
    expect(page.locator('[data-move="opened"]')).to_be_visible()
    expect(page.locator("table tbody tr")).to_have_count(1)
    assert has_no_sideways_scroll(page)

    page.locator("[data-not-same] a").click()
    expect(page.locator(".history")).to_contain_text(words["out"])


def test_somebody_who_comes_late_is_told_that_it_is_done(visitor, city):
    sure = city.puddle(100, 200, 100)
    doubtful = city.puddle(101, 240, 100, review_required=True)
    page = visitor(refusals={(409, f"/api/v1/cases/{doubtful.case_id}/transitions")}).log_in("centre")
    open_page(page, city, doubtful.case_id)
    page.click('[data-move="merged"]')
    page.select_option('[data-answer="duplicateOf"]', sure.case_id)
    page.click("[data-confirm]")
    page.locator('[data-move="pending_review"]').click()
    page.fill('[data-answer="reason"]', "late")
    other = visitor().log_in("centre")
    open_page(other, city, doubtful.case_id)
    other.locator('[data-move="pending_review"]').click()
    other.fill('[data-answer="reason"]', "first")
    other.click("[data-confirm]")
    expect(other.locator(".case-head .state-tag")).to_have_text("待核实")
    page.click("[data-confirm]")
    expect(page.locator(".form-error")).to_have_text(
        "操作未执行：案件状态已变化，或当前状态不允许此操作。 现在可以：立案、不予立案、合并。"
    )


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_centre_and_department_read_an_area_with_its_error_and_without_where_nobody_knows_it(visitor, city, window):
    number = 110 + (window is PHONE) * 5
    known = city.puddle(number, -200, number, extent_m2=12.3, extent_sigma_m2=1.53)
    unknown = city.puddle(number + 1, -150, number, extent_m2=12.3)
    page = visitor(window).log_in("centre")
    for recorded, words in ((known, "约 12 ± 3 m²（95%）"), (unknown, "12.3 m²")):
        open_page(page, city, recorded.case_id)
        expect(facts(page).locator("[data-area]")).to_have_text(words)
        assert has_no_sideways_scroll(page)
    expect(page.locator("table tbody")).to_contain_text("12.3 m²")
    page.goto(f"{city.url}/map?case={known.case_id}")
    expect(page.locator("[data-drawer] [data-area]")).to_have_text("约 12 ± 3 m²（95%）")

    inbox = visitor(window).log_in("drainage")
    lead = next(task.task_id for task in known.tasks if task.kind == "lead")
    inbox.goto(f"{city.url}/inbox/{lead}")
    expect(inbox.locator("[data-task-view] [data-area]")).to_have_text("约 12 ± 3 m²（95%）")
    assert has_no_sideways_scroll(inbox)


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_an_observation_that_joined_the_wrong_case_is_taken_out(visitor, city, window):
    number = 120 + (window is PHONE) * 5
    first = city.puddle(number, -100, number)
    second = city.puddle(number + 1, -97, number, flight_id="flight-2", footprint_lonlat=None)
    assert second.case_id == first.case_id
    page = visitor(window).log_in("centre")
    open_page(page, city, first.case_id)
    boxes, button = page.locator("table tbody input[type=checkbox]"), page.locator("[data-split]")
    expect(boxes).to_have_count(2)
    expect(button).to_be_disabled()
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(button).to_be_disabled()
    boxes.nth(0).uncheck()
    assert has_no_sideways_scroll(page)
    button.click()
    page.fill('[data-answer="reason"]', "路缘石另一侧")
    page.click("[data-confirm]")
    expect(page.locator(".case-head .state-tag")).to_have_text("待核实")
    expect(page.locator(".history")).to_contain_text("路缘石另一侧")
    expect(page.locator("[data-not-same]")).to_have_text(first.case_number)
    expect(page.locator("table tbody tr")).to_have_count(1)
    expect(page.locator("table tbody")).to_contain_text("flight-2")
    expect(button).to_have_count(0)
    page.locator("[data-not-same] a").click()
    expect(page.locator(".history")).to_contain_text("已分出")
    expect(page.locator("table tbody")).not_to_contain_text("flight-2")
