"""Photos that are there, and photos that come into a folder, as feeds of an analysis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flyonce.analysis import flight_id_of
from flyonce.feed import Feed, Progress, Wanted
from flyonce.material import Material
from flyonce.photo_material import PhotoMaterial
from flyonce.tools import Tools
from geo.telemetry.photo import read_photo
from vision.errors import PhotoError
from vision.sources.opening import videos_in
from vision.sources.photos import photo_paths
from vision.sources.watched import WatchedFolder


class PhotoFeed(Feed):
    """Photos that are there, each once."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Look for the photos.

        Raises:
            PhotoError: There is none, or none that can be read.
            InputFileError: The only one cannot be read.
        """
        beside = {place: videos for place in places if place.is_dir() and (videos := videos_in(place))}
        _refuse_folders_of_videos(beside)
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
        self.words = f"{len(self._paths)} photos{_words_on_videos(beside)}"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """The photos; those of a sequence are checked as one flight."""
        return PhotoMaterial(
            self._paths,
            ground=tools.ground,
            masks=tools.masks(),
            on_stage=on_stage,
            on_photo=lambda done: progress(done, len(self._paths)),
        )


def _refuse_folders_of_videos(beside: Mapping[Path, Sequence[Path]]) -> None:
    """Say of a folder that holds videos and no photo that its videos are to be named."""
    for folder, videos in beside.items():
        try:
            photo_paths([folder])
        except PhotoError as error:
            problem = f"holds no picture, but {len(videos)} videos"
            raise PhotoError(folder, problem, f"name the videos, like {videos[0]}") from error


def _words_on_videos(beside: Mapping[Path, Sequence[Path]]) -> str:
    """Words on the videos in folders of photos, for drones put both into one folder."""
    count = sum(len(videos) for videos in beside.values())
    return f"; {count} videos beside them are not looked at: name them by themselves" if count else ""


class WatchFeed(Feed):
    """Photos that come into a folder."""

    endless = True

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        """Make ready to watch a folder.

        Raises:
            PhotoError: There is no such folder.
        """
        self._watched = WatchedFolder(folder)
        self._for_s = wanted.for_s
        self.flight_id = f"F{datetime.now(UTC):%Y%m%d-%H%M%S}-{folder.resolve().name[:40]}"
        self.words = f"watching {folder} for photos; Ctrl-C ends it"

    def material(self, tools: Tools, progress: Progress, on_stage: Callable[[str], None]) -> Material:
        """The photos as they come, until the time is over or `stop`."""
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
        """Look for no more photos."""
        self._watched.close()
