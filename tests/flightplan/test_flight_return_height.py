"""A vehicle that is told how high to climb before it flies home, and does."""

from __future__ import annotations

import threading

import pytest
from flight_builders import LAT, LON, a_mission

from flightplan.errors import NoAnswer
from flightplan.flying.flight import FlightControl, fly
from flightplan.link.link import open_link
from flightplan.link.mavlink import Autopilot
from flightplan.link.return_setting import raise_return_height
from flightplan.link.upload import upload
from flightplan.vehicle import SimulatedVehicle
from flightplan.vehicle.setup import VehicleSetup


def a_vehicle(dialect=Autopilot.ARDUPILOT):
    setup = VehicleSetup(dialect=dialect)
    return SimulatedVehicle(speedup=30.0, home_lon=LON, home_lat=LAT, home_alt_msl_m=71.5, setup=setup).running()


@pytest.mark.parametrize(
    ("dialect", "parameter"), [(Autopilot.ARDUPILOT, "RTL_ALT"), (Autopilot.PX4, "RTL_RETURN_ALT")]
)
def test_the_height_is_set_and_read_back_in_the_vehicles_own_parameter(dialect, parameter):
    with a_vehicle(dialect) as vehicle, open_link(vehicle.address) as link:
        assert raise_return_height(link, 87.2).parameter == parameter
        assert vehicle.autopilot.return_alt_m == pytest.approx(87.2 if dialect is Autopilot.ARDUPILOT else 88.0)


def test_a_vehicle_that_is_set_higher_is_left_so():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        raise_return_height(link, 90.0)

        assert raise_return_height(link, 60.0).height_m == 90.0
        assert vehicle.autopilot.return_alt_m == 90.0


def test_called_home_from_afar_it_climbs_first():
    mission, control, highest = a_mission(), FlightControl(), []
    called = threading.Event()

    def on_position(event):
        highest.append(event.alt_home_m)
        # Under way, at its 60 m, and as far from home as this mission goes.
        if not called.is_set() and event.alt_home_m > 59.0 and event.lat > LAT + 0.002:
            called.set()
            control.return_home()

    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        raise_return_height(link, 95.0)
        log = fly(link, mission, on_position=on_position, control=control)

    assert called.is_set()
    assert max(highest) == pytest.approx(95.0, abs=0.5)
    assert not log.completed
    assert log.track[-1].alt_home_m < 0.05


def test_at_a_missions_end_above_home_it_only_comes_down():
    mission = a_mission()
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        upload(link, mission)
        raise_return_height(link, 20.0)
        log = fly(link, mission)

    assert log.completed
    assert max(event.alt_home_m for event in log.track) == pytest.approx(60.0, abs=0.5)


def test_a_vehicle_without_such_a_parameter_is_told():
    with a_vehicle() as vehicle, open_link(vehicle.address) as link:
        link.autopilot = Autopilot.PX4
        with pytest.raises(NoAnswer, match="RTL_RETURN_ALT"):
            raise_return_height(link, 50.0)
