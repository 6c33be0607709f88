"""What the law and a court ask of a flight: which aircraft, with what, by whose leave, by whom, for what."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from dispatch_api.accounts.model import Actor
from dispatch_api.errors import InvalidRequest, NotFound
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import flight
from dispatch_api.store.times import utc_now

FLIGHT_FACTS = ("aircraft", "payload", "approval_id", "operator", "purpose")
_MOST_CHARS = 200


def note_flight(store: Store, flight_id: str, facts: Mapping[str, str], *, by: Actor) -> dict[str, str]:
    """Note facts of a flight; what was noted before stays where it is not named, and every note is in the history.

    Args:
        store: Where the flight is.
        flight_id: The flight.
        facts: By name, of `FLIGHT_FACTS`.
        by: Who says so.

    Returns:
        All that is known of it now.

    Raises:
        NotFound: There is no such flight.
        InvalidRequest: Nothing is said, or more than a line.
    """
    if not facts:
        raise InvalidRequest(field="facts", problem=f"say at least one of {', '.join(FLIGHT_FACTS)}")
    for name, value in facts.items():
        if name not in FLIGHT_FACTS or not value.strip() or len(value) > _MOST_CHARS:
            raise InvalidRequest(field=name, problem=f"it is one of {', '.join(FLIGHT_FACTS)}, in 1 to 200 letters")

    def change(connection: Connection) -> dict[str, str]:
        row = connection.execute(select(flight.c.facts).where(flight.c.flight_id == flight_id)).first()
        if row is None:
            raise NotFound(kind="flight", key=flight_id)
        known = {**(row.facts or {}), **{name: value.strip() for name, value in facts.items()}}
        connection.execute(update(flight).where(flight.c.flight_id == flight_id).values(facts=known))
        data = {"flight_id": flight_id, **known}
        append_event(connection, Event(at=utc_now(), who=by.name, kind="flight.noted", data=data))
        return known

    return store.write(change)
