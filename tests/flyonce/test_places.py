"""What a look says of a thing's area: with its error where the outline was drawn, without one where it was made up."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from flyonce.looks import Look, Prepared, Shot, looks_of
from flyonce.places import Placer
from flyonce.rules_file import load_interpretation
from flyonce.stills import StillOriginal
from geo.camera import Camera
from geo.ground import FlatGround
from geo.locate import locate_polygon
from geo.pose import Pose
from vision.detections import Detections, detections_of
from vision.frame import Frame
from vision.pixels import ArrayPixels

RULES = load_interpretation()
BOX = (300.0, 200.0, 360.0, 260.0)
OUTLINE = np.array([(300, 200), (360, 205), (350, 260), (305, 250)], np.float32)


def a_look(found: Detections) -> Look:
    frame = Frame(pixels=ArrayPixels(np.zeros((480, 640, 3), np.uint8)), captured_at=None, source="a", index=0)
    pose = Pose(
        at=datetime(2026, 7, 1, tzinfo=UTC), lon=118.87, lat=28.97, alt_m=60.0, alt_datum="home", heading_deg=20.0,
        pitch_deg=-90.0, roll_deg=0.0,
    )  # fmt: skip
    camera = Camera(name="c", size_wh_px=(640, 480), focal_xy_px=(500.0, 500.0), principal_xy_px=(320.0, 240.0))
    shot = Shot(pose=pose, camera=camera, taken_at=None, clock_s=0.0, size_wh_px=(640, 480))
    original = StillOriginal(frame=frame, stem="a", note="a")
    picture = Prepared(key="a", name="a", frame=frame, shot=shot, original=original)
    (look,) = looks_of([picture], detector=lambda _: found, ground=FlatGround())
    return look


def the_sighting(look: Look):
    (sighting,) = Placer(flight_id="f", ground=FlatGround(), rules=RULES, not_placed=Counter()).sightings_in(look)
    return sighting


def test_a_drawn_outline_has_the_error_that_the_ground_tells():
    look = a_look(detections_of([(BOX, 0.9, "standing_water", OUTLINE)]))
    sighting = the_sighting(look)
    told = locate_polygon(OUTLINE, look.shot.pose, look.shot.camera, FlatGround())
    assert sighting.area_m2 == pytest.approx(told.area_m2)
    assert sighting.area_sigma_m2 == pytest.approx(told.area_sigma_m2)
    assert 0 < sighting.area_sigma_m2 < sighting.area_m2


def test_an_outline_made_up_from_a_box_has_none():
    sighting = the_sighting(a_look(detections_of([(BOX, 0.9, "standing_water", None)])))
    assert sighting.area_m2 > 0
    assert sighting.area_sigma_m2 is None
