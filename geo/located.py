"""What locating a picture's pixels gives: places with their errors, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.position import Fix

Floats = npt.NDArray[np.float64]

REASONS = ("", "bearing_unknown", "outside_picture", "above_horizon", "bearing_only", "no_ground_known", "lens_unknown")
BEARING_UNKNOWN, OUTSIDE_PICTURE, ABOVE_HORIZON, BEARING_ONLY, NO_GROUND_KNOWN, LENS_UNKNOWN = range(1, 7)


@dataclass(frozen=True, kw_only=True, eq=False)
class Located:
    """Places of pixels, as aligned columns; a sequence of `Fix | None` as well.

    Attributes:
        uv_px: (n, 2) the pixels asked for.
        lonlat_deg: (n, 2) lon, lat; NaN where there is no answer.
        alt_m: (n,) the ground's altitude there, in the ground's datum.
        covariance_m2: (n, 2, 2) east and north, m².
        common_m2: (n, 2, 2) its part that the whole flight shares.
        reason: (n,) index into `REASONS`; 0 where there is an answer.
        height_source: How the camera's height came about.
        yaw_source: Where the heading came from.
        pose_flags: Flags that hold for every point.
    """

    uv_px: Floats
    lonlat_deg: Floats
    alt_m: Floats
    covariance_m2: Floats
    common_m2: Floats
    reason: npt.NDArray[np.int8]
    height_source: str
    yaw_source: str
    pose_flags: tuple[str, ...]

    def __len__(self) -> int:
        """How many pixels were asked for."""
        return len(self.uv_px)

    def __getitem__(self, index: int) -> Fix | None:
        """The fix of one pixel, None where there is no answer (`flags_of` says why)."""
        if self.reason[index]:
            return None
        (ee, en), (_, nn) = self.covariance_m2[index].tolist()
        (cee, cen), (_, cnn) = self.common_m2[index].tolist()
        return Fix(
            lon=float(self.lonlat_deg[index, 0]),
            lat=float(self.lonlat_deg[index, 1]),
            alt_m=float(self.alt_m[index]),
            covariance_m2=((ee, en), (en, nn)),
            common_m2=((cee, cen), (cen, cnn)),
            height_source=self.height_source,
            yaw_source=self.yaw_source,
            flags=self.pose_flags,
        )

    def __iter__(self) -> Iterator[Fix | None]:
        """Each pixel's fix, or None."""
        return (self[index] for index in range(len(self)))

    def flags_of(self, index: int) -> tuple[str, ...]:
        """All flags of one pixel: why it has no answer, then those of the pose."""
        reason = REASONS[self.reason[index]]
        return (reason, *self.pose_flags) if reason else self.pose_flags


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundPolygon:
    """A picture's polygon on the ground.

    Attributes:
        lonlat_deg: (m, 2) corners, not closed.
        area_m2: Its area.
        area_sigma_m2: One-sigma error of the area, from height, focal length, angles and where the outline was drawn.
        flags: As of a `Fix`.
    """

    lonlat_deg: Floats
    area_m2: float
    area_sigma_m2: float
    flags: tuple[str, ...]


def nothing_located(uv_px: Floats) -> Located:
    """The answer for pixels (n, 2) of a picture of which nobody knows where it looks."""
    n = len(uv_px)
    return Located(
        uv_px=uv_px,
        lonlat_deg=np.full((n, 2), np.nan),
        alt_m=np.full(n, np.nan),
        covariance_m2=np.full((n, 2, 2), np.nan),
        common_m2=np.full((n, 2, 2), np.nan),
        reason=np.full(n, BEARING_UNKNOWN, dtype=np.int8),
        height_source="none",
        yaw_source="none",
        pose_flags=(),
    )
