"""Which of the approvals that hold to rely on: as few as cover the flight, and those that leave it the most time.

Every approval that a clearance names narrows it: the flight may begin no earlier than the latest of them, end no later
than the first, and be no higher than the lowest. Those that are not needed are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import shapely
from shapely.geometry.base import BaseGeometry

from flightplan.airspace.zones import Approval

# A centimetre: an approval drawn along a zone's border covers the zone, whatever rounding says.
_TOUCH_DEG = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Need:
    """A part of a flight that only approvals allow: its `ground`, and the approvals that are high enough for it."""

    ground: BaseGeometry
    approvals: tuple[Approval, ...]

    def is_covered(self, among: Sequence[Approval]) -> bool:
        """Whether these approvals together, as far as they are high enough, cover all of it."""
        grounds = [one.ground for one in self.approvals if one in among]
        if not grounds:
            return False
        allowed = shapely.buffer(shapely.union_all(grounds), _TOUCH_DEG)
        return bool(shapely.covers(allowed, self.ground))


def widest_cover(
    needs: Sequence[Need], *, opens_at: datetime | None = None, closes_at: datetime | None = None
) -> tuple[Approval, ...]:
    """The approvals to rely on, none of which could be left out: the longest time first, then the greatest height.

    Args:
        needs: Each is covered by all of its approvals together.
        opens_at: Before this time nothing may begin for other reasons (aware).
        closes_at: After it nothing may end.
    """
    approvals = list(dict.fromkeys(one for need in needs for one in need.approvals))
    if not approvals:
        return ()

    def is_enough(among: Sequence[Approval]) -> bool:
        return all(need.is_covered(among) for need in needs)

    def window(begins_at: datetime, ends_at: datetime) -> tuple[timedelta, timedelta]:
        opens, closes = max(begins_at, opens_at or begins_at), min(ends_at, closes_at or ends_at)
        return closes - opens, ends_at - begins_at

    begins = sorted({one.begins_at for one in approvals})
    ends = sorted({one.ends_at for one in approvals})
    best, widest = approvals, window(begins[-1], ends[0])
    latest = 0
    # The later all may begin, the later the first may end: both only ever move on.
    for begins_at in begins:
        while latest < len(ends):
            held = [one for one in approvals if one.begins_at <= begins_at and one.ends_at >= ends[latest]]
            if not is_enough(held):
                break
            if window(begins_at, ends[latest]) > widest:
                best, widest = held, window(begins_at, ends[latest])
            latest += 1
        latest = max(latest - 1, 0)
    chosen = list(best)
    for one in sorted(best, key=lambda one: (one.ceiling_m, one.ends_at - one.begins_at, one.id)):
        fewer = [other for other in chosen if other is not one]
        if is_enough(fewer):
            chosen = fewer
    return tuple(chosen)
