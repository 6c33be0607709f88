"""What is not kept for ever goes when its time is over, a little at a time, and nobody misses anything unawares."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of, some_evidence
from dispatch_people import PASSWORD, QUICK
from loopback_receivers import BY, Clock, a_desk, a_message, add_receiver
from running_service import running
from sqlalchemy import func, insert, select, update
from typer.testing import CliRunner

from dispatch_api import stream
from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.clockwork.running import Clockwork
from dispatch_api.deliveries.desk import DeliveryDesk
from dispatch_api.doors.idempotency import Answer, keep_answers
from dispatch_api.errors import ConfigurationError
from dispatch_api.flights import ZoneDesk
from dispatch_api.retention import pruning
from dispatch_api.retention.pruning import Pruned, Pruner
from dispatch_api.retention.rules import Retention, load_retention
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.backup import restore_backup, write_backup
from dispatch_api.store.checking import check_store
from dispatch_api.store.feed import append_feed, forgotten_until, last_feed_id
from dispatch_api.store.history import verify_history
from dispatch_api.zones_at import ZonesAt
from flyonce.cli import db
from geo.position import Fix

DAY = timedelta(days=1)
KEPT = Retention(feed_days=30, deliveries_days=400)
PASSING = {"feed", "message", "delivery", "delivery_attempt", "answer_once"}


def prune(store, at, **more) -> Pruned:
    return Pruner(store, KEPT, now=lambda: at).prune(by=BY, **more)


def rows(store, table, *columns):
    query = select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
    with store.read() as connection:
        found = connection.execute(query)
        return found.scalars().all() if len(columns) == 1 else [tuple(row) for row in found]


def tell(store, *days: float) -> None:
    """Entries of the feed, each so many days after noon."""
    for day in days:
        store.write(
            lambda connection, day=day: append_feed(
                connection, kind="flight.position", at=NOON + day * DAY, data={"day": day}
            )
        )


def healthy(store) -> bool:
    return all(finding.ok for finding in check_store(store))


@pytest.mark.both_stores
def test_old_entries_of_the_feed_go_in_order_and_the_newest_always_stays(store):
    tell(store, 0, 1, 2, 31, 3, 40)
    assert prune(store, NOON + 30 * DAY).feed == 0, "not a moment too early"
    assert prune(store, NOON + 32.5 * DAY).feed == 3
    assert rows(store, tables.feed, "feed_id") == [4, 5, 6], "what is behind a younger one stays: no gap"
    assert prune(store, NOON + 900 * DAY).feed == 2
    assert prune(store, NOON + 900 * DAY) == Pruned()
    with store.read() as connection:
        assert (forgotten_until(connection), last_feed_id(connection)) == (5, 6)
    tell(store, 900)
    assert rows(store, tables.feed, "feed_id") == [6, 7]


@pytest.mark.both_stores
def test_who_comes_back_too_late_is_told_to_load_everything_anew(store, people):
    tell(store, *range(10))
    with running(create_app(store, passwords=QUICK)) as address, httpx.Client(base_url=address, timeout=20) as client:
        client.post("/api/v1/session", json={"name": "chief", "password": PASSWORD})

        def answer(**asked):
            with client.stream("GET", "/api/v1/stream", **asked) as given:
                if given.status_code == 200:
                    first = next(line for line in given.iter_lines() if line.startswith(("id:", ":")))
                    return 200, first
                given.read()
                return given.status_code, given.json()["type"].rpartition(":")[2]

        assert answer(headers={"Last-Event-ID": "2"}) == (200, "id: 3")
        prune(store, NOON + 35.5 * DAY)
        with store.read() as connection:
            assert forgotten_until(connection) == 6
        for late in ({"headers": {"Last-Event-ID": "5"}}, {"params": {"after": 5}}, {"params": {"after": 0}}):
            assert answer(**late) == (410, "events-gone")
        assert answer(headers={"Last-Event-ID": "6"}) == (200, "id: 7")
        assert answer(params={"after": 8}) == (200, "id: 9")
        # What is ahead of all comes from a store that this one took the place of.
        assert answer(headers={"Last-Event-ID": "11"}) == (410, "events-gone")
        assert answer(headers={"Last-Event-ID": "9" * 4_400})[0] == 422
        described = client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/stream"]["get"]["responses"]
        assert "application/problem+json" in described["410"]["content"]


def test_a_stream_that_fell_behind_what_is_kept_ends_and_is_told_so_when_it_comes_back(store, people, monkeypatch):
    tell(store, *range(60))
    waits, go = threading.Event(), threading.Event()
    plain = stream._read

    def slow(parts, account, last_id):
        if last_id >= 5:
            waits.set()
            assert go.wait(30)
        return plain(parts, account, last_id)

    monkeypatch.setattr(stream, "BATCH", 5)
    monkeypatch.setattr(stream, "_read", slow)
    with running(create_app(store, passwords=QUICK)) as address:
        cookie = httpx.post(f"{address}/api/v1/session", json={"name": "chief", "password": PASSWORD}).cookies[
            "flyonce"
        ]
        where, headers = urlsplit(address), {"Cookie": f"flyonce={cookie}"}
        with closing(http.client.HTTPConnection(where.hostname, where.port, timeout=60)) as connection:
            connection.request("GET", "/api/v1/stream?after=0", headers=headers)
            answer = connection.getresponse()
            assert waits.wait(30)
            prune(store, NOON + 60 * DAY)
            go.set()
            ids = [line for line in answer.read().decode().split("\r\n") if line.startswith("id:")]
        assert ids == [f"id: {number}" for number in range(1, 6)], "nothing from behind the gap"
        again = httpx.get(f"{address}/api/v1/stream", headers=headers | {"Last-Event-ID": "5"})
        assert again.status_code == 410


def test_zones_that_were_replaced_are_noticed_though_the_word_of_it_is_forgotten(store):
    def a_zone(code: str) -> dict:
        ring = [[118.8, 28.9], [118.9, 28.9], [118.9, 29.0], [118.8, 29.0], [118.8, 28.9]]
        return {
            "type": "Feature",
            "properties": {"kind": "grid", "code": code, "name": code},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }

    def codes() -> set[str]:
        fix = Fix(
            lon=118.85,
            lat=28.95,
            alt_m=0.0,
            covariance_m2=((1.0, 0.0), (0.0, 1.0)),
            height_source="sender",
            yaw_source="sender",
        )
        return {zone.code for zone in zones_at(fix, on=NOON.date())}

    zones_at = ZonesAt(store)
    ZoneDesk(store).replace([a_zone("G1")])
    assert codes() == {"G1"}
    ZoneDesk(store).replace([a_zone("G2")])
    store.write(lambda connection: connection.execute(update(tables.feed).values(at=NOON)).rowcount)
    tell(store, 100)
    assert prune(store, NOON + 31 * DAY).feed == 2
    assert codes() == {"G2"}


def settle(store, message_id: str, state: str, at=None) -> None:
    values = {"state": state, "delivered_at": at}
    here = tables.delivery.c.message_id == message_id
    store.write(lambda connection: connection.execute(update(tables.delivery).where(here).values(**values)).rowcount)


def attempt(store, message_id: str) -> None:
    query = select(tables.delivery.c.delivery_id).where(tables.delivery.c.message_id == message_id)
    with store.read() as connection:
        ids = connection.execute(query).scalars().all()
    made = [{"delivery_id": one, "at": NOON, "status": 204, "took_s": 0.1} for one in ids]
    store.write(lambda connection: connection.execute(insert(tables.delivery_attempt), made).rowcount)


@pytest.mark.both_stores
def test_only_what_is_settled_goes_with_its_attempts_and_message(store):
    clock = Clock(NOON)
    add_receiver(store, "drainage", "https://drainage.example/in", clock)
    old = {name: a_message(store, NOON) for name in ("delivered", "folded", "dead", "pending", "sent again")}
    for message_id in old.values():
        attempt(store, message_id)
    settle(store, old["delivered"], "delivered", NOON)
    settle(store, old["folded"], "folded")
    settle(store, old["dead"], "dead")
    settle(store, old["sent again"], "delivered", NOON + 300 * DAY)
    young = a_message(store, NOON + 10 * DAY)
    settle(store, young, "delivered", NOON + 10 * DAY)
    assert prune(store, NOON + 400 * DAY) == Pruned()
    at = NOON + 400 * DAY + timedelta(seconds=1)
    assert prune(store, at, dry_run=True) == prune(store, at) == Pruned(deliveries=2, messages=2)
    left = set(rows(store, tables.message, "message_id"))
    assert left == {old["dead"], old["pending"], old["sent again"], young}
    assert set(rows(store, tables.delivery, "message_id")) == left
    assert len(rows(store, tables.delivery_attempt, "attempt_id")) == 3
    # What is dead may still be sent again, and then goes its way.
    dead = next(one for one in DeliveryDesk(store).page(states=["dead"])["items"] if one["message_id"] == old["dead"])
    assert DeliveryDesk(store, now=lambda: at).replay(dead["delivery_id"], by=BY)["state"] == "pending"
    settle(store, old["dead"], "dead")
    # Given up for good is what is dead of a receiver that has been off all the time.
    clock.at = NOON + 500 * DAY
    a_desk(store, clock).disable("drainage", by=BY)
    assert prune(store, NOON + 900 * DAY) == Pruned(deliveries=1, messages=1), "sent again, and its time is over"
    assert prune(store, NOON + 901 * DAY) == Pruned(deliveries=1, messages=1), "given up"
    assert set(rows(store, tables.message, "message_id")) == {old["pending"], young}
    assert healthy(store)


@pytest.mark.both_stores
def test_a_message_stays_as_long_as_one_of_its_receivers_may_still_get_it(store):
    for name in ("well", "ill"):
        add_receiver(store, name, f"https://{name}.example/in")
    message_id = a_message(store, NOON)
    a_message(store, NOON + 1000 * DAY)
    [first, second] = [one for one in rows(store, tables.delivery, "delivery_id", "message_id") if one[1] == message_id]

    def set_states(states: dict[int, str]) -> None:
        for number, state in states.items():
            here = tables.delivery.c.delivery_id == number
            values = {"state": state, "delivered_at": NOON}
            store.write(
                lambda c, here=here, values=values: c.execute(update(tables.delivery).where(here).values(values))
            )

    set_states({first[0]: "delivered", second[0]: "pending"})
    assert prune(store, NOON + 1000 * DAY) == Pruned(deliveries=1)
    assert message_id in rows(store, tables.message, "message_id")
    set_states({second[0]: "delivered"})
    assert prune(store, NOON + 1000 * DAY) == Pruned(deliveries=1, messages=1)


@pytest.mark.both_stores
def test_messages_for_nobody_go_too_and_no_delivery_gets_a_number_again(store):
    for _ in range(3):
        a_message(store, NOON)
    assert prune(store, NOON + 401 * DAY) == Pruned(messages=3)
    add_receiver(store, "drainage", "https://drainage.example/in")
    settle(store, a_message(store, NOON), "delivered", NOON)
    settle(store, a_message(store, NOON), "delivered", NOON)
    [_, last] = rows(store, tables.delivery, "delivery_id")
    assert prune(store, NOON + 401 * DAY) == Pruned(deliveries=1, messages=1)
    a_message(store, NOON + 401 * DAY)
    assert rows(store, tables.delivery, "delivery_id") == [last, last + 1]


@pytest.mark.both_stores
def test_answers_for_keys_are_kept_for_as_long_as_is_promised(store):
    def answers(at, *keys: str) -> None:
        given = {("pipeline", key): Answer(request_sha256="0" * 64, status=201, body={}) for key in keys}
        store.write(lambda connection: keep_answers(connection, given, at=at))

    answers(NOON, *(f"old-{n}" for n in range(7)))
    answers(NOON + 2 * DAY, "young")
    assert prune(store, NOON + 30 * DAY).answers == 0
    at = NOON + 31 * DAY
    assert prune(store, at, dry_run=True).answers == prune(store, at).answers == 7
    assert rows(store, tables.answer_once, "key") == ["young"]


@pytest.fixture
def lived_in(store, tmp_path):
    """A store with cases, tasks, pictures, receivers and messages that were delivered."""
    add_receiver(store, "all", "https://all.example/in")
    intake = Intake(store, *default_rules())
    for n in range(6):
        picture = some_evidence(tmp_path, name=f"图{n}.jpg", colour=(n * 40, 9, 9))
        intake.record(an_observation(lonlat=north_of(200.0 * n), flight_id=f"f{n}", evidence=(picture,)))
    store.write(lambda c: c.execute(update(tables.delivery).values(state="delivered", delivered_at=NOON)).rowcount)
    return store


def everything_else(store) -> dict[str, list]:
    kept = [table for table in tables.metadata.sorted_tables if table.name not in PASSING | {"event", "counter"}]
    return {table.name: rows(store, table, *table.c.keys()) for table in kept}


@pytest.mark.both_stores
def test_cases_tasks_evidence_and_history_outlive_everything(lived_in, tmp_path, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 4)
    before, history = everything_else(lived_in), rows(lived_in, tables.event, *tables.event.c.keys())
    numbers = rows(lived_in, tables.counter, "name", "value")
    feed_before = rows(lived_in, tables.feed, "feed_id")
    removed = prune(lived_in, NOON + 36_000 * DAY)
    assert removed.feed == len(feed_before) - 1
    assert min(removed.deliveries, removed.messages) > 10
    assert everything_else(lived_in) == before
    assert rows(lived_in, tables.event, *tables.event.c.keys())[: len(history)] == history
    assert set(numbers) <= set(rows(lived_in, tables.counter, "name", "value"))
    with lived_in.read() as connection:
        assert verify_history(connection) == len(history) + 2
        noted = select(tables.event.c.data).where(tables.event.c.kind == "store.pruned").order_by(tables.event.c.seq)
        told = [json.loads(data) for data in connection.execute(noted).scalars()]
    assert [one["what"] for one in told] == ["feed", "deliveries"]
    assert healthy(lived_in)

    # A backup goes on where the store was: no number of the feed comes a second time, and who is late is still told.
    write_backup(lived_in, tmp_path / "city.zip")
    restore_backup(tmp_path / "city.zip", f"sqlite:///{tmp_path}/other.db")
    with open_store(f"sqlite:///{tmp_path}/other.db", evidence_dir=lived_in.evidence_dir) as other:
        tell(other, 0)
        assert rows(other, tables.feed, "feed_id") == [feed_before[-1], feed_before[-1] + 1]
        with other.read() as connection:
            assert forgotten_until(connection) == feed_before[-2]
        assert healthy(other)


@pytest.mark.both_stores
def test_two_that_prune_at_once_while_others_write_remove_everything_once(lived_in, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 3)
    tell(lived_in, *range(100))
    at, found = NOON + 36_000 * DAY, []
    feed, messages = (
        len(rows(lived_in, table, table.primary_key.columns.keys()[0])) for table in (tables.feed, tables.message)
    )
    with open_store(lived_in.url, evidence_dir=lived_in.evidence_dir) as other:
        threads = [
            threading.Thread(target=lambda store=store: found.append(prune(store, at))) for store in (lived_in, other)
        ]
        for thread in threads:
            thread.start()
        for _ in range(20):
            tell(lived_in, 36_000)
        for thread in threads:
            thread.join()
    assert sum(found, start=Pruned()).feed in {feed - 1, feed}, "the newest may have become an old one meanwhile"
    assert sum(one.messages for one in found) in {messages - 1, messages}
    assert healthy(lived_in)


@pytest.mark.both_stores
def test_what_is_sent_again_in_the_very_last_moment_stays(store):
    add_receiver(store, "drainage", "https://drainage.example/in")
    settle(store, a_message(store, NOON), "delivered", NOON)
    a_message(store, NOON + 500 * DAY)
    plain = store.write

    def write(work):
        plain(lambda connection: connection.execute(update(tables.delivery).values(state="pending")).rowcount)
        return plain(work)

    store.write = write
    assert prune(store, NOON + 500 * DAY) == Pruned()
    assert len(rows(store, tables.delivery, "delivery_id")) == 2


@pytest.mark.both_stores
def test_the_clockwork_prunes_once_a_day_and_for_a_moment_at_a_time(store, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 5)
    monkeypatch.setattr("dispatch_api.clockwork.running._PRUNE_AT_ONCE_S", 0.0)
    tell(store, *[0] * 22, 50)
    clock = Clock(NOON + 31 * DAY)
    clockwork = Clockwork(store, default_rules()[0], retention=KEPT, now=clock)
    turns = 1
    while clockwork.prune_a_little():
        turns += 1
    assert (turns, len(rows(store, tables.feed, "feed_id"))) == (6, 1)
    tell(store, *[0] * 3, 60)
    assert not clockwork.prune_a_little()
    assert len(rows(store, tables.feed, "feed_id")) == 5
    clock.forward(days=1)
    while clockwork.prune_a_little():
        pass
    assert len(rows(store, tables.feed, "feed_id")) == 5, "the first that is left is a young one"
    clock.forward(days=50)
    while clockwork.prune_a_little():
        pass
    assert len(rows(store, tables.feed, "feed_id")) == 1
    with store.read() as connection:
        who = select(tables.event.c.who).where(tables.event.c.kind == "store.pruned")
        assert set(connection.execute(who).scalars()) == {"system:clockwork"}


def test_the_running_clockwork_prunes_by_itself_and_tries_again_after_a_failure(store, monkeypatch):
    tell(store, 0, 0, 0, 31)
    clockwork = Clockwork(store, default_rules()[0], now=lambda: NOON + 31 * DAY)
    done = threading.Event()
    plain = clockwork.prune_a_little

    def watched() -> bool:
        more = plain()
        done.set()
        return more

    clockwork.prune_a_little = watched
    with clockwork:
        assert done.wait(30)
    assert rows(store, tables.feed, "feed_id") == [4]

    clock = Clock(NOON + 80 * DAY)
    failing = Clockwork(store, default_rules()[0], now=clock)
    tell(store, 60)
    with monkeypatch.context() as broken:
        broken.setattr(pruning, "old_feed", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            failing.prune_a_little()
    assert not failing.prune_a_little()
    assert len(rows(store, tables.feed, "feed_id")) == 2
    clock.forward(hours=1)
    failing.prune_a_little()
    assert rows(store, tables.feed, "feed_id") == [5]


def run(*words: str, stdin: str | None = None):
    return CliRunner().invoke(db.app, ["prune", *words], input=stdin)


def test_the_command_tells_what_it_would_remove_and_removes_it_in_somebodys_name(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/city.db"
    monkeypatch.setenv("FLYONCE_STORE", url)
    with open_store(url, create=True) as store:
        create_account(store, "keeper", PASSWORD, "admin", passwords=QUICK)
        create_account(store, "chief", PASSWORD, "centre", passwords=QUICK)
        long_ago = [{"at": NOON - 4000 * DAY, "type": "case.opened", "data": {}} for _ in range(4)]
        store.write(lambda connection: connection.execute(insert(tables.feed), long_ago).rowcount)
    would = json.loads(run("--dry-run", "--json").stdout)
    counts = {"feed": 3, "deliveries": 0, "messages": 0, "answers": 0}
    kept = {"feed_days": 30, "deliveries_days": 400}
    assert would == {"store": url, "dry_run": True, **counts, **kept}
    assert "Would remove 3 entries" in run("--dry-run").stderr
    own = tmp_path / "retention.yaml"
    own.write_text("feed_days: 9000\ndeliveries_days: 500\n")
    assert json.loads(run("--retention", str(own), "--json").stdout)["feed"] == 0
    assert run("--as", "chief", "--password-stdin", stdin=f"{PASSWORD}\n").exit_code == 2
    assert run("--as", "keeper", "--password-stdin", stdin="wrong\n").exit_code == 2
    done = run("--as", "keeper", "--password-stdin", "--store", url, "--json", stdin=f"{PASSWORD}\n")
    assert json.loads(done.stdout) == would | {"dry_run": False}
    with open_store(url) as store, store.read() as connection:
        who = select(tables.event.c.who).where(tables.event.c.kind == "store.pruned")
        assert connection.execute(who).scalars().all() == ["keeper"]
        assert connection.execute(select(func.count()).select_from(tables.feed)).scalar_one() == 1
    own.write_text("feed_days: 0\ndeliveries_days: 500\n")
    refused = run("--retention", str(own))
    assert (refused.exit_code, "feed_days" in refused.stderr) == (2, True)


def test_the_defaults_are_those_that_the_documents_promise(tmp_path):
    assert load_retention() == KEPT
    for words in (
        "feed_days: 30\n",
        "feed_days: 30\ndeliveries_days: 3\n",
        "feed_days: 30\ndeliveries_days: 400\nx: 1\n",
    ):
        (tmp_path / "retention.yaml").write_text(words)
        with pytest.raises(ConfigurationError):
            load_retention(tmp_path / "retention.yaml")
