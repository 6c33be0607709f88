"""Every frame of a film as a whole: ours, the bare forward passes of the same inputs, and `yolo predict`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from throughput.timing import in_parallel, in_turns, ratios, spent, spent_by_peer, table
from vision.engines.choosing import Engine
from vision.frame import Frame
from vision.letterbox import letterbox
from vision.onnx_detector import OnnxDetector, detect_many
from vision.onnx_model import OnnxModel
from vision.sources.video import VideoSource

FINE_ENOUGH_M = 1e-3
"""At this ground resolution all there is shows in the frame as a whole, so that there are no tiles."""


def time_film(
    model_dirs: list[Path],
    film: Path,
    *,
    engine: Engine,
    workers: int,
    rounds: int,
    peer_python: Path | None,
    checkpoint: Path | None,
    left_out: list[str],
) -> dict[str, Any]:
    """Time them in turns.

    Args:
        model_dirs: Our models; the peer runs the first.
        film: The film.
        engine: What runs ours, and the bare passes.
        workers: Inferences at a time, ours and bare: a core is slower when the other one is busy, too.
        rounds: How often each.
        peer_python: A Python with ultralytics.
        checkpoint: The first model as a checkpoint, for the peer; the ONNX file if None.
        left_out: What could not be run is told here.

    Returns:
        Seconds and ratios.
    """
    detector = OnnxDetector.of_folders(model_dirs, engine=engine, workers=workers)
    first = next(_frames(film))
    inputs = [_input(model, first) for model in detector.models]
    frames = sum(1 for _ in VideoSource(film))
    passes = [*zip(detector.models, inputs, strict=True)] * frames

    def ours() -> None:
        for _ in detect_many(detector, _frames(film)):
            pass

    def bare() -> None:
        in_parallel(lambda pass_: pass_[0].network(pass_[1]), passes, workers)

    detector(first)
    works = {"ours": partial(spent, ours), "bare forward": partial(spent, bare)}
    if peer_python is None:
        left_out.append("yolo predict: name a Python that has ultralytics with --peer-python")
    else:
        for name, model in (("onnx", model_dirs[0] / "model.onnx"), ("pt", checkpoint)):
            if model is None:
                left_out.append("yolo predict on the checkpoint: name it with --checkpoint")
                continue
            works[f"yolo predict ({name})"] = partial(
                spent_by_peer, peer_python, "predict", model, film, "--threads", workers
            )
    taken = in_turns("film", works, rounds, left_out=left_out)
    return {
        "frames": frames,
        "models": [path.name for path in model_dirs],
        "inputs": [list(tensor.shape) for tensor in inputs],
        "seconds": table(taken),
        "ours_per_frame_cpu_ms": round(1000 * taken["ours"].cpu_s / frames, 2),
        "bare_per_frame_cpu_ms": round(1000 * taken["bare forward"].cpu_s / frames, 2),
        "end_to_end_over_bare_cpu": round(taken["ours"].cpu_s / taken["bare forward"].cpu_s, 3),
        "end_to_end_over_bare_wall": round(taken["ours"].wall_s / taken["bare forward"].wall_s, 3),
        "times_as_fast_as": {
            name: ratios(taken["ours"], other) for name, other in taken.items() if name.startswith("yolo")
        },
    }


def _frames(film: Path) -> Iterator[Frame]:
    with VideoSource(film) as source:
        for frame in source:
            yield replace(frame, ground_resolution_m=FINE_ENOUGH_M)


def _input(model: OnnxModel, frame: Frame) -> Any:  # noqa: ANN401 - an array
    plan = model.plan(frame)
    if len(plan.views) != 1:
        raise ValueError(f"{model.card.name} does not look at the frame as a whole")
    size = plan.input_for(plan.views[0], model.card.input_px, any_size=model.network.takes_any_size)
    return letterbox(frame.pixels.reduced(plan.size_wh_px), size).tensor
