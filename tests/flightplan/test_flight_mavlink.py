from __future__ import annotations

import math
from dataclasses import replace

import pytest
from flight_builders import LAT, LON, a_mission, a_waypoint, the_items
from hypothesis import given
from hypothesis import strategies as st

from flightplan.link.mavlink import (
    Autopilot,
    MissionItem,
    UnknownItem,
    degrees,
    differences,
    e7,
    home_from_item,
    items_from_mission,
    lonlat_from_xy,
    mission_from_items,
    xy_from_lonlat,
)
from flightplan.mission.mission import PointCamera


@given(st.integers(-1_800_000_000, 1_800_000_000))
def test_every_1e_minus_7_degree_survives_degrees_and_back(angle_e7):
    assert e7(degrees(angle_e7)) == angle_e7


def test_rounding_does_not_cut_off():
    # 106.8335717 * 1e7 is 1068335716.9999999 in floating point.
    assert int(106.8335717 * 1e7) == 1_068_335_716
    assert e7(106.8335717) == 1_068_335_717


def test_latitude_comes_first_on_the_wire_and_nowhere_else():
    assert xy_from_lonlat(LON, LAT) == (289_398_765, 1_188_712_345)
    assert lonlat_from_xy(289_398_765, 1_188_712_345) == (LON, LAT)


def test_home_is_item_0_for_ardupilot_and_no_item_for_px4():
    ardupilot = items_from_mission(a_mission(), Autopilot.ARDUPILOT)
    px4 = items_from_mission(a_mission(), Autopilot.PX4)

    assert (ardupilot[0].command, ardupilot[0].x, ardupilot[0].z) == (16, 289_398_765, 71.5)
    assert px4[0].command == 22
    assert len(ardupilot) == len(px4) + 1
    assert [item.seq for item in ardupilot] == list(range(len(ardupilot)))


def test_unset_parameters_are_nan_for_px4_only():
    def holds_nan(items):
        return any(math.isnan(value) for item in items for value in item.params)

    assert not holds_nan(items_from_mission(a_mission(), Autopilot.ARDUPILOT))
    assert holds_nan(items_from_mission(a_mission(), Autopilot.PX4))


@pytest.mark.parametrize("autopilot", Autopilot)
def test_a_mission_survives_the_wire(autopilot):
    mission = a_mission([*the_items()[:-1], a_waypoint(10, 10, 150, alt_reference="msl"), the_items()[-1]])
    items = items_from_mission(mission, autopilot)
    first = 1 if autopilot.home_is_item_0 else 0

    back = mission_from_items(name=mission.name, home=mission.home, items=items[first:])

    assert [type(item) for item in back.items] == [type(item) for item in mission.items]
    for one, other in zip(mission.waypoints, back.waypoints, strict=True):
        assert (other.lon, other.lat) == pytest.approx((one.lon, one.lat), abs=5.1e-8)
        assert (other.alt_m, other.alt_reference) == (one.alt_m, one.alt_reference)


def test_home_survives_item_0():
    home = a_mission().home

    assert home_from_item(items_from_mission(a_mission())[0]) == home


def test_a_gimbal_command_of_older_ground_stations_is_understood():
    mount = MissionItem(seq=3, frame=2, command=205, params=(-90.0, 0.0, 0.0, 0.0), z=2.0)
    items = [*items_from_mission(a_mission())[1:3], mount, *items_from_mission(a_mission())[4:]]

    mission = mission_from_items(name="x", home=a_mission().home, items=items)

    assert mission.items[2] == PointCamera(pitch_deg=-90.0)


@pytest.mark.parametrize(
    "item",
    [
        MissionItem(seq=4, frame=3, command=177, params=(1.0, 5.0, 0.0, 0.0)),
        MissionItem(seq=4, frame=1, command=16, z=30.0),
        MissionItem(seq=4, frame=0, command=22, z=30.0),
    ],
)
def test_a_command_that_is_not_flown_here_is_refused_by_number(item):
    with pytest.raises(UnknownItem, match=f"item 4 \\(MAV_CMD {item.command}\\)"):
        mission_from_items(name="x", home=a_mission().home, items=[item])


def test_what_ardupilot_changes_is_no_difference():
    sent = items_from_mission(a_mission())
    own_home = replace(sent[0], x=sent[0].x + 500, z=12.0)
    held = [
        own_home,
        *(
            replace(item, frame={6: 3, 2: 0}[item.frame], z=item.z + 0.01, x=item.x + item.has_place)
            for item in sent[1:]
        ),
    ]

    assert differences(sent, held) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x": 289_398_999}, "latitude"),
        ({"y": 0}, "longitude"),
        ({"z": 61.0}, "height 61.00 m instead of 60.00 m"),
        ({"z": math.nan}, "height"),
        ({"frame": 0}, "frame 0 instead of 6"),
        ({"command": 21}, "command 21 instead of 16"),
    ],
)
def test_a_waypoint_that_is_another_one_is_a_difference(changes, told):
    sent = items_from_mission(a_mission())
    held = [*sent[:4], replace(sent[4], **changes), *sent[5:]]

    found = differences(sent, held)

    assert len(found) == 1
    assert found[0].startswith("item 4: ")
    assert told in found[0]


def test_another_photo_distance_is_a_difference():
    sent = items_from_mission(a_mission())
    held = [*sent[:5], replace(sent[5], params=(25.0, 0.0, 1.0, 0.0)), *sent[6:]]

    assert differences(sent, held) == ("item 5: parameter 1 is 25 instead of 20",)


def test_another_count_is_a_difference():
    sent = items_from_mission(a_mission())

    assert differences(sent, sent[:-1]) == ("it holds 12 items instead of 13",)
