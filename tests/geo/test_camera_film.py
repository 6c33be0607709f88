"""A photo camera that films: the full width of its sensor, top and bottom cut off."""

from __future__ import annotations

import pytest

from geo.camera import camera_by_name


def test_a_film_shows_the_full_width_with_square_pixels():
    photo = camera_by_name("generic-84dfov")
    film = photo.filming((1920, 1080))
    assert film.focal_xy_px[0] == film.focal_xy_px[1] == pytest.approx(photo.focal_xy_px[0] * 1920 / 4000)
    assert film.principal_xy_px == (960, 540)
    assert film.footprint_wh_m(70)[0] == pytest.approx(photo.footprint_wh_m(70)[0])
    assert film.footprint_wh_m(70)[1] == pytest.approx(film.footprint_wh_m(70)[0] * 9 / 16)


def test_a_film_of_the_sensors_own_shape_is_only_smaller():
    photo = camera_by_name("dji-m3e")
    film, small = photo.filming((2640, 1978)), photo.resized((2640, 1978))
    assert (film.focal_xy_px, film.principal_xy_px) == (small.focal_xy_px, small.principal_xy_px)


def test_a_narrower_film_shows_the_full_height():
    photo = camera_by_name("dji-p4p")  # 3:2
    assert photo.filming((1440, 1080)).focal_xy_px[1] == pytest.approx(photo.focal_xy_px[1] * 1080 / 3648)


def test_digital_zoom_lengthens_the_focal_length():
    camera = camera_by_name("dji-m3e")
    assert camera.zoomed(2.0).footprint_wh_m(50)[0] == pytest.approx(camera.footprint_wh_m(50)[0] / 2)
