"""When a mission may take off, as far as the law of the air goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from flightplan.errors import NotCleared

OPEN_HEIGHT_M = 120.0
"""Above this true height all air is controlled."""

AIRSPACE, TERRAIN = "airspace", "terrain"
"""What a mission can be held against: zones and approvals, and an elevation model."""


@dataclass(frozen=True, kw_only=True)
class Clearance:
    """What a mission was found lawful with.

    Attributes:
        approvals: Numbers of the approvals that it needs.
        ceiling_agl_m: Greatest true height that they allow; 120 m without any.
        not_before: Earliest take-off (aware); None for any time.
        not_after: Latest take-off; None for any time.
        held_against: `AIRSPACE` where there were zones or approvals, `TERRAIN` where the ground was known; None where
            nobody wrote it down.
        owed: What it has still to be held against, for a part of it is new; nothing takes off before.
    """

    approvals: tuple[str, ...] = ()
    ceiling_agl_m: float = OPEN_HEIGHT_M
    not_before: datetime | None = None
    not_after: datetime | None = None
    held_against: tuple[str, ...] | None = None
    owed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for at in (self.not_before, self.not_after):
            if at is not None and at.utcoffset() is None:
                raise ValueError("a time of take-off must say its time zone")
        if self.not_before is not None and self.not_after is not None and self.not_after < self.not_before:
            raise ValueError("not_after must not lie before not_before")
        if not 0 < self.ceiling_agl_m < math.inf:
            raise ValueError("ceiling_agl_m must be finite and above 0")
        for one in (*(self.held_against or ()), *self.owed):
            if one not in (AIRSPACE, TERRAIN):
                raise ValueError(f"missions are held against airspace and terrain, not {one!r}")

    @property
    def is_open(self) -> bool:
        """Whether it allows any take-off at the height that needs no approval."""
        return replace(self, held_against=None) == Clearance()

    def reopened(self) -> Clearance:
        """That of a mission with a new way in it: all that it was held against is owed again."""
        return replace(self, owed=(AIRSPACE, TERRAIN) if self.held_against is None else self.held_against)

    def settled(self, *against: str) -> Clearance:
        """That of a mission that was held against these now, as a whole."""
        return replace(self, owed=tuple(one for one in self.owed if one not in against))

    def check(self, takes_off_at: datetime) -> None:
        """Refuse a take-off outside of its times.

        Raises:
            NotCleared: It is too early or too late, or a part of the mission was not looked at.
        """
        if self.owed:
            raise NotCleared(f"a part of it is new and was not held against the {' and the '.join(self.owed)} yet")
        if self.not_before is not None and takes_off_at < self.not_before:
            raise NotCleared(f"it may not take off before {self.not_before.isoformat(timespec='minutes')}")
        if self.not_after is not None and takes_off_at > self.not_after:
            raise NotCleared(f"it may not take off after {self.not_after.isoformat(timespec='minutes')}")

    def narrowed(self, other: Clearance) -> Clearance:
        """What both allow; `other` is that of the same mission, looked at as a whole.

        Raises:
            NotCleared: There is no time at which both do.
        """
        earliest = [at for at in (self.not_before, other.not_before) if at is not None]
        latest = [at for at in (self.not_after, other.not_after) if at is not None]
        not_before, not_after = max(earliest, default=None), min(latest, default=None)
        if not_before is not None and not_after is not None and not_after < not_before:
            raise NotCleared("its plan and the airspace as it is now allow no common time")
        return Clearance(
            approvals=tuple(sorted({*self.approvals, *other.approvals})),
            ceiling_agl_m=min(self.ceiling_agl_m, other.ceiling_agl_m),
            not_before=not_before,
            not_after=not_after,
            held_against=tuple(sorted({*(self.held_against or ()), *(other.held_against or ())})),
            owed=(*self.settled(*(other.held_against or ())).owed, *other.owed),
        )
