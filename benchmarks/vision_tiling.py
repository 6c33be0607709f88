"""Time whole-picture detection against the bare forward passes of the same views, side by side in one run.

    python benchmarks/vision_tiling.py models/objects [picture] [--workers 2] [--rounds 3]

Prints the seconds of each by the clock and of CPU time, their ratios, and the peak memory. The ratio of CPU times is
what tiling costs on top of the network, whatever else the machine does; the ratio by the clock also gains by the
workers. The bare pass gets the views' tensors ready-made and runs them one after the other on one thread; ours cuts,
scales, runs, decodes and merges, with its own workers.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from vision.frame import Frame
from vision.letterbox import letterbox
from vision.model_card import read_model
from vision.onnx_detector import OnnxDetector
from vision.sources.photos import read_frame
from vision.tiling import plan_views


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("picture", type=Path, nargs="?", help="default: noise of 4000 × 3000")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()

    frame = read_frame(args.picture) if args.picture else _noise()
    card, data = read_model(args.model_dir)
    views = plan_views(frame.size_wh_px, card.input_px).views
    tensors = [
        letterbox(frame.image_bgr[view.top : view.bottom, view.left : view.right], card.input_px).tensor
        for view in views
    ]
    session = _one_thread_session(data)
    name = session.get_inputs()[0].name
    detector = OnnxDetector.open(args.model_dir, workers=args.workers)

    def bare() -> None:
        for tensor in tensors:
            session.run(None, {name: tensor})

    def ours() -> None:
        detector(frame)

    session.run(None, {name: tensors[0]})
    detector(frame)
    (bare_s, bare_cpu_s), (ours_s, ours_cpu_s) = _best(bare, ours, rounds=args.rounds)
    result = {
        "picture_wh_px": list(frame.size_wh_px),
        "views": len(views),
        "workers": args.workers,
        "bare_forward_s": round(bare_s, 3),
        "ours_s": round(ours_s, 3),
        "ratio": round(ours_s / bare_s, 3),
        "bare_forward_cpu_s": round(bare_cpu_s, 3),
        "ours_cpu_s": round(ours_cpu_s, 3),
        "cpu_ratio": round(ours_cpu_s / bare_cpu_s, 3),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")


def _noise() -> Frame:
    image = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), np.uint8)
    return Frame(image_bgr=image, captured_at=None, source="noise", index=0)


def _one_thread_session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])


def _best(*works: Callable[[], None], rounds: int) -> list[tuple[float, float]]:
    """The shortest time by the clock and of CPU of each work; they take turns, so that all meet the same machine."""
    best = [(float("inf"), float("inf"))] * len(works)
    for _ in range(rounds):
        for i, work in enumerate(works):
            start, start_cpu = time.perf_counter(), time.process_time()
            work()
            now, now_cpu = time.perf_counter() - start, time.process_time() - start_cpu
            best[i] = min(best[i][0], now), min(best[i][1], now_cpu)
    return best


if __name__ == "__main__":
    main()
