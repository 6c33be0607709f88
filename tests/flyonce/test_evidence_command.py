"""`flyonce evidence`: what people type, and what they are told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from dispatch_api.accounts.service import create_account
from dispatch_api.cases.intake import Intake
from dispatch_api.store import open_store
from dispatch_api.store.schema import event
from flyonce.cli import evidence as command
from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import COMMANDS, GROUPS

sys.path.insert(0, str(Path(__file__).parents[1] / "dispatch_api"))
from dispatch_builders import default_rules
from dispatch_people import PASSWORD, QUICK
from pack_builders import a_case


@pytest.fixture
def city(tmp_path) -> tuple[str, str]:
    """A store's URL and the number of its case."""
    url = f"sqlite:///{tmp_path}/city.db"
    with open_store(url, create=True) as store:
        number = a_case(store, Intake(store, *default_rules()), tmp_path)
        create_account(store, "chief", PASSWORD, "centre", passwords=QUICK)
        create_account(store, "drainer", PASSWORD, "leader", "drainage", passwords=QUICK)
    return url, number


def run(*words: str, typed: str | None = None):
    return CliRunner().invoke(command.app, list(words), input=typed)


def told(answer) -> dict:
    assert answer.exit_code == 0, (answer.output, answer.exception)
    return json.loads(answer.stdout)


def test_the_group_is_among_the_commands():
    assert "evidence" in GROUPS | COMMANDS


def test_a_pack_is_made_checked_and_found_out_when_it_was_changed(city, tmp_path):
    url, number = city
    pack = tmp_path / "case.zip"
    made = told(run("pack", number, "--store", url, "-o", str(pack), "--json"))
    assert made["originals"] == []
    checked = told(run("verify", str(pack), "--json"))
    assert checked["ok"] is True
    assert checked["manifest_sha256"] == made["manifest_sha256"]
    content = pack.read_bytes()
    at = content.index(b"<svg") + 5
    pack.write_bytes(content[:at] + b"?" + content[at + 1 :])
    answer = run("verify", str(pack), "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["where"] in {"map.svg", "report.html"}
    assert "report.html" in answer.stderr or "map.svg" in answer.stderr
    assert run("verify", str(tmp_path / "nowhere.zip")).exit_code == 2


def test_verifying_opens_no_store_and_reads_no_network(city, tmp_path, monkeypatch):
    url, number = city
    pack = tmp_path / "case.zip"
    told(run("pack", number, "--store", url, "-o", str(pack), "--json"))
    (tmp_path / "city.db").unlink()
    monkeypatch.chdir(tmp_path)
    assert told(run("verify", str(pack), "--json"))["ok"] is True


def test_originals_need_an_account_that_may_its_password_and_a_reason(city, tmp_path):
    url, number = city
    out = str(tmp_path / "case.zip")
    whole = ("pack", number, "--store", url, "-o", out, "--originals", "--password-stdin", "--json")
    assert run(*whole, "--as", "chief", typed=f"{PASSWORD}\n").exit_code == 2
    reason = ("--reason", "法院调取")
    for account, password, code in (("drainer", PASSWORD, 2), ("chief", "wrong-password", 1)):
        answer = run(*whole, *reason, "--as", account, typed=f"{password}\n")
        assert answer.exit_code != 0
        assert exit_code_for(answer.exception) == code
    assert exit_code_for(run(*whole, *reason).exception) == 2
    assert not Path(out).exists()
    made = told(run(*whole, *reason, "--as", "chief", typed=f"{PASSWORD}\n"))
    assert len(made["originals"]) == 2
    copy = tmp_path / "original.jpg"
    words = ("open", made["originals"][0], "--store", url, "-o", str(copy), *reason, "--as", "chief")
    told(run(*words, "--password-stdin", "--json", typed=f"{PASSWORD}\n"))
    with open_store(url) as store, store.read() as connection:
        opened = connection.execute(select(event.c.who, event.c.why).where(event.c.kind == "evidence.opened")).all()
    assert [tuple(row) for row in opened] == [("chief", "法院调取")] * 3
    assert copy.read_bytes() == next((tmp_path / "city-evidence").rglob(f"{made['originals'][0]}.jpg")).read_bytes()


def test_holds_flights_and_the_quota_from_the_command_line(city, tmp_path):
    url, number = city
    assert told(run("hold", number, "--store", url, "--reason", "行政复议", "--json"))["changed"] is True
    assert told(run("release", number, "--store", url, "--reason", "复议终结", "--json"))["hold"] is False
    noted = told(run("flight", "flight-1", "--store", url, "--aircraft", "1581F4BND", "--approval", "A-1", "--json"))
    assert noted["approval_id"] == "A-1"
    fits = told(run("quota", "--store", url, "--keep", "500GB", "--json"))
    assert (fits["keep_bytes"], fits["pieces"], fits["fits"]) == (500_000_000_000, [], True)
    answer = run("quota", "--store", url, "--keep", "1kB", "--dry-run", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["fits"] is False
    assert "must stay" in answer.stderr
    assert run("quota", "--store", url, "--keep", "much").exit_code == 2


def test_a_store_knows_the_packs_that_were_made_of_it_and_no_others(city, tmp_path):
    url, number = city
    pack = tmp_path / "case.zip"
    told(run("pack", number, "--store", url, "-o", str(pack), "--json"))
    assert told(run("verify", str(pack), "--store", url, "--json"))["ok"] is True
    other = f"sqlite:///{tmp_path}/other.db"
    with open_store(other, create=True):
        pass
    answer = run("verify", str(pack), "--store", other)
    assert answer.exit_code == 1
    assert "names no pack with this manifest" in answer.stderr
