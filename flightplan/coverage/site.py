"""Where is flown: the ground to be shown, the places that no leg may enter, and home, in metres of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.pattern_search import Point
from flightplan.coverage.routing import Router, obstacles
from flightplan.errors import CannotPlan
from flightplan.ground.area import lonlat_problem
from flightplan.ground.terrain import Terrain
from flightplan.mission.items import Home
from flightplan.mission.limits import FlightLimits
from flightplan.projection import LocalFrame

HOLE_CLEARANCE_M = 3.0
# What is left between two forbidden places and is smaller than this is not worth a photo.
_LEAST_PART_M2 = 1.0
_FAR_M = 20_000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """Where is flown, metres east and north of the frame's middle.

    Attributes:
        frame: Degrees to metres and back.
        target_en: The ground to be shown, without what lies in no-fly areas.
        blocked_en: Where no leg may lead, clearance included.
        router: Ways round it.
        home: Where the drone takes off.
        home_en: The same place in metres.
        terrain: The ground's heights; level ground without.
        left_out_m2: What of the area lies in no-fly areas, or behind them where no way leads.
    """

    frame: LocalFrame
    target_en: BaseGeometry
    blocked_en: BaseGeometry
    router: Router
    home: Home
    home_en: Point
    terrain: Terrain | None
    left_out_m2: float

    def parts(self) -> list[Polygon]:
        """The separate polygons of the target, the largest first."""
        parts = [part for part in shapely.get_parts(self.target_en) if isinstance(part, Polygon)]
        return sorted(parts, key=lambda part: (-part.area, part.bounds))


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where a flight begins and ends, and what it keeps clear of.

    Attributes:
        home_lonlat: Take-off and landing place, degrees (longitude, latitude).
        home_alt_msl_m: Ground height there above mean sea level; the terrain knows better where there is one.
        no_fly: Places that no leg may lead over, degrees.
        clearance_m: Distance kept from holes and from those places.
        terrain: The ground's heights.
    """

    home_lonlat: tuple[float, float]
    home_alt_msl_m: float = 0.0
    no_fly: Sequence[Polygon | MultiPolygon] = ()
    clearance_m: float = HOLE_CLEARANCE_M
    terrain: Terrain | None = None


def site_of(
    shape: Polygon | MultiPolygon | LineString | MultiLineString,
    departure: Departure,
    limits: FlightLimits,
    *,
    width_m: float = 0.0,
) -> Site:
    """The site of an area, or of a strip `width_m` wide along lines (degrees).

    Raises:
        CannotPlan: Home is too far off, in a hole or in a no-fly area, off the elevation model, or no-fly areas leave
            nothing of the area.
    """
    lonlat = departure.home_lonlat
    _check_home(shape, lonlat, limits)
    west, south, east, north = shape.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    local = frame.local_polygon(shape)
    wanted = local.buffer(width_m / 2, cap_style="flat", join_style="round") if width_m else local
    holes = [] if width_m else [Polygon(ring) for part in shapely.get_parts(local) for ring in part.interiors]
    forbidden: list[BaseGeometry] = [frame.local_polygon(place) for place in departure.no_fly]
    blocked = obstacles([*holes, *forbidden], departure.clearance_m)
    home_en = _point(frame.en_from_lonlat(np.array([lonlat]))[0])
    if Router(blocked).is_inside(home_en):
        in_hole = bool(holes) and Router(obstacles(holes, departure.clearance_m)).is_inside(home_en)
        where = "in a hole of the area" if in_hole else "in a no-fly area, or too near to one"
        raise CannotPlan(problem=f"home lies {where}, where no flight is allowed", remedy="Move home")
    out_of_reach = _with_pockets(blocked, home_en)
    if out_of_reach is not blocked:
        # Up to the forbidden places' own outlines, which are seen from beside them.
        forbidden, blocked = [*forbidden, out_of_reach.buffer(-max(departure.clearance_m, 0.1))], out_of_reach
    target = _left_of(wanted, forbidden)
    return Site(
        frame=frame,
        target_en=target,
        blocked_en=blocked,
        router=Router(blocked),
        home=Home(lon=lonlat[0], lat=lonlat[1], alt_msl_m=_home_alt_msl_m(departure)),
        home_en=home_en,
        terrain=departure.terrain,
        left_out_m2=max(wanted.area - target.area, 0.0),
    )


def _with_pockets(blocked: BaseGeometry, home_en: Point) -> BaseGeometry:
    """The blocked places, with everything that they shut off from home."""
    pockets = [Polygon(ring) for part in shapely.get_parts(blocked) for ring in part.interiors]
    around = [pocket for pocket in pockets if shapely.contains_xy(pocket, *home_en)]
    if around:
        return shapely.box(*blocked.bounds).buffer(_FAR_M).difference(min(around, key=lambda pocket: pocket.area))
    return shapely.union_all([blocked, *pockets]) if pockets else blocked


def _left_of(wanted: BaseGeometry, forbidden: Sequence[BaseGeometry]) -> BaseGeometry:
    if not forbidden:
        return wanted
    left = shapely.difference(wanted, shapely.union_all(list(forbidden)))
    parts = [part for part in shapely.get_parts(left) if isinstance(part, Polygon) and part.area >= _LEAST_PART_M2]
    if not parts:
        raise CannotPlan(problem="all of the area lies in no-fly areas, or shut in by them", remedy="Plan another area")
    return MultiPolygon(parts) if len(parts) > 1 else parts[0]


def _home_alt_msl_m(departure: Departure) -> float:
    if departure.terrain is None:
        return departure.home_alt_msl_m
    height_m = float(departure.terrain.heights_m(np.array([departure.home_lonlat]))[0])
    if np.isnan(height_m):
        lon, lat = departure.home_lonlat
        raise CannotPlan(
            problem=f"the elevation model has no ground at home ({lon:.6f}, {lat:.6f})",
            remedy="Give one that covers the area, home and the way between them",
        )
    return height_m


def _check_home(shape: BaseGeometry, home_lonlat: tuple[float, float], limits: FlightLimits) -> None:
    problem = lonlat_problem(*home_lonlat)
    if problem is not None:
        raise CannotPlan(problem=f"home: {problem[0]}", remedy=problem[1])
    distance_m = _distance_to_m(shape, home_lonlat)
    if distance_m <= limits.max_range_m:
        return
    lat_first = (home_lonlat[1], home_lonlat[0])
    if lonlat_problem(*lat_first) is None and _distance_to_m(shape, lat_first) <= limits.max_range_m:
        remedy = "Swap them: longitude comes first, in the area and in home alike"
    else:
        remedy = "Move home nearer, and check that longitude comes before latitude in both"
    raise CannotPlan(
        problem=f"home lies {distance_m / 1000:,.1f} km from the area, more than {limits.max_range_m / 1000:g} km",
        remedy=remedy,
    )


def _distance_to_m(shape: BaseGeometry, lonlat: tuple[float, float]) -> float:
    frame = LocalFrame(lon=lonlat[0], lat=lonlat[1])
    return float(shapely.distance(frame.local_polygon(shape), shapely.Point(0, 0)))


def _point(pair: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    return float(pair[0]), float(pair[1])
