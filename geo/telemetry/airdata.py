"""Flight logs as Airdata exports them: ten rows a second, metres or feet by the column's name, UTC to the second only.

The moment of each row is `datetime(utc)` where the second turns, counted on by `time(millisecond)`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from geo.errors import InputFileError
from geo.pose import PoseSigmas
from geo.telemetry.entry import Entry
from geo.telemetry.reading import Clock, TelemetryReading
from geo.telemetry.screening import Account, placed, rising, without_strays
from geo.telemetry.table import Row, Table

_METRES = {"feet": 0.3048, "ft": 0.3048, "meters": 1.0, "metres": 1.0, "m": 1.0}
_PLATFORM_HEADING_SIGMA_DEG = 5.0

# What a column is called, without its unit, and what that is here.
_LENGTHS = {
    "height_above_takeoff": "home_m",
    "altitude_above_sealevel": "msl_m",
}
_ANGLES = {
    "gimbal_heading": "heading_deg",
    "gimbal_pitch": "pitch_deg",
    "gimbal_roll": "roll_deg",
    "compass_heading": "platform_heading_deg",
}
_PLAIN = {"latitude": "lat", "longitude": "lon", "isphoto": "is_photo"}
_TIMES = {"time(millisecond)": "milliseconds", "datetime(utc)": "utc"}
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_NAMED = re.compile(r"^(.*?)\s*\(\s*([^)]*)\s*\)$")
# A date to the second agrees with the milliseconds to one second; more than this means that a clock was set.
_CLOCK_JUMP_S = 2.0
# A flight lasts less than a month; a larger figure is none.
_LONGEST_MS = 31 * 86_400_000.0

_PROBLEMS = {
    "bearing_unknown": "{count} rows tell no gimbal angles: nothing is located there, and no direction is assumed",
    "gimbal_all_zero": "the gimbal's angles are 0 in every row, so they were never measured: taken as unknown",
    "heading_of_platform": "{count} rows tell no gimbal heading: the drone's own was taken, with 5 degrees of error",
    "no_altitude": "{count} rows tell no height",
    "unit_unknown": "{count} columns of heights have a unit that is not known here: they were not read",
    "clock_jumps": "the clock was set {count} times during the flight: moments follow its steadiest part",
    "no_time": "the rows tell no UTC: times are seconds since the first row",
    "position_jumps": "the position jumps faster than a drone flies, {count} times",
    "axes_swapped": "{count} places had longitude and latitude in the other order: turned back",
}


def is_airdata(names: Iterable[str]) -> bool:
    """Whether column names are those of an Airdata flight log."""
    plain = {_plain(name) for name in names}
    return {"latitude", "longitude"} <= plain and bool(plain & _TIMES.keys())


def read_airdata(path: Path, table: Table) -> TelemetryReading:
    """The poses of a flight log; in UTC where it tells it.

    Raises:
        InputFileError: Not one row tells a usable place, or the columns of a time are missing.
    """
    columns, unknown_units = _columns(table.columns)
    account = Account()
    account.flags["unit_unknown"] = unknown_units
    zero_at = _zero_at(table, columns, account)
    entries = [_entry(table, row, columns, zero_at) for row in table.rows]
    entries = _without_empty_gimbal(entries, account)
    points = without_strays(rising(placed(entries, account), account), account)
    if not points:
        raise InputFileError(
            path=path,
            problem=f"not one of its {len(table.rows)} rows tells a usable place ({account.reasons or 'no rows'})",
            remedy="Export the flight from Airdata again, as CSV",
        )
    clock: Clock = "utc" if zero_at is not None else "local"
    account.flags["no_time"] = len(points) if zero_at is None else 0
    account.flags["bearing_unknown"] = sum(not point.has_bearing for point in points)
    account.flags["no_altitude"] = sum(point.alt_m is None for point in points)
    units = {unit for name in table.columns if (unit := _unit(name)) in _METRES}
    return TelemetryReading(
        path=path,
        family="airdata",
        dialect="airdata_" + ("feet" if units & {"feet", "ft"} else "metres"),
        points=points,
        entries=len(table.rows),
        dropped=account.dropped,
        first_dropped=account.first,
        flags=account.raised,
        problems=account.problems(_PROBLEMS),
        clock=clock,
        zero_at=zero_at,
        recognised=tuple(name for name in table.columns if name in columns.values()),
        not_recognised=tuple(name for name in table.columns if name not in columns.values()),
        pictures=[point for point in points if point.extra.get("is_photo", 0) > 0],
    )


def _columns(names: Sequence[str]) -> tuple[dict[str, str], int]:
    """Column name by what it is here, and how many lengths have a unit that nobody knows."""
    columns: dict[str, str] = {}
    unknown = 0
    for name in names:
        plain = _plain(name)
        bare = _NAMED.sub(r"\1", plain)
        if bare in _LENGTHS:
            if _unit(name) not in _METRES:
                unknown += 1
                continue
            columns.setdefault(_LENGTHS[bare], name)
        what = _TIMES.get(plain) or _ANGLES.get(bare) or _PLAIN.get(bare)
        if what is not None:
            columns.setdefault(what, name)
    return columns, unknown


def _plain(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().lower()).replace("_(", "(")


def _unit(name: str) -> str | None:
    found = _NAMED.match(_plain(name))
    return found.group(2) if found else None


def _zero_at(table: Table, columns: dict[str, str], account: Account) -> datetime | None:
    """The moment of 0 ms: each row says it to the second, all of them together to a fraction."""
    if "utc" not in columns:
        return None
    zeros: list[float] = []
    for row in table.rows:
        moment = _moment(row.cells.get(columns["utc"], ""))
        elapsed_ms = table.number(row, columns.get("milliseconds")) if "milliseconds" in columns else 0.0
        if moment is not None and elapsed_ms is not None and abs(elapsed_ms) <= _LONGEST_MS:
            zeros.append(moment.timestamp() - elapsed_ms / 1000)
    if not zeros:
        return None
    if "milliseconds" not in columns:
        return datetime.fromtimestamp(min(zeros), UTC)
    middle = median(zeros)
    account.flags["clock_jumps"] += sum(abs(there - here) > _CLOCK_JUMP_S for here, there in itertools.pairwise(zeros))
    # A date cut to its second lies up to one second early: the latest of the steady ones is nearest to the truth.
    return datetime.fromtimestamp(max(zero for zero in zeros if abs(zero - middle) <= 1.0), UTC)


def _moment(text: str) -> datetime | None:
    for pattern in _DATES:
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _entry(table: Table, row: Row, columns: dict[str, str], zero_at: datetime | None) -> Entry:
    figures = {what: table.number(row, name) for what, name in columns.items() if what != "utc"}
    time_s = _time_s(row, columns, figures, zero_at)
    heights = {}
    for what in ("home_m", "msl_m"):
        value = figures.get(what)
        scale = _METRES.get(_unit(columns.get(what, "")) or "", math.nan)
        heights[what] = None if value is None or not math.isfinite(value) else value * scale
    home_m, msl_m = heights["home_m"], heights["msl_m"]
    flags: tuple[str, ...] = ()
    heading, source = figures.get("heading_deg"), "gimbal"
    pitch = figures.get("pitch_deg")
    sigmas = PoseSigmas()
    if heading is None and pitch is not None and figures.get("platform_heading_deg") is not None:
        heading, source, flags = figures["platform_heading_deg"], "platform", ("heading_of_platform",)
        sigmas = replace(sigmas, heading_deg=_PLATFORM_HEADING_SIGMA_DEG)
    return Entry(
        where=f"line {row.line}",
        time_s=time_s,
        at=None if zero_at is None or time_s is None else zero_at + timedelta(seconds=time_s),
        lon=figures.get("lon"),
        lat=figures.get("lat"),
        alt_m=home_m if home_m is not None else msl_m,
        alt_datum="home" if home_m is not None else "msl" if msl_m is not None else None,
        height_above_home_m=home_m,
        reported_alt_m=msl_m if home_m is not None else None,
        heading_deg=heading,
        pitch_deg=pitch,
        roll_deg=figures.get("roll_deg"),
        heading_source=source,
        sigmas=sigmas,
        flags=flags,
        extra={"is_photo": figures.get("is_photo") or 0.0},
    )


def _time_s(
    row: Row, columns: dict[str, str], figures: dict[str, float | None], zero_at: datetime | None
) -> float | None:
    if "milliseconds" in columns:
        elapsed_ms = figures["milliseconds"]
        return elapsed_ms / 1000 if elapsed_ms is not None and abs(elapsed_ms) <= _LONGEST_MS else None
    moment = _moment(row.cells.get(columns["utc"], ""))
    return None if moment is None or zero_at is None else (moment - zero_at).total_seconds()


def _without_empty_gimbal(entries: list[Entry], account: Account) -> list[Entry]:
    """The same without angles where the gimbal is 0, 0, 0 in every row: an aircraft that tells none."""
    angles = {(entry.heading_deg, entry.pitch_deg, entry.roll_deg) for entry in entries}
    told = {angle for triple in angles for angle in triple if angle is not None}
    pitches = {entry.pitch_deg for entry in entries if entry.pitch_deg is not None}
    if not pitches or pitches != {0.0} or (told != {0.0} and any(e.heading_source == "gimbal" for e in entries)):
        return entries
    account.flags["gimbal_all_zero"] = 1
    return [
        replace(entry, heading_deg=None, pitch_deg=None, roll_deg=None, heading_source="none", flags=())
        for entry in entries
    ]
