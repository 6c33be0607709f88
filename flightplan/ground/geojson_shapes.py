"""Shapes out of a GeoJSON file: found wherever GeoJSON may carry them, every number checked with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import LineString, Point, Polygon

from flightplan.errors import InputFileError

_LONLAT_CRS_ENDINGS = ("CRS84", "EPSG::4326", "EPSG:4326", "EPSG/0/4326", "EPSG::4490", "EPSG:4490")
_SINGLE_OF = {"MultiPolygon": "Polygon", "MultiLineString": "LineString", "MultiPoint": "Point"}
_HOW = {"LineString": "plan along lines with --width-m", "Point": "fly round points with --ring-m"}
_CALLED = {"Polygon": "polygon", "LineString": "line", "Point": "point"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One shape of a file: its `kind`, the `place` in the file, the feature's `name`, and its bare `coordinates`."""

    path: Path
    kind: str
    place: str
    name: str
    coordinates: object

    def polygon(self) -> Polygon:
        """As a polygon; it may still cross itself.

        Raises:
            InputFileError: It is empty, a ring is not closed or has under three corners, or a number is no place.
        """
        if not isinstance(self.coordinates, list) or not self.coordinates:
            raise InputFileError(
                path=self.path, place=self.place, problem="the polygon is empty", remedy="Draw at least one ring"
            )
        rings = [_ring(self.path, f"{self.place}[{n}]", ring) for n, ring in enumerate(self.coordinates)]
        return Polygon(rings[0], rings[1:])

    def line(self) -> LineString:
        """As a line.

        Raises:
            InputFileError: It has under two different points, or a number is no place.
        """
        points = _points(self.path, self.place, self.coordinates)
        if len(set(points)) < 2:
            raise InputFileError(
                path=self.path, place=self.place, problem="the line has fewer than two points", remedy="Draw it again"
            )
        return LineString(points)

    def point(self) -> Point:
        """As a point.

        Raises:
            InputFileError: It is no place.
        """
        return Point(_point(self.path, self.place, self.coordinates))


def shapes_in(path: Path, kinds: Collection[str]) -> list[Found]:
    """Every shape of a file that is of one of these kinds (`Polygon`, `LineString`, `Point`), at least one.

    Raises:
        InputFileError: The file is missing, empty or not GeoJSON, states another CRS, or has no such shape.
    """
    document = _read_json(path)
    _refuse_other_crs(path, document)
    every = list(_shapes(path, document, place=""))
    found = [one for one in every if one.kind in kinds]
    if not found:
        words = " or ".join(_CALLED[kind] for kind in kinds)
        others = {_HOW[one.kind] for one in every if one.kind in _HOW}
        raise InputFileError(
            path=path,
            problem=f"there is no {words} in it (type {document.get('type')!r})",
            remedy=", or ".join([f"Give one GeoJSON {' or '.join(kinds)}", *sorted(others)]),
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


def _shapes(path: Path, node: object, place: str, name: str = "") -> Iterator[Found]:
    """Every shape below `node`, those of collections one by one."""
    if not isinstance(node, dict):
        raise InputFileError(path=path, place=place, problem="this is not a GeoJSON object", remedy="Export it again")
    kind = node.get("type")
    dot = f"{place}." if place else ""
    if kind == "FeatureCollection":
        for number, feature in enumerate(_members(path, node, "features", place)):
            yield from _shapes(path, feature, f"{dot}features[{number}]")
    elif kind == "Feature":
        properties = node.get("properties")
        title = str(properties.get("name") or "") if isinstance(properties, dict) else ""
        if node.get("geometry") is not None:
            yield from _shapes(path, node["geometry"], f"{dot}geometry", title)
    elif kind == "GeometryCollection":
        for number, geometry in enumerate(_members(path, node, "geometries", place)):
            yield from _shapes(path, geometry, f"{dot}geometries[{number}]", name)
    elif kind in _SINGLE_OF:
        for number, coordinates in enumerate(_members(path, node, "coordinates", place)):
            where = f"{dot}coordinates[{number}]"
            yield Found(path=path, kind=_SINGLE_OF[kind], place=where, name=name, coordinates=coordinates)
    elif kind in _CALLED:
        where = f"{dot}coordinates"
        yield Found(path=path, kind=kind, place=where, name=name, coordinates=node.get("coordinates"))


def _members(path: Path, node: dict[str, Any], key: str, place: str) -> list[object]:
    members = node.get(key)
    if not isinstance(members, list):
        raise InputFileError(
            path=path, place=place, problem=f"{node['type']} without a list '{key}'", remedy="Export the area again"
        )
    return members


def _ring(path: Path, place: str, ring: object) -> list[tuple[float, float]]:
    if not isinstance(ring, list):
        raise InputFileError(path=path, place=place, problem="this is not a ring", remedy="Export the area again")
    points = _points(path, place, ring)
    if points and points[0] != points[-1]:
        raise InputFileError(
            path=path, place=place, problem="the ring is not closed", remedy="Repeat its first point as the last one"
        )
    if len(set(points)) < 3:
        raise InputFileError(
            path=path, place=place, problem="the ring has fewer than three corners", remedy="Draw at least a triangle"
        )
    return points


def _points(path: Path, place: str, points: object) -> list[tuple[float, float]]:
    if not isinstance(points, list):
        raise InputFileError(path=path, place=place, problem="these are no positions", remedy="Export the file again")
    return [_point(path, f"{place}[{number}]", point) for number, point in enumerate(points)]


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
    if 180 < abs(lon) <= 360 and abs(lat) <= 90:
        return f"longitude {lon:g} lies beyond the 180° meridian", "Cut it there, and write longitudes from -180 to 180"
    return (
        f"{lon:g}, {lat:g} is out of the range of longitude and latitude; it looks like metres of a projected CRS",
        "Reproject the file to WGS 84 longitude, latitude (OGC:CRS84, EPSG:4326)",
    )
