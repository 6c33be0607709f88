"""From a layer's coordinate system to WGS 84: declared or given, never guessed, exact to a metre or refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.aoi import AreaOfInterest
from pyproj.transformer import TransformerGroup

from geo import crs_cn
from geo.errors import InputFileError
from geo.zones.layers import Layer

Floats = npt.NDArray[np.float64]
ToLonLat = Callable[[Floats], Floats]

_SHIFTED: dict[str, ToLonLat] = {
    "GCJ-02": crs_cn.wgs84_from_gcj02,
    "BD-09": crs_cn.wgs84_from_bd09,
}
# Datums whose degrees are taken as WGS 84: they differ by less than any border here is known to.
_SAME_AS_WGS84 = ("worldgeodeticsystem1984", "wgs1984", "wgs84", "china2000", "chinageodeticcoordinatesystem2000")
_LEAST_ACCURACY_M = 1.0
_MOST_FROM_MERIDIAN_M = 1_000_000.0
_ASK = "Ask for the layer in CGCS2000 or WGS 84"


@dataclass(frozen=True, kw_only=True)
class SourceCrs:
    """A layer's coordinate system: its name for people, and the way from it to degrees on WGS 84, lon before lat."""

    name: str
    lonlat_from: ToLonLat


def crs_of(layer: Layer, given: str | None) -> SourceCrs:
    """The coordinate system of a layer.

    Args:
        layer: The layer; its coordinates are looked at to see whether they can be what is declared.
        given: What the user says it is: GCJ-02, BD-09 or a code like EPSG:4549; None for nothing.

    Raises:
        InputFileError: None is declared or given, they contradict each other, it cannot be brought to WGS 84 within a
            metre, or the coordinates cannot be in it.
    """
    shifted = None if given is None else _shifted_name(given)
    declared = None if layer.declared_crs is None else _parsed(layer, layer.declared_crs, "the file declares")
    if shifted is not None:
        if declared is not None and not (declared.is_geographic and _is_wgs84(declared)):
            raise _refuse(
                layer, f"the file declares {declared.name}, the map or --crs says {shifted}", "Leave that out"
            )
        _check_numbers(layer, pyproj.CRS.from_epsg(4326))
        return SourceCrs(name=shifted, lonlat_from=_SHIFTED[shifted])
    crs = declared
    if given is not None:
        crs = _parsed(layer, given, "the map or --crs says")
        if declared is not None and not layer.crs_by_default and not declared.equals(crs, ignore_axis_order=True):
            raise _refuse(
                layer, f"the file declares {declared.name}, the map or --crs says {crs.name}", "Leave that out"
            )
    if crs is None:
        raise _refuse(
            layer,
            "no coordinate system is declared",
            "Name it with --crs, like --crs EPSG:4549 or --crs GCJ-02, or send the .prj beside the file",
        )
    _check_numbers(layer, crs)
    return SourceCrs(name=crs.name, lonlat_from=_exact(layer, crs))


def _shifted_name(given: str) -> str | None:
    plain = given.upper().replace("-", "").replace("_", "").replace(" ", "")
    return {"GCJ02": "GCJ-02", "BD09": "BD-09", "BD09LL": "BD-09"}.get(plain)


def _parsed(layer: Layer, text: str, who: str) -> pyproj.CRS:
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise _refuse(
            layer, f"{who} the coordinate system {text!r}, which is unknown", "Name it like EPSG:4549"
        ) from error
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if not (crs.is_geographic or crs.is_projected or crs.is_bound):
        raise _refuse(layer, f"{who} {crs.name}, a system of its own that nothing leads out of", _ASK)
    return crs


def _is_wgs84(crs: pyproj.CRS) -> bool:
    datum = crs.geodetic_crs.datum.name if crs.geodetic_crs is not None and crs.geodetic_crs.datum is not None else ""
    plain = "".join(letter for letter in datum.lower() if letter.isalnum())
    return plain.removeprefix("d").removesuffix("ensemble") in _SAME_AS_WGS84 or plain in _SAME_AS_WGS84


def _exact(layer: Layer, crs: pyproj.CRS) -> ToLonLat:
    if not crs.is_bound and _is_wgs84(crs):
        # Between frames that count as one, PROJ would look for a shift and find one it calls a guess: only unproject.
        return _by(pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True))
    if crs.is_bound:
        return _by(pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True))
    group = TransformerGroup(
        crs, "OGC:CRS84", always_xy=True, allow_ballpark=False, area_of_interest=_area_of(layer, crs)
    )
    known = [one for one in group.transformers if 0 <= one.accuracy <= _LEAST_ACCURACY_M]
    if not known:
        best = min((one.accuracy for one in group.transformers if one.accuracy >= 0), default=None)
        how = "no public way leads from it to WGS 84" if best is None else f"to WGS 84 it is only known to {best:g} m"
        raise _refuse(layer, f"it is in {crs.name}, and {how}", _ASK)
    return _by(known[0])


def _by(transformer: pyproj.Transformer) -> ToLonLat:
    def lonlat_from(points: Floats) -> Floats:
        lon, lat = transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack((lon, lat))

    return lonlat_from


def _area_of(layer: Layer, crs: pyproj.CRS) -> Any:  # noqa: ANN401 - pyproj has two types of this name
    west, south, east, north = _bounds(layer)
    if not np.isfinite((west, south, east, north)).all():
        return None
    degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    west, south, east, north = degrees.transform_bounds(west, south, east, north)
    return AreaOfInterest(west, south, east, north)


def _bounds(layer: Layer) -> tuple[float, float, float, float]:
    drawn = [one for one in layer.geometries if one is not None and not one.is_empty]
    if not drawn:
        return math.nan, math.nan, math.nan, math.nan
    west, south, east, north = shapely.total_bounds(drawn)
    return float(west), float(south), float(east), float(north)


def _check_numbers(layer: Layer, crs: pyproj.CRS) -> None:
    """Refuse coordinates that cannot be in that system: metres as degrees, degrees as metres, or another zone's."""
    west, south, east, north = _bounds(layer)
    if not np.isfinite((west, south, east, north)).all():
        return
    in_degrees = max(-west, east) <= 180 and max(-south, north) <= 180
    if crs.is_geographic and max(-west, east, -south, north) > 400:
        zone = crs_cn.epsg_of_prefixed_easting(west)
        hint = f"EPSG:{zone}" if zone else "EPSG:4549"
        raise _refuse(
            layer,
            f"it should be in degrees ({crs.name}), but reaches {east:.0f}, {north:.0f}",
            f"Give --crs, like {hint}",
        )
    if crs.is_projected and in_degrees:
        raise _refuse(
            layer, f"it should be in metres ({crs.name}), but looks like degrees", "Give --crs EPSG:4490 or GCJ-02"
        )
    if crs.is_projected and _false_easting(crs) < 1_000_000 < west and (zone := crs_cn.epsg_of_prefixed_easting(west)):
        raise _refuse(
            layer,
            f"its eastings ({west:.0f}) begin with a zone's number, which {crs.name} has not",
            f"Give --crs EPSG:{zone}",
        )
    if crs.is_projected and _false_easting(crs) > 1_000_000 > east:
        raise _refuse(
            layer,
            f"its eastings ({west:.0f}) should begin with a zone's number ({crs.name})",
            "Give --crs of the zone without it, EPSG:4534 to 4554",
        )
    _check_distance(layer, crs, (west, south, east, north))


def _check_distance(layer: Layer, crs: pyproj.CRS, bounds: tuple[float, float, float, float]) -> None:
    """Refuse places that lie absurdly far from the meridian of their grid: there north was written before east."""
    operation = crs.coordinate_operation
    if operation is None or "Transverse Mercator" not in operation.method_name:
        return
    west, south, east, north = bounds
    middle = _false_easting(crs)
    if max(abs(west - middle), abs(east - middle)) > _MOST_FROM_MERIDIAN_M:
        swapped = max(abs(south - middle), abs(north - middle)) <= _MOST_FROM_MERIDIAN_M
        raise _refuse(
            layer,
            f"its eastings reach from {west:.0f} to {east:.0f}, far from the meridian of {crs.name}"
            + ("; north looks written before east" if swapped else ""),
            "Export it with east before north, or name its true system with --crs",
        )


def _false_easting(crs: pyproj.CRS) -> float:
    operation = crs.coordinate_operation
    params = [] if operation is None else operation.params
    return next((float(one.value) for one in params if "easting" in one.name.lower()), 0.0)


def _refuse(layer: Layer, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path=layer.file, place=f"layer {layer.name}", problem=problem, remedy=remedy)
