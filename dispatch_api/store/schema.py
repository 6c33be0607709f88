"""Tables of the store, as SQLAlchemy Core metadata; the migrations build them, a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused, so that no local time slips in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - the base's
        """From the database: aware UTC (SQLite gives back a naive time)."""
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


metadata = MetaData()

account = Table(
    "account",
    metadata,
    Column("account_id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("display_name_zh", Text, nullable=False),
    Column("display_name_en", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("department", String(64)),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

counter = Table(
    "counter", metadata, Column("name", String(64), primary_key=True), Column("value", Integer, nullable=False)
)

case = Table(
    "case_file",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("case_id", String(32), nullable=False, unique=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("matter", String(64), nullable=False),
    Column("family", String(32), nullable=False),
    Column("label", String(64), nullable=False),
    Column("state", String(24), nullable=False),
    Column("colour", String(8), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("cov_ee_m2", Float, nullable=False),
    Column("cov_en_m2", Float, nullable=False),
    Column("cov_nn_m2", Float, nullable=False),
    Column("footprint", JSON),
    Column("extent_m2", Float),
    Column("extent_sigma_m2", Float),
    Column("address", Text),
    Column("zones", JSON, nullable=False),
    Column("grid_code", String(64)),
    Column("grid_name", Text),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("review_reasons", JSON, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("rule", JSON),
    Column("duplicate_of", String(32)),
    Column("recurrence_of", String(32)),
    Column("repeats", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("reworks", Integer, nullable=False),
    Column("reporters", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("verify_deadline_at", UtcTime),
    Column("opened_at", UtcTime),
    Column("dispatched_at", UtcTime),
    Column("suspended_at", UtcTime),
    Column("suspended_until", UtcTime),
    Column("ended_at", UtcTime),
    Index("case_file_state", "state"),
    Index("case_file_lon_lat", "lon", "lat"),
)

observation = Table(
    "observation",
    metadata,
    Column("observation_id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("flight_id", String(100), nullable=False),
    Column("matter", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("cov_ee_m2", Float, nullable=False),
    Column("cov_en_m2", Float, nullable=False),
    Column("cov_nn_m2", Float, nullable=False),
    Column("footprint", JSON),
    Column("extent_m2", Float),
    Column("extent_sigma_m2", Float),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)

tally = Table(
    "tally",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("matter", String(64), nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("grid_code", String(64)),
    Column("seen_on", String(10), nullable=False),
)

original = Table(
    "original",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("extension", String(8), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("captured_at", UtcTime),
    Column("received_at", UtcTime, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("evidence_id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("observation_id", ForeignKey("observation.observation_id"), nullable=False),
    Column("original_sha256", ForeignKey("original.sha256"), nullable=False, index=True),
    Column("annotated_sha256", String(64), nullable=False),
    Column("full_sha256", String(64), nullable=False),
    Column("thumbnail_sha256", String(64), nullable=False),
    Column("boxes", JSON, nullable=False),
    Column("look", JSON(none_as_null=True)),
    Column("merit", Float),
    UniqueConstraint("observation_id", "original_sha256", name="evidence_once"),
)

near_miss = Table(
    "near_miss",
    metadata,
    Column("near_miss_id", Integer, primary_key=True, autoincrement=True),
    Column("flight_id", String(100), nullable=False, index=True),
    Column("picture_sha256", String(64), nullable=False),
    Column("source_sha256", String(64)),
    Column("label", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("look", JSON, nullable=False),
    Column("seen_at", UtcTime),
    Column("recorded_at", UtcTime, nullable=False),
)

task = Table(
    "task",
    metadata,
    Column("task_id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("department", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rule", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("sign_deadline_at", UtcTime),
    Column("deadline_at", UtcTime),
    Column("signed_at", UtcTime),
    Column("done_at", UtcTime),
    Index("task_department_state", "department", "state"),
)

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("case_id", String(32), index=True),
    Column("task_id", Integer, index=True),
    Column("from_state", String(24)),
    Column("to_state", String(24)),
    Column("why", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("feed_id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("type", String(32), nullable=False),
    Column("case_id", String(32)),
    Column("departments", JSON),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,
)

flight = Table(
    "flight",
    metadata,
    Column("flight_id", String(100), primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("planned_path", JSON),
    Column("area", JSON),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("figures", JSON, nullable=False),
)

flight_position = Table(
    "flight_position",
    metadata,
    Column("position_id", Integer, primary_key=True, autoincrement=True),
    Column("flight_id", ForeignKey("flight.flight_id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("alt_m", Float, nullable=False),
    Column("heading_deg", Float),
)

flight_photo = Table(
    "flight_photo",
    metadata,
    Column("photo_id", Integer, primary_key=True, autoincrement=True),
    Column("flight_id", ForeignKey("flight.flight_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("taken_at", UtcTime),
    Column("lon", Float),
    Column("lat", Float),
    Column("footprint", JSON),
    Column("looked", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("flight_id", "name", name="flight_photo_once"),
)

zone = Table(
    "zone",
    metadata,
    Column("zone_id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("code", String(64), nullable=False),
    Column("feature", JSON, nullable=False),
)
