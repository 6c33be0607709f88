"""The zones file, read strictly: one feature one zone, and what cannot be used is refused by its number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.zones.geojson import geometry_of, read_collection
from geo.zones.layers import is_geojson, read_layers
from geo.zones.values import names_of
from geo.zones.zone import LINE_KINDS, ZONE_KINDS, Zone

Refuse = Callable[[str, str], InputFileError]

_ROUNDING_DEG = 1e-6
_KNOWN_CRS = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84", "EPSG::4490", "EPSG:4490")


def zones_of_file(path: Path) -> list[Zone]:
    """The zones of a GeoJSON FeatureCollection or of all layers of a GeoPackage.

    Raises:
        InputFileError: The file, or one feature of it, cannot be used; the error names the feature and the remedy.
    """
    if is_geojson(path):
        features, crs = read_collection(path)
        _check_crs(path, "'crs'", crs or "CRS84")
        return [_zone_of_json(path, number, feature) for number, feature in enumerate(features, start=1)]
    return list(_zones_of_layers(path))


def zone_of(properties: Mapping[str, Any], geometry: BaseGeometry, number: int, refuse: Refuse) -> Zone:
    """A zone of its properties and its geometry in degrees.

    Args:
        properties: `kind`, and optionally `code`, `name`, `valid_from`, `valid_to`, `season_from`, `season_to`,
            `width_m` and others.
        geometry: Polygon, MultiPolygon, or the line of a road or street, in two dimensions.
        number: Number of the feature, for a zone without code and name.
        refuse: Makes the error from what is wrong and the remedy.

    Raises:
        InputFileError: As `refuse` makes it.
    """
    if "kind" not in properties:
        raise refuse("the property 'kind' is missing", f"Set it to one of: {', '.join(ZONE_KINDS)}")
    kind = properties["kind"]
    if kind not in ZONE_KINDS:
        raise refuse(f"unknown kind {kind!r}", f"Use one of: {', '.join(ZONE_KINDS)}")
    check_coordinates(geometry, refuse)
    _check_shape(geometry, refuse)
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
        season=_season(properties, refuse),
    )


def check_coordinates(geometry: BaseGeometry, refuse: Refuse) -> None:
    """Refuse a geometry without coordinates, or with some that are no degrees; `refuse` makes the error.

    Raises:
        InputFileError: As `refuse` makes it.
    """
    if geometry.is_empty:
        raise refuse("the geometry is empty", "Give its coordinates")
    lon, lat = shapely.get_coordinates(geometry).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise refuse("a coordinate is no number", "Give degrees, lon before lat")
    if np.abs(lat).max() > 90 and np.abs(lat).max() <= 180 and np.abs(lon).max() <= 90:
        raise refuse(
            f"latitude {lat[np.abs(lat).argmax()]:g} is out of range; lon and lat look swapped", "Write lon before lat"
        )
    if np.abs(lon).max() > 180 + _ROUNDING_DEG or np.abs(lat).max() > 90 + _ROUNDING_DEG:
        raise refuse("coordinates are no degrees", "Bring them to WGS 84 with 'flyonce zones import --crs EPSG:…'")


def _check_crs(path: Path, place: str, name: str) -> None:
    if not any(known in name.upper().replace(" ", "") for known in _KNOWN_CRS):
        raise InputFileError(
            path=path,
            place=place,
            problem=f"coordinates in {name}",
            remedy="Bring it to WGS 84 (EPSG:4326), lon, lat, with 'flyonce zones import'",
        )


def _zone_of_json(path: Path, number: int, feature: object) -> Zone:
    refuse = _refuser(path, f"feature {number}")
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise refuse("not a GeoJSON Feature", "Give one Feature per zone")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    try:
        geometry = geometry_of(feature.get("geometry"))
    except ValueError as error:
        if "kind" in properties:
            raise refuse(str(error), "Give a Polygon, MultiPolygon or LineString") from error
        geometry = shapely.Polygon()
    return zone_of(properties, geometry, number, refuse)


def _zones_of_layers(path: Path) -> Iterator[Zone]:
    for layer in read_layers(path):
        _check_crs(path, f"layer {layer.name}", layer.declared_crs or "no coordinate system")
        for number, (record, geometry) in enumerate(zip(layer.records, layer.geometries, strict=True), start=1):
            refuse = _refuser(path, f"layer {layer.name}, feature {number}")
            if geometry is None:
                raise refuse(layer.unreadable.get(number, "it has no geometry"), "Draw it, or delete the row")
            properties = {name: value for name, value in record.items() if value is not None}
            if "labels" in properties:
                properties["labels"] = names_of(properties["labels"])
            yield zone_of(properties, geometry, number, refuse)


def _refuser(path: Path, place: str) -> Refuse:
    def refuse(problem: str, remedy: str) -> InputFileError:
        return InputFileError(path=path, place=place, problem=problem, remedy=remedy)

    return refuse


def _check_shape(geometry: BaseGeometry, refuse: Refuse) -> None:
    if geometry.geom_type not in ("Polygon", "MultiPolygon", "LineString", "MultiLineString"):
        raise refuse(f"a {geometry.geom_type} is no zone", "Give a Polygon, MultiPolygon or LineString")
    if not geometry.is_valid:
        raise refuse(
            f"the geometry is invalid: {shapely.is_valid_reason(geometry)}",
            "Mend it with 'flyonce zones import', which tells what it changed",
        )


def _strip(axis: BaseGeometry, kind: str, properties: Mapping[str, Any], refuse: Refuse) -> BaseGeometry:
    if kind not in LINE_KINDS:
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


def _season(properties: Mapping[str, Any], refuse: Refuse) -> tuple[str, str] | None:
    first, last = (properties.get(name) or None for name in ("season_from", "season_to"))
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise refuse("a season needs both 'season_from' and 'season_to'", "Give the other one, like 06-30")
    for text in (first, last):
        try:
            # A year with a 29 February.
            date.fromisoformat(f"2024-{text}")
        except ValueError as error:
            raise refuse(f"a season's end is {text!r}, not a month and a day", "Write it as 03-01") from error
    return str(first), str(last)


def _day(text: object, name: str, refuse: Refuse) -> date | None:
    if text in (None, ""):
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError as error:
        raise refuse(f"{name!r} is {text!r}, not a date", "Write it as 2026-05-01") from error
