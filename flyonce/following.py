"""Things followed from frame to frame where nobody knows the pose: the only way to count them once."""

from __future__ import annotations

from collections import Counter

from vision.detections import Detections
from vision.frame import Frame
from vision.tracking import ByteTracker, TrackBook


class Follower:
    """Follows the things of a video or stream; with another source it begins anew."""

    def __init__(self) -> None:
        """Begin with nothing followed."""
        self._source: str | None = None
        self._tracker = ByteTracker()
        self._book = TrackBook(best_frames=1)
        self._confirmed: Counter[str] = Counter()

    @property
    def confirmed(self) -> dict[str, int]:
        """By label, things that were found often and surely enough to count; each counts once."""
        return dict(sorted(self._confirmed.items()))

    def follow(self, frame: Frame, detections: Detections) -> Detections:
        """The same detections with identities over the frames of one source."""
        if frame.source != self._source:
            self._source, self._tracker, self._book = frame.source, ByteTracker(), TrackBook(best_frames=1)
        followed = self._tracker(frame, detections)
        for event in self._book.add(frame, followed):
            if event.kind == "confirmed":
                self._confirmed[event.track.label] += 1
        return followed
