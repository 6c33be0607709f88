"""Why the simulated vehicle breaks off by itself, beside its fence: its battery."""

from __future__ import annotations

from collections.abc import Callable

from flightplan.vehicle.setup import VehicleSetup


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
