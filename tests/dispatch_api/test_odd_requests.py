"""The API against its own description: odd requests of every kind, as everybody who matters.

Nothing fails inside, and every answer is one that the description names, in the shape and type that it says.
Each turn has some seconds and always the same seed. On PostgreSQL: `FLYONCE_TEST_STORE=postgresql pytest` on this file.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from dispatch_builders import NOON, an_observation, north_of
from dispatch_people import PASSWORD, QUICK
from running_service import running

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Scope, system_actor
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.flights import FlightDesk

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
# The stream never ends; the others would end the session that asks, or change the password that it needs. They have
# turns of their own, where nobody needs a session any longer.
APART = ("/api/v1/stream", "/api/v1/session", "/api/v1/session/password")
PHASES = "examples,coverage,fuzzing,stateful"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One run: who asks, which addresses, for how many seconds at most, and how often each."""

    who: str
    where: str
    longest_s: int
    examples: int = 8

    @property
    def is_apart(self) -> bool:
        """Whether it asks what the others leave out."""
        return "session" in self.where


TURNS = (
    Turn(who="chief", where="^/api/v1/(cases|tasks|reports|export)", longest_s=9),
    Turn(who="chief", where="^/api/v1/(?!cases|tasks|reports|export)", longest_s=9),
    Turn(who="drainer", where="^/api/v1/", longest_s=6),
    Turn(who="keeper", where="^/api/v1/", longest_s=6),
    Turn(who="key", where="^/api/v1/", longest_s=6),
    Turn(who="key", where="^/ogc/", longest_s=12, examples=40),
    Turn(who="nobody", where="^/api/v1/(session|stream)", longest_s=3),
    Turn(who="drainer", where="^/api/v1/session", longest_s=3),
    Turn(who="nobody", where="^/open311/", longest_s=6),
)


def headers_of(who: str, address: str, store) -> dict[str, str]:
    if who == "nobody":
        return {}
    if who == "key":
        secret, _ = KeyDesk(store).create("odd", by=system_actor("test"), scopes=tuple(Scope))
        return {"Authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{address}/api/v1/session", json={"name": who, "password": PASSWORD})
    assert answer.status_code == 200
    return {"Cookie": f"flyonce={answer.cookies['flyonce']}", "X-CSRF-Token": answer.json()["csrf"]}


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: f"{turn.who} {turn.where}")
def test_no_request_breaks_the_service_or_is_answered_as_nobody_described(store, people, tmp_path, turn, monkeypatch):
    # Ten reports a minute would end the run of open addresses at once.
    monkeypatch.setattr("dispatch_api.doors.open311.desk.ReportDesk.admit", lambda *_: None)
    app = create_app(store, passwords=QUICK)
    intake = Intake(store, app.state.parts.matters, app.state.parts.routing)
    for n in range(3):
        intake.record(an_observation(lonlat=north_of(100 * n), last_seen_at=NOON + timedelta(minutes=n)))
    FlightDesk(store).start("flight-1", "晨巡", [north_of(0), north_of(500)], started_at=NOON)
    with running(app) as address:
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json",
            "--phases", PHASES, "--checks", ",".join(CHECKS), "--include-path-regex", turn.where,
            "--max-time", str(turn.longest_s), "--max-examples", str(turn.examples), "--seed", "1",
            "--generation-deterministic", "--continue-on-failure", "--no-color", "--warnings", "off",
            *(word for path in APART for word in ("--exclude-path", path) if not turn.is_apart),
            *(word for pair in headers_of(turn.who, address, store).items() for word in ("-H", ": ".join(pair))),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout or "test cases" in done.stdout, done.stdout
