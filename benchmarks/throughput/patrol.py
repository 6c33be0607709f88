"""A staged patrol with the sampler: how many times faster than it was flown, and how much of it was looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flyonce.cli.output import progress
from flyonce.demo.camera_sim import Lens
from flyonce.demo.patrol_flight import PatrolFlight, usual_phases
from flyonce.demo.patrol_plan import PatrolPlan, patrol_camera
from flyonce.demo.patrol_video import stage_patrol
from throughput.sampled import Sampled
from vision.engines.choosing import Engine
from vision.frame import Frame
from vision.onnx_detector import OnnxDetector, detect_many
from vision.sampling import GroundView
from vision.sources.video import VideoSource

HEIGHT_M = 70.0
SEED = 1


def stage(folder: Path, *, seconds: float, size_wh_px: tuple[int, int]) -> Path:
    """Stage the patrol in a folder, unless its film is there."""
    film = folder / "patrol.mp4"
    if not film.exists():
        with progress("staging the patrol", total=round(seconds * 30)) as ticker:
            stage_patrol(
                folder,
                PatrolPlan(seconds=seconds, size_wh_px=size_wh_px, height_m=HEIGHT_M, seed=SEED),
                on_frame=lambda _done, _total: ticker.advance(),
            )
    return film


def time_patrol(
    model_dirs: list[Path], film: Path, *, engine: Engine, workers: int, looks: int, rounds: int
) -> dict[str, Any]:
    """Time decoding, sampling and detection together.

    Args:
        model_dirs: The models.
        film: What `stage` made.
        engine: What runs the models.
        workers: Inferences at a time.
        looks: How often the sampler wants every piece of ground seen.
        rounds: How often; the quickest run of each clock counts, for other work on the machine only ever slows.

    Returns:
        Seconds, and how many times real time they are.
    """
    detector = OnnxDetector.of_folders(model_dirs, engine=engine, workers=workers)
    runs = []
    with progress("patrol", total=rounds) as ticker:
        for _ in range(rounds):
            runs.append(_run(detector, film, looks))
            ticker.advance()
    best = min(runs, key=lambda run: run["cpu_s"])
    wall_s = min(run["wall_s"] for run in runs)
    film_s = best["film_s"]
    return best | {
        "wall_s": round(wall_s, 2),
        "cpu_s": round(best["cpu_s"], 2),
        "models": [path.name for path in model_dirs],
        "looks_wanted": looks,
        "times_real_time_wall": round(film_s / wall_s, 2),
        "times_real_time_by_cpu_of_all_workers": round(film_s / (best["cpu_s"] / workers), 2),
    }


def _run(detector: OnnxDetector, film: Path, looks: int) -> dict[str, Any]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    sampled = _sampled(film, looks)
    with VideoSource(film, want=sampled.want, on_key=sampled.choice.key) as source:
        found = views = 0
        for frame, detections in detect_many(detector, _frames(source, sampled)):
            found += len(detections)
            views += sum(len(model.plan(frame).views) for model in detector.models)
        report = source.report()
        film_s = source.duration_s or 0.0
        frames = round(film_s * float(source.frame_rate or 0))
    return {
        "film_s": round(film_s, 2),
        "frames": frames,
        "frames_decoded": report.frames_decoded,
        "frames_looked_at": report.frames_given,
        "views_per_look": round(views / report.frames_given, 1),
        "found": found,
        "wall_s": time.perf_counter() - wall_s,
        "cpu_s": time.process_time() - cpu_s,
    }


def _sampled(film: Path, looks: int) -> Sampled:
    with VideoSource(film) as source:
        size, seconds = source.size_wh_px, source.duration_s or 0.0
    lens = _lens(size)
    flight = PatrolFlight(phases=usual_phases(seconds), height_m=HEIGHT_M, seed=SEED)
    resolution_m = HEIGHT_M / lens.focal_px

    def view_at(media_time_s: float) -> GroundView:
        corners = lens.ground_corners_m(flight.reported(media_time_s))
        return GroundView(corners_m=corners, ground_resolution_m=resolution_m)

    return Sampled(view_at, looks=looks)


def _frames(source: VideoSource, sampled: Sampled) -> Iterator[Frame]:
    for frame in source:
        yield replace(
            frame,
            ground_resolution_m=HEIGHT_M / _lens(frame.size_wh_px).focal_px,
            of_interest=sampled.part_of(frame.media_time_s or 0.0),
        )


def _lens(size_wh_px: tuple[int, int]) -> Lens:
    return Lens(size_wh_px=size_wh_px, focal_px=patrol_camera(size_wh_px).focal_xy_px[0])
