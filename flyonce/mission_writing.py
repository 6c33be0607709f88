"""Mission files for the vehicle that shall fly them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flightplan.files import write_plan, write_waypoints, write_wpml
from flightplan.files.wpml_model import AIRCRAFT, WpmlOptions
from flightplan.link.mavlink import Autopilot
from flightplan.mission.limits import VEHICLES, VehicleStore
from flightplan.mission.mission import Mission
from flightplan.mission.return_height import return_height_m

AUTOPILOTS = {"ardupilot": Autopilot.ARDUPILOT, "px4": Autopilot.PX4}

VEHICLE_NAMES = (*AUTOPILOTS, *AIRCRAFT)
"""Vehicles that files are written for: autopilots, and drones of DJI's docks."""


_EARLIER = re.compile(r"mission(-\d+)?(-rest)*\.(plan|waypoints|kmz|geojson|draft\.geojson)")


def store_of(vehicle: str) -> VehicleStore:
    """How much that vehicle keeps; `vehicle` is one of `VEHICLE_NAMES`."""
    return VEHICLES[vehicle if vehicle in AUTOPILOTS else "dji"]


def remove_earlier(folder: Path, keep: Iterable[str] = ()) -> None:
    """Take away what an earlier plan of one drone left in a folder: nobody must fly the old mission by mistake.

    Args:
        folder: Where plans are written.
        keep: Names of the new plan's files.

    Raises:
        OSError: A file cannot be removed.
    """
    kept = frozenset(keep)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _EARLIER.fullmatch(path.name) and path.name not in kept:
            path.unlink()


def write_mission(folder: Path, stem: str, mission: Mission, vehicle: str) -> list[str]:
    """Write one mission's files and return their names, the one to be flown first.

    Autopilots get a QGroundControl plan and a waypoint file; docks get DJI's waylines, with the height for flying back
    that clears the ground.

    Raises:
        CannotPlan: The dock's drone cannot fly it.
        OSError: The folder cannot be written to.
    """
    if vehicle in AUTOPILOTS:
        write_plan(folder / f"{stem}.plan", mission, AUTOPILOTS[vehicle])
        write_waypoints(folder / f"{stem}.waypoints", mission)
        return [f"{stem}.plan", f"{stem}.waypoints"]
    options = WpmlOptions(aircraft=vehicle, rth_height_m=return_height_m(mission))
    write_wpml(folder / f"{stem}.kmz", mission, options, made_at=datetime.now(UTC))
    return [f"{stem}.kmz"]
