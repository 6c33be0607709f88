"""The store: its URL, its schema, its one writer, its history."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from dispatch_builders import NOON
from postgres_server import PASSWORD
from sqlalchemy import Engine, create_engine, event, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from dispatch_api.errors import ChainBroken, StoreClosed, StoreSchemaError, StoreUrlError
from dispatch_api.store import migrate, open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.history import Event, append_event, verify_history
from dispatch_api.store.migrate import newest_revision
from dispatch_api.store.url import store_place


def raw_engine(url: str) -> Engine:
    """An engine that nobody set up: what it does, a stranger could do."""
    return create_engine(store_place(url).target)


def tamper(url: str, *statements: str) -> int:
    """Run statements behind the store's back; how many rows the last of them met."""
    engine = raw_engine(url)
    with engine.begin() as connection:
        met = [connection.exec_driver_sql(statement).rowcount for statement in statements][-1]
    engine.dispose()
    return met


def unseal(url: str) -> None:
    if url.startswith("sqlite"):
        tamper(url, "DROP TRIGGER event_no_update", "DROP TRIGGER event_no_delete")
    else:
        tamper(url, "DROP TRIGGER event_only_grows ON event")


def url_of(folder: Path, name: str = "city.db") -> str:
    return f"sqlite:///{folder}/{name}"


def note(connection, why="because"):
    return append_event(connection, Event(at=NOON, who="somebody", kind="test.noted", why=why, case_id="c1"))


def count_events(store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()


@pytest.mark.both_stores
def test_a_new_store_has_the_schema_that_the_tables_describe(new_store_url):
    assert migrate(new_store_url) == (None, newest_revision())
    assert migrate(new_store_url) == (newest_revision(), newest_revision())

    def ours(name, kind, _parents):
        return not (kind == "table" and name.startswith(("case_box", "spatial_ref_sys")))

    with raw_engine(new_store_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    connection.engine.dispose()


@pytest.mark.both_stores
def test_a_missing_store_is_created_only_when_asked(new_store_url):
    with pytest.raises(StoreSchemaError, match="flyonce db upgrade --store") as refused:
        open_store(new_store_url)
    assert PASSWORD not in str(refused.value)
    open_store(new_store_url, create=True).close()
    open_store(new_store_url).close()


def test_asking_for_a_missing_store_leaves_no_file(tmp_path):
    with pytest.raises(StoreSchemaError, match=r"flyonce db upgrade --store sqlite:///.*city\.db"):
        open_store(url_of(tmp_path))
    assert not (tmp_path / "city.db").exists()


@pytest.mark.both_stores
@pytest.mark.parametrize(("revision", "remedy"), [("0000", "Upgrade flyonce"), ("9999", "Upgrade flyonce")])
def test_a_store_of_an_unknown_version_is_refused_with_the_remedy(new_store_url, revision, remedy):
    migrate(new_store_url)
    assert tamper(new_store_url, f"UPDATE alembic_version SET version_num = '{revision}'") == 1
    for attempt in (open_store, migrate):
        with pytest.raises(StoreSchemaError, match=remedy):
            attempt(new_store_url)


@pytest.mark.both_stores
def test_a_store_without_a_schema_is_refused_and_not_migrated_behind_ones_back(new_store_url):
    tamper(new_store_url, "CREATE TABLE other (a INTEGER)")
    with pytest.raises(StoreSchemaError, match="flyonce db upgrade"):
        open_store(new_store_url, create=True)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("city.db", "Write sqlite:///city.db"),
        ("", "not a store URL"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://me:secret@host/city", "SQLite or in PostgreSQL"),
        ("postgresql+psycopg2://me:secret@host/city", "SQLite or in PostgreSQL"),
        ("postgresql://me:secret@host:port/city", "not a store URL"),
        ("postgresql://me:secret@host/", "names no database"),
        ("postgresql://me:secret@host/city", r"does not say where pictures and coverage go.*\?files="),
        ("postgresql://me:secret@host/city?files={folder}/none", "the folder .*none is missing"),
        ("sqlite:///{folder}/none/city.db", "the folder .*none is missing"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///{folder}/text.db", "is not a database"),
    ],
)
def test_a_url_that_cannot_hold_a_store_is_refused_with_the_reason(tmp_path, url, complaint):
    (tmp_path / "text.db").write_text("just some words, longer than a header")
    for attempt in (open_store, migrate):
        with pytest.raises(StoreUrlError, match=complaint) as refused:
            attempt(url.format(folder=tmp_path))
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("name", "what"), [("city.db", "city.db"), ("new.db", "the folder")])
def test_a_read_only_file_or_folder_is_refused(tmp_path, monkeypatch, name, what):
    migrate(url_of(tmp_path))
    denied = tmp_path / name if name == "city.db" else tmp_path
    allowed = os.access
    # The tests may run as root, to whom every file can be written: so the answer of the system is played.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != denied and allowed(path, mode))
    with pytest.raises(StoreUrlError, match=f"{what}.* is read-only"):
        open_store(url_of(tmp_path, name), create=True)
    assert not (tmp_path / "new.db").exists()


def test_a_damaged_file_is_named(tmp_path):
    migrate(url_of(tmp_path))
    path = tmp_path / "city.db"
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    with pytest.raises(StoreUrlError, match="damaged"):
        open_store(url_of(tmp_path))


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
def test_the_store_writes_ahead_and_fully(store):
    def pragmas(connection):
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert store.write(pragmas) == ["wal", 2, 1, 30_000]


@pytest.mark.both_stores
def test_a_reader_cannot_write(store):
    with pytest.raises(DatabaseError, match=r"read-?only"), store.read() as connection:
        connection.execute(insert(tables.counter).values(name="a", value=1))


@pytest.mark.both_stores
def test_one_failing_function_takes_back_its_own_changes_and_nobody_elses(store):
    started, go_on = threading.Event(), threading.Event()

    def hold(connection):
        started.set()
        go_on.wait(10)

    def fail(connection):
        note(connection, "lost")
        raise ValueError("on purpose")

    first = store.submit(hold)
    started.wait(10)
    group: list[Future[int]] = [store.submit(note), store.submit(fail), store.submit(note)]
    go_on.set()
    first.result(10)
    assert [group[0].result(10), group[2].result(10)] == [1, 2]
    with pytest.raises(ValueError, match="on purpose"):
        group[1].result(10)
    with store.read() as connection:
        whys = connection.execute(select(tables.event.c.why)).scalars().all()
        assert whys == ["because", "because"]
        assert verify_history(connection) == 2


@pytest.mark.both_stores
def test_what_waits_together_is_committed_together(store):
    commits = []
    event.listen(store._writer._engine, "commit", lambda connection: commits.append(1))
    started, go_on = threading.Event(), threading.Event()

    def hold(connection):
        started.set()
        go_on.wait(10)

    store.submit(hold)
    started.wait(10)
    group = [store.submit(note) for _ in range(50)]
    go_on.set()
    assert [future.result(10) for future in group] == list(range(1, 51))
    assert len(commits) == 2


@pytest.mark.both_stores
def test_nobody_is_told_before_the_change_is_on_disk(store):
    other = raw_engine(store.url)

    def seen_by_others():
        with other.connect() as connection:
            return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()

    for expected in (1, 2, 3):
        store.write(note)
        assert seen_by_others() == expected
    other.dispose()


@pytest.mark.both_stores
def test_a_closed_store_finishes_what_it_has_and_takes_no_more(store):
    futures = [store.submit(note) for _ in range(20)]
    store.close()
    assert [future.result(0) for future in futures] == list(range(1, 21))
    with pytest.raises(StoreClosed):
        store.submit(note)
    store.close()


@pytest.mark.both_stores
def test_two_processes_write_to_one_store_and_the_history_stays_one_chain(store, tmp_path):
    script = (
        "import sys\n"
        "from datetime import datetime, UTC\n"
        "from dispatch_api.store import open_store\n"
        "from dispatch_api.store.history import Event, append_event\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    for n in range(40):\n"
        "        store.write(lambda c: append_event(c, Event(at=datetime.now(UTC), who='other', kind='test.noted')))\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, store.url])
    for _ in range(40):
        store.write(note)
    assert other.wait(60) == 0
    with store.read() as connection:
        assert verify_history(connection) == 80
        assert set(connection.execute(select(tables.event.c.who)).scalars()) == {"somebody", "other"}


@pytest.mark.both_stores
def test_acknowledged_writes_survive_kill_minus_9(new_store_url):
    script = (
        "import sys\n"
        "from datetime import datetime, UTC\n"
        "from dispatch_api.store import open_store\n"
        "from dispatch_api.store.history import Event, append_event\n"
        "store = open_store(sys.argv[1])\n"
        "n = 0\n"
        "while True:\n"
        "    work = [store.submit(lambda c: append_event(c, Event(at=datetime.now(UTC), who='w', kind='test.noted')))\n"
        "            for _ in range(5)]\n"
        "    for future in work:\n"
        "        print(future.result(), flush=True)\n"
    )
    migrate(new_store_url)
    writer = subprocess.Popen([sys.executable, "-c", script, new_store_url], stdout=subprocess.PIPE, text=True)
    acknowledged = [int(writer.stdout.readline()) for _ in range(60)]
    writer.kill()
    acknowledged += [int(line) for line in writer.stdout.read().splitlines() if line.strip()]
    writer.stdout.close()
    assert writer.wait(10) == -9
    with open_store(new_store_url) as store, store.read() as connection:
        kept = set(connection.execute(select(tables.event.c.seq)).scalars())
        assert set(acknowledged) <= kept
        assert verify_history(connection) == len(kept)


@pytest.mark.both_stores
@pytest.mark.parametrize("change", ["UPDATE event SET why = 'other'", "DELETE FROM event", "DELETE FROM original"])
def test_history_and_originals_only_grow(store, change):
    store.write(note)
    store.write(
        lambda c: (
            c.execute(
                insert(tables.original).values(
                    sha256="a" * 64, file_name="a", extension="jpg", bytes=1, captured_at=None, received_at=NOON
                )
            ).rowcount
        )
    )
    with pytest.raises(DatabaseError, match="append-only"):
        store.write(lambda connection: connection.execute(text(change)).rowcount)
    assert count_events(store) == 1


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("tampering", "seq", "problem"),
    [
        ("UPDATE event SET why = 'nothing' WHERE seq = 3", 3, "content was changed"),
        ("UPDATE event SET who = 'another' WHERE seq = 1", 1, "content was changed"),
        ("UPDATE event SET at = '2026-11-23 04:00:01.000000' WHERE seq = 2", 2, "content was changed"),
        ("UPDATE event SET data = '{\"a\":1}' WHERE seq = 4", 4, "content was changed"),
        ("DELETE FROM event WHERE seq = 2", 2, "missing"),
        ("DELETE FROM event WHERE seq = 1", 1, "missing"),
        ("UPDATE event SET previous_hash = hash WHERE seq = 3", 3, "does not follow"),
    ],
)
def test_whoever_changes_the_history_in_the_database_is_found_out(store, tampering, seq, problem):
    for n in range(5):
        store.write(lambda connection, n=n: note(connection, f"reason {n}"))
    with store.read() as connection:
        assert verify_history(connection) == 5
    unseal(store.url)
    assert tamper(store.url, tampering) == 1
    with store.read() as connection:
        with pytest.raises(ChainBroken, match=problem) as broken:
            verify_history(connection)
        assert broken.value.seq == seq


@pytest.mark.both_stores
def test_a_time_without_a_zone_never_gets_in(store):
    with pytest.raises(ValueError, match="time zone"):
        Event(at=NOON.replace(tzinfo=None), who="a", kind="b")
    with pytest.raises(Exception, match="no time zone"):
        store.write(
            lambda c: c.execute(
                insert(tables.feed), {"at": NOON.replace(tzinfo=None), "type": "zones.changed", "data": {}}
            )
        )
