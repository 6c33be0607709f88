"""A fleet's plan as files: a table of flights, a map of them, a chart, an account, and a mission for every flight."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import Polygon

from flightplan.files.draft import SUFFIX, write_draft
from flightplan.files.text import write_text
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.schedule import Departure, Schedule
from flightplan.mission.limits import Violation
from flightplan.mission.mission import Mission
from flightplan.mission.return_height import return_height_m
from flyonce.fleet_chart import FleetChart
from flyonce.mission_writing import AUTOPILOTS, write_mission
from flyonce.plan_rules import FlightRules
from geo.whole_file import whole_file
from vision.drawing import Language

_COLUMNS = (
    "dock",
    "drone",
    "flight",
    "takes_off_at",
    "lands_at",
    "minutes",
    "rows",
    "km",
    "photos",
    "return_height_m",
    "approvals",
    "breaches",
    "mission",
)


@dataclass(frozen=True, kw_only=True)
class _Flown:
    """One flight with its mission, and what is wrong with it."""

    departure: Departure
    dock: str
    name: str
    mission: Mission
    violations: tuple[Violation, ...]
    ending: str

    @property
    def place(self) -> str:
        """Where its mission is, or its draft."""
        ending = SUFFIX if self.violations else self.ending
        return f"missions/{self.dock}/{self.name}{ending}"


@dataclass(frozen=True, kw_only=True)
class FleetFiles:
    """Writes one plan.

    Attributes:
        plan: The flights.
        schedule: Their times; at least one.
        missions: Makes the flights' missions.
        rules: What each flight is held to.
        keep_out: Places (degrees) that fences shut out.
        lang: Of chart and page.
    """

    plan: FleetPlan
    schedule: Schedule
    missions: FleetMissions
    rules: FlightRules
    keep_out: tuple[Polygon, ...] = ()
    lang: Language = "zh"

    def write(
        self, folder: Path, *, missions: bool, on_flight: Callable[[], None] = lambda: None
    ) -> tuple[list[Path], dict[str, tuple[Violation, ...]]]:
        """Write everything into `folder`, which need not exist; each file is whole or not there.

        Args:
            folder: Where.
            missions: Whether to write a mission for ground stations for every flight, too.
            on_flight: Called for every flight.

        Returns:
            What was written, missions left out; and by flight what is wrong with those that are drafts only.

        Raises:
            InvalidMission: A flight breaks a limit; nothing is written.
            OSError: The folder cannot be written to.
        """
        flown = []
        for departure, name in self._named():
            flown.append(self._flown(departure, name))
            on_flight()
        chart = FleetChart(plan=self.plan, schedule=self.schedule, lang=self.lang)
        with whole_file(folder / "gantt.png") as partial:
            chart.png().save(partial, "PNG")
        write_text(folder / "gantt.html", chart.page())
        with whole_file(folder / "flights.csv") as partial, partial.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow(_COLUMNS)
            table.writerows(self._row(one, is_written=missions) for one in flown)
        document = {"type": "FeatureCollection", "features": [_feature(one) for one in flown]}
        write_text(folder / "flights.geojson", json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
        for one in flown if missions else ():
            path = folder / one.place
            if one.violations:
                write_draft(path, one.mission, one.violations)
            else:
                write_mission(path.parent, one.name, one.mission, self.rules.vehicle)
        written = [folder / name for name in ("gantt.png", "gantt.html", "flights.csv", "flights.geojson")]
        return written, {one.name: one.violations for one in flown if one.violations}

    def _flown(self, departure: Departure, name: str) -> _Flown:
        mission = self.missions.mission(departure.station, departure.flight, name)
        drone = self.plan.stations[departure.station].dock.drone
        judged, violations = self.rules.judge(mission, departure.takes_off_at, self.keep_out, drone.kinematics)
        dock = self.plan.stations[departure.station].dock.name
        ending = ".plan" if self.rules.vehicle in AUTOPILOTS else ".kmz"
        return _Flown(departure=departure, dock=dock, name=name, mission=judged, violations=violations, ending=ending)

    def _named(self) -> Iterator[tuple[Departure, str]]:
        flown: Counter[int] = Counter()
        for departure in self.schedule.departures:
            flown[departure.station] += 1
            station = self.plan.stations[departure.station]
            yield departure, f"{station.name.replace('/', '-')}-{flown[departure.station]:03}"

    def _row(self, one: _Flown, *, is_written: bool) -> list[object]:
        departure, station = one.departure, self.plan.stations[one.departure.station]
        figures = one.mission.figures(station.dock.drone.kinematics)
        clearance = one.mission.clearance
        return [
            one.dock,
            station.name,
            one.name,
            departure.takes_off_at.isoformat(),
            departure.lands_at.isoformat(),
            round(departure.flight.seconds / 60, 1),
            len(departure.flight.runs_uv),
            round(figures.length_m / 1_000, 2),
            figures.photos,
            round(return_height_m(one.mission)),
            " ".join(clearance.approvals) if clearance is not None else "",
            "; ".join(map(str, one.violations)),
            one.place if is_written else "",
        ]


def _feature(one: _Flown) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {
            "flight": one.name,
            "dock": one.dock,
            "takes_off_at": one.departure.takes_off_at.isoformat(),
            "lands_at": one.departure.lands_at.isoformat(),
            "lawful": not one.violations,
        },
        "geometry": {"type": "LineString", "coordinates": [list(point) for point in one.mission.path_lonlat()]},
    }
