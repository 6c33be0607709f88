"""Parts of a picture that somebody who knows the place speaks for: cut outlines, dropped detections."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from vision.context_masks import PictureMask, masked
from vision.detections import detections_of
from vision.errors import InvalidValueError


def square(left, top, side):
    return np.array([(left, top), (left + side, top), (left + side, top + side), (left, top + side)], np.float32)


def found(label, ring, *, outline=True, confidence=0.8):
    (left, top), (right, bottom) = ring.min(axis=0), ring.max(axis=0)
    return ((left, top, right, bottom), confidence, label, ring if outline else None)


def lake(*rings, labels=("standing_water",)):
    return PictureMask(name="lake", effect="cut", rings_px=rings, labels=frozenset(labels))


def test_water_under_a_mask_vanishes_and_is_counted():
    rest, gone = masked(detections_of([found("standing_water", square(110, 110, 50))]), [lake(square(100, 100, 200))])
    assert len(rest) == 0
    assert gone == {"lake": 1}


def test_only_the_part_outside_the_mask_counts():
    rest, gone = masked(detections_of([found("standing_water", square(60, 100, 80))]), [lake(square(100, 0, 400))])
    assert len(rest) == 1
    assert gone == {"lake": 0}
    assert rest.boxes_xyxy_px[0].tolist() == [60, 100, 100, 180]
    assert shapely.Polygon(rest.polygons_px[0]).area == pytest.approx(40 * 80)
    assert rest.confidence[0] == pytest.approx(0.8)


def test_an_outline_cut_in_two_becomes_two_detections():
    rest, _ = masked(detections_of([found("standing_water", square(0, 0, 300))]), [lake(square(100, -10, 320))])
    assert len(rest) == 1
    river = np.array([(140, -5), (160, -5), (160, 305), (140, 305)], np.float32)
    rest, _ = masked(detections_of([found("standing_water", square(0, 0, 300))]), [lake(river)])
    assert len(rest) == 2
    assert sorted(shapely.Polygon(p).area for p in rest.polygons_px) == pytest.approx([140 * 300, 140 * 300])


def test_slivers_that_a_cut_leaves_over_vanish():
    rest, gone = masked(detections_of([found("standing_water", square(99, 110, 50))]), [lake(square(100, 100, 200))])
    assert len(rest) == 0
    assert gone == {"lake": 1}


def test_an_island_of_the_mask_is_cut_out_as_a_bay():
    rest, _ = masked(detections_of([found("standing_water", square(0, 0, 300))]), [lake(square(100, 100, 100))])
    assert len(rest) == 1
    assert shapely.Polygon(rest.polygons_px[0]).area == pytest.approx(300**2 - 100**2, rel=0.01)


def test_an_outline_that_hardly_touches_the_mask_stays_as_it_is():
    ring = square(0, 0, 100)
    rest, _ = masked(detections_of([found("standing_water", ring)]), [lake(square(99, 0, 50))])
    assert np.array_equal(rest.polygons_px[0], ring)


def test_other_labels_and_places_are_left_alone():
    rows = detections_of([found("waste", square(110, 110, 50)), found("standing_water", square(600, 600, 50))])
    rest, gone = masked(rows, [lake(square(100, 100, 200))])
    assert rest.labels == rows.labels
    assert sum(gone.values()) == 0


def test_whatever_stands_on_deceiving_ground_is_dropped_by_its_point_of_contact():
    deceit = PictureMask(name="deceit", effect="drop", rings_px=(square(100, 100, 100),))
    standing = found("person", np.array([(140, 50), (160, 150)], np.float32), outline=False)
    beside = found("person", np.array([(140, 150), (160, 260)], np.float32), outline=False)
    rest, gone = masked(detections_of([standing, beside]), [deceit])
    assert rest.boxes_xyxy_px.tolist() == [[140, 150, 160, 260]]
    assert gone == {"deceit": 1}


def test_a_mask_for_some_labels_lets_others_stand_on_it():
    deceit = PictureMask(
        name="deceit", effect="drop", rings_px=(square(0, 0, 500),), labels=frozenset({"standing_water"})
    )
    rest, _ = masked(
        detections_of([found("waste", square(10, 10, 50)), found("standing_water", square(100, 100, 50))]), [deceit]
    )
    assert rest.labels == ("waste",)


def test_a_ring_of_two_points_is_refused():
    with pytest.raises(InvalidValueError, match="three points"):
        PictureMask(name="a", effect="cut", rings_px=(np.zeros((2, 2)),))
