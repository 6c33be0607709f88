"""Small telemetry of each family, made by hand: what a test needs to plant a fault."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.telemetry.klv_tags import CHECKSUM, KEY, TAGS, TIME_US

TAG_BY_NAME = {tag.name: number for number, tag in TAGS.items()}
START_US = 1_782_900_000_000_000  # 2026-07-01T10:00:00Z


def klv_packet(time_us: int | None = START_US, *, checksum: int | None = None, **figures: float) -> bytes:
    """A packet of ST 0601 with these figures, by the names of `TAGS`."""
    items = b"" if time_us is None else bytes([TIME_US, 8]) + time_us.to_bytes(8, "big")
    for name, figure in figures.items():
        number = TAG_BY_NAME[name]
        tag = TAGS[number]
        if tag.signed:
            raw = round(figure / tag.high * ((1 << (8 * tag.size - 1)) - 1))
        else:
            raw = round((figure - tag.low) / (tag.high - tag.low) * ((1 << (8 * tag.size)) - 1))
        items += bytes([number, tag.size]) + raw.to_bytes(tag.size, "big", signed=tag.signed)
    items += bytes([CHECKSUM, 2])
    head = KEY + b"\x82" + (len(items) + 2).to_bytes(2, "big")
    total = sum(byte << 8 if index % 2 == 0 else byte for index, byte in enumerate(head + items)) & 0xFFFF
    return head + items + (total if checksum is None else checksum).to_bytes(2, "big")


def klv_pose(number: int = 0, **changes: float | None) -> bytes:
    """A packet of a drone that flies east at 60 m and looks straight ahead and 45 degrees down."""
    figures: dict[str, float | None] = {
        "platform_heading_deg": 90.0,
        "platform_pitch_deg": 0.0,
        "platform_roll_deg": 0.0,
        "sensor_lat_deg": 30.25,
        "sensor_lon_deg": 120.15 + 1e-5 * number,
        "sensor_alt_msl_m": 60.0,
        "relative_azimuth_deg": 0.0,
        "relative_elevation_deg": -45.0,
        "relative_roll_deg": 0.0,
    } | changes
    told = {name: figure for name, figure in figures.items() if figure is not None and name != "time_us"}
    return klv_packet(int(changes.get("time_us") or START_US + 100_000 * number), **told)


def tlog(*records: tuple[float, Any], system: int = 1) -> bytes:
    """A log of these messages, each with its stamp in seconds since 1970."""
    sender = dialect.MAVLink(None, srcSystem=system, srcComponent=1)
    return b"".join(
        struct.pack(">Q", round(stamp_s * 1e6)) + bytes(message.pack(sender)) for stamp_s, message in records
    )


def position(boot_s: float, *, lon: float = 120.15, lat: float = 30.25, home_m: float = 60.0, hdg: int = 9000) -> Any:
    """One GLOBAL_POSITION_INT."""
    return dialect.MAVLink_global_position_int_message(
        round(boot_s * 1000), round(lat * 1e7), round(lon * 1e7), 80_000, round(home_m * 1000), 0, 0, 0, hdg
    )


def attitude(boot_s: float, yaw_rad: float, *, level: bool = False) -> Any:
    """One ATTITUDE of the aircraft, rolled by 0.1 rad and pitched by 0.05 unless it flies level."""
    roll, pitch = (0.0, 0.0) if level else (0.1, 0.05)
    return dialect.MAVLink_attitude_message(round(boot_s * 1000), roll, pitch, yaw_rad, 0, 0, 0)


def gimbal_device(boot_s: float, q_wxyz: Sequence[float], flags: int) -> Any:
    """One GIMBAL_DEVICE_ATTITUDE_STATUS."""
    return dialect.MAVLink_gimbal_device_attitude_status_message(
        0, 0, round(boot_s * 1000), flags, list(q_wxyz), 0, 0, 0, 0
    )


AIRDATA = (
    "time(millisecond),datetime(utc),latitude,longitude,height_above_takeoff({unit}),altitude_above_seaLevel({unit}),"
    "satellites, compass_heading(degrees),gimbal_heading(degrees),gimbal_pitch(degrees),gimbal_roll(degrees),isPhoto\n"
)
EXIFTOOL = (
    "SourceFile,DateTimeOriginal,GPSLatitude,GPSLongitude,RelativeAltitude,"
    "GimbalYawDegree,GimbalPitchDegree,GimbalRollDegree\n"
)
MRK_LINE = (
    "{n}\t{tow:.6f}\t[{week}]\t   -10,N\t    11,E\t   193,V\t{lat:.8f},Lat\t{lon:.8f},Lon\t{height:.3f},Ellh\t"
    "0.012000, 0.015000, 0.031000\t{q},Q\n"
)


def mrk_line(number: int, **changes: float) -> str:
    """One line of an .MRK, of 2026-07-01 (GPS week 2425, a Wednesday)."""
    told = {"n": number, "tow": 3 * 86_400 + 36_000 + 18 + number, "week": 2425, "lat": 30.25, "q": 50} | {
        "lon": 120.15 + 1e-5 * number,
        "height": 75.5,
    }
    return MRK_LINE.format(**(told | changes))
