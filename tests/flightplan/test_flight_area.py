from __future__ import annotations

import json

import pytest
import shapely
from flight_builders import LAT, LON, a_square, ring, write_geojson_file

from flightplan.errors import InputFileError
from flightplan.ground.area import PatrolArea

GOOD = ring((118.87, 28.93), (118.88, 28.93), (118.88, 28.94), (118.87, 28.94))


@pytest.mark.parametrize(
    "document",
    [
        GOOD,
        {"type": "Feature", "properties": None, "geometry": GOOD},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": GOOD}]},
        {"type": "MultiPolygon", "coordinates": [GOOD["coordinates"]]},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [118.8, 28.9]}},
                {"type": "Feature", "properties": {}, "geometry": GOOD},
            ],
        },
        {**GOOD, "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
    ],
)
def test_a_single_polygon_is_read_wherever_geojson_may_carry_it(tmp_path, document):
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(document))

    area = PatrolArea.from_geojson(path)

    assert area.polygon.bounds == (118.87, 28.93, 118.88, 28.94)


def test_an_area_keeps_its_name_its_heights_are_dropped_and_its_hole_counts(tmp_path):
    outer = [[118.87, 28.93, 70.0], [118.88, 28.93, 70.0], [118.88, 28.94, 70.0], [118.87, 28.93, 70.0]]
    hole = [[118.877, 28.932], [118.879, 28.932], [118.879, 28.934], [118.877, 28.932]]
    path = write_geojson_file(tmp_path / "a.geojson", {"type": "Polygon", "coordinates": [outer, hole]})

    area = PatrolArea.from_geojson(path)

    assert area.name == "x"
    assert len(area.polygon.interiors) == 1
    assert area.area_m2() < PatrolArea(name="full", polygon=shapely.Polygon(area.polygon.exterior)).area_m2()


def test_the_area_in_square_metres_is_that_of_the_ground():
    assert a_square(300.0).area_m2() == pytest.approx(90_000.0, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("", "the file is empty", "one Polygon"),
        ("   \n", "the file is empty", "one Polygon"),
        ('{"type": "Polygon", "coordinates": [[[118.87', "line 1, column 45: this is not JSON", "Export"),
        ("[1, 2]", "not GeoJSON", "Export"),
        ('{"hello": 1}', "not GeoJSON", "Export"),
        ('{"type": "Point", "coordinates": [1, 2]}', "no polygon", "one GeoJSON Polygon"),
        ('{"type": "LineString", "coordinates": [[1, 2], [3, 4]]}', "no polygon", "along lines with --width-m"),
        ('{"type": "FeatureCollection", "features": []}', "no polygon", "one GeoJSON Polygon"),
        ('{"type": "FeatureCollection"}', "without a list 'features'", "Export"),
        ('{"type": "Polygon", "coordinates": []}', "the polygon is empty", "ring"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [2, 2], [2, 3]]]}', "not closed", "Repeat"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [2, 2], [1, 2]]]}', "fewer than three corners", "triangle"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [2, "x"], [1, 2]]]}', "is not a position", "longitude"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [2, NaN], [1, 2]]]}', "not a finite position", "degrees"),
    ],
)
def test_a_file_that_is_no_area_is_refused_in_one_line_with_its_name_and_a_remedy(tmp_path, text, problem, remedy):
    path = tmp_path / "area.geojson"
    path.write_text(text)

    with pytest.raises(InputFileError) as refused:
        PatrolArea.from_geojson(path)

    line = str(refused.value)
    assert line.startswith(str(path))
    assert problem in line
    assert remedy in line
    assert "\n" not in line


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.geojson: there is no such file"):
        PatrolArea.from_geojson(tmp_path / "nowhere.geojson")


def test_several_polygons_of_a_file_are_one_area_and_what_touches_becomes_one(tmp_path):
    east = ring((118.88, 28.93), (118.89, 28.93), (118.89, 28.94), (118.88, 28.94))
    far = ring((118.90, 28.93), (118.91, 28.93), (118.91, 28.94), (118.90, 28.94))
    path = tmp_path / "three.geojson"
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [{"type": "Feature", "properties": {}, "geometry": one} for one in (GOOD, east, far)],
            }
        )
    )

    area = PatrolArea.from_geojson(path)

    assert area.name == "three"
    assert [part.bounds[0] for part in shapely.get_parts(area.polygon)] == [118.87, 118.90]
    assert area.area_m2() == pytest.approx(3 * shapely_area(GOOD), rel=1e-3)


def test_a_broken_polygon_among_several_is_named_with_its_place(tmp_path):
    bow_tie = ring((118.97, 28.93), (118.98, 28.94), (118.98, 28.93), (118.97, 28.94))
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in (GOOD, bow_tie)]
    path = tmp_path / "two.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))

    with pytest.raises(InputFileError, match=r"features\[1\].*crosses itself"):
        PatrolArea.from_geojson(path)


def shapely_area(geometry):
    return PatrolArea(name="one", polygon=shapely.geometry.shape(geometry)).area_m2()


def test_a_bow_tie_is_refused_at_the_place_where_it_crosses(tmp_path):
    bow_tie = ring((118.87, 28.93), (118.88, 28.94), (118.88, 28.93), (118.87, 28.94))
    path = write_geojson_file(tmp_path / "bow.geojson", bow_tie)

    with pytest.raises(InputFileError, match=r"crosses itself at longitude 118\.875000, latitude 28\.935000"):
        PatrolArea.from_geojson(path)


def test_swapped_coordinates_are_refused_as_swapped(tmp_path):
    swapped = ring((28.93, 118.87), (28.93, 118.88), (28.94, 118.88))
    path = write_geojson_file(tmp_path / "swapped.geojson", swapped)

    with pytest.raises(InputFileError, match=r"coordinates\[0\]\[0\].*swapped.*longitude first"):
        PatrolArea.from_geojson(path)


def test_metres_of_a_projected_crs_are_refused_as_such(tmp_path):
    metres = ring((500_000.0, 3_200_000.0), (501_000.0, 3_200_000.0), (501_000.0, 3_201_000.0))
    path = write_geojson_file(tmp_path / "metres.geojson", metres)

    with pytest.raises(InputFileError, match="metres of a projected CRS"):
        PatrolArea.from_geojson(path)


def test_another_crs_member_is_refused_by_name(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32650"}}
    path = write_geojson_file(tmp_path / "utm.geojson", GOOD)
    path.write_text(json.dumps({**json.loads(path.read_text()), "crs": crs}))

    with pytest.raises(InputFileError, match=r"member 'crs'.*EPSG::32650.*Reproject"):
        PatrolArea.from_geojson(path)


@pytest.mark.parametrize(
    ("side_deg", "problem"), [(0.00001, "only 1.1 m²"), (2.0, "more than one drone can be planned for")]
)
def test_areas_too_small_or_too_large_ask_back(tmp_path, side_deg, problem):
    corner = ring((LON, LAT), (LON + side_deg, LAT), (LON + side_deg, LAT + side_deg), (LON, LAT + side_deg))
    path = write_geojson_file(tmp_path / "size.geojson", corner)

    with pytest.raises(InputFileError, match=problem):
        PatrolArea.from_geojson(path)


@pytest.mark.parametrize(
    "corners",
    [((118.87, 28.93), (118.90, 28.96), (118.93, 28.99)), ((118.87, 28.94), (118.90, 28.94), (118.93, 28.94))],
    ids=["aslant", "due east"],
)
def test_a_line_drawn_as_a_polygon_encloses_nothing_and_crosses_nothing(tmp_path, corners):
    path = write_geojson_file(tmp_path / "flat.geojson", ring(*corners))

    with pytest.raises(InputFileError, match="encloses no area") as refused:
        PatrolArea.from_geojson(path)
    assert "crosses" not in str(refused.value)
