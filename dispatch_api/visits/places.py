"""Which cases are of one place: near together, with all that their positions leave open."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatch_api.cases.records import CaseRow
from geo.frames import METRES_PER_DEGREE

# One-sided 95 % of a normal distribution.
_SIGMAS = 1.645


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far apart two cases lie, in metres: between their places, and at most with 95 %."""

    distance_m: float
    at_most_m: float


def gap(one: CaseRow, other: CaseRow) -> Gap:
    """The distance of two cases, with the error of both places along the line between them."""
    east = (other.lon - one.lon) * METRES_PER_DEGREE * math.cos(math.radians((one.lat + other.lat) / 2))
    north = (other.lat - one.lat) * METRES_PER_DEGREE
    distance = math.hypot(east, north)
    ee, en, nn = (getattr(one, name) + getattr(other, name) for name in ("cov_ee_m2", "cov_en_m2", "cov_nn_m2"))
    if distance > 0:
        x, y = east / distance, north / distance
        variance = ee * x * x + 2 * en * x * y + nn * y * y
    else:
        variance = max(ee, nn)
    return Gap(distance_m=distance, at_most_m=distance + _SIGMAS * math.sqrt(max(variance, 0.0)))


def far_pair(rows: Sequence[CaseRow], near_m: float) -> tuple[CaseRow, CaseRow, Gap] | None:
    """Two of these cases that are not surely within `near_m` of each other; None where all are."""
    for index, one in enumerate(rows):
        for other in rows[index + 1 :]:
            apart = gap(one, other)
            if apart.at_most_m > near_m:
                return one, other, apart
    return None


def grouped(rows: Sequence[CaseRow], near_m: float) -> list[list[CaseRow]]:
    """Share cases out to places: within each, every two are surely within `near_m` of each other.

    Args:
        rows: Cases, those to begin a place with first.
        near_m: Metres.

    Returns:
        Each case in one group, in the order of the groups' first cases.
    """
    squares = _squares(rows, near_m)
    taken: set[str] = set()
    groups = []
    for row in rows:
        if row.case_id in taken:
            continue
        group = [row]
        around = sorted(
            (other for other in _around(squares, row, near_m) if other.case_id not in taken and other is not row),
            key=lambda other: gap(row, other).at_most_m,
        )
        for other in around:
            if all(gap(one, other).at_most_m <= near_m for one in group):
                group.append(other)
        taken.update(one.case_id for one in group)
        groups.append(group)
    return groups


def _squares(rows: Sequence[CaseRow], near_m: float) -> dict[tuple[int, int], list[CaseRow]]:
    squares: dict[tuple[int, int], list[CaseRow]] = defaultdict(list)
    for row in rows:
        squares[_square(row, near_m)].append(row)
    return squares


def _square(row: CaseRow, near_m: float) -> tuple[int, int]:
    band = math.floor(row.lat * METRES_PER_DEGREE / near_m)
    # Squares of one band are cut alike, or neighbours could be lost between them.
    wide = METRES_PER_DEGREE * max(math.cos(math.radians(band * near_m / METRES_PER_DEGREE)), 0.01)
    return band, math.floor(row.lon * wide / near_m)


def _around(squares: dict[tuple[int, int], list[CaseRow]], row: CaseRow, near_m: float) -> Iterator[CaseRow]:
    here, _ = _square(row, near_m)
    for band in (here - 1, here, here + 1):
        wide = METRES_PER_DEGREE * max(math.cos(math.radians(band * near_m / METRES_PER_DEGREE)), 0.01)
        column = math.floor(row.lon * wide / near_m)
        for beside in (column - 1, column, column + 1):
            yield from squares.get((band, beside), ())
