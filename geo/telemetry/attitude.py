"""Attitudes put together: of an aircraft, of a camera relative to it, of a quaternion. Many at once.

Rotations are (n, 3, 3) and take body axes (x forward, y right, z down) to north-east-down: Rz(heading) Ry(pitch)
Rx(roll), see docs/conventions.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Straighter up or down than this, heading and roll turn about one axis: all of it is heading then.
_NADIR_COSINE = 1e-4


def ned_from_body(heading_deg: Floats, pitch_deg: Floats, roll_deg: Floats) -> Floats:
    """The rotations (n, 3, 3) of angles (n,)."""
    (sz, cz), (sy, cy), (sx, cx) = (
        (np.sin(np.radians(angle)), np.cos(np.radians(angle))) for angle in (heading_deg, pitch_deg, roll_deg)
    )
    rows = (
        (cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        (sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        (-sy, cy * sx, cy * cx),
    )
    rotation: Floats = np.moveaxis(np.array(rows, dtype=np.float64), -1, 0)
    return rotation


def ned_from_quaternion(q_wxyz: Floats) -> Floats:
    """The rotations (n, 3, 3) of quaternions (n, 4), scalar first; those of no length give NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        w, x, y, z = (q_wxyz / np.linalg.norm(q_wxyz, axis=1, keepdims=True)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    rotation: Floats = np.moveaxis(np.array(rows, dtype=np.float64), -1, 0)
    return rotation


def angles_deg(ned_from_camera_body: Floats) -> tuple[Floats, Floats, Floats]:
    """Heading [0, 360), pitch and roll (n,) of rotations (n, 3, 3)."""
    r = ned_from_camera_body
    pitch = np.arcsin(np.clip(-r[:, 2, 0], -1.0, 1.0))
    steep = np.hypot(r[:, 0, 0], r[:, 1, 0]) < _NADIR_COSINE
    heading = np.where(steep, np.arctan2(-r[:, 0, 1], r[:, 1, 1]), np.arctan2(r[:, 1, 0], r[:, 0, 0]))
    roll = np.where(steep, 0.0, np.arctan2(r[:, 2, 1], r[:, 2, 2]))
    return np.degrees(heading) % 360.0, np.degrees(pitch), np.degrees(roll)


def quaternion(heading_deg: float, pitch_deg: float, roll_deg: float) -> tuple[float, float, float, float]:
    """The quaternion (w, x, y, z) of the rotation that takes body axes to north-east-down."""
    (sz, cz), (sy, cy), (sx, cx) = (
        (math.sin(math.radians(angle) / 2), math.cos(math.radians(angle) / 2))
        for angle in (heading_deg, pitch_deg, roll_deg)
    )
    return (
        cz * cy * cx + sz * sy * sx,
        cz * cy * sx - sz * sy * cx,
        cz * sy * cx + sz * cy * sx,
        sz * cy * cx - cz * sy * sx,
    )
