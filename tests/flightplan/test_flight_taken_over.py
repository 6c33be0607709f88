"""What becomes of our flight when another ground station, or a pilot, takes the vehicle over."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from flight_builders import FRAME, LAT, LON, a_mission
from flight_script import CRAWL, FAST, Script, in_row, on, slows_down_in_its_first_row
from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import NotNow
from flightplan.flying.flight import FlightControl, Order, Phase, fly, follow
from flightplan.link.link import Link, Wire, open_link
from flightplan.link.mavlink import Autopilot
from flightplan.link.modes import Mode, set_mode_params
from flightplan.link.transports import open_transport
from flightplan.link.upload import upload
from flightplan.vehicle import SimulatedVehicle, VehicleSetup

BOTH = pytest.mark.parametrize("spoken", Autopilot, ids=lambda spoken: spoken.name.lower())


def a_vehicle(spoken=Autopilot.ARDUPILOT, speedup=FAST):
    return SimulatedVehicle(
        home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, speedup=speedup, setup=VehicleSetup(dialect=spoken)
    ).running()


def orders_mode(link, mode):
    params = set_mode_params(mode, link.autopilot)
    link.send(dialect.MAVLink_command_long_message(1, 1, dialect.MAV_CMD_DO_SET_MODE, 0, *params, *[0] * 4))


def carried_away(vehicle):
    """The vehicle hovers 30 m beside its row, as after a wind, and crawls back, so that there is time to meddle."""
    vehicle.autopilot.body.east_m += 30.0
    vehicle.crafts[0].speedup = CRAWL


def taken_over_on_its_way_back(mode, spoken, *later):
    """Paused by us, set aside, resumed by us, and then others order `mode` before it is back at its row."""
    mission = a_mission()
    with (
        a_vehicle(spoken) as vehicle,
        open_link(vehicle.address) as link,
        open_link(vehicle.udp_address) as others,
    ):
        slows_down_in_its_first_row(vehicle)
        script = Script(vehicle=vehicle)
        give = script.control.give

        def set_aside():
            carried_away(vehicle)
            return give(Order.RESUME)

        script.steps = [
            (in_row, lambda: give(Order.PAUSE)),
            (lambda now: now.phase is Phase.PAUSED and now.speed_m_s < 0.1, set_aside),
            (on(Phase.RESUMING), lambda: orders_mode(others, mode)),
            *((moment, lambda act=act: act(vehicle, give)) for moment, act in later),
        ]
        upload(link, mission)
        log = fly(link, mission, on_progress=script.watch, control=script.control)
    assert script.steps == []
    return log, script


def quicker(vehicle, give):
    vehicle.crafts[0].speedup = FAST


def test_a_mission_that_others_let_go_on_is_followed_and_the_gap_told():
    log, script = taken_over_on_its_way_back(Mode.AUTO, Autopilot.ARDUPILOT, (on(Phase.FLYING), quicker))

    with pytest.raises(NotNow, match="another ground station let the mission go on"):
        script.answers[1].result(0)
    assert Phase.RESUMING in script.phases
    assert script.phases[script.phases.index(Phase.RESUMING) :][:2] == [Phase.RESUMING, Phase.FLYING]
    assert log.completed
    assert log.break_point is None
    (gap,) = log.gaps
    assert gap.item == 6
    assert FRAME.en_from_lonlat(np.array([[gap.lon, gap.lat]]))[0][0] == pytest.approx(100.0, abs=1.0)
    north = FRAME.en_from_lonlat(np.array([[one.lon, one.lat] for one in log.photos]))[:, 1]
    first_row = north[: int(np.argmax(north)) + 1]
    assert len(first_row) > 6, "without photos after it went on there would be about four"


@BOTH
def test_a_flight_that_others_stop_on_its_way_back_is_paused_and_resumes_without_a_gap(spoken):
    def again(vehicle, give):
        vehicle.crafts[0].speedup = FAST
        return give(Order.RESUME)

    log, script = taken_over_on_its_way_back(Mode.POSHOLD, spoken, (on(Phase.PAUSED), again))

    with pytest.raises(NotNow, match="another ground station"):
        script.answers[1].result(0)
    assert script.answers[2].result(0) is None
    back = script.phases.index(Phase.RESUMING)
    assert script.phases[back : back + 4] == [Phase.RESUMING, Phase.PAUSED, Phase.RESUMING, Phase.FLYING]
    assert log.completed
    assert (log.gaps, log.break_point, log.pauses) == ((), None, 1)


def test_a_flight_called_home_by_others_on_its_way_back_is_shown_as_returning():
    log, script = taken_over_on_its_way_back(Mode.RTL, Autopilot.ARDUPILOT, (on(Phase.RETURNING), quicker))

    with pytest.raises(NotNow, match="turned back by itself"):
        script.answers[1].result(0)
    assert script.phases[-2:] == [Phase.RETURNING, Phase.LANDED]
    assert not log.completed
    assert log.break_point.item == 6
    assert FRAME.en_from_lonlat(np.array([[log.break_point.lon, log.break_point.lat]]))[0][0] == pytest.approx(
        100.0, abs=1.0
    )


def test_a_vehicle_stopped_without_a_change_of_mode_is_paused_again_and_can_be_resumed():
    """As QGroundControl pauses PX4: it tells it to hold where it is, in the mode that it is in."""
    mission = a_mission()
    with (
        a_vehicle(Autopilot.PX4) as vehicle,
        open_link(vehicle.address) as link,
        open_link(vehicle.udp_address) as others,
    ):
        slows_down_in_its_first_row(vehicle)
        script = Script(vehicle=vehicle)

        def resume():
            return script.control.give(Order.RESUME)

        def set_aside():
            carried_away(vehicle)
            return resume()

        def hold():
            vehicle.crafts[0].speedup = FAST
            x, y = (round(angle * 1e7) for angle in reversed(vehicle.autopilot.lonlat()))
            height = vehicle.autopilot.body.alt_m
            others.send(
                dialect.MAVLink_command_int_message(
                    1, 1, 6, dialect.MAV_CMD_DO_REPOSITION, 0, 0, -1.0, 1.0, 0.0, float("nan"), x, y, height
                )
            )

        script.steps = [
            (in_row, lambda: script.control.give(Order.PAUSE)),
            (lambda now: now.phase is Phase.PAUSED and now.speed_m_s < 0.1, set_aside),
            (on(Phase.RESUMING), hold),
            (on(Phase.PAUSED), resume),
        ]
        upload(link, mission)
        log = fly(link, mission, on_progress=script.watch, control=script.control)

    with pytest.raises(NotNow, match="does not come nearer"):
        script.answers[1].result(0)
    assert script.answers[2].result(0) is None
    assert log.completed
    assert log.gaps == ()


@BOTH
def test_a_flight_on_its_way_back_can_be_paused_again(spoken):
    mission = a_mission()
    with a_vehicle(spoken) as vehicle, open_link(vehicle.address) as link:
        slows_down_in_its_first_row(vehicle)
        script = Script(vehicle=vehicle)
        give = script.control.give

        def set_aside():
            carried_away(vehicle)
            return give(Order.RESUME)

        def again():
            vehicle.crafts[0].speedup = FAST
            return give(Order.RESUME)

        script.steps = [
            (in_row, lambda: give(Order.PAUSE)),
            (lambda now: now.phase is Phase.PAUSED and now.speed_m_s < 0.1, set_aside),
            (on(Phase.RESUMING), lambda: give(Order.PAUSE)),
            (lambda now: now.phase is Phase.PAUSED and now.speed_m_s < 0.1 and script.answers[2].done(), again),
        ]
        upload(link, mission)
        log = fly(link, mission, on_progress=script.watch, control=script.control)

    with pytest.raises(NotNow, match="told to pause"):
        script.answers[1].result(0)
    assert script.answers[2].result(0) is None
    assert script.answers[3].result(0) is None
    assert log.completed
    assert (log.gaps, log.break_point) == ((), None)


class Eavesdropper:
    """A transport that tells what goes to the vehicle, may lose it, and lets the test act before it does."""

    def __init__(self, url, rule):
        self._inner = open_transport(url)
        self._parser = dialect.MAVLink(None)
        self._rule = rule
        self.read, self.close = self._inner.read, self._inner.close

    def write(self, packet):
        for message in self._parser.parse_buffer(packet) or []:
            if self._rule(message):
                self._inner.write(packet)


def test_nothing_of_a_resumption_is_sent_once_others_have_taken_over():
    """Our first command at the break point is lost; before it is repeated, others call the vehicle home."""
    mission = a_mission()
    sent_late = []
    with a_vehicle() as vehicle, open_link(vehicle.udp_address) as others:
        taken = threading.Event()

        def rule(message):
            if message.get_type() not in ("COMMAND_LONG", "COMMAND_INT"):
                return True
            if taken.is_set():
                sent_late.append(message)
                return True
            if message.command == dialect.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
                orders_mode(others, Mode.RTL)
                until = time.monotonic() + 20.0
                while vehicle.autopilot.mode is not Mode.RTL and time.monotonic() < until:
                    time.sleep(0.01)
                taken.set()
                return False
            return True

        link = Link(Wire(Eavesdropper(vehicle.address, rule), url=vehicle.address))
        with link:
            link.wait_for_vehicle(5.0)
            slows_down_in_its_first_row(vehicle)
            script = Script(vehicle=vehicle)
            give = script.control.give
            script.steps = [
                (in_row, lambda: give(Order.PAUSE)),
                (on(Phase.PAUSED), lambda: give(Order.RESUME)),
                (on(Phase.RETURNING), lambda: quicker(vehicle, give)),
            ]
            upload(link, mission)
            log = fly(link, mission, on_progress=script.watch, control=script.control)

    assert taken.is_set()
    assert sent_late == []
    assert isinstance(script.answers[1].exception(0), NotNow)
    assert script.phases[-2:] == [Phase.RETURNING, Phase.LANDED]
    assert log.break_point.item == 6


@BOTH
def test_a_paused_vehicle_is_found_paused_and_resumes_from_where_it_hovers(spoken):
    mission = a_mission()
    with a_vehicle(spoken) as vehicle:
        with open_link(vehicle.address) as first:
            slows_down_in_its_first_row(vehicle)
            upload(first, mission)
            hovers = begun_and_left(vehicle, first, mission)
        with open_link(vehicle.address) as link:
            script = Script(vehicle=vehicle)

            def resume():
                vehicle.crafts[0].speedup = FAST
                return script.control.give(Order.RESUME)

            script.steps = [(on(Phase.PAUSED), resume)]
            log = follow(link, mission, on_progress=script.watch, control=script.control)

    assert script.answers[0].result(0) is None
    phases = [phase for phase in script.phases if phase is not Phase.STARTING]
    assert phases[:3] == [Phase.PAUSED, Phase.RESUMING, Phase.FLYING]
    assert log.completed
    (gap,) = log.gaps
    assert gap.item == 6
    assert (gap.lon, gap.lat) == pytest.approx((hovers.lon, hovers.lat), abs=1e-6)
    first_row = FRAME.en_from_lonlat(np.array([(photo.lon, photo.lat) for photo in log.photos]))
    assert ((first_row[:, 0] < 103.0) & (first_row[:, 1] > 100.0)).any()


class Left(Exception):
    """The program that began a flight ends."""


def begun_and_left(vehicle, link, mission):
    """Flies into the first row, pauses there, and ends; returns where the vehicle hovers."""
    control = FlightControl()
    script = Script((in_row, lambda: control.give(Order.PAUSE)), vehicle=vehicle)
    last = []

    def watch(progress):
        script.watch(progress)
        if progress.phase is Phase.PAUSED and progress.speed_m_s < 0.1 and script.answers[0].done():
            last.append(progress)
            raise Left

    with pytest.raises(Left):
        fly(link, mission, on_progress=watch, control=control)
    return last[0]


def test_a_vehicle_found_paused_can_be_called_home_and_says_where_it_hovered():
    mission = a_mission()
    with a_vehicle() as vehicle:
        with open_link(vehicle.address) as first:
            slows_down_in_its_first_row(vehicle)
            upload(first, mission)
            hovers = begun_and_left(vehicle, first, mission)
        with open_link(vehicle.address) as link:
            script = Script(vehicle=vehicle)

            def home():
                vehicle.crafts[0].speedup = FAST
                return script.control.give(Order.RETURN_HOME)

            script.steps = [(on(Phase.PAUSED), home)]
            log = follow(link, mission, on_progress=script.watch, control=script.control)

    assert script.answers[0].result(0) is None
    assert not log.completed
    assert log.break_point.item == 6
    assert log.break_point.lat == pytest.approx(hovers.lat, abs=1e-6)


def test_whoever_waits_for_an_order_is_told_when_the_flight_is_not_followed_any_more():
    mission = a_mission()
    control = FlightControl()
    waiting = control.pause()
    withdrawn = control.resume()
    assert withdrawn.cancel()
    with a_vehicle() as vehicle, open_link(vehicle.address) as link, pytest.raises(Exception, match="mission"):
        fly(link, mission, control=control)  # nothing was uploaded

    assert isinstance(waiting.exception(0), NotNow)


def test_an_order_withdrawn_before_it_was_taken_does_not_end_the_flight():
    mission = a_mission()
    control = FlightControl()
    assert control.return_home().cancel()
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        log = fly(link, mission, control=control)

    assert log.completed


def test_px4_that_leaves_its_mission_mode_for_the_last_item_has_completed_its_mission():
    mission = a_mission()
    with a_vehicle(Autopilot.PX4) as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        log = fly(link, mission)

        assert vehicle.autopilot.mode is Mode.RTL
    assert log.completed
    assert log.break_point is None
