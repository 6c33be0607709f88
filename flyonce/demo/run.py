"""Runs the demo: stage, plan, upload over a socket, fly, photograph, analyse like anybody's photos, measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from shapely.geometry import mapping

from dispatch_api.departments.model import load_departments
from dispatch_api.flights import FlightDesk
from dispatch_api.store import open_store
from flightplan.flying.flight import FlightLog, fly
from flightplan.link.link import Link, open_link
from flightplan.link.upload import upload
from flyonce.analysis import open_tools, readable_zones
from flyonce.analysis_result import AnalyzeResult
from flyonce.demo.accounts import create_demo_accounts, demo_accounts
from flyonce.demo.airborne import SPEEDUP, DemoPlan, PositionReporter, home_of, plan_flight
from flyonce.demo.errors import DemoError
from flyonce.demo.measure import compare, flown_path_lonlat, path_length_km
from flyonce.demo.outcome import read_outcome
from flyonce.demo.reported import NavigationErrors, Navigator
from flyonce.demo.result import DemoResult
from flyonce.demo.server import check_port, demo_app, serving
from flyonce.demo.shoot import PhotoShoot
from flyonce.demo.vehicle_process import vehicle_process
from flyonce.demo.world import BASEMAP_FILE, DEPARTMENTS_FILE, World, build_world
from flyonce.looks import Look
from flyonce.pipeline import analyze
from flyonce.settings import Settings
from geo.ground import FlatGround

STORE_FILE = "demo.db"
_FLIGHT_NAME = "演示飞行"


class Watcher(Protocol):
    """Hears how the demo gets on."""

    def stage(self, text: str) -> None:
        """A new stage begins."""
        ...

    def address(self, url: str) -> None:
        """The pages are up at `url`."""
        ...

    def photos(self, looked_at: int, due: int) -> None:
        """So many photos are looked at."""
        ...


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """How to run.

    Attributes:
        folder: A new folder for everything that the run writes.
        port: Of the pages, on loopback; 0 takes a free one.
        seed: Stages other things in other places.
        speedup: How much faster than ours the flight's clock runs.
    """

    folder: Path
    port: int = 0
    seed: int = 1
    speedup: float = SPEEDUP

    @property
    def store_url(self) -> str:
        """The run's own store."""
        return store_url_of(self.folder)


def store_url_of(folder: Path) -> str:
    """The store of the run in that folder."""
    return f"sqlite:///{folder.resolve() / STORE_FILE}"


@dataclass(kw_only=True)
class _Clock:
    """Wall time of each stage."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - began, 2)

    @property
    def total(self) -> float:
        return round(time.monotonic() - self.started, 2)


def run_demo(
    settings: Settings, options: DemoOptions, watcher: Watcher, *, linger: Callable[[DemoResult], None] | None = None
) -> DemoResult:
    """Runs the whole demo; its pages are up from before the flight until `linger` returns.

    Args:
        settings: Models and workers.
        options: Folder, port, seed.
        watcher: Hears how it gets on.
        linger: Called with the result while the pages are still served.

    Raises:
        DemoError: Ground picture, sprites, port or vehicle are not to be had.
        ModelError: A model is missing or broken.
        LinkError: The vehicle refused or stopped answering.
    """
    clock = _Clock()
    check_port(options.port)
    options.folder.mkdir(parents=True, exist_ok=True)
    watcher.stage("staging the district")
    with clock.timing("stage"):
        world = build_world(options.folder, seed=options.seed, today=datetime.now(UTC).date())
    with open_store(options.store_url, create=True) as store:
        create_demo_accounts(store, demo_accounts(load_departments(world.departments_path)))
        with serving(demo_app(store, options.folder), options.port) as address:
            watcher.address(address)
            plan, analysis = _fly_and_analyze(settings, options, world, clock, watcher)
            watcher.stage("measuring")
            result = _measured(options, world, plan, analysis, address, clock)
            if linger is not None:
                linger(result)
    return result


@contextmanager
def reopened(folder: Path, port: int) -> Iterator[str]:
    """Serves the pages of an earlier run.

    Yields:
        The address to open.

    Raises:
        DemoError: The folder holds no finished staging, or the port is taken.
    """
    for name in (STORE_FILE, DEPARTMENTS_FILE, BASEMAP_FILE):
        if not (folder / name).is_file():
            raise DemoError(
                f"{folder}: no {name} in it. Give the folder of an earlier run, as `flyonce demo` printed it."
            )
    with open_store(store_url_of(folder)) as store, serving(demo_app(store, folder), port) as address:
        yield address


def _fly_and_analyze(
    settings: Settings, options: DemoOptions, world: World, clock: _Clock, watcher: Watcher
) -> tuple[DemoPlan, AnalyzeResult]:
    with clock.timing("plan"):
        plan = plan_flight(world, options.folder)
    photo_folder = options.folder / "photos"
    photo_folder.mkdir()
    flight_id = f"DEMO-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    shoot = PhotoShoot(
        district=world.district,
        photographer=world.photographer(options.seed),
        navigator=Navigator(errors=NavigationErrors(), seed=options.seed),
        folder=photo_folder,
        behind=_hurry(plan, options.speedup),
    )
    zones = readable_zones(world.zones_path)
    with (
        open_tools(
            options.store_url,
            settings=settings,
            zones=zones,
            ground=FlatGround(),
            departments=world.departments_path,
        ) as tools,
        shoot,
        vehicle_process(home_of(world.district), options.speedup) as link_url,
        # The link closes before the pilot is waited for: an analysis that fails also ends the flight.
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="flight") as pilot,
        open_link(link_url) as link,
    ):
        watcher.stage("uploading the mission, reading it back")
        with clock.timing("upload"):
            upload(link, plan.mission)
        tools.flights.start(
            flight_id,
            _FLIGHT_NAME,
            plan.mission.path_lonlat(),
            _area_geometry(plan),
            started_at=datetime.now(UTC) - shoot.behind,
        )
        watcher.stage("flying and analysing")
        flown = pilot.submit(_fly, link, plan, shoot, tools.flights, flight_id, options.folder / "flight.tlog", clock)
        with clock.timing("analyse"):
            analysis = analyze(
                shoot.photos(),
                tools=tools,
                flight_id=flight_id,
                flight_name=_FLIGHT_NAME,
                on_look=_counter(watcher, plan.photos),
                register_flight=False,
            )
        flown.result()
    return plan, analysis


def _fly(
    link: Link,
    plan: DemoPlan,
    shoot: PhotoShoot,
    desk: FlightDesk,
    flight_id: str,
    tlog_path: Path,
    clock: _Clock,
) -> FlightLog:
    """Flies to the landing; whatever happens, the analysis learns that no more photos come."""
    try:
        with clock.timing("fly"), PositionReporter(desk, flight_id, behind=shoot.behind) as reporter:
            log = fly(link, plan.mission, on_position=reporter.report, on_photo=shoot.expose, tlog_path=tlog_path)
        desk.end(flight_id, figures={"photos": len(log.photos), "flown_km": round(log.flown_m / 1000, 3)})
        return log
    finally:
        shoot.finish()


def _measured(
    options: DemoOptions, world: World, plan: DemoPlan, analysis: AnalyzeResult, address: str, clock: _Clock
) -> DemoResult:
    outcome = read_outcome(address)
    seen = compare(world.truth_path, outcome.cases)
    error_m = seen.position_error_m_median
    return DemoResult(
        planned_km=round(path_length_km(plan.mission.path_lonlat()), 3),
        flown_km=round(path_length_km(flown_path_lonlat(options.folder / "flight.tlog")), 3),
        photos=analysis.frames,
        findings=analysis.sightings,
        cases=len(outcome.cases),
        truth=seen.truth,
        found=len(seen.matches),
        missed=seen.missed,
        false_cases=len(seen.false_case_ids),
        position_error_m_median=None if error_m is None else round(error_m, 2),
        tasks_by_department=outcome.tasks_by_department,
        seconds=clock.total,
        seconds_by_stage=clock.seconds,
        store=options.store_url,
        folder=str(options.folder),
    )


def _hurry(plan: DemoPlan, speedup: float) -> timedelta:
    """How far the vehicle's clock will be ahead of ours at the end; set back by this, nothing happens in the future."""
    return timedelta(seconds=plan.coverage.figures[0].duration_s * (1 - 1 / speedup))


def _area_geometry(plan: DemoPlan) -> dict[str, Any]:
    return dict(mapping(plan.coverage.area.polygon))


def _counter(watcher: Watcher, due: int) -> Callable[[Look], None]:
    looked_at = 0

    def count(_look: Look) -> None:
        nonlocal looked_at
        looked_at += 1
        watcher.photos(looked_at, due)

    return count
