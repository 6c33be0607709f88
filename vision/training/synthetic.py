"""Composes labelled nadir pictures from rendered sprites and aerial backgrounds.

    python -m vision.training.synthetic --sprites DIR --backgrounds DIR --lake DIR --out DIR --count 500 --seed 1

There are no free aerial pictures of waste heaps, street puddles and anglers to train on, so these are made: sprites of
`tools/make_sprites.py` laid on real or painted ground, together with shadows, roofs and trees that are none of the
classes. `--backgrounds` is the unpacked data package (`deepforest==2.1.0`), `--lake` the lake set (`images/`,
`labels/`). The same arguments give the same files.

Written: `images/`, `labels/` (YOLO lines with the ids of `vision.detections.LABELS`; water as polygons), `masks/` (255
is water; none where a real picture's water was never outlined), `split.json`, and `READY` when all of it is there.
The two parts share neither a sprite look nor a real background.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections import LABELS
from vision.training import synthetic_grounds as grounds
from vision.training import synthetic_textures as textures
from vision.training.errors import BadSourceError
from vision.training.labels import RelativeBox
from vision.training.synthetic_grounds import SIZE_PX, Backgrounds, Ground
from vision.training.synthetic_sprites import Mask, Pixels, Placing, Points, Sprite, fill, load_sprites, outlines, paste

Part = Literal["train", "val"]
VAL_SHARE = 0.15
# A part of a thing is labelled when it is at least this big; smaller ones cannot be told from dirt.
SMALLEST_PX: Mapping[str, float] = {"waste": 12, "person": 6, "fishing_gear": 12}
LEAST_VISIBLE = 0.4


@dataclass(frozen=True, kw_only=True, eq=False)
class Composed:
    """One finished picture.

    Attributes:
        picture: (640, 640, 3) uint8 BGR.
        water: (640, 640) bool, None where not known.
        boxes: What else is in it.
        group: Which background it was made from.
        sprites: Names of the sprites in it.
        ground_m: Metres per pixel.
    """

    picture: Pixels
    water: Mask | None
    boxes: tuple[RelativeBox, ...]
    group: str
    sprites: tuple[str, ...]
    ground_m: float


class _Scene:
    """A picture in the making."""

    def __init__(self, rng: np.random.Generator, ground: Ground, sprites: Sequence[Sprite]) -> None:
        self.rng = rng
        self.ground = ground
        self.sprites = sprites
        self.picture = ground.picture
        self.water = None if ground.water is None else ground.water.copy()
        self.things: list[tuple[str, Points]] = list(ground.carried)
        self.taken = ground.hidden.copy()
        # An angler may sit on a dock; a heap or a puddle has no place on docks, boats and cars.
        self.carried = fill(tuple(outline for _, outline in ground.carried), (SIZE_PX, SIZE_PX))
        self.used: list[str] = []
        self.blur_px = float(rng.uniform(0, 1.1)) if rng.random() < 0.5 else 0.0
        self.light = rng.uniform(0.75, 1.15) * rng.uniform(0.95, 1.05, 3)

    def pick(self, kind: str) -> Sprite | None:
        """Return a random look of this kind."""
        looks = [sprite for sprite in self.sprites if sprite.kind == kind]
        return looks[self.rng.integers(len(looks))] if looks else None

    def lay(self, sprite: Sprite, at_px: tuple[float, float], turn_deg: float, scale: float) -> bool:
        """Lay a sprite if it has room there; returns whether it was laid."""
        light = np.clip(self.light * self.rng.uniform(0.88, 1.12), 0.5, 1.3)
        placing = Placing(
            at_px=at_px, turn_deg=turn_deg, scale=scale, ground_m=self.ground.ground_m, blur_px=self.blur_px,
            gain=(float(light[0]), float(light[1]), float(light[2])),
            fade=float(self.rng.choice([0.0, self.rng.uniform(0, 0.75)])) if sprite.kind == "waste" else 0.0,
        )  # fmt: skip
        laid = outlines(sprite, placing)
        body = fill(laid.water_px + tuple(ring for _, ring in laid.things_px), (SIZE_PX, SIZE_PX))
        if not body.any() or (body & self.taken).sum() > 0.02 * body.sum():
            return False
        if sprite.kind in ("waste", "puddle") and ((body & self.carried).any() or (body & self._water()).any()):
            return False
        if sprite.kind == "person" and (body & self._water()).any():
            return False
        self.picture = paste(self.picture, sprite, placing)
        self.things += laid.things_px
        if laid.water_px and self.water is not None:
            self.water |= fill(laid.water_px, (SIZE_PX, SIZE_PX))
        self.taken |= body
        self.used.append(sprite.name)
        return True

    def _water(self) -> Mask:
        return np.zeros((SIZE_PX, SIZE_PX), bool) if self.water is None else self.water

    def scatter(self, kind: str, count: int, sizes: tuple[float, float]) -> None:
        """Lay up to `count` things of a kind anywhere on the land, puddles rather on roads."""
        for _ in range(count):
            sprite = self.pick(kind)
            if sprite is None:
                return
            for _ in range(12):
                if self._try(sprite, float(self.rng.uniform(*sizes))):
                    break

    def _try(self, sprite: Sprite, scale: float) -> bool:
        at = self.rng.uniform(0.02, 0.98, 2) * SIZE_PX
        if sprite.kind == "puddle" and self.ground.paved.any() and self.rng.random() < 0.7:
            rows, columns = np.nonzero(self.ground.paved)
            spot = self.rng.integers(len(rows))
            at = np.array([columns[spot], rows[spot]], float)
        return self.lay(sprite, (float(at[0]), float(at[1])), float(self.rng.uniform(0, 360)), scale)

    def fish(self, count: int) -> None:
        """Put anglers on the shore, facing the water."""
        for _ in range(count):
            sprite = self.pick("angler")
            if sprite is None or not len(self.ground.shore):
                return
            u, v, bearing = self.ground.shore[self.rng.integers(len(self.ground.shore))]
            back = self.rng.uniform(0.0, 1.5) / self.ground.ground_m
            toward = np.radians(bearing)
            at = (float(u - back * np.sin(toward)), float(v + back * np.cos(toward)))
            turn = float(bearing - sprite.facing_deg + self.rng.normal(0, 20))
            self.lay(sprite, at, turn, float(self.rng.uniform(0.92, 1.08)))

    def cover(self) -> Mask:
        """Let a branch or shadow fall over some of it; returns what is hidden from now on."""
        hidden = np.zeros((SIZE_PX, SIZE_PX), bool)
        for _, outline in self.things[len(self.ground.carried) :]:
            if self.rng.random() > 0.12:
                continue
            edge = outline[self.rng.integers(len(outline))]
            reach = float(np.ptp(outline, axis=0).max())
            radius = float(np.clip(reach * self.rng.uniform(0.25, 0.5), 5, 60))
            at = (float(edge[0]), float(edge[1]))
            if self.rng.random() < 0.6:
                self.picture, leaves = textures.crown(self.rng, self.picture, at, radius, (radius * 0.5, radius * 0.4))
                hidden |= leaves
            else:
                where = textures.blob(self.rng, SIZE_PX, at, radius * 1.5, 0.4)
                self.picture = textures.darken(self.picture, where, float(self.rng.uniform(0.3, 0.65)), 1.5)
        return hidden


def _visible_box(label: str, outline: Points, hidden: Mask) -> RelativeBox | None:
    low, high = outline.min(axis=0), outline.max(axis=0)
    left, top = np.clip(low, 0, SIZE_PX)
    right, bottom = np.clip(high, 0, SIZE_PX)
    whole = float(np.prod(high - low))
    if whole <= 0 or (right - left) * (bottom - top) < LEAST_VISIBLE * whole:
        return None
    if max(right - left, bottom - top) < SMALLEST_PX.get(label, 4):
        return None
    body = fill((outline,), (SIZE_PX, SIZE_PX))
    if body.any() and (body & hidden).sum() > (1 - LEAST_VISIBLE) * body.sum():
        return None
    return RelativeBox(
        label=label, left=left / SIZE_PX, top=top / SIZE_PX, right=right / SIZE_PX, bottom=bottom / SIZE_PX
    )


def _photograph(rng: np.random.Generator, picture: Pixels) -> Pixels:
    """What a camera adds: softness, exposure, haze, noise, JPEG."""
    shot: NDArray[Any] = picture.astype(np.float32)
    if rng.random() < 0.4:
        shot = cv2.GaussianBlur(shot, (0, 0), float(rng.uniform(0.4, 1.0))).astype(np.float32)
    shot = 255 * np.clip(shot / 255, 0, 1) ** rng.uniform(0.8, 1.25) * rng.uniform(0.8, 1.15)
    shot = shot * rng.uniform(0.94, 1.06, 3)
    haze = rng.uniform(0, 0.12)
    shot = shot * (1 - haze) + 190 * haze
    shot = shot + rng.normal(0, rng.uniform(0.5, 4), shot.shape)
    clipped = np.clip(shot, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", clipped, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))])
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded.astype(np.uint8)


def _ground(rng: np.random.Generator, backgrounds: Backgrounds) -> Ground:
    ground_m = float(rng.uniform(0.03, 0.06))
    kind = rng.choice(["orthophoto", "painted", "lake"], p=[0.45, 0.40, 0.15])
    if kind == "lake" and backgrounds.lake_tiles:
        return grounds.with_distractors(rng, grounds.lake_tile(rng, backgrounds, lake_outlines()), 0.15)
    if kind == "painted" or not backgrounds.orthophotos:
        ground = grounds.painted(rng, ground_m)
    else:
        ground = grounds.orthophoto(rng, backgrounds, ground_m)
    what = rng.choice(["plain", "road", "lake"], p=[0.34, 0.36, 0.30])
    if what == "road":
        ground = grounds.with_road(rng, ground)
    if what == "lake":
        ground = grounds.with_lake(rng, ground)
    return grounds.with_distractors(rng, ground, 0.3 if kind == "orthophoto" else 0.9)


def compose(rng: np.random.Generator, sprites: Sequence[Sprite], backgrounds: Backgrounds) -> Composed:
    """Make one picture; about one in five has nothing laid into it."""
    scene = _Scene(rng, _ground(rng, backgrounds), sprites)
    # Where nobody outlined the water, a heap might come to float on it: such a picture stays as it is.
    if scene.water is not None and rng.random() > 0.16:
        if len(scene.ground.shore):
            scene.fish(int(rng.integers(1, 5)))
        scene.scatter("waste", int(rng.choice([0, 1, 2, 3], p=[0.45, 0.3, 0.15, 0.1])), (0.55, 1.25))
        if rng.random() < 0.6:
            scene.scatter("puddle", int(rng.integers(1, 4)), (0.45, 1.15))
        scene.scatter("person", int(rng.choice([0, 1, 2, 3], p=[0.55, 0.25, 0.12, 0.08])), (0.92, 1.08))
        if rng.random() < 0.12:
            scene.scatter("angler", int(rng.integers(1, 3)), (0.92, 1.08))
    hidden = scene.cover()
    boxes = (_visible_box(label, outline, hidden) for label, outline in scene.things)
    return Composed(
        picture=_photograph(rng, scene.picture),
        water=None if scene.water is None else scene.water & ~hidden,
        boxes=tuple(box for box in boxes if box is not None),
        group=scene.ground.group,
        sprites=tuple(scene.used),
        ground_m=scene.ground.ground_m,
    )


@cache
def lake_outlines() -> dict[str, list[list[list[float]]]]:
    """Return the water outlines that were drawn by hand for tiles of the lake set: relative points per picture name."""
    path = Path(__file__).with_name("lake_water.json")
    if not path.is_file():
        return {}
    outlines_by_name: dict[str, list[list[list[float]]]] = json.loads(path.read_text(encoding="utf-8"))["water"]
    return outlines_by_name


def _water_lines(water: Mask) -> list[str]:
    contours, _ = cv2.findContours(water.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for contour in contours:
        ring = cv2.approxPolyDP(contour, 1.2, True)[:, 0, :]
        if len(ring) >= 3 and cv2.contourArea(contour) >= 60:
            numbers = " ".join(f"{min(value + 0.5, SIZE_PX) / SIZE_PX:.6f}" for value in ring.ravel())
            lines.append(f"{LABELS.index('standing_water')} {numbers}")
    return lines


def write(folder: Path, name: str, composed: Composed) -> None:
    """Write one picture with its labels and, where water is known, its mask."""
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), composed.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    lines = [box.line(LABELS) for box in composed.boxes]
    if composed.water is not None:
        cv2.imwrite(str(folder / "masks" / f"{name}.png"), composed.water.astype(np.uint8) * 255)
        lines += _water_lines(composed.water)
    (folder / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def divide_sprites(sprites: Sequence[Sprite], part: Part) -> list[Sprite]:
    """Every fifth look of each kind is kept for `val`."""
    by_kind: dict[str, list[Sprite]] = {}
    for sprite in sorted(sprites, key=lambda sprite: sprite.name):
        by_kind.setdefault(sprite.kind, []).append(sprite)
    return [s for looks in by_kind.values() for n, s in enumerate(looks) if (n % 5 == 4) == (part == "val")]


def compose_set(
    *, sprites: Path, backgrounds: Path, out: Path, count: int, seed: int, lake: Path | None = None
) -> dict[str, int]:
    """Write `count` pictures to `out`, which must not hold a set already.

    Returns:
        Number of pictures and of boxes per label.

    Raises:
        BadSourceError: A folder lacks what is needed, or `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise BadSourceError(out, "is not empty; remove it or name another folder with --out")
    looks = load_sprites(sprites)
    for name in ("images", "labels", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    records: dict[str, dict[str, Any]] = {}
    tally: dict[str, int] = {"pictures": 0}
    for part, wanted in (("train", count - round(count * VAL_SHARE)), ("val", round(count * VAL_SHARE))):
        chosen = divide_sprites(looks, "train" if part == "train" else "val")
        found = grounds.find_backgrounds(backgrounds, lake, part)
        for number in range(wanted):
            composed = compose(np.random.default_rng([seed, int(part == "val"), number]), chosen, found)
            name = f"synthetic_{part}_{number:04d}"
            write(out, name, composed)
            records[f"{name}.jpg"] = {
                "part": part,
                "background": composed.group,
                "sprites": list(composed.sprites),
                "metres_per_pixel": round(composed.ground_m, 4),
            }
            tally["pictures"] += 1
            for box in composed.boxes:
                tally[box.label] = tally.get(box.label, 0) + 1
    parts = {part: [n for n, r in records.items() if r["part"] == part] for part in ("train", "val")}
    (out / "split.json").write_text(json.dumps({**parts, "pictures": records}, indent=1), encoding="utf-8")
    (out / "READY").write_text(f"{len(records)} pictures, seed {seed}\n", encoding="utf-8")
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("sprites", "backgrounds", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--lake", type=Path, help="folder of the lake set; without it no real shore is used")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    try:
        tally = compose_set(**vars(parser.parse_args(arguments)))
    except BadSourceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(tally) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
