"""What lies where: a city's own areas from a GeoJSON file, and how surely a place with its error lies in each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.position import Fix

ZONE_KINDS = (
    "district",
    "grid",
    "road",
    "permanent_water",
    "reservoir_protection_1",
    "reservoir_management",
    "no_fishing",
    "street",
    "false_alarm_mask",
)
_LINE_KINDS = ("road", "street")
_CLOUD_POINTS = 512
_LEAST_PROBABILITY = 0.005
_METRES_PER_DEGREE = 111_320.0
_KNOWN_CRS = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84", "EPSG::4490", "EPSG:4490")


@dataclass(frozen=True, kw_only=True, eq=False)
class Zone:
    """One area of a city.

    Attributes:
        kind: One of `ZONE_KINDS`.
        code: The city's own code.
        name: For people.
        properties: All properties of the feature, as written.
        geometry: Polygon or MultiPolygon in degrees, lon before lat; of a line, the strip of its width.
        axis: The line of a road or street drawn as a line, else None.
        valid_from: First day, None for always.
        valid_to: Last day, None for open end.
    """

    kind: str
    code: str
    name: str
    properties: Mapping[str, Any]
    geometry: BaseGeometry
    axis: BaseGeometry | None
    valid_from: date | None
    valid_to: date | None

    def valid_on(self, day: date) -> bool:
        """Whether the zone holds on that day, first and last day included."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, kw_only=True)
class ZoneHit:
    """A zone, and the probability that the place lies in it (its border counts as inside)."""

    zone: Zone
    probability: float


class Zones:
    """A city's zones, searched by place."""

    def __init__(self, zones: Sequence[Zone] = ()) -> None:
        self._zones = tuple(zones)
        self._tree = shapely.STRtree([zone.geometry for zone in self._zones])
        for zone in self._zones:
            shapely.prepare(zone.geometry)

    def __len__(self) -> int:
        """How many zones there are."""
        return len(self._zones)

    @property
    def all(self) -> tuple[Zone, ...]:
        """Every zone, in the file's order."""
        return self._zones

    @classmethod
    def from_geojson(cls, path: str | Path) -> Zones:
        """Zones of a GeoJSON FeatureCollection (WGS 84, lon before lat), one area or line per feature.

        Raises:
            InputFileError: The file, or one feature of it, cannot be used; the error names the feature and the remedy.
        """
        file = Path(path)
        features = _features(file)
        return cls([_zone(file, number, feature) for number, feature in enumerate(features, start=1)])

    def of_kind(self, kind: str) -> tuple[Zone, ...]:
        """All zones of one kind."""
        if kind not in ZONE_KINDS:
            raise ValueError(f"{kind!r} is no kind of zone")
        return tuple(zone for zone in self._zones if zone.kind == kind)

    def under(self, fix: Fix, on: date | None = None) -> list[ZoneHit]:
        """Zones that the place may lie in, likeliest first; only those valid on the day, where one is given."""
        cloud = _cloud(fix)
        west, south = cloud.min(axis=0)
        east, north = cloud.max(axis=0)
        hits: list[ZoneHit] = []
        for index in sorted(self._tree.query(shapely.box(west, south, east, north))):
            zone = self._zones[index]
            if on is not None and not zone.valid_on(on):
                continue
            inside = shapely.intersects_xy(zone.geometry, cloud[:, 0], cloud[:, 1])
            probability = float(np.mean(inside))
            if probability >= _LEAST_PROBABILITY:
                hits.append(ZoneHit(zone=zone, probability=probability))
        return sorted(hits, key=lambda hit: -hit.probability)

    def nearest(self, lon: float, lat: float, kind: str, within_m: float) -> tuple[Zone, float] | None:
        """The nearest zone of a kind and its distance in metres (0 inside); None where none is near enough."""
        frame = LocalFrame(lon=lon, lat=lat)
        reach_lat = within_m / _METRES_PER_DEGREE * 1.02
        reach_lon = reach_lat / max(math.cos(math.radians(lat)), 0.01)
        around = shapely.box(lon - reach_lon, lat - reach_lat, lon + reach_lon, lat + reach_lat)
        best: tuple[Zone, float] | None = None
        for index in sorted(self._tree.query(around)):
            zone = self._zones[index]
            if zone.kind != kind:
                continue
            local = shapely.transform(shapely.intersection(zone.geometry, around), frame.en_from_lonlat)
            distance_m = float(shapely.distance(shapely.Point(0, 0), local))
            if distance_m <= within_m and (best is None or distance_m < best[1]):
                best = (zone, distance_m)
        return best


def _unit_cloud() -> npt.NDArray[np.float64]:
    """Points (n, 2) of equal weight that stand for a standard normal error in two dimensions."""
    index = np.arange(_CLOUD_POINTS)
    radius = np.sqrt(-2 * np.log1p(-(index + 0.5) / _CLOUD_POINTS))
    # The golden angle spreads the points evenly, and never lines them up along a straight border.
    angle = index * math.pi * (3 - math.sqrt(5))
    return np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))


_UNIT_CLOUD = _unit_cloud()


def _cloud(fix: Fix) -> npt.NDArray[np.float64]:
    (ee, en), (_, nn) = fix.covariance_m2
    # The lower triangular root of the covariance, by hand so that a covariance of rank one or zero will do.
    a = math.sqrt(ee)
    b = en / a if a > 0 else 0.0
    c = math.sqrt(max(nn - b * b, 0.0))
    offset = np.column_stack((a * _UNIT_CLOUD[:, 0], b * _UNIT_CLOUD[:, 0] + c * _UNIT_CLOUD[:, 1]))
    cloud = LocalFrame(lon=fix.lon, lat=fix.lat).lonlat_from_en(offset)
    # A place without error keeps its exact numbers, so that one on a border counts as inside.
    cloud[(offset == 0).all(axis=1)] = (fix.lon, fix.lat)
    return cloud


def _features(file: Path) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=file, problem="no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            path=file, problem=f"cannot be read as text ({error})", remedy="Give a GeoJSON file"
        ) from error
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(
            path=file,
            place=f"line {error.lineno}, column {error.colno}",
            problem=f"not JSON ({error.msg})",
            remedy="Export the zones as GeoJSON again",
        ) from error
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise InputFileError(path=file, problem="not a GeoJSON FeatureCollection", remedy="Give one feature per zone")
    _check_crs(file, content.get("crs"))
    features = content.get("features")
    if not isinstance(features, list):
        raise InputFileError(path=file, problem="'features' is not a list", remedy="Give one feature per zone")
    return features


def _check_crs(file: Path, crs: object) -> None:
    if crs is None:
        return
    name = str(crs.get("properties", {}).get("name", crs)) if isinstance(crs, dict) else str(crs)
    if not any(known in name.upper().replace(" ", "") for known in _KNOWN_CRS):
        raise InputFileError(
            path=file,
            place="'crs'",
            problem=f"coordinates in {name}",
            remedy="Export it in WGS 84 (EPSG:4326), lon, lat",
        )


def _zone(file: Path, number: int, feature: object) -> Zone:
    def refuse(problem: str, remedy: str) -> InputFileError:
        return InputFileError(path=file, place=f"feature {number}", problem=problem, remedy=remedy)

    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise refuse("not a GeoJSON Feature", "Give one Feature per zone")
    properties = feature.get("properties")
    if not isinstance(properties, dict) or "kind" not in properties:
        raise refuse("the property 'kind' is missing", f"Set it to one of: {', '.join(ZONE_KINDS)}")
    kind = properties["kind"]
    if kind not in ZONE_KINDS:
        raise refuse(f"unknown kind {kind!r}", f"Use one of: {', '.join(ZONE_KINDS)}")
    geometry = _geometry(feature.get("geometry"), refuse)
    axis = None
    if geometry.geom_type in ("LineString", "MultiLineString"):
        axis, geometry = geometry, _strip(geometry, kind, properties, refuse)
    code = str(properties.get("code") or properties.get("name") or f"{kind}-{number}")
    valid_from, valid_to = (_day(properties.get(name), name, refuse) for name in ("valid_from", "valid_to"))
    if valid_from and valid_to and valid_to < valid_from:
        raise refuse("'valid_to' lies before 'valid_from'", "Correct the two dates")
    return Zone(
        kind=kind,
        code=code,
        name=str(properties.get("name") or code),
        properties=MappingProxyType(dict(properties)),
        geometry=geometry,
        axis=axis,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def _geometry(raw: object, refuse: Any) -> BaseGeometry:  # noqa: ANN401 - a local maker of errors
    try:
        geometry = shapely.force_2d(shape(cast("dict[str, Any]", raw)))
    except Exception as error:
        raise refuse(f"the geometry cannot be read ({error})", "Give a Polygon, MultiPolygon or LineString") from error
    if geometry.geom_type not in ("Polygon", "MultiPolygon", "LineString", "MultiLineString"):
        raise refuse(f"a {geometry.geom_type} is no zone", "Give a Polygon, MultiPolygon or LineString")
    if geometry.is_empty:
        raise refuse("the geometry is empty", "Give its coordinates")
    lon, lat = shapely.get_coordinates(geometry).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise refuse("a coordinate is no number", "Give degrees, lon before lat")
    if np.abs(lat).max() > 90 and np.abs(lat).max() <= 180 and np.abs(lon).max() <= 90:
        raise refuse(
            f"latitude {lat[np.abs(lat).argmax()]:g} is out of range; lon and lat look swapped", "Write lon before lat"
        )
    if np.abs(lon).max() > 180 or np.abs(lat).max() > 90:
        raise refuse("coordinates are no degrees", "Export it in WGS 84 (EPSG:4326), lon before lat")
    if not geometry.is_valid:
        raise refuse(
            f"the geometry is invalid: {shapely.is_valid_reason(geometry)}",
            "Correct it, e.g. with QGIS 'Fix geometries'",
        )
    return geometry


def _strip(axis: BaseGeometry, kind: str, properties: dict[str, Any], refuse: Any) -> BaseGeometry:  # noqa: ANN401
    if kind not in _LINE_KINDS:
        raise refuse(f"a line cannot be a {kind}", "Draw it as a Polygon")
    try:
        width_m = float(properties.get("width_m", "nan"))
    except (TypeError, ValueError):
        width_m = math.nan
    if not (math.isfinite(width_m) and width_m > 0):
        raise refuse("a line needs its width", "Set 'width_m' to metres above 0")
    west, south, east, north = axis.bounds
    frame = LocalFrame(lon=(west + east) / 2, lat=(south + north) / 2)
    local = shapely.buffer(shapely.transform(axis, frame.en_from_lonlat), width_m / 2)
    return shapely.transform(local, frame.lonlat_from_en)


def _day(text: object, name: str, refuse: Any) -> date | None:  # noqa: ANN401
    if text in (None, ""):
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError as error:
        raise refuse(f"{name!r} is {text!r}, not a date", "Write it as 2026-05-01") from error
