"""Holding the evidence of a case: nothing of it is deleted, whatever its state and its age."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, or_, select

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.records import update_case
from dispatch_api.errors import InvalidRequest, NotFound
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import case
from dispatch_api.store.times import utc_now

HELD, RELEASED = "evidence.held", "evidence.released"


def set_hold(
    store: Store, name: str, *, held: bool, by: Actor, why: str, now: Callable[[], datetime] = utc_now
) -> bool:
    """Hold the evidence of a case, or release it; who, when and why is in the history.

    Args:
        store: Where the case is.
        name: The case's id or number.
        held: True to hold it.
        by: Who asks for it.
        why: The reason.
        now: The clock.

    Returns:
        Whether that changed anything.

    Raises:
        NotFound: There is no such case.
        InvalidRequest: There is no reason.
    """
    if not why.strip():
        raise InvalidRequest(field="reason", problem="holding and releasing evidence needs one, and it is kept")

    def change(connection: Connection) -> bool:
        row = connection.execute(select(case).where(or_(case.c.case_id == name, case.c.number == name))).first()
        if row is None:
            raise NotFound(kind="case", key=name)
        if row.hold == held:
            return False
        kind = HELD if held else RELEASED
        append_event(connection, Event(at=now(), who=by.name, kind=kind, why=why.strip(), case_id=row.case_id))
        update_case(connection, row.case_id, {"hold": held})
        return True

    return store.write(change)
