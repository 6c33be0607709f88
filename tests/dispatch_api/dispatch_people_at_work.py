"""People who work on a case, and a city with one puddle and a clock that the test turns."""

from __future__ import annotations

from dispatch_builders import NOON, an_observation, default_rules

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.cases.schemas import Change, FlagChange
from dispatch_api.cases.service import CaseDesk
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk

MATTERS, ROUTING = default_rules()


def an_account(name: str, role: Role, department: str | None = None) -> Account:
    return Account(
        account_id=1, name=name, display_name_zh=name, display_name_en=name, role=role, department=department
    )


CHIEF, OTHER_CHIEF = an_account("chief", Role.CENTRE), an_account("other", Role.CENTRE)
PILOT = an_account("pilot", Role.OPERATOR)
DRAINER = an_account("drainer", Role.LEADER, "drainage")
TOWNER = an_account("towner", Role.LEADER, "town")
WATERMAN = an_account("waterman", Role.LEADER, "water")


class Desk:
    """A city with one dispatched puddle, and a clock that the test turns."""

    def __init__(self, store):
        self.store, self.now = store, NOON
        clock = {"now": lambda: self.now}
        self.cases = CaseDesk(store, MATTERS, ROUTING, **clock)
        self.tasks = TaskDesk(store, MATTERS, ROUTING, **clock)
        self.intake = Intake(store, MATTERS, ROUTING, **clock)
        self.case_id = self.intake.record(an_observation()).case_id

    def case(self, case_id=None):
        with self.store.read() as connection:
            return get_case(connection, case_id or self.case_id)

    def task(self, department, *, last=True):
        with self.store.read() as connection:
            found = [task for task in tasks_of(connection, self.case_id) if task.department == department]
        return found[-1 if last else 0]

    def work(self, to, by=DRAINER, **more):
        return self.tasks.transition(self.task(by.department or "drainage").task_id, Change(to=to, **more), by=by)

    def move(self, to, by=CHIEF, **more):
        return self.cases.transition(self.case_id, Change(to=to, **more), by=by)

    def do_all(self):
        for to in ("signed", "working", "done"):
            self.work(to)

    def change(self, to, **more):
        return Change(to=to, **more)

    def flag(self, flag, *, reason, by=CHIEF):
        return self.cases.set_flag(self.case_id, FlagChange(flag=flag, reason=reason), by=by)
