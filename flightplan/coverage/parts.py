"""Several surveys flown one after another: in which order, and each in which sense."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from flightplan.coverage.pattern_search import Point, Run

Runs = tuple[Run, ...]
Order = list[tuple[int, bool]]
_MOST_STARTS = 40
_MOST_FOR_SWAPS = 60


def in_order(parts: Sequence[Runs], home_en: Point) -> list[Run]:
    """All runs, part by part, with short ways between parts and from and to home; a part may be flown backwards.

    Nearest neighbours from every start, then stretches are turned round as long as that shortens the way.
    """
    flown = [part for part in parts if part]
    if not flown:
        return []
    ends = [(part[0].start, part[-1].end) for part in flown]
    tries = (_nearest(ends, home_en, first, back) for first in range(min(len(ends), _MOST_STARTS)) for back in (0, 1))
    order = min(tries, key=lambda one: (_length_m(ends, one, home_en), one))
    if len(order) <= _MOST_FOR_SWAPS:
        order = _shortened(ends, order, home_en)
    return [run for index, backwards in order for run in _flown(flown[index], backwards=backwards)]


def _flown(runs: Runs, *, backwards: bool) -> Runs:
    return tuple(run.reversed() for run in reversed(runs)) if backwards else runs


def _nearest(ends: Sequence[tuple[Point, Point]], home_en: Point, first: int, back: int) -> Order:
    order: Order = [(first, bool(back))]
    left = set(range(len(ends))) - {first}
    while left:
        index, backwards = order[-1]
        here = ends[index][0 if backwards else 1]
        _, number, turned = min((math.dist(here, ends[other][way]), other, way) for other in left for way in (0, 1))
        order.append((number, bool(turned)))
        left.remove(number)
    return order


def _shortened(ends: Sequence[tuple[Point, Point]], order: Order, home_en: Point) -> Order:
    best_m = _length_m(ends, order, home_en)
    while True:
        for low, high in itertools.combinations(range(len(order) + 1), 2):
            turned = [(index, not backwards) for index, backwards in reversed(order[low:high])]
            other = [*order[:low], *turned, *order[high:]]
            length_m = _length_m(ends, other, home_en)
            if length_m < best_m - 1e-6:
                order, best_m = other, length_m
                break
        else:
            return order


def _length_m(ends: Sequence[tuple[Point, Point]], order: Order, home_en: Point) -> float:
    stops = [home_en]
    for index, backwards in order:
        stops += ends[index][::-1] if backwards else ends[index]
    stops.append(home_en)
    return sum(math.dist(a, b) for a, b in zip(stops[::2], stops[1::2], strict=True))
