"""Why the simulated vehicle breaks off by itself: its battery, its fence, or a ground station that fell silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import shapely

from flightplan.mission.fence import Fence
from flightplan.projection import LocalFrame
from flightplan.vehicle.setup import VehicleSetup


@dataclass
class FenceGuard:
    """The fence on board.

    Attributes:
        enabled: Whether leaving it breaks the flight off.
        breached: Whether the vehicle is beyond it now.
        breaches: How often it went beyond since it was switched on.
        breached_at_s: When it did so last, seconds since switched on.
    """

    enabled: bool = False
    breached: bool = False
    breaches: int = 0
    breached_at_s: float = 0.0
    _allowed: shapely.Geometry | None = field(default=None, repr=False)
    _forbidden: shapely.Geometry | None = field(default=None, repr=False)

    def load(self, fence: Fence | None, frame: LocalFrame) -> None:
        """Takes a fence, or none."""
        self.breached = False
        self._allowed = self._forbidden = None
        if fence is None:
            return
        allowed, forbidden = fence.allowed(), fence.forbidden()
        self._allowed = None if allowed is None else shapely.transform(allowed, frame.en_from_lonlat)
        self._forbidden = shapely.transform(forbidden, frame.en_from_lonlat)
        for geometry in (self._allowed, self._forbidden):
            if geometry is not None:
                shapely.prepare(geometry)

    def is_beyond(self, place_en: tuple[float, float]) -> bool:
        """Whether a place, metres east and north of home, is outside."""
        outside = self._allowed is not None and not shapely.intersects_xy(self._allowed, *place_en)
        return bool(outside or (self._forbidden is not None and shapely.contains_xy(self._forbidden, *place_en)))

    def crosses_now(self, place_en: tuple[float, float], now_s: float) -> bool:
        """Notes where the vehicle is; true at the moment when it goes beyond."""
        was, self.breached = self.breached, self.enabled and self.is_beyond(place_en)
        if self.breached and not was:
            self.breaches += 1
            self.breached_at_s = now_s
            return True
        return False


class BatteryGuard:
    """Tells each stage of an emptying battery once a flight."""

    def __init__(self, setup: VehicleSetup) -> None:
        self._setup = setup
        self._told = 0

    def reset(self) -> None:
        """A fresh battery."""
        self._told = 0

    def check(self, share: float, on_low: Callable[[], None], on_empty: Callable[[], None]) -> None:
        """Calls what is due."""
        if share <= self._setup.empty_battery and self._told < 2:
            self._told = 2
            on_empty()
        elif share <= self._setup.low_battery and self._told < 1:
            self._told = 1
            on_low()
