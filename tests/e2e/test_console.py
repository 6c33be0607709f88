"""The console in a real browser against the real service: what people of each role see and do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
from console_browser import PHONE, WIDE, Visitor, has_no_sideways_scroll
from console_city import FLIGHT_ID, City, a_city, place
from PIL import Image
from playwright.sync_api import Page, Route, expect

RED, BLUE = (201, 37, 45), (11, 92, 173)  # of a red case's symbol, and of the flown track


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        yield built


def drawn(page: Page) -> np.ndarray:
    """The map as it looks, (h, w, 3) RGB."""
    return np.asarray(Image.open(BytesIO(page.locator(".map-target").screenshot())).convert("RGB"))


def pixels_like(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels are nearly of that colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 16).sum())


LANDINGS = {"operator": "/map", "centre": "/map", "auditor": "/map", "admin": "/people", "drainage": "/inbox"}


@pytest.mark.parametrize(("name", "landing"), LANDINGS.items())
def test_each_role_logs_in_with_one_click_and_lands_on_its_own_page(visitor, name, landing):
    page = visitor().log_in(name)
    assert urlsplit(page.url).path == landing


def test_an_admin_sees_accounts_and_is_offered_no_case(visitor):
    page = visitor().log_in("admin")
    expect(page.locator("[data-accounts] tbody tr")).to_have_count(5)
    expect(page.locator("[data-accounts]")).to_contain_text("部门负责人")
    assert page.locator("nav a[href='/map'], nav a[href='/inbox']").count() == 0
    page.goto(page.url.replace("/people", "/map"))
    page.wait_for_url("**/people")
    auditor = visitor().log_in("auditor")
    auditor.click("nav a[href='/people']")
    expect(auditor.locator("[data-accounts] tbody tr")).to_have_count(5)


def test_a_wrong_password_is_said_in_words_and_lets_nobody_in(visitor):
    page = visitor().go("/login")
    page.fill("[name=name]", "centre")
    page.fill("[name=password]", "not-the-password")
    page.click("button[type=submit]")
    expect(page.locator(".form-error")).to_have_text("账号或密码不正确。")
    assert urlsplit(page.url).path == "/login"


def test_whoever_is_not_logged_in_is_sent_to_the_log_in_page_and_then_to_what_they_asked_for(visitor):
    page = visitor().go("/map?case=none")
    page.wait_for_url(re.compile(r"/login\?next="))
    page.click('[data-demo-name="operator"]')
    page.wait_for_url(re.compile(r"/map\?case=none$"))


def test_the_map_lists_every_case_and_draws_cases_and_track(visitor, city):
    page = visitor().log_in("operator")
    rows = page.locator("[data-case]")
    expect(rows.first).to_contain_text("水域秩序乱象")
    listed = rows.count()
    assert listed >= 7
    expect(page.locator("[data-count]")).to_have_text(f"显示 {listed} / 共 {listed} 件")
    expect(page.locator(".flight-card")).to_contain_text("柯城演示区例行巡查")
    expect(page.locator(".flight-card")).to_contain_text("照片 4 张")
    page.wait_for_timeout(800)  # the map draws when it has time to
    picture = drawn(page)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200
    assert pixels_like(picture, RED) > 20
    assert pixels_like(picture, BLUE) > 100


def test_a_layer_that_is_switched_off_is_no_longer_drawn(visitor):
    page = visitor().log_in("operator")
    page.wait_for_selector("[data-case]")
    page.wait_for_timeout(800)
    before = drawn(page)
    page.click("[data-layers]")
    for layer in ("cases", "track"):
        page.uncheck(f'[data-layer="{layer}"]')
    page.click("[data-layers]")
    page.wait_for_timeout(800)
    after = drawn(page)
    assert pixels_like(before, RED) > 20
    assert pixels_like(after, RED) == 0
    assert pixels_like(after, BLUE) < pixels_like(before, BLUE) / 3


def test_the_list_is_filtered_by_colour_matter_and_words(visitor):
    page = visitor().log_in("centre")
    rows = page.locator("[data-case]")
    expect(rows.nth(6)).to_be_visible()
    page.click('[data-kpi="red"]')
    expect(page.locator(".case-list")).not_to_contain_text("道路积水")
    page.click('[data-kpi="total"]')
    page.fill("[type=search]", "衢江路 12 号")
    expect(rows).to_have_count(1)
    page.fill("[type=search]", "nowhere at all")
    expect(page.locator(".case-panel")).to_contain_text("没有符合筛选条件的案件")


def test_a_new_case_appears_on_the_map_without_a_reload(visitor, city):
    page = visitor().log_in("centre")
    page.wait_for_selector("[data-case]")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.evaluate("window.notReloaded = true")
    recorded = city.puddle(20, -200, 120)
    row = page.locator(f'[data-case="{recorded.case_id}"]')
    expect(row).to_be_visible()
    expect(row).to_contain_text("衢江路 30 号附近")
    expect(page.locator(".toasts")).to_contain_text(f"新案件 {recorded.case_number}")
    assert page.evaluate("window.notReloaded") is True


def test_the_aircraft_is_followed_live(visitor, city):
    page = visitor().log_in("operator")
    page.wait_for_selector("[data-case]")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.wait_for_timeout(500)
    lon, lat = place(-120, 0)
    city.flights.position(FLIGHT_ID, datetime.now(UTC), lon, lat, 87.0, 135.0)
    expect(page.locator(".flight-card")).to_contain_text("高度 87 m")
    expect(page.locator(".flight-card")).to_contain_text("航向 135°")


def test_a_click_in_the_list_opens_the_case_beside_the_map_and_then_its_page(visitor):
    page = visitor().log_in("centre")
    page.locator("[data-case]", has_text="衢江路 11 号").click()
    drawer = page.locator("[data-drawer]")
    expect(drawer.locator("[data-evidence]")).to_be_visible()
    expect(drawer).to_contain_text("第一网格")
    page.click("[data-open-case]")
    facts = page.locator("[data-facts]")
    expect(facts).to_contain_text("衢江路 11 号附近")
    expect(facts).to_contain_text("±3.8 m")
    expect(page.locator(".rule-card")).to_contain_text("法律依据")
    expect(page.locator(".history")).to_contain_text("置信度 0.93，达到自动立案线")
    shown = page.locator("img[data-evidence]")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("picture => picture.naturalWidth") > 0


def test_the_evidence_picture_is_enlarged_zoomed_and_shown_without_the_box(visitor):
    page = visitor().log_in("centre")
    page.locator("[data-case]", has_text="衢江路 12 号").click()
    page.locator("[data-drawer] .evidence-main").click()
    box = page.locator(".lightbox[open]")
    expect(box).to_be_visible()
    page.keyboard.press("+")
    expect(box.locator(".lightbox-scale")).to_have_text("125 %")
    page.keyboard.press("0")
    expect(box.locator(".lightbox-scale")).to_have_text("100 %")
    box.locator("[data-full]").click()
    expect(box.locator("img")).to_have_attribute("src", re.compile("/full"))
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)


def test_the_centre_opens_a_case_by_button_and_the_departments_get_their_tasks(visitor, city):
    recorded = city.angler(30, east_m=230, north_m=140)
    page = visitor().log_in("centre")
    page.goto(f"{city.url}/cases/{recorded.case_id}")
    page.click('[data-move="opened"]')
    page.click("[data-confirm]")
    expect(page.locator(".case-head .state-tag")).to_have_text("任务派遣")
    expect(page.locator(".task-lines")).to_contain_text("生态环境")
    expect(page.locator(".history")).to_contain_text("待核实 → 立案")


def test_a_rejection_needs_a_reason(visitor, city):
    recorded = city.angler(31, east_m=120, north_m=140)
    page = visitor().log_in("centre")
    page.goto(f"{city.url}/cases/{recorded.case_id}")
    page.click('[data-move="rejected"]')
    page.click("[data-confirm]")
    expect(page.locator(".dialog .form-error")).to_have_text("请选择原因；如都不合适，请写明理由。")
    page.fill(".dialog textarea", "水面倒影，不是人")
    page.click("[data-confirm]")
    expect(page.locator(".case-head .state-tag")).to_have_text("不予立案")
    expect(page.locator(".history")).to_contain_text("水面倒影，不是人")


def test_a_move_that_is_no_longer_allowed_is_refused_in_words(visitor, city):
    recorded = city.angler(32, east_m=180, north_m=145)
    path = f"/api/v1/cases/{recorded.case_id}/transitions"
    first = visitor(refusals={(409, path)}).log_in("centre")
    first.goto(f"{city.url}/cases/{recorded.case_id}")
    first.click('[data-move="rejected"]')
    second = visitor().log_in("centre")
    second.goto(f"{city.url}/cases/{recorded.case_id}")
    second.click('[data-move="opened"]')
    second.click("[data-confirm]")
    expect(second.locator(".case-head .state-tag")).to_have_text("任务派遣")

    first.fill(".dialog textarea", "too late")
    first.click("[data-confirm]")

    expect(first.locator(".dialog .form-error")).to_contain_text("操作未执行")
    expect(first.locator(".case-head .state-tag")).to_have_text("任务派遣")


def test_a_department_signs_and_reports_on_a_phone_without_sideways_scroll(visitor, city):
    recorded = city.puddle(40, 40, 130)
    task_id = next(task.task_id for task in recorded.tasks if task.department == "drainage")
    page = visitor(PHONE).log_in("drainage")
    expect(page.locator(f'[data-task="{task_id}"]')).to_be_visible()
    assert has_no_sideways_scroll(page)
    waiting = int(page.locator('[data-tab="todo"] b').inner_text())

    page.click(f'[data-task="{task_id}"]')
    expect(page.locator("[data-task-view] img[data-evidence]")).to_be_visible()
    assert has_no_sideways_scroll(page)
    for move, state in (("signed", "已签收"), ("working", "处置中"), ("done", "已反馈")):
        page.click(f'[data-move="{move}"]')
        page.click("[data-confirm]")
        expect(page.locator("[data-task-view] .state-tag")).to_have_text(state)

    page.click(".back-button")
    expect(page.locator('[data-tab="todo"] b')).to_have_text(str(waiting - 1))
    page.click('[data-tab="done"]')
    expect(page.locator(f'[data-task="{task_id}"]')).to_be_visible()


def test_a_department_sees_its_own_tasks_only(visitor, city):
    angler = city.angler(33, east_m=260, north_m=90)
    path = f"/api/v1/cases/{angler.case_id}"
    page = visitor(refusals={(404, path)}).log_in("drainage")
    page.click('[data-tab="all"]')
    expect(page.locator(".task-list")).to_contain_text("道路积水")
    expect(page.locator(".task-list")).not_to_contain_text("水域秩序乱象")
    page.goto(f"{city.url}/map")
    page.wait_for_url("**/inbox")
    page.goto(f"{city.url}/cases/{angler.case_id}")
    expect(page.locator(".case-page")).to_contain_text("没有找到")


def test_a_new_task_reaches_an_open_inbox_by_itself(visitor, city):
    page = visitor(PHONE).log_in("drainage")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    recorded = city.puddle(41, 100, -120)
    task_id = next(task.task_id for task in recorded.tasks if task.department == "drainage")
    expect(page.locator(f'[data-task="{task_id}"]')).to_be_visible()
    expect(page.locator(".toasts")).to_contain_text("收到新任务")


def test_english_is_a_click_away_and_remembered(visitor, city):
    page = visitor().log_in("centre")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.click("[data-language]")
    expect(page.locator(".top-bar")).to_contain_text("Operations map")
    expect(page.locator("[data-case]").first).to_contain_text("Suspected illegal fishing")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".top-bar")).to_contain_text("Operations map")
    page.locator("[data-case]", has_text="20261").first.click()
    page.click("[data-open-case]")
    expect(page.locator(".rule-card")).to_contain_text("Routing rule and legal basis")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_scrolls_sideways_on_a_phone(visitor, city, language):
    one = visitor(PHONE)
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = one.go("/login")
    page.wait_for_selector("[data-demo-name]")
    assert has_no_sideways_scroll(page)
    one.log_in("centre")
    case_id = page.locator("[data-case]").first.get_attribute("data-case")
    assert has_no_sideways_scroll(page)
    for path, there in (("/inbox", "[data-task]"), (f"/cases/{case_id}", "[data-facts]")):
        page.goto(city.url + path)
        page.wait_for_selector(there)
        assert has_no_sideways_scroll(page), path


def test_every_control_has_a_name_and_every_picture_a_description(visitor, city):
    page = visitor().log_in("centre")
    page.locator("[data-case]").first.click()
    page.wait_for_selector("[data-drawer] img")
    page.click("[data-legend]")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a, select, input')].filter(one => !(
            one.innerText?.trim() || one.getAttribute('aria-label') || one.title || one.labels?.length
        )).map(one => one.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("svg:not([aria-hidden])").count() == 0


def test_the_list_is_worked_by_keyboard(visitor):
    page = visitor().log_in("centre")
    page.locator("[data-case]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    second = page.locator("[data-case]").nth(1)
    expect(second).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-drawer]")).to_be_visible()
    page.locator("[data-drawer] .icon-button").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator("[data-drawer]")).to_have_count(0)


def test_an_ended_session_leads_to_the_log_in_page_and_back(visitor, city):
    page = visitor(session_ends=True).log_in("centre")
    page.wait_for_selector("[data-case]")
    # What the map asks by itself would notice the end before the click: it waits for its answer.
    held: list[Route] = []
    let_go = False

    def hold(route: Route) -> None:
        if let_go:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/v1/**", hold)
    page.context.clear_cookies()
    page.locator(".top-bar nav a").nth(1).click()
    page.wait_for_url("**/inbox")
    let_go = True
    for route in held:
        route.continue_()
    expect(page.locator(".notice")).to_have_text("登录已过期，请重新登录。")
    page.click('[data-demo-name="centre"]')
    page.wait_for_url("**/inbox")


def test_logging_out_ends_the_session(visitor, city):
    page = visitor(session_ends=True).log_in("centre")
    page.click("[data-logout]")
    page.wait_for_url("**/login")
    page.goto(f"{city.url}/map")
    page.wait_for_url(re.compile(r"/login\?next="))


def test_a_lost_connection_is_shown_and_comes_back_by_itself(browser, tmp_path):
    with a_city(tmp_path) as city:
        context = browser.new_context(viewport=WIDE)
        visitor = Visitor(context, city.url)
        page = visitor.log_in("centre")
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
        page.wait_for_selector("[data-case]")
        city.server.stop()
        expect(page.locator(".lost-banner")).to_have_text("连接中断，重连中")
        recorded = city.puddle(50, -100, 100)
        city.server.start()
        expect(page.locator(".lost-banner")).to_have_count(0)
        expect(page.locator(f'[data-case="{recorded.case_id}"]')).to_be_visible()
        context.close()
