"""The one clock of the service, and how times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


def iso(at: datetime | None) -> str | None:
    """A time as it goes over the wire, in UTC with `Z`; None stays None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
