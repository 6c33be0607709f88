"""Flights in time with their truth: what the telemetry tells late and roughly, and how OpenCV saw the ground move.

For the tests and for `benchmarks/geo_accuracy.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from geo_builders import LAT, LON, a_camera, a_pose
from honest_scenes import axes, seen_by_opencv

from geo.clock_offset import ClockOffset, estimate_clock_offset
from geo.frames import LocalFrame
from geo.motion_fit import SeenMotion
from geo.pose_track import PoseTrack

FRAME = LocalFrame(lon=LON, lat=LAT)
FILM = a_camera(size_wh_px=(1920, 1080), focal_xy_px=(1400.0, 1400.0), principal_xy_px=(960.0, 540.0))
STEP_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Columns every 20 ms: east, north, metres above the ground; and the camera's heading and pitch."""

    times_s: np.ndarray
    place_m: np.ndarray
    heading_deg: np.ndarray
    pitch_deg: np.ndarray

    def at(self, time_s: float) -> tuple[np.ndarray, float, float]:
        place = np.array([np.interp(time_s, self.times_s, column) for column in self.place_m.T])
        heading = float(np.interp(time_s, self.times_s, self.heading_deg))
        return place, heading, float(np.interp(time_s, self.times_s, self.pitch_deg))


def flown(
    speed_m_s: Callable[[np.ndarray], np.ndarray],
    course_deg: Callable[[np.ndarray], np.ndarray],
    *,
    seconds: float = 90.0,
    height_m: float = 70.0,
    pitch_deg: Callable[[np.ndarray], np.ndarray] = lambda t: 0 * t - 75.0,
    looks_ahead: bool = True,
) -> Flight:
    """A flight of a given speed and course; the camera looks along the course, or north."""
    times = np.arange(-20.0, seconds + 20.0, STEP_S)
    course, speed = np.radians(course_deg(times)), speed_m_s(times)
    velocity = np.column_stack((np.sin(course), np.cos(course))) * speed[:, None]
    place = np.cumsum(velocity, axis=0) * STEP_S
    heading = np.degrees(np.unwrap(course)) if looks_ahead else np.zeros_like(course)
    return Flight(
        times_s=times,
        place_m=np.column_stack((place - place[np.searchsorted(times, 0)], np.full(len(times), height_m))),
        heading_deg=heading,
        pitch_deg=pitch_deg(times),
    )


def eased(times: np.ndarray, at_s: float, takes_s: float) -> np.ndarray:
    """0 before, 1 after, gently between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((times - at_s) / takes_s, 0, 1))


def told(
    flight: Flight,
    *,
    offset_s: float,
    every_s: float = 1.0,
    seconds: float = 90.0,
    seed: int = 0,
    drift_m: float = 0.6,
    jitter_m: float = 0.05,
    height_error_m: float = 2.0,
) -> PoseTrack:
    """What a consumer's drone would write: on a clock that shows `offset_s` at the film's 0 s."""
    rng = np.random.default_rng(seed)
    times = np.arange(-15.0, seconds + 15.0, every_s)
    drift = np.cumsum(rng.normal(0, drift_m * math.sqrt(every_s / 30.0), (len(times), 2)), axis=0)
    poses = []
    for time_s, off in zip(times, drift, strict=True):
        place, heading, pitch = flight.at(time_s)
        east, north = place[:2] + off + rng.normal(0, jitter_m, 2)
        lon, lat = FRAME.lonlat_from_en([[east, north]])[0]
        poses.append(
            a_pose(
                lon=float(lon),
                lat=float(lat),
                alt_m=float(place[2] + height_error_m + rng.normal(0, 0.1)),
                heading_deg=(heading + rng.normal(0, 0.2) + 1.0 + 180) % 360 - 180,
                pitch_deg=pitch + rng.normal(0, 0.05),
            )
        )
    return PoseTrack(times_s=times + offset_s, poses=poses)


def watched(
    flight: Flight, *, every_s: float = 0.5, seconds: float = 90.0, seed: int = 0, noise_px: float = 0.4, wrong: int = 3
) -> SeenMotion:
    """How the film moved, with the noise of a small picture's motion, and a few pairs gone wrong."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.0, seconds, every_s)
    grid = np.array([(u, v) for u in np.linspace(-0.5, 0.5, 5) for v in np.linspace(-0.3, 0.3, 5)])
    found = []
    for earlier, later in pairwise(times):
        (here, h1, p1), (there, h2, p2) = flight.at(earlier), flight.at(later)
        now = axes(h2, p2, 0.0)
        rays = np.column_stack((grid, np.ones(len(grid)))) @ now
        spots = there + rays * (-there[2] / rays[:, 2])[:, None]
        was = seen_by_opencv(spots - here, FILM, axes(h1, p1, 0.0)) / (1920, 1080)
        is_now = seen_by_opencv(spots - there, FILM, now) / (1920, 1080)
        was = was + rng.normal(0, noise_px / 320, was.shape)
        found.append(cv2.findHomography(is_now, was)[0])
    for index in rng.choice(len(found), wrong, replace=False):
        found[index] = np.array([[1, 0, rng.normal(0, 0.2)], [0, 1, rng.normal(0, 0.2)], [0, 0, 1.0]])
    return SeenMotion(earlier_s=times[:-1], later_s=times[1:], earlier_from_later=np.array(found))


def surveying(seconds: float = 90.0) -> Flight:
    """Rows with turns: slower in the turns, as planes of fields are flown."""

    def course(t: np.ndarray) -> np.ndarray:
        return 90.0 * sum(eased(t, at, 4.0) for at in (18, 26, 50, 58, 80))

    def speed(t: np.ndarray) -> np.ndarray:
        return 10.0 - 6.0 * sum(eased(t, at - 3, 3.0) - eased(t, at + 4, 3.0) for at in (18, 26, 50, 58, 80))

    return flown(speed, course, seconds=seconds)


def braking() -> Flight:
    return flown(lambda t: 8 - 8 * (eased(t, 30, 3) - eased(t, 40, 3)), lambda t: 0 * t + 40)


def tilting() -> Flight:
    return flown(
        lambda t: 0 * t + 8, lambda t: 0 * t + 40, pitch_deg=lambda t: -60 - 25 * (eased(t, 30, 3) - eased(t, 60, 3))
    )


def straight() -> Flight:
    return flown(lambda t: 0 * t + 10, lambda t: 0 * t + 40)


def hovering() -> Flight:
    return flown(lambda t: 0 * t, lambda t: 0 * t + 40)


def estimate(flight: Flight, offset_s: float, *, every_s: float, seed: int, **more: float) -> ClockOffset:
    return estimate_clock_offset(
        watched(flight, seed=seed), told(flight, offset_s=offset_s, every_s=every_s, seed=seed), FILM, **more
    )
