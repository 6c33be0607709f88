"""`flyonce plan --fleet` as a city's planner runs it."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from shapely.geometry import box, mapping

from flightplan.files import read_mission
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.profile import profile_of
from flightplan.projection import LocalFrame
from flyonce.cli.main import run

AREA = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": f"cell {number}"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, 28.95], [x + 0.02, 28.95], [x + 0.02, 28.98], [x, 28.98], [x, 28.95]]],
            },
        }
        for number, x in enumerate((118.84, 118.86))
    ],
}
FLEET = """\
hours: [{begins: 08:00, ends: 18:00}]
drones:
  m3d: {endurance_min: 38, charge_min: 30}
docks:
  - {name: 东站, lon: 118.85, lat: 28.96, drone: m3d}
  - {name: 西站, lon: 118.872, lat: 28.97, drone: m3d}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "area.geojson").write_text(json.dumps(AREA))
    (tmp_path / "fleet.yaml").write_text(FLEET, encoding="utf-8")
    return tmp_path


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def planned(city: Path, monkeypatch, capsys) -> Callable[..., Done]:
    """Runs the command as the installed program does; options are added to area, fleet and folder."""

    def planned(*more: str, fleet: bool = True) -> Done:
        words = ["flyonce", "plan", str(city / "area.geojson"), "--out", str(city / "out"), *more]
        monkeypatch.setattr(sys, "argv", [*words, *(["--fleet", str(city / "fleet.yaml")] if fleet else [])])
        with pytest.raises(SystemExit) as left:
            run()
        told = capsys.readouterr()
        return Done(exit_code=int(left.value.code or 0), stdout=told.out, stderr=" ".join(told.err.split()))

    return planned


def test_a_city_gets_times_a_chart_a_map_and_a_mission_for_every_flight(city, planned):
    done = planned("--sidelap", "0.2", "--first-day", "2026-11-23", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["drones"] == 2
    assert 0 < told["least_hours"] <= told["hours"]
    assert sum(told["time_of_busiest"].values()) == pytest.approx(told["hours"], abs=0.01)
    assert told["area_km2"] == pytest.approx(0.04 * 97.5 * 0.03 * 110.85, rel=0.01)
    with (city / "out" / "flights.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["flights"] == sum(dock["flights"] for dock in told["docks"])
    assert {row["dock"] for row in rows} == {"东站", "西站"}
    assert rows[0]["takes_off_at"] == told["first_take_off_at"] == "2026-11-23T08:00:00+08:00"
    for row in rows:
        mission = read_mission(city / "out" / row["mission"])
        assert sum(a != b for a, b in zip(mission.path_lonlat(), mission.path_lonlat()[1:], strict=False)) > 2
        assert mission.home.lat == pytest.approx(28.96 if row["dock"] == "东站" else 28.97)
    features = json.loads((city / "out" / "flights.geojson").read_text(encoding="utf-8"))["features"]
    assert [one["properties"]["flight"] for one in features] == [row["flight"] for row in rows]
    lons = [lon for one in features for lon, _ in one["geometry"]["coordinates"]]
    assert 118.83 < min(lons) < max(lons) < 118.89
    with Image.open(city / "out" / "gantt.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 3
    page = (city / "out" / "gantt.html").read_text(encoding="utf-8")
    assert page.count("<rect") == len(rows)
    assert "机队飞行计划" in page
    assert "http" not in page


def test_the_words_for_people_say_how_good_the_plan_is(city, planned):
    done = planned("--no-missions", "--lang", "en")
    assert done.exit_code == 0
    assert "however these rows are shared out" in done.stderr
    assert "busiest drone" in done.stderr
    assert not (city / "out" / "missions").exists()
    assert "The fleet&#x27;s flights" in (city / "out" / "gantt.html").read_text(encoding="utf-8")


def test_a_part_out_of_reach_is_told_with_exit_code_2_and_the_rest_is_planned(city, planned):
    (city / "fleet.yaml").write_text(FLEET.replace("charge_min: 30", "charge_min: 30, max_range_km: 2"))
    done = planned("--no-missions")
    assert done.exit_code == 2
    assert "km² lie out of every drone's reach" in done.stderr
    assert (city / "out" / "flights.csv").is_file()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("drone: m3d", "drone: m4", "fleet.yaml, line 5"),
        ("lon: 118.85, lat: 28.96", "lon: 28.96, lat: 118.85", "swapped"),
        ("lon: 118.85, lat: 28.96", "lon: 18.85, lat: 28.96", "reach"),
        ("ends: 18:00", "ends: 08:05", "Open longer hours"),
    ],
)
def test_a_fleet_that_cannot_be_is_one_line_and_no_file(city, planned, old, new, words):
    path = city / "fleet.yaml"
    text = FLEET.replace(old, new, 1)
    path.write_text(text if "18.85, lat" not in new else text.replace("lon: 118.872", "lon: 18.872"), encoding="utf-8")
    done = planned()
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (city / "out").exists()


def test_one_of_home_and_fleet_is_needed(planned):
    done = planned(fleet=False)
    assert done.exit_code == 2
    assert "--home" in done.stderr
    assert planned("--home", "118.85,28.96").exit_code == 2
    assert "cell_m is out of range" in planned("--cell-m", "0").stderr
    ignored = planned("--home", "118.85,28.96", "--cell-m", "500", fleet=False)
    assert ignored.exit_code == 2
    assert "--cell-m goes with --fleet" in ignored.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--speed-m-s", "10"), "--speed-m-s goes with --home"),
        (("--endurance-min", "20"), "--endurance-min goes with --home"),
        (("--camera", "generic-84dfov"), "--camera goes with --home or --gsd-cm"),
        (("--at-sea", "--pitch-deg", "-60"), "--pitch-deg and --at-sea go with --home"),
        (("--look-at-m", "0"), "--look-at-m goes with --home"),
        (("--first-day", "9999-12-31"), "9999-12-31 is no day to fly on"),
        (("--first-day", "0001-01-01"), "0001-01-01 is no day to fly on"),
    ],
)
def test_options_that_mean_nothing_to_a_fleet_are_refused(city, planned, more, said):
    done = planned(*more)

    assert done.exit_code == 2
    assert said in done.stderr
    assert not (city / "out").exists()


def test_an_area_of_one_flight_is_told_in_words(city, planned):
    corners = [[118.85, 28.96], [118.852, 28.96], [118.852, 28.962], [118.85, 28.962], [118.85, 28.96]]
    (city / "area.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    done = planned("--no-missions")
    assert done.exit_code == 0, done.stderr
    assert "1 flights" in done.stderr


def test_missions_of_an_earlier_plan_are_not_mixed_with_new_ones(city, planned):
    assert planned().exit_code == 0
    again = planned("--sidelap", "0.1")
    assert again.exit_code == 2
    assert "missions of an earlier plan" in again.stderr


def test_places_that_nobody_may_fly_over_are_left_out(city, planned):
    shut = json.loads(json.dumps(AREA["features"][1]))
    (city / "shut.geojson").write_text(json.dumps(shut))
    docks = FLEET.splitlines()
    (city / "fleet.yaml").write_text("\n".join(docks[:-1]) + "\n", encoding="utf-8")
    done = planned("--no-fly", str(city / "shut.geojson"), "--no-missions", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["area_km2"] == pytest.approx(0.02 * 97.5 * 0.03 * 110.85, rel=0.01)


def a_layer(path: Path, *features: tuple[tuple[float, float, float, float], dict[str, object]]) -> str:
    """A map layer of boxes (west, south, east, north) with their properties."""
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": told, "geometry": mapping(box(*bounds))} for bounds, told in features
        ],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def flights_of(city: Path) -> list[dict[str, str]]:
    with (city / "out" / "flights.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_flights_in_controlled_airspace_are_drafts_until_their_day_is_approved(city, planned):
    west = (118.83, 28.94, 118.86, 28.99)
    tower = a_layer(city / "tower.geojson", (west, {"kind": "controlled", "name": "tower"}))
    options = ("--sidelap", "0.2", "--first-day", "2026-11-23", "--json", "--airspace", tower)
    done = planned(*options)

    assert done.exit_code == 1
    assert "may not be flown" in done.stderr
    told = json.loads(done.stdout)
    rows = flights_of(city)
    drafts = [row for row in rows if row["breaches"]]
    assert 0 < len(drafts) == len(told["unlawful_flights"])
    assert all((city / "out" / row["mission"]).is_file() for row in rows)
    assert {row["mission"].endswith(".draft.geojson") for row in drafts} == {True}
    assert not list((city / "out").rglob(f"{drafts[0]['flight']}.plan"))

    times = {"from": "2026-11-23T07:00+08:00", "until": "2026-11-23T19:00+08:00"}
    approval = a_layer(city / "ok.geojson", (west, {"kind": "approval", "id": "QZ-7", "ceiling_m": 120, **times}))
    shutil.rmtree(city / "out")
    assert planned(*options, "--airspace", approval).exit_code == 0
    assert "QZ-7" in {row["approvals"] for row in flights_of(city)} <= {"", "QZ-7"}


def test_a_fleet_follows_the_ground_and_says_how_high_to_return(city, planned):
    model = city / "hills.tif"
    lon, lat = np.meshgrid(118.80 + (np.arange(600) + 0.5) * 2e-4, 29.02 - (np.arange(600) + 0.5) * 2e-4)
    heights = 100.0 + 50.0 * np.sin((lon - 118.8) * 900) * np.cos((lat - 28.9) * 700)
    with rasterio.open(
        model, "w", driver="GTiff", width=600, height=600, count=1, dtype="float32", crs="EPSG:4326",
        transform=rasterio.Affine(2e-4, 0, 118.80, 0, -2e-4, 29.02),
    ) as file:  # fmt: skip
        file.write(heights.astype(np.float32), 1)
    options = ("--altitude-m", "100", "--sidelap", "0.2", "--first-day", "2026-11-23", "--json")
    assert planned(*options, "--terrain", str(model), "--band-m", "15").exit_code == 0

    terrain = DemTerrain.open(model)
    for row in flights_of(city):
        mission = read_mission(city / "out" / row["mission"], terrain=terrain)
        profile = profile_of(mission)
        assert profile.agl_m.min() >= 84.9
        assert profile.agl_m.max() <= 115.1
        # Hills of 150 m around docks somewhere in between, and 30 m over them.
        assert 80.0 - mission.home.alt_msl_m < float(row["return_height_m"]) <= 181.0 - mission.home.alt_msl_m


def test_a_fleet_keeps_clear_of_masts(city, planned):
    mast = {"type": "Point", "coordinates": [118.858, 28.966]}
    feature = {"type": "Feature", "properties": {"name": "mast", "height_m": 110}, "geometry": mast}
    (city / "masts.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    done = planned("--obstacles", str(city / "masts.geojson"))

    assert done.exit_code == 0, done.stderr
    missions = [read_mission(path) for path in (city / "out" / "missions").rglob("*.plan")]
    carrying = [mission for mission in missions if mission.obstacles]
    assert carrying
    frame = LocalFrame(lon=118.858, lat=28.966)
    for mission in carrying:
        path = shapely.LineString(frame.en_from_lonlat(np.array(mission.path_lonlat())))
        assert path.distance(shapely.Point(0, 0)) >= 17.9
        assert mission.obstacles[0].name == "mast"


def test_a_fleet_flies_above_120_m_with_an_approval_and_not_without(city, planned):
    properties = {
        "kind": "approval", "id": "QZ-7", "ceiling_m": 160,
        "from": "2026-11-24T00:00+08:00", "until": "2026-12-24T23:00+08:00",
    }  # fmt: skip
    feature = {"type": "Feature", "properties": properties, "geometry": mapping(box(118.7, 28.8, 119.0, 29.1))}
    (city / "ok.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    high = ("--altitude-m", "150", "--first-day", "2026-11-24")

    refused = planned(*high)
    assert refused.exit_code == 2
    assert "no approval allows that" in refused.stderr
    assert planned(*high, "--airspace", str(city / "ok.geojson")).exit_code == 0
    missions = [read_mission(path) for path in (city / "out" / "missions").rglob("*.plan")]
    assert {mission.clearance.approvals for mission in missions} == {("QZ-7",)}
    assert max(point.alt_m for mission in missions for point in mission.waypoints) == 150.0
