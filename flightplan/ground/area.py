"""The area to be patrolled: one or several polygons, read from GeoJSON and checked before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely import get_coordinates
from shapely.geometry import MultiPolygon, Polygon
from shapely.validation import explain_validity

from flightplan.errors import InputFileError
from flightplan.ground.geojson_shapes import Found, lonlat_problem, shapes_in
from flightplan.ground.meridian import REMEDY, crosses_180
from flightplan.projection import LocalFrame

__all__ = ["LARGEST_AREA_M2", "LARGEST_CITY_M2", "PatrolArea", "lonlat_problem"]

SMALLEST_AREA_M2 = 100.0
# One drone's, for days on end; and a city's, beyond which the coordinates are more likely wrong than the city so large.
LARGEST_AREA_M2 = 1e9
LARGEST_CITY_M2 = 2e10
NARROWEST_M = 1.0
_ACROSS = "the polygon crosses the 180° meridian or half the earth"


@dataclass(frozen=True, kw_only=True)
class PatrolArea:
    """Ground to be flown over; holes are places that must not be.

    Attributes:
        name: What people call it.
        polygon: One or several, degrees, (longitude, latitude), WGS 84; valid, not empty.
        source: The file it came from, for messages; empty when it was made in memory.
    """

    name: str
    polygon: Polygon | MultiPolygon
    source: str = ""

    def __post_init__(self) -> None:
        problem = _polygon_problem(self.polygon, LARGEST_CITY_M2)
        if problem is not None:
            raise InputFileError(path=self.source or self.name, problem=problem[0], remedy=problem[1])

    @classmethod
    def from_geojson(cls, path: Path | str) -> PatrolArea:
        """Reads all polygons of a file as one area; where they overlap or touch they become one.

        Raises:
            InputFileError: The file is missing, empty or not GeoJSON, has no polygon, one crosses itself, lies
                outside the range of longitude and latitude, states another CRS, or is too small or too large.
        """
        path = Path(path)
        parts = [cls._checked(path, one, largest_m2=LARGEST_AREA_M2) for one in shapes_in(path, ["Polygon"])]
        if len(parts) == 1:
            return parts[0]
        whole = shapely.union_all([part.polygon for part in parts])
        assert isinstance(whole, Polygon | MultiPolygon)
        problem = _polygon_problem(whole, LARGEST_AREA_M2)
        if problem is not None:
            raise InputFileError(path=path, place="all polygons together", problem=problem[0], remedy=problem[1])
        return cls(name=path.stem, polygon=whole, source=str(path))

    @classmethod
    def all_of_geojson(cls, path: Path | str) -> list[PatrolArea]:
        """Reads every polygon of a file, for a fleet: a city, or its grid cells.

        Raises:
            InputFileError: As `from_geojson`, though there may be many polygons, each up to a city's size.
        """
        path = Path(path)
        return [cls._checked(path, one, largest_m2=LARGEST_CITY_M2) for one in shapes_in(path, ["Polygon"])]

    @staticmethod
    def shapes_of_geojson(path: Path | str) -> list[Polygon]:
        """Reads every polygon of a file, however small: places that nobody may fly over.

        Raises:
            InputFileError: As `from_geojson`, the size left aside.
        """
        path = Path(path)
        shapes = []
        for found in shapes_in(path, ["Polygon"]):
            polygon = found.polygon()
            if not polygon.is_valid:
                problem, remedy = _shape_problem(polygon)
                raise InputFileError(path=path, place=found.place, problem=problem, remedy=remedy)
            if crosses_180(polygon):
                raise InputFileError(path=path, place=found.place, problem=_ACROSS, remedy=REMEDY)
            shapes.append(polygon)
        return shapes

    @classmethod
    def _checked(cls, path: Path, found: Found, *, largest_m2: float) -> PatrolArea:
        polygon = found.polygon()
        problem = _polygon_problem(polygon, largest_m2)
        if problem is not None:
            raise InputFileError(path=path, place=found.place, problem=problem[0], remedy=problem[1])
        return cls(name=found.name or path.stem, polygon=polygon, source=str(path))

    def frame(self) -> LocalFrame:
        """A metric frame around the middle of the area's bounds."""
        west, south, east, north = self.polygon.bounds
        return LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)

    def area_m2(self) -> float:
        """Square metres inside, holes left out."""
        return float(self.frame().local_polygon(self.polygon).area)


def _polygon_problem(polygon: Polygon | MultiPolygon, largest_m2: float) -> tuple[str, str] | None:
    if polygon.is_empty:
        return "the polygon is empty", "Draw at least a triangle"
    for lon, lat in get_coordinates(polygon):
        problem = lonlat_problem(float(lon), float(lat))
        if problem is not None:
            return problem
    if not polygon.is_valid:
        return _shape_problem(polygon)
    west, south, east, north = polygon.bounds
    if east - west > 180:
        return _ACROSS, REMEDY
    if max(abs(south), abs(north)) > 85:
        return "the polygon reaches beyond 85° of latitude", "Plan polar flights with other tools"
    ground = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2).local_polygon(polygon)
    area_m2 = ground.area
    if area_m2 < SMALLEST_AREA_M2:
        return f"the area has only {area_m2:.1f} m²", f"Draw one of at least {SMALLEST_AREA_M2:.0f} m²"
    if 2 * area_m2 < NARROWEST_M * ground.length:
        return "the polygon encloses no area worth the name", "Draw its corners in order round the area"
    return None if area_m2 <= largest_m2 else _too_large(area_m2, largest_m2)


def _too_large(area_m2: float, largest_m2: float) -> tuple[str, str]:
    whom = "one drone" if largest_m2 == LARGEST_AREA_M2 else "a city's fleet"
    remedy = f"Check the coordinates, or split it into areas of at most {largest_m2 / 1e6:,.0f} km²"
    if largest_m2 == LARGEST_AREA_M2:
        remedy += ", or plan it for a fleet with --fleet"
    return f"the area has {area_m2 / 1e6:,.0f} km², more than {whom} can be planned for", remedy


def _shape_problem(polygon: Polygon | MultiPolygon) -> tuple[str, str]:
    """Names the crossing: shapely's 'Self-intersection[lon lat]' in words."""
    reason, _, where = explain_validity(polygon).partition("[")
    lonlat = [float(value) for value in where.rstrip("]").split()] if where else []
    at = f" at longitude {lonlat[0]:.6f}, latitude {lonlat[1]:.6f}" if len(lonlat) == 2 else ""
    if np.isclose(polygon.convex_hull.area, 0.0, atol=1e-15):
        return "the corners lie on one line: it encloses no area", "Draw its corners in order round the area"
    if np.isclose(polygon.area, 0.0, atol=1e-15) or "few points" in reason.lower():
        return f"the outline crosses itself{at} and encloses no area", "Draw its corners in order round the area"
    if "self-intersection" in reason.lower():
        return f"the outline crosses itself{at}", "Move the corners so that no two sides cross"
    return f"the polygon is not valid{at} ({reason.strip().lower()})", "Repair it in a GIS, then export it again"
