"""`Zones`: a city's zones, searched by place, one or a hundred thousand at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from geo.frames import METRES_PER_DEGREE, LocalFrame
from geo.position import Fix
from geo.zones.cells import CellIndex
from geo.zones.features import zones_of_file
from geo.zones.likelihood import likelihoods, metres_per_degree, reach_deg
from geo.zones.zone import ZONE_KINDS, Zone, ZoneHit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_LEAST_PROBABILITY = 0.005
_MANY = 100
"""From so many places on it is worth to cut the ground into cells."""
_AS_LIKELY_DIGITS = 6
"""Probabilities that agree in so many decimals are the same for the tie rule."""


class Zones:
    """A city's zones, searched by place.

    A border belongs to the zones on both its sides. Hits come likeliest first; of two as likely the smaller zone goes
    first, of two as large the one whose code sorts first: so the answer hangs neither on the order of a file nor on
    the last bit of a probability.
    """

    def __init__(self, zones: Sequence[Zone] = ()) -> None:
        self._zones = tuple(zones)
        self._geometries = np.array([zone.geometry for zone in self._zones], dtype=object)
        self._tree = shapely.STRtree(self._geometries)
        shapely.prepare(self._geometries)

    def __len__(self) -> int:
        """How many zones there are."""
        return len(self._zones)

    @property
    def all(self) -> tuple[Zone, ...]:
        """Every zone, in the file's order."""
        return self._zones

    @classmethod
    def from_file(cls, path: str | Path) -> Zones:
        """Zones of a zones file: GeoJSON or GeoPackage, WGS 84, lon before lat, one area or line per feature.

        Raises:
            InputFileError: The file, or one feature of it, cannot be used; the error names the feature and the remedy.
        """
        return cls(zones_of_file(Path(path)))

    def of_kind(self, kind: str) -> tuple[Zone, ...]:
        """All zones of one kind."""
        if kind not in ZONE_KINDS:
            raise ValueError(f"{kind!r} is no kind of zone")
        return tuple(zone for zone in self._zones if zone.kind == kind)

    def under(self, fix: Fix, on: date | None = None) -> list[ZoneHit]:
        """Every zone that the place may lie in, likeliest first; only those valid on the day, where one is given.

        Named are the zones that hold 0.5 % of the error or more, and those that the 95 % ellipse meets at all.
        """
        return self.under_many([fix], on)[0]

    def under_many(self, fixes: Sequence[Fix], on: date | None = None) -> list[list[ZoneHit]]:
        """`under` for many places at once."""
        hits: list[list[ZoneHit]] = [[] for _ in fixes]
        lonlat = np.array([(fix.lon, fix.lat) for fix in fixes])
        covariance_m2 = np.array([fix.covariance_m2 for fix in fixes], dtype=np.float64)
        rows = zip(*self.under_ellipses(lonlat, covariance_m2, on), strict=True)
        for place, index, probability in rows:
            hits[place].append(ZoneHit(zone=self._zones[index], probability=float(probability)))
        return hits

    def under_ellipses(
        self, lonlat: npt.ArrayLike, covariance_m2: npt.ArrayLike, on: date | None = None
    ) -> tuple[Ints, Ints, Floats]:
        """What `under_many` finds, as columns.

        Args:
            lonlat: Places in degrees (n, 2), lon before lat.
            covariance_m2: Their errors (n, 2, 2), east before north; all zero for a place that is exact.
            on: Only zones valid on this day.

        Returns:
            Number of the place, number of the zone in `all`, and probability, each (m,); by place, likeliest first.

        Raises:
            ValueError: A place or an error is not finite.
        """
        places = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        covariances = np.asarray(covariance_m2, dtype=np.float64).reshape(-1, 2, 2)
        if not (np.isfinite(places).all() and np.isfinite(covariances).all()):
            raise ValueError("a place and its error must be finite")
        if not self._zones or not len(places):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        exact = ~covariances.any(axis=(1, 2))
        place, zone = self.at_points(places[exact])
        unsure = np.flatnonzero(~exact)
        unsure_place, unsure_zone, probability = self._spread(places[unsure], covariances[unsure])
        place = np.concatenate((np.flatnonzero(exact)[place], unsure[unsure_place]))
        zone = np.concatenate((zone, unsure_zone))
        probability = np.concatenate((np.ones(len(zone) - len(probability)), probability))
        if on is not None:
            valid = np.array([one.valid_on(on) for one in self._zones], dtype=bool)[zone]
            place, zone, probability = place[valid], zone[valid], probability[valid]
        order = np.lexsort((self._rank[zone], -np.round(probability, _AS_LIKELY_DIGITS), place))
        return place[order], zone[order], probability[order]

    def at_points(self, lonlat: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Which zones hold which points, borders included, whatever the day: a join like `geopandas.sjoin`, but faster.

        Args:
            lonlat: Points in degrees (n, 2), lon before lat.

        Returns:
            Number of the point and number of the zone in `all`, each (m,), one pair for each zone that holds a point.
        """
        points = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        if not self._zones or not len(points):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return self._cells.zones_of_points(points)

    def nearest(self, lon: float, lat: float, kind: str, within_m: float) -> tuple[Zone, float] | None:
        """The nearest zone of a kind and its distance in metres (0 inside); None where none is near enough."""
        frame = LocalFrame(lon=lon, lat=lat)
        reach_lat = within_m / METRES_PER_DEGREE * 1.02
        reach_lon = reach_lat / max(math.cos(math.radians(lat)), 0.01)
        around = shapely.box(lon - reach_lon, lat - reach_lat, lon + reach_lon, lat + reach_lat)
        best: tuple[Zone, float] | None = None
        for index in sorted(self._tree.query(around)):
            zone = self._zones[index]
            if zone.kind != kind:
                continue
            local = shapely.transform(shapely.intersection(zone.geometry, around), frame.en_from_lonlat)
            distance_m = float(shapely.distance(shapely.Point(0, 0), local))
            if distance_m <= within_m and (best is None or distance_m < best[1]):
                best = (zone, distance_m)
        return best

    def _spread(self, lonlat: Floats, covariance_m2: Floats) -> tuple[Ints, Ints, Floats]:
        """Number of place and of zone, and probability, of places whose error is not zero."""
        reach = reach_deg(lonlat, covariance_m2)
        place, zone, sure = self._touched(lonlat - reach, lonlat + reach)
        asked = np.flatnonzero(~sure)
        places, zones = place[asked], zone[asked]
        found, meets = likelihoods(self._geometries[zones], lonlat[places], covariance_m2[places])
        probability = np.ones(len(place))
        probability[asked] = found
        named = sure.copy()
        named[asked] = meets | (found >= _LEAST_PROBABILITY)
        return place[named], zone[named], probability[named]

    def _touched(self, low: Floats, high: Floats) -> tuple[Ints, Ints, Bools]:
        """Number of the box and of the zone, and whether the zone covers the box, of all that touch each other."""
        if len(low) < _MANY:
            by_cells = np.zeros(len(low), dtype=bool)
            place, zone, sure = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool)
        else:
            by_cells, place, zone, sure = self._cells.zones_of_boxes(low, high)
        others = np.flatnonzero(~by_cells)
        more_place, more_zone = self._tree.query(_boxes(low[others], high[others]))
        doubted_place = np.concatenate((place[~sure], others[more_place]))
        doubted_zone = np.concatenate((zone[~sure], more_zone))
        order = np.argsort(doubted_zone, kind="stable")
        doubted_place, doubted_zone = doubted_place[order], doubted_zone[order]
        boxes, zones = _boxes(low[doubted_place], high[doubted_place]), self._geometries[doubted_zone]
        near = shapely.intersects(zones, boxes)
        covered = shapely.contains_properly(zones[near], boxes[near])
        return (
            np.concatenate((place[sure], doubted_place[near])),
            np.concatenate((zone[sure], doubted_zone[near])),
            np.concatenate((sure[sure], covered)),
        )

    @cached_property
    def _cells(self) -> CellIndex:
        return CellIndex(self._geometries)

    @cached_property
    def _rank(self) -> Ints:
        """Place of each zone in the tie rule: the smaller one first, then the code that sorts first."""
        east, north = metres_per_degree(shapely.get_y(shapely.centroid(self._geometries))).T
        # Three digits: two grid cells that are squares of one size are as large as each other, whatever the rounding.
        sizes = [float(f"{area:.3g}") for area in shapely.area(self._geometries) * east * north]
        order = sorted(range(len(self._zones)), key=lambda i: (sizes[i], self._zones[i].code, self._zones[i].kind, i))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return rank


def _boxes(low: Floats, high: Floats) -> npt.NDArray[np.object_]:
    return np.asarray(shapely.box(*low.T, *high.T), dtype=object)
