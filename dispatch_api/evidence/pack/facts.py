"""What the store knows of a case, gathered for its pack as of one moment; what nobody knows is said to be unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, or_, select

from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.errors import NotFound
from dispatch_api.evidence.records import BEST_FIRST
from dispatch_api.flights.facts import FLIGHT_FACTS
from dispatch_api.store.history import GENESIS_HASH, verify_history
from dispatch_api.store.schema import (
    case,
    event,
    evidence,
    flight,
    flight_photo,
    flight_position,
    observation,
    original,
    removed_original,
    task,
    zone,
)
from dispatch_api.store.times import iso
from geo.position import ellipses, scale_of_probability

UNKNOWN = "unknown"


_VERDICT_STATES = (CaseState.OPENED.value, CaseState.REJECTED.value)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One original of the case with the pictures made from it.

    Attributes:
        row: The columns of `evidence` and `original`, and `flight_id` and `key` of the observation.
        removed_at: When a quota took the original away, aware; None where it is kept.
    """

    row: Row[Any]
    removed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """Everything of one case.

    Attributes:
        about: What the manifest's first entry tells, as JSON values.
        row: The case.
        pictures: Best first, each original once.
        events: The case's entries of the history, and those of cases that were merged into it, as they were hashed.
        flights: Rows of the flights that saw it; one that the store does not know is missing.
        positions: Rows of the track, by flight.
        photos: Rows of the pictures taken, by flight.
        zones: Every zone of the city, as GeoJSON features.
    """

    about: dict[str, Any]
    row: Row[Any]
    pictures: tuple[Picture, ...]
    events: tuple[dict[str, Any], ...]
    flights: tuple[Row[Any], ...]
    positions: Mapping[str, Sequence[Row[Any]]]
    photos: Mapping[str, Sequence[Row[Any]]]
    zones: Sequence[dict[str, Any]]


def gather(connection: Connection, name: str, *, matters: Matters) -> CaseFacts:
    """Read all of a case, after the whole history was checked.

    Args:
        connection: Sees one moment of the store.
        name: The case's id, or its number.
        matters: Names of the matters.

    Raises:
        NotFound: There is no such case.
        ChainBroken: The store's history was changed.
    """
    row = connection.execute(select(case).where(or_(case.c.case_id == name, case.c.number == name))).first()
    if row is None:
        raise NotFound(kind="case", key=name)
    ids = _with_merged(connection, row.case_id)
    checked = verify_history(connection)
    events = tuple(_event(one) for one in connection.execute(_events_of(ids)))
    observations = connection.execute(
        select(observation).where(observation.c.case_id.in_(ids)).order_by(observation.c.observation_id)
    ).all()
    names = sorted({one.flight_id for one in observations})
    flights = tuple(
        connection.execute(select(flight).where(flight.c.flight_id.in_(names)).order_by(flight.c.flight_id))
    )
    pictures = _pictures(connection, ids)
    tasks = connection.execute(select(task).where(task.c.case_id.in_(ids)).order_by(task.c.task_id)).all()
    about = {
        "case": _case(row, matters),
        "case_ids": ids,
        "observations": [_observation(one) for one in observations],
        "flights": [_flight(name, {one.flight_id: one for one in flights}.get(name)) for name in names],
        "models": _models(pictures),
        "tasks": [_task(one) for one in tasks],
        "reviews": [_review(one) for one in events if one["to_state"] in _VERDICT_STATES and one["task_id"] is None],
        "history": {"hashes": [one["hash"] for one in events], "head": _head(connection), "entries_checked": checked},
    }
    return CaseFacts(
        about=about,
        row=row,
        pictures=pictures,
        events=events,
        flights=flights,
        positions=_by_flight(connection, flight_position, flight_position.c.position_id, names),
        photos=_by_flight(connection, flight_photo, flight_photo.c.photo_id, names),
        zones=connection.execute(select(zone.c.feature).order_by(zone.c.zone_id)).scalars().all(),
    )


def _with_merged(connection: Connection, case_id: str) -> list[str]:
    """The case, and every one that was merged into it, directly or through another."""
    ids, asked = [case_id], [case_id]
    while asked:
        query = select(case.c.case_id).where(case.c.duplicate_of.in_(asked)).order_by(case.c.seq)
        asked = [one for one in connection.execute(query).scalars() if one not in ids]
        ids += asked
    return ids


def _events_of(ids: Sequence[str]) -> Any:  # noqa: ANN401 - a query
    return select(event).where(event.c.case_id.in_(ids)).order_by(event.c.seq)


def _event(row: Row[Any]) -> dict[str, Any]:
    """An entry as it was hashed, so that the hash can be taken again."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row._mapping.items()}


def _head(connection: Connection) -> dict[str, Any]:
    last = connection.execute(select(event.c.seq, event.c.hash).order_by(event.c.seq.desc()).limit(1)).first()
    return {"seq": last.seq if last else 0, "hash": last.hash if last else GENESIS_HASH}


def _pictures(connection: Connection, ids: Sequence[str]) -> tuple[Picture, ...]:
    query = (
        select(
            evidence,
            *(
                original.c[name]
                for name in ("file_name", "extension", "bytes", "captured_at", "received_at", "capture")
            ),
            observation.c.flight_id,
            observation.c.key,
            observation.c.confidence,
            removed_original.c.at.label("removed_at"),
        )
        .join(original, original.c.sha256 == evidence.c.original_sha256)
        .join(observation, observation.c.observation_id == evidence.c.observation_id)
        .outerjoin(removed_original, removed_original.c.sha256 == original.c.sha256)
        .where(evidence.c.case_id.in_(ids))
        .order_by(*BEST_FIRST)
    )
    once: dict[str, Picture] = {}
    for row in connection.execute(query):
        once.setdefault(row.original_sha256, Picture(row=row, removed_at=row.removed_at))
    return tuple(once.values())


def _by_flight(connection: Connection, table: Any, key: Any, names: Sequence[str]) -> dict[str, list[Row[Any]]]:  # noqa: ANN401 - a table and its column
    rows: dict[str, list[Row[Any]]] = {name: [] for name in names}
    for row in connection.execute(select(table).where(table.c.flight_id.in_(names)).order_by(key)):
        rows[row.flight_id].append(row)
    return rows


def _place(row: Row[Any]) -> dict[str, Any]:
    covariance = [[row.cov_ee_m2, row.cov_en_m2], [row.cov_en_m2, row.cov_nn_m2]]
    major_m, minor_m, azimuth_deg = ellipses(np.array([covariance]))[0].tolist()
    scale = scale_of_probability(0.95)
    return {
        "lon": row.lon,
        "lat": row.lat,
        "crs": "WGS 84",
        "covariance_en_m2": covariance,
        "ellipse_95": {
            "major_m": round(scale * major_m, 3),
            "minor_m": round(scale * minor_m, 3),
            "azimuth_deg": round(azimuth_deg, 1),
        },
    }


def _case(row: Row[Any], matters: Matters) -> dict[str, Any]:
    matter, (state_zh, state_en) = matter_name(matters, row.matter), CASE_STATE_NAMES[CaseState(row.state)]
    plain = ("case_id", "number", "matter", "label", "state", "colour", "confidence", "footprint", "extent_m2")
    more = ("extent_sigma_m2", "address", "grid_code", "grid_name", "zones", "rule", "hold", "observations", "frames")
    times = ("first_seen_at", "last_seen_at", "created_at", "opened_at", "dispatched_at", "ended_at", "handed_over_at")
    return {
        **{name: getattr(row, name) for name in (*plain, *more)},
        **{name: iso(getattr(row, name)) for name in times},
        **_place(row),
        "matter_zh": matter.zh,
        "matter_en": matter.en,
        "state_zh": state_zh,
        "state_en": state_en,
    }


def _observation(row: Row[Any]) -> dict[str, Any]:
    plain = ("key", "flight_id", "case_id", "label", "confidence", "frames", "extent_m2", "extent_sigma_m2")
    times = ("first_seen_at", "last_seen_at", "recorded_at")
    return {
        **{name: getattr(row, name) for name in plain},
        **{name: iso(getattr(row, name)) for name in times},
        **_place(row),
    }


def _flight(name: str, row: Row[Any] | None) -> dict[str, Any]:
    told = (row.facts or {}) if row is not None else {}
    return {
        "flight_id": name,
        "name": row.name if row is not None else UNKNOWN,
        "started_at": iso(row.started_at) if row is not None else UNKNOWN,
        "ended_at": (iso(row.ended_at) or UNKNOWN) if row is not None else UNKNOWN,
        **{fact: told.get(fact) or UNKNOWN for fact in FLIGHT_FACTS},
        "route": (row.planned_path or UNKNOWN) if row is not None else UNKNOWN,
    }


def _models(pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for picture in pictures:
        for finding in (picture.row.look or {}).get("findings", ()):
            if finding["model_sha256"]:
                known = found.setdefault(
                    finding["model_sha256"],
                    {"name": finding["model"], "sha256": finding["model_sha256"], "labels": [], "thresholds": UNKNOWN},
                )
                known["labels"] = sorted({*known["labels"], finding["label"]})
    return [{**model, "card": None} for model in found.values()]


def _task(row: Row[Any]) -> dict[str, Any]:
    times = ("created_at", "signed_at", "done_at", "ended_at", "deadline_at")
    plain = ("task_id", "department", "kind", "state", "rule")
    return {**{name: getattr(row, name) for name in plain}, **{name: iso(getattr(row, name)) for name in times}}


def _review(entry: Mapping[str, Any]) -> dict[str, Any]:
    by_a_person = not entry["who"].startswith("system:")
    return {
        "event": entry["seq"],
        "at": entry["at"],
        "reviewer": entry["who"],
        "by_a_person": by_a_person,
        "verdict": "rejected" if entry["to_state"] == CaseState.REJECTED.value else "confirmed",
        "why": entry["why"],
        "reason_code": json.loads(entry["data"]).get("reason_code"),
    }
