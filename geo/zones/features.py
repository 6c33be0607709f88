"""The zones file, read strictly: one feature one zone, and what cannot be used is refused by its number."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.zones.zone import LINE_KINDS, ZONE_KINDS, Zone

_KNOWN_CRS = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84", "EPSG::4490", "EPSG:4490")


def zones_of_file(path: Path) -> list[Zone]:
    """The zones of a GeoJSON FeatureCollection.

    Raises:
        InputFileError: The file, or one feature of it, cannot be used; the error names the feature and the remedy.
    """
    return [_zone(path, number, feature) for number, feature in enumerate(_features(path), start=1)]


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


def _day(text: object, name: str, refuse: Any) -> date | None:  # noqa: ANN401
    if text in (None, ""):
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError as error:
        raise refuse(f"{name!r} is {text!r}, not a date", "Write it as 2026-05-01") from error
