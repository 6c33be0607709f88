"""When a track counts, and what is kept of it.

A label counts once the median of the track's scores passes its threshold. A history shorter than a few looks is padded
with zeros, so that one lucky look never counts; and a median does not mind a few bad ones. The idea is Frigate's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from vision.detections import Detections
from vision.errors import InvalidValueError
from vision.frame import Frame
from vision.tracking.best_frames import BestFrame, FrameStore, quality
from vision.tracking.tracker import LEAST_MISSED, UNTRACKED, frame_time_s


@dataclass(frozen=True, kw_only=True)
class TrackRecord:
    """What is known of a track.

    Attributes:
        track_id: Its identity.
        label: The label with the best score.
        score: Median of that label's padded history, 0 to 1.
        confirmed: Whether the score ever passed the threshold.
        looks: Frames in which it was found.
        first_seen_s: Time of the first of them, on the source's clock.
        last_seen_s: Time of the last.
        best: Frames kept as evidence, the best first.
    """

    track_id: int
    label: str
    score: float
    confirmed: bool
    looks: int
    first_seen_s: float
    last_seen_s: float
    best: tuple[BestFrame, ...]


@dataclass(frozen=True, kw_only=True)
class TrackEvent:
    """Something happened to a track.

    Attributes:
        kind: `confirmed`, once in a track's life, or `ended`, once for every track.
        track: The track as it stands then.
    """

    kind: Literal["confirmed", "ended"]
    track: TrackRecord


@dataclass(kw_only=True)
class _Entry:
    track_id: int
    first_seen_s: float
    last_seen_s: float
    looks: int = 0
    missed: int = 0
    confirmed: bool = False
    scores: dict[str, deque[float]] = field(default_factory=dict)
    best: list[BestFrame] = field(default_factory=list)


class TrackBook:
    """Keeps score of tracks: tells once when one counts, keeps its best frames, and hands it over when it has ended.

    Not for several threads. Memory is bounded by the tracks that are alive and confirmed, and by `most_bytes`.
    """

    def __init__(
        self,
        *,
        thresholds: Mapping[str, float] | None = None,
        threshold: float = 0.5,
        least_looks: int = 3,
        history: int = 10,
        best_frames: int = 3,
        end_after_s: float = 6.0,
        jpeg_quality: int = 90,
        most_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        """Begin an empty book.

        Args:
            thresholds: Label → median score from which it counts.
            threshold: The same for all other labels.
            least_looks: Shorter histories are padded with zeros to this length.
            history: So many of the latest scores are remembered.
            best_frames: Frames kept of each track.
            end_after_s: A track that was not found for so long, by `LEAST_MISSED` frames or more, has ended.
            jpeg_quality: Of kept frames, 0 to 100.
            most_bytes: All kept frames together; beyond this the worst go, but a confirmed track keeps its best one.

        Raises:
            InvalidValueError: If a figure makes no sense.
        """
        if not (1 <= least_looks <= history and best_frames >= 1 and end_after_s > 0 and most_bytes > 0):
            raise InvalidValueError(
                f"1 <= least_looks <= history, and the others are positive; not {least_looks}, {history}, "
                f"{best_frames}, {end_after_s}, {most_bytes}"
            )
        self._thresholds = dict(thresholds or {})
        self._threshold = threshold
        self._least_looks = least_looks
        self._history = history
        self._best_frames = best_frames
        self._end_after_s = end_after_s
        self._most_bytes = most_bytes
        self._store = FrameStore(jpeg_quality=jpeg_quality)
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        """Tracks that have not ended."""
        return len(self._entries)

    @property
    def bytes_kept(self) -> int:
        """Size of all kept frames."""
        return self._store.bytes_kept

    def add(self, frame: Frame, detections: Detections) -> tuple[TrackEvent, ...]:
        """Note what was found in a frame.

        Args:
            frame: The frame.
            detections: What a tracker made of it; rows that are `UNTRACKED` are passed over.

        Returns:
            Tracks that count from now on, then tracks that have ended.

        Raises:
            InvalidValueError: If the detections carry no identities.
        """
        if detections.track_id is None:
            raise InvalidValueError("detections need track_id: pass them through a tracker first")
        time_s = frame_time_s(frame)
        confirmed = []
        for row, track_id in enumerate(detections.track_id.tolist()):
            if track_id == UNTRACKED:
                continue
            entry = self._entries.setdefault(
                track_id, _Entry(track_id=track_id, first_seen_s=time_s, last_seen_s=time_s)
            )
            self._note(entry, frame, detections, row, time_s)
            if not entry.confirmed and self._counts(entry):
                entry.confirmed = True
                confirmed.append(TrackEvent(kind="confirmed", track=self._record(entry)))
        self._keep_within_bounds()
        for entry in self._entries.values():
            entry.missed = 0 if entry.last_seen_s == time_s else entry.missed + 1
        over = [
            entry
            for entry in self._entries.values()
            if entry.missed >= LEAST_MISSED and time_s - entry.last_seen_s > self._end_after_s
        ]
        return (*confirmed, *self._ended(over))

    def flush(self) -> tuple[TrackEvent, ...]:
        """End all tracks: the video is over, or shows another scene."""
        return tuple(self._ended(list(self._entries.values())))

    def track(self, track_id: int) -> TrackRecord:
        """A track that has not ended, as it stands.

        Raises:
            KeyError: There is no such track.
        """
        return self._record(self._entries[track_id])

    def _note(self, entry: _Entry, frame: Frame, detections: Detections, row: int, time_s: float) -> None:
        label, confidence = detections.labels[row], float(detections.confidence[row])
        entry.last_seen_s = time_s
        entry.looks += 1
        entry.scores.setdefault(label, deque(maxlen=self._history))
        for name, scores in entry.scores.items():
            # A look that found another label of the family speaks against this one.
            scores.append(confidence if name == label else 0.0)
        worth = quality(frame, detections.boxes_xyxy_px[row])
        if len(entry.best) == self._best_frames and worth <= entry.best[-1].quality:
            return
        left, top, right, bottom = (float(value) for value in detections.boxes_xyxy_px[row])
        kept = BestFrame(
            source=frame.source,
            index=frame.index,
            captured_at=frame.captured_at,
            media_time_s=frame.media_time_s,
            box_xyxy_px=(left, top, right, bottom),
            confidence=confidence,
            quality=worth,
            size_wh_px=frame.size_wh_px,
            jpeg=self._store.keep(frame),
        )
        ranked = sorted([*entry.best, kept], key=lambda one: -one.quality)
        self._store.drop(ranked[self._best_frames :])
        entry.best = ranked[: self._best_frames]

    def _score(self, entry: _Entry) -> tuple[str, float]:
        medians = {
            label: median([*scores, *[0.0] * (self._least_looks - len(scores))])
            for label, scores in entry.scores.items()
        }
        return max(medians.items(), key=lambda one: one[1])

    def _counts(self, entry: _Entry) -> bool:
        label, score = self._score(entry)
        return score >= self._thresholds.get(label, self._threshold)

    def _record(self, entry: _Entry) -> TrackRecord:
        label, score = self._score(entry)
        return TrackRecord(
            track_id=entry.track_id,
            label=label,
            score=score,
            confirmed=entry.confirmed,
            looks=entry.looks,
            first_seen_s=entry.first_seen_s,
            last_seen_s=entry.last_seen_s,
            best=tuple(entry.best),
        )

    def _ended(self, entries: Iterable[_Entry]) -> list[TrackEvent]:
        events = [TrackEvent(kind="ended", track=self._record(entry)) for entry in entries]
        for event in events:
            del self._entries[event.track.track_id]
            self._store.drop(event.track.best)
        return events

    def _keep_within_bounds(self) -> None:
        while self._store.bytes_kept > self._most_bytes:
            spare = [entry for entry in self._entries.values() if len(entry.best) > (1 if entry.confirmed else 0)]
            if not spare:
                return
            # Frames of which a track has others go first, then the only ones of tracks that may never count.
            worst = min(spare, key=lambda entry: (len(entry.best) == 1, entry.best[-1].quality))
            self._store.drop([worst.best.pop()])
