"""The sprites that the demo stages: complete, small, transparent, and measured without their shadows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import flyonce

FOLDER = Path(flyonce.__file__).parent / "demo" / "sprites"
SPRITES: list[dict[str, Any]] = json.loads((FOLDER / "sprites.json").read_text(encoding="utf-8"))["sprites"]
each_sprite = pytest.mark.parametrize("sprite", SPRITES, ids=lambda sprite: sprite["file"])


def picture_of(sprite: dict[str, Any]) -> np.ndarray:
    picture = cv2.imread(str(FOLDER / sprite["file"]), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def pixels(sprite: dict[str, Any], points_m: list[list[float]]) -> np.ndarray:
    width, height = sprite["size_wh_px"]
    return np.array([width / 2, height / 2]) + np.array(points_m) * (1, -1) / sprite["metres_per_pixel"]


def boxes_of(sprite: dict[str, Any]) -> list[list[float]]:
    boxes = [sprite["box_m"], *(piece["box_m"] for piece in sprite.get("gear", []))]
    return boxes + ([sprite["person_box_m"]] if sprite.get("person_box_m") else [])


def test_there_are_several_looks_of_each_kind():
    kinds = Counter(sprite["kind"] for sprite in SPRITES)
    assert kinds["waste"] >= 5
    assert kinds["puddle"] >= 5
    assert kinds["angler"] >= 3
    assert set(kinds) == {"waste", "puddle", "angler"}


def test_all_sprites_together_are_small_and_none_lies_around_unlisted():
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.webp")}
    assert set(files) == {sprite["file"] for sprite in SPRITES}
    assert sum(files.values()) < 1_500_000


def test_the_demo_has_seeds_of_its_own():
    # Training looks begin at 5000: no model may have seen what the demo shows.
    assert all(sprite["seed"] < 5000 for sprite in SPRITES)
    assert len({(sprite["look"], sprite["seed"]) for sprite in SPRITES}) == len(SPRITES)


def test_the_sun_stands_in_one_place():
    assert len({tuple(sprite["sun"].values()) for sprite in SPRITES}) == 1


@each_sprite
def test_a_sprite_has_alpha_and_the_size_it_says(sprite):
    picture = picture_of(sprite)
    assert [picture.shape[1], picture.shape[0], picture.shape[2]] == [*sprite["size_wh_px"], 4]
    assert (picture[..., 3] == 0).mean() > 0.05
    assert (picture[..., 3] > 200).any()
    assert 0.01 <= sprite["metres_per_pixel"] <= 0.03


@each_sprite
def test_every_box_lies_in_the_picture_on_opaque_pixels(sprite):
    alpha = picture_of(sprite)[..., 3]
    for west, south, east, north in boxes_of(sprite):
        corners = pixels(sprite, [[west, north], [east, south]])
        assert (corners >= -0.51).all()
        assert (corners <= np.array(sprite["size_wh_px"]) + 0.51).all()
        (left, top), (right, bottom) = np.clip(corners, 0, None).round().astype(int)
        assert left < right
        assert top < bottom
        assert (alpha[top:bottom, left:right] > 100).any()


@each_sprite
def test_outlines_are_filled_and_leave_the_shadow_out(sprite):
    picture = picture_of(sprite)
    rings = [sprite["polygon_m"]] if "polygon_m" in sprite else []
    rings += [sprite["person_hull_m"]] if sprite.get("person_hull_m") else []
    assert rings
    inside = np.zeros(picture.shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(inside, [pixels(sprite, ring).round().astype(np.int32)], 1)
    opacity = picture[..., 3][inside > 0]
    assert (opacity > 110).mean() > (0.8 if sprite["kind"] == "waste" else 0.5)
    dark_outside = (picture[..., 3] > 60) & (picture[..., 3] < 200) & (cv2.dilate(inside, np.ones((9, 9))) == 0)
    if sprite["kind"] != "puddle":
        assert dark_outside.sum() > 100, "no shadow lies outside the outline"


@each_sprite
def test_things_have_the_size_of_real_ones(sprite):
    west, south, east, north = (
        sprite["person_box_m"] or sprite["box_m"] if sprite["kind"] == "angler" else sprite["box_m"]
    )
    reach = max(east - west, north - south)
    low, high = {"waste": (1.5, 7.0), "puddle": (2.5, 16.0), "angler": (0.2, 1.4)}[sprite["kind"]]
    assert low <= reach <= high
    assert all(piece["what"] in {"umbrella", "rod", "tackle"} for piece in sprite.get("gear", []))
    if sprite["kind"] == "angler":
        assert 0 <= sprite["facing_deg"] < 360
        assert np.hypot(*(np.array(sprite["anchor_m"]) - ((west + east) / 2, (south + north) / 2))) < 0.8
