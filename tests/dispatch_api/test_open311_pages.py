"""Pages of service requests: whichever are asked for, they are the newest of what the plain condition gives."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from dispatch_builders import NOON
from sqlalchemy import insert, select, update
from test_listing import settle
from test_store_on_postgres import plan_of

from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.doors.open311.views import _HIDDEN, CLOSED_STATES, RequestFilter, _parts, service_requests
from dispatch_api.store import schema as tables

MATTERS = load_matters()
ROUTING = load_routing(matters=MATTERS, departments=load_departments())
PUBLISHED = {matter.key for matter in MATTERS.by_key.values() if matter.published}
case, report = tables.case.c, tables.citizen_report.c


def reports(rng: random.Random) -> list[dict]:
    """Citizens' reports, some of a case, some of none."""
    rows = []
    for n in range(60):
        at = NOON - timedelta(hours=rng.randrange(4000))
        rows.append(
            {
                "request_id": f"r{n}",
                "case_id": f"c{2 + n * 5}" if n % 3 else None,
                "service_code": rng.choice(sorted(PUBLISHED)),
                "description": "积水",
                "lon": None,
                "lat": None,
                "requested_at": at,
                "updated_at": at,
                "dismissed_why": "没有说明地点" if n % 12 == 0 else None,
                "dismissed_at": at if n % 12 == 0 else None,
            }
        )
    return rows


def everything(connection) -> list[tuple]:
    """Each request as (requested at, id, service code, whether it is closed)."""
    cases = {row.case_id: row for row in connection.execute(select(tables.case))}
    told = connection.execute(select(tables.citizen_report)).all()
    linked = {row.case_id for row in told}
    found = [
        (row.opened_at, row.case_id, row.matter, row.state in CLOSED_STATES)
        for row in cases.values()
        if row.matter in PUBLISHED and row.opened_at and row.state not in _HIDDEN and row.case_id not in linked
    ]
    for row in told:
        of = cases.get(row.case_id)
        closed = row.dismissed_at is not None or (of is not None and of.state in CLOSED_STATES)
        found.append((row.requested_at, row.request_id, row.service_code, closed))
    return found


@pytest.mark.both_stores
def test_requests_of_every_kind_come_newest_first_page_by_page(store, intake):
    settle(store, intake, 500)
    rng = random.Random(4)
    store.write(lambda c: c.execute(update(tables.case).values(opened_at=case.first_seen_at)).rowcount)
    store.write(lambda c: c.execute(update(tables.case).where(case.seq % 9 == 0).values(opened_at=None)).rowcount)
    store.write(lambda c: c.execute(insert(tables.citizen_report), reports(rng)).rowcount)
    full = 0
    for _ in range(40):
        end = NOON - timedelta(days=rng.randrange(200))
        start = end - timedelta(days=rng.choice((3, 40, 90)))
        codes = tuple(rng.sample(sorted(PUBLISHED), rng.randint(0, 2)))
        wanted = RequestFilter(
            codes=codes, start=start, end=end, statuses=frozenset(rng.choice(((), ("open",), ("closed",))))
        )
        with store.read() as connection:
            expected = [
                (at, name)
                for at, name, code, closed in everything(connection)
                if start <= at <= end
                and (not codes or code in codes)
                and (len(wanted.statuses) != 1 or closed == ("closed" in wanted.statuses))
            ]
            expected.sort(key=lambda one: (-one[0].timestamp(), one[1]))
            found: list[str] = []
            for page in range(1, 4):
                some = service_requests(
                    connection, wanted, matters=MATTERS, routing=ROUTING, now=NOON, page=page, page_size=4
                )
                found += [one["service_request_id"] for one in some]
        assert found == [name for _, name in expected[:12]], wanted
        full += len(found) == 12
    assert full > 10


@pytest.mark.both_stores
def test_the_newest_cases_of_a_matter_are_found_by_an_index(store, intake):
    settle(store, intake, 3000)
    store.write(lambda c: c.execute(update(tables.case).values(opened_at=case.first_seen_at)).rowcount)
    wanted = RequestFilter(codes=("waterlogging.road",))
    _, of_cases = _parts(wanted, wanted.window(NOON), MATTERS)
    plan = plan_of(store, of_cases.limit(50))
    assert "case_file_opened" in plan
    assert "Seq Scan on case_file" not in plan
