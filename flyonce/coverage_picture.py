"""Coverage as a picture: what was seen how finely, what of an area is missing, with scale, north and legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from geo.coverage import Cells, class_of
from geo.coverage.grid import areas_m2, corners, keys_at
from geo.coverage.shapes import CLASSES_MM, UNSURE
from geo.frames import METRES_PER_DEGREE
from vision.drawing import Language, cjk_font, letters

# Finest first, then coarser than the last class, then unsure: dark to light, also for eyes that see no red or green.
_COLOURS = ((13, 59, 102), (38, 106, 140), (62, 155, 137), (148, 190, 95), (226, 200, 120), (196, 180, 212))
_PAPER, _INK, _MISSING, _OUTLINE, _PIN = (250, 250, 247), (34, 40, 49), (214, 69, 65), (90, 96, 105), (230, 30, 30)

_MARGIN = 0.06
_LONGEST_PX = 1400
_LEAST_PX = 470
_FINEST_M = 0.25
_LEGEND_PX = 330
_HEAD_PX = 76

_WORDS = {
    "zh": {
        "title": "查看覆盖图",
        "seen": "已查看",
        "up_to": "地面分辨率 ≤ {cm} 厘米/像素",
        "coarser": "更粗的地面分辨率",
        "unsure": "位置误差内不能确定",
        "missing": "范围内未看清",
        "area": "范围",
        "spot": "查询点",
        "hectares": "{n} 公顷",
        "north": "北",
    },
    "en": {
        "title": "Ground looked at",
        "seen": "Looked at",
        "up_to": "ground per pixel ≤ {cm} cm",
        "coarser": "coarser than that",
        "unsure": "not sure, given the pose's error",
        "missing": "of the area, not seen well enough",
        "area": "area",
        "spot": "spot asked for",
        "hectares": "{n} ha",
        "north": "N",
    },
}


@dataclass(frozen=True, kw_only=True)
class CoveragePicture:
    """What is drawn.

    Attributes:
        cells: What was looked at.
        subtitle: Which flights and day.
        area: The area asked about, in degrees; None for none.
        missing: What of it was not seen well enough.
        spot_lonlat: The place asked about.
        lang: Of all words; Chinese falls back to English where the machine has no Chinese font.
    """

    cells: Cells
    subtitle: str = ""
    area: BaseGeometry | None = None
    missing: Sequence[BaseGeometry] = ()
    spot_lonlat: tuple[float, float] | None = None
    lang: Language = "zh"

    def __post_init__(self) -> None:
        if not len(self.cells) and self.area is None:
            raise ValueError("there is nothing to draw: no ground was looked at, and no area is given")

    def draw(self) -> Image.Image:
        """The picture, as large as its ground wants."""
        view = _View.around(self._bounds())
        width, height = view.size_wh_px
        picture = Image.new("RGB", (width + _LEGEND_PX, height + _HEAD_PX), _PAPER)
        picture.paste(Image.fromarray(self._map(view)), (0, _HEAD_PX))
        pen = ImageDraw.Draw(picture)
        self._shapes(pen, view)
        pen.rectangle((0, _HEAD_PX, width - 1, _HEAD_PX + height - 1), outline=_OUTLINE)
        self._words(pen, view)
        return picture

    @cached_property
    def _font(self) -> str | None:
        return cjk_font() if self.lang == "zh" else None

    @property
    def _said(self) -> dict[str, str]:
        return _WORDS["zh" if self._font else "en"]

    def _bounds(self) -> tuple[float, float, float, float]:
        boxes = [] if self.area is None else [self.area.bounds]
        if len(self.cells):
            low, high = corners(self.cells.key)
            boxes.append((*low.min(axis=0).tolist(), *high.max(axis=0).tolist()))
        columns = list(zip(*boxes, strict=True))
        return min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3])

    def _map(self, view: _View) -> NDArray[np.uint8]:
        width, height = view.size_wh_px
        image = np.empty((height * width, 3), dtype=np.uint8)
        image[:] = _PAPER
        if len(self.cells):
            keys = keys_at(view.lonlat_of_all_pixels())
            at = np.minimum(np.searchsorted(self.cells.key, keys), len(self.cells) - 1)
            known = self.cells.key[at] == keys
            image[known] = np.array(_COLOURS, dtype=np.uint8)[class_of(self.cells)[at[known]]]
        return image.reshape(height, width, 3)

    def _shapes(self, pen: ImageDraw.ImageDraw, view: _View) -> None:
        for polygon in self.missing:
            for ring in _rings(polygon):
                pen.line(view.pixels(ring), fill=_MISSING, width=3, joint="curve")
        for ring in [] if self.area is None else _rings(self.area):
            pen.line(view.pixels(ring), fill=_INK, width=2, joint="curve")
        if self.spot_lonlat is not None:
            (x, y) = view.pixels(np.array([self.spot_lonlat]))[0]
            if 0 <= x < view.size_wh_px[0] and _HEAD_PX <= y < view.size_wh_px[1] + _HEAD_PX:
                pen.ellipse((x - 7, y - 7, x + 7, y + 7), outline=_PIN, width=3)
                pen.line((x - 12, y, x + 12, y), fill=_PIN, width=2)
                pen.line((x, y - 12, x, y + 12), fill=_PIN, width=2)

    def _words(self, pen: ImageDraw.ImageDraw, view: _View) -> None:
        said = self._said
        pen.text((16, 10), said["title"], font=self._letters(26), fill=_INK)
        pen.text((16, 46), self.subtitle, font=self._letters(16), fill=_OUTLINE)
        left, top = view.size_wh_px[0] + 20, _HEAD_PX
        self._north(pen, left + 14, top)
        self._scale(pen, view, left + 60, top + 26)
        top += 76
        classes = class_of(self.cells)
        sizes = areas_m2(self.cells.key)
        pen.text(
            (left, top), f"{said['seen']}  {self._hectares(float(sizes.sum()))}", font=self._letters(18), fill=_INK
        )
        for number, colour in enumerate(_COLOURS):
            top += 42
            pen.rectangle((left, top, left + 24, top + 20), fill=colour, outline=_OUTLINE)
            pen.text((left + 34, top - 1), self._class_name(number), font=self._letters(15), fill=_INK)
            area = self._hectares(float(sizes[classes == number].sum()))
            pen.text((left + 34, top + 19), area, font=self._letters(12), fill=_OUTLINE)
        top += 52
        for shown, colour, word in (
            (self.area is not None, _INK, "area"),
            (bool(self.missing), _MISSING, "missing"),
            (self.spot_lonlat is not None, _PIN, "spot"),
        ):
            if shown:
                if word == "spot":
                    pen.ellipse((left + 5, top + 3, left + 19, top + 17), outline=colour, width=3)
                else:
                    pen.line((left, top + 10, left + 24, top + 10), fill=colour, width=3)
                pen.text((left + 34, top), said[word], font=self._letters(15), fill=_INK)
                top += 28

    def _class_name(self, number: int) -> str:
        if number == UNSURE:
            return self._said["unsure"]
        if number == len(CLASSES_MM) - 1:
            return self._said["coarser"]
        return self._said["up_to"].format(cm=CLASSES_MM[number] // 10)

    def _hectares(self, area_m2: float) -> str:
        return self._said["hectares"].format(n=f"{area_m2 / 10_000:,.2f}")

    def _north(self, pen: ImageDraw.ImageDraw, middle: int, top: int) -> None:
        pen.polygon(((middle, top), (middle - 9, top + 30), (middle, top + 23), (middle + 9, top + 30)), fill=_INK)
        pen.text((middle, top + 34), self._said["north"], font=self._letters(16), fill=_INK, anchor="ma")

    def _scale(self, pen: ImageDraw.ImageDraw, view: _View, left: int, top: int) -> None:
        length_m = _round_length_m(200 * view.metres_per_px)
        right = left + round(length_m / view.metres_per_px)
        for start, end, at in ((left, right, top), (left, left, top), (right, right, top)):
            pen.line((start, at - (6 if start == end else 0), end, at), fill=_INK, width=3)
        text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
        pen.text(((left + right) / 2, top + 6), text, font=self._letters(15), fill=_INK, anchor="ma")

    def _letters(self, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return letters(self._font, size_px)


@dataclass(frozen=True, kw_only=True)
class _View:
    """Degrees to pixels: north up, equal metres both ways in the middle."""

    west: float
    north: float
    deg_per_px_xy: tuple[float, float]
    size_wh_px: tuple[int, int]
    metres_per_px: float

    @classmethod
    def around(cls, bounds: tuple[float, float, float, float]) -> _View:
        west, south, east, north = bounds
        shrink = math.cos(math.radians((south + north) / 2))
        wide_m, high_m = (east - west) * METRES_PER_DEGREE * shrink, (north - south) * METRES_PER_DEGREE
        margin_m = _MARGIN * max(wide_m, high_m) + 5.0
        wide_m, high_m = wide_m + 2 * margin_m, high_m + 2 * margin_m
        metres_per_px = max(max(wide_m, high_m) / _LONGEST_PX, _FINEST_M)
        width, height = (max(math.ceil(side / metres_per_px), _LEAST_PX) for side in (wide_m, high_m))
        step_y = metres_per_px / METRES_PER_DEGREE
        step_x = step_y / shrink
        return cls(
            west=(west + east) / 2 - width / 2 * step_x,
            north=(south + north) / 2 + height / 2 * step_y,
            deg_per_px_xy=(step_x, step_y),
            size_wh_px=(width, height),
            metres_per_px=metres_per_px,
        )

    def lonlat_of_all_pixels(self) -> NDArray[np.float64]:
        """Middles of all pixels (width * height, 2), row by row."""
        lon = self.west + (np.arange(self.size_wh_px[0]) + 0.5) * self.deg_per_px_xy[0]
        lat = self.north - (np.arange(self.size_wh_px[1]) + 0.5) * self.deg_per_px_xy[1]
        return np.column_stack([axis.ravel() for axis in np.meshgrid(lon, lat)])

    def pixels(self, lonlat_deg: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Where places (n, 2) lie in the whole picture."""
        x = (lonlat_deg[:, 0] - self.west) / self.deg_per_px_xy[0]
        y = (self.north - lonlat_deg[:, 1]) / self.deg_per_px_xy[1] + _HEAD_PX
        return list(zip(x.tolist(), y.tolist(), strict=True))


def _rings(geometry: BaseGeometry) -> list[NDArray[np.float64]]:
    polygons = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return [shapely.get_coordinates(ring) for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]


def _round_length_m(at_most_m: float) -> float:
    """The longest of 1, 2, 5, 10 ... metres that is no longer."""
    power = 10.0 ** math.floor(math.log10(at_most_m))
    return float(max(step * power for step in (1, 2, 5) if step * power <= at_most_m * (1 + 1e-9)))
