"""Writes a staged video's telemetry as DJI's enterprise drones do: one subtitle cue per frame, gimbal included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from geo.whole_file import whole_file

LOCAL_TIME = timezone(timedelta(hours=8))


@dataclass(frozen=True, kw_only=True)
class Cue:
    """What the drone says of itself at one frame.

    Attributes:
        media_time_s: Time of the frame since the first one.
        at: Aware time of the frame.
        lon: Longitude, degrees.
        lat: Latitude, degrees.
        height_m: Above take-off.
        alt_msl_m: Above sea level.
        yaw_deg: Of the gimbal, clockwise from true north.
        pitch_deg: Of the gimbal, -90 straight down.
        roll_deg: Of the gimbal.
    """

    media_time_s: float
    at: datetime
    lon: float
    lat: float
    height_m: float
    alt_msl_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a cue's time must say its offset from UTC")


def write_srt(path: Path, cues: Iterable[Cue], fps: float) -> None:
    """Write the cues, all of them or none.

    Places are rounded to a tenth of a metre and angles to a tenth of a degree, and the clock is the local one without
    saying so: that is how these files are.
    """
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        for number, cue in enumerate(cues, start=1):
            file.write(_block(number, cue, fps))


def _block(number: int, cue: Cue, fps: float) -> str:
    begin, end = _stamp(cue.media_time_s), _stamp(number / fps)
    step_ms = int(1000 / fps)
    local = cue.at.astimezone(LOCAL_TIME)
    yaw = (cue.yaw_deg + 180) % 360 - 180
    return (
        f"{number}\n{begin} --> {end}\n"
        f'<font size="28">FrameCnt: {number}, DiffTime: {step_ms}ms\n'
        f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}\n"
        f"[iso: 100] [shutter: 1/1000.0] [fnum: 2.8] [ev: 0] [focal_len: 24.00] [dzoom_ratio: 1.00], "
        f"[latitude: {cue.lat:.6f}] [longitude: {cue.lon:.6f}] "
        f"[rel_alt: {cue.height_m:.3f} abs_alt: {cue.alt_msl_m:.3f}] "
        f"[gb_yaw: {yaw:.1f} gb_pitch: {cue.pitch_deg:.1f} gb_roll: {cue.roll_deg:.1f}] </font>\n\n"
    )


def _stamp(time_s: float) -> str:
    milliseconds = int(time_s * 1000 + 1e-6)
    minutes, rest_ms = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest_ms // 1000:02d},{rest_ms % 1000:03d}"
