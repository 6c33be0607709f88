from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from geo_builders import LAT, LON, a_fix

from geo.errors import InputFileError
from geo.zones import Zones


def ring(west_m: float, south_m: float, east_m: float, north_m: float) -> list[list[float]]:
    corners = ((west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m), (west_m, south_m))
    return [[f.lon, f.lat] for f in (a_fix(e, n) for e, n in corners)]


def a_feature(kind: str = "grid", geometry: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    area = {"type": "Polygon", "coordinates": [ring(-100, -100, 100, 100)]}
    values = {"kind": kind, "code": f"{kind}-1", "name": kind} | properties
    return {"type": "Feature", "properties": values, "geometry": geometry or area}


def zones_of(tmp_path: Path, *features: dict[str, Any]) -> Zones:
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return Zones.from_file(path)


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "zones.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        Zones.from_file(path)
    assert "zones.geojson" in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refused_feature(tmp_path: Path, feature: Any) -> str:
    message = refusal(tmp_path, json.dumps({"type": "FeatureCollection", "features": [a_feature(), feature]}))
    assert "feature 2" in message
    return message


def test_a_place_deep_inside_a_zone_is_surely_in_it(tmp_path: Path) -> None:
    (hit,) = zones_of(
        tmp_path, a_feature(), a_feature("road", {"type": "Polygon", "coordinates": [ring(500, 0, 510, 9)]})
    ).under(a_fix())
    assert (hit.zone.kind, hit.zone.code, hit.probability) == ("grid", "grid-1", 1.0)


@pytest.mark.parametrize("beyond_m", [-3.0, -1.5, 0.0, 1.5, 3.0])
def test_a_place_near_a_border_is_in_with_the_probability_of_its_error(tmp_path: Path, beyond_m: float) -> None:
    hits = zones_of(tmp_path, a_feature()).under(a_fix(100 + beyond_m, 0, sigma_m=1.5))
    expected = 0.5 * math.erfc(beyond_m / 1.5 / math.sqrt(2))
    assert hits[0].probability == pytest.approx(expected, abs=0.02)


def test_an_ellipse_across_a_border_names_both_sides_likelier_first(tmp_path: Path) -> None:
    east = a_feature("grid", {"type": "Polygon", "coordinates": [ring(100, -100, 300, 100)]}, code="east")
    hits = zones_of(tmp_path, a_feature(code="west"), east).under(a_fix(101, 0))
    assert [hit.zone.code for hit in hits] == ["east", "west"]
    assert sum(hit.probability for hit in hits) == pytest.approx(1.0, abs=0.01)


def test_the_errors_direction_counts(tmp_path: Path) -> None:
    zones = zones_of(tmp_path, a_feature())
    along = a_fix(102, 0, covariance_m2=((0.01, 0.0), (0.0, 100.0)))
    across = a_fix(102, 0, covariance_m2=((100.0, 0.0), (0.0, 0.01)))
    assert zones.under(along) == []
    assert zones.under(across)[0].probability == pytest.approx(0.42, abs=0.03)


def test_a_place_without_error_on_the_border_counts_as_inside(tmp_path: Path) -> None:
    zones = zones_of(tmp_path, a_feature())
    corner = zones.all[0].geometry.bounds
    assert zones.under(a_fix(lon=corner[0], lat=LAT, covariance_m2=((0.0, 0.0), (0.0, 0.0))))[0].probability == 1.0


def test_a_street_drawn_as_a_line_is_as_wide_as_it_says(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[a_fix(-200, 0).lon, LAT], [a_fix(200, 0).lon, LAT]]}
    zones = zones_of(tmp_path, a_feature("street", line, name="样例路", width_m=12))
    (street,) = zones.of_kind("street")
    assert street.axis is not None
    assert zones.under(a_fix(0, 5.5, sigma_m=0.01))[0].probability == 1.0
    assert zones.under(a_fix(0, 6.5, sigma_m=0.01)) == []
    found = zones.nearest(LON, a_fix(0, 26).lat, "street", within_m=50)
    assert found is not None
    assert (found[0].name, found[1]) == ("样例路", pytest.approx(20.0, abs=0.1))
    assert zones.nearest(LON, a_fix(0, 26).lat, "street", within_m=10) is None


def test_a_zone_holds_only_in_its_season(tmp_path: Path) -> None:
    season = a_feature("no_fishing", valid_from="2026-03-01", valid_to="2026-06-30")
    zones = zones_of(tmp_path, season)
    assert zones.under(a_fix(), on=date(2026, 6, 30)) != []
    assert zones.under(a_fix(), on=date(2026, 7, 1)) == []
    assert zones.under(a_fix()) != []


def test_a_season_comes_back_each_year_and_may_go_over_its_turn(tmp_path: Path) -> None:
    spring = a_feature("no_fishing", season_from="03-01", season_to="06-30", valid_from="2026-01-01")
    winter = a_feature("no_fishing", season_from="11-01", season_to="02-29", code="winter")
    zones = zones_of(tmp_path, spring, winter)
    days = {date(2025, 4, 1): [], date(2026, 3, 1): ["no_fishing-1"], date(2029, 6, 30): ["no_fishing-1"]}
    days |= {date(2026, 7, 1): [], date(2026, 12, 31): ["winter"], date(2027, 2, 28): ["winter"]}
    assert {day: [hit.zone.code for hit in zones.under(a_fix(), on=day)] for day in days} == days
    assert [zone.holds_always for zone in zones.all] == [False, False]


def test_zones_of_a_kind_come_in_the_files_order(tmp_path: Path) -> None:
    zones = zones_of(tmp_path, a_feature(code="b"), a_feature("road"), a_feature(code="a"))
    assert [zone.code for zone in zones.of_kind("grid")] == ["b", "a"]
    assert len(zones) == 3
    with pytest.raises(ValueError, match="no kind"):
        zones.of_kind("gird")


def test_no_zones_at_all_are_fine(tmp_path: Path) -> None:
    assert zones_of(tmp_path).under(a_fix()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ('{"type": "FeatureCollection", "features": [', "line 1"),
        ('{"type": "Polygon"}', "FeatureCollection"),
        ('{"type": "FeatureCollection"}', "'features'"),
        ("[1, 2]", "FeatureCollection"),
    ],
)
def test_a_file_that_is_no_feature_collection_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_coordinates_in_another_system_are_refused(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}
    message = refusal(tmp_path, json.dumps({"type": "FeatureCollection", "crs": crs, "features": []}))
    assert "4549" in message
    assert "4326" in message


def polygon(*corners: list[float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(corners)]}


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"type": "Feature", "properties": {}, "geometry": None}, "'kind' is missing"),
        (a_feature("park"), "unknown kind 'park'"),
        ({"type": "Feature", "properties": {"kind": "grid"}, "geometry": None}, "geometry"),
        (a_feature(geometry={"type": "Point", "coordinates": [LON, LAT]}), "Point is no zone"),
        (a_feature(geometry=polygon([LAT, LON], [LAT + 1, LON], [LAT, LON + 1], [LAT, LON])), "swapped"),
        (a_feature(geometry=polygon([5e5, 3e6], [5.1e5, 3e6], [5e5, 3.1e6], [5e5, 3e6])), "no degrees"),
        (a_feature(geometry=polygon([0, 1], [1, 2], [1, 1], [0, 2], [0, 1])), "invalid"),
        (a_feature(geometry=polygon([0, 1], [1, 2])), "geometry"),
        (a_feature("street", {"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT + 0.1]]}), "width_m"),
        (a_feature("grid", {"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT + 0.1]]}), "Polygon"),
        (a_feature(valid_from="next spring"), "not a date"),
        (a_feature(season_from="03-01"), "both"),
        (a_feature(season_from="03-01", season_to="31-06"), "'31-06'"),
        (a_feature(valid_from="2026-05-01", valid_to="2026-04-01"), "before"),
        ("a text", "Feature"),
    ],
)
def test_a_feature_that_is_no_zone_is_refused_by_its_number(tmp_path: Path, feature: Any, words: str) -> None:
    assert words in refused_feature(tmp_path, feature)
