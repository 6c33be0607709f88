"""From what an operator names to material for the chain; a bad name is refused before the store is touched."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

from flyonce.analysis import flight_id_of
from flyonce.live_material import LiveMaterial
from flyonce.looks import Problem
from flyonce.material import Material
from flyonce.photo_material import PhotoMaterial
from flyonce.recordings import TELEMETRY_ERRORS, Recording, flight_id_of_recordings, open_recording, telemetry_beside
from flyonce.tools import Tools
from flyonce.video_material import VideoMaterial
from geo.camera import Camera
from geo.telemetry.photo import read_photo
from vision.errors import PhotoError, VideoError
from vision.sources.opening import Kind, kind_of, videos_in
from vision.sources.photos import photo_paths
from vision.sources.watched import WatchedFolder


class FeedError(Exception):
    """What was named cannot be analysed: one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How an operator wants material read.

    Attributes:
        telemetry: Poses of the videos, in their order; empty to take what lies beside them.
        camera: The videos' camera.
        offset_s: What the telemetry's clock shows at the first frame.
        watch: Wait for new photos.
        for_s: End of a stream or a watch.
    """

    telemetry: tuple[Path, ...] = ()
    camera: Camera | None = None
    offset_s: float | None = None
    watch: bool = False
    for_s: float | None = None


Progress = Callable[[float, float | None], None]
"""Called with how much of how much is done: photos, or seconds of video; None for a total that nobody knows."""


class Feed(ABC):
    """Material of one flight, ready to be analysed.

    Attributes:
        flight_id: A name for the flight, the same for the same files.
        words: What it is, for people.
        refused: What was named but cannot be used, with the reason.
        endless: Whether it goes on until somebody ends it.
    """

    flight_id: str
    words: str
    endless: bool = False
    refused: tuple[Problem, ...] = ()

    @abstractmethod
    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """What the chain is fed with."""

    def stop(self) -> None:
        """End it, where it would go on; whatever was seen is finished."""
        return


def feed_of(media: Sequence[str], wanted: Wanted, *, on_stage: Callable[[str], None] = lambda stage: None) -> Feed:
    """What an operator named, opened.

    Raises:
        FeedError: Kinds are mixed, or an option does not go with this kind.
        PhotoError: A folder or file is missing, or holds no picture.
        VideoError: Not one of the videos can be read.
        StreamError: The address is of no kind that can be read.
        GeoError: The only video's telemetry cannot be used.
        RecordingError: The only video and its telemetry do not belong together.
    """
    if not all(place.strip() for place in media):
        raise FeedError("an empty name is no place. Name photos, videos or a stream.")
    kinds, refused = _kinds(media)
    if len(kinds) > 1:
        raise FeedError(
            f"{', '.join(media)}: these are {' and '.join(sorted(kinds))} together. "
            "Name photos, or videos, or one stream: one kind for one flight."
        )
    kind = next(iter(kinds))
    _check_options(kind, media, wanted)
    if kind == "live":
        return _LiveFeed(media[0], wanted)
    if kind == "video":
        bad = {path for path, _ in refused}
        pairs = [(Path(place), told) for place, told in zip_longest(media, wanted.telemetry)]
        return _VideoFeed([pair for pair in pairs if pair[0] not in bad], wanted, refused, on_stage)
    if wanted.watch:
        return _WatchFeed(Path(media[0]), wanted)
    return _PhotoFeed([Path(place) for place in media])


def _kinds(media: Sequence[str]) -> tuple[set[Kind], list[Problem]]:
    """The kinds of what was named, and among several videos those that are none; a single bad one raises."""
    kinds: set[Kind] = set()
    refused: list[Problem] = []
    for place in media:
        try:
            kinds.add(kind_of(place))
        except VideoError as error:
            if len(media) == 1:
                raise
            refused.append((Path(place), str(error)))
    if not kinds:
        raise FeedError("; ".join(problem for _, problem in refused))
    return kinds, refused


def _check_options(kind: Kind, media: Sequence[str], wanted: Wanted) -> None:
    for_videos = [
        name
        for name, given in (
            ("--telemetry", bool(wanted.telemetry)),
            ("--camera", wanted.camera is not None),
            ("--offset-s", wanted.offset_s is not None),
        )
        if given
    ]
    if kind != "video" and for_videos:
        raise FeedError(f"{', '.join(for_videos)} is for videos, and {media[0]} is none. Leave it out.")
    if kind == "live" and len(media) > 1:
        raise FeedError(f"{len(media)} streams at once: start one `flyonce analyze` for each.")
    if wanted.watch and (kind != "photos" or len(media) > 1 or not Path(media[0]).is_dir()):
        raise FeedError("--watch waits for photos in one folder. Name that folder alone.")
    if wanted.for_s is not None and kind != "live" and not wanted.watch:
        raise FeedError("--for ends a stream or --watch. Leave it out for files.")
    if len(wanted.telemetry) > len(media):
        raise FeedError(
            f"{len(wanted.telemetry)} --telemetry for {len(media)} videos. Give one for each, in their order."
        )


class _PhotoFeed(Feed):
    def __init__(self, places: Sequence[Path]) -> None:
        _refuse_folders_of_videos(places)
        self._paths = photo_paths(places)
        identity = flight_id_of(self._paths)
        if identity is None:
            if len(self._paths) == 1:
                read_photo(self._paths[0])  # says itself what is wrong with it
            raise PhotoError(
                self._paths[0],
                f"cannot be read as a picture, nor can the other {len(self._paths) - 1}",
                "give photos as the drone wrote them",
            )
        self.flight_id = identity
        self.words = f"{len(self._paths)} photos{_videos_beside(places)}"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        return PhotoMaterial(
            self._paths,
            ground=tools.ground,
            masks=tools.masks(),
            on_stage=on_stage,
            on_photo=lambda done: progress(done, len(self._paths)),
        )


def _refuse_folders_of_videos(places: Sequence[Path]) -> None:
    """Say of a folder that holds videos and no photo that its videos are to be named."""
    for place in places:
        if place.is_dir() and (videos := videos_in(place)):
            try:
                photo_paths([place])
            except PhotoError as error:
                problem = f"holds no picture, but {len(videos)} videos"
                raise PhotoError(place, problem, f"name the videos, like {videos[0]}") from error


def _videos_beside(places: Sequence[Path]) -> str:
    """Words on the videos in folders of photos, for drones put both into one folder."""
    count = sum(len(videos_in(place)) for place in places if place.is_dir())
    return f"; {count} videos beside them are not looked at: name them by themselves" if count else ""


class _WatchFeed(Feed):
    endless = True

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._watched = WatchedFolder(folder)
        self._for_s = wanted.for_s
        self.flight_id = f"F{datetime.now(UTC):%Y%m%d-%H%M%S}-{folder.resolve().name[:40]}"
        self.words = f"watching {folder} for photos; Ctrl-C ends it"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        if self._for_s is not None:
            timer = threading.Timer(self._for_s, self._watched.close)
            timer.daemon = True
            timer.start()
        return PhotoMaterial(
            self._watched,
            ground=tools.ground,
            masks=tools.masks(),
            on_stage=on_stage,
            on_photo=lambda done: progress(done, None),
            ahead=1,
        )

    def stop(self) -> None:
        self._watched.close()


class _VideoFeed(Feed):
    def __init__(
        self,
        videos: Sequence[tuple[Path, Path | None]],
        wanted: Wanted,
        refused: Sequence[Problem],
        on_stage: Callable[[str], None],
    ) -> None:
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
                        offset_s=wanted.offset_s,
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
        self.refused = tuple(left_out)
        self.flight_id = flight_id_of_recordings(recordings)
        self.words = "; ".join(_words(recording) for recording in recordings)

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        known = [recording.duration_s for recording in self._recordings if recording.duration_s is not None]
        total_s = sum(known) if len(known) == len(self._recordings) else None
        on_stage("looking")
        return VideoMaterial(
            self._recordings,
            ground=tools.ground,
            masks=tools.masks(),
            coarsest_resolution_m=tools.coarsest_resolution_m,
            on_progress=lambda done_s: progress(done_s, total_s),
        )


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


class _LiveFeed(Feed):
    endless = True

    def __init__(self, url: str, wanted: Wanted) -> None:
        self._progress: Progress = lambda done, total: None
        self._live = LiveMaterial(url, for_s=wanted.for_s, on_frame=lambda s: self._progress(s, wanted.for_s))
        self.flight_id = f"LIVE-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        end = "Ctrl-C ends it" if wanted.for_s is None else f"for {wanted.for_s:g} s"
        self.words = f"live from {self._live.address}; {end}. Things are detected and counted, not located"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        self._progress = progress
        on_stage("live")
        return self._live

    def stop(self) -> None:
        self._live.stop()


def _words(recording: Recording) -> str:
    """What is known about a video, and what therefore will not be located."""
    name = recording.path.name
    if recording.telemetry is None or recording.telemetry_path is None:
        return f"{name} without telemetry (no {recording.path.stem}.SRT beside it): detected, not located"
    told = f"{name} with {recording.telemetry_path.name} ({recording.telemetry.used} poses)"
    if "bearing_unknown" in recording.telemetry.flags:
        return f"{told}, which tells no gimbal angles: detected, not located"
    if recording.camera is None:
        return f"{told}, its camera unknown (give --camera): detected, not located"
    return f"{told}, camera {recording.camera.name}"
