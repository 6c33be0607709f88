"""The ground of the parts of a picture that were looked at."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from flyonce.looked_at import parts_on_ground
from geo.camera import camera_by_name
from geo.footprint import footprint_polygon
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.pose import Pose

SIZE = (1920, 1080)
CAMERA = camera_by_name("generic-84dfov").filming(SIZE)
GROUND = FlatGround()


def a_pose(pitch_deg: float) -> Pose:
    return Pose(
        at=None,
        lon=120.15,
        lat=30.25,
        alt_m=70.0,
        alt_datum="home",
        heading_deg=30.0,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
    )


@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0])
def test_a_part_lies_where_its_pixels_lie(pitch_deg):
    grid = np.zeros((2, 4), np.bool_)
    grid[1, 1:3] = True
    (part,) = parts_on_ground(grid, SIZE, a_pose(pitch_deg), CAMERA, GROUND)
    polygon = shapely.Polygon(part)
    for (u, v), inside in {(700, 800): True, (1300, 600): True, (400, 800): False, (960, 400): False}.items():
        lon, lat = locate_pixels([(u, v)], a_pose(pitch_deg), CAMERA, GROUND).lonlat_deg[0]
        assert shapely.contains_xy(polygon, lon, lat) == inside


def test_all_parts_together_are_the_footprint():
    parts = parts_on_ground(np.ones((2, 4), np.bool_), SIZE, a_pose(-90.0), CAMERA, GROUND)
    whole = shapely.Polygon(footprint_polygon(a_pose(-90.0), CAMERA, GROUND))
    together = shapely.union_all([shapely.Polygon(part) for part in parts])
    assert together.symmetric_difference(whole).area < 0.001 * whole.area


def test_what_shows_the_sky_lies_nowhere():
    grid = np.array([[True, True], [False, False]])
    assert parts_on_ground(grid, SIZE, a_pose(20.0), CAMERA, GROUND) == []
