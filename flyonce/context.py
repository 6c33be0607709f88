"""What is mapped around a place: how far the zones of each kind are, and how far their edges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry

from flyonce.city_time import city_day
from geo.frames import LocalFrame
from geo.sighting import LonLat
from geo.zones import Zone, Zones


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Distances from one thing, by kind of zone; a kind that is not mapped is missing.

    Attributes:
        inside_m: Metres to the nearest zone of the kind, 0 inside one.
        edge_m: Metres to the nearest edge of such a zone, from inside as from outside.
    """

    inside_m: Mapping[str, float] = field(default_factory=dict)
    edge_m: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Piece:
    """An area in metres; `zone` is the one with dates that it is, None for what always holds."""

    kind: str
    area: BaseGeometry
    edge: BaseGeometry
    zone: Zone | None = None


class GroundContext:
    """The zones of one flight, in metres; without zones everything is unmapped, and says so."""

    def __init__(self, zones: Zones | None, *, time_zone: ZoneInfo | None = None) -> None:
        """Project the zones once; `time_zone` is the city's, for zones with dates, None for UTC."""
        self._pieces: tuple[_Piece, ...] = ()
        self._time_zone = time_zone
        if zones is None or not len(zones):
            return
        self._frame = _frame_of(zones)
        self._pieces = tuple(self._projected(zones))

    @property
    def mapped_kinds(self) -> tuple[str, ...]:
        """Kinds of zone that are mapped at all, whatever the day."""
        return tuple(sorted({piece.kind for piece in self._pieces}))

    def around(
        self,
        lon: float,
        lat: float,
        footprint_lonlat: Sequence[LonLat] | None,
        *,
        seen_at: datetime | None = None,
    ) -> Surroundings:
        """How far the zones are from a thing: from its outline where known, else from its place.

        Args:
            lon: Degrees east.
            lat: Degrees north.
            footprint_lonlat: Its outline.
            seen_at: When it was seen: zones that do not hold on that day are not there. None for all zones.
        """
        inside_m: dict[str, float] = {}
        edge_m: dict[str, float] = {}
        if not self._pieces:
            return Surroundings()
        shape = self._shape(lon, lat, footprint_lonlat)
        day = None if seen_at is None else city_day(seen_at, self._time_zone)
        for piece in self._pieces:
            if day is None or piece.zone is None or piece.zone.valid_on(day):
                inside_m[piece.kind] = min(inside_m.get(piece.kind, math.inf), float(shape.distance(piece.area)))
                edge_m[piece.kind] = min(edge_m.get(piece.kind, math.inf), float(shape.distance(piece.edge)))
        return Surroundings(inside_m=inside_m, edge_m=edge_m)

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

    def _projected(self, zones: Zones) -> Iterator[_Piece]:
        """What always holds, joined kind by kind; and each zone with dates for itself."""
        for kind in sorted({zone.kind for zone in zones.all}):
            always = [zone for zone in zones.of_kind(kind) if zone.holds_always]
            if always:
                joined = shapely.union_all([self._local(zone) for zone in always])
                yield _Piece(kind=kind, area=joined, edge=shapely.boundary(joined))
            for zone in zones.of_kind(kind):
                if not zone.holds_always:
                    area = self._local(zone)
                    yield _Piece(kind=kind, area=area, edge=shapely.boundary(area), zone=zone)

    def _local(self, zone: Zone) -> BaseGeometry:
        return shapely.transform(zone.geometry, self._frame.en_from_lonlat)


def _frame_of(zones: Zones) -> LocalFrame:
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in zones.all])
    return LocalFrame(lon=float(west + east) / 2, lat=float(south + north) / 2)
