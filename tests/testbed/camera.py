"""The bed's camera: OpenCV turns pixels into rays and points into pixels; rays meet the hills' formula."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from testbed.ground import BedGround, Image, Thing
from testbed.hills import Floats, Hills

# The ground is looked up at one pixel of so many each way; between them the view bends by less than 0.1 px.
_STEP_PX = 8
_NEWTON_STEPS = 7
_SKY_BGR = (224, 214, 205)
_BOX = ((-1, -1), (1, -1), (1, 1), (-1, 1))


@dataclass(frozen=True, kw_only=True)
class BedPose:
    """Where the camera is and how it looks.

    Attributes:
        east_m: East of the origin.
        north_m: North of the origin.
        alt_m: Above sea level.
        heading_deg: Clockwise from north.
        pitch_deg: 0 level, -90 straight down.
        roll_deg: Clockwise as seen from behind.
    """

    east_m: float
    north_m: float
    alt_m: float
    heading_deg: float = 0.0
    pitch_deg: float = -90.0
    roll_deg: float = 0.0

    @property
    def place_m(self) -> Floats:
        """East, north, altitude."""
        return np.array([self.east_m, self.north_m, self.alt_m])

    @property
    def camera_from_world(self) -> Floats:
        """Rotation (3, 3) to camera axes (right, down, ahead) from east, north, up."""
        heading, pitch, roll = (math.radians(angle) for angle in (self.heading_deg, self.pitch_deg, self.roll_deg))
        ahead = np.array([math.sin(heading) * math.cos(pitch), math.cos(heading) * math.cos(pitch), math.sin(pitch)])
        level_right = np.array([math.cos(heading), -math.sin(heading), 0.0])
        right = math.cos(roll) * level_right + math.sin(roll) * np.cross(ahead, level_right)
        return np.vstack((right, np.cross(ahead, right), ahead))


@dataclass(frozen=True, kw_only=True)
class BedLens:
    """The lens.

    Attributes:
        size_wh_px: Width and height of the pictures.
        focal_px: Focal length.
        distortion: Brown's k1, k2, p1, p2, k3, in OpenCV's order; of a fisheye k1 to k4 and 0.
        noise_sigma: Sensor noise in grey levels.
        model: `brown`, or `fisheye` as OpenCV's module of that name has it.
    """

    size_wh_px: tuple[int, int] = (640, 480)
    focal_px: float = 520.0
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    noise_sigma: float = 1.5
    model: Literal["brown", "fisheye"] = "brown"

    @property
    def matrix(self) -> Floats:
        """OpenCV's camera matrix, for pixels counted from the outer corner of the top left one."""
        width, height = self.size_wh_px
        return np.array([[self.focal_px, 0.0, width / 2], [0.0, self.focal_px, height / 2], [0.0, 0.0, 1.0]])

    def project(self, pose: BedPose, points_m: Floats) -> Floats:
        """Pixels (n, 2) where points (n, 3), east, north, altitude, appear; NaN behind the camera."""
        points = np.asarray(points_m, dtype=np.float64).reshape(-1, 3)
        rotation = pose.camera_from_world
        turn, _ = cv2.Rodrigues(rotation)
        shift = -rotation @ pose.place_m
        if self.model == "fisheye":
            some, lens = points.reshape(-1, 1, 3), np.array(self.distortion[:4])
            pixels, _ = cv2.fisheye.projectPoints(some, turn, shift.reshape(3, 1), self.matrix, lens)
        else:
            pixels, _ = cv2.projectPoints(points, turn, shift, self.matrix, np.array(self.distortion))
        ahead = (points - pose.place_m) @ rotation[2] > 0
        return np.where(ahead[:, None], pixels.reshape(-1, 2), np.nan)

    def rays(self, pose: BedPose, uv_px: Floats) -> Floats:
        """Directions (n, 3), east, north, up, of pixels (n, 2)."""
        uv = np.asarray(uv_px, dtype=np.float64).reshape(-1, 1, 2)
        if self.model == "fisheye":
            ideal = cv2.fisheye.undistortPoints(uv, self.matrix, np.array(self.distortion[:4])).reshape(-1, 2)
        else:
            ideal = cv2.undistortPoints(uv, self.matrix, np.array(self.distortion)).reshape(-1, 2)
        return np.asarray(np.column_stack((ideal, np.ones(len(ideal)))) @ pose.camera_from_world)

    def ground_of(self, pose: BedPose, uv_px: Floats, hills: Hills) -> Floats:
        """East, north, altitude (n, 3) of the hills at pixels (n, 2); NaN for rays too flat to meet them surely.

        Newton's rule along the ray: a ray steeper than any slope of the hills meets them once, and is found.
        """
        rays = self.rays(pose, uv_px)
        rays /= np.linalg.norm(rays[:, :2], axis=1, keepdims=True).clip(min=1e-9)
        steep = -rays[:, 2] > max(1.15 * hills.steepest, 0.1)
        along = np.where(steep, (hills.base_m - pose.alt_m) / np.where(steep, rays[:, 2], -1.0), 0.0)
        for _ in range(_NEWTON_STEPS):
            en = pose.place_m[:2] + rays[:, :2] * along[:, None]
            height, slope = hills.heights_and_slopes(en)
            fall = rays[:, 2] - (slope * rays[:, :2]).sum(axis=1)
            over = pose.alt_m + along * rays[:, 2] - height
            along = np.where(steep, along - over / np.where(steep, fall, -1.0), along)
        points = pose.place_m + rays * along[:, None]
        return np.where(steep[:, None], points, np.nan)


@dataclass(frozen=True, kw_only=True)
class Painter:
    """Draws what the camera sees."""

    lens: BedLens
    hills: Hills
    ground: BedGround
    seed: int = 1

    def take(self, pose: BedPose, index: int = 0) -> Image:
        """The picture (h, w, 3), BGR, from a pose; `index` varies the noise."""
        level = self.ground.level_for(self._resolution_m(pose))
        across, down, sky = self._map(pose, level)
        image = np.asarray(
            cv2.remap(self.ground.levels[level], across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
            dtype=np.uint8,
        )
        image[sky] = _SKY_BGR
        for thing in self.ground.things:
            if thing.tall_m > 0:
                self._stand(image, thing, pose)
        return self._noisy(image, index)

    def _resolution_m(self, pose: BedPose) -> float:
        middle = np.array([[side / 2 for side in self.lens.size_wh_px]])
        point = self.lens.ground_of(pose, middle, self.hills)[0]
        reach_m = float(np.linalg.norm(point - pose.place_m)) if np.isfinite(point).all() else 2 * pose.alt_m
        return reach_m / self.lens.focal_px

    def _map(self, pose: BedPose, level: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Column and row in the ground's picture for every pixel (h, w), and which pixels show no ground."""
        columns, rows, nodes = self._nodes
        points = self.lens.ground_of(pose, nodes, self.hills)
        there = self.ground.pixels(points[:, :2], level).reshape(rows, columns, 2)
        known = np.isfinite(there[..., 0])
        # Positions beyond 2**15 do not fit OpenCV's remap; the mirror at the border takes what is too far out.
        limit = 3 * self.ground.levels[level].shape[0]
        there = np.where(known[..., None], np.clip(there, -limit, limit), 0.0)
        maps = [self._full(there[..., axis].astype(np.float32)) for axis in (0, 1)]
        return maps[0], maps[1], self._full(known.astype(np.float32)) < 1.0

    @cached_property
    def _nodes(self) -> tuple[int, int, Floats]:
        """Middles of blocks of pixels, one block further out on each side than the picture goes."""
        columns, rows = (math.ceil(side / _STEP_PX) + 2 for side in self.lens.size_wh_px)
        u, v = ((np.arange(count) - 0.5) * _STEP_PX for count in (columns, rows))
        return columns, rows, np.column_stack([axis.ravel() for axis in np.meshgrid(u, v)])

    def _full(self, at_nodes: NDArray[np.float32]) -> NDArray[np.float32]:
        rows, columns = at_nodes.shape
        large = cv2.resize(at_nodes, (columns * _STEP_PX, rows * _STEP_PX), interpolation=cv2.INTER_LINEAR)
        width, height = self.lens.size_wh_px
        return np.ascontiguousarray(large[_STEP_PX : _STEP_PX + height, _STEP_PX : _STEP_PX + width], dtype=np.float32)

    def _stand(self, image: Image, thing: Thing, pose: BedPose) -> None:
        """A box that stands on the ground, as the hull of its eight corners."""
        feet = np.column_stack((thing.corners_m, self.hills.heights(thing.corners_m)))
        corners = self.lens.project(pose, np.vstack((feet, feet + np.array([0.0, 0.0, thing.tall_m]))))
        if not np.isfinite(corners).all() or np.abs(corners).max() > 1e5:
            return
        hull = cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2)
        cv2.fillConvexPoly(image, np.round((hull - 0.5) * 16).astype(np.int32), thing.colour_bgr, cv2.LINE_AA, 4)

    def _noisy(self, image: Image, index: int) -> Image:
        if self.lens.noise_sigma == 0:
            return image
        rng = np.random.default_rng((self.seed, 3, index))
        row, column = rng.integers(0, 64, 2)
        height, width = image.shape[:2]
        noise = self._noise[row : row + height, column : column + width]
        return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), dtype=np.uint8)

    @cached_property
    def _noise(self) -> NDArray[np.int16]:
        width, height = self.lens.size_wh_px
        rng = np.random.default_rng((self.seed, 2))
        noise = rng.standard_normal((height + 64, width + 64, 3), dtype=np.float32) * self.lens.noise_sigma
        return np.round(noise).astype(np.int16)


def turned(pose: BedPose, **changes: float) -> BedPose:
    """The pose with some figures added to: `turned(pose, heading_deg=1.5)`."""
    return replace(pose, **{name: getattr(pose, name) + by for name, by in changes.items()})
