"""How many messages a minute a receiver is sent: what its platform takes, and what the city wants, which red passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch_api.deliveries.channels import ROBOTS, ReceiverKind

WINDOW = timedelta(minutes=1)
PLATFORM_PER_MINUTE = 20
_KEPT_FOR_RED = 5


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What a receiver may still be sent.

    Attributes:
        ordinary: So many messages that are not red; None: no end.
        red: So many that are.
    """

    ordinary: int | None
    red: int | None


def quota_left(kind: str, per_minute: int | None, recent: Sequence[float], at: datetime) -> Quota:
    """What is left of a receiver's quota.

    A robot that is told too much is blocked by its platform, which would hold back red as well: so a quarter of what
    the platform takes is kept for red, and only the city's own quota is passed by it.

    Args:
        kind: The receiver's kind.
        per_minute: The city's own quota for it; None: none.
        recent: When it was sent something lately, in seconds since 1970.
        at: Now.
    """
    used = len(still_recent(recent, at))
    robot = ReceiverKind(kind) in ROBOTS
    limits = [limit for limit in (per_minute, PLATFORM_PER_MINUTE - _KEPT_FOR_RED if robot else None) if limit]
    return Quota(
        ordinary=max(0, min(limits) - used) if limits else None,
        red=max(0, PLATFORM_PER_MINUTE - used) if robot else None,
    )


def still_recent(recent: Sequence[float], at: datetime) -> list[float]:
    """What of `recent` still counts; a clock that was set back does not count for ever."""
    now, first = at.timestamp(), (at - WINDOW).timestamp()
    return [then for then in recent if first < then <= now]
