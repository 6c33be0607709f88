"""The piece of a flat plane that one picture shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.errors import InvalidValueError

Floats = NDArray[np.float64]
_UNIT_CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundView:
    """The ground that a picture shows, taken as flat.

    Attributes:
        corners_m: Shape (4, 2), float64: where the picture's top left, top right, bottom right and bottom left corners
            lie, in metres of any flat frame that all views share. Of a picture that shows the horizon, give the
            corners of the part that shows the ground.
        ground_resolution_m: Metres of ground per pixel at the middle of these corners.

    Raises:
        InvalidValueError: If the corners are no convex quadrilateral, or a value is not finite and positive.
    """

    corners_m: Floats
    ground_resolution_m: float

    def __post_init__(self) -> None:
        corners = np.array(self.corners_m, dtype=np.float64)
        if corners.shape != (4, 2) or not np.isfinite(corners).all():
            raise InvalidValueError(f"a view needs 4 finite corners (4, 2), not shape {corners.shape}")
        side = np.roll(corners, -1, axis=0) - corners
        turn = side[:, 0] * np.roll(side[:, 1], -1) - side[:, 1] * np.roll(side[:, 0], -1)
        if not ((turn > 0).all() or (turn < 0).all()):
            raise InvalidValueError(
                "the corners of a view must go around a convex quadrilateral, in the picture's order"
            )
        if not (math.isfinite(self.ground_resolution_m) and self.ground_resolution_m > 0):
            raise InvalidValueError(f"ground_resolution_m must be positive, not {self.ground_resolution_m}")
        corners.setflags(write=False)
        object.__setattr__(self, "corners_m", corners)

    @cached_property
    def _middle_m(self) -> Floats:
        return np.asarray(self.corners_m.mean(axis=0))

    @cached_property
    def _unit_from_ground(self) -> Floats:
        return homography(self.corners_m - self._middle_m, _UNIT_CORNERS)

    @cached_property
    def _ground_from_unit(self) -> Floats:
        return homography(_UNIT_CORNERS, self.corners_m - self._middle_m)

    @property
    def finest_resolution_m(self) -> float:
        """Metres of ground per pixel where the picture shows it most finely: at the corner nearest to the camera."""
        return float(self.resolution_m(_UNIT_CORNERS).min())

    def unit_from_ground(self, points_m: ArrayLike) -> Floats:
        """Where points (n, 2) appear: (0, 0) is the picture's top left corner, (1, 1) its bottom right one.

        Returns:
            Shape (n, 2); NaN for points beyond the horizon.
        """
        return transformed(self._unit_from_ground, np.asarray(points_m, dtype=np.float64) - self._middle_m)

    def ground_from_unit(self, points: ArrayLike) -> Floats:
        """The ground (n, 2), in metres, at places (n, 2) of the picture given as in `unit_from_ground`."""
        return transformed(self._ground_from_unit, np.asarray(points, dtype=np.float64)) + self._middle_m

    def resolution_m(self, points: ArrayLike) -> Floats:
        """Metres of ground per pixel, shape (n,), at places (n, 2) of the picture; mean of the two directions."""
        matrix = self._ground_from_unit
        # The area that a homography makes of a small square falls with the third power of its denominator.
        denominator = np.asarray(points, dtype=np.float64) @ matrix[2, :2] + matrix[2, 2]
        middle = matrix[2, 0] / 2 + matrix[2, 1] / 2 + matrix[2, 2]
        return np.asarray(self.ground_resolution_m * np.abs(middle / denominator) ** 1.5)


def homography(source: Floats, target: Floats) -> Floats:
    """The matrix (3, 3) that takes four points (4, 2) to four others, in full precision."""
    (x, y), (u, v) = source.T, target.T
    one, zero = np.ones(4), np.zeros(4)
    rows = np.concatenate(
        [
            np.column_stack([x, y, one, zero, zero, zero, -u * x, -u * y]),
            np.column_stack([zero, zero, zero, x, y, one, -v * x, -v * y]),
        ]
    )
    return np.append(np.linalg.solve(rows, np.concatenate([u, v])), 1.0).reshape(3, 3)


def transformed(matrix: Floats, points: Floats) -> Floats:
    """Points (n, 2) through a homography that was made with a positive third coordinate; NaN where it is not."""
    third = points @ matrix[2, :2] + matrix[2, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = (points @ matrix[:2, :2].T + matrix[:2, 2]) / third[:, None]
    moved[third <= 0] = np.nan
    return np.asarray(moved)
