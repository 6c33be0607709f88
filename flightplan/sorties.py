"""From the runs of a survey to missions that each fit one battery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flightplan.errors import CannotPlan
from flightplan.figures import LANDING_OVERHEAD_S
from flightplan.kinematics import Kinematics
from flightplan.limits import FlightLimits
from flightplan.mission import (
    Home,
    Item,
    Mission,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.pattern_search import Point, Run
from flightplan.projection import LocalFrame
from flightplan.routing import Router

SHORTEST_RUN_M = 50.0
_ITEMS_PER_RUN = 4
_ITEMS_BESIDES_RUNS = 5


@dataclass(frozen=True, kw_only=True)
class MissionBuilder:
    """Turns runs into missions that fit a battery."""

    frame: LocalFrame
    router: Router
    home: Home
    home_en: Point
    altitude_m: float
    speed_m_s: float
    limits: FlightLimits
    kinematics: Kinematics

    def missions(self, name: str, sorties: Sequence[Sequence[Run]]) -> tuple[Mission, ...]:
        """One mission per sortie; `name` is numbered when there are several."""
        count = len(sorties)
        titles = [name] if count == 1 else [f"{name} {number}/{count}" for number in range(1, count + 1)]
        return tuple(self._mission(title, runs) for title, runs in zip(titles, sorties, strict=True))

    def sorties(self, runs: Sequence[Run], endurance_s: float) -> list[list[Run]]:
        """As few sorties as the battery allows, runs in the given order; a run too long for one is halved.

        Raises:
            CannotPlan: Home is too far off for the battery, or a part of the area cannot be reached.
        """
        groups: list[list[Run]] = []
        left = list(runs)
        while left:
            count = self._most_runs(left, endurance_s)
            if count == 0:
                left[:1] = self._halves(left[0])
                continue
            groups.append(left[:count])
            left = left[count:]
        return groups

    def _most_runs(self, runs: list[Run], endurance_s: float) -> int:
        low, high = 0, min(len(runs), (self.limits.max_items - _ITEMS_BESIDES_RUNS) // (_ITEMS_PER_RUN + 1))
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._seconds(runs[:middle]) <= endurance_s else (low, middle - 1)
        return low

    def _seconds(self, runs: list[Run]) -> float:
        path = [point for leg in self._legs(runs) for point in leg]
        vertical_s = self.altitude_m / self.kinematics.climb_m_s + self.altitude_m / self.kinematics.sink_m_s
        return vertical_s + self.kinematics.path_seconds(path, self.speed_m_s) + LANDING_OVERHEAD_S

    def _halves(self, run: Run) -> list[Run]:
        if run.length_m < 2 * SHORTEST_RUN_M:
            raise CannotPlan(
                problem="one battery does not reach from home to the area and back",
                remedy="Take off nearer to the area, fly faster, or give more endurance",
            )
        middle = ((run.start[0] + run.end[0]) / 2, (run.start[1] + run.end[1]) / 2)
        return [replace(run, end=middle), replace(run, start=middle)]

    def _legs(self, runs: Sequence[Run]) -> list[list[Point]]:
        """Ways between runs, home first and last: each from the end of one run to the start of the next."""
        stops = [self.home_en, *(point for run in runs for point in (run.start, run.end)), self.home_en]
        ways = []
        for start, end in zip(stops[::2], stops[1::2], strict=True):
            way = self.router.route(start, end)
            if not way:
                raise CannotPlan(
                    problem="there is no way round the holes to a part of the area", remedy="Reduce the clearance"
                )
            ways.append(way)
        return ways

    def _mission(self, name: str, runs: Sequence[Run]) -> Mission:
        ways = self._legs(runs)
        items: list[Item] = [
            TakeOff(alt_home_m=self.altitude_m),
            SetSpeed(speed_m_s=self.speed_m_s),
            PointCamera(pitch_deg=-90.0),
            *self._waypoints(ways[0][1:-1]),
        ]
        for run, way in zip(runs, ways[1:], strict=True):
            items += self._waypoints([run.start])
            items.append(PhotosByDistance(distance_m=run.trigger_m))
            items += self._waypoints([run.end])
            items.append(PhotosOff())
            items += self._waypoints(way[1:-1])
        items.append(ReturnHome())
        return Mission(name=name, home=self.home, items=tuple(items), limits=self.limits)

    def _waypoints(self, points: Sequence[Point]) -> list[Waypoint]:
        if not points:
            return []
        lonlat = self.frame.lonlat_from_en(np.array(points))
        return [Waypoint(lon=float(lon), lat=float(lat), alt_m=self.altitude_m) for lon, lat in lonlat]
