"""Deliveries in a real browser: a department's system fails, somebody sees it, and what was lost arrives after all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll, until
from console_town import Receiver, Town, a_town, log_in
from playwright.sync_api import Page, expect

from dispatch_api.deliveries.outbox import post


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town"), networks="127.0.0.0/8") as built:
        yield built


@pytest.fixture
def system() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.stop()


def add(page: Page, city: Town, name: str, url: str) -> str:
    """Add a receiver by the admin's page; gives its secret, which is shown this once."""
    page.goto(f"{city.url}/deliveries")
    page.click("[data-add-receiver]")
    page.fill("[name=receiver-name]", name)
    page.fill("[name=receiver-url]", url)
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-secret-dialog]")).to_be_visible()
    secret = page.locator("[data-secret]").input_value()
    page.click("[data-secret-kept]")
    # A dialog tells its page a moment after it closed that it did.
    expect(page.locator("[data-secret]")).to_have_value("")
    expect(page.locator(f'[data-receiver="{name}"]')).to_be_visible()
    return secret


def until_reloaded(page: Page, ready: Callable[[], bool], *, what: str) -> None:
    """Reload the page's lists until something is there: the relay works beside the service, in its own time."""

    def reload() -> None:
        page.click("[data-reload]")
        page.wait_for_load_state("networkidle")

    until(page, ready, what=what, meanwhile=reload)


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_what_a_broken_system_did_not_take_is_sent_again_under_its_id_once_it_is_mended(visitor, city, system, window):
    name = f"排水平台-{window['width']}"
    admin = log_in(visitor(window), "admin")
    secret = add(admin, city, name, system.url)
    assert secret.startswith("whsec_")
    assert secret not in admin.content()
    system.status = 500
    city.case(f"undelivered-{window['width']}", -200 + window["width"] / 8, 120)

    centre = log_in(visitor(window), "centre")
    centre.goto(f"{city.url}/deliveries")
    centre.select_option('[data-filter="receiver"]', name)
    centre.select_option('[data-filter="state"]', "dead")
    dead = centre.locator("[data-delivery]")
    until_reloaded(centre, lambda: dead.count() >= 2, what="the deliveries did not die")
    first = dead.first
    first.locator("[data-attempts]").click()
    expect(first.locator(".attempts li")).to_have_count(2)
    expect(first.locator(".attempts")).to_contain_text("500")
    message_id = first.locator(".seal").inner_text()
    assert message_id in [sent for sent, _ in system.got]
    assert has_no_sideways_scroll(centre)

    system.status, before = 204, len(system.got)
    number = first.get_attribute("data-delivery")
    first.locator("[data-replay]").click()
    expect(centre.locator(".dialog[open]")).to_contain_text("原编号")
    centre.click("[data-ask-confirm]")
    centre.select_option('[data-filter="state"]', "delivered")
    again = centre.locator(f'[data-delivery="{number}"][data-delivery-state="delivered"]')
    until_reloaded(centre, lambda: again.count() == 1, what="the delivery did not arrive")
    assert [sent for sent, _ in system.got[before:]] == [message_id]

    left = centre.locator(f'[data-receiver="{name}"]')
    left.locator('[data-deed="replay"]').click()
    centre.click("[data-ask-confirm]")
    until_reloaded(centre, lambda: "死信 0" in left.inner_text(), what="the dead were not sent again")
    # They are dead no longer as soon as they wait for the relay again.
    until_reloaded(centre, lambda: len(system.got) >= before + 2, what="the dead did not arrive")
    arrived = [sent for sent, _ in system.got[before:]]
    assert len(set(arrived)) == len(arrived) >= 2
    centre.goto(f"{city.url}/history")
    centre.select_option('[data-filter="group"]', "deliveries")
    expect(centre.locator('[data-event="delivery.replayed"]').first).to_contain_text(name)


def test_a_receiver_is_tested_switched_off_with_a_reason_and_on_again(visitor, city, system):
    admin = log_in(visitor(), "admin")
    add(admin, city, "测试平台", system.url)
    kept = admin.locator('[data-receiver="测试平台"]')
    kept.locator('[data-deed="test"]').click()
    until_reloaded(admin, lambda: any("test" in body["type"] for _, body in system.got), what="no test came")
    kept.locator('[data-deed="disable"]').click()
    admin.fill("[data-why]", "平台升级")
    admin.click("[data-ask-confirm]")
    expect(kept).to_contain_text("已停用：平台升级")
    kept.locator('[data-deed="enable"]').click()
    expect(kept).to_contain_text("启用")
    expect(kept.locator('[data-deed="disable"]')).to_be_visible()


def test_an_address_that_messages_must_not_go_to_is_refused_in_words(visitor, city):
    admin = log_in(visitor(refusals={(422, "/api/v1/receivers")}), "admin")
    admin.goto(f"{city.url}/deliveries")
    admin.click("[data-add-receiver]")
    admin.fill("[name=receiver-name]", "x")
    admin.fill("[name=receiver-url]", "ftp://example.org/")
    admin.click("[data-ask-confirm]")
    expect(admin.locator(".dialog[open] .form-error")).to_have_text("地址不正确。")


def test_a_departments_receiver_is_asked_whether_it_hears_of_those_below(visitor, city, system):
    admin = log_in(visitor(), "admin")
    for name, below in (("单独", False), ("连同下级", True)):
        admin.goto(f"{city.url}/deliveries")
        admin.click("[data-add-receiver]")
        admin.fill("[name=receiver-name]", name)
        admin.fill("[name=receiver-url]", system.url)
        expect(admin.locator("[name=receiver-below]")).to_have_count(0)
        admin.select_option("[name=receiver-department]", "drainage")
        admin.locator("[name=receiver-below]").set_checked(below)
        admin.click("[data-ask-confirm]")
        admin.click("[data-secret-kept]")
    expect(admin.locator('[data-receiver="连同下级"]')).to_contain_text("市政排水及下级 0 个部门")
    expect(admin.locator('[data-receiver="单独"]')).to_contain_text("市政排水")
    alone = admin.locator('[data-receiver="单独"]')
    expect(alone).not_to_contain_text("及下级")
    alone.locator('[data-deed="below"]').click()
    expect(alone).to_contain_text("市政排水及下级 0 个部门")
    alone.locator('[data-deed="below"]').click()
    expect(alone).not_to_contain_text("及下级")


def test_older_deliveries_come_on_the_next_page(visitor, city, system):
    add(log_in(visitor(), "admin"), city, "分页", system.url)
    for number in range(120):
        city.store.write(
            lambda connection, number=number: post(
                connection,
                type="task.dispatched.v1",
                subject=f"tasks/{number}",
                case_id=None,
                departments=["drainage"],
                colour="green",
                at=datetime.now(UTC),
                data={"number": str(number)},
            )
        )
    centre = log_in(visitor(), "centre")
    centre.goto(f"{city.url}/deliveries")
    # Until it comes the list of all receivers is there, which may be as long.
    with centre.expect_response(lambda answer: "/deliveries?" in answer.url and "receiver=%" in answer.url):
        centre.select_option('[data-filter="receiver"]', "分页")
    rows = centre.locator("[data-delivery]")
    expect(rows).to_have_count(100)
    centre.locator("li > .button.is-wide").click()
    expect(rows).to_have_count(120)
    expect(centre.locator("li > .button.is-wide")).to_have_count(0)


def test_an_auditor_sees_deliveries_and_sends_nothing_again(visitor, city):
    page = log_in(visitor(), "auditor")
    page.goto(f"{city.url}/deliveries")
    expect(page.locator("[data-receiver]").first).to_be_visible()
    expect(page.locator("[data-replay], [data-deed]")).to_have_count(0)


def test_a_groups_language_is_chosen_when_it_is_added_and_changed_later(visitor, city, system):
    admin = log_in(visitor(), "admin")
    admin.goto(f"{city.url}/deliveries")
    admin.click("[data-add-receiver]")
    admin.fill("[name=receiver-name]", "英文群")
    admin.locator(".dialog[open] select").first.select_option("wecom")
    admin.select_option("[name=receiver-language]", "en")
    admin.fill("[name=receiver-url]", system.url)
    admin.click("[data-ask-confirm]")
    kept = admin.locator('[data-receiver="英文群"]')
    expect(kept).to_contain_text("企业微信机器人 · 英文")
    kept.locator('[data-deed="language"]').click()
    expect(kept).to_contain_text("企业微信机器人 · 中文")
    kept.locator('[data-deed="disable"]').click()
    admin.fill("[data-why]", "用完")
    admin.click("[data-ask-confirm]")
    centre = log_in(visitor(), "centre")
    centre.goto(f"{city.url}/history")
    centre.select_option('[data-filter="group"]', "deliveries")
    expect(centre.locator('[data-event="receiver.language_changed"]').first).to_contain_text("接收方语言变更")
