"""Many rows in one statement leave what SQLAlchemy, one row after the other, would have written."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest
from dispatch_builders import NOON
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import IntegrityError

from dispatch_api.errors import StoreUnreachable
from dispatch_api.store import schema as tables
from dispatch_api.store.bulk import write_rows
from dispatch_api.store.unit import write_later

ODD = ("", "'", '"', "\\", "%s %(a)s %", "一二三 🚁", "a\tb\nc", "{}", "null", "\u2028")
NUMBERS = (0.1 + 0.2, -0.0, 1e-300, 1.7976931348623157e308, 118.94000000000001, 2.0**53 + 2)
WHEN = (
    NOON,
    NOON.replace(microsecond=1),
    NOON.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=999_999),
)
FLIGHT = {
    "name": "",
    "state": "ended",
    "planned_path": None,
    "area": None,
    "ended_at": None,
    "figures": {},
    "facts": None,
}


def flights() -> list[dict]:
    told = [None, [], {}, [0], False, "", [NUMBERS[0], None, {"键": [True, "\\u0041"]}], [2**62]]
    return [
        FLIGHT
        | {
            "flight_id": f"f{n}",
            "name": ODD[n % len(ODD)],
            "started_at": WHEN[n % 3],
            "ended_at": WHEN[2] if n % 2 else None,
        }
        | {
            "planned_path": told[n % 8],
            "area": told[(n + 3) % 8],
            "figures": {"a": told[n % 8]},
            "facts": told[(n + 5) % 8],
        }
        for n in range(40)
    ]


def photos() -> list[dict]:
    return [
        {"flight_id": "f0", "name": str(n), "taken_at": None if n % 3 else NOON, "looked": n % 2 == 0, "reason": word}
        | {"lon": NUMBERS[n % 6], "lat": None if n % 4 else -NUMBERS[n % 6], "footprint": [[NUMBERS[n % 6], n]]}
        for n, word in enumerate(ODD * 2)
    ]


@pytest.mark.both_stores
def test_rows_written_together_are_the_same_as_rows_written_one_by_one(store):
    def written(by_hand):
        def work(connection):
            for table, rows in ((tables.flight, flights()), (tables.flight_photo, photos())):
                if by_hand:
                    for row in rows:
                        connection.execute(insert(table), row)
                else:
                    write_rows(connection, table, rows)
            kept = [
                [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]
                for columns in (tables.flight.c, [c for c in tables.flight_photo.c if c.name != "photo_id"][1:])
            ]
            # Nothing at all and JSON's `null` read alike, but conditions tell them apart.
            nothing = text("SELECT flight_id, planned_path IS NULL, area IS NULL, facts IS NULL FROM flight ORDER BY 1")
            kept.append([tuple(row) for row in connection.execute(nothing)])
            for table in (tables.flight_photo, tables.flight):
                connection.execute(delete(table))
            return kept

        return store.write(work)

    one_by_one = written(True)
    assert len(one_by_one[0]) == 40
    assert repr(written(False)) == repr(one_by_one)


@pytest.mark.both_stores
def test_a_time_without_a_zone_is_refused_in_company_too(store):
    rows = [FLIGHT | {"flight_id": str(n), "started_at": at} for n, at in enumerate((NOON, datetime(2026, 1, 1)))]
    with pytest.raises(ValueError, match="no time zone"):
        store.write(lambda connection: write_rows(connection, tables.flight, rows))
    with store.read() as connection:
        assert connection.execute(select(tables.flight)).all() == []


@pytest.mark.both_stores
def test_rows_that_cannot_be_written_fail_their_own_caller_alone(store):
    def start(name, *, state="ended"):
        def work(connection):
            write_later(connection, tables.flight, FLIGHT | {"flight_id": name, "started_at": NOON, "state": state})
            write_later(
                connection, tables.feed, {"at": NOON, "type": "t", "case_id": None, "departments": [], "data": {}}
            )

        return work

    gate = threading.Event()
    waiting = store.submit(lambda _: gate.wait(30))
    works = [start("a"), start("b", state=None), start("a"), start("c")]
    first, nothing, twice, last = [store.submit(work) for work in works]
    gate.set()
    assert waiting.result(60)
    assert first.result(60) is last.result(60) is None
    for refused in (nothing, twice):
        with pytest.raises(IntegrityError):
            refused.result(60)
    with store.read() as connection:
        assert connection.execute(select(tables.flight.c.flight_id).order_by("flight_id")).scalars().all() == ["a", "c"]
        assert len(connection.execute(select(tables.feed)).all()) == 2


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_a_server_that_goes_while_rows_are_sent_is_told_as_such(postgres, store):
    def work(connection):
        write_later(connection, tables.flight, FLIGHT | {"flight_id": "lost", "started_at": NOON})
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.run(f"SELECT pg_terminate_backend({pid}, 20000)")

    with pytest.raises(StoreUnreachable):
        store.write(work)
    row = FLIGHT | {"flight_id": "kept", "started_at": NOON}
    store.write(lambda connection: write_later(connection, tables.flight, row))
    with store.read() as connection:
        assert connection.execute(select(tables.flight.c.flight_id)).scalars().all() == ["kept"]
