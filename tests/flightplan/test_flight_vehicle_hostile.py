"""What a vehicle, simulated or real, lives through: senseless messages, missions exchanged in flight, full disks."""

from __future__ import annotations

import math
import socket
import threading
from pathlib import Path

import pytest
from flight_builders import LAT, LON, a_mission, a_waypoint, the_items
from flight_script import CRAWL, FAST, Script, in_row, slows_down_in_its_first_row
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import MissionRefused, NoAnswer, VehicleArmed
from flightplan.flying.flight import FlightControl, fly, follow
from flightplan.link.link import Link, Wire, open_link
from flightplan.link.mavlink import FENCE_CIRCLE_INSIDE, Autopilot, MissionItem, items_from_mission
from flightplan.link.mission_transfer import Patience, clear, send_items
from flightplan.link.modes import Mode, mode_from_custom
from flightplan.link.plan_on_wire import ListKind
from flightplan.link.transports import open_transport
from flightplan.link.upload import upload
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

NAN = math.nan
BOTH = pytest.mark.parametrize("spoken", Autopilot, ids=lambda spoken: spoken.name.lower())


def a_vehicle(spoken=Autopilot.ARDUPILOT, speedup=120.0, **setup):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, setup=VehicleSetup(dialect=spoken, **setup)
    ).running()


def answer_to(link, command):
    while (answer := link.receive(("COMMAND_ACK",), 5.0)) is not None:
        if answer.command == command:
            return answer.result
    raise AssertionError("no COMMAND_ACK")


@BOTH
def test_numbers_that_are_none_are_denied_and_the_vehicle_lives_on(spoken):
    long, whole = dialect.MAVLink_command_long_message, dialect.MAVLink_command_int_message
    off_earth = 2_147_483_647
    with a_vehicle(spoken) as vehicle, open_link(vehicle.address) as link:
        for message in (
            long(1, 1, dialect.MAV_CMD_DO_SET_MISSION_CURRENT, 0, NAN, *[0.0] * 6),
            whole(1, 1, 6, dialect.MAV_CMD_DO_REPOSITION, 0, 0, -1.0, 1.0, 0.0, 0.0, off_earth, off_earth, 50.0),
            whole(1, 1, 6, dialect.MAV_CMD_DO_SET_ROI_LOCATION, 0, 0, 0.0, 0.0, 0.0, 0.0, off_earth, 0, 50.0),
        ):
            link.send(message)
            assert answer_to(link, message.command) == dialect.MAV_RESULT_DENIED
        assert upload(link, a_mission()).resent == 0


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (MissionItem(seq=0, frame=6, command=16, x=910_000_000, y=0, z=50.0), dialect.MAV_MISSION_INVALID_PARAM5_X),
        (MissionItem(seq=0, frame=6, command=16, x=0, y=-1_810_000_000, z=50.0), dialect.MAV_MISSION_INVALID_PARAM6_Y),
        (MissionItem(seq=0, frame=6, command=16, z=NAN), dialect.MAV_MISSION_INVALID_PARAM7),
    ],
)
@BOTH
def test_a_place_off_the_earth_is_refused_with_its_code(spoken, item, code):
    with a_vehicle(spoken) as vehicle, open_link(vehicle.address) as link:
        with pytest.raises(MissionRefused) as refused:
            send_items(link, (item,), patience=Patience(rounds=1))
        assert refused.value.code == code
        circle = MissionItem(seq=0, frame=5, command=FENCE_CIRCLE_INSIDE, params=(9.0, 0, 0, 0), x=910_000_000)
        with pytest.raises(MissionRefused):
            send_items(link, (circle,), patience=Patience(rounds=1), kind=ListKind.FENCE)


def test_an_item_of_the_older_kind_without_a_place_does_not_end_the_vehicle():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        link.send(dialect.MAVLink_mission_count_message(1, 1, 1, 0))
        assert link.receive(("MISSION_REQUEST_INT",), 5.0) is not None
        link.send(dialect.MAVLink_mission_item_message(1, 1, 0, 3, 16, 0, 1, 0, 0, 0, 0, NAN, NAN, 50.0, 0))

        assert link.receive(("MISSION_ACK",), 5.0).type == dialect.MAV_MISSION_INVALID_PARAM5_X
        assert upload(link, a_mission()).items == 13


def flying(vehicle, link, mission, then):
    """Flies, calls `then` in the first row, and goes on; returns the log."""

    def meddle():
        vehicle.crafts[0].speedup = CRAWL
        then()
        vehicle.crafts[0].speedup = FAST

    slows_down_in_its_first_row(vehicle)
    script = Script((in_row, meddle))
    upload(link, mission)
    log = fly(link, mission, on_progress=script.watch)
    assert script.steps == []
    return log


def test_a_mission_is_not_exchanged_under_an_armed_vehicle():
    mission, refused = a_mission(), []

    with a_vehicle() as vehicle, open_link(vehicle.address) as link, open_link(vehicle.address) as second:

        def meddle():
            try:
                upload(second, a_mission([*the_items()[:3], a_waypoint(50, 60), a_waypoint(50, 120), the_items()[-1]]))
            except VehicleArmed as error:
                refused.append(error)

        log = flying(vehicle, link, mission, meddle)

        assert len(refused) == 1
        assert log.completed
        assert upload(second, mission).resent == 0  # landed and disarmed


@BOTH
def test_a_mission_exchanged_in_flight_by_others_goes_on_with_the_item_of_its_number(spoken):
    mission = a_mission()
    with (
        a_vehicle(spoken) as vehicle,
        open_link(vehicle.address) as link,
        open_link(vehicle.address) as others,
    ):

        def exchange():
            send_items(others, items_from_mission(mission, spoken), patience=Patience())

        log = flying(vehicle, link, mission, exchange)

    assert log.completed
    heights = [event.alt_home_m for event in log.track if event.lat > LAT + 0.0005]
    assert min(heights) > 50.0, "it went on at its height, and not to item 0 on the ground"


def test_the_mission_under_way_cannot_be_cleared():
    mission, refused = a_mission(), []
    with a_vehicle() as vehicle, open_link(vehicle.address) as link, open_link(vehicle.address) as others:

        def wipe():
            try:
                clear(others, patience=Patience(rounds=1))
            except MissionRefused as error:
                refused.append(error.code_name)

        log = flying(vehicle, link, mission, wipe)

    assert refused == ["MAV_MISSION_ERROR"]
    assert log.completed


def test_px4_flies_again_after_it_has_returned():
    mission = a_mission()
    with a_vehicle(Autopilot.PX4) as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        assert fly(link, mission).completed
        assert vehicle.autopilot.mode is Mode.RTL
        assert vehicle.autopilot.arm() == "Arm: RTL mode not armable"
        assert fly(link, mission).completed


class Interloper:
    """A transport that hears strangers' heartbeats before the vehicle's."""

    def __init__(self, url, strangers):
        self._inner = open_transport(url)
        self._strangers = b"".join(strangers)
        self.write, self.close = self._inner.write, self._inner.close

    def read(self, timeout_s):
        strangers, self._strangers = self._strangers, b""
        return strangers or self._inner.read(timeout_s)


def a_heartbeat(system, component, kind, autopilot):
    codec = dialect.MAVLink(None, srcSystem=system, srcComponent=component)
    return bytes(dialect.MAVLink_heartbeat_message(kind, autopilot, 0, 0, 4, 3).pack(codec))


def test_stations_and_gimbals_that_do_not_say_what_they_are_are_no_vehicles():
    strangers = (
        a_heartbeat(254, 190, dialect.MAV_TYPE_GCS, dialect.MAV_AUTOPILOT_GENERIC),
        a_heartbeat(1, 154, dialect.MAV_TYPE_GIMBAL, dialect.MAV_AUTOPILOT_GENERIC),
    )
    with a_vehicle() as vehicle, Link(Wire(Interloper(vehicle.address, strangers))) as link:
        link.wait_for_vehicle(5.0)
        link.require_commandable()

        assert (link.vehicle_system, link.vehicle_component) == (1, 1)
        assert upload(link, a_mission()).items == 13


def test_a_full_disk_ends_the_record_and_not_the_flight(caplog):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    mission = a_mission()
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        log = fly(link, mission, tlog_path="/dev/full")

    assert log.completed
    told = [record.getMessage() for record in caplog.records if "not recorded any further" in record.getMessage()]
    assert len(told) == 1


def test_a_flight_that_is_followed_on_keeps_the_record_of_its_beginning(tmp_path):
    mission, record = a_mission(), tmp_path / "flight.tlog"
    record.write_bytes(b"what came before")
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        control = FlightControl()
        with open_link(vehicle.address) as second:
            begins = threading.Thread(target=lambda: fly(second, mission))
            begins.start()
            log = follow(link, mission, tlog_path=record, control=control)
            begins.join(60.0)

    assert log.completed
    assert record.read_bytes().startswith(b"what came before")
    assert record.stat().st_size > 10_000


def test_a_vehicle_that_asks_for_the_same_item_for_ever_is_given_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as drone:
        drone.bind(("127.0.0.1", 0))
        drone.settimeout(10.0)
        with Link(Wire(open_transport(f"udpout:127.0.0.1:{drone.getsockname()[1]}")), system_id=1) as link:
            _, station = drone.recvfrom(300)
            codec = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
            stop = threading.Event()

            def ask():
                while not stop.wait(0.002):
                    drone.sendto(dialect.MAVLink_mission_request_int_message(255, 190, 0, 0).pack(codec), station)

            asking = threading.Thread(target=ask)
            asking.start()
            try:
                with pytest.raises(NoAnswer, match="MISSION_REQUEST"):
                    send_items(link, items_from_mission(a_mission()), patience=Patience(rounds=1))
            finally:
                stop.set()
                asking.join(5.0)


def test_other_ways_of_returning_are_known_from_heartbeats():
    assert mode_from_custom(21, Autopilot.ARDUPILOT) is Mode.RTL
    assert mode_from_custom(27, Autopilot.ARDUPILOT) is Mode.RTL
    assert mode_from_custom(4 << 16 | 9 << 24, Autopilot.PX4) is Mode.LAND
    assert mode_from_custom(3 << 16, Autopilot.PX4) is Mode.POSHOLD
    assert mode_from_custom(77, Autopilot.ARDUPILOT) is None
