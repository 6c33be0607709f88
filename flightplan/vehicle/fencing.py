"""The fence on board: rings, circles, a height, and a distance from home; what is beyond it, and what happens then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import shapely
from shapely.geometry import Polygon

from flightplan.link.mavlink import FENCE_CIRCLE_INSIDE, FENCE_CIRCLE_OUTSIDE, MissionItem, lonlat_from_xy
from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink_guards import fence_from_items
from flightplan.link.modes import Mode
from flightplan.mission.fence import Fence
from flightplan.projection import LocalFrame
from flightplan.vehicle.body import Point

CIRCLES = (FENCE_CIRCLE_INSIDE, FENCE_CIRCLE_OUTSIDE)
# What a breach leads to, by the numbers of ArduPilot's FENCE_ACTION and PX4's GF_ACTION; None only tells.
_ACTIONS: dict[Dialect, dict[int, Mode | None]] = {
    Dialect.ARDUPILOT: {0: None, 1: Mode.RTL, 2: Mode.LAND, 3: Mode.RTL, 4: Mode.BRAKE},
    Dialect.PX4: {0: None, 1: None, 2: Mode.LOITER, 3: Mode.RTL, 5: Mode.LAND},
}
USUAL_ACTION = {Dialect.ARDUPILOT: 1, Dialect.PX4: 2}


class Breach(IntEnum):
    """What it went beyond; the values are FENCE_BREACH."""

    HEIGHT = 2
    BOUNDARY = 3


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A circle to stay in, or to keep out of: its middle in degrees, its radius in metres."""

    lon: float
    lat: float
    radius_m: float
    keeps_in: bool


def circles_from_items(items: Sequence[MissionItem]) -> tuple[Circle, ...]:
    """The circles among the items of a fence."""
    return tuple(
        Circle(lon=lon, lat=lat, radius_m=item.params[0], keeps_in=item.command == FENCE_CIRCLE_INSIDE)
        for item in items
        if item.command in CIRCLES
        for lon, lat in [lonlat_from_xy(item.x, item.y)]
    )


def rings_from_items(items: Sequence[MissionItem]) -> Fence | None:
    """The rings among the items of a fence; None for none.

    Raises:
        UnknownItem: A ring does not add up.
        CannotPlan: A ring encloses nothing.
    """
    return fence_from_items([item for item in items if item.command not in CIRCLES])


@dataclass
class FenceGuard:
    """Watches over the fence.

    Attributes:
        spoken: ArduPilot wants a vehicle inside every area to stay in, PX4 inside any of them.
        enabled: Whether leaving it has consequences.
        max_height_m: Above home; None for no limit.
        max_distance_m: From home; None for no limit.
        action: What a breach leads to, as the dialect numbers it.
        beyond: What the vehicle is beyond now.
        breaches: How often it went beyond since it was switched on.
        breached_at_s: When it did so last, seconds since switched on.
    """

    spoken: Dialect
    enabled: bool = False
    max_height_m: float | None = None
    max_distance_m: float | None = None
    action: int = field(init=False)
    beyond: frozenset[Breach] = frozenset()
    breaches: int = 0
    breached_at_s: float = 0.0
    _inside: list[shapely.Geometry] = field(default_factory=list, repr=False)
    _outside: list[shapely.Geometry] = field(default_factory=list, repr=False)
    _circles: list[tuple[Point, Circle]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.action = USUAL_ACTION[self.spoken]

    @property
    def breached(self) -> bool:
        """Whether the vehicle is beyond it now."""
        return bool(self.beyond)

    @property
    def breach_type(self) -> int:
        """FENCE_BREACH; where it is beyond several limits, the boundary is told."""
        return max(self.beyond, default=0)

    @property
    def mode_after_breach(self) -> Mode | None:
        """What it does then; None goes on."""
        return _ACTIONS[self.spoken][self.action]

    def takes_action(self, action: float) -> bool:
        """Sets what a breach leads to; false for what is not known here."""
        if action not in _ACTIONS[self.spoken]:
            return False
        self.action = int(action)
        return True

    def load(self, fence: Fence | None, circles: Sequence[Circle], frame: LocalFrame) -> None:
        """Takes a fence, or none."""
        self.beyond = frozenset()
        inside, outside = (fence.inside, fence.outside) if fence is not None else ((), ())
        self._inside = [_prepared(Polygon(ring), frame) for ring in inside]
        self._outside = [_prepared(Polygon(ring), frame) for ring in outside]
        places = frame.en_from_lonlat(np.array([(circle.lon, circle.lat) for circle in circles]).reshape(-1, 2))
        self._circles = [
            ((float(east), float(north)), circle) for (east, north), circle in zip(places, circles, strict=True)
        ]

    def limits_beyond(self, place_en: Point, alt_m: float) -> frozenset[Breach]:
        """What a place, metres east, north and up from home, is beyond."""
        beyond = set()
        if self.max_height_m is not None and alt_m > self.max_height_m:
            beyond.add(Breach.HEIGHT)
        too_far = self.max_distance_m is not None and math.hypot(*place_en) > self.max_distance_m
        if too_far or self._is_out(place_en):
            beyond.add(Breach.BOUNDARY)
        return frozenset(beyond)

    def crosses_now(self, place_en: Point, alt_m: float, now_s: float) -> bool:
        """Notes where the vehicle is; true at the moment when it goes beyond another limit."""
        before, self.beyond = self.beyond, self.limits_beyond(place_en, alt_m) if self.enabled else frozenset()
        if self.beyond - before:
            self.breaches += 1
            self.breached_at_s = now_s
            return True
        return False

    def _is_out(self, place_en: Point) -> bool:
        in_circles = [(math.dist(middle, place_en) <= circle.radius_m, circle) for middle, circle in self._circles]
        inside = [bool(shapely.intersects_xy(area, *place_en)) for area in self._inside]
        inside += [is_in for is_in, circle in in_circles if circle.keeps_in]
        if inside and not (any(inside) if self.spoken is Dialect.PX4 else all(inside)):
            return True
        shut_out = any(is_in for is_in, circle in in_circles if not circle.keeps_in)
        return shut_out or any(shapely.contains_xy(area, *place_en) for area in self._outside)


def _prepared(area: Polygon, frame: LocalFrame) -> shapely.Geometry:
    geometry = shapely.transform(area, frame.en_from_lonlat)
    shapely.prepare(geometry)
    return geometry
