"""MAVLink telemetry logs (.tlog): positions of the aircraft, and the camera's attitude where a gimbal tells it.

Messages are put in time by the autopilot's own clock, and that into UTC by what its GPS says (SYSTEM_TIME); only where
it says nothing the ground station's stamps are believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from geo.errors import InputFileError
from geo.telemetry.entry import Entry
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.screening import UNMANNED_M_S, Account, placed, rising, without_strays
from geo.telemetry.tlog_frames import Stamped, Tally, messages_in
from geo.telemetry.tlog_gimbal import ATTITUDE, GIMBAL_MESSAGES, Gimbal, fixed_to_aircraft, gimbal_of
from geo.telemetry.tlog_shots import SHOTS, Log, entry_at, heights_of, shots_in

Floats = npt.NDArray[np.float64]

_POSITION, _CLOCK = "GLOBAL_POSITION_INT", "SYSTEM_TIME"
_FIXES = frozenset({"GPS_RAW_INT", "GPS2_RAW"})
_WANTED = frozenset({_POSITION, _CLOCK, ATTITUDE, *_FIXES, *SHOTS, *(kind.name for kind in GIMBAL_MESSAGES)})
_LEAST_FIX = 2
# A GPS that never had a fix tells a year before this.
_FIRST_S = datetime(2005, 1, 1, tzinfo=UTC).timestamp()
_SAME_CLOCK_S = 2.0
# Times above this are microseconds since 1970, below it since the autopilot was switched on.
_SINCE_1970_US = 1e15

_PROBLEMS = {
    "bearing_unknown": "{count} positions without the camera's attitude (no gimbal messages near them): nothing is "
    "located there; the aircraft's own attitude does not say where its camera looks",
    "gps_clock_unknown": "the autopilot's GPS tells no time: the ground station's clock was taken",
    "log_clock_differs": "the ground station's clock and the GPS are {count:.0f} s apart: the GPS was believed",
    "several_vehicles": "{count} positions are of other vehicles in the same log: the one with the most was used",
    "damaged": "{count} packets have a wrong checksum and were not used",
    "stray_bytes": "{count} bytes are no record of a log; they were passed over",
    "clock_jumps": "the autopilot's clock started again {count} times: the longest run was used",
    "position_jumps": "the position jumps faster than an aircraft flies, {count} times",
    "shot_angles_of_platform": "CAMERA_FEEDBACK tells the aircraft's angles, or nothing shows that they are the "
    "camera's: they were not used",
}


def read_tlog(path: Path, data: bytes, *, mount_deg: tuple[float, float, float] | None = None) -> TelemetryReading:
    """The poses of a log, in UTC.

    Args:
        path: The file, for errors.
        data: Its bytes.
        mount_deg: Heading, pitch and roll of a camera that is fixed to the aircraft, relative to it; None believes
            gimbal messages alone.

    Raises:
        InputFileError: Not one message tells a usable position.
    """
    tally, account = Tally(), Account()
    everything = list(messages_in(data, _WANTED, tally))
    system = _busiest(everything, account)
    own = [one for one in everything if one.system == system]
    log = _in_time(own, account)
    if mount_deg is None:
        gimbal = gimbal_of(log.messages, _headings(log))
    else:
        gimbal = fixed_to_aircraft(log.messages, mount_deg)
    entries = _entries(log, account)
    shots = shots_in(log, account)
    source = _POSITION
    if not entries and shots:
        entries, shots, source = shots, [], "CAMERA_FEEDBACK"
    points = without_strays(rising(placed(entries, account), account), account, fastest_m_s=UNMANNED_M_S)
    if not points:
        reasons = account.reasons or f"no {_POSITION}"
        raise InputFileError(
            path=path,
            problem=f"none of its {tally.records} records gives a usable position ({reasons})",
            remedy="Give the log of a flight with a GPS fix",
        )
    points, zero_at = _from_zero(_looking(points, gimbal), log.zero_s)
    account.flags["bearing_unknown"] = sum(not point.has_bearing for point in points)
    account.flags.update(damaged=tally.damaged, stray_bytes=tally.stray_bytes)
    pictures, _ = _from_zero(_looking(placed(shots, Account()), gimbal), log.zero_s, zero_at)
    names = {one.name for one in own}
    return TelemetryReading(
        path=path,
        family="tlog",
        dialect="mavlink" + ("" if gimbal is None else f"_{gimbal.name.lower()}"),
        points=points,
        entries=len(entries) + account.dropped["other_vehicle"],
        dropped=account.dropped,
        first_dropped=account.first,
        flags=account.raised,
        problems=account.problems(_PROBLEMS),
        clock="utc",
        zero_at=zero_at,
        recognised=(source, *sorted(names - {source})),
        pictures=pictures,
    )


def _busiest(messages: Sequence[Stamped], account: Account) -> int | None:
    """The vehicle that tells the most positions."""
    told: dict[int, int] = {}
    for one in messages:
        if one.name == _POSITION or one.name in SHOTS:
            told[one.system] = told.get(one.system, 0) + 1
    if not told:
        return None
    system = max(told, key=lambda each: told[each])
    others = sum(told.values()) - told[system]
    account.flags["several_vehicles"] = others
    account.dropped["other_vehicle"] = others
    return system


def _in_time(messages: Sequence[Stamped], account: Account) -> Log:
    """Messages on the autopilot's clock; those without a time of their own by the ground station's stamp."""
    booted = [(one.message.time_boot_ms / 1000, one) for one in messages if hasattr(one.message, "time_boot_ms")]
    behind_s = median([one.stamp_s - time_s for time_s, one in booted]) if booted else 0.0
    gps = [
        one.message.time_unix_usec / 1e6 - time_s
        for time_s, one in booted
        if one.name == _CLOCK and one.message.time_unix_usec / 1e6 > _FIRST_S
    ]
    zero_s = median(gps) if gps else behind_s
    if not gps:
        account.flags["gps_clock_unknown"] = 1
    elif abs(zero_s - behind_s) > _SAME_CLOCK_S:
        account.flags["log_clock_differs"] = max(round(abs(zero_s - behind_s)), 1)
    timed = [(_time_s(one, behind_s, zero_s), one) for one in messages]
    return Log(messages=timed, zero_s=zero_s)


def _time_s(one: Stamped, behind_s: float, zero_s: float) -> float:
    if hasattr(one.message, "time_boot_ms"):
        return float(one.message.time_boot_ms) / 1000
    if one.name == "CAMERA_FEEDBACK" and one.message.time_usec:
        told_us = float(one.message.time_usec)
        return told_us / 1e6 - zero_s if told_us > _SINCE_1970_US else told_us / 1e6
    return one.stamp_s - behind_s


def _headings(log: Log) -> tuple[Floats, Floats]:
    """The aircraft's headings: times and degrees, times rising."""
    told = sorted({time_s: math.degrees(one.message.yaw) for time_s, one in log.named(ATTITUDE)}.items())
    if not told:
        told = sorted(
            {t: one.message.hdg / 100 for t, one in log.named(_POSITION) if one.message.hdg <= 36_000}.items()
        )
    return np.array([time_s for time_s, _ in told]), np.array([heading for _, heading in told])


def _entries(log: Log, account: Account) -> list[Entry]:
    """The positions, those while a receiver has no fix left out."""
    entries = []
    fixes: dict[str, int] = {}
    number = 0
    for time_s, one in log.messages:
        if one.name in _FIXES:
            fixes[one.name] = one.message.fix_type
        if one.name != _POSITION:
            continue
        number += 1
        if fixes and max(fixes.values()) < _LEAST_FIX:
            # The filter's own guess, without any satellite behind it.
            entries.append(Entry(where=f"position {number}", time_s=time_s, lon=0.0, lat=0.0))
            continue
        message = one.message
        entries.append(entry_at(f"position {number}", time_s, (message.lon, message.lat), heights_of(message)))
    return entries


def _from_zero(points: Sequence[Entry], zero_s: float, zero_at: datetime | None = None) -> tuple[list[Entry], datetime]:
    """Points with moments, their times counted from the first of them (or from `zero_at`)."""
    if zero_at is None:
        first_s = min((point.time_s for point in points if point.time_s is not None), default=0.0)
        zero_at = datetime.fromtimestamp(zero_s + first_s, UTC)
    moved_s = zero_at.timestamp() - zero_s
    moved = []
    for point in points:
        time_s = (point.time_s or 0.0) - moved_s
        moved.append(replace(point, time_s=round(time_s, 6) + 0.0, at=zero_at + timedelta(seconds=time_s)))
    return moved, zero_at


def _looking(points: Sequence[Entry], gimbal: Gimbal | None) -> list[Entry]:
    """Points, on the autopilot's clock, with the camera's attitude where it is told near them."""
    if gimbal is None or not points:
        return list(points)
    looks_deg = gimbal.look_deg(np.array([point.time_s for point in points], dtype=np.float64))
    return [
        point
        if math.isnan(look[0]) or point.has_bearing
        else replace(
            point,
            heading_deg=float(look[0]),
            pitch_deg=float(look[1]),
            roll_deg=float(look[2]),
            heading_source="gimbal",
        )
        for point, look in zip(points, looks_deg, strict=True)
    ]
