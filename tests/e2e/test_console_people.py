"""The admin's page in a real browser: accounts and keys are made, changed and taken away, and others only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_browser import PHONE, WIDE, has_no_sideways_scroll
from console_town import PASSWORD, Town, a_town, log_in
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        yield built


def row(page: Page, name: str):
    return page.locator(f'[data-account="{name}"]')


def new_account(page: Page, name: str, role: str, department: str | None = None) -> None:
    page.click("[data-new-account]")
    page.fill("[name=new-name]", name)
    page.fill("[name=new-shown]", "新来的同事")
    page.fill("[name=new-password]", PASSWORD)
    page.select_option("[name=new-role]", role)
    if department:
        page.select_option("[name=new-department]", department)
    page.click("[data-ask-confirm]")


@pytest.mark.parametrize("window", [WIDE, PHONE], ids=["wide", "phone"])
def test_an_admin_makes_an_account_changes_its_role_and_closes_it_and_its_person_notices(visitor, window):
    name = f"new-{window['width']}"
    page = log_in(visitor(window), "admin")
    new_account(page, name, "handler", "drainage")
    expect(row(page, name)).to_contain_text("部门经办")
    expect(row(page, name)).to_contain_text("市政排水")
    assert has_no_sideways_scroll(page)

    person = visitor(window, session_ends=True, refusals={(401, "/api/v1/session/password")})
    theirs = log_in(person, name)
    theirs.wait_for_url("**/inbox")

    row(page, name).locator('[data-deed="role"]').click()
    expect(page.locator("[name=new-department]")).to_have_value("drainage")
    page.select_option("[name=new-role]", "operator")
    page.click("[data-ask-confirm]")
    expect(row(page, name)).to_contain_text("飞手")

    row(page, name).locator('[data-deed="disable"]').click()
    dialog = page.locator(".dialog[open]")
    expect(dialog).to_contain_text(name)
    expect(dialog).to_contain_text("停用后该账号立即退出登录")
    page.keyboard.press("Escape")
    expect(row(page, name)).to_contain_text("启用")
    row(page, name).locator('[data-deed="disable"]').click()
    page.click("[data-ask-confirm]")
    expect(row(page, name)).to_contain_text("停用于")

    theirs.reload()
    theirs.wait_for_url("**/login**")
    theirs.fill("[name=name]", name)
    theirs.fill("[name=password]", PASSWORD)
    theirs.click("button[type=submit]")
    expect(theirs.locator(".form-error")).to_have_text("账号或密码不正确。")

    row(page, name).locator('[data-deed="enable"]').click()
    page.click("[data-ask-confirm]")
    row(page, name).locator('[data-deed="password"]').click()
    page.fill("[name=new-password]", "another password")
    page.click("[data-ask-confirm]")
    expect(page.locator(".dialog[open]")).to_have_count(0)
    theirs.fill("[name=password]", "another password")
    theirs.click("button[type=submit]")
    theirs.wait_for_url(lambda url: "/login" not in url)
    expect(theirs.locator("nav a[href='/map']")).to_be_visible()


def test_a_key_is_shown_once_opens_its_door_and_is_refused_once_it_is_revoked(visitor, city):
    page = log_in(visitor(), "admin")
    page.click("[data-new-key]")
    page.fill("[name=key-name]", "机场二号")
    page.click("[data-ask-confirm]")
    expect(page.locator("[data-secret-dialog]")).to_be_visible()
    secret = page.locator("[data-secret]").input_value()
    assert secret.startswith("flyonce_")
    page.keyboard.press("Escape")
    expect(page.locator("[data-secret-dialog]")).to_be_visible()
    assert city.sighting("by-the-new-key", -200, 100, key=secret).status == 201
    page.click("[data-secret-kept]")
    expect(page.locator("[data-secret-dialog]")).to_be_hidden()
    # A dialog tells its page a moment after it closed that it did.
    expect(page.locator("[data-secret]")).to_have_value("")
    assert secret not in page.content()
    page.reload()
    kept = page.locator('[data-key="机场二号"]')
    expect(kept).to_contain_text("上报观测、读取案件、读取地理图层")
    assert secret not in page.content()

    kept.locator('[data-deed="revoke"]').click()
    expect(page.locator(".dialog[open]")).to_contain_text("无法恢复")
    page.click("[data-ask-confirm]")
    expect(kept).to_contain_text("吊销于")
    expect(kept.locator("button")).to_have_count(0)
    assert city.sighting("after-it-was-revoked", -200, 100, key=secret).status == 401


@pytest.mark.parametrize(
    ("language", "taken"), [("zh", "这个名称已被使用。"), ("en", "This name is taken.")], ids=["zh", "en"]
)
def test_what_cannot_be_is_said_in_the_readers_words_and_nothing_written_is_lost(visitor, language, taken):
    one = visitor(refusals={(409, "/api/v1/accounts")})
    one.context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = log_in(one, "admin")
    new_account(page, "centre", "auditor")
    expect(page.locator(".dialog[open] .form-error")).to_have_text(taken)
    expect(page.locator("[name=new-name]")).to_have_value("centre")
    page.fill("[name=new-name]", f"auditor-{language}")
    page.click("[data-ask-confirm]")
    expect(row(page, f"auditor-{language}")).to_be_visible()


def test_nobody_closes_their_own_account_and_an_auditor_changes_nothing(visitor):
    page = log_in(visitor(), "admin")
    expect(row(page, "admin").locator("button")).to_have_count(1)
    auditor = log_in(visitor(), "auditor")
    auditor.click("nav a[href='/people']")
    expect(row(auditor, "admin")).to_be_visible()
    assert (
        auditor.locator("[data-accounts] button, [data-keys] button, [data-new-account], [data-new-key]").count() == 0
    )


def test_anybody_changes_their_own_password_and_is_told_where_the_old_one_is_wrong(visitor):
    admin = log_in(visitor(), "admin")
    new_account(admin, "changes-it", "operator")
    expect(row(admin, "changes-it")).to_be_visible()
    one = visitor(session_ends=True)
    page = log_in(one, "changes-it")
    page.click("[data-who]")
    page.fill("[name=old-password]", "not the old one")
    page.fill("[name=wanted-password]", "quite a new one")
    page.click("[data-ask-confirm]")
    expect(page.locator(".dialog[open] .form-error")).to_have_text("当前密码不正确。")
    page.fill("[name=old-password]", PASSWORD)
    page.click("[data-ask-confirm]")
    expect(page.locator(".toasts")).to_contain_text("密码已修改")
    page.click("[data-logout]")
    page.wait_for_url("**/login")
    log_in(one, "changes-it", "quite a new one")
