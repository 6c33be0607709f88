"""The service of a whole city: keys, answers given once, deliveries, reminders, visits, storms, citizens' reports."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.types import TEXT, WHOLE, words

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and to cases and tasks what they were not asked before."""
    op.create_table(
        "answer_once",
        sa.Column("owner", words(80), nullable=False),
        sa.Column("key", words(200), nullable=False),
        sa.Column("request_sha256", words(64), nullable=False),
        sa.Column("status", WHOLE, nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key"),
    )
    op.create_index(op.f("ix_answer_once_at"), "answer_once", ["at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("key_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("key_hash", words(64), nullable=False),
        sa.Column("role", words(16), nullable=False),
        sa.Column("department", words(64), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("key_hash"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "message",
        sa.Column("message_id", words(64), nullable=False),
        sa.Column("type", words(64), nullable=False),
        sa.Column("subject", words(64), nullable=False),
        sa.Column("case_id", words(32), nullable=True),
        sa.Column("departments", sa.JSON(), nullable=False),
        sa.Column("colour", words(8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_message_case_id"), "message", ["case_id"], unique=False)
    op.create_table(
        "receiver",
        sa.Column("receiver_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("kind", words(16), nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("departments", sa.JSON(), nullable=True),
        sa.Column("types", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", TEXT, nullable=True),
        sa.Column("failures", WHOLE, nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quota_per_minute", WHOLE, nullable=True),
        sa.Column("recent", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("receiver_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "storm",
        sa.Column("storm_id", words(32), nullable=False),
        sa.Column("number", words(32), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", words(12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("storm_id"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "visit",
        sa.Column("visit_id", words(32), nullable=False),
        sa.Column("number", words(32), nullable=False),
        sa.Column("day", words(10), nullable=False),
        sa.Column("state", words(16), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("departments", sa.JSON(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        sa.Column("signatures", sa.JSON(), nullable=False),
        sa.Column("act_codes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", words(64), nullable=True),
        sa.Column("version", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("visit_id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_visit_day"), "visit", ["day"], unique=False)
    op.create_table(
        "citizen_report",
        sa.Column("request_id", words(32), nullable=False),
        sa.Column("case_id", words(32), nullable=True),
        sa.Column("service_code", words(64), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("media_url", TEXT, nullable=True),
        sa.Column("contact", sa.JSON(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index(op.f("ix_citizen_report_case_id"), "citizen_report", ["case_id"], unique=False)
    op.create_index(op.f("ix_citizen_report_requested_at"), "citizen_report", ["requested_at"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("delivery_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("message_id", words(64), nullable=False),
        sa.Column("receiver_id", WHOLE, nullable=False),
        sa.Column("state", words(16), nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", WHOLE, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.message_id"],
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"],
            ["receiver.receiver_id"],
        ),
        sa.PrimaryKeyConstraint("delivery_id"),
        sa.UniqueConstraint("message_id", "receiver_id", name="delivery_once"),
    )
    op.create_index("delivery_due", "delivery", ["receiver_id", "state", "urgent", "next_at"], unique=False)
    op.create_table(
        "reminder",
        sa.Column("reminder_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("key", words(120), nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("task_id", WHOLE, nullable=True),
        sa.Column("kind", words(24), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", words(12), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number", words(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.PrimaryKeyConstraint("reminder_id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_reminder_case_id"), "reminder", ["case_id"], unique=False)
    op.create_index(op.f("ix_reminder_task_id"), "reminder", ["task_id"], unique=False)
    op.create_index("reminder_due", "reminder", ["state", "due_at"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("attempt_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("delivery_id", WHOLE, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", WHOLE, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("took_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.delivery_id"],
        ),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index(op.f("ix_delivery_attempt_delivery_id"), "delivery_attempt", ["delivery_id"], unique=False)
    op.create_table(
        "visit_line",
        sa.Column("line_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("visit_id", words(32), nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("task_id", WHOLE, nullable=False),
        sa.Column("department", words(64), nullable=False),
        sa.Column("result", words(24), nullable=True),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.task_id"],
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"],
            ["visit.visit_id"],
        ),
        sa.PrimaryKeyConstraint("line_id"),
        sa.UniqueConstraint("visit_id", "task_id", name="visit_line_once"),
    )
    op.create_index(op.f("ix_visit_line_case_id"), "visit_line", ["case_id"], unique=False)
    op.create_index(op.f("ix_visit_line_visit_id"), "visit_line", ["visit_id"], unique=False)
    op.add_column("case_file", sa.Column("version", WHOLE, server_default="1", nullable=False))
    op.add_column("case_file", sa.Column("overdue", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("case_file", sa.Column("supervised", WHOLE, server_default="0", nullable=False))
    op.add_column("case_file", sa.Column("hold", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("case_file", sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case_file", sa.Column("paused_s", sa.Float(), server_default="0", nullable=False))
    op.add_column("case_file", sa.Column("closed_by", words(16), nullable=True))
    op.add_column("case_file", sa.Column("storm_id", words(32), nullable=True))
    op.create_index("case_file_storm", "case_file", ["storm_id"], unique=False)
    op.create_index("case_file_recurrence", "case_file", ["recurrence_of"], unique=False)
    op.create_index("case_file_dispatched", "case_file", ["dispatched_at"], unique=False)
    op.add_column("flight", sa.Column("facts", sa.JSON(), nullable=True))
    op.add_column("original", sa.Column("capture", sa.JSON(), nullable=True))
    op.create_table(
        "removed_original",
        sa.Column("sha256", words(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["original.sha256"]),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.add_column("task", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("task", sa.Column("version", WHOLE, server_default="1", nullable=False))
    op.add_column("task", sa.Column("t3", words(16), nullable=True))
    # Whoever worked for a department goes on working; who may refuse for it is the admin's to say.
    op.execute("UPDATE account SET role = 'handler' WHERE role = 'department'")
