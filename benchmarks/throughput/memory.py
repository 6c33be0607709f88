"""Memory over a long film with the sampler: whether it grows with the film's length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flyonce.cli.output import progress
from throughput.film import FINE_ENOUGH_M
from throughput.staged import write_film
from vision.engines.choosing import Engine
from vision.frame import Frame
from vision.onnx_detector import OnnxDetector, detect_many
from vision.sampling import MotionSampler
from vision.sources.video import VideoSource

FPS = 30
SIZE_WH_PX = (320, 180)
STEP_PX = 1
"""The ground crosses the picture in some ten seconds, as at a patrol's usual height and speed."""
SAMPLES = 120


def watch_memory(
    model_dirs: list[Path], folder: Path, *, minutes: float, engine: Engine, workers: int
) -> dict[str, Any]:
    """Run a long film through decoding, the motion sampler and the models, and read the resident memory as it goes.

    Args:
        model_dirs: The models.
        folder: Where the film is made.
        minutes: Its length.
        engine: What runs the models.
        workers: Inferences at a time.

    Returns:
        Mebibytes in each quarter, and the growth per hour from the end of the first quarter on.
    """
    frames = round(minutes * 60 * FPS)
    with progress("a long film", total=frames) as ticker:
        film = write_film(
            folder / f"long-{frames}.mp4", SIZE_WH_PX, frames=frames, fps=FPS, step_px=STEP_PX, on_frame=ticker.advance
        )
    detector = OnnxDetector.of_folders(model_dirs, engine=engine, workers=workers)
    sampler = MotionSampler()
    read: list[tuple[float, float]] = []
    with VideoSource(film) as source, progress("memory", total=frames) as ticker:

        def looked_at() -> Iterator[Frame]:
            for index, frame in enumerate(source):
                if index % max(1, frames // SAMPLES) == 0:
                    read.append((frame.media_time_s or 0.0, resident_mib()))
                ticker.advance()
                time_s = frame.media_time_s or 0.0
                if time_s >= sampler.next_time_s and sampler.decide(time_s, frame.image_bgr).look:
                    yield replace(frame, ground_resolution_m=FINE_ENOUGH_M)

        looks = sum(1 for _ in detect_many(detector, looked_at()))
    return {"frames": frames, "minutes": minutes, "looks": looks} | growth(read)


def growth(read: list[tuple[float, float]]) -> dict[str, Any]:
    """What the readings (seconds, MiB) say."""
    times_s, mib = np.array(read).T
    quarters = [float(part.max()) for part in np.array_split(mib, 4)]
    later = times_s >= times_s[-1] / 4
    slope = float(np.polyfit(times_s[later], mib[later], 1)[0]) * 3600 if later.sum() > 2 else float("nan")
    return {
        "highest_mib_by_quarter": [round(value, 1) for value in quarters],
        "last_over_first_quarter": round(quarters[3] / quarters[0], 3),
        "growth_mib_per_hour_after_first_quarter": round(slope, 1),
    }


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
