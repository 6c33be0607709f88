"""What each row costs each drone: the ground for sharing rows out, and for saying how little time could be enough.

A cell is charged its own time, its part of a turn, and its part of a flight that goes straight to it and back. A flight
that works its way out and back over its rows saves some of that way, so what is reckoned from these costs is a measure
to hold plans against, and no proof that nothing could be quicker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.rows import turned
from flightplan.fleet.model import Dock
from flightplan.fleet.strips import Strips
from flightplan.mission.figures import LANDING_OVERHEAD_S

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Station:
    """One drone at its dock, in the frame of the rows.

    Attributes:
        dock: Where it stands.
        number: Which of the dock's drones, from 1.
        uv_m: Its place.
        speed_m_s: On rows and ways, the camera's limit kept.
        height_m: It flies at, above the dock.
        usable_share: Of the time that it may be in the air, what a planned flight may take.
    """

    dock: Dock
    number: int
    uv_m: tuple[float, float]
    speed_m_s: float
    height_m: float
    usable_share: float = 1.0

    @property
    def name(self) -> str:
        """The dock's name, with the drone's number where there are several."""
        return self.dock.name if self.dock.drones == 1 else f"{self.dock.name}/{self.number}"

    @property
    def usable_s(self) -> float:
        """Longest flight to plan."""
        return self.dock.drone.usable_s * self.usable_share

    @property
    def turnaround_s(self) -> float:
        """Time in the dock between flights."""
        return self.dock.drone.turnaround_s

    @property
    def vertical_s(self) -> float:
        """Climb, descent and landing."""
        motion = self.dock.drone.kinematics
        return self.height_m / motion.climb_m_s + self.height_m / motion.sink_m_s + LANDING_OVERHEAD_S

    @property
    def starting_s(self) -> float:
        """What speeding up at a row's beginning and slowing down at its end add to flying it at full speed."""
        return self.speed_m_s / self.dock.drone.kinematics.acceleration_m_s2

    def leg_s(self, length_m: Floats) -> Floats:
        """Seconds along straight legs (n,), from standstill to standstill; as `Kinematics.leg_seconds`, for many."""
        a = self.dock.drone.kinematics.acceleration_m_s2
        peak = np.minimum(self.speed_m_s, np.sqrt(a * length_m))
        seconds: Floats = np.where(
            length_m > 0, 2 * peak / a + np.maximum(length_m - peak**2 / a, 0) / np.maximum(peak, 1e-9), 0.0
        )
        return seconds

    def turn_s(self, turn_deg: Floats | float) -> Floats:
        """Seconds for turns on the spot (n,), degrees."""
        return np.asarray(turn_deg, dtype=float) / self.dock.drone.kinematics.yaw_rate_deg_s


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """Rows against drones.

    Attributes:
        cycle_s: (rows, stations) share of a cycle (flight and time in the dock) that the row takes at best, in
            seconds; infinite where the drone cannot reach it.
    """

    cycle_s: Floats

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(rows,) whether any drone reaches the row."""
        return np.asarray(np.isfinite(self.cycle_s).any(axis=1), dtype=np.bool_)

    def where(self, keep: NDArray[np.bool_]) -> Work:
        """Of some of the rows."""
        return Work(cycle_s=self.cycle_s[keep])


def work_of(strips: Strips, stations: Sequence[Station]) -> Work:
    """What each cell costs each drone.

    A flight to a cell's nearer end and back leaves so much of the battery over rows; a cell's part of the whole cycle
    is its own time, with its part of a turn, over that. A turn is shared by a row as long as a drone's share of the
    ground is wide.
    """
    ends = strips.ends_uv
    least_link_m = _least_link_m(strips)
    share_m = math.sqrt(float(strips.length_m.sum()) * strips.spacing_m / len(stations))
    cycle = np.empty((len(strips), len(stations)))
    for column, station in enumerate(stations):
        away = np.hypot(ends[:, :, 0] - station.uv_m[0], ends[:, :, 1] - station.uv_m[1])
        turn_s = float(station.leg_s(np.array([least_link_m]))[0] + station.turn_s(180.0))
        row_s = strips.level_m / station.speed_m_s + strips.length_m * (turn_s + station.starting_s) / share_m
        over_rows_s = station.usable_s - station.vertical_s - 2 * station.leg_s(away.min(axis=1))
        # To one end, along the cell, and back from the other, with a turn at each that is at most about.
        alone_s = station.leg_s(away).sum(axis=1) + strips.level_m / station.speed_m_s
        alone_s += station.vertical_s + station.starting_s + float(station.turn_s(360.0))
        is_flown = (alone_s <= station.usable_s) & (away.max(axis=1) <= station.dock.drone.max_range_m)
        whole_s = station.usable_s + station.turnaround_s
        cycle[:, column] = np.where(is_flown, whole_s * row_s / np.maximum(over_rows_s, 1.0), np.inf)
    return Work(cycle_s=cycle)


def _least_link_m(strips: Strips) -> float:
    """The shortest way from one row to another line."""
    lines = np.unique(np.round(strips.v_m, 3))
    return float(np.diff(lines).min()) if len(lines) > 1 else strips.spacing_m


def stations_of(
    docks: Sequence[Dock],
    docks_en: Floats,
    *,
    angle_deg: float,
    speeds_m_s: Sequence[float],
    height_m: float,
) -> list[Station]:
    """Every drone of every dock; `docks_en` (n, 2) are the docks' places, metres east and north."""
    uv = turned(docks_en, angle_deg)
    return [
        Station(
            dock=dock,
            number=number,
            uv_m=(float(u), float(v)),
            speed_m_s=speed,
            height_m=height_m,
        )
        for dock, (u, v), speed in zip(docks, uv, speeds_m_s, strict=True)
        for number in range(1, dock.drones + 1)
    ]


def least_possible_s(work: Work, stations: Sequence[Station], weights: Floats) -> float:
    """A time that no sharing of these rows beats at these costs, from weights (n,) of the drones that add up to 1.

    However rows and parts of rows are shared out, the drones' times weighted, none negative, are at most the busiest
    one's; and weighted, no row costs less than at the drone where it is cheapest (duality of the linear programme in
    `flightplan.fleet.sharing`). After its last flight a drone need not charge.
    """
    with np.errstate(invalid="ignore"):
        priced = np.where(np.isfinite(work.cycle_s), work.cycle_s * weights, np.inf)
    after_s = sum(weight * station.turnaround_s for weight, station in zip(weights, stations, strict=True))
    least = priced[work.reachable].min(axis=1).sum() - after_s
    return float(max(least, 0.0)) if math.isfinite(least) else 0.0
