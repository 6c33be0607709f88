"""One drone's rows in flying order, cut into flights that fit its battery with the least time in all.

A drone flies its share line by line, there and back. Lines are made of cells, and a flight may begin and end between
any two of them: so a flight over long rows begins where the dock is nearest, and no battery is left half unused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.routing import Router
from flightplan.fleet.strips import Strips
from flightplan.fleet.work import Station

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Point = tuple[float, float]

# Cells whose ends are nearer than this are one run.
_TOUCH_M = 0.5
_NO_WAY_S = 1e6


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Some runs, flown one after the other.

    Attributes:
        cells: Numbers of the cells flown over, in the strips.
        runs_uv: Beginning and end of every straight run, metres in the frame of the rows, in flying order.
        seconds: From take-off to landing.
    """

    cells: tuple[int, ...]
    runs_uv: tuple[tuple[Point, Point], ...]
    seconds: float

    def path_uv(self, station: Station) -> list[Point]:
        """Its corners from the dock to the dock, without ways round obstacles."""
        return [station.uv_m, *(point for run in self.runs_uv for point in run), station.uv_m]


@dataclass(frozen=True, kw_only=True)
class Tour:
    """All flights of one drone.

    Attributes:
        flights: In order.
        seconds: From the first take-off to the last landing, the times in the dock between them included.
    """

    flights: tuple[Flight, ...] = ()
    seconds: float = 0.0


class Ways:
    """How long straight ways take, and those round places where nobody may fly."""

    def __init__(self, router: Router) -> None:
        """Over the obstacles of a router, in the frame of the rows."""
        self._router = router
        self._routes: dict[tuple[Point, Point], list[Point]] = {}

    def seconds(self, starts: Floats, ends: Floats, station: Station) -> Floats:
        """Seconds (n,) from places (n, 2) to places (n, 2); infinite where there is no way round."""
        gone = ends - starts
        taken = station.leg_s(np.hypot(gone[:, 0], gone[:, 1]))
        for index in self._router.blocked_legs(starts, ends):
            way = self._route(_point(starts[index]), _point(ends[index]))
            motion, most_m = station.dock.drone.kinematics, station.dock.drone.max_range_m
            if any(math.dist(corner, station.uv_m) > most_m for corner in way):
                way = []
            # It may begin and end in other directions than the straight way, by which turns are reckoned.
            taken[index] = motion.path_seconds(way, station.speed_m_s) + station.turn_s(360.0) if way else np.inf
        return taken

    def _route(self, start: Point, end: Point) -> list[Point]:
        """A way round, found once: the same ones are asked for in every trial of a tour."""
        key = (start, end)
        if key not in self._routes:
            self._routes[key] = self._router.route(start, end)
        return self._routes[key]


def plan_tour(strips: Strips, cells: Ints, station: Station, ways: Ways) -> Tour | None:
    """The quickest tour found over `cells`, line by line; None where one of them does not fit a flight.

    By dynamic programming over where a flight ends. Which way the lines are flown is each flight's choice, unless it
    begins inside a line: then it goes on as the one before. So the least time to each cut is kept for both
    directions; between lines the two are one.
    """
    if not len(cells):
        return Tour()
    passes = [_Pass.of(strips, cells, station, ways, forward=forward) for forward in (True, False)]
    count, most_s = len(cells), station.usable_s - station.vertical_s
    earliest = [flown.earliest(most_s).tolist() for flown in passes]
    total = np.full((2, count + 1), np.inf)
    begun, came = np.zeros((2, count + 1), np.intp), np.zeros((2, count + 1), np.intp)
    total[:, 0] = 0.0
    for end in range(1, count + 1):
        for way, flown in enumerate(passes):
            first = earliest[way][end - 1]
            seconds = flown.seconds(slice(first, end), end)
            through = np.where(seconds <= most_s, total[way, first:end] + seconds, np.inf)
            at = int(through.argmin())
            total[way, end] = through[at] + station.vertical_s + station.turnaround_s
            begun[way, end], came[way, end] = first + at, way
        if passes[0].ends_line[end - 1]:
            best = int(total[:, end].argmin())
            for column in (total, begun, came):
                column[1 - best, end] = column[best, end]
    if not np.isfinite(total[0, count]):
        return None
    flights = _unwound(strips, passes, begun, came, station.vertical_s)
    return Tour(flights=tuple(flights), seconds=float(total[0, count]) - station.turnaround_s)


def fits_a_flight(strips: Strips, cells: Ints, station: Station, ways: Ways) -> NDArray[np.bool_]:
    """Which of the cells (n,), each by itself, a flight of the drone can show, ways round obstacles included."""
    flown = _Pass.of(strips, cells, station, ways, forward=True)
    fits = np.empty(len(cells), dtype=np.bool_)
    alone_s = flown.enter_s + flown.cell_s + flown.leave_s
    fits[np.argsort(cells)[np.searchsorted(np.sort(cells), flown.order)]] = (
        alone_s <= station.usable_s - station.vertical_s
    )
    return fits


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pass:
    """All cells in one order, the first line flown in one direction; columns along that order.

    Attributes:
        order: (n,) cells.
        ends_line: (n,) whether a line ends with the cell: then both passes have shown the same cells.
        is_forward: (n,) whether the cell is flown from its lower to its upper end.
        enter_s: (n,) from the dock to the cell's beginning, with the turn there and the speeding up.
        leave_s: (n,) from the cell's end to the dock, with the turn there.
        passed_s: (n,) from the beginning of the first cell to the beginning of each.
        cell_s: (n,) along each cell, at full speed.
    """

    order: Ints
    ends_line: NDArray[np.bool_]
    is_forward: NDArray[np.bool_]
    enter_s: Floats
    leave_s: Floats
    passed_s: Floats
    cell_s: Floats

    @classmethod
    def of(cls, strips: Strips, cells: Ints, station: Station, ways: Ways, *, forward: bool) -> _Pass:
        cells = cells[np.lexsort((strips.start_u_m[cells], strips.v_m[cells], strips.part[cells]))]
        is_next = (np.diff(strips.v_m[cells]) > _TOUCH_M) | (np.diff(strips.part[cells]) != 0)
        line = np.r_[0, np.cumsum(is_next)]
        is_forward = (line % 2 == 0) == forward
        order = np.lexsort((np.where(is_forward, strips.start_u_m[cells], -strips.start_u_m[cells]), line))
        cells, line, is_forward = cells[order], line[order], is_forward[order]
        lower, upper = strips.ends_uv[cells].transpose(1, 0, 2)
        begins = np.where(is_forward[:, None], lower, upper)
        ends = np.where(is_forward[:, None], upper, lower)
        heads = np.where(is_forward, 1.0, -1.0)
        cell_s = strips.level_m[cells] / station.speed_m_s
        home = np.broadcast_to(np.array(station.uv_m), begins.shape)
        starting = station.starting_s
        gone = begins[1:] - ends[:-1]
        links = np.flatnonzero(np.hypot(gone[:, 0], gone[:, 1]) > _TOUCH_M)
        link_s = np.zeros(len(cells))
        from_, to = ends[links], begins[links + 1]
        turns_deg = _turn_deg(from_, to, heads[links]) + _turn_deg(from_, to, heads[links + 1])
        # No way is one that no flight is long enough for; not infinite, for times along the order are subtracted.
        taken_s = np.minimum(ways.seconds(from_, to, station), _NO_WAY_S)
        link_s[links] = taken_s + station.turn_s(turns_deg) + starting
        return cls(
            order=cells,
            ends_line=np.r_[np.diff(line) > 0, True],
            is_forward=is_forward,
            enter_s=ways.seconds(home, begins, station) + station.turn_s(_turn_deg(home, begins, heads)) + starting,
            leave_s=ways.seconds(ends, home, station) + station.turn_s(_turn_deg(ends, home, heads)),
            passed_s=np.r_[0.0, np.cumsum(cell_s + link_s)[:-1]],
            cell_s=cell_s,
        )

    def earliest(self, most_s: float) -> Ints:
        """(n,) the earliest cell from which a flight can last through each, ways from and to the dock not counted."""
        over_s = self.passed_s + self.cell_s - most_s
        return np.minimum(np.searchsorted(self.passed_s, over_s - 1e-6), np.arange(len(over_s)))

    def seconds(self, starts: slice, end: int) -> Floats:
        """Time in the air without climb and landing, from each start to before `end`."""
        between = self.passed_s[end - 1] - self.passed_s[starts]
        return np.asarray(self.enter_s[starts] + between + self.cell_s[end - 1] + self.leave_s[end - 1])

    def runs_uv(self, strips: Strips, start: int, end: int) -> tuple[tuple[Point, Point], ...]:
        """The straight runs over the cells from `start` to before `end`."""
        runs: list[tuple[Point, Point]] = []
        ends = strips.ends_uv
        for number in range(start, end):
            lower, upper = (_point(one) for one in ends[self.order[number]])
            begin, stop = (lower, upper) if self.is_forward[number] else (upper, lower)
            if runs and abs(runs[-1][1][0] - begin[0]) <= _TOUCH_M and abs(runs[-1][1][1] - begin[1]) <= _TOUCH_M:
                runs[-1] = runs[-1][0], stop
            else:
                runs.append((begin, stop))
        return tuple(runs)


def _unwound(strips: Strips, passes: Sequence[_Pass], begun: Ints, came: Ints, vertical_s: float) -> list[Flight]:
    """The flights that led to the end, the first one first."""
    flights: list[Flight] = []
    way, end = 0, len(passes[0].order)
    while end > 0:
        way, start = int(came[way, end]), int(begun[way, end])
        flown = passes[way]
        flights.append(
            Flight(
                cells=tuple(flown.order[start:end].tolist()),
                runs_uv=flown.runs_uv(strips, start, end),
                seconds=float(flown.seconds(slice(start, start + 1), end)[0]) + vertical_s,
            )
        )
        end = start
    return flights[::-1]


def _turn_deg(starts: Floats, ends: Floats, heads: Floats) -> Floats:
    """Angle (n,) between ways and rows that head up (1) or down (-1) the u axis; 90 where there is no way."""
    gone = ends - starts
    length = np.hypot(gone[:, 0], gone[:, 1])
    cosine = np.divide(heads * gone[:, 0], length, out=np.zeros_like(length), where=length > 0)
    angle: Floats = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return angle


def _point(pair: Sequence[float] | Floats) -> Point:
    return float(pair[0]), float(pair[1])
