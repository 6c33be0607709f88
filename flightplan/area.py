"""The area to be patrolled: one or several polygons, read from GeoJSON and checked before anything is planned."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely import get_coordinates
from shapely.geometry import MultiPolygon, Polygon
from shapely.validation import explain_validity

from flightplan.errors import InputFileError
from flightplan.projection import LocalFrame

SMALLEST_AREA_M2 = 100.0
# One drone's, for days on end; and a city's, beyond which the coordinates are more likely wrong than the city so large.
LARGEST_AREA_M2 = 1e9
LARGEST_CITY_M2 = 2e10
NARROWEST_M = 1.0
_LONLAT_CRS_ENDINGS = ("CRS84", "EPSG::4326", "EPSG:4326", "EPSG/0/4326", "EPSG::4490", "EPSG:4490")


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
        parts = [cls._checked(path, one, largest_m2=LARGEST_AREA_M2) for one in _polygons_in(path)]
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
        return [cls._checked(path, one, largest_m2=LARGEST_CITY_M2) for one in _polygons_in(path)]

    @staticmethod
    def shapes_of_geojson(path: Path | str) -> list[Polygon]:
        """Reads every polygon of a file, however small: places that nobody may fly over.

        Raises:
            InputFileError: As `from_geojson`, the size left aside.
        """
        path = Path(path)
        shapes = []
        for place, _, coordinates in _polygons_in(path):
            polygon = _polygon(path, place, coordinates)
            if not polygon.is_valid:
                problem, remedy = _shape_problem(polygon)
                raise InputFileError(path=path, place=place, problem=problem, remedy=remedy)
            shapes.append(polygon)
        return shapes

    @classmethod
    def _checked(cls, path: Path, found: tuple[str, str, object], *, largest_m2: float) -> PatrolArea:
        place, name, coordinates = found
        polygon = _polygon(path, place, coordinates)
        problem = _polygon_problem(polygon, largest_m2)
        if problem is not None:
            raise InputFileError(path=path, place=place, problem=problem[0], remedy=problem[1])
        return cls(name=name or path.stem, polygon=polygon, source=str(path))

    def frame(self) -> LocalFrame:
        """A metric frame around the middle of the area's bounds."""
        west, south, east, north = self.polygon.bounds
        return LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)

    def area_m2(self) -> float:
        """Square metres inside, holes left out."""
        return float(self.frame().local_polygon(self.polygon).area)


def _polygons_in(path: Path) -> list[tuple[str, str, object]]:
    """(place, name, coordinates) of every polygon of a file, at least one."""
    document = _read_json(path)
    _refuse_other_crs(path, document)
    found = list(_polygons(path, document, place=""))
    if not found:
        kind = document.get("type")
        raise InputFileError(
            path=path, problem=f"there is no polygon in it (type {kind!r})", remedy="Give one GeoJSON Polygon"
        )
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            path=path, problem=f"it cannot be read as UTF-8 text ({error})", remedy="Give a GeoJSON text file"
        ) from error
    if not text.strip():
        raise InputFileError(path=path, problem="the file is empty", remedy="Give a GeoJSON file with one Polygon")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(
            path=path,
            place=f"line {error.lineno}, column {error.colno}",
            problem=f"this is not JSON ({error.msg})",
            remedy="Export the area again as GeoJSON",
        ) from error
    except RecursionError as error:
        raise InputFileError(
            path=path, problem="this JSON is nested too deeply for GeoJSON", remedy="Export the area again as GeoJSON"
        ) from error
    if not isinstance(document, dict) or "type" not in document:
        raise InputFileError(
            path=path, problem="this JSON is not GeoJSON (no 'type' at the top)", remedy="Export the area as GeoJSON"
        )
    return document


def _refuse_other_crs(path: Path, document: dict[str, Any]) -> None:
    crs = document.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", crs)) if isinstance(properties, dict) else str(crs)
    if not name.upper().endswith(_LONLAT_CRS_ENDINGS):
        raise InputFileError(
            path=path,
            place="member 'crs'",
            problem=f"the coordinates are in {name}, not in longitude and latitude",
            remedy="Reproject the file to WGS 84 longitude, latitude (OGC:CRS84, EPSG:4326)",
        )


def _polygons(path: Path, node: object, place: str, name: str = "") -> Iterator[tuple[str, str, object]]:
    """Yields (place, name, coordinates) of every polygon below `node`."""
    if not isinstance(node, dict):
        raise InputFileError(path=path, place=place, problem="this is not a GeoJSON object", remedy="Export it again")
    kind = node.get("type")
    dot = f"{place}." if place else ""
    if kind == "FeatureCollection":
        for number, feature in enumerate(_members(path, node, "features", place)):
            yield from _polygons(path, feature, f"{dot}features[{number}]")
    elif kind == "Feature":
        properties = node.get("properties")
        title = str(properties.get("name") or "") if isinstance(properties, dict) else ""
        if node.get("geometry") is not None:
            yield from _polygons(path, node["geometry"], f"{dot}geometry", title)
    elif kind == "GeometryCollection":
        for number, geometry in enumerate(_members(path, node, "geometries", place)):
            yield from _polygons(path, geometry, f"{dot}geometries[{number}]", name)
    elif kind == "MultiPolygon":
        for number, coordinates in enumerate(_members(path, node, "coordinates", place)):
            yield f"{dot}coordinates[{number}]", name, coordinates
    elif kind == "Polygon":
        yield f"{dot}coordinates", name, node.get("coordinates")


def _members(path: Path, node: dict[str, Any], key: str, place: str) -> list[object]:
    members = node.get(key)
    if not isinstance(members, list):
        raise InputFileError(
            path=path, place=place, problem=f"{node['type']} without a list '{key}'", remedy="Export the area again"
        )
    return members


def _polygon(path: Path, place: str, coordinates: object) -> Polygon:
    """The polygon of GeoJSON coordinates, every number checked with its place."""
    if not isinstance(coordinates, list) or not coordinates:
        raise InputFileError(path=path, place=place, problem="the polygon is empty", remedy="Draw at least one ring")
    rings = [_ring(path, f"{place}[{number}]", ring) for number, ring in enumerate(coordinates)]
    return Polygon(rings[0], rings[1:])


def _ring(path: Path, place: str, ring: object) -> list[tuple[float, float]]:
    if not isinstance(ring, list):
        raise InputFileError(path=path, place=place, problem="this is not a ring", remedy="Export the area again")
    points = [_point(path, f"{place}[{number}]", point) for number, point in enumerate(ring)]
    if points and points[0] != points[-1]:
        raise InputFileError(
            path=path, place=place, problem="the ring is not closed", remedy="Repeat its first point as the last one"
        )
    if len(set(points)) < 3:
        raise InputFileError(
            path=path, place=place, problem="the ring has fewer than three corners", remedy="Draw at least a triangle"
        )
    return points


def _point(path: Path, place: str, point: object) -> tuple[float, float]:
    numeric = (
        isinstance(point, list)
        and len(point) >= 2
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in point[:2])
    )
    if not numeric:
        raise InputFileError(
            path=path, place=place, problem=f"{point!r} is not a position", remedy="Write [longitude, latitude]"
        )
    assert isinstance(point, list)
    lon, lat = float(point[0]), float(point[1])
    problem = lonlat_problem(lon, lat)
    if problem is not None:
        raise InputFileError(path=path, place=place, problem=problem[0], remedy=problem[1])
    return lon, lat


def lonlat_problem(lon: float, lat: float) -> tuple[str, str] | None:
    """What is wrong with a position as (problem, remedy), or None."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return f"{lon}, {lat} is not a finite position", "Write longitude, latitude in degrees"
    if -180 <= lon <= 180 and -90 <= lat <= 90:
        return None
    if -180 <= lat <= 180 and -90 <= lon <= 90:
        return (
            f"latitude {lat:g} is out of range: longitude and latitude are swapped",
            "Write longitude first, then latitude",
        )
    return (
        f"{lon:g}, {lat:g} is out of the range of longitude and latitude; it looks like metres of a projected CRS",
        "Reproject the file to WGS 84 longitude, latitude (OGC:CRS84, EPSG:4326)",
    )


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
        return "the polygon crosses the 180° meridian or half the earth", "Split it there"
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
    if np.isclose(polygon.area, 0.0, atol=1e-15) or "few points" in reason.lower():
        return f"the outline crosses itself{at} and encloses no area", "Draw its corners in order round the area"
    if "self-intersection" in reason.lower():
        return f"the outline crosses itself{at}", "Move the corners so that no two sides cross"
    return f"the polygon is not valid{at} ({reason.strip().lower()})", "Repair it in a GIS, then export it again"
