"""What one kind of drone does at each target, and what it takes there and on the ways between."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.routing import Router
from flightplan.errors import CannotPlan
from flightplan.mission.kinematics import Kinematics
from flightplan.reflight.detours import Detours, blocked_between
from flightplan.reflight.model import Target
from flightplan.reflight.views import Shot, ViewRules, shots_of
from geo.camera import Camera

Point = tuple[float, float]
Floats = NDArray[np.float64]
# Of waypoint, camera, trigger on and off for a photo; and of waypoints above the first and the last one.
_ITEMS_PER_SHOT, _ITEMS_PER_VISIT = 5, 4
_BEARINGS_TRIED = 12
# Against a wind that lets a drone go no further, a way shows as absurdly long instead of dividing by nothing.
_CRAWL_M_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Visit:
    """All photos of one target.

    Attributes:
        target: What they show.
        shots: In flying order.
        way: Metres east and north: all places from the first to the last, corners round obstacles included.
        seconds: Down from the way's height, photos, and up again.
    """

    target: Target
    shots: tuple[Shot, ...]
    way: tuple[Point, ...]
    seconds: float

    @property
    def items(self) -> int:
        """Mission items that it takes, ways round obstacles before it not counted."""
        return _ITEMS_PER_SHOT * len(self.shots) + len(self.way) + _ITEMS_PER_VISIT


@dataclass(frozen=True, kw_only=True)
class DroneKind:
    """What a visit depends on: `camera`, `kinematics` with the wind, and `speed_m_s` over the ground."""

    camera: Camera
    kinematics: Kinematics
    speed_m_s: float

    def legs_s(self, legs_en: Floats) -> Floats:
        """Seconds (…) along straight legs (…, 2), metres east and north, each from standstill to standstill.

        Half a turn goes before each, and the wind leaves what it does of the speed.
        """
        a, lengths_m = self.kinematics.acceleration_m_s2, np.hypot(legs_en[..., 0], legs_en[..., 1])
        v = self._speeds_m_s(legs_en)
        flown = np.where(lengths_m >= v * v / a, lengths_m / v + v / a, 2 * np.sqrt(np.maximum(lengths_m, 0.0) / a))
        return np.asarray(flown + 180.0 / self.kinematics.yaw_rate_deg_s)

    def _speeds_m_s(self, legs_en: Floats) -> Floats:
        wind = self.kinematics.wind
        if wind is None:
            return np.asarray(self.speed_m_s)
        courses_deg = np.degrees(np.arctan2(legs_en[..., 0], legs_en[..., 1]))
        left_m_s = wind.ground_speeds_m_s(courses_deg, self.kinematics.air_speed_m_s)
        return np.clip(left_m_s, _CRAWL_M_S, self.speed_m_s)

    def down_and_up_s(self, depth_m: float) -> float:
        """Seconds for a descent and a climb of so much."""
        return depth_m / self.kinematics.sink_m_s + depth_m / self.kinematics.climb_m_s


def visit_of(
    target: Target, place_en: Point, kind: DroneKind, rules: ViewRules, router: Router, from_en: Sequence[Point]
) -> Visit:
    """A target's photos, with legs that keep out of obstacles; oblique ones from the side where the docks are.

    Args:
        target: What to see.
        place_en: Where it is, metres.
        kind: The drone.
        rules: How photos are taken.
        router: Ways round obstacles.
        from_en: The docks.

    Raises:
        CannotPlan: No place for its photos lies outside of obstacles, or none is near enough.
    """
    for bearing_deg in _bearings(target, place_en, from_en):
        shots = shots_of(kind.camera, target, place_en, bearing_deg, rules)
        way = _way(shots, router)
        if way:
            return Visit(target=target, shots=tuple(shots), way=way, seconds=_seconds(shots, way, kind, rules))
    raise CannotPlan(
        problem=f"{target.target_id}: every place to see it from lies where nobody may fly",
        remedy="Ask for an oblique view, from any direction" if target.view == "nadir" else "Have it looked at on foot",
    )


def travel_s(docks_en: Sequence[Point], visits: Sequence[Visit | None], kind: DroneKind, router: Router) -> Floats:
    """(nodes, nodes) seconds from the end of each dock or visit to the end of each other, the other's own included.

    Visits that this kind of drone cannot make (None) have infinite ways.
    """
    ends = [(place, place) for place in docks_en]
    ends += [(visit.way[0], visit.way[-1]) if visit is not None else ((0.0, 0.0), (0.0, 0.0)) for visit in visits]
    starts, leaves = np.array([one[0] for one in ends]), np.array([one[1] for one in ends])
    gone = starts[None, :, :] - leaves[:, None, :]
    seconds = kind.legs_s(gone)
    blocked = blocked_between(router, leaves, starts)
    np.fill_diagonal(blocked, False)
    if blocked.any():
        seconds[blocked] = Detours.of(router, kind.legs_s).between(leaves, starts, np.nonzero(blocked))
    for number, visit in enumerate(visits, len(docks_en)):
        if visit is None:
            seconds[:, number] = seconds[number, :] = np.inf
        else:
            seconds[:, number] += visit.seconds
    np.fill_diagonal(seconds, 0.0)
    return seconds


def _bearings(target: Target, place_en: Point, from_en: Sequence[Point]) -> list[float]:
    """Where an oblique camera may look, best first: away from the nearest dock, then more and more aside."""
    if target.view == "nadir":
        return [0.0]
    if target.bearing_deg is not None:
        return [target.bearing_deg]
    near = min(from_en, key=lambda dock: math.dist(dock, place_en))
    ahead = math.degrees(math.atan2(place_en[0] - near[0], place_en[1] - near[1]))
    aside = [(number + 1) // 2 * 360.0 / _BEARINGS_TRIED * (-1) ** number for number in range(_BEARINGS_TRIED)]
    return [(ahead + one) % 360 for one in aside]


def _way(shots: Sequence[Shot], router: Router) -> tuple[Point, ...]:
    """Through all places; empty where one lies in an obstacle or there is no way between two."""
    places = [place for shot in shots for place in (shot.run_in_en, shot.point_en) if place is not None]
    if any(router.is_inside(place) for place in places):
        return ()
    # A run-in must be straight, or the nose points elsewhere.
    if any(shot.run_in_en is not None and not router.is_clear(shot.run_in_en, shot.point_en) for shot in shots):
        return ()
    way = [places[0]]
    for start, end in itertools.pairwise(places):
        leg = router.route(start, end)
        if not leg:
            return ()
        way += leg[1:]
    return tuple(way)


def _seconds(shots: Sequence[Shot], way: Sequence[Point], kind: DroneKind, rules: ViewRules) -> float:
    flown_s = float(kind.legs_s(np.diff(np.array(way), axis=0)).sum())
    depth_m = rules.altitude_m - shots[0].height_m
    return flown_s + kind.down_and_up_s(depth_m) + rules.hold_s * len(shots)
