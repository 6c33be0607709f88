"""Cases as files: spreadsheets, maps, and the national fields."""

from __future__ import annotations

import csv
from io import StringIO

import pyogrio.raw
import pytest
import shapely
from dispatch_builders import a_zone, an_observation, north_of
from dispatch_people import QUICK
from lxml import etree

from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.configuration import default_file
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.doors.export.spreadsheet import defused
from dispatch_api.errors import ConfigurationError

EXPORT = "/api/v1/export/{}"
CREDIT_CODE = "11330100MB1234567X"


def lines(answer) -> list[dict[str, str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.mark.both_stores
def test_a_spreadsheet_gets_each_case_as_a_line_and_nothing_that_it_would_run(intake, browser):
    wanted = [intake.record(an_observation(lonlat=north_of(100 * n))) for n in range(2)]
    evil = intake.record(an_observation(lonlat=north_of(900), address='=cmd|"/c calc"!A1'))
    answer = browser("chief").get(EXPORT.format("cases.csv"))
    assert answer.headers["content-type"].startswith("text/csv")
    found = lines(answer)
    assert [line["number"] for line in found] == [one.case_number for one in (*wanted, evil)]
    assert found[2]["address"] == '\'=cmd|"/c calc"!A1'
    assert (found[0]["matter_zh"], found[0]["matter_code"], found[0]["hold"]) == ("道路积水", "10999", "0")
    assert float(found[0]["error_major_m"]) == pytest.approx(1.5)


@pytest.mark.parametrize("cell", ["=1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_text_that_begins_like_a_formula_stays_text(cell):
    assert defused(cell) == "'" + cell


def test_numbers_and_plain_text_stay_as_they_are():
    assert [defused(cell) for cell in (-1.5, 0, None, True, "a=b", "20261123-0001")] == [
        -1.5, 0, None, 1, "a=b", "20261123-0001",
    ]  # fmt: skip


def test_a_department_exports_its_own_and_filters_choose(intake, browser):
    puddle = intake.record(an_observation())
    rubbish = intake.record(an_observation(lonlat=north_of(900), matter="dumping.household"))

    def numbers(name, **wanted):
        return [line["number"] for line in lines(browser(name).get(EXPORT.format("cases.csv"), **wanted))]

    assert numbers("chief") == [puddle.case_number, rubbish.case_number]
    assert numbers("drainer") == [puddle.case_number]
    assert numbers("chief", matter="dumping.household") == [rubbish.case_number]
    for name in ("cases.csv", "cases.gpkg", "gbt47678.json"):
        assert browser("chief").get(EXPORT.format(name), bbox="1,2,3").status_code == 422
        assert browser("keeper").get(EXPORT.format(name)).status_code == 403


def test_a_geopackage_is_read_back_with_places_and_chinese(intake, browser, tmp_path):
    recorded = [
        intake.record(an_observation(lonlat=north_of(100 * n), extent_m2=area)) for n, area in ((0, None), (1, 4.5))
    ]
    path = tmp_path / "out.gpkg"
    path.write_bytes(browser("chief").get(EXPORT.format("cases.gpkg")).content)
    meta, _, wkb, columns = pyogrio.raw.read(path, layer="cases")
    table = dict(zip(meta["fields"], columns, strict=True))
    assert meta["crs"] == "EPSG:4326"
    assert list(table["case_id"]) == [one.case_id for one in recorded]
    assert list(table["matter_zh"]) == ["道路积水"] * 2
    assert table["extent_m2"][1] == pytest.approx(4.5)
    assert shapely.get_coordinates(shapely.from_wkb(wkb))[1] == pytest.approx(north_of(100))


def test_an_export_of_nothing_is_an_empty_file_with_its_columns(browser, tmp_path):
    chief = browser("chief")
    assert lines(chief.get(EXPORT.format("cases.csv"))) == []
    path = tmp_path / "out.gpkg"
    path.write_bytes(chief.get(EXPORT.format("cases.gpkg")).content)
    assert "case_id" in pyogrio.raw.read(path, layer="cases")[0]["fields"]
    assert chief.json(EXPORT.format("gbt47678.json"))["cases"] == []


@pytest.fixture
def coded(store, people, tmp_path):
    """The app of a city that gives the drainage department its code, and an intake for it."""
    text = default_file("departments.yaml").read_text("utf-8")
    text = text.replace("{key: drainage,", f"{{key: drainage, code: {CREDIT_CODE},")
    (tmp_path / "departments.yaml").write_text(text, "utf-8")
    matters = load_matters()
    routing = load_routing(matters=matters, departments=load_departments(tmp_path / "departments.yaml"))
    return create_app(store, routing=routing, passwords=QUICK), Intake(store, matters, routing)


@pytest.fixture
def app(coded):
    return coded[0]


def test_the_national_fields_are_filled_from_zones_and_codes_and_the_rest_is_named(coded, browser):
    intake = coded[1]
    district = a_zone(kind="district", code="330802", name="柯城区")
    grid = a_zone(kind="grid", code="330802001001001", name="一号网格")
    road = a_zone(kind="road", code="R1", name="人民路")
    intake.record(an_observation(zones=(road, district, grid), address="人民路 12 号" + "附近" * 200))
    intake.record(an_observation(lonlat=north_of(900), matter="dumping.household", zones=(), address=None))
    chief = browser("chief")

    told = chief.json(EXPORT.format("gbt47678.json"))
    assert "unverified" in told["notice"]
    first, second = told["cases"]
    assert (first["SXDM"], first["ZGBMDM"], first["SZDYWGBSM"]) == ("33080210999", CREDIT_CODE, "330802001001001")
    assert (first["SXMC"], first["ZGBMMC"], len(first["SFWZ"])) == ("道路积水", "市政排水", 256)
    assert [text.split(":")[0] for text in first["missing"]] == ["SXDM", "SFWZ"]
    assert [second[name] for name in ("SXDM", "ZGBMDM", "SFWZ", "SZDYWGBSM")] == [None] * 4
    assert {text.split(":")[0] for text in second["missing"]} == {"SXDM", "ZGBMDM", "SFWZ", "SZDYWGBSM"}

    rows = lines(chief.get(EXPORT.format("gbt47678.csv")))
    assert [row["SXDM"] for row in rows] == ["33080210999", ""]
    tree = etree.fromstring(chief.get(EXPORT.format("gbt47678.xml")).content)
    assert "unverified" in tree.get("notice")
    assert [element.findtext("SXMC") for element in tree] == ["道路积水", "暴露垃圾"]
    assert len(tree[1].findall("missing")) == len(second["missing"])


def test_a_department_code_that_cannot_be_one_is_refused(tmp_path):
    text = default_file("departments.yaml").read_text("utf-8")
    (tmp_path / "departments.yaml").write_text(text.replace("{key: drainage,", "{key: drainage, code: '123',"), "utf-8")
    with pytest.raises(ConfigurationError, match="drainage"):
        load_departments(tmp_path / "departments.yaml")
