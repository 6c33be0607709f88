"""The copy that leaves the house: people and number plates made unrecognisable, and nothing in the file but pixels.

From above it is not known which way a person looks or where a vehicle's plates are. So the rule takes the safe side:
a person's whole box, a tenth larger on each side, becomes at most six by six patches of one colour; a vehicle's whole
box becomes patches of a twelfth of its shorter side, about 15 cm on a car, three times the width of a plate's
character, while its kind and colour stay visible. There is no plate model, and with this rule none is needed where the
vehicle is found. A person shown at less than `LEAST_PERSON_PX` is left alone: half a metre of shoulders in 32 pixels
is 64 pixels a metre, where EN IEC 62676-4 speaks of observing, at half of what recognising and a quarter of what
identifying somebody takes; and whoever must review the case has to see that it is a person at all.

A patch keeps the mean of its pixels and nothing else, so no filter brings the picture back. Only what a detector found
can be hidden: `HIDING_CONFIDENCE` asks it to find more than it would report, for a patch too many costs little and a
face too many much. A person or vehicle that it missed stays visible, and so do a plate without its vehicle, a face in
a mirror or on a poster, and names on signs and clothes: the sealed original and the review before publishing exist for
these.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from vision.boxes import iou_matrix
from vision.detections import Detections
from vision.pixels import Image

PERSON_PATCHES = 6
VEHICLE_PATCHES = 12
LEAST_PERSON_PX = 32.0
HIDING_CONFIDENCE = 0.1
"""From which confidence on a person or vehicle is hidden; far less than what a report believes."""

_KNOWN_BY_IOU = 0.5
_MARGIN = 0.1
_LEAST_PATCH_PX = 4

Box = tuple[float, float, float, float]


def redact(image_bgr: Image, detections: Detections) -> Image:
    """Hide persons and number plates.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        detections: Everything found in it, from `HIDING_CONFIDENCE` on where that can be had.

    Returns:
        A new picture, the same outside the boxes of vehicles and of persons large enough to be recognised.
    """
    hidden = np.array(image_bgr)
    for label, box in _rows(detections):
        if _is_hidden(label, box):
            _pixelate(hidden, _grown(box), PERSON_PATCHES if label == "person" else VEHICLE_PATCHES, label == "person")
    return hidden


def to_hide(believed: Detections, doubtful: Detections) -> Detections:
    """Everything to hand to `redact`: what is believed, and doubts, save those about a thing that is known as another.

    A heap of waste that looks a little like a car is evidence: a doubt that lies on a believed thing of another label
    with an overlap of `_KNOWN_BY_IOU` or more does not hide it.
    """
    known = np.array([label not in ("person", "vehicle") for label in believed.labels], np.bool_)
    boxes = believed.boxes_xyxy_px[known]
    clear = iou_matrix(doubtful.boxes_xyxy_px, boxes).max(axis=1, initial=0) < _KNOWN_BY_IOU
    return Detections.concatenate([believed, doubtful.where(clear)])


def hidden_zones(things: Iterable[tuple[str, Box]]) -> list[Box]:
    """Where `redact` takes the picture away.

    Args:
        things: Label and box (left, top, right, bottom in pixels) of everything found.

    Returns:
        Boxes in pixels; they may reach over the picture's edges.
    """
    return [_grown(box) for label, box in things if _is_hidden(label, box)]


def leaving_jpeg(image_bgr: Image, *, quality: int = 90) -> bytes:
    """A picture as a JPEG of its pixels alone: no EXIF, no place, no embedded thumbnail of what was hidden.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        quality: 1 to 100.
    """
    done, data = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not write a JPEG")
    return data.tobytes()


def _rows(detections: Detections) -> Iterable[tuple[str, Box]]:
    for box, label in zip(detections.boxes_xyxy_px, detections.labels, strict=True):
        left, top, right, bottom = (float(side) for side in box)
        yield label, (left, top, right, bottom)


def _is_hidden(label: str, box: Box) -> bool:
    if label == "person":
        return max(box[2] - box[0], box[3] - box[1]) >= LEAST_PERSON_PX
    return label == "vehicle"


def _grown(box: Box) -> Box:
    dx, dy = _MARGIN * (box[2] - box[0]), _MARGIN * (box[3] - box[1])
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy


def _pixelate(image: Image, zone: Box, patches: int, of_longer_side: bool) -> None:
    """Replace a zone by patches of their mean colour, in place."""
    left, top = max(0, int(zone[0])), max(0, int(zone[1]))
    area = image[top : max(0, int(np.ceil(zone[3]))), left : max(0, int(np.ceil(zone[2])))]
    if not area.size:
        return
    height, width = area.shape[:2]
    side = max(height, width) if of_longer_side else min(height, width)
    patch_px = max(_LEAST_PATCH_PX, side / patches)
    coarse_wh = (max(1, int(width / patch_px)), max(1, int(height / patch_px)))
    coarse = cv2.resize(area, coarse_wh, interpolation=cv2.INTER_AREA)
    area[:] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
