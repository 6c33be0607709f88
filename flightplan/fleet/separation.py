"""Whether two flights come too near one another: first where their ways meet, then whether at one time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, STRtree

from flightplan.coverage.routing import Router
from flightplan.fleet.tours import Flight
from flightplan.fleet.work import Station

Floats = NDArray[np.float64]

_STEP_S = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """Where a flight is at what time after take-off.

    Attributes:
        uv_m: (k, 2) corners, from the dock to the dock.
        at_s: (k,) when it is there; the last is the landing.
        speed_m_s: Its greatest speed.
    """

    uv_m: Floats
    at_s: Floats
    speed_m_s: float

    @classmethod
    def of(cls, flight: Flight, station: Station, router: Router) -> Track:
        """A flight's track, led round where nobody may fly."""
        corners = flight.path_uv(station)
        legs = [router.route(a, b) or [a, b] for a, b in itertools.pairwise(corners)]
        points = np.array([corners[0], *(point for leg in legs for point in leg[1:])])
        length_m = np.hypot(*np.diff(points, axis=0).T)
        motion = station.dock.drone.kinematics
        climb_s = station.height_m / motion.climb_m_s
        flown_s = np.r_[0.0, np.cumsum(station.leg_s(length_m))]
        # Turns are spread over the way: a few seconds in many minutes, inside the distance kept.
        spare_s = max(flight.seconds - station.vertical_s - flown_s[-1], 0.0)
        at_s = climb_s + flown_s * (1 + spare_s / max(flown_s[-1], 1e-9))
        return cls(
            uv_m=np.vstack((points[:1], points, points[-1:])),
            at_s=np.r_[0.0, at_s, flight.seconds],
            speed_m_s=station.speed_m_s,
        )

    def places(self, at_s: Floats) -> Floats:
        """(n, 2) where it is at so many seconds after take-off (n,)."""
        return np.column_stack([np.interp(at_s, self.at_s, self.uv_m[:, axis]) for axis in (0, 1)])


def near_in_space(tracks: Sequence[Track], apart_m: float) -> list[tuple[int, int]]:
    """Pairs of tracks that come nearer than `apart_m` somewhere, whenever that is."""
    lines = [LineString(track.uv_m) for track in tracks]
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
    return bool(np.hypot(gap[:, 0], gap[:, 1]).min() < apart_m + closing_m)
