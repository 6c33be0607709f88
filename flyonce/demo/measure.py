"""Measures the demo's result: cases against the true list, and the path that was really flown."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymavlink import mavutil
from pyproj import Geod

# A case this far from the true place is another thing: five times the error that one flight may have.
MATCH_WITHIN_M = 10.0
# Which family of matters each staged label should become.
_MATTER_OF = {"standing_water": "waterlogging.", "waste": "dumping.", "person": "fishing."}


@dataclass(frozen=True, kw_only=True)
class FoundCase:
    """A case as the city sees it: matter key, and position in degrees."""

    case_id: str
    matter: str
    lon: float
    lat: float


@dataclass(frozen=True, kw_only=True)
class Match:
    """A staged thing and the case that was made of it."""

    thing_id: str
    case_id: str
    error_m: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Cases against truth.

    Attributes:
        truth: Number of staged things.
        matches: Staged things with a case of the right matter, each case once.
        missed: Staged things without a case.
        false_case_ids: Cases where nothing was staged.
    """

    truth: int
    matches: tuple[Match, ...]
    missed: tuple[str, ...]
    false_case_ids: tuple[str, ...]

    @property
    def position_error_m_median(self) -> float | None:
        """Median distance of the matched cases from the truth; None when nothing matched."""
        return statistics.median(match.error_m for match in self.matches) if self.matches else None


def compare(truth_path: Path, cases: Sequence[FoundCase], within_m: float = MATCH_WITHIN_M) -> Comparison:
    """Pairs cases with staged things, nearest pairs first."""
    things = json.loads(truth_path.read_text(encoding="utf-8"))["things"]
    geod = Geod(ellps="WGS84")
    pairs = []
    for thing in things:
        for case in cases:
            if case.matter.startswith(_MATTER_OF[thing["label"]]):
                distance_m = geod.inv(thing["lon"], thing["lat"], case.lon, case.lat)[2]
                if distance_m <= within_m:
                    pairs.append(Match(thing_id=thing["id"], case_id=case.case_id, error_m=distance_m))
    matches: dict[str, Match] = {}
    taken: set[str] = set()
    for pair in sorted(pairs, key=lambda match: match.error_m):
        if pair.thing_id not in matches and pair.case_id not in taken:
            matches[pair.thing_id] = pair
            taken.add(pair.case_id)
    return Comparison(
        truth=len(things),
        matches=tuple(matches.values()),
        missed=tuple(thing["id"] for thing in things if thing["id"] not in matches),
        false_case_ids=tuple(case.case_id for case in cases if case.case_id not in taken),
    )


def path_length_km(lonlat_deg: Sequence[tuple[float, float]]) -> float:
    """Length over the ground of a path of (lon, lat) in degrees."""
    if len(lonlat_deg) < 2:
        return 0.0
    lon, lat = np.asarray(lonlat_deg, dtype=np.float64).T
    return float(Geod(ellps="WGS84").line_length(lon, lat)) / 1000


def flown_path_lonlat(tlog_path: Path) -> list[tuple[float, float]]:
    """Positions (lon, lat) in degrees that the vehicle reported, out of a telemetry log."""
    log = mavutil.mavlink_connection(str(tlog_path))
    path = []
    while (message := log.recv_match(type="GLOBAL_POSITION_INT")) is not None:
        path.append((message.lon / 1e7, message.lat / 1e7))
    log.close()
    return path
