"""Poses that travel in a live stream: taken in as they come, asked for by the time of a picture."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from geo.errors import PoseUnknown
from geo.pose import Pose
from geo.pose_track import PoseTrack
from geo.telemetry.entry import Entry
from geo.telemetry.fov import focal_px
from geo.telemetry.klv import Tally, packets_of
from geo.telemetry.klv_poses import entry_of_piece
from geo.telemetry.reading import pose_of
from geo.telemetry.screening import AIRCRAFT_M_S, Account, placed, reachable

# A picture's packet may come behind it: it is waited for, but not longer than packets are apart.
_WAIT_S = 1.2
# Who has sent nothing for so long is not waited for.
_SILENT_S = 3.0
_KEPT = 400
# A place that nothing could fly to is believed only when so many in a row agree about it.
_AGREEING = 5


@dataclass(frozen=True, kw_only=True)
class LivePose:
    """The pose of a picture, and the focal length in pixels that telemetry tells exactly; None where it does not."""

    pose: Pose
    focal_px: float | None


class LivePoses:
    """The telemetry of one stream; pieces come from the receiving thread, questions from the looking one."""

    def __init__(self) -> None:
        self._points: deque[Entry] = deque(maxlen=_KEPT)
        self._strays: list[Entry] = []
        self._account = Account()
        self._tally = Tally()
        self._packets = 0
        self._used = 0
        self._came_s = float("-inf")
        self._news = threading.Condition()
        self._closed = False

    @property
    def any(self) -> bool:
        """Whether a usable point ever came."""
        return self._used > 0

    def take(self, media_time_s: float, payload: bytes) -> None:
        """Take in one piece of KLV, with its time on the stream's clock."""
        with self._news:
            for packet in packets_of([(media_time_s, payload)], self._tally):
                self._packets += 1
                for point in placed([entry_of_piece(packet)], self._account):
                    self._keep(point)
            self._news.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def at(self, time_s: float, size_wh_px: tuple[int, int]) -> LivePose:
        """The pose at a picture's time, between the packets before and after it; the latter is waited for.

        Raises:
            PoseUnknown: No packets are near that time, or they tell no altitude.
        """
        with self._news:
            until_s = time.monotonic() + _WAIT_S
            while not self._closed and self._points and (self._points[-1].time_s or 0.0) < time_s:
                now_s = time.monotonic()
                if now_s > until_s or now_s - self._came_s > _SILENT_S:
                    break
                self._news.wait(until_s - now_s)
            points = tuple(self._points)
        return _between(points, time_s, size_wh_px)

    def account(self) -> dict[str, Any]:
        """What became of the packets."""
        with self._news:
            bad = {"checksum": self._tally.checksum, "cut_short": self._tally.cut_short}
            dropped = Counter(self._account.dropped) + Counter(bad)
            dropped["position_jump"] += len(self._strays)
            return {
                "dialect": "misb_st_0601",
                "entries": self._packets + sum(bad.values()),
                "used": self._used,
                "dropped": {reason: count for reason, count in dropped.items() if count},
                "flags": sorted(self._account.raised),
                "inside": True,
            }

    def _keep(self, point: Entry) -> None:
        """Keep a point that follows the last one in time and can be flown to from there."""
        self._came_s = time.monotonic()
        last = self._points[-1] if self._points else None
        if last is not None and (point.time_s or 0.0) <= (last.time_s or 0.0):
            same = point.time_s == last.time_s
            self._account.drop("repeated_time" if same else "backward_time", point.where)
            return
        if last is None or reachable(last, point, AIRCRAFT_M_S):
            self._account.dropped["position_jump"] += len(self._strays)
            self._strays = []
            self._points.append(point)
            self._used += 1
            return
        if self._strays and not reachable(self._strays[-1], point, AIRCRAFT_M_S):
            self._account.dropped["position_jump"] += len(self._strays)
            self._strays = []
        self._strays.append(point)
        if len(self._strays) >= _AGREEING:
            self._account.flags["position_jumps"] += 1
            self._points = deque(self._strays, maxlen=_KEPT)
            self._used += len(self._strays)
            self._strays = []


def _between(points: tuple[Entry, ...], time_s: float, size_wh_px: tuple[int, int]) -> LivePose:
    """The pose between the points on both sides of a time."""
    before = [point for point in points if (point.time_s or 0.0) <= time_s]
    after = [point for point in points if (point.time_s or 0.0) >= time_s]
    if not before or not after:
        raise PoseUnknown(time_s=time_s, reason="after" if before else "before")
    pair = [before[-1]] if before[-1] is after[0] else [before[-1], after[0]]
    datum = pair[0].alt_datum
    poses = [None if datum is None else pose_of(point, datum) for point in pair]
    known = [pose for pose in poses if pose is not None]
    if len(known) < len(pair):
        raise PoseUnknown(time_s=time_s, reason="gap")
    track = PoseTrack(times_s=[point.time_s or 0.0 for point in pair], poses=known)
    focals = [focal_px(point.fov_wh_deg, size_wh_px) for point in pair]
    told = [focal for focal in focals if focal is not None]
    return LivePose(pose=track.at(time_s), focal_px=max(told) if len(told) == len(pair) else None)
