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
from geo.locate import MIN_DEPRESSION_DEG, locate_pixels
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
        shown = None if height_m is None else _shown_m(pose, camera, height_m)
        if height_m is None or shown is None:
            return None
        corners, middle = shown[:4], shown[4]
        slant_m = math.hypot(height_m, *middle)
        try:
            return GroundView(corners_m=here + corners, ground_resolution_m=camera.ground_resolution_m(slant_m))
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


def middle_resolution_m(pose: Pose, camera: Camera, ground: Ground) -> float | None:
    """Metres of ground per pixel across the picture's middle; None where the height or the look is unknown."""
    width, height = camera.size_wh_px
    try:
        middle = locate_pixels([(width / 2, height / 2)], pose, camera, ground)[0]
        camera_alt_m = ground.camera_height(pose).alt_m
    except HeightUnknown:
        return None
    if middle is None:
        return None
    east_m, north_m = LocalFrame(lon=pose.lon, lat=pose.lat).en_from_lonlat([(middle.lon, middle.lat)])[0]
    return camera.ground_resolution_m(math.hypot(east_m, north_m, camera_alt_m - middle.alt_m))


def _shown_m(pose: Pose, camera: Camera, height_m: float) -> Floats | None:
    """The part that looks down steeply enough: corners and middle (5, 2), metres east and north of the camera."""
    width, height = (float(side) for side in camera.size_wh_px)
    rows = np.linspace(0.0, height, _ROWS)
    rotation = enu_from_camera(*pose.look_deg())
    left, right = (_rays(np.column_stack((np.full(_ROWS, u), rows)), camera) @ rotation.T for u in (0.0, width))
    usable = np.flatnonzero(np.logical_and(*(_depression_deg(rays) >= MIN_DEPRESSION_DEG for rays in (left, right))))
    if len(usable) < _LEAST_SHARE * _ROWS:
        return None
    top, bottom = usable[0], usable[-1]
    middle = _rays(np.array([(width / 2, (rows[top] + rows[bottom]) / 2)]), camera) @ rotation.T
    rays = np.vstack((left[top], right[top], right[bottom], left[bottom], middle))
    result: Floats = rays[:, :2] * (height_m / -rays[:, 2:])
    return result


def _rays(uv_px: Floats, camera: Camera) -> Floats:
    ideal = normalised_from_pixels(uv_px, camera)
    unknown = ~np.isfinite(ideal).all(axis=1)
    ideal[unknown] = ((uv_px - camera.principal_xy_px) / camera.focal_xy_px)[unknown]
    return np.column_stack((ideal, np.ones(len(ideal))))


def _depression_deg(rays: Floats) -> Floats:
    return np.asarray(np.degrees(np.arctan2(-rays[:, 2], np.hypot(rays[:, 0], rays[:, 1]))))
