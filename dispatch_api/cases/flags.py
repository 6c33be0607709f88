"""Flags beside a case's state that people set: handed over as a clue, supervised. Holds are in `evidence.holds`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor, Role
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.records import CaseRow, update_case
from dispatch_api.clockwork.supervision import supervise
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store.history import Event, append_event


class Flag(StrEnum):
    """What can be set."""

    HANDED_OVER = "handed_over"
    SUPERVISED = "supervised"


_NOT_A_CASE = frozenset({CaseState.REJECTED, CaseState.MERGED})


def set_flag(
    connection: Connection, row: CaseRow, flag: Flag, *, by: Actor, at: datetime, why: str, matters: Matters
) -> CaseRow:
    """Set a flag of a case; its state and its tasks stay as they are.

    Args:
        connection: The writing transaction.
        row: The case.
        flag: `handed_over` records that the clue went to the system of penalties (线索移交), which does not hide the
            clean-up; `supervised` writes a numbered notice (督办).
        by: Who; the centre.
        at: When.
        why: The reason.
        matters: The city's.

    Raises:
        Forbidden: It is not for this actor.
        InvalidRequest: No reason is given.
        IllegalTransition: The flag is set already, or is not for a case in this state.
    """
    if not by.is_system and by.role is not Role.CENTRE:
        raise Forbidden(f"case {row.case_id}: only the centre sets {flag}.")
    if not why.strip():
        raise InvalidRequest(field="reason", problem=f"{flag} needs one")
    problem = _problem(row, flag)
    if problem is not None:
        raise IllegalTransition(subject=f"case {row.number}", current=row.state, to=flag, allowed=(), why=problem)
    if flag is Flag.SUPERVISED:
        return supervise(connection, row, why=why, by=by, at=at, matters=matters)[0]
    append_event(connection, Event(at=at, who=by.name, kind=f"case.{flag}", why=why, case_id=row.case_id))
    return update_case(connection, row.case_id, {"handed_over_at": at})


def _problem(row: CaseRow, flag: Flag) -> str | None:
    state = CaseState(row.state)
    if flag is Flag.SUPERVISED:
        return f"there is nothing to urge, it is {state}" if row.ended_at is not None else None
    if state in _NOT_A_CASE or state is CaseState.PENDING_REVIEW:
        return f"a person has not confirmed it, it is {state}"
    return "it was handed over already" if row.handed_over_at else None
