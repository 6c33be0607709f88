"""Builders for the demo's tests: small grounds, hand-made sprites, poses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from flyonce.demo.camera_sim import Lens, TruePose
from flyonce.demo.district import District, demo_district
from flyonce.demo.ground import Ground
from flyonce.demo.orthophoto import _ROAD_ROW_COL_PX, ROAD_FILE
from flyonce.demo.photo_file import PhotoRecord
from flyonce.demo.sprites_file import SpriteLook


def plain_ground(resolution_m: float = 0.25, grey: int = 140) -> tuple[District, Ground]:
    district = demo_district()
    half_east, half_north = district.half_extent_en_m
    shape = (round(2 * half_north / resolution_m), round(2 * half_east / resolution_m), 3)
    image = np.full(shape, grey, dtype=np.uint8)
    return district, Ground(image=image, resolution_m=resolution_m, west_north_m=(-half_east, half_north))


def a_pose(**changes: float) -> TruePose:
    values = {"east_m": 0.0, "north_m": 0.0, "up_m": 60.0, "heading_deg": 0.0, "pitch_deg": -90.0, "roll_deg": 0.0}
    return TruePose(**(values | changes))


def a_lens(**changes: Any) -> Lens:
    values: dict[str, Any] = {"size_wh_px": (800, 600), "focal_px": 555.0, "blur_sigma_px": 0.01, "noise_sigma": 0.0}
    return Lens(**(values | changes))


def a_record(**changes: Any) -> PhotoRecord:
    values: dict[str, Any] = {
        "taken_at": datetime(2026, 7, 1, 2, 3, 4, 560000, tzinfo=UTC),
        "lon": 118.8712345,
        "lat": 28.9501234,
        "alt_msl_m": 138.25,
        "height_m": 60.1,
        "heading_deg": 271.5,
        "pitch_deg": -89.7,
        "roll_deg": 0.3,
        "focal_px": 1388.3,
        "size_wh_px": (80, 60),
    }
    return PhotoRecord(**(values | changes))


def a_look(kind: str = "waste", side_m: float = 2.0, **changes: Any) -> SpriteLook:
    """A red square without a shadow."""
    image = np.zeros((40, 40, 4), dtype=np.uint8)
    image[..., 2:] = 255
    half = side_m / 2
    values: dict[str, Any] = {
        "name": f"{kind}-square",
        "kind": kind,
        "image": image,
        "resolution_m": side_m / 40,
        "outline_m": np.array([(-half, -half), (half, -half), (half, half), (-half, half)]),
        "contact_m": (0.0, 0.0),
        "shadow_deg": 315.0,
        "facing_deg": 0.0 if kind == "angler" else None,
    }
    return SpriteLook(**(values | changes))


def write_sprites(folder: Path) -> None:
    """A folder as the sprite tool writes it: one puddle, two heaps, one angler, as plain ellipses."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for name, kind, side_px, colour in (
        ("puddle-1", "puddle", 120, (90, 105, 120)),
        ("household-1", "waste", 110, (190, 60, 50)),
        ("rubble-1", "waste", 130, (160, 150, 140)),
        ("angler-1", "angler", 70, (30, 60, 160)),
    ):
        opacity = np.zeros((side_px, side_px), dtype=np.uint8)
        cv2.circle(opacity, (side_px // 2, side_px // 2), side_px // 2 - 4, 255, -1)
        rgba = np.dstack([np.broadcast_to(np.array(colour, dtype=np.uint8), (side_px, side_px, 3)), opacity])
        Image.fromarray(rgba, "RGBA").save(folder / f"{name}.png")
        half = (side_px / 2 - 4) * 0.03
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        record: dict[str, Any] = {
            "file": f"{name}.png",
            "kind": kind,
            "look": name.split("-")[0],
            "seed": 1,
            "metres_per_pixel": 0.03,
            "sun": {"azimuth_deg": 135.0, "elevation_deg": 48.0},
            "anchor_m": [0.0, 0.0],
            "box_m": [-half, -half, half, half],
            "size_wh_px": [side_px, side_px],
        }
        if kind == "angler":
            record |= {"facing_deg": 40.0, "person_box_m": record["box_m"]}
        else:
            record["polygon_m"] = np.column_stack([half * np.cos(angle), half * np.sin(angle)]).round(3).tolist()
        records.append(record)
    (folder / "sprites.json").write_text(json.dumps({"format": 1, "set": "demo", "sprites": records}))


def synthetic_orthophoto(file_name: str) -> np.ndarray:
    """Stands in for the data package: grass, and in the road picture a grey road with a yellow line."""
    height, width = (1035, 1249) if file_name == ROAD_FILE else (1400, 1300)
    rng = np.random.default_rng(5)
    noise = cv2.GaussianBlur(rng.normal(0, 14, (height, width)).astype(np.float32), (0, 0), 2)[..., None]
    image = np.clip(np.array([95, 150, 140], dtype=np.float32) + noise, 0, 255).astype(np.uint8)
    if file_name == ROAD_FILE:
        line = np.array([(column, row) for row, column in _ROAD_ROW_COL_PX], dtype=np.int32)
        cv2.polylines(image, [line], False, (205, 212, 210), 66)
        cv2.polylines(image, [line], False, (120, 190, 225), 2)
    return image
