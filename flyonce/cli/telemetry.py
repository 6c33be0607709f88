"""`flyonce telemetry`: what a telemetry file tells, and its poses as a table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from flyonce.cli.options import AsJson
from flyonce.cli.output import emit_json, fail, progress, say
from flyonce.telemetry import read_telemetry_of
from geo.pose_track import LONGEST_GAP_S
from geo.telemetry.entry import Entry
from geo.telemetry.photos import photos_in
from geo.telemetry.poses_csv import poses_csv_text
from geo.telemetry.reading import TelemetryReading
from geo.whole_file import whole_file


def telemetry(
    file: Annotated[
        Path,
        typer.Argument(
            help="DJI .SRT or .MRK, KLV (a file, or inside a video), .tlog, exiftool CSV or JSON, Airdata CSV, a table "
            "of poses, a photo, or a folder of photos."
        ),
    ],
    zone: Annotated[
        str | None,
        typer.Option(help="Zone of the drone's clock, where the file does not tell it: Asia/Shanghai or +08:00."),
    ] = None,
    mount: Annotated[
        str | None,
        typer.Option(
            help="HEADING,PITCH,ROLL of a camera that is fixed to the aircraft of a .tlog, relative to it: 0,-90,0 "
            "looks straight out of its belly."
        ),
    ] = None,
    pictures: Annotated[
        bool, typer.Option(help="Only the moments at which a .tlog or Airdata says that a picture was taken.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the poses as CSV, empty where something is unknown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the poses that a drone recorded, and say what was recognised, used and dropped, and why.

    The family is told by the content, not by the file's name. `time_utc` is written where the moments are known;
    `time_s` otherwise: a video's own time, or seconds since the first pose where the clock's zone is unknown.
    """
    if out is not None and out.exists() and out.resolve() == file.resolve():
        fail(f"{out}: --out would overwrite the telemetry itself. Name another file.")
    mount_deg = None if mount is None else _angles(mount)
    total = len(photos_in(file)) if file.is_dir() else None
    with progress(f"reading {file.name}", total=total) as ticker:
        reading = read_telemetry_of(file, mount_deg=mount_deg, on_record=ticker.advance)
    if pictures:
        reading = reading.of_pictures()
    if zone is not None:
        reading = _in_zone(reading, zone)
    if out is not None:
        _write(out, poses_csv_text(reading))
    if as_json:
        emit_json(summary_of(reading) | {"out": None if out is None else str(out)})
    _tell(reading, out)


def _in_zone(reading: TelemetryReading, name: str) -> TelemetryReading:
    """The reading in UTC, its local clock being of a zone that the user knows."""
    try:
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo if name[:1] in "+-" else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        fail(f"--zone {name!r} is no time zone. Write Asia/Shanghai, or +08:00.")
    if reading.clock != "local" or zone is None:
        fail(f"{reading.path}: its times are no local ones ({reading.clock} clock). Leave --zone out.")
    return reading.in_zone(zone)


def _angles(text: str) -> tuple[float, float, float]:
    """`HEADING,PITCH,ROLL` as three numbers."""
    try:
        heading, pitch, roll = (float(part) for part in text.split(","))
    except ValueError:
        heading = pitch = roll = math.nan
    if not math.isfinite(heading + pitch + roll):
        fail(f"--mount {text!r} is not HEADING,PITCH,ROLL in degrees, like 0,-90,0.")
    return heading, pitch, roll


def summary_of(reading: TelemetryReading) -> dict[str, Any]:
    """What a reading came to, ready for JSON."""
    points = reading.points
    return {
        "file": str(reading.path),
        "family": reading.family,
        "dialect": reading.dialect,
        "entries": reading.entries,
        "used": len(points),
        "dropped": dict(reading.dropped),
        "first_dropped": dict(reading.first_dropped),
        "flags": dict(reading.dropped) | dict(reading.flags),
        "problems": list(reading.problems),
        "time": _time(reading),
        "bbox": [
            min(point.lon for point in points if point.lon is not None),
            min(point.lat for point in points if point.lat is not None),
            max(point.lon for point in points if point.lon is not None),
            max(point.lat for point in points if point.lat is not None),
        ],
        "altitude_m": _range(points, "alt_m"),
        "known": {
            "position": len(points),
            "altitude": sum(point.alt_m is not None for point in points),
            "alt_datum": sorted({point.alt_datum for point in points if point.alt_datum is not None}),
            "heading": sum(point.heading_deg is not None for point in points),
            "pitch": sum(point.pitch_deg is not None for point in points),
            "roll": sum(point.roll_deg is not None for point in points),
        },
        "heading_sources": sorted({point.heading_source for point in points}),
        "pictures": len(reading.pictures),
        "recognised": list(reading.recognised),
        "not_recognised": list(reading.not_recognised),
    }


def _time(reading: TelemetryReading) -> dict[str, Any]:
    times = [point.time_s for point in reading.points if point.time_s is not None]
    moments = [point.at for point in reading.points if point.at is not None]
    told: dict[str, Any] = {"clock": reading.clock}
    if reading.clock == "none" or not times:
        return told
    told |= {"began_s": times[0], "ended_s": times[-1], "span_s": times[-1] - times[0]}
    gaps = [there - here for here, there in itertools.pairwise(times) if there - here > LONGEST_GAP_S]
    told |= {"gaps": len(gaps), "longest_gap_s": max(gaps, default=0.0)}
    if moments and reading.clock == "utc":
        told |= {"began_at": min(moments).isoformat(), "ended_at": max(moments).isoformat()}
    elif moments:
        # Local clocks: said without a zone, because none is known.
        told |= {
            "began_local": min(moments).replace(tzinfo=None).isoformat(),
            "ended_local": max(moments).replace(tzinfo=None).isoformat(),
        }
    return told


def _range(points: Sequence[Entry], name: str) -> list[float] | None:
    values = [value for point in points if (value := getattr(point, name)) is not None]
    return [min(values), max(values)] if values else None


def _write(out: Path, text: str) -> None:
    """All of it or nothing: a reader never meets half a table."""
    try:
        with whole_file(out) as partial:
            partial.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{out}: cannot be written ({error.strerror}). Name a file in a folder that you may write to.")


def _tell(reading: TelemetryReading, out: Path | None) -> None:
    """The summary in words."""
    summary = summary_of(reading)
    known = summary["known"]
    say(f"{reading.path}: {reading.family} ({reading.dialect}), {summary['used']} of {reading.entries} records used")
    for problem in reading.problems:
        say(f"  {problem}")
    for reason, count in reading.dropped.items():
        first = reading.first_dropped.get(reason)
        say(f"  dropped: {count} {reason.replace('_', ' ')}" + (f", first at {first}" if first else ""))
    datum = ", ".join(known["alt_datum"]) or "unknown"
    say(
        f"  known: {known['position']} positions, {known['altitude']} altitudes ({datum}), "
        f"{known['heading']} headings, {known['pitch']} pitches, {known['roll']} rolls"
    )
    time = summary["time"]
    if "span_s" in time:
        since = time.get("began_at") or time.get("began_local") or f"{time['began_s']:.3f} s"
        say(f"  {time['span_s']:.1f} s from {since} ({time['clock']} clock), {time['gaps']} gaps")
    if reading.not_recognised:
        say(f"  not read: {', '.join(reading.not_recognised[:12])}{' …' if len(reading.not_recognised) > 12 else ''}")
    if out is not None:
        say(f"  written: {out}")
