"""Cases as GeoJSON features, the one shape that lists, maps and the live stream share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import CASE_STATE_NAMES
from dispatch_api.cases.records import CaseRow
from dispatch_api.configuration import Name
from dispatch_api.store.times import iso
from geo.position import ellipses, scale_of_probability

_SEMI_MAJOR_M = 6_378_137.0
_E2 = 0.00669437999014
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
_CIRCLE = (np.cos(_ANGLES), np.sin(_ANGLES))
_TURNS = list(zip(_CIRCLE[0].tolist(), _CIRCLE[1].tolist(), strict=True))
_FEW = 8
_STATE_NAMES: Mapping[str, tuple[str, str]] = {state.value: names for state, names in CASE_STATE_NAMES.items()}

Degrees = TypeVar("Degrees", float, NDArray[np.float64])


def matter_name(matters: Matters, key: str) -> Name:
    """The matter's name; its key, where the configuration no longer has it."""
    matter = matters.by_key.get(key)
    return matter.name if matter else Name(zh=key, en=key)


def picture_url(original_sha256: str | None, which: str, case_id: str) -> str | None:
    """Where a picture of a case is served; `case` chooses whose boxes are drawn."""
    return None if original_sha256 is None else f"/api/v1/evidence/{original_sha256}/{which}?case={case_id}"


@dataclass(frozen=True, kw_only=True)
class PlaceError:
    """The error of a case's place as it is shown.

    Attributes:
        sigma: The one-sigma ellipse: `major_m`, `minor_m`, `azimuth_deg`.
        ellipse95: A GeoJSON polygon that holds the true place with 95 %.
    """

    sigma: dict[str, float]
    ellipse95: dict[str, Any]


def errors_of(rows: Sequence[CaseRow], *, for_orjson: bool = False) -> list[PlaceError]:
    """The errors of many cases' places, reckoned together: a map asks for a thousand.

    For `orjson` their rings stay arrays, (37, 2) lon, lat: as lists of lists a thousand take longer than all the rest.
    """
    if len(rows) <= _FEW:
        return [_error_alone(row) for row in rows]
    covariances = [(row.cov_ee_m2, row.cov_en_m2, row.cov_en_m2, row.cov_nn_m2) for row in rows]
    axes = ellipses(np.array(covariances).reshape(-1, 2, 2))
    major_m, minor_m, azimuth_deg = axes.T
    azimuth = np.radians(azimuth_deg)[:, None]
    # The ellipsoid's radii stand in for a projection made for each: below a millimetre over a hundred metres.
    centres = np.array([(row.lon, row.lat) for row in rows])
    metres = np.column_stack(metres_per_degree(centres[:, 1]))
    scale = scale_of_probability(0.95)
    along, across = scale * major_m[:, None] * _CIRCLE[0], scale * minor_m[:, None] * _CIRCLE[1]
    east = (along * np.sin(azimuth) + across * np.cos(azimuth)) / metres[:, :1]
    north = (along * np.cos(azimuth) - across * np.sin(azimuth)) / metres[:, 1:]
    rings = np.round(centres[:, None, :] + np.stack([east, north], axis=-1), 8)
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    sigmas = [
        {"major_m": round(major, 3), "minor_m": round(minor, 3), "azimuth_deg": round(turned, 1)}
        for major, minor, turned in axes.tolist()
    ]
    return [
        PlaceError(sigma=sigma, ellipse95={"type": "Polygon", "coordinates": [ring]})
        for sigma, ring in zip(sigmas, closed if for_orjson else closed.tolist(), strict=True)
    ]


def _error_alone(row: CaseRow) -> PlaceError:
    """The same for one: what comes in is told one by one, and arrays of one row cost more than what they hold."""
    ee, en, nn = row.cov_ee_m2, row.cov_en_m2, row.cov_nn_m2
    middle, spread = (ee + nn) / 2, math.hypot((ee - nn) / 2, en)
    major_m, minor_m = math.sqrt(middle + spread), math.sqrt(max(middle - spread, 0.0))
    azimuth = math.atan2(2 * en, nn - ee) / 2 % math.pi
    east_m, north_m = metres_per_degree(row.lat)
    sin, cos, scale = math.sin(azimuth), math.cos(azimuth), scale_of_probability(0.95)
    along_e, across_e = scale * major_m * sin / east_m, scale * minor_m * cos / east_m
    along_n, across_n = scale * major_m * cos / north_m, -scale * minor_m * sin / north_m
    lon, lat = row.lon, row.lat
    # To the eighth digit: rounding to whole numbers takes a third of the time.
    ring = [
        [round((lon + along_e * a + across_e * b) * 1e8) / 1e8, round((lat + along_n * a + across_n * b) * 1e8) / 1e8]
        for a, b in _TURNS
    ]
    azimuth_deg = round(math.degrees(azimuth), 1)
    sigma = {"major_m": round(major_m, 3), "minor_m": round(minor_m, 3), "azimuth_deg": azimuth_deg}
    return PlaceError(sigma=sigma, ellipse95={"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def error_of(row: CaseRow) -> dict[str, float]:
    """The one-sigma error ellipse of a case's place."""
    return errors_of([row])[0].sigma


def case_properties(
    row: CaseRow,
    *,
    matters: Matters,
    original_sha256: str | None,
    error: PlaceError | None = None,
    for_orjson: bool = False,
) -> dict[str, Any]:
    """The properties of a case's feature; `error` where those of many were reckoned together.

    For `orjson` (`written_by_orjson`) times stay moments: it writes them in a tenth of the time.
    """
    shown = error or errors_of([row])[0]
    matter = matter_name(matters, row.matter)
    state_zh, state_en = _STATE_NAMES[row.state]
    time = _as_it_is if for_orjson else iso
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
        "error": shown.sigma,
        "ellipse95": shown.ellipse95,
        "footprint": _polygon(row.footprint),
        "extent_m2": row.extent_m2,
        "extent_sigma_m2": row.extent_sigma_m2,
        "address": row.address,
        "grid_code": row.grid_code,
        "grid_name": row.grid_name,
        "first_seen_at": time(row.first_seen_at),
        "last_seen_at": time(row.last_seen_at),
        "observations": row.observations,
        "frames": row.frames,
        "overdue": row.overdue,
        "supervised": row.supervised,
        "hold": row.hold,
        "handed_over_at": time(row.handed_over_at),
        "paused_s": row.paused_s,
        "version": row.version,
        "thumbnail_url": picture_url(original_sha256, "thumbnail", row.case_id),
    }


def case_feature(row: CaseRow, *, matters: Matters, original_sha256: str | None) -> dict[str, Any]:
    """A case as a GeoJSON point."""
    return case_features([row], matters=matters, pictures={row.case_id: original_sha256})[0]


def case_features(
    rows: Sequence[CaseRow], *, matters: Matters, pictures: Mapping[str, str | None], for_orjson: bool = False
) -> list[dict[str, Any]]:
    """Cases as GeoJSON points; `pictures` gives the original's SHA-256 of each case that has one."""
    return [
        {
            "type": "Feature",
            "id": row.case_id,
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": case_properties(
                row,
                matters=matters,
                original_sha256=pictures.get(row.case_id),
                error=error,
                for_orjson=for_orjson,
            ),
        }
        for row, error in zip(rows, errors_of(rows, for_orjson=for_orjson), strict=True)
    ]


def written_by_orjson(cases: Mapping[str, Any]) -> bytes:
    """Cases with rings and times that only `orjson` writes, as JSON; times in UTC with `Z`, as `iso` has them."""
    return orjson.dumps(cases, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)


def metres_per_degree(lat: Degrees) -> tuple[Degrees, Degrees]:
    """Length of a degree of longitude and of latitude at a latitude, or at many, on the ground of WGS 84."""
    of: Any = math if isinstance(lat, float) else np
    squeeze = 1.0 - _E2 * of.sin(of.radians(lat)) ** 2
    along_parallel = _SEMI_MAJOR_M / of.sqrt(squeeze) * of.cos(of.radians(lat))
    along_meridian = _SEMI_MAJOR_M * (1.0 - _E2) / squeeze**1.5
    return math.radians(1.0) * along_parallel, math.radians(1.0) * along_meridian


def _as_it_is(at: datetime | None) -> datetime | None:
    return at


def _polygon(corners: list[list[float]] | str | None) -> dict[str, Any] | orjson.Fragment | None:
    """A ring of the store as a polygon; JSON text stays text, so who asks for it so writes it with `orjson`."""
    if not corners or corners in ("null", "[]"):
        return None
    if isinstance(corners, str):
        first = corners[1 : corners.index("]") + 1]
        ring = corners if corners.endswith(f"{first}]") else f"{corners[:-1]},{first}]"
        return orjson.Fragment(f'{{"type":"Polygon","coordinates":[{ring}]}}')
    closed = corners if corners[0] == corners[-1] else [*corners, corners[0]]
    return {"type": "Polygon", "coordinates": [closed]}
