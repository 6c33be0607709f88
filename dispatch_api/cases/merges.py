"""Two cases become one, and may be taken apart again: the history keeps what a merge moved, and just that goes back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES, CaseState, Colour
from dispatch_api.cases.moves import move_case, tell_case
from dispatch_api.cases.records import CaseRow, get_case, summed_up, update_case
from dispatch_api.cases.review import sure_zones
from dispatch_api.clockwork.starting import start_review
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.errors import IllegalTransition, InvalidRequest
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import case, event, evidence, observation

TOOK_IN, PARTED, UNMERGED, SPLIT_OFF = "case.took_in", "case.parted", "case.unmerged", "case.split_off"
_MERGED = f"case.{CaseState.MERGED}"
_BROUGHT_IN = ("case.detected", "case.joined")


def merge(
    connection: Connection,
    row: CaseRow,
    into: str | None,
    *,
    by: Actor,
    at: datetime,
    why: str,
    matters: Matters,
) -> CaseRow:
    """Make a case part of another one; the history keeps what moved.

    A merged case has no tasks, for only what waits for review may be merged; so observations and their pictures move.

    Args:
        connection: The writing transaction.
        row: The case that ends.
        into: Id of the case that goes on.
        by: Who says that the two are the same. What a person took apart, no system merges again.
        at: When.
        why: The reason.
        matters: The city's.

    Returns:
        The merged case.

    Raises:
        IllegalTransition: The case may not be merged now.
        InvalidRequest: `into` names no other case that goes on, or one that a person held apart from this one.
        NotFound: There is no case `into`.
    """
    if not into or into == row.case_id:
        # The table speaks first: whoever may not merge at all is told so, not asked for the other case.
        move_case(connection, row, CaseState.MERGED, by=by, at=at, why=why)
        raise InvalidRequest(field="duplicate_of", problem="name the other case that this one is the same as")
    target = get_case(connection, into)
    if CaseState(target.state) in ENDED_STATES:
        raise InvalidRequest(field="duplicate_of", problem=f"case {target.number} has ended")
    if by.is_system and into in taken_apart(connection, row.case_id):
        raise InvalidRequest(field="duplicate_of", problem=f"a person took it apart from case {target.number}")
    keys = _keys_of(connection, row.case_id)
    data = {"into": target.case_id, "into_number": target.number, "observations": keys}
    merged = move_case(connection, row, CaseState.MERGED, by=by, at=at, why=why, data=data, duplicate_of=target.case_id)
    move_rows(connection, keys, to=target.case_id)
    target = summed_anew(connection, target.case_id, matters)
    note_other(connection, TOOK_IN, target, of=row, keys=keys, by=by, at=at, why=why)
    tell_case(connection, target, kind="case.joined", at=at, matters=matters)
    return merged


def take_apart(connection: Connection, row: CaseRow, *, by: Actor, at: datetime, why: str, matters: Matters) -> CaseRow:
    """Undo the merge of a merged case: what it moved goes back, and the case waits for review again, with a new clock.

    What became of the other case since stays as it is (its tasks, its clocks, its end); what joined it since stays its
    own. The two are remembered as not the same.

    Raises:
        IllegalTransition: The case that took it in was merged itself, or one of the two would hold nothing.
        Forbidden: It is not for this actor.
        InvalidRequest: No reason is given.
    """
    holder = get_case(connection, row.duplicate_of)
    # What was taken out of the holder since went its own way.
    held = _keys_of(connection, holder.case_id)
    brought = set(_moved_keys(connection, row))
    keys = [key for key in held if key in brought]
    data = {"from": holder.case_id, "from_number": holder.number, "observations": keys}
    columns = {"duplicate_of": None, "ended_at": None}
    back = move_case(connection, row, CaseState.PENDING_REVIEW, by=by, at=at, why=why, data=data, **columns)
    if holder.state == CaseState.MERGED:
        raise _not_apart(row, f"case {holder.number}, which took it in, is merged itself: take that one apart first")
    if not 0 < len(keys) < len(held):
        why = f"one of the two would be left without an observation, for others were taken out of {holder.number} since"
        raise _not_apart(row, why)
    move_rows(connection, keys, to=back.case_id)
    back = summed_anew(connection, back.case_id, matters)
    holder = summed_anew(connection, holder.case_id, matters)
    note_other(connection, PARTED, holder, of=back, keys=keys, by=by, at=at, why=why)
    tell_case(connection, holder, kind="case.updated", at=at, matters=matters)
    return start_review(connection, back, at=at, matters=matters)


def _not_apart(row: CaseRow, why: str) -> IllegalTransition:
    subject = f"case {row.number}"
    return IllegalTransition(subject=subject, current=row.state, to=CaseState.PENDING_REVIEW, allowed=(), why=why)


def is_buried(connection: Connection, row: CaseRow) -> bool:
    """Whether a case was merged into one that has been merged itself since: that one is taken apart first."""
    if row.state != CaseState.MERGED:
        return False
    holder = select(case.c.state).where(case.c.case_id == row.duplicate_of)
    return bool(connection.execute(holder).scalar() == CaseState.MERGED.value)


def merged_into(connection: Connection, case_id: str) -> Sequence[CaseRow]:
    """The cases that were merged into this one, in the order of their numbers."""
    query = select(case).where(case.c.duplicate_of == case_id, case.c.state == CaseState.MERGED.value)
    return connection.execute(query.order_by(case.c.seq)).all()


def taken_apart(connection: Connection, case_id: str) -> frozenset[str]:
    """Ids of the cases that are not the same: a person took them apart from this one, and nobody merged them since."""
    kinds = {_MERGED: "into", TOOK_IN: "case_id", UNMERGED: "from", PARTED: "case_id", SPLIT_OFF: "from"}
    query = select(event.c.kind, event.c.data).where(event.c.case_id == case_id, event.c.kind.in_(kinds))
    apart: dict[str, bool] = {}
    for kind, data in connection.execute(query.order_by(event.c.seq)):
        apart[json.loads(data).get(kinds[kind])] = kind in {UNMERGED, PARTED, SPLIT_OFF}
    return frozenset(other for other, is_apart in apart.items() if is_apart)


def move_rows(connection: Connection, keys: Sequence[str], *, to: str) -> None:
    """Give observations, each with its pictures, to a case."""
    connection.execute(update(observation).where(observation.c.key.in_(keys)).values(case_id=to))
    theirs = select(observation.c.observation_id).where(observation.c.key.in_(keys))
    connection.execute(update(evidence).where(evidence.c.observation_id.in_(theirs)).values(case_id=to))


def summed_anew(connection: Connection, case_id: str, matters: Matters) -> CaseRow:
    """Sum a case up anew; while it waits for a person, its colour follows its area."""
    row = update_case(connection, case_id, summed_up(connection, case_id))
    matter = matters.by_key.get(row.matter)
    if row.state != CaseState.PENDING_REVIEW or matter is None:
        return row
    zones = sure_zones([ZoneFact.from_json(raw) for raw in row.zones])
    colour = matter.colour_of(zones=zones, extent_m2=row.extent_m2, repeats=row.repeats)
    reasons = [*row.review_reasons, *(["red"] if colour is Colour.RED else [])]
    return update_case(connection, case_id, {"colour": colour.value, "review_reasons": list(dict.fromkeys(reasons))})


def note_other(
    connection: Connection,
    kind: str,
    row: CaseRow,
    *,
    of: CaseRow,
    keys: Sequence[str],
    by: Actor,
    at: datetime,
    why: str,
) -> None:
    """Write into a case's history which observations came from another case, or left for it."""
    data = {"case_id": of.case_id, "number": of.number, "observations": list(keys)}
    append_event(connection, Event(at=at, who=by.name, kind=kind, why=why, case_id=row.case_id, data=data))


def _keys_of(connection: Connection, case_id: str) -> list[str]:
    """Keys of the observations that a case holds, in the order in which they came."""
    here = select(observation.c.key).where(observation.c.case_id == case_id)
    return list(connection.execute(here.order_by(observation.c.observation_id)).scalars())


def _moved_keys(connection: Connection, row: CaseRow) -> list[str]:
    """Keys of the observations that a case's merge moved."""
    merged = _merge_of(connection, row.case_id)
    kept = json.loads(merged.data).get("observations")
    return kept if kept is not None else sorted(_brought_in(connection, row.case_id, before=merged.seq))


def _merge_of(connection: Connection, case_id: str) -> Row[Any]:
    """The event of a merged case's last merge."""
    query = select(event).where(event.c.case_id == case_id, event.c.kind == _MERGED).order_by(event.c.seq.desc())
    return connection.execute(query.limit(1)).one()


def _brought_in(connection: Connection, case_id: str, *, before: int) -> Iterator[str]:
    """Keys that a case held when it was merged by a version that did not write them down: the history tells them."""
    own = select(event.c.data).where(event.c.case_id == case_id, event.c.kind.in_(_BROUGHT_IN), event.c.seq < before)
    for data in connection.execute(own).scalars():
        yield json.loads(data)["key"]
    for other in merged_into(connection, case_id):
        if _merge_of(connection, other.case_id).seq < before:
            yield from _moved_keys(connection, other)
