"""One message per unit with a table of all its cases of a storm, in place of one message per task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import Colour
from dispatch_api.deliveries.outbox import MAX_DATA_BYTES, post
from dispatch_api.deliveries.phrases import Language
from dispatch_api.deliveries.places import place_name
from dispatch_api.store import Store
from dispatch_api.store.times import iso
from dispatch_api.storms.holding import storm_on
from dispatch_api.storms.records import Ranked, StormRow, ranked, rules_of, update_storm
from dispatch_api.storms.words import table_in_words
from dispatch_api.tasks.model import GONE_STATES, TaskState
from dispatch_api.tasks.records import tasks_of

TABLE = "storm.table.v1"
ENDED = "storm.ended.v1"
# What stands around the rows of a table and the words of a message.
_ROOM_BYTES = MAX_DATA_BYTES - 2_000
_COLOURS = (Colour.RED, Colour.YELLOW, Colour.GREEN)
_DONE = frozenset({TaskState.DONE, TaskState.ACCEPTED})


def tell_units(
    connection: Connection, row: StormRow, *, at: datetime, matters: Matters, all_units: bool = False
) -> tuple[StormRow, list[str]]:
    """Send each unit that has something new its table, the most dangerous cases first.

    Args:
        connection: The writing transaction.
        row: The storm.
        at: Now.
        matters: The city's.
        all_units: Whether units without news are told too.

    Returns:
        The storm, and the units that were told.
    """
    rows = ranked(connection, row)
    units: dict[str, Any] = dict(row.told["units"])
    told = []
    for unit in sorted({task.department for one in rows for task in one.tasks} | set(units)):
        news = _standing(rows, unit)
        before = units.get(unit, {}).get("tasks", {})
        if not all_units and not _is_news(before, news):
            continue
        own = [(one, task) for one in rows for task in one.tasks if task.department == unit]
        fresh = sum(key not in before and standing not in {"gone", "done"} for key, standing in news.items())
        _post_table(connection, row, unit, own, fresh=fresh, at=at, matters=matters)
        units[unit] = {"at": iso(at), "tasks": news}
        told.append(unit)
    if told:
        row = update_storm(connection, row.storm_id, told={**row.told, "units": units})
    return row, told


def tell_when_due(connection: Connection, *, at: datetime, matters: Matters) -> list[str]:
    """Tell the units of the storm that is on what is new, once that has settled.

    News settles when no case has joined for the rules' `settle`; after `longest` it is told whatever comes, and after
    `settle` where a red case is among it.

    Returns:
        The units that were told.
    """
    row = storm_on(connection)
    if row is None:
        return []
    rows = ranked(connection, row)
    digest, units = rules_of(row).digest, row.told["units"]
    settle, longest = digest.settle.elapsed, digest.longest.elapsed
    fresh: list[datetime] = []
    changed = urgent = False
    for unit in {task.department for one in rows for task in one.tasks} | set(units):
        before = units.get(unit, {}).get("tasks", {})
        changed = changed or _is_news(before, _standing(rows, unit))
        unknown = [
            (one, task)
            for one in rows
            for task in one.tasks
            if task.department == unit and str(task.task_id) not in before
        ]
        fresh += [task.created_at for _, task in unknown]
        urgent = urgent or any(one.case.colour == Colour.RED and _is_open(task) for one, task in unknown)
    if not changed or settle is None or longest is None:
        return []
    last_told = max((datetime.fromisoformat(one["at"]) for one in units.values()), default=row.started_at)
    # One message for a unit, but nobody waits ten minutes for a flooded underpass because others keep coming in.
    if fresh and at - max(fresh) < settle and at - min(fresh) < (settle if urgent else longest):
        return []
    if not fresh and at - last_told < longest:
        return []
    return tell_units(connection, row, at=at, matters=matters)[1]


def tell_storm_when_due(store: Store, *, matters: Matters, at: datetime) -> list[str]:
    """`tell_when_due` in a transaction of its own; nothing is written in fair weather."""
    with store.read() as connection:
        if storm_on(connection) is None:
            return []
    return store.write(lambda connection: tell_when_due(connection, at=at, matters=matters))


def untold_tasks(connection: Connection, row: StormRow, case_id: str) -> list[Row[Any]]:
    """The tasks of one of a storm's cases that wait for their department, and that no table has told it of yet."""
    units = row.told["units"]
    waiting = {TaskState.QUEUED: "open", TaskState.SENT: "open", TaskState.REWORK: "rework"}
    return [
        task
        for task in tasks_of(connection, case_id)
        if task.state in waiting
        and units.get(task.department, {}).get("tasks", {}).get(str(task.task_id), "gone")
        not in {waiting[TaskState(task.state)], "overdue"}
    ]


def _standing(rows: Sequence[Ranked], unit: str) -> dict[str, str]:
    """How each task of a unit stands, as far as the unit wants to hear of it."""
    return {str(task.task_id): _class_of(one, task) for one in rows for task in one.tasks if task.department == unit}


def _class_of(one: Ranked, task: Row[Any]) -> str:
    state = TaskState(task.state)
    if state in GONE_STATES:
        return "gone"
    if state in _DONE:
        return "done"
    if state is TaskState.REWORK:
        return "rework"
    return "overdue" if one.case.overdue else "open"


def _is_open(task: Row[Any]) -> bool:
    return task.state not in GONE_STATES and task.state not in _DONE


def _is_news(before: dict[str, str], now: dict[str, str]) -> bool:
    # What a unit did itself is no news to it, and neither is a task that came and went between two tables.
    return any(standing != before.get(task_id, "gone") and standing != "done" for task_id, standing in now.items())


def _post_table(
    connection: Connection,
    row: StormRow,
    unit: str,
    own: Sequence[tuple[Ranked, Row[Any]]],
    *,
    fresh: int,
    at: datetime,
    matters: Matters,
) -> None:
    # What is still to be done comes first: the dangerous place of this morning is dry by now.
    current = [(one, task) for one, task in own if _is_open(task)]
    done = [(one, task) for one, task in own if task.state in _DONE]
    colours = {colour: sum(one.case.colour == colour for one, _ in current) for colour in _COLOURS}
    colour = next((colour for colour in _COLOURS if colours[colour]), Colour.GREEN)
    words = {
        f"text_{language}": table_in_words(
            row, current, fresh=fresh, done=len(done), matters=matters, language=language
        )
        for language in Language
    }
    room_bytes = _ROOM_BYTES - sum(len(text.encode()) for text in words.values())
    table, left_out = _fitting([_row(one, task) for one, task in [*current, *done]], room_bytes)
    post(
        connection,
        type=TABLE,
        subject=f"storms/{row.storm_id}",
        case_id=None,
        departments=[unit],
        colour=colour.value,
        at=at,
        data={
            "storm_id": row.storm_id,
            "number": row.number,
            "name": row.name,
            "department": unit,
            "total": len(current) + len(done),
            "open": len(current),
            "new": fresh,
            "colours": {colour.value: count for colour, count in colours.items()},
            "columns": ["number", "task_id", "place", "danger", "unknown", "colour", "state", "deadline_at"],
            "table": table,
            "left_out": left_out,
            "title_zh": "汛情清单",
            "title_en": "Storm table",
            **words,
            "link": f"/storms/{row.storm_id}",
        },
    )


def _row(one: Ranked, task: Row[Any]) -> list[Any]:
    place = place_name(one.case.address, one.case.grid_name)
    unknown = [factor.key for factor in one.danger.unknown]
    deadline = iso(task.deadline_at)
    return [one.case.number, task.task_id, place, one.danger.score, unknown, one.case.colour, task.state, deadline]


def _fitting(rows: list[list[Any]], room_bytes: int) -> tuple[list[list[Any]], int]:
    """As many rows from the first as a message has room for, and how many are left out: the link shows them all."""
    used = 0
    for index, row in enumerate(rows):
        used += len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if used > room_bytes:
            return rows[:index], len(rows) - index
    return rows, 0
