"""`StormDesk`: storms begin, take in cases, and end; units are told by tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES
from dispatch_api.cases.records import CaseRow, get_case, update_case
from dispatch_api.deliveries.notices import tell_of_task
from dispatch_api.deliveries.outbox import post
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.counting import next_number
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.ids import rising_id
from dispatch_api.store.schema import case, storm
from dispatch_api.store.times import iso, utc_now
from dispatch_api.storms.digests import ENDED, tell_units, untold_tasks
from dispatch_api.storms.holding import StormState, fold_deliveries, put_into, storm_on
from dispatch_api.storms.records import StormRow, get_storm, rules_of, touch_storm
from dispatch_api.storms.rules import StormRules
from dispatch_api.storms.schemas import NewStorm, StormCases, StormEnd
from dispatch_api.versions import Expected, check_version


@dataclass(frozen=True, kw_only=True)
class StormSuggestion:
    """That there may be a storm: so many cases since a moment, which the rules call many."""

    case_ids: tuple[str, ...]
    since: datetime
    needed: int


class StormDesk:
    """Where storms are looked after. One is on at a time."""

    def __init__(
        self, store: Store, rules: StormRules, matters: Matters, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._rules = rules
        self._matters = matters
        self._now = now

    def suggestion(self) -> StormSuggestion | None:
        """Whether as many water cases came in lately as make a storm; None while one is on."""
        since = self._since(self._now())
        with self._store.read() as connection:
            if storm_on(connection) is not None:
                return None
            case_ids = self._lately(connection, since)
        if len(case_ids) < self._rules.suggest.cases:
            return None
        return StormSuggestion(case_ids=case_ids, since=since, needed=self._rules.suggest.cases)

    def begin(self, wanted: NewStorm, *, by: Account) -> StormRow:
        """Begin a storm; each unit with a task on one of its cases gets one table at once.

        What waits to be sent singly of these cases is taken back, and from now on new cases of its families join it.

        Raises:
            Forbidden: Only the centre begins storms.
            IllegalTransition: One is on already.
            NotFound: There is no such case.
            InvalidRequest: A case is no water case, has ended, or is in a storm already.
        """
        _centre_only(by)
        return self._store.write(lambda connection: self._begin(connection, wanted, by))

    def change_cases(self, storm_id: str, wanted: StormCases, *, by: Account, expected: Expected = None) -> StormRow:
        """Put cases into a storm, or take some out: what no table told of those is told singly.

        Raises:
            Forbidden: Only the centre does that.
            NotFound: There is no such storm or case.
            LostUpdate: It has none of the `expected` versions.
            IllegalTransition: The storm is over.
            InvalidRequest: A case cannot be put in, or is not in it.
        """
        _centre_only(by)

        def work(connection: Connection) -> StormRow:
            row, at = _on(_read(connection, storm_id, expected), "its cases change no more"), self._now()
            self._put(connection, row, wanted.add, by, at, field="add")
            for case_id in dict.fromkeys(wanted.remove):
                self._take_out(connection, row, case_id, by, at)
            fold_deliveries(connection, storm_id, at=at)
            row = touch_storm(connection, storm_id)
            _tell(connection, row, at)
            return row

        return self._store.write(work)

    def tell(self, storm_id: str, *, by: Account, expected: Expected = None) -> list[str]:
        """Send every unit its table now; returns the units.

        Raises:
            Forbidden: Only the centre does that.
            NotFound: There is no such storm.
            LostUpdate: It has none of the `expected` versions.
            IllegalTransition: It is over.
        """
        _centre_only(by)

        def work(connection: Connection) -> list[str]:
            row, at = _on(_read(connection, storm_id, expected), "nobody is told of it any more"), self._now()
            _, told = tell_units(connection, row, at=at, matters=self._matters, all_units=True)
            _tell(connection, touch_storm(connection, storm_id), at)
            return told

        return self._store.write(work)

    def end(self, storm_id: str, wanted: StormEnd, *, by: Account, expected: Expected = None) -> StormRow:
        """End a storm: what is new is told once more, then its cases are told of singly again.

        The cases stay what they are; their clocks ran all the time.

        Raises:
            Forbidden: Only the centre ends storms.
            NotFound: There is no such storm.
            LostUpdate: It has none of the `expected` versions.
            IllegalTransition: It is over already.
        """
        _centre_only(by)

        def work(connection: Connection) -> StormRow:
            row = _on(_read(connection, storm_id, expected), "it is over already")
            return self._end(connection, row, wanted, by)

        return self._store.write(work)

    def _begin(self, connection: Connection, wanted: NewStorm, by: Account) -> StormRow:
        at, on = self._now(), storm_on(connection)
        if on is not None:
            raise IllegalTransition(
                subject=f"storm {on.number}",
                current=on.state,
                to=StormState.ON,
                allowed=("over",),
                why="it is on still",
            )
        storm_id, day = rising_id(), self._matters.calendar.local_date(at)
        values = {
            "storm_id": storm_id,
            "number": next_number(connection, "storm", day, prefix="XQ"),
            "name": wanted.name.strip(),
            "state": StormState.ON.value,
            "started_at": at,
            "created_by": by.name,
            "told": {"rules": self._rules.model_dump(mode="json"), "units": {}},
        }
        connection.execute(insert(storm), values)
        row = get_storm(connection, storm_id)
        case_ids = wanted.case_ids
        if case_ids is None:
            case_ids = self._lately(connection, self._since(at))
        self._put(connection, row, case_ids, by, at, field="case_ids")
        fold_deliveries(connection, storm_id, at=at)
        row, _ = tell_units(connection, row, at=at, matters=self._matters)
        data = {"storm_id": storm_id, "number": row.number, "cases": len(case_ids)}
        append_event(connection, Event(at=at, who=by.name, kind="storm.begun", why=row.name, data=data))
        _tell(connection, row, at)
        return row

    def _put(
        self, connection: Connection, row: StormRow, case_ids: Sequence[str], by: Account, at: datetime, *, field: str
    ) -> None:
        families = rules_of(row).families
        for case_id in dict.fromkeys(case_ids):
            one = get_case(connection, case_id)
            problem = _problem(one, families)
            if problem:
                raise InvalidRequest(field=field, problem=f"case {one.number} {problem}")
            put_into(connection, one, row, by=by.name, at=at)

    def _take_out(self, connection: Connection, row: StormRow, case_id: str, by: Account, at: datetime) -> None:
        one = get_case(connection, case_id)
        if one.storm_id != row.storm_id:
            raise InvalidRequest(field="remove", problem=f"case {one.number} is not in it")
        untold = untold_tasks(connection, row, case_id)
        update_case(connection, case_id, {"storm_id": None})
        happened = Event(at=at, who=by.name, kind="case.storm_left", case_id=case_id, data={"number": row.number})
        append_event(connection, happened)
        # Held back for a table that will not have them any more: nobody would ever hear of these.
        for task in untold:
            tell_of_task(connection, task, at=at, why="")

    def _end(self, connection: Connection, row: StormRow, wanted: StormEnd, by: Account) -> StormRow:
        at, storm_id = self._now(), row.storm_id
        row, _ = tell_units(connection, row, at=at, matters=self._matters)
        row = touch_storm(connection, storm_id, state=StormState.OVER.value, ended_at=at)
        data = {"storm_id": storm_id, "number": row.number}
        append_event(connection, Event(at=at, who=by.name, kind="storm.ended", why=wanted.reason, data=data))
        words = {
            "title_zh": "汛情结束",
            "title_en": "Storm over",
            "text_zh": f"{row.name}（{row.number}）结束",
            "text_en": f"{row.name} ({row.number}) is over",
        }
        post(
            connection,
            type=ENDED,
            subject=f"storms/{storm_id}",
            case_id=None,
            departments=sorted(row.told["units"]),
            colour="green",
            at=at,
            data={**data, "name": row.name, "ended_at": iso(at), "link": f"/storms/{storm_id}", **words},
        )
        _tell(connection, row, at)
        return row

    def _since(self, at: datetime) -> datetime:
        within = self._rules.suggest.within.elapsed
        if within is None:
            raise AssertionError("the rules have been checked")  # pragma: no cover
        return at - within

    def _lately(self, connection: Connection, since: datetime) -> tuple[str, ...]:
        """The cases that may join a storm, the first first."""
        # Cases come in one after the other: walking back from the newest ends at the first that is too old, where a
        # question for their times would look at every case that the city ever had.
        last_before = select(case.c.seq).where(case.c.created_at < since).order_by(case.c.seq.desc()).limit(1)
        query = select(case.c.case_id).where(
            case.c.seq > (connection.execute(last_before).scalar() or 0),
            case.c.family.in_(self._rules.families),
            case.c.storm_id.is_(None),
            case.c.state.not_in([state.value for state in ENDED_STATES]),
        )
        return tuple(connection.execute(query.order_by(case.c.seq)).scalars())


def _problem(row: CaseRow, families: Sequence[str]) -> str | None:
    if row.family not in families:
        return f"is no case of {', '.join(families)}"
    if row.state in ENDED_STATES:
        return f"has ended: it is {row.state}"
    return "is in a storm already" if row.storm_id is not None else None


def _read(connection: Connection, storm_id: str, expected: Expected) -> StormRow:
    row = get_storm(connection, storm_id)
    check_version(row, expected, subject=f"storm {row.number}")
    return row


def _centre_only(by: Account) -> None:
    if by.role is not Role.CENTRE:
        raise Forbidden("only the centre begins, changes and ends storms.")


def _on(row: StormRow, why: str) -> StormRow:
    if row.state != StormState.ON:
        raise IllegalTransition(
            subject=f"storm {row.number}", current=row.state, to=StormState.OVER, allowed=(), why=why
        )
    return row


def _tell(connection: Connection, row: StormRow, at: datetime) -> None:
    data: dict[str, Any] = {"storm_id": row.storm_id, "number": row.number, "state": row.state, "name": row.name}
    append_feed(connection, kind="storm.changed", at=at, departments=None, data=data)
