from __future__ import annotations

import itertools
import time

import pytest
from flight_builders import LAT, LON, a_mission, the_items
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.link import open_link
from flightplan.link.mavlink import items_from_mission
from flightplan.link.modes import Mode
from flightplan.link.upload import upload
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.mission import Home, Waypoint
from flightplan.vehicle import SimulatedVehicle, VehicleSetup
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.body import Body, Leg


@pytest.fixture
def vehicle():
    with SimulatedVehicle(home_lon=LON, home_lat=LAT, speedup=20.0).running() as running:
        yield running


@pytest.fixture
def link(vehicle):
    with open_link(vehicle.address) as opened:
        yield opened


def ask(link, command, *params):
    seven = [*params, *([0.0] * (7 - len(params)))]
    link.send(dialect.MAVLink_command_long_message(1, 1, command, 0, *seven))
    while (ack := link.receive(("COMMAND_ACK",), 2.0)) is not None:
        if ack.command == command:
            return ack.result
    raise AssertionError("no COMMAND_ACK")


def an_autopilot(**options):
    autopilot = Autopilot(home=Home(lon=LON, lat=LAT), **options)
    autopilot.load(items_from_mission(a_mission()))
    return autopilot


def run(autopilot, seconds, step_s=0.05):
    for _ in range(round(seconds / step_s)):
        autopilot.step(step_s)


def start(autopilot):
    autopilot.set_mode(Mode.GUIDED)
    autopilot.arm()
    autopilot.set_mode(Mode.AUTO)
    assert autopilot.start_mission() is None


def test_it_says_what_it_is(link):
    heartbeat = link.receive(("HEARTBEAT",), 2.0)

    assert (heartbeat.type, heartbeat.autopilot) == (dialect.MAV_TYPE_HEXAROTOR, dialect.MAV_AUTOPILOT_ARDUPILOTMEGA)
    assert (heartbeat.get_srcSystem(), heartbeat.get_srcComponent()) == (1, 1)


def test_heartbeats_come_once_a_second_of_real_time(link):
    times_s = []
    for _ in range(3):
        assert link.receive(("HEARTBEAT",), 3.0) is not None
        times_s.append(time.monotonic())

    # The first one may have been waiting since the vehicle was switched on.
    assert 0.7 < times_s[2] - times_s[1] < 2.0


def test_position_attitude_and_status_are_sent_on_the_ground_too(link):
    wanted = {"GLOBAL_POSITION_INT", "ATTITUDE", "GPS_RAW_INT", "SYS_STATUS", "SYSTEM_TIME", "MISSION_CURRENT"}
    found = {}
    while wanted - set(found):
        message = link.receive(wanted, 3.0)
        assert message is not None, f"missing {wanted - set(found)}"
        found[message.get_type()] = message

    assert (found["GLOBAL_POSITION_INT"].lat, found["GLOBAL_POSITION_INT"].lon) == (289_398_765, 1_188_712_345)
    assert found["SYS_STATUS"].battery_remaining == 100
    assert found["GPS_RAW_INT"].fix_type >= dialect.GPS_FIX_TYPE_3D_FIX


def test_the_mission_mode_needs_a_mission(link, vehicle):
    assert ask(link, dialect.MAV_CMD_DO_SET_MODE, 1.0, 3.0) == dialect.MAV_RESULT_FAILED
    upload(link, a_mission())

    assert ask(link, dialect.MAV_CMD_DO_SET_MODE, 1.0, 3.0) == dialect.MAV_RESULT_ACCEPTED
    assert vehicle.autopilot.mode is Mode.AUTO


def test_a_mission_does_not_start_unarmed(link):
    upload(link, a_mission())
    ask(link, dialect.MAV_CMD_DO_SET_MODE, 1.0, 3.0)

    assert ask(link, dialect.MAV_CMD_MISSION_START) == dialect.MAV_RESULT_FAILED


def test_unknown_commands_and_modes_are_refused(link):
    assert ask(link, dialect.MAV_CMD_DO_PARACHUTE) == dialect.MAV_RESULT_UNSUPPORTED
    assert ask(link, dialect.MAV_CMD_DO_SET_MODE, 1.0, 77.0) == dialect.MAV_RESULT_FAILED


def test_messages_may_be_asked_for(link):
    assert ask(link, dialect.MAV_CMD_REQUEST_MESSAGE, 99_999.0) == dialect.MAV_RESULT_UNSUPPORTED
    link.send(dialect.MAVLink_command_long_message(1, 1, dialect.MAV_CMD_REQUEST_MESSAGE, 0, 148.0, *[0.0] * 6))

    version = link.receive(("AUTOPILOT_VERSION",), 2.0)
    assert version.capabilities & dialect.MAV_PROTOCOL_CAPABILITY_MISSION_INT


def test_parameters_are_listed_read_and_set(link):
    link.send(dialect.MAVLink_param_request_list_message(1, 1))
    first = link.receive(("PARAM_VALUE",), 2.0)
    names = {first.param_id} | {link.receive(("PARAM_VALUE",), 2.0).param_id for _ in range(first.param_count - 1)}
    link.send(dialect.MAVLink_param_set_message(1, 1, b"RTL_ALT", 3000.0, 9))

    assert "RTL_ALT" in names
    assert link.receive(("PARAM_VALUE",), 2.0).param_value == 3000.0


def test_return_to_launch_brings_it_down_at_home():
    autopilot = an_autopilot()
    start(autopilot)
    run(autopilot, 60.0)
    away_m = autopilot.body.distance_to((0.0, 0.0))
    autopilot.set_mode(Mode.RTL)
    run(autopilot, 120.0)

    assert away_m > 100.0
    assert not autopilot.armed
    assert autopilot.body.distance_to((0.0, 0.0)) < 0.5
    assert autopilot.body.alt_m == 0.0


def test_it_does_not_disarm_in_the_air_unless_forced():
    autopilot = an_autopilot()
    start(autopilot)
    run(autopilot, 20.0)

    assert autopilot.disarm() == "Disarm: not landed"
    assert autopilot.disarm(force=True) is None


def test_items_are_reported_in_order_as_they_are_reached():
    reached = []
    autopilot = an_autopilot(on_reached=reached.append)
    start(autopilot)
    run(autopilot, 240.0)

    assert reached == list(range(1, 13))
    assert not autopilot.armed


def test_the_battery_empties_with_flight_time_and_is_changed_on_the_ground():
    autopilot = an_autopilot(setup=VehicleSetup(endurance_s=1_000.0))
    start(autopilot)
    run(autopilot, 100.0)

    assert autopilot.battery == pytest.approx(0.9, abs=0.01)
    autopilot.disarm(force=True)
    autopilot.arm()
    assert autopilot.battery == 1.0


def test_a_waypoint_with_a_hold_is_waited_at():
    items = the_items()
    items[3] = Waypoint(**{**items[3].__dict__, "hold_s": 30.0})
    quick, slow = an_autopilot(), an_autopilot()
    slow.load(items_from_mission(a_mission(items)))
    for autopilot in (quick, slow):
        start(autopilot)
        while autopilot.armed:
            autopilot.step(0.05)

    assert slow.time_s - quick.time_s == pytest.approx(30.0, abs=0.2)


def test_a_leg_is_flown_within_the_limits_of_motion():
    kinematics = Kinematics(acceleration_m_s2=2.0, yaw_rate_deg_s=45.0)
    body = Body(kinematics=kinematics)
    leg = Leg(end_en=(200.0, 0.0), end_alt_m=0.0, cruise_m_s=12.0)
    speeds, headings, seconds = [0.0], [0.0], 0.0
    while not body.fly(leg, 0.05):
        speeds.append(body.speed_m_s)
        headings.append(body.heading_deg)
        seconds += 0.05

    assert max(speeds) == pytest.approx(12.0)
    assert max(b - a for a, b in itertools.pairwise(speeds)) <= 2.0 * 0.05 + 1e-9
    assert max(abs(b - a) / 0.05 for a, b in itertools.pairwise(headings)) <= 45.0 + 1e-6
    assert (body.east_m, body.north_m) == (200.0, 0.0)
    assert body.heading_deg == pytest.approx(90.0)
    assert seconds == pytest.approx(kinematics.leg_seconds(200.0, 12.0) + 70 / 45, abs=1.5)
