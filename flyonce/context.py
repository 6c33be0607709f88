"""What is mapped around a place: distances to zones of each kind, and water that is meant to be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from flyonce.interpretation import PermanentWater
from geo.frames import LocalFrame
from geo.sighting import LonLat, Sighting
from geo.zones import Zones


class GroundContext:
    """The zones of one flight, in metres; without zones everything is unmapped, and says so."""

    def __init__(self, zones: Zones | None, water: PermanentWater) -> None:
        """Project the zones once; `water` says which water is no finding."""
        self._water = water
        self._by_kind: Mapping[str, BaseGeometry] = {}
        self._permanent: BaseGeometry = shapely.Polygon()
        if zones is None or not len(zones):
            return
        self._frame = _frame_of(zones)
        self._by_kind = {kind: self._projected(zones, kind) for kind in sorted({zone.kind for zone in zones.all})}
        if water.kind in self._by_kind:
            self._permanent = self._by_kind[water.kind].buffer(water.grow_m)

    @property
    def mapped_kinds(self) -> tuple[str, ...]:
        """Kinds of zone that are mapped at all."""
        return tuple(self._by_kind)

    def is_permanent_water(self, sighting: Sighting) -> bool:
        """Whether so much of a sighting lies in mapped permanent water that it is no finding."""
        if self._permanent.is_empty:
            return False
        shape = self._shape(sighting.fix.lon, sighting.fix.lat, sighting.footprint_lonlat)
        if shape.area == 0:
            return bool(self._permanent.contains(shape))
        return float(shape.intersection(self._permanent).area) > self._water.max_share * float(shape.area)

    def distances_m(self, lon: float, lat: float, footprint_lonlat: Sequence[LonLat] | None) -> dict[str, float]:
        """By zone kind, metres from a thing (its outline where known, else its place) to the nearest zone; 0 inside."""
        if not self._by_kind:
            return {}
        shape = self._shape(lon, lat, footprint_lonlat)
        return {kind: float(shape.distance(zones)) for kind, zones in self._by_kind.items()}

    def _shape(self, lon: float, lat: float, footprint_lonlat: Sequence[LonLat] | None) -> BaseGeometry:
        if footprint_lonlat is None:
            return shapely.Point(self._frame.en_from_lonlat([(lon, lat)])[0])
        return shapely.make_valid(shapely.Polygon(self._frame.en_from_lonlat(footprint_lonlat)))

    def _projected(self, zones: Zones, kind: str) -> BaseGeometry:
        return shapely.union_all(
            [shapely.transform(zone.geometry, self._frame.en_from_lonlat) for zone in zones.of_kind(kind)]
        )


def _frame_of(zones: Zones) -> LocalFrame:
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in zones.all])
    return LocalFrame(lon=float(west + east) / 2, lat=float(south + north) / 2)
