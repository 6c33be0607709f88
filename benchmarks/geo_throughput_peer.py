"""The peer of `geo_throughput.py`: orthority, in an environment of its own.

    python benchmarks/geo_throughput_peer.py WORK.npz ANSWER.npz

Reads a camera, its pose in the model's own metres, pixels and the model; writes where the pixels lie on level ground
and on the model, and the processor's seconds for each. The package meets a surface by a method that it keeps to itself
(`_pixel_to_world_surf`, behind its `world_boundary`): called directly here, so that both get the same pixels.
"""

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from orthority.camera import BrownCamera, FrameCamera
from orthority.enums import Interp
from rasterio import Affine


def main() -> None:
    """Locate all pixels of the file."""
    work = np.load(sys.argv[1])
    cv2.setNumThreads(1)
    shared = {
        "im_size": tuple(int(side) for side in work["size"]),
        "focal_len": tuple(work["focal_px"]),
        "sensor_size": tuple(float(side) for side in work["size"]),
        "xyz": tuple(work["xyz"]),
        "opk": tuple(work["opk"]),
    }
    pinhole = FrameCamera(**shared)
    k1, k2, p1, p2, k3 = work["distortion"]
    brown = BrownCamera(**shared, k1=k1, k2=k2, p1=p1, p2=p2, k3=k3)
    # Pixels of this package count from the middle of the first one.
    few, many = work["few"].T - 0.5, work["many"].T - 0.5
    model, transform = work["model"], Affine(*work["transform"])
    answers = {
        "flat": timed(lambda: pinhole.pixel_to_world_z(many, 0.0)),
        "flat_brown": timed(lambda: brown.pixel_to_world_z(many, 0.0)),
        "dem": timed(lambda: pinhole._pixel_to_world_surf(few, model, transform, interp=Interp.bilinear)),
        "dem_brown": timed(lambda: brown._pixel_to_world_surf(few, model, transform, interp=Interp.bilinear)),
    }
    told = {}
    for name, (seconds, places) in answers.items():
        told[f"{name}_cpu_s"], told[name] = seconds, places.T
    np.savez(sys.argv[2], **told)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The least processor time of nine runs (of one that takes seconds), and the answer."""
    least = math.inf
    for _ in range(9):
        began = time.process_time()
        answer = work()
        least = min(least, time.process_time() - began)
        if least > 0.5:
            break
    return least, answer


if __name__ == "__main__":
    main()
