"""Who stays and who passes: sightings with the errors of a drone, against looks that show the place empty."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from flyonce.confirmation import LookAt
from flyonce.rules import StayRule
from flyonce.staying import longest_stay
from geo.position import Fix
from geo.sighting import Sighting

LON, LAT = 118.87, 28.95
RULE = StayRule(seconds=3.0, min_frames=3, gone_after_looks=2, slower_than_m_s=0.4)


def a_sighting(key: str, east_m: float, north_m: float, *, sigma_m: float = 1.4) -> Sighting:
    shared = 1.2**2
    return Sighting(
        label="person",
        confidence=0.8,
        source=key,
        fix=Fix(
            lon=LON + east_m / (111_320 * math.cos(math.radians(LAT))),
            lat=LAT + north_m / 110_790,
            alt_m=0.0,
            covariance_m2=((sigma_m**2 + shared, 0.0), (0.0, sigma_m**2 + shared)),
            common_m2=((shared, 0.0), (0.0, shared)),
            height_source="test",
            yaw_source="gimbal",
        ),
    )


def stay(times_s, path, *, clean_s=(), rule=RULE, noise_m=0.0, seed=1):
    rng = np.random.default_rng(seed)
    sightings = []
    for time_s in times_s:
        east_m, north_m = np.array(path(time_s)) + rng.normal(0, noise_m, 2)
        sightings.append(a_sighting(f"{time_s}", float(east_m), float(north_m)))
    looks = [LookAt(key=f"{time_s}", clock_s=time_s) for time_s in times_s]
    looks += [LookAt(key=f"clean {time_s}", clock_s=time_s) for time_s in clean_s]
    return longest_stay(sightings, looks, list(times_s), rule)


def standing(_time_s):
    return 0.0, 0.0


def walking(time_s):
    return 1.3 * time_s, 0.0


def test_a_stay_lasts_from_the_first_to_the_last_sighting():
    found = stay([10.0, 11.0, 14.5, 20.0], standing)
    assert (found.seconds, found.frames, found.moves) == (10.0, 4, False)


def test_one_look_that_misses_somebody_does_not_end_a_stay_and_two_in_a_row_do():
    assert stay([0.0, 2.0, 4.0], standing, clean_s=[1.0, 3.0]).seconds == 4.0
    found = stay([0.0, 1.0, 2.0, 5.0, 12.0], standing, clean_s=[3.0, 4.0])
    assert (found.seconds, found.frames) == (7.0, 2)


def test_two_who_pass_one_place_an_hour_apart_are_nobody_who_stays():
    found = stay([0.0, 1.0, 3600.0, 3601.0], standing, clean_s=[10.0, 20.0, 3000.0])
    assert (found.seconds, found.frames) == (1.0, 2)


def test_photos_that_never_show_the_place_empty_span_the_time_between_them():
    assert stay([0.0, 90.0, 180.0], standing).seconds == 180.0


@pytest.mark.parametrize("seed", range(8))
def test_a_walker_is_shown_to_move_in_a_few_seconds_of_film(seed):
    assert stay([0.0, 1.0, 2.0, 3.0, 4.0], walking, noise_m=0.3, seed=seed).moves


def test_somebody_who_stands_is_hardly_ever_shown_to_move_however_the_drone_sways():
    wrong = sum(stay([0.0, 1.0, 2.0, 3.0, 4.0], standing, noise_m=0.8, seed=seed).moves for seed in range(100))
    assert wrong <= 5


def test_two_sightings_show_no_speed():
    assert not stay([0.0, 1.0], walking).moves


def test_a_faster_limit_lets_a_stroller_stay():
    times = [float(t) for t in range(8)]
    assert stay(times, walking).moves
    assert not stay(times, walking, rule=replace(RULE, slower_than_m_s=2.0)).moves


def test_pictures_without_a_time_tell_no_stay():
    sightings = [a_sighting(str(i), 0.0, 0.0) for i in range(3)]
    found = longest_stay(sightings, [], [0.0, None, 2.0], RULE)
    assert (found.seconds, found.frames) == (None, 3)
