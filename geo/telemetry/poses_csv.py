"""Poses as a table: what any other telemetry can be written as.

Columns by name, in any order: `time_s` (seconds of the video) or `time_utc` (ISO 8601 with its zone), `lon`, `lat`
(degrees, WGS 84), `alt_m`, `alt_datum` (home, msl or ellipsoid), `heading_deg`, `pitch_deg`, `roll_deg` (empty where
unknown). Other columns are left alone.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from geo.errors import InputFileError
from geo.pose import AltitudeDatum, Pose, PoseSigmas
from geo.pose_track import PoseTrack
from geo.telemetry.recorded import RecordedTelemetry

_NEEDED = ("lon", "lat", "alt_m", "alt_datum")
_ANGLES = ("heading_deg", "pitch_deg", "roll_deg")
_GPS_ALTITUDE_SIGMA_M = 10.0
_REMEDY = "Give the columns time_s or time_utc, lon, lat, alt_m, alt_datum, heading_deg, pitch_deg, roll_deg"


def read_poses_csv(path: str | Path) -> RecordedTelemetry:
    """Poses of a CSV file; its track has `zero_at` where the table tells `time_utc`, and media time otherwise.

    Raises:
        InputFileError: The file cannot be read, a column is missing, a row cannot be used (the error names it), or the
            rows do not rise in time.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=file, problem="no such file", remedy="Check the path") from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputFileError(path=file, problem=problem, remedy="Check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise InputFileError(path=file, problem=f"cannot be read as text ({error})", remedy=_REMEDY) from error
    rows = csv.DictReader(text.splitlines())
    columns = rows.fieldnames or ()
    absolute = "time_utc" in columns and "time_s" not in columns
    missing = [name for name in ("time_utc" if absolute else "time_s", *_NEEDED) if name not in columns]
    if missing:
        raise InputFileError(path=file, problem=f"no column {', '.join(missing)}", remedy=_REMEDY)
    return _telemetry(file, rows, absolute=absolute)


def _telemetry(file: Path, rows: Iterable[Mapping[str, str | None]], *, absolute: bool) -> RecordedTelemetry:
    times: list[float] = []
    poses: list[Pose] = []
    zero_at: datetime | None = None
    dropped: Counter[str] = Counter()
    for number, row in enumerate(rows, start=2):
        moment = _moment(file, number, row) if absolute else None
        zero_at = zero_at or moment
        time_s = (moment - zero_at).total_seconds() if moment and zero_at else _number(file, number, row, "time_s")
        if times and time_s <= times[-1]:
            dropped["repeated_time" if time_s == times[-1] else "backward_time"] += 1
            continue
        place = _number(file, number, row, "lon"), _number(file, number, row, "lat")
        if place == (0.0, 0.0):
            dropped["no_fix"] += 1
            continue
        times.append(time_s)
        poses.append(_pose(file, number, row, place, moment))
    if not poses:
        raise InputFileError(path=file, problem="no row tells a usable pose", remedy=_REMEDY)
    try:
        track = PoseTrack(times_s=times, poses=poses, zero_at=zero_at)
    except ValueError as error:
        raise InputFileError(path=file, problem=str(error), remedy=_REMEDY) from error
    known = all(pose.has_bearing for pose in poses)
    return RecordedTelemetry(
        track=track,
        dialect="poses_csv",
        entries=len(poses) + sum(dropped.values()),
        dropped=dropped,
        flags=() if known else ("bearing_unknown",),
        problems=() if known else ("rows without heading or pitch: nothing is located there",),
    )


def _pose(
    file: Path, number: int, row: Mapping[str, str | None], place: tuple[float, float], at: datetime | None
) -> Pose:
    datum = (row["alt_datum"] or "").strip()
    if datum not in get_args(AltitudeDatum):
        raise _refuse(file, number, f"alt_datum is {datum!r}", "Write home, msl or ellipsoid")
    heading, pitch, roll = (_number(file, number, row, name) if row.get(name) else None for name in _ANGLES)
    bearing = heading is not None and pitch is not None
    sigmas = PoseSigmas() if datum == "home" else replace(PoseSigmas(), height_m=_GPS_ALTITUDE_SIGMA_M)
    try:
        return Pose(
            at=at,
            lon=place[0],
            lat=place[1],
            alt_m=_number(file, number, row, "alt_m"),
            alt_datum=cast("AltitudeDatum", datum),
            heading_deg=heading if bearing else None,
            pitch_deg=pitch if bearing else None,
            roll_deg=roll if bearing else None,
            sigmas=sigmas,
            heading_source="gimbal" if bearing else "none",
        )
    except ValueError as error:
        raise _refuse(file, number, str(error), "Correct the row") from error


def _number(file: Path, number: int, row: Mapping[str, str | None], name: str) -> float:
    try:
        value = float(row[name] or "")
    except ValueError as error:
        raise _refuse(file, number, f"{name} is {row[name]!r}, no number", "Correct the row") from error
    if not math.isfinite(value):
        raise _refuse(file, number, f"{name} is not finite", "Correct the row")
    return value


def _moment(file: Path, number: int, row: Mapping[str, str | None]) -> datetime:
    try:
        moment = datetime.fromisoformat((row["time_utc"] or "").strip())
    except ValueError as error:
        problem = f"time_utc is {row['time_utc']!r}, no moment"
        raise _refuse(file, number, problem, "Write it as 2026-07-01T02:03:04.5Z") from error
    if moment.tzinfo is None:
        raise _refuse(file, number, "time_utc has no zone", "End it with Z for UTC, or with its offset")
    return moment.astimezone(UTC)


def _refuse(file: Path, number: int, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path=file, place=f"line {number}", problem=problem, remedy=remedy)
