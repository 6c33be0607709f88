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

from flightplan.airspace.names import OURS, misnamed
from flightplan.airspace.zones import Airspace, AirZone, Approval
from flightplan.errors import InputFileError
from flightplan.ground.geojson_shapes import lonlat_problem
from flightplan.ground.meridian import REMEDY, crosses_180
from flightplan.property_names import named_as_ours
from flightplan.times import WEEKDAYS, Hours, Times
from geo.zones.crs import crs_of
from geo.zones.features import check_coordinates
from geo.zones.layers import read_layers

_REMEDY = "Compare with docs/rules.md"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
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
            ground = checked_shape(path, place, shapely.transform(geometry, source.lonlat_from))
            if ground.geom_type not in ("Polygon", "MultiPolygon"):
                raise InputFileError(
                    path=path, place=place, problem=f"it is a {ground.geom_type}", remedy="Draw it as a polygon"
                )
            yield _one(path, place, record, ground)


def checked_shape(path: Path, place: str, ground: BaseGeometry) -> BaseGeometry:
    """A feature's shape, degrees.

    Raises:
        InputFileError: It is empty, no place on the earth, across the 180° meridian, or crosses itself.
    """

    def refuse(problem: str, remedy: str) -> InputFileError:
        return InputFileError(path=path, place=place, problem=problem, remedy=remedy)

    for lon, lat in shapely.get_coordinates(ground).tolist():
        problem = lonlat_problem(lon, lat)
        if problem is not None:
            raise refuse(*problem)
    check_coordinates(ground, refuse)
    if crosses_180(ground):
        raise refuse("it is drawn across the 180° meridian", REMEDY)
    if not ground.is_valid:
        # What the law means by a crossed outline is for nobody here to say.
        raise refuse(f"its outline cannot be used ({shapely.is_valid_reason(ground)})", "Draw it again")
    return ground


def _one(path: Path, place: str, record: Mapping[str, Any], ground: BaseGeometry) -> AirZone | Approval:
    told = named_as_ours(record, OURS)
    wrong = misnamed(told)
    if wrong is not None:
        raise _refusal(path, f"{place} > {wrong[0]:.40}", wrong[1])
    try:
        if told.get("kind") == "approval":
            return _approval(_ApprovalTable.model_validate(told), ground)
        return _zone(_ZoneTable.model_validate(told), ground)
    except ValidationError as error:
        first = error.errors()[0]
        where = " > ".join((place, *(str(part) for part in first["loc"])))
        missing = first["type"] == "missing"
        instead = "" if missing else f", not {first.get('input')!r:.60}"
        problem = "it is missing" if missing else _small(first["msg"].removeprefix("Value error, "))
        raise _refusal(path, where, f"{problem}{instead}") from error
    except ValueError as error:
        raise _refusal(path, place, str(error)) from error


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]


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


def _day(told: object) -> object:
    if told is None:
        return None
    # Nothing is made of numbers: they would be seconds since 1970.
    if not (isinstance(told, str) and _DAY.fullmatch(told)):
        raise ValueError("days are written like 2026-11-23")
    return date.fromisoformat(told)


def _moment(told: object) -> object:
    if not (isinstance(told, str) and _DAY.match(told)):
        raise ValueError("times are written like 2026-11-23T08:00+08:00")
    return datetime.fromisoformat(told)


def _metres(told: object) -> object:
    """A number; formats without numbers have texts of them."""
    if isinstance(told, bool):
        raise ValueError("this is no number of metres")
    return told


def _listed(told: object) -> object:
    """Formats without lists have mon,tue."""
    return [part.strip() for part in told.split(",")] if isinstance(told, str) else told


_Day = Annotated[date | None, BeforeValidator(_day)]
_Moment = Annotated[datetime, BeforeValidator(_moment)]
_Metres = Annotated[float, BeforeValidator(_metres)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, arbitrary_types_allowed=True)


class _ZoneTable(_Table):
    kind: Literal["no_fly", "controlled"]
    name: str = Field(min_length=1)
    floor_m: _Metres = 0.0
    ceiling_m: _Metres | None = None
    heights_above: Literal["agl", "msl"] = "agl"
    begins: _Day = Field(default=None, alias="from")
    ends: _Day = Field(default=None, alias="until")
    hours: Annotated[Hours | None, BeforeValidator(_hours)] = None
    weekdays: Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], BeforeValidator(_listed)] = []


class _ApprovalTable(_Table):
    kind: Literal["approval"]
    id: str = Field(min_length=1)
    begins: _Moment = Field(alias="from")
    ends: _Moment = Field(alias="until")
    ceiling_m: _Metres


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
