"""Who may see what, as conditions of the query itself.

Operators, the centre and auditors see every case. A department's people see those on which it, or a department under
it, has a task. Admins see none. A key sees none either, unless one of its scopes reads cases.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, false, select, true

from dispatch_api.accounts.model import Account
from dispatch_api.errors import NotFound
from dispatch_api.store.schema import case, task


def visible_cases(account: Account) -> ColumnElement[bool]:
    """The condition that holds for the cases which an account may see."""
    if account.sees_every_case:
        return true()
    if not account.of_department:
        return false()
    return case.c.case_id.in_(select(task.c.case_id).where(visible_tasks(account)))


def visible_tasks(account: Account) -> ColumnElement[bool]:
    """The condition that holds for the tasks which an account may see."""
    if account.sees_every_case:
        return true()
    return task.c.department.in_(sorted(account.sees_departments)) if account.of_department else false()


def seen_case(connection: Connection, case_id: str, account: Account) -> Any:  # noqa: ANN401 - a row
    """The row of a case that the account may see.

    Raises:
        NotFound: There is none; one that it may not see looks the same.
    """
    row = connection.execute(select(case).where(case.c.case_id == case_id, visible_cases(account))).first()
    if row is None:
        raise NotFound(kind="case", key=case_id)
    return row


def seen_task(connection: Connection, task_id: int, account: Account) -> Any:  # noqa: ANN401 - a row
    """The row of a task that the account may see.

    Raises:
        NotFound: There is none; one that it may not see looks the same.
    """
    row = connection.execute(select(task).where(task.c.task_id == task_id, visible_tasks(account))).first()
    if row is None:
        raise NotFound(kind="task", key=str(task_id))
    return row
