"""Pictures and films to time, made here when none are given: what they show matters little, their size does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from vision.pixels import Image


def ground(width_px: int, height_px: int, seed: int = 0) -> Image:
    """Something like ground: soft patches of several sizes, and grain."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height_px, width_px, 3), np.float32)
    for cell_px in (240, 60, 15):
        coarse = random.uniform(-40, 40, (height_px // cell_px + 2, width_px // cell_px + 2, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    picture += random.normal(110, 4, picture.shape).astype(np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def write_photo(path: Path, size_wh_px: tuple[int, int]) -> Path:
    """Write a photo of such ground, unless it is there."""
    if not path.exists():
        cv2.imencode(".jpg", ground(*size_wh_px))[1].tofile(path)
    return path


def write_film(
    path: Path,
    size_wh_px: tuple[int, int],
    *,
    frames: int,
    fps: int,
    step_px: int = 4,
    on_frame: Callable[[], None] = lambda: None,
) -> Path:
    """Write a film of a flight over such ground, to and fro, H.264 in MP4 as drones write it, unless it is there.

    The ground moves `step_px` from one frame to the next.
    """
    if path.exists():
        return path
    width, height = size_wh_px
    below = ground(width * 2, height)
    part = path.with_suffix(".part")
    with av.open(str(part), "w", format="mp4") as container:
        options = {"preset": "veryfast", "crf": "23", "g": str(fps), "bf": "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            left = width - abs((index * step_px) % (2 * width) - width)
            picture = np.ascontiguousarray(below[:, left : left + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            on_frame()
        container.mux(stream.encode())
    part.rename(path)
    return path
