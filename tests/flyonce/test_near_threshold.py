"""Sightings near their threshold: kept as samples, a few per flight, and never believed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from dispatch_api.store import migrate, open_store
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.dataset import export_dataset
from flyonce.near_threshold import KnownModels, NearThreshold, doubts_of
from vision.detections import detections_of
from vision.frame import Frame
from vision.model_card import ModelCard
from vision.pixels import ArrayPixels

CARD = ModelCard(
    name="objects",
    task="detect",
    classes=("waste", "person", "vehicle"),
    input_px=(640, 640),
    sha256="cd" * 32,
    thresholds={"waste": 0.6, "person": 0.3, "vehicle": 0.4},
)
MODELS = KnownModels(cards=dict.fromkeys(CARD.labels, CARD))
BAG = (500.0, 400.0, 560.0, 450.0)


def a_frame(index=0):
    image = np.random.default_rng(index).integers(0, 255, (900, 1200, 3), np.uint8)
    return Frame(pixels=ArrayPixels(image), captured_at=None, source="video.mp4", index=index, ground_resolution_m=0.04)


def looking_at(*rows, **changes):
    """A detector that answers these rows for every picture; a row's confidence may be a function of the frame."""

    def answer(frame):
        told = [(box, c(frame) if callable(c) else c, label, None) for box, c, label in rows]
        return detections_of(told)

    return NearThreshold(answer, MODELS, **changes)


def test_the_chain_gets_what_is_believed_and_the_rest_is_handed_out_once():
    near = looking_at((BAG, 0.55, "waste"), ((10.0, 10.0, 60.0, 60.0), 0.8, "waste"))
    frame = a_frame()
    assert near(frame).confidence.tolist() == [np.float32(0.8)]
    assert near.doubtful_in(frame).confidence.tolist() == [np.float32(0.55)]
    assert len(near.doubtful_in(frame)) == 0


def test_sightings_on_both_sides_of_the_threshold_are_kept_and_far_ones_are_not():
    for confidence, kept in ((0.49, 0), (0.52, 1), (0.68, 1), (0.72, 0)):
        near = looking_at((BAG, confidence, "waste"))
        near(a_frame())
        assert len(near.take("f")) == kept, confidence


def test_a_flight_keeps_few_cut_outs_of_a_label_those_nearest_to_the_threshold():
    near = looking_at((BAG, lambda frame: 0.51 + 0.003 * frame.index, "waste"), most_per_label=5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(near, [a_frame(n) for n in range(25)]))
    kept = near.take("flight-7")
    assert [round(one.confidence, 3) for one in kept] == [0.582, 0.579, 0.576, 0.573, 0.57]
    assert {one.flight_id for one in kept} == {"flight-7"}
    assert len(near.take("flight-8")) == 0


def test_twenty_bags_of_one_heap_are_one_sample():
    bags = [((20.0 * n, 300.0, 20.0 * n + 15, 320.0), 0.58, "waste") for n in range(20)]
    near = looking_at(*bags)
    near(a_frame())
    assert len(near.take("f")) == 1


@pytest.mark.parametrize("label", ["person", "vehicle"])
def test_nobodys_picture_is_kept_without_a_case(label):
    near = looking_at((BAG, CARD.threshold(label) + 0.01, label))
    near(a_frame())
    assert len(near.take("f")) == 0


def test_people_in_a_kept_cut_out_are_hidden_even_where_they_are_only_guessed():
    passer_by = ((600.0, 300.0, 660.0, 440.0), 0.12, "person")
    near = looking_at((BAG, 0.55, "waste"), passer_by)
    near(a_frame())
    (kept,) = near.take("f")
    image = cv2.imdecode(np.frombuffer(kept.picture_jpeg, np.uint8), cv2.IMREAD_COLOR)
    guessed = next(one for one in kept.look.findings if one.label == "person")
    left, top, right, bottom = (int(side) for side in guessed.box_xyxy_px)
    noise = cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_64F)
    assert noise[top:bottom, left:right].var() < 0.05 * noise[20:120, 20:120].var()
    assert (guessed.believed, guessed.mine) == (False, False)


def test_the_cut_outs_look_is_in_its_own_pixels():
    near = looking_at(((1100.0, 800.0, 1160.0, 850.0), 0.55, "waste"))
    near(a_frame())
    (kept,) = near.take("f")
    mine = next(one for one in kept.look.findings if one.mine)
    assert kept.look.size_wh_px == (640, 640)
    assert mine.box_xyxy_px == (540.0, 540.0, 600.0, 590.0)
    assert (mine.model, mine.model_sha256, kept.threshold) == ("objects", "cd" * 32, 0.6)
    assert kept.look.ground_resolution_m == 0.04


def test_models_are_asked_for_doubts_within_the_margin_and_for_everybody_who_is_to_be_hidden():
    assert doubts_of(CARD) == {"waste": pytest.approx(0.5), "person": 0.1, "vehicle": 0.1}


def test_what_is_kept_waits_in_the_export_and_a_second_analysis_takes_its_place(tmp_path):
    url = f"sqlite:///{tmp_path}/city.db"
    migrate(url)
    with open_store(url) as store:
        desk = VerdictDesk(store)
        for _ in range(2):
            near = looking_at((BAG, 0.55, "waste"))
            near(a_frame())
            assert desk.keep_near_misses("f1", near.take("f1")) == 1
        result = export_dataset(store, tmp_path / "set")
        (waiting,) = (tmp_path / "set" / "uncertain" / "images").iterdir()
        assert result.pictures["uncertain"] == 1
        assert result.pictures["train"] + result.pictures["val"] + result.pictures["test"] == 0
        (kept,) = desk.near_misses()
        assert waiting.read_bytes() == desk.picture(kept.picture_sha256)
