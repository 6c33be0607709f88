"""What lies on the hills: a real orthophoto from the demo's data package, or a painted one, with things put on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from flyonce.demo.errors import MissingGroundError
from flyonce.demo.orthophoto import MEADOW_FILE, RESOLUTION_M, read_orthophoto

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_LEVELS = 6
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something on the ground.

    Attributes:
        thing_id: Its name.
        label: What it is.
        east_m: Its middle, east of the origin.
        north_m: North of the origin.
        size_en_m: How wide it is, east and north.
        colour_bgr: Blue, green, red.
        tall_m: How high it stands; 0 for what lies flat.
    """

    thing_id: str
    label: str
    east_m: float
    north_m: float
    size_en_m: tuple[float, float] = (2.0, 2.0)
    colour_bgr: tuple[int, int, int] = (20, 20, 235)
    tall_m: float = 0.0

    @property
    def corners_m(self) -> Floats:
        """Its outline on the plane (4, 2), metres east and north."""
        half = np.array(self.size_en_m) / 2
        return np.array([self.east_m, self.north_m]) + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


@dataclass(frozen=True, kw_only=True)
class BedGround:
    """A picture of the ground from straight above, as wide as a flight may see, and its shrunk copies.

    Attributes:
        things: What lies flat on it is painted in.
        reach_m: Metres from the origin to each side; the orthophoto is mirrored outwards to fill that.
        resolution_m: Metres per pixel.
        real: The orthophoto of the demo's data package; False for a painted ground, which needs no package.
        seed: Of the painted ground.
    """

    things: Sequence[Thing] = ()
    reach_m: float = 400.0
    resolution_m: float = 0.2
    real: bool = True
    seed: int = 1

    @cached_property
    def levels(self) -> tuple[Image, ...]:
        """BGR pictures, north up, each half as fine as the one before."""
        image = self._mirrored(self._orthophoto() if self.real else self._painted())
        for thing in self.things:
            if thing.tall_m == 0:
                corners = np.round(self.pixels(thing.corners_m, 0) * 2**_SUBPIXEL_BITS).astype(np.int32)
                cv2.fillConvexPoly(image, corners, thing.colour_bgr, cv2.LINE_AA, _SUBPIXEL_BITS)
        levels = [image]
        while len(levels) < _LEVELS:
            height, width = levels[-1].shape[:2]
            smaller = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, dtype=np.uint8))
        return tuple(levels)

    def level_for(self, resolution_m: float) -> int:
        """The coarsest picture that is still as fine as `resolution_m` metres per pixel."""
        return int(np.clip(math.floor(math.log2(max(resolution_m / self.resolution_m, 1.0))), 0, _LEVELS - 1))

    def pixels(self, en_m: Floats, level: int) -> Floats:
        """Column and row (n, 2) in a level's picture, counted between the middles of pixels as OpenCV does."""
        step = self.resolution_m * 2**level
        return np.column_stack((en_m[:, 0] + self.reach_m, self.reach_m - en_m[:, 1])) / step - 0.5

    @property
    def _side_px(self) -> int:
        # Halving must come out even, or the copies would be shifted against each other.
        return math.ceil(2 * self.reach_m / self.resolution_m / 2**_LEVELS) * 2**_LEVELS

    def __post_init__(self) -> None:
        if self._side_px * self.resolution_m != 2 * self.reach_m:
            object.__setattr__(self, "reach_m", self._side_px * self.resolution_m / 2)

    def _orthophoto(self) -> Image:
        picture = read_orthophoto(MEADOW_FILE)
        ratio = RESOLUTION_M / self.resolution_m
        how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=how), dtype=np.uint8)

    def _painted(self) -> Image:
        rng = np.random.default_rng((self.seed, 7))
        side = min(self._side_px, 1024)
        shade = np.zeros((side, side), dtype=np.float32)
        for size_m, spread in ((0.5, 14.0), (2.0, 18.0), (9.0, 16.0), (35.0, 12.0)):
            cells = max(int(side * self.resolution_m / size_m), 2)
            small = rng.standard_normal((cells, cells), dtype=np.float32)
            shade += cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC) * np.float32(spread)
        channels = [np.clip(shade + level, 0, 255).astype(np.uint8) for level in (92, 140, 128)]
        return np.asarray(cv2.merge(channels), dtype=np.uint8)

    def _mirrored(self, picture: Image) -> Image:
        """The picture's middle at the origin, mirrored outwards until the side is full."""
        image = picture
        while min(image.shape[:2]) < self._side_px:
            up, left = (min(side - 1, (self._side_px - side + 1) // 2 + 1) for side in image.shape[:2])
            up, left = max(up, 0), max(left, 0)
            image = cv2.copyMakeBorder(image, up, up, left, left, cv2.BORDER_REFLECT_101)
        top, left = ((side - self._side_px) // 2 for side in image.shape[:2])
        return np.ascontiguousarray(image[top : top + self._side_px, left : left + self._side_px])


def ground_is_there() -> bool:
    """Whether the data package with the orthophoto is installed."""
    try:
        read_orthophoto(MEADOW_FILE)
    except MissingGroundError:
        return False
    return True
