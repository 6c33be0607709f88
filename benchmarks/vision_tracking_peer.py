"""The peer of `vision_tracking.py`: runs in an environment of its own, with the package `trackers` and its OpenCV.

    python benchmarks/vision_tracking_peer.py TRACKER film.mp4 looks.npz answer.npz

Reads for each look the frame's number and its detections, and writes the identity of each detection and the CPU time.
"""

import sys
import time

import cv2
import numpy as np
import supervision as sv
from trackers import BoTSORTTracker, ByteTrackTracker

_TRACKERS = {"ByteTrackTracker": ByteTrackTracker, "BoTSORTTracker": BoTSORTTracker}


def main() -> None:
    """Track all looks of the file."""
    name, film, looks_path, answer_path = sys.argv[1:]
    looks = np.load(looks_path)
    rate = float(looks["rate"])
    tracker = _TRACKERS[name](
        frame_rate=rate,
        # The package counts its buffer in frames of 30 per second.
        lost_track_buffer=round(30 * float(looks["keep_lost_s"])),
        track_activation_threshold=float(looks["confident"]),
        high_conf_det_threshold=float(looks["confident"]),
        minimum_consecutive_frames=1,
    )
    capture, position = cv2.VideoCapture(film), -1
    answer = np.full(len(looks["boxes"]), -1, np.int64)
    spent_s = 0.0
    for look, number in enumerate(looks["frames"]):
        while position < number:
            position += 1
            capture.grab()
        _, picture = capture.retrieve()
        rows = np.flatnonzero(looks["look"] == look)
        found = sv.Detections(
            xyxy=looks["boxes"][rows].astype(np.float32),
            confidence=looks["confidence"][rows].astype(np.float32),
            class_id=np.zeros(len(rows), int),
            data={"row": rows},
        )
        began_s = time.process_time()
        told = tracker.update(found, frame=picture)
        spent_s += time.process_time() - began_s
        if len(told):
            answer[told.data["row"].astype(int)] = told.tracker_id
    np.savez(answer_path, track_id=answer, cpu_s=spent_s)


if __name__ == "__main__":
    main()
