"""Merging and taking it back, what goes to a person, what a clean look parts, and what flights tell of each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from cities import DENSE, CityPlan, build_city
from geo_builders import LAT, LON, a_fix, a_sighting
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.frames import LocalFrame
from geo.identity import Grouper, IdentityRules, PictureLooks, Thing, offset_from_known
from geo.sighting import Sighting

NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
COMMON = ((2.25, 0.0), (0.0, 2.25))
ROUND_TRIP = LocalFrame(lon=LON, lat=LAT)


def seen(flight: int, east_m: float, north_m: float = 0.0, *, source: str = "1", **changes: object) -> Sighting:
    """A sighting of a flight whose pictures share an offset of 1.5 m, and each of which adds 0.5 m."""
    fix = a_fix(east_m, north_m, sigma_m=float(np.hypot(1.5, 0.5)), common_m2=COMMON)
    values = {"fix": fix, "flight_id": f"f{flight}", "source": source, "seen_at": NOON + timedelta(days=flight)}
    return a_sighting(**(values | changes))


def state_of(grouper: Grouper) -> list[Thing]:
    return list(grouper.things())


def flown_twice(spacing_m: float, offset_m: tuple[float, float], things: int = 9, frames: int = 4) -> Grouper:
    """Things in a crooked row, each seen a few times on two flights, the second of which lies off."""
    grouper, rng = Grouper(), np.random.default_rng(5)
    places = [(spacing_m * i, 3.0 * (i % 3) + 0.4 * i * i) for i in range(things)]
    for flight, off in ((1, (0.0, 0.0)), (2, offset_m)):
        for frame in range(frames):
            jitter = rng.normal(0, 0.3, (things, 2))
            grouper.add_picture(
                [
                    seen(flight, e + off[0] + de, n + off[1] + dn, source=f"{frame}")
                    for (e, n), (de, dn) in zip(places, jitter, strict=True)
                ]
            )
        grouper.merge_pass()
    return grouper


def test_an_undone_merge_leaves_things_as_they_were_and_no_pass_joins_them_again() -> None:
    grouper = Grouper()
    for source in "123":
        grouper.add(seen(1, 0.0, source=source))
    grouper.add(seen(2, 40.0, source="1"))
    stray = grouper.add(seen(1, 2.6, source="4"))
    before = state_of(grouper)
    assert grouper.merge_pass() == [(1, stray)]
    (merge,) = grouper.merges()
    assert (merge.kept_id, merge.gone_id, merge.why) == (1, stray, "place")
    assert grouper.undo(merge) == stray
    assert state_of(grouper) == before
    assert grouper.merges() == ()
    assert grouper.merge_pass() == []
    with pytest.raises(KeyError, match="stands"):
        grouper.undo(merge)


def test_a_person_may_join_what_no_rule_would_and_take_that_back() -> None:
    grouper = Grouper()
    one, other = grouper.add(seen(1, 0.0)), grouper.add(seen(1, 25.0, source="2"))
    before = state_of(grouper)
    merge = grouper.merge(one, other)
    assert (len(grouper), merge.why) == (1, "person")
    grouper.undo(merge)
    assert state_of(grouper) == before


def test_sightings_that_came_after_a_merge_stay_with_their_part_when_it_is_undone() -> None:
    grouper = Grouper()
    for source in "123":
        grouper.add(seen(1, 0.0, source=source))
    stray = grouper.add(seen(1, 2.6, source="4"))
    grouper.merge_pass()
    assert grouper.add(seen(1, 2.8, source="5")) == 1
    grouper.undo(grouper.merges()[0])
    assert [len(grouper.sightings_of(thing_id)) for thing_id in (1, stray)] == [3, 2]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0, 60), st.floats(0, 60)), min_size=4, max_size=20),
    st.data(),
)
def test_undoing_merges_in_any_order_restores_everything(
    spots: list[tuple[int, float, float]], data: st.DataObject
) -> None:
    grouper = Grouper()
    for number, (flight, east, north) in enumerate(spots):
        grouper.add(seen(flight, east, north, source=f"{number}"))
    before, stood = state_of(grouper), grouper.merges()
    made = []
    for _ in range(data.draw(st.integers(1, 4))):
        if len(grouper) > 1:
            one, other = data.draw(st.permutations(grouper.thing_ids()))[:2]
            made.append(grouper.merge(one, other))
    for merge in data.draw(st.permutations(made)):
        grouper.undo(merge)
    assert grouper.merges() == stood
    now = {thing.thing_id: {id(s) for s in thing.sightings} for thing in grouper.things()}
    assert now == {thing.thing_id: {id(s) for s in thing.sightings} for thing in before}


def test_who_came_first_gives_back_the_sightings_of_who_came_later() -> None:
    # Two heaps 2.6 m apart; the first picture shows one of them, the second only the other, the rest both.
    grouper = Grouper()
    near, far = (0.0, 0.0), (2.6, 0.0)
    grouper.add_picture([seen(1, *near, source="0")])
    assert grouper.add_picture([seen(1, 1.9, 0.0, source="1")]) == [1]
    for frame in range(2, 9):
        grouper.add_picture([seen(1, *near, source=f"{frame}"), seen(1, *far, source=f"{frame}")])
    grouper.merge_pass()
    assert [len(thing.sightings) for thing in grouper.things()] == [8, 8]


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_a_flights_pictures_does_not_change_how_many_things_there_are(random: object) -> None:
    rng = np.random.default_rng(3)
    pictures = []
    for frame in range(8):
        places = np.array([(7.0 * i, 5.0 * (i % 4)) for i in range(12)]) + rng.normal(0, 0.35, (12, 2))
        pictures.append([seen(1, e, n, source=f"{frame}") for e, n in places])
    random.shuffle(pictures)  # type: ignore[attr-defined]
    grouper = Grouper()
    for picture in pictures:
        grouper.add_picture(picture)
    grouper.merge_pass()
    assert len(grouper) == 12
    assert all(len(thing.sightings) == 8 for thing in grouper.things())


def test_a_second_merge_pass_changes_nothing() -> None:
    grouper = flown_twice(6.0, (2.0, -1.5))
    before = state_of(grouper)
    assert grouper.merge_pass() == []
    assert state_of(grouper) == before


def test_places_between_the_gates_are_suggested_and_not_merged() -> None:
    # χ² of two equal errors: 0.95 ends at 2.45 · sqrt(2) σ, 0.999 at 3.72 · sqrt(2) σ; σ is hypot(1.5, 0.5, 0.3).
    for apart_m, things, suggested in ((5.0, 1, 0), (6.8, 2, 1), (9.5, 2, 0)):
        grouper = Grouper()
        grouper.add(seen(1, 0.0))
        grouper.add(seen(2, apart_m))
        grouper.merge_pass()
        assert (len(grouper), len(grouper.suggestions())) == (things, suggested), apart_m
    assert grouper.suggestions() == ()


def test_a_vague_place_is_suggested_never_merged() -> None:
    grouper = Grouper()
    sharp = grouper.add(seen(1, 0.0))
    vague = grouper.add(a_sighting(5.0, 0.0, sigma_m=13.0, flight_id="f2", source="x"))
    assert grouper.merge_pass() == []
    (suggestion,) = grouper.suggestions()
    assert (suggestion.one_id, suggestion.other_id, suggestion.why) == (sharp, vague, "vague")


def test_what_one_picture_shows_side_by_side_is_known_to_be_beside() -> None:
    grouper = Grouper()
    one, other = grouper.add_picture([seen(1, 0.0), seen(1, 2.0)])
    alone = grouper.add(seen(1, 60.0, source="2"))
    assert (grouper.beside(one), grouper.beside(other), grouper.beside(alone)) == ((other,), (one,), ())


def test_the_same_file_name_on_two_flights_is_not_the_same_picture() -> None:
    grouper = Grouper()
    assert grouper.add(seen(1, 0.0, source="DJI_0001.JPG")) == grouper.add(seen(2, 0.5, source="DJI_0001.JPG"))


@pytest.mark.parametrize("flights", [(2,), (2, 3)])
def test_a_clean_look_in_between_makes_what_comes_back_another_thing(flights: tuple[int, ...]) -> None:
    looks = PictureLooks(least_pictures=4)
    square = [(fix.lon, fix.lat) for fix in (a_fix(-30, -30), a_fix(30, -30), a_fix(30, 30), a_fix(-30, 30))]
    grouper = Grouper(clean_look=looks.clean_look)
    first = grouper.add(seen(1, 0.0))
    for flight in flights:
        for picture in range(4):
            looks.add(square, at=NOON + timedelta(days=flight, seconds=picture), flight_id=f"f{flight}")
    again = grouper.add(seen(4, 0.3))
    assert grouper.merge_pass() == []
    assert (again != first, grouper.thing(again).recurrence_of) == (True, first)
    assert [one.why for one in grouper.suggestions()] == ["again"]


@pytest.mark.parametrize("what", ["too few pictures", "another place", "the flight that saw it"])
def test_a_look_that_is_not_clean_parts_nothing(what: str) -> None:
    looks = PictureLooks(least_pictures=4)
    east_m = 500.0 if what == "another place" else 0.0
    square = [(f.lon, f.lat) for f in (a_fix(east_m - 9, -9), a_fix(east_m + 9, -9), a_fix(east_m + 9, 9))]
    flight_id = "f1" if what == "the flight that saw it" else "f2"
    for picture in range(3 if what == "too few pictures" else 6):
        looks.add(square, at=NOON + timedelta(days=2, seconds=picture), flight_id=flight_id)
    grouper = Grouper(clean_look=looks.clean_look)
    assert grouper.add(seen(1, 1.0, -1.0)) == grouper.add(seen(4, 1.0, -1.0))


def test_flights_that_saw_the_same_things_tell_each_others_offset() -> None:
    # Neighbours are six metres apart and the second flight lies three off: places alone would not do.
    grouper = flown_twice(6.0, (2.4, -1.8))
    assert len(grouper) == 9
    assert all(len(thing.sightings) == 8 for thing in grouper.things())
    # Half of the difference is each flight's, and the error of both is less than that of one.
    first = grouper.thing(1)
    place = ROUND_TRIP.en_from_lonlat([(first.fix.lon, first.fix.lat)])[0]
    assert place == pytest.approx((1.2, -0.9), abs=0.35)
    assert first.fix.ellipse().major_m == pytest.approx(1.5 / np.sqrt(2), abs=0.12)


def test_a_single_pair_tells_no_offset() -> None:
    grouper = Grouper()
    for frame in range(4):
        grouper.add(seen(1, 0.0, source=f"{frame}"))
        grouper.add(seen(2, 6.5, source=f"{frame}"))
    assert grouper.merge_pass() == []
    assert len(grouper) == 2


def test_an_offset_against_known_places_is_told_by_many_and_by_no_few() -> None:
    rng = np.random.default_rng(2)
    places = rng.uniform(0, 90, (25, 2))
    known = [("water", a_fix(e, n, sigma_m=1.3)) for e, n in places]
    flown = [("water", a_fix(e + 2.2, n - 1.4, sigma_m=1.6, common_m2=COMMON)) for e, n in places[:20]]
    assert offset_from_known(flown, known, IdentityRules()) == pytest.approx((2.2, -1.4), abs=0.25)
    assert offset_from_known(flown[:4], known, IdentityRules()) is None
    assert offset_from_known([("waste", fix) for _, fix in flown], known, IdentityRules()) is None


def test_a_lattice_that_fits_in_two_ways_tells_no_offset() -> None:
    known = [("water", a_fix(3.0 * i, 3.0 * j, sigma_m=1.3)) for i in range(6) for j in range(6)]
    flown = [("water", replace(fix, common_m2=COMMON)) for _, fix in known[:20]]
    moved = [(family, a_fix(1.5 + 3.0 * (i % 6), 1.5, sigma_m=1.6)) for i, (family, _) in enumerate(flown[:6])]
    assert offset_from_known(moved, known, IdentityRules()) is None


def test_a_small_dense_city_is_told_apart_better_than_the_bar_asks() -> None:
    city = build_city(replace_plan(DENSE), seed=11)
    looks = PictureLooks()
    grouper = Grouper(clean_look=looks.clean_look)
    for flight in city.pictures:
        for picture in flight:
            looks.add(picture.footprint_lonlat, at=picture.at, flight_id=picture.flight_id)
            grouper.add_picture(picture.sightings)
        grouper.merge_pass()
    assert all(len({s.source for s in thing.sightings}) == len(thing.sightings) for thing in grouper.things())
    truth = {id(s): t for p in city.flat_pictures for s, t in zip(p.sightings, p.truth, strict=True)}
    found = {id(s): thing_id for thing_id in grouper.thing_ids() for s in grouper.sightings_of(thing_id)}
    assert found.keys() == truth.keys()
    assert adjusted_rand(list(truth.values()), [found[key] for key in truth]) >= 0.95


def replace_plan(plan: CityPlan) -> CityPlan:
    return replace(plan, size_m=130.0, flights=3)


def adjusted_rand(one: list[int], other: list[int]) -> float:
    """The adjusted Rand index, from its definition."""
    _, a = np.unique(one, return_inverse=True)
    _, b = np.unique(other, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, ones, others = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = ones * others / (len(one) * (len(one) - 1) / 2)
    return (both - chance) / ((ones + others) / 2 - chance)
