"""Rendered sprites and how one is laid, turned and scaled, into a picture."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.errors import BadSourceError

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sprite:
    """A thing seen from straight above with its shadow; metres are about the picture's middle, x right, y up.

    Attributes:
        name: File name, unique in its folder.
        kind: `waste`, `puddle`, `angler` or `person`.
        bgra: (h, w, 4) uint8, straight alpha.
        metres_per_pixel: Scale on the ground.
        anchor_m: (2,) the point that stands on the ground where the sprite is put.
        outlines_m: Outlines of a heap or of a puddle's water, each (n, 2).
        person_m: (n, 2) hull of the part of the person that is seen, or None.
        gear_m: What each piece of tackle is (`umbrella`, `rod`, `tackle`) and its hull (n, 2).
        facing_deg: Where a person looks, clockwise from the picture's top.
    """

    name: str
    kind: str
    bgra: Pixels
    metres_per_pixel: float
    anchor_m: Points
    outlines_m: tuple[Points, ...] = ()
    person_m: Points | None = None
    gear_m: tuple[tuple[str, Points], ...] = ()
    facing_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.bgra.ndim != 3 or self.bgra.shape[2] != 4:
            raise ValueError(f"sprite {self.name} is not (h, w, 4) but {self.bgra.shape}")
        if not self.metres_per_pixel > 0:
            raise ValueError(f"sprite {self.name} has no scale: {self.metres_per_pixel} m per pixel")


def load_sprites(folder: Path) -> list[Sprite]:
    """Read the sprites that `folder/sprites.json` lists.

    Raises:
        BadSourceError: The list or one of its pictures is missing, broken or without alpha.
    """
    index = folder / "sprites.json"
    if not index.is_file():
        raise BadSourceError(index, "is missing (tools/make_sprites.py writes it)")
    try:
        return [_load(folder, record) for record in json.loads(index.read_text(encoding="utf-8"))["sprites"]]
    except (KeyError, TypeError, ValueError) as cause:
        raise BadSourceError(index, f"is no list of sprites ({cause})") from cause


def _load(folder: Path, record: dict[str, Any]) -> Sprite:
    path = folder / record["file"]
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise BadSourceError(path, "is no picture with alpha")
    rings = record.get("polygons_m") or ([record["polygon_m"]] if "polygon_m" in record else [])
    person = record.get("person_hull_m")
    return Sprite(
        name=record["file"],
        kind=record["kind"],
        bgra=picture.astype(np.uint8),
        metres_per_pixel=float(record["metres_per_pixel"]),
        anchor_m=np.array(record["anchor_m"], float),
        outlines_m=tuple(np.array(ring, float) for ring in rings),
        person_m=None if person is None else np.array(person, float),
        gear_m=tuple((piece["what"], np.array(piece["hull_m"], float)) for piece in record.get("gear", [])),
        facing_deg=float(record.get("facing_deg", 0.0)),
    )


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where and how a sprite goes into a picture.

    Attributes:
        at_px: (u, v) of the anchor; 0 is the left or upper side of the first pixel.
        turn_deg: Turn clockwise.
        scale: Factor on the thing's true size.
        ground_m: Metres per pixel of the picture.
        blur_px: Extra softness (sigma) that matches the sprite to the ground.
        gain: Factors on blue, green and red.
        fade: How much of the colour is lost to grey, 0..1, as dust and age do.
    """

    at_px: tuple[float, float]
    turn_deg: float
    scale: float
    ground_m: float
    blur_px: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fade: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Laid:
    """Outlines of a laid sprite in picture pixels, each (n, 2), unclipped."""

    water_px: tuple[Points, ...] = ()
    things_px: tuple[tuple[str, Points], ...] = field(default=())


def _matrix(sprite: Sprite, placing: Placing) -> Points:
    """2x3 affine map from (x, y) in metres about the sprite's middle to (u, v) in the picture."""
    turn = math.radians(placing.turn_deg)
    size = placing.scale / placing.ground_m
    # Picture v counts down while y counts up; a clockwise turn takes up to the right.
    linear = size * np.array([[math.cos(turn), math.sin(turn)], [math.sin(turn), -math.cos(turn)]])
    offset = np.array(placing.at_px) - linear @ sprite.anchor_m
    return np.column_stack([linear, offset])


def outlines(sprite: Sprite, placing: Placing) -> Laid:
    """Return where the labelled parts of a sprite come to lie; labels are those of `vision.detections.LABELS`."""
    matrix = _matrix(sprite, placing)

    def put(points: Points) -> Points:
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])

    if sprite.kind == "puddle":
        return Laid(water_px=tuple(put(ring) for ring in sprite.outlines_m))
    if sprite.kind == "waste":
        return Laid(things_px=tuple(("waste", put(ring)) for ring in sprite.outlines_m[:1]))
    things = [] if sprite.person_m is None else [("person", put(sprite.person_m))]
    # Below 4.5 cm per pixel a rod is thinner than a pixel and cannot be told from a line on the ground.
    things += [
        ("fishing_gear", put(hull)) for what, hull in sprite.gear_m if what != "rod" or placing.ground_m <= 0.045
    ]
    return Laid(things_px=tuple(things))


def paste(picture: Pixels, sprite: Sprite, placing: Placing) -> Pixels:
    """Return a copy of the BGR picture with the sprite, shadow included, laid over it."""
    metres = _matrix(sprite, placing)
    height, width = sprite.bgra.shape[:2]
    px = sprite.metres_per_pixel
    # Sprite pixel centres (column + 0.5, row + 0.5) to metres, then to picture pixel centres.
    to_metres = np.array([[px, 0, (0.5 - width / 2) * px], [0, -px, (height / 2 - 0.5) * px], [0, 0, 1]])
    affine = metres @ to_metres
    affine[:, 2] -= 0.5
    layer: NDArray[Any] = sprite.bgra.astype(np.float32) / 255
    grey = layer[..., :3].mean(axis=2, keepdims=True)
    layer[..., :3] += placing.fade * (grey - layer[..., :3])
    layer[..., :3] = np.clip(layer[..., :3] * np.array(placing.gain, np.float32), 0, 1) * layer[..., 3:]
    shrink = placing.ground_m / (px * placing.scale)
    if shrink > 1.0:  # warpAffine samples; it does not average
        layer = cv2.GaussianBlur(layer, (0, 0), 0.42 * shrink)
    size = (picture.shape[1], picture.shape[0])
    laid = cv2.warpAffine(layer, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if placing.blur_px > 0.2:
        laid = cv2.GaussianBlur(laid, (0, 0), placing.blur_px)
    mixed = picture.astype(np.float32) * (1 - laid[..., 3:]) + 255 * laid[..., :3]
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def fill(outlines_px: tuple[Points, ...], size_wh_px: tuple[int, int]) -> Mask:
    """Return the (h, w) bool mask of the pixels inside any of the outlines."""
    canvas = np.zeros((size_wh_px[1], size_wh_px[0]), np.uint8)
    for ring in outlines_px:
        cv2.fillPoly(canvas, [np.rint((ring - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return canvas.astype(bool)
