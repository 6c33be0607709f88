"""Moves blocks from the busiest drone to its neighbours as long as the plan ends earlier by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flightplan.fleet.strips import Strips
from flightplan.fleet.tours import Tour, Ways, plan_tour
from flightplan.fleet.work import Station, Work

Ints = NDArray[np.intp]

# A move must be worth so many seconds; so many are tried for the busiest drone before it is let be.
_LEAST_GAIN_S = 1.0
_TRIES = 12
_MOVES_PER_STATION = 12


@dataclass(kw_only=True, eq=False)
class Assignment:
    """Who flies which rows, and what tours come of it; changes in place.

    Attributes:
        strips: All rows.
        work: What they cost whom.
        stations: The drones.
        ways: For the tours.
        block_of_row: (rows,) neighbours that stay together.
        station_of_row: (rows,) who flies each.
        tours: One per station.
    """

    strips: Strips
    work: Work
    stations: Sequence[Station]
    ways: Ways
    block_of_row: Ints
    station_of_row: Ints
    tours: list[Tour] = field(default_factory=list)

    def plan(self, on_tour: Callable[[], None] = lambda: None) -> None:
        """Plan every tour."""
        self.tours = []
        for number in range(len(self.stations)):
            tour = self.tour_of(number, self.station_of_row)
            if tour is None:
                raise RuntimeError(f"{self.stations[number].name}: a row that was called reachable fits no flight")
            self.tours.append(tour)
            on_tour()

    def tour_of(self, number: int, station_of_row: Ints) -> Tour | None:
        """The tour of one drone, if it flew the rows that `station_of_row` (rows,) gives it."""
        rows = np.flatnonzero(station_of_row == number)
        return plan_tour(self.strips, rows, self.stations[number], self.ways)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(stations,) when each is done."""
        return np.array([tour.seconds for tour in self.tours])


def improve(assignment: Assignment, on_move: Callable[[], None] = lambda: None) -> int:
    """Relieve the busiest drone, again and again; returns how many blocks moved."""
    beside = _blocks_beside(assignment.strips, assignment.block_of_row)
    moved = 0
    while moved < _MOVES_PER_STATION * len(assignment.stations):
        busiest = int(assignment.seconds.argmax())
        if not _relieve(assignment, busiest, beside):
            break
        moved += 1
        on_move()
    return moved


def _relieve(assignment: Assignment, busiest: int, beside: dict[int, set[int]]) -> bool:
    """Give the block away whose going makes the later of the two drones earliest; False where none helps."""
    seconds, owner = assignment.seconds, assignment.station_of_row
    best: tuple[float, Ints, dict[int, Tour]] | None = None
    for block, taker in _offers(assignment, busiest, beside)[:_TRIES]:
        trial = np.where(assignment.block_of_row == block, taker, owner)
        tours = {number: assignment.tour_of(number, trial) for number in (busiest, taker)}
        known = {number: tour for number, tour in tours.items() if tour is not None}
        if len(known) < len(tours):
            continue
        later = max(tour.seconds for tour in known.values())
        if later < seconds[busiest] - _LEAST_GAIN_S and (best is None or later < best[0]):
            best = later, trial, known
    if best is None:
        return False
    assignment.station_of_row = best[1]
    for number, tour in best[2].items():
        assignment.tours[number] = tour
    return True


def _offers(assignment: Assignment, busiest: int, beside: dict[int, set[int]]) -> list[tuple[int, int]]:
    """Blocks of the busiest drone at a neighbour's border with that neighbour, the most promising first."""
    owner, cycle_s = assignment.station_of_row, assignment.work.cycle_s
    seconds = assignment.seconds
    offers: dict[tuple[int, int], float] = {}
    for block in np.unique(assignment.block_of_row[owner == busiest]).tolist():
        rows = assignment.block_of_row == block
        for other in beside.get(block, ()):
            taker = int(owner[np.argmax(assignment.block_of_row == other)])
            if taker == busiest or (block, taker) in offers:
                continue
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
