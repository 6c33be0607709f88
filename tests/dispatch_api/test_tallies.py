"""What the store counts by itself: it follows every change, and a check finds what was counted otherwise than it is."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of
from dispatch_people_at_work import CHIEF, OTHER_CHIEF
from sqlalchemy import insert, select, text, update

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.errors import DispatchError
from dispatch_api.store import Store, migrate, open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.backend import backend_of
from dispatch_api.store.checking import check_store
from dispatch_api.store.migrate import upgrade
from dispatch_api.store.tallies import count_anew, drop_triggers, make_triggers, miscounted
from dispatch_api.store.url import store_place
from dispatch_api.tasks.service import TaskDesk

MATTERS, ROUTING = default_rules()
NEXT = {
    "pending_review": ("opened", "rejected"),
    "opened": ("dispatched",),
    "returned": ("dispatched",),
    "arbitration": ("dispatched",),
    "in_progress": ("suspended",),
    "suspended": ("in_progress",),
    "pending_verify": ("closed", "closed", "reworked", "unverifiable"),
    "unverifiable": ("closed", "pending_verify"),
}
TASK_NEXT = {"sent": ("signed",), "signed": ("working",), "working": ("done",), "rework": ("working",)}
SIDEWAYS = ("refused", "handed_on")


def wrong(store) -> list[str]:
    with store.read() as connection:
        return miscounted(connection)


def rows(store, table):
    with store.read() as connection:
        return connection.execute(select(table).order_by(*table.primary_key)).all()


def walk(store, steps: int, seed: int = 5) -> None:
    """A town's life: cases come in, go on, end, come back, as far as the tables of states allow it."""
    rng, clock = random.Random(seed), [NOON]
    desks = {"now": lambda: clock[0]}
    intake = Intake(store, MATTERS, ROUTING, **desks)
    tasks, cases = TaskDesk(store, MATTERS, ROUTING, **desks), CaseDesk(store, MATTERS, ROUTING, **desks)
    for number in range(steps):
        clock[0] += timedelta(minutes=rng.choice((5, 50, 500)))
        case_ids = [row.case_id for row in rows(store, tables.case)]
        try:
            if len(case_ids) < 8 or rng.random() < 0.1:
                matter = rng.choice(("waterlogging.road", "dumping.household", "fishing.reservoir"))
                place = north_of(rng.choice((0, 300, 600, 900, 1200)))
                stamps = {"first_seen_at": clock[0], "last_seen_at": clock[0], "flight_id": f"f{number}"}
                intake.record(an_observation(key=f"k{number}", matter=matter, lonlat=place, **stamps))
            elif rng.random() < 0.75:
                task = rng.choice([task for task in rows(store, tables.task) if task.state in TASK_NEXT])
                to = rng.choice(TASK_NEXT[task.state] if rng.random() < 0.9 else SIDEWAYS)
                change = Change(to=to, reason="x", department=rng.choice(("police", "water")))
                tasks.transition(task.task_id, change, by=CHIEF)
            else:
                case = rng.choice([case for case in rows(store, tables.case) if case.state in NEXT])
                more = {"lead": rng.choice(("housing", "water")), "until": clock[0] + timedelta(9)}
                cases.transition(
                    case.case_id, Change(to=rng.choice(NEXT[case.state]), reason="x", **more), by=OTHER_CHIEF
                )
        except (DispatchError, IndexError):
            pass  # What is not allowed now changes nothing.


@pytest.fixture(scope="module")
def lives(request, templates, tmp_path_factory) -> Callable[[str], Path | str]:
    """A function that gives a town of 300 steps in a kind of database, lived once: a file or a database to copy."""

    @cache
    def live(kind: str) -> Path | str:
        folder = tmp_path_factory.mktemp("lived")
        if kind == "sqlite":
            template: Path | str = shutil.copy(templates[0], folder / "city.db")
            url = f"sqlite:///{template}"
        else:
            template, server = "lived", request.getfixturevalue("postgres")
            server.run("CREATE DATABASE lived TEMPLATE empty")
            url = server.url("lived", files=folder)
        with open_store(url) as store:
            walk(store, 300)
        return template

    return live


@pytest.fixture
def lived(store_kind, lives, postgres_copy, tmp_path: Path) -> Iterator[Store]:
    """A copy of the town of 300 steps."""
    template = lives(store_kind)
    if isinstance(template, Path):
        url = f"sqlite:///{shutil.copy(template, tmp_path / 'city.db')}"
    else:
        url = postgres_copy(template)
    with open_store(url) as opened:
        yield opened


@pytest.mark.both_stores
def test_every_change_is_counted_with_it(lived):
    store = lived
    states = {row.state for row in rows(store, tables.case)}
    assert len(states) >= 4
    assert states & {"closed", "recurred"}
    assert any(row.reworks for row in rows(store, tables.task))
    assert {row.department for row in rows(store, tables.figure_count)} > {""}
    assert wrong(store) == []


@pytest.mark.both_stores
def test_what_is_counted_follows_a_closed_case_too(lived):
    store = lived
    closed = next(row for row in rows(store, tables.case) if row.state == "closed" and row.dispatched_at)

    def tamper(connection):
        of_case = tables.task.c.case_id == closed.case_id
        connection.execute(update(tables.task).where(of_case).values(deadline_at=datetime(2020, 1, 1, tzinfo=UTC)))
        connection.execute(update(tables.task).where(of_case, tables.task.c.kind == "lead").values(state="handed_on"))
        own = update(tables.case).where(tables.case.c.case_id == closed.case_id)
        connection.execute(own.values(paused_s=12.25, matter="river.rubbish", dispatched_at=NOON - timedelta(days=9)))

    store.write(tamper)
    assert wrong(store) == []
    store.write(lambda c: c.execute(update(tables.case).values(state="dispatched")).rowcount)
    assert wrong(store) == []
    assert all(row.cases == 0 for row in rows(store, tables.figure_count))


WRONG = {
    "UPDATE case_count SET n = n + 1": "case_count of ",
    "UPDATE task_count SET n = n - 1": "task_count of ",
    "UPDATE figure_count SET on_time = on_time + 3": "figure_count of ",
    "DELETE FROM figure_count": "figure_count of ",
    "UPDATE case_file SET departments = '|police|'": "has not the departments of its tasks",
}


@pytest.mark.both_stores
def test_a_check_finds_what_was_counted_otherwise_and_counting_anew_mends_it(lived):
    store = lived
    for statement, word in WRONG.items():
        assert wrong(store) == [], statement
        store.write(lambda connection, statement=statement: connection.execute(text(statement)).rowcount)
        assert any(word in one for one in wrong(store)), statement
        found = next(one for one in check_store(store) if one.name == "counts")
        assert not found.ok
        store.write(count_anew)
    assert next(one for one in check_store(store) if one.name == "counts").ok


@pytest.mark.both_stores
def test_counting_anew_gives_the_same_and_the_triggers_can_be_made_again(store):
    walk(store, 100)

    def anew(connection):
        drop_triggers(connection)
        connection.execute(update(tables.case).values(departments=None))
        connection.execute(insert(tables.task_count), {"department": "nobody", "state": "sent", "n": 9})
        count_anew(connection)
        make_triggers(connection)

    store.write(anew)
    assert wrong(store) == []
    walk(store, 60, seed=6)
    assert wrong(store) == []


@pytest.mark.both_stores
def test_a_store_of_the_version_before_is_counted_when_it_is_brought_forward(store_kind, new_store_url):
    backend = backend_of(store_place(new_store_url))
    engine = backend.writer_engine()
    at, later = NOON, NOON + timedelta(hours=5)
    moments = {"first_seen_at": at, "last_seen_at": at, "created_at": at, "dispatched_at": at}
    numbers = dict.fromkeys(("confidence", "lon", "lat", "cov_ee_m2", "cov_en_m2", "cov_nn_m2"), 1.0)
    counts = dict.fromkeys(("frames", "observations", "repeats", "refusals"), 1)
    lists = {"zones": [], "review_reasons": [], "suggestions": [], "reporters": []}
    told = {"number": "1", "matter": "river.rubbish", "family": "river", "label": "x", "colour": "red", "reworks": 1}
    with engine.begin() as connection:
        backend.prepare(connection)
        upgrade(connection, "0005")
        case = {"case_id": "c", "state": "closed", **told, **moments, **numbers, **counts, **lists}
        connection.execute(insert(tables.case).values(case))
        task = {
            "case_id": "c",
            "department": "water",
            "kind": "lead",
            "state": "accepted",
            "rule": {},
            "created_at": at,
        }
        # Of the columns that this version has only.
        connection.execute(insert(tables.task).values(**task, deadline_at=later, done_at=at))
        steps = [("in_progress", "suspended", at, None), ("suspended", "in_progress", later, None)]
        steps += [("done", "rework", later, 1)]
        for seq, (before, after, when, of_task) in enumerate(steps, start=1):
            event = {"seq": seq, "at": when, "who": "x", "kind": "k", "why": "", "data": "{}", "previous_hash": ""}
            event |= {"hash": str(seq), "case_id": "c", "task_id": of_task, "from_state": before, "to_state": after}
            connection.execute(insert(tables.event), event)
    engine.dispose()
    migrate(new_store_url)
    with open_store(new_store_url) as store:
        assert wrong(store) == []
        (case,) = rows(store, tables.case)
        assert (case.departments, case.paused_s) == ("|water|", 5 * 3600.0)
        assert [row.reworks for row in rows(store, tables.task)] == [1]
        lines = {row.department: row for row in rows(store, tables.figure_count)}
        assert set(lines) == {"", "water"}
        assert {(one.cases, one.on_time, one.reworked, one.put_off) for one in lines.values()} == {(1, 1, 1, 1)}
