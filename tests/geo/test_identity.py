from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from geo_builders import LAT, LON, a_fix, a_sighting, a_square

from geo.frames import LocalFrame
from geo.identity import Grouper, IdentityRules
from geo.sighting import Sighting

NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
DUMPING = IdentityRules(families={"waste": "dumping", "overflowing_bin": "dumping"})


def test_two_sightings_inside_each_others_error_are_one_thing() -> None:
    grouper = Grouper()
    assert grouper.add(a_sighting(0, 0, source="1")) == grouper.add(a_sighting(2, 1, source="2"))
    (thing,) = grouper.things()
    assert len(thing.sightings) == 2
    assert thing.confidence == 0.8


def test_two_sightings_far_beyond_their_errors_are_two_things() -> None:
    grouper = Grouper()
    assert grouper.add(a_sighting(0, 0, source="1")) != grouper.add(a_sighting(12, 0, source="2"))


def test_the_gate_follows_the_error_not_a_radius() -> None:
    for sigma_m, expected in ((1.5, 2), (6.0, 1)):
        grouper = Grouper()
        grouper.add(a_sighting(0, 0, source="1", sigma_m=sigma_m))
        grouper.add(a_sighting(12, 0, source="2", sigma_m=sigma_m))
        assert len(grouper) == expected


def test_two_detections_of_one_picture_never_join() -> None:
    grouper = Grouper()
    first, second = grouper.add_picture([a_sighting(0, 0, source="1"), a_sighting(0.5, 0, source="1")])
    assert first != second
    assert grouper.add(a_sighting(0.2, 0, source="1")) not in (first, second)
    assert grouper.merge_pass() == []


def test_neighbours_keep_their_own_sightings_picture_after_picture() -> None:
    grouper, rng = Grouper(), np.random.default_rng(4)
    for frame in range(12):
        east, north = rng.normal(0, 0.4, 2)
        both = [a_sighting(east, north, source=f"{frame}"), a_sighting(east + 4, north, source=f"{frame}")]
        grouper.add_picture(both if frame % 2 else both[::-1])
    places = sorted(
        LocalFrame(lon=LON, lat=LAT).en_from_lonlat([(t.fix.lon, t.fix.lat) for t in grouper.things()])[:, 0]
    )
    assert places == pytest.approx([0.0, 4.0], abs=0.5)


def test_other_labels_do_not_join_unless_their_family_says_so() -> None:
    pair = (a_sighting(0, 0, source="1"), a_sighting(1, 0, source="2", label="overflowing_bin"))
    apart, together = Grouper(), Grouper(rules=DUMPING)
    for sighting in pair:
        apart.add(sighting)
        together.add(sighting)
    assert len(apart) == 2
    assert len(together) == 1


def test_outlines_that_overlap_are_one_thing_though_their_middles_are_far_apart() -> None:
    first = a_sighting(0, 0, source="1", footprint_lonlat=a_square(0, 0, 40), area_m2=1600.0)
    second = a_sighting(25, 0, source="2", footprint_lonlat=a_square(25, 0, 40), area_m2=1600.0)
    third = a_sighting(35, 35, source="3", footprint_lonlat=a_square(35, 35, 40), area_m2=1600.0)
    grouper = Grouper()
    assert grouper.add(first) == grouper.add(second)
    assert grouper.add(third) != 1


def test_a_lake_seen_in_parts_has_the_area_of_all_parts() -> None:
    grouper = Grouper()
    for index in range(8):
        square = a_square(25 * index, 0, 50)
        grouper.add(a_sighting(25 * index, 0, source=f"{index}", label="standing_water", footprint_lonlat=square))
    (lake,) = grouper.things()
    assert lake.area_m2 == pytest.approx((25 * 7 + 50) * 50, rel=0.02)


def test_a_puddle_seen_often_is_not_larger_than_a_puddle() -> None:
    grouper, rng = Grouper(), np.random.default_rng(1)
    for index in range(15):
        east, north = rng.normal(0, 0.5, 2)
        square = a_square(east, north, 4)
        grouper.add(a_sighting(east, north, source=f"{index}", footprint_lonlat=square, area_m2=16.0))
    (puddle,) = grouper.things()
    assert puddle.area_m2 == pytest.approx(16.0, rel=0.05)


def test_a_place_less_sure_than_30_metres_never_joins() -> None:
    grouper = Grouper()
    ids = [grouper.add(a_sighting(0, 0, source=f"{index}", sigma_m=13.0)) for index in range(3)]
    assert len(set(ids)) == 3
    assert grouper.merge_pass() == []


def test_the_error_of_one_flight_does_not_average_out_but_that_of_two_does() -> None:
    common = ((1.44, 0.0), (0.0, 1.44))
    grouper = Grouper()
    for index in range(100):
        fix = a_fix(sigma_m=2.0, common_m2=common)
        grouper.add(a_sighting(source=f"{index}", fix=fix, flight_id="one"))
    (one,) = grouper.things()
    assert 1.2 <= one.fix.ellipse().major_m < 1.25
    for index in range(100):
        fix = a_fix(sigma_m=2.0, common_m2=common)
        grouper.add(a_sighting(source=f"b{index}", fix=fix, flight_id="two"))
    (both,) = grouper.things()
    assert both.fix.ellipse().major_m == pytest.approx(one.fix.ellipse().major_m / math.sqrt(2), rel=0.02)


def test_the_fused_error_holds_the_truth_as_often_as_it_says() -> None:
    rng, held, runs = np.random.default_rng(8), 0, 400
    frame = LocalFrame(lon=LON, lat=LAT)
    common = ((1.44, 0.0), (0.0, 1.44))
    for _ in range(runs):
        grouper, offset = Grouper(rules=IdentityRules(frame_probability=0.9999)), rng.normal(0, 1.2, 2)
        for index in range(6):
            place = offset + rng.normal(0, 1.5, 2)
            fix = a_fix(*place, sigma_m=math.hypot(1.2, 1.5), common_m2=common)
            grouper.add(a_sighting(source=f"{index}", fix=fix))
        thing = max(grouper.things(), key=lambda t: len(t.sightings))
        error = frame.en_from_lonlat([(thing.fix.lon, thing.fix.lat)])[0]
        held += error @ np.linalg.inv(np.array(thing.fix.covariance_m2)) @ error < 5.991
    assert 0.92 < held / runs < 0.985


def test_a_window_in_time_keeps_old_sightings_apart() -> None:
    grouper = Grouper(rules=IdentityRules(windows={"waste": timedelta(hours=2)}))
    grouper.add(a_sighting(source="1", seen_at=NOON))
    grouper.add(a_sighting(source="2", seen_at=NOON + timedelta(hours=3)))
    grouper.add(a_sighting(source="3", seen_at=NOON + timedelta(hours=1)))
    assert len(grouper) == 2


def test_a_thing_knows_when_it_was_seen_and_what_it_is() -> None:
    grouper = Grouper(rules=DUMPING)
    grouper.add(a_sighting(source="1", seen_at=NOON, confidence=0.5))
    grouper.add(a_sighting(source="2", seen_at=NOON - timedelta(minutes=1), label="overflowing_bin", confidence=0.9))
    (thing,) = grouper.things()
    assert (thing.first_seen_at, thing.last_seen_at) == (NOON - timedelta(minutes=1), NOON)
    assert thing.label == "overflowing_bin"
    assert thing.confidence == 0.9


def test_what_a_pictures_edge_cuts_off_decides_neither_confidence_nor_outline() -> None:
    cut_fix = replace(a_fix(6, 0, sigma_m=6.0), flags=("cut_by_edge",))
    whole = a_sighting(0, 0, source="1", confidence=0.5, footprint_lonlat=a_square(0, 0, 4), area_m2=16.0)
    cut = a_sighting(source="2", confidence=0.9, fix=cut_fix, footprint_lonlat=a_square(6, 0, 5), area_m2=25.0)
    also_cut = replace(cut, source="3")
    grouper = Grouper()
    for sighting in (cut, whole, also_cut):
        grouper.add(sighting)
    (thing,) = grouper.things()
    assert len(thing.sightings) == 3
    assert thing.confidence == 0.5
    assert thing.area_m2 == pytest.approx(16, rel=0.01)
    alone = Grouper()
    alone.add(cut)
    assert alone.things()[0].confidence == 0.9


def test_a_merge_pass_takes_in_a_stray_of_a_thing_seen_often() -> None:
    grouper = Grouper()
    for index in range(12):
        grouper.add(a_sighting(0, 0, source=f"{index}", sigma_m=1.5))
    stray = grouper.add(a_sighting(4.2, 0, source="stray", sigma_m=1.5))
    assert len(grouper) == 2
    assert grouper.merge_pass() == [(1, stray)]
    assert len(grouper) == 1
    with pytest.raises(KeyError):
        grouper.thing(stray)


def scattered(things: int, frames: int) -> tuple[list[list[Sighting]], list[list[int]]]:
    rng = np.random.default_rng(3)
    side = math.ceil(math.sqrt(things))
    truth = np.array([(30.0 * (i % side), 30.0 * (i // side)) for i in range(things)])
    offset = rng.normal(0, 1.2, 2)
    pictures, labels = [], []
    for frame in range(frames):
        seen = rng.permutation(things)[: things * 3 // 4]
        places = truth[seen] + offset + rng.normal(0, 0.9, (len(seen), 2))
        pictures.append([a_sighting(e, n, source=f"{frame}") for e, n in places])
        labels.append([int(index) for index in seen])
    return pictures, labels


def test_ten_thousand_sightings_are_grouped_rightly() -> None:
    pictures, labels = scattered(things=700, frames=20)
    grouper, owner = Grouper(), {}
    for sightings, truth in zip(pictures, labels, strict=True):
        for thing_id, index in zip(grouper.add_picture(sightings), truth, strict=True):
            owner.setdefault(thing_id, set()).add(index)
    grouper.merge_pass()
    assert all(len(indices) == 1 for indices in owner.values())
    assert 700 <= len(grouper) < 715


@pytest.mark.parametrize("changes", [{"confidence": 1.5}, {"label": ""}, {"seen_at": datetime(2026, 7, 1)}])
def test_a_sighting_checks_itself(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="sighting"):
        a_sighting(**changes)
