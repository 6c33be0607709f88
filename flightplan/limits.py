"""What a mission may not exceed, and what a breach of it looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass

MISSION_ITEMS_MOST = 700
_POSITIVE = (
    "max_height_agl_m",
    "min_height_agl_m",
    "max_range_m",
    "max_speed_m_s",
    "min_photo_interval_s",
    "max_duration_s",
)


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One breach of a rule: which `rule`, at which `place` of the mission, what is wrong, and the `remedy`."""

    rule: str
    place: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}. {self.remedy}."


@dataclass(frozen=True, kw_only=True)
class FlightLimits:
    """Limits that every mission is held to.

    Attributes:
        max_height_agl_m: Greatest height above the ground straight below; 120 m needs no approval in open airspace.
        min_height_agl_m: Least height above it, between take-off and landing.
        fence_margin_m: Least distance of the path from the fence.
        max_range_m: Greatest horizontal distance of any waypoint from home.
        max_speed_m_s: Greatest commanded speed.
        min_photo_interval_s: Shortest time between two photos that the camera manages.
        max_duration_s: Longest flight from take-off to landing, with the battery's reserve kept.
        max_items: Most mission items that the vehicle stores.
    """

    max_height_agl_m: float = 120.0
    min_height_agl_m: float = 2.0
    fence_margin_m: float = 5.0
    max_range_m: float = 10_000.0
    max_speed_m_s: float = 20.0
    min_photo_interval_s: float = 1.0
    max_duration_s: float = 2_400.0
    max_items: int = MISSION_ITEMS_MOST

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be finite and positive, not {value!r}")
        if not (math.isfinite(self.fence_margin_m) and self.fence_margin_m >= 0):
            raise ValueError(f"fence_margin_m must be finite and not negative, not {self.fence_margin_m!r}")
        if self.min_height_agl_m >= self.max_height_agl_m:
            raise ValueError("min_height_agl_m must be less than max_height_agl_m")
        if self.max_items < 2:
            raise ValueError("max_items must be at least 2")
