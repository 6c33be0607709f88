"""What flights said of a case that waits for its proof, as the page shows it: verdicts, and both pictures."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from dispatch_api.cases.features import picture_url
from dispatch_api.cases.records import CaseRow
from dispatch_api.cases.verification import FLIGHT_VERDICT_NAMES, UNSEEN_NAMES, FlightVerdict, Unseen, verdicts_of


def verification_item(connection: Connection, row: CaseRow) -> list[dict[str, Any]]:
    """What flights said since the work was reported done last, the latest first."""
    return [_verdict(row.case_id, told) for told in reversed(verdicts_of(connection, row))]


def _verdict(case_id: str, told: dict[str, Any]) -> dict[str, Any]:
    zh, en = FLIGHT_VERDICT_NAMES[FlightVerdict(told["verdict"])]
    reason_zh, reason_en = UNSEEN_NAMES[Unseen(told["reason"])] if told.get("reason") else (None, None)
    clean = told["verdict"] == FlightVerdict.FIXED
    return {
        **{name: told.get(name) for name in ("seq", "at", "verdict", "flight_id", "first_at", "last_at", "lacks")},
        "verdict_zh": zh,
        "verdict_en": en,
        "looks": told.get("looks"),
        "resolution_m": told.get("resolution_m"),
        "reason": told.get("reason"),
        "reason_zh": reason_zh,
        "reason_en": reason_en,
        "before_url": picture_url(told.get("before"), "annotated", case_id),
        "after_url": _clean_url(case_id, told.get("after"))
        if clean
        else picture_url(told.get("after"), "annotated", case_id),
    }


def _clean_url(case_id: str, original_sha256: str | None) -> str | None:
    return None if original_sha256 is None else f"/api/v1/cases/{case_id}/clean-looks/{original_sha256}/annotated"
