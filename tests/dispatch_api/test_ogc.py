"""OGC API - Features: what maps read, by people and keys, each its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
import shapely
from dispatch_builders import NOON, an_observation, north_of
from dispatch_client import Machine
from owslib.ogcapi.features import Features
from running_service import running

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Scope, system_actor
from dispatch_api.app import create_app
from dispatch_api.flights import FlightDesk, ZoneDesk

ITEMS = "/ogc/collections/{}/items"
SQUARE = [[118.86, 28.96], [118.88, 28.96], [118.88, 28.98], [118.86, 28.98], [118.86, 28.96]]


@pytest.fixture
def town(store, intake):
    """Three cases 100 m apart, one of another department, a flight and a zone."""
    near = [intake.record(an_observation(lonlat=north_of(100 * n))) for n in range(3)]
    rubbish = intake.record(an_observation(lonlat=north_of(900), matter="dumping.household", label="rubbish"))
    flights = FlightDesk(store)
    flights.start("flight-1", "晨巡", [north_of(0), north_of(500)], started_at=NOON)
    for metres in (0, 250, 500):
        lon, lat = north_of(metres)
        flights.position("flight-1", NOON + timedelta(seconds=metres), lon, lat, 100.0, 0.0)
    polygon = {"type": "Polygon", "coordinates": [SQUARE]}
    zone = {"type": "Feature", "geometry": polygon, "properties": {"kind": "grid", "code": "G1", "name": "一号网格"}}
    ZoneDesk(store).replace([zone])
    return [one.case_id for one in near], rubbish.case_id


def a_key(store, name: str = "maps", scope: Scope = Scope.FEATURES_READ, **more) -> str:
    return KeyDesk(store).create(name, by=system_actor("test"), scopes=[scope], **more)[0]


def ids(answer) -> list:
    return [feature["id"] for feature in answer["features"]]


def test_everything_is_found_from_the_landing_page(town, browser):
    pilot = browser("pilot")
    links = {link["rel"]: link["href"] for link in browser(None).json("/ogc/")["links"]}
    assert set(links) == {"self", "service-desc", "conformance", "data"}
    assert any(one.endswith("/conf/core") for one in pilot.json(links["conformance"])["conformsTo"])
    described = pilot.json(links["service-desc"])
    assert "/ogc/collections/{collection_id}/items" in described["paths"]
    collections = pilot.json(links["data"])["collections"]
    assert {one["id"] for one in collections} == {"cases", "tasks", "flights", "zones"}
    for one in collections:
        (items,) = [link["href"] for link in one["links"] if link["rel"] == "items"]
        found = pilot.json(items)
        assert found["numberMatched"] == found["numberReturned"] == len(found["features"]) > 0
        again = pilot.json(f"{items}/{found['features'][0]['id']}")
        assert again["properties"] == found["features"][0]["properties"]


@pytest.mark.both_stores
def test_pages_follow_each_other_forwards_and_back_without_gap_or_repeat(town, browser):
    pilot = browser("pilot")
    seen, page = [], pilot.json(ITEMS.format("cases"), limit=3)
    while True:
        seen += ids(page)
        links = {link["rel"]: link["href"] for link in page["links"]}
        if "next" not in links:
            break
        page = pilot.json(links["next"])
    assert seen == [*town[0], town[1]]
    assert ids(pilot.json(links["prev"])) == town[0]


@pytest.mark.both_stores
def test_place_and_time_choose_items(town, intake, browser):
    later = NOON + timedelta(days=2)
    late = intake.record(an_observation(lonlat=north_of(4000), first_seen_at=later, last_seen_at=later))
    pilot = browser("pilot")

    def asked(collection="cases", **wanted):
        return ids(pilot.json(ITEMS.format(collection), **wanted))

    (west, south), (east, north) = north_of(-50, east_m=-50), north_of(150, east_m=50)
    box = f"{west},{south},{east},{north}"
    assert asked(bbox=box) == town[0][:2]
    assert asked(bbox=f"{west},{south},0,{east},{north},500") == town[0][:2]
    assert len(asked("flights", bbox=box)) == len(asked("zones", bbox=box)) == 1
    assert asked("flights", bbox="0,0,1,1") == asked("zones", bbox="0,0,1,1") == []
    # From 170° east over the meridian of 180° to 119° east: the whole town lies in it, and nothing of it in the rest.
    assert len(asked(bbox="170,-10,119,40")) == 5
    assert asked(bbox="170,-10,-170,40") == []
    for text in ("2026-11-25", "2026-11-25T00:00:00Z/..", "2026-11-24T00:00:00+08:00/2026-12-01T00:00:00Z"):
        assert asked(datetime=text) == [late.case_id], text
    assert set(asked(datetime="../2026-11-23T23:00:00Z")) == {*town[0], town[1]}
    assert asked("flights", datetime="2026-11-25T00:00:00Z/..") == []


@pytest.mark.parametrize(
    "query",
    [
        {"bbox": "1,2,3"}, {"bbox": "1,2,3,x"}, {"bbox": "0,10,1,5"}, {"bbox": "0,0,400,1"}, {"bbox": "nan,0,1,1"},
        {"datetime": "yesterday"}, {"datetime": "2026-01-02/2026-01-01"}, {"datetime": "../.."}, {"limit": "0"},
        {"offset": "-1"}, {"colour": "red"}, {"f": "html"},
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_or_that_nobody_knows_is_400(town, browser, query):
    answer = browser("pilot").get(ITEMS.format("cases"), **query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("collection", ["cases", "tasks", "flights", "zones"])
@pytest.mark.parametrize("key", ["abc", "-1", "0", "1.5", "१", "9" * 19, "9" * 40])
def test_an_item_that_nobody_has_is_404(town, browser, collection, key):
    assert browser("pilot").get(f"{ITEMS.format(collection)}/{key}").status_code == 404


def test_each_sees_its_own_and_a_key_what_it_is_kept_to(town, store, browser, app):
    def seen(asker, collection):
        return set(ids(asker.json(ITEMS.format(collection))))

    near, rubbish = town
    everything = {*near, rubbish}
    key = Machine(app, a_key(store))
    own = Machine(
        app,
        KeyDesk(store).create("own", by=system_actor("test"), scopes=[Scope.FEATURES_READ], department="drainage")[0],
    )
    assert seen(browser("chief"), "cases") == seen(key, "cases") == everything
    assert seen(browser("drainer"), "cases") == seen(own, "cases") == set(near)
    assert seen(browser("drainer"), "flights") == set()
    assert len(seen(browser("drainer"), "tasks")) == 3 < len(seen(key, "tasks"))
    assert browser("drainer").get(ITEMS.format("cases") + f"/{rubbish}").status_code == 404
    assert browser(None).get(ITEMS.format("cases")).status_code == 401
    assert browser("keeper").get(ITEMS.format("cases")).status_code == 403
    other = Machine(app, a_key(store, "in", Scope.SIGHTINGS_WRITE))
    assert other.get(ITEMS.format("cases")).status_code == 403
    for asker in (key, own, other):
        asker.close()


@pytest.fixture
def served(store, people, town):
    with running(create_app(store)) as address:
        yield address


# In a process of its own: while GDAL waits for an answer it holds the interpreter, and our server could not give one.
GDAL = """
import json, sys
import pyogrio, pyogrio.raw, shapely
source, box = sys.argv[1], tuple(map(float, sys.argv[2].split(",")))
def read(layer, **more):
    meta, _, wkb, columns = pyogrio.raw.read(source, layer=layer, **more)
    table = {name: list(map(str, column)) for name, column in zip(meta["fields"], columns)}
    return {"table": table, "shapes": [geometry.wkt for geometry in shapely.from_wkb(wkb)]}
layers = [str(name) for name, _ in pyogrio.list_layers(source)]
print(json.dumps({"layers": layers, "all": {name: read(name) for name in layers}, "inside": read("cases", bbox=box)}))
"""


def test_gdal_reads_every_collection_with_a_key(served, store, town):
    lon, lat = north_of(0)
    box = f"{lon - 0.0005},{lat - 0.0005},{lon + 0.0005},{lat + 0.0005}"
    environment = {
        **os.environ,
        "GDAL_HTTP_AUTH": "BEARER",
        "GDAL_HTTP_BEARER": a_key(store),
        "GDAL_HTTP_TIMEOUT": "60",
    }
    command = [sys.executable, "-c", GDAL, f"OAPIF:{served}/ogc", box]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["layers"]) == {"cases", "tasks", "flights", "zones"}
    table = found["all"]["cases"]["table"]
    assert set(table["case_id"]) == {*town[0], town[1]}
    assert set(table["matter_zh"]) == {"道路积水", "暴露垃圾"}
    places = [shapely.from_wkt(text).coords[0] for text in found["all"]["cases"]["shapes"]]
    assert min(places, key=lambda place: place[1]) == pytest.approx((lon, lat), abs=1e-7)
    assert found["all"]["flights"]["shapes"][0].startswith("LINESTRING")
    assert found["all"]["zones"]["shapes"][0].startswith("POLYGON")
    assert found["inside"]["table"]["case_id"] == [town[0][0]]


def test_owslib_reads_it_too(served, store, town):
    client = Features(f"{served}/ogc/", headers={"Authorization": f"Bearer {a_key(store)}"})
    assert set(client.feature_collections()) == {"cases", "tasks", "flights", "zones"}
    first = client.collection_items("cases", limit=2)
    assert ids(first) == town[0][:2]
    assert client.collection_item("cases", town[1])["properties"]["matter"] == "dumping.household"
