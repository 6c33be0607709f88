"""Over a radio that drops, delays, doubles and reorders a fifth of all packets, each way."""

from __future__ import annotations

import pytest
from flight_builders import LAT, LON, a_guarded_mission, a_mission
from lossy_proxy import lossy
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import NoAnswer
from flightplan.flying.flight import Phase, fly
from flightplan.link.link import open_link
from flightplan.link.mavlink import Autopilot
from flightplan.link.plan_on_wire import plan_hash
from flightplan.link.upload import Patience, check_held, upload
from flightplan.vehicle import SimulatedVehicle, VehicleSetup


def a_vehicle(speedup=50.0, **setup):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, setup=VehicleSetup(**setup)
    ).running()


@pytest.fixture(autouse=True)
def asks_often(monkeypatch):
    """The vehicle asks again sooner than once a second: the test's patience, not its losses."""
    monkeypatch.setattr("flightplan.vehicle.mission_desk.ASK_AGAIN_S", 0.15)


# With the specification's own patience for one dialect, with less for the other, so that answers often come too late.
@pytest.mark.parametrize(
    ("spoken", "patience"),
    [(Autopilot.ARDUPILOT, Patience()), (Autopilot.PX4, Patience(answer_s=0.3, item_s=0.08, retries=5))],
    ids=["ardupilot", "px4"],
)
def test_mission_fence_and_rally_points_arrive_whole(spoken, patience):
    with a_vehicle(dialect=spoken) as vehicle, lossy(vehicle, seed=spoken.value) as proxy:
        with open_link(proxy.address, timeout_s=60.0) as link:
            result = upload(link, a_guarded_mission(), patience=patience)
        with open_link(vehicle.address) as link:
            held = check_held(link, a_guarded_mission())

    assert result.plan_hash == held.plan_hash == plan_hash(a_guarded_mission())
    assert (result.fence_points, result.rally_points) == (8, 1)
    assert result.resent > 0
    for counts in (proxy.up, proxy.down):
        assert counts.dropped
        assert counts.delayed
        assert counts.doubled


def test_a_flight_is_armed_started_once_and_followed_to_its_landing():
    mission = a_mission()
    with a_vehicle() as vehicle, lossy(vehicle, seed=5) as proxy:
        texts = []
        told = vehicle.autopilot.on_text
        vehicle.autopilot.on_text = lambda text: (texts.append(text), told(text))
        with open_link(vehicle.address) as link:
            upload(link, mission)
        with open_link(proxy.address, timeout_s=60.0) as link:
            log = fly(link, mission)

        assert vehicle.autopilot.photos == mission.figures().photos
        assert texts == ["Disarmed"], "armed twice, it would have to be disarmed twice"
    assert log.completed
    assert log.break_point is None
    assert [event.at for event in log.track] == sorted({event.at for event in log.track})
    assert len({photo.index for photo in log.photos}) == len(log.photos)


def test_a_radio_that_is_silent_for_a_while_is_waited_for(monkeypatch):
    monkeypatch.setattr("flightplan.flying.follow._SILENT_S", 1.5)
    phases = []

    def listen(progress):
        phases.append(progress.phase)
        if progress.phase is Phase.FLYING and progress.share_done > 0.1 and Phase.LINK_LOST not in phases:
            proxy.silent.set()
        if progress.phase is Phase.LINK_LOST:
            proxy.silent.clear()

    with (
        a_vehicle(speedup=20.0) as vehicle,
        lossy(vehicle, seed=6, dropped=0.0) as proxy,
        open_link(proxy.address) as link,
    ):
        upload(link, a_mission())
        log = fly(link, a_mission(), on_progress=listen)

    assert log.completed
    assert log.link_losses >= 1
    assert Phase.LINK_LOST in phases


def test_a_vehicle_out_of_reach_is_given_up_without_further_rounds(monkeypatch):
    monkeypatch.setattr("flightplan.link.mission_transfer._OUT_OF_REACH_S", 1.0)
    patience = Patience(answer_s=0.2, retries=11, rounds=1_000)
    with a_vehicle() as vehicle, lossy(vehicle, seed=7) as proxy, open_link(proxy.address, timeout_s=60.0) as link:
        proxy.silent.set()
        with pytest.raises(NoAnswer, match="MISSION_REQUEST in 12 tries"):
            upload(link, a_mission(), patience=patience)


def test_a_command_that_is_repeated_is_obeyed_once():
    with a_vehicle(speedup=1.0) as vehicle, open_link(vehicle.udp_address) as link:
        order = []
        vehicle.autopilot.do = order.append
        for confirmation in (0, 1, 2):
            link.send(
                dialect.MAVLink_command_long_message(
                    1, 1, dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST, confirmation, 20.0, 0.0, 1.0, *[0.0] * 4
                )
            )
        answers = [link.receive(("COMMAND_ACK",), 5.0).result for _ in range(3)]

    assert answers == [dialect.MAV_RESULT_ACCEPTED] * 3
    assert len(order) == 1


def test_a_packet_that_the_network_doubled_is_obeyed_once():
    command = dialect.MAV_CMD_DO_SET_CAM_TRIGG_DIST
    order = []
    with (
        a_vehicle(speedup=1.0) as vehicle,
        lossy(vehicle, seed=8, dropped=0.0, delayed=0.5, doubled=1.0) as proxy,
        open_link(proxy.address) as link,
    ):
        vehicle.autopilot.do = order.append
        for distance_m in (20.0, 21.0, 22.0):
            link.send(dialect.MAVLink_command_long_message(1, 1, command, 0, distance_m, 0.0, 1.0, *[0.0] * 4))
            assert link.receive(("COMMAND_ACK",), 10.0) is not None
        link.listen(0.5)

    assert sorted(item.params[0] for item in order) == [20.0, 21.0, 22.0]
    assert proxy.up.doubled >= 3
