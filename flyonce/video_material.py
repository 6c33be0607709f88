"""Recorded videos as material: which frames to look at, and where the camera was at each.

Where the pose is known the ground decides which frames the network sees; where it is not, the picture's motion does.
All videos of one flight share one clock and one memory of the ground.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from flyonce.ground_views import GroundViews
from flyonce.looks import Prepared, Problem
from flyonce.material import Account, Candidate
from flyonce.picture_masks import Masks
from flyonce.recordings import Recording
from flyonce.video_reader import VideoReader
from geo.ground import Ground
from vision.errors import VideoError
from vision.sampling import GroundSampler, MotionSampler
from vision.sources.source import SourceReport, StreamData
from vision.sources.video import VideoSource

# A candidate is waited for this long after it was seen last: then it is out of view for good, or was never there.
_PATIENCE_S = 30.0
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
            reader = VideoReader(
                recording,
                began_s=began_s,
                prefix="" if len(self._recordings) == 1 else f"{number + 1}-",
                ground_sampler=self._ground_sampler,
                motion_sampler=MotionSampler(looks=self._looks),
                views=self._views,
            )
            last_s = 0.0
            try:
                with VideoSource(
                    recording.path, want=reader.wants, on_key=reader.saw_key, on_data=self._note_data
                ) as source:
                    try:
                        for frame in source:
                            last_s = frame.media_time_s or 0.0
                            self._on_progress(began_s + last_s)
                            picture = reader.prepared(frame, self._masks)
                            if picture is not None:
                                yield picture
                            reader.looked_until(last_s)
                        reader.looked_until(math.inf)
                    finally:
                        report = source.report()
                        self._reports.append((recording, report))
                        self.unreadable += [(recording.path, f"{recording.path}: {one}") for one in _wrong_in(report)]
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


def _wrong_in(report: SourceReport) -> Iterator[str]:
    """What a reader met that an operator ought to hear of."""
    if report.corrupt:
        yield f"damaged in {report.corrupt} places, which were passed over; copy it again from the camera's card"
    yield from report.problems


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
            "inside": recording.carries_its_poses,
        }
    if recording.clock is not None:
        told["clock"] = {
            "offset_s": recording.clock.offset_s,
            "sigma_s": recording.clock.sigma_s,
            "reason": recording.clock.reason,
        }
    return told | {"problems": list(report.problems)}
