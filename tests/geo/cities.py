"""Generated cities: things seen by flights whose errors are known, for tests and `benchmarks/identity.py`.

Nothing of `geo` that judges or places is used here: places are drawn in metres, errors are added, and degrees come from
the same two constants on the way out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from geo.position import Covariance, Fix
from geo.sighting import LonLat, Sighting

LON, LAT = 118.87, 28.97
BEGAN_AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
_EAST_M = 111_320.0 * math.cos(math.radians(LAT))
_NORTH_M = 111_320.0
_FLAT = {"standing_water": (2.0, 9.0), "waste": (1.0, 4.0)}
_POINTS = {"overflowing_bin": (1.0, 1.5), "dock_or_lift": (1.5, 3.0)}
_KINDS = _FLAT | _POINTS

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CityPlan:
    """What a city looks like and how it is flown over.

    Attributes:
        things_per_ha: How many things of all kinds lie on a hectare.
        size_m: Sides of the square that is flown over.
        clumped: Share of the things that lie near another one, as dumps and puddles do.
        flights: How many.
        every: Time from one flight to the next.
        picture_wh_m: Ground that one picture shows.
        step_m: Metres of flight from picture to picture.
        lane_m: Metres between lanes.
        bias_m: One sigma per axis of the offset that a flight's pictures share.
        frame_m: One sigma per axis of what one picture's sightings share.
        box_m: One sigma per axis of what each sighting has of its own, for a thing of no size.
        recall: Share of the looks at a thing that find it.
        break_share: Share of a flight's things whose track breaks once, for a fifth to two fifths of the looks at it.
        false_per_picture: False alarms per picture, mean.
        come_and_go: Share of the things that are not there on every flight; a third of these comes back as another one.
        claimed: What the fixes claim of their sigmas, as a factor.
    """

    things_per_ha: float
    size_m: float = 400.0
    clumped: float = 0.3
    flights: int = 6
    every: timedelta = timedelta(hours=11)
    picture_wh_m: tuple[float, float] = (80.0, 60.0)
    step_m: float = 5.0
    lane_m: float = 48.0
    bias_m: float = 1.5
    frame_m: float = 0.7
    box_m: float = 0.35
    recall: float = 0.85
    break_share: float = 0.3
    false_per_picture: float = 0.15
    come_and_go: float = 0.12
    claimed: float = 1.0


SPARSE = CityPlan(things_per_ha=6, size_m=800.0)
MEDIUM = CityPlan(things_per_ha=25, size_m=500.0)
DENSE = CityPlan(things_per_ha=80, size_m=300.0)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of one flight: its sightings, of which things they are, and what ground it shows."""

    flight_id: str
    source: str
    at: datetime
    sightings: list[Sighting]
    truth: list[int]
    places_m: Floats
    footprint_lonlat: tuple[LonLat, ...]


@dataclass(kw_only=True)
class City:
    """The things of a city: their places, kinds, sizes, and the flights on which each is there."""

    en_m: Floats
    kinds: list[str]
    sizes_m: Floats
    there: NDArray[np.bool_]
    pictures: list[list[Picture]] = field(default_factory=list)
    offsets_m: list[Floats] = field(default_factory=list)

    @property
    def flat_pictures(self) -> list[Picture]:
        """All pictures in the order they were taken."""
        return [picture for flight in self.pictures for picture in flight]


def build_city(plan: CityPlan, seed: int) -> City:
    """A city with all its flights; the same plan and seed give the same one."""
    rng = np.random.default_rng(seed)
    city = _things(plan, rng)
    next_false = len(city.kinds)
    for number in range(plan.flights):
        offset = rng.normal(0, plan.bias_m, 2)
        flown, next_false = _fly(plan, city, number, offset, next_false, rng)
        city.pictures.append(flown)
        city.offsets_m.append(offset)
    return city


def lonlat(en_m: Floats) -> LonLat:
    """Degrees of a place in metres."""
    return LON + float(en_m[0]) / _EAST_M, LAT + float(en_m[1]) / _NORTH_M


def _things(plan: CityPlan, rng: np.random.Generator) -> City:
    wanted = round(plan.things_per_ha * plan.size_m**2 / 1e4)
    places: list[Floats] = []
    sizes: list[float] = []
    kinds: list[str] = []
    names = list(_KINDS)
    while len(places) < wanted:
        kind = names[int(rng.integers(len(names)))]
        size = float(rng.uniform(*_KINDS[kind]))
        if places and rng.random() < plan.clumped:
            beside = int(rng.integers(len(places)))
            kind = kinds[beside]
            away = rng.uniform(2.0, 12.0)
            turn = rng.uniform(0, 2 * math.pi)
            place = places[beside] + away * np.array([math.cos(turn), math.sin(turn)])
        else:
            place = rng.uniform(0, plan.size_m, 2)
        taken = np.array(places) if places else np.empty((0, 2))
        clear = np.hypot(*(taken - place).T) > (np.array(sizes) + size) / 2 + 0.5
        if clear.all() and (place > 0).all() and (place < plan.size_m).all():
            places.append(place)
            sizes.append(size)
            kinds.append(kind)
    there = np.ones((wanted, plan.flights), bool)
    extra_places, extra_sizes, extra_kinds, extra_there = [], [], [], []
    for index in np.flatnonzero(rng.random(wanted) < plan.come_and_go):
        change = int(rng.integers(1, max(plan.flights - 1, 2)))
        how = rng.random()
        if how < 1 / 3 or plan.flights < 3:
            there[index, :change] = False
            continue
        there[index, change:] = False
        if how > 2 / 3 and change + 1 < plan.flights:
            back = np.zeros(plan.flights, bool)
            back[change + 1 :] = True
            extra_places.append(places[index] + rng.normal(0, 0.3, 2))
            extra_sizes.append(sizes[index])
            extra_kinds.append(kinds[index])
            extra_there.append(back)
    return City(
        en_m=np.array(places + extra_places),
        kinds=kinds + extra_kinds,
        sizes_m=np.array(sizes + extra_sizes),
        there=np.concatenate((there, np.array(extra_there, bool).reshape(-1, plan.flights))),
    )


def _fly(
    plan: CityPlan, city: City, number: int, offset: Floats, next_false: int, rng: np.random.Generator
) -> tuple[list[Picture], int]:
    flight_id, began = f"flight-{number + 1}", BEGAN_AT + number * plan.every
    half = np.array(plan.picture_wh_m) / 2
    middles = _lanes(plan, along_east=number % 2 == 0)
    here = np.flatnonzero(city.there[:, number])
    seen = [[] for _ in middles]
    for index in here:
        shown = np.flatnonzero((np.abs(middles - city.en_m[index]) < half).all(axis=1))
        found = rng.random(len(shown)) < plan.recall
        if len(shown) > 5 and rng.random() < plan.break_share:
            gap = max(3, round(float(rng.uniform(0.2, 0.4)) * len(shown)))
            start = int(rng.integers(0, len(shown) - gap + 1))
            found[start : start + gap] = False
        for picture in shown[found]:
            seen[picture].append(int(index))
    pictures = []
    for order, (middle, indices) in enumerate(zip(middles, seen, strict=True)):
        false = int(rng.poisson(plan.false_per_picture))
        truth = indices + list(range(next_false, next_false + false))
        next_false += false
        places = np.concatenate((city.en_m[indices], middle + rng.uniform(-half, half, (false, 2))))
        names = list(_KINDS)
        kinds = [city.kinds[index] for index in indices] + [names[int(rng.integers(len(names)))] for _ in range(false)]
        sizes = [float(city.sizes_m[index]) for index in indices] + [
            float(rng.uniform(*_KINDS[k])) for k in kinds[len(indices) :]
        ]
        at, source = began + timedelta(seconds=2 * order), f"{flight_id}/{order:04d}"
        shared = offset + rng.normal(0, plan.frame_m, 2)
        own = [math.hypot(plan.box_m, min(0.08 * size, 0.6)) for size in sizes]
        measured = places + shared + rng.normal(0, 1, (len(truth), 2)) * np.array(own).reshape(-1, 1)
        pictures.append(
            Picture(
                flight_id=flight_id,
                source=source,
                at=at,
                sightings=[
                    _sighting(plan, place, kind, size, rng, at=at, source=source, flight_id=flight_id)
                    for place, kind, size in zip(measured, kinds, sizes, strict=True)
                ],
                truth=truth,
                places_m=measured,
                footprint_lonlat=tuple(
                    lonlat(middle + offset + half * np.array(corner)) for corner in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ),
            )
        )
    return pictures, next_false


def _lanes(plan: CityPlan, *, along_east: bool) -> Floats:
    steps = np.arange(0.0, plan.size_m + 1, plan.step_m)
    middles = []
    for lane, across in enumerate(np.arange(0.0, plan.size_m + 1, plan.lane_m)):
        along = steps if lane % 2 == 0 else steps[::-1]
        middles += [(a, across) if along_east else (across, a) for a in along]
    return np.array(middles)


def _sighting(
    plan: CityPlan,
    place: Floats,
    kind: str,
    size_m: float,
    rng: np.random.Generator,
    *,
    at: datetime,
    source: str,
    flight_id: str,
) -> Sighting:
    lon, lat = lonlat(place)
    common = (plan.bias_m * plan.claimed) ** 2
    whole = common + (plan.frame_m * plan.claimed) ** 2
    corners: tuple[LonLat, ...] | None = None
    area_m2 = None
    if kind in _FLAT:
        turn = np.linspace(0, 2 * math.pi, 8, endpoint=False)
        radius = size_m / 2 * rng.normal(1.0, 0.08, 8)
        ring = place + np.column_stack((radius * np.cos(turn), radius * np.sin(turn)))
        corners = tuple(lonlat(corner) for corner in ring)
        area_m2 = math.pi * size_m**2 / 4
    return Sighting(
        label=kind,
        confidence=float(rng.uniform(0.4, 0.9)),
        fix=Fix(
            lon=lon,
            lat=lat,
            alt_m=0.0,
            covariance_m2=_round(whole),
            height_source="generated",
            yaw_source="generated",
            common_m2=_round(common),
        ),
        source=source,
        footprint_lonlat=corners,
        area_m2=area_m2,
        seen_at=at,
        flight_id=flight_id,
    )


def _round(variance_m2: float) -> Covariance:
    return ((variance_m2, 0.0), (0.0, variance_m2))
