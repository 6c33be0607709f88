"""Monthly figures: against a city that was counted by hand, and against the event log alone."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of
from dispatch_people_at_work import CHIEF, OTHER_CHIEF, an_account
from sqlalchemy import select
from typer.testing import CliRunner

from dispatch_api.accounts.model import Role
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.errors import DispatchError, InvalidRequest
from dispatch_api.figures.model import Month
from dispatch_api.figures.views import figures_of
from dispatch_api.store import schema as tables
from dispatch_api.tasks.model import GONE_STATES
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk
from flyonce.cli.main import app

MATTERS, ROUTING = default_rules()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOVEMBER = Month(year=2026, number=11)
ZONE = MATTERS.calendar.time_zone


class Town:
    """Desks with a clock that the test turns."""

    def __init__(self, store):
        self.store, self.now, self._place = store, NOON, 0
        clock = {"now": lambda: self.now}
        self.intake = Intake(store, MATTERS, ROUTING, **clock)
        self.tasks = TaskDesk(store, MATTERS, ROUTING, **clock)
        self.cases = CaseDesk(store, MATTERS, ROUTING, **clock)

    def opened(self, matter="waterlogging.road", *, at=None, north_m=None):
        if at is not None:
            self.now = at
        if north_m is None:
            self._place += 1
            north_m = 300 * self._place
        seen = {"first_seen_at": self.now, "last_seen_at": self.now, "flight_id": f"f-{self.now.isoformat()}"}
        return self.intake.record(an_observation(matter=matter, lonlat=north_of(north_m), **seen)).case_id

    def live(self, case_id):
        with self.store.read() as connection:
            return [task for task in tasks_of(connection, case_id) if task.state not in GONE_STATES]

    def case(self, case_id):
        with self.store.read() as connection:
            return get_case(connection, case_id)

    def work(self, case_id, *states, at=None, department=None):
        if at is not None:
            self.now = at
        for task in self.live(case_id):
            if task.kind == "lead" and department in {None, task.department}:
                by = an_account(f"of_{task.department}", Role.LEADER, task.department)
                for to in states:
                    self.tasks.transition(task.task_id, Change(to=to), by=by)

    def done(self, case_id, *, at):
        self.work(case_id, "signed", "working", "done", at=at)

    def move(self, case_id, to, *, at=None, **more):
        if at is not None:
            self.now = at
        return self.cases.transition(case_id, Change(to=to, reason="x", **more), by=OTHER_CHIEF)

    def lines(self, month=NOVEMBER):
        with self.store.read() as connection:
            found = figures_of(connection, month, account=None, matters=MATTERS)
        return {(line.department, line.matter): line for line in found}


@pytest.fixture
def town(store) -> Town:
    return Town(store)


def counts(line):
    names = ("dispatched", "closed", "with_deadline", "on_time", "reported", "reworked", "put_off", "recurred")
    return tuple(getattr(line, name) for name in names)


@pytest.mark.both_stores
def test_a_small_city_counted_by_hand(town):
    # Monday noon; puddles have four working hours, exposed waste too.
    in_time, late, sent_back, put_off, left_open = (town.opened() for _ in range(5))
    heap, came_back = town.opened("dumping.household"), town.opened("dumping.household", north_m=-400)
    october = town.opened(at=datetime(2026, 10, 31, 15, 59, tzinfo=UTC), north_m=-900)
    first_of_november = town.opened(at=datetime(2026, 10, 31, 16, 0, tzinfo=UTC), north_m=-1200)
    town.done(in_time, at=NOON + HOUR)
    town.move(in_time, "closed")
    town.done(late, at=NOON + 5 * HOUR)
    town.move(late, "closed")
    town.done(sent_back, at=NOON + HOUR)
    town.move(sent_back, "reworked")
    town.work(sent_back, "working", "done", at=NOON + 2 * HOUR)
    town.move(sent_back, "closed")
    town.work(put_off, "signed", at=NOON + HOUR)
    town.move(put_off, "suspended", until=NOON + 2 * DAY)
    town.move(put_off, "in_progress", at=NOON + DAY)
    town.work(put_off, "working", "done", at=NOON + DAY + HOUR)
    town.done(heap, at=NOON + HOUR)
    town.done(came_back, at=NOON + HOUR)
    town.move(came_back, "closed")
    again = town.opened("dumping.household", at=NOON + 3 * DAY, north_m=-400)
    assert town.case(came_back).state == "recurred"
    assert {town.case(one).state for one in (left_open, october, first_of_november, again)} == {"dispatched"}

    lines = town.lines()
    puddles = (6, 3, 6, 2, 4, 1, 1, 0)
    waste = (3, 1, 3, 1, 2, 0, 0, 1)
    assert counts(lines["drainage", "waterlogging.road"]) == puddles
    assert counts(lines["drainage", None]) == puddles
    assert counts(lines["sanitation", "dumping.household"]) == waste
    assert counts(lines[None, "waterlogging.road"]) == puddles
    assert counts(lines[None, None]) == tuple(map(sum, zip(puddles, waste, strict=True)))
    line = lines["drainage", "waterlogging.road"]
    assert (line.closing_rate, line.on_time_rate, line.rework_rate) == (0.5, 0.3333, 0.25)
    assert (line.delay_rate, line.recurrence_rate, line.suspended_h) == (0.1667, 0.0, 23.0)
    assert lines["sanitation", None].recurrence_rate == 1.0
    assert counts(town.lines(Month(year=2026, number=10))[None, None]) == (1, 0, 1, 0, 0, 0, 0, 0)


def test_a_month_without_cases_has_one_line_and_no_rates(town):
    (line,) = town.lines().values()
    assert (line.department, line.dispatched, line.closing_rate, line.suspended_h) == (None, 0, None, 0.0)


def test_a_case_with_two_leads_counts_once_for_the_city_and_is_late_if_one_was(town):
    case_id = town.opened()
    town.tasks.transition(
        town.live(case_id)[0].task_id, Change(to="refused", reason="x"),
        by=an_account("d", Role.LEADER, "drainage"),
    )  # fmt: skip
    town.move(case_id, "dispatched", lead="town")
    lines = town.lines()
    assert ("drainage", None) not in lines
    assert counts(lines["town", "waterlogging.road"])[0] == counts(lines[None, None])[0] == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_event_log_by_itself_tells_the_same(store, seed):
    town, rng = Town(store), random.Random(seed)
    town.now = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
    cases = []
    for _ in range(160):
        town.now += timedelta(minutes=rng.choice((1, 20, 90, 400)))
        if len(cases) < 14 and rng.random() < 0.2:
            cases.append(town.opened(rng.choice(("waterlogging.road", "dumping.household", "truck.uncovered"))))
        elif cases:
            _random_step(town, rng, rng.choice(cases))
    months = {NOVEMBER: town.lines(), Month(year=2026, number=12): town.lines(Month(year=2026, number=12))}
    city = [lines[None, None] for lines in months.values()]
    assert sum(line.dispatched for line in city) == len(cases)
    # The walk went where there is something to count.
    for name in ("closed", "on_time", "reported", "reworked", "put_off"):
        assert sum(getattr(line, name) for line in city) > 0, name
    for month, lines in months.items():
        told = {key: (*counts(line), line.suspended_h) for key, line in lines.items() if line.dispatched}
        assert told == from_the_log(store, month)


_NEXT = {"sent": "signed", "signed": "working", "working": "done", "rework": "working"}
_CASE_NEXT = {
    "pending_verify": ("closed", "closed", "reworked", "unverifiable"),
    "unverifiable": ("closed", "pending_verify"),
    "in_progress": ("suspended",),
    "suspended": ("in_progress",),
    "returned": ("dispatched",),
    "arbitration": ("dispatched",),
}


def _random_step(town, rng, case_id):
    live, state = town.live(case_id), town.case(case_id).state
    leads = [task for task in live if task.kind == "lead" and task.state in _NEXT] or live
    try:
        if leads and (state not in _CASE_NEXT or (state == "in_progress" and rng.random() < 0.8)):
            task = rng.choice(leads)
            to = rng.choice(("refused", "handed_on")) if rng.random() < 0.15 else _NEXT.get(task.state, "signed")
            more = {"department": rng.choice(("water", "police"))} if to == "handed_on" else {}
            by = rng.choice((CHIEF, an_account(f"of_{task.department}", Role.LEADER, task.department)))
            town.tasks.transition(task.task_id, Change(to=to, reason="x", **more), by=by)
        else:
            to = rng.choice(_CASE_NEXT.get(state, ("closed", "reworked", "suspended", "dispatched")))
            more = {"until": town.now + DAY} if to == "suspended" else {}
            more |= {"lead": rng.choice(("drainage", "housing"))} if to == "dispatched" else {}
            town.move(case_id, to, **more)
    except DispatchError:
        pass  # What is not allowed now changes nothing, in the log as in the tables.


def from_the_log(store, month):
    """The same figures, from nothing but the events in their order."""
    with store.read() as connection:
        rows = connection.execute(select(tables.event).order_by(tables.event.c.seq)).all()
    cases = defaultdict(
        lambda: {"state": None, "at": None, "matter": None, "seen": set(), "paused": 0.0, "since": None}
    )
    tasks = defaultdict(lambda: {"seen": set(), "late": None})
    for row in rows:
        data = json.loads(row.data)
        if row.task_id is not None and row.to_state is not None:
            task = tasks[row.task_id]
            task |= {"case": row.case_id, "state": row.to_state, "department": data["department"]}
            task["kind"] = data["kind"]
            task["seen"].add(row.to_state)
            if row.to_state == "queued":
                task["deadline"] = data["deadline_at"] is not None
            if row.to_state == "done" and data["deadline_at"] is not None:
                task["late"] = row.at > datetime.fromisoformat(data["deadline_at"])
        elif row.case_id is not None and row.to_state is not None:
            case = cases[row.case_id]
            case["state"] = row.to_state
            case["seen"].add(row.to_state)
            if row.to_state == "dispatched" and case["at"] is None:
                case |= {"at": row.at, "matter": data["matter"]}
            if row.to_state == "suspended":
                case["since"] = row.at
            if row.from_state == "suspended":
                case["paused"] += (row.at - case["since"]).total_seconds()
    return _summed(cases, tasks, month)


def _summed(cases, tasks, month):
    found = defaultdict(list)
    gone = {state.value for state in GONE_STATES}
    for case_id, case in cases.items():
        if case["at"] is None or case["at"].astimezone(ZONE).strftime("%Y-%m") != month.text:
            continue
        leads = [t for t in tasks.values() if t["case"] == case_id and t["kind"] == "lead" and t["state"] not in gone]
        closed = case["state"] in {"closed", "recurred"}
        of_case = ("suspended" in case["seen"], case["state"] == "recurred")
        for task in leads:
            line = (
                closed, task["deadline"], closed and task["late"] is False, "done" in task["seen"],
                "rework" in task["seen"], *of_case, case["paused"],
            )  # fmt: skip
            found[task["department"], case["matter"]].append(line)
            found[task["department"], None].append(line)
        timed = any(task["deadline"] for task in leads)
        on_time = closed and timed and not any(task["late"] for task in leads)
        reported = "reported_done" in case["seen"]
        line = (closed, timed, on_time, reported, "reworked" in case["seen"], *of_case, case["paused"])
        found[None, case["matter"]].append(line)
        found[None, None].append(line)
    return {
        key: (len(lines), *(sum(bool(line[n]) for line in lines) for n in range(7)), _hours(lines))
        for key, lines in found.items()
    }


def _hours(lines):
    return round(sum(line[7] for line in lines) / 3600, 2)


def test_months_follow_the_city_s_calendar_and_nonsense_is_refused():
    start, end = Month.parse("2026-12").bounds(ZONE)
    assert (start.isoformat(), end.isoformat()) == ("2026-11-30T16:00:00+00:00", "2026-12-31T16:00:00+00:00")
    for text in ("2026-13", "2026-1", "november", "1999-01", ""):
        with pytest.raises(InvalidRequest):
            Month.parse(text)


def test_over_http_a_department_gets_its_own_lines_and_the_centre_a_table(store, browser):
    town = Town(store)
    town.opened()
    town.opened("dumping.household")
    chief, drainer = browser("chief"), browser("drainer")
    told = chief.json("/api/v1/figures", month="2026-11")
    assert {line["department"] for line in told["lines"]} == {None, "drainage", "sanitation"}
    own = drainer.json("/api/v1/figures", month="2026-11")["lines"]
    assert {line["department"] for line in own} == {"drainage"}
    assert own[0]["closing_rate"] == 0.0
    answer = chief.get("/api/v1/figures.csv", month="2026-11")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["部门名称"] for row in rows} == {"全部", "市政排水", "环卫"}
    assert chief.get("/api/v1/figures", month="2026-13").status_code == 422
    assert browser("keeper").get("/api/v1/figures", month="2026-11").status_code == 403


def test_the_command_prints_and_writes_them(town, tmp_path):
    town.opened()
    url = f"sqlite:///{tmp_path}/city.db"
    done = CliRunner().invoke(
        app, ["figures", "--month", "2026-11", "--store", url, "--csv", str(tmp_path / "f.csv"), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["month"], {line["matter"] for line in told["lines"]}) == ("2026-11", {None, "waterlogging.road"})
    assert (tmp_path / "f.csv").read_text("utf-8-sig").startswith("月份,部门,")
    assert CliRunner().invoke(app, ["figures", "--month", "11/2026", "--store", url]).exit_code == 2
    missing = ["figures", "--month", "2026-11", "--store", url, "--csv", str(tmp_path / "no" / "f.csv")]
    assert CliRunner().invoke(app, missing).exit_code == 2
