"""`ReportDesk`: a citizen's report meets a case, or makes one that waits for a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from limits import parse
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Connection, Row, insert, select, update

from dispatch_api.accounts.attempts import StoreStorage, place_of
from dispatch_api.accounts.model import Account, Actor, Scope, system_actor
from dispatch_api.accounts.sight import seen_case
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import Matter, Matters
from dispatch_api.cases.merges import merge
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.cases.moves import tell_case
from dispatch_api.cases.observation import Observation
from dispatch_api.cases.records import get_case
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.doors.open311.matching import PIN_COVARIANCE_M2, the_case_meant
from dispatch_api.doors.open311.report import ReportForm
from dispatch_api.errors import InvalidRequest, NotFound, NotLoggedIn, TooManyAttempts
from dispatch_api.store import Store
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import citizen_report
from dispatch_api.store.times import utc_now
from dispatch_api.zones_at import ZonesAt
from geo.position import Fix

LABEL = "citizen_report"
# No detector vouches for it: it is below every auto level, and a person looks in any case.
_CONFIDENCE = 0.5
_CITIZEN = system_actor("citizen-report")
_OF_ONE_PLACE = parse("10/minute")
_OF_ALL = parse("600/minute")


class ReportDesk:
    """Where citizens' reports come in."""

    def __init__(
        self,
        store: Store,
        matters: Matters,
        intake: Intake,
        zones_at: ZonesAt,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._matters = matters
        self._intake = intake
        self._zones_at = zones_at
        self._now = now
        self._rates = FixedWindowRateLimiter(StoreStorage(store, now=now))

    def admit(self, key: Account | None, address: str) -> None:
        """Let somebody report: a key with the scope for it at any pace, everybody else ten times a minute.

        Raises:
            NotLoggedIn: The key is not for reports.
            TooManyAttempts: Too many reports came from this address, or altogether.
        """
        if key is not None:
            if Scope.REPORTS_WRITE not in key.scopes:
                raise NotLoggedIn(f"api_key: the key lacks the scope {Scope.REPORTS_WRITE}.")
            return
        windows = ((_OF_ONE_PLACE, ("from", place_of(address))), (_OF_ALL, ("all",)))
        # Asked first, so that whoever is turned away costs no writing.
        for step in (self._rates.test, self._rates.hit):
            for limit, whose in windows:
                if not step(limit, *whose):
                    reset_s = self._rates.get_window_stats(limit, *whose).reset_time - self._now().timestamp()
                    raise TooManyAttempts(retry_after_s=max(1, math.ceil(reset_s)))

    def take(self, form: ReportForm) -> str:
        """Record a report; on return it is on disk.

        Returns:
            The `service_request_id`.

        Raises:
            NotFound: There is no such service.
        """
        matter = self.service(form.service_code)
        request_id, at = uuid4().hex, self._now()
        values = {
            "request_id": request_id,
            "service_code": matter.key,
            "description": form.description or "",
            "lon": form.long,
            "lat": form.lat,
            "address": form.address_string or form.address_id,
            "media_url": form.media_url,
            "contact": form.contact or None,
            "requested_at": at,
            "updated_at": at,
        }
        zones = self._zones(form.long, form.lat, at)

        def work(connection: Connection) -> str:
            connection.execute(insert(citizen_report), {**values, "case_id": None})
            if form.long is not None and form.lat is not None:
                self._meet(connection, request_id, matter, form.long, form.lat, values["address"], zones, at)
            else:
                _tell(connection, request_id, at)
            return request_id

        return self._store.write(work)

    def service(self, service_code: str) -> Matter:
        """The matter that citizens may report under a code.

        Raises:
            NotFound: There is none.
        """
        matter = self._matters.by_key.get(service_code)
        if matter is None or not matter.reportable:
            raise NotFound(kind="service", key=service_code)
        return matter

    def place(self, request_id: str, *, lon: float, lat: float, by: Actor) -> None:
        """Put a report that came with an address only onto the map; it then meets a case like any other.

        One that was dismissed is taken up again so.

        Raises:
            NotFound: There is no such report.
            InvalidRequest: It has a case already.
        """
        at = self._now()
        zones = self._zones(lon, lat, at)

        def work(connection: Connection) -> None:
            row = report_row(connection, request_id)
            if row.case_id is not None:
                raise InvalidRequest(field="request_id", problem="this report has a place and a case already")
            _take_up(connection, row, by=by.name, at=at)
            _change(connection, request_id, lon=lon, lat=lat, updated_at=at)
            matter = self._matters[row.service_code]
            self._meet(connection, request_id, matter, lon, lat, row.address, zones, at, by=by)

        self._store.write(work)

    def dismiss(self, request_id: str, *, by: Actor, why: str) -> None:
        """Close a report that came with an address only and that nothing can be done about.

        One that has a case is decided with its case. It can still be put onto the map or linked to a case: so it is
        taken up again.

        Raises:
            NotFound: There is no such report.
            InvalidRequest: No reason is given, or the report has a place, or was dismissed already.
        """
        if not why.strip():
            raise InvalidRequest(field="reason", problem="say why nothing is done about it")
        at = self._now()

        def work(connection: Connection) -> None:
            row = report_row(connection, request_id)
            if row.case_id is not None or row.lon is not None:
                raise InvalidRequest(field="request_id", problem="this report has a place: its case is what is decided")
            if row.dismissed_at is not None:
                raise InvalidRequest(field="request_id", problem="this report was dismissed already")
            values = {"dismissed_at": at, "dismissed_by": by.name, "dismissed_why": why}
            _change(connection, request_id, **values, updated_at=at)
            data = {"request_id": request_id}
            append_event(connection, Event(at=at, who=by.name, kind="report.dismissed", why=why, data=data))
            _tell(connection, request_id, at)

        self._store.write(work)

    def link(self, request_id: str, *, case_id: str, by: Account, why: str) -> None:
        """Say which case a report is of.

        A case that waits for review and that nothing but this report speaks for is merged into the other one; a case
        that others speak for as well stays as it is.

        Raises:
            NotFound: There is no such report, or no such case that the account may see.
            InvalidRequest: It belongs to that case already, or the case has ended.
        """
        at = self._now()

        def work(connection: Connection) -> None:
            row, into = report_row(connection, request_id), seen_case(connection, case_id, by)
            if row.case_id == case_id:
                raise InvalidRequest(field="case_id", problem="the report belongs to this case already")
            if CaseState(into.state) in ENDED_STATES:
                raise InvalidRequest(field="case_id", problem=f"case {into.number} has ended")
            _take_up(connection, row, by=by.name, at=at)
            _change(connection, request_id, case_id=case_id, updated_at=at)
            data = {"request_id": request_id, "service_code": row.service_code, "joined": True}
            append_event(
                connection, Event(at=at, who=by.name, kind="case.reported", why=why, case_id=case_id, data=data)
            )
            if row.case_id is not None:
                self._leave(connection, row.case_id, request_id, into=case_id, by=by.actor, at=at, why=why)
            tell_case(connection, get_case(connection, case_id), kind="case.updated", at=at, matters=self._matters)

        self._store.write(work)

    def _leave(
        self, connection: Connection, case_id: str, request_id: str, *, into: str, by: Actor, at: datetime, why: str
    ) -> None:
        left = get_case(connection, case_id)
        others = connection.execute(select(citizen_report.c.request_id).where(citizen_report.c.case_id == case_id))
        alone = left.observations == 1 and left.label == LABEL and others.first() is None
        if alone and CaseState(left.state) is CaseState.PENDING_REVIEW:
            left = merge(connection, left, into, by=by, at=at, why=why, matters=self._matters)
        else:
            data = {"request_id": request_id, "to": into}
            append_event(
                connection, Event(at=at, who=by.name, kind="case.report_left", why=why, case_id=case_id, data=data)
            )
        tell_case(connection, left, kind="case.updated", at=at, matters=self._matters)

    def contact_of(self, request_id: str, *, by: Actor, why: str) -> dict[str, Any]:
        """Whom to ask about a report; that somebody looked is written into the history.

        Raises:
            NotFound: There is no such report.
            InvalidRequest: No reason is given.
        """
        if not why.strip():
            raise InvalidRequest(field="reason", problem="say why the person's data are opened")

        def work(connection: Connection) -> dict[str, Any]:
            row = report_row(connection, request_id)
            data = {"request_id": request_id}
            opened = Event(
                at=self._now(), who=by.name, kind="report.contact_opened", why=why, case_id=row.case_id, data=data
            )
            append_event(connection, opened)
            return dict(row.contact or {})

        return self._store.write(work)

    def _zones(self, lon: float | None, lat: float | None, at: datetime) -> tuple[ZoneFact, ...]:
        if lon is None or lat is None:
            return ()
        pin = Fix(
            lon=lon,
            lat=lat,
            alt_m=0.0,
            covariance_m2=PIN_COVARIANCE_M2,
            height_source="citizen",
            yaw_source="citizen",
        )
        return self._zones_at(pin, on=self._matters.calendar.local_date(at))

    def _meet(
        self,
        connection: Connection,
        request_id: str,
        matter: Matter,
        lon: float,
        lat: float,
        address: Any,  # noqa: ANN401 - a column's value
        zones: tuple[ZoneFact, ...],
        at: datetime,
        by: Actor = _CITIZEN,
    ) -> None:
        window = self._matters.windows[matter.family]
        found = the_case_meant(connection, lon=lon, lat=lat, family=matter.family, window=window, at=at)
        if found is not None:
            case_id: str | None = found.case_id
        else:
            seen = Observation(
                key=f"citizen:{request_id}",
                matter=matter.key,
                label=LABEL,
                confidence=_CONFIDENCE,
                lon=lon,
                lat=lat,
                covariance_m2=PIN_COVARIANCE_M2,
                first_seen_at=at,
                last_seen_at=at,
                flight_id=f"citizen:{request_id}",
                zones=zones,
                address=address,
                review_required=True,
            )
            case_id = self._intake.take(connection, seen).case_id
        _change(connection, request_id, case_id=case_id)
        if case_id is None:
            _tell(connection, request_id, at)
        else:
            # The history never changes, so nothing that a person may want to have deleted goes into it.
            data = {"request_id": request_id, "service_code": matter.key, "joined": found is not None}
            append_event(connection, Event(at=at, who=by.name, kind="case.reported", case_id=case_id, data=data))
        if found is not None:
            tell_case(connection, found, kind="case.updated", at=at, matters=self._matters)


def _change(connection: Connection, request_id: str, **values: Any) -> None:  # noqa: ANN401 - columns of the table
    connection.execute(update(citizen_report).where(citizen_report.c.request_id == request_id).values(**values))


def _take_up(connection: Connection, row: Row[Any], *, by: str, at: datetime) -> None:
    """What was dismissed is looked at again; nothing happens to any other."""
    if row.dismissed_at is None:
        return
    _change(connection, row.request_id, dismissed_at=None, dismissed_by=None, dismissed_why=None)
    append_event(connection, Event(at=at, who=by, kind="report.taken_up", data={"request_id": row.request_id}))


def _tell(connection: Connection, request_id: str, at: datetime) -> None:
    """Tell who watches of a report that has no case through which they would hear of it."""
    append_feed(connection, kind="report.changed", at=at, data={"request_id": request_id})


def report_row(connection: Connection, request_id: str) -> Row[Any]:
    """The row of a report.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select(citizen_report).where(citizen_report.c.request_id == request_id)).first()
    if row is None:
        raise NotFound(kind="report", key=request_id)
    return row
