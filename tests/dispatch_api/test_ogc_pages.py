"""Pages of OGC collections: wherever they begin and whoever asks, nothing is left out and nothing comes twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from dispatch_builders import NOON, north_of
from dispatch_people_at_work import CHIEF
from sqlalchemy import and_, select
from test_listing import people, settle
from test_store_on_postgres import plan_of

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_cases, visible_tasks
from dispatch_api.boxes import Box
from dispatch_api.cases.matters import load_matters
from dispatch_api.doors.ogc import flights as ogc_flights
from dispatch_api.doors.ogc import tasks as ogc_tasks
from dispatch_api.doors.ogc.cases import find_cases
from dispatch_api.doors.ogc.flights import find_flights
from dispatch_api.doors.ogc.tasks import find_tasks
from dispatch_api.doors.ogc.wanted import Found, Turn, Wanted
from dispatch_api.flights import FlightDesk
from dispatch_api.store import schema as tables

case, task = tables.case.c, tables.task.c
MATTERS = load_matters()


def walked(connection, find: Callable[..., Found], **asked) -> list:
    """All items by the links `next`; on the way back by `prev` they are the same."""
    forth: list[Found] = [find(connection, Wanted(matters=MATTERS, **asked))]
    while (after := forth[-1].after) is not None:
        forth.append(find(connection, Wanted(matters=MATTERS, **asked, turn=Turn(after=after))))
    there = [feature["id"] for found in forth for feature in found.features]
    back, before = list(forth[-1].features), forth[-1].before
    while before is not None:
        found = find(connection, Wanted(matters=MATTERS, **asked, turn=Turn(before=before)))
        back, before = [*found.features, *back], found.before
    assert [feature["id"] for feature in back] == there
    assert forth[0].matched in {len(there), None}
    # Of cases so many are always counted; of the others only what is all on one page.
    assert forth[0].matched is not None or (len(forth) > 1 and find is not find_cases)
    return there


def some_place_and_time(rng: random.Random) -> dict:
    asked: dict = {"limit": rng.choice((40, 70))}
    if rng.random() < 0.5:
        half, lon, lat = rng.choice((0.01, 0.1, 0.3)), 118.8 + rng.uniform(0, 0.4), 28.9 + rng.uniform(0, 0.4)
        asked["box"] = Box(west=lon - half, south=lat - half, east=lon + half, north=lat + half)
    if rng.random() < 0.5:
        start = NOON - timedelta(days=rng.uniform(0, 350))
        asked["span"] = rng.choice(((start, None), (None, start), (start, start + timedelta(days=rng.choice((1, 40))))))
    return asked


def in_box(box: Box | None):
    if box is None:
        return True
    return and_(case.lon.between(box.west, box.east), case.lat.between(box.south, box.north))


def in_time(first, last, span: tuple[datetime | None, datetime | None] | None):
    start, end = span or (None, None)
    return and_(True if start is None else last >= start, True if end is None else first <= end)


@pytest.mark.both_stores
@pytest.mark.parametrize("few", [10_000, 30])
def test_every_way_to_tasks_gives_each_once(store, intake, monkeypatch, few):
    monkeypatch.setattr(ogc_tasks, "FEW", few)
    settle(store, intake, 500)
    rng = random.Random(few)
    found = 0
    for _ in range(25):
        asked, who = some_place_and_time(rng), rng.choice(people())
        plain = select(task.task_id).join(tables.case, case.case_id == task.case_id).where(visible_tasks(who))
        plain = plain.where(in_box(asked.get("box")), in_time(task.created_at, task.created_at, asked.get("span")))
        with store.read() as connection:
            expected = list(connection.execute(plain.order_by(task.task_id)).scalars())
            assert walked(connection, find_tasks, account=who, **asked) == expected, (asked, who)
        found += bool(expected)
    assert found > 8


@pytest.mark.both_stores
def test_every_way_to_cases_gives_each_once(store, intake):
    settle(store, intake, 500)
    rng = random.Random(5)
    found = 0
    for _ in range(25):
        asked, who = some_place_and_time(rng), rng.choice(people())
        plain = select(case.case_id).where(visible_cases(who), in_box(asked.get("box")))
        plain = plain.where(in_time(case.first_seen_at, case.last_seen_at, asked.get("span"))).order_by(case.seq)
        with store.read() as connection:
            expected = list(connection.execute(plain).scalars())
            assert walked(connection, find_cases, account=who, **asked) == expected, (asked, who)
        found += bool(expected)
    assert found > 8


@pytest.mark.both_stores
def test_flights_come_each_once_though_few_of_many_fit(store, monkeypatch):
    monkeypatch.setattr(ogc_flights, "_AT_ONCE", 3)
    monkeypatch.setattr(ogc_flights, "MOST_WALKED", 7)
    desk, rng = FlightDesk(store), random.Random(2)
    starts = {}
    for n in range(31):
        at = NOON + timedelta(hours=rng.randrange(20))
        starts[f"f{n:02d}"] = at
        desk.start(f"f{n:02d}", f"flight {n}", started_at=at)
        for metres in (0, 100):
            lon, lat = north_of(metres + (0 if n % 5 else 50_000))
            desk.position(f"f{n:02d}", at + timedelta(seconds=metres), lon, lat, 100.0, 0.0)
    in_order = sorted(starts, key=lambda one: (starts[one], one))
    lon, lat = north_of(50_000)
    away = Box(west=lon - 0.01, south=lat - 0.01, east=lon + 0.01, north=lat + 0.01)
    span = (NOON + timedelta(hours=5), NOON + timedelta(hours=9))
    with store.read() as connection:
        assert walked(connection, find_flights, account=CHIEF, limit=4) == in_order
        far = [one for one in in_order if int(one[1:]) % 5 == 0]
        assert walked(connection, find_flights, account=CHIEF, limit=4, box=away) == far
        then = [one for one in in_order if span[0] <= starts[one] <= span[1]]
        assert walked(connection, find_flights, account=CHIEF, limit=4, span=span) == then
        nobody: Account = people()[1]
        assert walked(connection, find_flights, account=nobody, limit=4) == []
        monkeypatch.setattr(ogc_flights, "MOST_WALKED", 100)
        some = find_flights(connection, Wanted(account=CHIEF, matters=MATTERS, limit=3, turn=Turn(skip=5)))
        assert [one["id"] for one in some.features] == in_order[5:8]


@pytest.mark.both_stores
def test_a_page_of_tasks_is_found_by_an_index_wherever_it_is(store, intake):
    settle(store, intake, 3000)
    span = (NOON - timedelta(days=200), NOON - timedelta(days=199))
    box = Box(west=118.9, south=29.0, east=118.91, north=29.01)
    with store.read() as connection:
        for asked in ({"span": span}, {"box": box}, {"turn": Turn(skip=5)}):
            wanted = Wanted(account=CHIEF, matters=MATTERS, **asked)
            query = ogc_tasks._page(connection, wanted, next(ogc_tasks._few(connection, wanted, 3000), None), 101)
            plan = plan_of(store, query)
            assert "Seq Scan on task" not in plan, (asked, plan)
            assert "Seq Scan on case_file" not in plan, (asked, plan)


def test_a_page_far_on_is_reached_by_links_and_not_by_counting(store, intake, browser):
    settle(store, intake, 60)
    pilot, items = browser("pilot"), "/ogc/collections/{}/items"
    for collection in ("cases", "tasks"):
        page = pilot.json(items.format(collection), limit=10)
        assert page["numberMatched"] > 30
        links = {link["rel"]: link["href"] for link in page["links"]}
        assert "prev" not in links
        second = pilot.json(links["next"])
        links = {link["rel"]: link["href"] for link in second["links"]}
        assert pilot.json(links["prev"])["features"] == page["features"]
        assert pilot.json(items.format(collection), limit=10, offset=10)["features"] == second["features"]
        for wrong in ({"offset": 10_001}, {"after": "x"}, {"before": "eyJ"}, {"offset": 5, "after": "WyJvZ2Mi"}):
            answer = pilot.get(items.format(collection), **wrong)
            assert answer.status_code == 400, wrong
            assert answer.headers["content-type"] == "application/problem+json"
    other = pilot.json(items.format("tasks"), limit=1)["links"]
    (cursor,) = [link["href"].split("after=")[1] for link in other if link["rel"] == "next"]
    assert pilot.get(items.format("cases"), after=cursor).status_code == 400


@pytest.mark.both_stores
def test_flights_are_listed_page_by_page(store, browser):
    desk = FlightDesk(store)
    for n in range(7):
        desk.start(f"f{n}", f"flight {n}", started_at=NOON + timedelta(minutes=n // 2))
    pilot = browser("pilot")
    found, page = [], pilot.json("/api/v1/flights", limit=3)
    while True:
        found += [one["flight_id"] for one in page["items"]]
        if page["next"] is None:
            break
        page = pilot.json("/api/v1/flights", limit=3, cursor=page["next"])
    assert found == ["f6", "f5", "f4", "f3", "f2", "f1", "f0"]
    assert pilot.get("/api/v1/flights", cursor="x").status_code == 422
