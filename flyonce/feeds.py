"""From what an operator names to what feeds the chain; a bad name is refused before the store is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from flyonce.feed import Feed, FeedError, Wanted
from flyonce.looks import Problem
from flyonce.photo_feeds import PhotoFeed, WatchFeed
from flyonce.video_feeds import LiveFeed, VideoFeed
from vision.errors import VideoError
from vision.sources.opening import Kind, kind_of


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
        return LiveFeed(media[0], wanted)
    if kind == "video":
        bad = {path for path, _ in refused}
        pairs = [(Path(place), told) for place, told in zip_longest(media, wanted.telemetry)]
        return VideoFeed([pair for pair in pairs if pair[0] not in bad], wanted, refused, on_stage)
    if wanted.watch:
        return WatchFeed(Path(media[0]), wanted)
    return PhotoFeed([Path(place) for place in media])


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
            ("--camera", wanted.camera is not None and kind != "live"),
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
