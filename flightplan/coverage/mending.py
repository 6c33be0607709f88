"""Rows added where the photos of a pattern leave ground unseen: behind a ridge, outside a sharp bend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from flightplan.coverage.pattern_search import Point, Run, Task, find_survey
from flightplan.coverage.seen import GroundGrid
from flightplan.mission.kinematics import Kinematics

Counts = NDArray[np.int32]
_MOST_PLACES = 12
_ROOM_M = 1.0


def unseen_places(grids: Sequence[GroundGrid], counts: Sequence[Counts]) -> list[Polygon]:
    """The ground round all samples that no photo shows, metres, the largest places first."""
    boxes: list[BaseGeometry] = []
    for grid, counted in zip(grids, counts, strict=True):
        east, north = grid.inside_en_m()[counted == 0].T
        half_m = grid.cell_m / 2 + _ROOM_M
        boxes += list(shapely.box(east - half_m, north - half_m, east + half_m, north + half_m))
    places = [place for place in shapely.get_parts(shapely.union_all(boxes)) if isinstance(place, Polygon)]
    return sorted(places, key=lambda place: (-place.area, place.bounds))


def mended(runs: Sequence[Run], places: Sequence[Polygon], task: Task, kinematics: Kinematics) -> list[Run]:
    """The runs, with more over the places put in where they are the shortest detour.

    Args:
        runs: In flying order.
        places: Not seen so far, metres.
        task: How photos are taken; its area is left aside.
        kinematics: The drone's limits of motion.
    """
    found = list(runs)
    for place in places[:_MOST_PLACES]:
        hull = place.convex_hull
        assert isinstance(hull, Polygon)
        over = replace(task, area_en=hull, angles_deg=None)
        for run in find_survey(over, kinematics).runs:
            _put_in(found, run, task.home_en)
    return found


def _put_in(runs: list[Run], run: Run, home_en: Point) -> None:
    ends = [home_en, *(one.end for one in runs)]
    starts = [*(one.start for one in runs), home_en]
    detours = [
        (math.dist(end, way.start) + math.dist(way.end, start) - math.dist(end, start), number, turned)
        for number, (end, start) in enumerate(zip(ends, starts, strict=True))
        for turned, way in enumerate((run, run.reversed()))
    ]
    _, number, turned = min(detours)
    runs.insert(number, run.reversed() if turned else run)
