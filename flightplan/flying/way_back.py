"""The way back to where a flight was broken off: who waits for it, and whether it comes to an end."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flightplan.flying.flight_log import BreakPoint
from flightplan.link.modes import Mode

# Braking, turning round and beginning to climb bring nothing nearer, but not for so long.
_PATIENCE = timedelta(seconds=20)
_NEARER_M = 0.5


@dataclass
class WayBack:
    """A vehicle on its way to where it shall take up its mission again.

    Attributes:
        point: That place.
        mode: The mode in which it flies there.
        done: Who ordered it waits for this.
    """

    point: BreakPoint
    mode: Mode
    done: Future[None]
    _nearest_m: float = field(default=float("inf"), init=False)
    _since: datetime | None = field(default=None, init=False)

    def stalls(self, away_m: float, at: datetime) -> bool:
        """Whether it has not come nearer for long: others stopped it, or sent it elsewhere, without a change of mode.

        Args:
            away_m: How far it still has to go.
            at: By the vehicle's clock (aware UTC).
        """
        if self._since is None or away_m < self._nearest_m - _NEARER_M:
            self._nearest_m, self._since = away_m, at
        return at - self._since > _PATIENCE
