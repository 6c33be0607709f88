"""Wind, and what it leaves of a drone's speed over the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.errors import CannotPlan


@dataclass(frozen=True, kw_only=True)
class Wind:
    """Steady wind at flying height.

    Attributes:
        speed_m_s: How fast it blows.
        from_deg: Where it comes from, clockwise from true north.

    Raises:
        CannotPlan: A figure is not finite, or the speed is below 0.
    """

    speed_m_s: float
    from_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed_m_s) and self.speed_m_s >= 0 and math.isfinite(self.from_deg)):
            raise CannotPlan(
                problem=f"a wind of {self.speed_m_s:g} m/s from {self.from_deg:g}° is no wind",
                remedy="Give its speed in m/s, 0 or more, and where it comes from in degrees",
            )

    def ground_speed_m_s(self, course_deg: float, air_speed_m_s: float) -> float:
        """Greatest speed over the ground along a course; 0 where the drone would be blown off it.

        Args:
            course_deg: Clockwise from true north.
            air_speed_m_s: Greatest speed through the air.
        """
        return float(self.ground_speeds_m_s(np.array(course_deg), air_speed_m_s))

    def ground_speeds_m_s(self, courses_deg: NDArray[np.float64], air_speed_m_s: float) -> NDArray[np.float64]:
        """The same along many courses (any shape)."""
        off = np.radians(courses_deg - self.from_deg)
        head_m_s, cross_m_s = self.speed_m_s * np.cos(off), self.speed_m_s * np.sin(off)
        along_m_s = np.sqrt(np.maximum(air_speed_m_s**2 - cross_m_s**2, 0.0))
        return np.where(np.abs(cross_m_s) < air_speed_m_s, np.maximum(along_m_s - head_m_s, 0.0), 0.0)
