"""What lies at the same place already: the case that a new observation joins, and those a person should compare."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from sqlalchemy import Connection

from dispatch_api.cases.merging import Likeness, Spot, likeness, time_gap
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.observation import Observation
from dispatch_api.cases.records import (
    CaseRow,
    cases_of,
    flights_of,
    get_case,
    near_cases_of_many,
    spot_of,
    touched_cases,
)
from geo.frames import METRES_PER_DEGREE
from geo.identity.rules import IdentityRules

REPEAT_WINDOW = timedelta(days=30)


class LookedClean(Protocol):
    """Tells whether somebody looked at a place between two times, well enough, and would have found the thing."""

    def __call__(self, spot: Spot, *, label: str, after: datetime, before: datetime, but_not: frozenset[str]) -> bool:
        """Whether a flight, none of `but_not`, looked at `spot` after and before these times and it was clean."""
        ...


@dataclass(kw_only=True)
class Neighbours:
    """Cases around an observation.

    Attributes:
        same: Cases that it may join, with the squared distance in units of the joint error.
        perhaps: Ids of cases that may be the same: a person compares.
        rejected: Ids of cases at this place that a person rejected.
        closed: Cases of the same thing that were closed, or recurred, within the last 30 days; and cases still open
            whose place was found clean since the thing was last seen there.
    """

    same: list[tuple[float, CaseRow]] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    closed: list[CaseRow] = field(default_factory=list)

    @property
    def nearest(self) -> CaseRow | None:
        """The case to join, None where there is none."""
        return min(self.same, key=lambda item: item[0])[1] if self.same else None


def spot_of_observation(seen: Observation) -> Spot:
    """Where and when an observation was made, as it compares with known cases."""
    east_deg = seen.offset_m[0] / (METRES_PER_DEGREE * math.cos(math.radians(seen.lat)))
    north_deg = seen.offset_m[1] / METRES_PER_DEGREE
    outline = seen.footprint_lonlat
    return Spot(
        lon=seen.lon - east_deg,
        lat=seen.lat - north_deg,
        covariance_m2=seen.covariance_m2,
        footprint_lonlat=None if outline is None else [(lon - east_deg, lat - north_deg) for lon, lat in outline],
        first_seen_at=seen.first_seen_at,
        last_seen_at=seen.last_seen_at,
    )


class Nearby:
    """The cases around many places: read at once, and kept up with what this transaction makes of cases meanwhile."""

    def __init__(self, connection: Connection, spots: Sequence[Spot], rules: IdentityRules) -> None:
        self._connection = connection
        self._boxes = [spot.box_lonlat(rules.suggest_probability) for spot in spots]
        self._found = near_cases_of_many(connection, self._boxes)
        self._touched = touched_cases(connection)
        self._read_at = len(self._touched)

    @property
    def case_ids(self) -> frozenset[str]:
        """All cases that were read."""
        return frozenset(row.case_id for found in self._found for row in found)

    def cases(self, number: int, *, family: str) -> Sequence[CaseRow]:
        """The cases of a family that may be like what is at place `number`: more than are, never fewer."""
        found = {row.case_id: row for row in self._found[number]}
        for case_id in self._touched_since(number, set(found)):
            found[case_id] = get_case(self._connection, case_id)
        return sorted((row for row in found.values() if row.family == family), key=lambda row: row.seq)

    def _touched_since(self, number: int, found: Collection[str]) -> set[str]:
        if len(self._touched) == self._read_at:
            return set()
        west, south, east, north = self._boxes[number]
        return {
            case_id
            for case_id, box in islice(self._touched, self._read_at, None)
            if case_id in found
            or (box is not None and box[0] <= east and box[2] >= west and box[1] <= north and box[3] >= south)
        }


def look_around(
    connection: Connection,
    seen: Observation,
    *,
    near: Sequence[CaseRow],
    window: timedelta,
    rules: IdentityRules,
    looked_clean: LookedClean | None = None,
) -> Neighbours:
    """Sort the cases of a family around an observation by the merge rule.

    Args:
        connection: Of the store.
        seen: The observation.
        near: The cases of its family that may be like it, as `Nearby` finds them.
        window: How far apart in time two observations of one thing of this family may be.
        rules: The thresholds of the merge rule.
        looked_clean: Tells of clean looks in between; None where nobody knows of any.
    """
    spot, found = spot_of_observation(seen), Neighbours()
    others = cases_of(connection, seen.apart_from)
    for row in near:
        if row.case_id in others:
            continue
        verdict, distance2 = likeness(spot, spot_of(row), rules)
        if verdict is not Likeness.OTHER and row.state != CaseState.MERGED:
            _sort(found, row, verdict, distance2, spot, window)
    if looked_clean is not None:
        _part_what_was_gone(connection, found, seen, spot, looked_clean)
    return found


def _part_what_was_gone(
    connection: Connection, found: Neighbours, seen: Observation, spot: Spot, looked_clean: LookedClean
) -> None:
    """What was found clean in between is not the same thing: it came back."""
    gone = []
    for entry in found.same:
        row, place = entry[1], spot_of(entry[1])
        between = {"after": place.last_seen_at, "before": spot.first_seen_at}
        if place.last_seen_at < spot.first_seen_at and looked_clean(
            place, label=row.label, but_not=flights_of(connection, row.case_id) | {seen.flight_id}, **between
        ):
            gone.append(entry)
    found.same = [entry for entry in found.same if entry not in gone]
    found.closed += [row for _, row in gone]


def _sort(found: Neighbours, row: CaseRow, verdict: Likeness, distance2: float, spot: Spot, window: timedelta) -> None:
    # What was seen before a case ended belongs to that case, even if the pictures come in late.
    live = CaseState(row.state) not in ENDED_STATES or spot.last_seen_at <= row.ended_at
    if live:
        if time_gap(spot, spot_of(row)) > window:
            return
        if verdict is Likeness.SAME:
            found.same.append((distance2, row))
        else:
            found.perhaps.append(row.case_id)
    elif verdict is Likeness.SAME and row.state == CaseState.REJECTED:
        found.rejected.append(row.case_id)
    elif verdict is Likeness.SAME and spot.first_seen_at - row.ended_at <= REPEAT_WINDOW:
        found.closed.append(row)
