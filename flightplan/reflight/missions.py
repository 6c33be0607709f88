"""A re-flight as a mission: on the way at one height, down to where the camera sees enough, a photo, and up again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.heights import GroundFollower, HeightBand
from flightplan.errors import CannotPlan
from flightplan.ground.terrain import Terrain
from flightplan.mission.items import ONE_PHOTO, Home, Item, PointCamera, ReturnHome, SetSpeed, TakeOff, Waypoint
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission
from flightplan.reflight.plan import Point, ReflightPlan, Sortie
from flightplan.reflight.visits import Visit

Floats = NDArray[np.float64]
# On the way over hills, the drone may be so much higher than it would be over level ground.
_BAND_M = 20.0
# Nearer than this above the way is no descent worth a waypoint.
_LEVEL_M = 0.5
_LEAST_LEG_M = 10.0


def mission_of(
    plan: ReflightPlan,
    sortie: Sortie,
    name: str,
    *,
    terrain: Terrain | None = None,
    limits: FlightLimits | None = None,
) -> Mission:
    """One flight of a plan.

    Args:
        plan: Where the sortie is from.
        sortie: What is seen.
        name: What people call it.
        terrain: The ground; without it, the ground is taken to be everywhere as high as at the dock.
        limits: What it is held to; None for the drone's own.

    Raises:
        CannotPlan: The ground is not known somewhere, or too steep, or there is no way round obstacles.
        InvalidMission: It breaks a limit.
    """
    return _Flight(plan=plan, sortie=sortie, terrain=terrain).mission(name, limits or limits_of(sortie))


def limits_of(sortie: Sortie) -> FlightLimits:
    """What the dock's drone is held to."""
    drone = sortie.dock.drone
    usual = FlightLimits()
    return FlightLimits(
        max_range_m=drone.max_range_m,
        max_speed_m_s=max(usual.max_speed_m_s, drone.speed_m_s),
        max_duration_s=drone.usable_s,
    )


@dataclass(frozen=True, kw_only=True)
class _Corner:
    """A place of the way between visits; `visit` begins here, or ends with `leaves`."""

    point: Point
    alt_home_m: float
    visit: Visit | None = None
    leaves: bool = False


@dataclass(kw_only=True)
class _Flight:
    """Makes the mission of one sortie."""

    plan: ReflightPlan
    sortie: Sortie
    terrain: Terrain | None
    items: list[Item] = field(default_factory=list)
    pitch_deg: float | None = None

    def mission(self, name: str, limits: FlightLimits) -> Mission:
        dock = self.sortie.dock
        home_alt_m = dock.alt_msl_m or 0.0
        if self.terrain is not None and dock.alt_msl_m is None:
            home_alt_m = self._ground_m([(dock.lon, dock.lat)])[0]
        home = Home(lon=dock.lon, lat=dock.lat, alt_msl_m=home_alt_m)
        corners = self._corners(home, limits)
        self.items = [TakeOff(alt_home_m=corners[0].alt_home_m), SetSpeed(speed_m_s=dock.drone.speed_m_s)]
        for corner in corners[1:-1]:
            if corner.visit is not None:
                self._visit(corner, home)
            else:
                self._fly(corner.point, corner.alt_home_m)
        self._lead_in(home)
        self.items.append(ReturnHome())
        return Mission(name=name, home=home, items=tuple(self.items), limits=limits, terrain=self.terrain)

    def _lead_in(self, home: Home) -> None:
        """A mission has two waypoints at least: a single one gets another, half of the way to it.

        Where the drone is over it already, another beside it, where nobody forbids it.
        """
        points = [number for number, item in enumerate(self.items) if isinstance(item, Waypoint)]
        if len(points) > 1:
            return
        only = self.items[points[0]]
        assert isinstance(only, Waypoint)
        there = self.plan.frame.en_from_lonlat(np.array([(home.lon, home.lat), (only.lon, only.lat)]))
        middle, alt_m = there.mean(axis=0), only.alt_m
        if np.hypot(*(there[1] - there[0])) < _LEAST_LEG_M:
            middle = self._beside(there[0], there[1])
        elif isinstance(self.items[0], TakeOff):
            # On the line that the drone flies anyhow: nothing else was held against the ground.
            alt_m = round((self.items[0].alt_home_m + only.alt_m) / 2, 2)
        lon, lat = self.plan.frame.lonlat_from_en(middle)[0]
        self.items.insert(points[0], Waypoint(lon=float(lon), lat=float(lat), alt_m=alt_m))

    def _beside(self, home_en: Floats, place_en: Floats) -> Floats:
        """The first place round another one, north of it or further round, that is flown to straight."""
        home, place = _pair(home_en), _pair(place_en)
        router = self.plan.router
        for turn in np.radians(np.arange(0.0, 360.0, 45.0)):
            beside = _pair(place_en + _LEAST_LEG_M * np.array([np.sin(turn), np.cos(turn)]))
            if router.is_clear(home, beside) and router.is_clear(beside, place):
                return np.array(beside)
        raise CannotPlan(problem="there is no room beside the dock to fly in", remedy="Check the no-fly areas there")

    def _corners(self, home: Home, limits: FlightLimits) -> list[_Corner]:
        """The way at its height: home, corners round obstacles, where visits begin and end, home."""
        stops = list(self._stops())
        altitude_m = self.plan.rules.altitude_m
        if self.terrain is None:
            return [_Corner(point=point, alt_home_m=altitude_m, visit=v, leaves=leaves) for point, v, leaves in stops]
        high_m = min(altitude_m + _BAND_M, limits.max_height_agl_m)
        follower = GroundFollower(
            terrain=self.terrain,
            frame=self.plan.frame,
            home_alt_msl_m=home.alt_msl_m,
            band=HeightBand(low_m=min(self.plan.rules.lowest_m, altitude_m), wanted_m=altitude_m, high_m=high_m),
            kinematics=self.sortie.dock.drone.kinematics,
        )
        corners = []
        within = False
        for climb in follower.climbs([point for point, _, _ in stops], self.sortie.dock.drone.speed_m_s):
            if climb.stop is None:
                # Between the beginning and the end of a visit its own waypoints lead.
                if not within:
                    corners.append(_Corner(point=climb.point, alt_home_m=climb.alt_home_m))
                continue
            _, visit, leaves = stops[climb.stop]
            within = visit is not None and not leaves
            corners.append(_Corner(point=climb.point, alt_home_m=climb.alt_home_m, visit=visit, leaves=leaves))
        return corners

    def _stops(self) -> Iterator[tuple[Point, Visit | None, bool]]:
        dock = self.sortie.dock
        home_en = self.plan.frame.en_from_lonlat(np.array([(dock.lon, dock.lat)]))[0]
        at = (float(home_en[0]), float(home_en[1]))
        yield at, None, False
        for visit in self.sortie.visits:
            for corner in self._between(at, visit.way[0]):
                yield corner, None, False
            yield visit.way[0], visit, False
            yield visit.way[-1], visit, True
            at = visit.way[-1]
        home = (float(home_en[0]), float(home_en[1]))
        for corner in self._between(at, home):
            yield corner, None, False
        yield home, None, False

    def _between(self, start: Point, end: Point) -> list[Point]:
        way = self.plan.router.route(start, end)
        if not way:
            raise CannotPlan(problem="there is no way round the no-fly areas", remedy="Leave those cases out")
        return way[1:-1]

    def _visit(self, corner: _Corner, home: Home) -> None:
        """At its beginning: down, all photos; at its end: up again."""
        visit = corner.visit
        assert visit is not None
        height_m = self._height_m(visit, home)
        is_level = abs(corner.alt_home_m - height_m) < _LEVEL_M
        if corner.leaves:
            if not is_level:
                self._fly(corner.point, corner.alt_home_m)
            return
        if not is_level:
            self._fly(corner.point, corner.alt_home_m)
        photos = {shot.point_en for shot in visit.shots}
        if visit.shots[0].pitch_deg != self.pitch_deg:
            self.pitch_deg = visit.shots[0].pitch_deg
            self.items.append(PointCamera(pitch_deg=self.pitch_deg))
        for point in visit.way:
            hold_s = self.plan.rules.hold_s if point in photos else 0.0
            self._fly(point, corner.alt_home_m if is_level else height_m, hold_s)
            if point in photos:
                self.items += ONE_PHOTO

    def _height_m(self, visit: Visit, home: Home) -> float:
        """Above home, for photos: above the ground that they show, and never too near to that below the drone."""
        if self.terrain is None:
            return visit.shots[0].height_m
        places = [shot.centre_en for shot in visit.shots]
        shown = self._ground_m(self.plan.frame.lonlat_from_en(np.array(places)))
        below = self._ground_m(self.plan.frame.lonlat_from_en(np.array(visit.way)))
        # One height for all photos: sharp enough where the ground is lowest, high enough where it is highest.
        return max(min(shown) + visit.shots[0].height_m, max(below) + self.plan.rules.lowest_m) - home.alt_msl_m

    def _ground_m(
        self, lonlat: Sequence[Sequence[float]] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> list[float]:
        assert self.terrain is not None
        places = np.asarray(lonlat, dtype=float)
        heights = self.terrain.heights_m(places)
        if np.isnan(heights).any():
            lon, lat = places[int(np.isnan(heights).argmax())]
            raise CannotPlan(
                problem=f"the elevation model has no ground at longitude {lon:.6f}, latitude {lat:.6f}",
                remedy="Give one that covers docks, cases and the ways between",
            )
        return [float(height) for height in heights]

    def _fly(self, point: Point, alt_home_m: float, hold_s: float = 0.0) -> None:
        lon, lat = self.plan.frame.lonlat_from_en(np.array([point]))[0]
        self.items.append(Waypoint(lon=float(lon), lat=float(lat), alt_m=round(alt_home_m, 2), hold_s=hold_s))


def _pair(place_en: Floats) -> Point:
    return float(place_en[0]), float(place_en[1])
