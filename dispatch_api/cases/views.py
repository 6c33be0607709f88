"""Cases as the pages read them: lists, the map's collection, and one case with all that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.accounts.sight import seen_case
from dispatch_api.cases.features import (
    case_features,
    case_properties,
    errors_of,
    matter_name,
    picture_url,
)
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.listing import Listed, Page, listed
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.merges import PARTED, TOOK_IN, is_buried, merged_into, taken_apart
from dispatch_api.cases.model import CASE_STATE_NAMES, ENDED_STATES, CaseState, Step, allowed_steps
from dispatch_api.cases.proofs import verification_item
from dispatch_api.cases.records import CaseRow, best_evidence, case_of
from dispatch_api.cases.rejection import REJECTION_NAMES, label_after_rejection
from dispatch_api.cursors import cursor_of, row_of
from dispatch_api.departments.routing import Routing
from dispatch_api.evidence.records import clips_of, evidence_of
from dispatch_api.store.feed import last_feed_id
from dispatch_api.store.schema import case, event, observation
from dispatch_api.store.times import iso
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.views import is_overdue, task_item
from geo.map_links import map_links

MAP_PAGE = 1_000
MAP_LIMIT = 20_000
PAGE_LIMIT = 500


def case_collection(
    connection: Connection, wanted: CaseFilter, *, account: Account, matters: Matters, cursor: str | None, limit: int
) -> dict[str, Any]:
    """The newest cases on the map.

    `feed_id` is where the live stream goes on, `next` leads to the older ones, `matched` says how many there are where
    the store knows that without looking at them. To be written by `written_by_orjson`.
    """
    found, following = _page(connection, wanted, account, cursor, limit)
    rows = found.rows[:limit]
    pictures = best_evidence(connection, [row.case_id for row in rows])
    features = case_features(rows, matters=matters, pictures=pictures, for_orjson=True)
    return {
        "type": "FeatureCollection",
        "feed_id": last_feed_id(connection),
        "truncated": following is not None,
        "matched": found.matched,
        "next": following,
        "features": features,
    }


def case_page(
    connection: Connection, wanted: CaseFilter, *, account: Account, matters: Matters, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the list of cases, the newest first; `next` is the cursor of the following page.

    To be written by `written_by_orjson`.
    """
    found, following = _page(connection, wanted, account, cursor, limit)
    page = found.rows[:limit]
    pictures = best_evidence(connection, [row.case_id for row in page])
    items = [
        {
            **case_properties(
                row, matters=matters, original_sha256=pictures.get(row.case_id), error=error, for_orjson=True
            ),
            **_place_and_birth(row),
        }
        for row, error in zip(page, errors_of(page, for_orjson=True), strict=True)
    ]
    return {"items": items, "next": following, "matched": found.matched}


def _page(
    connection: Connection, wanted: CaseFilter, account: Account, cursor: str | None, limit: int
) -> tuple[Listed, str | None]:
    found = listed(connection, wanted, account, Page(limit=limit + 1, beyond=row_of(cursor, "cases")))
    following = cursor_of("cases", found.rows[limit - 1].seq) if len(found.rows) > limit else None
    return found, following


def case_detail(
    connection: Connection, case_id: str, *, account: Account, matters: Matters, routing: Routing, at: datetime
) -> dict[str, Any]:
    """One case with its observations, tasks, history, pictures, and what the account may do with it.

    Raises:
        NotFound: No such case, or not one that the account may see.
    """
    row = seen_case(connection, case_id, account)
    tasks = [
        task
        for task in tasks_of(connection, case_id)
        if not account.of_department or task.department in account.sees_departments
    ]
    pictures = evidence_of(connection, case_id)
    best = best_evidence(connection, [case_id]).get(case_id)
    return {
        **case_properties(row, matters=matters, original_sha256=best),
        **_place_and_birth(row),
        "observations": _observations(connection, case_id),
        "observations_count": row.observations,
        "tasks": [
            task_item(task, row, account=account, matters=matters, routing=routing, picture=best, at=at)
            for task in tasks
        ],
        "events": _events(connection, case_id, [task.task_id for task in tasks], account),
        "evidence": [_picture(picture) for picture in pictures],
        "clips": [_clip(one) for one in clips_of(connection, case_id)],
        "allowed": [
            allowed_item(to, *CASE_STATE_NAMES[to], step) | _reason_codes(step, row.label)
            for to, step in _allowed(connection, row, account).items()
        ],
        "may_split": account.role is Role.CENTRE and row.observations > 1 and CaseState(row.state) not in ENDED_STATES,
        "rule": rule_item(row.rule),
        "verification": verification_item(connection, row),
        "map_links": map_links(row.lon, row.lat, matter_name(matters, row.matter).zh),
        "clocks": _clocks(row, tasks, at),
        **_for_reviewers(connection, row, account),
    }


def _allowed(connection: Connection, row: CaseRow, account: Account) -> dict[CaseState, Step]:
    return {} if is_buried(connection, row) else allowed_steps(case_of(row), account.actor)


def allowed_item(to: str, zh: str, en: str, step: Step) -> dict[str, Any]:
    """One change that may be made now, and what it needs."""
    return {
        "to": to,
        "label_zh": zh,
        "label_en": en,
        "needs_reason": step.needs_reason,
        "needs_lead": step.needs_lead,
        "needs_date": step.needs_date,
        "needs_duplicate_of": step.needs_duplicate_of,
    }


def _reason_codes(step: Step, label: str) -> dict[str, Any]:
    if not step.takes_reason_code:
        return {}
    codes = [
        {"key": code.value, "label_zh": zh, "label_en": en, "label_is": label_after_rejection(code, label)}
        for code, (zh, en) in REJECTION_NAMES.items()
    ]
    return {"reason_codes": codes}


def rule_item(rule: dict[str, Any] | None) -> dict[str, Any] | None:
    """The rule that fired, as it was printed."""
    if rule is None:
        return None
    return {
        "id": rule["id"],
        "text_zh": rule["text"]["zh"],
        "text_en": rule["text"]["en"],
        "number": rule.get("number"),
        "because_zh": rule.get("because", {}).get("zh"),
        "because_en": rule.get("because", {}).get("en"),
        "evidence": rule.get("evidence", []),
        "basis": rule["basis"]["zh"],
        "basis_en": rule["basis"]["en"],
        "author": rule.get("author"),
        "effective_from": rule.get("effective_from"),
        "zone": rule.get("zone", []),
        "candidates": rule.get("candidates", []),
    }


def _place_and_birth(row: CaseRow) -> dict[str, Any]:
    return {"lon": row.lon, "lat": row.lat, "created_at": iso(row.created_at)}


def _for_reviewers(connection: Connection, row: CaseRow, account: Account) -> dict[str, Any]:
    if account.of_department:
        return {}
    apart = taken_apart(connection, row.case_id)
    suggested = [one for one in row.suggestions if one["case_id"] not in apart]
    numbers = _numbers(connection, [*apart, *(one["case_id"] for one in suggested), row.duplicate_of])
    return {
        "review_reasons": row.review_reasons,
        "suggestions": [{**one, "number": numbers.get(one["case_id"])} for one in suggested],
        "duplicate_of": row.duplicate_of,
        "duplicate_of_number": numbers.get(row.duplicate_of),
        "merged_cases": [
            {"case_id": one.case_id, "number": one.number} for one in merged_into(connection, row.case_id)
        ],
        "not_same": [{"case_id": one, "number": numbers[one]} for one in sorted(apart, key=numbers.__getitem__)],
        "recurrence_of": row.recurrence_of,
        "zones": row.zones,
    }


def _numbers(connection: Connection, case_ids: Sequence[str | None]) -> dict[str | None, str]:
    query = select(case.c.case_id, case.c.number).where(case.c.case_id.in_(case_ids))
    return {row.case_id: row.number for row in connection.execute(query)}


def _observations(connection: Connection, case_id: str) -> list[dict[str, Any]]:
    query = select(observation).where(observation.c.case_id == case_id).order_by(observation.c.first_seen_at)
    return [
        {
            "key": row.key,
            "flight_id": row.flight_id,
            "label": row.label,
            "confidence": round(row.confidence, 4),
            "lon": row.lon,
            "lat": row.lat,
            "extent_m2": row.extent_m2,
            "extent_sigma_m2": row.extent_sigma_m2,
            "frames": row.frames,
            "first_seen_at": iso(row.first_seen_at),
            "last_seen_at": iso(row.last_seen_at),
        }
        for row in connection.execute(query)
    ]


def _events(connection: Connection, case_id: str, task_ids: Sequence[int], account: Account) -> list[dict[str, Any]]:
    query = select(event).where(event.c.case_id == case_id).order_by(event.c.seq)
    if account.of_department:
        query = query.where(event.c.task_id.is_(None) | event.c.task_id.in_(task_ids))
        # These name another case, which may not be this department's.
        query = query.where(event.c.kind.not_in([TOOK_IN, PARTED]))
        # Who opened an original and why is between the centre and its auditors.
        query = query.where(event.c.kind.not_like("evidence.%"))
    return [
        {
            "seq": row.seq,
            "at": iso(row.at),
            "who": row.who,
            "kind": row.kind,
            "task_id": row.task_id,
            "from": row.from_state,
            "to": row.to_state,
            "why": row.why,
            "data": json.loads(row.data),
            "hash": row.hash,
        }
        for row in connection.execute(query)
    ]


def _picture(row: Row[Any]) -> dict[str, Any]:
    return {
        "original_sha256": row.original_sha256,
        "captured_at": iso(row.captured_at),
        "file_name": row.file_name,
        "boxes": row.boxes,
        "thumbnail_url": picture_url(row.original_sha256, "thumbnail", row.case_id),
        "annotated_url": picture_url(row.original_sha256, "annotated", row.case_id),
        "full_url": picture_url(row.original_sha256, "full", row.case_id),
    }


def _clip(row: Row[Any]) -> dict[str, Any]:
    """The film around a finding: what may be seen of it, and which sealed seconds of which film it was made of."""
    return {
        "original_sha256": row.original_sha256,
        "captured_at": iso(row.captured_at),
        "film": row.capture["source_name"],
        "film_sha256": row.capture["source_sha256"],
        "first_s": row.capture["media_time_s"],
        "seconds": row.capture["duration_s"],
        "cover_url": picture_url(row.original_sha256, "annotated", row.case_id),
        "clip_url": picture_url(row.original_sha256, "clip", row.case_id),
    }


def _clocks(row: CaseRow, tasks: Sequence[Row[Any]], at: datetime) -> dict[str, Any]:
    leads = [task for task in tasks if task.deadline_at is not None]
    last = leads[-1] if leads else None
    return {
        "verify_deadline_at": iso(row.verify_deadline_at),
        "opened_at": iso(row.opened_at),
        "dispatched_at": iso(row.dispatched_at),
        "sign_deadline_at": iso(last.sign_deadline_at) if last else None,
        "deadline_at": iso(last.deadline_at) if last else None,
        "suspended_until": iso(row.suspended_until),
        "ended_at": iso(row.ended_at),
        "overdue": any(is_overdue(task, row.state, at) for task in tasks),
    }
