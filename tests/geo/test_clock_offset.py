"""Offsets between a film's clock and its telemetry's, planted and found; and films that cannot tell them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from geo_builders import LAT, LON, a_pose
from moving_scenes import FILM, Flight, braking, estimate, flown, hovering, straight, surveying, tilting, told, watched

from geo.clock_offset import ClockOffset, estimate_clock_offset
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.motion_fit import SeenMotion
from geo.pose import enu_from_camera
from geo.pose_track import PoseTrack


@pytest.mark.parametrize(
    ("flight", "every_s"),
    [(surveying(), 0.1), (surveying(), 1.0), (surveying(), 2.0), (braking(), 1.0), (tilting(), 1.0)],
    ids=["survey-10Hz", "survey-1Hz", "survey-0.5Hz", "braking-1Hz", "tilting-1Hz"],
)
@pytest.mark.parametrize(("offset_s", "seed"), [(-2.65, 1), (7.7, 2)])
def test_a_planted_offset_is_found_to_a_fifth_of_a_second(
    flight: Flight, every_s: float, offset_s: float, seed: int
) -> None:
    found = estimate(flight, offset_s, every_s=every_s, seed=seed)
    assert found.reason is None
    assert found.offset_s is not None
    assert found.sigma_s is not None
    assert abs(found.offset_s - offset_s) < 0.2
    assert abs(found.offset_s - offset_s) < 3 * found.sigma_s
    assert found.sigma_s <= 0.2
    assert found.explained > 0.9


@pytest.mark.parametrize("every_s", [0.1, 1.0, 2.0])
@pytest.mark.parametrize(("flight", "reason"), [(straight(), "constant_motion"), (hovering(), "hovering")])
def test_flights_that_cannot_tell_say_so(flight: Flight, reason: str, every_s: float) -> None:
    found = estimate(flight, 1.3, every_s=every_s, seed=3)
    assert found.offset_s is None
    assert found.sigma_s is None
    assert found.reason == reason
    with pytest.raises(ValueError, match=reason):
        found.applied_to(told(flight, offset_s=1.3))


def test_a_film_of_another_flight_does_not_fit() -> None:
    other = flown(lambda t: 12 + 0 * t, lambda t: 30 * np.sin(t / 4) + 200, looks_ahead=False)
    found = estimate_clock_offset(watched(other), told(surveying(), offset_s=0.0), FILM)
    assert found.offset_s is None
    assert found.reason in ("does_not_fit", "ambiguous", "constant_motion")


def test_an_offset_beyond_the_search_is_not_made_up() -> None:
    found = estimate(surveying(), 9.0, every_s=1.0, seed=0, search_s=4.0)
    assert found.offset_s is None
    near = estimate(surveying(), 9.0, every_s=1.0, seed=0, search_s=4.0, around_s=8.0)
    assert near.offset_s == pytest.approx(9.0, abs=0.2)


def test_telemetry_without_bearing_or_a_film_too_short_says_so() -> None:
    flight = surveying()
    track = told(flight, offset_s=0.0)
    blind = replace(track, poses=[replace(pose, heading_deg=None) for pose in track.poses])
    assert estimate_clock_offset(watched(flight), blind, FILM).reason == "bearing_unknown"
    assert estimate_clock_offset(watched(flight, seconds=5.0, wrong=0), track, FILM).reason == "too_few_pairs"
    # Telemetry of another hour shares no moment with the film.
    elsewhere = track.shifted(-3600.0)
    assert estimate_clock_offset(watched(flight), elsewhere, FILM).reason == "too_few_pairs"


def test_what_is_no_motion_is_refused() -> None:
    one = np.array([0.0])
    with pytest.raises(ValueError, match="after the earlier"):
        SeenMotion(earlier_s=one, later_s=one, earlier_from_later=np.eye(3)[None])
    with pytest.raises(ValueError, match="homography"):
        SeenMotion(earlier_s=one, later_s=one + 1, earlier_from_later=np.eye(3)[None] * np.nan)


def test_the_offsets_error_enters_a_places_error_along_the_way() -> None:
    """Speed times sigma along the course, nothing across: as an ellipse, not as a box."""
    way = LocalFrame(lon=LON, lat=LAT).lonlat_from_en([[0.0, 0.0], [8.0, 6.0]])
    poses = [a_pose(lon=float(lon), lat=float(lat)) for lon, lat in way]
    track = ClockOffset(offset_s=0.25, sigma_s=0.3, reason=None, pairs=50, explained=1.0).applied_to(
        PoseTrack(times_s=[0.0, 1.0], poses=poses, clock_sigma_s=0.0)
    )
    assert track.began_s == -0.25
    sure = locate_pixels([[2000.0, 1500.0]], track.with_clock_sigma(0.0).at(0.25), FILM_STILL, FlatGround())
    unsure = locate_pixels([[2000.0, 1500.0]], track.at(0.25), FILM_STILL, FlatGround())
    added = unsure.covariance_m2[0] - sure.covariance_m2[0]
    along, across = np.array([0.8, 0.6]), np.array([0.6, -0.8])
    assert along @ added @ along == pytest.approx((10.0 * 0.3) ** 2, rel=0.01)
    assert across @ added @ across == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("pitch_deg", [-90.0, -50.0])
def test_while_the_camera_turns_the_offset_costs_heading_too(pitch_deg: float) -> None:
    poses = [a_pose(heading_deg=10.0, pitch_deg=pitch_deg), a_pose(heading_deg=40.0, pitch_deg=pitch_deg + 8.0)]
    track = PoseTrack(times_s=[0.0, 1.0], poses=poses, clock_sigma_s=0.1)
    sigmas, plain = track.at(0.5).sigmas, a_pose().sigmas
    # The look at the moment 0.1 s later, put together from its own turns.
    now, later = (enu_from_camera(*track.at(t).look_deg()) for t in (0.45, 0.55))
    turned_deg = math.degrees(math.acos((np.trace(now.T @ later) - 1) / 2))
    added = [
        math.sqrt(getattr(sigmas, name) ** 2 - getattr(plain, name) ** 2)
        for name in ("heading_deg", "pitch_deg", "roll_deg")
    ]
    assert added[0] == pytest.approx(3.0, rel=0.25)
    assert added[1] == pytest.approx(0.8, rel=0.35)
    assert math.hypot(*added) >= 0.95 * turned_deg


FILM_STILL = replace(FILM, size_wh_px=(4000, 3000), principal_xy_px=(2000.0, 1500.0))
