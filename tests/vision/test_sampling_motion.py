"""The motion sampler: the same idea without a pose, from the pictures alone."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from tracking_scenes import HEIGHT, WIDTH, Shot, a_frame, textured

from vision.errors import InvalidValueError
from vision.pixels import Image
from vision.sampling import MotionSampler, Pace


@pytest.fixture(scope="module")
def ground() -> Image:
    return textured()


def flown(
    *, seconds: float, speed_px_s: float, fps: float = 5.0, begin_s: float = 0.0, x_px: float = 500
) -> list[Shot]:
    count = int(seconds * fps)
    return [
        Shot(time_s=begin_s + index / fps, x_px=x_px + speed_px_s * index / fps, y_px=1200) for index in range(count)
    ]


def chosen(sampler: MotionSampler, shots: list[Shot], ground: Image) -> list[Shot]:
    return [
        shot
        for shot in shots
        if shot.time_s >= sampler.next_time_s and sampler.decide(shot.time_s, a_frame(shot, ground).image_bgr).look
    ]


def test_every_place_that_passes_is_seen_often_enough(ground: Image) -> None:
    looks = chosen(MotionSampler(looks=3), flown(seconds=12, speed_px_s=100), ground)
    for x in range(850, 1350, 25):
        assert sum(abs(shot.x_px - x) < WIDTH / 2 for shot in looks) >= 3
    assert len(looks) <= 4 + 3.4 * 1200 / WIDTH


def test_half_the_speed_takes_about_the_same_number_of_looks(ground: Image) -> None:
    fast = chosen(MotionSampler(), flown(seconds=8, speed_px_s=150), ground)
    slow = chosen(MotionSampler(), flown(seconds=16, speed_px_s=75), ground)
    assert len(slow) == pytest.approx(len(fast), abs=2)


def test_a_standing_camera_looks_a_few_times_and_then_rarely(ground: Image) -> None:
    sampler = MotionSampler(pace=Pace(relook_s=15))
    assert len(chosen(sampler, flown(seconds=40, speed_px_s=0, fps=2), ground)) <= 3 + 40 / 15
    assert sampler.stats().by_reason["still"] == 2


def test_another_scene_is_looked_at_soon(ground: Image) -> None:
    sampler = MotionSampler()
    chosen(sampler, flown(seconds=8, speed_px_s=0), ground)
    other = textured(seed=77)
    looks = chosen(sampler, flown(seconds=3, speed_px_s=0, begin_s=8.0), other)
    assert looks
    assert looks[0].time_s < 9.5


def test_where_nothing_can_be_told_it_looks_now_and_then_and_not_at_every_frame() -> None:
    blank = np.full((HEIGHT, WIDTH, 3), 80, np.uint8)
    sampler = MotionSampler(pace=Pace(still_s=3.0))
    times = [time_s for time_s in np.arange(0, 30, 0.2) if sampler.decide(float(time_s), blank).look]
    assert max(after - before for before, after in pairwise([*times, 30.0])) < 4.0
    assert len(times) <= 12


def test_a_candidate_is_followed_through_the_picture_until_it_is_settled(ground: Image) -> None:
    sampler = MotionSampler()
    shots = flown(seconds=14, speed_px_s=20)
    sampler.decide(shots[0].time_s, a_frame(shots[0], ground).image_bgr)
    sampler.attend("angler", (0.5, 0.5), 0.05, until_s=10.0)
    times = [shot.time_s for shot in chosen(sampler, shots[1:], ground)]
    assert len([time_s for time_s in times if time_s <= 10]) >= 8
    assert len([time_s for time_s in times if time_s > 10.5]) <= 2
    sampler.attend("angler", (0.5, 0.5), 0.05, until_s=1e6)
    sampler.settle("angler")
    later = chosen(sampler, flown(seconds=5, speed_px_s=0, begin_s=15.0, x_px=shots[-1].x_px), ground)
    assert len(later) <= 2


def test_grey_pictures_and_pictures_of_other_sizes_will_do(ground: Image) -> None:
    sampler = MotionSampler()
    picture = a_frame(Shot(time_s=0, x_px=800, y_px=800), ground).image_bgr
    assert sampler.decide(0.0, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)).reason == "first"
    assert sampler.decide(0.2, picture).reason == "seen"
    assert sampler.next_time_s >= 0.4


def test_figures_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="must be positive"):
        MotionSampler(ask_every_s=0)
