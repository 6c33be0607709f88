"""A case that turns out to be two: a person takes observations out, and they become a case of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from dispatch_api.accounts.model import Actor, Role, system_actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.merges import PARTED, SPLIT_OFF, move_rows, note_other, summed_anew
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.records import CaseRow, insert_case
from dispatch_api.cases.review import SPLIT_OFF_REASON
from dispatch_api.clockwork.starting import start_review
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store.counting import next_number
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.ids import rising_id
from dispatch_api.store.schema import observation

_BY_RULE = system_actor("auto-rule")
_PLACE = ("zones", "address", "grid_code", "grid_name", "lon", "lat", "cov_ee_m2", "cov_en_m2", "cov_nn_m2")
_OF_THE_OLD_ONE = (*_PLACE, "family", "colour", "confidence", "first_seen_at", "last_seen_at", "frames", "observations")


def split(
    connection: Connection,
    row: CaseRow,
    keys: Sequence[str],
    *,
    by: Actor,
    at: datetime,
    why: str,
    matters: Matters,
) -> CaseRow:
    """Make a case of its own of some of a case's observations; it waits for review.

    The old case keeps its state, its tasks and their clocks. The two are remembered as not the same.

    Args:
        connection: The writing transaction.
        row: The case; it has not ended.
        keys: Of the observations that leave: at least one, and not all.
        by: Who says that they are another thing: somebody of the centre.
        at: When.
        why: The reason.
        matters: The city's.

    Returns:
        The new case.

    Raises:
        Forbidden: It is not for this actor.
        IllegalTransition: The case has ended.
        InvalidRequest: The reason is missing, or the keys are not some of the case's.
    """
    if by.role is not Role.CENTRE:
        raise Forbidden(f"case {row.case_id}: only the centre takes observations out of a case.")
    if CaseState(row.state) in ENDED_STATES:
        why = f"observations are taken out of a case that goes on, and this one is {row.state}"
        raise IllegalTransition(subject=f"case {row.number}", current=row.state, to=row.state, allowed=(), why=why)
    if not why.strip():
        raise InvalidRequest(field="reason", problem="taking observations out of a case needs one")
    leaving = _leaving(connection, row, keys)
    names = [one.key for one in leaving]
    new = _new_case(connection, row, leaving, by=by, at=at, why=why, matters=matters)
    move_rows(connection, names, to=new.case_id)
    new = summed_anew(connection, new.case_id, matters)
    row = summed_anew(connection, row.case_id, matters)
    note_other(connection, PARTED, row, of=new, keys=names, by=by, at=at, why=why)
    new = start_review(connection, new, at=at, matters=matters)
    tell_case(connection, new, kind="case.opened", at=at, matters=matters)
    tell_case(connection, row, kind="case.updated", at=at, matters=matters)
    return new


def _leaving(connection: Connection, row: CaseRow, keys: Sequence[str]) -> Sequence[Row[Any]]:
    mine = select(observation).where(observation.c.case_id == row.case_id)
    held = {one.key: one for one in connection.execute(mine.order_by(observation.c.observation_id))}
    stranger = next((key for key in keys if key not in held), None)
    if stranger is not None:
        raise InvalidRequest(field="observations", problem=f"{stranger!r} is no observation of case {row.number}")
    leaving = [one for key, one in held.items() if key in set(keys)]
    if not leaving or len(leaving) == len(held):
        raise InvalidRequest(field="observations", problem="name at least one that leaves, and leave at least one")
    return leaving


def _new_case(
    connection: Connection,
    row: CaseRow,
    leaving: Sequence[Row[Any]],
    *,
    by: Actor,
    at: datetime,
    why: str,
    matters: Matters,
) -> CaseRow:
    # Where it lies and how large it is follows from its observations; they are there a moment later.
    surest = max(leaving, key=lambda one: one.confidence)
    values = {
        **{name: getattr(row, name) for name in _OF_THE_OLD_ONE},
        "case_id": rising_id(),
        "number": next_number(connection, "case", matters.calendar.local_date(at)),
        "matter": surest.matter,
        "label": surest.label,
        "state": CaseState.DETECTED.value,
        "review_reasons": [SPLIT_OFF_REASON],
        "suggestions": [],
        "repeats": 0,
        "refusals": 0,
        "reworks": 0,
        "reporters": [],
        "created_at": at,
    }
    new = insert_case(connection, values)
    data = {"from": row.case_id, "from_number": row.number, "observations": [one.key for one in leaving]}
    happened = Event(
        at=at, who=by.name, kind=SPLIT_OFF, why=why, case_id=new.case_id, to_state=CaseState.DETECTED, data=data
    )
    append_event(connection, happened)
    return move_case(connection, new, CaseState.PENDING_REVIEW, by=_BY_RULE, at=at, why=SPLIT_OFF_REASON)
