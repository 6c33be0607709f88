"""A local metric frame: azimuthal equidistant around a chosen point, metres east and north of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely import transform
from shapely.geometry.base import BaseGeometry

FloatArray = NDArray[np.float64]
Shape = TypeVar("Shape", bound=BaseGeometry)


@dataclass(frozen=True, kw_only=True)
class LocalFrame:
    """Metres east and north of `lon`, `lat` (WGS 84); true to 1 part in 10,000 within 100 km."""

    lon: float
    lat: float
    _to_local: Transformer = field(init=False, repr=False, compare=False)
    _to_lonlat: Transformer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        there, back = _transformers(float(self.lon), float(self.lat), threading.get_ident())
        object.__setattr__(self, "_to_local", there)
        object.__setattr__(self, "_to_lonlat", back)

    def en_from_lonlat(self, lonlat: FloatArray) -> FloatArray:
        """Metres (n, 2) east, north from degrees (n, 2) longitude, latitude."""
        points = np.atleast_2d(np.asarray(lonlat, dtype=float))
        return np.column_stack(self._to_local.transform(points[:, 0], points[:, 1]))

    def lonlat_from_en(self, en_m: FloatArray) -> FloatArray:
        """Degrees (n, 2) longitude, latitude from metres (n, 2) east, north."""
        points = np.atleast_2d(np.asarray(en_m, dtype=float))
        return np.column_stack(self._to_lonlat.transform(points[:, 0], points[:, 1]))

    def local_polygon(self, polygon: Shape) -> Shape:
        """The shape in metres east, north."""
        return transform(polygon, self.en_from_lonlat)


@lru_cache(maxsize=256)
def _transformers(lon: float, lat: float, thread: int) -> tuple[Transformer, Transformer]:
    """Both ways; kept, for a mission asks for its home's again and again, and for each thread, for PROJ shares none."""
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat!r} +lon_0={lon!r} +datum=WGS84 +units=m +no_defs")
    return (
        Transformer.from_crs("OGC:CRS84", local, always_xy=True),
        Transformer.from_crs(local, "OGC:CRS84", always_xy=True),
    )
