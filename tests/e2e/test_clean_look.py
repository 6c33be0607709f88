"""Three flights over one place: a heap lies there, it is gone, it is back. The second flight makes two cases of it."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import replace
from datetime import timedelta

import film_builders as staged
import pytest
from testbed import Bed, BedGround, BedLens, Hills, Lawnmower, Thing

SIZE = (480, 270)
FOCAL_PX = 2500 / math.tan(math.radians(42)) * SIZE[0] / 4000
HEAP = Thing(thing_id="W1", label="waste", east_m=0.0, north_m=2.0, size_en_m=(2.0, 2.0))
GROUND = BedGround(things=(HEAP,), reach_m=60.0, resolution_m=0.1, real=False)
# 7.8 cm per pixel: fine enough for the smallest heap that somebody is sent for.
MONDAY = Bed(
    hills=Hills(relief_m=0.0),
    ground=GROUND,
    flight=Lawnmower(rows=1, row_m=36.0, bearing_deg=90.0, height_m=26.0, speed_m_s=3.0, speed_share=0.0),
    lens=BedLens(size_wh_px=SIZE, focal_px=FOCAL_PX),
)
EMPTY = replace(MONDAY, ground=replace(GROUND, things=()), began_at=MONDAY.began_at + timedelta(days=1))
BACK = replace(MONDAY, began_at=MONDAY.began_at + timedelta(days=2))


@pytest.fixture(scope="module")
def store(flyonce, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    staged.write_model(folder / "models")
    street = {"type": "LineString", "coordinates": [[118.868, 28.95], [118.872, 28.95]]}
    zone = {"type": "Feature", "geometry": street, "properties": {"kind": "street", "code": "s", "width_m": 80}}
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))
    for name, bed in (("monday", MONDAY), ("tuesday", EMPTY), ("wednesday", BACK)):
        (folder / name).mkdir()
        bed.photos(folder / name, every_s=1.0)
        outcome = flyonce(
            "analyze", folder / name, "--zones", folder / "zones.geojson", "--models", folder / "models",
            "--flight-id", name, "--store", f"sqlite:///{folder / 'city.db'}", "--json",
        )  # fmt: skip
        assert outcome.code == 0, outcome.stderr
        assert bool(outcome.result["case_ids"]) == (name != "tuesday")
    return folder / "city.db"


def rows(store, query):
    with sqlite3.connect(store) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def test_what_is_back_after_a_flight_that_found_nothing_is_a_second_case_that_names_the_first(store):
    first, second = rows(store, "select case_id, recurrence_of, repeats, last_seen_at from case_file order by seq")
    assert (first["recurrence_of"], first["repeats"]) == (None, 0)
    assert (second["recurrence_of"], second["repeats"]) == (first["case_id"], 1)
    assert first["last_seen_at"] < second["last_seen_at"]


def test_the_first_case_says_in_its_history_that_it_was_looked_at_again(store):
    (told,) = rows(store, "select why, case_id from event where kind = 'case.clean_look'")
    assert told["case_id"] == rows(store, "select case_id from case_file order by seq limit 1")[0]["case_id"]
    assert told["why"].startswith("tuesday: ")
    assert told["why"].endswith("nothing found")
