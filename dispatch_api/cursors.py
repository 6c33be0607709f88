"""Where a list goes on: a word that the asker hands back as it came, without reading anything into it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import ColumnElement, and_, or_

from dispatch_api.errors import InvalidRequest

MAX_ROW_ID = 2**63 - 1
"""The largest number that a key of the store may have."""

_TIME = re.compile(r"20\d\d-(0\d|1[0-2])-([0-2]\d|30|31)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{6})?\+00:00")
_NUMBER = re.compile(r"[0-9]{1,19}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

RowId = Annotated[int, Field(ge=0, le=MAX_ROW_ID)]
"""A number of a row, in a path or query."""

CursorParam = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]


def row_id_of(text: str) -> int | None:
    """The number of a row that an address names; None for words that no row can have for its number."""
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is None or number <= MAX_ROW_ID else None


def cursor_of(kind: str, *key: int | str) -> str:
    """The cursor after a row.

    Args:
        kind: The list that it belongs to, so that no other list takes it.
        key: The row's place in the order of the list.
    """
    packed = json.dumps([kind, *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def row_of(cursor: str | None, kind: str) -> int | None:
    """The number of the row that a cursor of `cursor_of(kind, number)` stands for; None for the first page.

    Raises:
        InvalidRequest: It is no cursor of this list.
    """
    if cursor is None:
        return None
    match _unpacked(cursor):
        case [str(found), int(number)] if found == kind and 0 <= number <= MAX_ROW_ID:
            return number
        case _:
            raise InvalidRequest(field="cursor", problem="it is not the `next` of a page of this list")


def moment_of(cursor: str | None, kind: str) -> tuple[datetime, str] | None:
    """The time and name of the row that a cursor of `cursor_of(kind, time, name)` stands for; None for the first page.

    Raises:
        InvalidRequest: It is no cursor of this list.
    """
    if cursor is None:
        return None
    match _unpacked(cursor):
        case [str(found), str(time), str(name)] if found == kind and _TIME.fullmatch(time):
            return datetime.fromisoformat(time), name
        case _:
            raise InvalidRequest(field="cursor", problem="it is not the `next` of a page of this list")


def beyond(
    place: tuple[datetime, str], at: ColumnElement[datetime], name: ColumnElement[str], *, backwards: bool
) -> ColumnElement[bool]:
    """The condition for rows after (or before) a place of `moment_of`, in a list by time and then by name."""
    time, named = place
    if backwards:
        return or_(at < time, and_(at == time, name < named))
    return or_(at > time, and_(at == time, name > named))


def day_of(cursor: str | None, kind: str) -> tuple[str, str] | None:
    """The day and name of the row that a cursor of `cursor_of(kind, day, name)` stands for; None for the first page.

    Raises:
        InvalidRequest: It is no cursor of this list.
    """
    if cursor is None:
        return None
    match _unpacked(cursor):
        case [str(found), str(day), str(name)] if found == kind and _DAY.fullmatch(day) and name.isascii():
            return day, name
        case _:
            raise InvalidRequest(field="cursor", problem="it is not the `next` of a page of this list")


def words_of(text: str | None, known: type[StrEnum], field: str) -> tuple[str, ...]:
    """The words of a list like `open,closed`; none where it is left out.

    Raises:
        InvalidRequest: One of them is not among those known.
    """
    words = tuple(text.split(",")) if text else ()
    unknown = next((word for word in words if word not in set(known)), None)
    if unknown is not None:
        raise InvalidRequest(field=field, problem=f"{unknown!r} is none of {', '.join(known)}")
    return words


def _unpacked(cursor: str) -> object:
    try:
        return json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
