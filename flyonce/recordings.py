"""Which video goes with which telemetry, and whether the two belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from flyonce.telemetry import klv_inside, read_telemetry_of
from geo.camera import Camera
from geo.clock_offset import ClockOffset
from geo.errors import GeoError, InputFileError
from geo.pose_track import PoseTrack
from geo.telemetry.fov import camera_of_fov
from geo.telemetry.klv_poses import read_klv_pieces
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.recorded import RecordedTelemetry
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
        telemetry_path: Where its poses come from: a file, or the video itself that carries them; None for nowhere.
        telemetry: As read.
        track: Its poses on the video's media time, offset applied.
        camera: The lens at the video's size; None where nobody named one, and telemetry tells none exactly.
        problems: What does not keep it from being analysed, but the user should know.
        clock: What its picture's motion told of its telemetry's clock; None where nobody asked.
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
    clock: ClockOffset | None = None

    @property
    def carries_its_poses(self) -> bool:
        """Whether its poses travel inside the video."""
        return self.telemetry_path == self.path


def telemetry_beside(video: Path) -> Path | None:
    """The subtitle file of the same name beside a video, as drones write it."""
    return next((found for suffix in _SRT_SUFFIXES if (found := video.with_suffix(suffix)).is_file()), None)


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
        telemetry_path: Its poses; None takes those that travel inside the video, if any.
        camera: The lens as in the table, for photos; None takes the field of view that telemetry tells, if it is exact.
        offset_s: What the telemetry's clock shows at the video's first frame; None for 0, or for telemetry in UTC what
            the video says itself.
        on_bytes: Called with how many bytes more were read for the digest.

    Raises:
        VideoError: The video cannot be read.
        InputFileError: The telemetry cannot be read.
        RecordingError: The two do not belong together.
    """
    with VideoSource(video):
        pass  # what is no video is told before gigabytes are read
    # Before a single picture is decoded or any telemetry is looked at: it names the bytes as they came.
    sha256 = _digest(video, on_bytes)
    with VideoSource(video) as source:
        film = _Film(path=video, duration_s=source.duration_s, started_at=source.started_at)
        size, frame_rate, may_carry_klv = source.size_wh_px, source.frame_rate, source.may_carry_klv
    reading: TelemetryReading | None = None
    problems: tuple[str, ...] = ()
    if telemetry_path is not None:
        reading = read_telemetry_of(telemetry_path)
    elif may_carry_klv:
        reading, problems = _inside(video)
    lens = None if camera is None else camera.filming(size)
    if reading is not None and lens is None and (seen := camera_of_fov(reading.points, size)) is not None:
        lens, points = seen
        reading = replace(reading, points=points)
    telemetry, track = None, None
    if reading is not None:
        telemetry = reading.recorded()
        track, problems = _on_media_time(film, reading, telemetry, offset_s)
    return Recording(
        path=video,
        sha256=sha256,
        duration_s=film.duration_s,
        size_wh_px=size,
        frame_rate=frame_rate,
        telemetry_path=None if reading is None else reading.path,
        telemetry=telemetry,
        track=track,
        camera=lens,
        problems=problems,
    )


@dataclass(frozen=True, kw_only=True)
class _Film:
    """What a video's header tells of its time."""

    path: Path
    duration_s: float | None
    started_at: datetime | None


def _on_media_time(
    film: _Film, reading: TelemetryReading, telemetry: RecordedTelemetry, offset_s: float | None
) -> tuple[PoseTrack, tuple[str, ...]]:
    """The poses on the video's media time, and what does not fit between the two.

    Raises:
        RecordingError: They do not belong together, or nothing says how their clocks do.
    """
    track = telemetry.track
    remedy = "Give --offset-s: seconds from the first pose to the video's first frame"
    if offset_s is None and reading.clock == "local":
        problem = "its clock's zone is unknown, so its times cannot be laid beside the video's"
        raise RecordingError(path=reading.path, problem=problem, remedy=remedy)
    if offset_s is None and track.zero_at is not None:
        if film.started_at is None:
            problem = f"its poses are in UTC, and {film.path.name} does not say when it began"
            raise RecordingError(path=reading.path, problem=problem, remedy=remedy)
        offset_s = track.seconds_of(film.started_at)
    track = track.shifted(offset_s) if offset_s else track
    if reading.path == film.path:
        return track, ()
    problems = _fit(film.path, film.duration_s, reading.path, track, whole=offset_s is None)
    if film.started_at is not None and telemetry.track.zero_at is None:
        _check_day(film.path, reading.path, telemetry, film.started_at.timestamp())
    return track, problems


def _inside(video: Path) -> tuple[TelemetryReading | None, tuple[str, ...]]:
    """The poses that travel inside a video; or none, and why they cannot be used."""
    pieces = klv_inside(video)
    if not pieces:
        return None, ()
    try:
        reading = read_klv_pieces(video, pieces)
    except InputFileError as error:
        return None, (f"{error}: the telemetry inside the video cannot be used",)
    if all(point.alt_m is None for point in reading.points):
        return None, (f"{video}: the telemetry inside it tells no altitude, so it cannot be used",)
    return reading, ()


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
