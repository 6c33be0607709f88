"""The cases that somebody asks for, in the order of their making, from a store that may hold a million.

No database finds the newest hundred of any choice by itself: some choices are most of the store, some are three cases
of two years. So the counts that the store keeps (`store.tallies`) and a look at its indexes, cut short, tell how much
there is to look through in each way, and the shortest is taken:

- through the index `case_file_in_state`, where all stands that cases are chosen by, state by state from the newest on;
- through the few cases of a small box, of a department with little to do, of a rare matter, or seen since lately.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import Subquery

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_tasks
from dispatch_api.boxes import Box, box_of
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cursors import words_of
from dispatch_api.store.dialects import near_many_boxes
from dispatch_api.store.schema import case, case_count, task
from dispatch_api.store.tallies import SEPARATOR

FEW = 15_000
"""So many cases may be looked at one by one."""

MOST_NUMBERED = 1000
_ENTRIES_A_CASE = 60
"""So many entries of the index are read while one case is looked up (measured on SQLite, 10 µs and 0.15 µs)."""

SHOWN = tuple(
    case.c[name]
    for name in (
        "seq", "case_id", "number", "matter", "label", "state", "colour", "confidence", "lon", "lat", "cov_ee_m2",
        "cov_en_m2", "cov_nn_m2", "footprint", "extent_m2", "extent_sigma_m2", "address", "grid_code", "grid_name",
        "first_seen_at", "last_seen_at", "observations", "frames", "overdue", "supervised", "hold", "handed_over_at",
        "paused_s", "version", "created_at",
    )
)  # fmt: skip
"""The columns that lists and maps show of a case."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a list.

    Attributes:
        limit: At most so many.
        beyond: After the case of this `seq`, in the order of the list; None for its beginning.
        skip: After so many more.
        oldest_first: Its order; the newest come first where it is False.
    """

    limit: int
    beyond: int | None = None
    skip: int = 0
    oldest_first: bool = False

    @property
    def following(self) -> ColumnElement[bool]:
        """The condition for what lies beyond."""
        if self.beyond is None:
            return true()
        return case.c.seq > self.beyond if self.oldest_first else case.c.seq < self.beyond

    def order(self, seq: ColumnElement[int]) -> ColumnElement[int]:
        """The order of the list by a column of `seq`."""
        return seq.asc() if self.oldest_first else seq.desc()


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page of cases.

    Attributes:
        rows: With the columns `SHOWN`.
        matched: How many there are on all pages; None where they would have to be looked at to know.
    """

    rows: Sequence[Any]
    matched: int | None


def listed(connection: Connection, wanted: CaseFilter, account: Account, page: Page) -> Listed:
    """The cases of a page.

    Raises:
        InvalidRequest: The filter makes no sense.
    """
    choice = Choice.of(connection, wanted, account)
    query = page_query(connection, choice, page)
    return Listed(rows=[] if query is None else connection.execute(query).all(), matched=choice.matched)


def page_query(connection: Connection, choice: Choice, page: Page) -> Select[Any] | None:
    """The query that `listed` asks; None where there can be nothing."""
    if not choice.most:
        return None
    few = _few(connection, choice)
    if few is not None:
        seqs = select(case.c.seq).where(case.c.seq.in_(few), choice.in_place, page.following)
        return _shown(seqs.order_by(page.order(case.c.seq)).limit(page.limit).offset(page.skip), page)
    if choice.is_any:
        seqs = select(case.c.seq).where(page.following)
    else:
        through = through_states(choice.states, choice.in_place, page)
        return _shown(_last(through, page), page)
    return _shown(seqs.order_by(page.order(case.c.seq)).limit(page.limit).offset(page.skip), page)


def through_states(states: Sequence[str], condition: ColumnElement[bool], page: Page) -> Select[Any]:
    """Of each state the first of a page by the index that holds all that is asked; their union has no order."""
    most = page.limit + page.skip
    each = [
        select(case.c.seq, case.c.lon, case.c.lat, case.c.colour)
        .where(case.c.state == state, condition, page.following)
        .order_by(page.order(case.c.seq))
        .limit(most)
        .subquery(f"of_{state}")
        for state in states
    ]
    parts = [select(one) for one in each]
    return parts[0] if len(parts) == 1 else select(union_all(*parts).subquery("of_states"))


def _last(through: Select[Any], page: Page) -> Select[Any]:
    of = through.subquery("through")
    return select(of.c.seq).order_by(page.order(of.c.seq)).limit(page.limit).offset(page.skip)


def _shown(seqs: Select[Any], page: Page) -> Select[Any]:
    chosen: Subquery = seqs.subquery("chosen")
    return select(*SHOWN).where(case.c.seq.in_(select(chosen.c.seq))).order_by(page.order(case.c.seq))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A filter as somebody may use it, with what the store's counts say of it.

    Attributes:
        wanted: The filter.
        account: Who asks.
        states: The states in which there are cases for it.
        to_look_through: How many cases are in these states, whoever sees them.
        most: How many cases fit by department, matter, state and colour.
        of_matter: How many are of the matters asked for in these states, whoever sees them.
        of_department: How many are of the departments asked for or seen.
        departments: The sets of departments that count; None for any.
        fitting: How many cases fit by state and colour.
    """

    wanted: CaseFilter
    account: Account
    states: tuple[str, ...]
    to_look_through: int
    most: int
    of_matter: int
    of_department: int
    departments: tuple[str, ...] | None
    fitting: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, connection: Connection, wanted: CaseFilter, account: Account) -> Choice:
        """Read the counts."""
        states = frozenset(words_of(wanted.state, CaseState, "state"))
        colours = frozenset(words_of(wanted.colour, Colour, "colour"))
        matters = frozenset(wanted.matter.split(",")) if wanted.matter else frozenset()
        if wanted.bbox is not None:
            box_of(wanted.bbox)
        sees = _Sight.of(wanted, account)
        found: dict[str, list[int]] = {}
        of_matter = of_department = 0
        fitting: dict[tuple[str, str], int] = {}
        sets = set()
        for row in connection.execute(_COUNTS_OF_ALL if sees.everything else _COUNTS):
            in_state = found.setdefault(row.state, [0, 0]) if not states or row.state in states else None
            seen, of_it = sees.sees(row.departments), not matters or row.matter in matters
            if seen:
                of_department += row.n
                sets.add(row.departments)
            if in_state is None:
                continue
            in_state[0] += row.n
            of_matter += row.n if of_it else 0
            if seen and of_it and (not colours or row.colour in colours):
                in_state[1] += row.n
                fitting[row.state, row.colour] = fitting.get((row.state, row.colour), 0) + row.n
        there = {state: counts for state, counts in found.items() if counts[1]}
        return cls(
            wanted=wanted,
            account=account,
            states=tuple(sorted(there)),
            to_look_through=sum(every for every, _ in there.values()),
            most=sum(fit for _, fit in there.values()),
            of_matter=of_matter,
            of_department=of_department,
            departments=None if sees.everything else tuple(sorted(sets)),
            fitting=fitting,
        )

    @property
    def matched(self) -> int | None:
        """How many cases fit; None where that hangs by what is not counted."""
        wanted = self.wanted
        hangs = wanted.bbox is not None or wanted.seen_from or wanted.seen_until or wanted.number
        return None if hangs else self.most

    @property
    def box(self) -> Box | None:
        """The box asked for."""
        return None if self.wanted.bbox is None else box_of(self.wanted.bbox)

    @property
    def place_condition(self) -> ColumnElement[bool]:
        """That a case lies in the box, by its place alone: no index of places is asked."""
        if self.box is None:
            return true()
        inside = (
            and_(case.c.lon.between(west, east), case.c.lat.between(south, north))
            for west, south, east, north in self.box.parts()
        )
        return or_(*inside)

    @property
    def condition(self) -> ColumnElement[bool]:
        """All that is asked but the box, of the case's own row."""
        own = replace(self.wanted, bbox=None, department=None).of_row()
        return own if self.departments is None else and_(own, case.c.departments.in_(self.departments))

    @property
    def in_place(self) -> ColumnElement[bool]:
        """All that is asked."""
        return and_(self.condition, self.place_condition)

    @property
    def is_any(self) -> bool:
        """Whether nothing is asked."""
        return self.departments is None and self.wanted == CaseFilter()


@dataclass(frozen=True)
class _Sight:
    """Which sets of departments count: somebody's own, and those asked for."""

    own: frozenset[str] | None
    named: frozenset[str] | None
    nothing: bool = False

    @classmethod
    def of(cls, wanted: CaseFilter, account: Account) -> _Sight:
        named = frozenset(wanted.department.split(",")) if wanted.department else None
        if account.sees_every_case:
            return cls(None, named)
        # Of a task that the asker may not see, nobody learns by asking for its department.
        own = account.sees_departments
        return cls(own, None if named is None else named & own, nothing=not account.of_department)

    @property
    def everything(self) -> bool:
        return self.own is None and self.named is None and not self.nothing

    def sees(self, departments: str) -> bool:
        if self.nothing:
            return False
        if self.everything:
            return True
        there = frozenset(departments.strip(SEPARATOR).split(SEPARATOR)) if departments else frozenset()
        return all(asked is None or not asked.isdisjoint(there) for asked in (self.own, self.named))


_COUNTS = select(case_count).where(case_count.c.n > 0)
_KINDS = (case_count.c.matter, case_count.c.state, case_count.c.colour)
_COUNTS_OF_ALL = (
    select(literal("").label("departments"), *_KINDS, cast(func.sum(case_count.c.n), BigInteger).label("n"))
    .where(case_count.c.n > 0)
    .group_by(*_KINDS)
)


def _few(connection: Connection, choice: Choice) -> Select[Any] | None:
    """The shortest way that looks at cases one by one, where it is shorter than the index by state."""
    most = min(FEW, choice.to_look_through // _ENTRIES_A_CASE)
    best: Select[Any] | None = None
    for size, seqs in _ways(connection, choice):
        if size <= most:
            most, best = size, seqs
    return best


def _ways(connection: Connection, choice: Choice) -> Iterator[tuple[int, Select[Any]]]:
    wanted = choice.wanted
    if wanted.matter:
        states = case.c.state.in_(choice.states)
        yield choice.of_matter, select(case.c.seq).where(case.c.matter.in_(wanted.matter.split(",")), states)
    if choice.departments is not None:
        named = task.c.department.in_(wanted.department.split(",")) if wanted.department else true()
        of_tasks = select(task.c.case_id).where(visible_tasks(choice.account), named)
        yield choice.of_department, select(case.c.seq).where(case.c.case_id.in_(of_tasks))
    if wanted.seen_from:
        seen = case.c.last_seen_at >= wanted.seen_from
        if wanted.seen_until:
            seen = and_(seen, case.c.first_seen_at <= wanted.seen_until)
        yield _cut_short(connection, select(literal(1)).where(seen)), select(case.c.seq).where(seen)
    if wanted.number:
        # Every number is looked through, so only once: what is found goes into the query as it is.
        part = select(case.c.seq).where(CaseFilter(number=wanted.number).of_row()).limit(MOST_NUMBERED + 1)
        found = connection.execute(part).scalars().all()
        if len(found) <= MOST_NUMBERED:
            yield len(found), select(case.c.seq).where(case.c.seq.in_(found))
    if choice.box is not None:
        near = _in_boxes(connection, choice.box)
        yield _cut_short(connection, near), near


def _in_boxes(connection: Connection, box: Box) -> Select[Any]:
    """The `seq` of cases whose box meets this one, by the index of places: more than lie in it, never fewer."""
    near = near_many_boxes(connection.dialect.name).bindparams(boxes=json.dumps(box.parts())).subquery("near")
    return select(near.c.seq)


def _cut_short(connection: Connection, seqs: Select[Any]) -> int:
    some = seqs.limit(FEW + 1).subquery("some")
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
