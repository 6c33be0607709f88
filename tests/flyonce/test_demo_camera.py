"""The staged camera: what it sees is where an independent formula says, and its files read as a drone's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from demo_builders import a_lens, a_look, a_pose, a_record, plain_ground
from PIL import ExifTags, Image

from flyonce.demo.camera_sim import Photographer
from flyonce.demo.ground import Ground
from flyonce.demo.photo_file import write_photo
from flyonce.demo.reported import NavigationErrors, Navigator
from flyonce.demo.staging import StagedThing


def seen_red_centre(image: np.ndarray) -> tuple[float, float]:
    """Centre (u, v) of what is red, counted from the outer corner of the top left pixel."""
    weight = np.clip(image[..., 2].astype(float) - image[..., 0], 0, None)
    rows, columns = np.indices(weight.shape)
    return float((columns * weight).sum() / weight.sum() + 0.5), float((rows * weight).sum() / weight.sum() + 0.5)


def a_photographer(things: list[StagedThing], ground: Ground | None = None) -> Photographer:
    return Photographer(ground=ground or plain_ground()[1], things=things, lens=a_lens(), seed=1)


def a_thing(east_m: float, north_m: float, **changes: object) -> StagedThing:
    return StagedThing(thing_id="x", look=a_look(**changes), east_m=east_m, north_m=north_m, turned_deg=0.0)


def test_a_thing_east_of_a_camera_that_looks_down_heading_north_appears_right_of_the_middle() -> None:
    image = a_photographer([a_thing(10.0, 5.0)]).take(a_pose(), 0)
    u, v = seen_red_centre(image)
    assert u == pytest.approx(400 + 10 / 60 * 555, abs=0.3)
    assert v == pytest.approx(300 - 5 / 60 * 555, abs=0.3)


@pytest.mark.parametrize(
    ("heading_deg", "expected_uv"),
    [(90.0, (400 - 5 / 60 * 555, 300 - 10 / 60 * 555)), (180.0, (400 - 10 / 60 * 555, 300 + 5 / 60 * 555))],
)
def test_the_picture_turns_with_the_heading(heading_deg: float, expected_uv: tuple[float, float]) -> None:
    image = a_photographer([a_thing(10.0, 5.0)]).take(a_pose(heading_deg=heading_deg), 0)
    assert seen_red_centre(image) == pytest.approx(expected_uv, abs=0.3)


def test_a_camera_tilted_up_by_ten_degrees_looks_ahead_by_the_tangent() -> None:
    ahead = 60 * math.tan(math.radians(10))
    image = a_photographer([a_thing(0.0, ahead, side_m=0.8)]).take(a_pose(pitch_deg=-80.0), 0)
    assert seen_red_centre(image) == pytest.approx((400, 300), abs=0.3)


def test_a_camera_that_looks_aside_sees_what_lies_to_its_right() -> None:
    right = 60 * math.tan(math.radians(8))
    image = a_photographer([a_thing(right, 0.0, side_m=0.8)]).take(a_pose(aside_deg=8.0), 0)
    assert seen_red_centre(image) == pytest.approx((400, 300), abs=0.3)


def test_straight_down_a_roll_turns_the_picture_as_a_heading_does() -> None:
    photographer = a_photographer([a_thing(10.0, 5.0)])
    rolled = seen_red_centre(photographer.take(a_pose(roll_deg=12.0), 0))
    assert rolled == pytest.approx(seen_red_centre(photographer.take(a_pose(heading_deg=12.0), 0)), abs=0.1)


def test_with_the_right_side_down_what_lies_right_moves_up() -> None:
    ahead, right, slant = 60.0, 12.0, 60 * math.sqrt(2)
    pose = a_pose(pitch_deg=-45.0, roll_deg=10.0)
    seen = seen_red_centre(a_photographer([a_thing(right, ahead, side_m=0.8)]).take(pose, 0))
    off = right / slant * 555
    expected = (400 + off * math.cos(math.radians(10)), 300 - off * math.sin(math.radians(10)))
    assert seen == pytest.approx(expected, abs=0.5)


def test_a_mark_painted_into_the_ground_lands_where_the_projection_says() -> None:
    _, ground = plain_ground()
    column, row = ground.pixel_from_enu(np.array([[-20.0, 12.0]]))[0].round().astype(int)
    ground.image[row - 4 : row + 4, column - 4 : column + 4] = (0, 0, 255)
    pose = a_pose(east_m=-10.0, north_m=3.0, heading_deg=33.0, pitch_deg=-86.0, roll_deg=2.0)
    seen = seen_red_centre(a_photographer([], ground).take(pose, 0))
    expected = a_lens().project(pose, np.array([[-20.0, 12.0, 0.0]]))[0]
    assert seen == pytest.approx(tuple(expected), abs=0.4)


def test_a_sprite_turns_clockwise_about_its_contact_point() -> None:
    look = a_look(contact_m=(0.0, -1.0))
    thing = StagedThing(thing_id="x", look=look, east_m=3.0, north_m=4.0, turned_deg=90.0)
    assert thing.outline_m().mean(axis=0) == pytest.approx((4.0, 4.0))


def test_a_camera_above_the_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="above the horizon"):
        a_photographer([]).take(a_pose(pitch_deg=-5.0), 0)


def test_the_same_photo_is_the_same_picture_and_the_next_has_other_noise() -> None:
    photographer = Photographer(ground=plain_ground()[1], things=[], lens=a_lens(noise_sigma=2.0), seed=1)
    assert (photographer.take(a_pose(), 3) == photographer.take(a_pose(), 3)).all()
    assert (photographer.take(a_pose(), 3) != photographer.take(a_pose(), 4)).any()


def test_the_reported_pose_keeps_one_bias_through_a_flight() -> None:
    navigator = Navigator(errors=NavigationErrors(photo_position_m=0.0), seed=5)
    reported = [navigator.reported(a_pose(east_m=float(index)), index) for index in range(3)]
    offsets = {round(pose.east_m - index, 6) for index, pose in enumerate(reported)}
    assert len(offsets) == 1
    assert offsets != {0.0}


def test_reported_errors_have_about_the_spread_that_was_asked_for() -> None:
    errors = NavigationErrors(flight_position_m=1.0, photo_position_m=0.0)
    easts = [Navigator(errors=errors, seed=seed).reported(a_pose(), 0).east_m for seed in range(400)]
    assert np.std(easts) == pytest.approx(1.0, rel=0.15)


def test_a_photo_carries_position_time_and_angles_as_a_drone_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "DJI_0001.JPG"
    write_photo(path, np.full((60, 80, 3), 100, dtype=np.uint8), a_record())
    with Image.open(path) as picture:
        exif, xmp = picture.getexif(), picture.getxmp()
    gps, detail = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
    degrees, minutes, seconds = (float(part) for part in gps[ExifTags.GPS.GPSLongitude])
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(118.8712345, abs=5e-8)
    assert (gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef]) == ("N", "E")
    assert float(gps[ExifTags.GPS.GPSAltitude]) == pytest.approx(138.25)
    assert detail[ExifTags.Base.DateTimeOriginal] == "2026:07:01 10:03:04"
    assert detail[ExifTags.Base.OffsetTimeOriginal] == "+08:00"
    assert detail[ExifTags.Base.FocalLengthIn35mmFilm] == round(1388.3 / 100 * math.hypot(36, 24))
    tags = xmp["xmpmeta"]["RDF"]["Description"]
    assert tags["GimbalYawDegree"] == "-88.50"
    assert tags["GimbalPitchDegree"] == "-89.70"
    assert tags["RelativeAltitude"] == "+60.100"
    assert "not a photograph" in exif[ExifTags.Base.ImageDescription]


def test_writing_a_photo_leaves_no_partial_file(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.JPG", np.zeros((60, 80, 3), dtype=np.uint8), a_record())
    assert [path.name for path in tmp_path.iterdir()] == ["a.JPG"]
