"""The commands `flyonce accounts` and `flyonce keys`, and what becomes of the accounts of an older store."""

from __future__ import annotations

import json

import pytest
from alembic import command
from alembic.config import Config
from dispatch_client import Machine
from dispatch_people import QUICK
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.app import create_app
from dispatch_api.errors import WrongCredentials
from dispatch_api.store import migrate, open_store
from dispatch_api.store.migrate import MIGRATIONS_DIR
from dispatch_api.store.url import store_place
from flyonce.cli import accounts, keys


@pytest.fixture
def url(tmp_path) -> str:
    migrate(f"sqlite:///{tmp_path}/city.db")
    return f"sqlite:///{tmp_path}/city.db"


def run(app, *words: str, stdin: str | None = None):
    return CliRunner().invoke(app, list(words), input=stdin)


def told(answer):
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_first_admin_is_made_on_the_command_line_and_accounts_are_looked_after_there(url):
    here = ("--store", url, "--json")
    words = ("create", "keeper", "--role", "admin", "--password-stdin", *here)
    assert told(run(accounts.app, *words, stdin="long-enough\n"))["role"] == "admin"
    made = ("create", "wang", "--role", "handler", "--department", "drainage", "--password-stdin", *here)
    assert told(run(accounts.app, *made, stdin="long-enough\n"))["department"] == "drainage"
    assert (
        told(run(accounts.app, "role", "wang", "--role", "leader", "--department", "town", *here))["role"] == "leader"
    )
    told(run(accounts.app, "password", "wang", "--password-stdin", *here, stdin="another-long-one\n"))
    with open_store(url) as store:
        desk = SessionDesk(store, passwords=QUICK)
        assert desk.log_in("wang", "another-long-one", address="here").account.department == "town"
    assert told(run(accounts.app, "disable", "wang", *here))["disabled_at"] is not None
    with open_store(url) as store, pytest.raises(WrongCredentials):
        SessionDesk(store, passwords=QUICK).log_in("wang", "another-long-one", address="here")
    assert told(run(accounts.app, "enable", "wang", *here))["disabled_at"] is None
    listed = told(run(accounts.app, "list", *here))["accounts"]
    assert [(one["name"], one["role"]) for one in listed] == [("keeper", "admin"), ("wang", "leader")]
    assert "wang\tleader\ttown\topen" in run(accounts.app, "list", "--store", url).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "a", "--role", "department", "--department", "town", "--password-stdin"), "now `handler`"),
        (("create", "a", "--role", "pipeline", "--password-stdin"), "none of operator"),
        (("role", "nobody", "--role", "centre"), "no account 'nobody'"),
        (("disable", "nobody"), "no account 'nobody'"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_changes_nothing(url, words, said):
    answer = run(accounts.app, *words, "--store", url, stdin="long-enough\n")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    with open_store(url) as store:
        assert AccountDesk(store).all() == ()


def test_a_key_is_made_listed_and_revoked(url):
    here = ("--store", url, "--json")
    made = told(run(keys.app, "create", "--name", "dock", "--role", "pipeline", *here))
    assert made["scopes"] == ["sightings:write", "cases:read", "features:read"]
    plain = run(keys.app, "create", "--name", "plain", "--scope", "cases:read", "--days", "30", "--store", url)
    assert plain.stdout.strip().startswith("flyonce_")
    assert "not shown again" in plain.stderr

    def status(key):
        with open_store(url) as store:
            machine = Machine(create_app(store, passwords=QUICK), key)
            found = machine.send("GET", "/api/v1/cases").status_code
            machine.close()
            return found

    assert (status(made["key"]), status(plain.stdout.strip())) == (200, 200)
    listed = told(run(keys.app, "list", *here))["keys"]
    assert [one["name"] for one in listed] == ["dock", "plain"]
    assert made["key"] not in json.dumps(listed)
    assert listed[1]["expires_at"] is not None
    assert told(run(keys.app, "revoke", "dock", *here))["revoked_at"] is not None
    assert status(made["key"]) == 401
    assert "revoked" in run(keys.app, "list", "--store", url).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--name", "a", "--role", "centre"), "a key's role is pipeline"),
        (("create", "--name", "a", "--scope", "everything"), "'everything' is unknown"),
        (("revoke", "a"), "no key 'a'"),
    ],
)
def test_a_wrong_key_is_told_in_one_line(url, words, said):
    answer = run(keys.app, *words, "--store", url)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert said in answer.stderr


def test_without_a_store_there_is_no_key(tmp_path):
    answer = run(keys.app, "create", "--name", "a", "--store", f"sqlite:///{tmp_path}/none.db")
    assert answer.exit_code == 2
    assert "flyonce db upgrade" in answer.stderr


@pytest.mark.both_stores
def test_accounts_of_the_old_role_go_on_as_handlers(new_store_url):
    engine = create_engine(store_place(new_store_url).target)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    columns = "name, display_name_zh, display_name_en, password_hash, role, department, created_at"
    old = (
        f"INSERT INTO account ({columns}) VALUES ('{{0}}', 'a', 'a', 'x', '{{0}}', {{1}}, '2026-11-01 00:00:00+00:00')"
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(text(old.format("department", "'drainage'")))
        connection.execute(text(old.format("centre", "NULL")))
    engine.dispose()
    migrate(new_store_url)
    with open_store(new_store_url) as store:
        found = [(one.account.name, one.account.role, one.account.department) for one in AccountDesk(store).all()]
    assert found == [("centre", "centre", None), ("department", "handler", "drainage")]
