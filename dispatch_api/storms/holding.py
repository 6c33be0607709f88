"""While a storm is on, single messages of its cases are held back: its digests tell them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.records import CaseRow, get_case, update_case
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import case, delivery, message, storm
from dispatch_api.store.unit import read_once

HELD = frozenset(
    {
        "case.opened.v1",
        "task.dispatched.v1",
        "task.signed.v1",
        "task.done.v1",
        "task.cancelled.v1",
        "task.rework.v1",
        "task.reminder.v1",
    }
)
"""What a digest takes the place of; a refusal, a closing or a notice of supervision still goes out."""

_STORMS = system_actor("storms")
_ON = select(storm).where(storm.c.state == "on")


class StormState(StrEnum):
    """Whether a storm is on."""

    ON = "on"
    OVER = "over"


def storm_on(connection: Connection) -> Row[Any] | None:
    """The storm that is on, None in fair weather."""
    return read_once(connection, storm, "on", lambda: connection.execute(_ON).first())


def holds_back(connection: Connection, case_id: str, type: str) -> bool:
    """Whether a message of a case is told by a storm's digest instead."""
    if type not in HELD:
        return False
    on = storm_on(connection)
    if on is None:
        return False
    return bool(get_case(connection, case_id).storm_id == on.storm_id)


def join_storm(connection: Connection, row: CaseRow, *, at: datetime) -> CaseRow:
    """Put a new case into the storm that is on, if it is of its families; must run before anybody is told of it."""
    on = storm_on(connection)
    if on is None or row.family not in on.told["rules"]["families"]:
        return row
    return put_into(connection, row, on, by=_STORMS.name, at=at)


def put_into(connection: Connection, row: CaseRow, of_storm: Row[Any], *, by: str, at: datetime) -> CaseRow:
    """Make a case part of a storm; it stays a case of its own, with its own clocks."""
    data = {"storm_id": of_storm.storm_id, "number": of_storm.number}
    append_event(connection, Event(at=at, who=by, kind="case.storm_joined", case_id=row.case_id, data=data))
    return update_case(connection, row.case_id, {"storm_id": of_storm.storm_id})


def fold_deliveries(connection: Connection, storm_id: str, *, at: datetime) -> int:
    """Take back what waits to be sent singly of a storm's cases; what is being sent at this moment goes out.

    Returns:
        How many deliveries will not be made.
    """
    held = (
        select(message.c.message_id)
        .join(case, case.c.case_id == message.c.case_id)
        .where(case.c.storm_id == storm_id, message.c.type.in_(sorted(HELD)))
    )
    result = connection.execute(
        update(delivery)
        .where(
            delivery.c.message_id.in_(held),
            delivery.c.state == "pending",
            delivery.c.leased_until.is_(None) | (delivery.c.leased_until <= at),
        )
        .values(state="folded", leased_until=None)
    )
    return int(result.rowcount)
