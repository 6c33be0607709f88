"""`VisitDesk`: visits are planned, made and ended; each department writes its own lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, select

from dispatch_api.accounts.model import DEPARTMENT_ROLES, Account, Role
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState, Colour
from dispatch_api.cases.records import CaseRow, get_case
from dispatch_api.deliveries.outbox import post
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.counting import next_number
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import evidence
from dispatch_api.store.times import iso, utc_now
from dispatch_api.tasks.model import OPEN_STATES
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.checklists import VisitRules
from dispatch_api.visits.ending import end_visit
from dispatch_api.visits.model import ENDED_STATES, LineResult, VisitState, check_step
from dispatch_api.visits.places import far_pair
from dispatch_api.visits.records import (
    LineRow,
    VisitRow,
    insert_visit,
    lines_of,
    seen_visit,
    tasks_on_visits,
    update_line,
    update_visit,
)
from dispatch_api.visits.schemas import ActCode, LineReport, NewVisit, Signature, VisitChange
from dispatch_api.visits.suggestions import WORKED_ON

CENTRE_SIGNS = "centre"
_URGENCY = (Colour.RED, Colour.YELLOW, Colour.GREEN)


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
                is over.
        """
        if by.role is not Role.CENTRE:
            raise Forbidden("only the centre plans joint visits.")
        return self._store.write(lambda connection: self._plan(connection, wanted, by))

    def transition(self, visit_id: str, change: VisitChange, *, by: Account) -> VisitRow:
        """Begin, end or cancel a visit. What was reported done when it ends becomes `done` in the same transaction.

        Raises:
            NotFound: No such visit, or not one that the account may see.
            IllegalTransition: The table of states does not allow it, or a task's own table does not.
            Forbidden: It is not for this account.
            InvalidRequest: A reason, a result or a signature is missing.
        """
        return self._store.write(lambda connection: self._transition(connection, visit_id, change, by))

    def report(self, visit_id: str, line_id: int, told: LineReport, *, by: Account) -> VisitRow:
        """Write what came of one's own line.

        Raises:
            NotFound: No such visit or line, or not one that the account may see.
            Forbidden: The line is another department's.
            IllegalTransition: The visit is not under way.
            InvalidRequest: A point of the checklist is not answered, or a picture is not the case's.
        """
        return self._store.write(lambda connection: self._report(connection, visit_id, line_id, told, by))

    def sign(self, visit_id: str, signature: Signature, *, by: Account) -> VisitRow:
        """Sign for one's department, or for the centre; signing again takes the place of what was signed before.

        Raises:
            NotFound: No such visit, or not one that the account may see.
            Forbidden: Somebody of that role signs nothing, or has no line in the visit.
            IllegalTransition: The visit is not under way.
        """

        def work(connection: Connection) -> VisitRow:
            row, party, at = *self._party(connection, visit_id, by), self._now()
            signed = {**signature.model_dump(mode="json"), "party": party, "at": iso(at), "account": by.name}
            others = [one for one in row.signatures if one["party"] != party]
            return self._changed(connection, row, at=at, signatures=[*others, signed])

        return self._store.write(work)

    def set_act_code(self, visit_id: str, wanted: ActCode, *, by: Account) -> VisitRow:
        """Note the code of the administrative act of one's department; the rest as `sign`."""

        def work(connection: Connection) -> VisitRow:
            row, party, at = *self._party(connection, visit_id, by), self._now()
            code = {"code": wanted.code, "at": iso(at), "account": by.name}
            return self._changed(connection, row, at=at, act_codes={**row.act_codes, party: code})

        return self._store.write(work)

    def _plan(self, connection: Connection, wanted: NewVisit, by: Account) -> VisitRow:
        at = self._now()
        if wanted.day < self._rules.matters.calendar.local_date(at):
            raise InvalidRequest(field="day", problem=f"{wanted.day} is over")
        cases = [get_case(connection, case_id) for case_id in dict.fromkeys(wanted.case_ids)]
        self._check_place(cases)
        lines = [line for row in cases for line in self._lines(connection, row, wanted)]
        taken = tasks_on_visits(connection, [line["task_id"] for line in lines])
        if taken:
            task_id, number = next(iter(taken.items()))
            raise InvalidRequest(field="case_ids", problem=f"task {task_id} is on visit {number} already")
        values = self._values(connection, wanted.day, cases, lines, by, at)
        row = insert_visit(connection, values, lines)
        self._note(connection, row, cases, "case.visit_planned", by, at)
        _announce(connection, row, cases, at)
        return row

    def _check_place(self, cases: list[CaseRow]) -> None:
        for row in cases:
            if row.state not in WORKED_ON:
                zh, en = CASE_STATE_NAMES[CaseState(row.state)]
                problem = f"case {row.number} has no work to do on the spot: it is {row.state} ({zh}, {en})"
                raise InvalidRequest(field="case_ids", problem=problem)
        apart = far_pair(cases, self._rules.near_m)
        if apart is not None:
            one, other, gap = apart
            problem = (
                f"cases {one.number} and {other.number} lie {gap.distance_m:.0f} m apart, up to {gap.at_most_m:.0f} m "
                f"with their errors; a visit is for {self._rules.near_m:g} m"
            )
            raise InvalidRequest(field="case_ids", problem=problem)

    def _lines(self, connection: Connection, row: CaseRow, wanted: NewVisit) -> list[dict[str, Any]]:
        lines = [
            {
                "case_id": row.case_id,
                "task_id": task.task_id,
                "department": task.department,
                "note": "",
                "evidence": {"checks": {}, "pictures": []},
            }
            for task in tasks_of(connection, row.case_id)
            if task.state in OPEN_STATES and (wanted.departments is None or task.department in wanted.departments)
        ]
        if not lines:
            problem = f"case {row.number} has no open task of these departments"
            raise InvalidRequest(field="case_ids" if wanted.departments is None else "departments", problem=problem)
        return lines

    def _values(
        self,
        connection: Connection,
        day: date,
        cases: list[CaseRow],
        lines: list[dict[str, Any]],
        by: Account,
        at: datetime,
    ) -> dict[str, Any]:
        return {
            "visit_id": uuid4().hex,
            "number": next_number(connection, "visit", day, prefix="V"),
            "day": day.isoformat(),
            "state": VisitState.PLANNED.value,
            "lon": sum(row.lon for row in cases) / len(cases),
            "lat": sum(row.lat for row in cases) / len(cases),
            "address": next((row.address for row in cases if row.address), None),
            "departments": sorted({line["department"] for line in lines}),
            "checklist": {row.matter: self._rules.checklist(row.matter) for row in cases},
            "signatures": [],
            "act_codes": {},
            "created_at": at,
            "created_by": by.name,
        }

    def _transition(self, connection: Connection, visit_id: str, change: VisitChange, by: Account) -> VisitRow:
        row, at = seen_visit(connection, visit_id, by), self._now()
        to = _state(change.to)
        check_step(row.number, VisitState(row.state), to, by=by.actor, why=change.reason)
        lines = lines_of(connection, visit_id)
        if by.role in DEPARTMENT_ROLES and not any(line.department == by.department for line in lines):
            raise Forbidden(f"visit {row.number}: {by.department} has no line in it.")
        cases = [get_case(connection, case_id) for case_id in dict.fromkeys(line.case_id for line in lines)]
        if to is VisitState.DONE:
            row = end_visit(connection, row, lines, tasks=self._tasks, by=by, at=at, why=change.reason)
        else:
            stamp = {"started_at": at} if to is VisitState.UNDER_WAY else {"ended_at": at}
            row = update_visit(connection, visit_id, state=to.value, **stamp)
            self._note(connection, row, cases, f"case.visit_{to}", by, at, why=change.reason)
        _tell(connection, row, at)
        return row

    def _report(self, connection: Connection, visit_id: str, line_id: int, told: LineReport, by: Account) -> VisitRow:
        row = seen_visit(connection, visit_id, by)
        line = next((one for one in lines_of(connection, visit_id) if one.line_id == line_id), None)
        if line is None:
            raise InvalidRequest(field="line_id", problem=f"visit {row.number} has no line {line_id}")
        if by.role not in DEPARTMENT_ROLES or line.department != by.department:
            raise Forbidden(f"visit {row.number}: line {line_id} belongs to {line.department}.")
        _must_be_under_way(row)
        self._check_report(connection, row, line, told)
        at = self._now()
        reported = {"checks": dict(sorted(told.checks.items())), "pictures": list(told.pictures)}
        update_line(
            connection, line_id, result=told.result.value, note=told.note, evidence=reported, done_at=at,
            done_by=by.name,
        )  # fmt: skip
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
        _tell(connection, row, at)
        return row

    def _note(
        self,
        connection: Connection,
        row: VisitRow,
        cases: list[CaseRow],
        kind: str,
        by: Account,
        at: datetime,
        *,
        why: str = "",
    ) -> None:
        data = {"visit_id": row.visit_id, "number": row.number, "day": row.day, "departments": row.departments}
        for one in cases:
            append_event(connection, Event(at=at, who=by.name, kind=kind, case_id=one.case_id, why=why, data=data))


def _state(text: str) -> VisitState:
    try:
        return VisitState(text)
    except ValueError:
        raise InvalidRequest(field="to", problem=f"{text!r} is no state of a visit") from None


def _must_be_under_way(row: VisitRow) -> None:
    if row.state != VisitState.UNDER_WAY:
        why = "it is sealed" if row.state in ENDED_STATES else "it has not begun"
        raise IllegalTransition(subject=f"visit {row.number}", current=row.state, to=row.state, allowed=(), why=why)


def _tell(connection: Connection, row: Row[Any], at: datetime) -> None:
    data = {"visit_id": row.visit_id, "number": row.number, "state": row.state, "version": row.version}
    append_feed(connection, kind="visit.changed", at=at, departments=row.departments, data=data)


def _announce(connection: Connection, row: VisitRow, cases: list[CaseRow], at: datetime) -> None:
    colour = next(one for one in _URGENCY if any(case.colour == one for case in cases))
    post(
        connection,
        type="visit.planned.v1",
        subject=f"visits/{row.visit_id}",
        case_id=None,
        departments=row.departments,
        colour=colour.value,
        at=at,
        data={
            "visit_id": row.visit_id,
            "number": row.number,
            "day": row.day,
            "departments": row.departments,
            "cases": [one.number for one in cases],
            "place": row.address,
            "title_zh": "联合检查",
            "text_zh": f"{row.number}：{row.day}，{row.address or '地点见链接'}，{len(cases)} 件案件一次检查",
            "text_en": f"{row.number}: {row.day}, {len(cases)} cases, one visit",
            "link": f"/visits/{row.visit_id}",
        },
    )
    _tell(connection, row, at)
