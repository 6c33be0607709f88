"""What a mission may not exceed, and what a breach of it looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass

OBSTACLE_MARGIN_M = 15.0
"""Gusts, rounded corners, and maps that are a few metres off, together."""

_POSITIVE = (
    "max_height_agl_m",
    "min_height_agl_m",
    "max_range_m",
    "max_speed_m_s",
    "min_photo_interval_s",
    "max_duration_s",
)


@dataclass(frozen=True, kw_only=True)
class VehicleStore:
    """How much a kind of vehicle keeps: mission `items`, `fence_corners` of all rings together, `rally_points`."""

    items: int
    fence_corners: int
    rally_points: int


# From the makers' documents, on the small side of what their boards differ by; not tried out on boards.
VEHICLES = {
    "ardupilot": VehicleStore(items=700, fence_corners=70, rally_points=10),
    "px4": VehicleStore(items=500, fence_corners=64, rally_points=8),
    # A wayline's points; fences and places to land at are the dock's affair.
    "dji": VehicleStore(items=65_535, fence_corners=0, rally_points=0),
}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How long the camera gathers light, and how much the ground may move meanwhile.

    Attributes:
        seconds: Of one picture.
        pixel_rad: The angle that a pixel sees, straight down.
        max_blur_px: Most pixels that the ground may move.
    """

    seconds: float
    pixel_rad: float
    max_blur_px: float = 1.0

    def __post_init__(self) -> None:
        for name in ("seconds", "pixel_rad", "max_blur_px"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be finite and positive, not {getattr(self, name)!r}")

    def max_speed_m_s(self, height_m: float) -> float:
        """The greatest ground speed at which pictures from so high above the ground stay sharp."""
        return self.max_blur_px * self.pixel_rad * height_m / self.seconds


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
        obstacle_margin_m: Least distance of the path from what stands near it, beside it or over it.
        max_range_m: Greatest horizontal distance of any waypoint from home.
        max_speed_m_s: Greatest commanded speed.
        min_photo_interval_s: Shortest time between two photos that the camera manages.
        max_duration_s: Longest flight from take-off to landing, with the battery's reserve kept.
        store: What the vehicle keeps; see `VEHICLES`.
        exposure: The camera's; None leaves motion blur unchecked.
    """

    max_height_agl_m: float = 120.0
    min_height_agl_m: float = 2.0
    fence_margin_m: float = 5.0
    obstacle_margin_m: float = OBSTACLE_MARGIN_M
    max_range_m: float = 10_000.0
    max_speed_m_s: float = 20.0
    min_photo_interval_s: float = 1.0
    max_duration_s: float = 2_400.0
    store: VehicleStore = VEHICLES["ardupilot"]
    exposure: Exposure | None = None

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be finite and positive, not {value!r}")
        for name in ("fence_margin_m", "obstacle_margin_m"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and not negative, not {value!r}")
        if self.min_height_agl_m >= self.max_height_agl_m:
            raise ValueError("min_height_agl_m must be less than max_height_agl_m")

    @property
    def max_items(self) -> int:
        """Most mission items that the vehicle keeps."""
        return self.store.items
