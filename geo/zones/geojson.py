"""GeoJSON as files really hold it: the features as they stand, and the coordinate system that is named or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.errors import InputFileError


def read_collection(path: Path) -> tuple[list[Any], str | None]:
    """The features of a FeatureCollection, and the name of the coordinate system that it declares, None for none.

    Raises:
        InputFileError: There is no such file, or it is no FeatureCollection.
    """
    content = _json(path)
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise InputFileError(path=path, problem="not a GeoJSON FeatureCollection", remedy="Give one feature per zone")
    features = content.get("features")
    if not isinstance(features, list):
        raise InputFileError(path=path, problem="'features' is not a list", remedy="Give one feature per zone")
    return features, _crs_name(content.get("crs"))


def geometry_of(raw: object) -> BaseGeometry:
    """A GeoJSON geometry in two dimensions.

    Raises:
        ValueError: It is none; the words say why.
    """
    try:
        return shapely.force_2d(shape(cast("dict[str, Any]", raw)))
    except Exception as error:
        raise ValueError(f"the geometry cannot be read ({error})") from error


def _json(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            path=path, problem=f"cannot be read as text ({error})", remedy="Give a GeoJSON file"
        ) from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(
            path=path,
            place=f"line {error.lineno}, column {error.colno}",
            problem=f"not JSON ({error.msg})",
            remedy="Export the zones as GeoJSON again",
        ) from error


def _crs_name(crs: object) -> str | None:
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    return str(properties.get("name", crs)) if isinstance(properties, dict) else str(crs)
