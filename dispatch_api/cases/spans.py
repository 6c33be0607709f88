"""Cases that were seen between two times, found by their ends.

Most cases are seen for some days: those of a month were seen last within it or soon after. The few that are seen for
longer have an index of their own, so that no question about a day long ago reads all that was seen since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, text, union_all

from dispatch_api.store.schema import LONG, SEEN_LONG, case


def seen_between(start: datetime, end: datetime, dialect: str) -> Select[Any]:
    """The `seq` of cases first seen until `end` and last seen since `start`, each once."""
    begun, soon = case.c.first_seen_at <= end, end + min(LONG, datetime.max.replace(tzinfo=end.tzinfo) - end)
    short = select(case.c.seq).where(begun, case.c.last_seen_at.between(start, soon))
    # As text, for an index of some rows is taken where the condition is written as it is there.
    later = and_(case.c.last_seen_at > soon, case.c.last_seen_at >= start)
    long = select(case.c.seq).where(begun, later, text(SEEN_LONG[dialect]))
    both = union_all(short, long).subquery("seen")
    return select(both.c.seq)


def lies_in_older_half(connection: Connection, at: datetime) -> bool:
    """Whether a time lies in the older half of the time in which anything was seen last."""
    seen = case.c.last_seen_at
    # One by one, each is an end of an index; both at once SQLite would look for in all of it.
    ends = (select(func.min(seen)).scalar_subquery(), select(func.max(seen)).scalar_subquery())
    first, last = connection.execute(select(*ends)).one()
    return first is not None and at < first + (last - first) / 2


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What was seen between two times.

    Attributes:
        seqs: The query of `seen_between`.
        cases: How many there are.
        first_seq: They lie from this `seq` on,
        last_seq: and up to this one.
    """

    seqs: Select[Any]
    cases: int
    first_seq: int
    last_seq: int

    @classmethod
    def of(cls, connection: Connection, start: datetime, end: datetime) -> Stretch:
        """Look them through once, by the index."""
        seqs = seen_between(start, end, connection.dialect.name)
        seen = seqs.subquery("stretch")
        query = select(func.count(), func.min(seen.c.seq), func.max(seen.c.seq))
        cases, first, last = connection.execute(query).one()
        return cls(seqs=seqs, cases=cases, first_seq=first or 0, last_seq=last or 0)

    @property
    def condition(self) -> ColumnElement[bool]:
        """That a case lies between the two: what is seen one after the other is made one after the other, mostly."""
        return case.c.seq.between(self.first_seq, self.last_seq)
