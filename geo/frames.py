"""The local frame in which geometry is done: metres east, north, up at one point of the earth.

Azimuthal equidistant on WGS 84 horizontally: exact distances and directions from the point itself, and better than
1 mm per kilometre off it. Heights are left as they are: over the 500 m that a patrol drone sees, the earth falls
away by 2 cm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Floats = npt.NDArray[np.float64]

METRES_PER_DEGREE = 111_320.0
"""Of latitude, within a third of a percent: for reaches and small differences. Places go through `LocalFrame`."""


@lru_cache(maxsize=512)
def _transformer(lon: float, lat: float) -> Transformer:
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat:.12f} +lon_0={lon:.12f} +datum=WGS84 +units=m +no_defs")
    return Transformer.from_crs("OGC:CRS84", local, always_xy=True)


# Many points near the frame's own place go by a polynomial, which is forty times as quick as the projection; it is used
# where it follows the projection to a tenth of a millimetre (everywhere but at the poles).
_NEAR_M, _WORTH_A_POLYNOMIAL = 2500.0, 500
_TOLERATED_DEG = 1e-9
_POWERS = tuple((i, j) for i in range(5) for j in range(5 - i))
_GRID = 9
_AT_A_TIME = 8192


@lru_cache(maxsize=64)
def _polynomial(lon: float, lat: float) -> Floats | None:
    """Coefficients (5, 5, 2) of east^i north^j, in `_NEAR_M`, for degrees away from here; None if they do not fit."""
    axis = np.cos(np.linspace(0.0, np.pi, _GRID))
    east, north = (part.ravel() for part in np.meshgrid(axis, axis))
    degrees = _transformer(lon, lat).transform(east * _NEAR_M, north * _NEAR_M, direction="INVERSE")
    away = np.column_stack(degrees) - (lon, lat)
    terms = np.column_stack([east**i * north**j for i, j in _POWERS])
    fitted, *_ = np.linalg.lstsq(terms, away, rcond=None)
    if not np.abs(terms @ fitted - away).max() < _TOLERATED_DEG or np.abs(away[:, 0]).max() > 90.0:
        return None
    result = np.zeros((5, 5, 2))
    for (i, j), pair in zip(_POWERS, fitted, strict=True):
        result[i, j] = pair
    return result


@dataclass(frozen=True, kw_only=True)
class LocalFrame:
    """Metres east and north of (`lon`, `lat`), degrees on WGS 84."""

    lon: float
    lat: float

    def _to_local(self) -> Transformer:
        return _transformer(float(self.lon), float(self.lat))

    def en_from_lonlat(self, lonlat: npt.ArrayLike) -> Floats:
        """East, north in metres (n, 2) of degrees (n, 2), lon before lat."""
        points = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        east, north = self._to_local().transform(points[:, 0], points[:, 1])
        return np.column_stack((east, north))

    def lonlat_from_en(self, en_m: npt.ArrayLike) -> Floats:
        """Degrees (n, 2), lon before lat, of metres east, north (n, 2); NaN stays NaN."""
        points = np.asarray(en_m, dtype=np.float64).reshape(-1, 2)
        by_polynomial = self._near(points)
        if by_polynomial is not None:
            return by_polynomial
        result = np.full(points.shape, np.nan)
        known = np.isfinite(points).all(axis=1)
        lon, lat = self._to_local().transform(points[known, 0], points[known, 1], direction="INVERSE")
        result[known] = np.column_stack((lon, lat))
        return result

    def _near(self, en_m: Floats) -> Floats | None:
        """The same by polynomial; None for few points, or far ones."""
        if len(en_m) < _WORTH_A_POLYNOMIAL:
            return None
        with np.errstate(invalid="ignore"):
            if not np.nanmax(np.abs(en_m), initial=0.0) < _NEAR_M:
                return None
        coefficients = _polynomial(float(self.lon), float(self.lat))
        if coefficients is None:
            return None
        result = np.empty(en_m.shape)
        for begin in range(0, len(en_m), _AT_A_TIME):
            east, north = en_m[begin : begin + _AT_A_TIME].T / _NEAR_M
            for axis, here in ((0, self.lon), (1, self.lat)):
                rows = [_horner(coefficients[i, : 5 - i, axis], north) for i in range(5)]
                result[begin : begin + _AT_A_TIME, axis] = here + _horner(rows, east)
        return result


def _horner(coefficients: Sequence[Floats | float] | Floats, x: Floats) -> Floats:
    """A polynomial's values, its coefficients given from the constant up, numbers or columns."""
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return np.asarray(value)
