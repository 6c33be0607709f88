"""A clean look in between: what comes back after it is another case, and what is looked at again says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dispatch_builders import HOME_LONLAT, NOON, an_observation, default_rules, north_of
from sqlalchemy import select

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.looked_again import KIND, LookedAgain, NothingFound
from dispatch_api.errors import NotFound
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import case, event

MATTERS, ROUTING = default_rules()
BOX = (HOME_LONLAT[0] - 0.001, HOME_LONLAT[1] - 0.001, HOME_LONLAT[0] + 0.001, HOME_LONLAT[1] + 0.001)


class Looks:
    """Clean looks at given times, by named flights, anywhere."""

    def __init__(self, **flights):
        self.flights = flights
        self.asked = []

    def __call__(self, spot, *, label, after, before, but_not):
        self.asked.append((label, after, before, but_not))
        return any(after < at < before for flight, at in self.flights.items() if flight not in but_not)


def seen_again(store, looks, *, after=timedelta(hours=20), **changes):
    intake = Intake(store, MATTERS, ROUTING, looked_clean=looks)
    first = intake.record(an_observation(flight_id="f1"))
    later = NOON + after
    second = intake.record(an_observation(flight_id="f3", first_seen_at=later, last_seen_at=later, **changes))
    return first, second


def the_case(store, case_id):
    with store.read() as connection:
        return connection.execute(select(case).where(case.c.case_id == case_id)).one()


def events(store):
    with store.read() as connection:
        return connection.execute(select(event).where(event.c.kind == KIND)).all()


def test_what_comes_back_after_a_clean_look_is_a_new_case_that_names_the_one_before(store):
    looks = Looks(f2=NOON + timedelta(hours=9))
    first, second = seen_again(store, looks)
    assert (second.opened, second.case_id != first.case_id) == (True, True)
    row = the_case(store, second.case_id)
    assert (row.recurrence_of, row.repeats) == (first.case_id, 1)
    assert the_case(store, first.case_id).state == "dispatched"
    label, after, before, but_not = looks.asked[-1]
    assert (label, after, before) == ("standing_water", NOON, NOON + timedelta(hours=20))
    assert but_not == {"f1", "f3"}


@pytest.mark.parametrize(
    "looks",
    [
        Looks(),
        Looks(f2=NOON + timedelta(hours=30)),
        Looks(f1=NOON + timedelta(hours=9)),
        Looks(f3=NOON + timedelta(hours=9)),
    ],
    ids=["none", "too late", "by the flight that saw it", "by the flight that sees it"],
)
def test_without_a_clean_look_in_between_it_is_the_same_case(store, looks):
    first, second = seen_again(store, looks)
    assert (second.opened, second.case_id) == (False, first.case_id)


def test_what_is_seen_once_more_after_it_came_back_joins_the_case_that_came_back(store):
    looks = Looks(f2=NOON + timedelta(hours=9))
    _, second = seen_again(store, looks)
    later = NOON + timedelta(hours=25)
    third = Intake(store, MATTERS, ROUTING, looked_clean=looks).record(
        an_observation(flight_id="f4", first_seen_at=later, last_seen_at=later)
    )
    assert third.case_id == second.case_id


def test_pictures_that_come_in_late_join_the_case_of_their_time(store):
    looks = Looks(f2=NOON + timedelta(hours=9))
    first, _ = seen_again(store, looks)
    early = NOON + timedelta(hours=1)
    late = Intake(store, MATTERS, ROUTING, looked_clean=looks).record(
        an_observation(flight_id="f0", first_seen_at=early, last_seen_at=early)
    )
    assert late.case_id == first.case_id


def test_open_cases_that_a_flight_flew_over_and_did_not_see_are_found(store, intake):
    here = intake.record(an_observation(flight_id="f1"))
    intake.record(an_observation(flight_id="f2", lonlat=north_of(60)))
    intake.record(an_observation(flight_id="f1", lonlat=north_of(500)))
    later = NOON + timedelta(hours=1)
    intake.record(an_observation(flight_id="f1", lonlat=north_of(-60), first_seen_at=later, last_seen_at=later))
    desk = LookedAgain(store, MATTERS)
    found = desk.open_cases(BOX, flight_id="f2", before=NOON + timedelta(minutes=30))
    assert [row.case_id for row in found] == [here.case_id]


def test_a_clean_look_is_told_once_in_the_case_s_history(store, intake):
    recorded = intake.record(an_observation(flight_id="f1"))
    found = NothingFound(
        case_id=recorded.case_id, flight_id="f2", looks=5, resolution_m=0.0217,
        first_at=NOON + timedelta(hours=2), last_at=NOON + timedelta(hours=2, seconds=9),
    )  # fmt: skip
    desk = LookedAgain(store, MATTERS)
    assert desk.note(found)
    assert not desk.note(found)
    (told,) = events(store)
    assert told.case_id == recorded.case_id
    assert told.why == "f2: 5 looks, 2.2 cm per pixel, nothing found"
    with store.read() as connection:
        assert verify_history(connection) > 3
    with pytest.raises(NotFound):
        desk.note(NothingFound(**{**vars(found), "case_id": "none"}))
