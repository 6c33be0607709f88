"""Intake: an observation becomes a new case, joins an open one, brings itself up to date, or is only counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matter, Matters
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.neighbours import LookedClean, Nearby, Neighbours, look_around, spot_of_observation
from dispatch_api.cases.observation import IssuedTask, Observation, Recorded
from dispatch_api.cases.opening import new_case, surest, surroundings
from dispatch_api.cases.records import (
    CaseRow,
    get_case,
    insert_case,
    insert_observation,
    observation_values,
    place_values,
    read_what_belongs_ahead,
    summed_up,
    update_case,
)
from dispatch_api.cases.review import LASTING_REASONS, review_reasons, sure_zones
from dispatch_api.cases.verification import judge_seen_again
from dispatch_api.clockwork.starting import start_review
from dispatch_api.departments.facts import Facts
from dispatch_api.departments.routing import Decision, Routing
from dispatch_api.evidence.records import Kept, attach, keep
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.counting import next_number
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import observation, tally
from dispatch_api.store.times import utc_now
from dispatch_api.storms.holding import join_storm
from dispatch_api.tasks.dispatching import dispatch
from dispatch_api.tasks.records import read_tasks_ahead, tasks_of
from geo.identity.rules import IdentityRules, load_rules

_KNOWN = select(observation).where(observation.c.key.in_(bindparam("of_keys", expanding=True)))
_INTAKE = system_actor("intake")
_AUTO_RULE = system_actor("auto-rule")
_MOST_DECISIONS = 2_000


class _Incoming(NamedTuple):
    seen: Observation
    matter: Matter
    kept: Sequence[Kept]


class Intake:
    """Takes observations into a store, by the matters and routing rules of a city."""

    def __init__(
        self,
        store: Store,
        matters: Matters,
        routing: Routing,
        *,
        now: Callable[[], datetime] = utc_now,
        identity: IdentityRules | None = None,
        looked_clean: LookedClean | None = None,
    ) -> None:
        """Join the parts.

        Args:
            store: Where observations go.
            matters: The city's matters; their families say how long apart two sightings of one thing may be.
            routing: The city's routing rules.
            now: The clock.
            identity: When two places are one, the same rules that group a flight's sightings; None for the defaults.
            looked_clean: Tells of clean looks between two sightings; None where nobody knows of any.
        """
        self._store = store
        self._identity = identity or load_rules()
        self._looked_clean = looked_clean
        self._matters = matters
        self._routing = routing
        self._vault = Vault(store.evidence_dir)
        self._now = now
        self._decisions: dict[bytes, Decision] = {}

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

    def take(self, connection: Connection, seen: Observation) -> Recorded:
        """Record one observation inside a transaction of the caller's; its pictures, if any, are left out.

        Raises:
            InvalidRequest: The matter is not configured.
        """
        return self.take_all(connection, [seen])[0]

    def take_all(self, connection: Connection, observations: Sequence[Observation]) -> list[Recorded]:
        """The same for many, in their order: what they have to be compared with is read once for all.

        Raises:
            InvalidRequest: A matter is not configured.
        """
        return self._take_all(connection, [_Incoming(seen, self._matters[seen.matter], ()) for seen in observations])

    def _submit(self, seen: Observation) -> Future[Recorded]:
        matter = self._matters[seen.matter]
        # Where there is no offence, no picture of anybody is kept either.
        pictures = () if self._decide(seen, self._now()).statistics_only else seen.evidence
        kept = [keep(self._vault, item) for item in pictures]
        return self._store.submit_one_of(self._take_all, _Incoming(seen, matter, kept))

    def _take_all(self, connection: Connection, incoming: Sequence[_Incoming]) -> list[Recorded]:
        at, recorded = self._now(), []
        keys = [seen.key for seen, _, _ in incoming]
        known = {row.key: row for row in connection.execute(_KNOWN, {"of_keys": keys})}
        near = Nearby(connection, [spot_of_observation(seen) for seen, _, _ in incoming], self._identity)
        if near.case_ids:
            read_what_belongs_ahead(connection, near.case_ids)
            read_tasks_ahead(connection, near.case_ids)
        done: set[str] = set()
        for number, one in enumerate(incoming):
            key = one.seen.key
            if key in done:
                known |= {row.key: row for row in connection.execute(_KNOWN, {"of_keys": [key]})}
            done.add(key)
            if key in known:
                recorded.append(self._bring_up_to_date(connection, known[key], one.seen, one.kept, at=at))
            else:
                recorded.append(self._take(connection, one, near.cases(number, family=one.matter.family), at=at))
        return recorded

    def _take(self, connection: Connection, one: _Incoming, near: Sequence[CaseRow], *, at: datetime) -> Recorded:
        seen, matter, kept = one
        decision = self._decide(seen, at)
        if decision.statistics_only:
            return self._count(connection, seen, decision)
        window = self._matters.windows[matter.family]
        around = look_around(
            connection, seen, near=near, window=window, rules=self._identity, looked_clean=self._looked_clean
        )
        if around.nearest is not None:
            return self._join(connection, around.nearest, seen, kept, at=at)
        return self._open(connection, seen, matter, decision, around, kept, at=at)

    def _decide(self, seen: Observation, at: datetime) -> Decision:
        calendar = self._matters.calendar
        facts = Facts(
            matter=seen.matter,
            zones=seen.zones,
            seen_on=calendar.local_date(seen.last_seen_at),
            decided_on=calendar.local_date(at),
            label=seen.label,
            extent_m2=seen.extent_m2,
            extent_sigma_m2=seen.extent_sigma_m2,
        )
        # Each thing is asked for twice, and the things of a street alike; what is printed is then written once for all.
        key = orjson.dumps(facts)
        decision = self._decisions.get(key)
        if decision is None:
            if len(self._decisions) >= _MOST_DECISIONS:
                self._decisions.clear()
            decision = self._decisions[key] = self._routing.decide(facts)
        return decision

    def _count(self, connection: Connection, seen: Observation, decision: Decision) -> Recorded:
        # No offence, so no place, picture or person is kept: only that it was seen, in which grid, on which day.
        if connection.execute(select(tally.c.key).where(tally.c.key == seen.key)).first() is None:
            grid = surest(seen.zones, "grid")
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

    def _open(
        self,
        connection: Connection,
        seen: Observation,
        matter: Matter,
        decision: Decision,
        around: Neighbours,
        kept: Sequence[Kept],
        *,
        at: datetime,
    ) -> Recorded:
        colour = matter.colour_of(zones=sure_zones(seen.zones), extent_m2=seen.extent_m2, repeats=len(around.closed))
        reasons = review_reasons(seen, matter, colour, rejected_here=bool(around.rejected))
        number = next_number(connection, "case", self._matters.calendar.local_date(at))
        values = new_case(
            seen, matter, number=number, colour=colour, around=around, reasons=reasons, rule=decision.printed, at=at
        )
        row = insert_case(connection, values)
        self._note(connection, "case.detected", row, seen, at=at, to=CaseState.DETECTED)
        row = join_storm(connection, row, at=at)
        self._add(connection, row, seen, kept, at=at)
        for closed in around.closed:
            if closed.state == CaseState.CLOSED:
                move_case(connection, closed, CaseState.RECURRED, by=_INTAKE, at=at, why=f"seen again: {row.number}")
        if reasons:
            row = self._wait_for_a_person(connection, row, reasons, at=at)
        else:
            row = self._open_by_rule(connection, row, seen, matter, decision, at=at)
        tell_case(connection, row, kind="case.opened", at=at, matters=self._matters)
        return _recorded(connection, row, opened=True)

    def _wait_for_a_person(
        self, connection: Connection, row: CaseRow, reasons: Sequence[str], *, at: datetime
    ) -> CaseRow:
        why = ", ".join(reasons)
        row = move_case(connection, row, CaseState.PENDING_REVIEW, by=_AUTO_RULE, at=at, why=why)
        return start_review(connection, row, at=at, matters=self._matters)

    def _open_by_rule(
        self,
        connection: Connection,
        row: CaseRow,
        seen: Observation,
        matter: Matter,
        decision: Decision,
        *,
        at: datetime,
    ) -> CaseRow:
        why = f"confidence {seen.confidence:.2f} reaches the auto level {matter.auto_level:.2f} of {matter.key}"
        row = move_case(connection, row, CaseState.OPENED, by=_AUTO_RULE, at=at, why=why, opened_at=at)
        why = decision.printed["text"]["en"]
        return dispatch(connection, row, decision, matters=self._matters, by=_AUTO_RULE, at=at, why=why)

    def _join(
        self, connection: Connection, row: CaseRow, seen: Observation, kept: Sequence[Kept], *, at: datetime
    ) -> Recorded:
        self._add(connection, row, seen, kept, at=at)
        self._note(connection, "case.joined", row, seen, at=at)
        row = self._reconsider(connection, row, seen, at=at)
        after = kept[0].original.sha256 if kept else None
        row = judge_seen_again(connection, row, seen, after=after, at=at, matters=self._matters)
        tell_case(connection, row, kind="case.joined", at=at, matters=self._matters)
        return _recorded(connection, row, opened=False)

    def _bring_up_to_date(
        self, connection: Connection, known: Row[Any], seen: Observation, kept: Sequence[Kept], *, at: datetime
    ) -> Recorded:
        values = observation_values(seen)
        new_pictures = attach(connection, kept, case_id=known.case_id, observation_id=known.observation_id, at=at)
        row = get_case(connection, known.case_id)
        # A case of one observation lies where that one lies; with several, the first one's surroundings stand.
        around = surroundings(seen) if row.observations == 1 else {}
        same = _holds(known, values) and _holds(row, around)
        if same and not new_pictures:
            return _recorded(connection, row, opened=False)
        here = observation.c.observation_id == known.observation_id
        connection.execute(update(observation).where(here).values(**values))
        before = {name: getattr(known, name) for name in place_values(seen)}
        self._note(connection, "case.refined", row, seen, at=at, before=before, after=place_values(seen))
        row = self._reconsider(connection, row, seen, at=at, **around)
        tell_case(connection, row, kind="case.updated", at=at, matters=self._matters)
        return _recorded(connection, row, opened=False)

    def _reconsider(
        self,
        connection: Connection,
        row: CaseRow,
        seen: Observation,
        *,
        at: datetime,
        **columns: Any,  # noqa: ANN401 - columns of the case table
    ) -> CaseRow:
        """Sum a case up anew; while it waits for a person, a surer look may change matter or colour, or open it."""
        row = update_case(connection, row.case_id, {**summed_up(connection, row.case_id), **columns})
        matter = self._matters[seen.matter]
        if row.state != CaseState.PENDING_REVIEW or row.family != matter.family:
            return row
        colour = matter.colour_of(zones=sure_zones(seen.zones), extent_m2=row.extent_m2, repeats=row.repeats)
        lasting = [reason for reason in row.review_reasons if reason in LASTING_REASONS]
        fresh = review_reasons(seen, matter, colour, rejected_here=False)
        reasons = list(dict.fromkeys([*lasting, *fresh]))
        decision = self._decide(seen, at)
        judged = {"matter": matter.key, "colour": colour.value, "review_reasons": reasons, "rule": decision.printed}
        row = update_case(connection, row.case_id, judged)
        return row if reasons else self._open_by_rule(connection, row, seen, matter, decision, at=at)

    def _note(
        self,
        connection: Connection,
        kind: str,
        row: CaseRow,
        seen: Observation,
        *,
        at: datetime,
        to: CaseState | None = None,
        **more: Any,  # noqa: ANN401 - JSON values
    ) -> None:
        data = {"key": seen.key, "flight_id": seen.flight_id, "label": seen.label, "frames": seen.frames, **more}
        append_event(connection, Event(at=at, who=_INTAKE.name, kind=kind, case_id=row.case_id, to_state=to, data=data))

    def _add(
        self, connection: Connection, row: CaseRow, seen: Observation, kept: Sequence[Kept], *, at: datetime
    ) -> None:
        values = {"case_id": row.case_id, "recorded_at": at, **observation_values(seen)}
        number = insert_observation(connection, values)
        attach(connection, kept, case_id=row.case_id, observation_id=number, at=at)


def _holds(row: Row[Any], values: Mapping[str, Any]) -> bool:
    return all(getattr(row, name) == value for name, value in values.items())


def _recorded(connection: Connection, row: CaseRow, *, opened: bool) -> Recorded:
    tasks = tuple(
        IssuedTask(task_id=task.task_id, department=task.department, kind=task.kind)
        for task in tasks_of(connection, row.case_id)
    )
    return Recorded(case_id=row.case_id, case_number=row.number, opened=opened, tasks=tasks, state=CaseState(row.state))
