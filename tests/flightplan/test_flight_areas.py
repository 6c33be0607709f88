"""Areas out of KML, KMZ, GeoPackage and Shapefile, and missions out as KML."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from flight_builders import FRAME, LAT, LON, a_mission, a_plan, an_area
from shapely.geometry import MultiPolygon, Polygon, box

from flightplan.files.areas import area_of, areas_of, shapes_of
from flightplan.files.kml import write_kml, write_plan_kml
from geo.errors import InputFileError

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
HOLED = Polygon(box(0, 0, 600, 400).exterior, [box(100, 100, 200, 200).exterior, box(300, 100, 400, 200).exterior])


def on_earth(polygon_en):
    return shapely.transform(polygon_en, FRAME.lonlat_from_en)


def metres(polygon):
    return shapely.transform(polygon, FRAME.en_from_lonlat)


def test_the_golden_kml_of_somebody_else_is_read_with_its_holes_and_parts():
    areas = areas_of(GOLDEN / "areas.kml")

    assert [area.name for area in areas] == ["衢江滩涂", "two yards", "two yards"]
    assert [len(area.polygon.interiors) for area in areas] == [2, 0, 0]
    first = metres(areas[0].polygon)
    assert first.area == pytest.approx(HOLED.area, rel=1e-3)
    assert first.symmetric_difference(HOLED).area < 100
    # Longitude first: a swap would lie beyond the pole.
    assert areas[0].polygon.bounds[0] == pytest.approx(LON, abs=1e-6)


def test_all_polygons_of_a_kml_are_one_area_for_one_drone():
    area = area_of(GOLDEN / "areas.kml")

    assert isinstance(area.polygon, MultiPolygon)
    assert area.area_m2() == pytest.approx(sum(one.area_m2() for one in areas_of(GOLDEN / "areas.kml")), rel=1e-6)


def test_a_kmz_is_read_by_its_main_document(tmp_path):
    with zipfile.ZipFile(tmp_path / "areas.kmz", "w") as archive:
        archive.writestr("files/other.kml", "<kml/>")
        archive.writestr("doc.kml", (GOLDEN / "areas.kml").read_bytes())

    assert len(areas_of(tmp_path / "areas.kmz")) == 3


@pytest.mark.parametrize("driver", ["GPKG", "ESRI Shapefile"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4549"])
def test_layers_of_a_city_s_gis_are_areas_in_any_coordinate_system(tmp_path, driver, crs):
    import pyproj

    to = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    there = [
        shapely.transform(on_earth(one), lambda points: np.column_stack(to.transform(*points.T)))
        for one in (HOLED, box(700, 0, 900, 300))
    ]
    path = tmp_path / ("areas.gpkg" if driver == "GPKG" else "areas.shp")
    pyogrio.raw.write(
        path,
        geometry=np.array(shapely.to_wkb(there)),
        field_data=[np.array(["shore", "yard"], dtype=object)],
        fields=["name"],
        geometry_type="Polygon",
        crs=crs,
        driver=driver,
    )

    areas = areas_of(path)
    assert [area.name for area in areas] == ["shore", "yard"]
    assert metres(areas[0].polygon).symmetric_difference(HOLED).area < 700
    assert area_of(path).area_m2() == pytest.approx(HOLED.area + 60_000, rel=2e-3)


def test_a_geojson_is_read_as_it_always_was(tmp_path):
    (tmp_path / "a.geojson").write_text(shapely.to_geojson(on_earth(HOLED)))

    assert area_of(tmp_path / "a.geojson").polygon.equals_exact(areas_of(tmp_path / "a.geojson")[0].polygon, 1e-12)


def kml(body):
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>x</name>{body}</Placemark></kml>'


def outline(coordinates):
    ring = f"<LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
    return kml(f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>")


GOOD = "118.87,28.94,0 118.88,28.94,0 118.88,28.95,0 118.87,28.94,0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "this is not XML"),
        ("<gpx/>", "not with kml"),
        (kml("<Point><coordinates>118.87,28.94</coordinates></Point>"), "there is no polygon in it"),
        (kml("<Polygon/>"), "it has 0 outlines"),
        (outline("118.87,28.94 118.88,28.94"), "fewer than three corners"),
        (outline(GOOD.replace("118.88,28.95", "118.88;28.95")), "is not a position"),
        (outline(GOOD.replace("118.88,28.95", "118.88,nan")), "not a finite position"),
        (outline("28.94,118.87 28.94,118.88 28.95,118.88"), "swapped"),
        (outline("118.87,28.94 118.88,28.95 118.88,28.94 118.87,28.95"), "crosses itself"),
        (outline("100,20 110,20 110,30 100,30"), "km²"),
        (f"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>{outline('&b;')}", "document type or entities"),
        (outline(GOOD)[:-30], "this is not XML"),
    ],
)
def test_a_kml_that_is_no_area_is_refused(tmp_path, text, problem):
    (tmp_path / "a.kml").write_text(text)

    with pytest.raises(InputFileError) as refused:
        area_of(tmp_path / "a.kml")

    assert "a.kml" in str(refused.value)
    assert problem in str(refused.value)


def test_places_that_nobody_may_fly_over_may_be_small_but_not_crossed(tmp_path):
    mast = "118.87,28.94 118.87002,28.94 118.87002,28.94002 118.87,28.94"
    (tmp_path / "mast.kml").write_text(outline(mast))
    assert len(shapes_of(tmp_path / "mast.kml")) == 1
    with pytest.raises(InputFileError, match="m²"):
        areas_of(tmp_path / "mast.kml")

    (tmp_path / "a.geojson").write_text(shapely.to_geojson(on_earth(HOLED)))
    assert shapes_of(tmp_path / "a.geojson")[0].equals_exact(on_earth(HOLED), 1e-9)
    for text, problem in (
        (outline("118.87,28.94 118.88,28.95 118.88,28.94 118.87,28.95"), "crosses itself"),
        (kml("<Point><coordinates>118.87,28.94</coordinates></Point>"), "no polygon"),
    ):
        (tmp_path / "x.kml").write_text(text)
        with pytest.raises(InputFileError, match=problem):
            shapes_of(tmp_path / "x.kml")


def test_a_file_that_is_not_there_or_no_archive_is_refused(tmp_path):
    (tmp_path / "text.kmz").write_text(outline(GOOD))
    for name, problem in (("none.kml", "no such file"), ("text.kmz", "ZIP archive"), ("none.gpkg", "no such file")):
        with pytest.raises(InputFileError, match=problem):
            areas_of(tmp_path / name)


def test_a_plan_s_kml_shows_gdal_what_the_plan_says(tmp_path):
    plan = a_plan(an_area(HOLED))
    write_plan_kml(tmp_path / "plan.kml", plan)

    layer = str(pyogrio.list_layers(tmp_path / "plan.kml")[0][0])
    meta, _, wkb, columns = pyogrio.raw.read(tmp_path / "plan.kml", layer=layer)
    names = columns[list(meta["fields"]).index("Name")]
    assert list(names[:3]) == ["grid 7", "home", "grid 7"]
    area, _, path, *_ = shapely.force_2d(shapely.from_wkb(wkb))
    assert metres(area).symmetric_difference(HOLED).area < 1.0
    assert path.coords[1] == pytest.approx(plan.missions[0].path_lonlat()[1], abs=1e-7)
    shapes = dict(zip(names, shapely.from_wkb(wkb), strict=True))
    photos = shapely.get_coordinates(shapes[f"{len(plan.photos_lonlat)} photos"])
    assert photos == pytest.approx(np.array(plan.photos_lonlat), abs=1e-7)
    home = shapely.get_coordinates(shapes["home"])[0]
    assert home.tolist() == pytest.approx([LON, LAT], abs=1e-7)


def test_an_area_survives_its_kml(tmp_path):
    area = an_area(MultiPolygon([HOLED, box(700, 0, 900, 300)]), name="a & b <c>")
    write_kml(tmp_path / "a.kml", [], area=area)

    parts = areas_of(tmp_path / "a.kml")
    assert [part.name for part in parts] == ["a & b <c>"] * 2
    assert area_of(tmp_path / "a.kml").polygon.symmetric_difference(area.polygon).area < 1e-9


def test_a_path_keeps_its_heights_above_the_sea_where_home_s_is_known(tmp_path):
    write_kml(tmp_path / "m.kml", [a_mission()])

    text = (tmp_path / "m.kml").read_text()
    assert "<altitudeMode>absolute" in text
    heights = {place.split(",")[2] for place in text.split("absolute")[1].split("coordinates>")[1][:-2].split()}
    assert heights == {"131.50"}
