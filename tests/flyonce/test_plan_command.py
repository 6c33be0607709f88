"""`flyonce plan --home` as one drone's pilot runs it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from flightplan.files import read_mission
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.mission import LookAt, PointCamera
from flyonce.cli.main import run

LON, LAT = 118.87, 28.94
HOME = "118.8695,28.9395"


def square(east: float = 0.0, size: float = 0.004) -> list[list[float]]:
    west = LON + east
    return [[west, LAT], [west + size, LAT], [west + size, LAT + size], [west, LAT + size], [west, LAT]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> dict[str, Any]:
        assert self.exit_code == 0, self.stderr
        return json.loads(self.stdout)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def plan(tmp_path: Path, out: Path, monkeypatch, capsys) -> Callable[..., Done]:
    """Writes the shape and runs the command over it, as the installed program does."""

    def plan(shape: dict[str, Any], *more: str, home: str = HOME) -> Done:
        path = tmp_path / "area.geojson"
        path.write_text(json.dumps(shape))
        words = ["flyonce", "plan", str(path), "--home", home, "--out", str(out), "--json", *more]
        monkeypatch.setattr(sys, "argv", words)
        code = 0
        try:
            run()
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return Done(exit_code=code, stdout=said.out, stderr=" ".join(said.err.split()))

    return plan


@pytest.fixture
def dem(tmp_path: Path) -> Callable[..., str]:
    """Writes hills in UTM 50 north."""

    def dem(amplitude_m: float = 30.0, reach_m: float = 1_500.0) -> str:
        x, y = Transformer.from_crs("OGC:CRS84", "EPSG:32650", always_xy=True).transform(LON, LAT)
        cells = int(2 * reach_m / 10)
        columns, rows = np.meshgrid(np.arange(cells), np.arange(cells))
        heights = 150 + amplitude_m * np.sin(columns / 8.0) * np.cos(rows / 11.0)
        path = tmp_path / "dem.tif"
        transform = rasterio.Affine(10.0, 0.0, x - reach_m, 0.0, -10.0, y + reach_m)
        profile = {"driver": "GTiff", "width": cells, "height": cells, "count": 1, "dtype": "float32"}
        with rasterio.open(path, "w", crs="EPSG:32650", transform=transform, **profile) as raster:
            raster.write(heights.astype(np.float32), 1)
        return str(path)

    return dem


def test_over_hills_the_heights_above_ground_are_told_and_kept(plan, dem, out):
    told = plan(polygon(square()), "--terrain", dem(), "--altitude-m", "90", "--band-m", "12").told

    low, high = told["height_agl_m"]
    assert 78 <= low < high <= 102
    assert told["coverage"] == 1.0
    heights = {point.alt_m for point in read_mission(out / "mission.plan", terrain=DemTerrain.open(dem())).waypoints}
    assert len(heights) > 5


def test_a_hill_higher_than_120_m_is_planned_and_its_file_is_read_back_with_the_terrain(plan, dem, out):
    hill = dem(200.0)

    told = plan(polygon(square()), "--terrain", hill, "--altitude-m", "80", "--band-m", "25").told

    assert told["height_agl_m"][1] <= 105
    back = read_mission(out / "mission.plan", terrain=DemTerrain.open(hill))
    assert max(point.alt_m for point in back.waypoints) - min(point.alt_m for point in back.waypoints) > 120


def test_no_ground_under_the_area_is_one_line_and_no_file(plan, dem, out):
    done = plan(polygon(square()), "--terrain", dem(reach_m=150.0))

    assert done.exit_code == 2
    assert "the elevation model has no ground at longitude" in done.stderr
    assert not out.exists()


def test_several_areas_and_a_no_fly_area_are_planned_together(plan, tmp_path, out):
    shut = tmp_path / "shut.geojson"
    shut.write_text(json.dumps(polygon(square(east=0.001, size=0.001))))

    told = plan({"type": "MultiPolygon", "coordinates": [[square()], [square(east=0.006)]]}, "--no-fly", str(shut)).told

    assert told["coverage"] == 1.0
    assert told["left_out_m2"] == pytest.approx(0.001 * 97_400 * 0.001 * 110_850, rel=0.02)
    assert (out / "mission.plan").is_file()


def test_home_in_a_no_fly_area_is_one_line_and_no_file(plan, tmp_path, out):
    shut = tmp_path / "shut.geojson"
    shut.write_text(json.dumps(polygon(square(east=-0.001, size=0.002))))

    done = plan(polygon(square()), "--no-fly", str(shut), home="118.8699,28.9405")

    assert done.exit_code == 2
    assert "home lies in a no-fly area" in done.stderr
    assert not out.exists()


def test_a_river_is_flown_along_its_line(plan):
    river = {"type": "LineString", "coordinates": [[LON, LAT], [LON + 0.004, LAT + 0.001], [LON + 0.006, LAT + 0.004]]}

    told = plan(river, "--width-m", "40", "--profile", "patrol").told

    length_m = math.dist((0, 0), (0.004 * 97_400, 0.001 * 110_850)) + math.dist(
        (0, 0), (0.002 * 97_400, 0.003 * 110_850)
    )
    assert told["missions"][0]["survey_length_m"] == pytest.approx(length_m, rel=0.02)
    assert told["coverage"] == 1.0


def test_a_tower_is_flown_round(plan, out):
    told = plan({"type": "Point", "coordinates": [LON, LAT + 0.002]}, "--ring-m", "40", "--ring-photos", "16").told

    assert told["missions"][0]["photos"] == 16
    items = read_mission(out / "mission.plan").items
    assert sum(isinstance(item, LookAt) for item in items) == 1


def test_the_height_follows_from_the_resolution(plan, out):
    assert plan(polygon(square()), "--gsd-cm", "3").exit_code == 0

    # 84 degrees over 5,000 pixels of diagonal: 2,776 pixels of focal length.
    assert read_mission(out / "mission.plan").waypoints[0].alt_m == pytest.approx(0.03 * 2_776, rel=0.01)


def test_patrols_fly_fewer_rows_than_maps(plan):
    mapping, patrol = (plan(polygon(square()), "--profile", profile).told for profile in ("mapping", "patrol"))

    assert patrol["row_spacing_m"] > 2 * mapping["row_spacing_m"]
    assert patrol["missions"][0]["length_m"] < mapping["missions"][0]["length_m"]
    own = plan(polygon(square()), "--profile", "patrol", "--sidelap", "0.6").told
    assert own["row_spacing_m"] == mapping["row_spacing_m"]


def test_a_pitched_camera_and_a_second_pass_reach_the_mission(plan, out):
    once = plan(polygon(square())).told
    twice = plan(polygon(square()), "--cross-hatch", "--pitch-deg", "-70").told

    assert twice["missions"][0]["length_m"] > 1.5 * once["missions"][0]["length_m"]
    assert next(i for i in read_mission(out / "mission.plan").items if isinstance(i, PointCamera)).pitch_deg == -70


def test_wind_makes_the_flight_longer(plan):
    still = plan(polygon(square())).told
    windy = plan(polygon(square()), "--wind-m-s", "11", "--wind-from-deg", "45").told

    assert windy["missions"][0]["duration_s"] > still["missions"][0]["duration_s"]


@pytest.mark.parametrize(
    ("shape", "more", "words"),
    [
        (
            polygon([[LON, LAT], [LON + 0.01, LAT + 0.01], [LON + 0.01, LAT], [LON, LAT + 0.01], [LON, LAT]]),
            (),
            "crosses",
        ),
        (polygon([[LON, LAT], [LON + 0.01, LAT], [LON + 0.02, LAT], [LON, LAT]]), (), "no area"),
        (
            polygon([[682_000, 3_202_000], [683_000, 3_202_000], [683_000, 3_203_000], [682_000, 3_202_000]]),
            (),
            "metres",
        ),
        (polygon([[lat, lon] for lon, lat in square()]), (), "swapped"),
        (polygon([[100, 20], [101, 20], [101, 21.5], [100, 21.5], [100, 20]]), (), "more than one drone"),
        # Hamburg, latitude first, lies off Arabia.
        (polygon([[53.5, 10.0], [53.51, 10.0], [53.51, 10.01], [53.5, 10.0]]), (), "in the open sea"),
        (polygon(square()), ("--camera", "kodak"), "generic-84dfov"),
        (polygon(square()), ("--gsd-cm", "3", "--altitude-m", "80"), "Give one of them"),
        (polygon(square()), ("--wind-m-s", "14", "--wind-from-deg", "0"), "more than the drone may fly in"),
        (polygon(square()), ("--wind-m-s", "4"), "half of the wind"),
        (polygon(square()), ("--band-m", "4"), "--band-m goes with --terrain"),
        (polygon([[179.9, 10], [-179.9, 10], [-179.9, 10.1], [179.9, 10]]), (), "crosses the 180° meridian"),
        (polygon([[-179.9, 65], [-179.89, 65], [-179.89, 65.01], [-179.9, 65]]), (), "both sides of the 180° meridian"),
        (polygon(square()), ("--exposure-s", "nan"), "an exposure of nan s is out of range"),
        (polygon(square()), ("--exposure-s", "0"), "an exposure of 0 s is out of range"),
        (polygon(square()), ("--ring-photos", "12"), "--ring-photos goes with --ring-m"),
        (polygon(square()), ("--look-at-m", "0"), "--look-at-m goes with --ring-m"),
        (polygon(square()), ("--ring-m", "40", "--cross-hatch"), "--cross-hatch goes with areas, not with --ring-m"),
        (polygon(square()), ("--ring-m", "40", "--sidelap", "0.5"), "--sidelap goes with areas"),
        (polygon(square()), ("--lang", "en", "--no-missions"), "--lang and --no-missions go with --fleet"),
        (polygon(square()), ("--takes-off-at", "2026-11-24T09:00"), "--takes-off-at goes with --airspace"),
        (polygon(square()), ("--fence", "--vehicle", "m3d"), "--fence goes with ardupilot and px4"),
        (polygon(square()), ("--width-m", "40"), "there is no line in it"),
        (polygon(square()), ("--ring-m", "40"), "there is no point in it"),
        (polygon(square()), ("--ring-m", "40", "--width-m", "40"), "both asked for"),
        (polygon(square()), ("--no-fly", "nowhere.geojson"), "nowhere.geojson"),
        (polygon(square()), ("--terrain", "nowhere.tif"), "nowhere.tif"),
        (polygon(square()), ("--pitch-deg", "-10"), "too little ground"),
        (polygon(square()), ("--gsd-cm", "0"), "out of range"),
    ],
)
def test_what_cannot_be_is_one_line_with_code_2_and_no_mission(plan, out, shape, more, words):
    homes = {"in the open sea": "53.5,10.0", "both sides of the 180° meridian": "179.99,65.0"}
    home = homes.get(words, HOME)

    done = plan(shape, *more, home=home)

    assert done.exit_code == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (out / "mission.plan").exists()


def test_an_area_meant_to_lie_at_sea_is_planned(plan):
    far = [[-40.0, 30.0], [-39.997, 30.0], [-39.997, 30.003], [-40.0, 30.0]]

    assert plan(polygon(far), home="-40,30").exit_code == 2
    assert plan(polygon(far), "--at-sea", home="-40,30").told["coverage"] == 1.0
