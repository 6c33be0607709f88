"""Whether a film's clock and its telemetry's go together, by how the picture moved: vision measures, geo compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from flyonce.recordings import Recording
from geo.clock_offset import estimate_clock_offset
from geo.ground import Ground
from geo.motion_fit import SeenMotion
from vision.picture_motion import Thumbnail, motion_between, thumbnail
from vision.sources.video import VideoSource

# Far enough apart that a flying camera's picture has moved, near enough that it still shows the same ground.
_EVERY_S = 0.5
# More film than this tells nothing that it has not told before.
_ENOUGH_S = 480.0

_WHY = {
    "too_few_pairs": "too little of the film has both poses and ground to follow",
    "hovering": "the camera hovered",
    "constant_motion": "it flew straight at one speed, or nearly",
    "ambiguous": "several offsets fit alike",
    "does_not_fit": "the picture does not move as the telemetry says",
    "bearing_unknown": "the telemetry tells no gimbal angles",
}


def with_clock_told(
    recording: Recording, ground: Ground, *, on_progress: Callable[[float], None] = lambda done_s: None
) -> Recording:
    """The recording with its poses where the picture's motion puts them in time, and the error of that.

    Where it cannot be told the poses stay where they are, and a problem says why.

    Args:
        recording: A video with its telemetry and camera; without them it is given back as it is.
        ground: What lies below.
        on_progress: Called with the seconds of film that were looked at.

    Raises:
        VideoError: The film cannot be read.
    """
    track, camera = recording.track, recording.camera
    if track is None or camera is None:
        return recording
    seen = motion_of_film(recording.path, on_progress=on_progress)
    found = estimate_clock_offset(seen, track, camera, ground=ground)
    if found.reason is not None:
        problem = (
            f"{recording.path}: the clocks of picture and telemetry cannot be compared ({_WHY[found.reason]}): "
            "its poses are used at the times that they tell. Give --offset-s SECONDS if you know better"
        )
        return replace(recording, clock=found, problems=(*recording.problems, problem))
    assert found.offset_s is not None
    assert found.sigma_s is not None
    if abs(found.offset_s) <= found.sigma_s:
        # The clocks agree as far as anybody can tell: moving them would only lose the film's first or last moment.
        return replace(recording, clock=found, track=track.with_clock_sigma(found.sigma_s))
    return replace(recording, clock=found, track=found.applied_to(track))


def motion_of_film(path: Path, *, on_progress: Callable[[float], None] = lambda done_s: None) -> SeenMotion:
    """How a film's picture moved from half second to half second; pairs that tell nothing are left out.

    Raises:
        VideoError: The film cannot be read.
    """
    wanted_s = 0.0

    def want(media_time_s: float) -> bool:
        nonlocal wanted_s
        if media_time_s < wanted_s or media_time_s > _ENOUGH_S:
            return False
        wanted_s = media_time_s + _EVERY_S - 1e-3
        return True

    earlier_s, later_s, motions = [], [], []
    before: tuple[float, Thumbnail] | None = None
    with VideoSource(path, want=want) as source:
        for frame in source:
            now_s, now = frame.media_time_s or 0.0, thumbnail(frame.image_bgr)
            if before is not None and 0 < now_s - before[0] < 3 * _EVERY_S:
                motion = motion_between(now, before[1])
                if motion is not None:
                    earlier_s.append(before[0])
                    later_s.append(now_s)
                    motions.append(motion)
            before = now_s, now
            on_progress(now_s)
    return SeenMotion(
        earlier_s=np.array(earlier_s),
        later_s=np.array(later_s),
        earlier_from_later=np.array(motions).reshape(-1, 3, 3),
    )
