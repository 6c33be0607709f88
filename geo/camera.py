"""Cameras: a pinhole with Brown distortion, a fisheye, and a table of common drone cameras.

Pixel axes: u to the right, v down, origin at the outer corner of the top left pixel, so that
the middle of a picture is `(width / 2, height / 2)`. Camera axes: x right, y down, z forward.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from geo.errors import UnknownCamera

LensModel = Literal["brown", "fisheye"]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera's inner geometry, for one picture size.

    Attributes:
        name: Key in the table, or what the file's metadata called it.
        size_wh_px: Width and height of the pictures that the other figures hold for.
        focal_xy_px: Focal length in pixels along u and v.
        principal_xy_px: Principal point (u, v) in pixels.
        distortion: In OpenCV's order. Brown: (k1, k2, p1, p2, k3), zeros mean an ideal pinhole. Fisheye:
            (k1, k2, k3, k4, 0), zeros mean equidistant.
        focal_sigma_ratio: One-sigma error of the focal length as a share of it.
        model: `brown`: a pinhole with Brown distortion. `fisheye`: the distance from the axis grows with the angle off
            it (Kannala and Brandt), as in OpenCV's module of that name.
    """

    name: str
    size_wh_px: tuple[int, int]
    focal_xy_px: tuple[float, float]
    principal_xy_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    focal_sigma_ratio: float = 0.005
    model: LensModel = "brown"

    def __post_init__(self) -> None:
        numbers = (*self.size_wh_px, *self.focal_xy_px, *self.principal_xy_px, *self.distortion)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"camera {self.name}: every figure must be finite")
        if min(self.size_wh_px) < 1 or min(self.focal_xy_px) <= 0:
            raise ValueError(f"camera {self.name}: size and focal length must be positive")
        if not (math.isfinite(self.focal_sigma_ratio) and self.focal_sigma_ratio >= 0):
            raise ValueError(f"camera {self.name}: the focal length's sigma must be finite and not negative")
        if self.model not in ("brown", "fisheye") or (self.model == "fisheye" and self.distortion[4]):
            raise ValueError(f"camera {self.name}: a lens is `brown`, or `fisheye` with four coefficients and a 0")

    @property
    def is_pinhole(self) -> bool:
        """Whether straight lines stay straight: no distortion at all."""
        return self.model == "brown" and not any(self.distortion)

    @classmethod
    def from_diagonal_fov(cls, *, name: str, size_wh_px: tuple[int, int], diagonal_fov_deg: float) -> Camera:
        """An ideal pinhole with that diagonal field of view, square pixels and a centred principal point."""
        if not 0 < diagonal_fov_deg < 180:
            raise ValueError(f"camera {name}: the diagonal field of view must lie between 0 and 180 degrees")
        width_px, height_px = size_wh_px
        focal_px = math.hypot(width_px, height_px) / 2 / math.tan(math.radians(diagonal_fov_deg) / 2)
        return cls(
            name=name,
            size_wh_px=size_wh_px,
            focal_xy_px=(focal_px, focal_px),
            principal_xy_px=(width_px / 2, height_px / 2),
        )

    def resized(self, size_wh_px: tuple[int, int]) -> Camera:
        """The same lens with pictures shrunk or enlarged to `size_wh_px` (width, height)."""
        if size_wh_px == self.size_wh_px:
            return self
        ratio_x = size_wh_px[0] / self.size_wh_px[0]
        ratio_y = size_wh_px[1] / self.size_wh_px[1]
        return replace(
            self,
            size_wh_px=size_wh_px,
            focal_xy_px=(self.focal_xy_px[0] * ratio_x, self.focal_xy_px[1] * ratio_y),
            principal_xy_px=(self.principal_xy_px[0] * ratio_x, self.principal_xy_px[1] * ratio_y),
        )

    def filming(self, size_wh_px: tuple[int, int]) -> Camera:
        """The same lens as it films pictures of `size_wh_px`: the sensor's full width or height, the rest cut off.

        Photos are 4:3 or 3:2 and films 16:9: drones cut off top and bottom, so both axes shrink alike. How much a
        drone cuts besides, to steady the picture, is not told: the focal length is `FILM_FOCAL_SIGMA_RATIO` unsure.
        """
        ratio = max(size_wh_px[0] / self.size_wh_px[0], size_wh_px[1] / self.size_wh_px[1])
        off_u, off_v = ((at - side / 2) * ratio for at, side in zip(self.principal_xy_px, self.size_wh_px, strict=True))
        return replace(
            self,
            size_wh_px=size_wh_px,
            focal_xy_px=(self.focal_xy_px[0] * ratio, self.focal_xy_px[1] * ratio),
            principal_xy_px=(size_wh_px[0] / 2 + off_u, size_wh_px[1] / 2 + off_v),
            focal_sigma_ratio=max(self.focal_sigma_ratio, FILM_FOCAL_SIGMA_RATIO),
        )

    def zoomed(self, ratio: float) -> Camera:
        """The same camera with its pictures enlarged digitally by `ratio`, 1 for not at all."""
        if ratio == 1.0:
            return self
        return replace(self, focal_xy_px=(self.focal_xy_px[0] * ratio, self.focal_xy_px[1] * ratio))

    def turned_half(self) -> Camera:
        """The camera of the same pictures stored turned by 180 degrees: (u, v) becomes (width - u, height - v)."""
        (width_px, height_px), (cu, cv) = self.size_wh_px, self.principal_xy_px
        k1, k2, p1, p2, k3 = self.distortion
        return replace(
            self,
            principal_xy_px=(width_px - cu, height_px - cv),
            distortion=self.distortion if self.model == "fisheye" else (k1, k2, -p1, -p2, k3),
        )

    def footprint_wh_m(self, height_m: float) -> tuple[float, float]:
        """Width and height in metres of the level ground seen straight down from `height_m`, distortion ignored."""
        return (
            height_m * self.size_wh_px[0] / self.focal_xy_px[0],
            height_m * self.size_wh_px[1] / self.focal_xy_px[1],
        )

    def ground_resolution_m(self, height_m: float) -> float:
        """Metres of level ground per pixel, straight down from `height_m`; the coarser of the two axes."""
        return height_m / min(self.focal_xy_px)


# A camera's key, its full picture size, and how wide it sees, from the makers' public specification sheets: either the
# diagonal field of view in degrees, or the focal length in pixels of the full picture where that is published or
# follows from focal length and pixel pitch. A file's own calibration always goes before this table.
_TABLE: tuple[tuple[str, tuple[int, int], float | None, float | None], ...] = (
    ("generic-84dfov", (4000, 3000), 84.0, None),
    ("dji-m3e", (5280, 3956), None, 3725.0),
    ("dji-m3t-wide", (4000, 3000), 84.0, None),
    ("dji-m30-wide", (4000, 3000), 84.0, None),
    ("dji-m30t-wide", (4000, 3000), 84.0, None),
    ("dji-m3d", (5280, 3956), 84.0, None),
    ("dji-p4", (4000, 3000), None, 2310.0),
    ("dji-p4p", (5472, 3648), None, 3666.7),
    ("dji-p4rtk", (5472, 3648), None, 3666.7),
    ("dji-p1-35mm", (8192, 5460), 63.5, None),
    ("dji-x5s-15mm", (5280, 3956), None, 4578.0),
    ("dji-mavic-pro", (4000, 3000), None, 3027.0),
    ("dji-mavic2pro", (5472, 3648), None, 4253.0),
    ("dji-mavic3", (5280, 3956), None, 3725.0),
    ("dji-air2", (4000, 3000), 84.0, None),
    ("dji-air2s", (5472, 3648), 88.0, None),
    ("dji-mini", (4000, 3000), 83.0, None),
    ("dji-mini3pro", (4032, 3024), 82.1, None),
    ("dji-mini4pro", (4032, 3024), 82.1, None),
    ("dji-mini3", (4000, 3000), 82.1, None),
    ("dji-mavic-air", (4056, 3040), 85.0, None),
    ("dji-air3-wide", (8064, 6048), 82.0, None),
    ("dji-x4s", (5472, 3648), None, 3666.7),
    ("dji-m4e-wide", (5280, 3956), 84.0, None),
    ("dji-m4t-wide", (8064, 6048), 82.0, None),
    ("dji-fc300s", (4000, 3000), None, 2286.0),
)

# What EXIF calls a camera (`Model`, lower case), and its key above. Payloads with several lenses stand here under the
# wide one: `geo.telemetry.lens` checks the EXIF's 35 mm equivalent before it believes this.
CAMERA_BY_MODEL: Mapping[str, str] = MappingProxyType(
    {
        "fc300s": "dji-fc300s",
        "fc300x": "dji-fc300s",
        "fc300c": "dji-fc300s",
        "fc350": "dji-p4",
        "fc330": "dji-p4",
        "fc220": "dji-mavic-pro",
        "fc6310": "dji-p4p",
        "fc6310s": "dji-p4p",
        "fc6310r": "dji-p4rtk",
        "fc6520": "dji-x5s-15mm",
        "l1d-20c": "dji-mavic2pro",
        "l2d-20c": "dji-mavic3",
        "fc3170": "dji-air2",
        "fc3411": "dji-air2s",
        "fc7203": "dji-mini",
        "fc7303": "dji-mini",
        "fc3582": "dji-mini3pro",
        "fc8482": "dji-mini4pro",
        "fc3682": "dji-mini3",
        "fc2103": "dji-mavic-air",
        "fc8282": "dji-air3-wide",
        "fc6510": "dji-x4s",
        "m4e": "dji-m4e-wide",
        "m4t": "dji-m4t-wide",
        "m3e": "dji-m3e",
        "m3t": "dji-m3t-wide",
        "m3d": "dji-m3d",
        "m30": "dji-m30-wide",
        "m30t": "dji-m30t-wide",
        "zenmusep1": "dji-p1-35mm",
    }
)


def _table_camera(name: str, size_wh_px: tuple[int, int], fov_deg: float | None, focal_px: float | None) -> Camera:
    if fov_deg is not None:
        camera = Camera.from_diagonal_fov(name=name, size_wh_px=size_wh_px, diagonal_fov_deg=fov_deg)
        return replace(camera, focal_sigma_ratio=TABLE_FOCAL_SIGMA_RATIO)
    assert focal_px is not None, f"table row {name} says neither a field of view nor a focal length"
    return Camera(
        name=name,
        size_wh_px=size_wh_px,
        focal_xy_px=(focal_px, focal_px),
        principal_xy_px=(size_wh_px[0] / 2, size_wh_px[1] / 2),
        focal_sigma_ratio=TABLE_FOCAL_SIGMA_RATIO,
    )


# Copies of one model differ by about this much from their data sheet.
TABLE_FOCAL_SIGMA_RATIO = 0.01
# And when they film, some cut a little more off to steady the picture.
FILM_FOCAL_SIGMA_RATIO = 0.02

CAMERAS: Mapping[str, Camera] = MappingProxyType({row[0]: _table_camera(*row) for row in _TABLE})


def camera_by_name(name: str) -> Camera:
    """The camera of that name.

    Raises:
        UnknownCamera: The table has no such name; the error lists the names it has.
    """
    try:
        return CAMERAS[name]
    except KeyError:
        raise UnknownCamera(name=name, known=tuple(CAMERAS)) from None
