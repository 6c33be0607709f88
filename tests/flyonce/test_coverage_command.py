"""`flyonce coverage`: a spot's answer, an area's rest as areas for the planner, polygons, a picture, clear refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from dispatch_api.store import open_store
from flightplan.ground.area import PatrolArea
from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import app
from flyonce.coverage_picture import CoveragePicture
from flyonce.flown_coverage import keep
from geo.camera import Camera
from geo.coverage import Blind, Cells, CoverageRecorder, ModelSight
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.pose import Pose, PoseSigmas
from vision.drawing import cjk_font

LON, LAT = 118.87, 28.95
FRAME = LocalFrame(lon=LON, lat=LAT)
DAY_ONE = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
CAMERA = Camera.from_diagonal_fov(name="test", size_wh_px=(4000, 3000), diagonal_fov_deg=84.0)
RTK = PoseSigmas(east_m=0.05, north_m=0.05, height_m=0.1, heading_deg=0.3, pitch_deg=0.1, roll_deg=0.1)
MODEL = ModelSight(name="objects", sha256="ab12ab12ab12", labels=("waste", "person"), coarsest_m=0.09, looks_at_m=0.04)


def fly(
    store: Path, flight_id: str, places_m: list[tuple[float, float]], *, at: datetime, blind: tuple[Blind, ...] = ()
) -> None:
    """Photos straight down from 60 m, 86 m x 65 m of ground each, 2.2 cm per pixel."""
    recorder = CoverageRecorder(models=(MODEL,), time_zone=ZoneInfo("Asia/Shanghai"))
    for number, (lon, lat) in enumerate(FRAME.lonlat_from_en(places_m)):
        pose = Pose(
            at=None, lon=lon, lat=lat, alt_m=60.0, alt_datum="home", heading_deg=0.0, pitch_deg=-90.0, roll_deg=0.0,
            sigmas=RTK,
        )  # fmt: skip
        ground = FlatGround(sigma_m=0.1)
        footprint = footprint_polygon(pose, CAMERA, ground)
        recorder.add(pose, CAMERA, ground, footprint_lonlat=footprint, at=at + timedelta(seconds=2 * number))
    pictures = np.arange(len(places_m), dtype=np.uint64)
    keep(store.with_name("city-coverage"), recorder.result(flight_id, blind=blind, pictures=pictures))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square of 200 m: its west was flown on the first day, part of its north on the second."""
    store = tmp_path_factory.mktemp("city") / "city.db"
    with open_store(f"sqlite:///{store}", create=True):
        pass
    west = [(east, north) for east in (-80.0, -30.0) for north in range(-100, 101, 40)]
    gap = Blind(began_at=DAY_ONE, ended_at=DAY_ONE + timedelta(seconds=4), reason="no signal")
    fly(store, "F-west", west, at=DAY_ONE, blind=(gap,))
    fly(store, "F-north", [(60.0, 80.0)], at=DAY_ONE + timedelta(days=1))
    corners = FRAME.lonlat_from_en([(-100, -100), (100, -100), (100, 100), (-100, 100), (-100, -100)])
    square = {"type": "Polygon", "coordinates": [corners.tolist()]}
    store.with_name("area.geojson").write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": square}))
    return store


def run(city: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["coverage", "--store", f"sqlite:///{city}", *map(str, arguments)])


def result(city: Path, *arguments: object) -> Any:
    done = run(city, *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def refused(city: Path, *arguments: object) -> str:
    done = run(city, *arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert exit_code_for(done.exception) == 2, done.exception
        return str(done.exception)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def spot(east_m: float, north_m: float) -> str:
    lon, lat = FRAME.lonlat_from_en([(east_m, north_m)])[0]
    return f"{lon:.8f},{lat:.8f}"


def test_a_spot_is_answered_with_flight_time_resolution_and_model(city: Path) -> None:
    told = result(city, "--at", spot(-60, 0), "--size-m", 0.5, "--label", "waste")["spot"]
    assert told["could_have_seen"] == "yes"
    (flight,) = told["flights"]
    assert (flight["flight_id"], flight["day"]) == ("F-west", "2026-07-01")
    assert flight["sure_looks"] >= 2
    assert flight["sure_finest_m"] == pytest.approx(0.022, abs=0.002)
    assert flight["models"] == [{"name": "objects", "sha256": "ab12ab12ab12"}]
    assert told["blind"][0]["reason"] == "no signal"


def test_a_thing_too_small_and_a_spot_not_looked_at_are_answered_no(city: Path) -> None:
    assert result(city, "--at", spot(-60, 0), "--size-m", 0.2)["spot"]["could_have_seen"] == "too_coarse"
    assert result(city, "--at", spot(60, -80))["spot"]["could_have_seen"] == "not_looked_at"
    assert result(city, "--at", spot(-60, 0), "--day", "2026-07-02")["spot"]["could_have_seen"] == "not_looked_at"
    assert result(city, "--at", spot(60, 80), "--day", "2026-07-02")["spot"]["could_have_seen"] == "yes"


def test_people_are_told_in_words(city: Path) -> None:
    told = run(city, "--at", spot(-60, 0), "--label", "person", "--area", city.with_name("area.geojson")).stderr
    assert "2 flights looked at" in told
    assert "F-west, 2026-07-01" in told
    assert "could a model have seen a person of 0.5 m there? yes" in told
    assert "blind: F-west" in told
    assert "left: 1." in told


def test_what_is_left_of_an_area_is_what_the_planner_takes(city: Path, tmp_path: Path) -> None:
    told = result(city, "--area", city.with_name("area.geojson"), "--refly", tmp_path)
    # West of x = 13 m all was seen; of the rest, the north-east corner.
    assert told["area"]["looked_at_share"] == pytest.approx((113 * 200 + 83 * 52) / 40_000, abs=0.03)
    assert told["area"]["could_have_seen_share"] == pytest.approx(told["area"]["looked_at_share"], abs=0.02)
    assert told["files"] == [str(tmp_path / f"refly-{n}.geojson") for n in range(1, len(told["files"]) + 1)]
    left = [PatrolArea.from_geojson(path) for path in told["files"]]
    assert sum(area.area_m2() for area in left) == pytest.approx(told["area"]["left_m2"], rel=0.15)
    missing = shapely.unary_union([area.polygon for area in left])
    assert missing.contains(shapely.Point(*map(float, spot(60, -80).split(","))))
    assert not missing.contains(shapely.Point(*map(float, spot(-60, 0).split(","))))
    finer = result(city, "--area", city.with_name("area.geojson"), "--size-m", 0.2)["area"]
    assert (finer["could_have_seen_share"], finer["looked_at_share"]) == (0.0, told["area"]["looked_at_share"])


def test_polygons_of_what_was_seen_are_valid_and_carry_their_figures(city: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "seen.geojson"
    told = result(city, "--geojson", out, "--area", city.with_name("area.geojson"), "--flight", "F-west")
    document = json.loads(out.read_text())
    features = document["features"]
    assert (document["flights"], document["blind"][0]["reason"]) == (["F-west"], "no signal")
    assert features[0]["properties"]["first_at"].startswith("2026-07-01T02:00:")
    seen = [one for one in features if one["properties"]["kind"] == "seen"]
    assert sum(one["properties"]["area_m2"] for one in seen) == pytest.approx(told["seen"]["area_m2"], rel=1e-3)
    assert all(shapely.geometry.shape(one["geometry"]).is_valid for one in features)
    assert {one["properties"]["kind"] for one in features} == {"seen", "not_seen_well_enough"}
    assert told["flights"] == ["F-west"]
    assert [path.name for path in out.parent.iterdir()] == ["seen.geojson"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_picture_shows_seen_ground_and_the_rest_apart(city: Path, tmp_path: Path, lang: str) -> None:
    out = tmp_path / "seen.png"
    result(city, "--png", out, "--area", city.with_name("area.geojson"), "--at", spot(-60, 0), "--lang", lang)
    with Image.open(out) as picture:
        image = np.asarray(picture.convert("RGB")).astype(int)
    ground = image[76:, :-330]
    fine = np.abs(ground - (38, 106, 140)).sum(axis=2) < 8
    middle_row, middle_column = (side // 2 for side in fine.shape)
    # North is up, east to the right: only the lower right of the map was not seen.
    assert fine[:, :middle_column].mean() > 0.5
    assert fine[:middle_row, middle_column:].mean() > 0.3
    assert fine[middle_row:, middle_column:].mean() < 0.15
    red = np.abs(ground - (214, 69, 65)).sum(axis=2) < 8
    assert red[:, middle_column:].sum() > 10 * red[:, : middle_column - 20].sum()
    assert red.sum() > 300


@pytest.mark.skipif(cjk_font() is None, reason="needs a Chinese font (apt: fonts-noto-cjk)")
def test_the_words_of_the_picture_follow_the_language() -> None:
    area = shapely.box(LON, LAT, LON + 0.001, LAT + 0.001)
    zh, en = (np.asarray(CoveragePicture(cells=Cells.empty(), area=area, lang=lang).draw()) for lang in ("zh", "en"))
    assert zh.shape == en.shape
    assert (zh[:70] != en[:70]).any()


def test_a_store_or_a_flight_without_coverage_is_refused_in_one_line(city: Path, tmp_path: Path) -> None:
    assert "no store yet" in refused(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    with open_store(f"sqlite:///{tmp_path / 'old.db'}", create=True):
        pass
    assert "analyze a flight again" in refused(tmp_path / "old.db")
    assert "Known flights: F-north, F-west" in refused(city, "--flight", "F-south")


def test_wrong_questions_are_refused_in_one_line(city: Path, tmp_path: Path) -> None:
    assert "Known: person, waste" in refused(city, "--label", "wastee")
    assert "larger than 0" in refused(city, "--size-m", 0)
    assert "--refly needs --area" in refused(city, "--refly", tmp_path)
    assert "longitude comes first" in refused(city, "--at", "28.95,118.87")
    assert "2026-7" in refused(city, "--day", "2026-7")
    assert "nothing was looked at on 2020-01-01" in refused(city, "--png", tmp_path / "a.png", "--day", "2020-01-01")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(city, "--png", tmp_path / "file" / "a.png")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
