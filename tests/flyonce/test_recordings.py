"""Videos with telemetry of every family, and what keeps the two from belonging together."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyonce.recordings import RecordingError, open_recording
from geo.camera import camera_by_name
from tests.geo.telemetry_builders import AIRDATA, EXIFTOOL, klv_pose, mrk_line, position, tlog
from tests.vision.films import steady, write_film

CAMERA = camera_by_name("generic-84dfov")


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", steady(100))


def airdata() -> str:
    return AIRDATA.format(unit="meters") + "".join(
        f"{n * 100},2026-07-01 02:03:{4 + n // 10:02},30.25,{120.15 + n * 1e-6:.7f},60,80,9,90,10,-60,0,0\n"
        for n in range(60)
    )


FAMILIES = {
    "airdata": airdata().encode(),
    "klv": b"".join(klv_pose(n) for n in range(60)),
    "tlog": tlog(*((1_782_900_000.0 + n, position(100.0 + n)) for n in range(7))),
    "mrk": "".join(mrk_line(n) for n in range(7)).encode(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_telemetry_of_any_family_locates_a_film_once_its_offset_is_told(film, tmp_path, family):
    path = tmp_path / "telemetry"
    path.write_bytes(FAMILIES[family])
    recording = open_recording(film, telemetry_path=path, camera=CAMERA, offset_s=1.0)
    assert recording.track is not None
    assert recording.track.began_s == pytest.approx(-1.0)
    assert recording.track.at(2.0).lat == pytest.approx(30.25)
    assert not recording.carries_its_poses
    with pytest.raises(RecordingError, match=r"in UTC, and film.mp4 does not say when it began.*--offset-s"):
        open_recording(film, telemetry_path=path, camera=CAMERA)


def test_a_clock_without_a_zone_is_not_laid_beside_a_film_unasked(film, tmp_path):
    path = tmp_path / "photos.csv"
    rows = "".join(f"{n}.JPG,2026:07:01 10:00:0{n},30.25,120.15,60,10,-80,0\n" for n in range(7))
    path.write_text(EXIFTOOL + rows)
    with pytest.raises(RecordingError, match=r"zone is unknown.*--offset-s"):
        open_recording(film, telemetry_path=path, camera=CAMERA)
    assert open_recording(film, telemetry_path=path, camera=CAMERA, offset_s=0.0).track is not None


def test_poses_inside_a_film_need_no_file_and_zoom_the_lens_by_their_field_of_view(tmp_path):
    fov = {"vfov_deg": 46.8, "hfov_deg": 60.0}
    narrow = {"vfov_deg": 23.0, "hfov_deg": 30.4}
    data = [(n / 10, klv_pose(n, **(fov if n < 5 else narrow))) for n in range(10)]
    film = write_film(tmp_path / "film.ts", steady(25), data=data)
    recording = open_recording(film, telemetry_path=None, camera=None)
    assert recording.carries_its_poses
    assert recording.telemetry.used == 10
    assert recording.camera.focal_xy_px[0] == pytest.approx(64 / 0.57735, rel=1e-3)
    assert recording.track.zoom_at(0.2) == pytest.approx(1.0, abs=1e-3)
    assert recording.track.zoom_at(0.8) == pytest.approx(2.125, abs=5e-3)
    named = open_recording(film, telemetry_path=None, camera=CAMERA)
    assert named.camera.name == CAMERA.name


def test_a_field_of_view_that_does_not_fit_the_pictures_shape_is_no_lens(tmp_path):
    data = [(n / 10, klv_pose(n, hfov_deg=60.0, vfov_deg=30.0)) for n in range(10)]
    recording = open_recording(
        write_film(tmp_path / "film.ts", steady(25), data=data), telemetry_path=None, camera=None
    )
    assert recording.camera is None
    assert recording.track is not None


def test_poses_inside_that_cannot_be_used_are_told_and_the_film_is_still_looked_at(tmp_path):
    data = [(n / 10, klv_pose(n)[:-1] + b"\0") for n in range(10)]
    recording = open_recording(
        write_film(tmp_path / "film.ts", steady(25), data=data), telemetry_path=None, camera=CAMERA
    )
    assert recording.track is None
    assert len(recording.problems) == 1
    assert "10 checksum" in recording.problems[0]
    assert "inside the video cannot be used" in recording.problems[0]
