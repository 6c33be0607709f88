"""The grid that all coverage is counted on: cells of about five metres that lie the same for every flight, for ever.

Rows are equal steps of latitude, so many to a degree that a row is 5 m. Columns are equal steps of longitude within
each degree of latitude (a band), as many around the earth as make them 5 m in the band's middle. So every place on
earth has one cell, no projection is needed, and flights of any city and any year add up cell by cell.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]

ROWS_PER_DEGREE = 22_222
"""Rows in a degree of latitude: 4.976 m each at the equator, 5.026 m at the poles."""

_COLUMN_BITS = 24
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1
_BAND = np.arange(180)
_COLUMNS_AROUND = np.maximum(np.round(360 * ROWS_PER_DEGREE * np.cos(np.radians(_BAND - 89.5))).astype(np.int64), 1)
_MAJOR_M, _SQUARED_ECCENTRICITY = 6_378_137.0, 6.694379990141e-3


def keys_at(lonlat_deg: npt.ArrayLike) -> Keys:
    """The cell (n,) of each place (n, 2), lon before lat; places must be finite and on the earth."""
    points = np.asarray(lonlat_deg, dtype=np.float64).reshape(-1, 2)
    row = np.clip(np.floor((points[:, 1] + 90) * ROWS_PER_DEGREE).astype(np.int64), 0, 180 * ROWS_PER_DEGREE - 1)
    around = _COLUMNS_AROUND[row // ROWS_PER_DEGREE]
    column = np.floor((points[:, 0] + 180) / 360 * around).astype(np.int64) % around
    return np.asarray(row << _COLUMN_BITS | column)


def row_at(lat_deg: Floats) -> Floats:
    """Rows and parts of rows (n,) from the south pole to latitudes."""
    return (lat_deg + 90) * ROWS_PER_DEGREE


def rows_and_columns(keys: Keys) -> tuple[Keys, Keys]:
    """Row (northward) and column (eastward) of cells; columns of different bands do not compare."""
    return keys >> _COLUMN_BITS, keys & _COLUMN_MASK


def keys_of(rows: Keys, columns: Keys) -> Keys:
    """The cells of rows and columns."""
    return rows << _COLUMN_BITS | columns


def bands_of(keys: Keys) -> Keys:
    """The band of latitude of each cell: degrees north of the south pole, whole ones."""
    return (keys >> _COLUMN_BITS) // ROWS_PER_DEGREE


def column_deg(band: int) -> float:
    """Width of a column in a band, degrees of longitude."""
    return 360.0 / int(_COLUMNS_AROUND[band])


def corners(keys: Keys) -> tuple[Floats, Floats]:
    """South-west and north-east corners (n, 2) of cells, lon before lat, degrees."""
    row, column = rows_and_columns(keys)
    width = 360.0 / _COLUMNS_AROUND[row // ROWS_PER_DEGREE]
    low = np.column_stack((column * width - 180.0, row / ROWS_PER_DEGREE - 90.0))
    return low, np.column_stack(((column + 1) * width - 180.0, (row + 1) / ROWS_PER_DEGREE - 90.0))


def middles(keys: Keys) -> Floats:
    """Middles (n, 2) of cells, lon before lat, degrees."""
    low, high = corners(keys)
    return (low + high) / 2


def areas_m2(keys: Keys) -> Floats:
    """Area (n,) of cells on the WGS 84 ellipsoid."""
    low, high = corners(keys)
    lat = np.radians((low[:, 1] + high[:, 1]) / 2)
    flat = 1 - _SQUARED_ECCENTRICITY * np.sin(lat) ** 2
    across_m = np.radians(high[:, 0] - low[:, 0]) * np.cos(lat) * _MAJOR_M / np.sqrt(flat)
    up_m = np.radians(high[:, 1] - low[:, 1]) * _MAJOR_M * (1 - _SQUARED_ECCENTRICITY) / flat**1.5
    return np.asarray(across_m * up_m)


def keys_within(west: float, south: float, east: float, north: float) -> Keys:
    """All cells that a box in degrees touches, row by row; the box must not cross the 180th meridian."""
    first = max(math.floor((south + 90) * ROWS_PER_DEGREE), 0)
    last = min(math.floor((north + 90) * ROWS_PER_DEGREE), 180 * ROWS_PER_DEGREE - 1)
    blocks = []
    for band in range(first // ROWS_PER_DEGREE, last // ROWS_PER_DEGREE + 1):
        rows = np.arange(max(first, band * ROWS_PER_DEGREE), min(last, (band + 1) * ROWS_PER_DEGREE - 1) + 1)
        around = int(_COLUMNS_AROUND[band])
        left, right = (math.floor((lon + 180) / 360 * around) for lon in (west, east))
        columns = np.arange(max(left, 0), min(right, around - 1) + 1)
        blocks.append((rows[:, None] << _COLUMN_BITS | columns).ravel())
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.int64)
