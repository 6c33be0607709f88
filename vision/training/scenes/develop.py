"""What air, lens, sensor and JPEG make of a rendered picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.scenes.views import View

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def crevices(depth_m: Floats, metre_px: float) -> Floats:
    """Return (n, n) of 0.55..1: less of the sky reaches what lies lower than what is within half a metre."""
    reach = float(np.clip(0.5 * metre_px, 1.5, 25))
    lower = depth_m - cv2.blur(depth_m, (int(reach) * 2 + 1,) * 2)
    return np.asarray(1 - 0.45 * np.clip(lower / 0.35, 0, 1), np.float32)


def calmed(light: Floats, water: NDArray[np.bool_], metre_px: float) -> Floats:
    """Return the light with the water's made smooth: one ray per pixel leaves speckles in what it mirrors."""
    if not water.any():
        return light
    spread = float(np.clip(0.04 * metre_px, 0.8, 2.0))
    share = np.maximum(cv2.GaussianBlur(water.astype(np.float32), (0, 0), spread), 1e-3)[..., None]
    capped = np.minimum(light, 1.5) * water[..., None]
    smooth = cv2.GaussianBlur(capped.astype(np.float32), (0, 0), spread) / share
    return np.asarray(np.where(water[..., None], smooth, light), np.float32)


def _tone(light: Floats, view: View, rng: np.random.Generator) -> Floats:
    """Exposure for the light that falls, as a meter in the hand would have it; a camera's curve, white balance."""
    weather = view.weather
    falling = weather.sun * np.sin(np.radians(weather.sun_elevation_deg)) + weather.sky
    light = light * np.float32(rng.uniform(0.7, 1.25) / falling)
    light = light * rng.uniform(0.93, 1.07, 3).astype(np.float32)
    shoulder = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3), light)
    display = np.clip(shoulder, 0, 1) ** np.float32(1 / 2.2)
    contrast = rng.uniform(0.9, 1.25)
    return np.asarray(np.clip(0.5 + (display - 0.5) * contrast, 0, 1), np.float32)


def _motion(picture: Floats, rng: np.random.Generator) -> Floats:
    length = int(rng.integers(3, 8))
    kernel = np.zeros((9, 9), np.float32)
    angle = rng.uniform(0, np.pi)
    way = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in np.round(np.array([4, 4]) + s * way)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)


def develop(light: Floats, depth_m: Floats, water: NDArray[np.bool_], view: View) -> Pixels:
    """Return the picture as a camera would have stored it.

    Args:
        light: (n, n, 3) linear RGB.
        depth_m: (n, n) along the view.
        water: (n, n): where water is seen.
        view: For haze, scale and the seed of the noise.

    Returns:
        (n, n, 3) uint8 BGR.
    """
    rng = np.random.default_rng([view.seed, 5])
    far = np.minimum(depth_m, 3000.0).astype(np.float32)
    metre_px = view.lens.focal_px / float(np.median(far))
    picture: NDArray[Any] = calmed(light, water, metre_px) * crevices(far, metre_px)[..., None]
    clear = np.exp(-view.weather.haze_per_m * far)[..., None]
    picture = picture * clear + np.array([0.55, 0.6, 0.66], np.float32) * (
        view.weather.sky + 0.4 * view.weather.sun
    ) * (1 - clear)
    shown: NDArray[Any] = _tone(picture.astype(np.float32), view, rng)
    shown = cv2.GaussianBlur(
        shown, (0, 0), float(rng.choice([rng.uniform(0.35, 0.6), rng.uniform(0.6, 1.3)], p=[0.75, 0.25]))
    )
    if rng.random() < 0.12:
        shown = _motion(shown.astype(np.float32), rng)
    if rng.random() < 0.5:  # a camera's sharpening
        shown = shown + np.float32(rng.uniform(0.2, 0.7)) * (shown - cv2.GaussianBlur(shown, (0, 0), 1.2))
    grain = rng.standard_normal(shown.shape, np.float32) * np.float32(rng.uniform(0.002, 0.018))
    return np.asarray(np.clip((shown + grain) * 255, 0, 255)[..., ::-1].astype(np.uint8))
