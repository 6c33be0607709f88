"""One currency for everything that is looked at: a photo, a frame of a video, a frame of a live stream.

A source of pictures prepares each one: its pixels, what is known of place, lens and time, what mapped surroundings
hide in it, and how to have it again as evidence. `looks_of` runs the detector over them, a few at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from flyonce.following import Follower
from flyonce.ground_views import middle_resolution_m
from flyonce.near_threshold import NearThreshold
from geo.camera import Camera
from geo.ground import Ground
from geo.pose import Pose
from geo.telemetry.photo import PhotoTelemetry
from vision.context_masks import PictureMask, masked
from vision.detections import Detections, Detector
from vision.frame import Frame
from vision.nesting import without_nested
from vision.onnx_detector import detect_many
from vision.tracking.best_frames import quality

# The model boxes an angler whole and again in part, and two sightings of one picture are never one thing. Docks hold
# lifts and tackle holds rods, so their nested boxes are right; of other labels hardly any are known.
_BOXED_IN_PARTS = frozenset({"person"})

Problem = tuple[Path | str, str]
Report = Callable[[Problem], None]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What is known about the moment a picture was taken.

    Attributes:
        pose: Where the camera was; None where position or altitude are unknown.
        camera: The lens for the stored raster's size; None where unknown.
        taken_at: Aware UTC, None where unknown.
        clock_s: Seconds on a clock that all pictures of the flight share; None where unknown. Stays are measured on it.
        size_wh_px: Width and height of the stored raster as decoded, before any EXIF rotation.
        orientation: EXIF Orientation, 1 to 8.
        flags: Short machine names of what a reader should know.
        problems: The flags that matter as sentences.
    """

    pose: Pose | None
    camera: Camera | None
    taken_at: datetime | None
    clock_s: float | None
    size_wh_px: tuple[int, int]
    orientation: int = 1
    flags: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def of_photo(cls, told: PhotoTelemetry) -> Shot:
        """What a photo's file tells of itself."""
        return cls(
            pose=told.pose,
            camera=told.camera,
            taken_at=told.taken_at,
            clock_s=None if told.taken_at is None else told.taken_at.timestamp(),
            size_wh_px=told.size_wh_px,
            orientation=told.orientation,
            flags=told.flags,
            problems=told.problems,
        )

    @property
    def locatable(self) -> bool:
        """Whether pixels of the picture can be put on the ground."""
        return self.pose is not None and self.pose.has_bearing and self.camera is not None


@dataclass(frozen=True, kw_only=True)
class FilmFrame:
    """Which frame of which video or stream a still is.

    Attributes:
        kind: `video` for a file, `stream` for what was never one.
        name: The file's name; empty for a stream, whose address may hold a password.
        sha256: Of the file's bytes; None for a stream.
        frame: Its position among the frames, from 0.
        media_time_s: Its presentation time by the film's own clock.
        path: Where the film lies; None for a stream.
    """

    kind: Literal["video", "stream"]
    name: str
    sha256: str | None
    frame: int
    media_time_s: float
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class OriginalFile:
    """An original that is a file: a photo as the camera wrote it, or the still of a video once it is written.

    Attributes:
        path: The file.
        sha256: Of its bytes.
        film: Where a still comes from; None for a photo.
    """

    path: Path
    sha256: str
    film: FilmFrame | None = None

    def secure(self, folder: Path) -> OriginalFile:
        """The file itself; nothing is written."""
        return self


class Original(Protocol):
    """A picture as it came from the camera, to be had as a file when it becomes evidence."""

    def secure(self, folder: Path) -> OriginalFile:
        """The original as a file; one that is none yet is written into `folder`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A picture ready to be looked at.

    Attributes:
        key: Its name among all pictures of the flight, as `Sighting.source`.
        name: For people.
        frame: Its pixels.
        shot: What is known about the moment.
        original: How to have it again.
        masks: What mapped surroundings hide in it.
    """

    key: str
    name: str
    frame: Frame
    shot: Shot
    original: Original
    masks: tuple[PictureMask, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Look:
    """One picture, looked at. Whoever keeps it keeps a video frame's pixels alive.

    Attributes:
        key: Its name among all pictures of the flight.
        name: For people.
        size_wh_px: Size of the picture as displayed; detections are in these pixels.
        ground_resolution_m: Metres of ground per pixel in its middle; None where unknown.
        shot: What is known about the moment.
        detections: What was found and stands on no mask, each thing in one box.
        found: All that was found, masked or not, and all boxes: whoever hides people in the picture needs them all.
        doubtful: What was seen but did not reach its model's threshold.
        masked: By mask, how many detections vanished whole.
        original: How to have the picture again.
        shown: Of each of `detections`, how well the picture shows it, 0 to 1: sharp, large, near the middle.
        of_interest: The parts that were looked at, a grid over the picture, shape (rows, columns); None for all of it.
    """

    key: str
    name: str
    size_wh_px: tuple[int, int]
    ground_resolution_m: float | None
    shot: Shot
    detections: Detections
    found: Detections
    doubtful: Detections
    masked: Counter[str]
    original: Original
    shown: tuple[float, ...]
    of_interest: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if len(self.shown) != len(self.detections):
            raise ValueError(
                f"{self.name}: {len(self.detections)} detections, but {len(self.shown)} tell how well seen"
            )


def looks_of(
    pictures: Iterable[Prepared],
    *,
    detector: Detector,
    ground: Ground,
    ahead: int | None = None,
    near: NearThreshold | None = None,
    follower: Follower | None = None,
) -> Iterator[Look]:
    """Look at pictures, a few at a time, in their order.

    Args:
        pictures: Prepared by a source.
        detector: What finds things; called from several threads.
        ground: Tells how much ground a pixel covers, which chooses the tiles.
        ahead: Pictures in the works at a time; None for as many as keep the cores busy.
        near: The detector itself, where it keeps what it does not believe.
        follower: Counts what a film shows without a place, each thing once.

    Yields:
        One look per picture.
    """
    waiting: dict[tuple[str, int], Prepared] = {}

    def frames() -> Iterator[Frame]:
        for picture in pictures:
            waiting[picture.frame.source, picture.frame.index] = picture
            yield replace(picture.frame, ground_resolution_m=_resolution_m(picture.shot, ground))

    for frame, found in detect_many(detector, frames(), ahead=ahead):
        picture = waiting.pop((frame.source, frame.index))
        kept, gone = masked(found, picture.masks)
        kept = without_nested(kept, _BOXED_IN_PARTS)
        if follower is not None and frame.media_time_s is not None and not picture.shot.locatable:
            kept = follower.follow(frame, kept)
        yield Look(
            key=picture.key,
            name=picture.name,
            size_wh_px=frame.size_wh_px,
            ground_resolution_m=frame.ground_resolution_m,
            shot=picture.shot,
            detections=kept,
            found=found,
            doubtful=Detections.empty() if near is None else near.doubtful_in(frame),
            masked=gone,
            original=picture.original,
            shown=tuple(quality(frame, box) for box in kept.boxes_xyxy_px),
            of_interest=frame.of_interest,
        )


def _resolution_m(shot: Shot, ground: Ground) -> float | None:
    if shot.pose is None or shot.camera is None:
        return None
    return middle_resolution_m(shot.pose, shot.camera, ground)
