"""The EXIF Orientation tag: pixels of the stored raster, and of the picture as a viewer shows it.

The drone's camera model holds for the raster as it is stored in the file. Who decodes with rotation (as viewers and
`vision` do) brings pixels back with `stored_from_upright` before locating them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def upright_size(size_wh_px: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height as shown, of a raster stored with `size_wh_px`."""
    return (size_wh_px[1], size_wh_px[0]) if _checked(orientation) >= 5 else size_wh_px


def stored_from_upright(uv_px: npt.ArrayLike, orientation: int, stored_size_wh_px: tuple[int, int]) -> Floats:
    """Pixels (n, 2) of the stored raster for pixels (n, 2) of the picture as shown."""
    u, v = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2).T
    width, height = stored_size_wh_px
    by_orientation = {
        1: (u, v),
        2: (width - u, v),
        3: (width - u, height - v),
        4: (u, height - v),
        5: (v, u),
        6: (v, height - u),
        7: (width - v, height - u),
        8: (width - v, u),
    }
    return np.column_stack(by_orientation[_checked(orientation)])


def upright_from_stored(uv_px: npt.ArrayLike, orientation: int, stored_size_wh_px: tuple[int, int]) -> Floats:
    """Pixels (n, 2) of the picture as shown for pixels (n, 2) of the stored raster."""
    u, v = np.asarray(uv_px, dtype=np.float64).reshape(-1, 2).T
    width, height = stored_size_wh_px
    by_orientation = {
        1: (u, v),
        2: (width - u, v),
        3: (width - u, height - v),
        4: (u, height - v),
        5: (v, u),
        6: (height - v, u),
        7: (height - v, width - u),
        8: (v, width - u),
    }
    return np.column_stack(by_orientation[_checked(orientation)])


def _checked(orientation: int) -> int:
    if orientation not in range(1, 9):
        raise ValueError(f"EXIF Orientation must be 1 to 8, not {orientation}")
    return orientation
