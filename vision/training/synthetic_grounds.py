"""Grounds for composed pictures: crops of real aerial pictures, painted surfaces, shores; never the demo's ground."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training import synthetic_textures as textures
from vision.training.errors import BadSourceError
from vision.training.labels import read_labels
from vision.training.sources import LAKE, lake_group
from vision.training.splits import FRACTIONS, split_of
from vision.training.synthetic_sprites import Mask, Pixels, Points

SIZE_PX = 640
ORTHOPHOTOS: Mapping[str, float] = {
    "SOAP_031.png": 0.10,
    "SOAP_061.png": 0.10,
    "OSBS_029.png": 0.10,
    "AWPE Pigeon Lake 2020 DJI_0005.JPG": 0.0167,
}
"""Usable pictures of the data package and their metres per pixel; its two YELL pictures are the demo's ground."""

VAL_ORTHOPHOTOS = frozenset({"SOAP_061.png"})
LAKE_TILE_M = 0.044
"""Metres per pixel of the lake set's full-resolution tiles: 4000 px wide at 122 m above the water."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A picture into which things can be laid.

    Attributes:
        picture: (640, 640, 3) uint8 BGR.
        ground_m: Metres per pixel.
        group: Which background it was made from.
        water: (640, 640) bool, or None where a real picture shows water whose outline nobody drew.
        carried: Label and (n, 2) outline in pixels of what the real picture shows already.
        shore: (n, 3): u, v and bearing in degrees (clockwise from the picture's top) towards the water.
        hidden: (640, 640) bool: trees and roofs, on which nothing can lie.
        paved: (640, 640) bool road surface.
    """

    picture: Pixels
    ground_m: float
    group: str
    water: Mask | None
    carried: tuple[tuple[str, Points], ...] = ()
    shore: NDArray[np.float64]
    hidden: Mask
    paved: Mask


@dataclass(frozen=True, kw_only=True)
class Backgrounds:
    """The real pictures of one part of the split.

    Attributes:
        orthophotos: Picture files with their metres per pixel.
        lake_tiles: Full-resolution tiles of the lake set.
    """

    orthophotos: tuple[tuple[Path, float], ...]
    lake_tiles: tuple[Path, ...]


def find_backgrounds(folder: Path, lake: Path | None, part: str) -> Backgrounds:
    """Return the backgrounds of `part` (`train` or `val`).

    Only lake tiles that also train elsewhere are used, so that no picture on which a model is measured slips in.

    Raises:
        BadSourceError: `folder` holds none of `ORTHOPHOTOS`, or `lake` no tiles.
    """
    found = sorted(p for p in folder.rglob("*") if p.name in ORTHOPHOTOS)
    if not found:
        raise BadSourceError(folder, f"holds none of {', '.join(ORTHOPHOTOS)}")
    photos = tuple((p, ORTHOPHOTOS[p.name]) for p in found if (p.name in VAL_ORTHOPHOTOS) == (part == "val"))
    tiles: tuple[Path, ...] = ()
    if lake is not None:
        every = sorted((lake / "images").glob("*_t*.jpg"))
        trained = [p for p in every if split_of(lake_group(p.name), FRACTIONS[LAKE]) == "train"]
        if not trained:
            raise BadSourceError(lake / "images", "holds no lake tiles")
        groups = sorted({lake_group(p.name) for p in trained})
        tiles = tuple(p for p in trained if (groups.index(lake_group(p.name)) % 4 == 3) == (part == "val"))
    return Backgrounds(orthophotos=photos, lake_tiles=tiles)


def _nothing() -> Mask:
    return np.zeros((SIZE_PX, SIZE_PX), bool)


@lru_cache(maxsize=32)
def _read(path: Path) -> Pixels:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise BadSourceError(path, "is no readable picture")
    return picture.astype(np.uint8)


def _dry(picture: Pixels, ground_m: float, group: str, paved: Mask | None = None) -> Ground:
    return Ground(
        picture=picture, ground_m=ground_m, group=group, water=_nothing(), shore=np.empty((0, 3)), hidden=_nothing(),
        paved=_nothing() if paved is None else paved,
    )  # fmt: skip


def orthophoto(rng: np.random.Generator, backgrounds: Backgrounds, ground_m: float) -> Ground:
    """A crop of a real orthophoto, enlarged to `ground_m` (or less where the picture is too small for that)."""
    # The one sharp photo is a bird colony: a telling counter-example to waste, but no ordinary ground.
    weights = np.array([1.0 if scale_m > 0.05 else 0.35 for _, scale_m in backgrounds.orthophotos])
    path, scale_m = backgrounds.orthophotos[rng.choice(len(weights), p=weights / weights.sum())]
    photo = _read(path)
    side = min(round(SIZE_PX * ground_m / scale_m), *photo.shape[:2])
    row, column = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    crop = photo[row : row + side, column : column + side]
    crop = np.rot90(crop, int(rng.integers(4)))[:, :: rng.choice([-1, 1])]
    how = cv2.INTER_AREA if side > SIZE_PX else cv2.INTER_CUBIC
    picture = cv2.resize(np.ascontiguousarray(crop), (SIZE_PX, SIZE_PX), interpolation=how).astype(np.float32)
    if side < SIZE_PX and rng.random() < 0.6:  # fine grain, which enlarging cannot bring back
        picture += (rng.uniform(2, 9) * textures.waves(rng, SIZE_PX, rng.uniform(3, 8), 0.8, 1.5))[..., None]
    finished = np.clip(picture, 0, 255).astype(np.uint8)
    return _dry(finished, side * scale_m / SIZE_PX, path.stem.replace(" ", "-"))


def painted(rng: np.random.Generator, ground_m: float) -> Ground:
    """One or two surfaces from noise, joined along a ragged line."""
    names = [str(name) for name in rng.choice(list(textures.SURFACES), 2)]
    one, other = (textures.surface(rng, name, SIZE_PX) for name in names)
    rows, columns = np.mgrid[0:SIZE_PX, 0:SIZE_PX].astype(np.float32) / SIZE_PX - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    line = rows * math.sin(turn) + columns * math.cos(turn) + rng.uniform(0.0, 0.12) * textures.waves(rng, SIZE_PX, 160)
    mix = cv2.GaussianBlur((line > rng.uniform(-0.5, 0.5)).astype(np.float32), (0, 0), rng.uniform(0.8, 4))[..., None]
    picture = (one * (1 - mix) + other * mix).astype(np.uint8)
    return _dry(picture, ground_m, "painted")


def with_road(rng: np.random.Generator, ground: Ground) -> Ground:
    """The same ground with a road across it."""
    picture, paved = textures.road(rng, ground.picture, ground.ground_m)
    return replace(ground, picture=picture, paved=paved, group=f"{ground.group}+road")


def shore_from_water(water: Mask) -> NDArray[np.float64]:
    """Points just outside the water, about 12 px apart, with the bearing towards it: (n, 3) u, v, degrees."""
    smooth = cv2.GaussianBlur(water.astype(np.float32), (0, 0), 9)
    dv, du = np.gradient(smooth)
    rows, columns = np.nonzero((smooth > 0.44) & (smooth < 0.5) & ~water)
    keep = (rows // 12 * 1000 + columns // 12) if len(rows) else np.empty(0, int)
    _, first = np.unique(keep, return_index=True)
    rows, columns = rows[first], columns[first]
    bearing = np.degrees(np.arctan2(du[rows, columns], -dv[rows, columns]))
    return np.stack([columns + 0.5, rows + 0.5, bearing], axis=1).astype(np.float64)


def with_lake(rng: np.random.Generator, ground: Ground) -> Ground:
    """The same ground with a lake from one side, its wet bank, sometimes stones or a wall along it."""
    rows, columns = np.mgrid[0:SIZE_PX, 0:SIZE_PX].astype(np.float32) / SIZE_PX - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    rough = rng.uniform(0.0, 0.1)
    field = rows * math.sin(turn) + columns * math.cos(turn) + rough * textures.waves(rng, SIZE_PX, 220, 0.45)
    water = np.asarray(field > rng.uniform(-0.35, 0.3), bool)
    away = cv2.distanceTransform((~water).astype(np.uint8), cv2.DIST_L2, 5) * ground.ground_m
    picture = ground.picture.astype(np.float32)
    width_m = rng.uniform(0.3, 2.5)
    bank = away + 0.25 * width_m * textures.waves(rng, SIZE_PX, 40) < width_m
    edging = str(rng.choice(["gravel", "gravel", "soil", "concrete", "none"]))
    if edging != "none":
        soft = cv2.GaussianBlur((bank & ~water).astype(np.float32), (0, 0), 1.2)[..., None]
        picture = picture * (1 - soft) + textures.surface(rng, edging, SIZE_PX) * soft
    wet = np.clip(1 - away / rng.uniform(0.1, 0.6), 0, 1)[..., None] * rng.uniform(0.1, 0.5)
    picture = picture * (1 - wet)
    inward = cv2.distanceTransform(water.astype(np.uint8), cv2.DIST_L2, 5) * ground.ground_m
    cover = cv2.GaussianBlur(water.astype(np.float32), (0, 0), 0.8) * np.clip(0.6 + inward / rng.uniform(0.3, 3), 0, 1)
    lake = textures.water(rng, SIZE_PX).astype(np.float32)
    picture = picture * (1 - cover[..., None]) + lake * cover[..., None]
    return replace(
        ground,
        picture=np.clip(picture, 0, 255).astype(np.uint8),
        water=water,
        shore=shore_from_water(water),
        group=f"{ground.group}+lake",
    )


def lake_tile(
    rng: np.random.Generator, backgrounds: Backgrounds, drawn: Mapping[str, list[list[list[float]]]]
) -> Ground:
    """A crop of a real lake-shore tile with its labels; `drawn` has relative outlines of the water of some tiles."""
    tiles = backgrounds.lake_tiles
    known = [p for p in tiles if p.name in drawn]
    path = known[rng.integers(len(known))] if known and rng.random() < 0.75 else tiles[rng.integers(len(tiles))]
    tile = _read(path)
    height, width = tile.shape[:2]
    zoom = float(rng.uniform(SIZE_PX / height * 1.001, 1.45))
    reach = SIZE_PX / zoom
    left, top = rng.uniform(0, width - reach), rng.uniform(0, height - reach)
    quarter, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)

    def put(points: Points) -> Points:
        u, v = ((points - (left, top)) * zoom).T
        if mirrored:
            u = SIZE_PX - u
        for _ in range(quarter):  # a quarter turn counter-clockwise, as np.rot90 does
            u, v = v, SIZE_PX - u
        return np.stack([u, v], axis=1)

    to_crop = np.array([[zoom, 0, -left * zoom + (zoom - 1) / 2], [0, zoom, -top * zoom + (zoom - 1) / 2]])
    crop = cv2.warpAffine(tile, to_crop, (SIZE_PX, SIZE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    picture = np.ascontiguousarray(np.rot90(crop[:, ::-1] if mirrored else crop, quarter)).astype(np.uint8)
    carried = []
    for box in read_labels(path.parent.parent / "labels" / f"{path.stem}.txt"):
        corners = np.array([[box.left, box.top], [box.right, box.top], [box.right, box.bottom], [box.left, box.bottom]])
        carried.append((box.label, put(corners * (width, height))))
    water = None
    if path.name in drawn:
        water = _fill([put(np.array(ring, float) * (width, height)) for ring in drawn[path.name]])
    return Ground(
        picture=picture,
        ground_m=LAKE_TILE_M / zoom,
        group=lake_group(path.name),
        water=water,
        carried=tuple(carried),
        shore=np.empty((0, 3)) if water is None else shore_from_water(water),
        hidden=_nothing(),
        paved=_nothing(),
    )


def _fill(rings: list[Points]) -> Mask:
    canvas = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    # All rings in one call: a ring within a ring is a hole.
    cv2.fillPoly(canvas, [np.rint(ring).astype(np.int32) for ring in rings], 1)
    return canvas.astype(bool)


def with_distractors(rng: np.random.Generator, ground: Ground, many: float) -> Ground:
    """The same ground with trees, roofs and dark shadows: what is easily taken for puddles and waste."""
    picture, hidden = ground.picture, ground.hidden
    fall = rng.uniform(0, 2 * np.pi)
    length_px = rng.uniform(0.8, 3.0) / ground.ground_m
    fall_px = (math.cos(fall) * length_px, math.sin(fall) * length_px)
    if rng.random() < 0.25 * many:
        picture, roof = textures.roof(rng, picture, ground.ground_m, fall_px)
        hidden = hidden | roof
    for _ in range(rng.poisson(1.2 * many)):
        at = (float(rng.uniform(0, SIZE_PX)), float(rng.uniform(0, SIZE_PX)))
        radius = float(rng.uniform(0.5, 3.5)) / ground.ground_m
        picture, leaves = textures.crown(rng, picture, at, radius, fall_px)
        hidden = hidden | leaves
    for _ in range(rng.poisson(1.0 * many)):
        at = (float(rng.uniform(0, SIZE_PX)), float(rng.uniform(0, SIZE_PX)))
        where = textures.blob(rng, SIZE_PX, at, float(rng.uniform(0.6, 5)) / ground.ground_m, 0.45)
        picture = textures.darken(picture, where, float(rng.uniform(0.35, 0.75)), float(rng.uniform(0.5, 4)))
    water = None if ground.water is None else ground.water & ~hidden
    shore = ground.shore
    if len(shore):
        shore = shore[~hidden[shore[:, 1].astype(int), shore[:, 0].astype(int)]]
    return replace(ground, picture=picture, hidden=hidden, water=water, shore=shore)
