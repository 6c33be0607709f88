"""What somebody may see of what they ask for, and how much of it there is by the counts that the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, func, literal, select, true

from dispatch_api.accounts.model import Account
from dispatch_api.boxes import Box, box_of
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cursors import words_of
from dispatch_api.store.schema import case, case_count
from dispatch_api.store.tallies import SEPARATOR


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
        fitting: How many cases fit by matter, state and colour.
    """

    wanted: CaseFilter
    account: Account
    states: tuple[str, ...]
    to_look_through: int
    most: int
    of_matter: int
    of_department: int
    departments: tuple[str, ...] | None
    fitting: Mapping[tuple[str, str, str], int]

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
        fitting: dict[tuple[str, str, str], int] = {}
        seen_sets: dict[str, bool] = {}
        for departments, matter, state, colour, n in connection.execute(_COUNTS_OF_ALL if sees.everything else _COUNTS):
            in_state = found.setdefault(state, [0, 0]) if not states or state in states else None
            seen = seen_sets.get(departments)
            if seen is None:
                seen = seen_sets[departments] = sees.sees(departments)
            of_it = not matters or matter in matters
            of_department += n if seen else 0
            if in_state is None:
                continue
            in_state[0] += n
            of_matter += n if of_it else 0
            if seen and of_it and (not colours or colour in colours):
                in_state[1] += n
                kind = matter, state, colour
                fitting[kind] = fitting.get(kind, 0) + n
        there = {state: counts for state, counts in found.items() if counts[1]}
        return cls(
            wanted=wanted,
            account=account,
            states=tuple(sorted(there)),
            to_look_through=sum(every for every, _ in there.values()),
            most=sum(fit for _, fit in there.values()),
            of_matter=of_matter,
            of_department=of_department,
            departments=None if sees.everything else tuple(sorted(one for one, seen in seen_sets.items() if seen)),
            fitting=fitting,
        )

    @property
    def to_walk(self) -> int:
        """How many entries of the index by state, or of that by matter and state, there are to look through."""
        one_matter = self.wanted.matter and "," not in self.wanted.matter
        return self.of_matter if one_matter else self.to_look_through

    @property
    def most_of_a_state(self) -> int:
        """How many cases fit at most that are in one and the same state."""
        found: dict[str, int] = {}
        for (_, state, _), n in self.fitting.items():
            found[state] = found.get(state, 0) + n
        return max(found.values(), default=0)

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
        return true() if self.box is None else self.box.holds(case.c.lon, case.c.lat)

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


_KINDS = (case_count.c.matter, case_count.c.state, case_count.c.colour)
_COUNTS = select(case_count.c.departments, *_KINDS, case_count.c.n).where(case_count.c.n > 0)
_COUNTS_OF_ALL = (
    select(literal("").label("departments"), *_KINDS, cast(func.sum(case_count.c.n), BigInteger).label("n"))
    .where(case_count.c.n > 0)
    .group_by(*_KINDS)
)
