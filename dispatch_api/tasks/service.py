"""`TaskDesk`: departments work on tasks; the case follows in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from dispatch_api.accounts.model import Account, system_actor
from dispatch_api.accounts.sight import seen_task
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.records import CaseRow, get_case, update_case
from dispatch_api.cases.schemas import Change
from dispatch_api.clockwork.reminders import hand_over_reminders
from dispatch_api.clockwork.starting import start_verification
from dispatch_api.departments.routing import Routing
from dispatch_api.errors import IllegalTransition, InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.dispatching import issue, tell_task
from dispatch_api.tasks.model import GONE_STATES, SIGNED_STATES, TaskKind, TaskState, TaskStep, allowed_task_steps
from dispatch_api.tasks.moves import move_task
from dispatch_api.tasks.records import TaskRow, task_of, tasks_of
from dispatch_api.versions import Expected, check_version

REFUSALS_BEFORE_ARBITRATION = 2
_TASKS = system_actor("tasks")
_RESTING_STATES = ENDED_STATES | {CaseState.SUSPENDED}


def steps_now(task: TaskRow, case_state: CaseState, by: Account) -> dict[TaskState, TaskStep]:
    """The changes that an account may make to a task while its case is in `case_state`."""
    if case_state in _RESTING_STATES:
        return {}
    steps = allowed_task_steps(task_of(task), by.actor)
    if task.kind == TaskKind.LEAD:
        # Without a lead a case would wait for nobody: the centre changes the lead by dispatching the case anew.
        steps.pop(TaskState.CANCELLED, None)
    return steps


class TaskDesk:
    """Where departments (or the centre on their behalf) change tasks."""

    def __init__(
        self, store: Store, matters: Matters, routing: Routing, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._matters = matters
        self._routing = routing
        self._now = now

    def transition(self, task_id: int, change: Change, *, by: Account, expected: Expected = None) -> TaskRow:
        """Move a task as somebody asks.

        Raises:
            NotFound: No such task, or not one that the account may see.
            IllegalTransition: The table of states does not allow it.
            LostUpdate: It has none of the `expected` versions.
            Forbidden: It is not for this account.
            InvalidRequest: The change lacks something.
        """

        def work(connection: Connection) -> TaskRow:
            check_version(seen_task(connection, task_id, by), expected, subject=f"task {task_id}")
            return self._transition(connection, task_id, change, by)

        return self._store.write(work)

    def transition_within(self, connection: Connection, task_id: int, change: Change, *, by: Account) -> TaskRow:
        """Move a task inside a transaction of the caller's; the rest as `transition`."""
        return self._transition(connection, task_id, change, by)

    def _transition(self, connection: Connection, task_id: int, change: Change, by: Account) -> TaskRow:
        task = seen_task(connection, task_id, by)
        case = get_case(connection, task.case_id)
        to, at = _state(change.to), self._now()
        self._check(task, case, to, by)
        moved = move_task(connection, task, to, by=by.actor, at=at, why=change.reason)
        if to is TaskState.HANDED_ON:
            self._hand_on(connection, task, change, at=at)
        if to is TaskState.DONE:
            case = update_case(connection, case.case_id, {"reporters": sorted({*case.reporters, by.name})})
        returnable = case.state in {CaseState.DISPATCHED, CaseState.IN_PROGRESS}
        if to is TaskState.REFUSED and task.kind == TaskKind.LEAD and returnable:
            case = self._return(connection, case, change.reason, at=at)
        case = self._follow(connection, case, at=at)
        tell_task(connection, moved, at=at)
        tell_case(connection, case, kind="case.updated", at=at, matters=self._matters)
        return moved

    def _check(self, task: TaskRow, case: CaseRow, to: TaskState, by: Account) -> None:
        state = CaseState(case.state)
        steps = steps_now(task, state, by)
        resting = state in _RESTING_STATES
        if resting or (to is TaskState.CANCELLED and task.kind == TaskKind.LEAD):
            why = f"the case is {state}" if resting else "a lead is changed by dispatching the case anew"
            raise IllegalTransition(
                subject=f"task {task.task_id}", current=task.state, to=to, allowed=tuple(steps), why=why
            )

    def _hand_on(self, connection: Connection, task: TaskRow, change: Change, *, at: datetime) -> None:
        to = change.department
        taken = {other.department for other in tasks_of(connection, task.case_id) if other.state not in GONE_STATES}
        if to is None or to not in self._routing.departments or to in taken or to == task.department:
            raise InvalidRequest(field="department", problem="name a department that has no task on this case yet")
        columns = {
            "case_id": task.case_id,
            "rule": task.rule,
            "created_at": at,
            "sign_deadline_at": task.sign_deadline_at,
            "deadline_at": task.deadline_at,
            "t3": task.t3,
        }
        taken_over = issue(connection, columns, department=to, kind=TaskKind(task.kind), at=at)
        hand_over_reminders(connection, case_id=task.case_id, of_task=task.task_id, to_task=taken_over.task_id)

    def _return(self, connection: Connection, case: CaseRow, why: str, *, at: datetime) -> CaseRow:
        case = move_case(connection, case, CaseState.RETURNED, by=_TASKS, at=at, why=why)
        if case.refusals >= REFUSALS_BEFORE_ARBITRATION:
            why = f"refused {case.refusals} times"
            case = move_case(connection, case, CaseState.ARBITRATION, by=_TASKS, at=at, why=why)
        return case

    def _follow(self, connection: Connection, case: CaseRow, *, at: datetime) -> CaseRow:
        leads = [
            TaskState(task.state)
            for task in tasks_of(connection, case.case_id)
            if task.kind == TaskKind.LEAD and task.state not in GONE_STATES
        ]
        if case.state == CaseState.DISPATCHED and leads and all(state in SIGNED_STATES for state in leads):
            case = move_case(connection, case, CaseState.IN_PROGRESS, by=_TASKS, at=at, why="signed by every lead")
        if case.state == CaseState.REWORKED and TaskState.WORKING in leads:
            case = move_case(connection, case, CaseState.IN_PROGRESS, by=_TASKS, at=at, why="rework taken up")
        if case.state == CaseState.IN_PROGRESS and leads and all(state is TaskState.DONE for state in leads):
            case = move_case(connection, case, CaseState.REPORTED_DONE, by=_TASKS, at=at, why="done by every lead")
            case = move_case(connection, case, CaseState.PENDING_VERIFY, by=_TASKS, at=at, why="at once")
            case = start_verification(connection, case, at=at, matters=self._matters)
        return case


def _state(text: str) -> TaskState:
    try:
        return TaskState(text)
    except ValueError:
        raise InvalidRequest(field="to", problem=f"{text!r} is no state of a task") from None
