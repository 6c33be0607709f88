"""What later flights say of a case whose work was reported done: fixed, not fixed, or not visible (复飞核查).

A verdict is an event of the case (`case.verified`). It may close the case, send it back to work, or make it
unverifiable; where it may not, it waits for a person, who sees both pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from dispatch_api.cases.closing import VERIFICATION, accept_tasks, send_back
from dispatch_api.cases.matters import Closure, Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.observation import Observation
from dispatch_api.cases.records import CaseRow, best_evidence
from dispatch_api.clockwork.starting import start_verification
from dispatch_api.evidence.records import evidence_of
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import event
from dispatch_api.store.times import iso

KIND = "case.verified"
WAITING = (CaseState.PENDING_VERIFY, CaseState.UNVERIFIABLE)
"""States in which a case waits for its proof."""


class FlightVerdict(StrEnum):
    """What a flight says of a case that waits for its proof."""

    FIXED = "fixed"
    NOT_FIXED = "not_fixed"
    NOT_VISIBLE = "not_visible"


class Unseen(StrEnum):
    """Why a flight that looked at a place cannot tell."""

    TOO_COARSE = "too_coarse"
    UNSURE = "unsure"
    NO_MODEL = "no_model"
    TOO_FEW_LOOKS = "too_few_looks"
    SOMETHING_THERE = "something_there"


class Closer(StrEnum):
    """On what a case was closed."""

    REFLIGHT = "reflight"
    PERSON = "person"


FLIGHT_VERDICT_NAMES: dict[FlightVerdict, tuple[str, str]] = {
    FlightVerdict.FIXED: ("已整改", "Fixed"),
    FlightVerdict.NOT_FIXED: ("未整改", "Not fixed"),
    FlightVerdict.NOT_VISIBLE: ("无法看清", "Not visible"),
}
UNSEEN_NAMES: dict[Unseen, tuple[str, str]] = {
    Unseen.TOO_COARSE: ("分辨率不足", "Too coarse"),
    Unseen.UNSURE: ("姿态误差大，不确定拍到", "It is unsure whether the pictures show the place"),
    Unseen.NO_MODEL: ("没有识别该类目标的模型", "No model that knows such things"),
    Unseen.TOO_FEW_LOOKS: ("有效观测次数不足", "Too few sure looks"),
    Unseen.SOMETHING_THERE: ("该处另有目标", "Something else was sighted there"),
}


@dataclass(frozen=True, kw_only=True)
class FlownOver:
    """A flight's verdict on a place, as it goes into the history.

    Attributes:
        verdict: What it says.
        flight_id: The flight.
        first_at: Its first look at the place, aware; None where unknown.
        lacks: What keeps it from counting by itself; empty where nothing does.
        told: Further JSON values: looks, resolution, reason, pictures.
    """

    verdict: FlightVerdict
    flight_id: str
    first_at: datetime | None
    lacks: tuple[str, ...] = ()
    told: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The verdict as the event carries it."""
        return {
            "verdict": self.verdict.value,
            "flight_id": self.flight_id,
            "first_at": iso(self.first_at),
            "lacks": list(self.lacks),
            **self.told,
        }


def reported_at(connection: Connection, row: CaseRow) -> datetime | None:
    """When the work was reported done; None where nobody waits for proof of it."""
    if row.state not in WAITING:
        return None
    query = (
        select(event.c.at)
        .where(event.c.case_id == row.case_id, event.c.to_state == CaseState.REPORTED_DONE.value)
        .order_by(event.c.seq.desc())
        .limit(1)
    )
    at: datetime | None = connection.execute(query).scalar()
    return at


def verdicts_of(connection: Connection, row: CaseRow) -> list[dict[str, Any]]:
    """What flights said since the work was reported done last, the earliest first."""
    since = reported_at(connection, row)
    if since is None:
        return []
    query = select(event).where(event.c.case_id == row.case_id, event.c.kind == KIND).order_by(event.c.seq)
    return [_told(one) for one in connection.execute(query) if one.at >= since]


def _told(row: Row[Any]) -> dict[str, Any]:
    return {**json.loads(row.data), "at": iso(row.at), "seq": row.seq}


def proof_of(connection: Connection, row: CaseRow) -> dict[str, Any] | None:
    """The last verdict, if it is `fixed` and satisfies what the matter asks: what a closing event cites."""
    told = verdicts_of(connection, row)
    if not told or told[-1]["verdict"] != FlightVerdict.FIXED or told[-1]["lacks"]:
        return None
    cited = ("flight_id", "looks", "resolution_m", "first_at", "last_at", "before", "after")
    return {"proof": {name: told[-1].get(name) for name in cited}}


def judge_clean(
    connection: Connection,
    row: CaseRow,
    *,
    flight_id: str,
    looks: int,
    resolution_m: float,
    first_at: datetime,
    last_at: datetime,
    after: str | None,
    at: datetime,
    matters: Matters,
) -> CaseRow:
    """A flight looked at a case's place, would have found the thing, and found nothing.

    Args:
        connection: The writing transaction.
        row: The case.
        flight_id: The flight.
        looks: Its sure looks.
        resolution_m: Metres of ground per pixel.
        first_at: The first look, aware.
        last_at: The last one.
        after: SHA-256 of the original of the picture that shows the place clean; None where none was kept.
        at: Now.
        matters: The city's.

    Returns:
        The case as it stands then; as it was, where it does not wait for proof or the flight was before the report.
    """
    since = reported_at(connection, row)
    if since is None or first_at <= since:
        return row
    row = _wait_again(connection, row, at=at, matters=matters, why=f"{flight_id} could see the place")
    closure = _closure(row, matters)
    lacks = _lacks(closure, looks=looks, resolution_m=resolution_m, waited_s=(first_at - since).total_seconds())
    found = FlownOver(
        verdict=FlightVerdict.FIXED,
        flight_id=flight_id,
        first_at=first_at,
        lacks=lacks,
        told={
            "looks": looks,
            "resolution_m": resolution_m,
            "last_at": iso(last_at),
            "before": _before(connection, row),
            "after": after,
        },
    )
    why = f"{flight_id}: {looks} looks, {resolution_m * 100:.1f} cm per pixel, nothing found"
    _note(connection, row, found, why=why, at=at)
    if closure.auto_close and not lacks:
        row = _close(connection, row, why=why, at=at)
    tell_case(connection, row, kind="case.updated", at=at, matters=matters)
    return row


def judge_seen_again(
    connection: Connection, row: CaseRow, seen: Observation, *, after: str | None, at: datetime, matters: Matters
) -> CaseRow:
    """A flight saw the thing after its work was reported done: the case goes back to work.

    A sighting that would not have opened a case by itself only waits for a person.

    Args:
        connection: The writing transaction.
        row: The case, with the observation joined.
        seen: The observation.
        after: SHA-256 of the original of its best picture.
        at: Now.
        matters: The city's.
    """
    since = reported_at(connection, row)
    if since is None or seen.first_seen_at <= since:
        return row
    row = _wait_again(connection, row, at=at, matters=matters, why=f"{seen.flight_id} saw it")
    matter = matters.by_key.get(row.matter)
    sure = not seen.review_required and (matter is None or seen.confidence >= matter.auto_level)
    found = FlownOver(
        verdict=FlightVerdict.NOT_FIXED,
        flight_id=seen.flight_id,
        first_at=seen.first_seen_at,
        lacks=() if sure else ("confidence",),
        told={
            "confidence": round(seen.confidence, 3),
            "last_at": iso(seen.last_seen_at),
            "before": _before(connection, row, but=after),
            "after": after,
        },
    )
    why = f"{seen.flight_id}: seen again in {seen.frames} pictures, confidence {seen.confidence:.2f}"
    _note(connection, row, found, why=why, at=at)
    if not sure:
        return row
    row = move_case(
        connection, row, CaseState.REWORKED, by=VERIFICATION, at=at, why=why, data=found.as_json(), overdue=False
    )
    return send_back(connection, row, why=why, at=at, matters=matters)


def judge_unseen(
    connection: Connection,
    row: CaseRow,
    *,
    flight_id: str,
    reason: Unseen,
    last_at: datetime,
    at: datetime,
    matters: Matters,
) -> CaseRow:
    """A flight looked at a case's place and cannot tell; often enough, the case is unverifiable.

    Args:
        connection: The writing transaction.
        row: The case.
        flight_id: The flight.
        reason: Why.
        last_at: When it looked last, aware.
        at: Now.
        matters: The city's.
    """
    since = reported_at(connection, row)
    known = verdicts_of(connection, row)
    if since is None or last_at <= since or any(told["flight_id"] == flight_id for told in known):
        return row
    told = {"reason": reason.value, "last_at": iso(last_at)}
    found = FlownOver(verdict=FlightVerdict.NOT_VISIBLE, flight_id=flight_id, first_at=None, told=told)
    why = f"{flight_id}: {UNSEEN_NAMES[reason][1]}"
    _note(connection, row, found, why=why, at=at)
    unseen = {one["flight_id"] for one in known if one["verdict"] == FlightVerdict.NOT_VISIBLE} | {flight_id}
    enough = len(unseen) >= _closure(row, matters).unverifiable_after
    # What a person has not yet looked at is not overtaken by a flight that saw less.
    waits_for_person = any(one["verdict"] != FlightVerdict.NOT_VISIBLE and not one["lacks"] for one in known)
    if enough and not waits_for_person and row.state == CaseState.PENDING_VERIFY:
        flights = ", ".join(sorted(unseen))
        row = move_case(
            connection, row, CaseState.UNVERIFIABLE, by=VERIFICATION, at=at, why=f"{flights} could not tell"
        )
    tell_case(connection, row, kind="case.updated", at=at, matters=matters)
    return row


def _close(connection: Connection, row: CaseRow, *, why: str, at: datetime) -> CaseRow:
    closed_by = {"closed_by": Closer.REFLIGHT.value}
    data = proof_of(connection, row)
    row = move_case(connection, row, CaseState.CLOSED, by=VERIFICATION, at=at, why=why, data=data, **closed_by)
    return accept_tasks(connection, row, at=at)


def _wait_again(connection: Connection, row: CaseRow, *, at: datetime, matters: Matters, why: str) -> CaseRow:
    if row.state != CaseState.UNVERIFIABLE:
        return row
    row = move_case(connection, row, CaseState.PENDING_VERIFY, by=VERIFICATION, at=at, why=why)
    return start_verification(connection, row, at=at, matters=matters)


def _lacks(closure: Closure, *, looks: int, resolution_m: float, waited_s: float) -> tuple[str, ...]:
    wait = closure.wait.elapsed if closure.wait else None
    short = {
        "looks": looks < closure.looks,
        "resolution": closure.coarsest_cm is not None and resolution_m * 100 > closure.coarsest_cm,
        "wait": wait is not None and waited_s < wait.total_seconds(),
    }
    return tuple(name for name, missing in short.items() if missing)


def _closure(row: CaseRow, matters: Matters) -> Closure:
    matter = matters.by_key.get(row.matter)
    return matter.closure if matter else Closure()


def _before(connection: Connection, row: CaseRow, *, but: str | None = None) -> str | None:
    """The best picture of the case as it was found."""
    best = best_evidence(connection, [row.case_id]).get(row.case_id)
    if best != but:
        return best
    return next((sha256 for sha256 in _earlier_pictures(connection, row.case_id) if sha256 != but), best)


def _earlier_pictures(connection: Connection, case_id: str) -> Sequence[str]:
    return [row.original_sha256 for row in evidence_of(connection, case_id)]


def _note(connection: Connection, row: CaseRow, found: FlownOver, *, why: str, at: datetime) -> None:
    happened = Event(at=at, who=VERIFICATION.name, kind=KIND, case_id=row.case_id, why=why, data=found.as_json())
    append_event(connection, happened)
