"""`geo` judged by the test bed: a flight over real ground on hills, whose renderer shares no line with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import shapely
from testbed import Bed, BedGround, BedLens, BedPose, Hills, Lawnmower, Planted, Thing
from testbed.ground import ground_is_there

from geo.camera import Camera
from geo.coverage import cells_shown
from geo.coverage.grid import keys_within, middles
from geo.dem import DemGround
from geo.errors import PoseUnknown
from geo.footprint import footprint_polygon
from geo.locate import locate_pixels, project_to_pixels
from geo.pose import Pose, PoseSigmas
from geo.telemetry.photo import read_photo
from geo.telemetry.poses_csv import read_poses_csv

PLACES = (
    (-62.0, -38.0),
    (-24.0, -55.0),
    (0.0, 0.0),
    (31.0, 12.0),
    (-18.0, 44.0),
    (55.0, 58.0),
    (72.0, -8.0),
    (8.0, -21.0),
)
THINGS = tuple(
    Thing(thing_id=f"W{number}", label="waste", east_m=east, north_m=north)
    for number, (east, north) in enumerate(PLACES)
)
POST = Thing(
    thing_id="P", label="person", east_m=12.0, north_m=5.0, size_en_m=(0.6, 0.6), colour_bgr=(20, 235, 235), tall_m=1.8
)


def a_bed(**changes: object) -> Bed:
    ground = BedGround(things=(*THINGS, POST), reach_m=260.0, resolution_m=0.25, real=False)
    return replace(Bed(ground=ground, flight=Lawnmower(rows=3, row_m=110.0)), **changes)  # type: ignore[arg-type]


def camera_of(bed: Bed, focal_sigma_ratio: float = 0.0) -> Camera:
    width, height = bed.lens.size_wh_px
    return Camera(
        name="bed",
        size_wh_px=bed.lens.size_wh_px,
        focal_xy_px=(bed.lens.focal_px, bed.lens.focal_px),
        principal_xy_px=(width / 2, height / 2),
        distortion=bed.lens.distortion,
        model=bed.lens.model,
        focal_sigma_ratio=focal_sigma_ratio,
    )


def pose_of(bed: Bed, told: BedPose, sigmas: PoseSigmas | None = None) -> Pose:
    lon, lat, alt_m = bed.lonlat_alt(told.place_m)
    return Pose(
        at=None,
        lon=lon,
        lat=lat,
        alt_m=alt_m - bed.home_m[2],
        alt_datum="home",
        heading_deg=told.heading_deg,
        pitch_deg=told.pitch_deg,
        roll_deg=told.roll_deg,
        sigmas=sigmas or PoseSigmas(),
    )


def offs_of(
    bed: Bed, true: BedPose, pose: Pose, camera: Camera, ground: DemGround
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Metres (east, north) and covariance for each flat thing that the picture shows."""
    shown = [(thing, bed.pixels_of(true, thing)) for thing in THINGS]
    seen = [(thing, uv) for thing, uv in shown if uv is not None]
    if not seen:
        return []
    located = locate_pixels(np.array([uv for _, uv in seen]), pose, camera, ground)
    here = bed.hills.en_m(located.lonlat_deg)
    rows = zip(seen, here, located.covariance_m2, located.reason, strict=True)
    return [(at - bed.place_of(thing)[:2], error) for (thing, _), at, error, reason in rows if not reason]


def errors_m(bed: Bed, poses: list[tuple[BedPose, Pose]], camera: Camera, ground: DemGround) -> np.ndarray:
    """Metres east, north between each thing's true and located place, over all pictures that show it."""
    found = []
    for true, pose in poses:
        found += [off for off, _ in offs_of(bed, true, pose, camera, ground)]
    return np.array(found)


@pytest.mark.parametrize(
    "lens",
    [
        BedLens(distortion=(-0.12, 0.05, 4e-4, -3e-4, -0.01), noise_sigma=0.0),
        BedLens(model="fisheye", focal_px=420.0, distortion=(0.02, -0.01, 0.003, -0.001, 0.0), noise_sigma=0.0),
    ],
    ids=["brown", "fisheye"],
)
def test_what_is_drawn_lies_where_opencv_projects_it(lens: BedLens) -> None:
    bed = a_bed(lens=lens, flight=Lawnmower(rows=3, row_m=110.0, pitch_deg=-55.0))
    off = []
    for time_s in (1.0, 9.0, 21.0, 30.0, 44.0):
        image = bed.picture(time_s)
        reds = ((image[..., 2] > 150) & (image[..., 1] < 90) & (image[..., 0] < 90)).astype(np.uint8)
        _, _, _, middles = cv2.connectedComponentsWithStats(reds)
        for thing in THINGS:
            uv = bed.pixels_of(bed.pose(time_s), thing, inside_px=25.0)
            if uv is not None:
                # The middle of pixel 0 is at 0.5.
                off.append(np.linalg.norm(middles[1:] + 0.5 - uv, axis=1).min())
    assert len(off) >= 6
    assert np.median(off) < 0.35
    assert max(off) < 0.8


def test_a_standing_thing_has_its_feet_at_its_place_and_its_head_away_from_straight_below() -> None:
    bed = a_bed(lens=BedLens(noise_sigma=0.0))
    pose = BedPose(east_m=-8.0, north_m=0.0, alt_m=bed.home_m[2] + 40.0)
    image = bed.painter.take(pose)
    yellow = (image[..., 2] > 150) & (image[..., 1] > 150) & (image[..., 0] < 90)
    rows, columns = np.nonzero(yellow)
    u, v = bed.pixels_of(pose, POST)
    assert yellow[int(v), int(u)]
    # The person stands 20 m to the right of what lies straight below: the head leans further out.
    assert columns.max() - u > 2 * (u - columns.min())
    assert rows.max() - rows.min() < columns.max() - columns.min()


def test_photos_with_true_poses_are_located_to_decimetres_on_hills(tmp_path: Path) -> None:
    bed = a_bed(flight=Lawnmower(rows=3, row_m=110.0, pitch_deg=-65.0))
    shots = bed.photos(tmp_path, every_s=4.0)
    ground = DemGround.open(tmp_path / "dem.tif", home_lonlat=bed.home_lonlat)
    truth = json.loads((tmp_path / "truth.json").read_text())
    places = {thing["id"]: (thing["lon"], thing["lat"]) for thing in truth["things"]}
    off = []
    for picture in truth["pictures"]:
        told = read_photo(tmp_path / picture["file"])
        assert told.pose is not None
        assert told.camera is not None
        for name, uv in picture["shows"].items():
            fix = locate_pixels([uv], told.pose, told.camera, ground)[0]
            assert fix is not None
            there, here = (bed.hills.en_m(np.array([place])) for place in (places[name], (fix.lon, fix.lat)))
            off.append(float(np.linalg.norm(here - there)))
    assert len(shots) == len(truth["pictures"])
    assert len(off) >= 20
    assert np.median(off) < 0.1
    assert max(off) < 0.3


def test_flat_ground_is_metres_off_on_these_hills_so_the_hills_count(tmp_path: Path) -> None:
    bed = a_bed(flight=Lawnmower(rows=3, row_m=110.0, pitch_deg=-65.0))
    level = DemGround.open(
        Hills(relief_m=0.0, base_m=bed.home_m[2]).write_dem(tmp_path / "flat.tif"), home_lonlat=bed.home_lonlat
    )
    poses = [(shot.true, pose_of(bed, shot.true)) for shot in bed.shots(4.0)]
    off = np.linalg.norm(errors_m(bed, poses, camera_of(bed), level), axis=1)
    assert np.median(off) > 1.0


@pytest.mark.parametrize("pitch_deg", [-90.0, -50.0])
def test_planted_noise_appears_as_the_covariance_says(tmp_path: Path, pitch_deg: float) -> None:
    planted = Planted(noise_m=1.5, noise_height_m=1.0, noise_heading_deg=1.5, noise_tilt_deg=0.8, seed=4)
    bed = a_bed(planted=planted, flight=Lawnmower(rows=5, row_m=120.0, spacing_m=30.0, pitch_deg=pitch_deg))
    sigmas = PoseSigmas(east_m=1.5, north_m=1.5, height_m=1.0, heading_deg=1.5, pitch_deg=0.8, roll_deg=0.8)
    dem = bed.hills.write_dem(tmp_path / "dem.tif", cell_m=8.0)
    ground = DemGround.open(dem, home_lonlat=bed.home_lonlat, sigma_m=0.0)
    camera = camera_of(bed)
    squares = []
    for shot in bed.shots(0.4):
        assert shot.told is not None
        pose = pose_of(bed, shot.told, sigmas)
        squares += [
            float(off @ np.linalg.solve(error, off)) for off, error in offs_of(bed, shot.true, pose, camera, ground)
        ]
    inside = np.mean(np.array(squares) < 5.991)
    assert len(squares) > 250
    assert 0.92 < inside < 0.985
    assert 1.5 < np.mean(squares) < 2.5


def test_a_planted_clock_offset_moves_everything_along_the_flight_and_the_right_shift_mends_it(tmp_path: Path) -> None:
    bed = a_bed(planted=Planted(clock_offset_s=0.8), flight=Lawnmower(rows=1, row_m=110.0, speed_share=0.0))
    film = bed.film(tmp_path, fps=2, telemetry_hz=5.0)
    track = read_poses_csv(film.csv).track
    assert track is not None
    ground = DemGround.open(film.dem, home_lonlat=bed.home_lonlat)
    truth = json.loads(film.truth.read_text())
    assert truth["planted"]["clock_offset_s"] == 0.8
    times = [picture["time_s"] for picture in truth["pictures"] if 1.0 < picture["time_s"] < 12.0]
    as_told, mended = (
        np.linalg.norm(errors_m(bed, [(bed.pose(at), one.at(at)) for at in times], camera_of(bed), ground), axis=1)
        for one in (track, track.shifted(0.8))
    )
    assert np.median(as_told) == pytest.approx(0.8 * bed.flight.speed_m_s, rel=0.1)
    assert np.median(mended) < 0.2


def test_a_film_has_its_frames_its_subtitles_and_no_telemetry_in_a_dropout(tmp_path: Path) -> None:
    flight = Lawnmower(rows=1, row_m=80.0)
    bed = a_bed(
        planted=Planted(dropouts_s=((3.0, 7.0),)), flight=flight, lens=BedLens(size_wh_px=(320, 240), focal_px=260)
    )
    film = bed.film(tmp_path, fps=5, telemetry_hz=2.0)
    with av.open(str(film.video)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == film.frames
    assert np.abs(frames[10].astype(int) - bed.picture(2.0, 10)).mean() < 8
    told = [float(line.split(",")[0]) for line in film.csv.read_text().splitlines()[1:]]
    assert film.srt.read_text().count(" --> ") == sum(time_s >= 0 for time_s in told)
    assert not [time_s for time_s in told if 3.0 <= time_s < 7.0]
    track = read_poses_csv(film.csv).track
    assert track is not None
    assert track.at(2.0).has_bearing
    with pytest.raises(PoseUnknown, match="gap"):
        track.at(5.0)


@pytest.mark.parametrize(
    "lens",
    [
        BedLens(distortion=(-0.12, 0.05, 4e-4, -3e-4, -0.01)),
        BedLens(model="fisheye", focal_px=380.0, distortion=(0.02, -0.01, 0.003, -0.001, 0.0)),
    ],
    ids=["brown", "fisheye"],
)
def test_geo_and_opencv_agree_on_where_a_place_appears_through_a_distorted_lens(tmp_path: Path, lens: BedLens) -> None:
    bed = a_bed(lens=lens, flight=Lawnmower(pitch_deg=-50.0))
    ground = DemGround.open(bed.hills.write_dem(tmp_path / "dem.tif"), home_lonlat=bed.home_lonlat)
    off = []
    for time_s in (2.0, 11.0, 25.0):
        pose = bed.pose(time_s)
        for thing in THINGS:
            uv = bed.pixels_of(pose, thing)
            if uv is not None:
                lon, lat, _ = bed.lonlat_alt(bed.place_of(thing))
                off.append(project_to_pixels([(lon, lat)], pose_of(bed, pose), camera_of(bed), ground)[0] - uv)
    assert len(off) > 5
    assert np.abs(off).max() < 1.0


@pytest.mark.skipif(not ground_is_there(), reason="needs the data package with the orthophoto (make installs it)")
def test_the_real_orthophoto_lies_under_the_flight_and_shows_more_than_paint() -> None:
    real, painted = a_bed(ground=BedGround(reach_m=260.0, resolution_m=0.25)), a_bed()
    grey = [cv2.cvtColor(bed.picture(5.0), cv2.COLOR_BGR2GRAY) for bed in (real, painted)]
    corners = [cv2.goodFeaturesToTrack(one, 400, 0.05, 8) for one in grey]
    assert len(corners[0]) > 100
    assert not np.array_equal(grey[0], grey[1])


def cells_truly_shown(bed: Bed, pose: BedPose, keys: np.ndarray) -> np.ndarray:
    """Which cells' middles OpenCV projects into the bed's picture, with nothing of the hills in front of them."""
    en = bed.hills.en_m(middles(keys))
    points = np.column_stack((en, bed.hills.heights(en)))
    uv = bed.lens.project(pose, points)
    ways = pose.place_m + (points - pose.place_m)[:, None, :] * np.linspace(0.05, 0.98, 60)[None, :, None]
    free = ways[..., 2] - bed.hills.heights(ways[..., :2].reshape(-1, 2)).reshape(ways.shape[:2])
    with np.errstate(invalid="ignore"):
        inside = ((uv >= 0) & (uv <= bed.lens.size_wh_px)).all(axis=1)
    return np.asarray(inside & (free.min(axis=1) > -0.2))


@pytest.mark.parametrize("pitch_deg", [-90.0, -50.0])
def test_the_ledger_tells_the_ground_that_the_bed_s_camera_showed(tmp_path: Path, pitch_deg: float) -> None:
    bed = a_bed(flight=Lawnmower(rows=2, row_m=100.0, pitch_deg=pitch_deg))
    ground = DemGround.open(bed.hills.write_dem(tmp_path / "dem.tif"), home_lonlat=bed.home_lonlat, sigma_m=0.0)
    exact = PoseSigmas(east_m=0, north_m=0, height_m=0, heading_deg=0, pitch_deg=0, roll_deg=0, common_position_m=0)
    camera = camera_of(bed)
    for shot in bed.shots(6.0):
        pose = pose_of(bed, shot.true, exact)
        footprint = footprint_polygon(pose, camera, ground)
        cells = cells_shown(pose, camera, ground, footprint_lonlat=footprint)
        around = keys_within(*shapely.buffer(shapely.Polygon(footprint), 2e-4).bounds)
        truly = set(around[cells_truly_shown(bed, shot.true, around)])
        # A cell whose middle lies on the picture's very edge may fall to either side.
        assert len(truly ^ set(cells.key)) <= 0.02 * len(truly)
        assert len(truly) > 60


def test_cells_that_the_ledger_is_sure_of_were_shown_though_the_telemetry_was_wrong(tmp_path: Path) -> None:
    planted = Planted(noise_m=2.0, noise_height_m=1.0, noise_heading_deg=1.5, noise_tilt_deg=0.8, seed=6)
    bed = a_bed(planted=planted, flight=Lawnmower(rows=4, row_m=120.0, pitch_deg=-60.0))
    sigmas = PoseSigmas(east_m=2.0, north_m=2.0, height_m=1.0, heading_deg=1.5, pitch_deg=0.8, roll_deg=0.8)
    dem = bed.hills.write_dem(tmp_path / "dem.tif", cell_m=8.0)
    ground, camera = DemGround.open(dem, home_lonlat=bed.home_lonlat, sigma_m=0.0), camera_of(bed)
    surely, perhaps = [], []
    for shot in bed.shots(1.5):
        assert shot.told is not None
        pose = pose_of(bed, shot.told, sigmas)
        cells = cells_shown(pose, camera, ground, footprint_lonlat=footprint_polygon(pose, camera, ground))
        truly = cells_truly_shown(bed, shot.true, cells.key)
        surely += truly[cells.sure_looks > 0].tolist()
        perhaps += truly[cells.sure_percent < 75].tolist()
    assert np.mean(surely) > 0.985
    assert 0.4 < np.mean(perhaps) < 0.8
