"""Photos as one reading, whether their files or a table tell of them: in the order of their times, screened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from geo.errors import InputFileError
from geo.telemetry.entry import Entry
from geo.telemetry.photo import PROBLEMS
from geo.telemetry.reading import Clock, TelemetryReading
from geo.telemetry.screening import Account, from_first, placed, rising, without_strays

_PROBLEMS = {
    **{flag: f"{{count}} photos: {text}" for flag, text in PROBLEMS.items()},
    "turned_half_corrected": "{count} photos are stored upside-down against their own angles: turned back",
    "maybe_turned": "{count} photos may be stored upside-down: their neighbours do not say clearly",
    "roll_unknown": "{count} photos tell no gimbal roll",
    "repeated_time": "{count} photos have the same time as another one: only the first is used",
    "axes_swapped": "{count} places had longitude and latitude in the other order: turned back",
    "position_jumps": "{count} photos lie where no drone could have flown meanwhile",
}


def photo_reading(
    path: Path,
    entries: list[Entry],
    account: Account,
    *,
    family: str,
    dialect: str,
    entries_told: int,
    recognised: tuple[str, ...] = (),
    not_recognised: tuple[str, ...] = (),
    problems: tuple[str, ...] = (),
) -> TelemetryReading:
    """Photos as one reading: in the order of their times, screened.

    Raises:
        InputFileError: Not one tells a usable place.
    """
    points, zero_at = _in_time(placed(entries, account)), None
    timed = [point for point in points if point.time_s is not None]
    clock: Clock = "none"
    if timed:
        points, zero_at = from_first(without_strays(rising(points, account), account))
        account.flags["repeated_time"] = account.dropped["repeated_time"]
        zone_known = not any("time_zone_unknown" in point.flags for point in points)
        clock = "utc" if zone_known else "local"
    if not points:
        raise InputFileError(
            path=path,
            problem=f"not one of its {entries_told} photos tells a usable place ({account.reasons or 'no photos'})",
            remedy="Give photos as the drone wrote them, with GPS",
        )
    flags = account.raised
    told = tuple(_PROBLEMS[flag].format(count=count) for flag, count in flags.items() if flag in _PROBLEMS)
    return TelemetryReading(
        path=path,
        family=family,
        dialect=dialect,
        points=points,
        entries=entries_told,
        dropped=account.dropped,
        first_dropped=account.first,
        flags=flags,
        problems=(*told, *problems),
        clock=clock,
        zero_at=zero_at if clock == "utc" else None,
        recognised=recognised,
        not_recognised=not_recognised,
    )


def _in_time(entries: list[Entry]) -> list[Entry]:
    """Records in the order of their times, in seconds since 1970; those without a time go last, without one."""
    known = sorted(
        (replace(entry, time_s=entry.at.timestamp()) for entry in entries if entry.at is not None),
        key=lambda entry: (entry.time_s or 0.0, entry.where),
    )
    return [*known, *(entry for entry in entries if entry.at is None)]
