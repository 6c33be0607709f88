"""The simulated vehicle's circles, limits of height and distance, and what it does beyond them, in both dialects."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from flight_builders import FRAME, LAT, LON, a_guarded_mission, a_mission, a_ring, lonlat
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import BeyondFence, MissionRefused
from flightplan.flying.flight import FlightControl, Phase, fly
from flightplan.link.link import open_link
from flightplan.link.mavlink import FENCE_CIRCLE_INSIDE, FENCE_CIRCLE_OUTSIDE, Autopilot, MissionItem, xy_from_lonlat
from flightplan.link.mission_transfer import Patience, download_items, send_items
from flightplan.link.modes import Mode
from flightplan.link.parameters import read_parameter, set_parameter
from flightplan.link.plan_on_wire import ListKind
from flightplan.link.upload import upload
from flightplan.mission.fence import Fence
from flightplan.projection import LocalFrame
from flightplan.vehicle import SimulatedVehicle, VehicleSetup
from flightplan.vehicle.fencing import Breach, Circle, FenceGuard

BOTH = pytest.mark.parametrize("spoken", Autopilot, ids=lambda spoken: spoken.name.lower())


def a_vehicle(spoken=Autopilot.ARDUPILOT, **setup):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=120.0, setup=VehicleSetup(dialect=spoken, **setup)
    ).running()


def a_circle_item(command, east_m, north_m, radius_m, seq=0):
    x, y = xy_from_lonlat(*lonlat(east_m, north_m))
    return MissionItem(seq=seq, frame=5, command=command, params=(radius_m, 0.0, 0.0, 0.0), x=x, y=y)


def a_guard(spoken, *, inside=(), circles=(), **limits):
    guard = FenceGuard(spoken=spoken, enabled=True, **limits)
    guard.load(Fence(inside=inside) if inside else None, circles, LocalFrame(lon=LON, lat=LAT))
    return guard


def a_circle(east_m, north_m, radius_m, *, keeps_in):
    lon, lat = lonlat(east_m, north_m)
    return Circle(lon=lon, lat=lat, radius_m=radius_m, keeps_in=keeps_in)


@BOTH
def test_circles_are_uploaded_and_read_back(spoken):
    items = (
        a_circle_item(FENCE_CIRCLE_INSIDE, 0.0, 0.0, 500.5),
        a_circle_item(FENCE_CIRCLE_OUTSIDE, 300.0, 300.0, 25.0, seq=1),
    )
    with a_vehicle(spoken) as vehicle, open_link(vehicle.address) as link:
        send_items(link, items, patience=Patience(), kind=ListKind.FENCE)
        held = download_items(link, kind=ListKind.FENCE)

        assert [(one.command, one.params[0], one.x, one.y) for one in held] == [
            (one.command, one.params[0], one.x, one.y) for one in items
        ]


@pytest.mark.parametrize("radius_m", [0.0, -5.0])
def test_a_circle_without_a_radius_is_refused(radius_m):
    item = a_circle_item(FENCE_CIRCLE_INSIDE, 0.0, 0.0, radius_m)
    with a_vehicle() as vehicle, open_link(vehicle.address) as link, pytest.raises(MissionRefused) as refused:
        send_items(link, (item,), patience=Patience(), kind=ListKind.FENCE)
    assert refused.value.code == dialect.MAV_MISSION_INVALID_PARAM1


@BOTH
def test_a_place_is_in_or_out_of_a_circle_to_the_metre(spoken):
    keeps_in = a_guard(spoken, circles=(a_circle(0.0, 0.0, 100.0, keeps_in=True),))
    keeps_out = a_guard(spoken, circles=(a_circle(50.0, 0.0, 10.0, keeps_in=False),))

    assert not keeps_in.limits_beyond((99.0, 0.0), 10.0)
    assert keeps_in.limits_beyond((0.0, 101.0), 10.0) == {Breach.BOUNDARY}
    assert not keeps_out.limits_beyond((61.0, 0.0), 10.0)
    assert keeps_out.limits_beyond((50.0, 9.0), 10.0) == {Breach.BOUNDARY}


def test_ardupilot_wants_a_vehicle_in_every_area_to_stay_in_and_px4_in_any():
    areas = {"inside": (a_ring(0, 0, 100, 100),), "circles": (a_circle(100.0, 50.0, 60.0, keeps_in=True),)}
    ardupilot, px4 = a_guard(Autopilot.ARDUPILOT, **areas), a_guard(Autopilot.PX4, **areas)

    assert not ardupilot.limits_beyond((80.0, 50.0), 10.0)
    assert ardupilot.limits_beyond((20.0, 50.0), 10.0)
    assert not px4.limits_beyond((20.0, 50.0), 10.0)
    assert px4.limits_beyond((-20.0, 50.0), 10.0)


def test_a_second_limit_passed_counts_as_another_breach():
    guard = a_guard(Autopilot.ARDUPILOT, max_height_m=50.0, max_distance_m=100.0)

    assert guard.crosses_now((0.0, 0.0), 51.0, 1.0)
    assert guard.breach_type == dialect.FENCE_BREACH_MAXALT
    assert not guard.crosses_now((0.0, 0.0), 52.0, 2.0)
    assert guard.crosses_now((101.0, 0.0), 52.0, 3.0)
    assert (guard.breaches, guard.breach_type, guard.breached_at_s) == (2, dialect.FENCE_BREACH_BOUNDARY, 3.0)


def messages_of(packets):
    parser = dialect.MAVLink(None)
    return [message for packet in packets for message in parser.parse_buffer(packet) or ()]


@pytest.mark.parametrize(
    ("limits", "circles", "kind", "text"),
    [
        ({"max_height_m": 40.0}, (), dialect.FENCE_BREACH_MAXALT, "Max Alt fence breached: RTL"),
        ({"max_distance_m": 250.0}, (), dialect.FENCE_BREACH_BOUNDARY, "Boundary fence breached: RTL"),
        (
            {},
            (a_circle(100.0, 250.0, 20.0, keeps_in=False),),
            dialect.FENCE_BREACH_BOUNDARY,
            "Boundary fence breached: RTL",
        ),
    ],
)
def test_ardupilot_tells_a_breach_by_its_status_and_text_and_flies_home(limits, circles, kind, text):
    packets = []
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        mission = a_guarded_mission()
        upload(link, mission)
        guard = vehicle.autopilot.fence
        # Set after the check before arming, as only a fault would.
        arm = vehicle.autopilot.arm

        def armed():
            for name, value in limits.items():
                setattr(guard, name, value)
            vehicle.autopilot.guard(mission.fence, mission.rally, circles)
            return arm()

        vehicle.autopilot.arm = armed
        link.add_listener(lambda packet, at: packets.append(packet))
        log = fly(link, mission)

    breached = [one for one in messages_of(packets) if one.get_type() == "FENCE_STATUS" and one.breach_status]
    assert breached[0].breach_type == kind
    assert text in log.texts
    assert not log.completed


def test_px4_holds_at_its_fence_tells_it_by_text_alone_and_can_be_called_home():
    packets, phases, control = [], [], FlightControl()

    def watch(progress):
        if progress.phase is Phase.PAUSED and Phase.PAUSED not in phases:
            control.return_home()
        phases.append(progress.phase)

    with a_vehicle(Autopilot.PX4) as vehicle, open_link(vehicle.address) as link:
        mission = a_mission()
        upload(link, mission)
        arm = vehicle.autopilot.arm

        def armed():
            vehicle.autopilot.fence.max_distance_m = 250.0
            return arm()

        vehicle.autopilot.arm = armed
        link.add_listener(lambda packet, at: packets.append(packet))
        log = fly(link, mission, on_progress=watch, control=control)

    assert Phase.PAUSED in phases
    assert "Boundary fence breached: LOITER" in log.texts
    assert "FENCE_STATUS" not in {one.get_type() for one in messages_of(packets)}
    away_m = np.hypot(*FRAME.en_from_lonlat(np.array([(one.lon, one.lat) for one in log.track])).T)
    assert away_m.max() < 300.0, "the mission goes 316 m away"
    assert log.break_point is not None


@pytest.mark.parametrize(
    ("spoken", "limits", "parameter"),
    [
        (Autopilot.ARDUPILOT, {"max_height_m": 50.0}, "FENCE_ALT_MAX"),
        (Autopilot.ARDUPILOT, {"max_distance_m": 300.0}, "FENCE_RADIUS"),
        (Autopilot.PX4, {"max_height_m": 50.0}, "GF_MAX_VER_DIST"),
        (Autopilot.PX4, {"max_distance_m": 300.0}, "GF_MAX_HOR_DIST"),
    ],
)
def test_a_mission_beyond_the_vehicles_own_limits_is_not_armed(spoken, limits, parameter):
    mission = a_guarded_mission()
    with a_vehicle(spoken, **limits) as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        with pytest.raises(BeyondFence, match=parameter) as refused:
            fly(link, mission)

        assert not vehicle.autopilot.armed
    assert "\n" not in str(refused.value)


def test_limits_of_a_fence_that_stays_off_do_not_matter():
    mission = a_mission()
    with a_vehicle(max_height_m=50.0, max_distance_m=100.0) as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        assert fly(link, mission).completed


def test_limits_are_parameters_in_ardupilots_names():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        fence = vehicle.autopilot.fence
        assert read_parameter(link, "FENCE_TYPE") == 4.0
        assert set_parameter(link, "FENCE_TYPE", 7.0) == 7.0
        assert (fence.max_height_m, fence.max_distance_m) == (100.0, 300.0)
        assert set_parameter(link, "FENCE_ALT_MAX", 80.0) == 80.0
        assert fence.max_height_m == 80.0
        assert set_parameter(link, "FENCE_ACTION", 2.0) == 2.0
        assert fence.mode_after_breach is Mode.LAND
        assert not fence.takes_action(99.0)
        assert set_parameter(link, "FENCE_ENABLE", 1.0) == 1.0
        assert fence.enabled


def test_px4_packs_whole_numbers_and_takes_no_figure_of_another_type():
    with a_vehicle(Autopilot.PX4) as vehicle, open_link(vehicle.address) as link:
        packed = struct.unpack("<f", struct.pack("<i", 3))[0]
        link.send(dialect.MAVLink_param_set_message(1, 1, b"GF_ACTION", 3.0, 9))
        link.send(dialect.MAVLink_param_set_message(1, 1, b"GF_ACTION", packed, 6))
        answer = link.receive(("PARAM_VALUE",), 5.0)

        assert (answer.param_type, answer.param_value) == (6, packed)
        assert vehicle.autopilot.fence.mode_after_breach is Mode.RTL
        assert set_parameter(link, "GF_MAX_VER_DIST", 90.0) == 90.0
        assert vehicle.autopilot.fence.max_height_m == 90.0


def test_a_fence_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="max_height_m"):
        VehicleSetup(max_height_m=0.0)
