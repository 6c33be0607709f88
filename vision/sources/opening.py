"""From what a user names to a source of frames."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from vision.errors import PhotoError, VideoError
from vision.sources.address import check_address, scheme_of
from vision.sources.connection import Timeouts
from vision.sources.live import LiveSource
from vision.sources.photo_source import PhotoSource
from vision.sources.photos import SUFFIXES, in_time_order, photo_paths
from vision.sources.source import FrameSource, StreamData
from vision.sources.stagger import Stagger
from vision.sources.video import VideoSource

Kind = Literal["photos", "video", "live"]

_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif"})
_VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".mov",
        ".m4v",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".m2ts",
        ".mts",
        ".flv",
        ".h264",
        ".h265",
        ".hevc",
        ".264",
        ".265",
    }
)


def kind_of(place: str | Path) -> Kind:
    """Tell what a user named: an address by its scheme, a file by its content, whatever its suffix.

    Args:
        place: A folder of photos, a photo, a video, or the address of a live stream.

    Returns:
        "photos" for folders and pictures, "video" for a file that holds a video, "live" for an address.

    Raises:
        StreamError: If the address is of no kind that can be read.
        PhotoError: If there is no such file or folder, or it is a still picture of a kind that cannot be read.
        VideoError: If the file is neither a picture nor a video.
    """
    if isinstance(place, str) and scheme_of(place) is not None:
        check_address(place)
        return "live"
    return _kind_of_path(Path(place))


def videos_in(folder: Path) -> list[Path]:
    """The files of a folder, subfolders included, that are videos by their names; hidden ones are passed over."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _VIDEO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def open_frames(
    place: str | Path,
    *,
    on_data: Callable[[StreamData], None] | None = None,
    want: Callable[[float], bool] | None = None,
    started_at: datetime | None = None,
    timeouts: Timeouts | None = None,
    give_up_after_s: float | None = None,
    stagger: Stagger | None = None,
) -> FrameSource:
    """Open whatever a user named.

    Args:
        place: A folder of photos, a photo, a video, or the address of a live stream.
        on_data: Gets telemetry found inside a video or stream; see `VideoSource` and `LiveSource`.
        want: Says which frames of a video or stream are wanted; not asked for photos.
        started_at: Moment of a video's first picture, aware UTC, if known from elsewhere.
        timeouts: How long to wait for what in a live stream.
        give_up_after_s: Longest time without a picture of a live stream; None to try for ever.
        stagger: Shared by live sources that should not connect in the same moment.

    Returns:
        The source; a folder's photos in the order in which they were taken.

    Raises:
        PhotoError: If there is no picture, or no such file or folder.
        VideoError: If the file is neither a picture nor a video that can be read.
        StreamError: If the address is of no kind that can be read.
    """
    kind = kind_of(place)
    if kind == "live":
        return LiveSource(
            str(place), timeouts=timeouts, on_data=on_data, want=want, give_up_after_s=give_up_after_s, stagger=stagger
        )
    if kind == "video":
        return VideoSource(Path(place), on_data=on_data, want=want, started_at=started_at)
    return PhotoSource(in_time_order(photo_paths(Path(place))))


def _kind_of_path(path: Path) -> Kind:
    if path.is_dir():
        return "photos"
    is_video_by_name = path.suffix.lower() in _VIDEO_SUFFIXES
    if not path.exists():
        raise (VideoError if is_video_by_name else PhotoError)(path, "no such file or folder", "check the path")
    if not path.is_file():
        raise PhotoError(path, "is no ordinary file", "name a folder of photos, a photo or a video")
    start = _start_of(path)
    if start.startswith(_PICTURE_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return "photos"
    if start[4:8] == b"ftyp" and start[8:12] in _STILL_BRANDS:
        raise PhotoError(path, "is a still picture of a kind that cannot be read (HEIC, AVIF)", "save it again as JPEG")
    try:
        VideoSource(path).close()
    except VideoError:
        if path.suffix.lower() in SUFFIXES:
            return "photos"  # whoever reads it will say what is wrong with it as a picture
        raise
    return "video"


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise VideoError(path, f"cannot be read ({error.strerror})", "check its permissions") from error
