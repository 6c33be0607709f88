"""How a whole picture moved against an earlier one: what the camera did, told by the picture alone.

Phase correlation finds the large shift, sparse optical flow from there refines it, and RANSAC keeps what the scene as a
whole did and drops what moved in it by itself. Where the camera also turned far, flow fails and features are matched.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.pixels import Image

Floats = NDArray[np.float64]

_WIDTH_PX = 320
_CORNERS = 200
_LEAST_POINTS = 12
_LEAST_INLIERS = 0.4
_FEATURES = 600
_LEAST_MATCHES = 0.15
_RANSAC_PX = 1.5
# A picture that shares less than this with the earlier one tells no motion that one could trust.
_LEAST_SHARED = 0.15
_MOST_ZOOM = 1.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Thumbnail:
    """A picture reduced for telling motion.

    Attributes:
        grey: Shape (h, 320), uint8.
    """

    grey: NDArray[np.uint8]

    @property
    def size_wh_px(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.grey.shape[1], self.grey.shape[0]


def thumbnail(picture: Image) -> Thumbnail:
    """Reduce a picture, BGR of shape (h, w, 3) or grey of shape (h, w)."""
    height, width = picture.shape[:2]
    size = (_WIDTH_PX, max(round(height * _WIDTH_PX / width), 16))
    # Whole steps by the nearest pixel first: averaging all of a large picture would cost more than the rest.
    step = max(width // (2 * _WIDTH_PX), 1)
    small = cv2.resize(np.ascontiguousarray(picture[::step, ::step]), size, interpolation=cv2.INTER_AREA)
    grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return Thumbnail(grey=np.asarray(grey, np.uint8))


def holds_on(now: Thumbnail) -> bool:
    """Whether the picture shows enough that motion could be told from it."""
    return _corners(now) is not None


def motion_between(now: Thumbnail, before: Thumbnail, *, guess: Floats | None = None) -> Floats | None:
    """Where what is seen now was seen before.

    Args:
        now: The later picture.
        before: The earlier one, of the same size.
        guess: About what is asked for, where somebody knows it: the search begins there.

    Returns:
        Homography (3, 3) from the later picture to the earlier one, both with their top left corner at (0, 0) and their
        bottom right one at (1, 1); None where no motion can be told: nothing to hold on to, or another scene.
    """
    if now.size_wh_px != before.size_wh_px:
        return None
    points = _corners(now)
    if points is None:
        return None
    px_from_share = _px_from_share(now.size_wh_px)
    guesses = [np.eye(3), _shifted(now, before)]
    if guess is not None:
        guesses = [np.asarray(px_from_share @ guess @ np.linalg.inv(px_from_share), np.float64)]
    found = _flow(now, before, points, guesses)
    if found is None:
        found = _by_features(now, before)
    return None if found is None else _in_shares(found, now.size_wh_px)


def _corners(now: Thumbnail) -> NDArray[np.float32] | None:
    points = cv2.goodFeaturesToTrack(now.grey, _CORNERS, 0.01, 6)
    return None if points is None or len(points) < _LEAST_POINTS else np.asarray(points, np.float32)


def _shifted(now: Thumbnail, before: Thumbnail) -> Floats:
    """The shift that makes the later picture the earlier one, by phase correlation."""
    window = cv2.createHanningWindow(now.size_wh_px, cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(now.grey.astype(np.float32), before.grey.astype(np.float32), window)
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def _flow(now: Thumbnail, before: Thumbnail, points: NDArray[np.float32], guesses: list[Floats]) -> Floats | None:
    """The motion that most points agree on, of those that the guesses lead to."""
    best: tuple[int, Floats] | None = None
    for guess in guesses:
        begin = cv2.perspectiveTransform(points, guess).astype(np.float32)
        there, ok, _ = cv2.calcOpticalFlowPyrLK(
            now.grey, before.grey, points, begin, winSize=(21, 21), maxLevel=3, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
        )
        kept = ok.ravel() == 1
        agreed = _agreed(points[kept], there[kept], now.size_wh_px, least_share=_LEAST_INLIERS)
        if agreed is not None and (best is None or agreed[0] > best[0]):
            best = agreed
    return None if best is None else best[1]


def _by_features(now: Thumbnail, before: Thumbnail) -> Floats | None:
    """The motion that most matching features agree on, however far the picture turned."""
    finder = cv2.ORB.create(nfeatures=_FEATURES, edgeThreshold=12, patchSize=25, fastThreshold=7)
    (points, words), (points_before, words_before) = (finder.detectAndCompute(one.grey, None) for one in (now, before))
    if words is None or words_before is None:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(words, words_before)
    here = np.array([points[match.queryIdx].pt for match in matches], np.float32).reshape(-1, 1, 2)
    there = np.array([points_before[match.trainIdx].pt for match in matches], np.float32).reshape(-1, 1, 2)
    agreed = _agreed(here, there, now.size_wh_px, least_share=_LEAST_MATCHES)
    return None if agreed is None else agreed[1]


def _agreed(
    here: NDArray[np.float32], there: NDArray[np.float32], size_wh_px: tuple[int, int], *, least_share: float
) -> tuple[int, Floats] | None:
    """How many pairs of points agree on one plausible motion, and that motion; None if too few do."""
    if len(here) < _LEAST_POINTS:
        return None
    matrix, inliers = cv2.findHomography(here, there, cv2.RANSAC, _RANSAC_PX)
    if matrix is None or inliers.sum() < max(_LEAST_POINTS, least_share * len(here)):
        return None
    found = np.asarray(matrix, np.float64)
    return (int(inliers.sum()), found) if _is_plausible(found, size_wh_px) else None


def _is_plausible(before_from_now: Floats, size_wh_px: tuple[int, int]) -> bool:
    width, height = size_wh_px
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    homogeneous = np.column_stack([corners, np.ones(4)]) @ before_from_now.T
    if (homogeneous[:, 2] <= 0).any():
        return False
    moved = (homogeneous[:, :2] / homogeneous[:, 2:]).astype(np.float32)
    area = cv2.contourArea(moved, oriented=True)
    if not 1 / _MOST_ZOOM**2 < area / (width * height) < _MOST_ZOOM**2:
        return False
    shared, _ = cv2.intersectConvexConvex(corners, moved)
    return shared >= _LEAST_SHARED * width * height


def _in_shares(matrix_px: Floats, size_wh_px: tuple[int, int]) -> Floats:
    px_from_share = _px_from_share(size_wh_px)
    matrix: Floats = np.linalg.inv(px_from_share) @ matrix_px @ px_from_share
    return np.asarray(matrix / matrix[2, 2])


def _px_from_share(size_wh_px: tuple[int, int]) -> Floats:
    # OpenCV counts pixel centres, shares count from the picture's corner.
    width, height = size_wh_px
    return np.array([[width, 0, -0.5], [0, height, -0.5], [0, 0, 1.0]])
