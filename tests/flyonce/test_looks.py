"""What a picture that was looked at hands on: to the ground, and to whoever hides people in it."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch_api.evidence.looks import Finding, PictureLook
from flyonce.looks import Prepared, Shot, looks_of
from flyonce.stills import StillOriginal
from geo.ground import FlatGround
from vision.detections import Detections, detections_of
from vision.edge import is_cut
from vision.frame import Frame
from vision.pixels import ArrayPixels

BODY, HEAD = (20.0, 10.0, 32.0, 40.0), (22.0, 10.0, 30.0, 18.0)


def an_angler(frame: Frame) -> Detections:
    return detections_of([(BODY, 0.4, "person", None), (HEAD, 0.3, "person", None)])


def test_an_angler_boxed_whole_and_in_part_is_one_thing_and_hidden_by_both_boxes():
    image = np.zeros((48, 64, 3), np.uint8)
    frame = Frame(pixels=ArrayPixels(image), captured_at=None, source="film.mp4", index=0, media_time_s=0.0)
    picture = Prepared(
        key="film.mp4#0",
        name="film 0",
        frame=frame,
        shot=Shot(pose=None, camera=None, taken_at=None, clock_s=0.0, size_wh_px=(64, 48)),
        original=StillOriginal(frame=frame, stem="film_00000", note="still of film.mp4, frame 0"),
    )
    (look,) = looks_of([picture], detector=an_angler, ground=FlatGround())
    assert look.detections.boxes_xyxy_px.tolist() == [list(BODY)]
    assert look.found.boxes_xyxy_px.tolist() == [list(BODY), list(HEAD)]
    assert len(look.shown) == 1


@pytest.mark.parametrize("gap_px", [0.0, 1.9, 2.1, 3.9, 4.0, 4.1, 20.0])
def test_the_store_calls_cut_what_the_pictures_are_placed_by(gap_px):
    size, box = (64, 48), (gap_px, 20.0, 40.0, 30.0)
    kept = PictureLook(size_wh_px=size, findings=(Finding(label="waste", confidence=0.5, box_xyxy_px=box, mine=True),))
    merit = kept.merit()
    assert merit is not None
    assert (merit < 0) is is_cut(box, size)
