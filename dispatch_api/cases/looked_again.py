"""Cases whose place a later flight looked at: told in their history, and judged where they wait for proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.observation import Evidence
from dispatch_api.cases.records import CaseRow, flights_of, get_case
from dispatch_api.cases.verification import WAITING, Unseen, judge_clean, judge_unseen
from dispatch_api.evidence.records import Kept, keep, note_original
from dispatch_api.evidence.vault import Vault
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
        picture: One that shows the place clean; None where none was kept.
    """

    case_id: str
    flight_id: str
    looks: int
    resolution_m: float
    first_at: datetime
    last_at: datetime
    picture: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class CouldNotTell:
    """A flight looked at the place of a case that waits for proof, and cannot tell.

    Attributes:
        case_id: The case.
        flight_id: The flight.
        reason: Why.
        last_at: When it looked last, aware.
    """

    case_id: str
    flight_id: str
    reason: Unseen
    last_at: datetime


class LookedAgain:
    """Tells cases that somebody looked again."""

    def __init__(self, store: Store, matters: Matters, *, now: Callable[[], datetime] = utc_now) -> None:
        """Join the parts: where cases are, by whose matters they are judged, and the clock."""
        self._store = store
        self._matters = matters
        self._vault = Vault(store.evidence_dir)
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

    def waiting(self) -> Sequence[CaseRow]:
        """The cases that wait for their proof, the longest first; a flight keeps a picture of each that it shows."""
        query = select(case).where(case.c.state.in_([state.value for state in WAITING])).order_by(case.c.seq)
        with self._store.read() as connection:
            return connection.execute(query).all()

    def note(self, found: NothingFound) -> bool:
        """Write a clean look into the case's history, once per flight, and judge the case if it waits for proof.

        Returns:
            Whether it was new.

        Raises:
            NotFound: There is no such case.
            EvidenceError: The picture's original cannot be read, or is not what its hash says.
        """
        kept = None if found.picture is None else keep(self._vault, found.picture)
        return self._store.write(lambda connection: self._note(connection, found, kept))

    def could_not_tell(self, told: CouldNotTell) -> CaseState:
        """Judge a case whose place a flight looked at without being able to tell; returns how the case stands then.

        Raises:
            NotFound: There is no such case.
        """

        def work(connection: Connection) -> CaseState:
            row = judge_unseen(
                connection,
                get_case(connection, told.case_id),
                flight_id=told.flight_id,
                reason=told.reason,
                last_at=told.last_at,
                at=self._now(),
                matters=self._matters,
            )
            return CaseState(row.state)

        return self._store.write(work)

    def _note(self, connection: Connection, found: NothingFound, kept: Kept | None) -> bool:
        row, at = get_case(connection, found.case_id), self._now()
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
            "picture": None if kept is None else _picture(kept),
        }
        if kept is not None:
            note_original(connection, kept, at=at)
        append_event(connection, Event(at=at, who=_BY.name, kind=KIND, case_id=found.case_id, why=why, data=data))
        judge_clean(
            connection,
            row,
            flight_id=found.flight_id,
            looks=found.looks,
            resolution_m=found.resolution_m,
            first_at=found.first_at,
            last_at=found.last_at,
            after=None if kept is None else kept.original.sha256,
            at=at,
            matters=self._matters,
        )
        return True


def clean_picture(connection: Connection, case_id: str, original_sha256: str) -> dict[str, str] | None:
    """The pictures made of a clean look's original, by kind; None where no such look of the case has that original."""
    query = select(event.c.data).where(event.c.case_id == case_id, event.c.kind == KIND)
    for data in connection.execute(query).scalars():
        picture: dict[str, str] | None = json.loads(data).get("picture")
        if picture is not None and picture["original_sha256"] == original_sha256:
            return picture
    return None


def _picture(kept: Kept) -> dict[str, str]:
    return {
        "original_sha256": kept.original.sha256,
        "annotated_sha256": kept.annotated_sha256,
        "full_sha256": kept.full_sha256,
        "thumbnail_sha256": kept.thumbnail_sha256,
    }
