"""Take sightings over HTTP: ours on both stores beside FastAPI with the ORM (`dispatch_load_peer.py`), in one run.

    python benchmarks/dispatch_load.py [--posts 2000] [--connections 64] [--rounds 2]
        [--postgresql URL] [--peer-postgresql URL]

Each service is a process of its own with one worker, asked over kept-alive connections on loopback. The sightings are
of as many places, one in ten of them seen a second time. Every answer must be a 201; afterwards one key in ten is asked
once more and must give the same case. A service is warmed up first. The rounds of all services alternate, and the best
round of each counts, for machines are noisy. `commits` is what the disk allows: one row and one commit after the other,
in SQLite as our store is set up; and in the peer's PostgreSQL how long bare commits wait that each write a fifth of a
megabyte, thirty a second as our batches come. Where one of these waits for half a second, so does whoever waits for it.

Two questions are asked. How much goes in: each connection sends its next sighting when the last one was answered; how
long that takes tells only how many wait in line. How long one waits at a steady pace: as many connections send three
times what the plain way takes in at most on the same database, each at its time, and a wait counts from that time,
sent or not.

Targets, on each database: 3 times the plain way, 99 of 100 answers within 150 ms at that pace, no error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

HERE = Path(__file__).parent
RATIO = 3.0
WITHIN_MS = 150.0
WARM_UP = 200
READY_S = 60.0
SHARES = (0.5, 0.99)
BARE_S = 20.0


@dataclass
class Asked:
    """What came of a round."""

    seconds: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cases: dict[str, str] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.waits_s) / self.seconds

    def within_ms(self, share: float) -> float:
        """Within how many milliseconds a share of the answers came."""
        return sorted(self.waits_s)[int(len(self.waits_s) * share)] * 1e3


def main() -> None:
    """Ask all services and print what they did."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--posts", type=int, default=2000)
    asked.add_argument("--connections", type=int, default=64)
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--postgresql", help="URL of an empty database with PostGIS, for ours")
    asked.add_argument("--peer-postgresql", help="URL of an empty database, for the peer")
    given = asked.parse_args()
    best: dict[str, Asked] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            for name, service in _services(given, Path(folder), number):
                with service as (port, key):
                    asyncio.run(_ask(port, key, WARM_UP, given.connections, -1 - number))
                    came = asyncio.run(_ask(port, key, given.posts, given.connections, number))
                    again = asyncio.run(_ask(port, key, given.posts // 10, given.connections, number))
                if any(came.cases[one] != case for one, case in again.cases.items()):
                    came.errors.append("a key asked again named another case")
                if name not in best or came.per_second > best[name].per_second:
                    best[name] = came
        # Where only our service was given the database, the plain way on SQLite sets the pace.
        plainly = {name.removeprefix("plain, "): came.per_second for name, came in best.items() if "plain" in name}
        paced: dict[str, Asked] = {}
        for number in range(given.rounds, 2 * given.rounds):
            for name, service in _services(given, Path(folder), number):
                if not name.startswith("ours"):
                    continue
                with service as (port, key):
                    asyncio.run(_ask(port, key, WARM_UP, given.connections, -1 - number))
                    pace = RATIO * plainly.get(name.removeprefix("ours, "), plainly["SQLite"])
                    came = asyncio.run(_ask(port, key, given.posts, given.connections, number, pace=pace))
                if name not in paced or came.within_ms(0.99) < paced[name].within_ms(0.99):
                    paced[name] = came
        commits = _commits(Path(folder) / "bare.db")
    missed = _print(best, paced, plainly, commits)
    if given.peer_postgresql:
        waits_ms = _commit_waits_ms(given.peer_postgresql)
        sys.stdout.write("bare commits of PostgreSQL: ")
        sys.stdout.write(
            ", ".join(f"{share:.1%} within {waits_ms[int(len(waits_ms) * share)]:.0f}" for share in SHARES)
        )
        sys.stdout.write(f", the longest {', '.join(f'{wait:.0f}' for wait in waits_ms[-5:])} ms\n")
    sys.exit(1 if missed else 0)


def _services(
    given: argparse.Namespace, folder: Path, number: int
) -> Iterator[tuple[str, AbstractContextManager[tuple[int, str]]]]:
    yield "ours, SQLite", ours(f"sqlite:///{folder}/ours-{number}.db")
    yield "plain, SQLite", plain(f"sqlite:///{folder}/plain-{number}.db")
    if given.postgresql:
        yield "ours, PostgreSQL", ours(given.postgresql)
    if given.peer_postgresql:
        yield "plain, PostgreSQL", plain(given.peer_postgresql)


@contextmanager
def ours(url: str) -> Iterator[tuple[int, str]]:
    """Our service on a store; port and key."""
    flyonce = Path(sys.executable).with_name("flyonce")
    run = [str(flyonce)]
    subprocess.run([*run, "db", "upgrade", "--store", url], check=True, capture_output=True)
    name = f"load-{time.time_ns()}"
    made = subprocess.run(
        [*run, "keys", "create", "--name", name, "--role", "pipeline", "--store", url, "--json"],
        check=True,
        capture_output=True,
    )
    port = _free_port()
    with _running([*run, "serve", "--store", url, "--port", str(port)], port):
        yield port, json.loads(made.stdout)["key"]


@contextmanager
def plain(url: str) -> Iterator[tuple[int, str]]:
    """The peer on a database; port and a key that it does not ask for."""
    port = _free_port()
    with _running([sys.executable, str(HERE / "dispatch_load_peer.py"), url, str(port)], port):
        yield port, "-"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + READY_S
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended by itself")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


async def _ask(port: int, key: str, posts: int, connections: int, number: int, *, pace: float | None = None) -> Asked:
    """Send sightings; `pace` of them a second, or each connection one after the other."""
    # A seed of -1 is that of 1: what warms up would lie where a later round lies, and open no case there.
    rng = random.Random(str(number))
    places = [(118.0 + rng.random(), 28.5 + rng.random()) for _ in range(posts)]
    requests = []
    for one in range(posts):
        lon, lat = places[one - one % 10] if one % 10 == 9 else places[one]
        matter = ("dumping.household", "waterlogging.road")[(one // 10) % 2]
        body = json.dumps(
            {
                "matter": matter,
                "confidence": 0.9,
                "lon": lon,
                "lat": lat,
                "covariance_m2": [[2, 0], [0, 2]],
                "seen_at": "2026-11-20T04:00:00Z",
                "flight_id": f"flight-{one // 500}",
            }
        ).encode()
        name = f"{number}-{one}"
        head = (
            f"POST /api/v1/sightings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            f"Idempotency-Key: {name}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append((name, head.encode() + body))
    came = Asked()
    began = time.perf_counter()
    due = [began + one / pace if pace else None for one in range(posts)]
    await asyncio.gather(
        *(_one_connection(port, requests[at::connections], due[at::connections], came) for at in range(connections))
    )
    came.seconds = time.perf_counter() - began
    return came


async def _one_connection(port: int, requests: list[tuple[str, bytes]], due: list[float | None], came: Asked) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for (name, request), at in zip(requests, due, strict=True):
        if at is not None:
            await asyncio.sleep(max(at - time.perf_counter(), 0.0))
        began = time.perf_counter() if at is None else at
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
        answer = await reader.readexactly(length)
        came.waits_s.append(time.perf_counter() - began)
        if not head.startswith("HTTP/1.1 201"):
            came.errors.append(f"{head.splitlines()[0]} {answer[:200]!r}")
        else:
            came.cases[name] = str(json.loads(answer)["case_id"])
    writer.close()
    await writer.wait_closed()


def _commits(file: Path, count: int = 300) -> float:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute("CREATE TABLE one (value TEXT)")
    began = time.perf_counter()
    for number in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO one VALUES (?)", (str(number),))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return count / seconds


def _commit_waits_ms(url: str) -> list[float]:
    """How long commits took that each wrote 400 rows with an index, thirty a second; the shortest first."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    waits_ms = []
    with engine.connect() as connection:
        for statement in (
            "DROP TABLE IF EXISTS bare",
            "CREATE TABLE bare (a TEXT, b TEXT)",
            "CREATE INDEX ON bare (b)",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
        until = time.monotonic() + BARE_S
        while time.monotonic() < until:
            rows = {"a": [secrets.token_hex(60) for _ in range(400)], "b": [secrets.token_hex(16) for _ in range(400)]}
            connection.execute(
                text("INSERT INTO bare SELECT * FROM unnest(CAST(:a AS text[]), CAST(:b AS text[]))"), rows
            )
            began = time.perf_counter()
            connection.commit()
            waits_ms.append((time.perf_counter() - began) * 1e3)
            time.sleep(1 / 30)
        connection.exec_driver_sql("DROP TABLE bare")
        connection.commit()
    engine.dispose()
    return sorted(waits_ms)


def _print(best: dict[str, Asked], paced: dict[str, Asked], plainly: dict[str, float], commits: float) -> list[str]:
    sys.stdout.write("as much as goes in\n")
    for name, came in best.items():
        _print_line(name, came)
    sys.stdout.write(f"at a steady pace, {RATIO:g} times the plain way\n")
    for name, came in paced.items():
        _print_line(name, came)
    sys.stdout.write(f"commits            {commits:7.0f}/s\n")
    ours = [*best.items(), *paced.items()]
    missed = [f"{name}: errors" for name, came in ours if came.errors and name.startswith("ours")]
    for database, plain_per_second in plainly.items():
        if f"ours, {database}" not in best:
            continue
        ratio = best[f"ours, {database}"].per_second / plain_per_second
        sys.stdout.write(f"ours / plain on {database}: {ratio:.2f}\n")
        if ratio < RATIO:
            missed.append(f"{database}: {ratio:.2f} times the plain way, not {RATIO:g}")
    for name, came in paced.items():
        late = came.within_ms(0.99)
        if late > WITHIN_MS:
            missed.append(f"{name}: 99 % within {late:.0f} ms, not {WITHIN_MS:g}")
    sys.stdout.writelines(f"missed: {line}\n" for line in missed)
    return missed


def _print_line(name: str, came: Asked) -> None:
    sys.stdout.write(
        f"{name:18} {came.per_second:7.0f}/s  half within {came.within_ms(0.5):6.0f} ms, "
        f"99 % within {came.within_ms(0.99):6.0f} ms, {len(came.errors)} errors\n"
    )
    sys.stdout.writelines(f"    {error}\n" for error in came.errors[:3])


if __name__ == "__main__":
    main()
