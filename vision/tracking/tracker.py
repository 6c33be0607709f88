"""Gives detections over the frames of a video their identities.

The idea is ByteTrack's: confident detections are matched with all tracks first, then doubtful ones with the tracks
that are left, so that a thing which is hard to see for a moment keeps its track. Frames come seconds apart here, and
the camera moves far between them: tracks are carried along with the camera's motion before anything is matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.edge import is_cut
from vision.errors import InvalidValueError
from vision.frame import Frame
from vision.tracking.association import assigned, overlap, without
from vision.tracking.camera_motion import CameraMotion, CameraShift, PictureMotion
from vision.tracking.moving_box import Box, MovingBox

Floats = NDArray[np.float64]

UNTRACKED = -1
"""Identity of a detection that is too doubtful to begin a track and fits none."""

SPEED_SIDES_S: Mapping[str, float] = {
    "standing_water": 0.02,
    "waste": 0.02,
    "dock_or_lift": 0.02,
    "waste_bin": 0.02,
    "overflowing_bin": 0.02,
    "fishing_gear": 0.05,
    "person": 1.0,
    "boat": 0.5,
    "vehicle": 1.5,
}
"""How fast things of a label move, one sigma, in their own side lengths per second; 0.5 for any other label."""

LEAST_MISSED = 2
"""Looks that must have missed a thing before its track may end, however far apart they are."""

# Boxes are widened by so many sigmas of their place, but never by more than so many of their own sides.
_MARGIN_SIGMAS, _MARGIN_SIDES = 1.5, 2.0


class Tracker(Protocol):
    """Anything that recognises things again from frame to frame."""

    def __call__(self, frame: Frame, detections: Detections) -> Detections:
        """The same detections, in the same order, with `track_id`; frames come in the order of their time."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Track:
    track_id: int
    family: str
    speed_sides_s: float
    place: MovingBox
    seen_s: float
    cut: bool
    missed: int = 0


class ByteTracker:
    """Two-stage association per label in the frame that the camera's motion is taken out of.

    Identities begin at 1 and are never used twice. Not for several threads.
    """

    def __init__(
        self,
        *,
        camera_motion: CameraMotion | None = None,
        confident: float = 0.25,
        confident_of: Mapping[str, float] | None = None,
        keep_lost_s: float = 6.0,
        least_overlap: float = 0.15,
        families: Mapping[str, str] | None = None,
        speed_sides_s: Mapping[str, float] | None = None,
    ) -> None:
        """Begin without tracks.

        Args:
            camera_motion: How the camera moved between frames; told by the picture alone if None.
            confident: Detections at least this sure begin tracks and are matched first.
            confident_of: Label → the same for its detections: the thresholds of the model's card.
            keep_lost_s: How long a track waits for its thing to be seen again; longer where fewer than `LEAST_MISSED`
                frames missed it, for a hovering camera looks rarely.
            least_overlap: Least overlap, 0 to 1, of a track's expected box and a detection, both widened by what is
                uncertain.
            families: Label → family; labels of one family may be one track. A label that is missing is its own family.
            speed_sides_s: Overrides `SPEED_SIDES_S`.

        Raises:
            InvalidValueError: If a share is not between 0 and 1, or the time is not positive.
        """
        if not (0 <= confident <= 1 and 0 < least_overlap < 1 and keep_lost_s > 0):
            raise InvalidValueError(
                f"confident {confident} and least_overlap {least_overlap} lie between 0 and 1, "
                f"keep_lost_s {keep_lost_s} is positive"
            )
        self._camera_motion = camera_motion or PictureMotion()
        self._confident = confident
        self._confident_of = dict(confident_of or {})
        self._keep_lost_s = keep_lost_s
        self._least_overlap = least_overlap
        self._families = dict(families or {})
        self._speed = {**SPEED_SIDES_S, **(speed_sides_s or {})}
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._time_s: float | None = None

    def __call__(self, frame: Frame, detections: Detections) -> Detections:
        """Recognise the things of earlier frames.

        Args:
            frame: A frame later than the one before.
            detections: What was found in it.

        Returns:
            The same rows with `track_id`; `UNTRACKED` for doubtful ones that fit no track.
        """
        time_s = frame_time_s(frame)
        elapsed_s = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        self._time_s = time_s
        self._advance(self._camera_motion(frame), elapsed_s, time_s, frame.size_wh_px)
        boxes = detections.boxes_xyxy_px.astype(np.float64)
        track_id = np.full(len(detections), UNTRACKED, np.int64)
        families = [self._families.get(label, label) for label in detections.labels]
        for family in sorted(set(families)):
            rows = [row for row, name in enumerate(families) if name == family]
            self._match_family(family, rows, boxes, detections, track_id, frame.size_wh_px, time_s)
        seen = set(track_id.tolist())
        self._tracks = [
            track if track.track_id in seen else replace(track, missed=track.missed + 1) for track in self._tracks
        ]
        return replace(detections, track_id=track_id)

    def _advance(self, shift: CameraShift | None, elapsed_s: float, time_s: float, size_wh_px: tuple[int, int]) -> None:
        """Carry all tracks over into the new frame; another scene ends them all."""
        if shift is None:
            self._tracks = []
            return
        width, height = size_wh_px
        moved = []
        for track in self._tracks:
            carried = track.place.carried(shift.now_from_before, shift.sigma_px)
            if carried is None:
                continue
            place = carried.after(elapsed_s, track.speed_sides_s)
            x, y = place.centre_xy_px
            near = -width < x < 2 * width and -height < y < 2 * height
            if near and (track.missed < LEAST_MISSED or time_s - track.seen_s <= self._keep_lost_s):
                moved.append(replace(track, place=place))
        self._tracks = moved

    def _match_family(
        self,
        family: str,
        rows: list[int],
        boxes: Floats,
        detections: Detections,
        track_id: NDArray[np.int64],
        size_wh_px: tuple[int, int],
        time_s: float,
    ) -> None:
        sure = [
            row
            for row in rows
            if detections.confidence[row] >= self._confident_of.get(detections.labels[row], self._confident)
        ]
        doubtful = without(rows, sure)
        waiting = [index for index, track in enumerate(self._tracks) if track.family == family]
        for stage, least in ((sure, self._least_overlap), (doubtful, 2 * self._least_overlap)):
            # A doubtful detection only prolongs a track that was there a moment ago.
            tracks = waiting if stage is sure else [index for index in waiting if self._tracks[index].missed == 0]
            pairs = assigned(self._similarity(tracks, boxes[stage], size_wh_px), least)
            for at, column in pairs:
                row = stage[column]
                self._tracks[tracks[at]] = _seen(self._tracks[tracks[at]], boxes[row], size_wh_px, time_s)
                track_id[row] = self._tracks[tracks[at]].track_id
            waiting = without(waiting, [tracks[at] for at, _ in pairs])
        for row in sure:
            if track_id[row] == UNTRACKED:
                track_id[row] = self._begin(family, detections.labels[row], boxes[row], size_wh_px, time_s)

    def _similarity(self, tracks: list[int], found: Floats, size_wh_px: tuple[int, int]) -> Floats:
        if not tracks or not len(found):
            return np.zeros((len(tracks), len(found)))
        chosen = [self._tracks[index] for index in tracks]
        limit = np.tile(np.array(size_wh_px, np.float64), 2)
        expected = np.clip([track.place.box_xyxy_px for track in chosen], 0.0, limit)
        margin = np.array(
            [min(_MARGIN_SIGMAS * track.place.sigma_px, _MARGIN_SIDES * track.place.side_px) for track in chosen]
        )
        return overlap(expected, margin, found, shared_of_smaller=np.array([track.cut for track in chosen]))

    def _begin(self, family: str, label: str, box: Floats, size_wh_px: tuple[int, int], time_s: float) -> int:
        speed = self._speed.get(label, 0.5)
        track = _Track(
            track_id=self._next_id,
            family=family,
            speed_sides_s=speed,
            place=MovingBox.begun(_as_box(box), speed),
            seen_s=time_s,
            cut=is_cut(box, size_wh_px),
        )
        self._tracks.append(track)
        self._next_id += 1
        return track.track_id


def frame_time_s(frame: Frame) -> float:
    """Seconds on the source's clock; without one the moment of exposure, and without that the frame's number."""
    if frame.media_time_s is not None:
        return frame.media_time_s
    return float(frame.index) if frame.captured_at is None else frame.captured_at.timestamp()


def _seen(track: _Track, box: Floats, size_wh_px: tuple[int, int], time_s: float) -> _Track:
    cut = is_cut(box, size_wh_px)
    place = track.place.corrected(_as_box(box), cut=cut)
    if track.cut and not cut:
        # What was cut off before is seen whole now: its size and centre until now meant nothing.
        place = MovingBox.begun(_as_box(box), track.speed_sides_s)
    return replace(track, place=place, seen_s=time_s, cut=cut, missed=0)


def _as_box(box: Floats) -> Box:
    left, top, right, bottom = (float(value) for value in box)
    return (left, top, right, bottom)
