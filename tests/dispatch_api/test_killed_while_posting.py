"""A real service is killed again and again while 1,000 sightings are posted to it."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dispatch_builders import north_of
from loopback_receivers import Got, LoopbackReceiver, Reply, a_free_port, add_receiver
from sqlalchemy import select

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Scope, system_actor
from dispatch_api.departments.model import load_departments
from dispatch_api.store import migrate, open_store
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import case, delivery, message, observation, task

POSTS, POSTERS = 1000, 8
KILLED_AFTER = (150, 450, 750)
GIVE_UP_AFTER_S = 240.0


class Service:
    """`flyonce serve` as a process of its own, on a port that stays the same."""

    def __init__(self, url: str, log: Path) -> None:
        self.port = a_free_port()
        self._url = url
        self._log = log
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "FLYONCE_DELIVERY_NETWORKS": "127.0.0.0/8"}
        command = [sys.executable, "-m", "flyonce", "serve", "--store", self._url, "--port", str(self.port), "--json"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def check(self) -> None:
        """That it runs, or what it said at its end."""
        assert self._process.poll() is None, self._log.read_text()[-2000:]

    def kill(self) -> None:
        """Without a word, in the middle of whatever it does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)


class Posters:
    """Clients that post each sighting under its own key until it is acknowledged, as a pipeline does."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.acknowledged: dict[int, dict] = {}
        self.refused: list[str] = []
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(POSTERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def _work(self) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            while not self.stopped.is_set():
                with self._lock:
                    number = next(self._numbers)
                if number >= POSTS:
                    return
                self._until_acknowledged(connection, number)

    def _until_acknowledged(self, connection: http.client.HTTPConnection, number: int) -> None:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": f"sighting-{number}",
            "Content-Type": "application/json",
        }
        while not self.stopped.is_set():
            try:
                connection.request("POST", "/api/v1/sightings", json.dumps(_sighting(number)), headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.05)
                continue
            if answer.status == 201:
                with self._lock:
                    self.acknowledged[number] = json.loads(body)
                return
            if answer.status < 500:
                self.refused.append(body.decode())
                return


def _sighting(number: int) -> dict:
    lon, lat = north_of(100.0 * (number // 40), east_m=100.0 * (number % 40))
    return {
        "matter": "dumping.household",
        "confidence": 0.95,
        "lon": lon,
        "lat": lat,
        "covariance_m2": [[2.0, 0.0], [0.0, 2.0]],
        "seen_at": SEEN_AT,
        "flight_id": "flight-1",
    }


SEEN_AT = datetime.now(UTC).isoformat()


@pytest.mark.both_stores
def test_killed_while_posting_nothing_acknowledged_is_lost_and_nothing_is_done_twice(new_store_url, tmp_path):
    migrate(new_store_url)
    hook = LoopbackReceiver(_fussy())
    with open_store(new_store_url) as store:
        desk = KeyDesk(store, load_departments())
        key, _ = desk.create("pipeline", by=system_actor("test"), scopes=(Scope.SIGHTINGS_WRITE,))
        add_receiver(store, "sanitation", hook.url, departments=("sanitation",))
    with contextlib.ExitStack() as ends:
        ends.callback(hook.stop)
        service = Service(new_store_url, tmp_path / "log")
        ends.callback(service.kill)
        posters = Posters(service.port, key)
        ends.callback(posters.join)
        ends.callback(posters.stopped.set)
        posters.start()
        for after in KILLED_AFTER:
            _wait(service, lambda after=after: len(posters.acknowledged) >= after)
            service.kill()
            service.start()
        _wait(service, lambda: len(posters.acknowledged) + len(posters.refused) >= POSTS)
        posters.join()
        with open_store(new_store_url) as store:
            _wait(service, lambda: not _waiting(store))
            _check(store, posters, hook)


def _fussy():
    """Refuses a request now and then, but no message twice: the second wait is one of minutes."""
    refused: set[str] = set()

    def answer(number: int, got: Got) -> Reply:
        if number % 100 != 10 or got.message_id in refused:
            return Reply()
        refused.add(got.message_id)
        return Reply(status=503)

    return answer


def _wait(service: Service, condition) -> None:
    give_up_at = time.monotonic() + GIVE_UP_AFTER_S
    while not condition():
        service.check()
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def _waiting(store) -> int:
    with store.read() as connection:
        return len(connection.execute(select(delivery.c.delivery_id).where(delivery.c.state != "delivered")).all())


def _check(store, posters: Posters, hook: LoopbackReceiver) -> None:
    assert posters.refused == []
    with store.read() as connection:
        cases = set(connection.execute(select(case.c.case_id)).scalars())
        tasks = connection.execute(select(task.c.case_id, task.c.department)).all()
        seen = connection.execute(select(observation.c.key)).all()
        posted = connection.execute(select(message.c.message_id, message.c.departments)).all()
        verify_history(connection)
    told = {posters.acknowledged[number]["case_id"] for number in range(POSTS)}
    assert told == cases, "what was acknowledged is there"
    assert len(cases) == len(seen) == POSTS, "and once, though many were posted twice"
    assert max(Counter((row.case_id, row.department) for row in tasks).values()) == 1
    assert {row.case_id for row in tasks if row.department == "sanitation"} == cases
    dispatched = {row.message_id for row in posted if "sanitation" in row.departments}
    assert len(dispatched) == POSTS
    assert set(hook.ids()) == dispatched, "every message arrived"
    by_task: dict[str, set[str]] = {}
    for got in hook.got:
        assert got.json["id"] == got.message_id
        by_task.setdefault(got.json["subject"], set()).add(got.message_id)
    assert len(by_task) == POSTS
    assert {len(ids) for ids in by_task.values()} == {1}, "a repeat carries the same id"
    assert len(hook.got) < 2 * POSTS, "and repeats are few"
