"""Watch a city: 20 pages listen to the live stream while drones and departments write 140 messages a second.

    python benchmarks/dispatch_stream.py [--store URL] [--seconds 30] [--rate 140] [--watchers 20]

The service is a process of its own. Ten flights write their positions from another one, as `flyonce fly` does, and
sightings are posted over HTTP, of which departments hear. Watchers are logged in as centre, operator and handlers of
two departments; every fifth is cut every few seconds and comes back with `Last-Event-ID`, and one more connects and
never reads. Afterwards each watcher's messages are held against the table of the feed: whatever it may see, once, in
order, and nothing else. A message's delay counts from its own time in that table.

Target: 99.9 % delivered; and nothing twice, in another order, or to whom it is not for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import httpx
from dispatch_load import ours
from sqlalchemy import select

from dispatch_api.flights import FlightDesk
from dispatch_api.store import Store, open_store
from dispatch_api.store.schema import feed

PASSWORD = "a long enough password"  # of accounts that live as long as this does
PEOPLE = {
    "centre": ("centre", None),
    "operator": ("operator", None),
    "drainage": ("handler", "drainage"),
    "sanitation": ("handler", "sanitation"),
}
FLIGHTS = 10
SIGHTINGS_PER_S = 3
CUT_EVERY_S = 4.0
SETTLE_S = 5.0
SHARE = 0.999


@dataclass
class Watcher:
    """A page that listens, with the messages that it got: their ids, and when they came."""

    name: str
    cut: bool
    cookie: str
    came: list[tuple[int, float]] = field(default_factory=list)

    async def listen(self, port: int, after: int, until: float) -> None:
        """Listen until `until`, again and again where it is cut."""
        while (left := until - time.time()) > 0:
            last = self.came[-1][0] if self.came else after
            try:
                await asyncio.wait_for(self._once(port, last), min(CUT_EVERY_S, left) if self.cut else left)
            except TimeoutError:
                continue

    async def _once(self, port: int, last: int) -> None:
        reader, writer = await _stream(port, self.cookie, last)
        number = 0
        try:
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    number = int(line[4:])
                elif line.startswith(b"data: ") and number:
                    self.came.append((number, time.time()))
                    number = 0
        finally:
            writer.close()


async def _stream(port: int, cookie: str, last: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nLast-Event-ID: {last}\r\n\r\n"
    writer.write(head.encode())
    return reader, writer


def main() -> None:
    """Watch, count and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--store", help="URL of an empty store; a SQLite file where left out")
    asked.add_argument("--seconds", type=float, default=30.0)
    asked.add_argument("--rate", type=int, default=140)
    asked.add_argument("--watchers", type=int, default=20)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{folder}/city.db"
        with ours(url) as (port, key), open_store(url) as store:
            _people(url)
            watchers = _watchers(port, given.watchers)
            after = _newest(store)
            asyncio.run(_watch(store, port, key, watchers, after, given.seconds, given.rate))
            sys.exit(1 if _judge(store, watchers, after, given.seconds) else 0)


def _people(url: str) -> None:
    flyonce = str(Path(sys.executable).with_name("flyonce"))
    for name, (role, department) in PEOPLE.items():
        command = [flyonce, "accounts", "add", name, "--role", role, "--store", url]
        command += ["--department", department] if department else []
        subprocess.run(command, input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True, capture_output=True)


def _watchers(port: int, count: int) -> list[Watcher]:
    made, cookies = [], {}
    for number in range(count):
        name = list(PEOPLE)[number % len(PEOPLE)]
        if name not in cookies:
            body = {"name": name, "password": PASSWORD}
            answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/session", json=body, timeout=30.0)
            answer.raise_for_status()
            cookies[name] = "; ".join(f"{key}={value}" for key, value in answer.cookies.items())
        made.append(Watcher(name=name, cut=number % 5 == 4, cookie=cookies[name]))
    return made


async def _watch(
    store: Store, port: int, key: str, watchers: Sequence[Watcher], after: int, seconds: float, rate: int
) -> None:
    began = time.time() + 1.0
    stop_writing = began + seconds
    listening = [asyncio.create_task(one.listen(port, after, stop_writing + SETTLE_S)) for one in watchers]
    _, deaf = await _stream(port, watchers[0].cookie, after)
    await asyncio.sleep(began - time.time())
    # A sighting that opens a case is four messages or so.
    flying = [
        threading.Thread(target=_fly, args=(store, number, (rate - 4 * SIGHTINGS_PER_S) / FLIGHTS, stop_writing))
        for number in range(FLIGHTS)
    ]
    for one in flying:
        one.start()
    await _sight(port, key, stop_writing)
    await asyncio.gather(*listening)
    for one in flying:
        one.join()
    deaf.close()


def _fly(store: Store, number: int, per_s: float, until: float) -> None:
    desk, flight = FlightDesk(store), f"load-{number}"
    desk.start(flight, name=flight, planned_path_lonlat=[(118.8, 28.9), (118.9, 28.9)], started_at=datetime.now(UTC))
    step, due = 0, time.time()
    while (due := due + 1 / per_s) < until:
        time.sleep(max(due - time.time(), 0.0))
        step += 1
        desk.position(flight, datetime.now(UTC), 118.8 + 1e-5 * step, 28.9 + 0.001 * number, 80.0, 90.0)


async def _sight(port: int, key: str, until: float) -> None:
    number = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
        while time.time() < until:
            number += 1
            body = {
                "matter": ("dumping.household", "waterlogging.road")[number % 2],
                "confidence": 0.9,
                "lon": 118.0 + 0.001 * number,
                "lat": 28.5,
                "covariance_m2": [[2, 0], [0, 2]],
                "seen_at": datetime.now(UTC).isoformat(),
                "flight_id": "load-0",
            }
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(number)}
            (await client.post("/api/v1/sightings", json=body, headers=headers)).raise_for_status()
            await asyncio.sleep(1 / SIGHTINGS_PER_S)


def _newest(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(feed.c.feed_id).order_by(feed.c.feed_id.desc()).limit(1)).scalar() or 0


def _judge(store: Store, watchers: Sequence[Watcher], after: int, seconds: float) -> bool:
    with store.read() as connection:
        rows = connection.execute(select(feed).where(feed.c.feed_id > after).order_by(feed.c.feed_id)).all()
    sent_at = {row.feed_id: row.at.timestamp() for row in rows}
    due = lost = twice = astray = unordered = 0
    delays: list[float] = []
    for one in watchers:
        role, department = PEOPLE[one.name]
        everything = role in {"centre", "operator"}
        meant = {row.feed_id for row in rows if everything or row.departments is None or department in row.departments}
        got = [number for number, _ in one.came]
        due += len(meant)
        lost += len(meant - set(got))
        astray += len(set(got) - meant)
        twice += len(got) - len(set(got))
        unordered += sum(later <= sooner for sooner, later in pairwise(got))
        if not one.cut:
            delays += [at - sent_at[number] for number, at in one.came if number in sent_at]
    delays.sort()
    share = 1 - lost / due
    sys.stdout.write(
        f"{len(rows)} messages in {seconds:.0f} s, {len(rows) / seconds:.0f} a second, {len(watchers)} watchers: "
        f"{due} to deliver, {share:.4%} delivered ({lost} lost), {twice} twice, {unordered} out of order, "
        f"{astray} to whom they are not for\n"
        f"delay: half within {delays[len(delays) // 2] * 1e3:.0f} ms, 99 % within "
        f"{delays[int(len(delays) * 0.99)] * 1e3:.0f} ms\n"
    )
    missed = share < SHARE or twice or unordered or astray
    sys.stdout.write(json.dumps({"delivered": share, "ok": not missed}) + "\n")
    return bool(missed)


if __name__ == "__main__":
    main()
