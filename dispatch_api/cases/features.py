"""Cases as GeoJSON features, the one shape that lists, maps and the live stream share."""

from __future__ import annotations

from typing import Any

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.cases.records import CaseRow, spot_of
from dispatch_api.configuration import Name
from dispatch_api.store.times import iso
from geo.position import Fix, ellipse_polygon


def matter_name(matters: Matters, key: str) -> Name:
    """The matter's name; its key, where the configuration no longer has it."""
    matter = matters.by_key.get(key)
    return matter.name if matter else Name(zh=key, en=key)


def picture_url(original_sha256: str | None, which: str, case_id: str) -> str | None:
    """Where a picture of a case is served; `case` chooses whose boxes are drawn."""
    return None if original_sha256 is None else f"/api/v1/evidence/{original_sha256}/{which}?case={case_id}"


def error_of(row: CaseRow) -> dict[str, float]:
    """The one-sigma error ellipse of a case's place."""
    ellipse = _fix(row).ellipse()
    return {
        "major_m": round(ellipse.major_m, 3),
        "minor_m": round(ellipse.minor_m, 3),
        "azimuth_deg": round(ellipse.azimuth_deg, 1),
    }


def case_properties(row: CaseRow, *, matters: Matters, original_sha256: str | None) -> dict[str, Any]:
    """The properties of a case's feature."""
    matter = matter_name(matters, row.matter)
    state_zh, state_en = CASE_STATE_NAMES[CaseState(row.state)]
    return {
        "case_id": row.case_id,
        "number": row.number,
        "matter": row.matter,
        "matter_zh": matter.zh,
        "matter_en": matter.en,
        "label": row.label,
        "state": row.state,
        "state_zh": state_zh,
        "state_en": state_en,
        "colour": row.colour,
        "confidence": round(row.confidence, 4),
        "error": error_of(row),
        "ellipse95": _ellipse_95(row),
        "footprint": _polygon(row.footprint),
        "extent_m2": row.extent_m2,
        "address": row.address,
        "grid_code": row.grid_code,
        "grid_name": row.grid_name,
        "first_seen_at": iso(row.first_seen_at),
        "last_seen_at": iso(row.last_seen_at),
        "observations": row.observations,
        "frames": row.frames,
        "thumbnail_url": picture_url(original_sha256, "thumbnail", row.case_id),
    }


def case_feature(row: CaseRow, *, matters: Matters, original_sha256: str | None) -> dict[str, Any]:
    """A case as a GeoJSON point."""
    return {
        "type": "Feature",
        "id": row.case_id,
        "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
        "properties": case_properties(row, matters=matters, original_sha256=original_sha256),
    }


def _fix(row: CaseRow) -> Fix:
    covariance = spot_of(row).covariance_m2
    return Fix(lon=row.lon, lat=row.lat, alt_m=0.0, covariance_m2=covariance, height_source="case", yaw_source="case")


def _ellipse_95(row: CaseRow) -> dict[str, Any]:
    ring = ellipse_polygon(_fix(row), probability=0.95, n=36)
    return {"type": "Polygon", "coordinates": [[[round(lon, 8), round(lat, 8)] for lon, lat in ring.tolist()]]}


def _polygon(corners: list[list[float]] | None) -> dict[str, Any] | None:
    if not corners:
        return None
    closed = corners if corners[0] == corners[-1] else [*corners, corners[0]]
    return {"type": "Polygon", "coordinates": [closed]}
