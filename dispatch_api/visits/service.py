"""`VisitDesk`: visits are begun and ended, and each department writes its own lines and signs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import DEPARTMENT_ROLES, Account, Role
from dispatch_api.cases.records import get_case
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest, NotFound
from dispatch_api.store import Store
from dispatch_api.store.schema import evidence
from dispatch_api.store.times import iso, utc_now
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.versions import Expected, check_part, check_version
from dispatch_api.visits.checklists import VisitRules
from dispatch_api.visits.ending import end_visit
from dispatch_api.visits.model import ENDED_STATES, LineResult, VisitState, check_step
from dispatch_api.visits.planning import plan_visit
from dispatch_api.visits.records import LineRow, VisitRow, lines_of, seen_visit, update_line, update_visit
from dispatch_api.visits.schemas import ActCode, LineReport, NewVisit, Signature, VisitChange
from dispatch_api.visits.signing import CENTRE_SIGNS, own_signature, signed_over
from dispatch_api.visits.telling import note, tell_pages


class VisitDesk:
    """Where joint visits are looked after."""

    def __init__(
        self, store: Store, rules: VisitRules, tasks: TaskDesk, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Join the parts.

        Args:
            store: Where visits are.
            rules: The city's.
            tasks: Where tasks that were reported done move on.
            now: The clock; the desk of tasks should have the same.
        """
        self._store = store
        self._rules = rules
        self._tasks = tasks
        self._now = now

    @property
    def rules(self) -> VisitRules:
        """The city's rules of visits."""
        return self._rules

    def plan(self, wanted: NewVisit, *, by: Account) -> VisitRow:
        """Make one visit of open cases of one place: one stop, one list, a line for each open task.

        Raises:
            Forbidden: Only the centre plans visits.
            NotFound: There is no such case.
            InvalidRequest: A case has no work to do, lies too far from another, or is on a visit already; or the day
                is over, or too far ahead; or a department has no line in it.
        """
        if by.role is not Role.CENTRE:
            raise Forbidden("only the centre plans joint visits.")
        at = self._now()
        return self._store.write(lambda connection: plan_visit(connection, wanted, rules=self._rules, by=by, at=at))

    def transition(self, visit_id: str, change: VisitChange, *, by: Account, expected: Expected = None) -> VisitRow:
        """Begin, end or cancel a visit. What was reported done when it ends becomes `done` in the same transaction.

        Raises:
            NotFound: No such visit, or not one that the account may see.
            LostUpdate: It has none of the `expected` versions.
            IllegalTransition: The table of states does not allow it, or a task's own table does not.
            Forbidden: It is not for this account.
            InvalidRequest: A reason, a result or a signature is missing.
        """

        def work(connection: Connection) -> VisitRow:
            row = seen_visit(connection, visit_id, by)
            check_version(row, expected, subject=f"visit {row.number}")
            return self._transition(connection, row, change, by)

        return self._store.write(work)

    def report(
        self, visit_id: str, line_id: int, told: LineReport, *, by: Account, expected: Expected = None
    ) -> VisitRow:
        """Write what came of one's own line.

        Raises:
            NotFound: No such visit or line, or not one that the account may see.
            LostUpdate: The line was changed after all of the `expected` versions of the visit.
            Forbidden: The line is another department's.
            IllegalTransition: The visit is not under way.
            InvalidRequest: A point of the checklist is not answered, or a picture is not the case's.
        """
        return self._store.write(lambda connection: self._report(connection, visit_id, line_id, told, by, expected))

    def sign(self, visit_id: str, signature: Signature, *, by: Account, expected: Expected = None) -> VisitRow:
        """Sign for one's department, or for the centre; signing again takes the place of what was signed before.

        Raises:
            NotFound: No such visit, or not one that the account may see.
            LostUpdate: What is signed was changed after all of the `expected` versions of the visit.
            Forbidden: Somebody of that role signs nothing, or has no line in the visit.
            IllegalTransition: The visit is not under way.
        """

        def work(connection: Connection) -> VisitRow:
            row, party, at = *self._party(connection, visit_id, by), self._now()
            lines, before = lines_of(connection, visit_id), own_signature(row, party)
            changed = max(signed_over(lines, party), before.get("version", 0) if before else 0)
            check_part(changed, expected, whole=row.version, subject=f"visit {row.number}")
            signed = {
                **signature.model_dump(mode="json"),
                "party": party,
                "at": iso(at),
                "account": by.name,
                "version": row.version + 1,
            }
            others = [one for one in row.signatures if one["party"] != party]
            return self._changed(connection, row, at=at, signatures=[*others, signed])

        return self._store.write(work)

    def set_act_code(self, visit_id: str, wanted: ActCode, *, by: Account, expected: Expected = None) -> VisitRow:
        """Note the code of the administrative act of one's department; the rest as `sign`."""

        def work(connection: Connection) -> VisitRow:
            row, party, at = *self._party(connection, visit_id, by), self._now()
            changed = row.act_codes.get(party, {}).get("version", 0)
            check_part(changed, expected, whole=row.version, subject=f"visit {row.number}")
            code = {"code": wanted.code, "at": iso(at), "account": by.name, "version": row.version + 1}
            return self._changed(connection, row, at=at, act_codes={**row.act_codes, party: code})

        return self._store.write(work)

    def _transition(self, connection: Connection, row: VisitRow, change: VisitChange, by: Account) -> VisitRow:
        to, at = _state(change.to), self._now()
        check_step(row.number, VisitState(row.state), to, by=by.actor, why=change.reason)
        lines = lines_of(connection, row.visit_id)
        if by.role in DEPARTMENT_ROLES and not any(line.department == by.department for line in lines):
            raise Forbidden(f"visit {row.number}: {by.department} has no line in it.")
        cases = [get_case(connection, case_id) for case_id in dict.fromkeys(line.case_id for line in lines)]
        if to is VisitState.DONE:
            row = end_visit(connection, row, lines, tasks=self._tasks, by=by, at=at, why=change.reason)
        else:
            stamp = {"started_at": at} if to is VisitState.UNDER_WAY else {"ended_at": at}
            row = update_visit(connection, row.visit_id, state=to.value, **stamp)
            note(connection, row, cases, f"case.visit_{to}", by=by, at=at, why=change.reason)
        tell_pages(connection, row, at)
        return row

    def _report(
        self,
        connection: Connection,
        visit_id: str,
        line_id: int,
        told: LineReport,
        by: Account,
        expected: Expected,
    ) -> VisitRow:
        row = seen_visit(connection, visit_id, by)
        line = next((one for one in lines_of(connection, visit_id) if one.line_id == line_id), None)
        if line is None:
            raise NotFound(kind="line", key=f"{line_id} of visit {row.number}")
        if by.role not in DEPARTMENT_ROLES or line.department != by.department:
            raise Forbidden(f"visit {row.number}: line {line_id} belongs to {line.department}.")
        _must_be_under_way(row)
        check_part(line.version, expected, whole=row.version, subject=f"line {line_id} of visit {row.number}")
        self._check_report(connection, row, line, told)
        at = self._now()
        reported = {"checks": dict(sorted(told.checks.items())), "pictures": list(told.pictures)}
        update_line(
            connection,
            line_id,
            result=told.result.value,
            note=told.note,
            evidence=reported,
            done_at=at,
            done_by=by.name,
            version=row.version + 1,
        )
        return self._changed(connection, row, at=at)

    def _check_report(self, connection: Connection, row: VisitRow, line: LineRow, told: LineReport) -> None:
        points = [point["key"] for point in row.checklist[get_case(connection, line.case_id).matter]]
        strange = next((key for key in told.checks if key not in points), None)
        if strange is not None:
            raise InvalidRequest(field="checks", problem=f"{strange!r} is no point of the list")
        missing = [key for key in points if key not in told.checks]
        if told.result is LineResult.DONE and missing:
            raise InvalidRequest(field="checks", problem=f"say what was found of {', '.join(missing)}")
        if told.result is not LineResult.DONE and not told.note.strip():
            raise InvalidRequest(field="note", problem=f"{told.result} needs one")
        kept = select(evidence.c.original_sha256).where(evidence.c.case_id == line.case_id)
        unknown = set(told.pictures) - set(connection.execute(kept).scalars())
        if unknown:
            raise InvalidRequest(field="pictures", problem=f"{min(unknown)[:12]}… is no picture of the case")

    def _party(self, connection: Connection, visit_id: str, by: Account) -> tuple[VisitRow, str]:
        row = seen_visit(connection, visit_id, by)
        party = CENTRE_SIGNS if by.role is Role.CENTRE else by.department if by.role in DEPARTMENT_ROLES else None
        if party is None or (party != CENTRE_SIGNS and party not in row.departments):
            raise Forbidden(f"visit {row.number}: {by.department or by.role} has no line in it.")
        _must_be_under_way(row)
        return row, party

    def _changed(self, connection: Connection, row: VisitRow, *, at: datetime, **columns: Any) -> VisitRow:  # noqa: ANN401
        row = update_visit(connection, row.visit_id, **columns)
        tell_pages(connection, row, at)
        return row


def _state(text: str) -> VisitState:
    try:
        return VisitState(text)
    except ValueError:
        raise InvalidRequest(field="to", problem=f"{text!r} is no state of a visit") from None


def _must_be_under_way(row: VisitRow) -> None:
    if row.state != VisitState.UNDER_WAY:
        why = "it is sealed" if row.state in ENDED_STATES else "it has not begun"
        raise IllegalTransition(subject=f"visit {row.number}", current=row.state, to=row.state, allowed=(), why=why)
