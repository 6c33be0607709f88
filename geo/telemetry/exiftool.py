"""Tables and JSON that exiftool writes about a flight's photos, read as the photos' own files would be.

Names come in many dresses (`GPSLatitude`, `EXIF:GPSLatitude`, `GPS Latitude`, `XMP-drone-dji:GimbalPitchDegree`),
degrees as `8 deg 17' 39.30" S` or as a number with a sign. Rows may stand in any order: they are put in that of their
times.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from geo.errors import InputFileError
from geo.telemetry.entry import Entry
from geo.telemetry.exif import Exif
from geo.telemetry.photo_entry import photo_entry
from geo.telemetry.photo_reading import photo_reading
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.screening import Account
from geo.telemetry.table import Table
from geo.telemetry.xmp import Xmp

_PLACE = {"gpslatitude": "GPSLatitude", "gpslongitude": "GPSLongitude", "gpslongtitude": "GPSLongitude"}
_EXIF = {
    name.lower(): name
    for name in (
        "GPSLatitudeRef",
        "GPSLongitudeRef",
        "GPSAltitude",
        "GPSAltitudeRef",
        "DateTimeOriginal",
        "DateTime",
        "OffsetTimeOriginal",
        "OffsetTime",
        "GPSDateStamp",
        "GPSTimeStamp",
    )
} | {"subsecdatetimeoriginal": "DateTimeOriginal", "createdate": "DateTime"}
_XMP = (
    {
        name.lower(): name
        for name in (
            "AbsoluteAltitude",
            "RelativeAltitude",
            "GimbalYawDegree",
            "GimbalPitchDegree",
            "GimbalRollDegree",
            "FlightYawDegree",
            "RtkFlag",
            "RtkStdLon",
            "RtkStdLat",
            "RtkStdHgt",
            "UTCAtExposure",
        )
    }
    | {"gpsdatetime": "GPSDateTime", "gimbalyaw": "GimbalYawDegree", "gimbalpitch": "GimbalPitchDegree"}
    | {"gimbalroll": "GimbalRollDegree", "flightyaw": "FlightYawDegree"}
)
_NAMES = frozenset({"sourcefile", "filename", "file", "image", "photo"})
_PAIR = frozenset({"gpsposition", "gpscoordinates"})
_KNOWN = frozenset({*_PLACE, *_EXIF, *_XMP, *_NAMES, *_PAIR})
# At least one of these makes a table one of photos.
_SIGNS = frozenset({*_PLACE, *_PAIR})

_DEGREES = re.compile(
    r"^\s*([+-]?\d+(?:\.\d+)?)\s*(?:deg|°|d)\s*(?:(\d+(?:\.\d+)?)\s*['′m]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:\"|″|''|s)\s*)?([NSEWnsew]?)\w*\s*$"
)
_PLAIN = re.compile(r"^\s*([+-]?\d+(?:[.,]\d+)?)\s*([NSEWnsew]?)\w*\s*$")
# EXIF's own numbers have no sign: their hemisphere stands in a tag of its own.
_UNSIGNED_GROUP, _BARE, _UNSIGNED = (
    re.compile(r"\[?(EXIF|GPS)\s*[:\]]", re.I),
    re.compile(r"^\d+([.,]\d+)?$"),
    "unsigned",
)
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


def is_exiftool(names: Iterable[str]) -> bool:
    """Whether column names are those of exiftool about photos."""
    return bool(_SIGNS & {_plain(name) for name in names})


def read_exiftool_table(path: Path, table: Table) -> TelemetryReading:
    """The photos of a table.

    Raises:
        InputFileError: Not one row tells a usable place.
    """
    records = [(f"line {row.line}", _by_plain_name(row.cells)) for row in table.rows]
    return _reading(path, records, table.columns, dialect="exiftool_csv", comma=table.decimal_comma)


def read_exiftool_json(path: Path, text: str) -> TelemetryReading:
    """The photos of exiftool's JSON, with or without groups.

    Raises:
        InputFileError: It is no JSON list of records, or not one of them tells a usable place.
    """
    remedy = "Write it by `exiftool -json FOLDER`"
    try:
        told = json.loads(text)
    except ValueError as error:
        raise InputFileError(path=path, problem=f"is no JSON ({error})", remedy=remedy) from error
    told = [told] if isinstance(told, dict) else told
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise InputFileError(path=path, problem="is no list of photos", remedy=remedy)
    flat = [dict(_flat(one)) for one in told]
    names = list(dict.fromkeys(name for one in flat for name in one))
    if not is_exiftool(names):
        raise InputFileError(path=path, problem=f"tells no place of a photo; it has {_some(names)}", remedy=remedy)
    records = [(f"record {number}", _by_plain_name(one)) for number, one in enumerate(flat, start=1)]
    return _reading(path, records, names, dialect="exiftool_json", comma=False)


def _reading(
    path: Path, records: list[tuple[str, dict[str, str]]], names: Iterable[str], *, dialect: str, comma: bool
) -> TelemetryReading:
    account = Account()
    entries: list[Entry] = []
    for where, cells in records:
        exif, xmp = _as_file(cells, comma=comma)
        entry = photo_entry(exif, xmp, where=where)
        if isinstance(entry, str):
            account.drop(entry, where)
        else:
            entries.append(entry)
    names = list(names)
    return photo_reading(
        path,
        entries,
        account,
        family="exiftool",
        dialect=dialect,
        entries_told=len(records),
        recognised=tuple(name for name in names if _plain(name) in _KNOWN),
        not_recognised=tuple(name for name in names if _plain(name) not in _KNOWN),
    )


def _as_file(cells: Mapping[str, str], *, comma: bool) -> tuple[Exif, Xmp]:
    """A record as the EXIF and XMP of the photo that it tells of."""
    exif: dict[str, Any] = {}
    xmp: dict[str, str] = {}
    for pair in _PAIR & cells.keys():
        exif |= _pair(cells[pair])
    for name, text in cells.items():
        if not text or text == "-":
            continue
        if name.removesuffix(_UNSIGNED) in _PLACE and name.endswith(_UNSIGNED):
            exif.setdefault(_PLACE[name.removesuffix(_UNSIGNED)], (float(text.replace(",", ".")),))
        elif name in _PLACE:
            exif |= _place(_PLACE[name], text.replace(",", ".") if comma else text)
        elif name in _XMP:
            xmp.setdefault(_XMP[name], text.replace(",", ".") if comma else text)
        elif name in _EXIF and not name.endswith("tuderef"):
            exif.setdefault(_EXIF[name], text)
    refs = {_EXIF[name]: cells.get(name, "") for name in ("gpslatituderef", "gpslongituderef")}
    exif |= {name: text for name, text in refs.items() if text not in ("", "-")}
    _tell_time(exif, xmp)
    if "below" in str(exif.get("GPSAltitude", "")).lower() + str(exif.get("GPSAltitudeRef", "")).lower():
        exif["GPSAltitudeRef"] = 1
    return Exif(exif), Xmp(entries=xmp)


def _place(name: str, text: str) -> dict[str, Any]:
    """Degrees and hemisphere; a number without a letter has its hemisphere in its sign."""
    found = _DEGREES.match(text)
    if found is not None:
        degrees, minutes, seconds, letter = found.groups()
        parts: tuple[float, ...] = (abs(float(degrees)), float(minutes or 0), float(seconds or 0))
        sign = -1 if degrees.startswith("-") else 1
    else:
        plain = _PLAIN.match(text)
        if plain is None:
            return {}
        value = float(plain.group(1).replace(",", "."))
        parts, sign, letter = (abs(value),), -1 if value < 0 else 1, plain.group(2)
    letters = "NS" if name == "GPSLatitude" else "EW"
    return {name: parts, f"{name}Ref": letter.upper() if letter else letters[0 if sign > 0 else 1]}


def _pair(text: str) -> dict[str, Any]:
    parts = [part.strip() for part in re.split(r",\s+|\s*;\s*", text)]
    if len(parts) < 2 and len(text.split()) in (2, 3):
        parts = text.split()
    return _place("GPSLatitude", parts[0]) | _place("GPSLongitude", parts[1]) if len(parts) >= 2 else {}


def _tell_time(exif: dict[str, Any], xmp: dict[str, str]) -> None:
    """Zones that stand behind the time, as exiftool writes composed ones, where the reader of photos looks for them."""
    gps = xmp.pop("GPSDateTime", None)
    if gps and "OffsetTimeOriginal" not in exif and "UTCAtExposure" not in xmp:
        xmp["UTCAtExposure"] = _ZONE.sub("", gps.strip())
    for name in ("DateTimeOriginal", "DateTime"):
        zone = _ZONE.search(str(exif.get(name, "")).strip())
        if zone is not None:
            exif[name] = str(exif[name]).strip()[: zone.start()]
            exif.setdefault("OffsetTimeOriginal", zone.group(1))


def _flat(record: Mapping[str, Any], group: str = "") -> Iterable[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name}:")
        elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
            yield group + str(name), str(value)


def _by_plain_name(cells: Mapping[str, str]) -> dict[str, str]:
    """Values by plain name; of the same tag in several groups the first that tells something."""
    plain: dict[str, str] = {}
    for name, text in cells.items():
        key = _plain(name)
        if key in _PLACE and _UNSIGNED_GROUP.match(name) and _BARE.match(text):
            key += _UNSIGNED
        if plain.get(key, "") in ("", "-"):
            plain[key] = text
    return plain


def _plain(name: str) -> str:
    """A tag's name without group, spaces and case."""
    return re.sub(r"[\s_-]+", "", re.split(r"[:\]]", name)[-1]).lower()


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
