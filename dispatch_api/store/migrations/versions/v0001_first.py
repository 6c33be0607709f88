"""The first schema."""

import sqlalchemy as sa
from alembic import op

from dispatch_api.store.dialects import make_boxes, seal
from dispatch_api.store.types import TEXT, WHOLE, words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEALED_TABLES = ("event", "original")


def upgrade() -> None:
    """Create every table, the spatial index of the cases and the seals of the tables that only grow."""
    create_tables()
    make_boxes(op.get_bind())
    seal(op.get_bind(), SEALED_TABLES)


def create_tables() -> None:
    """The plain tables, as in `dispatch_api.store.schema`."""
    op.create_table(
        "account",
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("display_name_zh", TEXT, nullable=False),
        sa.Column("display_name_en", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("role", words(16), nullable=False),
        sa.Column("department", words(64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "case_file",
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("number", words(32), nullable=False),
        sa.Column("matter", words(64), nullable=False),
        sa.Column("family", words(32), nullable=False),
        sa.Column("label", words(64), nullable=False),
        sa.Column("state", words(24), nullable=False),
        sa.Column("colour", words(8), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("cov_ee_m2", sa.Float(), nullable=False),
        sa.Column("cov_en_m2", sa.Float(), nullable=False),
        sa.Column("cov_nn_m2", sa.Float(), nullable=False),
        sa.Column("footprint", sa.JSON(), nullable=True),
        sa.Column("extent_m2", sa.Float(), nullable=True),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("zones", sa.JSON(), nullable=False),
        sa.Column("grid_code", words(64), nullable=True),
        sa.Column("grid_name", TEXT, nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frames", WHOLE, nullable=False),
        sa.Column("observations", WHOLE, nullable=False),
        sa.Column("review_reasons", sa.JSON(), nullable=False),
        sa.Column("suggestions", sa.JSON(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=True),
        sa.Column("duplicate_of", words(32), nullable=True),
        sa.Column("recurrence_of", words(32), nullable=True),
        sa.Column("repeats", WHOLE, nullable=False),
        sa.Column("refusals", WHOLE, nullable=False),
        sa.Column("reworks", WHOLE, nullable=False),
        sa.Column("reporters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verify_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("case_id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("case_file_lon_lat", "case_file", ["lon", "lat"], unique=False)
    op.create_index("case_file_state", "case_file", ["state"], unique=False)
    op.create_table(
        "counter",
        sa.Column("name", words(64), nullable=False),
        sa.Column("value", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "event",
        sa.Column("seq", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("kind", words(64), nullable=False),
        sa.Column("case_id", words(32), nullable=True),
        sa.Column("task_id", WHOLE, nullable=True),
        sa.Column("from_state", words(24), nullable=True),
        sa.Column("to_state", words(24), nullable=True),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("previous_hash", words(64), nullable=False),
        sa.Column("hash", words(64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_event_case_id"), "event", ["case_id"], unique=False)
    op.create_index(op.f("ix_event_task_id"), "event", ["task_id"], unique=False)
    op.create_table(
        "feed",
        sa.Column("feed_id", WHOLE, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", words(32), nullable=False),
        sa.Column("case_id", words(32), nullable=True),
        sa.Column("departments", sa.JSON(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "flight",
        sa.Column("flight_id", words(100), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", words(16), nullable=False),
        sa.Column("planned_path", sa.JSON(), nullable=True),
        sa.Column("area", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("flight_id"),
    )
    op.create_table(
        "original",
        sa.Column("sha256", words(64), nullable=False),
        sa.Column("file_name", TEXT, nullable=False),
        sa.Column("extension", words(8), nullable=False),
        sa.Column("bytes", WHOLE, nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "tally",
        sa.Column("key", words(200), nullable=False),
        sa.Column("matter", words(64), nullable=False),
        sa.Column("rule_id", words(64), nullable=False),
        sa.Column("grid_code", words(64), nullable=True),
        sa.Column("seen_on", words(10), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "zone",
        sa.Column("zone_id", WHOLE, nullable=False),
        sa.Column("kind", words(32), nullable=False),
        sa.Column("code", words(64), nullable=False),
        sa.Column("feature", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("zone_id"),
    )
    op.create_table(
        "flight_photo",
        sa.Column("photo_id", WHOLE, nullable=False),
        sa.Column("flight_id", words(100), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("footprint", sa.JSON(), nullable=True),
        sa.Column("looked", sa.Boolean(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["flight_id"],
            ["flight.flight_id"],
        ),
        sa.PrimaryKeyConstraint("photo_id"),
        sa.UniqueConstraint("flight_id", "name", name="flight_photo_once"),
    )
    op.create_table(
        "flight_position",
        sa.Column("position_id", WHOLE, nullable=False),
        sa.Column("flight_id", words(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("alt_m", sa.Float(), nullable=False),
        sa.Column("heading_deg", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flight_id"],
            ["flight.flight_id"],
        ),
        sa.PrimaryKeyConstraint("position_id"),
    )
    op.create_index(op.f("ix_flight_position_flight_id"), "flight_position", ["flight_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("observation_id", WHOLE, nullable=False),
        sa.Column("key", words(200), nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("flight_id", words(100), nullable=False),
        sa.Column("matter", words(64), nullable=False),
        sa.Column("label", words(64), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("cov_ee_m2", sa.Float(), nullable=False),
        sa.Column("cov_en_m2", sa.Float(), nullable=False),
        sa.Column("cov_nn_m2", sa.Float(), nullable=False),
        sa.Column("footprint", sa.JSON(), nullable=True),
        sa.Column("extent_m2", sa.Float(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frames", WHOLE, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.PrimaryKeyConstraint("observation_id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_observation_case_id"), "observation", ["case_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("token_hash", words(64), nullable=False),
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("csrf", words(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.account_id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "task",
        sa.Column("task_id", WHOLE, nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("department", words(64), nullable=False),
        sa.Column("kind", words(8), nullable=False),
        sa.Column("state", words(16), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sign_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.PrimaryKeyConstraint("task_id"),
    )
    op.create_index(op.f("ix_task_case_id"), "task", ["case_id"], unique=False)
    op.create_index("task_department_state", "task", ["department", "state"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("evidence_id", WHOLE, nullable=False),
        sa.Column("case_id", words(32), nullable=False),
        sa.Column("observation_id", WHOLE, nullable=False),
        sa.Column("original_sha256", words(64), nullable=False),
        sa.Column("annotated_sha256", words(64), nullable=False),
        sa.Column("full_sha256", words(64), nullable=False),
        sa.Column("thumbnail_sha256", words(64), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["case_file.case_id"],
        ),
        sa.ForeignKeyConstraint(
            ["observation_id"],
            ["observation.observation_id"],
        ),
        sa.ForeignKeyConstraint(
            ["original_sha256"],
            ["original.sha256"],
        ),
        sa.PrimaryKeyConstraint("evidence_id"),
        sa.UniqueConstraint("observation_id", "original_sha256", name="evidence_once"),
    )
    op.create_index(op.f("ix_evidence_case_id"), "evidence", ["case_id"], unique=False)
    op.create_index(op.f("ix_evidence_original_sha256"), "evidence", ["original_sha256"], unique=False)
