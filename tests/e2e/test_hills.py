"""A film over hills, flown by the test bed, through the whole chain: cases where the things lie, and seen ground."""

from __future__ import annotations

import json
import math
import sqlite3

import film_builders as staged
import pytest
from testbed import Bed, BedGround, BedLens, Film, Lawnmower, Planted, Thing

from geo.coverage import CoverageLedger

SIZE = (480, 270)
# The table's generic camera, 84 degrees over the diagonal of 4:3, filming the full width.
FOCAL_PX = 2500 / math.tan(math.radians(42)) * SIZE[0] / 4000
THINGS = tuple(
    Thing(thing_id=f"W{number}", label="waste", east_m=east, north_m=north, size_en_m=(3.0, 3.0))
    for number, (east, north) in enumerate([(-30.0, -12.0), (-2.0, 14.0), (24.0, -14.0)])
)
BED = Bed(
    ground=BedGround(things=THINGS, reach_m=200.0, resolution_m=0.25, real=False),
    flight=Lawnmower(rows=1, row_m=100.0, bearing_deg=90.0, height_m=45.0, pitch_deg=-70.0),
    lens=BedLens(size_wh_px=SIZE, focal_px=FOCAL_PX),
    planted=Planted(bias_en_m=(0.5, -0.4)),
)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hills")
    staged.write_model(folder / "models")
    street = {"type": "LineString", "coordinates": [[118.868, 28.95], [118.872, 28.95]]}
    zone = {"type": "Feature", "geometry": street, "properties": {"kind": "street", "code": "s", "width_m": 80}}
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))
    return BED.film(folder, fps=4, telemetry_hz=4.0)


@pytest.fixture(scope="module")
def store(flyonce, film: Film):
    folder = film.video.parent
    outcome = flyonce(
        "analyze", film.video, "--camera", "generic-84dfov", "--zones", folder / "zones.geojson",
        "--models", folder / "models", "--dem", film.dem, "--store", f"sqlite:///{folder / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["located_frames"] == outcome.result["frames"]
    return folder / "city.db"


def test_every_thing_on_the_hills_is_one_case_at_its_place_but_for_the_planted_offset(store):
    with sqlite3.connect(store) as connection:
        cases = connection.execute("select lon, lat from case_file where label = 'waste'").fetchall()
    here = [BED.hills.en_m([case])[0] for case in cases]
    assert len(here) == len(THINGS)
    for thing in THINGS:
        nearest = min((place - (thing.east_m, thing.north_m) for place in here), key=lambda off: math.hypot(*off))
        assert nearest == pytest.approx(BED.planted.bias_en_m, abs=0.35)


def test_the_ledger_of_that_flight_knows_what_was_seen_and_what_was_not(flyonce, store):
    lon, lat = BED.hills.lonlat([(0.0, 0.0)])[0]
    outcome = flyonce("coverage", "--store", f"sqlite:///{store}", "--at", f"{lon},{lat}", "--size-m", 3, "--json")
    assert outcome.code == 0, outcome.stderr
    seen = outcome.result["spot"]
    assert seen["could_have_seen"] == "yes"
    assert seen["flights"][0]["day"] == "2026-07-01"
    assert 0.10 < seen["flights"][0]["sure_finest_m"] < 0.22
    beside_lon, beside_lat = BED.hills.lonlat([(0.0, 120.0)])[0]
    assert CoverageLedger.of_folder(store.with_name("city-coverage")).looked_at(beside_lon, beside_lat).looks == 0
