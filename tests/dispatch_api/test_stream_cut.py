"""The live stream with clients as they are: cut off in the middle, or too slow."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from dispatch_builders import NOON, an_observation
from dispatch_people import PASSWORD, QUICK
from running_service import running
from sqlalchemy import insert

from dispatch_api import stream
from dispatch_api.app import create_app
from dispatch_api.store.schema import feed


@pytest.fixture
def address(store, people):
    with running(create_app(store, passwords=QUICK)) as address:
        yield address


def cookie(address: str) -> str:
    answer = httpx.post(f"{address}/api/v1/session", json={"name": "chief", "password": PASSWORD})
    return f"flyonce={answer.cookies['flyonce']}"


def tell(store, told: list[dict]) -> None:
    rows = [{"at": NOON, "type": "flight.position", "case_id": None, "departments": [], "data": one} for one in told]
    store.write(lambda connection: connection.execute(insert(feed), rows).rowcount)


class CutClient:
    """A plain socket reader that loses its connection after some bytes, wherever that is, and comes back."""

    def __init__(self, address: str) -> None:
        self._where = urlsplit(address)
        self._cookie = cookie(address)
        self.seen: list[tuple[int, dict]] = []

    def read(self, *, after_bytes: int) -> None:
        headers = {"Cookie": self._cookie}
        if self.seen:
            headers["Last-Event-ID"] = str(self.seen[-1][0])
        path = "/api/v1/stream" if self.seen else "/api/v1/stream?after=0"
        with closing(http.client.HTTPConnection(self._where.hostname, self._where.port, timeout=60)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200
            received = b""
            while len(received) < after_bytes:
                received += answer.read1(after_bytes - len(received))
        # A message counts once its blank line came; the rest of what was cut is dropped, as browsers do.
        for message in received.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in message.decode().split("\n") if ": " in line)
            if "id" in fields:
                self.seen.append((int(fields["id"]), json.loads(fields["data"])))


def test_a_client_that_is_cut_anywhere_comes_back_without_loss_or_repeat(store, address):
    tell(store, [{"number": n, "words": "字" * 300} for n in range(100)])
    client = CutClient(address)
    for after_bytes in (7_000, 4_001, 9_999, 5_432, 6_003):
        client.read(after_bytes=after_bytes)
    ids = [number for number, _ in client.seen]
    assert len(ids) > 20
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [data["number"] for _, data in client.seen] == list(range(len(ids)))


def test_every_event_has_an_id_and_silence_is_filled_with_heartbeats(address, intake, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 1)
    intake.record(an_observation(confidence=0.3))
    with httpx.stream(
        "GET", f"{address}/api/v1/stream?after=0", headers={"Cookie": cookie(address)}, timeout=60
    ) as answer:
        lines = answer.iter_lines()
        message: list[str] = []
        kinds = set()
        for line in lines:
            if line:
                message.append(line.split(":")[0])
                continue
            kinds.add(tuple(sorted(message)))
            message = []
            if len(kinds) == 2:
                break
    assert kinds == {("data", "event", "id"), ("",)}


def test_a_reader_that_does_not_read_is_given_no_more_than_its_buffers_hold(store, address, monkeypatch):
    read: list[int] = []
    plain = stream._read

    def counted(parts, account, last_id):
        batch = plain(parts, account, last_id)
        read.append(len(batch.rows))
        return batch

    monkeypatch.setattr(stream, "_read", counted)
    tell(store, [{"words": "x" * 5_000}] * 8_000)
    where = urlsplit(address)
    with closing(http.client.HTTPConnection(where.hostname, where.port, timeout=60)) as connection:
        connection.request("GET", "/api/v1/stream?after=0", headers={"Cookie": cookie(address)})
        connection.getresponse()
        # The reader stands still: what the service reads for it must come to rest long before the end of 40 MB.
        until, before = time.monotonic() + 60, -1
        while sum(read) != before and time.monotonic() < until:
            before = sum(read)
            time.sleep(1)
        assert 0 < sum(read) < 6_000
        assert max(read) <= stream.BATCH
