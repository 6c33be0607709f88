"""Flights whose truth is known: the reported pose is off by its sigmas, and OpenCV says where the truth appears."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from geo_builders import LAT, LON, a_distorted_camera, a_pose

from geo.camera import Camera
from geo.pose import Pose, PoseSigmas

Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]

RTK = PoseSigmas(east_m=0.05, north_m=0.05, height_m=0.1, heading_deg=0.5, pitch_deg=0.2, roll_deg=0.2)
CONSUMER = PoseSigmas()
MOST_FLAT_DEG = 5.0


def level(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    return 0.0 * east


def hills(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Slopes up to 20 degrees, relief of 30 m."""
    return 10 * np.sin(east / 40) + 8 * np.cos(north / 35) + 0.05 * east


def rugged(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """A tenth of the slopes over 26 degrees, 95 m of relief within 300 m, and bumps down to a few metres across."""
    up = 25 * np.sin(east / 90 + 0.3) * np.cos(north / 110) + 0.15 * east
    for turn, (height, length, phase) in enumerate(((4, 31, 0.5), (2.0, 17, 1.1), (0.8, 9, 2.0), (0.4, 5, 0.2))):
        bent = np.sin(east / length + phase + np.cos(north / length))
        up = up + height * bent * np.cos(north / length * 1.3 + turn)
    return up


def axes(heading_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Rows right, down, ahead of a camera in east, north, up; written by trigonometry, not by `geo`."""
    h, p, r = (math.radians(angle) for angle in (heading_deg, pitch_deg, roll_deg))
    ahead = np.array([math.sin(h) * math.cos(p), math.cos(h) * math.cos(p), math.sin(p)])
    level_right = np.array([math.cos(h), -math.sin(h), 0.0])
    level_down = np.cross(ahead, level_right)
    right = math.cos(r) * level_right + math.sin(r) * level_down
    return np.stack((right, np.cross(ahead, right), ahead))


def seen_by_opencv(points_m: np.ndarray, camera: Camera, rows: np.ndarray, focal_ratio: float = 1.0) -> np.ndarray:
    """Pixels (n, 2) of points (n, 3), east, north, up from the camera whose axes are `rows`."""
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    matrix = np.array([[fx * focal_ratio, 0, cx], [0, fy * focal_ratio, cy], [0, 0, 1.0]])
    turn, _ = cv2.Rodrigues(rows)
    points = np.asarray(points_m, float).reshape(-1, 1, 3)
    if camera.model == "fisheye":
        pixels, _ = cv2.fisheye.projectPoints(points, turn, np.zeros(3), matrix, np.array(camera.distortion[:4]))
    else:
        pixels, _ = cv2.projectPoints(points, turn, np.zeros(3), matrix, np.array(camera.distortion))
    return pixels.reshape(-1, 2)


def met(origin_m: np.ndarray, ray: np.ndarray, surface: Surface) -> np.ndarray | None:
    """Where a ray first meets an analytic surface, by small steps and halving."""
    # Steps of at most 3 m of height over hills that are hundreds of metres long.
    reach = np.arange(0.0, origin_m[2] + 60, 1.0) / -ray[2]
    way = origin_m + reach[:, None] * ray
    under = np.flatnonzero(way[:, 2] <= surface(way[:, 0], way[:, 1]))
    if not len(under) or under[0] == 0:
        return None
    low, high = reach[under[0] - 1], reach[under[0]]
    for _ in range(40):
        middle = (low + high) / 2
        point = origin_m + middle * ray
        if point[2] <= surface(point[0], point[1]):
            high = middle
        else:
            low = middle
    return origin_m + high * ray


class Trials:
    """Many truths around one reported pose.

    Attributes:
        pose: As reported.
        camera: As reported.
        uv_px: (n, 2) where each truth appears, with a pixel's error.
        truth_en_m: (n, 2) where it is, from the reported position.
    """

    def __init__(
        self,
        *,
        pitch_deg: float,
        surface: Surface,
        sigmas: PoseSigmas,
        ground_sigma_m: float,
        count: int,
        seed: int,
        camera: Camera | None = None,
        height_m: float = 100.0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.camera = replace(camera or a_distorted_camera(), focal_sigma_ratio=0.005)
        under_m = float(surface(np.zeros(1), np.zeros(1))[0])
        self.pose: Pose = a_pose(
            lon=LON, lat=LAT, alt_m=height_m, pitch_deg=pitch_deg, heading_deg=200.0, roll_deg=1.5, sigmas=sigmas
        )
        uv, truth = [], []
        width, height = self.camera.size_wh_px
        while len(uv) < count:
            true_rows = axes(
                200.0 + rng.normal(0, sigmas.heading_deg),
                pitch_deg + rng.normal(0, sigmas.pitch_deg),
                1.5 + rng.normal(0, sigmas.roll_deg),
            )
            origin = np.array(
                [
                    rng.normal(0, sigmas.east_m),
                    rng.normal(0, sigmas.north_m),
                    # The ground model's own error is as good as one of the camera's height above it.
                    under_m + height_m + rng.normal(0, math.hypot(sigmas.height_m, ground_sigma_m)),
                ]
            )
            aim = rng.uniform((-0.72, -0.54), (0.72, 0.54))
            ray = np.array([*aim, 1.0]) @ true_rows
            if math.degrees(math.asin(-ray[2] / np.linalg.norm(ray))) < MOST_FLAT_DEG:
                continue
            point = met(origin, ray, surface)
            if point is None:
                continue
            pixel = seen_by_opencv(point - origin, self.camera, true_rows, 1 + rng.normal(0, 0.005))[0]
            pixel = pixel + rng.normal(0, 1, 2)
            if (pixel >= 0).all() and (pixel <= (width, height)).all():
                uv.append(pixel)
                truth.append(point[:2])
        self.uv_px, self.truth_en_m = np.array(uv), np.array(truth)
