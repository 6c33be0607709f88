"""One model over the views of a picture: how it wants them cut, what it answers for each, and all answers as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.decoding import decode_boxes, decode_map
from vision.detections import Detections, detections_of
from vision.doubt import merge_apart, with_doubts
from vision.engines.network import Network
from vision.errors import InvalidValueError, ModelError
from vision.frame import Frame
from vision.letterbox import Letterboxed
from vision.merging import merge_views
from vision.model_card import MODEL_FILE, ModelCard
from vision.surfaces import ProbabilityMap, outlines
from vision.tiling import Plan, View, plan_views, working_scale

MIN_SURFACE_PX = 256.0
"""Surfaces smaller than this many pixels of the scaled picture are noise: 16 × 16."""

Part = Detections | NDArray[np.float32]
"""What a model answers for one view: detections in the view's pixels, or (classes, rows, columns) of probability."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxModel:
    """A network with its card; several threads may use it at a time.

    Attributes:
        model_dir: Where it came from, for messages.
        card: What it is.
        network: What answers.
        least_confidence: Overrides the card's thresholds, all of them.
        doubts: By label, from which confidence on a box is answered although it is not believed; such boxes come after
            the others and change none of them.
    """

    model_dir: Path
    card: ModelCard
    network: Network
    least_confidence: float | None = None
    doubts: Mapping[str, float] = field(default_factory=dict)
    _believed: ModelCard = field(init=False)
    _answered: ModelCard = field(init=False)

    def __post_init__(self) -> None:
        least = self.least_confidence
        believed = self.card
        if least is not None:
            believed = replace(self.card, thresholds=dict.fromkeys(self.card.labels, least))
        object.__setattr__(self, "_believed", believed)
        object.__setattr__(self, "_answered", with_doubts(believed, self.doubts))

    def plan(self, frame: Frame) -> Plan:
        """How a picture is to be looked at for this model."""
        return plan_for(self.card, frame, any_size=self.network.takes_any_size)

    def look(self, plan: Plan, view: View, box: Letterboxed) -> Part:
        """Answer one view.

        Args:
            plan: The plan that the view is of.
            view: The view.
            box: Its pixels as the network's input.

        Returns:
            The part that `joined` wants for this view.

        Raises:
            ModelError: If the network's answer does not have the shape its card promises.
        """
        outputs = self.network(box.tensor)
        try:
            if self.card.task != "semantic":
                return decode_boxes(outputs, box, self._answered).shifted(view.left, view.top)
            probability = decode_map(outputs, box, self.card)
        except InvalidValueError as error:
            raise ModelError(
                Path(self.card.name) / MODEL_FILE, str(error), "correct the card or export again"
            ) from error
        return ProbabilityMap(plan, len(self.card.classes)).cells_of(view, probability)

    def joined(self, plan: Plan, parts: Sequence[Part]) -> Detections:
        """Make one answer of the parts for all views of a plan; in pixels of the scaled picture."""
        if not self.doubts or self.card.task == "semantic":
            return joined(self._believed, plan, parts)
        found = [part for part in parts if isinstance(part, Detections)]
        return merge_apart(list(zip(plan.views, found, strict=True)), plan.size_wh_px, self._believed)


def plan_for(card: ModelCard, frame: Frame, *, any_size: bool) -> Plan:
    """How a picture is to be looked at for a model, `any_size` if it also takes smaller inputs."""
    scale = working_scale(
        frame.ground_resolution_m,
        card.labels,
        model_resolution_m=card.ground_resolution_m,
        smallest_object_m=card.smallest_object_m,
    )
    return plan_views(frame.size_wh_px, card.input_px, scale=scale, any_size=any_size).only(frame.of_interest)


def joined(card: ModelCard, plan: Plan, parts: Sequence[Part]) -> Detections:
    """Make one answer of what a model answered for each view.

    Args:
        card: The model's card.
        plan: The views.
        parts: The answer for each, in the order of the plan.

    Returns:
        Detections in pixels of the scaled picture, sorted by label, then most confident or largest first.
    """
    if card.task != "semantic":
        found = [part for part in parts if isinstance(part, Detections)]
        return merge_views(list(zip(plan.views, found, strict=True)), plan.size_wh_px)
    blend = ProbabilityMap(plan, len(card.classes))
    for view, part in zip(plan.views, parts, strict=True):
        blend.add(view, np.asarray(part, np.float32))
    return _surfaces(blend.blended(), card, plan.size_wh_px)


def _surfaces(probability: NDArray[np.float32], card: ModelCard, size_wh_px: tuple[int, int]) -> Detections:
    rows = [
        (_bounds(surface.ring_px), surface.confidence, label, surface.ring_px)
        for label, channel in zip(card.classes, probability, strict=True)
        if label and channel.max() >= card.threshold(label)
        for surface in outlines(_finer(channel), card.threshold(label), size_wh_px, min_area_px=MIN_SURFACE_PX)
    ]
    return detections_of(rows)


def _finer(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the cells each way, interpolated, so that slanting shores do not become stairs."""
    size = (2 * probability.shape[1], 2 * probability.shape[0])
    return np.asarray(cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _bounds(ring_px: NDArray[np.float32]) -> tuple[float, float, float, float]:
    (left, top), (right, bottom) = ring_px.min(axis=0), ring_px.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
