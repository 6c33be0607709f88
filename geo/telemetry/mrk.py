"""DJI's .MRK: a line for each photo of a drone with RTK, with the camera's place to centimetres and no angles.

`number  seconds-of-week  [week]  offset,N  offset,E  offset,V  lat,Lat  lon,Lon  height,Ellh  std, std, std  state,Q`.
The place is the camera's: the offsets from the antenna, in millimetres, are in it already. Times are of GPS.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from geo.errors import InputFileError
from geo.pose import PoseSigmas
from geo.telemetry.entry import Entry
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.screening import Account, from_first, placed, rising, without_strays

_NUMBER = r"([+-]?(?:\d+(?:\.\d*)?|\.\d+|nan|inf))"
_WORDS = {"lat": "Lat", "lon": "Lon", "height": "Ellh"}
_FIELDS = {name: re.compile(rf"{_NUMBER}\s*,\s*{word}\b", re.IGNORECASE) for name, word in _WORDS.items()}
_TIME = re.compile(rf"^\s*(\d+)\s+{_NUMBER}\s+\[\s*(\d+)\s*\]")
_STDS = re.compile(rf"{_NUMBER}\s*,\s*{_NUMBER}\s*,\s*{_NUMBER}\s+(\d+)\s*,\s*Q\b", re.IGNORECASE)
_GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
# GPS is ahead of UTC by these seconds from each date on.
_LEAP_SECONDS = (
    (datetime(2017, 1, 1, tzinfo=UTC), 18),
    (datetime(2015, 7, 1, tzinfo=UTC), 17),
    (datetime(2012, 7, 1, tzinfo=UTC), 16),
    (datetime(2009, 1, 1, tzinfo=UTC), 15),
)
_LAST_WEEK = 8000

_STATES = {0: "no_fix", 16: "rtk_single", 50: "rtk_fixed"}
# States between: 32 to 49 are a float solution.
_FLOAT = range(32, 50)

_PROBLEMS = {
    "rtk_single": "{count} places come from a single receiver without corrections: metres, not centimetres",
    "rtk_float": "{count} places come from a float solution: decimetres",
    "bearing_unknown": "the lines tell no angles: nothing can be located, and no direction is assumed",
    "axes_swapped": "{count} places had longitude and latitude in the other order: turned back",
    "clock_jumps": "the time was set back {count} times: the longest run of rising times was used",
    "position_jumps": "the position jumps faster than a drone flies, {count} times",
}


def looks_like_mrk(text: str) -> bool:
    """Whether a text's first lines are those of an .MRK."""
    lines = [line for line in text.splitlines() if line.strip()][:5]
    return any(_TIME.search(line) and ("lat" in line.lower() and "lon" in line.lower()) for line in lines)


def read_mrk(path: Path, text: str) -> TelemetryReading:
    """The places of an .MRK, in UTC.

    Raises:
        InputFileError: Not one line tells a usable place.
    """
    account = Account()
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    entries = [entry for number, line in lines if (entry := _entry(number, line, account)) is not None]
    timed = [replace(entry, time_s=entry.at.timestamp()) for entry in entries if entry.at is not None]
    points, zero_at = from_first(without_strays(rising(placed(timed, account), account), account))
    if not points:
        raise InputFileError(
            path=path,
            place=f"line {lines[0][0]}" if lines else "",
            problem=f"not one of its {len(lines)} lines tells a usable place ({account.reasons})",
            remedy="Copy the .MRK again from the drone's card",
        )
    account.flags["bearing_unknown"] = len(points)
    return TelemetryReading(
        path=path,
        family="dji_mrk",
        dialect="dji_mrk",
        points=points,
        entries=len(lines),
        dropped=account.dropped,
        first_dropped=account.first,
        flags=account.raised,
        problems=account.problems(_PROBLEMS),
        clock="utc",
        zero_at=zero_at,
        recognised=("gps time", *_WORDS.values(), "standard deviations", "Q"),
    )


def _entry(number: int, line: str, account: Account) -> Entry | None:
    time, stds = _TIME.search(line), _STDS.search(line)
    found = {name: field.search(line) for name, field in _FIELDS.items()}
    moment = None if time is None else utc_of_gps(int(time.group(3)), float(time.group(2)))
    if moment is None or found["lon"] is None or found["lat"] is None:
        account.drop("incomplete", f"line {number}")
        return None
    state = int(stds.group(4)) if stds else None
    kind = "rtk_float" if state in _FLOAT else _STATES.get(-1 if state is None else state, "rtk_single")
    if kind == "no_fix":
        account.drop("no_fix", f"line {number}")
        return None
    height = found["height"]
    height_m = math.nan if height is None else float(height.group(1))
    return Entry(
        where=f"line {number}",
        at=moment,
        lon=float(found["lon"].group(1)),
        lat=float(found["lat"].group(1)),
        alt_m=height_m if math.isfinite(height_m) else None,
        alt_datum="ellipsoid" if math.isfinite(height_m) else None,
        heading_source="none",
        sigmas=_sigmas(stds),
        flags=(kind,),
    )


def _sigmas(stds: re.Match[str] | None) -> PoseSigmas:
    """Errors as told, with what the moment of exposure adds; the usual ones where they are not."""
    told = [] if stds is None else [float(part) for part in stds.groups()[:3]]
    if not told or not all(math.isfinite(part) and part > 0 for part in told):
        return PoseSigmas()
    north_m, east_m, height_m = (max(part, 0.05) for part in told)
    return PoseSigmas(north_m=north_m, east_m=east_m, height_m=height_m, common_position_m=min(north_m, east_m))


def utc_of_gps(week: int, seconds: float) -> datetime | None:
    """The moment of a GPS week and its second, aware UTC; None where there is no such moment."""
    if not (0 <= week < _LAST_WEEK and math.isfinite(seconds) and 0 <= seconds < 7 * 86_400 + 1):
        return None
    gps = _GPS_EPOCH + timedelta(weeks=week, seconds=seconds)
    leap_s = next((leap_s for since, leap_s in _LEAP_SECONDS if gps - timedelta(seconds=leap_s) >= since), 14)
    return gps - timedelta(seconds=leap_s)
