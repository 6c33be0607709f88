"""Doubtful answers come beside the believed ones and change none of them."""

from __future__ import annotations

import numpy as np

from vision.detections import Detections, detections_of
from vision.doubt import merge_apart, with_doubts
from vision.merging import merge_views
from vision.model_card import ModelCard
from vision.tiling import View

CARD = ModelCard(
    name="objects",
    task="detect",
    classes=("waste", "boat"),
    input_px=(640, 640),
    sha256="0" * 64,
    thresholds={"waste": 0.6, "boat": 0.4},
)
LEFT, RIGHT = View(left=0, top=0, right=640, bottom=640), View(left=540, top=0, right=1180, bottom=640)


def found(*rows) -> Detections:
    return detections_of([(box, confidence, label, None) for box, confidence, label in rows])


def test_a_card_is_lowered_only_where_a_floor_is_lower():
    lowered = with_doubts(CARD, {"waste": 0.5, "boat": 0.9})
    assert (lowered.threshold("waste"), lowered.threshold("boat")) == (0.5, 0.4)


def test_a_doubtful_box_seen_whole_does_not_take_the_place_of_a_believed_one_that_a_tile_cuts():
    cut, whole = ((580.0, 100.0, 640.0, 160.0), 0.8, "waste"), ((582.0, 100.0, 650.0, 160.0), 0.5, "waste")
    parts = [(LEFT, found(cut)), (RIGHT, found(whole))]
    naive = merge_views(parts, (1180, 640))
    assert naive.confidence.max() < 0.6
    apart = merge_apart(parts, (1180, 640), CARD)
    assert apart.confidence.tolist() == [np.float32(0.8)]


def test_believed_answers_come_first_and_are_those_without_doubts():
    sure = (((10.0, 10.0, 40.0, 40.0), 0.9, "waste"), ((200.0, 10.0, 240.0, 40.0), 0.45, "boat"))
    doubt = (((300.0, 300.0, 340.0, 340.0), 0.55, "waste"),)
    parts = [(LEFT, found(*sure, *doubt)), (RIGHT, Detections.empty())]
    without = merge_views([(LEFT, found(*sure)), (RIGHT, Detections.empty())], (1180, 640))
    answer = merge_apart(parts, (1180, 640), CARD)
    assert (answer.boxes_xyxy_px[:2] == without.boxes_xyxy_px).all()
    assert answer.labels == (*without.labels, "waste")
    assert answer.confidence[2] == np.float32(0.55)


def test_a_doubt_about_what_is_believed_already_is_none_but_another_label_is():
    parts = [
        (
            LEFT,
            found(
                ((10.0, 10.0, 60.0, 60.0), 0.9, "waste"),
                ((20.0, 20.0, 50.0, 50.0), 0.5, "waste"),
                ((12.0, 12.0, 60.0, 60.0), 0.3, "boat"),
            ),
        )
    ]
    assert merge_apart(parts, (640, 640), CARD).labels == ("waste", "boat")


def test_no_doubts_and_no_answers_are_no_trouble():
    assert len(merge_apart([(LEFT, Detections.empty())], (640, 640), CARD)) == 0
