"""Filmed scenes for the tracker's tests: textured ground that a camera moves over, with things whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections import Detections
from vision.frame import Frame
from vision.pixels import ArrayPixels, Image

WIDTH, HEIGHT = 640, 360


def textured(side_px: int = 2400, seed: int = 4) -> Image:
    """Ground with enough to hold on to."""
    rng = np.random.default_rng(seed)
    image = np.zeros((side_px, side_px), np.float32)
    for cell, strength in ((6, 18), (25, 30), (120, 30)):
        small = rng.standard_normal((side_px // cell, side_px // cell)).astype(np.float32)
        image += cv2.resize(small, (side_px, side_px), interpolation=cv2.INTER_CUBIC) * strength
    grey = np.clip(image + 128, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture of the ground: where its middle is, how it is turned and how far it is zoomed in."""

    time_s: float
    x_px: float
    y_px: float
    turn_deg: float = 0.0
    zoom: float = 1.0

    @property
    def picture_from_ground(self) -> NDArray[np.float64]:
        turn = cv2.getRotationMatrix2D((self.x_px, self.y_px), self.turn_deg, self.zoom)
        turn[:, 2] += (WIDTH / 2 - self.x_px, HEIGHT / 2 - self.y_px)
        return np.vstack([turn, (0.0, 0.0, 1.0)])


def a_frame(shot: Shot, ground: Image, index: int = 0, source: str = "film") -> Frame:
    image = cv2.warpAffine(ground, shot.picture_from_ground[:2], (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return Frame(
        pixels=ArrayPixels(np.asarray(image, np.uint8)),
        captured_at=None,
        source=source,
        index=index,
        media_time_s=shot.time_s,
    )


def boxes_seen(things: NDArray[np.float64], shot: Shot) -> NDArray[np.float64]:
    """Boxes (n, 4) of squares (x, y, side) on the ground, (n, 3), clipped; NaN where their middle is out of view."""
    middles = np.column_stack([things[:, :2], np.ones(len(things))]) @ shot.picture_from_ground[:2].T
    half = things[:, 2:3] * shot.zoom / 2
    boxes = np.clip(np.hstack([middles - half, middles + half]), 0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
    out = (middles < 0).any(axis=1) | (middles > (WIDTH, HEIGHT)).any(axis=1)
    boxes[out] = np.nan
    return boxes


def detections(
    boxes: Iterable[Iterable[float]], *, confidence: float | list[float] = 0.8, label: str | list[str] = "waste"
) -> Detections:
    rows = np.array([list(box) for box in boxes], np.float32).reshape(-1, 4)
    sure = np.broadcast_to(np.array(confidence, np.float32), len(rows))
    labels = [label] * len(rows) if isinstance(label, str) else label
    return Detections(boxes_xyxy_px=rows, confidence=sure, labels=tuple(labels))


def passing(*, every_s: float, speed_px_s: float, seconds: float, turn_deg_s: float = 0.0) -> Iterator[Shot]:
    """A camera that moves to the right over the ground."""
    for index in range(int(seconds / every_s)):
        time_s = index * every_s
        yield Shot(time_s=time_s, x_px=500 + speed_px_s * time_s, y_px=1200.0, turn_deg=turn_deg_s * time_s)
