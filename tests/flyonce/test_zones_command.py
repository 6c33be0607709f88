"""`flyonce zones`: what a person at the command line sees, and what is on disk afterwards."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import shapely
from typer.testing import CliRunner, Result

from flyonce.analysis import readable_zones, zone_features
from flyonce.cli.errors import exit_code_for
from flyonce.cli.main import app

MAP = """
layers:
  - file: "grids*"
    kind: grid
    code: WGDM
    crs: EPSG:4549
  - file: water.geojson
    kind: {field: TYPE, values: {reservoir: permanent_water, pond: null}}
"""


def flyonce(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["zones", *map(str, arguments)])


def refused(*arguments: object) -> str:
    """The one line of a refusal."""
    done = flyonce(*arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert exit_code_for(done.exception) == 2
        return str(done.exception)
    assert done.exit_code == 2
    return done.stderr


def a_square(east_m: float, north_m: float) -> dict[str, Any]:
    corners = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    return {"type": "Polygon", "coordinates": [[[500_000 + east_m + x, 3_350_000 + north_m + y] for x, y in corners]]}


def in_degrees(geometry: dict[str, Any]) -> dict[str, Any]:
    degrees = pyproj.Transformer.from_crs(4549, 4490, always_xy=True)
    return {"type": "Polygon", "coordinates": [[list(degrees.transform(*xy)) for xy in geometry["coordinates"][0]]]}


def collection(path: Path, *features: tuple[dict[str, Any], dict[str, Any]]) -> Path:
    rows = [{"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
    return path


@pytest.fixture
def city(tmp_path: Path) -> Path:
    grids = [({"WGDM": f"330106001001{i:03d}"}, a_square(100 * i, 0)) for i in range(3)]
    collection(tmp_path / "grids.geojson", *grids)
    reservoir, pond = in_degrees(a_square(0, 100)), in_degrees(a_square(100, 100))
    collection(tmp_path / "water.geojson", ({"TYPE": "reservoir"}, reservoir), ({"TYPE": "pond"}, pond))
    (tmp_path / "map.yaml").write_text(MAP, encoding="utf-8")
    return tmp_path


def test_an_import_writes_files_that_analyze_takes(city: Path) -> None:
    out = (city / "zones.json", city / "zones.gpkg")
    done = flyonce("import", city / "grids.geojson", city / "water.geojson", "--map", city / "map.yaml",
                   "--out", out[0], "--out", out[1])  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "3 features, CGCS2000 / 3-degree Gauss-Kruger CM 120E: 3 grid" in done.stdout
    assert "1 permanent_water, 1 left out by the map" in done.stdout
    for path in out:
        zones = readable_zones(path)
        assert zones is not None
        assert sorted(zone.kind for zone in zones.all) == ["grid", "grid", "grid", "permanent_water"]
        assert {feature["properties"]["kind"] for feature in zone_features(zones)} == {"grid", "permanent_water"}


def test_json_lists_every_remark_with_its_place(city: Path) -> None:
    grids = [({"WGDM": "330106001001001"}, a_square(0, 0)), ({"WGDM": "1"}, a_square(100, 0))]
    collection(city / "grids.geojson", *grids, ({"WGDM": "330106001001001"}, a_square(200, 0)))
    done = flyonce("check", city / "grids.geojson", "--map", city / "map.yaml", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    (layer,) = told["layers"]
    assert (told["zones"], told["written"]) == (2, [])
    assert (layer["features"], layer["taken"], layer["left_out"]) == (3, {"grid": 2}, 0)
    assert layer["refused"][0]["feature"] == 2
    assert layer["told"][0]["problem"] == "the code is also that of feature 1"
    assert not (city / "zones.json").exists()


def test_a_folder_is_read_whole_and_check_writes_nothing(city: Path) -> None:
    (city / "old.kml").write_text("", encoding="utf-8")
    before = sorted(city.iterdir())
    done = flyonce("check", city, "--map", city / "map.yaml")
    assert done.exit_code == 0, done.stderr
    assert "grids.geojson" in done.stdout
    assert "water.geojson" in done.stdout
    assert "passed over" in done.stderr
    assert sorted(city.iterdir()) == before


def test_what_cannot_be_read_stops_the_import_and_leaves_the_old_file_alone(city: Path) -> None:
    out = city / "zones.json"
    out.write_text("old", encoding="utf-8")
    (city / "broken.geojson").write_text("{", encoding="utf-8")
    message = refused(
        "import", city / "grids.geojson", city / "broken.geojson", "--map", city / "map.yaml", "--out", out
    )
    assert "broken.geojson, line 1" in message
    assert out.read_text(encoding="utf-8") == "old"


def test_an_import_of_nothing_usable_writes_nothing(city: Path) -> None:
    collection(city / "grids.geojson", ({"WGDM": "1"}, a_square(0, 0)))
    arguments = ("import", city / "grids.geojson", "--map", city / "map.yaml", "--out", city / "zones.json")
    assert "no zone is left" in refused(*arguments)
    assert not (city / "zones.json").exists()


@pytest.mark.parametrize(
    ("out", "words"),
    [("zones.txt", "end its name"), ("none/zones.json", "no folder"), ("full.json", "cannot be written")],
)
def test_a_place_that_cannot_be_written_is_said(city: Path, out: str, words: str) -> None:
    (city / "full.json").mkdir()
    assert words in refused("import", city / "grids.geojson", "--map", city / "map.yaml", "--out", city / out)
    assert not list(city.glob(".*"))


def test_a_layer_in_foreign_words_says_that_it_needs_a_map(city: Path) -> None:
    message = refused("check", city / "grids.geojson", "--crs", "EPSG:4549")
    assert "--map" in message
    assert "WGDM" in message


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "no layer" in refused("check", tmp_path)


@pytest.fixture
def zones_file(city: Path) -> Path:
    out = city / "zones.geojson"
    flyonce("import", city / "grids.geojson", city / "water.geojson", "--map", city / "map.yaml", "--out", out)
    return out


def test_a_place_is_told_its_zones_and_its_coordinates_elsewhere(zones_file: Path) -> None:
    lon, lat = pyproj.Transformer.from_crs(4549, 4490, always_xy=True).transform(500_100, 3_350_050)
    done = flyonce("at", zones_file, "--place", f"{lon},{lat}", "--error-m", 2, "--json")
    told = json.loads(done.stdout)
    assert [(hit["code"], round(hit["probability"], 3)) for hit in told["zones"]] == [
        ("330106001001000", 0.5),
        ("330106001001001", 0.5),
    ]
    assert told["epsg_4549_east_north_m"] == [pytest.approx(500_100, abs=1e-3), pytest.approx(3_350_050, abs=1e-3)]
    for system in ("gcj02", "bd09"):
        shifted = ",".join(map(str, told[f"{system}_lonlat"]))
        again = json.loads(flyonce("at", zones_file, "--place", shifted, "--in", system, "--json").stdout)
        assert (again["lon"], again["lat"]) == (pytest.approx(lon, abs=1e-8), pytest.approx(lat, abs=1e-8))


def test_a_geopackage_that_was_edited_with_a_gis_can_be_shown_on_the_map(city: Path) -> None:
    columns = {
        "kind": np.array(["no_fishing"], dtype=object),
        "code": np.array(["N1"], dtype=object),
        "valid_to": np.array(["2026-06-30"], dtype="datetime64[ms]"),
        "area": np.array([np.nan]),
        "seen": np.array([3], dtype=np.int32),
    }
    square = shapely.to_wkb(np.array([shapely.geometry.shape(in_degrees(a_square(0, 0)))], dtype=object))
    pyogrio.raw.write(
        city / "edited.gpkg", square, list(columns.values()), list(columns), driver="GPKG", geometry_type="Polygon",
        crs="EPSG:4490",
    )  # fmt: skip
    zones = readable_zones(city / "edited.gpkg")
    assert zones is not None
    (feature,) = json.loads(json.dumps(zone_features(zones), allow_nan=False))
    assert feature["properties"] == {"kind": "no_fishing", "code": "N1", "valid_to": "2026-06-30", "seen": 3}
    assert zones.all[0].valid_to == date(2026, 6, 30)


def test_a_place_is_told_to_people_too(zones_file: Path) -> None:
    done = flyonce("at", zones_file, "--place", "2.35,48.86")
    assert "in no zone" in done.stdout
    assert "epsg" not in done.stdout
    assert "is no day" in refused("at", zones_file, "--place", "120,30", "--on", "1 May")
    assert "no place" in refused("at", zones_file, "--place", "30,120")
