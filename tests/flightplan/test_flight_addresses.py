"""Addresses of links: IPv6, names that mean nothing, listeners opened again, and keys on a disk that takes no more."""

from __future__ import annotations

import socket
import time

import pytest
from flight_builders import LAT, LON, a_mission
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import InputFileError, LinkClosed
from flightplan.link.commander import Commander
from flightplan.link.link import open_link
from flightplan.link.signing import SigningKey, ticks_now
from flightplan.link.transports import open_transport
from flightplan.link.upload import upload
from flightplan.vehicle import SimulatedVehicle

MINUTE = 60 * 100_000


def a_vehicle(**options):
    return SimulatedVehicle(home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=60.0, **options).running()


def a_free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def ipv6():
    """Some containers have none."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("kind", ["address", "udp_address"])
def test_a_mission_is_uploaded_over_ipv6(kind):
    with a_vehicle(host="::1") as vehicle:
        address = getattr(vehicle, kind)
        assert "[::1]:" in address
        with open_link(address) as link:
            assert upload(link, a_mission()).items == 13


@pytest.mark.usefixtures("ipv6")
def test_a_listener_on_ipv6_hears_ipv4_too():
    port = a_free_port()
    with a_vehicle(udp_to=(("127.0.0.1", port),)), open_link(f"udp:[::]:{port}") as link:
        assert link.vehicle_system == 1


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("tcp:::1:5760", r"stands in brackets, like tcp:\[::1\]:5760"),
        ("udp:fe80::1", r"stands in brackets, like udp:\[::1\]:14550"),
        ("udpout:[::1:14550", r"is not an address like udpout:\[::1\]:14550"),
        ("tcp:[::1]5760", r"is not an address like tcp:\[::1\]:5760"),
        ("tcp:[::1]:x", "'x' is not a port number"),
        ("udpout:no such host:14550", "names a host that is not known here"),
        ("udp:no such host:14550", "names a host that is not known here"),
        ("tcp:no such host:14550", "names a host that is not known here"),
    ],
)
def test_an_address_that_means_nothing_is_refused_at_opening_in_one_line(url, problem):
    with pytest.raises(LinkClosed, match=problem) as refused:
        open_transport(url).close()
    assert "\n" not in str(refused.value)


def test_a_vehicle_that_shall_speak_to_a_host_not_known_is_refused():
    with pytest.raises(LinkClosed, match="names a host that is not known here"):
        SimulatedVehicle(udp_to=(("no such host", 14550),))


def test_a_listener_is_opened_again_on_its_own_port():
    port = a_free_port()
    with a_vehicle(udp_to=(("127.0.0.1", port),)), open_link(f"udp:127.0.0.1:{port}") as link:
        link.reopen()
        link.wait_for_vehicle()
        assert upload(link, a_mission()).items == 13


def test_a_connection_that_could_not_be_opened_again_can_be_later():
    with a_vehicle() as vehicle:
        port = vehicle.port
        link = open_link(vehicle.address)
    with link:
        with pytest.raises(LinkClosed):
            link.reopen()
        with pytest.raises(LinkClosed):
            link.send(dialect.MAVLink_ping_message(0, 0, 0, 0))
        with a_vehicle(port=port):
            link.reopen()
            link.wait_for_vehicle()


# The key's file


class Clock:
    """Goes on by itself, and may be set."""

    def __init__(self):
        self.ahead = 0

    def __call__(self):
        return ticks_now() + self.ahead


def test_a_disk_that_takes_no_more_does_not_end_a_signed_link_and_is_told_once(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    SigningKey.create(folder / "key")
    clock, told = Clock(), []
    ours = SigningKey(folder / "key", now=clock, on_trouble=told.append)
    with a_vehicle(key=SigningKey(folder / "key")) as vehicle, open_link(vehicle.address, key=ours) as link:
        folder.rename(tmp_path / "elsewhere")  # nothing can be written to it from now on
        clock.ahead += 2 * MINUTE
        beats = []
        link.add_listener(lambda packet, at: beats.append(packet) if packet[7] == 0 and packet[5] == 255 else None)
        until = time.monotonic() + 30.0
        while len(beats) < 3 and time.monotonic() < until:
            link.receive((), 0.2)
        Commander(link, lambda message: None).order(
            "speed", dialect.MAV_CMD_DO_CHANGE_SPEED, 1.0, 5.0, -1.0
        )  # it still obeys

        assert len(beats) >= 3
        (line,) = told
        assert "time stamp cannot be written" in line
        assert "\n" not in line
        stamps = [ours.next_stamp() for _ in range(3)]
        clock.ahead -= 10 * MINUTE
        assert ours.next_stamp() > stamps[2] > stamps[1] > stamps[0]


def test_a_stamp_is_kept_again_once_the_disk_takes_it(tmp_path):
    folder, away = tmp_path / "keys", tmp_path / "elsewhere"
    folder.mkdir()
    SigningKey.create(folder / "key")
    clock, told = Clock(), []
    key = SigningKey(folder / "key", now=clock, on_trouble=told.append)
    folder.rename(away)
    key.next_stamp()
    away.rename(folder)
    clock.ahead += MINUTE
    last = key.next_stamp()

    assert len(told) == 1
    assert SigningKey(folder / "key", now=lambda: 0).next_stamp() > last
    assert [one.name for one in folder.iterdir()] == ["key"]


def test_a_key_that_cannot_be_written_whole_leaves_no_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputFileError, match="No space left on device"):
        SigningKey.create(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
