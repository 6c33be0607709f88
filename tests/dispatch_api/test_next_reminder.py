"""A store from before a task's reminders were one row: what was to come still comes, at the same times."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dispatch_builders import NOON
from sqlalchemy import insert, select
from sqlalchemy import table as a_table
from sqlalchemy.sql import column

from dispatch_api.clockwork.reminders import Reminder, StepToCome
from dispatch_api.store import migrate, open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.backend import backend_of
from dispatch_api.store.migrate import upgrade
from dispatch_api.store.types import UtcTime
from dispatch_api.store.url import store_place

HOUR = timedelta(hours=1)
COLUMNS = ("key", "case_id", "task_id", "kind", "state")
BEFORE = a_table("reminder", *(column(name) for name in COLUMNS), column("due_at", UtcTime))
# Of a task (its clocks began at different moments), of another one that stands still, and of the case itself.
ROWS = [
    ("task-1:nearly:100.5", 1, "nearly", "waiting", 3),
    ("task-1:unsigned:200.5", 1, "unsigned", "done", 0),
    ("task-1:half:100.5", 1, "half", "waiting", 2),
    ("task-1:overdue:100.5", 1, "overdue", "waiting", 4),
    ("task-2:overdue:100.5", 2, "overdue", "paused", 5),
    ("task-2:half:100.5", 2, "half", "dropped", 1),
    ("c:unverified:300.5", None, "unverified", "waiting", 6),
    ("c:late:300.5", None, "late", "waiting", 7),
    ("c:unreviewed:50.5", None, "unreviewed", "waiting", 8),
    ("c:resume:300", None, "resume", "waiting", 9),
]


def a_case() -> dict:
    moments = dict.fromkeys(("first_seen_at", "last_seen_at", "created_at", "dispatched_at"), NOON)
    numbers = dict.fromkeys(("confidence", "lon", "lat", "cov_ee_m2", "cov_en_m2", "cov_nn_m2"), 1.0)
    counts = dict.fromkeys(("frames", "observations", "repeats", "refusals"), 1)
    lists = {"zones": [], "review_reasons": [], "suggestions": [], "reporters": []}
    told = {"number": "1", "matter": "river.rubbish", "family": "river", "label": "x", "colour": "red", "reworks": 0}
    return {"case_id": "c", "state": "in_progress", **told, **moments, **numbers, **counts, **lists}


@pytest.mark.both_stores
def test_rows_of_a_task_become_one_and_what_was_settled_goes(store_kind, new_store_url):
    backend = backend_of(store_place(new_store_url))
    engine = backend.writer_engine()
    with engine.begin() as connection:
        backend.prepare(connection)
        upgrade(connection, "0009")
        connection.execute(insert(tables.case).values(a_case()))
        for key, task_id, kind, state, hours in ROWS:
            row = {"key": key, "case_id": "c", "task_id": task_id, "kind": kind, "state": state}
            connection.execute(insert(BEFORE).values(**row, due_at=NOON + hours * HOUR))
    engine.dispose()
    migrate(new_store_url)
    with open_store(new_store_url) as store, store.read() as connection:
        rows = connection.execute(select(tables.reminder)).all()
    found = {(row.task_id, row.state, Reminder.of(row).steps) for row in rows}

    def steps(*told: tuple[str, int]) -> tuple[StepToCome, ...]:
        return tuple(StepToCome(NOON + hours * HOUR, kind) for kind, hours in told)

    assert found == {
        (1, "waiting", steps(("half", 2), ("nearly", 3), ("overdue", 4))),
        (2, "paused", steps(("overdue", 5))),
        (None, "waiting", steps(("unverified", 6), ("late", 7))),
        (None, "waiting", steps(("unreviewed", 8))),
        (None, "waiting", steps(("resume", 9))),
    }
