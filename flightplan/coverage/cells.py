"""Boustrophedon cells: runs of rows that follow one another without a gap, and the order to fly them in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from flightplan.coverage.rows import Row

Point = tuple[float, float]
MOST_CELLS_FOR_EXACT_ORDER = 5
MOST_GREEDY_STARTS = 40
# Only a tie-break: an area is often split into several flights, each with its own legs home.
_HOME_WEIGHT = 0.01


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Rows of neighbouring levels, one per level, each beside the one before."""

    rows: tuple[Row, ...]

    def flown(self, entry: int) -> list[tuple[Point, Point]]:
        """Start and end (u, v) of each row in flying order; `entry` 0-3 picks the corner where it begins."""
        rows = self.rows if entry < 2 else self.rows[::-1]
        forward = entry % 2 == 0
        runs = []
        for row in rows:
            west, east = (row.start_u_m, row.v_m), (row.end_u_m, row.v_m)
            runs.append((west, east) if forward else (east, west))
            forward = not forward
        return runs


def split_into_cells(rows: Sequence[Row]) -> list[Cell]:
    """Groups rows: a cell goes on while exactly one row of the next level lies beside it, and only beside it."""
    levels: dict[int, list[Row]] = {}
    for row in rows:
        levels.setdefault(row.level, []).append(row)
    finished: list[list[Row]] = []
    open_cells: dict[Row, list[Row]] = {}
    for level in range(max(levels, default=-1) + 1):
        here, before = levels.get(level, []), list(open_cells)
        next_open: dict[Row, list[Row]] = {}
        for row in here:
            below = [other for other in before if _beside(other, row)]
            alone = len(below) == 1 and sum(_beside(below[0], other) for other in here) == 1
            chain = [*open_cells.pop(below[0]), row] if alone else [row]
            next_open[row] = chain
        finished.extend(open_cells.values())
        open_cells = next_open
    finished.extend(open_cells.values())
    return [Cell(rows=tuple(chain)) for chain in finished]


def fly_cells(cells: Sequence[Cell], home: Point | None = None) -> list[tuple[Point, Point]]:
    """All rows in a short order: exact for few cells, greedy for many; of equal orders the one that suits `home`."""
    if not cells:
        return []
    order = _exact(cells, home) if len(cells) <= MOST_CELLS_FOR_EXACT_ORDER else _best_greedy(cells, home)
    return [run for index, entry in order for run in cells[index].flown(entry)]


def _beside(one: Row, other: Row) -> bool:
    return one.start_u_m < other.end_u_m and other.start_u_m < one.end_u_m


Order = list[tuple[int, int]]


def _exact(cells: Sequence[Cell], home: Point | None) -> Order:
    """Shortest links over all orders and entries: dynamic programming over (cells flown, the last one, its entry)."""
    ends = {(index, entry): _ends(cells[index], entry) for index in range(len(cells)) for entry in range(4)}
    inner = {key: _inner_links_m(cells[key[0]], key[1]) for key in ends}
    best: dict[tuple[int, int, int], tuple[float, Order]] = {
        (1 << index, index, entry): (_home_leg(home, begin) + inner[index, entry], [(index, entry)])
        for (index, entry), (begin, _) in ends.items()
    }
    for _ in range(len(cells) - 1):
        longer: dict[tuple[int, int, int], tuple[float, Order]] = {}
        for (flown, last, last_entry), (length, order) in best.items():
            here = ends[last, last_entry][1]
            for (index, entry), (begin, _) in ends.items():
                if flown >> index & 1:
                    continue
                key, total = (flown | 1 << index, index, entry), length + math.dist(here, begin) + inner[index, entry]
                if key not in longer or total < longer[key][0]:
                    longer[key] = (total, [*order, (index, entry)])
        best = longer
    return min(
        ((length + _home_leg(home, ends[last, entry][1]), order) for (_, last, entry), (length, order) in best.items())
    )[1]


def _best_greedy(cells: Sequence[Cell], home: Point | None) -> Order:
    tries = (_greedy(cells, first, entry) for first in range(min(len(cells), MOST_GREEDY_STARTS)) for entry in range(4))
    return min(tries, key=lambda order: (_links_m(cells, order, home), order))


def _greedy(cells: Sequence[Cell], first: int, entry: int) -> Order:
    order = [(first, entry)]
    here = _ends(cells[first], entry)[1]
    left = set(range(len(cells))) - {first}
    while left:
        _, index, entry = min(
            (math.dist(here, _ends(cells[index], entry)[0]), index, entry) for index in left for entry in range(4)
        )
        order.append((index, entry))
        here = _ends(cells[index], entry)[1]
        left.remove(index)
    return order


def _ends(cell: Cell, entry: int) -> tuple[Point, Point]:
    first, last = (cell.rows[0], cell.rows[-1]) if entry < 2 else (cell.rows[-1], cell.rows[0])
    forward = entry % 2 == 0
    leaves_forward = forward == (len(cell.rows) % 2 == 1)
    begin = (first.start_u_m if forward else first.end_u_m, first.v_m)
    end = (last.end_u_m if leaves_forward else last.start_u_m, last.v_m)
    return begin, end


def _links_m(cells: Sequence[Cell], order: Order, home: Point | None) -> float:
    ends = [_ends(cells[index], entry) for index, entry in order]
    links = sum(math.dist(one[1], other[0]) for one, other in itertools.pairwise(ends))
    inner = sum(_inner_links_m(cells[index], entry) for index, entry in order)
    return links + inner + _home_leg(home, ends[0][0]) + _home_leg(home, ends[-1][1])


def _inner_links_m(cell: Cell, entry: int) -> float:
    return sum(math.dist(one[1], other[0]) for one, other in itertools.pairwise(cell.flown(entry)))


def _home_leg(home: Point | None, point: Point) -> float:
    return math.dist(home, point) * _HOME_WEIGHT if home is not None else 0.0
