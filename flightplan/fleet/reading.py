"""Reading `fleet.yaml`: whatever does not fit is refused with file, line and remedy."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic import Field as Key

from flightplan.errors import InputFileError
from flightplan.fleet.model import Curfew, Dock, DroneModel, Fleet
from flightplan.times import WEEKDAYS, Hours
from geo.camera import camera_by_name
from geo.errors import UnknownCamera

_REMEDY = "Compare with the example in docs/fleet.md"
_MOST_BYTES = 8_000_000
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


def read_fleet(path: Path) -> Fleet:
    """Read a fleet: docks, drones, hours and curfews.

    Raises:
        InputFileError: The file cannot be read, is not YAML of that shape, or says what cannot be; names the line.
    """
    node = _composed(path)
    _refuse_twice(path, node)
    # Everything as it is written: YAML makes 510 of 08:30 and 8 of 010, and dates that cannot be break it.
    loader = yaml.BaseLoader("")
    try:
        told = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise _unreadable(path, error) from error
    except RecursionError as error:
        raise InputFileError(path=path, problem="it is nested too deeply for a fleet", remedy=_REMEDY) from error
    finally:
        loader.dispose()
    try:
        table = _FleetTable.model_validate(told)
    except ValidationError as error:
        # A key that is not known is most often the misspelt one that is missing, too.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = " > ".join(str(part) for part in first["loc"])
        problem = f"{place}: {_in_words(first['msg'], first.get('input'))}" if place else _in_words(first["msg"], told)
        raise InputFileError(path=path, place=_line(node, first["loc"]), problem=problem, remedy=_REMEDY) from error
    return _Builder(path, node).fleet(table)


def _composed(path: Path) -> yaml.Node | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputFileError(path=path, problem="the file is too large for a fleet", remedy=_REMEDY)
        return yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except yaml.MarkedYAMLError as error:
        raise _unreadable(path, error) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputFileError(path=path, problem=f"it cannot be read as YAML ({error})", remedy=_REMEDY) from error


def _refuse_twice(path: Path, node: yaml.Node | None) -> None:
    """A key that is given twice in one table would lose one of its values without a word."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            known: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in known:
                    place = f"line {key.start_mark.line + 1}"
                    raise InputFileError(
                        path=path,
                        place=place,
                        problem=f"the key {name!r:.40} is given twice",
                        remedy="Keep one of them",
                    )
                known.add(name)
                waiting.append(value)


def _unreadable(path: Path, error: yaml.MarkedYAMLError) -> InputFileError:
    place = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
    return InputFileError(path=path, place=place, problem=f"this is no YAML ({error.problem})", remedy=_REMEDY)


def _line(node: yaml.Node | None, loc: Sequence[int | str]) -> str:
    """The line of what a path of keys and numbers leads to, or of the last thing on the way that is there."""
    mark = None if node is None else node.start_mark
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            mark, node = found[0].start_mark, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    return "" if mark is None else f"line {mark.line + 1}"


def _in_words(message: str, told: object) -> str:
    match message:
        case "Field required":
            return "it is missing"
        case "Extra inputs are not permitted":
            return "this key is not known"
        case _:
            return f"{message.removeprefix('Value error, ').lower()}, not {reprlib.repr(told)}"


def _clock(told: object) -> object:
    """A clock time as it is written, 24:00 for the end of the day."""
    if told == "24:00":
        return time.max
    if not isinstance(told, str) or not _CLOCK.fullmatch(told):
        raise ValueError("a time is written like 08:30")
    return f"{told:0>5}"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


_Clock = Annotated[time, BeforeValidator(_clock)]
_Text = Annotated[str, Key(min_length=1)]


class _HoursTable(_Table):
    begins: _Clock
    ends: _Clock


class _CurfewTable(_Table):
    begins: _Clock | None = None
    ends: _Clock | None = None
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    first_day: date | None = None
    last_day: date | None = None
    why: str = ""


class _DroneTable(_Table):
    camera: str = "generic-84dfov"
    speed_m_s: float = 15.0
    endurance_min: float
    reserve: float = 0.25
    charge_min: float
    swap_min: float = 2.0
    max_range_km: float = 10.0
    wind_limit_m_s: float = 12.0


class _DockTable(_Table):
    name: _Text
    lon: float
    lat: float
    alt_msl_m: float | None = None
    drone: _Text
    drones: int = 1


class _FleetTable(_Table):
    time_zone: str = "Asia/Shanghai"
    hours: list[_HoursTable] = []
    curfews: list[_CurfewTable] = []
    drones: dict[_Text, _DroneTable]
    docks: list[_DockTable]


class _Builder:
    """Makes a fleet of its tables; what its own types refuse gets the line it stands on."""

    def __init__(self, path: Path, node: yaml.Node | None) -> None:
        self._path = path
        self._node = node

    def fleet(self, table: _FleetTable) -> Fleet:
        drones = {name: self._drone(name, told) for name, told in table.drones.items()}
        try:
            return Fleet(
                docks=tuple(self._dock(number, told, drones) for number, told in enumerate(table.docks)),
                hours=tuple(self._hours(("hours", number), told) for number, told in enumerate(table.hours)),
                curfews=tuple(self._curfew(number, told) for number, told in enumerate(table.curfews)),
                time_zone=self._zone(table.time_zone),
                source=str(self._path),
            )
        except ValueError as error:
            raise self._refusal(("docks",), str(error)) from error

    def _zone(self, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise self._refusal(("time_zone",), f"{name!r} is no time zone", "Write it like Asia/Shanghai") from error

    def _drone(self, name: str, told: _DroneTable) -> DroneModel:
        loc = ("drones", name)
        try:
            camera_by_name(told.camera)
        except UnknownCamera as error:
            raise self._refusal((*loc, "camera"), str(error).rstrip(".")) from error
        try:
            return DroneModel(
                name=name,
                camera=told.camera,
                speed_m_s=told.speed_m_s,
                endurance_s=told.endurance_min * 60,
                reserve=told.reserve,
                charge_s=told.charge_min * 60,
                swap_s=told.swap_min * 60,
                max_range_m=told.max_range_km * 1_000,
                wind_limit_m_s=told.wind_limit_m_s,
            )
        except ValueError as error:
            raise self._refusal(loc, str(error)) from error

    def _dock(self, number: int, told: _DockTable, drones: dict[str, DroneModel]) -> Dock:
        loc = ("docks", number)
        drone = drones.get(told.drone)
        if drone is None:
            remedy = f"Name one of: {', '.join(drones)}"
            raise self._refusal((*loc, "drone"), f"there is no drone {told.drone!r}", remedy)
        try:
            return Dock(
                name=told.name, lon=told.lon, lat=told.lat, alt_msl_m=told.alt_msl_m, drone=drone, drones=told.drones
            )
        except ValueError as error:
            raise self._refusal(loc, str(error)) from error

    def _hours(self, loc: tuple[int | str, ...], told: _HoursTable) -> Hours:
        try:
            return Hours(begins=told.begins, ends=told.ends)
        except ValueError as error:
            raise self._refusal(loc, str(error)) from error

    def _curfew(self, number: int, told: _CurfewTable) -> Curfew:
        loc = ("curfews", number)
        if (told.begins is None) != (told.ends is None):
            raise self._refusal(loc, "hours need both `begins` and `ends`")
        try:
            return Curfew(
                hours=None if told.begins is None or told.ends is None else Hours(begins=told.begins, ends=told.ends),
                weekdays=frozenset(WEEKDAYS.index(day) for day in told.weekdays),
                first_day=told.first_day,
                last_day=told.last_day,
                why=told.why,
            )
        except ValueError as error:
            raise self._refusal(loc, str(error)) from error

    def _refusal(self, loc: Sequence[Any], problem: str, remedy: str = _REMEDY) -> InputFileError:
        return InputFileError(path=self._path, place=_line(self._node, loc), problem=problem, remedy=remedy)
