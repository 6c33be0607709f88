"""The staged patrol's flight: a closed round of straight legs, flown fast, standing still, and slowly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flyonce.demo.camera_sim import TruePose
from flyonce.demo.reported import NavigationErrors, Navigator

Floats = NDArray[np.float64]

_HALF_LEG_M = 120.0
# North of each leg, in the order of flight; half circles join neighbours, the last leg leads back to the first.
_LEGS_NORTH_M = (-100.0, -20.0, 60.0, 100.0, 20.0, -60.0)
_ACCELERATION_M_S2 = 2.5
_STEP_S = 0.02
# The gimbal sways this often, and the navigation's errors change this often.
_SWAY_S = 0.7
_DRIFT_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the flight at one speed.

    Attributes:
        seconds: How long it takes, its acceleration included.
        speed_m_s: Speed over ground; 0 hovers.
    """

    seconds: float
    speed_m_s: float

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and 0 <= self.speed_m_s <= 30):
            raise ValueError(f"a phase of {self.seconds} s at {self.speed_m_s} m/s cannot be flown")


def usual_phases(seconds: float, speed_m_s: float = 10.0) -> tuple[Phase, ...]:
    """Half of the time at `speed_m_s`, a fifth hovering, the rest at 3 m/s; in rounds of a minute at most."""
    rounds = max(math.ceil(seconds / 60), 1)
    part = seconds / rounds
    return (
        Phase(seconds=0.5 * part, speed_m_s=speed_m_s),
        Phase(seconds=0.2 * part, speed_m_s=0.0),
        Phase(seconds=0.3 * part, speed_m_s=3.0),
    ) * rounds


@dataclass(frozen=True, kw_only=True)
class PatrolFlight:
    """Where the camera is at every moment, and what the drone believes.

    Attributes:
        phases: Flown one after the other; the last one's speed is kept beyond its end.
        height_m: Above the ground.
        begin_m: Where on the round the flight begins, metres from the western end of the southern leg.
        pitch_deg: Of the camera; -90 straight down.
        seed: Draws sway and errors.
        errors: How large they are.
    """

    phases: Sequence[Phase]
    height_m: float = 70.0
    begin_m: float = 0.0
    pitch_deg: float = -90.0
    seed: int = 1
    errors: NavigationErrors = field(default_factory=NavigationErrors)

    @property
    def seconds(self) -> float:
        """How long the phases take."""
        return sum(phase.seconds for phase in self.phases)

    def pose(self, time_s: float) -> TruePose:
        """Where the camera really is at a time, gimbal sway included."""
        return self._swaying(self._planned(time_s), time_s)

    def reported(self, time_s: float) -> TruePose:
        """What the drone believes at a time: its errors drift slowly."""
        planned = self._planned(time_s)
        earlier, share = _knot(time_s, _DRIFT_S)
        before, after = (self._navigator.reported(planned, index) for index in (earlier, earlier + 1))
        return _between(before, after, share)

    def flown_m(self, time_s: float) -> float:
        """Way flown until a time."""
        times, ways = self._profile
        beyond_s = max(time_s - float(times[-1]), 0.0)
        return float(np.interp(time_s, times, ways)) + beyond_s * self.phases[-1].speed_m_s

    def _planned(self, time_s: float) -> TruePose:
        east, north, heading = _on_round(self.begin_m + self.flown_m(time_s))
        return TruePose(
            east_m=east,
            north_m=north,
            up_m=self.height_m,
            heading_deg=heading,
            pitch_deg=self.pitch_deg,
            roll_deg=0.0,
        )

    def _swaying(self, planned: TruePose, time_s: float) -> TruePose:
        earlier, share = _knot(time_s, _SWAY_S)
        before, after = (self._navigator.shaken(planned, index) for index in (earlier, earlier + 1))
        return _between(before, after, share)

    @cached_property
    def _navigator(self) -> Navigator:
        return Navigator(errors=self.errors, seed=self.seed)

    @cached_property
    def _profile(self) -> tuple[Floats, Floats]:
        """Times and the way flown until each; speed changes with a limited acceleration."""
        times = np.arange(0.0, self.seconds + _STEP_S, _STEP_S)
        ends = np.cumsum([phase.seconds for phase in self.phases])
        wanted = np.array([phase.speed_m_s for phase in self.phases])[
            np.minimum(np.searchsorted(ends, times, side="right"), len(ends) - 1)
        ]
        speed = np.empty_like(times)
        speed[0] = wanted[0]
        for index in range(1, len(times)):
            change = np.clip(wanted[index] - speed[index - 1], -1, 1) * _ACCELERATION_M_S2 * _STEP_S
            speed[index] = max(speed[index - 1] + change, 0.0)
        return times, np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * _STEP_S)])


def _knot(time_s: float, every_s: float) -> tuple[int, float]:
    earlier = math.floor(time_s / every_s)
    # Smooth at the knots: a gimbal does not jerk.
    share = time_s / every_s - earlier
    return earlier, share * share * (3 - 2 * share)


def _between(before: TruePose, after: TruePose, share: float) -> TruePose:
    values = {
        name: (1 - share) * getattr(before, name) + share * getattr(after, name)
        for name in ("east_m", "north_m", "up_m", "heading_deg", "pitch_deg", "roll_deg", "aside_deg")
    }
    return TruePose(**values)


def _on_round(way_m: float) -> tuple[float, float, float]:
    """East, north and heading after `way_m` on the round."""
    turns = [
        (north, following) for north, following in zip(_LEGS_NORTH_M, np.roll(_LEGS_NORTH_M, -1).tolist(), strict=True)
    ]
    length = sum(2 * _HALF_LEG_M + math.pi * abs(after - before) / 2 for before, after in turns)
    left_m = way_m % length
    for leg, (north, following) in enumerate(turns):
        eastward = 1.0 if leg % 2 == 0 else -1.0
        if left_m <= 2 * _HALF_LEG_M:
            return eastward * (left_m - _HALF_LEG_M), north, 90.0 * eastward % 360
        left_m -= 2 * _HALF_LEG_M
        radius = abs(following - north) / 2
        if left_m <= math.pi * radius:
            return _on_turn(left_m / radius, radius, eastward, north, following)
        left_m -= math.pi * radius
    return -_HALF_LEG_M, _LEGS_NORTH_M[0], 90.0


def _on_turn(
    angle: float, radius_m: float, eastward: float, north_m: float, following_m: float
) -> tuple[float, float, float]:
    """East, north and heading `angle` radians into the half circle from one leg to the next."""
    upward = 1.0 if following_m > north_m else -1.0
    east = eastward * (_HALF_LEG_M + radius_m * math.sin(angle))
    north = (north_m + following_m) / 2 - upward * radius_m * math.cos(angle)
    heading = math.degrees(math.atan2(eastward * math.cos(angle), upward * math.sin(angle)))
    return east, north, heading % 360
