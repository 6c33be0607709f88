"""Poses as a table: what any other telemetry can be written as.

Columns by name, in any order: `time_s` (seconds of the video, or since the first pose) or `time_utc` (ISO 8601 with its
zone), `lon`, `lat` (degrees, WGS 84), `alt_m`, `alt_datum` (home, msl or ellipsoid), `heading_deg`, `pitch_deg`,
`roll_deg`; empty where unknown. Other columns are left alone. This table is ours, so a row that is wrong is refused.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast, get_args

from geo.errors import InputFileError
from geo.pose import AltitudeDatum, PoseSigmas
from geo.telemetry.entry import Entry
from geo.telemetry.reading import Clock, TelemetryReading
from geo.telemetry.recorded import RecordedTelemetry
from geo.telemetry.screening import Account, rising
from geo.telemetry.table import Row, Table, decoded, read_table

COLUMNS = ("lon", "lat", "alt_m", "alt_datum", "heading_deg", "pitch_deg", "roll_deg")
"""What is written after the time."""
_NEEDED = ("lon", "lat", "alt_m", "alt_datum")
_ANGLES = ("heading_deg", "pitch_deg", "roll_deg")
_GPS_ALTITUDE_SIGMA_M = 10.0
_REMEDY = "Give the columns time_s or time_utc, lon, lat, alt_m, alt_datum, heading_deg, pitch_deg, roll_deg"

_PROBLEMS = {
    "bearing_unknown": "rows without heading or pitch: nothing is located there",
    "no_altitude": "rows without altitude: nothing is located there",
    "clock_jumps": "times that go back: the longest run of rising ones was used",
}


def read_poses_csv(path: str | Path) -> RecordedTelemetry:
    """Poses of a CSV file; its track has `zero_at` where the table tells `time_utc`, and media time otherwise.

    Raises:
        InputFileError: The file cannot be read, a column is missing, a row cannot be used (the error names it), or no
            row tells a pose with its altitude.
    """
    file = Path(path)
    try:
        text = decoded(file.read_bytes())
    except FileNotFoundError as error:
        raise InputFileError(path=file, problem="no such file", remedy="Check the path") from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputFileError(path=file, problem=problem, remedy="Check the path and its permissions") from error
    if text is None:
        raise InputFileError(path=file, problem="cannot be read as text", remedy=_REMEDY)
    return read_poses_table(file, read_table(file, text)).recorded()


def is_poses(names: Iterable[str]) -> bool:
    """Whether column names are those of a table of poses."""
    return {"lon", "lat"} <= set(names) and bool({"time_s", "time_utc", "alt_datum"} & set(names))


def read_poses_table(path: Path, table: Table) -> TelemetryReading:
    """The poses of a table; in UTC where it tells `time_utc`, on media time otherwise.

    Raises:
        InputFileError: A column is missing, a row cannot be used (the error names it), or there is none.
    """
    columns = table.columns
    absolute = "time_utc" in columns and "time_s" not in columns
    missing = [name for name in ("time_utc" if absolute else "time_s", *_NEEDED) if name not in columns]
    if missing:
        raise InputFileError(path=path, problem=f"no column {', '.join(missing)}", remedy=_REMEDY)
    account = Account()
    entries = [_entry(path, table, row, absolute=absolute) for row in table.rows]
    fixed = [entry for entry in entries if (entry.lon, entry.lat) != (0.0, 0.0)]
    for entry in entries:
        if (entry.lon, entry.lat) == (0.0, 0.0):
            account.drop("no_fix", entry.where)
    zero_at = min((entry.at for entry in fixed if entry.at is not None), default=None) if absolute else None
    if zero_at is not None:
        fixed = [
            replace(entry, time_s=None if entry.at is None else (entry.at - zero_at).total_seconds()) for entry in fixed
        ]
    points = rising(fixed, account)
    if not points:
        raise InputFileError(path=path, problem="no row tells a usable pose", remedy=_REMEDY)
    account.flags["bearing_unknown"] = sum(not point.has_bearing for point in points)
    account.flags["no_altitude"] = sum(point.alt_m is None for point in points)
    clock: Clock = "utc" if zero_at is not None else "media"
    return TelemetryReading(
        path=path,
        family="poses_csv",
        dialect="poses_csv",
        points=points,
        entries=len(entries),
        dropped=account.dropped,
        first_dropped=account.first,
        flags=account.raised,
        problems=account.problems(_PROBLEMS),
        clock=clock,
        zero_at=zero_at,
        recognised=tuple(name for name in columns if name in {"time_s", "time_utc", *COLUMNS}),
        not_recognised=tuple(name for name in columns if name not in {"time_s", "time_utc", *COLUMNS}),
    )


def poses_csv_text(reading: TelemetryReading) -> str:
    """The points as such a table: `time_utc` where the moments are known, `time_s` otherwise; empty where unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("time_utc" if reading.clock == "utc" else "time_s", *COLUMNS))
    for point in reading.points:
        place = (_written(point.lon, 9), _written(point.lat, 9), _written(point.alt_m, 4), point.alt_datum or "")
        angles = (_written(point.heading_deg, 5), _written(point.pitch_deg, 5), _written(point.roll_deg, 5))
        writer.writerow((_written_time(point, reading), *place, *angles))
    return out.getvalue()


def _written(value: float | None, decimals: int) -> str:
    if value is None:
        return ""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _written_time(point: Entry, reading: TelemetryReading) -> str:
    if reading.clock != "utc":
        return _written(point.time_s, 6)
    assert reading.zero_at is not None
    if point.time_s is None:
        return ""
    moment = reading.zero_at + timedelta(seconds=point.time_s)
    # Always to the microsecond: many readers of dates want every row written the same way.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entry(path: Path, table: Table, row: Row, *, absolute: bool) -> Entry:
    moment = _moment(path, row) if absolute else None
    time_s = None if absolute else _number(path, table, row, "time_s")
    lon, lat = _needed(path, table, row, "lon"), _needed(path, table, row, "lat")
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise _refuse(path, row, f"lon {lon}, lat {lat} is no place on the earth", "Correct the row")
    alt_m = _number(path, table, row, "alt_m")
    datum = row.cells.get("alt_datum", "")
    if (datum or alt_m is not None) and datum not in get_args(AltitudeDatum):
        raise _refuse(path, row, f"alt_datum is {datum!r}", "Write home, msl or ellipsoid")
    heading, pitch, roll = (_number(path, table, row, name) for name in _ANGLES)
    sigmas = PoseSigmas() if datum == "home" else replace(PoseSigmas(), height_m=_GPS_ALTITUDE_SIGMA_M)
    return Entry(
        where=f"line {row.line}",
        time_s=time_s,
        at=moment,
        lon=lon,
        lat=lat,
        alt_m=alt_m,
        alt_datum=None if alt_m is None else cast("AltitudeDatum", datum),
        heading_deg=heading,
        pitch_deg=pitch,
        roll_deg=roll,
        sigmas=sigmas,
        heading_source="gimbal" if heading is not None and pitch is not None else "none",
    )


def _needed(path: Path, table: Table, row: Row, name: str) -> float:
    value = _number(path, table, row, name)
    if value is None:
        raise _refuse(path, row, f"{name} is empty", "Correct the row")
    return value


def _number(path: Path, table: Table, row: Row, name: str) -> float | None:
    text = row.cells.get(name, "")
    value = table.number(row, name) if text else None
    if value is not None and not math.isfinite(value):
        words = (
            "is not finite" if text.lower().lstrip("+-") in ("nan", "inf", "infinity") else f"is {text!r}, no number"
        )
        raise _refuse(path, row, f"{name} {words}", "Correct the row")
    return value


def _moment(path: Path, row: Row) -> datetime | None:
    text = row.cells.get("time_utc", "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _refuse(path, row, f"time_utc is {text!r}, no moment", "Write it as 2026-07-01T02:03:04.5Z") from error
    if moment.tzinfo is None:
        raise _refuse(path, row, "time_utc has no zone", "End it with Z for UTC, or with its offset")
    return moment.astimezone(UTC)


def _refuse(path: Path, row: Row, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path=path, place=f"line {row.line}", problem=problem, remedy=remedy)
