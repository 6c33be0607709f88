"""The columns of an exported case, and the cases chosen by a filter, a thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_cases
from dispatch_api.cases.features import case_properties
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.records import CaseRow
from dispatch_api.store.schema import case
from dispatch_api.store.times import iso

_CHUNK = 1000

COLUMNS = (
    "case_id", "number", "matter", "matter_zh", "matter_en", "matter_code", "label", "state", "state_zh", "state_en",
    "colour", "confidence", "lon", "lat", "error_major_m", "error_minor_m", "error_azimuth_deg", "extent_m2",
    "extent_sigma_m2", "address", "grid_code", "grid_name", "first_seen_at", "last_seen_at", "observations", "frames",
    "overdue", "supervised", "hold", "handed_over_at", "created_at", "ended_at",
)  # fmt: skip
"""The columns of an export in their order."""


def exported_rows(connection: Connection, wanted: CaseFilter, account: Account) -> Iterator[CaseRow]:
    """The cases that somebody may see and asks for, in the order of their making.

    Raises:
        InvalidRequest: The filter makes no sense.
    """
    query = select(case).where(visible_cases(account), wanted.condition(account)).order_by(case.c.seq).limit(_CHUNK)
    last = -1
    while rows := connection.execute(query.where(case.c.seq > last)).all():
        yield from rows
        last = rows[-1].seq


def columns_of(row: CaseRow, matters: Matters) -> dict[str, Any]:
    """A case as one line: words, numbers, truth values and None; places in degrees (WGS 84), times in UTC."""
    properties = case_properties(row, matters=matters, original_sha256=None)
    matter = matters.by_key.get(row.matter)
    found = {
        **properties,
        "matter_code": matter.code if matter else None,
        "lon": row.lon,
        "lat": row.lat,
        **{f"error_{name}": value for name, value in properties["error"].items()},
        "created_at": iso(row.created_at),
        "ended_at": iso(row.ended_at),
    }
    return {name: found[name] for name in COLUMNS}
