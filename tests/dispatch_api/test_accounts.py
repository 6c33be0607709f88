"""Log-in, sessions, CSRF, throttling, and who may have an account."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation
from dispatch_client import Browser
from dispatch_people import PASSWORD, QUICK
from sqlalchemy import select

from dispatch_api.accounts.attempts import place_of
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.service import create_account
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.accounts.throttle import Throttle
from dispatch_api.app import create_app
from dispatch_api.errors import AccountExists, InvalidRequest, NotLoggedIn, TooManyAttempts, WrongCredentials
from dispatch_api.parts import DemoAccount
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables


def test_who_logs_in_is_known_until_they_log_out(browser):
    somebody = browser(None)
    assert somebody.get("/api/v1/session").status_code == 401
    answer = somebody.log_in("drainer", PASSWORD)
    assert answer.json()["account"] == {
        "name": "drainer",
        "display_name_zh": "drainer",
        "display_name_en": "drainer",
        "role": "leader",
        "department": "drainage",
    }
    assert somebody.json("/api/v1/session")["csrf"] == answer.json()["csrf"]
    assert somebody.delete("/api/v1/session").status_code == 204
    assert somebody.get("/api/v1/session").status_code == 401


def test_a_stolen_copy_of_the_database_holds_no_token_and_no_password(store, browser):
    answer = browser(None).log_in("chief", PASSWORD)
    token = answer.cookies["flyonce"]
    with store.read() as connection:
        session = connection.execute(select(tables.session)).one()
        hashes = connection.execute(select(tables.account.c.password_hash)).scalars().all()
    assert token not in str(session)
    assert all(hashed.startswith("$argon2id$") for hashed in hashes)
    assert len(set(hashes)) == len(hashes)


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_connections(app):
    for base, name, secure in (
        ("http://city.test", "flyonce", False),
        ("https://city.test", "__Host-flyonce", True),
    ):
        browser = Browser(app, base)
        header = browser.log_in("chief", PASSWORD).headers["set-cookie"]
        assert header.startswith(f"{name}=")
        assert "HttpOnly" in header
        assert "SameSite=lax" in header
        assert "Path=/" in header
        assert ("Secure" in header) == secure
        assert "Domain" not in header
        assert browser.get("/api/v1/session").status_code == 200
        browser.close()


@pytest.mark.parametrize(("name", "password"), [("chief", "wrong-password"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_look_alike(browser, name, password):
    answer = browser(None).log_in(name, password)
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:flyonce:problem:wrong-credentials"
    assert answer.json()["detail"] == "name or password is wrong."
    assert "set-cookie" not in answer.headers


def test_a_change_needs_the_csrf_token_of_this_very_session(browser, intake):
    recorded = intake.record(an_observation())
    task = next(task.task_id for task in recorded.tasks if task.kind == "lead")
    drainer, other = browser("drainer"), browser("drainer")
    path, body = f"/api/v1/tasks/{task}/transitions", {"to": "signed"}
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": other.csrf}):
        assert drainer.post(path, body, headers=headers).status_code == 403
    foreign = {"X-CSRF-Token": drainer.csrf, "Origin": "https://evil.test"}
    assert drainer.post(path, body, headers=foreign).status_code == 403
    own = {"X-CSRF-Token": drainer.csrf, "Origin": "http://city.test"}
    assert drainer.post(path, body, headers=own).status_code == 200


def test_another_site_cannot_log_somebody_in(browser):
    answer = browser(None).post(
        "/api/v1/session", {"name": "chief", "password": PASSWORD}, headers={"Origin": "https://evil.test"}
    )
    assert answer.status_code == 403


def test_guessing_is_slowed_down_even_with_the_right_password_in_the_end(browser):
    somebody = browser(None)
    for _ in range(5):
        assert somebody.log_in("chief", "wrong-password").status_code == 401
    answer = somebody.log_in("chief", PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


class Guesser:
    """Somebody who tries passwords at one of the processes that share a store, and a clock that the test turns."""

    def __init__(self, store):
        self.now = NOON
        self.throttle = Throttle(store, now=lambda: self.now)

    def fails(self, name="chief", address="10.0.0.1"):
        with pytest.raises(WrongCredentials), self.throttle.attempt(name, address):
            raise WrongCredentials("name or password is wrong.")

    def succeeds(self, name="chief", address="10.0.0.1"):
        with self.throttle.attempt(name, address):
            pass

    def waits_s(self, name="chief", address="10.0.0.1"):
        with pytest.raises(TooManyAttempts) as refused, self.throttle.attempt(name, address):
            pass
        return refused.value.retry_after_s


@pytest.mark.both_stores
def test_the_wait_doubles_and_ends(store):
    guesser = Guesser(store)
    for _ in range(5):
        guesser.fails()
    assert guesser.waits_s() == 3
    for wait_s in (2, 4, 8, 16, 32, 64, 128, 256, 300):
        guesser.now += timedelta(seconds=wait_s - 0.1)
        guesser.waits_s()
        guesser.now += timedelta(seconds=0.2)
        guesser.fails()
    guesser.fails(address="10.0.0.2")
    guesser.fails(name="second_chief")
    guesser.now += timedelta(seconds=301)
    guesser.succeeds()
    for _ in range(5):
        guesser.fails()
    assert guesser.waits_s() == 3


@pytest.mark.both_stores
def test_processes_of_one_store_count_together_and_a_restart_forgets_nothing(store):
    with open_store(store.url, evidence_dir=store.evidence_dir) as other:
        here, there = Guesser(store), Guesser(other)
        for guesser in (here, there, here, there, here):
            guesser.fails()
        assert (here.waits_s(), there.waits_s()) == (3, 3)
    with open_store(store.url, evidence_dir=store.evidence_dir) as again:
        restarted = Guesser(again)
        assert restarted.waits_s() == 3
        restarted.now += timedelta(seconds=3)
        restarted.succeeds()
    here.succeeds()


def test_many_guesses_at_once_are_no_way_round(store):
    guesser = Guesser(store)
    with ExitStack() as at_once:
        for _ in range(5):
            at_once.enter_context(guesser.throttle.attempt("chief", "10.0.0.1"))
        assert guesser.waits_s() == 3
    guesser.succeeds()


def test_many_names_from_one_place_and_one_name_from_many_places_are_slowed_down_too(store):
    guesser = Guesser(store)
    for number in range(30):
        guesser.fails(name=f"name{number}")
    assert guesser.waits_s(name="another") == 3
    guesser.succeeds(name="another", address="10.0.0.2")
    for number in range(30):
        guesser.fails(name="keeper", address=f"10.1.0.{number}")
    assert guesser.waits_s(name="keeper", address="10.2.0.1") == 3


def test_a_household_is_one_place_however_many_addresses_it_has(store):
    guesser = Guesser(store)
    for number in range(5):
        guesser.fails(address=f"2001:db8:1:2::{number:x}")
    assert guesser.waits_s(address="2001:db8:1:2:ffff::1") == 3
    guesser.succeeds(address="2001:db8:1:3::1")
    assert [place_of(one) for one in ("::ffff:10.0.0.1", "10.0.0.1", "command-line")] == ["10.0.0.1"] * 2 + [
        "command-line"
    ]


def test_what_fails_for_another_reason_is_no_guess(store):
    guesser = Guesser(store)
    for _ in range(6):
        with pytest.raises(InvalidRequest), guesser.throttle.attempt("chief", "10.0.0.1"):
            raise InvalidRequest(field="new", problem="too short")
    guesser.succeeds()


def test_what_was_typed_is_kept_as_a_hash_and_not_for_long(store):
    guesser = Guesser(store)
    guesser.fails(name="a password in the wrong field")
    with store.read() as connection:
        kept = connection.execute(select(tables.attempt)).all()
    assert len(kept) == 3
    assert all(len(row.key) == 64 and row.key.isalnum() for row in kept)
    guesser.now += timedelta(minutes=5)
    guesser.fails(address="10.0.0.9")
    with store.read() as connection:
        assert {row.key for row in connection.execute(select(tables.attempt))}.isdisjoint(row.key for row in kept)


def test_a_clock_that_is_put_back_makes_nobody_wait_for_hours(store):
    guesser = Guesser(store)
    for _ in range(5):
        guesser.fails()
    guesser.now -= timedelta(hours=5)
    assert guesser.waits_s() <= 301


def test_a_session_ends_after_its_time(store, people):
    now = [NOON]
    desk = SessionDesk(store, passwords=QUICK, now=lambda: now[0])
    session = desk.log_in("chief", PASSWORD, address="here")
    now[0] = NOON + timedelta(hours=11, minutes=59)
    assert desk.of_token(session.token).account.name == "chief"
    now[0] = NOON + timedelta(hours=12)
    with pytest.raises(NotLoggedIn):
        desk.of_token(session.token)
    desk.log_in("pilot", PASSWORD, address="here")
    with store.read() as connection:
        assert len(connection.execute(select(tables.session)).all()) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short"}, "password"),
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"role": "king"}, "role"),
        ({"role": "leader"}, "department"),
        ({"role": "handler"}, "department"),
        ({"role": "department", "department": "drainage"}, "role"),
        ({"role": "pipeline"}, "role"),
        ({"department": "drainage"}, "department"),
        ({"role": "leader", "department": "nobody", "departments": ("drainage",)}, "department"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(store, changes, field):
    asked = {"name": "new", "password": PASSWORD, "role": "centre", "passwords": QUICK} | changes
    with pytest.raises(InvalidRequest) as refused:
        create_account(store, **asked)
    assert refused.value.field == field


def test_a_name_is_given_once(store, people):
    with pytest.raises(AccountExists, match="chief"):
        create_account(store, "chief", PASSWORD, "operator", passwords=QUICK)


def test_only_so_many_hashes_run_at_once():
    passwords = Passwords()
    taken = [passwords.slots.acquire(blocking=False) for _ in range(3)]
    assert taken == [True, True, False]


def test_only_a_demo_store_shows_accounts(store, browser):
    assert browser(None).json("/api/v1/demo") == {"demo": False, "accounts": []}
    shown = DemoAccount(
        name="demo", password="demo-demo", role="centre", display_name_zh="演示", display_name_en="Demo"
    )
    demo = Browser(create_app(store, passwords=QUICK, demo_accounts=[shown]))
    assert demo.json("/api/v1/demo")["accounts"] == [
        {
            "name": "demo",
            "password": "demo-demo",
            "role": "centre",
            "display_name_zh": "演示",
            "display_name_en": "Demo",
        }
    ]
    demo.close()
