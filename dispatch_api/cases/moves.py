"""Changing a case's state in the store: the table decides, the history records, the watchers are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.features import case_feature
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES, CaseState, advance
from dispatch_api.cases.records import CaseRow, best_evidence, case_of, update_case
from dispatch_api.deliveries.notices import tell_of_case
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import append_event
from dispatch_api.tasks.records import tasks_of


def move_case(
    connection: Connection,
    row: CaseRow,
    to: CaseState,
    *,
    by: Actor,
    at: datetime,
    why: str = "",
    data: Mapping[str, Any] | None = None,
    **columns: Any,  # noqa: ANN401 - columns of the case table
) -> CaseRow:
    """Move a case to another state, with further columns that change along; `data` goes into the history.

    Raises:
        IllegalTransition: The table does not allow it.
        Forbidden: It is not for this actor.
        InvalidRequest: The step needs a reason.
    """
    moved, event = advance(case_of(row), to, by=by, at=at, why=why, data=data)
    append_event(connection, event)
    ended = {"ended_at": at} if to in ENDED_STATES else {}
    values = {"state": to.value, "refusals": moved.refusals, "reworks": moved.reworks, **ended, **columns}
    changed = update_case(connection, row.case_id, values)
    tell_of_case(connection, changed, row.state, at=at, why=why)
    return changed


def tell_case(connection: Connection, row: CaseRow, *, kind: str, at: datetime, matters: Matters) -> None:
    """Tell the watchers how a case stands now; departments hear of it once they have a task on it."""
    departments = [task.department for task in tasks_of(connection, row.case_id)]
    picture = best_evidence(connection, [row.case_id]).get(row.case_id)
    append_feed(
        connection,
        kind=kind,
        at=at,
        case_id=row.case_id,
        departments=departments,
        data=case_feature(row, matters=matters, original_sha256=picture),
    )
