"""Ways round obstacles between very many places at once: those that `Router` would find, by tables over the corners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flightplan.coverage.routing import Router

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
LegsS = Callable[[Floats], Floats]
# Shorter by less than this is no other way.
_SAME_M = 1e-9
_LINES_AT_ONCE = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Detours:
    """The shortest ways between the corners (k) of obstacles.

    Attributes:
        router: The obstacles.
        legs_s: Seconds (…) along straight legs (…, 2), metres east and north.
        corners_en: (k, 2) metres.
        length_m: (k, k) infinite where there is no way.
        seconds: (k, k) along those shortest ways.
    """

    router: Router
    legs_s: LegsS
    corners_en: Floats
    length_m: Floats
    seconds: Floats

    @classmethod
    def of(cls, router: Router, legs_s: LegsS) -> Detours:
        """All of a router's."""
        corners = np.array(router.corners, dtype=float).reshape(-1, 2)
        length_m = _straight_m(router, corners, corners)
        np.fill_diagonal(length_m, 0.0)
        seconds = np.where(length_m > 0, legs_s(_gone(corners, corners)), 0.0)
        # Over one corner more each time (Floyd and Warshall).
        for over in range(len(corners)):
            through = length_m[:, over, None] + length_m[None, over, :]
            shorter = through < length_m - _SAME_M
            length_m = np.where(shorter, through, length_m)
            seconds = np.where(shorter, seconds[:, over, None] + seconds[None, over, :], seconds)
        return cls(router=router, legs_s=legs_s, corners_en=corners, length_m=length_m, seconds=seconds)

    def between(self, leaves_en: Floats, enters_en: Floats, pairs: tuple[Ints, ...]) -> Floats:
        """Seconds (p,) from places (n, 2) to places (m, 2) that do not see one another; infinite without a way.

        Args:
            leaves_en: Where ways begin.
            enters_en: Where they end.
            pairs: Which with which, indices (p,) of both.
        """
        found = np.full(len(pairs[0]), np.inf)
        if not len(self.corners_en):
            return found
        first_m = _straight_m(self.router, leaves_en, self.corners_en)
        last_m = _straight_m(self.router, enters_en, self.corners_en)
        first_s = np.where(np.isfinite(first_m), self.legs_s(_gone(leaves_en, self.corners_en)), np.inf)
        last_s = np.where(np.isfinite(last_m), self.legs_s(_gone(self.corners_en, enters_en)).T, np.inf)
        for leave in np.unique(pairs[0]).tolist():
            mine = np.flatnonzero(pairs[0] == leave)
            through = first_m[leave][:, None] + self.length_m
            begin = through.argmin(axis=0)
            corner = np.arange(len(begin))
            to_m = through[begin, corner]
            to_s = first_s[leave][begin] + self.seconds[begin, corner]
            whole_m = to_m[None, :] + last_m[pairs[1][mine]]
            end = whole_m.argmin(axis=1)
            row = np.arange(len(mine))
            seconds = to_s[end] + last_s[pairs[1][mine], end]
            found[mine] = np.where(np.isfinite(whole_m[row, end]), seconds, np.inf)
        return found


def blocked_between(router: Router, starts_en: Floats, ends_en: Floats) -> NDArray[np.bool_]:
    """(n, m) whether an obstacle lies between places (n, 2) and places (m, 2)."""
    blocked = np.zeros((len(starts_en), len(ends_en)), dtype=np.bool_)
    rows = max(_LINES_AT_ONCE // max(len(ends_en), 1), 1)
    for first in range(0, len(starts_en), rows):
        part = blocked[first : first + rows]
        one, other = np.divmod(np.arange(part.size), part.shape[1])
        part.ravel()[router.blocked_legs(starts_en[first + one], ends_en[other])] = True
    return blocked


def _straight_m(router: Router, starts_en: Floats, ends_en: Floats) -> Floats:
    """(n, m) metres from places (n, 2) to places (m, 2), infinite where an obstacle lies between."""
    gone = _gone(starts_en, ends_en)
    lengths_m = np.hypot(gone[..., 0], gone[..., 1])
    return np.where(blocked_between(router, starts_en, ends_en), np.inf, lengths_m)


def _gone(starts_en: Floats, ends_en: Floats) -> Floats:
    """(n, m, 2) from each place (n, 2) to each other (m, 2)."""
    return ends_en[None, :, :] - starts_en[:, None, :]
