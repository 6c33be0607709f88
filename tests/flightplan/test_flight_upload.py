from __future__ import annotations

import socket
import time

import pytest
from flight_builders import LAT, LON, Meddler, a_mission, a_waypoint, lose_first, meddled_link, the_items
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import LinkClosed, MissionRefused, NoAnswer, ReadBackDiffers
from flightplan.link.link import Link, Wire, open_link
from flightplan.link.mavlink import Autopilot, items_from_mission
from flightplan.link.transports import open_transport
from flightplan.link.upload import Patience, check_held, clear, download_items, upload
from flightplan.vehicle import SimulatedVehicle

QUICK = Patience(answer_s=0.2, item_s=0.2, retries=6, rounds=1)


@pytest.fixture
def vehicle():
    with SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5).running() as running:
        yield running


def test_an_upload_over_a_socket_is_read_back_and_the_same(vehicle):
    told = []
    with open_link(vehicle.address) as link:
        result = upload(link, a_mission(), lambda done, total: told.append((done, total)))
        held = download_items(link)

    assert (result.items, result.resent) == (13, 0)
    assert told == [(done, 26) for done in range(1, 27)]
    assert [item.command for item in held] == [item.command for item in items_from_mission(a_mission())]
    assert vehicle.autopilot.mission == held


def test_the_vehicle_keeps_its_own_home_and_ardupilots_frames(vehicle):
    with open_link(vehicle.address) as link:
        upload(link, a_mission())
        held = download_items(link)

    assert (held[0].x, held[0].y, held[0].z) == (289_398_765, 1_188_712_345, 71.5)
    assert {item.frame for item in held if not item.has_place} == {0}
    assert {item.frame for item in held[1:] if item.has_place} == {3}


def test_one_ground_station_after_another_may_connect(vehicle):
    for _ in range(3):
        with open_link(vehicle.address) as link:
            upload(link, a_mission())


def test_another_mission_on_the_vehicle_is_noticed(vehicle):
    other = a_mission([*the_items()[:-1], a_waypoint(150, 150), the_items()[-1]])
    with open_link(vehicle.address) as link:
        upload(link, other)
        with pytest.raises(ReadBackDiffers, match="it holds 14 items instead of 13"):
            check_held(link, a_mission())


def test_clearing_leaves_no_mission(vehicle):
    with open_link(vehicle.address) as link:
        upload(link, a_mission())
        clear(link)

        assert download_items(link) == ()


@pytest.mark.parametrize(
    "rules",
    [
        {"up": lose_first("MISSION_COUNT")},
        {"down": lose_first("MISSION_COUNT")},
        {"down": lose_first("MISSION_ACK")},
        {"up": lose_first("MISSION_REQUEST_LIST", 2)},
        {"up": lose_first("MISSION_REQUEST_INT", 2)},
        {"down": lose_first("MISSION_ITEM_INT", 2)},
    ],
    ids=["count up", "count down", "ack", "list request", "item request", "item down"],
)
def test_a_lost_packet_is_made_good(vehicle, rules):
    with meddled_link(vehicle, **rules) as link:
        upload(link, a_mission(), patience=QUICK)

    assert len(vehicle.autopilot.mission) == 13


@pytest.mark.parametrize("direction", ["up", "down"])
def test_packets_that_come_twice_do_no_harm(vehicle, direction):
    with meddled_link(vehicle, **{direction: lambda name, packet: [packet, packet]}) as link:
        upload(link, a_mission(), patience=QUICK)

    assert len(vehicle.autopilot.mission) == 13


def test_a_lost_item_is_asked_for_again_by_the_vehicle(vehicle, monkeypatch):
    monkeypatch.setattr("flightplan.vehicle.mission_desk.ASK_AGAIN_S", 0.05)
    with meddled_link(vehicle, up=lose_first("MISSION_ITEM_INT", 2)) as link:
        result = upload(link, a_mission(), patience=QUICK)

    assert result.resent == 2
    assert len(vehicle.autopilot.mission) == 13


def test_a_vehicle_that_asks_with_the_old_request_gets_int_items(vehicle):
    def as_old_request(name, packet):
        if name != "MISSION_REQUEST_INT":
            return [packet]
        codec = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
        request = codec.parse_buffer(packet)[0]
        old = dialect.MAVLink_mission_request_message(
            request.target_system, request.target_component, request.seq, request.mission_type
        )
        return [bytes(old.pack(codec))]

    with meddled_link(vehicle, down=as_old_request) as link:
        upload(link, a_mission(), patience=QUICK)

    assert len(vehicle.autopilot.mission) == 13


def test_a_slow_link_still_works(vehicle):
    def slowly(name, packet):
        if name.startswith("MISSION"):
            time.sleep(0.03)
        return [packet]

    with meddled_link(vehicle, up=slowly, down=slowly) as link:
        upload(link, a_mission())

    assert len(vehicle.autopilot.mission) == 13


def test_a_silent_vehicle_is_given_up_with_what_was_waited_for(vehicle):
    with (
        meddled_link(vehicle, up=lose_first("MISSION_COUNT", 99)) as link,
        pytest.raises(NoAnswer, match="no MISSION_REQUEST in 7 tries"),
    ):
        upload(link, a_mission(), patience=QUICK)


def test_an_error_code_is_named(vehicle):
    def with_nan(name, packet):
        if name != "MISSION_ITEM_INT":
            return [packet]
        codec = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
        item = codec.parse_buffer(packet)[0]
        item.param3 = float("nan")
        return [bytes(item.pack(codec))]

    with meddled_link(vehicle, up=with_nan) as link, pytest.raises(MissionRefused) as refused:
        upload(link, a_mission(), patience=QUICK)

    assert refused.value.code == 8
    assert refused.value.code_name == "MAV_MISSION_INVALID_PARAM3"
    assert refused.value.seq == 0
    assert "upload again before anything is armed" in str(refused.value)


def test_a_mixture_on_the_vehicle_is_noticed_at_reading_back(vehicle):
    def moved(name, packet):
        if name != "MISSION_ITEM_INT":
            return [packet]
        codec = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
        item = codec.parse_buffer(packet)[0]
        item.x += 1_000 * (item.seq == 4)
        return [bytes(item.pack(codec))]

    with meddled_link(vehicle, up=moved) as link, pytest.raises(ReadBackDiffers, match="item 4: latitude"):
        upload(link, a_mission(), patience=QUICK)


def test_an_item_that_no_mission_has_is_refused(vehicle):
    with open_link(vehicle.address) as link:
        link.send(dialect.MAVLink_mission_request_int_message(1, 1, 5, 0))

        assert link.receive(("MISSION_ACK",), 2.0).type == dialect.MAV_MISSION_INVALID_SEQUENCE


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("tcp:127.0.0.1:1", "cannot be opened"),
        ("http://127.0.0.1:80", "is not an address like tcp:127.0.0.1:5760"),
        ("tcp:127.0.0.1:port", "'port' is not a port number"),
        ("tcp:127.0.0.1:70000", "70000 is not a port number"),
        ("serial:/dev/nothing", "cannot be opened"),
    ],
)
def test_an_address_where_nobody_answers_is_refused_in_one_line(url, problem):
    with pytest.raises(LinkClosed, match=problem) as refused:
        open_link(url, timeout_s=0.5)

    assert url in str(refused.value)


def test_udp_works_from_either_end():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as drone:
        drone.bind(("127.0.0.1", 0))
        drone.settimeout(3.0)
        codec = dialect.MAVLink(None, srcSystem=7, srcComponent=1)
        heartbeat = dialect.MAVLink_heartbeat_message(2, dialect.MAV_AUTOPILOT_PX4, 0, 0, 3, 3)
        link = Link(Wire(open_transport(f"udpout:127.0.0.1:{drone.getsockname()[1]}")))
        with link:
            packet, station = drone.recvfrom(2_000)
            drone.sendto(heartbeat.pack(codec), station)
            link.wait_for_vehicle(3.0)

    assert dialect.MAVLink(None).parse_buffer(packet)[0].get_type() == "HEARTBEAT"
    assert (link.vehicle_system, link.autopilot) == (7, Autopilot.PX4)


def test_a_connection_without_heartbeats_is_no_vehicle(vehicle):
    deaf = Meddler(vehicle.address, down=lambda name, packet: [])
    with Link(Wire(deaf, url=vehicle.address)) as link, pytest.raises(NoAnswer, match="no heartbeat"):
        link.wait_for_vehicle(0.3)


def test_a_vehicle_that_goes_away_breaks_the_link():
    with SimulatedVehicle(home_lon=LON, home_lat=LAT).running() as vehicle:
        link = open_link(vehicle.address)
    with link, pytest.raises(LinkClosed, match="broke"):
        upload(link, a_mission(), patience=QUICK)


def test_a_port_in_use_is_refused_in_one_line(vehicle):
    with pytest.raises(LinkClosed, match="cannot listen here"):
        SimulatedVehicle(vehicle.port, home_lon=LON, home_lat=LAT)
