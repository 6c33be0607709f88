"""What is PostgreSQL's own: getting in, losing the server, waiting for another writer, what its columns take."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from dispatch_builders import an_observation
from dispatch_people_at_work import CHIEF
from postgres_server import PASSWORD
from sqlalchemy import insert, select, text

from dispatch_api.cases.records import _NEAR_MANY
from dispatch_api.cases.views import CaseFilter
from dispatch_api.errors import StoreBusy, StoreUnreachable, StoreUrlError
from dispatch_api.store import migrate, open_store
from dispatch_api.store import schema as tables
from dispatch_api.store import url as store_url
from dispatch_api.store.backend import Backend
from dispatch_api.store.migrate import newest_revision
from dispatch_api.store.postgres import PostgresBackend
from dispatch_api.store.url import store_place
from dispatch_api.store.writer import Writer

BOX = (118.8, 28.9, 118.80001, 28.90001)
CHINESE = ["一级保护区", "人民路", "〇", "Ａ", "a", "B", "é", "𠮷野家"]


def ask(store, statement, *parameters):
    with store.read() as connection:
        return connection.execute(statement, *parameters).all()


def plan_of(store, query, parameters=None) -> str:
    """How the database would run a query, with so many cases that looking at each would be dearer."""
    compiled = query.compile(store._readers, compile_kwargs={"render_postcompile": True})
    explain = "EXPLAIN QUERY PLAN " if compiled.dialect.name == "sqlite" else "EXPLAIN "
    with store.read() as connection:
        values = compiled.construct_params(parameters)
        given = tuple(values[name] for name in compiled.positiontup) if compiled.positional else values
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + str(compiled), given))


def fill(store, intake, count: int) -> None:
    """Many cases around the world with their boxes, copied from one that the intake made."""
    intake.record(an_observation())
    sqlite = store.url.startswith("sqlite")
    with store.read() as connection:
        pattern = connection.execute(select(tables.case)).one()._asdict()
    rows = [
        pattern | {"seq": n, "case_id": f"c{n}", "number": f"n{n}", "lon": n % 360 - 180.0, "lat": n * 0.017 % 170 - 85}
        for n in range(2, count)
    ]

    def copy(connection):
        connection.execute(insert(tables.case), rows)
        box = ":x, :x, :y, :y" if sqlite else "ST_MakeEnvelope(:x, :y, :x, :y, 4326)"
        connection.execute(
            text(f"INSERT INTO case_box VALUES (:seq, {box})"),
            [{"seq": row["seq"], "x": row["lon"], "y": row["lat"]} for row in rows],
        )
        if not sqlite:  # whose servers do that by themselves
            connection.exec_driver_sql("ANALYZE")

    store.write(copy)


@pytest.mark.both_stores
def test_places_are_found_by_the_index_and_not_by_looking_at_every_case(store, intake):
    fill(store, intake, 3000)
    postgres = not store.url.startswith("sqlite")
    near = plan_of(store, _NEAR_MANY["postgresql" if postgres else "sqlite"], {"boxes": json.dumps([BOX, BOX])})
    wanted = CaseFilter(bbox="118.8,28.9,118.9,29.0")
    query = select(tables.case).where(wanted.condition(CHIEF)).order_by(tables.case.c.seq.desc())
    boxed = plan_of(store, query.limit(20_001))
    for plan in (near, boxed):
        if postgres:
            assert "Index Scan using case_box_box" in plan or "Bitmap Index Scan on case_box_box" in plan
            assert "Seq Scan" not in plan
        else:
            assert re.search(r"SCAN (case_)?box VIRTUAL TABLE INDEX 2:", plan)
            assert "SEARCH case_file USING INTEGER PRIMARY KEY (rowid=?)" in plan
            assert "SCAN case_file" not in plan


@pytest.mark.both_stores
def test_a_box_finds_what_lies_on_its_edge_and_nothing_beside_it(store, intake):
    fill(store, intake, 400)
    inside = CaseFilter(bbox="-170.0,0.15,-160.0,0.323").condition(CHIEF)
    found = ask(store, select(tables.case.c.seq).where(inside).order_by(tables.case.c.seq))
    assert [row.seq for row in found] == []
    inside = CaseFilter(bbox="-170.0,-84.83,-160.0,-84.66").condition(CHIEF)
    found = ask(store, select(tables.case.c.seq, tables.case.c.lon, tables.case.c.lat).where(inside))
    assert sorted(row.seq for row in found) == list(range(10, 21))
    assert {row.lon for row in found} >= {-170.0, -160.0}


@pytest.mark.both_stores
def test_text_sorts_by_its_bytes_and_comes_back_as_it_went_in(store):
    for n, words in enumerate(CHINESE):
        store.write(lambda c, n=n, words=words: c.execute(insert(tables.counter).values(name=words, value=n)).rowcount)
    found = [row.name for row in ask(store, select(tables.counter).order_by(tables.counter.c.name))]
    assert found == sorted(CHINESE, key=str.encode)
    above = ask(store, select(tables.counter.c.name).where(tables.counter.c.name > "一"))
    assert {row.name for row in above} == {one for one in CHINESE if one.encode() > "一".encode()}


@pytest.mark.both_stores
def test_what_one_store_takes_the_other_takes(store):
    feature = {"名": "一号", "b": [1, 2.5, None, True], "a": {"z": "é\U00020bb7"}}
    at = datetime(2026, 11, 23, 3, 4, 5, 678_901, tzinfo=UTC)
    zone = {"kind": "k" * 50, "code": "code", "feature": feature}
    original = {"sha256": "a" * 64, "file_name": "大.mp4", "extension": "mp4", "bytes": 5 << 32, "captured_at": None}
    store.write(lambda c: c.execute(insert(tables.zone), zone).rowcount)
    store.write(lambda c: c.execute(insert(tables.original), {**original, "received_at": at}).rowcount)
    kept = ask(store, select(tables.zone))[0]
    assert (kept.kind, kept.feature, list(kept.feature)) == ("k" * 50, feature, ["名", "b", "a"])
    kept = ask(store, select(tables.original))[0]
    assert (kept.bytes, kept.received_at, kept.captured_at) == (5 << 32, at, None)


@pytest.mark.both_stores
def test_a_reader_sees_one_moment_although_somebody_writes(store):
    def add(connection):
        return connection.execute(insert(tables.counter).values(name=str(len(seen)), value=1)).rowcount

    seen = []
    count = select(tables.counter.c.name)
    with store.read() as connection:
        seen.append(len(connection.execute(count).all()))
        store.write(add)
        seen.append(len(connection.execute(count).all()))
    assert seen == [0, 0]
    assert len(ask(store, count)) == 1


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_each_question_is_planned_for_what_it_asks(store):
    with store.read() as connection:
        for setting, value in (("plan_cache_mode", "force_custom_plan"), ("jit", "off")):
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda url, _: url.replace("flyonce:", "flyonce:not"),
            "password authentication failed.*Check name and password",
        ),
        (lambda url, _: url.replace("/copy_", "/none_"), 'database "none_.*" does not exist.*createdb'),
        (lambda url, port: url.replace(f":{port}/", ":1/"), "refused.*See that the server runs"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_of_in_one_line(postgres, postgres_copy, change, words):
    url = change(postgres_copy("bare"), postgres.port)
    for attempt in (open_store, migrate):
        with pytest.raises(StoreUnreachable, match=words) as refused:
            attempt(url)
        assert "\n" not in str(refused.value)
        assert PASSWORD not in str(refused.value)


def test_a_database_without_postgis_names_the_remedy(postgres, tmp_path):
    postgres.run("DROP DATABASE IF EXISTS plain", "DROP ROLE IF EXISTS guest")
    postgres.run("CREATE ROLE guest LOGIN PASSWORD 'guest'", "CREATE DATABASE plain OWNER guest")
    url = f"postgresql://guest:guest@127.0.0.1:{postgres.port}/plain?files={tmp_path}"
    with pytest.raises(StoreUrlError, match=r"has no PostGIS.*CREATE EXTENSION postgis"):
        migrate(url)
    postgres.run("CREATE EXTENSION postgis", database="plain")
    assert migrate(url) == (None, newest_revision())
    postgres.run("DROP DATABASE plain", "DROP ROLE guest")


def test_a_database_that_cannot_hold_chinese_is_refused(postgres, tmp_path):
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreUrlError, match=r"keeps text as LATIN1.*ENCODING 'UTF8'"):
        migrate(postgres.url("latin", files=tmp_path))
    postgres.run("DROP DATABASE latin")


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_a_lost_connection_fails_its_callers_plainly_and_the_next_one_works(postgres, store):
    def lose(connection):
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.run(f"SELECT pg_terminate_backend({pid}, 20000)")
        connection.execute(select(tables.counter))

    def lose_a_change(connection):
        connection.execute(insert(tables.counter).values(name="lost", value=1))
        lose(connection)

    with pytest.raises(StoreUnreachable):
        store.write(lose_a_change)
    store.write(lambda c: c.execute(insert(tables.counter).values(name="kept", value=1)).rowcount)
    with pytest.raises(StoreUnreachable), store.read() as connection:
        lose(connection)
    assert [row.name for row in ask(store, select(tables.counter))] == ["kept"]


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_a_server_started_again_between_two_changes_fails_nobody(postgres, store):
    def pid(connection):
        return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

    before = store.write(pid)
    postgres.run(f"SELECT pg_terminate_backend({before}, 20000)")
    assert store.write(pid) != before


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_a_writer_that_waits_too_long_for_another_process_says_so(store):
    impatient: Backend = PostgresBackend(store_place(store.url), busy_timeout_s=1.0)
    other = Writer(impatient)

    def meanwhile(connection):
        with pytest.raises(StoreBusy, match="locked by another process"):
            other.submit(lambda c: 1).result(60)
        return "done"

    assert store.write(meanwhile) == "done"
    assert other.submit(lambda c: 2).result(60) == 2
    other.close()


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_a_commit_is_on_disk_and_the_schema_comes_in_one_piece(store, postgres_copy, monkeypatch):
    assert store.write(lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar_one()) == "on"
    assert store.evidence_dir.name == "evidence"
    url = postgres_copy("bare")
    with monkeypatch.context() as patched:
        module = sys.modules["dispatch_api.store.migrate"]
        patched.setattr(module, "current_revision", lambda c: None if not has_tables(c) else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrate(url)
    assert PostgresBackend(store_place(url), busy_timeout_s=1.0).is_new()


def has_tables(connection) -> bool:
    return connection.exec_driver_sql("SELECT to_regclass('case_file')").scalar_one() is not None


def test_without_its_driver_a_server_is_refused_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(store_url.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StoreUrlError, match=r"pip install 'flyonce\[postgis\]'"):
        open_store(f"postgresql://me@host/city?files={tmp_path}")


def test_the_driver_is_not_loaded_for_a_store_in_a_file(tmp_path):
    script = (
        "import sys\nfrom dispatch_api.store import open_store\n"
        f"open_store('sqlite:///{tmp_path}/city.db', create=True).close()\n"
        "sys.exit('psycopg' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
