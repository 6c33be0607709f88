"""One row for all that is to come by the clocks of a task, naming the next step; nothing is kept of what was told.

The history keeps that.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import TEXT, WHOLE, UtcTime, words

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000


def upgrade() -> None:
    """Put the rows of each task, or of each clock of a case, together."""
    connection = op.get_bind()
    old = sa.table(
        "reminder",
        *(sa.column(name) for name in ("key", "case_id", "task_id", "kind", "state")),
        sa.column("due_at", UtcTime),
    )
    open_rows = connection.execute(sa.select(old).where(old.c.state.in_(["waiting", "paused"]))).all()
    op.drop_table("reminder")
    new = op.create_table(
        "reminder",
        sa.Column("reminder_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("task_id", WHOLE, nullable=True),
        sa.Column("kind", words(24), nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("state", words(12), nullable=False),
        sa.Column("to_come", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.case_id"]),
        sa.PrimaryKeyConstraint("reminder_id"),
    )
    op.create_index(op.f("ix_reminder_case_id"), "reminder", ["case_id"], unique=False)
    op.create_index("reminder_due", "reminder", ["state", "due_at"], unique=False)
    rows = list(_together(open_rows))
    for first in range(0, len(rows), _AT_ONCE):
        connection.execute(new.insert(), rows[first : first + _AT_ONCE])


def _together(rows: Iterable[sa.Row[Any]]) -> Iterator[dict[str, object]]:
    def clock_of(row: sa.Row[Any]) -> tuple[str, str, str]:
        # The key of a case's step ends with when its clock began: the steps of one clock share that.
        of = row.key.rsplit(":", 1)[1] if row.task_id is None else str(row.task_id)
        return row.case_id, f"{of}:{row.kind}" if row.kind == "resume" else of, row.state

    for (case_id, _, state), clock in groupby(sorted(rows, key=lambda row: (clock_of(row), row.due_at)), clock_of):
        head, *rest = clock
        yield {
            "case_id": case_id,
            "task_id": head.task_id,
            "kind": head.kind,
            "due_at": head.due_at,
            "state": state,
            "to_come": json.dumps([[row.kind, row.due_at.isoformat()] for row in rest]) if rest else None,
        }
