"""Flights whose truth is known: the reported pose is off by its sigmas, and OpenCV says where the truth appears.

For the tests and for `benchmarks/geo_accuracy.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from geo_builders import LAT, LON, a_distorted_camera, a_pose
from ground_models import FRAME, Surface, a_dem

from geo.camera import Camera
from geo.dem import DemGround
from geo.ground import FlatGround, Ground
from geo.locate import Located, locate_pixels
from geo.pose import Pose, PoseSigmas

RTK = PoseSigmas(east_m=0.05, north_m=0.05, height_m=0.1, heading_deg=0.5, pitch_deg=0.2, roll_deg=0.2)
CONSUMER = PoseSigmas()
PERFECT = PoseSigmas(east_m=0, north_m=0, height_m=0, heading_deg=0, pitch_deg=0, roll_deg=0, common_position_m=0)
# What `FlatGround` and `DemGround` count for the ground's own error.
FLAT_SIGMA_M, DEM_SIGMA_M = 0.5, 0.7
HEADING_DEG, ROLL_DEG, FOCAL_SIGMA = 200.0, 1.5, 0.005
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


def met(origins_m: np.ndarray, rays: np.ndarray, surface: Surface) -> np.ndarray:
    """Where rays (n, 3) first meet an analytic surface, (n, 3), by small steps and halving; NaN where they do not."""
    # Metres of height: over hills that are hundreds of metres long, the flattest ray has steps of a dozen metres.
    down = -rays[:, 2]
    first = np.full(len(rays), -1.0)
    for fallen_m in np.arange(0.0, origins_m[:, 2].max() + 60):
        way = origins_m + rays * (fallen_m / down)[:, None]
        first[(first < 0) & (way[:, 2] <= surface(way[:, 0], way[:, 1]))] = fallen_m
    low, high = (first - 1) / down, first / down
    for _ in range(40):
        middle = (low + high) / 2
        way = origins_m + rays * middle[:, None]
        is_under = way[:, 2] <= surface(way[:, 0], way[:, 1])
        low, high = np.where(is_under, low, middle), np.where(is_under, middle, high)
    found = origins_m + rays * high[:, None]
    found[first <= 0] = np.nan
    return found


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
        self._rng = np.random.default_rng(seed)
        self.camera = replace(camera or a_distorted_camera(), focal_sigma_ratio=FOCAL_SIGMA)
        self.pose: Pose = a_pose(
            lon=LON,
            lat=LAT,
            alt_m=height_m,
            pitch_deg=pitch_deg,
            heading_deg=HEADING_DEG,
            roll_deg=ROLL_DEG,
            sigmas=sigmas,
        )
        under_m = float(surface(np.zeros(1), np.zeros(1))[0])
        self.uv_px, self.truth_en_m = np.empty((0, 2)), np.empty((0, 2))
        while len(self.uv_px) < count:
            uv, truth = self._drawn(count, under_m + height_m, surface, ground_sigma_m)
            self.uv_px = np.vstack((self.uv_px, uv))[:count]
            self.truth_en_m = np.vstack((self.truth_en_m, truth))[:count]

    def _drawn(
        self, count: int, alt_m: float, surface: Surface, ground_sigma_m: float
    ) -> tuple[np.ndarray, np.ndarray]:
        rng, sigmas = self._rng, self.pose.sigmas
        rows = drawn_axes(rng, self.pose, count)
        origins = drawn_places(rng, sigmas, alt_m, ground_sigma_m, count)
        aims = np.column_stack((rng.uniform((-0.72, -0.54), (0.72, 0.54), (count, 2)), np.ones(count)))
        rays = np.einsum("ni,nij->nj", aims, rows)
        is_steep = -rays[:, 2] >= math.sin(math.radians(MOST_FLAT_DEG)) * np.linalg.norm(rays, axis=1)
        rows, origins, rays = rows[is_steep], origins[is_steep], rays[is_steep]
        truth = met(origins, rays, surface)
        focal = 1 + rng.normal(0, FOCAL_SIGMA, len(truth))
        uv = np.full((len(truth), 2), np.nan)
        for index in np.flatnonzero(np.isfinite(truth[:, 0])):
            seen = seen_by_opencv(truth[index] - origins[index], self.camera, rows[index], focal[index])
            uv[index] = seen[0] + rng.normal(0, 1, 2)
        inside = ((uv >= 0) & (uv <= self.camera.size_wh_px)).all(axis=1)
        return uv[inside], truth[inside, :2]


def drawn_axes(rng: np.random.Generator, pose: Pose, count: int, *, turned_deg: np.ndarray | float = 0.0) -> np.ndarray:
    """Axes (n, 3, 3) of cameras whose looks are off by the pose's sigmas, and by `turned_deg` (n, 3) besides."""
    assert pose.heading_deg is not None
    assert pose.pitch_deg is not None
    assert pose.roll_deg is not None
    sigmas = (pose.sigmas.heading_deg, pose.sigmas.pitch_deg, pose.sigmas.roll_deg)
    angles = (pose.heading_deg, pose.pitch_deg, pose.roll_deg) + rng.normal(0, 1, (count, 3)) * sigmas + turned_deg
    return np.array([axes(*one) for one in angles])


def drawn_places(
    rng: np.random.Generator, sigmas: PoseSigmas, alt_m: float, ground_sigma_m: float, count: int
) -> np.ndarray:
    """Places (n, 3) of such cameras around the reported one.

    The ground model's own error is as good as one of the camera's height above it.
    """
    spread = (sigmas.east_m, sigmas.north_m, math.hypot(sigmas.height_m, ground_sigma_m))
    return rng.normal(0, 1, (count, 3)) * spread + (0.0, 0.0, alt_m)


def ground_of(surface: Surface, folder: Path) -> tuple[Ground, float]:
    """What a flight over the surface is given for its ground, and the sigma that this counts for itself."""
    if surface is level:
        return FlatGround(), FLAT_SIGMA_M
    model = a_dem(folder / f"{surface.__name__}.tif", surface, cell=2.0, half=600)
    return DemGround.open(model, home_lonlat=(LON, LAT)), DEM_SIGMA_M


def squared_distances(located: Located, truth_en_m: np.ndarray) -> np.ndarray:
    """Of those with an answer, in sigmas."""
    answered = located.reason == 0
    off = (FRAME.en_from_lonlat(located.lonlat_deg) - truth_en_m)[answered]
    return np.einsum("ni,nij,nj->n", off, np.linalg.inv(located.covariance_m2[answered]), off)


class PerfectPoses:
    """Truths of a pose without error over rugged ground, to be placed over a model of coarse cells.

    Attributes:
        pose: As reported, and true.
        located: Where the pixels are placed over the model.
        truth_en_m: (n, 2) where they are.
    """

    def __init__(self, model: DemGround, *, pitch_deg: float, count: int) -> None:
        trials = Trials(pitch_deg=pitch_deg, surface=rugged, sigmas=PERFECT, ground_sigma_m=0.0, count=count, seed=5)
        under_m = float(rugged(np.zeros(1), np.zeros(1))[0])
        self.pose = replace(trials.pose, alt_m=under_m + 100.0, alt_datum="ellipsoid", height_above_home_m=None)
        self.located = locate_pixels(trials.uv_px, self.pose, trials.camera, model)
        self.truth_en_m = trials.truth_en_m

    @property
    def off_m(self) -> np.ndarray:
        """(n,) metres from the truth; NaN without an answer."""
        return np.hypot(*(FRAME.en_from_lonlat(self.located.lonlat_deg) - self.truth_en_m).T)
