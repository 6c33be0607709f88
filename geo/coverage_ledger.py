"""How much ground a flight has seen: the union of its pictures' footprints."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

_GEOD = Geod(ellps="WGS84")


class CoverageLedger:
    """Keeps the footprints of looked-at pictures."""

    def __init__(self) -> None:
        self._footprints: list[BaseGeometry] = []

    def add(self, footprint_lonlat: npt.ArrayLike) -> None:
        """Note one footprint (m, 2), lon before lat, degrees."""
        self._footprints.append(shapely.make_valid(shapely.Polygon(footprint_lonlat)))  # type: ignore[arg-type]

    def seen(self) -> BaseGeometry:
        """Everything seen, as one geometry in degrees."""
        return shapely.union_all(self._footprints)

    def seen_area_m2(self) -> float:
        """Geodesic area of everything seen, each place counted once."""
        return geometry_area_m2(self.seen())

    def has_seen(self, lon: float, lat: float) -> bool:
        """Whether a place lies in any footprint."""
        return any(bool(shapely.intersects_xy(footprint, lon, lat)) for footprint in self._footprints)


def seen_area_m2(footprints_lonlat: Iterable[npt.ArrayLike]) -> float:
    """Ground area in m² under footprints ((m, 2), lon before lat), each place counted once."""
    ledger = CoverageLedger()
    for footprint in footprints_lonlat:
        ledger.add(footprint)
    return ledger.seen_area_m2()


def geometry_area_m2(geometry: BaseGeometry) -> float:
    """Geodesic area in m² of a geometry in degrees, lon before lat."""
    area_m2, _ = _GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))
    return abs(float(area_m2))
