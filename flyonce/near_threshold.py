"""Sightings near their threshold: not believed, but kept as samples that wait for a label, at a bounded cost.

The detector is opened with thresholds lowered by a margin, and this stands between it and the chain: what reaches the
cards' thresholds goes on as before, the rest stays here. No second look at any picture is needed, and a flight keeps
no more than `MOST_PER_LABEL` cut-outs of a label, those nearest to the threshold.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.verdicts.model import NearMiss
from vision.detections import Detections, Detector
from vision.drawing import evidence_window
from vision.frame import Frame
from vision.model_card import CARD_FILE, ModelCard, read_card
from vision.redaction import HIDING_CONFIDENCE, leaving_jpeg, redact, to_hide

MARGIN = 0.1
"""How far on either side of a threshold a sighting is worth a label, and how far below it findings are kept."""

MOST_PER_LABEL = 20
"""Cut-outs of one label that a flight keeps: about 2 MB."""

_NEVER_KEPT = frozenset({"person", "vehicle"})
"""Without a case nobody's picture is kept, and what redaction hides teaches nothing."""

_LEAST_DOUBT = 0.05
_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class KnownModels:
    """Which model answers a label, by its card.

    Attributes:
        cards: Card by label; of several models the first by name.
        texts: The cards' files, by SHA-256 of the weights; empty where they are not at hand.
    """

    cards: Mapping[str, ModelCard]
    texts: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, models_dir: Path) -> KnownModels:
        """Read the cards of a folder of models.

        Raises:
            ModelError: A card cannot be used.
        """
        paths = sorted(models_dir.glob(f"*/{CARD_FILE}"))
        found = [read_card(path.parent) for path in paths]
        cards: dict[str, ModelCard] = {}
        for card in found:
            for label in card.labels:
                cards.setdefault(label, card)
        texts = {card.sha256: path.read_bytes() for card, path in zip(found, paths, strict=True)}
        return cls(cards=cards, texts=texts)

    def texts_of(self, labels: Iterable[str]) -> tuple[bytes, ...]:
        """The files of the cards that answer some labels, each once."""
        weights = dict.fromkeys(self.cards[label].sha256 for label in labels if label in self.cards)
        return tuple(self.texts[sha256] for sha256 in weights if sha256 in self.texts)

    @property
    def each(self) -> tuple[ModelCard, ...]:
        """The cards, each once."""
        return tuple({card.name: card for card in self.cards.values()}.values())

    @property
    def coarsest_resolution_m(self) -> float | None:
        """Coarsest metres per pixel at which any of the models was seen to work; None where one does not say."""
        spans = [card.ground_resolution_m for card in self.cards.values()]
        return max((span[1] for span in spans if span is not None), default=None) if None not in spans else None

    def threshold(self, label: str) -> float:
        """Least confidence at which a label is believed; 0 for one that no model answers."""
        card = self.cards.get(label)
        return 0.0 if card is None else card.threshold(label)

    def believed(self, found: Detections) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of the detections reach their model's threshold, shape (n,)."""
        least = np.array([self.threshold(label) for label in found.labels], np.float32)
        return np.asarray(found.confidence >= least - 1e-6)

    def look_at(
        self,
        found: Detections,
        *,
        mine: int | None,
        size_wh_px: tuple[int, int],
        ground_resolution_m: float | None,
        shown: float | None = None,
    ) -> PictureLook:
        """What a picture shows, as the store keeps it.

        Args:
            found: Everything found in the picture.
            mine: Position of the thing that it is about; None if that is not among them.
            size_wh_px: Width and height of the picture as displayed.
            ground_resolution_m: Metres of ground per pixel in its middle; None where unknown.
            shown: How well the picture shows the thing, 0 to 1; None where not measured.
        """
        believed = self.believed(found)
        return PictureLook(
            size_wh_px=size_wh_px,
            ground_resolution_m=ground_resolution_m,
            findings=tuple(
                self._finding(found, index, mine=index == mine, believed=bool(believed[index]))
                for index in range(len(found))
            ),
            shown=shown,
        )

    def _finding(self, found: Detections, index: int, *, mine: bool, believed: bool) -> Finding:
        label, polygon = found.labels[index], found.polygons_px[index]
        card = self.cards.get(label)
        left, top, right, bottom = (float(side) for side in found.boxes_xyxy_px[index])
        return Finding(
            label=label,
            confidence=float(found.confidence[index]),
            box_xyxy_px=(left, top, right, bottom),
            polygon_px=None if polygon is None else tuple((float(x), float(y)) for x, y in polygon),
            model="" if card is None else card.name,
            model_sha256="" if card is None else card.sha256,
            mine=mine,
            believed=believed,
            threshold=None if card is None else card.threshold(label),
            card_sha256="" if card is None else self._card_sha256(card),
        )

    def _card_sha256(self, card: ModelCard) -> str:
        text = self.texts.get(card.sha256)
        return "" if text is None else hashlib.sha256(text).hexdigest()


def doubts_of(card: ModelCard) -> Mapping[str, float]:
    """From which confidence on a model is asked for boxes that it does not believe, by label.

    People and vehicles from `HIDING_CONFIDENCE` on, for they are to be hidden; everything else within the margin.
    """
    return {
        label: HIDING_CONFIDENCE if label in _NEVER_KEPT else max(_LEAST_DOUBT, card.threshold(label) - MARGIN)
        for label in card.labels
    }


class NearThreshold:
    """A detector that answers what is believed, and keeps what nearly is. Safe to call from several threads."""

    def __init__(
        self, detector: Detector, models: KnownModels, *, margin: float = MARGIN, most_per_label: int = MOST_PER_LABEL
    ) -> None:
        """Stand between a detector and the chain.

        Args:
            detector: Opened with thresholds at least `margin` below those of the cards.
            models: The cards.
            margin: How near to its threshold a sighting is worth keeping, 0..1.
            most_per_label: How many cut-outs of a label to keep.
        """
        self.models = models
        self._detector = detector
        self._margin = margin
        self._most = most_per_label
        self._lock = threading.Lock()
        self._doubtful: dict[tuple[str, int], Detections] = {}
        self._kept: dict[str, list[tuple[float, str, int, NearMiss]]] = {}

    def __call__(self, frame: Frame) -> Detections:
        """Find things in one picture; only those that reach their card's threshold are answered."""
        found = self._detector(frame)
        believed = self.models.believed(found)
        doubtful = found.where(~believed)
        if len(doubtful):
            with self._lock:
                self._doubtful[frame.source, frame.index] = doubtful
        for index in self._nearest_of_each_label(found):
            self._consider(frame, found, index)
        return found.where(believed)

    def everything(self, frame: Frame) -> Detections:
        """All that is found in one picture, believed or not: for whoever hides people in it. Nothing is kept."""
        return self._detector(frame)

    def doubtful_in(self, frame: Frame) -> Detections:
        """Hand out what was found in a picture and not believed: once, for it is forgotten then."""
        with self._lock:
            return self._doubtful.pop((frame.source, frame.index), Detections.empty())

    def take(self, flight_id: str) -> Sequence[NearMiss]:
        """Hand out what was kept, under the flight's name, and begin anew; the order depends on the pictures alone."""
        with self._lock:
            kept, self._kept = self._kept, {}
            self._doubtful.clear()
        rows = [entry for label in sorted(kept) for entry in kept[label]]
        return [replace(near, flight_id=flight_id) for *_, near in rows]

    def _distance(self, found: Detections, index: int) -> float:
        return abs(float(found.confidence[index]) - self.models.threshold(found.labels[index]))

    def _nearest_of_each_label(self, found: Detections) -> list[int]:
        """At most one sighting of a label in a picture: twenty bags of one heap teach what one does."""
        best: dict[str, int] = {}
        for index, label in enumerate(found.labels):
            if label in _NEVER_KEPT or self._distance(found, index) > self._margin:
                continue
            if label not in best or self._distance(found, index) < self._distance(found, best[label]):
                best[label] = index
        return list(best.values())

    def _consider(self, frame: Frame, found: Detections, index: int) -> None:
        label, distance = found.labels[index], self._distance(found, index)
        place = (round(distance, 6), frame.source, frame.index)
        with self._lock:
            row = self._kept.get(label, [])
            if len(row) >= self._most and place >= row[-1][:3]:
                return
        near = self._near_miss(frame, found, index)
        with self._lock:
            row = self._kept.setdefault(label, [])
            insort(row, (*place, near), key=lambda entry: entry[:3])
            del row[self._most :]

    def _near_miss(self, frame: Frame, found: Detections, index: int) -> NearMiss:
        first_x, first_y, last_x, last_y = (float(side) for side in found.boxes_xyxy_px[index])
        window = evidence_window((first_x, first_y, last_x, last_y), frame.size_wh_px)
        left, top, right, bottom = window
        size = (right - left, bottom - top)
        sure = self.models.believed(found)
        everybody = to_hide(found.where(sure), found.where(~sure))
        hidden = redact(frame.image_bgr, everybody)[top:bottom, left:right]
        rows = np.arange(len(found))
        cut = found.shifted(-left, -top)
        inside = _inside(cut, size)
        here = cut.where(inside).clipped(size)
        look = self.models.look_at(
            here,
            mine=int(np.flatnonzero(rows[inside] == index)[0]),
            size_wh_px=size,
            ground_resolution_m=frame.ground_resolution_m,
        )
        return NearMiss(
            flight_id="-",
            picture_jpeg=leaving_jpeg(hidden, quality=_QUALITY),
            source_sha256=frame.sha256,
            label=found.labels[index],
            confidence=float(found.confidence[index]),
            threshold=self.models.threshold(found.labels[index]),
            look=look,
            seen_at=frame.captured_at,
        )


def _inside(found: Detections, size_wh_px: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    boxes = np.clip(found.boxes_xyxy_px, 0, np.tile(np.array(size_wh_px, np.float32), 2))
    return np.asarray((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
