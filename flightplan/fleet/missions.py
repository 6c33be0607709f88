"""A fleet's flights as missions, each checked against the limits of the drone that flies it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import numpy as np

from flightplan.coverage.heights import GroundFollower
from flightplan.coverage.pattern_search import run_between
from flightplan.coverage.routing import Router
from flightplan.coverage.rows import turned_back
from flightplan.coverage.sorties import MissionBuilder
from flightplan.errors import CannotPlan
from flightplan.fleet.model import Dock
from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.tours import Flight
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Home, Mission
from geo.camera import camera_by_name

_HOWEVER_LONG = 10
# Lines of three heights last 1 in 1,000 longer than lines of five, and are found in two thirds of the time.
_HEIGHTS_TRIED = 3
Run = tuple[tuple[float, float], tuple[float, float]]


class FleetMissions:
    """Makes missions of a plan's flights, each once."""

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        self._builders: dict[int, MissionBuilder] = {}
        self._made: dict[tuple[int, tuple[Run, ...]], Mission] = {}

    def after(self, plan: FleetPlan) -> FleetMissions:
        """The same for a plan made of this one's: flights that did not change are not made again."""
        following = FleetMissions(plan)
        following._builders, following._made = self._builders, self._made
        return following

    def mission(self, station: int, flight: Flight, name: str) -> Mission:
        """One flight of one drone.

        Raises:
            InvalidMission: It breaks a limit of the drone or of the rules.
            CannotPlan: The ground on the way is not known, or too steep.
        """
        longest_s = self._plan.stations[station].dock.drone.usable_s
        made = self.flown(station, flight)
        return replace(made, name=name, limits=replace(made.limits, max_duration_s=longest_s))

    def seconds(self, station: int, flight: Flight) -> float:
        """How long one flight of one drone lasts, which may be longer than its battery.

        Raises:
            InvalidMission: It breaks another limit of the drone or of the rules.
            CannotPlan: The ground on the way is not known, or too steep.
        """
        motion = self._plan.stations[station].dock.drone.kinematics
        return self.flown(station, flight).figures(motion).duration_s

    def flown(self, station: int, flight: Flight) -> Mission:
        """The same as `mission`, without its name, however long it lasts."""
        key = station, flight.runs_uv
        if key not in self._made:
            self._made[key] = self._make(station, flight)
        return self._made[key]

    def _make(self, station: int, flight: Flight) -> Mission:
        builder = self._builders.get(station)
        if builder is None:
            builder = self._builders[station] = self._builder(station)
        corners = np.array(flight.runs_uv).reshape(-1, 2)
        ends = turned_back(corners, self._plan.strips.angle_deg).reshape(-1, 2, 2)
        # A little more than needed, because lengths are rounded on the way to the vehicle.
        closest_m = builder.speed_m_s * self._plan.survey.min_photo_interval_s + 0.1
        runs = [run_between(start, end, self._plan.trigger_m[station], closest_m) for start, end in ends]
        return builder.missions("", [runs])[0]

    @cached_property
    def _router(self) -> Router:
        return Router(self._plan.blocked_en)

    def _builder(self, number: int) -> MissionBuilder:
        plan, station = self._plan, self._plan.stations[number]
        dock, drone = station.dock, station.dock.drone
        home_en = turned_back(np.array([station.uv_m]), plan.strips.angle_deg)[0].tolist()
        home = Home(lon=dock.lon, lat=dock.lat, alt_msl_m=self._ground_m(dock))
        follower = None
        if plan.survey.terrain is not None:
            follower = GroundFollower(
                terrain=plan.survey.terrain,
                frame=plan.frame,
                home_alt_msl_m=home.alt_msl_m,
                band=plan.survey.band(camera_by_name(drone.camera)),
                kinematics=drone.kinematics,
                heights_tried=_HEIGHTS_TRIED,
            )
        return MissionBuilder(
            frame=plan.frame,
            router=self._router,
            home=home,
            home_en=(home_en[0], home_en[1]),
            altitude_m=plan.survey.altitude_m,
            speed_m_s=station.speed_m_s,
            limits=replace(
                plan.survey.limits,
                max_range_m=drone.max_range_m,
                max_speed_m_s=max(FlightLimits().max_speed_m_s, drone.speed_m_s),
                min_photo_interval_s=plan.survey.min_photo_interval_s,
                # Over hills and in wind a flight lasts longer than planned; `mission` holds it to the battery.
                max_duration_s=drone.endurance_s * _HOWEVER_LONG,
            ),
            kinematics=drone.kinematics,
            follower=follower,
        )

    def _ground_m(self, dock: Dock) -> float:
        terrain = self._plan.survey.terrain
        if dock.alt_msl_m is not None or terrain is None:
            return dock.alt_msl_m or 0.0
        ground_m = float(terrain.heights_m(np.array([[dock.lon, dock.lat]]))[0])
        if not math.isfinite(ground_m):
            raise CannotPlan(
                problem=f"the elevation model has no ground at dock {dock.name}",
                remedy="Give one that covers the docks, the areas and the ways between them",
            )
        return ground_m
