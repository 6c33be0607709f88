"""Biases planted into whole flights, found from spots that pictures share, and refused where they cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brighton_flight import brighton, tie_distances_m, turned_and_mended
from geo_builders import LAT, LON, a_camera, a_pose
from honest_scenes import axes, seen_by_opencv

from geo.camera import Camera
from geo.flight_bias import FlightBias, estimate_flight_bias
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.pose import Pose
from geo.telemetry.tie_points import TiePoints

FRAME = LocalFrame(lon=LON, lat=LAT)
CAMERA = a_camera()
HEIGHT_M = 80.0


def to_and_fro(rows: int = 4, per_row: int = 8) -> list[tuple[float, float, float]]:
    """East, north and heading of pictures in rows 25 m apart, every other one flown back."""
    return [
        (25.0 * row, 15.0 * (at if row % 2 == 0 else per_row - 1 - at), 0.0 if row % 2 == 0 else 180.0)
        for row in range(rows)
        for at in range(per_row)
    ]


def flown(
    places: list[tuple[float, float, float]],
    *,
    heading_deg: float = 0.0,
    forward_m: float = 0.0,
    east_m: float = 0.0,
    own_m: float = 0.6,
    seed: int = 0,
    pitch_deg: float = -90.0,
) -> tuple[list[tuple[Pose, Camera] | None], list[TiePoints]]:
    """What the files tell, off by these, and the spots that OpenCV saw twice."""
    rng = np.random.default_rng(seed)
    told, true = [], []
    for east, north, heading in places:
        tilt, turn = rng.normal(0, 0.3), rng.normal(0, 0.4)
        true.append((np.array([east, north, HEIGHT_M]), axes(heading, pitch_deg + tilt, 0.0)))
        ahead = forward_m * np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
        at = np.array([east + east_m, north]) + ahead + rng.normal(0, own_m, 2)
        lon, lat = FRAME.lonlat_from_en([at])[0]
        pose = a_pose(
            lon=float(lon),
            lat=float(lat),
            alt_m=HEIGHT_M,
            heading_deg=heading + heading_deg + turn,
            pitch_deg=pitch_deg,
        )
        told.append((pose, CAMERA))
    ties = []
    for first in range(len(places)):
        for second in range(first + 1, len(places)):
            if np.hypot(*(true[first][0] - true[second][0])[:2]) > 42:
                continue
            middle = (true[first][0] + true[second][0])[:2] / 2
            spots = np.column_stack((middle + rng.uniform(-18, 18, (25, 2)), np.zeros(25)))
            uv = [
                seen_by_opencv(spots - at, CAMERA, rows) + rng.normal(0, 1, (25, 2))
                for at, rows in (true[first], true[second])
            ]
            inside = np.all([((one >= 0) & (one <= (4000, 3000))).all(axis=1) for one in uv], axis=0)
            if inside.sum() >= 8:
                ties.append(
                    TiePoints(first=first, second=second, uv_first_px=uv[0][inside], uv_second_px=uv[1][inside])
                )
    return told, ties


def found(places: list[tuple[float, float, float]], **planted: float) -> FlightBias:
    told, ties = flown(places, **planted)
    return estimate_flight_bias(told, ties, FlatGround())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_compass_and_a_late_shutter_are_found_in_rows_flown_to_and_fro(seed: int) -> None:
    bias = found(to_and_fro(), heading_deg=3.0, forward_m=2.5, seed=seed)
    assert bias.heading_deg is not None
    assert bias.forward_m is not None
    assert bias.heading_deg.value == pytest.approx(3.0, abs=min(3 * bias.heading_deg.sigma, 1.2))
    assert bias.forward_m.value == pytest.approx(2.5, abs=min(3 * bias.forward_m.sigma, 0.8))
    assert bias.heading_deg.is_clear
    assert bias.forward_m.is_clear
    assert bias.left_m is not None
    assert bias.disagreement_m is not None
    assert bias.left_m < 0.6 * bias.disagreement_m


def test_errors_of_the_estimate_are_honest() -> None:
    off = []
    for seed in range(12):
        bias = found(to_and_fro(rows=3, per_row=6), heading_deg=-2.0, forward_m=1.5, seed=seed)
        for told, planted in ((bias.heading_deg, -2.0), (bias.forward_m, 1.5), (bias.right_m, 0.0)):
            assert told is not None
            off.append((told.value - planted) / told.sigma)
    assert 0.3 < np.sqrt(np.mean(np.square(off))) < 1.3


def test_what_nothing_is_off_by_is_not_corrected() -> None:
    told, ties = flown(to_and_fro(), seed=4)
    bias = estimate_flight_bias(told, ties, FlatGround())
    assert bias.heading_deg is not None
    assert abs(bias.heading_deg.value) < 3 * bias.heading_deg.sigma
    assert bias.left_m is not None
    assert bias.disagreement_m is not None
    assert bias.left_m < 1.1 * bias.disagreement_m


def test_one_row_tells_the_heading_but_not_where_along_it() -> None:
    bias = found([(0.0, 15.0 * at, 0.0) for at in range(16)], heading_deg=4.0, forward_m=3.0)
    assert bias.heading_deg is not None
    assert bias.heading_deg.value == pytest.approx(4.0, abs=3 * bias.heading_deg.sigma)
    assert bias.forward_m is None
    assert bias.right_m is None


def test_what_all_pictures_share_in_east_and_north_is_neither_seen_nor_made_up() -> None:
    with_shift, without = (found(to_and_fro(), east_m=shift, seed=1) for shift in (5.0, 0.0))
    for name in ("heading_deg", "forward_m", "right_m", "stretch"):
        assert getattr(with_shift, name).value == pytest.approx(getattr(without, name).value, abs=1e-3)


def test_too_few_pictures_tell_nothing() -> None:
    bias = found([(0.0, 0.0, 0.0), (0.0, 15.0, 0.0)], heading_deg=5.0)
    assert bias.pairs == 1
    assert bias.heading_deg is None
    assert bias.corrected(a_pose()) == a_pose()
    nobody = estimate_flight_bias([None, None], [], FlatGround())
    assert nobody.disagreement_m is None


def test_a_corrected_pose_places_better_and_knows_its_heading_better() -> None:
    told, ties = flown(to_and_fro(), heading_deg=4.0, forward_m=3.0, own_m=0.3)
    bias = estimate_flight_bias(told, ties, FlatGround())
    assert told[9] is not None
    pose, camera = told[9]
    mended = bias.corrected(pose)
    assert mended.sigmas.heading_deg < pose.sigmas.heading_deg
    east, north, heading = to_and_fro()[9]
    spot = np.array([[east + 15.0, north - 20.0, 0.0]])
    uv = seen_by_opencv(spot - (east, north, HEIGHT_M), camera, axes(heading, -90.0, 0.0))
    before, after = (
        np.hypot(*(FRAME.en_from_lonlat(locate_pixels(uv, one, camera, FlatGround()).lonlat_deg)[0] - spot[0, :2]))
        for one in (pose, mended)
    )
    assert before > 2.0
    assert after < before / 2
    assert bias.corrected(replace(pose, heading_deg=None)).lon == pose.lon


def test_brighton_disagrees_no_more_once_its_bias_is_taken_off(shared_data: Path) -> None:
    _, bias, turned, mended = turned_and_mended(brighton(shared_data))
    assert bias.pairs >= 20
    as_told = tie_distances_m(shared_data, turned)
    assert np.median(tie_distances_m(shared_data, mended)) <= np.median(as_told)
