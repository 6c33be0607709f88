"""Which cases somebody asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AwareDatetime
from sqlalchemy import Boolean, ColumnElement, and_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_tasks
from dispatch_api.boxes import box_of
from dispatch_api.cases.model import CaseState, Colour
from dispatch_api.cursors import words_of
from dispatch_api.store.dialects import SQLITE
from dispatch_api.store.schema import case, task

_FROM_ITS_DAY = re.compile(r"\d{8}(-\d*)?", re.ASCII)


class holds_text(FunctionElement[bool]):  # noqa: N801 - named as it reads in a query
    """The condition that a column holds a text somewhere, as letters: nothing in it stands for others.

    On SQLite `instr` is several times as quick as LIKE. On PostgreSQL it is the other way round: of LIKE the planner
    knows that few rows are like that, and has several processes look for them.
    """

    type = Boolean()
    inherit_cache = True
    name = "holds_text"


@compiles(holds_text)
def _by_position(element: holds_text, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    column, text = (compiler.process(part, **options) for part in element.clauses)
    if compiler.dialect.name == SQLITE:
        return f"(instr({column}, {text}) > 0)"
    escaped = text
    for letter in ("!", "%%", "_"):
        escaped = f"replace({escaped}, '{letter}', '!{letter}')"
    return f"({column} LIKE '%%' || {escaped} || '%%' ESCAPE '!')"


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """Which cases are asked for; None means any.

    Attributes:
        bbox: West, south, east, north in degrees; west of more than east runs over the meridian of 180°.
        state: States, with commas between.
        matter: Keys of matters, with commas between.
        colour: Colours, with commas between.
        department: Keys of departments that have a task on the case, with commas between.
        seen_from: Seen at this time or later.
        seen_until: Seen at this time or earlier.
        number: A part of the case number.
    """

    bbox: str | None = None
    state: str | None = None
    matter: str | None = None
    colour: str | None = None
    department: str | None = None
    seen_from: datetime | None = None
    seen_until: datetime | None = None
    number: str | None = None

    def condition(self, account: Account) -> ColumnElement[bool]:
        """The condition on the table of cases, for somebody who may see some tasks.

        Raises:
            InvalidRequest: `bbox` is no box, or a state or colour is unknown.
        """
        parts = [self.of_row()]
        if self.department:
            # Of a task that the asker may not see, nobody learns by asking for its department.
            named = task.c.department.in_(self.department.split(",")) & visible_tasks(account)
            parts.append(case.c.case_id.in_(select(task.c.case_id).where(named)))
        if self.bbox is not None:
            parts.append(box_of(self.bbox).holds_cases())
        return and_(*parts)

    @property
    def is_beginning(self) -> bool:
        """Whether only the beginning of a number can be like that, a day and what follows: an index finds it."""
        return self.number is not None and _FROM_ITS_DAY.fullmatch(self.number) is not None

    def of_row(self) -> ColumnElement[bool]:
        """What of it the row of a case tells by itself: all but `bbox` and `department`.

        Raises:
            InvalidRequest: A state or colour is unknown.
        """
        parts: list[ColumnElement[bool]] = [true()]
        if self.state:
            parts.append(case.c.state.in_(words_of(self.state, CaseState, "state")))
        if self.colour:
            parts.append(case.c.colour.in_(words_of(self.colour, Colour, "colour")))
        if self.matter:
            parts.append(case.c.matter.in_(self.matter.split(",")))
        if self.seen_from:
            parts.append(case.c.last_seen_at >= self.seen_from)
        if self.seen_until:
            parts.append(case.c.first_seen_at <= self.seen_until)
        if self.number:
            parts.append(holds_text(case.c.number, self.number))
            if self.is_beginning:
                # Not BETWEEN: PostgreSQL takes no collation within it.
                parts += [case.c.number >= self.number, case.c.number < f"{self.number}:"]
        return and_(*parts)


Some = Annotated[str | None, Query(max_length=2000)]
Moment = Annotated[AwareDatetime | None, Query()]


def _wanted(
    bbox: Annotated[str | None, Query(max_length=200, description="west,south,east,north in degrees")] = None,
    state: Some = None,
    matter: Some = None,
    colour: Some = None,
    department: Some = None,
    seen_from: Moment = None,
    seen_until: Moment = None,
    number: Annotated[str | None, Query(max_length=32, description="a part of the case number")] = None,
) -> CaseFilter:
    return CaseFilter(
        bbox=bbox,
        state=state,
        matter=matter,
        colour=colour,
        department=department,
        seen_from=seen_from,
        seen_until=seen_until,
        number=number,
    )


Wanted = Annotated[CaseFilter, Depends(_wanted)]
"""The filter of a request's query."""
