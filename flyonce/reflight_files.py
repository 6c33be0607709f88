"""Re-flights as files: an account of them, a map, and a mission for every flight."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import Polygon

from flightplan.files.draft import SUFFIX, write_draft
from flightplan.files.text import write_text
from flightplan.files.wpml import wpml_texts
from flightplan.files.wpml_model import WpmlOptions
from flightplan.fleet.model import DroneModel
from flightplan.ground.terrain import Terrain
from flightplan.mission.limits import Violation
from flightplan.mission.mission import Mission
from flightplan.reflight.departures import Departure
from flightplan.reflight.missions import limits_of, mission_of
from flightplan.reflight.plan import ReflightPlan
from flyonce.mission_writing import AUTOPILOTS, store_of, write_mission
from flyonce.plan_rules import FlightRules


@dataclass(frozen=True, kw_only=True)
class _Flown:
    """A departure with its mission, and what is wrong with it."""

    departure: Departure
    name: str
    mission: Mission
    violations: tuple[Violation, ...]
    suffix: str

    @property
    def place(self) -> str:
        """Where its mission is, or its draft."""
        return f"missions/{self.departure.sortie.dock.name}/{self.name}{SUFFIX if self.violations else self.suffix}"


@dataclass(frozen=True, kw_only=True)
class ReflightFiles:
    """Writes one plan.

    Attributes:
        plan: The flights.
        departures: Their times.
        rules: What each flight is held to.
        keep_out: Places (degrees) that fences shut out.
        terrain: The ground; None for level ground.
    """

    plan: ReflightPlan
    departures: Sequence[Departure]
    rules: FlightRules
    keep_out: tuple[Polygon, ...] = ()
    terrain: Terrain | None = None

    def write(self, folder: Path, *, on_flight: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Write everything into `folder`, which need not exist; each file is whole or not there.

        Returns:
            The account of the plan, as `plan.json` has it.

        Raises:
            CannotPlan: The ground is not known, or too steep, or no dock flies it; nothing is written.
            InvalidMission: A flight breaks a limit; nothing is written.
            OSError: The folder cannot be written to.
        """
        flown = []
        for departure, name in self._named():
            flown.append(self._flown(departure, name))
            on_flight()
        account = self._account(flown)
        for one in flown:
            path = folder / one.place
            if one.violations:
                write_draft(path, one.mission, one.violations)
                continue
            write_mission(path.parent, one.name, one.mission, self.rules.vehicle)
        features = [feature for one in flown for feature in self._features(one)]
        document = {"type": "FeatureCollection", "features": features}
        write_text(folder / "flights.geojson", json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
        write_text(folder / "plan.json", json.dumps(account, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
        return account

    def _named(self) -> Iterator[tuple[Departure, str]]:
        flown: Counter[str] = Counter()
        for departure in self.departures:
            flown[departure.drone] += 1
            yield departure, f"{departure.drone.replace('/', '-')}-refly-{flown[departure.drone]:02}"

    def _flown(self, departure: Departure, name: str) -> _Flown:
        limits = replace(limits_of(departure.sortie), store=store_of(self.rules.vehicle))
        mission = mission_of(self.plan, departure.sortie, name, terrain=self.terrain, limits=limits)
        drone = departure.sortie.dock.drone
        judged, violations = self.rules.judge(mission, departure.takes_off_at, self.keep_out, drone.kinematics)
        violations = (*violations, *_too_long(mission, drone))
        is_wayline = self.rules.vehicle not in AUTOPILOTS
        if is_wayline:
            # What docks cannot fly is to be refused before anything is written.
            wpml_texts(judged, WpmlOptions(aircraft=self.rules.vehicle))
        return _Flown(
            departure=departure,
            name=name,
            mission=judged,
            violations=violations,
            suffix=".kmz" if is_wayline else ".plan",
        )

    def _account(self, flown: Sequence[_Flown]) -> dict[str, Any]:
        return {
            "flights": [self._flight(one) for one in flown],
            "seconds_in_the_air": round(self.plan.seconds, 1),
            "not_planned": [{"id": name, "reason": reason} for name, reason in self.plan.not_planned],
            "left_for_later": list(self.plan.left_for_later),
            "docks_left_out": list(self.plan.docks_left_out),
        }

    def _flight(self, one: _Flown) -> dict[str, Any]:
        departure, sortie = one.departure, one.departure.sortie
        figures = one.mission.figures(sortie.dock.drone.kinematics)
        return {
            "name": one.name,
            "dock": sortie.dock.name,
            "drone": departure.drone,
            "takes_off_at": departure.takes_off_at.isoformat(timespec="seconds"),
            "lands_at": departure.lands_at.isoformat(timespec="seconds"),
            "length_m": round(figures.length_m, 1),
            "photos": figures.photos,
            "mission": one.place,
            "breaches": [str(violation) for violation in one.violations],
            "cases": [
                {
                    "id": visit.target.target_id,
                    "view": visit.target.view,
                    "photos": len(visit.shots),
                    "height_agl_m": round(visit.shots[0].height_m, 1),
                }
                for visit in sortie.visits
            ],
        }

    def _features(self, one: _Flown) -> Iterator[dict[str, Any]]:
        line = {"type": "LineString", "coordinates": [list(point) for point in one.mission.path_lonlat()]}
        yield _feature("path", line, flight=one.name, dock=one.departure.sortie.dock.name)
        for visit in one.departure.sortie.visits:
            target = visit.target
            place = {"type": "Point", "coordinates": [target.lon, target.lat]}
            yield _feature("case", place, flight=one.name, id=target.target_id, priority=target.priority)
            seen_from = self.plan.frame.lonlat_from_en(np.array([shot.point_en for shot in visit.shots]))
            places = {"type": "MultiPoint", "coordinates": seen_from.tolist()}
            yield _feature("photos", places, flight=one.name, id=target.target_id, view=target.view)


def _too_long(mission: Mission, drone: DroneModel) -> Iterator[Violation]:
    """A flight that the wind and the hills together make longer than the battery lasts."""
    lasts_s, most_min = mission.figures(drone.kinematics).duration_s, drone.usable_s / 60
    if lasts_s > drone.usable_s:
        yield Violation(
            rule="battery",
            place="mission",
            problem=f"it takes {lasts_s / 60:.1f} min with this drone in this wind, more than {most_min:g} min",
            remedy="Wait for less wind, or leave out what is farthest",
        )


def _feature(kind: str, geometry: dict[str, Any], **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}
