"""Where a tracked box is expected: a Kalman filter of its centre, carried along with the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]

# One sigma, as shares of the box's side: how exactly a detector sets a box, uncut and cut off by the picture's edge.
_SET, _SET_CUT = 0.1, 0.5
_SIZE_GAIN = 0.4


@dataclass(frozen=True, kw_only=True)
class MovingBox:
    """A box in the pixels of the present frame.

    Attributes:
        centre_xy_px: Its expected centre.
        velocity_xy_px_s: How fast it moves over the ground, in pixels of the present frame.
        size_wh_px: Its size.
        covariance: Of place and velocity along either axis: (place², place·velocity, velocity²), pixels and seconds.
    """

    centre_xy_px: tuple[float, float]
    velocity_xy_px_s: tuple[float, float]
    size_wh_px: tuple[float, float]
    covariance: tuple[float, float, float]

    @classmethod
    def begun(cls, box: Box, speed_sides_s: float) -> MovingBox:
        """A box seen for the first time, whose thing moves by up to about `speed_sides_s` of its side per second."""
        centre, size = _centre_size(box)
        side = math.sqrt(size[0] * size[1])
        return cls(
            centre_xy_px=centre,
            velocity_xy_px_s=(0.0, 0.0),
            size_wh_px=size,
            covariance=((_SET * side) ** 2 + 1.0, 0.0, (speed_sides_s * side) ** 2),
        )

    @property
    def side_px(self) -> float:
        """Side of a square of the same area."""
        return math.sqrt(self.size_wh_px[0] * self.size_wh_px[1])

    @property
    def sigma_px(self) -> float:
        """How uncertain its place is along either axis."""
        return math.sqrt(self.covariance[0])

    @property
    def box_xyxy_px(self) -> Box:
        """Left, top, right, bottom."""
        (x, y), (w, h) = self.centre_xy_px, self.size_wh_px
        return (x - w / 2, y - h / 2, x + w / 2, y + h / 2)

    def carried(self, now_from_before: Floats, sigma_px: float) -> MovingBox | None:
        """The same box after the camera moved, in the pixels of the later frame; None if it is behind the camera."""
        (x, y), (vx, vy) = self.centre_xy_px, self.velocity_xy_px_s
        u, v, w = (float(value) for value in now_from_before @ (x, y, 1.0))
        if w <= 0:
            return None
        place = (u / w, v / w)
        turn = (now_from_before[:2, :2] - np.outer(place, now_from_before[2, :2])) / w
        scale = math.sqrt(abs(float(turn[0, 0] * turn[1, 1] - turn[0, 1] * turn[1, 0])))
        pp, pv, vv = (value * scale * scale for value in self.covariance)
        return MovingBox(
            centre_xy_px=place,
            velocity_xy_px_s=(float(turn[0] @ (vx, vy)), float(turn[1] @ (vx, vy))),
            size_wh_px=(self.size_wh_px[0] * scale, self.size_wh_px[1] * scale),
            covariance=(pp + sigma_px * sigma_px, pv, vv),
        )

    def after(self, seconds: float, speed_sides_s: float) -> MovingBox:
        """The box some time later; its thing may have sped up or slowed down by then."""
        (x, y), (vx, vy) = self.centre_xy_px, self.velocity_xy_px_s
        pp, pv, vv = self.covariance
        noise = (0.5 * speed_sides_s * self.side_px) ** 2 * seconds
        return replace(
            self,
            centre_xy_px=(x + vx * seconds, y + vy * seconds),
            covariance=(
                pp + 2 * seconds * pv + seconds**2 * vv + noise * seconds**2 / 3,
                pv + seconds * vv + noise * seconds / 2,
                vv + noise,
            ),
        )

    def corrected(self, box: Box, *, cut: bool) -> MovingBox:
        """The box after it was seen again; `cut` says that the picture's edge cuts it off, so its centre tells less."""
        centre, size = _centre_size(box)
        side = math.sqrt(size[0] * size[1])
        pp, pv, vv = self.covariance
        total = pp + ((_SET_CUT if cut else _SET) * side) ** 2 + 1.0
        place_gain, velocity_gain = pp / total, pv / total
        off = (centre[0] - self.centre_xy_px[0], centre[1] - self.centre_xy_px[1])
        size_gain = 0.0 if cut else _SIZE_GAIN
        return MovingBox(
            centre_xy_px=tuple(at + place_gain * d for at, d in zip(self.centre_xy_px, off, strict=True)),  # type: ignore[arg-type]
            velocity_xy_px_s=tuple(v + velocity_gain * d for v, d in zip(self.velocity_xy_px_s, off, strict=True)),  # type: ignore[arg-type]
            size_wh_px=(
                max(self.size_wh_px[0] + size_gain * (size[0] - self.size_wh_px[0]), size[0] if cut else 0.0),
                max(self.size_wh_px[1] + size_gain * (size[1] - self.size_wh_px[1]), size[1] if cut else 0.0),
            ),
            covariance=((1 - place_gain) * pp, (1 - place_gain) * pv, vv - velocity_gain * pv),
        )


def _centre_size(box: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    left, top, right, bottom = box
    return ((left + right) / 2, (top + bottom) / 2), (max(right - left, 1.0), max(bottom - top, 1.0))
