"""Which detections over the frames of a video are one thing, and when a thing counts.

`ByteTracker` gives detections their identities while the camera moves; `TrackBook` keeps their scores, tells once when
one counts, and keeps the best frames of each as evidence.
"""

from vision.tracking.best_frames import BestFrame
from vision.tracking.camera_motion import CameraMotion, CameraShift, GroundMotion, PictureMotion
from vision.tracking.track_book import TrackBook, TrackEvent, TrackRecord
from vision.tracking.tracker import UNTRACKED, ByteTracker, Tracker

__all__ = [
    "UNTRACKED",
    "BestFrame",
    "ByteTracker",
    "CameraMotion",
    "CameraShift",
    "GroundMotion",
    "PictureMotion",
    "TrackBook",
    "TrackEvent",
    "TrackRecord",
    "Tracker",
]
