"""The offset between a film's clock and its telemetry's, found in the test bed's pictures of real ground on hills."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from testbed import Bed, BedGround, BedLens, Hills, Lawnmower, Planted
from testbed.files import write_csv
from testbed.ground import ground_is_there

from geo.camera import Camera
from geo.clock_offset import ClockOffset, estimate_clock_offset
from geo.motion_fit import SeenMotion
from geo.telemetry.poses_csv import read_poses_csv
from vision.picture_motion import motion_between, thumbnail

LENS = BedLens(size_wh_px=(320, 240), focal_px=260.0)
CAMERA = Camera(name="bed", size_wh_px=(320, 240), focal_xy_px=(260.0, 260.0), principal_xy_px=(160.0, 120.0))
EVERY_S = 0.4


def seen_in(bed: Bed) -> SeenMotion:
    """How the bed's pictures move, measured as in any film."""
    times = np.arange(0.0, bed.flight.duration_s, EVERY_S)
    small = [thumbnail(bed.picture(float(time_s), index)) for index, time_s in enumerate(times)]
    moved = [motion_between(now, before) for before, now in pairwise(small)]
    known = np.array([one is not None for one in moved])
    assert known.mean() > 0.9
    return SeenMotion(
        earlier_s=times[:-1][known],
        later_s=times[1:][known],
        earlier_from_later=np.array([one for one in moved if one is not None]),
    )


def estimate(folder: Path, bed: Bed) -> ClockOffset:
    """From what was seen, and telemetry once a second."""
    rows = bed.rows(0.0, bed.flight.duration_s, 1.0)
    track = read_poses_csv(write_csv(folder / "poses.csv", rows)).track
    assert track is not None
    return estimate_clock_offset(seen_in(bed), track, CAMERA)


@pytest.mark.parametrize(("offset_s", "pitch_deg", "seed"), [(1.3, -90.0, 1), (-2.4, -60.0, 2)])
def test_a_planted_offset_is_found_though_the_ground_is_hilly_and_the_telemetry_noisy(
    tmp_path: Path, offset_s: float, pitch_deg: float, seed: int
) -> None:
    bed = Bed(
        hills=Hills(seed=seed),
        ground=BedGround(reach_m=240.0, resolution_m=0.25, real=ground_is_there()),
        flight=Lawnmower(rows=3, row_m=80.0, spacing_m=30.0, pitch_deg=pitch_deg),
        lens=LENS,
        planted=Planted(
            clock_offset_s=offset_s,
            bias_en_m=(1.0, -0.5),
            bias_heading_deg=1.0,
            noise_m=0.6,
            lasting_s=20.0,
            noise_heading_deg=0.5,
            noise_tilt_deg=0.3,
            seed=seed,
        ),
    )
    found = estimate(tmp_path, bed)
    assert found.offset_s is not None, found.reason
    assert found.sigma_s is not None
    assert abs(found.offset_s - offset_s) < 0.2
    assert abs(found.offset_s - offset_s) < 3 * found.sigma_s


def test_a_straight_flight_at_one_speed_cannot_tell_the_offset_and_says_so(tmp_path: Path) -> None:
    bed = Bed(
        hills=Hills(relief_m=0.0),
        ground=BedGround(reach_m=240.0, resolution_m=0.25, real=ground_is_there()),
        flight=Lawnmower(rows=1, row_m=120.0, speed_share=0.0, shake_deg=0.0),
        lens=LENS,
        planted=Planted(clock_offset_s=1.3),
    )
    found = estimate(tmp_path, bed)
    assert (found.offset_s, found.sigma_s) == (None, None)
    assert found.reason is not None
