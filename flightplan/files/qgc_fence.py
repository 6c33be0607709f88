"""Fence and rally points of a `.plan`: version 2 of both; as everywhere in that file, latitude comes first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from flightplan.errors import CannotPlan, InputFileError
from flightplan.mission.fence import Fence, RallyPoint, Ring
from flightplan.projection import LocalFrame

_VERSION = 2
_POLYGON_VERSION = 1
# Of a circle's polygon: within 1 % of the radius, and it leaves room among the corners that a vehicle stores.
_CIRCLE_CORNERS = 24
_REMEDY = "Draw it again in QGroundControl and save"


def fence_node(fence: Fence | None) -> dict[str, Any]:
    """What stands under `geoFence`."""
    inside = fence.inside if fence is not None else ()
    outside = fence.outside if fence is not None else ()
    polygons = [_polygon_node(ring, inclusion=True) for ring in inside]
    polygons += [_polygon_node(ring, inclusion=False) for ring in outside]
    return {"version": _VERSION, "circles": [], "polygons": polygons}


def rally_node(rally: tuple[RallyPoint, ...]) -> dict[str, Any]:
    """What stands under `rallyPoints`."""
    return {"version": _VERSION, "points": [[point.lat, point.lon, point.alt_home_m] for point in rally]}


def read_fence(path: Path, node: object) -> Fence | None:
    """The fence, or None where nothing is fenced.

    Raises:
        InputFileError: It is of another version, or not complete, or no vehicle could keep to it.
    """
    if node is None:
        return None
    section = _section(path, "geoFence", node)
    rings: dict[bool, list[Ring]] = {True: [], False: []}
    for number, polygon in enumerate(_nodes(path, "geoFence.polygons", section.get("polygons"))):
        place = f"geoFence.polygons[{number}]"
        ring = [_place(path, place, corner)[:2] for corner in _list(path, place, polygon.get("polygon"))]
        rings[_inclusion(path, place, polygon)].append(_open(ring))
    for number, circle in enumerate(_nodes(path, "geoFence.circles", section.get("circles"))):
        place = f"geoFence.circles[{number}]"
        inclusion = _inclusion(path, place, circle)
        rings[inclusion].append(_circle(path, place, circle.get("circle"), inclusion=inclusion))
    if not rings[True] and not rings[False]:
        return None
    try:
        return Fence(inside=tuple(rings[True]), outside=tuple(rings[False]))
    except CannotPlan as error:
        raise InputFileError(path=path, place="geoFence", problem=error.problem, remedy=error.remedy) from error


def read_rally(path: Path, node: object) -> tuple[RallyPoint, ...]:
    """The rally points.

    Raises:
        InputFileError: They are of another version, or one is no place.
    """
    if node is None:
        return ()
    points = []
    for number, told in enumerate(
        _list(path, "rallyPoints.points", _section(path, "rallyPoints", node).get("points", []))
    ):
        place = f"rallyPoints.points[{number}]"
        lon, lat, alt_m = _place(path, place, told)
        try:
            points.append(RallyPoint(lon=lon, lat=lat, alt_home_m=alt_m))
        except CannotPlan as error:
            raise InputFileError(path=path, place=place, problem=error.problem, remedy=error.remedy) from error
    return tuple(points)


def is_number(value: object) -> bool:
    """Whether it is a finite number, as JSON has them; nothing in a plan is larger than 1e15."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15


def _polygon_node(ring: Ring, *, inclusion: bool) -> dict[str, Any]:
    return {"inclusion": inclusion, "polygon": [[lat, lon] for lon, lat in ring], "version": _POLYGON_VERSION}


def _section(path: Path, place: str, node: object) -> dict[str, Any]:
    if not isinstance(node, dict) or node.get("version") not in (1, _VERSION):
        version = node.get("version") if isinstance(node, dict) else None
        raise InputFileError(
            path=path,
            place=f"{place}.version",
            problem=f"version {version!r} is not supported",
            remedy="Save it with QGroundControl 4 or later",
        )
    return node


def _nodes(path: Path, place: str, told: object) -> list[dict[str, Any]]:
    nodes = [] if told is None else _list(path, place, told)
    for number, node in enumerate(nodes):
        if not isinstance(node, dict):
            raise InputFileError(
                path=path, place=f"{place}[{number}]", problem="this is no part of a fence", remedy=_REMEDY
            )
    return nodes


def _list(path: Path, place: str, told: object) -> list[Any]:
    if not isinstance(told, list):
        raise InputFileError(path=path, place=place, problem="the list is missing", remedy=_REMEDY)
    return told


def _inclusion(path: Path, place: str, node: dict[str, Any]) -> bool:
    inclusion = node.get("inclusion")
    if not isinstance(inclusion, bool):
        raise InputFileError(
            path=path,
            place=place,
            problem="it does not say whether flying is allowed inside or outside",
            remedy="Set inclusion to true or false",
        )
    return inclusion


def _place(path: Path, place: str, told: object) -> tuple[float, float, float]:
    """Longitude, latitude and height (0 where there is none) from latitude, longitude and height."""
    if not (isinstance(told, list) and len(told) >= 2 and all(is_number(value) for value in told[:3])):
        raise InputFileError(path=path, place=place, problem=f"{told!r:.60} is no place", remedy=_REMEDY)
    lat, lon = float(told[0]), float(told[1])
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise InputFileError(
            path=path,
            place=place,
            problem=f"latitude {lat:g}, longitude {lon:g} is out of range",
            remedy="Write latitude first, then longitude",
        )
    return lon, lat, float(told[2]) if len(told) > 2 else 0.0


def _open(ring: list[tuple[float, float]]) -> Ring:
    return tuple(ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring)


def _circle(path: Path, place: str, told: object, *, inclusion: bool) -> Ring:
    """A polygon within a circle that must not be left, and around one that must not be entered."""
    node = told if isinstance(told, dict) else {}
    radius = node.get("radius")
    radius_m = float(radius) if isinstance(radius, int | float) and is_number(radius) else math.nan
    if not 0 < radius_m < 1e6:
        raise InputFileError(path=path, place=place, problem=f"{radius!r:.40} is no radius", remedy=_REMEDY)
    lon, lat, _ = _place(path, place, node.get("center"))
    reach_m = radius_m / (1.0 if inclusion else math.cos(math.pi / _CIRCLE_CORNERS))
    angles = np.arange(_CIRCLE_CORNERS) * 2 * math.pi / _CIRCLE_CORNERS
    corners = LocalFrame(lon=lon, lat=lat).lonlat_from_en(reach_m * np.column_stack([np.sin(angles), np.cos(angles)]))
    return tuple((float(east), float(north)) for east, north in corners)
