"""What is taken together in one transaction is what it would have been one by one; one that fails fails alone."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from dispatch_builders import NOON, a_zone, an_observation, default_rules, north_of
from dispatch_client import Machine
from dispatch_people import QUICK
from sqlalchemy import func, select
from sqlalchemy.event import listen
from test_sightings import BY, PATH, a_sighting

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.neighbours import Nearby, spot_of_observation
from dispatch_api.cases.records import get_case, insert_case, touched_cases, update_case
from dispatch_api.cases.verification import WAITING
from dispatch_api.store import open_store
from dispatch_api.store.counting import count_up
from dispatch_api.store.dialects import read_boxes, unplaced
from dispatch_api.store.gathered import Gathered
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import case, event, feed, message, observation, reminder, task
from geo.identity.rules import load_rules

MATTERS = ("waterlogging.road", "dumping.household", "dumping.construction", "fishing.net")


def some_day(seed: int, count: int = 60):
    """Sightings of several flights and matters, many of the same things, a few sent twice or brought up to date."""
    rng, made = random.Random(seed), []
    matters = [key for key in MATTERS if key in default_rules()[0].by_key]
    for number in range(count):
        at = NOON + timedelta(minutes=number)
        changes = {
            "key": f"k{rng.randrange(number + 1) if rng.random() < 0.15 else number}",
            "matter": rng.choice(matters),
            "label": "seen",
            "confidence": rng.choice([0.3, 0.7, 0.95]),
            "lonlat": north_of(rng.randrange(12) * 4.0, east_m=rng.randrange(4) * 40.0),
            "sigma_m": rng.choice([0.8, 1.5, 6.0]),
            "flight_id": f"flight-{number // 10}",
            "first_seen_at": at,
            "last_seen_at": at + timedelta(seconds=20),
            "extent_m2": rng.choice([None, 2.0, 60.0]),
            "zones": (a_zone(), a_zone(kind="district", code=rng.choice(["A", "B"]), name="区")),
            "review_required": rng.random() < 0.1,
        }
        made.append(an_observation(**changes))
    return made


def all_of(store, *tables):
    """All rows of these tables without the names that are drawn by chance."""
    drawn = {"case_id", "message_id", "hash", "previous_hash", "at", "key"}
    with store.read() as connection:
        cases = {row.case_id: row.number for row in connection.execute(select(case.c.case_id, case.c.number))}
        found = [
            [row._asdict() for row in connection.execute(select(table).order_by(*table.primary_key)).all()]
            for table in tables
        ]

    def shown(value):
        if isinstance(value, dict):
            return {name: shown(part) for name, part in value.items()}
        if isinstance(value, list):
            return [shown(part) for part in value]
        for case_id, number in cases.items() if isinstance(value, str) else ():
            value = value.replace(case_id, number)
        return value

    return [
        [{name: shown(value) for name, value in row.items() if name not in drawn or name == "case_id"} for row in rows]
        for rows in found
    ]


@pytest.mark.both_stores
@pytest.mark.parametrize(("seed", "morning"), [(1, 0), (2, 0), (3, 25), (4, 40)])
def test_a_day_taken_in_one_go_leaves_the_rows_of_a_day_taken_one_by_one(store, tmp_path, seed, morning):
    day = some_day(seed)
    with open_store(f"sqlite:///{tmp_path}/other.db", create=True) as other:
        alone, together = (Intake(one, *default_rules(), now=lambda: NOON) for one in (other, store))
        told = [alone.record(seen) for seen in day]
        # What comes in the afternoon finds the morning's cases in the store.
        parts = [part for part in (day[:morning], day[morning:]) if part]
        at_once = [one for part in parts for one in store.write(lambda c, part=part: together.take_all(c, part))]
        assert [(one.case_number, one.opened, one.state, one.tasks) for one in at_once] == [
            (one.case_number, one.opened, one.state, one.tasks) for one in told
        ]
        tables = (case, observation, task, event, reminder, message, feed)
        assert len({one.case_id for one in at_once}) > 5
        for table, here, there in zip(tables, all_of(store, *tables), all_of(other, *tables), strict=True):
            if table is message:  # their names are drawn by chance, and they come in the order of these
                here, there = (sorted(rows, key=lambda row: (row["subject"], row["type"])) for rows in (here, there))
            assert here == there, table.name
        with store.read() as connection:
            assert verify_history(connection) == len(all_of(store, event)[0])
            assert unplaced(connection) == []
            assert len(list(read_boxes(connection))) == len(all_of(store, case)[0])


@pytest.mark.both_stores
def test_many_that_join_ask_the_store_once_for_all_but_their_cases(store, intake):
    def places(flight):
        seen = {"flight_id": flight, "sigma_m": 0.5}
        return [an_observation(lonlat=north_of(200.0 * number), **seen) for number in range(20)]

    opened = [one.case_id for one in intake.record_all(places("first"))]
    asked = []
    listen(store._writer._engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    joined = store.write(lambda connection: intake.take_all(connection, places("second")))
    assert [(one.case_id, one.opened) for one in joined] == [(case_id, False) for case_id in opened]
    assert sum("UPDATE case_file" in statement for statement in asked) == len(opened)
    assert len(asked) < 2 * len(opened)


@pytest.mark.both_stores
def test_a_gathered_row_looks_as_it_looks_when_it_is_read(store, intake):
    seen = []

    def work(connection):
        recorded = intake.take(connection, an_observation(extent_m2=7))
        seen.append(get_case(connection, recorded.case_id))
        connection.execute(select(func.count()).select_from(case)).scalar_one()
        seen.append(get_case(connection, recorded.case_id))

    store.write(work)
    gathered, read = seen
    assert type(gathered) is not type(read)
    # What the database's own triggers keep is there once it is written.
    kept = {"departments": read.departments}
    assert gathered._asdict() | kept == read._asdict()
    assert isinstance(gathered.extent_m2, float)


@pytest.mark.both_stores
def test_one_that_fails_among_many_takes_only_itself_back(store, intake, monkeypatch):
    gate, entered = threading.Event(), threading.Event()

    def hold(connection):
        entered.set()
        gate.wait(30)

    holding = store.submit(hold)
    entered.wait(30)
    bad = an_observation(lonlat=north_of(300))
    plain = Gathered.add

    def breaking(self, connection, values):
        if values.get("key") == bad.key:
            raise ValueError("broken on purpose")
        return plain(self, connection, values)

    monkeypatch.setattr(Gathered, "add", breaking)
    good = [an_observation(lonlat=north_of(100.0 * n)) for n in (0, 1, 2)]
    handed = [intake._submit(one) for one in (good[0], bad, *good[1:])]
    gate.set()
    holding.result(30)
    with pytest.raises(ValueError, match="on purpose"):
        handed[1].result(30)
    assert [handed[n].result(30).opened for n in (0, 2, 3)] == [True] * 3
    with store.read() as connection:
        numbers = connection.execute(select(case.c.number).order_by(case.c.seq)).scalars().all()
        assert [number[-4:] for number in numbers] == ["0001", "0002", "0003"]
        assert connection.execute(select(func.count()).select_from(observation)).scalar_one() == 3
        verify_history(connection)


@pytest.mark.both_stores
def test_a_change_that_is_taken_back_takes_its_numbers_and_gathered_rows_along(store, intake):
    intake.record(an_observation())

    def work(connection):
        assert count_up(connection, "x") == 1
        row = get_case(connection, insert_case(connection, like(connection)).case_id)
        update_case(connection, row.case_id, {"frames": 9})
        assert touched_cases(connection)
        raise RuntimeError

    def like(connection):
        values = connection.execute(select(case)).one()._asdict()
        del values["seq"]
        return values | {"case_id": "other", "number": "other"}

    with pytest.raises(RuntimeError):
        store.write(work)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(case)).scalar_one() == 1
    assert store.write(lambda connection: (count_up(connection, "x"), touched_cases(connection))) == (1, [])


@pytest.mark.both_stores
def test_a_key_that_is_revoked_after_it_was_let_in_records_nothing(store):
    desk = KeyDesk(store)
    secret, _ = desk.create("drone", by=BY)
    machine = Machine(create_app(store, passwords=QUICK), secret)
    assert machine.send("POST", PATH, a_sighting(), Idempotency_Key="a").status_code == 201
    # By another process: the service itself hears nothing of it.
    desk.revoke("drone", by=BY)
    for key in ("b", "c"):
        answer = machine.send("POST", PATH, a_sighting(lonlat=north_of(500)), Idempotency_Key=key)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    machine.close()
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(observation)).scalar_one() == 1


def test_a_sighting_of_a_case_that_was_just_opened_joins_it_whatever_came_between(store, intake):
    day = [an_observation(lonlat=north_of(80.0 * n)) for n in range(5)]
    again = [an_observation(lonlat=north_of(80.0 * n + 0.5), flight_id="flight-2") for n in (3, 0, 4)]
    told = store.write(lambda connection: intake.take_all(connection, [*day, *again]))
    assert [one.case_id for one in told[5:]] == [told[n].case_id for n in (3, 0, 4)]
    assert not any(one.state in WAITING for one in told)
    with store.read() as connection:
        assert get_case(connection, told[3].case_id).observations == 2


@pytest.mark.both_stores
def test_a_case_that_is_found_near_keeps_its_own_number(store, intake):
    numbers = [intake.record(an_observation(lonlat=north_of(60.0 * n))).case_number for n in range(3)]
    again = [an_observation(lonlat=north_of(60.0 * n), flight_id="flight-2") for n in (2, 1)]
    told = store.write(lambda connection: intake.take_all(connection, again))
    assert [one.case_number for one in told] == [numbers[2], numbers[1]]
    spots = [spot_of_observation(seen) for seen in again]
    with store.read() as connection:
        found = Nearby(connection, spots, load_rules())
        shown = [[row.number for row in found.cases(n, family="waterlogging")] for n in (0, 1)]
    assert shown == [[numbers[2]], [numbers[1]]]
