"""Recorded videos and live streams as feeds of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flyonce.feed import Feed, FeedError, Progress, Wanted
from flyonce.film_clock import with_clock_told
from flyonce.live_material import LiveMaterial
from flyonce.looks import Problem
from flyonce.material import Material
from flyonce.recordings import TELEMETRY_ERRORS, Recording, flight_id_of_recordings, open_recording, telemetry_beside
from flyonce.tools import Tools
from flyonce.video_material import VideoMaterial


class VideoFeed(Feed):
    """Recorded videos, each once, with their telemetry."""

    def __init__(
        self,
        videos: Sequence[tuple[Path, Path | None]],
        wanted: Wanted,
        refused: Sequence[Problem],
        on_stage: Callable[[str], None],
    ) -> None:
        """Read the headers and the telemetry.

        Args:
            videos: Each with its telemetry; None to take what lies beside it.
            wanted: How they are to be read.
            refused: What was named beside them and is no video.
            on_stage: Called with the name of what begins.

        Raises:
            FeedError: Not one of several can be used.
            VideoError: The only one cannot be read.
            GeoError: Its telemetry cannot be used.
            RecordingError: It and its telemetry do not belong together.
        """
        recordings: list[Recording] = []
        left_out = list(refused)
        for video, telemetry in videos:
            on_stage(f"reading {video.name}")
            try:
                recordings.append(
                    open_recording(
                        video,
                        telemetry_path=telemetry or telemetry_beside(video),
                        camera=wanted.camera,
                        offset_s=None if wanted.offset_s == "auto" else wanted.offset_s,
                    )
                )
            except TELEMETRY_ERRORS as error:
                if len(videos) == 1 and not refused:
                    raise
                left_out.append((video, str(error)))
        recordings = list(_once_each(recordings, left_out))
        if not recordings:
            raise FeedError("; ".join(problem for _, problem in left_out))
        self._recordings = recordings
        self._finds_offset = wanted.offset_s == "auto"
        self.refused = tuple(left_out)
        self.flight_id = flight_id_of_recordings(recordings)
        self.words = "; ".join(_words(recording) for recording in recordings)

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """The videos, one after the other."""
        known = [recording.duration_s for recording in self._recordings if recording.duration_s is not None]
        total_s = sum(known) if len(known) == len(self._recordings) else None
        recordings = self._recordings
        if self._finds_offset:
            on_stage("comparing clocks")
            recordings = [_with_clock(one, tools, progress) for one in recordings]
        on_stage("looking")
        return VideoMaterial(
            recordings,
            ground=tools.ground,
            masks=tools.masks(),
            coarsest_resolution_m=tools.coarsest_resolution_m,
            on_progress=lambda done_s: progress(done_s, total_s),
        )


def _with_clock(recording: Recording, tools: Tools, progress: Progress) -> Recording:
    return with_clock_told(recording, tools.ground, on_progress=lambda done_s: progress(done_s, recording.duration_s))


def _once_each(recordings: Sequence[Recording], left_out: list[Problem]) -> Iterator[Recording]:
    """Each film once, by its bytes: the same one again would confirm what it showed already."""
    first: dict[str, Path] = {}
    for recording in recordings:
        if recording.sha256 in first:
            problem = f"{recording.path}: is the same film as {first[recording.sha256]}. Name it once."
            left_out.append((recording.path, problem))
            continue
        first[recording.sha256] = recording.path
        yield recording


class LiveFeed(Feed):
    """A live stream."""

    endless = True

    def __init__(self, url: str, wanted: Wanted) -> None:
        """Make ready; nothing is connected yet.

        Raises:
            StreamError: The address is of no kind that can be read.
        """
        self._progress: Progress = lambda done, total: None
        self._live = LiveMaterial(
            url, for_s=wanted.for_s, camera=wanted.camera, on_frame=lambda s: self._progress(s, wanted.for_s)
        )
        self.flight_id = f"LIVE-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        end = "Ctrl-C ends it" if wanted.for_s is None else f"for {wanted.for_s:g} s"
        self.words = f"live from {self._live.address}; {end}. Located where poses travel in the stream (KLV)"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """The stream."""
        self._progress = progress
        self._live.masks = tools.masks()
        on_stage("live")
        return self._live

    def stop(self) -> None:
        """End the stream."""
        self._live.stop()


def _words(recording: Recording) -> str:
    """What is known about a video, and what therefore will not be located."""
    name = recording.path.name
    if recording.telemetry is None or recording.telemetry_path is None:
        return f"{name} without telemetry (no {recording.path.stem}.SRT beside it): detected, not located"
    source = "the KLV inside it" if recording.carries_its_poses else recording.telemetry_path.name
    told = f"{name} with {source} ({recording.telemetry.used} poses)"
    if "bearing_unknown" in recording.telemetry.flags:
        return f"{told}, which tells no gimbal angles: detected, not located"
    if recording.camera is None:
        return f"{told}, its camera unknown (give --camera): detected, not located"
    return f"{told}, camera {recording.camera.name}"
