"""Which family of telemetry a file is, told by its content: names and suffixes are other people's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from geo.errors import InputFileError
from geo.telemetry.airdata import is_airdata, read_airdata
from geo.telemetry.exiftool import is_exiftool, read_exiftool_json, read_exiftool_table
from geo.telemetry.klv_poses import read_klv
from geo.telemetry.klv_tags import KEY
from geo.telemetry.mrk import looks_like_mrk, read_mrk
from geo.telemetry.photos import photos_in, read_photos
from geo.telemetry.poses_csv import is_poses, read_poses_table
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.srt import read_srt_points
from geo.telemetry.srt_dialects import CLOCK, CUE_TIMES
from geo.telemetry.table import Table, decoded, read_table
from geo.telemetry.tlog import read_tlog
from geo.telemetry.tlog_frames import looks_like_tlog

_HEAD_BYTES = 65_536
_NEAR_BYTES = 4096
KNOWN = "DJI .SRT, KLV (MISB ST 0601), .tlog, photos, exiftool CSV or JSON, Airdata CSV, DJI .MRK, or a table of poses"
"""The families, for people."""


@dataclass(frozen=True, kw_only=True)
class Binary:
    """A family that is no text: how its first bytes are recognised, and how it is read."""

    family: str
    fits: Callable[[bytes], bool]
    read: Callable[[Path], TelemetryReading]


@dataclass(frozen=True, kw_only=True)
class Tabular:
    """A family of tables: how its column names are recognised, and how it is read."""

    family: str
    fits: Callable[[Iterable[str]], bool]
    read: Callable[[Path, Table], TelemetryReading]


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What is recognised but not read here: its first bytes, what it is, and what to do."""

    start: bytes
    at: int
    problem: str
    remedy: str


def _looks_like_klv(head: bytes) -> bool:
    """Whether a packet begins near the start, and not inside the packets of a transport stream."""
    return 0 <= head.find(KEY) < _NEAR_BYTES and not (head[:1] == b"G" and head[188:189] == b"G")


_PICTURES = (b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG\r\n\x1a\n")

BINARIES = (
    Binary(
        family="photos",
        fits=lambda head: head.startswith(_PICTURES),
        read=lambda path: read_photos(path, [path]),
    ),
    Binary(family="klv", fits=_looks_like_klv, read=read_klv),
    Binary(family="tlog", fits=looks_like_tlog, read=lambda path: read_tlog(path, path.read_bytes())),
)

TABLES = (
    Tabular(family="poses_csv", fits=is_poses, read=read_poses_table),
    Tabular(family="airdata", fits=is_airdata, read=read_airdata),
    Tabular(family="exiftool", fits=is_exiftool, read=read_exiftool_table),
)

ELSEWHERE = (
    Elsewhere(
        start=b"\xa3\x95",
        at=0,
        problem="is an ArduPilot dataflash log, which is not read",
        remedy="Give the ground station's .tlog of the flight",
    ),
    Elsewhere(
        start=b"ULog\x01\x12\x35",
        at=0,
        problem="is a PX4 ULog, which is not read",
        remedy="Give the ground station's .tlog of the flight",
    ),
    Elsewhere(
        start=b"ftyp",
        at=4,
        problem="is a video and carries no telemetry that is read",
        remedy="Give the .SRT that the drone wrote beside it",
    ),
)


def read_telemetry(path: Path, *, on_record: Callable[[], None] = lambda: None) -> TelemetryReading:
    """The points of a telemetry file of any family, or of a folder of photos.

    Args:
        path: The file or folder.
        on_record: Called after each photo of a folder.

    Raises:
        InputFileError: It cannot be read, is of no family that is known here, or tells no usable place; the error names
            the file, the place in it and the remedy.
    """
    if path.is_dir():
        photos = photos_in(path)
        if not photos:
            raise InputFileError(path=path, problem="the folder holds no photo", remedy="Give a folder of photos")
        return read_photos(path, photos, on_photo=on_record)
    head = _head(path)
    for binary in BINARIES:
        if binary.fits(head):
            return binary.read(path)
    for other in ELSEWHERE:
        if head[other.at : other.at + len(other.start)] == other.start:
            raise InputFileError(path=path, problem=other.problem, remedy=other.remedy)
    text = decoded(path.read_bytes())
    if text is None:
        raise InputFileError(
            path=path,
            problem=f"is no telemetry that is known here (it begins with {head[:8]!r})",
            remedy=f"Give {KNOWN}",
        )
    return _read_text(path, text)


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise InputFileError(path=path, problem="no such file", remedy="Check the path")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputFileError(path=path, problem=problem, remedy="Check its permissions") from error
    if not head.strip():
        raise InputFileError(path=path, problem="the file is empty", remedy="Copy it again from the drone's card")
    return head


def _read_text(path: Path, text: str) -> TelemetryReading:
    if text.lstrip("\ufeff \t\r\n")[:1] in ("[", "{"):
        return read_exiftool_json(path, text.lstrip("\ufeff"))
    if looks_like_mrk(text):
        return read_mrk(path, text)
    if _looks_like_srt(text):
        return read_srt_points(path)
    table = read_table(path, text)
    for tabular in TABLES:
        if tabular.fits(table.columns):
            return tabular.read(path, table)
    first = next(line for line in text.splitlines() if line.strip())
    raise InputFileError(
        path=path,
        place="line 1",
        problem=f"nothing is recognised in it: {first.strip()[:80]!r}",
        remedy=f"Give {KNOWN}",
    )


def _looks_like_srt(text: str) -> bool:
    """Whether the first lines are a cue's: a number, then its times or the drone's clock."""
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()][:20]
    if any(CUE_TIMES.search(line) for line in lines):
        return True
    numbered = bool(lines) and re.fullmatch(r"\d+", lines[0]) is not None
    return numbered and (len(lines) == 1 or CLOCK.match(lines[1]) is not None)
