"""One video of a flight: which of its frames are worth a look, and what is known about each."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass, replace

from flyonce.ground_views import GroundViews
from flyonce.looks import FilmFrame, Prepared, Shot
from flyonce.picture_masks import Masks
from flyonce.recordings import Recording
from flyonce.stills import StillOriginal, clock_text
from geo.camera import Camera
from geo.errors import PoseUnknown
from geo.pose import Pose
from vision.frame import Frame
from vision.sampling import Decision, FrameChoice, GroundSampler, GroundView, MotionSampler

# What is found in one look decides about the next: the decoder may run ahead of the looks by this much, no more.
_LOOKAHEAD_S = 1.2
# A decoder gives a picture only after it was fed some more: less running ahead than this would wait for ever.
_LOOKAHEAD_FRAMES = 10
# A chosen frame that does not come for so long, with nobody busy, was damaged and never will.
_LOST_AFTER_S = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Chosen:
    """A frame that the ground sampler wants: its time, what it shows, and why."""

    media_time_s: float
    view: GroundView
    decision: Decision


class VideoReader:
    """Decides about the frames of one video, and says what is known about each."""

    def __init__(
        self,
        recording: Recording,
        *,
        began_s: float,
        prefix: str,
        ground_sampler: GroundSampler,
        motion_sampler: MotionSampler,
        views: GroundViews,
    ) -> None:
        self._recording = recording
        self._began_s = began_s
        self._prefix = prefix
        self._ground_sampler = ground_sampler
        self._motion_sampler = motion_sampler
        self._views = views
        self._lookahead_s = max(_LOOKAHEAD_S, _LOOKAHEAD_FRAMES / (recording.frame_rate or 25.0))
        self._chosen: deque[_Chosen] = deque()
        self._busy = False
        self._turn = threading.Condition()
        self._choice = FrameChoice(ground_sampler, self._view_at, began_s=began_s)

    def saw_key(self, media_time_s: float) -> None:
        """Hear that the next frame asked about is a key picture."""
        self._choice.key(media_time_s)

    def wants(self, media_time_s: float) -> bool:
        """Whether this frame is worth its decoding; asked by the decoding thread, in order."""
        clock_s = self._began_s + media_time_s
        pose = self._pose_at(media_time_s)
        if pose is None or self._recording.camera is None:
            return clock_s >= self._motion_sampler.next_time_s
        if self._choice.skips(media_time_s):
            return False
        self._wait_for_looks(media_time_s)
        if self._choice.skips(media_time_s):
            return False
        view = self._view_at(media_time_s)
        if view is None:
            return clock_s >= self._motion_sampler.next_time_s
        decision = self._choice.decide(media_time_s, view)
        if not decision.look:
            return False
        with self._turn:
            self._chosen.append(_Chosen(media_time_s=media_time_s, view=view, decision=decision))
        return True

    def looked_until(self, media_time_s: float) -> None:
        """The frame of this time, and every one before it, was dealt with; what it showed is known.

        A frame that was chosen and did not come by then was damaged: its ground is still to be looked at.
        """
        with self._turn:
            self._busy = False
            while self._chosen and self._chosen[0].media_time_s <= media_time_s:
                chosen = self._chosen.popleft()
                if chosen.media_time_s < media_time_s:
                    self._ground_sampler.take_back(chosen.view, chosen.decision)
            self._turn.notify_all()

    def _wait_for_looks(self, media_time_s: float) -> None:
        """Let nobody decide about this frame before the looks well before it told what they found."""
        with self._turn:
            idle_s = 0.0
            while self._chosen and media_time_s - self._chosen[0].media_time_s > self._lookahead_s:
                woken = self._turn.wait(_LOST_AFTER_S / 4)
                idle_s = 0.0 if woken or self._busy else idle_s + _LOST_AFTER_S / 4
                if idle_s >= _LOST_AFTER_S:
                    while self._chosen:
                        chosen = self._chosen.popleft()
                        self._ground_sampler.take_back(chosen.view, chosen.decision)

    def prepared(self, frame: Frame, masks: Masks) -> Prepared | None:
        """The frame ready to be looked at; None where its motion says that it shows nothing new."""
        media_time_s = frame.media_time_s or 0.0
        with self._turn:
            self._busy = True
            chosen = next((one for one in self._chosen if one.media_time_s == media_time_s), None)
        if chosen is None and not self._motion_sampler.decide(self._began_s + media_time_s, frame.image_bgr).look:
            return None
        path, shot = self._recording.path, self._shot(frame, media_time_s)
        text = clock_text(media_time_s)
        return Prepared(
            key=f"{path}#{frame.index}",
            name=f"{path.name} {text.replace('-', ':')}",
            frame=frame if chosen is None else replace(frame, of_interest=chosen.decision.of_interest),
            shot=shot,
            original=StillOriginal(
                frame=frame,
                stem=f"{self._prefix}{_plain(path.stem)}_{text}_f{frame.index:06}",
                note=f"still of {_plain(path.name)}, frame {frame.index}, media time {media_time_s:.3f} s, "
                f"video sha256 {self._recording.sha256}",
                film=FilmFrame(
                    kind="video",
                    name=path.name,
                    sha256=self._recording.sha256,
                    frame=frame.index,
                    media_time_s=media_time_s,
                    path=path,
                ),
            ),
            masks=masks.of(shot),
        )

    def _shot(self, frame: Frame, media_time_s: float) -> Shot:
        pose = self._pose_at(media_time_s)
        camera = self._recording.camera
        telemetry = self._recording.telemetry
        found = {
            "no_telemetry": telemetry is None,
            "no_pose": telemetry is not None and pose is None,
            "bearing_unknown": pose is not None and not pose.has_bearing,
            "no_camera": camera is None,
        }
        flags = [flag for flag, holds in found.items() if holds]
        told = () if telemetry is None else tuple(flag for flag in telemetry.flags if flag != "bearing_unknown")
        return Shot(
            pose=pose,
            camera=None if camera is None or pose is None else self._camera_at(media_time_s),
            taken_at=frame.captured_at or (None if pose is None else pose.at),
            clock_s=self._began_s + media_time_s,
            size_wh_px=frame.size_wh_px,
            flags=(*flags, *told),
            problems=tuple(_PROBLEMS[flag] for flag in flags),
        )

    def _view_at(self, media_time_s: float) -> GroundView | None:
        pose = self._pose_at(media_time_s)
        if pose is None or self._recording.camera is None:
            return None
        return self._views.of(pose, self._camera_at(media_time_s))

    def _pose_at(self, media_time_s: float) -> Pose | None:
        if self._recording.track is None:
            return None
        try:
            return self._recording.track.at(media_time_s)
        except PoseUnknown:
            return None

    def _camera_at(self, media_time_s: float) -> Camera:
        camera, track = self._recording.camera, self._recording.track
        assert camera is not None
        assert track is not None
        return camera.zoomed(track.zoom_at(media_time_s))


_PROBLEMS = {
    "no_telemetry": "no telemetry for this video: it cannot be located",
    "no_pose": "the telemetry says nothing about this moment: it cannot be located",
    "bearing_unknown": "the telemetry has no gimbal angles: nothing can be located, and no direction is assumed",
    "no_camera": "the camera is unknown (--camera): it cannot be located",
}


def _plain(text: str) -> str:
    """ASCII letters, digits and a few signs: fit for file names and EXIF."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text) or "video"
