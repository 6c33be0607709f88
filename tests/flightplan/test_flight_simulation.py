"""What the simulated vehicle can and cannot do: limits of motion, wind, battery, fence, and a lost ground station."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from flight_builders import (
    FRAME,
    LAT,
    LON,
    a_guarded_mission,
    a_mission,
    a_rally_point,
    a_ring,
    a_waypoint,
    lonlat,
    the_items,
)
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import CommandRefused, MissionRefused
from flightplan.flying.flight import Phase, fly
from flightplan.link.link import open_link
from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import items_from_mission
from flightplan.link.mission_transfer import Patience, send_items
from flightplan.link.modes import Mode, custom_mode, mode_from_custom, mode_from_params, set_mode_params
from flightplan.link.upload import upload
from flightplan.mission.fence import Fence
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.mission import Home
from flightplan.vehicle import SimulatedVehicle, VehicleSetup, Wind
from flightplan.vehicle.autopilot import Autopilot
from flightplan.vehicle.wind import Gusts, ground_speed_limit_m_s

STEP_S = 0.05


class Flight:
    """An autopilot without sockets, flown step by step."""

    def __init__(self, mission=None, **setup):
        mission = mission or a_mission()
        self.texts, self.photos, self.breaches = [], [], []
        self.autopilot = Autopilot(
            home=Home(lon=LON, lat=LAT, alt_msl_m=71.5),
            setup=VehicleSetup(**setup),
            on_text=self.texts.append,
            on_photo=self.photos.append,
            on_fence=lambda: self.breaches.append(self.autopilot.body.place_en),
        )
        self.autopilot.load(items_from_mission(mission))
        self.autopilot.guard(mission.fence, mission.rally)
        self.autopilot.set_mode(Mode.GUIDED)

    def start(self):
        assert self.autopilot.arm() is None
        self.autopilot.set_mode(Mode.AUTO)
        assert self.autopilot.start_mission() is None
        return self

    def until(self, condition, most_s=1_500.0):
        """Steps until the condition; returns the body's states on the way: time, east, north, height, heading."""
        states = []
        body, first_s = self.autopilot.body, self.autopilot.time_s
        while not condition():
            assert self.autopilot.time_s - first_s < most_s, "it never came to that"
            self.autopilot.step(STEP_S)
            states.append((self.autopilot.time_s, *body.place_en, body.alt_m, body.heading_deg))
        return np.array(states)

    def to_the_end(self):
        return self.until(lambda: not self.autopilot.armed)

    def away(self, metres=150.0):
        self.until(lambda: self.autopilot.body.distance_to((0.0, 0.0)) > metres)
        return self


# Motion


def test_speed_climb_turn_and_acceleration_stay_within_their_limits():
    bent = [*the_items()[:4], a_waypoint(130, 280, 90.0), a_waypoint(135, 380, 40.0), *the_items()[-1:]]
    flight = Flight(a_mission(bent), max_airspeed_m_s=8.0).start()
    kinematics = flight.autopilot.setup.kinematics
    states = flight.to_the_end()
    velocity = np.diff(states[:, 1:4], axis=0) / STEP_S
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    turned = (np.diff(states[:, 4]) + 180) % 360 - 180

    assert speed.max() <= 8.0 + 0.2
    assert velocity[:, 2].max() <= kinematics.climb_m_s + 1e-6
    assert velocity[:, 2].min() >= -kinematics.sink_m_s - 1e-6
    assert np.abs(turned).max() <= kinematics.yaw_rate_deg_s * STEP_S + 1e-6
    # Half a metre per second is what the last centimetres before a stop take, a little more at a corner.
    assert np.hypot(*np.diff(velocity[:, :2], axis=0).T).max() < 1.0


def test_a_blunt_corner_is_swung_wide_and_a_sharp_one_is_not():
    blunt = [*the_items()[:3], a_waypoint(0, 200), a_waypoint(50, 400), the_items()[-1]]
    flight = Flight(a_mission(blunt)).start()
    states = flight.to_the_end()
    beyond = states[(states[:, 2] > 200.5) & (states[:, 3] > 59.0)]
    course = np.array([50.0, 200.0]) / math.hypot(50.0, 200.0)
    beside = beyond[:, 1] * course[1] - (beyond[:, 2] - 200.0) * course[0]

    assert -3.0 < beside[: len(beside) // 4].min() < -0.1
    sharp = Flight().start().to_the_end()
    row = sharp[(sharp[:, 2] > 105) & (sharp[:, 2] < 295) & (np.abs(sharp[:, 1] - 100) < 20)]
    assert np.abs(row[:, 1] - 100.0).max() < 0.05


def test_a_drone_called_home_at_speed_brakes_before_it_turns():
    flight = Flight().start().away(300.0)
    flight.autopilot.set_mode(Mode.RTL)
    states = flight.to_the_end()
    velocity = np.diff(states[:, 1:3], axis=0) / STEP_S

    # Half a metre per second is what the last centimetres before a stop take; a turn at full speed would take ten.
    assert np.hypot(*np.diff(velocity, axis=0).T).max() < 1.0
    assert np.hypot(states[-1, 1], states[-1, 2]) < 0.5


# Wind


def test_the_wind_is_added_to_the_speed_through_the_air():
    wind = Wind(speed_m_s=6.0, from_deg=270.0)

    assert wind.mean_en_m_s == pytest.approx((6.0, 0.0))
    assert ground_speed_limit_m_s(90.0, wind.mean_en_m_s, 10.0) == pytest.approx(16.0)
    assert ground_speed_limit_m_s(270.0, wind.mean_en_m_s, 10.0) == pytest.approx(4.0)
    assert ground_speed_limit_m_s(0.0, wind.mean_en_m_s, 10.0) == pytest.approx(8.0)
    assert ground_speed_limit_m_s(0.0, wind.mean_en_m_s, 5.0) == 0.0


def test_against_the_wind_a_row_takes_longer_than_with_it():
    flight = Flight(max_airspeed_m_s=12.0, wind=Wind(speed_m_s=5.0, from_deg=0.0)).start()
    states = flight.to_the_end()
    rows = [
        states[(np.abs(states[:, 1] - east) < 1.0) & (states[:, 2] > 130) & (states[:, 2] < 270)] for east in (100, 160)
    ]
    against_s, with_s = (row[-1, 0] - row[0, 0] for row in rows)

    assert against_s == pytest.approx(140 / 7.0, rel=0.05)
    assert with_s == pytest.approx(140 / 10.0, rel=0.05)


def test_gusts_push_the_drone_off_its_line_and_it_comes_back():
    wind = Wind(speed_m_s=3.0, from_deg=90.0, gust_m_s=3.0, seed=7)
    states = Flight(wind=wind).start().to_the_end()
    row = states[(states[:, 2] > 120) & (states[:, 2] < 280) & (np.abs(states[:, 1] - 100) < 20)]

    assert 0.1 < np.abs(row[:, 1] - 100.0).max() < 5.0
    assert np.hypot(states[-1, 1], states[-1, 2]) < 5.0


def test_gusts_of_one_seed_are_the_same_and_of_the_size_that_was_asked():
    def gusts(seed):
        one = Gusts(Wind(gust_m_s=2.0, seed=seed))
        return np.array([one.step(0.5) for _ in range(20_000)])

    assert (gusts(1) == gusts(1)).all()
    assert (gusts(1) != gusts(2)).any()
    assert gusts(1).std() == pytest.approx(2.0, rel=0.1)


def test_a_wind_stronger_than_the_drone_carries_it_off():
    flight = Flight(wind=Wind(speed_m_s=14.0, from_deg=0.0), max_airspeed_m_s=10.0).start()
    with pytest.raises(AssertionError, match="never came to that"):
        flight.until(lambda: not flight.autopilot.armed, most_s=120.0)

    assert flight.autopilot.body.place_en[1] < 0.0


# Battery


def test_a_low_battery_brings_it_home():
    flight = Flight(endurance_s=60.0).start()
    flight.until(lambda: flight.autopilot.mode is Mode.RTL)
    assert flight.autopilot.battery == pytest.approx(0.2, abs=0.01)
    flight.to_the_end()

    assert flight.texts[0] == "Battery low: returning"


def test_an_empty_battery_brings_it_down_where_it_is():
    flight = Flight(endurance_s=30.0, low_battery=0.06, empty_battery=0.05).start()
    flight.to_the_end()

    assert flight.autopilot.mode is Mode.LAND
    assert "Battery empty: landing" in flight.texts


def test_a_fresh_battery_warns_again():
    flight = Flight(endurance_s=60.0)
    for _ in range(2):
        flight.autopilot.set_mode(Mode.GUIDED)
        flight.start().to_the_end()

    assert flight.texts.count("Battery low: returning") == 2


# Fence and rally points


def test_a_breached_fence_turns_it_back_once():
    flight = Flight()
    flight.autopilot.guard(Fence(inside=(a_ring(-60, -60, 250, 200),)), ())
    flight.autopilot.fence.enabled = True
    flight.start().to_the_end()

    assert len(flight.breaches) == 1
    assert flight.breaches[0][1] == pytest.approx(200.0, abs=1.0)
    assert flight.texts[0] == "Boundary fence breached: RTL"
    assert not flight.autopilot.fence.breached


def test_a_place_to_keep_out_of_counts_like_the_fence_around():
    flight = Flight()
    flight.autopilot.guard(Fence(outside=(a_ring(50, 150, 250, 250),)), ())
    flight.autopilot.fence.enabled = True
    flight.start().to_the_end()

    assert len(flight.breaches) == 1
    assert flight.breaches[0][1] == pytest.approx(150.0, abs=1.0)


def test_a_drone_outside_of_its_fence_does_not_arm():
    flight = Flight()
    flight.autopilot.guard(Fence(inside=(a_ring(50, 50, 250, 250),)), ())
    flight.autopilot.fence.enabled = True

    assert flight.autopilot.arm() == "Arm: vehicle outside fence"


def test_a_mission_within_its_fence_is_flown_undisturbed():
    flight = Flight(a_guarded_mission())
    flight.autopilot.fence.enabled = True
    flight.start().to_the_end()

    assert flight.texts == ["Disarmed"]
    assert len(flight.photos) == a_guarded_mission().figures().photos


def test_it_returns_to_the_nearest_of_home_and_the_rally_points():
    mission = a_guarded_mission(rally=(a_rally_point(150.0, 320.0), a_rally_point(-20.0, -20.0)))
    flight = Flight(mission).start().away(300.0)
    flight.autopilot.set_mode(Mode.RTL)
    flight.to_the_end()

    assert flight.autopilot.body.place_en == pytest.approx((150.0, 320.0), abs=0.5)


# Over the socket


def a_vehicle(speedup=120.0, **setup):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, setup=VehicleSetup(**setup)
    ).running()


def test_a_breach_is_told_by_status_and_text_and_the_flight_is_broken_off():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        statuses = []
        link.wire.add_listener(lambda packet, at: statuses.append(packet))
        upload(link, a_guarded_mission())
        # Closer than planned: someone has moved the fence on board, as only a fault would.
        vehicle.autopilot.guard(Fence(inside=(a_ring(-60, -60, 250, 200),)), ())
        log = fly(link, a_guarded_mission())

    kinds = [message for packet in statuses for message in dialect.MAVLink(None).parse_buffer(packet) or ()]
    breached = [one for one in kinds if one.get_type() == "FENCE_STATUS" and one.breach_status]
    assert breached[0].breach_type == dialect.FENCE_BREACH_BOUNDARY
    assert breached[0].breach_count == 1
    assert "Boundary fence breached: RTL" in log.texts
    assert not log.completed
    assert log.break_point is not None


def test_a_vehicle_outside_of_its_fence_refuses_to_arm_with_its_reason():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, a_guarded_mission())
        vehicle.autopilot.guard(Fence(inside=(a_ring(50, 50, 250, 250),)), ())
        with pytest.raises(CommandRefused, match="vehicle outside fence"):
            fly(link, a_guarded_mission())


@pytest.mark.parametrize("spoken", Dialect, ids=lambda spoken: spoken.name.lower())
def test_a_vehicle_whose_ground_station_is_lost_returns(spoken):
    stopped = []

    def fall_silent(progress):
        if progress.photos and not stopped:
            stopped.append(progress)
            # It listens on, and sends no heartbeats any more.
            link.wire._closed.set()
            vehicle.crafts[0].speedup = 1.0
        if progress.phase is Phase.RETURNING:
            vehicle.crafts[0].speedup = 60.0

    with (
        a_vehicle(speedup=30.0, station_timeout_s=3.0, dialect=spoken) as vehicle,
        open_link(vehicle.udp_address) as link,
    ):
        upload(link, a_mission())
        log = fly(link, a_mission(), on_progress=fall_silent)

    assert "Ground station lost: returning" in log.texts
    assert not log.completed


def test_nan_is_refused_by_ardupilot_with_its_code_and_taken_by_px4():
    items = items_from_mission(a_mission(), Dialect.PX4)
    quick = Patience(rounds=1)
    with (
        a_vehicle(dialect=Dialect.ARDUPILOT) as vehicle,
        open_link(vehicle.address) as link,
        pytest.raises(MissionRefused) as refused,
    ):
        send_items(link, items, patience=quick)
    with a_vehicle(dialect=Dialect.PX4) as vehicle, open_link(vehicle.address) as link:
        assert send_items(link, items, patience=quick) == 0

    assert refused.value.code_name == "MAV_MISSION_INVALID_PARAM4"


def ask(link, command, *params, kind="COMMAND_ACK"):
    seven = [*params, *([0.0] * (7 - len(params)))]
    link.send(dialect.MAVLink_command_long_message(1, 1, command, 0, *seven))
    while (answer := link.receive((kind,), 5.0)) is not None:
        if kind != "COMMAND_ACK" or answer.command == command:
            return answer
    raise AssertionError(f"no {kind}")


@pytest.mark.parametrize(
    ("command", "params", "result"),
    [
        (dialect.MAV_CMD_DO_REPOSITION, (), dialect.MAV_RESULT_COMMAND_INT_ONLY),
        (dialect.MAV_CMD_DO_PAUSE_CONTINUE, (0.0,), dialect.MAV_RESULT_FAILED),
        (dialect.MAV_CMD_DO_CHANGE_SPEED, (1.0, math.nan), dialect.MAV_RESULT_DENIED),
        (dialect.MAV_CMD_DO_CHANGE_SPEED, (1.0, 7.0), dialect.MAV_RESULT_ACCEPTED),
        (dialect.MAV_CMD_DO_FENCE_ENABLE, (1.0,), dialect.MAV_RESULT_ACCEPTED),
        (dialect.MAV_CMD_NAV_TAKEOFF, (), dialect.MAV_RESULT_UNSUPPORTED),
    ],
)
def test_commands_are_answered_with_the_code_that_fits(command, params, result):
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        assert ask(link, command, *params).result == result


def test_a_mission_paused_by_its_own_command_stops_and_goes_on_with_its_photos():
    flight = Flight().start()
    flight.until(lambda: len(flight.photos) == 3)
    assert flight.autopilot.pause(True) is None
    flight.until(lambda: flight.autopilot.body.speed_m_s == 0.0)
    taken = len(flight.photos)
    for _ in range(200):
        flight.autopilot.step(STEP_S)
    assert len(flight.photos) == taken
    assert flight.autopilot.pause(False) is None
    flight.to_the_end()

    assert len(flight.photos) == a_mission().figures().photos


@pytest.mark.parametrize(
    ("spoken", "kind"), [(Dialect.ARDUPILOT, "CAMERA_FEEDBACK"), (Dialect.PX4, "CAMERA_IMAGE_CAPTURED")]
)
def test_every_photo_is_told_in_the_dialect_and_looks_where_it_looked(spoken, kind):
    packets = []
    with a_vehicle(dialect=spoken) as vehicle, open_link(vehicle.address) as link:
        link.add_listener(lambda packet, at: packets.append(packet))
        upload(link, a_mission())
        log = fly(link, a_mission())

    codec = dialect.MAVLink(None)
    names = [message.get_type() for packet in packets for message in codec.parse_buffer(packet) or ()]
    assert names.count(kind) == len(log.photos) == a_mission().figures().photos
    assert "GIMBAL_DEVICE_ATTITUDE_STATUS" in names
    for photo in log.photos:
        assert photo.pitch_deg == pytest.approx(-90.0, abs=0.1)
        row_deg = 0.0 if photo.lon < lonlat(130.0, 0.0)[0] else 180.0
        assert abs((photo.heading_deg - row_deg + 180) % 360 - 180) < 5.0


def test_modes_go_to_the_wire_and_back_in_both_dialects():
    for mode, spoken in itertools.product((Mode.AUTO, Mode.RTL, Mode.LAND, Mode.LOITER), Dialect):
        assert mode_from_custom(custom_mode(mode, spoken), spoken) is mode
        assert mode_from_params(*set_mode_params(mode, spoken)[1:], spoken) is mode
    assert custom_mode(Mode.AUTO, Dialect.PX4) == 4 << 16 | 4 << 24
    assert custom_mode(Mode.AUTO, Dialect.ARDUPILOT) == 3
    assert mode_from_custom(99, Dialect.ARDUPILOT) is None
    assert mode_from_custom(99 << 16, Dialect.PX4) is None


def test_several_vehicles_stand_side_by_side():
    vehicle = SimulatedVehicle(home_lon=LON, home_lat=LAT, count=3)
    places = FRAME.en_from_lonlat(np.array([craft.autopilot.lonlat() for craft in vehicle.crafts]))
    vehicle.close()

    assert places == pytest.approx(np.array([(0.0, 0.0), (4.0, 0.0), (8.0, 0.0)]), abs=0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: VehicleSetup(endurance_s=0.0),
        lambda: VehicleSetup(low_battery=0.1, empty_battery=0.2),
        lambda: VehicleSetup(station_timeout_s=0.0),
        lambda: VehicleSetup(max_airspeed_m_s=math.nan),
        lambda: VehicleSetup(kinematics=Kinematics(climb_m_s=0.0)),
        lambda: Wind(speed_m_s=-1.0),
        lambda: Wind(from_deg=math.inf),
        lambda: SimulatedVehicle(count=200, system_id=100),
    ],
)
def test_a_vehicle_that_cannot_be_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()


def test_px4_takes_off_by_the_change_of_mode_alone():
    flight = Flight(dialect=Dialect.PX4)
    assert flight.autopilot.arm() is None
    flight.autopilot.set_mode(Mode.AUTO)
    flight.to_the_end()

    assert len(flight.photos) == a_mission().figures().photos
