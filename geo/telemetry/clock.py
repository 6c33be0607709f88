"""When a photo was taken, as aware UTC: drones write local time, often without saying which."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from geo.telemetry.exif import Exif
from geo.telemetry.xmp import Xmp

_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")


def taken_at(exif: Exif, xmp: Xmp) -> tuple[datetime | None, tuple[str, ...]]:
    """The time of exposure and flags about it.

    Preferred: the drone's UTC entry; then local time with its offset; then GPS time. A local time without an offset is
    returned as if it were UTC with the flag `time_zone_unknown`: good for order, not for the hour.
    """
    utc = _parse(xmp.entries.get("UTCAtExposure"))
    if utc is not None:
        return utc, ()
    local = _with_fraction(_parse(exif.text("DateTimeOriginal")), exif.text("SubsecTimeOriginal"))
    local = local or _parse(exif.text("DateTime"))
    offset = _offset(exif.text("OffsetTimeOriginal") or exif.text("OffsetTime"))
    if local is not None and offset is not None:
        return local - offset, ()
    gps = _gps_time(exif)
    if gps is not None:
        return gps, ()
    return (local, ("time_zone_unknown",)) if local is not None else (None, ("no_time",))


def _parse(text: str | None) -> datetime | None:
    if not text:
        return None
    head, _, fraction = text.strip().replace("T", " ").partition(".")
    for pattern in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            second = datetime.strptime(head[:19], pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        return second + timedelta(seconds=float(f"0.{fraction}")) if fraction.isdigit() else second
    return None


def _with_fraction(second: datetime | None, digits: str | None) -> datetime | None:
    """The moment to a fraction of its second, where the camera tells that apart."""
    if second is None or second.microsecond or digits is None or not (digits.isascii() and digits.isdigit()):
        return second
    return second + timedelta(seconds=float(f"0.{digits}"))


def _offset(text: str | None) -> timedelta | None:
    found = _OFFSET.match(text.strip()) if text else None
    if found is None:
        return timedelta(0) if text and text.strip().upper() == "Z" else None
    sign, hours, minutes = found.groups()
    return (-1 if sign == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes))


def _gps_time(exif: Exif) -> datetime | None:
    day, clock = exif.text("GPSDateStamp"), exif.numbers("GPSTimeStamp")
    if day is None or len(clock) != 3:
        return None
    midnight = _parse(f"{day} 00:00:00")
    return midnight + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2]) if midnight else None
