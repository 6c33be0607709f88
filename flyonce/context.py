"""What is mapped around a place: how far the zones of each kind are, and how far their edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import shapely
from shapely.geometry.base import BaseGeometry

from geo.frames import LocalFrame
from geo.sighting import LonLat
from geo.zones import Zones


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Distances from one thing, by kind of zone; a kind that is not mapped is missing.

    Attributes:
        inside_m: Metres to the nearest zone of the kind, 0 inside one.
        edge_m: Metres to the nearest edge of such a zone, from inside as from outside.
    """

    inside_m: Mapping[str, float] = field(default_factory=dict)
    edge_m: Mapping[str, float] = field(default_factory=dict)


class GroundContext:
    """The zones of one flight, in metres; without zones everything is unmapped, and says so."""

    def __init__(self, zones: Zones | None) -> None:
        """Project the zones once."""
        self._by_kind: Mapping[str, BaseGeometry] = {}
        self._edges: Mapping[str, BaseGeometry] = {}
        if zones is None or not len(zones):
            return
        self._frame = _frame_of(zones)
        self._by_kind = {kind: self._projected(zones, kind) for kind in sorted({zone.kind for zone in zones.all})}
        self._edges = {kind: shapely.boundary(geometry) for kind, geometry in self._by_kind.items()}

    @property
    def mapped_kinds(self) -> tuple[str, ...]:
        """Kinds of zone that are mapped at all."""
        return tuple(self._by_kind)

    def around(self, lon: float, lat: float, footprint_lonlat: Sequence[LonLat] | None) -> Surroundings:
        """How far the zones are from a thing: from its outline where known, else from its place."""
        if not self._by_kind:
            return Surroundings()
        shape = self._shape(lon, lat, footprint_lonlat)
        return Surroundings(
            inside_m={kind: float(shape.distance(zones)) for kind, zones in self._by_kind.items()},
            edge_m={kind: float(shape.distance(edges)) for kind, edges in self._edges.items()},
        )

    def farther_than(self, least_m: float, footprints_lonlat: Iterable[Sequence[LonLat]]) -> float | None:
        """Metres from the nearest zone to the nearest of these footprints, where all lie farther off than `least_m`.

        Returns:
            None where one is nearer, or there are no zones or no footprints.
        """
        nearest_m: float | None = None
        for footprint in footprints_lonlat:
            lon, lat = footprint[0]
            here_m = min(self.around(lon, lat, footprint).inside_m.values(), default=0.0)
            if here_m <= least_m:
                return None
            nearest_m = here_m if nearest_m is None else min(here_m, nearest_m)
        return nearest_m

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
