"""Joint visits: three matters in one yard are one visit with one list, and what is reported done moves on once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from dispatch_builders import NOON, a_zone, an_observation, default_rules, north_of
from dispatch_people_at_work import CHIEF, DRAINER, PILOT, TOWNER, an_account
from sqlalchemy import select, update

from dispatch_api.accounts.model import Role
from dispatch_api.accounts.service import COMMAND_LINE, AccountDesk
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.cursors import cursor_of
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest, NotFound
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.checklists import load_visit_rules
from dispatch_api.visits.model import VISIT_STEPS, VisitState
from dispatch_api.visits.places import gap, grouped
from dispatch_api.visits.records import lines_of
from dispatch_api.visits.schemas import ActCode, LineReport, NewVisit, Signature, VisitChange
from dispatch_api.visits.service import VisitDesk
from dispatch_api.visits.suggestions import suggestions

MATTERS, ROUTING = default_rules()
TODAY = MATTERS.calendar.local_date(NOON)
SWEEPER = an_account("sweeper", Role.HANDLER, "sanitation")
BUILDER = an_account("builder", Role.HANDLER, "housing")
SIGNED = Signature(name="李四", form="typed")
LATER = {"first_seen_at": NOON, "last_seen_at": NOON}


class City:
    """Three matters in one yard, and a puddle a kilometre away."""

    def __init__(self, store):
        self.store, self.now = store, NOON
        clock = {"now": lambda: self.now}
        self.intake = Intake(store, MATTERS, ROUTING, **clock)
        self.tasks = TaskDesk(store, MATTERS, ROUTING, **clock)
        self.cases = CaseDesk(store, MATTERS, ROUTING, **clock)
        self.desk = VisitDesk(store, load_visit_rules(matters=MATTERS), self.tasks, **clock)
        self.yard = [
            self.record("waterlogging.road", north_of(0)),
            self.record("dumping.household", north_of(40)),
            self.record("river.rubbish", north_of(30, east_m=60)),
        ]
        self.far = self.record("waterlogging.road", north_of(1000))
        people = AccountDesk(store)
        for one in (DRAINER, TOWNER, SWEEPER, BUILDER, an_account("waterman", Role.LEADER, "water")):
            people.create(one.name, None, one.role, one.department, by=COMMAND_LINE)

    def record(self, matter, lonlat, **more):
        return self.intake.record(an_observation(matter=matter, lonlat=lonlat, **more)).case_id

    def suggested(self, day=TODAY):
        with self.store.read() as connection:
            return suggestions(connection, day, rules=self.desk.rules)

    def plan(self, *, by=CHIEF, **more):
        return self.desk.plan(NewVisit(day=TODAY, case_ids=tuple(self.yard), **more), by=by)

    def lines(self, visit):
        with self.store.read() as connection:
            return lines_of(connection, visit.visit_id)

    def move(self, visit, to, by=CHIEF, reason=""):
        return self.desk.transition(visit.visit_id, VisitChange(to=to, reason=reason), by=by)

    def full(self, visit, line, result="done", **more):
        with self.store.read() as connection:
            matter = get_case(connection, line.case_id).matter
        points = {point["key"]: "ok" for point in visit.checklist[matter]}
        return LineReport(**{"result": result, "checks": points, "note": "清理完毕", **more})

    def report(self, visit, line, **more):
        by = an_account(f"of_{line.department}", Role.LEADER, line.department)
        with self.store.read() as connection:
            known = connection.execute(select(tables.account).where(tables.account.c.name == by.name)).first()
        if known is None:
            AccountDesk(self.store).create(by.name, None, by.role, by.department, by=COMMAND_LINE)
        return self.desk.report(visit.visit_id, line.line_id, self.full(visit, line, **more), by=by)

    def states(self, case_id):
        with self.store.read() as connection:
            leads = {task.department: task.state for task in tasks_of(connection, case_id)}
            return get_case(connection, case_id).state, leads

    def events(self, kind):
        with self.store.read() as connection:
            return connection.execute(select(tables.event).where(tables.event.c.kind == kind)).all()


@pytest.fixture
def city(store) -> City:
    return City(store)


@pytest.mark.both_stores
def test_three_matters_in_one_yard_are_one_suggested_visit_and_one_list(city):
    (found,) = city.suggested()
    assert [row.case_id for row in found.cases] == city.yard
    assert found.falls_due
    visit = city.plan()
    lines = city.lines(visit)
    departments = {"drainage", "town", "traffic_police", "emergency", "sanitation", "water", "river_chief"}
    assert set(visit.departments) == departments
    # Every open task of the three cases has its one line: town helps on all three, sanitation leads on one of two.
    with city.store.read() as connection:
        tasks = sorted(task.task_id for case_id in city.yard for task in tasks_of(connection, case_id))
    assert sorted(line.task_id for line in lines) == tasks
    assert city.suggested() == []
    (told,) = told_of(city, "visit.planned.v1")
    assert set(told.departments) == departments
    assert [event.case_id for event in city.events("case.visit_planned")] == city.yard


def told_of(city, kind):
    with city.store.read() as connection:
        return connection.execute(select(tables.message).where(tables.message.c.type == kind)).all()


def test_every_point_of_the_default_lists_has_chinese_words():
    rules = load_visit_rules(matters=MATTERS)
    points = [point for matter in MATTERS.by_key for point in rules.checklist(matter)]
    assert {point["kind"] for point in points} == {"look", "evidence"}
    assert [point["en"] for point in points if point["zh"].isascii()] == []


def test_what_is_on_a_visit_is_suggested_no_more_and_planned_no_second_time(city):
    visit = city.plan()
    with pytest.raises(InvalidRequest, match=visit.number):
        city.plan()
    city.move(visit, "cancelled", reason="下雨")
    assert len(city.suggested()) == 1
    assert city.plan().number == f"V{TODAY:%Y%m%d}-0002"


def test_the_list_goes_on_page_by_page_and_shows_what_was_missed(store, browser):
    intake = Intake(store, MATTERS, ROUTING)
    for number in range(5):
        intake.record(an_observation(matter="dumping.household", lonlat=north_of(1000 * number)))
    chief = browser("chief")
    day = chief.json("/api/v1/visits/suggestions")["day"]
    cases = [one["case_id"] for one in chief.json("/api/v1/cases")["items"]]
    for case_id in cases:
        assert chief.post("/api/v1/visits", {"day": day, "case_ids": [case_id]}).status_code == 201
    over = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    first = tables.visit.c.number.like("%-0001")
    store.write(lambda connection: connection.execute(update(tables.visit).where(first).values(day=over)))
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = chief.json("/api/v1/visits", limit=2, **more)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [one["number"][-4:] for one in found] == ["0005", "0004", "0003", "0002", "0001"]
    assert [one["missed"] for one in found] == [False] * 4 + [True]
    assert [one["lines"] for one in found] == [2] * 5
    for wrong in ("x", page_of("cases"), page_of("visits", "2026-1-1"), page_of("visits", "２０２６-11-11")):
        assert chief.get("/api/v1/visits", cursor=wrong).status_code == 422
    missed = found[-1]["visit_id"]
    assert chief.json(f"/api/v1/visits/{missed}")["missed"]
    begun = chief.post(f"/api/v1/visits/{missed}/transitions", {"to": "under_way"}).json()
    assert not begun["missed"]


def page_of(kind, day="2026-11-23"):
    return cursor_of(kind, day, "V20261123-0001")


def test_a_day_counts_what_is_open_on_it(city):
    assert city.suggested(TODAY - timedelta(days=1)) == []
    (tomorrow,) = city.suggested(TODAY + timedelta(days=1))
    assert len(tomorrow.cases) == 3
    assert len(city.suggested(date.max)[0].cases) == 3
    assert city.suggested(date.min) == []


def test_an_unsure_place_makes_the_distance_longer(city):
    sure, near = city.record("river.rubbish", north_of(3000)), city.record("dumping.household", north_of(3100))
    unsure = city.record("dumping.site_waste", north_of(3100), sigma_m=40.0, confidence=0.95)
    with city.store.read() as connection:
        one, other, wide = (get_case(connection, case_id) for case_id in (sure, near, unsure))
    assert gap(one, other).distance_m == pytest.approx(100, abs=1)
    assert gap(one, other).at_most_m == pytest.approx(100 + 1.645 * 1.5 * 2**0.5, abs=1)
    assert gap(one, wide).at_most_m == pytest.approx(100 + 1.645 * (1.5**2 + 40**2) ** 0.5, abs=1)
    assert [[row.case_id for row in group] for group in grouped([one, other, wide], 150)] == [[sure, near], [unsure]]
    with pytest.raises(InvalidRequest, match="with their errors"):
        city.desk.plan(NewVisit(day=TODAY, case_ids=(sure, unsure)), by=CHIEF)


def test_places_are_found_whatever_square_of_the_search_they_lie_in(city):
    rows = []
    with city.store.read() as connection:
        model = get_case(connection, city.yard[0])
    for number in range(40):
        lon, lat = north_of(1_000.0 * number + 20, east_m=-3_000 + 777.7 * number)
        other = north_of(1_000.0 * number + 120, east_m=-3_000 + 777.7 * number + 60)
        for end, place in (("a", (lon, lat)), ("b", other)):
            rows.append(_at(model, f"{number}{end}", place))
    groups = grouped(rows, 150)
    assert [{row.case_id for row in group} for group in groups] == [{f"{n}a", f"{n}b"} for n in range(40)]


def _at(row, case_id, lonlat):
    class Moved:
        lon, lat = lonlat
        cov_ee_m2, cov_en_m2, cov_nn_m2 = row.cov_ee_m2, row.cov_en_m2, row.cov_nn_m2

    moved = Moved()
    moved.case_id = case_id
    return moved


def test_far_cases_ended_ones_and_days_gone_by_make_no_visit(city):
    with pytest.raises(InvalidRequest, match="1004 m apart, up to 1008 m"):
        city.desk.plan(NewVisit(day=TODAY, case_ids=(city.yard[0], city.far)), by=CHIEF)
    with pytest.raises(InvalidRequest, match="is over"):
        city.desk.plan(NewVisit(day=TODAY - timedelta(days=1), case_ids=tuple(city.yard)), by=CHIEF)
    with pytest.raises(InvalidRequest, match="more than 366 days ahead"):
        city.desk.plan(NewVisit(day=TODAY + timedelta(days=367), case_ids=tuple(city.yard)), by=CHIEF)
    # Left out because of a slip of the pen, nobody would miss it.
    with pytest.raises(InvalidRequest, match="'drainge' has no open task"):
        city.plan(departments=("drainge", "town", "sanitation", "water"))
    waiting = city.record("dumping.household", north_of(20), confidence=0.1)
    with pytest.raises(InvalidRequest, match="pending_review"):
        city.desk.plan(NewVisit(day=TODAY, case_ids=(city.yard[0], waiting)), by=CHIEF)
    for by in (PILOT, DRAINER):
        with pytest.raises(Forbidden):
            city.plan(by=by)


def test_a_department_writes_its_own_lines_only_and_only_under_way(city):
    visit = city.plan()
    own = next(line for line in city.lines(visit) if line.department == "drainage")
    foreign = next(line for line in city.lines(visit) if line.department == "sanitation")
    with pytest.raises(IllegalTransition, match="not begun"):
        city.desk.report(visit.visit_id, own.line_id, city.full(visit, own), by=DRAINER)
    city.move(visit, "under_way", by=DRAINER)
    for line, by in ((foreign, DRAINER), (own, CHIEF), (own, PILOT)):
        with pytest.raises(Forbidden):
            city.desk.report(visit.visit_id, line.line_id, city.full(visit, line), by=by)
    city.desk.report(visit.visit_id, own.line_id, city.full(visit, own), by=DRAINER)
    assert {line.result for line in city.lines(visit) if line.line_id != own.line_id} == {None}
    with pytest.raises(NotFound):
        city.desk.report(visit.visit_id, own.line_id, city.full(visit, own), by=BUILDER)


def test_done_needs_every_point_of_the_list_and_anything_else_a_note(city):
    visit = city.plan()
    city.move(visit, "under_way")
    line = next(line for line in city.lines(visit) if line.department == "drainage")

    def report(**told):
        return city.desk.report(visit.visit_id, line.line_id, LineReport(**told), by=DRAINER)

    with pytest.raises(InvalidRequest, match="drain"):
        report(result="done", checks={"depth": "ok"})
    with pytest.raises(InvalidRequest, match="needs one"):
        report(result="not_done")
    with pytest.raises(InvalidRequest, match="no point of the list"):
        report(result="not_done", note="x", checks={"colour": "ok"})
    with pytest.raises(InvalidRequest, match="no picture of the case"):
        report(result="not_done", note="x", pictures=("a" * 64,))
    report(result="not_done", note="泵坏了", checks={"depth": "problem"})
    assert [point["kind"] for point in visit.checklist["waterlogging.road"]] == ["look"] * 3 + ["evidence"] * 4


@pytest.mark.both_stores
def test_the_end_moves_tasks_reported_done_by_who_reported_them_and_seals_the_list(city):
    visit = city.plan()
    city.move(visit, "under_way")
    for line in city.lines(visit):
        lead = line.department in {"drainage", "sanitation", "water"}
        result = "done" if lead and line.case_id != city.yard[2] else "nothing_found"
        city.report(visit, line, result=result)
    with pytest.raises(InvalidRequest, match="nobody has signed"):
        city.move(visit, "done")
    city.desk.sign(visit.visit_id, SIGNED, by=DRAINER)
    drawn = Signature(name="张三", form="drawn", strokes=(((0.1, 0.2), (0.3, 0.4)),))
    city.desk.sign(visit.visit_id, drawn, by=CHIEF)
    city.desk.set_act_code(visit.visit_id, ActCode(code="330802-2026-000123"), by=DRAINER)
    done = city.move(visit, "done")
    assert (done.state, len(done.seal)) == ("done", 64)
    state, tasks = city.states(city.yard[0])
    assert (state, tasks["drainage"], tasks["town"]) == ("pending_verify", "done", "sent")
    assert city.states(city.yard[1])[0] == "pending_verify"
    assert city.states(city.yard[2])[0] == "dispatched"
    # The steps are those of the tasks' own table, and whoever reported may not close.
    with city.store.read() as connection:
        task = next(one for one in tasks_of(connection, city.yard[0]) if one.department == "drainage")
        way = [row.to_state for row in connection.execute(
            select(tables.event).where(tables.event.c.task_id == task.task_id).order_by(tables.event.c.seq)
        )]  # fmt: skip
        assert get_case(connection, city.yard[0]).reporters == ["of_drainage"]
        verify_history(connection)
    assert way == ["queued", "sent", "signed", "working", "done"]
    assert [event.case_id for event in city.events("case.visited")] == city.yard
    # Sealed: nothing can be written any more.
    line = city.lines(visit)[0]
    for attempt in (
        lambda: city.report(visit, line),
        lambda: city.desk.sign(visit.visit_id, SIGNED, by=CHIEF),
        lambda: city.desk.set_act_code(visit.visit_id, ActCode(code="ABC123"), by=CHIEF),
        lambda: city.move(visit, "cancelled", reason="x"),
    ):
        with pytest.raises(IllegalTransition):
            attempt()


def test_an_end_that_one_task_refuses_changes_nothing_at_all(city):
    visit = city.plan()
    city.move(visit, "under_way")
    for line in city.lines(visit):
        city.report(visit, line)
    city.desk.sign(visit.visit_id, SIGNED, by=CHIEF)
    sweeper = next(
        line for line in city.lines(visit) if line.case_id == city.yard[1] and line.department == "sanitation"
    )
    by = an_account("of_sanitation", Role.LEADER, "sanitation")
    city.tasks.transition(sweeper.task_id, Change(to="signed"), by=by)
    until = NOON + timedelta(days=3)
    city.cases.transition(city.yard[1], Change(to="suspended", reason="等吊车", until=until), by=CHIEF)
    before = [city.states(case_id) for case_id in city.yard]
    with pytest.raises(IllegalTransition, match="suspended"):
        city.move(visit, "done")
    assert [city.states(case_id) for case_id in city.yard] == before
    assert city.events("case.visited") == []
    city.cases.transition(city.yard[1], Change(to="in_progress"), by=CHIEF)
    assert city.move(visit, "done").state == "done"


def test_a_task_that_ended_meanwhile_is_left_as_it_is(city):
    visit = city.plan()
    city.move(visit, "under_way")
    for line in city.lines(visit):
        city.report(visit, line)
    city.desk.sign(visit.visit_id, SIGNED, by=CHIEF)
    town = next(line for line in city.lines(visit) if line.department == "town")
    city.tasks.transition(town.task_id, Change(to="cancelled", reason="不需要"), by=CHIEF)
    city.move(visit, "done")
    assert city.states(city.yard[0])[1]["town"] == "cancelled"


def test_who_reported_and_was_sent_away_must_be_replaced_before_the_end(city):
    visit = city.plan()
    city.move(visit, "under_way")
    for line in city.lines(visit):
        city.report(visit, line)
    city.desk.sign(visit.visit_id, SIGNED, by=CHIEF)
    city.store.write(
        lambda connection: connection.execute(
            update(tables.account).where(tables.account.c.name == "of_drainage").values(disabled_at=NOON)
        )
    )
    with pytest.raises(InvalidRequest, match="of_drainage"):
        city.move(visit, "done")
    own = next(line for line in city.lines(visit) if line.department == "drainage")
    city.desk.report(visit.visit_id, own.line_id, city.full(visit, own), by=DRAINER)
    # What the centre signed for is no longer what stands there.
    with pytest.raises(InvalidRequest, match="signs again"):
        city.move(visit, "done")
    city.desk.sign(visit.visit_id, SIGNED, by=CHIEF)
    assert city.move(visit, "done").state == "done"


def test_no_step_outside_the_table_is_taken(city):
    visit = city.plan()
    for state, steps in VISIT_STEPS.items():
        _put(city, state)
        for to in set(VisitState) - set(steps):
            with pytest.raises(IllegalTransition) as refused:
                city.move(visit, to.value, reason="x")
            assert set(refused.value.allowed) == set(steps)


def _put(city, state):
    city.store.write(lambda connection: connection.execute(update(tables.visit).values(state=state.value)))


def test_over_http_everybody_sees_what_is_theirs(store, app, browser):
    intake = Intake(store, MATTERS, ROUTING)
    cases = [
        intake.record(an_observation(zones=(a_zone(kind="road", code="R", name="路"),))).case_id,
        intake.record(an_observation(matter="dumping.household", lonlat=north_of(30))).case_id,
    ]
    chief, drainer, ecologist = browser("chief"), browser("drainer"), browser("ecologist")
    (suggested,) = chief.json("/api/v1/visits/suggestions")["items"]
    assert [case["case_id"] for case in suggested["cases"]] == cases
    assert drainer.get("/api/v1/visits/suggestions").status_code == 403
    day = chief.json("/api/v1/visits/suggestions")["day"]
    visit = chief.post("/api/v1/visits", {"day": day, "case_ids": cases}).json()
    assert [len(stop["lines"]) for stop in visit["stop"]] == [4, 2]
    assert [one["visit_id"] for one in drainer.json("/api/v1/visits")["items"]] == [visit["visit_id"]]
    assert ecologist.json("/api/v1/visits")["items"] == []
    address = f"/api/v1/visits/{visit['visit_id']}"
    assert ecologist.get(address).status_code == 404
    assert drainer.post(f"{address}/transitions", {"to": "under_way"}).status_code == 200
    seen = drainer.json(address)
    writable = [line for stop in seen["stop"] for line in stop["lines"] if line["writable"]]
    assert [line["department"] for line in writable] == ["drainage"]
    # A department sees the whole list, and pictures of its own cases only.
    assert {line["department"] for stop in seen["stop"] for line in stop["lines"]} >= {"town", "sanitation"}
    told = {"result": "not_done", "note": "泵坏了"}
    assert drainer.post(f"{address}/lines/{writable[0]['line_id']}", told).json()["reported"] == 1
    bad = {"name": "x", "form": "drawn"}
    assert drainer.post(f"{address}/signatures", bad).status_code == 422
    assert drainer.post(f"{address}/signatures", {"name": "王五", "form": "typed"}).status_code == 200
    answer = drainer.post(f"{address}/act-codes", {"code": "XZ-2026-0001"}).json()
    assert [code["code"] for code in answer["act_codes"]] == ["XZ-2026-0001"]
    assert "未与登记系统核对" in answer["act_code_note"]["zh"]
    assert chief.post(f"{address}/transitions", {"to": "done"}).status_code == 422
