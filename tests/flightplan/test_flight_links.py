"""Several vehicles on one link, signed links, and serial lines."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import socket
import threading
import tty
from concurrent.futures import ThreadPoolExecutor

import pytest
from flight_builders import LAT, LON, a_guarded_mission, a_mission, a_waypoint, the_items
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import InputFileError, NoAnswer, SeveralVehicles, SignatureNeeded
from flightplan.flying.flight import fly
from flightplan.flying.tlog import TlogWriter
from flightplan.link.link import Link, Wire, open_link
from flightplan.link.mavlink import Autopilot
from flightplan.link.signing import SigningKey, check_incoming, sign_outgoing, ticks_now
from flightplan.link.transports import open_transport
from flightplan.link.upload import check_held, upload
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

MINUTE = 60 * 100_000


def a_vehicle(speedup=60.0, **options):
    return SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, **options).running()


@pytest.fixture
def key(tmp_path):
    return SigningKey.create(tmp_path / "key.json")


def copy_of(key):
    """The same secret in another program."""
    return SigningKey(key.path)


# Several vehicles


def test_two_vehicles_on_one_link_fly_missions_of_their_own_at_once():
    shorter = a_mission([*the_items()[:3], a_waypoint(50, 60), a_waypoint(50, 120), the_items()[-1]])
    missions = {1: a_guarded_mission(), 2: shorter}
    with (
        a_vehicle(count=2) as vehicle,
        open_link(vehicle.address, system_id=1) as first,
        Link(first.wire, system_id=2) as second,
    ):
        second.wait_for_vehicle()
        for link in (first, second):
            upload(link, missions[link.vehicle_system])
        with ThreadPoolExecutor(2) as pool:
            logs = list(pool.map(lambda link: fly(link, missions[link.vehicle_system]), (first, second)))

    assert [log.completed for log in logs] == [True, True]
    assert len(logs[0].photos) == missions[1].figures().photos
    assert len(logs[1].photos) == 0
    assert logs[0].flown_m > logs[1].flown_m + 100.0


def test_a_vehicle_has_to_be_chosen_among_several():
    with a_vehicle(count=2) as vehicle, open_link(vehicle.address, listen_s=2.5) as link:
        with pytest.raises(SeveralVehicles, match="vehicles 1, 2 are on this link"):
            upload(link, a_mission())
        with pytest.raises(SeveralVehicles):
            fly(link, a_mission())

    assert not any(craft.autopilot.mission for craft in vehicle.crafts)


def test_only_the_chosen_vehicle_gets_the_mission():
    with a_vehicle(count=3, system_id=11) as vehicle, open_link(vehicle.udp_address, system_id=12) as link:
        upload(link, a_mission())

        assert link.vehicle_system == 12
    assert [len(craft.autopilot.mission) for craft in vehicle.crafts] == [0, 13, 0]


def test_a_vehicle_that_is_not_there_is_waited_for_in_vain():
    with a_vehicle() as vehicle, pytest.raises(NoAnswer, match="no heartbeat"):
        open_link(vehicle.address, system_id=9, timeout_s=0.5)


def test_an_answer_to_another_ground_station_is_not_taken_for_ours():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as drone:
        drone.bind(("127.0.0.1", 0))
        drone.settimeout(5.0)
        codec = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
        with Link(Wire(open_transport(f"udpout:127.0.0.1:{drone.getsockname()[1]}"))) as link:
            _, station = drone.recvfrom(2_000)
            for target in (250, 255):
                ack = dialect.MAVLink_command_ack_message(400, target % 255, 0, 0, target, 190)
                drone.sendto(ack.pack(codec), station)

            assert link.receive(("COMMAND_ACK",), 5.0).target_system == 255
            assert link.receive(("COMMAND_ACK",), 0.2) is None


def test_vehicles_at_several_addresses_share_a_listening_link():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    to_us = (("127.0.0.1", port),)
    with (
        a_vehicle(system_id=1, udp_to=to_us) as first,
        a_vehicle(system_id=2, udp_to=to_us, setup=VehicleSetup(dialect=Autopilot.PX4)) as second,
        open_link(f"udp:127.0.0.1:{port}", system_id=1) as one,
        Link(one.wire, system_id=2) as other,
    ):
        other.wait_for_vehicle()
        upload(one, a_mission())
        upload(other, a_guarded_mission())

        assert (one.autopilot, other.autopilot) == (Autopilot.ARDUPILOT, Autopilot.PX4)
    assert first.autopilot.rally == ()
    assert len(second.autopilot.rally) == 1


def test_several_ground_stations_see_the_same_vehicle():
    with (
        a_vehicle() as vehicle,
        open_link(vehicle.address) as one,
        open_link(vehicle.udp_address) as two,
        open_link(vehicle.udp_address) as three,
    ):
        upload(one, a_mission())
        hashes = {check_held(link, a_mission()).plan_hash for link in (one, two, three)}

    assert len(hashes) == 1


# Signing


def test_a_signed_flight_is_flown(key):
    with a_vehicle(key=key) as vehicle, open_link(vehicle.address, key=copy_of(key)) as link:
        upload(link, a_mission())
        assert fly(link, a_mission()).completed


def test_an_unsigned_order_gets_no_answer_though_telemetry_can_be_read(key):
    with a_vehicle(key=key) as vehicle, open_link(vehicle.address) as link:
        assert link.receive(("ATTITUDE",), 5.0) is not None
        link.send(dialect.MAVLink_command_long_message(1, 1, 400, 0, 1.0, *[0.0] * 6))

        assert link.receive(("COMMAND_ACK",), 0.5) is None
        assert not vehicle.autopilot.armed
        with pytest.raises(SignatureNeeded, match="obeys only signed ones"):
            upload(link, a_mission())


def test_an_order_signed_with_another_key_gets_no_answer(key, tmp_path):
    wrong = SigningKey.create(tmp_path / "wrong.json")
    with a_vehicle(key=key) as vehicle:
        with pytest.raises(SignatureNeeded, match="not signed with the key"):
            open_link(vehicle.address, key=wrong, timeout_s=1.5)
        codec = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
        sign_outgoing(codec, wrong)
        codec.signing.timestamp = wrong.next_stamp()
        with socket.create_connection(("127.0.0.1", vehicle.port)) as raw:
            raw.sendall(dialect.MAVLink_command_long_message(1, 1, 400, 0, 1.0, *[0.0] * 6).pack(codec))
            with open_link(vehicle.address, key=copy_of(key)) as link:
                assert link.receive(("SYS_STATUS",), 5.0) is not None

        assert not vehicle.autopilot.armed


def test_two_programs_with_one_key_do_not_shut_each_other_out(key):
    with (
        a_vehicle(key=key) as vehicle,
        open_link(vehicle.address, key=copy_of(key)) as one,
        open_link(vehicle.udp_address, key=copy_of(key)) as two,
    ):
        upload(one, a_mission())
        for _ in range(3):
            check_held(two, a_mission())
            check_held(one, a_mission())


def parser_with(key):
    codec = dialect.MAVLink(None)
    codec.robust_parsing = True
    check_incoming(codec, key)
    return codec


def packet_of(key, stamp, link_id=3):
    codec = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
    sign_outgoing(codec, key)
    codec.signing.link_id = link_id
    codec.signing.timestamp = stamp
    return bytes(dialect.MAVLink_command_long_message(1, 1, 400, 0, 1.0, *[0.0] * 6).pack(codec))


def taken(codec, packet):
    return [message.get_type() for message in codec.parse_buffer(packet)] == ["COMMAND_LONG"]


def test_a_recorded_packet_cannot_be_played_again(key):
    codec = parser_with(key)
    packet = packet_of(key, 5 * MINUTE)

    assert taken(codec, packet)
    assert not taken(codec, packet)
    assert not taken(codec, packet_of(key, 5 * MINUTE - 1))
    assert taken(codec, packet_of(key, 5 * MINUTE + 1))


def test_a_new_stream_may_be_a_minute_behind_and_no_more(key):
    codec = parser_with(key)

    assert taken(codec, packet_of(key, 5 * MINUTE))
    assert taken(codec, packet_of(key, 4 * MINUTE, link_id=4))
    assert not taken(codec, packet_of(key, 4 * MINUTE - 1, link_id=5))


def test_a_forged_packet_from_the_future_does_not_shut_the_true_sender_out(key, tmp_path):
    codec = parser_with(key)
    forger = SigningKey.create(tmp_path / "forger.json")

    assert taken(codec, packet_of(key, 5 * MINUTE))
    assert not taken(codec, packet_of(forger, 500 * MINUTE))
    assert taken(codec, packet_of(key, 5 * MINUTE + 1))


def test_pymavlink_takes_our_signatures_and_we_take_its(key):
    theirs = dialect.MAVLink(None, srcSystem=255, srcComponent=190)
    theirs.signing.secret_key = key.secret
    theirs.signing.sign_outgoing = True
    theirs.signing.timestamp = ticks_now()

    packet = dialect.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3).pack(theirs)
    assert parser_with(key).parse_buffer(packet)[0].get_type() == "HEARTBEAT"
    assert theirs.parse_buffer(packet_of(key, ticks_now()))[0].get_type() == "COMMAND_LONG"


def test_time_stamps_never_go_back_even_when_the_clock_does(tmp_path):
    clock = {"now": 1_000}
    path = SigningKey.create(tmp_path / "key.json").path
    first = SigningKey(path, now=lambda: clock["now"])
    stamps = [first.next_stamp() for _ in range(3)]
    clock["now"] = 500
    stamps.append(first.next_stamp())
    # The program dies here, and the clock is wrong when the next one starts.
    stamps.append(SigningKey(path, now=lambda: 10).next_stamp())

    assert stamps == sorted(set(stamps))


def test_a_key_file_is_for_its_owner_only(tmp_path):
    path = SigningKey.create(tmp_path / "key.json").path

    assert path.stat().st_mode & 0o777 == 0o600
    SigningKey(path).next_stamp()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(InputFileError, match="other users may read"):
        SigningKey(path)


def test_a_passphrase_makes_the_key_of_other_ground_stations(tmp_path):
    key = SigningKey.create(tmp_path / "key.json", passphrase="quzhou")

    assert key.secret == hashlib.sha256(b"quzhou").digest()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": "other"}', '{"format": "flyonce-mavlink-key", "key_hex": "00", "stamp": 0}'],
)
def test_a_file_that_is_no_key_is_refused(tmp_path, content):
    path = tmp_path / "key.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(InputFileError, match="is no signing key"):
        SigningKey(path)


def test_a_key_is_neither_missing_nor_overwritten(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        SigningKey(tmp_path / "none.json")
    path = SigningKey.create(tmp_path / "key.json").path
    before = json.loads(path.read_text())["key_hex"]
    with pytest.raises(InputFileError, match="exists"):
        SigningKey.create(path)
    assert json.loads(path.read_text())["key_hex"] == before
    with pytest.raises(InputFileError, match="cannot be written"):
        SigningKey.create(tmp_path / "nowhere" / "key.json")


def test_signed_packets_are_recorded_whole(key, tmp_path):
    with (
        a_vehicle(key=key) as vehicle,
        open_link(vehicle.address, key=copy_of(key)) as link,
        TlogWriter(tmp_path / "signed.tlog") as tlog,
    ):
        link.add_listener(tlog.write)
        upload(link, a_mission())
        link.remove_listener(tlog.write)
    reader = mavutil.mavlink_connection(str(tmp_path / "signed.tlog"))
    kinds = set()
    while (message := reader.recv_match()) is not None:
        kinds.add(message.get_type())
    reader.close()

    assert {"MISSION_COUNT", "MISSION_REQUEST_INT", "MISSION_ITEM_INT", "MISSION_ACK"} <= kinds
    assert "BAD_DATA" not in kinds


# Serial lines


@contextlib.contextmanager
def a_serial_line_to(vehicle):
    """A pseudo-terminal whose far end is the vehicle; yields the near end's device."""
    far, near = os.openpty()
    tty.setraw(far)
    tty.setraw(near)
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", vehicle.port)) as radio:

        def carry():
            while not stop.is_set():
                for one in select.select([far, radio], [], [], 0.05)[0]:
                    if one is radio:
                        os.write(far, radio.recv(512))
                    else:
                        radio.sendall(os.read(far, 512))

        carrier = threading.Thread(target=carry, daemon=True)
        carrier.start()
        try:
            yield os.ttyname(near)
        finally:
            stop.set()
            carrier.join(5.0)
    os.close(near)
    os.close(far)


def test_a_mission_is_uploaded_over_a_serial_line():
    with a_vehicle() as vehicle, a_serial_line_to(vehicle) as device:
        with open_link(f"serial:{device}:115200") as link:
            assert upload(link, a_guarded_mission()).fence_points == 8

        assert len(vehicle.autopilot.mission) == 13
