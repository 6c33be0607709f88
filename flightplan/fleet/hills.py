"""How much longer than over level ground each cell takes: known before anything is shared out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.heights import GroundFollower
from flightplan.coverage.rows import turned_back
from flightplan.coverage.speeds import with_speeds
from flightplan.errors import CannotPlan
from flightplan.fleet.strips import Strips

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Flights stop at the ends of runs of about so many cells, and lines over hills are drawn from stop to stop.
_CELLS_PER_RUN = 3
_RUNS_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Climber:
    """A kind of drone over hills: how it follows the ground, and how fast it flies on level ground."""

    follower: GroundFollower
    speed_m_s: float


def over_hills(strips: Strips, climbers: Sequence[Climber], told: Callable[[int, int], None]) -> Strips:
    """The strips with how many times as long each cell takes as over level ground, for the slowest kind of drone.

    Args:
        strips: Laid over level ground.
        climbers: The kinds of drones.
        told: Told how many cells of how many are done.

    Raises:
        CannotPlan: The ground is not known somewhere, or too steep.
    """
    slow, done = np.ones(len(strips)), 0
    corners_uv = np.concatenate((strips.ends_uv.min(axis=(0, 1)), strips.ends_uv.max(axis=(0, 1))))[
        [[0, 1], [2, 1], [2, 3], [0, 3]]
    ]
    for climber in climbers:
        # Asked about everything at once, the model is read once.
        climber.follower.terrain.heights_m(
            climber.follower.frame.lonlat_from_en(turned_back(corners_uv, strips.angle_deg))
        )
        # Drawn at the wanted height only: a flight chooses among several, and is a little quicker.
        simple = replace(climber, follower=replace(climber.follower, heights_tried=1))
        for cells in _stretches(strips):
            told(done, len(strips) * len(climbers))
            done += len(cells)
            try:
                times = _times_s(strips, cells, simple)
            except CannotPlan:
                times = _times_s(strips, cells, climber)
            slow[cells] = np.maximum(slow[cells], times * climber.speed_m_s / strips.length_m[cells])
    return replace(strips, slow=slow)


def _stretches(strips: Strips) -> Iterator[Ints]:
    """Cells that follow one another without a gap, some runs of them at a time."""
    order = np.lexsort((strips.start_u_m, strips.v_m, strips.part))
    gap_m = strips.start_u_m[order][1:] - strips.end_u_m[order][:-1]
    ends = np.flatnonzero((np.abs(gap_m) > 0.5) | (np.diff(strips.v_m[order]) != 0)) + 1
    most = _CELLS_PER_RUN * _RUNS_AT_ONCE
    for line in np.split(order, ends):
        yield from (line[first : first + most] for first in range(0, len(line), most))


def _times_s(strips: Strips, cells: Ints, climber: Climber) -> Floats:
    """Seconds along each cell (n,), in one flight over all of them."""
    borders_u = np.r_[strips.start_u_m[cells], strips.end_u_m[cells[-1]]]
    stops_u = np.r_[borders_u[:-1:_CELLS_PER_RUN], borders_u[-1]]
    stops_en = turned_back(np.column_stack((stops_u, np.full(len(stops_u), strips.v_m[cells[0]]))), strips.angle_deg)
    climbs = climber.follower.climbs([(east, north) for east, north in stops_en.tolist()], climber.speed_m_s)
    climbs = with_speeds(climbs, climber.follower.kinematics)
    at = np.array([climb.point for climb in climbs])
    legs_m = np.hypot(*np.diff(at, axis=0).T)
    speeds = np.array([climb.speed_m_s for climb in climbs[1:]])
    along_m, at_s = np.r_[0.0, np.cumsum(legs_m)], np.r_[0.0, np.cumsum(legs_m / speeds)]
    return np.diff(np.interp(borders_u - borders_u[0], along_m, at_s))
