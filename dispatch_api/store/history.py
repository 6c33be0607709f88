"""The history: an append-only table of events, each carrying the hash of the one before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from dispatch_api.errors import ChainBroken
from dispatch_api.store.last import ask_along, last
from dispatch_api.store.schema import event
from dispatch_api.store.unit import known, now_known, unit_of, write_later

GENESIS_HASH = "0" * 64
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
_END = "end of the history"
_LAST = select(event.c.seq, event.c.hash).order_by(event.c.seq.desc()).limit(1)

ask_along("event", _LAST.with_only_columns(event.c.seq).scalar_subquery())
ask_along("event_hash", _LAST.with_only_columns(event.c.hash).scalar_subquery())


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened: who, when, what, from which state to which, and why."""

    at: datetime
    who: str
    kind: str
    why: str = ""
    case_id: str | None = None
    task_id: int | None = None
    from_state: str | None = None
    to_state: str | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an event's time needs a time zone")
        if not self.who or not self.kind:
            raise ValueError("an event names who did what")


def append_event(connection: Connection, happened: Event) -> int:
    """Write an event at the end of the chain; must run inside a writing transaction.

    Returns:
        The event's number.
    """
    seq, previous = known(connection, _END, lambda: _end(connection))
    seq += 1
    values = {
        "seq": seq,
        "at": happened.at.astimezone(UTC),
        "who": happened.who,
        "kind": happened.kind,
        "case_id": happened.case_id,
        "task_id": happened.task_id,
        "from_state": happened.from_state,
        "to_state": happened.to_state,
        "why": happened.why,
        "data": orjson.dumps(happened.data, option=_SORTED).decode(),
        "previous_hash": previous,
    }
    own = entry_hash(values)
    write_later(connection, event, {**values, "hash": own})
    now_known(connection, _END, (seq, own))
    return seq


def _end(connection: Connection) -> tuple[int, str]:
    if unit_of(connection) is None:
        row = connection.execute(_LAST).first()
        return (int(row.seq), str(row.hash)) if row else (0, GENESIS_HASH)
    values = last(connection)
    return values["event"] or 0, values["event_hash"] or GENESIS_HASH


def entry_hash(values: dict[str, Any]) -> str:
    """SHA-256 over every field of an entry, the previous entry's hash among them.

    They are words, whole numbers and times: of those every writer of JSON makes the same, and this one is quick.
    """
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def verify_history(connection: Connection) -> int:
    """Walk the whole chain.

    A cut at the end leaves a chain that fits: compare the returned count, or the last hash, with one kept elsewhere.

    Returns:
        How many entries were checked.

    Raises:
        ChainBroken: Names the first entry that was changed, removed or slipped in.
    """
    previous, count = GENESIS_HASH, 0
    for row in connection.execute(select(event).order_by(event.c.seq)):
        check_entry(row, previous, count + 1)
        previous, count = row.hash, count + 1
    return count


def check_entry(row: Row[Any], previous: str, expected_seq: int) -> None:
    """That a row of the history is the entry of this number, and follows the entry of this hash.

    Raises:
        ChainBroken: It is not, or it was changed.
    """
    if row.seq != expected_seq:
        raise ChainBroken(seq=expected_seq, problem="the entry is missing")
    if row.previous_hash != previous:
        raise ChainBroken(seq=row.seq, problem="it does not follow the entry before it")
    # Names of columns are a kind of string of their own.
    values = {str(name): value for name, value in row._mapping.items() if name != "hash"}
    if entry_hash(values) != row.hash:
        raise ChainBroken(seq=row.seq, problem="its content was changed after it was written")


def last_hash(connection: Connection) -> str:
    """The hash of the newest entry; kept elsewhere, it shows whether entries were cut off later."""
    last = connection.execute(_LAST).first()
    return str(last.hash) if last else GENESIS_HASH
