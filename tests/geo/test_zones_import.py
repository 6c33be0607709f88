"""A city's own layers: what is taken, mended, told of and refused, and that nothing is ever guessed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from geo_builders import a_fix
from zone_layers import CITY_LAT, CITY_LON, GRID_CODE, in_degrees, square, write_layer, write_map

from geo import crs_cn
from geo.errors import InputFileError
from geo.zones import Zones
from geo.zones.checks import with_checks
from geo.zones.importing import import_file
from geo.zones.layer_map import load_layer_map
from geo.zones.report import ImportedLayer
from geo.zones.writing import write_zones

TODAY = date(2026, 7, 1)
GRIDS = {"layer": "*", "kind": "grid", "code": "WGDM", "name": "名称"}


def some_grids(path: Path, count: int = 3, **changes: Any) -> Path:
    columns = {"WGDM": [GRID_CODE.format(i) for i in range(count)], "名称": [f"第{i}网格" for i in range(count)]}
    shapes = [square(100 * i, 0) for i in range(count)]
    return write_layer(path, **({"shapes": shapes, "columns": columns} | changes))


def taken(path: Path, *rules: dict[str, Any], **options: Any) -> ImportedLayer:
    (layer,) = import_file(path, load_layer_map(write_map(path.with_name("map.yaml"), *rules)), **options)
    return layer


def refusal(path: Path, *rules: dict[str, Any], **options: Any) -> str:
    with pytest.raises(InputFileError) as caught:
        taken(path, *rules, **options)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def far_m(zone: shapely.Geometry, expected: shapely.Geometry) -> float:
    return float(shapely.hausdorff_distance(zone, expected)) * 111_320


@pytest.mark.parametrize("name", ["grids.gpkg", "grids.shp", "grids.kml"])
def test_grids_come_in_from_what_programs_write(tmp_path: Path, name: str) -> None:
    shapes = [square(100 * i, 0) for i in range(3)]
    crs = "EPSG:4549"
    if name.endswith(".kml"):
        shapes, crs = [in_degrees(shape) for shape in shapes], "EPSG:4326"
    layer = taken(some_grids(tmp_path / name, shapes=shapes, crs=crs), GRIDS)
    assert layer.report.taken == {"grid": 3}
    assert [(one.zone.code, one.zone.name) for one in layer.zones] == [
        (GRID_CODE.format(i), f"第{i}网格") for i in range(3)
    ]
    for number, one in enumerate(layer.zones):
        assert far_m(one.zone.geometry, in_degrees(square(100 * number, 0))) < 1e-3
    assert (*layer.report.mended, *layer.report.refused, *layer.report.told) == ()


def test_a_shapefile_of_a_chinese_program_needs_its_encoding_named_and_then_reads(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "网格.shp", encoding="GBK")
    path.with_suffix(".cpg").unlink()
    assert "--encoding GBK" in refusal(path, GRIDS)
    for layer in (taken(path, GRIDS, encoding="GBK"), taken(path, GRIDS | {"encoding": "GBK"})):
        assert layer.zones[1].zone.name == "第1网格"
    assert "not in" in refusal(path, GRIDS, encoding="UTF-8")
    assert "nonsense" in refusal(path, GRIDS, encoding="nonsense")


def test_a_layer_without_coordinate_system_is_refused_until_it_is_named(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "grids.shp", crs=None)
    message = refusal(path, GRIDS)
    assert "--crs EPSG:4549" in message
    for layer in (taken(path, GRIDS, crs="EPSG:4549"), taken(path, GRIDS | {"crs": "EPSG:4549"})):
        assert far_m(layer.zones[0].zone.geometry, in_degrees(square(0, 0))) < 1e-3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("EPSG:4528", "EPSG:4534 to 4554"),
        ("EPSG:4490", "degrees"),
        ("GCJ-02", "degrees"),
        ("EPSG:99999", "unknown"),
        ("EPSG:2383", "no public way"),
        ("EPSG:2437", "no public way"),
    ],
)
def test_a_system_that_the_coordinates_cannot_be_in_or_nothing_leads_out_of_is_refused(
    tmp_path: Path, given: str, words: str
) -> None:
    assert words in refusal(some_grids(tmp_path / "grids.shp", crs=None), GRIDS, crs=given)


def test_eastings_with_a_zone_number_name_their_zone(tmp_path: Path) -> None:
    shapes = [square(100 * i, 0, epsg=4528) for i in range(3)]
    path = some_grids(tmp_path / "grids.shp", shapes=shapes, crs=None)
    assert "EPSG:4528" in refusal(path, GRIDS, crs="EPSG:4549")
    assert "EPSG:4528" in refusal(path, GRIDS, crs="EPSG:4490")
    layer = taken(path, GRIDS, crs="EPSG:4528")
    assert far_m(layer.zones[2].zone.geometry, in_degrees(shapes[2], 4528)) < 1e-3


def test_north_written_before_east_is_refused(tmp_path: Path) -> None:
    shapes = [shapely.transform(square(100 * i, 0), lambda en: en[:, ::-1]) for i in range(3)]
    message = refusal(some_grids(tmp_path / "grids.gpkg", shapes=shapes), GRIDS)
    assert "north looks written before east" in message


def test_a_shapefile_that_declares_latin_letters_but_has_chinese_ones_is_told(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "网格.shp", encoding="GBK")
    path.with_suffix(".cpg").write_text("ISO-8859-1", encoding="ascii")
    layer = taken(path, {"kind": "grid", "digits": 0})
    assert "may be '名称': if so, name --encoding GBK" in layer.report.remarks[0]
    assert taken(path, GRIDS, encoding="GBK").report.remarks == ()


def test_an_encoding_is_for_files_that_need_one(tmp_path: Path) -> None:
    layer = taken(some_grids(tmp_path / "grids.gpkg"), GRIDS, encoding="GBK")
    assert layer.zones[1].zone.name == "第1网格"


def test_numbers_of_a_table_are_matched_as_they_are_written_in_the_map(tmp_path: Path) -> None:
    path = tmp_path / "w.shp"
    write_layer(path, [square(100 * i, 0) for i in range(3)], {"T": [1.0, 2.0, 3.0]})
    values = {1: "permanent_water", 2: "reservoir_management"}
    layer = taken(path, {"kind": {"field": "T", "values": values}, "where": {"T": [1, 2]}})
    assert layer.report.taken == {"permanent_water": 1, "reservoir_management": 1}
    assert layer.report.left_out == 1


def test_what_the_file_declares_and_what_is_said_may_not_differ(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "grids.gpkg")
    assert "Leave that out" in refusal(path, GRIDS, crs="EPSG:4550")
    assert "GCJ-02" in refusal(path, GRIDS, crs="GCJ-02")
    assert taken(path, GRIDS, crs="EPSG:4549").report.taken == {"grid": 3}


@pytest.mark.parametrize(
    ("given", "shifted_from_wgs84"), [("gcj02", crs_cn.gcj02_from_wgs84), ("BD-09", crs_cn.bd09_from_wgs84)]
)
@pytest.mark.parametrize("name", ["grids.gpkg", "grids.geojson"])
def test_shifted_coordinates_are_straightened_once_on_the_way_in(
    tmp_path: Path, name: str, given: str, shifted_from_wgs84: Any
) -> None:
    true = [in_degrees(square(100 * i, 0)) for i in range(3)]
    shifted = [shapely.transform(shape, shifted_from_wgs84) for shape in true]
    path = some_grids(tmp_path / name, shapes=shifted, crs="EPSG:4326")
    assert far_m(taken(path, GRIDS).zones[0].zone.geometry, true[0]) > 300
    layer = taken(path, GRIDS, crs=given)
    assert max(far_m(one.zone.geometry, shape) for one, shape in zip(layer.zones, true, strict=True)) < 1e-6
    out = tmp_path / "zones.geojson"
    write_zones(out, layer.zones)
    assert max(far_m(z.geometry, shape) for z, shape in zip(Zones.from_file(out).all, true, strict=True)) < 1e-6


def bow_tie(shape: shapely.Polygon) -> shapely.Polygon:
    a, b, c, d = shape.exterior.coords[:4]
    return shapely.Polygon([a, c, b, d])


def test_invalid_areas_are_mended_and_listed_with_what_and_where(tmp_path: Path) -> None:
    spike = shapely.Polygon([*square(100, 0).exterior.coords[:3], *square(100, 0).exterior.coords[2:3] * 2])
    nested = shapely.MultiPolygon([square(200, 0), square(250, 20, 100)])
    shapes = [bow_tie(square(0, 0)), spike, nested, square(400, 0)]
    columns = {"WGDM": [GRID_CODE.format(i) for i in range(4)], "名称": list("abcd")}
    path = write_layer(tmp_path / "grids.gpkg", shapes, columns, geometry_type="Unknown")
    layer = taken(path, GRIDS)
    assert {remark.feature for remark in layer.report.mended} == {1, 3}
    first = layer.report.mended[0]
    assert first.code == GRID_CODE.format(0)
    assert "self-intersection at 120.15" in first.problem
    assert "its area is now 5000.0 m²" in first.problem
    assert all(one.zone.geometry.is_valid for one in layer.zones)
    assert layer.report.taken == {"grid": 4}
    merged = layer.zones[2].zone.geometry
    assert far_m(merged, in_degrees(shapely.union_all([square(200, 0), square(250, 20, 100)]))) < 1e-3


def a_geojson(path: Path, *features: dict[str, Any], crs: str | None = None) -> Path:
    content: dict[str, Any] = {"type": "FeatureCollection", "features": list(features)}
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def a_feature(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    values = {"WGDM": GRID_CODE.format(1), "名称": "a", "级别": "一级"} | properties
    shape = geometry if geometry is not None else json.loads(shapely.to_geojson(in_degrees(square(0, 0))))
    return {"type": "Feature", "properties": values, "geometry": shape}


def ring(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        (a_feature(ring((120, 30), (120.1, 30))), "cannot be read"),
        (a_feature({"type": "Polygon", "coordinates": []}), "empty"),
        (a_feature({"type": "Point", "coordinates": [120, 30]}), "no area"),
        (a_feature({"type": "LineString", "coordinates": [[120, 30], [120.1, 30]]}), "no area"),
        (a_feature(ring((30, 120), (30, 121), (31, 120), (30, 120))), "swapped"),
        (a_feature(ring((30, 120), (31, 121), (31, 120), (30, 121), (30, 120))), "swapped"),
        (a_feature(ring((120, 30), (120.1, 30), (120.2, 30), (120, 30))), "no area"),
        ({**a_feature(), "geometry": None}, "no geometry"),
        ({"type": "Feature"}, "no geometry"),
        ("a text", "not a GeoJSON Feature"),
        (a_feature(WGDM="33010600100100"), "15 digits"),
        (a_feature(WGDM="33010600100100A"), "15 digits"),
        (a_feature(WGDM=None), "no code"),
    ],
)
def test_a_feature_that_cannot_be_used_is_refused_by_its_number_and_the_others_stay(
    tmp_path: Path, feature: Any, words: str
) -> None:
    path = a_geojson(tmp_path / "grids.geojson", a_feature(), feature, a_feature(WGDM=GRID_CODE.format(2)))
    layer = taken(path, GRIDS)
    assert layer.report.taken == {"grid": 2}
    (refused,) = layer.report.refused
    assert refused.feature == 2
    assert words in refused.problem
    assert refused.remedy


def test_codes_are_read_from_numbers_and_wide_digits(tmp_path: Path) -> None:
    path = a_geojson(
        tmp_path / "grids.geojson",
        a_feature(WGDM=330106001001001),
        a_feature(WGDM=330106001001002.0),
        a_feature(WGDM=" ３３０１０６００１００１００３ "),
    )
    assert [one.zone.code for one in taken(path, GRIDS).zones] == [GRID_CODE.format(i) for i in (1, 2, 3)]


def test_a_closed_line_is_taken_for_its_area_and_told(tmp_path: Path) -> None:
    outline = shapely.LineString(in_degrees(square(0, 0)).exterior)
    layer = taken(a_geojson(tmp_path / "g.geojson", a_feature(json.loads(shapely.to_geojson(outline)))), GRIDS)
    assert layer.zones[0].zone.geometry.geom_type == "Polygon"
    assert "closed line" in layer.report.mended[0].problem


def test_an_unclosed_ring_of_a_shapefile_like_reader_is_closed_and_told(tmp_path: Path) -> None:
    path = write_layer(tmp_path / "g.gpkg", [square(0, 0)], {"WGDM": [GRID_CODE.format(1)], "名称": ["a"]})
    content = bytearray(path.read_bytes())
    corners = np.array(square(0, 0).exterior.coords)
    last = corners[-1].tobytes()
    at = content.rfind(last, 0, content.find(last, content.find(corners.tobytes())) + len(corners.tobytes()))
    content[at : at + 16] = (corners[0] + (3.0, 40.0)).tobytes()
    path.write_bytes(content)
    layer = taken(path, GRIDS)
    assert "not closed" in layer.report.mended[0].problem
    assert layer.zones[0].zone.geometry.is_valid


def test_a_field_can_name_the_kind_and_leave_features_out(tmp_path: Path) -> None:
    path = a_geojson(
        tmp_path / "water.geojson", *(a_feature(级别=level, WGDM=f"W{level}") for level in ("一级", "准", "管理", "?"))
    )
    kinds = {"一级": "reservoir_protection_1", "管理": "reservoir_management", "准": None}
    layer = taken(
        path, {"kind": {"field": "级别", "values": kinds}, "code": "WGDM", "basis": {"value": "水污染防治法"}}
    )
    assert layer.report.taken == {"reservoir_protection_1": 1, "reservoir_management": 1}
    assert layer.report.left_out == 1
    assert "级别" in layer.report.refused[0].problem
    assert layer.zones[0].zone.properties["basis"] == "水污染防治法"


def test_where_picks_features_and_other_rules_take_the_rest(tmp_path: Path) -> None:
    path = a_geojson(tmp_path / "w.geojson", a_feature(T=1), a_feature(T=2), a_feature(T=3))
    layer = taken(
        path,
        {"kind": "permanent_water", "where": {"T": [1, 2]}, "code": "WGDM"},
        {"kind": "false_alarm_mask", "where": {"T": 3}, "labels": {"value": "waste，person"}, "keep": ["T"]},
    )
    assert layer.report.taken == {"permanent_water": 2, "false_alarm_mask": 1}
    mask = layer.zones[2].zone.properties
    assert mask["labels"] == ["waste", "person"]
    assert mask["T"] == 3
    assert "T" not in layer.zones[0].zone.properties


@pytest.mark.parametrize(
    "written", ["2026-03-01", "2026/3/1", "2026.03.01", "2026年3月1日", "20260301", 20260301, "2026-03-01T00:00:00"]
)
def test_dates_with_the_year_first_are_read_however_they_are_written(tmp_path: Path, written: Any) -> None:
    path = a_geojson(tmp_path / "n.geojson", a_feature(ks=written, js="2026-06-30"))
    rule = {"kind": "no_fishing", "code": "WGDM", "valid_from": "ks", "valid_to": "js"}
    assert taken(path, rule).zones[0].zone.valid_from == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("written", "words"), [("01/03/2026", "not a date"), ("2026-02-30", "not a date"), ("2026-07-01", "before")]
)
def test_a_date_that_is_none_or_lies_wrong_is_refused(tmp_path: Path, written: str, words: str) -> None:
    path = a_geojson(tmp_path / "n.geojson", a_feature(ks=written, js="2026-06-30"))
    rule = {"kind": "no_fishing", "code": "WGDM", "valid_from": "ks", "valid_to": "js"}
    assert words in taken(path, rule).report.refused[0].problem


@pytest.mark.parametrize("written", ["03-01", "3月1日", "每年3月1日", "３-1"])
def test_a_season_is_read_and_written(tmp_path: Path, written: str) -> None:
    path = a_geojson(tmp_path / "n.geojson", a_feature(ks=written), a_feature(ks="1 March", WGDM="2"))
    rule = {"kind": "no_fishing", "code": "WGDM", "season_from": "ks", "season_to": {"value": "06-30"}}
    layer = taken(path, rule)
    assert "not a month and a day" in layer.report.refused[0].problem
    assert told(layer) == {}
    for name in ("z.geojson", "z.gpkg"):
        write_zones(tmp_path / name, layer.zones)
        assert Zones.from_file(tmp_path / name).all[0].season == ("03-01", "06-30")


def test_dates_of_a_geopackage_are_days(tmp_path: Path) -> None:
    ends = np.array(["2026-06-30", "NaT"], dtype="datetime64[ms]").tolist()
    columns = {"WGDM": ["N1", "N2"], "js": np.array(ends, dtype="datetime64[ms]")}
    path = tmp_path / "n.gpkg"
    import pyogrio.raw

    shapes = shapely.to_wkb(np.array([square(0, 0), square(100, 0)], dtype=object))
    pyogrio.raw.write(
        path, shapes, [np.array(columns["WGDM"], dtype=object), columns["js"]], list(columns), driver="GPKG",
        geometry_type="Polygon", crs="EPSG:4549",
    )  # fmt: skip
    layer = taken(path, {"kind": "no_fishing", "code": "WGDM", "valid_to": "js"})
    assert [one.zone.valid_to for one in layer.zones] == [date(2026, 6, 30), None]


def told(*layers: ImportedLayer) -> dict[int, str]:
    found: dict[int, str] = {}
    for remark in (one for layer in with_checks(layers, TODAY) for one in layer.report.told):
        found[remark.feature] = "; ".join(filter(None, (found.get(remark.feature), remark.problem)))
    return found


def test_a_code_twice_is_told_but_not_of_a_road(tmp_path: Path) -> None:
    again = json.loads(shapely.to_geojson(in_degrees(square(300, 0))))
    grids = taken(a_geojson(tmp_path / "g.geojson", a_feature(), a_feature(again)), GRIDS)
    assert told(grids) == {2: "the code is also that of feature 1"}
    assert "same area" in told(taken(a_geojson(tmp_path / "g.geojson", a_feature(), a_feature()), GRIDS))[2]
    line = {"type": "LineString", "coordinates": [[120.15, 30.25], [120.16, 30.25]]}
    road = {"kind": "road", "code": "WGDM", "class": "级别", "width_m": {"field": "级别", "values": {"一级": 24}}}
    roads = taken(a_geojson(tmp_path / "r.geojson", a_feature(line), a_feature(line)), road)
    assert told(roads) == {}
    assert roads.zones[0].zone.properties["class"] == "一级"
    assert roads.zones[0].zone.geometry.area * 111_320**2 > 20 * 900


def test_a_grid_in_the_wrong_district_and_ground_claimed_twice_are_told(tmp_path: Path) -> None:
    west, east = square(-50, -50, 300), square(250, -50, 300)
    districts = write_layer(
        tmp_path / "d.gpkg", [west, east], {"DM": ["330106001", "330106002"], "MC": ["文新", "古荡"]}
    )
    codes = ["330106001001001", "330106001001002", "330106002001001"]
    shapes = [square(0, 0), square(40, 0), square(300, 0)]
    codes[2] = "330106001001003"
    grids = write_layer(tmp_path / "g.gpkg", shapes, {"WGDM": codes, "名称": list("abc")})
    district = taken(districts, {"kind": "district", "code": "DM", "name": "MC"})
    found = told(district, taken(grids, GRIDS))
    assert "6000 m² of it lie also in 330106001001001" in found[2]
    assert "does not begin with 330106002, that of 古荡" in found[3]
    assert set(found) == {2, 3}


def test_an_ended_and_an_endless_notice_are_told(tmp_path: Path) -> None:
    path = a_geojson(tmp_path / "n.geojson", a_feature(js="2026-06-30", WGDM="1"), a_feature(js=None, WGDM="2"))
    found = told(taken(path, {"kind": "no_fishing", "code": "WGDM", "valid_to": "js"}))
    assert found == {1: "it ended on 2026-06-30", 2: "it has no dates, so it holds always"}


def test_a_label_that_nothing_has_is_told(tmp_path: Path) -> None:
    path = a_geojson(tmp_path / "m.geojson", a_feature(L="waste,人"), a_feature(L="waste"), a_feature(L=None))
    layer = taken(path, {"kind": "false_alarm_mask", "labels": "L"})
    (checked,) = with_checks([layer], TODAY, known_labels=("waste", "person"))
    problems = [(remark.feature, remark.problem) for remark in checked.report.told if "called" in remark.problem]
    assert problems == [(1, "nothing is called 人; there are waste, person")]


def test_the_written_files_read_back_as_the_same_zones(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[120.15, 30.25], [120.16, 30.25]]}
    mask = {
        "kind": "false_alarm_mask",
        "where": {"级别": "一级"},
        "code": "WGDM",
        "labels": {"value": ["waste", "boat"]},
    }
    road = {
        "kind": "road",
        "where": {"级别": "路"},
        "code": "WGDM",
        "width_m": {"value": 12},
        "valid_from": {"value": "2026-01-02"},
    }
    layer = taken(a_geojson(tmp_path / "a.geojson", a_feature(), a_feature(line, 级别="路", WGDM="R1")), mask, road)
    for name in ("zones.geojson", "zones.gpkg"):
        write_zones(tmp_path / name, layer.zones)
        zones = Zones.from_file(tmp_path / name)
        by_code = {zone.code: zone for zone in zones.all}
        assert {code: zone.kind for code, zone in by_code.items()} == {
            GRID_CODE.format(1): "false_alarm_mask",
            "R1": "road",
        }
        assert by_code["R1"].axis is not None
        assert by_code["R1"].valid_from == date(2026, 1, 2)
        assert by_code[GRID_CODE.format(1)].properties["labels"] == ["waste", "boat"]
        hit = zones.under(a_fix(lon=120.155, lat=30.25, sigma_m=0.5))[0]
        assert (hit.zone.code, hit.probability) == ("R1", 1.0)
    assert not list(tmp_path.glob(".*"))


def test_a_geopackage_in_metres_is_no_zones_file(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="flyonce zones import"):
        Zones.from_file(some_grids(tmp_path / "grids.gpkg"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"SQLite format 3\x00" + b"\0" * 100, "cannot be read"),
        (b"<kml></kml>", "cannot be read"),
    ],
)
def test_a_file_that_is_no_layer_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "city.gpkg"
    path.write_bytes(content)
    assert words in refusal(path, GRIDS)


def test_a_shapefile_without_its_index_says_what_is_missing(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "grids.shp")
    path.with_suffix(".shx").unlink()
    assert ".shx" in refusal(path, GRIDS)
    assert "no such file" in refusal(tmp_path / "none.shp", GRIDS)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "park"}, "layers[0].kind"),
        ({"code": "X"}, "layers[0].kind: is missing"),
        ({"kind": "grid", "colour": "red"}, "unknown key colour"),
        ({"kind": "grid", "code": 7}, "layers[0].code"),
        ({"kind": "grid", "code": {"field": "a", "value": "b"}}, "layers[0].code"),
        ({"kind": {"field": "a", "values": {"x": "lake"}}}, "lake"),
        ({"kind": "grid", "where": ["a"]}, "where"),
        ({"kind": "grid", "digits": "many"}, "digits"),
        ({"kind": "grid", "crs": 4549}, "crs"),
        ({"kind": "grid", "code": "CODE"}, "no field 'CODE'"),
        ({"kind": "grid", "layer": "other"}, "no rule for its layers (grids)"),
    ],
)
def test_a_map_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, rule: dict[str, Any], words: str) -> None:
    path = some_grids(tmp_path / "grids.gpkg")
    with pytest.raises(InputFileError) as caught:
        taken(path, rule)
    assert words in str(caught.value)


def test_the_map_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "zones.md").read_text(encoding="utf-8")
    (tmp_path / "map.yaml").write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    rules = load_layer_map(tmp_path / "map.yaml")
    assert len(rules) == text.count("  - file: ")
    assert {rule.kind.value for rule in rules} >= {"grid", "district", "no_fishing", "road", "false_alarm_mask"}


def test_layers_that_the_map_does_not_name_are_left_out_and_said_so(tmp_path: Path) -> None:
    path = some_grids(tmp_path / "city.gpkg", layer="网格")
    write_layer(path, [square(0, 0)], {"a": ["b"]}, layer="绿地", append=True)
    rules = load_layer_map(write_map(tmp_path / "map.yaml", GRIDS | {"layer": "网*"}))
    grids, green = import_file(path, rules)
    assert grids.report.taken == {"grid": 3}
    assert (green.report.left_out, green.report.remarks) == (1, ("the map has no rule for it",))


def test_a_zones_file_needs_no_map_and_its_odd_codes_are_only_told(tmp_path: Path) -> None:
    path = a_geojson(tmp_path / "z.geojson", a_feature(kind="grid", code="DEMO-G1"), a_feature(kind="road", code="R"))
    (layer,) = import_file(path)
    assert layer.report.taken == {"grid": 1, "road": 1}
    assert "15 digits" in layer.report.told[0].problem
    assert layer.zones[0].zone.properties["级别"] == "一级"
    with pytest.raises(InputFileError, match="--map"):
        import_file(a_geojson(tmp_path / "y.geojson", a_feature()))


def test_the_middle_of_the_city_is_where_it_should_be(tmp_path: Path) -> None:
    layer = taken(some_grids(tmp_path / "grids.gpkg"), GRIDS)
    write_zones(tmp_path / "z.gpkg", layer.zones)
    hits = Zones.from_file(tmp_path / "z.gpkg").under(a_fix(lon=CITY_LON, lat=CITY_LAT, sigma_m=0.2))
    assert hits[0].probability == pytest.approx(0.25, abs=0.01)
