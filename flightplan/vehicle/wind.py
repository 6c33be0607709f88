"""The wind that the simulated drone flies in: a mean, and gusts that come and go."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

Point = tuple[float, float]
# Gusts near the ground last some seconds.
_GUST_S = 4.0


@dataclass(frozen=True, kw_only=True)
class Wind:
    """What blows.

    Attributes:
        speed_m_s: Mean speed.
        from_deg: Where it comes from, clockwise from true north.
        gust_m_s: Standard deviation of the gusts, in each direction.
        seed: Gusts of the same seed are the same.
    """

    speed_m_s: float = 0.0
    from_deg: float = 0.0
    gust_m_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("speed_m_s", "gust_m_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and not negative, not {value!r}")
        if not math.isfinite(self.from_deg):
            raise ValueError(f"from_deg must be finite, not {self.from_deg!r}")

    @property
    def mean_en_m_s(self) -> Point:
        """Metres per second east, north: where the mean wind blows to."""
        towards = math.radians(self.from_deg + 180.0)
        return self.speed_m_s * math.sin(towards), self.speed_m_s * math.cos(towards)


class Gusts:
    """The gusts of a wind as time goes on: deviations from its mean that fade and come anew."""

    def __init__(self, wind: Wind) -> None:
        self._size = wind.gust_m_s
        self._random = random.Random(wind.seed)
        self._east = self._north = 0.0

    def step(self, dt_s: float) -> Point:
        """Metres per second east, north, `dt_s` later."""
        if self._size == 0.0:
            return 0.0, 0.0
        fade = math.exp(-dt_s / _GUST_S)
        spread = self._size * math.sqrt(1.0 - fade * fade)
        self._east = self._east * fade + self._random.gauss(0.0, spread)
        self._north = self._north * fade + self._random.gauss(0.0, spread)
        return self._east, self._north


def ground_speed_limit_m_s(course_deg: float, wind_en_m_s: Point, max_airspeed_m_s: float) -> float:
    """The greatest speed over ground along a course that this airspeed allows; 0 where the wind is too strong."""
    course = math.radians(course_deg)
    along = wind_en_m_s[0] * math.sin(course) + wind_en_m_s[1] * math.cos(course)
    across = wind_en_m_s[0] * math.cos(course) - wind_en_m_s[1] * math.sin(course)
    left = max_airspeed_m_s**2 - across**2
    return max(0.0, along + math.sqrt(left)) if left > 0 else 0.0
