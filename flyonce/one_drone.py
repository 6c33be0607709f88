"""One drone's flight as it is asked for on the command line: over areas, along a line, or round places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.corridor import Corridor, plan_corridor
from flightplan.coverage.orbit import Inspection, plan_orbits
from flightplan.coverage.site import Departure
from flightplan.coverage.survey import CoveragePlan, plan_area
from flightplan.errors import CannotPlan
from flightplan.files.areas import area_of
from flightplan.ground.land import is_near_land
from flightplan.ground.meridian import REMEDY, is_across_180
from flightplan.ground.terrain import Terrain
from flightplan.mission.profile import profile_of
from flightplan.mission.wind import Wind
from geo.camera import Camera

USUAL_HEIGHT_M = 100.0


class Profile(StrEnum):
    """What photos are for: to look at, or to make a map of."""

    PATROL = "patrol"
    MAPPING = "mapping"

    @property
    def overlaps(self) -> tuple[float, float]:
        """Overlap along rows and of neighbouring rows."""
        return (0.6, 0.15) if self is Profile.PATROL else (0.7, 0.6)


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A ring round a place: its radius, how many photos it takes, and the height above ground that they look at."""

    radius_m: float
    photos: int = 24
    looked_at_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where is flown.

    Attributes:
        file: Areas; with `width_m` lines; with `ring` points.
        home_lonlat: Take-off and landing place, degrees.
        width_m: Of a strip along lines; None for areas.
        ring: A ring to fly round each of the file's points; None for areas.
        is_at_sea: Whether it is known to lie far from land.
        terrain: The ground.
        no_fly: Places (degrees) that nobody may fly over.
    """

    file: Path
    home_lonlat: tuple[float, float]
    width_m: float | None = None
    ring: Ring | None = None
    is_at_sea: bool = False
    terrain: Terrain | None = None
    no_fly: Sequence[Polygon | MultiPolygon] = ()

    def planned(self, shooting: Shooting, drone: Drone) -> CoveragePlan:
        """The flight.

        Raises:
            InputFileError: A file cannot be used.
            CannotPlan: These settings give no flight.
            InvalidMission: It would break a limit.
        """
        departure = Departure(home_lonlat=self.home_lonlat, no_fly=self.no_fly, terrain=self.terrain)
        if self.ring is not None and self.width_m is not None:
            raise CannotPlan(problem="a ring and a strip are both asked for", remedy="Give one of them")
        if self.ring is not None:
            ring = self.ring
            inspection = Inspection.from_geojson(self.file, ring.radius_m, ring.photos, ring.looked_at_m)
            self._ask_back(inspection.places)
            return plan_orbits(inspection, shooting, drone, departure)
        if self.width_m is not None:
            corridor = Corridor.from_geojson(self.file, self.width_m)
            self._ask_back(corridor.lines)
            return plan_corridor(corridor, shooting, drone, departure)
        area = area_of(self.file)
        self._ask_back(area.polygon)
        return plan_area(area, shooting, drone, departure)

    def _ask_back(self, ground: BaseGeometry) -> None:
        """Refuse what lies on both sides of 180°, and in the open sea unless that is meant."""
        if is_across_180([*shapely.get_coordinates(ground)[:, 0].tolist(), self.home_lonlat[0]]):
            raise CannotPlan(
                problem=f"{self.file}: home and what is in it lie on both sides of the 180° meridian", remedy=REMEDY
            )
        lon, lat = ground.representative_point().coords[0]
        if not self.is_at_sea and not is_near_land(lon, lat):
            raise CannotPlan(
                problem=f"{self.file}: longitude {lon:.3f}, latitude {lat:.3f} lies in the open sea, "
                "100 km and more from land, as swapped coordinates mostly do",
                remedy="Write longitude first, or say --at-sea if it is meant",
            )


def height_for(camera: Camera, altitude_m: float | None, gsd_cm: float | None) -> float:
    """Metres above ground: as told, or from which a pixel shows `gsd_cm` of it.

    Raises:
        CannotPlan: Both are told, or the resolution is out of range.
    """
    if gsd_cm is None:
        return USUAL_HEIGHT_M if altitude_m is None else altitude_m
    if altitude_m is not None:
        raise CannotPlan(problem="height and ground resolution are both given", remedy="Give one of them")
    if not 0.05 <= gsd_cm <= 1_000:
        raise CannotPlan(
            problem=f"a ground resolution of {gsd_cm:g} cm is out of range", remedy="Give 0.05 to 1,000 cm"
        )
    # Whole centimetres, not above what shows that much.
    return math.floor(gsd_cm / camera.ground_resolution_m(1.0)) / 100


def wind_of(speed_m_s: float | None, from_deg: float | None) -> Wind | None:
    """The wind; None for still air.

    Raises:
        CannotPlan: Only half of it is told, or it is no wind.
    """
    if speed_m_s is None and from_deg is None:
        return None
    if speed_m_s is None or from_deg is None:
        raise CannotPlan(problem="half of the wind is missing", remedy="Give its speed and where it comes from")
    return Wind(speed_m_s=speed_m_s, from_deg=from_deg)


def heights_agl_m(planned: CoveragePlan) -> tuple[float, float] | None:
    """Least and greatest height above the ground on any leg; None where the ground is not known."""
    if any(mission.terrain is None for mission in planned.missions):
        return None
    heights = np.concatenate([profile_of(mission).agl_m for mission in planned.missions])
    return float(heights.min()), float(heights.max())
