"""Tie points between overlapping pictures of one flight: the same spots of ground seen twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
ReadGrey = Callable[[Path], Grey | None]

# Enough for a few hundred features on ground of any kind, and some 30 ms per picture.
SMALL_SIDE_PX = 560
_FEATURES = 800
_RATIO = 0.75
_INLIER_PX = 4.0
_LEAST_INLIERS, _LEAST_SHARE = 12, 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class TiePoints:
    """Spots seen in two pictures.

    Attributes:
        first: Index of one picture.
        second: Index of the other.
        uv_first_px: (n, 2) in the first picture's stored raster.
        uv_second_px: (n, 2) the same spots in the second.
    """

    first: int
    second: int
    uv_first_px: Floats
    uv_second_px: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """What is worth matching in one picture: places (n, 2) in pixels of the full raster, and descriptors (n, 128)."""

    uv_px: Floats
    descriptors: npt.NDArray[np.float32]


def read_small_grey(path: Path) -> Grey | None:
    """A small grey version of a picture's stored raster, or None where OpenCV cannot read it."""
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imread(str(path), flags)
    return None if picture is None else picture.astype(np.uint8, copy=False)


def features_of(grey: Grey, size_wh_px: tuple[int, int]) -> Features | None:
    """SIFT features of a grey picture of any size, in pixels of the raster of `size_wh_px`; None where too few."""
    shrink = min(1.0, SMALL_SIDE_PX / max(grey.shape))
    small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else grey
    keypoints, descriptors = cv2.SIFT.create(nfeatures=_FEATURES).detectAndCompute(small, None)
    if descriptors is None or len(keypoints) < _LEAST_INLIERS:
        return None
    scale = np.array(size_wh_px) / (small.shape[1], small.shape[0])
    # OpenCV counts from the middle of the first pixel, this package from its corner.
    uv = (np.array([keypoint.pt for keypoint in keypoints]) + 0.5) * scale
    return Features(uv_px=uv, descriptors=descriptors.astype(np.float32, copy=False))


def match(first: int, second: int, one: Features, other: Features, inlier_px: float = _INLIER_PX) -> TiePoints | None:
    """The spots that two pictures share, as far as one plane explains them; None where they are too few to believe.

    Args:
        first: Index to name the first picture by.
        second: Index to name the second picture by.
        one: Its features.
        other: Those of the second.
        inlier_px: How far, in pixels of the second, a spot may lie off the plane.
    """
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(one.descriptors, other.descriptors, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < _LEAST_INLIERS:
        return None
    uv_one = one.uv_px[[m.queryIdx for m in good]]
    uv_other = other.uv_px[[m.trainIdx for m in good]]
    # A similarity or a homography mirrored in itself is no view of the same plane; RANSAC with a fixed seed repeats.
    cv2.setRNGSeed(1)
    plane, mask = cv2.findHomography(uv_one, uv_other, cv2.RANSAC, inlier_px, maxIters=2000)
    if plane is None:
        return None
    inside = mask.ravel().astype(bool)
    if inside.sum() < _LEAST_INLIERS or inside.mean() < _LEAST_SHARE:
        return None
    return TiePoints(first=first, second=second, uv_first_px=uv_one[inside], uv_second_px=uv_other[inside])
