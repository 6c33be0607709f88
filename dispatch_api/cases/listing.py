"""The cases that somebody asks for, in the order of their making, from a store that may hold a million.

No database finds the newest hundred of any choice by itself: some choices are most of the store, some are three cases
of two years. So the counts that the store keeps (`store.tallies`) and a look at its indexes, cut short, tell how much
there is to look through in each way, and the shortest is taken:

- through the index `case_file_in_state`, where all stands that cases are chosen by, state by state from the newest on;
  for cases of one matter through `case_file_of_matter` in the same way;
- through the few cases of a small box, of a department with little to do, of a rare matter, or seen since lately.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, and_, cast, select, true, union_all
from sqlalchemy.sql.selectable import Subquery

from dispatch_api.accounts.model import Account
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.spans import Stretch, lies_in_older_half
from dispatch_api.store.dialects import SQLITE, one_of_words
from dispatch_api.store.few import counted_up_to
from dispatch_api.store.rows import row_maker
from dispatch_api.store.schema import case

FEW = 15_000
"""So many cases may be looked at one by one."""

MOST_NUMBERED = 4000
_ENTRIES_A_CASE = 60
"""So many entries of the index are read while one case is looked up (measured on SQLite, 10 µs and 0.15 µs)."""

_SHOWN_NAMES = (
    "seq", "case_id", "number", "matter", "label", "state", "colour", "confidence", "lon", "lat", "cov_ee_m2",
    "cov_en_m2", "cov_nn_m2", "footprint", "extent_m2", "extent_sigma_m2", "address", "grid_code", "grid_name",
    "first_seen_at", "last_seen_at", "observations", "frames", "overdue", "supervised", "hold", "handed_over_at",
    "paused_s", "version", "created_at",
)  # fmt: skip
_SHOWN = tuple(
    # As it is written: an outline goes out as it came in, and a thousand taken apart take as long as all the rest.
    cast(case.c[name], Text).label(name) if name == "footprint" else case.c[name]
    for name in _SHOWN_NAMES
)
_PLACE = (case.c.seq, case.c.lon, case.c.lat, case.c.colour)
_make_row = row_maker("shown_case", _SHOWN_NAMES)


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
        rows: The cases, with the columns that lists and maps show; their outlines are JSON text.
        matched: How many there are on all pages; None where they would have to be looked at to know.
    """

    rows: Sequence[Row[Any]]
    matched: int | None


def listed(connection: Connection, wanted: CaseFilter, account: Account, page: Page) -> Listed:
    """The cases of a page.

    Raises:
        InvalidRequest: The filter makes no sense.
    """
    choice = Choice.of(connection, wanted, account)
    query = page_query(connection, choice, page)
    rows = [] if query is None else list(map(_make_row, connection.execute(query).all()))
    return Listed(rows=rows, matched=choice.matched)


def page_query(connection: Connection, choice: Choice, page: Page) -> Select[Any] | None:
    """The query that `listed` asks; None where there can be nothing."""
    seqs = seqs_query(connection, choice, page)
    return None if seqs is None else _shown(seqs, page)


def listed_seqs(connection: Connection, choice: Choice, page: Page) -> Sequence[int]:
    """The `seq` of the cases of a page, in its order."""
    query = seqs_query(connection, choice, page)
    return [] if query is None else connection.execute(query).scalars().all()


def shown_rows(connection: Connection, seqs: Sequence[int]) -> Sequence[Row[Any]]:
    """Cases by `seq`, in the order in which they are named."""
    rows = map(_make_row, connection.execute(select(*_SHOWN).where(case.c.seq.in_(seqs))).all())
    found = {row.seq: row for row in rows}
    return [found[seq] for seq in seqs if seq in found]


def seqs_query(connection: Connection, choice: Choice, page: Page) -> Select[Any] | None:
    """The query for the `seq` of a page's cases, in its order; None where there can be nothing."""
    if not choice.most:
        return None
    if choice.is_any:
        seqs = select(case.c.seq).where(page.following)
        return seqs.order_by(page.order(case.c.seq)).limit(page.limit).offset(page.skip)
    of = places_query(connection, choice, page).subquery("through")
    return select(of.c.seq).order_by(page.order(of.c.seq)).limit(page.limit).offset(page.skip)


def places_query(connection: Connection, choice: Choice, page: Page) -> Select[Any]:
    """The query for `seq`, `lon`, `lat` and `colour` of cases among which are those of a page; they have no order."""
    stretch = _stretch(connection, choice.wanted)
    few = _few(connection, choice, stretch, page)
    if few is not None:
        return select(*_PLACE).where(few, choice.in_place, page.following)
    within = choice.in_place if stretch is None else and_(choice.in_place, stretch.condition)
    return _through_states(choice.states, within, page)


def _stretch(connection: Connection, wanted: CaseFilter) -> Stretch | None:
    """The cases of a time, where they are found by it: what is asked until lately is found soon by any index."""
    start, end = wanted.seen_from, wanted.seen_until
    if end is None or (start is None and not lies_in_older_half(connection, end)):
        return None
    return Stretch.of(connection, start or datetime.min.replace(tzinfo=UTC), end)


def _through_states(states: Sequence[str], condition: ColumnElement[bool], page: Page) -> Select[Any]:
    """Of each state the first of a page, by the index that holds all that is asked."""
    most = page.limit + page.skip
    each = [
        select(*_PLACE)
        .where(case.c.state == state, condition, page.following)
        .order_by(page.order(case.c.seq))
        .limit(most)
        .subquery(f"of_{state}")
        for state in states
    ]
    parts = [select(one) for one in each]
    return parts[0] if len(parts) == 1 else select(union_all(*parts).subquery("of_states"))


def _shown(seqs: Select[Any], page: Page) -> Select[Any]:
    chosen: Subquery = seqs.subquery("chosen")
    return select(*_SHOWN).where(case.c.seq.in_(select(chosen.c.seq))).order_by(page.order(case.c.seq))


def _few(connection: Connection, choice: Choice, stretch: Stretch | None, page: Page) -> ColumnElement[bool] | None:
    """The shortest way that looks at cases one by one, where it is shorter than the index by state."""
    most = min(FEW, choice.to_walk // _ENTRIES_A_CASE)
    best: ColumnElement[bool] | None = None
    of_time = [] if stretch is None else [(stretch.cases, case.c.seq.in_(stretch.seqs))]
    for size, condition in (*of_time, *_ways(connection, choice)):
        if size <= most:
            most, best = size, condition
    if choice.box is not None:
        near = choice.box.cases_near(connection)
        most = min(most, _worth_looking_up(choice, page))
        if counted_up_to(connection, most, near) <= most:
            return case.c.seq.in_(near)
    return best


def _worth_looking_up(choice: Choice, page: Page) -> int:
    """How many cases of a box are sooner looked up one by one than an index is walked until a page of them is full.

    Of `n` cases in the box about `n * most / to_look_through` fit; the walk is over after that share of its entries
    which gives it what the page holds, and must be longer than `n * _ENTRIES_A_CASE`.
    """
    held = (page.limit + page.skip) / choice.most
    return int(math.sqrt(choice.to_walk * choice.to_look_through * held / _ENTRIES_A_CASE))


def _ways(connection: Connection, choice: Choice) -> Iterator[tuple[int, ColumnElement[bool]]]:
    """How many cases a condition leaves, and the condition, written so that its own index is taken."""
    wanted = choice.wanted
    if wanted.matter:
        states = case.c.state.in_(choice.states)
        of_matter = select(case.c.seq).where(case.c.matter.in_(wanted.matter.split(",")), states)
        yield choice.of_matter, case.c.seq.in_(of_matter)
    if choice.departments is not None:
        # SQLite might walk a state and ask this of each case; PostgreSQL would fetch each case twice.
        own = case.c.departments.in_(choice.departments)
        is_lite = connection.dialect.name == SQLITE
        yield choice.of_department, case.c.seq.in_(select(case.c.seq).where(own)) if is_lite else own
    if wanted.seen_from and not wanted.seen_until:
        since = select(case.c.seq).where(case.c.last_seen_at >= wanted.seen_from)
        yield counted_up_to(connection, FEW, since), case.c.seq.in_(since)
    if wanted.number and wanted.is_beginning:
        numbered = select(case.c.seq).where(CaseFilter(number=wanted.number).of_row())
        yield counted_up_to(connection, FEW, numbered), case.c.seq.in_(numbered)
    elif wanted.number:
        # Every number is looked through, so only once: what is found goes into the query as it is.
        part = select(case.c.number).where(CaseFilter(number=wanted.number).of_row()).limit(MOST_NUMBERED + 1)
        found = connection.execute(part).scalars().all()
        if len(found) <= MOST_NUMBERED:
            words = one_of_words(connection.dialect.name).params(words=json.dumps(list(found)))
            yield len(found), case.c.seq.in_(select(case.c.seq).where(case.c.number.in_(words)))
