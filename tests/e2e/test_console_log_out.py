"""The city's own log-in in a real browser: in by the button of the log-in page, and out of both."""

from __future__ import annotations

import re

import pytest
from console_city import QUICK, Server
from oidc_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from playwright.sync_api import expect

from dispatch_api.accounts.oidc_file import OidcSettings, RoleOfClaim
from dispatch_api.app import create_app
from dispatch_api.store import open_store

NAME = "市统一认证"


@pytest.fixture
def provider(monkeypatch):
    # Authlib's server refuses plain http; on loopback nobody else listens.
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with running_provider() as started:
        started.person = {"sub": "u-1001", "name": "王工", "groups": ["audit"]}
        yield started


@pytest.fixture
def home(provider, tmp_path):
    rule = RoleOfClaim(value="audit", role="auditor")
    settings = OidcSettings(issuer=provider.issuer, client_id=CLIENT_ID, roles=(rule,), name=NAME)
    with open_store(f"sqlite:///{tmp_path}/city.db", create=True) as store:
        server = Server(create_app(store, passwords=QUICK, oidc=(settings, CLIENT_SECRET)))
        server.start()
        provider.homes = [server.url]
        yield server.url
        server.stop()


def test_who_came_by_the_citys_own_log_in_leaves_by_it(browser, provider, home):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}/login")
    page.get_by_text(NAME).click()
    page.wait_for_url(re.compile("/map"))
    expect(page.locator(".who")).to_contain_text("王工")

    page.click("[data-logout]")
    page.wait_for_url(re.compile("/login"))
    assert (provider.calls[-1], provider.session) == ("/end", None)
    expect(page.get_by_text(NAME)).to_be_visible()
    assert [cookie["name"] for cookie in context.cookies()] == []
    context.close()
