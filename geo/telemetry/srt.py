"""DJI subtitle files (.SRT): one record per cue, for the video of the same name.

A cue's start is the media time of its pose. The drone's clock in the text is local time without a zone, so moments are
given as if they were UTC, with the flag `time_zone_unknown`, as for photos. What a cue does not tell is not made up: a
generation without gimbal angles gives poses without a bearing, one without heights gives places without an altitude.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from geo.errors import InputFileError
from geo.frames import METRES_PER_DEGREE
from geo.pose import AltitudeDatum, PoseSigmas
from geo.telemetry.entry import Entry
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.recorded import RecordedTelemetry
from geo.telemetry.screening import Account, rising, without_strays
from geo.telemetry.srt_cues import Cue, on_media_time, read_cues
from geo.telemetry.srt_dialects import CLOCK, FIELDS
from geo.telemetry.srt_points import Point, in_degrees, order_of, points_of, unstepped

_GPS_ALTITUDE_SIGMA_M = 10.0
_REMEDY = "Give the .SRT that the drone wrote, uncut"
# What is written in a file's first cues is written in all of them.
_HEAD = 50

_PROBLEMS = {
    "bearing_unknown": "the cues have no gimbal angles: nothing can be located, and no direction is assumed",
    "no_altitude": "{no_altitude} cues tell no altitude of any kind: nothing can be located there",
    "height_unknown": "the cues tell no height above the take-off point",
    "altitude_datum_unknown": "the altitude does not say from what: it is taken as above sea level, with 10 m of error",
    "axes_swapped": "longitude and latitude were written in the other order than this generation does: turned back",
    "radians": "positions were written in radians, as some firmware does: turned into degrees",
    "position_coarse": "positions have only {decimals} decimals: they are {coarse:.0f} m apart",
    "clock_jumps": "the drone's clock was set during the recording: moments follow its steadiest part",
    "no_cue_times": "the cues have no times: the drone's clock was taken, counted from the first cue",
    "position_jumps": "the position jumps faster than a drone flies, {position_jumps} times",
    "time_zone_unknown": "the time has no zone: it is given as if it were UTC",
    "no_time": "the cues tell no time of day",
    "digital_zoom": "digital zoom up to {zoom:.2f}: the camera's focal length is multiplied by it",
    "dialect_unknown": "this way of writing is not known here: only what its numbers prove was used",
}


def read_srt(path: str | Path) -> RecordedTelemetry:
    """The poses of a DJI subtitle file, on its video's media time.

    Raises:
        InputFileError: The file is missing, empty, no subtitles, or none of its cues tells a usable position with an
            altitude; the error says what was recognised and what was not.
    """
    file = Path(path)
    cues = read_cues(file)
    reading = _reading(file, cues)
    if all(point.alt_m is None for point in reading.points):
        told = [f"{count} {reason.replace('_', ' ')}" for reason, count in reading.dropped.items()]
        raise _nothing_usable(file, cues, ", ".join([*told, f"{len(reading.points)} no altitude"]))
    return reading.recorded()


def read_srt_points(path: Path) -> TelemetryReading:
    """The places of a DJI subtitle file, those without an altitude too.

    Raises:
        InputFileError: The file is missing, empty, no subtitles, or none of its cues tells a place.
    """
    return _reading(path, read_cues(path))


def _reading(file: Path, cues: Sequence[Cue]) -> TelemetryReading:
    account = Account()
    timed = on_media_time(cues, account.flags)
    numbers = {cue.number for cue in timed}
    for cue in cues:
        if cue.number not in numbers:
            account.drop("no_time", f"cue {cue.number}")
    order, dialect = order_of(cues, account.flags)
    points, radians = in_degrees(list(points_of(timed, order, account)))
    if not points:
        raise _nothing_usable(file, cues, account.reasons)
    account.flags["radians"] = len(points) if radians else 0
    decimals = max(point.decimals for point in points)
    coarse_m = METRES_PER_DEGREE * 10.0**-decimals * (math.degrees(1) if radians else 1)
    clock_jumps = account.flags["clock_jumps"]
    entries = rising([_entry(point, coarse_m) for point in points], account)
    entries = unstepped(without_strays(entries, account))
    # Media times that go back are dropped and counted; the flag is about the drone's clock.
    account.flags["clock_jumps"] = clock_jumps
    account.flags["axes_swapped"] += sum(point.swapped for point in points)
    account.flags.update(_counted(entries, coarse_m))
    flags = {flag: account.flags[flag] for flag in _PROBLEMS if account.flags[flag]}
    figures = {"decimals": decimals, "coarse": coarse_m, "zoom": max(entry.zoom for entry in entries)} | flags
    recognised = _recognised(cues)
    return TelemetryReading(
        path=file,
        family="dji_srt",
        dialect=dialect,
        points=entries,
        entries=len(cues),
        dropped=account.dropped,
        first_dropped=account.first,
        flags=flags,
        problems=tuple(_PROBLEMS[flag].format(**figures) for flag in flags),
        clock="media",
        recognised=recognised,
        not_recognised=_unknown_names(cues),
    )


def _counted(entries: Sequence[Entry], coarse_m: float) -> dict[str, int]:
    """Of how many records each flag about their figures holds."""
    without_home = [entry for entry in entries if entry.height_above_home_m is None]
    return {
        "bearing_unknown": sum(not entry.has_bearing for entry in entries),
        "no_altitude": sum(entry.alt_m is None for entry in entries),
        "height_unknown": len(without_home),
        "altitude_datum_unknown": sum("altitude_datum_unknown" in entry.flags for entry in entries),
        "position_coarse": len(entries) if coarse_m > 5 else 0,
        "digital_zoom": sum(entry.zoom > 1.001 for entry in entries),
    }


def _nothing_usable(file: Path, cues: Sequence[Cue], reasons: str) -> InputFileError:
    """Why no cue can be used: what was recognised, what was not."""
    unknown = next((line for cue in cues[:_HEAD] for line in cue.text.splitlines() if _is_unknown(line)), None)
    words = f"none of its {len(cues)} cues tells a usable position ({reasons or 'no times'}); recognised: "
    words += ", ".join(_recognised(cues)) or "nothing"
    words = words if unknown is None else f"{words}; not recognised: {unknown[:80]!r}"
    return InputFileError(path=file, problem=words, remedy=_REMEDY)


def _recognised(cues: Sequence[Cue]) -> tuple[str, ...]:
    names = [field.name for field in FIELDS if any(field.pattern.search(cue.text) for cue in cues[:_HEAD])]
    return (*names, *(("clock",) if any(cue.clock for cue in cues) else ()))


def _unknown_names(cues: Sequence[Cue]) -> tuple[str, ...]:
    """Names in brackets that stand in the cues and are not read."""
    found: dict[str, None] = {}
    for cue in cues[:_HEAD]:
        for bracket in re.findall(r"\[[^\]]*\]", cue.text):
            name = re.match(r"\[\s*([A-Za-z][\w ]*?)\s*:", bracket)
            if name is not None and not any(field.pattern.search(bracket) for field in FIELDS):
                found.setdefault(name.group(1))
    return tuple(found)


def _is_unknown(line: str) -> bool:
    plain = re.sub(r"<[^>]*>", "", line).strip()
    if not plain or CLOCK.search(plain) or re.match(r"(FrameCnt|SrtCnt)\b", plain):
        return False
    return not any(field.pattern.search(plain) for field in FIELDS)


@lru_cache(maxsize=16)
def _sigmas(datum: AltitudeDatum | None, coarse_m: float) -> PoseSigmas:
    """Usual sigmas, with what rounding the degrees adds: a last digit is off by up to half, evenly."""
    sigmas = PoseSigmas()
    rounding_m = coarse_m / math.sqrt(12)
    return replace(
        sigmas,
        east_m=math.hypot(sigmas.east_m, rounding_m),
        north_m=math.hypot(sigmas.north_m, rounding_m),
        height_m=sigmas.height_m if datum == "home" else _GPS_ALTITUDE_SIGMA_M,
    )


def _entry(point: Point, coarse_m: float) -> Entry:
    figures = {name: value for name, value in point.figures.items() if math.isfinite(value)}
    home_m, absolute_m, altitude_m = (figures.get(name) for name in ("home_m", "absolute_m", "altitude_m"))
    told_m = absolute_m if absolute_m is not None else altitude_m
    datum: AltitudeDatum | None = "home" if home_m is not None else "msl" if told_m is not None else None
    bearing = {"yaw", "pitch"} <= figures.keys()
    untold = home_m is None and absolute_m is None and altitude_m is not None
    return Entry(
        where=f"cue {point.number}",
        time_s=point.time_s,
        at=point.clock,
        lon=point.lon,
        lat=point.lat,
        alt_m=home_m if home_m is not None else told_m,
        alt_datum=datum,
        height_above_home_m=home_m,
        reported_alt_m=told_m if home_m is not None else None,
        heading_deg=figures.get("yaw"),
        pitch_deg=figures.get("pitch"),
        roll_deg=figures.get("roll"),
        heading_source="gimbal" if bearing else "none",
        sigmas=_sigmas(datum, coarse_m),
        zoom=max(figures.get("zoom", 1.0), 1.0),
        flags=("altitude_datum_unknown",) if untold else (),
    )
