"""Rings round what is to be inspected: the drone flies round it and keeps the camera on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon

from flightplan.coverage.asked import Drone, Shooting
from flightplan.coverage.parts import in_order
from flightplan.coverage.pattern_search import Run
from flightplan.coverage.site import Departure, Site, site_of
from flightplan.coverage.survey import CoveragePlan, Pattern, flown
from flightplan.errors import CannotPlan
from flightplan.ground.area import PatrolArea
from flightplan.ground.geojson_shapes import shapes_in
from flightplan.mission.items import LookAt
from flightplan.projection import LocalFrame

SMALLEST_RADIUS_M, LARGEST_RADIUS_M = 8.0, 1_000.0
# Corners of a ring: blunt enough to be flown without a stop.
_CORNERS = 24


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is to be flown round.

    Attributes:
        name: What people call it.
        places: Degrees (longitude, latitude).
        radius_m: Of the rings.
        photos: On each ring, evenly spaced.
        looked_at_m: Height above the ground of what the camera is kept on.

    Raises:
        CannotPlan: A figure is out of range.
    """

    name: str
    places: MultiPoint
    radius_m: float
    photos: int = 24
    looked_at_m: float = 0.0

    def __post_init__(self) -> None:
        if not SMALLEST_RADIUS_M <= self.radius_m <= LARGEST_RADIUS_M:
            raise CannotPlan(
                problem=f"a ring of radius {self.radius_m:g} m is out of range",
                remedy=f"Give {SMALLEST_RADIUS_M:g} to {LARGEST_RADIUS_M:,.0f} m",
            )
        if not 3 <= self.photos <= 360:
            raise CannotPlan(problem=f"{self.photos} photos of a ring are out of range", remedy="Give 3 to 360")
        if not (math.isfinite(self.looked_at_m) and self.looked_at_m >= 0):
            raise CannotPlan(
                problem=f"a height of {self.looked_at_m:g} m to look at is out of range", remedy="Give metres above 0"
            )

    @classmethod
    def from_geojson(cls, path: Path | str, radius_m: float, photos: int = 24, looked_at_m: float = 0.0) -> Inspection:
        """Reads all points of a file.

        Raises:
            InputFileError: The file is no GeoJSON, or has no point.
            CannotPlan: A figure is out of range.
        """
        path = Path(path)
        found = shapes_in(path, ["Point"])
        name = found[0].name if len(found) == 1 and found[0].name else path.stem
        places = MultiPoint([one.point() for one in found])
        return cls(name=name, places=places, radius_m=radius_m, photos=photos, looked_at_m=looked_at_m)


def plan_orbits(inspection: Inspection, shooting: Shooting, drone: Drone, departure: Departure) -> CoveragePlan:
    """A ring round each place, all in a short order; no leg leads through a ring.

    The plan's area is what lies within the rings, and its coverage is what the photos show of the ground there.

    Raises:
        CannotPlan: As `plan_coverage`; or home lies in a ring, rings overlap, or one meets a no-fly area.
        InvalidMission: The settings break a limit, such as the greatest height.
    """
    west, south, east, north = inspection.places.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    middles = [frame.local_polygon(place) for place in inspection.places.geoms]
    discs = [middle.buffer(inspection.radius_m) for middle in middles]
    home = Point(frame.en_from_lonlat(np.array([departure.home_lonlat]))[0])
    if any(disc.contains(home) for disc in discs):
        raise CannotPlan(problem="home lies in a ring", remedy="Move home, or give a smaller radius")
    whole = shapely.union_all(discs)
    if whole.area < 0.999 * sum(disc.area for disc in discs):
        raise CannotPlan(problem="rings overlap", remedy="Give a smaller radius, or plan them one by one")
    ground = shapely.transform(whole, frame.lonlat_from_en)
    assert isinstance(ground, Polygon | MultiPolygon)
    site = site_of(ground, _round_rings(departure, middles, inspection.radius_m, frame), drone.limits)
    site = replace(site, target_en=site.frame.local_polygon(ground), left_out_m2=0.0)
    pattern = _rings(inspection, site, shooting, drone)
    return flown(PatrolArea(name=inspection.name, polygon=ground), site, shooting, drone, pattern)


def _round_rings(departure: Departure, middles: Sequence[Point], radius_m: float, frame: LocalFrame) -> Departure:
    """As if what stands within a ring were a no-fly area; the ring itself keeps clear of it."""
    within_m = radius_m * math.cos(math.pi / _CORNERS) - departure.clearance_m - 0.5
    if within_m <= 0:
        return departure
    shut = [shapely.transform(middle.buffer(within_m), frame.lonlat_from_en) for middle in middles]
    return replace(departure, no_fly=[*departure.no_fly, *shut])


def _rings(inspection: Inspection, site: Site, shooting: Shooting, drone: Drone) -> Pattern:
    side_m = 2 * inspection.radius_m * math.sin(math.pi / _CORNERS)
    trigger_m = side_m * _CORNERS / inspection.photos
    curve_m_s = math.sqrt(drone.kinematics.acceleration_m_s2 * inspection.radius_m)
    speed = min(drone.row_speed_m_s(site, shooting, trigger_m), curve_m_s)
    rings = [(_ring(inspection, place, site, trigger_m),) for place in inspection.places.geoms]
    for (ring,) in rings:
        for start, end in zip(ring.points, ring.points[1:], strict=False):
            if not site.router.is_clear(start, end):
                raise CannotPlan(
                    problem=f"a ring of {inspection.radius_m:g} m meets a no-fly area",
                    remedy="Give another radius, or leave that place out",
                )
    return Pattern(runs=in_order(rings, site.home_en), angle_deg=0.0, row_spacing_m=side_m, speed_m_s=speed)


def _ring(inspection: Inspection, place: Point, site: Site, trigger_m: float) -> Run:
    """Clockwise, from the side that faces home; the last photo would repeat the first."""
    east, north = site.frame.en_from_lonlat(np.array([[place.x, place.y]]))[0].tolist()
    towards = math.atan2(site.home_en[1] - north, site.home_en[0] - east)
    radius_m = inspection.radius_m
    angles = [towards - 2 * math.pi * number / _CORNERS for number in range(_CORNERS)]
    points = [(east + radius_m * math.cos(angle), north + radius_m * math.sin(angle)) for angle in angles]
    return Run(
        start=points[0],
        end=points[0],
        via=tuple(points[1:]),
        # A hair more, lest the last photo be the first once more.
        trigger_m=math.ceil(trigger_m * 100 + 1) / 100,
        look=LookAt(lon=place.x, lat=place.y, alt_home_m=_looked_at_home_m(inspection, place, site)),
    )


def _looked_at_home_m(inspection: Inspection, place: Point, site: Site) -> float:
    if site.terrain is None:
        return inspection.looked_at_m
    ground_m = float(site.terrain.heights_m(np.array([[place.x, place.y]]))[0])
    if math.isnan(ground_m):
        raise CannotPlan(
            problem=f"the elevation model has no ground at longitude {place.x:.6f}, latitude {place.y:.6f}",
            remedy="Give one that covers the places, home and the way between them",
        )
    return round(ground_m - site.home.alt_msl_m + inspection.looked_at_m, 2)


def distance_to_m(inspection: Inspection, shooting: Shooting) -> float:
    """From the camera to what it is kept on, over level ground."""
    return math.hypot(inspection.radius_m, shooting.altitude_agl_m - inspection.looked_at_m)
