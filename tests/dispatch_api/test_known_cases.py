"""What a flight can know of cases before it reports, and how that keeps neighbours apart in the store."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.known import KnownCases
from dispatch_api.errors import InvalidRequest

MATTERS, ROUTING = default_rules()
BOX = (118.0, 28.0, 119.0, 29.5)


@pytest.fixture
def intake(store):
    return Intake(store, MATTERS, ROUTING, now=lambda: NOON)


@pytest.fixture
def known(store):
    return KnownCases(store, MATTERS)


def test_what_one_picture_showed_side_by_side_never_joins_one_case(intake):
    first = intake.record(an_observation(key="f1:1"))
    beside = intake.record(an_observation(key="f1:2", lonlat=north_of(2.5), apart_from=("f1:1",)))
    without = intake.record(an_observation(key="f1:3", lonlat=north_of(2.5)))
    assert beside.opened
    assert without.case_id == beside.case_id != first.case_id


def test_neighbours_of_a_second_flight_each_find_their_own_case(intake):
    cases = [
        intake.record(an_observation(key="f1:1")).case_id,
        intake.record(an_observation(key="f1:2", lonlat=north_of(4.0), apart_from=("f1:1",))).case_id,
    ]
    later = {"flight_id": "f2", "first_seen_at": NOON + timedelta(hours=1), "last_seen_at": NOON + timedelta(hours=1)}
    # The second flight lies 2.5 m too far north: without its offset the first one would take the second one's case.
    off = {"offset_m": (0.0, 2.5)}
    again = [
        intake.record(an_observation(key="f2:1", lonlat=north_of(2.5), **later, **off)).case_id,
        intake.record(an_observation(key="f2:2", lonlat=north_of(6.5), apart_from=("f2:1",), **later, **off)).case_id,
    ]
    assert again == cases


def test_an_offset_is_taken_off_to_compare_and_not_from_what_is_recorded(store, intake):
    from dispatch_api.cases.records import get_case

    first = intake.record(an_observation(flight_id="f1", sigma_m=1.0))
    second = intake.record(an_observation(flight_id="f2", sigma_m=1.0, lonlat=north_of(6.0), offset_m=(0.0, 6.0)))
    assert second.case_id == first.case_id
    with store.read() as connection:
        row = get_case(connection, first.case_id)
    assert row.lat == pytest.approx(north_of(3.0)[1], abs=1e-7)


def test_known_places_are_those_of_open_cases_that_another_flight_saw(intake, known):
    intake.record(an_observation(key="a", flight_id="f1"))
    intake.record(an_observation(key="b", flight_id="f2", lonlat=north_of(50)))
    (place,) = known.places(BOX, but_flight="f2")
    assert (place.family, place.lat) == ("waterlogging", north_of(0)[1])
    assert len(known.places(BOX, but_flight="f3")) == 2
    assert known.places((0.0, 0.0, 1.0, 1.0), but_flight="f3") == []


@pytest.mark.parametrize(
    ("north_m", "neighbour_m", "doubtful"),
    [(0.5, 60.0, False), (6.5, 60.0, True), (2.0, 4.0, True), (30.0, 60.0, False)],
)
def test_doubtful_is_what_may_be_one_of_several_cases_or_perhaps_one(intake, known, north_m, neighbour_m, doubtful):
    intake.record(an_observation(key="a", flight_id="f1"))
    intake.record(an_observation(key="b", flight_id="f1", lonlat=north_of(neighbour_m), apart_from=("a",)))
    asked = an_observation(key="c", flight_id="f2", lonlat=north_of(north_m))
    assert known.is_doubtful(asked) is doubtful
    assert len(known.places(BOX, but_flight="f2")) == 2


def test_the_family_of_an_unknown_matter_is_refused(known):
    assert known.family_of("dumping.household") == known.family_of("dumping.construction") == "dumping"
    with pytest.raises(InvalidRequest, match="matter"):
        known.family_of("nonsense")
