"""Tables of the store, as SQLAlchemy Core metadata; the migrations build them, a test compares the two."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, MetaData, Table, UniqueConstraint, false, text

from dispatch_api.store.types import TEXT, WHOLE, UtcTime, words

metadata = MetaData()

account = Table(
    "account",
    metadata,
    Column("account_id", WHOLE, primary_key=True, autoincrement=True),
    Column("name", words(64), nullable=False, unique=True),
    Column("display_name_zh", TEXT, nullable=False),
    Column("display_name_en", TEXT, nullable=False),
    Column("password_hash", TEXT, nullable=False),
    Column("role", words(16), nullable=False),
    Column("department", words(64)),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", words(64), primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("csrf", words(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("id_token", TEXT),
    Column("provider_session", words(255)),
)

attempt = Table(
    "attempt",
    metadata,
    Column("key", words(64), primary_key=True),
    Column("count", WHOLE, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

counter = Table(
    "counter", metadata, Column("name", words(64), primary_key=True), Column("value", WHOLE, nullable=False)
)

LONG = timedelta(days=30)
SEEN_LONG = {
    "sqlite": f"julianday(last_seen_at) - julianday(first_seen_at) > {LONG.days}",
    "postgresql": f"last_seen_at - first_seen_at > interval '{LONG.days} days'",
}
"""That a case was seen for longer than `LONG`, as the index of such cases has it."""

case = Table(
    "case_file",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=True),
    Column("case_id", words(32), nullable=False, unique=True),
    Column("number", words(32), nullable=False, unique=True),
    Column("matter", words(64), nullable=False),
    Column("family", words(32), nullable=False),
    Column("label", words(64), nullable=False),
    Column("state", words(24), nullable=False),
    Column("colour", words(8), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("cov_ee_m2", Float, nullable=False),
    Column("cov_en_m2", Float, nullable=False),
    Column("cov_nn_m2", Float, nullable=False),
    Column("footprint", JSON),
    Column("extent_m2", Float),
    Column("extent_sigma_m2", Float),
    Column("address", TEXT),
    Column("zones", JSON, nullable=False),
    Column("grid_code", words(64)),
    Column("grid_name", TEXT),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("frames", WHOLE, nullable=False),
    Column("observations", WHOLE, nullable=False),
    Column("review_reasons", JSON, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("rule", JSON),
    Column("duplicate_of", words(32)),
    Column("recurrence_of", words(32)),
    Column("repeats", WHOLE, nullable=False),
    Column("refusals", WHOLE, nullable=False),
    Column("reworks", WHOLE, nullable=False),
    Column("reporters", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("verify_deadline_at", UtcTime),
    Column("opened_at", UtcTime),
    Column("dispatched_at", UtcTime),
    Column("suspended_at", UtcTime),
    Column("suspended_until", UtcTime),
    Column("ended_at", UtcTime),
    Column("version", WHOLE, nullable=False, server_default="1"),
    Column("overdue", Boolean, nullable=False, server_default=false()),
    Column("supervised", WHOLE, nullable=False, server_default="0"),
    Column("hold", Boolean, nullable=False, server_default=false()),
    Column("handed_over_at", UtcTime),
    Column("paused_s", Float, nullable=False, server_default="0"),
    Column("closed_by", words(16)),
    Column("storm_id", words(32)),
    Column("departments", TEXT),
    Index("case_file_lon_lat", "lon", "lat"),
    Index("case_file_lat", "lat"),
    Index("case_file_storm", "storm_id"),
    Index("case_file_recurrence", "recurrence_of"),
    # What a list may be chosen by stands in these: it is read without looking at the case itself.
    Index(
        "case_file_in_state",
        *("state", "seq", "matter", "colour", "departments", "lon", "lat", "first_seen_at", "last_seen_at", "number"),
    ),
    Index("case_file_of_departments", "departments", "seq", "state", "matter", "colour", "lon", "lat"),
    Index(
        "case_file_of_matter",
        *("matter", "state", "seq", "colour", "departments", "lon", "lat", "first_seen_at", "last_seen_at", "number"),
    ),
    Index("case_file_opened", "matter", "opened_at", "case_id"),
    Index("case_file_seen", "last_seen_at", "first_seen_at", postgresql_include=["seq"]),
    # The few that were seen for long, so that for all others a day is found by when they were seen last.
    Index(
        "case_file_seen_long",
        *("last_seen_at", "first_seen_at"),
        sqlite_where=text(SEEN_LONG["sqlite"]),
        postgresql_where=text(SEEN_LONG["postgresql"]),
        postgresql_include=["seq"],
    ),
    Index(
        "case_file_dispatched",
        *("dispatched_at", "case_id", "matter", "state", "reworks", "paused_s", "suspended_at"),
    ),
)

case_count = Table(
    "case_count",
    metadata,
    Column("departments", TEXT, primary_key=True),
    Column("matter", words(64), primary_key=True),
    Column("state", words(24), primary_key=True),
    Column("colour", words(8), primary_key=True),
    Column("n", WHOLE, nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("observation_id", WHOLE, primary_key=True, autoincrement=True),
    Column("key", words(200), nullable=False, unique=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("flight_id", words(100), nullable=False),
    Column("matter", words(64), nullable=False),
    Column("label", words(64), nullable=False),
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
    Column("frames", WHOLE, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
)

tally = Table(
    "tally",
    metadata,
    Column("key", words(200), primary_key=True),
    Column("matter", words(64), nullable=False),
    Column("rule_id", words(64), nullable=False),
    Column("grid_code", words(64)),
    Column("seen_on", words(10), nullable=False),
)

original = Table(
    "original",
    metadata,
    Column("sha256", words(64), primary_key=True),
    Column("file_name", TEXT, nullable=False),
    Column("extension", words(8), nullable=False),
    Column("bytes", WHOLE, nullable=False),
    Column("captured_at", UtcTime),
    Column("received_at", UtcTime, nullable=False),
    Column("capture", JSON(none_as_null=True)),
)

removed_original = Table(
    "removed_original",
    metadata,
    Column("sha256", ForeignKey("original.sha256"), primary_key=True),
    Column("at", UtcTime, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("evidence_id", WHOLE, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("observation_id", ForeignKey("observation.observation_id"), nullable=False),
    Column("original_sha256", ForeignKey("original.sha256"), nullable=False, index=True),
    Column("annotated_sha256", words(64), nullable=False),
    Column("full_sha256", words(64), nullable=False),
    Column("thumbnail_sha256", words(64), nullable=False),
    Column("boxes", JSON, nullable=False),
    Column("look", JSON(none_as_null=True)),
    Column("merit", Float),
    UniqueConstraint("observation_id", "original_sha256", name="evidence_once"),
)

near_miss = Table(
    "near_miss",
    metadata,
    Column("near_miss_id", WHOLE, primary_key=True, autoincrement=True),
    Column("flight_id", words(100), nullable=False, index=True),
    Column("picture_sha256", words(64), nullable=False),
    Column("source_sha256", words(64)),
    Column("label", words(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("look", JSON, nullable=False),
    Column("seen_at", UtcTime),
    Column("recorded_at", UtcTime, nullable=False),
)

task = Table(
    "task",
    metadata,
    Column("task_id", WHOLE, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False),
    Column("department", words(64), nullable=False),
    Column("kind", words(8), nullable=False),
    Column("state", words(16), nullable=False),
    Column("rule", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("sign_deadline_at", UtcTime),
    Column("deadline_at", UtcTime),
    Column("signed_at", UtcTime),
    Column("done_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("version", WHOLE, nullable=False, server_default="1"),
    Column("t3", words(16)),
    Column("reworks", WHOLE, nullable=False, server_default="0"),
    Index("task_of_case", "case_id", "kind", "state", "department", "deadline_at", "done_at", "reworks"),
    Index("task_of_department", "department", "state", "task_id", "case_id"),
    Index("task_in_state", "state", "task_id", "department", "deadline_at", "case_id"),
    Index("task_created", "created_at", "task_id"),
)

task_count = Table(
    "task_count",
    metadata,
    Column("department", words(64), primary_key=True),
    Column("state", words(16), primary_key=True),
    Column("n", WHOLE, nullable=False),
)

figure_count = Table(
    "figure_count",
    metadata,
    Column("hour_at", UtcTime, primary_key=True),
    Column("department", words(64), primary_key=True),
    Column("matter", words(64), primary_key=True),
    Column("cases", WHOLE, nullable=False),
    Column("with_deadline", WHOLE, nullable=False),
    Column("on_time", WHOLE, nullable=False),
    Column("reported", WHOLE, nullable=False),
    Column("reworked", WHOLE, nullable=False),
    Column("put_off", WHOLE, nullable=False),
    Column("recurred", WHOLE, nullable=False),
    Column("paused_us", WHOLE, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("seq", WHOLE, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("who", TEXT, nullable=False),
    Column("kind", words(64), nullable=False),
    Column("case_id", words(32), index=True),
    Column("task_id", WHOLE, index=True),
    Column("from_state", words(24)),
    Column("to_state", words(24)),
    Column("why", TEXT, nullable=False),
    Column("data", TEXT, nullable=False),
    Column("previous_hash", words(64), nullable=False),
    Column("hash", words(64), nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("feed_id", WHOLE, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("type", words(32), nullable=False),
    Column("case_id", words(32)),
    Column("departments", JSON),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,
)

flight = Table(
    "flight",
    metadata,
    Column("flight_id", words(100), primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("state", words(16), nullable=False),
    Column("planned_path", JSON),
    Column("area", JSON),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("figures", JSON, nullable=False),
    Column("facts", JSON(none_as_null=True)),
    Index("flight_started", "started_at", "flight_id"),
)

flight_position = Table(
    "flight_position",
    metadata,
    Column("position_id", WHOLE, primary_key=True, autoincrement=True),
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
    Column("photo_id", WHOLE, primary_key=True, autoincrement=True),
    Column("flight_id", ForeignKey("flight.flight_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("taken_at", UtcTime),
    Column("lon", Float),
    Column("lat", Float),
    Column("footprint", JSON),
    Column("looked", Boolean, nullable=False),
    Column("reason", TEXT, nullable=False),
    UniqueConstraint("flight_id", "name", name="flight_photo_once"),
)

zone = Table(
    "zone",
    metadata,
    Column("zone_id", WHOLE, primary_key=True, autoincrement=True),
    Column("kind", words(32), nullable=False),
    Column("code", words(64), nullable=False),
    Column("feature", JSON, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("key_id", WHOLE, primary_key=True, autoincrement=True),
    Column("name", words(64), nullable=False, unique=True),
    Column("key_hash", words(64), nullable=False, unique=True),
    Column("role", words(16), nullable=False),
    Column("department", words(64)),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),
)

answer_once = Table(
    "answer_once",
    metadata,
    Column("owner", words(80), primary_key=True),
    Column("key", words(200), primary_key=True),
    Column("request_sha256", words(64), nullable=False),
    Column("status", WHOLE, nullable=False),
    Column("answer", TEXT, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
)

receiver = Table(
    "receiver",
    metadata,
    Column("receiver_id", WHOLE, primary_key=True, autoincrement=True),
    Column("name", words(64), nullable=False, unique=True),
    Column("kind", words(16), nullable=False),
    Column("url", TEXT, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("departments", JSON),
    Column("below", JSON(none_as_null=True)),
    Column("types", JSON),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("disabled_at", UtcTime),
    Column("disabled_why", TEXT),
    Column("failures", WHOLE, nullable=False),
    Column("open_until", UtcTime),
    Column("quota_per_minute", WHOLE),
    Column("recent", JSON, nullable=False),
    Column("language", words(2), nullable=False, server_default="zh"),
)

message = Table(
    "message",
    metadata,
    Column("message_id", words(64), primary_key=True),
    Column("type", words(64), nullable=False),
    Column("subject", words(64), nullable=False),
    Column("case_id", words(32), index=True),
    Column("departments", JSON, nullable=False),
    Column("colour", words(8), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("body", TEXT, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", WHOLE, primary_key=True, autoincrement=True),
    Column("message_id", ForeignKey("message.message_id"), nullable=False),
    Column("receiver_id", ForeignKey("receiver.receiver_id"), nullable=False),
    Column("state", words(16), nullable=False),
    Column("attempts", WHOLE, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("leased_until", UtcTime),
    Column("delivered_at", UtcTime),
    Column("last_status", WHOLE),
    Column("last_error", TEXT),
    Column("urgent", Boolean, nullable=False),
    UniqueConstraint("message_id", "receiver_id", name="delivery_once"),
    Index("delivery_due", "receiver_id", "state", "urgent", "next_at"),
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("attempt_id", WHOLE, primary_key=True, autoincrement=True),
    Column("delivery_id", ForeignKey("delivery.delivery_id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("status", WHOLE),
    Column("error", TEXT),
    Column("took_s", Float, nullable=False),
)

reminder = Table(
    "reminder",
    metadata,
    Column("reminder_id", WHOLE, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("task_id", WHOLE),
    Column("kind", words(24), nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("state", words(12), nullable=False),
    Column("to_come", TEXT),
    Index("reminder_due", "state", "due_at"),
)

visit = Table(
    "visit",
    metadata,
    Column("visit_id", words(32), primary_key=True),
    Column("number", words(32), nullable=False, unique=True),
    Column("day", words(10), nullable=False, index=True),
    Column("state", words(16), nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("address", TEXT),
    Column("departments", JSON, nullable=False),
    Column("checklist", JSON, nullable=False),
    Column("signatures", JSON, nullable=False),
    Column("act_codes", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("seal", words(64)),
    Column("version", WHOLE, nullable=False),
)

visit_line = Table(
    "visit_line",
    metadata,
    Column("line_id", WHOLE, primary_key=True, autoincrement=True),
    Column("visit_id", ForeignKey("visit.visit_id"), nullable=False, index=True),
    Column("case_id", ForeignKey("case_file.case_id"), nullable=False, index=True),
    Column("task_id", ForeignKey("task.task_id"), nullable=False),
    Column("department", words(64), nullable=False),
    Column("result", words(24)),
    Column("note", TEXT, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("done_at", UtcTime),
    Column("done_by", TEXT),
    Column("version", WHOLE, nullable=False, server_default="1"),
    UniqueConstraint("visit_id", "task_id", name="visit_line_once"),
)

storm = Table(
    "storm",
    metadata,
    Column("storm_id", words(32), primary_key=True),
    Column("number", words(32), nullable=False, unique=True),
    Column("name", TEXT, nullable=False),
    Column("state", words(12), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("created_by", TEXT, nullable=False),
    Column("told", JSON, nullable=False),
    Column("version", WHOLE, nullable=False, server_default="1"),
)

citizen_report = Table(
    "citizen_report",
    metadata,
    Column("request_id", words(32), primary_key=True),
    Column("case_id", ForeignKey("case_file.case_id"), index=True),
    Column("service_code", words(64), nullable=False),
    Column("description", TEXT, nullable=False),
    Column("lon", Float),
    Column("lat", Float),
    Column("address", TEXT),
    Column("media_url", TEXT),
    Column("contact", JSON),
    Column("requested_at", UtcTime, nullable=False, index=True),
    Column("updated_at", UtcTime, nullable=False),
    Column("dismissed_at", UtcTime),
    Column("dismissed_by", TEXT),
    Column("dismissed_why", TEXT),
)
