"""Poses out of MISB ST 0601 packets: the sensor's angles are relative to the platform, and are composed with its own.

Ignoring the platform's attitude is worth more than a kilometre from an aircraft. Where the packets also tell the frame
centre, the composed line of sight is checked against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.errors import InputFileError
from geo.pose import PoseSigmas
from geo.telemetry.attitude import angles_deg, ned_from_body
from geo.telemetry.entry import Entry
from geo.telemetry.klv import Packet, Tally, packets_of
from geo.telemetry.klv_tags import FULL_RANGE
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.screening import AIRCRAFT_M_S, Account, from_first, placed, rising, without_strays

Floats = npt.NDArray[np.float64]
Pieces = Iterable[tuple[float | None, bytes]]

_ANGLES = ("platform_heading_deg", "platform_pitch_deg", "platform_roll_deg")
_RELATIVE = ("relative_azimuth_deg", "relative_elevation_deg", "relative_roll_deg")
_SIGMAS = PoseSigmas(east_m=5.0, north_m=5.0, height_m=10.0, common_position_m=4.0)
# A clock that says a year before the format existed was never set.
_FIRST_YEAR = 2005
# Beside what the frame centre tells, a line of sight that misses by a tenth of the distance was put together wrongly.
_MISS_SHARE = 0.1
# The ellipsoid of WGS 84: its larger radius, and how flat it is.
_A_M, _E2 = 6_378_137.0, 0.00669437999014

_PROBLEMS = {
    "bearing_unknown": "{count} packets lack an angle of the platform or of the sensor: nothing is located there",
    "no_altitude": "{count} packets tell no altitude of the sensor",
    "checksum": "{count} packets have a wrong checksum and were not used",
    "unchecked": "{count} packets have no checksum; their lengths add up, so they were used",
    "cut_short": "{count} packets are cut short or their lengths do not add up; they were not used",
    "time_not_set": "{count} packets tell no time, or one of a clock that was never set",
    "frame_centre_differs": "the line of sight misses the frame centre that {count} packets tell",
    "clock_jumps": "the clock was set back {count} times: the longest run of rising times was used",
    "position_jumps": "the position jumps faster than an aircraft flies, {count} times",
    "axes_swapped": "{count} positions had longitude and latitude in the other order: turned back",
}


def read_klv(path: Path) -> TelemetryReading:
    """The poses of a file of bare KLV packets, on their own UTC clock.

    Raises:
        InputFileError: Not one packet tells a usable position.
    """
    return read_klv_pieces(path, [(None, path.read_bytes())])


def read_klv_pieces(path: Path, pieces: Pieces) -> TelemetryReading:
    """The poses of KLV that travelled in a video: each piece with its media time, None for a file of bare packets.

    Raises:
        InputFileError: Not one packet tells a usable position.
    """
    tally, account = Tally(), Account()
    packets = list(packets_of(pieces, tally))
    bad = tally.checksum + tally.cut_short
    account.dropped.update(checksum=tally.checksum, cut_short=tally.cut_short)
    account.flags.update(checksum=tally.checksum, cut_short=tally.cut_short, unchecked=tally.unchecked)
    on_media = any(packet.media_time_s is not None for packet in packets)
    entries = placed(_timed(packets, account, on_media=on_media), account)
    points = without_strays(rising(entries, account), account, fastest_m_s=AIRCRAFT_M_S)
    points, zero_at = (points, None) if on_media else from_first(points)
    if not points:
        raise InputFileError(
            path=path,
            problem=f"none of its {len(packets) + bad} ST 0601 packets gives a position ({account.reasons or 'none'})",
            remedy="Give the stream as it was recorded, uncut",
        )
    account.flags["bearing_unknown"] = sum(not point.has_bearing for point in points)
    account.flags["no_altitude"] = sum(point.alt_m is None for point in points)
    misses_m = frame_centre_misses_m(points)
    account.flags["frame_centre_differs"] = _clearly_off(points, misses_m)
    return TelemetryReading(
        path=path,
        family="klv",
        dialect="misb_st_0601",
        points=points,
        entries=len(packets) + bad,
        dropped=account.dropped,
        first_dropped=account.first,
        flags=account.raised,
        problems=account.problems(_PROBLEMS),
        clock="media" if on_media else "utc",
        zero_at=zero_at,
        recognised=tuple(sorted({name for packet in packets for name in packet.figures})),
        not_recognised=tuple(f"tag {tag}" for tag in sorted(tally.unread)),
    )


def entries_of(packets: Sequence[Packet]) -> list[Entry]:
    """One record for each packet, attitudes composed; unscreened, without `time_s`."""
    figures = [_with_full_range(packet.figures) for packet in packets]
    angles = np.array([[one.get(name, math.nan) for name in (*_ANGLES, *_RELATIVE)] for one in figures]).reshape(-1, 6)
    # Turning about its own axis moves no line of sight: without it heading and pitch are known, and the roll is not.
    without_roll = np.isnan(angles[:, 5])
    angles[without_roll, 5] = 0.0
    rotation = ned_from_body(*angles[:, :3].T) @ ned_from_body(*angles[:, 3:].T)
    composed = np.stack(angles_deg(rotation), axis=1)
    composed[without_roll, 2] = math.nan
    return [_entry(packet, one, look) for packet, one, look in zip(packets, figures, composed, strict=True)]


def frame_centre_misses_m(points: Sequence[Entry]) -> Floats:
    """How far (n,) each line of sight meets the frame centre's height from the frame centre; NaN where untold."""
    told = np.array([_sight(point) for point in points], dtype=np.float64).reshape(-1, 8)
    lon, lat, alt_m, heading, pitch, centre_lon, centre_lat, centre_alt_m = told.T
    latitude = np.radians((lat + centre_lat) / 2)
    bulge = 1 - _E2 * np.sin(latitude) ** 2
    east_m = np.radians(centre_lon - lon) * _A_M / np.sqrt(bulge) * np.cos(latitude)
    north_m = np.radians(centre_lat - lat) * _A_M * (1 - _E2) / bulge**1.5
    drop_m = alt_m - centre_alt_m + (east_m**2 + north_m**2) / (2 * _A_M)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach_m = np.where(pitch < 0, drop_m / np.tan(np.radians(-pitch)), math.nan)
    misses: Floats = np.hypot(
        reach_m * np.sin(np.radians(heading)) - east_m, reach_m * np.cos(np.radians(heading)) - north_m
    )
    return misses


def _sight(point: Entry) -> tuple[float, ...]:
    """Sensor, look and frame centre; NaN where one is unknown, or the altitudes are of different kinds."""
    told = [point.lon, point.lat, point.alt_m if point.alt_datum == "msl" else None, point.heading_deg, point.pitch_deg]
    told += [point.extra.get(f"frame_centre_{name}") for name in ("lon_deg", "lat_deg", "alt_msl_m")]
    return tuple(math.nan if figure is None else figure for figure in told)


def entry_of_piece(packet: Packet) -> Entry:
    """One packet of a live stream as a record on the stream's time; unscreened."""
    return replace(entries_of([packet])[0], time_s=packet.media_time_s)


def _timed(packets: Sequence[Packet], account: Account, *, on_media: bool) -> list[Entry]:
    entries = entries_of(packets)
    account.flags["time_not_set"] += sum(entry.at is None for entry in entries)
    if on_media:
        times_s = [packet.media_time_s for packet in packets]
    else:
        times_s = [None if entry.at is None else entry.at.timestamp() for entry in entries]
    return [replace(entry, time_s=time_s) for entry, time_s in zip(entries, times_s, strict=True)]


def _with_full_range(figures: dict[str, float]) -> dict[str, float]:
    finer = {name: figures[full] for name, full in FULL_RANGE.items() if full in figures}
    return figures | finer


def _entry(packet: Packet, figures: dict[str, float], look_deg: Floats) -> Entry:
    heading, pitch, roll = (None if math.isnan(angle) else float(angle) for angle in look_deg)
    msl_m, ellipsoid_m = figures.get("sensor_alt_msl_m"), figures.get("sensor_alt_ellipsoid_m")
    bearing = heading is not None and pitch is not None
    return Entry(
        where=f"packet {packet.number}",
        at=_moment(packet.time_us),
        lon=figures.get("sensor_lon_deg"),
        lat=figures.get("sensor_lat_deg"),
        alt_m=msl_m if msl_m is not None else ellipsoid_m,
        alt_datum="msl" if msl_m is not None else "ellipsoid" if ellipsoid_m is not None else None,
        heading_deg=heading,
        pitch_deg=pitch,
        roll_deg=roll,
        heading_source="gimbal" if bearing else "none",
        sigmas=_SIGMAS,
        fov_wh_deg=(figures.get("hfov_deg"), figures.get("vfov_deg")),
        extra={name: value for name, value in figures.items() if name.startswith(("frame_centre", "slant"))},
    )


def _moment(time_us: int | None) -> datetime | None:
    if time_us is None or time_us > 1 << 53:
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    except OverflowError:
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def _clearly_off(points: Sequence[Entry], misses_m: Floats) -> int:
    ranges_m = np.array([point.extra.get("slant_range_m", math.nan) for point in points], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return int(np.sum(misses_m > _MISS_SHARE * ranges_m))
