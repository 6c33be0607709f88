"""The bed's files: telemetry as SRT (as DJI's enterprise drones write it) and as CSV, pictures as H.264 film."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import av

from testbed.ground import Image

_LOCAL_TIME = timezone(timedelta(hours=8))


@dataclass(frozen=True, kw_only=True)
class Told:
    """One row of telemetry.

    Attributes:
        time_s: On the telemetry's clock.
        at: Aware time of day.
        lon: Degrees.
        lat: Degrees.
        home_m: Height above take-off.
        msl_m: Height above sea level.
        heading_deg: Of the gimbal.
        pitch_deg: Of the gimbal.
        roll_deg: Of the gimbal.
    """

    time_s: float
    at: datetime
    lon: float
    lat: float
    home_m: float
    msl_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float


def write_csv(path: Path, rows: Iterable[Told]) -> Path:
    """All digits, in the columns that `flyonce analyze --telemetry` takes."""
    names = ("time_s", "lon", "lat", "alt_m", "alt_datum", "heading_deg", "pitch_deg", "roll_deg")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(names)
        for row in rows:
            angles = (f"{angle:.4f}" for angle in (row.heading_deg, row.pitch_deg, row.roll_deg))
            table.writerow(
                (f"{row.time_s:.4f}", f"{row.lon:.9f}", f"{row.lat:.9f}", f"{row.home_m:.3f}", "home", *angles)
            )
    return path


def write_srt(path: Path, rows: Sequence[Told], step_s: float) -> Path:
    """One cue per row, rounded as such files are: places to a tenth of a metre, angles to a tenth of a degree.

    Rows before 0 s are left out: a subtitle cannot begin before its film.
    """
    blocks = []
    for row in rows:
        if row.time_s < 0:
            continue
        number, local = len(blocks) + 1, row.at.astimezone(_LOCAL_TIME)
        yaw = (row.heading_deg + 180) % 360 - 180
        blocks.append(
            f"{number}\n{_stamp(row.time_s)} --> {_stamp(row.time_s + step_s)}\n"
            f'<font size="28">FrameCnt: {number}, DiffTime: {round(step_s * 1000)}ms\n'
            f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}\n"
            f"[iso: 100] [shutter: 1/1000.0] [fnum: 2.8] [ev: 0] [focal_len: 24.00] [dzoom_ratio: 1.00], "
            f"[latitude: {row.lat:.6f}] [longitude: {row.lon:.6f}] "
            f"[rel_alt: {row.home_m:.3f} abs_alt: {row.msl_m:.3f}] "
            f"[gb_yaw: {yaw:.1f} gb_pitch: {row.pitch_deg:.1f} gb_roll: {row.roll_deg:.1f}] </font>\n\n"
        )
    path.write_text("".join(blocks), encoding="utf-8", newline="\n")
    return path


def _stamp(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    minutes, rest_ms = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest_ms // 1000:02d},{rest_ms % 1000:03d}"


def write_film(path: Path, pictures: Iterable[Image], *, fps: int, size_wh_px: tuple[int, int], at: datetime) -> Path:
    """The pictures as H.264 in an MP4, a key frame a second."""
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = f"{at:%Y-%m-%dT%H:%M:%S.000000Z}"
        options = {"preset": "veryfast", "crf": "21", "g": str(fps), "bf": "0", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height = size_wh_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
