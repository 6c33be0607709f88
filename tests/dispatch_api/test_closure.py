"""What later flights make of a case whose work was reported done: fixed, not fixed, or not visible."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from dispatch_builders import NOON, an_observation, default_rules, some_evidence
from dispatch_people_at_work import CHIEF, DRAINER, OTHER_CHIEF, Desk
from sqlalchemy import select

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.looked_again import CouldNotTell, LookedAgain, NothingFound
from dispatch_api.cases.matters import Closure
from dispatch_api.cases.verification import Unseen
from dispatch_api.errors import IllegalTransition
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history

MATTERS, ROUTING = default_rules()
HOUR = timedelta(hours=1)


def closing(**changes):
    """The matters, with another closure for puddles."""
    puddle = MATTERS["waterlogging.road"].model_copy(update={"closure": Closure(**changes)})
    return replace(MATTERS, by_key=MappingProxyType({**MATTERS.by_key, puddle.key: puddle}))


class Waiting(Desk):
    """A puddle whose drainage reported it done at one o'clock, and flights after that."""

    def __init__(self, store, matters=MATTERS):
        super().__init__(store)
        clock = {"now": lambda: self.now}
        self.intake = Intake(store, matters, ROUTING, **clock)
        self.again = LookedAgain(store, matters, **clock)
        self.now = NOON + HOUR
        self.do_all()

    def clean(self, flight, at, **more):
        self.now = at + HOUR / 2
        found = {"looks": 5, "resolution_m": 0.02, "first_at": at, "last_at": at + timedelta(seconds=20), **more}
        return self.again.note(NothingFound(case_id=self.case_id, flight_id=flight, **found))

    def unseen(self, flight, at, reason=Unseen.TOO_COARSE):
        self.now = at + HOUR / 2
        told = CouldNotTell(case_id=self.case_id, flight_id=flight, reason=reason, last_at=at)
        return self.again.could_not_tell(told)

    def seen(self, flight, at, **more):
        self.now = at + HOUR / 2
        return self.intake.record(an_observation(flight_id=flight, first_seen_at=at, last_seen_at=at, **more))

    def verdicts(self):
        return [event for event in self.events() if event["kind"] == "case.verified"]

    def events(self):
        query = select(tables.event).where(tables.event.c.case_id == self.case_id).order_by(tables.event.c.seq)
        with self.store.read() as connection:
            verify_history(connection)
            return [{**row._mapping, "data": json.loads(row.data)} for row in connection.execute(query)]


@pytest.fixture
def waiting(store) -> Waiting:
    return Waiting(store)


@pytest.mark.both_stores
def test_a_clean_look_proves_it_and_a_person_confirms_with_the_flight_cited(waiting, tmp_path):
    before = some_evidence(tmp_path, name="before.jpg")
    assert waiting.case().state == "pending_verify"
    waiting.clean("f2", NOON + 3 * HOUR, picture=replace(before, captured_at=NOON + 3 * HOUR))
    (verdict,) = waiting.verdicts()
    assert (verdict["data"]["verdict"], verdict["data"]["lacks"], verdict["who"]) == (
        "fixed",
        [],
        "system:verification",
    )
    assert verdict["data"]["after"] == before.original_sha256
    assert waiting.case().state == "pending_verify"
    waiting.move("closed", by=OTHER_CHIEF, reason="已核查")
    closed = waiting.events()
    proof = next(event for event in closed if event["kind"] == "case.closed")["data"]["proof"]
    assert (proof["flight_id"], proof["looks"], proof["resolution_m"]) == ("f2", 5, 0.02)
    assert (waiting.case().closed_by, waiting.task("drainage").state) == ("reflight", "accepted")


def test_whoever_reported_done_may_not_confirm_what_a_flight_proved(store):
    waiting = Waiting(store)
    waiting.clean("f2", NOON + 3 * HOUR)
    for by in (DRAINER, CHIEF):
        if by is CHIEF:
            waiting.move("reworked", reason="x")
            waiting.work("working", by=CHIEF)
            waiting.work("done", by=CHIEF)
        with pytest.raises(Exception, match="may not"):
            waiting.move("closed", by=by, reason="x")
    assert waiting.case().state == "pending_verify"


@pytest.mark.both_stores
def test_where_the_matter_says_so_the_flight_closes_it_by_itself(store):
    waiting = Waiting(store, closing(auto_close=True))
    waiting.clean("f2", NOON + 3 * HOUR)
    row = waiting.case()
    assert (row.state, row.closed_by, waiting.task("drainage").state) == ("closed", "reflight", "accepted")
    closed = next(event for event in waiting.events() if event["kind"] == "case.closed")
    assert closed["who"] == "system:verification"
    assert closed["who"] not in row.reporters
    assert "f2: 5 looks, 2.0 cm" in closed["why"]
    assert closed["data"]["proof"]["flight_id"] == "f2"
    (told,) = messages(store, "case.closed.v1")
    assert told.case_id == waiting.case_id


def messages(store, kind):
    with store.read() as connection:
        return connection.execute(select(tables.message).where(tables.message.c.type == kind)).all()


@pytest.mark.parametrize(
    ("asked", "look", "lacks"),
    [
        ({"min_looks": 6}, {}, ["looks"]),
        ({"coarsest_cm": 1.5}, {}, ["resolution"]),
        ({"wait": "7d"}, {}, ["wait"]),
        ({"min_looks": 5, "coarsest_cm": 2.0, "wait": "2h"}, {}, []),
    ],
)
def test_a_look_that_lacks_what_the_matter_asks_closes_nothing_and_is_no_proof(store, asked, look, lacks):
    waiting = Waiting(store, closing(auto_close=True, **asked))
    waiting.clean("f2", NOON + 3 * HOUR, **look)
    assert waiting.verdicts()[0]["data"]["lacks"] == lacks
    assert waiting.case().state == ("pending_verify" if lacks else "closed")
    if lacks:
        waiting.move("closed", by=OTHER_CHIEF, reason="现场照片")
        assert waiting.case().closed_by == "person"


def test_a_look_before_the_report_proves_nothing(waiting):
    waiting.clean("f2", NOON + HOUR / 2)
    assert waiting.verdicts() == []


def test_a_clean_look_at_a_case_that_nobody_reported_done_is_noted_only(store):
    desk = Desk(store)
    found = {"looks": 5, "resolution_m": 0.02, "first_at": NOON + HOUR, "last_at": NOON + HOUR}
    LookedAgain(store, closing(auto_close=True)).note(NothingFound(case_id=desk.case_id, flight_id="f2", **found))
    assert desk.case().state == "dispatched"


@pytest.mark.both_stores
def test_what_is_seen_again_goes_back_to_work_with_both_pictures(store, tmp_path):
    waiting = Waiting(store)
    old = some_evidence(tmp_path, name="old.jpg", colour=(1, 2, 3))
    new = some_evidence(tmp_path, name="new.jpg", colour=(4, 5, 6))
    late = an_observation(flight_id="f1", key="late", evidence=(old,))
    waiting.intake.record(late)
    assert waiting.case().state == "pending_verify"
    recorded = waiting.seen("f2", NOON + 3 * HOUR, evidence=(new,))
    row = waiting.case()
    assert (recorded.case_id, row.state, row.reworks) == (waiting.case_id, "reworked", 1)
    task = waiting.task("drainage")
    assert (task.state, task.done_at, task.deadline_at > NOON + 4 * HOUR) == ("rework", None, True)
    (verdict,) = waiting.verdicts()
    told = {name: verdict["data"][name] for name in ("verdict", "flight_id", "before", "after")}
    assert told == {
        "verdict": "not_fixed",
        "flight_id": "f2",
        "before": old.original_sha256,
        "after": new.original_sha256,
    }
    # A second sighting of the same flight changes nothing more.
    waiting.seen("f2", NOON + 3 * HOUR)
    assert waiting.case().reworks == 1


def test_an_unsure_sighting_waits_for_a_person(waiting):
    waiting.seen("f2", NOON + 3 * HOUR, confidence=0.3)
    assert waiting.case().state == "pending_verify"
    assert waiting.verdicts()[0]["data"]["lacks"] == ["confidence"]


def test_flights_that_cannot_tell_make_it_unverifiable_and_one_that_can_takes_it_up_again(waiting):
    assert waiting.unseen("f2", NOON + 3 * HOUR) == "pending_verify"
    assert waiting.unseen("f2", NOON + 3 * HOUR) == "pending_verify"
    assert waiting.unseen("f3", NOON + 4 * HOUR, Unseen.UNSURE) == "unverifiable"
    assert [event["data"]["reason"] for event in waiting.verdicts()] == ["too_coarse", "unsure"]
    waiting.clean("f4", NOON + 5 * HOUR)
    assert waiting.case().state == "pending_verify"
    assert waiting.verdicts()[-1]["data"]["verdict"] == "fixed"
    assert waiting.unseen("f5", NOON + 6 * HOUR) == "pending_verify"
    with pytest.raises(IllegalTransition):
        waiting.move("in_progress")


def test_the_case_s_page_shows_verdict_and_both_pictures_and_only_those(store, browser, tmp_path):
    old, clean = (some_evidence(tmp_path, name=f"{n}.jpg", colour=(n, 5, 6)) for n in (10, 200))
    waiting = Waiting(store)
    waiting.intake.record(an_observation(flight_id="f1", key="late", evidence=(old,)))
    waiting.clean("f2", NOON + 3 * HOUR, picture=clean)
    chief, ecologist = browser("chief"), browser("ecologist")
    (verdict,) = chief.json(f"/api/v1/cases/{waiting.case_id}")["verification"]
    assert (verdict["verdict_zh"], verdict["flight_id"]) == ("已整改", "f2")
    assert chief.get(verdict["before_url"]).status_code == 200
    shown = chief.get(verdict["after_url"])
    assert (shown.status_code, shown.content) == (200, clean.annotated_jpeg)
    assert ecologist.get(verdict["after_url"]).status_code == 404
    other = verdict["after_url"].replace(clean.original_sha256, old.original_sha256)
    assert chief.get(other).status_code == 404
