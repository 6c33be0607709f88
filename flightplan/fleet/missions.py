"""A fleet's flights as missions, each checked against the limits of the drone that flies it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.tours import Flight
from flightplan.limits import FlightLimits
from flightplan.mission import Home, Mission
from flightplan.pattern_search import run_between
from flightplan.routing import Router
from flightplan.rows import turned_back
from flightplan.sorties import MissionBuilder


class FleetMissions:
    """Makes missions of a plan's flights."""

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        self._builders: dict[int, MissionBuilder] = {}

    def mission(self, station: int, flight: Flight, name: str) -> Mission:
        """One flight of one drone.

        Raises:
            InvalidMission: It breaks a limit of the drone or of the rules.
        """
        builder = self._builders.get(station)
        if builder is None:
            builder = self._builders[station] = self._builder(station)
        corners = np.array(flight.runs_uv).reshape(-1, 2)
        ends = turned_back(corners, self._plan.strips.angle_deg).reshape(-1, 2, 2)
        # A little more than needed, because lengths are rounded on the way to the vehicle.
        closest_m = builder.speed_m_s * self._plan.survey.min_photo_interval_s + 0.1
        runs = [run_between(start, end, self._plan.trigger_m[station], closest_m) for start, end in ends]
        return builder.missions(name, [runs])[0]

    @cached_property
    def _router(self) -> Router:
        return Router(self._plan.blocked_en)

    def _builder(self, number: int) -> MissionBuilder:
        plan, station = self._plan, self._plan.stations[number]
        dock, drone = station.dock, station.dock.drone
        home_en = turned_back(np.array([station.uv_m]), plan.strips.angle_deg)[0].tolist()
        return MissionBuilder(
            frame=plan.frame,
            router=self._router,
            home=Home(lon=dock.lon, lat=dock.lat, alt_msl_m=dock.alt_msl_m),
            home_en=(home_en[0], home_en[1]),
            altitude_m=plan.survey.altitude_m,
            speed_m_s=station.speed_m_s,
            limits=FlightLimits(
                max_range_m=drone.max_range_m,
                max_speed_m_s=max(FlightLimits().max_speed_m_s, drone.speed_m_s),
                min_photo_interval_s=plan.survey.min_photo_interval_s,
                max_duration_s=drone.usable_s,
            ),
            kinematics=drone.kinematics,
        )
