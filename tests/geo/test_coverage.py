"""What was looked at: cells of pictures, flights that add up, questions, files and what is left to fly."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from geo_builders import LAT, LON, a_camera, a_distorted_camera, a_pose, a_square, opencv_pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from testbed import Hills

from geo.camera import Camera
from geo.coverage import (
    Answer,
    Blind,
    Cells,
    CoverageLedger,
    CoverageRecorder,
    FlightCoverage,
    ModelSight,
    added_up,
    as_features,
    cells_shown,
    clean_looks,
    path_of,
    place_cells,
    read_coverage,
    read_header,
    unseen,
    write_coverage,
)
from geo.coverage.cells import DTYPES, NEVER_MM
from geo.coverage.grid import areas_m2, corners, keys_at, keys_within, middles
from geo.dem import DemGround
from geo.errors import InputFileError
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround, Ground
from geo.locate import project_to_pixels
from geo.pose import Pose, PoseSigmas

EXACT = PoseSigmas(east_m=0, north_m=0, height_m=0, heading_deg=0, pitch_deg=0, roll_deg=0, common_position_m=0)
NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
SMALL = {"size_wh_px": (400, 300), "focal_xy_px": (280.0, 280.0), "principal_xy_px": (200.0, 150.0)}
LEVEL = FlatGround(sigma_m=0.0)


def looked(pose: Pose, camera: Camera, ground: Ground = LEVEL, **more: object) -> Cells:
    return cells_shown(pose, camera, ground, footprint_lonlat=footprint_polygon(pose, camera, ground), **more)


def a_flight(flight_id: str = "F1", *, at: datetime = NOON, pictures: int = 1, **changes: object) -> FlightCoverage:
    """One picture, straight down from 100 m: 143 m x 107 m of level ground at 0.357 m per pixel."""
    recorder = CoverageRecorder(models=(a_model(),), time_zone=ZoneInfo("Asia/Shanghai"))
    pose, camera = a_pose(sigmas=EXACT, **changes), a_camera(focal_sigma_ratio=0.0, **SMALL)
    for number in range(pictures):
        footprint = footprint_polygon(pose, camera, LEVEL)
        recorder.add(pose, camera, LEVEL, footprint_lonlat=footprint, at=at + timedelta(seconds=number))
    return recorder.result(flight_id)


def a_model(**changes: object) -> ModelSight:
    values = {"name": "objects", "sha256": "abc123abc123", "labels": ("waste", "person"), "coarsest_m": 0.5}
    return ModelSight(**(values | changes))


@given(st.floats(-179.9, 179.9), st.floats(-89.9, 89.9))
@settings(max_examples=200)
def test_every_place_lies_in_its_cell_and_cells_are_five_metres_large(lon: float, lat: float) -> None:
    key = keys_at([(lon, lat)])
    low, high = (corner[0] for corner in corners(key))
    assert (low - 1e-9 <= (lon, lat)).all()
    assert ((lon, lat) <= high + 1e-9).all()
    assert keys_at(middles(key))[0] == key[0]
    _, _, up_m = Geod(ellps="WGS84").inv(low[0], low[1], low[0], high[1])
    assert up_m == pytest.approx(5.0, abs=0.05)
    if abs(lat) < 70:
        # Columns are laid out for the middle of a degree of latitude.
        assert areas_m2(key)[0] == pytest.approx(25.0, rel=0.03)


def test_the_area_of_a_cell_is_the_geodesic_one() -> None:
    keys = keys_at([(LON, LAT), (-70.0, -33.0), (15.0, 66.0)])
    low, high = corners(keys)
    for key_area, (west, south), (east, north) in zip(areas_m2(keys), low, high, strict=True):
        ring_m2, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.box(west, south, east, north))
        assert key_area == pytest.approx(ring_m2, rel=1e-4)


def test_the_cells_of_a_box_are_each_of_them_once_across_a_degree_of_latitude_too() -> None:
    keys = keys_within(120.0, 29.9995, 120.001, 30.0005)
    assert len(np.unique(keys)) == len(keys)
    assert areas_m2(keys).sum() == pytest.approx(96_490 * 0.001 * 110.85, rel=0.15)
    grid = np.column_stack(
        [axis.ravel() for axis in np.meshgrid(np.linspace(120.0, 120.001, 40), np.linspace(29.9995, 30.0005, 40))]
    )
    assert set(keys_at(grid)) <= set(keys)


@pytest.mark.parametrize(
    ("camera", "pose"),
    [
        (a_camera(**SMALL), a_pose(sigmas=EXACT, heading_deg=25.0)),
        (a_distorted_camera(), a_pose(sigmas=EXACT, heading_deg=200.0, pitch_deg=-60.0, roll_deg=3.0)),
        (a_camera(**SMALL), a_pose(sigmas=EXACT, pitch_deg=-45.0, heading_deg=310.0)),
    ],
)
def test_a_picture_shows_the_cells_whose_middles_opencv_projects_into_it(camera: Camera, pose: Pose) -> None:
    cells = looked(pose, replace(camera, focal_sigma_ratio=0.0))
    footprint = shapely.Polygon(footprint_polygon(pose, camera, LEVEL))
    candidates = keys_within(*shapely.buffer(footprint, 1e-4).bounds)
    points = np.column_stack(
        (LocalFrame(lon=LON, lat=LAT).en_from_lonlat(middles(candidates)), np.full(len(candidates), -100.0))
    )
    uv = opencv_pixels(points, camera, *pose.look_deg())
    # Beyond its edges Brown's formula folds rays back into a picture.
    near = shapely.contains_xy(shapely.buffer(footprint, 1e-5), *middles(candidates).T)
    inside = ((uv >= 0) & (uv <= camera.size_wh_px)).all(axis=1) & near
    assert inside.sum() > 200
    assert set(cells.key) <= set(candidates[inside])
    # A cell within a pixel's error of the edge may as well lie outside.
    well_inside = ((uv > 2) & (uv < np.array(camera.size_wh_px) - 2)).all(axis=1) & near
    assert set(candidates[well_inside]) <= set(cells.key)


def test_resolution_is_that_of_the_coarser_axis_where_the_cell_lies() -> None:
    camera = a_camera(focal_sigma_ratio=0.0, **SMALL)
    below = looked(a_pose(sigmas=EXACT), camera)
    assert below.finest_mm.min() == pytest.approx(1000 * 100 / 280, abs=2)
    assert below.finest_mm.max() == pytest.approx(1000 * 100 / 280, abs=2)
    pose = a_pose(sigmas=EXACT, pitch_deg=-45.0)
    cells = looked(pose, camera)
    frame = LocalFrame(lon=LON, lat=LAT)
    middle = cells.at(keys_at(frame.lonlat_from_en([(0.0, 100.0)])))
    # 141 m away, and foreshortened as much again.
    assert int(middle.finest_mm[0]) == pytest.approx(1000 * 200 / 280, rel=0.06)
    uv = project_to_pixels(frame.lonlat_from_en([(0.0, 100.0), (0.0, 101.0)]), pose, camera, LEVEL)
    assert 1000 / np.linalg.norm(uv[1] - uv[0]) == pytest.approx(int(middle.finest_mm[0]), rel=0.06)


def test_only_the_parts_of_interest_count_as_looked_at() -> None:
    camera, pose = a_camera(focal_sigma_ratio=0.0, **SMALL), a_pose(sigmas=EXACT)
    grid = np.zeros((2, 4), dtype=bool)
    grid[0, 3] = True
    whole, part = looked(pose, camera), looked(pose, camera, of_interest=grid)
    assert set(part.key) < set(whole.key)
    assert part.area_m2() == pytest.approx(whole.area_m2() / 8, rel=0.1)
    frame = LocalFrame(lon=LON, lat=LAT)
    en = frame.en_from_lonlat(middles(part.key))
    # Heading north: the picture's upper right quarter of a quarter lies north-east.
    assert en[:, 0].min() > 142.9 / 4 - 1
    assert en[:, 1].min() > -1
    assert set(looked(pose, camera, of_interest=np.ones((2, 4), dtype=bool)).key) == set(whole.key)


def test_the_error_of_the_pose_makes_cells_near_the_edge_unsure_and_none_far_inside() -> None:
    camera = a_camera(focal_sigma_ratio=0.0, **SMALL)
    sigmas = replace(EXACT, east_m=4.0, north_m=4.0)
    cells = looked(a_pose(sigmas=sigmas), camera)
    en = LocalFrame(lon=LON, lat=LAT).en_from_lonlat(middles(cells.key))
    from_edges_m = np.sort(np.column_stack((142.86 / 2 - np.abs(en[:, 0]), 107.14 / 2 - np.abs(en[:, 1]))), axis=1)
    inside_m, corner = from_edges_m[:, 0], from_edges_m[:, 1] < 15.0
    sure = cells.sure_looks > 0
    # One-sided 95 %: 1.645 sigmas. A pixel's own error adds a little.
    assert 4.0 * 1.645 < inside_m[sure].min() < 4.0 * 1.645 + 1.0
    assert inside_m[~sure & ~corner].max() < 4.0 * 1.66
    # In a corner it may lie beyond two edges.
    assert inside_m[sure & corner].min() > 4.0 * 1.7
    assert (cells.sure_percent >= 50).all()
    assert set(cells.sure_finest_mm[~sure]) == {NEVER_MM}
    assert len(cells) >= 0.97 * len(looked(a_pose(sigmas=EXACT), camera))


def test_what_the_planted_error_really_hides_is_as_likely_as_the_ledger_says() -> None:
    camera, rng = a_camera(focal_sigma_ratio=0.0, **SMALL), np.random.default_rng(3)
    sigmas = PoseSigmas(east_m=3.0, north_m=3.0, height_m=1.0, heading_deg=2.0, pitch_deg=1.0, roll_deg=1.0)
    told = a_pose(sigmas=sigmas, heading_deg=30.0)
    cells = looked(told, camera, FlatGround(sigma_m=0.0))
    frame = LocalFrame(lon=LON, lat=LAT)
    here = middles(cells.key)
    shown = np.zeros(len(cells))
    for _ in range(400):
        east, north, height, heading, pitch, roll = rng.standard_normal(6) * (3.0, 3.0, 1.0, 2.0, 1.0, 1.0)
        lon, lat = frame.lonlat_from_en([(east, north)])[0]
        true = replace(
            told, lon=lon, lat=lat, alt_m=100 + height, heading_deg=30 + heading, pitch_deg=-90 + pitch, roll_deg=roll
        )
        uv = project_to_pixels(here, true, camera, LEVEL)
        shown += ((uv >= 0) & (uv <= camera.size_wh_px)).all(axis=1)
    share = shown / 400
    sure = cells.sure_looks > 0
    assert share[sure].min() > 0.915
    for low, high in ((50, 70), (70, 85), (85, 95)):
        some = (cells.sure_percent >= low) & (cells.sure_percent < high)
        assert np.median(share[some]) == pytest.approx((low + high) / 200, abs=0.08)


def test_ground_behind_a_ridge_was_not_seen(tmp_path: Path) -> None:
    hills = Hills(lon=LON, lat=LAT, relief_m=70.0, wave_m=(150.0, 160.0), base_m=60.0, seed=3)
    ground = DemGround.open(hills.write_dem(tmp_path / "dem.tif", cell_m=4.0), home_lonlat=(LON, LAT))
    pose = a_pose(sigmas=EXACT, alt_m=45.0, pitch_deg=-25.0, heading_deg=60.0)
    camera = a_camera(focal_sigma_ratio=0.0, **SMALL)
    cells = looked(pose, camera, ground)
    eye = np.array([0.0, 0.0, float(hills.heights(np.zeros((1, 2)))[0]) + 45.0])
    here = hills.en_m(middles(cells.key))
    points = np.column_stack((here, hills.heights(here)))
    along = np.linspace(0.02, 0.97, 96)[None, :, None]
    ways = eye + (points - eye)[:, None, :] * along
    over = ways[..., 2] - hills.heights(ways[..., :2].reshape(-1, 2)).reshape(ways.shape[:2])
    in_view = project_to_pixels(
        middles(keys_within(*shapely.Polygon(footprint_polygon(pose, camera, ground)).bounds)), pose, camera, ground
    )
    projected = ((in_view >= 0) & (in_view <= camera.size_wh_px)).all(axis=1).sum()
    assert len(cells) < 0.9 * projected
    assert over.min() > -1.0


def test_looks_add_up_whatever_their_order_and_brackets() -> None:
    parts = [
        looked(
            a_pose(sigmas=PoseSigmas(), heading_deg=40.0 * number),
            a_camera(**SMALL),
            at=NOON + timedelta(minutes=number),
        )
        for number in range(4)
    ] + [looked(a_pose(sigmas=PoseSigmas()), a_camera(**SMALL), at=None)]
    left = added_up([added_up([added_up(parts[:2]), parts[2]]), added_up(parts[3:])])
    right = added_up([parts[4], added_up([parts[3], parts[1]]), added_up([parts[0], parts[2]])])
    for column in fields(Cells):
        np.testing.assert_array_equal(getattr(left, column.name), getattr(right, column.name))
    assert left.looks.max() == 5
    middle = left.at(keys_at([(LON, LAT)]))
    assert int(middle.first_s[0]) == int(NOON.timestamp())
    assert int(middle.last_s[0]) == int((NOON + timedelta(minutes=3)).timestamp())


def test_a_spot_is_answered_by_flight_and_day_with_times_and_resolution() -> None:
    monday, tuesday = a_flight("A", pictures=3), a_flight("B", at=NOON + timedelta(days=1))
    ledger = CoverageLedger(flights=[tuesday, monday])
    known = ledger.looked_at(LON, LAT)
    assert [(one.flight_id, one.looks, one.day) for one in known.flights] == [
        ("A", 3, date(2026, 7, 1)),
        ("B", 1, date(2026, 7, 2)),
    ]
    assert known.flights[0].first_at == NOON
    assert known.flights[0].last_at == NOON + timedelta(seconds=2)
    assert known.flights[0].sure_finest_m == pytest.approx(0.358, abs=0.001)
    assert [one.flight_id for one in ledger.looked_at(LON, LAT, on=date(2026, 7, 2)).flights] == ["B"]
    assert ledger.looked_at(LON, LAT, on=date(2026, 7, 3)).flights == ()
    assert ledger.looked_at(LON + 0.01, LAT).could_have_seen(5.0) is Answer.NOT_LOOKED_AT


def test_strips_hold_every_cell_once_and_all_of_them_together() -> None:
    flights = [
        a_flight("A", lat=29.9999, lon=120.0),
        a_flight("B", lat=30.0001, lon=120.0005),
        a_flight("C", lat=-30.0, lon=-70.0, at=NOON + timedelta(days=1)),
        a_flight("D", lat=30.12, lon=120.0),
    ]
    ledger = CoverageLedger(flights=flights)
    strips = [strip for strip in ledger.strips() if len(strip)]
    assert len(strips) >= 4
    together, whole = added_up(strips), ledger.cells()
    assert sum(len(strip) for strip in strips) == len(whole)
    for name in DTYPES:
        np.testing.assert_array_equal(getattr(together, name), getattr(whole, name))
    assert sum(len(strip) for strip in ledger.strips(on=date(2026, 7, 2))) == len(flights[2].cells())
    assert list(CoverageLedger().strips()) == []


def test_the_day_is_the_city_s() -> None:
    late = a_flight("A", at=datetime(2026, 7, 1, 17, 30, tzinfo=UTC))
    assert set(late.days) == {date(2026, 7, 2)}


def test_looks_without_a_time_belong_to_no_day_but_are_told() -> None:
    recorder = CoverageRecorder()
    pose, camera = a_pose(sigmas=EXACT), a_camera(**SMALL)
    recorder.add(pose, camera, LEVEL, footprint_lonlat=footprint_polygon(pose, camera, LEVEL))
    ledger = CoverageLedger(flights=[recorder.result("A")])
    assert ledger.looked_at(LON, LAT).flights[0].first_at is None
    asked = ledger.looked_at(LON, LAT, on=date(2026, 7, 1))
    assert asked.flights == ()
    assert asked.undated


@pytest.mark.parametrize(
    ("size_m", "label", "model", "answer"),
    [
        (5.0, "waste", {}, Answer.YES),
        (4.0, None, {}, Answer.TOO_COARSE),  # 12 pixels of 0.358 m are 4.3 m
        (5.0, "boat", {}, Answer.NO_MODEL),
        (5.0, "waste", {"coarsest_m": 0.3}, Answer.TOO_COARSE),
        (4.0, "waste", {"least_px": 8.0}, Answer.YES),
        (5.0, "waste", {"looks_at_m": 0.45}, Answer.TOO_COARSE),  # shrunk to 0.45 m before it looks
    ],
)
def test_what_a_model_could_have_seen_follows_from_its_own_figures(
    size_m: float, label: str | None, model: dict[str, float], answer: Answer
) -> None:
    flight = replace(a_flight(), models=(a_model(**model),))
    assert CoverageLedger(flights=[flight]).looked_at(LON, LAT).could_have_seen(size_m, label) is answer


def test_a_fine_look_that_may_have_missed_the_spot_is_no_yes() -> None:
    recorder = CoverageRecorder(models=(a_model(),))
    pose = a_pose(sigmas=replace(EXACT, east_m=45.0, north_m=45.0))
    camera = a_camera(**SMALL)
    recorder.add(pose, camera, LEVEL, footprint_lonlat=footprint_polygon(pose, camera, LEVEL), at=NOON)
    known = CoverageLedger(flights=[recorder.result("A")]).looked_at(LON, LAT)
    assert known.could_have_seen(5.0, "waste") is Answer.UNSURE
    assert known.flights[0].sure_finest_m is None
    assert 0.5 <= known.flights[0].sure < 0.95


def test_a_flight_s_file_gives_back_what_was_written_and_is_small(tmp_path: Path) -> None:
    blind = Blind(began_at=NOON, ended_at=None, reason="no signal")
    flight = replace(a_flight("七月/巡查 1", pictures=2), blind=(blind,), looks=5, unplaced=3)
    flight = replace(flight, pictures=np.array([3, 9], dtype=np.uint64), sighted=np.array([17], dtype=np.int64))
    flight = replace(flight, days=flight.days | {None: looked(a_pose(), a_camera(**SMALL))})
    path = write_coverage(tmp_path / "new", flight)
    assert path == path_of(tmp_path / "new", "七月/巡查 1")
    assert path.parent == tmp_path / "new"
    again = read_coverage(path)
    assert (again.pictures.tolist(), again.sighted.tolist()) == ([3, 9], [17])
    assert (again.flight_id, again.models, again.blind) == (flight.flight_id, flight.models, flight.blind)
    assert (again.looks, again.unplaced) == (5, 3)
    assert set(again.days) == set(flight.days)
    for day, cells in flight.days.items():
        for name in DTYPES:
            np.testing.assert_array_equal(getattr(again.days[day], name), getattr(cells, name))
    assert read_header(path).bounds == flight.bounds()
    before = path.read_bytes()
    assert write_coverage(tmp_path / "new", flight).read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    ledger = CoverageLedger.of_folder(tmp_path / "new")
    assert ledger.flight_ids == ("七月/巡查 1",)
    assert ledger.looked_at(LON, LAT).looks == 3
    assert ledger.looked_at(LON, LAT).blind == ((flight.flight_id, blind),)


@pytest.mark.parametrize("flight_id", ["../x", "..", "a" * 300, "CON:1", ".hidden"])
def test_whatever_a_flight_is_called_its_file_lies_in_the_folder(tmp_path: Path, flight_id: str) -> None:
    path = write_coverage(tmp_path, a_flight(flight_id))
    assert path.parent == tmp_path
    assert read_header(path).flight_id == flight_id
    assert CoverageLedger.of_folder(tmp_path).flight_ids == (flight_id,)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", "cut", "flip"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: bytes | str) -> None:
    path = write_coverage(tmp_path, a_flight())
    whole = path.read_bytes()
    path.write_bytes(
        damage
        if isinstance(damage, bytes)
        else whole[: len(whole) // 2]
        if damage == "cut"
        else whole[:-400] + b"x" * 400
    )
    with pytest.raises(InputFileError, match="F1"):
        read_coverage(path)
    with pytest.raises(InputFileError, match="nalyze the flight again"):
        CoverageLedger.of_folder(tmp_path).looked_at(LON, LAT)


def test_what_was_not_seen_becomes_areas_for_the_planner() -> None:
    flight = a_flight()
    area = shapely.Polygon(a_square(0, 0, 200))
    left = unseen(area, flight.cells())
    assert left.share == pytest.approx(1 - 142.86 * 107.14 / 200**2, abs=0.03)
    assert len(left.polygons) == 1
    missing = shapely.unary_union(left.polygons)
    assert missing.is_valid
    assert shapely.within(missing, shapely.buffer(area, 1e-7))
    assert not missing.contains(shapely.Point(LON, LAT))
    frame = LocalFrame(lon=LON, lat=LAT)
    for east, north in ((95, 0), (-95, 90), (0, -90), (78, 0)):
        assert missing.contains(shapely.Point(frame.lonlat_from_en([(east, north)])[0]))
    assert unseen(shapely.Polygon(a_square(0, 0, 90)), flight.cells()).polygons == ()
    nothing = unseen(area, Cells.empty())
    assert nothing.share == 1.0
    assert shapely.Polygon(nothing.polygons[0]).area == pytest.approx(area.area, rel=0.02)


def cells_where(seen: np.ndarray, keys: np.ndarray) -> Cells:
    return Cells(
        **{name: keys[seen] if name == "key" else np.ones(seen.sum(), dtype) for name, dtype in DTYPES.items()}
    )


def test_near_pieces_become_one_area_far_ones_stay_apart_and_the_area_s_own_holes_are_kept() -> None:
    ring = shapely.Polygon(a_square(0, 0, 400), [a_square(120, 120, 60)])
    keys = np.unique(keys_within(*ring.bounds))
    en = LocalFrame(lon=LON, lat=LAT).en_from_lonlat(middles(keys))
    # Seen but for two strips of 30 m, 30 m apart in the west, and the north-east corner around the hole.
    strips = ((np.abs(en[:, 0] + 150) < 15) | (np.abs(en[:, 0] + 90) < 15)) & (np.abs(en[:, 1]) < 150)
    corner = (en[:, 0] > 60) & (en[:, 1] > 60)
    left = unseen(ring, cells_where(~(strips | corner), keys))
    assert len(left.polygons) == 2
    strip_piece, corner_piece = left.polygons
    assert strip_piece.contains(shapely.Point(LocalFrame(lon=LON, lat=LAT).lonlat_from_en([(-120.0, 0.0)])[0]))
    hole = shapely.Polygon(a_square(120, 120, 50))
    assert corner_piece.contains(shapely.Point(LocalFrame(lon=LON, lat=LAT).lonlat_from_en([(180.0, 180.0)])[0]))
    assert corner_piece.intersection(hole).area < 1e-3 * hole.area


def test_small_seen_patches_in_a_piece_are_flown_over_and_large_ones_are_not() -> None:
    area = shapely.Polygon(a_square(0, 0, 400))
    keys = np.unique(keys_within(*area.bounds))
    far = np.linalg.norm(LocalFrame(lon=LON, lat=LAT).en_from_lonlat(middles(keys)), axis=1)
    (small,) = unseen(area, cells_where(far < 45, keys)).polygons
    (large,) = unseen(area, cells_where(far < 120, keys)).polygons
    assert (len(small.interiors), len(large.interiors)) == (0, 1)


def test_ground_seen_too_coarsely_wants_another_flight() -> None:
    ledger = CoverageLedger(flights=[a_flight()])
    area = shapely.Polygon(a_square(0, 0, 90))
    assert unseen(area, ledger.cells_good_for(5.0, "waste", within=area)).share == 0.0
    assert unseen(area, ledger.cells_good_for(1.0, "waste", within=area)).share == 1.0
    assert unseen(area, ledger.cells_good_for(5.0, "boat", within=area)).share == 1.0


def test_features_cover_what_was_seen_once_and_tell_how() -> None:
    pose = a_pose(sigmas=replace(EXACT, east_m=4.0, north_m=4.0))
    cells = looked(pose, a_camera(focal_sigma_ratio=0.0, **SMALL), at=NOON)
    features = as_features(cells, flight_id="A")
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    assert all(shape.is_valid for shape in shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(shapely.unary_union(shapes).area, rel=1e-6)
    assert sum(feature["properties"]["area_m2"] for feature in features) == pytest.approx(cells.area_m2(), rel=1e-3)
    assert {feature["properties"]["sure"] for feature in features} == {True, False}
    assert all(feature["properties"]["flight_id"] == "A" for feature in features)


def test_coverage_across_a_degree_of_latitude_stays_whole() -> None:
    flight = a_flight(lat=30.0, lon=120.0)
    outline = shapely.unary_union([shapely.geometry.shape(one["geometry"]) for one in as_features(flight.cells())])
    east_m, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(outline.convex_hull))
    assert abs(east_m) == pytest.approx(142.86 * 107.14, rel=0.06)
    assert flight.cells().area_m2() == pytest.approx(142.86 * 107.14, rel=0.06)


def test_cells_refuse_columns_that_do_not_fit() -> None:
    cells = a_flight().cells()
    with pytest.raises(ValueError, match="keys of cells must rise"):
        replace(cells, key=cells.key[::-1].copy())
    with pytest.raises(ValueError, match="looks"):
        replace(cells, looks=cells.looks.astype(np.int32))


def a_close_look(**changes: object) -> FlightCoverage:
    """Five sure looks at 0.0358 m per pixel: fine enough for half a metre."""
    recorder = CoverageRecorder(models=(a_model(),))
    pose, camera = (
        a_pose(sigmas=EXACT, alt_m=20.0),
        a_camera(
            focal_sigma_ratio=0.0,
            focal_xy_px=(560.0, 560.0),
            **{"size_wh_px": (800, 600), "principal_xy_px": (400.0, 300.0)},
        ),
    )
    footprint = footprint_polygon(pose, camera, LEVEL)
    for number in range(5):
        recorder.add(pose, camera, LEVEL, footprint_lonlat=footprint, at=NOON + timedelta(seconds=number))
    return replace(recorder.result("A"), **changes)


def looked_clean(flight: FlightCoverage, *, sigma_m: float = 1.0, **changes: object) -> bool:
    question = {
        "label": "waste",
        "size_m": 0.5,
        "after": NOON - timedelta(days=1),
        "before": NOON + timedelta(days=1),
        "least_looks": 4,
    }
    place = place_cells(LON, LAT, ((sigma_m**2, 0.0), (0.0, sigma_m**2)))
    return bool(clean_looks(CoverageLedger(flights=[flight]), place, **(question | changes)))


def test_a_clean_look_is_sure_fine_repeated_timely_and_sighted_nothing() -> None:
    assert looked_clean(a_close_look())
    assert not looked_clean(a_close_look(), least_looks=6)
    assert not looked_clean(a_close_look(), size_m=0.3)
    assert not looked_clean(a_close_look(), label="boat")
    assert not looked_clean(a_close_look(), but_not=frozenset({"A"}))
    assert not looked_clean(a_close_look(), after=NOON + timedelta(seconds=2))
    assert not looked_clean(a_close_look(), before=NOON + timedelta(seconds=2))
    assert not looked_clean(a_close_look(sighted=keys_at([(LON, LAT)])))
    assert looked_clean(a_close_look(sighted=keys_at([(LON + 0.001, LAT)])))
    # The picture shows 28 m x 21 m: a place that may lie beyond was not looked at.
    assert not looked_clean(a_close_look(), sigma_m=8.0)


def test_a_clean_look_is_judged_where_the_place_was_shown_worst() -> None:
    flight = a_close_look()
    (look,) = clean_looks(
        CoverageLedger(flights=[flight]),
        place_cells(LON, LAT, ((4.0, 0.0), (0.0, 4.0))),
        label="waste",
        size_m=0.5,
        after=NOON - timedelta(days=1),
        least_looks=4,
    )
    assert (look.flight_id, look.looks) == ("A", 5)
    assert look.resolution_m == pytest.approx(20 / 560, abs=0.001)
    assert (look.first_at, look.last_at) == (NOON, NOON + timedelta(seconds=4))


def test_a_place_s_cells_are_those_of_its_ellipse_and_outline() -> None:
    sharp = place_cells(LON, LAT, ((0.01, 0.0), (0.0, 0.01)))
    assert sharp.tolist() == keys_at([(LON, LAT)]).tolist()
    long = place_cells(LON, LAT, ((100.0, 0.0), (0.0, 1.0)))
    en = LocalFrame(lon=LON, lat=LAT).en_from_lonlat(middles(long))
    assert np.abs(en[:, 0]).max() == pytest.approx(24.5, abs=5)
    assert np.abs(en[:, 1]).max() < 5.1
    outlined = place_cells(LON, LAT, ((0.01, 0.0), (0.0, 0.01)), a_square(0, 0, 30))
    assert areas_m2(outlined).sum() == pytest.approx(900, rel=0.2)
