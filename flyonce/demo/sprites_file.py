"""Reads the sprites: pictures of things from straight above, with their shadow, and what is known of each."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from flyonce.demo.errors import MissingSpritesError

SPRITES_DIR = Path(__file__).parent / "sprites"
SpriteKind = Literal["puddle", "waste", "angler", "person"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpriteLook:
    """One picture of a thing seen from straight above; x to the right, y up, metres from the picture's middle.

    Attributes:
        name: File name without suffix.
        kind: What it shows.
        image: BGR premultiplied with opacity, then opacity; shape (h, w, 4) uint8.
        resolution_m: Metres per pixel.
        outline_m: Outline of the thing without its shadow (x, y), shape (n, 2).
        contact_m: Where the thing stands (x, y): an angler's feet, otherwise the outline's centroid.
        shadow_deg: Direction in which shadows fall, clockwise from the picture's top.
        facing_deg: Where an angler looks, clockwise from the picture's top; None for things without a face.
    """

    name: str
    kind: SpriteKind
    image: NDArray[np.uint8]
    resolution_m: float
    outline_m: NDArray[np.float64]
    contact_m: tuple[float, float]
    shadow_deg: float
    facing_deg: float | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 4:
            raise ValueError(f"sprite {self.name}: it needs four channels, not shape {self.image.shape}")
        if not 0.001 <= self.resolution_m <= 1:
            raise ValueError(f"sprite {self.name}: {self.resolution_m} m per pixel is not a sprite's resolution")

    @property
    def size_wh_m(self) -> tuple[float, float]:
        """Width and height of the whole picture."""
        height, width = self.image.shape[:2]
        return width * self.resolution_m, height * self.resolution_m

    def reduced(self, resolution_m: float) -> NDArray[np.uint8]:
        """The image averaged down to about `resolution_m` per pixel, so that a coarser camera sees no aliasing."""
        # Steps of 10 % keep the cache small: every photo is taken from nearly the same height.
        steps = math.floor(math.log(max(resolution_m / self.resolution_m, 1.0)) / math.log(1.1))
        return _averaged(self, 1.1**-steps)


@lru_cache(maxsize=128)
def _averaged(look: SpriteLook, share: float) -> NDArray[np.uint8]:
    if share == 1.0:
        return look.image
    size = (max(round(look.image.shape[1] * share), 1), max(round(look.image.shape[0] * share), 1))
    return np.asarray(cv2.resize(look.image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def read_sprites(folder: Path = SPRITES_DIR) -> list[SpriteLook]:
    """All sprites of a folder, in the order of its `sprites.json`.

    Raises:
        MissingSpritesError: The folder has no readable `sprites.json`, or one of its pictures is missing or broken.
    """
    index = folder / "sprites.json"
    try:
        records = json.loads(index.read_text(encoding="utf-8"))["sprites"]
        looks = [_read_look(folder, record) for record in records]
    except (OSError, ValueError, KeyError, TypeError, UnidentifiedImageError) as cause:
        raise MissingSpritesError(path=index, problem=f"the demo's sprites cannot be read ({cause})") from cause
    return looks


def _read_look(folder: Path, record: dict[str, Any]) -> SpriteLook:
    outline = record.get("polygon_m") or _rectangle(record["box_m"])
    contact = record["anchor_m"] if record["kind"] in ("angler", "person") else _centroid(outline)
    return SpriteLook(
        name=Path(record["file"]).stem,
        kind=record["kind"],
        image=_read_premultiplied(folder / record["file"]),
        resolution_m=float(record["metres_per_pixel"]),
        outline_m=np.asarray(outline, dtype=np.float64),
        contact_m=(float(contact[0]), float(contact[1])),
        shadow_deg=(float(record["sun"]["azimuth_deg"]) + 180) % 360,
        facing_deg=record.get("facing_deg"),
    )


def _read_premultiplied(path: Path) -> NDArray[np.uint8]:
    with PillowImage.open(path) as picture:
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.uint8)
    opacity = rgba[..., 3:].astype(np.float32) / 255
    colour = np.round(rgba[..., 2::-1] * opacity).astype(np.uint8)
    return np.concatenate([colour, rgba[..., 3:]], axis=2)


def _rectangle(box_m: list[float]) -> list[tuple[float, float]]:
    west, south, east, north = box_m
    return [(west, south), (east, south), (east, north), (west, north)]


def _centroid(outline_m: list[list[float]] | list[tuple[float, float]]) -> tuple[float, float]:
    x, y = np.asarray(outline_m, dtype=np.float64).T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum() / 2
    return (
        float(((x + np.roll(x, -1)) * cross).sum() / (6 * area)),
        float(((y + np.roll(y, -1)) * cross).sum() / (6 * area)),
    )
