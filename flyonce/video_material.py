"""Recorded videos as material: which frames to look at, and where the camera was at each.

Where the pose is known the ground decides which frames the network sees; where it is not, the picture's motion does.
All videos of one flight share one clock and one memory of the ground.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from flyonce.ground_views import GroundViews
from flyonce.looks import Prepared, Problem, Shot
from flyonce.material import Account, Candidate
from flyonce.picture_masks import Masks
from flyonce.recordings import Recording
from flyonce.stills import StillOriginal, clock_text
from geo.camera import Camera
from geo.errors import PoseUnknown
from geo.ground import Ground
from geo.pose import Pose
from vision.errors import VideoError
from vision.frame import Frame
from vision.sampling import GroundSampler, MotionSampler
from vision.sources.source import SourceReport, StreamData
from vision.sources.video import VideoSource

# A candidate is waited for this long after it was seen last: then it is out of view for good, or was never there.
_PATIENCE_S = 30.0
# What is found in one look decides about the next: the decoder may run ahead of the looks by this much, no more.
_LOOKAHEAD_S = 1.2
# A decoder gives a picture only after it was fed some more: less running ahead than this would wait for ever.
_LOOKAHEAD_FRAMES = 10
# A chosen frame that does not come for so long, with nobody busy, was damaged and never will.
_LOST_AFTER_S = 2.0
# Between two videos of a flight more time passes than a stay may bridge unseen.
_BETWEEN_VIDEOS_S = 60.0


class VideoMaterial:
    """The videos of one flight, in the order given."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        ground: Ground,
        masks: Masks,
        looks: int = 3,
        coarsest_resolution_m: float | None = None,
        on_progress: Callable[[float], None] = lambda done_s: None,
    ) -> None:
        """Join the parts.

        Args:
            recordings: Videos with their telemetry.
            ground: What lies below.
            masks: Mapped surroundings, projected into each picture.
            looks: How often every piece of ground ought to be seen.
            coarsest_resolution_m: Ground shown with more metres per pixel does not count as seen and asks for no look;
                None counts everything.
            on_progress: Called with the seconds of video that are done, all videos together.
        """
        self._recordings = recordings
        self._masks = masks
        self._looks = looks
        self._on_progress = on_progress
        self._ground_sampler = GroundSampler(looks=looks, coarsest_resolution_m=coarsest_resolution_m)
        self._views = GroundViews(ground)
        self._reports: list[tuple[Recording, SourceReport]] = []
        self._data: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.unreadable: list[Problem] = [
            (recording.telemetry_path or recording.path, problem)
            for recording in recordings
            for problem in recording.problems
        ]
        self.telemetry_s = 0.0
        # One at a time where a look decides about the next: all cores work on its tiles, and the decoder beside them.
        self.ahead: int | None = 1 if any(one.track is not None and one.camera for one in recordings) else None

    def pictures(self) -> Iterator[Prepared]:
        """The frames to look at, of one video after the other."""
        began_s = 0.0
        for number, recording in enumerate(self._recordings):
            reader = _Reader(
                recording,
                began_s=began_s,
                prefix="" if len(self._recordings) == 1 else f"{number + 1}-",
                ground_sampler=self._ground_sampler,
                motion_sampler=MotionSampler(looks=self._looks),
                views=self._views,
            )
            last_s = 0.0
            try:
                with VideoSource(recording.path, want=reader.wants, on_data=self._note_data) as source:
                    try:
                        for frame in source:
                            last_s = frame.media_time_s or 0.0
                            self._on_progress(began_s + last_s)
                            picture = reader.prepared(frame, self._masks)
                            if picture is not None:
                                yield picture
                            reader.looked_until(last_s)
                    finally:
                        report = source.report()
                        self._reports.append((recording, report))
                        self.unreadable += [(recording.path, f"{recording.path}: {one}") for one in report.problems]
            except VideoError as error:
                self.unreadable.append((recording.path, str(error)))
            began_s += (recording.duration_s or last_s) + _BETWEEN_VIDEOS_S

    def attend(self, candidate: Candidate) -> None:
        """Look at this place once a second while it is in view."""
        if candidate.clock_s is not None and (centre_m := self._views.metres_of(candidate.lon, candidate.lat)):
            until_s = candidate.clock_s + _PATIENCE_S
            self._ground_sampler.attend(candidate.key, centre_m, candidate.radius_m, until_s)

    def settle(self, key: int) -> None:
        """Look at the candidate's place no more often than at any other."""
        self._ground_sampler.settle(key)

    def account(self) -> Account:
        """What became of the frames."""
        reports = [report for _, report in self._reports]
        return Account(
            frames_decoded=sum(report.frames_decoded for report in reports),
            stream_data=dict(self._data),
            sources=tuple(_told(recording, report) for recording, report in self._reports),
            originals=tuple(
                {"file": one.path.name, "sha256": one.sha256, "seconds": one.duration_s} for one in self._recordings
            ),
        )

    def _note_data(self, data: StreamData) -> None:
        with self._lock:
            self._data[data.kind] += 1


class _Reader:
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
        self._chosen: deque[float] = deque()
        self._busy = False
        self._turn = threading.Condition()

    def wants(self, media_time_s: float) -> bool:
        """Whether this frame is worth its decoding; asked by the decoding thread, in order."""
        clock_s = self._began_s + media_time_s
        pose = self._pose_at(media_time_s)
        if pose is None or self._recording.camera is None:
            return clock_s >= self._motion_sampler.next_time_s
        if clock_s < self._ground_sampler.next_time_s:
            return False
        self._wait_for_looks(media_time_s)
        if clock_s < self._ground_sampler.next_time_s:
            return False
        view = self._views.of(pose, self._camera_at(media_time_s))
        if view is None:
            return clock_s >= self._motion_sampler.next_time_s
        if not self._ground_sampler.decide(clock_s, view).look:
            return False
        with self._turn:
            self._chosen.append(media_time_s)
        return True

    def looked_until(self, media_time_s: float) -> None:
        """The frame of this time, and every one before it, was dealt with; what it showed is known."""
        with self._turn:
            self._busy = False
            while self._chosen and self._chosen[0] <= media_time_s:
                self._chosen.popleft()
            self._turn.notify_all()

    def _wait_for_looks(self, media_time_s: float) -> None:
        """Let nobody decide about this frame before the looks well before it told what they found."""
        with self._turn:
            idle_s = 0.0
            while self._chosen and media_time_s - self._chosen[0] > self._lookahead_s:
                woken = self._turn.wait(_LOST_AFTER_S / 4)
                idle_s = 0.0 if woken or self._busy else idle_s + _LOST_AFTER_S / 4
                if idle_s >= _LOST_AFTER_S:
                    self._chosen.clear()

    def prepared(self, frame: Frame, masks: Masks) -> Prepared | None:
        """The frame ready to be looked at; None where its motion says that it shows nothing new."""
        media_time_s = frame.media_time_s or 0.0
        with self._turn:
            self._busy = True
            by_ground = media_time_s in self._chosen
        if not by_ground and not self._motion_sampler.decide(self._began_s + media_time_s, frame.image_bgr).look:
            return None
        path, shot = self._recording.path, self._shot(frame, media_time_s)
        text = clock_text(media_time_s)
        return Prepared(
            key=f"{path}#{frame.index}",
            name=f"{path.name} {text.replace('-', ':')}",
            frame=frame,
            shot=shot,
            original=StillOriginal(
                frame=frame,
                stem=f"{self._prefix}{_plain(path.stem)}_{text}_f{frame.index:06}",
                note=f"still of {_plain(path.name)}, frame {frame.index}, media time {media_time_s:.3f} s, "
                f"video sha256 {self._recording.sha256}",
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


def _told(recording: Recording, report: SourceReport) -> dict[str, Any]:
    counts = {name: value for name, value in asdict(report).items() if name not in ("blind", "problems")}
    told: dict[str, Any] = {"source": str(recording.path), "sha256": recording.sha256, **counts}
    if recording.telemetry is not None:
        telemetry = recording.telemetry
        told["telemetry"] = {
            "file": str(recording.telemetry_path),
            "dialect": telemetry.dialect,
            "entries": telemetry.entries,
            "used": telemetry.used,
            "dropped": dict(telemetry.dropped),
            "flags": list(telemetry.flags),
        }
    return told | {"problems": list(report.problems)}
