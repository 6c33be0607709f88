from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brighton_flight import brighton, tie_distances_m
from geo_builders import LAT, LON, a_camera, a_pose, opencv_pixels

from geo.frames import LocalFrame
from geo.telemetry.flight_check import FlightCheck, check_flight
from geo.telemetry.photo import PhotoTelemetry
from geo.telemetry.siblings import read_photo_among_siblings
from geo.telemetry.tie_points import TiePoints

FRAME = LocalFrame(lon=LON, lat=LAT)


def a_photo(east_m: float, north_m: float, heading_deg: float, *, flags: tuple[str, ...] = ()) -> PhotoTelemetry:
    lon, lat = FRAME.lonlat_from_en([[east_m, north_m]])[0]
    return PhotoTelemetry(
        pose=a_pose(lon=float(lon), lat=float(lat), heading_deg=heading_deg, alt_m=60.0),
        camera=a_camera(),
        taken_at=None,
        size_wh_px=(4000, 3000),
        orientation=1,
        height_above_home_m=60.0,
        make=None,
        model=None,
        software=None,
        flags=flags,
        problems=(),
    )


def ties(photos: Sequence[PhotoTelemetry], turned: set[int], pairs: Sequence[tuple[int, int]]) -> list[TiePoints]:
    """What the files show of random spots, those in `turned` stored upside-down."""
    rng, found = np.random.default_rng(2), []
    for first, second in pairs:
        uv = []
        centres = [
            FRAME.en_from_lonlat([[p.pose.lon, p.pose.lat]])[0] for p in (photos[first], photos[second]) if p.pose
        ]
        spots = np.mean(centres, axis=0) + rng.uniform(-10, 10, (30, 2))
        for index, centre in zip((first, second), centres, strict=True):
            pose = photos[index].pose
            assert pose is not None
            assert pose.heading_deg is not None
            offset = np.column_stack((spots - centre, np.full(30, -60.0)))
            seen = opencv_pixels(offset, a_camera(), pose.heading_deg, -90.0, 0.0)
            uv.append(np.array([4000, 3000]) - seen if index in turned else seen)
        found.append(TiePoints(first=first, second=second, uv_first_px=uv[0], uv_second_px=uv[1]))
    return found


def run(photos: list[PhotoTelemetry], turned: set[int], pairs: Sequence[tuple[int, int]]) -> FlightCheck:
    paths = [(Path(f"{index}.jpg"), photo) for index, photo in enumerate(photos)]
    return check_flight(paths, tie_points=ties(photos, turned, pairs))


LINE = [a_photo(12.0 * index, 0.0, 90.0) for index in range(7)]
NEXT = [(index, index + 1) for index in range(6)] + [(index, index + 2) for index in range(5)]


@pytest.mark.parametrize("turned", [set(), {3}, {0, 1}, {2, 3, 4}, {0, 1, 2, 3, 4, 5, 6}])
def test_photos_stored_upside_down_are_found_whichever_they_are(turned: set[int]) -> None:
    check = run(LINE, turned, NEXT)
    assert set(check.turned) == turned
    assert check.doubtful == ()
    assert check.disagreement_after_m == pytest.approx(0.0, abs=0.05)
    for index, photo in enumerate(check.photos):
        assert ("turned_half_corrected" in photo.flags) is (index in turned)


def test_an_edited_photo_without_neighbours_is_left_alone_and_flagged() -> None:
    lone = a_photo(500.0, 0.0, 0.0, flags=("software_not_firmware",))
    check = run([*LINE, lone], set(), NEXT)
    assert check.turned == ()
    assert check.doubtful == (7,)
    assert check.photos[7].pose == lone.pose
    assert "maybe_turned" in check.photos[7].flags


def test_an_edited_photo_that_its_neighbours_confirm_is_left_alone() -> None:
    photos = [replace(photo, flags=("software_not_firmware",)) if i == 3 else photo for i, photo in enumerate(LINE)]
    check = run(photos, set(), NEXT)
    assert check.turned == check.doubtful == ()


def test_one_neighbour_alone_does_not_turn_an_unedited_photo() -> None:
    check = run(LINE[:2], {1}, [(0, 1)])
    assert check.turned == ()
    assert 1 in check.doubtful or 0 in check.doubtful


def test_a_photo_with_a_wrong_place_is_said_to_disagree() -> None:
    told = [*LINE[:3], a_photo(36.0, 45.0, 90.0), *LINE[4:]]
    check = check_flight([(Path("x"), photo) for photo in told], tie_points=ties(LINE, set(), NEXT))
    assert check.turned == ()
    assert 3 in check.disagreeing
    assert "disagrees_with_neighbours" in check.photos[3].flags


def test_photos_without_pose_pass_through_unchecked() -> None:
    blind = replace(LINE[0], pose=None)
    check = check_flight([(Path("x.jpg"), blind)], read_grey=lambda path: None)
    assert check.photos == (blind,)
    assert check.disagreement_before_m is None


@pytest.mark.parametrize("with_software_tag", [True, False])
def test_the_six_photos_of_brighton_are_noticed_and_its_tie_points_agree(
    shared_data: Path, with_software_tag: bool
) -> None:
    photos = brighton(shared_data)
    if not with_software_tag:
        photos = [(path, replace(told, flags=())) for path, told in photos]
    check = check_flight(photos)
    names = [path.name for path, _ in photos]
    assert {names[index] for index in check.turned} == {f"DJI_00{number}.jpg" for number in range(24, 30)}
    assert check.doubtful == ()
    before = tie_distances_m(shared_data, {path.name: told for path, told in photos})
    after = tie_distances_m(shared_data, dict(zip(names, check.photos, strict=True)))
    assert np.median(before) > 20
    assert np.median(after) <= 2.0
    assert np.percentile(after, 90) < 4.0


@pytest.mark.parametrize(("number", "turned"), [(18, False), (24, True), (27, True)])
def test_a_single_photo_of_brighton_is_read_in_the_light_of_its_neighbours(
    shared_data: Path, number: int, turned: bool
) -> None:
    told = read_photo_among_siblings(shared_data / f"flights/brighton_beach_dji/images/DJI_00{number}.jpg")
    assert ("turned_half_corrected" in told.flags) is turned
    assert "maybe_turned" not in told.flags


def test_an_edited_photo_alone_in_its_folder_is_flagged(shared_data: Path, tmp_path: Path) -> None:
    lone = tmp_path / "DJI_0024.jpg"
    lone.write_bytes((shared_data / "flights/brighton_beach_dji/images/DJI_0024.jpg").read_bytes())
    (tmp_path / "broken.jpg").write_bytes(b"")
    told = read_photo_among_siblings(lone)
    assert "maybe_turned" in told.flags
    assert "turned_half_corrected" not in told.flags
