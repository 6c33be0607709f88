"""A live stream as material: looked at as it comes, for as long as somebody wants.

Where poses travel in the stream (KLV), its pictures are located by them; without, things are detected and counted, and
no place is made up.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flyonce.live_poses import LivePose, LivePoses
from flyonce.looks import FilmFrame, Prepared, Problem, Shot
from flyonce.material import Account, Candidate
from flyonce.picture_masks import Masks
from flyonce.stills import StillOriginal, clock_text
from geo.camera import Camera
from geo.errors import PoseUnknown
from geo.telemetry.fov import camera_with_focal
from vision.errors import StreamError
from vision.frame import Frame
from vision.sampling import MotionSampler
from vision.sources.live import LiveSource
from vision.sources.source import Gap, StreamData

_PROBLEMS = {
    "no_telemetry": "the stream tells no pose that is read: it cannot be located",
    "no_pose": "the stream's telemetry says nothing about this moment: it cannot be located",
    "bearing_unknown": "the stream's telemetry has no angles of the camera: nothing can be located",
    "no_camera": "the camera is unknown (--camera): it cannot be located",
}


class LiveMaterial:
    """One live stream; `stop` ends it from any thread.

    Attributes:
        masks: Mapped surroundings, projected into pictures that are located; None for none.
    """

    def __init__(
        self,
        url: str,
        *,
        for_s: float | None = None,
        camera: Camera | None = None,
        looks: int = 3,
        on_frame: Callable[[float], None] = lambda media_time_s: None,
    ) -> None:
        """Make ready; nothing is connected before the first picture is asked for.

        Args:
            url: The stream's address, with credentials if need be.
            for_s: Ends after so many seconds; None runs until `stop`.
            camera: The lens as in the table, for photos; None takes the field of view that telemetry tells, if exact.
            looks: How often every part of the scene ought to be seen.
            on_frame: Called with the stream's time of each frame that was decoded for us.

        Raises:
            StreamError: The address is of no kind that can be read.
        """
        self._sampler = MotionSampler(looks=looks)
        self._camera = camera
        self._poses = LivePoses()
        self.masks: Masks | None = None
        self._data: Counter[str] = Counter()
        self._lock = threading.Lock()
        # An operator who gives a time also wants to hear when nothing came in it.
        self._source = LiveSource(url, on_data=self._note_data, want=self._wants)
        self._for_s = for_s
        self._on_frame = on_frame
        self._timer: threading.Timer | None = None
        self.unreadable: list[Problem] = []
        self.telemetry_s = 0.0
        self.ahead: int | None = 1

    @property
    def address(self) -> str:
        """The address without credentials."""
        return self._source.address

    def stop(self) -> None:
        """End the stream; pictures that are in the works are finished."""
        self._poses.close()
        threading.Thread(target=self._source.close, name="live stop", daemon=True).start()

    def pictures(self) -> Iterator[Prepared]:
        """The frames to look at, until the time is over or somebody stops it."""
        if self._for_s is not None:
            self._timer = threading.Timer(self._for_s, self._source.close)
            self._timer.daemon = True
            self._timer.start()
        try:
            with self._source as source:
                for frame in source:
                    self._on_frame(frame.media_time_s or 0.0)
                    if self._sampler.decide(frame.media_time_s or 0.0, frame.image_bgr).look:
                        yield self._prepared(frame)
        except StreamError as error:
            self.unreadable.append((self.address, str(error)))
        finally:
            if self._timer is not None:
                self._timer.cancel()
        report = self._source.report()
        if not report.frames_decoded and not self.unreadable:
            reason = report.blind[-1].reason if report.blind else "no picture arrived"
            problem = f"{self.address}: gave no picture ({reason}); check the address, the log-in and the source"
            self.unreadable.append((self.address, problem))

    def attend(self, candidate: Candidate) -> None:
        """What a live camera shows next cannot be chosen."""

    def settle(self, key: int) -> None:
        """Nothing was attended to."""

    def account(self) -> Account:
        """What became of the frames, and when the stream was blind."""
        report = self._source.report()
        counts = {name: value for name, value in asdict(report).items() if name not in ("blind", "problems")}
        return Account(
            frames_decoded=report.frames_decoded,
            frames_dropped=report.frames_dropped,
            gaps=tuple(_told(gap) for gap in report.blind),
            stream_data=dict(self._data),
            sources=({"source": self.address, **counts, **self._told_poses(), "problems": list(report.problems)},),
        )

    def _wants(self, media_time_s: float) -> bool:
        return media_time_s >= self._sampler.next_time_s

    def _prepared(self, frame: Frame) -> Prepared:
        media_time_s = frame.media_time_s or 0.0
        moment = _moment_text(frame.captured_at) or clock_text(media_time_s)
        shot = self._shot(frame, media_time_s)
        return Prepared(
            key=f"{self.address}#{frame.index}",
            name=f"live {moment}",
            frame=frame,
            shot=shot,
            masks=() if self.masks is None else self.masks.of(shot),
            original=StillOriginal(
                frame=frame,
                stem=f"live_{moment}_f{frame.index:06}",
                note=f"still of a live stream, frame {frame.index}, stream time {media_time_s:.3f} s, {moment}",
                film=FilmFrame(kind="stream", name="", sha256=None, frame=frame.index, media_time_s=media_time_s),
            ),
        )

    def _shot(self, frame: Frame, media_time_s: float) -> Shot:
        """What is known about the moment: the pose that travels beside the picture, and the lens."""
        seen: LivePose | None = None
        with suppress(PoseUnknown):
            seen = self._poses.at(media_time_s, frame.size_wh_px)
        camera = None if seen is None else self._lens(seen, frame.size_wh_px)
        found = {
            "no_telemetry": not self._poses.any,
            "no_pose": self._poses.any and seen is None,
            "bearing_unknown": seen is not None and not seen.pose.has_bearing,
            "no_camera": seen is not None and camera is None,
        }
        flags = tuple(flag for flag, holds in found.items() if holds)
        return Shot(
            pose=None if seen is None else seen.pose,
            camera=camera,
            taken_at=frame.captured_at,
            clock_s=media_time_s,
            size_wh_px=frame.size_wh_px,
            flags=flags,
            problems=tuple(_PROBLEMS[flag] for flag in flags),
        )

    def _lens(self, seen: LivePose, size_wh_px: tuple[int, int]) -> Camera | None:
        if self._camera is not None:
            return self._camera.filming(size_wh_px)
        return None if seen.focal_px is None else camera_with_focal(seen.focal_px, size_wh_px)

    def _told_poses(self) -> dict[str, Any]:
        told = self._poses.account()
        return {"telemetry": told | {"file": self.address}} if told["entries"] else {}

    def _note_data(self, data: StreamData) -> None:
        with self._lock:
            self._data[data.kind] += 1
        if data.kind == "klv":
            self._poses.take(data.media_time_s, data.payload)


def _moment_text(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H-%M-%S}.{at.microsecond // 1000:03}Z"


def _told(gap: Gap) -> dict[str, Any]:
    return {
        "began_at": gap.began_at.isoformat(),
        "ended_at": None if gap.ended_at is None else gap.ended_at.isoformat(),
        "seconds": round(gap.seconds, 2),
        "reason": gap.reason,
    }
