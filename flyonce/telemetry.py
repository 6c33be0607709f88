"""Telemetry wherever it is: a file of its own, a folder of photos, or KLV that travels inside a video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from geo.errors import InputFileError
from geo.telemetry.klv_poses import read_klv_pieces
from geo.telemetry.opening import read_telemetry
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.tlog import read_tlog
from geo.telemetry.tlog_frames import looks_like_tlog
from vision.sources.source import StreamData
from vision.sources.video import VideoSource

_TS_SYNC, _TS_PACKET, _M2TS_STAMP = 0x47, 188, 4
_CONTAINERS = ((4, b"ftyp"), (0, b"\x1a\x45\xdf\xa3"), (8, b"AVI "))
_HEAD_BYTES = 1024
_LOG_HEAD_BYTES = 65_536


def read_telemetry_of(
    path: Path,
    *,
    mount_deg: tuple[float, float, float] | None = None,
    on_record: Callable[[], None] = lambda: None,
) -> TelemetryReading:
    """The points of a telemetry file of any family, of a folder of photos, or of the KLV inside a video.

    Args:
        path: The file or folder.
        mount_deg: For a MAVLink log: heading, pitch and roll of a camera that is fixed to the aircraft, relative to it.
        on_record: Called after each photo of a folder.

    Raises:
        InputFileError: It cannot be read, is of no known family, or tells no usable place.
        VideoError: It is a video that cannot be read.
    """
    if mount_deg is not None:
        return _with_fixed_camera(path, mount_deg)
    if not is_video(path):
        return read_telemetry(path, on_record=on_record)
    pieces = klv_inside(path)
    if not pieces:
        raise InputFileError(
            path=path,
            problem="the video carries no KLV, the only telemetry inside a video that is read",
            remedy="Give the .SRT that the drone wrote beside it, or another table of its poses",
        )
    return read_klv_pieces(path, pieces)


def _with_fixed_camera(path: Path, mount_deg: tuple[float, float, float]) -> TelemetryReading:
    data = path.read_bytes() if path.is_file() else b""
    if not looks_like_tlog(data[:_LOG_HEAD_BYTES]):
        raise InputFileError(
            path=path,
            problem="is no MAVLink log, and only that tells an aircraft's attitude to which a camera could be fixed",
            remedy="Leave --mount out",
        )
    return read_tlog(path, data, mount_deg=mount_deg)


def is_video(path: Path) -> bool:
    """Whether a file begins as a container of videos does: MPEG-TS, MP4, Matroska, AVI."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    starts = (0, _M2TS_STAMP)
    steps = (_TS_PACKET, _TS_PACKET + _M2TS_STAMP)
    transport = any(
        len(head) > start + 2 * step and all(head[start + number * step] == _TS_SYNC for number in range(3))
        for start, step in zip(starts, steps, strict=True)
    )
    return transport or any(head[at : at + len(mark)] == mark for at, mark in _CONTAINERS)


def klv_inside(video: Path) -> list[tuple[float, bytes]]:
    """The KLV packets of a video with their media times, read without decoding a picture.

    Raises:
        VideoError: The video cannot be read.
    """
    found: list[tuple[float, bytes]] = []

    def keep(piece: StreamData) -> None:
        if piece.kind == "klv":
            found.append((piece.media_time_s, piece.payload))

    with VideoSource(video, on_data=keep, want=lambda media_time_s: False) as source:
        if source.may_carry_klv:
            for _ in source:
                pass
    return found
