"""Reading obstacles from map layers: one feature for each, refused with its place if it does not fit.

GeoJSON, GeoPackage, Shapefile or KML: points, lines or polygons. A feature's properties:

    height_m        above the ground that it stands on; or
    top_msl_m       its top above mean sea level
    name            for people
    radius_m        of a point or a line: how far it reaches to the side (3)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.airspace.reading import checked_shape
from flightplan.errors import InputFileError
from flightplan.ground.obstacles import Standing, widened
from flightplan.property_names import meant_instead, named_as_ours
from geo.zones.crs import crs_of
from geo.zones.layers import read_layers

_OURS = ("height_m", "top_msl_m", "radius_m", "name")
_REMEDY = "Compare with docs/planning.md"
_USUAL_RADIUS_M = 3.0
# Wider ones have no metres of their own.
_WIDEST_DEG = 1.0
_MOST_RADIUS_M = 1_000.0


def read_obstacles(paths: Sequence[Path]) -> list[Standing]:
    """Everything in one or more files.

    Raises:
        InputFileError: A file cannot be read, or a feature does not tell its place and how high it is.
    """
    return [one for path in paths for one in _read(path)]


def _read(path: Path) -> Iterator[Standing]:
    for layer in read_layers(path):
        if not layer.records:
            continue
        lonlat_from = crs_of(layer, None).lonlat_from
        for number, (record, geometry) in enumerate(zip(layer.records, layer.geometries, strict=True), start=1):
            place = f"feature {number}"
            if geometry is None:
                raise _refusal(path, place, layer.unreadable.get(number, "it has no geometry"))
            ground = checked_shape(path, place, shapely.transform(geometry, lonlat_from))
            west, south, east, north = ground.bounds
            if max(east - west, north - south) > _WIDEST_DEG:
                raise _refusal(path, place, f"it is more than {_WIDEST_DEG:g}° wide; cut it to the city")
            yield from _standing(path, place, named_as_ours(record, _OURS), ground)


def _standing(path: Path, place: str, told: Mapping[str, Any], ground: BaseGeometry) -> Iterator[Standing]:
    for name in told:
        meant = meant_instead(name, _OURS, told)
        if meant is not None:
            raise _refusal(path, f"{place} > {name:.40}", f"this is not a property of ours; is {meant} meant?")
    figures = {name: _metres(path, f"{place} > {name}", told[name]) for name in _OURS[:3] if name in told}
    radius_m = figures.pop("radius_m", _USUAL_RADIUS_M)
    if not 0 < radius_m <= _MOST_RADIUS_M:
        raise _refusal(path, f"{place} > radius_m", f"it must be above 0 and at most {_MOST_RADIUS_M:,.0f}")
    name = str(told.get("name") or place)[:60]
    for part in shapely.get_parts(ground):
        shape = Polygon(part.exterior) if isinstance(part, Polygon) else widened(part, radius_m)
        try:
            yield Standing(name=name, ground=shape, **figures)
        except ValueError as error:
            raise _refusal(path, place, str(error)) from error


def _metres(path: Path, place: str, told: object) -> float:
    try:
        if isinstance(told, bool) or not isinstance(told, int | float | str):
            raise ValueError
        return float(told)
    except (ValueError, OverflowError) as error:
        raise _refusal(path, place, f"{told!r:.40} is no number of metres") from error


def _refusal(path: Path, place: str, problem: str) -> InputFileError:
    return InputFileError(path=path, place=place, problem=problem, remedy=_REMEDY)
