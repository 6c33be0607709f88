"""Whether a flight shows the ground finely enough for the models: if not, finding nothing means nothing."""

from __future__ import annotations

from flyonce.ground_views import GroundViews
from flyonce.looks import Shot
from geo.ground import Ground


class Sharpness:
    """Compares each picture with what the models need, and the whole flight with it."""

    def __init__(self, ground: Ground, coarsest_m: float | None) -> None:
        """Begin with no picture; `coarsest_m` is metres of ground per pixel, None where nobody knows what is needed."""
        self._views = GroundViews(ground)
        self._coarsest_m = coarsest_m
        self._finest_m: float | None = None

    def is_too_coarse(self, shot: Shot) -> bool:
        """Whether even the finest ground in a picture is too coarse; False where that cannot be known."""
        if self._coarsest_m is None or shot.pose is None or shot.camera is None:
            return False
        view = self._views.of(shot.pose, shot.camera)
        if view is None:
            return False
        finest_m = view.finest_resolution_m
        self._finest_m = finest_m if self._finest_m is None else min(finest_m, self._finest_m)
        return finest_m > self._coarsest_m

    def told(self) -> dict[str, float] | None:
        """`finest_m` and `coarsest_m` where all pictures so far were too coarse; None where one was not."""
        if self._coarsest_m is None or self._finest_m is None or self._finest_m <= self._coarsest_m:
            return None
        return {"finest_m": round(self._finest_m, 4), "coarsest_m": round(self._coarsest_m, 4)}
