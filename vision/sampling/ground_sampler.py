"""Chooses frames by the ground they show: needs the pose, in the shape of metric corners, and no pixels."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.errors import InvalidValueError
from vision.sampling.decision import Decision, Reason, SamplingStats
from vision.sampling.interest import Grid, grid_of, is_of_interest, mark, nothing
from vision.sampling.ledger import CellLedger
from vision.sampling.look_clock import LookClock
from vision.sampling.pace import Pace
from vision.sampling.passage import is_due, is_inside, step_between_looks
from vision.sampling.view import GroundView

Floats = NDArray[np.float64]

# So many places tell whether a strip of ground at the picture's edge is due.
_MOST_SAMPLES = 1000
# A view over more cells than this (a square kilometre at 1 m) is a look at the landscape, not at ground.
_MOST_CELLS = 1_000_000
# Less ground than this share of a view, at a corner that a slightly turned picture cuts off, asks for no look.
_DUE_SHARE = 0.01
_THIN_SHARE = 0.5
# Where no more than the rest of a picture may be left out, it is not worth being left out.
_NEARLY_ALL = 0.85
# Of a candidate's middle and four sides: what is larger than the picture gains nothing by looks of its own.
_MOSTLY = 0.6
# Between two frames of a slow camera the ground moves on by less than this share of the way between two looks. On
# straight legs every point is still seen often enough beyond it, but by looking at nearly every one of such frames.
_SLOW = 0.65
_PROBES = np.array([(0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)])
_AROUND = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)])


@dataclass(kw_only=True)
class _Candidate:
    around_m: Floats
    until_s: float
    looks: int = 0
    looked_s: float = -math.inf

    def is_due(self, time_s: float, pace: Pace) -> bool:
        """Whether it wants a look; a clock that jumped back begins anew."""
        wait_s = pace.attend_every_s if self.looks < pace.attend_closely else pace.attend_later_s
        return not 0 <= time_s - self.looked_s < wait_s


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Cells of the ledger in a view: column and row, and where their middles lie in metres and in the picture."""

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    middles_m: Floats
    unit_xy: Floats

    def where(self, mask: NDArray[np.bool_]) -> _Cells:
        return _Cells(
            columns=self.columns[mask],
            rows=self.rows[mask],
            middles_m=self.middles_m[mask],
            unit_xy=self.unit_xy[mask],
        )


class GroundSampler:
    """Wants a frame when ground would otherwise leave the picture having been seen fewer than `looks` times.

    It counts looks per cell of ground over the whole flight: ground that is flown over again costs nothing, and a
    camera that hovers costs a look now and then. Safe to call from several threads.
    """

    def __init__(
        self,
        *,
        looks: int = 3,
        coarsest_resolution_m: float | None = None,
        pace: Pace | None = None,
        cell_m: float = 1.0,
        most_tiles: int = 4096,
    ) -> None:
        """Begin with nothing seen.

        Args:
            looks: How often every piece of ground ought to be seen.
            coarsest_resolution_m: Ground shown with more metres per pixel than this does not count as seen and asks
                for no look; None counts everything.
            pace: Times between looks.
            cell_m: Side of a cell of ground: a twentieth of the shorter side of a view, or less.
            most_tiles: Bounds the memory: 4 KiB each, for 64 × 64 cells.

        Raises:
            InvalidValueError: If a figure is not positive.
        """
        if looks < 1 or most_tiles < 1 or not cell_m > 0:
            raise InvalidValueError(f"looks {looks}, cell_m {cell_m} and most_tiles {most_tiles} must be positive")
        if coarsest_resolution_m is not None and not coarsest_resolution_m > 0:
            raise InvalidValueError(f"coarsest_resolution_m must be positive, not {coarsest_resolution_m}")
        self._looks = looks
        self._coarsest_m = math.inf if coarsest_resolution_m is None else coarsest_resolution_m
        self._cell_m = cell_m
        self._ledger = CellLedger(most_tiles=most_tiles)
        self._pace = pace or Pace()
        self._clock = LookClock(looks=looks, pace=self._pace)
        self._candidates: dict[Hashable, _Candidate] = {}
        self._looked_at: GroundView | None = None
        self._last_s = -math.inf
        self._asked_about: GroundView | None = None
        self._lock = Lock()

    def decide(self, time_s: float, view: GroundView, *, until: tuple[float, GroundView] | None = None) -> Decision:
        """Whether the network ought to see the frame of this time; a yes counts as seen.

        Args:
            time_s: Time of the frame on any clock that all calls share, ascending.
            view: What the frame shows of the ground.
            until: A later moment and what the camera shows then: what would be wanted by then is wanted now. For
                whoever can have this frame for less than those that follow (see `passes_slowly`).

        Returns:
            The decision.
        """
        judged_s, judged = until or (time_s, view)
        with self._lock:
            watched = self._watched(time_s, view)
            attended = [one for one in watched if one.is_due(judged_s, self._pace)]
            decision = self._clock.judge(
                judged_s,
                moved=None if self._looked_at is None else _motion(judged, self._looked_at),
                advanced=0.0 if self._asked_about is None else _motion(judged, self._asked_about),
                watched=bool(watched),
                attended=bool(attended),
                ground_is_due=lambda: self._is_due(judged),
                ground_is_thin=lambda: self._is_thin(view),
            )
            self._asked_about = judged
            if decision.look:
                shown = attended if decision.reason == "attended" else watched
                decision = replace(decision, of_interest=self._of_interest(decision.reason, view, judged, shown))
                for one in shown:
                    one.looks, one.looked_s = one.looks + 1, time_s
                if decision.reason != "attended":
                    self._looked_at = view
                self._last_s = time_s
                seen = self._counted(view, decision)
                self._ledger.add(seen.columns, seen.rows)
            return decision

    def passes_slowly(self, view: GroundView, next_view: GroundView) -> bool:
        """Whether so little ground leaves the picture from one view to the next that looks at these two will do."""
        return _motion(next_view, view) <= _SLOW * step_between_looks(self._looks)

    def take_back(self, view: GroundView, decision: Decision) -> None:
        """Count a look as not made: its frame was wanted and never came, as where a video is damaged.

        Args:
            view: What the frame would have shown, as given to `decide`.
            decision: What `decide` answered.
        """
        if not decision.look:
            return
        with self._lock:
            seen = self._counted(view, decision)
            self._ledger.remove(seen.columns, seen.rows)
            self._clock.take_back(decision.reason)
            if self._looked_at is view:  # nothing is known to have been looked at: the next frame will do
                self._looked_at = None

    @property
    def next_time_s(self) -> float:
        """Frames before this time need not be asked about, nor decoded."""
        return self._clock.next_time_s

    def attend(self, key: Hashable, centre_m: tuple[float, float], radius_m: float, until_s: float) -> None:
        """Look more often while a candidate is in view, until it is settled or its time is over.

        Args:
            key: Its name; the same name again replaces place and time.
            centre_m: Where it is, in the frame of the views.
            radius_m: How uncertain its place is, or how large it is.
            until_s: When to give up, on the clock of `decide`.
        """
        with self._lock:
            around = np.asarray(centre_m, dtype=np.float64) + radius_m * _AROUND
            known = self._candidates.get(key)
            if known is None:
                self._candidates[key] = _Candidate(around_m=around, until_s=until_s, looked_s=self._last_s)
            else:
                known.around_m, known.until_s = around, until_s
            self._clock.hurry()

    def settle(self, key: Hashable) -> None:
        """Attend to a candidate no more: it is confirmed, or dropped."""
        with self._lock:
            self._candidates.pop(key, None)

    def looks_at(self, points_m: ArrayLike) -> NDArray[np.int64]:
        """How often the ground at points (n, 2), metres, was looked at so far; shape (n,)."""
        cells = np.floor(np.asarray(points_m, dtype=np.float64) / self._cell_m).astype(np.int64)
        with self._lock:
            return self._ledger.counts(cells[:, 0], cells[:, 1]).astype(np.int64)

    def stats(self) -> SamplingStats:
        """What was counted so far."""
        return self._clock.stats

    def _watched(self, time_s: float, view: GroundView) -> list[_Candidate]:
        """The candidates of which most is in view; those whose time is over are forgotten."""
        self._candidates = {key: one for key, one in self._candidates.items() if time_s <= one.until_s}
        return [
            one for one in self._candidates.values() if is_inside(view.unit_from_ground(one.around_m)).mean() >= _MOSTLY
        ]

    def _of_interest(
        self, reason: Reason, view: GroundView, judged: GroundView, attended: list[_Candidate]
    ) -> Grid | None:
        """Where a look is needed: at the ground that wants it, and at candidates; None for everywhere."""
        if reason == "attended":
            grid = nothing()
        elif reason == "ground":
            cells, due = self._sampled(view), self._due(judged)[0]
            thin = self._ledger.counts(cells.columns, cells.rows) < self._looks
            grid = grid_of(cells.unit_xy, thin=thin, due_xy=view.unit_from_ground(due.middles_m))
        else:
            return None
        for one in attended:
            mark(grid, view.unit_from_ground(one.around_m))
        return None if grid.mean() > _NEARLY_ALL else grid

    def _counted(self, view: GroundView, decision: Decision) -> _Cells:
        """The ground that a look counts for."""
        cells = self._countable(view, stride=1)
        return (
            cells if decision.of_interest is None else cells.where(is_of_interest(decision.of_interest, cells.unit_xy))
        )

    def _is_due(self, view: GroundView) -> bool:
        due, samples = self._due(view)
        return bool(len(due.columns) and len(due.columns) >= _DUE_SHARE * samples)

    def _due(self, view: GroundView) -> tuple[_Cells, int]:
        """Samples of ground that was seen too rarely for how far it is through the picture, and of how many."""
        cells = self._sampled(view)
        seen = self._ledger.counts(cells.columns, cells.rows)
        thin = seen < self._looks
        if self._looked_at is None or not thin.any():
            return cells.where(np.zeros(len(seen), np.bool_)), len(seen)
        rare = cells.where(thin)
        before = self._looked_at.unit_from_ground(rare.middles_m)
        return rare.where(is_due(rare.unit_xy, before, seen[thin], self._looks)), len(seen)

    def _is_thin(self, view: GroundView) -> bool:
        cells = self._sampled(view)
        if not len(cells.columns):
            return False
        return bool((self._ledger.counts(cells.columns, cells.rows) < self._looks).mean() >= _THIN_SHARE)

    def _sampled(self, view: GroundView) -> _Cells:
        """Every cell, or of many every second, third ... each way."""
        low, high = self._bounds(view)
        return self._countable(view, stride=max(1, math.isqrt(int((high - low).prod()) // _MOST_SAMPLES)))

    def _countable(self, view: GroundView, *, stride: int) -> _Cells:
        """Cells off the picture's edge that are shown finely enough."""
        low, high = self._bounds(view)
        if (high - low).prod() > _MOST_CELLS:
            low = high = np.zeros(2, np.int64)
        columns, rows = (
            grid.ravel() for grid in np.meshgrid(np.arange(low[0], high[0], stride), np.arange(low[1], high[1], stride))
        )
        middles = (np.column_stack([columns, rows]) + 0.5) * self._cell_m
        unit = view.unit_from_ground(middles)
        cells = _Cells(columns=columns, rows=rows, middles_m=middles, unit_xy=unit).where(is_inside(unit))
        if math.isinf(self._coarsest_m):
            return cells
        return cells.where(view.resolution_m(cells.unit_xy) <= self._coarsest_m)

    def _bounds(self, view: GroundView) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        cells = view.corners_m / self._cell_m
        return np.floor(cells.min(axis=0)).astype(np.int64), np.ceil(cells.max(axis=0)).astype(np.int64)


def _motion(now: GroundView, before: GroundView) -> float:
    """Mean way, as a share of the picture, that the ground in view came from one picture to the other."""
    came = before.unit_from_ground(now.ground_from_unit(_PROBES)) - _PROBES
    way = np.hypot(came[:, 0], came[:, 1])
    known = way[np.isfinite(way)]
    return float(known.mean()) if len(known) else math.inf
