"""How the bed's drone flies: rows joined by half circles, at a speed that varies, the gimbal shaking a little."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from testbed.camera import BedPose
from testbed.hills import Floats, Hills


@dataclass(frozen=True, kw_only=True)
class Lawnmower:
    """A flight in rows, the middle of all of them over the origin.

    Attributes:
        rows: How many.
        row_m: Length of one.
        spacing_m: From row to row; the turns are half circles that wide.
        bearing_deg: Direction of the first row, clockwise from north.
        height_m: Above the take-off point, which lies under the start of the first row.
        speed_m_s: Mean speed over the ground.
        speed_share: How much the speed swings about it, as a share.
        swing_s: Time of one such swing.
        pitch_deg: The gimbal's.
        shake_deg: How far the gimbal strays, slowly, about each axis.
        turns_camera: The camera looks ahead along the path; False: always along the first row.
    """

    rows: int = 3
    row_m: float = 120.0
    spacing_m: float = 40.0
    bearing_deg: float = 20.0
    height_m: float = 60.0
    speed_m_s: float = 8.0
    speed_share: float = 0.25
    swing_s: float = 11.0
    pitch_deg: float = -90.0
    shake_deg: float = 0.4
    turns_camera: bool = True

    @property
    def length_m(self) -> float:
        """Of the whole path."""
        return self.rows * self.row_m + (self.rows - 1) * math.pi * self.spacing_m / 2

    @cached_property
    def duration_s(self) -> float:
        """Of the whole flight."""
        times = np.linspace(0.0, 2 * self.length_m / self.speed_m_s, 20_001)
        return float(np.interp(self.length_m, self._gone_m(times), times))

    def _gone_m(self, times_s: Floats) -> Floats:
        turn = 2 * math.pi / self.swing_s
        return self.speed_m_s * (times_s + self.speed_share / turn * (1 - np.cos(turn * times_s)))

    def pose(self, time_s: float, hills: Hills) -> BedPose:
        """Where the drone truly is at a moment of the flight, seconds from its begin."""
        gone_m = min(max(float(self._gone_m(np.array([time_s]))[0]), 0.0), self.length_m)
        (along, across), course_deg = self._on_path(gone_m)
        bearing = math.radians(self.bearing_deg)
        east, north = self._world(along, across, bearing)
        start = np.array([self._world(-self.row_m / 2, -(self.rows - 1) * self.spacing_m / 2, bearing)])
        shake = [self.shake_deg * math.sin(2 * math.pi * time_s / period + at) for period, at in _SHAKES]
        return BedPose(
            east_m=east,
            north_m=north,
            alt_m=float(hills.heights(start)[0]) + self.height_m,
            heading_deg=(self.bearing_deg + (course_deg if self.turns_camera else 0.0) + shake[0]) % 360.0,
            pitch_deg=self.pitch_deg + shake[1],
            roll_deg=shake[2],
        )

    def _world(self, along: float, across: float, bearing: float) -> tuple[float, float]:
        """East, north of metres along the first row's direction and to the right of it."""
        return (
            along * math.sin(bearing) + across * math.cos(bearing),
            along * math.cos(bearing) - across * math.sin(bearing),
        )

    def _on_path(self, gone_m: float) -> tuple[tuple[float, float], float]:
        """Metres along and across, and the course against the first row, after so many metres of path."""
        turn_m = math.pi * self.spacing_m / 2
        row = min(int(gone_m // (self.row_m + turn_m)), self.rows - 1)
        rest = gone_m - row * (self.row_m + turn_m)
        way = 1 if row % 2 == 0 else -1
        across = (row - (self.rows - 1) / 2) * self.spacing_m
        if rest <= self.row_m:
            return (way * (rest - self.row_m / 2), across), 0.0 if way > 0 else 180.0
        angle = (rest - self.row_m) / (self.spacing_m / 2)
        along = way * (self.row_m / 2 + math.sin(angle) * self.spacing_m / 2)
        # Rows lie to the right of each other, so even rows turn clockwise and odd ones back.
        course = math.degrees(angle) if way > 0 else 180.0 - math.degrees(angle)
        return (along, across + (1 - math.cos(angle)) * self.spacing_m / 2), course


# Periods in seconds and phases of the gimbal's straying in heading, pitch and roll: none a multiple of another.
_SHAKES = ((7.3, 0.4), (5.1, 1.9), (9.7, 3.1))
