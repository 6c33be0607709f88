"""The demo's flight: plan it, load it into the vehicle over its socket, fly it, and tell the watchers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from dispatch_api.flights import FlightDesk
from flightplan.coverage.survey import CoveragePlan, plan_coverage
from flightplan.files import write_plan
from flightplan.flying.flight import PositionEvent
from flightplan.ground.area import PatrolArea
from flightplan.mission.mission import Home, Mission
from flyonce.demo.district import District
from flyonce.demo.world import World, demo_camera

ALTITUDE_M = 60.0
FRONTLAP = 0.7
SIDELAP = 0.3
SPEED_M_S = 10.0
# The simulated clock runs this much faster than ours; the map need not hear of every position.
SPEEDUP = 8.0
_REPORT_EVERY_S = 0.3


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """The planned flight.

    Attributes:
        coverage: The plan over the patrol area.
        mission: Its only mission.
    """

    coverage: CoveragePlan
    mission: Mission

    @property
    def photos(self) -> int:
        """Photos that are due."""
        return self.coverage.figures[0].photos


def home_of(district: District) -> Home:
    """The take-off place."""
    lon, lat = district.frame.lonlat_from_enu(district.home_m)[0]
    return Home(lon=float(lon), lat=float(lat), alt_msl_m=district.home_alt_msl_m)


def plan_flight(world: World, folder: Path) -> DemoPlan:
    """Plans the flight over the patrol area and writes `mission.plan`."""
    home = home_of(world.district)
    coverage = plan_coverage(
        PatrolArea.from_geojson(world.area_path),
        demo_camera(),
        ALTITUDE_M,
        FRONTLAP,
        SIDELAP,
        home_lonlat=(home.lon, home.lat),
        home_alt_msl_m=home.alt_msl_m,
        speed_m_s=SPEED_M_S,
    )
    mission = coverage.missions[0]
    write_plan(folder / "mission.plan", mission)
    return DemoPlan(coverage=coverage, mission=mission)


class PositionReporter:
    """Passes positions on to the flight desk a few times a second, on a thread of its own: the link never waits."""

    def __init__(self, desk: FlightDesk, flight_id: str, *, behind: timedelta) -> None:
        """Report to `desk`, with times set `behind` the vehicle's hurried clock."""
        self._behind = behind
        self._desk = desk
        self._flight_id = flight_id
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="positions")
        self._next_at = 0.0

    def __enter__(self) -> PositionReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)

    def report(self, position: PositionEvent) -> None:
        """Takes one position of the vehicle and returns at once."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + _REPORT_EVERY_S
        self._pool.submit(
            self._desk.position,
            self._flight_id,
            position.at - self._behind,
            position.lon,
            position.lat,
            position.alt_home_m,
            position.heading_deg,
        )
