"""Small cities and fleets for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon, box

from flightplan.fleet.model import Dock, DroneModel, Fleet
from flightplan.fleet.plan import FleetPlan, Survey, plan_fleet
from flightplan.projection import LocalFrame

CITY = LocalFrame(lon=118.86, lat=28.97)
DRONE = DroneModel(name="m3d", max_range_m=15_000.0)
PATROL = Survey(altitude_m=120.0, sidelap=0.2)


def square(side_m: float = 4_000.0, *, east_m: float = 0.0, north_m: float = 0.0) -> Polygon:
    """A square around a place, in degrees."""
    return lonlat(box(east_m - side_m / 2, north_m - side_m / 2, east_m + side_m / 2, north_m + side_m / 2))


def lonlat(polygon: Polygon) -> Polygon:
    """Metres east and north of the city's middle, in degrees."""
    rings = [CITY.lonlat_from_en(np.array(ring.coords)) for ring in (polygon.exterior, *polygon.interiors)]
    return Polygon(rings[0], rings[1:])


def fleet(*places_en: tuple[float, float], drone: DroneModel = DRONE, drones: int = 1, **more: object) -> Fleet:
    """Docks at places in metres east and north of the city's middle."""
    docks = []
    for number, place in enumerate(places_en or ((0.0, 0.0),), start=1):
        lon, lat = CITY.lonlat_from_en(np.array([place]))[0].tolist()
        docks.append(Dock(name=f"D{number}", lon=lon, lat=lat, drone=drone, drones=drones))
    return replace(Fleet(docks=tuple(docks)), **more)  # type: ignore[arg-type]


def a_plan(areas: list[Polygon] | None = None, of: Fleet | None = None, **more: object) -> FleetPlan:
    """A plan over a square of 16 km²."""
    return plan_fleet(areas or [square()], of or fleet(), PATROL, **more)  # type: ignore[arg-type]
