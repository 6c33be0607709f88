"""A million cases: counts kept by triggers, indexes that lists and figures are read from.

And: throttles shared by processes, log-out at the provider, versions of storms and of lines of visits, what lies below
a receiver's departments.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.tallies import count_anew, make_triggers
from dispatch_api.store.types import TEXT, WHOLE, words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and columns."""
    op.create_table(
        "attempt",
        sa.Column("key", words(64), nullable=False),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_attempt_expires_at"), "attempt", ["expires_at"], unique=False)
    op.add_column("session", sa.Column("id_token", TEXT, nullable=True))
    op.add_column("session", sa.Column("provider_session", words(255), nullable=True))
    op.add_column("storm", sa.Column("version", WHOLE, server_default="1", nullable=False))
    op.add_column("visit_line", sa.Column("version", WHOLE, server_default="1", nullable=False))
    op.add_column("receiver", sa.Column("below", sa.JSON(), nullable=True))
    _count()
    _index()


def _count() -> None:
    op.add_column("case_file", sa.Column("departments", TEXT, nullable=True))
    op.create_table(
        "case_count",
        sa.Column("departments", TEXT, nullable=False),
        sa.Column("matter", words(64), nullable=False),
        sa.Column("state", words(24), nullable=False),
        sa.Column("colour", words(8), nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("departments", "matter", "state", "colour"),
    )
    op.create_table(
        "task_count",
        sa.Column("department", words(64), nullable=False),
        sa.Column("state", words(16), nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("department", "state"),
    )
    facts = ("cases", "with_deadline", "on_time", "reported", "reworked", "put_off", "recurred", "paused_us")
    op.create_table(
        "figure_count",
        sa.Column("hour_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("department", words(64), nullable=False),
        sa.Column("matter", words(64), nullable=False),
        *(sa.Column(name, WHOLE, nullable=False) for name in facts),
        sa.PrimaryKeyConstraint("hour_at", "department", "matter"),
    )
    op.add_column("task", sa.Column("reworks", WHOLE, server_default="0", nullable=False))
    op.execute(
        "UPDATE task SET reworks = (SELECT count(*) FROM event WHERE event.task_id = task.task_id "
        "AND event.to_state = 'rework') WHERE EXISTS (SELECT 1 FROM case_file WHERE case_file.case_id = task.case_id "
        "AND case_file.reworks > 0)"
    )
    _tell_pauses(op.get_bind())
    count_anew(op.get_bind())
    make_triggers(op.get_bind())


def _tell_pauses(connection: sa.Connection) -> None:
    """How long cases stood still that were suspended before that was counted: by the history."""
    rows = connection.exec_driver_sql(
        "SELECT e.case_id, e.at, e.from_state, e.to_state FROM event e JOIN case_file f ON f.case_id = e.case_id "
        "WHERE f.paused_s = 0 AND (e.to_state = 'suspended' OR e.from_state = 'suspended') ORDER BY e.seq"
    ).all()
    since: dict[str, datetime] = {}
    paused_s: dict[str, float] = {}
    for case_id, at, from_state, to_state in rows:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        if to_state == "suspended":
            since[case_id] = moment
        elif from_state == "suspended" and case_id in since:
            stood_still_s = (moment - since.pop(case_id)).total_seconds()
            paused_s[case_id] = paused_s.get(case_id, 0.0) + stood_still_s
    statement = sa.text("UPDATE case_file SET paused_s = :paused_s WHERE case_id = :case_id")
    for case_id, seconds in paused_s.items():
        connection.execute(statement, {"case_id": case_id, "paused_s": seconds})


def _index() -> None:
    op.drop_index("case_file_state", "case_file")
    op.drop_index("case_file_dispatched", "case_file")
    op.drop_index(op.f("ix_task_case_id"), "task")
    op.drop_index("task_department_state", "task")
    for name, table, *columns in (
        ("case_file_lat", "case_file", "lat"),
        ("case_file_in_state", "case_file", "state", "seq", "matter", "colour", "departments", "lon", "lat",
         "first_seen_at", "last_seen_at", "number"),
        ("case_file_of_matter", "case_file", "matter", "state", "seq"),
        ("case_file_opened", "case_file", "matter", "opened_at", "case_id"),
        ("case_file_seen", "case_file", "last_seen_at", "first_seen_at"),
        ("case_file_dispatched", "case_file", "dispatched_at", "case_id", "matter", "state", "reworks", "paused_s",
         "suspended_at"),
        ("task_of_case", "task", "case_id", "kind", "state", "department", "deadline_at", "done_at",
         "reworks"),
        ("task_of_department", "task", "department", "state", "task_id", "case_id"),
        ("task_in_state", "task", "state", "task_id", "department", "deadline_at", "case_id"),
        ("task_created", "task", "created_at", "task_id"),
        ("flight_started", "flight", "started_at", "flight_id"),
    ):  # fmt: skip
        op.create_index(name, table, columns, unique=False)
    op.create_index(
        "case_file_seen_long",
        "case_file",
        ["last_seen_at", "first_seen_at"],
        sqlite_where=sa.text("julianday(last_seen_at) - julianday(first_seen_at) > 30"),
        postgresql_where=sa.text("last_seen_at - first_seen_at > interval '30 days'"),
    )
