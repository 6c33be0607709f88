"""The commands `flyonce db`, `flyonce accounts` and `flyonce serve`."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from dispatch_api.store import migrate, open_store
from dispatch_api.store.migrate import newest_revision
from flyonce.cli import accounts, db

RUN = [sys.executable, "-c", "from flyonce.cli.main import run; run()"]


def url_of(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/city.db"


def invoke(app, *words: str, stdin: str | None = None):
    return CliRunner().invoke(app, list(words), input=stdin)


def test_db_upgrade_makes_a_store_and_then_has_nothing_to_do(tmp_path):
    first = invoke(db.app, "upgrade", "--store", url_of(tmp_path), "--json")
    assert first.exit_code == 0
    assert json.loads(first.stdout) == {"store": url_of(tmp_path), "before": None, "after": newest_revision()}
    again = invoke(db.app, "upgrade", "--store", url_of(tmp_path), "--json")
    assert json.loads(again.stdout)["before"] == newest_revision()


@pytest.mark.parametrize("command", ["upgrade", "verify"])
def test_db_commands_refuse_a_place_that_holds_no_store(tmp_path, command):
    (tmp_path / "city.db").write_text("these are words and no database at all")
    answer = invoke(db.app, command, "--store", url_of(tmp_path))
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert "is not a database" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_db_verify_counts_the_history_and_finds_a_change(tmp_path):
    migrate(url_of(tmp_path))
    invoke(
        accounts.app,
        "add",
        "chief",
        "--role",
        "centre",
        "--password-stdin",
        "--store",
        url_of(tmp_path),
        stdin="long-enough\n",
    )
    fine = invoke(db.app, "verify", "--store", url_of(tmp_path), "--json")
    assert json.loads(fine.stdout) == {"store": url_of(tmp_path), "events": 1, "ok": True}
    with sqlite3.connect(tmp_path / "city.db") as raw:
        raw.execute("DROP TRIGGER event_no_update")
        raw.execute("UPDATE event SET who = 'me'")
    raw.close()
    broken = invoke(db.app, "verify", "--store", url_of(tmp_path))
    assert broken.exit_code == 1
    assert "event 1" in broken.stderr


def test_accounts_add_takes_the_password_from_stdin_and_names_mistakes(tmp_path):
    migrate(url_of(tmp_path))
    words = ("add", "drainer", "--role", "leader", "--password-stdin", "--store", url_of(tmp_path), "--json")
    added = invoke(accounts.app, *words, "--department", "drainage", stdin="long-enough\n")
    assert added.exit_code == 0
    assert json.loads(added.stdout)["department"] == "drainage"
    unknown = invoke(accounts.app, *words, "--department", "nobody", stdin="long-enough\n")
    assert unknown.exit_code == 2
    assert "nobody" in unknown.stderr
    twice = invoke(accounts.app, *words, "--department", "drainage", stdin="long-enough\n")
    assert twice.exit_code == 2
    assert "exists already" in twice.stderr
    with open_store(url_of(tmp_path)):
        pass


def test_serve_makes_a_new_store_answers_and_stops_at_once_although_somebody_watches(tmp_path):
    migrate(url_of(tmp_path))
    invoke(
        accounts.app,
        "add",
        "chief",
        "--role",
        "centre",
        "--password-stdin",
        "--store",
        url_of(tmp_path),
        stdin="long-enough\n",
    )
    process = subprocess.Popen(
        [*RUN, "serve", "--store", url_of(tmp_path), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = json.loads(process.stdout.readline())["url"]
        assert address.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=address, timeout=20) as client:
            assert client.get("/readyz").json() == {"status": "ready"}
            client.post("/api/v1/session", json={"name": "chief", "password": "long-enough"})
            with client.stream("GET", "/api/v1/stream") as stream:
                assert stream.status_code == 200
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0
        assert "ERROR" not in process.stderr.read()
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait(10)


def test_serve_refuses_a_port_in_use_and_leaves_no_store_behind(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = subprocess.run(
            [*RUN, "serve", "--store", url_of(tmp_path), "--port", port], capture_output=True, text=True, timeout=120
        )
    assert answer.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on" in answer.stderr
    assert "--port" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_serve_refuses_an_old_store_with_the_remedy(tmp_path):
    migrate(url_of(tmp_path))
    with sqlite3.connect(tmp_path / "city.db") as raw:
        raw.execute("DELETE FROM alembic_version")
    raw.close()
    answer = subprocess.run(
        [*RUN, "serve", "--store", url_of(tmp_path), "--port", "0"], capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 2
    assert f"flyonce db upgrade --store {url_of(tmp_path)}" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_no_command_shows_the_password_of_a_server(new_store_url):
    def run(app, *words: str, stdin: str | None = None) -> str:
        answer = invoke(app, *words, "--store", new_store_url, "--json", stdin=stdin)
        assert answer.exit_code == 0, answer.stderr
        return answer.stdout + answer.stderr

    secret = make_url(new_store_url).password
    said = [run(db.app, "upgrade"), run(db.app, "verify"), run(db.app, "check")]
    said.append(run(accounts.app, "add", "chief", "--role", "centre", "--password-stdin", stdin="long-enough\n"))
    serving = [*RUN, "serve", "--store", new_store_url, "--port", "0", "--json"]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        started = process.stdout.readline()
        assert httpx.get(f"{json.loads(started)['url']}/readyz", timeout=20).json() == {"status": "ready"}
        process.send_signal(signal.SIGINT)
        said += [started, *process.communicate(timeout=60)]
    shown = "".join(said)
    assert shown.count("***") >= 5
    assert secret not in shown
    assert quote(secret, safe=" +") not in shown
