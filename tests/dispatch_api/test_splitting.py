"""Observations that a machine put into one case become two cases again where a person says so."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of, some_evidence
from sqlalchemy import select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change, Split
from dispatch_api.cases.service import CaseDesk
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history

MATTERS, ROUTING = default_rules()
pytestmark = pytest.mark.both_stores


def account(name: str, role: Role, department: str | None = None) -> Account:
    return Account(
        account_id=1, name=name, display_name_zh=name, display_name_en=name, role=role, department=department
    )


CHIEF = account("chief", Role.CENTRE)
STRANGERS = [account("pilot", Role.OPERATOR), account("drainer", Role.LEADER, "drainage")]


class Street:
    """A dispatched puddle that two flights saw, the second one 4 m farther north; and a clock that the test turns."""

    def __init__(self, store, folder):
        self.store, self.now = store, NOON
        self.intake = Intake(store, MATTERS, ROUTING, now=lambda: self.now)
        self.desk = CaseDesk(store, MATTERS, ROUTING, now=lambda: self.now)
        first = an_observation(key="f1:1", frames=2, evidence=(some_evidence(folder, name="a.jpg"),))
        self.case_id = self.intake.record(first).case_id
        self.second = an_observation(
            key="f2:1",
            flight_id="flight-2",
            frames=7,
            lonlat=north_of(4.0),
            extent_m2=30.0,
            evidence=(some_evidence(folder, name="b.jpg", colour=(1, 1, 1)),),
        )
        assert self.intake.record(self.second).case_id == self.case_id
        self.now += timedelta(hours=1)

    def split(self, keys=("f2:1",), by=CHIEF, reason="two gullies", case_id=None):
        return self.desk.split(case_id or self.case_id, Split(observations=keys, reason=reason), by=by)

    def case(self, case_id=None):
        with self.store.read() as connection:
            return get_case(connection, case_id or self.case_id)

    def everything(self):
        with self.store.read() as connection:
            return [
                connection.execute(select(table)).all()
                for table in (tables.case, tables.observation, tables.evidence, tables.event, tables.feed, tables.task)
            ]


@pytest.fixture
def street(store, tmp_path) -> Street:
    return Street(store, tmp_path)


def test_what_is_taken_out_is_a_case_of_its_own_with_its_place_its_pictures_and_a_clock(street):
    both, tasks = street.case(), street.everything()[-1]
    assert (both.observations, both.frames, both.extent_m2) == (2, 9, 30.0)
    new = street.split()
    assert (new.state, new.colour, new.review_reasons) == ("pending_review", "yellow", ["split_off"])
    assert (new.observations, new.frames, new.extent_m2) == (1, 7, 30.0)
    assert (new.lon, new.lat) == pytest.approx(north_of(4.0))
    assert new.number != both.number
    assert new.verify_deadline_at == street.now + timedelta(minutes=15)
    old = street.case()
    assert (old.state, old.observations, old.frames, old.extent_m2) == ("dispatched", 1, 2, None)
    assert (old.lon, old.lat) == pytest.approx(north_of(0))
    assert street.everything()[-1] == tasks
    with street.store.read() as connection:
        query = select(tables.evidence.c.case_id).order_by(tables.evidence.c.evidence_id)
        assert connection.execute(query).scalars().all() == [old.case_id, new.case_id]
        assert verify_history(connection) > 0


def test_it_is_found_at_its_own_place_and_refined_there_and_opened_by_a_person_only(street):
    new = street.split()
    later = {"first_seen_at": NOON + timedelta(hours=2), "last_seen_at": NOON + timedelta(hours=2)}
    near_new = street.intake.record(an_observation(key="f3:1", flight_id="f3", lonlat=north_of(4.5), **later))
    near_old = street.intake.record(an_observation(key="f3:2", flight_id="f3", lonlat=north_of(-0.5), **later))
    assert (near_new.case_id, near_old.case_id) == (new.case_id, street.case_id)
    again = an_observation(key="f2:1", flight_id="flight-2", lonlat=north_of(4.2), confidence=0.99)
    assert street.intake.record(again).case_id == new.case_id
    assert street.case(new.case_id).state == "pending_review"
    opened = street.desk.transition(new.case_id, Change(to="opened"), by=CHIEF)
    assert opened.state == "dispatched"


def test_both_histories_name_it_and_the_two_are_not_the_same(street, people, browser):
    chief = browser("chief")
    path = f"/api/v1/cases/{street.case_id}"
    assert chief.json(path)["may_split"] is True
    keys = [one["key"] for one in chief.json(path)["observations"]]
    answer = chief.post(f"{path}/split", {"observations": keys[1:], "reason": "two gullies"})
    assert answer.status_code == 200
    new, old = answer.json(), chief.json(path)
    assert new["events"][0]["kind"] == "case.split_off"
    assert (new["events"][0]["who"], new["events"][0]["why"]) == ("chief", "two gullies")
    assert old["events"][-1]["kind"] == "case.parted"
    assert old["events"][-1]["data"]["observations"] == keys[1:]
    assert old["not_same"] == [{"case_id": new["case_id"], "number": new["number"]}]
    assert new["not_same"] == [{"case_id": street.case_id, "number": old["number"]}]
    assert (new["may_split"], old["may_split"]) == (False, False)
    again = chief.post(f"{path}/split", {"observations": keys[1:], "reason": "two gullies"})
    assert again.status_code == 422
    assert "is no observation of case" in again.json()["detail"]
    drainer = browser("drainer")
    assert drainer.json(path)["may_split"] is False
    assert new["case_id"] not in json.dumps(drainer.json(path))
    assert drainer.post(f"{path}/split", {"observations": keys[:1], "reason": "x"}).status_code == 403


@pytest.mark.parametrize("keys", [("f1:1", "f2:1"), ("nothing",), ("f1:1", "nothing")])
def test_at_least_one_leaves_and_one_stays_and_each_is_the_cases_own(street, keys):
    before = street.everything()
    with pytest.raises(InvalidRequest, match="observations"):
        street.split(keys)
    with pytest.raises(InvalidRequest, match="reason"):
        street.split(reason="  ")
    assert street.everything() == before


@pytest.mark.parametrize("by", STRANGERS, ids=lambda by: by.role)
def test_nobody_but_the_centre_takes_out(street, by):
    before = street.everything()
    with pytest.raises(Forbidden):
        street.split(by=by)
    assert street.everything() == before


def test_of_a_case_that_has_ended_nothing_is_taken_out(street):
    doubtful = street.intake.record(an_observation(key="f1:9", lonlat=north_of(60), confidence=0.3)).case_id
    street.desk.transition(doubtful, Change(to="rejected", reason="wet"), by=CHIEF)
    with pytest.raises(IllegalTransition, match="this one is rejected"):
        street.split(("f1:9",), case_id=doubtful)


def test_what_left_a_case_after_a_merge_does_not_come_back_with_it(street):
    doubtful = street.intake.record(
        an_observation(key="f1:9", lonlat=north_of(60), confidence=0.3, apart_from=("f1:1",))
    ).case_id
    street.intake.record(an_observation(key="f2:9", flight_id="f2", lonlat=north_of(60.5), confidence=0.3))
    street.desk.transition(doubtful, Change(to="merged", duplicate_of=street.case_id), by=CHIEF)
    third = street.split(("f2:9",))
    back = street.desk.transition(doubtful, Change(to="pending_review", reason="two"), by=CHIEF)
    assert (back.observations, street.case(third.case_id).observations, street.case().observations) == (1, 1, 2)


def test_a_merge_is_not_undone_where_one_of_the_two_would_hold_nothing(street):
    doubtful = street.intake.record(
        an_observation(key="f1:9", lonlat=north_of(60), confidence=0.3, apart_from=("f1:1",))
    ).case_id
    street.desk.transition(doubtful, Change(to="merged", duplicate_of=street.case_id), by=CHIEF)
    street.split(("f1:9",))
    before = street.everything()
    with pytest.raises(IllegalTransition, match="left without an observation"):
        street.desk.transition(doubtful, Change(to="pending_review", reason="two"), by=CHIEF)
    assert street.everything() == before
