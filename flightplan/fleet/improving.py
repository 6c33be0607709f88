"""Moves blocks from the busiest drone to its neighbours, and on to theirs, as long as the plan ends earlier by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flightplan.errors import CannotPlan
from flightplan.fleet.strips import Strips
from flightplan.fleet.tours import Tour, Ways, fits_a_flight, plan_tour
from flightplan.fleet.work import Station, Work

Ints = NDArray[np.intp]

# A move must be worth so many seconds; so many are tried for the busiest drone before it is let be.
_LEAST_GAIN_S = 1.0
_TRIES = 16
_MOVES_PER_STATION = 4


@dataclass(kw_only=True, eq=False)
class Assignment:
    """Who flies which rows, and what tours come of it; changes in place.

    Attributes:
        strips: All rows.
        work: What they cost whom; becomes infinite where a way round obstacles is too long.
        stations: The drones.
        ways: For the tours.
        block_of_row: (rows,) neighbours that stay together.
        station_of_row: (rows,) who flies each; -1 where nobody can.
        tours: One per station.
    """

    strips: Strips
    work: Work
    stations: Sequence[Station]
    ways: Ways
    block_of_row: Ints
    station_of_row: Ints
    tours: list[Tour] = field(default_factory=list)

    def plan(self) -> None:
        """Plan every tour; cells that a drone cannot fly, for the way round obstacles, go to the next who can.

        Cells that nobody can fly get no drone (-1).
        """
        self.tours = [Tour()] * len(self.stations)
        # A torn block may hold rows that its drone does not reach.
        self._hand_on(np.flatnonzero(~np.isfinite(self.work.cycle_s[np.arange(len(self.strips)), self.station_of_row])))
        waiting = set(range(len(self.stations)))
        while waiting:
            number = min(waiting)
            waiting.remove(number)
            tour = self.tour_of(number, self.station_of_row)
            if tour is not None:
                self.tours[number] = tour
                continue
            mine = np.flatnonzero(self.station_of_row == number)
            lost = mine[~fits_a_flight(self.strips, mine, self.stations[number], self.ways)]
            if not len(lost):
                raise CannotPlan(
                    problem=f"{self.stations[number].name} cannot fly its share round where nobody may fly",
                    remedy="Add a dock, or allow the drones to fly farther",
                )
            self.work.cycle_s[lost, number] = np.inf
            waiting |= {number, *self._hand_on(lost)}

    def _hand_on(self, rows: Ints) -> set[int]:
        """Give rows to whom they cost least, -1 where nobody reaches them; returns who got some."""
        costs = self.work.cycle_s[rows]
        takers = np.where(np.isfinite(costs).any(axis=1), costs.argmin(axis=1), -1)
        self.station_of_row[rows] = takers
        return set(takers.tolist()) - {-1}

    def tour_of(self, number: int, station_of_row: Ints) -> Tour | None:
        """The tour of one drone, if it flew the rows that `station_of_row` (rows,) gives it."""
        rows = np.flatnonzero(station_of_row == number)
        return plan_tour(self.strips, rows, self.stations[number], self.ways)

    @cached_property
    def rows_of_block(self) -> list[Ints]:
        """The rows of each block."""
        order = np.argsort(self.block_of_row, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.block_of_row[order])) + 1)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(stations,) when each is done."""
        return np.array([tour.seconds for tour in self.tours])


def improve(assignment: Assignment) -> int:
    """Relieve the busiest drone, again and again; returns how many blocks moved.

    Where none of its neighbours has room, they make some first, each at the cost of one less busy still.
    """
    beside = _blocks_beside(assignment.strips, assignment.block_of_row)
    moved, most = 0, _MOVES_PER_STATION * len(assignment.stations)
    while moved < most:
        busiest = int(assignment.seconds.argmax())
        if not _relieve(assignment, busiest, beside):
            around = sorted({taker for _, taker in _offers(assignment, busiest, beside)})
            if not any(_relieve(assignment, number, beside) for number in around):
                break
        moved += 1
    return moved


def _relieve(assignment: Assignment, busiest: int, beside: dict[int, set[int]]) -> bool:
    """Give a block away, the first whose going makes both drones done earlier than now; False where none helps."""
    seconds, owner = assignment.seconds, assignment.station_of_row
    for block, taker in _offers(assignment, busiest, beside)[:_TRIES]:
        trial = np.where((assignment.block_of_row == block) & (owner == busiest), taker, owner)
        tours: dict[int, Tour] = {}
        for number in (taker, busiest):
            tour = assignment.tour_of(number, trial)
            if tour is None or tour.seconds >= seconds[busiest] - _LEAST_GAIN_S:
                break
            tours[number] = tour
        if len(tours) == 2:
            assignment.station_of_row = trial
            for number, tour in tours.items():
                assignment.tours[number] = tour
            return True
    return False


def _offers(assignment: Assignment, busiest: int, beside: dict[int, set[int]]) -> list[tuple[int, int]]:
    """Blocks of the busiest drone at a neighbour's border with that neighbour, the most promising first."""
    owner, cycle_s = assignment.station_of_row, assignment.work.cycle_s
    seconds = assignment.seconds
    rows_of = assignment.rows_of_block
    offers: dict[tuple[int, int], float] = {}
    for block in np.unique(assignment.block_of_row[owner == busiest]).tolist():
        takers = {int(owner[rows_of[other][0]]) for other in beside.get(block, ())} - {busiest, -1}
        # Of a block that was torn, the busiest drone's part.
        rows = rows_of[block][owner[rows_of[block]] == busiest]
        for taker in takers:
            dearer_s = float((cycle_s[rows, taker] - cycle_s[rows, busiest]).sum())
            if np.isfinite(dearer_s):
                offers[block, taker] = float(seconds[taker]) + 2 * dearer_s
    return sorted(offers, key=lambda offer: (offers[offer], offer))


def _blocks_beside(strips: Strips, block_of_row: Ints) -> dict[int, set[int]]:
    """Which blocks lie beside which: rows of neighbouring bands at one height, or next to one another in a band."""
    beside: dict[int, set[int]] = {}
    for step in (0, 1):
        for one, other in _pairs(strips, step):
            a, b = int(block_of_row[one]), int(block_of_row[other])
            if a != b:
                beside.setdefault(a, set()).add(b)
                beside.setdefault(b, set()).add(a)
    return beside


def _pairs(strips: Strips, step: int) -> list[tuple[int, int]]:
    """Neighbouring rows: of one band (step 0), or of a band and the next one (step 1), nearest across."""
    pairs = []
    for band in np.unique(strips.band).tolist():
        here = np.flatnonzero(strips.band == band)
        here = here[np.argsort(strips.v_m[here], kind="stable")]
        if step == 0:
            near = np.diff(strips.v_m[here]) <= 1.5 * strips.spacing_m
            pairs += list(zip(here[:-1][near].tolist(), here[1:][near].tolist(), strict=True))
            continue
        there = np.flatnonzero(strips.band == band + 1)
        if not len(there):
            continue
        there = there[np.argsort(strips.v_m[there], kind="stable")]
        place = np.clip(np.searchsorted(strips.v_m[there], strips.v_m[here]), 0, len(there) - 1)
        near = np.abs(strips.v_m[there[place]] - strips.v_m[here]) <= strips.spacing_m
        pairs += list(zip(here[near].tolist(), there[place[near]].tolist(), strict=True))
    return pairs
