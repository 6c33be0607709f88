"""How far the drone is beside the line it wants to fly: swung out at corners, pushed by gusts, and steered back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flightplan.vehicle.wind import Gusts, Point, Wind

# Steered back like a damped spring with a period of about six seconds, as multirotors are tuned.
_STIFFNESS_PER_S2 = 1.0
_DAMPING_PER_S = 2.0
# Share of a gust that drag turns into acceleration, per second.
_DRAG_PER_S = 0.25
_STILL_M = 1e-4


@dataclass
class Drift:
    """The deviation from the wanted line: metres and metres per second, east and north."""

    wind: Wind
    acceleration_m_s2: float
    max_airspeed_m_s: float
    east_m: float = 0.0
    north_m: float = 0.0
    east_m_s: float = 0.0
    north_m_s: float = 0.0

    def __post_init__(self) -> None:
        self._gusts = Gusts(self.wind)

    def turned(self, speed_m_s: float, from_deg: float, to_deg: float) -> None:
        """The wanted course changed while moving: what the drone still has of the old velocity carries it outwards."""
        old, new = math.radians(from_deg), math.radians(to_deg)
        self.east_m_s += speed_m_s * (math.sin(old) - math.sin(new))
        self.north_m_s += speed_m_s * (math.cos(old) - math.cos(new))

    def carried(self, speed_m_s: float, course_deg: float) -> None:
        """The line ended while moving: the drone does not stop at once."""
        course = math.radians(course_deg)
        self.east_m_s += speed_m_s * math.sin(course)
        self.north_m_s += speed_m_s * math.cos(course)

    def step(self, dt_s: float) -> None:
        """Moves on by `dt_s`."""
        gust = self._gusts.step(dt_s)
        east = -_STIFFNESS_PER_S2 * self.east_m - _DAMPING_PER_S * self.east_m_s
        north = -_STIFFNESS_PER_S2 * self.north_m - _DAMPING_PER_S * self.north_m_s
        wanted = math.hypot(east, north)
        if wanted > self.acceleration_m_s2:
            east, north = (value * self.acceleration_m_s2 / wanted for value in (east, north))
        self.east_m_s += (east + _DRAG_PER_S * gust[0]) * dt_s
        self.north_m_s += (north + _DRAG_PER_S * gust[1]) * dt_s
        blown = self._blown_away()
        self.east_m += (self.east_m_s + blown[0]) * dt_s
        self.north_m += (self.north_m_s + blown[1]) * dt_s
        if self.wind.gust_m_s == 0.0 and blown == (0.0, 0.0):
            self._settle()

    def _blown_away(self) -> Point:
        """Metres per second that a wind stronger than the drone carries it off with."""
        if self.wind.speed_m_s <= self.max_airspeed_m_s:
            return 0.0, 0.0
        share = 1.0 - self.max_airspeed_m_s / self.wind.speed_m_s
        east, north = self.wind.mean_en_m_s
        return east * share, north * share

    def _settle(self) -> None:
        """Nothing pushes any more: ends the last tenths of a millimetre, so that a still drone is still."""
        if max(map(abs, (self.east_m, self.north_m, self.east_m_s, self.north_m_s))) < _STILL_M:
            self.east_m = self.north_m = self.east_m_s = self.north_m_s = 0.0
