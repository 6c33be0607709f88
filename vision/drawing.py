"""Detections drawn into pictures for people to check."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from vision.detections import Detections
from vision.pixels import Image

Language = Literal["en", "zh"]

_NAMES_ZH = {
    "standing_water": "积水",
    "waste": "垃圾",
    "person": "人员",
    "fishing_gear": "渔具",
    "boat": "船只",
    "vehicle": "车辆",
    "dock_or_lift": "码头",
    "waste_bin": "垃圾桶",
    "overflowing_bin": "满溢垃圾桶",
}
_COLOURS_BGR = {
    "standing_water": (255, 144, 30),
    "waste": (0, 140, 255),
    "person": (60, 20, 220),
    "fishing_gear": (180, 105, 255),
    "boat": (0, 215, 255),
    "vehicle": (200, 200, 0),
    "dock_or_lift": (140, 180, 210),
    "waste_bin": (80, 175, 76),
    "overflowing_bin": (0, 69, 255),
}
_OTHER_BGR = (200, 200, 200)
_FILL = 0.25
# What is shorter than this is shown once more, enlarged: in a cut-out of 640 px on a page it is a dot behind its box.
_LOUPE_BELOW_PX = 40
_LOUPE_SHARE = 0.34
_LOUPE_AROUND = 4.0
_LOUPE_LEAST_PX = 72
_LOUPE_LEAST_SCALE = 2
_CJK_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)


def draw(image_bgr: Image, detections: Detections, lang: Language = "en") -> Image:
    """Draw outlines, boxes, labels and confidences.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        detections: What to draw, in its pixels.
        lang: Language of the labels; Chinese falls back to English where the machine has no Chinese font.

    Returns:
        A new picture; lines and letters grow with its size.
    """
    drawn = np.array(image_bgr)
    line_px = _line_px(drawn)
    _fill(drawn, detections)
    for box, label, polygon in zip(detections.boxes_xyxy_px, detections.labels, detections.polygons_px, strict=True):
        colour = _COLOURS_BGR.get(label, _OTHER_BGR)
        if polygon is None:
            left, top, right, bottom = (round(float(value)) for value in box)
            cv2.rectangle(drawn, (left, top), (right, bottom), (0, 0, 0), line_px + 2)
            cv2.rectangle(drawn, (left, top), (right, bottom), colour, line_px)
        else:
            cv2.polylines(drawn, [np.round(polygon).astype(np.int32)], True, colour, line_px)
    return _write_labels(drawn, detections, lang)


def crop_evidence(
    image_bgr: Image, detections: Detections, index: int, *, least_px: int = 640, lang: Language = "en"
) -> Image:
    """Cut out one detection with its surroundings, drawn.

    Args:
        image_bgr: Shape (height, width, 3), uint8.
        detections: Detections in its pixels.
        index: Which one.
        least_px: Least width and height of the cut-out, where the picture is as large.
        lang: Language of the label.

    Returns:
        A new picture: three times as wide and high as the detection's box, at least `least_px`, within the picture.
        What is too small in it to be recognised is shown once more in a corner, enlarged and without its box.
    """
    height, width = image_bgr.shape[:2]
    first_x, first_y, last_x, last_y = (float(side) for side in detections.boxes_xyxy_px[index])
    left, top, right, bottom = evidence_window((first_x, first_y, last_x, last_y), (width, height), least_px=least_px)
    window, mine = image_bgr[top:bottom, left:right], detections.where([index]).shifted(-left, -top)
    drawn = draw(window, mine, lang)
    return _with_loupe(drawn, window, mine.boxes_xyxy_px[0], _COLOURS_BGR.get(mine.labels[0], _OTHER_BGR))


def evidence_window(
    box_xyxy_px: tuple[float, float, float, float], size_wh_px: tuple[int, int], *, least_px: int = 640
) -> tuple[int, int, int, int]:
    """Where the cut-out of a thing lies that reviewers are shown.

    Args:
        box_xyxy_px: The thing: left, top, right, bottom.
        size_wh_px: Width and height of the whole picture.
        least_px: Least width and height of the cut-out, where the picture is as large.

    Returns:
        Left, top, right, bottom in whole pixels: three times the box, within the picture.
    """
    left, right = _window(box_xyxy_px[0], box_xyxy_px[2], size_wh_px[0], least_px)
    top, bottom = _window(box_xyxy_px[1], box_xyxy_px[3], size_wh_px[1], least_px)
    return left, top, right, bottom


def _with_loupe(drawn: Image, plain: Image, box_xyxy_px: NDArray[np.float32], colour: tuple[int, int, int]) -> Image:
    """The drawn picture with a small thing enlarged in the corner that is farthest from it, never over it."""
    height, width = plain.shape[:2]
    left, top, right, bottom = (float(side) for side in box_xyxy_px)
    longest, side = max(right - left, bottom - top), round(_LOUPE_SHARE * min(width, height))
    # What is beside a small thing often says what it is: rod and bucket beside a person.
    seen = min(max(_LOUPE_LEAST_PX, round(_LOUPE_AROUND * longest)), side // _LOUPE_LEAST_SCALE)
    if longest >= _LOUPE_BELOW_PX or seen < _LOUPE_LEAST_PX:
        return drawn
    x, y = (
        min(max(0, round((first + last - seen) / 2)), most - seen)
        for first, last, most in ((left, right, width), (top, bottom, height))
    )
    # Not the corner at the bottom right, where pages put a button.
    corners = [(0, 0), (width - side, 0), (0, height - side)]
    far_x, far_y = max(corners, key=lambda at: math.hypot(at[0] + side / 2 - left, at[1] + side / 2 - top))
    enlarged = cv2.resize(plain[y : y + seen, x : x + seen], (side, side), interpolation=cv2.INTER_CUBIC)
    drawn[far_y : far_y + side, far_x : far_x + side] = enlarged
    frame = (far_x, far_y), (far_x + side - 1, far_y + side - 1)
    cv2.rectangle(drawn, *frame, (0, 0, 0), 6)
    cv2.rectangle(drawn, *frame, colour, 3)
    return drawn


def _window(first: float, last: float, length: int, least: int) -> tuple[int, int]:
    size = min(length, max(least, round(3 * (last - first))))
    start = min(max(0, round((first + last - size) / 2)), length - size)
    return start, start + size


def _line_px(image: Image) -> int:
    return max(2, round(int(max(image.shape[:2])) / 500))


def _fill(drawn: Image, detections: Detections) -> None:
    """Tint the outlined areas, in place."""
    for label in sorted(set(detections.labels)):
        rings = [
            np.round(polygon).astype(np.int32)
            for polygon, of in zip(detections.polygons_px, detections.labels, strict=True)
            if polygon is not None and of == label
        ]
        if rings:
            mask = np.zeros(drawn.shape[:2], np.uint8)
            for ring in rings:
                cv2.fillPoly(mask, [ring], 1)
            chosen = mask.astype(np.bool_)
            colour = np.array(_COLOURS_BGR.get(label, _OTHER_BGR), np.float32)
            drawn[chosen] = (drawn[chosen] * (1 - _FILL) + colour * _FILL).astype(np.uint8)


def _write_labels(drawn: Image, detections: Detections, lang: Language) -> Image:
    if not len(detections):
        return drawn
    size_px = max(14, round(int(max(drawn.shape[:2])) / 90))
    path = cjk_font() if lang == "zh" else None
    font = letters(path, size_px)
    picture = PillowImage.fromarray(drawn[:, :, ::-1])
    pen = ImageDraw.Draw(picture)
    for box, confidence, label in zip(detections.boxes_xyxy_px, detections.confidence, detections.labels, strict=True):
        name = _NAMES_ZH.get(label, label) if path else label.replace("_", " ")
        text = f"{name} {float(confidence):.0%}"
        blue, green, red = _COLOURS_BGR.get(label, _OTHER_BGR)
        _, _, text_width, text_height = pen.textbbox((0, 0), text, font=font)
        left = max(0.0, min(float(box[0]), drawn.shape[1] - text_width - 6))
        top = float(box[1]) - text_height - 6
        top = min(float(box[3]), drawn.shape[0] - text_height - 6) if top < 0 else top
        pen.rectangle((left, top, left + text_width + 6, top + text_height + 6), fill=(red, green, blue))
        ink = (0, 0, 0) if 0.3 * red + 0.59 * green + 0.11 * blue > 110 else (255, 255, 255)
        pen.text((left + 3, top + 2), text, font=font, fill=ink)
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


@functools.cache
def cjk_font() -> str | None:
    """A font file with Chinese letters; None where the machine has none."""
    return next((path for path in _CJK_FONTS if Path(path).is_file()), None)


def letters(font: str | None, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Letters of a size, of a font file; None for the Latin ones that need no file."""
    return ImageFont.truetype(font, size_px) if font else ImageFont.load_default(size_px)
