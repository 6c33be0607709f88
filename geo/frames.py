"""The local frame in which geometry is done: metres east, north, up at one point of the earth.

Azimuthal equidistant on WGS 84 horizontally: exact distances and directions from the point itself, and better than
1 mm per kilometre off it. Heights are left as they are: over the 500 m that a patrol drone sees, the earth falls
away by 2 cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=512)
def _transformer(lon: float, lat: float) -> Transformer:
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat:.12f} +lon_0={lon:.12f} +datum=WGS84 +units=m +no_defs")
    return Transformer.from_crs("OGC:CRS84", local, always_xy=True)


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
        result = np.full(points.shape, np.nan)
        known = np.isfinite(points).all(axis=1)
        lon, lat = self._to_local().transform(points[known, 0], points[known, 1], direction="INVERSE")
        result[known] = np.column_stack((lon, lat))
        return result
