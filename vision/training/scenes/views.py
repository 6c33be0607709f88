"""Where the camera is: the seeded plan of one picture, and the projection of points into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.training.scenes.assets import KINDS, PARTS, Part
from vision.training.scenes.layout import SITE_M, Site

LEAST_DEPRESSION_DEG = 14.0
"""No ray of a picture is flatter: the horizon stays out of it, and the ground in it."""

_INTEREST = {"angler": 3.0, "person": 2.0, "waste": 4.0, "puddle": 4.0, "boat": 1.0, "waste_bin": 1.0,
             "overflowing_bin": 1.5, "dock_or_lift": 0.7, "vehicle": 0.4}  # fmt: skip
"""How often a picture is taken for the sake of each."""

FRAME_WIDTHS_PX = (1280, 1920, 2720, 4000)


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A window of `size_px` squared out of a larger picture, as a detector's tile is.

    Attributes:
        focal_px: Focal length in pixels.
        size_px: Side of the window.
        offset_px: Of the window's middle from the principal point, right and down.
    """

    focal_px: float
    size_px: int
    offset_px: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """The camera's place (x, y, z in metres) and attitude: heading clockwise from north, pitch -90 straight down."""

    at_m: tuple[float, float, float]
    heading_deg: float
    pitch_deg: float
    roll_deg: float

    def axes(self) -> NDArray[np.float64]:
        """Return (3, 3): the camera's right, down and forward as rows, in x, y, z of the site."""
        h, p, r = np.radians([self.heading_deg, self.pitch_deg, self.roll_deg])
        forward = np.array([np.sin(h) * np.cos(p), np.cos(h) * np.cos(p), np.sin(p)])
        right = np.array([np.cos(h), -np.sin(h), 0.0])
        down = np.cross(forward, right)
        return np.stack([np.cos(r) * right + np.sin(r) * down, np.cos(r) * down - np.sin(r) * right, forward])


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Light and air.

    Attributes:
        sun_azimuth_deg: Clockwise from north.
        sun_elevation_deg: Above the horizon.
        sun: Strength of the sun, 0 (overcast) to 1.
        sky: Strength of the sky's light.
        clouds: Share of the sky that is cloudy, 0..1.
        haze_per_m: How fast far things fade.
    """

    sun_azimuth_deg: float
    sun_elevation_deg: float
    sun: float
    sky: float
    clouds: float
    haze_per_m: float


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything about one picture that is not the site itself.

    Attributes:
        pose: The camera.
        lens: The lens and window.
        weather: Light and air.
        fov_deg: Horizontal field of view of the whole picture of which this is a window.
        seed: For waves, noise and the like.
    """

    pose: Pose
    lens: Lens
    weather: Weather
    fov_deg: float
    seed: int


def project(pose: Pose, lens: Lens, points_m: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where (n, 3) points appear.

    Returns:
        Pixels (n, 2), x right and y down from the window's top left corner, and depth (n,) along the view in metres;
        a point with a depth of 0 or less is behind the camera and its pixel means nothing.
    """
    seen = (np.asarray(points_m, float) - np.asarray(pose.at_m)) @ pose.axes().T
    depth = seen[:, 2]
    safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
    pixels = lens.focal_px * seen[:, :2] / safe[:, None] - np.asarray(lens.offset_px) + lens.size_px / 2
    return pixels, depth


def ray(pose: Pose, lens: Lens, pixel: tuple[float, float]) -> NDArray[np.float64]:
    """Return the unit direction in which a pixel looks."""
    u, v = np.asarray(pixel) - lens.size_px / 2 + np.asarray(lens.offset_px)
    way = pose.axes().T @ np.array([u, v, lens.focal_px])
    return np.asarray(way / np.linalg.norm(way), float)


def plan_view(seed: int, part: Part, number: int, site: Site, size_px: int) -> View:
    """Return the plan of picture `number` of a part, a pure function of its arguments."""
    rng = np.random.default_rng([seed, PARTS.index(part), number, 23])
    target = _target(rng, site)
    for _ in range(200):
        height = float(np.exp(rng.uniform(np.log(20), np.log(150))))
        pitch = -90.0 if rng.random() < 0.3 else float(rng.uniform(-90, -30))
        fov = float(rng.uniform(60, 84))
        wide = int(rng.choice(FRAME_WIDTHS_PX))
        focal = wide / 2 / np.tan(np.radians(fov) / 2)
        reach = np.maximum(np.array([wide, wide * 0.66]) / 2 - size_px / 2, 0)
        lens = Lens(focal_px=float(focal), size_px=size_px, offset_px=_pair(rng.uniform(-reach, reach)))
        # The place follows from where the target is to appear in the window.
        pixel = _pair(size_px * rng.uniform(0.2, 0.8, 2))
        pose = Pose(
            at_m=(0.0, 0.0, height), heading_deg=float(rng.uniform(0, 360)), pitch_deg=pitch,
            roll_deg=float(rng.normal(0, 1.5)),
        )  # fmt: skip
        corners = [ray(pose, lens, (x, y)) for x in (0.0, float(size_px)) for y in (0.0, float(size_px))]
        if max(way[2] for way in corners) > -np.sin(np.radians(LEAST_DEPRESSION_DEG)):
            continue
        way = ray(pose, lens, pixel)
        distance = height / -way[2]
        if not rng.choice([0.018, 0.03, 0.045]) < distance / focal < rng.choice([0.05, 0.08, 0.13]):
            continue
        place = np.array([target[0], target[1], target[2]]) - way * distance
        return View(
            pose=Pose(at_m=(*_pair(place[:2]), float(place[2])), heading_deg=pose.heading_deg, pitch_deg=pitch,
                      roll_deg=pose.roll_deg),
            lens=lens, weather=_weather(rng), fov_deg=fov, seed=int(rng.integers(2**31)),
        )  # fmt: skip
    raise RuntimeError("no camera fits; this cannot happen with the ranges above")


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _target(rng: np.random.Generator, site: Site) -> tuple[float, float, float]:
    groups: dict[str, list[tuple[float, float, float]]] = {}
    for thing in site.things:
        label = KINDS[thing.kind].label
        if label in _INTEREST:
            groups.setdefault("angler" if thing.angler else str(label), []).append(thing.at_m)
    if site.puddles:
        groups["puddle"] = [laid.at_m for laid in site.puddles]
    if groups and rng.random() < 0.88:
        weights = np.array([_INTEREST[name] for name in groups])
        places = groups[list(groups)[int(rng.choice(len(weights), p=weights / weights.sum()))]]
        return places[int(rng.integers(len(places)))]
    x, y = rng.uniform(-SITE_M, SITE_M, 2) * 0.8
    return float(x), float(y), 0.0


def _weather(rng: np.random.Generator) -> Weather:
    overcast = rng.random() < 0.3
    return Weather(
        sun_azimuth_deg=float(rng.uniform(0, 360)),
        sun_elevation_deg=float(rng.uniform(18, 78)),
        sun=float(rng.uniform(0.0, 0.15) if overcast else rng.uniform(0.6, 1.0)),
        sky=float(rng.uniform(0.8, 1.1) if overcast else rng.uniform(0.25, 0.5)),
        clouds=float(rng.uniform(0.8, 1.0) if overcast else rng.uniform(0.0, 0.7)),
        haze_per_m=float(rng.choice([0.0, 0.0003, 0.001, 0.003]) * rng.uniform(0.5, 1.5)),
    )
