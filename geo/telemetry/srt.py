"""DJI subtitle files (.SRT): one pose per cue, for the video of the same name.

A cue's start is the media time of its pose. The drone's clock in the text is local time without a zone, so moments are
given as if they were UTC, with the flag `time_zone_unknown`, as for photos. What a cue does not tell is not made up: a
generation without gimbal angles gives poses without a bearing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from geo.errors import InputFileError
from geo.pose import AltitudeDatum, Pose, PoseSigmas
from geo.pose_track import PoseTrack
from geo.telemetry.recorded import RecordedTelemetry
from geo.telemetry.srt_dialects import CLOCK, CUE_TIMES, FIELDS, GPS_ORDERS, NAMED_DIALECT, Order

_COPY_AGAIN = "Copy it again from the drone's card"
_GPS_ALTITUDE_SIGMA_M = 10.0
_METRES_PER_DEGREE = 111_320.0
# A position that stays the same to the last digit for less than this was only not measured anew.
_HELD_S = 1.05
# More than this between what the clock in the text and the cue's time advance: the clock was set meanwhile.
_CLOCK_JUMP_S = 2.0
_FASTER_THAN_DRONES_M_S = 60.0

_PROBLEMS = {
    "bearing_unknown": "the cues have no gimbal angles: nothing can be located, and no direction is assumed",
    "height_unknown": "the cues tell no height above the take-off point",
    "altitude_datum_unknown": "the altitude does not say from what: it is taken as above sea level, with 10 m of error",
    "axes_swapped": "longitude and latitude were written in the other order than this generation does: turned back",
    "position_coarse": "positions have only {decimals} decimals: they are {coarse:.0f} m apart",
    "clock_jumps": "the drone's clock was set during the recording: moments follow its steadiest part",
    "no_cue_times": "the cues have no times: the drone's clock was taken, counted from the first cue",
    "position_jumps": "the position jumps faster than a drone flies, {jumps} times",
    "time_zone_unknown": "the time has no zone: it is given as if it were UTC",
    "no_time": "the cues tell no time of day",
    "digital_zoom": "digital zoom up to {zoom:.2f}: the camera's focal length is multiplied by it",
}


@dataclass(frozen=True, kw_only=True)
class _Cue:
    """One subtitle as read: its number in the file, media time, clock, and the figures found in its text."""

    number: int
    time_s: float | None
    clock: datetime | None
    figures: Mapping[str, float]
    text: str


def read_srt(path: str | Path) -> RecordedTelemetry:
    """The poses of a DJI subtitle file, on its video's media time.

    Raises:
        InputFileError: The file is missing, empty, no subtitles, or none of its cues tells a usable position; the
            error says what was recognised and what was not.
    """
    file = Path(path)
    cues = [_read(number, block) for number, block in enumerate(_blocks(_text_of(file)), start=1)]
    if not cues:
        raise InputFileError(path=file, problem="holds no subtitle", remedy=_COPY_AGAIN)
    dropped: Counter[str] = Counter()
    flags: set[str] = set()
    timed = _on_media_time(cues, flags)
    order, dialect = _order(cues, flags)
    points = _rising(_points(timed, order, dropped), dropped)
    if not points:
        raise InputFileError(
            path=file, problem=_nothing_usable(cues, dropped), remedy="Give the .SRT that the drone wrote, uncut"
        )
    return _telemetry(cues, points, dialect=dialect, dropped=dropped, flags=flags)


def _text_of(file: Path) -> str:
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "no such file"
        raise InputFileError(path=file, problem=problem, remedy="Check the path")
    try:
        data = file.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputFileError(path=file, problem=problem, remedy="Check its permissions") from error
    if not data.strip():
        raise InputFileError(path=file, problem="the file is empty", remedy=_COPY_AGAIN)
    if b"\0" in data[:4096]:
        raise InputFileError(path=file, problem="not a text file", remedy="Give the drone's .SRT")
    return data.decode("utf-8-sig", errors="replace")


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each cue; blank lines inside one (M300) do not end it, only the next one's head does."""
    lines = [line.strip() for line in text.splitlines()]
    arrows = any("-->" in line for line in lines)
    heads = [
        number
        for number, line in enumerate(lines[:-1])
        if re.fullmatch(r"\d+", line) and (CUE_TIMES if arrows else CLOCK).search(lines[number + 1])
    ]
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=False):
        yield lines[start + 1 : end]


def _read(number: int, lines: Sequence[str]) -> _Cue:
    times = CUE_TIMES.search(lines[0])
    text = "\n".join(lines[1:] if times else lines)
    figures: dict[str, float] = {}
    plain = text.lower()
    for field in FIELDS:
        wanted = field.hint in plain and any(name not in figures for name in field.figures)
        found = field.pattern.search(text) if wanted else None
        if found is not None:
            for name, value in zip(field.figures, found.groups(), strict=True):
                figures.setdefault(name, float(value) * field.scale)
    return _Cue(
        number=number,
        time_s=None if times is None else _seconds(times.groups()[:4]),
        clock=_clock(text),
        figures=figures,
        text=text,
    )


def _seconds(parts: Sequence[str]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _clock(text: str) -> datetime | None:
    found = CLOCK.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    milli, micro = (found.group(7) or "").ljust(3, "0"), (found.group(8) or "").ljust(3, "0")
    try:
        return datetime(year, month, day, hour, minute, second, int(milli + micro), tzinfo=UTC)
    except ValueError:
        return None


def _on_media_time(cues: Sequence[_Cue], flags: set[str]) -> list[_Cue]:
    """Cues with a media time; and with moments that go with it, where the drone's clock was set meanwhile."""
    if all(cue.time_s is None for cue in cues):
        flags.add("no_cue_times")
        first = next((cue.clock for cue in cues if cue.clock is not None), None)
        if first is None:
            return []
        return [replace(cue, time_s=(cue.clock - first).total_seconds()) for cue in cues if cue.clock is not None]
    known = [cue for cue in cues if cue.time_s is not None]
    zeros = [cue.clock.timestamp() - cue.time_s for cue in known if cue.clock is not None and cue.time_s is not None]
    if not zeros:
        flags.add("no_time")
        return known
    flags.add("time_zone_unknown")
    steady = median(zeros)
    if any(abs(there - here) > _CLOCK_JUMP_S for here, there in pairwise(zeros)):
        flags.add("clock_jumps")
    zero = datetime.fromtimestamp(steady, UTC)
    return [replace(cue, clock=zero + timedelta(seconds=cue.time_s or 0.0)) for cue in known]


def _order(cues: Sequence[_Cue], flags: set[str]) -> tuple[Order | None, str]:
    """The order of an unnamed position's numbers (None where they are named), and the name of the dialect."""
    pairs = [(cue.figures["gps_1"], cue.figures["gps_2"]) for cue in cues if {"gps_1", "gps_2"} <= cue.figures.keys()]
    if any({"lat", "lon"} <= cue.figures.keys() for cue in cues) or not pairs:
        angles = any("yaw" in cue.figures for cue in cues)
        return None, NAMED_DIALECT + ("_gimbal" if angles else "")
    text = next(cue.text for cue in cues if "gps_1" in cue.figures)
    row = next((row for row in GPS_ORDERS if row.sign.search(text)), None)
    if row is None:
        flags.add("dialect_unknown")
    proven = _proven_order(pairs)
    if proven is not None and row is not None and proven != row.order:
        flags.add("axes_swapped")
    order = proven or (row.order if row is not None else None)
    return order, row.dialect if row is not None else "gps_unknown"


def _proven_order(pairs: Sequence[tuple[float, float]]) -> Order | None:
    """The order that the numbers themselves prove: no latitude lies beyond 90 degrees."""
    first, second = (max((abs(pair[i]) for pair in pairs if math.isfinite(pair[i])), default=0.0) for i in (0, 1))
    if first > 90 >= second:
        return "lon_lat"
    return "lat_lon" if second > 90 >= first else None


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A usable cue: its time and figures with the place in order."""

    time_s: float
    clock: datetime | None
    lon: float
    lat: float
    decimals: int
    swapped: bool
    figures: Mapping[str, float]


def _points(cues: Sequence[_Cue], order: Order | None, dropped: Counter[str]) -> Iterator[_Point]:
    for cue in cues:
        place = _place(cue, order)
        reason = _unusable(place, cue) if place is not None else "no_position"
        if place is None or reason is not None or cue.time_s is None:
            dropped[reason or "incomplete"] += 1
            continue
        lon, lat = place
        swapped = abs(lat) > 90 >= abs(lon)
        yield _Point(
            time_s=cue.time_s,
            clock=cue.clock,
            lon=lat if swapped else lon,
            lat=lon if swapped else lat,
            decimals=_decimals(cue.text),
            swapped=swapped,
            figures=cue.figures,
        )


def _place(cue: _Cue, order: Order | None) -> tuple[float, float] | None:
    """Longitude and latitude as written, None where the cue tells neither, or not which is which."""
    figures = cue.figures
    if {"lon", "lat"} <= figures.keys():
        return figures["lon"], figures["lat"]
    if order is None or not {"gps_1", "gps_2"} <= figures.keys():
        return None
    pair = figures["gps_1"], figures["gps_2"]
    return pair if order == "lon_lat" else (pair[1], pair[0])


def _unusable(place: tuple[float, float], cue: _Cue) -> str | None:
    lon, lat = place
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "not_a_number"
    if lon == 0 and lat == 0:
        return "no_fix"
    if max(abs(lon), abs(lat)) > 180 or min(abs(lon), abs(lat)) > 90:
        return "out_of_range"
    heights = [cue.figures[name] for name in ("home_m", "altitude_m", "absolute_m") if name in cue.figures]
    if not heights:
        return "no_altitude"
    return None if all(map(math.isfinite, heights)) else "not_a_number"


def _decimals(text: str) -> int:
    """How many decimals the positions are written with."""
    found = re.search(r"(?:latitude\s*:\s*|GPS\s*\(\s*)[+-]?\d+\.(\d+)", text, re.IGNORECASE)
    return len(found.group(1)) if found else 0


def _rising(points: Iterator[_Point], dropped: Counter[str]) -> list[_Point]:
    """Points whose times rise; of several at one time the first one stays."""
    kept: list[_Point] = []
    for point in points:
        if kept and point.time_s <= kept[-1].time_s:
            dropped["repeated_time" if point.time_s == kept[-1].time_s else "backward_time"] += 1
            continue
        kept.append(point)
    return kept


def _nothing_usable(cues: Sequence[_Cue], dropped: Counter[str]) -> str:
    """Why no cue can be used: what was recognised, what was not."""
    recognised = [field.name for field in FIELDS if any(field.pattern.search(cue.text) for cue in cues[:50])]
    recognised += ["clock"] if any(cue.clock for cue in cues) else []
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dropped.items())
    unknown = next((line for cue in cues[:50] for line in cue.text.splitlines() if _is_unknown(line)), None)
    words = f"none of its {len(cues)} cues tells a usable position ({reasons or 'no times'}); recognised: "
    words += ", ".join(recognised) or "nothing"
    return words if unknown is None else f"{words}; not recognised: {unknown[:80]!r}"


def _is_unknown(line: str) -> bool:
    plain = re.sub(r"<[^>]*>", "", line).strip()
    if not plain or CLOCK.search(plain) or re.match(r"(FrameCnt|SrtCnt)\b", plain):
        return False
    return not any(field.pattern.search(plain) for field in FIELDS)


def _telemetry(
    cues: Sequence[_Cue], points: list[_Point], *, dialect: str, dropped: Counter[str], flags: set[str]
) -> RecordedTelemetry:
    dropped["incomplete"] += len(cues) - len(points) - sum(dropped.values())
    decimals = max(point.decimals for point in points)
    coarse_m = _METRES_PER_DEGREE * 10.0**-decimals
    datum: AltitudeDatum = "home" if all("home_m" in point.figures for point in points) else "msl"
    zooms = [max(point.figures.get("zoom", 1.0), 1.0) for point in points]
    jumps = _jumps(points)
    found = {
        "bearing_unknown": not any("yaw" in point.figures and "pitch" in point.figures for point in points),
        "height_unknown": datum != "home",
        "altitude_datum_unknown": datum != "home" and any("altitude_m" in point.figures for point in points),
        "axes_swapped": any(point.swapped for point in points),
        "position_coarse": coarse_m > 5,
        "position_jumps": jumps > 0,
        "digital_zoom": max(zooms) > 1.001,
    }
    flags |= {flag for flag, holds in found.items() if holds}
    figures = {"decimals": decimals, "coarse": coarse_m, "jumps": jumps, "zoom": max(zooms)}
    sigmas = _sigmas(datum, coarse_m)
    track = PoseTrack(
        times_s=[point.time_s for point in points],
        poses=[_pose(point, datum, sigmas) for point in _unstepped(points)],
        zooms=zooms if max(zooms) > 1.001 else (),
    )
    return RecordedTelemetry(
        track=track,
        dialect=dialect,
        entries=len(cues),
        dropped={reason: count for reason, count in dropped.items() if count},
        flags=tuple(flag for flag in (*_PROBLEMS, "dialect_unknown") if flag in flags),
        problems=tuple(text.format(**figures) for flag, text in _PROBLEMS.items() if flag in flags),
    )


def _sigmas(datum: AltitudeDatum, coarse_m: float) -> PoseSigmas:
    """Usual sigmas, with what rounding the degrees adds: a last digit is off by up to half, evenly."""
    sigmas = PoseSigmas()
    rounding_m = coarse_m / math.sqrt(12)
    return replace(
        sigmas,
        east_m=math.hypot(sigmas.east_m, rounding_m),
        north_m=math.hypot(sigmas.north_m, rounding_m),
        height_m=sigmas.height_m if datum == "home" else _GPS_ALTITUDE_SIGMA_M,
    )


def _pose(point: _Point, datum: AltitudeDatum, sigmas: PoseSigmas) -> Pose:
    figures = point.figures
    home_m = figures.get("home_m")
    reported_m = figures.get("absolute_m", figures.get("altitude_m"))
    alt_m = home_m if datum == "home" else reported_m if reported_m is not None else home_m
    assert alt_m is not None, "a point without any altitude was dropped"
    bearing = {"yaw", "pitch"} <= figures.keys() and math.isfinite(figures["yaw"] + figures["pitch"])
    return Pose(
        at=point.clock,
        lon=point.lon,
        lat=point.lat,
        alt_m=alt_m,
        alt_datum=datum,
        heading_deg=figures["yaw"] if bearing else None,
        pitch_deg=figures["pitch"] if bearing else None,
        roll_deg=figures.get("roll") if bearing else None,
        sigmas=sigmas,
        height_above_home_m=home_m,
        reported_alt_m=reported_m if datum == "home" else None,
        heading_source="gimbal" if bearing else "none",
    )


def _unstepped(points: Sequence[_Point]) -> list[_Point]:
    """Positions written again and again between two measurements, put on the straight way between those."""
    starts = [
        index
        for index, point in enumerate(points)
        if index == 0 or (point.lon, point.lat) != (points[index - 1].lon, points[index - 1].lat)
    ]
    smooth = list(points)
    for start, following in pairwise(starts):
        here, there = points[start], points[following]
        step_s = there.time_s - here.time_s
        if step_s > _HELD_S:
            continue
        for index in range(start + 1, following):
            share = (points[index].time_s - here.time_s) / step_s
            lon, lat = here.lon + (there.lon - here.lon) * share, here.lat + (there.lat - here.lat) * share
            smooth[index] = replace(points[index], lon=lon, lat=lat)
    return smooth


def _jumps(points: Sequence[_Point]) -> int:
    """How often the position moves faster than a drone between two measurements at least half a second apart."""
    jumps, last = 0, points[0]
    for point in points[1:]:
        step_s = point.time_s - last.time_s
        if step_s < 0.5:
            continue
        east_m = (point.lon - last.lon) * _METRES_PER_DEGREE * math.cos(math.radians(last.lat))
        north_m = (point.lat - last.lat) * _METRES_PER_DEGREE
        jumps += math.hypot(east_m, north_m) > _FASTER_THAN_DRONES_M_S * step_s
        last = point
    return jumps
