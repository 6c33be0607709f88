"""Cases whose place a later flight looked at and found clean: told in their history, for whoever verifies or closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.model import ENDED_STATES
from dispatch_api.cases.records import CaseRow, flights_of, get_case
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import case, event
from dispatch_api.store.times import iso, utc_now

KIND = "case.clean_look"
_BY = system_actor("intake")


@dataclass(frozen=True, kw_only=True)
class NothingFound:
    """A flight looked at a case's place and found nothing.

    Attributes:
        case_id: The case.
        flight_id: The flight.
        looks: How often it surely showed all of the place.
        resolution_m: Metres of ground per pixel at which it did.
        first_at: The first look, aware.
        last_at: The last one.
    """

    case_id: str
    flight_id: str
    looks: int
    resolution_m: float
    first_at: datetime
    last_at: datetime


class LookedAgain:
    """Tells cases that somebody looked again."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def open_cases(
        self, bounds: tuple[float, float, float, float], *, flight_id: str, before: datetime
    ) -> Sequence[CaseRow]:
        """Cases that have not ended, in a box, last seen before a moment and not seen by a flight.

        Args:
            bounds: West, south, east, north in degrees.
            flight_id: The flight.
            before: Aware.
        """
        west, south, east, north = bounds
        query = (
            select(case)
            .where(case.c.lon.between(west, east), case.c.lat.between(south, north))
            .where(case.c.last_seen_at < before, case.c.state.not_in([state.value for state in ENDED_STATES]))
            .order_by(case.c.seq)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            return [row for row in rows if flight_id not in flights_of(connection, row.case_id)]

    def note(self, found: NothingFound) -> bool:
        """Write it into the case's history, once per flight.

        Returns:
            Whether it was new.

        Raises:
            NotFound: There is no such case.
        """
        return self._store.write(lambda connection: self._note(connection, found))

    def _note(self, connection: Connection, found: NothingFound) -> bool:
        get_case(connection, found.case_id)
        told = select(func.count()).where(
            event.c.case_id == found.case_id, event.c.kind == KIND, event.c.why.startswith(f"{found.flight_id}: ")
        )
        if connection.execute(told).scalar():
            return False
        why = f"{found.flight_id}: {found.looks} looks, {found.resolution_m * 100:.1f} cm per pixel, nothing found"
        data = {
            "flight_id": found.flight_id,
            "looks": found.looks,
            "resolution_m": found.resolution_m,
            "first_at": iso(found.first_at),
            "last_at": iso(found.last_at),
        }
        append_event(
            connection, Event(at=self._now(), who=_BY.name, kind=KIND, case_id=found.case_id, why=why, data=data)
        )
        return True
