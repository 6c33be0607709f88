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

from flightplan.mission.wind import Wind

Point = tuple[float, float]
# Against a wind that lets a drone go no further, a plan shows as absurdly long instead of dividing by nothing.
_CRAWL_M_S = 0.05


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
        air_speed_m_s: Greatest speed through the air; wind takes from it what is left over the ground.
        max_wind_m_s: Wind in which it may not fly any more.
        wind: What blows; still air without.
    """

    acceleration_m_s2: float = 3.0
    climb_m_s: float = 4.0
    sink_m_s: float = 3.0
    yaw_rate_deg_s: float = 90.0
    stop_turn_deg: float = 20.0
    corner_radius_m: float = 20.0
    air_speed_m_s: float = 20.0
    max_wind_m_s: float = 12.0
    wind: Wind | None = None

    def __post_init__(self) -> None:
        figures = (
            self.acceleration_m_s2,
            self.climb_m_s,
            self.sink_m_s,
            self.yaw_rate_deg_s,
            self.stop_turn_deg,
            self.corner_radius_m,
            self.air_speed_m_s,
            self.max_wind_m_s,
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

    def path_seconds(
        self,
        points_en_m: Sequence[Point],
        cruise_m_s: float | Sequence[float],
        alts_m: Sequence[float] | None = None,
    ) -> float:
        """Seconds along a polyline from standstill to standstill, turns and wind included.

        Args:
            points_en_m: Metres east, north.
            cruise_m_s: Speed over the ground wished for, of all legs or of each.
            alts_m: Heights of the points, where climbing may take longer than the way.
        """
        return sum(self.legs_seconds(points_en_m, cruise_m_s, alts_m))

    def legs_seconds(
        self,
        points_en_m: Sequence[Point],
        cruise_m_s: float | Sequence[float],
        alts_m: Sequence[float] | None = None,
    ) -> list[float]:
        """The same for each leg, the turn at its end included."""
        speeds = [cruise_m_s] * (len(points_en_m) - 1) if isinstance(cruise_m_s, int | float) else list(cruise_m_s)
        alts = alts_m or [0.0] * len(points_en_m)
        climbs_s = [self._climb_seconds(low, high) for low, high in itertools.pairwise(alts)]
        taken = [
            climb_s if a == b else 0.0
            for (a, b), climb_s in zip(itertools.pairwise(points_en_m), climbs_s, strict=True)
        ]
        legs = [
            (number, a, b, speed, climb_s)
            for number, ((a, b), speed, climb_s) in enumerate(
                zip(itertools.pairwise(points_en_m), speeds, climbs_s, strict=True)
            )
            if a != b
        ]
        if not legs:
            return taken
        headings = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) for _, a, b, _, _ in legs]
        cruises = [
            self._along_m_s(math.dist(a, b), heading, speed, climb_s)
            for (_, a, b, speed, climb_s), heading in zip(legs, headings, strict=True)
        ]
        turns = [turn_deg(first, second) for first, second in itertools.pairwise(headings)]
        corners = [
            self.corner_speed_m_s(turn, min(one, other))
            for turn, (one, other) in zip(turns, itertools.pairwise(cruises), strict=True)
        ]
        for (number, a, b, _, _), cruise, turn, (enter, leave) in zip(
            legs, cruises, [*turns, 0.0], itertools.pairwise([0.0, *corners, 0.0]), strict=True
        ):
            turning_s = abs(turn) / self.yaw_rate_deg_s if abs(turn) > self.stop_turn_deg else 0.0
            taken[number] = self.leg_seconds(math.dist(a, b), cruise, enter, leave) + turning_s
        return taken

    def _climb_seconds(self, from_m: float, to_m: float) -> float:
        rise_m = to_m - from_m
        return rise_m / self.climb_m_s if rise_m > 0 else -rise_m / self.sink_m_s

    def _along_m_s(self, length_m: float, course_deg: float, wished_m_s: float, climb_s: float) -> float:
        """Speed over the ground on one leg: as wished, unless the wind or the climb allow only less."""
        if self.wind is not None:
            wished_m_s = min(wished_m_s, self.wind.ground_speed_m_s(course_deg, self.air_speed_m_s))
        if climb_s > 0:
            wished_m_s = min(wished_m_s, length_m / climb_s)
        return max(wished_m_s, _CRAWL_M_S)


def turn_deg(from_heading_deg: float, to_heading_deg: float) -> float:
    """Signed turn from one heading to another, -180 to 180, clockwise positive."""
    return (to_heading_deg - from_heading_deg + 180) % 360 - 180
