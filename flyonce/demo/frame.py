"""The staged district's local frame: metres east and north of its origin, to and from longitude and latitude."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer


@dataclass(frozen=True, kw_only=True)
class LocalFrame:
    """An azimuthal equidistant plane about an origin; true to less than a millimetre over one kilometre.

    It is staging's own transform, kept apart from `geo` so that the demo measures `geo` instead of itself.

    Attributes:
        lon: Origin's longitude, degrees, WGS 84.
        lat: Origin's latitude, degrees, WGS 84.
    """

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -85 <= self.lat <= 85):
            raise ValueError(f"origin {self.lon}, {self.lat}: longitude comes first, latitude second, both in degrees")

    @cached_property
    def _enu_from_lonlat(self) -> Transformer:
        plane = f"+proj=aeqd +lat_0={self.lat:.12f} +lon_0={self.lon:.12f} +datum=WGS84 +units=m"
        return Transformer.from_crs("EPSG:4326", plane, always_xy=True)

    def enu_from_lonlat(self, lonlat_deg: ArrayLike) -> NDArray[np.float64]:
        """Metres (east, north), shape (n, 2), of positions (lon, lat) in degrees, shape (n, 2) or (2,)."""
        lonlat = np.atleast_2d(np.asarray(lonlat_deg, dtype=np.float64))
        return np.column_stack(self._enu_from_lonlat.transform(lonlat[:, 0], lonlat[:, 1]))

    def lonlat_from_enu(self, enu_m: ArrayLike) -> NDArray[np.float64]:
        """Degrees (lon, lat), shape (n, 2), of points (east, north) in metres, shape (n, 2) or (2,)."""
        enu = np.atleast_2d(np.asarray(enu_m, dtype=np.float64))
        return np.column_stack(self._enu_from_lonlat.transform(enu[:, 0], enu[:, 1], direction="INVERSE"))
