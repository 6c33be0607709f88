"""Lists of cases: whichever way they are asked for, they are what the plain condition gives, and no scan of all."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from dispatch_builders import NOON, an_observation
from dispatch_people_at_work import CHIEF, an_account
from sqlalchemy import func, insert, select, update
from test_store_on_postgres import plan_of

from dispatch_api.accounts.model import Account, Role
from dispatch_api.accounts.sight import visible_cases, visible_tasks
from dispatch_api.cases import listing
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.clusters import case_clusters
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.listing import Page, listed, page_query
from dispatch_api.cases.spans import seen_between
from dispatch_api.errors import InvalidRequest
from dispatch_api.store import schema as tables
from dispatch_api.store.dialects import put_boxes
from dispatch_api.tasks import views as task_views

MATTERS = ("waterlogging.road", "dumping.household", "river.rubbish", "fishing.reservoir")
STATES = ("closed", "closed", "closed", "in_progress", "pending_review", "arbitration", "merged", "recurred")
DEPARTMENTS = ("drainage", "sanitation", "water", "town")
MINUTES_SEEN = (9000, 9000, 9000, 300_000)
EVERYTHING = Page(limit=100_000)


def people() -> list[Account]:
    towns = an_account("above", Role.LEADER, "water")
    above = Account(**{**vars(towns), "below": ("town", "drainage")})
    return [CHIEF, an_account("d", Role.HANDLER, "drainage"), above, an_account("k", Role.ADMIN)]


def settle(store, intake, count: int, seed: int = 1) -> None:
    """Cases of every kind around a place, made of one that the intake made, with tasks and boxes."""
    intake.record(an_observation())
    rng = random.Random(seed)
    with store.read() as connection:
        pattern = connection.execute(select(tables.case)).one()._asdict()
        task = connection.execute(select(tables.task)).first()._asdict()
    rows, tasks = [], []
    for n in range(2, count):
        seen = NOON - timedelta(minutes=rng.randrange(500_000))
        rows.append(
            pattern
            | {"seq": n, "case_id": f"c{n}", "number": f"2026{n % 12 + 1:02d}{n % 28 + 1:02d}-{n:04d}"}
            | {
                "matter": rng.choice(MATTERS),
                "state": rng.choice(STATES),
                "colour": rng.choice(("green", "red", "yellow")),
            }
            | {"lon": 118.8 + rng.uniform(0, 0.4), "lat": 28.9 + rng.uniform(0, 0.4), "departments": None}
            | {"first_seen_at": seen, "last_seen_at": seen + timedelta(minutes=rng.randrange(rng.choice(MINUTES_SEEN)))}
        )
        for department in rng.sample(DEPARTMENTS, rng.choice((0, 1, 1, 2))):
            own = {"task_id": 1000 + len(tasks), "case_id": f"c{n}", "department": department, "created_at": seen}
            tasks.append(task | own | {"state": rng.choice(("sent", "working", "accepted"))})

    def write(connection):
        connection.execute(insert(tables.case), rows)
        connection.execute(insert(tables.task), tasks)
        put_boxes(connection, [(r["seq"], (r["lon"], r["lat"], r["lon"], r["lat"])) for r in rows])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")

    store.write(write)


def some_filter(rng: random.Random) -> CaseFilter:
    asked = {}
    if rng.random() < 0.4:
        asked["state"] = ",".join(rng.sample(sorted(set(STATES)), rng.randint(1, 3)))
    if rng.random() < 0.3:
        asked["matter"] = ",".join(rng.sample([*MATTERS, "none.such"], rng.randint(1, 2)))
    if rng.random() < 0.2:
        asked["colour"] = rng.choice(("red", "red,green"))
    if rng.random() < 0.2:
        asked["department"] = rng.choice(("drainage", "water,town", "police"))
    if rng.random() < 0.25:
        asked["seen_from"] = NOON - timedelta(days=rng.choice((3, 40, 200)))
    if rng.random() < 0.2:
        asked["seen_until"] = NOON - timedelta(days=rng.choice((3, 40, 200)))
    if rng.random() < 0.2:
        since = NOON - timedelta(days=rng.uniform(0, 350))
        asked |= {"seen_from": since, "seen_until": since + timedelta(days=rng.choice((-3, 0.1, 1, 30, 80)))}
    if rng.random() < 0.2:
        asked["number"] = rng.choice(("2026", "0007", "12-0", "%", "x", "20260702", "20260702-", "20260809-01"))
    if rng.random() < 0.4:
        half, lon, lat = rng.choice((0.01, 0.1, 0.3)), 118.8 + rng.uniform(0, 0.4), 28.9 + rng.uniform(0, 0.4)
        asked["bbox"] = f"{lon - half},{lat - half},{lon + half},{lat + half}"
    return CaseFilter(**asked)


@pytest.mark.both_stores
@pytest.mark.parametrize("entries_a_case", [60, 1, 100_000])
def test_every_way_to_a_list_gives_what_the_plain_condition_gives(store, intake, monkeypatch, entries_a_case):
    monkeypatch.setattr(listing, "_ENTRIES_A_CASE", entries_a_case)
    settle(store, intake, 900)
    rng = random.Random(entries_a_case)
    full = 0
    for _ in range(150):
        wanted, who = some_filter(rng), rng.choice(people())
        beyond = rng.choice((None, 450))
        page = Page(
            limit=rng.choice((5, 2000)), beyond=beyond, skip=rng.choice((0, 0, 3)), oldest_first=rng.random() < 0.3
        )
        plain = select(tables.case.c.seq).where(visible_cases(who), wanted.condition(who))
        rest = plain.where(page.following).order_by(page.order(tables.case.c.seq)).limit(page.limit).offset(page.skip)
        with store.read() as connection:
            found = listed(connection, wanted, who, page)
            assert [row.seq for row in found.rows] == list(connection.execute(rest).scalars()), (wanted, who, page)
            if found.matched is not None:
                assert found.matched == len(connection.execute(plain).all())
        full += bool(found.rows)
    assert full > 40


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("asked", "who", "index"),
    [
        ({"state": "closed,in_progress"}, CHIEF, "case_file_in_state"),
        ({"state": "closed", "matter": "dumping.household", "colour": "red"}, CHIEF, "case_file_of_matter"),
        ({"colour": "red", "bbox": "118,28,120,30"}, CHIEF, "case_file_in_state"),
        ({}, people()[1], "case_file_in_state"),
        ({"matter": "none.yet"}, CHIEF, None),
    ],
)
def test_a_list_reads_an_index_and_not_every_case(store, intake, asked, who, index):
    settle(store, intake, 3000)
    with store.read() as connection:
        query = page_query(connection, Choice.of(connection, CaseFilter(**asked), who), Page(limit=21))
    if index is None:
        assert query is None
        return
    plan = plan_of(store, query)
    assert index in plan
    assert "Seq Scan on case_file" not in plan
    assert "SCAN case_file" not in plan


@pytest.mark.both_stores
def test_what_was_seen_lately_is_found_by_the_time(store, intake, monkeypatch):
    monkeypatch.setattr(listing, "_ENTRIES_A_CASE", 2)
    settle(store, intake, 3000)
    with store.read() as connection:
        wanted = CaseFilter(seen_from=NOON - timedelta(days=2))
        query = page_query(connection, Choice.of(connection, wanted, CHIEF), Page(limit=21))
    assert "case_file_seen" in plan_of(store, query)


@pytest.mark.both_stores
def test_the_few_cases_of_a_department_are_found_by_its_name(store, intake, monkeypatch):
    monkeypatch.setattr(listing, "_ENTRIES_A_CASE", 1)
    settle(store, intake, 3000)
    seldom = {"departments": "|fire|", "state": "in_progress"}

    def rename(connection):
        connection.execute(update(tables.case).where(tables.case.c.seq.between(100, 130)).values(**seldom))

    store.write(rename)
    wanted = CaseFilter(department="fire", bbox="118,28,120,30")
    with store.read() as connection:
        query = page_query(connection, Choice.of(connection, wanted, CHIEF), Page(limit=21))
        found = listed(connection, wanted, CHIEF, Page(limit=21)).rows
    assert "case_file_of_departments" in plan_of(store, query)
    assert [row.seq for row in found] == list(range(130, 109, -1))


@pytest.mark.both_stores
def test_what_was_seen_on_a_day_long_ago_is_found_by_two_indexes(store, intake):
    settle(store, intake, 3000)
    with store.read() as connection:
        dialect = connection.dialect.name
    plan = plan_of(store, seen_between(NOON - timedelta(days=300), NOON - timedelta(days=299), dialect))
    assert {"case_file_seen", "case_file_seen_long"} <= set(re.findall(r"case_file_\w+", plan))
    assert "Seq Scan" not in plan


@pytest.mark.both_stores
def test_times_at_the_ends_of_the_calendar_are_times(store, intake):
    intake.record(an_observation())
    for start, end in ((NOON, datetime.max.replace(tzinfo=UTC)), (datetime(1, 1, 1, tzinfo=UTC), NOON)):
        with store.read() as connection:
            found = listed(connection, CaseFilter(seen_from=start, seen_until=end), CHIEF, EVERYTHING)
        assert len(found.rows) == 1


@pytest.mark.both_stores
def test_tasks_are_listed_newest_first_whoever_asks(store, intake, monkeypatch):
    monkeypatch.setattr(task_views, "MOST_PARTS", 4)
    settle(store, intake, 300)
    rng = random.Random(3)
    for _ in range(60):
        who = rng.choice(people())
        states = rng.sample(("sent", "working", "accepted", "done"), rng.randint(0, 3))
        department, beyond = rng.choice((None, None, "water", "town")), rng.choice((None, 1200))
        wanted = select(tables.task.c.task_id).where(visible_tasks(who))
        if states:
            wanted = wanted.where(tables.task.c.state.in_(states))
        if department:
            wanted = wanted.where(tables.task.c.department == department)
        if beyond:
            wanted = wanted.where(tables.task.c.task_id < beyond)
        with store.read() as connection:
            found = task_views._listed(connection, who, states, department, beyond, 20)
            expected = connection.execute(wanted.order_by(tables.task.c.task_id.desc()).limit(20)).scalars().all()
        assert [row.task_id for row in found] == list(expected)


@pytest.mark.both_stores
def test_clusters_count_every_case_of_a_box_once(store, intake, monkeypatch):
    settle(store, intake, 900)
    box = "118.85,28.95,119.1,29.2"
    for who, state in ((CHIEF, "closed"), (CHIEF, "closed,in_progress"), (people()[1], "closed")):
        wanted = CaseFilter(bbox=box, state=state)
        with store.read() as connection:
            told = case_clusters(connection, wanted, account=who, columns=6)
            inside = connection.execute(
                select(tables.case.c.colour, func.count().label("n"))
                .where(visible_cases(who), wanted.condition(who))
                .group_by(tables.case.c.colour)
            ).all()
        counts = [feature["properties"] for feature in told["features"]]
        assert 20 < len(counts) <= 49
        assert told["counted"] == sum(row.n for row in inside) == sum(one["count"] for one in counts) > 0
        assert {row.colour: row.n for row in inside} == {
            c: sum(one[c] for one in counts) for c in ("red", "yellow", "green")
        }
        places = [feature["geometry"]["coordinates"] for feature in told["features"]]
        assert all(118.85 <= lon <= 119.1 and 28.95 <= lat <= 29.2 for lon, lat in places)
        assert told["truncated"] is False
    monkeypatch.setattr("dispatch_api.cases.clusters.MOST_COUNTED", 10)
    with store.read() as connection:
        told = case_clusters(connection, CaseFilter(bbox=box, state="closed"), account=CHIEF, columns=6)
    assert (told["counted"], told["truncated"]) == (10, True)


@pytest.mark.both_stores
def test_clusters_go_on_over_the_meridian_of_180(store, intake):
    settle(store, intake, 12)
    case = tables.case.c
    store.write(lambda c: c.execute(update(tables.case).values(state="closed", lat=1.0, lon=179.9)).rowcount)
    store.write(lambda c: c.execute(update(tables.case).where(case.seq > 6).values(lon=-179.9)).rowcount)
    with store.read() as connection:
        places = connection.execute(select(case.seq, case.lon)).all()
    boxes = [(seq, (lon - 0.001, 0.999, lon + 0.001, 1.001)) for seq, lon in places]
    store.write(lambda c: put_boxes(c, boxes))
    with store.read() as connection:
        wanted = CaseFilter(bbox="179,0,-179,2", state="closed")
        told = case_clusters(connection, wanted, account=CHIEF, columns=2)
        assert sorted(feature["properties"]["count"] for feature in told["features"]) == [5, 6]
        with pytest.raises(InvalidRequest):
            case_clusters(connection, CaseFilter(bbox="1,2,3"), account=CHIEF, columns=2)


def test_over_http_a_map_says_how_much_it_left_out_and_a_city_comes_as_counts(store, intake, browser):
    settle(store, intake, 300)
    chief = browser("chief")
    some = chief.json("/api/v1/cases.geojson", limit=50, state="closed")
    assert (len(some["features"]), some["truncated"]) == (50, True)
    whole = chief.json("/api/v1/cases.geojson", state="closed")
    assert (len(whole["features"]), whole["truncated"]) == (some["matched"], False)
    assert chief.json("/api/v1/cases", bbox="118,28,119,29")["matched"] is None
    clusters = chief.json("/api/v1/case-clusters.geojson", bbox="118,28,120,30", columns=4)
    ended = {"closed", "merged", "recurred", "rejected"}
    by_state = chief.json("/api/v1/summary")["cases_by_state"]
    assert clusters["counted"] == sum(n for state, n in by_state.items() if state not in ended)
    assert chief.get("/api/v1/case-clusters.geojson", bbox="7").status_code == 422
    assert browser("keeper").get("/api/v1/case-clusters.geojson").status_code == 403
