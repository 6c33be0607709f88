"""How the camera moved between two frames that were looked at: by the picture, by the pose, or by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.frame import Frame
from vision.picture_motion import Thumbnail, holds_on, motion_between, thumbnail
from vision.sampling.view import GroundView, homography

Floats = NDArray[np.float64]

_UNIT_CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
# Shares of the picture's width: what optical flow leaves, what poses leave, and how far a camera that cannot be told to
# have moved may have done so.
_FLOW_SIGMA, _POSE_SIGMA, _UNTOLD_SIGMA = 0.001, 0.008, 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraShift:
    """What the camera's motion did to the picture.

    Attributes:
        now_from_before: Homography (3, 3) from pixels of the previous frame to pixels of this one.
        sigma_px: How exact it is, one sigma.
    """

    now_from_before: Floats
    sigma_px: float


class CameraMotion(Protocol):
    """Tells how the camera moved since the frame it was asked about before."""

    def __call__(self, frame: Frame) -> CameraShift | None:
        """The shift to this frame; None for the first frame and where the picture shows another scene."""
        ...


class GroundMotion:
    """By the pose: somebody who knows it says what ground each frame shows."""

    def __init__(self, view_of: Callable[[Frame], GroundView | None]) -> None:
        """Ask `view_of` for the ground that a frame shows; None where the pose is not known."""
        self._view_of = view_of
        self._before: GroundView | None = None

    def __call__(self, frame: Frame) -> CameraShift | None:
        """The shift since the frame before; None where the pose of either is not known."""
        before, self._before = self._before, self._view_of(frame)
        if before is None or self._before is None:
            return None
        corners = self._before.unit_from_ground(before.corners_m)
        if not np.isfinite(corners).all():
            return None
        return _shift(homography(_UNIT_CORNERS, corners), frame, _POSE_SIGMA)


class PictureMotion:
    """By the picture: optical flow, which begins at a guess where there is one and falls back on it."""

    def __init__(self, guess: CameraMotion | None = None) -> None:
        """Begin the search where `guess` (the pose) says, and believe it where the picture tells nothing."""
        self._guess = guess
        self._before: Thumbnail | None = None

    def __call__(self, frame: Frame) -> CameraShift | None:
        """The shift since the frame before; None for the first frame and where the two show different scenes."""
        guess = None if self._guess is None else self._guess(frame)
        now = thumbnail(frame.image_bgr)
        before, self._before = self._before, now
        if before is None or before.size_wh_px != now.size_wh_px:
            return None
        before_from_now = motion_between(now, before, guess=None if guess is None else _inverse_in_shares(guess, frame))
        if before_from_now is not None:
            return _shift(np.asarray(np.linalg.inv(before_from_now), np.float64), frame, _FLOW_SIGMA)
        if guess is not None or holds_on(now):
            return guess
        return _shift(np.eye(3), frame, _UNTOLD_SIGMA)


def _px_from_share(frame: Frame) -> Floats:
    return np.diag([float(frame.size_wh_px[0]), float(frame.size_wh_px[1]), 1.0])


def _shift(in_shares: Floats, frame: Frame, sigma: float) -> CameraShift:
    px_from_share = _px_from_share(frame)
    matrix = px_from_share @ in_shares @ np.linalg.inv(px_from_share)
    return CameraShift(now_from_before=np.asarray(matrix / matrix[2, 2]), sigma_px=sigma * frame.size_wh_px[0])


def _inverse_in_shares(shift: CameraShift, frame: Frame) -> Floats:
    px_from_share = _px_from_share(frame)
    matrix = np.linalg.inv(px_from_share) @ np.linalg.inv(shift.now_from_before) @ px_from_share
    return np.asarray(matrix / matrix[2, 2])
