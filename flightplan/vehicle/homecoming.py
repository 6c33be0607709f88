"""How the simulated drone flies home and lands."""

from __future__ import annotations

import numpy as np

from flightplan.vehicle.body import Body, Leg, Point

RETURN_ALT_M = 15.0
_LEAST_ALT_M = 2.0
_CONE_SLOPE = 3.0
# An autopilot believes in the ground only after it has lain on it for a while.
_LANDED_AFTER_S = 1.0


class Homecoming:
    """The way back: up to a safe height, straight to the nearest landing place, and down.

    Attributes:
        alt_m: Height above home at which it flies back, where it is lower and not near already.
    """

    def __init__(self, body: Body) -> None:
        self.alt_m = RETURN_ALT_M
        self._body = body
        self._target: Point | None = None
        self._on_ground_s = 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets where it was going."""
        self._target = None
        self._arrived = self._climbed = False
        self._on_ground_s = 0.0

    def fly(self, places_en: list[Point], cruise_m_s: float, dt_s: float) -> bool:
        """Flies to the nearest of some places and lands; true when it lies there."""
        body = self._body
        if self._target is None:
            self._target = _nearest(places_en, body.place_en)
        if self._arrived:
            return self.land(dt_s)
        # Near home less is enough; otherwise it climbs first, for what stands on the way.
        cone_m = max(body.distance_to(self._target) * _CONE_SLOPE, _LEAST_ALT_M)
        height_m = max(body.alt_m, min(self.alt_m, cone_m))
        self._climbed = self._climbed or height_m <= body.alt_m
        if self._climbed:
            self._arrived = body.fly(Leg(end_en=self._target, end_alt_m=body.alt_m, cruise_m_s=cruise_m_s), dt_s)
        else:
            self._climbed = body.brake(dt_s) and body.climb(height_m, dt_s)
        return False

    def land(self, dt_s: float) -> bool:
        """Sinks straight down; true when it has lain on the ground for a while."""
        if not self._body.brake(dt_s):
            return False
        self._on_ground_s = self._on_ground_s + dt_s if self._body.climb(0.0, dt_s) else 0.0
        return self._on_ground_s >= _LANDED_AFTER_S


def _nearest(places_en: list[Point], here_en: Point) -> Point:
    distances = np.hypot(*(np.array(places_en) - np.array(here_en)).T)
    return places_en[int(distances.argmin())]
