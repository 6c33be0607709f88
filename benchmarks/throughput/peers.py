"""The peers' side, run in a Python that has them: `yolo predict` over a film, SAHI over a photo.

It prints one JSON object with the seconds by the clock and of the processor, after a warming up that does not count.
It imports nothing of flyonce; only `nms` and `qnms` are defined where torchvision's own do not load beside a CPU torch.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

CONFIDENCE = 0.25


def main() -> None:
    """Run one peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("peer", choices=["predict", "sahi"])
    parser.add_argument("model", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--input-px", type=int, default=640)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from vision.training.torchvision_ops import ensure_torchvision_ops

    ensure_torchvision_ops()
    import torch

    torch.set_num_threads(args.threads)
    prepare = _predict if args.peer == "predict" else _sahi
    work = prepare(args.model, args.source, args.input_px)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    pieces = work()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    sys.stdout.write(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "pieces": pieces}) + "\n")


def _predict(model_path: Path, film: Path, input_px: int) -> Callable[[], int]:
    import numpy as np
    from ultralytics import YOLO

    model = YOLO(str(model_path), task="detect")
    options = {"imgsz": input_px, "conf": CONFIDENCE, "verbose": False, "save": False}
    for _ in range(2):
        model.predict(np.zeros((1080, 1920, 3), np.uint8), **options)
    return lambda: sum(1 for _ in model.predict(str(film), stream=True, **options))


def _sahi(model_path: Path, photo: Path, input_px: int) -> Callable[[], int]:
    import cv2
    import numpy as np
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    detector = AutoDetectionModel.from_pretrained(
        model_type="ultralytics", model_path=str(model_path), confidence_threshold=CONFIDENCE, device="cpu"
    )
    image = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)

    def sliced(picture: np.ndarray) -> int:
        result = get_sliced_prediction(
            picture,
            detector,
            slice_height=input_px,
            slice_width=input_px,
            overlap_height_ratio=0.2,
            overlap_width_ratio=0.2,
            perform_standard_pred=True,
            verbose=0,
        )
        return len(result.object_prediction_list)

    sliced(image[: input_px + 1, : input_px + 1])
    return lambda: sliced(image)


if __name__ == "__main__":
    main()
