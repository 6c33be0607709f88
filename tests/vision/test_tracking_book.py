"""The track book: a track counts once its median score passes, is told of once, and leaves its best frames."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tracking_scenes import Shot, a_frame, detections, textured

from vision.detections import Detections
from vision.errors import InvalidValueError
from vision.frame import Frame
from vision.pixels import ArrayPixels
from vision.tracking import UNTRACKED, TrackBook, TrackEvent
from vision.tracking.best_frames import quality

GROUND = textured(900)
BOX = (300.0, 150.0, 340.0, 190.0)


def frame_at(time_s: float, *, blur: float = 0.0) -> Frame:
    frame = a_frame(Shot(time_s=time_s, x_px=450, y_px=450), GROUND, index=round(time_s * 10))
    if not blur:
        return frame
    return replace(frame, pixels=ArrayPixels(np.asarray(cv2.GaussianBlur(frame.image_bgr, (0, 0), blur), np.uint8)))


def tracked(*ids: int, confidence: float = 0.8, label: str = "waste", box: tuple[float, ...] = BOX) -> Detections:
    found = detections([box] * len(ids), confidence=confidence, label=label)
    return replace(found, track_id=np.array(ids, np.int64))


def told(book: TrackBook, scores: list[float]) -> list[tuple[int, str]]:
    """Looks (counted from 1) after which something was told, and what."""
    return [
        (number, event.kind)
        for number, score in enumerate(scores, start=1)
        for event in book.add(frame_at(0.5 * number), tracked(7, confidence=score))
    ]


@pytest.mark.parametrize(
    ("scores", "confirmed_at"),
    [
        ([0.9, 0.9, 0.9, 0.9], [2]),  # of 0.9, 0.9 and one zero the median is 0.9
        ([0.9], []),
        ([0.9, 0.3, 0.3, 0.3], []),
        ([0.9, 0.3, 0.7], [3]),
        ([0.2, 0.2, 0.9, 0.9, 0.9], [4]),
        ([0.55, 0.55, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [2]),
    ],
)
def test_a_track_is_confirmed_exactly_once_when_the_median_of_its_padded_scores_passes(
    scores: list[float], confirmed_at: list[int]
) -> None:
    assert told(TrackBook(threshold=0.5), scores) == [(number, "confirmed") for number in confirmed_at]


def test_every_label_has_its_own_threshold() -> None:
    book = TrackBook(thresholds={"person": 0.3}, threshold=0.6)
    events = [book.add(frame_at(0.5 * n), tracked(1, confidence=0.4, label="person")) for n in range(3)]
    assert [len(one) for one in events] == [0, 1, 0]
    strict = TrackBook(thresholds={"person": 0.3}, threshold=0.6)
    assert not any(strict.add(frame_at(0.5 * n), tracked(1, confidence=0.4)) for n in range(3))


def test_of_two_labels_of_one_track_the_one_that_was_found_more_often_counts() -> None:
    book = TrackBook(threshold=0.5)
    for number, label in enumerate(["waste_bin", "overflowing_bin", "waste_bin", "waste_bin", "waste_bin"]):
        book.add(frame_at(0.5 * number), tracked(1, label=label))
    assert book.track(1).label == "waste_bin"
    assert book.track(1).looks == 5


def test_a_track_that_was_not_found_for_long_ends_once_and_is_forgotten() -> None:
    book = TrackBook(end_after_s=2.0)
    for time_s in (0.0, 1.0):
        book.add(frame_at(time_s), tracked(1, 2))
    assert book.add(frame_at(2.0), tracked(2)) == ()
    ended = book.add(frame_at(3.1), tracked(2))
    assert [(event.kind, event.track.track_id) for event in ended] == [("ended", 1)]
    record = ended[0].track
    assert (record.first_seen_s, record.last_seen_s, record.looks, record.confirmed) == (0.0, 1.0, 2, True)
    assert len(book) == 1
    assert [event.track.track_id for event in book.flush()] == [2]
    assert (len(book), book.bytes_kept, book.flush()) == (0, 0, ())


def test_the_best_frames_are_the_sharp_large_and_central_ones() -> None:
    middle, small, aside, cut = (300, 150, 340, 190), (310, 160, 318, 168), (20, 20, 60, 60), (0, 150, 40, 190)
    sharp = frame_at(0.0)
    best = quality(sharp, np.array(middle, np.float32))
    assert best > quality(sharp, np.array(small, np.float32))
    assert best > quality(sharp, np.array(aside, np.float32)) > quality(sharp, np.array(cut, np.float32))
    assert best > 1.3 * quality(frame_at(0.0, blur=4.0), np.array(middle, np.float32))


def test_a_track_keeps_a_few_frames_the_best_first_as_pictures_that_open() -> None:
    book = TrackBook(best_frames=2)
    for number, blur in enumerate((5.0, 0.0, 5.0, 2.0, 5.0)):
        book.add(frame_at(0.5 * number, blur=blur), tracked(1))
    best = book.track(1).best
    assert [frame.media_time_s for frame in best] == [0.5, 1.5]
    picture = cv2.imdecode(np.frombuffer(best[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (360, 640, 3)
    assert best[0].box_xyxy_px == BOX


def test_a_frame_that_several_tracks_keep_is_kept_once() -> None:
    book = TrackBook(best_frames=1)
    book.add(frame_at(0.0), tracked(1, 2, 3, 4))
    alone = TrackBook(best_frames=1)
    alone.add(frame_at(0.0), tracked(1))
    assert book.bytes_kept == alone.bytes_kept > 10_000


def test_kept_frames_stay_within_their_bound_and_confirmed_tracks_keep_one() -> None:
    one_frame = TrackBook()
    one_frame.add(frame_at(0.0), tracked(1))
    bound = 4 * one_frame.bytes_kept
    book = TrackBook(best_frames=3, most_bytes=bound)
    for number in range(12):
        book.add(frame_at(0.1 * number, blur=max(3 - 0.2 * number, 0)), tracked(number % 3 + 1))
    assert book.bytes_kept <= bound
    assert all(book.track(track_id).best for track_id in (1, 2, 3))
    for number in range(12, 30):
        book.add(frame_at(0.1 * number), tracked(100 + number))
    assert book.bytes_kept <= bound
    assert all(book.track(track_id).best for track_id in (1, 2, 3))


def test_untracked_rows_are_passed_over_and_untracked_detections_refused() -> None:
    book = TrackBook()
    assert book.add(frame_at(0.0), tracked(UNTRACKED)) == ()
    assert len(book) == 0
    with pytest.raises(InvalidValueError, match="pass them through a tracker"):
        book.add(frame_at(0.0), detections([BOX]))


def test_an_event_carries_the_track_as_it_stood_then() -> None:
    book = TrackBook()
    events: list[TrackEvent] = []
    for number in range(6):
        events += book.add(frame_at(0.5 * number), tracked(1))
    assert [event.track.looks for event in events] == [2]
    assert book.track(1).looks == 6


def test_figures_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="least_looks"):
        TrackBook(least_looks=5, history=3)
