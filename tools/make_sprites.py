"""Renders the sprites of the demo and of the synthetic training pictures: waste heaps, puddles, anglers from above.

A tool for makers, not for users: it needs Blender as a Python module (on Python 3.11: `pip install bpy==5.0.1 pillow
opencv-python-headless`); the finished demo sprites are part of the repository, made before their heaps and people came
to share the shapes of rendered scenes. Everything is modelled by `sprite_scenes/` and `vision/training/scenes`, from
random numbers, so each seed is another look and the same seed is the same look again. Cycles renders on the CPU with
few samples and a denoiser, a few seconds per sprite. The camera is orthographic and looks straight down; picture top is
north. A sprite is an RGBA picture of the thing with its soft shadow and nothing else.

    python tools/make_sprites.py --set demo  --out flyonce/demo/sprites
    python tools/make_sprites.py --set train --out ../sprites-for-training

Seeds of the two sets are disjoint: no look that the demo shows was ever trained on. The fields of `sprites.json` are
described in `flyonce/demo/sprites/README.md`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from sprite_scenes import anglers, puddles, stage

from vision.training.scenes import waste

SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 135.0, 48.0
SAMPLES = 12
SHADOW = 0.62  # share of the light that the sun's shadow takes away
SHADOW_RGB = np.array([6.0, 9.0, 16.0])  # shadows are lit by the blue sky
PIXEL_M = {"waste": 0.02, "puddle": 0.03, "angler": 0.02, "person": 0.02}
# look name -> (kind, first demo seed, demo looks, first train seed, train looks)
LOOKS = {
    "household": ("waste", 100, 3, 5100, 26),
    "rubble": ("waste", 200, 2, 5200, 12),
    "strewn": ("waste", 700, 0, 5700, 16),
    "bags": ("waste", 800, 0, 5800, 14),
    "puddle": ("puddle", 300, 5, 5300, 28),
    "angler": ("angler", 400, 2, 5400, 24),
    "umbrella": ("angler", 500, 2, 5500, 20),
    "person": ("person", 600, 0, 5600, 16),
}


HEAPS = {
    "household": (waste.household_heap, 2.2, 5.8),
    "rubble": (waste.rubble_heap, 3.0, 5.8),
    "strewn": (waste.strewn, 2.5, 6.5),
    "bags": (waste.bag_pile, 1.2, 3.6),
}
"""What makes each look, and its least and greatest width in metres."""


def render(look: str, kind: str, seed: int, folder: Path, threads: int) -> dict[str, Any]:
    """Renders one sprite into `folder` and returns its record for `sprites.json`."""
    rng = random.Random(seed)
    # Training looks see the sun from all heights; the demo's shadows must agree with each other.
    elevation = SUN_ELEVATION_DEG if seed < 5000 else rng.uniform(28, 70)
    sun = (SUN_AZIMUTH_DEG, elevation)
    stage.empty_stage(rng, *sun)
    px = PIXEL_M[kind]
    record: dict[str, Any] = {"file": f"{look}-{seed}.webp", "kind": kind, "look": look, "seed": seed}
    record["metres_per_pixel"] = px
    record["sun"] = {"azimuth_deg": SUN_AZIMUTH_DEG, "elevation_deg": round(elevation, 1)}
    water = None
    if kind == "waste":
        make, least_m, most_m = HEAPS[look]
        heap_m = rng.uniform(least_m, most_m)
        stage.add_solid(make(np.random.default_rng(seed), heap_m), "object")
        width = heap_m * 1.35 + 2.0
    elif kind == "puddle":
        width, water = puddles.puddle(rng, px)
    else:
        facing = rng.uniform(0, 360)
        shapes = np.random.default_rng(seed)
        one = (
            anglers.passer_by(shapes, facing)
            if look == "person"
            else anglers.angler(shapes, look == "umbrella", facing)
        )
        width = one.width_m
        record |= {"facing_deg": round(facing, 1), "seated": one.seated}
    size = round(width / px)
    with tempfile.TemporaryDirectory() as scratch:
        rgba = stage.photograph(Path(scratch) / "lit.png", size * px, size, SAMPLES, threads)
        parts = stage.photograph_parts(Path(scratch) / "parts.png", size * px, size, threads)
        if water is None:  # a puddle lies flat
            shadow = stage.photograph_shadow(Path(scratch) / "shadow.png", size * px, size, threads, *sun)
            rgba = with_shadow(rgba, shadow, px)
    if water is not None:
        parts["object"] = water
    crop = _crop(rgba[..., 3])
    record |= measure(look, kind, {name: seen[crop] for name, seen in parts.items()}, crop, size, px)
    write_webp(folder / record["file"], rgba[crop])
    record["size_wh_px"] = [rgba[crop].shape[1], rgba[crop].shape[0]]
    return record


def with_shadow(rgba: np.ndarray, shadow: np.ndarray, px: float) -> np.ndarray:
    """Lays the sun's shadow, softened, and the dimmer sky close to the thing under the picture."""
    cast = cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), 0.03 / px)
    close = cv2.GaussianBlur((rgba[..., 3] > 127).astype(np.float32), (0, 0), 0.12 / px)
    dark = 1 - (1 - SHADOW * cast) * (1 - 0.3 * close)
    over = rgba[..., 3].astype(np.float32) / 255
    alpha = over + (1 - over) * dark
    light = rgba[..., :3] * over[..., None] + SHADOW_RGB * ((1 - over) * dark)[..., None]
    colour = np.clip(light / np.maximum(alpha, 1e-3)[..., None], 0, 255)
    return np.dstack([colour, alpha * 255]).round().astype(np.uint8)


def _crop(alpha: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.nonzero(alpha > 6)
    height, width = alpha.shape
    return (
        slice(max(0, rows.min() - 2), min(height, rows.max() + 3)),
        slice(max(0, columns.min() - 2), min(width, columns.max() + 3)),
    )


def measure(
    look: str, kind: str, parts: dict[str, np.ndarray], crop: tuple[slice, slice], size: int, px: float
) -> dict[str, Any]:
    """Outline, boxes and anchor of a sprite in metres about the middle of the cropped picture (x right, y up)."""
    height, width = next(iter(parts.values())).shape
    anchor = ((size / 2 - crop[1].start - width / 2) * px, (height / 2 + crop[0].start - size / 2) * px)
    record: dict[str, Any] = {"anchor_m": _rounded(anchor)}
    if kind in ("waste", "puddle"):
        gap = 35 if look == "strewn" else 9  # how far apart (px) pieces of one heap may lie; odd, or the closing shifts
        main = np.pad(parts["object"].astype(np.uint8), gap)
        main = cv2.morphologyEx(main, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))[gap:-gap, gap:-gap]
        outline = _outline(main, px)
        record |= {"box_m": _box(main.astype(bool), px), "polygon_m": outline[0], "polygons_m": outline}
        if kind == "waste":  # single papers lying around do not belong to the heap's box
            heap = _largest(main)
            record |= {"box_m": _box(heap, px), "polygon_m": _outline(heap.astype(np.uint8), px)[0]}
            del record["polygons_m"]
        return record
    record["person_box_m"] = _box(parts["person"], px) if parts["person"].sum() * px * px >= 0.04 else None
    record["person_hull_m"] = None if record["person_box_m"] is None else _hull(parts["person"], px)
    record["gear"] = [
        {"what": part, "box_m": _box(piece, px), "hull_m": _hull(piece, px)}
        for part in ("umbrella", "rod", "tackle")
        for piece in (_clusters(parts[part], px) if part == "tackle" else [parts[part]])
        if piece.sum() > 12
    ]
    record["box_m"] = _box(parts["person"] | parts["umbrella"] | parts["other"], px)
    return record


def _clusters(mask: np.ndarray, px: float) -> list[np.ndarray]:
    """Pieces that stand close together (0.2 m) count as one thing."""
    reach = round(0.2 / px) | 1
    count, marks = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)))
    return [mask & (marks == number) for number in range(1, count)]


def _largest(mask: np.ndarray) -> np.ndarray:
    _, marks, stats, _ = cv2.connectedComponentsWithStats(mask)
    return marks == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def _box(mask: np.ndarray, px: float) -> list[float]:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    west, east = columns.min() - width / 2, columns.max() + 1 - width / 2
    south, north = height / 2 - rows.max() - 1, height / 2 - rows.min()
    return _rounded([west * px, south * px, east * px, north * px])


def _outline(mask: np.ndarray, px: float) -> list[list[list[float]]]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    height, width = mask.shape
    rings = []
    for contour in sorted(contours, key=cv2.contourArea, reverse=True):
        ring = cv2.approxPolyDP(contour, 1.5, True)[:, 0, :].astype(float)
        if len(ring) >= 3 and cv2.contourArea(contour) * px * px > 0.05:
            rings.append([_rounded([(x + 0.5 - width / 2) * px, (height / 2 - y - 0.5) * px]) for x, y in ring])
    return rings


def _hull(mask: np.ndarray, px: float) -> list[list[float]]:
    """Convex hull: of a turned sprite, the box about its turned hull is the tight one."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    corners = [np.stack([columns + dx, rows + dy], 1) for dx in (0, 1) for dy in (0, 1)]
    hull = cv2.convexHull(np.concatenate(corners).astype(np.int32))[:, 0, :]
    return [_rounded([(x - width / 2) * px, (height / 2 - y) * px]) for x, y in hull]


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 3) for value in values]


def write_webp(path: Path, rgba: np.ndarray) -> None:
    """Writes the picture with straight alpha; colours reach out under the transparent part: scaling leaves no seam."""
    colour, alpha = rgba[..., :3].copy(), rgba[..., 3]
    weight = (alpha > 24).astype(np.float32)
    blurred = cv2.GaussianBlur(colour.astype(np.float32) * weight[..., None], (0, 0), 6)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), 6), 1e-3)[..., None]
    colour = np.where(weight[..., None] > 0, colour, np.clip(blurred / share, 0, 255)).astype(np.uint8)
    Image.fromarray(np.dstack([colour, alpha]), "RGBA").save(path, quality=88, method=6, exact=True)


def main() -> None:
    """Renders one set, look by look, and keeps `sprites.json` complete after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=["demo", "train"], required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--looks", nargs="*", default=list(LOOKS), choices=list(LOOKS))
    parser.add_argument("--limit", type=int, help="at most this many of each look")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave sprites that are there already as they are")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    index = options.out / "sprites.json"
    records = {r["file"]: r for r in json.loads(index.read_text())["sprites"]} if index.exists() else {}
    for look in options.looks:
        kind, demo_seed, demo_count, train_seed, train_count = LOOKS[look]
        seed, count = (demo_seed, demo_count) if options.set == "demo" else (train_seed, train_count)
        for number in range(min(count, options.limit or count)):
            if options.keep and f"{look}-{seed + number}.webp" in records:
                continue
            began = time.monotonic()
            record = render(look, kind, seed + number, options.out, options.threads)
            records[record["file"]] = record
            ordered = [records[name] for name in sorted(records)]
            index.write_text(json.dumps({"format": 1, "set": options.set, "sprites": ordered}, indent=1) + "\n")
            sys.stderr.write(f"{record['file']}: {time.monotonic() - began:.1f} s\n")


if __name__ == "__main__":
    main()
