"""`CaseDesk`: people move cases; what follows from a move happens in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dispatch_api.accounts.model import Account, Actor, system_actor
from dispatch_api.accounts.sight import seen_case
from dispatch_api.cases.closing import accept_tasks, send_back
from dispatch_api.cases.flags import set_flag
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.merges import merge, take_apart
from dispatch_api.cases.model import CASE_STEPS, CaseState
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.records import CaseRow, facts_of
from dispatch_api.cases.rejection import REJECTION_NAMES, RejectionCode
from dispatch_api.cases.schemas import Change, FlagChange, Split
from dispatch_api.cases.splitting import split
from dispatch_api.cases.suspension import resume, suspend
from dispatch_api.cases.verification import Closer, proof_of
from dispatch_api.clockwork.starting import start_verification
from dispatch_api.departments.routing import Decision, Routing
from dispatch_api.errors import InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.dispatching import dispatch
from dispatch_api.versions import Expected, check_version

_ROUTING = system_actor("routing")


class CaseDesk:
    """Where people change cases."""

    def __init__(
        self, store: Store, matters: Matters, routing: Routing, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._matters = matters
        self._routing = routing
        self._now = now

    def transition(self, case_id: str, change: Change, *, by: Account, expected: Expected = None) -> CaseRow:
        """Move a case as somebody asks.

        Raises:
            NotFound: No such case, or not one that the account may see.
            IllegalTransition: The table of states does not allow it.
            LostUpdate: It has none of the `expected` versions.
            Forbidden: It is not for this account.
            InvalidRequest: The change lacks something.
        """

        def work(connection: Connection) -> CaseRow:
            check_version(seen_case(connection, case_id, by), expected, subject=f"case {case_id}")
            return self._transition(connection, case_id, change, by)

        return self._store.write(work)

    def split(self, case_id: str, wanted: Split, *, by: Account, expected: Expected = None) -> CaseRow:
        """Take observations out of a case, as somebody asks; returns the case that they make.

        Raises:
            NotFound: No such case, or not one that the account may see.
            Forbidden: It is not for this account.
            IllegalTransition: The case has ended.
            InvalidRequest: The reason is missing, or the observations are not some of the case's.
        """

        def work(connection: Connection) -> CaseRow:
            row = seen_case(connection, case_id, by)
            check_version(row, expected, subject=f"case {case_id}")
            told: dict[str, Any] = {"by": by.actor, "at": self._now(), "why": wanted.reason, "matters": self._matters}
            return split(connection, row, wanted.observations, **told)

        return self._store.write(work)

    def set_flag(self, case_id: str, wanted: FlagChange, *, by: Account, expected: Expected = None) -> CaseRow:
        """Set a flag of a case, as somebody asks.

        Raises:
            NotFound: No such case, or not one that the account may see.
            Forbidden: It is not for this account.
            IllegalTransition: It is set already, or not for a case that stands so.
            InvalidRequest: The reason is missing.
        """

        def work(connection: Connection) -> CaseRow:
            row, at = seen_case(connection, case_id, by), self._now()
            check_version(row, expected, subject=f"case {case_id}")
            row = set_flag(connection, row, wanted.flag, by=by.actor, at=at, why=wanted.reason, matters=self._matters)
            tell_case(connection, row, kind="case.updated", at=at, matters=self._matters)
            return row

        return self._store.write(work)

    def _transition(self, connection: Connection, case_id: str, change: Change, by: Account) -> CaseRow:
        row = seen_case(connection, case_id, by)
        to = _state(change.to)
        if change.reason_code is not None and to is not CaseState.REJECTED:
            raise InvalidRequest(field="reason_code", problem=f"a change to {to} takes none; write the reason")
        at, actor = self._now(), by.actor
        if to in CASE_STEPS[CaseState(row.state)]:
            row = self._move(connection, row, to, change, by=actor, at=at)
        else:
            row = move_case(connection, row, to, by=actor, at=at, why=change.reason)
        tell_case(connection, row, kind="case.updated", at=at, matters=self._matters)
        return row

    def _move(
        self, connection: Connection, row: CaseRow, to: CaseState, change: Change, *, by: Actor, at: datetime
    ) -> CaseRow:
        def plain(**columns: Any) -> CaseRow:  # noqa: ANN401 - columns of the case table, and data
            return move_case(connection, row, to, by=by, at=at, why=change.reason, **columns)

        told: dict[str, Any] = {"by": by, "at": at, "why": change.reason, "matters": self._matters}
        match to:
            case CaseState.REJECTED:
                return _reject(connection, row, change, by=by, at=at)
            case CaseState.OPENED:
                return self._open(connection, plain(opened_at=at), at=at)
            case CaseState.DISPATCHED:
                return self._dispatch_by_hand(connection, row, change, by=by, at=at)
            case CaseState.MERGED:
                return merge(connection, row, change.duplicate_of, **told)
            case CaseState.PENDING_REVIEW if row.state == CaseState.MERGED:
                return take_apart(connection, row, **told)
            case CaseState.SUSPENDED:
                return suspend(connection, plain(suspended_at=at, suspended_until=_future(change, at)))
            case CaseState.IN_PROGRESS:
                return resume(connection, row, by=by, at=at, why=change.reason, matters=self._matters)
            case CaseState.PENDING_VERIFY:
                return start_verification(connection, plain(), at=at, matters=self._matters)
            case CaseState.CLOSED:
                proof = proof_of(connection, row)
                closed_by = Closer.PERSON if proof is None else Closer.REFLIGHT
                return accept_tasks(connection, plain(data=proof, closed_by=closed_by.value), at=at)
            case CaseState.REWORKED:
                return send_back(connection, plain(overdue=False), why=change.reason, at=at, matters=self._matters)
            case _:
                return plain()

    def _open(self, connection: Connection, row: CaseRow, *, at: datetime) -> CaseRow:
        decision = self._decide(row, at)
        why = str(decision.printed["text"]["en"])
        return dispatch(connection, row, decision, matters=self._matters, by=_ROUTING, at=at, why=why)

    def _decide(self, row: CaseRow, at: datetime) -> Decision:
        return self._routing.decide(facts_of(row, calendar=self._matters.calendar, at=at))

    def _dispatch_by_hand(
        self, connection: Connection, row: CaseRow, change: Change, *, by: Actor, at: datetime
    ) -> CaseRow:
        named = [name for name in (change.lead, *change.co) if name is not None]
        unknown = next((name for name in named if name not in self._routing.departments), None)
        if unknown is not None:
            raise InvalidRequest(field="lead", problem=f"{unknown!r} is no department")
        if change.lead is None:
            # The table speaks first: a role that may not do this at all is told so, not asked for a lead.
            move_case(connection, row, CaseState.DISPATCHED, by=by, at=at, why=change.reason)
            raise InvalidRequest(field="lead", problem="name the department that leads")
        decision = self._routing.by_hand(lead=change.lead, co=change.co, by=by.name, why=change.reason)
        return dispatch(connection, row, decision, matters=self._matters, by=by, at=at, why=change.reason)


def _reject(connection: Connection, row: CaseRow, change: Change, *, by: Actor, at: datetime) -> CaseRow:
    """Reject a case; a code stands for a reason where no words are given, but not the code that asks for words."""
    if change.reason_code is None:
        return move_case(connection, row, CaseState.REJECTED, by=by, at=at, why=change.reason)
    try:
        code = RejectionCode(change.reason_code)
    except ValueError:
        known = ", ".join(RejectionCode)
        raise InvalidRequest(field="reason_code", problem=f"{change.reason_code!r} is none of {known}") from None
    words = change.reason.strip()
    why = words or ("" if code is RejectionCode.OTHER else REJECTION_NAMES[code][0])
    return move_case(connection, row, CaseState.REJECTED, by=by, at=at, why=why, data={"reason_code": code.value})


def _state(text: str) -> CaseState:
    try:
        return CaseState(text)
    except ValueError:
        raise InvalidRequest(field="to", problem=f"{text!r} is no state of a case") from None


def _future(change: Change, at: datetime) -> datetime:
    if change.until is None or change.until <= at:
        raise InvalidRequest(field="until", problem="name a date in the future until which the case is suspended")
    return change.until
