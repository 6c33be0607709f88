"""How much ground pictures showed: the union of their footprints, as polygons and not as cells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

_GEOD = Geod(ellps="WGS84")


def seen_area_m2(footprints_lonlat: Iterable[npt.ArrayLike]) -> float:
    """Ground area in m² under footprints ((m, 2), lon before lat), each place counted once."""
    footprints = [shapely.make_valid(shapely.Polygon(one)) for one in footprints_lonlat]  # type: ignore[arg-type]
    return geometry_area_m2(shapely.union_all(footprints))


def geometry_area_m2(geometry: BaseGeometry) -> float:
    """Geodesic area in m² of a geometry in degrees, lon before lat."""
    area_m2, _ = _GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))
    return abs(float(area_m2))
