"""Reading airspace from map layers: one feature for each zone or approval, refused with its place if it does not fit.

GeoJSON, GeoPackage, Shapefile or KML. A feature's properties:

    kind            no_fly, controlled or approval
    name            for people; `id` of an approval
    floor_m         from this height on (0)
    ceiling_m       up to this height (no end; an approval must say it)
    heights_above   agl (true height, the default) or msl
    from, until     2026-11-01: days, both included; of an approval 2026-11-01T09:00+08:00: times
    hours           08:00-18:00, past midnight where it ends before it begins
    weekdays        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], any of them; mon,tue where there are no lists
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from shapely.geometry.base import BaseGeometry

from flightplan.airspace.zones import Airspace, AirZone, Approval
from flightplan.errors import InputFileError
from flightplan.times import WEEKDAYS, Hours, Times
from geo.zones.crs import crs_of
from geo.zones.features import check_coordinates
from geo.zones.layers import read_layers

_REMEDY = "Compare with docs/rules.md"
_HOURS = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")


def read_airspace(paths: Sequence[Path], time_zone: ZoneInfo | None = None) -> Airspace:
    """Read zones and approvals from one or more files.

    Args:
        paths: GeoJSON, GeoPackage, Shapefile or KML.
        time_zone: By whose clocks hours and days go.

    Raises:
        InputFileError: A file cannot be read, a feature has no polygon, or its properties do not fit.
    """
    found = [one for path in paths for one in _read(path)]
    return Airspace(
        zones=tuple(one for one in found if isinstance(one, AirZone)),
        approvals=tuple(one for one in found if isinstance(one, Approval)),
        time_zone=time_zone or ZoneInfo("Asia/Shanghai"),
    )


def _read(path: Path) -> Iterator[AirZone | Approval]:
    for layer in read_layers(path):
        source = crs_of(layer, None)
        for number, (record, geometry) in enumerate(zip(layer.records, layer.geometries, strict=True), start=1):
            place = f"feature {number}"
            if geometry is None:
                raise _refusal(path, place, layer.unreadable.get(number, "it has no geometry"))
            ground = _checked(path, place, shapely.transform(geometry, source.lonlat_from))
            yield _one(path, place, record, ground)


def _checked(path: Path, place: str, ground: BaseGeometry) -> BaseGeometry:
    def refuse(problem: str, remedy: str) -> InputFileError:
        return InputFileError(path=path, place=place, problem=problem, remedy=remedy)

    check_coordinates(ground, refuse)
    if ground.geom_type not in ("Polygon", "MultiPolygon"):
        raise refuse(f"it is a {ground.geom_type}", "Draw it as a polygon")
    if not ground.is_valid:
        # What the law means by a crossed outline is for nobody here to say.
        raise refuse(f"its outline cannot be used ({shapely.is_valid_reason(ground)})", "Draw it again")
    return ground


def _one(path: Path, place: str, record: Mapping[str, Any], ground: BaseGeometry) -> AirZone | Approval:
    told = {name: value for name, value in record.items() if value is not None}
    try:
        if told.get("kind") == "approval":
            return _approval(_ApprovalTable.model_validate(told), ground)
        return _zone(_ZoneTable.model_validate(told), ground)
    except ValidationError as error:
        first = error.errors()[0]
        where = " > ".join((place, *(str(part) for part in first["loc"])))
        missing = first["type"] == "missing"
        instead = "" if missing else f", not {first.get('input')!r:.60}"
        problem = "it is missing" if missing else first["msg"].removeprefix("Value error, ").lower()
        raise _refusal(path, where, f"{problem}{instead}") from error
    except ValueError as error:
        raise _refusal(path, place, str(error)) from error


def _refusal(path: Path, place: str, problem: str) -> InputFileError:
    return InputFileError(path=path, place=place, problem=problem, remedy=_REMEDY)


def _hours(told: object) -> object:
    if told is None:
        return None
    matched = _HOURS.fullmatch(told) if isinstance(told, str) else None
    if matched is None:
        raise ValueError("hours are written like 08:00-18:00")
    begins, ends = (time.max if part == "24:00" else time.fromisoformat(part) for part in matched.groups())
    return Hours(begins=begins, ends=ends)


def _listed(told: object) -> object:
    """Formats without lists have mon,tue."""
    return [part.strip() for part in told.split(",")] if isinstance(told, str) else told


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, arbitrary_types_allowed=True)


class _ZoneTable(_Table):
    kind: Literal["no_fly", "controlled"]
    name: str = Field(min_length=1)
    floor_m: float = 0.0
    ceiling_m: float | None = None
    heights_above: Literal["agl", "msl"] = "agl"
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    hours: Annotated[Hours | None, BeforeValidator(_hours)] = None
    weekdays: Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], BeforeValidator(_listed)] = []


class _ApprovalTable(_Table):
    kind: Literal["approval"]
    id: str = Field(min_length=1)
    begins: datetime = Field(alias="from")
    ends: datetime = Field(alias="until")
    ceiling_m: float


def _zone(table: _ZoneTable, ground: BaseGeometry) -> AirZone:
    times = Times(
        hours=table.hours,
        weekdays=frozenset(WEEKDAYS.index(day) for day in table.weekdays),
        first_day=table.begins,
        last_day=table.ends,
    )
    return AirZone(
        kind=table.kind,
        name=table.name,
        ground=ground,
        floor_m=table.floor_m,
        ceiling_m=math.inf if table.ceiling_m is None else table.ceiling_m,
        heights_above=table.heights_above,
        times=None if times.is_always else times,
    )


def _approval(table: _ApprovalTable, ground: BaseGeometry) -> Approval:
    return Approval(id=table.id, ground=ground, begins_at=table.begins, ends_at=table.ends, ceiling_m=table.ceiling_m)
