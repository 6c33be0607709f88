"""Which sightings are of one thing: incremental grouping by error, not by a fixed radius.

A sighting joins the nearest thing of its family when their difference fits their errors (Mahalanobis gate), or when
their outlines overlap. Two sightings of one picture are never one thing. The offset that all pictures of one flight
share cancels between them, so it does not widen the gate inside a flight; and it does not average out, so a thing seen
a hundred times in one flight is still only as sure as that offset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import shapely
from shapely.geometry.base import BaseGeometry

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.position import Covariance, Fix, scale_of_probability
from geo.sighting import CUT_BY_EDGE, LonLat, Sighting

_CELL_M = 40.0
# How exactly a detector sets a box on one and the same thing: one sigma, and as a share of the thing's size, at most.
_BOX_SIGMA_M, _BOX_SIZE_SHARE, _BOX_MOST_M = 0.3, 0.2, 2.0
# Outlines of one big thing, seen in parts, are put together; those of a small one are the same outline with errors.
_BIGGER_THAN_ONE_PICTURE = 2.5
# The gate leaves out one true sighting in a hundred, and that one starts a thing of its own. Neighbours that one flight
# saw this often in all, but never both in one picture, are one thing even somewhat beyond the gate.
_NEVER_TOGETHER_PROBABILITY, _NEVER_TOGETHER_SIGHTINGS = 0.9999, 4
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing on the ground.

    Attributes:
        thing_id: Its number in this grouper.
        label: The label that its sightings give most weight.
        fix: Where it is, from all sightings.
        confidence: The best confidence among its sightings.
        sightings: All of them, in the order they came.
        first_seen_at: Earliest time, None where no picture told one.
        last_seen_at: Latest time.
        footprint_lonlat: Its outline, None for point-like things.
        area_m2: Its area.
    """

    thing_id: int
    label: str
    fix: Fix
    confidence: float
    sightings: tuple[Sighting, ...]
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    footprint_lonlat: tuple[LonLat, ...] | None
    area_m2: float | None


class Grouper:
    """Groups sightings into things, one picture after the other."""

    def __init__(
        self,
        *,
        gate_probability: float = 0.99,
        bias_floor_m: float = 1.2,
        overlap_share: float = 0.30,
        max_ellipse95_m: float = 30.0,
        families: Mapping[str, str] | None = None,
        windows: Mapping[str, timedelta] | None = None,
    ) -> None:
        """Set the rules.

        Args:
            gate_probability: Sightings of one thing stay inside this gate with this probability.
            bias_floor_m: The least offset, one sigma per axis, that all pictures of one flight share.
            overlap_share: Outlines that share this much of the smaller one are one thing.
            max_ellipse95_m: A place less sure than this (95 %, major half axis) never joins anything.
            families: Label → family; labels of one family may join. A label that is missing is its own family.
            windows: Family → longest time between sightings of one thing; none means no limit.
        """
        if not 0 < gate_probability < 1 or not 0 < overlap_share <= 1 or bias_floor_m < 0:
            raise ValueError("gate and overlap must lie between 0 and 1, the bias floor must not be negative")
        self._gate = scale_of_probability(gate_probability)
        self._wide_gate = max(self._gate, scale_of_probability(_NEVER_TOGETHER_PROBABILITY))
        self._bias_floor_m = bias_floor_m
        self._overlap_share = overlap_share
        self._max_variance_m2 = (max_ellipse95_m / scale_of_probability(0.95)) ** 2
        self._families = dict(families or {})
        self._windows = dict(windows or {})
        self._groups: dict[int, _Group] = {}
        self._cells: dict[tuple[int, int], set[int]] = {}
        self._anchor: _Anchor | None = None
        self._next_id = 1

    def __len__(self) -> int:
        """How many things there are."""
        return len(self._groups)

    def add(self, sighting: Sighting) -> int:
        """Put one sighting to the thing it shows, or make a new one; returns the thing's id."""
        return self.add_picture([sighting])[0]

    def add_picture(self, sightings: Sequence[Sighting]) -> list[int]:
        """Put all sightings of one picture, nearest pairs first; returns the thing ids in the order given."""
        points = [self._point(sighting) for sighting in sightings]
        pairs = sorted(
            (distance, index, thing_id)
            for index, point in enumerate(points)
            for thing_id, distance in self._candidates(point)
        )
        given: dict[int, int] = {}
        taken: set[int] = set()
        for _, index, thing_id in pairs:
            if index not in given and thing_id not in taken:
                given[index] = thing_id
                taken.add(thing_id)
        return [self._put(point, given.get(index)) for index, point in enumerate(points)]

    def merge_pass(self) -> list[tuple[int, int]]:
        """Join things that came to fit each other; returns (kept id, id that went into it), nearest first."""
        merged: list[tuple[int, int]] = []
        while True:
            pairs = sorted(
                (distance, min(thing_id, other_id), max(thing_id, other_id))
                for thing_id, group in self._groups.items()
                for other_id, distance in self._near(group)
                if other_id > thing_id
            )
            before = len(merged)
            for _, kept, gone in pairs:
                if kept in self._groups and gone in self._groups and self._fits(kept, gone):
                    self._join(kept, gone)
                    merged.append((kept, gone))
            if len(merged) == before:
                return merged

    def thing(self, thing_id: int) -> Thing:
        """One thing as it stands.

        Raises:
            KeyError: There is no such thing, or it went into another one.
        """
        group = self._groups[thing_id]
        assert self._anchor is not None
        return _thing(thing_id, group, self._anchor)

    def things(self) -> tuple[Thing, ...]:
        """All things as they stand, by id."""
        return tuple(self.thing(thing_id) for thing_id in sorted(self._groups))

    def family_of(self, label: str) -> str:
        """The family that a label belongs to."""
        return self._families.get(label, label)

    def _point(self, sighting: Sighting) -> _Point:
        if self._anchor is None:
            self._anchor = _Anchor(sighting.fix.lon, sighting.fix.lat)
        (ee, en), (_, nn) = sighting.fix.covariance_m2
        (cee, cen), (_, cnn) = sighting.fix.common_m2
        box_sigma_m = math.hypot(_BOX_SIGMA_M, min(_BOX_SIZE_SHARE * math.sqrt(sighting.area_m2 or 0.0), _BOX_MOST_M))
        covariance = gaussian.add((ee, en, nn), gaussian.isotropic(box_sigma_m))
        # A fix that does not say what its flight shares shares the floor, but never all of its error.
        shared = (cee, cen, cnn)
        if shared == gaussian.ZERO:
            share_m = min(self._bias_floor_m, 0.8 * math.sqrt(max(gaussian.eigenvalues((ee, en, nn))[0], 0.0)))
            shared = gaussian.isotropic(share_m)
        outline = None
        if sighting.footprint_lonlat is not None:
            outline = shapely.make_valid(shapely.Polygon([self._anchor.en(*p) for p in sighting.footprint_lonlat]))
        return _Point(
            sighting=sighting,
            family=self.family_of(sighting.label),
            en_m=self._anchor.en(sighting.fix.lon, sighting.fix.lat),
            covariance=covariance,
            shared=shared,
            noise=gaussian.subtract(covariance, shared, least_m=_BOX_SIGMA_M),
            outline=outline,
        )

    def _put(self, point: _Point, thing_id: int | None) -> int:
        if thing_id is None:
            thing_id = self._next_id
            self._next_id += 1
            self._groups[thing_id] = _Group(point.family, self._bias_floor_m)
        self._groups[thing_id].add(point)
        self._index(thing_id, self._bounds(point.en_m, point.covariance, point.outline))
        return thing_id

    def _bounds(self, en_m: Vec, covariance: Sym, outline: BaseGeometry | None) -> tuple[float, float, float, float]:
        pad = self._wide_gate * math.sqrt(min(gaussian.eigenvalues(covariance)[1], self._max_variance_m2))
        west, south, east, north = (*en_m, *en_m) if outline is None or outline.is_empty else outline.bounds
        return (
            min(west, en_m[0] - pad),
            min(south, en_m[1] - pad),
            max(east, en_m[0] + pad),
            max(north, en_m[1] + pad),
        )

    def _index(self, thing_id: int, bounds: tuple[float, float, float, float]) -> None:
        for cell in _cells(bounds):
            self._cells.setdefault(cell, set()).add(thing_id)

    def _around(self, bounds: tuple[float, float, float, float]) -> set[int]:
        found: set[int] = set()
        for cell in _cells(bounds):
            found |= self._cells.get(cell, set())
        return found

    def _candidates(self, point: _Point) -> Iterable[tuple[int, float]]:
        if not self._sure(point.covariance):
            return
        for thing_id in self._around(self._bounds(point.en_m, point.covariance, point.outline)):
            group = self._groups[thing_id]
            if group.family != point.family or point.sighting.source in group.sources:
                continue
            if not self._in_window(point.family, group, point.sighting.seen_at, point.sighting.seen_at):
                continue
            distance = self._distance(group, point)
            if distance is not None:
                yield thing_id, distance

    def _distance(self, group: _Group, point: _Point) -> float | None:
        """How far a sighting is from a thing, in sigmas; 0 for outlines that overlap; None when they do not fit."""
        if _overlap(point.outline, group.outline) >= self._overlap_share:
            return 0.0
        place, covariance = group.seen_from(point.sighting.flight_id)
        own = point.covariance
        if point.sighting.flight_id in group.flights:
            offset_m = self._offset_m(own)
            own = gaussian.subtract(own, gaussian.isotropic(offset_m), least_m=_BOX_SIGMA_M)
        elif not self._sure(covariance):
            return None
        delta = (point.en_m[0] - place[0], point.en_m[1] - place[1])
        distance = math.sqrt(gaussian.distance2(delta, gaussian.add(own, covariance)))
        return distance if distance < self._gate else None

    def _offset_m(self, covariance: Sym) -> float:
        return min(self._bias_floor_m, 0.8 * math.sqrt(max(gaussian.eigenvalues(covariance)[0], 0.0)))

    def _near(self, group: _Group) -> Iterable[tuple[int, float]]:
        place, covariance = group.fused()
        for other_id in self._around(self._bounds(place, covariance, group.outline)):
            other = self._groups[other_id]
            if other is not group:
                distance = self._between(group, other)
                if distance is not None:
                    yield other_id, distance

    def _fits(self, kept: int, gone: int) -> bool:
        return self._between(self._groups[kept], self._groups[gone]) is not None

    def _between(self, group: _Group, other: _Group) -> float | None:
        if group.family != other.family or group.sources & other.sources:
            return None
        if not self._in_window(group.family, group, other.first_seen_at, other.last_seen_at):
            return None
        if _overlap(group.outline, other.outline) >= self._overlap_share:
            return 0.0
        (place, covariance), (other_place, other_covariance) = group.fused(), other.fused()
        if not (self._sure(covariance) and self._sure(other_covariance)):
            return None
        if group.flights.keys() & other.flights.keys():
            offset = gaussian.isotropic(self._bias_floor_m)
            covariance = gaussian.subtract(covariance, offset, least_m=_BOX_SIGMA_M)
            other_covariance = gaussian.subtract(other_covariance, offset, least_m=_BOX_SIGMA_M)
        delta = (place[0] - other_place[0], place[1] - other_place[1])
        distance = math.sqrt(gaussian.distance2(delta, gaussian.add(covariance, other_covariance)))
        return distance if distance < (self._wide_gate if _never_together(group, other) else self._gate) else None

    def _sure(self, covariance: Sym) -> bool:
        return gaussian.eigenvalues(covariance)[1] <= self._max_variance_m2

    def _in_window(self, family: str, group: _Group, first: datetime | None, last: datetime | None) -> bool:
        window = self._windows.get(family)
        if window is None or first is None or last is None or group.first_seen_at is None:
            return True
        assert group.last_seen_at is not None
        return first - group.last_seen_at <= window and group.first_seen_at - last <= window

    def _join(self, kept: int, gone: int) -> None:
        other = self._groups.pop(gone)
        for cell in [cell for cell, ids in self._cells.items() if gone in ids]:
            self._cells[cell].discard(gone)
            self._cells[cell].add(kept)
        for point in other.points:
            self._groups[kept].add(point)


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A sighting in the grouper's own metric frame."""

    sighting: Sighting
    family: str
    en_m: Vec
    covariance: Sym
    shared: Sym
    noise: Sym
    outline: BaseGeometry | None


class _Anchor:
    """Metres around the first sighting; only differences of tens of metres are ever taken, so a sphere will do."""

    def __init__(self, lon: float, lat: float) -> None:
        self._lon, self._lat = lon, lat
        self._east = _METRES_PER_DEGREE * math.cos(math.radians(lat))

    def en(self, lon: float, lat: float) -> Vec:
        return ((lon - self._lon) * self._east, (lat - self._lat) * _METRES_PER_DEGREE)

    def lonlat(self, en_m: Vec) -> LonLat:
        return (self._lon + en_m[0] / self._east, self._lat + en_m[1] / _METRES_PER_DEGREE)


class _Flight:
    """What one flight says about one thing."""

    def __init__(self) -> None:
        self.count = 0
        self._information: Sym = gaussian.ZERO
        self._weighted: Vec = (0.0, 0.0)
        self._shared: Sym = gaussian.ZERO

    def add(self, point: _Point) -> None:
        information = gaussian.inverse(point.noise)
        pull = gaussian.times(information, point.en_m)
        self.count += 1
        self._information = gaussian.add(self._information, information)
        self._weighted = (self._weighted[0] + pull[0], self._weighted[1] + pull[1])
        self._shared = gaussian.add(self._shared, point.shared)

    def estimate(self, bias_floor_m: float) -> tuple[Vec, Sym]:
        """Place, and covariance: the frames' noise averaged, the flight's offset not."""
        noise = gaussian.inverse(self._information)
        shared = gaussian.at_least(gaussian.scale(self._shared, 1.0 / self.count), bias_floor_m)
        return gaussian.times(noise, self._weighted), gaussian.add(noise, shared)


class _Group:
    """A thing in the making."""

    def __init__(self, family: str, bias_floor_m: float) -> None:
        self.family = family
        self.points: list[_Point] = []
        self.flights: dict[str, _Flight] = {}
        self.sources: set[str] = set()
        self.outline: BaseGeometry | None = None
        self.first_seen_at: datetime | None = None
        self.last_seen_at: datetime | None = None
        self._bias_floor_m = bias_floor_m

    def add(self, point: _Point) -> None:
        self.points.append(point)
        self.sources.add(point.sighting.source)
        self.flights.setdefault(point.sighting.flight_id, _Flight()).add(point)
        if point.outline is not None:
            self.outline = point.outline if self.outline is None else shapely.union(self.outline, point.outline)
        at = point.sighting.seen_at
        if at is not None:
            self.first_seen_at = at if self.first_seen_at is None else min(self.first_seen_at, at)
            self.last_seen_at = at if self.last_seen_at is None else max(self.last_seen_at, at)

    def seen_from(self, flight_id: str) -> tuple[Vec, Sym]:
        """Where a further picture of that flight should find the thing, and how surely."""
        flight = self.flights.get(flight_id)
        if flight is None:
            return self.fused()
        place, covariance = flight.estimate(self._bias_floor_m)
        offset = gaussian.isotropic(self._bias_floor_m)
        return place, gaussian.subtract(covariance, offset, least_m=_BOX_SIGMA_M)

    def fused(self) -> tuple[Vec, Sym]:
        """Place and covariance from all flights, whose offsets are independent of each other."""
        information, weighted = gaussian.ZERO, (0.0, 0.0)
        for flight in self.flights.values():
            place, covariance = flight.estimate(self._bias_floor_m)
            own = gaussian.inverse(covariance)
            pull = gaussian.times(own, place)
            information, weighted = gaussian.add(information, own), (weighted[0] + pull[0], weighted[1] + pull[1])
        covariance = gaussian.inverse(information)
        return gaussian.times(covariance, weighted), covariance


def _never_together(group: _Group, other: _Group) -> bool:
    """Whether a flight saw two neighbours so often that one picture should have had both, and none did."""
    same_flight = bool(group.flights.keys() & other.flights.keys())
    return same_flight and len(group.points) + len(other.points) >= _NEVER_TOGETHER_SIGHTINGS


def _cells(bounds: tuple[float, float, float, float]) -> Iterable[tuple[int, int]]:
    west, south, east, north = (math.floor(value / _CELL_M) for value in bounds)
    return ((column, row) for column in range(west, east + 1) for row in range(south, north + 1))


def _overlap(one: BaseGeometry | None, other: BaseGeometry | None) -> float:
    """Shared area as a share of the smaller outline."""
    if one is None or other is None or not shapely.intersects(one, other):
        return 0.0
    smaller = min(one.area, other.area)
    return float(shapely.intersection(one, other).area / smaller) if smaller > 0 else 0.0


def _thing(thing_id: int, group: _Group, anchor: _Anchor) -> Thing:
    sightings = tuple(point.sighting for point in group.points)
    place, (ee, en, nn) = group.fused()
    # A strip of road at the picture's edge looks like anything: where the whole thing was seen, that is what counts.
    best = max(_whole(sightings) or sightings, key=lambda sighting: sighting.confidence)
    covariance: Covariance = ((ee, en), (en, nn))
    lon, lat = anchor.lonlat(place)
    outline = _outline(group)
    fix = Fix(
        lon=lon,
        lat=lat,
        alt_m=best.fix.alt_m,
        covariance_m2=covariance,
        height_source=best.fix.height_source,
        yaw_source=best.fix.yaw_source,
        flags=tuple(sorted({flag for sighting in sightings for flag in sighting.fix.flags})),
    )
    return Thing(
        thing_id=thing_id,
        label=_heaviest_label(sightings),
        fix=fix,
        confidence=best.confidence,
        sightings=sightings,
        first_seen_at=group.first_seen_at,
        last_seen_at=group.last_seen_at,
        footprint_lonlat=tuple(anchor.lonlat((p[0], p[1])) for p in outline.exterior.coords[:-1])
        if outline is not None
        else None,
        area_m2=outline.area if outline is not None else _median_area(sightings),
    )


def _outline(group: _Group) -> shapely.Polygon | None:
    """The outline to show: of a small thing the middle one of its sightings, of a big one all parts together."""
    outlined = [point for point in group.points if point.outline is not None]
    whole_ones = [point for point in outlined if CUT_BY_EDGE not in point.sighting.fix.flags]
    single = sorted((p.outline for p in whole_ones or outlined if p.outline), key=lambda outline: outline.area)
    if not single or group.outline is None:
        return None
    # Pieces that lie apart are no big thing, however much area they have together.
    together, middle = _largest_part(group.outline), _largest_part(single[len(single) // 2])
    big = together is not None and together.area > _BIGGER_THAN_ONE_PICTURE * single[-1].area
    return together if big else middle


def _largest_part(outline: BaseGeometry) -> shapely.Polygon | None:
    parts = [part for part in shapely.get_parts(outline) if isinstance(part, shapely.Polygon) and part.area > 0]
    return max(parts, key=lambda part: part.area, default=None)


def _whole(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """The sightings that no picture's edge cuts."""
    return tuple(sighting for sighting in sightings if CUT_BY_EDGE not in sighting.fix.flags)


def _median_area(sightings: tuple[Sighting, ...]) -> float | None:
    areas = sorted(sighting.area_m2 for sighting in sightings if sighting.area_m2 is not None)
    return areas[len(areas) // 2] if areas else None


def _heaviest_label(sightings: tuple[Sighting, ...]) -> str:
    weights: dict[str, float] = {}
    for sighting in sightings:
        weights[sighting.label] = weights.get(sighting.label, 0.0) + sighting.confidence
    return max(weights, key=lambda label: (weights[label], label))
