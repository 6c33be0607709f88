"""What a detector found in one picture, as aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.errors import InvalidValueError
from vision.frame import Frame

LABELS = (
    "standing_water",
    "waste",
    "person",
    "fishing_gear",
    "boat",
    "vehicle",
    "dock_or_lift",
    "waste_bin",
    "overflowing_bin",
)
"""The class names of this product, in the order of their ids in the training data."""

Polygon = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)


def _no_confidence() -> NDArray[np.float32]:
    return np.empty(0, dtype=np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """Columns of equal length n: row i of each speaks of the same thing.

    Pixel coordinates have their origin at the top left corner of the top left pixel, x to the right, y down; the
    centre of that pixel is at (0.5, 0.5).

    Attributes:
        boxes_xyxy_px: Shape (n, 4), float32: left, top, right, bottom; right >= left, bottom >= top.
        confidence: Shape (n,), float32, 0 to 1.
        labels: n class names.
        polygons_px: n outlines, each None or of shape (k >= 3, 2), float32, x before y, not closed. An outline with
            holes is cut open to one ring by slits of no more than a pixel.
        track_id: n identities over the frames of one video, shape (n,), int64; None where nothing was tracked.

    Raises:
        InvalidValueError: If the columns do not fit together, or a value is outside its range or not finite.
    """

    boxes_xyxy_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    labels: tuple[str, ...]
    polygons_px: tuple[Polygon | None, ...] = ()
    track_id: NDArray[np.int64] | None = field(default=None)

    def __post_init__(self) -> None:
        boxes = _locked(self.boxes_xyxy_px, np.float32)
        confidence = _locked(self.confidence, np.float32)
        n = len(self.labels)
        polygons = self.polygons_px or (None,) * n
        if boxes.shape != (n, 4) or confidence.shape != (n,) or len(polygons) != n:
            raise InvalidValueError(
                f"columns of {n} labels do not fit boxes {boxes.shape}, confidence {confidence.shape} "
                f"and {len(polygons)} polygons"
            )
        if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
            raise InvalidValueError("boxes must be finite, with right >= left and bottom >= top")
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise InvalidValueError("confidence must lie between 0 and 1")
        if not all(self.labels):
            raise InvalidValueError("every detection needs a label")
        object.__setattr__(self, "boxes_xyxy_px", boxes)
        object.__setattr__(self, "confidence", confidence)
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "polygons_px", tuple(None if p is None else _ring(p) for p in polygons))
        if self.track_id is not None:
            track_id = _locked(self.track_id, np.int64)
            if track_id.shape != (n,):
                raise InvalidValueError(f"{n} labels do not fit track_id {track_id.shape}")
            object.__setattr__(self, "track_id", track_id)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def empty(cls) -> Detections:
        """Nothing was found."""
        return cls(boxes_xyxy_px=np.empty((0, 4), np.float32), confidence=_no_confidence(), labels=())

    @classmethod
    def concatenate(cls, parts: Iterable[Detections]) -> Detections:
        """The rows of all parts, in their order.

        Args:
            parts: Detections in the same picture. Track identities survive only if every non-empty part has them.

        Returns:
            One value with all rows.
        """
        filled = [part for part in parts if len(part)]
        if not filled:
            return cls.empty()
        tracks = [part.track_id for part in filled if part.track_id is not None]
        return cls(
            boxes_xyxy_px=np.concatenate([part.boxes_xyxy_px for part in filled]),
            confidence=np.concatenate([part.confidence for part in filled]),
            labels=tuple(label for part in filled for label in part.labels),
            polygons_px=tuple(polygon for part in filled for polygon in part.polygons_px),
            track_id=np.concatenate(tracks) if len(tracks) == len(filled) else None,
        )

    def where(self, mask: ArrayLike) -> Detections:
        """The rows that a condition or a list of positions selects.

        Args:
            mask: Shape (n,) of booleans, or positions in the order wanted.

        Returns:
            The selected rows.

        Raises:
            InvalidValueError: If a boolean mask has another length than the columns.
        """
        chosen = np.asarray(mask)
        if chosen.dtype == np.bool_:
            if chosen.shape != (len(self),):
                raise InvalidValueError(f"a mask of shape {chosen.shape} does not fit {len(self)} detections")
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.intp)
        return Detections(
            boxes_xyxy_px=self.boxes_xyxy_px[chosen],
            confidence=self.confidence[chosen],
            labels=tuple(self.labels[i] for i in chosen),
            polygons_px=tuple(self.polygons_px[i] for i in chosen),
            track_id=None if self.track_id is None else self.track_id[chosen],
        )

    def labelled(self, *labels: str) -> Detections:
        """The rows that carry one of these labels."""
        return self.where(np.array([label in labels for label in self.labels], dtype=np.bool_))

    def shifted(self, dx_px: float, dy_px: float) -> Detections:
        """The same things in a picture whose origin lies (dx_px, dy_px) further to the left and top."""
        return self.scaled(1.0, 1.0, dx_px, dy_px)

    def scaled(self, sx: float, sy: float, dx_px: float = 0.0, dy_px: float = 0.0) -> Detections:
        """Coordinates multiplied by (sx, sy), then moved by (dx_px, dy_px)."""
        factor = np.array([sx, sy], np.float32)
        offset = np.array([dx_px, dy_px], np.float32)
        return Detections(
            boxes_xyxy_px=self.boxes_xyxy_px * np.tile(factor, 2) + np.tile(offset, 2),
            confidence=self.confidence,
            labels=self.labels,
            polygons_px=tuple(None if p is None else p * factor + offset for p in self.polygons_px),
            track_id=self.track_id,
        )

    def clipped(self, size_wh_px: tuple[int, int]) -> Detections:
        """Boxes and outlines cut off at the edges of a picture of this size; what lies wholly outside is dropped."""
        limit = np.array(size_wh_px, np.float32)
        boxes = np.clip(self.boxes_xyxy_px, 0, np.tile(limit, 2))
        inside = ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).astype(np.bool_)
        cut = Detections(
            boxes_xyxy_px=boxes,
            confidence=self.confidence,
            labels=self.labels,
            polygons_px=tuple(None if p is None else np.clip(p, 0, limit) for p in self.polygons_px),
            track_id=self.track_id,
        )
        return cut.where(inside)

    def touching(self, of_interest: NDArray[np.bool_], size_wh_px: tuple[int, int]) -> Detections:
        """The rows whose boxes touch what is of interest: a grid (rows, columns) over a picture of this size."""
        rows, columns = of_interest.shape
        cells = self.boxes_xyxy_px * (np.array([columns, rows] * 2) / np.tile(np.array(size_wh_px), 2))
        first = np.floor(cells[:, :2]).astype(np.intp)
        last = np.ceil(cells[:, 2:]).astype(np.intp)
        return self.where(
            np.array(
                [
                    bool(of_interest[top : max(bottom, top + 1), left : max(right, left + 1)].any())
                    for (left, top), (right, bottom) in zip(first, last, strict=True)
                ],
                np.bool_,
            )
        )


class Detector(Protocol):
    """Anything that finds things in a picture."""

    def __call__(self, frame: Frame) -> Detections:
        """Find things in one picture, or in its parts of interest; coordinates are pixels of `frame.image_bgr`."""
        ...


def in_frame(found: Detections, frame: Frame) -> Detections:
    """Cut off at the edges of a frame, without what lies wholly outside of what is of interest in it."""
    clipped = found.clipped(frame.size_wh_px)
    return clipped if frame.of_interest is None else clipped.touching(frame.of_interest, frame.size_wh_px)


def detections_of(
    rows: Sequence[tuple[tuple[float, float, float, float], float, str, Polygon | None]],
) -> Detections:
    """Build columns from rows (box, confidence, label, polygon)."""
    if not rows:
        return Detections.empty()
    boxes, confidence, labels, polygons = zip(*rows, strict=True)
    return Detections(
        boxes_xyxy_px=np.array(boxes, np.float32),
        confidence=np.array(confidence, np.float32),
        labels=labels,
        polygons_px=polygons,
    )


def _locked(values: ArrayLike, dtype: type[Number]) -> NDArray[Number]:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


def _ring(polygon: ArrayLike) -> Polygon:
    ring = _locked(polygon, np.float32)
    if ring.ndim != 2 or ring.shape[1:] != (2,) or len(ring) < 3 or not np.isfinite(ring).all():
        raise InvalidValueError(f"an outline needs at least 3 finite points (k, 2), not shape {ring.shape}")
    return ring
