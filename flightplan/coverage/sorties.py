"""From the runs of a survey to missions that each fit one battery."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flightplan.coverage.heights import Climb, GroundFollower
from flightplan.coverage.pattern_search import Point, Run
from flightplan.coverage.routing import Router
from flightplan.coverage.speeds import with_speeds
from flightplan.errors import CannotPlan
from flightplan.ground.terrain import Terrain
from flightplan.mission.figures import LANDING_OVERHEAD_S
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import (
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
from flightplan.mission.shots import STRAIGHT_DOWN_DEG
from flightplan.projection import LocalFrame

SHORTEST_RUN_M = 50.0
# Home, take-off, speed, camera and return.
_ITEMS_BESIDES_STOPS = 5
_ANY_DURATION_S = 1e9


@dataclass(frozen=True, kw_only=True)
class _Stop:
    """A corner of the way, and what is commanded once it is reached."""

    point: Point
    then: tuple[Item, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MissionBuilder:
    """Turns runs into missions that fit a battery.

    Attributes:
        frame: Degrees to metres and back.
        router: Ways round obstacles.
        home: Where all missions begin and end.
        home_en: The same place, metres.
        altitude_m: Height above home, where the ground is level.
        speed_m_s: Over the ground.
        limits: What each mission is held to.
        kinematics: The drone's limits of motion.
        pitch_deg: Of the camera.
        follower: Gives heights over hills; all of a mission is flown at `altitude_m` without.
    """

    frame: LocalFrame
    router: Router
    home: Home
    home_en: Point
    altitude_m: float
    speed_m_s: float
    limits: FlightLimits
    kinematics: Kinematics
    pitch_deg: float = STRAIGHT_DOWN_DEG
    follower: GroundFollower | None = None

    def missions(self, name: str, sorties: Sequence[Sequence[Run]]) -> tuple[Mission, ...]:
        """One mission per sortie; `name` is numbered when there are several."""
        count = len(sorties)
        titles = [name] if count == 1 else [f"{name} {number}/{count}" for number in range(1, count + 1)]
        return tuple(self._mission(title, runs) for title, runs in zip(titles, sorties, strict=True))

    def sorties(self, runs: Sequence[Run], endurance_s: float) -> list[list[Run]]:
        """As few sorties as the battery allows, runs in the given order; a run too long for one is halved.

        Raises:
            CannotPlan: Home is too far off for the battery, a part of the area cannot be reached, or the ground is too
                steep.
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
        low, high = 0, len(runs)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(runs[:middle], endurance_s) else (low, middle - 1)
        # Hills take more time and items than level ground, though hardly ever many times more.
        while self.follower is not None and low > 0 and not self._fits_hills(runs[:low], endurance_s):
            low = min(low - 1, round(low * 0.9))
        return low

    def _fits(self, runs: list[Run], endurance_s: float) -> bool:
        """Whether level flight fits the battery, and the vehicle holds its items."""
        stops = sum(len(run.points) + (2 if run.look is None else 4) for run in runs) + _ITEMS_BESIDES_STOPS
        if stops > self.limits.max_items:
            return False
        ways = self._legs(runs)
        if stops + sum(len(way) - 2 for way in ways) > self.limits.max_items:
            return False
        path = [*ways[0]]
        for run, way in zip(runs, ways[1:], strict=True):
            path += [*run.points, *way]
        vertical_s = self.altitude_m / self.kinematics.climb_m_s + self.altitude_m / self.kinematics.sink_m_s
        flown_s = vertical_s + self.kinematics.path_seconds(path, self.speed_m_s) + LANDING_OVERHEAD_S
        return flown_s <= endurance_s

    def _fits_hills(self, runs: list[Run], endurance_s: float) -> bool:
        items = self._items(runs)
        if len(items) + 1 > self.limits.max_items:
            return False
        tried = replace(self, limits=replace(self.limits, max_duration_s=_ANY_DURATION_S))
        return tried._checked("", items).figures(self.kinematics).duration_s <= endurance_s

    def _halves(self, run: Run) -> list[Run]:
        if run.length_m < 2 * SHORTEST_RUN_M:
            raise CannotPlan(
                problem="one battery does not reach from home to the area and back",
                remedy="Take off nearer to the area, fly faster, or give more endurance",
            )
        points, half_m = run.points, run.length_m / 2
        for number, (a, b) in enumerate(itertools.pairwise(points)):
            leg_m = math.dist(a, b)
            if half_m <= leg_m:
                share = half_m / leg_m
                middle = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
                return [
                    replace(run, end=middle, via=points[1 : number + 1]),
                    replace(run, start=middle, via=points[number + 1 : -1]),
                ]
            half_m -= leg_m
        raise AssertionError("a run is as long as its legs")

    def _legs(self, runs: Sequence[Run]) -> list[list[Point]]:
        """Ways between runs, home first and last: each from the end of one run to the start of the next."""
        stops = [self.home_en, *(point for run in runs for point in (run.start, run.end)), self.home_en]
        ways = []
        for start, end in zip(stops[::2], stops[1::2], strict=True):
            way = self.router.route(start, end)
            if not way:
                raise CannotPlan(
                    problem="there is no way round the holes and no-fly areas to a part of the area",
                    remedy="Reduce the clearance, or leave that part out",
                )
            ways.append(way)
        return ways

    def _mission(self, name: str, runs: Sequence[Run]) -> Mission:
        return self._checked(name, self._items(runs))

    def _checked(self, name: str, items: Sequence[Item]) -> Mission:
        terrain: Terrain | None = self.follower.terrain if self.follower is not None else None
        return Mission(name=name, home=self.home, items=tuple(items), limits=self.limits, terrain=terrain)

    def _stops(self, runs: Sequence[Run]) -> list[_Stop]:
        """Home, and every corner of the way up to the last one before home."""
        ways = self._legs(runs)
        stops = [_Stop(point=self.home_en), *(_Stop(point=point) for point in ways[0][1:-1])]
        for run, way in zip(runs, ways[1:], strict=True):
            looking: tuple[Item, ...] = () if run.look is None else (run.look,)
            ahead: tuple[Item, ...] = () if run.look is None else (PointCamera(pitch_deg=self.pitch_deg),)
            stops.append(_Stop(point=run.start, then=(*looking, PhotosByDistance(distance_m=run.trigger_m))))
            stops += [_Stop(point=point) for point in run.via]
            stops.append(_Stop(point=run.end, then=(PhotosOff(), *ahead)))
            stops += [_Stop(point=point) for point in way[1:-1]]
        return stops

    def _items(self, runs: Sequence[Run]) -> list[Item]:
        stops = self._stops(runs)
        if self.follower is None:
            climbs = [
                Climb(point=stop.point, alt_home_m=self.altitude_m, stop=number, speed_m_s=self.speed_m_s)
                for number, stop in enumerate(stops)
            ]
        else:
            # The way home follows the ground too: it ends above home, and the vehicle need only come down.
            stops.append(_Stop(point=self.home_en))
            climbs = self.follower.climbs([stop.point for stop in stops], self.speed_m_s)
            climbs = with_speeds(climbs, self.kinematics)
        lonlat = self.frame.lonlat_from_en(np.array([climb.point for climb in climbs]))
        items: list[Item] = [TakeOff(alt_home_m=climbs[0].alt_home_m)]
        speed_m_s = self.speed_m_s
        for number, (climb, (lon, lat)) in enumerate(zip(climbs, lonlat.tolist(), strict=True)):
            if number == 0:
                speed_m_s = climbs[1].speed_m_s
                items += [SetSpeed(speed_m_s=speed_m_s), PointCamera(pitch_deg=self.pitch_deg)]
                continue
            if climb.speed_m_s != speed_m_s:
                speed_m_s = climb.speed_m_s
                items.append(SetSpeed(speed_m_s=speed_m_s))
            items.append(Waypoint(lon=lon, lat=lat, alt_m=climb.alt_home_m))
            if climb.stop is not None:
                items += stops[climb.stop].then
        items.append(ReturnHome())
        return items
