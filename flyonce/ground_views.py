"""The ground that a picture shows, in metres of one flat frame, as the sampler wants it: `vision` knows no earth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geo.camera import Camera
from geo.errors import HeightUnknown
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.lens import normalised_from_pixels
from geo.locate import MIN_DEPRESSION_DEG
from geo.pose import Pose, enu_from_camera
from vision.errors import InvalidValueError
from vision.sampling import GroundView

Floats = NDArray[np.float64]

# How finely the picture's height is searched for where the ground begins below the horizon.
_ROWS = 33
# A strip of ground lower than this share of the picture is no view.
_LEAST_SHARE = 0.15


class GroundViews:
    """Views of one flight, all in the flat frame of its first pose. Ground is taken as level within one picture."""

    def __init__(self, ground: Ground) -> None:
        """Begin without a frame; `ground` says how high the camera is above it."""
        self._ground = ground
        self._frame: LocalFrame | None = None

    def of(self, pose: Pose, camera: Camera) -> GroundView | None:
        """What a picture shows of the ground; None where that is not known, or too little."""
        if not pose.has_bearing:
            return None
        if self._frame is None:
            self._frame = LocalFrame(lon=pose.lon, lat=pose.lat)
        here = self._frame.en_from_lonlat([(pose.lon, pose.lat)])
        height_m = self._height_m(here, pose)
        corners = None if height_m is None else _corners_m(pose, camera, height_m)
        if height_m is None or corners is None:
            return None
        middle_m = corners.mean(axis=0)
        slant_m = math.hypot(height_m, float(np.hypot(*middle_m)))
        try:
            return GroundView(corners_m=here + corners, ground_resolution_m=slant_m / min(camera.focal_xy_px))
        except InvalidValueError:
            return None

    def metres_of(self, lon: float, lat: float) -> tuple[float, float] | None:
        """A place in the frame of the views; None before the first view."""
        if self._frame is None:
            return None
        east_m, north_m = self._frame.en_from_lonlat([(lon, lat)])[0]
        return float(east_m), float(north_m)

    def _height_m(self, here: Floats, pose: Pose) -> float | None:
        assert self._frame is not None
        try:
            camera_alt_m = self._ground.camera_height(pose).alt_m
        except HeightUnknown:
            return None
        height_m = camera_alt_m - float(self._ground.altitudes_m(self._frame, here, camera_alt_m)[0])
        return height_m if math.isfinite(height_m) and height_m > 0 else None


def _corners_m(pose: Pose, camera: Camera, height_m: float) -> Floats | None:
    """The corners (4, 2), metres east and north of the camera, of the part that looks down steeply enough."""
    width, height = camera.size_wh_px
    rows = np.linspace(0.0, float(height), _ROWS)
    rotation = enu_from_camera(*pose.look_deg())
    sides = [_rays(np.column_stack((np.full(_ROWS, u), rows)), camera) @ rotation.T for u in (0.0, float(width))]
    steep = np.logical_and(*(_depression_deg(rays) >= MIN_DEPRESSION_DEG for rays in sides))
    usable = np.flatnonzero(steep)
    if len(usable) < _LEAST_SHARE * _ROWS:
        return None
    top, bottom = usable[0], usable[-1]
    (left, right) = sides
    corners = np.array([left[top], right[top], right[bottom], left[bottom]])
    result: Floats = corners[:, :2] * (height_m / -corners[:, 2:])
    return result


def _rays(uv_px: Floats, camera: Camera) -> Floats:
    ideal = normalised_from_pixels(uv_px, camera)
    unknown = ~np.isfinite(ideal).all(axis=1)
    ideal[unknown] = ((uv_px - camera.principal_xy_px) / camera.focal_xy_px)[unknown]
    return np.column_stack((ideal, np.ones(len(ideal))))


def _depression_deg(rays: Floats) -> Floats:
    return np.asarray(np.degrees(np.arctan2(-rays[:, 2], np.hypot(rays[:, 0], rays[:, 1]))))
