"""Labels of a rendered picture, from the picture of identity numbers and from the known geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.scenes.assets import KINDS, Part, look
from vision.training.scenes.layout import Site, Thing
from vision.training.scenes.scenery import FIRST_THING, RESERVOIR
from vision.training.scenes.solids import rotation
from vision.training.scenes.views import View, project

SMALLEST_PX = 6.0
LEAST_VISIBLE = 0.3
WHOLE = 0.85
THIN_PX = 1000.0
"""A rod's tip is thinner than a pixel: what is seen of it says nothing about its reach."""

_FINER = 5

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One thing in a picture.

    Attributes:
        thing: The thing.
        label: Its label, None for what belongs to no class.
        box_xyxy_px: Box of what is seen of it.
        polygon_px: (k, 2) outline of its largest piece.
        visible: Share of it (of the part inside the picture) that nothing hides, 0..1.
        inside: Share of its box that lies inside the picture, 0..1.
        foot_px: Where it stands.
        labelled: Whether it is large and visible enough to count.
    """

    thing: Thing
    label: str | None
    box_xyxy_px: tuple[float, float, float, float]
    polygon_px: NDArray[np.int32]
    visible: float
    inside: float
    foot_px: tuple[float, float]
    labelled: bool

    @property
    def size_px(self) -> float:
        """Longer side of the box, pixels."""
        left, top, right, bottom = self.box_xyxy_px
        return max(right - left, bottom - top)

    def record(self) -> dict[str, Any]:
        """Return what the picture's manifest says about it."""
        return {
            "label": self.label,
            "kind": self.thing.kind,
            "look": self.thing.look,
            "angler": self.thing.angler,
            "box_xyxy_px": [round(v, 2) for v in self.box_xyxy_px],
            "polygon_px": self.polygon_px.tolist(),
            "size_px": round(self.size_px, 1),
            "visible": round(self.visible, 3),
            "inside": round(self.inside, 3),
            "at_m": [round(v, 3) for v in self.thing.at_m],
            "foot_px": [round(v, 1) for v in self.foot_px],
            "labelled": self.labelled,
        }


def placed_m(thing: Thing, part: Part) -> tuple[Floats, NDArray[np.int32]]:
    """Return what is above the ground of a thing: vertices (n, 3) on the site, and faces (m, 3)."""
    solid = look(thing.kind, part, thing.look)
    turned = solid.vertices_m @ rotation((0, 0, -thing.heading_deg)).T
    turned[:, 2] = np.maximum(turned[:, 2], 0)  # keels, posts and roots are under water or ground
    return turned.astype(float) + np.asarray(thing.at_m), solid.faces


def silhouette(pixels: Floats, faces: NDArray[np.int32], size_px: int) -> Mask:
    """Return (size, size): the pixels whose middle projected faces cover, hidden or not."""
    covered = np.zeros((size_px, size_px), bool)
    low = np.clip(np.floor(pixels.min(axis=0)), 0, size_px).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)), 0, size_px).astype(int)
    if (high <= low).any():
        return covered
    # OpenCV also fills every pixel that an edge touches; on a finer canvas that adds next to nothing.
    finer = _FINER if (high - low).max() < 100 else 1
    canvas = np.zeros((high - low)[::-1] * finer, np.uint8)
    fixed = np.round(((pixels[faces] - low) * finer - 0.5) * 16).astype(np.int32)
    for triangle in fixed:
        cv2.fillConvexPoly(canvas, triangle, 1, shift=4)
    covered[low[1] : high[1], low[0] : high[0]] = canvas[finer // 2 :: finer, finer // 2 :: finer] > 0
    return covered


def _box_of(mask: Mask) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def _clipped(box: tuple[float, float, float, float], size_px: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = (min(max(side, 0.0), float(size_px)) for side in box)
    return left, top, right, bottom


def _within(
    exact: tuple[float, float, float, float], seen: tuple[float, float, float, float], play_px: float
) -> tuple[float, float, float, float]:
    """The exact box, but no further out than what is seen of it: its foot may be in the ground."""
    return (
        max(exact[0], seen[0] - play_px), max(exact[1], seen[1] - play_px),
        min(exact[2], seen[2] + play_px), min(exact[3], seen[3] + play_px),
    )  # fmt: skip


def _area(box: tuple[float, float, float, float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def outline(mask: Mask) -> NDArray[np.int32]:
    """Return the (k, 2) outline of a mask's largest piece; empty where it is too small for one."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.empty((0, 2), np.int32)
    ring = cv2.approxPolyDP(max(contours, key=cv2.contourArea), 0.8, True)[:, 0, :]
    return np.asarray(ring, np.int32)


def _seen(thing: Thing, part: Part, view: View, mask: Mask) -> Seen | None:
    size = view.lens.size_px
    vertices, faces = placed_m(thing, part)
    pixels, depth = project(view.pose, view.lens, vertices)
    if (depth <= 0.5).any():
        return None
    whole_box = (*pixels.min(axis=0), *pixels.max(axis=0))
    clipped = _clipped(whole_box, size)
    if _area(clipped) <= 0:
        return None
    whole = silhouette(pixels, faces, size)
    visible = min(1.0, float(mask.sum()) / max(1.0, float(whole.sum())))
    box = (
        _within(clipped, _box_of(mask), THIN_PX if thing.kind == "rod" else 1.0) if visible >= WHOLE else _box_of(mask)
    )
    foot, _ = project(view.pose, view.lens, np.array([thing.at_m]))
    label = KINDS[thing.kind].label
    inside = _area(clipped) / _area(whole_box)
    wide, high = box[2] - box[0], box[3] - box[1]
    counts = max(wide, high) >= SMALLEST_PX and min(wide, high) >= 2 and min(visible, inside) >= LEAST_VISIBLE
    return Seen(
        thing=thing, label=label, box_xyxy_px=box, polygon_px=outline(mask), visible=visible, inside=inside,
        foot_px=(float(foot[0, 0]), float(foot[0, 1])),
        labelled=bool(label and counts),
    )  # fmt: skip


def seen_things(site: Site, view: View, part: Part, index: NDArray[np.int32]) -> list[Seen]:
    """Return everything of the site that shows at least one pixel."""
    counts = np.bincount(index.ravel(), minlength=FIRST_THING + len(site.things))
    found = []
    for number, thing in enumerate(site.things):
        if counts[FIRST_THING + number] and thing.kind != "riprap":
            seen = _seen(thing, part, view, index == FIRST_THING + number)
            if seen is not None:
                found.append(seen)
    return found


def water_masks(site: Site, index: NDArray[np.int32]) -> tuple[Mask, Mask]:
    """Return where standing water is seen: the reservoir's, and that of puddles."""
    first = FIRST_THING + len(site.things)
    return index == RESERVOIR, (index >= first) & (index < first + len(site.puddles))
