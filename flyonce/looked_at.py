"""The ground that a look at a part of a picture looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from geo.camera import Camera
from geo.errors import NothingSeen
from geo.footprint import ground_of_ring
from geo.ground import Ground
from geo.pose import Pose

Floats = NDArray[np.float64]

# Each side of a part is followed at this many places: straight in a picture is not straight on uneven ground.
_PER_SIDE = 4


def parts_on_ground(
    of_interest: NDArray[np.bool_], size_wh_px: tuple[int, int], pose: Pose, camera: Camera, ground: Ground
) -> list[Floats]:
    """Where the parts of interest of a picture lie.

    Args:
        of_interest: A grid over the picture, shape (rows, columns).
        size_wh_px: Size of the picture.
        pose: Where the camera was and how it looked.
        camera: The lens, for pictures of this size.
        ground: What lies below.

    Returns:
        Polygons (m, 2), lon before lat, degrees, not closed; those that lie nowhere are left out.

    Raises:
        HeightUnknown: Pose and ground have no common height datum.
    """
    parts = []
    for ring in _rings(of_interest, size_wh_px):
        try:
            parts.append(ground_of_ring(ring, pose, camera, ground))
        except NothingSeen:
            continue
    return parts


def _rings(of_interest: NDArray[np.bool_], size_wh_px: tuple[int, int]) -> Iterator[Floats]:
    """Each row's stretches of cells of interest as a ring of pixels."""
    rows, columns = of_interest.shape
    width, height = size_wh_px[0] / columns, size_wh_px[1] / rows
    for row in range(rows):
        changes = np.diff(np.concatenate(([False], of_interest[row], [False])).astype(np.int8))
        for first, last in zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True):
            corners = np.array([(first, row), (last, row), (last, row + 1), (first, row + 1)]) * (width, height)
            share = np.arange(_PER_SIDE)[:, None] / _PER_SIDE
            sides = zip(corners, np.roll(corners, -1, axis=0), strict=True)
            yield np.concatenate([here + share * (there - here) for here, there in sides])
