"""Intake: an observation becomes a new case, joins an open one, brings itself up to date, or is only counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, insert, select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matter, Matters
from dispatch_api.cases.merging import Likeness, Spot, likeness, time_gap
from dispatch_api.cases.model import ENDED_STATES, CaseState, Colour
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.observation import IssuedTask, Observation, Recorded
from dispatch_api.cases.records import (
    CaseRow,
    get_case,
    insert_case,
    near_cases,
    next_case_number,
    observation_values,
    place_values,
    spot_of,
    summed_up,
    update_case,
)
from dispatch_api.departments.routing import SURELY_INSIDE, Decision, Routing, ZoneFact
from dispatch_api.evidence.records import Kept, attach, keep
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import observation, tally
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.dispatching import dispatch
from dispatch_api.tasks.records import tasks_of

REPEAT_WINDOW = timedelta(days=30)
_INTAKE = system_actor("intake")
_AUTO_RULE = system_actor("auto-rule")


@dataclass(frozen=True, kw_only=True)
class _Neighbours:
    """What lies at the same place already."""

    same: CaseRow | None = None
    perhaps: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    closed: tuple[CaseRow, ...] = ()


@dataclass(kw_only=True)
class _Sorted:
    same: list[tuple[float, CaseRow]] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    closed: list[CaseRow] = field(default_factory=list)


class Intake:
    """Takes observations into a store, by the matters and routing rules of a city."""

    def __init__(
        self, store: Store, matters: Matters, routing: Routing, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._matters = matters
        self._routing = routing
        self._vault = Vault(store.evidence_dir)
        self._now = now

    def record(self, seen: Observation) -> Recorded:
        """Record one observation; on return it is on disk.

        Raises:
            EvidenceError: A picture's original cannot be read or is not what its hash says; nothing is recorded.
            InvalidRequest: The matter is not configured.
        """
        return self._submit(seen).result()

    def record_all(self, observations: Iterable[Observation]) -> list[Recorded]:
        """Record many, in order, sharing commits.

        Raises:
            EvidenceError: As `record`; observations before the bad one may have been recorded.
            InvalidRequest: As `record`.
        """
        return [future.result() for future in [self._submit(seen) for seen in observations]]

    def _submit(self, seen: Observation) -> Future[Recorded]:
        matter = self._matters[seen.matter]
        kept = [keep(self._vault, item) for item in seen.evidence]
        return self._store.submit(lambda connection: self._take(connection, seen, matter, kept))

    def _take(self, connection: Connection, seen: Observation, matter: Matter, kept: Sequence[Kept]) -> Recorded:
        at = self._now()
        known = connection.execute(select(observation).where(observation.c.key == seen.key)).first()
        if known is not None:
            return self._bring_up_to_date(connection, known, seen, kept, at=at)
        decision = self._decide(seen, at)
        if decision.statistics_only:
            return self._count(connection, seen, decision)
        around = self._look_around(connection, seen, matter)
        if around.same is not None:
            return self._join(connection, around.same, seen, kept, at=at)
        return self._open(connection, seen, matter, decision, around, kept, at=at)

    def _decide(self, seen: Observation, at: datetime) -> Decision:
        calendar = self._matters.calendar
        return self._routing.decide(
            matter=seen.matter,
            zones=seen.zones,
            seen_on=calendar.local_date(seen.last_seen_at),
            decided_on=calendar.local_date(at),
        )

    def _count(self, connection: Connection, seen: Observation, decision: Decision) -> Recorded:
        # No offence, so no place, no picture and no person is kept: only that it was seen, in which grid, on which day.
        if connection.execute(select(tally.c.key).where(tally.c.key == seen.key)).first() is None:
            grid = _surest(seen.zones, "grid")
            connection.execute(
                insert(tally).values(
                    key=seen.key,
                    matter=seen.matter,
                    rule_id=decision.printed["id"],
                    grid_code=grid.code if grid else None,
                    seen_on=self._matters.calendar.local_date(seen.last_seen_at).isoformat(),
                )
            )
        return Recorded(case_id=None, case_number=None, opened=False, tasks=(), state=None)

    def _look_around(self, connection: Connection, seen: Observation, matter: Matter) -> _Neighbours:
        spot = _spot(seen)
        found = _Sorted()
        for row in near_cases(connection, spot, family=matter.family):
            verdict, distance2 = likeness(spot, spot_of(row))
            if verdict is not Likeness.OTHER:
                self._sort(found, row, verdict, distance2, seen, matter)
        nearest = min(found.same, key=lambda item: item[0], default=None)
        return _Neighbours(
            same=nearest[1] if nearest else None,
            perhaps=tuple(found.perhaps),
            rejected=tuple(found.rejected),
            closed=tuple(found.closed),
        )

    def _sort(
        self, found: _Sorted, row: CaseRow, verdict: Likeness, distance2: float, seen: Observation, matter: Matter
    ) -> None:
        state = CaseState(row.state)
        in_window = time_gap(_spot(seen), spot_of(row)) <= self._matters.windows[matter.family]
        # What was seen before a case ended belongs to that case, even if the pictures come in late.
        live = state not in ENDED_STATES or (row.ended_at is not None and seen.last_seen_at <= row.ended_at)
        if state is CaseState.MERGED:
            return
        if verdict is Likeness.PERHAPS:
            if live and in_window:
                found.perhaps.append(row.case_id)
        elif live:
            if in_window:
                found.same.append((distance2, row))
        elif state is CaseState.REJECTED:
            found.rejected.append(row.case_id)
        elif row.ended_at is not None and seen.first_seen_at - row.ended_at <= REPEAT_WINDOW:
            found.closed.append(row)

    def _open(
        self,
        connection: Connection,
        seen: Observation,
        matter: Matter,
        decision: Decision,
        around: _Neighbours,
        kept: Sequence[Kept],
        *,
        at: datetime,
    ) -> Recorded:
        colour = matter.colour_of(zones=_sure_zones(seen.zones), extent_m2=seen.extent_m2, repeats=len(around.closed))
        reasons = _review_reasons(seen, matter, colour, around)
        values = self._new_case(connection, seen, matter, colour, around, reasons, decision, at)
        row = insert_case(connection, values)
        happened = Event(
            at=at,
            who=_INTAKE.name,
            kind="case.detected",
            case_id=row.case_id,
            to_state=CaseState.DETECTED,
            data={"key": seen.key, "flight_id": seen.flight_id, "label": seen.label},
        )
        append_event(connection, happened)
        self._add(connection, row.case_id, seen, kept, at)
        for closed in around.closed:
            if closed.state == CaseState.CLOSED:
                move_case(connection, closed, CaseState.RECURRED, by=_INTAKE, at=at, why=f"seen again: {row.number}")
        if reasons:
            t1 = matter.clocks_for(colour).t1
            deadline = self._matters.calendar.deadline(at, t1) if t1 else None
            row = move_case(
                connection,
                row,
                CaseState.PENDING_REVIEW,
                by=_AUTO_RULE,
                at=at,
                why=", ".join(reasons),
                verify_deadline_at=deadline,
            )
        else:
            why = f"confidence {seen.confidence:.2f} reaches the auto level {matter.auto_level:.2f} of {matter.key}"
            row = move_case(connection, row, CaseState.OPENED, by=_AUTO_RULE, at=at, why=why, opened_at=at)
            row = dispatch(
                connection,
                row,
                decision,
                matters=self._matters,
                by=_AUTO_RULE,
                at=at,
                why=decision.printed["text"]["en"],
            )
        tell_case(connection, row, kind="case.opened", at=at, matters=self._matters)
        return _recorded(connection, row, opened=True)

    def _new_case(
        self,
        connection: Connection,
        seen: Observation,
        matter: Matter,
        colour: Colour,
        around: _Neighbours,
        reasons: Sequence[str],
        decision: Decision,
        at: datetime,
    ) -> dict[str, Any]:
        grid = _surest(seen.zones, "grid")
        suggestions = [
            *({"case_id": case_id, "because": "perhaps_same"} for case_id in around.perhaps),
            *({"case_id": case_id, "because": "rejected_here"} for case_id in around.rejected),
        ]
        columns = observation_values(seen)
        for name in ("key", "flight_id"):
            del columns[name]
        return {
            **columns,
            "case_id": uuid4().hex,
            "number": next_case_number(connection, self._matters.calendar.local_date(at)),
            "family": matter.family,
            "state": CaseState.DETECTED.value,
            "colour": colour.value,
            "address": seen.address,
            "zones": [zone.as_json() for zone in seen.zones],
            "grid_code": grid.code if grid else None,
            "grid_name": grid.name if grid else None,
            "observations": 1,
            "review_reasons": list(reasons),
            "suggestions": suggestions,
            "rule": dict(decision.printed),
            "recurrence_of": around.closed[-1].case_id if around.closed else None,
            "refusals": 0,
            "reworks": 0,
            "reporters": [],
            "created_at": at,
        }

    def _join(
        self, connection: Connection, row: CaseRow, seen: Observation, kept: Sequence[Kept], *, at: datetime
    ) -> Recorded:
        self._add(connection, row.case_id, seen, kept, at)
        happened = Event(
            at=at,
            who=_INTAKE.name,
            kind="case.joined",
            case_id=row.case_id,
            data={"key": seen.key, "flight_id": seen.flight_id},
        )
        append_event(connection, happened)
        row = update_case(connection, row.case_id, summed_up(connection, row.case_id))
        tell_case(connection, row, kind="case.joined", at=at, matters=self._matters)
        return _recorded(connection, row, opened=False)

    def _bring_up_to_date(
        self, connection: Connection, known: Row[Any], seen: Observation, kept: Sequence[Kept], *, at: datetime
    ) -> Recorded:
        values = observation_values(seen)
        new_pictures = attach(connection, kept, case_id=known.case_id, observation_id=known.observation_id, at=at)
        row = get_case(connection, known.case_id)
        if not new_pictures and all(getattr(known, name) == value for name, value in values.items()):
            return _recorded(connection, row, opened=False)
        connection.execute(
            update(observation).where(observation.c.observation_id == known.observation_id).values(**values)
        )
        data = {"key": seen.key, "before": place_values_of(known), "after": place_values(seen), "frames": seen.frames}
        append_event(connection, Event(at=at, who=_INTAKE.name, kind="case.refined", case_id=row.case_id, data=data))
        row = update_case(connection, row.case_id, summed_up(connection, row.case_id))
        tell_case(connection, row, kind="case.updated", at=at, matters=self._matters)
        return _recorded(connection, row, opened=False)

    def _add(self, connection: Connection, case_id: str, seen: Observation, kept: Sequence[Kept], at: datetime) -> None:
        values = observation_values(seen)
        result = connection.execute(insert(observation).values(case_id=case_id, recorded_at=at, **values))
        key = result.inserted_primary_key
        attach(connection, kept, case_id=case_id, observation_id=int(key[0]) if key else 0, at=at)


def place_values_of(row: Row[Any]) -> dict[str, float]:
    """The columns of the place of a stored observation."""
    return {name: getattr(row, name) for name in ("lon", "lat", "cov_ee_m2", "cov_en_m2", "cov_nn_m2")}


def _review_reasons(seen: Observation, matter: Matter, colour: Colour, around: _Neighbours) -> list[str]:
    masked = any(zone.kind == "false_alarm_mask" and zone.probability >= SURELY_INSIDE for zone in seen.zones)
    checks = {
        "matter_always": matter.review == "always",
        "below_auto_level": matter.review != "always" and seen.confidence < matter.auto_level,
        "red": colour is Colour.RED,
        "required": seen.review_required,
        "rejected_here": bool(around.rejected),
        "false_alarm_mask": masked,
    }
    return [name for name, holds in checks.items() if holds]


def _recorded(connection: Connection, row: CaseRow, *, opened: bool) -> Recorded:
    tasks = tuple(
        IssuedTask(task_id=task.task_id, department=task.department, kind=task.kind)
        for task in tasks_of(connection, row.case_id)
    )
    return Recorded(case_id=row.case_id, case_number=row.number, opened=opened, tasks=tasks, state=CaseState(row.state))


def _spot(seen: Observation) -> Spot:
    return Spot(
        lon=seen.lon,
        lat=seen.lat,
        covariance_m2=seen.covariance_m2,
        footprint_lonlat=seen.footprint_lonlat,
        first_seen_at=seen.first_seen_at,
        last_seen_at=seen.last_seen_at,
    )


def _surest(zones: Sequence[ZoneFact], kind: str) -> ZoneFact | None:
    return max((zone for zone in zones if zone.kind == kind), key=lambda zone: zone.probability, default=None)


def _sure_zones(zones: Sequence[ZoneFact]) -> dict[str, frozenset[str]]:
    sure: dict[str, frozenset[str]] = {}
    for zone in zones:
        if zone.probability >= SURELY_INSIDE:
            sure[zone.kind] = sure.get(zone.kind, frozenset()) | ({zone.zone_class} if zone.zone_class else set())
    return sure
