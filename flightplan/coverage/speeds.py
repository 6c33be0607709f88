"""Speeds to command along a way with climbs: slow in time for what is steep, changed only where that is worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from flightplan.coverage.heights import Climb
from flightplan.mission.kinematics import Kinematics, turn_deg

# A faster stretch costs an item: only where it saves so much time.
_WORTH_S = 5.0
# Steps of speed that no climb notices.
_HARDLY_M_S = 0.6
# Drones brake more gently than they could.
_BRAKING_MARGIN = 1.3


def with_speeds(climbs: Sequence[Climb], kinematics: Kinematics) -> list[Climb]:
    """The way with the speed to command on each leg, and with vertices added where braking must begin.

    A vehicle takes up a new speed at a vertex: one that comes fast to the foot of a slope would be too low on it, or
    too high. Where it turns sharply it stops, and needs no vertex.
    """
    return _braking_in_time(_worthwhile(climbs), kinematics)


def _worthwhile(climbs: Sequence[Climb]) -> list[Climb]:
    """Without speeding up where that saves next to nothing."""
    found = list(climbs[:1])
    for climb in climbs[1:]:
        now, wanted = found[-1].speed_m_s, climb.speed_m_s
        length_m = math.dist(found[-1].point, climb.point)
        stays = len(found) > 1 and now < wanted and length_m / now - length_m / wanted < _WORTH_S
        found.append(replace(climb, speed_m_s=now) if stays else climb)
    return found


def _braking_in_time(climbs: Sequence[Climb], kinematics: Kinematics) -> list[Climb]:
    found = list(climbs[-1:])
    for number in range(len(climbs) - 2, 0, -1):
        here, after = climbs[number], found[-1]
        slow_m_s = after.speed_m_s
        if here.speed_m_s - slow_m_s <= _HARDLY_M_S or _stops(climbs[number - 1], here, after, kinematics):
            found.append(here)
            continue
        length_m = math.dist(climbs[number - 1].point, here.point)
        brake_m = _BRAKING_MARGIN * (here.speed_m_s**2 - slow_m_s**2) / (2 * kinematics.acceleration_m_s2)
        found.append(replace(here, speed_m_s=slow_m_s))
        if length_m > 2 * brake_m:
            found.append(_before(climbs[number - 1], here, brake_m / length_m))
    return [*climbs[:1], *found[::-1]] if len(climbs) > 1 else list(climbs)


def _before(start: Climb, end: Climb, share: float) -> Climb:
    """The place on the line from one to the other that lies `share` of it before its end."""
    east, north = (to + share * (at - to) for at, to in zip(start.point, end.point, strict=True))
    height_m = end.alt_home_m + share * (start.alt_home_m - end.alt_home_m)
    return Climb(point=(east, north), alt_home_m=round(height_m, 2), stop=None, speed_m_s=end.speed_m_s)


def _stops(before: Climb, here: Climb, after: Climb, kinematics: Kinematics) -> bool:
    if before.point == here.point or here.point == after.point:
        return True
    courses = [
        math.degrees(math.atan2(to.point[0] - at.point[0], to.point[1] - at.point[1]))
        for at, to in ((before, here), (here, after))
    ]
    return abs(turn_deg(*courses)) > kinematics.stop_turn_deg
