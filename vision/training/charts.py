"""Two pictures of a report, drawn with Pillow alone: precision over recall, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

_FINER = 3
"""Drawn this many times larger and shrunk, for smooth lines."""

_INK, _GREY, _GRID, _PAPER = (32, 38, 46), (104, 112, 122), (228, 231, 235), (255, 255, 255)
_COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (120, 94, 240),
    (90, 90, 90),
)
"""Okabe and Ito's colours, told apart by people who do not see all colours."""


class _Canvas:
    """A drawing board in final pixels."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size = (width_px, height_px)
        self._image = Image.new("RGB", (width_px * _FINER, height_px * _FINER), _PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[Point], colour: Colour, width_px: float = 1.0) -> None:
        scaled = [(x * _FINER, y * _FINER) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width_px * _FINER)), joint="curve")

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self._draw.rectangle((left * _FINER, top * _FINER, right * _FINER - 1, bottom * _FINER - 1), fill=colour)

    def dot(self, x: float, y: float, radius_px: float, colour: Colour) -> None:
        for radius, fill in ((radius_px + 1.5, _PAPER), (radius_px, colour)):
            sides = (x - radius, y - radius, x + radius, y + radius)
            self._draw.ellipse([side * _FINER for side in sides], fill=fill)

    def text(self, x: float, y: float, text: str, size_px: int, colour: Colour = _INK, anchor: str = "la") -> None:
        font = ImageFont.load_default(size=size_px * _FINER)
        self._draw.text((x * _FINER, y * _FINER), text, fill=colour, font=font, anchor=anchor)

    def text_upwards(self, x: float, y: float, text: str, size_px: int, colour: Colour = _INK) -> None:
        """Text that reads from bottom to top, its middle at (x, y)."""
        font = ImageFont.load_default(size=size_px * _FINER)
        left, top, right, bottom = font.getbbox(text)
        label = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
        ImageDraw.Draw(label).text((1 - left, 1 - top), text, fill=255, font=font)
        turned = label.rotate(90, expand=True)
        at = (round(x * _FINER - turned.width / 2), round(y * _FINER - turned.height / 2))
        self._image.paste(Image.new("RGB", turned.size, colour), at, turned)

    def save(self, path: Path) -> None:
        self._image.resize(self._size, Image.Resampling.LANCZOS).save(path, optimize=True)


def save_precision_recall(
    path: Path,
    curves: Mapping[str, NDArray[np.float64]],
    operating: Mapping[str, Point],
    title: str,
) -> None:
    """Draw precision over recall.

    Args:
        path: PNG to write.
        curves: By label, precision at the recalls 0, 0.01, … 1, shape (101,).
        operating: By label, recall and precision at the card's threshold.
        title: Line above.
    """
    left, top, side, legend_px = 74, 62, 480, 300
    canvas = _Canvas(left + side + legend_px, top + max(side, 44 * len(curves)) + 70)
    canvas.text(left, 20, title, 17)
    for i in range(11):
        at = i / 10
        x, y = left + at * side, top + (1 - at) * side
        canvas.line([(x, top), (x, top + side)], _GRID)
        canvas.line([(left, y), (left + side, y)], _GRID)
        if i % 2 == 0:
            canvas.text(x, top + side + 8, f"{at:.1f}", 13, _GREY, "ma")
            canvas.text(left - 9, y, f"{at:.1f}", 13, _GREY, "rm")
    canvas.line([(left, top), (left, top + side), (left + side, top + side)], _GREY, 1.2)
    canvas.text(left + side / 2, top + side + 36, "recall", 14, _INK, "ma")
    canvas.text_upwards(24, top + side / 2, "precision", 14)
    by_area = sorted(curves, key=lambda label: -float(curves[label].mean()))
    for number, label in enumerate(by_area):
        colour = _COLOURS[number % len(_COLOURS)]
        canvas.line(_steps(curves[label], left, top, side), colour, 2.2)
        y = top + 8 + 44 * number
        canvas.line([(left + side + 24, y + 8), (left + side + 50, y + 8)], colour, 3)
        canvas.text(left + side + 58, y, label, 14)
        words = f"AP50 {curves[label].mean():.3f}"
        if label in operating:
            recall, precision = operating[label]
            words += f"    P {precision:.2f}  R {recall:.2f}"
        canvas.text(left + side + 58, y + 19, words, 12, _GREY)
    for number, label in enumerate(by_area):
        if label in operating:
            recall, precision = operating[label]
            canvas.dot(left + recall * side, top + (1 - precision) * side, 5, _COLOURS[number % len(_COLOURS)])
    if operating:
        canvas.text(left + side + 24, top + side - 14, "dots: at the card's thresholds", 12, _GREY)
    canvas.save(path)


def save_confusion(path: Path, labels: Sequence[str], counts: Sequence[Sequence[int]], title: str) -> None:
    """Draw a table of true (rows) and found (columns) labels, shaded by share of the row.

    Args:
        path: PNG to write.
        labels: Names, the last for "nothing".
        counts: Rows of counts.
        title: Line above.
    """
    cell_w, cell_h, left, top, size = 122, 40, 170, 128, len(labels)
    canvas = _Canvas(left + size * cell_w + 30, top + size * cell_h + 30)
    canvas.text(20, 20, title, 17)
    canvas.text(left + size * cell_w / 2, 62, "found as", 14, _GREY, "ma")
    canvas.text(left - 14, top - 26, "really", 14, _GREY, "ra")
    for i, label in enumerate(labels):
        canvas.text(left + (i + 0.5) * cell_w, top - 26, label, 13, _INK, "ma")
        canvas.text(left - 14, top + (i + 0.5) * cell_h, label, 13, _INK, "rm")
        total = sum(counts[i])
        for j in range(size):
            x, y = left + j * cell_w, top + i * cell_h
            share = counts[i][j] / total if total else 0.0
            canvas.box(x + 1, y + 1, x + cell_w - 1, y + cell_h - 1, _shade(share, right=i == j))
            if i == j == size - 1:
                continue
            ink = _PAPER if share > 0.6 else (_INK if counts[i][j] else (190, 195, 200))
            canvas.text(x + cell_w / 2, y + cell_h / 2, str(counts[i][j]), 14, ink, "mm")
    canvas.save(path)


def _steps(precision: NDArray[np.float64], left: float, top: float, side: float) -> list[Point]:
    reached = np.flatnonzero(precision > 0)
    last = int(reached[-1]) if reached.size else 0
    return [(left + i / 100 * side, top + (1 - float(precision[i])) * side) for i in range(last + 1)] + [
        (left + last / 100 * side, top + side)
    ]


def _shade(share: float, *, right: bool) -> Colour:
    full = (0, 114, 178) if right else (213, 94, 0)
    weight = 0.06 + 0.94 * share if share else 0.03
    red, green, blue = (round(255 + (channel - 255) * weight) for channel in full)
    return red, green, blue
