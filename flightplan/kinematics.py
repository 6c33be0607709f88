"""How long a drone takes along a polyline: one model for the planner and for the simulated vehicle.

The drone flies straight legs with a speed profile limited in acceleration. At a corner sharper than
`stop_turn_deg` it stops and turns on the spot; at a blunter one it passes with the speed at which the
acceleration limit still bends the path within `corner_radius_m`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Kinematics:
    """Limits of motion of a multirotor.

    Attributes:
        acceleration_m_s2: Along and across the path.
        climb_m_s: Vertical speed upwards.
        sink_m_s: Vertical speed downwards, positive.
        yaw_rate_deg_s: Turning rate on the spot.
        stop_turn_deg: Corners sharper than this are flown with a stop.
        corner_radius_m: Radius of the bend at blunter corners.
    """

    acceleration_m_s2: float = 3.0
    climb_m_s: float = 4.0
    sink_m_s: float = 3.0
    yaw_rate_deg_s: float = 90.0
    stop_turn_deg: float = 20.0
    corner_radius_m: float = 20.0

    def __post_init__(self) -> None:
        figures = (
            self.acceleration_m_s2,
            self.climb_m_s,
            self.sink_m_s,
            self.yaw_rate_deg_s,
            self.stop_turn_deg,
            self.corner_radius_m,
        )
        if not all(math.isfinite(figure) and figure > 0 for figure in figures):
            raise ValueError("every limit of motion must be finite and positive")

    def corner_speed_m_s(self, turn_deg: float, cruise_m_s: float) -> float:
        """Greatest speed through a corner of `turn_deg` (0 straight on, 180 back)."""
        if abs(turn_deg) > self.stop_turn_deg:
            return 0.0
        if abs(turn_deg) < 0.5:
            return cruise_m_s
        return min(cruise_m_s, math.sqrt(self.acceleration_m_s2 * self.corner_radius_m))

    def leg_seconds(self, length_m: float, cruise_m_s: float, enter_m_s: float = 0.0, leave_m_s: float = 0.0) -> float:
        """Seconds along one straight leg entered and left at those speeds."""
        if length_m <= 0:
            return 0.0
        a = self.acceleration_m_s2
        peak = min(cruise_m_s, math.sqrt(a * length_m + (enter_m_s**2 + leave_m_s**2) / 2))
        ramps_m = max(0.0, 2 * peak**2 - enter_m_s**2 - leave_m_s**2) / (2 * a)
        ramps_s = max(0.0, 2 * peak - enter_m_s - leave_m_s) / a
        return ramps_s + max(0.0, length_m - ramps_m) / peak

    def path_seconds(self, points_en_m: Sequence[Point], cruise_m_s: float) -> float:
        """Seconds along a polyline (metres east, north) from standstill to standstill, turns included."""
        legs = [(a, b) for a, b in itertools.pairwise(points_en_m) if a != b]
        if not legs:
            return 0.0
        headings = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for a, b in legs]
        turns = [turn_deg(first, second) for first, second in itertools.pairwise(headings)]
        speeds = [0.0, *(self.corner_speed_m_s(turn, cruise_m_s) for turn in turns), 0.0]
        total = 0.0
        for (a, b), (enter, leave) in zip(legs, itertools.pairwise(speeds), strict=True):
            total += self.leg_seconds(math.dist(a, b), cruise_m_s, enter, leave)
        return total + sum(abs(turn) / self.yaw_rate_deg_s for turn in turns if abs(turn) > self.stop_turn_deg)


def turn_deg(from_heading_deg: float, to_heading_deg: float) -> float:
    """Signed turn from one heading to another, -180 to 180, clockwise positive."""
    return (to_heading_deg - from_heading_deg + 180) % 360 - 180
