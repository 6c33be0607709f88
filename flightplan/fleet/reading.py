"""Reading `fleet.yaml`: whatever does not fit is refused with file, line and remedy."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator
from pydantic import Field as Key

from flightplan.errors import InputFileError
from flightplan.fleet.model import Curfew, Dock, DroneModel, Fleet
from flightplan.times import WEEKDAYS, Hours
from geo.camera import camera_by_name
from geo.errors import UnknownCamera
from geo.table_file import Table, TableFile

_REMEDY = "Compare with the example in docs/fleet.md"
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


def read_fleet(path: Path) -> Fleet:
    """Read a fleet: docks, drones, hours and curfews.

    Raises:
        InputFileError: The file cannot be read, is not YAML of that shape, or says what cannot be; names the line.
    """
    file = TableFile(path, remedy=_REMEDY, raises=InputFileError)
    return _Builder(file, path).fleet(file.model(_FleetTable))


def _clock(told: object) -> object:
    """A clock time as it is written, 24:00 for the end of the day."""
    if told == "24:00":
        return time.max
    if not isinstance(told, str) or not _CLOCK.fullmatch(told):
        raise ValueError("a time is written like 08:30")
    return f"{told:0>5}"


_Clock = Annotated[time, BeforeValidator(_clock)]
_Text = Annotated[str, Key(min_length=1)]


class _HoursTable(Table):
    begins: _Clock
    ends: _Clock


class _CurfewTable(Table):
    begins: _Clock | None = None
    ends: _Clock | None = None
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    why: str = ""


class _DroneTable(Table):
    camera: str = "generic-84dfov"
    speed_m_s: float = 15.0
    endurance_min: float
    reserve: float = 0.25
    charge_min: float
    swap_min: float = 2.0
    max_range_km: float = 10.0
    wind_limit_m_s: float = 12.0


class _DockTable(Table):
    name: _Text
    lon: float
    lat: float
    alt_msl_m: float | None = None
    drone: _Text
    drones: int = 1


class _FleetTable(Table):
    time_zone: str = "Asia/Shanghai"
    hours: tuple[_HoursTable, ...] = ()
    curfews: tuple[_CurfewTable, ...] = ()
    drones: dict[_Text, _DroneTable]
    docks: list[_DockTable]


class _Builder:
    """Makes a fleet of its tables; what its own types refuse gets the line it stands on."""

    def __init__(self, file: TableFile, path: Path) -> None:
        self._file = file
        self._path = path

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
            raise self._file.refusal(("docks",), str(error)) from error

    def _zone(self, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise self._file.refusal(
                ("time_zone",), f"{name!r} is no time zone", "Write it like Asia/Shanghai"
            ) from error

    def _drone(self, name: str, told: _DroneTable) -> DroneModel:
        loc = ("drones", name)
        try:
            camera_by_name(told.camera)
        except UnknownCamera as error:
            raise self._file.refusal((*loc, "camera"), str(error).rstrip(".")) from error
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
            raise self._file.refusal(loc, str(error)) from error

    def _dock(self, number: int, told: _DockTable, drones: dict[str, DroneModel]) -> Dock:
        loc = ("docks", number)
        drone = drones.get(told.drone)
        if drone is None:
            remedy = f"Name one of: {', '.join(drones)}"
            raise self._file.refusal((*loc, "drone"), f"there is no drone {told.drone!r}", remedy)
        try:
            return Dock(
                name=told.name, lon=told.lon, lat=told.lat, alt_msl_m=told.alt_msl_m, drone=drone, drones=told.drones
            )
        except ValueError as error:
            raise self._file.refusal(loc, str(error)) from error

    def _hours(self, loc: tuple[int | str, ...], told: _HoursTable) -> Hours:
        try:
            return Hours(begins=told.begins, ends=told.ends)
        except ValueError as error:
            raise self._file.refusal(loc, str(error)) from error

    def _curfew(self, number: int, told: _CurfewTable) -> Curfew:
        loc = ("curfews", number)
        if (told.begins is None) != (told.ends is None):
            raise self._file.refusal(loc, "hours need both `begins` and `ends`")
        try:
            return Curfew(
                hours=None if told.begins is None or told.ends is None else Hours(begins=told.begins, ends=told.ends),
                weekdays=frozenset(WEEKDAYS.index(day) for day in told.weekdays),
                first_day=told.first_day,
                last_day=told.last_day,
                why=told.why,
            )
        except ValueError as error:
            raise self._file.refusal(loc, str(error)) from error
