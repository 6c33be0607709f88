"""Cases in the store: rows in, rows out."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from dispatch_api.cases.clocks import WorkingCalendar
from dispatch_api.cases.fusion import Place, fuse
from dispatch_api.cases.merging import Spot
from dispatch_api.cases.model import Case, CaseState
from dispatch_api.cases.observation import Observation
from dispatch_api.departments.facts import Facts, ZoneFact
from dispatch_api.errors import NotFound
from dispatch_api.store.dialects import BOX, DIALECTS, BoxLonLat, box_row, near_many_boxes, one_of_words
from dispatch_api.store.gathered import Gathered
from dispatch_api.store.schema import case, evidence, observation
from dispatch_api.store.tallies import SEPARATOR
from dispatch_api.store.unit import known, put_later, read_ahead, read_once, read_settled, settle_ahead
from geo.identity.rules import LARGEST_PROBABILITY

CaseRow = Row[Any]
_ONE = select(case).where(case.c.case_id == bindparam("of_case"))
_UPDATE = update(case).where(case.c.case_id == bindparam("of_case")).values(version=case.c.version + 1).returning(case)
_NEW = Gathered(case, key="case_id")
_NEW_OBSERVATIONS = Gathered(observation, key="observation_id", group="case_id")
_TOUCHED = "cases touched"

# The index finds more than asked, by 32-bit boxes; the exact comparison follows in `merging`.
_NEAR_MANY = {
    dialect: select(near.c.nth, case).join_from(near, case, near.c.seq == case.c.seq).order_by(near.c.nth, case.c.seq)
    for dialect in DIALECTS
    for near in [near_many_boxes(dialect).subquery("near")]
}
_PICTURES = {
    dialect: select(evidence.c.case_id, evidence.c.original_sha256)
    .where(evidence.c.case_id.in_(one_of_words(dialect)))
    .order_by(evidence.c.merit.asc().nulls_first(), evidence.c.observation_id, evidence.c.evidence_id.desc())
    for dialect in DIALECTS
}
_OBSERVATIONS = (
    select(observation).where(observation.c.case_id == bindparam("of_case")).order_by(observation.c.observation_id)
)
_OBSERVATIONS_OF_MANY = (
    select(observation)
    .where(observation.c.case_id.in_(bindparam("of_cases", expanding=True)))
    .order_by(observation.c.observation_id)
)


def get_case(connection: Connection, case_id: str) -> CaseRow:
    """The row of a case.

    Raises:
        NotFound: There is none.
    """
    row = _NEW.get(connection, case_id) or connection.execute(_ONE, {"of_case": case_id}).first()
    if row is None:
        raise NotFound(kind="case", key=case_id)
    return row


def case_of(row: CaseRow) -> Case:
    """What the table of states needs to know of a row."""
    return Case(
        case_id=row.case_id,
        state=CaseState(row.state),
        reporters=frozenset(row.reporters),
        refusals=row.refusals,
        reworks=row.reworks,
    )


def spot_of(row: CaseRow) -> Spot:
    """Where and when a case (or an observation) was seen."""
    return Spot(
        lon=row.lon,
        lat=row.lat,
        covariance_m2=((row.cov_ee_m2, row.cov_en_m2), (row.cov_en_m2, row.cov_nn_m2)),
        footprint_lonlat=[(lon, lat) for lon, lat in row.footprint] if row.footprint else None,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )


def facts_of(row: CaseRow, *, calendar: WorkingCalendar, at: datetime) -> Facts:
    """What routing goes by, of a case as it stands, for a decision at a moment."""
    return Facts(
        matter=row.matter,
        zones=[ZoneFact.from_json(raw) for raw in row.zones],
        seen_on=calendar.local_date(row.last_seen_at),
        decided_on=calendar.local_date(at),
        label=row.label,
        extent_m2=row.extent_m2,
        extent_sigma_m2=row.extent_sigma_m2,
    )


def flights_of(connection: Connection, case_id: str) -> frozenset[str]:
    """The flights that saw a case's thing."""
    query = select(observation.c.flight_id).where(observation.c.case_id == case_id)
    return frozenset(connection.execute(query).scalars())


def cases_of(connection: Connection, keys: Sequence[str]) -> frozenset[str]:
    """The cases of observations, by their keys."""
    if not keys:
        return frozenset()
    return frozenset(connection.execute(select(observation.c.case_id).where(observation.c.key.in_(keys))).scalars())


def near_cases_of_many(connection: Connection, boxes: Sequence[BoxLonLat]) -> list[list[CaseRow]]:
    """Of each box the cases that may lie in it: more than do, never fewer, by the index."""
    found: list[list[CaseRow]] = [[] for _ in boxes]
    if boxes:
        for row in connection.execute(_NEAR_MANY[connection.dialect.name], {"boxes": json.dumps(boxes)}):
            found[row.nth].append(row)
    return found


def near_cases(connection: Connection, spot: Spot, *, family: str, probability: float) -> list[CaseRow]:
    """Cases of a family that may be like `spot` with a probability: more than are, never fewer."""
    (found,) = near_cases_of_many(connection, [spot.box_lonlat(probability)])
    return [row for row in found if row.family == family]


class Touched(NamedTuple):
    """A case that this transaction made or changed, with its box where that is new."""

    case_id: str
    box_lonlat: BoxLonLat | None


def touched_cases(connection: Connection) -> list[Touched]:
    """The cases that this transaction made or changed, in their order; the list grows on."""
    return known(connection, _TOUCHED, list)


def insert_case(connection: Connection, values: Mapping[str, Any]) -> CaseRow:
    """Add a case and its box in the spatial index."""
    row = _NEW.add(connection, values)
    _index(connection, row)
    return row


def is_new_case(connection: Connection, case_id: str) -> bool:
    """Whether nobody but this transaction knows of a case, and all that belongs to it is still gathered with it."""
    return _NEW.has(connection, case_id)


def note_department(connection: Connection, case_id: str, department: str) -> None:
    """A department gets a task on a case. For a case that is written already the database itself notes it."""
    row = _NEW.get(connection, case_id)
    if row is not None:
        departments = {department, *(row.departments or "").split(SEPARATOR)} - {""}
        noted = SEPARATOR.join(["", *sorted(departments, key=str.encode), ""])
        _NEW.note(connection, case_id, {"departments": noted})


def insert_observation(connection: Connection, values: Mapping[str, Any]) -> int:
    """Add an observation; returns its number."""
    return int(_NEW_OBSERVATIONS.add(connection, values).observation_id)


def update_case(connection: Connection, case_id: str, values: Mapping[str, Any]) -> CaseRow:
    """Change columns of a case; its box in the spatial index follows."""
    row = _NEW.change(connection, case_id, values)
    if row is None:
        # Values go in as parameters, not into the statement: it is then built once and not for each of 3,000 sightings.
        row = connection.execute(_UPDATE, {**values, "of_case": case_id}).first()
        touched_cases(connection).append(Touched(case_id=case_id, box_lonlat=None))
    if row is None:
        raise NotFound(kind="case", key=case_id)
    if "lon" in values:
        _index(connection, row)
    return row


def _index(connection: Connection, row: CaseRow) -> None:
    # Wide enough for whatever rules will ask.
    box = spot_of(row).box_lonlat(LARGEST_PROBABILITY)
    put_later(connection, BOX, row.seq, box_row(row.seq, box))
    touched_cases(connection).append(Touched(case_id=row.case_id, box_lonlat=box))


def observation_values(seen: Observation) -> dict[str, Any]:
    """The columns of an observation."""
    return {
        "key": seen.key,
        "flight_id": seen.flight_id,
        "matter": seen.matter,
        "label": seen.label,
        **place_values(seen),
        "confidence": seen.confidence,
        "footprint": [list(corner) for corner in seen.footprint_lonlat] if seen.footprint_lonlat else None,
        "extent_m2": seen.extent_m2,
        "extent_sigma_m2": seen.extent_sigma_m2,
        "first_seen_at": seen.first_seen_at,
        "last_seen_at": seen.last_seen_at,
        "frames": seen.frames,
    }


def place_values(place: Observation | Place) -> dict[str, float]:
    """The columns of a place with its covariance."""
    (ee, en), (_, nn) = place.covariance_m2
    # SQLite keeps no minus before a zero, PostgreSQL does: then an ellipse would point the other way.
    return {"lon": place.lon, "lat": place.lat, "cov_ee_m2": ee, "cov_en_m2": en + 0.0, "cov_nn_m2": nn}


def summed_up(connection: Connection, case_id: str) -> dict[str, Any]:
    """The columns of a case that follow from its observations: place, outline, times, counts.

    The area is that of the observation whose outline is shown, and so is its error: areas are chosen, not averaged.
    """
    rows = _observations_of(connection, case_id)
    place = fuse(
        [Place(flight_id=r.flight_id, lon=r.lon, lat=r.lat, covariance_m2=spot_of(r).covariance_m2) for r in rows]
    )
    outlined = [row for row in rows if row.footprint]
    outline = max(outlined, key=lambda row: (row.frames, row.confidence), default=None)
    measured = outline or max((row for row in rows if row.extent_m2), key=lambda row: row.extent_m2, default=None)
    return {
        **place_values(place),
        "footprint": outline.footprint if outline else None,
        "extent_m2": measured.extent_m2 if measured else None,
        "extent_sigma_m2": measured.extent_sigma_m2 if measured else None,
        "confidence": max(row.confidence for row in rows),
        "first_seen_at": min(row.first_seen_at for row in rows),
        "last_seen_at": max(row.last_seen_at for row in rows),
        "frames": sum(row.frames for row in rows),
        "observations": len(rows),
    }


def _observations_of(connection: Connection, case_id: str) -> Sequence[Row[Any]]:
    if is_new_case(connection, case_id):
        return _NEW_OBSERVATIONS.of_group(connection, case_id)
    written = read_settled(
        connection, observation, case_id, lambda: connection.execute(_OBSERVATIONS, {"of_case": case_id}).all()
    )
    return [*written, *_NEW_OBSERVATIONS.of_group(connection, case_id)]


def read_what_belongs_ahead(connection: Connection, case_ids: Collection[str]) -> None:
    """Read observations and best pictures of many cases at once, for the functions above and below to know them."""
    seen = connection.execute(_OBSERVATIONS_OF_MANY, {"of_cases": list(case_ids)})
    settle_ahead(connection, observation, rows_by_case(seen, case_ids))
    best = _best_of(connection, case_ids)
    read_ahead(connection, evidence, {case_id: best.get(case_id) for case_id in case_ids})


def rows_by_case(rows: Iterable[Row[Any]], case_ids: Collection[str]) -> dict[Hashable, list[Row[Any]]]:
    """The rows of each of these cases, in their order; an empty list for a case that has none."""
    found: dict[Hashable, list[Row[Any]]] = {case_id: [] for case_id in case_ids}
    for row in rows:
        found[row.case_id].append(row)
    return found


def best_evidence(connection: Connection, case_ids: Sequence[str]) -> dict[str, str]:
    """The original's SHA-256 of the best picture of each case that has one; see `PictureLook.merit`."""
    if all(is_new_case(connection, case_id) for case_id in case_ids):
        # A picture of theirs would have had them written first.
        return {}
    if len(case_ids) == 1:
        (case_id,) = case_ids
        best = read_once(connection, evidence, case_id, lambda: _best_of(connection, case_ids).get(case_id))
        return {} if best is None else {case_id: best}
    return _best_of(connection, case_ids)


def _best_of(connection: Connection, case_ids: Collection[str]) -> dict[str, str]:
    pictures = connection.execute(_PICTURES[connection.dialect.name], {"words": json.dumps(list(case_ids))})
    return dict(pictures.all())
