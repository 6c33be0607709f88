"""Log-in with the city's own provider, against a real one on loopback."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from dispatch_client import Browser
from dispatch_people import PASSWORD, QUICK
from joserfc.jwk import RSAKey
from oidc_provider import BACK_CHANNEL, CLIENT_ID, CLIENT_SECRET, LOGGED_OUT, running_provider
from sqlalchemy import select

from dispatch_api.accounts.model import system_actor
from dispatch_api.accounts.oidc_file import load_oidc
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.app import create_app
from dispatch_api.departments.model import load_departments
from dispatch_api.errors import ConfigurationError
from dispatch_api.store.schema import event

BEGIN = "/api/v1/session/oidc"
WANG = {"sub": "u-1001", "name": "王工", "groups": ["staff", "drainage-leads"]}
ROLES = """
roles:
  - {value: flyonce-admins, role: admin}
  - {value: drainage-leads, role: leader, department: drainage}
  - {value: drainage, role: handler, department: drainage}
  - {value: audit, role: auditor}
"""


def settings(folder, issuer, more=ROLES):
    (folder / "secret").write_text(f"{CLIENT_SECRET}\n")
    text = f"issuer: {issuer}\nclient_id: {CLIENT_ID}\nclient_secret_file: secret\nname: 市统一认证\n{more}"
    (folder / "oidc.yaml").write_text(text, "utf-8")
    return load_oidc(folder / "oidc.yaml", departments=tuple(load_departments().by_key))


@pytest.fixture
def provider(monkeypatch):
    # Authlib's server refuses plain http; on loopback nobody else listens.
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with running_provider() as running:
        running.person = dict(WANG)
        yield running


@pytest.fixture
def city(store, people, provider, tmp_path):
    return create_app(store, passwords=QUICK, oidc=settings(tmp_path, provider.issuer))


@pytest.fixture
def somebody(city):
    """A function that gives a browser which nobody has used."""
    opened = []

    def sit_down():
        opened.append(Browser(city))
        return opened[-1]

    yield sit_down
    for browser in opened:
        browser.close()


def sent_back(browser):
    """Where the provider sends a browser that begins a log-in."""
    begun = browser.get(BEGIN)
    assert begun.status_code == 302, begun.text
    answer = httpx.get(begun.headers["location"], trust_env=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def test_whom_the_provider_vouches_for_has_the_role_of_their_group(somebody, provider, store):
    browser = somebody()
    assert browser.json("/api/v1/session/methods")["oidc"] == {"name": "市统一认证", "url": BEGIN}
    begun = urlsplit(browser.get(BEGIN).headers["location"])
    asked = {name: values[0] for name, values in parse_qs(begun.query).items()}
    assert (asked["code_challenge_method"], asked["response_type"], asked["client_id"]) == ("S256", "code", CLIENT_ID)
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["redirect_uri"] == f"http://city.test{BEGIN}/callback"

    back = browser.get(sent_back(browser))
    assert (back.status_code, back.headers["location"]) == (302, "/")
    account = browser.json("/api/v1/session")["account"]
    assert (account["name"], account["role"], account["department"]) == ("oidc:u-1001", "leader", "drainage")
    assert account["display_name_zh"] == "王工"
    assert somebody().log_in("oidc:u-1001", "").status_code == 401
    with store.read() as connection:
        made = connection.execute(select(event).where(event.c.kind == "account.created")).all()[-1]
    assert made.who == "system:oidc"


def test_a_role_follows_the_provider_and_a_closed_account_stays_closed(somebody, provider, store):
    browser = somebody()
    browser.get(sent_back(browser))
    provider.person["groups"] = ["audit"]
    again = somebody()
    again.get(sent_back(again))
    assert again.json("/api/v1/session")["account"]["role"] == "auditor"
    AccountDesk(store).set_disabled("oidc:u-1001", disabled=True, by=system_actor("test"))
    assert again.get("/api/v1/session").status_code == 401
    refused = again.get(sent_back(again))
    assert (refused.status_code, refused.json()["detail"]) == (401, "this account is closed.")
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("groups", [[], ["staff"], None, "staff", [{"drainage": 1}]])
def test_whoever_has_no_role_here_is_not_let_in(somebody, provider, store, groups):
    provider.person["groups"] = groups
    browser = somebody()
    refused = browser.get(sent_back(browser))
    assert refused.status_code == 401
    assert browser.get("/api/v1/session").status_code == 401
    assert "oidc:u-1001" not in {kept.account.name for kept in AccountDesk(store).all()}


def test_the_name_of_an_account_that_was_made_here_cannot_be_taken_over(somebody, provider):
    provider.person |= {"sub": "keeper", "preferred_username": "keeper"}
    browser = somebody()
    browser.get(sent_back(browser))
    assert browser.json("/api/v1/session")["account"]["name"] == "oidc:keeper"
    assert somebody().log_in("keeper", PASSWORD).json()["account"]["role"] == "admin"


def test_a_callback_that_was_not_asked_for_logs_nobody_in(somebody, provider):
    asker, stranger = somebody(), somebody()
    back = sent_back(asker)
    assert stranger.get(back).status_code == 401
    stranger.get(BEGIN)
    assert stranger.get(back).status_code == 401
    assert asker.get(back.replace("state=", "state=x")).status_code == 401
    assert asker.get(back.replace("code=", "code=x")).status_code == 401
    assert asker.get(f"{BEGIN}/callback?error=access_denied&state=x").status_code == 401
    good = sent_back(asker)
    assert asker.get(good).status_code == 302
    other = somebody()
    other._client.cookies.update(asker._client.cookies)
    assert other.get(good).status_code == 401


@pytest.mark.parametrize(
    "extra", [{"nonce": "another"}, {"aud": "another"}, {"azp": "another"}, {"exp": 1000}, {"at_hash": "AAAA"}]
)
def test_a_token_for_somebody_else_or_from_long_ago_does_not_hold(somebody, provider, extra):
    provider.extra = extra
    browser = somebody()
    refused = browser.get(sent_back(browser))
    assert (refused.status_code, "does not hold" in refused.json()["detail"]) == (401, True), refused.text
    assert browser.get("/api/v1/session").status_code == 401


def test_a_token_of_another_issuer_or_signed_with_another_key_does_not_hold(somebody, provider):
    provider.named_issuer = "https://elsewhere.example"
    browser = somebody()
    assert browser.get(sent_back(browser)).status_code == 401
    provider.named_issuer = provider.issuer
    back = sent_back(browser)
    shown = provider.key
    provider.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    signing, provider.key = provider.key, shown
    tokens = provider.create_token_response
    provider.create_token_response = lambda request: _with_key(provider, signing, tokens, request)
    assert browser.get(back).status_code == 401
    provider.create_token_response = tokens
    assert browser.get(sent_back(browser)).status_code == 302


def _with_key(provider, key, answer, request):
    provider.key, kept = key, provider.key
    try:
        return answer(request)
    finally:
        provider.key = kept


def test_a_provider_that_is_gone_or_calls_itself_otherwise_is_told_of(store, people, tmp_path, provider):
    app = create_app(store, passwords=QUICK, oidc=settings(tmp_path, "http://127.0.0.1:9"))
    browser = Browser(app)
    gone = browser.get(BEGIN)
    assert (gone.status_code, gone.json()["type"]) == (502, "urn:flyonce:problem:provider-failed")
    assert browser.log_in("chief", PASSWORD).status_code == 200
    browser.close()
    other = provider.issuer.replace("127.0.0.1", "localhost")
    browser = Browser(create_app(store, passwords=QUICK, oidc=settings(tmp_path, other)))
    assert browser.get(BEGIN).status_code == 502
    browser.close()


def test_without_a_provider_there_is_none(browser):
    assert browser(None).json("/api/v1/session/methods") == {"password": True, "oidc": None}
    for path in (BEGIN, f"{BEGIN}/callback", LOGGED_OUT):
        assert browser(None).get(path).status_code == 404
    assert told(browser(None), "x").status_code == 404


@pytest.mark.parametrize(
    ("issuer", "more", "words"),
    [
        ("http://city.example", ROLES, "https"),
        ("https://city.example", "", "roles"),
        ("https://city.example", "roles: [{value: a, role: pipeline}]", "machine"),
        ("https://city.example", "roles: [{value: a, role: leader}]", "department"),
        ("https://city.example", "roles: [{value: a, role: leader, department: nobody}]", "nobody"),
        ("https://city.example", ROLES + "scopes: [profile]", "openid"),
        ("https://city.example", ROLES + "client_secret_file: none", "client_secret_file"),
        ("https://city.example", ": [", "read"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_the_place(tmp_path, issuer, more, words):
    with pytest.raises(ConfigurationError, match=words):
        settings(tmp_path, issuer, more)


def logged_in(browser):
    assert browser.get(sent_back(browser)).status_code == 302
    browser.csrf = browser.json("/api/v1/session")["csrf"]
    return browser


def test_who_logs_out_here_is_logged_out_at_the_provider_and_comes_back(somebody, provider):
    browser = logged_in(somebody())
    left = browser.delete("/api/v1/session")
    assert (left.status_code, left.json()["provider"]["name"]) == (200, "市统一认证")
    assert browser.get("/api/v1/session").status_code == 401
    url = urlsplit(left.json()["provider"]["url"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url._replace(query="").geturl() == f"{provider.issuer}/end"
    assert asked["post_logout_redirect_uri"] == f"http://city.test{LOGGED_OUT}"
    assert asked["client_id"] == CLIENT_ID

    # A real provider checks who sends whom, and sends nobody back to an address that it was not told of.
    answer = httpx.get(left.json()["provider"]["url"], trust_env=False)
    assert (answer.status_code, provider.session) == (302, None)
    back = answer.headers["location"]
    assert back == f"http://city.test{LOGGED_OUT}?state={asked['state']}"
    assert browser.cookies.get("flyonce-oidc-out") == asked["state"]
    home = browser.get(back)
    assert (home.status_code, home.headers["location"]) == (302, "/")
    assert browser.cookies.get("flyonce-oidc-out") is None


def test_who_comes_back_from_elsewhere_finds_the_pages_and_ends_nothing(somebody, provider):
    browser = logged_in(somebody())
    browser.delete("/api/v1/session")
    for state in ("", "x", "%E7%8A%B6"):
        assert browser.get(f"{LOGGED_OUT}?state={state}").headers["location"] == "/"
    assert browser.cookies.get("flyonce-oidc-out")
    assert somebody().get(LOGGED_OUT).status_code == 302


def test_an_end_session_address_keeps_its_own_words_and_a_hint_that_is_too_long_is_left_out(somebody, provider):
    provider.more_of_end = "?tenant=city%20hall"
    provider.person["picture"] = "x" * 6000
    left = logged_in(somebody()).delete("/api/v1/session").json()["provider"]["url"]
    asked = parse_qs(urlsplit(left).query)
    assert asked["tenant"] == ["city hall"]
    assert set(asked) == {"tenant", "client_id", "post_logout_redirect_uri", "state"}


@pytest.mark.parametrize("end", ["none", "gone", "unsafe"])
def test_where_the_provider_offers_no_log_out_one_is_logged_out_here(somebody, provider, city, end):
    browser = logged_in(somebody())
    desk = city.state.parts.oidc
    desk._provider._metadata = None
    if end == "none":
        provider.offered = False
    elif end == "gone":
        provider.issuer = "http://elsewhere.example"
    else:
        provider.more_of_end = ""
        provider._metadata = lambda: {"issuer": provider.issuer, "end_session_endpoint": "javascript:alert(1)"}
    assert browser.delete("/api/v1/session").status_code == 204
    assert browser.get("/api/v1/session").status_code == 401


def test_who_came_by_password_is_not_sent_to_the_provider(somebody, provider):
    browser = somebody()
    browser.log_in("chief", PASSWORD)
    assert browser.delete("/api/v1/session").status_code == 204
    assert "/end" not in provider.calls


def told(browser, token):
    return browser._do(browser._client.post(f"{BEGIN}/backchannel", data={"logout_token": token}))


@pytest.mark.both_stores
def test_who_logs_out_at_the_provider_is_logged_out_here(somebody, provider):
    here = logged_in(somebody())
    provider.session = "s-2"
    there = logged_in(somebody())
    provider.person = {"sub": "u-2002", "name": "李工", "groups": ["audit"]}
    other = logged_in(somebody())
    local = somebody()
    local.log_in("chief", PASSWORD)

    answer = told(other, provider.logout_token(sid="s-2"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [one.get("/api/v1/session").status_code for one in (here, there, other, local)] == [200, 401, 200, 200]
    # Another person's session of that name is not theirs to end.
    assert told(other, provider.logout_token(sid="s-2", sub="u-1001")).status_code == 200
    assert other.get("/api/v1/session").status_code == 200
    assert told(other, provider.logout_token(sub="u-1001")).status_code == 200
    assert [one.get("/api/v1/session").status_code for one in (here, other, local)] == [401, 200, 200]
    assert told(other, provider.logout_token(sub=None, sid="s-2")).status_code == 200
    assert other.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"iat": None},
        {"exp": 1000},
        {"exp": None},
        {"jti": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sid": ["s-1"]},
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": [BACK_CHANNEL]},
        {"events": {BACK_CHANNEL: "x"}},
        {"header": {"typ": "at+jwt"}},
    ],
    ids=str,
)
def test_a_token_that_is_none_for_logging_out_ends_nothing(somebody, provider, changes):
    browser = logged_in(somebody())
    refused = told(browser, provider.logout_token(**changes))
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:flyonce:problem:http-400")
    assert browser.get("/api/v1/session").status_code == 200


def test_a_forged_token_ends_nothing_and_makes_us_ask_for_keys_once_in_a_while_only(somebody, provider):
    browser = logged_in(somebody())
    good = provider.logout_token()
    kept, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    forged = provider.logout_token()
    provider.key = kept
    before = len(provider.calls)
    unsigned = ".".join([good.split(".")[0], good.split(".")[1], ""])
    for token in (forged, unsigned, "x", "x.y.z", "é", "a" * 16_000):
        assert told(browser, token).status_code == 400, token[:20]
    assert len(provider.calls) == before
    assert browser.get("/api/v1/session").status_code == 200
    for token in ("", "a" * 16_001):
        assert told(browser, token).status_code == 422
