"""Dynamic plans: ground that nobody has looked at for too long, and places that people complain about."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from flightplan.errors import CannotPlan, InputFileError
from flightplan.files.text import read_text
from flightplan.ground.area import lonlat_problem
from flightplan.projection import LocalFrame
from flightplan.reflight.model import MOST_PRIORITY, Spread, Target
from flightplan.reflight.reading import MOST_ROWS, REMEDY, Day, Name, Strict, Table, read_document, validated

_LEAST_SIZE_M, _MOST_SIZE_M = 1.0, 2_000.0


class _CellTable(Strict):
    cell: Name
    lon: float
    lat: float
    size_m: float
    last_seen_on: Day | None = None
    priority: int = 1
    every_days: int | None = None


class _ComplaintTable(Strict):
    id: Name
    lon: float
    lat: float
    made_on: Day


@dataclass(frozen=True, kw_only=True)
class DynamicRules:
    """When ground is overdue, and what makes a hot-spot.

    Attributes:
        every_days: A cell is looked at so often, where its row does not say.
        resolution_m: Metres of ground per pixel, for cells and hot-spots.
        hot_m: Complaints are of one hot-spot where each lies within so much of another.
        hot_days: Complaints older than this do not count.
        hot_least: So many make a hot-spot.
    """

    every_days: int = 7
    resolution_m: float = 0.05
    hot_m: float = 50.0
    hot_days: int = 30
    hot_least: int = 3

    def __post_init__(self) -> None:
        for name, most in (("every_days", 3_650), ("hot_days", 3_650), ("hot_least", 1_000)):
            if not 1 <= getattr(self, name) <= most:
                raise CannotPlan(problem=f"{name} {getattr(self, name)} is out of range", remedy=f"Give 1 to {most}")
        if not 1 <= self.hot_m <= 1_000:
            raise CannotPlan(problem=f"hot_m {self.hot_m:g} is out of range", remedy="Give 1 to 1,000 m")


def overdue_cells(path: Path | str, day: date, rules: DynamicRules) -> list[Target]:
    """Cells of a table (CSV, JSON or YAML) that should have been looked at by that day, the most urgent first.

    A cell that nobody has ever seen is overdue since always.

    Raises:
        InputFileError: The table cannot be read, or says what cannot be.
    """
    path = Path(path)
    found = []
    for number, row in enumerate(_rows(path, "cells", _CellTable), 1):
        place = f"cells > row {number} ({row.cell:.40})"
        if not _LEAST_SIZE_M <= row.size_m <= _MOST_SIZE_M:
            raise _impossible(path, place, f"size_m must lie between {_LEAST_SIZE_M:g} and {_MOST_SIZE_M:g}")
        every_days = rules.every_days if row.every_days is None else row.every_days
        if not 1 <= every_days <= 3_650:
            raise _impossible(path, place, "every_days must lie between 1 and 3,650")
        if row.last_seen_on is not None and row.last_seen_on > day - timedelta(days=every_days):
            continue
        due_on = date.min if row.last_seen_on is None else row.last_seen_on + timedelta(days=every_days)
        spread = Spread(half_length_m=row.size_m / 2, half_width_m=row.size_m / 2, is_box=True)
        found.append(_target(path, place, row, f"cell {row.cell}", spread, row.priority, due_on, rules))
    return sorted(found, key=lambda target: target.urgency)


def hot_spots(path: Path | str, day: date, rules: DynamicRules) -> list[Target]:
    """Places that several complaints of a table (CSV, JSON or YAML) lie close together at, the hottest first.

    The more complaints, the higher the priority.

    Raises:
        InputFileError: The table cannot be read, or says what cannot be.
    """
    path = Path(path)
    rows = [row for row in _complaints(path) if timedelta(0) <= day - row.made_on <= timedelta(days=rules.hot_days)]
    if not rows:
        return []
    frame = LocalFrame(lon=rows[0].lon, lat=rows[0].lat)
    found = []
    places = frame.en_from_lonlat(np.array([(row.lon, row.lat) for row in rows]))
    for members in _close_together(places, rules.hot_m):
        if len(members) < rules.hot_least:
            continue
        middle = (places[members].min(axis=0) + places[members].max(axis=0)) / 2
        radius_m = float(np.hypot(*(places[members] - middle).T).max()) + rules.hot_m / 2
        lon, lat = (float(value) for value in frame.lonlat_from_en(middle)[0])
        first = min((rows[member] for member in members), key=lambda row: (row.made_on, row.id))
        spot = first.model_copy(update={"lon": lon, "lat": lat})
        priority = min(MOST_PRIORITY, 1 + int(math.log2(len(members))))
        spread = Spread(half_length_m=radius_m, half_width_m=radius_m)
        name = f"hot-spot of {len(members)} complaints since {first.id}"
        found.append(_target(path, f"complaint {first.id:.40}", spot, name, spread, priority, first.made_on, rules))
    return sorted(found, key=lambda target: target.urgency)


def _complaints(path: Path) -> Sequence[_ComplaintTable]:
    rows = _rows(path, "complaints", _ComplaintTable)
    for number, row in enumerate(rows, 1):
        problem = lonlat_problem(row.lon, row.lat)
        if problem is not None:
            raise _impossible(path, f"complaints > row {number} ({row.id:.40})", problem[0])
    return rows


def _target(
    path: Path,
    place: str,
    row: _CellTable | _ComplaintTable,
    name: str,
    spread: Spread,
    priority: int,
    due_on: date,
    rules: DynamicRules,
) -> Target:
    try:
        return Target(
            target_id=name,
            lon=row.lon,
            lat=row.lat,
            spread=spread,
            resolution_m=rules.resolution_m,
            priority=priority,
            due_on=due_on,
        )
    except ValueError as error:
        raise _impossible(path, place, str(error)) from error


def _close_together(places: np.ndarray[tuple[int, ...], np.dtype[np.float64]], within_m: float) -> list[list[int]]:
    """Places that hang together by neighbours within that distance."""
    points = np.atleast_1d(np.asarray(shapely.points(places)))
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=within_m)
    leader = np.arange(len(places))
    # Each takes the least number around it, until nothing changes: as often as the longest chain is long.
    while True:
        least = leader.copy()
        np.minimum.at(least, one, leader[other])
        least = least[least]
        if (least == leader).all():
            break
        leader = least
    return [np.flatnonzero(leader == number).tolist() for number in np.unique(leader).tolist()]


_MORE = "more columns than the head"


def _rows(path: Path, name: str, row: type[Table]) -> Sequence[Table]:
    """The rows of a table: a CSV with a head, or a list in JSON or YAML, alone or under its name."""
    needed = [name for name, key in row.model_fields.items() if key.is_required()]
    told = _csv(path, needed) if path.suffix.lower() == ".csv" else read_document(path)
    listed = told.get(name) if isinstance(told, dict) else told
    if not isinstance(listed, list):
        raise _impossible(path, name, "the list is missing")
    if len(listed) > MOST_ROWS:
        raise _impossible(path, name, f"more than {MOST_ROWS:,} rows are too many for one plan")
    return [validated(path, row, one, f"{name} > row {number}") for number, one in enumerate(listed, 1)]


def _csv(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)), restkey=_MORE, strict=True)
        table = list(reader)
    except csv.Error as error:
        raise _impossible(path, "", f"it cannot be read as CSV ({error})") from error
    # Without a row nothing else would tell of a head that is none.
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing and not table:
        raise _impossible(path, "line 1", f"there is no column {missing[0]}")
    # An empty field says nothing.
    return [{key: value for key, value in row.items() if value not in ("", None)} for row in table]


def _impossible(path: Path, place: str, problem: str) -> InputFileError:
    return InputFileError(path=path, place=place, problem=problem, remedy=REMEDY)
