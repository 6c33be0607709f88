"""DJI subtitle files (.SRT): one pose per cue, for the video of the same name.

A cue's start is the media time of its pose. The drone's clock in the text is local time without a zone, so moments are
given as if they were UTC, with the flag `time_zone_unknown`, as for photos. What a cue does not tell is not made up: a
generation without gimbal angles gives poses without a bearing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from geo.errors import InputFileError
from geo.pose import AltitudeDatum, Pose, PoseSigmas
from geo.pose_track import PoseTrack
from geo.telemetry.recorded import RecordedTelemetry
from geo.telemetry.srt_cues import Cue, on_media_time, read_cues
from geo.telemetry.srt_dialects import CLOCK, FIELDS
from geo.telemetry.srt_points import METRES_PER_DEGREE, Point, jumps_in, order_of, points_of, rising, unstepped

_GPS_ALTITUDE_SIGMA_M = 10.0

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


def read_srt(path: str | Path) -> RecordedTelemetry:
    """The poses of a DJI subtitle file, on its video's media time.

    Raises:
        InputFileError: The file is missing, empty, no subtitles, or none of its cues tells a usable position; the
            error says what was recognised and what was not.
    """
    file = Path(path)
    cues = read_cues(file)
    dropped: Counter[str] = Counter()
    flags: set[str] = set()
    timed = on_media_time(cues, flags)
    order, dialect = order_of(cues, flags)
    points = rising(points_of(timed, order, dropped), dropped)
    if not points:
        raise InputFileError(
            path=file, problem=_nothing_usable(cues, dropped), remedy="Give the .SRT that the drone wrote, uncut"
        )
    return _telemetry(cues, points, dialect=dialect, dropped=dropped, flags=flags)


def _nothing_usable(cues: Sequence[Cue], dropped: Counter[str]) -> str:
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
    cues: Sequence[Cue], points: list[Point], *, dialect: str, dropped: Counter[str], flags: set[str]
) -> RecordedTelemetry:
    dropped["incomplete"] += len(cues) - len(points) - sum(dropped.values())
    decimals = max(point.decimals for point in points)
    coarse_m = METRES_PER_DEGREE * 10.0**-decimals
    datum: AltitudeDatum = "home" if all("home_m" in point.figures for point in points) else "msl"
    zooms = [max(point.figures.get("zoom", 1.0), 1.0) for point in points]
    jumps = jumps_in(points)
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
        poses=[_pose(point, datum, sigmas) for point in unstepped(points)],
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


def _pose(point: Point, datum: AltitudeDatum, sigmas: PoseSigmas) -> Pose:
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
