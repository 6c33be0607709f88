"""Storm mode: 84 puddles are one event, one table per unit, and still 84 cases."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from dispatch_builders import NOON, a_zone, an_observation, default_rules, north_of
from dispatch_people_at_work import CHIEF, DRAINER, an_account
from pydantic import ValidationError
from sqlalchemy import insert, select

from dispatch_api.accounts.model import Role
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.clockwork.running import Clockwork
from dispatch_api.deliveries.outbox import MAX_DATA_BYTES
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history
from dispatch_api.storms.danger import Passed, danger_of
from dispatch_api.storms.records import get_storm, ranked
from dispatch_api.storms.rules import Weights, load_storm_rules
from dispatch_api.storms.schemas import NewStorm, StormCases, StormEnd
from dispatch_api.storms.service import StormDesk
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk

MATTERS, ROUTING = default_rules()
RULES = load_storm_rules(matters=MATTERS)
MINUTE = timedelta(minutes=1)
UNITS = {"drainage", "town", "traffic_police", "emergency"}
MANY = 84


class Flood:
    """A city, its desks, and a clock that the test turns."""

    def __init__(self, store):
        self.store, self.now = store, NOON
        clock = {"now": lambda: self.now}
        self.intake = Intake(store, MATTERS, ROUTING, **clock)
        self.tasks = TaskDesk(store, MATTERS, ROUTING, **clock)
        self.cases = CaseDesk(store, MATTERS, ROUTING, **clock)
        self.desk = StormDesk(store, RULES, MATTERS, **clock)

    def puddles(self, count=MANY, *, first=0, **more):
        seen = [
            an_observation(
                lonlat=north_of(60 * (number // 12), east_m=60 * (number % 12)),
                address=f"人民路 {number} 号附近积水点",
                flight_id=more.get("flight_id", "flood-1"),
                extent_m2=10.0 + number,
                extent_sigma_m2=2.0,
            )
            for number in range(first, first + count)
        ]
        return [recorded.case_id for recorded in self.intake.record_all(seen)]

    def begin(self, **more):
        return self.desk.begin(NewStorm(**{"name": "0623 暴雨", **more}), by=CHIEF)

    def messages(self, *kinds):
        query = select(tables.message).order_by(tables.message.c.message_id)
        with self.store.read() as connection:
            rows = connection.execute(query).all()
        return [row for row in rows if not kinds or row.type in kinds]

    def tables(self):
        return [json.loads(row.body) for row in self.messages("storm.table.v1")]

    def tick(self, at):
        self.now = at
        Clockwork(self.store, MATTERS, now=lambda: self.now).run_due()

    def case(self, case_id):
        with self.store.read() as connection:
            return get_case(connection, case_id)

    def task(self, case_id, department="drainage"):
        with self.store.read() as connection:
            return next(task for task in tasks_of(connection, case_id) if task.department == department)


@pytest.fixture
def flood(store) -> Flood:
    return Flood(store)


@pytest.mark.both_stores
def test_84_puddles_of_a_flight_in_a_storm_are_84_cases_and_one_message_for_each_unit(flood):
    storm = flood.begin(case_ids=())
    case_ids = flood.puddles()
    assert len(set(case_ids)) == MANY
    assert {flood.case(case_id).storm_id for case_id in case_ids} == {storm.storm_id}
    assert flood.messages() == []
    flood.tick(NOON + MINUTE)
    assert flood.messages() == []
    flood.tick(NOON + 2 * MINUTE)
    assert Counter(row.type for row in flood.messages()) == {"storm.table.v1": len(UNITS)}
    told = {table["department"]: table for table in flood.tables()}
    assert set(told) == UNITS
    for unit, table in told.items():
        assert (table["total"], table["new"], len(table["table"]) + table["left_out"]) == (MANY, MANY, MANY)
        assert table["left_out"] == 0
        assert [row.departments for row in flood.messages() if json.loads(row.body)["department"] == unit] == [[unit]]
    # Nothing new: nobody is told again, whatever time passes.
    flood.tick(NOON + 60 * MINUTE)
    assert len(flood.messages("storm.table.v1")) == len(UNITS)
    with flood.store.read() as connection:
        verify_history(connection)


@pytest.mark.both_stores
def test_what_waits_to_be_sent_when_a_storm_begins_is_told_by_the_tables_instead(flood):
    flood.store.write(lambda connection: connection.execute(insert(tables.receiver), RECEIVER))
    case_ids = flood.puddles(30)
    heap = flood.intake.record(an_observation(matter="dumping.household", lonlat=north_of(5000)))
    assert waiting(flood)["pending"] == 30 * 5 + 3
    assert flood.desk.suggestion().case_ids == tuple(case_ids)
    flood.begin()
    assert waiting(flood) == {"folded": 30 * 5, "pending": 3 + len(UNITS)}
    assert {table["department"] for table in flood.tables()} == UNITS
    assert flood.desk.suggestion() is None
    assert flood.case(heap.case_id).storm_id is None


RECEIVER = {
    "name": "all",
    "kind": "webhook",
    "url": "https://city.example/in",
    "secrets": [],
    "created_at": NOON,
    "created_by": "test",
    "failures": 0,
    "recent": [],
}


def waiting(flood):
    with flood.store.read() as connection:
        return dict(Counter(connection.execute(select(tables.delivery.c.state)).scalars()))


def test_a_storm_is_suggested_from_so_many_cases_within_so_long(flood):
    flood.puddles(RULES.suggest.cases - 1)
    assert flood.desk.suggestion() is None
    flood.puddles(1, first=40)
    assert len(flood.desk.suggestion().case_ids) == RULES.suggest.cases
    flood.now += timedelta(hours=3, minutes=1)
    assert flood.desk.suggestion() is None


def test_what_comes_in_drop_by_drop_is_told_after_the_longest_wait(flood):
    flood.begin(case_ids=())
    for minute in range(11):
        flood.now = NOON + minute * MINUTE
        flood.puddles(1, first=minute)
        flood.tick(flood.now)
        expected = 0 if minute < 10 else len(UNITS)
        assert len(flood.tables()) == expected, minute
    assert {table["total"] for table in flood.tables()} == {11}


def test_single_messages_are_held_back_but_a_refusal_is_not_and_work_goes_on(flood):
    flood.begin(case_ids=())
    first, second = flood.puddles(2)
    leader = DRAINER
    for to in ("signed", "working", "done"):
        flood.tasks.transition(flood.task(first).task_id, Change(to=to), by=leader)
    assert flood.case(first).state == "pending_verify"
    assert flood.messages() == []
    flood.tasks.transition(flood.task(second).task_id, Change(to="refused", reason="不归我管"), by=leader)
    assert [row.type for row in flood.messages()] == ["task.refused.v1"]
    other = flood.intake.record(an_observation(matter="dumping.household", lonlat=north_of(5000)))
    assert {row.case_id for row in flood.messages("task.dispatched.v1")} == {other.case_id}


def test_clocks_run_on_in_a_storm_and_what_is_overdue_comes_in_a_table(flood):
    flood.begin(case_ids=())
    (case_id,) = flood.puddles(1)
    flood.tick(NOON + 2 * MINUTE)
    before = len(flood.tables())
    flood.tick(NOON + timedelta(hours=4, minutes=1))
    assert (flood.case(case_id).overdue, flood.case(case_id).colour) == (True, "red")
    assert flood.messages("task.reminder.v1") == []
    assert {table["table"][0][5] for table in flood.tables()[before:]} == {"red"}


@pytest.mark.both_stores
def test_a_red_case_is_told_within_the_shorter_time_while_others_keep_coming_in(flood):
    flood.begin(case_ids=())
    under = a_zone(kind="road", code="U", name="下穿", zone_class="underpass")
    red = flood.intake.record(an_observation(lonlat=north_of(3000), zones=(under,), extent_m2=400.0)).case_id
    assert flood.case(red).colour == "red"
    flood.cases.transition(red, Change(to="opened"), by=CHIEF)
    for minute in range(4):
        flood.now = NOON + minute * MINUTE
        flood.puddles(1, first=minute)
        flood.tick(flood.now)
        assert len(flood.tables()) == (0 if minute < 2 else len(UNITS)), minute
    assert {table["table"][0][0] for table in flood.tables()} == {flood.case(red).number}


def test_what_is_done_comes_last_and_no_longer_colours_the_message(flood):
    storm = flood.begin(case_ids=())
    under = a_zone(kind="road", code="U", name="下穿", zone_class="underpass")
    red = flood.intake.record(an_observation(lonlat=north_of(3000), zones=(under,), extent_m2=400.0)).case_id
    flood.cases.transition(red, Change(to="opened"), by=CHIEF)
    flood.puddles(3)
    for to in ("signed", "working", "done"):
        flood.tasks.transition(flood.task(red).task_id, Change(to=to), by=DRAINER)
    flood.tick(NOON + 2 * MINUTE)
    told = {table["department"]: table for table in flood.tables()}
    assert [row[0] == flood.case(red).number for row in told["drainage"]["table"]] == [False, False, False, True]
    assert (told["drainage"]["open"], told["drainage"]["total"], told["drainage"]["colours"]["red"]) == (3, 4, 0)
    assert told["drainage"]["text_zh"].startswith(f"0623 暴雨（{storm.number}）：待处置 3 处，新增 3 处，已处置 1 处")
    assert flood.case(red).number not in told["drainage"]["text_zh"].split("\n", 1)[1]
    # The town's own task there is open still.
    assert told["town"]["table"][0][0] == flood.case(red).number
    colours = {json.loads(row.body)["department"]: row.colour for row in flood.messages("storm.table.v1")}
    assert (colours["drainage"] == "red", colours["town"]) == (False, "red")
    flood.cases.transition(red, Change(to="closed", reason="已抽干"), by=CHIEF)
    with flood.store.read() as connection:
        assert ranked(connection, get_storm(connection, storm.storm_id))[-1].case.case_id == red


def test_sent_back_work_is_news_and_what_a_unit_did_itself_is_none(flood):
    flood.begin(case_ids=())
    (case_id,) = flood.puddles(1)
    flood.tick(NOON + 2 * MINUTE)
    for to in ("signed", "working", "done"):
        flood.tasks.transition(flood.task(case_id).task_id, Change(to=to), by=DRAINER)
    flood.tick(NOON + 14 * MINUTE)
    assert len(flood.tables()) == len(UNITS)
    flood.cases.transition(case_id, Change(to="reworked", reason="还有水"), by=CHIEF)
    flood.tick(NOON + 16 * MINUTE)
    assert [table["department"] for table in flood.tables()[len(UNITS) :]] == ["drainage"]


@pytest.mark.both_stores
def test_an_ended_storm_tells_the_rest_and_lets_single_messages_out_again(flood):
    storm = flood.begin(case_ids=())
    flood.puddles(3)
    flood.desk.end(storm.storm_id, StormEnd(reason="雨停"), by=CHIEF)
    assert len(flood.tables()) == len(UNITS)
    (ended,) = flood.messages("storm.ended.v1")
    assert set(ended.departments) == UNITS
    (later,) = flood.puddles(1, first=50)
    assert flood.case(later).storm_id is None
    assert {row.case_id for row in flood.messages("task.dispatched.v1")} == {later}
    with pytest.raises(IllegalTransition):
        flood.desk.end(storm.storm_id, StormEnd(reason="x"), by=CHIEF)
    assert flood.begin(case_ids=()).number == f"XQ{MATTERS.calendar.local_date(NOON):%Y%m%d}-0002"


def test_only_the_centre_and_only_one_at_a_time_and_only_water(flood):
    for by in (DRAINER, an_account("pilot", Role.OPERATOR)):
        with pytest.raises(Forbidden):
            flood.desk.begin(NewStorm(name="x"), by=by)
    heap = flood.intake.record(an_observation(matter="dumping.household", lonlat=north_of(5000))).case_id
    with pytest.raises(InvalidRequest, match="no case of waterlogging"):
        flood.begin(case_ids=(heap,))
    assert flood.desk.suggestion() is None
    storm = flood.begin(case_ids=())
    with pytest.raises(IllegalTransition, match="on still"):
        flood.begin()
    (case_id,) = flood.puddles(1)
    flood.desk.change_cases(storm.storm_id, StormCases(remove=(case_id,)), by=CHIEF)
    assert flood.case(case_id).storm_id is None
    flood.desk.change_cases(storm.storm_id, StormCases(add=(case_id,)), by=CHIEF)
    with pytest.raises(InvalidRequest, match="in a storm already"):
        flood.desk.change_cases(storm.storm_id, StormCases(add=(case_id,)), by=CHIEF)


def test_a_table_that_is_too_long_for_a_message_says_how_many_it_leaves_out(flood):
    flood.begin(case_ids=())
    seen = [
        an_observation(lonlat=north_of(60 * number), address="很长的地名" * 12, flight_id="f") for number in range(90)
    ]
    flood.intake.record_all(seen)
    flood.tick(NOON + 2 * MINUTE)
    table = flood.tables()[0]
    assert 0 < table["left_out"] == 90 - len(table["table"])
    assert all(len(row.body.encode()) <= MAX_DATA_BYTES for row in flood.messages())
    assert table["text_zh"].splitlines()[-1].startswith("其余 ")


def test_a_table_says_in_both_languages_what_it_says_and_no_position_and_no_long_story(flood):
    flood.begin(case_ids=())
    places = ["28.970123, 118.870456", "很长的地名" * 100, "人民路 1 号"] + ["桥" * 500] * 20
    seen = [
        an_observation(lonlat=north_of(60 * number), address=place, flight_id="f")
        for number, place in enumerate(places)
    ]
    flood.intake.record_all(seen)
    flood.tick(NOON + 2 * MINUTE)
    [message] = [row for row in flood.messages("storm.table.v1") if json.loads(row.body)["department"] == "drainage"]
    assert len(message.body.encode()) <= MAX_DATA_BYTES
    table = json.loads(message.body)
    chinese, english = table["text_zh"].splitlines(), table["text_en"].splitlines()
    assert len(chinese) == len(english) == 14
    assert english[0] == f"0623 暴雨 ({table['number']}): 23 places to deal with, 23 new, 0 done"
    assert english[-1] == "11 more: see the link"
    assert max(len(line) for line in [*chinese, *english]) < 140
    assert "118.87" not in "".join(row.body for row in flood.messages())
    numbers = [row[0] for row in table["table"]]
    assert all(number in line for number, line in zip(numbers, english[1:-1], strict=False))
    assert table["title_en"] == "Storm table"


WEIGHTS = Weights(underpass=50, main_road=20, area=30, area_full_m2=200, growing=20)


def weighed(zones=(), extent=100.0, sigma=10.0, passes=()):
    return danger_of(zones, extent_m2=extent, extent_sigma_m2=sigma, passes=passes, weights=WEIGHTS)


def a_road(road_class, chance=1.0):
    return {"kind": "road", "zone_class": road_class, "probability": chance}


def seen_by(flight, extent, sigma=3.0):
    return Passed(flight_id=flight, extent_m2=extent, extent_sigma_m2=sigma)


def test_danger_adds_up_road_area_with_its_error_and_growth():
    growing = (seen_by("f1", 40.0), seen_by("f2", 100.0))
    full = weighed([a_road("underpass")], passes=growing)
    assert full.score == pytest.approx(50 + 30 * 110 / 200 + 20)
    assert weighed([a_road("underpass", 0.5)]).score == pytest.approx(25 + 16.5)
    assert weighed([a_road("main")]).score == pytest.approx(20 + 16.5)
    assert weighed([a_road("lane")], extent=5000.0).score == 30.0
    assert full.unknown == ()


@pytest.mark.parametrize(
    ("passes", "known", "points"),
    [
        ((), False, 0),
        ((seen_by("f1", 40.0), seen_by("f1", 90.0)), False, 0),
        ((seen_by("f1", 40.0, None), seen_by("f2", 90.0)), False, 0),
        ((seen_by("f1", 40.0), seen_by("f2", 46.0)), True, 0),
        ((seen_by("f1", 90.0), seen_by("f2", 40.0)), True, 0),
        ((seen_by("f1", 40.0), seen_by("f2", 48.0)), True, 20),
    ],
    ids=["no area", "one flight", "no error", "within the error", "shrinking", "growing"],
)
def test_growth_counts_only_beyond_its_error_and_says_when_nobody_knows(passes, known, points):
    (growth,) = [one for one in weighed([a_road("lane")], passes=passes).factors if one.key == "growing"]
    assert (growth.known, growth.points) == (known, points)


def test_what_is_unknown_is_named():
    nothing = weighed(extent=None, sigma=None)
    assert (nothing.score, [one.key for one in nothing.unknown]) == (0.0, ["road", "area", "growing"])


def test_the_most_dangerous_comes_first_and_a_second_flight_tells_of_growth(flood):
    storm = flood.begin(case_ids=())
    small, large = flood.puddles(2)
    under = flood.intake.record(
        an_observation(
            lonlat=north_of(3000),
            extent_m2=15.0,
            extent_sigma_m2=1.0,
            zones=(a_zone(kind="road", code="U", name="下穿", zone_class="underpass"),),
        )
    ).case_id
    later = {"first_seen_at": NOON + 30 * MINUTE, "last_seen_at": NOON + 30 * MINUTE, "flight_id": "flood-2"}
    flood.intake.record(an_observation(lonlat=north_of(0), extent_m2=60.0, extent_sigma_m2=2.0, **later))
    with flood.store.read() as connection:
        order = ranked(connection, get_storm(connection, storm.storm_id))
    assert [one.case.case_id for one in order] == [under, small, large]
    assert {factor.key for factor in order[1].danger.factors if factor.points} == {"area", "growing"}


def test_over_http_a_department_sees_its_own_rows_and_the_centre_everything(store, browser):
    flood = Flood(store)
    flood.puddles(3)
    chief, drainer, ecologist = browser("chief"), browser("drainer"), browser("ecologist")
    assert drainer.post("/api/v1/storms", {"name": "x"}).status_code == 403
    case_ids = [item["case_id"] for item in chief.json("/api/v1/cases")["items"]]
    storm = chief.post("/api/v1/storms", {"name": "暴雨", "case_ids": case_ids}).json()
    assert [row["rank"] for row in storm["table"]] == [1, 2, 3]
    assert {unit["department"] for unit in storm["units"]} == UNITS
    assert all(unit["told_at"] for unit in storm["units"])
    address = f"/api/v1/storms/{storm['storm_id']}"
    seen = drainer.json(address)
    assert {task["department"] for row in seen["table"] for task in row["tasks"]} == {"drainage"}
    assert drainer.json("/api/v1/storms/current")["storm"]["cases"] == 3
    assert ecologist.get(address).status_code == 404
    assert ecologist.json("/api/v1/storms/current")["storm"]["cases"] == 0
    assert set(chief.post(f"{address}/tables", {}).json()["told"]) == UNITS
    assert chief.post(f"{address}/end", {"reason": "雨停"}).json()["state"] == "over"


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "暴雨\n1. 🔴 全部撤离", "a\u202eb", "a\tb"])
def test_a_storm_has_a_name_of_one_line(name):
    with pytest.raises(ValidationError):
        NewStorm(name=name)


@pytest.mark.parametrize("change", [{}, {"add": ("a",), "remove": ("b", "a")}])
def test_a_change_of_cases_that_says_nothing_or_both_is_refused(change):
    with pytest.raises(ValidationError):
        StormCases(**change)


@pytest.mark.both_stores
def test_what_is_taken_out_before_a_table_told_of_it_is_told_singly(flood):
    storm = flood.begin(case_ids=())
    told, untold, begun = flood.puddles(3)
    flood.tick(NOON + 2 * MINUTE)
    (late,) = flood.puddles(1, first=20)
    flood.tasks.transition(flood.task(begun).task_id, Change(to="signed"), by=DRAINER)
    before = len(flood.messages())
    flood.desk.change_cases(storm.storm_id, StormCases(remove=(told, late, begun, late)), by=CHIEF)
    singly = flood.messages()[before:]
    assert Counter((row.type, row.case_id) for row in singly) == {("task.dispatched.v1", late): len(UNITS)}
    assert {unit for row in singly for unit in row.departments} == UNITS
    assert flood.case(untold).storm_id == storm.storm_id
    # From then on it is told of like any other.
    flood.tasks.transition(flood.task(late).task_id, Change(to="signed"), by=DRAINER)
    assert [row.type for row in flood.messages()[before + len(UNITS) :]] == ["task.signed.v1"]
