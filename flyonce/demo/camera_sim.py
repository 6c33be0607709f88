"""What the staged camera sees: OpenCV projects the ground and the staged things into a picture.

This module knows nothing of `geo`: it has its own rotation and leaves the projection to OpenCV, so that a mistake in
`geo` shows as a position error of the demo instead of cancelling out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from flyonce.demo.ground import Ground
from flyonce.demo.staging import StagedThing

Image = NDArray[np.uint8]
_NOISE_SIDE_PX = 512


@dataclass(frozen=True, kw_only=True)
class TruePose:
    """Where the camera really is and looks.

    Attributes:
        east_m: East of the district's origin.
        north_m: North of the district's origin.
        up_m: Above the level ground.
        heading_deg: Direction of view, clockwise from true north.
        pitch_deg: 0 at the horizon, -90 straight down.
        roll_deg: Positive with the right side down; straight down it turns the picture as a heading does.
        aside_deg: How far the camera looks to its right of where these angles say, which no drone reports.
    """

    east_m: float
    north_m: float
    up_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float
    aside_deg: float = 0.0

    def __post_init__(self) -> None:
        if not self.up_m > 1:
            raise ValueError(f"a camera {self.up_m} m above the ground takes no picture of it")

    @property
    def camera_from_enu(self) -> NDArray[np.float64]:
        """Rotation, shape (3, 3): camera axes x right, y down, z forward, from east, north, up."""
        angles_deg = (self.heading_deg, self.pitch_deg, self.roll_deg, self.aside_deg)
        heading, pitch, roll, aside = (math.radians(angle) for angle in angles_deg)
        forward = np.array([math.sin(heading) * math.cos(pitch), math.cos(heading) * math.cos(pitch), math.sin(pitch)])
        level_right = np.array([math.cos(heading), -math.sin(heading), 0.0])
        level_down = np.cross(forward, level_right)
        right = math.cos(roll) * level_right + math.sin(roll) * level_down
        turned_right = math.cos(aside) * right - math.sin(aside) * forward
        turned_forward = math.cos(aside) * forward + math.sin(aside) * right
        return np.vstack([turned_right, np.cross(turned_forward, turned_right), turned_forward])


@dataclass(frozen=True, kw_only=True)
class Lens:
    """The staged camera's lens and sensor: an ideal pinhole with square pixels.

    Attributes:
        size_wh_px: Width and height of the pictures.
        focal_px: Focal length.
        blur_sigma_px: Softness of the lens.
        noise_sigma: Sensor noise in grey levels.
    """

    size_wh_px: tuple[int, int]
    focal_px: float
    blur_sigma_px: float = 0.55
    noise_sigma: float = 2.2

    @property
    def matrix(self) -> NDArray[np.float64]:
        """OpenCV's camera matrix; pixel coordinates count from the outer corner of the top left pixel."""
        width, height = self.size_wh_px
        return np.array([[self.focal_px, 0, width / 2], [0, self.focal_px, height / 2], [0, 0, 1]])

    def project(self, pose: TruePose, enu_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (u, v), shape (n, 2), of points (east, north, up), shape (n, 3), seen from `pose`."""
        rotation = pose.camera_from_enu
        translation = -rotation @ np.array([pose.east_m, pose.north_m, pose.up_m])
        rotation_vector, _ = cv2.Rodrigues(rotation)
        points, _ = cv2.projectPoints(enu_m, rotation_vector, translation, self.matrix, None)
        return np.asarray(points, dtype=np.float64).reshape(-1, 2)

    def ground_corners_m(self, pose: TruePose) -> NDArray[np.float64]:
        """Where the picture's corners meet the ground (east, north), shape (4, 2), the top left one first, clockwise.

        Raises:
            ValueError: A corner is above the horizon.
        """
        width, height = self.size_wh_px
        corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=np.float64)
        rays = corners @ np.linalg.inv(self.matrix).T @ pose.camera_from_enu
        if (rays[:, 2] > -0.05).any():
            raise ValueError("the staged camera looks above the horizon")
        return np.asarray(np.array([pose.east_m, pose.north_m]) + rays[:, :2] / -rays[:, 2:] * pose.up_m)


@dataclass(frozen=True, kw_only=True)
class Photographer:
    """Takes pictures of the ground with the staged things on it; safe to use from several threads.

    Attributes:
        ground: The ground.
        things: What is staged, drawn in this order.
        lens: The camera.
        seed: Draws sensor noise and exposure.
        exposure_sigma: How much the brightness differs from picture to picture; a film's hardly does.
    """

    ground: Ground
    things: Sequence[StagedThing]
    lens: Lens
    seed: int
    exposure_sigma: float = 0.015

    def take(self, pose: TruePose, index: int) -> Image:
        """The picture, BGR, shape (h, w, 3), that the camera takes from `pose`; `index` varies exposure and noise."""
        image = self._see_ground(pose)
        for thing in self.things:
            self._see_thing(image, thing, pose)
        return self._expose(image, np.random.default_rng((self.seed, index)))

    def _see_ground(self, pose: TruePose) -> Image:
        # Only the part of the ground that the picture can show goes into the warp: it stays in the cache.
        corners_px = self.ground.pixel_from_enu(self.lens.ground_corners_m(pose))
        limit = np.array(self.ground.image.shape[1::-1])
        low = np.clip(np.floor(corners_px.min(axis=0)).astype(int) - 4, 0, limit - 8)
        high = np.clip(np.ceil(corners_px.max(axis=0)).astype(int) + 4, low + 8, limit)
        part = self.ground.image[low[1] : high[1], low[0] : high[0]]
        west, north = self.ground.west_north_m
        step = self.ground.resolution_m
        top_left = (west + low[0] * step, north - low[1] * step)
        picture_from_part = _picture_from_plane(
            self.lens, pose, top_left, ((high[0] - low[0]) * step, 0.0), (0.0, (low[1] - high[1]) * step), part.shape
        )
        seen = cv2.warpPerspective(
            part, picture_from_part, self.lens.size_wh_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(seen, dtype=np.uint8)

    def _see_thing(self, image: Image, thing: StagedThing, pose: TruePose) -> None:
        corners = np.column_stack([thing.corners_m(), np.zeros(4)])
        seen = self.lens.project(pose, corners)
        low = np.maximum(np.floor(seen.min(axis=0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 2, self.lens.size_wh_px)
        if (low >= high).any():
            return
        sprite = thing.look.reduced(pose.up_m / self.lens.focal_px)
        top_left, top_right, _, bottom_left = thing.corners_m()
        picture_from_sprite = _picture_from_plane(
            self.lens, pose, tuple(top_left), tuple(top_right - top_left), tuple(bottom_left - top_left), sprite.shape
        )
        shift = np.array([[1.0, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        layer = cv2.warpPerspective(sprite, shift @ picture_from_sprite, size, flags=cv2.INTER_LINEAR)
        block = image[low[1] : high[1], low[0] : high[0]]
        # The sprite's colours are premultiplied with its opacity, so that its edges keep no fringe.
        block[:] = np.clip(layer[..., :3] + block * (1 - layer[..., 3:] / 255.0) + 0.5, 0, 255).astype(np.uint8)

    def _expose(self, image: Image, rng: np.random.Generator) -> Image:
        soft = cv2.GaussianBlur(image, (3, 3), self.lens.blur_sigma_px)
        gain = float(rng.normal(1.0, self.exposure_sigma))
        lit = cv2.convertScaleAbs(soft, alpha=gain, beta=float(rng.normal(0, self.exposure_sigma / 0.015)))
        height, width = lit.shape[:2]
        lighter, darker = self._noise
        row, column = rng.integers(0, _NOISE_SIDE_PX, 2)
        window = (slice(row, row + height), slice(column, column + width))
        noisy = cv2.subtract(cv2.add(lit, np.ascontiguousarray(lighter[window])), np.ascontiguousarray(darker[window]))
        return np.asarray(noisy, dtype=np.uint8)

    @cached_property
    def _noise(self) -> tuple[Image, Image]:
        """Sensor noise drawn once, larger than a picture, split into what it adds and what it takes away."""
        width, height = self.lens.size_wh_px
        rng = np.random.default_rng(self.seed)
        shape = (height + _NOISE_SIDE_PX, width + _NOISE_SIDE_PX, 3)
        noise = rng.standard_normal(shape, dtype=np.float32) * self.lens.noise_sigma
        return np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)


def _picture_from_plane(
    lens: Lens,
    pose: TruePose,
    top_left_m: tuple[float, float],
    across_m: tuple[float, float],
    down_m: tuple[float, float],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    """Homography, shape (3, 3), to the picture's pixel centres from those of an image that lies on the ground."""
    height, width = shape[:2]
    corner, across, down = np.array(top_left_m), np.array(across_m), np.array(down_m)
    on_ground = np.array([corner, corner + across, corner + across + down, corner + down])
    seen = lens.project(pose, np.column_stack([on_ground, np.zeros(4)]))
    image_corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    # warpPerspective counts pixel centres, everything else here counts from the corner: half a pixel apart.
    homography = cv2.getPerspectiveTransform((image_corners - 0.5), (seen - 0.5).astype(np.float32))
    return np.asarray(homography, dtype=np.float64)
