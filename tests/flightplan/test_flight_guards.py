"""Fence and rally points on their way to the vehicle and back, and the hash that names a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flight_builders import LAT, LON, a_fence, a_guarded_mission, a_mission, a_rally_point, a_ring, meddled_link
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import MissionRefused, ReadBackDiffers
from flightplan.files.qgc_plan import read_plan, write_plan
from flightplan.flying.flight import fly
from flightplan.link.link import open_link
from flightplan.link.mavlink import Autopilot, MissionItem, UnknownItem
from flightplan.link.mavlink_guards import fence_from_items, items_from_fence, items_from_rally, rally_from_items
from flightplan.link.plan_on_wire import ListKind, PlanOnWire, plan_hash
from flightplan.link.upload import Patience, check_held, download_items, upload
from flightplan.mission.fence import Fence
from flightplan.mission.mission import Home
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

QUICK = Patience(answer_s=0.5, item_s=0.2, retries=6, rounds=1)


@pytest.fixture(params=Autopilot, ids=lambda spoken: spoken.name.lower())
def vehicle(request):
    setup = VehicleSetup(dialect=request.param)
    with SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, setup=setup).running() as running:
        yield running


def corner(seq, command=5001, count=3, place=(0, 0)):
    return MissionItem(seq=seq, frame=5, command=command, params=(float(count), 0, 0, 0), x=place[0], y=place[1])


def test_a_fence_goes_to_the_wire_ring_by_ring_with_its_number_of_corners():
    items = items_from_fence(a_fence())

    assert [item.command for item in items] == [5001] * 4 + [5002] * 4
    assert [item.params[0] for item in items] == [4.0] * 8
    assert items[0].x < 300_000_000 < items[0].y, "latitude comes first on the wire"
    assert fence_from_items(items) == a_fence()


def test_no_fence_is_an_empty_list():
    assert items_from_fence(None) == ()
    assert fence_from_items(()) is None


def test_rally_points_survive_the_wire():
    points = (a_rally_point(), a_rally_point(30.0, -40.0, 55.0))

    assert rally_from_items(items_from_rally(points)) == points


@pytest.mark.parametrize(
    "items",
    [
        [corner(0), corner(1)],
        [corner(0), corner(1), corner(2, count=4)],
        [corner(0), corner(1), corner(2, command=5002)],
        [corner(0, count=2), corner(1, count=2)],
        [corner(0, command=16), corner(1), corner(2)],
    ],
    ids=["too few", "other count", "other kind", "two corners", "no corner"],
)
def test_a_fence_that_does_not_add_up_is_refused(items):
    with pytest.raises(UnknownItem):
        fence_from_items(items)


def test_a_point_that_is_no_rally_point_is_refused():
    with pytest.raises(UnknownItem, match="no rally point"):
        rally_from_items([corner(0)])


def test_mission_fence_and_rally_points_are_uploaded_and_read_back(vehicle):
    told = []
    mission = a_guarded_mission()
    with open_link(vehicle.address) as link:
        result = upload(link, mission, lambda done, total: told.append((done, total)))
        fence = download_items(link, kind=ListKind.FENCE)
        rally = download_items(link, kind=ListKind.RALLY)

    items = 13 if vehicle.autopilot.setup.dialect is Autopilot.ARDUPILOT else 12
    total = 2 * (items + 8 + 1)
    assert (result.items, result.fence_points, result.rally_points, result.resent) == (items, 8, 1, 0)
    assert told == [(done, total) for done in range(1, total + 1)]
    assert fence_from_items(fence) == mission.fence
    assert rally_from_items(rally) == mission.rally
    assert vehicle.autopilot.rally == mission.rally


def test_what_a_mission_does_not_have_is_cleared(vehicle):
    with open_link(vehicle.address) as link:
        upload(link, a_guarded_mission())
        result = upload(link, a_mission())

        assert (result.fence_points, result.rally_points) == (0, 0)
        assert download_items(link, kind=ListKind.FENCE) == ()
        assert download_items(link, kind=ListKind.RALLY) == ()


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (a_guarded_mission(fence=None), "its fence has 0 points instead of 8"),
        (a_guarded_mission(fence=Fence(inside=(a_ring(-60, -60, 250, 401),))), "its fence has 4 points instead of 8"),
        (
            a_guarded_mission(fence=replace(a_fence(), inside=(a_ring(-60, -60, 250, 401),))),
            "fence point 2: latitude, longitude",
        ),
        (a_guarded_mission(rally=()), "its rally has 0 points instead of 1"),
        (a_guarded_mission(rally=(a_rally_point(alt_m=41.0),)), "rally point 0: height 41.00 m instead of 40.00 m"),
    ],
)
def test_another_fence_or_rally_point_keeps_the_vehicle_on_the_ground(vehicle, other, line):
    with open_link(vehicle.address) as link:
        upload(link, other)
        with pytest.raises(ReadBackDiffers, match=line):
            fly(link, a_guarded_mission())

        assert not vehicle.autopilot.armed


def test_the_proof_of_holding_a_plan_names_it_by_its_hash(vehicle):
    with open_link(vehicle.address) as link:
        result = upload(link, a_guarded_mission())
        held = check_held(link, a_guarded_mission())

    assert result.plan_hash == held.plan_hash == plan_hash(a_guarded_mission())
    assert held.system_id == 1


def test_a_vehicle_without_fences_takes_a_mission_that_has_none(vehicle):
    def knows_missions_only(name, packet):
        message = dialect.MAVLink(None).parse_buffer(packet)[0]
        if getattr(message, "mission_type", 0) == 0:
            return [packet]
        codec = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
        refusal = dialect.MAVLink_mission_ack_message(255, 190, dialect.MAV_MISSION_UNSUPPORTED, message.mission_type)
        return [bytes(refusal.pack(codec))]

    with meddled_link(vehicle, down=knows_missions_only) as link:
        assert upload(link, a_mission(), patience=QUICK).fence_points == 0
        with pytest.raises(MissionRefused, match="refused the fence") as refused:
            upload(link, a_guarded_mission(), patience=QUICK)

    assert refused.value.code_name == "MAV_MISSION_UNSUPPORTED"


def test_the_hash_is_of_what_is_flown_and_of_nothing_else():
    mission = a_guarded_mission()
    others = [
        a_guarded_mission(fence=None),
        a_guarded_mission(rally=(a_rally_point(alt_m=40.1),)),
        a_guarded_mission(home=Home(lon=LON, lat=LAT + 1e-7, alt_msl_m=71.5)),
        a_guarded_mission(mission.items[:-2] + mission.items[-1:]),
    ]

    assert plan_hash(a_guarded_mission(name="another name")) == plan_hash(mission)
    assert len({plan_hash(one) for one in (mission, *others)}) == 1 + len(others)
    assert len(plan_hash(mission)) == 64


def test_a_plan_read_from_a_file_has_the_hash_of_the_plan_written(tmp_path):
    write_plan(tmp_path / "a.plan", a_guarded_mission())

    assert plan_hash(read_plan(tmp_path / "a.plan")) == plan_hash(a_guarded_mission())


def test_rally_heights_may_come_back_in_whole_metres():
    plan = PlanOnWire.of(a_guarded_mission(rally=(a_rally_point(alt_m=40.4),)), Autopilot.ARDUPILOT)
    held = [replace(item, z=40.0, frame=3) for item in plan.rally]

    assert plan.differences(ListKind.RALLY, held) == ()
