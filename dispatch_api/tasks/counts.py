"""How many tasks somebody may see, as the store counts them (`store.tallies`)."""

from __future__ import annotations

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Account
from dispatch_api.store.schema import task_count


def counted_tasks(connection: Connection, account: Account) -> dict[tuple[str, str], int]:
    """The tasks that an account may see, by department and state."""
    query = select(task_count).where(task_count.c.n > 0)
    if not account.sees_every_case:
        query = query.where(task_count.c.department.in_(sorted(account.sees_departments)))
    return {(row.department, row.state): row.n for row in connection.execute(query)}
