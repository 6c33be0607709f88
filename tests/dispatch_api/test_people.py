"""Accounts and keys: made, changed, closed, and what each of them may see of the tree of departments."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from dispatch_builders import NOON, an_observation, default_rules
from dispatch_client import Machine
from dispatch_people import PASSWORD, QUICK
from sqlalchemy import select

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Actor, Role, Scope, system_actor
from dispatch_api.accounts.passwords import MAX_CONCURRENT_HASHES, Passwords
from dispatch_api.accounts.service import AccountDesk, create_account
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.app import create_app
from dispatch_api.configuration import default_file
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.errors import ConfigurationError, InvalidRequest, KeyExists, NotFound, NotLoggedIn
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import api_key, event

BY = system_actor("test")


def history(store, prefix: str) -> list[tuple[str, str]]:
    with store.read() as connection:
        verify_history(connection)
        rows = connection.execute(select(event).where(event.c.kind.startswith(prefix)).order_by(event.c.seq))
        return [(row.kind, row.who) for row in rows]


def patch(browser, name, body):
    path = f"/api/v1/accounts/{name}"
    return browser._do(browser._client.patch(path, json=body, headers={"X-CSRF-Token": browser.csrf}))


@pytest.mark.both_stores
def test_an_admin_makes_changes_closes_and_opens_accounts_and_the_history_tells(store, people, browser):
    keeper = browser("keeper")
    wanted = {"name": "wang", "password": PASSWORD, "role": "handler", "department": "drainage"}
    made = keeper.post("/api/v1/accounts", wanted)
    assert (made.status_code, made.json()["role"], made.json()["disabled_at"]) == (201, "handler", None)
    assert keeper.post("/api/v1/accounts", wanted).status_code == 409
    wang = browser("wang")
    assert wang.json("/api/v1/session")["account"]["department"] == "drainage"

    assert patch(keeper, "wang", {"role": "leader", "department": "town"}).json()["department"] == "town"
    assert wang.json("/api/v1/session")["account"]["role"] == "leader"
    assert patch(keeper, "wang", {"password": "another-long-one"}).status_code == 200
    assert wang.get("/api/v1/session").status_code == 401
    assert wang.log_in("wang", PASSWORD).status_code == 401
    assert wang.log_in("wang", "another-long-one").status_code == 200
    assert patch(keeper, "wang", {"disabled": True}).json()["disabled_at"] is not None
    assert wang.get("/api/v1/session").status_code == 401
    assert wang.log_in("wang", "another-long-one").status_code == 401
    assert patch(keeper, "wang", {"disabled": False}).json()["disabled_at"] is None
    assert wang.log_in("wang", "another-long-one").status_code == 200

    listed = {item["name"]: item for item in keeper.json("/api/v1/accounts")["items"]}
    assert set(people) | {"wang"} == set(listed)
    assert "password" not in str(listed).replace("has_password", "")
    told = [kind for kind, who in history(store, "account.") if who == "keeper"]
    changes = ("created", "role_changed", "password_changed", "disabled", "enabled")
    assert told == [f"account.{change}" for change in changes]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"role": "king"}, 422),
        ({"role": "pipeline"}, 422),
        ({"role": "handler"}, 422),
        ({"role": "handler", "department": "nobody"}, 422),
        ({"role": "centre", "disabled": True}, 422),
        ({"department": "town"}, 422),
        ({"password": "short"}, 422),
        ({"name": "new"}, 422),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(store, people, browser, body, status):
    keeper = browser("keeper")
    before = keeper.json("/api/v1/accounts")
    assert patch(keeper, "drainer", body).status_code == status
    assert keeper.json("/api/v1/accounts") == before
    assert patch(keeper, "nobody", {"disabled": True}).status_code == 404


def test_an_admin_cannot_shut_the_own_account_out(people, browser):
    keeper = browser("keeper")
    for body in ({"disabled": True}, {"role": "operator"}):
        assert patch(keeper, "keeper", body).status_code == 422
    assert keeper.json("/api/v1/session")["account"]["role"] == "admin"


def test_an_admin_sees_accounts_and_no_case(people, browser, intake):
    recorded = intake.record(an_observation())
    keeper = browser("keeper")
    for path in ("cases", "cases.geojson", f"cases/{recorded.case_id}", "tasks", "summary", "flights", "stream"):
        assert keeper.get(f"/api/v1/{path}").status_code == 403, path
    assert keeper.get("/api/v1/accounts").status_code == 200


def test_ones_own_password_is_changed_with_the_old_one_and_other_sessions_end(people, browser):
    here, there = browser("drainer"), browser("drainer")

    def change(old, new):
        sent = {"old": old, "new": new}
        headers = {"X-CSRF-Token": here.csrf}
        return here._do(here._client.put("/api/v1/session/password", json=sent, headers=headers)).status_code

    assert change("wrong-password", "another-long-one") == 401
    assert there.get("/api/v1/session").status_code == 200
    assert change(PASSWORD, "short") == 422
    assert change(PASSWORD, "another-long-one") == 204
    assert here.get("/api/v1/session").status_code == 200
    assert there.get("/api/v1/session").status_code == 401
    assert there.log_in("drainer", "another-long-one").status_code == 200
    assert [change("wrong-password", "x" * 9) for _ in range(6)][-1] == 429


def test_a_closed_accounts_old_session_is_refused_even_if_it_was_left_behind(store, people):
    desk = SessionDesk(store, passwords=QUICK)
    session = desk.log_in("chief", PASSWORD, address="here")
    AccountDesk(store).set_disabled("chief", disabled=True, by=BY)
    reopened = desk.enter(session.account.account_id)
    with pytest.raises(NotLoggedIn):
        desk.of_token(reopened.token)


def test_never_more_hashes_run_at_once_than_the_cap():
    lock, running, most = threading.Lock(), [0], [0]

    class Watched(PasswordHasher):
        def hash(self, password, **more):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1
            return super().hash(password, **more)

    passwords = Passwords(hasher=Watched(time_cost=1, memory_cost=8, parallelism=1))
    threads = [threading.Thread(target=passwords.hashed, args=("a-password",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert most[0] == MAX_CONCURRENT_HASHES


def test_a_hash_is_argon2id_and_an_account_without_a_password_cannot_log_in_with_one(store, people):
    assert Passwords().hashed("a-long-password").startswith("$argon2id$")
    AccountDesk(store).create("guest", None, Role.AUDITOR, by=BY)
    answers = Machine(create_app(store, passwords=QUICK), None)
    assert [answers.log_in("guest", word).status_code for word in ("", "x", PASSWORD)] == [401, 401, 401]
    answers.close()


@pytest.mark.both_stores
def test_a_key_is_shown_once_kept_as_a_hash_and_refused_when_revoked_or_expired(store):
    now = [NOON]
    desk = KeyDesk(store, now=lambda: now[0])
    secret, made = desk.create("pipeline", by=BY, expires_at=NOON + timedelta(days=1))
    assert set(made.scopes) == {Scope.SIGHTINGS_WRITE, Scope.CASES_READ, Scope.FEATURES_READ}
    with store.read() as connection:
        assert secret not in str(connection.execute(select(api_key)).all())
    asker = desk.account_of(secret)
    assert (asker.name, asker.role, asker.scopes) == ("key:pipeline", Role.PIPELINE, frozenset(made.scopes))
    for wrong in ("", "x", secret + "x", secret[:-1]):
        with pytest.raises(NotLoggedIn):
            desk.account_of(wrong)
    with pytest.raises(KeyExists):
        desk.create("pipeline", by=BY)
    now[0] += timedelta(days=1)
    with pytest.raises(NotLoggedIn):
        desk.account_of(secret)

    lasting, _ = desk.create("lasting", by=BY)
    assert desk.revoke("lasting", by=BY).revoked_at is not None
    with pytest.raises(NotLoggedIn):
        desk.account_of(lasting)
    desk.revoke("lasting", by=BY)
    with pytest.raises(NotFound):
        desk.revoke("nobody", by=BY)
    assert history(store, "key.") == [(f"key.{word}", BY.name) for word in ("created", "created", "revoked")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "centre"}, "role"),
        ({"scopes": ("all",)}, "scopes"),
        ({"scopes": ()}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"department": "nobody"}, "department"),
        ({"expires_at": NOON - timedelta(days=9000)}, "expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(store, changes, field):
    with pytest.raises(InvalidRequest) as refused:
        KeyDesk(store, load_departments()).create(**({"name": "key", "by": BY} | changes))
    assert refused.value.field == field


def test_the_use_of_a_key_is_noted_to_some_minutes_and_not_with_every_request(store):
    now, writes = [NOON], []
    desk = KeyDesk(store, now=lambda: now[0])
    secret, _ = desk.create("pipeline", by=BY)
    submit = store.submit
    store.submit = lambda work: writes.append(work) or submit(work)
    for second in range(100):
        now[0] = NOON + timedelta(seconds=second)
        desk.account_of(secret)
    assert len(writes) == 1
    now[0] = NOON + timedelta(minutes=6)
    desk.account_of(secret)
    store.write(lambda connection: None)
    assert desk.all()[0].last_used_at == now[0]


def test_a_key_counts_before_a_cookie_and_alone(store, people, browser):
    chief = browser("chief")
    for path, header, status in (
        ("/api/v1/session", "Bearer nonsense", 401),
        ("/api/v1/session", "Bearer", 200),
        ("/api/v1/session", "Basic eDp5", 200),
    ):
        answer = chief._do(chief._client.get(path, headers={"Authorization": header}))
        assert answer.status_code == status, header
    secret, _ = KeyDesk(store).create("pipeline", by=BY)
    answer = chief._do(chief._client.get("/api/v1/session", headers={"Authorization": f"Bearer {secret}"}))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:flyonce:problem:not-admitted")


def test_an_admin_makes_and_revokes_keys_over_rest(store, people, browser):
    keeper = browser("keeper")
    made = keeper.post("/api/v1/keys", {"name": "dock", "scopes": ["cases:read"], "department": "drainage"})
    assert made.status_code == 201
    secret = made.json()["key"]
    assert secret not in str(keeper.json("/api/v1/keys"))
    machine = Machine(create_app(store, passwords=QUICK), secret)
    assert machine.send("GET", "/api/v1/cases").status_code == 200
    assert keeper.delete("/api/v1/keys/dock").json()["revoked_at"] is not None
    assert machine.send("GET", "/api/v1/cases").status_code == 401
    machine.close()


TREE = """
  - {key: east, level: county, name: {zh: 东县, en: East county}}
  - {key: drainage, level: town, parent: east, name: {zh: 市政排水, en: Municipal drainage}}
  - {key: river_street, parent: drainage, name: {zh: 河街, en: River street}}
"""


def a_tree(folder, text=TREE):
    lines = default_file("departments.yaml").read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.strip().startswith("- {key: drainage,")]
    (folder / "departments.yaml").write_text("\n".join(kept) + text, "utf-8")
    return load_departments(folder / "departments.yaml")


def test_departments_form_a_tree(tmp_path):
    departments = a_tree(tmp_path)
    assert departments.under("east") == ("drainage", "river_street")
    assert departments.under("drainage") == ("river_street",)
    assert departments.under("river_street") == departments.under("nobody") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n  - {key: drainage, parent: nobody, name: {zh: a, en: b}}", "nobody"),
        ("\n  - {key: drainage, parent: drainage, name: {zh: a, en: b}}", "above itself"),
        (TREE.replace("level: county", "parent: river_street"), "above itself"),
        (TREE.replace("level: county", "level: town"), "is under"),
    ],
)
def test_a_tree_that_is_none_is_refused_with_the_place(tmp_path, text, words):
    with pytest.raises(ConfigurationError, match=words):
        a_tree(tmp_path, text)


@pytest.mark.both_stores
def test_a_county_sees_its_towns_tasks_and_works_on_its_own_alone(store, tmp_path, intake):
    routing = load_routing(matters=default_rules()[0], departments=a_tree(tmp_path))
    app = create_app(store, routing=routing, passwords=QUICK)
    for name, department in (("county", "east"), ("town_hall", "drainage"), ("street", "river_street")):
        create_account(store, name, PASSWORD, "leader", department, passwords=QUICK)
    recorded = intake.record(an_observation())
    task_id = next(task.task_id for task in recorded.tasks if task.department == "drainage")
    seen = {}
    for name in ("county", "town_hall", "street"):
        browser = Machine(app, None)
        browser.log_in(name, PASSWORD)
        cases = [item["case_id"] for item in browser.json("/api/v1/cases")["items"]]
        tasks = [item["department"] for item in browser.json("/api/v1/tasks")["items"]]
        moved = browser.post(f"/api/v1/tasks/{task_id}/transitions", {"to": "signed"}).status_code
        detail = browser.get(f"/api/v1/cases/{recorded.case_id}")
        inside = [task["department"] for task in detail.json()["tasks"]] if detail.status_code == 200 else None
        offered = browser.get(f"/api/v1/tasks/{task_id}")
        seen[name] = (cases, tasks, moved, inside, offered.status_code)
        browser.close()
    case_id = recorded.case_id
    assert seen["county"] == ([case_id], ["drainage"], 403, ["drainage"], 200)
    assert seen["town_hall"] == ([case_id], ["drainage"], 200, ["drainage"], 200)
    assert seen["street"] == ([], [], 404, None, 404)


def test_an_actor_for_a_department_names_it_and_no_other_person_does():
    Actor(name="key:dock", role=Role.PIPELINE, department="drainage")
    for role, department in ((Role.HANDLER, None), (Role.LEADER, None), (Role.CENTRE, "town"), (None, "town")):
        with pytest.raises(ValueError, match="department"):
            Actor(name="somebody", role=role, department=department)
