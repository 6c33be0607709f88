"""The history names whoever gave a command: an account that proved itself, or the operating system's user."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from dispatch_api.accounts.service import create_account
from dispatch_api.cases.intake import Intake
from dispatch_api.store import open_store
from dispatch_api.store.schema import event
from flyonce.cli import accounts, dataset, deliveries, evidence, keys, receivers
from flyonce.os_user import os_user

sys.path.insert(0, str(Path(__file__).parents[1] / "dispatch_api"))
from dispatch_builders import default_rules
from dispatch_people import PASSWORD, QUICK
from pack_builders import a_case

HERE = f"system:command-line:{pwd.getpwuid(os.getuid()).pw_name}"
HOOK = ("add", "hook", "--url", "https://city.example/in")
CASE = "CASE"
COMMANDS = [
    (accounts.app, ("role", "wang", "--role", "leader", "--department", "town"), "account.role_changed", "keeper"),
    (accounts.app, ("disable", "wang"), "account.disabled", "keeper"),
    (keys.app, ("create", "--name", "dock"), "key.created", "keeper"),
    (receivers.app, HOOK, "receiver.added", "keeper"),
    (evidence.app, ("hold", CASE, "--reason", "复议"), "evidence.held", "chief"),
    (evidence.app, ("quota", "--keep", "1B"), "evidence.over_quota", "keeper"),
    (evidence.app, ("flight", "flight-1", "--purpose", "巡查"), "flight.noted", "pilot"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> tuple[Path, str]:
    """A store with people and one case, to be copied; and the case's number."""
    folder = tmp_path_factory.mktemp("model")
    with open_store(f"sqlite:///{folder}/city.db", create=True) as store:
        number = a_case(store, Intake(store, *default_rules()), folder)
        for name, role, department in (
            ("keeper", "admin", None),
            ("chief", "centre", None),
            ("pilot", "operator", None),
            ("wang", "handler", "drainage"),
        ):
            create_account(store, name, PASSWORD, role, department, passwords=QUICK)
    return folder, number


@pytest.fixture
def city(model, tmp_path) -> tuple[str, str]:
    """The URL of a copy of that store, and the number of its case."""
    folder, number = model
    subprocess.run(["cp", "-r", f"{folder}/.", str(tmp_path)], check=True)
    return f"sqlite:///{tmp_path}/city.db", number


def give(city, app, words, *more: str, typed: str | None = None):
    url, number = city
    named = [number if word == CASE else word for word in words]
    return CliRunner().invoke(app, [*named, *more, "--store", url, "--json"], input=typed)


def who_did(city, kind: str) -> list[str]:
    with open_store(city[0]) as store, store.read() as connection:
        return list(connection.execute(select(event.c.who).where(event.c.kind == kind)).scalars())


@pytest.mark.parametrize(("app", "words", "kind", "name"), COMMANDS, ids=[one[2] for one in COMMANDS])
def test_a_command_names_an_account_that_proves_itself_or_the_systems_user(city, app, words, kind, name):
    before = len(who_did(city, kind))
    give(city, app, words, "--as", name, "--password-stdin", typed="not the password\n")
    assert len(who_did(city, kind)) == before
    give(city, app, words, "--as", name, "--password-stdin", typed=f"{PASSWORD}\n")
    assert who_did(city, kind)[before:] == [name]
    if words is HOOK:
        words = ("disable", "hook")
        kind = "receiver.disabled"
    elif words[0] == "hold":
        words, kind = ("release", *words[1:]), "evidence.released"
    elif words[0] == "disable":
        words, kind = ("enable", *words[1:]), "account.enabled"
    elif words[0] == "create":
        words, kind = ("revoke", "dock"), "key.revoked"
    give(city, app, words)
    assert who_did(city, kind)[-1] == HERE


@pytest.mark.parametrize(("app", "words", "kind", "name"), COMMANDS, ids=[one[2] for one in COMMANDS])
def test_an_account_of_another_role_does_nothing(city, app, words, kind, name):
    before = who_did(city, kind)
    refused = give(city, app, words, "--as", "wang", "--password-stdin", typed=f"{PASSWORD}\n")
    assert refused.exit_code != 0
    assert "may not do this" in f"{refused.stderr}{refused.exception}"
    assert who_did(city, kind) == before


def test_of_two_passwords_on_stdin_ones_own_comes_first(city):
    words = ("create", "li", "--role", "auditor", "--as", "keeper", "--password-stdin")
    made = give(city, accounts.app, words, typed=f"{PASSWORD}\nanother-long-one\n")
    assert json.loads(made.stdout)["name"] == "li"
    assert who_did(city, "account.created")[-1] == "keeper"
    proven = give(city, evidence.app, ("hold", CASE, "--reason", "复议", "--as", "li"), typed="another-long-one\n")
    assert proven.exit_code == 0, proven.stderr
    assert who_did(city, "evidence.held") == ["li"]


def test_no_password_on_stdin_is_told_as_that(city):
    refused = give(city, keys.app, ("create", "--name", "x"), "--as", "keeper", "--password-stdin", typed="")
    assert refused.exit_code == 2
    assert "first line of stdin" in refused.stderr


def test_an_admin_does_not_shut_themselves_out_here_either(city):
    refused = give(city, accounts.app, ("disable", "keeper"), "--as", "keeper", "--password-stdin", typed=PASSWORD)
    assert refused.exit_code == 2
    assert "another admin" in refused.stderr


def test_wrong_passwords_are_slowed_down_from_one_command_to_the_next(city):
    words = ("list",)
    for _ in range(5):
        give(city, evidence.app, ("hold", CASE, "--reason", "x"), "--as", "chief", "--password-stdin", typed="guess\n")
    words = ("hold", CASE, "--reason", "x", "--as", "chief", "--password-stdin")
    refused = give(city, evidence.app, words, typed=f"{PASSWORD}\n")
    assert "too many attempts" in f"{refused.stderr}{refused.exception}"
    assert who_did(city, "evidence.held") == []


def test_the_name_in_the_environment_does_not_count(city, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mayor")
    assert HERE == f"system:command-line:{os_user()}" != "system:command-line:mayor"
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    assert os_user() == "uid 54321"
    monkeypatch.setenv("SUDO_USER", "liwei")
    assert os_user() == "uid 54321"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert os_user() == "liwei as root"


def test_replays_and_exports_say_who_too(city, tmp_path):
    give(city, receivers.app, HOOK)
    assert give(city, deliveries.app, ("replay", "--receiver", "hook")).exit_code == 0
    words = ("export", str(tmp_path / "set"), "--as-is", "--by", "chief", "--reason", "teaching", "--password-stdin")
    refused = give(city, dataset.app, words, typed="guess\n")
    assert refused.exit_code != 0
    assert who_did(city, "original.opened") == []
