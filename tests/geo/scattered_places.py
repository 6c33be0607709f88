"""How a pixel's place scatters when everything that its error counts is drawn at random.

The rays are OpenCV's and the ground is a formula, so that nothing here is the code whose errors are judged. For the
tests and for `benchmarks/geo_accuracy.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from geo_builders import LAT, LON
from ground_models import FRAME, Surface
from honest_scenes import drawn_axes, drawn_places, met

from geo.camera import Camera
from geo.ground import Ground
from geo.locate import locate_pixels
from geo.pose import Pose
from geo.pose_track import PoseTrack

PIXEL_SIGMA_PX = 1.0
MANY_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-12)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A camera that flies and turns while its clock is off."""

    east_m_s: float = 0.0
    north_m_s: float = 0.0
    heading_deg_s: float = 0.0
    clock_sigma_s: float = 0.0

    def track(self, pose: Pose) -> PoseTrack:
        """Records every tenth of a second around `pose`, which is the one at 0 s."""
        assert pose.heading_deg is not None
        times = np.arange(-10, 11) / 10
        lonlat = FRAME.lonlat_from_en(np.outer(times, (self.east_m_s, self.north_m_s)))
        poses = [
            replace(pose, lon=float(lon), lat=float(lat), heading_deg=pose.heading_deg + self.heading_deg_s * time_s)
            for time_s, (lon, lat) in zip(times, lonlat, strict=True)
        ]
        return PoseTrack(times_s=times, poses=poses, clock_sigma_s=self.clock_sigma_s)


def scattered(
    pixel: tuple[float, float],
    pose: Pose,
    camera: Camera,
    surface: Surface,
    ground_sigma_m: float,
    *,
    motion: Motion,
    count: int,
    seed: int,
) -> np.ndarray:
    """Places (n, 2), east and north of the pose's, of one pixel; the pose stands over FRAME's own place."""
    assert (pose.lon, pose.lat) == (LON, LAT)
    rng = np.random.default_rng(seed)
    late_s = rng.normal(0, 1, count) * motion.clock_sigma_s
    turned = np.column_stack((late_s * motion.heading_deg_s, np.zeros((count, 2))))
    rows = drawn_axes(rng, pose, count, turned_deg=turned)
    alt_m = float(surface(np.zeros(1), np.zeros(1))[0]) + pose.alt_m
    origins = drawn_places(rng, pose.sigmas, alt_m, ground_sigma_m, count)
    origins[:, :2] += np.outer(late_s, (motion.east_m_s, motion.north_m_s))
    focal = np.outer(1 + rng.normal(0, camera.focal_sigma_ratio, count), camera.focal_xy_px)
    seen = (pixel + rng.normal(0, PIXEL_SIGMA_PX, (count, 2)) - camera.principal_xy_px) / focal
    ideal = cv2.undistortPoints(seen[:, None], np.eye(3), np.array(camera.distortion), criteria=MANY_STEPS)[:, 0]
    rays = np.einsum("ni,nij->nj", np.column_stack((ideal, np.ones(count))), rows)
    return met(origins, rays, surface)[:, :2]


def sampled_to_told(
    pixel: tuple[float, float],
    pose: Pose,
    camera: Camera,
    surface: Surface,
    ground: Ground,
    ground_sigma_m: float,
    *,
    motion: Motion | None = None,
    count: int = 3000,
    seed: int = 0,
) -> tuple[float, float]:
    """How large the drawn scatter is, in told sigmas, where it is least and where it is most so: (1, 1) if honest."""
    motion = motion or Motion()
    reported = motion.track(pose).at(0.0)
    told = locate_pixels([pixel], reported, camera, ground).covariance_m2[0]
    places = scattered(pixel, pose, camera, surface, ground_sigma_m, motion=motion, count=count, seed=seed)
    if not np.isfinite(places).all():
        raise ValueError(f"pixel {pixel} looks past the ground at times")
    unit = np.linalg.inv(np.linalg.cholesky(told))
    least, most = np.sqrt(np.linalg.eigvalsh(unit @ np.cov(places.T) @ unit.T))
    return float(least), float(most)
