"""A photo as one record of telemetry: from its file, or from a row of a table made of its EXIF and XMP."""

from __future__ import annotations

from dataclasses import replace

from geo.telemetry.clock import taken_at
from geo.telemetry.entry import Entry
from geo.telemetry.exif import Exif
from geo.telemetry.photo import altitude_of, angles_of, place_of, sigmas_of, swapped_place_of
from geo.telemetry.xmp import Xmp

NOWHERE = {
    "no_gps": "no_position",
    "gps_zero": "no_fix",
    "gps_invalid": "out_of_range",
    "gps_ref_missing": "no_hemisphere",
}
"""Why a photo has no place, as it is counted."""


def photo_entry(exif: Exif, xmp: Xmp, *, where: str) -> Entry | str:
    """What EXIF and XMP tell, as one record without `time_s`; or the reason why it has no place."""
    at, time_flags = taken_at(exif, xmp)
    place, place_flags = place_of(exif, xmp)
    if place is None and (turned := swapped_place_of(exif)) is not None:
        place, place_flags = turned, ("axes_swapped",)
    if place is None:
        return NOWHERE.get(place_flags[0], "no_position")
    altitude, altitude_flags = altitude_of(exif, xmp)
    heading, pitch, roll, source, angle_flags = angles_of(xmp)
    flags = (*place_flags, *altitude_flags, *angle_flags, *time_flags, *xmp.flags)
    if pitch is not None and roll is None:
        flags = (*flags, "roll_unknown")
    entry = Entry(
        where=where,
        at=at,
        lon=place[0],
        lat=place[1],
        heading_deg=heading,
        pitch_deg=pitch,
        roll_deg=roll,
        heading_source=source,
        flags=flags,
    )
    if altitude is None:
        return entry
    return replace(
        entry,
        alt_m=altitude.alt_m,
        alt_datum=altitude.datum,
        height_above_home_m=altitude.home_m,
        reported_alt_m=altitude.reported_m,
        sigmas=sigmas_of(xmp, altitude.datum, source),
    )
