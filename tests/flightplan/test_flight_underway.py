"""What can be seen of a flight under way, and what can be asked of it."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from flight_builders import FRAME, LAT, LON, a_guarded_mission, a_mission, a_rally_point, a_waypoint, lonlat, the_items
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.airspace.clearance import Clearance
from flightplan.errors import InvalidMission, NotCleared, NotNow
from flightplan.flying.flight import BreakPoint, FlightControl, Order, Phase, fly, follow
from flightplan.link.link import open_link
from flightplan.link.mavlink import Autopilot
from flightplan.link.upload import upload
from flightplan.mission.items import LookAt
from flightplan.mission.mission import LandHere, PhotosByDistance, PointCamera, ReturnHome, SetSpeed, TakeOff, Waypoint
from flightplan.mission.path import MissionPath
from flightplan.mission.remaining import remaining_mission
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

FAST, SLOW = 120.0, 2.0


def a_vehicle(speedup=FAST, **setup):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, setup=VehicleSetup(**setup)
    ).running()


def slows_down_in_its_first_row(vehicle):
    """So that whoever watches has seconds, not a blink of simulated time, to give an order there."""
    tell = vehicle.autopilot.on_photo

    def hook(photo):
        tell(photo)
        if photo.index == 3:
            vehicle.crafts[0].speedup = SLOW
            vehicle.autopilot.on_photo = tell

    vehicle.autopilot.on_photo = hook


class Pilot:
    """Gives orders when the flight has come so far, and keeps what it saw."""

    def __init__(self, *orders):
        self.control = FlightControl()
        self.seen = []
        self.given = {}
        self.vehicle = None
        self._orders = list(orders)

    def watch(self, progress):
        self.seen.append(progress)
        if self._orders and self._orders[0][1](progress):
            order, _ = self._orders.pop(0)
            self.given[order] = self.control.give(order)
        if progress.phase not in (Phase.FLYING, Phase.STARTING) or any(one.done() for one in self.given.values()):
            self.vehicle.crafts[0].speedup = FAST

    @property
    def phases(self):
        found = []
        for progress in self.seen:
            if not found or found[-1] is not progress.phase:
                found.append(progress.phase)
        return found


def in_row(progress):
    """In the first row, where photos are taken."""
    return progress.phase is Phase.FLYING and progress.item == 6 and progress.photos >= 3


def when(phase):
    return lambda progress: progress.phase is phase


def flown(pilot, mission=None, **setup):
    mission = mission or a_mission()
    with a_vehicle(**setup) as vehicle, open_link(vehicle.address) as link:
        pilot.vehicle = vehicle
        if any(moment is in_row for _, moment in pilot._orders):
            slows_down_in_its_first_row(vehicle)
        upload(link, mission)
        return fly(link, mission, on_progress=pilot.watch, control=pilot.control)


def gaps_of_rows_m(log):
    """Between photos of the same row, and from a row's ends to its first and last photo."""
    places = FRAME.en_from_lonlat(np.array([(photo.lon, photo.lat) for photo in log.photos]))
    gaps = []
    for east_m in (100.0, 160.0):
        row = np.sort(places[np.abs(places[:, 0] - east_m) < 3.0][:, 1])
        gaps += list(np.diff([100.0, *row, 300.0]))
    return np.array(gaps)


@pytest.fixture(scope="module")
def undisturbed():
    pilot = Pilot()
    return flown(pilot, a_guarded_mission()), pilot


def test_progress_goes_from_the_ground_to_the_landing(undisturbed):
    log, pilot = undisturbed

    assert log.completed
    assert [phase for phase in pilot.phases if phase is not Phase.STARTING] == [Phase.FLYING, Phase.LANDED]
    shares = [progress.share_done for progress in pilot.seen]
    # Positions are told to a centimetre.
    assert min(b - a for a, b in itertools.pairwise(shares)) > -1e-3
    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(1.0, abs=0.01)
    items = [progress.item for progress in pilot.seen]
    assert items == sorted(items)
    assert {progress.items for progress in pilot.seen} == {12}


def test_a_drone_on_its_way_is_not_off_its_plan(undisturbed):
    _, pilot = undisturbed
    away = [progress for progress in pilot.seen if progress.phase is Phase.FLYING and progress.item > 1]

    assert max(progress.off_m for progress in away) < 1.0
    assert max(abs(progress.above_m) for progress in away if progress.item < 12) < 1.0


def test_the_end_is_foreseen_from_the_beginning_and_ever_better(undisturbed):
    log, pilot = undisturbed
    flying = [progress for progress in pilot.seen if progress.phase is Phase.FLYING]

    def missed_s(progress):
        return abs((progress.ends_at - log.ended_at).total_seconds())

    assert missed_s(flying[len(flying) // 10]) < 0.2 * log.duration_s
    assert missed_s(flying[len(flying) // 2]) < 0.1 * log.duration_s
    assert log.ended_at.tzinfo is UTC


def test_a_drone_slower_than_planned_ends_later_than_planned():
    pilot = Pilot()
    log = flown(pilot, max_airspeed_m_s=5.0)
    half = next(progress for progress in pilot.seen if progress.along_m > 0.6 * progress.length_m)
    planned_s = MissionPath(a_mission()).seconds

    assert half.pace > 1.2
    assert log.duration_s > planned_s
    foreseen_s = (half.ends_at - log.started_at).total_seconds()
    assert abs(foreseen_s - log.duration_s) < abs(planned_s - log.duration_s)


@pytest.mark.parametrize("spoken", Autopilot, ids=lambda spoken: spoken.name.lower())
def test_a_flight_paused_in_a_row_goes_on_where_it_was_left_without_a_gap(spoken):
    pilot = Pilot((Order.PAUSE, in_row), (Order.RESUME, when(Phase.PAUSED)))
    log = flown(pilot, dialect=spoken)

    assert pilot.given[Order.PAUSE].result(0) is None
    assert pilot.given[Order.RESUME].result(0) is None
    assert log.completed
    assert (log.pauses, log.break_point) == (1, None)
    home = [Phase.RETURNING] if spoken is Autopilot.PX4 else []  # it leaves its mission mode for the last item
    phases = [phase for phase in pilot.phases if phase is not Phase.STARTING]
    assert phases == [Phase.FLYING, Phase.PAUSED, Phase.RESUMING, Phase.FLYING, *home, Phase.LANDED]
    assert gaps_of_rows_m(log).max() <= 20.5


def test_the_drone_stands_still_while_it_is_paused():
    def stands(progress):
        return progress.phase is Phase.PAUSED and progress.speed_m_s == 0.0

    pilot = Pilot((Order.PAUSE, in_row), (Order.RESUME, stands))
    log = flown(pilot)
    paused = [progress for progress in pilot.seen if progress.phase is Phase.PAUSED]

    assert log.completed
    assert paused[-1].speed_m_s == 0.0
    assert {progress.off_m for progress in paused} == {None}


def test_a_flight_called_home_lands_there_and_says_where_it_was_left():
    pilot = Pilot((Order.RETURN_HOME, in_row))
    log = flown(pilot)

    assert pilot.given[Order.RETURN_HOME].result(0) is None
    assert not log.completed
    assert Phase.RETURNING in pilot.phases
    assert log.break_point.item == 6
    place = FRAME.en_from_lonlat(np.array([[log.break_point.lon, log.break_point.lat]]))[0]
    assert place[0] == pytest.approx(100.0, abs=1.0)
    assert 100.0 < place[1] < 300.0
    last = log.track[-1]
    assert np.hypot(*FRAME.en_from_lonlat(np.array([[last.lon, last.lat]]))[0]) < 1.0


def test_a_paused_flight_can_be_called_home():
    pilot = Pilot((Order.PAUSE, in_row), (Order.RETURN_HOME, when(Phase.PAUSED)))
    log = flown(pilot)

    assert not log.completed
    assert log.break_point.item == 6
    assert pilot.phases[-2:] == [Phase.RETURNING, Phase.LANDED]


def test_the_rest_of_a_broken_off_mission_completes_its_rows():
    pilot = Pilot((Order.RETURN_HOME, in_row))
    mission = a_mission()
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        pilot.vehicle = vehicle
        slows_down_in_its_first_row(vehicle)
        upload(link, mission)
        first = fly(link, mission, on_progress=pilot.watch, control=pilot.control)
        rest = remaining_mission(mission, first.break_point)
        upload(link, rest)
        second = fly(link, rest)

    assert second.completed
    both = type(first)(**{**first.__dict__, "photos": first.photos + second.photos})
    assert gaps_of_rows_m(both).max() <= 20.5
    assert len(second.photos) < mission.figures().photos


@pytest.mark.parametrize(
    ("order", "moment", "why"),
    [
        (Order.RESUME, in_row, "cannot be resumed while it is flying"),
        (Order.PAUSE, when(Phase.LANDED), "has landed"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_and_the_flight_goes_on(order, moment, why):
    pilot = Pilot((order, moment))
    log = flown(pilot)

    with pytest.raises(NotNow, match=why):
        pilot.given[order].result(0)
    assert log.completed


def test_a_second_ground_station_pauses_and_resumes_and_photos_come_back():
    mission = a_mission()
    steps = []

    def meddle(progress):
        if in_row(progress) and not steps:
            steps.append("pause")
            second.send(dialect.MAVLink_command_long_message(1, 1, dialect.MAV_CMD_DO_SET_MODE, 0, 1, 17, *[0] * 5))
        elif progress.phase is Phase.PAUSED and steps == ["pause"]:
            steps.append("resume")
            vehicle.crafts[0].speedup = FAST
            second.send(dialect.MAVLink_command_long_message(1, 1, dialect.MAV_CMD_DO_SET_MODE, 0, 1, 3, *[0] * 5))

    with a_vehicle() as vehicle, open_link(vehicle.address) as link, open_link(vehicle.udp_address) as second:
        slows_down_in_its_first_row(vehicle)
        upload(link, mission)
        log = fly(link, mission, on_progress=meddle)

    assert steps == ["pause", "resume"]
    assert log.completed
    rows = FRAME.en_from_lonlat(np.array([(photo.lon, photo.lat) for photo in log.photos]))
    row = rows[np.abs(rows[:, 0] - 100.0) < 3.0]
    assert row[:, 1].max() > 270.0, "without photos after the pause the row would end where it was broken off"


def test_a_flight_can_be_followed_by_a_program_that_did_not_begin_it():
    mission = a_mission()
    begun = threading.Event()

    def beginning(progress):
        if in_row(progress):
            begun.set()

    def followed(progress):
        vehicle.crafts[0].speedup = FAST

    with a_vehicle() as vehicle, open_link(vehicle.address) as first:
        slows_down_in_its_first_row(vehicle)
        upload(first, mission)
        beginner = threading.Thread(target=lambda: fly(first, mission, on_progress=beginning))
        beginner.start()
        assert begun.wait(60.0)
        vehicle.crafts[0].speedup = 0.2  # there is time for the second program to come in
        with open_link(vehicle.address) as second:
            log = follow(second, mission, on_progress=followed)
        beginner.join(60.0)

    assert log.completed
    assert log.duration_s > 10.0
    assert 0 < len(log.photos) < mission.figures().photos


def test_a_mission_is_not_armed_outside_of_its_window():
    late = datetime.now(UTC) - timedelta(hours=1)
    mission = a_mission(clearance=Clearance(approvals=("QZ-1",), not_after=late))
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        with pytest.raises(NotCleared, match="may not take off after"):
            fly(link, mission)

        assert not vehicle.autopilot.armed


def test_the_rest_repeats_what_was_in_force_at_the_break():
    lon, lat = lonlat(100.0, 200.0)
    rest = remaining_mission(a_guarded_mission(), BreakPoint(item=6, lon=lon, lat=lat, alt_home_m=60.004))

    assert rest.items[:5] == (
        TakeOff(alt_home_m=60.0),
        SetSpeed(speed_m_s=10.0),
        PointCamera(pitch_deg=-90.0),
        Waypoint(lon=lon, lat=lat, alt_m=60.0),
        PhotosByDistance(distance_m=20.0, at_once=True),
    )
    assert rest.items[5:] == a_mission().items[5:]
    assert (rest.fence, rest.rally) == (a_guarded_mission().fence, (a_rally_point(),))


def test_nothing_is_left_of_a_mission_broken_off_on_its_way_home():
    assert remaining_mission(a_mission(), BreakPoint(item=12, lon=LON, lat=LAT, alt_home_m=60.0)) is None


def test_a_mission_broken_off_while_climbing_is_left_whole():
    assert remaining_mission(a_mission(), BreakPoint(item=1, lon=LON, lat=LAT, alt_home_m=30.0)) == a_mission()


def test_a_rest_whose_way_breaks_a_rule_is_refused():
    lon, lat = lonlat(300.0, 200.0)
    with pytest.raises(InvalidMission):
        remaining_mission(a_guarded_mission(), BreakPoint(item=6, lon=lon, lat=lat, alt_home_m=60.0))


def test_a_place_beside_the_leg_is_off_by_so_much():
    path = MissionPath(a_mission())
    place = path.place(*lonlat(97.0, 200.0), 58.5, item=6)

    assert place.leg.item == 6
    assert place.off_m == pytest.approx(3.0, abs=0.01)
    assert place.above_m == pytest.approx(-1.5)
    assert place.along_m == pytest.approx(np.hypot(100.0, 100.0) + 100.0, abs=0.1)


def test_heights_over_the_vehicles_own_terrain_are_not_guessed():
    items = the_items()
    items[5] = a_waypoint(100.0, 300.0, alt_reference="terrain")
    place = MissionPath(a_mission(items)).place(*lonlat(100.0, 200.0), 60.0, item=6)

    assert place.above_m is None


def test_a_way_that_ends_where_it_is_has_no_way_home():
    items = [*the_items()[:-1], LandHere()]
    path = MissionPath(a_mission(items))

    assert path.legs[-1].length_m == 0.0
    assert path.length_m < MissionPath(a_mission([*the_items()[:-1], ReturnHome()])).length_m


def test_a_camera_that_looked_at_a_place_looks_there_again_after_a_pause():
    tower_lon, tower_lat = lonlat(130.0, 200.0)
    items = [item for item in the_items() if not isinstance(item, PointCamera)]
    items.insert(2, LookAt(lon=tower_lon, lat=tower_lat, alt_home_m=20.0))
    pilot = Pilot((Order.PAUSE, in_row), (Order.RESUME, when(Phase.PAUSED)))
    mission = a_mission(items)
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        pilot.vehicle = vehicle
        slows_down_in_its_first_row(vehicle)
        upload(link, mission)
        looks = []
        look_at = vehicle.autopilot.camera.look_at
        vehicle.autopilot.camera.look_at = lambda *place: (looks.append(place), look_at(*place))
        log = fly(link, mission, on_progress=pilot.watch, control=pilot.control)

    assert log.completed
    assert len(looks) == 2
    assert looks[0][0] == pytest.approx(looks[1][0], abs=0.02)
    rest = remaining_mission(mission, BreakPoint(item=6, lon=tower_lon, lat=tower_lat, alt_home_m=60.0))
    assert items[2] in rest.items
