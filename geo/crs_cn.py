"""Chinese coordinates: GCJ-02 and BD-09, the shifted ones of its web maps, and the grids of CGCS2000.

Only the edge may use this: links to those maps, and files on their way in. What is kept is WGS 84 (CGCS2000 is taken
as the same: the two frames differ by centimetres to decimetres, less than any place here is known to). GCJ-02 shifts
inside a rectangle around China and nowhere else, as its published readings do; there are no borders in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Floats = npt.NDArray[np.float64]

_SHIFTED_LON_DEG = (72.004, 137.8347)
_SHIFTED_LAT_DEG = (0.8293, 55.8271)
# GCJ-02 turns metres into degrees on Krasovsky's ellipsoid, whatever the coordinates are on.
_KRASOVSKY_A_M = 6_378_245.0
_KRASOVSKY_E2 = 0.006_693_421_622_965_943
_BD_TURNS = math.pi * 3000 / 180
_BD_MOVE_LON_DEG, _BD_MOVE_LAT_DEG = 0.0065, 0.006
# A step of the inverse leaves at most a fiftieth of the error before it (BD-09; GCJ-02 a four-hundredth).
_MOST_STEPS = 12

_FIRST_3_DEG_ZONE, _LAST_3_DEG_ZONE = 25, 45
_FIRST_6_DEG_ZONE, _LAST_6_DEG_ZONE = 13, 23
_EPSG_3_DEG = {True: 4513, False: 4534}
_EPSG_6_DEG = {True: 4491, False: 4502}


def gcj02_from_wgs84(lonlat: npt.ArrayLike) -> Floats:
    """GCJ-02 (AMap, Tencent) of WGS 84: degrees (n, 2), lon before lat; outside China the same numbers."""
    points = _points(lonlat)
    return np.where(_is_shifted(points), points + _gcj02_shift_deg(points), points)


def wgs84_from_gcj02(lonlat: npt.ArrayLike) -> Floats:
    """WGS 84 of GCJ-02, exactly (to rounding): degrees (n, 2), lon before lat.

    Along the rectangle's edge the shift makes some 600 m of GCJ-02 ambiguous; those are read as shifted.
    """
    points = _points(lonlat)
    found = _inverse(points, lambda guess: guess + _gcj02_shift_deg(guess))
    return np.where(_is_shifted(found), found, points)


def bd09_from_gcj02(lonlat: npt.ArrayLike) -> Floats:
    """BD-09 (Baidu) of GCJ-02: degrees (n, 2), lon before lat."""
    points = _points(lonlat)
    lon, lat = points[:, 0], points[:, 1]
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_TURNS)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_TURNS)
    return np.column_stack((radius * np.cos(angle) + _BD_MOVE_LON_DEG, radius * np.sin(angle) + _BD_MOVE_LAT_DEG))


def gcj02_from_bd09(lonlat: npt.ArrayLike) -> Floats:
    """GCJ-02 of BD-09, exactly (to rounding): degrees (n, 2), lon before lat."""
    return _inverse(_points(lonlat), bd09_from_gcj02)


def bd09_from_wgs84(lonlat: npt.ArrayLike) -> Floats:
    """BD-09 (Baidu) of WGS 84: degrees (n, 2), lon before lat; outside China the same numbers."""
    points = _points(lonlat)
    return np.where(_is_shifted(points), bd09_from_gcj02(gcj02_from_wgs84(points)), points)


def wgs84_from_bd09(lonlat: npt.ArrayLike) -> Floats:
    """WGS 84 of BD-09, exactly (to rounding): degrees (n, 2), lon before lat; outside China the same numbers."""
    points = _points(lonlat)
    found = wgs84_from_gcj02(gcj02_from_bd09(points))
    return np.where(_is_shifted(found), found, points)


def gauss_kruger_epsg(lon: float, *, width_deg: int = 3, zone_prefix: bool = False) -> int:
    """EPSG code of the CGCS2000 / Gauss-Kruger zone of a longitude; one on the border of two zones has the eastern.

    Args:
        lon: Degrees east.
        width_deg: Width of the zones, 3 or 6 degrees.
        zone_prefix: Whether eastings begin with the zone's number (40 500 000 rather than 500 000).

    Raises:
        ValueError: CGCS2000 has no zone there, or none of that width.
    """
    if width_deg == 3:
        zone, first, last, epsg = math.floor(lon / 3 + 0.5), _FIRST_3_DEG_ZONE, _LAST_3_DEG_ZONE, _EPSG_3_DEG
    elif width_deg == 6:
        zone, first, last, epsg = math.floor(lon / 6) + 1, _FIRST_6_DEG_ZONE, _LAST_6_DEG_ZONE, _EPSG_6_DEG
    else:
        raise ValueError(f"CGCS2000 has zones of 3 and 6 degrees, not of {width_deg}")
    if not first <= zone <= last:
        raise ValueError(f"longitude {lon} lies in no {width_deg}-degree zone of CGCS2000")
    return epsg[zone_prefix] + zone - first


def epsg_of_prefixed_easting(east_m: float) -> int | None:
    """EPSG code of the 3-degree CGCS2000 zone whose number leads this easting (40 512 345: zone 40), else None."""
    zone = int(east_m // 1_000_000)
    if not _FIRST_3_DEG_ZONE <= zone <= _LAST_3_DEG_ZONE:
        return None
    return _EPSG_3_DEG[True] + zone - _FIRST_3_DEG_ZONE


def grid_from_lonlat(lonlat: npt.ArrayLike, epsg: int) -> Floats:
    """East, north in metres (n, 2) on a projected CGCS2000 grid of degrees (n, 2), lon before lat."""
    points = _points(lonlat)
    return np.column_stack(_grid(epsg).transform(points[:, 0], points[:, 1], errcheck=True))


def lonlat_from_grid(en_m: npt.ArrayLike, epsg: int) -> Floats:
    """Degrees (n, 2), lon before lat, of east, north in metres (n, 2) on a projected CGCS2000 grid."""
    points = _points(en_m)
    return np.column_stack(_grid(epsg).transform(points[:, 0], points[:, 1], direction="INVERSE", errcheck=True))


@lru_cache(maxsize=64)
def _grid(epsg: int) -> Transformer:
    crs = CRS.from_epsg(epsg)
    if crs.geodetic_crs is None or crs.geodetic_crs.to_epsg() != 4490 or not crs.is_projected:
        raise ValueError(f"EPSG:{epsg} is no projected grid of CGCS2000")
    return Transformer.from_crs(4490, crs, always_xy=True)


def _points(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1, 2)


def _is_shifted(lonlat: Floats) -> npt.NDArray[np.bool_]:
    """Whether GCJ-02 shifts these degrees of WGS 84, as (n, 1)."""
    lon, lat = lonlat[:, :1], lonlat[:, 1:]
    (west, east), (south, north) = _SHIFTED_LON_DEG, _SHIFTED_LAT_DEG
    inside: npt.NDArray[np.bool_] = (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    return inside


def _gcj02_shift_deg(lonlat: Floats) -> Floats:
    """How far GCJ-02 moves these degrees of WGS 84, whether they are in China or not."""
    x, y = lonlat[:, 0] - 105.0, lonlat[:, 1] - 35.0
    waves_of_both = 20 * np.sin(6 * math.pi * x) + 20 * np.sin(2 * math.pi * x)
    east_m = (
        300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
        + (waves_of_both + _waves(x, (20, 1), (40, 3), (150, 12), (300, 30))) * 2 / 3
    )  # fmt: skip
    north_m = (
        -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
        + (waves_of_both + _waves(y, (20, 1), (40, 3), (160, 12), (320, 30))) * 2 / 3
    )  # fmt: skip
    lat = np.radians(lonlat[:, 1])
    flattening = 1 - _KRASOVSKY_E2 * np.sin(lat) ** 2
    metres_per_radian_north = _KRASOVSKY_A_M * (1 - _KRASOVSKY_E2) / flattening**1.5
    metres_per_radian_east = _KRASOVSKY_A_M / np.sqrt(flattening) * np.cos(lat)
    radians = np.column_stack((east_m / metres_per_radian_east, north_m / metres_per_radian_north))
    return np.asarray(np.degrees(radians), dtype=np.float64)


def _waves(degrees: Floats, *size_and_half_length: tuple[float, float]) -> Floats:
    """A sum of sines, each of a size and half a wave's length in degrees."""
    waves = [size * np.sin(degrees * math.pi / half) for size, half in size_and_half_length]
    return np.asarray(np.sum(waves, axis=0), dtype=np.float64)


def _inverse(target: Floats, forward: Callable[[Floats], Floats]) -> Floats:
    """What `forward` takes to `target`, for a `forward` that moves every place about as far as the places around it."""
    guess = target
    for _ in range(_MOST_STEPS):
        guess = guess + (target - forward(guess))
    return guess
