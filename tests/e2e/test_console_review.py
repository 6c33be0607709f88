"""A reviewer's verdicts in a real browser: from the dialog to the training set."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

import pytest
from console_browser import PHONE, has_no_sideways_scroll
from console_city import City, a_city
from playwright.sync_api import Page, expect

FOCUSED = "document.activeElement.dataset.answer ?? document.activeElement.innerText"


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        yield built


def open_case(page: Page, city: City, case_id: str) -> None:
    page.goto(f"{city.url}/map?case={case_id}")
    page.wait_for_selector("[data-drawer] [data-move]")


def row_of(page: Page, case_id: str):
    return page.locator(f'[data-case="{case_id}"]')


def test_verdicts_leave_the_queue_and_become_a_training_set(visitor, city, flyonce, tmp_path):
    shadow, allowed, heap = city.heap(60, -250, 150), city.heap(61, -150, 150), city.heap(62, -50, 150)
    page = visitor().log_in("centre")
    page.locator(".filters select").nth(1).select_option("pending_review")
    waiting = int(page.locator('[data-kpi="review"] b').inner_text())
    for recorded, move, cause in (
        (shadow, "rejected", "shadow_or_reflection"),
        (allowed, "rejected", "lawful"),
        (heap, "opened", None),
    ):
        row_of(page, recorded.case_id).click()
        expect(page.locator("[data-drawer] .drawer-title")).to_contain_text(recorded.case_number)
        page.click(f'[data-drawer] [data-move="{move}"]')
        expect(page.locator(".dialog[open]")).to_contain_text(recorded.case_number)
        if cause:
            page.select_option('[data-answer="reasonCode"]', cause)
        page.click("[data-confirm]")
        expect(row_of(page, recorded.case_id)).to_have_count(0)
        waiting -= 1
        expect(page.locator('[data-kpi="review"] b')).to_have_text(str(waiting))

    outcome = flyonce(
        "dataset", "export", "--store", f"sqlite:///{city.folder}/city.db", "--out", tmp_path / "set", "--json"
    )
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["verdicts"] == {"confirmed": 1, "rejected": 2}
    rows = {row["case_number"]: row for row in json.loads((tmp_path / "set" / "manifest.json").read_text("utf-8"))}
    boxes = {
        number: (tmp_path / "set" / "labels" / row["split"] / row["name"]).with_suffix(".txt").read_text().count("\n")
        for number, row in rows.items()
    }
    assert boxes == {shadow.case_number: 0, allowed.case_number: 1, heap.case_number: 1}
    assert rows[shadow.case_number]["reason_code"] == "shadow_or_reflection"
    with (tmp_path / "set" / "hard_negatives.csv").open(encoding="utf-8") as file:
        (negative,) = csv.DictReader(file)
    assert (negative["case_number"], negative["label"]) == (shadow.case_number, "waste")


@pytest.mark.parametrize(
    ("number", "language", "state", "cause", "never"),
    [
        (68, "zh", "不予立案", "属实但不违规", "误报"),
        (69, "en", "Rejected", "It is there, and it is allowed", "alse alarm"),
    ],
)
def test_what_is_there_and_allowed_is_rejected_by_a_name_that_is_true(
    visitor, city, number, language, state, cause, never
):
    recorded = city.heap(number, 250, -150 + 60 * (number - 68))
    one = visitor()
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = one.log_in("centre")
    page.goto(f"{city.url}/cases/{recorded.case_id}")
    page.click('[data-move="rejected"]')
    page.select_option('[data-answer="reasonCode"]', "lawful")
    page.click("[data-confirm]")
    expect(page.locator(".case-head .state-tag")).to_have_text(state)
    expect(page.locator(".history")).to_contain_text(f"→ {state}")
    expect(page.locator(".history")).to_contain_text(cause)
    expect(page.locator("body")).not_to_contain_text(never)


def test_a_case_is_rejected_by_keyboard_alone(visitor, city):
    recorded = city.heap(63, 150, -150)
    page = visitor().log_in("centre")
    open_case(page, city, recorded.case_id)
    page.locator('[data-move="rejected"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-answer="reasonCode"]')).to_be_focused()
    order = [page.evaluate(FOCUSED)]
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(page.evaluate(FOCUSED))
    assert order == ["reasonCode", "reason", "取消", "确认"]
    page.locator('[data-answer="reasonCode"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('[data-answer="reasonCode"]')).to_have_value("nothing_there")
    page.locator("[data-confirm]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-drawer] .state-tag")).to_have_text("不予立案")


def test_escape_closes_the_dialog_and_leaves_the_case_open(visitor, city):
    recorded = city.heap(64, 200, -150)
    page = visitor().log_in("centre")
    open_case(page, city, recorded.case_id)
    page.click('[data-move="rejected"]')
    expect(page.locator(".dialog[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".dialog[open]")).to_have_count(0)
    expect(page.locator("[data-drawer]")).to_be_visible()
    expect(page.locator('[data-move="rejected"]')).to_be_focused()
    page.locator("[data-drawer] .evidence-main").click()
    expect(page.locator(".lightbox[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".lightbox[open]")).to_have_count(0)
    expect(page.locator("[data-drawer]")).to_be_visible()


def test_what_is_missing_or_went_wrong_is_said_and_nothing_written_is_lost(visitor, city):
    recorded = city.heap(65, 100, -150)
    page = visitor().log_in("centre")
    open_case(page, city, recorded.case_id)
    page.click('[data-move="rejected"]')
    error, cause, words = (
        page.locator(".form-error"),
        page.locator('[data-answer="reasonCode"]'),
        page.locator("textarea"),
    )
    page.click("[data-confirm]")
    expect(error).to_have_text("请选择原因；如都不合适，请写明理由。")
    expect(cause).to_be_focused()
    cause.select_option("other")
    page.click("[data-confirm]")
    expect(error).to_have_text("此操作必须填写理由。")
    expect(words).to_be_focused()
    words.fill("是施工围挡")
    page.route("**/transitions", lambda route: route.abort())
    page.click("[data-confirm]")
    expect(error).to_have_text("无法连接服务器，请检查网络。")
    expect(words).to_have_value("是施工围挡")
    page.unroute("**/transitions")
    page.click("[data-confirm]")
    expect(page.locator("[data-drawer] .state-tag")).to_have_text("不予立案")


@pytest.mark.parametrize(
    ("language", "groups"),
    [
        ("zh", ["识别有误", "识别无误，但不立案", "无法判断或其他"]),
        ("en", ["The recognition is wrong", "It is right, but no case", "Cannot be told, or something else"]),
    ],
)
def test_the_causes_are_grouped_and_fit_on_a_phone(visitor, city, language, groups):
    recorded = city.heap(66 if language == "zh" else 67, 0 if language == "zh" else 50, -150)
    one = visitor(PHONE)
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = one.log_in("centre")
    open_case(page, city, recorded.case_id)
    page.click('[data-move="rejected"]')
    dialog = page.locator(".dialog[open]")
    assert dialog.locator("optgroup").evaluate_all("all => all.map(one => one.label)") == groups
    assert dialog.locator("option").count() == 11
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert box["y"] + box["height"] <= PHONE["height"]
    assert has_no_sideways_scroll(page)
