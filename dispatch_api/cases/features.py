"""Cases as GeoJSON features, the one shape that lists, maps and the live stream share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES, CaseState
from dispatch_api.cases.records import CaseRow, spot_of
from dispatch_api.configuration import Name
from dispatch_api.store.times import iso
from geo.position import ellipses, scale_of_probability

_SEMI_MAJOR_M = 6_378_137.0
_E2 = 0.00669437999014
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
_CIRCLE = (np.cos(_ANGLES), np.sin(_ANGLES))


def matter_name(matters: Matters, key: str) -> Name:
    """The matter's name; its key, where the configuration no longer has it."""
    matter = matters.by_key.get(key)
    return matter.name if matter else Name(zh=key, en=key)


def picture_url(original_sha256: str | None, which: str, case_id: str) -> str | None:
    """Where a picture of a case is served; `case` chooses whose boxes are drawn."""
    return None if original_sha256 is None else f"/api/v1/evidence/{original_sha256}/{which}?case={case_id}"


def error_of(row: CaseRow) -> dict[str, float]:
    """The one-sigma error ellipse of a case's place."""
    major_m, minor_m, azimuth_deg = _ellipse(row)
    return {"major_m": round(major_m, 3), "minor_m": round(minor_m, 3), "azimuth_deg": round(azimuth_deg, 1)}


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
        "extent_sigma_m2": row.extent_sigma_m2,
        "address": row.address,
        "grid_code": row.grid_code,
        "grid_name": row.grid_name,
        "first_seen_at": iso(row.first_seen_at),
        "last_seen_at": iso(row.last_seen_at),
        "observations": row.observations,
        "frames": row.frames,
        "overdue": row.overdue,
        "supervised": row.supervised,
        "hold": row.hold,
        "handed_over_at": iso(row.handed_over_at),
        "paused_s": row.paused_s,
        "version": row.version,
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


def _ellipse(row: CaseRow) -> tuple[float, float, float]:
    major_m, minor_m, azimuth_deg = ellipses(np.array([spot_of(row).covariance_m2]))[0].tolist()
    return major_m, minor_m, azimuth_deg


def _ellipse_95(row: CaseRow) -> dict[str, Any]:
    # A map asks for thousands of these, so the ellipsoid's radii stand in for a projection made for each: the
    # difference is below a millimetre over a hundred metres.
    major_m, minor_m, azimuth_deg = _ellipse(row)
    scale, (east_m, north_m) = scale_of_probability(0.95), metres_per_degree(row.lat)
    azimuth = math.radians(azimuth_deg)
    along, across = scale * major_m * _CIRCLE[0], scale * minor_m * _CIRCLE[1]
    lons = row.lon + (along * math.sin(azimuth) + across * math.cos(azimuth)) / east_m
    lats = row.lat + (along * math.cos(azimuth) - across * math.sin(azimuth)) / north_m
    ring = [[round(lon, 8), round(lat, 8)] for lon, lat in zip(lons.tolist(), lats.tolist(), strict=True)]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of a degree of longitude and of latitude at a latitude, on the ground of WGS 84."""
    squeeze = 1.0 - _E2 * math.sin(math.radians(lat)) ** 2
    along_parallel = _SEMI_MAJOR_M / math.sqrt(squeeze) * math.cos(math.radians(lat))
    along_meridian = _SEMI_MAJOR_M * (1.0 - _E2) / squeeze**1.5
    return math.radians(1.0) * along_parallel, math.radians(1.0) * along_meridian


def _polygon(corners: list[list[float]] | None) -> dict[str, Any] | None:
    if not corners:
        return None
    closed = corners if corners[0] == corners[-1] else [*corners, corners[0]]
    return {"type": "Polygon", "coordinates": [closed]}
