"""What is counted by triggers, in the transaction of every change: with a million cases, counting anew takes too long.

- `case_count`: cases by set of departments, matter, state and colour. `case_file.departments` is the set of departments
  that ever had a task on the case, as `|drainage|town|` in the order of their bytes; None where none had.
- `task_count`: tasks by department and state. `task.reworks` says how often a task was sent back.
- `figure_count`: what the monthly figures ask of *closed* cases, by the hour (UTC) of their dispatch, department that
  leads and matter; the department '' is the city, where each case counts once. Open cases are few and are counted when
  they are asked for, so that work on them costs nothing here.

The migrations call what makes things here: it must go on making the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select, text

from dispatch_api.store.schema import case_count, figure_count, task_count

SEPARATOR = "|"
FOLDED_STATES = ("closed", "recurred")
"""States in which a case stands in `figure_count`."""

_SHOWN = 20
_FACTS = ("cases", "with_deadline", "on_time", "reported", "reworked", "put_off", "recurred", "paused_us")
_KEYS = {
    "case_count": ("departments", "matter", "state", "colour"),
    "task_count": ("department", "state"),
    "figure_count": ("hour_at", "department", "matter"),
}
COUNTS = (case_count, task_count, figure_count)
"""The tables that hold nothing but what others tell."""

_TABLES = {table.name: table for table in COUNTS}

_SET = {
    "sqlite": "(SELECT '|' || group_concat(department, '|') || '|' FROM "
    "(SELECT DISTINCT department FROM task WHERE task.case_id = {case} ORDER BY department))",
    "postgresql": "(SELECT '|' || string_agg(DISTINCT department, '|' ORDER BY department) || '|' FROM task "
    "WHERE task.case_id = {case})",
}
_HOUR = {
    "sqlite": "substr(f.dispatched_at, 1, 13) || ':00:00.000000'",
    "postgresql": "date_trunc('hour', f.dispatched_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
}

_ADD_CASE = (
    "INSERT INTO case_count (departments, matter, state, colour, n) "
    "VALUES (coalesce(new.departments, ''), new.matter, new.state, new.colour, 1) "
    "ON CONFLICT (departments, matter, state, colour) DO UPDATE SET n = case_count.n + 1"
)
_TAKE_CASE = (
    "UPDATE case_count SET n = n - 1 WHERE departments = coalesce(old.departments, '') AND matter = old.matter "
    "AND state = old.state AND colour = old.colour"
)
_ADD_TASK = (
    "INSERT INTO task_count (department, state, n) VALUES (new.department, new.state, 1) "
    "ON CONFLICT (department, state) DO UPDATE SET n = task_count.n + 1"
)
_TAKE_TASK = "UPDATE task_count SET n = n - 1 WHERE department = old.department AND state = old.state"
_NOTE_DEPARTMENT = (
    "UPDATE case_file SET departments = {set} WHERE case_id = new.case_id "
    "AND {position}(coalesce(departments, ''), '|' || new.department || '|') = 0"
)
_NOTE_REWORK = "UPDATE task SET reworks = reworks + 1 WHERE task_id = new.task_id"
_CASES = (
    "SELECT coalesce(departments, '') AS departments, matter, state, colour, count(*) AS n FROM case_file "
    "GROUP BY coalesce(departments, ''), matter, state, colour"
)
_TASKS = "SELECT department, state, count(*) AS n FROM task GROUP BY department, state"

# Who leads, or led when the case ended: `GONE_STATES` of a task.
_LEADS = "t.case_id = f.case_id AND t.kind = 'lead' AND t.state NOT IN ('refused', 'handed_on', 'cancelled')"
_IS_FOLDED = "f.state IN ('closed', 'recurred') AND f.dispatched_at IS NOT NULL"
_OF_EVERY = (
    "{sign} * sum(CASE WHEN f.paused_s > 0 OR f.suspended_at IS NOT NULL THEN 1 ELSE 0 END) AS put_off, "
    "{sign} * sum(CASE WHEN f.state = 'recurred' THEN 1 ELSE 0 END) AS recurred, "
    "{sign} * sum(CAST(round(f.paused_s * 1000000) AS BIGINT)) AS paused_us"
)
_LINES = (
    "SELECT {hour} AS hour_at, t.department AS department, f.matter AS matter, {sign} * count(*) AS cases, "
    "{sign} * sum(CASE WHEN t.deadline_at IS NOT NULL THEN 1 ELSE 0 END) AS with_deadline, "
    "{sign} * sum(CASE WHEN t.done_at <= t.deadline_at THEN 1 ELSE 0 END) AS on_time, "
    "{sign} * sum(CASE WHEN t.done_at IS NOT NULL OR t.reworks > 0 THEN 1 ELSE 0 END) AS reported, "
    "{sign} * sum(CASE WHEN t.reworks > 0 THEN 1 ELSE 0 END) AS reworked, "
    + _OF_EVERY
    + " FROM case_file f JOIN task t ON "
    + _LEADS
    + " WHERE "
    + _IS_FOLDED
    + " {only} GROUP BY 1, 2, 3 UNION ALL "
    "SELECT {hour}, '', f.matter, {sign} * count(*), "
    f"{{sign}} * sum(CASE WHEN EXISTS (SELECT 1 FROM task t WHERE {_LEADS} AND t.deadline_at IS NOT NULL) "
    "THEN 1 ELSE 0 END), "
    f"{{sign}} * sum(CASE WHEN EXISTS (SELECT 1 FROM task t WHERE {_LEADS} AND t.deadline_at IS NOT NULL) "
    f"AND NOT EXISTS (SELECT 1 FROM task t WHERE {_LEADS} AND t.done_at > t.deadline_at) THEN 1 ELSE 0 END), "
    "{sign} * count(*), {sign} * sum(CASE WHEN f.reworks > 0 THEN 1 ELSE 0 END), "
    + _OF_EVERY
    + " FROM case_file f WHERE "
    + _IS_FOLDED
    + " {only} GROUP BY 1, 2, 3"
)
_FOLD = (
    f"INSERT INTO figure_count (hour_at, department, matter, {', '.join(_FACTS)}) "
    f"SELECT hour_at, department, matter, {', '.join(_FACTS)} FROM ({{lines}}) AS told WHERE true "
    "ON CONFLICT (hour_at, department, matter) DO UPDATE SET "
    + ", ".join(f"{name} = figure_count.{name} + excluded.{name}" for name in _FACTS)
)
_COUNTED_CASE = ("departments", "matter", "state", "colour")
_COUNTED_TASK = ("department", "state")
_FOLDED_CASE = ("state", "matter", "dispatched_at", "suspended_at", "paused_s", "reworks")
_FOLDED_TASK = ("department", "kind", "deadline_at", "done_at", "reworks", "state")
_CASE_WAS_FOLDED = "(old.state IN ('closed', 'recurred') OR new.state IN ('closed', 'recurred'))"
_TRIGGERS = {
    "case_file": ("counted_in", "counted_out", "counted_anew", "taken_out", "folded_in"),
    "task": ("counted_in", "counted_out", "counted_anew", "sent_back", "taken_out", "folded_in"),
}


def make_triggers(connection: Connection) -> None:
    """Let the database count from now on."""
    dialect = connection.dialect.name
    for table in _TRIGGERS:
        for name, when, statements in _rules(dialect, table):
            for statement in (
                _sqlite(table, name, when, statements)
                if dialect == "sqlite"
                else _postgresql(table, name, when, statements)
            ):
                connection.exec_driver_sql(statement)


def drop_triggers(connection: Connection) -> None:
    """Stop counting, for somebody who writes a whole store and calls `count_anew` and `make_triggers` afterwards."""
    for table, names in _TRIGGERS.items():
        for name in names:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"DROP TRIGGER {table}_{name}")
            else:
                connection.exec_driver_sql(f"DROP FUNCTION {table}_{name}() CASCADE")


def count_anew(connection: Connection) -> None:
    """Count everything that is there."""
    of_case = _SET[connection.dialect.name].format(case="case_file.case_id")
    # One that has the right set keeps it, and with it its place in the indexes.
    connection.exec_driver_sql(
        f"UPDATE case_file SET departments = {of_case} WHERE coalesce(departments, '') <> coalesce({of_case}, '')"
    )
    for name, query in _counts(connection).items():
        connection.execute(_TABLES[name].delete())
        columns = [column.name for column in _TABLES[name].columns]
        connection.exec_driver_sql(f"INSERT INTO {name} ({', '.join(columns)}) {query}")


def miscounted(connection: Connection) -> list[str]:
    """What is counted otherwise than it is, in words; 20 cases with a wrong set of departments at most."""
    found = []
    for name, query in _counts(connection).items():
        there = _by_key(name, connection.execute(text(query).columns(*_TABLES[name].columns)).all())
        kept = _by_key(name, connection.execute(select(_TABLES[name])).all())
        found += [
            f"{name} of {'/'.join(map(str, key))} is {kept.get(key, 'none')}, and {there.get(key, 'none')} is right"
            for key in sorted({*kept, *there})
            if kept.get(key) != there.get(key)
        ]
    of_case = _SET[connection.dialect.name].format(case="case_file.case_id")
    wrong = f"SELECT number FROM case_file WHERE coalesce(departments, '') <> coalesce({of_case}, '') LIMIT {_SHOWN}"
    numbers = connection.execute(text(wrong)).scalars()
    return found + [f"case {number} has not the departments of its tasks" for number in numbers]


def _counts(connection: Connection) -> dict[str, str]:
    lines = _LINES.format(hour=_HOUR[connection.dialect.name], sign="1", only="")
    return {"case_count": _CASES, "task_count": _TASKS, "figure_count": lines}


def _by_key(name: str, rows: Iterable[Any]) -> Mapping[tuple[Any, ...], tuple[int, ...]]:
    width = len(_KEYS[name])
    told = {tuple(row)[:width]: tuple(map(int, tuple(row)[width:])) for row in rows}
    # A line that has come down to nothing stays.
    return {key: values for key, values in told.items() if any(values)}


def _rules(dialect: str, table: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, when, and what is done, of each trigger of a table."""
    is_case = table == "case_file"
    position = "instr" if dialect == "sqlite" else "strpos"
    note = _NOTE_DEPARTMENT.format(set=_SET[dialect].format(case="new.case_id"), position=position)
    add = (_ADD_CASE,) if is_case else (_ADD_TASK, note)
    take = (_TAKE_CASE,) if is_case else (_TAKE_TASK,)
    yield "counted_in", f"AFTER INSERT ON {table}", add
    yield "counted_out", f"AFTER DELETE ON {table}", take
    counted = _COUNTED_CASE if is_case else _COUNTED_TASK
    of = f"UPDATE OF {', '.join(counted)} ON {table}"
    yield "counted_anew", f"AFTER {of} WHEN ({_differ(counted)})", (*take, *add)
    if not is_case:
        of = "UPDATE OF state ON task"
        yield "sent_back", f"AFTER {of} WHEN (new.state = 'rework' AND old.state <> 'rework')", (_NOTE_REWORK,)
    folded = _FOLDED_CASE if is_case else _FOLDED_TASK
    of = f"UPDATE OF {', '.join(folded)} ON {table} WHEN ({_matters(is_case)})"
    yield "taken_out", f"BEFORE {of}", (_fold(dialect, "-1", "old"),)
    yield "folded_in", f"AFTER {of}", (_fold(dialect, "1", "new"),)


def _matters(is_case: bool) -> str:
    if is_case:
        return f"{_CASE_WAS_FOLDED} AND ({_differ(_FOLDED_CASE)})"
    # From done to accepted, which is what happens to a task when its case is closed, changes no figure.
    gone = "IN ('refused', 'handed_on', 'cancelled')"
    others = _differ([name for name in _FOLDED_TASK if name != "state"])
    return f"(old.state {gone}) <> (new.state {gone}) OR {others}"


def _differ(names: Iterable[str]) -> str:
    return " OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in names)


def _fold(dialect: str, sign: str, row: str) -> str:
    lines = _LINES.format(hour=_HOUR[dialect], sign=sign, only=f"AND f.case_id = {row}.case_id")
    return _FOLD.format(lines=lines)


def _sqlite(table: str, name: str, when: str, statements: Iterable[str]) -> Iterator[str]:
    # SQLite has IS NOT for the same since long before it knew this word.
    yield (
        f"CREATE TRIGGER {table}_{name} {when} BEGIN {'; '.join(statements)}; END".replace("IS DISTINCT FROM", "IS NOT")
    )


def _postgresql(table: str, name: str, when: str, statements: Iterable[str]) -> Iterator[str]:
    back = "new" if when.startswith("BEFORE") else "NULL"
    yield (
        f"CREATE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {'; '.join(statements)}; RETURN {back}; END $$"
    )
    event, _, condition = when.partition(" WHEN ")
    only = f"WHEN {condition} " if condition else ""
    yield f"CREATE TRIGGER {table}_{name} {event} FOR EACH ROW {only}EXECUTE FUNCTION {table}_{name}()"
