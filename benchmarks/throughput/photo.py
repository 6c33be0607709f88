"""A large photo in tiles: ours, the bare forward passes of the same tiles, and SAHI with tiles of the same size."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from throughput.timing import in_parallel, in_turns, ratios, spent, spent_by_peer, table
from vision.engines.choosing import Engine
from vision.letterbox import letterbox
from vision.onnx_detector import OnnxDetector
from vision.sources.photos import read_frame


def time_photo(
    model_dir: Path,
    photo: Path,
    *,
    engine: Engine,
    workers: int,
    rounds: int,
    sahi_python: Path | None,
    checkpoint: Path | None,
    left_out: list[str],
) -> dict[str, Any]:
    """Time them in turns, the photo decoded beforehand.

    Args:
        model_dir: Our model.
        photo: The photo.
        engine: What runs ours, and the bare passes.
        workers: Inferences at a time, ours and bare: a core is slower when the other one is busy, too.
        rounds: How often each.
        sahi_python: A Python with SAHI and ultralytics.
        checkpoint: The model as a checkpoint, for SAHI; the ONNX file if None.
        left_out: What could not be run is told here.

    Returns:
        Seconds and ratios.
    """
    frame = read_frame(photo)
    detector = OnnxDetector.of_folders([model_dir], engine=engine, workers=workers)
    (model,) = detector.models
    plan = model.plan(frame)
    picture = frame.pixels.reduced(plan.size_wh_px)
    any_size = model.network.takes_any_size
    tensors = [
        letterbox(
            picture[view.top : view.bottom, view.left : view.right],
            plan.input_for(view, model.card.input_px, any_size=any_size),
        ).tensor
        for view in plan.views
    ]

    def bare() -> None:
        in_parallel(model.network, tensors, workers)

    detector(frame)
    works = {"ours": partial(spent, lambda: detector(frame)), "bare forward": partial(spent, bare)}
    if sahi_python is None:
        left_out.append("SAHI: name a Python that has sahi and ultralytics with --sahi-python")
    else:
        words = ("sahi", checkpoint or model_dir / "model.onnx", photo, "--threads", workers)
        works["sahi"] = partial(spent_by_peer, sahi_python, *words)
    taken = in_turns("photo", works, rounds, left_out=left_out)
    return {
        "photo_wh_px": list(frame.size_wh_px),
        "views": len(plan.views),
        "seconds": table(taken),
        "end_to_end_over_bare_cpu": round(taken["ours"].cpu_s / taken["bare forward"].cpu_s, 3),
        "sahi_runs": str((checkpoint or model_dir / "model.onnx").suffix),
        "times_as_fast_as": {"sahi": ratios(taken["ours"], taken["sahi"])} if "sahi" in taken else {},
    }
