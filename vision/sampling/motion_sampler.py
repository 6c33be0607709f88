"""Chooses frames by how the picture moves: for video of which nobody knows the pose."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from vision.errors import InvalidValueError
from vision.picture_motion import Thumbnail, motion_between, thumbnail
from vision.pixels import Image
from vision.sampling.decision import Decision, SamplingStats
from vision.sampling.look_clock import LookClock
from vision.sampling.pace import Pace
from vision.sampling.passage import is_due, is_inside
from vision.sampling.view import transformed

Floats = NDArray[np.float64]

_DUE_SHARE = 0.01
_THIN_SHARE = 0.5
_GRID = np.stack(np.meshgrid((np.arange(48) + 0.5) / 48, (np.arange(27) + 0.5) / 27), axis=-1).reshape(-1, 2)
_INNER = _GRID[is_inside(_GRID)]
_PROBES = np.array([(0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)])
_AROUND = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)])


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    around: Floats
    until_s: float


class MotionSampler:
    """Wants a frame when part of the scene would otherwise leave the picture having been seen too rarely.

    It follows the last few looked-at pictures as they slide out of the present one. It does not know ground again that
    comes into view a second time, so its cost grows with the way flown. Where the motion cannot be told (a cut, water
    that fills the picture), it looks as if the camera moved. Safe to call from several threads.
    """

    def __init__(self, *, looks: int = 3, pace: Pace | None = None, ask_every_s: float = 0.2) -> None:
        """Begin with nothing seen.

        Args:
            looks: How often every part of the scene ought to be seen.
            pace: Times between looks.
            ask_every_s: Shortest time between two questions that `next_time_s` proposes: estimating motion costs a few
                milliseconds.

        Raises:
            InvalidValueError: If a figure is not positive.
        """
        if looks < 1 or not ask_every_s > 0:
            raise InvalidValueError(f"looks {looks} and ask_every_s {ask_every_s} must be positive")
        self._looks = looks
        self._pace = pace or Pace()
        self._ask_every_s = ask_every_s
        self._clock = LookClock(looks=looks, pace=self._pace)
        self._next_time_s = float("-inf")
        self._before: Thumbnail | None = None
        self._seen: list[Floats] = []
        self._last_look_s = float("-inf")
        self._candidates: dict[Hashable, _Candidate] = {}
        self._lock = Lock()

    def decide(self, time_s: float, picture_bgr: Image) -> Decision:
        """Whether the network ought to see this picture; a yes counts as seen.

        Args:
            time_s: Its time on any clock that all calls share, ascending.
            picture_bgr: Its pixels, shape (h, w, 3) uint8, or (h, w) grey; reduced to a thumbnail at once.

        Returns:
            The decision.
        """
        with self._lock:
            now = thumbnail(picture_bgr)
            before_from_now = None if self._before is None else motion_between(now, self._before)
            self._before = now
            self._follow(before_from_now)
            decision = self._clock.judge(
                time_s,
                moved=self._moved(time_s, known=before_from_now is not None),
                advanced=1.0 if before_from_now is None else _way(before_from_now),
                watched=(watched := self._watches(time_s)),
                attended=watched and time_s - self._last_look_s >= self._pace.attend_every_s,
                ground_is_due=lambda: self._is_due(time_s),
                ground_is_thin=self._is_thin,
            )
            if decision.look:
                self._seen = [*self._seen, np.eye(3)][-self._looks :]
                self._last_look_s = time_s
            self._next_time_s = max(self._clock.next_time_s, time_s + self._ask_every_s)
            return decision

    @property
    def next_time_s(self) -> float:
        """Frames before this time need not be asked about, nor decoded."""
        return self._next_time_s

    def attend(self, key: Hashable, centre: tuple[float, float], radius: float, until_s: float) -> None:
        """Look more often while a candidate is in view, until it is settled or its time is over.

        Args:
            key: Its name; the same name again replaces place and time.
            centre: Where it is in the picture last asked about, as shares (x, y) of its width and height.
            radius: How large it is, as a share of the picture.
            until_s: When to give up, on the clock of `decide`.
        """
        with self._lock:
            self._candidates[key] = _Candidate(around=np.asarray(centre) + radius * _AROUND, until_s=until_s)

    def settle(self, key: Hashable) -> None:
        """Attend to a candidate no more: it is confirmed, or dropped."""
        with self._lock:
            self._candidates.pop(key, None)

    def stats(self) -> SamplingStats:
        """What was counted so far."""
        return self._clock.stats

    def _follow(self, before_from_now: Floats | None) -> None:
        """Carry what was seen, and the candidates, over into the present picture; lost motion loses both."""
        if before_from_now is None:
            self._seen, self._candidates = [], {}
            return
        self._seen = [look_from_before @ before_from_now for look_from_before in self._seen]
        now_from_before = np.asarray(np.linalg.inv(before_from_now), np.float64)
        self._candidates = {
            key: _Candidate(around=transformed(now_from_before, one.around), until_s=one.until_s)
            for key, one in self._candidates.items()
        }

    def _moved(self, time_s: float, *, known: bool) -> float | None:
        """Share of the picture since the last look; a whole one where that is not known, None to look at once."""
        if self._seen:
            return _way(self._seen[-1])
        if known and time_s - self._last_look_s >= self._pace.attend_every_s:
            return None
        return 1.0

    def _watches(self, time_s: float) -> bool:
        self._candidates = {key: one for key, one in self._candidates.items() if time_s <= one.until_s}
        return any(is_inside(one.around).any() for one in self._candidates.values())

    def _is_due(self, time_s: float) -> bool:
        if not self._seen:
            return time_s - self._last_look_s >= self._pace.still_s
        before = transformed(self._seen[-1], _INNER)
        return bool(is_due(_INNER, before, self._counts(), self._looks).mean() >= _DUE_SHARE)

    def _is_thin(self) -> bool:
        return bool((self._counts() < self._looks).mean() >= _THIN_SHARE)

    def _counts(self) -> NDArray[np.int64]:
        """How many of the last looks saw each of the sample places."""
        counts = np.zeros(len(_INNER), np.int64)
        for look_from_now in self._seen:
            counts += is_inside(transformed(look_from_now, _INNER))
        return counts


def _way(other_from_now: Floats) -> float:
    moved = transformed(other_from_now, _PROBES) - _PROBES
    way = np.hypot(moved[:, 0], moved[:, 1])
    known = way[np.isfinite(way)]
    return float(known.mean()) if len(known) else math.inf
