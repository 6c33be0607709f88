"""Which video goes with which telemetry, and whether the two belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.camera import Camera
from geo.errors import GeoError
from geo.pose_track import PoseTrack
from geo.telemetry.poses_csv import read_poses_csv
from geo.telemetry.recorded import RecordedTelemetry
from geo.telemetry.srt import read_srt
from vision.errors import VideoError
from vision.sources.video import VideoSource

_SRT_SUFFIXES = (".SRT", ".srt", ".Srt")
_BLOCK = 1 << 20
# Telemetry and video of one recording end together, up to a cue's length and what the container rounds.
_SLACK_S = 2.0
_LEAST_COVERED = 0.5
# Local time is at most 14 hours off UTC: more than this apart are two days, not two time zones.
_ANOTHER_DAY_S = 26 * 3600.0


class RecordingError(Exception):
    """A video cannot be analysed with this telemetry: names the file, what is wrong and the remedy."""

    def __init__(self, *, path: Path, problem: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}. {remedy}.")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One video with what is known about it.

    Attributes:
        path: The video.
        sha256: Of the file.
        duration_s: Its length; None where the file does not say.
        size_wh_px: Width and height.
        frame_rate: Mean pictures per second; None where the file does not say.
        telemetry_path: Where its poses come from; None for nowhere.
        telemetry: As read.
        track: Its poses on the video's media time, offset applied.
        camera: The lens at the video's size; None where nobody named one.
        problems: What does not keep it from being analysed, but the user should know.
    """

    path: Path
    sha256: str
    duration_s: float | None
    size_wh_px: tuple[int, int]
    frame_rate: float | None = None
    telemetry_path: Path | None = None
    telemetry: RecordedTelemetry | None = None
    track: PoseTrack | None = None
    camera: Camera | None = None
    problems: tuple[str, ...] = ()


def telemetry_beside(video: Path) -> Path | None:
    """The subtitle file of the same name beside a video, as drones write it."""
    return next((found for suffix in _SRT_SUFFIXES if (found := video.with_suffix(suffix)).is_file()), None)


def read_telemetry(path: Path) -> RecordedTelemetry:
    """Poses of an .SRT or .csv file.

    Raises:
        InputFileError: The file cannot be used.
    """
    return read_poses_csv(path) if path.suffix.lower() == ".csv" else read_srt(path)


def open_recording(
    video: Path,
    *,
    telemetry_path: Path | None,
    camera: Camera | None,
    offset_s: float | None = None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Recording:
    """Read a video's header, its telemetry and its digest, and check that video and telemetry belong together.

    Args:
        video: The file.
        telemetry_path: Its poses; None leaves it unlocated.
        camera: The lens as in the table, for photos; None leaves it unlocated.
        offset_s: What the telemetry's clock shows at the video's first frame; None for 0, or for telemetry in UTC what
            the video says itself.
        on_bytes: Called with how many bytes more were read for the digest.

    Raises:
        VideoError: The video cannot be read.
        InputFileError: The telemetry cannot be read.
        RecordingError: The two do not belong together.
    """
    with VideoSource(video) as source:
        duration_s, size, started_at = source.duration_s, source.size_wh_px, source.started_at
        frame_rate = source.frame_rate
    telemetry, track = None, None
    problems: tuple[str, ...] = ()
    if telemetry_path is not None:
        telemetry = read_telemetry(telemetry_path)
        track = telemetry.track
        if track.zero_at is not None and offset_s is None:
            if started_at is None:
                raise RecordingError(
                    path=telemetry_path,
                    problem=f"its poses are in UTC, and {video.name} does not say when it began",
                    remedy="Give --offset-s: seconds from the first pose to the video's first frame",
                )
            offset_s = track.seconds_of(started_at)
        track = track.shifted(offset_s) if offset_s else track
        problems = _fit(video, duration_s, telemetry_path, track, whole=offset_s is None)
        if started_at is not None and telemetry.track.zero_at is None:
            _check_day(video, telemetry_path, telemetry, (started_at.timestamp()))
    return Recording(
        path=video,
        sha256=_digest(video, on_bytes),
        duration_s=duration_s,
        size_wh_px=size,
        frame_rate=frame_rate,
        telemetry_path=telemetry_path,
        telemetry=telemetry,
        track=track,
        camera=None if camera is None else camera.filming(size),
        problems=problems,
    )


def flight_id_of_recordings(recordings: Sequence[Recording]) -> str:
    """A name for the flight of these videos, the same each time: its first time and a digest of its first video."""
    first = recordings[0]
    began = None if first.track is None else first.track.poses[0].at
    return f"F{began:%Y%m%d-%H%M%S}-{first.sha256[:8]}" if began else f"F-{first.sha256[:8]}"


def _fit(
    video: Path, duration_s: float | None, telemetry_path: Path, track: PoseTrack, *, whole: bool
) -> tuple[str, ...]:
    """What does not fit between a video's length and its telemetry's.

    Raises:
        RecordingError: They cannot be of one recording.
    """
    if duration_s is None:
        return ()
    covered_s = max(0.0, min(track.ended_s, duration_s) - max(track.began_s, 0.0))
    words = f"it tells poses from {track.began_s:.1f} to {track.ended_s:.1f} s, {video.name} lasts {duration_s:.1f} s"
    remedy = f"Give the .SRT that the drone wrote beside {video.name}, or --offset-s if it is a longer log"
    if whole and track.ended_s > duration_s + max(_SLACK_S, 0.05 * duration_s):
        raise RecordingError(path=telemetry_path, problem=f"belongs to a longer recording: {words}", remedy=remedy)
    if covered_s < _LEAST_COVERED * duration_s:
        raise RecordingError(path=telemetry_path, problem=f"covers too little of the video: {words}", remedy=remedy)
    if covered_s < duration_s - max(_SLACK_S, 0.02 * duration_s):
        left_s = duration_s - covered_s
        return (f"{telemetry_path}: {words}: in the other {left_s:.1f} s things are detected, not located",)
    return ()


def _check_day(video: Path, telemetry_path: Path, telemetry: RecordedTelemetry, started_s: float) -> None:
    told = telemetry.track.poses[0].at
    if told is not None and abs(told.timestamp() - started_s) > _ANOTHER_DAY_S:
        raise RecordingError(
            path=telemetry_path,
            problem=f"is of another day ({told:%Y-%m-%d}) than {video.name}",
            remedy=f"Give the .SRT that the drone wrote beside {video.name}",
        )


def _digest(path: Path, on_bytes: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                on_bytes(len(block))
    except OSError as error:
        raise VideoError(path, f"cannot be read ({error.strerror})", "check its permissions") from error
    return digest.hexdigest()


TELEMETRY_ERRORS = (GeoError, RecordingError, VideoError)
"""What keeps one video of several from being analysed; the others go on."""
