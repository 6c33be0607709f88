"""Verdicts and near misses in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from dispatch_api.cases.merges import TOOK_IN
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.rejection import LabelIs, RejectionCode, label_after_rejection
from dispatch_api.evidence.looks import PictureLook
from dispatch_api.evidence.records import is_clip
from dispatch_api.store.schema import account, case, event, evidence, near_miss, observation, original
from dispatch_api.verdicts.model import JudgedPicture, KeptNearMiss, NearMiss, Verdict

_VERDICTS = (
    select(event, case.c.number, case.c.matter, account.c.role)
    .join(case, case.c.case_id == event.c.case_id)
    .join(account, account.c.name == event.c.who)
    .where(
        event.c.task_id.is_(None),
        event.c.from_state == CaseState.PENDING_REVIEW.value,
        event.c.to_state.in_([CaseState.OPENED.value, CaseState.REJECTED.value]),
    )
    .order_by(event.c.seq)
)


def verdicts_until(connection: Connection, until_at: datetime | None) -> Iterator[Verdict]:
    """People's verdicts in the order of the history; what a rule decided is none.

    Args:
        connection: A reading connection.
        until_at: Only those before this moment, aware; None for all.
    """
    query = _VERDICTS if until_at is None else _VERDICTS.where(event.c.at < until_at)
    for row in connection.execute(query).all():
        # A picture that came in later was not before the reviewer's eyes.
        seen = connection.execute(
            select(
                evidence,
                observation.c.label,
                observation.c.confidence,
                observation.c.flight_id,
                observation.c.lon,
                observation.c.lat,
                original.c.capture,
                original.c.extension,
                original.c.captured_at,
            )
            .join(observation, observation.c.observation_id == evidence.c.observation_id)
            .join(original, original.c.sha256 == evidence.c.original_sha256)
            .where(
                evidence.c.case_id == row.case_id,
                observation.c.recorded_at <= row.at,
                original.c.received_at <= row.at,
                observation.c.key.not_in(_taken_in_after(connection, row)),
            )
            .order_by(evidence.c.evidence_id)
        ).all()
        pictures = [one for one in seen if not is_clip(one)]
        if pictures:
            yield _verdict(row, pictures)


def _taken_in_after(connection: Connection, verdict: Row[Any]) -> list[str]:
    """Keys of what the case took in from others only after a verdict."""
    query = select(event.c.data).where(
        event.c.case_id == verdict.case_id, event.c.kind == TOOK_IN, event.c.seq > verdict.seq
    )
    return [key for data in connection.execute(query).scalars() for key in json.loads(data)["observations"]]


def _verdict(row: Row[Any], seen: Sequence[Row[Any]]) -> Verdict:
    first = seen[0]
    code = _code(row)
    rejected = row.to_state == CaseState.REJECTED.value
    label_is: LabelIs = label_after_rejection(code, first.label) if rejected else "right"
    return Verdict(
        seq=row.seq,
        case_id=row.case_id,
        case_number=row.number,
        matter=row.matter,
        label=first.label,
        verdict="rejected" if rejected else "confirmed",
        reason=row.why,
        reason_code=code,
        label_is=label_is,
        role=row.role,
        at=row.at,
        lon=first.lon,
        lat=first.lat,
        pictures=tuple(_picture(one) for one in seen),
    )


def _code(row: Row[Any]) -> RejectionCode | None:
    found = json.loads(row.data).get("reason_code")
    return None if found is None else RejectionCode(found)


def _picture(row: Row[Any]) -> JudgedPicture:
    return JudgedPicture(
        original_sha256=row.original_sha256,
        extension=row.extension,
        redacted_sha256=row.full_sha256,
        flight_id=row.flight_id,
        captured_at=row.captured_at,
        label=row.label,
        confidence=row.confidence,
        boxes_xyxy_px=tuple((left, top, right, bottom) for left, top, right, bottom in row.boxes),
        look=None if row.look is None else PictureLook.from_json(row.look),
    )


def replace_near_misses(
    connection: Connection, flight_id: str, kept: Sequence[tuple[NearMiss, str]], *, at: datetime
) -> None:
    """Put a flight's near misses (each with its picture's SHA-256) in the place of those it had."""
    connection.execute(delete(near_miss).where(near_miss.c.flight_id == flight_id))
    rows = [
        {
            "flight_id": flight_id,
            "picture_sha256": sha256,
            "source_sha256": one.source_sha256,
            "label": one.label,
            "confidence": one.confidence,
            "threshold": one.threshold,
            "look": one.look.as_json(),
            "seen_at": one.seen_at,
            "recorded_at": at,
        }
        for one, sha256 in kept
    ]
    if rows:
        connection.execute(insert(near_miss), rows)


def near_misses_between(
    connection: Connection, since_at: datetime | None, until_at: datetime | None
) -> Sequence[KeptNearMiss]:
    """Near misses by when they were recorded, in the order of their numbers."""
    query = select(near_miss).order_by(near_miss.c.near_miss_id)
    if since_at is not None:
        query = query.where(near_miss.c.recorded_at >= since_at)
    if until_at is not None:
        query = query.where(near_miss.c.recorded_at < until_at)
    return [
        KeptNearMiss(**{**row._mapping, "look": PictureLook.from_json(row.look)}) for row in connection.execute(query)
    ]
