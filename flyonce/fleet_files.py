"""A fleet's plan as files: a table of flights, a map of them, a chart, an account, and a mission for every flight."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flightplan.files.qgc_plan import write_plan
from flightplan.files.text import write_text
from flightplan.files.waypoints import write_waypoints
from flightplan.fleet.missions import FleetMissions
from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.schedule import Departure, Schedule
from flightplan.mission import Mission
from flyonce.fleet_chart import FleetChart
from geo.whole_file import whole_file
from vision.drawing import Language

_COLUMNS = ("dock", "drone", "flight", "takes_off_at", "lands_at", "minutes", "rows", "km", "photos", "mission")


@dataclass(frozen=True, kw_only=True)
class FleetFiles:
    """Writes one plan.

    Attributes:
        plan: The flights.
        schedule: Their times; at least one.
        lang: Of chart and page.
    """

    plan: FleetPlan
    schedule: Schedule
    lang: Language = "zh"

    def write(self, folder: Path, *, missions: bool, on_flight: Callable[[], None] = lambda: None) -> list[Path]:
        """Write everything into `folder`, which need not exist; each file is whole or not there.

        Args:
            folder: Where.
            missions: Whether to write a mission for ground stations for every flight, too.
            on_flight: Called for every flight.

        Returns:
            What was written, missions left out.

        Raises:
            InvalidMission: A flight breaks a limit; nothing is written.
            OSError: The folder cannot be written to.
        """
        makes, flown = FleetMissions(self.plan), []
        for departure, name in self._named():
            flown.append((departure, name, makes.mission(departure.station, departure.flight, name)))
            on_flight()
        chart = FleetChart(plan=self.plan, schedule=self.schedule, lang=self.lang)
        with whole_file(folder / "gantt.png") as partial:
            chart.png().save(partial, "PNG")
        write_text(folder / "gantt.html", chart.page())
        with whole_file(folder / "flights.csv") as partial, partial.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow(_COLUMNS)
            table.writerows(self._row(*one, is_written=missions) for one in flown)
        features = [self._feature(*one) for one in flown]
        document = {"type": "FeatureCollection", "features": features}
        write_text(folder / "flights.geojson", json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
        for departure, name, mission in flown if missions else ():
            place = folder / "missions" / self.plan.stations[departure.station].dock.name
            write_plan(place / f"{name}.plan", mission)
            write_waypoints(place / f"{name}.waypoints", mission)
        return [folder / name for name in ("gantt.png", "gantt.html", "flights.csv", "flights.geojson")]

    def _named(self) -> Iterator[tuple[Departure, str]]:
        flown: Counter[int] = Counter()
        for departure in self.schedule.departures:
            flown[departure.station] += 1
            station = self.plan.stations[departure.station]
            yield departure, f"{station.name.replace('/', '-')}-{flown[departure.station]:03}"

    def _row(self, departure: Departure, name: str, mission: Mission, *, is_written: bool) -> list[object]:
        station = self.plan.stations[departure.station]
        figures = mission.figures(station.dock.drone.kinematics)
        return [
            station.dock.name,
            station.name,
            name,
            departure.takes_off_at.isoformat(),
            departure.lands_at.isoformat(),
            round(departure.flight.seconds / 60, 1),
            len(departure.flight.runs_uv),
            round(figures.length_m / 1_000, 2),
            figures.photos,
            f"missions/{station.dock.name}/{name}.plan" if is_written else "",
        ]

    def _feature(self, departure: Departure, name: str, mission: Mission) -> dict[str, Any]:
        return {
            "type": "Feature",
            "properties": {
                "flight": name,
                "dock": self.plan.stations[departure.station].dock.name,
                "takes_off_at": departure.takes_off_at.isoformat(),
                "lands_at": departure.lands_at.isoformat(),
            },
            "geometry": {"type": "LineString", "coordinates": [list(point) for point in mission.path_lonlat()]},
        }
