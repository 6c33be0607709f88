"""Whether two flights come too near one another: first where their ways meet, then whether at one time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, STRtree

from flightplan.mission.figures import path_times_s
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.mission import Mission, SetSpeed
from flightplan.projection import LocalFrame

Floats = NDArray[np.float64]

_STEP_S = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """Where a flight is at what time after take-off.

    Attributes:
        places_m: (k, 2) corners, from the dock to the dock, metres.
        at_s: (k,) when it is there; the last is the landing.
        speed_m_s: Its greatest speed.
        off_m: How far along its way it may be from where it is told to be.
    """

    places_m: Floats
    at_s: Floats
    speed_m_s: float
    off_m: float = 0.0

    @classmethod
    def of(cls, mission: Mission, kinematics: Kinematics, frame: LocalFrame) -> Track:
        """A mission's track, in the metres of `frame`; between corners as fast as on average."""
        speed_m_s = max(item.speed_m_s for item in mission.items if isinstance(item, SetSpeed))
        path = frame.en_from_lonlat(np.array(mission.path_lonlat()))
        return cls(
            places_m=np.vstack((path[:1], path, path[-1:])),
            at_s=path_times_s(mission, kinematics),
            speed_m_s=speed_m_s,
            # What it is behind once it has sped up, and ahead before it brakes.
            off_m=speed_m_s**2 / (2 * kinematics.acceleration_m_s2),
        )

    def places(self, at_s: Floats) -> Floats:
        """(n, 2) where it is at so many seconds after take-off (n,)."""
        return np.column_stack([np.interp(at_s, self.at_s, self.places_m[:, axis]) for axis in (0, 1)])


def near_in_space(tracks: Sequence[Track], apart_m: float) -> list[tuple[int, int]]:
    """Pairs of tracks that come nearer than `apart_m` somewhere, whenever that is."""
    lines = [LineString(track.places_m) for track in tracks]
    one, other = STRtree(lines).query(lines, predicate="dwithin", distance=apart_m)
    return [(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True) if a < b]


def too_near(one: Track, other: Track, one_begins_s: float, other_begins_s: float, apart_m: float) -> bool:
    """Whether two flights, begun at those times, come nearer than `apart_m` while both are in the air."""
    begins = max(one_begins_s, other_begins_s)
    ends = min(one_begins_s + one.at_s[-1], other_begins_s + other.at_s[-1])
    if begins >= ends:
        return False
    at_s = np.linspace(begins, ends, max(2, math.ceil((ends - begins) / _STEP_S) + 1))
    gap = one.places(at_s - one_begins_s) - other.places(at_s - other_begins_s)
    # Between two looks they come this much nearer at most.
    closing_m = (one.speed_m_s + other.speed_m_s) * _STEP_S / 2
    return bool(np.hypot(gap[:, 0], gap[:, 1]).min() < apart_m + closing_m + one.off_m + other.off_m)
