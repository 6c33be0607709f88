"""The one clock of the service, and how times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


def iso(at: datetime | None) -> str | None:
    """A time as it goes over the wire, in UTC with `Z`; None stays None."""
    if at is None:
        return None
    # What the store gives is in UTC already, and a map asks this thousands of times.
    return f"{(at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat()[:-6]}Z"
